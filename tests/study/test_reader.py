"""Studies of earlier versions are read, or refused in one line that says what to do; files are whole or not there."""

import json
import os
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.errors import PanjError
from sim.export.tables import Part, rows_of_parquet
from sim.plots.tables import reading
from sim.study.codebook import Column
from sim.study.files import write_file, write_folder
from sim.study.reader import StudyCell, open_study, read_columns, read_head
from sim.study.store import Scope, join_scopes, read_scope, write_scope

START, END = date(2021, 5, 1), date(2021, 5, 3)
DATES = {"start_date": "2021-05-01", "end_date": "2021-05-03"}
CELL = {"cell": 0, "label": "border=open", "values": {"border": "open"}, "runs": 8, "failed": 1, **DATES}
ABOUT = {"study": "old", "choices": {"border": "open"}, "swept": ["border"], "calibration": "fitted", "cells": [CELL]}
RECORD = {
    "base": {"choices": {"border": "open"}, "rules_fingerprint": "of another age"}, "swept": ["border"],
    "first_seed": 5, "cells": [
        {"number": 0, "label": "border=open", "values": {"border": "open"}, "words": ["border=open"],
         "fingerprint": "0123456789abcdef", "runs": 8, "title": "July 2021", **DATES}
    ],
}  # fmt: skip


def old_study(folder: Path, **changes: Any) -> Path:
    """A study as it was written before cells kept where their numbers come from."""
    about = {**ABOUT, **changes}
    (folder / "chunks").mkdir()
    (folder / "about.json").write_text(json.dumps({key: value for key, value in about.items() if value is not None}))
    (folder / "chunks" / "study.json").write_text(json.dumps(RECORD))
    return folder


def test_an_old_study_is_read(tmp_path: Path) -> None:
    study = open_study(old_study(tmp_path))
    cell = study.of_cell(0).cell
    assert (study.name, study.swept, study.base_cell) == ("old", ("border",), cell)
    assert (cell.finished, cell.after_last, cell.calibration) == (7, date(2021, 5, 4), "fitted")
    scope = read_scope(tmp_path)
    assert scope is not None and scope.daily
    assert scope.cells[0] == StudyCell(
        0, "border=open", {"border": "open"}, START, END, ("border=open",), "0123456789abcdef", 8, title="July 2021"
    )


def test_an_old_study_of_other_rules_is_refused_with_what_to_do_and_left_alone(tmp_path: Path) -> None:
    kept = read_scope(old_study(tmp_path))
    assert kept is not None
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    now = Scope({**kept.base, "rules_fingerprint": "of today"}, kept.swept, kept.first_seed, kept.cells)
    with pytest.raises(
        PanjError, match=r"rules_fingerprint: of another age there, of today here.*study=NAME"
    ) as refused:
        join_scopes(tmp_path, kept, now)
    assert refused.value.key == "study"
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json")} == before


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"cells": None}, "cells"),
        ({"swept": None}, "swept"),
        ({"cells": [{"cell": 0, "label": "", **DATES}]}, "values"),
    ],
)
def test_a_study_that_lacks_what_is_needed_is_refused_with_what_to_do(
    changes: dict[str, Any], what: str, tmp_path: Path
) -> None:
    with pytest.raises(PanjError, match=rf"{what}.* missing.*study=NAME") as refused:
        open_study(old_study(tmp_path, **changes))
    assert refused.value.key == str(tmp_path / "about.json")


def test_the_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    scope = read_scope(old_study(tmp_path))
    assert scope is not None
    write_scope(tmp_path, scope)
    written = json.loads((tmp_path / "chunks" / "study.json").read_text())
    assert (written.pop("outcomes"), len(written.pop("digest"))) == ({}, 16)
    assert written == {**RECORD, "cells": [{**RECORD["cells"][0], "calibration": ""}]}  # type: ignore[dict-item]


def half_written(path: Path) -> None:
    path.write_text("half")
    raise OSError(28, "No space left on device")


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = write_file(tmp_path / "new" / "a.txt", "old")
    with pytest.raises(OSError, match="No space left"):
        write_file(path, half_written)
    assert {each.name: each.read_text() for each in path.parent.iterdir()} == {"a.txt": "old"}


def test_what_a_killed_process_left_in_a_folder_is_removed_when_the_folder_is_next_written(tmp_path: Path) -> None:
    left, in_hand = (tmp_path / f".{name}.{'0a' * 16}.partial" for name in ("a.txt", "b.png"))
    for file in (left, in_hand, tmp_path / ".mine.partial"):
        file.write_text("half")
    for file in (left, tmp_path / ".mine.partial"):
        os.utime(file, (time.time() - 4000,) * 2)
    write_file(tmp_path / "c.txt", "new")
    assert {each.name for each in tmp_path.iterdir()} == {"c.txt", in_hand.name, ".mine.partial"}


def test_files_of_a_folder_change_together_and_what_vouches_for_them_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*names: str, fail: bool = False) -> None:
        with write_folder(tmp_path / "made", "results_dir", outdated=("gone.csv",)) as fresh:
            for name in names:
                (fresh / name).write_text("new")
            if fail:
                half_written(fresh / names[0])

    moved = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda path, to: moved.append(path.name) or replace(path, to))
    write("gone.csv", "about.json", "runs.csv")
    assert moved == ["gone.csv", "runs.csv", "about.json"]
    with pytest.raises(PanjError) as refused:
        write("runs.csv", fail=True)
    assert refused.value.key == "results_dir"
    assert {path.name: path.read_text() for path in (tmp_path / "made").iterdir()} == dict.fromkeys(moved, "new")
    write("runs.csv", "about.json")
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["about.json", "runs.csv"]
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A parquet file whose pages cannot be decompressed, and whose metadata can be read."""
    path = tmp_path / "posterior.parquet"
    weights = np.random.default_rng(0).integers(0, 9, 20_000).astype(float)
    pq.write_table(pa.table({"weight": weights}), path, compression="zstd", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[1000:3000] = bytes(2000)
    path.write_bytes(content)
    with pytest.raises(OSError) as raised:
        pq.read_table(path)
    assert str(path) not in str(raised.value) and raised.value.filename is None
    return path


def test_a_table_that_cannot_be_decompressed_is_named(damaged: Path) -> None:
    columns = [Column(damaged.name, "weight", "number", "", "", "")]
    for read in (lambda: read_columns(damaged), lambda: list(rows_of_parquet(damaged, columns, Part(None, None)))):
        with pytest.raises(PanjError) as raised:
            read()
        assert raised.value.key == str(damaged)
    with pytest.raises(PanjError) as raised, reading(damaged.parent, "calibrate", "the files of a fit"):
        read_columns(damaged)
    assert raised.value.key == str(damaged)
    with pytest.raises(PanjError) as raised, reading(damaged.parent, "calibrate", "the files of a fit"):
        pq.read_table(damaged)
    assert raised.value.key == str(damaged.parent)


def test_a_table_without_its_metadata_is_named(damaged: Path) -> None:
    damaged.write_bytes(damaged.read_bytes()[:200])
    with pytest.raises(PanjError) as raised:
        read_head(damaged, ())
    assert raised.value.key == str(damaged)
