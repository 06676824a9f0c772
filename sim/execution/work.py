"""Run campaigns of a cell on a worker and return their results as a table.

An `Order` is small and self-contained, so that it can be sent to a thread, a process or another machine. Each worker
builds the layouts that it needs and caches the last few. This module imports no slow modules.
"""

import time
import traceback
from collections.abc import Sequence
from datetime import date

import pyarrow as pa

from sim.configuration.draws import Draws
from sim.configuration.settings import Attention, Order, Piece, PostChanges
from sim.data import own
from sim.data.facts import facts_here
from sim.data.own import remembered
from sim.engine.campaign import run_campaign
from sim.engine.compile import fingerprint_of_rules
from sim.engine.day import Rules
from sim.engine.layout import Layout, fresh, lay_out
from sim.engine.world import World
from sim.errors import PanjError
from sim.outcome import Outcome, fingerprint_of_outcomes, read_outcomes
from sim.study.columns import DRAWN, Failure, RunRows, chunk_of, rows_of

LAID_OUT_BY = {"founding", "flight", "journeys", "crossing", "admission", "reserves"}  # rules that affect the layout


def work(pieces: Sequence[Piece]) -> list[pa.Table]:
    """Run the campaigns of a task.

    Args:
        pieces: Seeds of one or several cells, each with the settings of its cell.

    Returns:
        One chunk per piece, with one row per campaign; the row of a failed campaign contains its error instead of
        results.

    Raises:
        PanjError: If data, rules or outcomes of this worker differ from those of the sender, or if a folder of own
            files is missing here.
    """
    return [run_piece(piece) for piece in pieces]


def work_timed(pieces: Sequence[Piece]) -> tuple[list[pa.Table], float]:
    """Run the campaigns of a task and return the result of `work` with its duration in seconds."""
    started = time.perf_counter()
    return work(pieces), time.perf_counter() - started


def run_piece(piece: Piece) -> pa.Table:
    """Run the campaigns of one piece in order and return a chunk with one row per campaign."""
    order = piece.order
    check_versions(order.fingerprints, order.config_dir)
    layout = layout_of(order.rules, order.attention, order.posts)
    table = outcomes_of(order.start, order.days)
    world = fresh(layout.world)  # reused by all campaigns
    rows = [run_seed(order, layout, table, seed, world) for seed in piece.seeds]
    return with_drawn(chunk_of(rows, table, layout.facts, order.days, order.daily), order.draws)


def run_seed(order: Order, layout: Layout, table: Sequence[Outcome], seed: int, world: World) -> RunRows | Failure:
    """Run one campaign of a cell.

    Args:
        order: Settings of the cell, in the form that is sent to workers.
        layout: Layout of the cell, which is the world before the draws of day 0.
        table: Outcomes to count.
        seed: Seed of the campaign.
        world: World that the campaign overwrites.

    Returns:
        The results of the campaign, or its error if it fails.
    """
    try:
        draws = order.draws
        rules = order.rules if draws is None else draws.rules_of(seed)
        seeds = seed if draws is None else draws.luck(seed)
        campaign = run_campaign(layout.world, rules, order.timeline, seeds, order.days, world)
        return rows_of(campaign._replace(seed=seed), table, layout.facts, order.start)
    except Exception as error:
        return Failure(seed, f"{type(error).__name__}: {error}", traceback.format_exc())


def with_drawn(chunk: pa.Table, draws: Draws | None) -> pa.Table:
    """Add a column to a chunk for each drawn number, including values for failed campaigns."""
    if draws is None:
        return chunk
    drawn = [draws.numbers(seed) for seed in chunk["seed"].to_pylist()]
    for prior in draws.priors:
        chunk = chunk.append_column(DRAWN + prior.key, pa.array([row[prior.key] for row in drawn], pa.float64()))
    return chunk


def check_versions(expected: tuple[str, str, str], config_dir: str = "") -> None:
    """Raise PanjError if the data, rules or outcomes of this worker differ from those of the sender.

    Args:
        expected: Fingerprints of the data, rules and outcomes of the sender.
        config_dir: Folder of own files read by the sender; empty if there is none.
    """
    own.follow(config_dir)
    if versions_here() != expected:
        own.refresh()  # the user's files may have changed since an earlier task
    for name, here, there in zip(("data", "rules", "outcomes"), versions_here(), expected, strict=True):
        if here != there:
            raise PanjError(
                f"executor: found {name} of version {here} on a worker, expected {there}; "
                + (
                    f"start workers with {own.VARIABLE}={config_dir}"
                    if config_dir
                    else "update the worker's copy of Panj"
                )
            )


@remembered(maxsize=1)
def versions_here() -> tuple[str, str, str]:
    """Return the fingerprints of data, rules and outcomes of this process."""
    return facts_here().fingerprint, fingerprint_of_rules(), fingerprint_of_outcomes()


def layout_of(rules: Rules, attention: Attention, posts: PostChanges) -> Layout:
    """Return the world before the draws of day 0.

    The world is cached, and is shared by cells whose rules differ only in numbers that do not affect it.

    Args:
        rules: Parameters of every rule.
        attention: Weight of each region in Taliban planning, for regions whose weight is not 1.
        posts: Changes that policies make to each post, keyed by trait.
    """
    others = dict.fromkeys(set(Rules._fields) - LAID_OUT_BY)
    return layout_by(rules._replace(**others), attention, posts)  # type: ignore[arg-type]


@remembered(maxsize=2)
def layout_by(rules: Rules, attention: Attention, posts: PostChanges) -> Layout:
    """Return the layout for these arguments, from a cache if possible.

    Rules that must not affect the layout are None, so that any attempt to read one raises an error.
    """
    return lay_out(facts_here(), rules, dict(attention), {post: dict(change) for post, change in posts})


@remembered(maxsize=8)
def outcomes_of(start: date, days: int) -> tuple[Outcome, ...]:
    """Return the outcomes of campaigns with a given start and length, from a cache if possible.

    Args:
        start: Date of day 0.
        days: Number of days after day 0.
    """
    return read_outcomes(facts_here(), start, days)
