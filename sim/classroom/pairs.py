"""Run many pairs of one fork, and find an evening and an outcome for which a decision has a detectable effect.

A pair is one campaign continued twice from the end of a day: unchanged, and with one decision changed, with the same
random draws in both.

Reads   a choice of settings, a decision and a day.
Returns tables of outcomes with one row per pair, for `sim.classroom.reading`.
Assumes Pairs end on the day after the record, because every outcome on offer is counted by then. The trial pairs used
to suggest an evening have other seeds than the pairs shown, so that the selection does not inflate the difference.
"""

import math
import pickle
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from datetime import date, timedelta
from functools import cache, lru_cache, partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from scipy.stats import t as student

from sim.classroom.desk import Desk, the_desk
from sim.classroom.once import OnceCache
from sim.classroom.reading import MAIN_OUTCOMES, Campaigns
from sim.configuration.overrides import Override, Overrides
from sim.data.facts import THE_LINE
from sim.engine.layout import fresh
from sim.errors import PanjError
from sim.execution.executors import cores
from sim.execution.work import outcomes_of
from sim.outcome import Value, count_outcomes, is_date
from sim.story.branches import Turn, check_effect, run_branches, turn_of

PAIRS = 200  # number of pairs shown
CHUNK = 10  # pairs that a worker runs at a time
STEP = 2  # number of pairs that a worker runs at a time if nobody is waiting, so that the server can stop immediately
TRIAL = 40  # number of trial pairs for an evening
TRIAL_SEED = 5_000  # first seed of trial pairs
WEEKS = 2  # weeks between the evenings to try, and between the latest of them and the end of the record
LEVEL = 0.95  # confidence level of the interval of the trial mean, before the correction for multiple comparisons
# what decisions set themselves, which answers no question: calls by reinforcement, families by the border
SET_BY_DECISIONS = {"calls_answered", "refugees_admitted_by_2021_07_07", "peak_queue"}
# deaths are never suggested as an outcome
SUGGESTED = tuple(name for name in MAIN_OUTCOMES if "killed" not in name and name not in SET_BY_DECISIONS)
WAIT = 0.2  # seconds between checks whether visitors' requests are still running
KEPT = 30  # largest numbers of forks with cached pairs (trial and other pairs), and of cached suggestions
RunSeeds = Callable[[Sequence[int]], "Rows"]
Rows = list[tuple[dict[str, Value], dict[str, Value]]]  # outcomes without and with the change, one row per pair


class Fork(NamedTuple):
    """A choice of settings, and a decision that is changed at the end of a day."""

    overrides: Overrides
    change: Override
    evening: date


class Suggestion(NamedTuple):
    """An evening and an outcome for which a decision has a detectable effect according to trial pairs."""

    evening: date
    outcome: str
    size: float = 0.0  # absolute mean of the trial differences, in standard deviations
    # whether the trial pairs detect the difference; `PAIRS` pairs can then be expected to detect it
    is_clear: bool = False


class Example(NamedTuple):
    """A decision with a clear answer, with its evening and outcome."""

    change: Override
    found: Suggestion


def turn_for(fork: Fork, desk: Desk) -> Turn:
    """Resolve a fork to settings that end on the day after the record.

    Args:
        fork: The fork.
        desk: Composes settings.

    Raises:
        PanjError: The change cannot be made on that day.
    """
    last = THE_LINE + timedelta(days=1)
    overrides = fork.overrides
    if desk.settings(overrides).end_date > last:
        overrides = overrides.without(["end_date"]) + Overrides.from_rows([Override.of("end_date", last.isoformat())])
    return turn_of(overrides, Overrides.from_rows([fork.change]), fork.evening, desk)


def run_pairs(turn: Turn, seeds: Sequence[int]) -> Rows:
    """Run pairs in this process.

    Args:
        turn: The fork, resolved to settings.
        seeds: The seed of each pair.

    Returns:
        The outcomes of both branches of each pair that can be counted by the last day.
    """
    settings = turn.before
    table = [row for row in outcomes_of(settings.start_date, settings.days) if row.last >= 0]
    found = []
    worlds = fresh(settings.layout.world), fresh(settings.layout.world)  # reused for every pair
    for seed in seeds:
        both = run_branches(*turn.courses(seed), seed, settings.days, turn.day, settings.seed_of(seed), worlds)
        without, with_ = (count_outcomes(one, table, settings.facts, settings.start_date) for one in both)
        found.append((without, with_))
    return found


