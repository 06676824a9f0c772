"""Mark answers with the student's own campaigns and many others, and explain the marks in sentences.

Reads   an answer, the sheet of the student, campaigns; text/<language>/marks.yaml.
Returns `Mark`: points, remarks and flags.
Marks   A number is correct if it is in the 95 % interval of the student's own campaigns, or within three standard
        errors (own and reference combined) of the estimate from many others; rounding is allowed. A choice is correct
        if its distance from the best may be due to sampling error alone. A correct conclusion from a single campaign
        earns no points, and one from too few campaigns earns half, because the reasoning is marked.
"""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import NamedTuple

from sim.classroom.lessons.estimates import (
    SHARES,
    CampaignSource,
    Estimate,
    Sample,
    estimate,
    rank_choices,
    reported_inside,
    verdict,
)
from sim.classroom.lessons.forecasts import describe_student_score
from sim.classroom.lessons.lesson import (
    CHOSEN,
    FORECAST,
    NUMBERS,
    RANGES,
    Sheet,
    Task,
    TaskOutcome,
    answered_rows,
    outcome_of,
)
from sim.classroom.sessions.claims import ENDS
from sim.classroom.texts import texts_of
from sim.data.record import evidence
from sim.errors import PanjError, nearest
from sim.wording import COUNTED, Language, whole

ERRORS = 3.0  # largest distance of a correct answer from the reference, in standard errors
REFERENCE_SEED = 100_000  # first seed of the reference campaigns, above the seeds of all students
ROUNDED = 0.005  # allowed rounding error, relative for numbers above 1, otherwise absolute
READ = 0.05  # allowed relative error of a number read from a chart
OF_THESE_ALONE = ("first_campaign", "best_group_gap")  # measures that depend on which campaigns were run
MOST_RUNS = 1000
MOST_LETTERS = 2000  # largest number of characters of a text answer
LONGEST_NUMBER = 1e12
Value = float | tuple[float, ...] | str


class Answer(NamedTuple):
    """An answer of a student, and the number of campaigns on which it is based (0 if it needs none)."""

    value: Value
    runs: int = 0


class Mark(NamedTuple):
    """The points that an answer earns, with remarks and flags."""

    task: str
    points: float
    most: int
    says: tuple[str, ...]
    flags: tuple[str, ...]


class Checked(NamedTuple):
    """The answer that is kept for the hand-in after a student has checked one, and what the student is told."""

    kept: Answer | None
    mark: Mark | None  # None if the answer was not checked, or another one counts
    trouble: str = ""  # why it was not checked


class Judgement(NamedTuple):
    """The share of the points that an answer earns, with sentences that explain it."""

    part: float
    says: tuple[str, ...]


def check(
    sheet: Sheet,
    task: Task,
    before: Answer | None,
    answer: Answer,
    campaigns: CampaignSource,
    first: Callable[[Answer], Answer] | None = None,
) -> Checked:
    """Check an answer before the hand-in, on the page and in a notebook.

    An answer that rests on too few campaigns is not checked; it is kept unless one that rests on enough is kept. Of
    several choices the first that is checked counts.

    Args:
        sheet: The sheet of the student.
        task: A task of the sheet.
        before: The answer kept so far; None if there is none.
        answer: The new answer.
        campaigns: Source of the student's campaigns.
        first: Returns the first choice of the student on this task, given a checked one; None if `before` is that.

    Returns:
        The answer to keep, and its mark or why it was not checked.

    Raises:
        PanjError: The answer is of the wrong kind or out of range, or campaigns are not available.
    """
    texts = texts_of("marks")
    if answer.runs < task.needs:
        is_kept = answer.runs > 0 and not (before and before.runs >= task.needs)
        if is_kept:
            check_answer(task, answer)
        return Checked(answer if is_kept else before, None, texts.say("too_few", answer.runs, needs=task.needs))
    judged, kept = mark(sheet, task, answer, campaigns), answer
    if is_final(task, answer):
        kept = first(answer) if first else before if before and is_final(task, before) else answer
    return Checked(kept, judged if kept == answer else None)


def is_final(task: Task, given: Answer) -> bool:
    """Return whether an answer can no longer be changed: a choice that rests on enough campaigns."""
    return task.kind in CHOSEN and given.runs >= task.needs


