"""Measure the time of one campaign by rule.

    python benchmarks/rules_profile.py [quick]

Every line of `run_day` becomes a separate entry point, so that Python can call and time it. A call costs a few
microseconds, which are subtracted (measured on the shortest step).
"""

import ast
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from common import MEASURED, table

import sim.engine.day
import sim.engine.layout
from sim.configuration.compose import compose_settings
from sim.engine.campaign import blank_record, record_day, run_campaign
from sim.engine.chance import seeds_of
from sim.engine.compile import entry
from sim.engine.day import Rules
from sim.engine.layout import fresh
from sim.engine.timeline import Timeline
from sim.engine.world import World


def lines_of_the_day(kind: type[ast.stmt]) -> list[str]:
    """Return the lines of `run_day` of one kind: expressions call a rule, assignments prepare its arguments."""
    tree = ast.parse(Path(sim.engine.day.__file__).read_text(encoding="utf-8"))
    day = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "run_day")
    return [ast.unparse(node) for node in day.body[1:] if isinstance(node, kind)]


def module_of(steps: list[str]) -> Any:
    """Create a module with one entry point per step, in its own file so that Numba can cache it."""
    folder = Path(tempfile.mkdtemp())
    lines = [
             "from sim.engine.day import *", "from sim.engine.day import World, Rules, Timeline",
             "from sim.engine.compile import entry",
             "import numpy as np"]  # fmt: skip
    for number, step in enumerate(steps):
        lines += [
            "", "@entry", f"def step_{number}(world, rules, timeline, seeds, day):",
            *(f"    {line}" for line in lines_of_the_day(ast.Assign)), f"    {step}",
        ]  # fmt: skip
    (folder / "panj_steps.py").write_text("\n".join(lines))
    sys.path.insert(0, str(folder))
    return import_module("panj_steps")


def entries_of(steps: list[str]) -> list[Any]:
    """Return the entry points of the steps, in order."""
    module = module_of(steps)
    return [getattr(module, f"step_{number}") for number in range(len(steps))]


@entry
def begin_day_zero(world, rules, timeline, seeds):  # type: ignore[no-untyped-def]
    """Prepare day 0, with its draws."""
    sim.engine.layout.begin(world, rules, timeline, seeds)


@entry
def record(world, record, day):  # type: ignore[no-untyped-def]
    """Record the end of the day."""
    record_day(world, record, day)


def run_in_steps(
    layout: World,
    rules: Rules,
    timeline: Timeline,
    days: int,
    entries: list[Any],
    seed: int,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[np.ndarray, Any]:
    """Run one campaign step by step.

    Returns:
        The seconds of every step, of the new world, of day 0 and of recording; and the record of the campaign.
    """
    spent = np.zeros(len(entries) + 3)
    seeds = seeds_of(seed, days, layout.provinces.capital.size)
    begun = clock()
    world = fresh(layout)
    spent[-3] = clock() - begun
    kept = blank_record(world, days)
    begun = clock()
    begin_day_zero(world, rules, timeline, seeds)
    spent[-2] = clock() - begun
    for day in range(days + 1):
        if day > 0:
            for number, step in enumerate(entries):
                begun = clock()
                step(world, rules, timeline, seeds, day)
                spent[number] += clock() - begun
        begun = clock()
        record(world, kept, day)
        spent[-1] += clock() - begun
    return spent, kept


def measure(quick: bool = False) -> dict[str, Any]:
    """Measure milliseconds per campaign of every step, as the minimum of several rounds."""
    campaigns, turns = (4, 3) if quick else (16, 7)
    settings = compose_settings(MEASURED)
    steps = lines_of_the_day(ast.Expr)
    entries = entries_of(steps)
    country = settings.layout.world, settings.rules, settings.timeline, settings.days
    world = fresh(settings.layout.world)
    run_in_steps(*country, entries, 0)  # warm-up: compiles
    least = np.zeros(len(steps) + 3)
    whole = 0.0
    for seed in range(campaigns):
        spent, whole_of = [], []
        for _ in range(turns):
            seconds, kept = run_in_steps(*country, entries, seed)
            spent.append(seconds)
            begun = time.perf_counter()
            again = run_campaign(settings.layout.world, settings.rules, settings.timeline, seed, settings.days, world)
            whole_of.append(time.perf_counter() - begun)
            if not np.array_equal(again.record.series, kept.series):
                raise RuntimeError(f"seed {seed}: the steps one by one and the whole campaign differ")
        least += np.min(spent, axis=0)
        whole += min(whole_of)
    totals = net_of_calls(steps, least / campaigns * 1000)
    return {"campaign_ms": whole / campaigns * 1000, "steps_ms": totals, "campaigns": campaigns, "turns": turns}


def net_of_calls(steps: list[str], each: np.ndarray) -> dict[str, float]:
    """Return the time of every step by name, minus the estimated cost of the call from Python."""
    call = each[: len(steps)].min()
    net = np.maximum(each - np.array([call] * len(steps) + [0, 0, call]), 0)
    names = [step.split("(")[0] for step in steps] + ["(new world)", "(day 0)", "(record)"]
    totals: dict[str, float] = {}
    for name, spent in zip(names, net, strict=True):
        totals[name] = totals.get(name, 0.0) + float(spent)
    return totals


def report(measured: dict[str, Any]) -> str:
    """Write the section with the steps, slowest first, as Markdown."""
    steps = sorted(measured["steps_ms"].items(), key=lambda step: -step[1])
    total = sum(measured["steps_ms"].values())
    return "\n".join(
        [
            "## One campaign by rule",
            "",
            f"{measured['campaign_ms']:.1f} ms per campaign on one core, in a reused world; mean of "
            f"{measured['campaigns']} seeds, the minimum of {measured['turns']} rounds each. Called one by one, "
            f"the steps add up to {total:.1f} ms.",
            "",
            table(
                ("step", "ms per campaign", "share"), [(name, f"{ms:.2f}", f"{ms / total:.0%}") for name, ms in steps]
            ),
        ]
    )


if __name__ == "__main__":
    print(report(measure("quick" in sys.argv[1:])))
