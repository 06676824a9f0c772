"""Naive forecasts of an origin and the record that they know: nothing later than the origin is used."""

from datetime import date

import numpy as np
import pytest

from sim.assimilation.observations import read_observations
from sim.data.evidence import read_evidence
from sim.data.facts import read_facts, read_falls
from sim.hindcast.design import HORIZONS, MAPS, ORIGINS, TARGETS, scored
from sim.hindcast.naive import (
    COUNTS,
    exponential_growth,
    last_seven_days,
    lost_at,
    mixture,
    naive_forecasts,
    no_change,
    recent_days,
)
from sim.hindcast.record import day_of, known_at, record_of
from sim.scoring.forecasts import DAYS
from sim.scoring.targets import when_lost

FACTS, FALLS = read_facts(), read_falls()
OBSERVATIONS = read_observations(read_evidence())
RECORD = record_of(FACTS, FALLS, OBSERVATIONS)
PLACES = {name: place for place, name in enumerate(TARGETS)}


def random():
    return np.random.default_rng(1)


def on(target, day):
    return float(RECORD.counts[PLACES[target], day_of(day)])


def test_the_record_is_near_what_others_counted():
    """AAN: 133 taken by 30 June; TOLOnews: 33 from 3 to 5 July; about 60 in the north from 20 June to 2 July."""
    assert on("country", date(2021, 6, 30)) == pytest.approx(133, abs=8)
    assert on("country", date(2021, 7, 5)) - on("country", date(2021, 7, 2)) == pytest.approx(33, abs=5)
    assert on("north", date(2021, 7, 2)) - on("north", date(2021, 6, 19)) == pytest.approx(60, abs=5)
    assert on("badakhshan", date(2021, 7, 5)) == pytest.approx(26, abs=3)


def test_soldiers_are_those_of_the_nights_reported():
    days = ((6, 21), (6, 22), (6, 28), (7, 3), (7, 4), (7, 5), (7, 7))
    found = [on("soldiers", date(2021, month, day)) for month, day in days]
    assert found == [0, 134, 151, 451, 545, 1582, 1587]


def test_a_fall_counts_one_over_the_share_of_falls_with_a_date():
    dated = when_lost(FACTS, FALLS).latest <= np.datetime64("2021-07-07")
    in_badakhshan = np.array([province == "Badakhshan" for province in FACTS.province])
    assert on("badakhshan", date(2021, 7, 7)) == pytest.approx((dated & in_badakhshan).sum() / 0.95)
    assert (RECORD.fell >= 0).sum() == dated.sum()
    assert (np.diff(RECORD.counts, axis=1) >= 0).all()


def test_what_is_known_is_the_record_up_to_the_origin():
    for origin in ORIGINS:
        known, last = known_at(origin, FACTS, FALLS, OBSERVATIONS), day_of(origin)
        assert np.array_equal(known.counts[:3, : last + 1], RECORD.counts[:3, : last + 1])
        assert (known.counts[:, last:] == known.counts[:, [last]]).all()
        assert (known.fell <= last).all()
    assert known_at(date(2021, 6, 28), FACTS, FALLS, OBSERVATIONS).counts[PLACES["soldiers"], -1] == 134  # 17 came late


def test_no_change_adds_nothing():
    assert not no_change(np.arange(50.0), 14, 99.0, 5, random()).any()


def test_last_seven_days_go_on_at_their_rate():
    known = np.concatenate([np.zeros(30), np.arange(0, 70, 10.0), [70.0]])
    added = last_seven_days(known, 14, 999.0, 4000, random())
    assert added[:, 6].mean() == pytest.approx(70.5, rel=0.02)
    assert added[:, 6].std() > np.sqrt(70)  # wider than Poisson: the rate is uncertain too
    assert (np.diff(added, axis=1) >= 0).all()


def test_exponential_growth_goes_on():
    known = 2.0 ** (np.arange(50) / 10)
    added = exponential_growth(known - 0.5, 10, 1e6, 4000, random())
    assert added[:, -1].mean() == pytest.approx(2**5.9 - 2**4.9, rel=0.05)
    assert not exponential_growth(np.zeros(50), 10, 1e6, 5, random()).any()


