"""Estimate main effects and two-way interactions of the swept keys over a full grid, paired by seed.

An effect is computed within each world and then averaged over worlds. A *main effect* is the change in the outcome when
one key differs from its base value, averaged over the values of the other keys. An *interaction* is the change in that
effect when a second key also differs from its base value, averaged over the values of the remaining keys; it is zero if
the two effects add up.

Source  Replicated factorial designs, with t intervals of effects over replications and Bonferroni's inequality for
        several of them: Law 2015, sections 9.7 and 12.2; a bootstrap has too few resamples beyond the joint quantiles.
        A single effect is a paired mean difference, and has the interval that a comparison gives it
        (`sim.compare.pairs`). Effects on a risk: `sim.compare.risk.interval_of_risk`.
Assumed Worlds are exchangeable.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from sim.compare.pairs import METHOD, Baseline, clear, interval_of_mean, never_varies, over_runs
from sim.compare.risk import METHOD_OF_RISK, format_bounds, interval_of_risk, judge_risk
from sim.compare.sentences import RISK, difference_in_words, format_ends, quote_outcome
from sim.errors import PanjError
from sim.options import Range
from sim.study.reader import Measure, Study, Value, Worlds, runs_of_seeds, same
from sim.wording import counted, format_day, say, significant

MOST_EFFECTS = 2_000  # largest number of effects; with more, joint intervals would be too wide to be useful
MOST_NAMED = 4  # maximum number of effects to describe one by one
HALF = 0.5  # share of the risk by which a change must reduce it to be said to halve it
METHOD_OF_EFFECTS = "95 % jointly over all effects of this table (Bonferroni); t over worlds"
METHOD_OF_RISKS = "95 % jointly over all effects of this table (Bonferroni); adjusted Wald (Bonett and Price 2012)"


class Effect(NamedTuple):
    """A main effect or an interaction of two keys, in the unit of the outcome or as a share of worlds."""

    kind: str  # `main` or `interaction`
    keys: str  # one key, or two joined by ` x `
    change: str  # description such as `border=closed instead of as_reported`; two changes are joined by ` x `
    # for a main effect, the outcome at the base value of the key, averaged over the other keys; otherwise NaN
    base: float
    size: float
    low: float  # lower end of the joint 95 % interval
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether the joint interval excludes zero."""
        return clear(self.low, self.high)


class Prevention(NamedTuple):
    """What one change does to the event if every other key has its base value."""

    change: str  # description such as `border=closed instead of as_reported`
    prevented: int  # worlds with the event in the base cell, but not with the change
    caused: int  # worlds with the event only with the change
    low: float  # lower end of the joint interval of the risk with the change minus half the risk in the base cell
    high: float


class Effects(NamedTuple):
    """All effects on one outcome, with the paragraph that describes them."""

    effects: tuple[Effect, ...]  # effects in descending order of size
    worlds: int
    left_out: int  # number of worlds left out because some cell has no value
    risk: float  # risk in the base cell; NaN without a threshold
    preventions: tuple[Prevention, ...]  # one per changed key and value; empty without a threshold
    paragraph: str  # description of the effects in sentences


def name_of_interval(effects: int) -> str:
    """Name the interval of an effect in a table of a number of effects: with several, their intervals are joint."""
    return "joint 95 % interval" if effects > 1 else "95 % interval"


def method_of(effects: int, asked: Range | None) -> str:
    """Describe the method of the intervals in a table of a number of effects on values, or on the risk of a range."""
    if effects == 1:
        return METHOD if asked is None else METHOD_OF_RISK
    return METHOD_OF_EFFECTS if asked is None else METHOD_OF_RISKS


