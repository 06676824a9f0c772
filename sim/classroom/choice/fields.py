"""The fields of the form, the decisions on the sheet of a claim, and descriptions of a choice of settings.

Reads   configs/ for choices, and for numbers with unit, range and source; configs/priors.yaml for the range of a number
        before any fit; text/<language>/form.yaml for labels and help.
"""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from sim.classroom.choice.form import Form, Overrides, keyed_overrides, put
from sim.classroom.choice.parse import read_overrides
from sim.classroom.texts import texts_of
from sim.errors import PanjError
from sim.settings.changes import describe_changes, describing_groups, section_of
from sim.settings.draws import read_priors
from sim.settings.numbers import Number, declared_numbers
from sim.settings.overrides import choices_of
from sim.wording import Language

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
    """One choice of a group, with label and help."""

    name: str
    label: str
    help: str


class Field(NamedTuple):
    """One field of the form: a number of a rule, a choice with `options`, or a date with neither."""

    key: str
    label: str
    help: str
    options: tuple[Option, ...] = ()
    number: Number | None = None
    believed: tuple[float, float] | None = None  # 90 % range of the prior, for a number that is drawn

    def describe(self, value: str | float | None) -> str:
        """Text for a value: the label of a choice, a number with its unit, or a date."""
        if self.number is not None:
            return "" if value is None else f"{value:,g} {self.number.unit}"
        return next((option.label for option in self.options if option.name == value), str(value))


@cache
def fields_of(language: str = "en") -> dict[str, Field]:
    """Fields by key, in the order of the form; PanjError where a label is missing."""
    texts = texts_of(PAGE, language)
    believed = {prior.key: (prior.low, prior.high) for prior in read_priors()}
    groups = [
        Field(
            key, texts.say(key), texts.say(f"{key}.help"), tuple(option_of(key, name, texts) for name in order_of(key))
        )
        for key in GROUPS_SHOWN
    ]
    numbers = [
        Field(key, texts.say(key), texts.say(f"{key}.help"), number=declared_numbers()[key], believed=believed.get(key))
        for key in MAIN_NUMBERS
    ]
    last = Field(LAST_DAY, texts.say(LAST_DAY), texts.say(f"{LAST_DAY}.help"))
    return {field.key: field for field in (*groups, last, *numbers)}


def order_of(group: str) -> list[str]:
    """Choices of a group: the default first, the others by name."""
    usual = str(Form().value(group))
    return [usual, *(name for name in choices_of(group) if name != usual)]


def option_of(group: str, name: str, texts: Language) -> Option:
    """An option with label, help and what it changes; one that a user added takes them from its own file."""
    try:
        label, said = texts.say(f"{group}.{name}"), texts.say(f"{group}.{name}.help")
    except PanjError:
        own = section_of(group, name)
        label, said = own.get("title") or name.replace("_", " "), str(own.get("about", ""))
    changes = "; ".join(one.long for one in describe_changes(group, name)) if group in describing_groups() else ""
    return Option(name, label, texts.say("option_changes", help=said, changes=changes) if changes else said)


def describe_change(form: Form, base: Form, language: str = "en") -> str:
    """Describe how a form differs from another.

    Args:
        form: a choice of settings.
        base: the one to compare with; `Form()` is the baseline.
        language: of the labels.

    Returns:
        One sentence without a full stop: `Help for garrisons: Every call is answered; The border: Closed`.
    """
    texts, fields = texts_of(PAGE, language), fields_of(language)
    changed = [
        texts.say("change_number" if field.number else "change_choice", label=field.label, value=field.describe(value))
        if (value := form.value(key)) is not None
        else texts.say("change_back", label=field.label)
        for key, field in fields.items()
        if form.value(key) != base.value(key) and not is_of_scenario(key, form, base)
    ]
    ours, theirs = (set(form.overrides()) - own_words(form) for form in (form, base))
    changed += [texts.say("change_other", word=word) for word in sorted(ours - theirs)]
    changed += [texts.say("change_gone", word=word) for word in sorted(theirs - ours)]
    return texts.say("nothing_changed") if not changed else "; ".join(changed)


def is_of_scenario(key: str, form: Form, base: Form) -> bool:
    """Whether a value differs only because the scenario does, and the scenario is listed already."""
    is_own = any(key in part for one in (form, base) for part in (one.chosen, one.dates, one.numbers))
    return key != "scenario" and form.scenario != base.scenario and not is_own


def own_words(form: Form) -> set[str]:
    """Overrides that have a field in the form."""
    return {word for key, word in keyed_overrides(form) if key in fields_of()}


def chosen_in(overrides: Overrides) -> dict[str, str]:
    """Choice of each policy group under these overrides."""
    form = read_overrides(overrides).form
    return {group: str(form.value(group)) for group in POLICIES}


def overrides_for(given: Mapping[str, str], before: Overrides) -> Overrides:
    """Apply the decisions of a sheet to overrides; PanjError for an unknown decision."""
    form = read_overrides(before).form
    for group in POLICIES:
        if group in given and given[group] != form.value(group):
            form = put(form, group, given[group])
    return form.overrides()


def rest_of(overrides: Overrides) -> Overrides:
    """Overrides other than the decisions of the sheet."""
    return tuple(word for word in overrides if word.partition("=")[0] not in POLICIES)


def describe_choice(overrides: Overrides) -> str:
    """A choice as text: `The border: Closed; Help for garrisons: Every call is answered`, or the baseline."""
    return (
        describe_change(read_overrides(overrides).form, Form())
        if overrides
        else texts_of("class").say("choice_baseline")
    )
