"""Declarations of all verbs of the command line, used for parsing, help, shell completion and the reference.

Each verb is a dataclass: the class name is the verb, the docstring is its summary, and each field is an argument, an
option (`key=value`) or the overrides of settings. `read_command` returns an instance with typed, checked values.
"""

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import date
from difflib import get_close_matches
from glob import glob
from pathlib import Path
from types import NoneType
from typing import Any, ClassVar, NamedTuple, get_args, get_type_hints

from sim.errors import PanjError, nearest, of_package, repeated, shown, unknown

MULTIRUN = ("-m", "--multirun")
QUIET, JSON = ("-q", "--quiet"), ("--json",)
HELP = ("-h", "--help", "help")
LAST_SEED = 2**63 - 1  # as in sim.engine.chance, which is slow to import
THE_LINE = date(2021, 7, 7)  # as in sim.data.facts, which is slow to import
SHOWS = "`python -m sim settings key=value ...`, which prints what a command line resolves to"
NEW_FILE = "config_dir=FOLDER, a folder of your own files as `init FOLDER` writes it, or key=value"
FLAGS = {  # flags of Hydra and other programs, with their replacements
    "--cfg": SHOWS, "-c": SHOWS, "--info": SHOWS, "-i": SHOWS, "--resolve": SHOWS, "--config-dir": NEW_FILE,
    "-cd": NEW_FILE, "--config-path": NEW_FILE, "-cp": NEW_FILE, "--config-name": NEW_FILE, "-cn": NEW_FILE,
    "--shell-completion": "`python -m sim completion bash`", "--run": "`python -m sim run`",
    "--version": "`python -m sim --version` alone",
}  # fmt: skip
OTHER_FLAG = "key=value, -m, --quiet or --json; `python -m sim --help` lists all"
PATHS = ("results_dir", "calibration.file", "worlds.file")  # settings
FOLDER = "folder of a study, such as results/policy"
BASE = "by default the baseline, which has the settings before the sweep"
UPPER = "upper threshold, a number or a date"
BASELINE = (
    "choice of a swept key, several separated by commas, or the number of a cell; by default the settings before the "
    "sweep"
)
MOVES = "proposals between successive worlds of a chain"
OUT = "folder for a copy of the study to write into, if the study itself is read-only"
DECIMAL = "decimal mark of CSV; with a comma the separator is a semicolon, unless separator= is given"
SEPARATOR = "separator of the columns of CSV; by default a comma, and a semicolon with decimal=,"
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}
SEPARATOR_OF = {".": "comma", ",": "semicolon"}  # usual CSV separator in countries with this decimal mark
DECIMALS = tuple(SEPARATOR_OF)
STORED, STAGES = "Stored campaigns", "Finished stages"  # what a stopped command keeps
SHELLS = ("bash", "zsh", "fish")
LISTS = {
    "scenarios": "scenarios, and what each changes",
    "policies": "choices of every other group of settings, and what each changes",
    "numbers": "numbers of the rules: key, declared value, unit, range, meaning, prior",
    "events": "dated events of the timeline, with their sources",
    "settings": "all other settings, with their defaults",
    "outcomes": "what is counted in each campaign: unit, date, reported figure and its evidence",
    "quantities": "what an outcome of your own can count (quantity in outcomes.yaml)",
    "districts": "districts, with their provinces and P-codes",
    "verbs": "commands",
}
MOST_BYTES = 200  # largest length of the name of a new file or folder, bytes; leaves room for what Panj appends
MOST_OF_SYSTEM = 255  # largest length of any file name on common file systems, bytes
OF_DEVICES = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?", re.IGNORECASE
)  # not allowed on Windows


def argument(
    meaning: str,
    default: Any = MISSING,
    *,
    least: int = 1,
    most: int = 1,
    is_file: bool = False,
    is_text: bool = False,
    choices: Iterable[str] = (),
    read: Callable[[str, str], Any] | None = None,
) -> Any:
    """Declare a positional argument (folder, file or filter); a tuple field takes `least` to `most` values.

    With `is_text`, every word is an argument, even `key=value`. With `choices`, the first argument must be one of them.
    `read` parses a path, which must exist by default.
    """
    kept = {"role": "argument", "meaning": meaning, "least": least, "most": most, "is_file": is_file, "read": read}
    return field(default=default, metadata={**kept, "is_text": is_text, "choices": tuple(choices)})


def option(
    meaning: str,
    default: Any = MISSING,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] = (),
    example: str = "",
    key: str = "",
    read: Callable[[str, str], Any] | None = None,
) -> Any:
    """Declare an option `key=value`. Floats must be strictly between `low` and `high`; ints may equal them."""
    bounds = {"low": low, "high": high, "choices": tuple(choices), "example": example}
    return field(default=default, metadata={"role": "option", "meaning": meaning, "key": key, "read": read, **bounds})


def overrides(meaning: str, *, least: int = 0, sweeps: bool = False, keys: Sequence[str] = ()) -> Any:
    """Declare that a verb accepts overrides of any setting or, if `keys` is given, of only these settings."""
    kept = {"role": "overrides", "meaning": meaning, "least": least, "sweeps": sweeps, "keys": tuple(keys)}
    return field(default=() if not least else MISSING, metadata=kept)


class Threshold(NamedTuple):
    """A threshold of an outcome, as typed and as a number; a date is stored as its ordinal."""

    text: str
    value: float


def read_threshold(key: str, text: str) -> Threshold:
    """Parse a threshold.

    Args:
        key: Name of the option, for errors.
        text: A number or an ISO date.

    Raises:
        PanjError: The text is neither a number nor a date.
    """
    try:
        value = date.fromisoformat(text).toordinal() if text.count("-") == 2 else float(text)
        if not abs(value) < float("inf"):
            raise ValueError
        return Threshold(text, value)
    except ValueError:
        raise PanjError(
            f"{key}: found '{text}', expected a number such as 1000, or a date such as 2021-07-05"
        ) from None


