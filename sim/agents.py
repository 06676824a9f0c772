"""District, Unit, Force, Post and Refugee: Mesa agents that are windows on single rows of the world.

A window has no state of its own: reading a trait reads its array, writing a trait writes its array, and the rules of
the next day see what was written. Every trait of a group in `sim.world` is there under its own name, as a plain number
or as its enumeration. Only the kind of a value is checked on writing: who moves men by hand accounts for them.
"""

from enum import IntEnum
from numbers import Integral
from numbers import Real as RealNumber
from typing import Any

import mesa
import numpy as np

from sim.errors import PanjError
from sim.world import (
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
TAKEN = ("model", "unique_id", "pos", "row")  # what every agent has of its own, beside what mesa.Agent defines


class Trait:
    """One trait of one row, read from and written to the array in which it lies."""

    def __init__(self, group: str, name: str) -> None:
        """`group` and `name` are those of `sim.world`."""
        self.group = group
        self.name = name
        self.enumeration = ENUMERATIONS[group].get(name)
        self.kind, self.expected = KINDS[World.__annotations__[group].__annotations__[name]]

    def array(self, agent: "Window") -> np.ndarray:
        """The trait of all rows of the group."""
        return getattr(getattr(agent.model.world, self.group), self.name)

    def __get__(self, agent: "Window | None", owner: type | None = None) -> Any:
        """A plain number or an enumeration; of the class itself, this trait."""
        if agent is None:
            return self
        value = self.array(agent).item(agent.row)
        return value if self.enumeration is None else self.enumeration(value)

    def __set__(self, agent: "Window", value: Any) -> None:
        """PanjError for a value of the wrong kind; NumPy alone would cut 0.5 to 0 without a word."""
        if not isinstance(value, self.kind):
            raise self.wrong(agent, value, self.expected)
        if self.enumeration is not None and value not in tuple(self.enumeration):
            raise self.wrong(agent, value, f"one of {', '.join(map(str, self.enumeration.__members__))}")
        self.array(agent)[agent.row] = value

    def wrong(self, agent: "Window", value: Any, expected: str) -> PanjError:
        """An error that names the agent's kind and the trait."""
        return PanjError(f"{type(agent).__name__}.{self.name}: found {value!r}, expected {expected}")


class Window(mesa.Agent):
    """An agent that shows one row of a group; `class District(Window, group="districts")` gives it the traits."""

    def __init_subclass__(cls, group: str = "", **rest: Any) -> None:
        """Every trait of the group becomes an attribute; TypeError when an agent has one of that name already."""
        super().__init_subclass__(**rest)
        for name in World.__annotations__[group]._fields if group else ():
            if name in TAKEN or hasattr(cls, name):
                raise TypeError(f"{group}.{name}: the trait needs another name, agents have '{name}' already")
            setattr(cls, name, Trait(group, name))

    def __init__(self, model: mesa.Model, row: int) -> None:
        """`row` is the row of the group, from 0; Mesa's `unique_id` counts all agents of a model from 1."""
        super().__init__(model)
        self.row = row


class District(Window, group="districts"):
    """One of the 399 districts."""

    @property
    def name(self) -> str:
        """As in the data."""
        return self.model.config.facts.district[self.row]

    @property
    def province_name(self) -> str:
        """Name of its province; `province` is the row number."""
        return self.model.config.facts.province[self.row]


class Unit(Window, group="units"):
    """A government unit."""


class Force(Window, group="forces"):
    """A Taliban force."""


class Post(Window, group="posts"):
    """A crossing point on the Panj."""

    @property
    def name(self) -> str:
        """The short name that settings and results use."""
        return self.model.config.facts.post[self.row]


class Refugee(Window, group="refugees"):
    """A family, or `people_per_row` people who travel together; there from the day on which they leave home."""
