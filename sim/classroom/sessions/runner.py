"""Run the campaigns for questions in class sessions, using the same seeds for every choice of settings.

Reads   the choices of a question from the register.
Writes  answers to the register as soon as they are known, so that only unfinished campaigns are lost if the server
        stops.

Each choice is a separate requester in the queue of the desk, so that a class does not block other visitors.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import NamedTuple

from sim.classroom.desk import Ticket, the_desk
from sim.classroom.sessions.claims import EFFECT, Answer, Refused, answer_of, by_seed, failed
from sim.classroom.sessions.register import Register, the_register
from sim.classroom.sessions.session import RUNNING, Question
from sim.classroom.texts import texts_of
from sim.configuration.overrides import BASELINE, Overrides
from sim.configuration.settings import Settings
from sim.errors import PanjError

LOG = logging.getLogger(__name__)
OFTEN = 1.0  # shortest time between announcements of progress, seconds
BREATH = 0.1  # shortest time between checks, seconds
Ask = Callable[[str, Overrides, int], Ticket]  # a function such as `Desk.ask`


class Progress(NamedTuple):
    """The progress of a question's campaigns."""

    done: int
    wanted: int
    place: int  # queue position of the first ticket, as in `Ticket.place`


class Work:
    """The tickets of one running question, and the choices without an answer."""

    def __init__(self, code: str, question: Question) -> None:
        self.code, self.question = code, question
        self.tickets: dict[Overrides, Ticket] = {}
        self.to_answer: list[Overrides] = []
        self.announced_at = 0.0

    def progress(self) -> Progress:
        """Return the numbers of finished and requested campaigns, and the queue position of the first ticket."""
        tickets = list(self.tickets.values())
        return Progress(
            sum(ticket.done for ticket in tickets),
            sum(ticket.runs for ticket in tickets),
            min((ticket.place for ticket in tickets if not ticket.ended), default=0),
        )


class QuestionRunner:
    """A thread that runs the questions of all class sessions. Its methods may be called from any thread."""

    def __init__(self, register: Register, ask: Ask, settings_of: Callable[[Overrides], Settings]) -> None:
        self.register, self.ask, self.settings_of = register, ask, settings_of
        self.changed = threading.Condition()
        self.works: dict[tuple[str, int], Work] = {}
        self.is_late = False  # whether there is progress that has not been announced
        self.has_news = True  # true at first, because questions may have been running when the server stopped
        threading.Thread(target=self.serve, name="question runner", daemon=True).start()

    def start(self, code: str, browser: str) -> None:
        """Start the campaigns of a session's current question; raise Refused unless the browser is the teacher's."""
        self.register.move(code, browser, RUNNING)
        self.wake()

    def undo(self, code: str, browser: str, number: int) -> None:
        """Undo an action of the teacher, and run the campaigns of a restored claim if the others have been run.

        Raises:
            Refused: The browser is not the teacher's, or the action can no longer be undone.
        """
        self.register.undo(code, browser, number)
        self.wake()

    def wake(self) -> None:
        """Make the thread check for choices without an answer and for finished campaigns."""
        with self.changed:
            self.has_news = True
            self.changed.notify()

    def progress(self, code: str, number: int) -> Progress | None:
        """Return the progress of a question; None if it is not running."""
        work = self.works.get((code, number))
        return work.progress() if work else None

    def finished(self, code: str, number: int) -> dict[Overrides, tuple[float, ...]]:
        """Return the current results of a running question: one per finished campaign, in order of seed, by choice.

        For an effect these are the differences from baseline campaigns that have also finished.
        """
        work = self.works.get((code, number))
        if work is None:
            return {}
        tables = {overrides: ticket.table() for overrides, ticket in list(work.tickets.items())}
        results = {overrides: by_seed(table, work.question.outcome) for overrides, table in tables.items() if table}
        if work.question.about == EFFECT:
            base = results.pop(BASELINE, {})
            results = {
                overrides: {seed: value - base[seed] for seed, value in values.items() if seed in base}
                for overrides, values in results.items()
            }
        return {overrides: tuple(values[seed] for seed in sorted(values)) for overrides, values in results.items()}

    def serve(self) -> None:
        """Check the questions whenever the thread is woken; this is the loop of the thread."""
        while True:
            with self.changed:
                while not self.has_news:
                    self.changed.wait(OFTEN if self.is_late else None)
                    self.has_news = self.has_news or self.is_late
                self.has_news = self.is_late = False
            try:
                self.check()
            except Exception:  # the other questions must still be answered
                LOG.exception("a question of a class could not be answered")
            time.sleep(BREATH)

    def check(self) -> None:
        """Request campaigns for new choices, and store answers for choices whose campaigns have finished."""
        for code, question in self.register.unfinished():
            work = self.works.setdefault((code, question.number), Work(code, question))
            with suppress(Refused):  # the session has been deleted in the meantime
                self.request(work)
        for key, work in list(self.works.items()):
            if not self.goes_on(work):
                del self.works[key]

    def request(self, work: Work) -> None:
        """Request campaigns of the baseline and of choices without an answer, unless they have been requested."""
        new = set(self.register.unanswered(work.code, work.question.number)) - work.tickets.keys()
        for overrides in sorted({BASELINE, *new} - work.tickets.keys()) if new else ():
            try:
                ticket = self.ask(f"class {work.code} {len(work.tickets)}", overrides, work.question.runs)
            except PanjError as error:
                if overrides in new:
                    self.register.keep_answer(work.code, work.question.number, overrides, failed(str(error)))
                continue
            work.tickets[overrides] = ticket
            if overrides in new:
                work.to_answer.append(overrides)
            ticket.watch(self.wake)

    def goes_on(self, work: Work) -> bool:
        """Store answers for choices whose campaigns have ended; return whether any choice still lacks an answer.

        If the session was deleted, cancel its campaigns and return False.
        """
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
        except Refused:  # the session was deleted
            for ticket in work.tickets.values():
                ticket.withdraw()
            return False
        if time.monotonic() - work.announced_at > OFTEN:
            work.announced_at = time.monotonic()
            self.register.feed.announce(work.code)
        else:
            self.is_late = True
        return bool(work.to_answer)

    def answered(self, ticket: Ticket, base: Ticket | None, overrides: Overrides, outcome: str) -> Answer:
        """Return the answer for a choice, computed from its campaigns and those of the baseline.

        If any of these campaigns failed, the answer contains only the error.
        """
        table, theirs = ticket.table(), base.table() if base else None
        error = ticket.error or (base.error if base else "")
        if error or table is None or theirs is None:
            return failed(error)
        if outcome not in table.column_names:  # the outcome has been removed since the question was asked
            return failed(texts_of("class").say("outcome_gone", outcome=outcome))
        settings = self.settings_of(overrides)
        return answer_of(table, theirs, outcome, settings.calibration, settings.sampler_runs)


@cache
def the_question_runner() -> QuestionRunner:
    """Return the question runner of this process.

    Returns:
        The runner, which is started by the first call and then resumes unfinished questions.
    """
    desk = the_desk()
    return QuestionRunner(the_register(), desk.ask, desk.settings)
