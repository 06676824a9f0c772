"""Numbers that differ from campaign to campaign: drawn by the seed alone, from the declared priors or from a posterior.

A prior draws each number by itself. Of a posterior each campaign takes one whole draw, in proportion to its weight, so
that what was fitted together stays together; `median` is one draw for all campaigns. Of a design, which sensitivity
makes, campaign i lives point i, and all campaigns of a cell share one seed. Values resolve in the order of
`sim.settings.numbers`: default, then the draw, then policies and scenario, then overrides, which always win. Two
cells with one seed share their draw, as they share all their luck.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from sim.data.configs import folder_of, folder_of_group, read_yaml
from sim.engine.chance import draw_parameters
from sim.engine.day import Rules
from sim.errors import PanjError, unknown
from sim.provenance import NOT_CALIBRATED
from sim.settings.numbers import Choice, check_range, declared_numbers, resolve, typed
from sim.settings.posterior import Posterior, posterior_for

SCALES = ("linear", "log")
COLUMNS = {"low", "high", "scale", "reason"}
ONLY_OF = "theory"  # a column more, of numbers that only one theory reads
DECLARED, PRIOR, POSTERIOR, MEDIAN = "declared", "prior", "posterior", "median"
SOURCES = (DECLARED, PRIOR, POSTERIOR, MEDIAN)
FITTED = (POSTERIOR, MEDIAN)  # sources that are a file
LAID_OUT = {  # numbers that decide which rows there are, how long roads are, or whom a post admits: one layout a cell
    "rules.founding.outposts", "rules.founding.commando_columns", "rules.founding.prongs",
    "rules.founding.columns_per_prong", "rules.flight.rows", "rules.journeys.road_factor",
    "rules.journeys.mountain_factor", "rules.journeys.km_per_day", "rules.crossing.admits", "rules.admission.admits",
    "rules.crossing.room_bridge", "rules.crossing.room_ford", "rules.crossing.room_post",
    "rules.crossing.room_frontage", "rules.crossing.room_pass", "rules.reserves.guards_per_post",
}  # fmt: skip


class Prior(NamedTuple):
    """What was believed of one number before any fit: even between `low` and `high` on its scale."""

    key: str
    low: float
    high: float
    scale: str  # linear or log
    theory: str = ""  # the only one whose campaigns draw it, or all

    def at(self, share: float) -> float:
        """The value below which this share of the belief lies; of whole numbers each is as likely as the others."""
        if declared_numbers()[self.key].is_whole:
            return min(self.high, self.low + math.floor(share * (self.high - self.low + 1)))
        if self.scale == "log":
            value = math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
        else:
            value = self.low + share * (self.high - self.low)
        return min(self.high, max(self.low, value))

    def share(self, value: float) -> float:
        """The share of the belief below a value: what `at` undoes; of a whole number the middle of its share."""
        if declared_numbers()[self.key].is_whole:
            return (value - self.low + 0.5) / (self.high - self.low + 1)
        if self.scale == "log":
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (value - self.low) / (self.high - self.low)


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """Points that campaigns live in turn; two are equal when their points and their luck are."""

    digest: str  # of keys and points
    luck: int  # the seed of every campaign, so that points differ in their numbers alone
    points: Floats = field(compare=False, repr=False)  # points x numbers, in the units of the numbers


class Draws(NamedTuple):
    """How a campaign comes by its numbers: all that is needed, and small enough to send anywhere."""

    source: str
    priors: tuple[Prior, ...]  # of the numbers that are drawn; those set by an override are not
    choices: tuple[Choice, ...]  # what policies and scenario set, scale and shift
    explicit: tuple[tuple[str, float], ...]  # overrides
    posterior: Posterior | None = None  # where a campaign takes one of its draws
    design: Design | None = None  # where campaigns live its points in turn; its columns are the priors'

    def luck(self, seed: int) -> int:
        """The seed that decides the luck of a campaign: its own, but for a design, whose points all share one."""
        return seed if self.design is None else self.design.luck

    @property
    def said(self) -> str:
        """What summaries, figures and pages say of numbers that are drawn."""
        if self.posterior is not None:
            return f"calibrated: {self.source} of {self.posterior.said}"
        return f"numbers drawn from the {self.source}, {NOT_CALIBRATED}"

    def numbers(self, seed: int) -> dict[str, float]:
        """What is drawn for a seed, by key; without what an override sets."""
        if self.design is not None:
            point = self.design.points[seed].tolist()
            return {prior.key: value for prior, value in zip(self.priors, point, strict=True)}
        if self.posterior is not None:
            taken = self.posterior.numbers(seed)
            return {prior.key: taken[prior.key] for prior in self.priors}
        shares = np.empty(len(self.priors))
        draw_parameters(np.uint64(seed), actors_of(tuple(prior.key for prior in self.priors)), shares)
        return {prior.key: prior.at(float(share)) for prior, share in zip(self.priors, shares, strict=True)}

    def rules_of(self, seed: int) -> Rules:
        """The numbers of every rule in the campaign of a seed."""
        return self.rules(self.numbers(seed))

    def rules(self, drawn: Mapping[str, float]) -> Rules:
        """The numbers of every rule once policies and overrides have acted on what was drawn."""
        return typed(resolve(self.choices, dict(self.explicit), drawn))

    def as_dict(self) -> dict[str, Any]:
        """What decides the numbers, in plain values."""
        steps = [
            {"group": one.group, "set": dict(one.set), "scale": dict(one.scale), "shift": dict(one.shift)}
            for one in self.choices
        ]
        drawn: dict[str, Any] = {"priors": {prior.key: [prior.low, prior.high, prior.scale] for prior in self.priors}}
        if self.posterior is not None:
            drawn = {
                "posterior": self.posterior.digest,
                "keys": dict.fromkeys((prior.key for prior in self.priors), "drawn"),
            }
        if self.design is not None:
            drawn |= {"points": self.design.digest, "luck": self.design.luck}
        return {
            "source": self.source,
            **drawn,
            "steps": [step for step in steps if step["set"] or step["scale"] or step["shift"]],
        }


@cache
def actors_of(keys: tuple[str, ...]) -> np.ndarray:
    """A lasting identity a number, from its name: another prior in the file changes no other draw."""
    return np.array([crc32(key.encode()) for key in keys], np.int64)


@cache
def read_priors() -> tuple[Prior, ...]:
    """Every row of `configs/priors.yaml`, checked; PanjError names the key, what was found and what was expected."""
    rows = read_yaml(folder_of("configs") / "priors.yaml")
    return tuple(prior_of(key, row) for key, row in rows.items())


def prior_of(key: str, row: Any) -> Prior:
    """One row: a number of a rule with a range in which a campaign may lie, and the reason for it."""
    name = f"priors.{key}"
    if key not in declared_numbers():
        raise unknown("priors", key, declared_numbers())
    if key in LAID_OUT:
        raise PanjError(f"{name}: found a number that the layout of a cell depends on, expected one that rules read")
    if not isinstance(row, Mapping) or set(row) - {ONLY_OF} != COLUMNS:
        raise PanjError(
            f"{name}: found {row!r}, expected low, high, scale and reason, and theory where only one has it"
        )
    theory = row.get(ONLY_OF, "")
    theories = [path.stem for path in folder_of_group(ONLY_OF).glob("*.yaml")]
    if theory and theory not in theories:
        raise unknown(f"{name}.theory", str(theory), sorted(theories))
    low, high, scale = row["low"], row["high"], row["scale"]
    if scale not in SCALES:
        raise unknown(f"{name}.scale", str(scale), SCALES)
    for bound, value in (("low", low), ("high", high)):
        try:
            check_range(key, value, "")
        except PanjError as error:
            raise PanjError(f"{name}.{bound}: {error}") from error
    if not low < high:
        raise PanjError(f"{name}: found low {low:g} and high {high:g}, expected low below high")
    if scale == "log" and declared_numbers()[key].is_whole:
        raise PanjError(f"{name}.scale: found log, expected linear for a whole number")
    if scale == "log" and low <= 0:
        raise PanjError(f"{name}.low: found {low:g} on the log scale, expected a number above 0")
    return Prior(key, float(low), float(high), scale, theory)


def draws_of(
    source: str, choices: tuple[Choice, ...], explicit: Mapping[str, float], file: str | None = None, data: str = ""
) -> Draws | None:
    """How campaigns come by their numbers; None where all have those that are declared.

    `file` is of a posterior, `data` the fingerprint of the data here. Raises PanjError for a file that is no posterior
    of these rules and this data, and where a policy would carry a drawn number out of its declared range.
    """
    if source not in SOURCES:
        raise unknown("calibration.source", source, SOURCES)
    if file and source not in FITTED:
        raise PanjError(f"calibration.file: found '{file}', expected it with calibration=posterior or median")
    if source == DECLARED:
        return None
    steps = tuple(
        Choice(group=one.group, name=one.name, set=one.set, scale=one.scale, shift=one.shift) for one in choices
    )
    posterior = None if source == PRIOR else posterior_for(file, data, read_priors())
    if posterior is not None and source == MEDIAN:
        posterior = posterior.median
    believed = priors_under(choices) if posterior is None else ranges_of(posterior)
    priors = tuple(prior for prior in believed if prior.key not in explicit)
    draws = Draws(source, priors, steps, tuple(sorted(explicit.items())), posterior)
    for share in (0.0, 1.0):  # policies set, scale and shift: whatever lies between is within the range as well
        try:
            draws.rules({prior.key: prior.at(share) for prior in priors})
        except PanjError as error:
            raise PanjError(f"calibration={source}: {error}") from error
    return draws


def priors_under(choices: tuple[Choice, ...]) -> tuple[Prior, ...]:
    """The priors of the numbers that the chosen theory reads."""
    theories = {one.name for one in choices if one.group == ONLY_OF}
    return tuple(prior for prior in read_priors() if not prior.theory or prior.theory in theories)


def ranges_of(posterior: Posterior) -> tuple[Prior, ...]:
    """The numbers of a posterior, each with the lowest and the highest of its draws."""
    low, high = posterior.ends
    return tuple(Prior(key, low[key], high[key], "linear") for key in posterior.keys)


LUCK = "luck"  # the key by which the cells of a design differ: the seed of all its campaigns


def design_of(keys: Sequence[str], points: Floats, luck: int) -> Design:
    """A design with its fingerprint."""
    points = np.ascontiguousarray(points, np.float64)
    digest = sha256(json.dumps(list(keys)).encode() + points.tobytes()).hexdigest()[:16]
    return Design(digest, luck, points)
