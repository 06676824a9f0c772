"""The tables of a score: a row a target, a row a district, a row a forecast, a row a post; and what holds for all.

Writes  score.csv, score_districts.csv, score_forecasts.csv, score_split.csv and score.json in `score/` of the study,
        each whole or not at all.
"""

import csv
import io
import json
import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sim.errors import PanjError
from sim.facts import Facts
from sim.provenance import stamp
from sim.study.compare import replace_text
from sim.study.forecasts import NEVER, Forecast, Study
from sim.study.measured import (
    LOST_BY,
    Districts,
    Measured,
    chances_by,
    days_of,
    measure,
    measure_districts,
    parts_of,
    reported_distance,
    tally,
    was_lost,
)
from sim.study.naive import DAY_0, DAYS, KNOWN_UNTIL
from sim.study.scoring import RESAMPLES, Score, error_of_days, lost_by, median_days
from sim.targets import DistrictTargets, Known, Target, bounds_of

METHOD = {
    "crps": "fair CRPS of the campaigns on the scale of the target (log targets: of the logarithm of 1 + the number) "
    "against the number reported; against a range or a bound, with no weight inside it; of the split, half the sum "
    "over posts of the CRPS of their shares",
    "inside_90": "whether the number reported, or some of its range, lies in the 90 % interval of campaigns; nothing "
    "is widened by the error of observation",
    "inside_90_with_error": "the same for what would be reported of the campaigns, with the error declared in "
    "targets.csv",
    "errors": "Monte Carlo, one standard error: jackknife over campaigns for CRPS; bootstrap over campaigns, "
    f"{RESAMPLES} resamples, for districts",
}


class Scored(NamedTuple):
    """What is scored, and against what."""

    study: Study
    facts: Facts
    targets: tuple[Target, ...]
    panj: Forecast
    others: tuple[Forecast, ...]
    districts: DistrictTargets
    variants: dict[str, Study]  # the studies of those others that are no naive forecasts

    @property
    def place(self) -> str:
        """The folder of the scores inside that of the study; one a cell where there are several."""
        return "score" if len(self.study.about["cells"]) == 1 else f"score/cell_{self.study.cell['cell']}"


