"""What the form shows: scenario, policies, theory, where the numbers come from, the last day, and the main numbers.

Reads   configs/ for choices and for numbers with unit, range and source; configs/priors.yaml for what was believed;
        text/<language>/form.yaml for labels and help.

The decisions that a claim makes on its sheet, and a choice of settings in few words.
"""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from sim.classroom.choice.form import Form, Overrides, keyed_overrides, put
from sim.classroom.choice.parse import read_overrides
from sim.classroom.texts import texts_of
from sim.data.configs import read_yaml
from sim.errors import PanjError
from sim.settings.draws import read_priors
from sim.settings.numbers import Number, declared_numbers
from sim.settings.overrides import choices_of, file_of
from sim.wording import Language

POLICIES = ("reinforcement", "morale", "air_support", "taliban", "border", "mobilisation")
GROUPS_SHOWN = ("scenario", *POLICIES, "theory", "calibration")
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
    """One choice of a group."""

    name: str
    label: str
    help: str


class Field(NamedTuple):
    """One thing that can be chosen; `number` for a number of a rule, `options` for a choice, neither for a date."""

    key: str
    label: str
    help: str
    options: tuple[Option, ...] = ()
    number: Number | None = None
    believed: tuple[float, float] | None = None  # range before any fit, of a number that is drawn

    def said(self, value: str | float | None) -> str:
        """A value in words: the label of a choice, a number with its unit, a date as it stands."""
        if self.number is not None:
            return "" if value is None else f"{value:,g} {self.number.unit}"
        return next((option.label for option in self.options if option.name == value), str(value))


@cache
def fields_of(language: str = "en") -> dict[str, Field]:
    """Every field by key, in the order of the form; PanjError where a label is missing."""
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
    """The usual choice first, the others by name."""
    usual = str(Form().value(group))
    return [usual, *(name for name in choices_of(group) if name != usual)]


def option_of(group: str, name: str, texts: Language) -> Option:
    """A choice with its label and help; one that somebody added speaks for itself."""
    try:
        return Option(name, texts.say(f"{group}.{name}"), texts.say(f"{group}.{name}.help"))
    except PanjError:
        said = read_yaml(file_of(group, name))
        own = said.get("scenario", {}) if group == "scenario" else said
        return Option(name, own.get("title") or name.replace("_", " "), own.get("about", ""))


def describe_change(form: Form, base: Form, language: str = "en") -> str:
    """What `form` does otherwise than `base`, in words: `Help for garrisons: every call is answered`."""
    texts, fields = texts_of(PAGE, language), fields_of(language)
    changed = [
        texts.say("change_number" if field.number else "change_choice", label=field.label, value=field.said(value))
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
    """Whether a choice or a date differs only because the scenario does, which is said already."""
    is_own = any(key in part for one in (form, base) for part in (one.chosen, one.dates, one.numbers))
    return key != "scenario" and form.scenario != base.scenario and not is_own


def own_words(form: Form) -> set[str]:
    """Words of what has a field."""
    return {word for key, word in keyed_overrides(form) if key in fields_of()}


def chosen_in(overrides: Overrides) -> dict[str, str]:
    """The choice of each policy group with these words."""
    form = read_overrides(overrides).form
    return {group: str(form.value(group)) for group in POLICIES}


def overrides_for(given: Mapping[str, str], before: Overrides) -> Overrides:
    """The words with the decisions of a sheet; PanjError for a decision that there is not."""
    form = read_overrides(before).form
    for group in POLICIES:
        if group in given and given[group] != form.value(group):
            form = put(form, group, given[group])
    return form.overrides()


def rest_of(overrides: Overrides) -> Overrides:
    """What these words set beside the decisions of the sheet."""
    return tuple(word for word in overrides if word.partition("=")[0] not in POLICIES)


def describe_choice(overrides: Overrides) -> str:
    """`Border: closed; Help for garrisons: every call is answered`; the baseline where nothing is set."""
    return (
        describe_change(read_overrides(overrides).form, Form())
        if overrides
        else texts_of("class").say("choice_baseline")
    )
