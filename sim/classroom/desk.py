"""Campaigns on demand for everybody in the room: who is next, what is known already, how far each has come.

Reads   choices of settings, as words of the command line; whom they are for.
Gives   a `Ticket` for each, whose table of outcomes grows while it waits.
Assumed Everybody gets a first chunk before anybody gets a second; from there on whoever had fewer turns comes first,
        then whoever asked first. What was lived for one is there for all: the same settings are never lived twice.

What a worker process of the desk does: live a few campaigns, and give back their outcomes.

A process of its own, for pages and campaigns would wait for each other within one: every campaign begins and ends with
a little Python. Nothing here imports what is slow to import.
"""

import logging
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from typing import NamedTuple

import pyarrow as pa

from sim.classroom.choice.parse import check_choice
from sim.engine.campaign import Campaign
from sim.errors import PanjError
from sim.run.executors import Workers, cores
from sim.run.rerun import live_again
from sim.run.work import work
from sim.settings.compose import Composer
from sim.settings.settings import Executor, Order, Piece, Settings
from sim.settings.sweep import Cell
from sim.study.columns import runs_table

Overrides = tuple[str, ...]
CHUNK = 10  # campaigns between two looks at who is next: a tenth of a second
TURN = 200  # campaigns of one session before another's next turn
MOST_RUNS = 1000
MOST_WAITING = 4  # unfinished tickets of one session
KEPT_ANSWERS, KEPT_SETTINGS, KEPT_CAMPAIGNS = 300, 60, 3  # a campaign holds its world, tens of megabytes
LATENCIES = 10_000
LOG = logging.getLogger(__name__)
Listener = Callable[[], None]
Lives = Callable[[Piece], tuple[pa.Table, str]]  # outcomes of a few campaigns, and why one failed


class Answer:
    """What is known of one choice of settings, chunk after chunk; written by workers, under the lock of the desk."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.chunks: dict[int, pa.Table] = {}
        self.taken: set[int] = set()  # chunks that a worker has, or has finished
        self.error = ""

    def next_chunk(self, chunks: range) -> int | None:
        """The first of these that nobody has taken."""
        return next((chunk for chunk in chunks if chunk not in self.taken), None)

    def pack(self) -> None:
        """Put all chunks into one piece of memory: many small tables take four times as much."""
        whole = pa.concat_tables(self.chunks.values()).combine_chunks()
        starts = range(0, whole.num_rows, CHUNK)
        self.chunks = {chunk: whole.slice(start, CHUNK) for chunk, start in zip(self.chunks, starts, strict=True)}


class Ticket:
    """One wish: so many campaigns of one choice of settings from a seed on, for one session."""

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
        """Campaigns that are there."""
        return min(self.runs, sum(chunk.num_rows for chunk in self.tables()))

    @property
    def error(self) -> str:
        """Why there will be no more; nothing while all is well."""
        return self.answer.error

    @property
    def ended(self) -> bool:
        """Whether all is there, or nothing more will come."""
        return self.ended_at is not None

    @property
    def place(self) -> int:
        """How many wait before this one; 0 when it is being worked on or has ended."""
        return self.desk.place(self)

    def tables(self) -> list[pa.Table]:
        """The chunks without a gap from the first seed on."""
        chunks = self.answer.chunks
        found = []
        for chunk in self.chunks:
            if chunk not in chunks:
                break
            found.append(chunks[chunk])
        return found

    def table(self) -> pa.Table | None:
        """A row a campaign by seed, with `seed` and every outcome; None while there is no campaign."""
        found = self.tables()
        return pa.concat_tables(found).slice(0, self.runs) if found else None

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` whenever something is new, from a thread of the desk; what is returned ends that."""
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener) if listener in self.listeners else None

    def withdraw(self) -> None:
        """Nobody waits for it any more."""
        self.desk.withdraw(self)


class Turn(NamedTuple):
    """By what a ticket is chosen; the smallest is next."""

    has_begun: bool
    turns_had: int
    asked_at: float


class WorkerPool:
    """Processes that live campaigns; one that was lost is started anew."""

    def __init__(self, count: int) -> None:
        self.workers = Workers(Executor("processes", count, None))

    def live(self, piece: Piece) -> tuple[pa.Table, str]:
        """Wait for a process to live them; tried once more where the process was lost."""
        try:
            return self.workers.submit(live, piece).result()  # type: ignore[no-any-return]
        except BrokenProcessPool:
            return self.workers.submit(live, piece).result()  # type: ignore[no-any-return]


