"""A form of native controls with one button; it returns short texts, which the page has to check."""

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
    """Show the controls."""


@solara.component
def Sheet(fields: Sequence[Field], button: str, on_sent: Callable[[Given], None]) -> None:
    """Show a form; what is typed stays in the browser until it is sent.

    Args:
        fields: The fields, in order.
        button: Label of the button.
        on_sent: Receives one text per field, by name; a tick box gives `yes` or an empty text.
    """

    def sent(given: object) -> None:
        """Pass on the values of known fields, shortened."""
        found = given if isinstance(given, Mapping) else {}
        on_sent({str(field["name"]): as_text(found.get(field["name"])) for field in fields})

    SheetInVue(fields=[dict(field) for field in fields], button=button, event_sent=sent)


def as_text(value: object) -> str:
    """Convert a value that a browser sent to a text of limited length."""
    if isinstance(value, bool):
        return "yes" if value else ""
    return str(value if value is not None else "")[:LONGEST]


def text_field(name: str, label: str, value: str = "", most: int = 60, **more: Any) -> Field:
    """Create a field for one line of text.

    Args:
        name: Name of the field.
        label: Label of the field.
        value: Text that is filled in.
        most: Maximum number of characters.
        more: Further properties: `help` is shown below the field, `mode` selects the keyboard of a phone.

    Returns:
        The field, for `Sheet`.
    """
    return {"name": name, "label": label, "kind": "text", "value": value, "most": most, **more}


def lines_field(name: str, label: str, value: str, most: int) -> Field:
    """Create a field for several lines of text.

    Args:
        name: Name of the field.
        label: Label of the field.
        value: Text that is filled in.
        most: Maximum number of characters.

    Returns:
        The field, for `Sheet`.
    """
    return {"name": name, "label": label, "kind": "lines", "value": value, "most": most}


def one_of(
    name: str, label: str, value: str, options: Sequence[Mapping[str, str]], kind: str = "select", **more: Any
) -> Field:
    """Create a field with several options, of which one is selected.

    Args:
        name: Name of the field.
        label: Label of the field.
        value: Value of the option that is selected.
        options: Options with `value`, `text` and optionally `help` and `group`.
        kind: `select` for a list, `radio` for buttons.
        more: Further properties of the field.

    Returns:
        The field, for `Sheet`.
    """
    return {
        "name": name,
        "label": label,
        "kind": kind,
        "value": value,
        "options": [dict(one) for one in options],
        **more,
    }


def day_field(name: str, label: str, value: date, low: date, high: date, help: str = "") -> Field:
    """Create a field for a date.

    Args:
        name: Name of the field.
        label: Label of the field.
        value: Date that is filled in.
        low: First date allowed.
        high: Last date allowed.
        help: Text below the field.

    Returns:
        The field, for `Sheet`.
    """
    dates = {"value": value.isoformat(), "low": low.isoformat(), "high": high.isoformat()}
    return {"name": name, "label": label, "kind": "date", "help": help, **dates}


def read_day(key: str, text: str) -> date:
    """Read a date that a browser sent.

    Args:
        key: Key for the message of an error.
        text: The date as YYYY-MM-DD.

    Returns:
        The date.

    Raises:
        PanjError: The text is not a date.
    """
    return date.fromisoformat(date_of(key, text))


def tick(name: str, label: str, is_on: bool = False, **more: Any) -> Field:
    """Create a tick box.

    Args:
        name: Name of the field.
        label: Label of the field.
        is_on: Whether it is ticked.
        more: Further properties of the field.

    Returns:
        The field, for `Sheet`.
    """
    return {"name": name, "label": label, "kind": "check", "value": is_on, **more}
