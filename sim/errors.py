"""Readable errors: the key, what was found, what was expected, the nearest valid name."""

from collections.abc import Iterable
from difflib import get_close_matches


class PanjError(ValueError):
    """An error that the user can correct; the command line prints it as one line and exits with code 2.

    Args:
        message: One line: the key, what was found, what was expected, the nearest valid name.
        key: The invalid setting, such as `rules.news.fade_days`; by default the text before the first colon.
    """

    def __init__(self, message: str, key: str | None = None) -> None:
        super().__init__(message)
        self.key = message.partition(":")[0] if key is None else key


class CampaignError(RuntimeError):
    """A campaign that could not continue, for instance because an array was full."""


def nearest(name: str, names: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the closest of `names`, or an empty text if none is close."""
    close = get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""


def unknown(what: str, name: str, names: Iterable[str]) -> PanjError:
    """An error for a name that is not one of `names`, listing them and the nearest."""
    names = list(names)
    return PanjError(f"{what}: found '{name}', expected one of {', '.join(names)}{nearest(name, names)}")
