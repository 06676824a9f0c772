"""Format numbers, dates, plurals and lists as text, and look up sentences by key in the file of a language.

Reads   sentences/<language>.yaml.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from sim.data.configs import read_yaml
from sim.errors import PanjError, unknown

SENTENCES = Path(__file__).parent / "sentences"
MOST_NAMED = 3  # largest number of places named in a list before `and n others`


def is_share(unit: str) -> bool:
    """Return whether numbers with this unit are shares from 0 to 1, which are shown in per cent."""
    return unit.startswith("share")


def say(value: object) -> str:
    """Format the value of a swept key for labels."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


class Language:
    """The sentences of one language, keyed as in its file."""

    def __init__(self, sentences: Mapping[str, Any]) -> None:
        self.sentences = sentences

    def say(self, key: str, count: int | None = None, **gaps: object) -> str:
        """Return a sentence with the values of its placeholders.

        Args:
            key: Key of the sentence in the file of the language.
            count: Number that selects the form `one` or `other`, and the value of the placeholder {count}.
            gaps: Values of the other placeholders.

        Raises:
            PanjError: For an unknown key or a placeholder without a value.
        """
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
            raise PanjError(f"sentence {key}: found placeholder {error}, expected one of {', '.join(gaps)}") from error

    def day(self, day: date, year: bool = False) -> str:
        """Return a date in this language: `5 July`, or `5 July 2021`."""
        return self.say("date_and_year" if year else "date", day=day.day, month=self.month(day), year=day.year)

    def month(self, day: date) -> str:
        """Return the name of the month of a date in this language."""
        return str(self.sentences["month"][day.month - 1])

    def unit(self, unit: str, is_one: bool = False) -> str:
        """Return a unit of outcomes in this language, in the singular if `is_one` is true.

        A unit that is missing in the language, such as that of a user's own outcome, is returned as declared, without a
        final s in the singular.
        """
        known = self.sentences["units"].get(unit)
        if known is None:
            return unit[:-1] if is_one and unit.endswith("s") else unit
        return str(known["one" if is_one else "other"])

    def quoted(self, text: str) -> str:
        """Format an English text of the record as a quotation in a sentence of this language."""
        return text

    def listed(self, names: Sequence[str], most: int | None = None) -> str:
        """Join names in a list: `A, B and C`.

        If there are more than `most` + 1 names, list the first `most` and count the rest: `A, B, C and 4 others`.
        """
        if most is not None and len(names) > most + 1:
            return self.say("list_more", len(names) - most, names=", ".join(names[:most]))
        if len(names) < 2:
            return "".join(names)
        return self.say("list_and", first=", ".join(names[:-1]), last=names[-1])


@cache
def language_of(name: str = "en") -> Language:
    """Return the sentences of a language, such as `en`; raise PanjError for a language without a file."""
    known = sorted(path.stem for path in SENTENCES.glob("*.yaml"))
    if name not in known:
        raise unknown("language", name, known)
    return Language(read_yaml(SENTENCES / f"{name}.yaml"))


def number(value: float) -> str:
    """Format a number without decimals and with thousands separators: `1,037`."""
    return f"{value:,.0f}"


def significant(value: float, digits: int = 3) -> str:
    """Format a number to a few significant digits, with all digits before the point: 0.125, 12.5, 1,037.

    Args:
        value: The number.
        digits: Number of significant digits.
    """
    return f"{value:,.0f}" if abs(value) >= 10 ** (digits - 1) else f"{value:.{digits}g}"


COUNTED = frozenset(
    ("soldiers", "districts", "people", "capitals", "calls", "posts", "outposts", "reservists")
)  # units of counts


def whole(value: float) -> str:
    """Format a count or a mean of counts without decimals, or with one digit if below one, so that it is not zero."""
    return f"{value:,.0f}" if abs(value) >= 1 else f"{value:.1g}"


def format_number(value: float, unit: str) -> str:
    """Format an amount: a count without decimals, any other number to three significant digits.

    Args:
        value: The amount.
        unit: Unit of the outcome.
    """
    return whole(value) if unit in COUNTED else significant(value)


