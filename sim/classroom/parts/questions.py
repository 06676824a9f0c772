"""A few questions and a button, as the browser itself has them: dates and choices. The page checks what comes back.

The decisions of a claim as fields of a sheet.

Which campaign is shown: a seed that can be typed, and one that is rolled.

Sentences of a campaign as lists, by day where they have one.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from html import escape
from typing import Any, NamedTuple

import solara

from sim.classroom.choice.fields import POLICIES, chosen_in, fields_of
from sim.classroom.choice.form import Overrides
from sim.classroom.hooks import seed
from sim.classroom.parts import Press, Trouble, Wide
from sim.classroom.parts.sheet import Field, one_of
from sim.classroom.texts import texts_of
from sim.errors import PanjError
from sim.plots.colours import SIMULATED

LONGEST = 60  # letters of what comes back


class Option(NamedTuple):
    """One of several, with a sentence that says what it is."""

    value: str
    text: str
    help: str = ""


@solara.component_vue("questions.vue")
def Sent(fields: list[dict[str, Any]], button: str, colour: str, event_sent: Callable[[dict[str, Any]], None]) -> None:
    """What the browser is given."""


@solara.component
def Questions(fields: Sequence[Mapping[str, Any]], button: str, on_sent: Callable[[dict[str, str]], None]) -> None:
    """Made by `day_field` and `choice_field`; `on_sent` hears the answers as short texts."""
    names = [str(field["name"]) for field in fields]

    def sent(given: dict[str, Any]) -> None:
        """Only what was asked for, and no more of it than fits."""
        on_sent({name: str(given.get(name) or "")[:LONGEST] for name in names})

    Sent(fields=[dict(field) for field in fields], button=button, colour=SIMULATED, event_sent=sent)


def day_field(name: str, label: str, value: date, low: date, high: date, help: str = "") -> dict[str, Any]:
    """A date between two others."""
    return {"name": name, "label": label, "kind": "date", "value": value.isoformat(), "low": low.isoformat(),
            "high": high.isoformat(), "help": help}  # fmt: skip


def choice_field(name: str, label: str, value: str, groups: Mapping[str, Sequence[Option]]) -> dict[str, Any]:
    """One of several, in groups with names."""
    shown = [{"label": group, "options": [one._asdict() for one in options]} for group, options in groups.items()]
    return {"name": name, "label": label, "kind": "select", "value": value, "groups": shown, "help": ""}


def read_day(key: str, text: str) -> date:
    """A date; PanjError names the key."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise PanjError(f"{key}: found '{text}', expected a date such as 2021-07-04") from None


def decision_fields(overrides: Overrides, **more: Any) -> list[Field]:
    """A field a policy group, as these words choose."""
    chosen, fields = chosen_in(overrides), fields_of()
    return [
        one_of(
            group, fields[group].label, chosen[group],
            [{"value": one.name, "text": one.label, "help": one.help} for one in fields[group].options], **more,
        )
        for group in POLICIES
    ]  # fmt: skip


MOST = 9999


@solara.component
def SeedForm() -> None:
    """The seed of the session; `roll again` draws another."""
    texts = texts_of("watch")
    text, set_text = solara.use_state(str(seed.value))
    trouble, set_trouble = solara.use_state("")

    def show(given: str) -> None:
        """Take it if it is one."""
        set_text(given)
        try:
            seed.set(read_seed(given))
            set_trouble("")
        except PanjError as error:
            set_trouble(str(error))

    with solara.Div(classes=["seed-form"]):
        solara.InputText(texts.say("seed", most=MOST), value=text, on_value=show, dense=True)
        Press(texts.say("again"), lambda: show(str(secrets.randbelow(MOST + 1))), is_main=True)
    Trouble(trouble)


def read_seed(given: str) -> int:
    """A whole number within bounds; PanjError says what was found."""
    text = given.strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST)) and int(text) <= MOST):
        raise PanjError(texts_of("watch").say("bad_seed", found=text[:20], most=MOST))
    return int(text)


def listed(sentences: Sequence[str]) -> str:
    """A list in HTML; every letter is shown as it is."""
    return f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in sentences)}</ul>"


@solara.component
def Sentences(sentences: Sequence[str]) -> None:
    """One after the other."""
    solara.HTML("div", unsafe_innerHTML=listed(sentences), classes=["prose"])


@solara.component
def Table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str, look: str = "table") -> None:
    """Words and numbers in rows; the first cell of a row names it; `look` is a class of the style sheet."""
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    said = f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    with Wide(caption):
        solara.HTML("table", unsafe_innerHTML=said, classes=[look])
