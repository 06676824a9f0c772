"""Read the settings in a user's folder that apply to every campaign: values of numbers and dated events.

`numbers.yaml` has the same effect as overrides on every command line, but typed overrides take precedence.
`events.yaml` adds events to the timeline, or changes columns of its events, before policies do.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.data.configs import GROUPS, read_text
from sim.data.own import EVENTS, NUMBERS, own_file, own_files_of, own_yaml, remembered
from sim.data.places import places_in
from sim.errors import PanjError, repeated

if TYPE_CHECKING:
    from sim.configuration.overrides import Override  # slow to import


@remembered()
def own_numbers() -> dict[str, float]:
    """Return the values of numbers in the user's `numbers.yaml`, by full key; empty without that file.

    Raises:
        PanjError: For an unknown key, or a value outside the declared range of its number.
    """
    from sim.configuration.numbers import check_range, declared_numbers, known  # slow to import

    path = own_file(NUMBERS)
    rows = own_yaml(path)
    places = places_in(path) if path is not None and rows else {}
    found = {}
    for name, value in rows.items():
        place = places.get(str(name), str(path))
        key = known(str(name), place)
        if key in found:
            raise repeated(key, where=place)
        check_range(key, value, f"in {place}")
        found[key] = int(value) if declared_numbers()[key].is_whole else float(value)
    return found


@remembered()
def own_events() -> dict[str, dict[str, Any]]:
    """Return the events in the user's `events.yaml`, by name, with dates as text; empty without that file.

    Raises:
        PanjError: If the file is not a mapping of names to columns. The columns are checked with the timeline.
    """
    path = own_file(EVENTS)
    rows = own_yaml(path)
    places = places_in(path) if path is not None and rows else {}
    for name, row in rows.items():
        place = places.get(str(name), str(path))
        if not isinstance(name, str) or not name.isidentifier() or not name.isascii():
            raise PanjError(f"{place}: found '{name}', expected a name of letters, digits and '_'")
        if not isinstance(row, Mapping):
            raise PanjError(f"{place}, {name}: found '{row}', expected columns such as date, act, value and source")
    return {name: {key: plain(value) for key, value in row.items()} for name, row in rows.items()}


def plain(value: Any) -> Any:
    """Return a date as text, and any other value unchanged."""
    return value.isoformat() if hasattr(value, "isoformat") else value


def used_paths(overrides: Iterable["Override"]) -> list[Path]:
    """Return the user's files on which settings may depend: events, chosen files, and files chosen in them.

    Args:
        overrides: Overrides, whose values name choices.
    """
    waiting = {row.value_text for row in overrides}
    found: list[Path] = []
    while waiting:
        more = [path for path in own_paths() if path.stem in waiting and path not in found]
        found += more
        waiting = {word for path in more for word in re.findall(r"[\w-]+", read_text(path))}
    events = own_file(EVENTS)
    return found if events is None else [*found, events]


def own_paths() -> list[Path]:
    """Return the user's files on which composed settings depend."""
    chosen = [path for group in (*GROUPS, "scenario") for path in own_files_of(group)]
    events = own_file(EVENTS)
    return chosen if events is None else [*chosen, events]
