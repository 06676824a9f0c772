"""Outcomes of a campaign: quantities counted from its record, each for a scope and a date.

Outcomes are declared in `configs/outcomes.yaml`, to which users can add rows. Others are derived from the data: for
each post, `crossed_<post>` and `largest_night_<post>` (soldiers, by 7 July), and for each province,
`capital_fell_<province>` (a date, or missing if it did not fall). A night is dated by the morning on which it ends.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sim.data.configs import GROUPS, folder_of, read_yaml
from sim.data.evidence import Evidence, read_evidence
from sim.data.facts import THE_LINE, Facts, fingerprint_of_record, meaning_of, row_of_district
from sim.data.meaning import definitions_in, fingerprint_of, meaning_of_definitions, read_sources
from sim.data.own import EVIDENCE, OUTCOMES, has_rows, own_file, own_yaml, remembered
from sim.data.places import naming_own_files
from sim.engine.campaign import Campaign, Series
from sim.engine.world import Count, Event, Fall, Holder, Role
from sim.errors import PanjError, unknown
from sim.wording import name_of_post

# columns that determine the value of an outcome
COUNTED = ("quantity", "scope", "date", "since", "until", "series", "day_0_share")
KEYS = {*COUNTED, "unit", "label", "reported"}
LAST_DAY = "last_day"  # stands for the last day of the campaign in declared names
OF_CAPITAL = "capital_fell_"  # start of the names of outcomes derived for each province
OF_POST = {  # starts of the names of outcomes derived for each post: quantity and label
    "crossed_": ("crossed", "Soldiers who crossed at {post} by 7 July"),
    "largest_night_": ("crossed_largest_night", "Soldiers who crossed at {post} in the largest night"),
}
CHECKS_OF_A_ROW = ("view_of", "window_of", "scope_of", "share_of")  # functions on which the values of all rows depend
RESERVED = (  # names of columns in tables, which outcomes must not have
    "seed", "error", "traceback", "cell", "run", *GROUPS, "scenario", "calibration", "start_date", "end_date",
)  # fmt: skip
Value = float | str | None


class Outcome(NamedTuple):
    """One outcome, resolved for the dates of a campaign: its quantity, scope, days and method of counting."""

    name: str
    quantity: str
    districts: np.ndarray  # (districts) bool: whether the scope contains the district
    capitals: tuple[int, ...]  # row numbers of the provincial capitals in the scope
    posts: np.ndarray  # (posts) bool: whether the scope contains the post
    first: int  # first day that is counted; 0 without `since`
    last: int  # last day that is counted, from day 0; -1 if the days of the outcome are not in the campaign
    series: int  # daily series that is counted, a member of Series; -1 if there is none
    day_0_share: float  # share of all districts held or influenced on day 0, in a wider definition of control
    unit: str
    label: str
    counted: str  # description of the method of counting
    reported: Mapping[str, Any]  # ids of the reported figures, and how they are combined
    fingerprint: str = ""  # hash of the definition of the outcome


class View(NamedTuple):
    """The record of a campaign, prepared for counting functions; nights are dated by the morning on which they end."""

    start: date
    facts: Facts
    held: np.ndarray  # (days, districts) whether the Taliban hold the district at the end of the day
    capital_fell: dict[int, int]  # first day at the end of which the Taliban held a capital, by row number
    influence: np.ndarray  # (districts) Taliban influence, 0 to 1, drawn on day 0
    series: np.ndarray  # (days, Series) daily series
    nights: np.ndarray  # (mornings, posts) soldiers who crossed in the night before
    night_totals: np.ndarray  # (mornings) soldiers who crossed at all posts in the night before
    admitted: np.ndarray  # (days, posts) people admitted
    fell_on: np.ndarray  # (falls) day of the fall
    fell_at: np.ndarray  # (falls) row number of the district that fell
    fell_how: np.ndarray  # (falls) manner of the fall, a member of Fall
    outposts_gave_up_on: np.ndarray  # (outposts that surrendered) day of the surrender
    captured_on: np.ndarray  # (captures) day of the capture
    captured_at: np.ndarray  # (captures) row number of the district
    captured_men: np.ndarray  # (captures) number of men captured


def nights_of(crossed: np.ndarray) -> np.ndarray:
    """Shift crossings by one day, so that each night belongs to the morning on which it ended.

    Args:
        crossed: (days, posts) soldiers who crossed in the night after each day.

    Returns:
        (days, posts) soldiers who crossed in the night before each day.
    """
    return np.vstack([np.zeros_like(crossed[:1]), crossed[:-1]])


def last_day_of(name: str, end: date) -> date:
    """Return the last day that an outcome covers by its present definition.

    Args:
        name: Name of the outcome.
        end: Date of the last day of the campaign.

    Returns:
        The declared date of the outcome, 7 July for outcomes derived for each post, or `end` for all others.
    """
    row = row_of(name, end) or {}
    day = row.get("date") or row.get("until") or end
    return day if isinstance(day, date) else end


def is_as_defined(name: str, end: date, counted: str, rows: Mapping[str, Mapping[str, Any]] | None = None) -> bool:
    """Return whether a study counted an outcome by its present definition.

    Args:
        name: Name of the outcome.
        end: Date of the last day of the campaign.
        counted: Fingerprint of the definition that the study used, or an empty string if it is not known, as in old
            studies; the result is then True.
        rows: The declared rows, if they have been read already.
    """
    if not counted or name.startswith(OF_CAPITAL):  # derived from the provinces, with one definition
        return True
    row = row_of(name, end, rows)
    return row is not None and fingerprint_of_row(row) == counted


def row_of(name: str, end: date, rows: Mapping[str, Mapping[str, Any]] | None = None) -> Mapping[str, Any] | None:
    """Return the present definition of an outcome, declared or derived for a post; None if there is none.

    Args:
        name: Name of the outcome.
        end: Date of the last day of the campaign, which `last_day` in a declared name stands for.
        rows: The declared rows, if they have been read already.
    """
    rows = declared_rows() if rows is None else rows
    for declared in (name, name.replace(day_in_name(end), LAST_DAY)):
        if declared in rows:
            return rows[declared]
    return next((row_of_post(name, start) for start in OF_POST if name.startswith(start)), None)


def row_of_post(name: str, start: str) -> dict[str, Any]:
    """Return the definition of an outcome that is derived for a post, from its name and the start of that name."""
    post = name.removeprefix(start)
    quantity, label = OF_POST[start]
    return {
        "quantity": quantity, "scope": {"post": post}, "until": THE_LINE, "unit": "soldiers",
        "label": label.format(post=name_of_post(post)),
    }  # fmt: skip


def day_in_name(day: date) -> str:
    """Return a date as it is written in names of outcomes: `2021_07_08`."""
    return day.isoformat().replace("-", "_")


def view_of(campaign: Campaign, facts: Facts, start: date) -> View:
    """Convert the record of a campaign to a View for counting; nights are dated by the morning on which they end."""
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
    """Return the first day at the end of which the Taliban held each district.

    Args:
        held: (days, districts) bool: whether the Taliban held the district at the end of the day.
        wanted: (districts) bool: whether to include the district.

    Returns:
        Days, keyed by row number of the district, without districts that were never held.
    """
    ever = np.flatnonzero(held.any(axis=0) & wanted)
    return dict(zip(ever.tolist(), held[:, ever].argmax(axis=0).tolist(), strict=True))


def outposts_that_gave_up(campaign: Campaign, rows: int) -> np.ndarray:
    """Return the row numbers of surrenders of outposts in the first `rows` rows of the log."""
    log = campaign.world.log
    surrendered = np.flatnonzero(log.event[:rows] == Event.SURRENDER)
    return surrendered[campaign.world.units.role[log.actor[surrendered]] == Role.OUTPOST]


# The docstrings of counting functions are shown to users as descriptions of quantities.


def outposts_surrendered(view: View, row: Outcome) -> Value:
    """Outposts that surrendered after negotiation, in the whole country."""
    return float((view.outposts_gave_up_on <= row.last).sum())


def count_within(marked: np.ndarray, row: Outcome) -> float:
    """Return the number of marked districts in the scope of an outcome."""
    return float(np.count_nonzero(marked & row.districts))


def share_within(marked: np.ndarray, row: Outcome) -> float:
    """Return the share of marked districts among those in the scope of an outcome."""
    return count_within(marked, row) / float(np.count_nonzero(row.districts))


def share_held(view: View, row: Outcome) -> Value:
    """Share of the districts of the scope that the Taliban held at the end of the day."""
    return share_within(view.held[row.last], row)


def share_held_or_influenced(view: View, row: Outcome) -> Value:
    """Share of the districts of the scope that the Taliban held or, if rural, influenced at the end of the day.

    A district counts as influenced if Taliban influence in it is above a cut, chosen so that the declared share of all
    districts is held or influenced on day 0."""
    return share_within(view.held[row.last] | influenced(view, row.day_0_share), row)


def influenced(view: View, day_0_share: float) -> np.ndarray:
    """Return whether each district counts as influenced, by a cut on Taliban influence.

    The cut is chosen so that a share `day_0_share` of all districts is held or influenced on day 0. The rural districts
    that the Taliban did not hold on day 0 are added in descending order of influence, with ties broken by row number.
    Influence is drawn on day 0 and constant, so the same districts are chosen on every day of a campaign.
    """
    lacking = round(day_0_share * view.held.shape[1]) - int(view.held[0].sum())
    rural = np.flatnonzero(~view.held[0] & ~view.facts.is_capital)
    chosen = rural[np.argsort(-view.influence[rural], kind="stable")[: max(0, lacking)]]
    found = np.zeros(view.held.shape[1], np.bool_)
    found[chosen] = True
    return found


def held(view: View, row: Outcome) -> Value:
    """Districts of the scope that the Taliban held at the end of the day, including those held on day 0."""
    return count_within(view.held[row.last], row)


def newly_fallen(view: View, row: Outcome) -> Value:
    """Districts held at the end of the day and not on day 0."""
    return count_within(view.held[row.last] & ~view.held[0], row)


def ever_taken(view: View, row: Outcome) -> Value:
    """Districts taken after day 0, up to the end of the day, including those lost again."""
    return count_within(taken(view, row), row)


def share_ever_taken(view: View, row: Outcome) -> Value:
    """Share of the districts of the scope taken after day 0, up to the end of the day, including those lost again."""
    return share_within(taken(view, row), row)


def taken(view: View, row: Outcome) -> np.ndarray:
    """Return whether the Taliban held each district at the end of any day from day 1 to the day of the outcome."""
    return np.any(view.held[: row.last + 1], axis=0) & ~view.held[0]


def lost_between(view: View, row: Outcome) -> Value:
    """Districts of the scope lost on some day of the window, each counted once."""
    before, after = view.held[max(row.first, 1) - 1 : row.last], view.held[max(row.first, 1) : row.last + 1]
    return count_within((after & ~before).any(axis=0), row)


def retaken(view: View, row: Outcome) -> Value:
    """Districts that were taken after day 0 and were held by the government again at the end of the day."""
    return count_within(taken(view, row) & ~view.held[row.last], row)


def most_lost_in_two_days(view: View, row: Outcome) -> Value:
    """Largest number of districts of the scope lost within two consecutive days."""
    return most_lost_in(2, view, row)


def most_lost_in_four_days(view: View, row: Outcome) -> Value:
    """Largest number of districts of the scope lost within four consecutive days."""
    return most_lost_in(4, view, row)


def most_lost_in_five_days(view: View, row: Outcome) -> Value:
    """Largest number of districts of the scope lost within five consecutive days."""
    return most_lost_in(5, view, row)


def most_lost_in_six_days(view: View, row: Outcome) -> Value:
    """Largest number of districts of the scope lost within six consecutive days."""
    return most_lost_in(6, view, row)


def most_lost_in(days: int, view: View, row: Outcome) -> float:
    """Return the largest number of districts of the scope lost within `days` consecutive days."""
    held = view.held[: row.last + 1, row.districts]
    lost = (held[1:] & ~held[:-1]).sum(axis=1)
    return float(np.convolve(lost, np.ones(days), "full").max()) if lost.size else 0.0


def share_without_fight(view: View, row: Outcome) -> Value:
    """Share of the falls in the scope that were handovers or abandonments; missing if there were none."""
    counted = (view.fell_on <= row.last) & row.districts[view.fell_at]
    return float((view.fell_how[counted] != Fall.FOUGHT).mean()) if counted.any() else None


def border_share(view: View, row: Outcome) -> Value:
    """Share of the border with Tajikistan, by km, in districts held at the end of the day."""
    km = view.facts.tajik_border_km
    return float(km[view.held[row.last]].sum() / km.sum()) if km.sum() else None


def crossed(view: View, row: Outcome) -> Value:
    """Soldiers who crossed at the posts of the scope, in nights that ended by the morning of the date."""
    return float(view.nights[row.first : row.last + 1, row.posts].sum())


def morning_after(view: View, row: Outcome) -> int:
    """Return the day of the morning after the night with the most crossings over all posts; 0 if nobody crossed."""
    return int(view.night_totals[: row.last + 1].argmax())


def crossed_largest_night(view: View, row: Outcome) -> Value:
    """Soldiers who crossed at the posts of the scope in the night with the most crossings at all posts together."""
    return float(view.nights[morning_after(view, row), row.posts].sum())


def crossed_before_largest_night(view: View, row: Outcome) -> Value:
    """Soldiers who crossed at all posts in the nights before the largest night."""
    return float(view.night_totals[: morning_after(view, row)].sum())


def largest_night(view: View, row: Outcome) -> Value:
    """Date of the morning after the night in which the most soldiers crossed; missing if nobody crossed."""
    morning = morning_after(view, row)
    return iso(view, morning) if view.night_totals[morning] > 0 else None


def posts_used_largest_night(view: View, row: Outcome) -> Value:
    """Number of posts at which soldiers crossed in the largest night."""
    return float((view.nights[morning_after(view, row)] > 0).sum())


def admitted(view: View, row: Outcome) -> Value:
    """People in families admitted at the posts of the scope up to the end of the day."""
    return float(view.admitted[row.first : row.last + 1, row.posts].sum())


def captured(view: View, row: Outcome) -> Value:
    """Soldiers captured in the scope by the end of the day: when a district fell, while fleeing, or at the river."""
    counted = (view.captured_on >= row.first) & (view.captured_on <= row.last) & row.districts[view.captured_at]
    return float(view.captured_men[counted].sum())


def series_end(view: View, row: Outcome) -> Value:
    """Value of the daily series at the end of the day."""
    return float(view.series[row.last, row.series])


def series_growth(view: View, row: Outcome) -> Value:
    """Increase of a running total over the days of the window."""
    before = view.series[row.first - 1, row.series] if row.first > 0 else 0.0
    return float(view.series[row.last, row.series] - before)


def series_peak(view: View, row: Outcome) -> Value:
    """Highest value of the daily series up to the date."""
    return float(view.series[: row.last + 1, row.series].max())


def series_low(view: View, row: Outcome) -> Value:
    """Lowest value of the daily series up to the date, excluding day 0."""
    return float(view.series[1 : row.last + 1, row.series].min())


def capitals_held(view: View, row: Outcome) -> Value:
    """Provincial capitals held by the Taliban at the end of the day."""
    return float(np.count_nonzero(view.held[row.last] & view.facts.is_capital))


def first_capital_fell(view: View, row: Outcome) -> Value:
    """Date on which the first provincial capital of the scope fell; missing if none fell."""
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
    """Return whether an outcome can be counted again from the stored data of a campaign.

    A study stores changes of holder and, if it is daily, the daily series. Crossings are stored with the date of the
    morning after, so those in the night after the last day are missing.

    Args:
        row: The outcome in question.
        is_daily: Whether the study stores daily series.
    """
    is_of_days = row.quantity in OF_DAYS and row.series != Series.TROOPS_CROSSED
    return row.last < 0 or row.quantity in OF_HOLDERS or (is_daily and is_of_days)


class Stored(NamedTuple):
    """The stored data of one campaign, for counting outcomes again."""

    held: np.ndarray  # (days, districts) whether the Taliban hold the district at the end of the day
    series: np.ndarray  # (days, Series) daily series; empty if they are not stored
    nights: np.ndarray  # (mornings, posts) soldiers who crossed in the night before
    admitted: np.ndarray  # (days, posts) people admitted


def recount(stored: Stored, table: Sequence[Outcome], facts: Facts, start: date) -> dict[str, Value]:
    """Count outcomes from the stored data of a campaign.

    Args:
        stored: The stored data of the campaign.
        table: Outcomes for which `is_recountable` is true.
        facts: Facts about districts and posts.
        start: The date of day 0.

    Returns:
        The same values as those of `count_outcomes` for the campaign itself.
    """
    capitals, none = first_held(stored.held, facts.is_capital), np.zeros(0, np.int64)
    view = View(
        start, facts, stored.held, capitals, none, stored.series, stored.nights, stored.nights.sum(axis=1),
        stored.admitted, *[none] * 7,
    )  # fmt: skip
    return {row.name: QUANTITIES[row.quantity](view, row) if row.last >= 0 else None for row in table}


def iso(view: View, day: int) -> str:
    """Return the date of a day of the campaign in ISO format; `day` counts from day 0."""
    return (view.start + timedelta(days=day)).isoformat()


def slug(name: str) -> str:
    """Return a name as part of a key: `sar_e_pul` for `Sar-e-Pul`."""
    return re.sub(r"\W+", "_", name.lower()).strip("_")


def read_outcomes(facts: Facts, start: date, days: int) -> tuple[Outcome, ...]:
    """Read the table of outcomes and resolve it for the dates of a campaign.

    Args:
        facts: Facts about districts and posts, to which names in scopes refer.
        start: Date of day 0.
        days: Number of days after day 0.

    Returns:
        Declared outcomes, then those derived from the data.

    Raises:
        PanjError: For an invalid row; the key names the row, and the message names the file if it is the user's.
    """
    with naming_own_files(own_paths(), alone=True):
        return resolve_outcomes(facts, start, days)


def resolve_outcomes(facts: Facts, start: date, days: int) -> tuple[Outcome, ...]:
    """Return the result of `read_outcomes`; errors name only the row, without its file."""
    last_day = day_in_name(start + timedelta(days=days))
    rows: dict[str, dict[str, Any]] = {}
    for name, row in declared_rows().items():
        rows.setdefault(name.replace(LAST_DAY, last_day), row)  # a row declared for this date takes precedence
    declared = set(rows)
    for post in facts.post:
        for start_of_name in OF_POST:
            rows[f"{start_of_name}{post}"] = row_of_post(f"{start_of_name}{post}", start_of_name)
    for province in facts.provinces:
        rows[f"{OF_CAPITAL}{slug(province)}"] = {
            "quantity": "first_capital_fell", "scope": {"province": province}, "unit": "date",
            "label": f"Date when the capital of {province} fell",
        }  # fmt: skip
    for name in declared.intersection(own_rows()):
        if rows[name] is not own_rows()[name]:
            raise PanjError(
                f"outcomes.{name}: found an outcome of your own with the name of one that Panj has or derives "
                "from the data, expected another name", key=f"outcomes.{name}",
            )  # fmt: skip
    table = tuple(outcome_of(name, row, facts, start, days) for name, row in rows.items())
    evidence = {figure.id: figure for figure in read_evidence()}
    for outcome in table:
        reported_of(outcome, evidence)  # raises an error for an unknown id before anything is run
    return table


def declared_rows() -> dict[str, dict[str, Any]]:
    """Return the rows of `configs/outcomes.yaml` and of the user's `outcomes.yaml`, keyed by name.

    Raise PanjError for an invalid or reserved name, for a row that is not a mapping, or for a name in both files.
    """
    rows = read_yaml(folder_of("configs") / OUTCOMES)
    for name in own_rows():
        if name in rows:
            raise PanjError(
                f"outcomes.{name}: found an outcome of this name in {own_file(OUTCOMES)} and in Panj, expected another "
                "name", key=f"outcomes.{name}",
            )  # fmt: skip
    rows |= own_rows()
    with naming_own_files(own_paths(), alone=True):
        for name, row in rows.items():
            if not re.fullmatch(r"[A-Za-z]\w*", str(name)) or name in RESERVED:
                key, expected = f"outcomes.{name}", f"letters, digits and '_', and none of {', '.join(RESERVED)}"
                raise PanjError(f"{key}: found '{name}' as a name, expected {expected}", key=key)
            check_types(name, row)
    return rows


def own_paths() -> list[Path]:
    """Return the path of the user's `outcomes.yaml`, if there is one."""
    own = own_file(OUTCOMES)
    return [] if own is None else [own]


