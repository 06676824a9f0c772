"""Sentences about questions, ranges and scores, ready to read; every one of them from words/<language>/class.yaml."""

from collections.abc import Sequence

import numpy as np

from sim.classroom.answers import Answer, Score, tally
from sim.classroom.claims import EFFECT, Claim
from sim.classroom.offered import beyond_the_record, measure_of
from sim.classroom.rooms import Question
from sim.classroom.words import words_of
from sim.study.finished import Measure
from sim.study.wording import is_share, say_amount, say_difference, say_interval, say_number

PERCENT = 100.0
ENDS = (0.05, 0.95)


def scale_of(measure: Measure) -> float:
    """What a number is multiplied with before it is shown: shares are in per cent."""
    return PERCENT if is_share(measure) else 1.0


def unit_of(measure: Measure, about: str) -> str:
    """The unit in which a range is typed and drawn."""
    words = words_of("class")
    if is_share(measure):
        return words.say("unit_points" if about == EFFECT else "unit_percent")
    return measure.unit


def say_level(value: float, measure: Measure) -> str:
    """An outcome: `1,037 soldiers`, `34 %`."""
    if is_share(measure):
        return f"{'-' if value < 0 else ''}{say_number(value, measure)} %"
    return f"{'-' if value < 0 else ''}{say_amount(value, measure)}"


def say_range(claim: Claim, about: str, measure: Measure) -> str:
    """`100 to 300 soldiers lower`, or `1,000 soldiers to 2,000 soldiers`."""
    if about == EFFECT:
        return say_interval(claim.low, claim.high, measure)
    words = words_of("class")
    return words.say("range_levels", low=say_level(claim.low, measure), high=say_level(claim.high, measure))


def say_percent(share: float) -> str:
    """`90 %`."""
    return f"{PERCENT * share:.0f} %"


def say_claim(claim: Claim, about: str, measure: Measure) -> str:
    """A whole claim in one sentence."""
    return words_of("class").say(
        f"claim_{about}", None,
        range=say_range(claim, about, measure), confidence=say_percent(claim.confidence), label=measure.label,
    )  # fmt: skip


def say_question(question: Question) -> str:
    """What is asked, in one sentence."""
    measure = measure_of(question.outcome)
    unit = unit_of(measure, question.about)
    asked = words_of("class").say(f"question_{question.about}", None, label=measure.label, unit=unit)
    return f"{asked} {say_beyond(question.outcome)}".strip()


def say_beyond(outcome: str) -> str:
    """What to bear in mind of an outcome that is counted past the record; nothing for others."""
    return words_of("class").say("beyond") if outcome in beyond_the_record() else ""


def say_reported(measure: Measure) -> str:
    """The reported figure and its evidence, or that there is none."""
    reported, words = measure.reported, words_of("class")
    if not reported["evidence"]:
        return words.say("reported_none")
    if reported["value"] is None:
        bound = "reported_least" if reported["low"] is not None else "reported_most"
        number = reported["low"] if reported["low"] is not None else reported["high"]
        return words.say(bound, None, number=say_level(number, measure), evidence=reported["evidence"])
    return words.say(
        "reported_value", None, number=say_level(reported["value"], measure), evidence=reported["evidence"]
    )


def say_score(claim: Claim, about: str, answer: Answer, measure: Measure, score: Score | None) -> list[str]:
    """How a range did, sentence by sentence."""
    words = words_of("class")
    if score is None:
        return [words.say("score_failed", error=answer.error) if answer.error else words.say("score_none")]
    gaps = {
        "effect": say_difference(answer.mean, measure),
        "miss": say_amount(score.miss, measure),
        "campaigns": f"{len(answer.values):,}",
        "confidence": say_percent(claim.confidence),
        "held": say_percent(score.held),
    }
    found = [words.say(f"score_{about}_{score.verdict}", None, **gaps)]
    surprise = 1 - claim.confidence
    gaps |= {key: say_amount(getattr(score, key), measure) for key in ("total", "width", "penalty")}
    gaps |= {"factor": f"{2 / surprise:.3g}", "surprise": say_percent(surprise)}
    found.append(words.say("score_total", None, **gaps))
    if about != EFFECT:
        found.append(words.say("score_best", None, confidence=gaps["confidence"], best=say_amount(score.best, measure)))
    return found


def say_one_campaign(answer: Answer, about: str, measure: Measure) -> str:
    """What one roll of the dice would have told, beside what nine in ten of them tell."""
    values, say = (answer.effects, say_effect) if about == EFFECT else (answer.values, say_level)
    low, high = np.quantile(values, ENDS).tolist()
    return words_of("class").say(
        "join_one_number", None, first=say(values[0], measure), low=say(low, measure), high=say(high, measure)
    )


def say_effect(value: float, measure: Measure) -> str:
    """So much lower or higher."""
    return say_difference(float(value), measure)


def say_tally(scored: Sequence[tuple[Claim, Score]], about: str) -> str:
    """How often ranges held what they were about, or how much of it; nothing without any."""
    if not scored:
        return ""
    words, found = words_of("class"), tally(list(scored))
    if about == EFFECT:
        expected = f"{found.expected:.1f}"
        return words.say("score_tally", found.ranges, inside=round(found.held), ranges=found.ranges, expected=expected)
    held, stated = say_percent(found.held / found.ranges), say_percent(found.expected / found.ranges)
    return words.say("score_tally_outcome", found.ranges, held=held, stated=stated)
