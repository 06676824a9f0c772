"""Reported figures in the classroom: every id is a link, a search finds, conflicts are next to each other."""

import re
from pathlib import Path

import pytest

from sim.classroom import texts
from sim.classroom.lessons.lesson import folder_of_exercises, lesson_of, read_lessons, sheet_of
from sim.classroom.pages.evidence import ANY, card_in_html, figure_in_html, found_by
from sim.classroom.parts.inline import first_uses, terms, with_links, with_terms
from sim.data.record import evidence
from sim.errors import PanjError


def ids(rows):
    return [row.id for row in rows]


def test_every_id_in_a_text_becomes_a_link_and_nothing_else_does():
    html = with_links("<p title='F001'>1,037 (F001, F002); F999 and XF001 are no figures.</p>")
    assert re.findall(r'href="evidence\?id=(F\d+)"', html) == ["F001", "F002"]
    assert html.startswith("<p title='F001'>") and "F999" in html and "XF001" in html


def test_a_link_is_not_linked_again():
    once = with_links("see F001")
    assert with_links(once) == once


def test_words_find_rows_that_have_all_of_them():
    found = found_by("ishkashim voa", ANY, False)
    assert "F004" in ids(found) and "F021" not in ids(found)
    assert found_by("", ANY, False) == list(evidence().values())


def test_a_search_may_be_limited_to_a_use_and_to_conflicts():
    assert {row.use for row in found_by("", "input", False)} == {"input"}
    assert all(row.conflicts for row in found_by("", ANY, True))
    assert "F006" not in ids(found_by("", ANY, True))


def test_an_unknown_filter_is_refused():
    with pytest.raises(PanjError, match="colour"):
        found_by("colour=red", ANY, False)


def test_a_figure_is_shown_next_to_all_that_it_conflicts_with():
    html = figure_in_html(evidence()["F012"])
    assert html.count("class='figure-card'") == 1 + len(evidence()["F012"].conflicts)
    for id in evidence()["F012"].conflicts:
        assert f"?id={id}" in html


def test_a_source_without_an_address_is_no_link():
    assert 'rel="noopener"' not in card_in_html(evidence()["F001"])
    assert 'rel="noopener"' in card_in_html(evidence()["F021"])


PAGES = sorted((Path(texts.__file__).parent / "text").glob("*/*.yaml"))
OF_OTHERS = {"change", "watch"}  # a choice as text to paste is for terminals; the note on a missing sample for teachers


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_no_text_sends_a_student_to_a_command_line(path):
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert path.stem in OF_OTHERS or not [line for line in lines if "python -m" in line]


@pytest.mark.parametrize("path", sorted((folder_of_exercises() / "lessons").glob("*.yaml")), ids=lambda path: path.stem)
def test_no_lesson_sends_a_student_to_a_command_line(path):
    assert "python -m" not in path.read_text(encoding="utf-8")


OVERRIDE = re.compile(r"\w=\w|rules\.\w|`")


@pytest.mark.parametrize("lesson", read_lessons(), ids=lambda lesson: lesson.name)
def test_no_task_shows_an_override(lesson):
    for student in range(6):
        for task in sheet_of(lesson, student).tasks:
            assert not OVERRIDE.search(f"{task.asks} {' '.join(task.choices)} {task.because}"), task.key


def test_a_task_names_the_choice_of_the_student_in_words():
    sheet = sheet_of(lesson_of(4), "12")
    assert sheet.parameters["policy_label"] in sheet.task("guess").asks
    assert sheet.parameters["policy"] != sheet.parameters["policy_label"]


def test_every_term_that_a_lesson_explains_is_in_the_glossary():
    glossary = (folder_of_exercises().parent / "docs" / "reference" / "glossary.md").read_text(encoding="utf-8")
    known = {row.split("|")[1].strip(" `").casefold() for row in glossary.splitlines() if row.startswith("| ")}
    missing = [term.name for term in terms().values() if not known & set(term.forms)]
    assert missing == ["interval"]  # the glossary has it with its level


def test_a_term_is_explained_once_and_where_it_is_first_used():
    used = list(first_uses(["one campaign", "a median of campaigns", "the median"]))
    assert used == [{"campaign"}, {"median"}, set()]
    html = with_terms("<p>A median of campaigns, median.</p>", {"median", "campaign"})
    assert html.count('class="term"') == 2 and html.endswith("</span>, median.</p>")
