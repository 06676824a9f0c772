"""Every sentence of the pages, by page and key, in one folder a language.

Reads   text/<language>/*.yaml, a file a page; months, dates and lists are those of stories.

Text that a visitor typed or pasted: bounded, on one line, and without anything that a machine would fill in.
"""

from functools import cache
from pathlib import Path
from typing import Any

from sim.data.configs import read_yaml
from sim.errors import PanjError, unknown
from sim.wording import SENTENCES, Language

FOLDER = Path(__file__).parent / "text"


@cache
def texts_of(page: str, language: str = "en") -> Language:
    """The sentences of a page, with those that all pages share; PanjError where there are none."""
    known = sorted(path.stem for path in (FOLDER / language).glob("*.yaml"))
    if page not in known:
        raise unknown("page", page, known)
    here = FOLDER / language
    shared = {**read_yaml(SENTENCES / f"{language}.yaml"), **read_yaml(here / "shell.yaml")}
    return Language({**shared, **read_yaml(here / f"{page}.yaml")})


MOST_TEXT = 10_000


def check_text(text: str) -> None:
    """Bounded, and without what a machine would fill in by itself."""
    if len(text) > MOST_TEXT:
        raise PanjError(f"settings: found {len(text):,} letters, expected at most {MOST_TEXT:,}")
    if "${" in text:
        raise PanjError(f"settings: found '${{' in '{shown(text)}', expected plain values: nothing is filled in here")


def shown(text: str) -> str:
    """The beginning of what was typed."""
    return f"{text[:60]}…" if len(text) > 60 else text


def text_of(what: str, value: Any, most: int) -> str:
    """One line of plain text, bounded."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise PanjError(f"scenario.{what}: found '{shown(str(value))}', expected text")
    text = " ".join(str(value).split())
    check_text(text)
    if len(text) > most or not text.isprintable():
        raise PanjError(f"scenario.{what}: found {len(text)} letters, expected at most {most}, all of them visible")
    return text
