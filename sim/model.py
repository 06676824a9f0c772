"""A campaign as a Mesa model that is stepped day by day.

Mesa is only the interface. The world consists of the same arrays, and the same compiled code runs each day with the
same draws, so a model stepped to the end equals the campaign of `sim.engine.campaign` to the last digit. All draws come
from the seed; Mesa's `model.random` and `model.rng` are for users' additions, and no rule uses them.

The agents District, Unit, Force, Post and Refugee are views of single rows of the world, without state of their own:
reading a trait reads its array, writing a trait writes its array, and the rules of the next day see the change. Every
trait of a group in `sim.engine.world` is available under its name, as a plain number or as its enumeration. When a
value is written, only its type and its membership in an enumeration are checked; code that moves men must keep their
total consistent.
"""

import datetime
import warnings
from enum import IntEnum
from numbers import Integral
from numbers import Real as RealNumber
from typing import Any, Protocol

import mesa
import numpy as np

from sim.data.facts import Facts
from sim.engine.campaign import Campaign, blank_record, raise_if_spent, regroup, step
from sim.engine.chance import LAST_SEED, Address, seeds_of
from sim.engine.day import Rules
from sim.engine.layout import Layout, fresh
from sim.engine.timeline import Timeline
from sim.engine.world import (
    Count,
    Fall,
    ForceKind,
    Holder,
    Mode,
    Real,
    RefugeeState,
    Role,
    Truth,
    UnitKind,
    UnitState,
    Whole,
    Why,
    World,
)
from sim.errors import PanjError


class Config(Protocol):
    """The part of `sim.configuration.settings.Settings` that a model needs.

    Because a model depends only on this part, it does not need Hydra.
    """

    @property
    def facts(self) -> Facts:
        """Facts about districts and posts."""

    @property
    def layout(self) -> Layout:
        """The world before the random draws of day 0."""

    def rules_of(self, seed: int) -> Rules:
        """Return the parameters of all rules in the campaign with this seed."""

    def seed_of(self, seed: int) -> int | Address:
        """Return the seed of a campaign's random draws or, if these use several seeds, an `Address` that lists them."""

    @property
    def doubt(self) -> str:
        """Description of what has changed since the posterior was fitted; empty if nothing has changed."""

    @property
    def timeline(self) -> Timeline:
        """Dated events of the campaign."""

    @property
    def start_date(self) -> datetime.date:
        """Date of day 0."""

    @property
    def days(self) -> int:
        """Number of days after day 0."""


class BorderCrisis(mesa.Model):
    """Model of the border crisis with the random draws of one seed; a new model is at the end of day 0.

    `BorderCrisis(compose_settings(["border=closed"]), rng=7).run()` runs a whole campaign, the same one that the
    command line runs for seed 7, with the posterior draw that belongs to this seed. `world` and `record` hold the
    arrays, `day` and `date` the latest day that was run. `agents_by_type` has District, Unit, Force, Post and Refugee;
    there are no Refugee agents until families leave home. `running` becomes false on the last day.
    """

    def __init__(self, config: Config, rng: int) -> None:
        """Create the model at the end of day 0.

        Args:
            config: Settings of the campaign, such as `compose_settings` returns.
            rng: Seed of the campaign, a whole number from 0.

        Raises:
            PanjError: If `rng` is not a seed, for instance if it is a generator.
        """
        if type(rng) is not int or not 0 <= rng <= LAST_SEED:
            raise PanjError(f"rng: found {rng!r}, expected a seed, a whole number from 0 to {LAST_SEED}")
        if config.doubt:
            warnings.warn(f"the posterior that the numbers are drawn from was fitted {config.doubt}", stacklevel=2)
        super().__init__(rng=rng)
        self.config = config
        self.seed = rng
        self.rules = config.rules_of(rng)
        self.seeds = seeds_of(config.seed_of(rng), config.days, config.layout.world.provinces.capital.size)
        self.day = 0
        self.world = fresh(config.layout.world)
        self.record = blank_record(self.world, config.days)
        self.run_day()
        for kind, rows in (
            (District, self.world.districts), (Unit, self.world.units),
            (Force, self.world.forces), (Post, self.world.posts),
        ):  # fmt: skip
            for row in range(rows.identity.size):
                kind(self, row)
        Refugee(self, 0).remove()  # Mesa lists a type of agent only after one was created
        self.refugee_rows = 0
        self.show_refugees()

    @property
    def date(self) -> datetime.date:
        """Date of the latest day."""
        return self.config.start_date + datetime.timedelta(days=self.day)

    def step(self) -> None:
        """Run the next day.

        Raises:
            PanjError: If the last day has been run already.
            CampaignError: If the space for refugees or for the log is full.
        """
        if self.day >= self.config.days:
            raise PanjError(f"step: found day {self.day}, which is the last ({self.date}); expected a later end_date")
        self.day += 1
        self.run_day()
        self.show_refugees()

    def run(self) -> Campaign:
        """Run the remaining days and return the finished campaign."""
        while self.running:
            self.step()
        return Campaign(self.seed, self.world, self.record)

    def run_day(self) -> None:
        """Run the current day with the compiled rules and record it."""
        if self.day > 0:
            regroup(self.world)  # traits of units may have been written since the day before
        step(self.world, self.rules, self.config.timeline, self.seeds, self.record, self.day)
        raise_if_spent(self.world, self.day, self.seed)
        self.running = self.day < self.config.days

    def show_refugees(self) -> None:
        """Create an agent for each row of refugees that has been filled since the last call."""
        filled = int(self.world.tally[Count.REFUGEE_ROWS])
        for row in range(self.refugee_rows, filled):
            Refugee(self, row)
        self.refugee_rows = filled


