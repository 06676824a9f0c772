"""A fit as it lies on disk, and what it says in sentences.

Reads   posterior.parquet, diagnostics.csv, predictive.csv, screening.csv and fit.json, which `sim.study.calibrate`
        wrote; of a refined fit generations.csv and chains.csv as well.
"""

import csv
import json
import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sim.errors import PanjError

PRESSED = 4.0  # times as likely as before: so much of the outermost bin is said
BINS = 16  # of the prior, each as likely before the fit as the others
LEARNED = 0.25  # contraction from which a number counts as learned from the record
NOT_REFINED = "none"
Row = dict[str, str]
Floats = NDArray[np.float64]


class Fitted(NamedTuple):
    """A fit."""

    folder: Path
    about: dict[str, Any]
    diagnostics: list[Row]
    predictive: list[Row]
    screening: list[Row]
    generations: list[Row]  # of the chains; none where the fit was not refined
    chains: list[Row]  # a fitted number; none with fewer than two chains
    weights: Floats
    shares: dict[str, Floats]  # of each fitted number: the share of its prior below each draw
    by_chain: list[
        tuple[Floats, dict[str, Floats]]
    ]  # the same of the last generation of each chain, where there are two

    @property
    def rows(self) -> dict[str, Row]:
        """The diagnostics by number."""
        return {row["number"]: row for row in self.diagnostics}

    @property
    def is_refined(self) -> bool:
        """Whether chains followed the first fit."""
        return bool(self.about.get("refine", NOT_REFINED) != NOT_REFINED)

    @property
    def shown(self) -> str:
        """Which campaigns are set beside the record: lived again with draws of the posterior, or else the accepted."""
        return "again" if self.is_refined else "accepted"


def read_fit(folder: Path) -> Fitted:
    """The files of a fit; PanjError where one is missing or is something else."""
    try:
        about = dict(json.loads((folder / "fit.json").read_text(encoding="utf-8")))
        diagnostics, predictive, screening = (
            rows_in(folder / f"{name}.csv") for name in ("diagnostics", "predictive", "screening")
        )
        refined = about.get("refine", NOT_REFINED) != NOT_REFINED
        generations = rows_in(folder / "generations.csv") if refined else []
        chains = rows_in(folder / "chains.csv") if refined and about["chains"] > 1 else []
        weights, shares = draws_in(pq.read_table(folder / "posterior.parquet"), about)
        by_chain = draws_by_chain(folder, about) if chains else []
        return Fitted(folder, about, diagnostics, predictive, screening, generations, chains, weights, shares, by_chain)
    except OSError as error:
        raise PanjError(f"{error.filename}: cannot be read; python -m sim calibrate writes it") from None
    except (ValueError, KeyError) as error:
        raise PanjError(f"{folder}: found something else ({error}), expected the files of a fit") from None


def draws_in(table: pa.Table, about: Mapping[str, Any]) -> tuple[Floats, dict[str, Floats]]:
    """The weights of some draws, and the shares of the priors below their fitted numbers."""
    shares = {key: share_of(table[key].to_numpy(), *about["priors"][key]) for key in about["chosen"]}
    return table["weight"].to_numpy(), shares


def draws_by_chain(folder: Path, about: Mapping[str, Any]) -> list[tuple[Floats, dict[str, Floats]]]:
    """The last generation of each chain."""
    table = pq.read_table(folder / "chains.parquet")
    return [draws_in(table.filter(pc.field("chain") == place), about) for place in range(about["chains"])]


