"""Tests that every block of results in the documentation was made by the current rules and data."""

import re
import sys
from pathlib import Path

import pytest

from sim.configuration.worlds import read_worlds
from sim.data.configs import read_yaml

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "docs"))
import generate  # noqa: E402

MADE_WITH = r"<!-- (\d+) campaigns, settings ([\w-]+): python docs/generate.py (\w+) -->"
SENTENCES = [(row["page"], mark) for mark, row in read_yaml(generate.BLOCKS).items()]


def block_of(page: str, mark: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8").partition(f"<!-- {mark} -->")[2].partition("<!-- end of")[0]


@pytest.mark.parametrize(("page", "mark"), [("docs/explanation/fit.md", "fit"), *SENTENCES])
def test_a_block_was_made_from_the_default_campaigns_of_today(page: str, mark: str) -> None:
    stamp = generate.stamp_of([generate.fit_settings()], generate.FIT_RUNS, "fit")
    assert stamp in block_of(page, mark), "python docs/generate.py fit"


@pytest.mark.parametrize(
    ("page", "mark", "words"),
    [
        ("docs/how-to/sweep.md", "sweep", generate.SWEEP),
        ("docs/how-to/sweep.md", "capacity", generate.CAPACITY),
        ("docs/how-to/question.md", "question", generate.QUESTION),
    ],
)
def test_a_sweep_was_made_from_the_cells_of_today(page: str, mark: str, words: str) -> None:
    stamp = generate.stamp_of(generate.sweep_cells(words), generate.FIT_RUNS, mark)
    assert stamp in block_of(page, mark), f"python docs/generate.py {mark}"
    assert sorted(words.split()) in [
        sorted(line.removeprefix("panj ").split()) for line in (ROOT / page).read_text(encoding="utf-8").splitlines()
    ]


def test_the_what_ifs_were_made_from_the_worlds_that_ship() -> None:
    page = generate.JULY.read_text(encoding="utf-8")
    for words in generate.WORLDS.values():
        assert f"panj {words}\n" in page
    assert all(change in page for change in generate.TURNS.values())
    if not (ROOT / "configs" / "worlds.parquet").exists():
        assert "Not computed yet" in block_of("docs/how-to/july_2021.md", "july")
        return
    cells = [cell for words in generate.WORLDS.values() for cell in generate.sweep_cells(words)]
    assert generate.stamp_of(cells, generate.FIT_RUNS, "july") in page, "python docs/generate.py july"


@pytest.mark.parametrize(("page", "mark"), SENTENCES)
def test_a_block_has_the_sentences_of_its_file(page: str, mark: str) -> None:
    text = read_yaml(generate.BLOCKS)[mark]["text"].strip()
    parts = re.split(r"\{[\w.]+\}", text)
    assert re.fullmatch(r"\n.*-->\n" + "[^{}]+?".join(map(re.escape, parts)) + r"\n", block_of(page, mark))


@pytest.mark.parametrize("name", sorted(read_yaml(generate.DIGESTS)))
def test_no_number_of_a_block_was_edited_by_hand(name: str) -> None:
    page, mark = name.split(", ")
    assert generate.digest_of(block_of(page, mark)) == read_yaml(generate.DIGESTS)[name], "python docs/generate.py"


def test_every_block_that_is_generated_has_a_digest() -> None:
    marks = {
        generate.name_of_block(path, mark)
        for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
        for mark in re.findall(r"^<!-- ([\w -]+) -->$", path.read_text(encoding="utf-8"), re.MULTILINE)
        if not mark.startswith("end of ") and path.name != "speed.md"  # which the benchmarks write
    }
    assert marks == set(read_yaml(generate.DIGESTS))


def test_a_digest_is_of_numbers_alone() -> None:
    assert generate.digest_of("56 of 64, or 2.5 %.") == generate.digest_of("Of 56 there are 64; 2.5 %")
    assert generate.digest_of("56 of 64") != generate.digest_of("58 of 64")


def test_a_block_is_stale_when_a_number_changes() -> None:
    usual = generate.fit_settings()
    changed = generate.compose_settings(["end_date=2021-07-08", "rules.calls.travel_days=2"])
    assert generate.stamp_of([usual], 500, "fit") != generate.stamp_of([changed], 500, "fit")
    assert generate.stamp_of([usual], 500, "fit") != generate.stamp_of([usual], 200, "fit")


@pytest.mark.parametrize(
    ("mark", "made"), [("parameters", "parameter_tables"), ("policies", "policy_table"), ("left out", "left_out")]
)
def test_the_tables_of_the_model_are_those_of_its_files(mark: str, made: str) -> None:
    assert block_of("docs/explanation/odd.md", mark).strip() == getattr(generate, made)(), "python docs/generate.py"


@pytest.mark.parametrize(
    "page", ["README.md", "docs/explanation/calibration.md", "docs/how-to/question.md", "docs/how-to/sweep.md"]
)
def test_every_stamp_names_a_command_that_makes_it(page: str) -> None:
    found = re.findall(MADE_WITH, (ROOT / page).read_text(encoding="utf-8"))
    assert found and all(command in ("fit", "sweep", "capacity", "question") for _, _, command in found)


def test_the_score_in_the_page_on_calibration_is_that_of_its_block() -> None:
    inside, events = re.findall(r"targets (\d+) are inside, and all targets of (\d+) of",
                                block_of("docs/explanation/calibration.md", "does-not-fit"))[0]  # fmt: skip
    page = (ROOT / "docs" / "explanation" / "calibration.md").read_text(encoding="utf-8")
    assert re.search(rf"\| targets inside their 90 % interval \|.*\| {inside} of \d+ \|\n", page)
    assert re.search(rf"\| events with all their targets inside \|.*\| {events} of \d+ \|\n", page)


def test_a_figure_is_printed_whole_from_10_on() -> None:
    figure = generate.Figure(generate.np.array([0.0, 100.0, 1500.0]))
    assert figure.median == "100" and figure.spread == "100 (10 to 1,360)"
    assert generate.format_value(0.963) == "0.96" and generate.format_value(4.5) == "4.5"


@pytest.mark.parametrize("page", ["tutorials/worlds.md", "how-to/commands.md", "explanation/assimilation.md"])
def test_a_page_says_how_many_worlds_ship(page: str) -> None:
    worlds = f"{len(read_worlds(ROOT / 'configs' / 'worlds.parquet').addresses):,}"
    said = re.findall(r"sample of ([\d,]+) comes|\(([\d,]+) worlds to 7 July|Assimilated: ([\d,]+) worlds",
                      (ROOT / "docs" / page).read_text(encoding="utf-8"))  # fmt: skip
    assert ["".join(groups) for groups in said] == [worlds]
