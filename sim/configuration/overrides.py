"""Parse overrides of settings once, into typed values that keep their key and original text.

Hydra's parser provides the grammar (`key=value`, `a,b`, `range()`, `interval()`, `glob()`). Names are checked here,
before Hydra composes a config. Every error names the key, what was found, what was expected and, if there is one, the
nearest valid name.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Union

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, IntervalSweep, RangeSweep, Sweep
from hydra.core.override_parser.types import Override as Parsed
from hydra.errors import HydraException

from sim.configuration.numbers import declared_numbers
from sim.data.configs import GROUPS, folder_of, read_yaml
from sim.data.own import EVENTS as OWN_EVENTS
from sim.data.own import file_of, files_of, own_file, own_yaml
from sim.errors import PanjError, repeated, unknown
from sim.options import MULTIRUN, PATHS
from sim.provenance import shell_command

# groups for the source of the uncertain numbers, and for whether campaigns followed the record
DRAW_GROUPS = ("calibration", "worlds")
DRAW_KEYS = ("calibration.file", "worlds.file", "worlds.until")
HOW_GROUPS = ("executor", "sampling")  # groups for the execution of campaigns, which do not affect outcomes
MAIN_KEYS = ("study", "runs", "runs_max", "seed", "start_date", "end_date", "results_dir", "daily", "debug")
HOW_KEYS = (
    "executor.workers", "executor.address", "sampling.points", "sampling.keys", "sampling.seed",
    "precision.outcome", "precision.half_width",
)  # fmt: skip
ONE_VALUE = {
    "study", "runs", "runs_max", "seed", "results_dir", "daily", "debug", "timeline", "worlds", *DRAW_KEYS,
    *HOW_GROUPS, *HOW_KEYS,
}  # fmt: skip
AS_TYPED = ("study", *PATHS)  # names and paths, which are taken literally
EVENTS = "timeline.events."
MOST_CELLS = 100_000
SIMILAR = 0.75  # similarity from 0 to 1 above which an unknown key is treated as misspelt
FAR = 1e300  # largest absolute value of a number; larger and infinite numbers are rejected
PARTS = (EVENTS, *(f"{group}." for group in (*GROUPS, "scenario")))  # prefixes of keys of parts of a choice
PLAIN = re.compile(r"[A-Za-z][\w-]*|\d{4}-\d\d-\d\d", re.ASCII)  # text that needs no quotes
NUMBER = re.compile(r"[+-]?(0|[1-9][0-9]{0,18})(\.[0-9]+)?([eE][+-]?[0-9]+)?")
QUOTED = re.compile(r"'(?:\\.|[^'\\])*'" r'|"(?:\\.|[^"\\])*"')
FOREIGN = re.compile(  # matches quoted text, or unquoted text that may contain letters outside ASCII
    QUOTED.pattern + r"""|[^\s,\[\]{}()'":=][^,\[\]{}()'":=]*"""
)


