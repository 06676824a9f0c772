"""Is the calibration itself sound? Campaigns of the bank stand in for the truth, and the same fit has to find them.

Reads   a bank, the targets that are to be fitted, and the share of campaigns that the fit of the record accepts.
Writes  sbc.csv (a row a number), sbc_ranks.csv (a row a check and truth) and section_1_soundness.json.
        `sim.calibrate.check_figures` draws them.
Source  Simulation-based calibration: Talts and others 2018. Near the record: Prangle and others 2014, where the choice
        of truths looks at what was reported of them and at nothing else. Tests and intervals are scipy's.
Assumed A truth is a campaign; its *report* is what would have been written down of it. The report errs normally with
        the `sd` of each target, as the table of targets says of reports, because intervals are read to cover what
        happened and not what was written. The same truths are fitted without error as well, which tells a fit that
        forgets the error from one that is wrong in itself; and by a fit whose campaigns err as reports do.
        A range keeps its width, and the truth lies anywhere in it: the fit prefers nothing within a range, and a range
        that always began at its truth would tell more than the fit may use. A bound is the number of another campaign,
        and the report says on which side of it the truth lies: a bound that followed its truth would be a count.
        Only campaigns with every summary can be reported on, as only they can be accepted. Screening looks at the bank
        alone, so it is the same for every report. The truths share one bank, and so are not quite independent.

Where truths lie in their posteriors, and what follows: even ranks, intervals as wide as they say, what is found.

Reads   ranks, means and variances of posteriors, which `sim.calibrate.checks` made.
Gives   rows of tables and sentences.
Assumed Intervals are too narrow or too wide when they hold fewer or more truths than they should (exact binomial test).
        Where ranks are uneven all the same (Kolmogorov-Smirnov) they are off-centre if the mean rank is more than 1.96
        standard errors from the middle, and else too narrow or too wide by the sum of what intervals miss. All tests
        of all numbers of one check are held to a false discovery rate of 5 % (Benjamini and Hochberg 1995): of the
        faults that are named, one in twenty is luck on average. How many truths there are decides how small a fault
        can be seen; all fitted numbers together show a smaller one than each by itself.
        A number is identified when the fit takes away half or more of the squared error of knowing only the prior, and
        weakly from a twentieth on if that is more than two standard errors. A narrow posterior alone earns nothing.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from scipy.stats import binomtest, false_discovery_control, kstest

from sim.calibrate.fit import (
    DRAWS_A_COEFFICIENT,
    Fit,
    Summaries,
    adjusted,
    fit,
    nearest_of,
    priors_of,
    read_bank,
    shares_of,
    summaries_of,
)
from sim.calibrate.heldout import sceptics, write_heldout
from sim.errors import PanjError
from sim.run.console import console_of
from sim.score import measure
from sim.score.forecasts import targets_here
from sim.score.measure import scaled
from sim.score.targets import Target, bounds_of
from sim.study.files import csv_text, json_text

if TYPE_CHECKING:
    from sim.calibrate.fit import Fit

TRUTHS, FEWEST, NEAR = 1000, 200, 500
LUCK_OF_TRUTHS = 20210707  # the seed of which campaigns are truths, of how reports err, and of ties
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Reports(NamedTuple):
    """What would have been reported of campaigns; truths x targets, on the scale of each target."""

    rows: Integers  # of the bank, a truth each
    low: Floats  # lowest number that agrees with the report; -inf where nothing bounds it
    high: Floats


def luck_of(what: int) -> np.random.Generator:
    """A stream of its own for each use."""
    return np.random.default_rng([LUCK_OF_TRUTHS, what])


def reports_of(lived: Summaries, rows: Integers, errs: bool) -> Reports:
    """A report of each row; with and without errors the same ranges and bounds."""
    luck = luck_of(1)
    ends = [report_of(target, column, rows, errs, luck)
            for target, column in zip(lived.targets, lived.numbers.T, strict=True)]  # fmt: skip
    return Reports(rows, np.array([low for low, _ in ends]).T, np.array([high for _, high in ends]).T)


def report_of(
    target: Target, column: Floats, rows: Integers, errs: bool, luck: np.random.Generator
) -> tuple[Floats, Floats]:
    """Lowest and highest number that agrees with the report of each row for one target."""
    low, high = scaled(np.array(bounds_of(target)), target)
    heard = column[rows] + (target.sd if errs else 0.0) * luck.standard_normal(rows.size)
    if np.isfinite(high - low):
        lowest = heard - luck.random(rows.size) * (high - low)
        return lowest, lowest + (high - low)
    bound = luck.choice(column[~np.isnan(column)], rows.size)
    return np.where(heard >= bound, bound, -np.inf), np.where(heard >= bound, np.inf, bound)


def reportable(lived: Summaries) -> Integers:
    """Rows with every summary; PanjError where they are too few."""
    rows = np.flatnonzero(~np.isnan(lived.numbers).any(axis=1))
    if rows.size < FEWEST:
        raise PanjError(f"soundness: found {rows.size:,} campaigns with every outcome that is fitted, expected {FEWEST}"
                        " or more to stand in for the truth: python -m sim bank runs=50000")  # fmt: skip
    return rows


def nearest_reports(lived: Summaries, reports: Reports, count: int) -> Reports:
    """The reports that come nearest to the record, by the distance of the fit."""
    gaps = np.zeros(reports.low.shape)
    for place, target in enumerate(lived.targets):
        low, high = scaled(np.array(bounds_of(target)), target)
        said = np.where(np.isfinite(reports.low[:, place]), reports.low[:, place], reports.high[:, place])
        gaps[:, place] = (said - (low if np.isfinite(low) else high)) / lived.units[place]
    order = np.sort(np.argsort(lived._replace(outside=gaps).distances, kind="stable")[:count])
    return Reports(reports.rows[order], reports.low[order], reports.high[order])


def erring(made: Fit, lived: Summaries) -> Fit:
    """The fit whose campaigns err as reports do: one error a campaign and target, drawn once for the whole bank."""
    errors = np.array([target.sd for target in lived.targets]) * luck_of(2).standard_normal(lived.numbers.shape)
    return made._replace(summaries=made.summaries._replace(numbers=lived.numbers + errors))


class Found(NamedTuple):
    """What fits made of their truths; truths x numbers."""

    rows: Integers  # of the bank, a truth each
    truths: Floats  # as shares of the prior
    ranks: Floats  # share of the posterior below the truth, 0 to 1
    means: Floats  # of the posterior, as shares of the prior
    spreads: Floats  # variances of the posterior, on shares of the prior


def refit(made: Fit, accept: float, reports: Reports, what: str, console: Console) -> Found:
    """Fit every report without the campaign that it is of, and see where the truth lies in its posterior."""
    bank, summaries = made.bank, made.summaries
    chosen = [bank.keys.index(key) for key in made.screening.chosen]
    fitted = [made.priors[place] for place in chosen]
    fewest = DRAWS_A_COEFFICIENT * (1 + len(summaries.targets))
    luck, believed = luck_of(3), shares_of(made.priors, bank.drawn)
    found = Found(reports.rows, believed[reports.rows], *(np.empty((reports.rows.size, len(bank.keys)))
                                                          for _ in range(3)))  # fmt: skip
    console.print(f"{what}: {reports.rows.size:,} fits ...")
    for place in track(range(reports.rows.size), what, console=console, disable=not console.is_terminal):
        row = reports.rows[place]
        outside = outside_of(summaries, reports.low[place], reports.high[place])
        distances = summaries._replace(outside=outside).distances
        distances[row] = np.inf
        nearest = nearest_of(distances, accept, fewest)
        drawn = adjusted(bank.drawn[nearest.rows], made.priors, chosen, outside[nearest.rows], nearest.weights)
        found.ranks[place] = rank_in(drawn, nearest.weights, bank.drawn[row], luck)
        shares = believed[nearest.rows]
        shares[:, chosen] = shares_of(fitted, drawn[:, chosen])
        found.means[place] = np.average(shares, axis=0, weights=nearest.weights)
        found.spreads[place] = np.average((shares - found.means[place]) ** 2, axis=0, weights=nearest.weights)
    return found


def outside_of(summaries: Summaries, low: Floats, high: Floats) -> Floats:
    """How far every campaign lies outside a report, in units; nan where it has no number."""
    ends = zip(summaries.numbers.T, low.tolist(), high.tolist(), strict=True)
    outside = np.array([measure.outside(column, least, most) for column, least, most in ends]).T
    return np.where(np.isnan(summaries.numbers), np.nan, outside / summaries.units)


def checks_of(made: Fit, accept: float, console: Console) -> dict[str, Found]:
    """Every check by its name; the first is what verdicts rest on."""
    lived = summaries_of(made.bank.outcomes, made.targets)
    every = reportable(lived)
    rows = np.sort(luck_of(0).choice(every, min(TRUTHS, every.size), replace=False))
    reports, exact = (reports_of(lived, rows, errs) for errs in (True, False))
    near = nearest_reports(lived, reports_of(lived, every, True), min(NEAR, every.size // 10))
    mended = erring(made, lived)
    asked = {
        "": (made, reports, "Truths at random, reported with error"),
        "without_error": (made, exact, "the same, reported without error"),
        "near": (made, near, "truths whose report is near the record"),
        "error_in_fit": (mended, reports, "truths at random, if the fit knew the error"),
        "near_error_in_fit": (mended, near, "truths near the record, if the fit knew the error"),
    }
    return {name: refit(one, accept, said, what, console) for name, (one, said, what) in asked.items()}


def write_soundness(made: Fit, accept: float, folder: Path, console: Console) -> None:
    """Check the fit and write the tables and the section of the report."""
    checks = checks_of(made, accept, console)
    rows = rows_of_soundness(made, checks)
    (folder / "sbc.csv").write_text(csv_text(rows), encoding="utf-8")
    (folder / "sbc_ranks.csv").write_text(csv_text(rows_of_ranks(made, checks)), encoding="utf-8")
    section = {
        "title": "Is the calibration itself sound?", "paragraphs": say_soundness(rows, checks, made, LUCK_OF_TRUTHS),
        "tables": ["sbc.csv"], "figures": ["sbc.png", "coverage.png"],
    }  # fmt: skip
    (folder / "section_1_soundness.json").write_text(json_text(section), encoding="utf-8")


def check(bank: Path, folder: Path, console: Console | None = None) -> None:
    """Soundness and held-out fits of a calibration whose fit.json lies in the folder; writes tables, draws nothing.

    `folder` need not be inside `bank` yet. Raises PanjError where one of the two is something else.
    """
    try:
        about: dict[str, Any] = json.loads((folder / "fit.json").read_text(encoding="utf-8"))
        accept = float(about["accept"])
    except (OSError, ValueError, KeyError, TypeError):
        raise PanjError(
            f"{folder}: found no fit.json with accept, expected what python -m sim calibrate makes"
        ) from None
    found, console = read_bank(bank), console or console_of()
    made = fit(found, priors_of(found), targets_here(), accept)
    write_soundness(made, accept, folder, console)
    write_heldout(made, accept, sceptics(made.targets, int(found.seeds.min()), console), folder, console)


ALPHA = 0.05  # of the faults that are named: the share that is luck
IDENTIFIED, WEAKLY = 0.5, 0.05  # least recovery
INTERVALS = (0.5, 0.9)
NARROW, WIDE, UNEVEN, SOUND = "too narrow", "too wide", "off-centre", "no fault seen"


class Coverage(NamedTuple):
    """How often an interval held the truth."""

    share: float
    low: float  # ends of the 95 % interval of that share (Wilson 1927)
    high: float
    chance: float  # of a share as far from the right one by luck


class Verdict(NamedTuple):
    """What one check says of one number."""

    coverage: tuple[Coverage, ...]  # of 50 % and 90 % intervals
    uneven: float  # chance of ranks as uneven by luck
    chance: float  # the smallest chance of the three tests, adjusted for all numbers
    width: str
    recovery: float  # share of the squared error of the prior's middle that the fit's mean takes away
    error: float  # one standard error of that, by jackknife over truths
    identified: str


def rank_in(drawn: Floats, weights: Floats, truth: Floats, luck: np.random.Generator) -> Floats:
    """The share of the weight below the truth, a number each; the truth is one more draw, of the mean weight.

    It lies anywhere among the draws that equal it, so that whole numbers have even ranks as well.
    """
    below = weights @ (drawn < truth)
    level = weights @ (drawn == truth) + weights.mean()
    ranks: Floats = (below + luck.random(truth.size) * level) / (weights.sum() + weights.mean())
    return ranks


def coverage_of(ranks: Floats, interval: float) -> Coverage:
    """The central interval holds the truth when its rank lies between the interval's ends."""
    tail = (1 - interval) / 2
    test = binomtest(int(((ranks >= tail) & (ranks <= 1 - tail)).sum()), ranks.size, interval)
    ends = test.proportion_ci(0.95, "wilson")
    return Coverage(test.statistic, ends.low, ends.high, test.pvalue)


