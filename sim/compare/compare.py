"""Compare every cell with its baseline, world by world, and report each paired difference in a sentence.

A *world* is a seed. Campaigns with the same seed in two cells share parameters and random draws (common random
numbers), so a difference within a world is due to the settings alone. Unpaired campaigns are never compared.

Reads   about.json, config.yaml, summary.csv and single columns of runs.parquet of one study, or of two.
Writes  verdicts/<outcome>.csv (one row per cell) and .json (metadata of all rows) in the folder of the first study;
        with a threshold verdicts/<outcome>__above_<number>.csv; with effects=true verdicts/<outcome>__effects.csv.
Source  as in `sim.compare.pairs` and `sim.compare.risk`.
Assumed Worlds are exchangeable. An interval covers the uncertainty from the limited number of worlds, not that of the
        model.
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sim.compare.effects import Effect, Effects, effects_of, method_of
from sim.compare.pairs import (
    METHOD,
    Baseline,
    Judgement,
    choose_baseline,
    judge,
    method_over,
    parsed,
    partner_of,
)
from sim.compare.risk import METHOD_OF_RISK, Risk, format_bounds, judge_risk, passing, spread_of_risk
from sim.compare.sentences import (
    Spread,
    Verdict,
    change_as_text,
    notes_on_cells,
    notes_on_fixed,
    notes_on_outcome,
    notes_on_studies,
    notes_on_ties,
    quote_outcome,
    sentence_of,
)
from sim.data.facts import THE_LINE
from sim.errors import PanjError
from sim.options import Compare, Range, range_of, usage_of
from sim.outcome import last_day_of
from sim.provenance import stamp
from sim.study.files import json_text, write_errors, write_file
from sim.study.package import describe_study
from sim.study.reader import (
    Measure,
    Study,
    Worlds,
    notes_on_definition,
    open_study,
    read_head,
    read_measure,
    read_worlds,
    runs_of_seeds,
)
from sim.wording import Language, counted

MAIN_OUTCOMES = (
    "troops_crossed_by_2021_07_07",
    "troops_crossed_largest_night",
    "share_held_by_taliban_2021_07_05",
    "people_displaced_by_2021_07_07",
)


class Comparison(NamedTuple):
    """All verdicts on one outcome, and their common metadata."""

    study: Study
    against: Study
    measure: Measure
    baseline: Baseline
    verdicts: tuple[Verdict, ...]
    campaigns: int  # number of campaigns in the cells and baselines compared
    notes: tuple[str, ...]  # warnings and conventions, one sentence each
    # range of values that counts as the event, if risks are compared; None if values are compared
    asked: Range | None = None

    @property
    def name(self) -> str:
        """File name without suffix: the outcome, with the threshold and the baseline if they were requested."""
        return name_of(self.measure, self.asked, self.baseline)


def name_of(measure: Measure, asked: Range | None, baseline: Baseline, *others: str) -> str:
    """Return the file name of a comparison without suffix, such as `troops_crossed__above_1037__vs_border-open`.

    Args:
        measure: Description of the outcome.
        asked: Requested range, which is included in the name; None if values are compared.
        baseline: The choice of baselines, which is included in the name unless it is the default.
        *others: Further parts of the name.
    """
    vs = f"vs_{baseline.slug}" if baseline.slug else ""
    return "__".join(part for part in (measure.outcome, asked.slug if asked else "", *others, vs) if part)


def open_studies(folder: Path, against: Path | None = None) -> tuple[Study, Study]:
    """Open a study and the study that contains the baselines.

    Args:
        folder: Folder of the study whose cells are compared.
        against: Folder of the study with the baselines; None if it is the same study.

    Returns:
        The study, and the study with the baselines.

    Raises:
        PanjError: The only study has a single cell, both folders are the same, or the campaigns of the two studies are
            conditioned on different worlds.
    """
    study = open_study(folder)
    if against is None:
        if len(study.cells) < 2:
            raise PanjError(
                f"compare: found one cell in {folder}, expected several, or a second study: {usage_of(Compare)}"
            )
        return study, study
    if against.resolve() == folder.resolve():
        raise PanjError(f"compare: found {folder} twice, expected two different studies, or one with several cells")
    other = open_study(against)
    if study.about.get("worlds", "") != other.about.get("worlds", ""):
        raise PanjError(
            f"compare: found {folder} and {against} with different worlds (worlds=, worlds.file= or worlds.until=), in "
            "which campaigns with the same seed have different random draws, expected the same worlds in both"
        )
    return study, replace(other, name=f"{other.name} (second)") if other.name == study.name else other


def compare(study: Study, other: Study, outcome: str, baseline: Baseline, asked: Range | None = None) -> Comparison:
    """Compare every cell with its baseline on one outcome, given studies that are already open.

    Args:
        study: The study whose cells are compared.
        other: The study with the baselines, which may be the same.
        outcome: Name of the outcome.
        baseline: The baseline, as parsed by `choose_baseline`.
        asked: Range of values that counts as the event whose risk is compared; by default, values are compared.

    Returns:
        The verdicts and their common metadata.

    Raises:
        PanjError: The outcome is unknown or differs in type between the studies, or nothing can be paired.
    """
    measure = read_measure(study, outcome)
    if len({one.about.get("outcomes", {}).get(outcome) or "" for one in (study, other)} - {""}) > 1:
        raise PanjError(
            f"outcome {outcome}: found one definition in {study.folder} and another in {other.folder}, expected the "
            "same; run the commands of both studies again, which count it anew from the stored campaigns"
        )
    if read_measure(other, outcome).is_date != measure.is_date:
        raise PanjError(
            f"outcome {outcome}: found a date in one study and a number in the other, expected the same type"
        )
    first_day = study.first_day
    values = read_worlds(study, measure, first_day)
    ours = in_range(values, measure, first_day, asked)
    other_values = values if other is study else read_worlds(other, measure, first_day)
    theirs = ours if other is study else in_range(other_values, measure, first_day, asked)
    partners = [(cell, partner_of(cell, study, other, baseline)) for cell in study.cells]
    alone = [cell for cell, partner in partners if partner is None]
    pairs = [(cell, one) for cell, one in partners if one is not None and (one, other) != (cell, study)]
    met = [(cell, one) for cell, one in pairs if np.isin(ours[cell.number].seeds, theirs[one.number].seeds).any()]
    if not met:
        raise nothing_to_compare(study, other, ours, theirs, pairs)
    verdicts = [
        verdict_of(
            ours[cell.number],
            theirs[one.number],
            other.name,
            measure,
            change_as_text(cell, one, study, other),
            asked,
        )
        for cell, one in met
    ]
    if not any(verdict.judgement.worlds for verdict in verdicts):
        raise PanjError(
            f"outcome {outcome}: found no world with a value in both a cell and its baseline, expected at least one; "
            "does the study end before the outcome is counted?"
        )
    notes = [
        *notes_on_studies(study, other),
        *notes_on_cells(alone, [pair for pair in pairs if pair not in met], met, other, baseline),
        *notes_on_fixed(values.values()),
        *notes_on_outcome(measure, verdicts),
        *notes_on_ties(
            [one for cell, base in met for one in (values[cell.number], other_values[base.number])],
            measure,
            first_day,
            asked,
        ),
    ]
    used = {id(worlds): worlds for cell, one in met for worlds in (ours[cell.number], theirs[one.number])}
    campaigns = sum(worlds.seeds.size for worlds in used.values())
    return Comparison(study, other, measure, baseline, tuple(verdicts), campaigns, tuple(notes), asked)


def in_range(worlds: dict[int, Worlds], measure: Measure, first_day: date, asked: Range | None) -> dict[int, Worlds]:
    """Mark the values of an outcome that are in a requested range.

    Args:
        worlds: Values of the outcome in each cell, keyed by cell number.
        measure: Description of the outcome.
        first_day: Day 0, from which dates are counted.
        asked: The requested range, or None.

    Returns:
        1 for each value in the range and 0 for any other; the given values if no range is requested.
    """
    if asked is None:
        return worlds
    asked.check(measure.outcome, measure.unit, measure.is_date)
    return {number: passing(one, asked, measure, first_day) for number, one in worlds.items()}


def verdict_of(
    ours: Worlds,
    base: Worlds,
    study_of_base: str,
    measure: Measure,
    change: str,
    asked: Range | None = None,
    language: Language | None = None,
) -> Verdict:
    """Pair two cells by seed, estimate the difference and describe it in a sentence.

    Args:
        ours: Values of the outcome in the cell, with their seeds.
        base: Values of the outcome in the baseline of the cell, with their seeds.
        study_of_base: Name of the study with the baseline.
        measure: Description of the outcome.
        change: Description of the difference between the settings of the two cells, from `change_as_text`.
        asked: Range of values that counts as the event; if given, values are 1 (in the range) or 0.
        language: Language of the sentence; None for English.

    Returns:
        The verdict.
    """  # fmt: skip
    seeds, at, at_base = np.intersect1d(ours.seeds, base.seeds, return_indices=True)
    left, right = ours.values[at], base.values[at_base]
    known = ~np.isnan(left - right)
    pairs = left[known], right[known], runs_of_seeds(seeds[known], ours.sampler_runs)
    judgement, risk = judge_risk(*pairs) if asked is not None and known.any() else (judge(*pairs), None)
    without = [int((~worlds.there[rows]).sum()) for worlds, rows in ((ours, at), (base, at_base))]
    verdict = Verdict(
        ours.cell.number, ours.cell.label, study_of_base, base.cell.number, base.cell.label,
        judgement,
        missing=int((~known).sum()),
        unpaired=ours.seeds.size + base.seeds.size - 2 * seeds.size,
        without_event=without[0] if measure.is_date else 0,
        baseline_without_event=without[1] if measure.is_date else 0,
        campaigns=spread_of(ours.values, asked, ours.runs),
        baseline_campaigns=spread_of(base.values, asked, base.runs),
        sentence="",
        risk=risk,
    )  # fmt: skip
    return verdict._replace(sentence=sentence_of(verdict, measure, change, ours.cell.after_last, asked, language))


def spread_of(values: np.ndarray, asked: Range | None = None, runs: np.ndarray | None = None) -> Spread:
    """Compute the median and the 5 and 95 % quantiles of all non-missing values.

    Args:
        values: One value per campaign; nan if missing. If a range is requested, 1 for a value in the range, otherwise
            0.
        asked: The requested range, or None.
        runs: Run of the sampler of each campaign; None if campaigns are unrelated. Used for the interval of a risk.

    Returns:
        The median and the quantiles or, if a range is requested, the risk and its 95 % interval. A single value is the
        median and has no other quantiles (nan).
    """
    if asked is not None:
        return Spread(*spread_of_risk(values, runs))
    there = values[~np.isnan(values)]
    if there.size < 2:
        return Spread(float(there[0]) if there.size else math.nan, math.nan, math.nan)
    return Spread(*(float(cut) for cut in np.quantile(there, (0.5, 0.05, 0.95))))


def nothing_to_compare(
    study: Study, other: Study, ours: Mapping[int, Worlds], theirs: Mapping[int, Worlds], pairs: Sequence[Any]
) -> PanjError:
    """Return the error that explains why no cell of a study can be paired with a baseline."""
    if not pairs:
        return PanjError(
            f"compare: found no cell of {study.folder} with the same settings as one in {other.folder}, "
            "expected at least one"
        )
    places = dict.fromkeys(
        f"{format_seeds(worlds)} in {one.folder}" for one, worlds in ((study, ours), (other, theirs))
    )
    return PanjError(
        f"compare: found no common seeds ({' and '.join(places)}), expected at least one; run one of them again with "
        "the seed= and runs= of the other"
    )


def format_seeds(worlds: Mapping[int, Worlds]) -> str:
    """Format the range of seeds over all cells, such as `0 to 59`, or `none` if there are no campaigns."""
    seeds = np.concatenate([one.seeds for one in worlds.values()])
    return f"{seeds.min()} to {seeds.max()}" if seeds.size else "none"


def default_outcomes(study: Study, other: Study) -> tuple[str, ...]:
    """Return the main outcomes that are in both studies and have values in the first.

    If there are none, return the first four of the other outcomes that meet these conditions; outcomes counted after 7
    July are used only if there are no others.
    """
    both = with_values(study, [name for name in study.outcomes if name in other.outcomes])
    within = [name for name in both if last_day_of(name, study.cells[0].end_date) <= THE_LINE] or both
    return tuple(name for name in MAIN_OUTCOMES if name in both) or tuple(within[:4])


def has_values(study: Study, outcome: str) -> bool:
    """Return whether at least one campaign of a study has a value of an outcome."""
    return bool(with_values(study, [outcome]))


def with_values(study: Study, outcomes: Sequence[str]) -> list[str]:
    """Return the outcomes for which at least one campaign of a study has a value.

    An outcome has no values if, for instance, it is counted after the last day of the study. Only the metadata of the
    table, which count missing values, are read.
    """
    head = read_head(study.folder / "runs.parquet", outcomes)
    places = {head.schema.column(place).path: place for place in range(head.num_columns)}
    groups = [head.row_group(place) for place in range(head.num_row_groups)]

    def has_any(group: Any, name: str) -> bool:
        found = group.column(places[name]).statistics  # None for a column of nulls
        return found is not None and found.null_count < group.num_rows

    return [name for name in outcomes if any(has_any(group, name) for group in groups)]


def missing_outcomes(study: Study, used: Sequence[str]) -> str:
    """Return a sentence that names the main outcomes without values in the study; empty if there are none."""
    names = [name for name in MAIN_OUTCOMES if name in study.outcomes and name not in used]
    if not names:
        return ""
    return f"Not compared, because the study ends on {study.last_day} and has no values of: {', '.join(names)}."


def write_verdicts(request: Compare) -> list[Path]:
    """Compare the requested outcomes and write one table per outcome.

    Nothing is written unless every outcome can be compared. The codebook and the data package of the study are updated.

    Args:
        request: The parsed command line of `compare`.

    Returns:
        The paths of the tables.

    Raises:
        PanjError: An outcome, the baseline or a threshold is invalid, nothing can be paired, or the folder cannot be
            written.
    """
    asked = range_of(request.above, request.below)
    study, other = open_studies(*request.folders)
    if asked is not None and len(request.outcome) != 1:
        raise PanjError(f"above: found {len(request.outcome)} outcomes, expected one: {usage_of(Compare)}")
    outcomes = request.outcome or default_outcomes(study, other)
    if not outcomes:
        raise PanjError(
            f"outcome: found none that has values in {study.folder} and is in the study with the baselines, "
            "expected at least one"
        )
    baseline = choose_baseline(request.baseline, study, other)
    for outcome in outcomes:  # check all outcomes before computing any
        read_measure(study, outcome)
        read_measure(other, outcome)
    if request.effects:
        if other is not study:
            raise PanjError(f"effects: found a second study, {other.folder}, expected one study with all the cells")
        measures = [read_measure(study, outcome) for outcome in outcomes]
        found = [effects_on(study, measure, baseline, asked) for measure in measures]
        tables = [
            write_effects(study, effects, measure, baseline, asked, notes)
            for measure, (effects, notes) in zip(measures, found, strict=True)
        ]
    else:
        comparisons = [compare(study, other, outcome, baseline, asked) for outcome in outcomes]
        if not request.outcome and (missing := missing_outcomes(study, outcomes)):
            comparisons[0] = comparisons[0]._replace(notes=(*comparisons[0].notes, missing))
        tables = [write_comparison(comparison) for comparison in comparisons]
    describe_study(study.folder)
    return tables


def effects_on(
    study: Study, measure: Measure, baseline: Baseline, asked: Range | None = None
) -> tuple[Effects, list[str]]:
    """Estimate all effects on one outcome.

    Args:
        study: A study of a full grid.
        measure: Description of the outcome.
        baseline: The baseline, which determines the base value of each key.
        asked: Range of values that counts as the event whose risk is analysed; by default, values are analysed.

    Returns:
        The effects, and notes on cells in which the outcome does not vary and on values at a threshold.

    Raises:
        PanjError: The cells are not a full grid, there are too many effects or too few worlds, or the values cannot be
            read.
    """
    values = read_worlds(study, measure, study.first_day)
    worlds = in_range(values, measure, study.first_day, asked)
    notes = [
        *notes_on_definition(measure),
        *notes_on_fixed(values.values()),
        *notes_on_ties(list(values.values()), measure, study.first_day, asked),
    ]
    return effects_of(study, worlds, measure, baseline, asked), notes


def write_comparison(comparison: Comparison) -> Path:
    """Write a comparison as verdicts/<name>.csv, with its metadata in a .json file; return the path of the CSV."""
    columns = [*COLUMNS, *(COLUMNS_OF_RISK if comparison.asked else ())]
    rows = map(row_of_verdict, comparison.verdicts)
    return write_pair(comparison.study, comparison.name, about_comparison(comparison), columns, rows)


def write_pair(
    study: Study, name: str, about: Mapping[str, Any], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Path:
    """Write a table and its metadata to the folder of verdicts, and return the path of the table.

    Unknown numbers (NaN) become empty cells.
    """
    table = study.folder / "verdicts" / f"{name}.csv"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(["" if isinstance(cell, float) and math.isnan(cell) else cell for cell in row] for row in rows)
    with write_errors(table, "compare"):
        write_file(table.with_suffix(".json"), json_text(about, indent=2))
        write_file(table, text.getvalue())
    return table


def write_effects(
    study: Study, found: Effects, measure: Measure, baseline: Baseline, asked: Range | None, fixed: Sequence[str]
) -> Path:
    """Write verdicts/<outcome>__effects.csv and its metadata, and return the path of the table.

    The name also contains the threshold and the baseline if they were requested; `fixed` contains notes on cells in
    which the outcome does not vary.
    """
    name = name_of(measure, asked, baseline, "effects")
    left_out = [f"Left out: {counted(found.left_out, 'world')} without a value in every cell."]
    about = about_question(study, name, measure, baseline, asked, effects=True)
    about |= {
        "kind": "effects",
        "paragraph": found.paragraph,
        "worlds": found.worlds,
        "notes": [*fixed, *(left_out if found.left_out else [])],
        "intervals": method_over(method_of(len(found.effects), asked), study.sampler_runs),
        "campaigns": found.worlds * len(study.cells),
    }
    return write_pair(study, name, about, Effect._fields, found.effects)


COLUMNS = (
    "cell", "cell_label", "baseline_study", "baseline_cell", "baseline_label", *Judgement._fields, "missing",
    "unpaired", "without_event", "baseline_without_event", "cell_median", "cell_low_5", "cell_high_95",
    "baseline_median", "baseline_low_5", "baseline_high_95", "sentence",
)  # fmt: skip
# With a threshold, differences are risk differences, and instead of quantiles there are the risk and its interval.
COLUMNS_OF_RISK = ("risk", "baseline_risk", *Risk._fields)


def row_of_verdict(row: Verdict) -> list[Any]:
    """Return the cells of a verdict in its table, in the order of the columns."""
    return [
        *row[:5], *row.judgement, row.missing, row.unpaired, row.without_event, row.baseline_without_event,
        *row.campaigns, *row.baseline_campaigns, row.sentence,
        *((row.risk.share, row.risk.baseline_share, *row.risk) if row.risk else ()),
    ]  # fmt: skip


def verdict_in(row: Mapping[str, str]) -> Verdict:
    """Parse one row of a table of verdicts.

    Args:
        row: Cells keyed by column, as returned by `row_of_verdict`.

    Returns:
        The verdict; an empty number is NaN.

    Raises:
        KeyError: A column is missing.
        ValueError: An entry is not a number.
    """
    return Verdict(
        int(row["cell"]), row["cell_label"], row["baseline_study"], int(row["baseline_cell"]), row["baseline_label"],
        parsed(Judgement, row), int(row["missing"]), int(row["unpaired"]), int(row["without_event"]),
        int(row["baseline_without_event"]), parsed(Spread, row, "cell_"), parsed(Spread, row, "baseline_"),
        row["sentence"], parsed(Risk, row) if row.get("in_both") else None,
    )  # fmt: skip


def about_comparison(comparison: Comparison) -> dict[str, Any]:
    """Return the metadata that describe a comparison and allow it to be reproduced."""
    study, other = comparison.study, comparison.against
    against = None if other is study else json.loads(stamp(other.about, {}))
    about = about_question(study, comparison.name, comparison.measure, comparison.baseline, comparison.asked, against)
    return {
        **about,
        "studies": [one.name for one in ((study,) if other is study else (study, other))],
        "notes": list(comparison.notes),
        "intervals": method_over(METHOD if comparison.asked is None else METHOD_OF_RISK, study.sampler_runs),
        "campaigns": comparison.campaigns,
    }


def about_question(
    study: Study, name: str, measure: Measure, baseline: Baseline, asked: Range | None, against: Any = None, **more: Any
) -> dict[str, Any]:
    """Return the metadata common to verdicts and effects: outcome, threshold, baseline and provenance.

    Args:
        study: The study whose cells are compared.
        name: File name of the table without suffix.
        measure: Description of the outcome.
        baseline: The choice of baselines.
        asked: Range of values that counts as the event; None if values are compared.
        against: Provenance of the study with the baselines; None if it is the same study.
        **more: Other entries of the recipe for reproducing the table.

    Returns:
        The metadata for the JSON file of the table.
    """
    thresholds = {key: end.text for key, end in asked.thresholds.items()} if asked else {}
    recipe = {
        "file": f"verdicts/{name}.csv", "outcome": measure.outcome, "baseline": baseline.asked, "against": against,
        **thresholds, **more,
    }  # fmt: skip
    return {
        **measure._asdict(),
        "last_day": measure.last_day.isoformat() if measure.last_day else None,
        "question": f"{quote_outcome(measure)} is {format_bounds(asked, measure)}" if asked else quote_outcome(measure),
        "thresholds": thresholds,
        "baseline": baseline.said,
        "first_day": study.about["start_date"],
        "scenario": study.about.get("scenario"),
        "calibration": study.about.get("calibration"),
        "provenance": json.loads(stamp(study.about, recipe)),
    }
