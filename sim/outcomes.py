"""The declared table of outcomes: quantity x scope x date, and how each is counted from the record of a campaign.

Rows stand in `configs/outcomes.yaml`; users add their own. Two families are made from the data: `crossed_<post>`
(soldiers, by 7 July) and `capital_fell_<province>` (date or missing). A night belongs to the morning on which it ends.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np

from sim.campaign import Campaign, Series
from sim.errors import PanjError, unknown
from sim.evidence import Evidence, read_evidence
from sim.facts import THE_LINE, Facts
from sim.parameters import folder_of, read_yaml
from sim.world import Count, Event, Fall, Holder, Role

KEYS = {"quantity", "scope", "date", "until", "series", "unit", "label", "reported"}
COUNTED = ("quantity", "scope", "date", "until", "series")  # of a row: what decides its number
Value = float | str | None


class Outcome(NamedTuple):
    """One row of the table."""

    name: str
    quantity: str
    districts: np.ndarray  # of the scope, true or false a district
    posts: np.ndarray  # of the scope, true or false a post
    last: int  # evening up to which, or on which, it is counted; -1 when the campaign ends earlier
    series: int
    unit: str
    label: str
    counted: str
    reported: Mapping[str, Any]


class View(NamedTuple):
    """What the counting functions read: the record, with nights under the morning on which they end."""

    start: date
    facts: Facts
    held: np.ndarray  # evenings x districts, true where the Taliban hold it
    series: np.ndarray
    nights: np.ndarray  # mornings x posts, soldiers
    fell_on: np.ndarray  # of every fall, in order
    fell_at: np.ndarray
    fell_how: np.ndarray
    outposts_gave_up_on: np.ndarray


def nights_of(crossed: np.ndarray) -> np.ndarray:
    """Soldiers by the morning on which the night ended: the night after evening d ends on day d + 1."""
    return np.vstack([np.zeros_like(crossed[:1]), crossed[:-1]])


def view_of(campaign: Campaign, facts: Facts, start: date) -> View:
    """The record of one campaign, ready for counting."""
    log = campaign.world.log
    rows = int(campaign.world.tally[Count.LOGGED])
    falls = np.flatnonzero(log.event[:rows] == Event.FALL)
    return View(
        start,
        facts,
        campaign.record.holder == Holder.TALIBAN,
        campaign.record.series,
        nights_of(campaign.record.crossed),
        log.day[falls],
        log.district[falls],
        log.how[falls],
        log.day[:rows][outposts_that_gave_up(campaign, rows)],
    )


def outposts_that_gave_up(campaign: Campaign, rows: int) -> np.ndarray:
    """Rows of the log in which an outpost surrendered by itself."""
    log = campaign.world.log
    surrendered = np.flatnonzero(log.event[:rows] == Event.SURRENDER)
    return surrendered[campaign.world.units.role[log.actor[surrendered]] == Role.OUTPOST]


def outposts_surrendered(view: View, row: Outcome) -> Value:
    """Outposts that gave up by negotiation, in the whole country."""
    return float((view.outposts_gave_up_on <= row.last).sum())


def share_held(view: View, row: Outcome) -> Value:
    """Districts of the scope held on the evening, over all of the scope."""
    return float(view.held[row.last, row.districts].mean())


def held(view: View, row: Outcome) -> Value:
    """Districts of the scope held on the evening, day 0 included."""
    return float(view.held[row.last, row.districts].sum())


def newly_fallen(view: View, row: Outcome) -> Value:
    """Districts held on the evening and not on day 0."""
    return float((view.held[row.last] & ~view.held[0])[row.districts].sum())


def retaken(view: View, row: Outcome) -> Value:
    """Districts that were taken after day 0 and are back with the government on the evening."""
    ever = view.held[: row.last + 1].any(axis=0)
    return float((ever & ~view.held[0] & ~view.held[row.last])[row.districts].sum())


def most_lost_in_four_days(view: View, row: Outcome) -> Value:
    """The most districts of the scope lost within four days in a row."""
    lost = (view.held[1 : row.last + 1] & ~view.held[: row.last])[:, row.districts].sum(axis=1)
    return float(np.convolve(lost, np.ones(4), "full").max()) if lost.size else 0.0


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
    return float(view.nights[: row.last + 1, row.posts].sum())


def crossed_largest_night(view: View, row: Outcome) -> Value:
    """Soldiers let in during the one night in which most were."""
    return float(view.nights[: row.last + 1].sum(axis=1).max())


def largest_night(view: View, row: Outcome) -> Value:
    """The morning after the night in which most crossed; missing when nobody did."""
    totals = view.nights[: row.last + 1].sum(axis=1)
    return iso(view, int(totals.argmax())) if totals.max() > 0 else None


def posts_used_largest_night(view: View, row: Outcome) -> Value:
    """Posts at which soldiers came over in that night."""
    nights = view.nights[: row.last + 1]
    return float((nights[nights.sum(axis=1).argmax()] > 0).sum())


def series_end(view: View, row: Outcome) -> Value:
    """The daily series on the evening."""
    return float(view.series[row.last, row.series])


def series_peak(view: View, row: Outcome) -> Value:
    """The highest evening of the daily series."""
    return float(view.series[: row.last + 1, row.series].max())


def series_low(view: View, row: Outcome) -> Value:
    """The lowest evening of the daily series, day 0 aside."""
    return float(view.series[1 : row.last + 1, row.series].min())


def capitals_held(view: View, row: Outcome) -> Value:
    """Provincial capitals held by the Taliban on the evening."""
    return float(view.held[row.last, view.facts.is_capital].sum())


def first_capital_fell(view: View, row: Outcome) -> Value:
    """The evening of the first fall of a capital of the scope, or missing."""
    evenings = view.held[: row.last + 1, row.districts & view.facts.is_capital].any(axis=1)
    return iso(view, int(evenings.argmax())) if evenings.any() else None


QUANTITIES: dict[str, Callable[[View, Outcome], Value]] = {
    count.__name__: count
    for count in (
        share_held, held, newly_fallen, retaken, most_lost_in_four_days, share_without_fight, border_share, crossed,
        crossed_largest_night, largest_night, posts_used_largest_night, series_end, series_peak, series_low,
        capitals_held, first_capital_fell, outposts_surrendered,
    )
}  # fmt: skip


def iso(view: View, day: int) -> str:
    """The date of a day of the campaign."""
    return (view.start + timedelta(days=day)).isoformat()


def slug(name: str) -> str:
    """`Sar-e-Pul` becomes `sar_e_pul`."""
    return re.sub(r"\W+", "_", name.lower()).strip("_")


def read_outcomes(facts: Facts, start: date, days: int) -> tuple[Outcome, ...]:
    """All rows of the table for a campaign of so many days; PanjError for a row that cannot be counted."""
    last_day = (start + timedelta(days=days)).isoformat().replace("-", "_")
    rows: dict[str, dict[str, Any]] = {}
    for name, row in read_yaml(folder_of("configs") / "outcomes.yaml").items():
        rows.setdefault(name.replace("last_day", last_day), row)  # the date itself, unless it has a row already
    for post in facts.post:
        rows[f"crossed_{post}"] = {
            "quantity": "crossed", "scope": {"post": post}, "until": THE_LINE, "unit": "soldiers",
            "label": f"Soldiers who crossed at {post} by 7 July",
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


def fingerprint_of_outcomes() -> str:
    """First 16 hexadecimal digits of a hash of what is counted; labels and reported figures decide no number."""
    rows = read_yaml(folder_of("configs") / "outcomes.yaml")
    counted = {name: {key: row.get(key) for key in COUNTED} for name, row in rows.items()}
    return sha256(json.dumps(counted, sort_keys=True, default=str).encode()).hexdigest()[:16]


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
    when = row.get("date", row.get("until"))
    if when is not None and not isinstance(when, date):
        raise PanjError(f"outcomes.{name}.date: found '{when}', expected a date such as 2021-07-05, without quotes")
    last = days if when is None else (when - start).days
    districts, posts = scope_of(name, row.get("scope") or {}, facts)
    return Outcome(
        name=name,
        quantity=row["quantity"],
        districts=districts,
        posts=posts,
        last=last if 0 <= last <= days else -1,
        series=names.index(row["series"]) if "series" in row else -1,
        unit=row.get("unit", ""),
        label=row.get("label", name),
        counted=" ".join((QUANTITIES[row["quantity"]].__doc__ or "").split()),
        reported=row.get("reported") or {},
    )


def scope_of(name: str, scope: Mapping[str, Any], facts: Facts) -> tuple[np.ndarray, np.ndarray]:
    """Which districts and posts a row counts."""
    districts = np.ones(len(facts.district_id), np.bool_)
    posts = np.ones(len(facts.post), np.bool_)
    if not isinstance(scope, Mapping):
        raise PanjError(f"outcomes.{name}.scope: found '{scope}', expected such as {{province: Takhar}}; none: country")
    for key, value in scope.items():
        known: dict[str, Sequence[str]] = {
            "province": facts.provinces, "region": facts.region, "districts": facts.district, "post": facts.post,
        }  # fmt: skip
        if key not in known:
            raise unknown(f"outcomes.{name}.scope", key, known)
        for one in [value] if isinstance(value, str) else value:
            if one not in known[key]:
                raise unknown(f"outcomes.{name}.scope.{key}", one, sorted(set(known[key])))
        if key == "post":
            posts = np.array([post == value for post in facts.post])
        else:
            of_district = {"province": facts.province, "region": facts.region, "districts": facts.district}[key]
            wanted = {value} if isinstance(value, str) else set(value)
            districts = np.array([one in wanted for one in of_district])
    return districts, posts


def count_outcomes(campaign: Campaign, table: Sequence[Outcome], facts: Facts, start: date) -> dict[str, Value]:
    """Every outcome of one campaign; missing (None) where the campaign ends before its date."""
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
