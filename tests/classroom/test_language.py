"""A second language comes from one folder: a made-up one, written from the English, leaves no English but names."""

import re
import shutil
import string

import pytest
import yaml
from test_reading import COUNT, DATE, campaigns, noise

from sim.classroom import gate, server, texts
from sim.classroom.choice import fields
from sim.classroom.pages import evidence as evidence_page
from sim.classroom.pages import what_if
from sim.classroom.parts.distribution import labels_of
from sim.classroom.parts.terms import terms, with_terms
from sim.classroom.reading import outcome_groups, read
from sim.classroom.texts import current_language, texts_of, use_language
from sim.data.configs import folder_of, read_yaml
from sim.data.record import evidence
from sim.errors import PanjError

MADE_UP = "xx"
LETTERS = str.maketrans(string.ascii_letters, "αβςδεφγηιξκλμνοπθρστυωώχψζΑΒΣΔΕΦΓΗΙΞΚΛΜΝΟΠΘΡΣΤΥΩΏΧΨΖ")
KEPT = re.compile(r"(\{\w+[^}]*\}|<[^>]*>|`[^`]*`)")  # gaps and markup stay as they are
ENGLISH = re.compile(r"\b[A-Za-z]{3,}\b")


def made_up(content):
    """The same content with every letter of its texts replaced by a Greek one."""
    if isinstance(content, dict):
        return {key: made_up(value) for key, value in content.items()}
    if isinstance(content, list):
        return [made_up(one) for one in content]
    parts = KEPT.split(str(content))
    return "".join(part if place % 2 else part.translate(LETTERS) for place, part in enumerate(parts))


@pytest.fixture
def language(tmp_path, monkeypatch):
    """The made-up language, in use."""
    shutil.copytree(texts.FOLDER / "en", tmp_path / "text" / "en")
    (tmp_path / "text" / MADE_UP).mkdir()
    (tmp_path / "sentences").mkdir()
    for path in (texts.FOLDER / "en").glob("*.yaml"):
        write(tmp_path / "text" / MADE_UP / path.name, made_up(read_yaml(path)))
    rows = read_yaml(folder_of("configs") / "outcomes.yaml")
    write(tmp_path / "text" / MADE_UP / "outcomes.yaml", {name: made_up(row["label"]) for name, row in rows.items()})
    write(tmp_path / "sentences" / f"{MADE_UP}.yaml", made_up(read_yaml(texts.SENTENCES / "en.yaml")))
    shutil.copy(texts.SENTENCES / "en.yaml", tmp_path / "sentences")
    monkeypatch.setattr(texts, "FOLDER", tmp_path / "text")
    monkeypatch.setattr(texts, "SENTENCES", tmp_path / "sentences")
    monkeypatch.setenv(texts.LANGUAGE, "en")
    texts.read_texts.cache_clear()
    fields.fields_in.cache_clear()
    use_language(MADE_UP)
    yield MADE_UP
    texts.read_texts.cache_clear()
    fields.fields_in.cache_clear()


def write(path, content):
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


def english_in(*shown):
    """Words of three letters and more that are left of the English."""
    return {word for text in shown for word in ENGLISH.findall(re.sub(r"<[^>]*>|&\w+;", " ", str(text)))}


def test_a_language_without_texts_is_refused_by_name(monkeypatch):
    monkeypatch.setenv(texts.LANGUAGE, "en")
    with pytest.raises(PanjError, match="lang"):
        use_language("tlh")
    assert current_language() == "en"


def test_every_text_comes_from_the_language_in_use(language):
    for page in ("what_if", "lessons", "evidence", "distribution", "hand_in", "forecasts", "marks", "reading", "shell"):
        said = {key: text for key, text in texts_of(page).page.items() if key != "direction"}
        assert not english_in(*(KEPT.sub("", str(text)) for one in said.values() for text in flat(one))), page


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
    assert not english_in(*shown, *labels_of("", "").values()) - NOT_YET


@pytest.mark.xfail(reason="units and the verdict are those of compare, which is English", strict=True)
def test_the_verdict_on_two_choices_has_no_english(language):
    base = noise(40)
    found = read(campaigns(base), campaigns(base + noise(40, 1)), COUNT)
    assert not english_in(found.sentence, found.pairs.text, found.pairs.unit, found.unit)


def test_the_help_of_a_fork_and_the_groups_of_outcomes_have_no_english(language):
    said = [what_if.help_of(group, one) for group in fields.POLICIES for one in fields.fields_of()[group].options]
    assert not english_in(*said, *outcome_groups().values()) - NAMES


def test_a_card_of_evidence_has_no_english_but_what_the_record_says(language):
    row = evidence()["F012"]
    own = english_in(row.quote, row.scope, row.source, row.note, row.unit, row.quantity.replace("_", " "))
    assert not english_in(evidence_page.card_in_html(row), evidence_page.figure_in_html(row)) - own - of_conflicts(row)


def of_conflicts(row):
    others = [evidence()[id] for id in row.conflicts]
    said = [text for one in others for text in (one.quote, one.scope, one.source, one.note, one.unit)]
    return english_in(*said, "least")  # `at least` of a value is declared in English


def test_terms_are_explained_in_the_language_in_use(language):
    assert not english_in(*(term.meaning for term in terms().values()))
    form = terms()["median"].forms[0]
    assert "popover" in with_terms(f"<p>{form}</p>", {"median"})


NAMES = {"Tajikistan", "Bagram", "Ishkashim", "CSTO", "June", "July"}
NOT_YET = {"soldiers", "calibrated"}  # units and descriptions of calibration are declared in English
