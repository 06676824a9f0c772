"""A study is written for maps and spreadsheets with the same values; what cannot be met writes nothing."""

import csv
import json
import subprocess
import sys
from datetime import date, datetime

import numpy as np
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest
from made import make_study
from pyogrio import list_layers, read_arrow, read_info
from shapely.geometry import shape

from sim.data.facts import read_facts
from sim.data.shapes import CREDIT, district_polygons
from sim.errors import PanjError
from sim.export import districts, tables
from sim.export.export import EXPORTS, export, place_of
from sim.export.tables import names_of_sheets
from sim.options import Export, read_command
from sim.plots.land import to_km
from sim.study.reader import open_study

FACTS = read_facts()
LAST = date(2021, 5, 4)


def number(text):
    return float(text.replace(",", ".")) if text else np.nan


@pytest.fixture(scope="module")
def collection(study, tmp_path_factory):
    path = tmp_path_factory.mktemp("map") / "districts.geojson"
    assert export(Export(folder=study, to="geojson", cell=0, place=path)) == path
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_map_has_every_district_once_with_its_share_on_every_day(collection, study):
    features = collection["features"]
    assert [feature["properties"]["district_id"] for feature in features] == list(FACTS.district_id)
    table = pd.read_parquet(study / "districts.parquet").query("cell == 0")
    for day in (1, 4):
        shares = table[table["date"] == f"2021-05-0{day}"].set_index("district_id")["share_of_runs_taliban"]
        found = {one["id"]: one["properties"][f"held_2021_05_0{day}"] for one in features}
        assert found == shares.to_dict()
    first = features[0]["properties"]
    assert (first["district"], first["province"]) == ("Kabul", "Kabul")
    assert {"median_fall_date", "reported_fall_date", "reported_fall_precision"} <= set(first)


def test_a_map_says_how_many_campaigns_of_which_numbers_and_whom_to_credit(collection, study):
    cell = open_study(study).cells[0]
    assert collection["campaigns"] == cell.finished == 2
    assert collection["numbers"] == cell.calibration and collection["numbers"] in collection["description"]
    assert "2 simulated campaigns" in collection["description"] and CREDIT in collection["credit"]
    assert collection["settings"] == dict(cell.values)


def test_shapes_lie_in_afghanistan_and_have_the_area_of_the_country(collection):
    shapes = [shape(feature["geometry"]) for feature in collection["features"]]
    assert all(one.is_valid and not one.is_empty for one in shapes)
    for one, east, north in zip(shapes, FACTS.longitude, FACTS.latitude, strict=True):
        west, south, far_east, far_north = one.bounds
        assert west - 0.3 < east < far_east + 0.3 and south - 0.3 < north < far_north + 0.3
    km2 = sum(
        shape({"type": "Polygon", "coordinates": [to_km(np.array(ring)) for ring in polygon]}).area
        for polygons in district_polygons().values()
        for polygon in polygons
    )
    assert km2 == pytest.approx(652_000, rel=0.03)


def test_outlines_run_counterclockwise_as_geojson_requires(collection):
    for feature in collection["features"]:
        for polygon in shape(feature["geometry"]).geoms:
            assert polygon.exterior.is_ccw and not any(hole.is_ccw for hole in polygon.interiors)


def test_a_map_of_one_day_has_that_day_alone(study, tmp_path):
    path = export(Export(folder=study, to="geojson", cell=1, day=LAST, place=tmp_path))
    assert path == tmp_path / "districts_cell_1_2021-05-04.geojson"
    properties = json.loads(path.read_text(encoding="utf-8"))["features"][0]["properties"]
    assert [name for name in properties if name.startswith("held_")] == ["held_2021_05_04"]


