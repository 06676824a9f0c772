"""A form of native controls with one button. It returns short texts, which the page must check."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import solara

from sim.classroom.choice.form import date_of

LONGEST = 400  # maximum characters of a returned text
Field = Mapping[str, Any]
Options = Sequence[Mapping[str, str]]
Given = dict[str, str]  # texts, keyed by name of the field; a tick box gives `yes` or an empty string


@solara.component_vue("sheet.vue")
def SheetInVue(fields: list[dict[str, Any]], button: str, event_sent: Callable[[Any], None]) -> None:
    """Show the fields of a form and its button; `event_sent` receives the values of the fields, keyed by name."""


@solara.component
def Sheet(fields: Sequence[Field], button: str, on_sent: Callable[[Given], None]) -> None:
    """Show a form; what is typed stays in the browser until the button is pressed.

    Args:
        fields: The fields, in order.
        button: Label of the button.
        on_sent: Receives one text per field, keyed by name; a tick box gives `yes` or an empty string.
    """

    def sent(given: object) -> None:
        """Pass the values of known fields to `on_sent`, as texts of limited length."""
        found = given if isinstance(given, Mapping) else {}
        on_sent({str(field["name"]): as_text(found.get(field["name"])) for field in fields})

    SheetInVue(fields=[dict(field) for field in fields], button=button, event_sent=sent)


def as_text(value: object) -> str:
    """Convert a value from a browser to text of at most `LONGEST` characters; a ticked box becomes `yes`."""
    if isinstance(value, bool):
        return "yes" if value else ""
    return str(value if value is not None else "")[:LONGEST]


def text_field(name: str, label: str, value: str = "", most: int = 60, **more: Any) -> Field:
    """Create a field for one line of text.

    Args:
        name: Name by which the page receives the value of the field.
        label: Text shown next to the field.
        value: Text with which the field is filled at first.
        most: Maximum number of characters.
        more: Further properties: `help` is a text below the field, `mode` selects the keyboard of a phone, and `only`
            makes the field depend on another field.

    Returns:
        The field, for `Sheet`.
    """
    return {"name": name, "label": label, "kind": "text", "value": value, "most": most, **more}


def lines_field(name: str, label: str, value: str, most: int) -> Field:
    """Create a field for several lines of text.

    Args:
        name: Name by which the page receives the value of the field.
        label: Text shown next to the field.
        value: Text with which the field is filled at first.
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
        name: Name by which the page receives the value of the field.
        label: Text shown next to the field.
        value: Value of the option that is selected at first.
        options: Options with `value`, `text` and optionally `help` and `group`.
        kind: `select` for a drop-down list, `radio` for radio buttons.
        more: Further properties of the field, such as `only`, which makes it depend on another field.

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
        name: Name by which the page receives the value of the field.
        label: Text shown next to the field.
        value: Date with which the field is filled at first.
        low: First date allowed.
        high: Last date allowed.
        help: Text below the field.

    Returns:
        The field, for `Sheet`.
    """
    dates = {"value": value.isoformat(), "low": low.isoformat(), "high": high.isoformat()}
    return {"name": name, "label": label, "kind": "date", "help": help, **dates}


def read_day(key: str, text: str) -> date:
    """Parse a date that a browser sent.

    Args:
        key: Key with which the message of an error begins.
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
        name: Name by which the page receives the value of the field.
        label: Text shown next to the field.
        is_on: Whether the box is ticked at first.
        more: Further properties of the field, such as `only`, which makes it depend on another field.

    Returns:
        The field, for `Sheet`.
    """
    return {"name": name, "label": label, "kind": "check", "value": is_on, **more}
