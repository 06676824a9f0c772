"""Score Panj against the record and compare it with naive forecasts: `python -m sim score`.

Without the folder of a study, the command first runs three studies of 500 campaigns each, up to 8 July and with the
same seeds: one named `score`, a variant in which falls spread no dread, and a variant in which air cover has no effect.
With the folder of a finished study, it scores that study, and compares it with the naive forecasts and with any such
variants in folders next to it. The exit code does not depend on the score.

Reads   data/targets.csv, the dates of falls in data/districts.csv, and the tables and chunks of finished studies.
Writes  score/ in the folder of the study, each file atomically: score.csv (one row per target), score_districts.csv
        (one per district), score_forecasts.csv (one per forecast), score_split.csv (one per post) and score.json.
        `sim.scoring.figures` prints and draws them.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console

from sim import options
from sim.configuration.compose import compose_settings, name_of
from sim.configuration.overrides import AnyOverrides, Overrides
from sim.configuration.sweep import Sweep, compose_sweep
from sim.data.facts import Facts, facts_here, read_falls
from sim.errors import PanjError, unknown
from sim.execution.console import Terse
from sim.execution.run import run_sweep
from sim.provenance import fitted_until, stamp
from sim.scoring.forecasts import (
    DAYS,
    KNOWN_UNTIL,
    NEVER,
    Forecast,
    check_days,
    forecast_of_study,
    grounds_of,
    naive_forecasts,
    place_of_scores,
    refuse_assimilated,
    study_to_score,
    targets_here,
)
from sim.scoring.measure import (
    LOST_BY,
    RESAMPLES,
    Districts,
    Measured,
    Score,
    days_of,
    lost_by,
    measure,
    measure_districts,
    median_days,
    outside,
    parts_of,
    reported_distance,
    share_lost_by,
    tally,
    was_lost,
)
from sim.scoring.targets import DATED, DAY_0, DistrictTargets, Known, Target, bounds_of, district_targets
from sim.study.codebook import describe_tables
from sim.study.files import csv_text, json_text, make_folder, write_errors, write_file, write_folder
from sim.study.reader import Study
from sim.study.store import flatten, read_scope
from sim.wording import counted

USUAL = {"runs": "500"}
RECORDS = 500  # synthetic records per naive forecast
# settings for drawing day 0 of the naive forecasts, which must not use a fit
NAIVE_NUMBERS = "calibration=as_declared"
VARIANTS = {  # studies of the model without one of its mechanisms
    "without_contagion": (
        "the same model without dread from the news of falls",
        ("rules.news.next_door", "rules.news.province", "rules.news.country"),
    ),
    "without_air_cover": (
        "the same model without any effect of air cover",
        ("rules.morale.air_cover", "rules.parley.air_cover", "rules.combat.air_support"),
    ),
}


def write_score(request: options.Score, console: Console) -> Path:
    """Run or read the requested study, score it and write the tables.

    Args:
        request: The settings, or the folder and cell of a finished study.
        console: Console for progress messages.

    Returns:
        The folder of the tables.

    Raises:
        PanjError: A setting or study is invalid; raised before anything is run or written.
        Stopped: The user pressed Ctrl-C; the same command resumes the run.
    """
    check(request)
    targets = targets_here()
    if request.folder is not None:
        study = study_to_score(request.folder, request.cell)
        if note := study.note_on_choice(request.cell):
            console.print(note, soft_wrap=True)
        return score(study, variants_of(study), targets, console)
    sweeps = sweeps_of(request.overrides)
    studies = {name: run_missing(sweep, name, console) for name, sweep in sweeps.items()}
    return score(studies.pop("panj"), studies, targets, console)


def check(request: options.Score) -> None:
    """Raise PanjError if settings are given together with a finished study, or a cell is given without a study."""
    if request.folder is not None and request.overrides:
        raise unknown("score of a finished study", request.overrides[0].partition("=")[0], ("cell",))
    if request.folder is None and request.cell is not None:
        raise PanjError(f"cell: found {request.cell} but no folder of a study, expected both")


def sweeps_of(words: AnyOverrides) -> dict[str, Sweep]:
    """Compose the sweeps of the scored study and of its variants, so that all are checked before any is run.

    Args:
        words: The overrides from the command line.

    Returns:
        The sweeps, keyed by name: `panj` for the scored study, and the name of each variant.

    Raises:
        PanjError: An override is invalid, or the campaigns would not cover the days of the targets.
    """
    given = Overrides.of(words)
    wanted = given.with_usual(USUAL)
    sweep = compose_sweep(wanted)
    base = sweep.base
    refuse_assimilated(base.choices["worlds"])
    check_days(base.start_date, base.end_date)
    name = base.study if "study" in given else named(name_of(base.choices, given))
    sweeps = {"panj": replace(sweep, base=replace(base, study=name))}
    for variant, (_, numbers) in VARIANTS.items():
        zero = [*(f"{key}=0" for key in numbers), f"study={name}__{variant}"]
        sweeps[variant] = compose_sweep(wanted.without(["study", *numbers]) + zero)
    return sweeps


def named(usual: str) -> str:
    """Return the default name of a scored study: `score`, followed by any settings that differ from their defaults."""
    return "score" if usual == "july_2021" else f"score__{usual}"[:90]


def run_missing(sweep: Sweep, name: str, console: Console) -> Study:
    """Run those campaigns of a study that are not stored yet, and return the opened study."""
    about = "the settings that are scored" if name == "panj" else VARIANTS[name][0]
    console.print(f"{sweep.base.study}: {counted(sweep.base.runs, 'campaign')} of {about} ...")
    run_sweep(sweep, Terse(width=console.width, highlight=False))
    folder = sweep.base.results_dir / sweep.base.study
    return study_to_score(folder, None)


def variants_of(study: Study) -> dict[str, Study]:
    """Return the variants of a study that are stored in folders next to it, keyed by name.

    A variant is excluded if it has other seeds, or differs from the study in anything but the numbers that define the
    variant. A study of several cells has no variants.
    """
    found = {}
    for name, (_, numbers) in VARIANTS.items():
        folder = study.folder.with_name(f"{study.folder.name}__{name}")
        if len(study.cells) > 1 or not (folder / "about.json").is_file():
            continue
        here, there = read_scope(study.folder), read_scope(folder)
        if here is None or there is None or here.first_seed != there.first_seed:
            continue
        before, after = dict(flatten(here.base)), dict(flatten(there.base))
        if {number_of(key) for key in {**before, **after} if before.get(key) != after.get(key)} <= set(numbers):
            found[name] = study_to_score(folder, None)
    return found


def number_of(key: str) -> str:
    """Return the key of the number that a setting concerns.

    A number of the rules has several settings: its value, whether it is drawn, and the bounds of its prior. For all of
    them, the key `rules.x.y` is returned; any other key is returned unchanged.
    """
    return re.sub(r"^draws\.(?:keys|priors)\.(rules\.\w+\.\w+)(?:\.\d)?$", r"\1", key)


def score(study: Study, variants: dict[str, Study], targets: Sequence[Target], console: Console) -> Path:
    """Score a study, its variants and the naive forecasts, write the tables, and return their folder."""
    if until := fitted_until(study.cell.calibration):
        targets = [target._replace(use="fitted" if target.date <= until else "scored") for target in targets]
    facts = facts_here()
    districts = len(facts.district_id)
    panj = forecast_of_study(study, targets, "panj", "the settings that are scored", districts)
    console.print(f"Making {RECORDS} records of each naive forecast ...")
    first = int(study.about["first_seed"])
    grounds = grounds_of(compose_settings([NAIVE_NUMBERS]), range(first, first + RECORDS))
    others: list[Forecast] = naive_forecasts(targets, grounds, first)
    others += [forecast_of_study(one, targets, name, VARIANTS[name][0], districts) for name, one in variants.items()]
    scored = Scored(study, facts, tuple(targets), panj, tuple(others), district_targets(facts, read_falls()), variants)
    return write_scored(scored)


METHOD = {
    "crps": "fair CRPS of the campaigns on the scale of the target (log targets: of the logarithm of 1 + the number) "
    "against the reported number; against a range or a bound, with no weight inside it; of the split, half the sum "
    "over posts of the CRPS of their shares",
    "inside_90": "whether the reported number, or part of its range, is in the 90 % interval of campaigns, which is "
    "not widened by the observation error",
    "inside_90_with_error": "the same after the observation error declared in targets.csv is added to the campaigns",
    "errors": "Monte Carlo, one standard error: jackknife over campaigns for CRPS; bootstrap over campaigns, "
    f"{RESAMPLES} resamples, for districts",
}


class Scored(NamedTuple):
    """The forecast to score, the forecasts to compare it with, and the targets."""

    study: Study
    facts: Facts
    targets: tuple[Target, ...]
    panj: Forecast
    others: tuple[Forecast, ...]
    districts: DistrictTargets
    variants: dict[str, Study]  # studies of the model variants among the comparison forecasts

    @property
    def place(self) -> str:
        """Folder of the scores, relative to that of the study; each cell of a sweep has its own."""
        return place_of_scores(self.study)


def write_scored(scored: Scored) -> Path:
    """Compute all scores, write the tables, and return their folder."""
    ours = [measured_or_error(target, scored.panj) for target in scored.targets]
    theirs = {one.name: [measure(target, one) for target in scored.targets] for one in scored.others}
    districts = {one.name: measure_districts(scored.districts, one) for one in (scored.panj, *scored.others)}
    folder = scored.study.folder / scored.place
    texts = {
        "score_split.csv": csv_text(rows_of_split(scored)),
        "score_districts.csv": csv_text(rows_of_districts(scored), columns_of_districts(scored)),
        "score_forecasts.csv": csv_text([row_of_forecast(name, row) for name, row in districts.items() if row]),
        "score.json": json_text(about_score(scored, ours, theirs, districts), indent=2),
        "score.csv": csv_text(rows_of_targets(scored, ours, theirs)),
    }
    with write_errors(folder, "score"):
        make_folder(folder.parent)
    with write_folder(folder, "score") as fresh:
        for name, text in texts.items():
            write_file(fresh / name, text)
    describe_tables(folder, "score")
    return folder


def measured_or_error(target: Target, panj: Forecast) -> Measured:
    """Compare a target with the campaigns of the scored study. Raise PanjError if they lack its outcome."""
    found = measure(target, panj)
    if found is None:
        raise PanjError(f"score: found no outcome {target.outcome} in the study, expected a study that has it")
    return found


def rows_of_targets(
    scored: Scored, ours: Sequence[Measured], theirs: dict[str, list[Measured | None]]
) -> list[dict[str, Any]]:
    """Return the rows of score.csv: one per target, with the CRPS of every forecast and its Monte Carlo error.

    The cells of a forecast that does not cover the target are empty.
    """
    rows = []
    for place, (target, measured) in enumerate(zip(scored.targets, ours, strict=True)):
        others = {name: found[place] for name, found in theirs.items()}
        rows.append(
            {
                "target": target.target,
                "event": target.event,
                "reported": cell_text(reported_of(scored, target), target),
                **{name: cell_text(end, target) for name, end in measured.intervals._asdict().items()},
                "inside_90": "yes" if measured.inside else "no",
                "crps": score_text(measured.score.value),
                **{name: score_text(one.score.value) if one else "" for name, one in others.items()},
                "crps_error": score_text(measured.score.error),
                **{f"{name}_error": score_text(one.score.error) if one else "" for name, one in others.items()},
                "inside_90_with_error": "yes" if measured.inside_with_error else "no",
                **bounds_in_words(target),
                "error": target.error, "sd": target.sd, "scale": target.scale, "use": target.use,
                "date": target.date.isoformat(), "quantity": target.quantity, "scope": target.scope,
                "outcome": target.outcome, "missing": measured.missing, "evidence": " ".join(target.evidence),
            }
        )  # fmt: skip
    first = ["target", "event", "reported", "median", "low_50", "high_50", "low_90", "high_90"]
    return [{key: row[key] for key in dict.fromkeys([*first, *row])} for row in rows]


def reported_of(scored: Scored, target: Target) -> float | None:
    """Return the reported number; for a split, the mean distance of the reported split from the simulated ones."""
    return reported_distance(target, scored.panj) if target.parts else target.value


def bounds_in_words(target: Target) -> dict[str, str]:
    """Return the reported bounds of a target as cells of score.csv.

    The cell of a missing bound is empty, and so are both cells of a split.
    """
    low, high = (math.inf, math.inf) if target.parts else bounds_of(target)
    return {"reported_low": cell_text(low, target), "reported_high": cell_text(high, target)}


def cell_text(value: float | None, target: Target) -> str:
    """Format a reported or simulated value as a cell of score.csv.

    Args:
        value: A number, or a date as its ordinal; None, nan or infinite if missing.
        target: The target of the value, which determines whether the value is a date.

    Returns:
        A number to six significant figures, or an ISO date (8 July means that day, a later day or never). An empty
        string if the value is missing.
    """
    if value is None or not math.isfinite(value):
        return ""
    is_date = target.outcome == "largest_night"
    return date.fromordinal(min(round(value), NEVER)).isoformat() if is_date else f"{value:.6g}"


def score_text(value: float) -> str:
    """Format a score to five significant figures, or return an empty string if it is nan."""
    return "" if math.isnan(value) else f"{value:.5g}"


def rows_of_split(scored: Scored) -> list[dict[str, Any]]:
    """Return the rows of score_split.csv: one per post, with its reported and simulated shares of the soldiers."""
    rows = []
    for target in (target for target in scored.targets if target.parts):
        missing = measured_or_error(target, scored.panj).missing
        for part in parts_of(target, scored.panj):
            ends = {name: score_text(end) for name, end in part.intervals._asdict().items()}
            rows.append(
                {
                    "target": target.target, "outcome": part.outcome, "reported": score_text(part.reported),
                    **{name: ends[name] for name in ("median", "low_50", "high_50", "low_90", "high_90")},
                    "inside_90": "yes" if part.inside else "no", "campaigns": scored.panj.campaigns - missing,
                }
            )  # fmt: skip
    return rows


def rows_of_districts(scored: Scored) -> list[dict[str, Any]]:
    """Return the rows of score_districts.csv, one per district, or none if the falls of the campaigns are not stored.

    A row contains the reported days of loss, the median day of the campaigns and its error, and, for each day of
    `LOST_BY`, whether the district was lost by then and the probability of this in every forecast.
    """
    targets, panj, facts = scored.districts, scored.panj, scored.facts
    if panj.lost_on is None:
        return []
    median = median_days(lost_by(panj.lost_on[:, targets.district]).mean(axis=0))
    errors = outside(median, days_of(targets.earliest), days_of(targets.latest))
    rows = []
    for row, district in enumerate(targets.district.tolist()):
        known = Known(targets.known[row])
        is_dated = known in DATED
        rows.append(
            {
                "district_id": facts.district_id[district], "district": facts.district[district],
                "province": facts.province[district], "known": known.name.lower(),
                "earliest": str(targets.earliest[row]) if known != Known.UNDATED else "",
                "latest": "" if np.isnat(targets.latest[row]) else str(targets.latest[row]),
                "median": str(np.datetime64(DAY_0) + median[row]) if median[row] <= DAYS else "later",
                "error_days": f"{errors[row]:g}" if is_dated else "",
            }
        )  # fmt: skip
    for evening in LOST_BY:
        slug, truth = evening.isoformat().replace("-", "_"), was_lost(targets, evening)
        chances = {one.name: share_lost_by(targets, one, evening) for one in (panj, *scored.others)}
        for place, cells in enumerate(rows):
            cells[f"lost_by_{slug}"] = "" if math.isnan(truth[place]) else int(truth[place])
            cells |= {f"{name}_{slug}": score_text(found[place]) for name, found in chances.items()}
    return rows


def columns_of_districts(scored: Scored) -> list[str]:
    """Return the columns of score_districts.csv, which has no rows if the falls of the campaigns are not stored."""
    columns = ["district_id", "district", "province", "known", "earliest", "latest", "median", "error_days"]
    names = [one.name for one in (scored.panj, *scored.others)]
    for evening in LOST_BY:
        slug = evening.isoformat().replace("-", "_")
        columns += [f"lost_by_{slug}", *(f"{name}_{slug}" for name in names)]
    return columns


def row_of_forecast(name: str, found: Districts) -> dict[str, Any]:
    """Return the row of score_forecasts.csv with the scores of one forecast over districts."""
    row: dict[str, Any] = {"forecast": name, "dated": found.dated, "not_lost": found.not_lost}
    scores: dict[str, Score] = {"absolute_error_days": found.absolute, "days_late": found.late}
    for place, evening in enumerate(LOST_BY):
        slug = evening.isoformat().replace("-", "_")
        row |= {f"known_{slug}": found.known[place], f"lost_{slug}": found.lost[place]}
        scores |= {f"brier_{slug}": found.brier[place], f"auc_{slug}": found.auc[place]}
    for key, score in scores.items():
        row |= {key: score_text(score.value), f"{key}_error": score_text(score.error)}
    return row


def about_score(
    scored: Scored,
    ours: Sequence[Measured],
    theirs: dict[str, list[Measured | None]],
    districts: dict[str, Districts | None],
) -> dict[str, Any]:
    """Return the content of score.json: the scored study, the method, and the comparison with other forecasts."""
    about, cell = scored.study.about, scored.study.cell
    first = int(about["first_seed"])
    late = [place for place, target in enumerate(scored.targets) if target.date > KNOWN_UNTIL]
    return {
        "study": about["study"], "cell": cell.number, "label": cell.label, "scenario": about.get("scenario"),
        "calibration": cell.calibration,
        "campaigns": scored.panj.campaigns, "failed": cell.failed,
        "first_seed": first, "last_seed": first + cell.runs - 1,
        "forecasts": [
            {"name": one.name, "about": one.about, "knows": one.knows, "campaigns": one.campaigns}
            for one in (scored.panj, *scored.others)
        ],
        "against": {
            name: {"all": tally(ours, found)._asdict(),
                   "after_22_june": tally([ours[row] for row in late], [found[row] for row in late])._asdict()}
            for name, found in theirs.items()
        },
        "events": events_of(scored.targets, ours),
        "districts": scored.districts.district.size, "has_districts": districts["panj"] is not None,
        "method": METHOD,
        "variants": {name: json.loads(stamp(one.about, {})) for name, one in scored.variants.items()},
        "provenance": json.loads(stamp(about, {"file": f"{scored.place}/score.png", "cell": cell.number})),
    }  # fmt: skip


def events_of(targets: Sequence[Target], ours: Sequence[Measured]) -> list[dict[str, Any]]:
    """Count, for each event, its targets and how many of these are inside the 90 % interval of the campaigns.

    They are counted by event because the targets of one event are not independent.

    Args:
        targets: The targets to count.
        ours: Result of the scored study for each target.

    Returns:
        One row per event: the number of its targets and of those inside; the same two numbers for its fitted targets;
        and the number of its targets that are inside after the observation error is added to the campaigns.
    """
    events: dict[str, dict[str, Any]] = {}
    for target, measured in zip(targets, ours, strict=True):
        row = events.setdefault(target.event, {"event": target.event, "targets": 0, "inside": 0, "fitted": 0,
                                               "fitted_inside": 0, "inside_with_error": 0})  # fmt: skip
        row["targets"] += 1
        row["inside"] += measured.inside
        row["inside_with_error"] += measured.inside_with_error
        row["fitted"] += target.use == "fitted"
        row["fitted_inside"] += measured.inside and target.use == "fitted"
    return list(events.values())
