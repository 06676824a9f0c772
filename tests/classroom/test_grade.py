"""Claims on hand-ins and on the command that marks them: nothing is evaluated, all is bounded, errors say what."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from planted import PlantedCampaigns, luck
from quick import campaign_of

from sim import __main__ as front
from sim.classroom.lessons.campaigns import CHUNK, CampaignStore
from sim.classroom.lessons.hand_in import (
    DRAWINGS,
    LARGEST,
    as_csv,
    as_text,
    file_name,
    grade,
    hand_in_of,
    read_hand_in,
    write_hand_in,
)
from sim.classroom.lessons.lesson import lesson_of, sheet_of
from sim.classroom.lessons.marking import Answer
from sim.configuration.overrides import Overrides
from sim.errors import PanjError
from sim.execution import work
from sim.help import help_of
from sim.options import Grade, read_request
from sim.study.files import dialect_of

MANY, ROOT = 1000, Path(__file__).parents[2]


@pytest.fixture
def sheet():
    return sheet_of(lesson_of(1), "12")


def some_answers(sheet):
    values = luck(range(sheet.first_seed, sheet.first_seed + 100), sheet.parameters["outcome"])
    return {
        "guess": Answer((0.0, 1.0), 0),
        "one_campaign": Answer(float(values[0]), 1),
        "median": Answer(float(np.median(values)), 100),
        "inside": Answer("no", 1),
        "four_times": Answer("half as wide", 0),
        "own_words": Answer("Half of my campaigns lie below.", 0),
    }


@pytest.fixture
def file(sheet, tmp_path):
    path = tmp_path / file_name(sheet)
    path.write_text(write_hand_in(sheet, some_answers(sheet)), encoding="utf-8")
    return path


def content(**change):
    kept = {"panj_hand_in": 1, "lesson": 1, "student": "12", "answers": {}}
    return json.dumps({key: value for key, value in {**kept, **change}.items() if value is not ...}).encode()


def test_what_is_handed_in_is_read_again_without_loss(sheet, file):
    found = read_hand_in(file)
    assert found.sheet == sheet
    assert dict(found.answers) == some_answers(sheet)
    assert found.other_settings == ()


def test_yaml_says_the_same_as_json(sheet, file):
    same = yaml.safe_dump(json.loads(file.read_text(encoding="utf-8"))).encode()
    assert hand_in_of(same) == read_hand_in(file)


def test_a_hand_in_is_a_small_file(sheet, file):
    assert file.stat().st_size < LARGEST / 10


def test_a_file_name_holds_nothing_but_plain_letters():
    assert file_name(sheet_of(lesson_of(2), "../Зарина K/")) == "lesson_2____Зарина_K_.json".replace("Зарина", "______")


def test_a_task_without_an_answer_may_be_left_empty():
    assert not hand_in_of(content(answers={"median": {"value": None, "runs": 0}})).answers


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"panj_hand_in": 2}, "panj_hand_in: found 2, expected 1"),
        ({"panj_hand_in": ...}, "panj_hand_in: found nothing, expected 1"),
        ({"lesson": 9}, "lesson: found '9'"),
        ({"lesson": ["1"]}, "lesson: found a list"),
        ({"lesson": ...}, "lesson: found nothing"),
        ({"student": ...}, "student: found"),
        ({"student": {"name": "x"}}, "student: found"),
        ({"answers": ["median"]}, "answers: found a list"),
        ({"answers": {"medain": {"value": 1, "runs": 1}}}, "found 'medain'.*did you mean 'median'"),
        ({"answers": {"median": 0.4}}, "answer median: found 0.4, expected value and runs"),
        ({"answers": {"median": {"value": 1, "runs": 100, "code": "x"}}}, "answer median: found names with values"),
        ({"answers": {"median": {"value": "0.4", "runs": 100}}}, "answer median: found 0.4, expected a number"),
        ({"answers": {"median": {"value": 0.4, "runs": 1e9}}}, "answer median, runs"),
        ({"answers": {"range": {"value": [1, 2, 3], "runs": 100}}}, "expected two numbers"),
        ({"answers": {"inside": {"value": "__import__('os')", "runs": 100}}}, "expected one of yes; no"),
        ({"settings": ["x"]}, "settings: found a list"),
        ({"points": 100}, "hand-in: found 'points'"),
    ],
)
def test_a_faulty_hand_in_is_refused_by_key_with_what_was_found_and_expected(change, said):
    with pytest.raises(PanjError, match=said) as caught:
        hand_in_of(content(**change))
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[1, 2]", b"panj", b"\xff\xfe\x00", b"{", b"{" * 20_000, b"[" * 20_000, b"a: " + b"[" * 20_000,
        b"!!python/object/apply:os.system ['true']", b"panj_hand_in: !!python/name:os.system",
        b'{"panj_hand_in": 1' + b"0" * 5000 + b"}", b"a: &a [1]\nb: *a\n", b"x" * (LARGEST + 1),
    ],
)  # fmt: skip
def test_what_is_no_hand_in_is_refused_and_never_evaluated(raw):
    with pytest.raises(PanjError, match="found"):
        hand_in_of(raw)


def test_the_drawings_of_the_scenes_are_known_and_not_marked():
    with pytest.raises(PanjError, match="seven scenes"):
        hand_in_of(json.dumps({"format": DRAWINGS, "version": 1, "drawing": [64.0]}).encode())


def test_a_small_file_cannot_grow():
    """Nine levels of nine references would be a billion words."""
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(PanjError, match="alias"):
        hand_in_of("\n".join(lines).encode())


def test_only_so_much_of_a_file_is_read(tmp_path):
    path = tmp_path / "large.json"
    path.write_bytes(b" " * (3 * LARGEST))
    with pytest.raises(PanjError, match=r"large.json: found a file that is too large"):
        read_hand_in(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PanjError, match=r"nothing.json: found no readable file"):
        read_hand_in(tmp_path / "nothing.json")
    with pytest.raises(PanjError, match="expected a hand-in"):
        read_hand_in(tmp_path)


def test_settings_that_are_not_the_students_are_noted_and_never_run(sheet, tmp_path):
    path = tmp_path / "other.json"
    overrides = ["border=closed", "end_date=2021-07-08"]
    path.write_bytes(content(settings={"baseline": overrides}, answers={"median": {"value": 1.0, "runs": 100}}))
    campaigns = PlantedCampaigns()
    found = grade(path, campaigns, MANY)
    assert "not this student's (baseline)" in as_text([found])
    assert {asked[0] for asked in campaigns.asked} == set(sheet.settings.values())


def test_marks_are_told_task_by_task_with_points_and_flags(file):
    found = grade(file, PlantedCampaigns(), MANY)
    said = as_text([found])
    assert found.points == (1 + 1 + 2 + 0 + 1 + 1, 14)
    assert said.startswith("Lesson 1 (Reading a distribution), student 12: 6 of 14 points.")
    assert "Flagged: this conclusion rests on one campaign." in said
    assert found.flagged == 1
    assert said.count("Not answered.") == 3


def test_several_hand_ins_make_a_table_for_the_teacher(file, sheet, tmp_path):
    other = tmp_path / "other.json"
    other.write_text(write_hand_in(sheet_of(lesson_of(3), "7"), {}), encoding="utf-8")
    lines = as_text([grade(other, PlantedCampaigns(), MANY), grade(file, PlantedCampaigns(), MANY)]).splitlines()
    assert lines[0].split()[:4] == ["student", "lesson", "points", "flagged"]
    assert lines[1].split()[0] == "12" and lines[1].split()[-2:] == ["6/14", "1"]
    assert lines[2].split()[0] == "7" and lines[2].split()[-2:] == ["0/13", "0"]


def test_a_spreadsheet_gets_a_row_a_task_and_no_formula(tmp_path):
    path = tmp_path / "formula.json"
    student = '=cmd("x")'
    path.write_bytes(content(student=student, answers={"own_words": {"value": "+1\n@x\x1b[2J", "runs": 0}}))
    rows = list(csv.DictReader(io.StringIO(as_csv([grade(path, PlantedCampaigns(), MANY)]))))
    assert [row["task"] for row in rows] == [task.key.replace("_", " ") for task in lesson_of(1).tasks]
    assert {row["student"] for row in rows} == {f"'{student}"}
    assert not any(cell.startswith(("=", "+", "@", "-")) for row in rows for cell in row.values())
    assert "\x1b" not in as_text([grade(path, PlantedCampaigns(), MANY)])


@pytest.mark.parametrize(("separator", "decimal", "mark"), [
    ("", ".", ","), ("semicolon", ".", ";"), ("tab", ".", "\t"), ("", ",", ";"), ("tab", ",", "\t"),
])  # fmt: skip
def test_marks_have_the_separator_and_the_decimal_mark_of_the_country(separator, decimal, mark, tmp_path):
    path = tmp_path / "one.json"
    path.write_bytes(content(answers={"own_words": {"value": "one; two, three\tfour", "runs": 0}}))
    graded = grade(path, PlantedCampaigns(), MANY)
    half = graded._replace(marks=[one._replace(points=0.5) for one in graded.marks])
    text = as_csv([half], dialect_of(separator, decimal))
    rows = list(csv.DictReader(io.StringIO(text), delimiter=mark))
    assert [row["task"] for row in rows] == [lesson_of(1).name_of(task.key) for task in lesson_of(1).tasks]
    assert {row["points earned"] for row in rows} == {f"0{decimal}5"}


def test_a_separator_without_a_table_is_refused_before_anything_is_run(quick, file, capsys):
    assert front.main(["grade", str(file), "separator=semicolon"]) == 2
    assert capsys.readouterr().err.startswith("panj: separator: ")
    assert not Path("results").exists()


def test_the_headings_of_the_marks_say_what_a_column_has_as_the_glossary_does(file):
    heads = next(csv.reader(io.StringIO(as_csv([grade(file, PlantedCampaigns(), MANY)]))))
    assert heads[4:7] == ["points earned", "points possible", "flagged (too few campaigns)"] and len(set(heads)) == 8
    glossary = (ROOT / "docs" / "reference" / "glossary.md").read_text(encoding="utf-8")
    assert "too few campaigns is *flagged*" in glossary


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ([], "grade: found 0 files"),
        (["a.json", "separator=dot"], "separator: found 'dot'"),
        (["a.json", "format=pdf"], "format: found 'pdf'"),
        (["a.json", "reference=3"], "reference: found '3'"),
        (["a.json", "fromat=csv"], "found 'fromat'.*did you mean 'format'"),
        (["a.json", "--csv"], "found '--csv'"),
        (["a.json", "format=csv", "format=text"], "format: found"),
    ],
)
def test_a_command_that_cannot_be_followed_is_refused_by_key(overrides, said):
    with pytest.raises(PanjError, match=said):
        read_request(Grade, overrides)


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Campaigns that cost nothing, and a folder to stand in."""
    monkeypatch.setattr(work, "run_campaign", campaign_of)
    monkeypatch.setenv("PANJ_QUICK", "{}")
    monkeypatch.chdir(tmp_path)


