"""Draw random numbers as pure functions of seed, stream, day and actor, without any state.

Source  SplitMix64 (Steele, Lea and Flood 2014), whose n-th output for a seed is a hash of seed + n x gamma.

The hash is applied three times: to the stream, the day and the actor. Scenarios with the same seed therefore share all
their draws, and adding a rule or an agent changes no other draw. An actor is identified by its lasting identity, never
by a row number. Such event-keyed, counter-based draws make an agent-based model a structural causal model (Buffalo,
Pearson and Klein 2026, arXiv:2603.11084).
"""

import math
import warnings
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from sim.engine.compile import entry, rule

warnings.filterwarnings("ignore", "overflow encountered in scalar", RuntimeWarning)  # uint64 overflows on purpose
GAMMA = np.uint64(0x9E3779B97F4A7C15)
FIRST = np.uint64(0xBF58476D1CE4E5B9)
SECOND = np.uint64(0x94D049BB133111EB)
LAST_SEED = 2**63 - 1
NOWHERE = np.uint64(0)  # seed of a province without a separate seed; it leaves every draw unchanged
LAST_STREAM = 99
TO_UNIT = 1.0 / 9007199254740992.0  # 2 ** -53


class Stream(IntEnum):
    """Streams of random numbers, one per decision, so that no two decisions share a draw."""

    INFLUENCE = 1
    HELD_ON_DAY_0 = 2
    PROVINCE_RESOLVE = 3
    DISTRICT_RESOLVE = 4
    UNIT_RESOLVE = 5
    GARRISON_SIZE = 6
    PRONG_START = 7
    PRONG_GATHER = 8
    PRESS = 9
    PROVINCE_CHOICE = 10
    DISTRICT_CHOICE = 11
    LOCAL_ASSAULT = 12
    ELDERS = 13
    HANDOVER = 14
    OUTPOST = 15
    BREAK = 16
    DEFENDER_LOSSES = 17
    ATTACKER_LOSSES = 18
    SIEGE = 19
    CHANGE_SIDES = 20
    REFUSE_SURRENDER = 21
    CAPTURE_ON_FALL = 22
    ROAD_OPEN = 23
    CAPTURE_IN_FLIGHT = 24
    LEAVE_UNATTACKED = 25
    ADMIT_SOLDIERS = 26
    CAPTURE_AT_POST = 27
    FLIGHT = 28
    DESTINATION = 29
    FRONTIER = 30
    ADMIT_FAMILY = 31
    NEXT_POST = 32
    REJOIN = 33
    COUNTERATTACK = 34
    RETAKE = 35
    COUNTERATTACK_LOSSES = 36
    PARAMETER = 37  # drawn once per campaign, before day 0
    HARASSMENT = 38
    THRESHOLD = 39
    GUEST = 99  # not used by any rule of Panj; free for the user's own rules


class Luck(NamedTuple):
    """Hashed seeds from which the draws of one day are made; each draw also depends on its actor."""

    keys: np.ndarray  # (streams) uint64: hashes of seed, stream and day
    day: int
    local: np.uint64 = NOWHERE  # hash of the separate seed of the actor's home province on this day


class Address(NamedTuple):
    """Seeds of a campaign whose days, streams or provinces do not all use the same seed.

    Together with the settings and the uncertain numbers, an address determines the campaign.
    """

    runs: tuple[tuple[int, int], ...]  # seeds by day: (first day, seed), in ascending order from day 0
    lasting: tuple[tuple[int, int, int], ...] = ()  # separate seeds for draws made once: (stream, province, seed)
    streams: tuple[tuple[int, int, int, int], ...] = ()  # seeds of streams: (stream, first day, last day, seed)
    # separate seeds of provinces: (province, first day, last day, seed)
    local: tuple[tuple[int, int, int, int], ...] = ()


class Seeds(NamedTuple):
    """Seeds of a campaign: one per stream and day, and one per stream and province for draws made only once.

    A province may have a separate seed on a day, which is mixed into the daily draws of its actors.
    `seeds_in` returns the seeds themselves, and `seeds_of` their hashes.
    """

    lasting: np.ndarray  # (provinces, streams) uint64: for draws made once in a campaign, with day 0 as their day
    daily: np.ndarray  # (days + 1, streams) uint64: for the draws of each day
    local: np.ndarray  # (days + 1, provinces) uint64: for the draws of each day in a province; 0 if it has no seed


def first_seed(seed: int | Address) -> int:
    """Return the seed of day 0, which identifies the campaign."""
    return seed.runs[0][1] if isinstance(seed, Address) else seed


def seeds_of(seed: int | Address, days: int, provinces: int) -> Seeds:
    """Return the hashed seeds of a campaign. The arguments are those of `seeds_in`."""
    lasting, daily, local = seeds_in(seed, days, provinces)
    return Seeds(keys_of(lasting, 0), keys_of(daily, np.arange(days + 1)[:, None]), local_of(local))


