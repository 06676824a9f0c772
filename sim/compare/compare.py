"""Compare every cell with its baseline, world by world: the difference, its uncertainty, and a sentence.

A *world* is a seed. Two cells with one seed share parameters and random draws (common random numbers), so a
difference within a world is the effect of the decision, not of chance. Unpaired campaigns are never compared.

Reads   about.json, config.yaml, summary.csv and single columns of runs.parquet of one study, or of two.
Writes  verdicts/<outcome>.csv (one row per cell) and .json (metadata of all rows) in the folder of the first study.
Source  as in `sim.compare.pairs`.
Assumed Worlds are exchangeable. An interval says how far the number of worlds limits the answer, not whether the
        model is right.
"""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sim.compare.pairs import METHOD, Baseline, Judgement, choose_baseline, judge, partner_of
from sim.compare.sentences import (
    Spread,
    Verdict,
    notes_on_cells,
    notes_on_outcome,
    notes_on_studies,
    say_change,
    sentence_of,
)
from sim.errors import PanjError
from sim.options import Compare, usage_of
from sim.provenance import stamp
from sim.study.files import json_text, write_errors, write_file
from sim.study.reader import Measure, Study, Worlds, open_study, read_measure, read_worlds

MAIN_OUTCOMES = (
    "troops_crossed_by_2021_07_07",
    "share_held_by_taliban_2021_07_05",
    "capitals_lost",
    "people_displaced_by_2021_07_07",
)


class Comparison(NamedTuple):
    """All verdicts on one outcome, and their common metadata."""

    study: Study
    against: Study
    measure: Measure
    baseline: Baseline
    verdicts: tuple[Verdict, ...]
    campaigns: int  # in the cells and baselines compared
    notes: tuple[str, ...]  # warnings and conventions, one sentence each

    @property
    def name(self) -> str:
        """File name: the outcome, and the baseline if one was requested."""
        return f"{self.measure.outcome}{'__vs_' if self.baseline.slug else ''}{self.baseline.slug}"


def verdicts_of(folder: Path, outcome: str, baseline: str | None = None, against: Path | None = None) -> Comparison:
    """Compare every cell of a study with its baseline, on one outcome.

    Args:
        folder: The folder of the study.
        outcome: A column of its runs.parquet.
        baseline: `as_reported`, `reinforcement=as_reported`, several of these separated by commas, or a cell number;
            by default the cell with the base settings of the study.
        against: Another study in which to look for the baselines.

    Returns:
        The verdicts and their common metadata.

    Raises:
        PanjError: The outcome or baseline is unknown or ambiguous, or no two cells have a world in common.
    """
    study, other = open_studies(folder, against)
    return compare(study, other, outcome, choose_baseline(baseline, study, other))


def open_studies(folder: Path, against: Path | None = None) -> tuple[Study, Study]:
    """Open the study and the one with its baselines, by default the same."""
    study = open_study(folder)
    if against is None:
        if len(study.cells) < 2:
            raise PanjError(
                f"compare: found one cell in {folder}, expected more or a second study: {usage_of(Compare)}"
            )
        return study, study
    if against.resolve() == folder.resolve():
        raise PanjError(f"compare: found {folder} twice, expected two studies, or one with several cells")
    other = open_study(against)
    return study, replace(other, name=f"{other.name} (second)") if other.name == study.name else other


