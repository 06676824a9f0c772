"""Write the sentences of a memo: question, answer, method, basis and limits.

Statistics and the sentences on differences come from `sim.compare`; the position of the reported figure among the
campaigns comes from `sim.report.findings`. This module computes no statistics itself.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sim.compare.compare import Comparison, spread_of
from sim.compare.figure import format_level, unit_of
from sim.compare.pairs import clear
from sim.compare.risk import format_bounds
from sim.compare.sentences import (
    FEW,
    MANY,
    Spread,
    Verdict,
    directions,
    notes_on_ties,
    quote_outcome,
)
from sim.configuration.changes import about_of, groups
from sim.configuration.numbers import declared_numbers
from sim.data.facts import THE_LINE
from sim.data.own import remembered
from sim.errors import PanjError
from sim.options import Range
from sim.plots.captions import describe_failures
from sim.provenance import NOT_CALIBRATED, fitted_until
from sim.report.findings import Side, describe_misfit, place_among, share_of
from sim.report.outcomes import FEWEST
from sim.report.report import list_values
from sim.scoring.figures import read_scores
from sim.scoring.figures import sentences as sentences_on_score
from sim.scoring.forecasts import names_of, place_of_scores, targets_here
from sim.study.reader import Measure, Study, StudyCell, Worlds, notes_on_definition
from sim.wording import counted, counted_span, format_day, list_words, paragraph

FEW_EVENTS = 10  # number of worlds with the event below which single worlds decide the answer
MOST_CHOICES = 8  # largest number of settings that a memo describes
LEFT_OUT = (  # also inserted into docs/explanation/odd.md
    "Governments and foreign powers decide nothing in it: they act through settings and dated events; the headquarters "
    "only chooses which calls for help are answered.",
    "Nobody learns, plans ahead or revises a rule; men and commanders react to what they see and hear.",
    "A district is a point with one holder at the end of a day; a step is a day; the Tajik frontier is the only way "
    "out of the country.",
    "Families leave home and wait at the river, but nobody among them is killed or hurt; what became of prisoners and "
    "of those who gave up is not followed.",
    "Talks, pay, air cover and morale are a few numbers each, most of them guesses.",
)


class Subject(NamedTuple):
    """Subject of a memo: an outcome, in one study or compared between cells, and the campaigns of the baseline."""

    study: Study
    measure: Measure
    asked: Range | None  # range of values that counts as the event; None if the question is about the values themselves
    base: Study  # study limited to the cell whose campaigns are compared with the reported figure
    worlds: Worlds  # values of the outcome in that cell; dates are in days after the first day
    found: Comparison | None  # verdicts; None for a study of one cell
    about: Mapping[str, Any]  # metadata of the outcome, from `sim.compare.compare.about_question`

    @property
    def studies(self) -> list[Study]:
        """The study and, if different, the study that contains the baselines."""
        others = [] if self.found is None or self.found.against is self.study else [self.found.against]
        return [self.study, *others]

    @property
    def is_assimilated(self) -> bool:
        """Whether the campaigns of the baseline are worlds that followed the record."""
        return bool(self.base.about.get("worlds"))

    @property
    def values(self) -> Any:
        """Values of the outcome in the campaigns of the baseline that have one according to `known`."""
        return self.worlds.values[known(self.worlds)]

    @property
    def runs(self) -> Any:
        """Run of the sampler from which each of these campaigns is; None if campaigns are unrelated."""
        return None if self.worlds.runs is None else self.worlds.runs[known(self.worlds)]

    @property
    def spread(self) -> Spread:
        """Median and 90 % interval of the outcome in the baseline."""
        return spread_of(self.worlds.values)

    @property
    def side(self) -> Side | None:
        """Shares of the baseline's campaigns below, at and above the reported figure; None if nothing was reported."""
        reported = {f"reported_{part}": self.measure.reported[part] for part in ("value", "low", "high")}
        return None if self.measure.is_date else place_among(self.values, pd.Series(reported))

    @property
    def origin(self) -> int:
        """Number added to a value to compare it with a threshold: the ordinal of the first day for a date, else 0."""
        return self.study.first_day.toordinal() if self.measure.is_date else 0

    @property
    def about_values(self) -> dict[str, Any]:
        """Metadata of the outcome itself, without threshold."""
        return {**self.about, "thresholds": {}}

    def level(self, value: float) -> str:
        """Format a value of the outcome with its unit, or as a date."""
        unit = "" if self.measure.is_date else unit_of(self.about_values, difference=False)
        return f"{format_level(value, self.about_values)} {unit.replace('per cent', '%')}".strip()


