"""Notebook interface to the lessons: run campaigns, draw charts, check answers and write the hand-in.

    from sim.classroom import exercises
    lesson = exercises.open_lesson(1, student="12")
    table = lesson.run("baseline", runs=100)      # a pandas table, one row per campaign
    lesson.show("baseline", "troops_crossed_largest_night", runs=100)
    lesson.check("median", 350, runs=100)
    lesson.hand_in()

Reads   the lessons; the campaigns stored in the results folder.
Writes  campaigns to the results folder; the hand-in, by default to the current folder.
"""

import io
import os
import textwrap
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sim.classroom.lessons import forecasts
from sim.classroom.lessons.campaigns import CampaignStore
from sim.classroom.lessons.estimates import bootstrapped, reported_value
from sim.classroom.lessons.hand_in import file_name, write_hand_in
from sim.classroom.lessons.lesson import BEFORE_REVEAL, RANGES, Sheet, lesson_of, outcome_of, sheet_of
from sim.classroom.lessons.marking import Answer, check
from sim.classroom.texts import texts_of
from sim.configuration.overrides import Overrides
from sim.data.configs import PACKAGE
from sim.data.evidence import Evidence
from sim.data.record import reported
from sim.errors import PanjError
from sim.execution.work import outcomes_of
from sim.plots.charts import add_caption, add_key, draw_histogram, new_figure
from sim.plots.colours import SECOND, SIMULATED
from sim.plots.style import STYLE
from sim.report.outcomes import are_whole, bins_of, draw_outcome, key_of_outcomes
from sim.study.columns import summarise
from sim.study.files import write_file
from sim.wording import counted

RESULTS = "PANJ_RESULTS"  # environment variable with the results folder; by default results/ next to the package
MOST_RUNS = 1000


@cache
def store_in(folder: str) -> CampaignStore:
    """Return the campaign store of a results folder."""
    return CampaignStore(Path(folder))


def campaigns() -> CampaignStore:
    """Return the campaign store in the folder named by `PANJ_RESULTS`, or else in the default results folder."""
    return store_in(os.environ.get(RESULTS, str(PACKAGE.parent / "results")))


def run(*overrides: str, runs: int = 200, first_seed: int = 0) -> pd.DataFrame:
    """Run campaigns, for example `run("border=closed", runs=100)`.

    Args:
        overrides: The choice of settings, as on the command line.
        runs: Number of campaigns, from 1 to `MOST_RUNS`.
        first_seed: Seed of the first campaign.

    Returns:
        One row per campaign, indexed by seed, with every outcome.

    Raises:
        PanjError: The settings are invalid, `runs` is out of range, or a campaign fails.
    """
    return campaigns_of(Overrides.of(overrides), runs, first_seed)


def campaigns_of(overrides: Overrides, runs: int, first_seed: int) -> pd.DataFrame:
    """Run campaigns with a choice of settings, and return one row per campaign, indexed by seed."""
    check_runs(runs)
    return campaigns().table(overrides, first_seed, runs).to_pandas().set_index("seed")


def check_runs(runs: int) -> None:
    """Raise PanjError unless `runs` is a whole number from 1 to `MOST_RUNS`."""
    if isinstance(runs, bool) or not isinstance(runs, int) or not 1 <= runs <= MOST_RUNS:
        raise PanjError(f"runs: found {runs}, expected a whole number from 1 to {MOST_RUNS}")


class Picture:
    """A figure that a notebook displays, with a text description."""

    def __init__(self, figure: Figure, text: str) -> None:
        self.figure, self.text = figure, text

    def _repr_png_(self) -> bytes:
        """Return the figure as PNG, which Jupyter displays."""
        file = io.BytesIO()
        with rc_context(STYLE):
            self.figure.savefig(file, format="png", dpi=100)
        return file.getvalue()

    def __repr__(self) -> str:
        return self.text


