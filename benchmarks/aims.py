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


def seconds_of(word: str) -> Callable[[dict[str, Any]], dict[str, float]]:
    """Return a function that finds the seconds of the command whose name contains this word."""
    return lambda measured: next(found for name, found in measured["seconds"].items() if word in name)


MANY_CELLS = (
    "Many small cells: Hydra composes each choice of a group once; tables, verdicts and figures then have a row, a "
    "pair and a panel for every cell: about 0.1 s per cell in addition to the campaigns."
)
OBJECTS = (
    "Plain Mesa: this is the least favourable of four comparisons, 30 days of the scenario with most families on the "
    "road, without building the model. Journeys are bound by memory in Panj (*How close to the limit*) but not in "
    "Mesa, where the objects cost far more; including the building of the model, Mesa takes over 140 times as long."
)
SLOW_START = (
    "Warm `runs=1`: the command needs about 1.8 s before figures can be drawn (imports 0.7, Hydra 0.3, loading "
    "the compiled rules 0.4, tables), and seven figures take 2.6 s of a core, spread over two. The process that draws "
    "imports meanwhile. Fewer figures would meet the aim, but they are the purpose of a single campaign."
)
AIMS = (
    Aim("one campaign of 134 evenings, one core", "ms", 12, False, "plain", lambda found: found["compiled_ms"]),
    Aim("plain Python, same code: times slower", "", 100, True, "plain", lambda found: found["ratio"]),
    Aim("plain Mesa, three rules: times slower", "", 100, True, "peers", mesa, OBJECTS),
    Aim(
        "rows moved per second, relative to Flee",
        "",
        50,
        True,
        "peers",
        lambda found: found["journeys"]["times_the_rows"],
    ),
    Aim("10,000 campaigns, from command to page", "s", 100, False, "stages", lambda found: largest(found)["seconds"]),
    Aim(
        "share of it outside the compiled rules", "%", 15, False, "stages", lambda found: 100 * largest(found)["share"]
    ),
    Aim("the same of 120 cells of policies x 100", "%", 15, False, "sweeps", share_of_policies, MANY_CELLS),
    Aim("peak memory of the 10,000 campaigns", "MB", 500, False, "stages", lambda found: largest(found)["megabytes"]),
    Aim("peak memory of a worker", "MB", 300, False, "sweeps", lambda found: found["worker_mb"]),
    Aim("`python -m sim runs=1`, warm", "s", 3, False, "startup", seconds_of("runs=1"), SLOW_START),
    Aim("`python -m sim --help`", "s", 1, False, "startup", seconds_of("--help")),
    Aim("first compile, once per installation", "s", 60, False, "startup", lambda found: found["first"]["compiling"]),
)


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
