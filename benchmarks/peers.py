"""Compare Panj with its peers on the same work: plain Mesa runs three of its rules, Flee moves its families.

    python benchmarks/peers.py [quick]

Mesa and Flee are installed once from PyPI into separate environments in `benchmarks/.environments`. All programs start
from files written by `three_rules.py`; their final states have to agree before any time is reported.
"""

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from common import MEASURED, ROOT, in_turn, in_words, ratios, run_code, spread, table

ENVIRONMENTS = ROOT / "benchmarks" / ".environments"
PINS = {
    "mesa": ("mesa==3.3.1", "networkx==3.6.1", "numpy==2.4.6", "pandas==3.1.1"),
    "flee": ("flee==3.1", "numpy==2.4.6", "pandas==3.1.1"),
}
PANJ = "import sys; sys.path.insert(0, 'benchmarks'); import three_rules; three_rules.main(sys.argv[1:])"
PROGRAM = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
MESA, FLEE = "benchmarks/peers/mesa_three_rules.py", "benchmarks/peers/flee_journeys.py"
SCENARIOS = ("july_2021", "refugee_surge")
HALF_LET_IN = "rules.admission.admits=0.5"  # so that draws matter and queues form
FIRST_SEED = 1


class Size(NamedTuple):
    """The size of the workload."""

    evening: int
    days: int
    replicates: int
    repeats: int
    panj_repeats: int  # repeats of the same work within one process, since it takes milliseconds


FULL = Size(evening=50, days=30, replicates=4, repeats=3, panj_repeats=20)
QUICK = Size(evening=50, days=3, replicates=2, repeats=1, panj_repeats=5)


def python_of(name: str) -> Path:
    """Return the Python of a peer's environment, which is created unless it exists with these versions."""
    folder = ENVIRONMENTS / name
    python, stamp, pins = folder / "bin" / "python", folder / "pins.txt", "\n".join(PINS[name])
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != pins:
        print(f"Installing {' '.join(PINS[name])} into benchmarks/.environments/{name} ...", file=sys.stderr)
        run_or_fail(sys.executable, "-m", "venv", "--clear", folder)
        (ENVIRONMENTS / ".gitignore").write_text("*\n", encoding="utf-8")
        run_or_fail(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PINS[name])
        stamp.write_text(pins, encoding="utf-8")
    return python


def run_or_fail(*command: object) -> None:
    """Run a command; raise RuntimeError with the end of its output if it fails."""
    done = subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command[1:]))} ended with {done.returncode}\n{done.stderr[-2000:]}")


def measure(quick: bool = False) -> dict[str, Any]:
    """Measure the seconds of each program on one core, run alternately; raise AssertionError if final states differ."""
    size = QUICK if quick else FULL
    pythons = {name: python_of(name) for name in PINS}
    with tempfile.TemporaryDirectory() as folder:
        works = {name: written(Path(folder) / name, name, size) for name in SCENARIOS}
        three_rules = {name: compare_with_mesa(paths, size, pythons["mesa"]) for name, paths in works.items()}
        journeys = Path(works["refugee_surge"][0]).with_name("journeys.json")
        return {
            "size": size._asdict(),
            "three_rules": three_rules,
            "journeys": compare_with_flee(journeys, size, pythons["flee"]),
        }


def written(folder: Path, scenario: str, size: Size) -> list[str]:
    """Write one file of work per seed; return the paths."""
    folder.mkdir()
    words = (folder, FIRST_SEED, size.replicates, size.evening, size.days, f"scenario={scenario}", HALF_LET_IN)
    paths: list[str] = run_code(PANJ, "write", *words, *MEASURED)
    return paths


