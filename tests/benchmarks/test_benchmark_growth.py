"""The law that growth is judged by, and the larger countries in which it is measured."""

import json
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from board import MIDDLE, RIVER, TWO_PROVINCES, calm_rules, facts_of, timeline_of

from sim.configuration.numbers import check_range
from sim.data.facts import Facts, read_facts
from sim.engine.layout import found, lay_out
from sim.engine.world import Act, Condition, Count

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "benchmarks"))
growth, tiling, by_rule = (import_module(name) for name in ("growth", "tiling", "growth_by_rule"))

SIZES = (10.0, 100.0, 1000.0)


def runs_of(cost, fixed=0.0):
    """Two measurements of every size, a little apart, with a part that does not grow."""
    return [[fixed + factor * cost(size) for factor in (0.99, 1.01)] for size in SIZES]


def test_what_doubles_with_its_size_has_exponent_one():
    fitted = growth.law(SIZES, runs_of(lambda size: 3 * size), 0.0, 0.0)
    assert fitted["exponent"] == pytest.approx(1.0)
    assert fitted["factor"] == pytest.approx(3.0, rel=0.01)
    assert fitted["low"] < 1.0 < fitted["high"]
    assert not growth.is_worse_than_linear(fitted)


def test_a_fixed_part_does_not_hide_a_square():
    fitted = growth.law(SIZES, [[500.0 + size**2, 500.0 + 1.01 * size**2] for size in SIZES], 0.0, 500.0)
    assert fitted["exponent"] == pytest.approx(2.0)
    assert fitted["last_step"] == pytest.approx(2.0)
    assert growth.is_worse_than_linear(fitted)


def test_what_adds_little_is_not_fitted():
    fitted = growth.law(SIZES, runs_of(lambda size: 0.001 * size, fixed=500.0), 0.0, 500.0)
    assert set(fitted.values()) == {None}
    assert not growth.is_worse_than_linear(fitted)


def test_the_smallest_command_is_taken_off_in_size_and_time():
    fitted = growth.law(SIZES, [[4.0 + 0.01 * size] for size in SIZES], 10.0, 4.1)
    assert fitted["exponent"] == pytest.approx(1.0)
    assert fitted["low"] is None  # a line through two points has no interval
    assert fitted["fitted_from"] == 100.0