class Exercise:
    """A lesson for one student, and the answers that the student has given so far."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.answers: dict[str, Answer] = {}
        self.is_fixed = False  # whether the reported figures have been revealed, after which forecasts are not accepted

    def __getattr__(self, name: str) -> Any:
        """Return a parameter of the student's sheet, such as `lesson.outcome`."""
        parameters = self.__dict__["sheet"].parameters
        if name not in parameters:
            raise AttributeError(f"found '{name}', expected one of {', '.join(parameters)}")
        return parameters[name]

    def __repr__(self) -> str:
        return f"Lesson {self.sheet.lesson.number}, {self.sheet.lesson.title}, student {self.sheet.student}"

    def ask(self, task: str) -> None:
        """Print a task with this student's parameters, and its choices if it has any."""
        asked = self.sheet.task(task)
        print(textwrap.fill(asked.asks.replace("*", ""), 100))
        for choice in asked.choices:
            print(f"  - {choice}")

    def overrides(self, settings: str) -> tuple[str, ...]:
        """Return the overrides of a choice of settings named in the sheet, such as `baseline`."""
        return self.sheet.overrides(settings).words

    def run(self, settings: str, runs: int = 100) -> pd.DataFrame:
        """Run campaigns with the student's seeds and with settings named in the sheet.

        Return one row per campaign, indexed by seed.
        """
        return campaigns_of(self.sheet.overrides(settings), runs, self.sheet.first_seed)

    def differences(self, settings: str, minus: str, outcome: str, runs: int = 100) -> pd.Series:
        """Return the paired differences in an outcome (with `settings` minus with `minus`), indexed by seed."""
        return self.run(settings, runs)[outcome] - self.run(minus, runs)[outcome]

    def show(self, settings: str, outcome: str, runs: int = 100) -> Picture:
        """Return a chart of the distribution of an outcome, with its median and the reported figure."""
        check_runs(runs)
        overrides = self.sheet.overrides(settings)
        table = campaigns().table(overrides, self.sheet.first_seed, runs)
        composed = campaigns().settings(overrides)
        summary = pd.DataFrame(summarise(table, outcomes_of(composed.start_date, composed.days)))
        shown: Any = SimpleNamespace(runs=table.to_pandas(), summary=summary)
        with rc_context(STYLE):
            figure = new_figure(3.2)
            axes = figure.add_subplot()
            draw_outcome(axes, shown, outcome)
            axes.set_ylabel("campaigns")
            add_key(figure, key_of_outcomes(), 4)
            said = f"{self.sheet.lesson.name_of(settings)}: {describe_runs(runs)}, {composed.calibration}."
            add_caption(figure, said)
        return Picture(figure, f"{outcome_of(outcome).label}. {said}")

    def show_differences(self, settings: str, minus: str, outcome: str, runs: int = 100) -> Picture:
        """Return a chart of the distribution of paired differences in an outcome, with lines at zero and the mean."""
        values = self.differences(settings, minus, outcome, runs).dropna()
        calibration = campaigns().settings(self.sheet.overrides(settings)).calibration
        title = f"{outcome_of(outcome).label}: {' minus '.join(map(self.sheet.lesson.name_of, (settings, minus)))}"
        with rc_context(STYLE):
            figure = new_figure(3.2)
            axes = figure.add_subplot()
            draw_differences(axes, values, outcome)
            axes.set_title(title, fontsize=9.5)
            figure.legend(loc="outside upper left", ncols=2)
            said = f"{counted(len(values), 'pair')} of campaigns, each with the same seed, {calibration}."
            add_caption(figure, f"{said}{' One pair: chance alone may have decided it.' if runs == 1 else ''}")
        return Picture(figure, f"{title}. {said}")

    def reported(self, outcome: str) -> float:
        """Return the reported value of an outcome, or else a reported bound."""
        return reported_value(outcome_of(outcome))

    def interval(self, values: Sequence[float]) -> tuple[float, float]:
        """Return the 95 % bootstrap interval (BCa) for the mean of `values`, one per campaign."""
        found = bootstrapped(np.asarray(values, float), np.mean, "BCa")
        return found.low, found.high

    def evidence(self, id: str) -> Evidence:
        """Return a row of the evidence table by its id, for example `lesson.evidence("F001")`."""
        return reported(id)

    def known(self) -> pd.DataFrame:
        """Return the counts known on 22 June 2021, the day of the forecasts, with one row per day."""
        return pd.DataFrame(forecasts.known_counts()).set_index("day").round()

    def growth(self, task: str) -> tuple[float, ...]:
        """Return ranges for a forecast task, from exponential growth fitted to the counts known on 22 June 2021."""
        asked = self.sheet.task(task)
        return forecasts.growth(asked.target, asked.day)

    @property
    def ranges(self) -> dict[str, tuple[float, ...]]:
        """The ranges that the student has forecast, keyed by task; empty unless every forecast has been given."""
        return forecasts.given_ranges(self.sheet.lesson, {key: one.value for key, one in self.answers.items()}) or {}

    def reveal(self) -> None:
        """Make the forecasts final, and print the reported figures and the scores.

        If a forecast is missing, only a notice is printed.
        """
        texts, asked = texts_of("forecasts"), self.sheet.lesson.forecasts
        if not self.ranges:
            print(texts.say("first_all", tasks=texts.listed([one.key for one in asked])))
            return
        self.is_fixed = True
        for task in asked:
            print(f"{task.key}. {forecasts.describe_reported(task, texts)} {task.because}")
            for row in forecasts.compared(task, self.ranges[task.key]):
                print(f"  {row.name}: {forecasts.format_ranges(row.ranges)}; score {row.score:,.3g}")
        print(texts.say("score_about"), forecasts.describe_panj(texts), sep="\n")

    def check(self, task: str, answer: Any = None, runs: int = 0) -> None:
        """Check an answer using the student's own campaigns, store it and print the mark.

        If `answer` is None, if the answer is final after `reveal`, if it rests on too few campaigns or if an earlier
        choice counts, only a notice is printed.
        """
        asked = self.sheet.task(task)
        if answer is None:
            print(texts_of("marks").say("missing"))
            return
        if asked.kind in BEFORE_REVEAL and self.is_fixed:
            kept = self.answers.get(task)
            print(forecasts.describe_final_answer(asked.kind, kept.value if kept else None))
            return
        given, before = Answer(plain(answer, asked.kind), runs), self.answers.get(task)
        kept, found, trouble = check(self.sheet, asked, before, given, campaigns())
        if kept is not None:
            self.answers[task] = kept
        if found is not None:
            print(f"{found.points:g} of {found.most}. {' '.join((*found.flags, *found.says))}")
        else:
            print(trouble or texts_of("marks").say("counts", answer=kept.value if kept else ""))

    def hand_in(self, path: str | Path | None = None) -> Path:
        """Write the hand-in for the teacher and return its path; the default name includes lesson and student."""
        place = Path(path or file_name(self.sheet))
        write_file(place, write_hand_in(self.sheet, self.answers))
        missing = [task.key for task in self.sheet.tasks if task.key not in self.answers]
        still = f" Not answered yet: {', '.join(missing)}." if missing else ""
        print(f"Written: {place}.{still} Give it to your teacher.")
        return place