def recovery_of(truths: Floats, means: Floats) -> tuple[float, float]:
    """The share of squared error taken away, and its standard error."""
    before, after = (truths - 0.5) ** 2, (truths - means) ** 2
    without = 1 - (after.sum() - after) / (before.sum() - before)
    return float(1 - after.sum() / before.sum()), float(np.sqrt((truths.size - 1) * without.var()))


def verdicts_of(found: Found) -> list[Verdict]:
    """A verdict a number, with the tests of all numbers adjusted together."""
    covered = [tuple(coverage_of(ranks, interval) for interval in INTERVALS) for ranks in found.ranks.T]
    uneven = [float(kstest(ranks, "uniform").pvalue) for ranks in found.ranks.T]
    chances = np.array([[*(one.chance for one in both), ks] for both, ks in zip(covered, uneven, strict=True)])
    chances = false_discovery_control(chances.ravel()).reshape(chances.shape)
    verdicts = []
    for place, both in enumerate(covered):
        recovery, error = recovery_of(found.truths[:, place], found.means[:, place])
        width = width_of(both, chances[place], found.ranks[:, place])
        chance, identified = float(chances[place].min()), identified_by(recovery, error)
        verdicts.append(Verdict(both, uneven[place], chance, width, recovery, error, identified))
    return verdicts


