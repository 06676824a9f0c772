"""Queue of the classroom: runs campaigns for all requesters in turn, shares results and reports progress.

Reads   choices of settings, as overrides of the command line, and the requester: a browser, or one choice of a class.
Returns a `Ticket` per request, whose table of outcomes grows until the request is complete.
Assumes Every request gets a first chunk before any gets a second. After that, requesters with fewer turns come first,
        and among these the earlier request. Results are shared: the same settings are not run twice.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from functools import cache

import pyarrow as pa
from cachetools import LRUCache

from sim.classroom.choice.parse import check_choice
from sim.classroom.worker import run_piece_nicely
from sim.engine.campaign import Campaign
from sim.errors import PanjError
from sim.run.executors import Workers, cores
from sim.run.rerun import rerun_campaign
from sim.settings.compose import Composer
from sim.settings.overrides import Overrides
from sim.settings.settings import Executor, Order, Piece, Settings
from sim.settings.sweep import Cell

CHUNK = 10  # campaigns per turn of a worker: a tenth of a second
TURN = 200  # campaigns of one requester before the turn of the next
MOST_RUNS = 1000
MOST_WAITING = 4  # unfinished tickets per requester
KEPT_ANSWERS, KEPT_SETTINGS, KEPT_CAMPAIGNS = 300, 60, 3  # a campaign holds its world, tens of megabytes
LATENCIES = 10_000  # number of most recent measurements kept per kind
LOG = logging.getLogger(__name__)
Listener = Callable[[], None]
RunPiece = Callable[[Piece], tuple[pa.Table, str]]  # outcomes of a few campaigns, and the first error, or empty


class Answer:
    """The campaigns of one choice of settings, in chunks; workers write to it under the lock of the desk."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.chunks: dict[int, pa.Table] = {}
        self.taken: set[int] = set()  # chunks that a worker is running or has run
        self.error = ""

    def next_chunk(self, chunks: range) -> int | None:
        """Return the first of these chunks that no worker has taken; None if there is none."""
        return next((chunk for chunk in chunks if chunk not in self.taken), None)

    def pack(self) -> None:
        """Store all chunks in one block of memory, as many small tables take four times as much."""
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
        """The number of finished campaigns."""
        return min(self.runs, sum(chunk.num_rows for chunk in self.tables()))

    @property
    def error(self) -> str:
        """The error that stopped the campaigns; empty if there is none."""
        return self.answer.error

    @property
    def ended(self) -> bool:
        """Whether the request is complete, has failed or was cancelled."""
        return self.ended_at is not None

    @property
    def place(self) -> int:
        """The number of tickets waiting before this one; 0 once its campaigns are being run or it has ended."""
        return self.desk.place(self)

    def tables(self) -> list[pa.Table]:
        """Return the finished chunks up to the first that is not finished."""
        found = []
        for chunk in self.chunks:
            if chunk not in self.answer.chunks:
                break
            found.append(self.answer.chunks[chunk])
        return found

    def table(self) -> pa.Table | None:
        """Return one row per finished campaign, by seed, with `seed` and every outcome; None if none is finished."""
        found = self.tables()
        return pa.concat_tables(found).slice(0, self.runs) if found else None

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` after every change, from a thread of the desk; return a function that removes it."""
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener) if listener in self.listeners else None

    def notify(self) -> None:
        """Call every listener; one that raises an error is removed, and the others are still called."""
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
    """Processes that run campaigns; a process that has died is replaced."""

    def __init__(self, count: int) -> None:
        self.workers = Workers(Executor("processes", count, None))

    def run(self, piece: Piece) -> tuple[pa.Table, str]:
        """Run campaigns in a process and wait for them; if the process dies, try once more."""
        try:
            return self.workers.submit(run_piece_nicely, piece).result()  # type: ignore[no-any-return]
        except BrokenProcessPool:
            return self.workers.submit(run_piece_nicely, piece).result()  # type: ignore[no-any-return]


class Desk:
    """The queue and the results of one server. Every method may be called from any thread."""

    def __init__(self, run: RunPiece | None = None, workers: int | None = None) -> None:
        count = workers or cores()
        self.pool = WorkerPool(count) if run is None else None
        self.run = run or self.pool.run  # type: ignore[union-attr]
        self.lock = threading.RLock()
        self.wanted = threading.Condition(self.lock)
        self.hydra = threading.Lock()  # Hydra keeps global state
        self.composer = Composer()
        self.known: LRUCache[Overrides, Settings] = LRUCache(KEPT_SETTINGS)
        self.answers: LRUCache[str, Answer] = LRUCache(KEPT_ANSWERS)
        self.campaigns: LRUCache[tuple[str, int], Campaign] = LRUCache(KEPT_CAMPAIGNS)
        self.waiting: list[Ticket] = []
        self.had: dict[str, int] = {}  # campaigns by requester since the queue was last empty
        self.latencies: dict[str, deque[float]] = {}
        self.is_open = True
        for number in range(count):
            threading.Thread(target=self.serve, name=f"desk-{number}", daemon=True).start()

    def settings(self, overrides: Overrides) -> Settings:
        """Resolve a choice of settings.

        Args:
            overrides: The choice of settings.

        Returns:
            The settings; the last `KEPT_SETTINGS` are cached.

        Raises:
            PanjError: An override is wrong, or is not allowed in a classroom.
        """
        with self.lock:
            if overrides in self.known:
                return self.known[overrides]
        check_choice(overrides)
        with self.hydra:
            found = self.composer.settings(overrides + Overrides.of(["daily=false"]))
        with self.lock:
            self.known[overrides] = found
        return found

    def ask(self, who: str, overrides: Overrides, runs: int = 200, first_seed: int = 0) -> Ticket:
        """Request campaigns; those whose results are cached are not run again.

        Args:
            who: Name of the requester; requesters take turns.
            overrides: The choice of settings.
            runs: Number of campaigns, from 1 to `MOST_RUNS`.
            first_seed: Seed of the first campaign, a multiple of `CHUNK`.

        Returns:
            A ticket, which has already ended if all results are cached.

        Raises:
            PanjError: The settings are wrong, a number is out of range, or the requester has too many tickets waiting.
        """
        if not 1 <= runs <= MOST_RUNS:
            raise PanjError(f"runs: found {runs}, expected 1 to {MOST_RUNS}")
        if first_seed not in range(0, MOST_RUNS, CHUNK):
            raise PanjError(f"first seed: found {first_seed}, expected a multiple of {CHUNK} below {MOST_RUNS}")
        order = Cell(0, {}, (), self.settings(overrides)).order
        with self.lock:
            waiting = sum(ticket.who == who for ticket in self.waiting)
            if waiting >= MOST_WAITING:
                raise PanjError(f"runs: found {waiting} requests waiting, expected fewer than {MOST_WAITING}; "
                                "wait for one to finish, or cancel one")  # fmt: skip
            ticket = Ticket(self, who, overrides, runs, self.answer_to(order), first_seed)
            if not self.end_if_done(ticket):
                self.waiting.append(ticket)
                self.wanted.notify_all()
            return ticket

    def answer_to(self, order: Order) -> Answer:
        """Return the cached answer for these settings; a missing one, or one with an error, is started anew."""
        answer = self.answers.get(order.key)
        if answer is None or answer.error:
            answer = self.answers[order.key] = Answer(order)
        return answer

    def campaign(self, overrides: Overrides, seed: int) -> Campaign:
        """Run one campaign immediately, in this process.

        Args:
            overrides: The choice of settings.
            seed: Seed of the campaign.

        Returns:
            The campaign with its world; the last `KEPT_CAMPAIGNS` are cached.

        Raises:
            PanjError: The settings are wrong, or the campaign fails.
        """
        settings = self.settings(overrides)
        key = settings.fingerprint(), seed
        with self.lock:
            if key in self.campaigns:
                return self.campaigns[key]
        campaign = rerun_campaign(settings, seed)
        with self.lock:
            self.campaigns[key] = campaign
        return campaign

    def withdraw(self, ticket: Ticket) -> None:
        """Remove a ticket from the queue; its finished campaigns are kept."""
        with self.lock:
            if ticket in self.waiting:
                self.waiting.remove(ticket)
                ticket.ended_at = time.monotonic()

    def place(self, ticket: Ticket) -> int:
        """Return the number of tickets before this one that no worker is running."""
        with self.lock:
            queue = self.queue()
            return max(0, queue.index(ticket) - cores() + 1) if ticket in queue else 0

    def queue(self) -> list[Ticket]:
        """Return the waiting tickets in the order in which they will be served."""

        def turn(ticket: Ticket) -> tuple[bool, int, float]:
            return bool(ticket.answer.taken), self.had.get(ticket.who, 0) // TURN, ticket.asked_at

        return sorted(self.waiting, key=turn)

    def serve(self) -> None:
        """Run the next chunk in the queue, again and again; this is the loop of a worker thread."""
        while self.is_open:
            with self.wanted:
                while (found := self.take()) is None and self.is_open:
                    self.wanted.wait(1.0)
            if found is not None:
                self.run_chunk(*found)

    def take(self) -> tuple[Answer, int] | None:
        """Take the next chunk to run from the first ticket that has one left; None if there is none."""
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
        """Run a chunk, store it and notify the tickets that wait for it; after closing nothing is stored."""
        seeds = tuple(range(chunk * CHUNK, (chunk + 1) * CHUNK))
        try:
            table, error = self.run(Piece(answer.order, seeds))
        except Exception as failure:  # the worker has to continue with the next chunk
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
        """Remove a ticket from the queue if it is complete or has failed; return whether it was removed."""
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
        """Record a waiting time, in seconds."""
        self.latencies.setdefault(what, deque(maxlen=LATENCIES)).append(seconds)

    def close(self) -> None:
        """Stop the workers and their processes; unfinished chunks are not stored."""
        with self.wanted:
            self.is_open = False
            self.wanted.notify_all()
        if self.pool is not None:
            self.pool.workers.close()


@cache
def the_desk() -> Desk:
    """Return the desk of this process.

    Returns:
        The desk, which is opened at the first call.
    """
    return Desk()
