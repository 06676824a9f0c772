"""Three faces of one choice of settings: the form, the words of the command line, and the YAML of a scenario."""

import re
import shutil
from datetime import date, timedelta
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import sim.configuration.compose
import sim.configuration.overrides
import sim.data.configs
from sim.classroom.choice.fields import MAIN_NUMBERS, describe_change, fields_of
from sim.classroom.choice.form import (
    CHOSEN,
    MOST_DAYS,
    TECHNICAL,
    Form,
    command_of,
    put,
    usual_of,
)
from sim.classroom.choice.parse import parse_choice, read_command, read_overrides, read_yaml_text, without, yaml_of
from sim.classroom.texts import MOST_TEXT
from sim.configuration.compose import Composer
from sim.configuration.numbers import declared_numbers
from sim.configuration.overrides import BASELINE, GROUPS, Override, choices_of, parse
from sim.data.configs import folder_of
from sim.data.facts import read_facts
from sim.errors import PanjError

NUMBERS = [key for key in declared_numbers() if key not in TECHNICAL]
EVENTS = ["bagram_handed_over", "commandos_to_faizabad", "reservists_ordered", "aid_talks", "pay_in_arrears"]
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=30).filter(lambda t: "${" not in t)


@st.composite
def number_words(draw):
    key = draw(st.sampled_from(NUMBERS))
    row = declared_numbers()[key]
    if row.is_whole:
        return f"{key}={draw(st.integers(int(row.low), int(row.high)))}"
    return f"{key}={draw(st.floats(row.low, row.high))!r}"


@st.composite
def scenario_words(draw):
    key = draw(st.sampled_from(NUMBERS)).removeprefix("rules.")
    factor, share = draw(st.floats(0.5, 1.5)), draw(st.floats(0.0, 1.0))
    name, day = draw(st.sampled_from(EVENTS)), date(2021, 5, 2) + timedelta(draw(st.integers(0, 60)))
    return draw(
        st.sampled_from([
            f"+scenario.scale={{{key}:{factor!r}}}",
            f"+scenario.shift={{{key}:{factor / 1000!r}}}",
            f"+scenario.attention={{North Eastern:{factor!r}}}",
            f"+scenario.posts={{tem:{{soldiers:{share!r}}}}}",
            f"timeline.events.{name}.date={day}",
            f"~timeline.events.{name}",
            f"+timeline.events.new={{date:{day},act:set,condition:aid,value:{share!r},source:guess,text:'a: {{c}}'}}",
        ])
    )  # fmt: skip


@st.composite
def forms(draw):
    """Any form that contradicts nothing, with its words in any order."""
    groups = draw(st.lists(st.sampled_from([*CHOSEN]), unique=True, max_size=4))
    overrides = [f"{group}={draw(st.sampled_from(choices_of(group)))}" for group in groups]
    overrides += draw(
        st.lists(st.one_of(number_words(), scenario_words()), max_size=4, unique_by=lambda w: w.split("=")[0])
    )
    if draw(st.booleans()):
        overrides.append(f"end_date={date(2021, 5, 10) + timedelta(draw(st.integers(0, MOST_DAYS - 9)))}")
    try:
        form = read_overrides(parse_choice(draw(st.permutations(overrides)))).form
    except PanjError as error:
        assume("expected one of the two" not in str(error))
        raise
    return form._replace(title=draw(TEXT), about=draw(TEXT))


@given(forms())
def test_a_form_read_from_its_words_is_the_same_form(form):
    again = read_overrides(form.overrides())
    assert again.aside == BASELINE
    assert again.form == form._replace(title="", about="")
    assert again.form.overrides() == form.overrides()
    assert read_command(f"python -m sim run {command_of(form)}").form == form


@given(forms())
def test_an_override_made_from_a_value_is_the_one_that_its_text_is_parsed_to(form):
    said = [Override.of(f"scenario.{key}", getattr(form, key)) for key in ("title", "about")]
    for row in (*form.overrides(), *said):
        assert vars(row) | {"value_text": ""} == vars(parse(row.text)) | {"value_text": ""}


