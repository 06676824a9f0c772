"""Compare the most expensive rules with the limits of this machine: a tight loop in C, and memory bandwidth.

    python benchmarks/limit.py [quick]

The C code is `limit.c`, compiled here with `-O3 -march=native -ffp-contract=off`. Both versions are called on copies of
the same states, and everything that they write has to be identical before any time is reported. A timed call runs a
rule many times and restores what it wrote each time; the time of a call that only restores is subtracted, and with it
the cost of the call from Python. Each time is the minimum of many repeats on one core.
"""

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import limit_rules
import numpy as np
from common import MEASURED, ROOT, in_turn, in_words, run_code, spread, table

from sim.configuration.compose import compose_settings
from sim.engine.campaign import blank_record, step
from sim.engine.chance import Seeds, seeds_of
from sim.engine.day import Rules
from sim.engine.invariants import linked_units
from sim.engine.layout import fresh
from sim.engine.rules import journeys
from sim.engine.world import Border, Count, Land, UnitState, World, today_of

ASK = """
import json, sys
sys.path.insert(0, "benchmarks")
import limit
print(json.dumps(limit.measured(**json.loads(sys.argv[1]))))
"""
SOURCE = ROOT / "benchmarks" / "limit.c"
SEED = 1
EXACT = ("-ffp-contract=off", "-shared", "-fPIC")
FLAGS = {  # compiler flags: the first build is in the main table, the others show the effect of each flag
    "C": ("-O3", "-march=native"),
    "C without restrict": ("-O3", "-march=native", "-Drestrict="),
    "C for any x86-64": ("-O3",),
    "C with -O1": ("-O1", "-march=native"),
}
OF_FAMILIES = ("district", "next_district", "days_to_go", "state", "due_on", "waited_days")
WRITES = {  # arrays that have to be restored before a rule is run again; those it recomputes are not listed
    "travel": (
        *(f"refugees_{trait}" for trait in OF_FAMILIES),
        *("queues_travelling", "queues_front", "queues_back", "posts_people_waiting", "posts_arrivals_today", "tally"),
    ),
    "muster": ("garrisons_men",),  # recomputed like the others, but at least one array has to be restored
    "supply": ("units_supply_days", "garrisons_hunger", "garrisons_stocked"),
    "settle_morale": ("units_morale", "units_losses"),
}
LEVELS = {"L1": 16 * 2**10, "L2": 512 * 2**10, "L3": 8 * 2**20, "memory": 192 * 2**20}  # bytes of the three arrays
WHY = {  # explanations, from the machine code and from timing the rules on days with less to do
    "travel": "the C loop is also far from the memory limit. On any day two families in three reach the end of a link "
    "and look up the next one in a chain of loads that cannot overlap (the link, its district, the fighting there), "
    "and no processor can predict who arrives and who goes on. For the others only their state and day are read.",
    "muster": "most of the time is spent on the districts themselves and on the garrisons that are faced, whose units "
    "are read one after the other along their links; garrisons that nobody faces are not read.",
    "supply": "few bytes, many conditions. The search from the hubs over districts and links must read each link "
    "before it knows the next district; connected garrisons with full stores are skipped.",
    "settle_morale": "the C loop also needs half of this time: for a sum of seven terms in a fixed order (another "
    "order would change the last digit), and for three traits of the unit's district. The rest is due to Numba, which "
    "uses more instructions for the same work, since it checks whether a row number read from a trait is negative, and "
    "keeps the start addresses of arrays on the stack. Without its check for division by zero the rule was no faster.",
}


class Size(NamedTuple):
    """The size of the measurement."""

    evenings: tuple[int, ...]
    times: int  # runs of a rule per timed call
    turns: int
    repeats: int  # processes


FULL = Size(evenings=(60, 80, 100), times=50, turns=150, repeats=5)
QUICK = Size(evenings=(60,), times=20, turns=40, repeats=1)


class Case(NamedTuple):
    """A rule and the state on which it is called."""

    rule: str
    world: World
    rules: Rules
    seeds: Seeds
    day: int


class Work(NamedTuple):
    """The work of one call: its rows, the bytes that it accesses and the conditions that it tests."""

    rows: int
    bytes: int
    branches: int


def compiler() -> str | None:
    """Return the path of the C compiler, or None."""
    return shutil.which(os.environ.get("CC", "cc"))


