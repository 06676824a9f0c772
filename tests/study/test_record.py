"""A record that survives what may happen to it: lost workers, other outcomes, damage, smaller requests, no rights."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from quick import replace_campaigns, results_in, tables_of, with_usual
from rich.console import Console

from sim import __main__ as front
from sim import outcome as outcomes
from sim.configuration.settings import Piece
from sim.configuration.sweep import Sweep, compose_sweep
from sim.data.configs import read_yaml
from sim.data.facts import read_facts
from sim.errors import PanjError
from sim.execution import run, work
from sim.execution.run import Ran, Stopped, lost, run_sweep
from sim.execution.work import outcomes_of, run_piece
from sim.outcome import QUANTITIES, fingerprint_of_row, is_recountable, read_outcomes
from sim.study.columns import Counting, bring_up_to_date
from sim.study.files import write_folder
from sim.study.reader import is_drawn, note_drawn, open_study, unfinished
from sim.study.store import record, recorded

FACTS = read_facts()
START = date(2021, 5, 1)
WORDS = ("study=tiny", "runs=8", "seed=5", f"end_date={START + timedelta(days=9)}", "calibration=posterior")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Campaigns that cost nothing."""
    replace_campaigns(monkeypatch)
    yield
    forget()


def forget() -> None:
    """Outcomes are read once per process."""
    outcomes_of.cache_clear()
    work.versions_here.cache_clear()


def sweep_in(folder: Path, *words: str) -> Sweep:
    return results_in(folder, compose_sweep(with_usual(words, WORDS), FACTS))


def run_in(folder: Path, *words: str, console: Console | None = None) -> Ran:
    return run_sweep(sweep_in(folder, *words), console or Console(quiet=True))


# Lost workers


def test_campaigns_of_lost_workers_have_the_drawn_columns_and_are_run_again(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path)
    order = sweep.cells[0].order
    rows = lost(Piece(order, (5, 6)), RuntimeError("gone"))
    assert set(rows.column_names) == set(run_piece(Piece(order, (7,))).column_names)
    study = tmp_path / "tiny"
    record(study, order.key, rows)
    record(study, order.key, rows.slice(0, 1).select([n for n in rows.column_names if not n.startswith("drawn/")]))
    run.write_scope(study, run.scope_of(sweep))
    run_in(tmp_path)
    run_in(tmp_path / "whole")
    assert tables_of(study) == tables_of(tmp_path / "whole" / "tiny")


def test_a_chunk_that_lacks_what_was_drawn_is_set_aside_and_its_campaigns_are_run_again(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path)
    order = sweep.cells[0].order
    whole = run_piece(Piece(order, (5, 6, 7)))
    bad = record(tmp_path / "tiny", order.key, whole.select([n for n in whole.column_names if "drawn/" not in n]))
    run.write_scope(tmp_path / "tiny", run.scope_of(sweep))
    assert run_in(tmp_path).computed == 8
    assert bad.with_suffix(".damaged").exists()
    run_in(tmp_path / "whole")
    assert tables_of(tmp_path / "tiny") == tables_of(tmp_path / "whole" / "tiny")


# Outcomes that are added or changed


def test_outcomes_counted_from_what_is_stored_are_those_counted_when_run(tmp_path: Path) -> None:
    order = sweep_in(tmp_path, "end_date=2021-07-08").cells[0].order
    table = outcomes_of(order.start, order.days)
    chunk = run_piece(Piece(order, (5, 6, 7)))
    again = [row for row in table if is_recountable(row, True)]
    assert len(again) > 0.7 * len(table)
    assert {row.quantity for row in table} - {row.quantity for row in again} == {
        "captured", "outposts_surrendered", "share_held_or_influenced", "share_without_fight",
    }  # fmt: skip
    bare = chunk.drop_columns([row.name for row in again]).replace_schema_metadata()
    counted = bring_up_to_date(bare, Counting(table, FACTS, order.start, order.days))
    for row in again:
        assert counted[row.name].equals(chunk[row.name]), row.name


def edited(monkeypatch: pytest.MonkeyPatch, **rows: dict[str, Any]) -> None:
    """Rows of outcomes.yaml, added or changed."""
    usual = read_yaml

    def read(path: Path) -> Any:
        return {**usual(path), **rows} if path.name == "outcomes.yaml" else usual(path)

    monkeypatch.setattr(outcomes, "read_yaml", read)
    forget()


NEW = {"quantity": "held", "date": date(2021, 5, 4), "unit": "districts"}


def test_one_more_outcome_is_counted_in_a_finished_study_without_a_campaign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_in(tmp_path)
    days = pd.read_parquet(tmp_path / "tiny" / "days.parquet")
    expected = days[days["date"] == "2021-05-04"]["districts_held_by_taliban"].tolist()
    edited(monkeypatch, mine=NEW)
    assert run_in(tmp_path).computed == 0
    assert pd.read_parquet(tmp_path / "tiny" / "runs.parquet")["mine"].tolist() == expected
    edited(monkeypatch, mine={**NEW, "date": date(2021, 5, 5)})
    assert run_in(tmp_path, "runs=9").computed == 1
    days = pd.read_parquet(tmp_path / "tiny" / "days.parquet")
    later = days[days["date"] == "2021-05-05"]
    assert pd.read_parquet(tmp_path / "tiny" / "runs.parquet")["mine"].tolist() == list(
        later["districts_held_by_taliban"]
    )