def width_of(covered: Sequence[Coverage], chances: Floats, ranks: Floats) -> str:
    """The gravest fault that was seen; a chance an interval, and one of ranks as uneven."""
    faults = [one.share - right for one, right, chance in zip(covered, INTERVALS, chances, strict=False)
              if chance < ALPHA]  # fmt: skip
    if faults:
        return NARROW if min(faults) < 0 else WIDE
    if chances[-1] >= ALPHA:
        return SOUND
    if abs(ranks.mean() - 0.5) * np.sqrt(12 * ranks.size) > 1.96:
        return UNEVEN
    return NARROW if sum(one.share - right for one, right in zip(covered, INTERVALS, strict=True)) < 0 else WIDE


def identified_by(recovery: float, error: float) -> str:
    """Whether the evidence says anything of a number."""
    if recovery < WEAKLY or recovery <= 2 * error:
        return "not identified"
    return "identified" if recovery >= IDENTIFIED else "weakly identified"


def rows_of_soundness(made: "Fit", checks: Mapping[str, Found]) -> list[dict[str, Any]]:
    """A row a number, the fitted ones first; columns without an ending are of truths at random with error."""
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
    """What one check found for one number."""
    cells: dict[str, Any] = {"truths": truths}
    for interval, one in zip(INTERVALS, verdict.coverage, strict=True):
        name = f"coverage_{100 * interval:.0f}"
        cells |= {name: f"{one.share:.4f}", f"{name}_low": f"{one.low:.4f}", f"{name}_high": f"{one.high:.4f}"}
    return cells | {"uneven_p": f"{verdict.uneven:.3g}", "adjusted_p": f"{verdict.chance:.3g}", "width": verdict.width}