def effects_of(
    study: Study, worlds: Mapping[int, Worlds], measure: Measure, baseline: Baseline, asked: Range | None = None
) -> Effects:
    """Estimate all main effects and two-way interactions of the swept keys.

    Args:
        study: A study of a full grid.
        worlds: Values of the outcome in each cell, keyed by cell number; zeros and ones if a range is requested.
        measure: Description of the outcome.
        baseline: The baseline, which determines the base value of each key.
        asked: Range of values that counts as the event whose risk is analysed; by default, values are analysed.

    Returns:
        The effects with joint 95 % intervals, and a paragraph that describes them.

    Raises:
        PanjError: The cells are not a full grid, have fewer than two seeds with a value in common, or there are too
            many effects.
    """
    base = dict((baseline.cell or study.default_cell).values) | dict(baseline.pinned)
    levels = {key: levels_of(study, key, base[key]) for key in study.swept}
    table, seeds, left_out = table_of(study, worlds, levels)
    runs = runs_of_seeds(seeds, study.sampler_runs)
    changes = [(axis, level) for axis, values in enumerate(levels.values()) for level in range(1, len(values))]
    pairs = [(one, two) for one, two in combinations(changes, 2) if one[0] != two[0]]
    count = len(changes) + len(pairs)
    if count > MOST_EFFECTS:
        raise PanjError(f"effects: found {count} effects in {len(study.cells)} cells, expected at most {MOST_EFFECTS}")
    names = {(axis, level): describe_change_of(key, values, level)
             for axis, (key, values) in enumerate(levels.items()) for level in range(1, len(values))}  # fmt: skip
    keys = list(levels)
    found = []
    for axis, level in changes:
        values = mean_of(difference_in(table, axis, level))
        at_base = float(np.take(table, 0, axis + 1).mean())
        found.append(effect_of("main", keys[axis], names[axis, level], at_base, values, asked, 1.0, count, runs))
    for one, two in pairs:
        values = mean_of(difference_in(difference_in(table, *one), *two))
        both = f"{keys[one[0]]} x {keys[two[0]]}"
        found.append(
            effect_of("interaction", both, f"{names[one]} x {names[two]}", math.nan, values, asked, 2.0, count, runs)
        )
    found.sort(key=lambda effect: -abs(effect.size))
    risk = float(table.reshape(len(table), -1)[:, 0].mean()) if asked else math.nan
    preventions = tuple(prevention_by(table, *one, names[one], len(changes), runs) for one in changes) if asked else ()
    effects = Effects(tuple(found), len(table), left_out, risk, preventions, "")
    return effects._replace(paragraph=paragraph_of(effects, measure, asked, len(study.cells)))


def is_full_grid(study: Study) -> bool:
    """Return whether a study of several cells has every combination of the values of its swept keys once."""
    combinations_there = {tuple(cell.values[key] for key in study.swept) for cell in study.cells}
    possible = math.prod(len({cell.values[key] for cell in study.cells}) for key in study.swept)
    return len(study.cells) == len(combinations_there) == possible >= 2


def levels_of(study: Study, key: str, base: Value) -> list[Value]:
    """Return the distinct values of a swept key, with the base value first."""
    values = list(dict.fromkeys(cell.values[key] for cell in study.cells))
    return [value for value in values if same(value, base)] + [value for value in values if not same(value, base)]


def table_of(
    study: Study, worlds: Mapping[int, Worlds], levels: Mapping[str, Sequence[Value]]
) -> tuple[np.ndarray, np.ndarray, int]:
    """Arrange the outcome in an array of worlds x values of the first key x values of the second key, and so on.

    Returns:
        The array, the seeds of its worlds, and the number of worlds excluded because a cell has no value in them.

    Raises:
        PanjError: The cells are not a full grid, or fewer than two worlds have a value in every cell.
    """
    shape = [len(values) for values in levels.values()]
    places = [tuple(levels[key].index(cell.values[key]) for key in levels) for cell in study.cells]
    if not is_full_grid(study):
        raise PanjError(
            f"effects: found {counted(len(places), 'cell')}, expected every combination of the values of "
            f"{', '.join(levels) or 'swept keys'} once ({math.prod(shape)}), as in a full grid; a Latin hypercube "
            "cannot be used"
        )
    every = [worlds[cell.number] for cell in study.cells]
    seeds, counts = np.unique(np.concatenate([one.seeds for one in every]), return_counts=True)
    common = seeds[counts == len(every)]
    flat = np.empty((common.size, len(every)))
    for place, one in zip(np.ravel_multi_index(tuple(zip(*places, strict=True)), shape), every, strict=True):
        order = np.argsort(one.seeds)
        flat[:, place] = one.values[order[np.searchsorted(one.seeds[order], common)]]
    known = ~np.isnan(flat).any(axis=1)
    table = flat[known].reshape(-1, *shape)
    if len(table) < 2:
        raise PanjError(
            f"effects: found {counted(len(table), 'seed')} with a value in every cell, expected at least 2: run "
            "the cells with the same seed= and runs="
        )
    return table, common[known], int(seeds.size) - len(table)


