"""A district changes hands if its garrison surrendered, broke or left, and success raises momentum.

Reads   districts that fall today, garrisons, forces.
Writes  holders, day and manner of each fall, momentum, men of local and mobile forces.
Source  evidence F064 to F066, F090; captured arms and prestige: Lehmann and Zhukov 2019 for the direction, guess for
        the size. Assumption: a mobile force leaves some men to hold a district that it takes and finds recruits there.
"""

from typing import NamedTuple

from sim.engine.bookkeeping import note
from sim.engine.compile import rule
from sim.engine.world import (
    NEVER,
    NOBODY,
    Armies,
    Districts,
    Event,
    Fall,
    Forces,
    Garrisons,
    Holder,
    Mode,
    Today,
)


class Control(NamedTuple):
    """Parameters of the control rule; values, ranges and sources are in `configs/rules/control.yaml`."""

    momentum_gain: float  # momentum: gain in arms and prestige from one district
    momentum_limit: float  # momentum: highest momentum
    momentum_fade_days: float  # days: time constant with which momentum returns to 1
    hold_share: float  # share of men: men whom a column leaves behind in a district that it takes
    recruit_share: float  # share of local men: local men who join a column in such a district


@rule
def is_left_empty(garrison: int, local: int, mobile: int) -> bool:
    """Return whether a district has no garrison while Taliban men are there to take it."""
    return garrison == 0 and local + mobile > 0


@rule
def change_control(districts: Districts, armies: Armies, numbers: Control, today: Today) -> None:
    """Give the districts that fall today to the Taliban, and count days of pressure in other government districts.

    A district without a garrison also falls if Taliban men are there, unless it is a capital. The momentum of every
    force decays first.

    Args:
        districts: Holders, the day and manner of each fall, and days of pressure are written.
        armies: Men and momentum of forces are written; garrisons are read.
        numbers: Parameters of the control rule.
        today: Number of the day; the event log is written.
    """
    garrisons, forces = armies.garrisons, armies.forces
    fade_momentum(forces, numbers.momentum_fade_days)
    for district in range(districts.holder.size):
        if districts.holder[district] == Holder.TALIBAN:
            districts.pressure_days[district] = 0
            continue
        under = districts.pressed[district] or garrisons.mobile[district] > 0
        districts.pressure_days[district] = districts.pressure_days[district] + 1 if under else 0
        empty = is_left_empty(garrisons.men[district], garrisons.local[district], garrisons.mobile[district])
        if districts.falling[district] == Fall.NONE and empty and not districts.is_capital[district]:
            districts.falling[district] = Fall.ABANDONED
        if districts.falling[district] != Fall.NONE:
            change_hands(district, districts, garrisons, today)
            reward(district, forces, numbers)


@rule
def fade_momentum(forces: Forces, fade_days: float) -> None:
    """Let the momentum of all forces decay towards 1."""
    for force in range(forces.momentum.size):
        forces.momentum[force] += (1.0 - forces.momentum[force]) / fade_days


@rule
def change_hands(district: int, districts: Districts, garrisons: Garrisons, today: Today) -> None:
    """Give a district to the Taliban, and record the day, how it fell and why."""
    how = districts.falling[district]
    districts.holder[district] = Holder.TALIBAN
    districts.lost_on[district] = today.luck.day
    districts.lost_how[district] = how
    if districts.first_lost_on[district] == NEVER:
        districts.first_lost_on[district] = today.luck.day
    districts.falling[district] = Fall.NONE
    districts.pressed[district] = False
    districts.connected[district] = False
    districts.pressure_days[district] = 0
    districts.siege_days[district] = 0
    note(today, Event.FALL, district, -1, garrisons.men[district], how, districts.why[district])


@rule
def reward(district: int, forces: Forces, numbers: Control) -> None:
    """Raise the momentum of the forces at a district that has just fallen.

    Mobile forces also leave a guard there and find recruits. Forces that march or gather are not affected.
    """
    home = district  # local forces are the first rows, one per district
    force = home
    while force != NOBODY:
        if forces.mode[force] != Mode.MARCH and forces.mode[force] != Mode.GATHER:
            forces.momentum[force] = min(numbers.momentum_limit, forces.momentum[force] + numbers.momentum_gain)
            forces.losses[force] = 0
            if force != home and forces.men[force] > 0:
                leave_a_guard(force, home, forces, numbers)
        force = forces.next_there[force]


@rule
def leave_a_guard(force: int, home: int, forces: Forces, numbers: Control) -> None:
    """Leave some men of a column with the local force, and let some men of the local force join the column."""
    guard = int(numbers.hold_share * forces.men[force])
    recruits = int(numbers.recruit_share * forces.men[home])
    forces.men[force] += recruits - guard
    forces.men[home] += guard - recruits
