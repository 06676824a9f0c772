"""A form of native controls with one button, which returns short texts that the page must check."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import solara

from sim.classroom.choice.form import date_of
from sim.classroom.texts import texts_of

LONGEST = 400  # largest number of characters of a returned text, unless its field allows more
VERSION = "version"  # key for the version of the values that a visitor saw
Field = Mapping[str, Any]
Given = dict[str, str]  # texts, keyed by name of the field; a tick box gives `yes` or an empty string


@solara.component_vue("sheet.vue")
def SheetInVue(sheet: dict[str, Any], event_sent: Callable[[Any], None]) -> None:
    """Show a form; `event_sent` receives the values of its fields, `given`, and the `version` that was shown."""


@solara.component
def Sheet(
    fields: Sequence[Field],
    button: str,
    on_sent: Callable[[Given], None],
    trouble: str = "",
    version: str = "",
    own: str = "",
) -> None:
    """Show a form; typed values stay in the browser until the button is pressed.

    New values from the server replace all values of the form at once. While the form is in use, it only announces them
    and lets the visitor decide. A form always sends the values that it shows.

    Args:
        fields: The fields, in order.
        button: Label of the button.
        on_sent: Called with one text per field, keyed by name; a tick box gives `yes` or an empty string. The key
            `VERSION` contains the version of the values that the visitor saw.
        trouble: Message of an error, shown next to the button.
        version: Version of the values, for forms whose values other people can change.
        own: Version sent or chosen by this visitor, whose values may replace those in the form even while it is in use.
    """

    def sent(found: object) -> None:
        """Pass the values of known fields to `on_sent`, as texts of limited length."""
        message = found if isinstance(found, Mapping) else {}
        given = message.get("given")
        given = given if isinstance(given, Mapping) else {}
        texts = {str(field["name"]): as_text(given.get(field["name"]), field) for field in fields}
        on_sent({**texts, VERSION: as_text(message.get("version"), {})})

    texts = texts_of("sheet")
    sheet = {
        "fields": [dict(field) for field in fields], "button": button, "trouble": trouble, "version": version,
        "own": own, **{key: texts.say(key) for key in ("news", "show", "keep")},
    }  # fmt: skip
    SheetInVue(sheet=sheet, event_sent=sent)


def as_text(value: object, field: Field) -> str:
    """Convert a value from a browser to text, truncated to the length of its field; a ticked box becomes `yes`."""
    if isinstance(value, bool):
        return "yes" if value else ""
    return str(value if value is not None else "")[: max(LONGEST, int(field.get("most", 0)))]


def kept_field(name: str, label: str, value: str, most: int) -> Field:
    """Create a field that shows a value and sends it, but does not let the visitor change it.

    Args:
        name: Name by which the page receives the value.
        label: Text that describes the value; empty to show nothing.
        value: The value.
        most: Maximum number of characters of the value.

    Returns:
        The field, for `Sheet`.
    """
    return {"name": name, "label": label, "kind": "kept", "value": value, "most": most}


def text_field(name: str, label: str, value: str = "", most: int = 60, **more: Any) -> Field:
    """Create a field for one line of text.

    Args:
        name: Name by which the page receives the value of the field.
        label: Text shown next to the field.
        value: Text with which the field is filled initially.
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
        value: Text with which the field is filled initially.
        most: Maximum number of characters.

    Returns:
        The field, for `Sheet`.
    """
    return {"name": name, "label": label, "kind": "lines", "value": value, "most": most}


def one_of(
    name: str, label: str, value: str, options: Sequence[Mapping[str, str]], kind: str = "select", **more: Any
) -> Field:
    """Create a field with several options, one of them selected.

    Args:
        name: Name by which the page receives the value of the field.
        label: Text shown next to the field.
        value: Value of the option that is selected initially.
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
        value: Date with which the field is filled initially.
        low: First date allowed.
        high: Last date allowed.
        help: Text below the field.

    Returns:
        The field, for `Sheet`.
    """
    dates = {"value": value.isoformat(), "low": low.isoformat(), "high": high.isoformat()}
    return {"name": name, "label": label, "kind": "date", "help": help, **dates}


def read_day(key: str, text: str) -> date:
    """Parse a date sent by a browser.

    Args:
        key: Key at the beginning of an error message.
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
        is_on: Whether the box is ticked initially.
        more: Further properties of the field, such as `only`, which makes it depend on another field.

    Returns:
        The field, for `Sheet`.
    """
    return {"name": name, "label": label, "kind": "check", "value": is_on, **more}
