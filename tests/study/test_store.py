"""What is done is recorded in whole chunks: nothing that happens to one of them touches another."""

import errno
import json
import os
import random
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quick import DECLARED, campaign_of, chunk_files, replace_campaigns, results_in, tables_of, with_usual
from rich.console import Console
from shared import run_python

from sim.configuration.settings import Order, Piece
from sim.configuration.sweep import Sweep, compose_sweep
from sim.data.configs import folder_of_group
from sim.data.facts import read_facts
from sim.errors import PanjError
from sim.execution import run
from sim.execution.run import Ran, run_sweep
from sim.execution.work import run_piece
from sim.study import files
from sim.study.files import make_folder, write_errors, write_file, write_folder
from sim.study.store import (
    chunks_of,
    join_scopes,
    read_scope,
    record,
    recorded,
    remove_partial_files,
    scope_of,
    write_scope,
)

FACTS = read_facts()
START = date(2021, 5, 1)
DAYS = 2
WORDS = ("study=tiny", "runs=8", "seed=5", f"end_date={START + timedelta(days=DAYS)}", DECLARED)
CONSOLE = Console(quiet=True)
Living = Callable[..., Any]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Campaigns that cost nothing."""
    replace_campaigns(monkeypatch)


@cache
def sweep_of(*words: str) -> Sweep:
    return compose_sweep(with_usual(words, WORDS), FACTS)


def sweep_in(folder: Path, *words: str) -> Sweep:
    return results_in(folder, sweep_of(*words))


def run_in(folder: Path, *words: str) -> Ran:
    return run_sweep(sweep_in(folder, *words), CONSOLE)


def failing(*seeds: int) -> Living:
    """Some seeds raise."""

    def live(layout: Any, rules: Any, timeline: Any, seed: int, days: int, _world: Any = None) -> Any:
        if seed in seeds:
            raise ZeroDivisionError(f"seed {seed} has no luck")
        return campaign_of(layout, rules, timeline, seed, days)

    return live


def counting(lived: list[int], *fail: int) -> Living:
    """Every seed that is begun is written down."""
    inner = failing(*fail)

    def live(layout: Any, rules: Any, timeline: Any, seed: int, days: int, _world: Any = None) -> Any:
        lived.append(int(seed))
        return inner(layout, rules, timeline, seed, days)

    return live


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory) -> Order:
    return sweep_in(tmp_path_factory.mktemp("order")).cells[0].order


def chunk(order: Order, *seeds: int) -> pa.Table:
    return run_piece(Piece(order, seeds))


def seeds_of(study: Path, key: str) -> tuple[list[int], list[int]]:
    """Finished and failed seeds, as the tables would have them."""
    done, failed = [], []
    for some_done, some_failed in chunks_of(study, key):
        done += some_done["seed"].to_pylist()
        failed += some_failed["seed"].to_pylist()
    return done, failed


def all_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# One chunk


def test_a_chunk_comes_back_as_it_was(order: Order, tmp_path: Path) -> None:
    written = chunk(order, 3, 4)
    path = record(tmp_path, order.key, written)
    assert path.parent == tmp_path / "chunks" / order.key
    ((done, failed),) = chunks_of(tmp_path, order.key)
    assert done.equals(written)
    assert failed.num_rows == 0
    assert recorded(tmp_path, order.key).done == {3, 4}


def test_a_study_without_chunks_has_nothing(order: Order, tmp_path: Path) -> None:
    found = recorded(tmp_path, order.key)
    assert (found.paths, found.done, found.failed, found.damaged) == ((), set(), set(), ())
    assert list(chunks_of(tmp_path, order.key)) == []


def test_a_campaign_that_raised_is_a_row_with_its_seed_error_and_traceback(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_campaigns(monkeypatch, failing(4))
    record(tmp_path, order.key, chunk(order, 3, 4, 5))
    ((done, failed),) = chunks_of(tmp_path, order.key)
    assert done["seed"].to_pylist() == [3, 5]
    (row,) = failed.select(["seed", "error", "traceback"]).to_pylist()
    assert (row["seed"], row["error"]) == (4, "ZeroDivisionError: seed 4 has no luck")
    assert row["traceback"].startswith("Traceback") and "in live" in row["traceback"]
    found = recorded(tmp_path, order.key)
    assert (found.done, found.failed) == ({3, 5}, {4})


def test_a_seed_that_failed_and_then_finished_has_finished(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path, order.key, chunk(order, 4))
    replace_campaigns(monkeypatch, failing(4))
    record(tmp_path, order.key, chunk(order, 3, 4, 5))
    assert seeds_of(tmp_path, order.key) == ([3, 4, 5], [])
    found = recorded(tmp_path, order.key)
    assert (found.done, found.failed) == ({3, 4, 5}, set())


def test_a_seed_that_failed_twice_is_one_row(order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_campaigns(monkeypatch, failing(4))
    record(tmp_path, order.key, chunk(order, 3, 4, 5))
    record(tmp_path, order.key, chunk(order, 4))
    assert seeds_of(tmp_path, order.key) == ([3, 5], [4])


@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=8, unique=True), max_size=8), st.randoms())
def test_however_seeds_lie_in_chunks_each_comes_once_and_in_order(
    order: Order, tmp_path_factory: pytest.TempPathFactory, pieces: list[list[int]], luck: random.Random
) -> None:
    study = tmp_path_factory.mktemp("study")
    everything = chunk(order, *range(31))
    for seeds in luck.sample(pieces, len(pieces)):
        record(study, order.key, everything.take(sorted(seeds)))
    wanted = sorted({seed for seeds in pieces for seed in seeds})
    assert seeds_of(study, order.key) == (wanted, [])
    assert recorded(study, order.key).done == set(wanted)
    found = [done for done, _ in chunks_of(study, order.key)]
    if found:
        assert pa.concat_tables(found).combine_chunks().equals(everything.take(wanted).combine_chunks())


# Damage


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def make_unreadable(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


DAMAGES = [cut, flip, empty, make_unreadable]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_chunk_is_seen_and_the_others_are_kept(
    damage: Callable[[Path], None], order: Order, tmp_path: Path
) -> None:
    record(tmp_path, order.key, chunk(order, 1, 2))
    hurt = record(tmp_path, order.key, chunk(order, 3, 4))
    record(tmp_path, order.key, chunk(order, 5))
    damage(hurt)
    found = recorded(tmp_path, order.key)
    assert (found.done, found.damaged) == ({1, 2, 5}, (hurt,))
    assert seeds_of(tmp_path, order.key) == ([1, 2, 5], [])


def test_a_file_of_another_kind_among_the_chunks_is_not_taken_for_one(order: Order, tmp_path: Path) -> None:
    record(tmp_path, order.key, chunk(order, 1))
    (tmp_path / "chunks" / order.key / "notes.arrow").write_text("mine")
    assert seeds_of(tmp_path, order.key) == ([1], [])


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_chunk_is_reported_computed_again_and_costs_nothing_else(
    damage: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    run_in(tmp_path, "executor.workers=1")
    whole, files = tables_of(tmp_path / "tiny"), chunk_files(tmp_path / "tiny")
    hurt = Path(sorted(files)[0])
    first, last = map(int, hurt.name.split(".")[0].split("-"))
    damage(hurt)
    lived: list[int] = []
    replace_campaigns(monkeypatch, counting(lived))
    run_sweep(sweep_in(tmp_path), Console(width=300))
    assert "Found a damaged chunk" in capsys.readouterr().out
    assert sorted(lived) == list(range(first, last + 1))
    assert hurt.with_suffix(".damaged").exists() or hurt.with_suffix(".damaged").is_symlink()
    assert tables_of(tmp_path / "tiny") == whole
    files.pop(str(hurt))
    assert files.items() <= chunk_files(tmp_path / "tiny").items()


# A disk that is full, a folder that is read-only


def refuse(number: int) -> Callable[..., Any]:
    def raises(*_arguments: Any, **_named: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return raises


@pytest.mark.parametrize("place", ["open", "write", "fsync", "replace"])
def test_a_disk_that_is_full_leaves_no_half_a_chunk(
    place: str, order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = record(tmp_path, order.key, chunk(order, 1))
    with monkeypatch.context() as patch:
        if place == "fsync":
            patch.setattr(os, "fsync", refuse(errno.ENOSPC))
        elif place == "write":
            patch.setattr(Path, "open", open_for_little)
        else:
            patch.setattr(Path, place, refuse(errno.ENOSPC))
        with pytest.raises(PanjError, match=r"results_dir: cannot write .* \(No space left on device\)"):
            record(tmp_path, order.key, chunk(order, 2))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [before]
    assert seeds_of(tmp_path, order.key) == ([1], [])


def open_for_little(path: Path, mode: str) -> Any:
    """A file on which ten bytes still fit."""
    file = open(path, mode, buffering=0)  # noqa: SIM115

    class Little:
        """The file."""

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_error: Any) -> None:
            file.close()

        def write(self, content: Any) -> None:
            file.write(bytes(content)[:10])
            refuse(errno.ENOSPC)()

    return Little()


FILLED = """
import resource, sys
sys.path.insert(0, TESTS)
import quick
quick.make_quick()
from pathlib import Path
from sim.__main__ import main
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (MOST, MOST))
sys.exit(main(sys.argv[1:]))
"""


def test_a_real_limit_on_files_is_reported_and_the_study_goes_on_without_it(tmp_path: Path) -> None:
    words = [*with_usual(["runs=60"], WORDS), f"results_dir={tmp_path}", "executor.workers=1"]
    tests = Path(__file__).parent.parent

    def command(limit: int) -> Any:
        script = FILLED.replace("TESTS", repr(str(tests))).replace("MOST", str(limit))
        return run_python(script, *words)

    full = command(66_000)
    assert full.returncode == 2, full.stderr
    assert "results_dir: cannot write" in full.stderr and full.stderr.startswith("panj: ")
    kept = chunk_files(tmp_path / "tiny")
    assert kept and not (tmp_path / "tiny" / "about.json").exists()
    run_sweep(compose_sweep(words, FACTS), CONSOLE)
    assert kept.items() <= chunk_files(tmp_path / "tiny").items()
    run_in(tmp_path / "whole", "runs=60")
    assert tables_of(tmp_path / "tiny") == tables_of(tmp_path / "whole" / "tiny")


def test_a_full_disk_in_the_middle_loses_nothing_that_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, calls = os.fsync, []

    def fill(file: int) -> None:
        calls.append(file)
        if len(calls) > 6:  # a file and its folder are flushed each time
            refuse(errno.ENOSPC)()
        usual(file)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fill)
        with pytest.raises(PanjError, match="No space left on device"):
            run_in(tmp_path)
    kept = chunk_files(tmp_path / "tiny")
    assert len(kept) == 2  # the third file was the scope
    run_in(tmp_path)
    assert kept.items() <= chunk_files(tmp_path / "tiny").items()
    run_in(tmp_path / "whole")
    assert tables_of(tmp_path / "tiny") == tables_of(tmp_path / "whole" / "tiny")


@pytest.mark.parametrize("place", ["write_table", "close"])
def test_a_full_disk_while_tables_are_written_leaves_the_old_ones_and_every_chunk(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_in(tmp_path, "runs=4")
    old, kept = tables_of(tmp_path / "tiny"), chunk_files(tmp_path / "tiny")
    with monkeypatch.context() as patch:
        patch.setattr(pq.ParquetWriter, place, refuse(errno.ENOSPC))
        with pytest.raises(PanjError, match="No space left on device"):
            run_in(tmp_path)
    assert tables_of(tmp_path / "tiny") == old
    assert kept.items() < chunk_files(tmp_path / "tiny").items()
    assert run_in(tmp_path).computed == 0
    run_in(tmp_path / "whole")
    assert tables_of(tmp_path / "tiny") == tables_of(tmp_path / "whole" / "tiny")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_folder_that_is_read_only_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PanjError, match=r"results_dir: cannot write .* \(Permission denied\)"):
        run_in(tmp_path)


def test_a_folder_in_which_nothing_can_be_made_is_said_and_nothing_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived: list[int] = []
    replace_campaigns(monkeypatch, counting(lived))
    monkeypatch.setattr(Path, "mkdir", refuse(errno.EROFS))
    with pytest.raises(PanjError, match=r"results_dir: cannot write .* \(Read-only file system\)"):
        run_in(tmp_path)
    assert lived == [] and list(tmp_path.iterdir()) == []


# What killed processes leave


def test_half_written_files_are_no_chunks_and_are_cleared_away(order: Order, tmp_path: Path) -> None:
    path = record(tmp_path, order.key, chunk(order, 1))
    rest = path.with_name(f".{path.name}.0123.partial")
    rest.write_bytes(path.read_bytes()[:100])
    (tmp_path / "chunks" / ".study.json.4567.partial").write_text("{")
    assert recorded(tmp_path, order.key).damaged == ()
    assert seeds_of(tmp_path, order.key) == ([1], [])
    remove_partial_files(tmp_path)
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == [path]


def test_tables_half_in_place_are_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_in(tmp_path, "runs=4")
    usual, moved = Path.replace, []

    def stop_at_the_second(path: Path, target: Path) -> Any:
        if path.parent.name == ".tables":
            moved.append(path.name)
            if len(moved) == 2:
                raise KeyboardInterrupt
        return usual(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stop_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            run_in(tmp_path)
    assert run_in(tmp_path).computed == 0
    run_in(tmp_path / "whole")
    assert tables_of(tmp_path / "tiny") == tables_of(tmp_path / "whole" / "tiny")
    assert not (tmp_path / "tiny" / ".tables").exists()


def test_a_retry_that_was_stopped_before_the_tables_is_in_them_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        replace_campaigns(patch, failing(7))
        assert run_in(tmp_path).failed == 1
    with monkeypatch.context() as patch:
        patch.setattr(run, "write_tables", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run_in(tmp_path)
    assert run_in(tmp_path).failed == 0
    run_in(tmp_path / "whole")
    assert tables_of(tmp_path / "tiny") == tables_of(tmp_path / "whole" / "tiny")


def interrupt(*_arguments: Any) -> Any:
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["runs.parquet", "days.parquet", "districts.parquet", "summary.csv", "about.json"])
def test_a_table_that_was_thrown_away_is_made_again_from_the_record(name: str, tmp_path: Path) -> None:
    run_in(tmp_path)
    whole = tables_of(tmp_path / "tiny")
    (tmp_path / "tiny" / name).unlink()
    assert run_in(tmp_path).computed == 0
    assert tables_of(tmp_path / "tiny") == whole


# The scope


@pytest.mark.parametrize("scenario", sorted(path.stem for path in folder_of_group("scenario").glob("*.yaml")))
def test_the_scope_of_every_scenario_comes_back_as_it_was(scenario: str, tmp_path: Path) -> None:
    words = ["-m", f"scenario={scenario}", "rules.news.fade_days=5,7.5", "study=tiny", "border=closed,as_reported"]
    asked = scope_of(compose_sweep(words, FACTS))
    write_scope(tmp_path, asked)
    kept = read_scope(tmp_path)
    assert kept is not None
    assert join_scopes(tmp_path, kept, asked) == kept
    assert [cell._replace(values={}) for cell in kept.cells] == [cell._replace(values={}) for cell in asked.cells]


def scope_in(folder: Path, *words: str) -> Any:
    return scope_of(sweep_in(folder, *words))


def test_more_runs_and_more_cells_join_and_the_old_cells_keep_their_numbers(tmp_path: Path) -> None:
    old = scope_in(tmp_path, "-m", "border=closed,as_reported")
    new = scope_in(tmp_path, "-m", "border=open,as_reported", "runs=20")
    both = join_scopes(tmp_path, old, new)
    assert [(cell.number, cell.label, cell.runs) for cell in both.cells] == [
        (0, "border=closed", 8), (1, "border=as_reported", 20), (2, "border=open", 20),
    ]  # fmt: skip


def test_fewer_runs_take_nothing_away(tmp_path: Path) -> None:
    both = join_scopes(tmp_path, scope_in(tmp_path), scope_in(tmp_path, "runs=2"))
    assert [cell.runs for cell in both.cells] == [8]


@pytest.mark.parametrize(
    ("words", "difference"),
    [
        (["seed=6"], "seed: 5 there, 6 here"),
        (["rules.news.fade_days=9"], "rules.news.fade_days: .* there, 9 here"),
        (["border=closed"], "border: as_reported there, closed here"),
        (["end_date=2021-05-04"], "end_date: 2021-05-03 there, 2021-05-04 here"),
        (["-m", "border=closed,as_reported"], "swept keys: none there, border here"),
    ],
)
def test_another_study_is_refused_with_the_difference_and_left_alone(
    words: list[str], difference: str, tmp_path: Path
) -> None:
    run_in(tmp_path)
    before = all_of(tmp_path)
    with pytest.raises(PanjError, match=rf"found another study in .*{difference}"):
        run_in(tmp_path, *words)
    assert all_of(tmp_path) == before


def test_rules_that_changed_meanwhile_are_another_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_in(tmp_path)
    monkeypatch.setattr("sim.configuration.settings.fingerprint_of_rules", lambda: "other")
    with pytest.raises(PanjError, match=r"rules_fingerprint: .* there, other here"):
        run_in(tmp_path)


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [cut_in_half, flip, empty, make_unreadable, Path.unlink])
def test_a_damaged_scope_is_set_aside_and_written_again_by_the_whole_command(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    words = ("-m", "border=closed,as_reported")
    run_in(tmp_path, *words)
    scope, whole = tmp_path / "tiny" / "chunks" / "study.json", tables_of(tmp_path / "tiny")
    content = scope.read_bytes()
    damage(scope)
    before = all_of(tmp_path)
    with pytest.raises(PanjError, match=r"the complete command"):
        run_in(tmp_path, "-m", "border=closed")
    assert all_of(tmp_path) == before
    assert run_in(tmp_path, *words).computed == 0
    assert scope.read_bytes() == content and tables_of(tmp_path / "tiny") == whole
    assert scope.with_suffix(".damaged").exists() == (damage not in (make_unreadable, Path.unlink))


def test_a_folder_that_is_no_study_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "thesis.txt").write_text("years of work")
    with pytest.raises(PanjError, match="no stored campaigns"):
        run_in(tmp_path)
    assert all_of(tmp_path) == {"tiny/thesis.txt": b"years of work"}


# Tables


def test_failures_are_a_table_only_where_there_are_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        replace_campaigns(patch, failing(6, 7))
        ran = run_in(tmp_path, "-m", "border=closed,as_reported")
    assert (ran.computed, ran.failed) == (12, 4)
    study = tmp_path / "tiny"
    failures = pq.read_table(study / "failures.parquet").to_pylist()
    assert [(row["cell"], row["border"], row["seed"]) for row in failures] == [
        (0, "closed", 6), (0, "closed", 7), (1, "as_reported", 6), (1, "as_reported", 7),
    ]  # fmt: skip
    assert all("ZeroDivisionError" in row["error"] and "Traceback" in row["traceback"] for row in failures)
    assert set(pq.read_table(study / "runs.parquet")["seed"].to_pylist()) == {5, *range(8, 13)}
    about = json.loads((study / "about.json").read_text())
    assert (about["campaigns"], about["failed"], [cell["failed"] for cell in about["cells"]]) == (12, 4, [2, 2])
    lived: list[int] = []
    replace_campaigns(monkeypatch, counting(lived))
    assert run_in(tmp_path, "-m", "border=closed,as_reported").failed == 0
    assert sorted(lived) == [6, 6, 7, 7]  # what failed is tried again, nothing else
    assert not (study / "failures.parquet").exists()


def test_a_study_in_which_everything_failed_has_its_tables_without_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_campaigns(monkeypatch, failing(*range(5, 13)))
    ran = run_in(tmp_path)
    assert (ran.computed, ran.failed) == (0, 8)
    for name in ("runs", "days", "districts"):
        assert pq.read_table(tmp_path / "tiny" / f"{name}.parquet").num_rows == 0
    assert pq.read_table(tmp_path / "tiny" / "failures.parquet").num_rows == 8


def test_cells_of_a_study_that_have_not_begun_do_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(run, "run_tasks", interrupt)
        patch.setattr(files, "remove_if_only", lambda *_: None)  # as after a kill
        with pytest.raises(KeyboardInterrupt):
            run_in(tmp_path, "-m", "border=closed,as_reported,open")
    assert run_in(tmp_path, "-m", "border=closed,open").computed == 16
    assert set(pq.read_table(tmp_path / "tiny" / "runs.parquet")["cell"].to_pylist()) == {0, 2}
    assert run_in(tmp_path, "-m", "border=closed,as_reported,open").computed == 8
    run_in(tmp_path / "whole", "-m", "border=closed,as_reported,open")
    assert tables_of(tmp_path / "tiny") == tables_of(tmp_path / "whole" / "tiny")


def test_a_study_that_recorded_nothing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "run_tasks", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_in(tmp_path / "new/results", "border=closed")
    assert not list(tmp_path.iterdir())


def test_cells_that_end_on_other_days_lie_in_one_table(tmp_path: Path) -> None:
    run_in(tmp_path, "-m", "end_date=2021-05-03,2021-05-05", "rules.news.fade_days=5,6", "runs=3")
    days = pq.read_table(tmp_path / "tiny" / "days.parquet")
    assert days.num_rows == 2 * 3 * 3 + 2 * 3 * 5
    runs = pq.read_table(tmp_path / "tiny" / "runs.parquet")
    assert runs["cell"].to_pylist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    last = runs["share_held_by_taliban_2021_05_05"].to_pylist()
    assert last[:6] == [None] * 6 and None not in last[6:]


def test_a_folder_in_the_place_of_a_file_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "table.csv").mkdir()
    with write_errors(tmp_path, "score"), pytest.raises(PanjError, match=r"table.csv: found a folder, expected a file"):
        write_file(tmp_path / "table.csv", "a\n")
    said = r"table.csv: found a folder, expected a file; move or remove it"
    with pytest.raises(PanjError, match=said), write_folder(tmp_path, "story") as half:
        (half / "table.csv").write_text("a\n", encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT])
def test_a_place_where_nothing_can_be_made_is_not_advised_again(number: int, tmp_path: Path) -> None:
    for key, advice in (("out", "; choose another one with out="), ("score", "")):
        with pytest.raises(PanjError) as refused, write_errors(tmp_path, key):
            raise OSError(number, os.strerror(number))
        assert str(refused.value).endswith(f"; expected a writable place{advice}")


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "verdicts").write_text("mine", encoding="utf-8")
    said = r"verdicts: found a file, expected a folder; move or remove it"
    for make in (
        lambda: write_file(tmp_path / "verdicts/one.csv", "a"),
        lambda: make_folder(tmp_path / "verdicts/a/b"),
    ):
        with write_errors(tmp_path, "compare"), pytest.raises(PanjError, match=said):
            make()
        with pytest.raises(PanjError, match=said) as refused, write_errors(tmp_path, "compare"):
            make()
        assert refused.value.key == "compare"
    with pytest.raises(PanjError, match=said), write_folder(tmp_path / "verdicts", "story"):
        pass
    assert (tmp_path / "verdicts").read_text(encoding="utf-8") == "mine"
