"""A campaign as a Mesa model with one step per day.

Mesa is only the interface. The world consists of the same arrays, and the same compiled code runs each day with the
same draws, so that a model run to the end equals the campaign of `sim.engine.campaign` to the last digit. All draws
come from the seed; Mesa's `model.random` and `model.rng` are for users' additions and are not used by any rule.

The agents District, Unit, Force, Post and Refugee are views of single rows of the world without any state of their own:
reading a trait reads its array, writing a trait writes its array, and the rules use the new value on the next day.
Every trait of a group in `sim.engine.world` is an attribute with the same name, a plain number or an enumeration. When
a value is written, only its type and its membership in an enumeration are checked; code that moves men must keep their
total consistent.

Written for Mesa 3.3 to 3.5 and prepared for 4.0: nothing here depends on `steps`, which 4.0 removes, or on `seed` as a
parameter of `mesa.Model`.
"""

import datetime
import warnings
from collections.abc import Iterable, Mapping
from copy import deepcopy
from enum import IntEnum
from numbers import Integral
from numbers import Real as RealNumber
from typing import TYPE_CHECKING, Any, Protocol

import mesa
import numpy as np
from mesa.datacollection import DataCollector

from sim.data.facts import Facts
from sim.engine.campaign import Campaign, Series, blank_record, raise_if_spent, regroup, step
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
from sim.errors import PanjError, described
from sim.outcome import Value, count_outcomes, nights_of, read_outcomes
from sim.study.columns import MEANS

if TYPE_CHECKING:
    import pandas as pd

LAST_DRAWN_SEED = 2**31 - 1  # largest seed that is drawn if none is given, short enough to be copied by hand