class Range(NamedTuple):
    """A range of an outcome: above one threshold, below another, or strictly between the two."""

    above: Threshold | None
    below: Threshold | None

    def holds(self, values: Any) -> Any:
        """Return whether each value is in the range.

        Args:
            values: A number or an array of numbers; dates as ordinals, missing values as nan.

        Returns:
            A bool or an array of bools of the same shape; False for nan.
        """
        over = values > self.above.value if self.above else values < float("inf")
        return over & (values < self.below.value) if self.below else over

    def check(self, outcome: str, unit: str, is_date: bool) -> None:
        """Check that the thresholds fit an outcome.

        Args:
            outcome: Name of the outcome.
            unit: Unit of the outcome.
            is_date: Whether the outcome is a date.

        Raises:
            PanjError: A threshold is a number where the outcome is a date, a date where it is a number, or a share
                outside 0 to 1; the key is `above` or `below`.
        """
        for key, end in self.thresholds.items():
            if (end.text.count("-") == 2) != is_date:
                kind = "a date such as 2021-07-05" if is_date else f"a number of {unit or 'units'}"
                raise PanjError(f"{key}: found '{end.text}', expected {kind} for {outcome}")
            if unit.startswith("share") and not 0 <= end.value <= 1:
                raise PanjError(f"{key}: found '{end.text}', expected a share from 0 to 1 for {outcome}")

    @property
    def thresholds(self) -> dict[str, Threshold]:
        """The given thresholds, keyed by `above` and `below`."""
        return {key: end for key, end in (("above", self.above), ("below", self.below)) if end is not None}

    @property
    def slug(self) -> str:
        """The range as part of a file name, such as `above_1037`."""
        return "_".join(f"{key}_{end.text}" for key, end in self.thresholds.items())


def range_of(above: Threshold | None, below: Threshold | None) -> Range | None:
    """Return the range between two thresholds.

    Args:
        above: The lower threshold, or None.
        below: The upper threshold, or None.

    Returns:
        The range, or None if both are None.

    Raises:
        PanjError: The lower threshold is not below the upper one.
    """
    if above is not None and below is not None and above.value >= below.value:
        raise PanjError(f"above: found {above.text} and below={below.text}, expected above lower than below")
    return Range(above, below) if above or below else None


def read_power_of_two(key: str, text: str) -> int:
    """Parse a power of two from 16 to 65,536, or raise PanjError; only such Sobol' sequences are balanced."""
    if not text.isdecimal() or not 16 <= int(text) <= 65_536 or int(text).bit_count() > 1:
        raise PanjError(f"{key}: found '{text}', expected a power of two from 16 to 65536, such as 256")
    return int(text)


def read_share(key: str, text: str) -> float:
    """Parse a share above 0 and at most 1, or raise PanjError."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise PanjError(f"{key}: found '{text}', expected a share above 0 and at most 1, such as 0.8")
    return value


def read_name(key: str, text: str) -> str:
    """Check that a text can be the name of a folder; letters of all scripts are allowed.

    Args:
        key: Name of the option, for errors.
        text: The name.

    Returns:
        The name.

    Raises:
        PanjError: The name is empty, begins with a dot, contains characters other than letters, digits, `_`, `-` and
            `.`, or is not valid for a new folder on every system.
    """
    is_plain = all(
        letter.isalnum() or letter in "_-.\u200c\u200d" or unicodedata.category(letter)[0] == "M" for letter in text
    )
    if not text or not is_plain or text.startswith("."):
        raise PanjError(f"{key}: found '{text}', expected letters, digits, '_', '-' and '.', but no '.' first")
    check_new_name(key, text)
    return text


def check_new_name(key: str, name: str) -> None:
    """Raise PanjError if a name is too long, or is not allowed on Windows (reserved, or with an invalid ending).

    Args:
        key: Name of the option, for errors.
        name: The name, without parent folders.
    """
    size = len(os.fsencode(name))
    if size > MOST_BYTES:
        raise PanjError(f"{key}: found '{name}' of {size} bytes, expected a name of at most {MOST_BYTES}")
    if name.endswith((".", " ")) or OF_DEVICES.fullmatch(name):
        expected = "a name without a dot or a space at its end" if name[-1] in ". " else "another name"
        raise PanjError(f"{key}: found '{name}', which Windows does not allow, expected {expected}")


def is_encodable(text: str) -> bool:
    """Return whether the file system supports file names with this text."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def read_path(key: str, text: str) -> Path:
    """Parse a path, with ~ as the home folder.

    Args:
        key: Name of the option, for errors.
        text: The path as typed.

    Raises:
        PanjError: The path is empty, contains characters that are not allowed in file names on this system (such as a
            null character), contains a name that is too long, or contains ~ although the user has no home folder.
    """
    if not text or "\0" in text or not is_encodable(text):
        raise PanjError(f"{key}: found '{ascii(text)[1:-1]}', expected a path")
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:
        raise PanjError(f"{key}: found '{text}' and no home folder, expected a path without ~") from error
    longest = max((len(os.fsencode(part)) for part in path.parts), default=0)
    if longest > MOST_OF_SYSTEM:
        raise PanjError(f"{key}: found '{text}' with a name of {longest} bytes, expected at most {MOST_OF_SYSTEM}")
    return path


def read_new_path(key: str, text: str) -> Path:
    """Parse a path to which a verb writes; new folders and files must have valid names.

    Args:
        key: Name of the option, for errors.
        text: The path as typed.

    Raises:
        PanjError: As for `read_path`, if a new name is too long or is not allowed on every system, or if there
            is a file in the place of a parent folder.
    """
    path = read_path(key, text)
    for place in (path, *path.parents):
        if place.name not in ("", "..") and not os.path.lexists(place):
            check_new_name(key, place.name)
    for place in path.parents:
        if os.path.isfile(place):
            raise PanjError(f"{key}: found {place}, which is a file, expected a folder", key=key)
    return path


def read_code(key: str, text: str) -> str:
    """Parse the code of a classroom and return it in capitals, or raise PanjError."""
    if not re.fullmatch(r"[A-Z0-9]{4,12}", text.upper()):
        raise PanjError(f"{key}: found '{text}', expected 4 to 12 letters and digits, such as HKMPTW")
    return text.upper()


def read_web_address(key: str, text: str) -> str:
    """Parse the address of a website, with or without a path, or raise PanjError."""
    if not re.fullmatch(r"https?://[\w.-]+(:\d{1,5})?(/[\w.~-]+)*/?", text, re.ASCII):
        raise PanjError(f"{key}: found '{text}', expected an address such as https://school.example/panj")
    return text


