"""Where truths lie in their posteriors, and what follows: even ranks, intervals as wide as they say, what is found.

Reads   ranks, means and variances of posteriors, which `sim.study.soundness` made.
Gives   rows of tables and sentences.
Assumed Intervals are too narrow or too wide when they hold fewer or more truths than they should (exact binomial test).
        Where ranks are uneven all the same (Kolmogorov-Smirnov) they are off-centre if the mean rank is more than 1.96
        standard errors from the middle, and else too narrow or too wide by the sum of what intervals miss. All tests
        of all numbers of one check are held to a false discovery rate of 5 % (Benjamini and Hochberg 1995): of the
        faults that are named, one in twenty is luck on average. How many truths there are decides how small a fault
        can be seen; all fitted numbers together show a smaller one than each by itself.
        A number is identified when the fit takes away half or more of the squared error of knowing only the prior, and
        weakly from a twentieth on if that is more than two standard errors. A narrow posterior alone earns nothing.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, false_discovery_control, kstest

if TYPE_CHECKING:
    from sim.study.calibrate import Fit

ALPHA = 0.05  # of the faults that are named: the share that is luck
IDENTIFIED, WEAKLY = 0.5, 0.05  # least recovery
INTERVALS = (0.5, 0.9)
NARROW, WIDE, UNEVEN, SOUND = "too narrow", "too wide", "off-centre", "no fault seen"
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Found(NamedTuple):
    """What fits made of their truths; truths x numbers."""

    rows: Integers  # of the bank, a truth each
    truths: Floats  # as shares of the prior
    ranks: Floats  # share of the posterior below the truth, 0 to 1
    means: Floats  # of the posterior, as shares of the prior
    spreads: Floats  # variances of the posterior, on shares of the prior


class Coverage(NamedTuple):
    """How often an interval held the truth."""

    share: float
    low: float  # ends of the 95 % interval of that share (Wilson 1927)
    high: float
    chance: float  # of a share as far from the right one by luck


class Verdict(NamedTuple):
    """What one check says of one number."""

    coverage: tuple[Coverage, ...]  # of 50 % and 90 % intervals
    uneven: float  # chance of ranks as uneven by luck
    chance: float  # the smallest chance of the three tests, adjusted for all numbers
    width: str
    recovery: float  # share of the squared error of the prior's middle that the fit's mean takes away
    error: float  # one standard error of that, by jackknife over truths
    identified: str


def rank_in(drawn: Floats, weights: Floats, truth: Floats, luck: np.random.Generator) -> Floats:
    """The share of the weight below the truth, a number each; the truth is one more draw, of the mean weight.

    It lies anywhere among the draws that equal it, so that whole numbers have even ranks as well.
    """
    below = weights @ (drawn < truth)
    level = weights @ (drawn == truth) + weights.mean()
    ranks: Floats = (below + luck.random(truth.size) * level) / (weights.sum() + weights.mean())
    return ranks


def coverage_of(ranks: Floats, interval: float) -> Coverage:
    """The central interval holds the truth when its rank lies between the interval's ends."""
    tail = (1 - interval) / 2
    test = binomtest(int(((ranks >= tail) & (ranks <= 1 - tail)).sum()), ranks.size, interval)
    ends = test.proportion_ci(0.95, "wilson")
    return Coverage(test.statistic, ends.low, ends.high, test.pvalue)


def recovery_of(truths: Floats, means: Floats) -> tuple[float, float]:
    """The share of squared error taken away, and its standard error."""
    before, after = (truths - 0.5) ** 2, (truths - means) ** 2
    without = 1 - (after.sum() - after) / (before.sum() - before)
    return float(1 - after.sum() / before.sum()), float(np.sqrt((truths.size - 1) * without.var()))


def verdicts_of(found: Found) -> list[Verdict]:
    """A verdict a number, with the tests of all numbers adjusted together."""
    covered = [tuple(coverage_of(ranks, interval) for interval in INTERVALS) for ranks in found.ranks.T]
    uneven = [float(kstest(ranks, "uniform").pvalue) for ranks in found.ranks.T]
    chances = np.array([[*(one.chance for one in both), ks] for both, ks in zip(covered, uneven, strict=True)])
    chances = false_discovery_control(chances.ravel()).reshape(chances.shape)
    verdicts = []
    for place, both in enumerate(covered):
        recovery, error = recovery_of(found.truths[:, place], found.means[:, place])
        width = width_of(both, chances[place], found.ranks[:, place])
        chance, identified = float(chances[place].min()), identified_by(recovery, error)
        verdicts.append(Verdict(both, uneven[place], chance, width, recovery, error, identified))
    return verdicts