def compare(study: Study, other: Study, outcome: str, baseline: Baseline) -> Comparison:
    """The same as `verdicts_of`, for opened studies and a parsed baseline."""
    measure = read_measure(study, outcome)
    if read_measure(other, outcome).is_date != measure.is_date:
        raise PanjError(f"outcome {outcome}: found a date in one study and a number in the other")
    first_day = date.fromisoformat(study.about["start_date"])
    ours = read_worlds(study, measure, first_day)
    theirs = ours if other is study else read_worlds(other, measure, first_day)
    partners = [(cell, partner_of(cell, study, other, baseline)) for cell in study.cells]
    alone = [cell for cell, partner in partners if partner is None]
    pairs = [(cell, one) for cell, one in partners if one is not None and (one, other) != (cell, study)]
    met = [(cell, one) for cell, one in pairs if have_common_seeds(ours[cell.number], theirs[one.number])]
    if not met:
        raise nothing_to_compare(study, other, ours, theirs, pairs)
    verdicts = [
        verdict_of(ours[cell.number], theirs[one.number], other.name, measure, say_change(cell, one, study, other))
        for cell, one in met
    ]
    if not any(verdict.judgement.worlds for verdict in verdicts):
        raise PanjError(f"outcome {outcome}: found no world with a value on both sides; does the study end before it?")
    notes = [
        *notes_on_studies(study, other),
        *notes_on_cells(alone, [pair for pair in pairs if pair not in met], met, other, baseline),
        *notes_on_outcome(measure, verdicts),
    ]
    used = {id(worlds): worlds for cell, one in met for worlds in (ours[cell.number], theirs[one.number])}
    campaigns = sum(worlds.seeds.size for worlds in used.values())
    return Comparison(study, other, measure, baseline, tuple(verdicts), campaigns, tuple(notes))


def have_common_seeds(ours: Worlds, base: Worlds) -> bool:
    """Whether two cells have seeds in common."""
    return np.intersect1d(ours.seeds, base.seeds).size > 0


def verdict_of(ours: Worlds, base: Worlds, study_of_base: str, measure: Measure, change: str) -> Verdict:
    """Pair two cells by seed, estimate the difference and phrase it."""
    seeds, at, at_base = np.intersect1d(ours.seeds, base.seeds, return_indices=True)
    left, right = ours.values[at], base.values[at_base]
    known = ~np.isnan(left - right)
    without = [int((~worlds.there[rows]).sum()) for worlds, rows in ((ours, at), (base, at_base))]
    verdict = Verdict(
        ours.cell.number, ours.cell.label, study_of_base, base.cell.number, base.cell.label,
        judge(left[known], right[known]),
        missing=int((~known).sum()),
        unpaired=ours.seeds.size + base.seeds.size - 2 * seeds.size,
        without_event=without[0] if measure.is_date else 0,
        baseline_without_event=without[1] if measure.is_date else 0,
        campaigns=spread_of(ours.values),
        baseline_campaigns=spread_of(base.values),
        sentence="",
    )  # fmt: skip
    return verdict._replace(sentence=sentence_of(verdict, measure, change, ours.cell.after_last))


def spread_of(values: np.ndarray) -> Spread:
    """Median and 5 and 95 % quantiles of the known values."""
    there = values[~np.isnan(values)]
    return (
        Spread(*(float(cut) for cut in np.quantile(there, (0.5, 0.05, 0.95))))
        if there.size
        else Spread(*[math.nan] * 3)
    )


def nothing_to_compare(
    study: Study, other: Study, ours: Mapping[int, Worlds], theirs: Mapping[int, Worlds], pairs: Sequence[Any]
) -> PanjError:
    """The error for a study in which no cell can be paired."""
    if not pairs:
        return PanjError(f"compare: no cell of {study.folder} has a cell of equal settings in {other.folder}")
    places = dict.fromkeys(f"{say_seeds(worlds)} in {one.folder}" for one, worlds in ((study, ours), (other, theirs)))
    return PanjError(
        f"compare: no common seeds (found {' and '.join(places)}), so nothing can be compared world by world; "
        f"run one of them again with the seed= and runs= of the other"
    )


def say_seeds(worlds: Mapping[int, Worlds]) -> str:
    """`0 to 59`."""
    seeds = np.concatenate([one.seeds for one in worlds.values()])
    return f"{seeds.min()} to {seeds.max()}" if seeds.size else "none"


def usual_outcomes(study: Study, other: Study) -> tuple[str, ...]:
    """The main outcomes that both studies have, or else their first four outcomes."""
    both = [name for name in study.outcomes if name in other.outcomes]
    return tuple(name for name in MAIN_OUTCOMES if name in both) or tuple(both[:4])


