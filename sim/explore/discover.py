"""Under which numbers an outcome lies beyond a threshold: `python -m sim discover outcome=NAME above=1000`.

Reads   a bank of these rules, this data and these outcomes. Nothing is lived.
Writes  discoveries/<outcome>_above_<number>/ in the bank: boxes.csv, limits.csv, trade_off.csv,
        campaigns.parquet and discover.json. `sim.explore.figures` says each box in a sentence and draws it.
Source  Scenario discovery: Bryant and Lempert 2010. Boxes by the patient rule induction method (Friedman and Fisher
        1999; `boxes.py`). A quasi-p value is the one-sided binomial test of Bryant and Lempert: how often so many cases
        would lie in the box if one of its limits meant nothing. Intervals: Wilson 1927. Both are SciPy's.
Assumed Boxes are found in one half of the campaigns (every other seed) and measured in the other half, which has not
        shaped them: a box around luck alone has no more cases there than anywhere. It is a *finding* when the 95 %
        interval of its density in the other half lies above the density outside it and above that of all campaigns. A
        limit that does not hold there (quasi-p above 0.05, shared among the limits of a box) is named. Campaigns are
        drawn from the prior: coverage and density are shares of what was believed before any fit, and say nothing of
        how likely the summer was.

Boxes in which cases are dense, by the patient rule induction method: `Prim` of the ema_workbench.

A box is a list of limits on numbers. PRIM cuts a thin slice off one side of one number after the other, always the
slice whose loss makes the rest densest for its size, and pastes back what it cut too far.

Source  Friedman and Fisher 1999, as Kwakkel and Jaxa-Rozen 2016 have it (ema_workbench).
Assumed With many numbers PRIM goes on cutting where there is only luck. A first, coarse search over all numbers
        therefore says which few restrict most (whose limits the density can least do without); the boxes are those of a
        second, fine search over these alone. Its own printed boxes are wrong with pandas 3: `box_lims` are read.

What `python -m sim discover` was asked for.

The tables of discoveries: boxes, their limits, the trade-off between coverage and density, the campaigns.

Reads   what `discover.py` found.
Gives   rows of boxes.csv, limits.csv, trade_off.csv, the table of campaigns.parquet and the content of discover.json.
"""

import json
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.console import Console
from scipy.stats import binomtest

from sim.calibrate.fit import Bank, priors_of, read_bank
from sim.errors import PanjError
from sim.options import Discover, usage_of
from sim.provenance import commit, versions
from sim.settings.draws import Prior
from sim.study.files import csv_text, json_text, write_errors, write_file
from sim.study.reader import EPOCH, Measure, open_study, read_measure, read_worlds

FEWEST = 20  # campaigns of each kind in each half
Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


class Limit(NamedTuple):
    """One side of a box."""

    key: str
    side: str  # the box lies above or below the value
    value: float


Box = tuple[Limit, ...]


class Half(NamedTuple):
    """Some campaigns: their numbers, and whether they are cases."""

    drawn: Floats  # campaigns x numbers
    cases: Truths

    def outside(self, box: Box, keys: Sequence[str]) -> "Half":
        """What a box leaves for the next one."""
        rest = ~inside(box, self.drawn, keys)
        return Half(self.drawn[rest], self.cases[rest])


class Measured(NamedTuple):
    """A box among some campaigns."""

    held: int  # campaigns in the box
    cases: int  # of them
    coverage: float  # of all cases that there are, of earlier boxes too
    density: float  # of the campaigns in the box
    low: float  # 95 % interval of the density
    high: float
    elsewhere: float  # density outside the box, among what earlier boxes have left
    everywhere: float  # density among all

    @property
    def is_finding(self) -> bool:
        """Denser than what lies around it, and than all campaigns, by more than luck."""
        return self.held > 0 and self.low > max(self.elsewhere, self.everywhere)


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


class Tested(NamedTuple):
    """One limit, and how often luck alone would do as well."""

    limit: Limit
    quasi_p: float
    holds: bool


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


class Found(NamedTuple):
    """A box, how it does in both halves, and the peels that led to it."""

    box: Box
    first: Measured  # in the half in which it was found
    other: Measured
    limits: tuple[Tested, ...]  # in the other half
    steps: tuple[tuple[Measured, Measured], ...]  # of every peel and paste, in both halves
    chosen: int  # of them; -1 where limits were dropped afterwards

    @property
    def is_finding(self) -> bool:
        """Denser in the half that did not shape it."""
        return self.other.is_finding


def discover(drawn: Floats, cases: Truths, keys: Sequence[str], request: Discover) -> list[Found]:
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


def values_of(bank: Bank, request: Discover) -> tuple[Measure, Floats]:
    """The outcome of every campaign, in the order of the bank, a date as its ordinal; PanjError where there is none."""
    study = open_study(bank.folder)
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