@dataclass(frozen=True, order=True)
class Override:
    """One change of settings, such as `border=closed`, `~timeline.events.x` or `morale=brittle,reported`.

    `value` is a plain value, a list, a mapping or a Hydra sweep. Overrides are compared and sorted only by `text`.
    """

    text: str  # the override as typed
    grammar: str = field(compare=False, repr=False)  # the override in Hydra's grammar, with any required quotes
    key: str = field(compare=False)
    value: Any = field(compare=False, repr=False)
    value_text: str = field(compare=False, repr=False)
    adds: bool = field(compare=False, repr=False)  # whether + is before the key
    deletes: bool = field(compare=False, repr=False)  # whether ~ is before the key
    sweeps: bool = field(compare=False, repr=False)
    package: str | None = field(compare=False, repr=False)

    @staticmethod
    def of(key: str, value: Any = None, sign: str = "") -> "Override":
        """Make an override from a value instead of text.

        Args:
            key: Full key, such as `border`.
            value: Text, a number, None, or a mapping of names to such values.
            sign: `+` to add the key, `~` to delete it, empty to set it.

        Returns:
            The override, equal to the result of `parse` for the same setting as text.
        """
        text = f"{sign}{key}" if sign == "~" else f"{sign}{key}={quoted(value)}"
        value_text = value if isinstance(value, str) else quoted(value)
        return Override(text, text, key, value, value_text, sign == "+", sign == "~", False, None)

    @property
    def is_number(self) -> bool:
        """Whether the override sets a number of a rule; such overrides are not passed to Hydra."""
        return self.key.startswith("rules.")

    @property
    def is_plain(self) -> bool:
        """Whether the override is a simple `key=value` with a single value."""
        return not (self.adds or self.deletes or self.sweeps) and self.package is None

    @property
    def number(self) -> float:
        """The number that the override sets, cast to its declared type.

        Raises:
            PanjError: If the value is not a number of the declared type.
        """
        is_whole = declared_numbers()[self.key].is_whole
        is_number = isinstance(self.value, int | float) and not isinstance(self.value, bool) and not self.deletes
        if not is_number or abs(self.value) > FAR or (is_whole and self.value % 1):
            raise PanjError(
                f"{self.key}: found '{self.value}', expected {'a whole number' if is_whole else 'a number'}"
            )
        return int(self.value) if is_whole else float(self.value)

    @property
    def is_interval(self) -> bool:
        """Whether the override gives a range for a Latin hypercube."""
        return isinstance(self.value, IntervalSweep)

    @property
    def count(self) -> int:
        """Number of values in the override: 1 if it does not sweep, 0 for `interval`.

        The values of a range are counted without being listed.

        Raises:
            PanjError: If a range has a bound that is not finite, or a step of 0.
        """
        if isinstance(self.value, RangeSweep):
            start, stop, step = (Decimal(str(end)) for end in ends_of(self.value))
            if not all(end.is_finite() for end in (start, stop, step)) or not step:
                raise PanjError(
                    f"{self.key}: found '{self.text}', expected a range of finite numbers whose step is not 0"
                )
            return max(0, math.ceil((stop - start) / step))
        if isinstance(self.value, Glob):
            return len(self.value.filter(choices_of(self.key)))
        return len(getattr(self.value, "list", ())) if self.sweeps else 1

    def with_value(self, text: str) -> "Override":
        """Return an override that sets the same key to a single value, given as a user would type it."""
        return parse(f"{self.text.partition('=')[0]}={text}")


def ends_of(sweep: RangeSweep) -> tuple[float, float, float]:
    """Return the start, stop and step of a range; `range(5)` starts at 0."""
    return sweep.start or 0, sweep.stop or 0, sweep.step


@lru_cache(maxsize=4096)
def parse(text: str) -> Override:
    """Parse one override.

    Args:
        text: Text such as `border=closed`. Names and paths are taken literally; all other values follow Hydra's
            grammar.

    Returns:
        The override, whose key and value have not been checked.

    Raises:
        PanjError: If the text is not an override.
    """
    key, equals, value = text.partition("=")
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        raise PanjError(f"{ascii(key)[1:-1]}: found {text!a}, expected printable characters")
    if not equals and not key.startswith("~"):
        raise PanjError(f"override: found '{text}', expected key=value")
    if not re.fullmatch(r"[+~]{0,2}[\w./@:$-]+", key, re.ASCII):
        raise no_such_setting(key)
    if key in AS_TYPED and equals:
        return name_or_path(text, key, value)
    # most overrides of a sweep have this form, and the parser is slow
    if re.fullmatch(r"[a-z_.]+", key) and NUMBER.fullmatch(value):
        number = float(value) if set(value) & set(".eE") else int(value)
        return Override(text, text, key, number, str(number), False, False, False, None)
    grammar = key + equals + FOREIGN.sub(lambda found: in_quotes(found[0]), value)
    found = parsed(grammar, text)
    text_of_value = "" if found.is_sweep_override() else value_text(found)
    adds = found.is_add() or found.is_force_add()
    return Override(text, grammar, found.key_or_group, found.value(), text_of_value, adds, found.is_delete(),
                    found.is_sweep_override(), found.package)  # fmt: skip