def write_verdicts(request: Compare) -> list[Path]:
    """Compare the requested outcomes and write the tables; returns their paths, one per outcome.

    Nothing is written unless every outcome could be compared. Raises PanjError like `verdicts_of`, and where the folder
    cannot be written.
    """
    study, other = open_studies(*request.folders)
    outcomes = request.outcome or usual_outcomes(study, other)
    baseline = choose_baseline(request.baseline, study, other)
    for outcome in outcomes:  # check all before computing any
        read_measure(study, outcome)
        read_measure(other, outcome)
    comparisons = [compare(study, other, outcome, baseline) for outcome in outcomes]
    return [write_comparison(comparison) for comparison in comparisons]


def write_comparison(comparison: Comparison) -> Path:
    """Write verdicts/<name>.csv and, next to it, its metadata as .json."""
    folder = comparison.study.folder / "verdicts"
    table = folder / f"{comparison.name}.csv"
    with write_errors(table, "compare"):
        write_file(table.with_suffix(".json"), json_text(about_comparison(comparison), indent=2))
        write_file(table, rows_as_text(comparison.verdicts))
    return table


COLUMNS = (
    "cell", "cell_label", "baseline_study", "baseline_cell", "baseline_label", *Judgement._fields, "missing",
    "unpaired", "without_event", "baseline_without_event", "cell_median", "cell_low_5", "cell_high_95",
    "baseline_median", "baseline_low_5", "baseline_high_95", "sentence",
)  # fmt: skip


def rows_as_text(verdicts: Sequence[Verdict]) -> str:
    """The verdicts as CSV text; unknown numbers are empty."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in verdicts:
        cells = [
            *row[:5], *row.judgement, row.missing, row.unpaired, row.without_event, row.baseline_without_event,
            *row.campaigns, *row.baseline_campaigns, row.sentence,
        ]  # fmt: skip
        writer.writerow(["" if isinstance(cell, float) and math.isnan(cell) else cell for cell in cells])
    return file.getvalue()


def verdict_in(row: Mapping[str, str]) -> Verdict:
    """Read one row of a table of verdicts.

    Args:
        row: Cells by column, as `rows_as_text` wrote them.

    Returns:
        The verdict; an empty number is nan.

    Raises:
        KeyError: A column is missing.
        ValueError: A cell is not a number.
    """
    judgement = Judgement(**{name: kind(row[name] or "nan") for name, kind in Judgement.__annotations__.items()})
    campaigns, baseline = (
        Spread(*(float(row[f"{side}_{name}"] or "nan") for name in Spread._fields)) for side in ("cell", "baseline")
    )
    return Verdict(
        int(row["cell"]), row["cell_label"], row["baseline_study"], int(row["baseline_cell"]), row["baseline_label"],
        judgement, int(row["missing"]), int(row["unpaired"]), int(row["without_event"]),
        int(row["baseline_without_event"]), campaigns, baseline, row["sentence"],
    )  # fmt: skip


def about_comparison(comparison: Comparison) -> dict[str, Any]:
    """Metadata: what was compared, how and with what, enough to reproduce it."""
    study, other, measure = comparison.study, comparison.against, comparison.measure
    recipe: dict[str, Any] = {
        "file": f"verdicts/{comparison.name}.csv",
        "outcome": measure.outcome,
        "baseline": comparison.baseline.asked,
        "against": None if other is study else json.loads(stamp(other.about, {})),
    }
    return {
        **measure._asdict(),
        "studies": [one.name for one in ((study,) if other is study else (study, other))],
        "baseline": comparison.baseline.said,
        "notes": list(comparison.notes),
        "intervals": METHOD,
        "first_day": study.about["start_date"],
        "campaigns": comparison.campaigns,
        "scenario": study.about.get("scenario"),
        "calibration": study.about.get("calibration"),
        "provenance": json.loads(stamp(study.about, recipe)),
    }