def mark(sheet: Sheet, task: Task, answer: Answer | None, campaigns: CampaignSource, reference: int = 0) -> Mark:
    """Mark one answer.

    Args:
        sheet: The sheet of the student.
        task: A task of the sheet.
        answer: The answer; None if there is none.
        campaigns: Source of the student's campaigns and of those with which they are compared.
        reference: Number of other campaigns with which the answer is compared; 0 if a student checks an answer before
            handing it in, in which case the remarks do not reveal the result.

    Returns:
        Points, remarks and flags.

    Raises:
        PanjError: The answer is of the wrong kind or out of range, or campaigns are not available.
    """
    texts = texts_of("marks")
    if answer is None:
        return Mark(task.key, 0, task.points, (texts.say("missing"),), ())
    check_answer(task, answer)
    judged = judge(sheet, task, answer, campaigns, reference, texts)
    flags = flags_of(task, answer, texts)
    part = judged.part * credit_for_runs(task, answer.runs)
    says = judged.says if part or not judged.part else tuple(said for said in judged.says if said != texts.say("right"))
    may_tell = task.kind != FORECAST or reference  # the result is not revealed while the range can be changed
    because = (task.because,) if task.because and part and may_tell else ()
    return Mark(task.key, round(part * task.points, 2), task.points, (*says, *because), flags)


def check_answer(task: Task, answer: Answer) -> None:
    """Raise PanjError if an answer is of the wrong kind, out of range, or lacks its number of campaigns."""
    value, runs = answer
    where = f"answer {task.key}"
    if isinstance(runs, bool) or not isinstance(runs, int) or not 0 <= runs <= MOST_RUNS:
        raise PanjError(f"{where}, runs: found {str(runs)[:40]}, expected a whole number from 0 to {MOST_RUNS}")
    if task.kind in NUMBERS:
        check_number(where, value)
    elif task.kind in RANGES:
        check_range(where, value, 4 if task.kind == FORECAST else 2)
    elif not isinstance(value, str):
        raise PanjError(f"{where}: found {str(value)[:40]}, expected text")
    elif len(value) > MOST_LETTERS:
        raise PanjError(f"{where}: found {len(value)} characters, expected at most {MOST_LETTERS}")
    elif task.kind in CHOSEN and value not in task.choices:
        close = nearest(value, task.choices)
        raise PanjError(f"{where}: found '{value[:60]}', expected one of {'; '.join(task.choices)}{close}")
    if task.needs and runs < 1:
        raise PanjError(f"{where}, runs: found none, expected the number of campaigns on which the answer is based")


def check_range(where: str, value: object, count: int) -> None:
    """Raise PanjError unless a value is a tuple of `count` numbers in ascending order."""
    if not isinstance(value, tuple) or len(value) != count:
        said = (
            "two numbers, the lower first" if count == 2 else "four numbers: low 90 %, low 50 %, high 50 %, high 90 %"
        )
        raise PanjError(f"{where}: found {str(value)[:40]}, expected {said}")
    for one in value:
        check_number(where, one)
    for low, high in pairwise(value):
        if low > high:
            raise PanjError(f"{where}: found {low:g} before {high:g}, expected the lower number first")


def check_number(where: str, value: object) -> None:
    """Raise PanjError unless a value is a number from -`LONGEST_NUMBER` to `LONGEST_NUMBER`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LONGEST_NUMBER:
        raise PanjError(f"{where}: found {str(value)[:40]}, expected a number")


def credit_for_runs(task: Task, runs: int) -> float:
    """Return the share of a task's points for a correct answer that is based on `runs` campaigns."""
    if runs >= task.needs:
        return 1.0
    return 0.0 if runs <= 1 else 0.5


def flags_of(task: Task, answer: Answer, texts: Language) -> tuple[str, ...]:
    """Return a flag if an answer is based on fewer campaigns than its task needs; otherwise return an empty tuple."""
    if answer.runs >= task.needs:
        return ()
    if answer.runs == 1:
        return (texts.say("one_run", needs=task.needs),)
    return (texts.say("few_runs", answer.runs, needs=task.needs, wider=f"{math.sqrt(task.needs / answer.runs):.1f}"),)


