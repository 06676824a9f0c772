"""The tables of discoveries: boxes, their limits, the trade-off between coverage and density, the campaigns.

Reads   what `discover.py` found.
Gives   rows of boxes.csv, limits.csv, trade_off.csv, the table of campaigns.parquet and the content of discover.json.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sim.provenance import commit, versions
from sim.study.bank import Bank
from sim.study.boxes import Box, Limit, inside
from sim.study.discover_request import Request
from sim.study.draws import Prior
from sim.study.finished import Measure

LEVEL = 0.05  # of a quasi-p value, shared among the limits of a box
Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


class Measured(NamedTuple):
    """A box among some campaigns."""

    held: int  # campaigns in the box
    cases: int  # of them
    coverage: float  # of all cases that there are, of earlier boxes too
    density: float  # of the campaigns in the box
    low: float  # 95 % interval of the density
    high: float
    elsewhere: float  # density outside the box, among what earlier boxes have left
    everywhere: float  # density among all

    @property
    def is_finding(self) -> bool:
        """Denser than what lies around it, and than all campaigns, by more than luck."""
        return self.held > 0 and self.low > max(self.elsewhere, self.everywhere)


class Tested(NamedTuple):
    """One limit, and how often luck alone would do as well."""

    limit: Limit
    quasi_p: float
    holds: bool


class Found(NamedTuple):
    """A box, how it does in both halves, and the peels that led to it."""

    box: Box
    first: Measured  # in the half in which it was found
    other: Measured
    limits: tuple[Tested, ...]  # in the other half
    steps: tuple[tuple[Measured, Measured], ...]  # of every peel and paste, in both halves
    chosen: int  # of them; -1 where limits were dropped afterwards

    @property
    def is_finding(self) -> bool:
        """Denser in the half that did not shape it."""
        return self.other.is_finding


def campaigns_table(
    seeds: NDArray[np.int64], drawn: Floats, cases: Truths, keys: Sequence[str], found: Sequence[Found]
) -> pa.Table:
    """A row a campaign: its half, whether it is a case, the first box that holds it (0: none), and the numbers."""
    first_box = np.zeros(len(seeds), np.int32)
    for number, one in reversed(list(enumerate(found, start=1))):
        first_box[inside(one.box, drawn, keys)] = number
    half = np.where(np.arange(len(seeds)) % 2 == 0, "found", "other")
    restricted = dict.fromkeys(limit.key for one in found for limit in one.box)
    numbers = {key: drawn[:, list(keys).index(key)] for key in restricted}
    return pa.table({"seed": seeds, "half": half, "case": cases, "box": first_box, **numbers})


def row_of(number: int, found: Found) -> dict[str, str]:
    """A box; `found_...` is where it was found, all else in the other half."""
    other = found.other
    return {
        "box": str(number), "finding": "yes" if found.is_finding else "no", "limits": str(len(found.box)),
        "coverage": f"{other.coverage:.4f}", "density": f"{other.density:.4f}",
        "density_low": f"{other.low:.4f}", "density_high": f"{other.high:.4f}",
        "density_elsewhere": f"{other.elsewhere:.4f}", "density_everywhere": f"{other.everywhere:.4f}",
        "campaigns": str(other.held), "cases": str(other.cases),
        "found_coverage": f"{found.first.coverage:.4f}", "found_density": f"{found.first.density:.4f}",
    }  # fmt: skip


def rows_of_limits(number: int, found: Found, priors: dict[str, Prior]) -> list[dict[str, str]]:
    """A row a limit, with the range of the prior that it cuts."""
    return [
        {
            "box": str(number), "number": one.limit.key, "side": one.limit.side, "limit": f"{one.limit.value:.6g}",
            "prior_low": f"{priors[one.limit.key].low:.6g}", "prior_high": f"{priors[one.limit.key].high:.6g}",
            "scale": priors[one.limit.key].scale, "quasi_p": f"{one.quasi_p:.3g}",
            "holds": "yes" if one.holds else "no",
        }
        for one in found.limits
    ]  # fmt: skip


def rows_of_steps(number: int, found: Found) -> list[dict[str, str]]:
    """A row a peel or paste: coverage against density, in both halves."""
    return [
        {
            "box": str(number), "step": str(step), "chosen": "yes" if step == found.chosen else "no",
            "coverage": f"{other.coverage:.4f}", "density": f"{other.density:.4f}",
            "found_coverage": f"{first.coverage:.4f}", "found_density": f"{first.density:.4f}",
        }
        for step, (first, other) in enumerate(found.steps)
    ]  # fmt: skip


def about_discoveries(
    request: Request, bank: Bank, measure: Measure, cases: Truths, priors: dict[str, Prior]
) -> dict[str, Any]:
    """What was asked and of what."""
    about = json.loads((bank.folder / "about.json").read_text(encoding="utf-8"))
    kept = ("study", "scenario", "calibration", "end_date", "first_seed", "data_fingerprint", "rules_fingerprint",
            "outcomes_fingerprint")  # fmt: skip
    return {
        **{key: about[key] for key in kept}, "last_seed": int(bank.seeds.max()), "bank_commit": about.get("commit"),
        "commit": commit(), "versions": versions(), "words": list(request.words),
        "outcome": request.outcome, "thresholds": request.thresholds,
        "label": measure.label, "unit": measure.unit, "is_date": measure.is_date,
        "reported": measure.reported, "campaigns": int(cases.size), "cases": int(cases.sum()),
        "missing": len(bank.seeds) - int(cases.size), "failed": bank.failed, "level": LEVEL,
        "numbers": request.numbers, "density": request.density, "boxes": request.boxes,
        "priors": {key: [prior.low, prior.high, prior.scale] for key, prior in priors.items()},
    }  # fmt: skip
