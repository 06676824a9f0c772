"""What the wall shows of a question: campaigns of all choices together, and ranges beside intervals, team by team.

Gives   plain lists and texts for the charts, in the units that people read (shares in per cent).
Assumed Teams stand in the order of their letters, which is that in which they came: nobody is ranked. A choice that
        several teams made counts once in the distribution.

Sentences about questions, ranges and scores, ready to read; every one of them from text/<language>/class.yaml.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from sim.classroom.choice.fields import describe_choice
from sim.classroom.sessions.claims import EFFECT, Answer, Claim, Score, score_of, tally
from sim.classroom.sessions.session import Place, Question, Room, Team, beyond_the_record, measure_of
from sim.classroom.texts import texts_of
from sim.compare.sentences import is_share, say_amount, say_difference, say_interval, say_number
from sim.study.reader import Measure

BINS = 24
BASELINE = ()


def called(room: Room, team: Team) -> str:
    """A team on the wall: its letter, and its name if the teacher shows names."""
    return f"{team.letter} {team.name}" if room.session.names_shown else team.letter


def answered_in(room: Room, question: Question) -> list[tuple[Team, Claim, Answer]]:
    """Teams whose claims campaigns have answered, with claim and answer, in the order of letters."""
    answers = room.answers[question.number]
    sent = [(team, team.claims[question.number].claim) for team in room.teams if question.number in team.claims]
    return [(team, claim, answers[claim.overrides]) for team, claim in sent if claim.overrides in answers]


def scored_in(room: Room, question: Question) -> list[tuple[Claim, Score]]:
    """Claims with scores."""
    found = [(claim, score_of(claim, question.about, answer)) for _, claim, answer in answered_in(room, question)]
    return [(claim, score) for claim, score in found if score is not None]


def ranges_of(room: Room, question: Question) -> dict[str, Any]:
    """The chart of ranges: a row a team."""
    measure = measure_of(question.outcome)
    rows = [
        row_of(called(room, team), team.letter, claim, question.about, answer, measure)
        for team, claim, answer in answered_in(room, question)
    ]
    return chart_of(rows, question, note_on(room.answers[question.number].values(), question))


def own_ranges(place: Place, question: Question) -> dict[str, Any]:
    """The same chart for one student, with no row but the own."""
    assert place.sent is not None and place.answer is not None
    measure = measure_of(question.outcome)
    letter, claim = place.seat.letter, place.sent.claim
    rows = [row_of(letter, letter, claim, question.about, place.answer, measure)]
    title = texts_of("class").say("own_title", None, label=measure.label)
    return chart_of(rows, question, note_on([place.answer], question)) | {"title": title}


def chart_of(rows: list[dict[str, Any]], question: Question, note: str) -> dict[str, Any]:
    """What stands around the rows."""
    texts, measure = texts_of("class"), measure_of(question.outcome)
    return {
        "title": texts.say("ranges_title", None, label=measure.label),
        "key_claimed": texts.say("key_claimed"),
        "key_simulated": texts.say(f"key_simulated_{question.about}"),
        "key_reported": texts.say("key_reported"),
        "rows": rows,
        "zero": question.about == EFFECT,
        "reported": None if question.about == EFFECT else reported_in(measure),
        "unit": said_unit(measure, question.about),
        "note": note,
        "table_title": texts.say("as_table"),
        "heads": [texts.say(f"head_{head}") for head in ("team", "choice", "range", "simulated", "verdict")],
        "summary": " ".join([texts.say("ranges_summary", len(rows)), *(row["said"] for row in rows)]),
    }


def row_of(name: str, letter: str, claim: Claim, about: str, answer: Answer, measure: Measure) -> dict[str, Any]:
    """One team: what it said and what the campaigns gave."""
    texts, scale = texts_of("class"), scale_of(measure)
    score = score_of(claim, about, answer)
    low, middle, high = simulated(answer, about)
    verdict = say_verdict(claim, about, score)
    told = describe_simulated(answer, about, measure) if score else ""
    cells = [name, describe_choice(claim.overrides), format_range(claim, about, measure), told, verdict]
    return {
        "letter": letter,
        "name": name,
        "choice": cells[1],
        "from": claim.low * scale,
        "to": claim.high * scale,
        "low": scaled(low, scale),
        "middle": scaled(middle, scale),
        "high": scaled(high, scale),
        "verdict": verdict,
        "cells": cells,
        "said": texts.say("ranges_row", None, team=name, range=cells[2], simulated=told, verdict=verdict),
    }


def say_verdict(claim: Claim, about: str, score: Score | None) -> str:
    """Where the effect lies, or how many campaigns the range held."""
    texts = texts_of("class")
    if score is None:
        return texts.say("verdict_none")
    if about == EFFECT:
        return texts.say(f"verdict_{score.verdict}")
    return texts.say("verdict_held", None, held=format_percent(score.held), confidence=format_percent(claim.confidence))


def simulated(answer: Answer, about: str) -> tuple[float, float, float]:
    """Low, middle and high: of the mean effect with its 95 % interval, or of the middle 90 % of outcomes."""
    if about == EFFECT:
        return answer.low, answer.mean, answer.high
    if not answer.values:
        return math.nan, math.nan, math.nan
    low, middle, high = np.quantile(answer.values, (0.05, 0.5, 0.95)).tolist()
    return low, middle, high


def describe_simulated(answer: Answer, about: str, measure: Measure) -> str:
    """The same in words."""
    low, middle, high = simulated(answer, about)
    if about == EFFECT:
        interval = say_interval(low, high, measure)
        return texts_of("class").say("simulated_effect", None, mean=say_difference(middle, measure), interval=interval)
    return texts_of("class").say(
        "simulated_outcome", None,
        median=format_level(middle, measure), low=format_level(low, measure), high=format_level(high, measure),
    )  # fmt: skip


def scaled(value: float, scale: float) -> float | None:
    """A number for a chart; None where there is none."""
    return None if math.isnan(value) else value * scale


def pooled_of(room: Room, question: Question, about: str) -> dict[str, Any] | None:
    """The chart of campaigns of all choices together, effects or outcomes; None where there are none."""
    texts, measure = texts_of("class"), measure_of(question.outcome)
    answers = room.answers[question.number]
    made = {claim.overrides: answer for _, claim, answer in answered_in(room, question)}
    lists = [answer.effects if about == EFFECT else answer.values for answer in made.values()]
    pooled = np.array([value for values in lists for value in values]) * scale_of(measure)
    base = np.array(answers[BASELINE].values) * scale_of(measure) if BASELINE in answers else np.array([])
    if pooled.size == 0:
        return None
    everything = pooled if about == EFFECT else np.concatenate([pooled, base])
    edges = np.histogram_bin_edges(everything, BINS)
    has_base = about != EFFECT and base.size > 0
    low, middle, high = np.quantile(pooled, (0.05, 0.5, 0.95)) / scale_of(measure)
    say = format_effect if about == EFFECT else format_level
    return {
        "title": texts.say(f"pooled_{about}", None, label=measure.label),
        "key_pooled": texts.say("key_pooled", len(made)),
        "key_base": texts.say("key_base"),
        "key_reported": texts.say("key_reported"),
        "edges": edges.tolist(),
        "pooled": shares(pooled, edges),
        "base": shares(base, edges) if has_base else None,
        "zero": about == EFFECT,
        "reported": None if about == EFFECT else reported_in(measure),
        "unit": said_unit(measure, about),
        "note": note_on(answers.values(), question) + ("" if about == EFFECT else f" {describe_reported(measure)}"),
        "summary": texts.say(
            "pooled_summary", pooled.size,
            low=say(low, measure), middle=say(middle, measure), high=say(high, measure), choices=len(made),
        ),
    }  # fmt: skip


def shares(values: np.ndarray, edges: np.ndarray) -> list[float]:
    """Shares of campaigns between the edges."""
    counts, _ = np.histogram(values, edges)
    return (counts / max(1, values.size)).tolist()


def said_unit(measure: Measure, about: str) -> str:
    """The unit below a chart."""
    return texts_of("class").say(f"axis_{about}", None, unit=unit_of(measure, about))


def reported_in(measure: Measure) -> dict[str, float] | None:
    """The reported figure as a line in its range, in the unit of the chart."""
    reported, scale = measure.reported, scale_of(measure)
    known = [reported[key] for key in ("value", "low", "high") if reported[key] is not None]
    if not known:
        return None
    value = reported["value"] if reported["value"] is not None else known[0]
    return {"value": value * scale, "low": min(known) * scale, "high": max(known) * scale}


def note_on(answers: Iterable[Answer], question: Question) -> str:
    """How many campaigns, and where their numbers came from."""
    calibration = next((answer.calibration for answer in answers if answer.calibration), "")
    return texts_of("class").say("chart_note", question.runs, calibration=calibration)


def title_of(question: Question) -> str:
    """The question, with its number."""
    return texts_of("class").say("question_number", None, number=question.number, question=describe_question(question))


PERCENT = 100.0
ENDS = (0.05, 0.95)


def scale_of(measure: Measure) -> float:
    """What a number is multiplied with before it is shown: shares are in per cent."""
    return PERCENT if is_share(measure) else 1.0


def unit_of(measure: Measure, about: str) -> str:
    """The unit in which a range is typed and drawn."""
    texts = texts_of("class")
    if is_share(measure):
        return texts.say("unit_points" if about == EFFECT else "unit_percent")
    return measure.unit


def format_level(value: float, measure: Measure) -> str:
    """An outcome: `1,037 soldiers`, `34 %`."""
    if is_share(measure):
        return f"{'-' if value < 0 else ''}{say_number(value, measure)} %"
    return f"{'-' if value < 0 else ''}{say_amount(value, measure)}"


def format_range(claim: Claim, about: str, measure: Measure) -> str:
    """`100 to 300 soldiers lower`, or `1,000 soldiers to 2,000 soldiers`."""
    if about == EFFECT:
        return say_interval(claim.low, claim.high, measure)
    texts = texts_of("class")
    return texts.say("range_levels", low=format_level(claim.low, measure), high=format_level(claim.high, measure))


def format_percent(share: float) -> str:
    """`90 %`."""
    return f"{PERCENT * share:.0f} %"


def describe_claim(claim: Claim, about: str, measure: Measure) -> str:
    """A whole claim in one sentence."""
    return texts_of("class").say(
        f"claim_{about}", None,
        range=format_range(claim, about, measure), confidence=format_percent(claim.confidence), label=measure.label,
    )  # fmt: skip


def describe_question(question: Question) -> str:
    """What is asked, in one sentence."""
    measure = measure_of(question.outcome)
    unit = unit_of(measure, question.about)
    asked = texts_of("class").say(f"question_{question.about}", None, label=measure.label, unit=unit)
    return f"{asked} {note_beyond_record(question.outcome)}".strip()


def note_beyond_record(outcome: str) -> str:
    """What to bear in mind of an outcome that is counted past the record; nothing for others."""
    return texts_of("class").say("beyond") if outcome in beyond_the_record() else ""


def describe_reported(measure: Measure) -> str:
    """The reported figure and its evidence, or that there is none."""
    reported, texts = measure.reported, texts_of("class")
    if not reported["evidence"]:
        return texts.say("reported_none")
    if reported["value"] is None:
        bound = "reported_least" if reported["low"] is not None else "reported_most"
        number = reported["low"] if reported["low"] is not None else reported["high"]
        return texts.say(bound, None, number=format_level(number, measure), evidence=reported["evidence"])
    return texts.say(
        "reported_value", None, number=format_level(reported["value"], measure), evidence=reported["evidence"]
    )


def describe_score(claim: Claim, about: str, answer: Answer, measure: Measure, score: Score | None) -> list[str]:
    """How a range did, sentence by sentence."""
    texts = texts_of("class")
    if score is None:
        return [texts.say("score_failed", error=answer.error) if answer.error else texts.say("score_none")]
    gaps = {
        "effect": say_difference(answer.mean, measure),
        "miss": say_amount(score.miss, measure),
        "campaigns": f"{len(answer.values):,}",
        "confidence": format_percent(claim.confidence),
        "held": format_percent(score.held),
    }
    found = [texts.say(f"score_{about}_{score.verdict}", None, **gaps)]
    surprise = 1 - claim.confidence
    gaps |= {key: say_amount(getattr(score, key), measure) for key in ("total", "width", "penalty")}
    gaps |= {"factor": f"{2 / surprise:.3g}", "surprise": format_percent(surprise)}
    found.append(texts.say("score_total", None, **gaps))
    if about != EFFECT:
        found.append(texts.say("score_best", None, confidence=gaps["confidence"], best=say_amount(score.best, measure)))
    return found


def describe_one_campaign(answer: Answer, about: str, measure: Measure) -> str:
    """What one roll of the dice would have told, beside what nine in ten of them tell."""
    values, say = (answer.effects, format_effect) if about == EFFECT else (answer.values, format_level)
    low, high = np.quantile(values, ENDS).tolist()
    return texts_of("class").say(
        "join_one_number", None, first=say(values[0], measure), low=say(low, measure), high=say(high, measure)
    )


def format_effect(value: float, measure: Measure) -> str:
    """So much lower or higher."""
    return say_difference(float(value), measure)


def describe_tally(scored: Sequence[tuple[Claim, Score]], about: str) -> str:
    """How often ranges held what they were about, or how much of it; nothing without any."""
    if not scored:
        return ""
    texts, found = texts_of("class"), tally(list(scored))
    if about == EFFECT:
        expected = f"{found.expected:.1f}"
        return texts.say("score_tally", found.ranges, inside=round(found.held), ranges=found.ranges, expected=expected)
    held, stated = format_percent(found.held / found.ranges), format_percent(found.expected / found.ranges)
    return texts.say("score_tally_outcome", found.ranges, held=held, stated=stated)
