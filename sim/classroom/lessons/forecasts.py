"""Score forecasts as of the evening of 22 June 2021: ranges from students, from Panj and from exponential growth.

Reads   tasks of kind `forecast`; the evidence table; the record as it was known on that evening; and
        lessons/panj_2021_06_22.json, which `python -m sim.classroom.lessons.forecasts FOLDER` writes from a hindcast.
Returns the counts known on that evening; rows of ranges with their scores.
Source  Weighted interval score: `sim.hindcast.scores`; equal mixture: the linear opinion pool, Stone 1961.
Assumes The 90 % and 50 % ranges of a student are four quantiles. Between quantiles, probability is uniform; the 5 %
        below the lowest and above the highest quantile are placed at these quantiles. All forecasts use the same four
        quantiles for scoring.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sim.assimilation.observations import read_observations
from sim.classroom.lessons.lesson import FORECAST, Lesson, Task, folder_of_exercises
from sim.classroom.texts import texts_of
from sim.data.facts import facts_here, read_falls
from sim.data.record import evidence
from sim.engine.compile import fingerprint_of_rules
from sim.errors import PanjError
from sim.hindcast.design import PANJ, SOLDIERS, TARGETS
from sim.hindcast.naive import count_forecast, exponential_growth
from sim.hindcast.record import Reported, day_of, known_at, record_of
from sim.hindcast.scores import quantile_score
from sim.plots.tables import read_object, read_rows, reading
from sim.study.files import json_text, write_file
from sim.wording import Language, significant

ORIGIN = date(2021, 6, 22)  # the evening from which the students forecast
KNOWN_DAYS = (14, 8, 3, 0)  # days before the origin whose counts are shown
LEVELS = (0.05, 0.25, 0.75, 0.95)  # quantile levels of the ends of a 90 % and a 50 % range
MEMBERS = 1000  # number of members in each distribution that is mixed or fitted
SEED = 0
FEWEST = 2  # smallest number of students whose ranges are mixed
PANJ_FILE = "panj_2021_06_22.json"
COLUMNS = ("low_90", "low_50", "high_50", "high_90")  # columns of counts.csv of a hindcast
Ranges = tuple[float, ...]  # quantiles at LEVELS


class Row(NamedTuple):
    """One forecast for a task, with its score."""

    name: str
    ranges: Ranges
    score: float  # weighted interval score, in the unit of the target; lower is better


class Known(NamedTuple):
    """Counts that were known on the evening of the lesson."""

    day: date
    districts: float  # districts taken since 1 May
    soldiers: float  # soldiers who crossed since 1 May


@cache
def known_record() -> Reported:
    """Return the record as it was known on the evening of the lesson."""
    return known_at(ORIGIN, facts_here(), read_falls(), read_observations(tuple(evidence().values())))


def known_counts() -> list[Known]:
    """Return running totals of districts taken and soldiers who crossed, as known on the evening of the lesson.

    Returns:
        One row for each of a few days in chronological order, ending with that evening.
    """
    rows = list(TARGETS)
    districts, soldiers = (known_record().counts[rows.index(name)] for name in ("country", SOLDIERS))
    days = [ORIGIN - timedelta(days=back) for back in KNOWN_DAYS]
    return [Known(day, float(districts[day_of(day)]), float(soldiers[day_of(day)])) for day in days]


def reported_in(task: Task) -> float:
    """Return the figure reported for a task: the sum of the values in the task's evidence rows.

    Args:
        task: A task of kind `forecast`.

    Returns:
        The figure, in the unit of the target.

    Raises:
        PanjError: The task names no row, or a row has no value.
    """
    values = [evidence()[id].value for id in task.sum]
    if not values or None in values:
        raise PanjError(f"task {task.key}, sum: found {', '.join(task.sum) or 'nothing'}, expected rows with values")
    return float(sum(value for value in values if value is not None))


@cache
def whole_record() -> Reported:
    """Return the record up to 7 July 2021, against which hindcasts are scored."""
    return record_of(facts_here(), read_falls(), read_observations(tuple(evidence().values())))


def other_count(task: Task) -> float:
    """Return the count of dated falls or of soldiers who crossed that hindcasts for a task are scored against."""
    return float(whole_record().counts[list(TARGETS).index(task.target), day_of(date.fromisoformat(task.day))])


@cache
def growth(target: str, day: str) -> Ranges:
    """Forecast a count by exponential growth, fitted to the counts known on the evening of the lesson.

    Args:
        target: Count to forecast: a key of `sim.hindcast.design.TARGETS`.
        day: Day to forecast, as YYYY-MM-DD.

    Returns:
        The quantiles at `LEVELS`.
    """
    ahead, origin = (date.fromisoformat(day) - ORIGIN).days, day_of(ORIGIN)
    generator = np.random.default_rng([SEED, origin])
    found = count_forecast(exponential_growth, known_record(), origin, (ahead,), facts_here(), MEMBERS, generator)
    return tuple(np.quantile(found.paths[:, list(TARGETS).index(target), 0], LEVELS).tolist())


def mixture_of(students: Sequence[Ranges]) -> Ranges:
    """Mix the forecasts of students with equal weights.

    Args:
        students: The ranges of each student.

    Returns:
        The ranges of the mixture.
    """
    places = (np.arange(MEMBERS) + 0.5) / MEMBERS
    members = np.concatenate([np.interp(places, LEVELS, ranges) for ranges in students])
    return tuple(np.quantile(members, LEVELS).tolist())


@cache
def panj_file() -> Mapping[str, Any]:
    """Return the content of the file with Panj's forecasts; empty if the file is missing or damaged."""
    try:
        found = json.loads((folder_of_exercises() / "lessons" / PANJ_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def panj(target: str, day: str) -> Ranges | None:
    """Return the forecast of Panj for a target and a day.

    Args:
        target: Count to forecast: a key of `sim.hindcast.design.TARGETS`.
        day: Day to forecast, as YYYY-MM-DD.

    Returns:
        The quantiles at `LEVELS`; None if the file has no such forecast.
    """
    ranges = panj_file().get("forecasts", {}).get(target, {}).get(day)
    return tuple(map(float, ranges)) if ranges else None


def describe_panj(texts: Language) -> str:
    """Describe how the forecasts of Panj were made, or state that there are no such forecasts.

    Args:
        texts: The texts of forecasts.yaml.

    Returns:
        One or two sentences.
    """
    about = panj_file()
    if not about:
        return texts.say("no_panj")
    until = texts.day(date.fromisoformat(about["until"]))
    said = texts.say("panj_about", about["worlds"], until=until)
    return said if about["rules_fingerprint"] == fingerprint_of_rules() else f"{said} {texts.say('panj_other_rules')}"


def describe_worlds(texts: Language) -> str:
    """Return a note on the number of campaigns behind Panj's forecasts; empty if there are no forecasts."""
    return texts.say("panj_worlds", panj_file()["worlds"]) if panj_file() else ""


def compared(task: Task, own: Ranges, students: Sequence[Ranges] = ()) -> list[Row]:
    """Score all forecasts for a task against the reported figure.

    Args:
        task: A task of kind `forecast`.
        own: The ranges of the student.
        students: The ranges of all students in the class, including this student.

    Returns:
        One row per forecast: those of the student, of the class if it has at least `FEWEST` students, of Panj if it
        exists, and of exponential growth.
    """
    texts, reported = texts_of("forecasts"), reported_in(task)
    found = {texts.say("you"): own}
    if len(students) >= FEWEST:
        found[texts.say("class", len(students))] = mixture_of(students)
    if (ours := panj(task.target, task.day)) is not None:
        found[texts.say("panj")] = ours
    found[texts.say("growth")] = growth(task.target, task.day)
    return [Row(name, ranges, quantile_score(np.array(ranges), LEVELS, reported)) for name, ranges in found.items()]


def describe_student_score(task: Task, own: Ranges, texts: Language) -> str:
    """Describe the reported figure and the score of a student's ranges for the teacher.

    Args:
        task: A task of kind `forecast`.
        own: The ranges of the student.
        texts: The texts of marks.yaml.

    Returns:
        One sentence.
    """
    rows = compared(task, own)
    reported = f"{reported_in(task):,.0f} ({' + '.join(task.sum)})"
    return texts.say("forecast_scored", reported=reported, score=significant(rows[0].score), others=scores_of(rows[1:]))


def scores_of(rows: Sequence[Row]) -> str:
    """List forecasts with their scores, separated by semicolons."""
    return "; ".join(f"{row.name} {significant(row.score)}" for row in rows)


def describe_class(task: Task, name: str, students: Sequence[Ranges]) -> str:
    """Describe the score of the equal mixture of a class's ranges for the teacher.

    Args:
        task: A task of kind `forecast`.
        name: Name of the task, as displayed.
        students: The ranges of each student.

    Returns:
        One sentence.
    """
    (mixed, *others), scores = compared(task, mixture_of(students)), [compared(task, one)[0].score for one in students]
    return texts_of("forecasts").say(
        "class_scored", len(students), task=name, ranges=format_ranges(mixed.ranges),
        score=significant(mixed.score), mean=significant(float(np.mean(scores))), others=scores_of(others),
    )  # fmt: skip


def describe_reported(task: Task, texts: Language) -> str:
    """Describe the figure reported for a task and, if it is about districts, the number of dated falls.

    Args:
        task: A task of kind `forecast`.
        texts: The texts of forecasts.yaml.

    Returns:
        One or two sentences.
    """
    said = texts.say("reported", value=f"{reported_in(task):,.0f}", ids=" + ".join(task.sum))
    if task.target == SOLDIERS:
        return said
    return f"{said} {texts.say('other_count', value=f'{other_count(task):,.0f}')}"


def format_ranges(ranges: Ranges) -> str:
    """Return ranges as text, such as `90 %: 80 to 200, 50 %: 100 to 150`."""
    low_90, low_50, high_50, high_90 = (f"{one:,.0f}" for one in ranges)
    return texts_of("forecasts").say("ranges", low_90=low_90, high_90=high_90, low_50=low_50, high_50=high_50)


def describe_final_answer(kind: str, value: Any) -> str:
    """Return a sentence stating that an answer can no longer be changed.

    Args:
        kind: Kind of the task, `forecast` or `guess`.
        value: The answer; None if there is none.

    Returns:
        A sentence with the answer.
    """
    texts = texts_of("forecasts")
    if value is None:
        return texts.say("fixed_without")
    if kind == FORECAST:
        return texts.say("fixed", ranges=format_ranges(value))
    low, high = (f"{one:g}" for one in value)
    return texts.say("fixed_guess", low=low, high=high)


def given_ranges(lesson: Lesson, values: Mapping[str, Any]) -> dict[str, Ranges] | None:
    """Return the ranges that a student has given as forecasts, keyed by task.

    Args:
        lesson: The lesson.
        values: Values of the student's answers, keyed by task.

    Returns:
        The ranges, or None if the lesson has no forecasts or the student has not given all of them.
    """
    keys = [task.key for task in lesson.forecasts]
    return {key: values[key] for key in keys} if keys and all(key in values for key in keys) else None


def write_panj(folder: Path, days: Sequence[tuple[str, str]], place: Path | None = None) -> Path:
    """Write the forecasts of Panj from a hindcast of the evening of the lesson.

    Args:
        folder: The folder that `python -m sim hindcast origins=2021-06-22` wrote.
        days: Target and day (YYYY-MM-DD) of each forecast to write.
        place: The file to write; None for the file read by the lesson.

    Returns:
        Path of the file.

    Raises:
        PanjError: The folder does not contain a hindcast, or the hindcast lacks one of the forecasts.
    """
    with reading(folder, "hindcast", "the files of python -m sim hindcast"):
        about, rows = read_object(folder / "about.json"), read_rows(folder / "counts.csv")
        found = {
            (row["target"], row["day"]): [float(row[column]) for column in COLUMNS]
            for row in rows if row["forecast"] == PANJ and row["origin"] == ORIGIN.isoformat()
        }  # fmt: skip
    forecasts: dict[str, dict[str, list[float]]] = {}
    for target, day in days:
        if (target, day) not in found:
            raise PanjError(
                f"{folder}: found no forecast of {target} on {day}, expected one; run the hindcast with horizons=8,13"
            )
        forecasts.setdefault(target, {})[day] = found[target, day]
    kept = {key: about[key] for key in ("command", "commit", "worlds", "seed", "rules_fingerprint", "data_fingerprint")}
    until = about["until"][ORIGIN.isoformat()]
    path = place or folder_of_exercises() / "lessons" / PANJ_FILE
    write_file(path, json_text({**kept, "until": until, "levels": LEVELS, "forecasts": forecasts}))
    return path


def main() -> int:
    """Write the forecasts of Panj from the hindcast in the folder given on the command line."""
    from sim.classroom.lessons.lesson import read_lessons

    days = [(task.target, task.day) for lesson in read_lessons() for task in lesson.forecasts]
    print(write_panj(Path(sys.argv[1]), days))
    return 0


if __name__ == "__main__":
    sys.exit(main())
