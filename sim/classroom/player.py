"""Films of one campaign for the browser, and forks: one campaign continued twice, unchanged and with a change.

A film is JSON with the holders, posts, curves and log of every day; the log distinguishes reported from simulated
events (`sim.story.telling.DaySentence`). The shapes of the map are sent separately, once. A fork consists of two films,
the first event that differs, the days that differ, and a table of outcomes side by side.

Reads a `Campaign` and its settings; the geometry of maps; the record up to the end of 7 July 2021.
Assumes The end of a day is shown with the night that follows it, as in the log; curves count a night on the morning
        on which it ends, as in the record. Both branches of a fork have the same random draws after the change;
        `sim.story.branches` explains what a change can affect.
"""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from sim.classroom.desk import the_desk
from sim.classroom.once import once
from sim.classroom.reading import fitted
from sim.classroom.texts import declared, outcome_label, texts_of
from sim.configuration.overrides import BASELINE, Override, Overrides
from sim.configuration.settings import Settings
from sim.data.facts import THE_LINE, capitals_by_size
from sim.data.record import Point, aan_shares, counted_so_far, fell_dates, lost_in_record
from sim.engine.campaign import Campaign, Series
from sim.engine.world import Count, Event, Holder, Why
from sim.errors import CampaignError
from sim.execution.rerun import cannot_end, dated_of, evenings_of, log_of
from sim.execution.work import outcomes_of
from sim.outcome import count_outcomes
from sim.plots.land import NARROW_MARGIN, Bounds, Lines, bounds_of, country_bounds, frontier_bounds, read_land
from sim.story.branches import Course, check_effect, run_branches, turn_of
from sim.story.branches import warm as warm_step
from sim.story.chronicle import Chronicle, chronicle_of
from sim.story.fork import about_turn, outcome_rows
from sim.story.fork_story import (
    TwoDays,
    branches_of,
    cells_of,
    changed_of,
    chosen_outcomes,
    describe_first_difference,
    describe_same_outcomes,
    first_difference,
    first_evening,
    two_stories,
    with_late,
)
from sim.story.telling import sentences_on
from sim.study.columns import changes_of
from sim.wording import Language, name_of_post

UNITS = 2  # drawing units per km
KEPT_FILMS, KEPT_FORKS = 40, 30  # sizes of the caches shared by all visitors
HELD_FROM_THE_START, WON_BACK = 0, 4  # kinds of change of holder, in addition to those of `Fall`


