"""Read and check the targets: reported figures with which the campaigns are compared.

Each target names the outcome it is compared with, the error of the report, and whether the first fit uses it.
`read_targets` returns them. `district_targets` returns the days on which districts of the north-east and of the Tajik
border may have fallen.

Every number of a target is calculated from rows of the evidence table or from dated falls, and an error is raised if
the number in the file differs. The error of a report is inferred from how its source counted (see the column
`reason`), never from model output. The dates of falls are used only for scoring, never by the simulation.

Reads   data/targets.csv, data/evidence.csv and the dates of falls in data/districts.csv.
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
from sim.outcome import Outcome

COLUMNS = (
    "target", "event", "quantity", "scope", "date", "outcome", "value", "low", "high", "value_from", "low_from",
    "high_from", "parts", "error", "scale", "sd", "use", "reason",
)  # fmt: skip
NUMBERS = ("value", "low", "high")
ERRORS = {  # which of the columns value, low and high each kind of error requires
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
ROUNDS = 1e-3  # largest relative rounding error allowed in the file
DAY_0 = date(2021, 5, 1)  # first day of reported falls; its figures cannot be targets, since the model starts from them
NORTH_EAST = ("Badakhshan", "Takhar", "Kunduz")  # provinces where nearly every district has a date


class Target(NamedTuple):
    """A reported figure, and the outcome with which it is compared."""

    target: str  # name of the target, which never changes
    event: str  # name of the event; two targets of one event are not independent
    quantity: str  # description of the quantity
    scope: str  # description of the place
    date: date  # day to which the figure refers, or the last such day
    outcome: str  # name in the outcomes table; for a split, a template with `<post>` for the post
    value: (
        float | None
    )  # reported value in the unit of the outcome, a date as its ordinal; None if only bounds are known
    low: float | None  # reported lower bound, in the same unit; None if there is none
    high: float | None  # reported upper bound, in the same unit; None if there is none
    evidence: tuple[str, ...]  # ids of the evidence; empty if only dated falls are counted
    parts: tuple[tuple[str, float], ...]  # outcome and number of soldiers of each part of a split; otherwise empty
    error: str  # kind of observation error, a key of ERRORS
    scale: str  # linear, or log for log(1 + number)
    sd: float  # standard deviation of the error on that scale, 0 if exact; for a split, soldiers per group
    use: str  # fitted: the first fit uses it; scored: only refined fits do
    reason: str  # reason for this error and this use


class Known(IntEnum):
    """Precision with which the day of a fall is known."""

    DAY = 0
    WINDOW = 1  # known to within about two days
    BY = 2  # known to have been lost on that day or earlier
    NOT_LOST = 3  # known not to be lost by the end of the record, as are all provincial capitals
    UNDATED = 4  # censored: it may have been lost on any day, even before day 0, or not at all


DATED = (Known.DAY, Known.WINDOW, Known.BY)  # kinds of known dates of loss


class DistrictTargets(NamedTuple):
    """The range of days on which each district may have been lost, as arrays with one element per district."""

    district: NDArray[np.int64]  # row number of the district
    earliest: NDArray[np.datetime64]  # first day on which it may have been lost; day 0 includes any earlier day
    latest: NDArray[np.datetime64]  # last such day; NaT if it may not have been lost by the end of the record
    known: NDArray[np.int64]  # precision with which the day is known, as values of `Known`


class Records(NamedTuple):
    """The data from which the numbers of targets are calculated."""

    place: str  # file, line and column, for error messages
    evidence: Mapping[str, Evidence]
    facts: Facts
    falls: Falls
    districts: DistrictTargets  # days on which each district of the country may have been lost


def read_targets(
    evidence: Sequence[Evidence], outcomes: Sequence[Outcome], folder: Path | None = None
) -> tuple[Target, ...]:
    """Read every target and check it against the evidence and the outcomes table.

    Args:
        evidence: Rows of the evidence table, from which the numbers of the targets are calculated.
        outcomes: Rows of the outcomes table, which contains the outcomes that targets may name.
        folder: Folder of targets.csv and districts.csv; None means the data folder of Panj.

    Returns:
        The targets, in file order.

    Raises:
        PanjError: A row is invalid; the message names its line and column.
    """
    facts, falls = read_facts(folder), read_falls(folder)
    records = Records("", {row.id: row for row in evidence}, facts, falls, when_lost(facts, falls))
    units = {outcome.name: outcome.unit for outcome in outcomes}
    targets = tuple(
        read_target(row, records, units) for row in read_table((folder or DATA) / "targets.csv", COLUMNS, ("target",))
    )
    check_fitted(targets, records.evidence)
    return targets


def read_target(row: Row, records: Records, units: Mapping[str, str]) -> Target:
    """Return the target of one row of targets.csv. Raise PanjError if a cell is invalid."""
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
    """Return the ids of all evidence rows that a target uses, in order of appearance."""
    return ids_of_formula(" ".join(row.cells[column] for column in ("value_from", "low_from", "high_from", "parts")))


def ids_of_formula(formula: str) -> tuple[str, ...]:
    """Return the ids of the evidence rows in a formula, such as F064 and F065 for `(F064 + F065) / 421`.

    They are in order of appearance, without duplicates.
    """
    return tuple(dict.fromkeys(re.findall(r"\bF\d+\b", formula)))


def read_parts(row: Row, records: Records, units: Mapping[str, str]) -> tuple[tuple[str, float], ...]:
    """Return the outcome and the number of soldiers of each part of a split; the tuple is empty for any other target.

    Raise PanjError if an outcome of the row does not exist.
    """
    split = [part.partition("=") for part in row.cells["parts"].split(";") if part]
    names = [row.cells["outcome"].replace("<post>", post) for post, _, _ in split] or [row.cells["outcome"]]
    for name in names:
        if name not in units:
            raise unknown(f"{row.place}, outcome", name, units)
    return tuple(
        (name, calculate(row, "parts", source, records)) for name, (_, _, source) in zip(names, split, strict=False)
    )


def read_number(row: Row, column: str, records: Records, units: Mapping[str, str]) -> float | None:
    """Calculate the value, low or high of a target from its formula, or return None if there is no formula.

    Raise PanjError if the number in the file has no formula, or differs from the calculated one by more than rounding.
    """
    source = row.cells[f"{column}_from"]
    if not source:
        if row.cells[column]:
            raise row.wrong(column, f"an empty cell, because {column}_from is empty")
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
    """Check the date of a target and the evidence that it uses.

    The target must be dated after day 0 and no later than the end of the record. Every evidence row must have a source
    and a date, be for calibration, begin no later than the target and end no later than the record. If there are
    evidence rows, at least one must end after day 0.
    """
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
            raise PanjError(
                f"{row.place}: found evidence {one} of a later time, expected evidence that begins by {target.date}"
            )
    if target.evidence and all(evidence[one].date_end <= DAY_0 for one in target.evidence):
        raise PanjError(
            f"{row.place}: found only evidence of {DAY_0}, the first day of the model, expected later evidence"
        )


def check_error(row: Row, target: Target) -> None:
    """Check that a target has the numbers that its kind of error needs.

    A target that only has bounds must have no value. Low, value and high must be in increasing order. The sd must be 0
    if the figure is exact, and positive otherwise. A multinomial target, and no other, must have parts, which add up to
    its value.
    """
    for column in ERRORS[target.error]:
        if getattr(target, column) is None:
            raise row.wrong(column, f"a number, because error is {target.error}")
    if target.error in ONLY_BOUNDS and target.value is not None:
        raise row.wrong("value", f"an empty cell, because error is {target.error}")
    if (target.sd == 0) != (target.error == "exact"):
        raise row.wrong("sd", "0 for an exact figure and more than 0 for any other")
    if (target.error == "multinomial") != bool(target.parts):
        raise row.wrong(
            "parts", "posts and figures such as tem=F025;langar=F027 if error is multinomial, and otherwise nothing"
        )
    if target.parts and sum(soldiers for _, soldiers in target.parts) != target.value:
        raise row.wrong("parts", f"figures that add up to {target.value:g}")
    numbers = [number for number in (target.low, target.value, target.high) if number is not None]
    if numbers != sorted(numbers):
        raise row.wrong("low", "low, value and high in increasing order")


def check_fitted(targets: Sequence[Target], evidence: Mapping[str, Evidence]) -> None:
    """Check that at most `MOST_FITTED` targets are fitted, and that no two use the same or conflicting evidence.

    Otherwise a fit would count the same evidence twice, or be fitted to figures that contradict each other.
    """
    fitted = [target for target in targets if target.use == "fitted"]
    if len(fitted) > MOST_FITTED:
        raise PanjError(f"targets.csv, use: found {len(fitted)} targets to be fitted, expected at most {MOST_FITTED}")
    seen: dict[str, str] = {}  # by evidence id: the fitted target that uses this evidence or conflicting evidence
    for target in fitted:
        for one in target.evidence:
            if one in seen:
                raise PanjError(
                    f"targets.csv, use: found {target.target} and {seen[one]} both fitted to {one} or to evidence that"
                    " conflicts with it, expected at most one of them to be fitted"
                )
        for one in target.evidence:
            seen |= dict.fromkeys((one, *evidence[one].conflicts), target.target)


def calculate(row: Row, column: str, source: str, records: Records) -> float:
    """Evaluate a formula on evidence and dated falls.

    Args:
        row: Table row of the formula, for error messages.
        column: Column of the formula, for error messages.
        source: The formula, such as `(F064 + F065) / 421`.
        records: The evidence and falls that the formula refers to.

    Returns:
        The number; a date as its ordinal.

    Raises:
        PanjError: The formula cannot be evaluated.
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
    """Return the value of a parsed formula.

    It may contain numbers, evidence (`F065`, `F012.high`), the operators + - * / and the functions in `FUNCTIONS`.
    """
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
    """Return the text of a function's argument, which must be an evidence id or a quoted string."""
    return node.id if isinstance(node, ast.Name) else str(getattr(node, "value", ""))