def name_or_path(text: str, key: str, value: str) -> Override:
    """Return an override whose value is taken literally, except for removed quotes around it."""
    if re.fullmatch(r"(['\"]).*\1", value):
        value = str(parsed(text, text).value())
    grammar = text if value == "null" else f"{key}={quoted(value)}"
    return Override(text, grammar, key, None if value == "null" else value, value, False, False, False, None)


def in_quotes(text: str) -> str:
    """Put quotes around text if it contains letters outside ASCII, as Hydra requires."""
    return text if text.isascii() or text[0] in "'\"" else quoted(text.rstrip()) + text[len(text.rstrip()) :]


def quoted(value: Any) -> str:
    """Format a plain value, or a mapping of plain values, in Hydra's grammar, with any required quotes."""
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{quoted(part)}' for key, part in value.items())}}}"
    if not isinstance(value, str):
        return repr(value)
    if PLAIN.fullmatch(value) and value.lower() not in ("null", "true", "false", "nan", "inf"):
        return value
    escaped = re.sub(r"(\\*)'", lambda found: found[1] * 2 + r"\'", value)
    tail = len(escaped) - len(escaped.rstrip("\\"))
    return f"'{escaped}{chr(92) * tail}'"


def value_text(found: Parsed) -> str:
    """Return the value of a parsed override as text, without quotes."""
    value = found.value()
    return value if isinstance(value, str) else str(found.get_value_element_as_str())


def parsed(grammar: str, text: str) -> Parsed:
    """Parse one override, given in Hydra's grammar, or raise a PanjError that quotes the original `text`."""
    try:
        return OverridesParser.create().parse_override(grammar)
    except (HydraException, ValueError, RecursionError) as error:
        key = text.partition("=")[0].lstrip("+~")
        why = "with quotes around a value that has characters other than letters, digits and ./:-_: \"key='a (1)'\""
        raise PanjError(f"{key}: found '{text}', expected key=value, {why}", key=key) from error


AnyOverrides = Union["Overrides", Iterable[str]]


@dataclass(frozen=True, order=True)
class Overrides:
    """Overrides in the order in which they were typed.

    `Overrides.of(["-m", "border=open,closed", "runs=50"])` parses them; `words` are the original texts.
    """

    rows: tuple[Override, ...] = ()
    words: tuple[str, ...] = ()  # texts as typed, including -m

    @staticmethod
    def of(overrides: AnyOverrides) -> "Overrides":
        """Parse the texts of overrides; an `Overrides` object is returned unchanged.

        Args:
            overrides: Overrides as typed, including -m if any of them sweeps.

        Raises:
            PanjError: If a text is not an override.
        """
        if isinstance(overrides, Overrides):
            return overrides
        overrides = tuple(overrides)
        return Overrides(tuple(parse(word) for word in overrides if word not in MULTIRUN), overrides)

    def __iter__(self) -> Iterator[Override]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, key: object) -> bool:
        return any(row.key == key for row in self.rows)

    def __add__(self, others: AnyOverrides) -> "Overrides":
        """Return these overrides, followed by the given overrides."""
        more = Overrides.of(others)
        return Overrides((*self.rows, *more.rows), (*self.words, *more.words))

    @property
    def sweeps(self) -> bool:
        """Whether -m was given."""
        return len(self.words) > len(self.rows)

    @property
    def keys(self) -> set[str]:
        """Keys that are overridden."""
        return {row.key for row in self.rows}

    @property
    def fixed(self) -> "Overrides":
        """The overrides that set their key to a single value, without -m."""
        return Overrides.from_rows(row for row in self.rows if not row.sweeps)

    @staticmethod
    def from_rows(rows: Iterable[Override]) -> "Overrides":
        """Return parsed overrides as an `Overrides` object, without -m."""
        kept = tuple(rows)
        return Overrides(kept, tuple(row.text for row in kept))

    def get(self, key: str) -> Override | None:
        """Return the last (effective) override of a key, or None if the key is not overridden."""
        return next((row for row in reversed(self.rows) if row.key == key), None)

    def without(self, keys: Iterable[str]) -> "Overrides":
        """Return a copy without the overrides of the given keys; -m is kept if it was given."""
        dropped = [row.text for row in self.rows if row.key in set(keys)]
        rows = tuple(row for row in self.rows if row.text not in dropped)
        return Overrides(rows, tuple(word for word in self.words if word not in dropped))

    def with_usual(self, usual: Mapping[str, str]) -> "Overrides":
        """Return these overrides, followed by the defaults in `usual` of all keys that they do not set."""
        return self + [f"{key}={value}" for key, value in usual.items() if key not in self]

    def with_dates(self, first: date, last: date) -> "Overrides":
        """Return these overrides, followed by any dates of campaigns that differ from the overrides and defaults."""
        usual = read_yaml(folder_of("configs") / "config.yaml")
        dates = {"start_date": first.isoformat(), "end_date": last.isoformat()}
        return self.with_usual({key: day for key, day in dates.items() if day != str(usual[key])})

    def numbers(self) -> dict[str, float]:
        """Return the parameters of rules that these overrides set, by key; raise PanjError if one is invalid."""
        return {row.key: row.number for row in self.rows if row.is_number}


