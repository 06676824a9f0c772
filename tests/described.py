"""Find columns of the tables of a result that its codebook does not describe."""

import csv
from pathlib import Path

import pyarrow.parquet as pq


def undescribed(folder: Path) -> list[str]:
    """Return the columns, as FILE: COLUMN, that codebook.csv lacks, or that it describes as an unknown setting."""
    with (folder / "codebook.csv").open(encoding="utf-8", newline="") as file:
        rows = {(row["table"], row["column"]): row["description"] for row in csv.DictReader(file)}
    found = [
        (path.name, name)
        for path in sorted(folder.iterdir())
        if path.suffix in (".csv", ".parquet")
        for name in (pq.read_schema(path).names if path.suffix == ".parquet" else header_of(path))
    ]
    assert found
    known = {place for place, text in rows.items() if text and not text.startswith("Value of the setting")}
    return [f"{table}: {column}" for table, column in found if (table, column) not in known]


def header_of(path: Path) -> list[str]:
    """Return the names of the columns of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file), [])