def width_of(covered: Sequence[Coverage], chances: Floats, ranks: Floats) -> str:
    """The gravest fault that was seen; a chance an interval, and one of ranks as uneven."""
    faults = [one.share - right for one, right, chance in zip(covered, INTERVALS, chances, strict=False)
              if chance < ALPHA]  # fmt: skip
    if faults:
        return NARROW if min(faults) < 0 else WIDE
    if chances[-1] >= ALPHA:
        return SOUND
    if abs(ranks.mean() - 0.5) * np.sqrt(12 * ranks.size) > 1.96:
        return UNEVEN
    return NARROW if sum(one.share - right for one, right in zip(covered, INTERVALS, strict=True)) < 0 else WIDE


def identified_by(recovery: float, error: float) -> str:
    """Whether the evidence says anything of a number."""
    if recovery < WEAKLY or recovery <= 2 * error:
        return "not identified"
    return "identified" if recovery >= IDENTIFIED else "weakly identified"


def rows_of_soundness(made: "Fit", checks: Mapping[str, Found]) -> list[dict[str, Any]]:
    """A row a number, the fitted ones first; columns without an ending are of truths at random with error."""
    verdicts = {name: verdicts_of(found) for name, found in checks.items()}
    order = [made.bank.keys.index(key) for key in made.screening.chosen]
    order += [place for place in range(len(made.bank.keys)) if place not in order]
    rows = []
    for place in order:
        key, first = made.bank.keys[place], verdicts[""][place]
        row: dict[str, Any] = {
            "number": key, "adjusted": "yes" if key in made.screening.chosen else "no",
            "identified": first.identified, "width": first.width, "verdict": sentence(key, first),
            "recovery": f"{first.recovery:.4f}", "recovery_error": f"{first.error:.4f}",
            "contraction": f"{1 - 12 * checks[''].spreads[:, place].mean():.4f}",
            "mean_rank": f"{checks[''].ranks[:, place].mean():.4f}",
        }  # fmt: skip
        for name, ones in verdicts.items():
            row |= {f"{what}_{name}" if name else what: value
                    for what, value in cells_of(ones[place], len(checks[name].rows)).items()}  # fmt: skip
        rows.append(row)
    return rows


def cells_of(verdict: Verdict, truths: int) -> dict[str, Any]:
    """What one check found for one number."""
    cells: dict[str, Any] = {"truths": truths}
    for interval, one in zip(INTERVALS, verdict.coverage, strict=True):
        name = f"coverage_{100 * interval:.0f}"
        cells |= {name: f"{one.share:.4f}", f"{name}_low": f"{one.low:.4f}", f"{name}_high": f"{one.high:.4f}"}
    return cells | {"uneven_p": f"{verdict.uneven:.3g}", "adjusted_p": f"{verdict.chance:.3g}", "width": verdict.width}


def sentence(key: str, verdict: Verdict) -> str:
    """One plain sentence on one number."""
    fifty, ninety = verdict.coverage
    words = {NARROW: "too narrow", WIDE: "too wide", UNEVEN: "off to one side",
             SOUND: "as wide as they say, as far as can be seen"}  # fmt: skip
    return (f"{key} is {verdict.identified}: the fit takes away {verdict.recovery:.2f} (standard error "
            f"{verdict.error:.2f}) of the squared error of the prior; its intervals are {words[verdict.width]} (the "
            f"50 % interval holds {fifty.share:.3f} of the truths, the 90 % interval {ninety.share:.3f}).")  # fmt: skip


def rows_of_ranks(made: "Fit", checks: Mapping[str, Found]) -> list[dict[str, Any]]:
    """A row a check and truth: its seed in the bank, and the rank of each number."""
    return [
        {"check": name or "with_error", "seed": int(made.bank.seeds[row]),
         **{key: f"{rank:.4f}" for key, rank in zip(made.bank.keys, ranks, strict=True)}}
        for name, found in checks.items() for row, ranks in zip(found.rows, found.ranks, strict=True)
    ]  # fmt: skip


def held_by(found: Found, places: Sequence[int], interval: float) -> str:
    """`0.885 (0.876 to 0.894)`: the mean over numbers, and its 95 % interval over truths, whose numbers go together."""
    tail = (1 - interval) / 2
    ranks = found.ranks[:, list(places)]
    held = ((ranks >= tail) & (ranks <= 1 - tail)).mean(axis=1)
    middle, reach = held.mean(), 1.96 * held.std(ddof=1) / np.sqrt(held.size)
    return f"{middle:.3f} ({middle - reach:.3f} to {middle + reach:.3f})"


