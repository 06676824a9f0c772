"""Check the claims of students, compare them with campaigns, and score them.

A claim is a choice of settings and a predicted range with a confidence. It is scored against campaigns, never against
history: a claim about an *effect* against the mean of the paired differences from the baseline (one number with a 95 %
interval), a claim about an *outcome* against the outcomes of all campaigns of its choice.

Reads   text and numbers as typed; tables of outcomes.
Source  Interval score: Winkler 1972; Gneiting and Raftery 2007, section 6.2: the width, plus 2 / (1 - confidence) times
the distance of a value outside the range. Its expected value is lowest if the range states the student's true belief.
Assumes A claim may set only the scenario, policies, numbers of rules and events; settings that determine how campaigns
        are run, name a file or change the first or last day are refused. Campaigns are independent; differences
        within two standard errors count as sampling error.
"""

import json
import math
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sim.classroom.choice.parse import read_overrides
from sim.classroom.digits import in_ascii, number_in
from sim.classroom.texts import texts_of
from sim.configuration.overrides import Overrides
from sim.errors import PanjError

LONGEST_NAME, LONGEST_REASON = 24, 300  # largest numbers of characters
MOST_OVERRIDES, LONGEST_OVERRIDE = 40, 200
LARGEST = 1e9  # largest bound, in the unit of the outcome
LOWEST_CONFIDENCE, USUAL_CONFIDENCE, HIGHEST_CONFIDENCE = 0.5, 0.9, 0.99
EFFECT, OUTCOME = "effect", "outcome"  # quantity predicted by a range
ABOUT = (EFFECT, OUTCOME)
NO_DECISION = ("calibration", "worlds", "timeline")  # sources of numbers and events, which are the same for everybody
JOINERS = "\u200c\u200d"  # zero-width characters needed in Persian and other scripts, ignored when names are compared


class Refused(PanjError):
    """The error for a request that is refused; `why` is the key of its text in text/en/class.yaml."""

    def __init__(self, why: str, **values: object) -> None:
        self.why = why
        super().__init__(texts_of("class").say(f"refused_{why}", None, **values))


class Claim(NamedTuple):
    """A choice of settings, and the range predicted for its effect or outcome."""

    overrides: Overrides
    low: float  # lower bound in the unit of the outcome; for an effect, of the difference from the baseline
    high: float
    confidence: float = USUAL_CONFIDENCE  # expected share of such ranges that contain the result
    why: str = ""

    @property
    def direction(self) -> str:
        """The predicted direction of the effect: `lower`, `higher` or `either`."""
        return "lower" if self.high < 0 else "higher" if self.low > 0 else "either"


def number_typed(text: str) -> float:
    """Parse a number typed by a person.

    Args:
        text: The number, such as `1,037`, `1 037`, `-12.5` or `34 %`, in the digits of any script.

    Returns:
        The number without its per cent sign, such as 34.

    Raises:
        Refused: The text is not a number, or is ambiguous, such as `1,5`.
    """
    number = number_in(text, takes_decimal_comma=False)
    if number is None:
        raise Refused("odd_number", found=" ".join(in_ascii(text).split())[:LONGEST_NAME])
    return number


def clean_name(text: str, what: str) -> str:
    """Check a name and return it on one line.

    Raise Refused if the name is empty or too long, contains hidden characters, or has no letter or digit.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise Refused("long_name", what=what, found=len(name), most=LONGEST_NAME)
    if hidden(name) or not any(letter.isalnum() for letter in name):
        raise Refused("odd_name", what=what)
    return name


def clean_reason(text: str) -> str:
    """Return a claim's reason without empty lines or hidden characters, or raise Refused if the reason is too long."""
    lines = [" ".join(line.split()) for line in unicodedata.normalize("NFC", text).splitlines()]
    reason = "\n".join(line for line in lines if line)
    if len(reason) > LONGEST_REASON:
        raise Refused("long_reason", found=len(reason), most=LONGEST_REASON)
    return "".join(letter for letter in reason if letter == "\n" or not hidden(letter))