def compiled(flags: Sequence[str], path: Path) -> ctypes.CDLL:
    """Compile `limit.c` to a shared library and load it."""
    command = [compiler() or "cc", *flags, *EXACT, str(SOURCE), "-o", str(path), "-lm"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}\n{done.stderr[-2000:]}")
    return ctypes.CDLL(str(path))


def cases_of(size: Size) -> list[Case]:
    """Prepare a case for every rule at the end of every measured day of one campaign."""
    settings = compose_settings(MEASURED)
    world = fresh(settings.layout.world)
    record = blank_record(world, settings.days)
    cases = []
    seeds = seeds_of(SEED, settings.days, world.provinces.capital.size)
    for day in range(max(size.evenings) + 1):
        step(world, settings.rules, settings.timeline, seeds, record, day)
        if day in size.evenings:
            cases += [Case(rule, copied(world), settings.rules, seeds, day + 1) for rule in WRITES]
    return cases


def copied(world: World) -> World:
    """Return an independent copy of a world."""
    return World(*map(copy_of_group, world))


def copy_of_group(group: Any) -> Any:
    """Copy every trait of a group; `tally` and `conditions` are single arrays."""
    return type(group)(*(trait.copy() for trait in group)) if isinstance(group, tuple) else group.copy()


def trait_of(world: World, name: str) -> np.ndarray:
    """Return an array by name: `units_men` is the trait `men` of the group `units`; `tally` is a group itself."""
    group, _, trait = name.partition("_")
    whole = getattr(world, group)
    return np.asarray(getattr(whole, trait) if trait else whole)


def written_by(rule: str, world: World) -> tuple[np.ndarray, ...]:
    """Return the arrays to restore, as views of integers; of families only those from the first on the road."""
    tally, travelling = world.tally, world.queues.travelling
    rows = slice(travelling[: tally[Count.TRAVELLERS]].min(initial=0), tally[Count.REFUGEE_ROWS])
    part = {"refugees": rows, "queues_travelling": slice(0, tally[Count.REFUGEE_ROWS])}
    traits = []
    for name in WRITES[rule]:
        trait = trait_of(world, name)
        traits.append(trait[part.get(name, part.get(name.partition("_")[0], slice(None)))].view(np.uint8))
    return tuple(traits)


def handed_to_c(case: Case) -> list[np.ndarray]:
    """Return the arrays of `struct world`, in the order of its fields."""
    world, rules = case.world, case.rules
    whole = {
        "size_districts": world.districts.holder.size,
        "size_units": world.units.men.size,
        "size_forces": world.forces.men.size,
        "day": case.day,
    }
    real = {
        "supply": rules.supply,
        "morale": rules.morale,
        "avoid_km": rules.journeys.avoid_km,
        "hungry_below": rules.supply.hungry_below,
        "patience_days": rules.calls.patience_days,
    }
    own: dict[str, np.ndarray] = {name: np.array(value, np.int64).reshape(-1) for name, value in whole.items()}
    own |= {name: np.array(value, np.float64).reshape(-1) for name, value in real.items()}
    fields = re.search(r"struct world \{(.*?)\};", SOURCE.read_text(encoding="utf-8"), re.DOTALL)
    assert fields is not None
    names = re.findall(r"\*(\w+)", fields[1])
    return [own[name] if name in own else trait_of(world, name) for name in names]


def pointers(arrays: Sequence[np.ndarray]) -> Any:
    """Return a C array of pointers to arrays."""
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))


def runner_of_panj(case: Case, rule: Any) -> Callable[[int], None]:
    """Return a function that runs the compiled rule a given number of times."""
    written = written_by(case.rule, case.world)
    saved = tuple(trait.copy() for trait in written)
    return lambda times: rule(times, case.world, case.rules, case.seeds, case.day, written, saved)


def runner_of_c(case: Case, library: ctypes.CDLL, rule: str) -> Callable[[int], None]:
    """Return a function that runs the rule in C a given number of times."""
    kept = handed_to_c(case)
    written = written_by(case.rule, case.world)
    saved = [trait.copy() for trait in written]
    sizes = (ctypes.c_int64 * len(saved))(*(trait.nbytes for trait in saved))
    function = ctypes.cast(getattr(library, rule), ctypes.c_void_p)
    given = (function, pointers(kept), ctypes.c_int64(len(saved)), pointers(written), pointers(saved), sizes)

    def run(times: int, alive: Any = (kept, written, saved)) -> None:
        library.again(ctypes.c_int64(times), *given)

    return run


