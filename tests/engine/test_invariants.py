"""The invariants hold at the end of every day in generated worlds, and a breach is noticed."""

import numpy as np
import pytest
from board import (
    LINE,
    MIDDLE,
    RIVER,
    Place,
    board,
    checked_days,
    differences,
    facts_of,
    photograph,
    rules_with,
    strict,
    timeline_of,
)
from hypothesis import given
from hypothesis import strategies as st

from sim.configuration.numbers import declared_numbers, resolve, typed
from sim.data.facts import read_facts
from sim.engine.invariants import InvariantError, check
from sim.engine.layout import fresh, lay_out
from sim.engine.rules.journeys import stand_in_line
from sim.engine.world import Act, Condition, Count, Phase, UnitState

DAYS = 25
SMALL = {  # numbers that only cost time
    "rules.founding.prongs": (1, 3), "rules.founding.columns_per_prong": (1, 3), "rules.founding.outposts": (0, 3),
    "rules.founding.commando_columns": (0, 8), "rules.calls.flights_per_day": (0.0, 8.0),
    "rules.supply.airlift_per_day": (0.0, 8.0), "rules.counterattack.attempts_per_day": (0.0, 4.0),
    "rules.flight.rows": (100, 1500), "rules.flight.people_per_row": (5, 500),
    "rules.founding.fighting_men": (80_000, 90_000), "rules.founding.first_gather_days": (1.0, 10.0),
    "rules.advance.gather_days": (0.0, 10.0), "rules.flight.daily_share": (0.01, 0.05),
}  # fmt: skip
EVENTFUL = {key: row for key, row in declared_numbers().items() if key != "rules.flight.rows"}
POLICIES = st.sampled_from([0.0, 0.5, 1.0])
IN_FORCE = timeline_of((0, Act.SET, Condition.AIR_COVER, 1.0), (0, Act.SET, Condition.PAY, 0.7))


@st.composite
def any_rules(draw):
    """Some numbers anywhere in their declared ranges, the others as they stand."""
    shares = draw(st.dictionaries(st.sampled_from(sorted(EVENTFUL)), st.floats(0.0, 1.0), max_size=25))
    values = resolve([], {}) | {"rules.flight.rows": 1500}
    for key, row in declared_numbers().items():
        low, high = SMALL.get(key, (row.low, row.high))
        if key in shares:
            values[key] = low + shares[key] * (high - low)
        if row.is_whole:
            values[key] = round(values[key])
        values[key] = min(high, max(low, values[key]))
    return typed(values)


