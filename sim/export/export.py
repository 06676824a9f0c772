"""Write a study in the format of another program: `python -m sim export`.

Writes  districts_cell_<n>.geojson or .gpkg, <study>.xlsx, or a folder such as csv/ or csv_decimal_comma/; in
        <study>/exports/ unless `out` is given.
"""

import os
from pathlib import Path

from sim.errors import PanjError
from sim.export.districts import write_geojson, write_geopackage
from sim.export.tables import Part, write_csv, write_workbook
from sim.options import Export, require_extra
from sim.study.files import dialect_of, make_folder, refuse_dialect, write_errors
from sim.study.reader import Study, open_study, unfinished

EXPORTS = "exports"
MAPS = ("geojson", "gpkg")  # formats with the shapes of one cell; all others contain all tables
NEED_LIBRARIES = ("gpkg", "xlsx")


def export(request: Export) -> Path:
    """Write the requested files.

    Args:
        request: The parsed command.

    Returns:
        Path of the file or folder that was written.

    Raises:
        PanjError: If the study is damaged or has no such cell or day, or if the path exists or cannot be written.
    """
    if request.to != "csv":
        refuse_dialect(request.separator, request.decimal, f"to={request.to}")
    dialect = dialect_of(request.separator, request.decimal)
    if request.to in NEED_LIBRARIES:
        require_extra("files", f"to={request.to}")
    study = open_study(request.folder)
    chosen = study.choose_cell(request.cell) if request.to in MAPS or request.cell is not None else None
    refuse_unknown_day(study, request)
    place = place_of(request, study, chosen.number if chosen else None)
    print(unfinished(request.folder), end="")
    if request.to in MAPS and (note := study.note_on_choice(request.cell)):
        print(note)
    with write_errors(place, "out"):
        make_folder(place.parent)
        if request.to in MAPS and chosen is not None:
            if not chosen.finished:
                raise PanjError(f"cell: found {chosen.number}, whose campaigns all failed, expected a finished one")
            write = write_geojson if request.to == "geojson" else write_geopackage
            write(study.of_cell(chosen.number), place, request.day)
        elif request.to == "csv":
            write_csv(study, place, Part(request.cell, request.day), dialect)
        else:
            write_workbook(study, place, Part(request.cell, request.day))
    return place


def refuse_unknown_day(study: Study, request: Export) -> None:
    """Raise PanjError if no campaign of the study has the requested day."""
    first, last = min(cell.start_date for cell in study.cells), study.last_day
    if request.day is not None and not first <= request.day <= last:
        raise PanjError(f"day: found {request.day}, expected a day from {first} to {last}")


def place_of(request: Export, study: Study, cell: int | None) -> Path:
    """Return the file or folder to write.

    Raises:
        PanjError: If `out` exists, or if the study is read-only and `out` is missing.
    """
    usual = name_of(request, study, cell)
    if request.place is None:
        if not os.access(request.folder, os.W_OK):
            raise PanjError(f"export: found {request.folder}, which is read-only, expected out=PLACE")
        return request.folder / EXPORTS / usual
    place = request.place / usual if request.place.is_dir() else request.place
    if place.exists():
        raise PanjError(f"out: found {place}, which exists, expected a new file or folder")
    return place


def name_of(request: Export, study: Study, cell: int | None) -> str:
    """Return the default name of the file or folder, which includes any cell and day to which it is limited."""
    part = f"_cell_{cell}" * (cell is not None) + f"_{request.day}" * (request.day is not None)
    if request.to in MAPS:
        return f"districts{part}.{request.to}"
    if request.to == "xlsx":
        return f"{study.name}{part}.xlsx"
    return f"csv{dialect_of(request.separator, request.decimal).name}{part}"
