"""Fields of the settings form, decisions that a claim may change, and descriptions of choices of settings.

Reads configs/ for the choices, and for the numbers with their units, ranges and sources; configs/priors.yaml for the
      ranges assumed before any fit; text/<language>/form.yaml for labels and help.
"""

from collections.abc import Mapping
from functools import cache, partial
from typing import Any, NamedTuple

from sim.classroom.choice.form import Form, put, short_key
from sim.classroom.choice.parse import read_overrides
from sim.classroom.texts import Texts, current_language, declared, texts_of
from sim.configuration.changes import TRAITS, Words, describe_changes, describing_groups, section_of
from sim.configuration.draws import read_priors
from sim.configuration.numbers import Number, declared_numbers
from sim.configuration.overrides import EVENTS, Override, Overrides, choices_of
from sim.errors import PanjError
from sim.wording import Language, name_of_post

POLICIES = ("reinforcement", "morale", "air_support", "taliban", "border", "mobilisation")
GROUPS_SHOWN = ("scenario", *POLICIES, "capacity", "theory", "calibration")
LAST_DAY = "end_date"
MAIN_NUMBERS = (
    "rules.calls.flights_per_day",
    "rules.founding.commando_columns",
    "rules.supply.eaten_per_day",
    "rules.morale.base",
    "rules.morale.contagion",
    "rules.morale.unanswered",
    "rules.news.province",
    "rules.news.fade_days",
    "rules.combat.air_support",
    "rules.advance.gather_days",
    "rules.retreat.post_km",
    "rules.flight.daily_share",
    "rules.flight.frontier_share",
)
PAGE = "form"


class Option(NamedTuple):
    """One choice of a group, with its label, a sentence about it, and a help text that also says what it changes."""

    name: str
    label: str
    about: str
    help: str


class Field(NamedTuple):
    """One field of the form: a number of a rule (`number` is set), a choice (`options` is not empty), or a date."""

    key: str
    label: str
    help: str
    options: tuple[Option, ...] = ()
    number: Number | None = None
    prior_range: tuple[float, float] | None = None  # bounds of the prior; None for a number without a prior

    def describe(self, value: str | float | None) -> str:
        """Format a value of the field: the label of a choice, a number with its unit, or a date."""
        if self.number is not None:
            return "" if value is None else f"{value:,g} {unit_in_language(self.number)}"
        return next((option.label for option in self.options if option.name == value), str(value))


def unit_in_language(number: Number) -> str:
    """Return the unit of a number in the language in use."""
    return declared("units", number.unit, number.unit)


def meaning_in_language(number: Number) -> str:
    """Return the meaning of a number in the language in use."""
    return declared("numbers", number.meaning, number.meaning)


def fields_of() -> dict[str, Field]:
    """Return the fields of the form, with labels and help in the language in use.

    Returns:
        The fields, keyed by `Field.key`, in the order of the form.

    Raises:
        PanjError: The text of a label or help is missing.
    """
    return fields_in(current_language())


@cache
def fields_in(language: str) -> dict[str, Field]:
    """Return the fields of the form, as `fields_of` does, in a given language."""
    texts = texts_of(PAGE, language)
    ranges = {prior.key: (prior.low, prior.high) for prior in read_priors()}
    groups = [
        Field(
            key, texts.say(key), texts.say(f"{key}.help"), tuple(option_of(key, name, texts) for name in order_of(key))
        )
        for key in GROUPS_SHOWN
    ]
    numbers = [
        Field(
            key,
            texts.say(key),
            texts.say(f"{key}.help"),
            number=declared_numbers()[key],
            prior_range=ranges.get(key),
        )
        for key in MAIN_NUMBERS
    ]
    last = Field(LAST_DAY, texts.say(LAST_DAY), texts.say(f"{LAST_DAY}.help"))
    return {field.key: field for field in (*groups, last, *numbers)}


def order_of(group: str) -> list[str]:
    """Return the names of the choices in a group: the default, then the others in alphabetical order."""
    usual = str(Form().value(group))
    return [usual, *(name for name in choices_of(group) if name != usual)]


def option_of(group: str, name: str, texts: Texts) -> Option:
    """Return one choice of a group with its label and a help text that describes what it changes."""
    try:
        label, said = texts.say(f"{group}.{name}"), texts.say(f"{group}.{name}.help")
    except PanjError:
        own = section_of(group, name)
        label, said = own.get("title") or name.replace("_", " "), str(own.get("about", ""))
    found = describe_changes(group, name) if group in describing_groups() else ()
    changes = "; ".join(one.described(partial(words_in, texts)) for one in found)
    return Option(name, label, said, texts.say("option_changes", help=said, changes=changes) if changes else said)


def words_in(texts: Texts, words: Words) -> str:
    """Return part of the description of a change in a language or, if not translated, in English and marked as such.

    Groups and choices are described by the labels of the form, other parts by declared.yaml.
    """
    if words.kind in ("groups", "choices"):
        return texts.say(words.name) if words.name in texts.page else texts.quoted(words.text)
    return declared(words.kind, words.name, texts.quoted(words.text))