class PairRun:
    """The pairs of one fork, run in chunks by any number of threads.

    Args:
        turn: The fork, resolved to settings.
        seeds: The seed of each pair.
        run: Runs the pairs with the given seeds.
    """

    def __init__(self, turn: Turn, seeds: Sequence[int], run: RunSeeds) -> None:
        self.turn, self.run, self.count = turn, run, len(seeds)
        parts = [seeds[place : place + CHUNK] for place in range(0, len(seeds), CHUNK)]
        self.chunks = [(part, Future[tuple[pa.Table, pa.Table]]()) for part in parts]
        self.left = deque(self.chunks)  # chunks that no thread has taken
        self.lock = threading.Lock()
        self.is_hurried = False

    def work(self, wait: Callable[[], None] = lambda: None, step: int = CHUNK) -> None:
        """Run chunks until all are taken, with a call of `wait` before each; a worker runs `step` pairs at a time."""
        while self.left:
            wait()
            with self.lock:
                seeds, found = self.left.popleft() if self.left else (None, None)
            if seeds is None or found is None:
                return
            try:
                parts = (seeds[place : place + step] for place in range(0, len(seeds), step))
                found.set_result(tables_of(seeds, [row for part in parts for row in self.run(part)]))
            except BaseException as error:  # raised again in the waiting thread, which then stops waiting
                self.left.clear()
                found.set_exception(error)

    def hurry(self) -> None:
        """Run the remaining pairs on all cores; Ctrl-C does not wait for these threads."""
        with self.lock:
            is_first, self.is_hurried = not self.is_hurried, True
        for _ in range(cores() if is_first else 0):
            threading.Thread(target=self.work, name="pairs", daemon=True).start()

    def results(self) -> Iterator[tuple[Campaigns, Campaigns]]:
        """Yield all finished campaigns after every chunk, or once at the end; raise the error of a failed chunk."""
        is_done = all(found.done() for _, found in self.chunks)
        tables: list[tuple[pa.Table, pa.Table]] = []
        for _, found in self.chunks:
            tables.append(found.result())
            if not is_done or len(tables) == len(self.chunks):
                without, with_ = (
                    pa.concat_tables(side, promote_options="permissive") for side in zip(*tables, strict=True)
                )
                yield Campaigns(self.turn.before, without, self.count), Campaigns(self.turn.after, with_, self.count)


