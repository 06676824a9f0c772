"""Write the districts of one cell with their shapes, for maps: GeoJSON, or a GeoPackage.

Reads   districts.parquet of a study; districts.csv, with the reported falls; the shapes of `sim.data.shapes`.
Writes  one feature per district: P-code, name, province, region, the share of campaigns in which the Taliban hold the
        district at the end of each day (`held_2021_07_05`), the median date of its first fall, and the reported fall.
        A GeoPackage also has a table `districts_by_day`, with one row per district and day, and a layer
        `shapes_by_day`, which joins this table to the shapes.
Source  Shapes: geoBoundaries (CC BY 4.0). The file contains the credit, the number of campaigns and the source of their
        parameters.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sim.data.evidence import CREDITS
from sim.data.facts import Facts, facts_here, read_falls
from sim.data.shapes import CREDIT, district_polygons, note_on_shapes
from sim.errors import PanjError
from sim.plots.captions import describe_campaigns
from sim.study.files import write_file
from sim.study.reader import Study, read_columns

HELD = "held_"  # prefix of the properties with shares, followed by the date
LAYER, BY_DAY, SHAPES = "districts", "districts_by_day", "shapes_by_day"  # layers of a GeoPackage
GEOMETRY = "geom"  # column with the shapes, as named by GDAL
# SQL that creates a layer with the shapes of another; GDAL and QGIS recognise OGC_FID as its key
VIEW = f"""
CREATE VIEW {SHAPES} AS
    SELECT day.fid AS OGC_FID, shape.{GEOMETRY}, day.district_id, day.district, day.province, day.date,
        day.noon, day.share_of_runs_taliban
    FROM {BY_DAY} AS day JOIN {LAYER} AS shape ON shape.district_id = day.district_id;
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, min_x, min_y, max_x, max_y, srs_id)
    SELECT '{SHAPES}', data_type, identifier || ', shapes by day', description, min_x, min_y, max_x, max_y, srs_id
    FROM gpkg_contents WHERE table_name = '{LAYER}';
INSERT INTO gpkg_geometry_columns
    SELECT '{SHAPES}', column_name, geometry_type_name, srs_id, z, m
    FROM gpkg_geometry_columns WHERE table_name = '{LAYER}';
"""
SHARE = "held_<date>: share of the campaigns in which the Taliban hold the district at the end of that day, 0 to 1."
FALLS = (
    "median_fall_date: first day by whose end at least half of the campaigns have lost the district; null if fewer lose"
    " it. reported_fall_date: reported day of its first loss after 1 May 2021, with its precision (day, window or by);"
    " null means not dated, not that it was not lost."
)


def shares_of(shown: Study) -> pa.Table:
    """Return the rows of districts.parquet for the cell of a study, with dates as days."""
    table = read_columns(shown.folder / "districts.parquet", filters=shown.rows)
    for name in ("date", "median_fall_date"):
        place = table.column_names.index(name)
        table = table.set_column(place, name, table[name].cast(pa.date32()))
    return table


def days_shown(table: pa.Table, day: date | None) -> list[date]:
    """Return the days to export, one or all; raise PanjError if the campaigns do not include that day."""
    days = sorted(set(table["date"].to_pylist()))
    if day is None:
        return days
    if day not in days:
        raise PanjError(f"day: found {day}, expected a day from {days[0]} to {days[-1]}")
    return [day]


def collection_of(shown: Study, day: date | None = None) -> dict[str, Any]:
    """Return the districts as a GeoJSON FeatureCollection.

    Args:
        shown: A study limited to one cell.
        day: The day to include; by default every day.

    Returns:
        One feature per district, in the order of districts.csv and without geometry if it has no shape, with
        members that credit and describe the data.

    Raises:
        PanjError: If the campaigns do not include that day.
    """
    table = shares_of(shown)
    days = days_shown(table, day)
    held: dict[str, dict[str, Any]] = {}
    columns = (table[name].to_pylist() for name in ("district_id", "date", "share_of_runs_taliban", "median_fall_date"))
    wanted = set(days)
    for code, when, share, fell in zip(*columns, strict=True):
        row = held.setdefault(code, {"median_fall_date": fell.isoformat() if fell else None})
        if when in wanted:
            row[f"{HELD}{when:%Y_%m_%d}"] = share
    facts, shapes, reported = facts_here(), district_polygons(), reported_falls()
    return {
        "type": "FeatureCollection",
        "name": LAYER,
        **description_of(shown),
        "features": [
            {
                "type": "Feature",
                "id": code,
                "geometry": geometry_of(shapes[code]) if code in shapes else None,
                "properties": {**names_of(facts, row), **held.get(code, {}), **reported[code]},
            }
            for row, code in enumerate(facts.district_id)
        ],
    }


def description_of(shown: Study) -> dict[str, Any]:
    """Return the metadata of the map: title, description, campaigns, settings and credit."""
    return {
        "title": f"Districts of Afghanistan held by the Taliban, simulated: study {shown.name}",
        "description": f"{describe_campaigns(shown)} {SHARE} {FALLS}{note_on_shapes(facts_here().district_id)}",
        "campaigns": shown.cell.finished,
        "cell": shown.cell.number,
        "settings": dict(shown.cell.values),
        "numbers": shown.cell.calibration,
        "credit": f"{CREDIT}. {CREDITS}",
    }


def names_of(facts: Facts, row: int) -> dict[str, str]:
    """Return P-code, name, province and region of the district in a row of the data."""
    return {
        "district_id": facts.district_id[row],
        "district": facts.district[row],
        "province": facts.province[row],
        "region": facts.region[row],
    }


def reported_falls() -> dict[str, dict[str, str | None]]:
    """Return the reported day of each district's first loss and its precision, by P-code."""
    falls, codes = read_falls(), facts_here().district_id
    days = (None if np.isnat(day) else str(day) for day in falls.fell_date)
    return {
        code: {"reported_fall_date": day, "reported_fall_precision": precision or None}
        for code, day, precision in zip(codes, days, falls.precision, strict=True)
    }


