"""The board of three districts, on which assimilation is proved: a few days that cost little, and three reports."""

import math
from collections.abc import Mapping, Sequence
from datetime import date

from assimilate import Ground
from board import LINE, calm_rules, facts_of, timeline_of

from sim.assimilation import campaigns
from sim.assimilation.observations import Observation
from sim.configuration.draws import Draws, Prior
from sim.configuration.settings import Order
from sim.engine.day import Rules
from sim.engine.layout import lay_out
from sim.engine.world import Act, Condition
from sim.execution.work import versions_here

START = date(2021, 6, 5)
PRIORS = (
    Prior("rules.parley.intercept", -6.0, 2.0, "linear"),
    Prior("rules.morale.base", 0.2, 0.9, "linear"),
    Prior("rules.retreat.road_open", 0.2, 1.0, "linear"),
    Prior("rules.founding.resolve_unit", 0.1, 1.5, "log"),
)
AT_WAR = {
    "founding": {
        "first_gather_days": 1.0, "size_spread": 0.35, "influence_spread": 0.8, "taliban_men": 1500, "mobile_men": 700,
    },
    "flight": {"rows": 60, "people_per_row": 500},
}  # fmt: skip


BASE = calm_rules(**AT_WAR)


class BoardDraws(Draws):
    """Numbers of the board, which lie outside the ranges of the country."""

    def rules(self, drawn: Mapping[str, float]) -> Rules:
        """The numbers of the board with those drawn."""
        rules = BASE
        for key, value in drawn.items():
            _, rule, name = key.split(".")
            rules = rules._replace(**{rule: getattr(rules, rule)._replace(**{name: value})})
        return rules


def order_of(*events: tuple[int, int, int, float]) -> Order:
    """The board with dated events."""
    draws = BoardDraws("prior", PRIORS, (), ())
    timeline = timeline_of((0, Act.SET, Condition.PAY, 0.7), *events)
    return Order("board", BASE, draws, timeline, (), (), START, 9, False, versions_here())


def observation(name: str, quantity: str, until: date, value: float, likelihood: str, sd: float) -> Observation:
    """A report."""
    return Observation(
        name, name, quantity, (), START, until, until, False, value, (), likelihood, sd, 0.7, 4.0, "a test"
    )  # fmt: skip


FIRST, LAST = date(2021, 6, 8), date(2021, 6, 11)
REPORTS = (
    observation("fallen_first", "fallen", FIRST, 1.0, "thinned", math.nan),
    observation("held_last", "share_held", LAST, 0.6, "normal", 0.3),
    observation("crossed_last", "crossed", LAST, 60.0, "log", 1.2),
)


def one_stage(reports: Sequence[Observation]) -> tuple[Observation, ...]:
    """The reports, all as if of the last day, so that nothing is conditioned stage by stage."""
    return tuple(one._replace(until=LAST) for one in reports)


def in_turn(batches: Sequence[campaigns.Batch]) -> list[campaigns.Floats]:
    """Every batch in this process."""
    return [campaigns.run_batch(batch) for batch in batches]


def board_ground() -> Ground:
    """The ground; the workers of assimilation here know the board instead of the country."""
    facts = facts_of(LINE)
    layout = lay_out(facts, BASE, {}, {})
    campaigns.facts_here, campaigns.layout_of = lambda: facts, lambda *_: layout
    late = (99, Act.SET, Condition.AIR_COVER, 1.0)  # a day that no campaign of a proof reaches
    return Ground(order_of(), order_of((1, Act.REINFORCE, 2, 80.0)), order_of(late), REPORTS, in_turn)
