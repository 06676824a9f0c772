"""Targets: reported figures, the outcome each is compared with, its error, and whether it is fitted or only scored.

Reads   data/targets.csv, data/evidence.csv; the dates of falls in data/districts.csv, which are used only for scoring
        and never by the simulation.
Returns `Target` rows, and `district_targets`: when districts of the north-east can have fallen.
Source  Every number is calculated from rows of the evidence or from dated falls; a mismatch raises an error.
Assumed The error of each row is inferred from how its source counted (see its `reason`), never from model output.
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.data.evidence import Evidence
from sim.data.facts import DATA, THE_LINE, Facts, Falls, read_facts, read_falls
from sim.data.tables import Row, read_table
from sim.errors import PanjError, unknown
from sim.outcomes import Outcome

COLUMNS = (
    "target", "event", "quantity", "scope", "date", "outcome", "value", "low", "high", "value_from", "low_from",
    "high_from", "parts", "error", "scale", "sd", "use", "reason",
)  # fmt: skip
NUMBERS = ("value", "low", "high")
ERRORS = {  # for each kind of error, the columns of value, low and high that it needs
    "exact": ("value",),
    "rounded": ("value",),
    "verbal": ("value",),
    "counting_definition": ("value",),
    "dated_falls": ("value", "low", "high"),
    "range": ("low", "high"),
    "at_least": ("low",),
    "at_most": ("high",),
    "multinomial": ("value",),
}
ONLY_BOUNDS = ("range", "at_least", "at_most")
SCALES = ("linear", "log")
USES = ("fitted", "scored")
MOST_FITTED = 12
ROUNDS = 1e-3  # relative rounding allowed in the file
DAY_0 = date(2021, 5, 1)  # figures of this day cannot be targets, since the model starts from them
NORTH_EAST = ("Badakhshan", "Takhar", "Kunduz")  # provinces where nearly every district has a date


class Target(NamedTuple):
    """One reported figure and the outcome compared with it."""

    target: str  # permanent name
    event: str  # what happened; two targets of one event are not independent
    quantity: str  # in words
    scope: str  # in words
    date: date  # day up to which, or on which, it applies
    outcome: str  # name in the outcomes table; for a split, a template with `<post>` for the post
    value: float | None  # in the outcome's unit, a date as its ordinal; None where only bounds are known
    low: float | None  # None where there is no lower bound
    high: float | None  # None where there is no upper bound
    evidence: tuple[str, ...]  # ids; empty where only dated falls are counted
    parts: tuple[tuple[str, float], ...]  # for a split: outcome and soldiers of each part
    error: str  # kind of error
    scale: str  # linear, or log for log(1 + number)
    sd: float  # standard deviation of the error on that scale, 0 if exact; for a split, soldiers per group
    use: str  # fitted or scored
    reason: str  # reason for this error and this use


class Known(IntEnum):
    """How well the day of a fall is known."""

    DAY = 0
    WINDOW = 1  # about two days
    BY = 2  # on or before
    NOT_LOST = 3  # a provincial capital; none was lost by the end of the record
    UNDATED = 4  # censored: lost on any day, before day 0 included, or not at all


class DistrictTargets(NamedTuple):
    """Range of days on which each district can have been lost: arrays with one element per district."""

    district: NDArray[np.int64]  # row number of the district
    earliest: NDArray[np.datetime64]  # first day on which it can have been lost; day 0 includes any earlier day
    latest: NDArray[np.datetime64]  # last such day; NaT if it may not have been lost by the end of the record
    known: NDArray[np.int64]  # Known


class Records(NamedTuple):
    """The data from which the numbers of targets are calculated."""

    place: str  # file, line and column, for errors
    evidence: Mapping[str, Evidence]
    facts: Facts
    falls: Falls
    districts: DistrictTargets  # all districts


def read_targets(
    evidence: Sequence[Evidence], outcomes: Sequence[Outcome], folder: Path | None = None
) -> tuple[Target, ...]:
    """Read every target, checked against the evidence and the outcomes table.

    Args:
        evidence: Rows from which the numbers are calculated.
        outcomes: Rows of the table of outcomes.
        folder: Data folder, by default Panj's own.

    Returns:
        The targets, in file order.

    Raises:
        PanjError: For an invalid row; names its line and column.
    """
    folder = folder or DATA
    facts, falls = read_facts(folder), read_falls(folder)
    records = Records("", {row.id: row for row in evidence}, facts, falls, when_lost(facts, falls))
    units = {outcome.name: outcome.unit for outcome in outcomes}
    targets = tuple(
        read_target(row, records, units) for row in read_table(folder / "targets.csv", COLUMNS, ("target",))
    )
    check_fitted(targets, records.evidence)
    return targets


def read_target(row: Row, records: Records, units: Mapping[str, str]) -> Target:
    """Read and check one row of the file."""
    parts = read_parts(row, records, units)
    value, low, high = (read_number(row, column, records, units) for column in NUMBERS)
    target = Target(
        target=row.text("target"),
        event=row.text("event"),
        quantity=row.text("quantity"),
        scope=row.text("scope"),
        date=row.day("date"),
        outcome=row.text("outcome"),
        value=value,
        low=low,
        high=high,
        evidence=ids_of(row),
        parts=parts,
        error=row.one_of("error", ERRORS),
        scale=row.one_of("scale", SCALES),
        sd=row.number("sd", 0),
        use=row.one_of("use", USES),
        reason=row.text("reason"),
    )
    check_evidence(row, target, records.evidence)
    check_error(row, target)
    return target


def ids_of(row: Row) -> tuple[str, ...]:
    """Return the ids of all evidence used in a row, in order of appearance."""
    return ids_of_formula(" ".join(row.cells[column] for column in ("value_from", "low_from", "high_from", "parts")))


def ids_of_formula(formula: str) -> tuple[str, ...]:
    """The ids of the evidence rows in a formula, in order of appearance: F064 and F065 of `(F064 + F065) / 421`."""
    return tuple(dict.fromkeys(re.findall(r"\bF\d+\b", formula)))


def read_parts(row: Row, records: Records, units: Mapping[str, str]) -> tuple[tuple[str, float], ...]:
    """Outcome and number of soldiers of each part of a split, empty for other rows; checks that outcomes exist."""
    split = [part.partition("=") for part in row.cells["parts"].split(";") if part]
    names = [row.cells["outcome"].replace("<post>", post) for post, _, _ in split] or [row.cells["outcome"]]
    for name in names:
        if name not in units:
            raise unknown(f"{row.place}, outcome", name, units)
    return tuple(
        (name, calculate(row, "parts", source, records)) for name, (_, _, source) in zip(names, split, strict=False)
    )


def read_number(row: Row, column: str, records: Records, units: Mapping[str, str]) -> float | None:
    """Calculate value, low or high from its formula, and check that the number in the file agrees."""
    source = row.cells[f"{column}_from"]
    if not source:
        if row.cells[column]:
            raise row.wrong(column, f"nothing, because {column}_from is empty")
        return None
    is_date = units.get(row.cells["outcome"]) == "date"
    stated = float(row.day(column).toordinal()) if is_date else row.number(column)
    number = calculate(row, f"{column}_from", source, records)
    decimals = 0 if is_date else len(row.cells[column].partition(".")[2])
    gap = abs(stated - number)
    if gap > 0.5 * 10**-decimals + 1e-9 or gap > ROUNDS * abs(number):
        raise row.wrong(column, f"{number:g}, which is {source}")
    return number


def check_evidence(row: Row, target: Target, evidence: Mapping[str, Evidence]) -> None:
    """Check that the evidence of a target is dated, sourced, for calibration, not later, and not only of day 0."""
    if target.date > THE_LINE:
        raise row.wrong("date", f"a day up to {THE_LINE}")
    if target.date <= DAY_0:
        raise row.wrong("date", f"a day after {DAY_0}, because the model starts from figures of that day")
    for one in target.evidence:
        figure = evidence[one]
        if not figure.source or figure.date_start is None:
            raise PanjError(f"{row.place}: found evidence {one} without source or date, expected both")
        if figure.use != "calibration":
            raise PanjError(f"{row.place}: found evidence {one} for {figure.use}, expected evidence for calibration")
        if figure.date_end > THE_LINE or figure.date_start > target.date:
            raise PanjError(f"{row.place}: found evidence {one} of a later time, expected one up to {target.date}")
    if target.evidence and all(evidence[one].date_end <= DAY_0 for one in target.evidence):
        raise PanjError(
            f"{row.place}: found evidence of {DAY_0} only, from which the model starts, expected a later one"
        )


def check_error(row: Row, target: Target) -> None:
    """Check that a row has the numbers that its kind of error needs, in order, and an sd unless it is exact."""
    for column in ERRORS[target.error]:
        if getattr(target, column) is None:
            raise row.wrong(column, f"a number, because error is {target.error}")
    if target.error in ONLY_BOUNDS and target.value is not None:
        raise row.wrong("value", f"nothing, because error is {target.error}")
    if (target.sd == 0) != (target.error == "exact"):
        raise row.wrong("sd", "0 for an exact figure and more for any other")
    if (target.error == "multinomial") != bool(target.parts):
        raise row.wrong("parts", "posts and figures such as tem=F025;langar=F027, for a multinomial and nothing else")
    if target.parts and sum(soldiers for _, soldiers in target.parts) != target.value:
        raise row.wrong("parts", f"figures that add up to {target.value:g}")
    numbers = [number for number in (target.low, target.value, target.high) if number is not None]
    if numbers != sorted(numbers):
        raise row.wrong("low", "low, value and high in order")


def check_fitted(targets: Sequence[Target], evidence: Mapping[str, Evidence]) -> None:
    """Check that few targets are fitted, and no two of them to the same or to conflicting evidence."""
    fitted = [target for target in targets if target.use == "fitted"]
    if len(fitted) > MOST_FITTED:
        raise PanjError(f"targets.csv, use: found {len(fitted)} targets to be fitted, expected at most {MOST_FITTED}")
    seen: dict[str, str] = {}  # evidence id: the fitted target that uses it or evidence in conflict with it
    for target in fitted:
        for one in target.evidence:
            if one in seen:
                raise PanjError(
                    f"targets.csv, use: found {target.target} and {seen[one]} both fitted to {one} or to evidence in"
                    " conflict with it, expected one of them scored"
                )
        for one in target.evidence:
            seen |= dict.fromkeys((one, *evidence[one].conflicts), target.target)


def calculate(row: Row, column: str, source: str, records: Records) -> float:
    """Evaluate a formula of evidence and dated falls.

    Args:
        row: Row of targets.csv, for errors.
        column: Column of the formula, for errors.
        source: The formula, such as `(F064 + F065) / 421`.
        records: The data that it refers to.

    Raises:
        PanjError: For a formula that cannot be evaluated.
    """
    here = records._replace(place=f"{row.place}, {column}")
    try:
        return evaluate(ast.parse(source.strip(), mode="eval").body, here)
    except PanjError:
        raise
    except (SyntaxError, TypeError, ValueError, ZeroDivisionError):
        raise row.wrong(column, "a formula such as (F064 + F065) / 421") from None


OPERATIONS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip


def evaluate(node: ast.expr, records: Records) -> float:
    """Evaluate a parsed formula of numbers, evidence (`F065`, `F012.high`), + - * / and the functions in FUNCTIONS."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=one):
            return figure(one, "value", records)
        case ast.Attribute(value=ast.Name(id=one), attr="low" | "high" as bound):
            return figure(one, bound, records)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATIONS:
            return OPERATIONS[type(op)](evaluate(left, records), evaluate(right, records))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            if name not in FUNCTIONS:
                raise unknown(records.place, name, FUNCTIONS)
            return FUNCTIONS[name](records, *(argument(one) for one in arguments))
    raise PanjError(f"{records.place}: found '{ast.unparse(node)}', expected a formula such as (F064 + F065) / 421")