def seeds_in(seed: int | Address, days: int, provinces: int) -> Seeds:
    """Return the seeds of a campaign before they are hashed.

    Args:
        seed: One seed for all draws, or an `Address` with several.
        days: Number of days after day 0.
        provinces: Number of provinces.

    Returns:
        The seeds, as arrays of shape (provinces, streams), (days + 1, streams) and (days + 1, provinces).
    """
    first = np.uint64(first_seed(seed))
    lasting = np.full((provinces, LAST_STREAM + 1), first, np.uint64)
    daily = np.full((days + 1, LAST_STREAM + 1), first, np.uint64)
    local = np.zeros((days + 1, provinces), np.uint64)
    if isinstance(seed, Address):
        for day, later in seed.runs[1:]:
            daily[day:] = later
        for stream, province, other in seed.lasting:
            lasting[province, stream] = other
        for stream, day, last, other in seed.streams:
            daily[day : last + 1, stream] = other
        for province, day, last, other in seed.local:
            local[day : last + 1, province] = other
    return Seeds(lasting, daily, local)


@rule
def splitmix(seed: np.uint64, position: int) -> np.uint64:
    """Return the output of SplitMix64 for `seed` at `position`, which is counted from 0."""
    z = seed + GAMMA * np.uint64(position + 1)
    z = (z ^ (z >> np.uint64(30))) * FIRST
    z = (z ^ (z >> np.uint64(27))) * SECOND
    return z ^ (z >> np.uint64(31))


def keys_of(seeds: np.ndarray, day: int | np.ndarray) -> np.ndarray:
    """Hash each seed (rows x streams) with its stream and the day, by the same arithmetic as in compiled rules."""
    plain = getattr(splitmix, "py_func", splitmix)
    keys: np.ndarray = plain(plain(seeds, np.arange(seeds.shape[1])), np.asarray(day))
    return keys


def local_of(seeds: np.ndarray) -> np.ndarray:
    """Hash the separate seeds of provinces; a seed of 0, which means none, stays 0."""
    plain = getattr(splitmix, "py_func", splitmix)
    return np.where(seeds == NOWHERE, NOWHERE, plain(seeds, np.zeros((), np.int64)))


@rule
def bits(luck: Luck, stream: int, actor: int) -> np.uint64:
    """Return 64 random bits that depend only on the seeds, the stream, the day and the actor."""
    return splitmix(luck.keys[stream] ^ luck.local, actor)


@rule
def drawn_once(lasting: np.ndarray, province: int) -> Luck:
    """Return the hashed seeds for draws that are made once in a campaign; they count as draws of day 0.

    Args:
        lasting: Hashed seeds of draws made once in a campaign, as in `Seeds.lasting`.
        province: Row of the actor's province.
    """
    return Luck(lasting[province], 0, NOWHERE)


@rule
def uniform(luck: Luck, stream: int, actor: int) -> float:
    """Return a uniform draw in [0, 1).

    Args:
        luck: Hashed seeds of the day.
        stream: `Stream` of the decision.
        actor: Lasting identity of the agent that decides.
    """
    return float(bits(luck, stream, actor) >> np.uint64(11)) * TO_UNIT


@rule
def normal(luck: Luck, stream: int, actor: int) -> float:
    """Return a standard normal draw, by the method of Box and Muller (1958).

    The arguments are those of `uniform`.
    """
    key = bits(luck, stream, actor)
    radius = float((splitmix(key, 0) >> np.uint64(11)) + np.uint64(1)) * TO_UNIT
    angle = float(splitmix(key, 1) >> np.uint64(11)) * TO_UNIT
    return math.sqrt(-2.0 * math.log(radius)) * math.cos(2.0 * math.pi * angle)


@rule
def gumbel(luck: Luck, stream: int, actor: int) -> float:
    """Return a standard Gumbel draw, which is used to choose among options.

    If a draw is added to the weight of each option and the option with the highest sum is chosen, each option is chosen
    with a probability proportional to exp(weight). The arguments are those of `uniform`.
    """
    return -math.log(-math.log((uniform(luck, stream, actor) + TO_UNIT) / (1.0 + 2.0 * TO_UNIT)))


def draw_parameters(seed: int, actors: np.ndarray) -> np.ndarray:
    """Return one uniform draw for each uncertain parameter of the model.

    Args:
        seed: Seed of the campaign.
        actors: (parameters) Lasting identity of each parameter.

    Returns:
        (parameters) Draws in [0, 1).
    """
    shares = np.empty(actors.size)
    fill_shares(Luck(seeds_of(seed, 0, 1).daily[0], 0, NOWHERE), actors, shares)
    return shares


@entry
def fill_shares(luck: Luck, actors: np.ndarray, shares: np.ndarray) -> None:
    """Fill `shares` with one uniform draw per parameter; see `draw_parameters`."""
    for place in range(actors.size):
        shares[place] = uniform(luck, Stream.PARAMETER, actors[place])


@rule
def whole(amount: float, draw: float) -> int:
    """Round an amount up or down at random, so that the expected value of the result is the amount.

    Args:
        amount: Number to round, at least 0.
        draw: Uniform draw in [0, 1), which decides between rounding up and down.
    """
    return int(amount + draw)


@rule
def spread_around(mean: float, half_width: float, draw: float) -> float:
    """Return a draw from a uniform distribution around a mean.

    Args:
        mean: Mean of the distribution.
        half_width: Half of the width of the distribution, as a share of the mean.
        draw: Uniform draw in [0, 1), which is scaled to the distribution.
    """
    return mean * (1.0 + half_width * (2.0 * draw - 1.0))


@rule
def logistic(score: float) -> float:
    """Return 1 / (1 + exp(-score)), without overflow; the result is exactly 0 below -40 and exactly 1 above 40."""
    if score < -40.0:
        return 0.0
    if score > 40.0:
        return 1.0
    return 1.0 / (1.0 + math.exp(-score))
