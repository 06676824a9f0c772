"""Define the decorators `rule` and `entry`, which compile the rules of the model with Numba.

With `NUMBA_DISABLE_JIT=1`, rules run uncompiled. Compiled code is cached on disk (`sim.engine.cache`), in a folder
named after the fingerprint of the whole engine and the setting of Numba's bounds check, so that compiled code of
another version is never used.
"""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from platformdirs import user_cache_path

from sim.data.meaning import fingerprint_of, meaning_of_code
from sim.data.own_rules import read_sources
from sim.engine.cache import keep

ENGINE = Path(__file__).parent
DECIDES_NOTHING = {"invariants.py", "cache.py"}  # modules without effect on results: checks, and the cache
compiled = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]


@cache
def fingerprint_of_rules() -> str:
    """Return the fingerprint of what the engine computes, as 16 hexadecimal digits."""
    paths = (path for path in sorted(ENGINE.rglob("*.py")) if path.name not in DECIDES_NOTHING)
    return fingerprint_of(meaning_of_code(read_sources(paths)))


def cache_folder() -> Path:
    """Return the cache folder of this version of the rules; code with bounds checks has a separate folder."""
    checked = "-checked" if os.environ.get("NUMBA_BOUNDSCHECK", "0") not in ("", "0") else ""
    return cache_root() / f"rules-{fingerprint_of_rules()}{checked}"


def cache_root() -> Path:
    """Return the folder that contains all caches: `PANJ_CACHE` if it is set, otherwise the user's cache folder.

    If `PANJ_CACHE` is not set and the user has no home folder, return a path that cannot exist, so nothing is cached.
    """
    try:
        return Path(os.environ.get("PANJ_CACHE") or user_cache_path("panj"))
    except RuntimeError:
        return Path(os.devnull) / "no_home"


def compiled_by(**options: Any) -> Callable[[Any], Any]:
    """Return a decorator that compiles a function with the given Numba options and caches the result on disk."""

    def decorate(function: Any) -> Any:
        dispatcher = numba.njit(nogil=True, _nrt=False, **options)(function)  # type: ignore[call-overload]
        return keep(dispatcher, cache_folder()) if compiled else dispatcher

    return decorate


# Without Numba's reference counts, a rule cannot create arrays and can only use those passed to it. State therefore
# stays explicit, compiling takes a third of the time, and no call counts references to every trait of every group. Only
# an entry point needs a wrapper for calls from Python; omitting the others also cuts compile time to a third. Rules are
# inlined into their callers, since a call passes every trait of every group on the stack.
rule = compiled_by(forceinline=True, no_cfunc_wrapper=True, no_cpython_wrapper=True)
entry = compiled_by()
