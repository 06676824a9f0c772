"""Describe verdicts in sentences that can be quoted, with their caveats.

A sentence is based on one statistic: the mean paired difference or, with a threshold, the risk difference. Other
statistics are only in the table. Every sentence states the last day on which its outcome is counted.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from sim.compare.pairs import Baseline, Judgement, clear, never_varies
from sim.compare.risk import Risk, format_bounds, format_range_end
from sim.data.facts import THE_LINE
from sim.options import Range
from sim.study.reader import Measure, Study, StudyCell, Worlds, notes_on_definition, same
from sim.wording import Language, counted, format_day, format_number, language_of

WORDS_OF_DATES = {"above": "later", "below": "earlier"}  # words for values beyond a threshold that is a date
FEW_CELLS = 3  # largest number of cells that a note lists
FEW = 20  # number of worlds below which bootstrap intervals are too narrow
MANY = 10  # number of comparisons from which a note states how many intervals exclude zero by chance


class Spread(NamedTuple):
    """Median and 90 % interval of an outcome in a cell or, with a threshold, the risk and its 95 % interval.

    Dates are in days after the first day of the study.
    """

    median: float
    low_5: float
    high_95: float


class Verdict(NamedTuple):
    """One cell compared with its baseline, on one outcome."""

    cell: int
    cell_label: str
    baseline_study: str
    baseline_cell: int
    baseline_label: str
    judgement: Judgement
    missing: int  # pairs left out because a value is missing
    unpaired: int  # worlds that only one of the two cells has
    without_event: int  # paired worlds in which a dated event did not occur in the cell
    baseline_without_event: int  # paired worlds in which a dated event did not occur in the baseline
    campaigns: Spread
    baseline_campaigns: Spread
    sentence: str
    risk: Risk | None = None  # risks if a threshold is given; `judgement` then refers to the risk

    @property
    def is_clear(self) -> bool:
        """Whether the interval of the mean difference excludes zero."""
        return clear(self.judgement.mean_low, self.judgement.mean_high)


def notes_on_studies(study: Study, other: Study) -> list[str]:
    """Return notes on how to interpret worlds conditioned on the record, and on how two studies differ.

    The notes cover rules, data, calibration and settings that neither study sweeps.
    """
    notes = [text for text in dict.fromkeys(one.about.get("what_if") for one in (study, other)) if text]
    for what in ("rules", "data"):
        ours, theirs = (one.about.get(f"{what}_fingerprint") for one in (study, other))
        if ours != theirs:
            notes.append(
                f"Warning: the two studies were made with different {what} ({ours} and {theirs}); differences may come "
                f"from these and not from the settings."
            )
    states = [f"{one.name} is {one.about.get('calibration')}" for one in (study, other)]
    if study.about.get("calibration") != other.about.get("calibration"):
        notes.append(f"Warning: {', '.join(states)}.")
    differ = list(dict.fromkeys(differences_of(study, other)))
    if differ:
        rest = f" and {len(differ) - 6} more" if len(differ) > 6 else ""
        notes.append(f"{study.name} differs from {other.name} in {', '.join(differ[:6])}{rest}.")
    return notes


def differences_of(study: Study, other: Study) -> Iterator[str]:
    """Yield the settings in which two studies differ and that neither sweeps; an event of only one is named as such."""
    for key in sorted({*study.base, *other.base} - {*study.swept, *other.swept}):
        if key in study.base and key in other.base:
            if not same(study.base[key], other.base[key]):
                yield f"{key}={study.base[key]} and not {other.base[key]}"
        else:
            one = study if key in study.base else other
            name = key.rpartition(".")[0] if key.startswith("timeline.events.") else f"{key}={one.base[key]}"
            yield f"{name} (only in {one.name})"


def notes_on_cells(
    alone: Sequence[StudyCell],
    strangers: Sequence[tuple[StudyCell, StudyCell]],
    met: Sequence[tuple[StudyCell, StudyCell]],
    other: Study,
    baseline: Baseline,
) -> list[str]:
    """Return notes on cells that could not be compared, and a warning if compared cells cover different days.

    Args:
        alone: Cells without a baseline.
        strangers: Pairs of cell and baseline without a common seed.
        met: Pairs of cell and baseline that are compared.
        other: The study with the baselines.
        baseline: The choice of baselines.
    """
    notes = []
    if alone:
        cells = "; ".join(name_of_cell(cell) for cell in alone)
        notes.append(f"Left out because study {other.name} has no baseline for them ({baseline.said}): {cells}.")
    if strangers:
        cells = "; ".join(f"{name_of_cell(cell)} and {name_of_cell(one)}" for cell, one in strangers)
        notes.append(f"Left out because they have no seed in common: {cells}.")
    if any((cell.start_date, cell.end_date) != (one.start_date, one.end_date) for cell, one in met):
        notes.append(
            "Warning: some cells begin or end on a different day from the baseline; totals cover unequal times."
        )
    return notes


def name_of_cell(cell: StudyCell) -> str:
    """Return the label of a cell or, if it has none, its number: `cell 3`."""
    return cell.label or f"cell {cell.number}"


def notes_on_outcome(measure: Measure, verdicts: Sequence[Verdict]) -> list[str]:
    """Return notes on events that did not occur, days after the record, and multiple comparisons, where they apply."""
    notes = list(notes_on_definition(measure))
    if measure.is_date and any(verdict.without_event + verdict.baseline_without_event for verdict in verdicts):
        notes.append("A campaign in which the event did not occur counts as the day after its last.")
    if measure.last_day and measure.last_day > THE_LINE:
        notes.append(f"After {format_day(THE_LINE)}, the end of the record, results are those of the model alone.")
    if len(verdicts) >= MANY:
        chance = round(len(verdicts) / 20)
        some = "one interval" if chance <= 1 else f"{chance} intervals"
        notes.append(f"Of {len(verdicts)} comparisons, about {some} would exclude zero by chance alone.")
    return notes


def notes_on_fixed(worlds: Iterable[Worlds]) -> list[str]:
    """Return a note on cells in which an outcome that varies elsewhere has the same value in all campaigns.

    Settings may determine such a value: with a closed border, nobody can cross.

    Args:
        worlds: Values of the outcome in each cell.
    """
    cells = list(worlds)
    fixed = [one.cell for one in cells if one.there.sum() > 1 and never_varies(one.values[~np.isnan(one.values)])]
    if not fixed or len(fixed) == len(cells):
        return []
    listed = "; ".join(name_of_cell(cell) for cell in fixed[:FEW_CELLS])
    more = f" and {counted(len(fixed) - FEW_CELLS, 'more cell')}" if len(fixed) > FEW_CELLS else ""
    return [
        f"All campaigns of {listed}{more} have the same value of this outcome. If the settings determine it, as a "
        "closed border determines that nobody crosses, the difference follows from them and is not a finding; compare "
        "another outcome as well, such as one in which harm would show."
    ]


def notes_on_ties(worlds: Sequence[Worlds], measure: Measure, first_day: date, asked: Range | None) -> list[str]:
    """Return notes on campaigns with exactly the value of a threshold, which are not in the range.

    Args:
        worlds: Values of the outcome in each cell that is shown.
        measure: Description of the outcome.
        first_day: Day 0 of dates.
        asked: The requested range; without one, there are no notes.
    """
    if asked is None:
        return []
    notes, origin = [], first_day.toordinal() if measure.is_date else 0
    for key, end in asked.thresholds.items():
        at = {id(one): (one, int((one.values[one.there] + origin == end.value).sum())) for one in worlds}
        tied = [(one, many) for one, many in at.values() if many]
        if tied:
            which = [
                counted(many, "campaign") + (f" of {one.cell.label}" if one.cell.label else "") for one, many in tied
            ]
            more = f" and {counted(len(tied) - FEW_CELLS, 'more cell')}" if len(tied) > FEW_CELLS else ""
            value = format_range_end(end.value, measure, language_of())
            word = WORDS_OF_DATES[key] if measure.is_date else key
            is_one = len(tied) == 1 and tied[0][1] == 1
            has, counts = ("has", "is not counted") if is_one else ("have", "are not counted")
            notes.append(f"{'; '.join(which[:FEW_CELLS])}{more} {has} exactly {value} and {counts} as {word}.")
    return notes


def change_as_text(cell: StudyCell, partner: StudyCell, study: Study, other: Study) -> str:
    """Describe how a cell differs from its baseline: `border=open instead of closed (morale=brittle in both)`.

    For cells of different studies, name the studies and the cells.
    """
    if other is not study:
        sides = ((study, cell), (other, partner))
        return " instead of ".join(f"study {one.name}{f' ({it.label})' if it.label else ''}" for one, it in sides)
    changed = [
        f"{key}={value} instead of {partner.values[key]}"
        for key, value in cell.values.items()
        if not same(value, partner.values[key])
    ]
    kept = [f"{key}={value}" for key, value in cell.values.items() if same(value, partner.values[key])]
    return " and ".join(changed) + (f" ({', '.join(kept)} in both)" if kept else "")


def sentence_of(
    verdict: Verdict,
    measure: Measure,
    change: str,
    never: date | None,
    asked: Range | None = None,
    language: Language | None = None,
) -> str:
    """Describe a verdict in a sentence (change, direction, size, interval, number of worlds), followed by caveats.

    Args:
        verdict: The verdict; its own `sentence` is not used.
        measure: Description of the outcome.
        change: Description of the difference between the settings of the two cells.
        never: Date used for an event that did not occur.
        asked: Range of values that counts as the event whose risk is compared; None if values are compared.
        language: Language of the sentence; None for English.
    """  # fmt: skip
    found, says = verdict.judgement, language or language_of()
    what, amount = quote_outcome(measure, says), difference_in_words(found.mean_difference, measure, says)
    if verdict.risk is not None and asked is not None:
        event = says.say("risk_event", what=what, range=format_bounds(asked, measure, says))
        said = describe_risk(found, verdict.risk, event, says)
        text = says.say("verdict", change=change, said=said)
    elif found.worlds <= 1:
        text = says.say("verdict_one" if found.worlds else "verdict_nothing", change=change, what=what, amount=amount)
    elif found.worlds_equal == found.worlds:
        text = says.say("verdict_same", found.worlds, change=change, what=what)
    elif found.mean_low == found.mean_high:
        text = says.say("verdict_exact", found.worlds, change=change, what=what, amount=amount)
    else:
        text = says.say("verdict", change=change, said=describe_verdict(verdict, measure, what, says))
    return " ".join([text, *remarks_on(verdict, measure, never, says)])


def describe_verdict(verdict: Verdict, measure: Measure, what: str, language: Language) -> str:
    """Describe the mean difference and its interval; if that includes zero, state that no difference was detected."""
    found = verdict.judgement
    amount = difference_in_words(found.mean_difference, measure, language)
    interval = format_ends(found.mean_low, found.mean_high, measure, language)
    key = "verdict_clear" if verdict.is_clear else "verdict_unclear"
    return language.say(key, found.worlds, what=what, amount=amount, interval=interval)


def describe_risk(found: Judgement, risk: Risk, event: str, language: Language) -> str:
    """Describe the risk difference with its interval, and the number of worlds with the event prevented or caused."""
    low, high = found.mean_low, found.mean_high
    first, before = f"{risk.in_both + risk.caused:,}", f"{risk.in_both + risk.prevented:,}"
    return language.say(
        "risk_clear" if clear(low, high) else "risk_unclear",
        told=language.say("risk_told", found.worlds, event=event, first=first, before=before),
        amount=difference_in_words(found.mean_difference, RISK, language),
        interval=format_ends(low, high, RISK, language),
        worlds=language.say(
            "risk_worlds",
            prevented=f"{risk.prevented:,}", caused=f"{risk.caused:,}", unchanged=f"{found.worlds_equal:,}",
        ),
    )  # fmt: skip


RISK = Measure("risk", "Risk", "share of worlds", False, {})


def quote_outcome(measure: Measure, language: Language | None = None) -> str:
    """Return the label of an outcome in quotation marks, followed by its last day unless the label names that day.

    Args:
        measure: Description of the outcome.
        language: Language of its label; None for English.

    Returns:
        The label, such as `"Districts held on 5 July"`.
    """
    day, says = measure.last_day, language or language_of()
    if day is None or re.search(rf"\b{day.day}\b.* {re.escape(says.month(day))}", measure.label):
        return says.say("quoted", label=measure.label)
    return says.say("quoted_with_day", label=measure.label, day=says.day(day))


def remarks_on(verdict: Verdict, measure: Measure, never: date | None, language: Language) -> list[str]:
    """Return the caveats of a verdict, one sentence each: few worlds, worlds without the event, excluded worlds."""
    found, remarks = verdict.judgement, []
    if 2 <= found.worlds < FEW and found.worlds_equal < found.worlds and verdict.risk is None:
        remarks.append(language.say("remark_few", FEW))
    if verdict.without_event or verdict.baseline_without_event:
        before = f"{verdict.baseline_without_event:,}"
        remarks.append(language.say("remark_never", verdict.without_event, before=before, never=never))
    if verdict.missing:
        remarks.append(language.say("remark_missing", verdict.missing))
    if verdict.unpaired:
        remarks.append(language.say("remark_unpaired", verdict.unpaired))
    return remarks


def directions(is_date: bool) -> tuple[str, str]:
    """Return the adjectives for both directions: lower and higher, or earlier and later for a date."""
    return ("earlier", "later") if is_date else ("lower", "higher")


def difference_in_words(value: float, measure: Measure, language: Language | None = None) -> str:
    """Format a difference with its direction.

    Args:
        value: The difference, in the unit of the outcome.
        measure: Description of the outcome.
        language: Language of the text; None for English.

    Returns:
        The text, such as `212 soldiers lower`, `3.1 percentage points higher` or `no different`.
    """
    says = language or language_of()
    if not value:
        return says.say("no_different")
    return says.say(directions(measure.is_date)[value > 0], amount=format_amount(value, measure, says))


def format_ends(low: float, high: float, measure: Measure, language: Language | None = None) -> str:
    """Format the interval of a difference with its direction.

    Args:
        low: Lower end of the interval, in the unit of the outcome.
        high: Upper end of the interval, in the unit of the outcome.
        measure: Description of the outcome.
        language: Language of the text; None for English.

    Returns:
        The text, such as `130 to 298 soldiers lower`, or `from 80 soldiers lower to 56 soldiers higher`.
    """
    says = language or language_of()
    if not clear(low, high):
        first, last = difference_in_words(low, measure, says), difference_in_words(high, measure, says)
        return says.say("interval_across", low=first, high=last)
    near, far = sorted((abs(low), abs(high)))
    high_end = difference_in_words(math.copysign(far, low), measure, says)
    return says.say("interval", low=number_as_text(near, measure), high=high_end)


def format_amount(value: float, measure: Measure, language: Language | None = None) -> str:
    """Format the size of a difference with its unit.

    Args:
        value: The difference, whose sign is ignored.
        measure: Description of the outcome.
        language: Language of the unit; None for English.

    Returns:
        The text, such as `212 soldiers` or `3.1 percentage points`.
    """
    number = number_as_text(value, measure)
    unit = "percentage points" if measure.is_share else measure.unit
    return f"{number} {(language or language_of()).unit(unit, number == '1')}".strip()


def number_as_text(value: float, measure: Measure) -> str:
    """Format the size of a difference without its unit.

    Args:
        value: The difference, whose sign is ignored.
        measure: Description of the outcome.

    Returns:
        The number with thousands separators: a count without decimals, a share in per cent, any other number to three
        significant digits.
    """
    return format_number(abs(value) * (100 if measure.is_share else 1), measure.unit)
