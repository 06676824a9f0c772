"""Every seed that is asked for is handed out once, and a precision asks for the same seeds whoever lives them."""

import math
import statistics
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quick import DECLARED, campaign_of, replace_campaigns, results_in, tables_of
from rich.console import Console

from sim.configuration import settings
from sim.configuration.settings import Precision
from sim.configuration.sweep import Sweep, compose_sweep
from sim.data.facts import read_facts
from sim.errors import PanjError
from sim.execution import run, work
from sim.execution.backlog import FIRST, TARGET, Backlog, half_width_of
from sim.execution.console import Progress
from sim.execution.run import Ran, run_sweep
from sim.execution.work import run_piece
from sim.study.store import record, scope_of

FACTS = read_facts()
END = date(2021, 5, 1) + timedelta(days=2)
WORDS = ("study=tiny", "seed=5", f"end_date={END}", DECLARED)
NO_PRECISION = Precision(None, 0.0, 10_000)
TWO_CELLS = ("-m", "border=closed,as_reported")


@cache
def sweep_of(*words: str) -> Sweep:
    return compose_sweep([*WORDS, *words], FACTS)


def sweep_in(folder: Path, *words: str) -> Sweep:
    return results_in(folder, sweep_of(*words))


@pytest.fixture(autouse=True)
def lived(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Campaigns that cost nothing; the seeds that are begun."""
    seeds: list[int] = []

    def live(layout: Any, rules: Any, timeline: Any, seed: int, days: int, _world: Any = None) -> Any:
        seeds.append(int(seed))
        return campaign_of(layout, rules, timeline, seed, days)

    replace_campaigns(monkeypatch, live)
    return seeds


def run_in(folder: Path, *words: str) -> tuple[Ran, str]:
    """What was done, and what was said."""
    with (folder / "said.txt").open("w+", encoding="utf-8") as paper:
        ran = run_sweep(sweep_in(folder, *words), Console(file=paper, width=200, highlight=False))
        paper.seek(0)
        return ran, paper.read()


def backlog_in(folder: Path, *words: str, precision: Precision = NO_PRECISION) -> Backlog:
    sweep = sweep_in(folder, *words)
    return Backlog(sweep.cells, scope_of(sweep).cells, sweep.base.seed, folder, precision)


def hand_out_all(backlog: Backlog, workers: int, seconds_each: float) -> list[list[tuple[int, list[int]]]]:
    """Every task, as places of cells with their seeds."""
    tasks = []
    while backlog.waiting:
        task = backlog.take(workers)
        backlog.record_duration(
            seconds_each * sum(len(piece.seeds) for _, piece in task), sum(len(p.seeds) for _, p in task)
        )
        tasks.append([(place, list(piece.seeds)) for place, piece in task])
    return tasks


def seeds_by_cell(tasks: list[list[tuple[int, list[int]]]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for task in tasks:
        for place, seeds in task:
            found.setdefault(place, []).extend(seeds)
    return found


# Tasks


@pytest.fixture(scope="module")
def two_cells(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return sweep_in(tmp_path_factory.mktemp("two_cells"), *TWO_CELLS)


@given(st.integers(1, 40), st.integers(1, 9), st.floats(1e-5, 100.0))
def test_every_seed_of_every_cell_is_handed_out_once_and_in_order(
    two_cells: Sweep, runs: int, workers: int, seconds_each: float
) -> None:
    scopes = [scope._replace(runs=runs) for scope in scope_of(two_cells).cells]
    backlog = Backlog(two_cells.cells, scopes, 5, two_cells.base.results_dir, NO_PRECISION)
    assert backlog.total == backlog.waiting == 2 * runs
    seeds = list(range(5, 5 + runs))
    assert seeds_by_cell(hand_out_all(backlog, workers, seconds_each)) == {0: seeds, 1: seeds}


def test_the_first_tasks_are_small_and_the_others_last_a_few_seconds(tmp_path: Path) -> None:
    backlog = backlog_in(tmp_path, "runs=5000")
    sizes = [sum(len(seeds) for _, seeds in task) for task in hand_out_all(backlog, 2, 0.02)]
    assert sizes[0] == FIRST
    assert max(sizes) == TARGET / 0.02
    assert sizes[-1] < max(sizes)  # towards the end nobody waits long for the last worker


@pytest.mark.parametrize("seconds_each", [5.0, 60.0])
def test_long_campaigns_are_handed_out_one_by_one(seconds_each: float, tmp_path: Path) -> None:
    tasks = hand_out_all(backlog_in(tmp_path, "runs=12"), 2, seconds_each)
    assert [len(seeds) for task in tasks for _, seeds in task] == [1] * 12


def test_cells_with_few_campaigns_share_a_task(tmp_path: Path) -> None:
    tasks = hand_out_all(backlog_in(tmp_path, "-m", "rules.news.fade_days=range(1,40)", "runs=2"), 1, 0.001)
    assert max(len(task) for task in tasks) > 5


def test_cells_that_resolve_alike_are_run_once(tmp_path: Path, lived: list[int]) -> None:
    _, said = run_in(tmp_path, "-m", "border=as_reported,closed", "rules.crossing.admits=0.5,0.7", "runs=3")
    alike = "resolve to the same settings" in said
    cells = [cell.settings.fingerprint() for cell in sweep_in(tmp_path, "-m", "border=as_reported,closed",
                                                              "rules.crossing.admits=0.5,0.7").cells]  # fmt: skip
    assert alike == (len(set(cells)) < len(cells))
    assert len(lived) == 3 * len(set(cells))
    assert pq.read_table(tmp_path / "tiny" / "runs.parquet").num_rows == 3 * len(cells)


# Going on


def test_the_same_command_again_computes_nothing(tmp_path: Path, lived: list[int]) -> None:
    run_in(tmp_path, *TWO_CELLS, "runs=6")
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "tiny").rglob("*.parquet")}
    lived.clear()
    ran, said = run_in(tmp_path, *TWO_CELLS, "runs=6")
    assert (lived, ran.computed, ran.is_new) == ([], 0, False)
    assert "already contains 12 of 12 campaigns; nothing is computed" in said
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "tiny").rglob("*.parquet")} == files


def test_more_runs_compute_only_the_new_ones(tmp_path: Path, lived: list[int]) -> None:
    run_in(tmp_path, "runs=5")
    lived.clear()
    ran, said = run_in(tmp_path, "runs=20")
    assert sorted(lived) == list(range(10, 25))
    assert ran.computed == 15 and "already contains 5 of 20 campaigns" in said
    (tmp_path / "whole").mkdir()
    run_in(tmp_path / "whole", "runs=20")
    assert tables_of(tmp_path / "tiny") == tables_of(tmp_path / "whole" / "tiny")


def test_gaps_in_the_record_are_filled_and_nothing_else(tmp_path: Path, lived: list[int]) -> None:
    backlog = backlog_in(tmp_path / "tiny", "runs=30")
    order = backlog.cells[0].order
    for seeds in ([5, 6], [9], [20, 21, 33]):
        record(tmp_path / "tiny", order.key, run_piece(settings.Piece(order, tuple(seeds))))
    lived.clear()
    ran, _ = run_in(tmp_path, "runs=30")
    assert sorted(lived) == sorted(set(range(5, 35)) - {5, 6, 9, 20, 21, 33})
    assert ran.computed == 24
    assert pq.read_table(tmp_path / "tiny" / "runs.parquet")["seed"].to_pylist() == list(range(5, 35))
    days = pq.read_table(tmp_path / "tiny" / "days.parquet", columns=["seed", "date"]).to_pylist()
    assert days == sorted(days, key=lambda row: (row["seed"], row["date"])) and len(days) == 90


def test_a_new_cell_computes_only_itself(tmp_path: Path, lived: list[int]) -> None:
    run_in(tmp_path, "-m", "border=closed,as_reported", "runs=4")
    lived.clear()
    assert run_in(tmp_path, "-m", "border=closed,as_reported,open", "runs=4")[0].computed == 4
    assert sorted(lived) == [5, 6, 7, 8]


def test_what_failed_is_not_tried_again_in_the_same_command(tmp_path: Path, monkeypatch: Any) -> None:
    seeds: list[int] = []

    def fail(layout: Any, rules: Any, timeline: Any, seed: int, days: int, _world: Any = None) -> Any:
        seeds.append(seed)
        raise MemoryError("no room")

    monkeypatch.setattr(work, "run_campaign", fail)
    ran, _ = run_in(tmp_path, "runs=6")
    assert (sorted(seeds), ran.computed, ran.failed) == (list(range(5, 11)), 0, 6)


# Precision


def test_half_the_interval_is_that_of_the_textbook() -> None:
    values = np.array([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])
    expected = 1.96 * statistics.stdev(values.tolist()) / math.sqrt(8)
    assert half_width_of(values) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("values", [[], [3.0]])
def test_fewer_than_two_campaigns_say_nothing_of_the_spread(values: list[float]) -> None:
    assert half_width_of(np.array(values)) == math.inf


PRECISE = ("precision.outcome=people_displaced", "runs=10")


def widths_in(study: Path, outcome: str = "people_displaced") -> dict[int, float]:
    """Half the interval of each cell, from the tables."""
    runs = pq.read_table(study / "runs.parquet").to_pandas()
    return {
        int(cell): 1.96 * statistics.stdev(rows[outcome]) / math.sqrt(len(rows)) for cell, rows in runs.groupby("cell")
    }


def test_campaigns_are_added_until_the_interval_is_narrow_enough(tmp_path: Path) -> None:
    ran, said = run_in(tmp_path, *TWO_CELLS, *PRECISE, "precision.half_width=60")
    assert all(width <= 60.1 for width in widths_in(tmp_path / "tiny").values())
    assert said.count("precision reached") == 2 and "not reached" not in said
    assert 20 < ran.computed < 500  # a spread of about 290 needs about 90 campaigns a cell


def test_or_until_there_are_as_many_as_are_allowed(tmp_path: Path) -> None:
    ran, said = run_in(tmp_path, *PRECISE, "precision.half_width=5", "runs_max=35")
    assert ran.computed == 35
    assert widths_in(tmp_path / "tiny")[0] > 5
    assert "35 campaigns" in said and "precision not reached with runs_max=35" in said


def test_a_precision_that_is_there_already_adds_nothing(tmp_path: Path) -> None:
    ran, said = run_in(tmp_path, *PRECISE, "precision.half_width=10000")
    assert ran.computed == 10
    assert "precision reached" in said


def test_without_a_precision_nothing_is_added(tmp_path: Path) -> None:
    ran, said = run_in(tmp_path, "runs=10")
    assert ran.computed == 10 and "precision" not in said


@pytest.mark.parametrize("workers", [1, 3])
def test_one_worker_or_many_ask_for_the_same_campaigns(workers: int, tmp_path: Path) -> None:
    words = (*TWO_CELLS, *PRECISE, "precision.half_width=80")
    run_in(tmp_path, *words, f"executor.workers={workers}")
    (tmp_path / "whole").mkdir()
    run_in(tmp_path / "whole", *words, "executor.workers=2")
    assert tables_of(tmp_path / "tiny") == tables_of(tmp_path / "whole" / "tiny")


def test_a_precision_that_was_interrupted_asks_for_the_same_campaigns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (*TWO_CELLS, *PRECISE, "precision.half_width=50")
    usual: Callable[..., Any] = run.record
    calls: list[int] = []

    def stop_now_and_then(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) % 5 == 0:
            raise KeyboardInterrupt
        return usual(*arguments)

    stops = 0
    with monkeypatch.context() as patch:
        patch.setattr(run, "record", stop_now_and_then)
        while True:
            try:
                run_in(tmp_path, *words)
                break
            except KeyboardInterrupt:
                stops += 1
    assert stops >= 2
    (tmp_path / "whole").mkdir()
    run_in(tmp_path / "whole", *words)
    assert tables_of(tmp_path / "tiny") == tables_of(tmp_path / "whole" / "tiny")


def test_a_finer_precision_goes_on_from_what_is_there(tmp_path: Path, lived: list[int]) -> None:
    first, _ = run_in(tmp_path, *PRECISE, "precision.half_width=80")
    lived.clear()
    second, _ = run_in(tmp_path, *PRECISE, "precision.half_width=50")
    assert sorted(lived) == list(range(5 + first.computed, 5 + first.computed + second.computed))
    assert widths_in(tmp_path / "tiny")[0] <= 50.1


def test_the_same_precision_again_computes_nothing(tmp_path: Path) -> None:
    run_in(tmp_path, *PRECISE, "precision.half_width=80")
    ran, said = run_in(tmp_path, *PRECISE, "precision.half_width=80")
    assert ran.computed == 0 and "precision reached" in said


@pytest.mark.parametrize("outcome", ["largest_night", "first_capital_fell", "people_displced"])
def test_a_precision_of_what_has_no_mean_is_refused_before_anything_runs(
    outcome: str, tmp_path: Path, lived: list[int]
) -> None:
    with pytest.raises(PanjError, match=r"precision\.outcome"):
        run_in(tmp_path, f"precision.outcome={outcome}", "precision.half_width=1", "runs=2")
    assert lived == []


# Progress


def test_progress_says_cells_campaigns_rate_time_left_and_failures(tmp_path: Path, monkeypatch: Any) -> None:
    def fail(layout: Any, rules: Any, timeline: Any, seed: int, days: int, _world: Any = None) -> Any:
        if seed == 6:
            raise RuntimeError("no")
        return campaign_of(layout, rules, timeline, seed, days)

    monkeypatch.setattr(work, "run_campaign", fail)
    _, said = run_in(tmp_path, *TWO_CELLS, "runs=10")
    line = next(line for line in said.splitlines() if "20 of 20 campaigns" in line)
    assert line.startswith("2 of 2 cells") and "a second" in line and "left, 2 failed" in line


def test_progress_counts_what_was_there_before_but_not_in_the_rate(tmp_path: Path) -> None:
    run_in(tmp_path, "runs=5")
    backlog = backlog_in(tmp_path / "tiny", "runs=20")
    with Progress(backlog, Console(quiet=True)) as progress:
        assert progress.words(backlog.already) == ""
        assert backlog.already == 5
