"""News and morale, journeys and admission as a Mesa user would write them: agents are objects with a `step()`.

The work is a file written by `benchmarks/three_rules.py`; the rules, their order and their draws are those of Panj, so
that both end in the same state. Here a family walks day by day; in Panj it is known on which day a link ends. This file
needs only Mesa.

    python benchmarks/peers/mesa_three_rules.py run WORK | replicates WORK ...
"""

import json
import math
import sys
import time
from collections import deque
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import mesa

Work = dict[str, Any]

FOUGHT = 2
RELIEVING = 4  # units in a later state are not armed
ON_THE_ROAD, WAITING, ADMITTED, REFUSED, SETTLED, RETURNED = range(6)
ADMIT_FAMILY, NEXT_POST = 31, 32  # random streams
ALL_BITS = 2**64 - 1
GAMMA = 0x9E3779B97F4A7C15


def splitmix(seed: int, position: int) -> int:
    """Return a 64-bit hash of seed and position by SplitMix64 (Steele, Lea and Flood 2014)."""
    z = (seed + GAMMA * (position + 1)) & ALL_BITS
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & ALL_BITS
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & ALL_BITS
    return z ^ (z >> 31)


def draw(seed: int, stream: int, day: int, actor: int) -> float:
    """Return a uniform draw in [0, 1)."""
    return (splitmix(splitmix(splitmix(seed, stream), day), actor) >> 11) / 2**53


class Fall(NamedTuple):
    """News of a district that fell yesterday, with the share of calm that it removes in each area."""

    district: "District"
    province: int
    next_door: float
    in_province: float
    in_country: float


class Road(NamedTuple):
    """A road to a neighbouring district."""

    there: "District"
    days: float


class District(mesa.Agent):
    """A district, with its units and roads for families."""

    def __init__(self, model: "Border", row: int, province: int, dread: float, at_home: int) -> None:
        super().__init__(model)
        self.row = row
        self.province = province
        self.dread = dread
        self.at_home = at_home
        self.is_fought_over = False
        self.helped_on = -1
        self.stood_on = -1

    def set_roads(self, roads: list[Road], onward: list[Road], km: list[float]) -> None:
        """Store roads to neighbours, and for each goal the road that leads there and the distance."""
        self.roads = roads
        self.neighbours = {road.there for road in roads}
        self.onward = onward
        self.km = km

    def step(self) -> None:
        """Let fear fade and add to it for each of yesterday's falls."""
        self.dread *= self.model.fear_kept
        for fall in self.model.falls:
            self.raise_fear(fall.in_province if fall.province == self.province else fall.in_country)
            if fall.district in self.neighbours:
                self.raise_fear(fall.next_door)

    def raise_fear(self, amount: float) -> None:
        """Increase fear towards 1."""
        self.dread += (1.0 - self.dread) * min(1.0, amount)

    def cheapest_road(self, goal: "District", avoid_km: float) -> Road:
        """Return the cheapest road that leads nearer to the goal, with fighting counted as a detour."""
        best, lowest = self.roads[0], math.inf
        for road in self.roads:
            there = road.there
            if there.km[goal.row] >= self.km[goal.row]:
                continue
            price = there.km[goal.row] + self.km[there.row]
            if there.is_fought_over:
                price += avoid_km
            if price < lowest:
                best, lowest = road, price
        return best


