"""Run the campaigns of an explorable page: with the decisions as reported, and with each single other decision.

Each cell of the study has one source of chance (`worlds`) and at most one changed decision. Campaigns with the same
seed are a pair, with the same numbers and random draws, with and without the decision.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from rich.console import Console

from sim.configuration.changes import default_choices, describing_groups
from sim.configuration.compose import Composer
from sim.configuration.overrides import Override, Overrides, check_key
from sim.configuration.sweep import Sweep, alike, cell_of
from sim.data.facts import THE_LINE, Facts
from sim.errors import PanjError, unknown
from sim.execution.run import run_sweep
from sim.explorable.encoding import Course
from sim.options import Explorable
from sim.study.columns import CHANGES, DAILY
from sim.study.reader import Study, StudyCell, open_study
from sim.study.store import chunks_of

WORLDS = "worlds"
STUDY = "explorable"
# settings fixed by this verb
FIXED = ("end_date", "daily", WORLDS, "sampling", "precision.outcome", "precision.half_width")
LEAST_RUNS = 50  # the page gathers a sample of 50, and draws 50 dots


class Gathered(NamedTuple):
    """A finished study for a page, and the campaigns that finished in all of its cells."""

    study: Study
    facts: Facts
    worlds: tuple[str, ...]  # sources of chance: free, record
    decisions: tuple[str, ...]  # overrides such as `border=closed`; the first is empty, for the decisions as reported
    seeds: tuple[int, ...]
    hindsight: str  # note on decisions in worlds that followed the record; empty if there are none

    def cell_of(self, worlds: str, decision: str) -> StudyCell:
        """Return the cell of a decision in worlds of a kind."""
        wanted = {WORLDS: worlds, **usual_of(self.decisions), **dict([split(decision)] if decision else [])}
        return next(cell for cell in self.study.cells if dict(cell.values) == wanted)

    def courses(self) -> Iterator[Course]:
        """Return all campaigns in order of kind of worlds, seed and decision, so that pairs are adjacent."""
        for worlds in self.worlds:
            tables = [courses_of(self.study, self.cell_of(worlds, one), self.facts) for one in self.decisions]
            for seed in self.seeds:
                yield from (table[seed] for table in tables)


def split(decision: str) -> tuple[str, str]:
    """Return the group and the choice of a decision such as `border=closed`."""
    group, _, choice = decision.partition("=")
    return group, choice


def usual_of(decisions: Sequence[str]) -> dict[str, str]:
    """Return the choice as reported in each group that a decision changes."""
    return {split(one)[0]: default_choices()[split(one)[0]] for one in decisions if one}


def gather(request: Explorable, sweep: Sweep, console: Console) -> Gathered:
    """Run the campaigns of a page that are not stored.

    Args:
        request: The parsed command line.
        sweep: Its cells, as returned by `compose`.
        console: Console for progress.

    Returns:
        The study, and the seeds that finished in every cell.

    Raises:
        PanjError: Fewer than 50 seeds have finished in all cells.
        Stopped: After Ctrl-C; the same command continues.
    """
    ran = run_sweep(sweep, console)
    study = open_study(ran.folder)
    found = Gathered(study, sweep.base.facts, request.worlds, ("", *request.policies), (), "")
    cells = [found.cell_of(worlds, one) for worlds in found.worlds for one in found.decisions]
    finished = [set(seeds_of(study, cell)) for cell in cells]
    first = int(study.about["first_seed"])
    asked = range(first, first + sweep.base.runs)
    seeds = tuple(seed for seed in asked if all(seed in one for one in finished))
    if len(seeds) < LEAST_RUNS:
        raise PanjError(
            f"runs: found {len(seeds)} seeds with finished campaigns for every decision, expected at least {LEAST_RUNS}"
        )
    hindsight = next((cell.settings.question(None) for cell in sweep.cells if cell.settings.worlds), "")
    return found._replace(seeds=seeds, hindsight=hindsight)


def compose(request: Explorable) -> Sweep:
    """Compose and check every cell, before anything is run.

    Args:
        request: The parsed command line.

    Raises:
        PanjError: A decision is unknown, given twice or without effect, or a setting is not valid for this verb.
    """
    check_policies(request.policies)
    overrides = Overrides.of(request.overrides)
    for row in overrides:
        if row.key in FIXED:
            raise PanjError(f"{row.key}: found {row.text}, expected no value, because the page chooses it", key=row.key)
    name = "__".join([STUDY, *(split(one)[1] for one in request.policies * (request.policies != Explorable.policies))])
    given = [] if "study" in overrides else [f"study={name[:120]}"]
    fixed = Overrides.of([*overrides.words, *given, f"end_date={THE_LINE}"])
    composer = Composer(None)
    base = composer.settings(fixed)
    if base.runs < LEAST_RUNS:
        raise PanjError(f"runs: found {base.runs}, expected at least {LEAST_RUNS}, the sample that the page gathers")
    usual = {WORLDS: default_choices()[WORLDS], **usual_of(request.policies)}
    changed = [dict([split(one)] if one else []) for one in ("", *request.policies)]
    combinations = [{WORLDS: worlds, **change} for worlds in request.worlds for change in changed]
    cells = tuple(
        cell_of(number, overrides_of(change, usual), fixed, composer)._replace(values={**usual, **change})
        for number, change in enumerate(combinations)
    )
    for _, second in alike(cells):
        decision = ("", *request.policies)[second % len(changed)]
        raise PanjError(f"policies: found {decision}, which has no effect here, expected a decision with an effect")
    return Sweep(base, tuple(cells[0].values), cells, fixed.words, ())


def overrides_of(change: Mapping[str, str], usual: Mapping[str, str]) -> Overrides:
    """Return only the choices that differ from the defaults as overrides, since few overrides are composed quickly."""
    return Overrides.from_rows(Override.of(*pair) for pair in change.items() if usual[pair[0]] != pair[1])


def check_policies(policies: Sequence[str]) -> None:
    """Check that every decision is a choice in a group of policies, such as `border=closed`."""
    known = [group for group in describing_groups() if group not in ("scenario", "theory")]
    for one in policies:
        group, choice = split(one)
        if not choice:
            raise PanjError(f"policies: found '{one}', expected group=choice, such as border=closed")
        if group not in known:
            raise unknown("policies", group, known)
        check_key(group, choice)


def seeds_of(study: Study, cell: StudyCell) -> Iterator[int]:
    """Return the seeds of the finished campaigns of a cell."""
    for done, _ in chunks_of(study.folder, cell.fingerprint):
        yield from done["seed"].to_pylist()


def courses_of(study: Study, cell: StudyCell, facts: Facts) -> dict[int, Course]:
    """Return the finished campaigns of a cell, by seed."""
    nights = [f"{DAILY}crossed_{post}" for post in facts.post]
    found = {}
    for done, _ in chunks_of(study.folder, cell.fingerprint):
        crossed = [done[name].combine_chunks() for name in nights]
        for row, seed in enumerate(done["seed"].to_pylist()):
            counts = np.array([column[row].values.to_numpy() for column in crossed], np.int64).T
            found[seed] = Course(done[CHANGES][row].values.to_numpy().astype(np.int64), counts)
    return found
