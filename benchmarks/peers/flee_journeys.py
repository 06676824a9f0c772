"""Move as many agents in Flee as Panj has families, over the same districts and roads, on the same routes and days.

The work is a file written by `benchmarks/three_rules.py`. Flee's agents usually choose their roads by random weights;
here each gets its whole route when it sets out, in the attribute that Flee itself uses for routes, so that there is no
choice. Every town lets its agents leave on the same day, logging is off, and agents that have arrived are removed from
the model at the end of the day. This file needs only Flee.

    python benchmarks/peers/flee_journeys.py JOURNEYS
"""

import json
import random
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flee import flee
from flee.SimulationSettings import SimulationSettings

Work = dict[str, Any]

SETTINGS = """
log_levels: {{agent: 0, link: 0, camp: 0, conflict: 0, init: 0, idp_totals: 0}}
spawn_rules: {{conflict_driven_spawning: {{spawn_mode: constant, displaced_per_conflict_day: 0}}}}
move_rules: {{max_move_speed: {km_per_day}, default_movechance: 1.0}}
"""
# No road leads to this location, so an agent with only this left on its route has arrived and stays. It is the first
# location, since Flee looks up the end of the route in the list of names before every step.
END = "end of the journey"


def set_rules(km_per_day: float) -> None:
    """Set the movement rules of Flee, which reads its settings from a file."""
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(SETTINGS.format(km_per_day=km_per_day))
        file.flush()
        SimulationSettings.ReadFromYML(file.name)


def country_of(work: Work) -> flee.Ecosystem:
    """Build a Flee ecosystem with districts as towns, and every road once, since Flee's roads lead both ways."""
    country = flee.Ecosystem()
    country.addLocation(END, location_type="town")
    for row in range(len(work["districts"]["province"])):
        country.addLocation(str(row), location_type="town")
    for here, there, km in roads_of(work):
        country.linkUp(str(here), str(there), distance=km)
    return country


def roads_of(work: Work) -> list[tuple[int, int, float]]:
    """List every road between two districts once, with its km."""
    roads, km_per_day = work["roads"], work["numbers"]["journeys"]["km_per_day"]
    return [
        (here, roads["neighbour"][link], roads["days"][link] * km_per_day)
        for here in range(len(roads["first"]) - 1)
        for link in range(roads["first"][here], roads["first"][here + 1])
        if here < roads["neighbour"][link]
    ]


class Journeys:
    """The families of the work as agents of Flee."""

    def __init__(self, work: Work) -> None:
        set_rules(work["numbers"]["journeys"]["km_per_day"])
        random.seed(work["seed"])
        self.country = country_of(work)
        self.towns = self.country.locations[1:]
        self.starts = work["families"]["district"]
        self.routes = work["routes"]
        self.families: list[Any] = []

    def set_out(self, count: int) -> None:
        """Add agents until `count` have left home, each with its route."""
        for family in range(len(self.families), count):
            self.country.addAgent(location=self.towns[self.starts[family]], attributes={})
            agent = self.country.agents[-1]
            agent.route = [self.towns[row].name for row in self.routes[family]] + [END]
            self.families.append(agent)

    def take_out_arrived(self) -> None:
        """Remove agents that have arrived."""
        self.country.agents = [agent for agent in self.country.agents if not has_arrived(agent)]

    def end(self) -> list[int]:
        """Return the district in which each family has arrived; -1 for those on the road."""
        return [int(agent.location.name) if has_arrived(agent) else -1 for agent in self.families]

    def roads_taken(self) -> list[int]:
        """Return the number of roads that each family has completed."""
        return [agent.places_travelled - 1 for agent in self.families]


def has_arrived(agent: Any) -> bool:
    """Whether an agent has arrived: only the end is left of its route, or Flee has dropped the route."""
    return not agent.travelling and len(agent.route) <= 1


def measured(work: Work) -> dict[str, Any]:
    """Measure the seconds of Flee's days alone; also return the agents moved per day and where they arrived."""
    begun = time.perf_counter()
    journeys = Journeys(work)
    built = time.perf_counter() - begun
    seconds, moved = 0.0, 0
    for day in work["days"]:
        journeys.set_out(day["families"])
        moved += len(journeys.country.agents)
        begun = time.perf_counter()
        journeys.country.evolve()
        seconds += time.perf_counter() - begun
        journeys.take_out_arrived()
    return {
        "flee": version("flee"),
        "build_seconds": built,
        "seconds": seconds,
        "moved": moved,
        "arrived": journeys.end(),
        "roads_taken": journeys.roads_taken(),
    }


if __name__ == "__main__":
    print(json.dumps(measured(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
