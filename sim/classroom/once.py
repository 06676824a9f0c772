"""A cache of results that are computed only once, even if several visitors request them at the same time."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from functools import wraps
from typing import Any, Generic, ParamSpec, TypeGuard, TypeVar

from cachetools import LRUCache

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")
P = ParamSpec("P")


class OnceCache(Generic[Key, Result]):
    """A cache of the results of the most recently used keys. Its methods may be called from any thread.

    If one thread is computing the result for a key, other threads that request the key wait for it. No lock is held
    during the computation, so other keys can be computed at the same time. A result may be None. An error is raised in
    the computing thread and is not cached, so the next waiting thread computes again.

    Args:
        most: Largest number of cached results.
    """

    def __init__(self, most: int) -> None:
        self.lock = threading.Lock()
        self.kept: LRUCache[Key, Future[Result]] = LRUCache(most)

    def get(self, key: Key, compute: Callable[[], Result]) -> Result:
        """Return the result of a key, and compute it in this thread unless it is cached or being computed.

        Args:
            key: Everything on which the result depends.
            compute: Returns the result; it must not request the same key from this cache.

        Raises:
            Exception: Any exception that `compute` raises.
        """
        while True:
            with self.lock:
                found = self.kept.get(key)
                if found is None:
                    mine = self.kept[key] = Future[Result]()
                    break
            if found.exception() is None:
                return found.result()
        try:
            mine.set_result(compute())
        except BaseException as error:
            self.forget(key, mine)
            mine.set_exception(error)
            raise
        return mine.result()

    def known(self, key: Key, otherwise: Result) -> Result:
        """Return the result of a key if it is cached, or else `otherwise`."""
        with self.lock:
            found = self.kept.get(key)
        return found.result() if is_ready(found) else otherwise

    def drop(self, key: Key, result: Result) -> None:
        """Remove the result of a key, unless it has been replaced."""
        with self.lock:
            found = self.kept.get(key)
            if is_ready(found) and found.result() is result:
                self.kept.pop(key)

    def forget(self, key: Key, computed: Future[Result] | None = None) -> None:
        """Remove the result of a key, unless `computed` is given and has been replaced."""
        with self.lock:
            if computed is None or self.kept.get(key) is computed:
                self.kept.pop(key, None)


def is_ready(found: Future[Result] | None) -> TypeGuard[Future[Result]]:
    """Return whether a computation has ended without an error; False if there is none."""
    return found is not None and found.done() and found.exception() is None


def once(most: int) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """Decorate a function so that recent results are cached in a `OnceCache`, keyed by the positional arguments.

    Args:
        most: Largest number of cached results.
    """

    def decorate(function: Callable[P, Result]) -> Callable[P, Result]:
        results: OnceCache[tuple[Any, ...], Result] = OnceCache(most)

        @wraps(function)
        def call(*arguments: P.args, **more: P.kwargs) -> Result:
            return results.get((*arguments, *sorted(more.items())), lambda: function(*arguments, **more))

        return call

    return decorate
