"""Pairs of a fork: run once for all, and an evening is suggested only where trial pairs tell a planted effect apart."""

import pickle
import threading
import time
from concurrent.futures import Future
from datetime import date, timedelta
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from sim.classroom import pairs as module
from sim.classroom.desk import Closed, Desk
from sim.classroom.pairs import (
    CHUNK,
    PAIRS,
    STEP,
    TRIAL,
    TRIAL_SEED,
    Fork,
    PairRunner,
    evenings_to_try,
    is_detectable,
    run_pickled,
    size_of,
    turn_for,
)
from sim.classroom.reading import OUTCOME_GROUPS
from sim.configuration.overrides import BASELINE, Override
from sim.data.facts import THE_LINE
from sim.errors import PanjError

START = date(2021, 5, 1)
SOLDIERS, CAPTURED, KILLED = (f"troops_{done}_by_2021_07_07" for done in ("crossed", "captured", "killed"))
CHANGE = Override.of("border", "closed")


def fork_on(day, change=CHANGE):
    return Fork(BASELINE, change, day)


@pytest.fixture
def runner(monkeypatch):
    """A runner whose pairs have planted effects: `effects[outcome]` is a mean difference in standard deviations."""
    effects, asked = {}, []

    def turn_for(fork, _desk):
        if fork.evening > date(2021, 7, 6):
            raise PanjError("day: found a day after the last")
        settings = SimpleNamespace(start_date=START, end_date=date(2021, 7, 8), days=68)
        return SimpleNamespace(before=settings, after=settings, fork=fork)

    def run(turn, seeds):
        asked.append((turn.fork, tuple(seeds)))
        planted = effects.get(turn.fork.evening, effects.get(turn.fork.change.text, {}))
        rows = []
        for seed in seeds:
            noise = np.random.default_rng(seed).normal(size=3)
            names = (SOLDIERS, CAPTURED, KILLED)
            rows.append((
                dict.fromkeys(names, 100.0),
                {name: 100.0 + planted.get(name, 0.0) + one for name, one in zip(names, noise, strict=True)},
            ))  # fmt: skip
        return rows

    rows = [SimpleNamespace(name=name, quantity="x", last=67) for name in (SOLDIERS, CAPTURED, KILLED)]
    monkeypatch.setattr(module, "turn_for", turn_for)
    monkeypatch.setattr(module, "check_effect", lambda *_: None)
    monkeypatch.setattr(module, "outcomes_of", lambda *_: rows)
    made = PairRunner(lambda turn: partial(run, turn), SimpleNamespace(is_idle=True, check_open=lambda: None))
    made.effects, made.asked = effects, asked
    return made


def test_pairs_come_in_the_order_of_seeds_and_grow(runner):
    sizes = []
    for without, with_ in runner.pairs(fork_on(date(2021, 6, 1)), 30):
        sizes.append(without.table.num_rows)
        assert without.table["seed"].to_pylist() == with_.table["seed"].to_pylist() == list(range(sizes[-1]))
    assert sizes == sorted(set(sizes)) and set(sizes) <= {10, 20, 30}  # several chunks may be done at a look
    assert sizes[-1] == 30 == without.runs


