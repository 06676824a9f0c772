"""Write the parts of the documentation that are generated from the model and its YAML files.

`python docs/generate.py` writes the tables of parameters and policies in `docs/explanation/odd.md` and its list of what
the model leaves out. With `effects` it also runs campaigns with and without each step of the day and writes the effect
of each step; with `first` it runs the default campaigns and copies their figure of districts by day; with `fit` it runs
them and writes the table of `configs/bands.yaml` and the sentences of `docs/blocks.yaml`; with `sweep`, `capacity` and
`question` it runs the sweeps of docs/how-to/sweep.md and docs/how-to/question.md and writes their results; with `july`
it writes the what-ifs of docs/how-to/july_2021.md; with `worlds` it writes what the page of the worlds in
`results/worlds_2021_07_07` says, and copies its first figure; with `diagnosis` it writes the tables of
docs/explanation/diagnosis.md from the same worlds; with `hindcast` those of docs/explanation/hindcast.md from
`results/hindcast_one_run` and `results/hindcast`. The site is built by `docs/make_site.py`.
"""

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from scipy.stats import bootstrap

from sim.assimilation.assimilate import settings_of
from sim.assimilation.campaigns import Campaigns, draws_of
from sim.assimilation.figures import WorldTables, describe_worlds, read_world_tables
from sim.assimilation.observations import read_observations
from sim.assimilation.page import describe_all
from sim.assimilation.tables import count_batch, joined_counts
from sim.compare.pairs import judge
from sim.configuration.changes import about_of, describe_changes, describing_groups, groups
from sim.configuration.compose import compose_settings
from sim.configuration.draws import Prior
from sim.configuration.numbers import declared_numbers
from sim.configuration.settings import Settings
from sim.configuration.sweep import compose_sweep
from sim.data.configs import folder_of, read_yaml
from sim.data.evidence import read_evidence
from sim.engine.campaign import run_campaign
from sim.errors import PanjError
from sim.hindcast.design import FREE, GROWTH, MAPS, PANJ, TARGETS
from sim.hindcast.figures import RIVALS, name_of, read_hindcast
from sim.hindcast.figures import Made as Hindcast
from sim.hindcast.page import count_inside, score_of, tally
from sim.memo.sentences import LEFT_OUT
from sim.options import Assimilate
from sim.outcome import Value, count_outcomes, read_outcomes
from sim.sampler import Floats, generator
from sim.scoring.forecasts import forecast_of, targets_here
from sim.scoring.score import events_of, measured_or_error
from sim.study.codebook import AT_POSTS, EFFECTS, FIXED, VERDICTS
from sim.wording import significant, with_range

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
ODD, FIT = DOCS / "explanation" / "odd.md", DOCS / "explanation" / "fit.md"
SWEPT_ON, ASKED_ON = DOCS / "how-to" / "sweep.md", DOCS / "how-to" / "question.md"
BLOCKS = DOCS / "blocks.yaml"
DIGESTS = DOCS / "digests.yaml"  # digest of the numbers in each block, by which a test finds a number that was edited
RECORD = "runs=500"
SWEEP = f"-m reinforcement=none,as_reported,answer_every_call morale=brittle,reported {RECORD} study=policy"
COMPARE = "compare results/policy baseline=as_reported outcome=troops_crossed_by_2021_07_07"
CAPACITY = (
    f"-m reinforcement=as_reported,answer_every_call capacity=as_reported,triple_commandos {RECORD} study=capacity"
)
QUESTION = (
    "-m reinforcement=as_reported,answer_every_call capacity=as_reported,triple_commandos morale=reported,paid_on_time "
    f"{RECORD} study=question"
)
ASK = "compare results/question outcome=troops_crossed_largest_night above=1037 effects=true"
JULY = DOCS / "how-to" / "july_2021.md"
ASSIMILATION, SAMPLE = DOCS / "explanation" / "assimilation.md", ROOT / "results" / "worlds_2021_07_07"
TURNED = "2021-06-22"  # evening on which the decisions of docs/how-to/july_2021.md change
WORLDS = {  # study by question
    "other chance": f"worlds=record worlds.until={TURNED} {RECORD} study=july_other_luck",
    "in hindsight": f"worlds=record {RECORD} study=july_record",
}
TURNS = {
    "every call is answered": "reinforcement=answer_every_call",
    "pay on time": "morale=paid_on_time",
    "the border is closed": "border=closed",
    "the border is open": "border=open",
    "air cover stays": "air_support=continues",
}
TURNED_ON = {  # outcome: heading, unit and factor
    "troops_crossed_largest_night": ("soldiers in the largest night", "", 1.0),
    "troops_captured_by_2021_07_07": ("soldiers taken prisoner by 7 July", "", 1.0),
    "share_held_by_taliban_2021_07_07": ("districts held by the Taliban on 7 July", " points", 100.0),
}
CHANGED = (
    ("every call is answered", "answer_every_call", "as_reported"),
    ("three times the commandos", "as_reported", "triple_commandos"),
    ("both", "answer_every_call", "triple_commandos"),
)
ASKED = {  # outcome: heading, unit and factor
    "share_held_by_taliban_2021_07_05": ("districts held by the Taliban on 5 July", " points", 100.0),
    "troops_crossed_by_2021_07_07": ("soldiers who crossed by 7 July", "", 1.0),
    "troops_crossed_largest_night": ("soldiers in the largest night", "", 1.0),
}
RUNS, FIT_RUNS = 200, 500
HINDCAST_PAGE = DOCS / "explanation" / "hindcast.md"
# folder of each design of the hindcast, keyed by the block with its scores
HINDCASTS = {"scores": ROOT / "results" / "hindcast_one_run", "scores of eight runs": ROOT / "results" / "hindcast"}
DIAGNOSIS = DOCS / "explanation" / "diagnosis.md"
ALONE = 7  # seed of the draws of campaigns that have the numbers of the worlds alone
FIFTH = 0.3  # distance of a median from the middle of its prior, as a share of it, above which a number is listed
STRAINS = (
    "taken_8_june", "taken_19_june", "held_30_june", "crossed_by_22_june", "crossed_23_to_28_june",
    "takhar_lost_20_june_to_22_june", "kunduz_lost_20_june_to_22_june", "north_west_lost_15_june_to_22_june",
    "south_east_lost_23_june_to_30_june", "crossed_29_june_to_3_july", "ovez_by_3_july", "crossed_4_july",
    "crossed_5_july", "night_of_5_july_shohon", "night_of_5_july_ruzvai", "night_of_5_july_nulvand",
    "night_of_5_july_khumrogi", "night_of_5_july_tem", "night_of_5_july_ishkashim", "night_of_5_july_langar",
    "badakhshan_lost_1_july_to_2_july", "badakhshan_lost_3_july", "badakhshan_lost_4_july", "badakhshan_lost_5_july",
    "families_7_july",
)  # fmt: skip
NUMBERS = "calibration=as_declared"
Outcomes = Sequence[Mapping[str, Value]]  # outcomes by name, one mapping per campaign


