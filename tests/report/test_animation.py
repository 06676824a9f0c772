"""The moving map shows the chances of the table, the record no later than its end, and says how it was made."""

import errno
import json
import os
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from PIL import Image, ImageSequence

from sim.__main__ import main as command
from sim.data import record
from sim.data.facts import THE_LINE, read_facts, read_falls
from sim.data.record import lost_in_record
from sim.errors import PanjError
from sim.options import Animate, read_request
from sim.plots.land import read_land
from sim.plots.maps import NEIGHBOURS
from sim.plots.style import CHANCE
from sim.report import animation
from sim.report.animation import (
    EVENING,
    FADED,
    GIF_DPI,
    PAUSE,
    colours_of,
    draw_animation,
    frames,
    lighten,
    make_film,
    set_stage,
    show,
)

DISTRICTS = read_facts().district_id
FIRST, LAST = date(2021, 7, 5), date(2021, 7, 8)
EVENINGS = [FIRST + timedelta(days=day) for day in range(4)]
LABELS = ["reinforcement=none", "reinforcement=as_reported"]


def main(words: list[str]) -> int:
    return animation.main(read_request(Animate, words))


def make_chance(cell: int, day: int) -> np.ndarray:
    """Each district its own chance, in whole campaigns of 20, different by evening and cell."""
    return (np.arange(len(DISTRICTS)) * 7 + 3 * day + 5 * cell) % 21 / 20