def difference_in(table: np.ndarray, axis: int, level: int) -> np.ndarray:
    """Return the outcome at another value of a key minus that at its base value; the axis is kept."""
    values = np.take(table, [0, level], axis + 1)
    return np.diff(values, axis=axis + 1)


def mean_of(differences: np.ndarray) -> np.ndarray:
    """Average differences (worlds x any other axes) within each world, to one value per world."""
    return np.asarray(differences.reshape(len(differences), -1).mean(axis=1))


def describe_change_of(key: str, values: Sequence[Value], level: int) -> str:
    """Describe a change of one key, such as `border=closed instead of as_reported`."""
    return f"{key}={say(values[level])} instead of {say(values[0])}"


def effect_of(
    kind: str,
    keys: str,
    change: str,
    base: float,
    values: np.ndarray,
    asked: Range | None,
    most: float,
    count: int,
    runs: np.ndarray | None,
) -> Effect:
    """Average an effect over worlds, and compute its interval, Bonferroni-adjusted for `count` effects.

    A single effect has the interval of a comparison. With worlds of several runs of the sampler, the interval is at
    least as wide as that over runs.
    """
    alpha = 0.05 / count
    ends = over_runs(ends_of_effect(values, asked, most, count), values, runs, alpha=alpha)
    return Effect(kind, keys, change, base, float(values.mean()), *ends)


def ends_of_effect(values: np.ndarray, asked: Range | None, most: float, count: int) -> tuple[float, float]:
    """Compute the interval of an effect over worlds, Bonferroni-adjusted for `count` effects."""
    from scipy.stats import t as student  # slow to import

    alpha, size = 0.05 / count, float(values.mean())
    if asked is not None:
        return interval_of_risk(values, most, alpha)
    if count == 1:
        return interval_of_mean(values)
    spread = 0.0 if never_varies(values) else float(values.std(ddof=1))
    half = float(student.ppf(1 - alpha / 2, values.size - 1)) * spread / math.sqrt(values.size)
    return size - half, size + half


def prevention_by(
    table: np.ndarray, axis: int, level: int, change: str, count: int, runs: np.ndarray | None
) -> Prevention:
    """Compare the event in the cell with one change and in the base cell, world by world.

    Args:
        table: (worlds, values of the first key, values of the second key, ...) Ones in worlds with the event, otherwise
            zeros.
        axis: Number of the changed key.
        level: Number of its value.
        change: Description of the change.
        count: Number of such changes, for which the intervals are adjusted (Bonferroni).
        runs: Run of the sampler of each world; None if worlds are unrelated.
    """
    changed: tuple[slice | int, ...] = (slice(None), *(level if key == axis else 0 for key in range(table.ndim - 1)))
    values, base = table[changed], table.reshape(len(table), -1)[:, 0]
    _, risk = judge_risk(values, base)
    alpha = 0.05 / count
    above_half = values - HALF * base  # its mean is negative if the change more than halves the risk
    low, high = over_runs(interval_of_risk(above_half, alpha=alpha), above_half, runs, alpha=alpha)
    return Prevention(change, risk.prevented, risk.caused, low, high)


