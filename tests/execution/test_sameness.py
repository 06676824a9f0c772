"""The hash of a study counts what its tables hold and nothing else; every way to run gives the same tables."""

import math
import struct
import tempfile
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.configuration.overrides import Overrides
from sim.configuration.settings import Executor
from sim.configuration.sweep import Sweep, compose_sweep
from sim.engine.compile import compiled
from sim.engine.world import Event
from sim.errors import PanjError
from sim.execution import verify as verifying
from sim.execution.run import Stopped
from sim.execution.verify import (
    Result,
    Way,
    columns_of_table,
    columns_of_tables,
    describe_differences,
    hash_of,
    result_of,
    run_in_this_process,
    study_of,
    verify,
    ways_of,
)
from sim.terminal import console_of

START = date(2021, 5, 1)
SHORT = ["runs=2", "seed=3", "end_date=2021-05-03", "reinforcement=none"]
ALONE = Way("one thread", Executor("threads", 1, None), compiled)
ELSEWHERE = Way("elsewhere", Executor("threads", 1, None), not compiled)


def days() -> pa.Table:
    """Two cells, two seeds, three evenings, in order."""
    rows = [(cell, seed, START + timedelta(days=day)) for cell in (0, 1) for seed in (5, 6) for day in range(3)]
    cell, seed, evening = zip(*rows, strict=True)
    morale = np.random.default_rng(1).random(12)
    return pa.table(
        {
            "cell": pa.array(cell, pa.int32()),
            "seed": pa.array(seed, pa.int64()),
            "date": pa.array(evening, pa.date32()),
            "mean_morale": morale,
            "waiting": pa.array(np.arange(12), pa.int32()),
            "is_open": np.arange(12) % 2 == 0,
            "night": pa.array([None, "", "2021-07-05", "a"] * 3, pa.string()),
        }
    )


def runs() -> pa.Table:
    return pa.table({"cell": pa.array([0, 0], pa.int32()), "seed": [5, 6], "troops_crossed": [1000.0, 1034.0]})


def study(folder: Path, **tables: pa.Table) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    return folder


def hashes(folder: Path, table: pa.Table, **options: object) -> dict[str, str]:
    pq.write_table(table, folder / "days.parquet", **options)
    return columns_of_table(folder / "days.parquet")


def column(values: list[object], kind: pa.DataType) -> pa.Table:
    return pa.table({"cell": pa.array(range(len(values)), pa.int32()), "it": pa.array(values, kind)})


def with_column(table: pa.Table, name: str, values: object) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def test_one_flipped_bit_in_one_table_changes_its_hash_alone(tmp_path: Path) -> None:
    first = study(tmp_path / "one", runs=runs(), days=days())
    morale = days()["mean_morale"].to_numpy().copy()
    morale[7] = struct.unpack("<d", struct.pack("<Q", struct.unpack("<Q", struct.pack("<d", morale[7]))[0] ^ 1))[0]
    other = study(tmp_path / "other", runs=runs(), days=with_column(days(), "mean_morale", pa.array(morale)))
    one, two = columns_of_tables(first), columns_of_tables(other)
    assert {name for name in one if hash_of(one[name]) != hash_of(two[name])} == {"days.parquet"}
    assert describe_differences(one, two) == "days.parquet (mean_morale)"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("cell", pa.array([0] * 6 + [2] * 6, pa.int32())),
        ("date", pa.array([START + timedelta(days=day + 1) for day in range(3)] * 4, pa.date32())),
        ("waiting", pa.array([*range(11), 12], pa.int32())),
        ("is_open", pa.array([True] * 12)),
        ("night", pa.array([None, "", "2021-07-05", "b"] * 3, pa.string())),
    ],
)
def test_a_value_of_any_kind_counts(name: str, values: pa.Array, tmp_path: Path) -> None:
    one, two = hashes(tmp_path, days()), hashes(tmp_path, with_column(days(), name, values))
    assert [column for column in one if one[column] != two[column]] == [name]


def test_the_order_of_rows_does_not_count(tmp_path: Path) -> None:
    shuffled = days().take(np.random.default_rng(2).permutation(12))
    assert hashes(tmp_path, shuffled) == hashes(tmp_path, days())


def test_the_values_of_two_campaigns_exchanged_do_count(tmp_path: Path) -> None:
    seeds = days()["seed"].to_numpy()
    swapped = with_column(days(), "seed", pa.array(11 - seeds))
    assert hashes(tmp_path, swapped)["mean_morale"] != hashes(tmp_path, days())["mean_morale"]