class Effect(NamedTuple):
    """Mean paired difference of an outcome if one step is left out, with its 95 % interval."""

    step: str
    outcome: str
    median: float
    difference: float
    low: float
    high: float
    pairs: int


def parameter_tables() -> str:
    """Write one table of parameters per rule: number, value, unit, range, source, meaning."""
    lines: list[str] = []
    last = ""
    for row in declared_numbers().values():
        rule, name = row.key.split(".")[1:]
        if rule != last:
            lines += ["", f"### {rule}", "", "| number | value | unit | range | source | meaning |"]
            lines.append("|---|---|---|---|---|---|")
            last = rule
        lines.append(
            f"| `{name}` | {row.value} | {row.unit} | {row.low} to {row.high} | {row.source} | {row.meaning} |"
        )
    return "\n".join(lines).strip()


def column_tables() -> str:
    """Write one table per file of a study: column, unit and meaning."""
    lines: list[str] = []
    posts = {f"{what}_<post>": text for what, text in AT_POSTS.items()}
    for kind, columns in FIXED.items():
        title = {VERDICTS: "verdicts/*.csv", EFFECTS: "verdicts/*__effects.csv"}.get(kind, kind)
        lines += ["", f"### {title}", "", "| column | unit | meaning |", "|---|---|---|"]
        for name, text in (columns | posts if kind == "days.parquet" else columns).items():
            lines.append(f"| `{name}` | {text.unit} | {text.meaning.format(post='the post')} |")
    return "\n".join(lines).strip()


