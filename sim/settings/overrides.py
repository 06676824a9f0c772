"""Overrides of settings, parsed once into typed values that keep their key and original text.

Hydra's parser provides the grammar (`key=value`, `a,b`, `range()`, `interval()`, `glob()`); names are checked here,
before Hydra composes; every error names the key, what was found, what was expected and the nearest valid name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Union

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, IntervalSweep
from hydra.core.override_parser.types import Override as Parsed
from hydra.errors import HydraException

from sim.data.configs import folder_of_group, read_yaml
from sim.errors import PanjError, nearest, unknown
from sim.options import MULTIRUN
from sim.settings.numbers import declared_numbers

GROUPS = ("morale", "capacity", "reinforcement", "border", "mobilisation", "air_support", "taliban", "theory")
DRAW_GROUPS = ("calibration",)  # source of the uncertain numbers
DRAW_KEYS = ("calibration.file",)
HOW_GROUPS = ("executor", "sampling")  # how campaigns are run; no effect on outcomes
MAIN_KEYS = ("study", "runs", "runs_max", "seed", "start_date", "end_date", "results_dir", "daily", "debug")
HOW_KEYS = (
    "executor.workers", "executor.address", "sampling.points", "sampling.keys", "sampling.seed",
    "precision.outcome", "precision.half_width",
)  # fmt: skip
ONE_VALUE = {
    "study", "runs", "runs_max", "seed", "results_dir", "daily", "debug", "timeline", *DRAW_KEYS, *HOW_GROUPS, *HOW_KEYS
}  # fmt: skip
EVENTS = "timeline.events."


@dataclass(frozen=True)
class Override:
    """One change of settings, such as `border=closed`, `~timeline.events.x` or `morale=brittle,reported`.

    `value` is plain, a list, a mapping, or a Hydra sweep; two overrides are equal when their texts are.
    """

    text: str  # as it was typed
    key: str = field(compare=False)
    value: Any = field(compare=False, repr=False)
    value_text: str = field(compare=False, repr=False)
    adds: bool = field(compare=False, repr=False)  # + before the key
    deletes: bool = field(compare=False, repr=False)  # ~ before the key
    sweeps: bool = field(compare=False, repr=False)
    package: str | None = field(compare=False, repr=False)

    @property
    def is_number(self) -> bool:
        """Whether it sets a number of a rule; these bypass Hydra's config."""
        return self.key.startswith("rules.")

    @property
    def is_plain(self) -> bool:
        """Whether it is a simple `key=value`."""
        return not (self.adds or self.deletes or self.sweeps) and self.package is None

    @property
    def number(self) -> float:
        """The number that it sets, cast to its declared type; PanjError if it is not a number."""
        is_whole = declared_numbers()[self.key].is_whole
        is_number = isinstance(self.value, int | float) and not isinstance(self.value, bool) and not self.deletes
        if not is_number or (is_whole and self.value != int(self.value)):
            raise PanjError(
                f"{self.key}: found '{self.value}', expected a value of type {'integer' if is_whole else 'float'}"
            )
        return int(self.value) if is_whole else float(self.value)

    @property
    def is_interval(self) -> bool:
        """Whether it sweeps over a range, for a Latin hypercube."""
        return isinstance(self.value, IntervalSweep)

    def with_value(self, text: str) -> "Override":
        """The same key with one value, as it would be typed."""
        return parse(f"{self.text.partition('=')[0]}={text}")


@lru_cache(maxsize=4096)
def parse(text: str) -> Override:
    """Parse one override by Hydra's grammar; PanjError for text that is not an override."""
    found = parsed(text)
    text_of_value = "" if found.is_sweep_override() else found.get_value_element_as_str()
    adds = found.is_add() or found.is_force_add()
    return Override(text, found.key_or_group, found.value(), text_of_value, adds, found.is_delete(),
                    found.is_sweep_override(), found.package)  # fmt: skip


def parsed(text: str) -> Parsed:
    """Hydra's parse of one override."""
    try:
        return OverridesParser.create().parse_override(text)
    except HydraException as error:
        raise PanjError(f"override: found '{text}', expected key=value ({' '.join(str(error).split())})") from error


AnyOverrides = Union["Overrides", Iterable[str]]


