"""The desk: turns, places in the queue, results shared by all. Campaigns are replaced by a stand-in."""

import os
import threading
import time

import numpy as np
import pyarrow as pa
import pytest
from cachetools import LRUCache
from planted import until

from sim.classroom import desk as desks
from sim.classroom.choice.parse import parse_choice
from sim.classroom.desk import CHUNK, MOST_RUNS, MOST_WAITING, Desk
from sim.configuration.overrides import BASELINE, Overrides
from sim.errors import PanjError

RUNS = 3 * CHUNK


class Kitchen:
    """Stands in for the worker processes: waits until a test lets it run, and records what was asked."""

    def __init__(self):
        self.asked = []
        self.may = threading.Semaphore(0)
        self.troubles = {}

    def run(self, piece):
        self.may.acquire()
        self.asked.append((piece.order.key, piece.seeds[0]))
        if piece.order.key in self.troubles:
            raise self.troubles[piece.order.key]
        seeds = np.array(piece.seeds)
        return pa.table({"seed": seeds, "outcome": seeds * 2.0}), ""

    def serve(self, chunks):
        for _ in range(chunks):
            self.may.release()


@pytest.fixture
def kitchen():
    return Kitchen()


@pytest.fixture
def desk(kitchen):
    found = Desk(kitchen.run, workers=1)
    yield found
    found.close()
    kitchen.serve(1000)


def test_a_request_may_begin_at_a_later_seed_and_runs_no_other(desk, kitchen):
    ticket = desk.ask("one", BASELINE, CHUNK + 3, first_seed=2 * CHUNK)
    kitchen.serve(4)
    until(lambda: ticket.ended)
    assert ticket.table()["seed"].to_pylist() == list(range(2 * CHUNK, 3 * CHUNK + 3))
    assert sorted(seed for _, seed in kitchen.asked) == [2 * CHUNK, 3 * CHUNK]


@pytest.mark.parametrize("first_seed", [-CHUNK, 1, MOST_RUNS, 0.5])
def test_a_first_seed_begins_a_chunk(desk, first_seed):
    with pytest.raises(PanjError, match="first seed"):
        desk.ask("one", BASELINE, 1, first_seed=first_seed)


def overrides(number):
    return Overrides.of([f"rules.news.fade_days={number}.0"])


def test_a_ticket_fills_chunk_by_chunk_in_the_order_of_seeds(desk, kitchen):
    ticket = desk.ask("ada", BASELINE, RUNS)
    assert (ticket.done, ticket.ended, ticket.table()) == (0, False, None)
    kitchen.serve(1)
    until(lambda: ticket.done == CHUNK)
    assert not ticket.ended
    kitchen.serve(2)
    until(lambda: ticket.ended)
    assert ticket.table()["seed"].to_pylist() == list(range(RUNS))
    assert ticket.table().column_names == ["seed", "outcome"]


def test_a_ticket_of_fewer_campaigns_than_a_chunk_has_just_those(desk, kitchen):
    kitchen.serve(1)
    ticket = desk.ask("ada", BASELINE, 1)
    until(lambda: ticket.ended)
    assert ticket.table()["seed"].to_pylist() == [0]


def test_the_same_settings_are_run_once_for_all(desk, kitchen):
    first, second = desk.ask("ada", BASELINE, RUNS), desk.ask("ben", BASELINE, RUNS)
    kitchen.serve(3)
    until(lambda: first.ended and second.ended)
    assert len(kitchen.asked) == 3
    third = desk.ask("cyd", BASELINE, RUNS)
    assert third.ended and third.table().equals(first.table())
    assert len(kitchen.asked) == 3


def test_what_is_packed_is_what_came(desk, kitchen):
    later = desk.ask("ada", BASELINE, CHUNK, first_seed=2 * CHUNK)
    kitchen.serve(1)
    until(lambda: later.ended)
    first = desk.ask("ben", BASELINE, RUNS)
    kitchen.serve(2)
    until(lambda: first.ended)
    assert first.table()["outcome"].to_pylist() == [2.0 * seed for seed in range(RUNS)]
    assert later.table()["seed"].to_pylist() == list(range(2 * CHUNK, RUNS))


def test_more_campaigns_of_known_settings_cost_only_those_that_are_missing(desk, kitchen):
    kitchen.serve(4)
    short = desk.ask("ada", BASELINE, CHUNK)
    until(lambda: short.ended)
    longer = desk.ask("ben", BASELINE, 4 * CHUNK)
    until(lambda: longer.ended)
    assert [seed for _, seed in kitchen.asked] == [0, CHUNK, 2 * CHUNK, 3 * CHUNK]


