"""The animated map of one campaign, or of two side by side. It runs in the browser and reports the day shown."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import solara

from sim.classroom.hooks import day
from sim.classroom.player import shapes
from sim.classroom.texts import texts_of
from sim.configuration.settings import Settings
from sim.engine.world import Why
from sim.plots import colours

COLOURS = ("SIMULATED", "SIMULATED_LIGHT", "SIMULATED_DARK", "SECOND", "SAND", "EARTH", "REPORTED", "REPORTED_OTHER",
           "INK", "QUIET", "FAINT")  # fmt: skip
NO_FORK = -1


@solara.component_vue("map.vue")
def Moving(
    shapes: str, films: list[str], labels: list[str], texts: dict[str, Any], colours: dict[str, str], start_day: int,
    fork_day: int, event_told: Callable[[int], None],
) -> None:  # fmt: skip
    """Show the animated map; it moves to `start_day` only when the value of `start_day` changes."""


@solara.component
def Map(films: Sequence[str], labels: Sequence[str], start_day: int, fork_day: int = NO_FORK) -> None:
    """Show one or two campaigns as linked animated maps, and remember the day that they show.

    The day is stored as the visitor's day once it has not changed for 0.3 s.

    Args:
        films: Films from `sim.classroom.player`, as JSON.
        labels: One label per film.
        start_day: Day to show first; day 0 is the first day of the campaign.
        fork_day: Day at the end of which the two campaigns diverge; `NO_FORK` if they are not branches of a fork.
    """
    Moving(
        shapes=shapes(), films=list(films), labels=list(labels), texts=texts_of_map(), colours=colours_of_map(),
        start_day=start_day, fork_day=fork_day, event_told=lambda shown: day.set(int(shown)),
    )  # fmt: skip


def describe_campaign(settings: Settings, seed: int) -> str:
    """Name a campaign: whether it is free or followed the record, and its seed.

    Args:
        settings: The settings of the campaign.
        seed: Its seed.

    Returns:
        A text that begins with `Simulated`.
    """
    texts = texts_of("map")
    if settings.worlds is None:
        return texts.say("map_campaign_free", seed=seed)
    return texts.say("map_campaign_followed", seed=seed, day=texts.day(settings.worlds.followed))


@cache
def texts_of_map() -> dict[str, Any]:
    """Return the texts of the map, the names of months, and the reasons for a fall in the order of `Why`."""
    texts = texts_of("map")
    own = {key: text for key, text in texts.sentences.items() if key.startswith("map_") or key in ("month", "date")}
    return {**own, "whys": ["" if why == Why.NONE else texts.say(f"why_{why.name.lower()}") for why in Why]}


@cache
def colours_of_map() -> dict[str, str]:
    """Return the colours of the figures, keyed by name."""
    return {name.lower(): getattr(colours, name) for name in COLOURS}
