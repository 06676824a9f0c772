"""Find the folder of the user's own files, which are read in addition to, or in place of, those of Panj.

`panj init my_study` writes such a folder. It is marked by the file `panj.yaml` and may contain scenarios, policies,
values of numbers, dated events, outcomes, reported figures and tables of districts. A command uses one folder: that of
the argument `config_dir=FOLDER`, else that of the environment variable `PANJ_CONFIG_DIR`, else the current folder or
its nearest parent with the marker. While a command runs, the variable contains the path of the folder, so that
processes started by the command use the same one. If there is no such folder, all functions return the files that come
with Panj.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from sim.data.configs import GROUPS, PACKAGE, folder_of, folder_of_group, is_blank, read_yaml
from sim.errors import PanjError, repeated, unknown
from sim.options import read_path

MARKER = "panj.yaml"
VARIABLE = "PANJ_CONFIG_DIR"
CONFIG_DIR = "config_dir="  # key on the command line
NONE = os.devnull  # value of the variable that disables such folders, even if the current folder is inside one
VERSION = 1  # version of the folder layout
SHIPPED = Path(__file__).parent  # tables that come with Panj
SCENARIOS, POLICIES, DATA, RESULTS = "scenarios", "policies", "data", "results"
NUMBERS, EVENTS, OUTCOMES, EVIDENCE = "numbers.yaml", "events.yaml", "outcomes.yaml", "evidence.csv"
ALWAYS = (NUMBERS, EVENTS, OUTCOMES, EVIDENCE)  # files used by every campaign of the folder
# tables that can be replaced by a file of the same name in data/
REPLACED = ("districts.csv", "places.csv", "posts.csv")
OF_WORKERS = (OUTCOMES, EVIDENCE, *(f"{DATA}/{name}" for name in REPLACED))  # files that workers read
KNOWN = (MARKER, *ALWAYS, SCENARIOS, POLICIES, DATA, RESULTS)
SETTINGS = ("version", "about", "rules")  # keys of the marker
ALIKE = 0.8  # similarity from 0 to 1 above which an unknown name is treated as misspelt
Function = TypeVar("Function", bound=Callable[..., Any])

# functions that clear caches when another folder is chosen or one of its files changes
forgotten: list[Callable[[], None]] = []
state: dict[str, Any] = {"files": None, "followed": ""}  # files from which caches were filled; folder set by `follow`


def remembered(maxsize: int | None = None) -> Callable[[Function], Function]:
    """Return a decorator that caches a function whose results depend on the user's files; `using` clears the cache."""

    def decorate(function: Function) -> Function:
        cached = lru_cache(maxsize)(function)
        forgotten.append(cached.cache_clear)
        return cached  # type: ignore[return-value]

    return decorate


def own_folder() -> Path | None:
    """Return the folder of the user's own files, or None if there is none.

    Raises:
        PanjError: If the environment variable names a folder without `panj.yaml`.
    """
    named = os.environ.get(VARIABLE, "")
    if not named:
        return nearest_folder(Path.cwd())
    return None if named == NONE else marked(Path(named), VARIABLE)


def split_arguments(words: Sequence[str]) -> tuple[Path | None, list[str]]:
    """Split a command line into the folder that `config_dir=` names, or None, and the remaining arguments.

    Raises:
        PanjError: If the key occurs twice, or its value is not a path.
    """
    found = [word for word in words if word.startswith(CONFIG_DIR)]
    if len(found) > 1:
        raise repeated("config_dir", len(found))
    rest = [word for word in words if word not in found]
    return (read_path("config_dir", found[0].removeprefix(CONFIG_DIR)) if found else None), rest


def nearest_folder(start: Path) -> Path | None:
    """Return `start` or its nearest parent that contains `panj.yaml`; None if there is none."""
    return next((folder for folder in (start, *start.parents) if (folder / MARKER).is_file()), None)