def check_types(name: str, row: Any) -> None:
    """Raise PanjError if a row, or one of its values, has an invalid type."""
    if not isinstance(row, dict):
        raise PanjError(f"outcomes.{name}: found '{row}', expected a row with quantity, date, unit and label")
    for key in ("quantity", "unit", "label"):
        if not isinstance(row.get(key, ""), str):
            raise PanjError(f"outcomes.{name}.{key}: found '{row[key]}', expected text")
    check_reported(name, row.get("reported") or {})


def check_reported(name: str, reported: Any) -> None:
    """Raise PanjError if an outcome has an invalid combination of reported figures."""
    key = f"outcomes.{name}.reported"
    if not isinstance(reported, Mapping):
        raise PanjError(
            f"{key}: found '{reported}', expected ids of reported figures such as {{sum: [F005], divide: 1}}"
        )
    for part, value in reported.items():
        if part not in ("sum", "count", "divide"):
            raise unknown(key, part, ("sum", "count", "divide"))
        if part != "divide" and not isinstance(value, list):
            raise PanjError(f"{key}.{part}: found '{value}', expected a list of ids such as [F005]")
    divide = reported.get("divide", 1)
    if isinstance(divide, bool) or not isinstance(divide, int | float) or not divide > 0:
        raise PanjError(f"{key}.divide: found '{divide}', expected a number above 0")


