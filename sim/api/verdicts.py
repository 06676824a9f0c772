"""Verdicts of a comparison as a data frame that can be plotted."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sim.api.notebooks import shown_by_notebooks
from sim.options import Compare, read_threshold

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Verdicts(pd.DataFrame):
    """Verdicts on one outcome: one row per cell, with the paired difference, its interval and a sentence.

    `plot` draws them, `sentences` lists them in words and `about` has the question, the baseline, the reported figure
    and the method of the intervals. A selection of rows or columns is an ordinary data frame.
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
        """The verdicts in words: one sentence per cell or, for effects, one paragraph."""
        return [self.about["paragraph"]] if "sentence" not in self else self["sentence"].tolist()

    def plot(self) -> "Figure":  # type: ignore[override]
        """Draw the differences with their intervals, beside the distributions and the reported figure."""
        from sim.compare.figure import draw_table
        from sim.plots.charts import keep_figures

        with keep_figures() as kept:
            draw_table(self.path)
        return shown_by_notebooks(kept[0])


def verdicts_of(
    folder: Path,
    outcome: str,
    baseline: str | int | None,
    above: float | date | None,
    below: float | date | None,
    against: Path | None,
    effects: bool,
) -> Verdicts:
    """Compare the cells of a study as the command line does, and return the table that was written.

    Args:
        folder: Folder of the study.
        outcome: Name of the outcome.
        baseline: Number of the baseline's cell, or values; None for the cell with the settings before the sweep.
        above: Lower threshold, or None.
        below: Upper threshold, or None.
        against: Folder of the study with the baselines; None for the same study.
        effects: Whether to estimate the effects of the swept keys instead.

    Raises:
        PanjError: As for `sim.compare.compare.write_verdicts`.
    """
    from sim.compare.compare import write_verdicts

    low, high = (
        None if value is None else read_threshold(key, str(value))
        for key, value in (("above", above), ("below", below))
    )
    request = Compare(
        folders=(folder,) if against is None else (folder, against), outcome=(outcome,),
        baseline=None if baseline is None else str(baseline), effects=effects, above=low, below=high,
    )  # fmt: skip
    path = write_verdicts(request)[0]
    found = Verdicts(pd.read_csv(path))
    found.path = path
    return found
