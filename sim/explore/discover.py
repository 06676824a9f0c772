"""Find parameter ranges where an outcome often passes a threshold: `python -m sim discover outcome=NAME above=1000`.

A case is a campaign whose outcome is beyond the threshold. A box is a set of limits on a few parameters within which
cases are frequent. Boxes are found in one half of the campaigns (every other seed) and measured in the other half, the
holdout, in which a box that fits only noise is no denser than its surroundings. A box is a *finding* if the 95 %
interval of its density in the holdout is above the density outside it and above that of all campaigns. A limit is
marked as doubtful if its quasi-p value in the holdout is above 0.05 divided by the number of limits of the box.

Campaigns are drawn from the prior: coverage and density are shares of them, before any fit, and do not show how
likely the summer of 2021 was.

With many parameters, PRIM continues to cut when only noise is left. A coarse search over all parameters therefore
selects the few whose limits raise the density most, and a fine search over these gives the boxes. The search is
implemented here in NumPy, because packages with PRIM (`ema_workbench`, `prim`) also bring plotting, optimisation and
licences that Panj does not need. It finds the same boxes as `ema_workbench` 2.5.

Reads   a bank (prior sample) made with the current rules, data and outcomes. No campaign is run.
Writes  discoveries/<outcome>_above_<number>/ in the bank: boxes.csv, limits.csv, trade_off.csv, campaigns.parquet and
        discover.json. `sim.explore.figures` describes each box in a sentence and draws it.
Source  Scenario discovery: Bryant and Lempert 2010. Boxes: the patient rule induction method (PRIM), Friedman and
        Fisher 1999, with the gain in density per campaign as in Kwakkel and Jaxa-Rozen 2016. A quasi-p value is the
        one-sided binomial test of Bryant and Lempert: the probability of at least as many cases in the box if one of
        its limits had no effect. Intervals: Wilson 1927.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.console import Console
from scipy.stats import binomtest

from sim.calibrate.fit import Bank, priors_of, read_bank
from sim.configuration.draws import Prior
from sim.errors import PanjError
from sim.options import Discover, Range, range_of, usage_of
from sim.provenance import commit, versions
from sim.study.codebook import Codebook, describe_tables
from sim.study.files import csv_text, json_text, make_folder, write_errors, write_file, write_folder
from sim.study.reader import EPOCH, Measure, open_study, read_about, read_measure, read_worlds

FEWEST = 20  # smallest number of cases, and of other campaigns, in each half
Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


class Limit(NamedTuple):
    """A limit of a box: a lower or an upper bound on one parameter."""

    key: str
    side: str  # side of the value on which the box is, `above` or `below`
    value: float


Box = tuple[Limit, ...]


class Half(NamedTuple):
    """All or some campaigns of one half: their drawn parameters, and whether they are cases."""

    drawn: Floats  # (campaigns, parameters) drawn values, in the units of the parameters
    cases: Truths

    def outside(self, box: Box, keys: Sequence[str]) -> "Half":
        """Return the campaigns outside a box, in which the next box is sought."""
        rest = ~inside(box, self.drawn, keys)
        return Half(self.drawn[rest], self.cases[rest])


class Measured(NamedTuple):
    """The coverage and density of a box in one half of the campaigns."""

    held: int  # number of campaigns in the box
    cases: int  # number of cases in the box
    coverage: float  # share of all cases, including those in earlier boxes
    density: float  # share of cases among the campaigns in the box
    low: float  # lower end of the 95 % interval of the density
    high: float
    elsewhere: float  # density outside the box and outside earlier boxes
    everywhere: float  # density among all campaigns

    @property
    def is_finding(self) -> bool:
        """Whether the box has significantly higher density than its surroundings and than all campaigns."""
        return self.held > 0 and self.low > max(self.elsewhere, self.everywhere)


def measure(box: Box, half: Half, keys: Sequence[str], whole: Half) -> Measured:
    """Measure the coverage and density of a box in one half of the campaigns.

    Args:
        box: The box.
        half: Campaigns of the half that are outside earlier boxes.
        keys: Key of each parameter.
        whole: All campaigns of the half.
    """
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
    """A limit of a box, its quasi-p value, and whether it is significant."""

    limit: Limit
    quasi_p: float
    holds: bool


def quasi_p_of(box: Box, half: Half, keys: Sequence[str]) -> tuple[Tested, ...]:
    """Test whether a box is denser with each of its limits than without it."""
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
    """Split campaigns in order of seed into two halves: every other campaign is in the second half."""
    return Half(drawn[::2], cases[::2]), Half(drawn[1::2], cases[1::2])


class Found(NamedTuple):
    """A box, with its coverage and density in both halves and the steps of its search."""

    box: Box
    first: Measured  # coverage and density in the half in which the box was found
    other: Measured  # coverage and density in the holdout half
    limits: tuple[Tested, ...]  # the limits of the box, tested in the holdout half
    steps: tuple[tuple[Measured, Measured], ...]  # coverage and density after every step, in both halves
    chosen: int  # index of the chosen step; -1 if limits were dropped afterwards

    @property
    def is_finding(self) -> bool:
        """Whether the box is a finding in the holdout half."""
        return self.other.is_finding


def discover(drawn: Floats, cases: Truths, keys: Sequence[str], request: Discover) -> list[Found]:
    """Find boxes one after another, each among the campaigns outside all earlier boxes.

    The search stops after `request.boxes` boxes or after the first box that is not a finding, which is still returned.
    It also stops when too few cases or other campaigns are left, or when no limit of the next box is significant.

    Args:
        drawn: (campaigns, parameters) Drawn values, in the units of the parameters and in the order of seeds.
        cases: Whether each campaign is a case.
        keys: Key of each parameter.
        request: The numbers of boxes and of parameters per box, and the target density.
    """
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
    """Choose the step of a search whose box is kept.

    Args:
        measured: Coverage and density after every step.
        density: The requested density; None if none is requested.

    Returns:
        The index of the step. If no density is requested, it is the step with the highest harmonic mean of coverage and
        density; otherwise the step with the largest coverage among those that reach the density, or the densest step if
        none does.
    """
    dense = [place for place, one in enumerate(measured) if density is not None and one.density >= density]
    if dense:
        return max(dense, key=lambda place: measured[place].coverage)
    if density is not None:
        return max(range(len(measured)), key=lambda place: measured[place].density)
    return max(range(len(measured)), key=lambda place: harmonic(measured[place].coverage, measured[place].density))


def supported(box: Box, half: Half, keys: Sequence[str]) -> Box:
    """Drop the limits that are not significant in the half in which the box was found, and return the resulting box.

    Limits are dropped one at a time, the least significant first, until all that remain are significant.
    """
    while box:
        worst = max(quasi_p_of(box, half, keys), key=lambda tested: tested.quasi_p)
        if worst.quasi_p <= LEVEL / len(box):
            break
        box = without(box, worst.limit)
    return box


def values_of(bank: Bank, request: Discover) -> tuple[Measure, Floats]:
    """Read the outcome of every campaign of a bank, in the order of seeds and with dates as ordinals.

    Raise PanjError if no campaign has the outcome, or if only one of threshold and outcome is a date.
    """
    study = open_study(bank.folder)
    measure = read_measure(study, request.outcome)
    for key, text in request.thresholds.items():
        if (text.count("-") == 2) != measure.is_date:
            expected = "a date such as 2021-07-05" if measure.is_date else "a number"
            raise PanjError(f"{key}: found '{text}' for {request.outcome}, expected {expected}")
    worlds = read_worlds(study, measure, EPOCH)[study.cells[0].number]
    if not worlds.there.any():
        raise PanjError(f"outcome: found no campaign with {request.outcome} in {bank.folder}, expected at least one; "
                        "a bank with a later end_date= may have it")  # fmt: skip
    values = worlds.values[np.argsort(worlds.seeds)]
    return measure, values + EPOCH.toordinal() if measure.is_date else values


def cases_of(values: Floats, request: Discover) -> Truths:
    """Return whether each campaign is a case: beyond the threshold, or between the two thresholds.

    Raise PanjError if either half of the bank has too few cases or too few other campaigns.
    """
    cases = Range(request.above, request.below).holds(values)
    fewest = min(min(int(half.sum()), int((~half).sum())) for half in (cases[::2], cases[1::2]))
    if fewest < FEWEST:
        said = " ".join(f"{key}={text}" for key, text in request.thresholds.items())
        raise PanjError(
            f"{next(iter(request.thresholds))}: found {int(cases.sum()):,} of {cases.size:,} campaigns with "
            f"{request.outcome} {said} (values are {np.min(values):g} to {np.max(values):g}), expected at least "
            f"{FEWEST} with such values and {FEWEST} with other values in each half of the bank; choose another "
            "threshold or a larger bank"
        )
    return cases


def write_discoveries(request: Discover, console: Console) -> None:
    """Find the boxes and write their tables.

    Args:
        request: The bank, the outcome, its thresholds and the limits of the search.
        console: Console for progress messages.

    Raises:
        PanjError: A threshold is missing or invalid, the bank was made with other rules, data or outcomes, no campaign
            has the outcome, or there are too few cases or too few other campaigns.
    """
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
        make_folder(request.place.parent)
    with write_folder(request.place, "results_dir") as fresh:
        for name, rows in tables.items():
            write_file(fresh / name, csv_text(rows, COLUMNS[name]))
        pq.write_table(shown, fresh / "campaigns.parquet", write_page_checksum=True)
        write_file(fresh / "discover.json", json_text(about))
    describe_tables(request.place, "discoveries")


COARSE, FINE = 0.1, 0.05  # shares of a box's campaigns removed by one step
COLUMNS = {  # of the tables, which have no rows if no box is found
    "boxes.csv": (
        *("box", "finding", "limits", "coverage", "density", "density_low", "density_high", "density_elsewhere"),
        *("density_everywhere", "campaigns", "cases", "found_coverage", "found_density"),
    ),
    "limits.csv": ("box", "number", "side", "limit", "prior_low", "prior_high", "scale", "quasi_p", "holds"),
    "trade_off.csv": ("box", "step", "chosen", "coverage", "density", "found_coverage", "found_density"),
}
LEAST = 0.01  # smallest share of all campaigns in a box
FEWEST_IN_BOX = 20  # smallest number of campaigns in a box
ABOVE, BELOW = "above", "below"


def inside(box: Box, drawn: Floats, keys: Sequence[str]) -> Truths:
    """Return whether each campaign is within all limits of a box; a box without limits contains every campaign."""
    within = np.ones(len(drawn), np.bool_)
    for limit in box:
        column = drawn[:, list(keys).index(limit.key)]
        within &= column >= limit.value if limit.side == ABOVE else column <= limit.value
    return within


def without(box: Box, limit: Limit) -> Box:
    """Return the box without one of its limits."""
    return tuple(one for one in box if one != limit)


def harmonic(one: float, other: float) -> float:
    """Return the harmonic mean of two shares, or 0 if both are 0."""
    return 2 * one * other / (one + other) if one + other > 0 else 0.0


def boxes_of(drawn: Floats, cases: Truths, keys: Sequence[str], most: int) -> list[Box]:
    """Search for dense boxes over at most `most` parameters, and return the box after every step.

    A coarse search over all parameters selects those of a fine search; the boxes of the fine search are returned.
    """
    coarse = peels(drawn, cases, keys, COARSE)
    best = max(coarse, key=lambda box: worth(box, drawn, cases, keys))
    few = strongest(best, drawn, cases, keys)[:most]
    if not few:
        return [()]
    columns = [list(keys).index(key) for key in few]
    return peels(drawn[:, columns], cases, few, FINE)


def worth(box: Box, drawn: Floats, cases: Truths, keys: Sequence[str]) -> float:
    """Return the score by which boxes are compared, the harmonic mean of coverage and density."""
    within = inside(box, drawn, keys)
    held, found = int(within.sum()), int(cases[within].sum())
    return harmonic(found / max(1, int(cases.sum())), found / held) if held else 0.0


def strongest(box: Box, drawn: Floats, cases: Truths, keys: Sequence[str]) -> list[str]:
    """Return the parameters of a box in descending order of the loss in density without their limits."""
    within = inside(box, drawn, keys)
    density = float(cases[within].mean())
    loss = {}
    for key in dict.fromkeys(limit.key for limit in box):
        wider = inside(tuple(limit for limit in box if limit.key != key), drawn, keys)
        loss[key] = density - float(cases[wider].mean())
    return sorted(loss, key=lambda key: -loss[key])


def peels(drawn: Floats, cases: Truths, keys: Sequence[str], cut: float) -> list[Box]:
    """Search for dense boxes by the patient rule induction method, and return the box after every step.

    Each peeling step tightens the limit that raises the density most per campaign lost, until no limit raises it or the
    box would become too small. Each pasting step then relaxes the limit that raises the density most per campaign
    gained. Among equally good moves, the one that leaves the most parameters unrestricted is chosen, or else the first.

    Args:
        drawn: (campaigns, parameters) Drawn values, in the units of the parameters.
        cases: Whether each campaign is a case.
        keys: Key of each parameter.
        cut: Share of the campaigns in the box removed by a peeling step, and share of the campaigns just beyond a limit
            added by a pasting step.

    Returns:
        The boxes in the order of steps, without duplicates; the first has no limits.
    """
    least = min(1.0, max(LEAST, FEWEST_IN_BOX / len(drawn)))
    whole = np.array([drawn.min(axis=0), drawn.max(axis=0)])  # (lower and upper ends, parameters)
    found = [whole]
    for moves in (cuts_of, pastes_of):
        within = within_ends(found[-1], drawn)
        while moved := best_move(moves(found[-1], whole, drawn, within, cut), whole, drawn, cases, within):
            if moved[1].sum() / len(drawn) < least:
                break
            found.append(moved[0])
            within = moved[1]
    return list(dict.fromkeys(limits_of(ends, whole, keys) for ends in found))


def within_ends(ends: Floats, drawn: Floats) -> Truths:
    """Return whether each campaign is between the lower and upper ends of a box, inclusive."""
    return ((drawn >= ends[0]) & (drawn <= ends[1])).all(axis=1)


def cuts_of(ends: Floats, _whole: Floats, drawn: Floats, within: Truths, cut: float) -> Iterator[Floats]:
    """Yield the boxes that result from removing a share `cut` of the campaigns at one end of one parameter."""
    held = np.sort(drawn[within], axis=0)
    for place in range(drawn.shape[1]):
        for end in (1, 0):
            yield moved_end(ends, end, place, halfway(held[:, place], 1 - cut if end else cut))


def pastes_of(ends: Floats, whole: Floats, drawn: Floats, _within: Truths, cut: float) -> Iterator[Floats]:
    """Yield the boxes that result from adding a share `cut` of the campaigns beyond one of the limits."""
    for place in np.flatnonzero((ends != whole).any(axis=0)).tolist():
        for end in (0, 1):
            beyond = moved_end(ends, 1 - end, place, ends[end, place])
            beyond[end, place] = whole[end, place]
            gained = np.sort(drawn[within_ends(beyond, drawn), place])
            value = halfway(gained, cut if end else 1 - cut) if gained.size else whole[end, place]
            yield moved_end(ends, end, place, value)


def moved_end(ends: Floats, end: int, place: int, value: float) -> Floats:
    """Return the ends of a box, with one end of one parameter replaced by `value`."""
    ends = ends.copy()
    ends[end, place] = value
    return ends


def halfway(ordered: Floats, share: float) -> float:
    """Return a number near a quantile and halfway between two distinct values, so that equal values stay together.

    Args:
        ordered: Values in increasing order.
        share: Share of the values below the quantile.
    """
    place = (ordered.size - 1) * share
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    if low == high:
        if share > 0.5:
            low = ordered[max(0, int(np.searchsorted(ordered, low)) - 1)]
        else:
            high = ordered[min(ordered.size - 1, int(np.searchsorted(ordered, high, side="right")))]
    return float((low + high) / 2)


def best_move(
    moves: Iterable[Floats], whole: Floats, drawn: Floats, cases: Truths, within: Truths
) -> tuple[Floats, Truths] | None:
    """Return the move with the largest gain in density per campaign lost or gained, or None if there is no gain.

    Args:
        moves: Lower and upper ends of the box after each possible move.
        whole: Lower and upper ends of a box without limits.
        drawn: (campaigns, parameters) Drawn values, in the units of the parameters.
        cases: Whether each campaign is a case.
        within: Whether each campaign is in the box before the move.

    Returns:
        The ends of the new box, and whether each campaign is in it.
    """
    held, before = int(within.sum()), float(cases[within].mean())
    best, found = (0.0, 0), None
    for ends in moves:
        after = within_ends(ends, drawn)
        change = abs(int(after.sum()) - held)
        gain = (float(cases[after].mean()) if after.any() else 0.0) - before
        worth = (gain / change, int((ends == whole).all(axis=0).sum())) if change else (0.0, 0)
        if worth[0] > 0 and worth > best:
            best, found = worth, (ends, after)
    return found


def limits_of(ends: Floats, whole: Floats, keys: Sequence[str]) -> Box:
    """Convert the ends of a box to limits, without ends that restrict nothing."""
    return tuple(
        Limit(key, side, float(ends[end, place]))
        for place, key in enumerate(keys) for end, side in enumerate((ABOVE, BELOW))
        if ends[end, place] != whole[end, place]
    )  # fmt: skip


def check(request: Discover) -> None:
    """Raise PanjError if a request has no threshold, or two in the wrong order."""
    if not request.thresholds:
        raise PanjError(f"above: found neither above nor below, expected at least one: {usage_of(Discover)}")
    range_of(request.above, request.below)


LEVEL = 0.05  # significance level, divided by the number of limits of a box


def campaigns_table(
    seeds: NDArray[np.int64], drawn: Floats, cases: Truths, keys: Sequence[str], found: Sequence[Found]
) -> pa.Table:
    """Return the table campaigns.parquet, with one row per campaign.

    A row contains the seed, the half, whether the campaign is a case, the number of the first box around it (0 if there
    is none), and the parameters restricted by any box.
    """
    first_box = np.zeros(len(seeds), np.int32)
    for number, one in reversed(list(enumerate(found, start=1))):
        first_box[inside(one.box, drawn, keys)] = number
    half = np.where(np.arange(len(seeds)) % 2 == 0, "found", "other")
    restricted = dict.fromkeys(limit.key for one in found for limit in one.box)
    numbers = {key: drawn[:, list(keys).index(key)] for key in restricted}
    table = pa.table({"seed": seeds, "half": half, "case": cases, "box": first_box, **numbers})
    return table.cast(Codebook({}, {}).describe("discoveries/campaigns.parquet", table.schema))


def row_of(number: int, found: Found) -> dict[str, str]:
    """Return the row of boxes.csv for a box.

    Columns `found_...` refer to the half in which the box was found, all others to the holdout half.
    """
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
    """Return the rows of limits.csv for a box, one per limit, with its quasi-p value and the prior of its parameter."""
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
    """Return the rows of trade_off.csv for a box: coverage and density in both halves after each step of its search."""
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
    """Return the content of discover.json: request, outcome, bank, priors, number of cases and versions."""
    about = read_about(bank.folder)
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
