"""Replace campaigns by instant stand-ins, to test everything around them; results depend only on seed and rules.

Run as a script, this module starts commands of Panj one after the other, each in a fork of its own. A fork may be
killed, and does not spend a second on imports. Each line of its input is a JSON object with the `words` of the command
and the faults to inject: `seconds` per campaign, seeds that `fail`, seeds whose worker `dies`, `disk` seconds per step
with a file, and the step that the command `dies_at`.
"""

import io
import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("NUMBA_DISABLE_JIT", "1")

import numpy as np
import pyarrow.parquet as pq

from sim import __main__ as front
from sim.configuration.sweep import Sweep
from sim.engine.campaign import Campaign, Series, blank_record
from sim.engine.layout import fresh
from sim.engine.world import NEVER, Holder
from sim.execution import run, work
from sim.execution.backlog import Backlog
from sim.study.files import write_file
from sim.study.reader import note_drawn, read_about
from sim.study.store import recorded

TESTS = Path(__file__).parent
PATIENCE = 60  # seconds to wait for a command, on a busy machine
SWEEP = ("-m", "rules.news.fade_days=5,6", "runs=40")
CAMPAIGNS = 80  # number of campaigns in SWEEP
DECLARED = "calibration=as_declared"  # so that no numbers are drawn and no posterior is read
SHORT = ("study=quick", "seed=5", "end_date=2021-05-04", DECLARED)


def campaign_of(layout: Any, rules: Any, timeline: Any, seed: int, days: int, world: Any = None) -> Campaign:
    """Return a campaign with random results that are the same for the same seed and rules, as a quick `run_campaign`.

    The environment variable PANJ_QUICK may contain faults to inject.
    """
    manner = json.loads(os.environ.get("PANJ_QUICK", "{}"))
    time.sleep(manner.get("seconds", 0.0))
    if seed in manner.get("dies", []):
        os._exit(9)
    if seed in manner.get("fail", []):
        raise RuntimeError(f"seed {seed} has no luck")
    luck = np.random.default_rng([seed, zlib.crc32(repr(rules).encode())])
    world, record = fresh(layout), blank_record(layout, days)
    fell = luck.integers(0, 2 * days, world.districts.holder.size)
    evenings = np.arange(days + 1)[:, None]
    record.holder[:] = np.where(evenings >= fell, Holder.TALIBAN, Holder.GOVERNMENT)
    world.districts.first_lost_on[:] = np.where(fell <= days, fell, NEVER)
    record.series[:] = luck.integers(0, 1000, record.series.shape)
    record.series[:, Series.DISTRICTS_HELD_BY_TALIBAN] = (fell <= evenings).sum(axis=1)
    for nights in (record.crossed, record.waiting, record.admitted):
        nights[:] = luck.integers(0, 50, nights.shape)
    return Campaign(seed, world, record)


def quiet_campaign(*given: Any) -> Campaign:
    """Return the same without crossings, because campaigns full of random ones are too large for a page of scenes."""
    found = campaign_of(*given)
    found.record.crossed[:] = 0
    return found


def replace_campaigns(patch: Any, campaign: Callable[..., Campaign] = campaign_of) -> None:
    """Replace campaigns by instant stand-ins wherever a study runs them, until the `MonkeyPatch` is undone."""
    for module in (work, run):
        patch.setattr(module, "run_campaign", campaign)


def of_address(layout: Any, _rules: Any, _timeline: Any, seed: Any, days: int, _world: Any = None) -> Campaign:
    """Return a campaign with random results that depend on every seed of an address, as a quick `run_campaign`."""
    luck, record = np.random.default_rng(hash(seed) % 2**32), blank_record(layout, days)
    fell = luck.integers(0, 2 * days, record.holder.shape[1])
    record.holder[:] = np.where(np.arange(days + 1)[:, None] >= fell, Holder.TALIBAN, Holder.GOVERNMENT)
    record.crossed[:] = luck.integers(0, 20, record.crossed.shape)
    return Campaign(0, layout, record)


def likelihoods(batch: Any) -> np.ndarray:
    """Return log likelihoods of worlds, which are likely if their first number is near 0.7, as a quick `run_batch`."""
    return np.repeat(-8.0 * (batch.shares[:, :1] - 0.7) ** 2, len(batch.observations), axis=1)


