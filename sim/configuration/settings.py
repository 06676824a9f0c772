"""Define `Settings`, the resolved and checked settings of a cell, and related types."""

import json
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from sim.configuration.draws import Draws
from sim.configuration.worlds import Worlds
from sim.data.facts import Facts
from sim.engine.chance import Address
from sim.engine.compile import fingerprint_of_rules
from sim.engine.day import Rules
from sim.engine.layout import Layout, lay_out
from sim.engine.timeline import Timeline
from sim.provenance import NOT_CALIBRATED


class Event(NamedTuple):
    """One dated event, after all changes by policies, scenario and overrides; day 0 is the start date."""

    name: str
    day: int
    date: str
    act: str
    condition: str | None
    district: str | None
    value: float
    source: str
    text: str


class Executor(NamedTuple):
    """Kind and number of the workers that run campaigns."""

    kind: str  # `threads`, `processes` or `dask`
    workers: int  # number of workers; 0 means one per core
    address: str | None  # address of a Dask scheduler; None starts one on this machine


class Sampling(NamedTuple):
    """Method by which swept settings form cells, and its parameters."""

    method: str  # `grid` or `latin_hypercube`
    points: int  # number of points of a Latin hypercube
    keys: tuple[str, ...]  # numbers that a Latin hypercube varies over their declared ranges
    seed: int  # seed from which its points are drawn


class Precision(NamedTuple):
    """Precision at which a cell has enough campaigns; without an `outcome`, every cell has `runs` campaigns."""

    outcome: str | None
    half_width: float  # half-width of the 95 % interval of the outcome's mean, in the unit of the outcome
    runs_max: int  # largest number of campaigns per cell


@dataclass(frozen=True)
class Settings:
    """The settings of one cell, resolved and checked."""

    study: str
    runs: int
    seed: int
    start_date: date
    end_date: date
    results_dir: Path
    daily: bool  # whether to keep the daily series of every campaign
    debug: bool
    choices: dict[str, str]
    title: str
    about: str
    numbers: dict[str, float]
    rules: Rules
    # source of numbers that differ between campaigns; if set, `numbers` contains the values before any draw
    draws: Draws | None
    events: tuple[Event, ...]
    timeline: Timeline
    attention: dict[str, float]
    posts: dict[str, dict[str, float]]
    facts: Facts
    overrides: tuple[str, ...]  # overrides as typed, which about.json records
    outcomes_fingerprint: str
    executor: Executor
    sampling: Sampling
    precision: Precision

    @property
    def days(self) -> int:
        """Number of days after day 0."""
        return (self.end_date - self.start_date).days

    @property
    def calibration(self) -> str:
        """Source of the numbers, as text for summaries, figures and pages."""
        return f"numbers as declared, {NOT_CALIBRATED}" if self.draws is None else self.draws.description

    @property
    def doubt(self) -> str:
        """Description of the changes since the posterior was fitted; empty if there are none."""
        return "" if self.draws is None or self.draws.posterior is None else self.draws.posterior.doubt

    @property
    def worlds(self) -> Worlds | None:
        """Worlds that followed the record, from which campaigns start; None for free campaigns."""
        return None if self.draws is None else self.draws.worlds

    @property
    def sampler_runs(self) -> int:
        """Runs of the sampler from which the worlds of campaigns are, one of each run in turn; 1 if unrelated."""
        return 1 if self.worlds is None else self.worlds.sampler_runs

    def question(self, decided: date | None) -> str:
        """Explain how to interpret a changed decision in campaigns that followed the record.

        Args:
            decided: Day at the end of which the decision changes; None if it differs from the first day.

        Returns:
            The sentences of `Worlds.question`; empty for free campaigns.
        """
        return "" if self.worlds is None else self.worlds.question(decided)

    def rules_of(self, seed: int) -> Rules:
        """Return the numbers of every rule in the campaign with this seed."""
        return self.rules if self.draws is None else self.draws.rules_of(seed)

    def seed_of(self, seed: int) -> int | Address:
        """Return the seed or address that determines the random draws of a campaign."""
        return seed if self.draws is None else self.draws.luck(seed)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for pickling, without the layout, which has space for a million refugee rows."""
        return {name: value for name, value in self.__dict__.items() if name != "layout"}

    @cached_property
    def layout(self) -> Layout:
        """Layout of the world before the random draws of day 0, built on first use."""
        return lay_out(self.facts, self.rules, self.attention, self.posts)

    def as_dict(self) -> dict[str, Any]:
        """Return all settings that affect results, except seeds, as plain values."""
        drawn = {} if self.draws is None else {"draws": self.draws.as_dict()}
        kept = {} if self.daily else {"daily": False}
        return {
            **drawn,
            **kept,
            "choices": dict(self.choices),
            "start_date": self.start_date.isoformat(),
            "end_date": self.end_date.isoformat(),
            "rules": dict(self.numbers),
            "events": [event._asdict() for event in self.events],
            "attention": self.attention,
            "posts": self.posts,
            "data_fingerprint": self.facts.fingerprint,
            "rules_fingerprint": fingerprint_of_rules(),
        }

    def fingerprint(self) -> str:
        """Return a hash of the resolved settings, as 16 hexadecimal digits.

        The names of choices and events, their texts and their sources do not affect it.
        """
        resolved = {key: value for key, value in self.as_dict().items() if key not in ("choices", "events")}
        resolved["timeline"] = [column.tolist() for column in self.timeline]
        return sha256(json.dumps(resolved, sort_keys=True).encode()).hexdigest()[:16]


Attention = tuple[tuple[str, float], ...]
PostChanges = tuple[tuple[str, tuple[tuple[str, float], ...]], ...]


class Order(NamedTuple):
    """Settings of one cell, in the form that is sent to workers."""

    key: str  # fingerprint of the settings
    rules: Rules
    draws: Draws | None  # source of numbers that differ between campaigns; None if there are none
    timeline: Timeline
    attention: Attention
    posts: PostChanges
    start: date
    days: int
    daily: bool  # whether to keep the daily series
    fingerprints: tuple[str, str, str]  # fingerprints of data, rules and outcomes
    config_dir: str = ""  # folder of own files that workers must read; empty if there is none


class Piece(NamedTuple):
    """Part of a task for a worker: the order of one cell, with the seeds of the campaigns to run."""

    order: Order
    seeds: tuple[int, ...]
