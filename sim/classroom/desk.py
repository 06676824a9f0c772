"""Queue of campaigns in the classroom: it runs them for all requesters in turn, caches results and reports progress.

Reads   choices of settings, as command-line overrides; who requests them: a browser, or a choice in a class session.
Returns a `Ticket` per request, whose table of outcomes grows until the request is complete.
Order   Requests whose settings have no started campaign come first. Among the others, those of requesters who have
        had fewer turns of `TURN` campaigns come first, then earlier requests. Results are shared, so no campaign is
        run twice.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from typing import Any

import pyarrow as pa
from cachetools import LRUCache

from sim.classroom.choice.parse import check_choice
from sim.classroom.once import OnceCache
from sim.classroom.worker import nicely, run_piece
from sim.configuration.compose import Composer
from sim.configuration.overrides import Overrides
from sim.configuration.settings import Executor, Order, Piece, Settings
from sim.configuration.sweep import order_of
from sim.engine.campaign import Campaign
from sim.errors import PanjError
from sim.execution.executors import Workers, cores
from sim.execution.rerun import rerun_campaign

CHUNK = 10  # number of campaigns per task of a worker; a task takes about 0.1 s
TURN = 200  # number of campaigns in a turn of a requester
MOST_RUNS = 1000
MOST_WAITING = 4  # largest number of unfinished tickets per requester
KEPT_ANSWERS, KEPT_SETTINGS, KEPT_CAMPAIGNS = 300, 60, 3  # only few campaigns, since the world of each takes tens of MB
LATENCIES = 10_000  # number of most recent waiting times kept per kind
LOG = logging.getLogger(__name__)
Listener = Callable[[], None]
# a function such as `run_piece`: returns outcomes, and the first error or an empty string
RunPiece = Callable[[Piece], tuple[pa.Table, str]]


class Closed(Exception):
    """Error for requests to a server that is shutting down."""


class Answer:
    """Finished campaigns of one choice of settings, in chunks; a worker thread must hold the desk's lock to add one."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.chunks: dict[int, pa.Table] = {}
        self.taken: set[int] = set()  # chunks that a worker is running or has run
        self.error = ""

    def next_chunk(self, chunks: range) -> int | None:
        """Return the first of some chunks that no worker has taken; None if all are taken."""
        return next((chunk for chunk in chunks if chunk not in self.taken), None)

    def pack(self) -> None:
        """Copy all chunks into one block of memory; many small tables would take four times as much memory."""
        whole = pa.concat_tables(self.chunks.values()).combine_chunks()
        starts = range(0, whole.num_rows, CHUNK)
        self.chunks = {chunk: whole.slice(start, CHUNK) for chunk, start in zip(self.chunks, starts, strict=True)}