def question_of(subject: Subject) -> str:
    """Return the question of a memo, derived from the outcome, the swept keys and the threshold."""
    what, study, found = quote_outcome(subject.measure), subject.study, subject.found
    if found is None:
        first = f"What does this model predict for {what}"
        if subject.asked:
            first = f"In how many campaigns of this model is {what} {format_bounds(subject.asked, subject.measure)}"
        return f"{first}, and how does that compare with what was reported?"
    if found.against is study:
        change = list_words(study.swept)
        compared = f"Compared are {'; '.join(f'{key}: {list_values(study, key)}' for key in study.swept)}."
    else:
        change, compared = "the study", f"Study {study.name} is compared with study {found.against.name}."
    if subject.asked:
        event = f"{what} is {format_bounds(subject.asked, subject.measure)}"
        return f"In this model, does it depend on {change} how often {event}? {compared}"
    return f"In this model, does {what} depend on {change}, and how much? {compared}"


def choices_of(shown: Sequence[StudyCell]) -> dict[str, str]:
    """Return the description of each setting of some cells, from its file, keyed by `key=value`."""
    texts: dict[str, str] = {}
    for cell in shown:
        for key, value in cell.values.items():
            name = f"{key}={value}"
            with suppress(PanjError):  # one of the user's choices, whose file has been moved or deleted
                if name not in texts and len(texts) < MOST_CHOICES and (text := describe(key, str(value))):
                    texts[name] = text
    return texts


def describe(key: str, value: str) -> str:
    """Return the title of a choice, or the meaning of a number; empty if neither is known."""
    if key in groups():
        return about_of(key, value) if value in groups()[key] else ""
    number = declared_numbers().get(key)
    return f"{number.meaning} ({number.unit})" if number else ""


def answer_of(subject: Subject) -> list[str]:
    """Return the answer in a few quotable sentences, each with size, interval and number of campaigns."""
    return answer_of_one(subject) if subject.found is None else answer_of_many(subject.found)


def answer_of_one(subject: Subject) -> list[str]:
    """Return the answer for a study of one cell: the distribution, the risk and the position of the reported figure."""
    count, what = len(subject.values), quote_outcome(subject.measure)
    campaigns = counted(count, "campaign")
    without = int((~subject.worlds.there).sum()) if subject.measure.is_date else 0
    if count == 1 and without:
        return [f"In the one campaign of this study {what} has no date: the event did not occur."]
    if count == 1:
        sentences = [f"In the one campaign of this study {what} is {subject.level(float(subject.values[0]))}."]
        return [*sentences, describe_single(subject)] if subject.asked is not None else sentences
    median, low, high = subject.spread
    sentences = [
        f"In this model the median of {what} over {campaigns} is {subject.level(median)}; nine in ten campaigns are "
        f"between {subject.level(low)} and {subject.level(high)}."
    ]
    if 2 * without > count:
        sentences = [f"In this model {what} has a date in {count - without:,} of {campaigns}: in the others the event "
                     "did not occur, so there is no median."]  # fmt: skip
    elif without:
        sentences.append(f"The event did not occur in {without:,} of them, which count as the day after the last.")
    if subject.asked is not None:
        sentences.append(f"It is {format_bounds(subject.asked, subject.measure)} in {describe_risk_of(subject)}.")
        sentences += notes_on_ties([subject.worlds], subject.measure, subject.study.first_day, subject.asked)
    if subject.side is not None:
        reported = subject.measure.reported_figure
        sentences.append(f"Reported: {reported}; of the campaigns, {describe_side(subject.side)}.")
    return sentences


