"""A second language comes from one folder: a made-up one, written from the English, leaves no English but names."""

import re
from datetime import date
from types import SimpleNamespace

import made_up
import numpy as np
import pytest
from english import names
from test_reading import COUNT, DATE, campaigns, noise

from sim.classroom import gate, player, server, texts, thresholds
from sim.classroom.choice import fields
from sim.classroom.desk import the_desk
from sim.classroom.lessons import lesson
from sim.classroom.pages import evidence as evidence_page
from sim.classroom.pages import what_if
from sim.classroom.parts.distribution import labels_of
from sim.classroom.parts.inline import terms, with_terms
from sim.classroom.reading import outcome_groups, read
from sim.classroom.sessions import scenes_wall, session, wall
from sim.classroom.texts import current_language, overlaid, texts_of, translate_fault, use_language
from sim.compare.risk import format_bounds, judge_risk
from sim.compare.sentences import describe_risk
from sim.configuration.overrides import BASELINE
from sim.data.record import evidence
from sim.errors import PanjError
from sim.explorable import content
from sim.options import Range, read_threshold
from sim.study.reader import Measure
from sim.wording import language_of

ENGLISH = re.compile(r"\b[A-Za-z]{3,}\b")
QUOTED = re.compile(f'{texts.ISOLATE}[^{texts.END}]*{texts.END}|<span lang="en".*?</span>', re.DOTALL)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return made_up.write_language(tmp_path_factory.mktemp("language"))


@pytest.fixture
def language(folders, monkeypatch):
    """The made-up language, in use."""
    caches = (texts.read_texts, fields.fields_in, lesson.lessons_in, session.offered, language_of)
    made_up.use(folders, monkeypatch.setattr)
    monkeypatch.setenv(texts.LANGUAGE, "en")
    for one in caches:
        one.cache_clear()
    use_language(made_up.CODE)
    yield made_up.CODE
    for one in caches:
        one.cache_clear()


def english_in(*shown):
    """Words of three letters and more that are left of the English."""
    texts_ = (re.sub(r"<[^>]*>|&\w+;", " ", QUOTED.sub("", str(text))) for text in shown)
    return {word for text in texts_ for word in ENGLISH.findall(text)} - names()


def test_a_language_without_texts_is_refused_by_name(monkeypatch):
    monkeypatch.setenv(texts.LANGUAGE, "en")
    with pytest.raises(PanjError, match="lang"):
        use_language("tlh")
    assert current_language() == "en"


def test_every_text_comes_from_the_language_in_use(language):
    for path in (texts.FOLDER / "en").glob("*.yaml"):
        said = {key: text for key, text in texts_of(path.stem).page.items() if key != "direction"}
        shown = (made_up.KEPT.sub("", str(text)) for one in said.values() for text in flat(one))
        assert not english_in(*shown), path.stem


def flat(content):
    if isinstance(content, dict):
        return [text for value in content.values() for text in flat(value)]
    return [text for one in content for text in flat(one)] if isinstance(content, list) else [content]


def test_a_page_declares_the_language_in_use(language):
    pages = server.readable("<html><head></head></html>"), gate.question("", {}, 200).body.decode()
    assert all(re.search(rf'<html lang="{language}" dir="\w*">', page) for page in pages)


def test_a_direction_of_writing_belongs_to_a_language():
    assert texts_of("shell", "en").say("direction") in ("ltr", "rtl")


@pytest.mark.parametrize("name", [COUNT, DATE])
def test_the_chart_of_a_distribution_has_no_english(language, name):
    values = noise(40) if name == COUNT else ["2021-08-06"] * 40
    found = read(campaigns(values, name), None, name)
    shown = [found.label, found.headline, found.base.text, found.made, *found.notes, *(text for _, text in found.ticks)]
    assert not english_in(*shown, *labels_of("", "").values())


def test_the_verdict_on_two_choices_has_no_english(language):
    base = noise(40)
    found = read(campaigns(base), campaigns(base + noise(40, 1)), COUNT)
    assert not english_in(found.sentence, found.pairs.text, found.pairs.unit, found.unit)


def test_the_help_of_a_fork_and_the_groups_of_outcomes_have_no_english(language):
    said = [what_if.help_of(group, one) for group in fields.POLICIES for one in fields.fields_of()[group].options]
    assert not english_in(*said, *outcome_groups().values())


def test_what_a_choice_changes_has_no_english(language):
    said = [option.help for field in fields.fields_of().values() for option in field.options]
    assert len(said) > 20 and not english_in(*said) and not any(texts.ISOLATE in one for one in said)