def write_scored(scored: Scored) -> Path:
    """Measure everything, then write it; gives the folder."""
    ours = [measured_or_error(target, scored.panj) for target in scored.targets]
    theirs = {one.name: [measure(target, one) for target in scored.targets] for one in scored.others}
    districts = {one.name: measure_districts(scored.districts, one) for one in (scored.panj, *scored.others)}
    folder = scored.study.folder / scored.place
    texts = {
        "score_split.csv": text_of(rows_of_split(scored)),
        "score_districts.csv": text_of(rows_of_districts(scored)),
        "score_forecasts.csv": text_of([row_of_forecast(name, row) for name, row in districts.items() if row]),
        "score.json": json.dumps(about_score(scored, ours, theirs, districts), indent=2) + "\n",
        "score.csv": text_of(rows_of_targets(scored, ours, theirs)),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            replace_text(folder / name, text)
    except OSError as error:
        raise PanjError(f"score: cannot write {folder} ({error.strerror or error})") from error
    return folder


def measured_or_error(target: Target, panj: Forecast) -> Measured:
    """Panj has every outcome."""
    found = measure(target, panj)
    if found is None:
        raise PanjError(f"score: found no outcome {target.outcome} in the study, expected one")
    return found


def rows_of_targets(
    scored: Scored, ours: Sequence[Measured], theirs: dict[str, list[Measured | None]]
) -> list[dict[str, Any]]:
    """A row a target; the naive forecasts have a column each, empty where they say nothing."""
    rows = []
    for place, (target, measured) in enumerate(zip(scored.targets, ours, strict=True)):
        others = {name: found[place] for name, found in theirs.items()}
        rows.append(
            {
                "target": target.target,
                "event": target.event,
                "reported": say(reported_of(scored, target), target),
                **dict(zip(("low_90", "low_50", "median", "high_50", "high_90"),
                           (say(cut, target) for cut in measured.cuts), strict=True)),
                "inside_90": "yes" if measured.inside else "no",
                "crps": number(measured.score.value),
                **{name: number(one.score.value) if one else "" for name, one in others.items()},
                "crps_error": number(measured.score.error),
                **{f"{name}_error": number(one.score.error) if one else "" for name, one in others.items()},
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
    """The number reported; of a split, how far it lies from those of the campaigns."""
    return reported_distance(target, scored.panj) if target.parts else target.value


def bounds_in_words(target: Target) -> dict[str, str]:
    """The range within which nothing is preferred; empty where nothing bounds it, and of a split."""
    low, high = (math.inf, math.inf) if target.parts else bounds_of(target)
    return {"reported_low": say(low, target), "reported_high": say(high, target)}


def say(value: float | None, target: Target) -> str:
    """A number to six figures, a date as such; nothing where there is none. The day after 7 July stands for later."""
    if value is None or not math.isfinite(value):
        return ""
    is_date = target.outcome == "largest_night"
    return date.fromordinal(min(round(value), NEVER)).isoformat() if is_date else f"{value:.6g}"


def number(value: float) -> str:
    """A score to five figures."""
    return "" if math.isnan(value) else f"{value:.5g}"


def rows_of_split(scored: Scored) -> list[dict[str, Any]]:
    """A row a post: shares of the men."""
    rows = []
    for target in (target for target in scored.targets if target.parts):
        missing = measured_or_error(target, scored.panj).missing
        for part in parts_of(target, scored.panj):
            low_90, low_50, median, high_50, high_90 = (number(cut) for cut in part.cuts)
            rows.append(
                {
                    "target": target.target, "outcome": part.outcome, "reported": number(part.reported),
                    "median": median, "low_50": low_50, "high_50": high_50, "low_90": low_90, "high_90": high_90,
                    "inside_90": "yes" if part.inside else "no", "campaigns": scored.panj.campaigns - missing,
                }
            )  # fmt: skip
    return rows


def rows_of_districts(scored: Scored) -> list[dict[str, Any]]:
    """A row a district: what is known, the median day of the campaigns and its error, chances by forecast."""
    targets, panj, facts = scored.districts, scored.panj, scored.facts
    if panj.lost_on is None:
        return []
    median = median_days(lost_by(panj.lost_on[:, targets.district], DAYS).mean(axis=0))
    errors = error_of_days(median, days_of(targets.earliest), days_of(targets.latest))
    rows = []
    for row, district in enumerate(targets.district.tolist()):
        known = Known(targets.known[row])
        is_dated = known in (Known.DAY, Known.WINDOW, Known.BY)
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
        chances = {one.name: chances_by(targets, one, evening) for one in (panj, *scored.others)}
        for place, cells in enumerate(rows):
            cells[f"lost_by_{slug}"] = "" if math.isnan(truth[place]) else int(truth[place])
            cells |= {f"{name}_{slug}": number(found[place]) for name, found in chances.items()}
    return rows


def row_of_forecast(name: str, found: Districts) -> dict[str, Any]:
    """How one forecast did over the districts."""
    row: dict[str, Any] = {"forecast": name, "dated": found.dated, "not_lost": found.not_lost}
    scores: dict[str, Score] = {"absolute_error_days": found.absolute, "days_late": found.late}
    for place, evening in enumerate(LOST_BY):
        slug = evening.isoformat().replace("-", "_")
        row |= {f"known_{slug}": found.known[place], f"lost_{slug}": found.lost[place]}
        scores |= {f"brier_{slug}": found.brier[place], f"auc_{slug}": found.auc[place]}
    for key, score in scores.items():
        row |= {key: number(score.value), f"{key}_error": number(score.error)}
    return row


def about_score(
    scored: Scored,
    ours: Sequence[Measured],
    theirs: dict[str, list[Measured | None]],
    districts: dict[str, Districts | None],
) -> dict[str, Any]:
    """What was scored, how and with what, so that it can be read by itself."""
    about, cell = scored.study.about, scored.study.cell
    first = int(about["first_seed"])
    late = [place for place, target in enumerate(scored.targets) if target.date > KNOWN_UNTIL]
    return {
        "study": about["study"], "cell": cell["cell"], "label": cell["label"], "scenario": about.get("scenario"),
        "calibration": cell.get("calibration") or about.get("calibration"),
        "campaigns": scored.panj.campaigns, "failed": cell["failed"],
        "first_seed": first, "last_seed": first + cell["runs"] - 1,
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
        "provenance": json.loads(stamp(about, {"file": f"{scored.place}/score.png", "cell": cell["cell"]})),
    }  # fmt: skip


def events_of(targets: Sequence[Target], ours: Sequence[Measured]) -> list[dict[str, Any]]:
    """How many targets of each event lie inside; targets of one event are not independent, events nearly are."""
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


def text_of(rows: Sequence[dict[str, Any]]) -> str:
    """Rows for a spreadsheet; the header alone cannot be known of none."""
    file = io.StringIO()
    if rows:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return file.getvalue()
