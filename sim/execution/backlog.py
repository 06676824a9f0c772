"""Manage the backlog of a sweep: campaigns that are not stored, which workers run in tasks of a few seconds.

If a precision is requested, a cell gets more campaigns until the 95 % interval of the mean of one outcome is narrow
enough. The number to add is determined only after all campaigns requested so far have finished, so that it does not
depend on workers or restarts.
"""

import math
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sim.configuration.settings import Order, Piece, Precision
from sim.configuration.sweep import Cell
from sim.data.facts import facts_here
from sim.execution.work import outcomes_of
from sim.study.columns import CHANGES, DRAWN, FIRST_FALL, Counting
from sim.study.reader import StudyCell
from sim.study.store import chunks_of, recorded

TARGET = 2.0  # desired duration of a task, seconds
FIRST = 1  # number of campaigns per task until their duration is known, since an uncompiled campaign takes a minute
NORMAL_95 = 1.959963984540054  # half-width of the 95 % interval of the standard normal distribution


class Verdict(NamedTuple):
    """Half-width of the interval of a cell, and whether it is small enough."""

    label: str
    runs: int
    half_width: float
    is_reached: bool


class CellWork:
    """Requested seeds of one cell, and the progress of their campaigns: waiting, running, finished or failed."""

    def __init__(self, order: Order, scope: StudyCell, first_seed: int, study: Path) -> None:
        self.order = order
        self.scope = scope
        self.first_seed = first_seed
        self.runs = scope.runs
        drawn = [] if order.draws is None else [DRAWN + prior.key for prior in order.draws.priors]
        found = recorded(study, order.key, [CHANGES, FIRST_FALL, *drawn])
        self.damaged = found.damaged
        self.done = set(found.done)
        self.failed: set[int] = set()  # seeds that failed during this command; earlier failures are retried
        self.before = sum(seed in self.done for seed in self.seeds())
        self.waiting = deque(seed for seed in self.seeds() if seed not in self.done)
        self.open = len(self.waiting)  # seeds that are waiting or running

    def seeds(self) -> range:
        """Return the seeds of all campaigns requested for the cell."""
        return range(self.first_seed, self.first_seed + self.runs)

    @property
    def is_finished(self) -> bool:
        """Whether no campaign of the cell is waiting or running."""
        return self.open == 0

    def grow(self, runs: int) -> None:
        """Increase the number of requested campaigns to `runs`."""
        more = [seed for seed in range(self.first_seed + self.runs, self.first_seed + runs) if seed not in self.done]
        self.waiting.extend(more)
        self.open += len(more)
        self.before += runs - self.runs - len(more)
        self.runs = max(self.runs, runs)