@dataclass(frozen=True, kw_only=True)
class Request:
    """One parsed command line; `words` are the words after the verb, as typed, without flags."""

    is_answer: ClassVar[bool] = False  # whether the output is the result of the verb, which --quiet does not suppress
    as_json: ClassVar[str] = ""  # description of the output of --json; empty if the verb has none
    extras: ClassVar[tuple[str, ...]] = ()  # optional dependencies required by the verb
    examples: ClassVar[tuple[str, ...]] = ()  # example commands, without `python -m sim`
    keeps: ClassVar[str] = ""  # what a stopped command has stored, from which the same command continues
    words: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Run(Request):
    """Run the campaigns of a scenario; write tables, figures and a report (the default verb).

    With -m anywhere on the line, keys may have several values; every combination of them is a cell.
    """

    as_json = "folder, study, campaigns, failed campaigns, fingerprint of the settings, and tables"
    keeps = STORED
    examples = (
        "scenario=border_closed reinforcement=answer_every_call runs=500 seed=7",
        "-m reinforcement=none,as_reported,answer_every_call morale=brittle,reported runs=500 study=policy",
    )
    overrides: tuple[str, ...] = overrides("settings, swept with -m", sweeps=True)


@dataclass(frozen=True, kw_only=True)
class Plan(Request):
    """Estimate what a sweep would cost and how narrow its intervals would be, before it is run."""

    as_json = "cells, campaigns, seconds, megabytes, expected half-widths, campaigns needed, and warnings"
    examples = (
        "plan -m morale=brittle,reported",
        "plan -m border=open,closed outcome=troops_crossed_largest_night above=1037 half_width=0.05",
    )
    outcome: str | None = option(
        "outcome whose paired difference is to be estimated", None, example="troops_crossed_largest_night"
    )
    above: Threshold | None = option(
        "lower threshold, a number or a date: plans for the risk of passing it",
        None,
        read=read_threshold,
        example="1037",
    )
    below: Threshold | None = option(UPPER, None, read=read_threshold)
    half_width: float | None = option(
        "desired half-width of the 95 % interval of the difference, in the unit of the outcome; for a risk, as a share",
        None,
        low=0,
        high=1e12,
        example="0.05",
    )
    overrides: tuple[str, ...] = overrides("settings, swept with -m", sweeps=True)


@dataclass(frozen=True, kw_only=True)
class Settings(Request):
    """Print the settings that a command line resolves to, as YAML; nothing is run."""

    is_answer, as_json = True, "the settings"
    examples = ("settings scenario=border_closed rules.news.fade_days=5",)
    overrides: tuple[str, ...] = overrides("settings of one cell")


@dataclass(frozen=True, kw_only=True)
class Compare(Request):
    """Compare every cell with its baseline, paired by seed, with intervals and sentences."""

    as_json = "the rows of each table of verdicts, with outcome, unit, baseline, notes and reported figure"
    extras = ("report",)
    examples = (
        "compare results/policy baseline=reinforcement=as_reported outcome=troops_crossed_by_2021_07_07",
        "compare results/policy outcome=troops_crossed_largest_night above=1037",
        "compare results/policy outcome=troops_crossed_largest_night above=1037 effects=true",
    )
    folders: tuple[Path, ...] = argument(f"{FOLDER}, and optionally a second one that contains the baselines", most=2)
    baseline: str | None = option(
        BASELINE,
        None,
        example="as_reported",
    )
    outcome: tuple[str, ...] = option(
        "outcomes; by default the main ones up to 7 July", (), example="troops_crossed_largest_night"
    )
    above: Threshold | None = option(
        "lower threshold, a number or a date: compares the risk of passing it",
        None,
        read=read_threshold,
        example="1037",
    )
    below: Threshold | None = option(UPPER, None, read=read_threshold)
    effects: bool = option("also give main effects and two-way interactions of the swept keys, over a full grid", False)
    out: Path | None = option(OUT, None, read=read_new_path)


@dataclass(frozen=True, kw_only=True)
class Score(Request):
    """Score the model against 64 reported figures and against naive forecasts, with CRPS, Brier score and AUC.

    Runs campaigns with the given settings, or reads those of a finished study.
    """

    as_json = "the scores of each target, forecast and post, and the metadata of the score"
    extras = ("report",)
    keeps = STORED
    examples = ("score rules.news.fade_days=5", "score results/policy cell=0")
    folder: Path | None = argument("folder of a finished study; without it, campaigns are run", None)
    cell: int | None = option(f"cell of that study; {BASE}", None, low=0)
    out: Path | None = option(OUT, None, read=read_new_path)
    overrides: tuple[str, ...] = overrides("settings, if no folder is given")


@dataclass(frozen=True, kw_only=True)
class Bank(Request):
    """Run campaigns whose uncertain numbers are drawn from the prior, with one row per campaign."""

    as_json = Run.as_json
    keeps = STORED
    examples = ("bank runs=50000",)
    overrides: tuple[str, ...] = overrides("settings of one cell")


@dataclass(frozen=True, kw_only=True)
class Calibrate(Request):
    """Fit the uncertain numbers to the record from a prior sample, refine the fit and write a page about it."""

    extras = ("calibrate", "report")
    keeps = STAGES
    examples = ("calibrate results/bank refine=full accept=0.01", "calibrate results/bank until=2021-06-22 refine=full")
    folder: Path = argument("folder of a prior sample, as written by `bank`", Path("results/bank"))
    accept: float = option("share of the campaigns to accept in the first fit", 0.01, low=0, high=1)
    refine: str = option("effort spent on refining the fit", "quick", choices=("quick", "full", "none"))
    chains: int = option("independent chains of the refinement, which are pooled and compared", 2, low=1, high=64)
    seed: int = option("seed of the chains", 0, low=0, high=LAST_SEED)
    until: date = option("last day covered by the reports that are fitted", THE_LINE, example="2021-06-22")
    check: bool = option("also test the fit on synthetic data with known numbers and on held-out evidence", False)

    @property
    def place(self) -> Path:
        """Folder for the fit; a fit to part of the record has a separate folder."""
        return self.folder / ("calibration" if self.is_whole else f"calibration_{self.until.isoformat()}")

    @property
    def is_whole(self) -> bool:
        """Whether all reports are fitted."""
        return self.until == THE_LINE