def figure(one: str, what: str, records: Records) -> float:
    """Return the value, low or high of an evidence row. Raise PanjError if the row or the number does not exist."""
    if one not in records.evidence:
        raise unknown(records.place, one, records.evidence)
    number: float | None = getattr(records.evidence[one], what)
    if number is None:
        raise PanjError(f"{records.place}: found no {what} in evidence {one}, expected evidence that has one")
    return number


def how_many(records: Records, *ids: str) -> float:
    """Count the evidence rows given as arguments, each of which must have a value."""
    return float(len([figure(one, "value", records) for one in ids]))


def last_day(records: Records, one: str) -> float:
    """Return the last day that an evidence row covers, as the ordinal of a date."""
    figure(one, "value", records)
    return float(records.evidence[one].date_end.toordinal())


def surely_lost(records: Records, since: str, until: str, *provinces: str) -> float:
    """Count the districts of the given provinces that must have been lost between two days, inclusive."""
    earliest, latest = records.districts.earliest, records.districts.latest
    return number_in((earliest >= np.datetime64(since)) & (latest <= np.datetime64(until)), records, provinces)


def reported_lost(records: Records, since: str, until: str, *provinces: str) -> float:
    """Count the districts of the given provinces that were reported lost between two days, inclusive.

    A loss whose day is not known exactly is counted on the last day on which it may have happened.
    """
    latest = records.districts.latest
    return number_in((latest >= np.datetime64(since)) & (latest <= np.datetime64(until)), records, provinces)


