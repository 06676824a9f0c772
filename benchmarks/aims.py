"""Compare the aims with the measurements, print the table and write it into `docs/reference/speed.md`.

    python benchmarks/aims.py

Reads `results.json`, so that the page contains only measured numbers; a missed aim is marked as missed.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from common import ROOT, in_words, plain, table

HERE = Path(__file__).parent


class Aim(NamedTuple):
    """A row of the table: the quantity, its aim, and how to find its measurement."""

    what: str
    unit: str
    bound: float
    at_least: bool  # whether the measurement should be above the bound, not below it
    section: str  # section of results.json
    found: Callable[[dict[str, Any]], dict[str, float] | float]  # finds the measurement in its section
    why: str = ""  # explanation if the aim is missed


def mesa(measured: dict[str, Any]) -> dict[str, float]:
    """Return the least favourable ratio over both scenarios and both ways of timing."""
    ratios = [
        each[clock]
        for each in measured["three_rules"].values()
        for clock in ("times_slower", "times_slower_replicates")
    ]
    return min(ratios, key=lambda ratio: ratio["median"])


def largest(measured: dict[str, Any]) -> dict[str, Any]:
    """Return the measurements of the study with the most campaigns."""
    return max(measured["sizes"], key=lambda size: size["runs"])


def share_of_policies(measured: dict[str, Any]) -> float:
    """Return the percentage of the time of the sweep over policies that is not spent in campaigns."""
    row = measured["sweeps"]["policies"]
    rules = row["cells"] * row["runs"] * measured["bare_ms"]["median"] / 1000
    return 100 * (1 - rules / row["seconds"])


def threads_of(name: str) -> Callable[[dict[str, Any]], float]:
    """Return a function that finds how many times as many campaigns two workers run in the same time as one."""

    def found(measured: dict[str, Any]) -> float:
        one, two = (each["median"] for each in measured["workers"][name]["y"])
        return float(one / two)

    return found


def by_districts(measured: dict[str, Any]) -> float:
    """Return the exponent with which the time of a campaign grows with the number of districts."""
    return float(measured["districts"]["campaign"]["exponent"])


def seconds_of(word: str) -> Callable[[dict[str, Any]], dict[str, float]]:
    """Return a function that finds the seconds of the command whose name contains this word."""
    return lambda measured: next(found for name, found in measured["seconds"].items() if word in name)


LEFT = (
    "A campaign: rules take 1.2 to 1.6 times as long as the same in C (*How close to the limit*), so half the time "
    "can only come from less work. Garrisons, supply and families are already updated only where something changes. "
    "Families take three tenths of a campaign. Those that set out from one district on one day for one place, and so "
    "could be moved as one, are 1.7 rows on average, which would save about a tenth."
)
OBJECTS = (
    "Plain Mesa: this is the least favourable of four comparisons, 30 days of the scenario with most families on the "
    "road, without building the model. Journeys are bound by memory in Panj (*How close to the limit*) but not in "
    "Mesa, where the objects cost far more; including the building of the model, Mesa takes over 140 times as long."
)
MANY_CELLS = (
    "Many small cells: Hydra composes each choice of a group once; tables, verdicts and figures then have a row, a "
    "pair and a panel for every cell: about 0.1 s per cell in addition to the campaigns."
)
OF_A_WORKER = (
    "A worker: 148 MB are imports (Numba with LLVM 90, Arrow 30, SciPy for shortest paths 21), 80 the compiled rules "
    "and what LLVM needs to load them, 20 its worlds; the rest are the results of a task of two seconds, which are "
    "sent to the parent process."
)
SLOW_START = (
    "Warm `runs=1`: the command needs 1.3 s before figures can be drawn (imports 0.7, Hydra 0.3, loading "
    "the compiled rules 0.2, tables), and eight figures take 2 s of a core, spread over two. The process that draws "
    "imports meanwhile. Fewer figures would meet the aim, but they are the purpose of a single campaign."
)
COMPILING = (
    "First compile: Numba types and lowers 227 functions in Python, which takes 27 s of one core; LLVM takes 15 s. The "
    "steps of a day are divided among the cores; the day as a whole, which takes 10 s, is compiled on one."
)
BY_DISTRICTS = (
    "Growth by districts: families of a larger country are on the road for longer, since there is one capital city, "
    "and every column weighs every province; `growth_by_rule` names the rules."
)
AIMS = (
    Aim("one campaign of 134 evenings, one core", "ms", 4.5, False, "plain", lambda found: found["compiled_ms"], LEFT),
    Aim("one campaign to 7 July, one core", "ms", 2.5, False, "plain", lambda found: found["to_july_ms"]),
    Aim("plain Python, same code: times slower", "", 100, True, "plain", lambda found: found["ratio"]),
    Aim("plain Mesa, three rules: times slower", "", 150, True, "peers", mesa, OBJECTS),
    Aim("rows per second, relative to Flee", "", 50, True, "peers", lambda found: found["journeys"]["times_the_rows"]),
    Aim("10,000 campaigns, from command to page", "s", 34, False, "stages", lambda found: largest(found)["seconds"]),
    Aim(
        "share of it outside the compiled rules", "%", 15, False, "stages", lambda found: 100 * largest(found)["share"]
    ),
    Aim("the same of 160 cells of policies x 100", "%", 10, False, "sweeps", share_of_policies, MANY_CELLS),
    Aim("peak memory of the 10,000 campaigns", "MB", 500, False, "stages", lambda found: largest(found)["megabytes"]),
    Aim("peak memory of a worker", "MB", 250, False, "sweeps", lambda found: found["worker_mb"], OF_A_WORKER),
    Aim("two threads without a study: times one", "", 1.9, True, "growth", threads_of("threads without a study")),
    Aim("two threads in a study: times one", "", 1.9, True, "growth", threads_of("threads in a study")),
    Aim("growth of a campaign by districts: exponent", "", 1.15, False, "growth", by_districts, BY_DISTRICTS),
    Aim("`python -m sim runs=1`, warm", "s", 2, False, "startup", seconds_of("runs=1"), SLOW_START),
    Aim("`python -m sim --help`", "s", 0.2, False, "startup", seconds_of("--help")),
    Aim(
        "first compile, once per installation", "s", 30, False, "startup",
        lambda found: found["first"]["compiling"], COMPILING,
    ),
)  # fmt: skip


def row_of(aim: Aim, sections: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return the row of an aim in the table: quantity, measurement, aim and whether it is met."""
    if aim.section not in sections:
        return aim.what, "not measured", goal(aim), ""
    found = aim.found(sections[aim.section]["measured"])
    text = in_words(found) if isinstance(found, dict) else plain(f"{found:.3g}")
    return aim.what, f"{text} {aim.unit}".strip(), goal(aim), "met" if is_met(aim, sections) else "**missed**"


