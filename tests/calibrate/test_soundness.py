"""Checks of a fit on banks whose answer is known: sound where it is sound, and each planted fault is named."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from described import undescribed
from fitted import make_bank, target_of
from PIL import Image
from rich.console import Console
from scipy.special import logit
from scipy.stats import kstest

from sim.__main__ import main
from sim.calibrate import checks
from sim.calibrate.check_figures import draw_checks
from sim.calibrate.checks import (
    NARROW,
    SOUND,
    UNEVEN,
    WIDE,
    Found,
    check,
    checks_of,
    coverage_of,
    nearest_reports,
    rank_in,
    recovery_of,
    refit,
    reportable,
    reports_of,
    verdicts_of,
)
from sim.calibrate.fit import Bank, Fit, adjusted, fit, numbers_of_shares, shares_of, summaries_of
from sim.calibrate.heldout import read_evidence_dates, split_by
from sim.configuration.draws import Prior, priors_under, read_priors
from sim.configuration.numbers import declared_numbers
from sim.errors import PanjError
from sim.scoring.forecasts import KNOWN_UNTIL, Forecast, targets_here
from sim.scoring.targets import DAY_0, Target
from sim.study.codebook import describe_tables

PRIORS = tuple(prior for prior in read_priors() if not declared_numbers()[prior.key].is_whole)[:5]
KEYS = tuple(prior.key for prior in PRIORS)
MOVED, UNMOVED = (0, 1), (2, 3, 4)  # places of numbers on which summaries depend, or do not
ACCEPT, TRUTHS = 0.06, 300
QUIET = Console(quiet=True)


def target(name: str, value: float | None, **changes: Any) -> Target:
    return target_of(name, value, **{"sd": 1e-6, **changes})


def planted(targets: list[Target], noise: float = 0.7, campaigns: int = 5000, accept: float = ACCEPT) -> Fit:
    """Two outcomes are the log odds of two numbers and normal noise, which regression on log odds has exactly."""
    rng = np.random.default_rng(1)
    shares = rng.random((campaigns, len(PRIORS)))
    drawn = np.array([[prior.at(share) for prior, share in zip(PRIORS, row, strict=True)] for row in shares])
    odds = logit(np.clip(shares_of(PRIORS, drawn), 1e-4, 1 - 1e-4))[:, MOVED]
    simulated = odds @ np.array([[1.0, 0.3], [0.0, 1.0]]) + noise * rng.standard_normal((campaigns, 2))
    table = pa.table({"one": simulated[:, 0], "two": simulated[:, 1]})
    return fit(Bank(Path("none"), KEYS, np.arange(campaigns), drawn, table, 0), PRIORS, targets, accept)


def point() -> list[Target]:
    return [target("one", 0.2), target("two", -0.1)]


def found_for(made: Fit, accept: float = ACCEPT) -> Found:
    simulated = summaries_of(made.bank.outcomes, made.targets)
    rows = np.sort(np.random.default_rng(5).choice(reportable(simulated), TRUTHS, replace=False))
    return refit(made, accept, reports_of(simulated, rows, True), "", QUIET)


@pytest.fixture(scope="module")
def made() -> Fit:
    return planted(point())


@pytest.fixture(scope="module")
def sound(made: Fit) -> Found:
    return found_for(made)


def test_a_sound_fit_has_even_ranks_and_no_fault(sound: Found) -> None:
    assert all(kstest(ranks, "uniform").pvalue > 0.01 for ranks in sound.ranks.T)
    for verdict in verdicts_of(sound):
        assert verdict.width == SOUND
        for one, right in zip(verdict.coverage, (0.5, 0.9), strict=True):
            assert one.low < one.share < one.high and abs(one.share - right) < 0.08


def test_what_no_summary_depends_on_is_not_identified(sound: Found) -> None:
    verdicts = verdicts_of(sound)
    assert {verdicts[place].identified for place in MOVED} == {"identified"}
    assert {verdicts[place].identified for place in UNMOVED} == {"not identified"}


def test_what_chance_hides_is_identified_weakly() -> None:
    verdicts = verdicts_of(found_for(planted(point(), noise=3.0)))
    assert {verdicts[place].identified for place in MOVED} == {"weakly identified"}


@pytest.mark.parametrize(("factor", "width"), [(0.4, NARROW), (3.0, WIDE)])
def test_a_posterior_of_the_wrong_width_is_named(
    made: Fit, monkeypatch: pytest.MonkeyPatch, factor: float, width: str
) -> None:
    def bent(drawn: Any, priors: Any, chosen: Any, outside: Any, weights: Any) -> Any:
        rows = adjusted(drawn, priors, chosen, outside, weights)
        middle = np.average(rows[:, 1], weights=weights)
        rows[:, 1] = np.clip(middle + factor * (rows[:, 1] - middle), PRIORS[1].low, PRIORS[1].high)
        return rows

    monkeypatch.setattr(checks, "adjusted", bent)
    assert [verdict.width for verdict in verdicts_of(found_for(made))] == [SOUND, width, SOUND, SOUND, SOUND]


def test_a_fit_that_forgets_the_error_of_reports_is_too_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "TRUTHS", TRUTHS)
    noisy = planted([target("one", 0.2, sd=1.0), target("two", -0.1, sd=1.0)])
    widths = {name: [verdict.width for verdict in verdicts_of(found)]
              for name, found in checks_of(noisy, ACCEPT, QUIET).items()}  # fmt: skip
    assert [widths[""][place] for place in MOVED] == [NARROW, NARROW]
    for name in ("without_error", "error_in_fit", "near_error_in_fit"):
        assert set(widths[name]) == {SOUND}
    assert {widths[name][place] for name in widths for place in UNMOVED} == {SOUND}


def test_ranks_are_even_with_ranges_and_bounds_where_campaigns_are_many() -> None:
    kinds = [target("one", None, low=-0.5, high=1.5, error="range"), target("two", None, low=0.3, error="at_least")]
    verdicts = verdicts_of(found_for(planted(kinds, campaigns=20000, accept=0.02), 0.02))
    assert [verdict.width for verdict in verdicts] == [SOUND] * len(KEYS)
    assert "not identified" not in {verdicts[place].identified for place in MOVED}


def test_the_campaign_that_is_reported_on_is_never_accepted(made: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, plain = [], checks.nearest_of

    def watched(distances: Any, accept: float, fewest: int) -> Any:
        seen.append(distances.copy())
        return plain(distances, accept, fewest)

    monkeypatch.setattr(checks, "nearest_of", watched)
    simulated = summaries_of(made.bank.outcomes, made.targets)
    rows = np.arange(0, 4000, 200)
    refit(made, ACCEPT, reports_of(simulated, rows, False), "", QUIET)
    assert [np.flatnonzero(np.isinf(distances)).tolist() for distances in seen] == [[row] for row in rows]


def test_a_check_repeats_to_the_last_digit(made: Fit, sound: Found) -> None:
    again = found_for(made)
    assert all(np.array_equal(one, other) for one, other in zip(again, sound, strict=True))


def test_a_range_keeps_its_width_and_the_truth_is_anywhere_in_it() -> None:
    rng = np.random.default_rng(3)
    table = pa.table({"a": rng.normal(100, 20, 2000), "b": rng.lognormal(5, 1, 2000)})
    simulated = summaries_of(table, [
        target("a", 22.0, low=22.0, high=25.0, error="verbal"),
        target("b", 500.0, low=500.0, high=600.0, error="verbal", scale="log"),
    ])  # fmt: skip
    reports = reports_of(simulated, np.arange(2000), False)
    for place, width in enumerate((3.0, np.log(601) - np.log(501))):
        assert reports.high[:, place] - reports.low[:, place] == pytest.approx(np.full(2000, width))
        shares = (simulated.numbers[:, place] - reports.low[:, place]) / width
        assert kstest(shares, "uniform").pvalue > 0.01


def test_a_bound_says_on_which_side_the_truth_is_and_does_not_follow_it() -> None:
    table = pa.table({"a": np.random.default_rng(3).normal(100, 20, 2000)})
    for error, ends in (("at_least", {"low": 90.0}), ("at_most", {"high": 90.0})):
        simulated = summaries_of(table, [target("a", None, error=error, **ends)])
        reports = reports_of(simulated, np.arange(2000), False)
        low, high, truth = reports.low[:, 0], reports.high[:, 0], simulated.numbers[:, 0]
        assert (np.isinf(low) != np.isinf(high)).all()
        assert ((low <= truth) & (truth <= high)).all()
        bound = np.where(np.isinf(low), high, low)
        assert abs(np.corrcoef(bound, truth)[0, 1]) < 0.08


def test_reports_err_by_their_declared_error_and_otherwise_share_their_draws() -> None:
    table = pa.table({"a": np.random.default_rng(3).normal(100, 20, 4000), "b": np.arange(4000.0)})
    simulated = summaries_of(table, [target("a", 90.0, sd=7.0), target("b", 0.0, sd=0.0, error="exact")])
    erring, exact = (reports_of(simulated, np.arange(4000), errs) for errs in (True, False))
    assert np.array_equal(exact.low, simulated.numbers) and np.array_equal(exact.high, simulated.numbers)
    assert (erring.low - exact.low)[:, 0].std() == pytest.approx(7.0, rel=0.05)
    assert np.array_equal(erring.low[:, 1], exact.low[:, 1])


def test_the_nearest_reports_are_those_that_say_what_the_record_says(made: Fit) -> None:
    simulated = summaries_of(made.bank.outcomes, made.targets)
    every = reports_of(simulated, reportable(simulated), False)
    near = nearest_reports(simulated, every, 50)
    away = np.hypot(*((simulated.numbers - [0.2, -0.1]) / simulated.units).T)
    assert set(near.rows) == set(np.argsort(away)[:50]) and (np.diff(near.rows) > 0).all()


def test_campaigns_without_a_summary_are_never_truths_and_too_few_are_named() -> None:
    numbers = np.arange(500.0)
    gappy = pa.table({"a": pa.array([None if one % 2 else one for one in numbers.tolist()]), "b": numbers})
    simulated = summaries_of(gappy, [target("a", 3.0), target("b", 3.0)])
    assert (reportable(simulated) % 2 == 0).all()
    with pytest.raises(PanjError, match="found 100 campaigns with every outcome that is fitted, expected 200"):
        reportable(summaries_of(gappy.slice(0, 200), [target("a", 3.0), target("b", 3.0)]))


def test_a_rank_is_the_weight_below_the_truth_and_the_truth_is_one_more_draw() -> None:
    drawn = np.array([[1.0, 1.0], [2.0, 1.0], [3.0, 2.0]])
    ranks = [rank_in(drawn, np.array([1.0, 2.0, 3.0]), np.array([2.5, 1.0]), np.random.default_rng(one))
             for one in range(4000)]  # fmt: skip
    low, high = np.min(ranks, axis=0), np.max(ranks, axis=0)
    assert low == pytest.approx([3 / 8, 0], abs=0.01) and high == pytest.approx([5 / 8, 5 / 8], abs=0.01)


def test_ranks_among_few_whole_numbers_are_even() -> None:
    rng = np.random.default_rng(2)
    ranks = [rank_in(rng.integers(0, 4, (30, 1)), np.ones(30), rng.integers(0, 4, 1), rng)[0] for _ in range(2000)]
    assert kstest(ranks, "uniform").pvalue > 0.01


def test_intervals_hold_what_their_ranks_say() -> None:
    ranks = (np.arange(100) + 0.5) / 100
    assert coverage_of(ranks, 0.9).share == 0.9 and coverage_of(ranks, 0.5).share == 0.5
    narrow = coverage_of(np.repeat([0.01, 0.5, 0.99], 30), 0.9)
    assert narrow.share == pytest.approx(1 / 3) and narrow.p_value < 1e-6 and narrow.high < 0.5


def test_ranks_to_one_side_are_off_centre_and_ranks_at_both_ends_too_narrow() -> None:
    even = np.random.default_rng(3).random(600)
    both_ends = 0.5 + np.sign(even - 0.5) * (2 * np.abs(even - 0.5)) ** 0.8 / 2
    checks = Found(np.arange(600), *[np.array([even, even**1.25, both_ends]).T] * 4)
    assert [verdict.width for verdict in verdicts_of(checks)] == [SOUND, UNEVEN, NARROW]


def test_recovery_is_one_for_an_oracle_and_nothing_for_the_prior() -> None:
    truths = np.random.default_rng(1).random(400)
    assert recovery_of(truths, truths)[0] == 1.0
    assert recovery_of(truths, np.full(400, 0.5)) == (0.0, 0.0)
    assert recovery_of(truths, 1 - truths)[0] == pytest.approx(-3.0)


def test_sound_fits_are_seldom_faulted_however_many_numbers_there_are() -> None:
    rng = np.random.default_rng(4)
    checks = [Found(np.arange(200), *(rng.random((200, 30)) for _ in range(4))) for _ in range(40)]
    faulted = sum(any(verdict.width != SOUND for verdict in verdicts_of(one)) for one in checks)
    assert faulted <= 6  # of 40, where one in twenty is expected


def test_shares_of_columns_are_those_of_single_numbers() -> None:
    shares = np.random.default_rng(1).random((20, len(read_priors())))
    rows = np.array([[prior.at(one) for prior, one in zip(read_priors(), row, strict=True)] for row in shares])
    single = [[prior.share(one) for prior, one in zip(read_priors(), row, strict=True)] for row in rows.tolist()]
    assert shares_of(read_priors(), rows) == pytest.approx(np.array(single), abs=1e-12)
    assert numbers_of_shares(read_priors(), shares) == pytest.approx(rows, rel=1e-12)
    assert shares_of([Prior("rules.morale.base", -1.0, 1.0, "linear")], np.array([[-1.0], [0.0]]))[1] == 0.5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small calibrated bank whose fitted outcomes follow its numbers, and one naive forecast."""
    place = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        make_bank(patch, "runs=400", f"results_dir={place}")
        patch.setattr(checks, "TRUTHS", 200)
        patch.setattr(checks, "naive_ensembles", lambda *_: [sceptic()])
        plant(place / "bank" / "runs.parquet")
        assert main(["calibrate", str(place / "bank"), "accept=0.3", "refine=none"]) == 0
        check(place / "bank", place / "bank" / "calibration", QUIET)
        yield place / "bank"