def write_study(folder: Path) -> Path:
    """A made-up study of two cells and four evenings, of which one lies past the end of the record."""
    folder.mkdir()
    rows = [
        pd.DataFrame(
            {"cell": cell, "district_id": DISTRICTS, "date": day, "share_of_runs_taliban": make_chance(cell, row)}
        )
        for cell in (0, 1)
        for row, day in enumerate(EVENINGS)
    ]
    table = pd.concat(rows).sort_values(["cell", "district_id", "date"], kind="stable")
    table.assign(median_fall_date=None).to_parquet(folder / "districts.parquet")
    pd.DataFrame({"cell": [0], "run": [0], "seed": [0]}).to_parquet(folder / "runs.parquet")
    pd.DataFrame({"cell": [0], "run": [0], "date": [FIRST], "share_held_by_taliban": [0.1]}).to_parquet(
        folder / "days.parquet"
    )
    (folder / "summary.csv").write_text("cell,outcome\n0,none\n", encoding="utf-8")
    (folder / "config.yaml").write_text("runs: 20\n", encoding="utf-8")
    cells: list[dict[str, object]] = [
        {
            "cell": number, "label": label, "values": {"reinforcement": label.split("=")[1]}, "runs": 20, "failed": 0,
            "start_date": FIRST.isoformat(), "end_date": LAST.isoformat(),
        }
        for number, label in enumerate(LABELS)
    ]  # fmt: skip
    about = {
        "study": "made_up", "scenario": "july_2021", "scenario_about": "Made up.", "choices": {}, "runs": 20,
        "calibration": "not calibrated yet", "swept": ["reinforcement"], "words": ["runs=20"], "cells": cells,
    }  # fmt: skip
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("animation") / "made_up")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_film_that_cannot_be_written_names_the_verb(number, study, monkeypatch, capsys):
    def fail(*_args, **_options):
        raise OSError(number, os.strerror(number))  # as Pillow raises it, without the path

    monkeypatch.setattr(animation, "write_file", fail)
    assert command(["animate", str(study), "formats=gif"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"panj: animate: cannot write {study} ({os.strerror(number)}); ") and said.count("\n") == 1


def recipe_in(words: str | bytes) -> dict[str, object]:
    return dict(json.loads(words)["recipe"])


def test_a_district_has_the_shade_of_the_map_of_one_evening() -> None:
    chance = np.linspace(0, 1, 21)
    assert colours_of(chance) == pytest.approx(CHANCE(chance)[:, :3])


def test_a_silent_district_is_grey_as_the_neighbours() -> None:
    assert colours_of(np.array([np.nan]))[0] == pytest.approx(to_rgb(NEIGHBOURS))


def test_the_record_grows_by_its_dates_and_stands_still_after_its_end() -> None:
    fell = read_falls().fell_date
    for day in (date(2021, 5, 1), date(2021, 6, 22), THE_LINE):
        assert lost_in_record(day) == [row for row, lost in enumerate(fell.tolist()) if lost and lost <= day]
    assert lost_in_record(THE_LINE + timedelta(days=1)) == lost_in_record(date(2021, 9, 11)) == lost_in_record(THE_LINE)
    assert len(lost_in_record(date(2021, 6, 22))) < len(lost_in_record(THE_LINE))


def test_a_date_past_the_end_of_the_record_would_never_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    dates = np.array(["2021-07-20", "2021-07-05", "NaT"], dtype="datetime64[D]")
    monkeypatch.setattr(record, "fell_dates", lambda: dates)
    assert lost_in_record(date(2021, 9, 11)) == [1]


def test_every_evening_shows_its_record_and_its_date(study: Path) -> None:
    stage = set_stage(make_film(study))
    for day in EVENINGS:
        show(stage, day, FIRST)
        assert len(stage.records[0].get_xdata()) == len(lost_in_record(day))
        assert stage.clock.get_text() == f"{day.day} July 2021"


def colours_in(picture: np.ndarray, axes: Axes) -> dict[int, np.ndarray]:
    """The median colour of points of the largest districts on one map, of which dots and names cover few."""
    shapes = [shapely.Polygon(max(rings, key=len)) for rings in read_land().districts]
    found = {}
    for district in np.argsort([shape.area for shape in shapes])[-20:]:
        west, south, east, north = shapes[district].bounds
        grid = np.stack(np.meshgrid(np.linspace(west, east, 30), np.linspace(south, north, 30)), axis=-1).reshape(-1, 2)
        right, up = axes.transData.transform(grid[shapely.contains_xy(shapes[district], grid)]).T
        seen = picture[np.rint(picture.shape[0] - up).astype(int), np.rint(right).astype(int)]
        found[int(district)] = np.median(seen, axis=0) / 255
    return found


def test_the_pixels_of_a_district_have_its_colour_every_evening(study: Path) -> None:
    film = make_film(study, (0, 1))
    stage = set_stage(film)
    stage.figure.set_dpi(GIF_DPI)
    FigureCanvasAgg(stage.figure).draw()
    for row, (day, picture) in enumerate(zip(EVENINGS, frames(film, GIF_DPI), strict=True)):
        for cell, axes in enumerate(stage.maps):
            seen = colours_in(picture, axes)
            expected = lighten(colours_of(make_chance(cell, row)), FADED if day > THE_LINE else 0)
            for district, colour in seen.items():
                assert colour == pytest.approx(expected[district], abs=0.02), DISTRICTS[district]


def test_only_past_the_end_of_the_record_is_the_picture_light_and_labelled(study: Path) -> None:
    *known, beyond = frames(make_film(study), GIF_DPI)
    beside_the_clock, neighbour = np.s_[30:58, 400:], (150, 30)
    for picture in known:
        assert (picture[beside_the_clock] == 255).all()
        assert picture[neighbour].tolist() == [round(255 * to_rgb(NEIGHBOURS)[0])] * 3
    assert (beyond[beside_the_clock] < 200).any()
    assert beyond[neighbour].min() > known[0][neighbour].max()


def test_the_gif_has_a_frame_an_evening_and_rests_where_the_record_ends_and_at_the_end(study: Path) -> None:
    path = draw_animation(study)
    assert path == study / "figures" / "districts.gif"
    with Image.open(path) as image:
        assert image.info["loop"] == 0
        stays = [frame.info["duration"] for frame in ImageSequence.Iterator(image)]
    assert stays == [EVENING, EVENING, PAUSE, PAUSE]


def test_the_gif_keeps_the_colours(study: Path) -> None:
    film = make_film(study)
    with Image.open(draw_animation(study)) as image:
        for row, picture in enumerate(frames(film, GIF_DPI)):
            image.seek(row)
            away = np.abs(np.asarray(image.convert("RGB"), int) - picture).max(axis=2)
            assert np.median(away) <= 2 and np.mean(away > 24) < 0.01


def test_the_gif_says_how_to_draw_it_again_and_comes_out_the_same(study: Path) -> None:
    path = draw_animation(study, 1, FIRST, THE_LINE, 2)
    first = path.read_bytes()
    with Image.open(path) as image:
        recipe = recipe_in(image.info["comment"])
    assert recipe == {
        "file": "figures/districts_cell_1.gif", "cell": [1], "from": "2021-07-05", "to": "2021-07-07", "every": 2,
    }  # fmt: skip
    assert draw_animation(study, 1, FIRST, THE_LINE, 2).read_bytes() == first
    assert not [each for each in path.parent.iterdir() if each.name.startswith(".")]


def test_two_cells_stand_side_by_side_under_one_clock(study: Path) -> None:
    film = make_film(study, (0, 1))
    stage = set_stage(film)
    left, right = (axes.get_position() for axes in stage.maps)
    assert left.x1 < right.x0 and (left.y0, left.y1) == (right.y0, right.y1)
    written = [text.get_text() for text in stage.figure.texts]
    assert set(LABELS) <= set(written) and "not calibrated yet" in written[-1].replace("\n", " ")
    with Image.open(draw_animation(study, (0, 1), last=FIRST)) as image:
        assert recipe_in(image.info["comment"])["cell"] == [0, 1]


def test_some_evenings_always_hold_the_last_and_the_end_of_the_record(study: Path) -> None:
    assert make_film(study, every=3).evenings == (FIRST, THE_LINE, LAST)
    assert make_film(study, first=date(2021, 7, 6), every=9).evenings == (date(2021, 7, 6), THE_LINE, LAST)
    assert make_film(study, last=FIRST).evenings == (FIRST,)


def test_chances_are_in_the_order_of_the_districts_of_each_cell(study: Path) -> None:
    film = make_film(study, (1, 0))
    for column, cell in enumerate((1, 0)):
        for row in range(4):
            assert film.probabilities[column, row] == pytest.approx(make_chance(cell, row))


def test_frames_for_slides_are_sharper_and_carry_their_provenance(study: Path) -> None:
    assert main([str(study), "formats=png", "from=2021-07-05", "to=2021-07-05"]) == 0
    with Image.open(study / "figures" / "frames" / "districts_2021_07_05.png") as image:
        assert image.width == 1280
        assert recipe_in(image.info["panj"])["file"] == "figures/frames/districts_2021_07_05.png"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "animate: found 0 folders"),
        (["{}", "{}"], "animate: found 2 folders"),
        (["{}", "form=2021-07-05"], "animate: found 'form', .* did you mean 'from'"),
        (["{}", "from=soon"], "from: found 'soon'"),
        (["{}", "to=2021-09-12"], "to: found 2021-09-12, expected a day from 2021-07-05 to 2021-07-08"),
        (["{}", "from=2021-07-08", "to=2021-07-05"], "from: found 2021-07-08, expected a day up to"),
        (["{}", "every=0"], "every: found '0'"),
        (["{}", "every=1,2"], "every: found '1,2'"),
        (["{}", "cell=none"], "cell: found 'none', expected a whole number"),
        (["{}", "cell=7"], "cell: found 7, expected one of 0 reinforcement=none"),
        (["{}", "cell=0,0"], "cell: found '0,0', expected one cell, or two different ones"),
        (["{}", "cell=0,1,0"], "cell: found '0,1,0', expected one cell, or two different ones"),
        (["{}", "formats=gif,avi"], "formats: found 'avi', expected one of gif, mp4, png"),
        (["{}/nowhere"], "found no about.json"),
    ],
)
def test_a_wrong_word_is_told_what_was_expected(study: Path, words: list[str], said: str) -> None:
    with pytest.raises(PanjError, match=said):
        main([word.format(study) for word in words])


