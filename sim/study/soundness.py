"""Is the calibration itself sound? Campaigns of the bank stand in for the truth, and the same fit has to find them.

Reads   a bank, the targets that are to be fitted, and the share of campaigns that the fit of the record accepts.
Writes  sbc.csv (a row a number), sbc_ranks.csv (a row a check and truth) and section_1_soundness.json.
        `sim.show.soundness` draws them.
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
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from sim.errors import PanjError
from sim.parameters import declared_numbers
from sim.study import scoring
from sim.study.bank import read_bank
from sim.study.calibrate import DRAWS_A_COEFFICIENT, Fit, adjusted, fit, nearest_of, priors_of
from sim.study.draws import Prior
from sim.study.heldout import sceptics, write_heldout
from sim.study.measured import scaled
from sim.study.ranks import Found, rank_in, rows_of_ranks, rows_of_soundness, say_soundness
from sim.study.run import console_of
from sim.study.score import targets_here
from sim.study.score_tables import text_of
from sim.study.screening import Summaries, summaries_of
from sim.targets import Target, bounds_of

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
    outside = np.array([scoring.outside(column, least, most) for column, least, most in ends]).T
    return np.where(np.isnan(summaries.numbers), np.nan, outside / summaries.units)


def shares_of(priors: Sequence[Prior], rows: Floats) -> Floats:
    """The share of each prior below each number: `Prior.share` of whole columns."""
    shares = np.empty(rows.shape)
    for place, prior in enumerate(priors):
        if declared_numbers()[prior.key].is_whole:
            shares[:, place] = (rows[:, place] - prior.low + 0.5) / (prior.high - prior.low + 1)
            continue
        on_scale = np.log if prior.scale == "log" else np.asarray
        low, high = on_scale(prior.low), on_scale(prior.high)
        shares[:, place] = (on_scale(rows[:, place]) - low) / (high - low)
    return shares


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
    (folder / "sbc.csv").write_text(text_of(rows), encoding="utf-8")
    (folder / "sbc_ranks.csv").write_text(text_of(rows_of_ranks(made, checks)), encoding="utf-8")
    section = {
        "title": "Is the calibration itself sound?", "paragraphs": say_soundness(rows, checks, made, LUCK_OF_TRUTHS),
        "tables": ["sbc.csv"], "figures": ["sbc.png", "coverage.png"],
    }  # fmt: skip
    (folder / "section_1_soundness.json").write_text(json.dumps(section, indent=1) + "\n", encoding="utf-8")


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
