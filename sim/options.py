"""Options of the verbs: how words of the command line become checked values."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from sim.errors import PanjError

Word = str


def options_of(verb: str, words: Sequence[Word], keys: Sequence[str], usage: str) -> dict[str, str]:
    """`key=value` for the keys of a verb, each at most once and with a value; other words are left to the caller."""
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in keys:
            continue
        if key in found or not value:
            raise PanjError(f"{verb}: found '{word}', expected {key}= once, with a value: {usage}")
        found[key] = value
    return found


def whole(key: str, text: str, low: int = 0, high: int | None = None) -> int:
    """A whole number within bounds; PanjError names the key."""
    until = f"of at least {low}" if high is None else f"from {low} to {high}"
    if not text.isdecimal() or int(text) < low or (high is not None and int(text) > high):
        raise PanjError(f"{key}: found '{text}', expected a whole number {until}")
    return int(text)


def day_of(key: str, text: str) -> date:
    """A date; PanjError names the key."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise PanjError(f"{key}: found '{text}', expected a date such as 2021-07-04") from error


def folder_of_study(verb: str, words: Sequence[Word], usage: str) -> Path:
    """The one word without = is the folder."""
    folders = [word for word in words if "=" not in word]
    if len(folders) != 1 or folders[0].startswith("-"):
        raise PanjError(f"{verb}: found '{' '.join(folders)}', expected one folder of a study: {usage}")
    return Path(folders[0])
