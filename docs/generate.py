"""Write the parts of the documentation that are generated from the model and its YAML files.

`python docs/generate.py` writes the parameter tables of `docs/odd.md`, and `docs/cli.md`. With `effects` it also runs
campaigns with and without each step of the day and writes what each step does; with `fit` it summarises the fit in the
README: each band of `configs/bands.yaml`, the result of the default campaigns, and how many meet all bands.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from scipy.stats import bootstrap

from sim.data.configs import folder_of, read_yaml
from sim.engine.campaign import run_campaign
from sim.errors import PanjError
from sim.help import reference
from sim.outcomes import count_outcomes, read_outcomes
from sim.settings.changes import about_of, describe_changes, describing_groups, groups
from sim.settings.compose import compose_settings
from sim.settings.numbers import declared_numbers
from sim.settings.settings import Settings

ROOT = Path(__file__).parent.parent
ODD, CLI, README = ROOT / "docs" / "odd.md", ROOT / "docs" / "cli.md", ROOT / "README.md"
RUNS, FIT_RUNS = 200, 500
NUMBERS = "calibration=as_declared"


class Effect(NamedTuple):
    """Mean paired difference of an outcome when one step is taken out, with its 95 % interval."""

    step: str
    outcome: str
    median: float
    difference: float
    low: float
    high: float
    pairs: int


def parameter_tables() -> str:
    """One table per rule: number, value, unit, range, source, meaning."""
    lines: list[str] = []
    last = ""
    for row in declared_numbers().values():
        rule, name = row.key.split(".")[1:]
        if rule != last:
            lines += ["", f"#### {rule}", "", "| number | value | unit | range | source | meaning |"]
            lines.append("|---|---|---|---|---|---|")
            last = rule
        lines.append(
            f"| `{name}` | {row.value} | {row.unit} | {row.low} to {row.high} | {row.source} | {row.meaning} |"
        )
    return "\n".join(lines).strip()


def policy_table() -> str:
    """One row per policy and scenario: what it is about and everything that it changes."""
    lines = ["| choice | what it is | what it changes, compared with the numbers as declared |", "|---|---|---|"]
    for group in describing_groups():
        for name in groups()[group]:
            changes = "<br>".join(f"{one.meaning} (`{one.key}`): {one.change}" for one in describe_changes(group, name))
            lines.append(f"| `{group}={name}` | {about_of(group, name)} | {changes or 'nothing'} |")
    return "\n".join(lines)


def outcomes_of(settings: Settings, runs: int) -> list[dict[str, float | str | None]]:
    """All outcomes of the campaigns with seeds 0 to `runs` - 1."""
    table = read_outcomes(settings.facts, settings.start_date, settings.days)

    def one(seed: int) -> dict[str, float | str | None]:
        campaign = run_campaign(settings.layout.world, settings.rules_of(seed), settings.timeline, seed, settings.days)
        return count_outcomes(campaign, table, settings.facts, settings.start_date)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(one, range(runs)))


def effects(runs: int = RUNS) -> list[Effect]:
    """Effect of each step of `configs/neutral.yaml`: campaigns without it compared with the default, paired by seed."""
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
    base: Sequence[dict[str, float | str | None]],
    without: Sequence[dict[str, float | str | None]],
) -> Effect:
    """The paired difference: without the step minus with it; pairs with a missing value are left out and counted."""
    pairs = [(a[outcome], b[outcome]) for a, b in zip(base, without, strict=True)]
    values = np.array([(a, b) for a, b in pairs if a is not None and b is not None], float)
    difference = values[:, 1] - values[:, 0]
    low = high = float(difference.mean())
    if np.ptp(difference) > 0:
        interval = bootstrap((difference,), np.mean, method="percentile", rng=np.random.default_rng(0))
        low, high = interval.confidence_interval
    return Effect(step, outcome, float(np.median(values[:, 0])), float(difference.mean()), low, high, len(values))


def effects_table(rows: Sequence[Effect], runs: int = RUNS) -> str:
    """The effects as a Markdown table."""
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
            f"| {row.step} | `{row.outcome}` | {row.median:.4g} | {row.difference:+.4g} | "
            f"{row.low:+.4g} to {row.high:+.4g} | {verdict} |"
        )
    return "\n".join(lines)


def insert(path: Path, mark: str, text: str) -> None:
    """Put text between `<!-- mark -->` and `<!-- end of mark -->`."""
    page = path.read_text(encoding="utf-8")
    start, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    if start not in page or end not in page:
        raise PanjError(f"{path.name}: found no marks '{start}' and '{end}', expected both")
    before, _, rest = page.partition(start)
    path.write_text(f"{before}{start}\n{text}\n{end}{rest.partition(end)[2]}", encoding="utf-8")


class Band(NamedTuple):
    """One band and the simulated result."""

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
    """Median, 5 % or 95 % quantile, or share of campaigns at or above a level."""
    if row["statistic"] == "share_at_least":
        return float((values >= row["level"]).mean())
    return float(np.quantile(values, {"median": 0.5, "q05": 0.05, "q95": 0.95}[row["statistic"]]))


def bands(runs: int = FIT_RUNS) -> tuple[list[Band], float]:
    """Every band for seeds 0 to `runs` - 1, and the share of campaigns that meet all of them."""
    rows: list[dict[str, Any]] = yaml.safe_load((folder_of("configs") / "bands.yaml").read_text(encoding="utf-8"))
    found = outcomes_of(compose_settings(["end_date=2021-07-08"]), runs)
    met_by_all = np.ones(runs, np.bool_)
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
    """The bands as a Markdown table."""
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
    """Write the parameter tables and the reference of the command line, and any other parts that the arguments name."""
    insert(ODD, "parameters", parameter_tables())
    insert(ODD, "policies", policy_table())
    CLI.write_text(reference(), encoding="utf-8")
    if "effects" in arguments:
        insert(ODD, "effects", effects_table(effects()))
    if "fit" in arguments:
        insert(README, "fit", table_of(*bands()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
