"""The words of a command line: which keys there are, what may stand behind them, which of them sweep.

Hydra's parser gives the grammar (`key=value`, `a,b`, `range()`, `interval()`, `glob()`); names are checked here, before
Hydra composes, so that every error names the key, what was found, what was expected and the nearest name.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException

from sim.data.configs import folder_of_group, read_yaml
from sim.errors import PanjError, nearest, unknown
from sim.settings.numbers import declared_numbers

GROUPS = ("morale", "reinforcement", "border", "mobilisation", "air_support", "taliban", "theory")
DRAW_GROUPS = ("calibration",)  # where the uncertain numbers come from
DRAW_KEYS = ("calibration.file",)
HOW_GROUPS = ("executor", "sampling")  # how campaigns are run: they decide no outcome
MAIN_KEYS = ("study", "runs", "runs_max", "seed", "start_date", "end_date", "results_dir", "daily", "debug")
HOW_KEYS = (
    "executor.workers", "executor.address", "sampling.points", "sampling.keys", "sampling.seed",
    "precision.outcome", "precision.half_width",
)  # fmt: skip
ONE_VALUE = {
    "study",
    "runs",
    "runs_max",
    "seed",
    "results_dir",
    "daily",
    "debug",
    "timeline",
    *DRAW_KEYS,
    *HOW_GROUPS,
    *HOW_KEYS,
}
MULTIRUN = ("-m", "--multirun")


@lru_cache(maxsize=4096)
def parse(text: str) -> Override:
    """One override by Hydra's grammar; PanjError for a word that is none."""
    try:
        return OverridesParser.create().parse_override(text)
    except HydraException as error:
        raise PanjError(f"override: found '{text}', expected key=value ({' '.join(str(error).split())})") from error


def fixed_of(words: Sequence[str]) -> list[str]:
    """Of the words of a sweep those that do not sweep."""
    return [word for word in words if word not in MULTIRUN and not parse(word).is_sweep_override()]


def check_words(words: Sequence[str]) -> None:
    """Keys, group choices and plain values are checked before Hydra sees them, for clearer errors."""
    for text in words:
        override = parse(text)
        if override.is_sweep_override():
            raise PanjError(
                f"{override.key_or_group}: found several values ('{text}'), expected one; a sweep has -m on its line"
            )
        check_key(override.key_or_group, override.get_value_element_as_str())
        is_new = override.is_add() or override.is_force_add()
        if override.key_or_group.startswith("timeline.events.") and not is_new:
            check_event(override.key_or_group)


def check_key(key: str, value: str) -> None:
    """One override names something that there is."""
    if key in (*GROUPS, *DRAW_GROUPS, *HOW_GROUPS, "scenario", "timeline"):
        if value not in choices_of(key):
            raise unknown(key, value, choices_of(key))
    elif key.startswith(("timeline.events.", "hydra.", *(f"{group}." for group in (*GROUPS, "scenario")))):
        return
    elif key not in (*MAIN_KEYS, *DRAW_KEYS, *HOW_KEYS) and key not in declared_numbers():
        names = [*MAIN_KEYS, *DRAW_KEYS, *HOW_KEYS, *GROUPS, *DRAW_GROUPS, *HOW_GROUPS, "scenario", *declared_numbers()]
        hint = nearest(key, names) or nearest(f"rules.{key}", names)
        raise PanjError(f"{key}: found no such setting, expected one that `python -m sim --help` lists{hint}")


def check_event(key: str) -> None:
    """An event that is changed or deleted is there; a new one is added with a + before its key."""
    files = [file_of("timeline", timeline) for timeline in choices_of("timeline")]
    events = {name for path in files for name in read_yaml(path)["events"]}
    name = key.split(".")[2]
    if name not in events:
        raise unknown("timeline.events", name, sorted(events))


def choices_of(group: str) -> list[str]:
    """Names of the choices of a group, in alphabetical order."""
    return sorted(path.stem for path in folder_of_group(group).glob("*.yaml"))


def file_of(group: str, name: str) -> Path:
    """The YAML of one choice."""
    return folder_of_group(group) / f"{name}.yaml"


def is_number(text: str) -> bool:
    """Whether an override sets a number of a rule; these never pass through Hydra's config."""
    return text.lstrip("+~").startswith("rules.")


def numbers_of(words: Sequence[str]) -> dict[str, float]:
    """Numbers set on the command line by key, cast to what was declared; PanjError for what is no such number."""
    numbers = {}
    for override in (parse(text) for text in words if is_number(text)):
        key = override.key_or_group
        value: Any = override.value()
        is_whole = declared_numbers()[key].is_whole
        is_number_ = isinstance(value, int | float) and not isinstance(value, bool) and not override.is_delete()
        if not is_number_ or (is_whole and value != int(value)):
            raise PanjError(f"{key}: found '{value}', expected a value of type {'integer' if is_whole else 'float'}")
        numbers[key] = int(value) if is_whole else float(value)
    return numbers


def values_of(override: Override) -> list[str]:
    """Every value of one swept key as it would stand on the command line, in order."""
    key = override.key_or_group
    if key in ONE_VALUE:
        why = "; the seeds are the campaigns of every cell" if key in ("runs", "seed") else ""
        raise PanjError(f"{key}: found several values ('{override.input_line}'), expected one{why}")
    found: Any = override.value()
    if isinstance(found, Glob):
        values = found.filter(choices_of(key))
    else:
        values = [str(value) for value in override.sweep_string_iterator()]
    if len(values) != len(set(values)) or not values:
        raise PanjError(f"{key}: found '{override.input_line}', expected values that differ")
    return values