BASELINE = Overrides()


def check_override(row: Override) -> None:
    """Check the key, choice and syntax of an override before Hydra does, for clearer errors.

    Args:
        row: Override to check.

    Raises:
        PanjError: If the override sweeps, names an unknown key, choice or event, or uses syntax that Panj does not
            support.
    """
    if row.sweeps:
        raise PanjError(
            f"{row.key}: found several values ('{row.text}'), expected one; -m sweeps over them in run, plan and verify"
        )
    check_form(row)
    check_key(row.key, row.value_text)
    if row.key.startswith(EVENTS) and not row.adds:
        check_event(row.key)


def check_form(row: Override) -> None:
    """Raise PanjError if an override uses syntax of Hydra that Panj does not support."""
    name = row.key.removeprefix(EVENTS)
    if row.deletes and (name == row.key or "." in name or "=" in row.text):
        raise PanjError(
            f"{row.key}: found '{row.text}', expected ~ only in ~{EVENTS}NAME, which deletes an event", key=row.key
        )
    if row.key.startswith("hydra.") or row.key == "hydra":
        raise PanjError(
            f"{row.key}: found '{row.text}', expected a setting of Panj, since those of Hydra have no effect"
        )
    simple = f"{row.key}={row.value_text}" if row.value_text else f"{row.key}=VALUE"
    if row.package is not None and row.key in (*setting_names(), "timeline"):
        raise PanjError(f"{row.key}: found '{row.text}', expected {simple}, without @")
    if row.adds and not row.key.startswith(PARTS) and row.key in (*setting_names(), "timeline"):
        raise PanjError(
            f"{row.key}: found '{row.text}', expected {simple}, since + only adds a dated event or a part of a choice"
        )
    if "${" in row.text:
        raise PanjError(f"{row.key}: found '{row.text}', expected a plain value, since ${{...}} is not supported")


def check_key(key: str, value: str) -> None:
    """Check that a setting exists and, if it is a group, that the choice exists.

    Args:
        key: Key of the setting, such as `border`.
        value: Value as text, such as `closed`.

    Raises:
        PanjError: The key or the choice is unknown.
    """
    if key in (*GROUPS, *DRAW_GROUPS, *HOW_GROUPS, "scenario", "timeline"):
        if value not in choices_of(key):
            raise unknown(key, value, choices_of(key))
    elif key.startswith(PARTS):
        return
    elif key not in (*MAIN_KEYS, *DRAW_KEYS, *HOW_KEYS) and key not in declared_numbers():
        raise no_such_setting(key)


def setting_names() -> list[str]:
    """Return the keys of all settings and groups, and of all numbers of rules."""
    return [*MAIN_KEYS, *DRAW_KEYS, *HOW_KEYS, *GROUPS, *DRAW_GROUPS, *HOW_GROUPS, "scenario", *declared_numbers()]


