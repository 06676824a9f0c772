"""A plan says what a sweep costs and what it could tell, and writes nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sim.configuration.compose import compose_settings
from sim.configuration.sweep import Sweep, compose_sweep
from sim.data.facts import read_facts
from sim.engine.campaign import Campaign, run_campaign
from sim.errors import PanjError
from sim.execution import plan, work
from sim.execution.plan import (
    Sample,
    describe_needed,
    difference,
    planned_outcome,
    sampled_cells,
    seconds_left,
    too_fine,
    warnings_of,
)
from sim.execution.run import backlog_of
from sim.options import Plan, Range, Threshold, read_request
from sim.study.store import scope_of

FACTS = read_facts()
CONTAGION = "rules.morale.contagion"
OUTCOME = "troops_crossed_by_2021_07_07"


@pytest.fixture(scope="module")
def played() -> Campaign:
    chosen = compose_settings(["end_date=2021-05-02"], FACTS)
    return run_campaign(chosen.layout.world, chosen.rules, chosen.timeline, 0, 1)


def swept(*words: str) -> Sweep:
    return compose_sweep(["-m", *words], FACTS)


def sample_of(sweep: Sweep, step: float, noise: float, seconds: float = 0.02) -> Sample:
    """Cells whose outcome moves by `step` from each number to the next, seed by seed with a little noise."""
    draws = np.random.default_rng(1)
    found = {cell.number: 100.0 + step * cell.number + noise * draws.normal(size=20) for cell in sampled_cells(sweep)}
    tables = {cell: pa.table({"seed": np.arange(20), OUTCOME: values}) for cell, values in found.items()}
    return Sample(tables, seconds, 7000.0)


def told(sweep: Sweep, sample: Sample) -> list[str]:
    backlog = backlog_of(sweep, scope_of(sweep), Path("nowhere"))
    return warnings_of(sweep, backlog, sample)


def test_the_sample_is_the_first_cell_and_the_far_end_of_each_key() -> None:
    sweep = swept("border=open,closed", f"{CONTAGION}=0.1,0.2,0.3")
    assert [cell.label for cell in sampled_cells(sweep)] == [
        f"border=open, {CONTAGION}=0.1", f"border=closed, {CONTAGION}=0.1", f"border=open, {CONTAGION}=0.3",
    ]  # fmt: skip


def test_a_grid_finer_than_its_campaigns_can_tell_apart_is_said() -> None:
    sweep = swept(f"{CONTAGION}=range(0.1,0.3,0.01)", "runs=100")
    assert too_fine(CONTAGION, sweep, sample_of(sweep, step=10.0, noise=1.0)) == ""
    fine = too_fine(CONTAGION, sweep, sample_of(sweep, step=0.01, noise=1.0))
    assert f"{CONTAGION} has 20 values, too close together for runs=100" in fine


def test_two_values_are_never_too_fine_and_choices_have_no_distance() -> None:
    for words in ([f"{CONTAGION}=0.1,0.1001"], ["border=open,closed,soldiers_only"]):
        sweep = swept(*words, "runs=100")
        assert too_fine(words[0].split("=")[0], sweep, sample_of(sweep, step=0.0, noise=1.0)) == ""


def test_many_cells_suggest_a_latin_hypercube() -> None:
    sweep = swept(f"{CONTAGION}=range(0.1,0.31,0.001)", "runs=2")
    assert any(
        f"sampling=latin_hypercube sampling.points=100 {CONTAGION}=interval(0.1,0.309)" in line
        for line in told(sweep, sample_of(sweep, step=10.0, noise=1.0))
    )


def test_a_long_sweep_suggests_fewer_seeds_and_says_what_they_cost() -> None:
    sweep = swept("border=open,closed", "runs=1000", "executor.workers=1")
    sample = sample_of(sweep, step=1.0, noise=1.0, seconds=3.6)
    line = next(line for line in told(sweep, sample) if line.startswith("this takes"))
    assert "this takes 2 h 0 min; runs=250 takes 30 min 0 s, with intervals 2 times as wide" in line


def test_time_is_shared_by_workers_but_not_in_plain_python() -> None:
    for words, workers in ((["executor=processes", "executor.workers=4"], 4), (["executor.workers=4"], 1)):
        sweep = swept("border=open,closed", "runs=100", *words)
        backlog = backlog_of(sweep, scope_of(sweep), Path("nowhere"))
        assert seconds_left(sweep, backlog, sample_of(sweep, 1.0, 1.0, seconds=2.0)) == pytest.approx(400 / workers)


def test_differences_are_taken_seed_by_seed_and_without_the_missing() -> None:
    first, other = pa.table({"x": [1.0, None, 3.0]}), pa.table({"x": [2.0, 5.0, 7.0]})
    assert difference(first, other, "x").tolist() == [1.0, 4.0]


ABOVE = Range(Threshold("104", 104.0), None)


def test_campaigns_for_a_difference_are_as_many_as_its_interval_needs() -> None:
    sweep = swept("border=open,closed", "runs=100")
    row = planned_outcome(OUTCOME, None, sweep)
    draws = np.random.default_rng(4).normal(size=(2, 400))
    tables = {number: pa.table({OUTCOME: 100 + values}) for number, values in enumerate(draws)}
    sample = Sample(tables, 0.1, 1.0)
    (line,) = describe_needed(row, None, 0.2, sample)[0][1:]
    spread = (draws[1] - draws[0]).std(ddof=1)
    needed = int(line.rpartition("runs=")[2].split()[0])
    assert 1.96 * spread / np.sqrt(needed) == pytest.approx(0.2, rel=0.01)
    finer = describe_needed(row, None, 0.1, sample)[0][1]
    assert int(finer.rpartition("runs=")[2].split()[0]) == pytest.approx(4 * needed, rel=0.01)


def test_campaigns_for_a_risk_difference_follow_the_worlds_that_differ() -> None:
    sweep = swept("border=open,closed", "runs=100")
    row = planned_outcome(OUTCOME, ABOVE, sweep)
    before = np.where(np.arange(200) < 40, 105.0, 100.0)
    after = np.where(np.arange(200) < 20, 105.0, 100.0)
    tables = {0: pa.table({OUTCOME: before}), 1: pa.table({OUTCOME: after})}
    lines, needed = describe_needed(row, ABOVE, 0.05, Sample(tables, 0.1, 1.0))
    assert "0.1 to 0.2" in lines[0]
    differences = np.append(np.where((np.arange(200) >= 20) & (np.arange(200) < 40), -1.0, 0.0), [1, -1])
    assert needed == int(lines[1].rpartition("runs=")[2].split()[0])
    assert 1.96 * differences.std() / np.sqrt(needed) == pytest.approx(0.05, rel=0.01)
    alike = Sample({0: tables[0], 1: tables[0]}, 0.1, 1.0)
    assert int(describe_needed(row, ABOVE, 0.05, alike)[0][1].rpartition("runs=")[2].split()[0]) > 2
    lines, needed = describe_needed(row, ABOVE, None, alike)
    assert len(lines) == 1 + len(plan.HALF_WIDTHS) and not needed


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["above=1037"], "outcome"),
        (["half_width=0.1"], "outcome"),
        (["outcome=troops"], "outcome"),
        (["outcome=largest_night"], "outcome"),
        (["outcome=largest_night", "above=5"], "above"),
        (["outcome=share_held_by_taliban_2021_07_05", "above=50"], "above"),
        (["outcome=troops_crossed", "half_width=0"], "half_width"),
    ],
)
def test_what_cannot_be_planned_is_refused_before_anything_is_run(words: list[str], key: str) -> None:
    with pytest.raises(PanjError) as refused:
        plan.main(read_request(Plan, ["-m", "border=open,closed", *words]))
    assert refused.value.key == key


def test_the_verb_says_everything_and_writes_nothing(
    played: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def again(_layout: Any, _rules: Any, _timeline: Any, seed: int, _days: int, _world: Any = None) -> Campaign:
        return played._replace(seed=seed)

    monkeypatch.setattr(work, "run_campaign", again)
    words = ["-m", "border=open,closed", "runs=50", "end_date=2021-05-02", f"results_dir={tmp_path}", "study=policy"]
    assert plan.main(read_request(Plan, words)) == 0
    said = capsys.readouterr().out
    for part in (
        "border (2 values)",
        "100 (50 per cell, seeds 0 to 49)",
        "already stored",
        "MB",
        "Next: python -m sim -m",
    ):
        assert part in said
    assert list(tmp_path.iterdir()) == []


def test_the_files_of_a_sweep_that_runs_meanwhile_are_left_alone(tmp_path):
    sweep = compose_sweep([f"results_dir={tmp_path}", "study=one", "end_date=2021-05-03"])
    partial = tmp_path / "one" / "chunks" / ".study.json.1.partial"
    partial.parent.mkdir(parents=True)
    partial.write_text("{", encoding="utf-8")
    backlog_of(sweep, scope_of(sweep), tmp_path / "one")
    assert partial.exists()
