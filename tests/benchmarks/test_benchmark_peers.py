"""What the peers of the benchmark are given and what they end with; Flee itself is not needed here."""

import json
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from board import LINE, Place, board, luck

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "benchmarks" / "peers"))
sys.path.insert(0, str(Path(__file__).parent.parent.parent / "benchmarks"))

import mesa_three_rules
import peers
import three_rules

from sim.engine.chance import LAST_SEED, uniform
from sim.engine.world import Fall, RefugeeState, UnitState

PLACES = (*LINE, Place("Bridge", frontier_km=10.0, post="bridge"), Place("Hills", province="Takhar", capital=True))
LINKS = [(0, 1), (1, 2), (2, 3), (1, 4), (0, 4), (4, 3)]
POSTS = (2, 3)  # their districts
PROVINCES = ("Kunduz", "Takhar")
DAYS = 12
SEEDS = range(6)


@pytest.fixture(scope="module")
def country():
    few_places = {"admits": 0.5, "camp_places": 250.0, "aid_places": 200.0, "patience_days": 1.0}
    return board(PLACES, LINKS, admission=few_places)


@pytest.fixture(scope="module")
def busy(country):
    """Days on which everything happens that can, by seed; written to a file and read again."""
    return {seed: json.loads(json.dumps(busy_work(country, seed))) for seed in SEEDS}


def busy_work(country, seed):
    chance = random.Random(seed)
    work = three_rules.work_from(country.world, country.rules, seed, 5)
    units = len(work["units"]["state"])
    work["units"] |= {
        "state": [chance.randrange(UnitState.CROSSED + 2) for _ in range(units)],
        "supply_days": [chance.uniform(0, 12) for _ in range(units)],
        "asked_days": [chance.randrange(-1, 8) for _ in range(units)],
        "losses": [chance.choice((0.0, 0.3)) for _ in range(units)],
    }
    families = [family_of(number, chance) for number in range(60)]
    work["families"] = {trait: [family[trait] for family in families] for trait in three_rules.OF_FAMILIES}
    waiting = [row for row in range(20) if families[row]["state"] == RefugeeState.WAITING]
    work["queues"] = [[row for row in waiting if families[row]["post"] == post] for post in (0, 1)]
    work["posts"]["people_waiting"] = [sum(families[row]["people"] for row in queue) for queue in work["queues"]]
    work["families_there"] = 20
    work["days"] = [day_of(day, chance) for day in range(DAYS)]
    work["families"]["due_on"] = three_rules.days_of_departure(work)
    return work


def family_of(number, chance):
    here, goal = chance.sample(range(len(PLACES)), 2)
    post = POSTS.index(goal) if goal in POSTS and chance.random() < 0.9 else -1
    waits = number < 20 and post >= 0 and chance.random() < 0.5
    return dict.fromkeys(three_rules.OF_FAMILIES, 0) | {
        "identity": 1000 + 17 * number, "people": chance.randrange(1, 12), "origin": here,
        "district": goal if waits else here, "next_district": goal if waits else here, "destination": goal,
        "post": post, "state": int(RefugeeState.WAITING if waits else RefugeeState.ON_THE_ROAD), "days_to_go": 0.0,
    }  # fmt: skip


def day_of(day, chance):
    def some(share, rows=PLACES):
        return [row for row in range(len(rows)) if chance.random() < share]

    return {
        "falls": [[district, chance.randrange(1, len(Fall))] for district in some(0.2)],
        "stands": some(0.2),
        "pressure": some(0.5, PROVINCES),
        "fighting": some(0.4),
        "help": some(0.2),
        "conditions": [chance.random(), chance.random(), chance.choice((0.0, 0.25))],
        "room": [chance.randrange(40) for _ in POSTS],
        "room_used": [chance.randrange(20) for _ in POSTS],
        "families": 20 + 40 * (day + 1) // DAYS,
    }


def mesa_end(work):
    return json.loads(json.dumps(mesa_three_rules.measured(work)))["end"]


@pytest.mark.parametrize("seed", SEEDS)
def test_mesa_ends_where_panj_ends(busy, seed):
    ours = three_rules.end_of(three_rules.run_work(busy[seed]), busy[seed])
    assert peers.differences(ours, mesa_end(busy[seed]), "end") == []


def test_everything_happens_on_busy_days(busy):
    ends = [three_rules.end_of(three_rules.run_work(work), work) for work in busy.values()]
    states = {state for end in ends for state in end["families"]["state"]}
    assert states == set(RefugeeState)
    assert max(tries for end in ends for tries in end["families"]["tries"]) > 1
    assert any(end["districts"]["dread"] != end["districts"]["dread"][:1] * len(PLACES) for end in ends)