def test_the_same_pairs_are_run_once_for_all_visitors(runner):
    fork = fork_on(date(2021, 6, 1))
    threads = [threading.Thread(target=lambda: list(runner.pairs(fork))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(seeds) for _, seeds in runner.asked) == PAIRS
    assert len(list(runner.pairs(fork))) == 1


def test_trial_pairs_are_other_pairs_than_those_shown():
    assert TRIAL_SEED >= PAIRS and TRIAL % CHUNK == 0


def test_the_latest_evening_with_a_clear_outcome_is_suggested(runner):
    days = [date(2021, 5, 1), date(2021, 5, 15), date(2021, 5, 29), date(2021, 6, 12)]
    runner.effects |= {days[1]: {CAPTURED: 3.0}, days[2]: {SOLDIERS: 2.0}, days[0]: {CAPTURED: 9.0}}
    found = runner.suggest([fork_on(day) for day in days])
    assert (found.evening, found.outcome, found.is_clear) == (days[2], SOLDIERS, True)
    assert days[1] not in {fork.evening for fork, _ in runner.asked}


def test_chance_alone_is_never_called_clear(runner):
    days = [START + timedelta(days=day) for day in range(0, 60, 2)]
    found = runner.suggest([fork_on(day) for day in days])
    assert not found.is_clear


def test_nobody_is_sent_to_count_the_dead(runner):
    runner.effects[date(2021, 6, 1)] = {KILLED: 9.0}
    assert not runner.suggest([fork_on(date(2021, 6, 1))]).is_clear


def test_a_decision_without_an_effect_on_any_evening_is_an_error(runner):
    with pytest.raises(PanjError, match="day"):
        runner.suggest([fork_on(date(2021, 7, 7))])


def test_the_first_decision_with_a_clear_answer_is_the_example(runner):
    day = date(2021, 6, 12)
    changes = [Override.of("border", name) for name in ("open", "closed", "soldiers_only")]
    runner.effects |= {"border=closed": {CAPTURED: 4.0}, "border=soldiers_only": {CAPTURED: 9.0}}
    forks = [fork_on(day, change) for change in changes]
    assert runner.known_example(forks) is None
    found = runner.example(forks)
    assert (found.change.text, found.found.outcome) == ("border=closed", CAPTURED)
    assert runner.known_example(forks) == found


def test_that_no_decision_has_a_clear_answer_is_remembered(runner):
    forks = [fork_on(date(2021, 6, 12), Override.of("border", name)) for name in ("open", "closed")]
    assert runner.example(forks) is None
    runner.kept.kept.clear()
    asked = len(runner.asked)
    assert runner.example(forks) is None and runner.known_example(forks) is None
    assert len(runner.asked) == asked == 2 * TRIAL // STEP


def in_thread(act):
    """Start `act` in a thread; return a function that waits for its result for some seconds."""
    with_result = Future()
    threading.Thread(target=lambda: with_result.set_result(act()), daemon=True).start()
    return lambda: with_result.result(10)


def test_who_stops_looking_half_way_keeps_nobody_waiting(runner):
    fork = fork_on(date(2021, 6, 1))
    looking = runner.pairs(fork)
    next(looking)
    assert len(in_thread(lambda: list(runner.pairs(fork)))()) > 0
    assert sum(len(seeds) for _, seeds in runner.asked) == PAIRS
    looking.close()
    assert runner.visitors == 0


def test_what_was_prepared_is_found_ready(runner):
    days = [date(2021, 5, 15), date(2021, 5, 29), date(2021, 6, 12)]
    runner.effects[days[1]] = {SOLDIERS: 3.0}
    forks = [fork_on(day) for day in days]
    runner.prepare(forks)
    asked = len(runner.asked)
    found = runner.suggest(forks)
    assert found.evening == days[1] and len(list(runner.pairs(fork_on(found.evening)))) == 1
    assert len(runner.asked) == asked


def test_nothing_is_prepared_while_a_visitor_waits_and_who_asks_for_it_does_not_wait_for_others(runner):
    fork = fork_on(date(2021, 6, 12))
    runner.effects[fork.evening] = {SOLDIERS: 3.0}
    with runner.visiting():
        prepared = in_thread(lambda: runner.prepare([fork]))
        time.sleep(0.5)
        assert runner.asked == []
        assert in_thread(lambda: runner.suggest([fork]))().is_clear
        assert sum(len(seeds) for _, seeds in runner.asked) == TRIAL
    prepared()
    assert sum(len(seeds) for _, seeds in runner.asked) == TRIAL + PAIRS


def test_a_worker_process_which_has_no_pandas_can_run_pairs():
    desk = Desk(workers=1)
    try:
        pickled = pickle.dumps(turn_for(fork_on(date(2021, 7, 2)), desk))
        assert desk.pool.call(run_pickled, pickled, []) == []  # what they need was imported
    finally:
        desk.close()


def test_a_server_that_is_stopped_prepares_nothing(runner):
    def check_open():
        raise Closed

    runner.desk.check_open = check_open
    with runner.visiting(), pytest.raises(Closed):
        runner.prepare([fork_on(date(2021, 6, 12))])


def test_pairs_that_failed_are_run_again_for_the_next_who_asks(runner):
    fork, runs = fork_on(date(2021, 6, 1)), runner.runs

    def fail(seeds):
        raise PanjError("seed 3: no room")

    runner.runs = lambda turn: fail
    with pytest.raises(PanjError, match="seed 3"):
        list(runner.pairs(fork))
    runner.runs = runs
    *_, (without, _) = runner.pairs(fork)
    assert without.table.num_rows == PAIRS


def test_the_more_is_compared_the_larger_a_difference_must_be():
    sizes = np.linspace(0.1, 2.0, 400)
    least = [min(size for size in sizes if is_detectable(size, many)) for many in (1, 14, 56)]
    assert least == sorted(least) and least[0] < least[-1]
    assert least[0] == pytest.approx(2.02 / np.sqrt(TRIAL), abs=0.01)  # the t-interval of one comparison


def test_differences_that_never_vary_are_the_clearest_and_equal_ones_no_difference():
    assert size_of(np.full(TRIAL, 3.0)) == np.inf
    assert size_of(np.zeros(TRIAL)) == 0.0
    assert size_of(np.array([np.nan, np.nan])) == 0.0


def test_two_weeks_remain_after_the_latest_evening_that_is_tried():
    evenings = evenings_to_try(START, date(2021, 9, 10))
    assert evenings == sorted(evenings, reverse=True) and evenings[-1] >= START
    assert THE_LINE - evenings[0] == timedelta(weeks=2)
    assert evenings_to_try(START, date(2021, 5, 3)) == [date(2021, 5, 3)]


def test_every_main_outcome_is_in_one_group():
    names = [name for group in OUTCOME_GROUPS.values() for name in group]
    assert len(names) == len(set(names)) == 17