def sentence(key: str, verdict: Verdict) -> str:
    """One plain sentence on one number."""
    fifty, ninety = verdict.coverage
    words = {NARROW: "too narrow", WIDE: "too wide", UNEVEN: "off to one side",
             SOUND: "as wide as they say, as far as can be seen"}  # fmt: skip
    return (f"{key} is {verdict.identified}: the fit takes away {verdict.recovery:.2f} (standard error "
            f"{verdict.error:.2f}) of the squared error of the prior; its intervals are {words[verdict.width]} (the "
            f"50 % interval holds {fifty.share:.3f} of the truths, the 90 % interval {ninety.share:.3f}).")  # fmt: skip


def rows_of_ranks(made: "Fit", checks: Mapping[str, Found]) -> list[dict[str, Any]]:
    """A row a check and truth: its seed in the bank, and the rank of each number."""
    return [
        {"check": name or "with_error", "seed": int(made.bank.seeds[row]),
         **{key: f"{rank:.4f}" for key, rank in zip(made.bank.keys, ranks, strict=True)}}
        for name, found in checks.items() for row, ranks in zip(found.rows, found.ranks, strict=True)
    ]  # fmt: skip


def held_by(found: Found, places: Sequence[int], interval: float) -> str:
    """`0.885 (0.876 to 0.894)`: the mean over numbers, and its 95 % interval over truths, whose numbers go together."""
    tail = (1 - interval) / 2
    ranks = found.ranks[:, list(places)]
    held = ((ranks >= tail) & (ranks <= 1 - tail)).mean(axis=1)
    middle, reach = held.mean(), 1.96 * held.std(ddof=1) / np.sqrt(held.size)
    return f"{middle:.3f} ({middle - reach:.3f} to {middle + reach:.3f})"


