"""Campaigns that cost nothing, for tests of everything around them: their numbers follow from seed and rules alone.

Run as a script it starts one command of Panj after the other, each in a fork of its own: a process that may be killed,
without a second of imports before it. A line on its input is a JSON object: the `words` of the command, and how the
campaigns shall be: `seconds` each, seeds that `fail`, seeds whose worker `dies`, `disk` seconds a step with a file, the
step that the command `dies_at`.
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
from pathlib import Path
from typing import Any

os.environ.setdefault("NUMBA_DISABLE_JIT", "1")

import numpy as np
import pyarrow.parquet as pq

from sim import __main__ as front
from sim.engine.campaign import Campaign, Series, blank_record
from sim.engine.layout import fresh
from sim.engine.world import NEVER, Holder
from sim.run import run, work
from sim.run.backlog import Backlog
from sim.study.files import write_file
from sim.study.reader import note_drawn, read_about
from sim.study.store import recorded

TESTS = Path(__file__).parent
PATIENCE = 60  # seconds, on a machine that does much else
SWEEP = ("-m", "rules.news.fade_days=5,6", "runs=40")
CAMPAIGNS = 80  # of SWEEP
DECLARED = "calibration=as_declared"  # for tests of machinery: nothing is drawn, and no file of draws is read
SHORT = ("study=quick", "seed=5", "end_date=2021-05-04", DECLARED)


def campaign_of(layout: Any, rules: Any, timeline: Any, seed: int, days: int, world: Any = None) -> Campaign:
    """A stand-in for `run_campaign`: quick, and the same for the same seed and rules."""
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


def no_figures(folder: Path) -> None:
    """In place of the report, which takes seconds: which tables it would show."""
    write_file(folder / "report.html", json.dumps(read_about(folder)["tables"]))
    note_drawn(folder)


def make_quick() -> None:
    """Quick campaigns in this process, and no figures."""
    work.run_campaign = run.run_campaign = campaign_of  # type: ignore[assignment]
    front.drawing_apart = lambda: nullcontext(no_figures)


def command(manner: dict[str, Any]) -> int:
    """One command in this process."""
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
    """Make files slow, so that a kill at a random moment often comes in the midst of one."""
    around_files(lambda _place, _path: time.sleep(seconds))


def die_at(place: str, count: int) -> None:
    """Be killed at the so-manieth time that something, or anything, is done with a file."""
    times = []

    def step(here: str, path: str) -> None:
        is_table = place == "table" and here == "replace" and ".tables" in path
        times.extend([here] if place in (here, "any") or is_table else [])
        if len(times) == count:
            os.kill(os.getpid(), signal.SIGKILL)

    around_files(step)


def around_files(step: Callable[[str, str], None]) -> None:
    """Take a step when a file is half written, before it is flushed to the disk, and before and after it is renamed."""
    fsync, replace = os.fsync, os.replace

    class HalfWritten(io.FileIO):
        """A file that is written in two halves."""

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
    """An empty file when it is known what there is to do; a line a task that is handed out: cells with their seeds."""
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
    """Tasks that a command handed out, each as its cells and seeds."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [{(key, seed) for key, seeds in json.loads(line) for seed in seeds} for line in lines]


def tables_of(study: Path) -> dict[str, Any]:
    """What the tables of a study hold, without how and when they were made."""
    paths = study.glob("*.parquet")
    held: dict[str, Any] = {path.name: pq.read_table(path).replace_schema_metadata() for path in paths}
    held["summary.csv"] = (study / "summary.csv").read_text(encoding="utf-8")
    about = json.loads((study / "about.json").read_text(encoding="utf-8"))
    return held | {key: about[key] for key in ("campaigns", "failed", "cells", "runs", "swept")}


def recorded_seeds(study: Path) -> set[tuple[str, int]]:
    """Cells and seeds of all campaigns that are recorded as finished."""
    keys = [path.name for path in (study / "chunks").iterdir() if path.is_dir()] if (study / "chunks").exists() else []
    return {(key, seed) for key in keys for seed in recorded(study, key).done}


def chunk_files(study: Path) -> dict[str, tuple[int, int]]:
    """Every chunk that has its name, with its file number and the time of its writing."""
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in study.glob("chunks/*/*.arrow")}


class Started:
    """A command that runs."""

    def __init__(self, forker: "Forker", pid: int, said: Path) -> None:
        self.forker = forker
        forker.running = self
        self.pid = pid
        self.said_in = said

    def end(self) -> int:
        """Wait; the exit code, negative for a signal."""
        self.forker.say("end")
        code = int(self.forker.answer())
        self.forker.running = None
        return code

    def wait_for(self, path: Path) -> None:
        """Until a file is there; an error when it does not come."""
        late = time.monotonic() + PATIENCE
        while not path.exists():
            assert time.monotonic() < late, f"{path} did not come: {self.said}"
            time.sleep(0.002)

    def wait_to_say(self, words: str) -> None:
        """Until it has printed something."""
        late = time.monotonic() + PATIENCE
        while words not in self.said:
            assert time.monotonic() < late, self.said
            time.sleep(0.005)

    def kill(self) -> None:
        """At once; nothing happens when it has ended."""
        self.send(signal.SIGKILL)

    def send(self, number: int, is_to_all: bool = False) -> None:
        """A signal, to the command alone or with all its processes."""
        (os.killpg if is_to_all else os.kill)(self.pid, number)

    @property
    def said(self) -> str:
        """What it printed."""
        return self.said_in.read_text(encoding="utf-8") if self.said_in.exists() else ""


class Forker:
    """Starts commands, one at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder  # in which the next commands run
        self.count = 0
        self.running: Started | None = None
        environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(TESTS.parent)}
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def answer(self) -> str:
        """A line from the process."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def say(self, line: str) -> None:
        """A line to the process."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def start(self, words: Sequence[str], **manner: Any) -> Started:
        """A command in its own process."""
        self.count += 1
        said = self.folder / f"said-{self.count}.txt"
        where = {"folder": str(self.folder), "said": str(said)}
        given = {word.partition("=")[0] for word in words}
        usual = [word for word in SHORT if word.partition("=")[0] not in given]
        self.say(json.dumps({**manner, **where, "words": [*usual, *words]}))
        return Started(self, int(self.answer()), said)

    def stop(self) -> None:
        """End what a test that went wrong has left."""
        if self.running:
            self.running.send(signal.SIGKILL, is_to_all=True)
            self.running.end()


@contextmanager
def forker_in(folder: Path) -> Iterator[Forker]:
    """A forker for as long as it is needed."""
    forker = Forker(folder)
    try:
        yield forker
    finally:
        forker.stop()
        forker.process.kill()
        forker.process.communicate()


def serve() -> None:
    """Fork for every line, say the process id, and in the end the exit code."""
    import pandas  # noqa: F401  (Arrow imports it at the first array; once here, not in every fork)

    out = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)  # a terminal, too, sends Ctrl-C to a command with all its processes
            signal.signal(signal.SIGINT, signal.default_int_handler)
            code = 1
            try:
                code = command(json.loads(line))
            finally:
                sys.stdout.flush()
                os._exit(code)
        print(child, file=out, flush=True)
        sys.stdin.readline()  # not before it is asked for: until then nobody else gets its number
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=out, flush=True)


if __name__ in ("__main__", "__mp_main__"):  # the second: a worker process that was started by the first
    make_quick()
if __name__ == "__main__":
    serve()
