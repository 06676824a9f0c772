"""Results of verbs as mappings and lists, for scripts (`--json`), from the files that the verbs wrote.

Keys are those of the files: a table becomes a list of mappings from column to value, with None for an empty cell.
"""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sim.study.codebook import FIXED, STUDY
from sim.study.reader import notes_on_definition, open_study, read_about, read_measure, read_worlds

Record = dict[str, Any]
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?", re.ASCII)
NAMES = frozenset(  # columns of names, which remain text even if they look like numbers, as in a study named 2021
    name
    for columns in FIXED.values()
    for name, text in columns.items()
    if (text.type, text.source) == ("string", STUDY)
)


def read_records(path: Path) -> list[Record]:
    """Return the rows of a CSV file as mappings from columns to numbers, texts (also for dates) or None (empty)."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: value_of(key, text) for key, text in row.items()} for row in csv.DictReader(file)]


def value_of(column: str, text: str) -> float | str | None:
    """Convert a cell of a CSV file to a number, None or text.

    Args:
        column: Name of the column; those that the codebook describes as names, such as `label`, are always text.
        text: Content of the cell.

    Returns:
        None for an empty cell; a number if the text is one and the column does not contain names; else the text.
    """
    return json.loads(text) if column not in NAMES and NUMBER.fullmatch(text) else text or None


def read_metadata(path: Path) -> Record:
    """Return the content of a JSON file without `provenance`, which repeats about.json."""
    return {key: value for key, value in json.loads(path.read_text(encoding="utf-8")).items() if key != "provenance"}


def study_record(folder: Path) -> Record:
    """Describe a study: folder, name, numbers of campaigns and cells, fingerprints, and the paths of its files.

    Args:
        folder: Folder of the study.
    """
    about = read_about(folder)
    kept = ("study", "campaigns", "failed", "first_seed", "calibration", "rules_fingerprint", "data_fingerprint")
    tables = {path.stem: path for path in (*sorted(folder.glob("*.parquet")), folder / "summary.csv") if path.exists()}
    report = folder / "report.html"
    return {
        "folder": folder,
        **{key: about.get(key) for key in kept},
        "cells": len(about["cells"]),
        "fingerprint": about["settings_fingerprint"],
        "tables": tables,
        "report": report if report.exists() else None,
    }


def verdicts_record(tables: Sequence[Path]) -> Record:
    """Return the metadata and rows of tables of verdicts or of effects, with one table per outcome.

    Args:
        tables: Paths of verdicts/<name>.csv.
    """
    found = [
        {"table": table, **read_metadata(table.with_suffix(".json")), "rows": read_records(table)} for table in tables
    ]
    return {"folder": tables[0].parent, "comparisons": found}


def score_record(folder: Path) -> Record:
    """Return the metadata and the tables of a score, with tables keyed by file name.

    Args:
        folder: Folder of score.csv.
    """
    tables = ("score", "score_forecasts", "score_split")
    rows = {name: read_records(folder / f"{name}.csv") for name in tables}
    return {"folder": folder, **read_metadata(folder / "score.json"), **rows}


def story_record(study_folder: Path, folder: Path, campaign: Mapping[str, Any], outcomes: Sequence[str]) -> Record:
    """Return the values of outcomes in one campaign.

    Args:
        study_folder: Folder of the study.
        folder: Folder of the story.
        campaign: Metadata of the campaign, as in campaign.json.
        outcomes: Names of the outcomes.

    Raises:
        PanjError: The study has no such outcome.
    """
    study = open_study(study_folder)
    start = date.fromisoformat(campaign["start_date"])
    rows = []
    for name in outcomes:
        measure = read_measure(study, name)
        worlds = read_worlds(study, measure, start)[campaign["cell"]]
        found = worlds.values[(worlds.seeds == campaign["seed"]) & worlds.there]
        value: Any = float(found[0]) if found.size else None
        if measure.is_date and value is not None:
            value = start + timedelta(days=round(value))
        rows.append({
            "outcome": name, "label": measure.label, "unit": "date" if measure.is_date else measure.unit,
            "value": value, "reported": measure.reported["text"] or None, "notes": notes_on_definition(measure),
        })  # fmt: skip
    kept = {key: campaign[key] for key in ("study", "cell", "cell_label", "seed", "calibration")}
    return {"folder": folder, **kept, "outcomes": rows}


def fork_record(folder: Path, outcomes: Sequence[str]) -> Record:
    """Return the outcomes of a fork in both branches and, for several campaigns, the paired differences.

    Args:
        folder: Folder of the fork.
        outcomes: Names of the outcomes to return; all if empty.
    """
    about = read_metadata(folder / "fork.json")
    kept = ("study", "day", "changes", "cell", "cell_label", "seeds", "forked")
    tables = {"outcomes": folder / "outcomes.csv", "verdicts": folder / "verdicts.csv"}
    rows = {key: read_records(path) for key, path in tables.items() if path.exists()}
    wanted = {key: [row for row in table if not outcomes or row["outcome"] in outcomes] for key, table in rows.items()}
    return {"folder": folder, **{key: about.get(key) for key in kept}, **wanted}
