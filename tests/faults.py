"""Inject faults into studies: kill them at every step with a file and at random moments, and damage every file.

After each fault, the same command must complete the study with the tables of an undisturbed one, and no stored campaign
may be lost or run again. Until then, whatever can be read must be correct. `make faults` injects all faults and prints
their numbers; `tests/execution/test_faults.py` injects some of them.
"""

import argparse
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import psutil
from quick import (
    CAMPAIGNS,
    SHORT,
    SWEEP,
    Forker,
    chunk_files,
    forker_in,
    make_quick,
    no_figures,
    recorded_seeds,
    results_in,
    tables_of,
    tasks_in,
)
from rich.console import Console

from sim.configuration.sweep import compose_sweep
from sim.errors import PanjError
from sim.execution.run import run_sweep
from sim.study.reader import is_drawn, read_sweep

DRAWN = "calibration=posterior"  # numbers drawn per campaign, as by default
WORDS = (*SWEEP, DRAWN, "executor.workers=2")
FEW = ("-m", "rules.news.fade_days=5,6", "runs=4", DRAWN, "executor.workers=2")
DAMAGES = ("cut", "emptied", "flipped", "removed")
Disturbance = Callable[[Any], None]  # function that disturbs a command which has been started
SECONDS = {"threads": 0.012, "processes": 0.03, "dask": 0.03}  # per campaign, so that kills interrupt some


