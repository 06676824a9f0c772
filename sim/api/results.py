"""Results of `sim.fork`, `sim.score` and `sim.assimilate` in a notebook: their tables, figures and texts."""

import json
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sim.api.notebooks import shown_by_notebooks
from sim.api.own import own_files
from sim.api.study import frame_of
from sim.configuration.calls import checked
from sim.errors import PanjError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@checked
@dataclass(frozen=True)
class Result:
    """Folder with the tables of a result."""

    folder: Path

    def csv(self, name: str) -> pd.DataFrame:
        """Read the table `name`.csv in the folder."""
        path = self.folder / f"{name}.csv"
        if not path.is_file():
            raise PanjError(f"{name}: found none in {self.folder}, expected {path.name}")
        return pd.read_csv(path)

    def object(self, name: str) -> dict[str, Any]:
        """Read the JSON file `name`.json in the folder."""
        path = self.folder / f"{name}.json"
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise PanjError(
                f"{path}: found a file that cannot be read ({error}), expected one written by Panj"
            ) from None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} in {self.folder}>"


@checked
@dataclass(frozen=True, repr=False)
class Fork(Result):
    """Campaigns continued from the end of a day, with and without a change, with the same random draws."""

    @property
    def about(self) -> dict[str, Any]:
        """Study, day, change, seeds, fingerprints and question of the fork."""
        return self.object("fork")

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """Table of all outcomes of the first campaign, without and with the change."""
        return self.csv("outcomes").set_index("outcome")

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """Table of paired differences between the branches, if there are several campaigns."""
        if not (self.folder / "verdicts.csv").is_file():
            raise PanjError("verdicts: found a single campaign, expected several: sim.fork(..., runs=50)")
        return self.csv("verdicts")

    @cached_property
    def days(self) -> pd.DataFrame:
        """Table with one row per branch, campaign and day."""
        return frame_of(self.folder / "days.parquet")

    @cached_property
    def events(self) -> pd.DataFrame:
        """Log of every event of the first campaign, in both branches."""
        return frame_of(self.folder / "events.parquet")

    def plot(self) -> "Figure":
        """Draw districts held and soldiers who crossed, without and with the change, next to the reported figures."""
        from sim.plots.charts import keep_figures
        from sim.story.fork_story import draw_fork
        from sim.wording import language_of

        with own_files(None, self.folder.parents[1]), keep_figures() as kept:
            draw_fork(self.folder, self.about, language_of())
        return shown_by_notebooks(kept[0])

    def story(self) -> str:
        """Describe the differences between the branches of the first campaign in sentences, as Markdown."""
        from sim.story.fork_story import page_of_fork, read_branches
        from sim.wording import language_of

        language = language_of()
        with own_files(None, self.folder.parents[1]):
            return page_of_fork(read_branches(self.folder, language), language)

    def _repr_html_(self) -> str:
        table = self.verdicts if (self.folder / "verdicts.csv").is_file() else self.outcomes
        return f"<p><b>{escape(repr(self)[1:-1])}</b></p>{table.to_html(max_rows=20, notebook=True)}"


@checked
@dataclass(frozen=True, repr=False)
class Score(Result):
    """Scores of a study and of naive forecasts against the record."""

    @property
    def about(self) -> dict[str, Any]:
        """Metadata: the study, its campaigns and calibration, and the naive forecasts with their data."""
        return self.object("score")

    @cached_property
    def targets(self) -> pd.DataFrame:
        """Table with one row per target: simulated distribution, whether it contains the report, and CRPS."""
        return self.csv("score").set_index("target")

    @cached_property
    def forecasts(self) -> pd.DataFrame:
        """Table of the CRPS of Panj and of every naive forecast by reported figure."""
        return self.csv("score_forecasts").set_index("target")

    def plot(self) -> "Figure":
        """Draw every reported figure next to the simulated distribution."""
        from sim.plots.charts import keep_figures
        from sim.scoring.figures import draw_scores, read_scores

        scores = read_scores(self.folder)
        with keep_figures() as kept:
            draw_scores(scores)
        return shown_by_notebooks(kept[0])

    def _repr_html_(self) -> str:
        return f"<p><b>{escape(repr(self)[1:-1])}</b></p>{self.targets.to_html(max_rows=20, notebook=True)}"


@checked
@dataclass(frozen=True, repr=False)
class Worlds(Result):
    """Campaigns that followed the record, stored as numbers and seeds from which they can be rerun."""

    @property
    def about(self) -> dict[str, Any]:
        """The settings, the reports used and the quality of the sample."""
        from sim.study.reader import read_head

        return dict(json.loads(read_head(self.file, ()).metadata[b"panj"]))

    @property
    def file(self) -> Path:
        """Path of worlds.parquet, for `sim.run(worlds="record", **{"worlds.file": ...})`."""
        return self.folder / "worlds.parquet"

    @cached_property
    def table(self) -> pd.DataFrame:
        """Table with one row per world: its numbers, seeds, ancestor, and log likelihood by report."""
        return frame_of(self.file)

    @cached_property
    def observations(self) -> pd.DataFrame:
        """Table with one row per report: its counts in the worlds and in free campaigns, and its surprise."""
        return self.csv("observations")

    @cached_property
    def luck(self) -> pd.DataFrame:
        """Table that compares the random draws of the worlds with those of free campaigns, by kind, region and week."""
        return self.csv("luck")

    def report(self) -> Path:
        """Draw the figures of the worlds and write their page; return its path."""
        from sim.assimilation.page import write_page_of_worlds

        return write_page_of_worlds(self.folder)

    def _repr_html_(self) -> str:
        return f"<p><b>{escape(repr(self)[1:-1])}</b></p>{self.table.to_html(max_rows=10, max_cols=12, notebook=True)}"
