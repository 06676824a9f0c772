"""Every sentence of the pages, by page and key, in one folder a language.

Reads   words/<language>/*.yaml, a file a page; months, dates and lists are those of stories.
"""

from functools import cache
from pathlib import Path

from sim.errors import unknown
from sim.parameters import read_yaml
from sim.show.language import SENTENCES, Language

FOLDER = Path(__file__).parent / "words"


@cache
def words_of(page: str, language: str = "en") -> Language:
    """The sentences of a page, with those that all pages share; PanjError where there are none."""
    known = sorted(path.stem for path in (FOLDER / language).glob("*.yaml"))
    if page not in known:
        raise unknown("page", page, known)
    here = FOLDER / language
    shared = {**read_yaml(SENTENCES / f"{language}.yaml"), **read_yaml(here / "shell.yaml")}
    return Language({**shared, **read_yaml(here / f"{page}.yaml")})
