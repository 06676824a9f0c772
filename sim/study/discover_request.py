"""What `python -m sim discover` was asked for."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from sim.errors import PanjError, unknown

USAGE = "python -m sim discover [results/bank] outcome=NAME above=NUMBER (or below=NUMBER, or both)"
KEYS = ("outcome", "above", "below", "density", "numbers", "boxes")
BANK, NUMBERS, BOXES = Path("results/bank"), 4, 3


class Request(NamedTuple):
    """What was asked on the command line."""

    words: tuple[str, ...]
    bank: Path
    outcome: str
    thresholds: dict[str, str]  # above and below, as they were written
    above: float | None  # a date as its ordinal
    below: float | None
    density: float | None  # at least; without it, coverage and density weigh alike
    numbers: int  # that a box may restrict
    boxes: int  # at most

    @property
    def folder(self) -> Path:
        """A folder a question, so that no answer takes the place of another."""
        parts = [self.outcome, *(f"{key}_{text}" for key, text in self.thresholds.items())]
        parts += [f"density_{self.density:g}"] if self.density is not None else []
        parts += [f"numbers_{self.numbers}"] if self.numbers != NUMBERS else []
        parts += [f"boxes_{self.boxes}"] if self.boxes != BOXES else []
        return self.bank / "discoveries" / "_".join(parts)


def read_request(words: Sequence[str]) -> Request:
    """`results/bank outcome=troops_crossed above=1000`; PanjError says what was expected."""
    folders = [word for word in words if "=" not in word]
    given = dict(word.split("=", 1) for word in words if word not in folders)
    for key in given:
        if key not in KEYS:
            raise unknown("discover", key, KEYS)
    if len(folders) > 1 or any(word.startswith("-") for word in folders):
        raise PanjError(f"discover: found '{' '.join(folders)}', expected one folder: {USAGE}")
    if not given.get("outcome"):
        raise PanjError(f"outcome: found none, expected one: {USAGE}")
    thresholds: dict[str, str] = {key: given[key] for key in ("above", "below") if key in given}
    if not thresholds:
        raise PanjError(f"above: found neither above nor below, expected at least one: {USAGE}")
    ends = {key: threshold(key, text) for key, text in thresholds.items()}
    if len(ends) == 2 and ends["above"] >= ends["below"]:
        raise PanjError(f"above: found {given['above']} and below={given['below']}, expected above lower than below")
    density = None if "density" not in given else share("density", given["density"])
    return Request(
        ("discover", *words), Path(folders[0]) if folders else BANK, given["outcome"], thresholds,
        ends.get("above"), ends.get("below"),
        density, count("numbers", given.get("numbers"), NUMBERS), count("boxes", given.get("boxes"), BOXES),
    )  # fmt: skip


def threshold(key: str, text: str) -> float:
    """A number, or a date as its ordinal."""
    try:
        return float(date.fromisoformat(text).toordinal()) if text.count("-") == 2 else float(text)
    except ValueError:
        expected = "a number such as 1000, or a date such as 2021-07-05"
        raise PanjError(f"{key}: found '{text}', expected {expected}") from None


def share(key: str, text: str) -> float:
    """More than 0, at most 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise PanjError(f"{key}: found '{text}', expected a share of the campaigns in the box, such as 0.8")
    return value


def count(key: str, text: str | None, usual: int) -> int:
    """A small whole number."""
    if text is None:
        return usual
    if not text.isdecimal() or not 1 <= int(text) <= 10:
        raise PanjError(f"{key}: found '{text}', expected a whole number from 1 to 10")
    return int(text)
