"""Under which numbers an outcome lies beyond a threshold: `python -m sim discover outcome=NAME above=1000`.

Reads   a bank of these rules, this data and these outcomes. Nothing is lived.
Writes  discoveries/<outcome>_above_<number>/ in the bank: boxes.csv, limits.csv, trade_off.csv,
        campaigns.parquet and discover.json. `sim.show.discover` says each box in a sentence and draws it.
Source  Scenario discovery: Bryant and Lempert 2010. Boxes by the patient rule induction method (Friedman and Fisher
        1999; `boxes.py`). A quasi-p value is the one-sided binomial test of Bryant and Lempert: how often so many cases
        would lie in the box if one of its limits meant nothing. Intervals: Wilson 1927. Both are SciPy's.
Assumed Boxes are found in one half of the campaigns (every other seed) and measured in the other half, which has not
        shaped them: a box around luck alone has no more cases there than anywhere. It is a *finding* when the 95 %
        interval of its density in the other half lies above the density outside it and above that of all campaigns. A
        limit that does not hold there (quasi-p above 0.05, shared among the limits of a box) is named. Campaigns are
        drawn from the prior: coverage and density are shares of what was believed before any fit, and say nothing of
        how likely the summer was.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.console import Console
from scipy.stats import binomtest

from sim.errors import PanjError
from sim.study.bank import Bank, read_bank
from sim.study.boxes import Box, boxes_of, harmonic, inside, without
from sim.study.calibrate import priors_of
from sim.study.discover_request import Request
from sim.study.discover_tables import (
    LEVEL,
    Found,
    Measured,
    Tested,
    about_discoveries,
    campaigns_table,
    row_of,
    rows_of_limits,
    rows_of_steps,
)
from sim.study.finished import EPOCH, Measure, read_finished, read_measure, read_worlds
from sim.study.score_tables import text_of
from sim.study.store import write_whole

FEWEST = 20  # campaigns of each kind in each half
Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


class Half(NamedTuple):
    """Some campaigns: their numbers, and whether they are cases."""

    drawn: Floats  # campaigns x numbers
    cases: Truths

    def outside(self, box: Box, keys: Sequence[str]) -> "Half":
        """What a box leaves for the next one."""
        rest = ~inside(box, self.drawn, keys)
        return Half(self.drawn[rest], self.cases[rest])


def measure(box: Box, half: Half, keys: Sequence[str], whole: Half) -> Measured:
    """How many campaigns and cases a box holds of what earlier boxes have left of the whole half."""
    within = inside(box, half.drawn, keys)
    held, cases = int(within.sum()), int(half.cases[within].sum())
    around = int((~within).sum())
    elsewhere = (int(half.cases.sum()) - cases) / around if around else 0.0
    everywhere = float(whole.cases.mean())
    if not held:
        return Measured(0, 0, 0.0, 0.0, 0.0, 0.0, elsewhere, everywhere)
    interval = binomtest(cases, held).proportion_ci(0.95, "wilson")
    coverage = cases / max(1, int(whole.cases.sum()))
    return Measured(held, cases, coverage, cases / held, interval.low, interval.high, elsewhere, everywhere)


def quasi_p_of(box: Box, half: Half, keys: Sequence[str]) -> tuple[Tested, ...]:
    """The quasi-p value of every limit: is the box denser than the same box without it?"""
    within = inside(box, half.drawn, keys)
    held, cases = int(within.sum()), int(half.cases[within].sum())
    tested = []
    for limit in box:
        wider = inside(without(box, limit), half.drawn, keys)
        quasi_p = 1.0
        if held and wider.sum() > held:
            quasi_p = float(binomtest(cases, held, float(half.cases[wider].mean()), alternative="greater").pvalue)
        tested.append(Tested(limit, quasi_p, quasi_p <= LEVEL / len(box)))
    return tuple(tested)


def halves_of(drawn: Floats, cases: Truths) -> tuple[Half, Half]:
    """Every other campaign, by seed."""
    return Half(drawn[::2], cases[::2]), Half(drawn[1::2], cases[1::2])


def discover(drawn: Floats, cases: Truths, keys: Sequence[str], request: Request) -> list[Found]:
    """Boxes one after the other, each on what the earlier ones leave; the first that is no finding ends the search."""
    first, other = whole_first, whole_other = halves_of(drawn, cases)
    found: list[Found] = []
    while len(found) < request.boxes and min(first.cases.sum(), (~first.cases).sum()) >= FEWEST:
        peeled = boxes_of(first.drawn, first.cases, keys, request.numbers)
        measured = [(measure(box, first, keys, whole_first), measure(box, other, keys, whole_other)) for box in peeled]
        chosen = choose([in_first for in_first, _ in measured], request.density)
        box = supported(peeled[chosen], first, keys)
        if not box:
            break
        found.append(Found(
            box, measure(box, first, keys, whole_first), measure(box, other, keys, whole_other),
            quasi_p_of(box, other, keys), tuple(measured), chosen if box == peeled[chosen] else -1,
        ))  # fmt: skip
        if not found[-1].is_finding:
            break
        first, other = first.outside(box, keys), other.outside(box, keys)
    return found


def choose(measured: Sequence[Measured], density: float | None) -> int:
    """The peel with the best harmonic mean of coverage and density, or the widest that is dense enough."""
    dense = [place for place, one in enumerate(measured) if density is not None and one.density >= density]
    if dense:
        return max(dense, key=lambda place: measured[place].coverage)
    if density is not None:
        return max(range(len(measured)), key=lambda place: measured[place].density)
    return max(range(len(measured)), key=lambda place: harmonic(measured[place].coverage, measured[place].density))


def supported(box: Box, half: Half, keys: Sequence[str]) -> Box:
    """The box without the limits that mean nothing even where it was found, the worst dropped first."""
    while box:
        worst = max(quasi_p_of(box, half, keys), key=lambda tested: tested.quasi_p)
        if worst.quasi_p <= LEVEL / len(box):
            break
        box = without(box, worst.limit)
    return box


def values_of(bank: Bank, request: Request) -> tuple[Measure, Floats]:
    """The outcome of every campaign, in the order of the bank, a date as its ordinal; PanjError where there is none."""
    study = read_finished(bank.folder)
    measure = read_measure(study, request.outcome)
    for key, text in request.thresholds.items():
        if (text.count("-") == 2) != measure.is_date:
            expected = "a date such as 2021-07-05" if measure.is_date else "a number"
            raise PanjError(f"{key}: found '{text}' for {request.outcome}, expected {expected}")
    worlds = read_worlds(study, measure, EPOCH)[study.cells[0].number]
    if not worlds.there.any():
        raise PanjError(f"outcome: found no campaign of {bank.folder} that has {request.outcome}, expected some; "
                        "campaigns of a longer bank may have it: end_date=")  # fmt: skip
    values = worlds.values[np.argsort(worlds.seeds)]
    return measure, values + EPOCH.toordinal() if measure.is_date else values


def cases_of(values: Floats, request: Request) -> Truths:
    """Beyond the threshold, or between two; PanjError where too few campaigns are, or too few are not."""
    cases = np.ones(values.size, np.bool_)
    if request.above is not None:
        cases &= values > request.above
    if request.below is not None:
        cases &= values < request.below
    fewest = min(min(int(half.sum()), int((~half).sum())) for half in (cases[::2], cases[1::2]))
    if fewest < FEWEST:
        said = " ".join(f"{key}={text}" for key, text in request.thresholds.items())
        raise PanjError(
            f"{next(iter(request.thresholds))}: found {int(cases.sum()):,} of {cases.size:,} campaigns with "
            f"{request.outcome} {said} (it lies from {np.min(values):g} to {np.max(values):g}), expected at least "
            f"{FEWEST} that do and {FEWEST} that do not in each half of the bank; another threshold, or a larger bank"
        )
    return cases


def write_discoveries(request: Request, console: Console) -> None:
    """Boxes, their limits and the trade-off; PanjError for a bank of other rules, or without such an outcome."""
    bank = read_bank(request.bank)
    measure, values = values_of(bank, request)
    there = ~np.isnan(values)
    cases = cases_of(values[there], request)
    console.print(f"{request.bank}: {int(cases.sum()):,} cases among {cases.size:,} campaigns; looking for boxes over "
                  f"{len(bank.keys)} numbers ...", soft_wrap=True)  # fmt: skip
    found = discover(bank.drawn[there], cases, bank.keys, request)
    priors = {prior.key: prior for prior in priors_of(bank)}
    tables = {
        "boxes.csv": [row_of(number, one) for number, one in enumerate(found, start=1)],
        "limits.csv": [row for number, one in enumerate(found, start=1) for row in rows_of_limits(number, one, priors)],
        "trade_off.csv": [row for number, one in enumerate(found, start=1) for row in rows_of_steps(number, one)],
    }
    for name, rows in tables.items():
        write_whole(request.folder / name, text_of(rows).encode(), request.bank)
    shown = campaigns_table(bank.seeds[there], bank.drawn[there], cases, bank.keys, found)
    sink = pa.BufferOutputStream()
    pq.write_table(shown, sink)
    write_whole(request.folder / "campaigns.parquet", sink.getvalue(), request.bank)
    about = about_discoveries(request, bank, measure, cases, priors)
    write_whole(request.folder / "discover.json", (json.dumps(about, indent=1) + "\n").encode(), request.bank)