def runners_of(case: Case, libraries: Mapping[str, ctypes.CDLL]) -> dict[tuple[str, bool], Callable[[int], None]]:
    """Prepare Panj and every C build, with and without the rule, and check that all end in the same state."""
    own = {name: case._replace(world=copied(case.world)) for name in ("Panj", *libraries)}
    ways: dict[tuple[str, bool], Callable[[int], None]] = {}
    for name, library in libraries.items():
        ways[name, True] = runner_of_c(own[name], library, case.rule)
        ways[name, False] = runner_of_c(own[name], library, "nothing")
    ways["Panj", True] = runner_of_panj(own["Panj"], limit_rules.AGAIN[case.rule])
    ways["Panj", False] = runner_of_panj(own["Panj"], limit_rules.nothing_again)
    for (_, whole), way in ways.items():
        if whole:
            way(2)
    for name in libraries:
        assert_same(own["Panj"], own[name], name)
    return ways


def assert_same(ours: Case, theirs: Case, name: str) -> None:
    """Raise AssertionError with the first trait in which two worlds differ."""
    for group in World._fields:
        one, other = getattr(ours.world, group), getattr(theirs.world, group)
        for trait in getattr(one, "_fields", ("",)):
            same = np.array_equal(getattr(one, trait, one), getattr(other, trait, other))
            assert same, f"{ours.rule} on day {ours.day}: {group} {trait} of {name} differs from Panj"


def microseconds(case: Case, libraries: Mapping[str, ctypes.CDLL], size: Size) -> dict[str, float]:
    """Measure microseconds per call of the rule, by implementation."""
    ways = runners_of(case, libraries)
    least = least_of({key: partial(way, size.times) for key, way in ways.items()}, size.turns)
    return {name: (least[name, True] - least[name, False]) / size.times * 1e6 for name, whole in ways if whole}


def least_of(ways: Mapping[Any, Callable[[], None]], turns: int) -> dict[Any, float]:
    """Measure the minimum seconds of each implementation over some repeats, run alternately."""
    least = dict.fromkeys(ways, np.inf)
    for _ in range(turns):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            least[name] = min(least[name], time.perf_counter() - begun)
    return least


def work_of(case: Case) -> Work:
    """Count the work of a rule, on a copy of the state."""
    world = copied(case.world)
    counts = {"travel": of_travel, "muster": of_muster, "supply": of_supply, "settle_morale": of_morale}
    return counts[case.rule](world, case)


def of_travel(world: World, case: Case) -> Work:
    """Count per family: place in the list, day; if it ends a link: its traits; per link begun or ended: its end."""
    calls = calls_of_travel(world, case)
    families = int(world.tally[Count.TRAVELLERS]) + calls["arrive"]
    due, begun, arrived = calls["use_up_a_day"], calls["next_link"], calls["arrive"]
    return Work(
        rows=families,
        bytes=families * (16 + 8) + due * 64 + begun * 42 + arrived * 56,
        branches=families * 2 + due * 3 + begun * 4 + arrived,
    )


def calls_of_travel(world: World, case: Case) -> Counter[str]:
    """Count the calls of each function of the rule by running the same code as plain Python."""
    calls: Counter[str] = Counter()

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            calls[name] += 1
            return function(*given)

        return call

    functions = {name: own for name, own in vars(journeys).items() if is_of_journeys(own)}
    plain = {name: counted(name, uncompiled(own)) for name, own in functions.items()}
    with mock.patch.dict(vars(journeys), plain):
        land, border = Land(*world[:3]), Border(world.posts, world.refugees, world.queues)
        today = uncompiled(today_of)(world, case.seeds, case.day)
        journeys.travel(land, border, case.rules.journeys, today)
    return calls


def uncompiled(rule: Any) -> Callable[..., Any]:
    """Return the Python function of a rule; a compiled rule can only be called by compiled code."""
    function: Callable[..., Any] = getattr(rule, "py_func", rule)
    return function


def is_of_journeys(own: Any) -> bool:
    """Return whether an object is a function that the file of the rule defines, not an import or a class."""
    return getattr(own, "__module__", "") == journeys.__name__ and not isinstance(own, type)