class Config(Protocol):
    """The part of `sim.configuration.settings.Settings` used by a model.

    A model depends only on this part and therefore not on Hydra.
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
        """Return the seed of a campaign's random draws, or an `Address` if there are several seeds."""

    @property
    def doubt(self) -> str:
        """Description of the changes since the posterior was fitted; empty if there are none."""

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
    """Model of the border crisis with the random draws of one seed, which begins at the end of day 0.

    `BorderCrisis(border="closed", rng=7).run_model()` runs a whole campaign, the same one as the command line runs for
    seed 7 with this setting, including the posterior draw selected by the seed. `world` and `record` contain the
    arrays, `day` and `date` are those of the latest day, and `seed` is the seed. `agents_by_type` has District, Unit,
    Force, Post and Refugee; there are no Refugee agents until families leave home. `datacollector` reads the daily
    record. `running` becomes false on the last day.
    """

    def __init__(self, config: Config | None = None, rng: int | None = None, **kwargs: Any) -> None:
        """Create the model at the end of day 0.

        Args:
            config: Settings of the campaign, as returned by `compose_settings`; by default, they are composed from the
                other arguments.
            rng: Seed of the campaign, a whole number from 0. A seed is drawn if it is None.
            **kwargs: Settings by name, as on the command line: `scenario`, policies such as `border="closed"`,
                `start_date` and `end_date`, `calibration`, and with `**{...}` the numbers of rules, such as
                `"rules.news.fade_days"`. A setting that is None keeps its default. `seed` means the same as `rng`.
                `scenario` may also be a Scenario of Mesa, whose parameters are then settings; parameters given here
                take precedence. Unless `rng` or `seed` is given, the seed is derived from its `rng`.

        Raises:
            PanjError: If a setting is invalid, or if `rng` is not a seed, for instance if it is a generator.
        """
        scenario = None if isinstance(kwargs.get("scenario"), str | None) else kwargs.pop("scenario")
        if scenario is not None:
            kwargs = parameters_of(scenario) | kwargs
        rng = one_seed(rng, kwargs.pop("seed", None))
        if rng is None:
            rng = draw_seed() if scenario is None else seed_of_scenario(scenario)
        check_seed(rng)
        if config is None:
            config = compose(kwargs)
        elif kwargs:
            raise PanjError(f"{next(iter(kwargs))}: found a setting next to config, expected one or the other")
        if not hasattr(config, "doubt"):
            raise PanjError(f"config: found {described(config)}, expected the settings that compose_settings returns")
        if config.doubt:
            warnings.warn(f"the posterior that the numbers are drawn from was fitted {config.doubt}", stacklevel=2)
        super().__init__(**({"rng": rng} if scenario is None else {"scenario": scenario}))
        self.config = config
        self.seed = int(rng)
        self.rules = config.rules_of(self.seed)
        provinces = config.layout.world.provinces.capital.size
        self.seeds = seeds_of(config.seed_of(self.seed), config.days, provinces)
        self.day = 0
        self.world = fresh(config.layout.world)
        self.record = blank_record(self.world, config.days)
        self.refugee_rows: int | None = None
        self.run_day()
        for kind, rows in (
            (District, self.world.districts), (Unit, self.world.units),
            (Force, self.world.forces), (Post, self.world.posts),
        ):  # fmt: skip
            for row in range(rows.identity.size):
                kind(self, row)
        Refugee(self, 0).remove()  # Mesa lists a type of agent only after an agent of that type has been created
        self.refugee_rows = 0
        self._datacollector: DataCollector = CampaignCollector(self)

    if "time" not in vars(mesa.Model):  # Mesa before 3.5 has no time

        @property
        def time(self) -> float:
            """Number of the latest day, the time in Mesa 3.5 and later."""
            return float(self.day)

    @property
    def date(self) -> datetime.date:
        """Date of the latest day."""
        return self.config.start_date + datetime.timedelta(days=self.day)

    @property
    def datacollector(self) -> DataCollector:
        """Collector of daily data: a `CampaignCollector`, or your own collector if you have assigned one."""
        if isinstance(self._datacollector, CampaignCollector):
            self._datacollector.refresh()
        return self._datacollector

    @datacollector.setter
    def datacollector(self, collector: DataCollector) -> None:
        """Replace the collector with your own, as in any Mesa model."""
        self._datacollector = collector

    @property
    def agents(self) -> Any:
        """All agents, with one Refugee for each filled row of refugees."""
        self.show_refugees()
        return self._all_agents

    @property
    def agents_by_type(self) -> Any:
        """Mapping from the types of agents to their agents, with one Refugee for each filled row of refugees."""
        self.show_refugees()
        return self._agents_by_type

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

    def run(self) -> Campaign:
        """Run the remaining days and return the finished campaign."""
        self.run_model()
        return Campaign(self.seed, self.world, self.record)

    def outcomes(self) -> dict[str, Value]:
        """Count the outcomes of the finished campaign, as in the table of runs of a study.

        Returns:
            Values by name of the outcome; None for a missing outcome, for instance if its days are not in the campaign.

        Raises:
            PanjError: If the last day has not been run.
        """
        if self.running:
            raise PanjError(f"outcomes: found day {self.day} of {self.config.days}, expected a model that has finished")
        facts, start = self.config.facts, self.config.start_date
        table = read_outcomes(facts, start, self.config.days)
        return count_outcomes(Campaign(self.seed, self.world, self.record), table, facts, start)

    def run_day(self) -> None:
        """Run the current day with the compiled rules and record it."""
        if self.day > 0:
            regroup(self.world)  # traits of units may have been changed since the day before
        step(self.world, self.rules, self.config.timeline, self.seeds, self.record, self.day)
        raise_if_spent(self.world, self.day, self.seed)
        self.running = self.day < self.config.days

    def show_refugees(self) -> None:
        """Create agents for rows of refugees that have been filled since agents were last requested."""
        if self.refugee_rows is None:  # the model is still being created
            return
        filled = int(self.world.tally[Count.REFUGEE_ROWS])
        for row in range(self.refugee_rows, filled):
            Refugee(self, row)
        self.refugee_rows = filled


