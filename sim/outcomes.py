"""The declared table of outcomes: quantity x scope x date, and how each is counted from the record of a campaign.

Rows are in `configs/outcomes.yaml`; users add their own. Three families are made from the data: `crossed_<post>` and
`largest_night_<post>` (soldiers, by 7 July) and `capital_fell_<province>` (date or missing). A night belongs to the
morning on which it ends.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sim.data.configs import folder_of, read_yaml
from sim.data.evidence import Evidence, read_evidence
from sim.data.facts import THE_LINE, Facts, fingerprint_of_record, row_of_district
from sim.data.meaning import definitions_in, fingerprint_of, meaning_of_definitions, read_sources
from sim.engine.campaign import Campaign, Series
from sim.engine.world import Count, Event, Fall, Holder, Role
from sim.errors import PanjError, unknown

COUNTED = ("quantity", "scope", "date", "since", "until", "series", "day_0_share")  # of a row: what decides its number
KEYS = {*COUNTED, "unit", "label", "reported"}
CHECKS_OF_A_ROW = ("view_of", "window_of", "scope_of", "share_of")  # functions on which the number of any row depends
RESERVED = ("seed", "error", "traceback", "cell", "run")  # columns of a study that are no outcomes
Value = float | str | None


class Outcome(NamedTuple):
    """One row of the table."""

    name: str
    quantity: str
    districts: np.ndarray  # of the scope, true or false a district
    capitals: tuple[int, ...]  # of the scope, row numbers of provincial capitals
    posts: np.ndarray  # of the scope, true or false a post
    first: int  # evening, or morning after a night, with which a window begins; 0 where there is no window
    last: int  # evening up to which, or on which, it is counted; -1 when the campaign ends earlier
    series: int
    day_0_share: float  # of districts, held or under influence on day 0 by a wider way of counting
    unit: str
    label: str
    counted: str
    reported: Mapping[str, Any]
    fingerprint: str = ""  # of what is counted and how


class View(NamedTuple):
    """What the counting functions read: the record, with nights under the morning on which they end."""

    start: date
    facts: Facts
    held: np.ndarray  # evenings x districts, true where the Taliban hold it
    capital_fell: dict[int, int]  # first evening on which each capital that ever fell was held
    influence: np.ndarray  # of the Taliban, a district; drawn on day 0 and lasting
    series: np.ndarray
    nights: np.ndarray  # mornings x posts, soldiers
    night_totals: np.ndarray  # mornings, soldiers at all posts
    admitted: np.ndarray  # days x posts, people
    fell_on: np.ndarray  # of every fall, in order
    fell_at: np.ndarray
    fell_how: np.ndarray
    outposts_gave_up_on: np.ndarray
    captured_on: np.ndarray  # of every group taken prisoner, in order
    captured_at: np.ndarray
    captured_men: np.ndarray


def nights_of(crossed: np.ndarray) -> np.ndarray:
    """Soldiers by the morning on which the night ended: the night after evening d ends on day d + 1."""
    return np.vstack([np.zeros_like(crossed[:1]), crossed[:-1]])


def last_day_of(name: str, end: date) -> date:
    """The day up to which an outcome is counted.

    Args:
        name: Name of the outcome.
        end: Last day of the campaign.

    Returns:
        The date that its row declares, 7 July for the outcomes of one post, or else the last day.
    """
    row = read_yaml(folder_of("configs") / "outcomes.yaml").get(name, {})
    is_of_post = not row and name.startswith(("crossed_", "largest_night_"))
    day = THE_LINE if is_of_post else row.get("date") or row.get("until") or end
    return day if isinstance(day, date) else end


def view_of(campaign: Campaign, facts: Facts, start: date) -> View:
    """The record of one campaign, ready for counting."""
    log = campaign.world.log
    rows = int(campaign.world.tally[Count.LOGGED])
    falls = np.flatnonzero(log.event[:rows] == Event.FALL)
    captures = np.flatnonzero(log.event[:rows] == Event.CAPTURE)
    nights = nights_of(campaign.record.crossed)
    held = campaign.record.holder == Holder.TALIBAN
    return View(
        start,
        facts,
        held,
        first_held(held, facts.is_capital),
        campaign.world.districts.influence,
        campaign.record.series,
        nights,
        nights.sum(axis=1),
        campaign.record.admitted,
        log.day[falls],
        log.district[falls],
        log.how[falls],
        log.day[:rows][outposts_that_gave_up(campaign, rows)],
        log.day[captures],
        log.district[captures],
        log.men[captures],
    )


def first_held(held: np.ndarray, wanted: np.ndarray) -> dict[int, int]:
    """The first evening on which each of the wanted districts was held; those never held are left out."""
    ever = np.flatnonzero(held.any(axis=0) & wanted)
    return dict(zip(ever.tolist(), held[:, ever].argmax(axis=0).tolist(), strict=True))


def outposts_that_gave_up(campaign: Campaign, rows: int) -> np.ndarray:
    """Rows of the log in which an outpost surrendered on its own."""
    log = campaign.world.log
    surrendered = np.flatnonzero(log.event[:rows] == Event.SURRENDER)
    return surrendered[campaign.world.units.role[log.actor[surrendered]] == Role.OUTPOST]


def outposts_surrendered(view: View, row: Outcome) -> Value:
    """Outposts that gave up by negotiation, in the whole country."""
    return float((view.outposts_gave_up_on <= row.last).sum())


def count_within(marked: np.ndarray, row: Outcome) -> float:
    """Number of marked districts in the scope."""
    return float(np.count_nonzero(marked & row.districts))


def share_within(marked: np.ndarray, row: Outcome) -> float:
    """Marked districts of the scope over all of the scope."""
    return count_within(marked, row) / float(np.count_nonzero(row.districts))


def share_held(view: View, row: Outcome) -> Value:
    """Districts of the scope held on the evening, over all of the scope."""
    return share_within(view.held[row.last], row)


def share_held_or_influenced(view: View, row: Outcome) -> Value:
    """Share held, or rural and at or above the cut of Taliban influence at which day 0 gives the declared share."""
    return share_within(view.held[row.last] | influenced(view, row.day_0_share), row)


def influenced(view: View, day_0_share: float) -> np.ndarray:
    """Rural districts where influence is highest, as many as day 0 lacks to the share of all districts; ties in order.

    Influence is drawn on day 0 and lasts, so the cut is that of day 0 in every campaign and on every evening.
    """
    lacking = round(day_0_share * view.held.shape[1]) - int(view.held[0].sum())
    rural = np.flatnonzero(~view.held[0] & ~view.facts.is_capital)
    chosen = rural[np.argsort(-view.influence[rural], kind="stable")[: max(0, lacking)]]
    found = np.zeros(view.held.shape[1], np.bool_)
    found[chosen] = True
    return found


def held(view: View, row: Outcome) -> Value:
    """Districts of the scope held on the evening, day 0 included."""
    return count_within(view.held[row.last], row)


def newly_fallen(view: View, row: Outcome) -> Value:
    """Districts held on the evening and not on day 0."""
    return count_within(view.held[row.last] & ~view.held[0], row)


def ever_taken(view: View, row: Outcome) -> Value:
    """Districts taken after day 0, whether or not they were lost again, up to the evening."""
    return count_within(taken(view, row), row)


def share_ever_taken(view: View, row: Outcome) -> Value:
    """Districts taken after day 0, lost again or not, up to the evening, over all of the scope."""
    return share_within(taken(view, row), row)


def taken(view: View, row: Outcome) -> np.ndarray:
    """Whether each district was held on some evening and not on day 0."""
    return np.any(view.held[: row.last + 1], axis=0) & ~view.held[0]


def lost_between(view: View, row: Outcome) -> Value:
    """Districts of the scope lost on some day of the window, each counted once."""
    before, after = view.held[max(row.first, 1) - 1 : row.last], view.held[max(row.first, 1) : row.last + 1]
    return count_within((after & ~before).any(axis=0), row)


def retaken(view: View, row: Outcome) -> Value:
    """Districts that were taken after day 0 and are back with the government on the evening."""
    return count_within(taken(view, row) & ~view.held[row.last], row)


def most_lost_in_two_days(view: View, row: Outcome) -> Value:
    """The most districts of the scope lost within two days in a row."""
    return most_lost_in(2, view, row)


def most_lost_in_four_days(view: View, row: Outcome) -> Value:
    """The most districts of the scope lost within four days in a row."""
    return most_lost_in(4, view, row)


def most_lost_in_five_days(view: View, row: Outcome) -> Value:
    """The most districts of the scope lost within five days in a row."""
    return most_lost_in(5, view, row)


def most_lost_in_six_days(view: View, row: Outcome) -> Value:
    """The most districts of the scope lost within six days in a row."""
    return most_lost_in(6, view, row)


def most_lost_in(days: int, view: View, row: Outcome) -> float:
    """The most districts of the scope lost within so many days in a row."""
    held = view.held[: row.last + 1, row.districts]
    lost = (held[1:] & ~held[:-1]).sum(axis=1)
    return float(np.convolve(lost, np.ones(days), "full").max()) if lost.size else 0.0


def share_without_fight(view: View, row: Outcome) -> Value:
    """Falls by handover or abandonment, over all falls of the scope; missing when none fell."""
    counted = (view.fell_on <= row.last) & row.districts[view.fell_at]
    return float((view.fell_how[counted] != Fall.FOUGHT).mean()) if counted.any() else None


def border_share(view: View, row: Outcome) -> Value:
    """Share of the Tajik frontage, by km, in districts held on the evening."""
    km = view.facts.tajik_border_km
    return float(km[view.held[row.last]].sum() / km.sum()) if km.sum() else None


def crossed(view: View, row: Outcome) -> Value:
    """Soldiers let in at the posts of the scope, in nights that ended by the morning of the date."""
    return float(view.nights[row.first : row.last + 1, row.posts].sum())


def morning_after(view: View, row: Outcome) -> int:
    """The day on which the largest night of all posts ended; 0 when nobody crossed."""
    return int(view.night_totals[: row.last + 1].argmax())


def crossed_largest_night(view: View, row: Outcome) -> Value:
    """Soldiers let in at the posts of the scope during the one night in which most were let in at all posts."""
    return float(view.nights[morning_after(view, row), row.posts].sum())


def crossed_before_largest_night(view: View, row: Outcome) -> Value:
    """Soldiers let in, at all posts, in the nights before the one in which most were."""
    return float(view.night_totals[: morning_after(view, row)].sum())


def largest_night(view: View, row: Outcome) -> Value:
    """The morning after the night in which most crossed; missing when nobody did."""
    morning = morning_after(view, row)
    return iso(view, morning) if view.night_totals[morning] > 0 else None


def posts_used_largest_night(view: View, row: Outcome) -> Value:
    """Posts at which soldiers came over in that night."""
    return float((view.nights[morning_after(view, row)] > 0).sum())


def admitted(view: View, row: Outcome) -> Value:
    """Families' people let in at the posts of the scope up to the evening."""
    return float(view.admitted[row.first : row.last + 1, row.posts].sum())