@remembered()
def own_rows() -> dict[str, dict[str, Any]]:
    """Return the unchecked rows of the user's `outcomes.yaml`; empty without that file."""
    return own_yaml(own_file(OUTCOMES))


def own_outcomes(end: date) -> list[str]:
    """Return the names of the user's own outcomes.

    Args:
        end: Date of the last day of the campaign, which `last_day` in a declared name stands for.
    """
    return [str(name).replace(LAST_DAY, day_in_name(end)) for name in own_rows()]


def unknown_outcome(what: str, name: str, known: Iterable[str], last_day: date) -> PanjError:
    """Return the error for a name that is not an outcome of campaigns, or whose outcome is counted after their end.

    Args:
        what: Key of the setting, such as `precision.outcome`.
        name: The name that was found.
        known: Names of the outcomes of the campaigns.
        last_day: Last day of the campaigns.
    """
    row = declared_rows().get(name, {})
    counted_on = str(row.get("date") or row.get("until") or "")
    if counted_on <= last_day.isoformat():
        return unknown(what, name, known)
    return PanjError(
        f"{what}: found '{name}', which is counted on {counted_on}, expected an outcome of days up to {last_day}; with "
        f"end_date={counted_on} campaigns run to that day"
    )


@cache
def meaning_of_counting(*roots: str) -> tuple[str, ...]:
    """Return the normalised code of the functions named in `roots` and of functions in this module that they use."""
    return tuple(meaning_of_definitions(definitions_here(), roots))