@given(forms())
def test_overrides_of_a_form_are_not_parsed_again(form):
    for cached in (parse, read_overrides):
        cached.cache_clear()
    with patch.object(sim.configuration.overrides, "parsed", side_effect=AssertionError("parsed again")):
        assert read_overrides(form.overrides()).form == form._replace(title="", about="")
    assert parse.cache_info().misses == 0


def test_overrides_of_a_form_become_settings_without_being_parsed_again(composer):
    form = read_yaml_text(
        "defaults: [override /border: closed, override /morale: brittle]\nend_date: 2021-08-01\n"
        "scenario: {set: {news.fade_days: 5.5}, scale: {morale.base: 0.9}, attention: {North Eastern: 2.0},"
        " events: {bagram_handed_over: {text: 'b (a)'}}, strike: [aid_talks]}"
    ).form
    parse.cache_clear()
    with patch.object(sim.configuration.overrides, "parsed", side_effect=AssertionError("parsed again")):
        made = Composer(composer.facts).settings(form.overrides())
    assert made.choices["border"] == "closed" and made.numbers["rules.news.fade_days"] == 5.5
    assert parse.cache_info().misses == 0


def test_brackets_in_a_text_are_no_nesting():
    form = read_yaml_text("scenario: {events: {bagram_handed_over: {text: 'f(x) ((((((('}}}").form
    assert read_command(command_of(form)).form == form


@given(forms())
def test_a_form_read_from_its_yaml_is_the_same_form(form):
    assert read_yaml_text(yaml_of(form)).form == form


@given(forms())
def test_words_hold_only_what_differs_from_the_defaults(form):
    assert not any(word in form.usual.chosen.items() for word in form.chosen.items() if word[0] != "scenario")
    for key in form.chosen:
        back = put(form, key, None) if key != "scenario" else None
        assert back is None or key not in back.chosen
    assert Form().overrides() == BASELINE and read_yaml_text(yaml_of(Form())).form == Form()


@given(forms(), st.sampled_from([*GROUPS]), st.data())
def test_a_field_that_is_changed_changes_alone(form, group, data):
    choice = data.draw(st.sampled_from(choices_of(group)))
    try:
        changed = put(form, group, choice)
    except PanjError as error:
        assert "expected one of the two" in str(error)
        return
    assert changed.value(group) == choice
    assert all(changed.value(key) == form.value(key) for key in fields_of() if key != group)
    assert (changed.scale, changed.events, changed.title) == (form.scale, form.events, form.title)


@given(forms())
def test_every_word_is_shown_in_a_field_or_among_the_other_settings(form):
    others = form.overrides().without(fields_of())
    shown = [row for row in form.overrides() if row.key in fields_of()]
    assert {*shown, *others} == {*form.overrides()}
    for override in others:
        assert override not in [*without(form, override).overrides()]


@pytest.fixture(scope="module")
def composer():
    return Composer(read_facts())


def lives_the_same(one, other):
    """Whether every campaign of two settings is the same campaign."""
    same = [getattr(one, key) == getattr(other, key) for key in ("start_date", "end_date", "attention", "posts")]
    same += [np.array_equal(*pair) for pair in zip(one.timeline, other.timeline, strict=True)]
    return all(same) and all(one.rules_of(seed) == other.rules_of(seed) for seed in range(3))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(form=forms())
