"""Units, scores by event and the choice of numbers that are shown, on small examples whose answer is known."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from fitted import target_of
from numpy.typing import NDArray

from sim.calibrate.chains import RATES, Effort, Refined
from sim.calibrate.fit import UNIT
from sim.calibrate.refine import (
    FARTHEST,
    SHOWN,
    RefinedFit,
    error_of,
    events_of,
    most_constrained,
    rows_of_events,
    score_of,
    units_of,
)
from sim.configuration.draws import priors_under
from sim.configuration.posterior import posterior_of
from sim.sampler import Cloud, Step
from sim.scoring.forecasts import forecast_of, targets_here

PRIORS = priors_under(())
TARGETS = (target_of("one", 0.2, sd=1.0), target_of("both", 0.7, sd=1.0))  # two events
Floats = NDArray[np.float64]


def outcomes_of(shares: Floats) -> pa.Table:
    """The first outcome follows the first number, the second outcome both."""
    return pa.table({"one": shares[:, 0], "both": shares.mean(axis=1)})


def scores_of(shares: Floats, units: list[float]) -> Floats:
    """Scores of ensembles in which every campaign is the same: the distance from the report, in units."""
    found = outcomes_of(shares)
    return np.column_stack(
        [
            np.abs(found[target.outcome].to_numpy() - (target.value or 0.0)) / unit
            for target, unit in zip(TARGETS, units, strict=True)
        ]
    )


def test_without_an_event_new_campaigns_have_the_score_of_the_posterior_of_the_others() -> None:
    rng = np.random.default_rng(6)
    prior = rng.random((20_000, 2))
    bank = forecast_of(outcomes_of(prior), TARGETS)
    units = units_of(TARGETS, bank)
    scores = scores_of(prior, list(units.values()))
    density = np.exp(-RATES[2] * scores.sum(axis=1))
    drawn = rng.choice(len(prior), 5000, p=density / density.sum())
    posterior = posterior_of(("x", "y"), np.ones(drawn.size), prior[drawn], "")
    cloud = Cloud((prior[drawn], drawn, scores[drawn], scores[drawn]), -scores[drawn].sum(axis=1), drawn, (), ())
    seeds = np.arange(4000)
    rows = prior[drawn][[posterior.row(seed) for seed in seeds]]
    again = outcomes_of(rows).append_column("seed", pa.array(seeds))
    found = RefinedFit(
        Effort(5000, 1, 1),
        events_of(units),
        units,
        Refined((cloud,), RATES[2]),
        (),
        posterior,
        again,
        again,
        0,
        Path(),
        0,
    )
    for place, (row, target) in enumerate(zip(rows_of_events(found, TARGETS, bank), TARGETS, strict=True)):
        others = np.exp(-RATES[2] * scores[:, 1 - place])
        expected = score_of(target, forecast_of(outcomes_of(prior), TARGETS, others)) / units[target]
        assert (row["event"], row["targets"]) == (target.event, 1)
        assert float(row["without"]) == pytest.approx(expected, rel=0.05)
        assert float(row["again"]) < 0.9 * expected  # with the event, campaigns come nearer to it
        assert float(row["ensembles"]) == pytest.approx(scores[drawn, place].mean(), abs=1e-3)
        assert float(row["bank"]) == pytest.approx(score_of(target, bank) / units[target], abs=1e-3)
        assert 400 < float(row["effective_without"]) < 4000


def test_a_unit_is_the_crps_of_the_bank_plus_the_error_of_the_report() -> None:
    table = pa.table({"near": [3.0, 3.0, 3.0], "exact": [5.0, 5.0, 5.0], "met": [1.0, 1.0, 1.0]})
    near, exact = target_of("near", 2.5, sd=0.1), target_of("exact", 4.0, sd=0.0)
    met, missing = target_of("met", 1.0), target_of("missing", 1.0)
    targets = (near, exact, met, missing)
    assert units_of(targets, forecast_of(table, targets)) == pytest.approx({near: 0.6, exact: 1.0 + UNIT})


def test_campaigns_without_an_outcome_are_as_far_away_as_a_share_can_be() -> None:
    one = target_of("one", 1.0)
    assert score_of(one, forecast_of(pa.table({"other": [1.0]}), (one,))) == np.inf
    assert score_of(one, forecast_of(pa.table({"one": [np.nan, np.nan]}), (one,))) == FARTHEST
    half, whole = (forecast_of(pa.table({"one": [1.0, 1.0, last, last]}), (one,)) for last in (np.nan, 1.0))
    assert (score_of(one, half), score_of(one, whole)) == (FARTHEST / 2, 0.0)


def test_the_error_of_a_split_is_a_share_of_all_soldiers() -> None:
    split = next(target for target in targets_here() if target.parts)
    assert error_of(split) == pytest.approx(50 / 1037)
    assert error_of(target_of("one", 1.0, sd=0.2)) == 0.2 and error_of(target_of("one", 1.0, sd=0.0)) == UNIT


def test_the_numbers_that_are_shown_are_those_that_vary_least() -> None:
    rng = np.random.default_rng(8)
    shares = rng.random((400, 12))
    for place in (7, 2):
        shares[:, place] = 0.4 + 0.02 * place * shares[:, place]
    cloud = Cloud((shares, np.arange(400), np.zeros((400, 2))), np.zeros(400), np.arange(400), (), ())
    shown = most_constrained(PRIORS[:12], Refined((cloud,), RATES[-1]))
    assert len(shown) == SHOWN and shown[:2] == (PRIORS[2].key, PRIORS[7].key)


def test_chains_are_weighted_by_their_evidence() -> None:
    steps = [(Step(0, 1.0, log_evidence, 8.0, (), ()),) for log_evidence in (-3.0, -3.0 - np.log(4.0))]
    clouds = [
        Cloud((np.zeros((size, 1)), np.arange(size), np.zeros((size, 1))), np.zeros(size), np.arange(size), kept, ())
        for size, kept in zip((8, 16), steps, strict=True)
    ]
    weights = Refined(tuple(clouds), RATES[-1]).weights
    assert weights[:8] == pytest.approx(0.8 / 8) and weights[8:] == pytest.approx(0.2 / 16)


def test_a_seed_selects_the_row_whose_numbers_it_has_in_proportion_to_weight() -> None:
    values = np.arange(4.0)[:, None]
    posterior = posterior_of((PRIORS[0].key,), np.array([1.0, 0.0, 2.0, 5.0]), values, "")
    rows = [posterior.row(seed) for seed in range(4000)]
    assert [posterior.numbers(seed)[PRIORS[0].key] for seed in range(100)] == rows[:100]
    counts = np.bincount(rows, minlength=4)
    assert counts[1] == 0
    for count, share in zip(counts, (1 / 8, 0, 2 / 8, 5 / 8), strict=True):
        assert abs(count - 4000 * share) <= 4 * (4000 * share * (1 - share)) ** 0.5
