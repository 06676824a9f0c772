"""A page has exactly the campaigns of its study, loads nothing, and is never written over another file."""

import base64
import hashlib
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import yaml
from made_up import greek
from quick import replace_campaigns

from sim import __main__ as front
from sim import wording
from sim.data.facts import THE_LINE, read_facts
from sim.data.record import evidence, reported
from sim.errors import PanjError
from sim.execution import work
from sim.explorable import content as written_content
from sim.explorable import explorable
from sim.explorable.campaigns import compose, courses_of
from sim.explorable.content import SCENES, TEXTS, ids_in, read_texts
from sim.explorable.encoding import described, unpacked
from sim.explorable.explorable import PAGE, SCRIPTS, campaigns_in, joined_scripts, write_explorable
from sim.options import Explorable, read_request
from sim.study.reader import open_study
from sim.terminal import console_of

SMALL = ["policies=border=closed,taliban=no_parley", "worlds=free", "runs=50", "calibration=as_declared"]
DAYS = 68
WORDS = 60  # most words in sight


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder in which campaigns are instant stand-ins."""
    place = tmp_path_factory.mktemp("explorable")
    with pytest.MonkeyPatch.context() as patch:
        replace_campaigns(patch)
        patch.chdir(place)
        yield place


@pytest.fixture(scope="module")
def written(place):
    return ask()


@pytest.fixture(scope="module")
def page(written):
    return written.path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def content(page):
    """Return the JSON and the campaigns of the page, as the page itself unpacks them."""
    facts = read_facts()
    text = re.search(r'<template id="campaigns">([^<]+)</template>', page)[1]
    return unpacked(text, (DAYS, len(facts.post)), 3 * 50)


def ask(*words):
    return write_explorable(read_request(Explorable, [*SMALL, *words]), console_of())


def refused(*words, small=SMALL):
    with pytest.raises(PanjError) as raised:
        compose(read_request(Explorable, [*small, *words]))
    return raised.value


def test_the_page_has_every_event_of_every_campaign_of_the_study(written, content):
    about, courses = content
    study, facts = open_study(written.gathered.study.folder), read_facts()
    assert [one["key"] for one in about["decisions"]] == ["", "border=closed", "taliban=no_parley"]
    assert about["seeds"] == list(range(50))
    for number, decision in enumerate(written.gathered.decisions):
        stored = courses_of(study, written.gathered.cell_of("free", decision), facts)
        for seed in about["seeds"]:
            found = courses[seed * 3 + number]
            assert np.array_equal(found.changes, stored[seed].changes)
            assert np.array_equal(found.crossings, stored[seed].crossings)


def test_the_campaigns_of_a_decision_differ_from_their_pairs(content):
    _, courses = content
    assert any(not np.array_equal(courses[3 * seed].changes, courses[3 * seed + 2].changes) for seed in range(50))


def test_each_cell_changes_one_decision_alone():
    sweep = compose(read_request(Explorable, ["worlds=free,record", "runs=50"]))
    assert len(sweep.cells) == 10 and sweep.base.study == "explorable"
    usual = dict(sweep.cells[0].values) | {"worlds": None}
    for cell in sweep.cells:
        changed = {key for key, value in cell.values.items() if key != "worlds" and value != usual[key]}
        assert len(changed) == (0 if cell.number % 5 == 0 else 1)
        assert cell.settings.end_date == THE_LINE and cell.settings.seed == 0


def test_the_page_loads_nothing(page):
    assert "default-src 'none'" in page
    assert not re.findall(r"\b(?:src|href|action|srcset)=", page)
    assert not re.findall(
        r"url\(|@import|fetch\(|XMLHttpRequest|WebSocket|importScripts|<(?:link|iframe|img|object|embed)\b", page
    )


@pytest.mark.parametrize(("kind", "element"), [("script", '<script type="module">'), ("style", "<style>")])
def test_scripts_and_styles_are_allowed_by_their_hash_alone(page, kind, element):
    text = page.partition(element)[2].partition(f"</{kind}>")[0]
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    assert f"{kind}-src 'sha256-{digest}'" in page.replace("&#39;", "'").replace("&#43;", "+")
    assert page.count(f"<{kind}") == 1 and not re.search(r'\s(?:style|on\w+)="', page)


def test_modules_share_no_name_and_import_only_each_other():
    names, exported = [], set()
    for script in SCRIPTS:
        text = (PAGE / f"{script}.js").read_text(encoding="utf-8")
        for wanted, source in re.findall(r'^import \{(.+?)\} from "\./(\w+)\.js";', text, re.MULTILINE | re.DOTALL):
            assert source in SCRIPTS[: SCRIPTS.index(script)]
            assert {name.strip() for name in wanted.split(",") if name.strip()} <= exported, (script, source)
        names += re.findall(r"^(?:export )?(?:async )?(?:const|let|function|class) (\w+)", text, re.MULTILINE)
        exported |= set(re.findall(r"^export (?:async )?(?:const|function|class) (\w+)", text, re.MULTILINE))
    assert sorted(names) == sorted(set(names))
    assert not re.search(r"^(?:import|export)\b", joined_scripts(), re.MULTILINE)


def test_reported_figures_are_those_of_the_table(page, content):
    about, _ = content
    for one in about["record"]:
        row = reported(one["id"])
        assert 0 <= one["day"] < DAYS and row.date_end <= THE_LINE
    assert {one["id"] for one in about["record"]} >= {"F064", "F065", "F012"}
    assert next(one for one in about["record"] if one["id"] == "F064")["text"] == "33/421"
    assert about["first"]["soldiers"] == evidence()["F035"].value
    for id in {*ids_in(read_texts()), *(one["id"] for one in about["record"])}:
        assert f"<b>{id}</b>" in page and evidence()[id].source.split(";")[0][:20] in page


def test_sources_are_free_of_the_marks_of_those_who_collected_them(page):
    sources = page.partition('id="sources"')[2].partition("</footer>")[0]
    assert "TRT World, 2021-07-07" in sources and not re.search(r"\(seeds?\)|\bS\d\b", sources)


def test_no_sentence_of_a_source_is_copied():
    texts = yaml.safe_dump(read_texts(), allow_unicode=True, width=10_000).lower()
    for row in evidence().values():
        assert len(row.quote.split()) < 4 or row.quote.lower() not in texts


def test_the_page_says_where_its_numbers_come_from(page, content):
    about, _ = content
    assert about["worlds"] == [
        {"key": "free", "title": "Free campaigns", "manner": "free, numbers as declared, not calibrated"}
    ]
    for said in (
        "not calibrated",
        about["fingerprints"]["rules"],
        about["fingerprints"]["data"],
        "0 to 49",
        "geoBoundaries",
    ):
        assert said in page


def test_the_page_names_districts_that_its_map_leaves_out(written, page, monkeypatch):
    assert "Left out of the map" not in page
    land = written_content.read_land()
    codes = (*land.facts.district_id[:-1], "AF9999")
    without = replace(land, facts=land.facts._replace(district_id=codes))
    monkeypatch.setattr(written_content, "read_land", lambda: without)
    said = ask("out=another.html").path.read_text(encoding="utf-8")
    assert "simplified. Left out of the map, since Panj has no shape for them: AF9999<" in said


def test_the_map_has_every_district_and_the_river(content):
    about, _ = content
    arcs = about["map"]["arcs"]
    assert len(about["map"]["districts"]) == about["districts"] == 399
    assert all(
        ring and all(arcs[one if one >= 0 else ~one] for one in ring)
        for rings in about["map"]["districts"]
        for ring in rings
    )
    east, south = about["map"]["size"]
    assert all(0 <= x <= east and 0 <= y <= south for line in about["map"]["river"] for x, y in line)
    assert len(about["map"]["posts"]) == about["posts"] == 13


@pytest.mark.parametrize("scene", SCENES)
def test_a_scene_has_few_words(scene):
    """The most that a scene can show; what is in sight at one moment is counted in tests/browser."""
    texts = read_texts()
    here = texts["scenes"][scene]
    said = [one for value in here.values() for one in (value if isinstance(value, list) else [value])]
    shown = " ".join([texts["title"], texts["step"], texts["back"], texts["next"], *said])
    assert len([word for word in shown.split() if re.search("[A-Za-z]", word)]) <= WORDS


def test_every_term_is_taught_in_its_scene():
    texts = read_texts()
    assert set(texts["terms"]) == set(SCENES[1:-1])
    assert all(len(one["means"].split()) <= 40 for one in texts["terms"].values())


def test_every_sentence_of_the_scripts_is_in_the_texts():
    says = read_texts()["says"]
    used = set(re.findall(r"\bsays\.(\w+)", joined_scripts()))
    assert used == set(says) - {"manner", "numbers"}  # which are filled in when the page is written
    assert not re.search(r'textContent = "[^"]+"', joined_scripts())


def test_texts_are_in_one_file_and_the_page_is_ready_for_another(page):
    assert [path.name for path in TEXTS.iterdir()] == ["en.yaml"]
    assert '<html lang="en" dir="ltr">' in page
    words = re.sub(
        r"<(script|style|template).*?</\1>|<[^>]+>|\{[{%].*?[%}]\}",
        " ",
        (PAGE / "page.html").read_text("utf-8"),
        flags=re.DOTALL,
    )
    assert not re.findall(r"[A-Za-z]{2,}", words)


def test_a_second_language_is_one_file_and_may_be_written_from_right_to_left(written, tmp_path, monkeypatch):
    """A made-up language leaves no English on the page but what was reported and measured."""
    for source, module, name in ((TEXTS, written_content, "TEXTS"), (wording.SENTENCES, wording, "SENTENCES")):
        texts = greek(yaml.safe_load((source / "en.yaml").read_text(encoding="utf-8")))
        (tmp_path / name).mkdir()
        (tmp_path / name / "xx.yaml").write_text(
            yaml.safe_dump({**texts, "direction": "rtl"}, allow_unicode=True), "utf-8"
        )
        monkeypatch.setattr(module, name, tmp_path / name)
    found = explorable.page_of(written.gathered, "xx")
    assert '<html lang="xx" dir="rtl">' in found
    shown = re.sub(
        r'<(style|script|template).*?</\1>|<details class="papers" id="sources">.*?</details>|<[^>]+>',
        " ",
        found,
        flags=re.DOTALL,
    )
    reported_words = " ".join(row.source for row in evidence().values())
    left = set(re.findall(r"[A-Za-z]{3,}", shown)) - set(re.findall(r"[A-Za-z]{3,}", reported_words))
    titles = " ".join(one["title"] for one in described(campaigns_in(found))["decisions"])
    assert left <= {*re.findall(r"[A-Za-z]{3,}", titles), "free", "calibrated", "numbers", "declared", "not"}
    style = (PAGE / "page.css").read_text(encoding="utf-8")
    assert not re.search(r"(?:margin|padding|border)-(?:left|right)|text-align: (?:left|right)|float", style)


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("policies=border=ajar", "border"),
        ("policies=border", "policies"),
        ("policies=theory=odds_only", "policies"),
        ("policies=border=as_reported", "policies"),
        ("policies=border=closed,border=closed", "policies"),
    ],
)
def test_a_decision_that_is_none_is_refused(word, key):
    if word.endswith("border=closed,border=closed"):  # named twice is named once
        assert read_request(Explorable, [word]).policies == ("border=closed",)
        return
    assert refused(word, small=["runs=50", "worlds=free"]).key.startswith(key)


@pytest.mark.parametrize("word", ["end_date=2021-07-20", "daily=false", "sampling=latin_hypercube"])
def test_a_setting_that_the_page_chooses_is_refused(word):
    assert refused(word).key == word.partition("=")[0]


def test_too_few_campaigns_are_refused_before_any_is_run():
    assert refused("runs=49", small=["worlds=free"]).key == "runs"


def test_a_folder_in_the_place_of_the_page_is_refused_before_campaigns_are_run(tmp_path, monkeypatch):
    monkeypatch.setattr("sim.explorable.explorable.gather", None)
    with pytest.raises(PanjError, match=f"out: {tmp_path}: found a folder, expected a file"):
        write_explorable(read_request(Explorable, [f"out={tmp_path}"]), console_of())


def test_a_sweep_and_an_unknown_kind_of_worlds_are_refused():
    for words in (["-m", "border=open,closed"], ["worlds=dreamt"]):
        with pytest.raises(PanjError):
            read_request(Explorable, words)


def test_the_same_command_writes_the_same_page_and_runs_nothing(written, page, monkeypatch):
    monkeypatch.setattr(work, "run_campaign", lambda *_: pytest.fail("a campaign was run"))
    assert ask().path.read_text(encoding="utf-8") == page


def test_an_edited_page_and_another_file_are_never_written_over(written, page, tmp_path):
    edited, other = tmp_path / "edited.html", tmp_path / "notes.txt"
    edited.write_text(page.replace("A night on the river", "My night"), encoding="utf-8")
    other.write_text("notes", encoding="utf-8")
    for path in (edited, other):
        before = path.read_bytes()
        with pytest.raises(PanjError):
            ask(f"out={path}")
        assert path.read_bytes() == before
    own = tmp_path / "deep" / "own.html"
    assert ask(f"out={own}").path == own
    assert ask(f"out={own}").path.read_text(encoding="utf-8") == page


def test_pages_that_differ_have_different_names(written, place, page):
    assert written.path.name == "explorable__free__runs_50.html"
    plain = explorable.file_name(read_request(Explorable, []))
    assert plain == "explorable.html"
    names = {
        explorable.file_name(read_request(Explorable, [word])) for word in ("worlds=free", "worlds=record", "runs=60")
    }
    assert len(names | {plain}) == 4


@pytest.mark.parametrize("word", ["study=more runs=51", "study=less policies=border=closed"])
def test_a_page_of_other_campaigns_is_never_written_over(written, page, tmp_path, word):
    path = tmp_path / "summer.html"
    ask(f"out={path}")
    new = word.split()
    words = [*(one for one in SMALL if one.partition("=")[0] != new[-1].partition("=")[0]), *new]
    with pytest.raises(PanjError) as raised:
        write_explorable(read_request(Explorable, [*words, f"out={path}"]), console_of())
    assert raised.value.key == "out" and path.read_text(encoding="utf-8") == page


def test_a_page_that_is_too_large_is_refused_and_not_written(written, tmp_path, monkeypatch):
    monkeypatch.setattr(explorable, "MOST_BYTES", 1000)
    with pytest.raises(PanjError) as raised:
        ask(f"out={tmp_path / 'large.html'}")
    assert raised.value.key == "runs" and not list(tmp_path.iterdir())


def test_json_and_quiet_name_the_file(written, capsys):
    assert front.main(["explorable", *SMALL, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["bytes"] == written.path.stat().st_size < explorable.MOST_BYTES
    assert found["decisions"] == ["border=closed", "taliban=no_parley"] and found["campaigns_per_decision"] == 50
    assert front.main(["explorable", *SMALL, "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == str(written.path) == found["path"]


def test_python_writes_the_same_page(written, page, tmp_path):
    import sim

    path = sim.write_explorable(
        ["border=closed", "taliban=no_parley"],
        worlds="free",
        runs=50,
        calibration="as_declared",
        out=tmp_path / "x.html",
    )
    assert path.read_text(encoding="utf-8") == page


def test_the_next_step_can_be_taken(written, capsys):
    assert front.main(["explorable", *SMALL]) == 0
    said = capsys.readouterr().out
    assert f"Written: {written.path}" in said and f"story {written.gathered.study.folder}" in said