@cache
def definitions_here() -> list[Any]:
    """Return the parsed definitions of this module."""
    return [each for text in read_sources([Path(__file__)]) for each in definitions_in(text)]


def fingerprint_of_outcomes() -> str:
    """Return the fingerprint of the definitions of all outcomes; labels and reported figures do not affect it."""
    rows = declared_rows()
    counted = {name: {key: row.get(key) for key in COUNTED} for name, row in rows.items()}
    meaning = meaning_of_counting("count_outcomes", "outcome_of")
    return fingerprint_of([json.dumps(counted, sort_keys=True, default=str), *meaning])


def fingerprint_of_shown() -> str:
    """Return the fingerprint of what tables show next to results: labels, units and reported figures."""
    rows = declared_rows()
    path = own_file(EVIDENCE) if has_rows(EVIDENCE) else None
    evidence = [] if path is None else [meaning_of(path)]
    return fingerprint_of([json.dumps(rows, sort_keys=True, default=str), fingerprint_of_record(), *evidence])


def fingerprint_of_row(row: Mapping[str, Any]) -> str:
    """Return the fingerprint of the definition of the outcome in one row."""
    counted = json.dumps({key: row.get(key) for key in COUNTED}, sort_keys=True, default=str)
    return fingerprint_of([counted, *meaning_of_counting(row["quantity"], *CHECKS_OF_A_ROW)])


