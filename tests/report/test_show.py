"""What is shown comes from the tables of a study alone, with one campaign or many, and fetches nothing."""

import json
import re
import time
from datetime import date, timedelta
from functools import partial
from html import unescape
from itertools import pairwise
from pathlib import Path
from shutil import copytree

import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import Image

from sim.data.facts import DATA, fingerprint, read_facts
from sim.data.record import NIGHTS, aan_shares, counted_at, counts_by_post, lwj_shares, point
from sim.data.shapes import SHAPES
from sim.errors import PanjError
from sim.options import Report, read_request
from sim.plots import maps
from sim.plots.land import CREDIT, read_land, to_km
from sim.plots.maps import draw_map_of
from sim.report import report
from sim.report.report import FIGURES, drawings_in, in_parallel, redraw, write_report
from sim.study.reader import FILES, read_study, spread

FACTS = read_facts()
FIRST = date(2021, 5, 1)
LAST = date(2021, 7, 20)
PNG = b"\x89PNG"
OUTCOMES = {  # name: (label, unit, reported text, low, high, value, evidence)
    "share_held_by_taliban_2021_06_30": (
        "Districts held, 30 June", "share of districts", "0.375 (F065)", None, None, 0.375, "F065"
    ),
    "badakhshan_lost_2021_07_05": ("Badakhshan districts lost by 5 July", "districts", "26 (F009)", 22, 26, 26, "F009"),
    "share_without_fight": ("Falls without a fight", "share of falls", "0.5 to 1 (F020)", 0.5, 1, None, "F020"),
    "troops_crossed_by_2021_07_07": (
        "Soldiers crossing by 7 July", "soldiers", "1,587 (F039)", 1500, 1600, 1587, "F039;F037"
    ),
    "troops_crossed_largest_night": (
        "Soldiers crossing in the largest night", "soldiers", "1,037 (F001)", None, None, 1037, "F001"
    ),
    "refugees_admitted_by_2021_07_07": (
        "Civilians let in by 7 July", "people", "at least 1,000 (F013)", 1000, None, None, "F013"
    ),
    "capitals_lost_2021_07_07": ("Provincial capitals lost by 7 July", "capitals", "0 (F159)", 0, 0, 0, "F159"),
    "people_displaced": ("People who left home <b>", "people", "", None, None, None, ""),
}  # fmt: skip


def main(words: list[str]) -> int:
    return report.main(read_request(Report, words))


def write_study(folder: Path, runs: int, first: date = FIRST, last: date = LAST) -> Path:
    """A made-up study with the tables of a real one; its numbers only look plausible."""
    folder.mkdir(parents=True)
    luck = np.random.default_rng(7)
    days = pd.concat([make_days(run, first, last, luck) for run in range(runs)], ignore_index=True)
    write_table(days, folder / "days.parquet")
    table = make_runs(days, luck)
    write_table(table, folder / "runs.parquet")
    write_table(make_districts(runs, first, last, luck), folder / "districts.parquet")
    in_cell(make_summary(table)).to_csv(folder / "summary.csv", index=False)
    (folder / "config.yaml").write_text("runs: 3\nmorale:\n  base: 0.6  # guess\n", encoding="utf-8")
    (folder / "about.json").write_text(json.dumps(make_about(runs, first, last)), encoding="utf-8")
    return folder


def in_cell(table: pd.DataFrame, cell: int = 0, label: str = "") -> pd.DataFrame:
    """The table of one cell, as the file of all cells holds it."""
    table = table.assign(cell=np.int32(cell))
    if "outcome" in table:
        table = table.assign(cell_label=label)
    return table[["cell", *(name for name in table if name != "cell")]]


def write_table(table: pd.DataFrame, path: Path) -> None:
    in_cell(table).to_parquet(path, index=False)


