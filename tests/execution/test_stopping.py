"""A sweep that is killed or interrupted at any moment and started again ends with the tables of an undisturbed one."""

import os
import random
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from quick import (
    CAMPAIGNS,
    PATIENCE,
    SWEEP,
    Forker,
    Started,
    chunk_files,
    forker_in,
    recorded_seeds,
    tables_of,
    tasks_in,
)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that can be forked and killed")

WORKERS = 2
KILLS = 8  # tests/faults.py kills at least 200 times


def wait_for_campaigns(started: Started, study: Path, campaigns: int) -> None:
    """Until so many are recorded."""
    late = time.monotonic() + PATIENCE
    while len(recorded_seeds(study)) < campaigns:
        assert time.monotonic() < late, started.said
        time.sleep(0.01)


class Killed:
    """Kills at random moments of a study that began again and again, and what was seen after each."""

    def __init__(self, forker: Forker, folder: Path) -> None:
        self.forker = forker
        self.folder = folder
        self.moments = random.Random(20210705)
        self.seconds = 0.0  # that the tables of an undisturbed study take
        self.phases = {"before": 0, "computing": 0, "tables": 0}
        self.count = 0

    def start(self, name: str) -> tuple[Started, Path]:
        """The command, up to where it knows what there is to do."""
        self.count += 1
        tasks = self.folder / f"tasks-{self.count}"
        words = [*SWEEP, f"study={name}", f"executor.workers={WORKERS}"]
        started = self.forker.start(words, seconds=0.012, disk=0.006, tasks=str(tasks))
        started.wait_for(tasks)
        return started, tasks

    def live_whole(self) -> dict[str, Any]:
        """The tables when nothing disturbs."""
        study = self.folder / "results" / "whole"
        started, _ = self.start(study.name)
        wait_for_campaigns(started, study, CAMPAIGNS)
        began = time.monotonic()
        assert started.end() == 0, started.said
        self.seconds = time.monotonic() - began
        return tables_of(study)

    def wait(self, started: Started, study: Path, there: int) -> None:
        """Some time: while campaigns are lived and recorded or, one time in three, while tables are written."""
        if self.moments.random() < 1 / 3 or there == CAMPAIGNS:
            wait_for_campaigns(started, study, CAMPAIGNS)
            time.sleep(self.moments.uniform(0.0, self.seconds))
        else:
            wait_for_campaigns(started, study, self.moments.randint(there, CAMPAIGNS - 1))
            time.sleep(self.moments.uniform(0.0, 0.1))

    def attempt(self, study: Path, is_killed: bool) -> bool:
        """Start the study or go on with it, perhaps kill it; whether it came to its end."""
        files, there = chunk_files(study), recorded_seeds(study)
        started, tasks = self.start(study.name)
        if is_killed:
            self.wait(started, study, len(there))
            started.kill()
        code = started.end()
        assert code in (0, -signal.SIGKILL), started.said
        handed_out, now = tasks_in(tasks), recorded_seeds(study)
        assert files.items() <= chunk_files(study).items()  # a recorded chunk is not touched again
        assert not [task for task in handed_out if task & there]  # and none of its campaigns computed twice
        assert len([task for task in handed_out if task - now]) <= WORKERS  # a chunk a worker is lost at most
        if code != 0:
            phase = "before" if not now else "tables" if len(now) == CAMPAIGNS else "computing"
            self.phases[phase] += 1
        return code == 0

    @property
    def kills(self) -> int:
        """Kills that met a living process."""
        return sum(self.phases.values())


@pytest.mark.slow  # test_faults.py kills at steps that it chooses
def test_killed_at_random_moments_it_ends_with_the_same_tables(forker: Forker, tmp_path: Path) -> None:
    killed = Killed(forker, tmp_path)
    whole = killed.live_whole()
    studies = 0
    while killed.kills < KILLS:
        study = tmp_path / "results" / f"killed-{studies}"
        at_tables = killed.phases["tables"]  # twice there is enough: the next study is killed elsewhere again
        while not killed.attempt(study, killed.kills < KILLS and killed.phases["tables"] < at_tables + 2):
            pass
        assert tables_of(study) == whole
        assert len(recorded_seeds(study)) == CAMPAIGNS
        studies += 1
    assert min(killed.phases["computing"], killed.phases["tables"]) >= 2, killed.phases


@pytest.mark.parametrize(
    ("place", "count"),
    [
        ("write", 1),
        ("write", 4),
        ("fsync", 4),
        ("replace", 4),
        ("replaced", 4),
        ("table", 1),
        ("table", 2),
        ("table", 6),
    ],
)
def test_killed_in_the_midst_of_a_file_it_loses_no_other(
    place: str, count: int, forker: Forker, tmp_path: Path, whole: dict[str, Any]
) -> None:
    study = tmp_path / "results" / "quick"
    started = forker.start(SWEEP, dies_at=[place, count])
    assert started.end() == -signal.SIGKILL, started.said
    files, there = chunk_files(study), recorded_seeds(study)
    assert bool(there) == (count > 1 or place == "table")
    tasks = tmp_path / "tasks"
    again = forker.run(SWEEP, tasks=str(tasks))
    assert "damaged" not in again.said
    assert files.items() <= chunk_files(study).items()
    assert not set().union(*tasks_in(tasks)) & there
    assert not list(study.rglob(".*.partial")) and not (study / ".tables").exists()
    assert tables_of(study) == whole


