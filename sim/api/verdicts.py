"""Verdicts of a comparison as a data frame that can be plotted."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sim.api.notebooks import shown_by_notebooks
from sim.configuration.calls import checked
from sim.options import Compare

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@checked
class Verdicts(pd.DataFrame):
    """Verdicts on one outcome: one row per cell, with the paired difference, its interval and a sentence.

    `plot` draws them, `sentences` lists them as sentences, and `about` contains the question, the baseline, the
    reported figure and the method of the intervals. A selection of rows or columns is an ordinary data frame.
    """

    _metadata = ["path"]  # noqa: RUF012  (as pandas expects)
    path: Path  # table of the verdicts in the folder of the study

    @property
    def _constructor(self) -> Any:
        return pd.DataFrame

    @property
    def about(self) -> dict[str, Any]:
        """The question, the baseline, the reported figure, the method of the intervals, notes and provenance."""
        from sim.compare.figure import is_of_effects, read_effects, read_verdicts

        return (read_effects if is_of_effects(self.path) else read_verdicts)(self.path).about

    @property
    def sentences(self) -> list[str]:
        """The verdicts as text: one sentence per cell or, for effects, one paragraph."""
        return [self.about["paragraph"]] if "sentence" not in self else self["sentence"].tolist()

    def plot(self) -> "Figure":  # type: ignore[override]
        """Draw the differences with their intervals, next to the distributions and the reported figure."""
        from sim.compare.figure import draw_table
        from sim.plots.charts import keep_figures

        with keep_figures() as kept:
            draw_table(self.path)
        return shown_by_notebooks(kept[0])


def verdicts_of(outcome: str, effects: bool, question: dict[str, Any]) -> Verdicts:
    """Compare the cells of a study as the command line does, and return the resulting table.

    Args:
        outcome: Name of the outcome.
        effects: Whether to estimate the effects of the swept keys instead.
        question: Folders, baseline and thresholds, as fields of `sim.options.Compare`.

    Raises:
        PanjError: As for `sim.compare.compare.write_verdicts`.
    """
    from sim.compare.compare import write_verdicts

    path = write_verdicts(Compare(outcome=(outcome,), effects=effects, **question))[0]
    found = Verdicts(pd.read_csv(path))
    found.path = path
    return found