def test_a_geopackage_has_the_shapes_and_a_row_per_district_and_day(study, collection, tmp_path):
    path = export(Export(folder=study, to="gpkg", cell=0, place=tmp_path / "study.gpkg"))
    assert [path.name for path in tmp_path.iterdir()] == ["study.gpkg"]
    assert list_layers(path).tolist() == [
        ["districts", "MultiPolygon"], ["shapes_by_day", "MultiPolygon"], ["districts_by_day", None],
    ]  # fmt: skip
    about = read_info(path, layer="districts")
    assert (about["features"], about["crs"]) == (len(FACTS.district), "EPSG:4326")
    assert CREDIT in about["layer_metadata"]["DESCRIPTION"] and about["dataset_metadata"]["campaigns"] == "2"
    _, shapes = read_arrow(path, layer="districts")
    held = [feature["properties"]["held_2021_05_04"] for feature in collection["features"]]
    assert shapes["held_2021_05_04"].to_pylist() == held
    _, by_day = read_arrow(path, layer="districts_by_day")
    assert by_day.num_rows == 4 * len(FACTS.district) and set(by_day["date"].to_pylist()) >= {LAST}
    _, shaped = read_arrow(path, layer="shapes_by_day")
    assert shaped["date"].type == by_day["date"].type  # a program that animates a map needs a date, not text
    assert shaped.select(by_day.column_names).equals(by_day)
    shape_of = dict(zip(shapes["district_id"].to_pylist(), shapes["geom"].to_pylist(), strict=True))
    pairs = zip(shaped["district_id"].to_pylist(), shaped["geom"].to_pylist(), strict=True)
    assert all(shape == shape_of[code] for code, shape in pairs)


@pytest.mark.parametrize(("decimal", "separator"), [(".", ","), (",", ";")])
def test_csv_has_every_value_of_every_table_with_the_decimal_mark_asked_for(decimal, separator, study, tmp_path):
    folder = export(Export(folder=study, to="csv", decimal=decimal, place=tmp_path / "csv"))
    for name in ("runs", "days", "districts"):
        ours = pd.read_csv(folder / f"{name}.csv", sep=separator, decimal=decimal, encoding="utf-8-sig")
        theirs = pq.read_table(study / f"{name}.parquet").to_pandas()
        assert list(ours) == list(theirs) and len(ours) == len(theirs)
        for column in theirs.select_dtypes("number"):
            np.testing.assert_array_equal(ours[column].to_numpy(float), theirs[column].to_numpy(float))
        for column in theirs.select_dtypes("datetime"):
            np.testing.assert_array_equal(pd.to_datetime(ours[column]).to_numpy("M8[ms]"), theirs[column].to_numpy())
    content = (folder / "days.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf") is (decimal == ",") and b"\r" not in content


@pytest.mark.parametrize(("separator", "mark"), [("semicolon", ";"), ("tab", "\t")])
def test_csv_has_the_separator_asked_for_with_a_decimal_point(separator, mark, study, tmp_path):
    folder = export(Export(folder=study, to="csv", separator=separator, place=tmp_path / "csv"))
    ours = pd.read_csv(folder / "runs.csv", sep=mark, encoding="utf-8-sig")
    assert len(ours) and (ours["rules.founding.mobile_men"] > 0).all() and (ours["rules.news.fade_days"] > 0).all()
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    assert {table["dialect"]["delimiter"] for table in package["resources"]} == {mark}


@pytest.mark.parametrize(("decimal", "separator", "folder"), [
    (".", "", "csv"), (".", "comma", "csv"), (".", "semicolon", "csv_semicolon"), (".", "tab", "csv_tab"),
    (",", "", "csv_decimal_comma"), (",", "semicolon", "csv_decimal_comma"), (",", "tab", "csv_decimal_comma_tab"),
])  # fmt: skip
def test_equal_files_have_one_default_folder(decimal, separator, folder, study):
    request = Export(folder=study, to="csv", decimal=decimal, separator=separator)
    assert place_of(request, open_study(study), None) == study / EXPORTS / folder


def test_a_comma_cannot_be_separator_and_decimal_mark(study, tmp_path):
    with pytest.raises(PanjError, match=r"^separator: "):
        export(Export(folder=study, to="csv", decimal=",", separator="comma", place=tmp_path / "csv"))
    with pytest.raises(PanjError, match=r"^separator: "):
        export(Export(folder=study, to="xlsx", separator="tab", place=tmp_path / "csv"))