def captured(view: View, row: Outcome) -> Value:
    """Soldiers taken prisoner in the districts of the scope up to the evening, before a closed post or on a fall."""
    counted = (view.captured_on >= row.first) & (view.captured_on <= row.last) & row.districts[view.captured_at]
    return float(view.captured_men[counted].sum())


def series_end(view: View, row: Outcome) -> Value:
    """The daily series on the evening."""
    return float(view.series[row.last, row.series])


def series_growth(view: View, row: Outcome) -> Value:
    """What the days of the window added to a daily series that counts from day 0."""
    before = view.series[row.first - 1, row.series] if row.first > 0 else 0.0
    return float(view.series[row.last, row.series] - before)


def series_peak(view: View, row: Outcome) -> Value:
    """The highest evening of the daily series."""
    return float(view.series[: row.last + 1, row.series].max())


def series_low(view: View, row: Outcome) -> Value:
    """The lowest evening of the daily series, day 0 aside."""
    return float(view.series[1 : row.last + 1, row.series].min())


def capitals_held(view: View, row: Outcome) -> Value:
    """Provincial capitals held by the Taliban on the evening."""
    return float(np.count_nonzero(view.held[row.last] & view.facts.is_capital))


def first_capital_fell(view: View, row: Outcome) -> Value:
    """The evening of the first fall of a capital of the scope, or missing."""
    evenings = [view.capital_fell[capital] for capital in row.capitals if capital in view.capital_fell]
    return iso(view, min(evenings)) if evenings and min(evenings) <= row.last else None