def no_such_setting(key: str) -> PanjError:
    """Return the error for an unknown key, which suggests a key only if it is really similar."""
    meant = similar_setting(key)
    lists = f"`{shell_command(['help', 'run'])}` or `{shell_command(['list', 'numbers'])}`"
    hint = f"; did you mean '{meant}'?" if meant else ""
    return PanjError(f"{key}: found no such setting, expected one listed by {lists}{hint}")


def similar_setting(key: str) -> str:
    """Return the setting that is similar to an unknown key, as a whole or in its last part; empty if none is."""
    names = setting_names()
    by_last = {name.rpartition(".")[2]: name for name in reversed(names)}
    whole = get_close_matches(key, names, n=1, cutoff=SIMILAR)
    if not whole and "." in key:
        whole = get_close_matches(f"rules.{key}", names, n=1, cutoff=SIMILAR)
    last = get_close_matches(key.rpartition(".")[2], by_last, n=1, cutoff=SIMILAR)
    return next(iter([*whole, *(by_last[name] for name in last)]), "")


def check_event(key: str) -> None:
    """Raise PanjError if an override changes or deletes an event that does not exist."""
    files = [file_of("timeline", timeline) for timeline in choices_of("timeline")]
    events = {name for path in files for name in read_yaml(path)["events"]} | set(own_yaml(own_file(OWN_EVENTS)))
    name = key.split(".")[2]
    if name not in events:
        raise unknown("timeline.events", name, sorted(events))


def check_once(overrides: Iterable[Override]) -> None:
    """Raise PanjError if a swept key has more than one override, since only one of them would take effect."""
    rows = list(overrides)
    given = Counter(row.key for row in rows)
    for row in rows:
        if row.sweeps and given[row.key] > 1:
            raise repeated(row.key, given[row.key], swept=True)


def choices_of(group: str) -> list[str]:
    """Return the names of the choices of a group, such as `border`, including own choices, in alphabetical order."""
    return list(files_of(group))


def values_of(override: Override) -> list[Override]:
    """Expand an override that sweeps into one override per value, in the order of the values.

    Args:
        override: Override that sweeps by a list, `range` (whose stop is excluded) or `glob`, not by `interval`.

    Raises:
        PanjError: If the key cannot be swept, if there are no values or more values than a sweep may have cells, or
            if values are repeated, shuffled, or mixed with a range.
    """
    key = override.key
    if key in ONE_VALUE:
        why = ", since all cells have the same seeds" if key in ("runs", "seed") else ""
        raise PanjError(f"{key}: found several values ('{override.text}'), expected one{why}")
    if isinstance(override.value, ChoiceSweep) and any(isinstance(one, Sweep | Glob) for one in override.value.list):
        raise PanjError(
            f"{key}: found '{override.text}', expected either single values or one range(), glob() or interval(), alone"
        )
    if override.count > MOST_CELLS:
        raise PanjError(f"{key}: found {override.count} values, expected at most {MOST_CELLS}")
    if getattr(override.value, "shuffle", False):
        raise PanjError(
            f"{key}: found '{override.text}', expected values without shuffle(), since cells are numbered in order"
        )
    if isinstance(override.value, Glob):
        found = override.value.filter(choices_of(key))
    elif isinstance(override.value, RangeSweep):
        found = values_of_range(override.value, override.count)
    else:
        found = [str(value) for value in parsed(override.grammar, override.text).sweep_string_iterator()]
    if len(found) != len(set(found)) or not found:
        raise PanjError(f"{key}: found '{override.text}', expected at least one value, and no value twice")
    return [override.with_value(value) for value in found]


def values_of_range(sweep: RangeSweep, count: int) -> list[str]:
    """Return the values of a range as text.

    They are calculated in decimal arithmetic, in which 0.1 + 0.1 + 0.1 is 0.3.
    """
    start, _, step = ends_of(sweep)
    is_whole = all(isinstance(end, int) for end in ends_of(sweep))
    values = (Decimal(str(start)) + number * Decimal(str(step)) for number in range(count))
    return [str(int(value)) if is_whole else repr(float(value)) for value in values]