@dataclass(frozen=True, kw_only=True)
class Assimilate(Request):
    """Condition campaigns on the figures reported up to a day, and write the numbers and seeds of each campaign.

    With -m theory=a,b, compare rival theories instead, by the evidence for each as reports come in.
    """

    keeps = STAGES
    examples = (
        "assimilate until=2021-06-22 worlds=64",
        "assimilate -m theory=contagion,odds_only until=2021-06-22 worlds=400 repeats=4",
    )
    until: date = option("last day covered by the reports", THE_LINE, example="2021-06-22")
    known: date | None = option(
        "use only reports published up to this day; by default, all", None, example="2021-06-22"
    )
    worlds: int = option("worlds per run of the sampler, a multiple of 8", 128, low=32, high=100_000)
    moves: int = option(MOVES, 2, low=1, high=1000)
    seed: int = option("seed of the first run of the sampler", 0, low=0, high=LAST_SEED)
    repeats: int = option(
        "runs of the sampler, each with the next seed; the worlds of all runs are kept", 8, low=1, high=100
    )
    name: str = option("folder of the worlds, in results_dir", "", read=read_name)
    overrides: tuple[str, ...] = overrides("settings of one cell, or theory=a,b with -m", sweeps=True)


@dataclass(frozen=True, kw_only=True)
class Hindcast(Request):
    """Forecast from days in June and July 2021, using only what was published by then, and score the forecasts.

    Panj, conditioned as by `assimilate`, and naive forecasts are compared with the record up to 7 July.
    """

    extras = ("report",)
    keeps = STAGES
    examples = ("hindcast origins=2021-06-22,2021-07-01 worlds=32",)
    origins: tuple[date, ...] = option("days to forecast from; by default all nine", (), example="2021-06-22")
    horizons: tuple[int, ...] = option("days ahead", (1, 3, 7, 14), low=1, high=60, example="1,3,7")
    worlds: int = option("worlds per run of the sampler, a multiple of 8", 64, low=32, high=100_000)
    moves: int = option(MOVES, 4, low=1, high=1000)
    seed: int = option("seed of samplers and campaigns", 0, low=0, high=LAST_SEED)
    repeats: int = option("runs of the sampler per origin; the worlds of all runs are kept", 8, low=1, high=100)
    name: str = option("folder of the hindcast, in results_dir", "hindcast", read=read_name)
    overrides: tuple[str, ...] = overrides("settings of one cell")

    @property
    def members(self) -> int:
        """Number of worlds from which each forecast of Panj is made, over all runs of the sampler."""
        return self.worlds * self.repeats


@dataclass(frozen=True, kw_only=True)
class Theories(Request):
    """Compare rival theories of collapse, using a prior sample of each (as made by `bank theory=odds_only`)."""

    extras = ("calibrate", "report")
    examples = ("theories results/bank results/bank_odds_only accept=0.01",)
    folders: tuple[Path, ...] = argument("folders of prior samples; by default those in results/", (), least=0, most=99)
    accept: float = option("share of the campaigns to accept, over all theories", 0.01, low=0, high=1)


@dataclass(frozen=True, kw_only=True)
class Sensitivity(Request):
    """Find which numbers affect an outcome most, by Morris screening and Sobol' indices over the declared priors."""

    extras = ("calibrate", "report")
    keeps = STORED
    examples = ("sensitivity outcome=troops_crossed_largest_night samples=256 runs=8",)
    outcome: tuple[str, ...] = option("outcomes, separated by commas", example="troops_crossed_largest_night")
    keys: tuple[str, ...] | None = option(
        "numbers to vary; by default all that have a prior", None, example="[rules.news.fade_days]"
    )
    trajectories: int = option("number of Morris trajectories", 20, low=4, high=10_000)
    samples: int = option("number of base samples of the Saltelli design, a power of two", 256, read=read_power_of_two)
    most: int = option("largest number of keys that get Sobol' indices", 12, low=1)
    overrides: tuple[str, ...] = overrides("settings at every point; runs= is the number of campaigns per point")


@dataclass(frozen=True, kw_only=True)
class Discover(Request):
    """Find ranges of numbers (boxes) in which an outcome passes a threshold, from a prior sample."""

    extras = ("calibrate", "report")
    examples = ("discover results/bank outcome=troops_crossed_largest_night above=1000",)
    folder: Path = argument("folder of a prior sample, as written by `bank`", Path("results/bank"))
    outcome: str = option("the outcome", example="troops_crossed_largest_night")
    above: Threshold | None = option("lower threshold, a number or a date", None, read=read_threshold, example="1000")
    below: Threshold | None = option(UPPER, None, read=read_threshold)
    density: float | None = option(
        "least density, the share of campaigns in a box whose outcome passes; by default coverage and density count "
        "equally",
        None,
        read=read_share,
        example="0.8",
    )
    numbers: int = option("largest number of model numbers that a box may restrict", 4, low=1, high=10)
    boxes: int = option("largest number of boxes", 3, low=1, high=10)

    @property
    def thresholds(self) -> dict[str, str]:
        """Thresholds as they were typed, keyed by `above` and `below`."""
        given = {"above": self.above, "below": self.below}
        return {key: threshold.text for key, threshold in given.items() if threshold is not None}

    @property
    def place(self) -> Path:
        """Folder of the results, named after the options, so that different requests do not overwrite each other."""
        parts = [self.outcome, *(f"{key}_{text}" for key, text in self.thresholds.items())]
        parts += [f"density_{self.density:g}"] if self.density is not None else []
        parts += [f"numbers_{self.numbers}"] if self.numbers != Discover.numbers else []
        parts += [f"boxes_{self.boxes}"] if self.boxes != Discover.boxes else []
        return self.folder / "discoveries" / "_".join(parts)


@dataclass(frozen=True, kw_only=True)
class Report(Request):
    """Write the verdicts, figures and report of a study again."""

    extras = ("report",)
    examples = ("report results/july_2021 cell=0 evening=2021-07-05",)
    folder: Path = argument(f"{FOLDER}; - reads the folder from standard input")
    cell: int | None = option("cell to report on alone; by default one page on all cells", None, low=0)
    evening: date | None = option("date of the map", None)
    out: Path | None = option(OUT, None, read=read_new_path)