def compose(settings: Mapping[str, Any]) -> Config:
    """Compose the settings of one campaign from keyword arguments.

    Args:
        settings: Values by full key; None keeps the default.

    Raises:
        PanjError: If a value is not a single value, if a key is valid only for studies, or if the settings are invalid.
    """
    from sim.configuration.compose import compose_settings
    from sim.configuration.overrides import HOW_GROUPS, HOW_KEYS, MAIN_KEYS
    from sim.configuration.values import overrides_of

    of_studies = {*MAIN_KEYS, *HOW_GROUPS, *HOW_KEYS} - {"start_date", "end_date"}
    given = overrides_of(None, {key: value for key, value in settings.items() if value is not None}, sweeps=False)
    for row in given:
        if row.key in of_studies:
            raise PanjError(f"{row.key}: found a setting of studies, expected settings of one campaign; see sim.model")
    return compose_settings(given)


def one_seed(rng: Any, seed: Any) -> Any:
    """Return the seed given as `rng` or `seed`, or None; raise PanjError if both were given."""
    if rng is not None and seed is not None:
        raise PanjError(f"seed: found {described(seed)} next to rng={described(rng)}, expected only one of them")
    return seed if rng is None else rng


def check_seed(rng: Any) -> None:
    """Raise PanjError if a value is not a seed of a campaign."""
    if not isinstance(rng, int | np.integer) or isinstance(rng, bool) or not 0 <= rng <= LAST_SEED:
        raise PanjError(f"rng: found {described(rng)}, expected a seed, a whole number from 0 to {LAST_SEED}")


def draw_seed(source: Any = None) -> int:
    """Draw the seed of a campaign.

    Args:
        source: A generator, or the seed of one; by default the system's source of randomness.
    """
    return int(np.random.default_rng(source).integers(LAST_DRAWN_SEED, endpoint=True))


