"""Summarise one outcome under one or two choices of settings, with a verdict on whether they differ.

Reads   tables of outcomes with one row per campaign (`seed` and every outcome); the reported figures.
Returns a `Reading`: numbers and texts that a page can show without further computation.
Source  Difference, interval and sentence are computed as by `python -m sim compare` (sim.compare).
Assumes Campaigns are paired by seed: with the same seed, both choices have the same random draws. Intervals from fewer
than 20 pairs are too narrow, so a difference over fewer pairs is never called clear.
"""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from sim.classroom.texts import outcome_label, texts_of
from sim.compare.compare import verdict_of
from sim.compare.pairs import Judgement
from sim.compare.sentences import (
    FEW,
    Verdict,
    difference_in_words,
    format_amount,
    format_ends,
    number_as_text,
)
from sim.configuration.overrides import Overrides
from sim.configuration.settings import Settings
from sim.data.facts import THE_LINE, facts_here
from sim.data.record import evidence
from sim.errors import PanjError, unknown
from sim.outcome import Outcome, Reported, read_outcomes, reported_of
from sim.provenance import ASSIMILATED, CALIBRATED, kind_of
from sim.study.reader import Measure, StudyCell, Worlds, numbers_of, worlds_in
from sim.wording import COUNTED, paragraph

PAGE = "reading"
OUTCOME_GROUPS = {  # main outcomes by subject, in the order of the list
    "river": (
        "troops_crossed_by_2021_07_07",
        "troops_crossed_largest_night",
        "largest_night",
        "posts_used_largest_night",
        "border_share_taliban_2021_07_05",
    ),
    "districts": (
        "share_held_by_taliban_2021_06_30",
        "share_held_by_taliban_2021_07_05",
        "badakhshan_lost_2021_07_05",
        "share_without_fight",
        "retaken_2021_06_30",
        "capitals_lost_2021_07_07",
    ),
    "soldiers": (
        "troops_captured_by_2021_07_07",
        "troops_killed_by_2021_07_07",
        "calls_answered",
    ),
    "families": (
        "people_displaced_by_2021_07_07",
        "refugees_admitted_by_2021_07_07",
        "peak_queue",
    ),
}
MAIN_OUTCOMES = tuple(name for names in OUTCOME_GROUPS.values() for name in names)
USUAL_OUTCOME, USUAL_OF_DISTRICTS = MAIN_OUTCOMES[0], "share_held_by_taliban_2021_07_05"
AT_THE_BORDER = {"border"}  # settings that decide who may cross
DOTS = 20  # largest number of dots in a dot plot; each represents the same number of campaigns
PAIR_DOTS = 200  # largest number of dots for paired differences
BARS = 24  # largest number of bars of a histogram
MANY = 40  # range of whole numbers below which each number has its own bar
TICKS = 6  # approximate largest number of ticks of an axis
FREE = "free"  # kind of campaigns whose numbers were not fitted
NOTHING, ONE, EARLY, SAME, UNCLEAR, CLEAR = "nothing", "one", "early", "same", "unclear", "clear"  # verdicts


class Campaigns(NamedTuple):
    """The campaigns of one choice of settings that have finished, and how many were requested."""

    settings: Settings
    table: pa.Table | None  # outcomes of finished campaigns; None if there are none
    runs: int  # number of campaigns requested


class Spread(NamedTuple):
    """The distribution of an outcome over the campaigns of one choice, in the unit of the chart."""

    done: int  # number of finished campaigns
    runs: int  # number of campaigns requested
    missing: int  # campaigns without a value
    bars: list[float]  # share of campaigns per bin
    dots: list[float]
    median: float | None
    low: float | None  # 5 % quantile
    high: float | None  # 95 % quantile
    text: str
    calibration: str = ""


class Pairs(NamedTuple):
    """Paired differences: for each seed, the outcome under the second choice minus that under the first."""

    dots: list[float]  # one difference per pair, or evenly spaced quantiles if there are more than `PAIR_DOTS` pairs
    edges: list[float]  # ends of the axis, with zero between them
    ticks: list[tuple[float, str]]
    unit: str
    lower: int  # pairs in which the outcome is lower, or earlier
    equal: int
    higher: int
    mean: float
    low: float | None  # 95 % interval of the mean; None for a single pair
    high: float | None
    text: str


class Mark(NamedTuple):
    """A reported figure (a value, bounds or both), its description in words, and its rows of the evidence table."""

    value: float | None
    low: float | None
    high: float | None
    text: str
    rows: list[str]


