"""Threads, processes and a Dask cluster give the same tables, also when workers are lost on the way."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest
from quick import CAMPAIGNS, PATIENCE, SWEEP, TESTS, Forker, Started, recorded_seeds, tables_of
from shared import free_port

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that can be forked and killed")


def wait_until(is_so: Callable[[], bool], started: Started) -> None:
    """Until something is so; an error when it does not come about."""
    late = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < late, started.said
        time.sleep(0.02)


def wait_for_chunks(started: Started, study: Path, campaigns: int) -> None:
    """Until so many campaigns are recorded, and not all."""
    wait_until(lambda: len(recorded_seeds(study)) >= campaigns, started)
    assert len(recorded_seeds(study)) < CAMPAIGNS


def worker_processes(pid: int) -> list[psutil.Process]:
    """Processes in which campaigns are lived."""
    return [child for child in psutil.Process(pid).children() if "spawn_main" in " ".join(child.cmdline())]


# Threads and processes


@pytest.mark.parametrize("words", [["executor=threads", "executor.workers=3"], ["executor=processes"]])
def test_every_executor_gives_the_same_tables(
    words: list[str], forker: Forker, tmp_path: Path, whole: dict[str, Any]
) -> None:
    forker.run([*SWEEP, *words])
    assert tables_of(tmp_path / "results" / "quick") == whole


def test_a_process_that_is_killed_costs_nothing(forker: Forker, tmp_path: Path, whole: dict[str, Any]) -> None:
    study = tmp_path / "results" / "quick"
    started = forker.start([*SWEEP, "executor=processes", "executor.workers=2"], seconds=0.05)
    wait_for_chunks(started, study, 5)
    worker_processes(started.pid)[0].kill()
    assert started.end() == 0, started.said
    assert tables_of(study) == whole


def test_a_campaign_that_ends_its_process_each_time_is_written_down_as_lost(forker: Forker, tmp_path: Path) -> None:
    study = tmp_path / "results" / "quick"
    words = ["runs=12", "executor=processes", "executor.workers=1"]
    started = forker.start(words, dies=[9])
    assert started.end() == 3, started.said
    failures = pq.read_table(study / "failures.parquet").to_pylist()
    assert 9 in {row["seed"] for row in failures}
    assert all(row["error"].startswith("WorkerLost: BrokenProcessPool") for row in failures)
    assert len(recorded_seeds(study)) == 12 - len(failures) > 0
    assert f"{len(failures)} campaigns failed" in started.said
    forker.run(words[:1])
    assert pq.read_table(study / "runs.parquet")["seed"].to_pylist() == list(range(5, 17))


def test_processes_end_with_a_sweep_that_is_killed(forker: Forker, tmp_path: Path, whole: dict[str, Any]) -> None:
    study = tmp_path / "results" / "quick"
    words = [*SWEEP, "executor=processes", "executor.workers=2"]
    started = forker.start(words, seconds=0.05)
    wait_for_chunks(started, study, 5)
    workers = worker_processes(started.pid)
    assert len(workers) == 2
    started.kill()
    assert started.end() == -9
    assert not psutil.wait_procs(workers, timeout=PATIENCE)[1]
    forker.run(words)
    assert tables_of(study) == whole


# Dask


WORKER = """
import sys
sys.path.insert(0, {tests!r})
import quick
quick.make_quick()
{more}
"""


@contextmanager
def started(arguments: list[str], said: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the cluster, for as long as it is needed."""
    with said.open("wb") as paper:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdout=paper, stderr=subprocess.STDOUT, cwd=said.parent,
            env={**os.environ, "PYTHONPATH": str(TESTS.parent), **environment},
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()


