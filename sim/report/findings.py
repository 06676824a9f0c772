"""Generate at most five sentences on the main findings of a study from its tables.

Reads   runs.parquet and summary.csv of a study or of one of its cells.
A reported figure *does not fit* if at most 5 % of campaigns are at or above it, or at most 5 % are at or below it.
Fewer than 20 campaigns cannot tell, since one of them is already more than 5 %.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from sim.plots.captions import name_cell
from sim.report.outcomes import (
    FEWEST,
    LARGEST_NIGHT,
    TAIL,
    format_spread,
    label_of,
    number_in,
    reported_numbers,
    summary_row,
    text_in,
    values_of,
)
from sim.report.swept_values import format_reported, format_value
from sim.study.reader import Study, StudyCell
from sim.wording import counted, list_words, percent, span

# outcomes with one sentence each, and a second one for the first, on the probability of the reported figure
HEADLINES = (
    LARGEST_NIGHT,
    "troops_crossed_by_2021_07_07",
    "share_held_by_taliban_2021_06_30",
)
ON_THE_LAST_DAY = ("share_held_by_taliban_last_day", "newly_fallen_last_day", "troops_crossed")
MOST_NAMED = 4  # largest number of misfitting figures that are named
BY_CHANCE = "A single campaign is shaped by chance; it does not show what was likely."


class Side(NamedTuple):
    """Position of a reported figure among the campaigns: the shares of campaigns below, at and above it."""

    below: float
    equal: float
    above: float

    @property
    def fits(self) -> bool:
        """Whether more than 5 % of campaigns are at or above the figure, and more than 5 % at or below it."""
        return min(self.below, self.above) + self.equal > TAIL

    @property
    def text(self) -> str:
        """The shares as text, such as `88 % below` or `76 % below, 13 % equal`."""
        parts = {"below": self.below, "equal": self.equal if self.equal >= 0.005 else 0.0}
        said = [f"{share_of(share)} {name}" for name, share in parts.items() if share or name == "below"]
        return ", ".join(said)


def share_of(share: float) -> str:
    """Format a share of campaigns in per cent; a share other than 0 or 1 is never rounded to 0 or 100 %."""
    if 0 < share < 0.01:
        return "under 1 %"
    return "over 99 %" if 0.99 < share < 1 else percent(share)


def place_among(values: np.ndarray, row: pd.Series) -> Side | None:
    """Compute the shares of campaigns with an outcome below, equal to and above its reported figure.

    Args:
        values: The outcome in each campaign that has a value, in the unit of the outcome.
        row: The row of the outcome in the summary.

    Returns:
        The shares of campaigns below, equal to and above the reported value or, if only a range was reported, below,
        inside and above the range. With only one bound, campaigns that satisfy it count as equal. None if nothing was
        reported, or if fewer than two campaigns have a value, since a single one shows no share.
    """
    value, low, high = reported_numbers(row)
    if (value is None and low is None and high is None) or values.size < 2:
        return None
    lowest, highest = (low, high) if value is None else (value, value)
    below = 0 if lowest is None else int(np.sum(values < lowest))
    above = 0 if highest is None else int(np.sum(values > highest))
    return Side(*(count / values.size for count in (below, values.size - below - above, above)))


def describe_few(campaigns: int) -> str:
    """Return a sentence on what a small number of campaigns cannot show; empty if there are enough.

    Args:
        campaigns: Number of campaigns, at least 1.
    """
    if campaigns == 1:
        return BY_CHANCE
    few = f"{campaigns} campaigns are too few to tell which reported figures do not fit; at least {FEWEST} are needed."
    return few if campaigns < FEWEST else ""


def findings_of(study: Study) -> list[str]:
    """Write the main findings of one cell.

    Args:
        study: A study limited to one cell.

    Returns:
        At most five sentences.
    """
    sentences = []
    for name in headlines_of(study):
        row = summary_row(study.summary, name)
        values = values_of(study, name)
        if not values.size:  # for instance because the study ends before the date of the outcome
            continue
        if study.cell.finished == 1:
            sentences.append(describe_one(values[0], row, name))
            continue
        sentences.append(describe_median(row, name))
        if name == LARGEST_NIGHT and (chance := describe_chance(values, row)):
            sentences.append(chance)
    return [*sentences, describe_misfit(study)]


def headlines_of(study: Study) -> tuple[str, ...]:
    """Return the outcomes of the main findings: on the last day, if the study ends before the usual ones."""
    last_day = study.evenings[-1].isoformat().replace("-", "_")
    usual = tuple(name for name in HEADLINES if values_of(study, name).size)
    return usual or tuple(name.replace("last_day", last_day) for name in ON_THE_LAST_DAY)


def describe_one(value: float, row: pd.Series, name: str, where: str = "in the one campaign") -> str:
    """Return a sentence on the value of an outcome in the only campaign, with the reported figure."""
    unit = text_in(row, "unit")
    return f"{label_dated(row, name)}: {figure_of(value, unit)}{unit_after(unit)} {where}{cite_report(row)}."


def cite_report(row: pd.Series) -> str:
    """Return the clause with the reported figure and its evidence ids; empty if nothing was reported."""
    return f"; reported: {format_reported(row)} ({text_in(row, 'evidence')})" if text_in(row, "reported") else ""


def describe_median(row: pd.Series, name: str) -> str:
    """Return a sentence on the median and the 90 % interval of an outcome, with the reported figure.

    If a single campaign has a value, there is no interval, and the sentence is on that value.
    """
    if not format_spread(row):
        return describe_one(row["median"], row, name, "in the one campaign that has a value")
    unit = text_in(row, "unit")
    low, median, high = (figure_of(row[part], unit) for part in ("low_5", "median", "high_95"))
    middle = f"{label_dated(row, name)}: median {median}{unit_after(unit)}"
    return f"{middle}, {span(low, high)} in nine of ten campaigns{cite_report(row)}."


def unit_after(unit: str) -> str:
    """Return a unit with a leading space, to follow a number; for `share of districts`, return ` of districts`."""
    return f" {unit.removeprefix('share').strip()}".rstrip()


def figure_of(cell: object, unit: str) -> str:
    """Format a simulated value to three significant digits, in per cent if it is a share.

    Return an empty string if there is no number.
    """
    value = number_in(cell)
    return "" if value is None else format_value(float(f"{value:.3g}"), unit)


def label_dated(row: pd.Series, name: str) -> str:
    """Return the label of an outcome; `up to 7 July` is added for the largest night, whose label has no date."""
    label = label_of(row, name)
    return f"{label} up to 7 July" if name == LARGEST_NIGHT else label


def describe_chance(values: np.ndarray, row: pd.Series) -> str:
    """Return a sentence on the number of campaigns in which the largest night reached the reported figure.

    Return an empty string if no figure was reported.
    """
    reported = reported_numbers(row)[0]
    if reported is None:
        return ""
    many = int(np.sum(values >= reported))
    return (
        f"In {many:,} of {counted(len(values), 'campaign')} ({share_of(many / len(values))}) the largest night up to"
        f" 7 July had {reported:,.0f} {text_in(row, 'unit')} or more."
    )


def describe_misfit(study: Study) -> str:
    """Return a sentence with the number of misfitting figures and the names of up to four, the worst first.

    Figures of outcomes with a value in fewer than `FEWEST` campaigns are not counted. For a cell with fewer campaigns,
    the sentence is that they cannot tell or, for a single campaign, that it is shaped by chance.
    """
    if few := describe_few(study.cell.finished):
        return few
    rows = {str(row["outcome"]): row for _, row in study.summary.iterrows()}
    values = {name: values_of(study, name) for name in rows}
    placed = {name: place_among(values[name], row) for name, row in rows.items()}
    counts = {name: values[name].size for name, side in placed.items() if side is not None}
    if counts and (few := describe_few(max(counts.values()))):
        return few
    sides = {name: side for name, side in placed.items() if side is not None and counts[name] >= FEWEST}
    off = sorted((name for name, side in sides.items() if not side.fits), key=lambda name: reach_of(sides[name]))
    if not sides:
        return "Nothing was reported about the days that this study covers."
    if not off:
        each = "The only reported figure" if len(sides) == 1 else f"Each of the {len(sides)} reported figures"
        return f"{each} is reached by more than one campaign in twenty."
    labels = [label_of(rows[name], name) for name in off[:MOST_NAMED]]
    which = list_words([f"\u201c{label}\u201d" for label in labels])
    first = "" if len(off) <= MOST_NAMED else "first of all "
    do, them = ("does", "it") if len(off) == 1 else ("do", "them")
    return (
        f"{len(off)} of {counted(len(sides), 'reported figure')} {do} not fit, as at most one campaign in twenty"
        f" reaches {them}: {first}{which}."
    )


def reach_of(side: Side) -> float:
    """Return the smaller of the shares of campaigns at or above, and at or below, a reported figure."""
    return min(side.below, side.above) + side.equal


def findings_of_sweep(sweep: Study, cells: Sequence[StudyCell], names: Sequence[str]) -> list[str]:
    """Write the main findings of a study of several cells.

    Args:
        sweep: A study with all its cells.
        cells: The cells with a finished campaign: the base, if there is one, then the others in order of effect.
        names: The outcomes shown on the page.

    Returns:
        At most five sentences.
    """
    first, *others = cells
    study = sweep.of_cell(first.number)
    where = "the base cell" if first == sweep.base_cell else f"the first cell ({name_cell(sweep, first)})"
    known = [name for name in HEADLINES if name in names and values_of(study, name).size]
    sentences = [f"In {where}: {describe_first(study, name)}" for name in known[:1]]
    for name in known[:2]:
        if others:
            sentences.append(describe_range(sweep, cells, name))
    if known[:1] == [LARGEST_NIGHT] and (said := describe_chances(sweep, cells)):
        sentences.insert(1, said)
    return [*sentences, BY_CHANCE if first.finished == 1 else f"In {where}, {lower(describe_misfit(study))}"]


def describe_first(study: Study, name: str) -> str:
    """Return a sentence on an outcome in one cell: its median and 90 % interval, or its value in the only campaign."""
    row = summary_row(study.summary, name)
    return (
        describe_one(values_of(study, name)[0], row, name) if study.cell.finished == 1 else describe_median(row, name)
    )


def describe_range(sweep: Study, cells: Sequence[StudyCell], name: str) -> str:
    """Return a sentence on the lowest and the highest median of an outcome over all cells.

    If every cell has a single campaign, the sentence is on the lowest and the highest value.
    """
    rows = sweep.runs.groupby("cell")[name].median().dropna().to_dict()
    known = [cell for cell in cells if cell.number in rows]
    low, high = (choose(known, key=lambda cell: rows[cell.number]) for choose in (min, max))
    row = summary_row(sweep.summary, name)
    unit = text_in(row, "unit")
    are_single = all(cell.finished == 1 for cell in known)
    least, most = (figure_of(rows[cell.number], unit) for cell in (low, high))
    if least == most:
        each = "the one campaign of every cell" if are_single else "every cell"
        return f"{label_dated(row, name)}: {'' if are_single else 'median '}{least}{unit_after(unit)} in {each}."
    what = "one campaign in each cell," if are_single else "medians"
    return (
        f"{label_dated(row, name)}: {what} from {least} ({name_cell(sweep, low)}) to"
        f" {most}{unit_after(unit)} ({name_cell(sweep, high)})."
    )


def describe_chances(sweep: Study, cells: Sequence[StudyCell]) -> str:
    """Return a sentence on the cells with the lowest and highest share of campaigns that reach the largest night.

    Return an empty string if no figure was reported, or if a cell has a single campaign, which shows no share.
    """
    reported = reported_numbers(summary_row(sweep.summary, LARGEST_NIGHT))[0]
    if reported is None or any(cell.finished == 1 for cell in cells):
        return ""
    known = sweep.runs[sweep.runs[LARGEST_NIGHT].notna()]
    reached = (known[LARGEST_NIGHT] >= reported).groupby(known["cell"]).mean().to_dict()
    cells = [cell for cell in cells if cell.number in reached]
    low, high = (choose(cells, key=lambda cell: reached[cell.number]) for choose in (min, max))
    least, most = (share_of(reached[cell.number]) for cell in (low, high))
    event = f"The largest night up to 7 July had {reported:,.0f} soldiers or more in {least} of the campaigns"
    if least == most:
        return f"{event} of every cell." if len(cells) > 1 else f"{event}."
    return f"{event} ({name_cell(sweep, low)}) to {most} ({name_cell(sweep, high)})."


def lower(sentence: str) -> str:
    """Return a sentence with its first letter in lower case, so that it can follow an introduction."""
    return sentence[0].lower() + sentence[1:]
