"""What the reader of facts promises, on the real data and on spoiled copies of it."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from shared import Table, rewrite, spoil

from sim.data.facts import DATA, Facts, fingerprint, fingerprint_of_record, great_circle_km, read_facts, read_falls
from sim.errors import PanjError


@pytest.fixture(scope="module")
def facts() -> Facts:
    return read_facts()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def refusal(folder: Path) -> str:
    with pytest.raises(PanjError) as error:
        read_facts(folder)
    return str(error.value)


def assert_same(facts: Facts, others: Facts) -> None:
    for name, trait, other in zip(Facts._fields, facts, others, strict=True):
        if name != "fingerprint":
            assert np.array_equal(trait, other), name


def test_there_are_399_districts_34_provinces_and_13_posts(facts: Facts) -> None:
    assert len(facts.district_id) == 399
    assert len(facts.provinces) == len(facts.region_of_province) == facts.is_capital.sum() == 34
    assert facts.post[0] == "sher_khan_bandar"
    assert len(facts.post) == 13


def test_every_district_trait_has_one_entry_a_district(facts: Facts) -> None:
    for trait in (*facts[:4], facts.identity, facts.latitude, facts.population, facts.mountain, facts.votes_per_head):
        assert len(trait) == 399


def test_a_code_gives_its_identity(facts: Facts) -> None:
    assert facts.identity[facts.district_id.index("AF0101")] == 101
    assert len(set(facts.identity.tolist())) == 399


def test_types_are_the_promised_ones(facts: Facts) -> None:
    assert facts.population.dtype == facts.neighbour.dtype == facts.post_district.dtype == np.int64
    assert facts.mountain.dtype == facts.link_km.dtype == np.float64
    assert facts.airfield.dtype == facts.highway.dtype == facts.is_capital.dtype == np.bool_


def test_provinces_and_regions_agree_with_their_districts(facts: Facts) -> None:
    for district, province in enumerate(facts.province_of):
        assert facts.provinces[province] == facts.province[district]
        assert facts.region_of_province[province] == facts.region[district]


def test_links_are_seen_from_both_sides_at_the_same_distance(facts: Facts) -> None:
    here = np.repeat(np.arange(399), np.diff(facts.first_neighbour))
    km = dict(zip(zip(here.tolist(), facts.neighbour.tolist(), strict=True), facts.link_km.tolist(), strict=True))
    assert facts.first_neighbour.size == 400
    assert all(km[there, here] == pytest.approx(length) for (here, there), length in km.items())
    assert min(km.values()) > 0


def test_distance_is_the_great_circle() -> None:
    degree = great_circle_km(np.array([0.0]), np.array([0.0]), np.array([0.0]), np.array([1.0]))
    assert degree[0] == pytest.approx(111.195, abs=0.001)


def test_a_missing_population_takes_the_median_of_its_province(facts: Facts) -> None:
    nuristan = np.flatnonzero(np.array(facts.province) == "Nuristan")
    mandol = facts.district_id.index("AF1607")
    others = facts.population[nuristan[nuristan != mandol]]
    assert facts.population[mandol] == np.median(others) == 17235


def test_a_missing_vote_takes_the_median_of_its_province(facts: Facts) -> None:
    daykundi = np.flatnonzero(np.array(facts.province) == "Daykundi")
    gizab = facts.district_id.index("AF2409")
    others = facts.votes_per_head[daykundi[daykundi != gizab]]
    assert facts.votes_per_head[gizab] == np.median(others)


def test_no_votes_counted_is_zero_and_not_a_gap(facts: Facts) -> None:
    assert facts.votes_per_head[facts.district_id.index("AF0902")] == 0


def test_posts_stand_in_districts_on_the_frontier(facts: Facts) -> None:
    on_frontier = facts.tajik_border_km[facts.post_district] > 0
    assert on_frontier.all()


def test_a_province_can_be_supplied_by_air_only_where_marked(facts: Facts) -> None:
    airfields = {facts.district[row] for row in np.flatnonzero(facts.airfield)}
    assert {"Kabul", "Fayzabad", "Kunduz", "Bagram"} <= airfields
    assert "Taloqan" not in airfields


def test_wakhan_is_high_and_kunduz_is_low(facts: Facts) -> None:
    height = dict(zip(facts.district_id, facts.mountain.tolist(), strict=True))
    assert height["AF1728"] > 0.9
    assert height["AF1901"] < 0.1


def test_every_guess_says_guess() -> None:
    with (DATA / "places.csv").open(encoding="utf-8") as file:
        assert all("*guess*" in row["source"] for row in csv.DictReader(file))


def test_shuffled_falls_found_the_same_campaign(facts: Facts, folder: Path) -> None:
    def shuffle(rows: Table) -> None:
        order = np.random.default_rng(7).permutation(len(rows))
        falls = [{name: row[name] for name in row if name.startswith("fell_")} for row in rows]
        for row, other in zip(rows, order, strict=True):
            row.update(falls[other])

    rewrite(folder / "districts.csv", shuffle)
    assert_same(facts, read_facts(folder))
    assert not np.array_equal(read_falls().fell_date, read_falls(folder).fell_date, equal_nan=True)


def test_falls_that_are_missing_altogether_are_not_missed_by_the_facts(facts: Facts, folder: Path) -> None:
    rewrite(
        folder / "districts.csv",
        lambda rows: [{name: row[name] for name in row if not name.startswith("fell_")} for row in rows],
    )
    assert_same(facts, read_facts(folder))


@pytest.mark.parametrize(
    ("name", "changes", "decides_campaigns", "is_record"),
    [
        ("districts.csv", {"population": "7"}, True, False),
        ("posts.csv", {"lat": "37.5"}, True, False),
        ("evidence.csv", {"value": "7", "use": "calibration"}, False, True),
        ("districts.csv", {"fell_date": "2021-06-01", "fell_date_precision": "day"}, False, True),
        ("targets.csv", {"value": "7"}, False, True),
    ],
)
def test_each_fingerprint_follows_what_it_stands_for(
    name: str, changes: dict[str, str], decides_campaigns: bool, is_record: bool, facts: Facts, folder: Path
) -> None:
    record = fingerprint_of_record(folder)
    assert (fingerprint(folder), record) == (facts.fingerprint, fingerprint_of_record())
    spoil(folder / name, 1, **changes)
    assert (fingerprint(folder) != facts.fingerprint, fingerprint_of_record(folder) != record) == (
        decides_campaigns, is_record,
    )  # fmt: skip


def test_evidence_that_is_only_context_counts_nowhere(facts: Facts, folder: Path) -> None:
    record = fingerprint_of_record(folder)
    rewrite(folder / "evidence.csv", lambda rows: [*rows, {**rows[0], "id": "F999", "use": "context", "value": "7"}])
    assert (fingerprint(folder), fingerprint_of_record(folder)) == (facts.fingerprint, record)


def test_a_one_sided_neighbour_is_refused_with_its_row(folder: Path) -> None:
    spoil(folder / "districts.csv", 1, neighbours="AF0103")
    message = refusal(folder)
    assert "districts.csv line 3 (AF0102), neighbours" in message
    assert "AF0101 as well" in message


@pytest.mark.parametrize(
    ("file", "column", "text", "place"),
    [
        ("districts.csv", "neighbours", "AF9999", "districts.csv line 2 (AF0101), neighbours"),
        ("districts.csv", "neighbours", "AF0101", "districts.csv line 2 (AF0101), neighbours"),
        ("districts.csv", "neighbours", "AF0102;AF0102", "districts.csv line 2 (AF0101), neighbours"),
        ("districts.csv", "district_id", "Kabul", "districts.csv line 2 (Kabul), district_id"),
        ("districts.csv", "district", "", "districts.csv line 2 (AF0101), district"),
        ("districts.csv", "region", "Nowhere", "districts.csv line 3 (AF0102), region"),
        ("districts.csv", "population", "-1", "districts.csv line 2 (AF0101), population"),
        ("districts.csv", "population", "0", "districts.csv line 2 (AF0101), population"),
        ("districts.csv", "population", "1.5", "districts.csv line 2 (AF0101), population"),
        ("districts.csv", "population", "many", "districts.csv line 2 (AF0101), population"),
        ("districts.csv", "population", "nan", "districts.csv line 2 (AF0101), population"),
        ("districts.csv", "votes_2019", "-3", "districts.csv line 2 (AF0101), votes_2019"),
        ("districts.csv", "area_km2", "-350", "districts.csv line 2 (AF0101), area_km2"),
        ("districts.csv", "tajik_border_km", "-1", "districts.csv line 2 (AF0101), tajik_border_km"),
        ("districts.csv", "lat", "north", "districts.csv line 2 (AF0101), lat"),
        ("districts.csv", "lat", "345", "districts.csv line 2 (AF0101), lat"),
        ("districts.csv", "lon", "", "districts.csv line 2 (AF0101), lon"),
        ("districts.csv", "is_provincial_capital", "yes", "districts.csv line 2 (AF0101), is_provincial_capital"),
        ("places.csv", "district_id", "AF9999", "places.csv line 2 (AF9999 airfield), district_id"),
        ("places.csv", "kind", "airfeld", "places.csv line 2 (AF0101 airfeld), kind: found 'airfeld'"),
        ("places.csv", "value", "0.5", "places.csv line 2 (AF0101 airfield), value"),
        ("posts.csv", "district_id", "AF9999", "posts.csv line 2 (P01), district_id"),
        ("posts.csv", "lat", "", "posts.csv line 2 (P01), lat"),
        ("posts.csv", "post", "ovez", "posts.csv line 5 (P04): found the same post as in posts.csv line 2 (P01)"),
        ("posts.csv", "post", "Sher Khan", "posts.csv line 2 (P01), post"),
    ],
)
def test_a_wrong_cell_is_refused_with_its_place(folder: Path, file: str, column: str, text: str, place: str) -> None:
    spoil(folder / file, 0, **{column: text})
    assert place in refusal(folder)


@pytest.mark.parametrize("height", ["1.01", "-0.1", "steep"])
def test_a_mountain_beyond_0_and_1_is_refused(folder: Path, height: str) -> None:
    spoil(folder / "places.csv", -1, value=height)
    assert "places.csv line 521 (AF3405 mountain), value" in refusal(folder)


def test_a_district_without_a_mountain_row_is_refused(folder: Path) -> None:
    rewrite(folder / "places.csv", lambda rows: rows[:-1])
    assert "no row of kind mountain for AF3405" in refusal(folder)


@pytest.mark.parametrize("file", ["districts.csv", "places.csv", "posts.csv"])
def test_a_row_twice_is_refused_naming_both_lines(folder: Path, file: str) -> None:
    rewrite(folder / file, lambda rows: [*rows, rows[0]])
    message = refusal(folder)
    assert f"{file} line " in message
    assert f"as in {file} line 2" in message


@pytest.mark.parametrize(("row", "text"), [(0, "0"), (1, "1")])
def test_a_province_with_no_capital_or_two_is_refused(folder: Path, row: int, text: str) -> None:
    spoil(folder / "districts.csv", row, is_provincial_capital=text)
    message = refusal(folder)
    assert f"found {2 * int(text)} provincial capitals in Kabul" in message
    assert text == "0" or "line 3 (AF0102)" in message


def test_a_province_without_any_population_is_refused(folder: Path) -> None:
    def forget(rows: Table) -> None:
        for row in rows:
            row["population"] = "" if row["province"] == "Nimroz" else row["population"]

    rewrite(folder / "districts.csv", forget)
    assert "(AF3401), population" in refusal(folder)


@pytest.mark.parametrize("file", ["districts.csv", "places.csv", "posts.csv"])
def test_a_missing_column_is_refused_by_name(folder: Path, file: str) -> None:
    rewrite(folder / file, lambda rows: [{name: row[name] for name in row if name != "district_id"} for row in rows])
    message = refusal(folder)
    assert message.startswith(f"{file} line 1: found columns") and "'district_id'" in message


@pytest.mark.parametrize("file", ["districts.csv", "places.csv", "posts.csv"])
def test_a_missing_file_is_refused_by_name(folder: Path, file: str) -> None:
    (folder / file).unlink()
    assert refusal(folder).startswith(f"{file}: found no readable file")


def test_an_empty_file_is_refused(folder: Path) -> None:
    (folder / "posts.csv").write_text("\n")
    assert refusal(folder).startswith("posts.csv: found an empty file")


def test_a_header_without_rows_is_refused(folder: Path) -> None:
    header = (folder / "posts.csv").read_text(encoding="utf-8").splitlines()[0]
    (folder / "posts.csv").write_text(header)
    assert refusal(folder).startswith("posts.csv: found a header without rows")


def test_bytes_that_are_not_utf_8_are_refused_with_their_line(folder: Path) -> None:
    path = folder / "posts.csv"
    path.write_bytes(path.read_bytes().replace(b"Ai Khanum", b"A\xef Khanum"))
    assert "posts.csv line 3: found bytes that are not UTF-8" in refusal(folder)


def test_a_line_with_too_few_values_is_refused(folder: Path) -> None:
    with (folder / "posts.csv").open("a", encoding="utf-8") as file:
        file.write("P14,somewhere\n")
    assert "posts.csv line 15: found an invalid line (2 cells instead of" in refusal(folder)


def test_a_file_saved_by_a_spreadsheet_reads_the_same(facts: Facts, folder: Path) -> None:
    for path in folder.glob("*.csv"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert_same(facts, read_facts(folder))


def test_145_districts_have_a_date_and_none_is_past_the_line() -> None:
    falls = read_falls()
    dated = falls.fell_date[~np.isnat(falls.fell_date)]
    assert dated.size == 145
    assert dated.max() == np.datetime64("2021-07-07")
    assert len(falls.precision) == falls.without_fight.size == 399
    assert set(falls.without_fight.tolist()) == {-1, 0, 1}


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("fell_date", "2021-07-08"),
        ("fell_date", "July"),
        ("fell_date_precision", ""),
        ("fell_date_precision", "week"),
        ("fell_without_fight", "maybe"),
    ],
)
def test_a_wrong_fall_is_refused_with_its_row(folder: Path, column: str, text: str) -> None:
    khwahan = 208
    spoil(folder / "districts.csv", khwahan, **{column: text})
    with pytest.raises(PanjError, match=r"districts\.csv line 210 \(\w+\), fell_"):
        read_falls(folder)


def test_a_wrong_fall_does_not_stop_the_facts(facts: Facts, folder: Path) -> None:
    spoil(folder / "districts.csv", 0, fell_date="yesterday")
    assert_same(facts, read_facts(folder))