class Cluster:
    """A scheduler and workers on this machine, each a process of its own."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.address = f"tcp://127.0.0.1:{free_port()}"
        port = self.address.rpartition(":")[2]
        words = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard", "--no-show"]
        self.scheduler = stack.enter_context(started(words, folder / "scheduler.txt"))
        self.wait_for("scheduler.txt", "Scheduler at")
        self.workers: list[subprocess.Popen[bytes]] = []

    def add_worker(self, seconds: float = 0.0, more: str = "") -> None:
        """One more worker with one thread, registered."""
        name = f"worker-{len(self.workers)}"
        preload = self.folder / f"{name.replace('-', '_')}.py"
        preload.write_text(WORKER.format(tests=str(TESTS), more=more))
        words = [
            "distributed.cli.dask_worker", self.address, "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny",
            "--no-dashboard", "--name", name, "--preload", str(preload), "--local-directory", str(self.folder / name),
        ]  # fmt: skip
        manner = json.dumps({"seconds": seconds})
        self.workers.append(self.stack.enter_context(started(words, self.folder / f"{name}.txt", PANJ_QUICK=manner)))
        self.wait_for(f"{name}.txt", "Registered to")

    def wait_for(self, name: str, said: str) -> None:
        """Until a process has said that it is ready."""
        late = time.monotonic() + PATIENCE
        while said not in (text := (self.folder / name).read_text(encoding="utf-8", errors="replace")):
            assert time.monotonic() < late, text
            time.sleep(0.05)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(stack, tmp_path)


def test_a_dask_worker_that_is_killed_in_the_middle_costs_nothing(
    cluster: Cluster, forker: Forker, tmp_path: Path, whole: dict[str, Any]
) -> None:
    cluster.add_worker(seconds=0.05)
    cluster.add_worker(seconds=0.05)
    study = tmp_path / "results" / "quick"
    command = forker.start([*SWEEP, "executor=dask", f"executor.address={cluster.address}"])
    wait_for_chunks(command, study, 5)
    cluster.workers[0].kill()
    assert command.end() == 0, command.said
    assert "executor=dask" in command.said
    assert tables_of(study) == whole


def test_a_dask_worker_with_other_rules_is_refused(cluster: Cluster, forker: Forker, tmp_path: Path) -> None:
    cluster.add_worker(more="from sim.execution import work\nwork.fingerprint_of_rules = lambda: 'of another age'")
    command = forker.start([*SWEEP, "executor=dask", f"executor.address={cluster.address}"])
    assert command.end() == 2, command.said
    assert "executor: found rules of version of another age on a worker, expected" in " ".join(command.said.split())
    assert recorded_seeds(tmp_path / "results" / "quick") == set()


def test_a_scheduler_that_goes_away_is_said_and_what_is_recorded_stays(
    cluster: Cluster, forker: Forker, tmp_path: Path, whole: dict[str, Any]
) -> None:
    cluster.add_worker(seconds=0.05)
    study = tmp_path / "results" / "quick"
    command = forker.start([*SWEEP, "executor=dask", f"executor.address={cluster.address}"])
    wait_for_chunks(command, study, 5)
    cluster.scheduler.kill()
    assert command.end() == 2, command.said
    assert cluster.address in command.said and "run the same command to continue" in " ".join(command.said.split())
    there = recorded_seeds(study)
    assert len(there) >= 5
    forker.run(SWEEP)
    assert tables_of(study) == whole


def test_a_scheduler_that_is_not_there_is_said_with_its_address(forker: Forker, tmp_path: Path) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    command = forker.start([*SWEEP, "executor=dask", f"executor.address={address}"])
    assert command.end() == 2, command.said
    assert f"executor.address: found no scheduler that answers at {address}" in " ".join(command.said.split())


def test_a_scheduler_that_listens_and_does_not_answer_is_said_with_its_address(forker: Forker) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        address = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        command = forker.start([*SWEEP, "executor=dask", f"executor.address={address}"])
        assert command.end() == 2, command.said
    assert f"executor.address: found no scheduler that answers at {address}" in " ".join(command.said.split())


def test_a_cluster_that_is_started_here_gives_the_same_tables(
    forker: Forker, tmp_path: Path, whole: dict[str, Any]
) -> None:
    forker.run([*SWEEP, "executor=dask", "executor.workers=2"])
    assert tables_of(tmp_path / "results" / "quick") == whole
