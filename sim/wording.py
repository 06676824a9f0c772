"""Sentences by key, in one file a language, with plurals, lists, dates and numbers that are ready to read.

Reads   sentences/<language>.yaml.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from sim.data.configs import read_yaml
from sim.errors import PanjError, unknown

SENTENCES = Path(__file__).parent / "sentences"
MOST_NAMED = 3  # places in a list, before it says how many others there are


class Language:
    """The sentences of one language."""

    def __init__(self, sentences: Mapping[str, Any]) -> None:
        self.sentences = sentences

    def say(self, key: str, count: int | None = None, **gaps: object) -> str:
        """A sentence with its gaps filled; `count` chooses between `one` and `other`, and fills its own gap."""
        if key not in self.sentences:
            raise unknown("sentence", key, self.sentences)
        text = self.sentences[key]
        if isinstance(text, Mapping):
            text = text["one" if count == 1 else "other"]
        if count is not None:
            gaps["count"] = number(count)
        try:
            return str(text).format(**gaps)
        except KeyError as error:
            raise PanjError(f"sentence {key}: found the gap {error}, expected one of {', '.join(gaps)}") from error

    def day(self, day: date, year: bool = False) -> str:
        """`5 July`, or `5 July 2021`."""
        month = self.sentences["month"][day.month - 1]
        return self.say("date_and_year" if year else "date", day=day.day, month=month, year=day.year)

    def listed(self, names: Sequence[str], most: int | None = None) -> str:
        """`A, B and C`; where there are more than `most`, `A, B, C and 4 others`."""
        if most is not None and len(names) > most + 1:
            return self.say("list_more", len(names) - most, names=", ".join(names[:most]))
        if len(names) < 2:
            return "".join(names)
        return self.say("list_and", first=", ".join(names[:-1]), last=names[-1])


@cache
def language_of(name: str = "en") -> Language:
    """The sentences of a language; PanjError where there is no such file."""
    known = sorted(path.stem for path in SENTENCES.glob("*.yaml"))
    if name not in known:
        raise unknown("language", name, known)
    return Language(read_yaml(SENTENCES / f"{name}.yaml"))


def number(value: float) -> str:
    """1,037."""
    return f"{value:,.0f}"


def say_post(slug: str) -> str:
    """A post's short name in words: shahr_e_buzurg is Shahr-e Buzurg."""
    return slug.replace("_e_", "-e ").replace("_", " ").title().replace("-E ", "-e ")
