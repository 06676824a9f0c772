"""Keep the visitor's choices in the address of a page, so that they survive a reload, Back and a second tab.

Reads   the query of an address, such as `?choice=border=closed&seed=12&evening=2021-07-04`.
Writes  the state in `sim.classroom.hooks`; `lifeline.vue` shows the query of that state in the browser.
Assumes An address contains no personal data: neither a student nor a team is named in it.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from urllib.parse import parse_qs, quote, urlencode

from sim.classroom.choice.parse import parse_choice, read_overrides
from sim.classroom.desk import the_desk
from sim.classroom.gate import CLASS
from sim.classroom.hooks import arrivals, chosen, day, followed, keep, kept, seed
from sim.classroom.parts.follow import sample, watched_settings
from sim.classroom.parts.questions import read_seed
from sim.classroom.parts.sheet import LONGEST, read_day
from sim.configuration.overrides import BASELINE, Overrides
from sim.configuration.settings import Settings
from sim.configuration.worlds import FREE, followed_to
from sim.errors import PanjError
from sim.wording import paragraph

REPORTED = "reported"  # value of `choice` for decisions as reported
KEYS = {  # keys in the address of each page, in order; the values of keys that are not in `READERS` are text
    "watch": ("choice", "follow", "seed", "evening"),
    "change": ("choice", "outcome"),
    "compare": ("first", "second", "outcome", "seed", "evening"),
    "what_if": ("choice", "follow", "seed", "evening"),
    "story": ("choice", "follow", "seed", "province", "from", "to"),
    "lessons": ("lesson", CLASS),
    "join": (CLASS,),
    "teacher": (CLASS,),
    "projector": (CLASS,),
}


def query_of(page: str) -> str:
    """Return the query of the address of a page, for the visitor's current state.

    Args:
        page: Name of the page.

    Returns:
        The query without `?`; empty for a page without keys in its address.
    """
    pairs = [(key, value) for key in KEYS.get(page, ()) for value in values_of(key)]
    return urlencode(pairs, quote_via=quote, safe="=:,{}~")


def values_of(key: str) -> list[str]:
    """Return the values of a key in an address; only a choice of several settings has more than one."""
    if key == "choice":
        return list(chosen.value.words) or [REPORTED]
    if key == "follow":
        return [followed.value or FREE]
    if key == "seed":
        return [str(seed.value)]
    if key == "evening":
        settings = visitor_settings()
        return [] if settings is None else [(settings.start_date + timedelta(days=day.value)).isoformat()]
    return [kept.value[key]] if kept.value.get(key) else []


def visitor_settings() -> Settings | None:
    """Return the settings of the visitor's choice, or None if they are invalid."""
    try:
        return watched_settings()
    except PanjError:
        return None


def arrive(query: str | None) -> str:
    """Set the visitor's state from an address; keys that are not in the address keep their values.

    Args:
        query: The query of the address, with or without `?`.

    Returns:
        The error messages for values that were refused; empty if there are none.
    """
    given = parse_qs((query or "").lstrip("?"))
    troubles = []
    for key in dict.fromkeys((*READERS, *(key for keys in KEYS.values() for key in keys))):
        if key in given:
            try:
                READERS.get(key, read_text(key))(given[key])
            except PanjError as error:
                troubles.append(str(error))
    if given:
        arrivals.set(arrivals.value + 1)
    return paragraph(*(f"{trouble}." for trouble in troubles))


def read_choice(values: Sequence[str]) -> None:
    """Set the visitor's choice of settings; raise PanjError if it is invalid."""
    overrides = BASELINE if list(values) == [REPORTED] else choice_from(values)
    chosen.set(overrides)


def choice_from(words: Sequence[str]) -> Overrides:
    """Return a choice of settings in canonical order; raise PanjError if it is invalid."""
    overrides = read_overrides(parse_choice(words)).form.overrides()
    the_desk().settings(overrides)
    return overrides


def read_follow(values: Sequence[str]) -> None:
    """Set the day up to which campaigns follow the record; raise PanjError if no world followed it that far."""
    if values[0] == FREE:
        followed.set("")
        return
    until = read_day("follow", values[0]).isoformat()
    followed_to(sample(), until)
    followed.set(until)


def read_evening(values: Sequence[str]) -> None:
    """Set the day that maps show at first; raise PanjError if campaigns do not include it."""
    found, settings = read_day("evening", values[0]), visitor_settings()
    if settings is None:
        return
    if not settings.start_date <= found <= settings.end_date:
        raise PanjError(f"evening: found {found}, expected a day from {settings.start_date} to {settings.end_date}")
    day.set((found - settings.start_date).days)


def read_text(key: str) -> Callable[[Sequence[str]], None]:
    """Return a function that stores the text of a key, which the page validates."""
    return lambda values: keep({key: values[0][:LONGEST]})


READERS: dict[str, Callable[[Sequence[str]], None]] = {
    "choice": read_choice,
    "follow": read_follow,
    "seed": lambda values: seed.set(read_seed(values[0])),
    "evening": read_evening,
}
