"""Boxes: a planted one is recovered and measured on campaigns that did not shape it; chance is no finding."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from described import undescribed
from fitted import make_bank
from PIL import Image

from sim.__main__ import main
from sim.calibrate.fit import read_bank
from sim.errors import PanjError
from sim.explore.discover import (
    Found,
    Limit,
    check,
    choose,
    discover,
    halves_of,
    inside,
    measure,
    peels,
    quasi_p_of,
    without,
)
from sim.options import Discover, read_request
from sim.provenance import seal
from sim.study.files import digest_of_file
from sim.wording import percent

KEYS = tuple("abcdefgh")
OUTCOME = "troops_crossed"
ASKED = read_request(Discover, [f"outcome={OUTCOME}", "above=1"])
PLANTED = {"b": ("above", 0.6), "e": ("below", 0.35)}


def drawn_of(campaigns: int, seed: int) -> Any:
    return np.random.default_rng(seed).random((campaigns, len(KEYS)))


def in_planted(drawn: Any) -> Any:
    return (drawn[:, 1] > 0.6) & (drawn[:, 4] < 0.35)


def cases_of(drawn: Any, inside_: float, outside: float, seed: int, where: Any = in_planted) -> Any:
    """Cases that are frequent where they are planted and rare elsewhere."""
    return np.random.default_rng(seed + 100).random(len(drawn)) < np.where(where(drawn), inside_, outside)


def found_in(cases: Any, drawn: Any, asked: Discover = ASKED) -> list[Found]:
    return discover(drawn, cases, KEYS, asked)


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_box_is_recovered(seed: int) -> None:
    drawn = drawn_of(4000, seed)
    box = found_in(cases_of(drawn, 0.9, 0.03, seed), drawn)[0]
    assert box.is_finding
    assert {limit.key: (limit.side, pytest.approx(limit.value, abs=0.05)) for limit in box.box} == PLANTED
    assert all(tested.holds for tested in box.limits)
    assert box.other.density == pytest.approx(0.9, abs=0.06)
    assert box.other.coverage == pytest.approx(0.9 * 0.14 / (0.9 * 0.14 + 0.03 * 0.86), abs=0.08)
    fresh = drawn_of(100_000, seed + 50)
    held = inside(box.box, fresh, KEYS)
    assert box.other.low < cases_of(fresh, 0.9, 0.03, seed + 50)[held].mean() < box.other.high
    assert box.other.elsewhere < 0.06


@pytest.mark.parametrize("seed", range(6))
def test_chance_is_no_finding(seed: int) -> None:
    drawn = drawn_of(2000, seed)
    assert not [box for box in found_in(cases_of(drawn, 0.2, 0.2, seed), drawn) if box.is_finding]


def test_a_search_looks_denser_where_it_was_made_than_it_is() -> None:
    """Why boxes are measured in the other half: even on pure chance the search finds dense ones."""
    drawn = drawn_of(2000, 1)
    first, other = halves_of(drawn, cases_of(drawn, 0.2, 0.2, 1))
    last = peels(first.drawn, first.cases, KEYS, 0.05)[-1]
    assert measure(last, first, KEYS, first).density > 0.3 > measure(last, other, KEYS, other).density


def test_a_second_box_is_found_in_what_the_first_leaves() -> None:
    drawn = drawn_of(8000, 5)

    def either(one: Any) -> Any:
        return in_planted(one) | ((one[:, 2] > 0.7) & (one[:, 6] > 0.7))

    found = [box for box in found_in(cases_of(drawn, 0.95, 0.01, 5, either), drawn) if box.is_finding]
    restricted = [{limit.key for limit in box.box} for box in found[:2]]
    assert sorted(map(sorted, restricted)) == [["b", "e"], ["c", "g"]]
    both = inside(found[0].box, drawn, KEYS) & inside(found[1].box, drawn, KEYS)
    assert both.any()  # they overlap, and what lies in both is counted once
    assert 0.8 < sum(box.other.coverage for box in found) <= 1


def test_a_limit_that_means_nothing_is_told_by_its_quasi_p_value() -> None:
    drawn = drawn_of(4000, 2)
    _, other = halves_of(drawn, cases_of(drawn, 0.9, 0.03, 2))
    real, empty = Limit("b", "above", 0.6), Limit("h", "above", 0.3)
    by_limit = {tested.limit: tested for tested in quasi_p_of((real, Limit("e", "below", 0.35), empty), other, KEYS)}
    assert by_limit[real].quasi_p < 1e-6 and by_limit[real].holds
    assert by_limit[empty].quasi_p > 0.05 and not by_limit[empty].holds


def test_a_wanted_density_is_reached_with_the_widest_box_that_has_it() -> None:
    drawn = drawn_of(4000, 3)
    cases = cases_of(drawn, 0.9, 0.03, 3)
    wide, dense = (found_in(cases, drawn, replace(ASKED, density=share, boxes=1))[0] for share in (0.3, 0.85))
    assert dense.first.density >= 0.85 and wide.first.density >= 0.3
    assert wide.other.coverage > dense.other.coverage
    steps = [first for first, _ in wide.steps]
    assert steps[choose(steps, 0.3)].coverage == max(one.coverage for one in steps if one.density >= 0.3)


def test_the_same_campaigns_give_the_same_boxes_and_order_of_numbers_is_no_matter() -> None:
    drawn = drawn_of(3000, 4)
    cases = cases_of(drawn, 0.9, 0.03, 4)
    once, again = (found_in(cases.copy(), drawn.copy()) for _ in range(2))
    assert once == again
    turned = discover(drawn[:, ::-1].copy(), cases, KEYS[::-1], ASKED)
    assert set(turned[0].box) == set(once[0].box)


def test_boxes_are_lists_of_limits() -> None:
    drawn = np.array([[0.1, 0.9], [0.5, 0.5], [0.9, 0.1]])
    box = (Limit("a", "above", 0.5), Limit("b", "below", 0.5))
    assert inside(box, drawn, "ab").tolist() == [False, True, True]
    assert inside(without(box, box[0]), drawn, "ab").tolist() == [False, True, True]
    assert inside((), drawn, "ab").all()


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank of campaigns that cost nothing, whose soldiers are then planted: many where two numbers are high."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patched:
        make_bank(patched, "runs=1200", "end_date=2021-05-04", f"results_dir={folder}")
    bank = read_bank(folder / "bank")
    ranks = np.argsort(np.argsort(bank.drawn[:, [3, 7]], axis=0), axis=0) / len(bank.seeds)
    chance = np.random.default_rng(1).random(len(bank.seeds))
    planted = np.where((ranks > 0.5).all(axis=1), 1000 + 900 * chance, 1050 * chance)
    path = folder / "bank" / "runs.parquet"
    table = pq.read_table(path)
    assert table["seed"].to_pylist() == sorted(table["seed"].to_pylist())
    place = table.column_names.index(OUTCOME)
    pq.write_table(table.set_column(place, OUTCOME, pa.array(planted)), path)
    about = json.loads((folder / "bank" / "about.json").read_text(encoding="utf-8"))
    about["tables"]["runs.parquet"] = digest_of_file(path)
    (folder / "bank" / "about.json").write_text(json.dumps(seal(about)), encoding="utf-8")
    return folder / "bank"


def test_a_bank_gives_sentences_tables_and_a_figure_and_nothing_is_run(
    bank: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in ("sim.execution.work.run_campaign", "sim.execution.run.run_campaign"):
        monkeypatch.setattr(place, None)  # which nothing may call
    before = {path: path.read_bytes() for path in bank.rglob("*.*") if path.is_file()}
    assert main(["discover", str(bank), f"outcome={OUTCOME}", "above=1000"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    folder = bank / "discoveries" / f"{OUTCOME}_above_1000"
    assert {path: path.read_bytes() for path in before} == before
    assert undescribed(folder) == []
    keys = [read_bank(bank).keys[place] for place in (3, 7)]
    with (folder / "limits.csv").open(newline="", encoding="utf-8") as file:
        limits = [row for row in csv.DictReader(file) if row["box"] == "1"]
    assert {(row["number"], row["side"], row["holds"]) for row in limits} == {(key, "above", "yes") for key in keys}
    with (folder / "boxes.csv").open(newline="", encoding="utf-8") as file:
        first = next(csv.DictReader(file))
    assert first["finding"] == "yes" and float(first["density"]) > 0.8 and float(first["coverage"]) > 0.6
    assert f"in {percent(float(first['density']))} of campaigns (density," in said
    assert f"and {percent(float(first['coverage']))} of all campaigns of that kind are in it (coverage)." in said
    assert '"Soldiers who crossed up to the last day" is above 1,000' in said
    assert "1,200 campaigns of bank" in said and "numbers drawn from the prior, not calibrated" in said
    with Image.open(folder / "boxes.png") as picture:
        assert json.loads(picture.text["panj"])["outcome"] == OUTCOME
    campaigns = pq.read_table(folder / "campaigns.parquet").to_pandas()
    other = campaigns[(campaigns["half"] == "other") & (campaigns["box"] == 1)]
    assert len(other) == int(first["campaigns"]) and other["case"].sum() == int(first["cases"])


def test_another_question_has_a_folder_of_its_own(bank: Path) -> None:
    assert main(["discover", str(bank), f"outcome={OUTCOME}", "above=1000"]) == 0
    kept = (bank / "discoveries" / f"{OUTCOME}_above_1000" / "boxes.csv").read_bytes()
    assert main(["discover", str(bank), f"outcome={OUTCOME}", "above=200", "below=700", "boxes=1"]) == 0
    assert (bank / "discoveries" / f"{OUTCOME}_above_1000" / "boxes.csv").read_bytes() == kept
    assert (bank / "discoveries" / f"{OUTCOME}_above_200_below_700_boxes_1" / "discover.json").is_file()


def test_where_there_is_only_chance_no_box_is_reported(bank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["discover", str(bank), "outcome=people_displaced", "above=500"]) == 0  # drawn by dice alone
    said = " ".join(capsys.readouterr().out.split())
    assert "No box was found in which" in said
    assert "is not a finding" in said or "Box" not in said.replace("Boxes", "")


def test_where_no_box_is_found_every_table_has_its_header(bank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["discover", str(bank), f"outcome={OUTCOME}", "above=1010"]
    folder = bank / "discoveries" / f"{OUTCOME}_above_1010"
    names = ("boxes.csv", "limits.csv", "trade_off.csv")
    assert main(words) == 0
    headers = [(folder / name).read_text(encoding="utf-8").splitlines()[0] for name in names]
    monkeypatch.setattr("sim.explore.discover.discover", lambda *_: [])
    assert main(words) == 0
    assert [(folder / name).read_text(encoding="utf-8") for name in names] == [f"{header}\n" for header in headers]
    assert undescribed(folder) == []


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["above=1"], "outcome: found none, expected one"),
        ([f"outcome={OUTCOME}"], "above: found neither above nor below"),
        ([f"outcome={OUTCOME}", "above=many"], "above: found 'many', expected a number such as 1000, or a date"),
        ([f"outcome={OUTCOME}", "above=5", "below=4"], "expected above lower than below"),
        ([f"outcome={OUTCOME}", "over=5"], "discover: found 'over', expected one of"),
        ([f"outcome={OUTCOME}", "above=5", "density=2"], "density: found '2', expected a share"),
        ([f"outcome={OUTCOME}", "above=5", "numbers=0"], "numbers: found '0', expected a whole number from 1"),
        (["one", "two", f"outcome={OUTCOME}", "above=5"], "discover: found 2 folders"),
    ],
)
def test_what_is_wrong_with_a_question_is_named(words: list[str], error: str) -> None:
    with pytest.raises(PanjError) as raised:
        check(read_request(Discover, words))
    assert error in str(raised.value)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["outcome=troops_crosed", "above=1"], "did you mean 'troops_crossed'?"),
        ([f"outcome={OUTCOME}", "above=1e9"], "above: found 0 of 1,200 campaigns"),
        ([f"outcome={OUTCOME}", "above=-1"], "above: found 1,200 of 1,200 campaigns"),
        ([f"outcome={OUTCOME}", "above=2021-07-05"], "for troops_crossed, expected a number"),
        (["outcome=capital_fell_kabul", "above=3"], "for capital_fell_kabul, expected a date such as 2021-07-05"),
        (["outcome=largest_night", "above=2021-07-04"], "outcome: found no campaign with"),
    ],
)
def test_what_a_bank_cannot_answer_is_named(
    bank: Path, words: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(bank.rglob("*"))
    assert main(["discover", str(bank), *words]) == 2
    assert error in " ".join(capsys.readouterr().err.split())
    assert sorted(bank.rglob("*")) == before


def test_a_date_is_a_threshold_too(bank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["discover", str(bank), "outcome=capital_fell_kabul", "above=2021-05-02"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "An event that did not occur counts as later than the last day." in said


def test_a_study_that_is_no_bank_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["discover", str(tmp_path), f"outcome={OUTCOME}", "above=1"]) == 2
    assert "found no about.json" in capsys.readouterr().err
