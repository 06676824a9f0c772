"""A draw depends on seed, stream, day and actor, and on nothing else."""

import numpy as np
import pytest
from board import LINE, TWO_PROVINCES, board, calm_rules, differences, digest, facts_of, luck, photograph, timeline_of
from hypothesis import given
from hypothesis import strategies as st

import sim.engine.day
from sim.engine.campaign import run_campaign
from sim.engine.chance import Address, Stream, bits, gumbel, logistic, normal, seeds_of, splitmix, uniform, whole
from sim.engine.layout import found, lay_out
from sim.engine.world import World, luck_in, today_of

PUBLISHED = [
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]
ACTORS = range(20_000)
SHIFTING = {"founding": {"first_gather_days": 3.0}}


def test_splitmix_gives_its_published_numbers():
    assert [int(splitmix(np.uint64(1234567), position)) for position in range(5)] == PUBLISHED


def test_draws_are_spread_evenly():
    draws = np.array([uniform(luck(), Stream.FLIGHT, actor) for actor in ACTORS])
    assert 0.0 <= draws.min() < draws.max() < 1.0
    counts, _ = np.histogram(draws, bins=50, range=(0.0, 1.0))
    expected = len(ACTORS) / 50
    assert ((counts - expected) ** 2 / expected).sum() < 85.4  # chi-square, 49 degrees of freedom, 1 in 1000
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.03


def test_days_and_streams_of_one_actor_are_spread_evenly_too():
    days = [luck(day) for day in range(1500)]
    by_day = np.array([uniform(day, Stream.PRESS, 101) for day in days])
    by_stream = np.array([uniform(day, stream, 101) for stream in Stream for day in days[:200]])
    for draws in (by_day, by_stream):
        assert draws.mean() == pytest.approx(0.5, abs=0.02)
        assert draws.std() == pytest.approx(12**-0.5, abs=0.01)


def test_normal_and_gumbel_have_their_moments():
    normals = np.array([normal(luck(), Stream.UNIT_RESOLVE, actor) for actor in ACTORS])
    gumbels = np.array([gumbel(luck(), Stream.PROVINCE_CHOICE, actor) for actor in ACTORS])
    assert (normals.mean(), normals.std()) == pytest.approx((0.0, 1.0), abs=0.025)
    assert (gumbels.mean(), gumbels.var()) == pytest.approx((0.5772, np.pi**2 / 6), abs=0.06)


@given(st.integers(0, 2**63), st.sampled_from(Stream), st.integers(0, 133), st.integers(0, 10**9))
def test_a_draw_depends_on_each_of_seed_stream_day_and_actor(seed, stream, day, actor):
    here = luck(day, seed)
    others = [
        bits(luck(day, seed + 1), stream, actor),
        bits(here, (stream + 1) % 100, actor),
        bits(luck(day + 1, seed), stream, actor),
        bits(here, stream, actor + 1),
    ]
    assert bits(here, stream, actor) not in others
    assert bits(here, stream, actor) == bits(luck(day, seed), stream, actor)


@given(st.floats(0, 1e6), st.floats(0, 1, exclude_max=True), st.floats(0, 1e6))
def test_a_whole_amount_is_next_to_the_amount_and_grows_with_it(amount, draw, more):
    assert abs(whole(amount, draw) - amount) <= 1.0
    assert whole(min(amount, more), draw) <= whole(max(amount, more), draw)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_logistic_is_safe_and_never_falls(score, other):
    low, high = sorted((score, other))
    assert 0.0 <= logistic(low) <= logistic(high) <= 1.0


def test_no_two_streams_share_a_number():
    assert len({int(stream) for stream in Stream}) == len(Stream)


def run_through(made, days=12) -> World:
    for day in range(1, days + 1):
        made.run_day(day)
    return photograph(made.world)