def test_row_groups_compression_metadata_and_the_order_of_columns_do_not_count(tmp_path: Path) -> None:
    plain = columns_of_tables(study(tmp_path / "plain", days=days()))
    for number, options in enumerate(
        [{"row_group_size": 5}, {"compression": "none", "use_dictionary": False}, {"store_schema": False}]
    ):
        pq.write_table(days(), study(tmp_path / str(number)) / "days.parquet", **options)
        assert columns_of_tables(tmp_path / str(number)) == plain, options
    told = days().replace_schema_metadata({"panj": "made on another day"})
    turned = told.select(told.column_names[::-1])
    assert columns_of_tables(study(tmp_path / "told", days=turned)) == plain


@pytest.mark.parametrize("rows", [1, 5, 12])
def test_how_many_rows_are_hashed_at_once_does_not_count(
    rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = hashes(tmp_path, days(), row_group_size=7)
    monkeypatch.setattr(verifying, "ROWS", rows)
    assert hashes(tmp_path, days(), row_group_size=7) == before


def test_missing_nought_nan_and_empty_are_four_things(tmp_path: Path) -> None:
    numbers = [hashes(tmp_path, column([1.0, value], pa.float64()))["it"] for value in (None, 0.0, -0.0, math.nan)]
    texts = [hashes(tmp_path, column(["a", value], pa.string()))["it"] for value in (None, "", "0")]
    whole = [hashes(tmp_path, column([1, value], pa.int32()))["it"] for value in (None, 0)]
    assert len({*numbers, *texts, *whole}) == 9


def test_one_nan_is_like_another(tmp_path: Path) -> None:
    negative = struct.unpack("<d", struct.pack("<Q", 0xFFF8000000000001))[0]
    one, other = (hashes(tmp_path, column([nan], pa.float64())) for nan in (math.nan, negative))
    assert one == other


def test_texts_do_not_run_into_each_other(tmp_path: Path) -> None:
    one, other = (hashes(tmp_path, column(texts, pa.string())) for texts in (["ab", "c"], ["a", "bc"]))
    assert one["it"] != other["it"]


def test_the_type_and_the_name_of_a_column_count(tmp_path: Path) -> None:
    found = [hashes(tmp_path, column([1, 2], kind))["it"] for kind in (pa.int32(), pa.int64(), pa.float64())]
    renamed = hashes(tmp_path, column([1, 2], pa.int32()).rename_columns(["cell", "other"]))["other"]
    assert len({*found, renamed}) == 4


def test_a_table_without_rows_has_a_hash_of_its_own(tmp_path: Path) -> None:
    assert hashes(tmp_path, days().slice(0, 0)) != hashes(tmp_path, days())


def test_an_error_counts_and_its_lines_of_code_do_not(tmp_path: Path) -> None:
    def failed(error: str, traceback: str) -> dict[str, dict[str, str]]:
        table = pa.table({"cell": pa.array([0], pa.int32()), "seed": [5], "error": [error], "traceback": [traceback]})
        return columns_of_tables(study(tmp_path, failures=table))

    assert failed("E: a", "line 1") == failed("E: a", "line 2") != failed("E: b", "line 1")


def test_a_table_more_counts(tmp_path: Path) -> None:
    one, other = study(tmp_path / "one", runs=runs()), study(tmp_path / "other", runs=runs(), days=days())
    assert columns_of_tables(one) != columns_of_tables(other)
    said = describe_differences(columns_of_tables(one), columns_of_tables(other))
    assert said == "days.parquet (only one has it)"


def test_many_columns_that_differ_are_counted_and_not_all_named(tmp_path: Path) -> None:
    one = {"days.parquet": {f"c{number}": "1" for number in range(9)}}
    other = {"days.parquet": {f"c{number}": "2" for number in range(9)}}
    assert describe_differences(one, other) == "days.parquet (c0, c1, c2, c3, c4, c5 and 3 more columns)"


def test_a_folder_without_tables_and_a_damaged_table_are_said(tmp_path: Path) -> None:
    with pytest.raises(PanjError, match=r"found none of runs\.parquet, .* expected the folder of a study"):
        columns_of_tables(tmp_path)
    (tmp_path / "runs.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(PanjError, match=r"runs\.parquet: found a file that cannot be read"):
        columns_of_tables(tmp_path)


def test_threads_and_processes_give_the_same_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ways = [ways_of(None)[place] for place in (0, 2)]
    assert verify(SHORT, console_of(), ways) == 0
    said = capsys.readouterr().out
    assert "The same: 2 ways give the same tables to the last digit" in said
    assert said.count(" yes ") == 2
    assert list(tmp_path.iterdir()) == []


def test_without_dask_the_other_ways_are_compared_and_dask_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sim.options.missing_of", lambda _extra: ["distributed"])
    monkeypatch.setattr(verifying, "missing_of", lambda _extra: ["distributed"])
    compared: list[str] = []

    def alone(way: Way, words: tuple[str, ...], sweep: Sweep, folder: Path) -> Result:
        compared.append(way.name)
        return result_of(ALONE, words, sweep, folder)

    monkeypatch.setattr(verifying, "result_of", alone)
    assert verify([*SHORT, "runs=1"][1:], console_of()) == 0
    assert compared == ["one thread", "two threads", "two processes", "plain Python" if compiled else "compiled"]
    said = capsys.readouterr().out
    assert "The same: 4 ways" in said and "Not compared: Dask, which is not installed" in said and "[cluster]" in said
    with pytest.raises(PanjError, match="found no distributed") as found:
        verifying.main(["executor.address=tcp://host:8786"])
    assert found.value.key == "executor.address"


def test_a_way_that_gives_something_else_is_named_with_table_and_column(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def with_other_luck(words: list[str], _way: Way, folder: Path) -> Path:
        return run_in_this_process(compose_sweep([*words, "seed=9"]), ALONE, folder)

    monkeypatch.setattr(verifying, "run_in_new_process", with_other_luck)
    assert verify([*SHORT, "runs=1"][1:], console_of(), [ALONE, ELSEWHERE]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "Not the same: elsewhere differs from one thread in runs.parquet (seed" in said
    assert "The same:" not in said


def test_a_way_that_cannot_run_is_told_and_is_not_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(*_arguments: object) -> Path:
        raise RuntimeError("no [socket] left")

    monkeypatch.setattr(verifying, "run_in_new_process", breaks)
    assert verify([*SHORT, "runs=1"][1:], console_of(), [ALONE, ELSEWHERE]) == 1
    assert "Did not run: elsewhere: RuntimeError: no [socket] left" in capsys.readouterr().out


def test_the_other_process_has_the_other_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}

    def remember(*command: object, env: dict[str, str]) -> object:
        seen.update(env=env, command=list(map(str, command)))
        return type("Done", (), {"returncode": 1, "stderr": "Traceback\nValueError: it broke\n"})

    monkeypatch.setattr(verifying, "output_of", remember)
    with pytest.raises(PanjError, match="found exit code 1, expected 0: ValueError: it broke"):
        verifying.run_in_new_process(["runs=1"], ELSEWHERE, tmp_path)
    assert seen["env"]["NUMBA_DISABLE_JIT"] == ("1" if compiled else "0")
    assert seen["command"][-2:] == [str(tmp_path), "runs=1"]


def test_ways_are_threads_processes_dask_and_the_other_rules() -> None:
    kinds = [(way.executor.kind, way.executor.workers) for way in ways_of(None)]
    assert kinds == [("threads", 1), ("threads", 2), ("processes", 2), ("dask", 2), ("threads", 1)]
    assert [way.is_compiled for way in ways_of(None)] == [compiled] * 4 + [not compiled]
    assert ways_of("tcp://host:8786")[3].executor == Executor("dask", 0, "tcp://host:8786")


def test_words_take_the_place_of_what_is_usual() -> None:
    _, sweep = study_of(Overrides.of([]))
    assert (len(sweep.cells), sweep.base.runs, sweep.base.days) == (2, 1, verifying.DAYS)
    overrides, sweep = study_of(Overrides.of(["runs=2", "border=closed", "start_date=2021-06-01"]))
    assert (sweep.base.runs, sweep.base.choices["border"], sweep.base.end_date) == (2, "closed", date(2021, 8, 8))
    assert sum(row.key == "runs" for row in overrides) == 1
    _, sweep = study_of(Overrides.of(["-m", "morale=reported,brittle,resilient"]))
    assert sweep.swept == ("morale",)
    _, sweep = study_of(Overrides.of(["reinforcement=none"]))
    assert len(sweep.cells) == 1


def test_what_is_compared_is_said() -> None:
    said = verifying.describe_events({Event.FALL: 2, Event.CROSSING: 1})
    assert "2 fall, 1 crossing." in said and said.endswith("return.")


@pytest.mark.parametrize("word", ["study=mine", "results_dir=here", "executor=dask", "executor.workers=8"])
def test_what_verify_sets_itself_is_refused(word: str) -> None:
    with pytest.raises(PanjError, match=f"found '{word}', expected settings of campaigns only"):
        verifying.main([word])


def test_a_stop_stops_all_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    def stops(*_arguments: object) -> None:
        raise Stopped

    monkeypatch.setattr(verifying, "run_sweep", stops)
    with pytest.raises(KeyboardInterrupt):
        verifying.main(SHORT)


def test_campaigns_that_all_fail_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.execution.work.run_campaign", lambda *_arguments: 1 / 0)
    assert verify(SHORT, console_of(), [ALONE, ALONE]) == 1
