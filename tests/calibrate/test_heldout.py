"""Held-out fits: nothing later leaks into them, and weighted campaigns are scored as equal ones are."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console

from sim.calibrate.fit import Bank, Fit, fit
from sim.calibrate.heldout import (
    EvidenceDates,
    events_fitted,
    predictions,
    read_evidence_dates,
    split_by,
    without,
    write_heldout,
)
from sim.configuration.draws import read_priors
from sim.scoring.forecasts import KNOWN_UNTIL, Forecast, forecast_of, names_of, targets_here
from sim.scoring.measure import KNOWN_EVENT, crps, crps_of_parts, measure
from sim.scoring.targets import DAY_0, MOST_FITTED, Target

PRIORS = read_priors()[:6]
KEYS = tuple(prior.key for prior in PRIORS)
TARGETS = targets_here()
WHEN = read_evidence_dates()
CAMPAIGNS, ACCEPT = 1500, 0.1


def bank_of(altered: frozenset[str] = frozenset()) -> Bank:
    """Every outcome follows the numbers, around what was reported; those that are altered follow nothing."""
    rng, other = np.random.default_rng(1), np.random.default_rng(2)
    shares = rng.random((CAMPAIGNS, len(PRIORS)))
    drawn = np.array([[prior.at(share) for prior, share in zip(PRIORS, row, strict=True)] for row in shares])
    outcomes: dict[str, Any] = {}
    for place, name in enumerate(names_of(TARGETS)):
        values = (0.5 + shares[:, place % len(PRIORS)] + 0.1 * rng.standard_normal(CAMPAIGNS)) * about(name)
        outcomes[name] = other.permutation(values) * 3 if name in altered else values
        if name == "largest_night":
            outcomes[name] = [f"2021-06-{1 + int(day) % 30:02}" for day in 20 * np.abs(outcomes[name])]
    return Bank(Path("none"), KEYS, np.arange(CAMPAIGNS), drawn, pa.table(outcomes), 0)


def about(name: str) -> float:
    """The size of what was reported."""
    if name == "largest_night":
        return 1.0
    for target in TARGETS:
        if target.outcome == name or name in dict(target.parts):
            numbers = (dict(target.parts).get(name), target.value, target.low, target.high)
            return max(0.3, next(number for number in numbers if number is not None))
    raise KeyError(name)


def held(bank: Bank, targets: tuple[Target, ...] = TARGETS) -> Fit:
    return fit(bank, PRIORS, split_by(targets, KNOWN_UNTIL, WHEN).fitted, ACCEPT)


@pytest.fixture(scope="module")
def made() -> Fit:
    return fit(bank_of(), PRIORS, TARGETS, ACCEPT)


def test_later_outcomes_and_reports_change_nothing_of_the_fit_of_22_june(made: Fit) -> None:
    late = frozenset(name for name in names_of(TARGETS) if WHEN.ends[name] > KNOWN_UNTIL)
    later = tuple(
        target._replace(value=99.0, low=98.0, high=100.0, sd=5.0) if late & set(names_of([target])) else target
        for target in TARGETS
    )
    before, after = held(made.bank), held(bank_of(late), later)
    assert after.posterior.digest == before.posterior.digest and after.screening.chosen == before.screening.chosen
    assert fit(bank_of(late), PRIORS, later, ACCEPT).posterior.digest != made.posterior.digest


def test_an_earlier_outcome_does_change_it(made: Fit) -> None:
    early = frozenset({"ever_taken_2021_06_08"})
    assert WHEN.ends["ever_taken_2021_06_08"] < KNOWN_UNTIL
    assert held(bank_of(early)).posterior.digest != held(made.bank).posterior.digest


def test_only_what_had_ended_and_been_reported_is_fitted() -> None:
    split = split_by(TARGETS, KNOWN_UNTIL, WHEN)
    assert 0 < len(split.fitted) <= MOST_FITTED
    taken: set[str] = set()
    for target in split.fitted:
        assert target.date <= KNOWN_UNTIL and target.use == "fitted"
        assert all(WHEN.ends[name] <= KNOWN_UNTIL for name in names_of([target]))
        assert all(WHEN.dates[one] <= KNOWN_UNTIL for one in target.evidence)
        assert not taken & set(target.evidence)
        taken |= {other for one in target.evidence for other in (one, *WHEN.conflicts[one])}


def test_a_wave_whose_outcome_looks_to_7_july_straddles_the_day() -> None:
    kinds = split_by(TARGETS, KNOWN_UNTIL, WHEN).kinds
    assert kinds["takhar_kunduz_wave"] == kinds["takhar_two_days"] == "straddles"
    assert all(kinds[target.target] != "predicted" for target in TARGETS if target.event == KNOWN_EVENT)
    assert kinds["badakhshan_four_days"] == kinds["aan_30_june"] == kinds["largest_night"] == "predicted"
    assert kinds["milley_june"] == "before"  # its figure is of some day until 30 June
    assert set(kinds) == {target.target for target in TARGETS}


def plain(name: str, evidence: str, **changes: Any) -> Target:
    return Target(name, name, "", "", date(2021, 6, 10), name, 1.0, None, None, (evidence,), (), "rounded", "linear",
                  0.1, "scored", "")._replace(**changes)  # fmt: skip


def test_what_the_full_fit_is_fitted_to_comes_first_and_conflicts_are_left_out() -> None:
    early, late = date(2021, 6, 10), date(2021, 6, 30)
    when = EvidenceDates({name: late if name == "d" else early for name in "abcdef"},
                 {"F1": early, "F2": early, "F3": late, "F4": early},
                 {"F1": ("F2",), "F2": ("F1",), "F3": (), "F4": ()})  # fmt: skip
    targets = [plain("a", "F1"), plain("b", "F2", use="fitted"), plain("c", "F3"), plain("d", "F4"),
               plain("e", "F4"), plain("f", "F4")]  # fmt: skip
    split = split_by(targets, KNOWN_UNTIL, when)
    assert [target.target for target in split.fitted] == ["b", "e"]
    assert split.kinds == {"a": "before", "b": "fitted", "c": "before", "d": "straddles", "e": "fitted", "f": "before"}


def test_an_event_that_is_left_out_shapes_nothing(made: Fit) -> None:
    event = "badakhshan_july"
    altered = [target._replace(value=3.0, low=2.0, high=4.0) if target.event == event else target
               for target in made.targets]  # fmt: skip
    other = fit(made.bank, PRIORS, altered, ACCEPT)
    assert other.posterior.digest != made.posterior.digest
    assert without(other, event, ACCEPT).posterior.digest == without(made, event, ACCEPT).posterior.digest
    left = without(made, event, ACCEPT)
    assert {target.event for target in left.summaries.targets} == set(events_fitted(made)) - {event}


def test_a_fit_narrows_what_it_was_shown_more_than_what_it_was_not(made: Fit) -> None:
    every, event = forecast_of(made.bank.outcomes, TARGETS), "night_of_4_july"
    shown = predictions(TARGETS, every, made.nearest)["largest_night"]
    left = predictions(TARGETS, every, without(made, event, ACCEPT).nearest)["largest_night"]
    prior = predictions(TARGETS, every)["largest_night"]
    assert shown.score.value < left.score.value and shown.score.value < prior.score.value


@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_equal_weights_score_as_equal_campaigns_do(count: int) -> None:
    parts = np.random.default_rng(count).normal(0.3, 1, (3, count))
    expected, found = crps_of_parts(parts), crps_of_parts(parts, np.full(count, 7.0))
    assert tuple(found) == pytest.approx(tuple(expected), nan_ok=True)


def test_a_weighted_crps_is_the_double_sum_and_its_error_the_jackknife() -> None:
    rng = np.random.default_rng(1)
    members, weights = rng.normal(0.4, 1, 40), rng.random(40) + 0.05

    def direct(some: np.ndarray) -> float:
        shares = weights[some] / weights[some].sum()
        apart = np.abs(members[some, None] - members[None, some])
        return float(shares @ np.abs(members[some]) - shares @ apart @ shares / (1 - (shares**2).sum()) / 2)

    every = np.arange(40)
    without_each = np.array([direct(np.delete(every, one)) for one in every])
    found = crps(members, weights)
    assert found.value == pytest.approx(direct(every))
    assert found.error == pytest.approx(np.sqrt(39 * without_each.var()))


def test_campaigns_of_little_weight_hardly_count() -> None:
    members = np.concatenate([np.zeros(20), np.full(20, 9.0)])
    heavy = np.concatenate([np.ones(20), np.full(20, 1e-9)])
    every = Forecast("", "", "", {"a": members}, None, 40, DAY_0, heavy)
    target = plain("a", "F1", value=0.0)
    found = measure(target, every)
    assert found is not None and found.intervals == (0.0,) * 5 and found.inside
    assert found.score.value == pytest.approx(0, abs=1e-6)
    light = measure(target, every._replace(weights=heavy[::-1]))
    assert light is not None and not light.inside and light.intervals == (9.0,) * 5


def test_every_target_is_measured_alike_with_equal_weights(made: Fit) -> None:
    few = made.nearest._replace(rows=np.arange(300), weights=np.full(300, 0.5))
    every = forecast_of(made.bank.outcomes, TARGETS)
    found = predictions(TARGETS, every, few)
    same = every._replace(outcomes={name: values[:300] for name, values in every.outcomes.items()}, campaigns=300)
    assert set(found) == {target.target for target in TARGETS}
    for target in TARGETS:
        expected = measure(target, same)
        assert expected is not None
        assert tuple(found[target.target].score) == pytest.approx(tuple(expected.score))
        assert found[target.target].missing == expected.missing


def test_campaigns_without_an_outcome_are_left_out_and_counted() -> None:
    members = np.array([np.nan, 1.0, 2.0, np.nan, 3.0])
    every = Forecast("", "", "", {"a": members}, None, 5, DAY_0, np.ones(5))
    found = measure(plain("a", "F1", value=2.0), every)
    assert found is not None and found.missing == 2 and found.intervals.median == 2.0
    none = measure(plain("a", "F1"), every._replace(outcomes={"a": np.full(5, np.nan)}))
    assert none is not None and none.missing == 5 and not none.inside and np.isnan(none.score.value)
    assert measure(plain("b", "F1"), every) is None


def test_the_tables_have_each_side_and_only_predictions_count(made: Fit, tmp_path: Path) -> None:
    write_heldout(made, ACCEPT, [], tmp_path, Console(quiet=True))
    header, *rows = (tmp_path / "heldout.csv").read_text().splitlines()
    assert len(rows) == len(TARGETS)
    for side in ("held_out", "full", "prior"):
        assert {f"{side}_median", f"{side}_inside_90", f"{side}_crps", f"{side}_crps_error"} <= set(header.split(","))
    left = (tmp_path / "left_out.csv").read_text().splitlines()[1:]
    assert len(left) == sum(target.event in events_fitted(made) for target in TARGETS)
    predicted = sum(kind == "predicted" for kind in split_by(TARGETS, KNOWN_UNTIL, WHEN).kinds.values())
    assert f"predicts {predicted} targets" in (tmp_path / "section_2_heldout.json").read_text()


def test_at_most_twelve_are_fitted_in_the_order_of_the_table() -> None:
    early = date(2021, 6, 10)
    names = [f"t{place}" for place in range(20)]
    when = EvidenceDates(dict.fromkeys(names, early), dict.fromkeys(names, early), dict.fromkeys(names, ()))
    split = split_by([plain(name, name) for name in names], KNOWN_UNTIL, when)
    assert [target.target for target in split.fitted] == names[:MOST_FITTED]
