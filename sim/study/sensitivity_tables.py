"""The tables of a sensitivity study, and what they were made from: rows for a spreadsheet, numbers to six figures.

Reads   the measures of `sensitivity.py` and the answers at the points.
Gives   rows of morris.csv, sobol.csv and outcomes.csv, and the content of sensitivity.json.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.provenance import commit, read_about, versions
from sim.study.points import Answers
from sim.study.sensitivity_request import Request

CHANCE = "chance"  # the row of luck among the numbers
RESAMPLES = 1000  # of the bootstrap
LEAST = 0.1  # of the largest mu* of an outcome, for a number to matter
Floats = NDArray[np.float64]


class Effect(NamedTuple):
    """How far one number moves one outcome, along its whole prior."""

    outcome: str
    key: str
    mu_star: float  # mean size of a step, as if it went along the whole prior [unit of the outcome]
    half_width: float  # of its 95 % interval
    mu: float  # the same with its sign
    sigma: float  # spread of steps: interactions, or a curve
    luck: float  # mu* of chance alone, on average
    floor: float  # what it reaches for any of the numbers in 5 of 100 screenings
    largest: float  # mu* of the number that moves the outcome most

    @property
    def share(self) -> float:
        """Of the largest mu*; 0 where nothing moves."""
        return self.mu_star / self.largest if self.largest > 0 else 0.0

    @property
    def matters(self) -> bool:
        """More than chance reaches, and not too little beside the largest."""
        return self.mu_star > self.floor and self.share >= LEAST


class Index(NamedTuple):
    """The share of the variance of an outcome that a number explains."""

    outcome: str
    key: str
    first: float  # by itself
    first_half_width: float
    total: float  # with all its interactions
    total_half_width: float
    at_low: float  # mean of the outcome in the lowest fifth of the prior
    at_high: float  # and in the highest


class Lived(NamedTuple):
    """A design, and what its points gave."""

    keys: tuple[str, ...]
    shares: Floats
    answers: dict[str, Answers]
    folder: Path
    failed: int  # campaigns


def rows_of_morris(effects: Sequence[Effect], chosen: Sequence[str]) -> list[dict[str, str]]:
    """A row an outcome and number, the one that moves most first."""
    outcomes = list(dict.fromkeys(effect.outcome for effect in effects))
    ranked = sorted(effects, key=lambda effect: (outcomes.index(effect.outcome), -effect.mu_star))
    return [
        {
            "outcome": one.outcome, "number": one.key, "mu_star": say(one.mu_star),
            "mu_star_low": say(max(0.0, one.mu_star - one.half_width)),
            "mu_star_high": say(one.mu_star + one.half_width),
            "mu": say(one.mu), "sigma": say(one.sigma),
            "chance_alone": say(one.luck), "floor_of_chance": say(one.floor),
            "share_of_largest": say(one.share), "matters": "yes" if one.matters else "no",
            "chosen": "yes" if one.key in chosen else "no",
        }
        for one in ranked
    ]  # fmt: skip


def rows_of_sobol(indices: Sequence[Index], answers: Mapping[str, Answers]) -> list[dict[str, str]]:
    """A row an outcome and number, the largest total index first; the row of chance comes last."""
    rows = []
    for outcome, answer in answers.items():
        of_outcome = [index for index in indices if index.outcome == outcome]
        for one in sorted(of_outcome, key=lambda index: -index.total):
            rows.append({
                "outcome": outcome, "number": one.key,
                "first": say(one.first), "first_low": say(one.first - one.first_half_width),
                "first_high": say(one.first + one.first_half_width),
                "total": say(one.total), "total_low": say(one.total - one.total_half_width),
                "total_high": say(one.total + one.total_half_width),
                "at_low": say(one.at_low), "at_high": say(one.at_high),
            })  # fmt: skip
        if of_outcome:
            rows.append(dict.fromkeys(rows[-1], "") | {"outcome": outcome, "number": CHANCE,
                                                         "total": say(share_left(answer))})  # fmt: skip
    return rows


def share_left(answer: Answers) -> float:
    """Of the variance between points, what chance leaves in it; 0 where there is none."""
    between = float(answer.means.var())
    return min(1.0, answer.left / between) if between > 0 else 0.0


def rows_of_outcomes(answers: Mapping[str, Answers], of: str) -> list[dict[str, str]]:
    """A row an outcome: its spread between points, and how much of a single campaign numbers and chance decide."""
    rows = []
    for outcome, answer in answers.items():
        low, middle, high = np.quantile(answer.means, (0.05, 0.5, 0.95))
        numbers = max(0.0, float(answer.means.var()) - answer.left)
        whole = numbers + answer.chance
        reported = {key: "" if value is None else str(value) for key, value in answer.measure.reported.items()}
        rows.append({
            "outcome": outcome, "label": answer.measure.label, "unit": answer.measure.unit, "design": of,
            "mean": say(float(answer.means.mean())), "median": say(middle), "low_90": say(low), "high_90": say(high),
            "share_numbers": say(numbers / whole if whole else 0.0),
            "share_chance": say(answer.chance / whole if whole else 0.0),
            "chance_left": say(share_left(answer)),
            "missing": str(int(np.isnan(answer.values).sum())),
            **{f"reported_{key}": value for key, value in reported.items() if key != "evidence"},
            "evidence": reported["evidence"],
        })  # fmt: skip
    return rows


def say(value: float) -> str:
    """Six figures."""
    return f"{value:.6g}"


def about_sensitivity(
    request: Request, designs: Mapping[str, Lived], effects: Sequence[Effect], chosen: Sequence[str]
) -> dict[str, Any]:
    """What the tables and figures were made from."""
    base = request.base
    about = read_about(designs["morris"].folder)
    matter = {effect.key for effect in effects if effect.matters}
    kept = ("data_fingerprint", "rules_fingerprint", "outcomes_fingerprint", "scenario", "end_date")
    return {
        "study": base.study, "words": ["sensitivity", *request.words], "outcomes": list(request.outcomes),
        "scenario_title": base.title, "runs": base.runs,
        "first_seed": base.seed, "last_seed": base.seed + base.runs - 1,
        **{key: about[key] for key in kept}, "commit": commit(), "versions": versions(),
        "priors": {prior.key: [prior.low, prior.high, prior.scale] for prior in request.priors},
        "chosen": list(chosen), "matter_but_left": sorted(matter - set(chosen)),
        "designs": {
            name: {"folder": one.folder.name, "points": len(one.shares), "campaigns": one.shares.shape[0] * base.runs,
                   "failed": one.failed, "numbers": len(one.keys)}
            for name, one in designs.items()
        },
        "trajectories": request.trajectories, "samples": request.samples, "resamples": RESAMPLES,
    }  # fmt: skip
