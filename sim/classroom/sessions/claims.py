"""What a student may send: a nickname, a choice of settings, a range with a confidence; checked before it is kept.

Reads   text and numbers as they were typed.
Gives   `Claim` and clean names, or a `Refused` that says what was found and what was expected.
Assumed Whatever decides how campaigns are run, reads a file or moves the last day is no part of a claim: only scenario,
        policies, numbers of rules and events are.

What campaigns answer to a claim, and how well its range was calibrated. Predictions are scored, never what happened.

A claim about an *effect* is held against the mean of the paired differences to the baseline (one number, known to its
95 % interval). A claim about an *outcome* is held against the outcomes of all campaigns of its choice.

Source  Interval score: Winkler 1972; Gneiting and Raftery 2007, section 6.2: width, and 2 / (1 - confidence) for each
        unit by which the range is missed. It is lowest, on average, for who says the honest range.
Assumed Campaigns are independent of each other; two standard errors tell a share that is off from chance.
"""

import json
import math
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sim.classroom.choice.form import Overrides
from sim.classroom.choice.parse import read_overrides
from sim.classroom.texts import texts_of
from sim.errors import PanjError

LONGEST_NAME, LONGEST_REASON = 24, 300  # letters
MOST_OVERRIDES, LONGEST_OVERRIDE = 40, 200
LARGEST = 1e9  # of a bound, in the unit of the outcome
LOWEST_CONFIDENCE, USUAL_CONFIDENCE, HIGHEST_CONFIDENCE = 0.5, 0.9, 0.99
EFFECT, OUTCOME = "effect", "outcome"  # what a range is about
ABOUT = (EFFECT, OUTCOME)
NO_DECISION = ("calibration", "timeline")  # where numbers and events come from is the same for all
JOINERS = "\u200c\u200d"  # which Persian and other scripts need; no part of what makes two names differ
NUMBER = re.compile(r"[+-]?\d{1,3}([ ,]\d{3})+(\.\d+)?|[+-]?\d{1,12}(\.\d{1,9})?")


class Refused(PanjError):
    """What a teacher or a student asked for, and may not have; its text stands in text/en/class.yaml."""

    def __init__(self, why: str, **values: object) -> None:
        self.why = why
        super().__init__(texts_of("class").say(f"refused_{why}", None, **values))


class Claim(NamedTuple):
    """A choice of settings, and the range within which the effect or the outcome is said to lie."""

    overrides: Overrides
    low: float  # in the unit of the outcome; of an effect: the difference to the baseline
    high: float
    confidence: float = USUAL_CONFIDENCE  # share of such ranges that ought to hold what they are about
    why: str = ""

    @property
    def direction(self) -> str:
        """Which way the effect is said to go: lower, higher, or either."""
        return "lower" if self.high < 0 else "higher" if self.low > 0 else "either"


def number_typed(text: str) -> float:
    """A number as people type it: 1,037 or 1 037 or -12.5; Refused for what could be read in two ways."""
    plain = " ".join(text.split()).replace("\u2212", "-").removesuffix("%").strip()
    if not NUMBER.fullmatch(plain):
        raise Refused("odd_number", found=plain[:LONGEST_NAME])
    return float(re.sub("[ ,]", "", plain))


def clean_name(text: str, what: str) -> str:
    """A nickname or the name of a team: one line of letters, digits and signs, without hidden characters."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise Refused("long_name", what=what, found=len(name), most=LONGEST_NAME)
    if hidden(name) or not any(letter.isalnum() for letter in name):
        raise Refused("odd_name", what=what)
    return name


def clean_reason(text: str) -> str:
    """A reason in a few lines; hidden characters are left out."""
    lines = [" ".join(line.split()) for line in unicodedata.normalize("NFC", text).splitlines()]
    reason = "\n".join(line for line in lines if line)
    if len(reason) > LONGEST_REASON:
        raise Refused("long_reason", found=len(reason), most=LONGEST_REASON)
    return "".join(letter for letter in reason if letter == "\n" or not hidden(letter))


def hidden(text: str) -> bool:
    """Whether there are characters that control, reverse or hide what stands beside them."""
    return any(unicodedata.category(letter).startswith("C") and letter not in JOINERS for letter in text)


def folded(name: str) -> str:
    """What makes two names the same: neither case nor width of letters, nor hidden joiners, set them apart."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKC", name) if letter not in JOINERS)
    return " ".join(plain.casefold().split())


def clean_overrides(overrides: Sequence[str]) -> Overrides:
    """A choice of settings that a claim may be about, as the form writes it; PanjError for what is none."""
    if len(overrides) > MOST_OVERRIDES:
        raise Refused("many_words", found=len(overrides), most=MOST_OVERRIDES)
    if any(len(word) > LONGEST_OVERRIDE for word in overrides):
        raise Refused("long_word", most=LONGEST_OVERRIDE)
    form, aside = read_overrides(overrides)
    barred = [*aside, *form.dates, *(key for key in NO_DECISION if key in form.chosen)]
    if barred:
        raise Refused("forbidden_key", found=barred[0])
    return form.overrides()


def checked_claim(claim: Claim, about: str) -> Claim:
    """The claim with clean words and reason; numbers that are numbers, in order, within bounds."""
    for bound in (claim.low, claim.high):
        if not math.isfinite(bound) or abs(bound) > LARGEST:
            raise Refused("odd_bound", found=bound)
    if not claim.low < claim.high:
        raise Refused("no_range", low=f"{claim.low:g}", high=f"{claim.high:g}")
    if about == OUTCOME and claim.high < 0:
        raise Refused("below_nothing", high=f"{claim.high:g}")
    if not LOWEST_CONFIDENCE <= claim.confidence <= HIGHEST_CONFIDENCE:
        raise Refused("odd_confidence", found=f"{100 * claim.confidence:g}")
    return claim._replace(overrides=clean_choice(claim.overrides, about), why=clean_reason(claim.why))


def clean_choice(overrides: Sequence[str], about: str) -> Overrides:
    """A choice of settings on which there is something to say."""
    found = clean_overrides(overrides)
    if about == EFFECT and not found:
        raise Refused("nothing_chosen")
    return found


INSIDE, BELOW, ABOVE, EDGE = "inside", "below", "above", "edge"  # where an effect lies, seen from the range
NARROW, FITTING, WIDE = "narrow", "fitting", "wide"  # how a range for the outcome fits its confidence
ENDS = (0.05, 0.95)  # quantiles between which nine campaigns in ten lie
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
    from sim.compare.pairs import judge  # SciPy, slow to import

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
