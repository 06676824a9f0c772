"""Questions of class sessions are answered: every choice of settings lives its campaigns, with the seeds of all others.

Reads   the choices of a question from the register.
Gives   answers to the register, one as soon as it is there, so that a stop loses no more than what was under way.
Assumed Each choice waits in the line of the desk like a student of its own: a class blocks nobody.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import NamedTuple, Protocol

import pyarrow as pa

from sim.classroom.choice.form import Overrides
from sim.classroom.sessions.claims import Answer, Refused, answer_of, failed
from sim.classroom.sessions.register import Register, the_register
from sim.classroom.sessions.session import RUNNING, Question
from sim.classroom.texts import texts_of
from sim.errors import PanjError

LOG = logging.getLogger(__name__)
OFTEN = 1.0  # seconds between two notices of progress
BREATH = 0.1  # seconds between two looks
BASELINE: Overrides = ()


class Wish(Protocol):
    """What a ticket of the desk tells."""

    runs: int

    @property
    def done(self) -> int:
        """Campaigns that are there."""

    @property
    def ended(self) -> bool:
        """Whether no more will come."""

    @property
    def error(self) -> str:
        """Why no more will come; nothing while all is well."""

    @property
    def place(self) -> int:
        """How many wait before it."""

    def table(self) -> pa.Table | None:
        """A row a campaign."""

    def watch(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call whenever something is new."""

    def withdraw(self) -> None:
        """Nobody waits for it any more."""


class Asked(Protocol):
    """How a desk is asked: for whom, for which choice of settings, for how many campaigns."""

    def __call__(self, who: str, overrides: Overrides, runs: int) -> Wish:
        """A ticket."""


class Progress(NamedTuple):
    """How far the campaigns of a question have come."""

    done: int
    wanted: int
    place: int  # how many wait before the first of them


class Work:
    """The tickets of one question."""

    def __init__(self, code: str, question: Question) -> None:
        self.code, self.question = code, question
        self.tickets: dict[Overrides, Wish] = {}
        self.to_answer: list[Overrides] = []
        self.told_at = 0.0

    def progress(self) -> Progress:
        """Campaigns that are there, and the place in line."""
        tickets = list(self.tickets.values())
        return Progress(
            sum(ticket.done for ticket in tickets),
            sum(ticket.runs for ticket in tickets),
            min((ticket.place for ticket in tickets if not ticket.ended), default=0),
        )


class QuestionRunner:
    """Answers questions, of several sessions at once, with one thread. Its methods may be called from any thread."""

    def __init__(self, register: Register, ask: Asked, say: Callable[[Overrides], str]) -> None:
        self.register, self.ask, self.say = register, ask, say
        self.changed = threading.Condition()
        self.works: dict[tuple[str, int], Work] = {}
        self.has_news = True  # what a stop has left half done
        threading.Thread(target=self.serve, name="settler", daemon=True).start()

    def start(self, code: str, browser: str) -> None:
        """The teacher has the campaigns of the question of now lived."""
        self.register.move(code, browser, RUNNING)
        self.wake()

    def wake(self) -> None:
        """A question is to be answered, or campaigns have come."""
        with self.changed:
            self.has_news = True
            self.changed.notify()

    def progress(self, code: str, number: int) -> Progress | None:
        """How far a question has come, while it is being answered."""
        work = self.works.get((code, number))
        return work.progress() if work else None

    def serve(self) -> None:
        """What the thread does for ever."""
        while True:
            with self.changed:
                while not self.has_news:
                    self.changed.wait()
                self.has_news = False
            try:
                self.look()
            except Exception:  # other questions are still to be answered
                LOG.exception("a question of a class could not be answered")
            time.sleep(BREATH)

    def look(self) -> None:
        """Take on what is new, keep what has ended."""
        for code, question in self.register.running():
            if (code, question.number) not in self.works:
                self.works[code, question.number] = self.begun(code, question)
        for key, work in list(self.works.items()):
            if not self.goes_on(work):
                del self.works[key]

    def begun(self, code: str, question: Question) -> Work:
        """Tickets for all choices that have no answer yet, and for the baseline."""
        work = Work(code, question)
        with suppress(Refused):  # a session that has been deleted meanwhile has nothing to answer
            work.to_answer = self.register.unanswered(code, question.number)
            for place, overrides in enumerate(sorted({BASELINE, *work.to_answer})):
                try:
                    ticket = self.ask(f"class {code} {place}", overrides, question.runs)
                except PanjError as error:
                    self.register.keep_answer(code, question.number, overrides, failed(str(error)))
                    work.to_answer.remove(overrides)
                else:
                    work.tickets[overrides] = ticket
                    ticket.watch(self.wake)
        return work

    def goes_on(self, work: Work) -> bool:
        """Keep what has ended; whether there is more to come."""
        try:
            self.register.session(work.code)
            base = work.tickets.get(BASELINE)
            for overrides in list(work.to_answer):
                ticket = work.tickets[overrides]
                if ticket.ended and (base is None or base.ended):
                    answer = self.answered(ticket, base, overrides, work.question.outcome)
                    self.register.keep_answer(work.code, work.question.number, overrides, answer)
                    work.to_answer.remove(overrides)
            if not work.to_answer:
                self.register.all_answered(work.code, work.question.number)
        except Refused:  # deleted
            for ticket in work.tickets.values():
                ticket.withdraw()
            return False
        if time.monotonic() - work.told_at > OFTEN:
            work.told_at = time.monotonic()
            self.register.feed.tell(work.code)
        return bool(work.to_answer)

    def answered(self, ticket: Wish, base: Wish | None, overrides: Overrides, outcome: str) -> Answer:
        """What the campaigns told, or why they did not."""
        table, theirs = ticket.table(), base.table() if base else None
        error = ticket.error or (base.error if base else "")
        if error or table is None or theirs is None:
            return failed(error)
        if outcome not in table.column_names:  # asked before a new version of the table of outcomes
            return failed(texts_of("class").say("outcome_gone", None, outcome=outcome))
        return answer_of(table, theirs, outcome, self.say(overrides))


@cache
def the_question_runner() -> QuestionRunner:
    """The one of this process; begun early, it goes on with what a stop has left half done."""
    from sim.classroom.desk import the_desk

    desk = the_desk()
    return QuestionRunner(
        the_register(),
        desk.ask,
        lambda overrides: desk.settings(overrides).calibration,
    )
