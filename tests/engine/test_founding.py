"""The world of day 0."""

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from board import board, calm_rules, differences, digest, facts_of, rules_with, timeline_of
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.configuration.compose import compose_settings
from sim.data.facts import DATA, read_facts
from sim.engine.campaign import run_campaign
from sim.engine.layout import found, fresh, lay_out
from sim.engine.rules.founding import part_of, state_absence
from sim.engine.world import Count, ForceKind, Holder, Refugees, Role, UnitKind, UnitState
from sim.errors import PanjError


@pytest.fixture(scope="module")
def facts():
    return read_facts()


@pytest.fixture(scope="module")
def rules():
    return rules_with()


@pytest.fixture(scope="module")
def layout(facts, rules):
    return lay_out(facts, rules, {}, {}).world


@pytest.fixture(scope="module")
def world(layout, rules):
    return found(layout, rules, timeline_of(), 1)


def test_government_men_are_as_many_as_configured(world, rules):
    assert world.units.men.sum() == world.units.founded.sum() == rules.founding.fighting_men
    assert world.units.paper.sum() == pytest.approx(rules.founding.rolls, rel=0.005)


def test_taliban_men_are_as_many_as_configured(world, rules):
    forces = world.forces
    assert forces.men.sum() == rules.founding.taliban_men
    assert forces.men[forces.kind == ForceKind.MOBILE].sum() == rules.founding.mobile_men


def test_the_taliban_hold_the_reported_share(world, rules):
    assert (world.districts.holder == Holder.TALIBAN).sum() == round(rules.founding.taliban_share * 399) == 31


@pytest.mark.parametrize("seed", range(5))
def test_no_provincial_capital_is_lost_on_day_0(layout, rules, seed):
    districts = found(layout, rules, timeline_of(), seed).districts
    assert not (districts.holder[districts.is_capital] == Holder.TALIBAN).any()


def test_taliban_hold_where_fewer_voted(layout, rules):
    held, free = [], []
    for seed in range(5):
        districts = found(layout, rules, timeline_of(), seed).districts
        held += districts.votes_per_head[districts.holder == Holder.TALIBAN].tolist()
        free += districts.votes_per_head[(districts.holder == Holder.GOVERNMENT) & ~districts.is_capital].tolist()
    assert np.median(held) < np.median(free)


def test_the_same_seed_founds_the_same_world(layout, rules, world):
    assert differences(world, found(layout, rules, timeline_of(), 1)) == []


def test_another_seed_founds_another_world(layout, rules, world):
    changed = differences(world, found(layout, rules, timeline_of(), 2))
    assert {"districts.holder", "districts.influence", "districts.resolve", "units.men", "forces.men"} <= set(changed)
    assert not {"units.identity", "units.home", "districts.population", "roads.between"} & set(changed)


def test_the_layout_is_never_written_to(layout, rules):
    before = digest(*layout)
    found(layout, rules, timeline_of(), 7)
    assert digest(*layout) == before


def test_a_founding_never_reads_a_fall_date(layout, rules, world, tmp_path: Path):
    folder = Path(shutil.copytree(DATA, tmp_path / "data"))
    path = folder / "districts.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    fall_columns = [column for column in rows[0] if column.startswith("fell_")]
    order = np.random.default_rng(1).permutation(len(rows))
    falls = [{column: rows[row][column] for column in fall_columns} for row in order]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | fall for row, fall in zip(rows, falls, strict=True))
    moved = lay_out(read_facts(folder), rules, {}, {}).world
    assert len(fall_columns) >= 3
    assert differences(layout, moved) == []
    assert differences(world, found(moved, rules, timeline_of(), 1)) == []


def test_everyone_is_at_home_and_every_unit_has_a_place(world):
    districts, units = world.districts, world.units
    assert (districts.at_home == districts.population).all()
    assert world.tally[Count.REFUGEE_ROWS] == 0
    holding = units.state == UnitState.HOLDING
    assert (districts.holder[units.district[holding]] == Holder.GOVERNMENT).all()
    assert (units.state[units.kind == UnitKind.COMMANDO] == UnitState.RESERVE).all()


def test_identities_are_used_once(world):
    for group in (world.districts, world.units, world.forces, world.prongs, world.posts):
        assert np.unique(group.identity).size == group.identity.size


def test_garrisons_are_of_the_reported_size(world):
    units, districts = world.units, world.districts
    rural = ~districts.is_capital[units.home]
    outposts = units.men[rural & (units.role == Role.OUTPOST) & (units.kind == UnitKind.POLICE)]
    assert 10 < np.median(outposts) < 25
    centres = np.bincount(units.district[rural], weights=units.men[rural], minlength=399)[~districts.is_capital]
    assert 60 < np.median(centres[centres > 0]) < 250


def test_no_two_prongs_begin_in_one_province(world):
    begun = world.prongs.province[world.prongs.province >= 0]
    assert np.unique(begun).size == begun.size > 1


