"""Run the steps of one day in order, and define `Rules`, the parameters of all steps."""

from typing import NamedTuple

from sim.engine.bookkeeping import Endurance, muster, start_day
from sim.engine.chance import Seeds
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
from sim.engine.timeline import Timeline, apply_events
from sim.engine.world import World, armies_of, border_of, land_of, today_of


class Rules(NamedTuple):
    """Parameters of all rules: first those for day 0, then those of the other rules in the order of a day."""

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
def run_day(world: World, rules: Rules, timeline: Timeline, seeds: Seeds, day: int) -> None:
    """Run all steps of one day after day 0, in order."""
    land, armies, border, today = land_of(world), armies_of(world), border_of(world), today_of(world, seeds, day)
    endurance = Endurance(rules.supply.hungry_below, rules.calls.patience_days)
    districts, units, posts = world.districts, world.units, world.posts

    start_day(units, posts)
    apply_events(timeline, districts, armies, today)
    muster(districts, armies, endurance)
    supply(land, armies, rules.supply)
    spread_news(land, rules.news, day)
    call_for_help(districts, armies, rules.calls, today)
    settle_morale(districts, units, rules.morale, endurance, today)
    advance(land, armies, rules.advance, today)
    muster(districts, armies, endurance)
    parley(land, armies, rules.parley, today)
    fight(land, armies, rules.combat, today)
    change_control(districts, armies, rules.control, today)
    retreat(land, armies, posts, rules.retreat, rules.parley, today)
    cross(districts, units, posts, rules.crossing, today)
    flee(land, border, rules.flight, today)
    travel(land, border, rules.journeys, today)
    admit_families(land, border, rules.admission, today)
    deploy_reserves(districts, posts, rules.reserves, today)
    bring_home(land, armies, rules.returning, today)
    strike_back(land, armies, rules.counterattack, today)