def test_what_a_language_lacks_of_a_choice_is_set_apart_as_english(language, monkeypatch):
    monkeypatch.setitem(texts_of("declared").page, "numbers", {})
    fields.fields_in.cache_clear()
    said = fields.option_of("reinforcement", "answer_every_call", texts_of("form")).help
    assert english_in(said.replace(texts.ISOLATE, "")) and not english_in(said)


def test_a_verdict_on_a_risk_has_no_english(language):
    says, measure = texts_of("reading"), Measure("x", "\u03b1", "soldiers", False, {}, date(2021, 7, 7))
    late = Measure("x", "\u03b1", "date", True, {}, date(2021, 7, 7))
    for ends, about in ((("10", "20"), measure), (("2021-07-01", "2021-07-05"), late)):
        assert not english_in(format_bounds(Range(*map(read_threshold, ("above", "below"), ends)), about, says))
    values = np.array([0.0, 1.0] * 20)
    for ours in (values, np.roll(values, 1), np.ones(40)):
        found, risk = judge_risk(ours, values)
        verdict = describe_risk(found, risk, "\u03b1", says)
        assert verdict and not english_in(verdict)


def test_a_card_of_evidence_has_no_english_but_what_the_record_says(language):
    row = evidence()["F012"]
    assert not english_in(evidence_page.card_in_html(row), evidence_page.figure_in_html(row))
    assert row.quote in evidence_page.card_in_html(row).partition('<span lang="en"')[2]


def test_terms_are_explained_in_the_language_in_use(language):
    assert not english_in(*(term.meaning for term in terms().values()))
    form = terms()["median"].forms[0]
    assert "popover" in with_terms(f"<p>{form}</p>", {"median"})


def test_lessons_are_in_the_language_in_use(language):
    for one in lesson.read_lessons():
        sheet = lesson.sheet_of(one, "12")
        said = [one.title, one.question, *one.goals, *one.questions, *one.debrief, *map(one.name_of, one.settings)]
        said += [text for step in one.timing for text in (step.who, step.what)]
        said += [text for task in sheet.tasks for text in (task.asks, task.because, task.says, one.name_of(task.key))]
        said += [choice for task in sheet.tasks if task.kind in ("quiz", "pick") for choice in task.choices]
        assert not english_in(*(made_up.KEPT.sub("", text) for text in said)), one.name


def test_a_lesson_in_another_language_is_marked_as_in_english(language):
    for task in (task for one in lesson.read_lessons() for task in one.tasks if task.kind == "quiz"):
        assert task.right in task.choices


def test_texts_laid_over_a_lesson_name_a_key_that_it_has():
    usual = {"title": "A", "tasks": [{"key": "guess", "asks": "B"}], "goals": ["C", "D"]}
    assert overlaid(usual, {"tasks": {"guess": {"asks": "b"}}}, "x")["tasks"] == [{"key": "guess", "asks": "b"}]
    for wrong in ({"titel": "a"}, {"tasks": {"ges": {}}}, {"goals": ["c"]}):
        with pytest.raises(PanjError, match="x"):
            overlaid(usual, wrong, "x")


def test_a_story_is_in_the_language_in_use_and_sets_the_record_apart(language, monkeypatch):
    said = player.said_of(the_desk().settings(BASELINE), 0)["dated"]
    assert said and not english_in(*(text for _, text, source in said), *(source for *_, source in said))


def test_the_scenes_are_in_the_language_in_use(language):
    found = content.read_texts(language)
    shown = (made_up.KEPT.sub("", str(text)) for text in flat({**found, "direction": ""}))
    assert not english_in(*shown)
    assert scenes_wall.scene_texts() == found


def test_an_error_keeps_what_it_names_apart_from_the_language_in_use(language):
    fault = translate_fault("lesson: found 'ten', expected one of 1, 2")
    assert fault.count(texts.ISOLATE) == 3 and "'ten'" in fault and not english_in(fault)
    assert translate_fault("αβγ") == "αβγ"


def test_the_page_of_the_game_has_no_english(language):
    page, _ = thresholds.page_in(language)
    shown = re.sub(r"<(style|script|template)\b.*?</\1>", " ", page, flags=re.DOTALL)
    assert not english_in(shown)
    assert f'<html lang="{language}" dir=' in page


@pytest.mark.parametrize("calibration", ["calibrated: posterior of x", "assimilated: x", "numbers as declared, not x"])
def test_the_wall_has_no_english_about_how_numbers_were_fitted(language, calibration):
    said = wall.numbers_of([SimpleNamespace(calibration=""), SimpleNamespace(calibration=calibration)])
    assert len(said) > 2 and not english_in(said)


def test_the_test_of_a_language_finds_english(language):
    assert english_in("βεφορε Soldiers αφτερ") == {"Soldiers"}