def of_muster(world: World, case: Case) -> Work:
    """Count per district: its men and forces; if it is faced, six traits of each unit of its garrison; the columns."""
    runner_of_panj(case._replace(world=world), limit_rules.AGAIN["muster"])(1)
    districts = world.districts.holder.size
    faced = np.flatnonzero(world.garrisons.faced)
    units = sum(len(linked_units(world, int(district))) for district in faced)
    mobile = world.forces.men.size - districts
    return Work(
        rows=districts,
        bytes=districts * (16 + 32 + 2) + faced.size * 40 + units * 56 + mobile * 64,
        branches=districts * 3 + units * 4 + mobile * 2,
    )


def of_supply(world: World, case: Case) -> Work:
    """Count per district: eight traits; if connected, its links; if it is not full, the store of each of its units."""
    stocked = world.garrisons.stocked.copy()
    runner_of_panj(case._replace(world=world), limit_rules.AGAIN["supply"])(1)
    districts, connected = world.districts.holder.size, world.districts.connected
    units = sum(len(linked_units(world, int(district))) for district in np.flatnonzero(~(stocked & connected)))
    links = int(np.diff(world.roads.first)[connected].sum())
    return Work(
        rows=districts,
        bytes=districts * 38 + int(connected.sum()) * 32 + links * 9 + units * 24,
        branches=districts * 5 + int(connected.sum()) * 2 + links * 2 + units * 3,
    )


def of_morale(world: World, case: Case) -> Work:
    """Count per unit: state; if armed, six traits, two of them written, and three of its district."""
    units = world.units.men.size
    armed = int((world.units.state <= UnitState.RELIEVING).sum())
    return Work(rows=units, bytes=units * 8 + armed * (32 + 32 + 24), branches=units * 2 + armed * 4)