def marked(folder: Path, key: str) -> Path:
    """Return the absolute path of a folder; raise PanjError if it has no `panj.yaml`.

    Args:
        folder: Folder named by the user.
        key: Setting that names the folder, for the error.
    """
    if not (folder / MARKER).is_file():
        raise PanjError(
            f"{key}: found '{folder}', expected a folder with {MARKER}, as written by `init FOLDER`", key=key
        )
    return folder.absolute()


@contextmanager
def using(folder: Path | None) -> Iterator[Path | None]:
    """Use a folder of the user's own files within a block, in this process and its child processes.

    Args:
        folder: The folder; None to use only the files that come with Panj.

    Yields:
        The folder.

    Raises:
        PanjError: If the folder has no `panj.yaml`, or if its layout is invalid.
    """
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = NONE if folder is None else str(marked(folder, "config_dir"))
    try:
        refresh()
        yield own_folder()
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
        refresh(checked=False)


def refresh(checked: bool = True) -> None:
    """Clear caches filled from a different folder or from files that have changed; if `checked`, check the layout."""
    try:
        folder = own_folder()
    except PanjError:
        if checked:
            raise
        folder = None
    files = None if folder is None else (folder, state_of(folder))
    if files != state["files"]:
        for forget in forgotten:
            forget()
        state["files"] = files
    if folder is not None and checked:
        check_layout(folder)


def follow(folder: str) -> None:
    """Use, on a worker, the folder of the user's own files named by a task.

    Args:
        folder: Path of the folder on the machine that sent the task; empty if the task does not read the user's files,
            in which case the folder of an earlier task is no longer used.

    Raises:
        PanjError: If the folder does not exist on this worker, which may be on another machine.
    """
    if not folder and state["followed"] and os.environ.get(VARIABLE) == state["followed"]:
        os.environ[VARIABLE], state["followed"] = NONE, ""
        refresh()
    if not folder or str(own_folder() or "") == folder:
        return
    if not (Path(folder) / MARKER).is_file():
        raise PanjError(
            f"executor: found no folder {folder} on a worker, expected your own files there as well, under the same "
            "path; copy or share the folder, or use executor=processes",
            key="executor",
        )
    os.environ[VARIABLE] = state["followed"] = folder
    refresh()


def arguments_of_folder() -> list[str]:
    """Return the command-line argument that names the current folder of the user's own files, in a list.

    The list is empty if there is no folder, or if a command in the working directory finds it without the argument.
    """
    folder = own_folder()
    return [] if folder is None or folder == nearest_folder(Path.cwd()) else [f"{CONFIG_DIR}{folder}"]