def describe_single(subject: Subject) -> str:
    """Return a sentence on whether the only campaign is in the requested range."""
    assert subject.asked is not None
    is_inside = bool(subject.asked.holds(subject.values + subject.origin)[0])
    bounds = format_bounds(subject.asked, subject.measure)
    return f"It is {'' if is_inside else 'not '}{bounds}; a single campaign shows no risk."


def describe_risk_of(subject: Subject) -> str:
    """Return the share of the baseline's campaigns in the requested range, with its 95 % interval."""
    assert subject.asked is not None
    marks = subject.asked.holds(subject.values + subject.origin).astype(float)
    share, low, high = spread_of(marks, subject.asked, subject.runs)
    return (
        f"{int(marks.sum()):,} of {counted(marks.size, 'campaign')} ({100 * share:.3g} %; 95 % interval: "
        f"{100 * low:.3g} to {100 * high:.3g} %)"
    )


def known(worlds: Worlds) -> Any:
    """Return which campaigns have a value, including those in which a dated event did not occur."""
    return ~np.isnan(worlds.values)


def describe_side(side: Side) -> str:
    """Describe the position of the reported figure among the campaigns."""
    equal = f", {share_of(side.equal)} at it" if side.equal >= 0.005 else ""
    return f"{share_of(side.below)} are below it{equal} and {share_of(side.above)} above it"


def answer_of_many(found: Comparison) -> list[str]:
    """Return the answer of a comparison: the sentence of its verdict, or the counts and the largest of several."""
    verdicts = [verdict for verdict in found.verdicts if verdict.judgement.worlds]
    if len(verdicts) == 1:
        return [in_this_model(verdicts[0])]
    clear_ones = [verdict for verdict in verdicts if verdict.is_clear]
    largest = max(clear_ones or verdicts, key=lambda verdict: abs(verdict.judgement.mean_difference))
    lower = sum(verdict.judgement.mean_difference < 0 for verdict in clear_ones)
    what = "risk" if found.asked else "outcome"
    low, high = ("lower", "higher") if found.asked else directions(found.measure.is_date)
    if all(verdict.judgement.worlds_equal == verdict.judgement.worlds for verdict in verdicts):
        return [f"In this model none of the {len(verdicts)} changes makes a difference in any world.", largest.sentence]
    if not clear_ones:
        return [f"No difference was detected for any of {len(verdicts)} changes. The largest:", in_this_model(largest)]
    return [
        f"Of {len(verdicts)} changes, {len(clear_ones)} {'has' if len(clear_ones) == 1 else 'have'} an interval "
        f"without zero: the {what} is {low} with {lower} of them and {high} with {len(clear_ones) - lower}. The "
        "largest of these:",
        in_this_model(largest),
    ]


def in_this_model(verdict: Verdict) -> str:
    """Return the sentence of a verdict, beginning with `In this model,`."""
    return f"In this model, {verdict.sentence[0].lower()}{verdict.sentence[1:]}"


def method_of(subject: Subject) -> list[str]:
    """Return the method in three sentences: the model, the pairing and the source of the numbers."""
    study, found = subject.study, subject.found
    model = (
        "Panj is an agent-based model: garrisons, Taliban columns, families and posts on the river act by rules, day "
        f"by day from {format_day(study.first_day)} to {format_day(study.last_day, year=True)}, and chance enters by "
        "draws that follow from a seed."
    )
    if found is None:
        count = subject.base.cell.finished
        each = "The one campaign" if count == 1 else f"Each of the {counted(count, 'campaign')}"
        pairs = f"{each} has its own seed and therefore its own draws; no setting is varied."
    else:
        worlds = counted_span((verdict.judgement.worlds for verdict in found.verdicts), "pair")
        pairs = (
            "A world is a seed: campaigns with one seed have the same numbers and the same draws under every setting, "
            "so that a difference within a world comes from the settings alone "
            f"({counted(found.campaigns, 'campaign')}, {worlds} in each comparison)."
        )
    return [model, pairs, numbers_of(calibrations_of(subject))]