QUANTITIES: dict[str, Callable[[View, Outcome], Value]] = {
    count.__name__: count
    for count in (
        share_held, share_held_or_influenced, held, newly_fallen, ever_taken, share_ever_taken, lost_between, retaken,
        most_lost_in_two_days, most_lost_in_four_days, most_lost_in_five_days, most_lost_in_six_days,
        share_without_fight, border_share, crossed, crossed_largest_night, crossed_before_largest_night, largest_night,
        posts_used_largest_night, admitted, captured, series_end, series_growth, series_peak, series_low,
        capitals_held, first_capital_fell, outposts_surrendered,
    )
}  # fmt: skip


OF_HOLDERS = {
    "share_held", "held", "newly_fallen", "ever_taken", "share_ever_taken", "lost_between", "retaken",
    "most_lost_in_two_days", "most_lost_in_four_days", "most_lost_in_five_days", "most_lost_in_six_days",
    "border_share", "capitals_held", "first_capital_fell",
}  # fmt: skip
OF_DAYS = {
    "crossed", "crossed_largest_night", "crossed_before_largest_night", "largest_night", "posts_used_largest_night",
    "admitted", "series_end", "series_growth", "series_peak", "series_low",
}  # fmt: skip


def is_recountable(row: Outcome, is_daily: bool) -> bool:
    """Whether an outcome follows from what is stored of a campaign: changes of holder and, if kept, daily series.

    Soldiers who crossed are stored by the morning after, without the night that follows the last day.
    """
    is_of_days = row.quantity in OF_DAYS and row.series != Series.TROOPS_CROSSED
    return row.last < 0 or row.quantity in OF_HOLDERS or (is_daily and is_of_days)