def state_of(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return the name, modification time and size of every file in a folder that Panj can read."""
    names = [MARKER, *ALWAYS, *(f"{DATA}/{name}" for name in REPLACED)]
    paths = [*(folder / name for name in names), *sorted(folder.glob(f"{SCENARIOS}/*"))]
    paths += sorted(folder.glob(f"{POLICIES}/*/*"))
    found = [(str(path), path.stat()) for path in paths if path.is_file()]
    return tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in found)


def check_layout(folder: Path) -> None:
    """Raise PanjError for a file or folder that would be ignored because of its name, or for an invalid marker."""
    settings = own_yaml(folder / MARKER)
    for key in settings:
        if key not in SETTINGS:
            from sim.data.places import place_in  # it imports this module

            raise unknown(place_in(folder / MARKER, key), key, SETTINGS)
    if settings.get("version", VERSION) != VERSION:
        raise PanjError(f"{folder / MARKER}, version: found {settings['version']}, expected {VERSION}")
    for path in sorted(folder.iterdir()):
        meant = get_close_matches(path.name.lower(), KNOWN, n=1, cutoff=ALIKE)
        if path.name not in KNOWN and meant and path.suffix in ("", ".yaml", ".yml", ".csv"):
            raise misplaced(path, f"'{meant[0]}', since nothing reads this name")
    refuse_swapped(folder)
    for path in sorted((folder / POLICIES).glob("*")):
        if path.name not in GROUPS and not path.name.startswith("."):
            raise unknown(f"{path}", path.name, GROUPS)
    for path in sorted((folder / DATA).glob("*.csv")):
        if path.name not in REPLACED:
            raise unknown(f"{path}", path.name, REPLACED)
    for path in sorted([*folder.glob(f"{SCENARIOS}/*"), *folder.glob(f"{POLICIES}/*/*")]):
        if path.is_dir() and not path.name.startswith((".", "__")):
            raise misplaced(path, f"its files in {path.parent}, since folders inside it are not read")
    for group in (*GROUPS, "scenario"):
        files_of(group)


def refuse_swapped(folder: Path) -> None:
    """Raise PanjError for a folder with the name of a file that Panj reads, or the reverse."""
    for name in (*ALWAYS, *(f"{DATA}/{name}" for name in REPLACED)):
        if (folder / name).is_dir():
            raise misplaced(folder / name, "a file of this name, since a folder is not read")
    for name in (SCENARIOS, POLICIES, DATA):
        if (folder / name).is_file():
            raise misplaced(folder / name, "a folder of this name, since a file is not read")


def misplaced(path: Path, expected: str) -> PanjError:
    """Return the error for a file or folder that would be ignored because of its name."""
    return PanjError(f"{path}: found '{path.name}', expected {expected}", key=str(path))


def is_text(name: str) -> bool:
    """Return whether a name on the command line is parsed as text, not as a number, boolean or null."""
    try:
        float(name)
    except ValueError:
        return name.casefold() not in ("null", "true", "false")
    return False


def files_of(group: str) -> dict[str, Path]:
    """Return the YAML files of a group of choices by name, including the user's own, in alphabetical order.

    Args:
        group: A group of choices, such as `border`, `scenario` or `calibration`.

    Raises:
        PanjError: If one of the user's files has the name of a file of Panj, an extension other than `.yaml`, or a name
            that is not parsed as text on the command line.
    """
    found = {path.stem: path for path in folder_of_group(group).glob("*.yaml")}
    shipped = {name.casefold(): path for name, path in found.items()}
    for path in own_files_of(group):
        if path.suffix != ".yaml":
            meant = path.name.partition(".")[0] + ".yaml"
            is_copy = (path.parent / meant).exists() or ".y" in path.stem
            expected = "no such file here; move it elsewhere or rename it" if is_copy else f"'{meant}'"
            raise misplaced(path, f"{expected}, since only files that end in .yaml are read")
        if not is_text(path.stem):
            raise misplaced(path, f"a name other than a number, true, false or null, which {group}= cannot choose")
        if path.stem.casefold() in shipped:
            raise PanjError(
                f"{path}: found {group}={path.stem} a second time, expected a name other than that of "
                f"{shipped[path.stem.casefold()]}", key=str(path),
            )  # fmt: skip
        found[path.stem] = path
    return dict(sorted(found.items()))


def own_files_of(group: str) -> list[Path]:
    """Return the user's files for a group of choices, in alphabetical order, without hidden files."""
    folder = own_folder()
    if folder is None or group not in (*GROUPS, "scenario"):
        return []
    place = folder / SCENARIOS if group == "scenario" else folder / POLICIES / group
    return sorted(path for path in place.glob("*") if path.is_file() and not path.name.startswith("."))


def file_of(group: str, name: str) -> Path:
    """Return the path of the YAML file of a choice; the file need not exist.

    Args:
        group: A group of choices, such as `border`.
        name: Name of the choice.
    """
    own = next((path for path in own_files_of(group) if path.name == f"{name}.yaml"), None)
    return own or folder_of_group(group) / f"{name}.yaml"


def is_own(path: Path) -> bool:
    """Return whether a path is inside the user's folder and is not a file of Panj, which may be installed there."""
    folder = own_folder()
    if folder is None or not path.is_relative_to(folder):
        return False
    shipped = (PACKAGE, folder_of("configs"), folder_of("scenarios"))
    return not any(path.is_relative_to(place) for place in shipped if place.is_relative_to(folder))


def own_file(name: str) -> Path | None:
    """Return the path of a file in the user's folder, such as `outcomes.yaml`; None if it does not exist."""
    folder = own_folder()
    return folder / name if folder is not None and (folder / name).is_file() else None


def own_yaml(path: Path | None) -> dict[str, Any]:
    """Return the mapping in one of the user's YAML files, empty if the file is missing or has only comments.

    Raises:
        PanjError: If the file cannot be read or is not a mapping; the key of the error is its path.
    """
    return {} if path is None or is_blank(path) else read_yaml(path)


def named_rules() -> list[str]:
    """Return the paths under `rules` in the user's `panj.yaml`; raise PanjError if they are not a list."""
    path = own_file(MARKER)
    names = own_yaml(path).get("rules") or []
    if not isinstance(names, list) or not all(isinstance(name, str) and name.endswith(".py") for name in names):
        raise PanjError(f"{path}, rules: found '{names}', expected a list of files, such as [my_rules/neighbours.py]")
    return names


def digest_of(path: Path) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a file."""
    return sha256(path.read_bytes()).hexdigest()[:16]


def table(name: str) -> Path:
    """Return the path of a data table such as `districts.csv`: the user's table if there is one, else Panj's."""
    return (own_file(f"{DATA}/{name}") if name in REPLACED else None) or SHIPPED / name


def has_rows(name: str) -> bool:
    """Return whether one of the user's files exists and has content other than comments and the header of a CSV."""
    path = own_file(name)
    if path is None or is_blank(path):
        return False
    return path.suffix != ".csv" or sum(bool(line.strip()) for line in path.read_bytes().splitlines()) > 1


@remembered()
def is_needed_by_workers() -> bool:
    """Return whether workers have to read the user's files: outcomes, evidence, tables of districts, or rules."""
    return any(map(has_rows, OF_WORKERS)) or bool(named_rules())


def files_with_effect(choices: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the user's files that affect campaigns or outcomes for given choices, with digests of their content.

    Args:
        choices: Pairs of group and choice, including base scenarios.

    Returns:
        Digests of 16 hexadecimal digits, keyed by the path of the file within the user's folder.
    """
    folder = own_folder()
    if folder is None:
        return {}
    paths = {file_of(group, name) for group, name in choices}
    paths |= {folder / name for name in (*ALWAYS, *(f"{DATA}/{name}" for name in REPLACED)) if has_rows(name)}
    for name in named_rules():
        paths |= {folder / name, (folder / name).with_suffix(".yaml")}
    own = sorted(path.relative_to(folder) for path in paths if is_own(path))
    return {path.as_posix(): digest_of(folder / path) for path in own}


def recorded_folder(about: Mapping[str, Any], near: Path) -> tuple[Path | None, str]:
    """Return the folder of the user's own files with which a study was made, according to its metadata.

    Args:
        about: Content of about.json, or the metadata of a figure or table.
        near: The study or file. If the recorded folder no longer exists, for instance after a move or on another
            machine, the user's folder that contains the study is returned.

    Returns:
        The folder, or None if the study was made without one or the folder is not found; and a note if it is not found
        although some of its files had an effect, otherwise an empty string.
    """
    recorded = about.get("config_dir")
    if not recorded:
        return None, ""
    folder = Path(recorded) if (Path(recorded) / MARKER).is_file() else nearest_folder(near.absolute())
    files = about.get("own_files") or {}
    if folder is not None or not files:
        return folder, ""
    return None, (
        f"{near} was made with {', '.join(files)} of {recorded}, which does not exist; only the files of Panj are used "
        "(config_dir=FOLDER names the folder)"
    )