def test_an_added_draw_disturbs_nothing_else(monkeypatch):
    alone = run_through(board(TWO_PROVINCES, **SHIFTING))
    supply = sim.engine.day.supply

    def draw_and_supply(land, *others):
        for district in range(land.districts.holder.size):
            uniform(luck(3), Stream.GUEST, int(land.districts.identity[district]))
            normal(luck(3), Stream.FLIGHT, int(land.districts.identity[district]))
        supply(land, *others)

    monkeypatch.setattr(sim.engine.day, "supply", draw_and_supply)
    assert differences(alone, run_through(board(TWO_PROVINCES, **SHIFTING))) == []


def test_two_scenarios_share_their_day_0():
    opened = board(posts={"post_1": {"soldiers": 1.0, "families": 1.0}})
    closed = board(posts={"post_1": {"soldiers": 0.0, "families": 0.0}})
    assert differences(opened.world, closed.world) == ["posts.admits_soldiers", "posts.admits_families"]


def test_a_closed_border_changes_nothing_far_from_it_before_anyone_comes_home():
    changes = {
        **SHIFTING, "parley": {"intercept": 4.0}, "retreat": {"road_open": 0.0}, "advance": {"press_start": 1.0},
        "returning": {"interned_days": 365.0},
    }  # fmt: skip
    opened = run_through(board(TWO_PROVINCES, posts={"post_1": {"soldiers": 1.0}}, **changes))
    closed = run_through(board(TWO_PROVINCES, posts={"post_1": {"soldiers": 0.0}}, **changes))
    assert opened.posts.soldiers_admitted[0] > 0 == closed.posts.soldiers_admitted[0]
    for group in ("districts", "provinces", "forces", "prongs", "garrisons"):
        assert differences_of(opened, closed, group) == []


def differences_of(one: World, other: World, group: str) -> list[str]:
    return [name for name in differences(one, other) if name.startswith(f"{group}.") and name != "districts.at_home"]


def test_other_seeds_have_other_draws():
    noisy = {"founding": {"influence_spread": 0.8, "resolve_unit": 0.5, "size_spread": 0.35}}
    changed = differences(board(seed=1, **noisy).world, board(seed=2, **noisy).world)
    assert {"districts.influence", "units.resolve", "units.men", "units.founded"} <= set(changed)


@pytest.mark.parametrize("gone", [0, 4, 7])
def test_a_unit_that_is_not_there_changes_no_other(gone):
    rules = calm_rules(
        founding={"resolve_unit": 0.5, "resolve_district": 0.6, "size_spread": 0.35, "militia_share": 0.6}
    )
    layout = lay_out(facts_of(LINE), rules, {}, {}).world
    fewer = layout._replace(units=type(layout.units)(*(np.delete(trait, gone) for trait in layout.units)))
    all_units, others = (found(world, rules, timeline_of(), 5).units for world in (layout, fewer))
    assert np.array_equal(np.delete(all_units.resolve, gone), others.resolve)
    rural = np.delete(all_units.home != 0, gone)  # the provincial capital shares out what is left
    assert np.array_equal(np.delete(all_units.founded, gone)[rural], others.founded[rural])


NOISY = {
    "founding": {"influence_spread": 0.8, "resolve_unit": 0.5, "resolve_district": 0.6, "size_spread": 0.35},
    "advance": {"press_start": 1.0},
}


def run_on_board(seed: int | Address, days: int = 12):
    made = board(TWO_PROVINCES, **NOISY)
    return run_campaign(made.layout, made.rules, made.timeline, seed, days)


def test_an_address_of_one_seed_is_the_campaign_of_that_seed():
    free, addressed = run_on_board(5), run_on_board(Address(((0, 5),)))
    assert digest(free.record, *free.world) == digest(addressed.record, *addressed.world)
    assert addressed.seed == 5


def test_a_later_seed_changes_nothing_before_its_day():
    free, turned = run_on_board(5), run_on_board(Address(((0, 5), (6, 9))))
    assert np.array_equal(free.record.series[:6], turned.record.series[:6])
    assert not np.array_equal(free.record.series, turned.record.series)