@dataclass(frozen=True, kw_only=True)
class Memo(Request):
    """Write a brief of two pages on one outcome: question, answer, figure, basis and limits of the answer."""

    as_json = "the paths of the files that were written"
    extras = ("report",)
    examples = (
        "memo results/policy outcome=troops_crossed_largest_night above=1037",
        "memo results/july_2021 outcome=troops_crossed_by_2021_07_07 format=markdown",
    )
    folders: tuple[Path, ...] = argument(f"{FOLDER}, and optionally a second one that contains the baselines", most=2)
    outcome: str = option("the outcome", example="troops_crossed_largest_night")
    above: Threshold | None = option(
        "lower threshold, a number or a date: the question is how often it is passed",
        None,
        read=read_threshold,
        example="1037",
    )
    below: Threshold | None = option(UPPER, None, read=read_threshold)
    baseline: str | None = option(
        BASELINE,
        None,
        example="as_reported",
    )
    format: tuple[str, ...] = option("files to write", ("html", "markdown"), choices=("html", "markdown"))
    out: Path | None = option(OUT, None, read=read_new_path)


@dataclass(frozen=True, kw_only=True)
class Export(Request):
    """Write a study for other programs: its districts by day as a map, or all its tables as CSV or a workbook.

    Maps are of one cell; gpkg and xlsx need `pip install "panj[files]"`.
    """

    as_json = "the path that was written"
    examples = (
        "export results/policy to=geojson day=2021-07-05",
        "export results/policy to=csv decimal=,",
        "export results/policy to=xlsx cell=0 out=policy.xlsx",
    )
    folder: Path = argument(FOLDER)
    to: str = option(
        "geojson and gpkg for maps, csv and xlsx for tables",
        choices=("geojson", "gpkg", "csv", "xlsx"),
        example="geojson",
    )
    cell: int | None = option(f"only this cell; for a map {BASE}", None, low=0)
    day: date | None = option("only this day; by default every day", None, example="2021-07-05")
    decimal: str = option(DECIMAL, ".", choices=DECIMALS)
    separator: str = option(SEPARATOR, "", choices=tuple(SEPARATORS))
    place: Path | None = option(
        "new file or folder to write; by default one in exports/ of the study, where an earlier one is replaced",
        None,
        key="out",
        example="policy.xlsx",
        read=read_new_path,
    )


@dataclass(frozen=True, kw_only=True)
class Animate(Request):
    """Draw an animated map, day by day."""

    extras = ("report",)
    examples = ("animate results/policy cell=0,1 formats=gif,mp4,png",)
    folder: Path = argument(FOLDER)
    cell: tuple[int, ...] = option(f"one cell, or two for two maps; {BASE}", (), example="0,1")
    first: date | None = option("first day", None, key="from", example="2021-05-01")
    last: date | None = option("last day", None, key="to", example="2021-07-07")
    every: int = option("days between pictures", 1, low=1)
    formats: tuple[str, ...] = option("files to write", ("gif", "mp4"), choices=("gif", "mp4", "png"))
    out: Path | None = option(OUT, None, read=read_new_path)


@dataclass(frozen=True, kw_only=True)
class Explorable(Request):
    """Write one HTML file for a class: draw the summer, run a campaign, gather 200, and test one decision.

    The file needs no server and no network. Its campaigns are run here, to 7 July, and stored as a study.
    """

    as_json = "the path of the file, its bytes, the folder of the study, worlds, decisions and campaigns of each"
    extras = ("report",)
    keeps = STORED
    examples = (
        "explorable",
        "explorable policies=border=closed,morale=paid_on_time worlds=free out=summer.html",
    )
    policies: tuple[str, ...] = option(
        "decisions to test, each alone against the decisions as reported",
        ("reinforcement=answer_every_call", "air_support=continues", "morale=resilient", "taliban=no_parley"),
        example="border=closed,morale=paid_on_time",
    )
    worlds: tuple[str, ...] = option(
        "free campaigns, and campaigns that followed the record", ("free", "record"), choices=("free", "record")
    )
    place: Path | None = option(
        "file to write; by default explorable.html in the folder of the study",
        None,
        key="out",
        example="summer.html",
        read=read_new_path,
    )
    lang: str = option("language of the file: the name of a file of texts", "en")
    overrides: tuple[str, ...] = overrides("settings of all campaigns; runs= is the number with each decision")


@dataclass(frozen=True, kw_only=True)
class Story(Request):
    """Describe one campaign in plain sentences, day by day."""

    as_json = "folder, cell and seed of the campaign, and its value of each outcome"
    extras = ("report",)
    examples = ("story results/policy seed=7 cell=0 province=Badakhshan from=2021-07-01 to=2021-07-05",)
    folder: Path = argument(FOLDER)
    seed: int | None = option("seed of the campaign; by default the first of the study", None, low=0)
    cell: int | None = option(f"cell of the campaign; {BASE}", None, low=0)
    outcome: tuple[str, ...] = option(
        "outcomes to show, each compared with the other campaigns", (), example="troops_crossed_largest_night"
    )
    province: str = option("show only events in this province", "", example="Badakhshan")
    first: date | None = option("first day", None, key="from", example="2021-07-01")
    last: date | None = option("last day", None, key="to", example="2021-07-05")
    out: Path | None = option(OUT, None, read=read_new_path)


@dataclass(frozen=True, kw_only=True)
class Fork(Request):
    """Continue a campaign from one day with and without a change, using the same random draws."""

    as_json = "folder of the fork, its outcomes with and without the change and, for several campaigns, verdicts"
    extras = ("report",)
    examples = ("fork results/policy day=2021-07-04 reinforcement=answer_every_call runs=50",)
    folder: Path = argument(FOLDER)
    day: date = option("day at the end of which the change takes effect", example="2021-07-04")
    seed: int | None = option("seed of the first campaign; by default the first of the study", None, low=0)
    cell: int | None = option(f"cell of the campaigns; {BASE}", None, low=0)
    runs: int = option("number of campaigns; above 1, paired differences are written as well", 1, low=1, high=1000)
    outcome: tuple[str, ...] = option(
        "outcomes to show; by default the main ones up to 7 July", (), example="troops_crossed_largest_night"
    )
    name: str = option("folder of the fork, in forks/ of the study", "", read=read_name)
    out: Path | None = option(OUT, None, read=read_new_path)
    changes: tuple[str, ...] = overrides("the decisions that change", least=1)


@dataclass(frozen=True, kw_only=True)
class Failures(Request):
    """List failed campaigns by cause, with a command that runs one campaign per cause in a debugger."""

    is_answer = True
    examples = ("failures results/policy",)
    folder: Path = argument(FOLDER)