def sceptic() -> Forecast:
    share = np.random.default_rng(1).random(50)
    outcomes = {"share_share_held_taliban_2021_06_30": share, "share_share_held_taliban_2021_07_05": share + 0.1}
    return Forecast("doubt", "", "", outcomes, None, 50, DAY_0)


def plant(path: Path) -> None:
    """Outcomes that fits are fitted to, by 22 June or in all, follow a number each, around what was reported."""
    table, rng, targets = pq.read_table(path), np.random.default_rng(4), targets_here()
    fitted = {
        *split_by(targets, KNOWN_UNTIL, read_evidence_dates()).fitted,
        *(one for one in targets if one.use == "fitted"),
    }
    for place, one in enumerate(sorted(fitted, key=lambda one: one.target)):
        middle = max(0.3, next(number for number in (one.value, one.low, one.high) if number is not None))
        share = priors_under(())[place].share
        shares = np.array([share(value) for value in table[priors_under(())[place].key].to_pylist()])
        values = middle * (0.5 + shares + 0.05 * rng.standard_normal(shares.size))
        table = table.set_column(table.column_names.index(one.outcome), one.outcome, pa.array(values))
    pq.write_table(table, path)


def rows_in(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_check_writes_tables_sections_and_nothing_else(folder: Path) -> None:
    made = folder / "calibration"
    rows, ranks = rows_in(made / "sbc.csv"), rows_in(made / "sbc_ranks.csv")
    assert {row["number"] for row in rows} == {prior.key for prior in priors_under(())}
    assert {row["check"] for row in ranks} == {"with_error", "without_error", "near", "error_in_fit",
                                               "near_error_in_fit"}  # fmt: skip
    assert sum(row["check"] == "with_error" for row in ranks) == 200 == int(rows[0]["truths"])
    for row in rows:
        assert float(row["coverage_90_low"]) <= float(row["coverage_90"]) <= float(row["coverage_90_high"])
        assert row["number"] in row["verdict"] and row["identified"] in row["verdict"]
    for name in ("section_1_soundness", "section_2_heldout"):
        section = json.loads((made / f"{name}.json").read_text())
        assert set(section) == {"title", "paragraphs", "tables", "figures", "posterior"}
        assert section["posterior"] == json.loads((made / "fit.json").read_text())["posterior"]  # a later fit says so
        assert all((made / table).is_file() for table in section["tables"])
        assert all(sentence.endswith(".") for sentence in section["paragraphs"])


def test_every_column_of_the_check_is_described(folder: Path) -> None:
    describe_tables(folder / "calibration", "calibration")
    assert undescribed(folder / "calibration") == []


def test_the_figures_are_drawn_and_say_what_they_show(folder: Path) -> None:
    made = folder / "calibration"
    drawn = draw_checks(made)
    figures = [name for section in sorted(made.glob("section_*.json"))
               for name in json.loads(section.read_text())["figures"]]  # fmt: skip
    assert [path.name for path in drawn] == figures
    for path in drawn:
        with Image.open(path) as picture:
            assert json.loads(picture.text["panj"])["rows"] == 400  # type: ignore[attr-defined]


def test_a_folder_without_a_calibration_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PanjError, match=r"found no fit.json with a value for accept"):
        check(folder, tmp_path, QUIET)
    assert not list(tmp_path.iterdir())
