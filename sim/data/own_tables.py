"""Check the user's tables of districts, places and posts beyond what a campaign reads, before anything runs.

The tables of Panj meet all of these checks, so that only the user's are read again.

Reads   data/districts.csv, data/places.csv and data/posts.csv of the user's folder.
"""

from collections.abc import Sequence
from pathlib import Path

from sim.data import own
from sim.data.facts import read_falls
from sim.data.record import read_counts_of
from sim.data.tables import Row, header_of, read_table, refuse_duplicates, refuse_unknown_columns


def check_own_tables() -> None:
    """Check the columns, the record and the border of the user's tables; without such tables, do nothing.

    Raises:
        PanjError: If a table has a column that nothing reads, a wrong fall or count of crossings, two districts of one
            name in a province, a wrong mark of the border, or a post in a district that does not border Tajikistan.
    """
    tables = [path for name in own.REPLACED if (path := own.own_file(f"{own.DATA}/{name}")) is not None]
    for path in tables:
        refuse_unknown_columns(path, header_of(own.SHIPPED / path.name))
    if not tables:
        return
    read_falls()
    read_counts_of(own.table("posts.csv"))
    districts = read_border(own.table("districts.csv"))
    refuse_duplicates(districts, ("province", "district"))
    refuse_posts_inland(own.table("posts.csv"), districts)


def read_border(path: Path) -> list[Row]:
    """Return the rows of districts.csv; raise PanjError if a mark contradicts the length of the border."""
    columns = ("district_id", "province", "district", "borders_tajikistan", "tajik_border_km")
    rows = read_table(path, columns, ("district_id",))
    for row in rows:
        km = row.optional("tajik_border_km") or 0.0
        if row.one_of("borders_tajikistan", ("0", "1")) != str(int(km > 0)):
            because = f"tajik_border_km is {row.cells['tajik_border_km'] or 'empty'}"
            raise row.wrong("borders_tajikistan", f"{int(km > 0)}, because {because}")
    return rows


def refuse_posts_inland(path: Path, districts: Sequence[Row]) -> None:
    """Raise PanjError if a post of posts.csv is in a district that does not border Tajikistan."""
    at_border = {row.cells["district_id"] for row in districts if row.cells["borders_tajikistan"] == "1"}
    for row in read_table(path, ("post_id", "district_id"), ("post_id",)):
        if row.cells["district_id"] not in at_border:
            raise row.wrong("district_id", "a district that borders Tajikistan (borders_tajikistan is 1)")