def is_met(aim: Aim, sections: dict[str, Any]) -> bool:
    """Return whether the median, or the single measurement, meets the bound."""
    found = aim.found(sections[aim.section]["measured"])
    middle = found["median"] if isinstance(found, dict) else found
    return middle > aim.bound if aim.at_least else middle < aim.bound


def goal(aim: Aim) -> str:
    """Format an aim, such as `under 12 ms`."""
    return f"{'over' if aim.at_least else 'under'} {aim.bound:g} {aim.unit}".strip()


def main() -> int:
    """Print the table and insert it into `docs/reference/speed.md` between its markers."""
    sys.path.insert(0, str(ROOT))
    from docs.generate import insert

    sections = json.loads((HERE / "results.json").read_text(encoding="utf-8"))["sections"]
    on = sections["plain"]["on"]
    text = table(("what", "median (minimum to maximum)", "aim", ""), [row_of(aim, sections) for aim in AIMS])
    text += (
        f"\n\n{on['processor']}, {on['cores']} cores, {on['memory']}, Python {on['python']}. What is compared is "
        "measured alternately, in one session, by `make bench`; everything, including how the peers differ from Panj, "
        "growth by size and where the time goes, is in "
        "[benchmarks/results.md](benchmarks.md)."
    )
    missed = [aim for aim in AIMS if aim.section in sections and not is_met(aim, sections)]
    text += "".join(f"\n\n{aim.why}" for aim in missed if aim.why)
    print(text)
    insert(ROOT / "docs" / "reference" / "speed.md", "speed", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