def compare_with_mesa(paths: Sequence[str], size: Size, python: Path) -> dict[str, Any]:
    """Measure Panj and Mesa on the days of one seed, and on replicates of several seeds."""
    mesa = partial(run_code, PROGRAM, MESA, python=python)
    given = in_turn(
        {
            "panj": lambda: run_code(PANJ, "run", paths[0], size.panj_repeats),
            "mesa": lambda: mesa("run", paths[0]),
            "panj_replicates": lambda: run_code(PANJ, "replicates", *paths),
            "mesa_replicates": lambda: mesa("replicates", *paths),
        },
        size.repeats,
    )
    for one, other in (("panj", "mesa"), ("panj_replicates", "mesa_replicates")):
        for ours, theirs in zip(given[one], given[other], strict=True):
            assert_same(ours, theirs)
    seconds = {name: [each["seconds"] for each in turns] for name, turns in given.items()}
    end = given["panj"][0]["end"]
    return {
        "version": given["mesa"][0]["mesa"],
        "agents": {name: len(next(iter(end[name].values()))) for name in ("districts", "units", "families", "posts")},
        "values_compared": count_values(end),
        **{name: spread(values) for name, values in seconds.items()},
        "mesa_build": spread([each["build_seconds"] for each in given["mesa"]]),
        "times_slower": ratios(seconds["mesa"], seconds["panj"]),
        "times_slower_replicates": ratios(seconds["mesa_replicates"], seconds["panj_replicates"]),
    }


