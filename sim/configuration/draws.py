"""Draw the numbers that differ between campaigns from the declared priors or from a posterior.

The seed of a campaign alone determines its draws. From the priors, each number is drawn independently. From a
posterior, each campaign takes one joint draw with probability proportional to its weight; with `median`, all campaigns
share one draw. With worlds, each campaign takes the numbers of its world. With a design (made by the sensitivity
analysis), campaign i uses point i, and all campaigns of a cell share one seed for all other random draws. Values
resolve in the order of `sim.configuration.numbers`: default, draw, policies and scenario, overrides; later ones take
precedence. Campaigns of different cells with the same seed have the same drawn numbers and share all other random
draws.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from sim.configuration.numbers import OWN_PRIOR, Choice, check_range, declared_numbers, resolve, typed
from sim.configuration.posterior import Posterior, posterior_for
from sim.configuration.worlds import Worlds
from sim.data.configs import folder_of, folder_of_group, read_yaml
from sim.data.own_rules import numbers_files
from sim.data.places import naming_own_files
from sim.engine.chance import Address, draw_parameters
from sim.engine.day import Rules
from sim.errors import PanjError, unknown
from sim.provenance import CALIBRATED, NOT_CALIBRATED

SCALES = ("linear", "log")
COLUMNS = {"low", "high", "scale", "reason"}
ONLY_OF = "theory"  # optional column with the only theory that uses the number
DECLARED, PRIOR, POSTERIOR, MEDIAN = "declared", "prior", "posterior", "median"
SOURCES = (DECLARED, PRIOR, POSTERIOR, MEDIAN)
FITTED = (POSTERIOR, MEDIAN)  # sources of numbers that are read from a file
LAID_OUT = {  # numbers that determine the layout and are not drawn, since campaigns of a cell share one layout
    "rules.founding.outposts", "rules.founding.commando_columns", "rules.founding.prongs",
    "rules.founding.columns_per_prong", "rules.flight.rows", "rules.journeys.road_factor",
    "rules.journeys.mountain_factor", "rules.journeys.km_per_day", "rules.crossing.admits", "rules.admission.admits",
    "rules.crossing.room_bridge", "rules.crossing.room_ford", "rules.crossing.room_post",
    "rules.crossing.room_frontage", "rules.crossing.room_pass", "rules.reserves.guards_per_post",
}  # fmt: skip


class Prior(NamedTuple):
    """Prior of one number: uniform from `low` to `high` on its scale, linear or logarithmic."""

    key: str
    low: float
    high: float
    scale: str  # linear or log
    theory: str = ""  # the only theory under which the number is drawn; empty for all theories

    def at(self, share: float) -> float:
        """Return the quantile of the prior at the cumulative probability `share`.

        For a whole number, all whole numbers in the range are equally likely.
        """
        if declared_numbers()[self.key].is_whole:
            return min(self.high, self.low + math.floor(share * (self.high - self.low + 1)))
        if self.scale == "log":
            value = math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
        else:
            value = self.low + share * (self.high - self.low)
        return min(self.high, max(self.low, value))

    def share(self, value: float) -> float:
        """Return the cumulative prior probability of a value (the inverse of `at`).

        For a whole number, this is the middle of the interval of probabilities for which `at` returns the number.
        """
        if declared_numbers()[self.key].is_whole:
            return (value - self.low + 0.5) / (self.high - self.low + 1)
        if self.scale == "log":
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (value - self.low) / (self.high - self.low)


Floats = NDArray[np.float64]


def numbers_at(priors: Sequence[Prior], shares: Floats) -> dict[str, float]:
    """Convert cumulative prior probabilities to numbers.

    Args:
        priors: The priors.
        shares: (priors) Cumulative prior probabilities, from 0 to 1.

    Returns:
        The numbers in their own units, keyed by setting.
    """
    return {prior.key: prior.at(float(share)) for prior, share in zip(priors, shares, strict=True)}


@dataclass(frozen=True)
class Design:
    """Points of a sensitivity analysis; campaign i uses point i.

    Two designs are equal if their digests and seeds are equal.
    """

    digest: str  # hash of keys and points
    luck: int  # seed of the random draws of every campaign, so that campaigns differ only in their numbers
    points: Floats = field(compare=False, repr=False)  # points x numbers, in their own units


class Draws(NamedTuple):
    """Source of the numbers of each campaign, in a form that can be sent to workers."""

    source: str
    priors: tuple[Prior, ...]  # priors of the drawn numbers, without numbers set by an override
    choices: tuple[Choice, ...]  # policies, theory and scenario, whose `set`, `scale` and `shift` change numbers
    explicit: tuple[tuple[str, float], ...]  # key and value of each number that an override sets
    posterior: Posterior | None = None  # posterior, if campaigns draw from one
    design: Design | None = None  # design, if campaigns use one, with columns as in `priors`
    worlds: Worlds | None = None  # worlds, if campaigns followed the record

    def luck(self, seed: int) -> int | Address:
        """Return the seed or address that determines the random draws of a campaign.

        This is the address of its world if campaigns followed the record, the shared seed if there is a design, and
        the campaign's own seed otherwise.
        """
        if self.worlds is not None:
            return self.worlds.address_of(seed)
        return seed if self.design is None else self.design.luck

    @property
    def description(self) -> str:
        """Source of the numbers, as text for summaries, figures and pages."""
        if self.worlds is not None:
            return self.worlds.description
        if self.posterior is not None:
            return f"{CALIBRATED}: {self.source} of {self.posterior.description}"
        return f"numbers drawn from the {self.source}, {NOT_CALIBRATED}"

    def numbers(self, seed: int) -> dict[str, float]:
        """Return the numbers drawn for a seed, by key, without numbers set by an override."""
        if self.design is not None:
            point = self.design.points[seed].tolist()
            return {prior.key: value for prior, value in zip(self.priors, point, strict=True)}
        if self.worlds is not None or self.posterior is not None:
            source = self.worlds.numbers_of if self.worlds is not None else self.posterior.numbers  # type: ignore[union-attr]
            taken = source(seed)
            return {prior.key: taken[prior.key] for prior in self.priors}
        shares = draw_parameters(seed, actors_of(tuple(prior.key for prior in self.priors)))
        return numbers_at(self.priors, shares)

    def rules_of(self, seed: int) -> Rules:
        """Return the numbers of every rule in the campaign with this seed."""
        return self.rules(self.numbers(seed))

    def rules(self, drawn: Mapping[str, float]) -> Rules:
        """Apply policies, theory, scenario and overrides to drawn numbers, and return the numbers of every rule."""
        return typed(resolve(self.choices, dict(self.explicit), drawn))

    def as_dict(self) -> dict[str, Any]:
        """Return everything that determines the drawn numbers, as plain values for the fingerprint of the settings.

        Overrides are excluded, since the fingerprint contains the numbers that they set.
        """
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
        if self.worlds is not None:
            drawn = {"worlds": self.worlds.digest, "keys": dict.fromkeys((prior.key for prior in self.priors), "drawn")}
        if self.design is not None:
            drawn |= {"points": self.design.digest, "luck": self.design.luck}
        return {
            "source": self.source,
            **drawn,
            "steps": [step for step in steps if step["set"] or step["scale"] or step["shift"]],
        }


@cache
def actors_of(keys: tuple[str, ...]) -> np.ndarray:
    """Return the permanent identity of each number, a hash of its key, so that new priors do not change other draws."""
    return np.array([crc32(key.encode()) for key in keys], np.int64)


@cache
def read_priors() -> tuple[Prior, ...]:
    """Read and check all priors of `configs/priors.yaml`, and those declared with the numbers of the user's rules.

    Raises:
        PanjError: If a file cannot be read or a row is invalid.
    """
    rows = read_yaml(folder_of("configs") / "priors.yaml")
    shipped = tuple(prior_of(key, row) for key, row in rows.items())
    return shipped + tuple(prior for rule, path in numbers_files().items() for prior in priors_in(path, rule))


def priors_in(path: Path, rule: str) -> list[Prior]:
    """Return the priors in the YAML file of a user's rule: those of its numbers that have a column `prior`."""
    with naming_own_files([path], alone=True):
        return [
            prior_of(f"rules.{rule}.{name}", row[OWN_PRIOR])
            for name, row in read_yaml(path).items()
            if OWN_PRIOR in row
        ]


