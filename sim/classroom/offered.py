"""Outcomes about which a class may be asked: numbers of the baseline's days, but those that count the dead.

A guess at how many die, scored, would make a game of it; such outcomes stand on the other pages, beside their sources.
"""

from collections.abc import Mapping
from functools import cache

from sim.classroom.desk import the_desk
from sim.evidence import read_evidence
from sim.facts import THE_LINE
from sim.outcomes import read_outcomes, reported_of
from sim.study.finished import Measure

COUNTS_THE_DEAD = "killed"  # in the name of an outcome
DATE = "date"  # the unit of what is no number


def measure_of(outcome: str) -> Measure:
    """Label, unit and what was reported; an outcome that is offered no more still has its name."""
    nothing = {"value": None, "low": None, "high": None, "evidence": ""}
    return offered().get(outcome) or Measure(outcome, outcome, "", False, nothing)


@cache
def beyond_the_record() -> frozenset[str]:
    """Outcomes that are counted past the evening of 7 July, of which nothing is known to set beside them."""
    settings = the_desk().settings(())
    last = (THE_LINE - settings.start_date).days
    table = read_outcomes(settings.facts, settings.start_date, settings.days)
    return frozenset(row.name for row in table if row.last > last)


@cache
def offered() -> Mapping[str, Measure]:
    """By name, in the order of the table: label, unit and what was reported."""
    settings = the_desk().settings(())
    evidence = {figure.id: figure for figure in read_evidence()}
    return {
        row.name: Measure(row.name, row.label, row.unit, False, reported_of(row, evidence)._asdict())
        for row in read_outcomes(settings.facts, settings.start_date, settings.days)
        if row.unit != DATE and COUNTS_THE_DEAD not in row.name
    }