def parameters_of(scenario: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return the parameters of a Scenario of Mesa, without `rng`, which Mesa 3.5 includes."""
    if not isinstance(scenario, Iterable) or not hasattr(scenario, "rng"):
        raise PanjError(
            f"scenario: found {described(scenario)}, expected the name of a scenario, or a Scenario of Mesa"
        )
    return {key: value for key, value in scenario if key not in ("rng", "model")}


def seed_of_scenario(scenario: Any) -> Any:
    """Return the seed of a Scenario of Mesa.

    A whole number, which Mesa 3.5 stores, is the seed itself. Mesa 4.0 stores only a generator; the seed is drawn from
    a copy of it, so that equal scenarios give equal campaigns and replications of a scenario differ.
    """
    return draw_seed(deepcopy(scenario.rng)) if not isinstance(scenario.rng, Integral) else scenario.rng


class CampaignCollector(DataCollector):
    """Data collector that reads the daily record of a campaign, and therefore has no cost while the model runs.

    Its frames begin with day 0 and end with the latest day. Nights are dated by the morning on which they end, as in
    the tables of a study. To replace it, assign your own collector to `model.datacollector`; it collects when you call
    its `collect`.
    """

    def __init__(self, model: BorderCrisis) -> None:
        """Create the collector of one model."""
        names = ["seed", "date", *(kind.name.lower() for kind in Series)]
        super().__init__(model_reporters={name: name for name in names})
        self.model = model

    def collect(self, model: mesa.Model) -> None:
        """Do nothing, because the record of the campaign already contains every day."""

    def refresh(self) -> None:
        """Provide the lists for Mesa's `batch_run`.

        They begin with day 0 in versions of Mesa that find the entry of a step by its number. Mesa 3.3 finds it by its
        position, and an entry for day 0 would shift every step by one, so in that version they begin with day 1.
        """
        finds_steps = hasattr(self, "_collection_steps")
        first = 0 if finds_steps else 1
        self.model_vars = {name: values.tolist()[first:] for name, values in self.daily().items()}
        if finds_steps:
            self._collection_steps = [*range(self.model.day + 1)]

    def daily(self) -> dict[str, np.ndarray]:
        """Return the daily values of the model by column, from day 0 to the latest day."""
        model, days = self.model, self.model.day + 1
        dates = np.datetime64(model.config.start_date) + np.arange(days)
        columns: dict[str, np.ndarray] = {"seed": np.full(days, model.seed), "date": dates}
        for kind in Series:
            name, values = kind.name.lower(), model.record.series[:days, kind]
            columns[name] = values if name in MEANS else values.astype(np.int64)
        columns[Series.TROOPS_CROSSED.name.lower()] = nights_of(model.record.crossed[:days]).sum(axis=1)
        return columns

    def get_model_vars_dataframe(self) -> "pd.DataFrame":
        """Return one row per day, with its date and the daily series of the campaign as columns."""
        import pandas as pd

        columns = self.daily()
        return pd.DataFrame(columns | {"date": columns["date"].astype("datetime64[ms]")})

    def get_agenttype_vars_dataframe(self, agent_type: type[mesa.Agent]) -> "pd.DataFrame":
        """Return one row per day and agent: the holder of a District, or the counts of a Post.

        Args:
            agent_type: `District`, with the columns name and holder; or `Post`, with the columns name, crossed
                (soldiers in the night that ends on the day), admitted (people on the day) and waiting (people at its
                end). For other types, whose days are not recorded, the frame is empty, with a warning, as in Mesa.
        """
        record = self.model.record
        if agent_type is District:
            return self.frame_of(District, {"holder": record.holder})
        if agent_type is Post:
            nights = nights_of(record.crossed)
            return self.frame_of(Post, {"crossed": nights, "admitted": record.admitted, "waiting": record.waiting})
        return super().get_agenttype_vars_dataframe(agent_type)

    def get_agent_vars_dataframe(self) -> "pd.DataFrame":
        """Return the rows of districts and posts in one frame; columns that an agent type lacks are empty."""
        import pandas as pd

        frames = [self.get_agenttype_vars_dataframe(kind) for kind in (District, Post)]
        # integer type with missing values
        whole = [{name: "Int64" for name in frame.columns if name != "name"} for frame in frames]
        return pd.concat([frame.astype(kinds) for frame, kinds in zip(frames, whole, strict=True)]).sort_index()

    def frame_of(self, kind: type["Window"], columns: Mapping[str, np.ndarray]) -> "pd.DataFrame":
        """Return a frame with the index of Mesa, Step and AgentID, from arrays of days x agents."""
        import pandas as pd

        days, agents = self.model.day + 1, self.model.agents_by_type[kind]
        steps = pd.MultiIndex.from_product([range(days), agents.get("unique_id")], names=["Step", "AgentID"])
        names = {"name": np.tile(agents.get("name"), days)}
        return pd.DataFrame(names | {name: values[:days].ravel() for name, values in columns.items()}, index=steps)


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
    """One trait of an agent, read from and written to the array of its group."""

    def __init__(self, group: str, name: str) -> None:
        """Store the group and name of a trait, and look up its type in `sim.engine.world`."""
        self.group = group
        self.name = name
        self.enumeration = ENUMERATIONS[group].get(name)
        self.kind, self.expected = KINDS[World.__annotations__[group].__annotations__[name]]

    def array(self, agent: "Window") -> np.ndarray:
        """Return the array of the trait, with the values of all rows of the group."""
        return getattr(getattr(agent.model.world, self.group), self.name)

    def __get__(self, agent: "Window | None", owner: type | None = None) -> Any:
        """Return the value as a plain number or an enumeration, or the trait itself if accessed on the class."""
        if agent is None:
            return self
        value = self.array(agent).item(agent.row)
        return value if self.enumeration is None else self.enumeration(value)

    def __set__(self, agent: "Window", value: Any) -> None:
        """Write a value.

        Raise PanjError for a value of the wrong type, because NumPy would silently truncate 0.5 to 0, or for a value
        that is not in the enumeration.
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
    """Agent that views one row of a group and has its traits, as in `class District(Window, group="districts")`."""

    def __init_subclass__(cls, group: str = "", **rest: Any) -> None:
        """Make every trait of the group an attribute; raise TypeError if agents already use one of the names."""
        super().__init_subclass__(**rest)
        for name in World.__annotations__[group]._fields if group else ():
            if name in TAKEN or hasattr(cls, name):
                raise TypeError(f"{group}.{name}: found a name that agents already use, expected another")
            setattr(cls, name, Trait(group, name))

    def __init__(self, model: mesa.Model, row: int) -> None:
        """Create the agent of one row of its group.

        Rows of a group are numbered from 0, whereas Mesa's `unique_id` counts all agents of a model from 1.
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