def prior_of(key: str, row: Any) -> Prior:
    """Check one row of `priors.yaml` and return its prior, or raise PanjError if the row is invalid."""
    name = f"priors.{key}"
    if key not in declared_numbers():
        raise unknown("priors", key, declared_numbers())
    if key in LAID_OUT:
        raise PanjError(f"{name}: found a number that is the same in all campaigns of a cell, expected a different one")
    if not isinstance(row, Mapping) or set(row) - {ONLY_OF} != COLUMNS:
        raise PanjError(
            f"{name}: found {row!r}, expected low, high, scale and reason, and theory if only one theory uses it"
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
    source: str, choices: tuple[Choice, ...], explicit: Mapping[str, float], file: str | None = None, data: str = "",
    worlds: Worlds | None = None,
) -> Draws | None:  # fmt: skip
    """Check the source of the numbers, and return the `Draws` of the campaigns.

    Args:
        source: Source of the numbers, one of `SOURCES`.
        choices: Choices of policies, theory and scenario, in the order in which they apply.
        explicit: Numbers that overrides set, keyed by setting; they are not drawn.
        file: Path of a posterior; without it, the shipped one is used.
        data: Fingerprint of the current data.
        worlds: Worlds that followed the record, whose numbers replace draws from the posterior; None for free
            campaigns.

    Returns:
        The `Draws`, or None if all campaigns use the declared numbers.

    Raises:
        PanjError: For an unknown source, incompatible settings, an invalid posterior, or a policy, theory or scenario
            that would move a drawn number out of its declared range.
    """
    if source not in SOURCES:
        raise unknown("calibration.source", source, SOURCES)
    if file and source not in FITTED:
        raise PanjError(
            f"calibration.file: found '{file}' with calibration={source}, expected calibration=posterior or median"
        )
    if worlds is not None and source != POSTERIOR:
        raise PanjError(
            f"calibration: found {source} with worlds=record, expected posterior, since worlds have their own numbers"
        )
    if worlds is not None:
        check_worlds(worlds, explicit, file)
    if source == DECLARED:
        return None
    steps = tuple(
        Choice(group=one.group, name=one.name, set=one.set, scale=one.scale, shift=one.shift) for one in choices
    )
    posterior = None if source == PRIOR or worlds is not None else posterior_for(file, data, read_priors())
    if posterior is not None and source == MEDIAN:
        posterior = posterior.median
    ranges = priors_under(choices) if posterior is None else ranges_of(posterior)
    if worlds is not None:
        ranges = ranges_between(worlds.keys, worlds.numbers.min(axis=0).tolist(), worlds.numbers.max(axis=0).tolist())
    priors = tuple(prior for prior in ranges if prior.key not in explicit)
    draws = Draws(source, priors, steps, tuple(sorted(explicit.items())), posterior, worlds=worlds)
    for share in (0.0, 1.0):  # set, scale and shift are monotonic, so it is sufficient to check both ends
        try:
            draws.rules({prior.key: prior.at(share) for prior in priors})
        except PanjError as error:
            raise PanjError(f"calibration={source}: {error}") from error
    return draws


