"""What a chart of a distribution shows, as a table for readers who cannot see it.

Returns the rows of the chart's bins: how many campaigns or pairs lie in each, and which marks are drawn there. A value
        is told only to the width of a bin, so that a task which asks for it is as open as with the picture.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sim.classroom.reading import Pairs, Reading, format_level, outcome_of, signed
from sim.classroom.texts import texts_of
from sim.configuration.settings import Settings
from sim.study.reader import Measure
from sim.wording import paragraph

FINER = 4  # bins of differences between two ticks of the axis


class Drawn(NamedTuple):
    """The table of a chart."""

    caption: str
    heads: list[str]
    rows: list[list[str]]  # the first cell is the heading of the row


def untold(reading: Reading, settings: Settings, names: tuple[str, str], marks: tuple[str, str] = ("", "")) -> Any:
    """Return what a browser needs to draw a reading whose numbers a task still asks for.

    Args:
        reading: The reading.
        settings: The settings of its campaigns.
        names: Names of the two choices.
        marks: What the mark and the line below the axis are; empty for the median and the range of nine in ten.

    Returns:
        The changed texts of `to_plain`: a `summary` without results, and the `tables` of what is drawn.
    """
    texts, row = texts_of("distribution"), outcome_of(settings, reading.outcome)
    is_date = row.unit == "date"
    measure = Measure(reading.outcome, reading.label, "days" if is_date else row.unit, is_date, {})
    tables = [bins_of_pairs(reading.pairs, measure)] if reading.pairs else []
    tables.append(bins_of_spreads(reading, measure, settings, names, marks))
    said = paragraph(f"{reading.label}.", texts.say("drawn_summary"), reading.mark.text if reading.mark else "")
    return {"summary": said, "tables": [one._asdict() for one in tables]}


def bins_of_spreads(
    reading: Reading, measure: Measure, settings: Settings, names: tuple[str, str], marks: tuple[str, str]
) -> Drawn:
    """Return the table of the bars: the number of campaigns of each choice in each bin, and marks below the axis."""
    texts, edges = texts_of("distribution"), reading.edges
    spreads = [one for one in (reading.base, reading.changed) if one]
    drawn: dict[int, list[str]] = {}
    for spread, which in zip(spreads, names, strict=False):
        of = texts.say("drawn_of", which=which) if len(spreads) > 1 else ""
        ends = [("middle", spread.median)]
        if spread.low != spread.high:
            ends += [("low", spread.low), ("high", spread.high)]
        for key, value in ends:
            if value is not None:
                said = (marks[0] if key == "middle" else marks[1]) or texts.say(f"drawn_{key}")
                drawn.setdefault(bin_of(value, edges), []).append(f"{said}{of}")
    counts = [[round(share * (one.done - one.missing)) for share in one.bars] for one in spreads]
    rows = []
    for place in range(len(edges) - 1):
        here = [one[place] for one in counts]
        if place in drawn or any(here):
            name, said = name_of_bin(edges, place, measure, settings), "; ".join(drawn.get(place, []))
            rows.append([name, *map(str, here), said])
    heads = [reading.unit, *(texts.say("drawn_campaigns", which=names[place]) for place in range(len(spreads)))]
    return Drawn(texts.say("drawn_caption"), [*heads, texts.say("drawn_marks")], rows)


def bin_of(value: float, edges: Sequence[float]) -> int:
    """Return the number of the bin in which a value is counted."""
    return int(np.clip(np.searchsorted(edges, value, side="right") - 1, 0, len(edges) - 2))


def name_of_bin(edges: Sequence[float], place: int, measure: Measure, settings: Settings) -> str:
    """Return the first and last value of a bin, or its only one."""
    low, high = edges[place], edges[place + 1]
    if measure.is_date or (low % 1 == 0.5 and high % 1 == 0.5):  # bins of whole numbers
        low, high = math.ceil(low), math.floor(high)
    ends = list(dict.fromkeys(format_level(end, measure, settings.start_date, on_axis=True) for end in (low, high)))
    return texts_of("distribution").say("drawn_bin", low=ends[0], high=ends[-1]) if len(ends) > 1 else ends[0]


def bins_of_pairs(pairs: Pairs, measure: Measure) -> Drawn:
    """Return the table of paired differences: the number of pairs in each bin on both sides of zero, and the marks.

    Bins are numbered from zero outwards; a difference at the end of a bin belongs to the one nearer to zero.
    """
    texts, ticks = texts_of("distribution"), [tick for tick, _ in pairs.ticks]
    size = ((ticks[1] - ticks[0]) if len(ticks) > 1 else pairs.edges[1] - pairs.edges[0]) / FINER

    def place_of(value: float) -> int:
        return int(math.copysign(math.ceil(abs(value) / size - 1e-9), value)) if value else 0

    counts = Counter(place_of(value) for value in pairs.dots)
    drawn: dict[int, list[str]] = {}
    if pairs.low is not None and pairs.high is not None:
        for key, value in (("interval_low", pairs.low), ("mean", pairs.mean), ("interval_high", pairs.high)):
            drawn.setdefault(place_of(value), []).append(texts.say(f"drawn_{key}"))
    rows = []
    for place in sorted({*counts, *drawn}):
        ends = sorted([size * place, size * (place - math.copysign(1, place))] if place else [0.0, 0.0])
        low, high = (signed(end, measure) for end in ends)
        name = texts.say("drawn_bin", low=low, high=high) if place else low
        rows.append([name, str(counts[place]), "; ".join(drawn.get(place, []))])
    return Drawn(
        texts.say("drawn_pairs_caption"), [pairs.unit, texts.say("drawn_pairs"), texts.say("drawn_marks")], rows
    )