def test_numbers_of_families_are_in_their_declared_ranges():
    for plan in (growth.FULL, growth.QUICK):
        for people in plan.people_per_row:
            check_range("rules.flight.people_per_row", people, "")
            check_range("rules.flight.rows", growth.ROOM // people + 1000, "")
    check_range("rules.flight.daily_share", growth.DAILY_SHARE, "")


def test_one_tile_is_the_country_itself():
    facts = read_facts()
    for trait, here, there in zip(Facts._fields, facts, tiling.tiled_facts(facts, 1), strict=True):
        assert trait == "fingerprint" or np.array_equal(here, there), trait
    rules, timeline = calm_rules(), timeline_of((0, Act.SET, Condition.PAY, 0.7), (5, Act.RAISE_MILITIA, RIVER, 40.0))
    assert tiling.tiled_rules(rules, 1) == rules
    for here, there in zip(timeline, tiling.tiled_timeline(timeline, facts, 1), strict=True):
        assert np.array_equal(here, there)


@pytest.mark.parametrize("side", [2, 4])
def test_tiles_have_names_and_identities_of_their_own(side):
    facts = tiling.tiled_facts(read_facts(), side)
    places = tuple(zip(facts.latitude, facts.longitude, strict=True))
    for names in (facts.district_id, facts.provinces, facts.post_id, facts.post, facts.identity.tolist(), places):
        assert len(set(names)) == len(names)
    assert facts.identity.size == 399 * side**2
    capitals = facts.province_of[facts.is_capital]
    assert np.array_equal(np.sort(capitals), np.arange(34 * side**2))


@pytest.mark.parametrize("side", [2, 4])
def test_every_link_between_tiles_is_seen_from_both_sides(side):
    one, facts = read_facts(), tiling.tiled_facts(read_facts(), side)
    here = np.repeat(np.arange(facts.identity.size), np.diff(facts.first_neighbour))
    links = set(zip(here.tolist(), facts.neighbour.tolist(), strict=True))
    assert links == {(there, here) for here, there in links}
    between = [link for link in links if link[0] // 399 != link[1] // 399]
    assert len(between) == 2 * tiling.JOINED * 2 * side * (side - 1)
    assert len(links) == len(one.neighbour) * side**2 + len(between)
    assert all(here % 399 == there % 399 for here, there in between)  # each next to its own reflection


def test_a_tiled_board_is_one_country_with_as_many_times_the_men():
    facts, rules = facts_of(TWO_PROVINCES), calm_rules()
    small = found(lay_out(facts, rules, {}, {}).world, rules, timeline_of(), 1)
    larger = tiling.tiled_rules(rules, 4)
    layout = lay_out(tiling.tiled_facts(facts, 2), larger, {}, {}).world  # refuses what is not one country
    large = found(layout, larger, timeline_of(), 1)
    for men in ("units", "forces"):
        assert getattr(large, men).men.sum() == 4 * getattr(small, men).men.sum()
    assert large.prongs.identity.size == 4 * small.prongs.identity.size
    assert large.tally[Count.CANNOT_GO_ON] == 0
    assert np.unique(large.units.identity).size == large.units.identity.size
    assert larger.news.country == rules.news.country / 4
    assert larger.parley == rules.parley


def test_events_of_a_district_happen_in_its_copies_and_those_of_the_country_once():
    facts = facts_of()
    timeline = timeline_of(
        (3, Act.RAISE_MILITIA, MIDDLE, 40.0),
        (4, Act.SET, Condition.RESERVISTS_ORDERED, 20_000.0),
        (5, Act.SET, Condition.AIR_COVER, 0.5),
    )
    tiled = tiling.tiled_timeline(timeline, facts, 4)
    assert tiled.day.tolist() == [3, 3, 3, 3, 4, 5]
    assert tiled.subject.tolist()[:4] == [1, 4, 7, 10]
    assert tiled.amount.tolist() == [40.0] * 4 + [80_000.0, 0.5]


def made_up():
    """What a whole measurement looks like, with one cost that grows by the square."""
    names = {name: panel[1] for name, panel in growth.PANELS.items()}
    linear, with_a_start = [[size / 10] for size in SIZES], [[9.0 + size] for size in SIZES]
    return {
        "machine": growth.machine(),
        "plan": growth.FULL._asdict(),
        "families": {name: growth.growth("ms", SIZES, with_a_start, (0.0, 9.0)) for name in names["families"]},
        "districts": {
            name: growth.growth(unit, SIZES, [[size**2] for size in SIZES] if name == "laying out" else linear)
            for name, unit in growth.OF_DISTRICTS.items()
        },
        "campaigns": {name: growth.growth("s", SIZES, linear, (10.0, 1.0)) for name in names["campaigns"]},
        "workers": {name: growth.growth("ms", (1.0, 2.0), [[8.0], [5.0]]) for name in names["workers"]},
    }  # fmt: skip


def test_the_report_names_what_is_worse_than_linear_and_nothing_else():
    text = growth.report(json.loads(json.dumps(made_up())))
    assert "**Worse than linear: laying out by districts (2.00 (2.00 to 2.00)).**" in text
    for section in growth.PANELS:
        assert f"### By {section}" in text
    assert "| threads in a study | 125 (125 to 125) | 200 (200 to 200) | 1.6 (1.6 to 1.6) |" in text


def test_a_rule_that_grows_by_the_square_is_told_why_and_a_small_one_is_not_judged():
    costs = {"travel": [0.2, 20.0, 2000.0], "muster": [1.0, 10.0, 100.0], "strike_back": [0.05, 5.0, 500.0]}
    measured = {name: by_rule.fitted(SIZES, [[each] for each in y]) for name, y in costs.items()}
    text = by_rule.report(json.loads(json.dumps(measured | {"happen": by_rule.fitted(SIZES, [[0.2]] * 3)})))
    assert "| `travel` | 0.2 | 20 | 2,000 | 77% | 2.00" in text
    assert f"- `travel` (2.00): {by_rule.WHY['travel']}." in text
    assert "| `muster` | 1 | 10 | 100 | 4% | 1.00" in text
    assert "- `muster`" not in text
    assert "| `strike_back` | 0.05 | 5 | 500 | 19% |  |  |" in text  # too small at first
    assert "happen" not in text  # too small at last


def test_the_figure_is_drawn_from_the_numbers_alone(tmp_path):
    growth.draw(json.loads(json.dumps(made_up())), tmp_path / "growth.png")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")
