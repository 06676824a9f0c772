"""Run three rules of Panj alone (news and morale, journeys, admission), on work that other programs can also do.

Work consists of the state at the end of one day of a campaign, and the effects of the other rules on each later day:
which districts fell and how, where there was fighting, which families set out, how much room soldiers took. Every
program starts from the same plain values in a JSON file. Garrisons do not move, and keep the supply of the first state.

    python benchmarks/three_rules.py write FOLDER FIRST_SEED COUNT EVENING DAYS [OVERRIDE ...]
    python benchmarks/three_rules.py run WORK [REPEATS] | replicates WORK ... | travel JOURNEYS [REPEATS]
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sim.engine.bookkeeping import Endurance
from sim.engine.campaign import blank_record, step
from sim.engine.chance import NOWHERE, Luck, seeds_of
from sim.engine.compile import entry, rule
from sim.engine.day import Rules
from sim.engine.invariants import queue_of
from sim.engine.layout import blank, blank_queues, fresh
from sim.engine.rules.admission import Admission, admit_families
from sim.engine.rules.journeys import Journeys, travel
from sim.engine.rules.morale import Morale, settle_morale
from sim.engine.rules.news import News, spread_news
from sim.engine.timeline import Timeline
from sim.engine.world import (
    NOBODY,
    Border,
    Condition,
    Count,
    Districts,
    Land,
    Log,
    Posts,
    Provinces,
    Queues,
    Real,
    Refugees,
    RefugeeState,
    Roads,
    Today,
    Units,
    Whole,
    World,
)

OF_DISTRICTS = ("province", "dread", "at_home")
OF_ROADS = ("first", "neighbour", "days", "between", "onward")
OF_UNITS = ("district", "state", "resolve", "supply_days", "asked_days", "losses", "morale")
OF_POSTS = ("district", "admits_families", "people_admitted", "people_refused", "people_waiting")
OF_FAMILIES = Refugees._fields
TOTALS = (Count.ADMITTED, Count.REFUSED, Count.SETTLED)
CONDITIONS = (Condition.PAY, Condition.AIR_COVER, Condition.AID)
Work = dict[str, Any]


class Input(IntEnum):
    """Kinds of input that the three rules receive from other rules."""

    FALL = 0  # yesterday; amount: Fall
    STAND = 1  # yesterday
    PRESSURE = 2  # of a province
    FIGHTING = 3
    HELP = 4
    CONDITION = 5  # amount: its value
    ROOM = 6  # of a post
    ROOM_USED = 7  # by soldiers
    FAMILIES = 8  # amount: families that have left home so far


class Given(NamedTuple):
    """The input to the three rules by day (compressed rows)."""

    first: Whole  # days + 1: first row of each day
    what: Whole  # Input
    subject: Whole  # row of the district, province, post or condition
    amount: Real


class Numbers(NamedTuple):
    """The parameters of the three rules, and two of other rules that morale needs."""

    news: News
    morale: Morale
    journeys: Journeys
    admission: Admission
    hungry_below: float
    patience_days: float


class Country(NamedTuple):
    """The state that the three rules read and write."""

    districts: Districts
    provinces: Provinces
    roads: Roads
    units: Units
    posts: Posts
    refugees: Refugees
    queues: Queues
    conditions: Real
    log: Log  # not written by the three rules
    tally: Whole
    lasting: np.ndarray  # (1, 1) uint64: the three rules make no lasting draw
    local: np.ndarray  # (provinces) uint64: zeros, since no province has a separate seed


@entry
def run_rules_on(country: Country, numbers: Numbers, given: Given, daily: np.ndarray, evening: int) -> None:
    """Run the three rules in the order of the day, for all days with input."""
    land, border = (
        Land(country.districts, country.provinces, country.roads),
        Border(country.posts, country.refugees, country.queues),
    )
    endurance = Endurance(numbers.hungry_below, numbers.patience_days)
    for turn in range(given.first.size - 1):
        day = evening + 1 + turn
        apply_given(country, given, turn, day)
        today = day_of(country, daily[day], day)
        spread_news(land, numbers.news, day)
        settle_morale(country.districts, country.units, numbers.morale, endurance, today)
        travel(land, border, numbers.journeys, today)
        admit_families(land, border, numbers.admission, today)


@entry
def run_journeys_on(country: Country, numbers: Numbers, given: Given, daily: np.ndarray, evening: int) -> None:
    """Run journeys alone, for all days with input."""
    land, border = (
        Land(country.districts, country.provinces, country.roads),
        Border(country.posts, country.refugees, country.queues),
    )
    for turn in range(given.first.size - 1):
        day = evening + 1 + turn
        apply_given(country, given, turn, day)
        today = day_of(country, daily[day], day)
        travel(land, border, numbers.journeys, today)


@rule
def day_of(country: Country, keys: np.ndarray, day: int) -> Today:
    """Return the seeds, conditions, log and totals of one day, as `today_of` does for a whole world."""
    luck = Luck(keys, day, NOWHERE)
    return Today(luck, country.lasting, country.local, country.conditions, country.log, country.tally)


@rule
def apply_given(country: Country, given: Given, turn: int, day: int) -> None:
    """Start a day and apply the effects of the other rules."""
    districts, posts = country.districts, country.posts
    districts.fighting[:] = 0.0
    country.provinces.under_pressure[:] = False
    posts.admitted_today[:] = 0
    posts.arrivals_today[:] = 0
    for row in range(given.first[turn], given.first[turn + 1]):
        what, subject, amount = given.what[row], given.subject[row], given.amount[row]
        if what == Input.FALL:
            districts.lost_on[subject] = day - 1
            districts.lost_how[subject] = int(amount)
        elif what == Input.STAND:
            districts.stood_on[subject] = day - 1
        elif what == Input.PRESSURE:
            country.provinces.under_pressure[subject] = True
        elif what == Input.FIGHTING:
            districts.fighting[subject] = 1.0
        elif what == Input.HELP:
            districts.helped_on[subject] = day
        elif what == Input.CONDITION:
            country.conditions[subject] = amount
        elif what == Input.ROOM:
            posts.room[subject] = int(amount)
        elif what == Input.ROOM_USED:
            posts.admitted_today[subject] = int(amount)
        else:
            country.tally[Count.REFUGEE_ROWS] = int(amount)


def work_of(layout: World, rules: Rules, timeline: Timeline, seed: int, evening: int, days: int) -> Work:
    """Run a campaign to the end of day `evening` and for `days` more days, recording the effects of the other rules."""
    world = fresh(layout)
    record = blank_record(world, evening + days)
    seeds = seeds_of(seed, evening + days, world.provinces.capital.size)
    for day in range(evening + 1):
        step(world, rules, timeline, seeds, record, day)
    work = work_from(world, rules, seed, evening)
    for day in range(evening + 1, evening + days + 1):
        before = inputs_before(world, day)
        soldiers, rows = world.posts.soldiers_admitted.copy(), int(world.tally[Count.REFUGEE_ROWS])
        step(world, rules, timeline, seeds, record, day)
        add_families(work["families"], world, rows, day)
        work["days"].append(
            before | effects_after(world, day, soldiers) | {"families": len(work["families"]["people"])}
        )
    return work


def work_from(world: World, rules: Rules, seed: int, evening: int) -> Work:
    """Collect the starting state, with only the families on the road or waiting, renumbered."""
    state = world.refugees.state[: world.tally[Count.REFUGEE_ROWS]]
    kept = np.flatnonzero((state == RefugeeState.ON_THE_ROAD) | (state == RefugeeState.WAITING))
    new_row = {int(old): new for new, old in enumerate(kept)}
    return {
        "seed": seed,
        "evening": evening,
        "numbers": numbers_of(rules),
        "provinces": len(world.provinces.capital),
        "districts": columns(world.districts, OF_DISTRICTS),
        "roads": columns(world.roads, OF_ROADS),
        "units": columns(world.units, OF_UNITS),
        "posts": columns(world.posts, OF_POSTS),
        "queues": [[new_row[row] for row in queue] for queue in queues_of(world.queues)],
        "families": {trait: getattr(world.refugees, trait)[kept].tolist() for trait in OF_FAMILIES},
        "families_there": len(kept),
        "totals": [int(world.tally[count]) for count in TOTALS],
        "days": [],
    }


def numbers_of(rules: Rules) -> dict[str, Any]:
    """Collect the parameters of the three rules by rule and name."""
    named = {name: dict(getattr(rules, name)._asdict()) for name in ("news", "morale", "journeys", "admission")}
    others = {"hungry_below": rules.supply.hungry_below, "patience_days": rules.calls.patience_days}
    return {**named, **others, "people_per_row": rules.flight.people_per_row}


def columns(group: Any, traits: Sequence[str]) -> dict[str, Any]:
    """Return the named traits of a group as plain lists."""
    return {trait: getattr(group, trait).tolist() for trait in traits}


def queues_of(queues: Queues) -> list[list[int]]:
    """Return the rows of the families queuing at each post, in order of arrival."""
    return [queue_of(queues, post) for post in range(len(queues.front))]


def inputs_before(world: World, day: int) -> dict[str, Any]:
    """Collect the input of the previous day that the three rules receive at the start of a day."""
    districts = world.districts
    fallen = np.flatnonzero(districts.lost_on == day - 1)
    return {
        "falls": [[int(district), int(districts.lost_how[district])] for district in fallen],
        "stands": np.flatnonzero(districts.stood_on == day - 1).tolist(),
        "pressure": np.flatnonzero(world.provinces.under_pressure).tolist(),
        "room": world.posts.room.tolist(),
    }


def effects_after(world: World, day: int, soldiers_before: Whole) -> dict[str, Any]:
    """Collect the effects of the other rules during the day."""
    return {
        "fighting": np.flatnonzero(world.districts.fighting > 0.0).tolist(),
        "help": np.flatnonzero(world.districts.helped_on == day).tolist(),
        "room_used": (world.posts.soldiers_admitted - soldiers_before).tolist(),
        "conditions": [float(world.conditions[condition]) for condition in CONDITIONS],
    }


def add_families(families: dict[str, list[Any]], world: World, rows: int, day: int) -> None:
    """Add the families in rows from `rows` on, as they leave home on a day."""
    refugees = world.refugees
    for row in range(rows, int(world.tally[Count.REFUGEE_ROWS])):
        leaving = dict.fromkeys(OF_FAMILIES, 0) | {"days_to_go": 0.0, "due_on": day}
        leaving |= {trait: int(getattr(refugees, trait)[row]) for trait in ("identity", "people", "origin", "post")}
        leaving |= {"destination": int(refugees.destination[row])}
        leaving |= {"district": leaving["origin"], "next_district": leaving["origin"]}
        for trait, value in leaving.items():
            families[trait].append(value)


def journeys_of(work: Work) -> Work:
    """Reduce work to the journeys of its families, from the last district that each has reached.

    There is no fighting and no other input. `routes` are the districts through which each family passes, as without
    fighting the rule always takes the link onward.
    """
    families = work["families"]
    rows = len(families["people"])
    calm = {
        **families,
        "next_district": families["district"],
        "state": [int(RefugeeState.ON_THE_ROAD)] * rows,
        "post": [-1] * rows,
        **{trait: [0] * rows for trait in ("waited_days", "tries")},
        "due_on": days_of_departure(work),
        "days_to_go": [0.0] * rows,
    }
    nothing: dict[str, Any] = {name: [] for name in ("falls", "stands", "pressure", "fighting", "help", "conditions")}
    days = [{**nothing, "room": [], "room_used": [], "families": day["families"]} for day in work["days"]]
    pairs = zip(families["district"], families["destination"], strict=True)
    return {
        **work,
        "families": calm,
        "queues": [[] for _ in work["queues"]],
        "days": days,
        "routes": [route_of(start, goal, work["roads"]) for start, goal in pairs],
    }


def days_of_departure(work: Work) -> list[int]:
    """Return the day on which each family sets out; families of the starting state do so on the first day."""
    days = [work["evening"] + 1] * work["families_there"]
    for day, told in enumerate(work["days"], work["evening"] + 1):
        days += [day] * (told["families"] - len(days))
    return days


def route_of(start: int, goal: int, roads: Mapping[str, Any]) -> list[int]:
    """Return the districts from `start` (excluded) to `goal` without fighting."""
    route: list[int] = []
    here = start
    while here != goal:
        here = roads["neighbour"][roads["first"][here] + roads["onward"][goal][here]]
        route.append(here)
    return route


def country_of(work: Work) -> Country:
    """Build the arrays of the state from plain lists."""
    families, posts = len(work["families"]["people"]), len(work["posts"]["district"])
    queues = blank_queues(posts, max(1, families))
    for post, rows in enumerate(work["queues"]):
        if rows:
            queues.behind[rows] = [*rows[1:], NOBODY]
            queues.front[post], queues.back[post] = rows[0], rows[-1]
    tally = np.zeros(len(Count), np.int64)
    tally[list(TOTALS)] = work["totals"]
    return Country(
        districts=filled(Districts, work["districts"]),
        provinces=blank(Provinces, work["provinces"]),
        roads=Roads(**{trait: np.array(values) for trait, values in work["roads"].items()}),
        units=filled(Units, work["units"]),
        posts=filled(Posts, work["posts"]),
        refugees=filled(Refugees, work["families"]),
        queues=queues,
        conditions=np.zeros(len(Condition)),
        lasting=np.zeros((1, 1), np.uint64),
        local=np.zeros(work["provinces"], np.uint64),
        log=blank(Log, 1),
        tally=tally,
    )


def filled(group: type[Any], traits: Mapping[str, list[Any]]) -> Any:
    """Create a group with these traits, and the others at their initial values."""
    made = blank(group, len(next(iter(traits.values()))))
    for trait, values in traits.items():
        getattr(made, trait)[:] = values
    return made


def given_of(work: Work) -> Given:
    """Convert the input to the three rules to arrays."""
    rows: list[tuple[int, int, float]] = []
    first = [0]
    for day in work["days"]:
        rows += [(Input.FALL, district, how) for district, how in day["falls"]]
        rows += [(Input.STAND, district, 0.0) for district in day["stands"]]
        rows += [(Input.PRESSURE, province, 0.0) for province in day["pressure"]]
        rows += [(Input.FIGHTING, district, 0.0) for district in day["fighting"]]
        rows += [(Input.HELP, district, 0.0) for district in day["help"]]
        conditions = zip(CONDITIONS, day["conditions"], strict=False)  # empty for journeys alone
        rows += [(Input.CONDITION, condition, value) for condition, value in conditions]
        rows += [(Input.ROOM, post, room) for post, room in enumerate(day["room"])]
        rows += [(Input.ROOM_USED, post, people) for post, people in enumerate(day["room_used"])]
        rows.append((Input.FAMILIES, 0, day["families"]))
        first.append(len(rows))
    what, subject, amount = zip(*rows, strict=True)
    return Given(
        np.array(first, np.int64), np.array(what, np.int64), np.array(subject, np.int64), np.array(amount, np.float64)
    )


def typed_numbers(work: Work) -> Numbers:
    """Convert the parameters to the types of the rules."""
    numbers = work["numbers"]
    return Numbers(
        News(**numbers["news"]),
        Morale(**numbers["morale"]),
        Journeys(**numbers["journeys"]),
        Admission(**numbers["admission"]),
        numbers["hungry_below"],
        numbers["patience_days"],
    )


def copied(country: Country) -> Country:
    """Copy everything that the rules write; roads are shared."""
    copies: dict[str, Any] = {
        name: type(group)(*(trait.copy() for trait in group)) if isinstance(group, tuple) else group.copy()
        for name, group in country._asdict().items()
        if name != "roads"
    }
    return Country(roads=country.roads, **copies)


def families_at_the_end(refugees: Refugees, day: int) -> dict[str, Any]:
    """Return the traits of families at the end of a day; those of a journey are 0 unless the family is on the road."""
    travels = refugees.state == RefugeeState.ON_THE_ROAD
    left = refugees.days_to_go + np.maximum(0, refugees.due_on - day - 1)
    return {
        **columns(refugees, [trait for trait in OF_FAMILIES if trait != "due_on"]),
        "days_to_go": np.where(travels, left, 0.0).tolist(),
        "next_district": np.where(travels, refugees.next_district, 0).tolist(),
    }


def end_of(country: Country, work: Work) -> dict[str, Any]:
    """Return all results of the three rules after the last day of the work, as plain lists by name."""
    return {
        "districts": columns(country.districts, ("dread", "at_home")),
        "units": columns(country.units, ("morale", "losses")),
        "families": families_at_the_end(country.refugees, work["evening"] + len(work["days"])),
        "posts": columns(country.posts, (*OF_POSTS[2:], "admitted_today", "arrivals_today")),
        "queues": queues_of(country.queues),
        "totals": [int(country.tally[count]) for count in TOTALS],
    }


Runner = Callable[[Country, Numbers, Given, np.ndarray, int], None]


def daily_of(work: Work) -> np.ndarray:
    """Return the seeds of the draws of each day."""
    return seeds_of(int(work["seed"]), work["evening"] + given_of(work).first.size, 1).daily


def run_work(work: Work, run: Runner = run_rules_on) -> Country:
    """Run the work and return the final state."""
    country = country_of(work)
    run(country, typed_numbers(work), given_of(work), daily_of(work), work["evening"])
    return country


def measured(work: Work, repeats: int) -> dict[str, Any]:
    """Measure the seconds of the days alone; also return the final state."""
    seconds, country = timed(work, repeats, run_rules_on)
    return {"seconds": seconds, "end": end_of(country, work)}


def measured_journeys(work: Work, repeats: int) -> dict[str, Any]:
    """Measure the seconds of the journeys; also return the families moved per day and where each arrived."""
    seconds, country = timed(work, repeats, run_journeys_on)
    families = country.refugees
    arrived = np.where(families.state == RefugeeState.SETTLED, families.district, -1)
    end = work["evening"] + len(work["days"])
    last = np.where(families.state == RefugeeState.SETTLED, families.due_on, end)  # day on the road
    return {
        "seconds": seconds,
        "moved": int((last - np.array(work["families"]["due_on"]) + 1).sum()),
        "people_per_row": work["numbers"]["people_per_row"],
        "arrived": arrived.tolist(),
        "bound": families.destination.tolist(),
        "roads": [len(route) for route in work["routes"]],
    }


def timed(work: Work, repeats: int, run: Runner) -> tuple[float, Country]:
    """Measure the median seconds of some repeats; also return the final state of the last."""
    start, numbers, given, daily = country_of(work), typed_numbers(work), given_of(work), daily_of(work)
    run(copied(start), numbers, given, daily, work["evening"])  # warm-up: compiles or reads the cache
    seconds = []
    for _ in range(repeats):
        country = copied(start)
        begun = time.perf_counter()
        run(country, numbers, given, daily, work["evening"])
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds), country


def measured_replicates(works: Sequence[Work], repeats: int = 5) -> dict[str, Any]:
    """Measure the seconds per replicate, including a new country and its days."""
    made = [(country_of(w), typed_numbers(w), given_of(w), daily_of(w), w["evening"]) for w in works]
    run_work(works[0])
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        ends = [copied(start) for start, *_ in made]
        for country, (_, numbers, given, daily, evening) in zip(ends, made, strict=True):
            run_rules_on(country, numbers, given, daily, evening)
        seconds.append((time.perf_counter() - begun) / len(works))
    totals = [[int(country.tally[count]) for count in TOTALS] for country in ends]
    return {"seconds": statistics.median(seconds), "totals": totals}


def write_works(folder: Path, seeds: Sequence[int], evening: int, days: int, overrides: Sequence[str]) -> list[str]:
    """Write one file of work per seed, and the journeys of the first."""
    from sim.configuration.compose import compose_settings  # Hydra takes seconds, which only this verb needs

    settings = compose_settings(overrides)
    paths = []
    for seed in seeds:
        work = work_of(settings.layout.world, settings.rules, settings.timeline, seed, evening, days)
        paths.append(folder / f"work-{seed}.json")
        paths[-1].write_text(json.dumps(work), encoding="utf-8")
        if seed == seeds[0]:
            (folder / "journeys.json").write_text(json.dumps(journeys_of(work)), encoding="utf-8")
    return [str(path) for path in paths]


def read(path: str) -> Work:
    """Read work from its file."""
    work: Work = json.loads(Path(path).read_text(encoding="utf-8"))
    return work


def main(words: Sequence[str]) -> None:
    """Run the subcommand named on the command line, and print its result as JSON."""
    verb, *others = words
    given: Any
    if verb == "write":
        first, count, evening, days = map(int, others[1:5])
        given = write_works(Path(others[0]), range(first, first + count), evening, days, others[5:])
    elif verb == "replicates":
        given = measured_replicates([read(path) for path in others])
    else:
        work, repeats = read(others[0]), int(others[1]) if len(others) > 1 else 20
        given = measured(work, repeats) if verb == "run" else measured_journeys(work, repeats)
    print(json.dumps(given))


if __name__ == "__main__":
    import three_rules  # by its module name, which Numba uses to cache compiled code

    three_rules.main(sys.argv[1:])