class Unit(mesa.Agent):
    """Government soldiers or police."""

    def __init__(self, model: "Border", district: District, **traits: Any) -> None:
        super().__init__(model)
        self.district = district
        self.state: int = traits["state"]
        self.resolve: float = traits["resolve"]
        self.supply_days: float = traits["supply_days"]
        self.asked_days: int = traits["asked_days"]
        self.losses: float = traits["losses"]
        self.morale: float = traits["morale"]

    def step(self) -> None:
        """Move morale towards its target, and change it by help, a stand or losses."""
        if self.state > RELIEVING:
            return
        numbers, day, district = self.model.morale, self.model.day, self.district
        morale = self.morale + numbers["settle_rate"] * (self.deserved() - self.morale)
        if district.helped_on == day:
            morale += numbers["help_lift"]
        if district.stood_on == day - 1:
            morale += numbers["stand_lift"]
        morale -= numbers["losses"] * self.losses
        self.losses = 0.0
        self.morale = min(1.0, max(0.0, morale))

    def deserved(self) -> float:
        """Return the target of the unit's morale."""
        model = self.model
        numbers = model.morale
        return (
            numbers["base"]
            + numbers["resolve"] * self.resolve
            - numbers["contagion"] * self.district.dread
            - numbers["hunger"] * self.hunger()
            - numbers["unanswered"] * self.unanswered()
            + numbers["pay"] * (model.pay - 1.0)
            + numbers["air_cover"] * (model.air_cover - 1.0)
        )

    def hunger(self) -> float:
        """Return the hunger of the unit: 0 with enough supply, 1 with none."""
        if self.supply_days >= self.model.hungry_below:
            return 0.0
        return min(1.0, max(0.0, 1.0 - self.supply_days / self.model.hungry_below))

    def unanswered(self) -> float:
        """Return how far a call for help is unanswered: 0 before a call, 1 once patience is exhausted."""
        if self.asked_days <= 0:
            return 0.0
        return min(1.0, max(0.0, self.asked_days / self.model.patience_days))


class Family(mesa.Agent):
    """A group of people who travel together to a town or a post."""

    def __init__(self, model: "Border", traits: dict[str, Any]) -> None:
        super().__init__(model)
        districts, posts = model.districts, model.posts
        self.identity: int = traits["identity"]
        self.people: int = traits["people"]
        self.origin = districts[traits["origin"]]
        self.district = districts[traits["district"]]
        self.destination = districts[traits["destination"]]
        self.next_district = districts[traits["next_district"]]
        self.post = posts[traits["post"]] if traits["post"] >= 0 else None
        self.state: int = traits["state"]
        self.days_to_go: float = traits["days_to_go"] + max(0, traits["due_on"] - model.day - 1)
        self.waited_days: int = traits["waited_days"]
        self.tries: int = traits["tries"]

    def step(self) -> None:
        """Travel as many roads as fit into a day; the last one is continued on the next day."""
        if self.state != ON_THE_ROAD:
            return
        left = 1.0
        while True:
            walked = min(left, self.days_to_go)
            self.days_to_go -= walked
            left -= walked
            if self.days_to_go > 1e-9:
                return
            self.district = self.next_district
            if self.district is self.destination:
                self.arrive()
                return
            if left <= 1e-9:
                return
            self.set_out()

    def set_out(self) -> None:
        """Take the usual road, or one around fighting."""
        road = self.district.onward[self.destination.row]
        if road.there.is_fought_over:
            road = self.district.cheapest_road(self.destination, self.model.journeys["avoid_km"])
        self.next_district = road.there
        self.days_to_go = road.days

    def arrive(self) -> None:
        """Settle in a town, or join the queue at a post."""
        if self.post is None:
            self.state = SETTLED
            self.model.settled += self.people
            self.remove()
        else:
            self.state = WAITING
            self.waited_days = 0
            self.post.welcome(self)