def hidden(text: str) -> bool:
    """Return whether a text contains control characters, or characters that reverse or hide text."""
    return any(unicodedata.category(letter).startswith("C") and letter not in JOINERS for letter in text)


def folded(name: str) -> str:
    """Normalise a name so that names are compared without regard to case, letter width, joiners and extra spaces."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKC", name) if letter not in JOINERS)
    return " ".join(plain.casefold().split())


def clean_overrides(overrides: Overrides) -> Overrides:
    """Check the choice of settings of a claim, and put it in canonical form.

    Args:
        overrides: The choice of settings.

    Returns:
        The same choice, with its overrides in canonical order.

    Raises:
        PanjError: A setting is invalid, or is not allowed in a claim.
    """
    if len(overrides) > MOST_OVERRIDES:
        raise Refused("many_words", found=len(overrides), most=MOST_OVERRIDES)
    if any(len(row.text) > LONGEST_OVERRIDE for row in overrides):
        raise Refused("long_word", most=LONGEST_OVERRIDE)
    form, aside = read_overrides(overrides)
    barred = [*aside.words, *form.dates, *(key for key in NO_DECISION if key in form.chosen)]
    if barred:
        raise Refused("forbidden_key", found=barred[0])
    return form.overrides()


def checked_claim(claim: Claim, about: str) -> Claim:
    """Check a claim and return it with canonical overrides.

    Raise Refused or PanjError if the choice, range, confidence or reason is not allowed.
    """
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


def clean_choice(overrides: Overrides, about: str) -> Overrides:
    """Return a choice in canonical form.

    Raise Refused if the question is about an effect and the choice is the baseline, which has no effect.
    """
    found = clean_overrides(overrides)
    if about == EFFECT and not found:
        raise Refused("nothing_chosen")
    return found


INSIDE, BELOW, ABOVE, EDGE = "inside", "below", "above", "edge"  # positions of an effect relative to the range
NARROW, FITTING, WIDE = "narrow", "fitting", "wide"  # verdicts on the width of a range for an outcome
ENDS = (0.05, 0.95)  # quantiles that bound the middle 90 % of campaigns
ERRORS = 2.0  # number of standard errors up to which a difference counts as sampling error


class Answer(NamedTuple):
    """One outcome in the campaigns of one choice: its values, and its differences from the baseline, paired by seed."""

    values: tuple[float, ...]  # in the order of seeds, without missing values
    effects: tuple[float, ...]  # paired differences from the baseline, in the order of seeds, without missing values
    missing: int  # campaigns without a value
    mean: float  # mean effect; NaN if there is none
    low: float  # lower end of the 95 % interval of the mean effect
    high: float
    calibration: str  # source of the uncertain numbers
    error: str = ""  # the error if the campaigns failed; empty if they did not


class Score(NamedTuple):
    """The score of a range, for which lower is better; all fields except `held` are in the unit of the outcome."""

    verdict: str
    held: float  # share of the results inside the range
    width: float
    miss: float  # mean distance of the results from the range, 0 for a result inside
    penalty: float
    total: float
    best: float  # score of the central range of the campaigns themselves; NaN for an effect


def answer_of(table: pa.Table, base: pa.Table, outcome: str, calibration: str, sampler_runs: int = 1) -> Answer:
    """Return the answer for a choice.

    Args:
        table: The outcomes of its campaigns, with their seeds.
        base: Those of the baseline.
        outcome: Name of the outcome.
        calibration: Source of the uncertain numbers.
        sampler_runs: Number of runs of the sampler from which the campaigns are, if they followed the record.
    """
    from sim.compare.pairs import judge  # SciPy, slow to import
    from sim.study.reader import runs_of_seeds

    ours, theirs = by_seed(table, outcome), by_seed(base, outcome)
    pairs = sorted(ours.keys() & theirs.keys())
    runs = runs_of_seeds(np.array(pairs, np.int64), sampler_runs)
    found = judge(np.array([ours[seed] for seed in pairs]), np.array([theirs[seed] for seed in pairs]), runs)
    return Answer(
        tuple(ours[seed] for seed in sorted(ours)),
        tuple(ours[seed] - theirs[seed] for seed in pairs),
        table.num_rows - len(ours),
        found.mean_difference, found.mean_low, found.mean_high, calibration,
    )  # fmt: skip


def failed(error: str) -> Answer:
    """Return the answer for a choice whose campaigns failed with an error."""
    return Answer((), (), 0, math.nan, math.nan, math.nan, "", error)


def by_seed(table: pa.Table, outcome: str) -> dict[int, float]:
    """Return the values of an outcome by seed.

    Args:
        table: One row per campaign, with `seed` and every outcome.
        outcome: Name of the outcome.

    Returns:
        The value of each campaign by its seed, without campaigns that have no value.
    """
    rows = zip(table["seed"].to_pylist(), table[outcome].to_pylist(), strict=True)
    return {seed: float(value) for seed, value in rows if value is not None and not math.isnan(value)}


def dump_answer(answer: Answer) -> str:
    """Convert an answer to JSON without loss of precision."""
    return json.dumps(answer._asdict())


def load_answer(text: str) -> Answer:
    """Convert stored JSON to an answer."""
    kept = json.loads(text)
    return Answer(**(kept | {key: tuple(kept[key]) for key in ("values", "effects")}))


def score_of(claim: Claim, about: str, answer: Answer) -> Score | None:
    """Score a claim against campaigns.

    Args:
        claim: The claim to score.
        about: What the range of the claim predicts: `effect` or `outcome`.
        answer: The result of the campaigns of the same choice.

    Returns:
        The score, or None if no campaign has a value.
    """
    results = np.array([answer.mean] if about == EFFECT else answer.values)
    if results.size == 0 or np.isnan(results).any():
        return None
    inside = (results >= claim.low) & (results <= claim.high)
    total = interval_score(claim.low, claim.high, claim.confidence, results)
    width = claim.high - claim.low
    miss = (total - width) * (1 - claim.confidence) / 2
    held = float(inside.mean())
    if about == EFFECT:
        return Score(verdict_on_effect(claim, answer), held, width, miss, total - width, total, math.nan)
    low, high = middle(results, claim.confidence)
    best = interval_score(low, high, claim.confidence, results)
    verdict = verdict_on_share(held, claim.confidence, results.size)
    return Score(verdict, held, width, miss, total - width, total, best)


def interval_score(low: float, high: float, confidence: float, values: np.ndarray) -> float:
    """Return the interval score (Winkler 1972) of a central range, averaged over values; lower is better."""
    outside = np.maximum(low - values, 0) + np.maximum(values - high, 0)
    return float(high - low + 2 / (1 - confidence) * outside.mean())


def middle(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """Return the range of the values without the share (1 - confidence) / 2 at each end."""
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def verdict_on_effect(claim: Claim, answer: Answer) -> str:
    """Return whether the mean effect is inside, below or above the range of a claim.

    If the 95 % interval of the mean effect contains an end of the range, return `EDGE` instead.
    """
    if any(answer.low < bound < answer.high for bound in (claim.low, claim.high)):
        return EDGE
    return BELOW if answer.mean < claim.low else ABOVE if answer.mean > claim.high else INSIDE


def verdict_on_share(held: float, confidence: float, campaigns: int) -> str:
    """Return whether a range is too narrow, appropriate or too wide for its confidence.

    It is appropriate if the share of campaigns inside it equals the confidence within two standard errors.
    """
    chance = ERRORS * math.sqrt(confidence * (1 - confidence) / campaigns)
    return NARROW if held < confidence - chance else WIDE if held > confidence + chance else FITTING


class Tally(NamedTuple):
    """Numbers of ranges with a score, of ranges that contain the result, and of ranges expected to contain it."""

    ranges: int
    held: float  # number of ranges that contain the result; for outcomes, the sum of the shares of campaigns inside
    expected: float  # sum of the stated confidences


def tally(scored: Sequence[tuple[Claim, Score]]) -> Tally:
    """Count scored claims, and add up their confidences and the shares of results inside their ranges."""
    held = sum(score.held for _, score in scored)
    return Tally(len(scored), held, sum(claim.confidence for claim, _ in scored))
