"""Where the time of one campaign goes, rule by rule.

    python benchmarks/rules_profile.py [campaigns: 20]

Every line of `live_one_day` becomes an entry point of its own, so that Python can call and time it. A call costs a few
microseconds, which are taken off (as measured on the shortest step).
"""

import ast
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import sim.day
import sim.founding
from sim.campaign import blank_record, record_evening, run_campaign
from sim.chance import Luck
from sim.founding import fresh
from sim.rules import entry
from sim.study.settings import compose_settings

GROUPS = (
    "districts, provinces, roads, garrisons, units, forces, prongs, posts, refugees, queues, log, conditions, tally"
)


def steps_of_the_day() -> list[str]:
    """The lines of `live_one_day` that call a rule."""
    tree = ast.parse(Path(sim.day.__file__).read_text(encoding="utf-8"))
    day = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "live_one_day")
    return [ast.unparse(node) for node in day.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]


def module_of(steps: list[str]) -> Any:
    """A module with one entry point a step, in a file of its own so that it can be cached."""
    folder = Path(tempfile.mkdtemp())
    lines = ["from sim.day import *", "from sim.day import World, Rules, Timeline", "from sim.rules import entry",
             "from sim.chance import Luck", "import numpy as np"]  # fmt: skip
    for number, step in enumerate(steps):
        lines += [
            "", "@entry", f"def step_{number}(world, rules, timeline, seed, day):", f"    {GROUPS} = world",
            "    hungry, patience = rules.supply.hungry_below, rules.calls.patience_days", "    luck = Luck(seed, day)",
            f"    {step}",
        ]  # fmt: skip
    (folder / "panj_steps.py").write_text("\n".join(lines))
    sys.path.insert(0, str(folder))
    return import_module("panj_steps")


@entry
def begin_day_zero(world, rules, timeline, seed):  # type: ignore[no-untyped-def]
    """The draws of day 0."""
    sim.founding.begin(world, rules, timeline, Luck(seed, 0))


@entry
def record(world, record, day):  # type: ignore[no-untyped-def]
    """The evening is written down."""
    record_evening(world, record, day)


def main() -> None:
    """Print a table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    settings = compose_settings()
    steps = steps_of_the_day()
    module = module_of(steps)
    entries = [getattr(module, f"step_{number}") for number in range(len(steps))]
    spent = np.zeros(len(steps) + 3)
    rules, timeline = settings.rules, settings.timeline
    whole = 0.0
    for seed in range(-1, count):  # the first is for compiling
        if seed == 0:
            spent[:] = 0.0
        luck = np.uint64(max(seed, 0))
        marks = [time.perf_counter()]
        world = fresh(settings.layout.world)
        kept = blank_record(world, settings.days)
        marks.append(time.perf_counter())
        begin_day_zero(world, rules, timeline, luck)
        marks.append(time.perf_counter())
        spent[-3] += marks[1] - marks[0]
        spent[-2] += marks[2] - marks[1]
        record(world, kept, 0)
        for day in range(1, settings.days + 1):
            for number, step in enumerate(entries):
                begun = time.perf_counter()
                step(world, rules, timeline, luck, day)
                spent[number] += time.perf_counter() - begun
            begun = time.perf_counter()
            record(world, kept, day)
            spent[-1] += time.perf_counter() - begun
        if seed >= 0:
            begun = time.perf_counter()
            again = run_campaign(settings.layout.world, rules, timeline, max(seed, 0), settings.days)
            whole += time.perf_counter() - begun
            assert np.array_equal(again.record.series, kept.series)
    each = spent / count * 1000
    call = min(each[: len(steps)])
    names = [step.split("(")[0] for step in steps] + ["(new world)", "(day 0)", "(record)"]
    print(f"One campaign of {settings.days + 1} evenings: {whole / count * 1000:.1f} ms ({count} campaigns)\n")
    print("| step | ms a campaign | share |\n|---|---|---|")
    net = np.maximum(each - np.array([call] * len(steps) + [0, 0, call]), 0)
    for place in np.argsort(-net):
        print(f"| {names[place]} | {net[place]:.2f} | {net[place] / net.sum():.0%} |")


if __name__ == "__main__":
    main()
