"""Error classes, and messages with the key, what was found, what was expected and the nearest valid name."""

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, TypeVar

Found = TypeVar("Found")
MOST_LETTERS = 380  # largest length of a message, characters; with `panj: ` before it, an error is shorter than 400
MOST_SHOWN = 60  # largest length of an invalid value in a message, characters
OF_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+>?$")  # of a value that Python shows by its address in memory
FEW = 200  # length up to which a list of more than five names is shown in full, characters


class PanjError(ValueError):
    """Error that the user can correct; the command line prints it on one line and exits with code 2.

    Args:
        message: The key, what was found, what was expected, the nearest valid name. Line breaks become spaces. Long
            quoted values are shortened in the middle, as are long names in a long message and the message itself.
        key: The invalid setting, such as `rules.news.fade_days`; by default the text before the first colon.
    """

    def __init__(self, message: str, key: str | None = None) -> None:
        line = re.sub(r"\s*\n\s*", " ", message)
        cut = re.sub(r"found '([^']{61,})'", lambda found: f"found '{shortened(found[1], MOST_SHOWN)}'", line)
        if len(cut) > MOST_LETTERS:
            cut = re.sub(r"[^\s/\\']{61,}", lambda found: shortened(found[0], MOST_SHOWN), cut)
        super().__init__(shortened(cut))
        self.key = message.partition(":")[0] if key is None else key


class Stopped(Exception):
    """Raised after Ctrl-C when running tasks have been stored; the same command then resumes from the stored chunks."""


class CampaignError(RuntimeError):
    """Error of a campaign that cannot continue, for instance because an array is full."""


def shortened(text: str, most: int = MOST_LETTERS) -> str:
    """Shorten a text that is too long, by replacing its middle with an ellipsis.

    Args:
        text: The text to shorten.
        most: Largest number of characters to return.

    Returns:
        The text, with at most `most` characters.
    """
    half = (most - 3) // 2
    return text if len(text) <= most else f"{text[: most - 3 - half]}...{text[-half:]}"


def nearest(name: str, names: Iterable[str]) -> str:
    """Return a suggestion of the most similar valid name for the end of an error message.

    Args:
        name: The invalid name.
        names: The valid names.

    Returns:
        `; did you mean 'x'?`, or an empty string if no name is similar.
    """
    close = closest(name, names)
    return f"; did you mean '{close}'?" if close else ""


def closest(name: str, names: Iterable[str]) -> str:
    """Return the valid name that is most similar to an invalid one.

    Args:
        name: The invalid name.
        names: The valid names.

    Returns:
        The most similar name, or an empty string if none is similar.
    """
    return next(iter(get_close_matches(name[:MOST_LETTERS], list(names), n=1, cutoff=0.5)), "")


def of_package(what: Callable[[str], Found]) -> Found:
    """Return metadata of the installed package of Panj.

    Args:
        what: Function of `importlib.metadata`, such as `version` or `requires`.

    Returns:
        What the function returns for the package.

    Raises:
        PanjError: The package is not installed, as in a clone whose dependencies alone are installed.
    """
    from importlib.metadata import PackageNotFoundError  # slow to import

    try:
        return what("panj")
    except PackageNotFoundError as error:
        raise PanjError(
            "package panj: found none installed, expected one: run `python -m pip install -e .` in the clone"
        ) from error


def unknown(what: str, name: object, names: Iterable[str], listing: str = "") -> PanjError:
    """Return an error for an unknown name, which lists the valid names and suggests the most similar one.

    Args:
        what: Key of the setting, such as `border`.
        name: The value that was found.
        names: The valid names; if the list is long, the message contains only the five most similar ones.
        listing: Command that lists the valid names, such as `panj list outcomes`, shown if the list is long.

    Returns:
        The error, to be raised.
    """
    name, names = str(name), list(names)
    if len(", ".join(names)) > FEW and len(names) > 5:
        five = get_close_matches(name[:MOST_LETTERS], names, n=5, cutoff=0)
        near = f"the nearest are {', '.join(five)}{nearest(name, names)}"
        where = f" (see {listing})" if listing else ""
        return PanjError(f"{what}: found '{name}', expected one of {len(names)}{where}; {near}")
    return PanjError(f"{what}: found '{name}', expected one of {', '.join(map(shown, names))}{nearest(name, names)}")


def shown(name: str) -> str:
    """Return a valid name as in a list of names: in quotes if it has no letter or digit, such as a decimal comma."""
    return name if any(map(str.isalnum, name)) else f"'{name}'"


def repeated(key: str, times: int = 2, where: str = "", swept: bool = False) -> PanjError:
    """Return an error for a key that is given more than once.

    Args:
        key: The key, such as `rules.news.fade_days`.
        times: How often it is given.
        where: File and line for the message; empty for a command line.
        swept: Whether the key may have several values, so that a list would have them all.

    Returns:
        The error, to be raised.
    """
    often = "twice" if times == 2 else f"{times} times"
    place = f"{where}, {key}" if where else key
    listed = ", with all values in one list" if swept else ""
    return PanjError(f"{place}: found this key {often}, expected it once{listed}", key=None if where else key)


def described(value: Any) -> str:
    """Describe a value of the wrong type for an error message: its type and length or, without a length, the value.

    Of an object that Python shows by its address in memory, such as a generator, only the type is named.
    """
    kind = type(value).__name__
    article = "an" if kind[0].lower() in "aeiou" or kind == "ndarray" else "a"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    shape = getattr(value, "shape", None)
    if shape is not None and len(shape) > 1:
        return f"{article} {kind} of {' x '.join(map(str, shape))}"
    has_length = hasattr(value, "__len__") and not isinstance(value, str)
    if has_length:
        return f"{article} {kind} of {len(value)}"
    text = repr(value)
    return f"{article} {kind}" if OF_ADDRESS.search(text) else shortened(text, MOST_SHOWN)
