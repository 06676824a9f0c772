"""The settings form as native controls, which work with keyboards, phones and screen readers."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any

import solara

from sim.classroom.choice.fields import MAIN_NUMBERS, Field, describe_override, fields_of, unit_in_language
from sim.classroom.choice.form import MOST_DAYS, Form, put
from sim.classroom.choice.parse import without
from sim.classroom.digits import number_in
from sim.classroom.parts import Note, Press
from sim.classroom.texts import texts_of
from sim.configuration.overrides import Override
from sim.errors import PanjError

AFGHANS = ("reinforcement", "capacity", "morale", "air_support", "taliban")
TAJIKS = ("border", "mobilisation")
MODEL = ("theory", "calibration", "end_date")
PARTS = {
    "part_start": ("scenario",),
    "part_decisions": AFGHANS,
    "part_river": TAJIKS,
    "part_model": MODEL,
    "part_numbers": MAIN_NUMBERS,
}
FOLDED = ("part_model", "part_numbers")
STEPS = 100  # number of steps of a slider


@solara.component_vue("form.vue")
def Controls(parts: list[dict[str, Any]], labels: dict[str, str], event_put: Callable[[Any], None]) -> None:
    """Show the settings form; `event_put` receives a mapping with the `key` and the new `value` of a field."""


@solara.component
def FormPart(form: Form, on_form: Callable[[Form], None]) -> None:
    """Show the form of a choice of settings, with an error next to a field whose new value is invalid.

    Args:
        form: The choice of settings.
        on_form: Called with the changed form.
    """
    texts = texts_of("change")
    refused = solara.use_reactive(dict[str, str]())

    def take(given: Any) -> None:
        key, value = given_of(given)
        if key not in fields_of():
            return
        try:
            on_form(put(form, key, cast(fields_of()[key], value)))
            refused.set({})
        except PanjError as error:
            refused.set({key: str(error)})

    labels = {key: texts.say(key) for key in ("changed", "back", "left", "what")}
    Controls(
        parts=[part_of(title, keys, form, refused.value) for title, keys in PARTS.items()],
        labels=labels,
        event_put=take,
    )
    Others(form, on_form)


@solara.component
def Others(form: Form, on_form: Callable[[Form], None]) -> None:
    """Show the settings that have no field, each with a button that removes it."""
    texts = texts_of("change")
    others = form.overrides().without(fields_of())
    if not others:
        return

    def take_out(override: Override) -> None:
        on_form(without(form, override))

    Note(texts.say("others"))
    for override in others:
        with solara.Div(classes=["panj-other"]):
            solara.Text(describe_override(override))
            Press(texts.say("take_out"), on_click=partial(take_out, override))


def given_of(given: Any) -> tuple[str, Any]:
    """Return the key and value sent by a browser, each truncated to 60 characters."""
    if not isinstance(given, Mapping):
        return "", None
    value = given.get("value")
    return str(given.get("key", ""))[:60], value if value is None else str(value)[:60]


def cast(field: Field, value: str | None) -> str | float | None:
    """Convert the value of a number field to a float, or raise PanjError; return values of other fields unchanged."""
    if field.number is None or value is None:
        return value
    number = number_in(value)
    if number is None:
        raise PanjError(f"{field.key}: found '{value}', expected a number")
    return number


def part_of(title: str, keys: tuple[str, ...], form: Form, errors: Mapping[str, str]) -> dict[str, Any]:
    """Return a part of the form with its fields, for the browser."""
    texts = texts_of("change")
    fields = [plain(fields_of()[key], form, errors.get(key, "")) for key in keys]
    changed = sum(field["changed"] for field in fields)
    is_open = None if title not in FOLDED else bool(changed)
    return {
        "title": texts.say(title),
        "about": texts.say(f"{title}.about"),
        "fields": fields,
        "open": is_open,
        "changed": changed,
    }


def plain(field: Field, form: Form, error: str) -> dict[str, Any]:
    """Return a field with its value and error, for the browser."""
    value = form.value(field.key)
    is_changed = field.key in form.chosen or field.key in form.dates or field.key in form.numbers
    told: dict[str, Any] = {
        "key": field.key, "label": field.label, "help": field.help, "value": value, "changed": is_changed,
        "error": error, "kind": "choice" if field.options else "number" if field.number else "date",
        "chosen": None, "range": "",
    }  # fmt: skip
    if field.options:
        chosen = next((option for option in field.options if option.name == value), field.options[0])
        return {**told, "options": [option._asdict() for option in field.options], "chosen": chosen._asdict()}
    if field.number is None:
        start = date.fromisoformat(str(form.value("start_date")))
        return {**told, "low": (start + timedelta(1)).isoformat(), "high": (start + timedelta(MOST_DAYS)).isoformat()}
    return {**told, **of_number(field)}


def of_number(field: Field) -> dict[str, Any]:
    """Return the range, unit and source of a number for the browser, and the range of its slider.

    The slider covers the prior of the number or, if it has none, the whole range.
    """
    texts, number = texts_of("change"), field.number
    assert number is not None
    low, high = field.prior_range or (number.low, number.high)
    said = texts.say(
        "range",
        low=f"{number.low:,g}",
        high=f"{number.high:,g}",
        unit=unit_in_language(number),
        declared=f"{number.value:,g}",
        source=texts.quoted(number.source),
    )
    if field.prior_range:
        said += " " + texts.say("believed", low=f"{low:,g}", high=f"{high:,g}")
    step = 1 if number.is_whole else float(f"{(high - low) / STEPS:.1g}")
    return {"low": number.low, "high": number.high, "slide": [low, high], "step": step, "declared": number.value,
            "unit": unit_in_language(number), "range": said}  # fmt: skip