def judge(
    sheet: Sheet, task: Task, answer: Answer, campaigns: CampaignSource, reference: int, texts: Language
) -> Judgement:
    """Judge an answer by the rule for the kind of its task."""
    own = Sample(campaigns, sheet.first_seed, answer.runs)
    others = Sample(campaigns, REFERENCE_SEED, reference) if reference else None
    if task.kind == "number":
        return judge_number(sheet, task, answer.value, own, others, texts)
    if task.kind == "range":
        return judge_range(sheet, task, answer.value, own, others, texts)
    if task.kind == FORECAST:
        assert isinstance(answer.value, tuple)
        said = describe_student_score(task, answer.value, texts) if reference else texts.say("forecast_kept")
        return Judgement(1.0, (said,))
    if task.kind == "guess":
        return judge_guess(sheet, task, answer, own, texts)
    if task.kind in ("verdict", "inside", "pick"):
        return judge_choice(sheet, task, str(answer.value), own, others, texts)
    return judge_without_campaigns(task, answer.value, texts)


def judge_without_campaigns(task: Task, value: Value, texts: Language) -> Judgement:
    """Judge an answer that depends only on the sheet or the evidence."""
    if task.kind == "exact":
        return right_or(value == float(task.right), texts.say("exact_no"), texts)
    if task.kind == "quiz":
        return right_or(value == task.right, texts.say("quiz_no"), texts)
    if task.kind == "evidence":
        return judge_row(task, str(value).strip().upper(), texts)
    return Judgement(1.0 if str(value).strip() else 0.0, (texts.say("words_read"),))


def right_or(is_right: bool, no: str, texts: Language) -> Judgement:
    """Return full credit if an answer is correct, or else no credit with the explanation `no`."""
    return Judgement(1.0, (texts.say("right"),)) if is_right else Judgement(0.0, (no,))


def judge_row(task: Task, id: str, texts: Language) -> Judgement:
    """Judge the id of a row of the evidence.

    If the task names a row, the answer must conflict with it. Otherwise the answer must be a row that is neither an
    input of the model nor compared with an outcome.
    """
    rows = evidence()
    if id not in rows:
        return Judgement(0.0, (texts.say("row_unknown", id=id[:20]),))
    if task.row:
        is_right = id in rows[task.row].conflicts or task.row in rows[id].conflicts
        return right_or(is_right, texts.say("row_no_conflict", id=id, row=task.row), texts)
    is_right = id not in answered_rows() and rows[id].use != "input"
    return right_or(is_right, texts.say("row_answered", id=id), texts)


def judge_guess(sheet: Sheet, task: Task, answer: Answer, own: Sample, texts: Language) -> Judgement:
    """Give full credit to a guess; if campaigns were run later, state whether their result is in its range."""
    if not answer.runs or not isinstance(answer.value, tuple):
        return Judgement(1.0, (texts.say("guessed"),))
    found = estimate(sheet, task, own)
    low, high = answer.value
    key = "guess_holds" if low <= found.number <= high else "guess_misses"
    return Judgement(1.0, (texts.say(key, answer.runs, number=format_answer(found.number, task)),))


def judge_number(
    sheet: Sheet, task: Task, value: Value, own: Sample, others: Sample | None, texts: Language
) -> Judgement:
    """Judge a number by the student's own campaigns and, if given, by others."""
    assert isinstance(value, int | float)
    found = estimate(sheet, task, own)
    said = format_estimate(found, task, texts)
    if others is None:  # a student's own check does not reveal the number
        return right_or(fits(value, found), texts.say("number_check", answer=f"{value:,.6g}"), texts)
    if task.measure in OF_THESE_ALONE:
        return right_or(fits(value, found), texts.say("number_no", answer=f"{value:,.6g}", found=said), texts)
    reference = estimate(sheet, task, others)
    is_near = near(value, found, reference)
    told = texts.say("reference", reference.campaigns, number=format_answer(reference.number, task))
    if fits(value, found):
        unlucky = () if is_near or math.isnan(found.error) else (texts.say("unlucky"),)
        return Judgement(1.0, (texts.say("right"), *unlucky, told))
    if is_near:
        return Judgement(1.0, (texts.say("not_own", found=said), told))
    return Judgement(0.0, (texts.say("number_no", answer=f"{value:,.6g}", found=said), told))


