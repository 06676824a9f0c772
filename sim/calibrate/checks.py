"""Check the method of calibration by fitting campaigns of the bank whose true parameters are known.

Reads   a bank, the targets to be fitted, and the share of campaigns that the fit to the record accepts.
Writes  sbc.csv (one row per parameter), sbc_ranks.csv (one row per check and truth) and section_1_soundness.json.
        `sim.calibrate.check_figures` draws them.
Source  Simulation-based calibration: Talts and others 2018. Near the record: Prangle and others 2014, where truths are
        chosen by their reports alone. Tests and intervals are from SciPy.
Method  A truth is a campaign; its *report* is what sources would have recorded about it. Reports have a normal error
        with the `sd` of each target, because intervals should cover the true values, not the reported ones. Two
        further fits to the same truths isolate its effect: one to reports without error, so that a fit that
        merely ignores the error is not mistaken for a faulty one, and one in which that error is also added to the
        campaigns of the bank.
        A reported range keeps its width in a synthetic report, with the truth uniformly distributed in it: a range that
        always began at the truth would give the fit too much information. A reported bound is the value of another
        campaign, and the report states on which side of it the truth is: a bound derived from the truth would reveal
        the truth itself. Only campaigns with every summary serve as truths, because only they can be accepted.
        Screening uses only the bank, so it is the same for every report. The truths share one bank, so they are not
        fully independent. Intervals are too narrow if they contain significantly fewer truths than they should, and too
        wide if more (exact binomial test). Otherwise, if ranks are not uniform (Kolmogorov-Smirnov), the posterior is
        off-centre if the mean rank is more than 1.96 standard errors from 0.5; if not, the sign of the summed coverage
        errors decides between too narrow and too wide. All tests of one check are controlled at a false discovery rate
        of 5 % (Benjamini and Hochberg 1995): of the faults reported, one in twenty is a false alarm on average. The
        number of truths limits how small a fault can be detected; smaller faults can be detected for all fitted
        parameters together than for each alone. A parameter is identified if the fit removes at least half of the
        squared error of the prior mean, and weakly identified if it removes at least a twentieth and more than two
        standard errors. A narrow posterior alone does not count.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from scipy.stats import binomtest, false_discovery_control, kstest

from sim.calibrate.fit import (
    DRAWS_PER_COEFFICIENT,
    Fit,
    Summaries,
    adjusted,
    fit,
    nearest_of,
    outside_of,
    priors_of,
    read_bank,
    scaled_bounds,
    shares_of,
    summaries_of,
)
from sim.calibrate.heldout import naive_ensembles, write_heldout
from sim.calibrate.tables import write_tables
from sim.errors import PanjError
from sim.scoring.forecasts import targets_here
from sim.scoring.measure import scaled
from sim.scoring.targets import Target, bounds_of
from sim.terminal import console_of
from sim.wording import counted

TRUTHS, FEWEST, NEAR = 1000, 200, 500
SECTIONS = (
    "section_1_soundness.json",
    "section_2_heldout.json",
)  # stored with the fit that it describes, once both have been written
SEED_OF_TRUTHS = 20210707  # seed for choosing truths, drawing the errors of reports, and breaking ties
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Reports(NamedTuple):
    """Synthetic reports of the campaigns that serve as truths (truths x targets), each on the scale of its target."""

    rows: Integers  # (truths) row number of the campaign in the bank
    low: Floats  # lowest value consistent with the report; -inf if unbounded
    high: Floats  # highest value consistent with the report; inf if unbounded


def generator_for(what: int) -> np.random.Generator:
    """Return a random generator for one purpose, identified by the number `what`; each purpose has its own stream."""
    return np.random.default_rng([SEED_OF_TRUTHS, what])


def reports_of(summaries: Summaries, rows: Integers, errs: bool) -> Reports:
    """Generate synthetic reports of campaigns, with or without observation error.

    Ranges and bounds have the same random positions with and without error.
    """
    generator = generator_for(1)
    ends = [report_of(target, column, rows, errs, generator)
            for target, column in zip(summaries.targets, summaries.numbers.T, strict=True)]  # fmt: skip
    return Reports(rows, np.array([low for low, _ in ends]).T, np.array([high for _, high in ends]).T)


def report_of(
    target: Target, column: Floats, rows: Integers, errs: bool, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """Generate reports for one target: the lowest and the highest value consistent with the report of each row."""
    low, high = scaled(np.array(bounds_of(target)), target)
    reported = column[rows] + (target.sd if errs else 0.0) * generator.standard_normal(rows.size)
    if np.isfinite(high - low):
        lowest = reported - generator.random(rows.size) * (high - low)
        return lowest, lowest + (high - low)
    bound = generator.choice(column[~np.isnan(column)], rows.size)
    return np.where(reported >= bound, bound, -np.inf), np.where(reported >= bound, np.inf, bound)


def reportable(summaries: Summaries) -> Integers:
    """Return the rows of the bank that have every summary. Raise PanjError if there are too few."""
    rows = np.flatnonzero(~np.isnan(summaries.numbers).any(axis=1))
    if rows.size < FEWEST:
        raise PanjError(f"soundness: found {rows.size:,} campaigns with every outcome that is fitted, expected {FEWEST}"
                        " or more, to serve as truths; make a larger bank: python -m sim bank runs=50000")  # fmt: skip
    return rows


def nearest_reports(summaries: Summaries, reports: Reports, count: int) -> Reports:
    """Choose the `count` reports that are nearest to the record by the distance function of the fit."""
    ends = [np.where(np.isfinite(low), low, high)
            for low, high in (scaled_bounds(summaries.targets), (reports.low, reports.high))]  # fmt: skip
    gaps = (ends[1] - ends[0]) / summaries.units
    order = np.sort(np.argsort(summaries._replace(outside=gaps).distances, kind="stable")[:count])
    return Reports(reports.rows[order], reports.low[order], reports.high[order])


def with_report_error(made: Fit, summaries: Summaries) -> Fit:
    """Return the fit with a random observation error added to every summary of every campaign."""
    errors = np.array([target.sd for target in summaries.targets]) * generator_for(2).standard_normal(
        summaries.numbers.shape
    )
    return made._replace(summaries=made.summaries._replace(numbers=summaries.numbers + errors))


class Found(NamedTuple):
    """Results of the fits to all truths, as arrays of truths x parameters (`rows` has one value per truth)."""

    rows: Integers  # (truths) row number of the campaign in the bank
    truths: Floats  # true values as cumulative prior probabilities
    ranks: Floats  # share of the posterior below the truth, from 0 to 1
    means: Floats  # posterior means of the cumulative prior probabilities
    spreads: Floats  # posterior variances of the cumulative prior probabilities


def refit(made: Fit, accept: float, reports: Reports, what: str, console: Console) -> Found:
    """Fit the bank, without the reported campaign, to each report, and rank the true values in each posterior."""
    bank, summaries = made.bank, made.summaries
    chosen = [bank.keys.index(key) for key in made.screening.chosen]
    fitted = [made.priors[place] for place in chosen]
    fewest = DRAWS_PER_COEFFICIENT * (1 + len(summaries.targets))
    generator, bank_shares = generator_for(3), shares_of(made.priors, bank.drawn)
    found = Found(reports.rows, bank_shares[reports.rows], *(np.empty((reports.rows.size, len(bank.keys)))
                                                          for _ in range(3)))  # fmt: skip
    console.print(f"{what}: {reports.rows.size:,} fits ...")
    for place in track(range(reports.rows.size), what, console=console, disable=not console.is_terminal):
        row = reports.rows[place]
        outside = outside_of(summaries.numbers, reports.low[place], reports.high[place], summaries.units)
        distances = summaries._replace(outside=outside).distances
        distances[row] = np.inf
        nearest = nearest_of(distances, accept, fewest)
        drawn = adjusted(bank.drawn[nearest.rows], made.priors, chosen, outside[nearest.rows], nearest.weights)
        found.ranks[place] = rank_in(drawn, nearest.weights, bank.drawn[row], generator)
        shares = bank_shares[nearest.rows]
        shares[:, chosen] = shares_of(fitted, drawn[:, chosen])
        found.means[place] = np.average(shares, axis=0, weights=nearest.weights)
        found.spreads[place] = np.average((shares - found.means[place]) ** 2, axis=0, weights=nearest.weights)
    return found


def checks_of(made: Fit, accept: float, console: Console) -> dict[str, Found]:
    """Run all checks, and return their results, keyed by name.

    Verdicts on parameters are based on the first check, which is keyed by an empty string.
    """
    summaries = summaries_of(made.bank.outcomes, made.targets)
    every = reportable(summaries)
    rows = np.sort(generator_for(0).choice(every, min(TRUTHS, every.size), replace=False))
    reports, exact = (reports_of(summaries, rows, errs) for errs in (True, False))
    near = nearest_reports(summaries, reports_of(summaries, every, True), min(NEAR, every.size // 10))
    mended = with_report_error(made, summaries)
    asked = {
        "": (made, reports, "Truths at random, reported with error"),
        "without_error": (made, exact, "the same, reported without error"),
        "near": (made, near, "truths whose report is near the record"),
        "error_in_fit": (mended, reports, "truths at random, with the error in the fit"),
        "near_error_in_fit": (mended, near, "truths near the record, with the error in the fit"),
    }
    return {name: refit(one, accept, reported, what, console) for name, (one, reported, what) in asked.items()}


def write_soundness(made: Fit, accept: float, folder: Path, console: Console) -> None:
    """Check the fit with campaigns whose parameters are known, and write the tables and the section of the page."""
    checks = checks_of(made, accept, console)
    rows = rows_of_soundness(made, checks)
    write_tables(folder, {
        "sbc.csv": rows, "sbc_ranks.csv": rows_of_ranks(made, checks),
        "section_1_soundness.json": {
            "title": "Is the calibration itself sound?", "paragraphs": describe_soundness(rows, checks, made),
            "tables": ["sbc.csv"], "figures": ["sbc.png", "coverage.png"],
        },
    })  # fmt: skip


def check(bank: Path, folder: Path, console: Console | None = None) -> None:
    """Check a calibration with fits to campaigns whose parameters are known, and with fits to only some targets.

    Writes the tables and page sections of the checks, but draws no figures.

    Args:
        bank: Folder of the bank.
        folder: Folder of the calibration with its fit.json, which need not be inside `bank`.
        console: Console for progress.

    Raises:
        PanjError: If `bank` is not a bank or is too small, or if `folder` has no fit.
    """
    try:
        about: dict[str, Any] = json.loads((folder / "fit.json").read_text(encoding="utf-8"))
        accept = float(about["accept"])
    except (OSError, ValueError, KeyError, TypeError):
        raise PanjError(
            f"{folder}: found no fit.json with a value for accept, expected a folder written by python -m sim calibrate"
        ) from None
    found, console = read_bank(bank), console or console_of()
    made = fit(found, priors_of(found), targets_here(), accept)
    write_soundness(made, accept, folder, console)
    write_heldout(made, accept, naive_ensembles(made.targets, int(found.seeds.min()), console), folder, console)
    for name in SECTIONS:
        section = json.loads((folder / name).read_text(encoding="utf-8"))
        write_tables(folder, {name: {**section, "posterior": about.get("posterior", "")}})


ALPHA = 0.05  # false discovery rate of reported faults
IDENTIFIED, WEAKLY = 0.5, 0.05  # smallest recovery of an identified and of a weakly identified parameter
INTERVALS = (0.5, 0.9)
NARROW, WIDE, UNEVEN, SOUND = "too narrow", "too wide", "off-centre", "no fault seen"


class Coverage(NamedTuple):
    """The coverage of an interval: how often it contained the truth."""

    share: float
    low: float  # lower end of the 95 % interval of that share (Wilson 1927)
    high: float
    p_value: float  # p-value of the share against the nominal one


class Verdict(NamedTuple):
    """The result of one check for one parameter."""

    coverage: tuple[Coverage, ...]  # coverage of the 50 % and the 90 % interval
    uneven: float  # p-value of the test for uniform ranks
    p_value: float  # smallest p-value of the three tests, adjusted for the number of parameters
    width: str
    recovery: float  # share of the squared error of the prior mean that the posterior mean removes
    error: float  # standard error of the recovery, by jackknife over truths
    identified: str


def rank_in(drawn: Floats, weights: Floats, truth: Floats, generator: np.random.Generator) -> Floats:
    """Return the rank of the truth for each parameter: the weight of the draws below it as a share of the total weight.

    The truth itself counts as one more draw with the mean weight. Ties are broken at random, so that the ranks of
    integers are uniform too.
    """
    below = weights @ (drawn < truth)
    level = weights @ (drawn == truth) + weights.mean()
    ranks: Floats = (below + generator.random(truth.size) * level) / (weights.sum() + weights.mean())
    return ranks


def coverage_of(ranks: Floats, interval: float) -> Coverage:
    """Compute the coverage of a central interval: the share of truths whose rank is between its ends."""
    tail = (1 - interval) / 2
    test = binomtest(int(((ranks >= tail) & (ranks <= 1 - tail)).sum()), ranks.size, interval)
    ends = test.proportion_ci(0.95, "wilson")
    return Coverage(test.statistic, ends.low, ends.high, test.pvalue)


def recovery_of(truths: Floats, means: Floats) -> tuple[float, float]:
    """Compute the share of the squared error of the prior mean that the fit removes, and its standard error."""
    before, after = (truths - 0.5) ** 2, (truths - means) ** 2
    without = 1 - (after.sum() - after) / (before.sum() - before)
    return float(1 - after.sum() / before.sum()), float(np.sqrt((truths.size - 1) * without.var()))


def verdicts_of(found: Found) -> list[Verdict]:
    """Return one verdict per parameter, with p-values adjusted for the number of parameters."""
    covered = [tuple(coverage_of(ranks, interval) for interval in INTERVALS) for ranks in found.ranks.T]
    uneven = [float(kstest(ranks, "uniform").pvalue) for ranks in found.ranks.T]
    p_values = np.array([[*(one.p_value for one in both), ks] for both, ks in zip(covered, uneven, strict=True)])
    p_values = false_discovery_control(p_values.ravel()).reshape(p_values.shape)
    verdicts = []
    for place, both in enumerate(covered):
        recovery, error = recovery_of(found.truths[:, place], found.means[:, place])
        width = width_of(both, p_values[place], found.ranks[:, place])
        p_value, identified = float(p_values[place].min()), identified_by(recovery, error)
        verdicts.append(Verdict(both, uneven[place], p_value, width, recovery, error, identified))
    return verdicts


def width_of(covered: Sequence[Coverage], p_values: Floats, ranks: Floats) -> str:
    """Name the main fault of the posteriors of a parameter, such as `too narrow`, or return `no fault seen`.

    `p_values` contains the adjusted p-values of the tests: first those of the intervals, then that of the ranks.
    """
    faults = [one.share - right for one, right, p_value in zip(covered, INTERVALS, p_values, strict=False)
              if p_value < ALPHA]  # fmt: skip
    if faults:
        return NARROW if min(faults) < 0 else WIDE
    if p_values[-1] >= ALPHA:
        return SOUND
    if abs(ranks.mean() - 0.5) * np.sqrt(12 * ranks.size) > 1.96:
        return UNEVEN
    return NARROW if sum(one.share - right for one, right in zip(covered, INTERVALS, strict=True)) < 0 else WIDE


def identified_by(recovery: float, error: float) -> str:
    """Classify a parameter as identified, weakly identified or not identified."""
    if recovery < WEAKLY or recovery <= 2 * error:
        return "not identified"
    return "identified" if recovery >= IDENTIFIED else "weakly identified"


def rows_of_soundness(made: Fit, checks: Mapping[str, Found]) -> list[dict[str, Any]]:
    """Make one row per parameter, beginning with the fitted parameters.

    Columns without a suffix are about truths chosen at random and reported with error.
    """
    verdicts = {name: verdicts_of(found) for name, found in checks.items()}
    order = [made.bank.keys.index(key) for key in made.screening.chosen]
    order += [place for place in range(len(made.bank.keys)) if place not in order]
    rows = []
    for place in order:
        key, first = made.bank.keys[place], verdicts[""][place]
        row: dict[str, Any] = {
            "number": key, "adjusted": "yes" if key in made.screening.chosen else "no",
            "identified": first.identified, "width": first.width, "verdict": sentence(key, first),
            "recovery": f"{first.recovery:.4f}", "recovery_error": f"{first.error:.4f}",
            "contraction": f"{1 - 12 * checks[''].spreads[:, place].mean():.4f}",
            "mean_rank": f"{checks[''].ranks[:, place].mean():.4f}",
        }  # fmt: skip
        for name, ones in verdicts.items():
            row |= {f"{what}_{name}" if name else what: value
                    for what, value in cells_of(ones[place], len(checks[name].rows)).items()}  # fmt: skip
        rows.append(row)
    return rows


def cells_of(verdict: Verdict, truths: int) -> dict[str, Any]:
    """Format the table entries for one parameter in one check."""
    cells: dict[str, Any] = {"truths": truths}
    for interval, one in zip(INTERVALS, verdict.coverage, strict=True):
        name = f"coverage_{100 * interval:.0f}"
        cells |= {name: f"{one.share:.4f}", f"{name}_low": f"{one.low:.4f}", f"{name}_high": f"{one.high:.4f}"}
    return cells | {"uneven_p": f"{verdict.uneven:.3g}", "adjusted_p": f"{verdict.p_value:.3g}", "width": verdict.width}


def sentence(key: str, verdict: Verdict) -> str:
    """Return a sentence on the verdict about one parameter."""
    fifty, ninety = verdict.coverage
    words = {NARROW: "too narrow", WIDE: "too wide", UNEVEN: "off-centre",
             SOUND: "without a detected fault"}  # fmt: skip
    return (f"{key} is {verdict.identified}: the fit removes {verdict.recovery:.2f} (standard error "
            f"{verdict.error:.2f}) of the squared error of the prior; its intervals are {words[verdict.width]} (the "
            f"50 % interval holds {fifty.share:.3f} of the truths, the 90 % interval {ninety.share:.3f}).")  # fmt: skip


def rows_of_ranks(made: Fit, checks: Mapping[str, Found]) -> list[dict[str, Any]]:
    """Make one row per check and truth: its seed in the bank, and the rank of each parameter."""
    return [
        {"check": name or "with_error", "seed": int(made.bank.seeds[row]),
         **{key: f"{rank:.4f}" for key, rank in zip(made.bank.keys, ranks, strict=True)}}
        for name, found in checks.items() for row, ranks in zip(found.rows, found.ranks, strict=True)
    ]  # fmt: skip


def share_held(found: Found, places: Sequence[int], interval: float) -> str:
    """Format the coverage of a central interval, as `0.885 (0.876 to 0.894)`.

    Args:
        found: The results of the fits to all truths; only their ranks are used.
        places: Columns of the parameters over which the coverage is averaged.
        interval: Probability of the central interval, such as 0.9.

    Returns:
        The coverage and its 95 % confidence interval (normal approximation, from the variation between truths).
    """
    tail = (1 - interval) / 2
    ranks = found.ranks[:, list(places)]
    held = ((ranks >= tail) & (ranks <= 1 - tail)).mean(axis=1)
    middle, reach = held.mean(), 1.96 * held.std(ddof=1) / np.sqrt(held.size)
    return f"{middle:.3f} ({middle - reach:.3f} to {middle + reach:.3f})"


def describe_soundness(rows: Sequence[Mapping[str, Any]], checks: Mapping[str, Found], made: Fit) -> list[str]:
    """Return the paragraphs on the soundness of the fit for the page."""
    places = [made.bank.keys.index(key) for key in made.screening.chosen]
    pooled = {name: [share_held(found, places, interval) for interval in reversed(INTERVALS)]
              for name, found in checks.items()}  # fmt: skip
    fitted = [row for row in rows if row["adjusted"] == "yes"]
    others = [row for row in rows if row["adjusted"] == "no"]
    return [
        f"{rows[0]['truths']:,} campaigns of the bank, drawn at random (seed {SEED_OF_TRUTHS}) from those with every "
        "fitted outcome, served as truths. A synthetic report of each, with the errors that the table of targets "
        "declares, was fitted by the same rejection and regression "
        f"({made.nearest.rows.size:,} draws per fit) without that campaign. If the fit is sound, the true value is "
        "equally likely to have any rank in its posterior, 50 % intervals hold half of the truths and 90 % intervals "
        "nine in ten. This checks the rejection and regression; it does not check a refined fit, or whether the rules "
        "are right.",
        describe_identified(fitted, others),
        describe_widths(fitted, others, pooled),
        describe_near(fitted, pooled),
        f"There are three tests per number (both intervals, exact binomial; ranks, Kolmogorov-Smirnov), "
        f"{3 * len(rows)} in all. Their p-values are adjusted together so that on average one in twenty of the faults "
        f"named is due to chance (Benjamini and Hochberg). With {rows[0]['truths']:,} truths a 90 % interval with a "
        f"true coverage of 0.90 shows {chance_of_coverage(int(rows[0]['truths']))} in 95 of 100 checks; smaller faults "
        "cannot be detected.",
    ]  # fmt: skip


def describe_identified(fitted: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> str:
    """Return a paragraph on which parameters are identified, and by how much fits reduce their squared error."""
    parts = []
    for what in ("identified", "weakly identified", "not identified"):
        names = [f"{row['number']} ({float(row['recovery']):.3f})" for row in fitted if row["identified"] == what]
        parts.append(f"{what}: {', '.join(names) or 'none'}")
    unmoved = [row["number"] for row in others if row["identified"] != "not identified"]
    return (
        "Recovery is the share of the squared error of the prior mean that the fit removes: half or more counts as "
        "identified, a twentieth or more as weakly identified. Of the numbers that were fitted, "
        f"{'; '.join(parts)}. Of the {len(others)} that were not fitted, "
        f"{'none is identified' if not unmoved else 'at least weakly identified: ' + ', '.join(unmoved)}."
    )


def describe_widths(
    fitted: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]], pooled: Mapping[str, Sequence[str]]
) -> str:
    """Return a paragraph on the coverage of intervals over all parameters, and on how observation error affects it."""
    return (
        f"Of {counted(len(fitted), 'fitted number')}, intervals are {count(fitted, 'width')}. Taken together, their "
        f"90 % intervals hold {pooled[''][0]} of the truths and their 50 % intervals {pooled[''][1]}. Reported without "
        f"error, they hold {' and '.join(pooled['without_error'])}; the difference arises because the fit does not "
        "model the error of reports. With the same error in each campaign of the bank, they would hold "
        f"{' and '.join(pooled['error_in_fit'])} (intervals: {count(fitted, 'width_error_in_fit')}). Of the "
        f"{counted(len(others), 'number')} not fitted: {count(others, 'width')}."
    )


def describe_near(fitted: Sequence[Mapping[str, Any]], pooled: Mapping[str, Sequence[str]]) -> str:
    """Return a sentence on the coverage of intervals for truths whose reports are near the record."""
    return (
        f"For the {fitted[0]['truths_near']:,} truths whose reports come nearest to the record, 90 % and 50 % "
        f"intervals hold {' and '.join(pooled['near'])} (intervals: {count(fitted, 'width_near')}); with the error of "
        f"reports in each campaign, {' and '.join(pooled['near_error_in_fit'])} (intervals: "
        f"{count(fitted, 'width_near_error_in_fit')})."
    )


def count(rows: Sequence[Mapping[str, Any]], column: str) -> str:
    """Return the number of parameters with each verdict, such as `too narrow for 2, no fault seen for 6`."""
    found = {word: sum(row[column] == word for row in rows) for word in (NARROW, WIDE, UNEVEN, SOUND)}
    return ", ".join(f"{word} for {number}" for word, number in found.items() if number) or "of no number"


def chance_of_coverage(truths: int) -> str:
    """Return the range of coverage that a sound 90 % interval shows in 95 of 100 checks, such as `0.881 to 0.918`.

    `truths` is the number of truths in each check.
    """
    from scipy.stats import binom

    low, high = binom.interval(0.95, truths, INTERVALS[-1])
    return f"{low / truths:.3f} to {high / truths:.3f}"
