"""The interface for notebooks: campaigns, charts, checks of answers and the hand-in.

    from sim.classroom import exercises
    lesson = exercises.open_lesson(1, student="12")
    table = lesson.run("baseline", runs=100)      # a pandas table, one row per campaign
    lesson.show("baseline", "troops_crossed_largest_night", runs=100)
    lesson.check("median", 350, runs=100)
    lesson.hand_in()

Reads   lessons; stored campaigns in the results folder.
Writes  campaigns to the results folder, the hand-in to the folder of the notebook.
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
from sim.classroom.lessons.lesson import FORECAST, RANGES, Sheet, lesson_of, outcome_of, sheet_of
from sim.classroom.lessons.marking import Answer, mark
from sim.classroom.texts import texts_of
from sim.data.configs import PACKAGE
from sim.data.evidence import Evidence
from sim.data.record import reported
from sim.errors import PanjError
from sim.plots.charts import add_caption, add_key, draw_histogram, new_figure
from sim.plots.colours import SECOND, SIMULATED
from sim.plots.style import STYLE
from sim.report.outcomes import are_whole, bins_of, draw_outcome, key_of_outcomes
from sim.run.work import outcomes_of
from sim.settings.overrides import Overrides
from sim.study.columns import summarise
from sim.study.files import write_file
from sim.wording import counted

RESULTS = "PANJ_RESULTS"  # environment variable: folder of campaigns, by default results/ next to the package
MOST_RUNS = 1000


@cache
def store_in(folder: str) -> CampaignStore:
    """Return the campaign store of a results folder."""
    return CampaignStore(Path(folder))


def campaigns() -> CampaignStore:
    """Return the campaign store of this notebook."""
    return store_in(os.environ.get(RESULTS, str(PACKAGE.parent / "results")))


def run(*overrides: str, runs: int = 200, first_seed: int = 0) -> pd.DataFrame:
    """Run campaigns, such as `run("border=closed", runs=100)`.

    Args:
        overrides: The choice of settings, as on the command line.
        runs: Number of campaigns, from 1 to `MOST_RUNS`.
        first_seed: Seed of the first campaign.

    Returns:
        One row per campaign, indexed by seed, with every outcome.

    Raises:
        PanjError: The settings are wrong, or `runs` is out of range.
    """
    return campaigns_of(Overrides.of(overrides), runs, first_seed)


def campaigns_of(overrides: Overrides, runs: int, first_seed: int) -> pd.DataFrame:
    """Run campaigns of a choice of settings; return their outcomes indexed by seed."""
    check_runs(runs)
    return campaigns().table(overrides, first_seed, runs).to_pandas().set_index("seed")


def check_runs(runs: int) -> None:
    """Raise PanjError if the number of campaigns is out of range."""
    if isinstance(runs, bool) or not isinstance(runs, int) or not 1 <= runs <= MOST_RUNS:
        raise PanjError(f"runs: found {runs}, expected a whole number from 1 to {MOST_RUNS}")


class Picture:
    """A figure for a notebook, with a text that describes it."""

    def __init__(self, figure: Figure, text: str) -> None:
        self.figure, self.text = figure, text

    def _repr_png_(self) -> bytes:
        """Return the figure as PNG, for Jupyter."""
        file = io.BytesIO()
        with rc_context(STYLE):
            self.figure.savefig(file, format="png", dpi=100)
        return file.getvalue()

    def __repr__(self) -> str:
        return self.text


class Exercise:
    """A lesson for one student, with the answers given so far."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.answers: dict[str, Answer] = {}
        self.is_fixed = False  # whether what was reported is shown, and forecasts can no longer be changed

    def __getattr__(self, name: str) -> Any:
        """Return a parameter of the student's sheet, such as `lesson.outcome`."""
        parameters = self.__dict__["sheet"].parameters
        if name not in parameters:
            raise AttributeError(f"found '{name}', expected one of {', '.join(parameters)}")
        return parameters[name]

    def __repr__(self) -> str:
        return f"Lesson {self.sheet.lesson.number}, {self.sheet.lesson.title}, student {self.sheet.student}"

    def ask(self, task: str) -> None:
        """Print a task with the numbers of this student."""
        asked = self.sheet.task(task)
        print(textwrap.fill(asked.asks.replace("*", ""), 100))
        for choice in asked.choices:
            print(f"  - {choice}")

    def overrides(self, settings: str) -> tuple[str, ...]:
        """Return the overrides of named settings of the sheet, as on the command line."""
        return self.sheet.overrides(settings).words

    def run(self, settings: str, runs: int = 100) -> pd.DataFrame:
        """Run campaigns with named settings of the sheet and the seeds of this student."""
        return campaigns_of(self.sheet.overrides(settings), runs, self.sheet.first_seed)

    def differences(self, settings: str, minus: str, outcome: str, runs: int = 100) -> pd.Series:
        """Return the differences of an outcome between campaigns with the same seed, `settings` minus `minus`."""
        return self.run(settings, runs)[outcome] - self.run(minus, runs)[outcome]

    def show(self, settings: str, outcome: str, runs: int = 100) -> Picture:
        """Draw the distribution of an outcome, with the median and the reported figure."""
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
            said = f"{settings}: {dice(runs)}, {composed.calibration}."
            add_caption(figure, said)
        return Picture(figure, f"{outcome_of(outcome).label}. {said}")

    def show_differences(self, settings: str, minus: str, outcome: str, runs: int = 100) -> Picture:
        """Draw the distribution of a paired difference, with lines at its mean and at zero."""
        values = self.differences(settings, minus, outcome, runs).dropna()
        calibration = campaigns().settings(self.sheet.overrides(settings)).calibration
        with rc_context(STYLE):
            figure = new_figure(3.2)
            axes = figure.add_subplot()
            draw_differences(axes, values, outcome)
            axes.set_title(f"{outcome_of(outcome).label}: {settings} minus {minus}", fontsize=9.5)
            figure.legend(loc="outside upper left", ncols=2)
            said = f"{len(values):,} pairs of campaigns, each with the same seed, {calibration}."
            add_caption(figure, f"{said}{' One pair: one roll of the dice.' if runs == 1 else ''}")
        return Picture(figure, f"{outcome_of(outcome).label}, {settings} minus {minus}. {said}")

    def reported(self, outcome: str) -> float:
        """Return the reported figure of an outcome, or the bound if only a bound was reported."""
        return reported_value(outcome_of(outcome))

    def interval(self, values: Sequence[float]) -> tuple[float, float]:
        """Return the 95 % bootstrap interval of a mean over campaigns."""
        found = bootstrapped(np.asarray(values, float), np.mean, "BCa")
        return found.low, found.high

    def evidence(self, id: str) -> Evidence:
        """Return a row of the evidence, such as `lesson.evidence("F001")`."""
        return reported(id)

    def known(self) -> pd.DataFrame:
        """Return the counts that were known on the evening of a lesson of forecasts, one row per day."""
        return pd.DataFrame(forecasts.known_counts()).set_index("day").round()

    def growth(self, task: str) -> tuple[float, ...]:
        """Return the ranges of exponential growth for a forecast, fitted to what was known on that evening."""
        asked = self.sheet.task(task)
        return forecasts.growth(asked.target, asked.day)

    @property
    def ranges(self) -> dict[str, tuple[float, ...]]:
        """The forecasts given, by task; empty unless all are given."""
        return forecasts.given_ranges(self.sheet.lesson, {key: one.value for key, one in self.answers.items()}) or {}

    def reveal(self) -> None:
        """Fix the forecasts, and print what was reported and all scores; before all are given, only say so."""
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
        """Store an answer and print its mark from the student's own campaigns; without an answer nothing is stored."""
        asked = self.sheet.task(task)
        if answer is None:
            print(texts_of("marks").say("missing"))
            return
        if asked.kind == FORECAST and self.is_fixed:
            print(texts_of("forecasts").say("fixed", ranges=forecasts.format_ranges(self.ranges[task])))
            return
        given = Answer(plain(answer, asked.kind), runs)
        found = mark(self.sheet, asked, given, campaigns())
        self.answers[task] = given
        print(f"{found.points:g} of {found.most}. {' '.join((*found.flags, *found.says))}")

    def hand_in(self, path: str | Path | None = None) -> Path:
        """Write the hand-in for the teacher and return its path; by default it is named after the student."""
        place = Path(path or file_name(self.sheet))
        write_file(place, write_hand_in(self.sheet, self.answers))
        missing = [task.key for task in self.sheet.tasks if task.key not in self.answers]
        still = f" Not answered yet: {', '.join(missing)}." if missing else ""
        print(f"Written: {place}.{still} Your teacher marks it with: python -m sim grade {place}")
        return place


