"""Texts of the pages, by page and key, and checks of text that a visitor typed or pasted.

Reads   text/<language>/*.yaml, one file per page; months, dates and lists as in stories.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from sim.data.configs import Loader, read_yaml
from sim.errors import PanjError, unknown
from sim.wording import SENTENCES, Language

FOLDER = Path(__file__).parent / "text"


@cache
def texts_of(page: str, language: str = "en") -> Language:
    """Read the texts of a page, with those that all pages share.

    Args:
        page: Name of the file, without its ending.
        language: Folder of the file.

    Returns:
        The texts by key.

    Raises:
        PanjError: There is no such page.
    """
    known = sorted(path.stem for path in (FOLDER / language).glob("*.yaml"))
    if page not in known:
        raise unknown("page", page, known)
    here = FOLDER / language
    shared = {**read_yaml(SENTENCES / f"{language}.yaml"), **read_yaml(here / "shell.yaml")}
    return Language({**shared, **read_yaml(here / f"{page}.yaml")})


def markdown_list(lines: Iterable[str]) -> str:
    """Write a Markdown list.

    Args:
        lines: The items.

    Returns:
        The list.
    """
    return "\n".join(f"- {line}" for line in lines)


MOST_TEXT = 10_000  # maximum characters


def check_text(text: str) -> None:
    """Check a text that a visitor typed or pasted.

    Args:
        text: The text.

    Raises:
        PanjError: It is too long, or contains an interpolation, which Hydra would evaluate.
    """
    if len(text) > MOST_TEXT:
        raise PanjError(f"settings: found {len(text):,} characters, expected at most {MOST_TEXT:,}")
    if "${" in text:
        raise PanjError(f"settings: found '${{' in '{shown(text)}', expected plain values without interpolation")


def plain_yaml(text: str) -> Any:
    """Parse a pasted YAML text into plain values.

    Args:
        text: The text.

    Returns:
        The values.

    Raises:
        PanjError: The text has references, by which a small text could expand without limit.
        yaml.YAMLError: The text is not YAML.
    """
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.AliasEvent):
            raise PanjError("found an alias (*) in YAML, expected plain values")
    return yaml.load(text, Loader)


def shown(text: str) -> str:
    """Shorten a typed text for a message.

    Args:
        text: The text.

    Returns:
        The text, or its first 60 characters with an ellipsis.
    """
    return f"{text[:60]}…" if len(text) > 60 else text


def text_of(what: str, value: Any, most: int) -> str:
    """Check a title or description of a scenario.

    Args:
        what: Key within the scenario, for the message of an error.
        value: The value found.
        most: Maximum number of characters.

    Returns:
        The text on one line.

    Raises:
        PanjError: The value is not text, is too long or has invisible characters.
    """
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise PanjError(f"scenario.{what}: found '{shown(str(value))}', expected text")
    text = " ".join(str(value).split())
    check_text(text)
    if len(text) > most or not text.isprintable():
        raise PanjError(f"scenario.{what}: found {len(text)} characters, expected at most {most}, all of them visible")
    return text


FORMULA = ("=", "+", "-", "@", "\t", "\r")  # first characters by which a spreadsheet recognises a formula


def safe_cell(value: object) -> object:
    """Make a value safe for a CSV file.

    Args:
        value: The value.

    Returns:
        The value; text that a spreadsheet would read as a formula begins with an apostrophe.
    """
    return f"'{value}" if not isinstance(value, int | float) and str(value).startswith(FORMULA) else value