class Stored(NamedTuple):
    """What is stored of one campaign, as far as outcomes can be counted from it."""

    held: np.ndarray  # evenings x districts
    series: np.ndarray  # evenings x Series, as stored; empty without daily series
    nights: np.ndarray  # mornings x posts
    admitted: np.ndarray  # days x posts


def recount(stored: Stored, table: Sequence[Outcome], facts: Facts, start: date) -> dict[str, Value]:
    """Count outcomes of a stored campaign.

    Args:
        stored: What is stored of it.
        table: Outcomes for which `is_recountable` is true.
        facts: The data files.
        start: The date of day 0.

    Returns:
        The same values as `count_outcomes` gave for the campaign itself.
    """
    capitals, none = first_held(stored.held, facts.is_capital), np.zeros(0, np.int64)
    view = View(
        start, facts, stored.held, capitals, none, stored.series, stored.nights, stored.nights.sum(axis=1),
        stored.admitted, *[none] * 7,
    )  # fmt: skip
    return {row.name: QUANTITIES[row.quantity](view, row) if row.last >= 0 else None for row in table}


def iso(view: View, day: int) -> str:
    """The date of a day of the campaign."""
    return (view.start + timedelta(days=day)).isoformat()


def slug(name: str) -> str:
    """A name as part of a key: `Sar-e-Pul` becomes `sar_e_pul`."""
    return re.sub(r"\W+", "_", name.lower()).strip("_")


def read_outcomes(facts: Facts, start: date, days: int) -> tuple[Outcome, ...]:
    """Read the table of outcomes.

    Args:
        facts: The data files.
        start: The date of day 0.
        days: Days of the campaign after day 0.

    Returns:
        Declared outcomes, then those made from the data.

    Raises:
        PanjError: For a row that cannot be counted; the key is that of the row.
    """
    last_day = (start + timedelta(days=days)).isoformat().replace("-", "_")
    rows: dict[str, dict[str, Any]] = {}
    for name, row in declared_rows().items():
        rows.setdefault(name.replace("last_day", last_day), row)  # the date itself, unless it has a row already
    for post in facts.post:
        rows[f"crossed_{post}"] = {
            "quantity": "crossed", "scope": {"post": post}, "until": THE_LINE, "unit": "soldiers",
            "label": f"Soldiers who crossed at {post} by 7 July",
        }  # fmt: skip
        rows[f"largest_night_{post}"] = {
            "quantity": "crossed_largest_night", "scope": {"post": post}, "until": THE_LINE, "unit": "soldiers",
            "label": f"Soldiers who crossed at {post} in the largest night",
        }  # fmt: skip
    for province in facts.provinces:
        rows[f"capital_fell_{slug(province)}"] = {
            "quantity": "first_capital_fell", "scope": {"province": province}, "unit": "date",
            "label": f"Date when the capital of {province} fell",
        }  # fmt: skip
    table = tuple(outcome_of(name, row, facts, start, days) for name, row in rows.items())
    evidence = {figure.id: figure for figure in read_evidence()}
    for outcome in table:
        reported_of(outcome, evidence)  # before anything runs
    return table


