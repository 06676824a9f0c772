"""Compare rival theories of collapse, with one bank each: `python -m sim theories [results/bank ...]`.

Reads   two or more banks that differ only in the group `theory`; the targets to be fitted.
Writes  theories/ in the first bank: theories.csv (one row per theory and tolerance), told_apart.csv (per true theory),
        theory_targets.csv (per theory and target), theories.json. `sim.calibrate.figures` shows and draws them.
Source  Model choice by rejection ABC: Toni and others 2009. The weights depend on the summaries and must be tested on
        known truths: Robert and others 2011. Intervals use the Jeffreys prior for a proportion (SciPy). A ratio of
        weights below 3.2 is "not worth more than a bare mention": Kass and Raftery 1995.
Assumed All theories are equally likely a priori, whatever the size of their banks, and their parameters are
        distributed as their priors, so a theory with many wide priors is penalised for them. There is no regression
        adjustment.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rich.console import Console
from scipy.stats import beta

from sim.calibrate.checks import nearest_reports, reports_of
from sim.calibrate.fit import Bank, Summaries, base_of, nearest_of, outside_of, read_bank, study_of, summaries_of
from sim.calibrate.tables import rows_of_record, write_tables
from sim.configuration.overrides import choices_of
from sim.errors import PanjError
from sim.scoring.forecasts import forecast_of, targets_here
from sim.scoring.targets import Target
from sim.wording import counted

RESULTS, USUAL = Path("results"), "contagion"
PARTS = (1.0, 3.0, 10.0)  # divisors of the accepted share, since a verdict should not depend on the tolerance
# number of campaigns per theory that serve as truths, namely those whose reports are nearest to the record
TRUTHS = 200
DRAWS, SEED = 10_000, 20210707
BARELY = 3.2  # ratio of weights below which two theories cannot be distinguished
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Rivals(NamedTuple):
    """The banks of all theories, with the summaries of their campaigns in the same units."""

    names: tuple[str, ...]
    banks: tuple[Bank, ...]
    summaries: Summaries  # summaries of all campaigns, bank by bank
    theory: Integers  # (campaigns) theory of the campaign, as an index into `names`

    @property
    def sizes(self) -> Integers:
        """The number of campaigns of each theory."""
        return np.bincount(self.theory, minlength=len(self.names))


class Weights(NamedTuple):
    """Posterior probability of each theory at one tolerance, with its 95 % Monte Carlo interval."""

    accept: float
    tolerance: float
    accepted: Integers  # number of accepted campaigns of each theory
    median: Floats
    low: Floats  # 2.5 % quantile of the Monte Carlo error
    high: Floats


def usual_folders() -> tuple[Path, ...]:
    """List the banks of all theories in `results/`.

    Returns:
        The folders that exist, beginning with that of the default theory.
    """
    others = [name for name in choices_of("theory") if name != USUAL]
    return tuple(folder for name in (USUAL, *others) if (folder := RESULTS / study_of(name)).is_dir())


def read_rivals(folders: Sequence[Path], targets: Sequence[Target]) -> Rivals:
    """Read banks that differ only in their theory.

    Raise PanjError if there are fewer than two, if two have the same theory, or if they differ in anything else.
    """
    if len(folders) < 2:
        makes = "; ".join(f"python -m sim bank theory={name}" for name in choices_of("theory"))
        raise PanjError(
            f"theories: found {counted(len(folders), 'bank')}, expected banks of two or more theories: {makes}"
        )
    names = [theory_of(folder) for folder in folders]
    if len(set(names)) < len(names):
        raise PanjError(f"theories: found banks of {', '.join(names)}, expected each theory once")
    for folder in folders[1:]:
        refuse_others(folders[0], folder)
    banks = tuple(read_bank(folder) for folder in folders)
    shared = [name for name in banks[0].outcomes.column_names
              if all(name in bank.outcomes.column_names for bank in banks)]  # fmt: skip
    pooled = pa.concat_tables([bank.outcomes.select(shared) for bank in banks], promote_options="permissive")
    theory = np.repeat(np.arange(len(banks)), [len(bank.seeds) for bank in banks])
    return Rivals(tuple(names), banks, summaries_of(pooled, targets), theory)


def theory_of(folder: Path) -> str:
    """Return the name of the theory of a bank."""
    return str(base_of(folder)["choices"]["theory"])


def refuse_others(first: Path, other: Path) -> None:
    """Raise PanjError if two banks differ in more than their theory."""
    for what in ("start_date", "end_date", "events", "attention", "posts"):
        if base_of(first)[what] != base_of(other)[what]:
            raise PanjError(
                f"theories: found {other} and {first} with different {what}, expected only the theory to differ"
            )
    one, two = (dict(base_of(folder)["choices"]) for folder in (first, other))
    for group in one:
        if group != "theory" and one[group] != two.get(group):
            raise PanjError(f"theories: found {other} with {group}={two.get(group)} and {first} with {one[group]}, "
                            "expected only the theory to differ")  # fmt: skip


def weigh(distances: Floats, rivals: Rivals, accept: float) -> Weights:
    """Accept the nearest campaigns, and weight the theories by their acceptance rates, scaled to sum to 1.

    All theories have the same prior weight, which is divided equally among their campaigns. The nearest campaigns that
    together have a share `accept` of the prior weight are accepted.
    """
    belief = 1.0 / (rivals.sizes[rivals.theory] * len(rivals.names))  # prior weight of each campaign
    order = np.argsort(distances, kind="stable")
    count = int(np.searchsorted(np.cumsum(belief[order]), accept)) + 1
    tolerance = float(distances[order[min(count, distances.size) - 1]])
    accepted = np.bincount(rivals.theory[distances <= tolerance], minlength=len(rivals.names))
    return Weights(accept, tolerance, accepted, *intervals_of(accepted, rivals.sizes))


def intervals_of(accepted: Integers, sizes: Integers) -> tuple[Floats, Floats, Floats]:
    """Compute the median and the ends of the 95 % interval of each weight.

    Acceptance rates are drawn from their posteriors under the Jeffreys prior, and scaled to sum to 1.
    """
    generator = np.random.default_rng(SEED)
    rates = beta.rvs(accepted + 0.5, sizes - accepted + 0.5, size=(DRAWS, accepted.size), random_state=generator)
    low, median, high = np.quantile(rates / rates.sum(axis=1, keepdims=True), (0.025, 0.5, 0.975), axis=0)
    return median, low, high


def told_apart(rivals: Rivals, accept: float) -> Floats:
    """Compute the mean weight of each theory (column) if each theory (row) is true.

    Truths are the campaigns whose synthetic reports, with the error of each target, are nearest to the record. A truth
    is removed from its own bank. If the rows of the result are similar, the evidence cannot distinguish the theories,
    whatever their weights.
    """
    found = np.zeros((len(rivals.names), len(rivals.names)))
    whole = np.flatnonzero(~np.isnan(rivals.summaries.numbers).any(axis=1))
    for true in range(len(rivals.names)):
        own = whole[rivals.theory[whole] == true]
        reports = nearest_reports(rivals.summaries, reports_of(rivals.summaries, own, True), min(TRUTHS, own.size))
        for place, row in enumerate(reports.rows):
            summaries = rivals.summaries
            outside = outside_of(summaries.numbers, reports.low[place], reports.high[place], summaries.units)
            distances = summaries._replace(outside=outside).distances
            distances[row] = np.inf
            found[true] += shares_of(acceptance_rates(distances, rivals, accept))
        found[true] /= max(1, reports.rows.size)
    return found


def acceptance_rates(distances: Floats, rivals: Rivals, accept: float) -> Floats:
    """Compute the acceptance rate of each theory if the nearest share `accept` of all campaigns is accepted."""
    nearest = np.argpartition(distances, max(1, round(accept * distances.size)))[
        : max(1, round(accept * distances.size))
    ]
    return np.bincount(rivals.theory[nearest], minlength=len(rivals.names)) / rivals.sizes


def shares_of(rates: Floats) -> Floats:
    """Return rates divided by their sum."""
    return rates / rates.sum()


def rows_of_weights(rivals: Rivals, weights: Sequence[Weights]) -> list[dict[str, Any]]:
    """Make one row per theory and tolerance."""
    return [
        {
            "theory": name, "accept": f"{one.accept:.6g}", "tolerance": f"{one.tolerance:.6g}",
            "campaigns": int(rivals.sizes[place]), "accepted": int(one.accepted[place]),
            "weight": f"{one.median[place]:.4f}",
            "low_95": f"{one.low[place]:.4f}", "high_95": f"{one.high[place]:.4f}",
        }
        for one in weights
        for place, name in enumerate(rivals.names)
    ]  # fmt: skip


def rows_of_told_apart(rivals: Rivals, found: Floats) -> list[dict[str, Any]]:
    """Make one row per true theory, with the mean weight of each theory."""
    return [
        {"true_theory": name, **{other: f"{found[place, at]:.4f}" for at, other in enumerate(rivals.names)}}
        for place, name in enumerate(rivals.names)
    ]


def rows_of_targets(rivals: Rivals, targets: Sequence[Target], accept: float) -> list[dict[str, Any]]:
    """Make one row per theory and target: intervals in its nearest campaigns, and whether the target is inside."""
    rows = []
    for name, bank in zip(rivals.names, rivals.banks, strict=True):
        nearest = nearest_of(summaries_of(bank.outcomes, targets).distances, accept, 1)
        accepted = forecast_of(bank.outcomes.take(nearest.rows), targets, nearest.weights)
        kept = ("target", "event", "use", "reported", "reported_low", "reported_high", "accepted_median",
                "accepted_low_90", "accepted_high_90", "inside_90")  # fmt: skip
        for row in rows_of_record(targets, forecast_of(bank.outcomes, targets), {"accepted": accepted}):
            rows.append({"theory": name, **{key: row[key] for key in kept if key in row}})
    return rows


def describe_weights(rivals: Rivals, weights: Weights) -> list[str]:
    """Return one sentence per theory, likeliest first: its weight, and whether it is distinct from the first.

    The evidence cannot distinguish a theory from the first if the ratio of the two weights may be below BARELY.
    """
    order = np.argsort(-weights.median, kind="stable")
    best = order[0]
    sentences = []
    for place in order:
        name, low, high = rivals.names[place], weights.low[place], weights.high[place]
        text = f"{name}: weight {weights.median[place]:.3f} (95 % interval {low:.3f} to {high:.3f})"
        if place != best and weights.high[place] * BARELY >= weights.low[best]:
            text += f", which this evidence cannot distinguish from {rivals.names[best]}"
        sentences.append(text + ".")
    return sentences


def describe_failures(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> list[str]:
    """Return one sentence per theory on the targets that its nearest campaigns do not explain."""
    sentences = []
    for name in names:
        mine = [row for row in rows if row["theory"] == name]
        missed = [row["target"] for row in mine if row["inside_90"] == "no"]
        fitted = [row["target"] for row in mine if row["inside_90"] == "no" and row["use"] == "fitted"]
        sentences.append(
            f"{name} leaves {len(missed)} of {len(mine)} targets outside its 90 % interval"
            + (f", of those that are fitted {', '.join(fitted)}." if fitted else ", none of those that are fitted.")
        )
    return sentences


def describe_told_apart(rivals: Rivals, found: Floats) -> list[str]:
    """Return sentences on the mean weights of each theory and of its strongest rival if the theory is true."""
    sentences = []
    others = np.where(np.eye(len(rivals.names)), -1.0, found)
    for place, name in enumerate(rivals.names):
        rival = int(others[place].argmax())
        sentences.append(f"If {name} is true, it gets {found[place, place]:.2f} of the weight on average, "
                    f"and {rivals.names[rival]} {found[place, rival]:.2f}.")  # fmt: skip
    return sentences


def write_theories(folders: Sequence[Path], accept: float, folder: Path, console: Console) -> None:
    """Weight the theories, test the weights on known truths and write the tables.

    Args:
        folders: Two or more banks, of different theories.
        accept: Share of the campaigns to accept, from 0 to 1.
        folder: The folder to write to.
        console: Console for progress.

    Raises:
        PanjError: If the banks cannot be compared.
    """
    targets = targets_here()
    rivals = read_rivals(folders, targets)
    total = len(rivals.theory)
    console.print(f"{len(rivals.names)} theories, {total:,} campaigns: {', '.join(rivals.names)} ...")
    weights = [weigh(rivals.summaries.distances, rivals, accept / part) for part in PARTS]
    console.print(f"Testing on {TRUTHS} truths of each theory ...")
    found = told_apart(rivals, accept)
    rows = rows_of_targets(rivals, targets, accept)
    about = {
        "banks": [str(bank.folder) for bank in rivals.banks], "theories": list(rivals.names),
        "campaigns": rivals.sizes.tolist(), "accept": accept, "truths": TRUTHS, "seed": SEED,
        "fitted": [target.target for target in rivals.summaries.targets],
        "weights": describe_weights(rivals, weights[0]), "told_apart": describe_told_apart(rivals, found),
        "failures": describe_failures(rows, rivals.names),
    }  # fmt: skip
    write_tables(folder, {
        "theories.csv": rows_of_weights(rivals, weights), "told_apart.csv": rows_of_told_apart(rivals, found),
        "theory_targets.csv": rows, "theories.json": about,
    })  # fmt: skip
