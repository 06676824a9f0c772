"""The rules of the model, one file each, and the decorator that compiles them.

Every rule runs as compiled code or, with `NUMBA_DISABLE_JIT=1`, as the same lines of plain Python.
Numba's own cache watches only the file of a function, not the files of what it calls, so the cache folder is named
after a hash of everything that can reach compiled code, and after the setting of the bounds check.
"""

import hashlib
import os
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path

PACKAGE = Path(__file__).parent.parent
NEVER_COMPILED = {
    "show", "study", "classroom", "model.py", "agents.py", "results.py", "provenance.py", "evidence.py", "__main__.py",
}  # fmt: skip


@cache
def fingerprint_of_rules() -> str:
    """First 16 hexadecimal digits of the SHA-256 of all source that compiled code may come from, as it was imported."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.relative_to(PACKAGE).parts[0] not in NEVER_COMPILED:
            digest.update(path.relative_to(PACKAGE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Where compiled rules of exactly this source and setting lie (`PANJ_CACHE` moves the root)."""
    root = Path(os.environ.get("PANJ_CACHE") or user_cache_path("panj"))
    checked = "-checked" if os.environ.get("NUMBA_BOUNDSCHECK", "0") not in ("", "0") else ""
    return root / f"rules-{fingerprint_of_rules()}{checked}"


os.environ["NUMBA_CACHE_DIR"] = str(cache_folder())

import numba  # noqa: E402  (the folder must be named before Numba reads its settings)

numba.config.CACHE_DIR = str(cache_folder())  # type: ignore[attr-defined]
compiled = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]

# Without Numba's reference counts a rule cannot make arrays, only use those it is given: state lies in plain sight,
# compiling takes a third of the time, and a call costs no atomic counting of every trait of every group.
# Only an entry point needs the wrapper with which Python calls it: without them compiling takes a third of the time.
# A call hands over every trait of every group on the stack, so a rule is made part of the rule that calls it.
rule = numba.njit(  # type: ignore
    cache=True, nogil=True, forceinline=True, _nrt=False, no_cfunc_wrapper=True, no_cpython_wrapper=True
)
entry = numba.njit(cache=True, nogil=True, _nrt=False)  # type: ignore
