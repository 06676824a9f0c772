"""Texts of the pages by page and key; and checks of text that a visitor typed or pasted.

Reads   text/<language>/*.yaml, one file per page; months, dates and lists are those of stories.
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
    """Texts of a page, with those that all pages share.

    Args:
        page: name of its file.
        language: folder of the file.

    Returns:
        The texts by key.

    Raises:
        PanjError: there is no such page.
    """
    known = sorted(path.stem for path in (FOLDER / language).glob("*.yaml"))
    if page not in known:
        raise unknown("page", page, known)
    here = FOLDER / language
    shared = {**read_yaml(SENTENCES / f"{language}.yaml"), **read_yaml(here / "shell.yaml")}
    return Language({**shared, **read_yaml(here / f"{page}.yaml")})


def markdown_list(lines: Iterable[str]) -> str:
    """A Markdown list."""
    return "\n".join(f"- {line}" for line in lines)


MOST_TEXT = 10_000  # maximum characters


def check_text(text: str) -> None:
    """Raise PanjError for a text that is too long or has an interpolation, which would be filled in."""
    if len(text) > MOST_TEXT:
        raise PanjError(f"settings: found {len(text):,} letters, expected at most {MOST_TEXT:,}")
    if "${" in text:
        raise PanjError(f"settings: found '${{' in '{shown(text)}', expected plain values: nothing is filled in here")


def plain_yaml(text: str) -> Any:
    """Plain values of a pasted YAML text.

    Raises:
        PanjError: it has references, with which a small text could grow without bound.
        yaml.YAMLError: it is not YAML.
    """
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.AliasEvent):
            raise PanjError("found an alias (*) in YAML, expected plain values")
    return yaml.load(text, Loader)


def shown(text: str) -> str:
    """The first characters of a typed text."""
    return f"{text[:60]}…" if len(text) > 60 else text


def text_of(what: str, value: Any, most: int) -> str:
    """One line of plain text; PanjError where it is too long or has invisible characters."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise PanjError(f"scenario.{what}: found '{shown(str(value))}', expected text")
    text = " ".join(str(value).split())
    check_text(text)
    if len(text) > most or not text.isprintable():
        raise PanjError(f"scenario.{what}: found {len(text)} letters, expected at most {most}, all of them visible")
    return text


FORMULA = ("=", "+", "-", "@", "\t", "\r")  # first characters of what a spreadsheet would calculate


def safe_cell(value: object) -> object:
    """A value for a CSV file; text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{value}" if not isinstance(value, int | float) and str(value).startswith(FORMULA) else value