class Post(mesa.Agent):
    """A crossing point with a queue."""

    def __init__(self, model: "Border", district: District, **traits: Any) -> None:
        super().__init__(model)
        self.district = district
        self.admits_families: float = traits["admits_families"]
        self.people_admitted: int = traits["people_admitted"]
        self.people_refused: int = traits["people_refused"]
        self.people_waiting: int = traits["people_waiting"]
        self.room = 0
        self.admitted_today = 0
        self.arrivals_today = 0
        self.queue: deque[Family] = deque()

    def welcome(self, family: Family) -> None:
        """Add a family to the queue."""
        self.people_waiting += family.people
        self.arrivals_today += family.people
        self.queue.append(family)

    def step(self) -> None:
        """Go through the queue once: admit, refuse, or keep waiting."""
        is_full = False
        for _ in range(len(self.queue)):
            family = self.queue.popleft()
            room = self.room - self.admitted_today
            is_full = is_full or family.people > min(room, self.model.places_left())
            if not is_full and self.model.draw(ADMIT_FAMILY, family) < self.admits_families:
                self.let_in(family)
            elif family.waited_days >= self.model.admission["patience_days"]:
                self.send_away(family)
            else:
                family.waited_days += 1
                self.queue.append(family)

    def let_in(self, family: Family) -> None:
        """Admit a family across the river."""
        family.state = ADMITTED
        self.people_waiting -= family.people
        self.admitted_today += family.people
        self.people_admitted += family.people
        self.model.admitted += family.people
        family.remove()

    def send_away(self, family: Family) -> None:
        """Send a family to the next post if one is near and tries remain, else home, or leave it at the river."""
        numbers = self.model.admission
        self.people_waiting -= family.people
        self.people_refused += family.people
        family.tries += 1
        other = self.next_post()
        if other is not None and family.tries < numbers["tries"]:
            family.post = other
            family.destination = other.district
            family.next_district = family.district
            family.days_to_go = 0.0
            family.state = ON_THE_ROAD
            return
        self.model.refused += family.people
        family.post = None
        if self.model.draw(NEXT_POST, family) < numbers["goes_home"]:
            family.state = RETURNED
            family.origin.at_home += family.people
            family.people = 0
        else:
            family.state = REFUSED
        family.remove()

    def next_post(self) -> "Post | None":
        """Return the nearest post in another district within reach, or None."""
        best, nearest = None, math.inf
        for other in self.model.posts:
            km = self.district.km[other.district.row]
            if other.district is self.district or km > self.model.admission["next_post_km"]:
                continue
            if km < nearest:
                best, nearest = other, km
        return best


class Border(mesa.Model):
    """Model of the days of a campaign from a given state on."""

    def __init__(self, work: Work) -> None:
        super().__init__(rng=work["seed"])
        numbers = work["numbers"]
        self.news, self.morale = numbers["news"], numbers["morale"]
        self.journeys, self.admission = numbers["journeys"], numbers["admission"]
        self.hungry_below, self.patience_days = numbers["hungry_below"], numbers["patience_days"]
        self.fear_kept = math.exp(-1.0 / self.news["fade_days"])
        self.seed = work["seed"]
        self.day = work["evening"]
        self.coming_days = deque(work["days"])
        self.admitted, self.refused, self.settled = work["totals"]
        self.pay = self.air_cover = self.aid = 0.0
        self.falls: list[Fall] = []
        self.build(work)
        self.datacollector = mesa.DataCollector(
            model_reporters={"admitted": "admitted", "refused": "refused", "settled": "settled"}
        )

    def build(self, work: Work) -> None:
        """Create districts and the roads between them, units, posts and the families of the starting state."""
        self.districts = [District(self, row, **traits) for row, traits in enumerate(rows_of(work["districts"]))]
        self.lay_roads(work["roads"])
        for traits in rows_of(work["units"]):
            Unit(self, self.districts[traits.pop("district")], **traits)
        self.posts = [Post(self, self.districts[traits.pop("district")], **traits) for traits in rows_of(work["posts"])]
        self.coming_families = deque(rows_of(work["families"]))
        self.families: list[Family] = []
        self.add_families(work["families_there"])
        for post, queue in zip(self.posts, work["queues"], strict=True):
            post.queue.extend(self.families[row] for row in queue)

    def lay_roads(self, roads: dict[str, Any]) -> None:
        """Give every district its roads, and the road that leads to each goal."""
        links = [
            Road(self.districts[there], days) for there, days in zip(roads["neighbour"], roads["days"], strict=True)
        ]
        for here, district in enumerate(self.districts):
            first, last = roads["first"][here], roads["first"][here + 1]
            onward = [links[first + to_goal[here]] for to_goal in roads["onward"]]
            district.set_roads(links[first:last], onward, roads["between"][here])

    def add_families(self, count: int) -> None:
        """Add families until `count` have left home."""
        while len(self.families) < count:
            self.families.append(Family(self, self.coming_families.popleft()))

    def step(self) -> None:
        """Run one day."""
        self.begin_day()
        self.run_rules()
        self.datacollector.collect(self)

    def begin_day(self) -> None:
        """Start a day and apply the effects of the other rules."""
        told = self.coming_days.popleft()
        self.day += 1
        self.running = bool(self.coming_days)
        self.falls = [self.news_of(district, how, told["pressure"]) for district, how in told["falls"]]
        for row in told["stands"]:
            self.districts[row].stood_on = self.day - 1
        for row in told["help"]:
            self.districts[row].helped_on = self.day
        fighting = set(told["fighting"])
        for district in self.districts:
            district.is_fought_over = district.row in fighting
        self.pay, self.air_cover, self.aid = told["conditions"]
        for post, room, used in zip(self.posts, told["room"], told["room_used"], strict=True):
            post.room, post.admitted_today, post.arrivals_today = room, used, 0
        self.add_families(told["families"])

    def news_of(self, row: int, how: int, under_pressure: list[int]) -> Fall:
        """Return the news of a fall, which weighs more without a fight and in a province under pressure."""
        district = self.districts[row]
        weight = 1.0 if how == FOUGHT else self.news["handover_factor"]
        local = weight * self.news["province"]
        if district.province in under_pressure:
            local *= self.news["pressure_factor"]
        return Fall(district, district.province, weight * self.news["next_door"], local, weight * self.news["country"])

    def run_rules(self) -> None:
        """Run the three rules, in the order of the day."""
        for kind in (District, Unit, Family, Post):
            if kind in self.agents_by_type:  # no family may have left home yet
                self.agents_by_type[kind].do("step")

    def places_left(self) -> int:
        """Return the places left in camps, including those that aid agencies add."""
        places = int(self.admission["camp_places"] + self.admission["aid_places"] * self.aid)
        return max(0, places - self.admitted)

    def draw(self, stream: int, family: Family) -> float:
        """Return the draw of a family on the current day."""
        return draw(self.seed, stream, self.day, family.identity)