def open_lesson(which: int | str, student: object) -> Exercise:
    """Open a lesson for a student.

    Args:
        which: Number or name of the lesson.
        student: Name or number of the student.

    Returns:
        The lesson, without any answers.

    Raises:
        PanjError: The lesson is unknown, or the student is not a valid name or number.
    """
    return Exercise(sheet_of(lesson_of(which), student))


def plain(answer: Any, kind: str) -> Any:
    """Convert a NumPy or pandas number to a Python number, and a range to a tuple of Python numbers."""
    if kind in RANGES and isinstance(answer, Sequence) and not isinstance(answer, str):
        return tuple(plain(one, "") for one in answer)
    return answer.item() if hasattr(answer, "item") else answer


def describe_runs(runs: int) -> str:
    """Format the number of campaigns, with a reminder that chance alone may have decided a single campaign."""
    return f"{counted(runs, 'campaign')}{' (chance alone may have decided it)' if runs == 1 else ''}"


def draw_differences(axes: Axes, values: pd.Series, outcome: str) -> None:
    """Draw a histogram of paired differences, with lines at zero and at their mean."""
    numbers = values.to_numpy(float)
    draw_histogram(axes, *np.histogram(numbers, bins_of(numbers, are_whole(numbers))))
    axes.axvline(0, color=SECOND, linewidth=1.4, linestyle=":", label="no difference")
    axes.axvline(float(numbers.mean()), color=SIMULATED, linewidth=1.6, label="mean of pairs")
    axes.set_xlabel(outcome_of(outcome).unit)
    axes.set_ylabel("pairs")
