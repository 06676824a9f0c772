"""Campaigns with numbers that a fit proposes: how far one comes from the record, and all that came of those kept.

Reads   the settings with which a bank was made, from its record.
Gives   `Proposed`, which a chain calls once a proposal; `live_again`, a row of outcomes a campaign.
Assumed The numbers that are not proposed are drawn from their priors by the seed of the campaign, as in the bank: a
        campaign of the bank is the one that its own numbers and its own seed propose.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import pyarrow as pa

from sim.campaign import run_campaign
from sim.errors import PanjError
from sim.founding import Layout, fresh
from sim.outcomes import Outcome, count_outcomes
from sim.provenance import read_about
from sim.results import chunk_of, is_date
from sim.study.bank import Bank
from sim.study.draws import Draws
from sim.study.screening import Yardstick
from sim.study.sweep import compose_sweep
from sim.study.work import Order, check_versions, layout_of, live_one, outcomes_of
from sim.world import World


class Proposed:
    """Numbers and a seed to a distance from the record; what it needs on the way is made once a process."""

    def __init__(self, order: Order, yardstick: Yardstick) -> None:
        self.order = order
        self.yardstick = yardstick

    def __getstate__(self) -> dict[str, Any]:
        return {"order": self.order, "yardstick": self.yardstick}

    def __call__(self, numbers: Mapping[str, float], seed: int) -> float:
        """The distance; nan where the campaign failed."""
        order, (layout, world, table) = self.order, self.made
        draws = draws_in(order)
        try:
            rules = draws.rules(draws.numbers(seed) | dict(numbers))
            campaign = run_campaign(layout.world, rules, order.timeline, seed, order.days, world)
            found = count_outcomes(campaign, table, layout.facts, order.start)
        except Exception:  # as in a bank: one campaign that fails ends nothing
            return math.nan
        kinds = {row.name: pa.string() if is_date(row) else pa.float64() for row in table}
        outcomes = pa.table({name: pa.array([value], kinds[name]) for name, value in found.items()})
        return float(self.yardstick.distances(outcomes)[0])

    @cached_property
    def made(self) -> tuple[Layout, World, Sequence[Outcome]]:
        """The layout, a world to live in again and again, and the outcomes that are fitted."""
        order = self.order
        check_versions(order.fingerprints)
        layout = layout_of(order.rules, order.attention, order.posts)
        wanted = {target.outcome for target in self.yardstick.targets}
        table = [row for row in outcomes_of(order.start, order.days) if row.name in wanted]
        return layout, fresh(layout.world), table


def draws_in(order: Order) -> Draws:
    """Where the numbers of a campaign come from; of a bank, always from the priors."""
    if order.draws is None:
        raise PanjError("calibrate: found a bank without draws, expected what python -m sim bank makes")
    return order.draws


def order_of(bank: Bank) -> Order:
    """How the campaigns of a bank were lived; PanjError where its settings mean something else by now."""
    about = read_about(bank.folder)
    sweep = compose_sweep(about["words"])
    here, there = sweep.base.fingerprint(), about["settings_fingerprint"]
    if here != there or sweep.cells[0].order.draws is None:
        raise PanjError(
            f"calibrate: found {bank.folder} with settings of version {there}, expected {here}, because priors, "
            "numbers or policies have changed since; make the bank again, or fit it as it is: refine=none"
        )
    return sweep.cells[0].order


def live_again(order: Order, numbers: Sequence[Mapping[str, float]], seeds: Sequence[int]) -> pa.Table:
    """Every outcome of the campaigns of these numbers and seeds, a row each in their order."""
    check_versions(order.fingerprints)
    layout = layout_of(order.rules, order.attention, order.posts)
    table = outcomes_of(order.start, order.days)
    draws, world = draws_in(order), fresh(layout.world)
    rows = [
        live_one(order._replace(rules=draws.rules(one), draws=None), layout, table, seed, world)
        for one, seed in zip(numbers, seeds, strict=True)
    ]
    return chunk_of(rows, table, layout.facts, order.days, False)
