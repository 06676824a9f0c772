"""A figure or table says how it was made, is made again from that alone, and is found the same or not."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from quick import DECLARED

from sim import reproduce as again
from sim.compare.compare import write_verdicts
from sim.configuration.sweep import compose_sweep
from sim.engine.campaign import run_campaign
from sim.errors import PanjError, Stopped
from sim.execution import work
from sim.execution.run import run_sweep
from sim.execution.verify import difference_of
from sim.options import Compare, Reproduce, read_request
from sim.provenance import stamp
from sim.reproduce import Redraw
from sim.reproduce import main as reproduce
from sim.study.reader import StudyCell, read_about
from sim.study.store import Scope
from sim.study.tables import entries_beyond_command
from sim.terminal import console_of

WORDS = ["seed=3", "end_date=2021-05-03", "executor.workers=1", DECLARED]
DAY = date(2021, 5, 1)
SWEPT = ["-m", "reinforcement=none,as_reported"]


def main(words: list[str], redraw: Redraw) -> int:
    return reproduce(read_request(Reproduce, words), redraw)


@pytest.fixture(autouse=True, scope="module")
def remembered() -> Iterator[None]:
    """A campaign that was lived once is not lived again: these tests ask which campaigns a study has."""
    campaigns: dict[Any, Any] = {}

    def remember(layout: Any, rules: Any, timeline: Any, seed: int, days: int, _world: Any = None) -> Any:
        key = rules, tuple(column.tobytes() for column in timeline), seed, days
        if key not in campaigns:
            campaigns[key] = run_campaign(layout, rules, timeline, seed, days)
        return campaigns[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "run_campaign", remember)
        yield


@pytest.fixture(scope="module")
def made(remembered: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two cells that every test may read and none may change."""
    return live(tmp_path_factory.mktemp("results"), *SWEPT, "study=tiny", "runs=2")


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    shutil.copytree(made, tmp_path / "results" / "tiny")
    return tmp_path / "results" / "tiny"


def live(results: Path, *words: str) -> Path:
    return run_sweep(compose_sweep([*words, f"results_dir={results}", *WORDS]), console_of()).folder


def draw(folder: Path, recipe: Mapping[str, Any]) -> Path:
    """A picture of the morale of every evening."""
    path = folder / recipe["file"]
    path.parent.mkdir(exist_ok=True)
    values = pq.read_table(folder / "days.parquet")["mean_morale"].to_numpy() * 1e9
    text = PngInfo()
    text.add_text("panj", stamp(read_about(folder), recipe))
    pixels = np.tile((values % 256).astype(np.uint8), (3, 1))
    Image.fromarray(pixels).save(path, pnginfo=text)
    return path


def draws_nothing(*_arguments: Any) -> Path:
    raise AssertionError("a table is not drawn")