def policy_table() -> str:
    """Write one row per policy and scenario: its description and everything that it changes."""
    lines = ["| choice | what it is | what it changes, compared with the numbers as declared |", "|---|---|---|"]
    for group in describing_groups():
        for name in groups()[group]:
            said = (
                f"{one.about.filled().rstrip('.')} (`{one.key}`): {one.change}" for one in describe_changes(group, name)
            )
            changes = "<br>".join(said)
            lines.append(f"| `{group}={name}` | {about_of(group, name)} | {changes or 'nothing'} |")
    return "\n".join(lines)


def left_out() -> str:
    """Write what the model leaves out, as every memo says it, as a list."""
    return "\n".join(f"- {sentence}" for sentence in LEFT_OUT)


def outcomes_of(settings: Settings, runs: int) -> Outcomes:
    """Run the campaigns with seeds 0 to `runs` - 1 and return all their outcomes."""
    table = read_outcomes(settings.facts, settings.start_date, settings.days)

    def one(seed: int) -> Mapping[str, Value]:
        campaign = run_campaign(settings.layout.world, settings.rules_of(seed), settings.timeline, seed, settings.days)
        return count_outcomes(campaign, table, settings.facts, settings.start_date)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(one, range(runs)))


def effects(runs: int = RUNS) -> list[Effect]:
    """Measure the effect of each step of `configs/neutral.yaml`: campaigns without and with it, paired by seed."""
    base = outcomes_of(compose_settings([NUMBERS]), runs)
    found = []
    for step, row in read_yaml(folder_of("configs") / "neutral.yaml").items():
        without = outcomes_of(compose_settings([NUMBERS, *row["overrides"]]), runs)
        outcomes = [row["outcome"]] if isinstance(row["outcome"], str) else row["outcome"]
        found += [effect_of(step, outcome, base, without) for outcome in outcomes]
    return found


def effect_of(
    step: str,
    outcome: str,
    base: Outcomes,
    without: Outcomes,
) -> Effect:
    """Compute the paired difference, without the step minus with it; pairs with a missing value are left out."""
    pairs = [(a[outcome], b[outcome]) for a, b in zip(base, without, strict=True)]
    values = np.array([(a, b) for a, b in pairs if a is not None and b is not None], float)
    difference = values[:, 1] - values[:, 0]
    low = high = float(difference.mean())
    if np.ptp(difference) > 0:
        interval = bootstrap((difference,), np.mean, method="percentile", rng=np.random.default_rng(0))
        low, high = interval.confidence_interval
    return Effect(step, outcome, float(np.median(values[:, 0])), float(difference.mean()), low, high, len(values))


