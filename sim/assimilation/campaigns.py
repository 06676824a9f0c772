"""Run campaigns for the sampler: `Campaigns` draws their numbers and seeds, runs them and computes likelihoods.

`address_of` returns the address of a world's random draws, with which the world can be rerun. Stages end on days by
which many figures had been reported.

A move redraws some seeds or changes a few numbers. Seeds of daily draws are redrawn for consecutive days (the last days
of the stage, or any days up to its end) and for one stream, for all streams, or for all streams in one province. Seeds
of draws made once are redrawn for one stream in all provinces, for all streams in one province, or for one stream in
one province. Provinces with more reports are chosen more often. All moves are symmetric with respect to the prior,
under which seeds are independent and numbers are uniform on their scales.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.assimilation.observations import Observation, Window, log_likelihoods, window_of
from sim.configuration.draws import Draws, numbers_at
from sim.configuration.settings import Order
from sim.data.facts import Facts, facts_here
from sim.data.own import remembered
from sim.engine.campaign import Campaign, run_campaign
from sim.engine.chance import Address, Stream
from sim.engine.layout import fresh
from sim.errors import CampaignError, PanjError
from sim.execution.work import check_versions, layout_of
from sim.sampler import STEPS, Floats, Integers, State, stepped

ONCE = (  # streams of draws made once in a campaign
    Stream.INFLUENCE, Stream.HELD_ON_DAY_0, Stream.PROVINCE_RESOLVE, Stream.DISTRICT_RESOLVE, Stream.UNIT_RESOLVE,
    Stream.GARRISON_SIZE, Stream.PRONG_START, Stream.PRONG_GATHER, Stream.ADMIT_SOLDIERS, Stream.THRESHOLD,
)  # fmt: skip
DAILY_STREAMS = tuple(stream for stream in Stream if stream not in (*ONCE, Stream.PARAMETER, Stream.GUEST))
STAGE_ENDS = tuple(
    date(2021, month, day)
    for month, day in (
        (6, 8), (6, 14), (6, 19), (6, 22), (6, 25), (6, 28), (6, 30), (7, 2), (7, 3), (7, 4), (7, 5), (7, 7),
    )
)  # fmt: skip
MOVES = {  # frequency of each kind of proposal
    "last days": 0.05,
    "earlier days": 0.05,
    "one stream on last days": 0.1,
    "one stream on earlier days": 0.1,
    "one province on last days": 0.15,
    "one province on earlier days": 0.2,
    "lasting draws of one stream in one province": 0.05,
    "lasting draws of one province": 0.1,
    "lasting draws of one stream": 0.03,
    "numbers": 0.17,
}
(
    LAST, EARLIER, STREAM_LAST, STREAM_EARLIER, PROVINCE_LAST, PROVINCE_EARLIER, CELL, PROVINCE, STREAM, NUMBERS,
) = range(len(MOVES))  # fmt: skip
WINDOWS = (1, 3, 7, 14)  # possible numbers of days whose seeds one proposal redraws
SEED_BITS = 48  # number of random bits in a new seed
BATCH, FEWEST, PARTS = 25, 4, 8  # most and fewest worlds per task of a worker; tasks of a small group of worlds
NUMBER_SHARE, DAILY, LASTING, LOCAL = range(4)  # positions of the arrays in a state

Run = Callable[[Sequence["Batch"]], list[Floats]]


class Batch(NamedTuple):
    """Worlds to run up to a given day, and the observations whose likelihoods are then computed."""

    order: Order
    observations: tuple[Observation, ...]  # observations that end by that day
    days: int  # number of days to run after day 0
    shares: Floats  # (worlds, numbers) cumulative prior probability of each number
    daily: NDArray[np.uint64]  # (worlds, days, DAILY_STREAMS) seeds of daily draws
    lasting: NDArray[np.uint64]  # (worlds, ONCE, provinces) seeds of draws made once
    local: NDArray[np.uint64]  # (worlds, days, provinces) separate seeds of provinces; 0 if none


def address_of(daily: NDArray[np.uint64], lasting: NDArray[np.uint64], local: NDArray[np.uint64]) -> Address:
    """Return the address of the random draws of one world, with which it can be rerun.

    Args:
        daily: (days, DAILY_STREAMS) Seeds of daily draws.
        lasting: (ONCE, provinces) Seeds of draws made once.
        local: (days, provinces) Separate seeds of provinces; 0 if none.
    """
    usual = np.sort(daily, axis=1)[:, daily.shape[1] // 2]  # the seed that most streams have on a day
    usual[0] = first = daily[0, 0]  # day 0 has no daily draws
    changes = [0, *(np.flatnonzero(usual[1:] != usual[:-1]) + 1).tolist()]
    streams, provinces = np.nonzero(lasting != first)
    other = tuple(
        (int(ONCE[stream]), int(province), int(lasting[stream, province]))
        for stream, province in zip(streams, provinces, strict=True)
    )
    runs = tuple((day, int(usual[day])) for day in changes)
    by_stream = tuple(runs_of(daily, usual, DAILY_STREAMS))
    return Address(runs, other, by_stream, tuple(runs_of(local, usual * 0, range(local.shape[1]))))


def runs_of(
    seeds: NDArray[np.uint64], usual: NDArray[np.uint64], columns: Sequence[int]
) -> Iterator[tuple[int, int, int, int]]:
    """Yield each run of days whose seed differs from the usual one: its column, first day, last day and seed.

    Args:
        seeds: (days, columns) Seeds of daily draws, by stream or by province.
        usual: (days) The usual seed of each day.
        columns: Number of the stream or province of each column.

    Yields:
        Stream or province, first day, last day, seed.
    """
    for place in np.flatnonzero((seeds != usual[:, None])[1:].any(axis=0)):
        column = seeds[:, place]
        ends = np.flatnonzero(np.append(column[1:] != column[:-1], True))
        for first, last in zip((0, *(ends[:-1] + 1)), ends, strict=True):
            days = np.flatnonzero(usual[first : last + 1] != column[last]) + first
            if days.size:
                yield int(columns[int(place)]), int(days[0]), int(days[-1]), int(column[last])


def draws_of(order: Order) -> Draws:
    """Return the source of the uncertain numbers of campaigns. Raise PanjError if the settings draw none."""
    if order.draws is None:
        raise PanjError("calibration: found a choice that draws no uncertain numbers, expected prior or posterior")
    return order.draws


def campaigns_of(batch: Batch) -> Iterator[Campaign | None]:
    """Run the worlds of a batch one after another, and yield each campaign, or None if it failed."""
    order = batch.order
    check_versions(order.fingerprints, order.config_dir)
    layout = layout_of(order.rules, order.attention, order.posts)
    world, draws = fresh(layout.world), draws_of(order)
    for row, shares in enumerate(batch.shares):
        rules = draws.rules(numbers_at(draws.priors, shares))
        address = address_of(batch.daily[row], batch.lasting[row], batch.local[row])
        try:
            yield run_campaign(layout.world, rules, order.timeline, address, batch.days, world)
        except CampaignError:
            yield None


def run_batch(batch: Batch) -> Floats:
    """Run the worlds of a batch and return their log likelihoods.

    Returns:
        (worlds, observations) Log likelihoods; -inf for a world that failed before its last day.
    """
    windows = windows_of(batch.observations, batch.order.start, batch.days)
    found = np.full((batch.shares.shape[0], len(batch.observations)), -math.inf)
    for row, campaign in enumerate(campaigns_of(batch)):
        if campaign is not None:
            found[row] = log_likelihoods(campaign.record, batch.observations, windows)
    return found


@remembered(maxsize=64)
def windows_of(observations: tuple[Observation, ...], start: date, days: int) -> tuple[Window, ...]:
    """Return the rows and days of a campaign's record that each observation counts."""
    return tuple(window_of(one, facts_here(), start, days) for one in observations)