def change_stamp(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """The same table, with something else in its stamp."""
    table = pq.read_table(path)
    told = json.loads(table.schema.metadata[b"panj"])
    change(told)
    pq.write_table(table.replace_schema_metadata({"panj": json.dumps(told)}), path)


def change_value(path: Path) -> None:
    table = pq.read_table(path)
    place = table.column_names.index("seed") + 1
    values = table.column(place).to_numpy().copy()
    values[0] = np.nextafter(values[0], 10.0)
    pq.write_table(table.set_column(place, table.column_names[place], pa.array(values)), path)


def all_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["runs.parquet", "days.parquet", "districts.parquet", "summary.csv"])
def test_an_untouched_table_comes_out_the_same_next_to_its_study(
    name: str, study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = all_of(study)
    assert main([str(study / name)], draws_nothing) == 0
    said = capsys.readouterr().out
    assert "The same:" in said and "Changed since" not in said
    assert "-m reinforcement=none,as_reported study=tiny runs=2" in said
    assert [path.name for path in sorted(study.parent.iterdir())] == ["tiny", "tiny_again"]
    assert all_of(study) == before
    assert read_about(study.parent / "tiny_again")["study"] == "tiny"


def test_nothing_is_overwritten(study: Path) -> None:
    assert main([str(study / "runs.parquet")], draws_nothing) == 0
    first = all_of(study.parent / "tiny_again")
    assert main([str(study / "runs.parquet")], draws_nothing) == 0
    assert all_of(study.parent / "tiny_again") == first
    assert [path.name for path in sorted(study.parent.iterdir())] == ["tiny", "tiny_again", "tiny_again_2"]


@pytest.mark.parametrize("what", ["rules", "data", "outcomes"])
def test_a_table_of_other_code_or_data_is_different_and_what_changed_is_named(
    what: str, study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change_value(study / "runs.parquet")
    change_stamp(study / "runs.parquet", lambda told: told.update({f"{what}_fingerprint": "0123456789abcdef"}))
    assert main([str(study / "runs.parquet")], draws_nothing) == 1
    said = capsys.readouterr().out
    columns = pq.read_schema(study / "runs.parquet").names
    assert f"Different: columns {columns[columns.index('seed') + 1]}." in said
    assert f"What changed since it was made: {what}: 0123456789abcdef then, " in said
    assert "The same:" not in said


def test_a_library_of_another_version_is_named_though_the_table_is_the_same(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change_stamp(study / "runs.parquet", lambda told: told["versions"].update(numpy="1.0", fortran="66"))
    assert main([str(study / "runs.parquet")], draws_nothing) == 0
    said = capsys.readouterr().out
    assert f"Changed since: numpy: 1.0 then, {np.__version__} now" in said
    assert "Changed since: fortran: 66 then, none now" in said
    assert "The same although something changed since" in said


def test_a_table_that_was_altered_is_different_though_nothing_changed(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change_value(study / "runs.parquet")
    assert main([str(study / "runs.parquet")], draws_nothing) == 1
    assert "Nothing named in the file has changed" in capsys.readouterr().out


def test_a_setting_that_changed_is_named_where_the_study_is_at_hand(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = study / "config.yaml"
    lines = config.read_text().splitlines()
    place = next(number for number, line in enumerate(lines) if "rules.news.fade_days:" in line)
    now = lines[place].split()[-1]
    lines[place] = lines[place].replace(now, "99")
    config.write_text("\n".join(lines))
    assert main([str(study / "runs.parquet")], draws_nothing) == 0
    assert f"Changed since: settings: rules.news.fade_days: 99 then, {float(now):g} now" in capsys.readouterr().out


def test_a_setting_that_changed_is_seen_by_a_copy_elsewhere(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copy(study / "runs.parquet", tmp_path / "runs.parquet"))
    change_stamp(copy, lambda told: told.update(settings_fingerprint="0123456789abcdef"))
    assert main([str(copy), f"results_dir={tmp_path / 'new'}"], draws_nothing) == 0
    assert "Changed since: settings: 0123456789abcdef then, " in capsys.readouterr().out
    assert (tmp_path / "new" / "tiny_again" / "runs.parquet").is_file()


def test_a_study_of_several_commands_comes_out_with_all_its_campaigns(tmp_path: Path) -> None:
    grown = live(tmp_path, "-m", "reinforcement=none,as_reported", "study=tiny", "runs=2")
    live(tmp_path, "-m", "reinforcement=hold_roads,none", "study=tiny", "runs=1")
    assert [cell["runs"] for cell in read_about(grown)["cells"]] == [2, 2, 1]
    for name in ("runs.parquet", "summary.csv"):
        assert main([str(grown / name)], draws_nothing) == 0
    assert main([str(tmp_path / "tiny_again" / "runs.parquet")], draws_nothing) == 0


def test_a_study_that_a_precision_made_grow_comes_out_with_all_its_campaigns(tmp_path: Path) -> None:
    precision = ["precision.outcome=calls_made", "precision.half_width=0.001", "runs_max=3"]
    grown = live(tmp_path, *SWEPT, "study=tiny", "runs=2", *precision)
    assert pq.read_table(grown / "runs.parquet").num_rows > 4
    assert main([str(grown / "days.parquet")], draws_nothing) == 0


def test_cells_and_runs_are_told_only_where_the_words_do_not_give_them() -> None:
    def scope(*runs: int) -> Scope:
        cells = [StudyCell(at, "", {"a": at}, DAY, DAY, (f"a={at}",), runs=each) for at, each in enumerate(runs)]
        return Scope({}, ("a",), 0, tuple(cells))

    at_once = {"words": ["-m", "a=0,1"], "cells_from_words": True}
    assert entries_beyond_command(scope(5, 5), at_once) == {"runs_of_cells": None, "words_of_cells": None}
    assert entries_beyond_command(scope(5, 9), at_once) == {"runs_of_cells": [5, 9], "words_of_cells": None}
    told = entries_beyond_command(scope(5, 5), {**at_once, "cells_from_words": False})
    assert told == {"runs_of_cells": None, "words_of_cells": [["a=0"], ["a=1"]]}


def test_a_copied_figure_is_drawn_again_by_its_recipe(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = {"file": "figures/x.png", "cell": 1, "evening": "2021-05-03"}
    copy = Path(shutil.copy(draw(study, recipe), tmp_path / "of_mine.png"))
    asked = []

    def redraw(folder: Path, wanted: Mapping[str, Any]) -> Path:
        asked.append((folder, dict(wanted)))
        return draw(folder, wanted)

    assert main([str(copy), f"results_dir={tmp_path / 'new'}"], redraw) == 0
    ((folder, wanted),) = asked
    assert (folder.name, folder.parent.parent, wanted) == ("tiny", tmp_path / "new", recipe)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["tiny_again"]
    assert (tmp_path / "new" / "tiny_again" / "figures" / "x.png").is_file()
    assert "to the last pixel" in capsys.readouterr().out


def test_a_figure_with_one_other_pixel_is_different(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = draw(study, {"file": "figures/x.png"})
    with Image.open(path) as image:
        text, pixels = PngInfo(), np.asarray(image).copy()
        text.add_text("panj", image.info["panj"])
    pixels[0, 0] ^= 1
    Image.fromarray(pixels).save(path, pnginfo=text)
    assert main([str(path)], draw) == 1
    assert f"Different: {1 / pixels.size:.3%} of all pixels" in capsys.readouterr().out


def test_a_recipe_that_lacks_something_is_said(study: Path) -> None:
    path = draw(study, {"file": "figures/x.png"})
    with pytest.raises(
        PanjError, match=r'found recipe \{"file": "figures/x\.png"\}, from which .* \(KeyError: .evening.\)'
    ):
        main([str(path)], lambda folder, recipe: folder / recipe["evening"])


def test_a_verdict_is_judged_again(study: Path) -> None:
    table = write_verdicts(read_request(Compare, [str(study), "outcome=calls_made", "baseline=none"]))[0]
    assert main([str(table)], draws_nothing) == 0
    assert (study.parent / "tiny_again" / "verdicts" / table.name).read_bytes() == table.read_bytes()


def test_a_verdict_on_two_studies_lives_both_again(study: Path) -> None:
    other = live(study.parent, "study=other", "border=closed", "runs=2")
    table = write_verdicts(read_request(Compare, [str(study), str(other), "outcome=calls_made"]))[0]
    assert main([str(table)], draws_nothing) == 0
    assert {"tiny_again", "other_again"} < {path.name for path in study.parent.iterdir()}


def test_a_changed_row_of_a_csv_is_different(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = study / "summary.csv"
    rows = path.read_text(encoding="utf-8").splitlines()
    assert rows[2].startswith("0,reinforcement=none,")
    rows[2] = rows[2].replace("reinforcement=none", "reinforcement=some")
    path.write_text("\n".join(rows))
    assert main([str(path)], draws_nothing) == 1
    assert "Different: 1 row, in cell_label." in capsys.readouterr().out


def gif(path: Path, shades: list[int], stay: int = 100, size: int = 4) -> Path:
    frames = [Image.new("L", (size, size), shade) for shade in shades]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=stay)
    return path


def test_films_are_compared_picture_by_picture(tmp_path: Path) -> None:
    film = gif(tmp_path / "a.gif", [10, 20, 30])
    others = {
        "": gif(tmp_path / "b.gif", [10, 20, 30]),
        "picture 2: 100.000% of all pixels": gif(tmp_path / "c.gif", [10, 21, 30]),
        "picture 3: only one has it": gif(tmp_path / "d.gif", [10, 20]),
        "picture 1: shown for 100 ms and 200 ms": gif(tmp_path / "e.gif", [10, 20, 30], stay=200),
        "picture 1: 4 x 4 and 5 x 5 pixels": gif(tmp_path / "f.gif", [10, 20, 30], size=5),
    }
    assert {difference_of(film, other) for other in others.values()} == set(others)
    assert all(difference_of(film, other) == said for said, other in others.items())


def test_a_gif_carries_its_stamp_as_a_comment(made: Path, tmp_path: Path) -> None:
    told = stamp(read_about(made), {"file": "figures/districts.gif", "cell": [0]})
    frames = [Image.new("L", (4, 4), shade) for shade in (1, 2)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], comment=told.encode())
    assert again.read_made(tmp_path / "a.gif").recipe == {"file": "figures/districts.gif", "cell": [0]}


def test_after_a_stop_the_same_command_goes_on(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stops(sweep: Any, console: Any) -> Any:
        (sweep.base.results_dir / sweep.base.study / "chunks").mkdir(parents=True)
        raise Stopped

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(again, "run_sweep", stops)
        main([str(study / "runs.parquet")], draws_nothing)
    assert not (study.parent / "tiny_again").exists()
    assert main([str(study / "runs.parquet")], draws_nothing) == 0
    assert {path.name for path in study.parent.iterdir()} == {"tiny", "tiny_again"}


def test_after_a_stop_while_the_figure_is_drawn_the_same_command_goes_on(study: Path) -> None:
    path = draw(study, {"file": "figures/x.png"})

    def stops(folder: Path, wanted: Mapping[str, Any]) -> Path:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        main([str(path)], stops)
    assert not (study.parent / "tiny_again").exists()
    assert main([str(path)], draw) == 0
    assert {path.name for path in study.parent.iterdir()} == {"tiny", "tiny_again"}
    assert (study.parent / "tiny_again" / "figures" / "x.png").is_file()


def empty_png(folder: Path) -> Path:
    Image.new("L", (4, 4)).save(folder / "x.png")
    return folder / "x.png"


def png_with(content: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        text = PngInfo()
        text.add_text("panj", content)
        Image.new("L", (4, 4)).save(folder / "x.png", pnginfo=text)
        return folder / "x.png"

    return write


def file_with(name: str, content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def empty_table(folder: Path) -> Path:
    pq.write_table(pa.table({"a": [1]}), folder / "x.parquet")
    return folder / "x.parquet"


def told(**changes: Any) -> str:
    usual = {"study": "a", "words": [], "first_seed": 0, "runs": 1, "recipe": {"file": "figures/x.png"}}
    return json.dumps({**usual, **changes})


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (empty_png, "found no metadata on how it was made, expected a PNG, GIF or parquet file"),
        (empty_table, "found no metadata on how it was made"),
        (file_with("x.png", b"\x89PNG and no more"), r"found a damaged file .* expected a complete \.png"),
        (file_with("x.gif", b""), r"found a damaged file .* expected a complete \.gif"),
        (file_with("x.parquet", b"PAR1"), r"found a damaged file .* expected a complete \.parquet"),
        (file_with("x.csv", b"a,b\n"), r"found a CSV that is not in the folder of its study, expected summary\.csv"),
        (file_with("x.txt", b"a"), r"found a file of kind '\.txt', expected one of \.png"),
        (lambda folder: folder / "none.png", "found no file"),
        (lambda folder: folder, "found the folder"),
        (png_with("{"), "found damaged metadata"),
        (png_with("[1]"), "found damaged metadata"),
        (png_with(told(runs=None)), "found damaged metadata .* was it made by an older version"),
        (png_with(told(words=None)), "found damaged metadata"),
        (png_with(told(study="../elsewhere")), "found study '../elsewhere' in its metadata, expected the name"),
        (png_with(told(recipe={"file": "runs.parquet"})), "found metadata of 'runs.parquet', expected metadata"),
        (png_with(told(recipe={"file": "../x.png"})), "found metadata of '../x.png', expected"),
        (png_with(told(words=["border=closd"])), "border: found 'closd', expected one of .* did you mean 'closed'"),
    ],
)
def test_a_file_that_does_not_say_how_it_was_made_is_refused(
    write: Callable[[Path], Path], said: str, tmp_path: Path
) -> None:
    with pytest.raises(PanjError, match=said):
        main([str(write(tmp_path))], draws_nothing)


def test_damage_is_told_before_anything_is_run(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(again, "run_sweep", draws_nothing)
    path = study / "days.parquet"
    content = bytearray(path.read_bytes())
    content[4:2000] = bytes(1996)
    path.write_bytes(content)
    with pytest.raises(PanjError, match=r"days\.parquet: found a file that cannot be read"):
        main([str(path)], draws_nothing)


@pytest.mark.parametrize(
    ("words", "found"),
    [([], "found 0"), (["a.png", "b.png"], "found 2"), (["a.png", "border=closed"], "found 'border'")],
)
def test_words_that_are_not_understood_are_refused(words: list[str], found: str) -> None:
    with pytest.raises(PanjError, match=found) as refused:
        main(words, draws_nothing)
    assert refused.value.key == "reproduce"