def test_recent_days_are_days_that_were():
    known = np.concatenate([np.arange(0, 300, 10.0), np.repeat([290.0, 297.0], 7)])
    steps = np.diff(recent_days(known, 14, 999.0, 500, random()), axis=1)
    assert set(np.unique(steps)) == {0.0, 7.0}


@pytest.mark.parametrize("origin", [ORIGINS[0], ORIGINS[3], ORIGINS[-1]])
def test_every_forecast_of_an_origin_stays_within_its_bounds(origin):
    known, day = known_at(origin, FACTS, FALLS, OBSERVATIONS), day_of(origin)
    found = naive_forecasts(known, day, scored(origin), FACTS, 40, 0)
    assert set(found) == {*COUNTS, "neighbours"}
    lost = lost_at(known, day)[known.districts.district]
    capital = FACTS.is_capital[known.districts.district]
    for one in found.values():
        assert ((one.probabilities >= 0) & (one.probabilities <= 1)).all()
        assert (one.probabilities[:, lost] == 1).all()
        assert (one.probabilities[:, capital & ~lost] == 0).all()
        if one.paths.shape[1]:
            assert (one.paths[:, :, 0] >= known.counts[:, day]).all()
            assert (np.diff(one.paths, axis=2) >= 0).all()
            assert one.paths[:, 0].max() <= (~FACTS.is_capital).sum()
    assert (found["no_change"].probabilities == lost).all()
    half = mixture(found["no_change"], found["recent_days"])
    assert half.paths.shape[0] == 80


def test_neighbours_are_more_likely_to_fall_than_others():
    origin = date(2021, 6, 22)
    known = known_at(origin, FACTS, FALLS, OBSERVATIONS)
    probabilities = naive_forecasts(known, day_of(origin), HORIZONS[:1], FACTS, 200, 0)["neighbours"].probabilities[0]
    lost = lost_at(known, day_of(origin))
    first, links = FACTS.first_neighbour, FACTS.neighbour
    near = np.array([lost[links[first[row] : first[row + 1]]].any() for row in known.districts.district])
    is_open = ~lost[known.districts.district] & ~FACTS.is_capital[known.districts.district]
    assert probabilities[is_open & near].mean() > 5 * probabilities[is_open & ~near].mean()


def scrambled(origin):
    """Falls after an origin moved to other days, and other values for what was published after it."""
    late = FALLS.fell_date > np.datetime64(origin)
    dates = FALLS.fell_date.copy()
    dates[late] = np.datetime64("2021-07-08") - (dates[late] - np.datetime64(origin)) % np.timedelta64(2, "D")
    dates[late] = np.maximum(dates[late], np.datetime64(origin) + 1)
    rows = [one._replace(value=7.0 * one.value + 3.0) if one.published > origin else one for one in OBSERVATIONS]
    return FALLS._replace(fell_date=dates), rows


@pytest.mark.parametrize("origin", ORIGINS)
def test_naive_forecasts_do_not_see_what_came_after_their_origin(origin):
    falls, observations = scrambled(origin)
    found = [
        naive_forecasts(known_at(origin, FACTS, *one), day_of(origin), scored(origin), FACTS, 20, 0)
        for one in ((FALLS, OBSERVATIONS), (falls, observations))
    ]
    for name, one in found[0].items():
        assert np.array_equal(one.paths, found[1][name].paths), name
        assert np.array_equal(one.probabilities, found[1][name].probabilities), name
    if origin < date(2021, 7, 5):
        assert not np.array_equal(record_of(FACTS, falls, observations).counts, RECORD.counts)


def test_the_map_has_the_districts_of_the_north_east_and_the_frontier():
    assert list(MAPS) == ["map", "map_open"]
    assert RECORD.counts.shape == (len(TARGETS), DAYS + 1)
    names = {FACTS.province[row] for row in RECORD.districts.district}
    assert {"Badakhshan", "Takhar", "Kunduz"} <= names