def make_days(run: int, first: date, last: date, luck: np.random.Generator) -> pd.DataFrame:
    """One campaign: a slow May, a fast June, one great night."""
    evenings = [first + timedelta(days=day) for day in range((last - first).days + 1)]
    time = np.array([(evening - FIRST).days for evening in evenings], float)
    share = 0.08 + 0.42 / (1 + np.exp(-(time - 58 - luck.normal(0, 3)) / 8)) + luck.normal(0, 0.015)
    fallen = np.diff(share, prepend=share[0]).clip(0) * 399
    night = np.rint(luck.gamma(0.3, 60, time.size) * (time > 50)) + (time == 65) * luck.integers(300, 1500)
    columns = {
        "run": run,
        "seed": 1000 + run,
        "date": evenings,
        "share_held_by_taliban": share,
        "districts_held_by_taliban": np.rint(share * 399),
        "handed_over": luck.poisson(fallen * 0.6),
        "fought": luck.poisson(fallen * 0.25),
        "abandoned": luck.poisson(fallen * 0.15),
        "troops_crossed": night,
        "people_on_the_road": 40_000 * share * luck.uniform(0.8, 1.2),
        "people_waiting": 900 * share**2 * luck.uniform(0.2, 2),
        "refugees_admitted_total": np.cumsum(luck.poisson(60 * share)) * (time > 40),
        "mean_morale": 0.62 - 0.6 * (share - 0.08) + luck.normal(0, 0.02),
        "mean_dread": (0.05 + 1.1 * (share - 0.08)).clip(0, 1),
    }
    for post in FACTS.post:
        columns[f"crossed_{post}"] = np.rint(night * luck.dirichlet(np.ones(13))[0])
        columns[f"waiting_{post}"] = np.rint(400 * share**2 * luck.uniform(0, 1))
        columns[f"admitted_{post}"] = 0
    return pd.DataFrame(columns)


def make_runs(days: pd.DataFrame, luck: np.random.Generator) -> pd.DataFrame:
    """Outcomes of each campaign."""
    runs = days.groupby("run")["seed"].first().reset_index()
    size = len(runs)
    runs["share_held_by_taliban_2021_06_30"] = luck.normal(0.36, 0.04, size)
    runs["badakhshan_lost_2021_07_05"] = luck.integers(6, 28, size)
    runs["share_without_fight"] = luck.uniform(0.4, 0.9, size)
    runs["troops_crossed_by_2021_07_07"] = luck.integers(300, 2500, size)
    runs["troops_crossed_largest_night"] = luck.integers(200, 1500, size)
    runs["refugees_admitted_by_2021_07_07"] = luck.integers(100, 4000, size)
    runs["capitals_lost_2021_07_07"] = 0
    runs["people_displaced"] = luck.integers(150_000, 400_000, size)
    runs["largest_night"] = ["2021-07-05", None, "2021-07-04"][:size] + ["2021-07-05"] * (size - 3)
    for post in FACTS.post:
        runs[f"crossed_{post}"] = luck.integers(0, 300, size)
    return runs


def make_districts(runs: int, first: date, last: date, luck: np.random.Generator) -> pd.DataFrame:
    """The chance of each district on each evening, in whole campaigns."""
    evenings = pd.date_range(first, last).date
    lean = luck.uniform(-0.3, 0.4, len(FACTS.district_id))
    rows = []
    for day in evenings:
        chance = np.clip((day - FIRST).days / 90 + lean, 0, 1)
        share = np.rint(chance * runs) / runs
        rows.append(pd.DataFrame({"district_id": FACTS.district_id, "date": day, "share_of_runs_taliban": share}))
    return pd.concat(rows, ignore_index=True).assign(median_fall_date=None)