def fits(value: float, found: Estimate) -> bool:
    """Return whether an answer is in the interval of an estimate, with an allowance for rounding.

    If the estimate has no interval, the answer may differ from it by the error of reading a number from a picture.
    """
    room = max(rounding(found.number), READ * abs(found.number) if math.isnan(found.low) else 0.0)
    low = found.number if math.isnan(found.low) else min(found.low, found.number)
    high = found.number if math.isnan(found.high) else max(found.high, found.number)
    return low - room <= value <= high + room


def near(value: float, own: Estimate, reference: Estimate) -> bool:
    """Return whether sampling error and rounding may explain the distance of an answer from the reference."""
    if math.isnan(own.error):
        return False  # a single campaign has no sampling error
    return abs(value - reference.number) <= ERRORS * math.hypot(own.error, reference.error) + rounding(value)


def rounding(number: float) -> float:
    """Return the largest allowed rounding error of a number."""
    return max(ROUNDED, ROUNDED * abs(number))


def judge_range(
    sheet: Sheet, task: Task, value: Value, own: Sample, others: Sample | None, texts: Language
) -> Judgement:
    """Judge a range; each end earns half of the points."""
    assert isinstance(value, tuple)
    parts = []
    for place, (end, name) in enumerate(zip(ENDS, ("low", "high"), strict=True)):
        one = task._replace(measure="quantile", quantile=end)
        judged = judge_number(sheet, one, value[place], own, others, texts)
        parts.append(Judgement(judged.part / 2, tuple(texts.say(f"end_{name}", said=said) for said in judged.says)))
    return Judgement(sum(part.part for part in parts), tuple(said for part in parts for said in part.says))


def judge_choice(
    sheet: Sheet, task: Task, value: str, own: Sample, others: Sample | None, texts: Language
) -> Judgement:
    """Judge a choice by the student's own campaigns and, if given, by others."""
    allowed, said = allowed_of(sheet, task, own, texts)
    if others is None:  # a student's own check does not reveal the conclusion
        return right_or(value in allowed, texts.say("choice_check", own.runs), texts)
    elsewhere, told = allowed_of(sheet, task, others, texts)
    told = texts.say("elsewhere", others.runs, said=told)
    if value in allowed:
        return Judgement(1.0, (texts.say("right"), *(() if value in elsewhere else (texts.say("unlucky"),)), told))
    if value in elsewhere:
        return Judgement(0.5, (texts.say("not_shown", said=said), told))
    return Judgement(0.0, (said, told))


def allowed_of(sheet: Sheet, task: Task, sample: Sample, texts: Language) -> tuple[set[str], str]:
    """Return the correct answers according to a sample of campaigns, with a sentence that explains them."""
    if task.kind == "inside":
        found = reported_inside(sheet, task, sample)
        return found, texts.say("inside_both" if len(found) > 1 else f"inside_{found.copy().pop()}")
    if task.kind == "verdict":
        number = estimate(sheet, task, sample)
        said = verdict(number)
        return {said}, texts.say("verdict", found=format_estimate(number, task, texts), verdict=said)
    scores: Mapping[str, tuple[float, bool]] = rank_choices(sheet, task, sample)
    allowed = [choice for choice, (_, may_be) in scores.items() if may_be]
    return set(allowed), texts.say("pick", choices=texts.listed(allowed))


def format_estimate(found: Estimate, task: Task, texts: Language) -> str:
    """Format an estimate with its interval and number of campaigns."""
    if math.isnan(found.low):
        return texts.say("found_one", number=format_answer(found.number, task))
    low, high = format_answer(found.low, task), format_answer(found.high, task)
    return texts.say("found", found.campaigns, number=format_answer(found.number, task), low=low, high=high)


def format_answer(number: float, task: Task) -> str:
    """Format a number for a task.

    Args:
        number: The number, in the unit of the outcome.
        task: The task, which determines whether the number is a share.

    Returns:
        The number with three decimals if it is a share, without decimals if it is a count or at least 100, and
        otherwise with one decimal.
    """
    asked: TaskOutcome | None = outcome_of(task.outcome) if task.outcome else None
    if task.measure in SHARES or (asked is not None and asked.is_share):
        return f"{number:.3f}"
    if asked is not None and asked.unit in COUNTED:
        return whole(number)
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.1f}"


def total(marks: list[Mark]) -> tuple[float, int]:
    """Return the total of the points earned, and the maximum."""
    return round(sum(one.points for one in marks), 2), sum(one.most for one in marks)