def paragraph_of(found: Effects, measure: Measure, asked: Range | None, cells: int) -> str:
    """Describe effects in a paragraph: prevention of the event (with a threshold), main effects and interactions."""
    main = [effect for effect in found.effects if effect.kind == "main"]
    others = [effect for effect in found.effects if effect.kind == "interaction"]
    interval = name_of_interval(len(found.effects))
    averaged = ", averaged over the other settings" if others else ""
    unit = RISK if asked else measure
    question, sentences = quote_outcome(measure), []
    if asked is not None:
        event = f"{question} is {format_bounds(asked, measure)}"
        sentences = [describe_prevention(found, event)] if found.risk > 0 else []
        question = (
            f"this risk ({format_day(measure.last_day)})"
            if sentences and measure.last_day
            else f"the risk that {event}"
        )
    clear_ones = [effect for effect in main if effect.is_clear]
    sentences += [
        f"With {effect.change}, {question} is {difference_in_words(effect.size, unit)} "
        f"({interval}: {format_ends(effect.low, effect.high, unit)}){averaged}."
        for effect in clear_ones[:MOST_NAMED]
    ]
    if len(clear_ones) > MOST_NAMED:
        sentences.append(f"The intervals of {len(clear_ones) - MOST_NAMED} smaller main effects exclude zero as well.")
    unclear = [effect.change for effect in main if not effect.is_clear]
    if unclear:
        sentences.append(f"No main effect on {question} was detected for {list_some(unclear)}.")
    sentences += describe_interactions(others, question, unit)
    joint = (
        f"; the intervals of all {len(found.effects)} effects have a joint confidence level of 95 % (Bonferroni)"
        if len(found.effects) > 1
        else ""
    )
    sentences.append(f"Computed within each of {counted(found.worlds, 'world')} over {cells} cells{joint}.")
    return " ".join(sentences)


def describe_prevention(found: Effects, event: str) -> str:
    """Describe which single changes would, would not, or might halve the risk, and in how many worlds they prevent it.

    Every change is made alone, with the other keys at their base values, so the numbers are those of a comparison.
    """
    changes = found.preventions
    happened = round(found.risk * found.worlds)
    told = [
        f"In this model {event} in {significant(100 * found.risk)} % of the worlds at the base settings "
        f"({happened:,} of {found.worlds:,})."
    ]
    would = [one.change for one in changes if one.high < 0]
    would_not = [one.change for one in changes if one.low > 0]
    unsure = [one.change for one in changes if one.low <= 0 <= one.high]
    if len(would_not) == len(changes):
        interval = name_of_interval(len(changes))
        none = {1: "The one change would not have", 2: "Neither of the two changes alone would have"}
        told.append(
            f"{none.get(len(changes), f'None of the {len(changes)} changes alone would have')} halved this risk: "
            f"{'each' if len(changes) > 1 else 'its'} {interval} excludes it."
        )
    else:
        for names, verb in (
            (would, "This risk would have been more than halved by"),
            (would_not, "It would not have been halved by"),
            (unsure, "It is unclear whether it would have been halved by"),
        ):
            if names:
                told.append(f"{verb} {list_some(names)}.")
    counts = [
        f"{one.change}, prevented in {one.prevented:,} and caused in {one.caused:,}"
        for one in sorted(changes, key=lambda one: one.caused - one.prevented)
    ]
    told.append(f"Of the {happened:,} and of the other {found.worlds - happened:,} worlds: {list_some(counts)}.")
    return " ".join(told)


def list_some(names: Sequence[str]) -> str:
    """Join the first MOST_NAMED names, followed by the number of any others."""
    more = f"; and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return "; ".join(names[:MOST_NAMED]) + more


def describe_interactions(others: Sequence[Effect], question: str, unit: Measure) -> list[str]:
    """Describe how many interactions have intervals that exclude zero, and the largest of them."""
    if not others:
        return []
    clear_ones = [effect for effect in others if effect.is_clear]
    if not clear_ones:
        return [f"No interaction on {question} was detected: within the intervals the effects add up."]
    first = clear_ones[0]
    return [
        f"{len(clear_ones)} of {len(others)} interactions {'has' if len(clear_ones) == 1 else 'have'} an interval "
        "that excludes zero. The "
        f"largest: with {first.change.replace(' x ', ' and ')} together, {question} is "
        f"{difference_in_words(first.size, unit)} than the two effects add up to "
        f"(joint 95 % interval: {format_ends(first.low, first.high, unit)})."
    ]