# Ctrl-C


@pytest.mark.parametrize(
    ("executor", "number"),
    [
        ("threads", signal.SIGINT),
        ("threads", signal.SIGTERM),
        ("dask", signal.SIGINT),
        pytest.param("processes", signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_ctrl_c_finishes_the_chunks_in_hand_says_how_to_go_on_and_is_code_130(
    executor: str, number: signal.Signals, forker: Forker, tmp_path: Path, whole: dict[str, Any]
) -> None:
    study, tasks = tmp_path / "results" / "quick", tmp_path / "tasks"
    words = [*SWEEP, f"executor={executor}", f"executor.workers={WORKERS}"]
    started = forker.start(words, seconds=0.04, tasks=str(tasks))
    wait_for_campaigns(started, study, 6)
    started.send(number, is_to_all=number == signal.SIGINT)
    assert started.end() == 130, started.said
    assert "Stopping after the running chunks" in started.said
    assert "The same command continues from there" in started.said
    assert "Traceback" not in started.said
    there = recorded_seeds(study)
    assert set().union(*tasks_in(tasks)) == there  # whatever was handed out is recorded
    assert 6 <= len(there) < CAMPAIGNS
    assert tables_of(study)["campaigns"] == len(there)  # of which there are tables
    files, later = chunk_files(study), tmp_path / "later"
    forker.run(SWEEP, tasks=str(later))
    assert not set().union(*tasks_in(later)) & there
    assert files.items() <= chunk_files(study).items()
    assert tables_of(study) == whole


@pytest.mark.parametrize(
    ("daily", "shown"), [("false", "results/quick/runs.parquet"), ("true", "report results/quick")]
)
def test_a_stopped_study_names_what_can_be_read_of_it(daily: str, shown: str, forker: Forker, tmp_path: Path) -> None:
    started = forker.start([*SWEEP, f"daily={daily}"], seconds=0.04)
    wait_for_campaigns(started, tmp_path / "results" / "quick", 6)
    started.send(signal.SIGINT, is_to_all=True)
    assert started.end() == 130, started.said
    told = " ".join(started.said.split()).partition("The tables have the stored ")[2]
    assert re.match(rf"\d+ of \d+ campaigns: \S*( -m sim )?{re.escape(shown)} Stopped;", told), started.said


def test_a_second_ctrl_c_stops_without_the_chunks_in_hand(
    forker: Forker, tmp_path: Path, whole: dict[str, Any]
) -> None:
    study = tmp_path / "results" / "quick"
    started = forker.start(SWEEP, seconds=0.04)
    wait_for_campaigns(started, study, 6)
    started.send(signal.SIGINT)
    started.wait_to_say("Ctrl-C again")
    started.send(signal.SIGINT)
    assert started.end() == 130, started.said
    files = chunk_files(study)
    forker.run(SWEEP)
    assert files.items() <= chunk_files(study).items()
    assert tables_of(study) == whole


def test_ctrl_c_while_tables_are_written_loses_nothing(forker: Forker, tmp_path: Path, whole: dict[str, Any]) -> None:
    study = tmp_path / "results" / "quick"
    started = forker.start(SWEEP, disk=0.05)
    started.wait_to_say("Writing tables")
    started.send(signal.SIGINT)
    assert started.end() == 130, started.said
    assert "the same command continues" in started.said
    assert len(recorded_seeds(study)) == CAMPAIGNS
    forker.run(SWEEP)
    assert tables_of(study) == whole


# Two at once


def test_a_second_process_on_a_study_is_told_so_and_harms_nothing(
    forker: Forker, tmp_path: Path, whole: dict[str, Any]
) -> None:
    study = tmp_path / "results" / "quick"
    first = forker.start(SWEEP, seconds=0.5)
    wait_for_campaigns(first, study, 1)
    (tmp_path / "other").mkdir()
    with forker_in(tmp_path / "other") as other:
        words = [*SWEEP, f"results_dir={tmp_path / 'results'}"]
        second = other.start(words)
        assert second.end() == 2, second.said
        assert "study: found another process using" in second.said
        first.kill()
        assert first.end() == -signal.SIGKILL
        other.run(words)  # the lock went with the first
    assert tables_of(study) == whole


def test_two_processes_on_two_studies_do_not_meet(forker: Forker, tmp_path: Path, whole: dict[str, Any]) -> None:
    first = forker.start([*SWEEP, "study=one"], seconds=0.02)
    (tmp_path / "other").mkdir()
    with forker_in(tmp_path / "other") as other:
        other.run([*SWEEP, "study=two", f"results_dir={tmp_path / 'results'}"])
    assert first.end() == 0, first.said
    assert tables_of(tmp_path / "results" / "one") == tables_of(tmp_path / "results" / "two") == whole