def perhaps_lost(records: Records, since: str, until: str, *provinces: str) -> float:
    """Count the districts of the given provinces that may have been lost between two days, inclusive.

    Districts without a date of loss are counted, except provincial capitals, none of which was lost.
    """
    earliest, latest = records.districts.earliest, records.districts.latest
    can = (earliest <= np.datetime64(until)) & ~(latest < np.datetime64(since))
    return number_in(can, records, provinces)


def number_in(marked: NDArray[np.bool_], records: Records, provinces: Sequence[str]) -> float:
    """Count the marked districts of the given provinces, or of the whole country if none is given."""
    for province in provinces:
        if province not in records.facts.provinces:
            raise unknown(records.place, province, records.facts.provinces)
    here = np.isin(records.facts.province, provinces or records.facts.provinces)
    return float(np.count_nonzero(marked & here))


def surely_lost_border(records: Records, until: str) -> float:
    """Return the share of the length of the Tajik border in districts that must have been lost by a day."""
    return frontage(records.districts.latest <= np.datetime64(until), records)


def perhaps_lost_border(records: Records, until: str) -> float:
    """Return the share of the length of the Tajik border in districts that may have been lost by a day."""
    return frontage(records.districts.earliest <= np.datetime64(until), records)


def frontage(marked: NDArray[np.bool_], records: Records) -> float:
    """Return the share of the length of the Tajik border in the marked districts."""
    km = records.facts.tajik_border_km
    return float(km[marked].sum() / km.sum())