def geometry_of(polygons: list[list[list[list[float]]]]) -> dict[str, Any]:
    """Return polygons as a GeoJSON MultiPolygon, so that a layer has a single type."""
    return {"type": "MultiPolygon", "coordinates": polygons}


def write_geojson(shown: Study, path: Path, day: date | None) -> None:
    """Write the districts of a cell as GeoJSON (RFC 7946: longitude and latitude in degrees, WGS 84)."""
    write_file(path, json.dumps(collection_of(shown, day), ensure_ascii=False) + "\n")


def write_geopackage(shown: Study, path: Path, day: date | None) -> None:
    """Write a GeoPackage of the districts of a cell: shapes, a table of days, and that table with the shapes."""
    from pyogrio import read_arrow, write_arrow

    collection = collection_of(shown, day)
    members = description_of(shown) | {"settings": json.dumps(dict(shown.cell.values), ensure_ascii=False, default=str)}
    about = {key: str(value) for key, value in members.items()}
    described, table = read_arrow(json.dumps(collection).encode())
    stored = described["geometry_name"] or "wkb_geometry"
    table = table.rename_columns({stored: GEOMETRY}).drop_columns(["id"])
    by_day = rows_by_day(shown, day)

    def write(temporary: Path) -> None:
        with TemporaryDirectory(dir=path.parent) as folder, gdal_errors():  # GDAL requires a name that ends in .gpkg
            made = Path(folder) / path.with_suffix(".gpkg").name
            write_arrow(
                table, made, layer=LAYER, driver="GPKG", geometry_name=GEOMETRY,
                geometry_type="MultiPolygon", crs="EPSG:4326", dataset_metadata=about,
                layer_metadata=layer_text(about, LAYER),
            )  # fmt: skip
            write_arrow(by_day, made, layer=BY_DAY, driver="GPKG", layer_metadata=layer_text(about, BY_DAY))
            with closing(sqlite3.connect(made)) as package:
                package.executescript(VIEW)
            made.replace(temporary)

    write_file(path, write)


@contextmanager
def gdal_errors() -> Iterator[None]:
    """Convert errors of GDAL and SQLite, such as a full disk, to an OSError."""
    from pyogrio.errors import DataLayerError, DataSourceError

    try:
        yield
    except (DataLayerError, DataSourceError, sqlite3.OperationalError) as error:
        raise OSError(str(error).rpartition("failed: ")[2]) from error


def layer_text(about: Mapping[str, str], layer: str) -> dict[str, str]:
    """Return title, description and credit of a layer; titles are unique, as GeoPackages require."""
    title = about["title"] + ", by day" * (layer == BY_DAY)
    return {"IDENTIFIER": title, "DESCRIPTION": f"{about['description']} Credit: {about['credit']}"}


def rows_by_day(shown: Study, day: date | None) -> pa.Table:
    """Return one row per district and day, with the names of the district."""
    table = shares_of(shown)
    days = pa.array(days_shown(table, day), pa.date32())
    table = table.filter(pc.is_in(table["date"], value_set=days))
    facts = facts_here()
    names = {code: names_of(facts, row) for row, code in enumerate(facts.district_id)}
    codes = table["district_id"].to_pylist()
    return pa.table(
        {
            "district_id": table["district_id"],
            "district": pa.array([names[code]["district"] for code in codes]),
            "province": pa.array([names[code]["province"] for code in codes]),
            "date": table["date"],
            "noon": noons_of(table["date"]),
            "share_of_runs_taliban": table["share_of_runs_taliban"],
        }
    )


def noons_of(days: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return noon (UTC) of each day, for programs that animate times and not dates, such as QGIS."""
    return pc.add(days.cast(pa.timestamp("ms")), pa.scalar(timedelta(hours=12))).cast(pa.timestamp("ms", "UTC"))