@st.composite
def any_board(draw):
    """Three to eight districts of one to three provinces on a tree with a few more roads, some at the river."""
    count = draw(st.integers(3, 8))
    provinces = draw(st.integers(1, (count - 1) // 2))
    homes = sorted((row % provinces, row < provinces) for row in range(count))
    crossings = st.sampled_from(["", "", "ford", "river frontage", "mountain pass", "bridge"])
    places = [
        Place(
            f"District {row}", province=f"Province {province}", capital=capital,
            hub=capital and draw(st.booleans()), population=draw(st.integers(1, 20_000)),
            votes=draw(st.floats(0.0, 0.3)), highway=draw(st.booleans()), mountain=draw(st.floats(0.0, 1.0)),
            frontier_km=draw(st.floats(0.0, 60.0)), post=draw(crossings),
        )
        for row, (province, capital) in enumerate(homes)
    ]  # fmt: skip
    links = {(draw(st.integers(0, row - 1)), row) for row in range(1, count)}
    extra = draw(st.sets(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=3))
    links |= {(a, b) for a, b in extra if a < b}
    return facts_of(places, sorted(links), km=draw(st.floats(1.0, 120.0)))


@st.composite
def any_timeline(draw, districts):
    """A few events, some of them before the campaign begins."""
    days = st.integers(-5, DAYS)
    settings_of = st.tuples(days, st.just(Act.SET), st.sampled_from([0, 1, 4, 5]), st.floats(0.0, 1.0))
    orders = st.tuples(days, st.just(Act.SET), st.just(Condition.RESERVISTS_ORDERED), st.floats(0.0, 30_000.0))
    men = st.tuples(
        days, st.sampled_from([Act.REINFORCE, Act.RAISE_MILITIA]), st.integers(0, districts - 1), st.floats(0.0, 500.0)
    )
    rows = draw(st.lists(st.one_of(settings_of, orders, men), max_size=6))
    return timeline_of(*((day, int(act), int(subject), amount) for day, act, subject, amount in rows))


@given(st.data())
def test_every_day_of_any_world_adds_up(data):
    facts, rules = data.draw(any_board()), data.draw(any_rules())
    change = st.fixed_dictionaries(
        {"soldiers": POLICIES, "families": POLICIES, "room": st.sampled_from([0.0, 0.02, 1.0])}
    )
    posts = {post: data.draw(change) for post in facts.post}
    layout = strict(lay_out(facts, rules, {}, posts).world)
    timeline = data.draw(any_timeline(len(facts.district)))
    for world in checked_days(layout, rules, timeline, data.draw(st.integers(0, 2**63)), DAYS):
        if world.tally[Count.CANNOT_GO_ON]:
            return


@pytest.fixture(scope="module")
def facts():
    return read_facts()


HOT = {"founding": {"first_gather_days": 2.0}}


@pytest.mark.parametrize(("seed", "changes", "days"), [(1, {}, 6), (2, HOT, 12)])
def test_every_day_of_the_real_country_adds_up(facts, seed, changes, days):
    rules = rules_with(**changes)
    layout = lay_out(facts, rules, {}, {}).world
    for world in checked_days(layout, rules, IN_FORCE, seed, days):
        assert not world.tally[Count.CANNOT_GO_ON]


def test_every_day_of_the_real_country_adds_up_whatever_its_posts_admit(facts):
    rules = rules_with(**HOT, retreat={"road_open": 0.2}, parley={"intercept": -2.0})
    rng = np.random.default_rng(3)
    posts = {
        post: dict(zip(("soldiers", "families"), rng.choice([0.0, 0.5, 1.0], 2), strict=True)) for post in facts.post
    }
    layout = strict(lay_out(facts, rules, {}, posts).world)
    for world in checked_days(layout, rules, IN_FORCE, 3, 9):
        last = world
    assert last.posts.arrivals_today.sum() + last.posts.soldiers_admitted.sum() > 0


def spoiled(spoil):
    made = board()
    day_zero = fresh(made.world)
    made.run_day(1)
    check(made.world, day_zero, 1, made.world.posts.room)
    spoil(made.world)
    return made.world, day_zero


def lose_a_row(world):
    world.refugees.people[100], world.refugees.origin[100] = 10, RIVER
    world.districts.at_home[RIVER] -= 10


def take(world):
    world.units.state[world.units.district == MIDDLE] = UnitState.RETREATING
    world.districts.holder[MIDDLE] = 1


def close(world):
    world.posts.admits_soldiers[0] = 0.0
    world.posts.soldiers_admitted[0] = 7


def fill(world):
    world.garrisons.stocked[0] = True
    world.units.supply_days[0] = 1.0


def send(world):
    world.tally[[Count.REFUGEE_ROWS, Count.TRAVELLERS]] = 1


BREACHES = {
    "counts .* men in all states": lambda world: world.units.men.__setitem__(3, world.units.men[3] + 1),
    "expected at least 0": lambda world: world.units.killed.__setitem__(3, -1),
    "forces count": lambda world: world.forces.men.__setitem__(0, world.forces.men[0] + 5),
    "people at home": lambda world: world.districts.at_home.__setitem__(MIDDLE, 1),
    "not in use": lose_a_row,
    "queue of post 0 has length 1": lambda world: stand_in_line(0, 0, world.queues),
    "people waiting": lambda world: world.posts.people_waiting.__setitem__(0, 10),
    "admitted 900 today": lambda world: world.posts.admitted_today.__setitem__(0, 900),
    "still has": lambda world: world.units.state.__setitem__(3, UnitState.DESTROYED),
    "held by 7": lambda world: world.districts.holder.__setitem__(MIDDLE, 7),
    "connected to a hub": take,
    "expected 0 to 1": lambda world: world.districts.dread.__setitem__(MIDDLE, 1.5),
    "expected a finite number": lambda world: world.forces.momentum.__setitem__(0, np.nan),
    "expected below": lambda world: world.prongs.province.__setitem__(0, 9),
    "closed to soldiers": close,
    r"garrison 0 links the units \[\]": lambda world: world.garrisons.first_unit.__setitem__(0, -1),
    "recorded as fully stocked": fill,
    "due by today": send,
    "garrison 1 counts": lambda world: world.garrisons.present.__setitem__(MIDDLE, 7),
    "since a unit has asked for help": lambda world: world.units.asked_days.__setitem__(0, 2),
}


@pytest.mark.parametrize("sentence", BREACHES)
def test_a_breach_is_noticed_and_named(sentence):
    world, day_zero = spoiled(BREACHES[sentence])
    with pytest.raises(InvariantError, match=f"day 1: .*{sentence}"):
        check(world, day_zero, 1, world.posts.base_room)


def test_men_raised_later_are_counted():
    made = board(timeline=timeline_of((1, Act.RAISE_MILITIA, MIDDLE, 200.0)))
    day_zero = fresh(made.world)
    made.run_day(1)
    check(made.world, day_zero, 1)
    made.world.tally[Count.RAISED] = 0
    with pytest.raises(InvariantError, match="units were founded with"):
        check(made.world, day_zero, 1)


def test_looking_changes_nothing():
    made = board(LINE)
    made.world.prongs.phase[0] = Phase.SWEEP
    before = photograph(made.world)
    check(made.world, fresh(made.world), 0)
    assert differences(before, made.world) == []
