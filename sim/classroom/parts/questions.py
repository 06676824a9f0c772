"""Controls shared by pages: policies, drop-down lists, a field for the seed, lists of sentences, and tables."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import solara

from sim.classroom.choice.fields import POLICIES, chosen_in, fields_of
from sim.classroom.digits import in_ascii
from sim.classroom.hooks import seed, use_attempt
from sim.classroom.parts import Press, Trouble, Wide
from sim.classroom.parts.inline import with_links
from sim.classroom.parts.sheet import Field, one_of
from sim.classroom.texts import texts_of
from sim.configuration.overrides import Overrides
from sim.errors import PanjError


def decision_fields(overrides: Overrides, **more: Any) -> list[Field]:
    """Create one field per policy group, with the help of each option except the default below it.

    Args:
        overrides: The choice of settings; its policies are selected in the fields.
        more: Other properties of every field, such as `only`.

    Returns:
        The fields, for `Sheet`.
    """
    chosen, fields = chosen_in(overrides), fields_of()
    return [
        one_of(
            group, fields[group].label, chosen[group],
            [
                {"value": one.name, "text": one.label, "help": one.help if place else ""}
                for place, one in enumerate(fields[group].options)
            ], **more,
        )
        for group in POLICIES
    ]  # fmt: skip


@solara.component_vue("choose.vue")
def Select(label: str, groups: list[dict[str, Any]], value: str, event_choose: Callable[[Any], None]) -> None:
    """Show a drop-down list; `event_choose` receives the name of the option that was chosen."""


@solara.component
def Choose(
    label: str,
    options: Mapping[str, str],
    value: str,
    on_value: Callable[[str], None],
    groups: Mapping[str, str] | None = None,
) -> None:
    """Show a drop-down list.

    Args:
        label: Label of the list.
        options: The label of each option, keyed by name of the option.
        value: Name of the option that is selected.
        on_value: Called with the name of a newly selected option.
        groups: The heading under which each option is listed, keyed by name of the option; None for no headings.
    """
    rows: dict[str, list[dict[str, str]]] = {}
    for name, said in options.items():
        rows.setdefault((groups or {}).get(name, ""), []).append({"name": name, "label": said})
    Select(
        label=label,
        groups=[{"label": heading, "options": found} for heading, found in rows.items()],
        value=value,
        event_choose=lambda given: on_value(given) if given in options else None,
    )


MOST = 9999  # largest seed


@solara.component
def SeedForm() -> None:
    """Show the field for the visitor's seed, with a button that draws a new seed."""
    with solara.Div(classes=["seed-form"]):
        SeedField()
        Again()


@solara.component
def SeedField() -> None:
    """Show the field for the visitor's seed."""
    texts = texts_of("watch")
    text, set_text = solara.use_state(str(seed.value), key=f"seed {seed.value}")
    trouble, attempt = use_attempt()

    def show(given: str) -> None:
        set_text(given)
        attempt(lambda: seed.set(read_seed(given)))

    solara.InputText(texts.say("seed", most=MOST), value=text, on_value=show, dense=True)
    Trouble(trouble)


@solara.component
def Again() -> None:
    """Show the button that draws a new seed."""
    Press(texts_of("watch").say("again"), lambda: seed.set(secrets.randbelow(MOST + 1)), is_main=True)


def read_seed(given: str) -> int:
    """Parse a seed; raise PanjError if it is not a whole number from 0 to `MOST`."""
    text = in_ascii(given).strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST)) and int(text) <= MOST):
        raise PanjError(texts_of("watch").say("bad_seed", found=text[:20], most=MOST))
    return int(text)


def listed(sentences: Sequence[str]) -> str:
    """Return sentences as an HTML list.

    Args:
        sentences: Plain texts, which are escaped.

    Returns:
        The list as HTML.
    """
    return f"<ul>{''.join(f'<li>{with_links(escape(one))}</li>' for one in sentences)}</ul>"


@solara.component
def Sentences(sentences: Sequence[str]) -> None:
    """Show sentences as a list.

    Args:
        sentences: Plain texts, which are escaped.
    """
    solara.HTML("div", unsafe_innerHTML=listed(sentences), classes=["prose"])


NUMBERS = "panj-numbers"  # class of tables of numbers in the style sheet


def heads_of(said: str) -> list[str]:
    """Return the headings of a table by splitting a text at its semicolons."""
    return [head.strip() for head in said.split(";")]


@solara.component
def Table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str, look: str = "table") -> None:
    """Show a table of texts.

    Args:
        heads: Headings of the columns.
        rows: Texts of each row; the first is the heading of the row.
        caption: Caption of the table.
        look: CSS class of the table.
    """
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    content = f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    with Wide(caption):
        solara.HTML("table", unsafe_innerHTML=with_links(content), classes=[look])