class Reading(NamedTuple):
    """The content of a page about one outcome."""

    outcome: str
    label: str
    unit: str
    counted: str
    edges: list[float]
    ticks: list[tuple[float, str]]
    base: Spread
    changed: Spread | None
    mark: Mark | None
    beyond: float | None  # position of the end of the record, on an axis of dates that extends beyond it
    sure: str
    headline: str
    sentence: str
    notes: list[str]
    zero: bool = False  # whether a line is drawn at zero, for differences
    pairs: Pairs | None = None  # paired differences; None for one choice, or before the first pair has finished
    made: str = ""  # number of runs shown, and whether they are free, calibrated or assimilated

    @property
    def summary(self) -> str:
        """A description of the chart in sentences, for readers who cannot see it."""
        spreads = [spread.text for spread in (self.base, self.changed) if spread]
        pairs = [self.pairs.text] if self.pairs else []
        return paragraph(f"{self.label}.", *pairs, *spreads, self.mark.text if self.mark else "", self.headline)


@lru_cache(maxsize=16)
def outcomes_of(start: date, days: int) -> dict[str, Outcome]:
    """Read the outcomes of campaigns with a given first day and length; return them keyed by name."""
    return {row.name: row for row in read_outcomes(facts_here(), start, days)}


def outcomes_to_choose(settings: Settings) -> dict[str, str]:
    """Return the main outcomes that can be counted by the last day of campaigns.

    Args:
        settings: The settings of the campaigns, which determine the last day.

    Returns:
        The labels of the outcomes, keyed by name of the outcome.
    """
    known = outcomes_of(settings.start_date, settings.days)
    shown = [known[name] for name in MAIN_OUTCOMES if name in known]
    return {row.name: outcome_label(row.name, row.label) for row in shown if row.last >= 0}


def usual_outcome(*choices: Overrides) -> str:
    """Return the outcome that is shown first: soldiers across, or districts if only other decisions are changed.

    Decisions on the border act on the crossings themselves. All others act on the districts, and crossings differ less
    between such decisions than between campaigns.

    Args:
        choices: The choices of settings that are compared.
    """
    keys = {row.key for one in choices for row in one}
    return USUAL_OUTCOME if not keys or keys & AT_THE_BORDER else USUAL_OF_DISTRICTS


def outcome_groups() -> dict[str, str]:
    """Return the heading under which each main outcome is listed, keyed by name of the outcome."""
    texts = texts_of(PAGE)
    return {name: texts.say(f"group_{group}") for group, names in OUTCOME_GROUPS.items() for name in names}


def outcome_of(settings: Settings, name: str) -> Outcome:
    """Return an outcome by name; raise PanjError if it is unknown, or if campaigns end before it can be counted."""
    known = outcomes_of(settings.start_date, settings.days)
    if name not in known:
        raise unknown("outcome", name, known)
    if known[name].last < 0:
        raise PanjError(f"outcome {name}: found campaigns to {settings.end_date}, expected all days of the outcome")
    return known[name]


def read(
    base: Campaigns, changed: Campaigns | None, name: str, change: str = "", names: tuple[str, str] | None = None
) -> Reading:
    """Summarise one outcome under one or two choices of settings.

    Args:
        base: Campaigns of the first choice.
        changed: Campaigns of the second choice; None to summarise the first alone.
        name: Name of the outcome.
        change: Description of the changes in the second choice, for the sentence of the verdict.
        names: Names of the two choices in texts; None for "Baseline" and "Your choice".

    Returns:
        The distributions in the unit of the axis (dates in days after the first day), the reported figure and the
        verdict.

    Raises:
        PanjError: The outcome is unknown, or the campaigns end before it can be counted.
    """
    texts = texts_of(PAGE)
    names = names or (texts.say("base"), texts.say("changed"))
    row = outcome_of(base.settings, name)
    first, is_date = base.settings.start_date, row.unit == "date"
    label = outcome_label(name, row.label)
    measure = Measure(name, label, "days" if is_date else row.unit, is_date, {}, first + timedelta(days=row.last))
    ours = [worlds_of(one, measure, first, number) for number, one in enumerate([base, changed] if changed else [base])]
    reported = reported_of(row, evidence())
    known = np.concatenate([one.values[~np.isnan(one.values)] for one in ours])
    edges = edges_of(known, marks_in(reported), measure)
    spreads = [
        spread_of(one, worlds, edges, measure, first, names[number])
        for number, (one, worlds) in enumerate(zip([base, changed] if changed else [base], ours, strict=True))
        if one is not None
    ]
    said = texts.say("quoted", label=change)  # labels begin with capitals
    verdict = verdict_of(ours[1], ours[0], "", measure, said, language=texts) if changed else None
    sure = how_sure(verdict, min(worlds.seeds.size for worlds in ours), len(ours))
    is_open = any(one is not None and one.table is not None and spread.done < spread.runs
                  for one, spread in zip([base, changed], spreads, strict=False))  # fmt: skip
    return Reading(
        outcome=name,
        label=label,
        unit=unit_of(measure),
        counted=row.counted,
        edges=edges,
        ticks=[(tick, format_level(tick, measure, first, on_axis=True)) for tick in ticks_of(edges, measure)],
        base=spreads[0],
        changed=spreads[1] if changed else None,
        mark=mark_of(reported, measure, first),
        beyond=float((THE_LINE - first).days) if measure.is_date and edges[-1] > (THE_LINE - first).days else None,
        sure=sure,
        headline=texts.say(f"sure_{sure}", verdict.judgement.worlds if verdict else ours[0].seeds.size),
        sentence=verdict.sentence if verdict and sure not in (NOTHING, ONE) else "",
        notes=notes_of(row, measure, base.settings, is_open and sure in (CLEAR, UNCLEAR)),
        pairs=pairs_of(ours[1], ours[0], verdict.judgement, measure) if verdict else None,
        made=made_of([one.settings for one in (base, changed) if one], verdict, spreads[0].done),
    )