def cases_of(values: Floats, request: Discover) -> Truths:
    """Beyond the threshold, or between two; PanjError where too few campaigns are, or too few are not."""
    cases = np.ones(values.size, np.bool_)
    if request.above is not None:
        cases &= values > request.above.value
    if request.below is not None:
        cases &= values < request.below.value
    fewest = min(min(int(half.sum()), int((~half).sum())) for half in (cases[::2], cases[1::2]))
    if fewest < FEWEST:
        said = " ".join(f"{key}={text}" for key, text in request.thresholds.items())
        raise PanjError(
            f"{next(iter(request.thresholds))}: found {int(cases.sum()):,} of {cases.size:,} campaigns with "
            f"{request.outcome} {said} (it lies from {np.min(values):g} to {np.max(values):g}), expected at least "
            f"{FEWEST} that do and {FEWEST} that do not in each half of the bank; another threshold, or a larger bank"
        )
    return cases


def write_discoveries(request: Discover, console: Console) -> None:
    """Boxes, their limits and the trade-off; PanjError for a bank of other rules, or without such an outcome."""
    check(request)
    bank = read_bank(request.folder)
    measure, values = values_of(bank, request)
    there = ~np.isnan(values)
    cases = cases_of(values[there], request)
    console.print(f"{request.folder}: {int(cases.sum()):,} cases among {cases.size:,} campaigns; looking for boxes "
                  f"over {len(bank.keys)} numbers ...", soft_wrap=True)  # fmt: skip
    found = discover(bank.drawn[there], cases, bank.keys, request)
    priors = {prior.key: prior for prior in priors_of(bank)}
    tables = {
        "boxes.csv": [row_of(number, one) for number, one in enumerate(found, start=1)],
        "limits.csv": [row for number, one in enumerate(found, start=1) for row in rows_of_limits(number, one, priors)],
        "trade_off.csv": [row for number, one in enumerate(found, start=1) for row in rows_of_steps(number, one)],
    }
    shown = campaigns_table(bank.seeds[there], bank.drawn[there], cases, bank.keys, found)
    about = about_discoveries(request, bank, measure, cases, priors)
    with write_errors(request.folder):
        for name, rows in tables.items():
            write_file(request.place / name, csv_text(rows))
        write_file(request.place / "campaigns.parquet", lambda file: pq.write_table(shown, file))
        write_file(request.place / "discover.json", json_text(about))


COARSE, FINE = 0.1, 0.05  # share of a box that is cut at once
LEAST = 0.01  # of all campaigns in a box
FEWEST_IN_BOX = 20  # campaigns in a box
ABOVE, BELOW = "above", "below"


def inside(box: Box, drawn: Floats, keys: Sequence[str]) -> Truths:
    """Which campaigns lie within all limits of a box; all do where it has none."""
    within = np.ones(len(drawn), np.bool_)
    for limit in box:
        column = drawn[:, list(keys).index(limit.key)]
        within &= column >= limit.value if limit.side == ABOVE else column <= limit.value
    return within


def without(box: Box, limit: Limit) -> Box:
    """The box that is wider by one limit."""
    return tuple(one for one in box if one != limit)


def harmonic(one: float, other: float) -> float:
    """The harmonic mean: high only where both are."""
    return 2 * one * other / (one + other) if one + other > 0 else 0.0


def boxes_of(drawn: Floats, cases: Truths, keys: Sequence[str], most: int) -> list[Box]:
    """Every box on the way from all campaigns to the densest one, over at most so many numbers."""
    coarse = peels(drawn, cases, keys, COARSE)
    best = max(coarse, key=lambda box: worth(box, drawn, cases, keys))
    few = strongest(best, drawn, cases, keys)[:most]
    if not few:
        return [()]
    columns = [list(keys).index(key) for key in few]
    return peels(drawn[:, columns], cases, few, FINE)


def worth(box: Box, drawn: Floats, cases: Truths, keys: Sequence[str]) -> float:
    """The harmonic mean of coverage and density."""
    within = inside(box, drawn, keys)
    held, found = int(within.sum()), int(cases[within].sum())
    return harmonic(found / max(1, int(cases.sum())), found / held) if held else 0.0


def strongest(box: Box, drawn: Floats, cases: Truths, keys: Sequence[str]) -> list[str]:
    """The numbers of a box, the one first without whose limits it would lose most of its density."""
    within = inside(box, drawn, keys)
    density = float(cases[within].mean())
    loss = {}
    for key in dict.fromkeys(limit.key for limit in box):
        wider = inside(tuple(limit for limit in box if limit.key != key), drawn, keys)
        loss[key] = density - float(cases[wider].mean())
    return sorted(loss, key=lambda key: -loss[key])


