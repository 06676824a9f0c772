"""Find the user's file and line that an error about settings refers to.

Settings are checked after the files of Panj, the user's files and the overrides have been merged, so an error names
only a key, such as `posts.tem.soldiers`. This module looks up that key and its value in the user's files.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import yaml

from sim.data.configs import check_aliases, read_text
from sim.data.own import DATA, REPLACED, is_own, own_file, own_folder
from sim.errors import PanjError

SIGNS = re.compile(r"^(override\s+)?/|^[+~]+")  # prefixes of the key of a group in a defaults list


class Entry(NamedTuple):
    """A key in a YAML file with one scalar value; a list has one entry per value."""

    key: tuple[str, ...]  # parts of the full key
    value: str  # empty for a mapping
    line: int


@contextmanager
def naming_own_files(files: Iterable[Path], alone: bool = False) -> Iterator[None]:
    """Add file and line to an error about a key or value in one of the user's files.

    Args:
        files: YAML files in use; those of Panj are ignored.
        alone: Whether no override can have set the key, so that it must come from one of these files.
    """
    try:
        yield
    except PanjError as error:
        place = (
            "" if str(own_folder()) in str(error) else place_of(error, [path for path in files if is_own(path)], alone)
        )
        if not place:
            raise
        said = str(error)
        if error.key in REPLACED:  # the path of the table, in place of its name
            said = said.removeprefix(f"{error.key}: ")
        raise PanjError(f"{place}: {said}", key=error.key) from error


def place_of(error: PanjError, files: Iterable[Path], alone: bool) -> str:
    """Return the file and line of the entry to which an error refers, as `FILE line 3`; empty if there is none.

    Args:
        error: The error.
        files: The user's files.
        alone: Whether a matching key is sufficient; otherwise the value must match as well.
    """
    if error.key in REPLACED and (table := own_file(f"{DATA}/{error.key}")):
        return str(table)
    key, found = key_in_error(error), value_in(str(error))
    best, place = 0, ""
    for path in files:
        is_named = f"{group_of(path)}={path.stem}" in str(error)
        for entry in entries_of(path):
            score = match_score(entry, key, found, is_named) or alone * shared(entry.key, key)
            if score > best:
                best, place = score, f"{path} line {entry.line}"
        if is_named and not best:
            best, place = 1, str(path)
    return place


def places_in(path: Path) -> dict[str, str]:
    """Return the file and line of each key in a YAML file, as `FILE line 3`; for a repeated key, the first line."""
    return {".".join(entry.key): f"{path} line {entry.line}" for entry in reversed(entries_of(path))}


def place_in(path: Path, key: str) -> str:
    """Return the file and line of a key in a YAML file, as `FILE line 3`; the file alone if the key is not in it."""
    return places_in(path).get(key, str(path))


def group_of(path: Path) -> str:
    """Return the group of choices to which one of the user's files belongs, such as `border` or `scenario`."""
    return "scenario" if path.parent.name == "scenarios" else path.parent.name


def match_score(entry: Entry, key: tuple[str, ...], found: str, is_named: bool) -> int:
    """Return a score for how well an entry matches an error; 0 if the error does not refer to it.

    Args:
        entry: The entry.
        key: Parts of the key that the error names.
        found: The value, or the unknown name, that the error reports as found; empty if nothing was found.
        is_named: Whether the error names the choice that the file defines.
    """
    same = shared(entry.key, key)
    if found and same and is_same(entry.value, found):
        return 100 + same
    unknown = tuple(found.split("."))
    inside = shared(entry.key[: -len(unknown)], key)
    if found and entry.key[-len(unknown) :] == unknown and (is_named or inside or same):
        return 50 + same + inside
    if (not found and (shared(entry.key[:-1], key[:-1]) or same == len(key) > 0)) or (is_named and same):
        return 10 + same
    return 0


def shared(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """Return the number of trailing parts that two keys have in common."""
    count = 0
    while count < min(len(one), len(other)) and one[-1 - count] == other[-1 - count]:
        count += 1
    return count


def is_same(value: str, found: str) -> bool:
    """Return whether two texts, from a YAML file and an error, are equal as text, number, boolean or null."""
    if value.casefold() == found.casefold() or (found == "null" and value in ("", "~")):
        return True
    try:
        return float(value) == float(found)
    except ValueError:
        return False


def key_in_error(error: PanjError) -> tuple[str, ...]:
    """Return the parts of the key in an error, without the choices and files that the error mentions after the key."""
    parts = [part for part in re.split(r",? after |,? in |, ", error.key) if "=" not in part and "/" not in part]
    return tuple(parts[-1].strip().split(".")) if parts else ()


def value_in(message: str) -> str:
    """Return the value that an error reports as found, without quotes; empty if it reports that nothing was found."""
    found = re.search(r": found (?:'([^']*)'|([^\s,]+),)", message)
    return "" if found is None or found[2] == "nothing" else found[1] or found[2]


def entries_of(path: Path) -> list[Entry]:
    """Return all entries of a YAML file; none if it is not valid YAML."""
    try:
        node = yaml.compose(read_text(path), yaml.SafeLoader)
        check_aliases(node, {}, set())
    except (yaml.YAMLError, PanjError, RecursionError):
        return []
    return list(entries(node, ())) if node is not None else []


def entries(node: yaml.Node, key: tuple[str, ...]) -> Iterator[Entry]:
    """Yield the entries of a YAML node and of all nodes inside it."""
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        yield Entry(key, "", line)
        for name, value in node.value:
            yield from entries(value, (*key, *SIGNS.sub("", str(name.value)).split(".")))
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from entries(each, key)
    else:
        yield Entry(key, str(node.value), line)