class PairRunner:
    """Runner of pairs in the worker processes of the classroom, with a cache of recent forks.

    Args:
        runs: Function that takes a resolved change and returns the function that runs its pairs, given their seeds.
        desk: The desk, which composes settings.
    """

    def __init__(self, runs: Callable[[Turn], RunSeeds], desk: Desk) -> None:
        self.runs, self.desk = runs, desk
        self.kept: OnceCache[tuple[Fork, int, int], PairRun] = OnceCache(KEPT)
        self.found: OnceCache[tuple[Fork, ...], Suggestion] = OnceCache(KEPT)
        self.examples: OnceCache[tuple[Fork, ...], Example | None] = OnceCache(KEPT)
        self.lock = threading.Lock()
        self.visitors = 0  # number of running requests of visitors; other work is done only while there are none

    @contextmanager
    def visiting(self) -> Iterator[None]:
        """Count a request of a visitor while it runs."""
        with self.lock:
            self.visitors += 1
        try:
            yield
        finally:
            with self.lock:
                self.visitors -= 1

    def wait_for_visitors(self) -> None:
        """Wait until no visitor is waiting for campaigns; raise Closed if the server is stopped."""
        while self.visitors or not self.desk.is_idle:
            time.sleep(WAIT)
            self.desk.check_open()

    def pairs(
        self, fork: Fork, count: int = PAIRS, first_seed: int = 0, is_urgent: bool = True
    ) -> Iterator[tuple[Campaigns, Campaigns]]:
        """Run pairs, and repeatedly yield all that have finished so far.

        Args:
            fork: The fork.
            count: Number of pairs.
            first_seed: Seed of the first pair.
            is_urgent: Whether a visitor is waiting for them; otherwise they run only while no visitor is waiting.

        Yields:
            The campaigns without and with the change, in the order of seeds.

        Raises:
            PanjError: The change cannot be made on that day, or has no effect.
        """
        key = fork, count, first_seed
        run = self.kept.get(key, lambda: self.begin(*key))
        try:
            if is_urgent:
                run.hurry()
                with self.visiting():
                    yield from run.results()
            else:
                run.work(self.wait_for_visitors, STEP)
                yield from run.results()
        except Exception:
            self.kept.drop(key, run)
            raise

    def begin(self, fork: Fork, count: int, first_seed: int) -> PairRun:
        """Resolve a fork and check that the change has an effect; return its pairs, before they are run."""
        turn = turn_for(fork, self.desk)
        seeds = range(first_seed, first_seed + count)
        check_effect(turn, seeds[:1], (fork.change.text,))
        return PairRun(turn, seeds, self.runs(turn))

    def trial(self, fork: Fork, tried: int, is_urgent: bool = True) -> Suggestion | None:
        """Return the clearest outcome of the trial pairs of a fork; None if no outcome differs.

        Args:
            fork: The fork.
            tried: Number of forks that are compared.
            is_urgent: Whether a visitor is waiting for it.

        Raises:
            PanjError: The change cannot be made on that day, or has no effect.
        """
        *_, (without, with_) = self.pairs(fork, TRIAL, TRIAL_SEED, is_urgent)
        return clearest(fork.evening, without, with_, tried)

    def suggest(self, forks: Sequence[Fork]) -> Suggestion:
        """Find the latest evening and an outcome for which `PAIRS` pairs can be expected to detect an effect.

        Args:
            forks: Forks with one decision on several evenings.

        Returns:
            The latest of these evenings with a clear outcome, and the clearest outcome of that evening. If there is
            none, the evening and outcome with the largest difference in standard deviations.

        Raises:
            PanjError: The decision has no effect on any of these evenings.
        """
        latest_first = tuple(sorted(forks, key=lambda fork: fork.evening, reverse=True))
        return self.found.get(latest_first, lambda: self.search(latest_first))

    def search(self, forks: Sequence[Fork], is_urgent: bool = True) -> Suggestion:
        """Try forks in order until one has a clear outcome; return the best one found."""
        best: Suggestion | None = None
        trouble = PanjError("fork: found no outcome that the decision changes, expected one")
        for fork in forks:
            try:
                found = self.trial(fork, len(forks), is_urgent)
            except PanjError as error:  # the decision may have no effect after this evening
                trouble = error
                continue
            if found is not None and (best is None or found.is_clear or found.size > best.size):
                best = found
            if best is not None and best.is_clear:
                return best
        if best is None:
            raise trouble
        return best

    def example(self, forks: Sequence[Fork]) -> Example | None:
        """Find the first of several forks with a clear answer, while no visitor is waiting for campaigns.

        Args:
            forks: Forks with different decisions, in the order in which they are tried.

        Returns:
            The decision with its evening and clearest outcome; None if no fork has a clear answer.
        """
        return self.examples.get(tuple(forks), lambda: self.first_clear(forks))

    def first_clear(self, forks: Sequence[Fork]) -> Example | None:
        """Try forks in order; return the first with a clear outcome, or None if there is none."""
        for fork in forks:
            try:
                found = self.trial(fork, len(forks), is_urgent=False)
            except PanjError:  # the decision has no effect after this evening
                continue
            if found is not None and found.is_clear:
                return Example(fork.change, found)
        return None

    def known_example(self, forks: Sequence[Fork]) -> Example | None:
        """Return the cached result of `example` for the same forks, or None if there is none."""
        return self.examples.known(tuple(forks), None)

    def prepare(self, forks: Sequence[Fork]) -> None:
        """Run the pairs that `suggest` and `pairs` would run for a visitor in advance, while no visitor is waiting.

        The pairs are cached, but not the result of the search. If a visitor requests the same forks, the remaining
        pairs are run on all cores.

        Args:
            forks: Forks with one decision on several evenings.

        Raises:
            PanjError: The decision has no effect on any of these evenings.
        """
        latest_first = sorted(forks, key=lambda fork: fork.evening, reverse=True)
        found = self.search(latest_first, is_urgent=False)
        for _ in self.pairs(next(fork for fork in forks if fork.evening == found.evening), is_urgent=False):
            pass


