"""The decorator that compiles the rules of the model.

Every rule runs as compiled code or, with `NUMBA_DISABLE_JIT=1`, as the same lines of plain Python.
Numba's own cache watches only the file of a function, not the files of what it calls, so the cache folder is named
after the fingerprint of the whole engine, and after the setting of the bounds check.
"""

import os
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path

from sim.data.meaning import fingerprint_of, meaning_of_code, read_sources

ENGINE = Path(__file__).parent
ONLY_CHECKS = {"invariants.py"}  # read a world and change nothing


@cache
def fingerprint_of_rules() -> str:
    """The fingerprint of what the engine computes, 16 hexadecimal digits."""
    paths = (path for path in sorted(ENGINE.rglob("*.py")) if path.name not in ONLY_CHECKS)
    return fingerprint_of(meaning_of_code(read_sources(paths)))


def cache_folder() -> Path:
    """The cache folder for rules with this fingerprint and bounds check; `PANJ_CACHE` moves its root."""
    root = Path(os.environ.get("PANJ_CACHE") or user_cache_path("panj"))
    checked = "-checked" if os.environ.get("NUMBA_BOUNDSCHECK", "0") not in ("", "0") else ""
    return root / f"rules-{fingerprint_of_rules()}{checked}"


os.environ["NUMBA_CACHE_DIR"] = str(cache_folder())

import numba  # noqa: E402  (the folder must be named before Numba reads its settings)

numba.config.CACHE_DIR = str(cache_folder())  # type: ignore[attr-defined]
compiled = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]

# Without Numba's reference counts a rule cannot create arrays, only use those passed to it: state stays explicit,
# compiling takes a third of the time, and a call costs no atomic counting of every trait of every group.
# Only an entry point needs a wrapper for calls from Python; without wrappers compiling takes a third of the time.
# A call passes every trait of every group on the stack, so rules are inlined into their callers.
rule = numba.njit(  # type: ignore
    cache=True, nogil=True, forceinline=True, _nrt=False, no_cfunc_wrapper=True, no_cpython_wrapper=True
)
entry = numba.njit(cache=True, nogil=True, _nrt=False)  # type: ignore