def test_verdicts_and_summary_follow_the_decimal_mark_and_dates_stay_dates(study, tmp_path):
    folder = export(Export(folder=study, to="csv", decimal=",", place=tmp_path / "csv"))
    for name, old in (
        ("verdicts_troops_crossed.csv", "verdicts/troops_crossed.csv"),
        ("summary.csv", "summary.csv"),
    ):
        with (folder / name).open(encoding="utf-8-sig", newline="") as file:
            ours = list(csv.DictReader(file, delimiter=";"))
        with (study / old).open(encoding="utf-8", newline="") as file:
            theirs = list(csv.DictReader(file))
        columns = {"mean_difference", "median", "low_5", "reported_value"} & set(theirs[0])
        assert columns and len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(
                [number(one[column]) for column in columns], [number(other[column]) for column in columns]
            )
            assert [one[key] for key in one if key.endswith("_date")] == [
                other[key] for key in one if key.endswith("_date")
            ]
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    days = next(resource for resource in package["resources"] if resource["name"] == "days")
    marks = {field.get("decimalChar") for field in days["schema"]["fields"] if field["type"] == "number"}
    assert (days["dialect"]["delimiter"], marks) == (";", {","})


def test_one_cell_and_one_day_are_exported_alone(study, tmp_path):
    folder = export(Export(folder=study, to="csv", cell=2, day=LAST, place=tmp_path / "csv"))
    days, runs = (pd.read_csv(folder / name) for name in ("days.csv", "runs.csv"))
    assert set(days["cell"]) == set(runs["cell"]) == {2} and set(days["date"]) == {str(LAST)}
    assert len(days) == len(runs) == 2


def test_a_study_without_daily_series_is_exported_as_well(tmp_path):
    bare = make_study(tmp_path, "daily=false")
    folder = export(Export(folder=bare, to="csv", place=tmp_path / "csv"))
    assert (folder / "runs.csv").is_file() and not (folder / "days.csv").exists()
    assert export(Export(folder=bare, to="geojson", cell=0, place=tmp_path / "map.geojson")).is_file()


def test_a_workbook_has_a_sheet_per_table_and_its_codebook(study, tmp_path):
    path = export(Export(folder=study, to="xlsx", cell=0, place=tmp_path / "study.xlsx"))
    book = openpyxl.load_workbook(path, read_only=True)
    names = ["about", "runs", "days", "districts", "failures", "summary", "troops_crossed"]
    assert book.sheetnames[:7] == names and book.sheetnames[-1] == "codebook"
    runs = pq.read_table(study / "runs.parquet", filters=[("cell", "==", 0)])
    rows = list(book["runs"].iter_rows(values_only=True))
    assert list(rows[0]) == runs.column_names and len(rows) == runs.num_rows + 1
    place = runs.column_names.index("troops_crossed")
    assert [row[place] for row in rows[1:]] == runs["troops_crossed"].to_pylist()
    days = list(book["days"].iter_rows(values_only=True, max_row=2))
    assert days[1][days[0].index("date")] == datetime(2021, 5, 1)
    said = dict(book["about"].iter_rows(values_only=True, min_row=2, max_col=2))
    assert said["campaigns"] == "8" and said["numbers of the model"]
    failed = list(book["failures"].iter_rows(values_only=True))
    assert failed[1][failed[0].index("error")].startswith("RuntimeError")


def test_sheets_have_short_and_different_names():
    names = names_of_sheets([f"verdicts/{'long_name_of_an_outcome_' * 2}{number}.csv" for number in range(12)])
    assert len(set(names)) == 12 and max(map(len, names)) <= 31


def test_text_that_begins_like_a_formula_stays_text():
    sheet = openpyxl.Workbook(write_only=True).create_sheet("x")
    assert tables.in_sheet(sheet, "=1+1").data_type == "s"
    assert tables.in_sheet(sheet, "a\x00b") == "a b"
    assert tables.in_sheet(sheet, float("nan")) is None and tables.in_sheet(sheet, 0.5) == 0.5


@pytest.mark.parametrize("seed", [2**53 + 1, -(10**15)])
def test_whole_numbers_that_excel_would_round_are_text(seed):
    sheet = openpyxl.Workbook(write_only=True).create_sheet()
    assert tables.in_sheet(sheet, seed) == str(seed)
    assert tables.in_sheet(sheet, 10**15 - 1) == 10**15 - 1


