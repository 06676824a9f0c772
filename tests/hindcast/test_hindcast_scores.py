"""Scores of hindcasts: the same as those of scoringrules, and differences that a hand can check."""

import math
import sys
from datetime import date
from unittest.mock import patch

import numpy as np
import pytest

from sim.hindcast.design import FORECASTS, HORIZONS, ORIGINS, PANJ, QUANTILES, TARGETS, check, scored
from sim.hindcast.naive import Ensemble
from sim.hindcast.record import Reported
from sim.hindcast.scores import (
    Origin,
    block_interval,
    coverage,
    differences,
    energy_score,
    reliability,
    score_counts,
    score_maps,
    score_paths,
    weighted_interval_score,
)
from sim.scoring.forecasts import DAYS
from sim.scoring.measure import brier, crps
from sim.scoring.targets import DistrictTargets, Known

with patch.dict(sys.modules, {"numba": None}):  # its compiled functions cannot be made while tests run plain rules
    import scoringrules

MEMBERS = np.random.default_rng(3).gamma(2.0, 40.0, 400)


@pytest.mark.parametrize("reported", [0.0, 61.5, 900.0])
def test_crps_is_that_of_scoringrules(reported):
    ours = crps(MEMBERS - reported).value
    assert ours == pytest.approx(scoringrules.crps_ensemble(reported, MEMBERS, estimator="fair"))


@pytest.mark.parametrize("reported", [0.0, 61.5, 900.0])
def test_weighted_interval_score_is_made_of_interval_scores_of_scoringrules(reported):
    """Its own weighted score adds the median in place of its distance where Numba is off (0.10.0)."""
    quantiles, half = np.quantile(MEMBERS, QUANTILES), len(QUANTILES) // 2
    scores = [
        level * float(scoringrules.interval_score(reported, quantiles[place], quantiles[-1 - place], 2 * level))
        for place, level in enumerate(QUANTILES[:half])
    ]
    whole = (0.5 * abs(reported - quantiles[half]) + sum(scores)) / (half + 0.5)
    assert weighted_interval_score(MEMBERS, reported) == pytest.approx(whole)


def test_energy_score_is_that_of_scoringrules():
    paths = np.cumsum(np.random.default_rng(4).gamma(2.0, 3.0, (60, 4)), axis=1)
    reported = np.array([5.0, 9.0, 30.0, 31.0])
    theirs = scoringrules.es_ensemble(reported, paths, estimator="fair")
    assert energy_score(paths, reported) == pytest.approx(float(theirs))


def test_brier_score_is_that_of_scoringrules():
    probabilities, lost = np.array([0.1, 0.8, 0.4]), np.array([0.0, 1.0, 1.0])
    assert brier(probabilities, lost) == pytest.approx(np.mean(scoringrules.brier_score(lost, probabilities)))


def test_the_hub_has_23_quantiles_that_mirror_each_other():
    assert len(QUANTILES) == 23
    assert np.allclose(np.array(QUANTILES) + np.array(QUANTILES)[::-1], 1.0)


def test_an_interval_of_differences_needs_more_than_a_block_and_narrows_to_a_constant():
    assert all(map(math.isnan, block_interval(np.array([1.0, 2.0, 4.0]))))
    assert block_interval(np.full(6, -0.25)) == (-0.25, -0.25)
    low, high = block_interval(np.array([-3.0, -1.0, 0.0, 1.0, 2.0, 4.0]))
    assert -3.0 < low < 0.5 < high < 4.0


def test_only_days_up_to_the_end_of_the_record_are_scored():
    assert scored(date(2021, 6, 8)) == HORIZONS
    assert scored(date(2021, 6, 28)) == (1, 3, 7)
    assert scored(date(2021, 7, 5)) == (1,)
    check(ORIGINS, HORIZONS)


