"""Write the worlds of a sample, and tables that compare them with free campaigns and with the record.

`count_batch` reruns worlds on a worker, and `write_sample` writes the files. A district counts as lost from the first
day at the end of which the Taliban hold it, unless they held it on day 0. A night belongs to the morning on which it
ends.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.assimilation.campaigns import (
    DAILY,
    LASTING,
    LOCAL,
    MOVES,
    NUMBER_SHARE,
    Batch,
    Campaigns,
    campaigns_of,
    draws_of,
    windows_of,
)
from sim.assimilation.ledger import RATE, WORLDS, own_streams, rows_of_luck
from sim.assimilation.observations import Observation, count_in, log_likelihood, read_observations, tally_of
from sim.assimilation.worlds import table_of_worlds, write_worlds
from sim.configuration.settings import Settings
from sim.data.evidence import read_evidence
from sim.data.facts import Facts, facts_here, read_falls
from sim.data.record import NIGHTS, counted_at, point
from sim.execution.work import layout_of
from sim.provenance import command_line, commit, versions
from sim.sampler import Floats, Integers, Pool, State
from sim.study.codebook import Codebook, write_codebook
from sim.study.files import csv_text, json_text, make_folder, write_folder
from sim.study.reader import CUTS
from sim.wording import format_day, list_words, name_of_post

FREE, ASSIMILATED = "free", "assimilated"  # names of the two samples
QUANTILES = ("low_5", "low_25", "median", "high_75", "high_95")  # columns of the quantiles in CUTS
SHARE_HELD, LOST = "share_held", "lost"  # names of the daily quantities
CROSSED = "crossed"  # name of the number of soldiers who crossed
NORTHERN = ("Northern", "North Eastern")  # regions of the nine northern provinces
ALL = "all"  # value of the columns night and post in a row for all nights, or for all posts
CHUNK = 200  # number of campaigns whose holders are unpacked at a time

FLOOR = 50  # smallest number of distinct sets of lasting draws in a sample
PAGE = "report.html"
TABLES = ("stages.csv", "observations.csv", "days.csv", "crossings.csv", "districts.csv", "luck.csv")
NOUNS = {  # descriptions of the quantities of observations
    "ever_taken": "Districts taken", "fallen": "Districts lost", "capitals": "Provincial capitals held by the Taliban",
    "retaken": "Districts retaken", "share_held": "Share of districts held by the Taliban",
    "crossed": "Soldiers across", "crossed_per_1037": "Soldiers across of every 1,037", "admitted": "People let in",
}  # fmt: skip
Booleans = NDArray[np.bool_]


class CampaignCounts(NamedTuple):
    """Counts, crossings and holders of districts in a group of campaigns, used for tables and figures."""

    counts: Floats  # (campaigns, observations) in the units of the observations; nan for a campaign that failed
    crossed: Integers  # (campaigns, days, posts) soldiers who crossed, by night
    held: NDArray[np.uint8]  # (campaigns, days, bytes) one bit per district: whether the Taliban hold it

    def finished(self) -> "CampaignCounts":
        """Return the campaigns that did not fail."""
        there = ~np.isnan(self.counts).any(axis=1)
        return CampaignCounts(self.counts[there], self.crossed[there], self.held[there])

    def days(self, districts: int, rows: slice = slice(None)) -> Booleans:
        """Return whether the Taliban hold each district at the end of each day (campaigns x days x districts).

        `districts` is the number of districts, and `rows` selects campaigns (all by default).
        """
        return np.unpackbits(self.held[rows], axis=2, count=districts).view(bool)


def count_batch(batch: Batch) -> CampaignCounts:
    """Run the worlds of a batch, and return the counts, crossings and holders needed for tables and figures.

    Args:
        batch: The worlds to run, and the observations to count in each.
    """
    facts = facts_here()
    windows = windows_of(batch.observations, batch.order.start, batch.days)
    count, days = batch.shares.shape[0], batch.days + 1
    seen = CampaignCounts(
        np.full((count, len(windows)), math.nan),
        np.zeros((count, days, len(facts.post)), np.int64),
        np.zeros((count, days, -(-len(facts.district) // 8)), np.uint8),
    )
    for row, campaign in enumerate(campaigns_of(batch)):
        if campaign is not None:
            tally = tally_of(campaign.record)
            seen.counts[row] = [count_in(tally, window) for window in windows]
            seen.crossed[row] = tally.crossed
            seen.held[row] = np.packbits(tally.held, axis=1)
    return seen


def joined_counts(parts: Sequence[CampaignCounts]) -> CampaignCounts:
    """Concatenate several groups of campaigns into one."""
    return CampaignCounts(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def quantiles_of(values: NDArray[Any]) -> dict[str, str]:
    """Return the quantiles of `values` (one per campaign) as text, keyed by the name of the table column."""
    cuts = np.quantile(values, CUTS) if values.size else np.full(len(CUTS), math.nan)
    return {name: f"{cut:.5g}" for name, cut in zip(QUANTILES, cuts, strict=True)}


def areas_of(facts: Facts) -> dict[tuple[str, str], Booleans]:
    """Return which districts are counted, keyed by daily quantity and area."""
    north = np.isin(facts.region, NORTHERN)
    return {
        (SHARE_HELD, "country"): np.ones(north.size, bool),
        (LOST, "nine northern provinces"): north,
        (LOST, "Badakhshan"): np.array(facts.province) == "Badakhshan",
    }


def rows_of_days(samples: Mapping[str, CampaignCounts], facts: Facts, start: date) -> Iterator[dict[str, Any]]:
    """Yield the rows of days.csv, one per sample, quantity, area and day.

    A row contains the quantiles over campaigns, and the number of dated falls reported in the area up to that day.
    """
    fell = read_falls().fell_date
    for sample, seen in samples.items():
        by_day = by_area(seen, facts)
        for (quantity, area), values in by_day.items():
            rows = areas_of(facts)[quantity, area]
            for day in range(values.shape[1]):
                today = start + timedelta(days=day)
                dated = int((fell[rows] <= np.datetime64(today)).sum())
                yield {
                    "sample": sample, "quantity": quantity, "area": area, "date": today.isoformat(),
                    **quantiles_of(values[:, day]), "dated_falls": dated,
                }  # fmt: skip


def by_area(seen: CampaignCounts, facts: Facts) -> dict[tuple[str, str], Floats]:
    """Return the daily quantities of every area (campaigns x days), keyed by quantity and area."""
    found: dict[tuple[str, str], list[Floats]] = {key: [] for key in areas_of(facts)}
    for first in range(0, seen.held.shape[0], CHUNK):
        held = seen.days(len(facts.district), slice(first, first + CHUNK))
        lost = np.logical_or.accumulate(held & ~held[:, :1], axis=1)
        for (quantity, area), rows in areas_of(facts).items():
            part = held.mean(axis=2) if quantity == SHARE_HELD else lost[:, :, rows].sum(axis=2)
            found[quantity, area].append(part.astype(np.float64))
    return {key: np.concatenate(parts) for key, parts in found.items()}


def rows_of_crossings(samples: Mapping[str, CampaignCounts], facts: Facts, start: date) -> Iterator[dict[str, Any]]:
    """Yield the rows of crossings.csv, one per sample, night and post; a night or post may be `all`.

    The row of a night is omitted if nobody crossed and no count was reported. Reported counts refer either to all posts
    in one night, or to one post over all nights.
    """
    days = next(iter(samples.values())).crossed.shape[1]
    until = start + timedelta(days=days - 1)
    counted = {one.day: one.value for one in (point(id) for id in NIGHTS)}
    for sample, seen in samples.items():
        for post, name in ((None, ALL), *enumerate(facts.post)):
            nights = seen.crossed.sum(axis=2) if post is None else seen.crossed[:, :, post]
            for day in (None, *range(1, days)):
                values = nights.sum(axis=1) if day is None else nights[:, day]
                night = ALL if day is None else (start + timedelta(days=day)).isoformat()
                reported = None
                if post is None and day is not None:
                    reported = counted.get(start + timedelta(days=day))
                elif post is not None and day is None:
                    found = counted_at(name, until)
                    reported = found[0] if found else None
                if values.any() or reported is not None or day is None:
                    yield {
                        "sample": sample, "night": night, "post": name, **quantiles_of(values),
                        "share_with_any": f"{(values > 0).mean() if values.size else math.nan:.4g}",
                        "reported": "" if reported is None else f"{reported:g}",
                    }  # fmt: skip


def rows_of_districts(samples: Mapping[str, CampaignCounts], facts: Facts) -> Iterator[dict[str, Any]]:
    """Yield the rows of districts.csv, one per district.

    A row contains the share of each sample's campaigns in which the Taliban hold the district at the end of the last
    day, and the reported date of its loss.
    """
    fell = read_falls().fell_date
    last = {
        name: np.unpackbits(seen.held[:, -1], axis=1, count=len(facts.district)).mean(axis=0)
        for name, seen in samples.items()
    }
    for row, district in enumerate(facts.district_id):
        yield {
            "district_id": district, "district": facts.district[row], "province": facts.province[row],
            **{f"share_{name}": f"{shares[row]:.4g}" for name, shares in last.items()},
            "reported_lost": "" if np.isnat(fell[row]) else str(fell[row]),
        }  # fmt: skip


class Sizes(NamedTuple):
    """Numbers of distinct worlds in a cloud, by three measures."""

    lasting: int  # number of distinct sets of lasting draws
    numbers: int  # number of distinct sets of uncertain numbers
    origins: int  # number of worlds of the prior from which the worlds descend


def sizes_of(state: State, origin: Integers) -> Sizes:
    """Count distinct worlds by three measures; `origin` has the number of the ancestor of each world."""
    lasting, numbers = (distinct(state[part]) for part in (LASTING, NUMBER_SHARE))
    return Sizes(lasting, numbers, np.unique(origin).size)


def distinct(array: np.ndarray) -> int:
    """Return the number of distinct elements along the first axis of an array."""
    return int(np.unique(array.reshape(array.shape[0], -1), axis=0).shape[0])


class Sample(NamedTuple):
    """A sample of worlds, with everything needed to write its files."""

    pool: Pool
    model: Campaigns
    settings: Settings
    free: State  # numbers and seeds of the free campaigns
    terms: Floats  # (worlds, observations) log likelihoods
    samples: dict[
        str, CampaignCounts
    ]  # counts in rerun worlds and free campaigns; empty if the tables of the page are not written
    sizes: list[list[Sizes | None]]  # numbers of distinct worlds by run of the sampler and stage; None if unknown


def write_sample(folder: Path, made: Sample, asked: str, seconds: float) -> None:
    """Write the worlds, the table of stages, about.json and, if worlds were rerun, all other tables.

    Args:
        folder: Folder to write to; the page of an earlier sample is deleted from it.
        made: The sample.
        asked: Hash of the request, used to recognise a finished sample.
        seconds: Time that the sample took.
    """
    pool, model, settings = made.pool, made.model, made.settings
    sizes = sizes_of(pool.state, pool.origin)
    priors = draws_of(model.order).priors
    about: dict[str, Any] = {
        "asked": asked, "command": command_line(), "commit": commit(), "versions": versions(),
        "numbers": [prior.key for prior in priors], "worlds": int(pool.origin.size),
        "until": model.ends[-1].isoformat(), "start_date": model.order.start.isoformat(),
        "settings_fingerprint": settings.fingerprint(), "choices": dict(settings.choices),
        "explicit": dict(draws_of(model.order).explicit),
        "data_fingerprint": model.order.fingerprints[0], "rules_fingerprint": model.order.fingerprints[1],
        "log_evidence": pool.log_evidence,
        "highest_log_likelihood": math.fsum(best(one) for one in model.observations),
        "distinct_lasting_draws": sizes.lasting, "distinct_numbers": sizes.numbers, "origins": sizes.origins,
        "repeats": [cloud.log_evidence for cloud in pool.clouds],
    }  # fmt: skip
    table = table_of_worlds(pool, priors, [one.name for one in model.observations], made.terms, about)
    about |= {"seconds": round(seconds, 1), "floor": FLOOR}
    tables = {"stages.csv": rows_of_stages(made)}
    if made.samples:
        tables |= tables_of(made, about)
    make_folder(folder)
    with write_folder(folder, "results_dir", outdated=[PAGE]) as fresh:
        write_worlds(table, fresh / "worlds.parquet")
        for name, rows in tables.items():
            (fresh / name).write_text(csv_text(rows), encoding="utf-8")
        write_codebook(fresh, Codebook({}, {}), ("worlds.parquet", *tables), "worlds")
        (fresh / "about.json").write_text(json_text(about), encoding="utf-8")


def tables_of(made: Sample, about: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the tables that compare worlds with free campaigns, keyed by file name.

    Also add the numbers of observations and free campaigns, and counts from the ledger of chance, to `about`.
    """
    facts, start, many = made.settings.facts, made.model.order.start, made.pool.origin.size
    free = made.samples[FREE].finished()
    both = {ASSIMILATED: made.samples[ASSIMILATED], FREE: free}
    luck, luck_of_free = ledgers_of(made)
    about |= {
        "observations": len(made.model.observations), "free": free.counts.shape[0],
        "free_failed": int(many - free.counts.shape[0]), "luck_worlds": min(WORLDS, many), "luck_rate": RATE,
        "luck_cells_of_free": len(luck_of_free), "luck_found_in_free": sum(row["q"] < RATE for row in luck_of_free),
        "luck_not_counted": own_streams(), "medians_by_repeat": medians_by_repeat(made, facts),
    }  # fmt: skip
    return {
        "observations.csv": rows_of_observations(made, free),
        "days.csv": list(rows_of_days(both, facts, start)),
        "crossings.csv": list(rows_of_crossings(both, facts, start)),
        "districts.csv": list(rows_of_districts(both, facts)),
        "luck.csv": [{key: text_of(value) for key, value in row.items()} for row in luck],
    }