def declared_rows() -> dict[str, dict[str, Any]]:
    """The rows of `configs/outcomes.yaml`; PanjError for a reserved name and for what is no row."""
    rows = read_yaml(folder_of("configs") / "outcomes.yaml")
    for name, row in rows.items():
        if not re.fullmatch(r"[A-Za-z]\w*", str(name)) or name in RESERVED:
            expected = f"letters, digits and '_', and none of {', '.join(RESERVED)}"
            raise PanjError(
                f"outcomes.{name}: found this name of an outcome, expected {expected}", key=f"outcomes.{name}"
            )
        if not isinstance(row, dict):
            raise PanjError(f"outcomes.{name}: found '{row}', expected a row with quantity, date, unit and label")
    return rows


@cache
def meaning_of_counting(*roots: str) -> tuple[str, ...]:
    """What the named functions of this module, and those that they use, compute."""
    return tuple(meaning_of_definitions(definitions_here(), roots))


@cache
def definitions_here() -> list[Any]:
    """The definitions of this module, parsed."""
    return [each for text in read_sources([Path(__file__)]) for each in definitions_in(text)]


def fingerprint_of_outcomes() -> str:
    """The fingerprint of what is counted and how; labels and reported figures decide no number."""
    rows = declared_rows()
    counted = {name: {key: row.get(key) for key in COUNTED} for name, row in rows.items()}
    meaning = meaning_of_counting("count_outcomes", "outcome_of")
    return fingerprint_of([json.dumps(counted, sort_keys=True, default=str), *meaning])


def fingerprint_of_shown() -> str:
    """The fingerprint of what tables show next to results: labels, units, and the record."""
    rows = declared_rows()
    return fingerprint_of([json.dumps(rows, sort_keys=True, default=str), fingerprint_of_record()])


def fingerprint_of_row(row: Mapping[str, Any]) -> str:
    """The fingerprint of what one row counts and how."""
    counted = json.dumps({key: row.get(key) for key in COUNTED}, sort_keys=True, default=str)
    return fingerprint_of([counted, *meaning_of_counting(row["quantity"], *CHECKS_OF_A_ROW)])


def outcome_of(name: str, row: Mapping[str, Any], facts: Facts, start: date, days: int) -> Outcome:
    """One row, checked."""
    for key in row:
        if key not in KEYS:
            raise unknown(f"outcomes.{name}", key, sorted(KEYS))
    if row.get("quantity") not in QUANTITIES:
        raise unknown(f"outcomes.{name}.quantity", str(row.get("quantity")), QUANTITIES)
    names = [series.name.lower() for series in Series]
    if row["quantity"].startswith("series") and row.get("series") not in names:
        raise unknown(f"outcomes.{name}.series", str(row.get("series")), names)
    first, last = window_of(name, row, start, days)
    districts, posts = scope_of(name, row.get("scope") or {}, facts)
    return Outcome(
        name=name,
        quantity=row["quantity"],
        districts=districts,
        capitals=tuple(np.flatnonzero(districts & facts.is_capital).tolist()),
        posts=posts,
        first=first,
        last=last if 0 <= first <= last <= days else -1,
        series=names.index(row["series"]) if "series" in row else -1,
        day_0_share=share_of(name, row),
        unit=row.get("unit", ""),
        label=row.get("label", name),
        counted=" ".join((QUANTITIES[row["quantity"]].__doc__ or "").split()),
        reported=row.get("reported") or {},
        fingerprint=fingerprint_of_row(row),
    )


def window_of(name: str, row: Mapping[str, Any], start: date, days: int) -> tuple[int, int]:
    """First and last day that a row counts; without `since` the first is day 0, without a date the last is the last."""
    for key in ("date", "since", "until"):
        if row.get(key) is not None and not isinstance(row[key], date):
            raise PanjError(
                f"outcomes.{name}.{key}: found '{row[key]}', expected a date such as 2021-07-05, without quotes"
            )
    when, since = row.get("date", row.get("until")), row.get("since")
    if since is not None and (row.get("until") is None or since > row["until"]):
        raise PanjError(f"outcomes.{name}.since: found '{since}', expected a day up to `until`, which must be given")
    return 0 if since is None else (since - start).days, days if when is None else (when - start).days