def say_soundness(rows: Sequence[Mapping[str, Any]], checks: Mapping[str, Found], made: "Fit", seed: int) -> list[str]:
    """The section in plain sentences."""
    places = [made.bank.keys.index(key) for key in made.screening.chosen]
    pooled = {name: [held_by(found, places, interval) for interval in reversed(INTERVALS)]
              for name, found in checks.items()}  # fmt: skip
    fitted = [row for row in rows if row["adjusted"] == "yes"]
    others = [row for row in rows if row["adjusted"] == "no"]
    return [
        f"{rows[0]['truths']:,} campaigns of the bank, drawn at random (seed {seed}) from those with every fitted "
        "outcome, stood in for the truth. What would have been reported of each, with the errors that the table of "
        f"targets declares, was fitted by the same rejection and regression ({made.nearest.rows.size:,} draws a fit) "
        "without that campaign. If the fit is sound, the true value is equally likely to have any rank in its "
        "posterior, 50 % intervals hold half of the truths and 90 % intervals nine in ten. This checks the rejection "
        "and regression, not a refinement of them, and not whether the rules are right.",
        say_identified(fitted, others),
        say_widths(fitted, others, pooled),
        say_near(fitted, pooled),
        f"Chances are of three tests a number (both intervals, exact binomial; ranks, Kolmogorov-Smirnov), "
        f"{3 * len(rows)} in all, adjusted together so that of the faults named one in twenty is luck on average "
        f"(Benjamini and Hochberg). With {rows[0]['truths']:,} truths a 90 % interval that truly holds 0.90 shows "
        f"{luck_of_coverage(int(rows[0]['truths']))} in 95 of 100 checks; smaller faults than that are not seen.",
    ]  # fmt: skip


def say_identified(fitted: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> str:
    """Which numbers the evidence identifies, on average over the prior."""
    parts = []
    for what in ("identified", "weakly identified", "not identified"):
        names = [f"{row['number']} ({float(row['recovery']):.3f})" for row in fitted if row["identified"] == what]
        parts.append(f"{what}: {', '.join(names) or 'none'}")
    unmoved = [row["number"] for row in others if row["identified"] != "not identified"]
    return (
        "Recovery is the share of the squared error of knowing only the prior that the fit takes away: half or more "
        "counts as identified, a twentieth or more as weakly identified. Of the numbers that were fitted, "
        f"{'; '.join(parts)}. Of the {len(others)} that were not fitted, "
        f"{'none is identified' if not unmoved else 'weakly identified at least: ' + ', '.join(unmoved)}."
    )


def say_widths(
    fitted: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]], pooled: Mapping[str, Sequence[str]]
) -> str:
    """Whether intervals hold what they say, and what the error of reports has to do with it."""
    return (
        f"Of {len(fitted)} fitted numbers, intervals are {count(fitted, 'width')}. Taken together, their 90 % "
        f"intervals hold {pooled[''][0]} of the truths and their 50 % intervals {pooled[''][1]}. Reported without "
        f"error, they hold {' and '.join(pooled['without_error'])}; what is missing only with error comes of a fit "
        "that takes the record at its word. If each campaign of the bank erred as reports do, they would hold "
        f"{' and '.join(pooled['error_in_fit'])} (intervals: {count(fitted, 'width_error_in_fit')}). Of the "
        f"{len(others)} numbers that were not fitted: {count(others, 'width')}."
    )


def say_near(fitted: Sequence[Mapping[str, Any]], pooled: Mapping[str, Sequence[str]]) -> str:
    """The same where it matters: for truths that would have been reported much as the record is."""
    return (
        f"For the {fitted[0]['truths_near']:,} truths whose reports come nearest to the record, 90 % and 50 % "
        f"intervals hold {' and '.join(pooled['near'])} (intervals: {count(fitted, 'width_near')}); if each campaign "
        f"erred as reports do, {' and '.join(pooled['near_error_in_fit'])} (intervals: "
        f"{count(fitted, 'width_near_error_in_fit')})."
    )


def count(rows: Sequence[Mapping[str, Any]], column: str) -> str:
    """Count numbers by verdict: `too narrow for 2, no fault seen for 6`."""
    found = {word: sum(row[column] == word for row in rows) for word in (NARROW, WIDE, UNEVEN, SOUND)}
    return ", ".join(f"{word} for {number}" for word, number in found.items() if number) or "of no number"


def luck_of_coverage(truths: int) -> str:
    """`0.881 to 0.918`: the middle 95 % of the share that a right 90 % interval holds."""
    from scipy.stats import binom

    low, high = binom.interval(0.95, truths, INTERVALS[-1])
    return f"{low / truths:.3f} to {high / truths:.3f}"