def test_a_second_export_removes_its_own_outdated_tables_only(study, tmp_path, monkeypatch):
    shown, place, part = open_study(study), tmp_path / "csv", tables.Part(None, None)
    every = tables.tables_of(shown, part)
    few = [table for table in every if table.name in ("runs.parquet", "summary.csv")]
    monkeypatch.setattr(tables, "tables_of", lambda _study, _part: few)
    tables.write_csv(shown, place, part)
    (place / "mine.csv").write_text("my own notes", encoding="utf-8")
    monkeypatch.setattr(tables, "tables_of", lambda _study, _part: few[:1])
    tables.write_csv(shown, place, part)
    assert {path.name for path in place.iterdir()} == {"runs.csv", "mine.csv", "codebook.csv", "datapackage.json"}


@pytest.mark.parametrize("text", ["", "[]", '{"resources": [{}]}', '{"resources": [{"path": "../mine.csv"}]}'])
def test_an_odd_data_package_names_no_table_to_remove(text, tmp_path):
    (tmp_path / "datapackage.json").write_text(text, encoding="utf-8")
    assert tables.tables_before(tmp_path) == set()


def test_a_district_without_a_shape_has_no_geometry_and_is_named(study, monkeypatch):
    facts = read_facts()
    codes = (*facts.district_id[:-1], "AF9999")
    monkeypatch.setattr(districts, "facts_here", lambda: facts._replace(district_id=codes))
    found = districts.collection_of(open_study(study).of_cell(0), None)
    assert [each["id"] for each in found["features"] if each["geometry"] is None] == ["AF9999"]
    assert "Left out of the map, since Panj has no shape for them: AF9999." in found["description"]


@pytest.mark.parametrize(
    ("request_", "key"),
    [
        ({"to": "geojson", "cell": 9}, "cell"),
        ({"to": "geojson", "day": date(2021, 7, 7)}, "day"),
        ({"to": "xlsx", "decimal": ","}, "decimal"),
        ({"to": "csv", "cell": 9}, "cell"),
    ],
)
def test_what_the_study_does_not_have_is_refused_and_nothing_is_written(request_, key, study, tmp_path):
    with pytest.raises(PanjError) as refused:
        export(Export(folder=study, place=tmp_path / "made", **request_))
    assert refused.value.key == key and not list(tmp_path.iterdir())


def test_a_file_that_exists_is_kept(study, tmp_path):
    (tmp_path / "thesis.xlsx").write_text("years of work")
    with pytest.raises(PanjError) as refused:
        export(Export(folder=study, to="xlsx", place=tmp_path / "thesis.xlsx"))
    assert refused.value.key == "out" and (tmp_path / "thesis.xlsx").read_text() == "years of work"


def test_a_file_in_the_place_of_a_folder_is_named(study, tmp_path):
    (tmp_path / "thesis").write_text("years of work")
    with pytest.raises(PanjError, match="thesis: found a file, expected a folder; move or remove it") as refused:
        export(Export(folder=study, to="xlsx", place=tmp_path / "thesis" / "new" / "study.xlsx"))
    assert refused.value.key == "out"


@pytest.mark.parametrize("form", ["xlsx", "gpkg", "geojson", "csv"])
def test_a_full_disk_is_told_in_one_line_and_nothing_is_left(form, study, tmp_path):
    """The limit on the size of files is that of the process, so that libraries written in C meet it as well."""
    script = (
        "import resource, signal, sys\nfrom sim.__main__ import main\nimport openpyxl, pyogrio\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    words = ["export", str(study), f"to={form}", f"out={tmp_path / 'made'}"]
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("panj: out: cannot write ") and done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("verb", ["explorable", "export x to=csv", "memo x outcome=y", "animate x", "report x"])
def test_an_out_below_a_file_is_refused_before_anything_is_run(verb, tmp_path):
    (tmp_path / "thesis").write_text("years of work")
    with pytest.raises(PanjError, match=r"out: found .*thesis, which is a file, expected a folder"):
        read_command([*verb.split(), f"out={tmp_path / 'thesis' / 'new'}"])


def test_a_table_longer_than_a_sheet_is_refused(study, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MOST_ROWS", 5)
    with pytest.raises(PanjError) as refused:
        export(Export(folder=study, to="xlsx", place=tmp_path / "study.xlsx"))
    assert refused.value.key == "to" and not list(tmp_path.iterdir())