def test_everybody_has_a_first_chunk_before_anybody_has_all(desk, kitchen):
    blocked = desk.ask("teacher", overrides(1), CHUNK)  # in the hands of the worker while the others ask
    until(lambda: blocked.answer.taken)
    tickets = [desk.ask(f"student {number}", overrides(number + 2), RUNS) for number in range(5)]
    kitchen.serve(1 + len(tickets))
    until(lambda: all(ticket.done == CHUNK for ticket in tickets))
    assert not any(ticket.ended for ticket in tickets)


def test_after_that_whoever_asked_first_is_served_first(desk, kitchen):
    blocked = desk.ask("teacher", overrides(1), CHUNK)
    until(lambda: blocked.answer.taken)
    first, second = desk.ask("ada", overrides(2), RUNS), desk.ask("ben", overrides(3), RUNS)
    kitchen.serve(1 + 2 + 2)
    until(lambda: first.ended)
    assert second.done == CHUNK


def test_a_visitor_who_asks_for_much_gives_way_to_one_who_asks_for_little(desk, kitchen):
    blocked = desk.ask("teacher", overrides(1), CHUNK)
    until(lambda: blocked.answer.taken)
    much = [desk.ask("ada", overrides(number + 2), 200) for number in range(3)]
    little = desk.ask("ben", overrides(9), RUNS)
    kitchen.serve(1 + 4 + 20 + 2)  # everybody's first chunk, the rest of ada's first ticket, then ben's
    until(lambda: little.ended)
    assert not much[1].ended and not much[2].ended


def test_a_place_in_line_counts_those_before(desk, kitchen, monkeypatch):
    monkeypatch.setattr(desks, "cores", lambda: 1)
    blocked = desk.ask("teacher", overrides(1), RUNS)
    until(lambda: blocked.answer.taken)
    tickets = [desk.ask(f"student {number}", overrides(number + 2), RUNS) for number in range(3)]
    places = [ticket.place for ticket in tickets]
    assert places == sorted(places) and places[-1] > places[0]
    kitchen.serve(100)
    until(lambda: all(ticket.ended for ticket in tickets))
    assert [ticket.place for ticket in tickets] == [0, 0, 0]


def test_one_visitor_cannot_fill_the_line(desk):
    for number in range(MOST_WAITING):
        desk.ask("ada", overrides(number + 1), RUNS)
    with pytest.raises(PanjError, match=f"runs: found {MOST_WAITING}"):
        desk.ask("ada", overrides(9), RUNS)
    desk.ask("ben", overrides(9), RUNS)


def test_a_ticket_that_is_withdrawn_is_run_no_further(desk, kitchen):
    ticket = desk.ask("ada", BASELINE, 100)
    until(lambda: ticket.answer.taken)
    ticket.withdraw()
    other = desk.ask("ben", overrides(2), CHUNK)
    kitchen.serve(2)
    until(lambda: other.ended)
    assert ticket.ended and len(kitchen.asked) == 2


def test_a_listener_is_called_after_each_chunk_until_it_is_removed(desk, kitchen):
    ticket, heard = desk.ask("ada", BASELINE, RUNS), []
    let_go = ticket.watch(lambda: heard.append(ticket.done))
    kitchen.serve(2)
    until(lambda: heard == [CHUNK, 2 * CHUNK])
    let_go()
    kitchen.serve(1)
    until(lambda: ticket.ended)
    assert heard == [CHUNK, 2 * CHUNK]


def test_a_listener_that_fails_keeps_nothing_from_the_others(desk, kitchen):
    ticket, heard = desk.ask("ada", BASELINE, RUNS), []
    ticket.watch(lambda: 1 / 0)
    ticket.watch(lambda: heard.append(ticket.done))
    kitchen.serve(3)
    until(lambda: ticket.ended and heard and heard[-1] == RUNS)


def test_an_error_ends_a_ticket_and_the_desk_serves_the_next(desk, kitchen):
    ticket = desk.ask("ada", BASELINE, RUNS)
    kitchen.troubles[ticket.answer.order.key] = ValueError("no room")
    kitchen.serve(1)
    until(lambda: ticket.ended)
    assert ticket.error == "ValueError: no room"
    other = desk.ask("ben", overrides(2), CHUNK)
    kitchen.serve(1)
    until(lambda: other.ended)
    assert not other.error


