"""Define the state of the model: every group of agents with its traits, without behaviour.

A group is a NamedTuple of equally long arrays, one per trait; a row is an agent. Districts, units, forces, posts
and refugees are the five kinds of agent; provinces, prongs, roads, garrisons and queues are shared structures.
Men and people are int64; shares, days of supply, morale and dread are float64; row numbers of other groups and
enumerations are int64, where -1 (`NOBODY`, `NEVER`) means nobody, nothing or never.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.engine.chance import NOWHERE, Luck, Seeds
from sim.engine.compile import rule

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
Truth = NDArray[np.bool_]
Short = NDArray[np.int16]  # used for large tables of small numbers
NOBODY = -1
NEVER = -1


class Holder(IntEnum):
    """The side that holds a district centre at the end of the day."""

    GOVERNMENT = 0
    TALIBAN = 1


class Fall(IntEnum):
    """How a district fell to the Taliban."""

    NONE = 0
    HANDED_OVER = 1
    FOUGHT = 2
    ABANDONED = 3


class Why(IntEnum):
    """Main reason why a garrison surrendered, was defeated or left its district."""

    NONE = 0
    FORCE = 1
    ISOLATION = 2
    HUNGER = 3
    CALL_IGNORED = 4
    DREAD = 5
    MORALE = 6
    COMMAND = 7
    LOSSES = 8
    SIEGE = 9


class UnitKind(IntEnum):
    """Branch of the security forces that a unit belongs to."""

    ARMY = 0
    POLICE = 1
    BORDER = 2
    MILITIA = 3
    COMMANDO = 4


class Role(IntEnum):
    """Task of a unit: to hold a district centre, to hold an outpost, or to move where it is needed."""

    GARRISON = 0
    OUTPOST = 1
    COLUMN = 2


class UnitState(IntEnum):
    """What a unit is doing, or the fate of most of its men."""

    HOLDING = 0
    RETREATING = 1
    WAITING = 2
    RESERVE = 3
    RELIEVING = 4
    CROSSED = 5
    INTERNED = 6
    FLOWN_HOME = 7
    SURRENDERED = 8
    DISPERSED = 9
    CAPTURED = 10
    DESTROYED = 11
    CHANGED_SIDES = 12


class ForceKind(IntEnum):
    """Kind of a Taliban force: local forces stay in one district, mobile ones march as columns of a prong."""

    LOCAL = 0
    MOBILE = 1


class Mode(IntEnum):
    """What a Taliban force is doing."""

    GATHER = 0
    MARCH = 1
    PARLEY = 2
    ASSAULT = 3
    BESIEGE = 4
    HOLD = 5


class Phase(IntEnum):
    """What a prong is doing."""

    GATHER = 0
    SWEEP = 1
    SIEGE = 2


class RefugeeState(IntEnum):
    """Where a family is, or how its journey ended."""

    ON_THE_ROAD = 0
    WAITING = 1
    ADMITTED = 2
    REFUSED = 3
    SETTLED = 4
    RETURNED = 5


class Condition(IntEnum):
    """Conditions for the whole country, set by dated events."""

    AIR_COVER = 0
    PAY = 1
    RESERVISTS_ORDERED = 2
    ORDER_DAY = 3
    CSTO_HELP = 4
    AID = 5


class Act(IntEnum):
    """Effect of a dated event."""

    SET = 0
    REINFORCE = 1
    RAISE_MILITIA = 2


class Count(IntEnum):
    """Running totals of a campaign."""

    CALLS_MADE = 0
    CALLS_ANSWERED = 1
    RETAKEN = 2
    PEOPLE_DISPLACED = 3
    TALIBAN_KILLED = 4
    RAISED = 5
    REFUGEE_ROWS = 6
    LOGGED = 7
    CANNOT_GO_ON = 8
    RESERVISTS = 9
    ADMITTED = 10
    REFUSED = 11
    OUTPOSTS_SURRENDERED = 12
    TRAVELLERS = 13  # families on the road
    SET_OUT = 14  # first refugee row that may not be in `Queues.travelling` yet
    SETTLED = 15  # people who have settled at their destination


class Event(IntEnum):
    """Kinds of event in the log of a campaign."""

    FALL = 0
    RETAKEN = 1
    STAND = 2
    CALL = 3
    ANSWER = 4
    CROSSING = 5
    TURNED_BACK = 6
    CAPTURE = 7
    SURRENDER = 8
    PRONG_MOVES = 9
    DATED = 10
    RETURN = 11


class Districts(NamedTuple):
    """The 399 districts, in the order of the data."""

    identity: Whole  # permanent number, from the OCHA code of the district
    province: Whole
    is_capital: Truth  # whether it contains a provincial capital
    is_hub: Truth  # whether it contains a provincial capital with an airfield, which is a source of supply
    population: Whole  # people on day 0
    votes_per_head: Real  # valid votes of 2019 per person
    influence: Real  # Taliban influence over daily life, 0 to 1; drawn on day 0 and constant
    mountain: Real  # terrain, from 0 for a plain to 1 for high mountains
    highway: Truth
    in_ring: Truth  # whether it is next to the capital of its province
    has_post: Truth  # whether the district has a crossing point on the Panj
    frontier_km: Real  # length of the Tajik border in the district
    nearest_post: Whole  # row of the nearest post, regardless of who holds it; NOBODY without posts
    resolve: Real  # determination of its command, drawn on day 0 and constant (standard deviations)
    holder: Whole  # a value of `Holder`
    at_home: Whole  # people now at home: those who have not fled or have returned
    connected: Truth  # whether government districts with open roads connect the district to a hub
    held_score: Real  # working space: random scores of day 0; the Taliban hold the districts with the highest scores
    choice: Whole  # working space: districts among which a rule chooses, in order
    chosen: Truth  # working space: whether a rule has chosen the district
    reached: Whole  # working space: districts in the order in which open roads reach them
    sought: Whole  # working space: number of columns at the district or heading for it
    # working space: whether the Taliban hold the district, its roads are cut, or it has already been reached
    closed: Truth
    pressed: Truth  # whether local forces press the district and cut its roads
    threatened: Truth  # whether the garrison faces enough Taliban to ask for help
    dread: Real  # dread in the district, 0 to 1
    anger: Real  # 0 to 1; stays 0 under a theory without anger
    # deviation of the garrison's own threshold from the mean, drawn on day 0 (standard deviations)
    threshold_draw: Real
    fighting: Real  # 1 on a day with an assault or an attack on a besieged capital, otherwise 0
    pressure_days: Whole  # consecutive days on which local forces press it or a mobile force is outside
    siege_days: Whole  # consecutive days of encirclement of a capital
    falling: Whole  # kind of fall (`Fall`) decided today but not yet applied
    why: Whole  # reason (`Why`) for the latest fall
    lost_on: Whole  # day of the latest loss
    lost_how: Whole  # kind of the latest loss, a value of `Fall`
    first_lost_on: Whole
    retaken_on: Whole
    stood_on: Whole  # day of the latest successful defence
    helped_on: Whole  # day on which help was last sent


class Provinces(NamedTuple):
    """The 34 provinces."""

    capital: Whole  # row of the district
    first: Whole  # first row of its districts, which are consecutive
    end: Whole  # row after the last of its districts
    attention: Real  # weight of its region in Taliban planning (policy)
    resolve: Real  # determination of its command, drawn on day 0 and constant (standard deviations)
    under_pressure: Truth  # whether a prong sweeps or besieges the province
    taken: Truth  # working space: whether another prong has chosen the province
    adjacent: Truth  # working space: whether the province borders a given province
    swept_on: Whole  # day on which a prong last finished with or gave up the province


class Roads(NamedTuple):
    """Links between neighbouring districts (compressed sparse rows, CSR), and shortest paths between all districts."""

    first: Whole  # districts + 1: first link of each district
    neighbour: Whole
    days: Real  # days of travel, on foot or by lorry, over one link
    between: Real  # districts x districts: road km of the shortest path; links in mountains count as longer
    onward: Short  # districts x districts: link to take without fighting, indexed [to, from] and counted from `first`


class Garrisons(NamedTuple):
    """The garrison of each district: its units and, as counted by `muster`, the men of both sides and its state."""

    first_unit: Whole  # the first unit of the garrison; `Units.next_there` leads to the others, in row order
    present: Whole  # current number of men in all its units, updated by every rule that changes it
    waiting: Truth  # whether any of its units has asked for help
    stocked: Truth  # whether it was connected when last supplied and all its units had full supply
    faced: Truth  # whether local forces press the district or a mobile force is outside it
    men: Whole  # men of all its units at the latest muster
    # mean morale of its units, weighted by men; like the next three, from the last muster that computed it
    morale: Real
    resolve: Real  # mean resolve of its units, weighted by men
    # mean hunger of its units, weighted by men, 0 to 1; for cut-off garrisons also computed before an airlift
    hunger: Real
    unanswered: Real  # share of patience used up by unanswered calls, mean weighted by men, 0 to 1
    mobile: Whole  # Taliban men of mobile forces outside the district
    local: Whole  # Taliban men of the district's local force


class Units(NamedTuple):
    """Government units.

    Every man of a unit is always counted in its row, in exactly one of the columns from `men` to `flown_home`.
    """

    identity: Whole
    kind: Whole  # a value of `UnitKind`
    role: Whole  # a value of `Role`
    home: Whole  # row of the district
    founded: Whole  # men on day 0 plus men raised later
    paper: Whole  # men on the rolls, ghosts included
    men: Whole  # men with the unit
    killed: Whole
    captured: Whole
    surrendered: Whole
    dispersed: Whole
    changed_sides: Whole
    interned: Whole  # men who are in Tajikistan
    flown_home: Whole
    crossed: Whole  # men of this unit who have ever crossed
    morale: Real  # morale of its men, 0 to 1
    resolve: Real  # determination of its command, drawn on day 0 and constant (standard deviations)
    supply_days: Real
    losses: Real  # share of men lost in yesterday's fighting
    district: Whole
    destination: Whole  # row of the district where its journey ends
    days_to_go: Real
    state: Whole  # a value of `UnitState`
    state_days: Whole  # days since it entered this state
    asked_days: Whole  # days since it asked for help, or -1 if it has not asked
    post: Whole
    next_there: Whole  # next unit of its garrison, or NOBODY; unused if the unit holds no district
    listed: Whole  # working space: rows of the units that a rule processes, in order


class Forces(NamedTuple):
    """Taliban forces: one local force per district, then the mobile columns."""

    identity: Whole
    kind: Whole  # a value of `ForceKind`
    prong: Whole  # row of its prong; NOBODY for a local force
    men: Whole
    killed: Whole
    district: Whole
    destination: Whole  # row of the district where its journey ends
    days_to_go: Real
    mode: Whole  # a value of `Mode`
    mode_days: Whole
    momentum: Real  # factor in the strength of its men in an assault; 1 on day 0
    losses: Whole  # men lost in the current assault
    next_there: Whole  # next force at its district: first the local force, then columns in row order, then NOBODY


class Prongs(NamedTuple):
    """Spearheads, each of a few mobile forces with one target province."""

    identity: Whole
    province: Whole
    phase: Whole  # a value of `Phase`
    days_left: Real  # days of gathering that are left
    phase_days: Whole


class Posts(NamedTuple):
    """The 13 crossing points on the Panj."""

    identity: Whole
    district: Whole  # row of the district, on the Afghan side
    base_room: Whole  # capacity on day 0, people per day
    room: Whole  # capacity, people per day
    admits_soldiers: Real  # share of soldiers admitted, set by policy
    admits_families: Real
    guards: Whole
    reservists: Whole
    admitted_today: Whole  # soldiers and people admitted today
    soldiers_admitted: Whole
    soldiers_before: Whole  # soldiers admitted before today
    soldiers_refused: Whole
    people_admitted: Whole
    people_before: Whole  # people admitted before today
    people_refused: Whole
    people_waiting: Whole
    arrivals_today: Whole  # soldiers and people who reached the post today


class Refugees(NamedTuple):
    """Families in order of departure; each row is a group of up to `people_per_row` people who travel together."""

    identity: Whole
    people: Whole
    origin: Whole  # row of the district
    district: Whole
    destination: Whole  # row of the district where its journey ends
    post: Whole
    state: Whole  # a value of `RefugeeState`
    next_district: Whole
    due_on: Whole  # day on which they reach the end of the current link
    days_to_go: Real  # days of travel left on the current link on the morning of that day, at most 1
    waited_days: Whole
    tries: Whole  # number of posts that have refused them


class Queues(NamedTuple):
    """Queues of families at the posts, as linked lists in order of arrival, and the list of families on the road."""

    front: Whole  # per post: first family in the queue, or NOBODY
    back: Whole  # per post: last family in the queue, if any
    behind: Whole  # per waiting family: next family in its queue, or NOBODY
    travelling: Whole  # rows of the families on the road, in order; the first `Count.TRAVELLERS` elements are used


class Log(NamedTuple):
    """The log of events in chronological order; the first `Count.LOGGED` rows are filled."""

    day: Whole
    event: Whole  # a value of `Event`
    district: Whole
    actor: Whole  # row of the unit, force, prong or post, depending on the event
    men: Whole
    how: Whole  # kind of fall, a value of `Fall`
    why: Whole  # reason, a value of `Why`


class Land(NamedTuple):
    """The map: districts, provinces and roads."""

    districts: Districts
    provinces: Provinces
    roads: Roads


class Armies(NamedTuple):
    """Both sides: garrisons and units of the government, and forces and prongs of the Taliban."""

    garrisons: Garrisons
    units: Units
    forces: Forces
    prongs: Prongs


class Border(NamedTuple):
    """The crossing points, refugees and queues."""

    posts: Posts
    refugees: Refugees
    queues: Queues


class Today(NamedTuple):
    """Seeds and conditions that the rules use on one day, and the log and running totals to which they write."""

    luck: Luck
    lasting: np.ndarray  # (provinces, streams) uint64: hashed seeds of draws made once in a campaign
    local: np.ndarray  # (provinces) uint64: hashes of the separate seeds of provinces today
    conditions: Real  # value of each condition, indexed by `Condition`
    log: Log
    tally: Whole  # running totals, indexed by `Count`


class World(NamedTuple):
    """The complete state of a campaign."""

    districts: Districts
    provinces: Provinces
    roads: Roads
    garrisons: Garrisons
    units: Units
    forces: Forces
    prongs: Prongs
    posts: Posts
    refugees: Refugees
    queues: Queues
    log: Log
    conditions: Real  # value of each condition, indexed by `Condition`
    tally: Whole  # running totals, indexed by `Count`


@rule
def land_of(world: World) -> Land:
    """Return the districts, provinces and roads of a world."""
    return Land(world.districts, world.provinces, world.roads)


@rule
def armies_of(world: World) -> Armies:
    """Return the garrisons, units, forces and prongs of a world."""
    return Armies(world.garrisons, world.units, world.forces, world.prongs)


@rule
def border_of(world: World) -> Border:
    """Return the posts, refugees and queues of a world."""
    return Border(world.posts, world.refugees, world.queues)


@rule
def today_of(world: World, seeds: Seeds, day: int) -> Today:
    """Return the seeds and conditions that the rules use on one day, with the log and the running totals.

    Args:
        world: The world of a campaign.
        seeds: Hashed seeds of all draws.
        day: Number of the day.
    """
    luck = Luck(seeds.daily[day], day, NOWHERE)
    return Today(luck, seeds.lasting, seeds.local[day], world.conditions, world.log, world.tally)


@rule
def luck_in(province: int, today: Today) -> Luck:
    """Return the hashed seeds for today's draws of an actor whose home is in the province."""
    return Luck(today.luck.keys, today.luck.day, today.local[province])