def argument(node: ast.expr) -> str:
    """Return an argument of a function, an id or a quoted string, as text."""
    return node.id if isinstance(node, ast.Name) else str(getattr(node, "value", ""))


def figure(one: str, what: str, records: Records) -> float:
    """Return the value, low or high of an evidence row; raises PanjError if it has none."""
    if one not in records.evidence:
        raise unknown(records.place, one, records.evidence)
    number: float | None = getattr(records.evidence[one], what)
    if number is None:
        raise PanjError(f"{records.place}: found no {what} in evidence {one}, expected a figure that has one")
    return number


def how_many(records: Records, *ids: str) -> float:
    """Return the number of arguments, each of which must be an evidence row with a value."""
    return float(len([figure(one, "value", records) for one in ids]))


def last_day(records: Records, one: str) -> float:
    """Return the last day that a figure covers, as the ordinal of a date."""
    figure(one, "value", records)
    return float(records.evidence[one].date_end.toordinal())


def surely_lost(records: Records, since: str, until: str, *provinces: str) -> float:
    """Number of districts of the provinces that must have been lost between two days, both included."""
    earliest, latest = records.districts.earliest, records.districts.latest
    return number_in((earliest >= np.datetime64(since)) & (latest <= np.datetime64(until)), records, provinces)