def medians_by_repeat(made: Sample, facts: Facts) -> dict[str, list[float]]:
    """Return the median of each run of the sampler of districts held and soldiers across at the end, by quantity."""
    seen = made.samples[ASSIMILATED]
    held = by_area(seen, facts)[SHARE_HELD, "country"][:, -1]
    across = seen.crossed.sum(axis=(1, 2))
    return {
        name: [float(np.median(values[made.pool.repeat == repeat])) for repeat in range(len(made.pool.clouds))]
        for name, values in ((SHARE_HELD, held), (CROSSED, across))
    }


def text_of(value: float | str) -> str:
    """Format a number to four significant figures, and return text unchanged."""
    return value if isinstance(value, str) else f"{value:.4g}"


def terms_of(counts: Floats, observations: Sequence[Observation]) -> Floats:
    """Convert counts (worlds x observations) to the log likelihoods of the observations; -inf if a count is missing."""
    return np.array([
        [-math.inf if math.isnan(count) else log_likelihood(one, float(count))
         for one, count in zip(observations, row, strict=True)]
        for row in counts
    ])  # fmt: skip


def ledgers_of(made: Sample) -> list[list[dict[str, Any]]]:
    """Return two ledgers of chance: one of the first `WORLDS` worlds, and one of the same number of free campaigns."""
    model, facts = made.model, made.settings.facts
    order = model.order
    units = layout_of(order.rules, order.attention, order.posts).world.units
    regions = regions_of(read_observations(read_evidence()))
    return [
        rows_of_luck(
            state[DAILY][:WORLDS], state[LASTING][:WORLDS], state[LOCAL][:WORLDS],
            seen.days(len(facts.district), slice(WORLDS)), facts,
            units, regions, order.start,
        )
        for state, seen in ((made.pool.state, made.samples[ASSIMILATED]), (made.free, made.samples[FREE]))
    ]  # fmt: skip