def test_the_faces_compose_to_the_same_settings(form, composer, tmp_path_factory):
    def composed(overrides, with_=composer):
        try:
            return with_.settings(overrides)
        except PanjError:
            return None

    ours = composed(form.overrides())
    assume(ours is not None)
    assert composed(read_yaml_text(yaml_of(form)).form.overrides()).fingerprint() == ours.fingerprint()
    folder = tmp_path_factory.mktemp("scenarios")
    shutil.copytree(folder_of("scenarios"), folder, dirs_exist_ok=True)
    (folder / "scenario" / "mine.yaml").write_text(yaml_of(form), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for module in (sim.data.configs, sim.configuration.compose):
            patch.setattr(module, "folder_of", lambda name: folder if name == "scenarios" else folder_of(name))
        loaded = composed(["scenario=mine"], Composer(composer.facts))
    assert lives_the_same(loaded, ours)
    if ours.draws is None:
        assert loaded.fingerprint() == ours.fingerprint()


@pytest.mark.parametrize("name", choices_of("scenario"))
def test_a_shipped_scenario_pasted_as_yaml_lives_as_by_its_name(name, composer):
    text = (folder_of("scenarios") / "scenario" / f"{name}.yaml").read_text(encoding="utf-8")
    form = read_yaml_text(text).form
    assert form.title
    assert lives_the_same(composer.settings(form.overrides()), composer.settings([f"scenario={name}"]))


def test_a_number_set_to_its_declared_value_is_kept_because_the_fit_would_draw_it(composer):
    key = "rules.morale.base"
    form = put(Form(), key, declared_numbers()[key].value)
    assert form.overrides().words == (f"{key}={declared_numbers()[key].value!r}",)
    assert composer.settings(form.overrides()).fingerprint() != composer.settings(()).fingerprint()
    assert put(form, key, None) == Form()


def test_a_number_that_a_scenario_sets_and_scales_is_what_it_leaves():
    low = declared_numbers()["rules.flight.daily_share"].low
    value = max(low, 0.001)
    scale = usual_of("refugee_surge").scale["flight.daily_share"]
    form = read_command(f"+scenario.set={{flight.daily_share:{value!r}}} scenario=refugee_surge").form
    assert form.numbers == {"rules.flight.daily_share": value * scale}


def test_how_campaigns_are_run_is_left_aside_by_name():
    loaded = read_command("python -m sim run border=closed runs=50 seed=3 executor.workers=2")
    assert loaded.form == put(Form(), "border", "closed")
    assert loaded.aside.words == ("runs=50", "seed=3", "executor.workers=2")


WRONG_WORDS = {
    "border=clsed": ["border", "clsed", "did you mean 'closed'"],
    "rules.news.fade_day=3": ["rules.news.fade_day", "did you mean 'rules.news.fade_days'"],
    "rules.news.fade_days=500": ["rules.news.fade_days", "500", "expected"],
    "rules.news.fade_days=abc": ["rules.news.fade_days", "abc", "a number"],
    "rules.founding.prongs=7.5": ["rules.founding.prongs", "7.5", "a whole number"],
    "rules.news.fade_days=nan": ["rules.news.fade_days", "nan"],
    "end_date=soon": ["end_date", "soon", "a date"],
    "end_date=2022-04-01": ["end_date", "2022-04-01", str(MOST_DAYS)],
    "border=open border=closed": ["border", "two overrides"],
    "border=open,closed": ["border", "several values"],
    "closed": ["closed", "key=value"],
    "it's": ["it's", "quotes"],
    "+border=closed": ["border", "expected"],
    "morale.shift={morale.base:1}": ["morale.shift", "inside a policy"],
    "air_support=continues timeline.events.bagram_handed_over.date=2021-06-15": ["air_support=continues", "removes"],
    "morale=paid_on_time ~timeline.events.pay_in_arrears": ["morale=paid_on_time", "changes the event"],
    "timeline.events.no_such.date=2021-06-15": ["no_such"],
    "+scenario.scale={news.fade:2}": ["news.fade", "did you mean"],
    "+scenario.scale={news.fade_days:x}": ["news.fade_days", "a number"],
}


@pytest.mark.parametrize("text", WRONG_WORDS)
def test_an_error_names_what_was_found_and_what_was_expected(text):
    with pytest.raises(PanjError) as error:
        read_command(text)
    assert all(part in str(error.value) for part in WRONG_WORDS[text]), error.value


NEVER = [
    "scenario.title='${oc.env:HOME}'",
    "+scenario.events={new:{text:'${oc.env:HOME}'}}",
    "hydra.searchpath=[file:///tmp]",
    "hydra.run.dir=/tmp",
    "calibration.file=/etc/passwd",
    "executor.address=tcp://127.0.0.1:1",
    "rules.news.fade_days=int(5)",
    "'rules.news.fade_days=int (5)'",
    "rules.news.fade_days=range(1,9)",
    "border@_global_=closed",
    "rules.flight.rows=5000000",
    "rules.flight.people_per_row=1",
    "+scenario.scale={flight.rows:5}",
    f"x={'[' * 5000}",
    f"scenario.title={'x' * 3000}",
    "x" * (MOST_TEXT + 1),
    " ".join(f"rules.a{number}=1" for number in range(100)),
]


@pytest.mark.parametrize("text", NEVER, ids=lambda text: text[:40])
def test_nothing_typed_is_evaluated_opened_or_let_grow(text):
    with pytest.raises(PanjError) as error:
        read_command(text)
    assert len(str(error.value)) < 1000


BAD_YAML = [
    "!!python/object/apply:os.system ['true']",
    "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nscenario: {posts: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]}",
    "scenario: &s {about: *s}",
    "[" * 9000,
    "scenario: [1]",
    "just text",
    "hydra: {run: {dir: /tmp}}",
    "calibration: {file: /etc/passwd}",
    "defaults: [/border: closed]",
    "defaults: [override /executor: dask]",
    "defaults: [override /border: clsed]",
    "defaults: [border_closed, no_parley]",
    "defaults: [../../secret]",
    "scenario: {title: '${oc.env:HOME}'}",
    "scenario: {set: {news.fade_days: .nan}}",
    "scenario: {set: {flight.rows: 500000}}",
    "scenario: {about: [x]}",
    "scenario: {attention: {'Southern:2.0,North Eastern': 1.5}}",
    "scenario: {strike: [no_such_event]}",
    "end_date: 2029-01-01",
    "start_date: [x]",
    "\x00",
]


@pytest.mark.parametrize("text", BAD_YAML, ids=lambda text: text[:40])
def test_a_file_that_is_wrong_or_means_harm_is_refused_in_words(text):
    with pytest.raises(PanjError) as error:
        read_yaml_text(text)
    assert "found" in str(error.value) and len(str(error.value)) < 1000


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_and_nothing_else(text):
    for read in (read_command, read_yaml_text):
        try:
            form = read(text).form
        except PanjError:
            continue
        assert read_yaml_text(yaml_of(form)).form == form


def test_every_choice_and_number_of_the_form_has_words_in_one_place():
    fields = fields_of()
    assert set(MAIN_NUMBERS) <= set(fields)
    for field in fields.values():
        assert field.label and field.help
        assert all(option.label and option.help for option in field.options)
        labels = [option.label for option in field.options]
        assert len(set(labels)) == len(labels)
    assert set(GROUPS) <= set(fields), "every policy group can be changed in the form"


def test_a_change_is_said_with_the_labels_of_the_form():
    form = put(put(put(Form(), "border", "closed"), "rules.news.fade_days", 5.0), "rules.news.country", 0.001)
    fields = fields_of()
    said = describe_change(form, Form())
    assert fields["border"].label in said and fields["border"].describe("closed") in said
    assert "5 days" in said and declared_numbers()["rules.news.country"].meaning in said
    assert describe_change(form, form) == describe_change(Form(), Form())


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("rules.news.country=0.001", "0.001"),
        ("+scenario.scale={news.fade_days:2}", "times 2"),
        ("+scenario.shift={news.fade_days:3}", "plus 3"),
        ("+scenario.attention={Northern:2}", "Northern"),
        ("+scenario.posts={ishkashim:{soldiers:0.5}}", "Ishkashim"),
        ("~timeline.events.bagram_handed_over", "bagram handed over"),
        ("timeline.events.reservists_ordered.value=5000", "5000"),
        ("start_date=2021-05-03", "2021-05-03"),
    ],
)
def test_no_change_is_said_as_an_override(word, told):
    form = read_command(f"'{word}'").form
    there, back = describe_change(form, Form()), describe_change(Form(), form)
    for said in (there, back):
        assert told in said or said is back
        assert not re.search(r"rules\.|scenario\.|timeline\.|[={}~+]|_", said)


def test_what_a_scenario_chooses_is_said_once_and_what_is_chosen_against_it_too():
    closed, fields = put(Form(), "scenario", "border_closed"), fields_of()
    assert describe_change(closed, Form()) == describe_change(closed, Form()).split(";")[0]
    opened = put(closed, "border", "open")
    assert fields["border"].describe("open") in describe_change(opened, Form())