def pairs_of(changed: Worlds, base: Worlds, found: Judgement, measure: Measure) -> Pairs | None:
    """Return the paired differences of an outcome, with the mean and interval of its verdict; None without pairs."""
    texts = texts_of(PAGE)
    _, at, at_base = np.intersect1d(changed.seeds, base.seeds, return_indices=True)
    differences = np.sort(changed.values[at] - base.values[at_base])
    differences = differences[~np.isnan(differences)]
    if not differences.size:
        return None
    counts = {"lower": found.worlds_lower, "equal": found.worlds_equal, "higher": found.worlds_higher}
    has_interval = found.worlds > 1
    low, high = (found.mean_low, found.mean_high) if has_interval else (None, None)
    edges = around_zero(differences, measure)
    unit = texts.unit("days" if measure.is_date else "percentage points" if measure.is_share else measure.unit)
    key = "pairs_date" if measure.is_date else "pairs"
    said = [texts.say(key, found.worlds, mean=difference_in_words(found.mean_difference, measure, texts), **counts)]
    if low is not None and high is not None:
        said.append(texts.say("pairs_interval", interval=format_ends(low, high, measure, texts)))
    return Pairs(
        dots=dots_of(differences, PAIR_DOTS),
        edges=edges,
        ticks=[(tick, signed(tick, measure)) for tick in ticks_of(edges, measure)],
        unit=texts.say("pairs_unit_date" if measure.is_date else "pairs_unit", unit=unit),
        **counts,
        mean=found.mean_difference,
        low=low,
        high=high,
        text=" ".join(said),
    )


def around_zero(differences: np.ndarray, measure: Measure) -> list[float]:
    """Return the ends of an axis for differences, which includes zero and has a margin at both ends."""
    low, high = min(0.0, float(differences[0])), max(0.0, float(differences[-1]))
    room = 0.08 * (high - low) or (0.01 if measure.is_share else 1.0)
    return [low - room, high + room]


def signed(value: float, measure: Measure) -> str:
    """Return a difference as a number with its sign, for an axis."""
    number = number_as_text(value, measure)
    return number if number == "0" else f"{'-' if value < 0 else '+'}{number}"


def made_of(settings: Sequence[Settings], verdict: Verdict | None, done: int) -> str:
    """Return the number of runs that a chart shows, and their kind (free, calibrated or assimilated)."""
    texts = texts_of(PAGE)
    kinds = list(dict.fromkeys(fitted(one.calibration) or FREE for one in settings))
    kind = texts.listed([texts.say(f"kind_{one}") for one in kinds])
    if verdict is None:
        return texts.say("made", done, kind=kind)
    return texts.say("made_pairs", verdict.judgement.worlds, kind=kind)


def fitted(calibration: str) -> str:
    """Return `assimilated` or `calibrated` if the numbers of campaigns were fitted, otherwise an empty string."""
    kind = kind_of(calibration)
    return kind if kind in (ASSIMILATED, CALIBRATED) else ""


