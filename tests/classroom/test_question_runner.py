"""Claims on the answering of questions: common seeds, several sessions at once, a stop or a deletion half-way."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from planted import TEACHER, opened, until

from sim.classroom.sessions.claims import Claim
from sim.classroom.sessions.runner import QuestionRunner
from sim.classroom.sessions.session import ANSWERED, CLOSED, RUNNING
from sim.configuration.overrides import BASELINE, Overrides
from sim.errors import PanjError

OUTCOME, RUNS = "peak_queue", 8
CLOSED_BORDER, OPEN_BORDER, SOLDIERS_ONLY = (
    Overrides.of([f"border={name}"]) for name in ("closed", "open", "soldiers_only")
)
EFFECTS = {BASELINE: 0.0, CLOSED_BORDER: -5.0, OPEN_BORDER: 7.0}


class PlantedTicket:
    """Ends when it is told to; its outcomes are luck of the seed and a planted effect of the choice."""

    def __init__(self, who, overrides, runs):
        self.who, self.overrides, self.runs = who, overrides, runs
        self.done, self.ended, self.error, self.place = 0, False, "", 0
        self.withdrawn = False
        self.listeners = []

    def table(self):
        luck = np.random.default_rng(5).normal(100, 20, 1000)[: self.done]
        return pa.table({"seed": list(range(self.done)), OUTCOME: luck + EFFECTS[self.overrides]})

    def watch(self, listener):
        self.listeners.append(listener)
        return lambda: None

    def withdraw(self):
        self.withdrawn = True

    def end(self, error=""):
        self.done, self.ended, self.error = (0 if error else self.runs), True, error
        for listener in self.listeners:
            listener()


class PlantedDesk:
    """Keeps its tickets."""

    def __init__(self, at_once=True):
        self.at_once, self.tickets = at_once, []

    def ask(self, who, overrides, runs):
        if overrides not in EFFECTS:
            raise PanjError("border: found what there is not")
        ticket = PlantedTicket(who, overrides, runs)
        self.tickets.append(ticket)
        if self.at_once:
            ticket.end()
        return ticket

    def waits_for(self, overrides):
        until(lambda: any(ticket.overrides == overrides for ticket in self.tickets))
        return next(ticket for ticket in self.tickets if ticket.overrides == overrides)


def asked(register, *choices, about="effect"):
    """A session whose teams, one a choice, have claimed; claims are closed."""
    code, _ = register.open_session(TEACHER)
    register.ask(code, TEACHER, OUTCOME, about, runs=RUNS)
    for number, overrides in enumerate(choices):
        register.join(code, f"browser {number}", f"Student {number}")
        register.send(code, f"browser {number}", 1, Claim(overrides, 0.0, 10.0))
    register.move(code, TEACHER, CLOSED)
    return code


def runner_of(register, desk):
    return QuestionRunner(
        register, desk.ask, lambda overrides: SimpleNamespace(calibration="as declared", sampler_runs=1)
    )


def stage(register, code):
    return register.room(code, TEACHER).question.stage


def test_every_choice_is_answered_once_however_many_teams_made_it(register):
    desk = PlantedDesk()
    code = asked(register, CLOSED_BORDER, OPEN_BORDER, CLOSED_BORDER)
    runner_of(register, desk).start(code, TEACHER)
    until(lambda: stage(register, code) == ANSWERED)
    assert sorted(ticket.overrides for ticket in desk.tickets) == [BASELINE, CLOSED_BORDER, OPEN_BORDER]
    assert {ticket.runs for ticket in desk.tickets} == {RUNS}
    assert len({ticket.who for ticket in desk.tickets}) == 3


def test_with_common_seeds_an_effect_without_noise_is_found_to_the_last_digit_but_few(register):
    code = asked(register, CLOSED_BORDER, OPEN_BORDER)
    runner_of(register, PlantedDesk()).start(code, TEACHER)
    until(lambda: stage(register, code) == ANSWERED)
    answers = register.room(code, TEACHER).answers[1]
    assert {overrides: pytest.approx(answer.mean, abs=1e-9) for overrides, answer in answers.items()} == EFFECTS
    assert len(answers[CLOSED_BORDER].values) == RUNS


def test_an_answer_waits_for_the_baseline_and_is_kept_at_once(register):
    desk = PlantedDesk(at_once=False)
    code = asked(register, CLOSED_BORDER, OPEN_BORDER)
    runner_of(register, desk).start(code, TEACHER)
    desk.waits_for(CLOSED_BORDER).end()
    time.sleep(0.3)
    assert register.room(code, TEACHER).answers[1] == {}
    desk.waits_for(BASELINE).end()
    until(lambda: CLOSED_BORDER in register.room(code, TEACHER).answers[1])
    assert stage(register, code) == RUNNING
    desk.waits_for(OPEN_BORDER).end()
    until(lambda: stage(register, code) == ANSWERED)


def test_a_stop_half_way_costs_only_what_was_under_way(register):
    desk = PlantedDesk(at_once=False)
    code = asked(register, CLOSED_BORDER, OPEN_BORDER)
    runner_of(register, desk).start(code, TEACHER)
    desk.waits_for(BASELINE).end()
    desk.waits_for(CLOSED_BORDER).end()
    until(lambda: CLOSED_BORDER in register.room(code, TEACHER).answers[1])
    kept = register.answer(code, 1, CLOSED_BORDER)
    again, new_desk = opened(register.storage.path), PlantedDesk()
    runner_of(again, new_desk)
    until(lambda: stage(again, code) == ANSWERED)
    assert sorted(ticket.overrides for ticket in new_desk.tickets) == [BASELINE, OPEN_BORDER]
    assert again.answer(code, 1, CLOSED_BORDER) == kept


def test_what_is_answered_is_not_rerun_after_a_restart(register):
    code = asked(register, CLOSED_BORDER)
    first = runner_of(register, PlantedDesk())
    first.start(code, TEACHER)
    until(lambda: stage(register, code) == ANSWERED)
    first.check = lambda: None  # its server has stopped
    desk = PlantedDesk()
    other = asked(opened(register.storage.path), OPEN_BORDER)
    again = opened(register.storage.path)
    runner_of(again, desk).start(other, TEACHER)
    until(lambda: stage(again, other) == ANSWERED)
    assert {ticket.overrides for ticket in desk.tickets} == {BASELINE, OPEN_BORDER}


def test_a_session_waits_for_no_other(register):
    desk = PlantedDesk(at_once=False)
    slow, quick = asked(register, CLOSED_BORDER), asked(register, OPEN_BORDER)
    runner = runner_of(register, desk)
    runner.start(slow, TEACHER)
    desk.waits_for(CLOSED_BORDER)
    runner.start(quick, TEACHER)
    desk.waits_for(OPEN_BORDER).end()
    until(lambda: sum(ticket.overrides == BASELINE for ticket in desk.tickets) == 2)
    desk.tickets[[ticket.overrides for ticket in desk.tickets].index(BASELINE, 1)].end()
    until(lambda: stage(register, quick) == ANSWERED)
    assert stage(register, slow) == RUNNING
    assert runner.progress(slow, 1).wanted == 2 * RUNS


def test_a_choice_whose_campaigns_fail_keeps_nothing_from_the_others(register):
    desk = PlantedDesk(at_once=False)
    code = asked(register, CLOSED_BORDER, OPEN_BORDER, SOLDIERS_ONLY)
    runner_of(register, desk).start(code, TEACHER)
    desk.waits_for(CLOSED_BORDER).end(error="seed 3: no room for more rows")
    desk.waits_for(OPEN_BORDER).end()
    desk.waits_for(BASELINE).end()
    until(lambda: stage(register, code) == ANSWERED)
    answers = register.room(code, TEACHER).answers[1]
    assert answers[CLOSED_BORDER].error == "seed 3: no room for more rows"
    assert answers[SOLDIERS_ONLY].error == "border: found what there is not"
    assert answers[OPEN_BORDER].error == ""


def test_a_session_that_is_deleted_half_way_is_waited_for_no_more(register):
    desk = PlantedDesk(at_once=False)
    code = asked(register, CLOSED_BORDER)
    runner = runner_of(register, desk)
    runner.start(code, TEACHER)
    ticket = desk.waits_for(CLOSED_BORDER)
    until(lambda: ticket.listeners)
    register.delete(code, TEACHER)
    runner.wake()
    until(lambda: ticket.withdrawn)
    assert runner.progress(code, 1) is None


def test_who_watches_is_told_when_all_is_answered(register):
    code = asked(register, CLOSED_BORDER)
    stages, done = [], threading.Event()

    def listener():
        stages.append(stage(register, code))
        if stages[-1] == ANSWERED:
            done.set()

    register.watch(code, listener)
    runner_of(register, PlantedDesk()).start(code, TEACHER)
    assert done.wait(10)


def test_an_outcome_that_is_no_more_keeps_nothing_from_other_sessions(register, monkeypatch):
    old = asked(register, CLOSED_BORDER)
    with register.storage.acting() as act:
        act.execute("UPDATE questions SET outcome = 'vanished'")
    runner = runner_of(register, PlantedDesk())
    runner.start(old, TEACHER)
    until(lambda: stage(register, old) == ANSWERED)
    assert "vanished" in register.answer(old, 1, CLOSED_BORDER).error
    new = asked(register, OPEN_BORDER)
    runner.start(new, TEACHER)
    until(lambda: stage(register, new) == ANSWERED)
    assert register.answer(new, 1, OPEN_BORDER).error == ""


def test_results_are_there_as_soon_as_campaigns_and_their_baseline_have_finished(register):
    desk = PlantedDesk(at_once=False)
    code = asked(register, CLOSED_BORDER, OPEN_BORDER)
    runner = runner_of(register, desk)
    runner.start(code, TEACHER)
    desk.waits_for(CLOSED_BORDER).done = 5
    desk.waits_for(OPEN_BORDER)
    assert runner.finished(code, 1) in ({}, {CLOSED_BORDER: ()})
    desk.waits_for(BASELINE).done = 3
    until(lambda: len(runner.finished(code, 1).get(CLOSED_BORDER, ())) == 3)
    assert runner.finished(code, 1)[CLOSED_BORDER] == pytest.approx((-5.0,) * 3)
    assert BASELINE not in runner.finished(code, 1)


def test_of_an_outcome_the_baseline_is_shown_too(register):
    desk = PlantedDesk(at_once=False)
    code = asked(register, CLOSED_BORDER, about="outcome")
    runner = runner_of(register, desk)
    runner.start(code, TEACHER)
    desk.waits_for(BASELINE).done = desk.waits_for(CLOSED_BORDER).done = 2
    until(lambda: len(runner.finished(code, 1)) == 2)
    found = runner.finished(code, 1)
    assert [one - other for one, other in zip(found[CLOSED_BORDER], found[BASELINE], strict=True)] == pytest.approx(
        [-5.0, -5.0]
    )


def test_progress_that_came_between_two_announcements_is_announced_without_further_news(register, monkeypatch):
    monkeypatch.setattr("sim.classroom.sessions.runner.OFTEN", 0.3)
    desk, heard = PlantedDesk(at_once=False), threading.Event()
    code = asked(register, CLOSED_BORDER)
    runner = runner_of(register, desk)
    runner.start(code, TEACHER)
    ticket = desk.waits_for(CLOSED_BORDER)
    until(lambda: ticket.listeners and desk.waits_for(BASELINE).listeners)
    time.sleep(0.15)
    register.watch(code, heard.set)
    ticket.done = 4
    runner.wake()
    assert heard.wait(5)


def remove(register, code, letter):
    """The teacher removes the student who is alone in a team; return the number of the undo."""
    (team,) = [one for one in register.room(code, TEACHER).teams if one.letter == letter]
    register.remove(code, TEACHER, team.members[0].number)
    return register.room(code, TEACHER).undos[-1].number


@pytest.mark.parametrize("later", [ANSWERED, "debrief", "next question"])
def test_a_claim_put_back_after_the_others_were_answered_is_answered_too(register, later):
    desk = PlantedDesk()
    code = asked(register, CLOSED_BORDER, OPEN_BORDER)
    undo = remove(register, code, "B")
    runner = runner_of(register, desk)
    runner.start(code, TEACHER)
    until(lambda: stage(register, code) == ANSWERED)
    before = register.answer(code, 1, CLOSED_BORDER)
    assert register.answer(code, 1, OPEN_BORDER) is None
    if later != ANSWERED:
        register.move(code, TEACHER, "debrief")
    if later == "next question":
        register.ask(code, TEACHER, OUTCOME, "effect", runs=RUNS)
    expected = stage(register, code)
    runner.undo(code, TEACHER, undo)
    until(lambda: register.answer(code, 1, OPEN_BORDER) is not None)
    assert register.answer(code, 1, OPEN_BORDER).mean == pytest.approx(EFFECTS[OPEN_BORDER], abs=1e-9)
    assert register.answer(code, 1, CLOSED_BORDER) == before and stage(register, code) == expected


def test_a_claim_put_back_while_campaigns_run_is_answered_with_the_others(register):
    desk = PlantedDesk(at_once=False)
    code = asked(register, CLOSED_BORDER, OPEN_BORDER)
    undo = remove(register, code, "B")
    runner = runner_of(register, desk)
    runner.start(code, TEACHER)
    desk.waits_for(CLOSED_BORDER).end()
    runner.undo(code, TEACHER, undo)
    late = desk.waits_for(OPEN_BORDER)
    desk.waits_for(BASELINE).end()
    time.sleep(0.3)
    assert stage(register, code) == RUNNING
    late.end()
    until(lambda: stage(register, code) == ANSWERED)
    assert set(register.room(code, TEACHER).answers[1]) == {BASELINE, CLOSED_BORDER, OPEN_BORDER}
    assert sum(ticket.overrides == BASELINE for ticket in desk.tickets) == 1