def regions_of(observations: Sequence[Observation]) -> dict[str, tuple[str, ...]]:
    """Return the groups of provinces for which falls are counted, keyed by name, in ascending order of size."""
    regions = {name_of_region(one): one.scope for one in observations if one.quantity == "fallen"}
    return dict(sorted(regions.items(), key=lambda region: len(region[1])))


def name_of_region(observation: Observation) -> str:
    """Return a name for the provinces in which an observation counts falls."""
    if len(observation.scope) < 3:
        return list_words(observation.scope)
    return observation.event.removesuffix("_falls").replace("_", " ")


def rows_of_stages(made: Sample) -> list[dict[str, Any]]:
    """Return the rows of stages.csv, one per step of tempering of each run of the sampler.

    The numbers of distinct worlds in a row are those at the end of the step's stage.
    """
    return [
        {
            "repeat": repeat + 1, "stage": step.stage, "until": made.model.ends[step.stage].isoformat(),
            "temperature": f"{step.temperature:.6g}",
            "log_evidence": f"{step.log_evidence:.6g}", "effective_sample_size": f"{step.effective:.1f}",
            **{
                f"accepted, {kind}": f"{accepted / proposed:.4f}" if proposed else ""
                for kind, proposed, accepted in zip(MOVES, step.proposed, step.accepted, strict=True)
            },
            **dict(zip(
                ("distinct_lasting_draws", "distinct_numbers", "origins"),
                made.sizes[repeat][step.stage] or ("", "", ""),
                strict=True,
            )),
        }
        for repeat, cloud in enumerate(made.pool.clouds)
        for step in cloud.steps
    ]  # fmt: skip