def compact(value: object) -> str:
    """Return a value as JSON without spaces between elements."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@cache
def shapes() -> str:
    """Return the shapes of the browser's map: areas and lines as SVG paths; posts, centres and names as points.

    Returns:
        JSON with positions as distances east and south of the north-west corner, in units of 0.5 km.
    """
    land = read_land()
    facts = land.facts
    west, south, east, north = country_bounds(land, NARROW_MARGIN)
    corner = np.array([west, north])
    left, low, right, high = river = frontier_bounds(land)
    return compact(
        {
            "size": placed((east, south), corner),
            "frontier": [*placed((left, high), corner), *placed((right, low), np.array([left, high]))],
            "abroad": path_of(land.abroad, corner),
            "home": path_of(land.outline, corner),
            "borders": path_of(land.provinces, corner),
            "names": [
                [declared("countries", name, name), *placed(place, corner)]
                for name, place in land.names["country"].items()
            ],
            "river": path_of(land.frontier, corner),
            "cities": [[facts.district[row], *placed(land.centres[row], corner)] for row in capitals_by_size(facts)],
            "provinces": list(facts.provinces),
            "districts": [
                [facts.district[row], int(facts.province_of[row]), int(facts.is_capital[row]), int(meets(rings, river)),
                 *placed(land.centres[row], corner), path_of(rings, corner)]
                for row, rings in enumerate(land.districts)
            ],
            "posts": [
                [name_of_post(slug), *placed(place, corner), int(district)]
                for slug, place, district in zip(facts.post, land.posts, facts.post_district, strict=True)
            ],
        }
    )  # fmt: skip


def meets(lines: Lines, view: Bounds) -> bool:
    """Return whether the bounding box of lines overlaps a view."""
    west, south, east, north = bounds_of(lines)
    return bool(west < view[2] and east > view[0] and south < view[3] and north > view[1])


def placed(place: Any, corner: np.ndarray) -> list[int]:
    """Return the distances of a point east and south of a corner, in whole units of 0.5 km."""
    east, south = np.rint((place - corner) * (UNITS, -UNITS)).astype(int).tolist()
    return [east, south]


def path_of(lines: Lines, corner: np.ndarray) -> str:
    """Return lines or closed rings as an SVG path: first points followed by steps, in whole units of 0.5 km."""
    path = []
    for line in lines:
        points = np.rint((line - corner) * (UNITS, -UNITS)).astype(int)
        steps = np.diff(points, axis=0)
        steps = steps[steps.any(axis=1)]
        if not len(steps):  # an empty step would terminate the whole path
            continue
        end = "z" if np.array_equal(points[0], points[-1]) else ""
        path.append(f"M{points[0][0]} {points[0][1]}l{pairs(steps[:-1] if end else steps)}{end}")
    return "".join(path)


def pairs(steps: np.ndarray) -> str:
    """Return steps (distances east and south) as SVG text with as few separators as possible."""
    return " ".join(map(str, steps.ravel().tolist())).replace(" -", "-")


def film_of(campaign: Campaign, settings: Settings, chronicle: Chronicle, texts: Language) -> str:
    """Return the film of a campaign as JSON, with its log in the language of `texts`."""
    series, record, start = campaign.record.series, campaign.record, settings.start_date
    evenings = series.shape[0]
    nights = np.concatenate([[0.0], series[:-1, Series.TROOPS_CROSSED]])
    return compact(
        {
            "seed": campaign.seed,
            "start": start.isoformat(),
            "evenings": evenings,
            "line": (THE_LINE - start).days,
            "followed": settings.worlds is not None,
            "followed_day": (settings.worlds.followed - start).days if settings.worlds else 0,
            "calibration": settings.calibration,
            "numbers": numbers_from(settings),
            "holds": duration_factors(campaign),
            "changes": changes_in_words(campaign),
            "lost": losses_by_day(start),
            "waiting": record.waiting.tolist(),
            "soldiers": record.crossed.tolist(),
            "families": record.admitted.tolist(),
            "curves": {
                "held": whole(series[:, Series.DISTRICTS_HELD_BY_TALIBAN]),
                "crossed": whole(np.cumsum(nights)),
                "displaced": whole(series[:, Series.PEOPLE_DISPLACED_TOTAL]),
            },
            "reported": points_by_curve(start, evenings),
            "log": [sentences_on(chronicle, start + timedelta(days=day), texts) for day in range(evenings)],
        }
    )


PAGE = "map"  # texts of films
UNFITTED = "not_calibrated"  # key for the source of numbers that were not fitted
# numbers of falls and of soldiers that double the duration of a day; largest factor
LOSSES, CROSSERS, LONGEST_HOLD = 3.0, 120.0, 4.0


def numbers_from(settings: Settings) -> str:
    """Return the source of the uncertain numbers: `calibrated`, `not_calibrated` or `assimilated`.

    Args:
        settings: The settings of a campaign.
    """
    return fitted(settings.calibration) or UNFITTED


def duration_factors(campaign: Campaign) -> list[float]:
    """Return a duration factor for each day, so that a film slows down on eventful days.

    Args:
        campaign: The campaign.

    Returns:
        One factor per day, from 1 for a day without events to `LONGEST_HOLD`; it grows with the districts that changed
        hands on the day and with the soldiers who crossed in the night after it.
    """
    held = campaign.record.holder == Holder.TALIBAN
    changed = np.concatenate([[0], (held[1:] != held[:-1]).sum(axis=1)])
    crossed = campaign.record.series[:, Series.TROOPS_CROSSED]
    return np.minimum(LONGEST_HOLD, 1 + changed / LOSSES + crossed / CROSSERS).round(2).tolist()


def whole(values: np.ndarray) -> list[int]:
    """Return values truncated to integers."""
    return [int(value) for value in values]


def changes_in_words(campaign: Campaign) -> list[list[int]]:
    """Return the changes of holder in order of day, each as four numbers: day, district, manner and reason (`Why`).

    The manner is a value of `Fall`, or else `HELD_FROM_THE_START` or `WON_BACK`.
    """
    held = campaign.record.holder == Holder.TALIBAN
    falls = falls_of(campaign)
    found = []
    for change in changes_of(held).tolist():
        evening, district = divmod(abs(change) - 1, held.shape[1])
        way, why = (WON_BACK, int(Why.NONE)) if change < 0 else falls.get((evening, district), (HELD_FROM_THE_START, 0))
        found.append([evening, district, way, why])
    return found


def falls_of(campaign: Campaign) -> dict[tuple[int, int], tuple[int, int]]:
    """Return the manner (`Fall`) and reason (`Why`) of falls, keyed by day and district.

    If a district fell twice on one day, the last fall is used.
    """
    log = campaign.world.log
    rows = np.flatnonzero(log.event[: int(campaign.world.tally[Count.LOGGED])] == Event.FALL)
    return {(int(log.day[row]), int(log.district[row])): (int(log.how[row]), int(log.why[row])) for row in rows}


def losses_by_day(start: date) -> list[list[int]]:
    """Return the day (counted from `start`) and district of each loss with a reported date up to 7 July, by day."""
    rows = lost_in_record(THE_LINE)
    days = (fell_dates()[rows] - np.datetime64(start)).astype(int)
    return sorted([int(day), int(row)] for day, row in zip(days, rows, strict=True))


def points_by_curve(start: date, evenings: int) -> dict[str, list[list[Any]]]:
    """Return the reported points that fall on days of the campaign, keyed by curve.

    The points of the curve `held` are shares of all districts.
    """
    curves = {"held": aan_shares(), "crossed": counted_so_far(), "displaced": []}
    return {name: [point_as_list(one, start) for one in points if 0 <= (one.day - start).days < evenings]
            for name, points in curves.items()}  # fmt: skip


def point_as_list(one: Point, start: date) -> list[Any]:
    """Return a reported point as a list: day, value, low, high, 1 for a lower bound (otherwise 0), and id."""
    return [(one.day - start).days, one.value, one.low, one.high, int(one.open_ended), one.id]


def chronicle_from(campaign: Campaign, settings: Settings, said: Mapping[str, Any]) -> Chronicle:
    """Return the chronicle of a campaign that was run in this process; `said` describes the campaign."""
    return chronicle_of(log_of(campaign, settings), evenings_of(campaign, settings), said)


def said_of(settings: Settings, seed: int) -> dict[str, Any]:
    """Return the description of a campaign for its chronicle."""
    return {
        "study": settings.study,
        "scenario": settings.title,
        "cell": 0,
        "cell_label": "",
        "calibration": settings.calibration,
        "seed": seed,
        "start_date": settings.start_date.isoformat(),
        "end_date": settings.end_date.isoformat(),
        "dated": [
            [day, declared("events", text, text), declared("events", source, source)]
            for day, text, source in dated_of([event._asdict() for event in settings.events])
        ],
    }


@once(KEPT_FILMS)
def chronicle_for(overrides: Overrides, seed: int) -> Chronicle:
    """Run a campaign and return its chronicle; recent chronicles are cached.

    Args:
        overrides: The choice of settings.
        seed: Seed of the campaign.

    Returns:
        The chronicle.

    Raises:
        PanjError: The settings are wrong, or the campaign fails.
    """
    desk = the_desk()
    settings = desk.settings(overrides)
    return chronicle_from(desk.campaign(overrides, seed), settings, said_of(settings, seed))


@once(KEPT_FILMS)
def film_for(overrides: Overrides, seed: int) -> str:
    """Run a campaign and return its film; recent films are cached.

    Args:
        overrides: The choice of settings.
        seed: Seed of the campaign.

    Returns:
        The film as JSON.

    Raises:
        PanjError: The settings are wrong, or the campaign fails.
    """
    desk = the_desk()
    return film_of(
        desk.campaign(overrides, seed), desk.settings(overrides), chronicle_for(overrides, seed), texts_of(PAGE)
    )


def warm() -> None:
    """Prepare what would be slow on first use: the shapes, a film of the baseline, and the compiled daily step."""
    settings = the_desk().settings(BASELINE)
    shapes()
    film_for(BASELINE, 0)
    warm_step(Course(settings.rules_of(0), settings.timeline, settings.layout.world))


class Forked(NamedTuple):
    """Two branches of one campaign, as shown on the page What if."""

    films: tuple[str, str]  # films of the unchanged and of the changed branch
    day: int  # day at the end of which the branches diverge
    first: tuple[str, ...]  # sentences on the first event that differs
    first_day: int | None  # day of that event, or the first day on which numbers differ
    days: tuple[TwoDays, ...]  # days that differ
    same_days: int
    outcomes: tuple[tuple[str, ...], ...]  # rows of label, reported figure, unchanged, changed, difference
    same_outcomes: str
    left: tuple[str, ...]  # changed numbers without effect, since they are used only on day 0


@once(KEPT_FORKS)
def fork(overrides: Overrides, seed: int, evening: date, change: Override) -> Forked:
    """Run both branches of a fork; recent forks are cached.

    Args:
        overrides: The choice of settings.
        seed: Seed of the campaign.
        evening: Day at the end of which the decision is changed.
        change: An override, such as `border=closed`.

    Returns:
        The two branches.

    Raises:
        PanjError: The change cannot be made on that day, the change has no effect, or a branch fails.
    """
    turn = turn_of(overrides, Overrides.from_rows([change]), evening, the_desk())
    check_effect(turn, (seed,), (change.text,))
    settings, language = turn.before, texts_of(PAGE)
    try:
        lived = run_branches(*turn.courses(seed), seed, settings.days, turn.day, settings.seed_of(seed))
    except CampaignError as error:
        raise cannot_end(seed, error) from error
    about = {**said_of(settings, seed), **about_turn(turn, (change.text,))}
    before = chronicle_from(lived[0], settings, about)
    after = with_late(chronicle_from(lived[1], settings, changed_of(about)), about, language)
    table = outcomes_of(settings.start_date, settings.days)
    counted = [count_outcomes(one, table, settings.facts, settings.start_date) for one in lived]
    rows = [{key: str(value) for key, value in row.items()} | {"label": outcome_label(row["outcome"], row["label"])}
            for row in outcome_rows(table, (counted[0], counted[1]), settings.start_date)]  # fmt: skip
    branches = branches_of(about, before, after, rows, [])
    days, same_days = two_stories(branches, language)
    difference = first_difference(branches.before, branches.after)
    first = difference.day if difference else first_evening(branches.before, branches.after)
    films = [film_of(one, settings, told, language) for one, told in zip(lived, (before, after), strict=True)]
    return Forked(
        (films[0], films[1]), turn.day, tuple(describe_first_difference(branches, language)),
        (first - settings.start_date).days if first else None, tuple(days), same_days,
        tuple(cells_of(row, language) for row in chosen_outcomes(branches)),
        " ".join(describe_same_outcomes(branches, language)).strip(), turn.left,
    )  # fmt: skip