@dataclass(frozen=True, kw_only=True)
class Verify(Request):
    """Run one small study on every executor, compiled and uncompiled, and check that the tables are the same."""

    examples = ("verify", "verify border=closed")
    overrides: tuple[str, ...] = overrides("settings, swept with -m", sweeps=True)


@dataclass(frozen=True, kw_only=True)
class Reproduce(Request):
    """Recreate a figure or table from the metadata stored in it, and compare it with the original."""

    extras = ("report",)
    keeps = STORED
    examples = ("reproduce results/policy/figures/outcomes.png",)
    file: Path = argument("a figure or table that Panj wrote", is_file=True)
    overrides: tuple[str, ...] = overrides(
        "where to run it", keys=("executor", "executor.workers", "executor.address", "results_dir")
    )


@dataclass(frozen=True, kw_only=True)
class Classroom(Request):
    """Serve the pages for a class until Ctrl-C."""

    is_answer = True
    extras = ("classroom",)
    examples = ("classroom", "classroom host=0.0.0.0")
    port: int = option("port to listen on", 8765, low=1, high=65535)
    lang: str = option("language of the pages: the name of a folder of texts", "en")
    host: str = option("address to listen on; 0.0.0.0 lets other computers join", "127.0.0.1", example="0.0.0.0")
    code: str = option(
        "code that students enter; if other computers can join, by default the code of the last start, or a random one",
        "",
        read=read_code,
        example="ABCDEF",
    )
    address: str = option(
        "public address of the server behind a proxy; proxy headers are trusted only if it is set", "",
        read=read_web_address, example="https://school.example/panj",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Grade(Request):
    """Mark students' hand-ins, with written feedback or as a table for the teacher."""

    is_answer = True
    extras = ("classroom",)
    examples = (
        "grade hand_in.json",
        "grade hand_ins format=csv",
        "grade hand_ins/*.json format=csv separator=semicolon",
    )
    files: tuple[Path, ...] = argument("hand-ins, folders of hand-ins, or patterns with *", most=500, is_file=True)
    format: str = option("text for written feedback, csv for a table", "text", choices=("text", "csv"))
    decimal: str = option(DECIMAL, ".", choices=DECIMALS)
    separator: str = option(SEPARATOR, "", choices=tuple(SEPARATORS))
    reference: int = option("campaigns that answers are compared with", 1000, low=20, high=100_000)
    results_dir: Path = option("folder in which those campaigns are kept", Path("results"), read=read_new_path)

    @property
    def hand_ins(self) -> tuple[Path, ...]:
        """All hand-in files, with folders and patterns expanded in sorted order; a missing file is kept as typed."""
        return tuple(dict.fromkeys(found for path in self.files for found in files_meant(path)))


def files_meant(path: Path) -> list[Path]:
    """Return the hand-ins that a path refers to: those in a folder, or those that match a pattern.

    Patterns are expanded here because shells on Windows do not expand them. Any other path is returned unchanged.
    """
    if path.is_dir():
        return sorted(one for one in path.iterdir() if one.suffix in (".json", ".yaml", ".yml")) or [path]
    found = [] if path.exists() else [Path(one) for one in sorted(glob(str(path)))]
    return found or [path]


@dataclass(frozen=True, kw_only=True)
class Evidence(Request):
    """Print the reported figures, with their sources."""

    is_answer, as_json = True, "the rows, as records"
    examples = ("evidence quantity=crossing date=2021-07-05", "evidence border bridge")
    filters: tuple[str, ...] = argument(
        "text to find anywhere in a row, or key=text where key is quantity, scope, use, date, source, id, confidence "
        "or conflicts",
        (),
        least=0,
        most=99,
        is_text=True,
    )


@dataclass(frozen=True, kw_only=True)
class Init(Request):
    """Write a folder for scenarios, policies, numbers, events, outcomes and tables of your own, with examples."""

    examples = ("init my_study", "init my_study tables=true")
    folder: Path = argument("folder to write, which may exist; no file is overwritten", read=read_new_path)
    tables: bool = option("also write copies of the tables of districts, places and posts, to be changed", False)


@dataclass(frozen=True, kw_only=True)
class List(Request):
    """List names for commands: scenarios, policies, numbers, events, settings, outcomes, quantities, districts."""

    is_answer, as_json = True, "the rows, as records"
    examples = ("list scenarios", "list outcomes crossed", "list numbers news")
    what: tuple[str, ...] = argument(
        f"what to list ({', '.join(LISTS)}), and optionally text to find in a row; by default, what can be listed",
        (),
        least=0,
        most=99,
        is_text=True,
        choices=LISTS,
    )

    @property
    def kind(self) -> str:
        """The requested list, one of `LISTS`, or an empty string."""
        return self.what[0] if self.what else ""

    @property
    def filters(self) -> tuple[str, ...]:
        """Texts that a listed row must all contain."""
        return self.what[1:]


@dataclass(frozen=True, kw_only=True)
class Completion(Request):
    """Print a script that lets a shell complete the command `panj`."""

    is_answer = True
    examples = ("completion bash",)
    shell: str = argument(f"shell: {', '.join(SHELLS)}", choices=SHELLS)


VERBS: dict[str, type[Request]] = {
    one.__name__.lower(): one
    for one in (
        Run, Plan, Settings, Compare, Score, Bank, Calibrate, Assimilate, Hindcast, Theories, Sensitivity, Discover,
        Report, Memo, Export, Animate, Explorable, Story, Fork, Failures, Verify, Reproduce, Classroom, Grade, Evidence,
        List, Init, Completion,
    )
}  # fmt: skip


class Flags(NamedTuple):
    """Flags that every command accepts, anywhere on the line."""

    quiet: bool = False  # print errors and the folder that was written, but no progress and no explanations
    json: bool = False  # print the result as JSON, and everything else to standard error
    debug: bool = False  # show where an error was raised


def read_flags(words: Iterable[str]) -> tuple[list[str], Flags]:
    """Separate the flags that every command accepts from the other words of a command line."""
    words = list(words)
    debug = [word for word in words if word.lower() == "debug=true"]
    flags = Flags(any(word in QUIET for word in words), any(word in JSON for word in words), bool(debug))
    return [word for word in words if word not in (*QUIET, *JSON, *debug)], flags


class Option(NamedTuple):
    """One argument, option or overrides field of a verb, for parsing and help."""

    name: str  # name of the field
    key: str  # key on the command line
    role: str  # `argument`, `option` or `overrides`
    kind: type  # type of a single value
    is_many: bool
    default: Any  # default value; MISSING if the option is required
    meaning: str
    declared: dict[str, Any]  # declared bounds, choices, example and reader

    @property
    def is_required(self) -> bool:
        """Whether the command line must give a value."""
        return self.default is MISSING


def options_of(verb: type[Request]) -> tuple[Option, ...]:
    """Return the declared arguments, options and overrides of a verb, in order."""
    hints = get_type_hints(verb)
    return tuple(option_of(one, hints[one.name]) for one in fields(verb) if one.metadata)


def option_of(one: Field[Any], hint: Any) -> Option:
    """Convert a dataclass field to an Option; the type hint `tuple[int, ...] | None` gives kind int and `is_many`."""
    kinds = [kind for kind in get_args(hint) if kind is not NoneType] or [hint]
    kind = kinds[0]
    is_many = getattr(hint, "__origin__", None) is tuple or getattr(kind, "__origin__", None) is tuple
    if getattr(kind, "__origin__", None) is tuple:
        kind = get_args(kind)[0]
    said = dict(one.metadata)
    role, meaning, key = said.pop("role"), said.pop("meaning"), said.pop("key", "") or one.name
    return Option(one.name, key, role, kind, is_many, one.default, meaning, said)


def read_command(words: Sequence[str]) -> Request:
    """Parse and check a command line.

    Args:
        words: The arguments after `python -m sim`, beginning with the verb; the default verb is `run`.

    Returns:
        An instance of the verb's class, with typed values.

    Raises:
        PanjError: For an unknown verb or option, or an invalid value of an option.
    """
    words = list(words)
    is_verb = words and "=" not in words[0] and not words[0].startswith(("-", "~", "+"))
    name = words[0] if is_verb else next((word for word in words if word in VERBS), "run")
    if name in words:
        words.remove(name)
    if name not in VERBS:
        raise unknown("verb", name, [*VERBS, "help"])
    for word in words:
        if word.startswith("-") and word not in ("-", *MULTIRUN):
            raise no_such_flag(word)
    return read_request(VERBS[name], words)


def no_such_flag(word: str) -> PanjError:
    """Return an error for an unknown flag, which suggests an alternative."""
    flag = word.partition("=")[0]
    known = [name for name in (*MULTIRUN, *QUIET, *JSON, *HELP, "--version") if name.startswith("--")]
    expected = FLAGS.get(flag) or f"{OTHER_FLAG}{nearest(flag, known)}"
    return PanjError(f"{flag}: found '{word}', expected {expected}", key=flag)


def read_request(verb: type[Request], words: Sequence[str]) -> Any:
    """Parse and check the words after a verb.

    Args:
        verb: Class of the verb.
        words: Arguments, options and overrides of the verb, as typed.

    Returns:
        An instance of the class.

    Raises:
        PanjError: For an unknown or repeated option, an invalid value, or a missing argument.
    """
    declared = options_of(verb)
    keyed = {one.key: one for one in declared if one.role == "option"}
    place = next((one for one in declared if one.role == "argument"), None)
    rest = next((one for one in declared if one.role == "overrides"), None)
    given: dict[str, str] = {}
    arguments: list[str] = []
    others: list[str] = []
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key in keyed:
            if key in given or not value:
                raise PanjError(f"{key}: found '{word}', expected {key}= once, with a value")
            given[key] = value
        elif place is not None and is_argument(word, place):
            arguments.append(word)
        elif rest is None:
            raise not_an_option(verb, word, keyed)
        else:
            others.append(word)
    values = read_options(verb, given)
    if place is not None:
        values |= read_arguments(verb, place, arguments)
    if rest is not None:
        values[rest.name] = read_overrides(verb, rest, others)
    for one in keyed.values():
        if one.is_required and one.key not in given:
            mistyped = get_close_matches(one.key, [word.partition("=")[0] for word in others], n=1)
            raise PanjError(
                f"{one.key}: found {f'{mistyped[0]}=' if mistyped else 'none'}, expected one: {usage_of(verb)}"
            )
    return verb(words=tuple(words), **values)


def read_options(verb: type[Request], given: Mapping[str, str]) -> dict[str, Any]:
    """Parse options.

    Args:
        verb: Class of the verb.
        given: Texts of options from a command line or a form, keyed by option; unknown keys are ignored.

    Returns:
        Typed values, keyed by field name.

    Raises:
        PanjError: For an invalid value.
    """
    return {one.name: read_value(one, given[one.key]) for one in options_of(verb) if one.key in given}


def suggest_option(request: Request, error: PanjError) -> PanjError:
    """Return an error that suggests a similar option of the verb for an invalid key, or else the error itself.

    If a verb also accepts settings, a mistyped option is parsed as a setting, and only settings would be suggested.

    Args:
        request: The command line.
        error: Error raised by the command.
    """
    typed = {word.partition("=")[0] for word in request.words if "=" in word}
    keys = [one.key for one in options_of(type(request)) if one.role == "option"]
    close = get_close_matches(error.key, keys, n=1, cutoff=0.7)
    if error.key not in typed or not close or close[0] == error.key:
        return error
    return PanjError(f"{str(error).partition('; did you mean')[0]}; did you mean '{close[0]}'?", key=error.key)


def is_argument(word: str, place: Option) -> bool:
    """Return whether a word is an argument (folder, file or filter) rather than an override or an option."""
    if place.declared["is_text"] or (place.declared["is_file"] and os.path.isfile(word)):
        return True
    key, equals, _ = word.partition("=")
    is_override = word.startswith(("-", "~", "+")) or (equals and key.replace(".", "").isidentifier())
    return word == "-" or word.startswith(("~/", "~\\")) or not is_override


def not_an_option(verb: type[Request], word: str, keyed: Iterable[str]) -> PanjError:
    """Return an error for an argument that the verb does not accept, with the usage line of the verb."""
    name, key = verb.__name__.lower(), word.partition("=")[0]
    if word in MULTIRUN:
        return PanjError(f"{name}: found '{word}', expected no sweep; run, plan and verify take one")
    return unknown(name, key, keyed) if keyed else PanjError(f"{name}: found '{word}', expected {usage_of(verb)}")


def read_arguments(verb: type[Request], place: Option, found: Sequence[str]) -> dict[str, Any]:
    """Parse the arguments of a verb; return them keyed by field name, or an empty dict if none are given."""
    least = place.declared["least"] if place.is_required else 0
    most = place.declared["most"]
    if not least <= len(found) <= most:
        counted = "one" if most == 1 else f"{least} to {most}"
        noun = place.name.removesuffix("s") + "s" * (len(found) != 1)
        raise PanjError(f"{verb.__name__.lower()}: found {len(found)} {noun}, expected {counted}: {usage_of(verb)}")
    if not found:
        return {}
    if place.declared["choices"] and found[0] not in place.declared["choices"]:
        raise unknown(verb.__name__.lower(), found[0], place.declared["choices"])
    read = place.declared["read"] or read_path
    values = tuple(read(place.name, word) if place.kind is Path else place.kind(word) for word in found)
    return {place.name: values if place.is_many else values[0]}


def read_overrides(verb: type[Request], rest: Option, found: Sequence[str]) -> tuple[str, ...]:
    """Check that a verb accepts these overrides, and return them; their settings and values are checked later.

    Raise PanjError if a key is set twice or not allowed, if -m is given but the verb accepts no sweep, or if the verb
    requires more overrides.
    """
    name, keys = verb.__name__.lower(), rest.declared["keys"]
    set_once = [word.partition("=")[0] for word in found if "=" in word and not word.startswith("+")]
    for key in set_once:
        if set_once.count(key) > 1:
            raise repeated(key, set_once.count(key), swept=any(word in MULTIRUN for word in found))
    for word in found:
        if word in MULTIRUN and not rest.declared["sweeps"]:
            raise PanjError(f"{name}: found {word}, expected one combination of settings: {usage_of(verb)}")
        if keys and word.partition("=")[0] not in keys:
            raise unknown(name, word.partition("=")[0], keys)
    if len(found) < rest.declared["least"]:
        raise PanjError(f"{name}: found no setting to change, expected at least one: {usage_of(verb)}")
    return tuple(found)


def read_value(one: Option, text: str) -> Any:
    """Parse the value or values of an option; raise a PanjError that names the option if one is invalid."""
    if not one.is_many:
        return read_one(one, text)
    parts = [part.strip() for part in text.strip("[] ").split(",") if part.strip()]
    return tuple(read_one(one, part) for part in (dict.fromkeys(parts) if one.kind is str else parts))


def read_one(one: Option, text: str) -> Any:
    """Parse and check a single value of an option."""
    declared = one.declared
    if declared["read"]:
        return declared["read"](one.key, text)
    if declared["choices"] and text not in declared["choices"]:
        raise unknown(one.key, text, declared["choices"])
    if one.kind is str and not text.isprintable():
        raise PanjError(f"{one.key}: found '{ascii(text)[1:-1]}', expected printable characters")
    try:
        if one.kind is bool:
            return {"true": True, "false": False}[text.lower()]
        if one.kind is Path:
            return read_path(one.key, text)
        value: Any = date.fromisoformat(text) if one.kind is date else one.kind(text)
    except (ValueError, KeyError):
        raise PanjError(f"{one.key}: found '{text}', expected {expected_of(one)}") from None
    low, high = declared["low"], declared["high"]
    if one.kind is int and (not text.isdecimal() or value < (low or 0) or (high is not None and value > high)):
        raise PanjError(f"{one.key}: found '{text}', expected {expected_of(one)}")
    if one.kind is float and not low < value < high:
        raise PanjError(f"{one.key}: found '{text}', expected {expected_of(one)}")
    return value


def expected_of(one: Option) -> str:
    """Describe the valid values of an option, such as `a whole number from 1 to 64`."""
    low, high, choices = (one.declared.get(key) for key in ("low", "high", "choices"))
    if choices:
        return f"one of {', '.join(map(shown, choices))}"
    if one.kind is int:
        bounds = f"of at least {low or 0}" if high is None else f"from {low or 0} to {high}"
        return f"a whole number {bounds}"
    if one.kind is float and high is not None:
        return f"a number between {low:g} and {high:,.13g}"
    return {bool: "true or false", date: "a date such as 2021-07-04", Path: "a folder", float: "a number"}.get(
        one.kind, "a text"
    )


def summary_of(verb: type[Request]) -> str:
    """Return the first paragraph of the docstring of a verb, on one line."""
    return " ".join((verb.__doc__ or "").partition("\n\n")[0].split())


def usage_of(verb: type[Request]) -> str:
    """Return the usage line of a verb: `python -m sim fork FOLDER day=... [seed=...] [settings ...]`."""
    parts = ["python -m sim", verb.__name__.lower()]
    for one in options_of(verb):
        if one.role == "option":
            text = f"{one.key}={one.declared['example'] or '...'}"
        else:
            text = one.name.upper() + " ..." * (one.is_many or one.role == "overrides")
        required = one.is_required and one.declared.get("least", 1) > 0
        parts.append(text if required else f"[{text}]")
    return " ".join(parts)


def missing_of(extra: str) -> list[str]:
    """Return the packages of an extra, according to the metadata of Panj, that are not installed."""
    from importlib import metadata  # slow to import

    names = []
    for line in of_package(metadata.requires) or ():
        requirement, _, condition = line.partition(";")
        if re.search(rf"extra == ['\"]{extra}['\"]", condition):
            names.append(re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0])
    return [name for name in names if not is_installed(name)]


def is_installed(package: str) -> bool:
    """Return whether a distribution is installed."""
    from importlib import metadata

    try:
        return bool(metadata.version(package))
    except metadata.PackageNotFoundError:
        return False


def require_extra(extra: str, what: str) -> None:
    """Check that the packages of an extra are installed.

    Args:
        extra: Name of the extra, as in `pip install "panj[extra]"`.
        what: Verb or setting that requires it, such as `executor`.

    Raises:
        PanjError: A package is missing; the message contains the command that installs it.
    """
    missing = missing_of(extra)
    if missing:
        raise PanjError(
            f"{what}: found no {', '.join(missing)}, expected {'it' if len(missing) == 1 else 'them'} to be installed: "
            f'pip install "panj[{extra}]"'
        )