def assert_same(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    """Raise AssertionError with the names of the values that differ between two final states."""
    for part in ("end", "totals"):
        assert (part in ours) == (part in theirs), f"{part}: found in one of the two alone"
        if part in ours:
            names = differences(ours[part], theirs[part], part)
            assert not names, f"Panj and Mesa end in different states: {', '.join(names)}"


def differences(one: Any, other: Any, name: str) -> list[str]:
    """Return the names of values that are not equal."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = sorted({*one, *other})
        return [text for key in keys for text in differences(one.get(key), other.get(key), f"{name}.{key}")]
    return [] if one == other else [name]


def count_values(values: Any) -> int:
    """Count the single values in nested mappings and lists."""
    if isinstance(values, Mapping):
        return sum(map(count_values, values.values()))
    return sum(map(count_values, values)) if isinstance(values, list) else 1


def compare_with_flee(path: Path, size: Size, python: Path) -> dict[str, Any]:
    """Measure rows moved per second in Panj and Flee: families (or agents) on the road, counted once per day."""
    given = in_turn(
        {
            "panj": lambda: run_code(PANJ, "travel", path, size.panj_repeats),
            "flee": lambda: run_code(PROGRAM, FLEE, path, python=python),
        },
        size.repeats,
    )
    ours, theirs = given["panj"][0], given["flee"][0]
    assert_same_journeys(ours, theirs)
    rates = {
        "panj": [ours["moved"] / turn["seconds"] for turn in given["panj"]],
        "flee": [turn["moved"] / turn["seconds"] for turn in given["flee"]],
    }
    people = ours["people_per_row"]
    return {
        "version": theirs["flee"],
        "families": len(ours["arrived"]),
        "people_per_row": people,
        "moved": {"panj": ours["moved"], "flee": theirs["moved"]},
        "arrived": {"panj": count_arrived(ours), "flee": count_arrived(theirs)},
        **{f"{name}_seconds": spread([turn["seconds"] for turn in turns]) for name, turns in given.items()},
        "flee_build": spread([turn["build_seconds"] for turn in given["flee"]]),
        **{f"{name}_rows_a_second": spread(values) for name, values in rates.items()},
        "times_the_rows": ratios(rates["panj"], rates["flee"]),
        "times_the_people": ratios([people * rate for rate in rates["panj"]], rates["flee"]),
    }


def assert_same_journeys(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    """Check that families arrive in Flee at the same place by the same number of roads as in Panj, and not later."""
    rows = zip(ours["arrived"], ours["bound"], theirs["arrived"], theirs["roads_taken"], ours["roads"], strict=True)
    for family, (here, goal, there, taken, roads) in enumerate(rows):
        assert here in (-1, goal) and there in (-1, goal), f"family {family}: bound for {goal}, found {here}, {there}"
        assert there == goal or here == -1, f"family {family}: arrived in Panj, not in Flee"
        assert there == -1 or taken == roads, f"family {family}: took {taken} roads, expected {roads}"


def count_arrived(given: Mapping[str, Any]) -> int:
    """Count the families that have arrived."""
    return sum(district >= 0 for district in given["arrived"])


def report(measured: Mapping[str, Any]) -> str:
    """Write the section as Markdown."""
    return "\n\n".join(["## Peers on the same work", *mesa_in_words(measured), *flee_in_words(measured)])


def mesa_in_words(measured: Mapping[str, Any]) -> list[str]:
    """Write the results of Mesa, in paragraphs and a table."""
    size, by_scenario = measured["size"], measured["three_rules"]
    rows = []
    for scenario, found in by_scenario.items():
        replicates = f"{scenario}, a replicate of {size['replicates']}, new model included"
        rows += [
            (f"{scenario}, the days alone", *beside(found["mesa"], found["panj"], found["times_slower"])),
            (
                replicates,
                *beside(found["mesa_replicates"], found["panj_replicates"], found["times_slower_replicates"]),
            ),
        ]
    one = next(iter(by_scenario.values()))
    counts = " and ".join(f"{found['agents']['families']:,}" for found in by_scenario.values())
    return [
        f"### Plain Mesa {one['version']}: news and morale, journeys, admission",
        f"{size['days']} days from the end of day {size['evening']} of a campaign, with posts that admit half of those "
        f"who wait: {one['agents']['districts']} districts, {one['agents']['units']:,} units, {one['agents']['posts']} "
        f"posts and {counts} families in the two scenarios. Agents are objects with a `step()` and draws are the same, "
        "and so are the final states: "
        + " and ".join(f"{found['values_compared']:,}" for found in by_scenario.values())
        + " values were compared and none differed in any digit. The effects of the other rules are the same input "
        "data on both sides; the clock of Mesa is stopped while it is distributed, that of Panj is not. Families "
        "that have arrived leave the Mesa model. Replicates are Mesa's `batch_run` with one process. Building the "
        "Mesa model, which the days alone exclude, takes "
        + " and ".join(in_words(scaled(found["mesa_build"], 1e3)) for found in by_scenario.values())
        + " ms. Milliseconds on one core, median (minimum to maximum).",
        table(("work", "plain Mesa (ms)", "Panj (ms)", "Mesa / Panj"), rows),
    ]


def beside(theirs: Mapping[str, Any], ours: Mapping[str, Any], ratio: Mapping[str, Any]) -> tuple[str, str, str]:
    """Format the milliseconds of a peer and of Panj, and their ratio."""
    return in_words(scaled(theirs, 1e3)), in_words(scaled(ours, 1e3)), in_words(ratio)


def scaled(measured: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """Convert measurements to another unit."""
    return {name: measured[name] * factor for name in ("median", "least", "most")}


def flee_in_words(measured: Mapping[str, Any]) -> list[str]:
    """Write the results of Flee, in paragraphs and a table."""
    size, found = measured["size"], measured["journeys"]
    people = found["people_per_row"]
    ours, theirs = found["panj_rows_a_second"], found["flee_rows_a_second"]
    rows = [
        ("rows moved per second", in_words(theirs), in_words(ours), in_words(found["times_the_rows"])),
        (
            f"people per second, one per agent of Flee and {people} per row of Panj",
            in_words(theirs), in_words(scaled(ours, people)), in_words(found["times_the_people"]),
        ),
        (
            f"people per second, {people} per agent of Flee and per row of Panj",
            in_words(scaled(theirs, people)), in_words(scaled(ours, people)), in_words(found["times_the_rows"]),
        ),
    ]  # fmt: skip
    return [
        f"### Flee {found['version']}: journeys",
        f"{found['families']:,} families (refugee_surge), one agent of Flee each, set out over {size['days']} days on "
        "the same 399 districts and roads, on the same days and routes, at the same km per day. A row is moved when it "
        "spends a day on the road.",
        table(("what", "Flee", "Panj", "Panj / Flee"), rows),
        "Differences: Flee's agents usually choose roads by their own weights; here each is given its route when it "
        "sets out (`Person.route`, which Flee otherwise fills itself), which saves Flee most of its work. Panj "
        "looks up the next road in a precomputed table, and does not write to a row in the middle of a road, since it "
        "knows on which day the row reaches the end of that road. Flee gives an agent another full day for the road on "
        "which the day ends, so its agents travel slightly further: "
        f"{found['moved']['flee']:,} agent days and {found['arrived']['flee']:,} arrivals against "
        f"{found['moved']['panj']:,} and {found['arrived']['panj']:,}; each side is counted by its own days. All "
        "agents arrive at the same place over the same number of roads. Only `evolve` of Flee is timed, without adding "
        "new agents, without removing those who have arrived, and without building the country, which takes "
        f"{in_words(found['flee_build'])} s; its logs are off. Roads are calm and nobody "
        "queues, because Flee has no queue at a post.",
    ]


def main() -> None:
    """Print the report."""
    print(report(measure(quick="quick" in sys.argv[1:])))


if __name__ == "__main__":
    main()
