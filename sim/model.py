"""BorderCrisis: a campaign as a Mesa model, one step a day.

Mesa is only the face. The world is the same arrays, lived by the same compiled day with the same luck, so a model
stepped to the end is the campaign of `sim.campaign` to the last digit. Luck comes from the seed alone: Mesa's own
`model.random` and `model.rng` are there for users' additions, and no rule draws from them.
"""

import datetime
import warnings
from typing import Protocol

import mesa
import numpy as np

from sim.agents import District, Force, Post, Refugee, Unit
from sim.campaign import Campaign, blank_record, raise_if_spent, step
from sim.chance import LAST_SEED
from sim.day import Rules
from sim.errors import PanjError
from sim.facts import Facts
from sim.founding import Layout, fresh
from sim.timeline import Timeline
from sim.world import Count


class Config(Protocol):
    """What a model needs of `sim.study.settings.Settings`, without Hydra."""

    @property
    def facts(self) -> Facts:
        """Districts and posts by name."""

    @property
    def layout(self) -> Layout:
        """The world before its draws."""

    def rules_of(self, seed: int) -> Rules:
        """The numbers of every rule in the campaign of a seed."""

    @property
    def doubt(self) -> str:
        """What has changed since those numbers were fitted, in words; nothing where nothing has."""

    @property
    def timeline(self) -> Timeline:
        """Dated events."""

    @property
    def start_date(self) -> datetime.date:
        """Day 0."""

    @property
    def days(self) -> int:
        """Days lived after day 0."""


class BorderCrisis(mesa.Model):
    """The border crisis with the luck of one seed; new, it stands on the evening of day 0.

    `BorderCrisis(compose_settings(["border=closed"]), rng=7).run()` is a whole campaign: the one that the command line
    gives for seed 7, with the draw of the posterior that this seed chooses. `world` and `record` are the arrays, `day`
    and `date` the latest evening. `agents_by_type` has District, Unit, Force, Post and Refugee, the last one empty
    until families leave home. `running` turns false on the last day.
    """

    def __init__(self, config: Config, rng: int) -> None:
        """`rng` is the seed; PanjError for anything else, such as a generator of Mesa's."""
        if type(rng) is not int or not 0 <= rng <= LAST_SEED:
            raise PanjError(f"rng: found {rng!r}, expected a seed, a whole number from 0 to {LAST_SEED}")
        if config.doubt:
            warnings.warn(f"the posterior that the numbers are drawn from was fitted {config.doubt}", stacklevel=2)
        super().__init__(rng=rng)
        self.config = config
        self.seed = rng
        self.rules = config.rules_of(rng)
        self.day = 0
        self.world = fresh(config.layout.world)
        self.record = blank_record(self.world, config.days)
        self.live()
        for kind, rows in (
            (District, self.world.districts), (Unit, self.world.units),
            (Force, self.world.forces), (Post, self.world.posts),
        ):  # fmt: skip
            for row in range(rows.identity.size):
                kind(self, row)
        Refugee(self, 0).remove()  # Mesa lists a kind of agent once it has seen one
        self.refugee_rows = 0
        self.show_refugees()

    @property
    def date(self) -> datetime.date:
        """Of the evening on which the model stands."""
        return self.config.start_date + datetime.timedelta(days=self.day)

    def step(self) -> None:
        """Live the next day; PanjError after the last one, CampaignError when the campaign cannot go on."""
        if self.day >= self.config.days:
            raise PanjError(f"step: found day {self.day}, which is the last ({self.date}); expected a later end_date")
        self.day += 1
        self.live()
        self.show_refugees()

    def run(self) -> Campaign:
        """Step on to the last day."""
        while self.running:
            self.step()
        return Campaign(self.seed, self.world, self.record)

    def live(self) -> None:
        """One compiled day and its evening."""
        step(self.world, self.rules, self.config.timeline, np.uint64(self.seed), self.record, self.day)
        raise_if_spent(self.world, self.day, self.seed)
        self.running = self.day < self.config.days

    def show_refugees(self) -> None:
        """Rows filled since the last evening become agents."""
        filled = int(self.world.tally[Count.REFUGEE_ROWS])
        for row in range(self.refugee_rows, filled):
            Refugee(self, row)
        self.refugee_rows = filled