def rows_of_observations(made: Sample, free: CampaignCounts) -> list[dict[str, Any]]:
    """Return the rows of observations.csv: reports, counts in free campaigns and in worlds, and surprise.

    Let m be the highest log probability of the report in any campaign. `surprise` is m minus the log
    probability of the report given the reports of all earlier stages, and `surprise_at_the_end` is m minus the mean
    of its log probability over the worlds.
    """
    counts = made.samples[ASSIMILATED].counts
    return [
        {
            "observation": one.name, "description": describe(one, made.model.order.start), "quantity": one.quantity,
            "until": one.until.isoformat(), "published": one.published.isoformat(),
            "published_is": "guess" if one.is_guess else "reported", "evidence": " ".join(one.evidence),
            "value": f"{one.value:g}",
            **{f"free_{name}": cell for name, cell in quantiles_of(free.counts[:, place]).items()},
            **quantiles_of(counts[:, place]),
            "log_probability": f"{before:.4g}", "surprise": f"{best(one) - before:.4g}",
            "surprise_at_the_end": f"{best(one) - float(np.mean(made.terms[:, place])):.4g}",
        }
        for place, (one, before) in enumerate(zip(made.model.observations, made.pool.foreseen, strict=True))
    ]  # fmt: skip


def describe(observation: Observation, start: date) -> str:
    """Describe the quantity, place and time of an observation, such as `Soldiers across at Tem, 5 July`."""
    one = observation
    if one.quantity == "fallen":
        place = f" in the {name_of_region(one)}" if len(one.scope) > 2 else f" in {name_of_region(one)}"
    else:
        place = f" at {list_words([name_of_post(post) for post in one.scope])}" if 0 < len(one.scope) < 4 else ""
    return f"{NOUNS[one.quantity]}{place}, {span_of_days(one, start)}"


def span_of_days(observation: Observation, start: date) -> str:
    """Format the days of an observation: `by 22 June`, `5 July`, `1 to 2 July` or `29 June to 3 July`."""
    since, until = observation.since, observation.until
    if since <= start:
        return f"by {format_day(until)}"
    if since == until:
        return format_day(until)
    return f"{since.day if since.month == until.month else format_day(since)} to {format_day(until)}"


def best(observation: Observation) -> float:
    """Return the highest possible log likelihood of an observation."""
    if observation.likelihood == "thinned":
        return max(log_likelihood(observation, float(count)) for count in range(int(3 * observation.value) + 2))
    return log_likelihood(observation, observation.value)