def say_soundness(rows: Sequence[Mapping[str, Any]], checks: Mapping[str, Found], made: "Fit", seed: int) -> list[str]:
    """The section in plain sentences."""
    places = [made.bank.keys.index(key) for key in made.screening.chosen]
    pooled = {name: [held_by(found, places, interval) for interval in reversed(INTERVALS)]
              for name, found in checks.items()}  # fmt: skip
    fitted = [row for row in rows if row["adjusted"] == "yes"]
    others = [row for row in rows if row["adjusted"] == "no"]
    return [
        f"{rows[0]['truths']:,} campaigns of the bank, drawn at random (seed {seed}) from those with every fitted "
        "outcome, stood in for the truth. What would have been reported of each, with the errors that the table of "
        f"targets declares, was fitted by the same rejection and regression ({made.nearest.rows.size:,} draws a fit) "
        "without that campaign. If the fit is sound, the true value is equally likely to have any rank in its "
        "posterior, 50 % intervals hold half of the truths and 90 % intervals nine in ten. This checks the rejection "
        "and regression, not a refinement of them, and not whether the rules are right.",
        say_identified(fitted, others),
        say_widths(fitted, others, pooled),
        say_near(fitted, pooled),
        f"Chances are of three tests a number (both intervals, exact binomial; ranks, Kolmogorov-Smirnov), "
        f"{3 * len(rows)} in all, adjusted together so that of the faults named one in twenty is luck on average "
        f"(Benjamini and Hochberg). With {rows[0]['truths']:,} truths a 90 % interval that truly holds 0.90 shows "
        f"{luck_of_coverage(int(rows[0]['truths']))} in 95 of 100 checks; smaller faults than that are not seen.",
    ]  # fmt: skip


def say_identified(fitted: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> str:
    """Which numbers the evidence identifies, on average over the prior."""
    parts = []
    for what in ("identified", "weakly identified", "not identified"):
        names = [f"{row['number']} ({float(row['recovery']):.3f})" for row in fitted if row["identified"] == what]
        parts.append(f"{what}: {', '.join(names) or 'none'}")
    unmoved = [row["number"] for row in others if row["identified"] != "not identified"]
    return (
        "Recovery is the share of the squared error of knowing only the prior that the fit takes away: half or more "
        "counts as identified, a twentieth or more as weakly identified. Of the numbers that were fitted, "
        f"{'; '.join(parts)}. Of the {len(others)} that were not fitted, "
        f"{'none is identified' if not unmoved else 'weakly identified at least: ' + ', '.join(unmoved)}."
    )


def say_widths(
    fitted: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]], pooled: Mapping[str, Sequence[str]]
) -> str:
    """Whether intervals hold what they say, and what the error of reports has to do with it."""
    return (
        f"Of {len(fitted)} fitted numbers, intervals are {count(fitted, 'width')}. Taken together, their 90 % "
        f"intervals hold {pooled[''][0]} of the truths and their 50 % intervals {pooled[''][1]}. Reported without "
        f"error, they hold {' and '.join(pooled['without_error'])}; what is missing only with error comes of a fit "
        "that takes the record at its word. If each campaign of the bank erred as reports do, they would hold "
        f"{' and '.join(pooled['error_in_fit'])} (intervals: {count(fitted, 'width_error_in_fit')}). Of the "
        f"{len(others)} numbers that were not fitted: {count(others, 'width')}."
    )


def say_near(fitted: Sequence[Mapping[str, Any]], pooled: Mapping[str, Sequence[str]]) -> str:
    """The same where it matters: for truths that would have been reported much as the record is."""
    return (
        f"For the {fitted[0]['truths_near']:,} truths whose reports come nearest to the record, 90 % and 50 % "
        f"intervals hold {' and '.join(pooled['near'])} (intervals: {count(fitted, 'width_near')}); if each campaign "
        f"erred as reports do, {' and '.join(pooled['near_error_in_fit'])} (intervals: "
        f"{count(fitted, 'width_near_error_in_fit')})."
    )


def count(rows: Sequence[Mapping[str, Any]], column: str) -> str:
    """`too narrow for 2, no fault seen for 6`."""
    found = {word: sum(row[column] == word for row in rows) for word in (NARROW, WIDE, UNEVEN, SOUND)}
    return ", ".join(f"{word} for {number}" for word, number in found.items() if number) or "of no number"


def luck_of_coverage(truths: int) -> str:
    """`0.881 to 0.918`: the middle 95 % of the share that a right 90 % interval holds."""
    from scipy.stats import binom

    low, high = binom.interval(0.95, truths, INTERVALS[-1])
    return f"{low / truths:.3f} to {high / truths:.3f}"
