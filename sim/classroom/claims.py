"""What a student may send: a nickname, a choice of settings, a range with a confidence; checked before it is kept.

Reads   text and numbers as they were typed.
Gives   `Claim` and clean names, or a `Refused` that says what was found and what was expected.
Assumed Whatever decides how campaigns are run, reads a file or moves the last day is no part of a claim: only scenario,
        policies, numbers of rules and events are.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from sim.classroom.typed import read_words
from sim.classroom.words import words_of
from sim.errors import PanjError

Words = tuple[str, ...]
LONGEST_NAME, LONGEST_REASON = 24, 300  # letters
MOST_WORDS, LONGEST_WORD = 40, 200
LARGEST = 1e9  # of a bound, in the unit of the outcome
LOWEST_CONFIDENCE, USUAL_CONFIDENCE, HIGHEST_CONFIDENCE = 0.5, 0.9, 0.99
EFFECT, OUTCOME = "effect", "outcome"  # what a range is about
ABOUT = (EFFECT, OUTCOME)
NO_DECISION = ("calibration", "timeline")  # where numbers and events come from is the same for all
JOINERS = "\u200c\u200d"  # which Persian and other scripts need; no part of what makes two names differ
NUMBER = re.compile(r"[+-]?\d{1,3}([ ,]\d{3})+(\.\d+)?|[+-]?\d{1,12}(\.\d{1,9})?")


class Refused(PanjError):
    """What a teacher or a student asked for, and may not have; its text stands in words/en/class.yaml."""

    def __init__(self, why: str, **values: object) -> None:
        self.why = why
        super().__init__(words_of("class").say(f"refused_{why}", None, **values))


class Claim(NamedTuple):
    """A choice of settings, and the range within which the effect or the outcome is said to lie."""

    words: Words
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


def clean_words(words: Sequence[str]) -> Words:
    """A choice of settings that a claim may be about, as the form writes it; PanjError for what is none."""
    if len(words) > MOST_WORDS:
        raise Refused("many_words", found=len(words), most=MOST_WORDS)
    if any(len(word) > LONGEST_WORD for word in words):
        raise Refused("long_word", most=LONGEST_WORD)
    form, aside = read_words(words)
    barred = [*aside, *form.dates, *(key for key in NO_DECISION if key in form.chosen)]
    if barred:
        raise Refused("forbidden_key", found=barred[0])
    return form.words()


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
    return claim._replace(words=chosen_words(claim.words, about), why=clean_reason(claim.why))


def chosen_words(words: Sequence[str], about: str) -> Words:
    """A choice of settings on which there is something to say."""
    found = clean_words(words)
    if about == EFFECT and not found:
        raise Refused("nothing_chosen")
    return found