def rows_in(path: Path) -> list[Row]:
    """The rows of a table by column."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def share_of(values: Floats, low: float, high: float, scale: str) -> Floats:
    """The share of the prior below each value."""
    if scale == "log":
        values, low, high = np.log(values), math.log(low), math.log(high)
    return np.asarray((values - low) / (high - low), np.float64)


def say_fit(made: Fitted) -> str:
    """How many campaigns, of how many, and what they were held against."""
    about = made.about
    failed = f" {about['failed']:,} failed and are left out." if about["failed"] else ""
    even = f"they tell as much as {about['effective_sample_size']:,.0f} of equal weight.{failed}"
    bank = f"{about['rows']:,} drawn from the prior (seeds {about['first_seed']} to {about['last_seed']})"
    if not made.is_refined:
        return (
            f"The {about['draws']:,} campaigns of {bank} that come nearest to {about['targets']} targets, by weight; "
            f"{even} Rejection and regression adjustment, a first fit."
        )
    chains = "1 chain" if about["chains"] == 1 else f"{about['chains']} chains"
    return (
        f"{about['draws']:,} campaigns within a distance of {about['tolerance']:.3g} of {about['targets']} targets, by "
        f"weight: out of a bank of {bank}, and of {about['simulations_lived']:,} that {chains} (seed {about['seed']}) "
        f"lived after it; {even} Sequential ABC and regression adjustment."
    )


def say_inside(made: Fitted) -> str:
    """How many targets lie inside, and how many events with all of theirs."""
    inside = {use: [row["inside_90"] == "yes" for row in made.predictive if row["use"] == use]
              for use in ("fitted", "scored")}  # fmt: skip
    events: dict[str, bool] = {}
    for row in made.predictive:
        events[row["event"]] = events.get(row["event"], True) and row["inside_90"] == "yes"
    again = f"{made.about['again']:,} campaigns with draws of the posterior" if made.is_refined else ""
    campaigns = again or "the accepted campaigns"
    return (
        f"Inside the 90 % interval of {campaigns}: {sum(inside['fitted'])} of {len(inside['fitted'])} targets that were"
        f" fitted, {sum(inside['scored'])} of {len(inside['scored'])} others; all targets of {sum(events.values())} of "
        f"{len(events)} events."
    )


def say_learned(made: Fitted) -> str:
    """Which numbers the record narrows, and which it leaves as they were."""
    told = [key for key in made.shares if float(made.rows[key]["contraction"]) >= LEARNED]
    left = [key for key in made.shares if key not in told]
    parts = []
    if told:
        parts.append(f"The record narrows {names(told)} (at least a quarter of the prior's variance is gone).")
    if left:
        parts.append(f"It hardly tells {names(left)}.")
    return " ".join(parts)


def say_pressed(made: Fitted) -> list[str]:
    """A sentence for each number whose draws heap up at an end of its prior."""
    why = "too narrow a belief, or rules that cannot do what was reported"
    ends = {key: pressed_end(shares, made.weights) for key, shares in made.shares.items()}
    return [f"{key} presses against the {end} end of its prior: {why}." for key, end in ends.items() if end]


def say_chains(made: Fitted) -> list[str]:
    """How the chains came to their end, and whether they agree."""
    if not made.is_refined:
        return []
    first, last = made.generations[0], made.generations[-1]
    said = [
        f"From generation 0 to {last['generation']} the tolerance fell from {float(first['tolerance']):.3g} to "
        f"{float(last['tolerance']):.3g}; in the last {float(last['acceptance']):.1%} of proposals were accepted. "
        f"Ended: {made.about['ended']}. The error of observation alone is a distance of "
        f"{made.about['error_of_observation']:.3g}."
    ]
    if made.chains:
        apart = [row["number"] for row in made.chains if row["agree"] == "no"]
        said.append(
            f"The chains disagree on {names(apart)} by more than three standard errors: more draws are needed."
            if apart
            else f"The {made.about['chains']} chains agree: no two means lie farther apart than three standard errors."
        )
    return said


def names(keys: Sequence[str]) -> str:
    """`parley: intercept, flight: daily share and news: province`."""
    said = [short(key) for key in keys]
    return " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def short(key: str) -> str:
    """`news: fade days`."""
    _, rule, number = key.split(".")
    return f"{rule}: {number.replace('_', ' ')}"


def stacked(key: str) -> str:
    """The same in narrow lines."""
    return "\n".join(textwrap.wrap(short(key).replace(": ", " "), 13, break_long_words=False))


def pressed_end(shares: Floats, weights: Floats) -> str | None:
    """The end of the prior at which the draws heap up, if they do."""
    heights, _ = np.histogram(shares, BINS, (0, 1), weights=weights / weights.sum() * BINS)
    found = {"low": heights[0], "high": heights[-1]}
    end = max(found, key=lambda one: float(found[one]))
    return end if found[end] > PRESSED else None
