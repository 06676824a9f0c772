"""Sensitivity to numbers whose effect is planted: what moves an outcome is found, what chance moves is not sold."""

import csv
import json
import math
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from described import undescribed
from PIL import Image
from quick import campaign_of

from sim.__main__ import main
from sim.configuration.draws import read_priors
from sim.engine.campaign import Campaign
from sim.errors import PanjError
from sim.explore.design import STEP, Answers, cross_samples, known, trajectories
from sim.explore.figures import Measured, describe_shares, next_step
from sim.explore.sensitivity import (
    TIMED,
    choose,
    effects_of,
    indices_of,
    resolve,
    rows_of_outcomes,
    rows_of_sobol,
    share_left,
)
from sim.options import Sensitivity, read_command, read_request
from sim.study.reader import Measure
from sim.terminal import console_of

KEYS = tuple("abcdefghij")
MEASURE = Measure("crossed", "Soldiers who crossed", "soldiers", False,
                  {"text": "5 (F001)", "value": 5.0, "low": None, "high": None, "evidence": "F001"})  # fmt: skip
OUTCOME, OTHER = "troops_crossed", "people_displaced"
VARIED = ("rules.news.fade_days", "rules.morale.base", "rules.advance.gather_days", "rules.flight.daily_share")
SMALL = ("end_date=2021-05-04", "trajectories=10", "samples=16", "runs=3", "seed=7", f"keys=[{','.join(VARIED)}]")
Row = dict[str, str]


def answers_of(shares: Any, planted: Callable[[Any], Any], noise: float, seed: int = 1, runs: int = 8) -> Answers:
    """A planted function of the points, and noise that is new at every point and for every seed: the worst case."""
    own = noise * np.random.default_rng(seed).standard_normal((runs, len(shares)))
    return Answers(MEASURE, planted(shares.T) + own)


def lively(x: Any) -> Any:
    return 3 * x[0] - 2 * x[4] + 4 * (x[6] - 0.5) * (x[7] - 0.5)


@pytest.mark.parametrize("seed", range(5))
def test_screening_chooses_the_numbers_that_move_the_outcome_and_no_other(seed: int) -> None:
    shares = trajectories(KEYS, 20, seed)
    effects = effects_of(KEYS, shares, {"y": answers_of(shares, lively, 0.1, seed)}, seed)
    assert set(choose(effects, 10)) == {"a", "e", "g", "h"}
    assert set(choose(effects, 2)) == {"a", "e"}
    by_key = {effect.key: effect for effect in effects}
    assert by_key["a"].mu == pytest.approx(3, abs=0.3) and by_key["e"].mu == pytest.approx(-2, abs=0.3)
    assert by_key["g"].sigma > 5 * by_key["a"].sigma  # an interaction: its steps differ from place to place


@pytest.mark.parametrize("seed", range(5))
def test_what_chance_alone_moves_is_not_chosen(seed: int) -> None:
    shares = trajectories(KEYS, 100, seed)
    effects = effects_of(KEYS, shares, {"y": answers_of(shares, lambda x: 0 * x[0], 1.0, seed)}, seed)
    assert choose(effects, 10) == ()
    mean = float(np.mean([effect.mu_star for effect in effects]))
    assert mean == pytest.approx(effects[0].noise, rel=0.1)
    assert mean == pytest.approx(2 / math.sqrt(8 * math.pi) / STEP, rel=0.1)  # two normal means of 8 seeds
    assert max(effect.mu_star for effect in effects) < effects[0].floor


def test_sobol_indices_of_the_ishigami_function_are_those_of_the_textbook() -> None:
    def ishigami(x: Any) -> Any:
        angle = math.pi * (2 * x - 1)
        return np.sin(angle[0]) + 7 * np.sin(angle[1]) ** 2 + 0.1 * angle[2] ** 4 * np.sin(angle[0])

    shares = cross_samples(("a", "b", "c"), 1024, 3)
    found = indices_of(("a", "b", "c"), shares, {"y": answers_of(shares, ishigami, 0.0)}, 3)
    assert [one.first for one in found] == pytest.approx([0.3139, 0.4424, 0.0], abs=0.05)
    assert [one.total for one in found] == pytest.approx([0.5576, 0.4424, 0.2437], abs=0.05)
    assert all(0 < one.total_half_width < 0.15 for one in found)


