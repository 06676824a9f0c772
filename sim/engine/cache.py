"""Cache compiled rules on disk, in files that begin with a digest of their content.

Numba's own cache does not verify what it reads, falls back to a folder next to the source if its folder is read-only,
and recompiles a rule when a comment above it moves its lines. Here a rule whose file is damaged is compiled again,
there is no fallback folder, and rules are identified by name. The folder is named after the fingerprint of the whole
engine, so that all clones of one version share it. This module has no effect on results, so it is not part of that
fingerprint.
"""

import os
import pickle
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from numba import typeof
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    UserProvidedCacheLocator,
    _SourceFileBackedLocatorMixin,
)
from numba.core.errors import NumbaError, UnsupportedBytecodeError
from numba.core.serialize import dumps

from sim.data.own_rules import own_rules
from sim.errors import PanjError, shortened

HERE = Path(__file__).parent
RULES = "rules"  # subfolder for the engine's own functions; each other source file has its own subfolder
SEAL = 32  # length in bytes of the digest at the start of a file
STAGE, CALL = "Failed in ", ">>> "  # what errors of Numba begin with before the reason, and before a call
printed: set[str] = set()  # notes that this process has printed


def print_once(note: str) -> None:
    """Print a note to standard error unless this process has already printed the same note."""
    if note not in printed:
        printed.add(note)
        print(f"Note: {note}", file=sys.stderr)


@contextmanager
def naming_rules_of_user() -> Iterator[None]:
    """Within a block, if a rule does not compile, raise a PanjError that names the user's rules."""
    try:
        yield
    except (NumbaError, UnsupportedBytecodeError) as error:
        if not own_rules():
            raise
        names = ", ".join(str(rule.path) for rule in own_rules())
        raise PanjError(
            f"rules: found that {names} cannot be compiled ({reason_of(error)}), "
            "expected code that Numba compiles, as in docs/how-to/own-folder.md", key="rules",
        ) from error  # fmt: skip


def reason_of(error: Exception) -> str:
    """Return what is wrong according to an error of Numba, and the line of the user's rule if the error names it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(STAGE)] or lines
    call = next((line for line in said[1:2] if line.startswith(CALL)), "")
    reason = f"no function of Numba takes {call.removeprefix(CALL)}" if call else said[0]
    named = [line for line in lines if any(f'{rule.path.name}"' in line for rule in own_rules())]
    return ", ".join([shortened(reason, 160), *(shortened(line.rstrip(":"), 100) for line in named[:1])])


def is_ours(file: str) -> bool:
    """Return whether a source file is part of the engine."""
    return Path(file).resolve().is_relative_to(HERE.resolve())


class CacheLocator(UserProvidedCacheLocator):  # type: ignore[misc]
    """Numba locator: returns the cache folder of a function, even if the folder is read-only."""

    folder: Path  # cache folder of this version of the rules

    def __init__(self, function: Any, file: str) -> None:
        self._py_file = file
        self._lineno = function.__code__.co_firstlineno
        self._cache_path = str(self.folder / (RULES if is_ours(file) else self.get_suitable_cache_subpath(file)))

    @classmethod
    def from_function(cls, function: Any, file: str) -> "CacheLocator":
        """Return the locator for a function that is defined in a file."""
        return cls(function, file)

    def get_source_stamp(self) -> Any:
        """Return the stamp that a cache file must match.

        The stamp of rules is constant, since their folder is already named after their fingerprint.
        """
        return RULES if is_ours(self._py_file) else _SourceFileBackedLocatorMixin.get_source_stamp(self)

    def get_disambiguator(self) -> str:
        """Return text that distinguishes functions with the same name; empty for rules, whose names are unique."""
        return "" if is_ours(self._py_file) else str(self._lineno)

    def ensure_cache_path(self) -> None:
        """Create the cache folder if it does not exist."""
        os.makedirs(self._cache_path, exist_ok=True)


class SealedFile(IndexDataCacheFile):  # type: ignore[misc]
    """Index file and data files of one function; each file begins with a digest of its remaining content."""

    def _load_index(self) -> dict[Any, str]:
        content = self.unsealed(self._index_path)
        if content is None:
            return {}
        version, stamp, overloads = pickle.loads(content)
        return dict(overloads) if (version, stamp) == (self._version, self._source_stamp) else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self.write(self._index_path, dumps((self._version, self._source_stamp, overloads)))

    def _load_data(self, name: str) -> Any:
        content = self.unsealed(self._data_path(name))
        if content is None:
            raise FileNotFoundError(name)  # Numba then compiles the function again
        return pickle.loads(content)

    def _save_data(self, name: str, data: Any) -> None:
        self.write(self._data_path(name), dumps(data))

    def save(self, key: Any, data: Any) -> None:
        """Store compiled code in a file named after its signature.

        Numba numbers the files instead, so two processes that compile one function for different arguments at the same
        time could overwrite each other's files.
        """
        name = self._data_name(int(sha256(repr(key).encode()).hexdigest()[:12], 16))
        self._save_data(name, data)
        self._save_index(self._load_index() | {key: name})

    def write(self, path: str, content: bytes) -> None:
        """Write a file atomically: the digest of `content`, followed by `content`."""
        with self._open_for_write(path) as file:
            file.write(sha256(content).digest() + content)

    def unsealed(self, path: str) -> memoryview | None:
        """Return the content of a file without its digest, or None if the file is missing or damaged."""
        try:
            sealed = memoryview(Path(path).read_bytes())  # a slice of a memoryview is not a copy
        except OSError:
            return None
        if sha256(sealed[SEAL:]).digest() == sealed[:SEAL]:
            return sealed[SEAL:]
        print_once(f"found damaged compiled rules in {Path(path).parents[1]}; they are compiled again")
        return None


class RulesCache(FunctionCache):  # type: ignore[misc]
    """Cache of one function; if its folder is read-only, compiled code is kept only in memory."""

    def __init__(self, function: Any, folder: Path) -> None:
        places: dict[str, Any] = {"_locator_classes": [type("CacheLocatorHere", (CacheLocator,), {"folder": folder})]}
        self._impl_class: Any = type("Rules", (CompileResultCacheImpl,), places)
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = SealedFile(self._cache_path, self._impl.filename_base, stamp)

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Store compiled code on disk, or print a note if it cannot be stored."""
        try:
            super().save_overload(signature, compiled)
        except OSError as error:
            print_once(
                f"compiled rules cannot be stored in {Path(self._cache_path).parent} ({error.strerror or error}), so "
                "every start compiles them, which takes a minute; set PANJ_CACHE=FOLDER to use another folder"
            )


def types_of(arguments: Iterable[Any]) -> tuple[Any, ...]:
    """Return the Numba types of the given arguments of a rule, to be passed to its `compile` method."""
    return tuple(map(typeof, arguments))


def keep(dispatcher: Any, folder: Path) -> Any:
    """Make Numba cache the compiled code of a function on disk, unless the function has no source file.

    Args:
        dispatcher: The result of `numba.njit`.
        folder: The cache folder of this version of the rules.

    Returns:
        The same dispatcher, with its cache set.
    """
    if os.path.exists(dispatcher.py_func.__code__.co_filename):  # a function defined in a notebook has no file
        dispatcher._cache = RulesCache(dispatcher.py_func, folder)
    return dispatcher