def peels(drawn: Floats, cases: Truths, keys: Sequence[str], cut: float) -> list[Box]:
    """The boxes of one search, the first without limits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of parts that are not used here, and of pandas as the library uses it
        import pandas as pd
        from ema_workbench.analysis.prim import Prim  # slow to import

        columns = pd.DataFrame(drawn, columns=list(keys))
        least = min(1.0, max(LEAST, FEWEST_IN_BOX / len(drawn)))
        search = Prim(columns, cases.astype(int), threshold=0.0, peel_alpha=cut, paste_alpha=cut, mass_min=least)
        found = search.find_box()
    whole = found.box_lims[0]
    return list(dict.fromkeys(limits_of(one, whole, keys) for one in found.box_lims))


def limits_of(lims: object, whole: object, keys: Sequence[str]) -> Box:
    """What a frame of the library restricts: row 0 holds lower ends, row 1 upper ends, a column a number."""
    limits = []
    for key in keys:
        ends, free = ([float(frame[key].iloc[row]) for row in (0, 1)] for frame in (lims, whole))  # type: ignore[index]
        limits += [Limit(key, side, ends[row]) for row, side in enumerate((ABOVE, BELOW)) if ends[row] != free[row]]
    return tuple(limits)


def check(request: Discover) -> None:
    """A threshold is asked for, and the lower is below the upper."""
    if not request.thresholds:
        raise PanjError(f"above: found neither above nor below, expected at least one: {usage_of(Discover)}")
    if request.above and request.below and request.above.value >= request.below.value:
        raise PanjError(f"above: found {request.above.text} and below={request.below.text}, expected above lower than "
                        "below")  # fmt: skip


LEVEL = 0.05  # of a quasi-p value, shared among the limits of a box


def campaigns_table(
    seeds: NDArray[np.int64], drawn: Floats, cases: Truths, keys: Sequence[str], found: Sequence[Found]
) -> pa.Table:
    """A row a campaign: its half, whether it is a case, the first box that holds it (0: none), and the numbers."""
    first_box = np.zeros(len(seeds), np.int32)
    for number, one in reversed(list(enumerate(found, start=1))):
        first_box[inside(one.box, drawn, keys)] = number
    half = np.where(np.arange(len(seeds)) % 2 == 0, "found", "other")
    restricted = dict.fromkeys(limit.key for one in found for limit in one.box)
    numbers = {key: drawn[:, list(keys).index(key)] for key in restricted}
    return pa.table({"seed": seeds, "half": half, "case": cases, "box": first_box, **numbers})


def row_of(number: int, found: Found) -> dict[str, str]:
    """A box; `found_...` is where it was found, all else in the other half."""
    other = found.other
    return {
        "box": str(number), "finding": "yes" if found.is_finding else "no", "limits": str(len(found.box)),
        "coverage": f"{other.coverage:.4f}", "density": f"{other.density:.4f}",
        "density_low": f"{other.low:.4f}", "density_high": f"{other.high:.4f}",
        "density_elsewhere": f"{other.elsewhere:.4f}", "density_everywhere": f"{other.everywhere:.4f}",
        "campaigns": str(other.held), "cases": str(other.cases),
        "found_coverage": f"{found.first.coverage:.4f}", "found_density": f"{found.first.density:.4f}",
    }  # fmt: skip


def rows_of_limits(number: int, found: Found, priors: dict[str, Prior]) -> list[dict[str, str]]:
    """A row a limit, with the range of the prior that it cuts."""
    return [
        {
            "box": str(number), "number": one.limit.key, "side": one.limit.side, "limit": f"{one.limit.value:.6g}",
            "prior_low": f"{priors[one.limit.key].low:.6g}", "prior_high": f"{priors[one.limit.key].high:.6g}",
            "scale": priors[one.limit.key].scale, "quasi_p": f"{one.quasi_p:.3g}",
            "holds": "yes" if one.holds else "no",
        }
        for one in found.limits
    ]  # fmt: skip


def rows_of_steps(number: int, found: Found) -> list[dict[str, str]]:
    """A row a peel or paste: coverage against density, in both halves."""
    return [
        {
            "box": str(number), "step": str(step), "chosen": "yes" if step == found.chosen else "no",
            "coverage": f"{other.coverage:.4f}", "density": f"{other.density:.4f}",
            "found_coverage": f"{first.coverage:.4f}", "found_density": f"{first.density:.4f}",
        }
        for step, (first, other) in enumerate(found.steps)
    ]  # fmt: skip


def about_discoveries(
    request: Discover, bank: Bank, measure: Measure, cases: Truths, priors: dict[str, Prior]
) -> dict[str, Any]:
    """What was asked and of what."""
    about = json.loads((bank.folder / "about.json").read_text(encoding="utf-8"))
    kept = ("study", "scenario", "calibration", "end_date", "first_seed", "data_fingerprint", "rules_fingerprint",
            "outcomes_fingerprint")  # fmt: skip
    return {
        **{key: about[key] for key in kept}, "last_seed": int(bank.seeds.max()), "bank_commit": about.get("commit"),
        "commit": commit(), "versions": versions(), "words": ["discover", *request.words],
        "outcome": request.outcome, "thresholds": request.thresholds,
        "label": measure.label, "unit": measure.unit, "is_date": measure.is_date,
        "reported": measure.reported, "campaigns": int(cases.size), "cases": int(cases.sum()),
        "missing": len(bank.seeds) - int(cases.size), "failed": bank.failed, "level": LEVEL,
        "numbers": request.numbers, "density": request.density, "boxes": request.boxes,
        "priors": {key: [prior.low, prior.high, prior.scale] for key, prior in priors.items()},
    }  # fmt: skip
