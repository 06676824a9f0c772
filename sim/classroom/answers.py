"""What campaigns answer to a claim, and how well its range was calibrated. Predictions are scored, never what happened.

A claim about an *effect* is held against the mean of the paired differences to the baseline (one number, known to its
95 % interval). A claim about an *outcome* is held against the outcomes of all campaigns of its choice.

Source  Interval score: Winkler 1972; Gneiting and Raftery 2007, section 6.2: width, and 2 / (1 - confidence) for each
        unit by which the range is missed. It is lowest, on average, for who says the honest range.
Assumed Campaigns are independent of each other; two standard errors tell a share that is off from chance.
"""

import json
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sim.classroom.claims import EFFECT, Claim

INSIDE, BELOW, ABOVE, EDGE = "inside", "below", "above", "edge"  # where an effect lies, seen from the range
NARROW, FITTING, WIDE = "narrow", "fitting", "wide"  # how a range for the outcome fits its confidence
ERRORS = 2.0  # standard errors that count as chance


class Answer(NamedTuple):
    """The campaigns of one choice of settings on one outcome, pair by pair with the baseline's."""

    values: tuple[float, ...]  # of campaigns that have one, by seed
    effects: tuple[float, ...]  # of pairs that have one, by seed
    missing: int  # campaigns without a value
    mean: float  # of the effects; nan where nothing can be said
    low: float  # its 95 % interval
    high: float
    calibration: str  # where the uncertain numbers came from
    error: str = ""  # why there are no campaigns


class Score(NamedTuple):
    """How a range did; in the unit of the outcome. Lower is better."""

    verdict: str
    held: float  # share of what it was held against that lies inside
    width: float
    miss: float  # how far, on average, that lies outside
    penalty: float
    total: float
    best: float  # what the middle range of the campaigns themselves would have; nan for an effect


def answer_of(table: pa.Table, base: pa.Table, outcome: str, calibration: str) -> Answer:
    """What two tables of campaigns say of an outcome; they are paired by seed."""
    from sim.study.paired import judge  # SciPy, slow to import

    ours, theirs = by_seed(table, outcome), by_seed(base, outcome)
    pairs = sorted(ours.keys() & theirs.keys())
    found = judge(np.array([ours[seed] for seed in pairs]), np.array([theirs[seed] for seed in pairs]))
    return Answer(
        tuple(ours[seed] for seed in sorted(ours)),
        tuple(ours[seed] - theirs[seed] for seed in pairs),
        table.num_rows - len(ours),
        found.mean_difference, found.mean_low, found.mean_high, calibration,
    )  # fmt: skip


def failed(error: str) -> Answer:
    """Campaigns that did not come to their end."""
    return Answer((), (), 0, math.nan, math.nan, math.nan, "", error)


def by_seed(table: pa.Table, outcome: str) -> dict[int, float]:
    """An outcome of campaigns that have a value, by seed."""
    rows = zip(table["seed"].to_pylist(), table[outcome].to_pylist(), strict=True)
    return {seed: float(value) for seed, value in rows if value is not None and not math.isnan(value)}


def text_of(answer: Answer) -> str:
    """An answer as it is kept, to the last digit."""
    return json.dumps(answer._asdict())


def answer_from(text: str) -> Answer:
    """An answer that was kept."""
    kept = json.loads(text)
    return Answer(**(kept | {key: tuple(kept[key]) for key in ("values", "effects")}))


def score_of(claim: Claim, about: str, answer: Answer) -> Score | None:
    """How well the range was calibrated; None where the campaigns say nothing."""
    held_against = np.array([answer.mean] if about == EFFECT else answer.values)
    if held_against.size == 0 or np.isnan(held_against).any():
        return None
    inside = (held_against >= claim.low) & (held_against <= claim.high)
    total = interval_score(claim.low, claim.high, claim.confidence, held_against)
    width = claim.high - claim.low
    miss = (total - width) * (1 - claim.confidence) / 2
    held = float(inside.mean())
    if about == EFFECT:
        return Score(verdict_on_effect(claim, answer), held, width, miss, total - width, total, math.nan)
    low, high = middle(held_against, claim.confidence)
    best = interval_score(low, high, claim.confidence, held_against)
    verdict = verdict_on_share(held, claim.confidence, held_against.size)
    return Score(verdict, held, width, miss, total - width, total, best)


def interval_score(low: float, high: float, confidence: float, values: np.ndarray) -> float:
    """The mean interval score (Winkler 1972) of a central range: low is good."""
    outside = np.maximum(low - values, 0) + np.maximum(values - high, 0)
    return float(high - low + 2 / (1 - confidence) * outside.mean())


def middle(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """The central range that holds this share of campaigns: the best that one could have said."""
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def verdict_on_effect(claim: Claim, answer: Answer) -> str:
    """Where the mean effect lies; on the edge where the campaigns are too few to tell."""
    if any(answer.low < bound < answer.high for bound in (claim.low, claim.high)):
        return EDGE
    return BELOW if answer.mean < claim.low else ABOVE if answer.mean > claim.high else INSIDE


def verdict_on_share(held: float, confidence: float, campaigns: int) -> str:
    """Whether a range held as many campaigns as it said it would, but for chance."""
    chance = ERRORS * math.sqrt(confidence * (1 - confidence) / campaigns)
    return NARROW if held < confidence - chance else WIDE if held > confidence + chance else FITTING


class Tally(NamedTuple):
    """How often the ranges of a team, or of a whole class, held what they were about."""

    ranges: int
    held: float  # ranges that held it; one about an outcome counts by the share of campaigns that it held
    expected: float  # as many ought to have, by the confidence that was stated


def tally(scored: Sequence[tuple[Claim, Score]]) -> Tally:
    """Ranges with their scores, counted."""
    held = sum(score.held for _, score in scored)
    return Tally(len(scored), held, sum(claim.confidence for claim, _ in scored))
