"""Write the files that describe a study to other programs: `codebook.csv`, and `datapackage.json`.

`datapackage.json` is a Frictionless data package (https://specs.frictionlessdata.io/data-package/): one resource per
table, with its schema, size and SHA-256 hash. Both files list the tables that exist when they are written, and are
written again after a report, comparison or memo, and by the command of the study if the codebook is damaged. They are
made from the tables and are not included in any digest of a study.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from sim.data.record import evidence
from sim.provenance import STAMPED
from sim.study.codebook import CODEBOOK, Codebook, Column, columns_in, columns_of_codebook
from sim.study.files import USUAL, Dialect, csv_rows, json_text, sha256_of, write_errors, write_file
from sim.study.reader import read_about
from sim.wording import counted

PACKAGE = "datapackage.json"
PARQUET = "application/vnd.apache.parquet"
KEYS = {  # columns that identify a row
    "runs.parquet": ("cell", "run"),
    "days.parquet": ("cell", "run", "date"),
    "districts.parquet": ("cell", "district_id", "date"),
    "failures.parquet": ("cell", "seed"),
    "summary.csv": ("cell", "outcome"),
    CODEBOOK: ("table", "column"),
}
TITLES = {
    "runs.parquet": "Outcomes, one row per campaign",
    "days.parquet": "Daily series, one row per campaign and day",
    "districts.parquet": "Districts, one row per district and day, over all campaigns of a cell",
    "events.parquet": "Log of the only campaign, one row per event",
    "failures.parquet": "Failed campaigns, one row per campaign",
    "summary.csv": "Quantiles of every outcome with the reported figure, one row per cell and outcome",
    CODEBOOK: "Type, unit, meaning and source of every column",
}
SETTINGS = "config.yaml"  # has a digest in about.json, but is not a table
LICENSES = ({"name": "MIT", "title": "MIT License, as Panj itself", "path": "https://opensource.org/license/mit"},)
TERMS = "Reported figures, names and boundaries keep the terms of their sources."


def describe_study(folder: Path) -> None:
    """Write codebook.csv and datapackage.json for a study on disk, replacing existing ones.

    Args:
        folder: Folder of the study, which may have been written by an older version.

    Raises:
        PanjError: If the study is damaged or the files cannot be written.
    """
    about = read_about(folder)
    columns = columns_in(folder, Codebook.of_folder(folder))
    with write_errors(folder):
        write_description(folder, about, columns, {})


def is_described(folder: Path) -> bool:
    """Return whether the data package of a study is up to date.

    Its hashes must match the codebook and the hashes of the tables in about.json.

    Args:
        folder: Folder of the study.
    """
    try:
        resources = json.loads((folder / PACKAGE).read_text(encoding="utf-8"))["resources"]
        hashes = {one["path"]: one["hash"] for one in resources}
        tables = {name: digest for name, digest in read_about(folder).get("tables", {}).items() if name != SETTINGS}
        is_known = all(hashes[name].startswith(f"sha256:{digest}") for name, digest in tables.items())
        return bool(is_known and hashes[CODEBOOK] == f"sha256:{sha256_of(folder / CODEBOOK)}")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def write_description(
    folder: Path,
    about: Mapping[str, Any],
    columns: Sequence[Column],
    hashes: Mapping[str, str],
    dialect: Dialect = USUAL,
) -> None:
    """Write codebook.csv and datapackage.json for the tables in a folder.

    Args:
        folder: Folder with the tables.
        about: Content of about.json of the study that the tables are from.
        columns: Columns of all tables, table by table.
        hashes: SHA-256 hashes of tables by file name, in hexadecimal digits; missing ones are computed.
        dialect: Conventions of the CSV files in the folder.
    """
    write_file(folder / CODEBOOK, csv_rows([Column._fields, *columns], dialect).encode(dialect.encoding))
    described = [*columns, *columns_of_codebook()]
    resources = [
        resource_of(folder, name, list(found), hashes.get(name), dialect)
        for name, found in groupby(described, lambda column: column.table)
    ]
    write_file(folder / PACKAGE, json_text(package_of(about, columns, resources), indent=2))


def package_of(
    about: Mapping[str, Any], columns: Iterable[Column], resources: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the descriptor of a data package, with the provenance of the study under the key `panj`."""
    campaigns = f"{counted(about.get('campaigns', 0), 'campaign')} of the scenario {about.get('scenario')}"
    return {
        "profile": "data-package",
        "name": name_of(str(about["study"])),
        "title": f"Panj, study {about['study']}: {about.get('scenario_title') or about.get('scenario')}",
        "description": f"Simulated: {campaigns}, {about.get('calibration')}. {TERMS}",
        "licenses": list(LICENSES),
        "sources": sources_of(columns),
        "resources": list(resources),
        "panj": {key: about.get(key) for key in STAMPED},
    }


def name_of(text: str) -> str:
    """Convert a text to a name in a data package: lower-case letters, digits, `-`, `_`, `.` and `/`."""
    return re.sub(r"[^a-z0-9._/]+", "-", text.lower()).strip("-") or "study"


def sources_of(columns: Iterable[Column]) -> list[dict[str, str]]:
    """Return the model and the sources of the reported figures with which columns are compared."""
    cited = {word for column in columns for word in re.findall(r"\bF\d+\b", column.source)}
    found = {"Panj, an agent-based simulation": ""}
    found |= {row.source: row.source_url for name, row in evidence().items() if name in cited}
    return [
        {"title": title} | ({"path": url} if url.startswith(("http://", "https://")) else {})
        for title, url in found.items()
    ]


def resource_of(
    folder: Path, table: str, columns: Sequence[Column], digits: str | None, dialect: Dialect
) -> dict[str, Any]:
    """Return the descriptor of one table: path, size, hash and schema."""
    path, is_csv = folder / table, table.endswith(".csv")
    schema: dict[str, Any] = {"fields": [field_of(column, dialect.decimal if is_csv else "") for column in columns]}
    of_study = next(
        (name for name in TITLES if Path(name).stem == path.stem), ""
    )  # an exported runs.csv is treated as a table of runs
    if of_study in KEYS:
        schema["primaryKey"] = list(KEYS[of_study])
    form = {"encoding": dialect.encoding, "dialect": {"delimiter": dialect.delimiter}} if is_csv else {}
    return {
        "name": name_of(table.removesuffix(path.suffix)),
        "path": table,
        "title": TITLES.get(of_study, f"Comparison of cells: {path.stem}"),
        "profile": "tabular-data-resource" if is_csv else "data-resource",
        "format": path.suffix.removeprefix("."),
        "mediatype": "text/csv" if is_csv else PARQUET,
        **form,
        "bytes": path.stat().st_size,
        "hash": f"sha256:{digits or sha256_of(path)}",
        "schema": schema,
    }


def field_of(column: Column, decimal: str) -> dict[str, str]:
    """Return the descriptor of a column of a CSV file or, if `decimal` (the decimal mark) is empty, of a Parquet file.

    Parquet files store a day as a time at midnight, which data packages call a `datetime`.
    """
    kind = "datetime" if column.type == "date" and not decimal else column.type
    mark = decimal if column.type == "number" and decimal != "." else ""
    said = {"name": column.column, "type": kind, "description": column.description}
    more = {"unit": column.unit, "source": column.source, "decimalChar": mark}
    return said | {key: value for key, value in more.items() if value}