class Campaigns:
    """Campaigns as a model for the sampler; its states are the numbers and seeds of worlds.

    Args:
        order: Settings from which campaigns are run; their numbers are drawn from priors.
        observations: Reports on which the campaigns are conditioned, in order of their last day.
        facts: Facts about the districts and posts, used to count reports by province.
        run: Function that runs batches of worlds and returns their log likelihoods, in the order of the batches.
    """

    moves = tuple(MOVES)
    probabilities = tuple(MOVES.values())

    def __init__(self, order: Order, observations: Sequence[Observation], facts: Facts, run: Run) -> None:
        self.order, self.provinces, self.run = order, len(facts.provinces), run
        self.observations = tuple(observations)
        self.ends = stage_ends(self.observations)
        self.stages = len(self.ends)
        self.last = (self.ends[-1] - order.start).days
        self.attention = attention_of(self.observations, facts)

    def day(self, stage: int) -> int:
        """Return the last day of a stage, counted from day 0; a negative stage gives 0."""
        return (self.ends[stage] - self.order.start).days if stage >= 0 else 0

    def begin(self, rng: np.random.Generator, count: int) -> State:
        """Draw the numbers and seeds of `count` worlds from the prior."""
        first = seeds(rng, count)
        shares = rng.random((count, len(draws_of(self.order).priors)))
        daily = np.tile(first[:, None, None], (1, self.last + 1, len(DAILY_STREAMS)))
        lasting = np.tile(first[:, None, None], (1, len(ONCE), self.provinces))
        return shares, daily, lasting, np.zeros((count, self.last + 1, self.provinces), np.uint64)

    def renew(self, rng: np.random.Generator, state: State, stage: int) -> State:
        """Draw new seeds for the days of a stage and all later days; earlier stages do not depend on these seeds."""
        if stage == 0:
            return state
        daily = state[DAILY].copy()
        daily[:, self.day(stage - 1) + 1 :] = seeds(rng, daily.shape[0])[:, None, None]
        return state[NUMBER_SHARE], daily, state[LASTING], state[LOCAL]

    def propose(self, rng: np.random.Generator, state: State, stage: int, move: Integers, others: State) -> State:
        """Propose a change to each world, and return the changed worlds.

        Args:
            rng: Source of the random numbers.
            state: The worlds.
            stage: Number of the stage; seeds are redrawn only for days up to its end.
            move: Kind of proposal for each world, as an index of `MOVES`.
        """
        shares, daily, lasting, local = (array.copy() for array in state)
        last, count = self.day(stage), move.size
        new = seeds(rng, count)
        length = np.minimum(rng.choice(WINDOWS, size=count), last)
        is_last = np.isin(move, (LAST, STREAM_LAST, PROVINCE_LAST))
        first = np.where(is_last, last - length + 1, 1 + (rng.random(count) * (last - length + 1)).astype(int))
        stream, province = rng.integers(len(ONCE), size=count), rng.choice(self.provinces, count, p=self.attention)
        by_day = rng.integers(len(DAILY_STREAMS), size=count)
        near = stepped(rng, shares, rng.integers(len(STEPS), size=count))
        days = np.arange(daily.shape[1])
        in_window = (days >= first[:, None]) & (days < (first + length)[:, None]) & (move <= PROVINCE_EARLIER)[:, None]
        all_streams = (move <= EARLIER)[:, None] | (np.arange(len(DAILY_STREAMS)) == by_day[:, None])
        is_local = np.isin(move, (PROVINCE_LAST, PROVINCE_EARLIER))[:, None]
        there = is_local & (np.arange(self.provinces) == province[:, None])
        local = np.where(in_window[:, :, None] & there[:, None, :], new[:, None, None], local)
        all_streams &= ~is_local
        daily = np.where(in_window[:, :, None] & all_streams[:, None, :], new[:, None, None], daily)
        for row in np.flatnonzero((move > PROVINCE_EARLIER) & (move < NUMBERS)):
            rows = slice(None) if move[row] == PROVINCE else stream[row]
            columns = slice(None) if move[row] == STREAM else province[row]
            lasting[row, rows, columns] = new[row]
        shares = np.where((move == NUMBERS)[:, None], near, shares)
        return shares, daily, lasting, local

    def weigh(self, state: State, stage: int) -> tuple[Floats, Floats]:
        """Run every world to the last day of a stage, and return log likelihoods as defined by `Model.weigh`."""
        terms = self.terms(state, stage)
        earlier = np.array([one.until <= self.ends[stage - 1] for one in self.up_to(stage)]) & (stage > 0)
        return terms[:, earlier].sum(axis=1), terms[:, ~earlier]

    def terms(self, state: State, stage: int) -> Floats:
        """Run the worlds and return the log likelihoods up to this stage (worlds x observations)."""
        return np.concatenate(self.run(self.batches(state, stage)))

    def batches(self, state: State, stage: int) -> list[Batch]:
        """Divide worlds into batches that workers run to the last day of a stage."""
        shares, daily, lasting, local = state
        observations, days, count = self.up_to(stage), self.day(stage), shares.shape[0]
        size = min(BATCH, max(FEWEST, -(-count // PARTS)))
        return [
            Batch(
                self.order,
                observations,
                days,
                shares[rows],
                daily[rows, : days + 1],
                lasting[rows],
                local[rows, : days + 1],
            )
            for rows in (slice(first, first + size) for first in range(0, count, size))
        ]

    def up_to(self, stage: int) -> tuple[Observation, ...]:
        """Return the observations that end by the last day of a stage."""
        return tuple(one for one in self.observations if one.until <= self.ends[stage])


def stage_ends(observations: Sequence[Observation]) -> tuple[date, ...]:
    """Return the last day of each stage.

    The last stage ends on the last day of any observation. An earlier day of `STAGE_ENDS` ends a stage only if an
    observation ends on that day, or after the preceding day of `STAGE_ENDS`.
    """
    last = max(one.until for one in observations)
    ends = (date.min, *(end for end in STAGE_ENDS if end < last), last)
    return tuple(end for before, end in pairwise(ends) if any(before < one.until <= end for one in observations))


def attention_of(observations: Sequence[Observation], facts: Facts) -> Floats:
    """Return the probability that a proposal for a single province chooses each province.

    It is proportional to one plus the number of reports about the province. Reports about several provinces or posts
    are divided among them, and reports about all of them are excluded.
    """
    weights = np.ones(len(facts.provinces))
    for one in observations:
        for name in one.scope:
            is_province = name in facts.provinces
            place = facts.provinces.index(name) if is_province else province_of_post(name, facts)
            weights[place] += 1.0 / len(one.scope)
    return weights / weights.sum()


def province_of_post(name: str, facts: Facts) -> int:
    """Return the row of the province of a post."""
    return int(facts.province_of[facts.post_district[facts.post.index(name)]])


def seeds(rng: np.random.Generator, count: int) -> NDArray[np.uint64]:
    """Draw `count` random seeds, which determine the random draws of campaigns."""
    return rng.integers(2**SEED_BITS, size=count, dtype=np.uint64)
