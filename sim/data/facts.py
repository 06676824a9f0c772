"""Read facts about the 399 districts and the 13 crossing points, as they were before the campaign.

Reads   data/districts.csv, data/places.csv, data/posts.csv.
Returns `Facts`, from which a campaign starts, and `Falls`, which are used only for scoring: no trait of `Facts` comes
        from a `fell_*` column.
Source  named in each row of the data; see data/README.md. Assumption: a missing population or vote count is the
        median of its province (*guess*).
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.data import own
from sim.data.meaning import fingerprint_of, meaning_of_table
from sim.data.own import remembered
from sim.data.tables import Row, named, read_table, read_text, refuse_duplicates
from sim.errors import PanjError, unknown

DATA = Path(__file__).parent
FIRST_DAY = date(2021, 5, 1)  # the record of the campaign begins here
THE_LINE = date(2021, 7, 7)  # the data contain nothing after the end of this day
EARTH_RADIUS_KM = 6371.0088
DISTRICT_COLUMNS = (
    "district_id", "district", "province", "region", "lat", "lon", "area_km2", "population", "tajik_border_km",
    "is_provincial_capital", "neighbours", "votes_2019",
)  # fmt: skip
FALL_COLUMNS = ("district_id", "fell_date", "fell_date_precision", "fell_without_fight")
PLACE_COLUMNS = ("district_id", "kind", "value")
POST_COLUMNS = ("post_id", "post", "name", "district_id", "tajik_district", "lat", "lon", "kind")
STARTED_FROM = ("districts", "places", "posts")  # tables from which campaigns start; all other tables are the record
PLACE_KINDS = ("airfield", "highway", "mountain")
PRECISIONS = ("", "day", "window", "by")
WITHOUT_FIGHT = {"unknown": -1, "0": 0, "1": 1}
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


class Facts(NamedTuple):
    """Districts in file order, their links, and the crossing points, with one array or tuple per trait."""

    district_id: tuple[str, ...]  # (districts) OCHA P-code, such as AF0101
    district: tuple[str, ...]  # (districts) name
    province: tuple[str, ...]  # (districts) name of the province
    region: tuple[str, ...]  # (districts) name of the region
    provinces: tuple[str, ...]  # (provinces) names, in file order
    province_of: Integers  # (districts) row of the province in `provinces`
    region_of_province: tuple[str, ...]  # (provinces) name of the region
    identity: Integers  # (districts) number in the P-code (101 for AF0101), which never changes, unlike a row number
    latitude: Floats  # (districts) latitude of the centroid, degrees north
    longitude: Floats  # (districts) longitude of the centroid, degrees east
    population: Integers  # (districts) estimated people in 2019-20; if missing, the province's median (*guess*)
    votes_per_head: Floats  # (districts) valid votes of 2019 per person; if missing, the province's median (*guess*)
    tajik_border_km: Floats  # (districts) length of the border with Tajikistan, km
    is_capital: Booleans  # (districts) whether it is the provincial capital; each province has exactly one
    airfield: Booleans  # (districts) whether it can be supplied by aeroplane (*guess*)
    highway: Booleans  # (districts) whether a main road crosses it (*guess*)
    mountain: Floats  # (districts) from 0 (plain) to 1 (high mountain) (*guess*)
    first_neighbour: Integers  # (districts + 1) links of district d are first_neighbour[d] to first_neighbour[d + 1]
    neighbour: Integers  # (links) row of the district at the far end; each boundary has one link in each direction
    link_km: Floats  # (links) great-circle distance between the centroids, km
    post_id: tuple[str, ...]  # (posts) P01, P02, ...
    post: tuple[str, ...]  # (posts) short name used in settings and results
    post_name: tuple[str, ...]  # (posts) full name, as reported
    tajik_district: tuple[str, ...]  # (posts) district on the far bank
    post_kind: tuple[str, ...]  # (posts) bridge, ford, post, river frontage or mountain pass
    post_district: Integers  # (posts) row of the Afghan district
    post_latitude: Floats  # (posts) degrees north, approximate
    post_longitude: Floats  # (posts) degrees east, approximate
    fingerprint: str  # fingerprint of the data from which campaigns start, 16 hexadecimal digits


class Falls(NamedTuple):
    """Reports on the first loss of each district from 1 May to 7 July 2021, in file order.

    They are used only for scoring; a campaign must not read them.
    """

    # (districts) day; NaT if no day is reported, whether or not the district was lost
    fell_date: NDArray[np.datetime64]
    # (districts) precision of the date: day, window (about two days), by (on or before), or empty
    precision: tuple[str, ...]
    without_fight: NDArray[np.int8]  # (districts) 1 if given up without a fight, 0 if fought for, -1 if unknown


class Links(NamedTuple):
    """Links between neighbouring districts, as compressed sparse rows (CSR).

    The neighbours of district d are `neighbour[first[d]:first[d + 1]]`.
    """

    first: Integers
    neighbour: Integers
    km: Floats


@remembered(maxsize=1)
def facts_here() -> Facts:
    """Return the facts in the user's tables, or else in those of the package; the tables are read only once.

    Raises:
        PanjError: If a table is missing or invalid, even in a column of the record, which no campaign reads.
    """
    from sim.data.own_tables import check_own_tables  # it imports this module

    facts = read_facts()
    check_own_tables()
    return facts


def read_facts(folder: Path | None = None) -> Facts:
    """Read and validate the facts from which a campaign starts.

    Args:
        folder: Folder of the tables; by default those of the user, or else those of the package.

    Raises:
        PanjError: If a table is missing or invalid; for an invalid cell, the message names file, line and column.
    """
    paths = {name: path_of(name, folder) for name in STARTED_FROM}
    districts = read_table(paths["districts"], DISTRICT_COLUMNS, ("district_id",))
    identities = np.array([identity(row) for row in districts], dtype=np.int64)
    district_row = {row.cells["district_id"]: number for number, row in enumerate(districts)}
    places = read_table(paths["places"], PLACE_COLUMNS, ("district_id", "kind"))
    posts = read_table(paths["posts"], POST_COLUMNS, ("post_id",))
    province = texts(districts, "province")
    provinces = tuple(dict.fromkeys(province))
    province_of = np.array([provinces.index(name) for name in province], dtype=np.int64)
    population = read_population(districts, province_of)
    latitude, longitude = degrees(districts, "lat", 90), degrees(districts, "lon", 180)
    check_areas(districts)
    refuse_scattered(districts)
    links = read_links(districts, district_row, latitude, longitude)
    return Facts(
        district_id=texts(districts, "district_id"),
        district=texts(districts, "district"),
        province=province,
        region=texts(districts, "region"),
        provinces=provinces,
        province_of=province_of,
        region_of_province=read_regions(districts),
        identity=identities,
        latitude=latitude,
        longitude=longitude,
        population=population,
        votes_per_head=read_votes_per_head(districts, population, province_of),
        tajik_border_km=np.array([row.optional("tajik_border_km") or 0.0 for row in districts]),
        is_capital=read_capitals(districts),
        airfield=read_mark(places, "airfield", district_row),
        highway=read_mark(places, "highway", district_row),
        mountain=read_mountain(places, district_row),
        first_neighbour=links.first,
        neighbour=links.neighbour,
        link_km=links.km,
        post_id=texts(posts, "post_id"),
        post=read_slugs(posts),
        post_name=texts(posts, "name"),
        tajik_district=texts(posts, "tajik_district"),
        post_kind=texts(posts, "kind"),
        post_district=np.array([find(row, district_row) for row in posts], dtype=np.int64),
        post_latitude=degrees(posts, "lat", 90),
        post_longitude=degrees(posts, "lon", 180),
        fingerprint=fingerprint(folder),
    )


def row_of_district(facts: Facts, name: object, key: str) -> int:
    """Return the row number of a district, given its P-code or name.

    Args:
        facts: Facts that contain the district.
        name: P-code such as AF1501, or a name that only one district has.
        key: Key of the setting that names the district, for errors.

    Returns:
        The row number, counted from 0.

    Raises:
        PanjError: If the name is unknown or is the name of several districts.
    """
    if name in facts.district_id:
        return facts.district_id.index(str(name))
    rows = [row for row, district in enumerate(facts.district) if district == name]
    if not rows:
        raise unknown(key, name, [*dict.fromkeys(facts.district), *facts.district_id])
    if len(rows) > 1:
        codes = " or ".join(f"{facts.district_id[row]} ({facts.province[row]})" for row in rows)
        raise PanjError(f"{key}: found '{name}', which is the name of {len(rows)} districts, expected {codes}", key=key)
    return rows[0]


def capitals_by_size(facts: Facts) -> list[int]:
    """Return the row numbers of the provincial capitals, in descending order of population."""
    return sorted(np.flatnonzero(facts.is_capital).tolist(), key=lambda row: -facts.population[row])


def read_falls(folder: Path | None = None) -> Falls:
    """Read the reported day of each district's first loss, for scoring only.

    Args:
        folder: Folder of districts.csv; by default that of the user, or else the data folder of the package.

    Raises:
        PanjError: If the table is missing or invalid; for an invalid cell, the message names file, line and column.
    """
    districts = read_table(path_of("districts", folder), FALL_COLUMNS, ("district_id",))
    return Falls(
        fell_date=np.array([read_fell_date(row) for row in districts], dtype="datetime64[D]"),
        precision=tuple(row.cells["fell_date_precision"] for row in districts),
        without_fight=np.array(
            [WITHOUT_FIGHT[row.one_of("fell_without_fight", WITHOUT_FIGHT)] for row in districts], dtype=np.int8
        ),
    )


def read_fell_date(row: Row) -> date | None:
    """Parse the day of a district's first loss, or return None if no day is given.

    Check that the date and its precision are both given or both empty, and that the date is from 1 May to 7 July 2021.
    """
    precision = row.one_of("fell_date_precision", PRECISIONS)
    if not row.cells["fell_date"]:
        if precision:
            raise row.wrong("fell_date_precision", "an empty cell, because fell_date is empty")
        return None
    if not precision:
        raise row.wrong("fell_date_precision", "day, window or by, because fell_date is given")
    fell = row.day("fell_date")
    if not FIRST_DAY <= fell <= THE_LINE:
        raise row.wrong("fell_date", f"a day from {FIRST_DAY} to {THE_LINE}")
    return fell


def meaning_of(
    path: Path,
    counts: Callable[[str], bool] = lambda _name: True,
    is_kept: Callable[[Mapping[str, str]], bool] = lambda _row: True,
) -> str:
    """Return the content of a data table as normalised text, for fingerprints.

    Args:
        path: Path of the CSV file.
        counts: Function that returns whether a column, given by name, is included.
        is_kept: Function that returns whether a row, given as cells by column, is included.

    Raises:
        PanjError: If the file cannot be read or a line does not fit the header.
    """
    try:
        return meaning_of_table(read_text(path), counts, is_kept)
    except (TypeError, AttributeError, KeyError, csv.Error) as error:
        raise PanjError(
            f"{named(path)}: found a line that does not fit the header, expected one cell per column"
        ) from error


def path_of(name: str, folder: Path | None) -> Path:
    """Return the path of a data table in a folder or, without a folder, of the user's or the package's table."""
    return own.table(f"{name}.csv") if folder is None else folder / f"{name}.csv"


def fingerprint(folder: Path | None = None) -> str:
    """Return the fingerprint of the data from which campaigns start, as 16 hexadecimal digits.

    Columns on dated falls do not affect it, since they belong to the record.

    Args:
        folder: Folder of the tables; by default those of the user, or else those of the package.
    """
    paths = [path_of(name, folder) for name in STARTED_FROM]
    return fingerprint_of(meaning_of(path, lambda name: name not in FALL_COLUMNS[1:]) for path in paths)


def fingerprint_of_record(folder: Path | None = None) -> str:
    """Return the fingerprint of the record with which results are compared: evidence, targets and dated falls.

    Args:
        folder: Folder of the tables; by default the data folder of the package, with the user's districts if there are
            any. The user's own evidence does not affect the fingerprint, since it is not used for fitting or scoring.

    Returns:
        16 hexadecimal digits. Evidence that is only context does not affect them.
    """
    falls = path_of("districts", folder)
    evidence, targets = ((folder or DATA) / f"{name}.csv" for name in ("evidence", "targets"))
    return fingerprint_of(
        [
            meaning_of(falls, lambda name: name in FALL_COLUMNS),
            meaning_of(evidence, is_kept=lambda row: row["use"] != "context"),
            meaning_of(targets),
        ]
    )


def texts(rows: Sequence[Row], column: str) -> tuple[str, ...]:
    """Return one column of text, or raise PanjError if a cell is empty."""
    return tuple(row.text(column) for row in rows)


def degrees(rows: Sequence[Row], column: str, limit: float) -> Floats:
    """Return one column of degrees, or raise PanjError if a value is not from `-limit` to `limit`."""
    return np.array([row.number(column, -limit, limit) for row in rows])


def identity(row: Row) -> int:
    """Return the number in the P-code of a district, such as 101 for AF0101."""
    digits = row.cells["district_id"].removeprefix("AF")
    if len(digits) != 4 or not (digits.isascii() and digits.isdecimal()):
        raise row.wrong("district_id", "AF and four digits, such as AF0101")
    return int(digits)


def find(row: Row, district_row: Mapping[str, int]) -> int:
    """Return the row number in districts.csv of the district named by its P-code in a row of another file."""
    code = row.cells["district_id"]
    if code not in district_row:
        raise row.wrong("district_id", "a value of district_id in districts.csv")
    return district_row[code]


def read_regions(districts: Sequence[Row]) -> tuple[str, ...]:
    """Return the region of each province, in file order, or raise PanjError if a province has several regions."""
    regions: dict[str, str] = {}
    for row in districts:
        region = regions.setdefault(row.text("province"), row.text("region"))
        if region != row.cells["region"]:
            raise row.wrong("region", f"'{region}', as for the other districts of {row.cells['province']}")
    return tuple(regions.values())


def refuse_scattered(districts: Sequence[Row]) -> None:
    """Raise PanjError unless the districts of each province are in consecutive rows, as campaigns need them."""
    last: dict[str, int] = {}  # last row of each province so far
    for number, row in enumerate(districts):
        province = row.cells["province"]
        if last.get(province, number - 1) != number - 1:
            raise row.wrong("province", f"this row next to the other districts of its province, after "
                            f"{districts[last[province]].place}")  # fmt: skip
        last[province] = number


def read_capitals(districts: Sequence[Row]) -> Booleans:
    """Return, for each district, whether it is a provincial capital.

    Raises:
        PanjError: If a province does not have exactly one capital.
    """
    capitals: dict[str, list[str]] = {row.cells["province"]: [] for row in districts}
    for row in districts:
        if row.one_of("is_provincial_capital", ("0", "1")) == "1":
            capitals[row.cells["province"]].append(row.place)
    for province, found in capitals.items():
        if len(found) != 1:
            where = ", ".join(found) or "none"
            raise PanjError(
                f"{districts[0].file}: found {len(found)} provincial capitals in {province} ({where}), expected one"
            )
    return np.array([row.cells["is_provincial_capital"] == "1" for row in districts])


def check_areas(districts: Sequence[Row]) -> None:
    """Raise PanjError if an area is negative or not a number.

    No rule uses areas, but other readers of the file may.
    """
    for row in districts:
        row.number("area_km2", 0)


def read_population(districts: Sequence[Row], province_of: Integers) -> Integers:
    """Return the population of each district; the median of its province replaces a missing value (*guess*)."""
    measured = np.array([row.count("population", low=1) for row in districts], dtype=np.float64)  # None becomes NaN
    return np.rint(fill_with_province_median(measured, province_of, districts, "population")).astype(np.int64)


def read_votes_per_head(districts: Sequence[Row], population: Integers, province_of: Integers) -> Floats:
    """Return valid votes of 2019 per person in each district.

    A missing value is replaced by the median of the province (*guess*).
    """
    measured = np.array([row.count("votes_2019") for row in districts], dtype=np.float64) / population
    return fill_with_province_median(measured, province_of, districts, "votes_2019")


def fill_with_province_median(measured: Floats, province_of: Integers, districts: Sequence[Row], column: str) -> Floats:
    """Return one value per district, with each missing one (NaN) replaced by the median of its province.

    Raises:
        PanjError: If no district of a province with a missing value has a value; the message names `column`.
    """
    filled = measured.copy()
    for district in np.flatnonzero(np.isnan(measured)).tolist():
        known = measured[(province_of == province_of[district]) & ~np.isnan(measured)]
        if not known.size:
            raise districts[district].wrong(column, "a number in at least one district of the province")
        filled[district] = np.median(known)
    return filled


def of_kind(places: Sequence[Row], kind: str) -> list[Row]:
    """Return the rows of places.csv of the given kind; raise PanjError if any row has an unknown kind."""
    return [row for row in places if row.one_of("kind", PLACE_KINDS) == kind]


def read_mark(places: Sequence[Row], kind: str, district_row: Mapping[str, int]) -> Booleans:
    """Return whether places.csv has a row of the given kind with the value 1, for each district."""
    marked = np.zeros(len(district_row), dtype=np.bool_)
    for row in of_kind(places, kind):
        marked[find(row, district_row)] = row.one_of("value", ("0", "1")) == "1"
    return marked


def read_mountain(places: Sequence[Row], district_row: Mapping[str, int]) -> Floats:
    """Return the mountain index of every district, from 0 (plain) to 1 (high mountain).

    Raises:
        PanjError: If a district has no index, or one that is out of range.
    """
    mountain = np.full(len(district_row), np.nan)
    for row in of_kind(places, "mountain"):
        mountain[find(row, district_row)] = row.number("value", 0, 1)
    for code, district in district_row.items():
        if np.isnan(mountain[district]):
            raise PanjError(
                f"{places[0].file}: found no row of kind mountain for {code}, expected one for every district"
            )
    return mountain


def read_slugs(posts: Sequence[Row]) -> tuple[str, ...]:
    """Return the short names of the posts, or raise PanjError if a name is repeated or cannot be a key of settings."""
    refuse_duplicates(posts, ("post",))
    for row in posts:
        if not row.cells["post"].isidentifier():
            raise row.wrong("post", "a name of letters, digits and _ that does not begin with a digit")
    return texts(posts, "post")


def read_links(districts: Sequence[Row], district_row: Mapping[str, int], latitude: Floats, longitude: Floats) -> Links:
    """Return the links between districts that share a boundary, one per direction, with their lengths in km.

    The length of a link is the great-circle distance between the centroids of its two districts.
    """
    near = [read_neighbours(row, district_row) for row in districts]
    refuse_one_sided(districts, near)
    first = np.concatenate([[0], np.cumsum([len(rows) for rows in near])]).astype(np.int64)
    here = np.repeat(np.arange(len(districts)), np.diff(first))
    neighbour = np.array([there for rows in near for there in rows], dtype=np.int64)
    km = great_circle_km(latitude[here], longitude[here], latitude[neighbour], longitude[neighbour])
    return Links(first, neighbour, km)


def read_neighbours(row: Row, district_row: Mapping[str, int]) -> list[int]:
    """Return the row numbers of the districts that share a boundary with this one, in ascending order."""
    codes = [code.strip() for code in row.cells["neighbours"].split(";") if code.strip()]
    for code in codes:
        if code not in district_row:
            raise row.wrong("neighbours", f"values of district_id in districts.csv; '{code}' is not one")
        if code == row.cells["district_id"] or codes.count(code) > 1:
            raise row.wrong("neighbours", f"distinct other districts, not '{code}' again")
    return sorted(district_row[code] for code in codes)


def refuse_one_sided(districts: Sequence[Row], near: Sequence[Sequence[int]]) -> None:
    """Raise PanjError if a district lists a neighbour that does not list this district as well."""
    for here, rows in enumerate(near):
        for there in rows:
            if here not in near[there]:
                found, lacking = districts[here], districts[there]
                raise lacking.wrong(
                    "neighbours", f"{found.cells['district_id']} as well, since {found.place} lists this one"
                )


def great_circle_km(latitude: Floats, longitude: Floats, latitude_there: Floats, longitude_there: Floats) -> Floats:
    """Return great-circle distances in km by the haversine formula, which is accurate to 0.6 %.

    The arguments are arrays of equal length, in degrees.
    """
    here, there = np.radians(latitude), np.radians(latitude_there)
    across = np.radians(longitude_there - longitude)
    chord = np.sin((there - here) / 2) ** 2 + np.cos(here) * np.cos(there) * np.sin(across / 2) ** 2
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(chord))
