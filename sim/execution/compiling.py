"""Compile the rules before the first campaign, on all cores.

Numba compiles on one core. Therefore, the steps of a day, with the rules that they call, are divided among processes,
which store their compiled code in the cache; then `run_days` is compiled from it. The processes are started as separate
commands rather than by `multiprocessing`, which would run a user's script again in each of them.
"""

import importlib
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import FunctionType
from typing import IO, Any, NamedTuple

from rich.console import Console

from sim.configuration.settings import Order
from sim.data.own_rules import own_rules
from sim.engine import campaign, day
from sim.engine.cache import naming_rules_of_user, types_of
from sim.engine.campaign import blank_record, run_campaign
from sim.engine.chance import seeds_of
from sim.engine.compile import cache_folder, compiled
from sim.engine.layout import begin, fresh
from sim.engine.world import World
from sim.execution.executors import cores
from sim.execution.work import layout_of
from sim.processes import safe_imports
from sim.provenance import PYTHON

COMPILED = f"campaign.run_days-*.{PYTHON}*.nbi"  # Numba's cache file of the function that is compiled last
MOST = 6  # largest number of processes; more have no effect, since the longest step takes a seventh of the total time
TRAITS = "sim.engine.world"  # module of functions that only group traits, which are not compiled separately


class Step(NamedTuple):
    """A rule that is compiled separately: its module, its name and the types of its arguments."""

    module: str
    name: str
    types: tuple[Any, ...]

    @property
    def rule(self) -> Any:
        """The rule itself, as Numba's dispatcher."""
        return getattr(importlib.import_module(self.module), self.name)

    @property
    def size(self) -> int:
        """Size of its source file in bytes, to which its compile time is roughly proportional."""
        return Path(self.rule.py_func.__code__.co_filename).stat().st_size


def rules_are_cold() -> bool:
    """Return whether the first campaign must compile the rules, which takes about half a minute."""
    return compiled and not any(cache_folder().rglob(COMPILED))


def can_keep() -> bool:
    """Return whether compiled rules can be stored in the cache for other processes."""
    with suppress(OSError):
        cache_folder().mkdir(parents=True, exist_ok=True)
        return os.access(cache_folder(), os.W_OK)
    return False


@contextmanager
def announcing(console: Console) -> Iterator[None]:
    """Print a message before a block that compiles the rules, and another one after it if it succeeds.

    Args:
        console: Console for the messages.
    """
    console.print("Compiling the rules, once for this installation: about half a minute ...")
    yield
    console.print("The rules are compiled.")


def compile_rules(order: Order, seed: int, console: Console) -> None:
    """Compile the rules, or load them from the cache, by running a campaign that lasts one day.

    Args:
        order: Settings of any cell, in the form that is sent to workers.
        seed: Any seed; the campaign is discarded.
        console: Console for a message if rules have to be compiled, which takes about half a minute.
    """
    if not compiled:
        return
    world = layout_of(order.rules, order.attention, order.posts).world
    is_cold = rules_are_cold()
    with announcing(console) if is_cold else nullcontext(), naming_rules_of_user():
        if is_cold and can_keep() and not own_rules():  # other processes do not know a user's rules
            compile_steps(steps_of(world, order), min(cores(), MOST))
        run_campaign(world, order.rules, order.timeline, seed, 1)


def steps_of(layout: World, order: Order) -> list[Step]:
    """Return the steps of day 0, of a later day and of recording a day, with the types of their arguments."""
    world = fresh(layout)
    seeds = seeds_of(0, 1, world.provinces.capital.size)
    calls = calls_in(day.run_day.py_func, world, order.rules, order.timeline, seeds, 1)
    calls += calls_in(begin.py_func, world, order.rules, order.timeline, seeds)
    calls += [(campaign.record_day, (world, blank_record(world, 1), 1))]
    steps = [Step(rule.__module__, rule.__name__, types_of(arguments)) for rule, arguments in calls]
    return list(dict.fromkeys(steps))


def calls_in(function: FunctionType, *arguments: Any) -> list[tuple[Any, tuple[Any, ...]]]:
    """Return the rules called by a rule, in order, and the arguments of each call, without running any rule."""
    calls: list[tuple[Any, tuple[Any, ...]]] = []

    def noting(rule: Any) -> Callable[..., None]:
        return lambda *given: calls.append((rule, given))

    known = dict(function.__globals__)
    for name, value in known.items():
        if hasattr(value, "py_func"):
            known[name] = value.py_func if value.__module__ == TRAITS else noting(value)
    FunctionType(function.__code__, known)(*arguments)
    return calls


def compile_steps(steps: Sequence[Step], count: int) -> None:
    """Compile steps on `count` processes, including this one, and store them in the cache.

    A step that another process could not compile is compiled by its caller, which then reports the reason.
    """
    mine, *others = shares_of(steps, count)
    with compiling_elsewhere(others):
        for step in mine:
            step.rule.compile(step.types)


def shares_of(steps: Sequence[Step], count: int) -> list[list[Step]]:
    """Divide steps among processes: in descending order of size, each goes to the process with the least work."""
    shares: list[list[Step]] = [[] for _ in range(count)]
    for step in sorted(steps, key=lambda step: step.size, reverse=True):
        min(shares, key=lambda share: sum(one.size for one in share)).append(step)
    return shares


@contextmanager
def compiling_elsewhere(shares: Sequence[Sequence[Step]]) -> Iterator[None]:
    """Compile each share of the steps in its own process while the `with` block runs, and wait for all after it.

    If the block fails or is interrupted, the processes are killed. If a process cannot be started, its share and those
    after it are left to the caller.
    """
    processes: list[subprocess.Popen[bytes]] = []
    try:
        with safe_imports(), suppress(OSError):
            for share in shares:
                processes.append(started_process())
                standard_input(processes[-1]).write(pickle.dumps(list(share)))
                standard_input(processes[-1]).flush()
        yield
        for process in processes:
            process.wait()
    finally:
        for process in processes:
            process.kill()
            process.wait()
            with suppress(OSError):
                standard_input(process).close()


def started_process() -> subprocess.Popen[bytes]:
    """Start a process that compiles a share, with the import paths of this process except the current folder."""
    return subprocess.Popen(
        [sys.executable or "", "-m", __name__],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)])},
    )  # fmt: skip


def standard_input(process: subprocess.Popen[bytes]) -> IO[bytes]:
    """Return the open end of a pipe to the standard input of a process."""
    assert process.stdin is not None
    return process.stdin


def compile_share() -> None:
    """Compile the steps named on standard input, and exit immediately when it is closed."""
    steps: list[Step] = pickle.load(sys.stdin.buffer)
    threading.Thread(target=exit_after_input, daemon=True).start()
    for step in steps:
        step.rule.compile(step.types)
    os._exit(0)


def exit_after_input() -> None:
    """Wait until standard input is closed, as when the process at its other end exits, and exit."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    compile_share()