def test_low_and_high_fifths_show_the_direction() -> None:
    shares = cross_samples(("a", "b"), 256, 1)
    rising, falling = indices_of(("a", "b"), shares, {"y": answers_of(shares, lambda x: x[0] - 2 * x[1], 0.0)}, 1)
    assert rising.at_high - rising.at_low == pytest.approx(0.8, abs=0.1)
    assert falling.at_high - falling.at_low == pytest.approx(-1.6, abs=0.1)


def test_the_variance_of_a_campaign_is_split_between_numbers_and_chance() -> None:
    shares = cross_samples(("a", "b"), 512, 1)
    answers = {"y": answers_of(shares, lambda x: x[0], 0.5, runs=4)}  # variance 1/12 of the number, 1/4 of chance
    row = rows_of_outcomes(answers, "sobol")[0]
    assert float(row["share_numbers"]) == pytest.approx(0.25, abs=0.03)
    assert float(row["share_numbers"]) + float(row["share_chance"]) == pytest.approx(1)
    assert share_left(answers["y"]) == pytest.approx(3 / 7, abs=0.05)  # 1/16 of 1/12 + 1/16
    rows = rows_of_sobol(indices_of(("a", "b"), shares, answers, 1), answers)
    inert = next(row for row in rows if row["number"] == "b")
    assert float(inert["total"]) == pytest.approx(share_left(answers["y"]), abs=0.1)  # all chance, as the text says
    assert rows[-1]["number"] == "chance" and float(rows[-1]["total"]) == pytest.approx(share_left(answers["y"]), 1e-4)


def test_an_outcome_that_never_changes_has_no_indices() -> None:
    shares = cross_samples(("a", "b"), 16, 1)
    found = indices_of(("a", "b"), shares, {"y": answers_of(shares, lambda x: 0 * x[0] + 4, 0.0)}, 1)
    assert all((one.first, one.total) == (0, 0) for one in found)
    assert rows_of_sobol(found, {"y": answers_of(shares, lambda x: 0 * x[0] + 4, 0.0)})[-1]["total"] == "0"


def test_a_missing_campaign_leaves_the_mean_of_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    values = np.array([[1.0, 2.0, np.nan], [3.0, np.nan, np.nan]])
    whole, empty = Answers(MEASURE, values[:, :2]), Answers(MEASURE, values)
    assert whole.means.tolist() == [2, 2] and whole.noise == 2
    assert known({"whole": whole, "empty": empty}, console_of()).keys() == {"whole"}
    assert "empty is excluded" in capsys.readouterr().out
    with pytest.raises(PanjError, match="no campaign has empty"):
        known({"empty": empty}, console_of())
    with pytest.raises(PanjError, match="at 1 of 3 points"):
        _ = empty.means