class Faults:
    """Injector of faults, which checks the study after each fault and counts the faults by kind."""

    def __init__(self, forker: Forker, folder: Path, seed: int = 20210705) -> None:
        self.forker = forker
        self.folder = folder
        self.random = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.number = 0
        self.whole = self.undisturbed("whole", WORDS)
        self.few = self.undisturbed("few", FEW)
        make_quick()
        self.sweep = results_in(folder / "results", compose_sweep([*WORDS, *SHORT[1:-1], "study=damaged"]))

    def undisturbed(self, name: str, words: Sequence[str]) -> dict[str, Any]:
        """Run a study without disturbance, and return its tables."""
        self.forker.run([*words, f"study={name}"])
        return tables_of(self.study(name))

    def study(self, name: str) -> Path:
        """Return the folder of a study."""
        return self.folder / "results" / name

    def run(self, study: Path, words: Sequence[str], executor: str, disturb: Disturbance, **manner: Any) -> int:
        """Run a command on a study, disturb it, and return its exit code.

        Fail if a stored campaign was lost or run again.
        """
        self.number += 1
        tasks = self.folder / f"tasks-{self.number}"
        files, there = chunk_files(study), recorded_seeds(study)
        command = [*words, f"study={study.name}", f"executor={executor}"]
        started = self.forker.start(command, tasks=str(tasks), **manner)
        disturb(started)
        code = started.end()
        assert code in (0, 2, 3, -signal.SIGKILL), started.said  # 2: no Dask worker is left
        assert files.items() <= chunk_files(study).items(), "a stored chunk was lost or written again"
        assert not [task for task in tasks_in(tasks) if task & there], "a stored campaign was run again"
        return code

    def check_readable(self, study: Path, *states: dict[str, Any]) -> None:
        """Fail if a study can be read and its tables are not in one of the given states."""
        try:
            read_sweep(study)
        except PanjError:
            return
        assert tables_of(study) in states, "tables that can be read are wrong"

    def finish(self, study: Path, words: Sequence[str] = WORDS, executor: str = "threads") -> None:
        """Run the same command to its end, and check that the tables are those of an undisturbed study."""
        assert self.run(study, words, executor, lambda _: None) == 0
        assert tables_of(study) == self.whole
        assert len(recorded_seeds(study)) == CAMPAIGNS and is_drawn(study)

    def kill_at_every_step(self, executor: str, places: Iterable[int], grows: bool = False) -> None:
        """Kill a command at its n-th step with a file, for each n in `places`, until it ends before that step.

        The command runs a new study or, with `grows`, adds campaigns to an existing one.
        """
        for count in places:
            study = self.study(f"{executor}-{'grown' if grows else 'new'}-{count}")
            if grows:
                shutil.copytree(self.study("few"), study)
            code = self.run(study, WORDS, executor, lambda _: None, dies_at=["any", count])
            if code == 0:
                assert tables_of(study) == self.whole
                break
            self.counts[f"{executor}, killed at a step with a file"] += 1
            self.check_readable(study, self.whole, self.few)
            self.finish(study)
            shutil.rmtree(study)

    def kill_at_random(self, executor: str, kills: int) -> None:
        """Kill the command of a study at random moments, and begin another study whenever one is complete."""
        met, studies = 0, 0
        while met < kills:
            study = self.study(f"{executor}-random-{studies}")
            moment = self.random.uniform(0.0, 1.5) if executor != "dask" else self.random.uniform(1.0, 6.0)

            def kill(started: Any, moment: float = moment) -> None:
                time.sleep(moment)
                started.kill()

            code = self.run(study, WORDS, executor, kill, seconds=SECONDS[executor], disk=0.004)
            met += code != 0
            self.counts[f"{executor}, killed at a random moment"] += code != 0
            if study.exists():
                self.check_readable(study, self.whole)
            if code == 0 or self.random.random() < 0.2 or met == kills:
                self.finish(study, executor=executor)
                shutil.rmtree(study)
                studies += 1

    def kill_workers(self, executor: str, kills: int) -> None:
        """Kill worker processes so often that campaigns are given up, then complete the study by the same command."""
        study, met = self.study(f"{executor}-workers"), 0

        def kill(started: Any) -> None:
            nonlocal met
            late = time.monotonic() + 60
            while not recorded_seeds(study) and time.monotonic() < late:
                time.sleep(0.05)
            while met < kills and time.monotonic() < late and psutil.pid_exists(started.pid):
                for worker in workers_of(started.pid):
                    if met < kills:
                        worker.kill()
                        met += 1
                time.sleep(0.05)

        self.run(study, WORDS, executor, kill, seconds=0.05)
        self.counts[f"{executor}, a worker killed"] += met
        self.finish(study)
        shutil.rmtree(study)

    def damage_every_file(self, flips: int = 1, kinds: Sequence[str] = DAMAGES, chunks: int = 99) -> None:
        """Damage each file of a finished study in every way, and check that the same command repairs the study.

        Of the chunks, only the first `chunks` files are damaged.
        """
        whole = self.study("whole")
        paths = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file() and path.name != ".lock")
        left_out = [path for path in paths if path.suffix == ".arrow"][chunks:]
        for path in (path for path in paths if path not in left_out):
            for kind in kinds:
                for _ in range(flips if kind == "flipped" else 1):
                    study = self.study("damaged")
                    shutil.copytree(whole, study)
                    self.damage(study / path, kind)
                    try:
                        self.check_damaged(study)
                    except AssertionError as error:
                        raise AssertionError(f"{path} {kind}: {error}") from error
                    self.counts[f"a file {kind}"] += 1
                    shutil.rmtree(study)

    def damage(self, path: Path, kind: str) -> None:
        """Damage one file: remove it, empty it, cut it in half, or flip a random bit."""
        content = bytearray(path.read_bytes())
        if kind == "removed":
            path.unlink()
        elif kind == "flipped":
            content[self.random.randrange(len(content))] ^= 1 << self.random.randrange(8)
            path.write_bytes(content)
        else:
            path.write_bytes(content[: len(content) // 2] if kind == "cut" else b"")

    def check_damaged(self, study: Path) -> None:
        """Check that a damaged study is rejected or read correctly, and that the same command repairs it.

        The command runs in this process.
        """
        self.check_readable(study, self.whole)
        ran = run_sweep(self.sweep, Console(quiet=True))
        if ran.is_new or not is_drawn(study):
            no_figures(study)
        assert tables_of(study) == self.whole and is_drawn(study)
        assert len(recorded_seeds(study)) == CAMPAIGNS


def workers_of(pid: int) -> list[psutil.Process]:
    """Return the worker processes of a command, given its process id."""
    try:
        children = psutil.Process(pid).children(recursive=True)
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    except psutil.Error:
        return []


def main() -> None:
    """Inject every fault, and print the numbers of faults by kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=20210705)
    parser.add_argument("--every", type=int, default=1, help="kill at every n-th step with a file only")
    arguments = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="panj-faults-") as place, forker_in(Path(place)) as forker:
        faults = Faults(forker, Path(place), arguments.seed)
        faults.damage_every_file(flips=5)
        show(faults, began)
        faults.kill_at_every_step("threads", range(1, 1000, arguments.every))
        faults.kill_at_every_step("threads", range(1, 1000, arguments.every), grows=True)
        show(faults, began)
        faults.kill_at_every_step("processes", range(1, 1000, 7 * arguments.every))
        for executor, kills in (("threads", 60), ("processes", 40), ("dask", 12)):
            faults.kill_at_random(executor, kills)
            show(faults, began)
        for executor in ("processes", "dask"):
            faults.kill_workers(executor, 12)
    show(faults, began)
    print("After each the same command gave the tables of an undisturbed study; nothing was lost or run again.")


def show(faults: Faults, began: float) -> None:
    """Print the elapsed time and the numbers of faults so far."""
    print(f"{time.monotonic() - began:.0f} s, {sum(faults.counts.values())} faults")
    for kind, count in sorted(faults.counts.items()):
        print(f"  {count:4d} {kind}", flush=True)


if __name__ == "__main__":
    main()