def effects_table(rows: Sequence[Effect], runs: int = RUNS) -> str:
    """Write the effects as a Markdown table."""
    lines = [
        f"{runs} campaigns with and without each step, paired by seed (seeds 0 to {runs - 1}, numbers as declared, "
        "not calibrated). Difference: without the step minus with it, mean and 95 % bootstrap interval.",
        "",
        "| step taken out | outcome | median with it | mean difference | 95 % interval | excludes zero |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        verdict = "yes" if row.low > 0 or row.high < 0 else "**no**"
        lines.append(
            f"| {row.step} | `{row.outcome}` | {significant(row.median)} | {significant(row.difference)} | "
            f"{significant(row.low)} to {significant(row.high)} | {verdict} |"
        )
    return "\n".join(lines)


class Figure(NamedTuple):
    """An outcome of many campaigns, as quoted in the documentation; campaigns without a value are left out."""

    values: np.ndarray

    @property
    def median(self) -> str:
        """The median."""
        return format_value(float(np.median(self.values)))

    @property
    def spread(self) -> str:
        """The median, and in brackets the 90 % range."""
        low, high = np.quantile(self.values, (0.05, 0.95))
        return f"{self.median} ({format_value(low)} to {format_value(high)})"


def format_value(value: float) -> str:
    """Format a number without decimals from 10 on, and to two significant figures below."""
    return f"{value:,.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.2g}"


def figures_of(found: Outcomes) -> dict[str, Any]:
    """Compute the figures for the sentences of `docs/blocks.yaml`: every numeric outcome, and targets inside."""
    numeric = [name for name, value in found[0].items() if not isinstance(value, str)]
    values = {name: [row[name] for row in found if isinstance(row[name], float | int)] for name in numeric}
    figures: dict[str, Any] = {name: Figure(np.array(row, float)) for name, row in values.items() if row}
    targets = targets_here()
    forecast = forecast_of(pa.Table.from_pylist(list(found)), targets)
    measured = [measured_or_error(target, forecast) for target in targets]
    events = events_of(targets, measured)
    return figures | {
        "runs": len(found), "targets": len(targets), "inside": sum(one.inside for one in measured),
        "events": len(events), "events_inside": sum(row["inside"] == row["targets"] for row in events),
    }  # fmt: skip


def fit_settings() -> Settings:
    """Compose the settings of the default campaigns."""
    return compose_settings()


def stamp_of(cells: Sequence[Settings], runs: int, command: str) -> str:
    """Write the comment in the first line of a block, with a fingerprint of the settings that it was made with.

    A test compares the fingerprint with the current settings. The wording of events, and outcomes that the block does
    not use, do not change it.
    """
    fingerprints = [replace(one, outcomes_fingerprint="").fingerprint() for one in cells]
    made_of = sha256(" ".join(fingerprints).encode()).hexdigest()[:16]
    return f"<!-- {runs} campaigns, settings {made_of}: python docs/generate.py {command} -->"


def write_first() -> None:
    """Run the default campaigns and copy their figure of districts by day, the picture of the first page."""
    said_by(f"runs={RUNS} study=first_page")
    shutil.copyfile(ROOT / "results" / "first_page" / "figures" / "districts_by_day.png", DOCS / "districts_by_day.png")


def write_fit() -> None:
    """Run the default campaigns and write every block that reports their results."""
    settings = fit_settings()
    stamp, found = stamp_of([settings], FIT_RUNS, "fit"), outcomes_of(settings, FIT_RUNS)
    insert(FIT, "fit", f"{stamp}\n{table_of(*bands(found))}")
    figures = figures_of(found)
    for mark, row in read_yaml(BLOCKS).items():
        insert(ROOT / row["page"], mark, f"{stamp}\n{row['text'].format(**figures).strip()}")


def sweep_cells(words: str) -> list[Settings]:
    """Compose the settings of every cell of a sweep."""
    return [cell.settings for cell in compose_sweep(shlex.split(words)).cells]


def write_sweep() -> None:
    """Run the first sweep of docs/how-to/sweep.md, unless its study exists, and write its verdicts."""
    said_by(SWEEP)
    stamp = stamp_of(sweep_cells(SWEEP), FIT_RUNS, "sweep")
    insert(SWEPT_ON, "sweep", f"{stamp}\n```\n$ panj {COMPARE}\n{verdicts()}\n```")


def write_capacity() -> None:
    """Run the second sweep of docs/how-to/sweep.md and write its differences."""
    said_by(CAPACITY)
    stamp = stamp_of(sweep_cells(CAPACITY), FIT_RUNS, "capacity")
    table = pq.read_table(ROOT / "results" / "capacity" / "runs.parquet")
    insert(SWEPT_ON, "capacity", f"{stamp}\n{capacity_table(table)}")


def write_question() -> None:
    """Run the sweep of docs/how-to/question.md and write the result of its comparison."""
    said_by(QUESTION)
    stamp = stamp_of(sweep_cells(QUESTION), FIT_RUNS, "question")
    insert(ASKED_ON, "question", f"{stamp}\n```\n{verdicts(ASK)}\n```")


def write_july() -> None:
    """Run the worlds of docs/how-to/july_2021.md, fork them with every decision, and write the paired differences."""
    heads = [f"{heading}, {question}" for heading, _, _ in TURNED_ON.values() for question in WORLDS]
    lines = [f"| from the evening of {TURNED} | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for words in WORLDS.values():
        said_by(words)
    lines += [f"| {name} | {' | '.join(turned(change))} |" for name, change in TURNS.items()]
    cells = [cell for words in WORLDS.values() for cell in sweep_cells(words)]
    asked = [cell.question(date.fromisoformat(TURNED)) for cell in cells]
    insert(JULY, "july", "\n\n".join(["\n".join([stamp_of(cells, FIT_RUNS, "july"), *lines]), *asked]))


def write_worlds() -> None:
    """Write what the page of a sample of worlds says, and copy its figure by day."""
    made = read_world_tables(SAMPLE)
    shutil.copyfile(SAMPLE / "days.png", DOCS / "worlds_by_day.png")
    insert(ASSIMILATION, "worlds", "\n".join(f"- {sentence}" for sentence in describe_all(made)))
    picture = "![Districts by evening: free campaigns, worlds that followed the record, and the record]"
    insert(ASSIMILATION, "worlds-by-day", f"{picture}(../worlds_by_day.png)\n\n{describe_worlds(made)}")


def write_diagnosis() -> None:
    """Write which reports numbers explain, and which numbers the worlds moved, in docs/explanation/diagnosis.md."""
    made = read_world_tables(SAMPLE)
    table = pq.read_table(SAMPLE / "worlds.parquet")
    settings, order = settings_of(Assimilate(until=made.until))
    model = Campaigns(order, read_observations(read_evidence()), settings.facts, lambda _: [])  # it runs nothing itself
    priors = draws_of(order).priors
    shares = np.array([[prior.share(value) for value in table[prior.key].to_pylist()] for prior in priors]).T
    draws = model.begin(generator(ALONE, 0), shares.shape[0])
    seen = joined_counts([count_batch(batch) for batch in model.batches((shares, *draws[1:]), model.stages - 1)])
    alone = np.nanquantile(seen.counts, (0.05, 0.5, 0.95), axis=0).T
    insert(DIAGNOSIS, "reports", reports_table(made, alone))
    insert(DIAGNOSIS, "numbers", numbers_table(priors, shares))


def reports_table(made: WorldTables, alone: Floats) -> str:
    """Return a table of the reports about which free campaigns and worlds differ most, or which neither reaches.

    Args:
        made: The sample of worlds.
        alone: (observations, 3) 5 %, 50 % and 95 % quantiles of campaigns with the numbers of the worlds alone.
    """
    lines = [
        "| report | reported | free campaigns | numbers of the worlds, free draws | worlds | surprise at the end |",
        "|---|---|---|---|---|---|",
    ]
    for row, (low, median, high) in zip(made.observations, alone, strict=True):
        if row["observation"] not in STRAINS:
            continue
        free, worlds = (
            spread(*(float(row[f"{name}{part}"]) for part in ("low_5", "median", "high_95"))) for name in ("free_", "")
        )
        lines.append(
            f"| {row['description']} | {significant(float(row['value']))} | {free} | {spread(low, median, high)} | "
            f"{worlds} | {float(row['surprise_at_the_end']):.1f} |"
        )
    return "\n".join(lines)


def spread(low: float, median: float, high: float) -> str:
    """Return a median with its 90 % range in brackets."""
    return with_range(*map(significant, (median, low, high)))


def numbers_table(priors: Sequence[Prior], shares: Floats) -> str:
    """Return a table of the numbers whose median in the worlds is in the lowest or highest fifth of their prior."""
    lines = ["| number | prior | worlds, 90 % range |", "|---|---|---|"]
    for prior, column in zip(priors, shares.T, strict=True):
        low, median, high = (float(value) for value in np.quantile(column, (0.05, 0.5, 0.95)))
        if abs(median - 0.5) > FIFTH:
            there = spread(*(prior.at(share) for share in (low, median, high)))
            lines.append(f"| `{prior.key}` | {prior.low:g} to {prior.high:g} | {there} |")
    return "\n".join(lines)


def write_hindcast() -> None:
    """Write the mean scores of both hindcasts, with their losses, and a comparison in docs/explanation/hindcast.md."""
    first, second = (read_hindcast(folder) for folder in HINDCASTS.values())
    for block, made in zip(HINDCASTS, (first, second), strict=True):
        insert(HINDCAST_PAGE, block, scores_table(made))
    insert(HINDCAST_PAGE, "both designs", designs_table(first, second))


def scores_table(made: Hindcast) -> str:
    """Return the table of the mean scores of a hindcast, and how many distinct worlds are left at each origin."""
    lines = [f"| target | ahead | origins | Panj | {' | '.join(map(name_of, RIVALS))} |"]
    lines.append("|---" * (len(RIVALS) + 4) + "|")
    for target in (*TARGETS, *MAPS):
        rows = made.rows("differences", target=target, score=score_of(target), forecast=PANJ)
        for horizon in dict.fromkeys(row["horizon"] for row in rows):
            here = {row["rival"]: row for row in rows if row["horizon"] == horizon}
            one = next(iter(here.values()))
            cells = (mean_with_sign(here[name]) if name in here else "" for name in RIVALS)
            lines.append(
                f"| `{target}` | {horizon} | {one['origins']} | {float(one['mean']):.2f} | {' | '.join(cells)} |"
            )
    ancestors, left = made.about["ancestors"], made.about["distinct_lasting_draws"]
    found = [f"{day}: {count} ({ancestors[day]})" for day, count in left.items()]
    said = f"Distinct sets of lasting draws by origin, and in brackets worlds of the prior: {'; '.join(found)}."
    return "\n".join([*lines, "", said])


def designs_table(first: Hindcast, second: Hindcast) -> str:
    """Return the table that answers the questions asked before the second hindcast, with one column per hindcast."""
    lines = ["| | one run | eight runs |", "|---|---|---|"]
    for target in TARGETS:
        for level in (50, 90):
            held = ["{} of {}".format(*count_inside(made, target, level)) for made in (first, second)]
            lines.append(f"| {level} % intervals with the record in them, `{target}` | {' | '.join(held)} |")
    means = [means_of(made) for made in (first, second)]
    for kind, targets in (("numbers", TARGETS), ("maps", MAPS)):
        cells = [key for key in means[0] if key[0] in targets]
        lower = [sum(one[key] < other[key] for key in cells) for one, other in (means, means[::-1])]
        held = [f"{count} of {len(cells)}" for count in lower]
        lines.append(f"| mean score of Panj lower than in the other hindcast, {kind} | {' | '.join(held)} |")
        for rival in (FREE, GROWTH):
            worse = [tally_worse(made, targets, rival) for made in (first, second)]
            lines.append(f"| Panj worse than {name_of(rival)}, {kind} (whole interval) | {' | '.join(worse)} |")
    return "\n".join(lines)


def means_of(made: Hindcast) -> dict[tuple[str, str], float]:
    """Return the mean score of Panj, keyed by target and horizon."""
    found = {}
    for target in (*TARGETS, *MAPS):
        for row in made.rows("differences", target=target, score=score_of(target), forecast=PANJ):
            found[target, row["horizon"]] = float(row["mean"])
    return found


def tally_worse(made: Hindcast, targets: Iterable[str], rival: str) -> str:
    """Count the targets and horizons at which Panj is worse than a rival, as `12 (5) of 16`."""
    rows = [
        row for target in targets
        for row in made.rows("differences", target=target, score=score_of(target), forecast=PANJ, rival=rival)
    ]  # fmt: skip
    return f"{tally(rows, 'low_90', 1)} of {len(rows)}"


def mean_with_sign(row: Mapping[str, str]) -> str:
    """Return a forecast's mean score, with + or − if Panj is better or worse with the whole interval."""
    low, high = float(row["low_90"] or 0.0), float(row["high_90"] or 0.0)
    return f"{float(row['mean_rival']):.2f}" + (" −" if low > 0.0 else " +" if high < 0.0 else "")


def turned(change: str) -> list[str]:
    """Return the paired difference of every outcome under a decision, for each kind of worlds."""
    found: dict[tuple[str, str], str] = {}
    for question, words in WORLDS.items():
        folder, name = f"results/{words.rpartition('study=')[2]}", f"july_{change.replace('=', '_')}"
        said_by(f"fork {folder} day={TURNED} {change} runs={FIT_RUNS} name={name} outcome={','.join(TURNED_ON)}")
        with (ROOT / folder / "forks" / name / "verdicts.csv").open(encoding="utf-8", newline="") as file:
            rows = {row["outcome"]: row for row in csv.DictReader(file)}
        for outcome, (_, unit, factor) in TURNED_ON.items():
            mean, low, high = (
                factor * float(rows[outcome][key]) for key in ("mean_difference", "mean_low", "mean_high")
            )
            found[outcome, question] = f"{mean:+.3g}{unit} ({low:+.3g} to {high:+.3g})"
    return [found[outcome, question] for outcome in TURNED_ON for question in WORLDS]


def verdicts(words: str = COMPARE) -> str:
    """Return the sentences that a comparison prints, without its table and the list of files."""
    said = said_by(words).partition("\nWritten:")[0].rpartition("┘")[2]
    first = said.index("- With ") if "- With " in said else 0
    return "\n".join(line.rstrip() for line in said[first:].strip().splitlines())


def said_by(words: str) -> str:
    """Run a command and return what it prints."""
    run = [sys.executable, "-m", "sim", *shlex.split(words)]
    return subprocess.run(
        run, cwd=ROOT, env={**os.environ, "COLUMNS": "120"}, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def capacity_table(runs: pa.Table) -> str:
    """Write the paired differences from the baseline with every call answered, with more men, and with both."""
    lines = ["| changed | " + " | ".join(label for label, _, _ in ASKED.values()) + " |", "|---|" + "---|" * len(ASKED)]
    base = cell_of(runs, "as_reported", "as_reported")
    for name, reinforcement, capacity in CHANGED:
        cell = cell_of(runs, reinforcement, capacity)
        entries = []
        for outcome, (_, unit, factor) in ASKED.items():
            one = judge(factor * np.array(cell[outcome], float), factor * np.array(base[outcome], float))
            entries.append(f"{one.mean_difference:+.3g}{unit} ({one.mean_low:+.3g} to {one.mean_high:+.3g})")
        lines.append(f"| {name} | {' | '.join(entries)} |")
    return "\n".join(lines)


def cell_of(runs: pa.Table, reinforcement: str, capacity: str) -> dict[str, list[Any]]:
    """Return the campaigns of one cell, sorted by seed."""
    is_in = pc.and_(pc.equal(runs["reinforcement"], reinforcement), pc.equal(runs["capacity"], capacity))
    return runs.filter(is_in).sort_by("seed").to_pydict()  # type: ignore[no-any-return]


def insert(path: Path, mark: str, text: str) -> None:
    """Insert text between `<!-- mark -->` and `<!-- end of mark -->`, replacing what is there.

    Args:
        path: The page.
        mark: Name of the mark.
        text: The new text.

    Raises:
        PanjError: The page does not have both marks.
    """
    page = path.read_text(encoding="utf-8")
    start, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    if start not in page or end not in page:
        raise PanjError(f"{path.name}: found no marks '{start}' and '{end}', expected both")
    before, _, rest = page.partition(start)
    path.write_text(f"{before}{start}\n{text}\n{end}{rest.partition(end)[2]}", encoding="utf-8")
    digests = read_yaml(DIGESTS) | {name_of_block(path, mark): digest_of(text)}
    DIGESTS.write_text(yaml.safe_dump(digests), encoding="utf-8")


def name_of_block(path: Path, mark: str) -> str:
    """Return the name of a block in `docs/digests.yaml`: its page and its mark."""
    return f"{path.relative_to(ROOT).as_posix()}, {mark}"


def digest_of(text: str) -> str:
    """Return a digest of the numbers in a text, in their order; other words do not change it."""
    return sha256(" ".join(re.findall(r"\d+(?:[.,]\d+)*", text)).encode()).hexdigest()[:16]


class Band(NamedTuple):
    """A band of `configs/bands.yaml` and the simulated result."""

    outcome: str
    statistic: str
    low: float
    high: float
    found: float
    one: float  # share of campaigns within the bounds for one campaign

    @property
    def is_met(self) -> bool:
        """Whether the statistic is within the band, ends included."""
        return self.low <= self.found <= self.high


def statistic_of(values: np.ndarray, row: Mapping[str, Any]) -> float:
    """Compute the median, the 5 % or 95 % quantile, or the share of campaigns at or above a level."""
    if row["statistic"] == "share_at_least":
        return float((values >= row["level"]).mean())
    return float(np.quantile(values, {"median": 0.5, "q05": 0.05, "q95": 0.95}[row["statistic"]]))


def bands(found: Outcomes) -> tuple[list[Band], float]:
    """Compute every band for some campaigns, and the share of campaigns that meet all of them."""
    rows: list[dict[str, Any]] = yaml.safe_load((folder_of("configs") / "bands.yaml").read_text(encoding="utf-8"))
    met_by_all = np.ones(len(found), np.bool_)
    result = []
    for row in rows:
        values = np.array([campaign[row["outcome"]] for campaign in found], float)
        within = (row["one"][0] <= values) & (values <= row["one"][1])
        met_by_all &= within
        found_value = statistic_of(values, row)
        result.append(
            Band(row["outcome"], row["statistic"], row["low"], row["high"], found_value, float(within.mean()))
        )
    return result, float(met_by_all.mean())


def table_of(rows: Sequence[Band], all_met: float, runs: int = FIT_RUNS) -> str:
    """Write the bands as a Markdown table."""
    lines = [
        f"{runs} campaigns, scenario july_2021, seeds 0 to {runs - 1}, each with its draw of the posterior:",
        "",
        "| outcome | statistic | band | found | met | campaigns within it |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| `{row.outcome}` | {row.statistic.replace('_', ' ')} | {row.low:g} to {row.high:g} | {row.found:.3g} | "
            f"{'yes' if row.is_met else '**no**'} | {row.one:.0%} |"
        )
    return "\n".join([*lines, "", f"Campaigns that meet every band by themselves: {all_met:.0%}."])


def main(arguments: Sequence[str]) -> int:
    """Write the tables of the ODD description, and any other parts named in the arguments."""
    insert(ODD, "parameters", parameter_tables())
    insert(ODD, "policies", policy_table())
    insert(ODD, "left out", left_out())
    if "effects" in arguments:
        insert(ODD, "effects", effects_table(effects()))
    if "first" in arguments:
        write_first()
    if "fit" in arguments:
        write_fit()
    if "sweep" in arguments:
        write_sweep()
    if "capacity" in arguments:
        write_capacity()
    if "question" in arguments:
        write_question()
    if "july" in arguments:
        write_july()
    if "worlds" in arguments:
        write_worlds()
    if "hindcast" in arguments:
        write_hindcast()
    if "diagnosis" in arguments:
        write_diagnosis()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