def bandwidths(library: ctypes.CDLL, turns: int) -> dict[str, float]:
    """Measure GB/s of the STREAM triad on one core, by the memory level that holds its arrays; 24 bytes per row."""
    fastest = {}
    for level, total in LEVELS.items():
        rows = total // 24 // 8 * 8
        arrays = [aligned_ones(rows) for _ in range(3)]
        times = max(1, 4 * 2**20 // total)
        given = (ctypes.c_int64(times), ctypes.c_int64(rows), *(ctypes.c_void_p(a.ctypes.data) for a in arrays))
        least = least_of({level: partial(library.triad, *given)}, turns if total < 2**24 else 5)
        fastest[level] = times * rows * 24 / least[level] / 1e9
    return fastest


def aligned_ones(rows: int) -> np.ndarray:
    """Return an array of ones aligned to a cache line, so that no load or store crosses two lines."""
    space = np.ones(rows + 8)
    first = -space.ctypes.data % 64 // 8
    return space[first : first + rows]


def measured(size: Mapping[str, Any]) -> dict[str, Any]:
    """Measure everything once, in this process."""
    plan = Size(**size)
    with tempfile.TemporaryDirectory() as folder:
        libraries = {name: compiled(flags, Path(folder) / f"{len(name)}.so") for name, flags in FLAGS.items()}
        cases = cases_of(plan)
        rules: dict[str, Any] = {rule: {"evenings": []} for rule in WRITES}
        for case in cases:
            spent = microseconds(case, libraries, plan)
            rules[case.rule]["evenings"].append({"day": case.day, **work_of(case)._asdict(), "microseconds": spent})
        return {"rules": rules, "bandwidth": bandwidths(libraries["C"], plan.turns)}


def measure(quick: bool = False) -> dict[str, Any]:
    """Measure in several processes, one at a time, each on one core; RuntimeError without a C compiler."""
    if compiler() is None:
        raise RuntimeError("no C compiler: install one, or name it in CC")
    size = QUICK if quick else FULL
    runs = in_turn({"run": lambda: run_code(ASK, json.dumps({"size": size._asdict()}))}, size.repeats)["run"]
    bandwidth = {level: max(run["bandwidth"][level] for run in runs) for level in LEVELS}
    rules = {rule: summed([run["rules"][rule]["evenings"] for run in runs]) for rule in WRITES}
    for rule in rules.values():
        rule["of_limit"] = {way: spent * bandwidth["L2"] / rule["bytes"] for way, spent in rule["nanoseconds"].items()}
    return {"size": size._asdict(), "seed": SEED, "bandwidth": bandwidth, "rules": rules}


def summed(runs: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Average per row over the days: times as the minimum of all runs, the ratio with its spread over runs."""
    evenings = runs[0]
    rows = sum(evening["rows"] for evening in evenings)
    spent = {
        name: [1000 * sum(evening["microseconds"][name] for evening in run) / rows for run in runs]
        for name in ("Panj", *FLAGS)
    }
    return {
        "rows": rows / len(evenings),
        "bytes": sum(evening["bytes"] for evening in evenings) / rows,
        "branches": sum(evening["branches"] for evening in evenings) / rows,
        "nanoseconds": {name: min(each) for name, each in spent.items()},
        "ratio": spread([ours / theirs for ours, theirs in zip(spent["Panj"], spent["C"], strict=True)]),
        "evenings": runs,
    }


def report(measured: Mapping[str, Any]) -> str:
    """Write the section: one row per rule, the bandwidths, and the effect of the compiler flags."""
    rules, bandwidth, size = measured["rules"], measured["bandwidth"], measured["size"]
    days = ", ".join(str(day) for day in size["evenings"])
    head = ("rule", "rows a call", "ns a row", "ns a row in C", "Panj / C", "of processes", "bytes a row", "GB/s",
            "time / (bytes / L2)", "the same of C", "branches a row")  # fmt: skip
    levels = ", ".join(f"{bandwidth[level]:.0f} GB/s in {level}" for level in LEVELS)
    return "\n".join(
        [
            "## How close to the limit",
            "",
            f"The hottest rules at the end of days {days} of seed {measured['seed']}, compared with a hand-written "
            "loop in C (`cc -O3 -march=native`) that gives the same results to the last digit. One core; times are the "
            f"minimum of {size['repeats']} processes with {size['turns']} turns of {size['times']} calls each; next to "
            "their ratio are its median and spread over the processes.",
            "",
            table(head, [row_of(name, rule) for name, rule in rules.items()]),
            "",
            "A row is a unit; in `travel` a family on the road, in `muster` and `supply` a district. Bytes are counted "
            "from the code, 8 per number and 1 per boolean, once where a trait is read and once where it is written; "
            "branches are the conditions that are tested, including the end of the loop. Work on units of garrisons, "
            "forces and links is included and "
            f"divided by the number of rows. The STREAM triad reaches {levels}; the data of a rule are in L2.",
            "",
            *(f"- `{name}`: {WHY[name]}" for name, rule in rules.items() if needs_explanation(rule)),
            "",
            "Effect of compiler flags on the C loop, in ns per row:",
            "",
            table(("rule", *FLAGS, "Panj / fastest"), [(f"`{name}`", *flags_of(rule)) for name, rule in rules.items()]),
        ]
    )


def row_of(name: str, rule: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the row of a rule in the table."""
    spent, of_limit = rule["nanoseconds"], rule["of_limit"]
    return (
        f"`{name}`", f"{rule['rows']:,.0f}", f"{spent['Panj']:.2f}", f"{spent['C']:.2f}",
        f"{spent['Panj'] / spent['C']:.2f}", in_words(rule["ratio"]), f"{rule['bytes']:.0f}",
        f"{rule['bytes'] / spent['Panj']:.0f}", f"{of_limit['Panj']:.1f}", f"{of_limit['C']:.1f}",
        f"{rule['branches']:.1f}",
    )  # fmt: skip


def flags_of(rule: Mapping[str, Any]) -> list[str]:
    """Format nanoseconds per row of each C build, and the ratio of Panj to the fastest."""
    spent = [rule["nanoseconds"][name] for name in FLAGS]
    return [f"{each:.2f}" for each in [*spent, rule["nanoseconds"]["Panj"] / min(spent)]]


def needs_explanation(rule: Mapping[str, Any]) -> bool:
    """Return whether a rule needs an explanation: whether it takes over twice as long as C or the memory limit."""
    spent = rule["nanoseconds"]
    return bool(spent["Panj"] > 2 * spent["C"] or rule["of_limit"]["Panj"] > 2)


def main(words: Sequence[str]) -> None:
    """Print the section."""
    print(report(measure("quick" in words)))


if __name__ == "__main__":
    main(sys.argv[1:])