def rows_of(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Convert columns of traits to one mapping per row."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def end_of(model: Border) -> dict[str, Any]:
    """Return all results of the three rules as plain lists by name."""
    families, posts = model.families, model.posts
    row_of = {family: row for row, family in enumerate(families)}
    kept = ("identity", "people", "state", "waited_days", "tries")
    places = ("origin", "district", "destination")
    counts = ("people_admitted", "people_refused", "people_waiting", "admitted_today", "arrivals_today")
    return {
        "districts": columns(model.districts, ("dread", "at_home")),
        "units": columns(model.agents_by_type[Unit], ("morale", "losses")),
        "families": columns(families, kept)
        | {place: [getattr(family, place).row for family in families] for place in places}
        | {"days_to_go": [family.days_to_go if family.state == ON_THE_ROAD else 0.0 for family in families]}
        | {"next_district": [family.next_district.row if family.state == ON_THE_ROAD else 0 for family in families]}
        | {"post": [posts.index(family.post) if family.post else -1 for family in families]},
        "posts": columns(posts, counts),
        "queues": [[row_of[family] for family in post.queue] for post in posts],
        "totals": [model.admitted, model.refused, model.settled],
    }


def columns(agents: Any, traits: Sequence[str]) -> dict[str, list[Any]]:
    """Return some traits of all agents as lists."""
    return {trait: [getattr(agent, trait) for agent in agents] for trait in traits}


def measured(work: Work) -> dict[str, Any]:
    """Measure the seconds to build the model and those of the three rules alone; also return the final state."""
    begun = time.perf_counter()
    model = Border(work)
    built = time.perf_counter() - begun
    seconds = 0.0
    while model.running:
        model.begin_day()
        begun = time.perf_counter()
        model.run_rules()
        seconds += time.perf_counter() - begun
    return {"mesa": version("mesa"), "build_seconds": built, "seconds": seconds, "end": end_of(model)}


def measured_replicates(works: Sequence[Work]) -> dict[str, Any]:
    """Measure the seconds per replicate of Mesa's `batch_run`, including the building of the model."""
    begun = time.perf_counter()
    rows = mesa.batch_run(Border, {"work": works}, number_processes=1, display_progress=False)
    seconds = (time.perf_counter() - begun) / len(works)
    return {"seconds": seconds, "totals": [[row["admitted"], row["refused"], row["settled"]] for row in rows]}


def main(words: Sequence[str]) -> None:
    """Print the result of a verb as JSON."""
    verb, *paths = words
    works = [json.loads(Path(path).read_text(encoding="utf-8")) for path in paths]
    print(json.dumps(measured(works[0]) if verb == "run" else measured_replicates(works)))


if __name__ == "__main__":
    main(sys.argv[1:])