class Ticket:
    """A request for campaigns of one choice of settings, with consecutive seeds."""

    def __init__(
        self, desk: "Desk", who: str, overrides: Overrides, runs: int, answer: Answer, first_seed: int = 0
    ) -> None:
        self.desk, self.who, self.overrides, self.runs, self.answer = desk, who, overrides, runs, answer
        self.chunks = range(first_seed // CHUNK, -(-(first_seed + runs) // CHUNK))
        self.asked_at = time.monotonic()
        self.first_at: float | None = None
        self.ended_at: float | None = None
        self.listeners: list[Listener] = []

    @property
    def done(self) -> int:
        """The number of finished campaigns before the first unfinished chunk."""
        return min(self.runs, sum(chunk.num_rows for chunk in self.tables()))

    @property
    def error(self) -> str:
        """The message of the error that stopped the campaigns; empty if there is none."""
        return self.answer.error

    @property
    def ended(self) -> bool:
        """Whether the request is complete, has failed or was cancelled."""
        return self.ended_at is not None

    @property
    def place(self) -> int:
        """The place in the queue: 0 for the first tickets (one per core) and for ended ones, then 1, 2 and so on."""
        return self.desk.place(self)

    def tables(self) -> list[pa.Table]:
        """Return the finished chunks before the first unfinished chunk."""
        found = []
        for chunk in self.chunks:
            if chunk not in self.answer.chunks:
                break
            found.append(self.answer.chunks[chunk])
        return found

    def table(self) -> pa.Table | None:
        """Return a table of the campaigns counted by `done`, one per row, in order of seed; None if there are none."""
        found = self.tables()
        return pa.concat_tables(found).slice(0, self.runs) if found else None

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Register a listener, which a worker thread calls after every chunk; return a function that removes it."""
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener) if listener in self.listeners else None

    def notify(self) -> None:
        """Call every listener; if one raises an exception, log it, remove the listener and call the others."""
        for listener in list(self.listeners):
            try:
                listener()
            except Exception:
                LOG.exception("a page could not be notified")
                self.listeners.remove(listener)

    def withdraw(self) -> None:
        """Cancel the request."""
        self.desk.withdraw(self)


class WorkerPool:
    """A pool of processes that run campaigns; dead processes are replaced."""

    def __init__(self, count: int) -> None:
        self.workers = Workers(Executor("processes", count, None))

    def run(self, piece: Piece) -> tuple[pa.Table, str]:
        """Run campaigns in a process; return their outcomes, and the first error or an empty string.

        If the process dies, run the campaigns once more.
        """
        return self.call(run_piece, piece)  # type: ignore[no-any-return]

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a module-level function in a low-priority process; if the process dies, call it once more."""
        try:
            return self.workers.submit(nicely, function, *arguments).result()
        except BrokenProcessPool:
            return self.workers.submit(nicely, function, *arguments).result()


class Desk:
    """The queue and the results of one server. Its methods may be called from any thread."""

    def __init__(self, run: RunPiece | None = None, workers: int | None = None) -> None:
        count = workers or cores()
        self.pool = WorkerPool(count) if run is None else None
        self.run = run or self.pool.run  # type: ignore[union-attr]
        self.lock = threading.RLock()
        self.wanted = threading.Condition(self.lock)
        self.hydra = threading.Lock()  # Hydra keeps global state
        self.composer = Composer()
        self.known: OnceCache[Overrides, Settings] = OnceCache(KEPT_SETTINGS)
        self.answers: LRUCache[str, Answer] = LRUCache(KEPT_ANSWERS)
        self.campaigns: OnceCache[tuple[str, int], Campaign] = OnceCache(KEPT_CAMPAIGNS)
        self.waiting: list[Ticket] = []
        self.had: dict[str, int] = {}  # campaigns run for each requester since the queue was last empty
        self.latencies: dict[str, deque[float]] = {}
        self.is_open = True
        for number in range(count):
            threading.Thread(target=self.serve, name=f"desk-{number}", daemon=True).start()

    def settings(self, overrides: Overrides) -> Settings:
        """Compose the settings of a choice, without daily series, and cache them.

        Args:
            overrides: The choice, as overrides of the baseline.

        Returns:
            The settings, cached for the `KEPT_SETTINGS` most recently used choices.

        Raises:
            PanjError: An override is invalid, or is not allowed in a classroom.
        """
        return self.known.get(overrides, lambda: self.composed(overrides))

    def composed(self, overrides: Overrides) -> Settings:
        """Compose the settings of a choice, or raise PanjError if it is invalid or not allowed."""
        check_choice(overrides)
        with self.hydra:
            return self.composer.settings(overrides + Overrides.of(["daily=false"]))

    def ask(self, who: str, overrides: Overrides, runs: int = 200, first_seed: int = 0) -> Ticket:
        """Request campaigns; those whose results are cached are not run again.

        Args:
            who: Identity of the requester, such as the secret of a browser; requesters take turns.
            overrides: The choice of settings.
            runs: Number of campaigns, from 1 to `MOST_RUNS`.
            first_seed: Seed of the first campaign, a multiple of `CHUNK`.

        Returns:
            A ticket, which has already ended if all results are cached.

        Raises:
            PanjError: The settings are invalid, `runs` or `first_seed` is out of range, or the requester already has
                `MOST_WAITING` unfinished tickets.
        """
        if not 1 <= runs <= MOST_RUNS:
            raise PanjError(f"runs: found {runs}, expected 1 to {MOST_RUNS}")
        if first_seed not in range(0, MOST_RUNS, CHUNK):
            raise PanjError(f"first seed: found {first_seed}, expected a multiple of {CHUNK} below {MOST_RUNS}")
        order = order_of(self.settings(overrides))
        with self.lock:
            waiting = sum(ticket.who == who for ticket in self.waiting)
            if waiting >= MOST_WAITING:
                raise PanjError(f"runs: found {waiting} unfinished requests, expected fewer than {MOST_WAITING}; "
                                "wait for one to finish, or cancel one")  # fmt: skip
            ticket = Ticket(self, who, overrides, runs, self.answer_to(order), first_seed)
            if not self.end_if_done(ticket):
                self.waiting.append(ticket)
                self.wanted.notify_all()
            return ticket

    def answer_to(self, order: Order) -> Answer:
        """Return the cached answer for the settings of an order.

        If there is none, or if it has an error, cache and return a new answer without campaigns.
        """
        answer = self.answers.get(order.key)
        if answer is None or answer.error:
            answer = self.answers[order.key] = Answer(order)
        return answer

    def campaign(self, overrides: Overrides, seed: int) -> Campaign:
        """Run one campaign immediately, in this process, unless it is cached.

        Args:
            overrides: The choice of settings.
            seed: Seed of the campaign.

        Returns:
            The campaign with its world; the `KEPT_CAMPAIGNS` most recently used ones are cached.

        Raises:
            PanjError: The settings are invalid, or the campaign fails.
        """
        settings = self.settings(overrides)
        return self.campaigns.get((settings.fingerprint(), seed), lambda: rerun_campaign(settings, seed))

    def withdraw(self, ticket: Ticket) -> None:
        """Remove a ticket from the queue; keep its finished campaigns."""
        with self.lock:
            if ticket in self.waiting:
                self.waiting.remove(ticket)
                ticket.ended_at = time.monotonic()

    def place(self, ticket: Ticket) -> int:
        """Return the place of a ticket in the queue, counted as in `Ticket.place`."""
        with self.lock:
            queue = self.queue()
            return max(0, queue.index(ticket) - cores() + 1) if ticket in queue else 0

    @property
    def is_idle(self) -> bool:
        """Whether no ticket is waiting."""
        with self.lock:
            return not self.waiting

    def queue(self) -> list[Ticket]:
        """Return the waiting tickets in the order in which they will be served."""

        def turn(ticket: Ticket) -> tuple[bool, int, float]:
            return bool(ticket.answer.taken), self.had.get(ticket.who, 0) // TURN, ticket.asked_at

        return sorted(self.waiting, key=turn)

    def serve(self) -> None:
        """Run chunks from the queue until the desk is closed; this is the loop of a worker thread."""
        while self.is_open:
            with self.wanted:
                while (found := self.take()) is None and self.is_open:
                    self.wanted.wait(1.0)
            if found is not None:
                self.run_chunk(*found)

    def take(self) -> tuple[Answer, int] | None:
        """Take the first chunk in the queue that no worker has taken.

        Return the answer to which the chunk belongs and the number of the chunk; None if no chunk is left.
        """
        if not self.waiting:
            self.had.clear()
        for ticket in self.queue():
            chunk = ticket.answer.next_chunk(ticket.chunks)
            if chunk is not None and not ticket.error:
                ticket.answer.taken.add(chunk)
                self.had[ticket.who] = self.had.get(ticket.who, 0) + CHUNK
                return ticket.answer, chunk
        return None

    def run_chunk(self, answer: Answer, chunk: int) -> None:
        """Run a chunk and, unless the desk has been closed, store it and notify the tickets waiting for it."""
        seeds = tuple(range(chunk * CHUNK, (chunk + 1) * CHUNK))
        try:
            table, error = self.run(Piece(answer.order, seeds))
        except Exception as failure:  # the worker thread must continue with the next chunk
            table, error = None, f"{type(failure).__name__}: {failure}"
        with self.lock:
            if not self.is_open:
                return
            if table is not None:
                answer.chunks[chunk] = table
            answer.error = answer.error or error
            concerned = [ticket for ticket in self.waiting if ticket.answer is answer]
            for ticket in concerned:
                if ticket.first_at is None and ticket.done:
                    ticket.first_at = time.monotonic()
                    self.measure("first_distribution", ticket.first_at - ticket.asked_at)
                self.end_if_done(ticket)
            self.wanted.notify_all()
        for ticket in concerned:
            ticket.notify()

    def end_if_done(self, ticket: Ticket) -> bool:
        """End a ticket and remove it from the queue if it is complete or has failed; return whether it has ended."""
        if ticket.done < ticket.runs and not ticket.error:
            return False
        ticket.ended_at = time.monotonic()
        ticket.first_at = ticket.first_at or ticket.ended_at
        self.measure("whole_distribution", ticket.ended_at - ticket.asked_at)
        if ticket in self.waiting:
            self.waiting.remove(ticket)
            if ticket.answer.chunks:
                ticket.answer.pack()
        return True

    def measure(self, what: str, seconds: float) -> None:
        """Record a waiting time of the kind `what`, in seconds."""
        self.latencies.setdefault(what, deque(maxlen=LATENCIES)).append(seconds)

    def check_open(self) -> None:
        """Raise Closed if the desk has been closed."""
        if not self.is_open:
            raise Closed

    def close(self) -> None:
        """Stop the worker threads, and their processes immediately; unfinished chunks are not stored."""
        with self.wanted:
            self.is_open = False
            self.wanted.notify_all()
        if self.pool is not None:
            self.pool.workers.stop()


@cache
def the_desk() -> Desk:
    """Return the desk of this process.

    Returns:
        The desk, which is created by the first call.
    """
    return Desk()
