"""The C beside which the hottest rules are timed does the same to the last digit."""

import sys
from pathlib import Path

import numpy as np
import pytest
from board import LINE, Place, board

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "benchmarks"))

import limit

from sim.engine.bookkeeping import form_garrisons
from sim.engine.chance import seeds_of
from sim.engine.world import Count, Mode, RefugeeState, UnitState

pytestmark = pytest.mark.skipif(limit.compiler() is None, reason="there is no C compiler")

PLACES = (*LINE, Place("Bridge", frontier_km=10.0, post="bridge"), Place("Hills", province="Takhar", capital=True))
LINKS = [(0, 1), (1, 2), (2, 3), (1, 4), (0, 4), (4, 3)]
FAMILIES = 40
SEEDS = range(4)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return limit.compiled(limit.FLAGS["C"], tmp_path_factory.mktemp("limit") / "limit.so")


def busy_case(rule, seed):
    """An evening on which everything happens that can; on odd ones aeroplanes fly."""
    chance = np.random.default_rng(seed)
    journeys = {"km_per_day": 90.0 if seed % 2 else 9.0}  # links of less than a day and of several
    country = board(PLACES, LINKS, supply={"airlift_per_day": float(seed % 2)}, journeys=journeys)
    world = limit.copied(country.world)
    fill_districts(world, chance)
    fill_units(world, chance)
    fill_families(world, chance)
    form_garrisons(world.garrisons, world.units)
    world.garrisons.stocked[:] = chance.random(len(PLACES)) < 0.3
    return limit.Case(rule, world, country.rules, seeds_of(seed, 9, world.provinces.capital.size), 9)


def fill_districts(world, chance):
    districts, garrisons, rows = world.districts, world.garrisons, len(PLACES)
    districts.dread[:] = chance.random(rows)
    districts.fighting[:] = chance.random(rows) < 0.4
    districts.holder[:] = chance.random(rows) < 0.2
    districts.pressed[:] = chance.random(rows) < 0.3
    districts.is_hub[0] = True
    districts.helped_on[:] = chance.integers(8, 10, rows)
    districts.stood_on[:] = chance.integers(8, 10, rows)
    garrisons.hunger[:] = chance.random(rows)
    for trait in (garrisons.men, garrisons.local, garrisons.mobile):
        trait[:] = chance.integers(0, 100, rows)


def fill_units(world, chance):
    units, forces = world.units, world.forces
    rows = units.men.size
    units.men[:] = chance.integers(0, 3, rows) * 50
    units.state[:] = chance.integers(0, 2, rows) * chance.integers(0, len(UnitState), rows)
    units.district[:] = chance.integers(0, len(PLACES), rows)
    units.supply_days[:] = chance.random(rows) * 12
    units.asked_days[:] = chance.integers(-1, 9, rows)
    units.morale[:] = chance.random(rows)
    units.resolve[:] = chance.normal(size=rows)
    units.losses[:] = chance.random(rows) * 0.3
    forces.men[:] = chance.integers(0, 200, forces.men.size)
    forces.mode[:] = chance.integers(0, len(Mode), forces.men.size)


def fill_families(world, chance):
    refugees, rows = world.refugees, slice(0, FAMILIES)
    here = chance.integers(0, len(PLACES), FAMILIES)
    refugees.people[rows] = chance.integers(1, 12, FAMILIES)
    refugees.district[rows] = refugees.next_district[rows] = here
    refugees.destination[rows] = (here + chance.integers(1, len(PLACES), FAMILIES)) % len(PLACES)
    refugees.post[rows] = chance.integers(-1, world.posts.room.size, FAMILIES)
    refugees.state[rows] = RefugeeState.ON_THE_ROAD
    refugees.state[5] = RefugeeState.ADMITTED
    refugees.due_on[rows] = chance.integers(9, 11, FAMILIES)
    refugees.days_to_go[rows] = chance.random(FAMILIES)
    world.queues.travelling[:20] = np.arange(20)
    world.tally[[Count.TRAVELLERS, Count.SET_OUT, Count.REFUGEE_ROWS]] = 20, 20, FAMILIES


def ends(case, library):
    """What stands after the C and after the rule."""
    theirs, ours = (case._replace(world=limit.copied(case.world)) for _ in range(2))
    limit.runner_of_c(theirs, library, case.rule)(1)
    limit.runner_of_panj(ours, limit.limit_rules.AGAIN[case.rule])(1)
    return ours, theirs


@pytest.mark.parametrize("rule", limit.WRITES)
def test_c_and_the_rule_end_alike(rule, library):
    for seed in SEEDS:
        case = busy_case(rule, seed)
        ours, theirs = ends(case, library)
        limit.assert_same(ours, theirs, "C")
        with pytest.raises(AssertionError, match="differs from Panj"):
            limit.assert_same(case, ours, "the evening before")


@pytest.mark.parametrize("rule", limit.WRITES)
def test_a_state_that_is_put_back_gives_the_same_again(rule, library):
    ours, _ = ends(busy_case(rule, 3), library)
    again = busy_case(rule, 3)
    limit.runner_of_panj(again, limit.limit_rules.AGAIN[rule])(5)
    limit.assert_same(ours, again, "five times")


def test_everything_happens_to_families(library):
    states, calls = set(), set()
    for seed in SEEDS:
        case = busy_case("travel", seed)
        calls |= set(limit.calls_of_travel(limit.copied(case.world), case))
        states |= set(ends(case, library)[0].world.refugees.state[:FAMILIES].tolist())
    assert {RefugeeState.ON_THE_ROAD, RefugeeState.WAITING, RefugeeState.SETTLED} <= states
    assert {"use_up_a_day", "next_link", "cheapest_link", "arrive"} <= calls


@pytest.mark.parametrize("rule", limit.WRITES)
def test_work_is_counted_without_touching_the_evening(rule):
    case = busy_case(rule, 1)
    before = limit.copied(case.world)
    work = limit.work_of(case)
    assert work.bytes > 8 * work.rows > 0
    assert work.branches > work.rows
    limit.assert_same(case, case._replace(world=before), "the evening")