def test_every_column_gathers_in_the_province_of_its_prong(world):
    mobile = (world.forces.kind == ForceKind.MOBILE) & (world.forces.men > 0)
    assert mobile.any()
    where = world.districts.province[world.forces.district[mobile]]
    assert (where == world.prongs.province[world.forces.prong[mobile]]).all()


def test_attention_draws_the_prongs(facts, rules):
    strong = rules._replace(founding=rules.founding._replace(start_attention=5.0))
    layout = lay_out(facts, strong, {"North Eastern": 20.0}, {}).world
    first = found(layout, strong, timeline_of(), 1).prongs.province
    regions = [facts.region_of_province[province] for province in first]
    assert regions.count("North Eastern") >= 3


def test_a_post_does_what_its_policy_says():
    made = board(posts={"post_1": {"soldiers": 0.25, "families": 0.0, "room": 0.5}})
    posts = made.layout.posts
    assert (posts.admits_soldiers[0], posts.admits_families[0]) == (0.25, 0.0)
    assert posts.room[0] == posts.base_room[0] == made.rules.crossing.room_ford // 2


@pytest.mark.parametrize(
    ("attention", "posts", "message"),
    [
        ({"Nort": 2.0}, {}, "North"),
        ({"North": 0.0}, {}, "above 0"),
        ({}, {"post_2": {"soldiers": 1.0}}, "post_1"),
        ({}, {"post_1": {"soldier": 1.0}}, "soldiers"),
        ({}, {"post_1": {"soldiers": 1.5}}, "from 0 to 1"),
    ],
)
def test_a_policy_for_what_is_not_there_is_refused(attention, posts, message):
    from board import calm_rules, facts_of

    with pytest.raises(PanjError, match=message):
        lay_out(facts_of(), calm_rules(), attention, posts)


def test_no_garrison_is_smaller_than_none(facts):
    large = rules_with(founding={"fighting_men": 80000, "police_men": 200.0, "outposts": 8, "highway_army_men": 400.0})
    try:
        world = found(lay_out(facts, large, {}, {}).world, large, timeline_of(), 1)
    except PanjError:
        return
    assert world.units.men.min() >= 0


@settings(max_examples=100)
@given(
    st.integers(0, 200_000),
    st.lists(st.floats(0.0, 1e4), min_size=1, max_size=40).filter(lambda weights: sum(weights) > 1),
)
def test_parts_add_up_to_all_men_and_none_is_negative(men, weights):
    ends = np.concatenate([[0.0], np.cumsum(weights)])
    parts = [part_of(men, ends[row], ends[row + 1], ends[-1]) for row in range(len(weights))]
    assert sum(parts) == men
    assert min(parts) >= 0


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.01, 0.3))
def test_more_votes_never_put_the_state_farther_away(votes, more, scale):
    low, high = sorted((votes, more))
    assert state_absence(low, scale, 0.15) >= state_absence(high, scale, 0.15)
    assert state_absence(scale, scale, 0.15) == pytest.approx(0.0, abs=1e-12)


def test_a_world_that_was_used_is_as_good_as_new():
    chosen = compose_settings(["calibration=as_declared", "end_date=2021-05-06", "rules.flight.rows=60000"])
    layout = chosen.layout.world
    first = run_campaign(layout, chosen.rules, chosen.timeline, 1, chosen.days)
    again = run_campaign(layout, chosen.rules, chosen.timeline, 2, chosen.days, first.world)
    fresh_one = run_campaign(layout, chosen.rules, chosen.timeline, 2, chosen.days)
    for name, group in fresh_one.world._asdict().items():
        other = getattr(again.world, name)
        pairs = {name: (other, group)} if isinstance(group, np.ndarray) else dict(
            zip(group._fields, zip(other, group, strict=True), strict=True)
        )  # fmt: skip
        for trait, (one, two) in pairs.items():
            if (name, trait) not in (("queues", "behind"), ("queues", "travelling")):  # read as far as filled
                assert np.array_equal(one, two), (name, trait)
    assert all(np.array_equal(a, b) for a, b in zip(again.record, fresh_one.record, strict=True))


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux says so what memory is in use")
def test_space_takes_memory_only_where_it_is_written():
    def held():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    rows = 3_000_000
    for _ in range(3):
        fresh(layout_with(rows))  # let go again, after which space would come from a heap that was used
    before = held()
    worlds = [fresh(layout_with(rows)) for _ in range(2)]
    for world in worlds:
        for trait in world.refugees:
            trait[:1000] = 1
    assert held() - before < 2 * len(Refugees._fields) * rows * 8 / 3
    assert all(trait.flags.c_contiguous and trait.sum() == 1000 for trait in worlds[0].refugees)


def layout_with(rows):
    return lay_out(facts_of(), calm_rules(flight={"rows": rows}), {}, {}).world