def check_worlds(worlds: Worlds, explicit: Mapping[str, float], file: str | None) -> None:
    """Raise PanjError if the settings of a study do not fit its worlds.

    This is the case if a posterior file is given, or if an override used to make the worlds is missing or has a
    different value.
    """
    if file:
        raise PanjError(f"calibration.file: found '{file}', expected no file, since worlds=record has its own numbers")
    other = {key: value for key, value in worlds.about.get("explicit", {}).items() if explicit.get(key) != value}
    if other:
        known = ", ".join(f"{key}={value:g}" for key, value in sorted(other.items()))
        raise PanjError(f"worlds.file: found worlds made with {known}, expected the same overrides in this study")


def priors_under(choices: tuple[Choice, ...]) -> tuple[Prior, ...]:
    """Return the priors of all numbers except those used only by a theory that is not chosen.

    Args:
        choices: Choices of policies, theory and scenario.
    """
    theories = {one.name for one in choices if one.group == ONLY_OF}
    return tuple(prior for prior in read_priors() if not prior.theory or prior.theory in theories)


def ranges_of(posterior: Posterior) -> tuple[Prior, ...]:
    """Return a uniform prior for each number of a posterior, over the range of its draws."""
    low, high = posterior.ends
    return ranges_between(posterior.keys, list(low.values()), list(high.values()))


def ranges_between(keys: Sequence[str], low: Sequence[float], high: Sequence[float]) -> tuple[Prior, ...]:
    """Return one uniform prior per key, with bounds from `low` and `high`, in the order of the keys."""
    return tuple(Prior(*row, "linear") for row in zip(keys, low, high, strict=True))


LUCK = "luck"  # key that distinguishes the cells of a design: the seed shared by all campaigns of a cell


def design_of(keys: Sequence[str], points: Floats, luck: int) -> Design:
    """Build a design from its points and compute its digest.

    Args:
        keys: Keys of the numbers, one per column of the points.
        points: (points, keys) Values in the units of the numbers.
        luck: Seed shared by all campaigns of the design.
    """
    points = np.ascontiguousarray(points, np.float64)
    digest = sha256(json.dumps(list(keys)).encode() + points.tobytes()).hexdigest()[:16]
    return Design(digest, luck, points)
