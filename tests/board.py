"""Build a small world of three districts for tests, and set up its units, forces and districts.

    Capital (hub, provincial capital) - Middle (a highway) - River (a ford on the Panj)

There is no random variation on day 0: every garrison has the declared size, and all commands have the same resolve.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from sim.configuration.numbers import resolve, typed
from sim.data.facts import Facts, read_facts
from sim.engine.bookkeeping import Endurance, form_garrisons, muster
from sim.engine.campaign import run_campaign
from sim.engine.chance import Address, Luck, Stream, seeds_of
from sim.engine.day import Rules, run_day
from sim.engine.invariants import check
from sim.engine.layout import found as found_world
from sim.engine.layout import fresh, lay_out
from sim.engine.timeline import Timeline
from sim.engine.world import (
    Act,
    Armies,
    Border,
    Condition,
    Holder,
    Land,
    Mode,
    Today,
    UnitKind,
    UnitState,
    World,
    armies_of,
    border_of,
    land_of,
    today_of,
)

CAPITAL, MIDDLE, RIVER = 0, 1, 2
CALM: dict[str, dict[str, Any]] = {
    "founding": {
        "taliban_share": 0.0, "fighting_men": 1500, "rolls": 2500, "police_men": 40.0, "militia_share": 0.0,
        "outposts": 1, "outpost_men": 10.0, "highway_army_men": 30.0, "border_post_men": 50.0,
        "border_men_per_km": 0.5, "commando_columns": 3, "commando_men": 50.0, "size_spread": 0.0,
        "resolve_province": 0.0, "resolve_district": 0.0, "resolve_unit": 0.0, "influence_spread": 0.0,
        "taliban_men": 900, "mobile_men": 300, "prongs": 1, "columns_per_prong": 2,
    },
    "flight": {"rows": 3000, "people_per_row": 10},
    "parley": {"mobile_elders": 1.0},
    "morale": {"base": 0.6},
}  # fmt: skip


class Place(NamedTuple):
    """Description of one district of a board."""

    name: str
    province: str = "Kunduz"
    capital: bool = False
    hub: bool = False
    population: int = 10_000
    votes: float = 0.06
    highway: bool = False
    mountain: float = 0.0
    frontier_km: float = 0.0
    post: str = ""  # kind of the crossing point; empty if there is none


LINE = (
    Place("Capital", capital=True, hub=True, population=40_000),
    Place("Middle", highway=True),
    Place("River", frontier_km=20.0, post="ford"),
)
TWO_PROVINCES = (
    *LINE,
    Place("Beyond", province="Takhar"),
    Place("Far Capital", province="Takhar", capital=True, hub=True),
)


def rules_with(**changes: Mapping[str, Any]) -> Rules:
    """Return the declared numbers of all rules with some changes: `rules_with(parley={'intercept': 9.0})`."""
    rules = typed(resolve([], {}))
    return rules._replace(**{rule: getattr(rules, rule)._replace(**numbers) for rule, numbers in changes.items()})


def calm_rules(**changes: Mapping[str, Any]) -> Rules:
    """Return the numbers used on the board: declared ones with small garrisons and no random variation on day 0."""
    return rules_with(**{rule: {**CALM.get(rule, {}), **changes.get(rule, {})} for rule in {*CALM, *changes}})


def line_of(count: int) -> list[tuple[int, int]]:
    """Return links of a row of districts, each of which is linked to the next."""
    return [(here, here + 1) for here in range(count - 1)]


def facts_of(places: Sequence[Place] = LINE, links: Sequence[tuple[int, int]] | None = None, km: float = 30.0) -> Facts:
    """Return the facts of a board; by default its districts form a row, each linked to the next."""
    pairs = line_of(len(places)) if links is None else links
    near = [
        sorted({b for a, b in pairs if a == here} | {a for a, b in pairs if b == here}) for here in range(len(places))
    ]
    neighbour = np.array([there for row in near for there in row], np.int64)
    provinces = tuple(dict.fromkeys(place.province for place in places))
    posts = [district for district, place in enumerate(places) if place.post]
    return Facts(
        district_id=tuple(f"AF{101 + row:04d}" for row in range(len(places))),
        district=tuple(place.name for place in places),
        province=tuple(place.province for place in places),
        region=("North",) * len(places),
        provinces=provinces,
        province_of=np.array([provinces.index(place.province) for place in places], np.int64),
        region_of_province=("North",) * len(provinces),
        identity=np.arange(101, 101 + len(places), dtype=np.int64),
        latitude=np.linspace(36.0, 37.0, len(places)),
        longitude=np.full(len(places), 69.0),
        population=np.array([place.population for place in places], np.int64),
        votes_per_head=np.array([place.votes for place in places]),
        tajik_border_km=np.array([place.frontier_km for place in places]),
        is_capital=np.array([place.capital for place in places]),
        airfield=np.array([place.hub for place in places]),
        highway=np.array([place.highway for place in places]),
        mountain=np.array([place.mountain for place in places]),
        first_neighbour=np.cumsum([0, *(len(row) for row in near)]).astype(np.int64),
        neighbour=neighbour,
        link_km=np.full(neighbour.size, km),
        post_id=tuple(f"P{row + 1:02d}" for row in range(len(posts))),
        post=tuple(f"post_{row + 1}" for row in range(len(posts))),
        post_name=tuple(places[district].name for district in posts),
        tajik_district=("Panj",) * len(posts),
        post_kind=tuple(places[district].post for district in posts),
        post_district=np.array(posts, np.int64),
        post_latitude=np.full(len(posts), 37.0),
        post_longitude=np.full(len(posts), 69.0),
        fingerprint="0" * 16,
    )


def timeline_of(*rows: tuple[int, int, int, float]) -> Timeline:
    """Return a timeline of dated events, each given as (day, act, subject, amount)."""
    day, act, subject, amount = zip(*rows, strict=True) if rows else ((), (), (), ())
    whole = [np.array(column, np.int64) for column in (day, act, subject)]
    return Timeline(*whole, np.array(amount, np.float64))


def luck(day: int = 1, seed: int = 1) -> Luck:
    """Return the source of random draws of one day."""
    return Luck(seeds_of(seed, day, 1).daily[day], day)


@dataclass
class Board:
    """A founded world with its rules and timeline; methods change its units, forces and districts."""

    layout: World
    rules: Rules
    world: World
    timeline: Timeline

    @property
    def land(self) -> Land:
        """Districts, provinces and roads."""
        return land_of(self.world)

    @property
    def armies(self) -> Armies:
        """Both sides: government units, Taliban forces and prongs."""
        return armies_of(self.world)

    @property
    def border(self) -> Border:
        """Posts, refugees and queues."""
        return border_of(self.world)

    @property
    def endurance(self) -> Endurance:
        """Numbers that determine when lack of supply and unanswered calls affect a garrison."""
        return Endurance(self.rules.supply.hungry_below, self.rules.calls.patience_days)

    def today(self, day: int = 1, seed: int = 1) -> Today:
        """Return what rules need on one day: seeds of draws, conditions, the log and running totals."""
        return today_of(self.world, seeds_of(seed, day, self.world.provinces.capital.size), day)

    def muster(self) -> None:
        """Form the garrisons from the state of each unit, and count the men of both sides in every district."""
        form_garrisons(self.world.garrisons, self.world.units)
        muster(self.world.districts, self.armies, self.endurance)

    def units_at(self, district: int) -> np.ndarray:
        """Return the row numbers of the units that hold a district."""
        units = self.world.units
        return np.flatnonzero((units.district == district) & (units.state == UnitState.HOLDING))

    def garrison(self, district: int, men: int, kind: int = UnitKind.POLICE, **traits: float) -> int:
        """Replace the garrison of a district by a single unit with so many men, and return the row of the unit."""
        units = self.world.units
        for other in self.units_at(district):
            self.enlist(int(other), 0)
        rows = np.flatnonzero((units.home == district) & (units.kind == kind) & (units.role == 0))
        unit = int(rows[0]) if rows.size else int(np.flatnonzero(units.home == district)[0])
        units.kind[unit] = kind
        self.enlist(unit, men)
        units.district[unit] = district
        units.state[unit] = UnitState.HOLDING
        for trait, value in traits.items():
            getattr(units, trait)[unit] = value
        self.muster()
        return unit

    def enlist(self, unit: int, men: int) -> None:
        """Set both the present and the initial number of men of a unit."""
        self.world.units.founded[unit] = men
        self.world.units.men[unit] = men

    def send(self, district: int, men: int, mode: int = Mode.PARLEY) -> int:
        """Put the first mobile force, with so many men, in front of a district, and return the row of the force."""
        forces = self.world.forces
        force = int(np.flatnonzero(forces.prong == 0)[0])
        forces.district[force] = district
        forces.men[force] = men
        forces.mode[force] = mode
        self.muster()
        return force

    def locals_of(self, district: int, men: int, mode: int = Mode.HOLD) -> None:
        """Set the number of men and the mode of the local force of a district."""
        self.world.forces.men[district] = men
        self.world.forces.mode[district] = mode
        self.muster()

    def lose(self, district: int, day: int = 0, how: int = 2) -> None:
        """Give a district to the Taliban, and remove its garrison."""
        districts = self.world.districts
        districts.holder[district] = Holder.TALIBAN
        districts.lost_on[district] = day
        districts.first_lost_on[district] = day
        districts.lost_how[district] = how
        districts.connected[district] = False
        for unit in self.units_at(district):
            self.enlist(int(unit), 0)
        self.muster()

    def run_day(self, day: int, seed: int = 1) -> None:
        """Run all rules of one day in their usual order."""
        run_day(self.world, self.rules, self.timeline, seeds_of(seed, day, self.world.provinces.capital.size), day)


def board(
    places: Sequence[Place] = LINE,
    links: Sequence[tuple[int, int]] | None = None,
    *,
    rules: Rules | None = None,
    posts: Mapping[str, Mapping[str, float]] | None = None,
    timeline: Timeline | None = None,
    seed: int = 1,
    **changes: Mapping[str, Any],
) -> Board:
    """Return a founded board with full pay and full air cover, which last unless a dated event changes them.

    Args:
        places: The districts.
        links: Pairs of linked districts; by default each district is linked to the next.
        rules: Numbers of all rules; by default those of `calm_rules` with `changes`.
        posts: Changed traits of posts, by name of the post.
        timeline: Dated events; by default none.
        seed: Seed of the random draws of day 0.
        changes: Changed numbers, by rule.
    """
    rules = rules or calm_rules(**changes)
    timeline = timeline or timeline_of()
    layout = lay_out(facts_of(places, links), rules, {}, posts or {}).world
    layout.conditions[Condition.PAY] = 1.0
    layout.conditions[Condition.AIR_COVER] = 1.0
    layout.districts.connected[:] = True
    made = Board(layout, rules, found_world(layout, rules, timeline, seed), timeline)
    made.muster()
    return made


def checked_days(layout: World, rules: Rules, timeline: Timeline, seed: int, days: int) -> Iterator[World]:
    """Yield the world after every day and check all invariants; it is the same object each time."""
    world = found_world(layout, rules, timeline, seed)
    day_zero = fresh(world)
    check(world, day_zero, 0)
    seeds = seeds_of(seed, days, world.provinces.capital.size)
    for day in range(1, days + 1):
        room = world.posts.room.copy()
        run_day(world, rules, timeline, seeds, day)
        check(world, day_zero, day, room)
        yield world


def traits_of(world: World) -> Iterator[tuple[str, np.ndarray]]:
    """Yield every array of a world with its name, such as `units.men`."""
    for name, group in world._asdict().items():
        if hasattr(group, "_asdict"):
            for trait, values in group._asdict().items():
                yield f"{name}.{trait}", values
        else:
            yield name, group


def differences(one: World, other: World) -> list[str]:
    """Return the names of the arrays in which two worlds differ."""
    return [
        name
        for (name, a), (_, b) in zip(traits_of(one), traits_of(other), strict=True)
        if a.shape != b.shape or not np.array_equal(a, b)
    ]


def campaigns() -> dict[str, str]:
    """Return digests of some campaigns, on the board and on the real map, to compare compiled and uncompiled rules."""
    timeline = timeline_of(
        (0, Act.SET, Condition.AIR_COVER, 1.0),
        (0, Act.SET, Condition.PAY, 0.7),
        (4, Act.SET, Condition.RESERVISTS_ORDERED, 20000.0),
        (5, Act.SET, Condition.AIR_COVER, 0.0),
        (6, Act.REINFORCE, 0, 100.0),
        (7, Act.RAISE_MILITIA, 0, 50.0),
    )
    noisy = {
        "size_spread": 0.35,
        "resolve_unit": 0.5,
        "influence_spread": 0.8,
        "militia_share": 0.6,
        "first_gather_days": 2.0,
    }
    worlds = {
        "board": (facts_of(TWO_PROVINCES), calm_rules(founding=noisy), 40),
        "country": (read_facts(), rules_with(founding={"first_gather_days": 2.0}, flight={"rows": 60_000}), 8),
    }
    digests = {}
    for name, (facts, rules, days) in worlds.items():
        layout = lay_out(facts, rules, {}, {}).world
        for seed in (1, 2):
            campaign = run_campaign(layout, rules, timeline, seed, days)
            digests[f"{name}, seed {seed}"] = digest(campaign.record, *campaign.world)
        address = Address(
            ((0, 1), (5, 2)), ((Stream.UNIT_RESOLVE, 0, 3), (Stream.ADMIT_SOLDIERS, 1, 4)), (), ((1, 3, 6, 9),)
        )
        campaign = run_campaign(layout, rules, timeline, address, days)
        digests[f"{name}, an address"] = digest(campaign.record, *campaign.world)
    return digests


class Strict(np.ndarray):
    """An array that raises IndexError for negative row numbers, since NOBODY (-1) must not select the last row."""

    def __getitem__(self, key: Any) -> Any:
        refuse_nobody(key)
        return super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        refuse_nobody(key)
        super().__setitem__(key, value)


def refuse_nobody(key: Any) -> None:
    """Raise IndexError if a key contains a negative row number, which is a mistake in a rule."""
    for part in key if isinstance(key, tuple) else (key,):
        if isinstance(part, int | np.integer) and part < 0:
            raise IndexError(f"found row number {part}, expected one from 0")


def strict(world: World) -> World:
    """Return the same world with arrays that raise an error for negative row numbers."""
    return World(*(type(g)(*(t.view(Strict) for t in g)) if hasattr(g, "_asdict") else g.view(Strict) for g in world))


def digest(*groups: Any) -> str:
    """Return the SHA-256 hash of the bytes of all arrays, in order."""
    whole = hashlib.sha256()
    for group in groups:
        for trait in group if isinstance(group, tuple) else (group,):
            whole.update(np.ascontiguousarray(trait).tobytes())
    return whole.hexdigest()


def photograph(world: World) -> World:
    """Return a copy of a world that later changes to the original do not affect."""
    return World(*(type(g)(*(t.copy() for t in g)) if hasattr(g, "_asdict") else g.copy() for g in world))


SHARES = st.floats(0.0, 1.0)
RATIOS = st.floats(0.0, 50.0)
DEVIATIONS = st.floats(-3.0, 3.0)


def moves_one_way(decision: Callable[..., float], term: str, direction: int, more: float, **inputs: Any) -> None:
    """Assert that a larger value of one term never moves a decision against its direction (1 or -1).

    Args:
        decision: Function that returns a probability or another number.
        term: Name of the argument that is varied.
        direction: 1 if the result must not fall as the term rises, -1 if it must not rise.
        more: Value of the term to compare with the one in `inputs`.
        inputs: All arguments of the decision.
    """
    low, high = sorted((inputs[term], more))
    less, greater = decision(**{**inputs, term: low}), decision(**{**inputs, term: high})
    assert direction * (greater - less) >= 0.0, f"{term} from {low} to {high} moved it from {less} to {greater}"