def make_summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Median and 90 % interval of each outcome, beside what was reported."""
    rows = []
    for name, (label, unit, reported, low, high, value, evidence) in OUTCOMES.items():
        low_5, median, high_95 = runs[name].quantile([0.05, 0.5, 0.95])
        rows.append(
            {
                "outcome": name, "reported": reported, "reported_low": low, "reported_high": high,
                "reported_value": value, "median": median, "low_5": low_5, "high_95": high_95,
                "evidence": evidence, "label": label, "unit": unit, "counted": "as the evening stands",
            }
        )  # fmt: skip
    night = {"outcome": "largest_night", "median": "2021-07-05", "low_5": "2021-07-04", "high_95": "2021-07-05"}
    return pd.DataFrame([*rows, {**night, "label": "Largest night", "unit": "date", "missing": 1}])


def make_about(runs: int, first: date, last: date) -> dict[str, object]:
    """What a study says of itself."""
    return {
        "study": "made_up",
        "scenario": "july_2021",
        "scenario_about": "A made-up study for the tests: nothing in it was simulated.",
        "choices": {"morale": "reported", "border": "as_reported", "mobilisation": "as_reported"},
        "runs": runs,
        "first_seed": 1000,
        "start_date": first.isoformat(),
        "end_date": last.isoformat(),
        "calibration": "not calibrated yet",
        "versions": {"panj": "0.1.0", "numpy": "2.0"},
        "commit": "0" * 40,
        "data_fingerprint": FACTS.fingerprint,
        "rules_fingerprint": "f" * 16,
        "command": "python -m sim run scenario=july_2021 runs=3",
        "seconds": 1.5,
        "campaigns": runs,
        "failed": 0,
        "swept": [],
        "words": [f"runs={runs}"],
        "cells": [make_cell(0, {}, runs, first, last)],
    }


def make_cell(number: int, values: dict[str, object], runs: int, first: date, last: date) -> dict[str, object]:
    """One cell, as a study lists it."""
    words = [f"{key}={value}" for key, value in values.items()]
    return {
        "cell": number, "label": ", ".join(words), "values": values, "words": words, "fingerprint": "0" * 16,
        "runs": runs, "failed": 0, "title": "Made up", "start_date": first.isoformat(), "end_date": last.isoformat(),
    }  # fmt: skip


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_study(tmp_path_factory.mktemp("three") / "made_up", 3)
    assert main([str(folder)]) == 0
    return folder


def names(folder: Path) -> set[str]:
    return {path.stem for path in (folder / "figures").glob("*.png") if path.read_bytes()[:4] == PNG}


def test_every_figure_of_three_campaigns_is_written(three: Path) -> None:
    assert names(three) == set(FIGURES)


def test_every_figure_of_one_campaign_is_written(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "one", 1)
    assert {path.stem for path in in_parallel(drawings_in(folder, None, None))} == names(folder) == set(FIGURES)
    assert "another one would differ by chance" in write_report(folder).read_text(encoding="utf-8")


def test_a_study_that_ends_before_the_record_or_begins_late_is_drawn(tmp_path: Path) -> None:
    for start, end in ((FIRST, date(2021, 6, 5)), (date(2021, 6, 25), LAST)):
        folder = write_study(tmp_path / start.isoformat(), 2, start, end)
        assert len(in_parallel(drawings_in(folder, None, None))) == len(FIGURES)


def test_the_report_holds_every_summary_row_and_its_words_are_escaped(three: Path) -> None:
    text = (three / "report.html").read_text(encoding="utf-8")
    for label, *_ in OUTCOMES.values():
        assert label.replace("<", "&lt;").replace(">", "&gt;") in text
    assert "0.375 (F065)" in text
    assert "not calibrated yet" in text
    assert "A made-up study for the tests" in text


def test_a_page_warns_of_an_outcome_counted_by_an_earlier_definition(
    three: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(copytree(three, tmp_path / "made_up"))
    outcome, (label, *_) = next(iter(OUTCOMES.items()))
    said = f'counted "{label}" by a definition of {outcome} that has been changed or removed; to count outcomes'
    assert "changed or removed" not in write_report(folder).read_text(encoding="utf-8")
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    (folder / "about.json").write_text(json.dumps({**about, "outcomes": {outcome: "0" * 16}}), encoding="utf-8")
    assert said in unescape(write_report(folder).read_text(encoding="utf-8"))
    monkeypatch.setattr(report, "draw_everything", lambda *_: [folder / "figures" / "a.png", folder / "report.html"])
    capsys.readouterr()
    assert main([str(folder)]) == 0
    assert said in capsys.readouterr().out


def test_the_report_loads_nothing_from_outside(three: Path) -> None:
    text = (three / "report.html").read_text(encoding="utf-8")
    assert "<script" not in text and "<link" not in text and "@import" not in text and "url(" not in text
    assert all(re.match("data:image/(png|gif);base64,", source) for source in re.findall(r'src="([^"]+)"', text))
    assert text.count("data:image/png;base64,") == len(FIGURES)
    assert text.count("data:image/gif;base64,") == 1
    assert 'name="viewport"' in text


def test_the_report_names_no_path_of_the_machine(three: Path) -> None:
    assert str(three.parent) not in (three / "report.html").read_text(encoding="utf-8")


def test_a_report_draws_the_figures_it_lacks(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "lacking", 1, FIRST, date(2021, 7, 8))
    write_report(folder)
    assert names(folder) == set(FIGURES)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_table_is_named(tmp_path: Path, name: str) -> None:
    folder = write_study(tmp_path / "missing", 1, FIRST, date(2021, 5, 3))
    (folder / name).unlink()
    with pytest.raises(PanjError, match=rf"found no {re.escape(name)}, expected"):
        in_parallel(drawings_in(folder, None, None))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(PanjError, match="found no folder"):
        in_parallel(drawings_in(tmp_path / "nowhere", None, None))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "column", 1, FIRST, date(2021, 5, 3))
    path = folder / "days.parquet"
    pd.read_parquet(path).drop(columns="mean_dread").to_parquet(path)
    with pytest.raises(PanjError, match="column mean_dread missing"):
        in_parallel(drawings_in(folder, None, None))


@pytest.mark.parametrize(
    "arguments",
    [[], ["a", "b"], ["a", "evening=soon"], ["a", "night=2021-07-05"], ["a", "cell=x"], ["a", "cell=1", "cell=2"]],
)
def test_a_wrong_command_is_told_what_was_expected(arguments: list[str]) -> None:
    with pytest.raises(PanjError, match="expected"):
        main(arguments)


def test_a_map_of_an_evening_outside_the_study_is_refused(three: Path) -> None:
    with pytest.raises(PanjError, match="expected a day from 2021-05-01 to 2021-07-20"):
        draw_map_of(read_study(three), date(2021, 9, 1), three / "figures" / "map.png")


def test_districts_share_out_the_country_and_each_holds_its_centre() -> None:
    land = read_land()
    shapes = [
        shapely.union_all([shapely.make_valid(shapely.Polygon(ring)) for ring in rings]) for rings in land.districts
    ]
    country = shapely.union_all(shapes)
    assert sum(shape.area for shape in shapes) == pytest.approx(country.area, rel=1e-3)
    assert country.area == pytest.approx(643_000, rel=0.03)  # square km, so the projection is near true to area
    areas = read_column("area_km2")
    assert np.corrcoef(np.log([shape.area for shape in shapes]), np.log(areas))[0, 1] > 0.95
    assert all(
        shape.buffer(1).contains(shapely.Point(*place)) for shape, place in zip(shapes, land.centres, strict=True)
    )
    moved = [row for row in range(399) if not np.allclose(land.centres[row], centroids()[row])]
    assert {FACTS.district[row] for row in moved} == {"Rukha", "Injil", "Garmser"}


def read_column(name: str) -> np.ndarray:
    return pd.read_csv(DATA / "districts.csv")[name].to_numpy(float)


def centroids() -> np.ndarray:
    return to_km(np.column_stack([FACTS.longitude, FACTS.latitude]))


def test_lines_of_a_map_part_provinces_and_follow_the_river() -> None:
    land = read_land()
    outline, frontier = (shapely.MultiLineString(lines) for lines in (land.outline, land.frontier))
    assert frontier.length == pytest.approx(FACTS.tajik_border_km.sum(), rel=0.2)
    assert frontier.length < outline.length
    assert frontier.within(outline.buffer(0.01))
    near = shapely.distance(shapely.points(land.posts), frontier)
    assert np.median(near) < 10  # km; coordinates of posts are approximate
    assert len(land.provinces) + len(land.borders) > len(FACTS.neighbour) / 2 * 0.9


def test_the_shapes_of_maps_decide_no_campaign(tmp_path: Path) -> None:
    for path in DATA.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert fingerprint(tmp_path) == FACTS.fingerprint
    (tmp_path / SHAPES).write_text("{}", encoding="utf-8")
    assert fingerprint(tmp_path) == FACTS.fingerprint


def test_every_map_credits_its_shapes() -> None:
    assert "geoBoundaries" in CREDIT and "CC BY 4.0" in CREDIT and CREDIT in maps.SOURCES


def test_dates_may_be_text_or_days(three: Path, tmp_path: Path) -> None:
    folder = write_study(tmp_path / "text", 1, FIRST, date(2021, 5, 3))
    path = folder / "days.parquet"
    table = pd.read_parquet(path)
    table.assign(date=table["date"].astype(str)).to_parquet(path)
    assert read_study(folder).evenings == [FIRST, date(2021, 5, 2), date(2021, 5, 3)]


def test_a_series_is_evenings_by_campaigns_in_the_order_of_seeds(three: Path) -> None:
    study = read_study(three)
    days = pd.read_parquet(three / "days.parquet")
    expected = days.pivot(index="date", columns="seed", values="mean_dread").to_numpy()
    assert np.array_equal(study.series("mean_dread"), expected)
    assert study.series("fought").dtype == np.float64


def test_campaigns_of_unequal_length_are_refused(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "short", 2, FIRST, date(2021, 5, 3))
    path = folder / "days.parquet"
    pd.read_parquet(path).iloc[:-1].to_parquet(path, index=False)
    with pytest.raises(PanjError, match="cell 0: found campaigns of unequal length"):
        read_study(folder).series("mean_dread")


def test_an_unknown_cell_is_told_which_there_are(three: Path) -> None:
    with pytest.raises(PanjError, match=r"cell: found 7, expected one of 0$"):
        read_study(three, 7)


def test_every_figure_says_how_to_draw_it_again(three: Path) -> None:
    for path in (three / "figures").glob("*.png"):
        stamp = json.loads(Image.open(path).text["panj"])
        evening = "2021-07-05" if path.stem == "map" else None
        assert stamp["recipe"] == {"file": f"figures/{path.name}", "cell": 0, "evening": evening}
        assert stamp["study"] == "made_up" and stamp["first_seed"] == 1000


@pytest.mark.parametrize("name", ["map_2021_06_22", "outcomes"])
def test_a_figure_is_drawn_again_from_its_own_words(three: Path, tmp_path: Path, name: str) -> None:
    path = three / "figures" / f"{name}.png"
    if not path.is_file():
        draw_map_of(read_study(three), date(2021, 6, 22), path)
    recipe = json.loads(Image.open(path).text["panj"])["recipe"]
    other = tmp_path / "other"
    copytree(three, other, ignore=lambda *_: ["figures"])
    again = redraw(other, recipe)
    assert again == other / "figures" / f"{name}.png"
    assert again.read_bytes() == path.read_bytes()
    if name != "outcomes":
        path.unlink()


@pytest.mark.parametrize("file", ["figures/nothing.png", "../map.png", "report.html", None])
def test_a_recipe_for_something_else_is_refused(three: Path, file: str | None) -> None:
    with pytest.raises(PanjError, match="recipe, file"):
        redraw(three, {"file": file, "cell": 0})


def test_a_page_that_cannot_be_written_leaves_the_old_one(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (three / "report.html").read_bytes()

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", stop)
    with pytest.raises(KeyboardInterrupt):
        write_report(three)
    assert (three / "report.html").read_bytes() == before
    assert not list(three.glob(".report*"))


def test_bands_lie_in_order(three: Path) -> None:
    bands = spread(read_study(three), "share_held_by_taliban")
    parts = (bands.low_5, bands.low_25, bands.median, bands.high_75, bands.high_95)
    assert all(np.all(below <= above) for below, above in pairwise(parts))


def test_reported_shares_come_from_the_evidence() -> None:
    start, june = aan_shares()
    assert (start.day, start.value) == (FIRST, pytest.approx(33 / 421))
    assert (june.day, june.value) == (date(2021, 6, 30), pytest.approx(158 / 421))
    assert [(share.low * 407, share.high * 407) for share in lwj_shares()] == [
        pytest.approx(each) for each in ((73, 73), (104, 106), (157, 157))
    ]


def test_counts_by_post_add_up_to_the_counts_by_night() -> None:
    nights: dict[date, int] = {}
    for count in counts_by_post():
        nights[count.night] = nights.get(count.night, 0) + count.soldiers
    assert nights == {point(id).day: point(id).value for id in NIGHTS}


def test_a_count_can_be_a_lower_bound_or_missing() -> None:
    until = date(2021, 7, 7)
    assert counted_at("shohon", until) == (198, False)
    assert counted_at("ovez", until) == (300, True)
    assert counted_at("qizil_rabot", until) is None
    assert counted_at("shohon", date(2021, 7, 4)) == (94, False)


def draw_nothing(path: Path, seconds: float) -> Path:
    time.sleep(seconds)
    if path.name == "bad":
        raise PanjError("bad: cannot be drawn")
    return path


def test_what_is_drawn_in_parallel_comes_in_order() -> None:
    wanted = [Path(str(number)) for number in range(5)]
    assert in_parallel([partial(draw_nothing, path, 0.05 * (int(path.name) % 2)) for path in wanted]) == wanted
    assert in_parallel([]) == []


def test_a_picture_that_cannot_be_drawn_in_parallel_is_told() -> None:
    with pytest.raises(PanjError, match="cannot be drawn"):
        in_parallel([partial(draw_nothing, Path(name), 0.0) for name in ("good", "bad", "good")])
