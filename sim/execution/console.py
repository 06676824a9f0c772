"""Print the progress, the notes and the summary of a run.

Progress is a line that is updated in a terminal, a bar in a notebook, and a series of log lines elsewhere.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import rich.progress
from rich.console import Console
from rich.table import Table

from sim.configuration.settings import Settings
from sim.configuration.sweep import Sweep
from sim.execution.backlog import Backlog
from sim.outcome import own_outcomes
from sim.provenance import shell_command
from sim.study.columns import SummaryRow
from sim.study.reader import StudyCell
from sim.wording import counted, format_number, format_seconds

EVERY = 30.0  # longest time between log lines, seconds
SHARE = 0.25  # share of the campaigns after which a log line is printed in any case


class Progress:
    """Display of a running sweep: finished cells and campaigns, campaigns per second, time left and failures."""

    def __init__(self, backlog: Backlog, console: Console) -> None:
        self.backlog = backlog
        self.console = console
        self.started = self.printed_at = time.monotonic()
        self.printed = 0.0
        columns = (
            rich.progress.TextColumn("{task.description}"),
            rich.progress.BarColumn(),
            rich.progress.TextColumn("{task.completed:,.0f} of {task.fields[of]}{task.fields[words]}"),
        )
        self.bar = rich.progress.Progress(*columns, console=console, disable=not console.is_terminal)
        self.task = self.bar.add_task(
            self.cells(),
            total=backlog.total,
            completed=backlog.already,
            words="",
            of=counted(backlog.total, "campaign"),
        )
        self.in_notebook = NotebookBar() if console.is_jupyter and not console.quiet else None

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def update(self) -> None:
        """Update the bar in a terminal, or print a log line elsewhere if one is due."""
        backlog = self.backlog
        done = backlog.already + backlog.campaigns_done + backlog.failures
        self.bar.update(
            self.task, completed=done, total=backlog.total, description=self.cells(), words=self.words(done)
        )
        if self.in_notebook is not None:
            self.in_notebook.show(done, backlog.total, f"{self.cells()}{self.words(done)}")
            return
        share, now = done / backlog.total, time.monotonic()
        is_due = share - self.printed >= SHARE or now - self.printed_at >= EVERY or self.printed < share == 1.0
        if not self.console.is_terminal and is_due:
            self.console.print(f"{self.cells()}, {done:,} of {counted(backlog.total, 'campaign')}{self.words(done)}")
            self.printed, self.printed_at = share, now

    def cells(self) -> str:
        """Return the number of finished cells as text, such as `3 of 10 cells`."""
        return f"{self.backlog.finished_cells} of {counted(len(self.backlog.cells), 'cell')}"

    def words(self, done: int) -> str:
        """Return campaigns per second, time left and failures as text; empty until a campaign has finished."""
        now_done = done - self.backlog.already
        if now_done <= 0:
            return ""
        rate = now_done / max(1e-9, time.monotonic() - self.started)
        left = (self.backlog.total - done) / rate
        failures = self.backlog.failures
        failed = f", {failures} failed" if failures else ""
        return f", {rate:.3g} a second, {format_seconds(left)} left{failed}"


class NotebookBar:
    """Progress bar in the output of a notebook cell, in plain HTML without widgets."""

    def __init__(self) -> None:
        self.handle: Any = None

    def show(self, done: int, total: int, text: str) -> None:
        """Display or update the bar.

        Args:
            done: Number of finished campaigns.
            total: Number of requested campaigns.
            text: Text to show after these numbers.
        """
        notebook = sys.modules["IPython"].display  # already imported by the notebook
        said = f"{done:,} of {counted(total, 'campaign')}, {text}"
        bar = notebook.HTML(f'<progress value="{done}" max="{total}" aria-label="Campaigns"></progress> {said}')
        if self.handle is None:
            self.handle = notebook.display(bar, display_id=True)
        else:
            self.handle.update(bar)


MAIN_OUTCOMES = ("share_held_by_taliban_2021_07_05", "troops_crossed_by_2021_07_07", "troops_crossed_largest_night")
MOST_SHOWN = 24  # largest number of cells in the printed table


def print_backlog(backlog: Backlog, sweep: Sweep, study: Path, console: Console) -> None:
    """Print the number of stored campaigns, damaged chunks, and cells with the same settings.

    Damaged chunks are renamed, so that they are kept but no longer read.
    """
    for cell in backlog.cells:
        for path in cell.damaged:
            aside = path.with_suffix(".damaged")
            path.replace(aside)
            console.print(f"Found a damaged chunk; its campaigns are run again, and the file is kept as {aside}")
    for first, second in sweep.same:
        console.print(f"Cells {first} ({sweep.cells[first].label}) and {second} ({sweep.cells[second].label}) resolve "
                      "to the same settings; their campaigns are run only once.")  # fmt: skip
    if backlog.already:
        nothing = "; nothing is computed. study=NAME starts a new study" if backlog.waiting == 0 else ""
        console.print(f"{study} already contains {backlog.already} of {counted(backlog.total, 'campaign')}{nothing}")


def print_verdicts(backlog: Backlog, title: str, console: Console) -> None:
    """Print whether each cell reached the requested precision."""
    for verdict in backlog.verdicts:
        reached = "reached" if verdict.is_reached else f"not reached with runs_max={verdict.runs}"
        console.print(f"{verdict.label or title}: {counted(verdict.runs, 'campaign')}, half-width "
                      f"{verdict.half_width:.4g} of {backlog.precision.outcome}: precision {reached}")  # fmt: skip


def print_doubts(sweep: Sweep, console: Console) -> None:
    """Print notes on posteriors in use if rules, data or numbers have changed since they were fitted.

    Also print a note if any of the user's events or outcomes are dated after the last day.
    """
    for doubt in sweep.doubts:
        console.print(
            f"Note: the posterior that the numbers are drawn from was fitted {doubt}. {shell_command(['bank'])} and "
            f"then {shell_command(['calibrate'])} fit a new one; calibration=as_declared uses none."
        )
    if sweep.too_late:
        console.print(
            f"Note: campaigns end on {sweep.last_day}, so these are left out: {', '.join(sweep.too_late)}. To include "
            "them, set a later end_date."
        )


def print_summary(
    cells: Sequence[StudyCell],
    summaries: Sequence[Sequence[SummaryRow]],
    settings: Settings,
    about: dict[str, Any],
    console: Console,
) -> None:
    """Print the summary of a study.

    For a single cell, the table contains the outcomes with a reported figure, the share of falls without a fight, and
    displaced people. For several cells, it contains the main outcomes of the first `MOST_SHOWN` cells. Both contain the
    user's own outcomes.
    """
    own = own_outcomes(settings.end_date)
    sources = f"Sources: {shell_command(['evidence', 'id=F001'])}; every outcome is in summary.csv"
    if len(cells) == 1:
        title = f"{settings.title}: {counted(about['campaigns'], 'campaign')}, {about['calibration']}"
        table = Table(title=title, caption=sources)
        is_single = about["campaigns"] == 1
        simulated = ("simulated",) if is_single else ("simulated median", "90 % interval")
        for column in ("outcome", "reported", *simulated):
            table.add_column(column, overflow="fold")
        for row in summaries[0]:
            if row.reported or row.outcome in ("share_without_fight", "people_displaced_by_2021_07_07", *own):
                table.add_row(row.label, row.reported or "-", *ends_of(row, is_single))
    else:
        campaigns = f"{counted(about['campaigns'], 'campaign')} in {len(cells)} cells"
        title = f"{settings.title}: {campaigns}, {about['calibration']}"
        is_single = about["campaigns"] <= len(cells)
        table = Table(title=title, caption=sources if is_single else f"Median and 90 % interval. {sources}")
        shown = [row for row in summaries[0] if row.outcome in (*MAIN_OUTCOMES, *own)]
        for column in ("cell", *(row.label for row in shown)):
            table.add_column(column, overflow="fold")
        table.add_row("reported", *(row.reported or "-" for row in shown), end_section=True)
        for cell, rows in list(zip(cells, summaries, strict=True))[:MOST_SHOWN]:
            by_name = {row.outcome: row for row in rows}
            found = [by_name[row.outcome] for row in shown if row.outcome in by_name]
            table.add_row(cell.label, *("\n".join(ends_of(row, is_single)) for row in found))
    console.print(table)
    if len(cells) > MOST_SHOWN:
        more = len(cells) - MOST_SHOWN
        verb = "is" if more == 1 else "are"
        console.print(f"{counted(more, 'more cell')} {verb} in summary.csv and in the report.")


def ends_of(row: SummaryRow, is_single: bool) -> list[str]:
    """Format the median and the 90 % interval of a row, or, of a single campaign, its value alone."""
    return [format_end(row.median, row), *([] if is_single else [format_interval(row)])]


def format_end(text: str, row: SummaryRow) -> str:
    """Format a quantile: a count as a whole number, other numbers to three significant digits, a date unchanged.

    If no campaign has a value, return a dash.
    """
    try:
        value = float(text)
    except ValueError:
        return text or "-"
    return format_number(value, row.unit)


def format_interval(row: SummaryRow) -> str:
    """Format the 90 % interval of a row as `0.29 to 0.43`, or as a dash if no campaign has a value."""
    return f"{format_end(row.low_5, row)} to {format_end(row.high_95, row)}" if row.low_5 else "-"


def print_speed(backlog: Backlog, settings: Settings, seconds: float, console: Console) -> None:
    """Print the duration of the campaigns of this command, if it ran any."""
    if not backlog.campaigns_done:
        return
    each = seconds / backlog.campaigns_done * 1000
    cells = f" in {len(backlog.cells)} cells" if len(backlog.cells) > 1 else ""
    campaigns = counted(backlog.campaigns_done, "campaign")
    console.print(f"{campaigns}{cells} in {seconds:.1f} s ({each:.1f} ms each, executor={settings.executor.kind})")


class Terse(Console):
    """A console that does not print tables, for studies run as an intermediate step."""

    def print(self, *objects: object, **how: object) -> None:  # type: ignore[override]
        """Print the objects, unless one of them is a table."""
        if not any(isinstance(one, Table) for one in objects):
            super().print(*objects, **how)  # type: ignore[arg-type]