def outcome_of(name: str, row: Mapping[str, Any], facts: Facts, start: date, days: int) -> Outcome:
    """Check one row, and return the outcome that it declares, resolved for the dates of a campaign."""
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
    """Return the first and last day that an outcome covers; by default, those of the campaign.

    Days are counted from day 0. Raise PanjError for a value that is not a date, or for a `since` without `until` or
    later than `until`.
    """
    for key in ("date", "since", "until"):
        if row.get(key) is not None and not isinstance(row[key], date):
            raise PanjError(
                f"outcomes.{name}.{key}: found '{row[key]}', expected a date such as 2021-07-05, without quotes"
            )
    when, since = row.get("date", row.get("until")), row.get("since")
    if since is not None and (row.get("until") is None or since > row["until"]):
        raise PanjError(f"outcomes.{name}.since: found '{since}', expected `until` as well, no earlier than `since`")
    return 0 if since is None else (since - start).days, days if when is None else (when - start).days


def share_of(name: str, row: Mapping[str, Any]) -> float:
    """Return the `day_0_share` of a row after checking it; 0 if the row has none."""
    share = row.get("day_0_share", 0.0)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise PanjError(f"outcomes.{name}.day_0_share: found '{share}', expected a share from 0 to 1")
    return float(share)


def scope_of(name: str, scope: Mapping[str, Any], facts: Facts) -> tuple[np.ndarray, np.ndarray]:
    """Return the districts and posts that match the scope of a row, as two bool arrays.

    Districts must match every key of the scope; posts are restricted only by the key `post`.
    """
    districts = np.ones(len(facts.district_id), np.bool_)
    posts = np.ones(len(facts.post), np.bool_)
    if not isinstance(scope, Mapping):
        raise PanjError(
            f"outcomes.{name}.scope: found '{scope}', expected a mapping such as {{province: Takhar}}, or no scope for "
            "the whole country"
        )
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
        raise PanjError(f"outcomes.{name}.scope: found {dict(scope)}, expected keys that some district matches")
    return districts, posts


