"""A result is computed once for all who ask for it at the same time, and nobody waits for another key."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from sim.classroom.once import OnceCache, once


def test_many_who_ask_at_once_share_one_result():
    cache, computed = OnceCache(3), []

    def compute():
        computed.append(1)
        time.sleep(0.2)
        return len(computed)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: cache.get("key", compute), range(8))) == {1}
    assert computed == [1]


def test_none_is_a_result_too():
    cache, computed = OnceCache(3), []
    for _ in range(2):
        assert cache.get("key", lambda: computed.append(1)) is None
    assert computed == [1]


def test_nobody_waits_for_another_key():
    cache, is_done = OnceCache(3), threading.Event()
    slow = threading.Thread(target=lambda: cache.get("slow", lambda: is_done.wait(10)))
    slow.start()
    assert cache.get("quick", lambda: 2) == 2 and cache.known("slow", None) is None
    is_done.set()
    slow.join()
    assert cache.known("slow", None) is True


def test_an_error_is_not_kept_and_who_waited_computes_again():
    cache, begun, may_fail = OnceCache(3), threading.Event(), threading.Event()

    def fail():
        begun.set()
        may_fail.wait(10)
        raise ValueError("broken")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get, "key", fail)
        begun.wait(10)
        second = pool.submit(cache.get, "key", lambda: 5)
        may_fail.set()
        with pytest.raises(ValueError, match="broken"):
            first.result()
        assert second.result() == 5


def test_the_results_used_last_are_kept():
    computed = []
    double = once(2)(lambda number: computed.append(number) or 2 * number)
    assert [double(number) for number in (1, 2, 1, 3, 1, 2)] == [2, 4, 2, 6, 2, 4]
    assert computed == [1, 2, 3, 2]


def test_a_late_failure_forgets_its_own_result_and_no_newer_one():
    cache = OnceCache(3)
    old, new = object(), object()
    cache.get("key", lambda: old)
    cache.drop("key", old)
    assert cache.get("key", lambda: new) is new
    cache.drop("key", old)
    assert cache.known("key", None) is new


def test_what_failed_is_not_known():
    cache = OnceCache(3)
    failed = Future()
    cache.kept["key"] = failed
    assert cache.known("key", "nothing") == "nothing"
    failed.set_exception(ValueError("failed"))
    assert cache.known("key", "nothing") == "nothing"