def test_without_ffmpeg_the_gif_is_written_and_the_reader_told(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(animation.shutil, "which", lambda _: None)
    assert main([str(study), "to=2021-07-06"]) == 0
    said = capsys.readouterr().out
    assert "No mp4" in said and "districts.gif" in said
    with pytest.raises(PanjError, match="no ffmpeg on the PATH"):
        main([str(study), "formats=mp4"])


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for ffmpeg is a shell script")
def test_ffmpeg_gets_every_evening_and_the_rests(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = tmp_path / "ffmpeg"
    stand_in.write_text('#!/bin/sh\nfor last; do :; done\nwc -c > "$last"\necho "$@" >> "$last"\n', encoding="utf-8")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert main([str(study), "formats=mp4", "from=2021-07-06"]) == 0
    size, arguments = (study / "figures" / "districts.mp4").read_text(encoding="utf-8").split("\n", 1)
    (height, width, _) = next(frames(make_film(study), animation.SHARP_DPI)).shape
    assert int(size) == (1 + 2 * PAUSE // EVENING) * height * width * 4
    assert height % 2 == width % 2 == 0 and f"{width}x{height}" in arguments
    assert '"to": "2021-07-08"' in arguments
    stand_in.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    with pytest.raises(PanjError, match="ffmpeg could not write"):
        main([str(study), "formats=mp4", "to=2021-07-05"])