def reported_lost(records: Records, since: str, until: str, *provinces: str) -> float:
    """Number of districts of the provinces reported lost between two days, both included; a `by` date is that day."""
    latest = records.districts.latest
    return number_in((latest >= np.datetime64(since)) & (latest <= np.datetime64(until)), records, provinces)


def perhaps_lost(records: Records, since: str, until: str, *provinces: str) -> float:
    """Number of districts of the provinces that can have been lost between two days, including undated losses."""
    earliest, latest = records.districts.earliest, records.districts.latest
    can = (earliest <= np.datetime64(until)) & ~(latest < np.datetime64(since))
    return number_in(can, records, provinces)


def number_in(marked: NDArray[np.bool_], records: Records, provinces: Sequence[str]) -> float:
    """Count the marked districts in the provinces, or in the whole country if none is given."""
    for province in provinces:
        if province not in records.facts.provinces:
            raise unknown(records.place, province, records.facts.provinces)
    here = np.isin(records.facts.province, provinces or records.facts.provinces)
    return float(np.count_nonzero(marked & here))


def surely_lost_border(records: Records, until: str) -> float:
    """Return the share of the Tajik border in districts that must have been lost by a day."""
    return frontage(records.districts.latest <= np.datetime64(until), records)


def perhaps_lost_border(records: Records, until: str) -> float:
    """Return the share of the Tajik border in districts that can have been lost by a day."""
    return frontage(records.districts.earliest <= np.datetime64(until), records)


