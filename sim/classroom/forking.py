"""What if, on that day: one campaign that goes on twice from an evening, told and played side by side.

Reads   a choice of settings, a seed, an evening, one decision.
Gives   `Forked`: two films, the first event that differs, the days that differ, outcomes side by side.
Assumed What `sim.study.turning` says of a change. Both branches have the same luck.
"""

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from sim.classroom.desk import Words, the_desk
from sim.classroom.watching import chronicle_from, film_of, said_of
from sim.errors import CampaignError
from sim.outcomes import count_outcomes
from sim.show.fork_reading import branches_of, changed_of, first_difference, first_evening, with_late
from sim.show.fork_telling import (
    TwoDays,
    cells_of,
    chosen_outcomes,
    tell_first,
    tell_same_outcomes,
    two_stories,
)
from sim.show.language import language_of
from sim.study.branches import live_branches
from sim.study.fork import about_turn
from sim.study.fork_tables import outcome_rows
from sim.study.relive import cannot_end
from sim.study.turning import check_effect, turn_of
from sim.study.work import outcomes_of

KEPT = 30  # forks of a room


class Forked(NamedTuple):
    """Two branches of one campaign, ready to be shown."""

    films: tuple[str, str]  # as it went, and changed
    day: int  # on whose evening they part
    first: tuple[str, ...]  # the first event that differs, in words
    first_day: int | None  # of that event, or of the first evening whose numbers differ; None where nothing does
    days: tuple[TwoDays, ...]  # that differ
    same_days: int
    outcomes: tuple[tuple[str, ...], ...]  # label, reported, as it went, changed, difference
    same_outcomes: str
    left: tuple[str, ...]  # numbers of the change that act on day 0 alone


@lru_cache(maxsize=KEPT)
def fork(words: Words, seed: int, evening: date, change: str) -> Forked:
    """Live both branches; PanjError for a change that cannot be made on that evening, or that changes nothing."""
    turn = turn_of(words, (change,), evening, the_desk())
    check_effect(turn, (seed,), (change,))
    settings, language = turn.before, language_of()
    try:
        lived = live_branches(*turn.courses(seed), seed, settings.days, turn.day)
    except CampaignError as error:
        raise cannot_end(seed, error) from error
    about = {**said_of(settings, seed), **about_turn(turn, (change,))}
    before = chronicle_from(lived[0], settings, about)
    after = with_late(chronicle_from(lived[1], settings, changed_of(about)), about, language)
    table = outcomes_of(settings.start_date, settings.days)
    counted = [count_outcomes(one, table, settings.facts, settings.start_date) for one in lived]
    rows = [{key: str(value) for key, value in row.items()}
            for row in outcome_rows(table, (counted[0], counted[1]), settings.start_date)]  # fmt: skip
    branches = branches_of(about, before, after, rows, [])
    days, same_days = two_stories(branches, language)
    difference = first_difference(branches.before, branches.after)
    first = difference.day if difference else first_evening(branches.before, branches.after)
    films = [film_of(one, settings, told, language) for one, told in zip(lived, (before, after), strict=True)]
    return Forked(
        (films[0], films[1]), turn.day, tuple(tell_first(branches, language)),
        (first - settings.start_date).days if first else None, tuple(days), same_days,
        tuple(cells_of(row) for row in chosen_outcomes(branches)),
        " ".join(tell_same_outcomes(branches, language)).strip(), turn.left,
    )  # fmt: skip
