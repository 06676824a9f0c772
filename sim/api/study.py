"""A study in a notebook: its tables as data frames, its figures, its comparisons and its page."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sim.api.notebooks import shown_by_notebooks, warn
from sim.api.own import path_given, with_its_files
from sim.configuration.calls import check_value, checked
from sim.configuration.values import text_of
from sim.errors import PanjError, unknown
from sim.options import read_threshold
from sim.study.reader import (
    QUANTILES,
    StudyCell,
    cannot_read,
    find_cell,
    notes_on_definitions,
    open_study,
    read_columns,
    same,
)
from sim.study.reader import Study as Stored
from sim.wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sim.api.results import Fork, Score
    from sim.api.verdicts import Verdicts

TABLES = ("runs", "days", "districts", "failures")
SHOWN = ("label", "reported", "median", "low_5", "high_95", "unit")  # columns of the summary in a notebook


@checked
class Study:
    """A study on disk: campaigns of one cell or of several, with their tables, figures and comparisons.

    Tables are read from the folder of the study when they are first used. `sim.run` and `sim.sweep` return a study,
    and `sim.open` opens one that was made earlier or on the command line.
    """

    def __init__(self, folder: Path | str, cell: int | None = None, config_dir: Path | str | None = None) -> None:
        """Open the study in a folder.

        Args:
            folder: Folder of the study, such as `results/policy`.
            cell: Number of the cell to which tables and figures are limited; by default all cells.
            config_dir: Folder of your own files with which the study was made, if it has been moved.

        Raises:
            PanjError: The folder has no study or a damaged one, or there is no such cell.
        """
        self._stored: Stored = open_study(path_given("folder", folder))
        self._focus = None if cell is None else find_cell(self._stored.cells, cell)
        self.config_dir = config_dir

    @property
    def folder(self) -> Path:
        """Folder of the study, as on the command line."""
        return self._stored.folder

    @property
    def name(self) -> str:
        """Name of the study."""
        return self._stored.name

    @property
    def about(self) -> Mapping[str, Any]:
        """Content of about.json: settings, seeds, versions, fingerprints and the command."""
        return self._stored.about

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the settings, which is the same for equal settings, however they were given."""
        cells = self._cells
        return cells[0].fingerprint if len(cells) == 1 else str(self.about["settings_fingerprint"])

    @property
    def settings(self) -> Mapping[str, Any]:
        """Choices, dates, numbers and dated events of the settings before the sweep, by full key."""
        return self._stored.base

    @property
    def swept(self) -> tuple[str, ...]:
        """Keys that differ between cells."""
        return self._stored.swept

    @property
    def _cells(self) -> tuple[StudyCell, ...]:
        """The cells to which the study is limited."""
        return self._stored.cells if self._focus is None else (self._focus,)

    @property
    def cells(self) -> pd.DataFrame:
        """Table with one row per cell: label, values of the swept keys, campaigns, failures and fingerprint."""
        rows = [
            {"cell": one.number, "label": one.label, **one.values, "campaigns": one.finished, "failed": one.failed,
             "start_date": pd.Timestamp(one.start_date), "end_date": pd.Timestamp(one.end_date),
             "fingerprint": one.fingerprint}
            for one in self._cells
        ]  # fmt: skip
        return pd.DataFrame(rows).set_index("cell")

    def cell(self, number: int | None = None, **values: Any) -> "Study":
        """Return the study limited to one cell.

        Args:
            number: Number of the cell, as in `cells`.
            **values: Instead of a number, the values of swept keys, such as `border="closed"`; keys with a dot are
                given as `**{"rules.news.fade_days": 5}`.

        Returns:
            The study, whose tables and figures are those of the cell.

        Raises:
            PanjError: There is no such cell, or there are several.
        """
        if number is None:
            number = self._numbered(values)
        return Study(self.folder, number, self.config_dir)

    def _numbered(self, values: Mapping[str, Any]) -> int:
        """Return the number of the only cell with the given values of swept keys."""
        for key, value in values.items():
            check_value(key, value, "str | float")
            if key not in self.swept:
                raise (
                    unknown("cell", key, self.swept)
                    if self.swept
                    else PanjError(f"cell: found '{key}', expected no values, since the study has a single cell")
                )
        found = [
            one.number for one in self._cells if all(same(one.values.get(key), value) for key, value in values.items())
        ]
        if len(found) != 1:
            asked = ", ".join(f"{key}={value}" for key, value in values.items()) or "no values"
            raise PanjError(f"cell: found {len(found)} cells with {asked}, expected one; see .cells", key="cell")
        return found[0]

    @cached_property
    def runs(self) -> pd.DataFrame:
        """Table with one row per campaign: cell, swept values, seed, drawn numbers and outcomes."""
        return self.table("runs")

    @cached_property
    def days(self) -> pd.DataFrame:
        """Table with one row per campaign and day: districts held, crossings, morale and so on."""
        return self.table("days")

    @cached_property
    def districts(self) -> pd.DataFrame:
        """Table with one row per cell, district and day: the share of campaigns in which the Taliban hold it."""
        return self.table("districts")

    @cached_property
    def failures(self) -> pd.DataFrame:
        """Table with one row per failed campaign and its error; empty if none failed."""
        if not (self.folder / "failures.parquet").is_file():
            return pd.DataFrame(columns=["cell", *self.swept, "seed", "error", "traceback"])
        return self.table("failures")

    @property
    def events(self) -> pd.DataFrame:
        """Log of every event of the first campaign; `events_of` gives that of any other campaign."""
        return self.events_of()

    @with_its_files
    def events_of(self, seed: int | None = None, cell: int | None = None) -> pd.DataFrame:
        """Return the log of one campaign, with one row per event. The campaign is rerun if its log is not stored.

        Args:
            seed: Seed of the campaign; by default the first of the study.
            cell: Number of its cell; by default the cell with the settings before the sweep.

        Returns:
            The log: date, event, district, actor, men and the reason.

        Raises:
            PanjError: The study has no such campaign, or was made with other settings, rules or data.
        """
        from sim import options
        from sim.story.chronicle import read_telling

        request = options.Story(folder=self.folder, seed=seed, cell=self._chosen(cell))
        folder, _ = read_telling(request, lambda _request, _first, _last: None)
        return frame_of(folder / "events.parquet")

    def table(self, name: str, columns: list[str] | None = None) -> pd.DataFrame:
        """Read a table of the study, or only some of its columns, which is faster for a large `days` table.

        Args:
            name: `runs`, `days`, `districts` or `failures`.
            columns: Columns to read; by default all.

        Returns:
            The table, limited to the same cell as the study, if any.

        Raises:
            PanjError: There is no such table or column, or the file is damaged.
        """
        if name not in TABLES:
            raise unknown("table", name, TABLES)
        path = self.folder / f"{name}.parquet"
        if name == "days" and not path.is_file():
            raise PanjError(f"days: found none in {self.folder}, expected a study that was run with daily=True")
        return frame_of(path, columns, self._focus)

    @with_its_files
    def summary(self) -> pd.DataFrame:
        """Return the quantiles of every outcome, with the reported figure.

        Returns:
            Table with one row per cell and outcome: label, unit, reported figure and its evidence, median, and the
            ends of the 90 % interval, which are missing if a single campaign has a value. In rows of dates, the
            quantiles are texts. A warning names outcomes that were counted by another definition than the present one.
        """
        for note in notes_on_definitions(self._stored):
            warn(note)
        table = self._stored.summary.copy()
        is_number = table["unit"] != "date"
        for name in QUANTILES:
            table[name] = table[name].where(~is_number, pd.to_numeric(table[name].where(is_number)))
        if self._focus is not None:
            table = table[table["cell"] == self._focus.number]
        return table.set_index(["cell", "outcome"] if len(self._cells) > 1 else "outcome")

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of the figures that `plot` can draw."""
        from sim.report.report import figures_for

        return tuple(figures_for(self._shown))

    @property
    def _shown(self) -> Stored:
        """The stored study as required for figures: limited to its only cell, or with all of its cells."""
        from sim.report.report import read_shown

        return read_shown(self.folder, None if self._focus is None else self._focus.number)

    @with_its_files
    def plot(self, figure: str | None = None, day: date | None = None) -> "Figure":
        """Draw a figure of the study, with the number of campaigns, their calibration and the reported figures.

        Args:
            figure: Name of the figure, one of `figures`; by default the first.
            day: Day that the map of a single cell shows; by default 5 July, or the nearest day of the study.

        Returns:
            The figure.

        Raises:
            PanjError: There is no such figure, or the study has no such day.
        """
        from sim.plots.charts import keep_figures
        from sim.report.report import draw_figure, picture

        day = day.date() if isinstance(day, datetime) else day
        shown, names = self._shown, self.figures
        name = names[0] if figure is None else figure
        if name not in names and name in set(self._stored.summary["outcome"]):
            call = f'compare("{name}").plot()' if len(self._cells) > 1 else f'memo("{name}")'
            raise PanjError(
                f"figure: found '{name}', which is an outcome, expected one of {', '.join(names)}; to draw an outcome, "
                f"use {call} of the study"
            )
        if name not in names:
            raise unknown("figure", name, names)
        if day is not None and (name != "map" or shown.focus is None):
            raise PanjError(f"day: found {day} for the figure {name}, expected a day only for the map of one cell")
        with keep_figures() as kept:
            draw_figure(shown, name, day, picture(shown, name))
        return shown_by_notebooks(kept[0])

    def report(self) -> Path:
        """Draw every figure, compare the cells and write the page of the study.

        Returns:
            The path of the page, report.html.

        Raises:
            PanjError: The study is incomplete or its folder cannot be written.
        """
        from sim.api.notebooks import run_apart

        cell = [] if self._focus is None else [f"cell={self._focus.number}"]
        run_apart(["report", str(self.folder), *cell])
        is_part = self._focus is not None and len(self._stored.cells) > 1
        return self.folder / (f"report_{cell[0].replace('=', '_')}.html" if is_part else "report.html")

    @with_its_files
    def compare(
        self,
        outcome: str,
        *,
        baseline: str | int | None = None,
        above: float | date | None = None,
        below: float | date | None = None,
        against: "Study | Path | str | None" = None,
        effects: bool = False,
    ) -> "Verdicts":
        """Compare every cell with its baseline, paired by seed.

        Args:
            outcome: Name of the outcome, as in `sim.outcomes()`.
            baseline: Number of the baseline's cell, or values such as `as_reported` or `border=open`; by default the
                cell with the settings before the sweep.
            above: Threshold; if given, the risks of an outcome above it are compared.
            below: Upper threshold, likewise.
            against: Another study in which to look for the baselines.
            effects: Whether to estimate main effects and two-way interactions of the swept keys instead.

        Returns:
            The verdicts, a data frame with one row per cell (or effect) that can be plotted.

        Raises:
            PanjError: The outcome or the baseline is unknown, or nothing can be paired.
        """
        from sim.api.verdicts import verdicts_of

        self._need_whole("compare")
        return verdicts_of(outcome, effects, question_of(self.folder, baseline, above, below, against))

    def fork(
        self, day: date | str, *, seed: int | None = None, cell: int | None = None, runs: int = 1, **changes: Any
    ) -> "Fork":
        """Continue campaigns from the end of a day, with and without a change; the same as `sim.fork(study, ...)`.

        Args:
            day: The change takes effect at the end of this day.
            seed: Seed of the first campaign; by default the first of the study.
            cell: Number of the cell of the campaigns; by default the cell with the settings before the sweep.
            runs: Number of campaigns.
            **changes: Changed settings, and the other arguments of `sim.fork`.

        Raises:
            PanjError: As for `sim.fork`.
        """
        from sim.api.verbs import fork

        return fork(self, day, seed=seed, runs=runs, cell=self._chosen(cell), **changes)

    def score(self) -> "Score":
        """Score the study against the record and against naive forecasts; the same as `sim.score(study)`.

        Raises:
            PanjError: As for `sim.score`.
        """
        from sim.api.verbs import score

        return score(self, cell=self._chosen(None))

    @with_its_files
    def story(
        self,
        seed: int | None = None,
        *,
        outcome: str | tuple[str, ...] = (),
        province: str = "",
        first: date | None = None,
        last: date | None = None,
    ) -> str:
        """Describe one campaign day by day in plain sentences.

        Args:
            seed: Seed of the campaign; by default the first of the study.
            outcome: Outcomes to compare with the other campaigns.
            province: Province to which events are limited; by default all provinces.
            first: First day of the story.
            last: Last day of the story.

        Returns:
            The story as Markdown.

        Raises:
            PanjError: The study has no such campaign or outcome.
        """
        from sim import options
        from sim.story.chronicle import read_telling
        from sim.story.story import check_filters, page_of, tell
        from sim.wording import language_of

        outcomes = (outcome,) if isinstance(outcome, str) else tuple(outcome)
        request = options.Story(
            folder=self.folder, seed=seed, cell=self._chosen(None), outcome=outcomes, province=province,
            first=first, last=last,
        )  # fmt: skip
        language = language_of()
        return page_of(tell(*read_telling(request, check_filters), request, language)[1], language)

    @with_its_files
    def memo(
        self,
        outcome: str,
        *,
        baseline: str | int | None = None,
        above: float | date | None = None,
        below: float | date | None = None,
        against: "Study | Path | str | None" = None,
    ) -> Path:
        """Write a two-page brief on one outcome, as HTML and as Markdown.

        Args:
            outcome: Name of the outcome, as in `sim.outcomes()`.
            baseline: As for `compare`.
            above: Threshold; if given, the question is how often the outcome is above it.
            below: Upper threshold, likewise.
            against: Another study in which to look for the baselines.

        Returns:
            The path of the HTML page; the Markdown file and the figure are in the same folder.

        Raises:
            PanjError: The outcome or the baseline is unknown, nothing can be compared, or an earlier memo was edited.
        """
        from sim import options
        from sim.memo.memo import write_memo

        self._need_whole("memo")
        request = options.Memo(**question_of(self.folder, baseline, above, below, against), outcome=outcome)
        return write_memo(request)[0]

    @with_its_files
    def export(
        self,
        to: str,
        *,
        cell: int | None = None,
        day: date | None = None,
        decimal: str = ".",
        separator: str | None = None,
        out: Path | str | None = None,
    ) -> Path:
        """Write the study for another program.

        Args:
            to: `geojson` or `gpkg` for a map of districts by day, `csv` or `xlsx` for the tables.
            cell: Only this cell; for a map, by default the cell with the settings before the sweep.
            day: Only this day; by default every day.
            decimal: Decimal mark of CSV, `.` or `,`.
            separator: Separator of the columns of CSV, `comma`, `semicolon` or `tab`; by default a comma, and a
                semicolon with a decimal comma.
            out: New file or folder to write; by default one in `exports/` of the study.

        Returns:
            The path that was written.

        Raises:
            PanjError: The format is unknown, or the path exists or cannot be written.
        """
        from sim import options
        from sim.export.export import export

        form = {"decimal": decimal, "separator": separator}
        asked = {"to": to, "cell": self._chosen(cell), "day": day, **form, "out": out}
        words = [f"{key}={option_of(key, value)}" for key, value in asked.items() if value is not None]
        return export(options.read_request(options.Export, [str(self.folder), *words]))

    def _need_whole(self, what: str) -> None:
        """Raise PanjError if the study is limited to one of several cells but all of them are needed."""
        if self._focus is not None and len(self._stored.cells) > 1:
            raise PanjError(f"cell: found a study limited to cell {self._focus.number}, expected all cells for {what}")

    def _chosen(self, cell: int | None) -> int | None:
        """Return the number of a requested cell, or of the cell to which the study is limited."""
        return self._focus.number if cell is None and self._focus is not None else cell

    def __repr__(self) -> str:
        cells = f"{len(self._cells)} cells, " if len(self._cells) > 1 else ""
        label = f", {self._focus.label}" if self._focus is not None and self._focus.label else ""
        campaigns = sum(one.finished for one in self._cells)
        return f"<Study {self.name}{label}: {cells}{counted(campaigns, 'campaign')}, {self.about.get('calibration')}>"

    def _repr_html_(self) -> str:
        head = f"<p><b>{escape(repr(self)[1:-1])}</b><br>{escape(str(self.folder))}</p>"
        if len(self._cells) > 1:
            return head + self.cells.drop(columns=["fingerprint"])._repr_html_()
        summary = self.summary()
        reported = summary[summary["reported"].notna()]
        return head + reported[list(SHOWN)].fillna("")._repr_html_()


def question_of(
    folder: Path,
    baseline: str | int | None,
    above: float | date | None,
    below: float | date | None,
    against: Study | Path | str | None,
) -> dict[str, Any]:
    """Return the folders, the baseline and the thresholds of a comparison as fields of a request.

    Args:
        folder: Folder of the study.
        baseline: Number of the baseline's cell, or values; None for the cell with the settings before the sweep.
        above: Lower threshold, or None.
        below: Upper threshold, or None.
        against: Study with the baselines, or its folder; None for the same study.

    Raises:
        PanjError: A threshold is neither a number nor a date.
    """
    other = () if against is None else (against.folder if isinstance(against, Study) else Path(against).expanduser(),)
    ends = {"above": above, "below": below}
    thresholds = {key: read_threshold(key, option_of(key, value)) for key, value in ends.items() if value is not None}
    return {"folders": (folder, *other), "baseline": None if baseline is None else str(baseline), **thresholds}


def option_of(key: str, value: Any) -> str:
    """Return the value of an option as text; dates and datetimes become ISO dates."""
    return text_of(key, value) if isinstance(value, date | np.datetime64) else str(value)


def frame_of(path: Path, columns: list[str] | None = None, cell: StudyCell | None = None) -> pd.DataFrame:
    """Read a table as a data frame whose dates are datetimes.

    Args:
        path: Path of the Parquet file.
        columns: Columns to read; by default all.
        cell: Cell whose rows are read; by default all rows.

    Raises:
        PanjError: The file or a column is missing, or the file is damaged.
    """
    from sim.study.reader import need_columns, read_head

    if not path.is_file():
        raise cannot_read(path, FileNotFoundError("no such file"))
    if columns is not None:
        need_columns(read_head(path, ()).schema.to_arrow_schema().names, columns, path.name)
    filters = None if cell is None else [("cell", "==", cell.number)]
    return read_columns(path, columns, filters).to_pandas(date_as_object=False)