def count_outcomes(campaign: Campaign, table: Sequence[Outcome], facts: Facts, start: date) -> dict[str, Value]:
    """Count every outcome of one campaign.

    Args:
        campaign: A campaign that has reached its last day.
        table: Outcomes to count.
        facts: Facts about districts and posts.
        start: The date of day 0.

    Returns:
        Numbers or ISO dates, keyed by outcome; None if the days of the outcome are not in the campaign, if the event
        did not occur, or if the denominator of a share is 0.
    """
    view = view_of(campaign, facts, start)
    return {row.name: QUANTITIES[row.quantity](view, row) if row.last >= 0 else None for row in table}


class Reported(NamedTuple):
    """Reported figure of an outcome: a value, bounds, both or neither.

    `evidence` contains the ids of the evidence rows from which it was computed.
    """

    value: float | None
    low: float | None
    high: float | None
    evidence: str


def reported_of(row: Outcome, evidence: Mapping[str, Evidence]) -> Reported:
    """Return the reported figure of an outcome.

    Args:
        row: The outcome, whose `reported` contains the ids of the evidence and the combination of figures.
        evidence: Rows of evidence.csv by id.

    Returns:
        The figure, in the unit of the outcome; its numbers are None if nothing was reported.

    Raises:
        PanjError: For an id that is not in evidence.csv.
    """
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
    is_bound = (low is None) != (high is None)  # with only "at least" or "at most", the value itself is unknown
    return Reported(None if is_bound else value, low, high, ", ".join(ids))


def total(values: Sequence[float | None], divide: float) -> float | None:
    """Return the sum of the values, divided by `divide`; return None if any value is missing."""
    if any(value is None for value in values):
        return None
    return sum(value for value in values if value is not None) / divide


def is_date(outcome: Outcome) -> bool:
    """Return whether the value of an outcome is a date."""
    return outcome.quantity in ("first_capital_fell", "largest_night")
