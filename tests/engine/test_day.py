"""One day in its order, compiled and plain."""

import pytest
from board import MIDDLE, RIVER, board, campaigns, differences
from compiled_rules import run_compiled

import sim.engine.day
from sim.engine.campaign import run_campaign
from sim.engine.compile import cache_folder
from sim.engine.world import Holder, Mode, Phase, UnitState
from sim.errors import CampaignError

OUT_OF_BOUNDS = """
import numpy as np
from sim.engine.compile import entry


@entry
def read(values, row):
    return values[row]


assert read(np.ones(3), 2) == 1.0
try:
    read(np.ones(3), 10)
except IndexError:
    print("IndexError")
"""

ORDER = [
    "start_day", "apply_events", "muster", "supply", "spread_news", "call_for_help", "settle_morale", "advance",
    "muster", "parley", "fight", "change_control", "retreat", "cross", "flee", "travel", "admit_families",
    "deploy_reserves", "bring_home", "strike_back",
]  # fmt: skip


def test_compiled_and_plain_campaigns_agree_to_the_last_digit(compiled):
    assert campaigns() == compiled["digests"]


def test_every_rule_is_compiled_for_one_kind_of_arguments(compiled):
    assert len(compiled["signatures"]) > 100
    assert {rule: kinds for rule, kinds in compiled["signatures"].items() if len(kinds) != 1} == {}


def test_a_read_out_of_bounds_is_noticed_when_bounds_are_checked():
    assert run_compiled("panj_out_of_bounds.py", OUT_OF_BOUNDS, NUMBA_BOUNDSCHECK="1").stdout == "IndexError\n"


def test_rules_with_checked_bounds_have_a_cache_of_their_own(monkeypatch):
    monkeypatch.delenv("NUMBA_BOUNDSCHECK", raising=False)
    unchecked = cache_folder()
    monkeypatch.setenv("NUMBA_BOUNDSCHECK", "1")
    assert cache_folder() != unchecked
    monkeypatch.setenv("NUMBA_BOUNDSCHECK", "0")
    assert cache_folder() == unchecked


def test_the_rules_of_a_day_run_in_their_order(monkeypatch):
    called = []
    for name in set(ORDER):
        monkeypatch.setattr(sim.engine.day, name, lambda *_args, name=name: called.append(name))
    board().run_day(1)
    assert called == ORDER


def test_a_day_without_taliban_loses_nothing():
    made = board(founding={"taliban_men": 0, "mobile_men": 0})
    for day in range(1, 30):
        made.run_day(day)
    assert not made.world.districts.holder.any()
    assert made.world.units.men.sum() == made.world.units.founded.sum()


def test_a_garrison_without_hope_falls_and_its_men_cross_the_same_night():
    made = board(
        parley={"intercept": 90.0},
        retreat={"police_surrender": 0.0, "others_surrender": 0.0, "road_open": 0.0},
        counterattack={"attempts_per_day": 0.0},
    )
    made.world.prongs.phase[0] = Phase.SWEEP
    made.send(RIVER, 100)
    made.run_day(1)
    world = made.world
    assert world.districts.holder.tolist() == [Holder.GOVERNMENT, Holder.GOVERNMENT, Holder.TALIBAN]
    assert world.posts.soldiers_admitted[0] == world.units.interned.sum() > 0
    assert world.units.men[made.units_at(RIVER)].sum() == 0


def test_men_who_went_to_the_next_district_hold_it_in_the_end():
    made = board(
        parley={"intercept": 90.0},
        retreat={"police_surrender": 0.0, "others_surrender": 0.0, "road_open": 1.0, "walk_km_per_day": 100.0},
        counterattack={"attempts_per_day": 0.0},
    )
    force = made.send(RIVER, 100)
    made.run_day(1)
    made.world.forces.men[force] = 0
    units = made.world.units
    gone = (units.state == UnitState.RETREATING).nonzero()[0]
    assert gone.size
    made.run_day(2)
    made.run_day(3)
    assert (units.district[gone] == MIDDLE).all()


def test_the_same_seed_lives_the_same_days():
    made, again = board(), board()
    for each in (made, again):
        each.send(RIVER, 100, Mode.ASSAULT)
        for day in range(1, 6):
            each.run_day(day)
    assert differences(made.world, again.world) == []


def test_a_campaign_that_runs_out_of_rows_is_a_named_error():
    made = board(
        flight={"rows": 1, "daily_share": 0.2},
        parley={"intercept": 90.0, "local_elders": 1.0},
        advance={"press_start": 1.0},
    )
    with pytest.raises(CampaignError, match=r"seed 1, day .* refugee rows"):
        run_campaign(made.layout, made.rules, made.timeline, 1, 60)