ENUMERATIONS: dict[str, dict[str, type[IntEnum]]] = {
    "districts": {"holder": Holder, "falling": Fall, "why": Why, "lost_how": Fall},
    "units": {"kind": UnitKind, "role": Role, "state": UnitState},
    "forces": {"kind": ForceKind, "mode": Mode},
    "posts": {},
    "refugees": {"state": RefugeeState},
}
KINDS: dict[Any, tuple[type | tuple[type, ...], str]] = {
    Whole: (Integral, "a whole number"),
    Real: (RealNumber, "a number"),
    Truth: ((bool, np.bool_), "True or False"),
}
TAKEN = ("model", "unique_id", "pos", "row")  # attributes of every agent in addition to those of mesa.Agent


class Trait:
    """One trait of an agent, which is read from and written to the array of its group."""

    def __init__(self, group: str, name: str) -> None:
        """Store the group and name of a trait, and look up the type that `sim.engine.world` declares for it."""
        self.group = group
        self.name = name
        self.enumeration = ENUMERATIONS[group].get(name)
        self.kind, self.expected = KINDS[World.__annotations__[group].__annotations__[name]]

    def array(self, agent: "Window") -> np.ndarray:
        """Return the array of the trait, with the values of all rows of the group."""
        return getattr(getattr(agent.model.world, self.group), self.name)

    def __get__(self, agent: "Window | None", owner: type | None = None) -> Any:
        """Return the value as a plain number or an enumeration; accessed on the class, return the trait itself."""
        if agent is None:
            return self
        value = self.array(agent).item(agent.row)
        return value if self.enumeration is None else self.enumeration(value)

    def __set__(self, agent: "Window", value: Any) -> None:
        """Write a value.

        Raise PanjError for a value of the wrong type, because NumPy would silently truncate 0.5 to 0, and for one that
        is not in the enumeration.
        """
        if not isinstance(value, self.kind):
            raise self.wrong(agent, value, self.expected)
        if self.enumeration is not None and value not in tuple(self.enumeration):
            raise self.wrong(agent, value, f"one of {', '.join(map(str, self.enumeration.__members__))}")
        self.array(agent)[agent.row] = value

    def wrong(self, agent: "Window", value: Any, expected: str) -> PanjError:
        """Return an error that names the type of the agent and the trait."""
        return PanjError(f"{type(agent).__name__}.{self.name}: found {value!r}, expected {expected}")


class Window(mesa.Agent):
    """Agent that views one row of a group and has the group's traits: `class District(Window, group="districts")`."""

    def __init_subclass__(cls, group: str = "", **rest: Any) -> None:
        """Make every trait of the group an attribute; raise TypeError if agents have an attribute of that name."""
        super().__init_subclass__(**rest)
        for name in World.__annotations__[group]._fields if group else ():
            if name in TAKEN or hasattr(cls, name):
                raise TypeError(f"{group}.{name}: the trait needs another name, agents have '{name}' already")
            setattr(cls, name, Trait(group, name))

    def __init__(self, model: mesa.Model, row: int) -> None:
        """Create the agent of one row of its group.

        Rows of a group are numbered from 0, whereas Mesa's `unique_id` numbers all agents of a model from 1.
        """
        super().__init__(model)
        self.row = row


class District(Window, group="districts"):
    """One of the 399 districts."""

    @property
    def name(self) -> str:
        """Name of the district, as in the data."""
        return self.model.config.facts.district[self.row]

    @property
    def province_name(self) -> str:
        """Name of the province of the district; `province` is the row number of that province."""
        return self.model.config.facts.province[self.row]


class Unit(Window, group="units"):
    """A government unit."""


class Force(Window, group="forces"):
    """A Taliban force."""


class Post(Window, group="posts"):
    """A crossing point on the Panj."""

    @property
    def name(self) -> str:
        """Short name of the post, as in settings and results."""
        return self.model.config.facts.post[self.row]


class Refugee(Window, group="refugees"):
    """A family, or `people_per_row` people who travel together, from the day on which they leave home."""