def test_the_work_of_a_campaign_ends_alike(country):
    rules = country.rules._replace(flight=country.rules.flight._replace(daily_share=0.2, calm_below=0.0, dread=1.0))
    country.layout.districts.dread[:] = 0.6
    work = three_rules.work_of(country.layout, rules, country.timeline, 3, 2, 6)
    country.layout.districts.dread[:] = 0.0
    assert len(work["families"]["people"]) > work["families_there"] > 0
    ours = three_rules.end_of(three_rules.run_work(work), work)
    assert peers.differences(ours, mesa_end(work), "end") == []


def test_draws_are_the_same():
    for seed, stream, day, actor in ((0, 31, 1, 0), (7, 32, 60, 12_345_678_901), (LAST_SEED, 31, 133, 1)):
        assert mesa_three_rules.draw(seed, stream, day, actor) == uniform(luck(day, seed), stream, actor)


def test_replicates_of_batch_run_end_as_those_of_panj(busy):
    works = list(busy.values())[:3]
    ours, theirs = three_rules.measured_replicates(works, 1), mesa_three_rules.measured_replicates(works)
    assert ours["totals"] == theirs["totals"]


def test_routes_lead_along_roads_and_are_those_that_families_take(busy):
    work = three_rules.journeys_of(busy[0])
    roads = work["roads"]
    for start, goal, route in zip(
        work["families"]["district"], work["families"]["destination"], work["routes"], strict=True
    ):
        for here, there in zip([start, *route], route, strict=False):
            assert there in roads["neighbour"][roads["first"][here] : roads["first"][here + 1]]
        assert [start, *route][-1] == goal
    given = three_rules.measured_journeys(work, 1)
    assert all(here in (-1, goal) for here, goal in zip(given["arrived"], given["bound"], strict=True))
    assert sum(here >= 0 for here in given["arrived"]) > 30
    assert given["moved"] >= sum(here >= 0 for here in given["arrived"])


def test_an_end_that_differs_is_told_by_name():
    ours = {"end": {"units": {"morale": [0.5]}, "posts": {"room": [1]}}}
    theirs = {"end": {"units": {"morale": [np.nextafter(0.5, 1)]}, "posts": {"room": [1]}}}
    with pytest.raises(AssertionError, match=r"end\.units\.morale"):
        peers.assert_same(ours, theirs)


@pytest.mark.parametrize(
    ("here", "there", "taken"),
    [(3, -1, 1), (3, 4, 2), (4, 3, 2), (-1, 3, 1)],
    ids=["slower", "elsewhere", "Panj elsewhere", "by fewer roads"],
)
def test_journeys_that_differ_are_refused(here, there, taken):
    ours = {"arrived": [here], "bound": [3], "roads": [2]}
    with pytest.raises(AssertionError, match="family 0"):
        peers.assert_same_journeys(ours, {"arrived": [there], "roads_taken": [taken]})


def test_the_report_tells_what_was_measured(busy, monkeypatch):
    """The whole benchmark in this process on small work, Flee played by Panj's own journeys."""

    def written(folder, scenario, size):
        folder.mkdir()
        paths = [folder / f"{seed}.json" for seed in range(size.replicates)]
        for seed, path in enumerate(paths):
            path.write_text(json.dumps(busy[seed]))
        (folder / "journeys.json").write_text(json.dumps(three_rules.journeys_of(busy[0])))
        return list(map(str, paths))

    def run_code(code, *words, python=None):
        works = [three_rules.read(str(word)) for word in words if str(word).endswith(".json")]
        if peers.FLEE in words:
            given = three_rules.measured_journeys(works[0], 1)
            return given | {"flee": "3.1", "build_seconds": 0.0, "roads_taken": given["roads"]}
        if "travel" in words:
            return three_rules.measured_journeys(works[0], 1)
        if peers.MESA in words:
            live, replicates = mesa_three_rules.measured, mesa_three_rules.measured_replicates
        else:
            live, replicates = (lambda work: three_rules.measured(work, 1)), three_rules.measured_replicates
        return replicates(works) if "replicates" in words else live(works[0])

    monkeypatch.setattr(peers, "written", written)
    monkeypatch.setattr(peers, "run_code", run_code)
    monkeypatch.setattr(peers, "python_of", lambda name: Path(sys.executable))
    told = peers.report(json.loads(json.dumps(peers.measure(quick=True))))
    for text in ("july_2021, the days alone", "refugee_surge, a replicate of 2", "rows moved per second", "Flee 3.1"):
        assert text in told
