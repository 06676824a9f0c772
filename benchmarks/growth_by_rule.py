"""Measure how the time of each rule grows with the number of districts.

    python benchmarks/growth_by_rule.py [quick]

Countries are those of `growth.py`: the map side by side with its mirror images. Every step of the day is called from
Python, as in `rules_profile.py`; times are CPU time, which excludes other processes, without the cost of the call.
"""

import ast
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from common import LONG, in_turn, plain, run_code, table
from growth import LINEAR, NOT_FITTED, column, growth, is_worse_than_linear, say, say_exponent
from rules_profile import entries_of, lines_of_the_day, net_of_calls, run_in_steps
from tiling import tiled

from sim.configuration.compose import compose_settings

ASK = """
import json, sys
sys.path.insert(0, "benchmarks")
import growth_by_rule
print(json.dumps(growth_by_rule.time_steps(*map(int, sys.argv[1:]))))
"""
CAMPAIGNS = {1: 4, 2: 2, 4: 1}  # campaigns by number of tiles along a side
TURNS = {1: 6, 2: 3, 4: 2}  # repeats, of which the minimum is used
SMALL = 0.01  # share of the largest campaign below which steps are not listed
UNSURE = 0.1  # ms: uncertainty of the cost of a call from Python
WHY = {  # explanations found by reading the rules
    "travel": "families of every tile travel to the one capital city, and are on the road for longer",
    "advance": "each time that a prong chooses, it evaluates every province, and both grow in number",
    "strike_back": "every attempt evaluates every lost district within reach, each with its own draw, and both grow in "
    "number",
    "retreat": "every unit that flees evaluates every post, and both grow in number",
}

LINEAR_WORK = "it visits nothing more often as the country grows; its arrays no longer fit the caches, or more happens"


def time_steps(side: int, campaigns: int, turns: int) -> dict[str, float]:
    """Measure milliseconds per campaign of every step in a country of side x side tiles, and its districts."""
    settings = compose_settings([LONG])
    layout, rules, timeline = tiled(settings, side)
    steps = lines_of_the_day(ast.Expr)
    run = partial(run_in_steps, layout.world, rules, timeline, entries=entries_of(steps), clock=time.process_time)
    run(days=2, seed=0)  # warm-up: compiles
    least = sum(
        np.min([run(days=settings.days, seed=seed)[0] for _ in range(turns)], axis=0) for seed in range(campaigns)
    )
    told = net_of_calls(steps, least / campaigns * 1000)
    return told | {"districts": float(layout.world.districts.holder.size)}


def measure(quick: bool = False) -> dict[str, Any]:
    """Measure every step at each size and fit its law; the steps slowest in the largest country come first."""
    sides, repeats = ((1, 2), 1) if quick else ((1, 2, 4), 2)
    told = in_turn({side: partial(run_code, ASK, side, CAMPAIGNS[side], TURNS[side]) for side in sides}, repeats)
    x = [runs[0].pop("districts") for runs in told.values()]
    names = sorted(told[sides[0]][0], key=lambda name: -told[sides[-1]][0][name])
    return {name: fitted(x, column(told, name)) for name in names}


def fitted(x: Sequence[float], y: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Fit the law to the measurements, unless the smallest country takes no longer than the call itself."""
    return growth("ms", x, y) | (NOT_FITTED if min(y[0]) < UNSURE else {})


def report(measured: Mapping[str, Any]) -> str:
    """Write the section: one row per step, and reasons for growth that is worse than linear."""
    x = next(iter(measured.values()))["x"]
    whole = sum(grown["y"][-1]["median"] for grown in measured.values())
    listed = {name: grown for name, grown in measured.items() if grown["y"][-1]["median"] >= SMALL * whole}
    head = ["step", *(f"ms, {size:,.0f} districts" for size in x), "share", "exponent (95 %)", "of the last step"]
    reasons = [
        f"- `{name}` ({say(grown['exponent'])}): {WHY.get(name, LINEAR_WORK)}."
        for name, grown in listed.items()
        if is_worse_than_linear(grown)
    ]
    return "\n".join([
        "## Growth by rule",
        "",
        "Milliseconds per campaign of every step that takes at least a hundredth of the largest campaign, in the "
        "countries of the growth by districts; processor time, median. Worse than linear: the whole interval of the "
        f"exponent is above {LINEAR}; no exponent is fitted for steps below {UNSURE} ms in the smallest country.",
        "",
        table(head, [row_of(name, grown, whole) for name, grown in listed.items()]),
        *(["", "Worse than linear:", "", *reasons] if reasons else []),
    ])  # fmt: skip


def row_of(name: str, grown: Mapping[str, Any], whole: float) -> list[str]:
    """Return the row of one step in the table."""
    spent = [each["median"] for each in grown["y"]]
    return [
        f"`{name}`", *(plain(f"{each:.3g}") for each in spent), f"{spent[-1] / whole:.0%}",
        "" if grown["exponent"] is None else say_exponent(grown), say(grown["last_step"]),
    ]  # fmt: skip


if __name__ == "__main__":
    print(report(measure("quick" in sys.argv[1:])))