def tables_of(seeds: Sequence[int], rows: Rows) -> tuple[pa.Table, pa.Table]:
    """Return the outcomes of both branches as tables, with one row per pair."""
    without, with_ = (
        pa.table(
            {"seed": pa.array(seeds, pa.int64()), **{name: [row[side][name] for row in rows] for name in rows[0][0]}}
        )
        for side in (0, 1)
    )
    return without, with_


def clearest(evening: date, without: Campaigns, with_: Campaigns, tried: int) -> Suggestion | None:
    """Return the outcome with the largest trial difference in standard deviations; None if no outcome differs.

    Args:
        evening: Day of the fork.
        without: Trial campaigns without the change.
        with_: Trial campaigns with the change.
        tried: Number of forks that are compared.
    """
    assert without.table is not None and with_.table is not None
    start = without.settings.start_date
    rows = [
        row
        for row in outcomes_of(start, without.settings.days)
        if row.name in SUGGESTED and not is_date(row) and row.last > (evening - start).days
    ]
    sizes = {}
    for row in rows:
        after, before = (np.asarray(table[row.name].to_pylist(), float) for table in (with_.table, without.table))
        sizes[row.name] = size_of(after - before)
    name = max(sizes, key=lambda one: sizes[one], default="")
    if not name or sizes[name] == 0:
        return None
    return Suggestion(evening, name, sizes[name], is_detectable(sizes[name], tried * len(rows)))


def size_of(differences: np.ndarray) -> float:
    """Return the absolute mean of differences in standard deviations; 0 if all differences are zero."""
    known = differences[~np.isnan(differences)]
    if known.size < 2 or not known.any():
        return 0.0
    spread = float(known.std(ddof=1))
    return math.inf if spread == 0 else abs(float(known.mean())) / spread


def is_detectable(size: float, comparisons: int) -> bool:
    """Return whether trial pairs show a clear difference, given that it is the largest of several.

    Args:
        size: Absolute mean of the trial differences, in standard deviations.
        comparisons: Number of differences of which this is the largest.

    Returns:
        True if the interval of the trial mean excludes zero at `LEVEL`, with a Bonferroni correction for the number of
        comparisons. The interval over `PAIRS` pairs is less than half as wide.
    """
    error = (1 - LEVEL) / comparisons
    return size * math.sqrt(TRIAL) > float(student.ppf(1 - error / 2, TRIAL - 1))


def evenings_to_try(start: date, last: date) -> list[date]:
    """Return the evenings to try, latest first; the latest is two weeks before the end of the record.

    Args:
        start: First day of the campaigns.
        last: Last evening on which a decision can change.
    """
    latest = min(last, THE_LINE - timedelta(weeks=WEEKS))
    return [start + timedelta(days=day) for day in range((latest - start).days, -1, -7 * WEEKS)] or [last]


@cache
def the_pair_runner() -> PairRunner:
    """Return the runner of this server."""
    return PairRunner(in_workers, the_desk())


def in_workers(turn: Turn) -> RunSeeds:
    """Return a function that runs pairs of a fork in a worker process or, if the classroom has none, in this process.

    The fork is pickled only once, since the settings of worlds that followed the record take megabytes.
    """
    if the_desk().pool is None:
        return partial(run_pairs, turn)
    return partial(in_a_worker, pickle.dumps(turn))


def in_a_worker(pickled: bytes, seeds: Sequence[int]) -> Rows:
    """Run pairs of a pickled fork in a worker process; raise Closed if the server is stopped."""
    desk = the_desk()
    desk.check_open()
    assert desk.pool is not None
    try:
        return desk.pool.call(run_pickled, pickled, seeds)  # type: ignore[no-any-return]
    except (RuntimeError, CancelledError):  # the pool has been shut down
        desk.check_open()
        raise


def run_pickled(pickled: bytes, seeds: Sequence[int]) -> Rows:
    """Run pairs of a pickled fork in this process, which caches the last few forks."""
    return run_pairs(unpickled(pickled), seeds)


@lru_cache(maxsize=2)
def unpickled(pickled: bytes) -> Turn:
    """Unpickle a fork."""
    return pickle.loads(pickled)  # type: ignore[no-any-return]
