"""Provenance of results: versions, commit, command, and the metadata stored in every table and figure.

This module does not import the engine, so that programs that only show results start quickly.
"""

import json
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import date
from hashlib import sha256
from pathlib import Path
from shutil import which
from typing import Any

from sim.errors import of_package

PYTHON = "py{}{}".format(*sys.version_info)  # version of Python in the names of Numba's cache files, such as py311
MODULE, SCRIPT = "python -m sim", "panj"  # the two ways to start the program
KERNEL = "ipykernel_launcher"  # name of the program that runs a notebook
PACKAGE = Path(__file__).parent
CALIBRATED, ASSIMILATED = "calibrated", "assimilated"  # first words of descriptions of fitted numbers
NOT_CALIBRATED = "not calibrated"
DIGITS = 16  # hexadecimal digits of a digest
UP_TO = " of days up to "  # text before the last day of the reports in descriptions of fits to part of the record
LIBRARIES = ("numpy", "numba", "pyarrow", "scipy", "hydra-core", "mesa", "pandas", "matplotlib", "pillow")
STAMPED = (
    "study", "words", "first_seed", "runs", "runs_of_cells", "words_of_cells", "calibration", "settings_fingerprint",
    "data_fingerprint", "rules_fingerprint", "outcomes_fingerprint", "commit", "versions", "config_dir",
    "own_files",
)  # fmt: skip


def digest_of(content: Any) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 hash of bytes."""
    return sha256(content).hexdigest()[:DIGITS]


def seal(content: Mapping[str, Any]) -> dict[str, Any]:
    """Add a digest of a JSON object to the object.

    Args:
        content: The JSON object; an existing digest is replaced.

    Returns:
        A copy with the digest of all other keys under the key `digest`.
    """
    bare = {key: value for key, value in content.items() if key != "digest"}
    return {**bare, "digest": digest_of(json.dumps(bare).encode())}


def sealed_text(content: Mapping[str, Any]) -> str:
    """Format a JSON object with its digest, as in `seal`, in one line with sorted keys.

    Args:
        content: The JSON object; an existing digest is replaced.
    """
    return json.dumps(seal(json.loads(json.dumps(content, sort_keys=True))), sort_keys=True)


def unsealed(text: str | bytes) -> dict[str, Any]:
    """Read a JSON object from text, and check its digest.

    Args:
        text: The text of an object that was sealed with `seal`.

    Returns:
        The object, with its digest; objects written by older versions have none and are not checked.

    Raises:
        ValueError: If the text is not a JSON object, or if its digest does not match.
    """
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("not a JSON object")
    if "digest" in content and seal(content)["digest"] != content["digest"]:
        raise ValueError("its content does not match its digest")
    return content


def kind_of(calibration: str) -> str:
    """Return the kind of campaigns, according to a description of the source of their numbers.

    Args:
        calibration: The description, as in `Settings.calibration`.

    Returns:
        `CALIBRATED`, `ASSIMILATED` or, for any other numbers, the whole description.
    """
    return calibration.partition(":")[0]


def fitted_until(calibration: str) -> date | None:
    """Return the last day of the reports to which numbers were fitted, if they were fitted to part of the record.

    Args:
        calibration: The description of the source of the numbers, as in `Settings.calibration`.

    Returns:
        The day; None if numbers were fitted to the whole record, or were not fitted.
    """
    found = re.search(f"{UP_TO}(\\d{{4}}-\\d\\d-\\d\\d)", calibration)
    return date.fromisoformat(found[1]) if found else None


def versions() -> dict[str, str]:
    """Return the versions of Python, Panj and those installed libraries that affect results."""
    from importlib.metadata import PackageNotFoundError, version  # slow to import

    found = {"python": platform.python_version(), "panj": of_package(version)}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):  # optional libraries may be missing
            found[name] = version(name)
    return found


def commit() -> str | None:
    """Return the commit of the git clone of the running code.

    Returns:
        The hash, with `+changed` if files have been changed or added; `unknown` and the reason if git fails; None if
        the code is not in a clone.
    """
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return None
    git = ["git", "-c", f"safe.directory={root.as_posix()}"]  # the clone may belong to somebody else
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True)
        changed = subprocess.run([*git, "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=True)
    except OSError:
        return "unknown (git is not installed)"
    except subprocess.CalledProcessError as error:
        return f"unknown ({' '.join(error.stderr.split())[:80]})"
    return head.stdout.strip() + ("+changed" if changed.stdout.strip() else "")


def stamp(about: Mapping[str, Any], recipe: Mapping[str, Any]) -> str:
    """Return the metadata stored in a figure or table for its reproduction.

    Args:
        about: Content of the study's about.json.
        recipe: Instructions for making the file from the tables: its name in the folder, the cell, the day and so on.

    Returns:
        Overrides, seeds, versions, fingerprints and the recipe, as JSON.
    """
    return json.dumps({**{key: about.get(key) for key in STAMPED}, "recipe": dict(recipe)}, sort_keys=True)


STATED: ContextVar[Sequence[str] | None] = ContextVar("STATED", default=None)  # arguments set by `stated_command`


@contextmanager
def stated_command(words: Sequence[str]) -> Iterator[None]:
    """Within a block, make `command_line` return a command with these arguments instead of those of the process."""
    token = STATED.set(words)
    try:
        yield
    finally:
        STATED.reset(token)


def command_line() -> str:
    """Return a command that gives the same results as this process, quoted so that it can be pasted into a shell.

    It is the command that started the process or, in a notebook, the equivalent of the call. It begins with `python -m
    sim`, which works wherever Panj is installed.
    """
    stated = STATED.get()
    return f"{MODULE} {shlex.join(sys.argv[1:] if stated is None else stated)}".rstrip()


def program() -> str:
    """Return the name under which the user can start Panj: `panj` for the installed script, else `python -m sim`.

    In a notebook, which no command of Panj started, it is `panj` if the script is on the path.
    """
    started = Path(sys.argv[0]).stem
    is_script = started in (SCRIPT, f"{SCRIPT}-script") or (started == KERNEL and which(SCRIPT) is not None)
    return SCRIPT if is_script else MODULE


IN_NEW_PROCESS = """
import os, sys, threading
from importlib.util import module_from_spec, spec_from_file_location
from runpy import run_module
package, module, parent = (sys.argv.pop(1) for _ in range(3))
if parent:
    threading.Thread(target=lambda: (os.read(int(parent), 1), os._exit(1)), daemon=True).start()
spec = spec_from_file_location("sim", f"{package}/__init__.py", submodule_search_locations=[package])
sys.modules["sim"] = module_from_spec(spec)
spec.loader.exec_module(sys.modules["sim"])
run_module(module, run_name="__main__", alter_sys=True)
"""


def python_command(module: str, *words: object, parent: int | None = None) -> list[str]:
    """Return the command that runs a module of this copy of Panj in a new process.

    Unlike `python -m`, it does not import modules named `sim`, `types` or `random` from the current folder.

    Args:
        module: Name of the module or package, such as `sim`.
        words: Arguments of the module.
        parent: Open end of a pipe, which the process inherits; it ends when the other end is closed.
    """
    pipe = "" if parent is None else str(parent)
    return [sys.executable, "-P", "-c", IN_NEW_PROCESS, str(PACKAGE), module, pipe, *map(str, words)]


def shell_command(words: Sequence[object]) -> str:
    """Return a command line: the program's name as the user typed it, then `words`, quoted for a shell if necessary."""
    return " ".join([program(), shlex.join(map(str, words))]).rstrip()