def given_up(records: Records) -> float:
    """Count the districts that were reported lost without a fight."""
    return float((records.falls.without_fight == 1).sum())


def fought_for(records: Records) -> float:
    """Count the districts that were reported lost after a fight."""
    return float((records.falls.without_fight == 0).sum())


FUNCTIONS: dict[str, Callable[..., float]] = {
    function.__name__: function
    for function in (
        how_many, last_day, surely_lost, reported_lost, perhaps_lost, surely_lost_border, perhaps_lost_border,
        given_up, fought_for,
    )
}  # fmt: skip


def when_lost(facts: Facts, falls: Falls) -> DistrictTargets:
    """Return the first and last day on which each district may have been lost.

    Args:
        facts: The districts; provincial capitals count as not lost.
        falls: Reported date of loss per district. A `by` date limits only the last day; an undated loss limits neither.
    """
    kinds = {"day": Known.DAY, "window": Known.WINDOW, "by": Known.BY, "": Known.UNDATED}
    known = np.array([kinds[precision] for precision in falls.precision], np.int64)
    known[(known == Known.UNDATED) & facts.is_capital] = Known.NOT_LOST
    earliest = np.full(known.size, np.datetime64(DAY_0))
    earliest[known == Known.DAY] = falls.fell_date[known == Known.DAY]
    earliest[known == Known.WINDOW] = falls.fell_date[known == Known.WINDOW] - np.timedelta64(1, "D")
    earliest[known == Known.NOT_LOST] = np.datetime64(THE_LINE) + np.timedelta64(1, "D")
    return DistrictTargets(np.arange(known.size), earliest, falls.fell_date.copy(), known)


def district_targets(facts: Facts, falls: Falls | None = None) -> DistrictTargets:
    """Return the days on which the districts of the north-east and of the Tajik border may have been lost.

    Nearly all districts there have a reported date of loss.

    Args:
        facts: All districts, with their provinces and borders.
        falls: Reported date of loss per district; None means those of data/districts.csv.
    """
    every = when_lost(facts, falls or read_falls())
    wanted = np.isin(facts.province, NORTH_EAST) | (facts.tajik_border_km > 0)
    return DistrictTargets(every.district[wanted], every.earliest[wanted], every.latest[wanted], every.known[wanted])


def bounds_of(target: Target) -> tuple[float, float]:
    """Return the lowest and highest number consistent with the report of a target, ignoring observation error.

    Returns:
        Two numbers in the unit of the outcome, infinite where the report gives no bound.
    """
    low = target.low if target.low is not None else target.value
    high = target.high if target.high is not None else target.value
    if target.error == "at_least":
        high = None
    if target.error == "at_most":
        low = None
    return -math.inf if low is None else low, math.inf if high is None else high
