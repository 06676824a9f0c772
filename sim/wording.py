"""Sentences by key, one file per language, with formatted plurals, lists, dates and numbers.

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
MOST_NAMED = 3  # places named in a list before "and n others"


class Language:
    """The sentences of one language."""

    def __init__(self, sentences: Mapping[str, Any]) -> None:
        self.sentences = sentences

    def say(self, key: str, count: int | None = None, **gaps: object) -> str:
        """A sentence with its gaps filled; `count` selects `one` or `other` and fills its own gap."""
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
        """`A, B and C`, or `A, B, C and 4 others` if there are more than `most`."""
        if most is not None and len(names) > most + 1:
            return self.say("list_more", len(names) - most, names=", ".join(names[:most]))
        if len(names) < 2:
            return "".join(names)
        return self.say("list_and", first=", ".join(names[:-1]), last=names[-1])


@cache
def language_of(name: str = "en") -> Language:
    """The sentences of a language; PanjError if there is no such file."""
    known = sorted(path.stem for path in SENTENCES.glob("*.yaml"))
    if name not in known:
        raise unknown("language", name, known)
    return Language(read_yaml(SENTENCES / f"{name}.yaml"))


def number(value: float) -> str:
    """A number with thousands separators: `1,037`."""
    return f"{value:,.0f}"


def say_post(slug: str) -> str:
    """Display name of a post: shahr_e_buzurg gives Shahr-e Buzurg."""
    return slug.replace("_e_", "-e ").replace("_", " ").title().replace("-E ", "-e ")