def test_an_outcome_that_cannot_be_counted_again_is_named_and_nothing_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_in(tmp_path)
    whole = tables_of(tmp_path / "tiny")
    edited(monkeypatch, mine={"quantity": "captured", "unit": "soldiers"})
    with pytest.raises(PanjError, match=r"outcomes\.mine"):
        run_in(tmp_path)
    assert tables_of(tmp_path / "tiny") == whole


CAPTURED = {"quantity": "captured", "unit": "soldiers"}


def test_an_outcome_that_only_some_campaigns_counted_is_refused_before_any_campaign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited(monkeypatch, mine=CAPTURED)
    run_in(tmp_path)
    monkeypatch.undo()
    replace_campaigns(monkeypatch)
    forget()
    run_in(tmp_path, "runs=10")  # two campaigns without it
    edited(monkeypatch, mine=CAPTURED)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(PanjError, match=r"differs in outcomes\.mine, which cannot be counted from stored campaigns"):
        run_in(tmp_path, "runs=40")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("is_scope_there", [True, False])
def test_an_outcome_that_the_other_cells_lack_is_refused_before_any_campaign(
    is_scope_there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_in(tmp_path, "-m", "border=closed,as_reported")
    edited(monkeypatch, mine=CAPTURED)
    if not is_scope_there:
        (tmp_path / "tiny" / "chunks" / "study.json").unlink()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(PanjError, match=r"differs in outcomes\.mine, which cannot be counted from stored campaigns"):
        run_in(tmp_path, "-m", f"border=open,{'soldiers_only' if is_scope_there else 'closed,as_reported'}")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_an_outcome_that_all_stored_campaigns_counted_is_taken_from_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited(monkeypatch, mine=CAPTURED)
    run_in(tmp_path)
    counted = tables_of(tmp_path / "tiny")
    monkeypatch.undo()
    replace_campaigns(monkeypatch)
    forget()
    assert run_in(tmp_path).computed == 0
    assert tables_of(tmp_path / "tiny") != counted
    edited(monkeypatch, mine=CAPTURED)
    (tmp_path / "tiny" / "chunks" / "study.json").unlink()
    assert run_in(tmp_path).computed == 0
    assert tables_of(tmp_path / "tiny") == counted


def test_each_quantity_has_its_own_fingerprint() -> None:
    prints = {fingerprint_of_row({"quantity": name}) for name in QUANTITIES}
    assert len(prints) == len(QUANTITIES)
    assert all(row.fingerprint for row in read_outcomes(FACTS, START, 9))


# What is shown follows the tables


def test_a_page_of_other_tables_or_a_damaged_one_is_made_again(tmp_path: Path) -> None:
    run_in(tmp_path, "runs=4")
    study = tmp_path / "tiny"
    assert not is_drawn(study)
    (study / "report.html").write_text("a page", encoding="utf-8")
    note_drawn(study)
    assert is_drawn(study)
    run_in(tmp_path, "runs=8")
    assert not is_drawn(study)
    note_drawn(study)
    assert is_drawn(study)
    (study / "report.html").write_text("a pag", encoding="utf-8")
    assert not is_drawn(study)


@pytest.mark.parametrize("name", ["runs.parquet", "days.parquet", "districts.parquet", "summary.csv", "config.yaml"])
def test_a_flipped_bit_of_a_table_is_refused_by_name_and_mended(name: str, tmp_path: Path) -> None:
    run_in(tmp_path)
    study = tmp_path / "tiny"
    whole, content = tables_of(study), bytearray((study / name).read_bytes())
    content[len(content) // 3] ^= 4
    (study / name).write_bytes(content)
    with pytest.raises(PanjError, match="damaged") as refused:
        open_study(study)
    assert name in refused.value.key
    assert run_in(tmp_path).computed == 0
    assert tables_of(study) == whole


def test_a_changed_figure_in_about_is_refused(tmp_path: Path) -> None:
    run_in(tmp_path)
    path = tmp_path / "tiny" / "about.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"campaigns": 8', '"campaigns": 9'), encoding="utf-8")
    with pytest.raises(PanjError, match="damaged"):
        open_study(tmp_path / "tiny")
    run_in(tmp_path)
    assert open_study(tmp_path / "tiny").about["campaigns"] == 8


# Smaller requests, stopped sweeps


def stop_after(monkeypatch: pytest.MonkeyPatch, tasks: int) -> None:
    """Ctrl-C once so many tasks are stored."""
    usual, stored = run.store_results, []

    def take(*arguments: Any) -> None:
        usual(*arguments)
        stored.append(1)
        if len(stored) == tasks:
            raise Stopped

    monkeypatch.setattr(run, "store_results", take)


def test_a_request_that_was_never_finished_gives_way_to_a_smaller_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        with pytest.raises(Stopped):
            run_in(tmp_path, "runs=100000", "executor.workers=1")
    assert run_in(tmp_path, "runs=20", console=Console(width=300)).campaigns == 20
    assert "100,000" in capsys.readouterr().out
    run_in(tmp_path / "whole", "runs=20")
    for name in ("runs.parquet", "days.parquet", "districts.parquet", "summary.csv"):
        assert tables_of(tmp_path / "tiny")[name] == tables_of(tmp_path / "whole" / "tiny")[name]


def test_a_finished_study_keeps_all_campaigns_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_in(tmp_path)
    ran = run_in(tmp_path, "runs=2", console=Console(width=300))
    assert (ran.campaigns, ran.is_new) == (8, False)
    assert "all 8" in capsys.readouterr().out


def test_a_stopped_sweep_has_begun_all_cells_and_has_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("-m", "rules.news.fade_days=5,6,7", "runs=60", "executor.workers=1")
    with monkeypatch.context() as patch:
        patch.setenv("PANJ_QUICK", '{"seconds": 0.01}')  # or five tasks are all there is, where a machine is fast
        stop_after(patch, 5)
        with pytest.raises(Stopped):
            run_in(tmp_path, *words)
    study = open_study(tmp_path / "tiny")
    stored = [len(recorded(study.folder, cell.fingerprint).done) for cell in study.cells]
    assert min(stored) > 0 and sum(stored) < 180
    assert [cell.runs for cell in study.cells] == stored
    assert "of 180 campaigns" in unfinished(study.folder)
    run_in(tmp_path, *words)
    assert unfinished(study.folder) == ""
    run_in(tmp_path / "whole", *words)
    assert tables_of(study.folder) == tables_of(tmp_path / "whole" / "tiny")


# Tables for other tools


def test_dates_are_dates_in_pandas(tmp_path: Path) -> None:
    run_in(tmp_path, "-m", "rules.news.fade_days=5,6", "end_date=2021-07-08")
    study = tmp_path / "tiny"
    days, runs = (pd.read_parquet(study / f"{name}.parquet") for name in ("days", "runs"))
    districts = pd.read_parquet(study / "districts.parquet")
    assert (days["date"] >= "2021-07-01").any() and set(days["date"].dt.month) == {5, 6, 7}
    assert len(days.set_index("date").loc["2021-07"]) and len(days.resample("W", on="date")["mean_morale"].mean())
    assert runs["largest_night"].dt.day.between(1, 31).all()
    assert districts["median_fall_date"].dropna().dt.year.eq(2021).all()
    for table in (days, runs, districts):
        assert set(table["rules.news.fade_days"]) == {5.0, 6.0}
    summary = pd.read_csv(study / "summary.csv")
    is_date = summary["unit"] == "date"
    for name in ("median", "low_5", "high_95"):
        assert summary[name].dtype == np.float64 and summary.loc[is_date, name].isna().all()
        assert pd.to_datetime(summary.loc[is_date, f"{name}_date"]).notna().any()
        assert summary.loc[~is_date, f"{name}_date"].isna().all()


# No rights


def test_a_study_that_cannot_be_written_is_answered_in_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_in(tmp_path, "-m", "rules.news.fade_days=5,6", "runs=20", "end_date=2021-07-08", "calibration=as_declared")
    study, out = tmp_path / "tiny", tmp_path / "out"
    before = {path: path.stat().st_mtime_ns for path in study.rglob("*")}
    usual = front.os.access
    monkeypatch.setattr(front.os, "access", lambda path, mode: Path(path) != study and usual(path, mode))
    words = ["compare", str(study), "outcome=troops_crossed_by_2021_07_07"]
    assert front.main(words) == 2
    assert front.main([*words, f"out={out}"]) == 0
    assert front.main([*words, f"out={out}"]) == 0
    assert list((out / "verdicts").glob("*.csv"))
    assert {path: path.stat().st_mtime_ns for path in study.rglob("*")} == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work", encoding="utf-8")
    assert front.main([*words, f"out={tmp_path / 'mine'}"]) == 2


def test_folders_that_killed_commands_left_are_removed_and_those_at_work_are_not(tmp_path: Path) -> None:
    place = tmp_path / "calibration"
    left = tmp_path / ".calibration.4194999"
    left.mkdir()
    (left / "half.csv").write_text("half", encoding="utf-8")
    with write_folder(place, "calibrate") as first:
        other = tmp_path / ".calibration.4194998"
        with write_folder(place, "calibrate", other) as second:
            (first / "a.csv").write_text("a", encoding="utf-8")
            (second / "b.csv").write_text("b", encoding="utf-8")
    assert {path.name for path in tmp_path.iterdir()} == {"calibration"}
    assert {path.name for path in place.iterdir()} == {"a.csv", "b.csv"}
