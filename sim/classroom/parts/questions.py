"""A few questions and a button, as the browser itself has them: dates and choices. The page checks what comes back."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import solara

from sim.errors import PanjError
from sim.show.colours import SIMULATED

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
