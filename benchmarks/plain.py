"""Compare compiled and uncompiled rules: the same code and seeds, with and without Numba, alternately on one core.

python benchmarks/plain.py [quick]
"""

import sys
from typing import Any

from common import DECLARED, MEASURED, in_turn, in_words, ratios, run_code, spread, table

CODE = """
import json, sys, time
from sim.engine.campaign import run_campaign
from sim.engine.layout import fresh
from sim.configuration.compose import compose_settings
count, turns = int(sys.argv[1]), int(sys.argv[2])
s = compose_settings(sys.argv[3:])
world = fresh(s.layout.world)
run_campaign(s.layout.world, s.rules, s.timeline, 0, 1, world)
least, sums = 0.0, 0.0
for seed in range(count):
    spent = []
    for _ in range(turns):
        begun = time.perf_counter()
        made = run_campaign(s.layout.world, s.rules, s.timeline, seed, s.days, world)
        spent.append(time.perf_counter() - begun)
    least += min(spent)
    sums += float(made.record.series.sum()) if seed == 0 else 0.0
print(json.dumps([least / count * 1000, sums]))
"""
TO_JULY = "end_date=2021-07-07"


def measure(quick: bool = False) -> dict[str, Any]:
    """Measure milliseconds per campaign of 134 days on one core, as the minimum of several rounds for each seed."""
    seeds, turns = (4, 3) if quick else (20, 10)
    given = in_turn(
        {
            "compiled": lambda: run_code(CODE, seeds, turns, *MEASURED, NUMBA_DISABLE_JIT="0"),
            "to July": lambda: run_code(CODE, seeds, turns, DECLARED, TO_JULY, NUMBA_DISABLE_JIT="0"),
            "plain": lambda: run_code(CODE, 1, 1, *MEASURED, NUMBA_DISABLE_JIT="1"),
        },
        1 if quick else 3,
    )
    if len({total for way in ("compiled", "plain") for _, total in given[way]}) > 1:
        raise RuntimeError("seed 0: compiled and plain campaigns differ")
    compiled, to_july, plain = ([ms for ms, _ in given[way]] for way in ("compiled", "to July", "plain"))
    return {
        "compiled_ms": spread(compiled),
        "to_july_ms": spread(to_july),
        "plain_ms": spread(plain),
        "ratio": ratios(plain, compiled),
        "seeds": seeds,
        "turns": turns,
    }


def report(measured: dict[str, Any]) -> str:
    """Write the section with three rows as Markdown."""
    rows = [
        ("compiled, ms per campaign", in_words(measured["compiled_ms"])),
        ("compiled, to 7 July (67 days)", in_words(measured["to_july_ms"])),
        ("plain Python, ms per campaign", in_words(measured["plain_ms"])),
        ("plain / compiled", in_words(measured["ratio"])),
    ]
    return "\n".join(
        [
            "## One campaign, compiled and plain",
            "",
            "134 days, numbers as declared, on one core, in a reused world. Compiled: "
            f"{measured['seeds']} "
            f"seeds, each the minimum of {measured['turns']} rounds; plain: one of them, with the same daily series.",
            "",
            table(("what", "median (minimum to maximum)"), rows),
        ]
    )


if __name__ == "__main__":
    print(report(measure("quick" in sys.argv[1:])))
