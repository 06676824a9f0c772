"""Charts and sentences about questions, claims and scores, for the wall (the projected page) and for a student.

Reads   the texts of class.yaml.
Returns texts, and the contents of charts. Numbers in the chart of ranges are in displayed units (shares in per cent);
        numbers in the chart of distributions are in stored units, with formatted labels.

Teams are listed in the order in which they joined, without a ranking. Each choice has its own row; no chart combines
campaigns of different choices.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from sim.classroom.choice.fields import describe_choice
from sim.classroom.reading import fitted, format_level, mark_of, marks_in
from sim.classroom.sessions.claims import EFFECT, ENDS, Answer, Claim, Score, score_of, tally
from sim.classroom.sessions.session import Place, Question, Room, Team, beyond_the_record, measure_of
from sim.classroom.texts import texts_of
from sim.compare.sentences import clear, difference_in_words, format_amount, format_ends
from sim.configuration.overrides import BASELINE, Overrides
from sim.outcome import Reported
from sim.study.reader import Measure
from sim.wording import COUNTED, percent, significant


def called(team: Team) -> str:
    """Return the name of a team: its letter, followed by its own name if it has one."""
    return f"{team.letter} {team.name}".strip()


def claims_on(room: Room, question: Question) -> list[tuple[Team, Claim]]:
    """Return the teams with a claim on a question, and their claims, in the order of joining."""
    return [(team, team.claims[question.number].claim) for team in room.teams if question.number in team.claims]


def scored_in(room: Room, question: Question) -> list[tuple[Claim, Score]]:
    """Return the claims on a question that have a score.

    Args:
        room: The whole session.
        question: A question of the session.

    Returns:
        The claims with their scores.
    """
    answers = room.answers[question.number]
    claims = [claim for _, claim in claims_on(room, question) if claim.overrides in answers]
    scores = [score_of(claim, question.about, answers[claim.overrides]) for claim in claims]
    return [(claim, score) for claim, score in zip(claims, scores, strict=True) if score is not None]


def own_ranges(place: Place, question: Question) -> dict[str, Any]:
    """Return the chart of predicted ranges, with only the row of one student's team.

    Args:
        place: The student's view of the session, which must contain a claim and an answer.
        question: The question to which they belong.

    Returns:
        The content of `ClassChart`.
    """
    assert place.sent is not None and place.answer is not None
    measure = measure_of(question.outcome)
    letter, claim = place.seat.letter, place.sent.claim
    rows = [row_of(letter, letter, claim, question.about, place.answer, measure)]
    return chart_of(rows, question, note_on("chart_note", [place.answer], question))


def chart_of(rows: list[dict[str, Any]], question: Question, note: str) -> dict[str, Any]:
    """Return a chart with the given rows and note, and the texts and the axis for the question."""
    texts, measure = texts_of("class"), measure_of(question.outcome)
    return {
        "title": texts.say("own_title", label=measure.label),
        "key_claimed": texts.say("key_claimed"),
        "key_simulated": texts.say(f"key_simulated_{question.about}"),
        "rows": rows,
        "unit": texts.say(f"axis_{question.about}", unit=unit_of(measure, question.about)),
        "note": note,
        "table_title": texts.say("as_table"),
        "heads": [texts.say(f"head_{head}") for head in ("team", "choice", "range", "simulated", "verdict")],
        "summary": " ".join([texts.say("ranges_summary", len(rows)), *(row["summary"] for row in rows)]),
    } | axis_of(question)


def axis_of(question: Question) -> dict[str, Any]:
    """Return the properties of the axis of a chart: whether it shows zero or only integers, and the reported figure."""
    measure, is_effect = measure_of(question.outcome), question.about == EFFECT
    return {
        "zero": is_effect,
        "whole": measure.unit in COUNTED,
        "reported": None if is_effect else nearest_reported(measure),
        "key_reported": texts_of("class").say("key_reported"),
    }


def row_of(name: str, letter: str, claim: Claim, about: str, answer: Answer, measure: Measure) -> dict[str, Any]:
    """Return one team's row of the chart: its claim, and the result of campaigns with the claim's choice."""
    texts, scale = texts_of("class"), scale_of(measure)
    score = score_of(claim, about, answer)
    low, middle, high = simulated(answer, about)
    verdict = describe_verdict(claim, about, score)
    simulated_text = describe_simulated(answer, about, measure) if score else ""
    cells = [name, describe_choice(claim.overrides), format_range(claim, about, measure), simulated_text, verdict]
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
        "summary": texts.say("ranges_row", team=name, range=cells[2], simulated=simulated_text, verdict=verdict),
    }


def describe_verdict(claim: Claim, about: str, score: Score | None) -> str:
    """Describe the position of an effect relative to a range, or the share of campaigns in the range."""
    texts = texts_of("class")
    if score is None:
        return texts.say("verdict_none")
    if about == EFFECT:
        return texts.say(f"verdict_{score.verdict}")
    return texts.say("verdict_held", held=percent(score.held), confidence=percent(claim.confidence))


def simulated(answer: Answer, about: str) -> tuple[float, float, float]:
    """Return three numbers to draw: low, middle and high.

    For an effect: its mean, between the ends of the 95 % interval. For an outcome: the 5 %, 50 % and 95 % quantiles.
    """
    if about == EFFECT:
        return answer.low, answer.mean, answer.high
    if not answer.values:
        return math.nan, math.nan, math.nan
    low, middle, high = np.quantile(answer.values, (0.05, 0.5, 0.95)).tolist()
    return low, middle, high


def describe_simulated(answer: Answer, about: str, measure: Measure) -> str:
    """Describe the simulated effect or outcome, with its interval."""
    low, middle, high = simulated(answer, about)
    if about == EFFECT:
        texts = texts_of("class")
        mean, interval = (
            difference_in_words(middle, measure, texts),
            format_ends(low, high, measure, texts),
        )
        return texts.say("simulated_effect", mean=mean, interval=interval)
    return texts_of("class").say(
        "simulated_outcome",
        median=format_level(middle, measure), low=format_level(low, measure), high=format_level(high, measure),
    )  # fmt: skip


def scaled(value: float, scale: float) -> float | None:
    """Convert a number to the unit of the chart; None for NaN."""
    return None if math.isnan(value) else value * scale


def board_of(room: Room, question: Question, finished: Mapping[Overrides, Sequence[float]]) -> dict[str, Any]:
    """Return the chart of the wall: one row per choice, with predictions and one dot per campaign.

    Choices are drawn separately, in the order in which teams first made them.

    Args:
        room: The public view of the session, from `Room.on_the_wall`.
        question: A question of the session.
        finished: Results of choices whose campaigns are still running, in order of seed.

    Returns:
        The content of a board for `WallView`, with numbers in displayed units.
    """
    measure, texts = measure_of(question.outcome), texts_of("class")
    claims = claims_on(room, question)
    choices = list(dict.fromkeys(claim.overrides for _, claim in claims))
    if question.about != EFFECT:
        choices = [BASELINE, *(one for one in choices if one != BASELINE)]
    answers = room.answers[question.number]
    rows = []
    for choice in choices:
        mine = [(team, claim) for team, claim in claims if claim.overrides == choice]
        rows.append(choice_row(choice, mine, answers.get(choice), finished.get(choice, ()), question))
    return {
        "title": texts.say(f"wall_{question.about}", label=measure.label),
        "rows": rows,
        "unit": texts.say(f"wall_axis_{question.about}", unit=unit_of(measure, question.about)),
        "foot": note_on("wall_foot", answers.values(), question),
    } | axis_of(question)


def choice_row(
    choice: Overrides,
    claims: Sequence[tuple[Team, Claim]],
    answer: Answer | None,
    finished: Sequence[float],
    question: Question,
) -> dict[str, Any]:
    """Return the row of one choice: its teams with their ranges, and the results of its campaigns."""
    texts, measure = texts_of("class"), measure_of(question.outcome)
    scale, is_effect = scale_of(measure), question.about == EFFECT
    results = (answer.effects if is_effect else answer.values) if answer else finished
    name, teams = describe_choice(choice), [called(team) for team, _ in claims]
    said = describe_found(answer, question.about, measure) if answer else ""
    ranges = [{"letter": team.letter, "from": claim.low * scale, "to": claim.high * scale} for team, claim in claims]
    return {
        "key": " ".join(choice.words),
        "name": name,
        "teams": teams,
        "ranges": ranges,
        "dots": [value * scale for value in results],
        "found": said,
        "mean": [answer.low * scale, answer.high * scale] if answer and results and is_effect else None,
        "summary": texts.say("wall_row", len(results), choice=name, teams=", ".join(teams) or "-", found=said),
    }


def describe_found(answer: Answer, about: str, measure: Measure) -> str:
    """Describe the campaigns of a choice briefly: the interval of the mean effect, or the middle 90 %."""
    texts, low, high = texts_of("class"), answer.low, answer.high
    if not answer.values or (about == EFFECT and not answer.effects):
        return texts.say("verdict_none")
    if about == EFFECT:
        key = "wall_found_effect" if clear(low, high) else "wall_found_unclear"
        return texts.say(key, interval=format_ends(low, high, measure, texts))
    low, high = np.quantile(answer.values, ENDS).tolist()
    return texts.say("wall_found_outcome", interval=format_levels(low, high, measure))


def reported_beside(measure: Measure, about: str) -> str:
    """Describe the reported figure below a chart and, if the chart shows differences, state that it is a total."""
    said = describe_reported(measure)
    is_total = about == EFFECT and marks_in(reported_in(measure))
    return texts_of("class").say("reported_total", reported=said) if is_total else said


def reported_in(measure: Measure) -> Reported:
    """Return the reported figure of an outcome."""
    return Reported(*(measure.reported[key] for key in Reported._fields))


def nearest_reported(measure: Measure) -> dict[str, float] | None:
    """Return the reported value, or else a bound, in the unit of the chart; None if nothing was reported."""
    known = marks_in(reported_in(measure))
    return {"value": known[0] * scale_of(measure)} if known else None


def note_on(key: str, answers: Iterable[Answer], question: Question) -> str:
    """Return a note on the number and kind of campaigns per choice (text `key`), and on the reported figure."""
    counted = texts_of("class").say(key, question.runs, runs=question.runs, kind=numbers_of(answers))
    return f"{counted} {reported_beside(measure_of(question.outcome), question.about)}"


def numbers_of(answers: Iterable[Answer]) -> str:
    """Return a clause, with a leading comma, on the fit of the uncertain numbers; empty without campaigns."""
    calibration = next((answer.calibration for answer in answers if answer.calibration), "")
    said = fitted(calibration) or "not_calibrated"
    return f", {texts_of('class').say(f'numbers_{said}')}" if calibration else ""


def title_of(question: Question) -> str:
    """Return a question with its number, as a heading.

    Args:
        question: A question of a session.

    Returns:
        The heading, such as `Question 2: ...`.
    """
    return texts_of("class").say("question_number", number=question.number, question=describe_question(question))


def scale_of(measure: Measure) -> float:
    """Return the factor that converts stored numbers to displayed numbers.

    Args:
        measure: The outcome that the question is about.

    Returns:
        100 for a share, which is displayed in per cent, otherwise 1.
    """
    return 100.0 if measure.is_share else 1.0


def unit_of(measure: Measure, about: str) -> str:
    """Return the unit in which a range is typed and drawn.

    Args:
        measure: The outcome that the question is about.
        about: What the range predicts: `effect` or `outcome`.

    Returns:
        The unit; percentage points or per cent for a share.
    """
    texts = texts_of("class")
    if measure.is_share:
        return texts.say("unit_points" if about == EFFECT else "unit_percent")
    return texts.unit(measure.unit)


def format_range(claim: Claim, about: str, measure: Measure) -> str:
    """Format the range of a claim.

    Args:
        claim: The claim of a team.
        about: What the range predicts: `effect` or `outcome`.
        measure: The outcome that the question is about.

    Returns:
        The range, such as `100 to 300 soldiers lower`, or `1,000 soldiers to 2,000 soldiers`.
    """
    if about == EFFECT:
        return format_ends(claim.low, claim.high, measure, texts_of("class"))
    return format_levels(claim.low, claim.high, measure)


def format_levels(low: float, high: float, measure: Measure) -> str:
    """Format a range of an outcome, such as `1,000 soldiers to 2,000 soldiers`."""
    said = texts_of("class")
    return said.say("range_levels", low=format_level(low, measure), high=format_level(high, measure))


def describe_claim(claim: Claim, about: str, measure: Measure) -> str:
    """Describe a claim in one sentence.

    Args:
        claim: The claim of a team.
        about: What the range predicts: `effect` or `outcome`.
        measure: The outcome that the question is about.

    Returns:
        The sentence, which states range and confidence.
    """
    return texts_of("class").say(
        f"claim_{about}",
        range=format_range(claim, about, measure), confidence=percent(claim.confidence), label=measure.label,
    )  # fmt: skip


def describe_question(question: Question) -> str:
    """Describe a question briefly.

    Args:
        question: A question of a session.

    Returns:
        The question, with the outcome.
    """
    measure = measure_of(question.outcome)
    asked = texts_of("class").say(f"question_{question.about}", label=measure.label)
    return f"{asked} {note_beyond_record(question.outcome)}".strip()


def note_beyond_record(outcome: str) -> str:
    """Return the note on an outcome that is counted after the end of the record; empty for others."""
    return texts_of("class").say("beyond") if outcome in beyond_the_record() else ""


def describe_reported(measure: Measure) -> str:
    """Describe the reported figure of an outcome.

    Args:
        measure: The outcome that the question is about.

    Returns:
        A sentence with the figure and its evidence, or one stating that nothing was reported.
    """
    mark = mark_of(reported_in(measure), measure)
    return mark.text if mark else texts_of("class").say("reported_none")


def describe_score(claim: Claim, about: str, answer: Answer, measure: Measure, score: Score | None) -> list[str]:
    """Explain the score of a claim.

    Args:
        claim: The claim of a team.
        about: What the range predicts: `effect` or `outcome`.
        answer: The result of the campaigns of the same choice.
        measure: The outcome that the question is about.
        score: The score of the claim; None if it has none.

    Returns:
        Sentences about the score, or one that explains why there is none.
    """
    texts = texts_of("class")
    if score is None:
        return [texts.say("score_failed", error=answer.error) if answer.error else texts.say("score_none")]
    gaps = {
        "effect": difference_in_words(answer.mean, measure, texts),
        "miss": format_amount(score.miss, measure, texts),
        "campaigns": f"{len(answer.values):,}",
        "confidence": percent(claim.confidence),
        "held": percent(score.held),
    }
    found = [texts.say(f"score_{about}_{score.verdict}", None, **gaps)]
    surprise = 1 - claim.confidence
    gaps |= {key: format_amount(getattr(score, key), measure, texts) for key in ("total", "width", "penalty")}
    gaps |= {"factor": f"{significant(2 / surprise)}", "surprise": percent(surprise)}
    found.append(texts.say("score_total", None, **gaps))
    if about != EFFECT:
        best = format_amount(score.best, measure, texts)
        found.append(texts.say("score_best", confidence=gaps["confidence"], best=best))
    return found


def describe_one_campaign(answer: Answer, about: str, measure: Measure) -> str:
    """Compare the first campaign of a choice with the middle 90 % of all campaigns of that choice.

    Args:
        answer: The result of the campaigns of a choice.
        about: What the range predicts: `effect` or `outcome`.
        measure: The outcome that the question is about.

    Returns:
        One sentence.
    """
    texts = texts_of("class")
    say = partial(difference_in_words, language=texts) if about == EFFECT else format_level
    values = answer.effects if about == EFFECT else answer.values
    low, high = np.quantile(values, ENDS).tolist()
    return texts.say("join_one_number", first=say(values[0], measure), low=say(low, measure), high=say(high, measure))


def describe_tally(scored: Sequence[tuple[Claim, Score]], about: str) -> str:
    """Describe the number of ranges that contain the effect, or the average share of campaigns in the ranges.

    Args:
        scored: Claims with their scores.
        about: What the range predicts: `effect` or `outcome`.

    Returns:
        One sentence; empty if there are no claims.
    """
    if not scored:
        return ""
    texts, found = texts_of("class"), tally(list(scored))
    if about == EFFECT:
        expected = f"{found.expected:.1f}"
        return texts.say("score_tally", found.ranges, inside=round(found.held), ranges=found.ranges, expected=expected)
    held, stated = percent(found.held / found.ranges), percent(found.expected / found.ranges)
    return texts.say("score_tally_outcome", found.ranges, held=held, stated=stated)
