"""Check assimilation at full size: evidence, reruns of worlds, coverage of intervals, what-ifs and rival theories.

    python benchmarks/assimilate.py [quick]

Every check is a function of a `Ground`: settings, decisions and observations. Here it is the whole country; in
`tests/assimilation/test_proofs.py` it is a board of three districts. A *synthetic record* consists of the counts of a
campaign from the prior, reported with their declared errors (simulation-based calibration: Talts and others 2018,
arXiv:1804.06788).
"""

import json
import math
import statistics
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from common import CORES, ROOT, table

sys.path.insert(0, str(ROOT))

from sim.assimilation import campaigns
from sim.assimilation.assimilate import CHAIN, DRAWN, settings_of
from sim.assimilation.campaigns import (
    BATCH,
    NUMBER_SHARE,
    SEED_BITS,
    Batch,
    Campaigns,
    Run,
    campaigns_of,
    draws_of,
    run_batch,
)
from sim.assimilation.observations import (
    Observation,
    count_in,
    log_likelihoods,
    read_observations,
    reported_of,
    tally_of,
    window_of,
)
from sim.assimilation.worlds import table_of_worlds, write_worlds
from sim.configuration.overrides import choices_of
from sim.configuration.settings import Order
from sim.configuration.worlds import LOG_LIKELIHOOD, read_worlds
from sim.data.evidence import read_evidence
from sim.engine.campaign import Record, Series, run_campaign
from sim.options import Assimilate, read_request
from sim.sampler import Cloud, Floats, State, generator, log_mean, pooled, sample

REPORTS = ("taken_8_june", "taken_19_june", "crossed_by_22_june")  # observations for the check by rejection sampling
LATER = 7  # days between the last report and the outcomes whose intervals are checked
TRUTH, FRESH, ACCEPT = 1_000, 2_000, 3_000  # streams of random numbers, apart from those of the sampler's stages
LEVELS = (0.5, 0.9)
OUTCOMES = {
    "districts held by the Taliban": Series.DISTRICTS_HELD_BY_TALIBAN,
    "soldiers holding": Series.TROOPS_HOLDING,
    "mean morale": Series.MEAN_MORALE,
}


class Method(NamedTuple):
    """How the sampler moves worlds: arguments of `sim.sampler.sample`."""

    chain: int
    moves: int
    drawn: int


METHOD = Method(CHAIN, Assimilate().moves, DRAWN)  # as `assimilate` does by default
REPEATS = Assimilate().repeats


class Ground(NamedTuple):
    """The settings and observations of a check."""

    order: Order  # settings, with parameters drawn from their priors
    changed: Order  # the same with other decisions
    null: Order  # the same with a decision that has no effect within the days run
    observations: tuple[Observation, ...]
    run: Run  # runs batches of worlds

    def model(self, observations: Sequence[Observation] | None = None) -> Campaigns:
        """Return the model that the sampler conditions, by default on all observations."""
        return Campaigns(self.order, observations or self.observations, campaigns.facts_here(), self.run)


def in_threads(batches: Sequence[Batch]) -> list[Floats]:
    """Compute the log likelihoods of every batch, on all cores."""
    with ThreadPoolExecutor(CORES) as pool:
        return list(pool.map(run_batch, batches))


def conditioned(model: Campaigns, worlds: int, seed: int, method: Method = METHOD) -> Cloud:
    """Run the sampler and return its sample after the last stage."""
    *_, cloud = sample(model, worlds, method.chain, seed, moves=method.moves, drawn=method.drawn)
    return cloud