def calibrations_of(subject: Subject) -> str:
    """Return the source of the numbers of all cells shown, as the study states it."""
    said = dict.fromkeys(cell.calibration for study in subject.studies for cell in study.cells)
    return "; ".join(text for text in said if text) or "source unknown"


def numbers_of(calibration: str) -> str:
    """Return a sentence on the source of the numbers of the rules and its limits."""
    if "assimilated" in calibration:
        why = "so that agreement with these reports is built in and is no test of the model"
        return f"Numbers and draws are those of worlds chosen because they followed the reports ({calibration}), {why}."
    if NOT_CALIBRATED in calibration:
        why = "rest on judgement and on plausible ranges; nothing was fitted"
        return f"The numbers of the rules {why} ({calibration})."
    why = "the record leaves most of them open, and what depends on those rests on assumed ranges"
    return f"The uncertain numbers of the rules were fitted to reported figures ({calibration}); {why}."


def rests_on(subject: Subject) -> list[str]:
    """Return sentences on the basis of the answer: the position of the reported figure, the fit, and guesses."""
    return [text for text in (place_of_report(subject), fitted(subject), fit_of(subject), guesses()) if text]


def place_of_report(subject: Subject) -> str:
    """Return a sentence on the position of the reported figure among the campaigns of the baseline."""
    reported, side = subject.measure.reported_figure, subject.side
    if not reported:
        return f"Nothing was reported on this outcome by {format_day(THE_LINE)}: there is no figure to compare it with."
    if side is None:
        return f"Reported: {reported}."
    campaigns = f"{counted(len(subject.values), 'campaign')} {name_of_base(subject)}"
    place = f"Reported: {reported}. Of {campaigns}, {describe_side(side)}"
    if subject.is_assimilated:
        return f"{place}."
    if len(subject.values) < FEWEST:
        return f"{place}; fewer than {FEWEST} campaigns cannot tell whether it fits."
    fits = "fits" if side.fits else "does not fit"
    return f"{place}; it {fits} by the rule that more than one campaign in twenty must reach a figure."


def name_of_base(subject: Subject) -> str:
    """Return a description of the campaigns with which the reported figure is compared."""
    label = subject.base.cell.label
    return f"of the baseline{f' ({label})' if label else ''}" if subject.found else "of this study"


def fitted(subject: Subject) -> str:
    """Return a sentence on whether the numbers were fitted to the reported figure of the outcome."""
    if subject.is_assimilated:
        return "These worlds were chosen by the reports, so that being near a figure is no test of the model."
    if NOT_CALIBRATED in calibrations_of(subject) or not subject.measure.reported["text"]:
        return ""
    until = min(fitted_until(cell.calibration) or THE_LINE for cell in subject.base.cells)
    if subject.measure.outcome not in outcomes_of_targets(until):
        if until == THE_LINE or subject.measure.outcome not in outcomes_of_targets(THE_LINE):
            return ""
        return f"The numbers were fitted to reports of days up to {format_day(until)}, but not to this figure."
    return "The numbers were fitted to this figure among others, so that meeting it is no independent test."


@remembered()
def outcomes_of_targets(until: date) -> frozenset[str]:
    """Return the outcomes of the targets that a refined fit to the record up to `until` can use."""
    return frozenset(names_of([target for target in targets_here() if target.date <= until]))


def fit_of(subject: Subject) -> str:
    """Return a sentence on how many reported figures the baseline fits; empty for worlds that followed the record."""
    base = subject.base
    if subject.is_assimilated:
        return ""
    place = place_of_scores(base)
    if (base.folder / place / "score.json").is_file():
        return f"{sentences_on_score(read_scores(base.folder / place))[0]} ({place}/score.csv)"
    said = describe_misfit(base)
    of_baseline = subject.found is not None and base.cell.finished > 1
    return f"Over all outcomes of the baseline: {said[0].lower()}{said[1:]}" if of_baseline else said


