"""A form of native controls with one button; it returns short texts, which the page must check."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import solara

from sim.classroom.choice.form import date_of

LONGEST = 400  # maximum characters of a returned text
Field = Mapping[str, Any]
Options = Sequence[Mapping[str, str]]
Given = dict[str, str]  # by name of the field; a tick box gives `yes` or an empty text


@solara.component_vue("sheet.vue")
def SheetInVue(fields: list[dict[str, Any]], button: str, event_sent: Callable[[Any], None]) -> None:
    """The controls."""


@solara.component
def Sheet(fields: Sequence[Field], button: str, on_sent: Callable[[Given], None]) -> None:
    """Fields in order; what is typed stays in the browser until it is sent, and `on_sent` gets one text per field."""

    def sent(given: object) -> None:
        """Pass on the values of known fields, shortened."""
        found = given if isinstance(given, Mapping) else {}
        on_sent({str(field["name"]): as_text(found.get(field["name"])) for field in fields})

    SheetInVue(fields=[dict(field) for field in fields], button=button, event_sent=sent)


def as_text(value: object) -> str:
    """A value that a browser sent, as a short text."""
    if isinstance(value, bool):
        return "yes" if value else ""
    return str(value if value is not None else "")[:LONGEST]


def text_field(name: str, label: str, value: str = "", most: int = 60, **more: Any) -> Field:
    """One line of text; `help` is shown below it, `mode` is the keyboard of a phone."""
    return {"name": name, "label": label, "kind": "text", "value": value, "most": most, **more}


def lines_field(name: str, label: str, value: str, most: int) -> Field:
    """Several lines of text."""
    return {"name": name, "label": label, "kind": "lines", "value": value, "most": most}


def one_of(
    name: str, label: str, value: str, options: Sequence[Mapping[str, str]], kind: str = "select", **more: Any
) -> Field:
    """One of several options, each with `value`, `text` and perhaps `help` and `group`."""
    return {
        "name": name,
        "label": label,
        "kind": kind,
        "value": value,
        "options": [dict(one) for one in options],
        **more,
    }


def day_field(name: str, label: str, value: date, low: date, high: date, help: str = "") -> Field:
    """A date between two others."""
    dates = {"value": value.isoformat(), "low": low.isoformat(), "high": high.isoformat()}
    return {"name": name, "label": label, "kind": "date", "help": help, **dates}


def read_day(key: str, text: str) -> date:
    """Read a date that a browser sent; PanjError names the key."""
    return date.fromisoformat(date_of(key, text))


def tick(name: str, label: str, is_on: bool = False, **more: Any) -> Field:
    """A tick box."""
    return {"name": name, "label": label, "kind": "check", "value": is_on, **more}