def test_one_bad_file_keeps_nothing_from_the_others(quick, file, capsys):
    Path("bad.json").write_text("{}", encoding="utf-8")
    code = front.main(["grade", "bad.json", str(file), "reference=20"])
    found = capsys.readouterr()
    assert code == 2
    assert "bad.json: panj_hand_in: found nothing, expected 1" in found.err
    assert "student 12" in found.out


@pytest.mark.parametrize("value", ["!!bool abc", "!!timestamp xyz", '!!int ""', f"0x{'f' * 6000}", f"1{':59' * 300}.5"])
def test_a_file_whose_values_have_no_type_keeps_nothing_from_the_others(quick, file, value, capsys):
    Path("bad.yaml").write_text(f"panj_hand_in: 1\nlesson: {value}\n", encoding="utf-8")
    assert front.main(["grade", "bad.yaml", str(file), "reference=20"]) == 2
    found = capsys.readouterr()
    assert "bad.yaml: found content that is neither JSON nor plain YAML" in found.err
    assert "student 12" in found.out


def test_campaigns_for_marking_are_kept_and_a_damaged_file_is_rerun(quick, tmp_path):
    overrides = Overrides.of(["end_date=2021-07-08"])
    lived = CampaignStore(tmp_path)
    first = lived.table(overrides, 30, 40)
    assert first["seed"].to_pylist() == list(range(30, 70))
    kept = sorted(tmp_path.rglob("*.parquet"))
    assert len(kept) == 2
    dates = [path.stat().st_mtime_ns for path in kept]
    assert CampaignStore(tmp_path).table(overrides, 30, 40).equals(first)
    assert [path.stat().st_mtime_ns for path in kept] == dates
    kept[0].write_bytes(b"damaged")
    assert CampaignStore(tmp_path).table(overrides, 30, 40).equals(first)
    assert kept[0].stat().st_size > CHUNK


def test_other_settings_have_other_campaigns(quick, tmp_path):
    lived = CampaignStore(tmp_path)
    overrides = Overrides.of(["end_date=2021-07-08"])
    closed = Overrides.of(["border=closed"]) + overrides
    assert lived.path(lived.order(overrides), 0) != lived.path(lived.order(closed), 0)


def test_the_verb_is_on_the_front_door():
    assert "grade" in help_of([])
    assert "python -m sim grade FILE" in help_of(["grade"])