def share_of(name: str, row: Mapping[str, Any]) -> float:
    """The share held or under influence on day 0; only where the quantity asks for one."""
    share = row.get("day_0_share", 0.0)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise PanjError(f"outcomes.{name}.day_0_share: found '{share}', expected a share from 0 to 1")
    return float(share)


def scope_of(name: str, scope: Mapping[str, Any], facts: Facts) -> tuple[np.ndarray, np.ndarray]:
    """Which districts and posts a row counts: those that every key of its scope names."""
    districts = np.ones(len(facts.district_id), np.bool_)
    posts = np.ones(len(facts.post), np.bool_)
    if not isinstance(scope, Mapping):
        raise PanjError(f"outcomes.{name}.scope: found '{scope}', expected such as {{province: Takhar}}; none: country")
    for key, value in scope.items():
        where = f"outcomes.{name}.scope.{key}"
        known: dict[str, Sequence[str]] = {
            "province": facts.provinces, "region": facts.region, "districts": facts.district, "post": facts.post,
        }  # fmt: skip
        if key not in known:
            raise unknown(f"outcomes.{name}.scope", key, known)
        wanted = {value} if isinstance(value, str) else set(map(str, value)) if isinstance(value, list) else set()
        if not wanted:
            raise PanjError(f"{where}: found '{value}', expected at least one name")
        if key == "districts":
            rows = [row_of_district(facts, one, where) for one in sorted(wanted)]
            districts &= np.isin(np.arange(len(districts)), rows)
            continue
        for one in wanted.difference(known[key]):
            raise unknown(where, one, sorted(set(known[key])))
        if key == "post":
            posts = np.array([post in wanted for post in facts.post])
        else:
            districts &= np.array([one in wanted for one in (facts.province if key == "province" else facts.region)])
    if not districts.any():
        raise PanjError(f"outcomes.{name}.scope: found {dict(scope)}, expected keys that have a district in common")
    return districts, posts


def count_outcomes(campaign: Campaign, table: Sequence[Outcome], facts: Facts, start: date) -> dict[str, Value]:
    """Count every outcome of one campaign.

    Args:
        campaign: Which has reached its last day.
        table: The outcomes.
        facts: The data files.
        start: The date of day 0.

    Returns:
        A number or an ISO date per outcome; None where the campaign ends before its date or has no such event.
    """
    view = view_of(campaign, facts, start)
    return {row.name: QUANTITIES[row.quantity](view, row) if row.last >= 0 else None for row in table}


class Reported(NamedTuple):
    """What was reported of an outcome: a value, or bounds, or nothing."""

    value: float | None
    low: float | None
    high: float | None
    evidence: str


def reported_of(row: Outcome, evidence: Mapping[str, Evidence]) -> Reported:
    """The reported figure of a row, from the evidence table; PanjError for an unknown id."""
    ids = row.reported.get("sum") or row.reported.get("count") or []
    for one in ids:
        if one not in evidence:
            raise unknown(f"outcomes.{row.name}.reported", one, evidence)
    if not ids:
        return Reported(None, None, None, "")
    if "count" in row.reported:
        return Reported(float(len(ids)), float(len(ids)), float(len(ids)), ", ".join(ids))
    divide = row.reported.get("divide", 1)
    parts = [evidence[one] for one in ids]
    value, low, high = (total([getattr(part, key) for part in parts], divide) for key in ("value", "low", "high"))
    if low is None and high is None:
        low = high = value
    is_bound = (low is None) != (high is None)  # at least, or at most: no value of its own
    return Reported(None if is_bound else value, low, high, ", ".join(ids))


def total(values: Sequence[float | None], divide: float) -> float | None:
    """The sum over the divisor, or nothing if a part is missing."""
    if any(value is None for value in values):
        return None
    return sum(value for value in values if value is not None) / divide


def is_date(outcome: Outcome) -> bool:
    """Whether an outcome is a date in words."""
    return outcome.quantity in ("first_capital_fell", "largest_night")