def with_usual(words: Sequence[str], usual: Sequence[str]) -> list[str]:
    """Return overrides, preceded by those of the usual ones whose keys they do not set."""
    given = {word.partition("=")[0] for word in words}
    return [*(word for word in usual if word.partition("=")[0] not in given), *words]


def results_in(folder: Path, sweep: Sweep) -> Sweep:
    """Return a sweep whose study is stored in a folder."""
    return replace(sweep, base=replace(sweep.base, results_dir=folder))


def no_figures(folder: Path) -> None:
    """Write a file in place of the report, which would take seconds, with the digests of the tables."""
    write_file(folder / "report.html", json.dumps(read_about(folder)["tables"]))
    note_drawn(folder)


def make_quick() -> None:
    """Replace campaigns by quick ones, and the report by a small file, in this process."""
    work.run_campaign = run.run_campaign = campaign_of  # type: ignore[assignment]
    front.drawing_apart = lambda: nullcontext(no_figures)


def command(manner: dict[str, Any]) -> int:
    """Run one command in this process with the faults requested in `manner`, and return its exit code."""
    os.environ["PANJ_QUICK"] = json.dumps(manner)
    os.chdir(manner["folder"])
    if "disk" in manner:
        slow_down(manner["disk"])
    if "dies_at" in manner:
        die_at(*manner["dies_at"])
    if "tasks" in manner:
        write_down_tasks(Path(manner["tasks"]))
    with Path(manner["said"]).open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    return front.main(manner["words"])


def slow_down(seconds: float) -> None:
    """Slow down all steps with files, so that a kill at a random moment often interrupts one."""
    around_files(lambda _place, _path: time.sleep(seconds))


def die_at(place: str, count: int) -> None:
    """Kill this process at the `count`-th step with a file; `place` is the kind of step, or `any`."""
    times = []

    def step(here: str, path: str) -> None:
        is_table = place == "table" and here == "replace" and ".tables" in path
        times.extend([here] if place in (here, "any") or is_table else [])
        if len(times) == count:
            os.kill(os.getpid(), signal.SIGKILL)

    around_files(step)