class Desk:
    """Turns and answers of one process. Every method may be called from any thread."""

    def __init__(self, lives: Lives | None = None, workers: int | None = None) -> None:
        count = workers or cores()
        self.lives = lives or WorkerPool(count).live
        self.lock = threading.RLock()
        self.wanted = threading.Condition(self.lock)
        self.hydra = threading.Lock()  # it keeps global state
        self.composer = Composer()
        self.known: OrderedDict[Overrides, Settings] = OrderedDict()
        self.answers: OrderedDict[str, Answer] = OrderedDict()
        self.campaigns: OrderedDict[tuple[str, int], Campaign] = OrderedDict()
        self.waiting: list[Ticket] = []
        self.had: dict[str, int] = {}  # campaigns by session since the line was last empty
        self.latencies: dict[str, deque[float]] = {}
        self.is_open = True
        for number in range(count):
            threading.Thread(target=self.serve, name=f"desk-{number}", daemon=True).start()

    def settings(self, overrides: Sequence[str]) -> Settings:
        """What the words resolve to; PanjError for what is wrong with them, or has no place in a classroom."""
        overrides = tuple(overrides)
        with self.lock:
            if overrides in self.known:
                self.known.move_to_end(overrides)
                return self.known[overrides]
        check_choice(overrides)
        with self.hydra:
            found = self.composer.settings([*overrides, "daily=false"])
        with self.lock:
            keep(self.known, overrides, found, KEPT_SETTINGS)
        return found

    def ask(self, who: str, overrides: Sequence[str], runs: int = 200, first_seed: int = 0) -> Ticket:
        """A ticket for so many campaigns, the seeds in a row from the first on, which begins a chunk.

        PanjError for what cannot be asked.
        """
        if not 1 <= runs <= MOST_RUNS:
            raise PanjError(f"runs: found {runs}, expected 1 to {MOST_RUNS}")
        if first_seed not in range(0, MOST_RUNS, CHUNK):
            raise PanjError(
                f"first seed: found {first_seed}, expected 0, {CHUNK}, {2 * CHUNK} and so on below {MOST_RUNS}"
            )
        overrides = tuple(overrides)
        order = Cell(0, {}, (), self.settings(overrides)).order
        with self.lock:
            mine = [ticket for ticket in self.waiting if ticket.who == who]
            if len(mine) >= MOST_WAITING:
                raise PanjError(f"runs: found {len(mine)} that wait already, expected fewer than {MOST_WAITING}; "
                                "wait for one, or withdraw one")  # fmt: skip
            ticket = Ticket(self, who, overrides, runs, self.answer_of(order), first_seed)
            if not self.end_if_done(ticket):
                self.waiting.append(ticket)
                self.wanted.notify_all()
            return ticket

    def answer_of(self, order: Order) -> Answer:
        """What is known of these settings; the oldest answers that nobody waits for are forgotten."""
        answer = self.answers.get(order.key) or Answer(order)
        self.answers[order.key] = answer
        self.answers.move_to_end(order.key)
        in_use = {ticket.answer.order.key for ticket in self.waiting} | {order.key}
        for key in [key for key in self.answers if key not in in_use][: max(0, len(self.answers) - KEPT_ANSWERS)]:
            del self.answers[key]
        return answer

    def campaign(self, overrides: Sequence[str], seed: int) -> Campaign:
        """One campaign, at once; the last few are kept. PanjError where it does not come to its end."""
        settings = self.settings(overrides)
        key = settings.fingerprint(), seed
        with self.lock:
            if key in self.campaigns:
                return self.campaigns[key]
        lived = live_again(settings, seed)
        with self.lock:
            keep(self.campaigns, key, lived, KEPT_CAMPAIGNS)
        return lived

    def withdraw(self, ticket: Ticket) -> None:
        """Take it out of the line; what is known stays."""
        with self.lock:
            if ticket in self.waiting:
                self.waiting.remove(ticket)
                ticket.ended_at = time.monotonic()

    def place(self, ticket: Ticket) -> int:
        """How many are before it of those whose turn has not come."""
        with self.lock:
            line = self.in_turn()
            return max(0, line.index(ticket) - cores() + 1) if ticket in line else 0

    def in_turn(self) -> list[Ticket]:
        """Those that wait, the next first."""
        return sorted(self.waiting, key=self.turn_of)

    def turn_of(self, ticket: Ticket) -> Turn:
        """By what it is chosen."""
        return Turn(bool(ticket.answer.taken), self.had.get(ticket.who, 0) // TURN, ticket.asked_at)

    def serve(self) -> None:
        """What a worker does for ever: the next chunk of whoever is next."""
        while self.is_open:
            with self.wanted:
                while (found := self.take()) is None and self.is_open:
                    self.wanted.wait(1.0)
            if found is not None:
                self.live(*found)

    def take(self) -> tuple[Answer, int] | None:
        """A chunk for a worker, of the first ticket that has one left."""
        if not self.waiting:
            self.had.clear()
        for ticket in self.in_turn():
            chunk = ticket.answer.next_chunk(ticket.chunks)
            if chunk is not None and not ticket.error:
                ticket.answer.taken.add(chunk)
                self.had[ticket.who] = self.had.get(ticket.who, 0) + CHUNK
                return ticket.answer, chunk
        return None

    def live(self, answer: Answer, chunk: int) -> None:
        """Live a chunk, keep it, and tell those who wait for it."""
        seeds = tuple(range(chunk * CHUNK, (chunk + 1) * CHUNK))
        try:
            table, found = self.lives(Piece(answer.order, seeds))
        except Exception as error:  # a worker must serve the next
            table, found = None, f"{type(error).__name__}: {error}"
        with self.lock:
            if table is not None:
                answer.chunks[chunk] = table
            answer.error = answer.error or found
            concerned = [ticket for ticket in self.waiting if ticket.answer is answer]
            for ticket in concerned:
                if ticket.first_at is None and ticket.done:
                    ticket.first_at = time.monotonic()
                    self.measured("first_distribution", ticket.first_at - ticket.asked_at)
                self.end_if_done(ticket)
            self.wanted.notify_all()
        for ticket in concerned:
            tell(ticket)

    def end_if_done(self, ticket: Ticket) -> bool:
        """Whether it has all that it can get; if so it leaves the line."""
        if ticket.done < ticket.runs and not ticket.error:
            return False
        ticket.ended_at = time.monotonic()
        ticket.first_at = ticket.first_at or ticket.ended_at
        self.measured("whole_distribution", ticket.ended_at - ticket.asked_at)
        if ticket in self.waiting:
            self.waiting.remove(ticket)
            if ticket.answer.chunks:
                ticket.answer.pack()
        return True

    def measured(self, what: str, seconds: float) -> None:
        """Note how long somebody waited for something."""
        self.latencies.setdefault(what, deque(maxlen=LATENCIES)).append(seconds)

    def close(self) -> None:
        """Let the workers go after the chunk in hand."""
        with self.wanted:
            self.is_open = False
            self.wanted.notify_all()


def keep(store: OrderedDict, key: object, value: object, most: int) -> None:
    """Put it in as the newest, and forget the oldest."""
    store[key] = value
    store.move_to_end(key)
    while len(store) > most:
        store.popitem(last=False)


def tell(ticket: Ticket) -> None:
    """Every listener; one that fails keeps nothing from the others."""
    for listener in list(ticket.listeners):
        try:
            listener()
        except Exception:
            LOG.exception("a page could not be told")
            ticket.listeners.remove(listener)


@cache
def the_desk() -> Desk:
    """The one of this process, opened when first asked for."""
    return Desk()


NICE = 10  # campaigns leave the processor to pages
OF_A_CELL = ["cell", "run"]


def live(piece: Piece) -> tuple[pa.Table, str]:
    """A row a campaign, with `seed` and every outcome; and why the first that failed did so."""
    give_way()
    lived = work([piece])[0]
    failed = [error for error in lived["error"].to_pylist() if error]
    table = runs_table(lived, {"cell": 0, "values": {}}, 0).drop_columns(OF_A_CELL)
    return table, failed[0] if failed else ""


def give_way() -> None:
    """Once a process, where the system knows such a thing."""
    if hasattr(os, "nice") and os.nice(0) < NICE:
        os.nice(NICE)