def worlds_of(one: Campaigns, measure: Measure, first: date, number: int) -> Worlds:
    """Return the seeds and outcomes of a choice's finished campaigns.

    Dates are in days after `first`. A missing date becomes the day after the last day of the campaigns.
    """
    cell = StudyCell(number, "", {}, one.settings.start_date, one.settings.end_date)
    if one.table is None or measure.outcome not in one.table.column_names:
        return Worlds(cell, np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.bool_))
    values = numbers_of(one.table[measure.outcome], measure, first)
    return worlds_in(cell, one.table["seed"].to_numpy(), values, measure, first, one.settings.sampler_runs)


def how_sure(verdict: Verdict | None, fewest: int, choices: int) -> str:
    """Return the key, without the prefix `sure_`, of the text on the certainty of a verdict.

    A verdict on fewer than `FEW` pairs of campaigns is never clear. Without a verdict, the key depends on `fewest`, the
    number of finished campaigns.
    """
    pairs = verdict.judgement.worlds if verdict else fewest
    if pairs < 2:
        return (NOTHING, ONE)[pairs]
    if verdict is None:
        return "alone"
    if pairs < FEW:
        return EARLY
    if verdict.judgement.worlds_equal == pairs:
        return SAME
    return CLEAR if verdict.is_clear else UNCLEAR


def edges_of(values: np.ndarray, marks: Sequence[float], measure: Measure) -> list[float]:
    """Choose the edges of the bars of a histogram, which include the reported figure.

    Args:
        values: Values of the outcome, in the unit of the axis.
        marks: Value and bounds of the reported figure, in the same unit.
        measure: The outcome; it determines whether the values are shares.

    Returns:
        The edges, in ascending order. If the values are whole numbers with a range below `MANY`, there is one bar per
        whole number; otherwise there are about `BARS` bars.
    """
    all_ = np.concatenate([values, np.asarray(marks, float)])
    if not all_.size:
        return [0.0, 1.0]
    low, high = float(all_.min()), float(all_.max())
    if not measure.is_share and bool((values == np.rint(values)).all()):
        low, high = math.floor(low), math.ceil(high)
        step = 1 if high - low < MANY else math.ceil((high - low + 1) / BARS)
        return (np.arange(low, high + step + 0.5, step) - 0.5).tolist()
    if low == high:
        low, high = low - 0.005, high + 0.005
    return np.linspace(low, high, BARS + 1).tolist()


def marks_in(reported: Reported) -> list[float]:
    """Return the numbers of a reported figure.

    Args:
        reported: The reported figure.

    Returns:
        Its value, lower bound and upper bound, without those that were not reported.
    """
    return [number for number in (reported.value, reported.low, reported.high) if number is not None]


def ticks_of(edges: Sequence[float], measure: Measure) -> list[float]:
    """Choose round numbers for the ticks of an axis.

    Args:
        edges: Edges of the histogram, in the unit of the axis.
        measure: The outcome; ticks of dates are whole days or weeks apart.

    Returns:
        Positions of the ticks, in the unit of the axis.
    """
    low, high = edges[0], edges[-1]
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    if measure.is_date:
        step = next((days for days in (1, 2, 7, 14) if days >= rough), 28 * math.ceil(rough / 28))
    elif measure.unit in COUNTED or (not measure.is_share and edges == [*np.rint(np.asarray(edges) * 2) / 2]):
        step = max(1.0, step)
    return [float(tick) for tick in np.arange(math.ceil(low / step) * step, high + step * 1e-9, step)]


def spread_of(
    one: Campaigns, worlds: Worlds, edges: Sequence[float], measure: Measure, first: date, which: str
) -> Spread:
    """Summarise the distribution of an outcome over the campaigns of one choice, and describe it in words."""
    texts = texts_of(PAGE)
    done, settings = worlds.seeds.size, one.settings
    found = summarise(worlds.values, one.runs, edges)._replace(done=done, calibration=settings.calibration)
    if found.median is None or found.low is None or found.high is None:
        return found._replace(text=texts.say("spread_nothing", which=which))
    never = int((~worlds.there).sum()) if measure.is_date else 0
    text = texts.say(
        "spread_date" if measure.is_date else "spread", done, which=which, runs=one.runs,
        median=format_level(found.median, measure, first),
        high=format_level(found.high, measure, first),
        low=format_level(found.low, measure, first, on_axis=True),
    )  # fmt: skip
    if never:
        text += " " + texts.say("spread_never", never, day=texts.day(settings.end_date + timedelta(days=1)))
    return found._replace(text=text)


