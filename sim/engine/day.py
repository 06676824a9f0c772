"""One day, in order: the table of contents of the model."""

from typing import NamedTuple

from sim.engine.bookkeeping import muster, turn_the_day
from sim.engine.chance import Luck
from sim.engine.compile import rule
from sim.engine.rules.admission import Admission, admit_families
from sim.engine.rules.advance import Advance, advance
from sim.engine.rules.calls import Calls, call_for_help
from sim.engine.rules.combat import Combat, fight
from sim.engine.rules.control import Control, change_control
from sim.engine.rules.counterattack import Counterattack, strike_back
from sim.engine.rules.crossing import Crossing, cross
from sim.engine.rules.flight import Flight, flee
from sim.engine.rules.founding import Founding
from sim.engine.rules.journeys import Journeys, travel
from sim.engine.rules.morale import Morale, settle_morale
from sim.engine.rules.news import News, spread_news
from sim.engine.rules.parley import Parley, parley
from sim.engine.rules.reserves import Reserves, deploy_reserves
from sim.engine.rules.retreat import Retreat, retreat
from sim.engine.rules.returning import Returning, bring_home
from sim.engine.rules.supply import Supply, supply
from sim.engine.timeline import Timeline, happen
from sim.engine.world import World


class Rules(NamedTuple):
    """The numbers of every rule, in the order of the day."""

    founding: Founding
    supply: Supply
    news: News
    calls: Calls
    morale: Morale
    advance: Advance
    parley: Parley
    combat: Combat
    control: Control
    retreat: Retreat
    crossing: Crossing
    flight: Flight
    journeys: Journeys
    admission: Admission
    reserves: Reserves
    returning: Returning
    counterattack: Counterattack


@rule
def live_one_day(world: World, rules: Rules, timeline: Timeline, luck: Luck) -> None:
    """News travels by night; men move before families; posts open last."""
    districts, provinces, roads, garrisons, units, forces, prongs, posts, refugees, queues, log, conditions, tally = (
        world
    )
    hungry, patience, day = rules.supply.hungry_below, rules.calls.patience_days, luck.day

    turn_the_day(units, posts)
    happen(timeline, districts, units, conditions, day, log, tally)
    muster(garrisons, units, forces, hungry, patience)
    supply(districts, roads, garrisons, units, rules.supply)
    spread_news(districts, provinces, roads, rules.news, day)
    call_for_help(districts, garrisons, units, rules.calls, day, log, tally)
    settle_morale(districts, units, conditions, rules.morale, hungry, patience, day)
    advance(districts, provinces, roads, garrisons, forces, prongs, rules.advance, luck, log, tally)
    muster(garrisons, units, forces, hungry, patience)
    parley(districts, provinces, garrisons, units, forces, conditions, rules.parley, luck, log, tally)
    fight(districts, roads, garrisons, units, forces, conditions, rules.combat, luck, log, tally)
    change_control(districts, garrisons, forces, rules.control, day, log, tally)
    retreat(districts, provinces, roads, garrisons, units, forces, posts, rules.retreat, rules.parley, luck, log, tally)
    cross(districts, units, posts, rules.crossing, luck, log, tally)
    flee(districts, provinces, roads, posts, refugees, rules.flight, luck, tally)
    travel(districts, roads, posts, refugees, queues, rules.journeys, tally)
    admit_families(districts, roads, posts, refugees, queues, conditions, rules.admission, luck, tally)
    deploy_reserves(districts, posts, conditions, rules.reserves, day, tally)
    bring_home(districts, provinces, units, rules.returning, luck, log, tally)
    strike_back(districts, roads, garrisons, units, forces, rules.counterattack, luck, log, tally)
