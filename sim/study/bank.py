"""A bank: campaigns whose uncertain numbers are drawn from the prior, a row each.

Calibration, its checks, held-out fits and rival theories all read banks, so that nothing is lived twice. A bank is an
ordinary study of one cell (resumable, on any executor) with `calibration=prior` and without the evenings of campaigns:
`runs.parquet` holds for each seed what was drawn (`rules.<rule>.<number>`) and every outcome.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sim.errors import PanjError
from sim.facts import read_facts
from sim.outcomes import fingerprint_of_outcomes
from sim.provenance import read_about
from sim.rules import fingerprint_of_rules
from sim.study.words import MULTIRUN, parse

USUAL = {"runs": "50000", "end_date": "2021-07-08"}  # to the evening of the last target
ALWAYS = {"calibration": "prior", "daily": "false"}
FIRST = "rules."  # how a column begins that was drawn


class Bank(NamedTuple):
    """What a bank holds; a row a campaign that finished, by seed."""

    folder: Path
    keys: tuple[str, ...]  # numbers that were drawn
    seeds: NDArray[np.int64]
    drawn: NDArray[np.float64]  # campaigns x keys
    outcomes: pa.Table  # campaigns x outcomes
    failed: int


def words_of(words: Sequence[str]) -> list[str]:
    """The words of the run that fills a bank; PanjError for what a bank cannot have."""
    given = {}
    for word in words:
        if word in MULTIRUN or parse(word).is_sweep_override():
            raise PanjError(f"bank: found '{word}', expected one cell; a bank of another theory is a bank of its own")
        given[parse(word).key_or_group] = word
    for key, value in ALWAYS.items():
        if key in given and given[key] != f"{key}={value}":
            raise PanjError(f"{key}: found '{given[key]}', expected {key}={value}; anything else is a plain run")
    theory = given.get("theory", "theory=contagion").split("=", 1)[1]
    named = {"study": study_of(theory)}
    usual = [f"{key}={value}" for key, value in {**USUAL, **ALWAYS, **named}.items() if key not in given]
    return [*words, *usual]


def study_of(theory: str) -> str:
    """The usual name of the bank of a theory."""
    return "bank" if theory == "contagion" else f"bank_{theory}"


def read_bank(folder: Path) -> Bank:
    """A finished bank; PanjError for a study that is none, or one of other rules, data or outcomes."""
    about = read_about(folder)
    table = pq.read_table(folder / "runs.parquet")
    keys = tuple(name for name in table.column_names if name.startswith(FIRST))
    if not keys or len(about["cells"]) != 1:
        raise PanjError(f"bank: found {folder} without numbers that were drawn, expected what python -m sim bank makes")
    here = {
        "rules": fingerprint_of_rules(), "data": read_facts().fingerprint, "outcomes": fingerprint_of_outcomes(),
    }  # fmt: skip
    for name, expected in here.items():
        found = about[f"{name}_fingerprint"]
        if found != expected:
            raise PanjError(f"bank: found {folder} with {name} of version {found}, expected {expected}; make it again")
    table = table.sort_by("seed")
    outcomes = table.drop_columns([*keys, "cell", "run", "seed"])
    drawn = np.column_stack([table[key].to_numpy() for key in keys])
    return Bank(folder, keys, table["seed"].to_numpy(), drawn, outcomes, about["failed"])