def test_a_seed_of_one_stream_on_some_days_changes_that_draw_alone():
    others = [Address(((0, 5),), (), ((Stream.PRESS, 4, 7, seed),)) for seed in (9, 5)]
    free, turned, same = (run_on_board(seed) for seed in (5, *others))
    assert np.array_equal(free.record.series[:4], turned.record.series[:4])
    assert not np.array_equal(free.record.series, turned.record.series)
    assert digest(free.record, *free.world) == digest(same.record, *same.world)
    daily = seeds_of(Address(((0, 5), (6, 8)), (), ((Stream.PRESS, 4, 7, 9),)), 12, 2).daily
    expected = {Stream.PRESS: [5] * 4 + [9] * 4 + [8] * 5, Stream.FLIGHT: [5] * 6 + [8] * 7}
    for stream, seeds in expected.items():
        hashed = [splitmix(splitmix(np.uint64(seed), stream), day) for day, seed in enumerate(seeds)]
        assert daily[:, stream].tolist() == hashed


def test_a_seed_of_one_province_on_some_days_changes_the_draws_of_its_actors_alone():
    local = Address(((0, 5),), (), (), ((1, 4, 7, 9),))
    free, turned = run_on_board(5), run_on_board(local)
    assert np.array_equal(free.record.series[:4], turned.record.series[:4])
    assert not np.array_equal(free.record.series, turned.record.series)
    seeds = seeds_of(local, 12, 2).local
    assert np.flatnonzero(seeds.any(axis=1)).tolist() == [4, 5, 6, 7]
    assert not seeds[:, 0].any()


def test_the_seed_of_a_province_changes_every_stream_of_its_actors_and_no_other():
    made = board(TWO_PROVINCES, **NOISY)
    today = today_of(made.world, seeds_of(Address(((0, 5),), (), (), ((1, 3, 3, 9),)), 3, 2), 3)
    for stream in Stream:
        drawn = [bits(luck_in(province, today), stream, 101) for province in range(2)]
        assert drawn[0] == bits(luck(3, 5), stream, 101)
        assert drawn[1] != drawn[0]


def test_a_seed_of_one_stream_of_one_province_changes_that_draw_alone():
    made = board(TWO_PROVINCES, **NOISY)
    free, other = (
        found(made.layout, made.rules, made.timeline, seed)
        for seed in (5, Address(((0, 5),), ((Stream.UNIT_RESOLVE, 1, 8),)))
    )
    changed = free.units.resolve != other.units.resolve
    assert np.array_equal(changed, made.layout.districts.province[free.units.home] == 1)
    assert set(differences(free, other)) <= {"units.resolve", "units.morale"}


@pytest.mark.parametrize(
    ("stream", "trait"),
    [
        (Stream.INFLUENCE, "districts.influence"),
        (Stream.HELD_ON_DAY_0, "districts.held_score"),
        (Stream.PROVINCE_RESOLVE, "provinces.resolve"),
        (Stream.DISTRICT_RESOLVE, "districts.resolve"),
        (Stream.THRESHOLD, "districts.threshold_draw"),
        (Stream.UNIT_RESOLVE, "units.resolve"),
        (Stream.GARRISON_SIZE, "units.founded"),
        (Stream.PRONG_GATHER, "prongs.days_left"),
    ],
)
def test_every_lasting_draw_has_a_seed_of_its_own(stream, trait):
    changes = {
        "founding": {**NOISY["founding"], "resolve_province": 0.5, "first_gather_spread": 0.5, "militia_share": 0.5}
    }
    made = board(TWO_PROVINCES, **changes)
    seeds = Address(((0, 5),), tuple((stream, province, 8) for province in range(2)))
    free, other = (found(made.layout, made.rules, made.timeline, seed) for seed in (5, seeds))
    assert trait in differences(free, other)
