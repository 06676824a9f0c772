"""Run every benchmark: `make bench` writes `results.md`, `results.json` and a figure next to this file.

    python benchmarks/bench.py [quick] [NAME ...]

`quick` takes a few minutes and writes to `benchmarks/quick/`, so that full results are kept. With names (plain,
rules_profile, ...) only those benchmarks are run, and the earlier results of the others are kept.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from common import ROOT, machine, run_code, table

HERE = Path(__file__).parent
SECTIONS = {
    "plain": "one campaign, compiled and plain Python",
    "rules_profile": "one campaign by rule",
    "peers": "three rules in plain Mesa, journeys in Flee",
    "limit": "the hottest rules compared with C and with the memory of this machine",
    "stages": "a sweep by stage",
    "startup": "start-up by import, first compile",
    "sweeps": "sweeps of many cells",
    "scaling": "what a campaign costs with and without the interpreter's lock, and more cores by a model",
    "growth": "time and memory as the work grows",
    "growth_by_rule": "time of every rule as the country grows",
    "assimilate": "assimilation: evidence, worlds run again, coverage, what-ifs, theories told apart",
}
MEASURE = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
print(json.dumps(importlib.import_module(sys.argv[2]).measure(sys.argv[3] == "1")))
"""  # in its own process: on Linux a child process starts with the peak memory of its parent


def main(words: Sequence[str]) -> int:
    """Run the benchmarks, write the results after each section, and print their location."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # users have compiled modules; without, each process compiles them
    quick = "quick" in words
    wanted = [word for word in words if word != "quick"] or list(SECTIONS)
    unknown = [word for word in wanted if word not in SECTIONS]
    if unknown:
        print(f"bench: found '{unknown[0]}', expected some of {', '.join(SECTIONS)}, or quick", file=sys.stderr)
        return 2
    folder = HERE / "quick" if quick else HERE
    folder.mkdir(exist_ok=True)
    measured = read(folder)
    for name in wanted:
        print(f"{datetime.now(UTC):%H:%M} {name}: {SECTIONS[name]} ...", file=sys.stderr, flush=True)
        begun = time.perf_counter()
        found = run_code(MEASURE, HERE, name, int(quick), one_core=False)
        measured["sections"][name] = {"seconds": time.perf_counter() - begun, "on": machine(), "measured": found}
        write(folder, measured)
        if hasattr(section := import_module(name), "draw"):
            section.draw(found, folder / f"{name}.png")
    print(f"Written: {shown(folder / 'results.md')}, {shown(folder / 'results.json')}")
    print("Next: python benchmarks/aims.py compares them with the aims and writes the table in docs/reference/speed.md")
    return 0


def read(folder: Path) -> dict[str, Any]:
    """Read earlier results, so that a single section can be measured again."""
    path = folder / "results.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"sections": {}}


def write(folder: Path, measured: dict[str, Any]) -> None:
    """Write both result files, each atomically by a rename."""
    measured["sections"] = {name: measured["sections"][name] for name in SECTIONS if name in measured["sections"]}
    for name, text in (("results.json", json.dumps(measured, indent=1) + "\n"), ("results.md", in_words(measured))):
        fresh = folder / f".{name}"
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(folder / name)


def in_words(measured: dict[str, Any]) -> str:
    """Write all measured sections as Markdown, each with its machine if that differs from the first."""
    sections = measured["sections"]
    first = next(iter(sections.values()))["on"]
    head = [
        "# Benchmarks",
        "",
        "Written by `make bench`: medians with minimum and maximum; comparisons alternate, in one session.",
        "",
        table(tuple(first), [tuple(first.values())]),
    ]
    for name, section in sections.items():
        other = "" if section["on"] == first else f" On {', '.join(section['on'].values())}."
        head += ["", import_module(name).report(section["measured"]).rstrip(), ""]
        head += [f"<sub>`python benchmarks/{name}.py`, {section['seconds']:.0f} s.{other}</sub>"]
    return "\n".join(head) + "\n"


def shown(path: Path) -> str:
    """Return a path relative to the root of the repository."""
    return str(path.relative_to(ROOT))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