def percent(share: float, decimals: int = 0) -> str:
    """Format a share as a percentage: `57 %`.

    Args:
        share: The share, from 0 to 1.
        decimals: Number of decimals.
    """
    return f"{100 * share:.{decimals}f} %"


def counted(many: int, noun: str, plural: str = "") -> str:
    """Format a count with its noun: `1 campaign`, `10,000 campaigns`.

    Args:
        many: The count.
        noun: Noun in the singular.
        plural: Noun in the plural; by default, the singular with an s.
    """
    return f"{many:,} {noun if many == 1 else plural or f'{noun}s'}"


def counted_span(numbers: Iterable[int], noun: str) -> str:
    """Format the range from the smallest to the largest count with its noun: `1 pair`, `1 to 3 pairs`.

    Args:
        numbers: The counts, at least one.
        noun: Noun in the singular, whose plural has an s.
    """
    counts = set(numbers)
    return f"{span_of(counts)} {noun if counts == {1} else f'{noun}s'}"


def span(low: str, high: str) -> str:
    """Format a range from its two ends: `5 to 36`.

    Args:
        low: Lower end as text; empty if there is none.
        high: Upper end as text; empty if there is none.

    Returns:
        The range; `at least 5` or `at most 36` if one end is empty; one number if both ends are the same; an empty
        string if both are empty.
    """
    if not low or not high:
        return f"at least {low}" if low else f"at most {high}" if high else ""
    return low if low == high else f"{low} to {high}"


def span_of(numbers: Iterable[int]) -> str:
    """Format the range from the smallest to the largest number: `200 to 1,000`, or one number if they are equal."""
    known = sorted(numbers)
    return span(number(known[0]), number(known[-1]))


def with_range(value: str, low: str, high: str) -> str:
    """Format a value with its range: `1,037 (1,000 to 1,100)`.

    Args:
        value: The value as text; it may be empty.
        low: Lower end of the range as text; it may be empty.
        high: Upper end of the range as text; it may be empty.

    Returns:
        The value with its range; only one of them if the other is empty or both are the same.
    """
    between = span(low, high)
    return f"{value} ({between})" if value and between not in ("", value) else value or between


def reported_in_words(reported: Mapping[str, Any], unit: str) -> str:
    """Format a reported figure with its evidence for a sentence: `1,587 (F039)`, `at least 13.5 % (F085)`.

    Args:
        reported: `value`, `low`, `high` (numbers, or None) and `evidence` (ids) of the figure, and the `text` to return
            if it has no number.
        unit: Unit of the outcome. Shares are given in per cent.

    Returns:
        The figure, with its range if it has one; empty if nothing was reported.
    """
    sign = " %" if is_share(unit) else ""
    value, low, high = (
        "" if reported[part] is None else significant(reported[part] * (100 if sign else 1))
        for part in ("value", "low", "high")
    )
    between = span(low, high)
    figures = [value, f"range {between}"] if value and between not in ("", value) else [value or between]
    figure = ", ".join(f"{one}{sign}" for one in figures if one)
    return f"{figure} ({reported['evidence']})" if figure else str(reported["text"])


def list_words(words: Sequence[str]) -> str:
    """Join words in a list: `one, two and three`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def paragraph(*sentences: str) -> str:
    """Join non-empty sentences with spaces."""
    return " ".join(sentence for sentence in sentences if sentence)


def format_day(day: date, year: bool = False) -> str:
    """Format a date as text: `5 July`, or `5 July 2021`.

    Args:
        day: The date.
        year: Whether to include the year.
    """
    return f"{day.day} {day:%B %Y}" if year else f"{day.day} {day:%B}"


def format_short_day(day: date) -> str:
    """Format a date for an axis: `5 Jul`."""
    return f"{day.day} {day:%b}"


def format_seconds(seconds: float) -> str:
    """Format a duration: `12 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def name_of_post(slug: str) -> str:
    """Return the display name of a post: `Shahr-e Buzurg` for `shahr_e_buzurg`."""
    return slug.replace("_e_", "-e ").replace("_", " ").title().replace("-E ", "-e ")