@dataclass(frozen=True)
class Overrides:
    """Overrides in the order in which they were typed.

    `Overrides.of(["-m", "border=open,closed", "runs=50"])` parses them; `words` are the original texts.
    """

    rows: tuple[Override, ...] = ()
    words: tuple[str, ...] = ()  # texts as typed, including -m

    @staticmethod
    def of(words: AnyOverrides) -> "Overrides":
        """Parse texts; an `Overrides` is returned unchanged. Raises PanjError for text that is not an override."""
        if isinstance(words, Overrides):
            return words
        words = tuple(words)
        return Overrides(tuple(parse(word) for word in words if word not in MULTIRUN), words)

    def __iter__(self) -> Iterator[Override]:
        return iter(self.rows)

    def __contains__(self, key: object) -> bool:
        return any(row.key == key for row in self.rows)

    def __add__(self, others: AnyOverrides) -> "Overrides":
        """These overrides followed by others."""
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
        """The overrides that do not sweep, without -m."""
        return Overrides.from_rows(row for row in self.rows if not row.sweeps)

    @staticmethod
    def from_rows(rows: Iterable[Override]) -> "Overrides":
        """Overrides from parsed rows, without -m."""
        kept = tuple(rows)
        return Overrides(kept, tuple(row.text for row in kept))

    def get(self, key: str) -> Override | None:
        """The last override of a key, which takes precedence, or None."""
        return next((row for row in reversed(self.rows) if row.key == key), None)

    def without(self, keys: Iterable[str]) -> "Overrides":
        """These overrides without some keys; -m is kept."""
        dropped = [row.text for row in self.rows if row.key in set(keys)]
        return Overrides.of(word for word in self.words if word not in dropped)

    def with_usual(self, usual: Mapping[str, str]) -> "Overrides":
        """These overrides, with `usual` values appended for keys that they do not set."""
        return self + [f"{key}={value}" for key, value in usual.items() if key not in self]

    def numbers(self) -> dict[str, float]:
        """Numbers of rules that are set, by key; PanjError for an invalid number."""
        return {row.key: row.number for row in self.rows if row.is_number}


def check_override(row: Override) -> None:
    """Check key, group choice and plain value before Hydra does, for clearer errors."""
    if row.sweeps:
        raise PanjError(f"{row.key}: found several values ('{row.text}'), expected one; a sweep has -m on its line")
    check_key(row.key, row.value_text)
    if row.key.startswith(EVENTS) and not row.adds:
        check_event(row.key)


def check_key(key: str, value: str) -> None:
    """Raise PanjError for an unknown key or group choice."""
    if key in (*GROUPS, *DRAW_GROUPS, *HOW_GROUPS, "scenario", "timeline"):
        if value not in choices_of(key):
            raise unknown(key, value, choices_of(key))
    elif key.startswith((EVENTS, "hydra.", *(f"{group}." for group in (*GROUPS, "scenario")))):
        return
    elif key not in (*MAIN_KEYS, *DRAW_KEYS, *HOW_KEYS) and key not in declared_numbers():
        names = [*MAIN_KEYS, *DRAW_KEYS, *HOW_KEYS, *GROUPS, *DRAW_GROUPS, *HOW_GROUPS, "scenario", *declared_numbers()]
        hint = nearest(key, names) or nearest(f"rules.{key}", names)
        raise PanjError(f"{key}: found no such setting, expected one that `python -m sim --help` lists{hint}")


def check_event(key: str) -> None:
    """Raise PanjError if an event to change or delete does not exist; new ones need + before the key."""
    files = [file_of("timeline", timeline) for timeline in choices_of("timeline")]
    events = {name for path in files for name in read_yaml(path)["events"]}
    name = key.split(".")[2]
    if name not in events:
        raise unknown("timeline.events", name, sorted(events))


def choices_of(group: str) -> list[str]:
    """Names of the choices of a group, in alphabetical order."""
    return sorted(path.stem for path in folder_of_group(group).glob("*.yaml"))


def file_of(group: str, name: str) -> Path:
    """The YAML file of one choice."""
    return folder_of_group(group) / f"{name}.yaml"


def values_of(override: Override) -> list[Override]:
    """One override per value of a swept key, in order; PanjError for repeated values."""
    key = override.key
    if key in ONE_VALUE:
        why = "; the seeds are the campaigns of every cell" if key in ("runs", "seed") else ""
        raise PanjError(f"{key}: found several values ('{override.text}'), expected one{why}")
    found: Sequence[str] = ()
    if isinstance(override.value, Glob):
        found = override.value.filter(choices_of(key))
    else:
        found = [str(value) for value in parsed(override.text).sweep_string_iterator()]
    if len(found) != len(set(found)) or not found:
        raise PanjError(f"{key}: found '{override.text}', expected values that differ")
    return [override.with_value(value) for value in found]