def later_days(seeds: np.ndarray, days: int) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Return the widths by which to pad seeds (worlds x days x ...), so that they reach the last of `days` days."""
    return (0, 0), (0, max(0, days + 1 - seeds.shape[1])), (0, 0)


def records_of(order: Order, state: State, days: int) -> list[Record]:
    """Run worlds under an order and return their records; the last daily seed of the state is used for later days."""
    shares, daily, lasting, local = state
    daily = np.pad(daily, later_days(daily, days), "edge")[:, : days + 1]
    local = np.pad(local, later_days(local, days), "constant")[:, : days + 1]
    parts = [slice(first, first + BATCH) for first in range(0, shares.shape[0], BATCH)]

    def run(rows: slice) -> list[Record]:
        batch = Batch(order, (), days, shares[rows], daily[rows], lasting[rows], local[rows])
        return [campaign.record for campaign in campaigns_of(batch) if campaign is not None]

    with ThreadPoolExecutor(CORES) as pool:
        return [record for part in pool.map(run, parts) for record in part]


def with_later_draws(state: State, rng: np.random.Generator) -> State:
    """Return the worlds, each with one new seed for all days after the last day of its draws."""
    shares, daily, lasting, local = state
    new = rng.integers(2**SEED_BITS, size=(daily.shape[0], 1, 1), dtype=np.uint64)
    return shares, np.concatenate([daily, np.repeat(new, daily.shape[2], axis=2)], axis=1), lasting, local


def of_prior(model: Campaigns, count: int, seed: int) -> dict[str, Any]:
    """Estimate the log evidence from campaigns of the prior, and the parameters by rejection sampling."""
    state = model.begin(generator(seed, TRUTH), count)
    before, here = model.weigh(state, model.stages - 1)
    logs = before + here.sum(axis=1)
    weights = np.exp(logs - logs.max())
    accepted = generator(seed, ACCEPT).random(count) < weights
    return {
        "log_evidence": log_mean(logs),
        "error": float(weights.std(ddof=1) / weights.mean() / math.sqrt(count)),
        "campaigns": count,
        "rejected_log_evidence": float(logs.max() + np.log(max(1, accepted.sum()) / count)),
        "accepted": int(accepted.sum()),
        "shares": state[NUMBER_SHARE][accepted].mean(axis=0).tolist(),
        "shares_sd": state[NUMBER_SHARE][accepted].std(axis=0).tolist(),
    }


def of_sampler(model: Campaigns, worlds: int, repeats: int, method: Method = METHOD) -> dict[str, Any]:
    """Estimate the log evidence and the mean of every parameter by repeats of the sampler with different seeds."""
    clouds = [conditioned(model, worlds, seed, method) for seed in range(repeats)]
    found = [cloud.log_evidence for cloud in clouds]
    shares = np.array([cloud.state[NUMBER_SHARE].mean(axis=0) for cloud in clouds])
    return {
        "log_evidence": log_mean(np.array(found)),  # the evidence itself is unbiased, not its logarithm
        "sd": statistics.stdev(found),
        "repeats": repeats,
        "worlds": worlds,
        "shares": shares.mean(axis=0).tolist(),
        "shares_error": (shares.std(axis=0, ddof=1) / math.sqrt(repeats)).tolist(),
    }


def evidence(model: Campaigns, bank: int, worlds: int, repeats: int, method: Method = METHOD) -> dict[str, Any]:
    """Compare brute force and the sampler in log evidence and parameters, in standard errors."""
    brute, found = of_prior(model, bank, 1), of_sampler(model, worlds, repeats, method)
    error = math.hypot(brute["error"], found["sd"] / math.sqrt(repeats))
    accepted = max(2, brute["accepted"])
    numbers = [
        abs(one - other) / math.hypot(sd / math.sqrt(accepted), spread)
        for one, other, sd, spread in zip(
            brute["shares"], found["shares"], brute["shares_sd"], found["shares_error"], strict=True
        )
    ]
    return {
        "brute_force": brute,
        "sampler": found,
        "errors_apart": abs(brute["log_evidence"] - found["log_evidence"]) / error,
        "numbers_apart": max(numbers),
    }


def stored(model: Campaigns, cloud: Cloud, folder: Path) -> Path:
    """Write the worlds of a sample to a file as `assimilate` does; return its path."""
    priors = draws_of(model.order).priors
    about = {
        "numbers": [prior.key for prior in priors], "start_date": model.order.start.isoformat(),
        "until": model.ends[-1].isoformat(),
    }  # fmt: skip
    pool = pooled([cloud], 0, [generator(0)])
    terms = model.terms(pool.state, model.stages - 1)
    path = folder / "worlds.parquet"
    write_worlds(table_of_worlds(pool, priors, [one.name for one in model.observations], terms, about), path)
    return path


def differing(ground: Ground, observations: Sequence[Observation], path: Path, rows: Sequence[int]) -> int:
    """Count worlds of a file whose log likelihood differs when they are run again from their addresses."""
    worlds, kept, order = read_worlds(path), pq.read_table(path), ground.order
    days = (worlds.until - order.start).days
    layout = campaigns.layout_of(order.rules, order.attention, order.posts).world
    windows = [window_of(one, campaigns.facts_here(), order.start, days) for one in observations]
    different = 0
    for row in rows:
        rules = draws_of(order).rules(worlds.numbers_of(row))
        record = run_campaign(layout, rules, order.timeline, worlds.addresses[row], days).record
        again = np.array(log_likelihoods(record, observations, windows), np.float32)
        there = np.array([kept[LOG_LIKELIHOOD + one.name][row].as_py() for one in observations], np.float32)
        different += not np.array_equal(again, there)
    return different


def synthetic(ground: Ground, seed: int) -> tuple[State, tuple[Observation, ...]]:
    """Return a campaign from the prior, and reports of its counts with the declared errors."""
    model, facts, start = ground.model(), campaigns.facts_here(), ground.order.start
    truth, rng = model.begin(generator(seed, TRUTH), 1), generator(seed, TRUTH, 1)
    (record,) = records_of(ground.order, truth, model.last)
    tally = tally_of(record)
    counts = [count_in(tally, window_of(one, facts, start, model.last)) for one in ground.observations]
    return truth, tuple(reported_of(*one, rng) for one in zip(ground.observations, counts, strict=True))


def rank_of(truth: float, values: Floats, rng: np.random.Generator) -> float:
    """Return the share of values below the truth, ties broken at random; uniform if the truth is drawn like them."""
    return float((np.count_nonzero(values < truth) + rng.integers(np.count_nonzero(values == truth) + 1)) / values.size)


def later_outcomes(
    ground: Ground, worlds: int, seed: int, repeats: int = 1, method: Method = METHOD
) -> dict[str, tuple[float, Floats]]:
    """Return outcomes of a true campaign and of worlds conditioned on reports of it, `LATER` days after the last one.

    There is one value per outcome, and another under the decisions of `changed` from the first day on, for which the
    true campaign is run again with its own random draws.

    Args:
        ground: Settings and observations.
        worlds: Worlds per run of the sampler.
        seed: Seed of the true campaign and of its reports; the first run of the sampler has `repeats` times this seed,
            and later runs have consecutive ones.
        repeats: Number of runs of the sampler.
        method: How the sampler moves worlds.

    Returns:
        The true value, and the values in worlds (repeats x worlds), keyed by outcome.
    """
    truth, reports = synthetic(ground, seed)
    model, rng = ground.model(reports), generator(seed, FRESH)
    days, seeds = model.last + LATER, range(repeats * seed, repeats * (seed + 1))
    runs = [with_later_draws(conditioned(model, worlds, one, method).state, rng) for one in seeds]
    found: dict[str, tuple[float, Floats]] = {}
    for name, order in (("", ground.order), ("changed: ", ground.changed)):
        true, *values = (record.series[-1] for one in (truth, *runs) for record in records_of(order, one, days))
        series = np.array(values).reshape(repeats, worlds, -1)
        found |= {name + key: (float(true[column]), series[:, :, column]) for key, column in OUTCOMES.items()}
    return found


def ranks_of_record(
    ground: Ground, worlds: int, seed: int, repeats: int = 1, method: Method = METHOD
) -> dict[str, float]:
    """Return the ranks of a true campaign among the worlds of `later_outcomes`, those of all runs together."""
    rng = generator(seed, FRESH, 1)
    found = later_outcomes(ground, worlds, seed, repeats, method)
    return {name: rank_of(true, values.ravel(), rng) for name, (true, values) in found.items()}


def coverage(ground: Ground, worlds: int, records: int, repeats: int = 1, method: Method = METHOD) -> dict[str, Any]:
    """Estimate how often central intervals contain the outcome of the reported campaign (their coverage)."""
    ranks = [ranks_of_record(ground, worlds, seed, repeats, method) for seed in range(records)]
    return {
        "worlds": worlds,
        "repeats": repeats,
        "records": records,
        "inside": {name: [inside([one[name] for one in ranks], level) for level in LEVELS] for name in ranks[0]},
    }


def inside(ranks: Sequence[float], level: float) -> float:
    """Return the share of ranks in the central interval of a given level."""
    return float(np.mean([abs(rank - 0.5) <= level / 2 for rank in ranks]))


def null_differences(ground: Ground, state: State, days: int) -> int:
    """Count the worlds in which a decision that should have no effect changes a number of the record."""
    pairs = zip(*(records_of(order, state, days) for order in (ground.order, ground.null)), strict=True)
    return sum(any(not np.array_equal(a, b) for a, b in zip(*pair, strict=True)) for pair in pairs)


def theory_weights(
    grounds: dict[str, Ground], worlds: int, records: int, method: Method = METHOD
) -> dict[str, dict[str, float]]:
    """Return the mean probability of each theory (inner) over synthetic records of the true theory (outer)."""
    table = {}
    for true, ground in grounds.items():
        found = []
        for seed in range(records):
            _, reports = synthetic(ground, seed)
            logs = np.array(
                [conditioned(one.model(reports), worlds, seed, method).log_evidence for one in grounds.values()]
            )
            found.append(np.exp(logs - logs.max()) / np.exp(logs - logs.max()).sum())
        table[true] = dict(zip(grounds, np.mean(found, axis=0).tolist(), strict=True))
    return table


def country(until: str, theory: str = "contagion", only: Sequence[str] = ()) -> Ground:
    """Return the whole country, with observations up to a day (only those named, if any are)."""
    given = [f"until={until}", f"theory={theory}"]
    _, order = settings_of(read_request(Assimilate, given))
    _, changed = settings_of(read_request(Assimilate, [*given, "reinforcement=answer_every_call", "border=closed"]))
    _, null = settings_of(read_request(Assimilate, [*given, "timeline.events.reservists_ordered.date=2021-09-01"]))
    observations = tuple(
        one
        for one in read_observations(read_evidence())
        if one.until.isoformat() <= until and (not only or one.name in only)
    )
    return Ground(order, changed, null, observations, in_threads)


def measure(quick: bool) -> dict[str, Any]:
    """Run every check on the whole country."""
    worlds, bank, repeats, records = (64, 400, 3, 4) if quick else (400, 20_000, 10, 50)
    three, until = country("2021-06-22", only=REPORTS), country("2021-06-14" if quick else "2021-06-22")
    model = until.model()
    cloud = conditioned(model, worlds, 0)
    with tempfile.TemporaryDirectory() as folder:
        path = stored(model, cloud, Path(folder))
        different = differing(until, model.observations, path, range(worlds))
    theories = {name: country("2021-06-14" if quick else "2021-06-22", name) for name in choices_of("theory")}
    return {
        "three_reports": evidence(three.model(), bank, worlds, repeats),
        "until": model.ends[-1].isoformat(),
        "repeats": of_sampler(model, worlds, repeats),
        "rerun": {"worlds": worlds, "different": different},
        "null": {"worlds": worlds, "different": null_differences(until, cloud.state, model.last + LATER)},
        "coverage": coverage(until, 32 if quick else 48, records, 2 if quick else REPEATS),
        "theories": {"records": 2 if quick else 10, "found": theory_weights(theories, worlds, 2 if quick else 10)},
    }


def report(measured: dict[str, Any]) -> str:
    """Write the results as a section in Markdown."""
    three, repeats = measured["three_reports"], measured["repeats"]
    brute, sampler, covered, theories = (
        three["brute_force"],
        three["sampler"],
        measured["coverage"],
        measured["theories"],
    )
    rows = [(name, *(f"{share:.2f}" for share in shares)) for name, shares in covered["inside"].items()]
    confusion = [(true, *(f"{share:.2f}" for share in found.values())) for true, found in theories["found"].items()]
    return "\n\n".join([
        "## Assimilation",
        f"Three reports ({', '.join(REPORTS)}): log evidence {brute['log_evidence']:.2f} (error {brute['error']:.2f}) "
        f"by {brute['campaigns']:,} campaigns of the prior, {sampler['log_evidence']:.2f} by {sampler['repeats']} "
        f"samples of {sampler['worlds']} worlds (standard deviation of one {sampler['sd']:.2f}): "
        f"{three['errors_apart']:.1f} standard errors apart; the mean of the number that differs most, "
        f"{three['numbers_apart']:.1f}.",
        f"All reports to {measured['until']}: log evidence {repeats['log_evidence']:.2f}, standard deviation "
        f"{repeats['sd']:.2f} over {repeats['repeats']} samples of {repeats['worlds']} worlds.",
        f"Of {measured['rerun']['worlds']} worlds run again from their file, {measured['rerun']['different']} differ; "
        f"a decision without effect changes {measured['null']['different']} of {measured['null']['worlds']}.",
        f"Coverage over {covered['records']} synthetic records, {covered['repeats']} runs of the sampler with "
        f"{covered['worlds']} worlds for each, {LATER} days after the last report; *changed*: every call answered and "
        "the border closed from the first day on, where the truth is known by its own draws:",
        table(("outcome", *(f"{level:.0%} interval" for level in LEVELS)), rows),
        f"Mean probability of each theory (columns) over {theories['records']} synthetic records of each true one "
        "(rows):",
        table(("true theory", *theories["found"]), confusion),
    ])  # fmt: skip


if __name__ == "__main__":
    print(report(json.loads(json.dumps(measure("quick" in sys.argv[1:])))))
