"""The fit in short: each band of `configs/bands.yaml`, what the default campaigns give, how many meet all.

`python -m sim.study.fit` writes the table into the README.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from sim.parameters import folder_of
from sim.study.odd import insert, outcomes_of
from sim.study.settings import compose_settings

README = Path(__file__).parent.parent.parent / "README.md"
RUNS = 500


class Band(NamedTuple):
    """One band and what was found."""

    outcome: str
    statistic: str
    low: float
    high: float
    found: float
    one: float  # share of campaigns within the bounds for one campaign

    @property
    def is_met(self) -> bool:
        """Whether the statistic lies within the band, ends included."""
        return self.low <= self.found <= self.high


def statistic_of(values: np.ndarray, row: Mapping[str, Any]) -> float:
    """Median, 5 % or 95 % point, or share of campaigns at or above a level."""
    if row["statistic"] == "share_at_least":
        return float((values >= row["level"]).mean())
    return float(np.quantile(values, {"median": 0.5, "q05": 0.05, "q95": 0.95}[row["statistic"]]))


def bands(runs: int = RUNS) -> tuple[list[Band], float]:
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


def table_of(rows: Sequence[Band], all_met: float, runs: int = RUNS) -> str:
    """The bands as a table in words."""
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
    """Write the table into the README."""
    insert(README, "fit", table_of(*bands()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