def describe_change(form: Form, base: Form) -> str:
    """Describe how a form differs from another.

    Args:
        form: The form to describe.
        base: The form to compare with; `Form()` is the baseline.

    Returns:
        The changes, separated by semicolons, such as `Help for garrisons: Every call is answered; The border: Closed`.
    """
    texts, fields = texts_of(PAGE), fields_of()
    changed = [
        describe_value(field, value)
        if (value := form.value(key)) is not None
        else texts.say("change_back", label=field.label)
        for key, field in fields.items()
        if form.value(key) != base.value(key) and not is_of_scenario(key, form, base)
    ]
    ours, theirs = ({row.text: row for row in form.overrides().without(fields)} for form in (form, base))
    changed += [describe_override(row) for text, row in sorted(ours.items()) if text not in theirs]
    changed += [
        texts.say("change_gone", change=describe_override(row))
        for text, row in sorted(theirs.items())
        if text not in ours
    ]
    return texts.say("nothing_changed") if not changed else "; ".join(changed)


def describe_value(field: Field, value: Any) -> str:
    """Describe a field with its new value, such as `The border: Closed`."""
    key = "change_number" if field.number else "change_choice"
    return texts_of(PAGE).say(key, label=field.label, value=field.describe(value))


def describe_override(override: Override) -> str:
    """Describe a change that no field of the form can show, so that visitors never see an override.

    Args:
        override: One override of a form, such as `rules.news.country=0.001` or `+scenario.attention={Northern:2}`.

    Returns:
        The change, such as `Dread from a fall anywhere: 0.001 per fall`.
    """
    texts, key = texts_of(PAGE), override.key
    if override.is_number:
        number = declared_numbers()[key]
        return texts.say(
            "other_number",
            meaning=meaning_in_language(number),
            value=f"{override.number:,g}",
            unit=unit_in_language(number),
        )
    if key.startswith(EVENTS):
        name, _, column = key.removeprefix(EVENTS).partition(".")
        if override.deletes:
            return texts.say("other_struck", event=in_words(name))
        return texts.say("other_event", event=in_words(name), column=column, value=override.value)
    section = key.removeprefix("scenario.")
    said = override.value if isinstance(override.value, Mapping) else {section: override.value}
    return "; ".join(describe_section(section, name, value, texts) for name, value in said.items())


def describe_section(section: str, name: str, value: Any, texts: Language) -> str:
    """Describe one entry of a section of a scenario, such as a factor on a number or the admission at a post."""
    if section in ("scale", "shift"):
        meaning = meaning_in_language(declared_numbers()[f"rules.{short_key(name)}"])
        return texts.say(f"other_{section}", meaning=meaning, value=f"{value:g}")
    if section == "attention":
        return texts.say("other_attention", region=declared("regions", name, name), value=f"{value:g}")
    if section == "posts":
        traits = (
            texts.say("other_post", trait=declared("traits", trait, TRAITS.get(trait, trait)), value=f"{each:g}")
            for trait, each in value.items()
        )
        return texts.say("other_at_post", post=name_of_post(name), traits=", ".join(traits))
    if section == "events":
        columns = (f"{column} {each}" for column, each in value.items())
        return texts.say("other_event", event=in_words(name), column=", ".join(columns), value="").rstrip(": ")
    return texts.say("change_choice", label=in_words(name), value=in_words(str(value)))


def in_words(name: str) -> str:
    """Return a name with spaces instead of underscores."""
    return name.replace("_", " ")


def is_of_scenario(key: str, form: Form, base: Form) -> bool:
    """Return whether two forms differ in a field only because they are based on different scenarios.

    Such a difference follows from the field `scenario` and is not described separately.
    """
    is_own = any(key in part for one in (form, base) for part in (one.chosen, one.dates, one.numbers))
    return key != "scenario" and form.scenario != base.scenario and not is_own


def chosen_in(overrides: Overrides) -> dict[str, str]:
    """Return the choice in each policy group.

    Args:
        overrides: The choice of settings.

    Returns:
        The name of the choice, keyed by group.
    """
    form = read_overrides(overrides).form
    return {group: str(form.value(group)) for group in POLICIES}


def overrides_for(given: Mapping[str, str], before: Overrides) -> Overrides:
    """Change the policies in a choice of settings.

    Args:
        given: The new choices, keyed by policy group; a missing group keeps its choice. Other keys are ignored.
        before: The overrides to change.

    Returns:
        The changed overrides.

    Raises:
        PanjError: A choice is unknown.
    """
    form = read_overrides(before).form
    for group in POLICIES:
        if group in given and given[group] != form.value(group):
            form = put(form, group, given[group])
    return form.overrides()


def describe_choice(overrides: Overrides) -> str:
    """Describe a choice of settings in words.

    Args:
        overrides: The choice of settings.

    Returns:
        The differences from the baseline, such as `The border: Closed; Help for garrisons: Every call is answered`.
        Without overrides, a text for the baseline. If the overrides cannot be read into a form, a text that states
        this.
    """
    if not overrides:
        return texts_of("form").say("baseline")
    try:
        return describe_change(read_overrides(overrides).form, Form())
    except PanjError:
        return texts_of("form").say("unreadable")