def frontage(marked: NDArray[np.bool_], records: Records) -> float:
    """Return the share of the Tajik border, by km, in the marked districts."""
    km = records.facts.tajik_border_km
    return float(km[marked].sum() / km.sum())


def given_up(records: Records) -> float:
    """Count the dated falls reported as without a fight."""
    return float((records.falls.without_fight == 1).sum())


def fought_for(records: Records) -> float:
    """Count the dated falls reported as fought for."""
    return float((records.falls.without_fight == 0).sum())


FUNCTIONS: dict[str, Callable[..., float]] = {
    function.__name__: function
    for function in (
        how_many, last_day, surely_lost, reported_lost, perhaps_lost, surely_lost_border, perhaps_lost_border,
        given_up, fought_for,
    )
}  # fmt: skip


def when_lost(facts: Facts, falls: Falls) -> DistrictTargets:
    """Return the first and last day on which each district can have been lost.

    Args:
        facts: The districts.
        falls: Their reported dates of loss. A `by` date limits only the last day; an undated loss limits neither.
    """
    kinds = {"day": Known.DAY, "window": Known.WINDOW, "by": Known.BY, "": Known.UNDATED}
    known = np.array([kinds[precision] for precision in falls.precision], np.int64)
    known[(known == Known.UNDATED) & facts.is_capital] = Known.NOT_LOST
    earliest = np.full(known.size, np.datetime64(DAY_0))
    earliest[known == Known.DAY] = falls.fell_date[known == Known.DAY]
    earliest[known == Known.WINDOW] = falls.fell_date[known == Known.WINDOW] - np.timedelta64(1)
    earliest[known == Known.NOT_LOST] = np.datetime64(THE_LINE) + np.timedelta64(1)
    return DistrictTargets(np.arange(known.size), earliest, falls.fell_date.copy(), known)


def district_targets(facts: Facts, falls: Falls | None = None) -> DistrictTargets:
    """Days on which the districts of the north-east and of the Tajik border, nearly all dated, can have been lost.

    Args:
        facts: The districts.
        falls: Their reported dates of loss; by default those of the data.
    """
    every = when_lost(facts, falls or read_falls())
    wanted = np.isin(facts.province, NORTH_EAST) | (facts.tajik_border_km > 0)
    return DistrictTargets(every.district[wanted], every.earliest[wanted], every.latest[wanted], every.known[wanted])


def bounds_of(target: Target) -> tuple[float, float]:
    """Return the lowest and highest number consistent with a report, without observation error.

    Args:
        target: The target.

    Returns:
        Two numbers in the unit of the outcome; infinite if unbounded.
    """
    low = target.low if target.low is not None else target.value
    high = target.high if target.high is not None else target.value
    if target.error == "at_least":
        high = None
    if target.error == "at_most":
        low = None
    return -math.inf if low is None else low, math.inf if high is None else high
