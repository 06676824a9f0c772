"""What a scenario takes by itself, its own bases included: against this a form says only what differs.

Reads   configs/config.yaml and scenarios/scenario/*.yaml.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from sim.errors import PanjError
from sim.parameters import folder_of, known, read_yaml
from sim.study.words import file_of

DEEPEST = 8  # scenarios that stand on each other


class Usual(NamedTuple):
    """What there is when only the scenario is named."""

    scenario: str
    chosen: Mapping[str, str]
    dates: Mapping[str, str]
    scale: Mapping[str, float]  # as its file spells the keys
    shift: Mapping[str, float]
    strike: tuple[str, ...]


@cache
def defaults() -> tuple[dict[str, str], dict[str, str]]:
    """Choice by group and both dates, from the main config."""
    main = read_yaml(folder_of("configs") / "config.yaml")
    chosen = {key: value for row in main["defaults"] if isinstance(row, dict) for key, value in row.items()}
    return chosen, {key: str(main[key]) for key in ("start_date", "end_date")}


@cache
def usual_of(scenario: str) -> Usual:
    """Of a scenario by name; of the default one for no name."""
    chosen, dates = (dict(part) for part in defaults())
    scenario = scenario or chosen["scenario"]
    scale: dict[str, float] = {}
    shift: dict[str, float] = {}
    strike: tuple[str, ...] = ()
    for said in chain_of(scenario):
        rows = [row for row in said.get("defaults", []) if isinstance(row, dict)]
        chosen |= {key.removeprefix("override /"): value for row in rows for key, value in row.items()}
        dates |= {key: str(said[key]) for key in dates if key in said}
        own = said.get("scenario") or {}
        scale |= own.get("scale") or {}
        shift |= own.get("shift") or {}
        strike = tuple(own["strike"]) if "strike" in own else strike
    return Usual(scenario, chosen | {"scenario": scenario}, dates, scale, shift, strike)


def chain_of(scenario: str) -> list[dict[str, Any]]:
    """What the files say of a scenario and of those that it stands on, the lowest first."""
    found: list[dict[str, Any]] = []
    while scenario:
        if len(found) == DEEPEST:
            raise PanjError(f"scenario={scenario}: found more than {DEEPEST} scenarios that stand on each other")
        said = read_yaml(file_of("scenario", scenario))
        found.insert(0, said)
        scenario = next(iter(bases_of(said.get("defaults", []))), "")
    return found


def bases_of(rows: Iterable[Any]) -> list[str]:
    """Scenarios named in a list of defaults."""
    return [row for row in rows if isinstance(row, str) and row != "_self_"]


def full_key(key: str, where: str) -> str:
    """`news.fade_days` is short for `rules.news.fade_days`; PanjError for no number."""
    return known(key, where)


def short_key(key: str) -> str:
    """As scenarios write it."""
    return key.removeprefix("rules.")


def spelled(key: str, named: Iterable[str]) -> str:
    """A short key as a scenario's file spells it, so that one takes the place of the other."""
    return f"rules.{key}" if f"rules.{key}" in named else key
