"""What a sceptic would forecast: from day 0 and counts up to 22 June, and from nothing later."""

from datetime import date

import numpy as np
import pytest

from sim.data.evidence import read_evidence
from sim.data.facts import read_facts, read_falls
from sim.errors import PanjError
from sim.outcome import read_outcomes
from sim.scoring.forecasts import (
    DAYS,
    HOLDERS,
    KNOWN_DAYS,
    NAIVE,
    Grounds,
    count_naive,
    fall_in_order,
    forecast,
    known,
    known_falls,
    neighbours_of,
    pace_of_spread,
)
from sim.scoring.targets import DAY_0

RECORDS = 60
NAMES = list(NAIVE)


def grounds_with(falls, records=RECORDS):
    facts = read_facts()
    rng = np.random.default_rng(1)
    held = (rng.random((records, len(facts.district))) < 0.08) & ~facts.is_capital
    influence = rng.random(held.shape)
    return Grounds(facts, {row.id: row for row in read_evidence()}, known_falls(falls), held, influence)


@pytest.fixture(scope="module")
def grounds():
    return grounds_with(read_falls())


@pytest.fixture(scope="module")
def made(grounds):
    return {name: forecast(name, grounds, 0) for name in NAMES}


def fallen(held, day):
    return (held[:, day] & ~held[:, 0]).sum(axis=1)


@pytest.mark.parametrize("name", NAMES)
def test_later_falls_change_no_forecast(name, made):
    falls = read_falls()
    dates = falls.fell_date.copy()
    late = np.flatnonzero(dates > np.datetime64("2021-06-22"))
    dates[late] = np.random.default_rng(2).permutation(dates[late])
    dates[late[::2]] = np.datetime64("NaT")
    shuffled = grounds_with(falls._replace(fell_date=dates))
    assert np.array_equal(forecast(name, shuffled, 0), made[name])


def test_only_the_map_of_22_june_reads_any_fall(grounds, made):
    nothing = grounds._replace(fell=np.full_like(grounds.fell, -1))
    changed = {name for name in NAMES if not np.array_equal(forecast(name, nothing, 0), made[name])}
    assert changed == {"map_of_22_june"}


def test_a_later_figure_is_refused(grounds):
    with pytest.raises(PanjError, match="evidence F065: found a figure of 2021-06-30"):
        known(grounds, "F065")
    assert known(grounds, "F085") == 50


def test_what_a_forecast_says_that_it_knows_is_up_to_22_june(grounds):
    ids = {word.strip(",") for one in NAIVE.values() for word in one.knows.split() if word.startswith("F0")}
    assert ids and all(grounds.evidence[one].date_end <= date(2021, 6, 22) for one in ids)


@pytest.mark.parametrize("name", NAMES)
def test_a_forecast_begins_with_day_0_and_wins_nothing_back(name, grounds, made):
    held = made[name]
    assert held.shape == (RECORDS, DAYS + 1, len(grounds.facts.district))
    assert np.array_equal(held[:, 0], grounds.held)
    assert not (held[:, :-1] & ~held[:, 1:]).any()


@pytest.mark.parametrize("name", NAMES)
def test_no_capital_falls(name, grounds, made):
    assert not made[name][:, :, grounds.facts.is_capital].any()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_forecast_and_another_seed_another(name, grounds, made):
    assert np.array_equal(forecast(name, grounds, 0), made[name])
    assert not np.array_equal(forecast(name, grounds, 1), made[name])


def test_each_pace_meets_the_count_it_rests_on(made):
    assert abs(np.median(fallen(made["constant_rate"], 38)) - 12) < 3
    assert abs(np.median(fallen(made["exponential_growth"], KNOWN_DAYS)) - 50) < 10
    assert abs(np.mean(fallen(made["nearest_neighbour"], KNOWN_DAYS)) - 50) < 10


def test_the_pace_of_the_spread_is_found_again(grounds):
    assert pace_of_spread(grounds) == pace_of_spread(grounds)


def test_where_fewest_voted_falls_first(grounds, made):
    votes = grounds.facts.votes_per_head
    rural = ~grounds.facts.is_capital
    for record in made["votes_per_head"][:10]:
        lost = record[KNOWN_DAYS] & ~record[0]
        kept = rural & ~record[KNOWN_DAYS]
        assert votes[lost].max() <= votes[kept].min() + 1e-8


def test_the_map_of_22_june_holds_the_falls_dated_so_far(grounds, made):
    told = grounds.fell >= 0
    assert told.sum() == 76
    assert made["map_of_22_june"][:, KNOWN_DAYS, told].all()


def test_no_more_fall_than_there_are(grounds):
    counts = np.full((RECORDS, DAYS), 10_000)
    held = fall_in_order(grounds, np.random.default_rng(0).random(grounds.held.shape), counts)
    assert (held[:, -1].sum(axis=1) == (~grounds.facts.is_capital).sum()).all()


def test_neighbours_are_mutual(grounds):
    links = neighbours_of(grounds.facts).toarray()
    assert np.array_equal(links, links.T) and not np.diag(links).any()


def test_outcomes_of_holders_are_counted_as_those_of_campaigns(grounds, made):
    table = read_outcomes(grounds.facts, DAY_0, DAYS)
    found = count_naive(made["constant_rate"], grounds, table)
    last = made["constant_rate"][:, DAYS].mean(axis=1)
    assert found["share_held_by_taliban_2021_07_07"] == pytest.approx(last)
    assert (found["retaken_2021_06_30"] == 0).all() and (found["capitals_lost_2021_07_07"] == 0).all()
    assert set(found) == {row.name for row in table if row.quantity in HOLDERS}
    assert not any("crossed" in name or "fight" in name for name in found)
