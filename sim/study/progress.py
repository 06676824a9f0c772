"""Progress of a sweep: one live line in a terminal, plain log lines elsewhere."""

import time
from types import TracebackType
from typing import Self

import rich.progress
from rich.console import Console

from sim.study.backlog import Backlog

EVERY = 30.0  # seconds between plain lines
SHARE = 0.25  # or when so much more is done


class Progress:
    """Cells, campaigns, rate, time left and failures, for as long as the sweep runs."""

    def __init__(self, backlog: Backlog, console: Console) -> None:
        self.backlog = backlog
        self.console = console
        self.started = self.said_at = time.monotonic()
        self.said = 0.0
        columns = (
            rich.progress.TextColumn("{task.description}"),
            rich.progress.BarColumn(),
            rich.progress.TextColumn("{task.completed:,.0f} of {task.total:,.0f} campaigns{task.fields[words]}"),
        )
        self.bar = rich.progress.Progress(*columns, console=console, disable=not console.is_terminal)
        self.task = self.bar.add_task(self.cells(), total=backlog.total, completed=backlog.already, words="")

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def update(self) -> None:
        """Say where the sweep is."""
        backlog = self.backlog
        done = backlog.already + backlog.campaigns_done + backlog.failures
        self.bar.update(
            self.task, completed=done, total=backlog.total, description=self.cells(), words=self.words(done)
        )
        share, now = done / backlog.total, time.monotonic()
        if not self.console.is_terminal and (share - self.said >= SHARE or now - self.said_at >= EVERY):
            self.console.print(f"{self.cells()}, {done:,} of {backlog.total:,} campaigns{self.words(done)}")
            self.said, self.said_at = share, now

    def cells(self) -> str:
        """Cells that are finished."""
        return f"{self.backlog.finished_cells} of {len(self.backlog.cells)} cells"

    def words(self, done: int) -> str:
        """Rate, time left, failures."""
        now_done = done - self.backlog.already
        if now_done <= 0:
            return ""
        rate = now_done / max(1e-9, time.monotonic() - self.started)
        left = (self.backlog.total - done) / rate
        failures = self.backlog.failures
        failed = f", {failures} failed" if failures else ""
        return f", {rate:.3g} a second, {say_time(left)} left{failed}"


def say_time(seconds: float) -> str:
    """`12 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