def summarise(values: np.ndarray, runs: int, edges: Sequence[float], text: str = "") -> Spread:
    """Summarise the distribution of an outcome over the finished campaigns.

    Args:
        values: One value per finished campaign, in the unit of the chart; NaN for a campaign without a value.
        runs: Number of campaigns requested.
        edges: Edges of the bars.
        text: Description of the distribution in words.

    Returns:
        The distribution; its median and 90 % interval are None if no campaign has a value.
    """
    known = np.sort(values[~np.isnan(values)])
    median, low, high = np.quantile(known, (0.5, 0.05, 0.95)).tolist() if known.size else (None, None, None)
    bars = (np.histogram(known, edges)[0] / max(1, known.size)).tolist()
    return Spread(values.size, runs, values.size - known.size, bars, dots_of(known), median, low, high, text)


def dots_of(values: np.ndarray, most: int = DOTS) -> list[float]:
    """Return the values if there are at most `most`, otherwise `most` evenly spaced quantiles of them."""
    if values.size <= most:
        return [float(value) for value in values]
    shares = (np.arange(most) + 0.5) / most
    return [float(value) for value in np.quantile(values, shares, method="inverted_cdf")]


def mark_of(reported: Reported, measure: Measure, first: date | None = None) -> Mark | None:
    """Return a reported figure with its description, for a page.

    Args:
        reported: The reported figure, in the unit of the outcome.
        measure: The outcome.
        first: First day of the campaigns; needed if the outcome is a date.

    Returns:
        The figure with its description and its rows of the evidence table; None if nothing was reported.
    """
    texts, (value, low, high) = texts_of(PAGE), reported[:3]
    known = marks_in(reported)
    if not known:
        return None
    if (low is None) != (high is None):
        key = "reported_at_most" if low is None else "reported_at_least"
    else:
        key = "reported" if low == high else "reported_between" if value is None else "reported_range"
    gaps = {"value": format_level(known[0], measure, first), "ids": reported.evidence}
    if low is not None and high is not None:
        gaps["low"] = format_level(low, measure, first, on_axis=True)
        gaps["high"] = format_level(high, measure, first)
    text = texts.say(key, None, **gaps)
    rows = [evidence()[id] for id in reported.evidence.split(", ")]
    sources = [
        texts.say("evidence_row", id=row.id, quote=texts.quoted(row.quote), source=texts.quoted(row.source))
        for row in rows
    ]
    return Mark(reported.value, reported.low, reported.high, text, sources)


def notes_of(row: Outcome, measure: Measure, settings: Settings, is_open: bool) -> list[str]:
    """Return the notes to show below the chart."""
    texts = texts_of(PAGE)
    notes = []
    if row.last > (THE_LINE - settings.start_date).days:
        notes.append(texts.say("beyond"))
    if measure.is_date:
        notes.append(texts.say("date_convention", day=texts.day(settings.end_date + timedelta(days=1))))
    if is_open:
        notes.append(texts.say("still_filling"))
    return notes


def unit_of(measure: Measure) -> str:
    """Return the text for the unit of the axis."""
    texts = texts_of(PAGE)
    if measure.is_date or measure.is_share:
        return texts.say("unit_date" if measure.is_date else "unit_share")
    return texts.unit(measure.unit)


def format_level(value: float, measure: Measure, first: date | None = None, on_axis: bool = False) -> str:
    """Format a value of an outcome as text.

    Args:
        value: The value, in the unit of the outcome; a date in days after `first`.
        measure: The outcome.
        first: First day of the campaigns; needed if the outcome is a date.
        on_axis: Whether to omit the unit; a share keeps its %.

    Returns:
        The text, such as `5 July`, `34 %` or `1,037 soldiers`.
    """
    texts = texts_of(PAGE)
    if measure.is_date and first is not None:
        return texts.day(first + timedelta(days=round(value)))
    sign = "-" if value < 0 else ""
    if measure.is_share:
        return f"{sign}{number_as_text(value, measure)} %"
    return sign + (number_as_text(value, measure) if on_axis else format_amount(value, measure, texts))


def to_plain(reading: Reading) -> dict[str, Any]:
    """Convert a reading to plain mappings and lists, which can be sent to a browser.

    Args:
        reading: The reading to convert.

    Returns:
        The fields of the reading, keyed by name, and its `summary`.
    """

    def plain(part: Any) -> Any:
        if hasattr(part, "_asdict"):
            return {key: plain(value) for key, value in part._asdict().items()}
        return [plain(one) for one in part] if isinstance(part, list | tuple) else part

    return {**plain(reading), "summary": reading.summary}
