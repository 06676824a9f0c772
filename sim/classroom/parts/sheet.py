"""A sheet to fill in, of the browser's own controls, and one button; what comes back is short text, to be checked."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import solara

LONGEST = 400  # letters of what comes back
Field = Mapping[str, Any]
Options = Sequence[Mapping[str, str]]
Given = dict[str, str]  # by name of the field; a tick is `yes` or nothing


@solara.component_vue("sheet.vue")
def SheetInVue(fields: list[dict[str, Any]], button: str, event_sent: Callable[[Any], None]) -> None:
    """In the browser."""


@solara.component
def Sheet(fields: Sequence[Field], button: str, on_sent: Callable[[Given], None]) -> None:
    """Fields in their order; what is typed stays in the browser until it is sent."""

    def sent(given: object) -> None:
        """Only what was asked for, and no more of it than fits."""
        found = given if isinstance(given, Mapping) else {}
        on_sent({str(field["name"]): as_text(found.get(field["name"])) for field in fields})

    SheetInVue(fields=[dict(field) for field in fields], button=button, event_sent=sent)


def as_text(value: object) -> str:
    """What a browser sent, whatever it is."""
    if isinstance(value, bool):
        return "yes" if value else ""
    return str(value if value is not None else "")[:LONGEST]


def text_field(name: str, label: str, value: str = "", most: int = 60, **more: Any) -> Field:
    """One line; `help` stands below it, `mode` is the keyboard of a telephone."""
    return {"name": name, "label": label, "kind": "text", "value": value, "most": most, **more}


def lines_field(name: str, label: str, value: str, most: int) -> Field:
    """Some lines."""
    return {"name": name, "label": label, "kind": "lines", "value": value, "most": most}


def one_of(
    name: str, label: str, value: str, options: Sequence[Mapping[str, str]], kind: str = "select", **more: Any
) -> Field:
    """One of several; each has `value` and `text`, and perhaps `help`."""
    return {
        "name": name,
        "label": label,
        "kind": kind,
        "value": value,
        "options": [dict(one) for one in options],
        **more,
    }


def tick(name: str, label: str, is_on: bool = False, **more: Any) -> Field:
    """Yes or no."""
    return {"name": name, "label": label, "kind": "check", "value": is_on, **more}