class Counted:
    """Campaigns whose soldiers follow two numbers and the chance of their seed; how often each seed was run."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def __call__(self, layout: Any, rules: Any, timeline: Any, seed: int, days: int, world: Any = None) -> Campaign:
        if days > 1:  # a campaign of one day is for compiling
            self.seeds.append(seed)
        campaign = campaign_of(layout, rules, timeline, seed, days)
        chance = np.random.default_rng(seed).integers(0, 5)
        campaign.record.crossed[:] = 0
        campaign.record.crossed[0, 0] = round(20 * rules.news.fade_days + 900 * rules.morale.base) + chance
        return campaign


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    campaigns = Counted()
    monkeypatch.setattr("sim.execution.work.run_campaign", campaigns)
    monkeypatch.setattr("sim.execution.run.run_campaign", campaigns)
    return campaigns


def table(folder: Path, name: str) -> list[Row]:
    with (folder / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_planted_numbers_are_found_from_end_to_end(
    counted: Counted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sensitivity", f"outcome={OUTCOME}", *SMALL, f"results_dir={tmp_path}"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    folder = tmp_path / "sensitivity"
    assert undescribed(folder) == []
    chosen = {row["number"] for row in table(folder, "morris.csv") if row["chosen"] == "yes"}
    assert chosen == set(VARIED[:2])
    assert {row["number"] for row in table(folder, "sobol.csv")} == {*chosen, "chance"}
    assert "50 points x 3 seeds = 150 campaigns" in said and "2 numbers matter" in said
    assert "Next: see it: python -m sim -m rules." in said
    about = json.loads((folder / "sensitivity.json").read_text())
    assert about["designs"]["sobol"]["campaigns"] == 16 * 4 * 3
    figures = {f"tornado_{OUTCOME}.png", "heat_map.png", "screening.png"}
    assert {path.name for path in folder.glob("*.png")} == figures
    for name in figures:
        with Image.open(folder / name) as picture:
            assert json.loads(picture.text["panj"])["first_seed"] == 7
    assert main(["reproduce", str(folder / "heat_map.png")]) == 2
    assert "recreates: python -m sim sensitivity outcome=" in capsys.readouterr().err


def test_where_no_number_matters_every_table_has_its_header(
    counted: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["sensitivity", f"outcome={OUTCOME}", *SMALL, f"results_dir={tmp_path}"]
    names = ("morris.csv", "sobol.csv", "outcomes.csv")
    assert main(words) == 0
    headers = [list(table(tmp_path / "sensitivity", name)[0]) for name in names]
    monkeypatch.setattr("sim.explore.sensitivity.choose", lambda *_: [])
    assert main(words) == 0
    texts = [(tmp_path / "sensitivity" / name).read_text(encoding="utf-8").splitlines() for name in names]
    assert [text[0].split(",") for text in texts] == headers and len(texts[1]) == 1
    assert undescribed(tmp_path / "sensitivity") == []


def test_every_point_is_run_with_the_same_seeds(counted: Counted, tmp_path: Path) -> None:
    assert main(["sensitivity", f"outcome={OUTCOME}", *SMALL, f"results_dir={tmp_path}"]) == 0
    assert set(counted.seeds) == {7, 8, 9}
    for study in (tmp_path / "sensitivity").glob("*_*/runs.parquet"):
        runs = pq.read_table(study).to_pandas()
        assert sorted(runs["luck"].unique()) == [7, 8, 9]
        keys = [key for key in VARIED if key in runs]
        points = runs.groupby("seed")[keys].nunique()  # `seed` is the number of the point
        assert (points == 1).all(axis=None) and len(points) * 3 == len(runs)
        for prior in read_priors():
            if prior.key in keys:
                assert runs[prior.key].between(prior.low, prior.high).all()
    morris = pq.read_table(next((tmp_path / "sensitivity").glob("morris_*/runs.parquet"))).to_pandas()
    changed = (morris[morris["luck"] == 7].sort_values("seed")[list(VARIED)].diff().abs() > 1e-12).sum(axis=1)
    assert {changed.iloc[place] for place in range(1, 50) if place % 5} == {1}  # one number a step


def test_nothing_is_run_twice_and_the_answer_stays_the_same(counted: Counted, tmp_path: Path) -> None:
    words = ["sensitivity", f"outcome={OUTCOME}", *SMALL, f"results_dir={tmp_path}"]
    folder = tmp_path / "sensitivity"
    names = ("morris.csv", "sobol.csv", "outcomes.csv")
    assert main([*words, "executor.workers=1"]) == 0
    before = [(folder / name).read_bytes() for name in names]
    run = len(counted.seeds)
    assert main([*words, "executor.workers=3"]) == 0
    timed = 1 + TIMED  # the estimate runs a few campaigns again
    assert len(counted.seeds) == run + timed
    assert [(folder / name).read_bytes() for name in names] == before
    chunks = sorted(folder.glob("*_*/chunks/*/*.arrow"))
    lost = chunks[:: max(1, len(chunks) // 3)]
    campaigns = sum(len(pq_rows(path)) for path in lost)
    for path in lost:  # as if it had been stopped before these
        path.unlink()
    assert main([*words, "executor.workers=3"]) == 0
    assert len(counted.seeds) == run + 2 * timed + campaigns
    assert [(folder / name).read_bytes() for name in names] == before


def pq_rows(path: Path) -> list[int]:
    from pyarrow import feather

    return list(feather.read_table(path, columns=["seed"])["seed"].to_pylist())


def test_another_outcome_uses_the_campaigns_that_are_there(counted: Counted, tmp_path: Path) -> None:
    assert main(["sensitivity", f"outcome={OUTCOME}", *SMALL, f"results_dir={tmp_path}"]) == 0
    run = len(counted.seeds)
    assert main(["sensitivity", f"outcome={OTHER}", "most=1", *SMALL, f"results_dir={tmp_path}"]) == 0
    assert len(counted.seeds) - run - 1 - TIMED in (0, 16 * 3 * 3)  # at most Sobol' indices of another number
    assert not (tmp_path / "sensitivity" / f"tornado_{OUTCOME}.png").exists()  # of what is no longer in the tables


def test_campaigns_that_fail_are_left_out_of_the_means_and_said(
    counted: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(layout: Any, rules: Any, timeline: Any, seed: int, days: int, world: Any = None) -> Campaign:
        if seed == 8 and rules.morale.base > 0.6:
            raise RuntimeError("the space is full")
        return counted(layout, rules, timeline, seed, days, world)

    monkeypatch.setattr("sim.execution.work.run_campaign", failing)
    assert main(["sensitivity", f"outcome={OUTCOME}", *SMALL, f"results_dir={tmp_path}"]) == 3
    folder = tmp_path / "sensitivity"
    designs = json.loads((folder / "sensitivity.json").read_text())["designs"]
    assert 0 < designs["morris"]["failed"] < 50  # of one of three seeds at the points with high morale
    assert {row["number"] for row in table(folder, "morris.csv") if row["chosen"] == "yes"} == set(VARIED[:2])
    assert "failed and are left out" in " ".join(capsys.readouterr().out.split())
    assert main(["failures", str(folder / designs["morris"]["folder"])]) == 0
    assert "They are points of a sensitivity analysis" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([], "outcome: found none"),
        (["outcome=troops_crosed"], "outcome: found 'troops_crosed', expected one of"),
        ([f"outcome={OUTCOME}", "keys=[rules.news.fade_day]"], "the nearest are rules.news.fade_days"),
        ([f"outcome={OUTCOME}", "keys=[]"], "keys: found none"),
        ([f"outcome={OUTCOME}", "keys=rules.news.fade_days", "rules.news.fade_days=5"], "which this command also sets"),
        ([f"outcome={OUTCOME}", "samples=100"], "samples: found '100', expected a power of two"),
        ([f"outcome={OUTCOME}", "trajectories=1"], "trajectories: found '1', expected a whole number from 4"),
        ([f"outcome={OUTCOME}", "most=0"], "most: found '0', expected a whole number of at least 1"),
        ([f"outcome={OUTCOME}", "runs=1"], "runs: found 1, expected at least 2 per point"),
        ([f"outcome={OUTCOME}", "sampling.points=5"], "sampling.points: found 'sampling.points=5', expected no value"),
        ([f"outcome={OUTCOME}", "calibration=median"], "found 'calibration=median', expected calibration=prior"),
        ([f"outcome={OUTCOME}", "-m"], "sensitivity: found -m"),
        ([f"outcome={OUTCOME}", "border=closed,open"], "found several values"),
        ([f"outcome={OUTCOME}", "border=shut"], "border: found 'shut'"),
    ],
)
def test_what_is_wrong_is_named_before_anything_is_run(words: list[str], error: str, tmp_path: Path) -> None:
    with pytest.raises(PanjError) as raised:
        resolve(read_request(Sensitivity, [*words, f"results_dir={tmp_path}"]))
    assert error in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_another_study_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "policy" / "chunks").mkdir(parents=True)
    with pytest.raises(PanjError, match="study: found another study"):
        resolve(read_request(Sensitivity, [f"outcome={OUTCOME}", "study=policy", f"results_dir={tmp_path}"]))


def test_an_outcome_that_never_varies_is_said_to_never_vary() -> None:
    assert "does not vary" in describe_shares({"share_numbers": "0", "share_chance": "0"})
    assert "does not vary" not in describe_shares({"share_numbers": "0.25", "share_chance": "0.75"})


def test_without_indices_the_next_step_is_a_command_with_more_campaigns_per_point(tmp_path: Path) -> None:
    words = ["sensitivity", "outcome=troops_crossed_largest_night", "samples=16", "runs=4", f"results_dir={tmp_path}"]
    step = next_step(Measured(tmp_path, {"words": words, "runs": 4}, [], [], {}))
    said, _, command = step.partition(": ")
    assert said == "more campaigns per point"
    asked = read_command(shlex.split(command.removeprefix("python -m sim ")))
    assert asked == read_command([*words[:3], words[4], "runs=8"])