def around_files(step: Callable[[str, str], None]) -> None:
    """Call `step` when a file is half written, before it is flushed to disk, and before and after it is renamed."""
    fsync, replace = os.fsync, os.replace

    class HalfWritten(io.FileIO):
        """A file whose content is written in two halves."""

        def write(self, content: Any) -> int:
            there = bytes(content)
            half = super().write(there[: len(there) // 2])
            step("write", str(self.name))
            return half + super().write(there[half:])

    def step_open(path: Path, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        return HalfWritten(path, mode) if mode == "wb" else open(path, mode, *arguments, **named)

    def step_fsync(file: int) -> None:
        step("fsync", "")
        fsync(file)

    def step_replace(source: Any, target: Any) -> None:
        step("replace", str(source))
        replace(source, target)
        step("replaced", str(source))

    os.fsync, os.replace, Path.open = step_fsync, step_replace, step_open  # type: ignore[assignment, method-assign]


def write_down_tasks(path: Path) -> None:
    """Record tasks in a file: create it when the backlog is known, and add a line per task that is handed out.

    A line contains the cells of the task with their seeds.
    """
    begin, take = Backlog.__init__, Backlog.take

    def begun(self: Backlog, *arguments: Any) -> None:
        begin(self, *arguments)
        path.touch()

    def seen(self: Backlog, workers: int) -> Any:
        task = take(self, workers)
        line = json.dumps([[piece.order.key, list(map(int, piece.seeds))] for _, piece in task]) + "\n"
        with path.open("a", encoding="utf-8") as file:
            file.write(line)
        return task

    Backlog.__init__, Backlog.take = begun, seen  # type: ignore[method-assign]


def tasks_in(path: Path) -> list[set[tuple[str, int]]]:
    """Return the tasks that a command handed out, each as a set of (cell, seed)."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [{(key, seed) for key, seeds in json.loads(line) for seed in seeds} for line in lines]


def tables_of(study: Path) -> dict[str, Any]:
    """Return the content of the tables of a study, without the metadata on how and when they were made."""
    paths = study.glob("*.parquet")
    held: dict[str, Any] = {path.name: pq.read_table(path).replace_schema_metadata() for path in paths}
    held["summary.csv"] = (study / "summary.csv").read_text(encoding="utf-8")
    about = json.loads((study / "about.json").read_text(encoding="utf-8"))
    return held | {key: about[key] for key in ("campaigns", "failed", "cells", "runs", "swept")}


def recorded_seeds(study: Path) -> set[tuple[str, int]]:
    """Return the cell and seed of every campaign that is stored as finished."""
    keys = [path.name for path in (study / "chunks").iterdir() if path.is_dir()] if (study / "chunks").exists() else []
    return {(key, seed) for key in keys for seed in recorded(study, key).done}


def chunk_files(study: Path) -> dict[str, tuple[int, int]]:
    """Return the inode and modification time of every complete chunk file, by path."""
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in study.glob("chunks/*/*.arrow")}


class Started:
    """A running command."""

    def __init__(self, forker: "Forker", pid: int, said: Path) -> None:
        self.forker = forker
        forker.running = self
        self.pid = pid
        self.said_in = said

    def end(self) -> int:
        """Wait for the command to end, and return its exit code (negative if it was killed by a signal)."""
        self.forker.say("end")
        code = int(self.forker.answer())
        self.forker.running = None
        return code

    def wait_for(self, path: Path) -> None:
        """Wait until a file exists; fail if it does not appear within PATIENCE."""
        late = time.monotonic() + PATIENCE
        while not path.exists():
            assert time.monotonic() < late, f"{path} did not come: {self.said}"
            time.sleep(0.002)

    def wait_to_say(self, words: str) -> None:
        """Wait until the command has printed a text; fail if it does not within PATIENCE."""
        late = time.monotonic() + PATIENCE
        while words not in self.said:
            assert time.monotonic() < late, self.said
            time.sleep(0.005)

    def kill(self) -> None:
        """Kill the command at once; there is no effect if it has ended."""
        self.send(signal.SIGKILL)

    def send(self, number: int, is_to_all: bool = False) -> None:
        """Send a signal to the command or, if `is_to_all`, to all processes of its group."""
        (os.killpg if is_to_all else os.kill)(self.pid, number)

    @property
    def said(self) -> str:
        """Text that the command has printed so far."""
        return self.said_in.read_text(encoding="utf-8") if self.said_in.exists() else ""


class Forker:
    """Process that starts commands, one at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder  # working directory of the next commands
        self.count = 0
        self.running: Started | None = None
        environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(TESTS.parent)}
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def answer(self) -> str:
        """Read one line from the process."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def say(self, line: str) -> None:
        """Send one line to the process."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def start(self, words: Sequence[str], **manner: Any) -> Started:
        """Start a command in its own process, and return it; `manner` contains the faults to inject."""
        self.count += 1
        said = self.folder / f"said-{self.count}.txt"
        where = {"folder": str(self.folder), "said": str(said)}
        self.say(json.dumps({**manner, **where, "words": with_usual(words, SHORT)}))
        return Started(self, int(self.answer()), said)

    def run(self, words: Sequence[str], **manner: Any) -> Started:
        """Run a command to its end, and return it; fail if it fails."""
        started = self.start(words, **manner)
        assert started.end() == 0, started.said
        return started

    def stop(self) -> None:
        """Kill the command that a failed test has left running, if any."""
        if self.running:
            self.running.send(signal.SIGKILL, is_to_all=True)
            self.running.end()


@contextmanager
def forker_in(folder: Path) -> Iterator[Forker]:
    """Yield a forker that runs commands in a folder, and end it after the block."""
    forker = Forker(folder)
    try:
        yield forker
    finally:
        forker.stop()
        forker.process.kill()
        forker.process.communicate()


def serve() -> None:
    """Fork a command for every line of input; print its process id and, when asked after its end, its exit code."""
    import pandas  # noqa: F401  (Arrow imports it for its first array; importing it here saves time in every fork)

    out = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)  # as in a terminal, where Ctrl-C reaches a command with all its processes
            signal.signal(signal.SIGINT, signal.default_int_handler)
            code = 1
            try:
                code = command(json.loads(line))
            finally:
                sys.stdout.flush()
                os._exit(code)
        print(child, file=out, flush=True)
        sys.stdin.readline()  # wait for the request: until the child is reaped, no other process gets its id
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=out, flush=True)


if __name__ in ("__main__", "__mp_main__"):  # __mp_main__ is the name in worker processes
    make_quick()
if __name__ == "__main__":
    serve()