def open_lesson(which: int | str, student: object) -> Exercise:
    """Open a lesson for a student.

    Args:
        which: Number or name of the lesson.
        student: Name or number of the student.

    Returns:
        The lesson, without answers.

    Raises:
        PanjError: The lesson is unknown, or the student is not a valid name or number.
    """
    return Exercise(sheet_of(lesson_of(which), student))


def plain(answer: Any, kind: str) -> Any:
    """Convert a NumPy or pandas number to a plain one, and a range to a pair of plain numbers."""
    if kind in RANGES and isinstance(answer, Sequence) and not isinstance(answer, str):
        return tuple(plain(one, "") for one in answer)
    return answer.item() if hasattr(answer, "item") else answer


def dice(runs: int) -> str:
    """State the number of campaigns, with a reminder that a single one is one roll of the dice."""
    return f"{counted(runs, 'campaign')}{' (one roll of the dice)' if runs == 1 else ''}"


def draw_differences(axes: Axes, values: pd.Series, outcome: str) -> None:
    """Draw a histogram of differences, with lines at zero and at the mean."""
    numbers = values.to_numpy(float)
    draw_histogram(axes, *np.histogram(numbers, bins_of(numbers, are_whole(numbers))))
    axes.axvline(0, color=SECOND, linewidth=1.4, linestyle=":", label="no difference")
    axes.axvline(float(numbers.mean()), color=SIMULATED, linewidth=1.6, label="mean of pairs")
    axes.set_xlabel(outcome_of(outcome).unit)
    axes.set_ylabel("pairs")