def test_an_answer_that_ended_with_an_error_begins_anew_when_it_is_asked_for_again(desk, kitchen):
    ticket = desk.ask("ada", BASELINE, CHUNK)
    kitchen.troubles[ticket.answer.order.key] = OSError("a process was lost")
    kitchen.serve(1)
    until(lambda: ticket.ended)
    kitchen.troubles.clear()
    again = desk.ask("ben", BASELINE, CHUNK)
    kitchen.serve(1)
    until(lambda: again.ended)
    assert not again.error and again.done == CHUNK
    assert "a process was lost" in ticket.error


def test_a_desk_that_is_closed_records_neither_campaigns_nor_errors(desk, kitchen):
    ticket = desk.ask("ada", BASELINE, RUNS)
    until(lambda: ticket.answer.taken)
    desk.close()
    kitchen.troubles[ticket.answer.order.key] = RuntimeError("the pool was shut down")
    kitchen.serve(1)
    until(lambda: kitchen.asked)
    time.sleep(0.1)
    assert (ticket.done, ticket.ended, ticket.error) == (0, False, "")


def has_ended(number):
    """Return whether there is no process with this number; `is_alive` may lag where two threads wait for a process."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    return False


def test_closing_a_desk_ends_its_processes():
    desk = Desk(workers=1)
    pool = desk.pool.workers.pool
    assert pool.submit(int).result() == 0
    (process,) = pool._processes.values()
    desk.close()
    assert has_ended(process.pid)


def test_closing_a_desk_ends_a_running_task_at_once_and_starts_no_other_process():
    desk = Desk(workers=1)
    workers, troubles = desk.pool.workers, []
    assert workers.submit(int).result() == 0
    (process,) = workers.pool._processes.values()

    def ask():
        try:
            desk.pool.call(time.sleep, 60)
        except RuntimeError as error:
            troubles.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.2)
    began = time.monotonic()
    for _ in range(2):  # as when Ctrl-C comes while the server is being stopped
        desk.close()
    asking.join(5)
    process.join(2)  # a moment after the signal
    assert time.monotonic() - began < 2 and not asking.is_alive() and has_ended(process.pid)
    assert len(troubles) == 1
    with pytest.raises(RuntimeError):
        workers.submit(int)


@pytest.mark.parametrize("runs", [0, -1, MOST_RUNS + 1])
def test_as_many_campaigns_as_can_be_asked_for(desk, runs):
    with pytest.raises(PanjError, match=f"runs: found {runs}"):
        desk.ask("ada", BASELINE, runs)


@pytest.mark.parametrize("wrong", [("border=nobody",), ("border",), ("__import__('os')=1",), ("seed=a",)])
def test_words_that_are_wrong_are_refused_before_anything_waits(desk, wrong):
    with pytest.raises(PanjError):
        desk.ask("ada", parse_choice(wrong), RUNS)
    assert not desk.waiting


def test_words_have_bounds(desk):
    with pytest.raises(PanjError, match="settings: found 61"):
        desk.settings(Overrides.of(["border=open"] * 61))
    with pytest.raises(PanjError, match="characters"):
        parse_choice([f"study={'b' * 5001}"])


@pytest.mark.parametrize(
    "word",
    [
        "scenario.title='${oc.env:HOME}'", "rules.news.fade_days=${runs}", "calibration.file=/etc/passwd",
        "hydra.run.dir=elsewhere", "executor.address=tcp://elsewhere:1", "morale.about=other",
        "rules.news.fade_days=extend_list(1)",
    ],
)  # fmt: skip
def test_nothing_is_filled_in_called_or_read_for_a_visitor(desk, word):
    with pytest.raises(PanjError):
        desk.settings(parse_choice([word]))


def test_only_the_latest_answers_are_kept(desk, kitchen):
    desk.answers = LRUCache(2)
    kitchen.serve(100)
    for number in range(5):
        ticket = desk.ask("ada", overrides(number + 1), CHUNK)
        until(lambda ticket=ticket: ticket.ended)
    assert len(desk.answers) == 2
    assert ticket.answer.order.key in desk.answers


def test_how_long_people_waited_is_measured(desk, kitchen):
    ticket = desk.ask("ada", BASELINE, RUNS)
    kitchen.serve(3)
    until(lambda: ticket.ended)
    assert len(desk.latencies["first_distribution"]) == len(desk.latencies["whole_distribution"]) == 1
    assert desk.latencies["first_distribution"][0] <= desk.latencies["whole_distribution"][0]


def test_many_threads_ask_at_once_and_all_are_served(desk, kitchen):
    kitchen.serve(1000)
    tickets = []

    def ask(number):
        tickets.append(desk.ask(f"student {number}", overrides(number % 5 + 1), RUNS))

    askers = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    until(lambda: len(tickets) == 20 and all(ticket.ended for ticket in tickets))
    assert len(kitchen.asked) == 5 * 3