class Backlog:
    """Campaigns of a sweep that are not stored, by cell."""

    def __init__(
        self, cells: Sequence[Cell], scopes: Sequence[StudyCell], first_seed: int, study: Path, precision: Precision
    ) -> None:
        self.study = study
        self.precision = precision
        self.cells: list[CellWork] = []
        known: set[str] = set()
        for cell, scope in zip(cells, scopes, strict=True):
            if scope.fingerprint not in known:  # cells with the same settings are run only once
                self.cells.append(CellWork(cell.order, scope, first_seed, study))
            known.add(scope.fingerprint)
        self.verdicts: list[Verdict] = []
        self.open = deque(range(len(self.cells)))
        self.turns = deque(self.open)  # cells get tasks in turn, so that all of them start early
        self.seconds_each = 0.0
        self.campaigns_done = 0
        self.failures = 0

    @property
    def total(self) -> int:
        """Number of campaigns requested so far, including stored ones, which may grow to reach a precision."""
        return sum(cell.runs for cell in self.cells)

    @property
    def already(self) -> int:
        """Number of requested campaigns that were stored before this command started."""
        return sum(cell.before for cell in self.cells)

    @property
    def waiting(self) -> int:
        """Number of requested campaigns that are neither stored nor assigned to a worker."""
        return sum(len(cell.waiting) for cell in self.cells)

    @property
    def finished_cells(self) -> int:
        """Number of cells without waiting or running campaigns."""
        return sum(cell.is_finished for cell in self.cells)

    def size(self, workers: int) -> int:
        """Return the number of campaigns in the next task.

        A task takes a few seconds. Near the end, tasks are smaller, so that all workers stay busy.
        """
        wanted = FIRST if self.seconds_each == 0.0 else max(1, round(TARGET / self.seconds_each))
        return min(wanted, max(math.ceil(self.waiting / (2 * workers)), round(wanted / 8), 1))

    def take(self, workers: int) -> list[tuple[int, Piece]]:
        """Remove the next task from the backlog, and return its seeds as pieces with the index of their cells."""
        left = self.size(workers)
        task = []
        for _ in range(len(self.turns)):
            place = self.turns[0]
            self.turns.rotate(-1)
            cell = self.cells[place]
            if cell.waiting:
                seeds = tuple(cell.waiting.popleft() for _ in range(min(left, len(cell.waiting))))
                left -= len(seeds)
                task.append((place, Piece(cell.order, seeds)))
            if not left:
                break
        return task

    def finished(self, place: int, chunk: pa.Table) -> None:
        """Update the counts after a chunk of the cell at index `place` has been stored."""
        cell = self.cells[place]
        seeds, is_done = chunk["seed"].to_numpy(), chunk["error"].is_null().to_numpy()
        cell.done |= set(seeds[is_done].tolist())
        cell.failed |= set(seeds[~is_done].tolist())
        cell.open -= len(seeds)
        self.campaigns_done += int(is_done.sum())
        self.failures += int((~is_done).sum())

    def record_duration(self, seconds: float, campaigns: int) -> None:
        """Update the estimated seconds per campaign, which determine the size of later tasks, after a finished task."""
        each = seconds / campaigns
        self.seconds_each = each if self.seconds_each == 0.0 else 0.5 * (self.seconds_each + each)

    def grow(self) -> None:
        """Request more campaigns for finished cells that have not reached the requested precision."""
        if self.precision.outcome is None:
            return
        for place in list(self.open):
            cell = self.cells[place]
            while cell.is_finished and place in self.open:  # repeated because the added seeds may already be stored
                self.decide(place, cell, self.precision.outcome)

    def decide(self, place: int, cell: CellWork, outcome: str) -> None:
        """Request more campaigns for a cell, or record its verdict if it is precise enough or complete.

        The number needed is estimated from the standard deviation so far (Law 2015, section 9.4).
        """
        target, most = self.precision.half_width, self.precision.runs_max
        values = self.values_of(cell, outcome)
        half_width = half_width_of(values)
        if half_width <= target or cell.runs >= most:
            self.open.remove(place)
            self.verdicts.append(Verdict(cell.scope.label, cell.runs, half_width, half_width <= target))
            return
        needed = cell.runs * (half_width / target) ** 2 if math.isfinite(half_width) else 2 * cell.runs
        step = min(max(1.02 * needed, cell.runs + 10), 4 * cell.runs, most)
        cell.grow(min(most, 10 * math.ceil(step / 10)))

    def values_of(self, cell: CellWork, outcome: str) -> np.ndarray:
        """Return the values of an outcome in the finished campaigns of a cell, without missing values."""
        wanted = cell.seeds()
        found: list[float] = []
        order = cell.order
        counting = Counting(outcomes_of(order.start, order.days), facts_here(), order.start, order.days)
        for done, _ in chunks_of(self.study, order.key, counting):
            pairs = zip(done["seed"].to_pylist(), done[outcome].to_pylist(), strict=True)
            found += [value for seed, value in pairs if seed in wanted and value is not None]
        return np.array(found, float)


def half_width_of(values: np.ndarray) -> float:
    """Return the half-width of the 95 % interval of the mean of `values`, by the normal approximation.

    It is infinite for fewer than two values.
    """
    if len(values) < 2:
        return math.inf
    return float(NORMAL_95 * values.std(ddof=1) / math.sqrt(len(values)))