def guesses() -> str:
    """Return a sentence on the number of parameters whose declared source is a guess."""
    numbers = declared_numbers().values()
    guessed = sum("guess" in number.source.lower() for number in numbers)
    return f"{guessed} of {len(numbers)} numbers of the rules name a guess as their source, each with a declared range."


def limits_of(subject: Subject) -> list[str]:
    """Return the caveats of a memo: misfit, small samples, notes of the comparison, causes, the end of the record."""
    return [
        *(text for text in (doubt_of_fit(subject), *doubts_of_sample(subject)) if text),
        "An interval covers the limited number of worlds, not errors of the model. A difference is an effect within "
        "the model, not evidence of what caused the events of 2021.",
        *(subject.found.notes if subject.found else notes_on_definition(subject.measure)),
        paragraph("The model leaves out more than it includes.", *LEFT_OUT),
        f"The record ends on the evening of {format_day(THE_LINE, year=True)}; nothing later is used or compared. It "
        "explains a past event and forecasts none. Behind the numbers are people who were killed, captured or driven "
        "from home.",
    ]


def doubt_of_fit(subject: Subject) -> str:
    """Return a sentence on the conclusions that the fit of this outcome allows."""
    is_judged = subject.side is not None and len(subject.values) >= FEWEST
    if not is_judged and subject.measure.reported["text"]:
        why = "a date" if subject.measure.is_date else f"fewer than {FEWEST} campaigns"
        return f"From {why}, it is not judged how well the model fits the reported figure of this outcome."
    if subject.side is None:
        return "Without a reported figure for this outcome, it is unknown how well the model fits it."
    if not subject.side.fits and subject.is_assimilated:
        return (
            "Although these worlds were chosen by the reports, at most one in twenty reaches the reported figure of "
            "this outcome: a direction may be quoted; a size rests on worlds unlike what was reported."
        )
    if not subject.side.fits:
        return (
            "The model does not fit this outcome: at most one campaign in twenty reaches the reported figure. A "
            "direction may be quoted; a size rests on campaigns unlike what was reported."
        )
    return "A reported figure among the campaigns does not show that the model is right for the right reasons."


def doubts_of_sample(subject: Subject) -> list[str]:
    """Return warnings about small samples, missing values, failed campaigns and multiple comparisons."""
    verdicts = subject.found.verdicts if subject.found else ()
    counts = [verdict.judgement.worlds for verdict in verdicts] or [len(subject.values)]
    events = [verdict.risk.worlds - verdict.risk.in_neither for verdict in verdicts if verdict.risk]
    unclear = any(not clear(verdict.judgement.mean_low, verdict.judgement.mean_high) for verdict in verdicts)
    missing = int((~known(subject.worlds)).sum())
    failed = sum(cell.failed for study in subject.studies for cell in study.cells)
    left_out = "is left out because it has" if missing == 1 else "are left out because they have"
    noun, each = ("world", " in each comparison") if verdicts else ("campaign", "")
    thin = f"Thin sample: {counted_span(counts, noun)}{each}"
    fewest = min(events, default=0)
    worlds = f"only {counted(fewest, 'world')}" if fewest else "no world"
    thinnest = sum(number < FEW_EVENTS for number in events)
    rare = f"Thin sample: in {counted(thinnest, 'comparison')} the event occurs in few worlds, at worst in {worlds}."
    several = f"Each interval covers 95 % on its own; among {len(verdicts)}, one may exclude zero by chance."
    doubts = {
        "An interval that contains zero does not show that there is no effect: these campaigns cannot tell.": unclear,
        f"{thin}; with fewer than {FEW} an interval is too narrow.": min(counts) < FEW,
        rare: bool(events) and fewest < FEW_EVENTS,
        f"{counted(missing, 'campaign')} of the baseline {left_out} no value.": missing > 0,
        describe_failures(failed): failed > 0,
        several: 1 < len(verdicts) < MANY,
    }
    return [text for text, applies in doubts.items() if applies]
