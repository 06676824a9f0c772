"""Run campaigns to the end of the record, and count the quantities that hindcasts forecast."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sim.configuration.settings import Order
from sim.data.facts import facts_here
from sim.data.own import remembered
from sim.engine.campaign import Record, run_campaign
from sim.engine.layout import fresh
from sim.engine.world import Holder
from sim.errors import CampaignError, PanjError
from sim.execution.executors import Workers
from sim.execution.work import check_versions, layout_of
from sim.hindcast.design import SOLDIERS, TARGETS
from sim.hindcast.naive import Ensemble
from sim.hindcast.record import districts_of
from sim.outcome import nights_of
from sim.scoring.forecasts import Floats, Integers
from sim.scoring.targets import district_targets
from sim.study.columns import NOT_FALLEN

BATCH = 25  # campaigns per task of a worker


class Counted(NamedTuple):
    """Counts in several campaigns: targets by day, and the day on which each district of the map was lost."""

    counts: Floats  # (campaigns, targets, days) cumulative count at the end of the day: districts or soldiers
    # (campaigns, districts of the map) first day, counted from day 0, at the end of which the Taliban hold it
    lost_on: Integers

    def from_origin(self, origin: int, horizons: tuple[int, ...]) -> Ensemble:
        """Return the counts after an origin as a forecast from it, with one member per campaign.

        Args:
            origin: Day from which to forecast, counted from day 0.
            horizons: Lead times, in days.

        Returns:
            At each horizon, the counts in each campaign, and the share of the campaigns in which each district of the
            map has been lost.
        """
        days = [origin + horizon for horizon in horizons]
        probabilities = np.array([(self.lost_on <= day).mean(axis=0) for day in days])
        return Ensemble(self.counts[:, :, days], probabilities)


def run_counted(order: Order, seeds: Sequence[int], workers: Workers) -> Counted:
    """Run campaigns to their last day and count the targets in them.

    Args:
        order: Settings of the campaigns, with the sources of their uncertain numbers and random draws.
        seeds: Seed of each campaign.
        workers: Pool of workers that runs the campaigns in batches.

    Returns:
        The counts of the campaigns that did not fail, in the order of the seeds.

    Raises:
        PanjError: Every campaign failed.
    """
    batches = [seeds[first : first + BATCH] for first in range(0, len(seeds), BATCH)]
    futures = [workers.submit(run_batch, order, batch) for batch in batches]
    found = [counted for future in futures for counted in future.result()]
    if not found:
        raise PanjError("hindcast: found only failed campaigns, expected at least one that reaches its last day")
    return Counted(np.array([counts for counts, _ in found]), np.array([lost_on for _, lost_on in found]))


def run_batch(order: Order, seeds: Sequence[int]) -> list[tuple[Floats, Integers]]:
    """Run campaigns one after another, and return the counts of those that did not fail."""
    check_versions(order.fingerprints, order.config_dir)
    layout = layout_of(order.rules, order.attention, order.posts)
    world, found = fresh(layout.world), []
    for seed in seeds:
        rules = order.rules if order.draws is None else order.draws.rules_of(seed)
        luck = seed if order.draws is None else order.draws.luck(seed)
        try:
            campaign = run_campaign(layout.world, rules, order.timeline, luck, order.days, world)
        except CampaignError:
            continue
        found.append(count(campaign.record))
    return found


def count(record: Record) -> tuple[Floats, Integers]:
    """Return the counts of targets (targets x days), and the first day on which the Taliban hold each map district."""
    facts = facts_here()
    held = record.holder == Holder.TALIBAN
    taken = np.logical_or.accumulate(held, axis=0) & ~held[0]
    crossed = np.cumsum(nights_of(record.crossed).sum(axis=1))
    counts = [
        crossed if name == SOLDIERS else taken[:, districts_of(target, facts)].sum(axis=1)
        for name, target in TARGETS.items()
    ]
    here = held[:, rows_of_map()]
    return np.array(counts, np.float64), np.where(here.any(axis=0), here.argmax(axis=0), NOT_FALLEN).astype(np.int64)


@remembered(maxsize=1)
def rows_of_map() -> Integers:
    """Return the row numbers of the districts covered by forecasts of the map."""
    return district_targets(facts_here()).district