def record():
    """Counts that grow by 2, 1, 0 and 10 a day, and a map of four districts."""
    days = np.arange(DAYS + 1)
    counts = np.outer([2.0, 1.0, 0.0, 10.0], days)
    earliest = np.array(["2021-06-09", "2021-06-20", "2021-05-01", "2021-07-08"], "datetime64[D]")
    latest = np.array(["2021-06-09", "2021-06-20", "NaT", "NaT"], "datetime64[D]")
    kinds = np.array([Known.DAY, Known.DAY, Known.UNDATED, Known.NOT_LOST])
    return Reported(counts, np.full(4, -1), DistrictTargets(np.arange(4), earliest, latest, kinds))


def origin_with(**paths):
    """One origin, 8 June, with forecasts that are wrong by so much, or by so much a member."""
    found, day = record(), (date(2021, 6, 8) - date(2021, 5, 1)).days
    right = found.counts[None, :, [day + horizon for horizon in HORIZONS]]
    forecasts = {
        name: Ensemble(right + np.reshape(wrong, (-1, 1, 1)), np.full((4, 4), 0.25)) for name, wrong in paths.items()
    }
    return Origin(date(2021, 6, 8), HORIZONS, forecasts, found)


def test_a_forecast_that_is_wrong_by_three_scores_three():
    rows = score_counts([origin_with(panj=[3.0, 3.0, 3.0], no_change=[0.0, 0.0, 0.0])], record())
    assert len(rows) == len(TARGETS) * len(HORIZONS) * 2
    assert {round(row["crps"], 9) for row in rows if row["forecast"] == PANJ} == {3.0}
    assert {round(row["wis"], 9) for row in rows if row["forecast"] == PANJ} == {3.0}
    assert {row["crps"] for row in rows if row["forecast"] == "no_change"} == {0.0}
    held = {row["forecast"]: row["coverage_90"] for row in coverage(rows)}
    assert held == {PANJ: 0.0, "no_change": 1.0}


def test_losses_are_counted_like_wins():
    origins = [origin_with(panj=[3.0, 3.0], no_change=[0.0, 0.0])]
    counts, paths = score_counts(origins, record()), score_paths(origins, record())
    rows = differences(counts, paths, score_maps(origins, record()))
    assert {row["rival"] for row in rows} == {"no_change"}
    ours = next(row for row in rows if (row["score"], row["target"], row["horizon"]) == ("crps", "country", 7))
    assert (ours["difference"], ours["better"], ours["worse"], ours["origins"]) == (3.0, 0, 1, 1)
    path = next(row for row in rows if (row["score"], row["target"]) == ("energy", "country"))
    assert path["difference"] == pytest.approx(6.0)  # 3 off at each of four horizons


def test_a_map_is_scored_on_districts_of_which_the_record_decides():
    rows = score_maps([origin_with(panj=[0.0, 0.0])], record())
    one = {(row["target"], row["horizon"]): row for row in rows}
    assert (one["map", 1]["districts"], one["map", 1]["lost"]) == (3, 1)  # the undated one is left out
    assert one["map", 14]["lost"] == 2
    assert one["map", 1]["brier"] == pytest.approx((0.75**2 + 2 * 0.25**2) / 3)
    bins = reliability([origin_with(panj=[0.0, 0.0])], record())
    whole = next(row for row in bins if (row["horizon"], row["target"]) == (14, "map"))
    assert (whole["from"], whole["districts"], whole["probability"]) == (0.2, 3, 0.25)
    assert whole["share_lost"] == pytest.approx(2 / 3)


def test_a_district_lost_before_the_origin_is_no_news():
    later = origin_with(panj=[0.0, 0.0])._replace(day=date(2021, 6, 14))
    rows = {(row["target"], row["horizon"]): row["districts"] for row in score_maps([later], record())}
    assert (rows["map", 1], rows["map_open", 1]) == (3, 2)


def test_every_forecast_of_the_design_is_described():
    assert len(set(FORECASTS.values())) == len(FORECASTS) == 8
