"""Convert settings given as Python values to the overrides of the equivalent command line.

The same settings in a shell and in Python therefore give the same study, folder and fingerprint.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sim.configuration.calls import checked
from sim.configuration.overrides import AS_TYPED, Overrides, quoted
from sim.errors import PanjError, described, repeated

LISTS = ("sampling.keys",)  # settings with a list as value
NESTED = ("rules", "executor", "sampling", "precision", "calibration", "worlds")  # settings given as a mapping of parts
EXPECTED = "text, a number, True, False, None, a date, a path or a mapping of names to such values"


@checked
class Interval(NamedTuple):
    """Range of a number in a Latin hypercube, for `sim.sweep(sampling="latin_hypercube")`.

    Attributes:
        low: Smallest value.
        high: Largest value.
    """

    low: float
    high: float


def overrides_of(settings: Mapping[str, Any] | None, keywords: Mapping[str, Any], sweeps: bool) -> Overrides:
    """Return the overrides for settings given as Python values.

    Args:
        settings: Values by key, such as `{"rules.news.fade_days": 5}`; a key may begin with `+` or `~` as on the
            command line.
        keywords: Other values by key, such as `{"border": "closed"}`; mappings are flattened, so that `{"rules":
            {"news.fade_days": 5}}` sets `rules.news.fade_days`.
        sweeps: Whether a key may have several values: a list, tuple, range, array or series.

    Returns:
        The overrides, with -m if a key has several values.

    Raises:
        PanjError: A key is given twice, or the type of a value is not valid for any setting; the key of the error is
            the setting.
    """
    if settings is not None and not isinstance(settings, Mapping):
        raise PanjError(f"settings: found {described(settings)}, expected a mapping of keys to values")
    words: dict[str, str] = {}
    is_swept = False
    for key, value in [*flat(settings or {}), *flat(keywords)]:
        if key in words:
            raise repeated(key)
        many = several(key, value, "a list of values" if sweeps else "a single value")
        if (many is not None or isinstance(value, Interval)) and not sweeps:
            raise PanjError(
                f"{key}: found {described(value)}, expected a single value; sim.sweep takes several", key=key
            )
        if many == []:
            raise PanjError(f"{key}: found no values, expected at least one", key=key)
        is_swept |= many is not None or isinstance(value, Interval)
        words[key] = word_of(key, value) if many is None else f"{key}={','.join(text_of(key, one) for one in many)}"
    return Overrides.of([*(["-m"] if is_swept else []), *words.values()])


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Yield the full key and the value of each setting, flattening mappings of parts of a setting."""
    for name, value in settings.items():
        if not isinstance(name, str):
            raise PanjError(f"settings: found the key {name!r}, expected text")
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and key.partition(".")[0] in NESTED:
            yield from flat(value, f"{key}.")
        elif isinstance(value, Mapping) and key == "timeline":
            yield from events_of(value)
        else:
            yield key, value


def events_of(timeline: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Yield the settings of `timeline={"events": {...}}`, in which a mapping adds an event and None removes one."""
    for part, events in timeline.items():
        if part != "events" or not isinstance(events, Mapping):
            raise PanjError(f"timeline.{part}: found {described(events)}, expected events={{name: ...}}")
        for name, event in events.items():
            key = f"timeline.events.{name}"
            if event is None:
                yield f"~{key}", None
            elif isinstance(event, Mapping) and {"date", "act"} <= event.keys():
                yield f"+{key}", event
            elif isinstance(event, Mapping):
                yield from ((f"{key}.{field}", value) for field, value in event.items())
            else:
                raise PanjError(f"{key}: found {described(event)}, expected a mapping such as {{'date': ...}}", key=key)


def several(key: str, value: Any, expected: str) -> list[Any] | None:
    """Return the values of a list, tuple, range, array or series; None for a single value.

    Args:
        key: Key of the setting, for errors.
        value: The value or values.
        expected: What is expected, for errors.

    Raises:
        PanjError: The value is a table, has several dimensions, or is an unordered collection or an iterator, which
            could be read only once.
    """
    if isinstance(value, type):
        return None
    if getattr(value, "ndim", 0) > 1 or isinstance(value, set | frozenset | Iterator):
        raise PanjError(f"{key}: found {described(value)}, expected {expected}", key=key)
    if key in LISTS or isinstance(value, str | bytes | Mapping | Interval | date | Path | None):
        return None
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        return None
    if isinstance(value, list | tuple | range) or getattr(value, "ndim", 0) == 1:  # also a series or an index
        return [rounded(one) for one in value]
    return None


def rounded(value: Any) -> Any:
    """Return one of several values, rounded; 3 * 0.1 and the third value of `arange(0.1, 0.5, 0.1)` are 0.3."""
    if not isinstance(value, float | np.floating):
        return value
    digits = np.finfo(value.dtype).precision if isinstance(value, np.floating) else 15
    return float(f"{value:.{digits}g}")


def word_of(key: str, value: Any) -> str:
    """Return the override that sets a key to one value, as a user would type it."""
    if key.startswith("~"):
        return key
    if isinstance(value, Interval):
        if not all(isinstance(end, int | float | np.number) for end in value):
            raise PanjError(f"{key}: found {value!r}, expected two numbers", key=key)
        return f"{key}=interval({float(value.low)!r},{float(value.high)!r})"
    if key in LISTS and not isinstance(value, str):
        return f"{key}=[{','.join(text_of(key, one) for one in value)}]"
    if key in AS_TYPED and isinstance(value, str | Path):
        return f"{key}={value}"
    return f"{key}={text_of(key, value)}"


def text_of(key: str, value: Any) -> str:
    """Return a Python value in the grammar of the command line.

    Args:
        key: Key of the setting, for errors.
        value: Text, a number, a bool, None, a date, a path, or a mapping of names to such values.

    Raises:
        PanjError: The type of the value is not valid for any setting.
    """
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]")
    if isinstance(value, np.float16 | np.float32):
        value = rounded(value)
    if isinstance(value, np.generic | np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or isinstance(value, str | int | float):
        return quoted(value)
    if isinstance(value, datetime):
        if (value.hour, value.minute, value.second) != (0, 0, 0):
            raise PanjError(f"{key}: found {value}, expected a date without a time of day", key=key)
        value = value.date()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Path):
        return quoted(str(value))
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{name}:{text_of(key, part)}' for name, part in value.items())}}}"
    raise PanjError(f"{key}: found {described(value)}, expected {EXPECTED}", key=key)
