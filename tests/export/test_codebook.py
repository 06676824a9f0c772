"""Every column of a study says what it is, and the tables are read as they were written by the programs of others."""

import csv
import json
import shutil
from datetime import date
from hashlib import sha256

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jsonschema import Draft7Validator
from quick import campaign_of

from sim.compare.compare import COLUMNS, COLUMNS_OF_RISK
from sim.compare.effects import Effect
from sim.configuration.compose import compose_settings
from sim.configuration.numbers import declared_numbers
from sim.data.facts import read_facts
from sim.data.own import using
from sim.engine.campaign import Series
from sim.errors import PanjError
from sim.study.codebook import EFFECTS, FIXED, OF_OUTCOME, SERIES, VERDICTS, Codebook, sources_of, type_of
from sim.study.columns import events_table
from sim.study.package import describe_study, is_described
from sim.study.reader import open_study, read_about
from sim.study.starter import write_starter

PARQUET = ("runs.parquet", "days.parquet", "districts.parquet", "failures.parquet")
PACKAGE = {  # of the profiles data-package, data-resource and table-schema, version 1
    "type": "object",
    "required": ["name", "resources"],
    "properties": {
        "name": {"pattern": "^([-a-z0-9._/])+$"},
        "licenses": {"minItems": 1, "items": {"anyOf": [{"required": ["name"]}, {"required": ["path"]}]}},
        "sources": {
            "minItems": 1,
            "items": {"required": ["title"], "properties": {"path": {"pattern": "^https?://"}}},
        },
        "resources": {
            "minItems": 1,
            "items": {
                "required": ["name", "path", "profile", "schema"],
                "properties": {
                    "name": {"pattern": "^([-a-z0-9._/])+$"},
                    "path": {"pattern": r"^(?=^[^./~])(^((?!\.{2}).)*$).*$"},
                    "bytes": {"type": "integer"},
                    "hash": {"pattern": "^sha256:[0-9a-f]{64}$"},
                    "profile": {"enum": ["tabular-data-resource", "data-resource"]},
                    "schema": {
                        "required": ["fields"],
                        "properties": {
                            "fields": {
                                "minItems": 1,
                                "items": {
                                    "required": ["name", "type", "description"],
                                    "properties": {
                                        "type": {
                                            "enum": ["integer", "number", "string", "boolean", "date", "datetime"]
                                        },
                                        "description": {"minLength": 1},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}


@pytest.fixture(scope="module")
def codebook(study):
    with (study / "codebook.csv").open(encoding="utf-8", newline="") as file:
        return {(row["table"], row["column"]): row for row in csv.DictReader(file)}


def test_every_column_of_every_table_is_in_the_codebook(study, codebook):
    found = {(name, column) for name in PARQUET for column in pq.read_schema(study / name).names}
    for path in (study / "summary.csv", *(study / "verdicts").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            found |= {(path.relative_to(study).as_posix(), column) for column in next(csv.reader(file))}
    assert set(codebook) == found
    assert len(list((study / "verdicts").glob("*.csv"))) == 3
    assert all(row["type"] and row["description"] and row["source"] for row in codebook.values())
    assert not [row for row in codebook.values() if row["type"] == "number" and not row["unit"]]


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("summary.csv", None),
        ("days.parquet", None),
        ("events.parquet", None),
        (VERDICTS, (*COLUMNS, *COLUMNS_OF_RISK)),
        (EFFECTS, Effect._fields),
    ],
)
def test_the_declared_columns_are_those_that_are_written(kind, columns, study):
    if kind == "summary.csv":
        columns = (study / kind).read_text(encoding="utf-8").splitlines()[0].split(",")
    elif kind == "days.parquet":
        posts = tuple(name for name in Codebook.of_dates(read_facts(), ()).post_series)
        columns = set(pq.read_schema(study / kind).names) - set(posts) - {"border", "rules.news.fade_days"}
    elif kind == "events.parquet":
        chosen = compose_settings(["end_date=2021-05-04", "calibration=as_declared"])
        campaign = campaign_of(chosen.layout.world, chosen.rules, chosen.timeline, 5, 3)
        columns = events_table(campaign, chosen.facts, chosen.start_date).column_names
    assert set(FIXED[kind]) == set(columns)


def test_every_daily_series_is_described():
    assert list(SERIES) == [series.name.lower() for series in Series]


@pytest.mark.parametrize("name", PARQUET)
def test_a_parquet_file_describes_its_own_columns(name, study, codebook):
    schema = pq.read_schema(study / name)
    assert json.loads(schema.metadata[b"panj"])["recipe"] == {"file": name}
    for field in schema:
        row = codebook[name, field.name]
        assert field.metadata[b"description"].decode() == row["description"]
        assert field.metadata.get(b"unit", b"").decode() == row["unit"]
        assert type_of(field.type) == row["type"]


def test_an_outcome_has_its_unit_its_reported_figure_and_the_source_of_it(codebook):
    row = codebook["runs.parquet", "share_held_by_taliban_2021_06_30"]
    assert (row["type"], row["unit"]) == ("number", "share")
    assert "Reported: 0.3753 (F064, F065)" in row["description"] and row["source"].startswith("F064: ")
    capital = codebook["runs.parquet", "capital_fell_badakhshan"]
    assert (capital["type"], capital["unit"], capital["source"]) == ("date", "date", "simulated")


def test_a_number_of_the_model_has_the_unit_and_source_of_its_rule(codebook):
    number = declared_numbers()["rules.news.fade_days"]
    for table in ("runs.parquet", "days.parquet", "districts.parquet"):
        row = codebook[table, "rules.news.fade_days"]
        assert (row["unit"], row["source"]) == (number.unit, number.source)
        assert codebook[table, "border"]["type"] == "string"
    assert len([name for table, name in codebook if table == "runs.parquet" and name in declared_numbers()]) > 5


def test_a_comparison_has_the_unit_of_its_outcome_and_one_of_risks_is_a_share(codebook):
    units = {table: row["unit"] for (table, name), row in codebook.items() if name in ("mean_difference", "size")}
    assert sorted(units.values()) == ["share", "soldiers", "soldiers"]
    assert not [row for (table, _), row in codebook.items() if "verdicts" in table and row["unit"] == OF_OUTCOME]


def test_the_data_package_is_valid_and_its_hashes_are_those_of_the_files(study, codebook):
    package = json.loads((study / "datapackage.json").read_text(encoding="utf-8"))
    assert not [error.message for error in Draft7Validator(PACKAGE).iter_errors(package)]
    assert package["panj"]["study"] == "tiny" and "8 campaigns" in package["description"]
    names = [resource["name"] for resource in package["resources"]]
    assert len(set(names)) == len(names) == len({table for table, _ in codebook}) + 1
    for resource in package["resources"]:
        content = (study / resource["path"]).read_bytes()
        assert (resource["bytes"], resource["hash"]) == (len(content), f"sha256:{sha256(content).hexdigest()}")
        fields = {field["name"] for field in resource["schema"]["fields"]}
        assert set(resource["schema"].get("primaryKey", [])) <= fields
    runs = next(resource for resource in package["resources"] if resource["name"] == "runs")
    assert runs["hash"].removeprefix("sha256:").startswith(read_about(study)["tables"]["runs.parquet"])


def test_the_key_of_a_table_identifies_its_rows(study):
    package = json.loads((study / "datapackage.json").read_text(encoding="utf-8"))
    for resource in package["resources"]:
        keys = resource["schema"].get("primaryKey")
        if keys:
            path = study / resource["path"]
            table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
            assert not table.duplicated(keys).any(), resource["name"]


def test_a_study_of_an_older_version_is_read_and_can_be_described(study, tmp_path):
    old = tmp_path / "old"
    shutil.copytree(study, old)
    for name in ("codebook.csv", "datapackage.json"):
        (old / name).unlink()
    open_study(old)
    describe_study(old)
    for name in ("codebook.csv", "datapackage.json"):
        assert (old / name).read_bytes() == (study / name).read_bytes()
    open_study(old)


@pytest.mark.parametrize("content", [None, b"cell,label\n0,Soldiers who crossed\n", b"\xff\xfe"])
def test_a_damaged_summary_is_named_and_nothing_is_written(study, tmp_path, content):
    for name in ("about.json", "config.yaml", "summary.csv"):
        (tmp_path / name).write_bytes((study / name).read_bytes())
    if content is None:
        (tmp_path / "summary.csv").unlink()
    else:
        (tmp_path / "summary.csv").write_bytes(content)
    with pytest.raises(PanjError, match=r"^\S*summary\.csv"):
        describe_study(tmp_path)
    assert not (tmp_path / "codebook.csv").exists()


@pytest.mark.parametrize("name", ["codebook.csv", "datapackage.json"])
@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"resources": [1]}'])
def test_a_damaged_description_is_noticed_and_made_again(study, tmp_path, name, content):
    shutil.copytree(study, tmp_path / "study")
    describe_study(tmp_path / "study")
    whole = (tmp_path / "study" / name).read_bytes()
    assert is_described(tmp_path / "study")
    (tmp_path / "study" / name).unlink()
    if content is not None:
        (tmp_path / "study" / name).write_bytes(content)
    assert not is_described(tmp_path / "study")
    describe_study(tmp_path / "study")
    assert is_described(tmp_path / "study") and (tmp_path / "study" / name).read_bytes() == whole


def test_a_data_package_with_another_hash_of_a_table_is_noticed(study, tmp_path):
    shutil.copytree(study, tmp_path / "study")
    describe_study(tmp_path / "study")
    package = tmp_path / "study" / "datapackage.json"
    digest = json.loads((study / "about.json").read_text(encoding="utf-8"))["tables"]["runs.parquet"]
    package.write_text(package.read_text(encoding="utf-8").replace(digest, "0" * len(digest)), encoding="utf-8")
    assert not is_described(tmp_path / "study")


def test_sources_follow_the_folder_of_own_files(tmp_path):
    mine = tmp_path / "mine"
    write_starter(mine)
    row = {
        "id": "M1", "date_start": "2021-06-21", "date_end": "2021-06-21", "quantity": "districts", "value": "3",
        "unit": "districts", "scope": "Kunduz", "source": "A diary", "confidence": "low", "use": "context",
    }  # fmt: skip
    columns = (mine / "evidence.csv").read_text(encoding="utf-8").split("\n")[0].split(",")
    with (mine / "evidence.csv").open("a", encoding="utf-8") as file:
        file.write(",".join(row.get(name, "") for name in columns) + "\n")
    for folder, said in ((None, "M1"), (mine, "M1: A diary"), (None, "M1")):
        with using(folder):
            assert sources_of("M1") == said


def test_descriptions_change_no_value(study):
    table = pq.read_table(study / "days.parquet")
    bare = pa.schema([pa.field(field.name, field.type) for field in table.schema])
    assert table.schema.equals(bare, check_metadata=False)
    assert not table.schema.equals(bare, check_metadata=True)


def test_dates_are_dates_in_pandas(study):
    runs, days, districts = (pd.read_parquet(study / name) for name in PARQUET[:3])
    assert days.groupby("cell")["date"].max().tolist() == [pd.Timestamp("2021-05-04")] * 4
    for column in (days["date"], districts["date"], districts["median_fall_date"], runs["capital_fell_badakhshan"]):
        assert column.dtype.kind == "M"
    assert days.set_index("date").resample("1D")["troops_crossed"].mean().size == 4


def test_duckdb_reads_dates_and_dotted_columns(study):
    path = study / "days.parquet"
    query = f"""select date, "rules.news.fade_days" as fade, avg(share_held_by_taliban) as share
                from '{path}' where date >= date '2021-05-03' and border = 'closed' group by all order by all"""
    rows = duckdb.sql(query).fetchall()
    usual = pd.read_parquet(path)
    usual = usual[(usual["date"] >= "2021-05-03") & (usual["border"] == "closed")]
    means = usual.groupby(["date", "rules.news.fade_days"])["share_held_by_taliban"].mean()
    assert [(when.date(), fade) for when, fade, _ in rows] == [
        (date(2021, 5, day), fade) for day in (3, 4) for fade in (5.0, 6.0)
    ]
    np.testing.assert_allclose([share for _, _, share in rows], means.to_numpy())


def test_polars_reads_the_same_values(study):
    ours = pl.read_parquet(study / "runs.parquet")
    theirs = pq.read_table(study / "runs.parquet")
    assert ours.columns == theirs.column_names and ours.height == theirs.num_rows
    assert ours["troops_crossed"].to_list() == theirs["troops_crossed"].to_pylist()
    assert ours.schema["capital_fell_badakhshan"] == pl.Datetime("ms")
