"""A study is a folder of tables that is written whole or not at all, and never changed afterwards."""

import csv
import io
import json
import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from rich.console import Console

from sim import results
from sim.__main__ import main
from sim.campaign import Campaign, Series, run_campaign
from sim.errors import PanjError
from sim.facts import read_facts
from sim.outcomes import outcome_of
from sim.results import StudyWriter, SummaryRow, in_words, read_about, summarise
from sim.study import run
from sim.study.run import run_study
from sim.study.settings import compose_settings

FACTS = read_facts()
START = date(2021, 5, 1)
DAYS = 2
RUNS = 2
TABLES = {"runs.parquet", "days.parquet", "districts.parquet", "summary.csv", "config.yaml", "about.json"}


def study(folder: Path, *overrides: str) -> tuple[Path, str]:
    """A short study in `folder`, and what was said."""
    words = ("study=tiny", f"runs={RUNS}", "seed=5", f"end_date={START + timedelta(days=DAYS)}")
    paper = io.StringIO()
    made = run_study(
        compose_settings([*words, f"results_dir={folder}", *overrides], FACTS), Console(file=paper, width=200)
    )
    return made, paper.getvalue()


def all_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fail(error: BaseException) -> Any:
    def raises(*_arguments: Any, **_named: Any) -> None:
        raise error

    return raises


@pytest.fixture(autouse=True, scope="module")
def plain() -> Iterator[None]:
    """Rules that are not compiled need no campaign for compiling."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "compile_rules", lambda *_arguments: None)
        yield


@pytest.fixture(scope="module")
def tiny(plain: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One study that every test may read and none may change."""
    return study(tmp_path_factory.mktemp("results"))[0]


@pytest.fixture(scope="module")
def played() -> Campaign:
    """One campaign, for tests that ask only how it is written."""
    chosen = compose_settings(["study=tiny", f"end_date={START + timedelta(days=DAYS)}"], FACTS)
    return run_campaign(chosen.layout.world, chosen.rules, chosen.timeline, 5, DAYS)


@pytest.fixture
def quick(played: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every campaign is that one."""
    monkeypatch.setattr(run, "run_campaign", lambda *_arguments: played)


def test_a_study_holds_its_tables_and_nothing_else(tiny: Path) -> None:
    assert {path.name for path in tiny.iterdir()} == TABLES
    assert [path.name for path in tiny.parent.iterdir()] == ["tiny"]


def test_runs_has_a_row_a_campaign(tiny: Path) -> None:
    runs = pd.read_parquet(tiny / "runs.parquet")
    assert runs["run"].tolist() == [0, 1]
    assert runs["seed"].tolist() == [5, 6]
    names = {"troops_crossed_by_2021_07_07", "capital_fell_badakhshan", "share_held_by_taliban_2021_05_03"}
    assert names | {f"crossed_{post}" for post in FACTS.post} <= set(runs)


def test_an_outcome_after_the_last_day_is_missing_and_not_nought(tiny: Path) -> None:
    runs = pd.read_parquet(tiny / "runs.parquet")
    assert runs["troops_crossed_by_2021_07_07"].isna().all()
    assert runs["share_held_by_taliban_2021_05_03"].notna().all()


def test_days_has_a_row_a_campaign_and_evening(tiny: Path) -> None:
    days = pd.read_parquet(tiny / "days.parquet")
    assert list(days.columns[:4]) == ["run", "seed", "date", "share_held_by_taliban"]
    assert {kind.name.lower() for kind in Series} <= set(days)
    assert {f"{what}_{post}" for what in ("crossed", "waiting", "admitted") for post in FACTS.post} <= set(days)
    assert days.groupby("run")["date"].apply(list).tolist() == [[START + timedelta(days=d) for d in range(3)]] * 2
    held = days["districts_held_by_taliban"] / len(FACTS.district)
    np.testing.assert_allclose(days["share_held_by_taliban"], held)


def test_nights_in_days_are_under_their_morning_at_every_post_and_in_all(tiny: Path) -> None:
    days = pd.read_parquet(tiny / "days.parquet")
    assert (days["troops_crossed"] == days[[f"crossed_{post}" for post in FACTS.post]].sum(axis=1)).all()
    assert (days.loc[days["date"] == START, "troops_crossed"] == 0).all()


def test_districts_has_a_row_a_district_and_evening(tiny: Path) -> None:
    districts = pd.read_parquet(tiny / "districts.parquet")
    assert list(districts) == ["district_id", "date", "share_of_runs_taliban", "median_fall_date"]
    assert districts.groupby("district_id").size().tolist() == [DAYS + 1] * len(FACTS.district)
    assert districts["share_of_runs_taliban"].between(0, 1).all()


def test_tables_tell_of_the_same_campaigns(tiny: Path) -> None:
    days = pd.read_parquet(tiny / "days.parquet")
    runs = pd.read_parquet(tiny / "runs.parquet")
    districts = pd.read_parquet(tiny / "districts.parquet")
    last = START + timedelta(days=DAYS)
    evening = days[days["date"] == last]
    assert evening["share_held_by_taliban"].tolist() == runs["share_held_by_taliban_2021_05_03"].tolist()
    share = districts[districts["date"] == last]["share_of_runs_taliban"].mean()
    assert share == pytest.approx(runs["share_held_by_taliban_2021_05_03"].mean())


def test_the_summary_has_a_row_an_outcome(tiny: Path) -> None:
    with (tiny / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["outcome"]: row for row in csv.DictReader(file)}
    assert list(next(iter(rows.values()))) == list(SummaryRow._fields)
    assert set(rows) == set(pd.read_parquet(tiny / "runs.parquet")) - {"run", "seed"}
    june = rows["share_held_by_taliban_2021_06_30"]
    assert (june["reported"], june["median"], june["missing"]) == ("0.3753 (F064, F065)", "", "2")
    assert all(row["counted"] and row["label"] for row in rows.values())


def test_a_study_tells_how_it_was_made(tiny: Path) -> None:
    about = read_about(tiny)
    assert (about["study"], about["runs"], about["first_seed"]) == ("tiny", RUNS, 5)
    assert (about["start_date"], about["end_date"]) == ("2021-05-01", "2021-05-03")
    assert about["calibration"] == "not calibrated yet"
    assert {"panj", "python", "numpy", "numba", "pyarrow"} <= set(about["versions"])
    fingerprints = {"settings_fingerprint", "data_fingerprint", "rules_fingerprint"}
    assert all(len(about[name]) == 16 for name in fingerprints)
    assert "commit" in about
    assert "study=tiny" in about["overrides"]


def test_the_config_holds_every_number_that_was_used(tiny: Path) -> None:
    config = yaml.safe_load((tiny / "config.yaml").read_text(encoding="utf-8"))
    chosen = compose_settings([f"end_date={START + timedelta(days=DAYS)}"], FACTS)
    assert config == json.loads(json.dumps({"study": "tiny", **chosen.as_dict()}))


def test_the_same_study_again_computes_nothing(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "run_campaign", fail(AssertionError("a campaign was run")))
    before = all_of(tiny)
    folder, said = study(tiny.parent)
    assert folder == tiny
    assert "nothing was computed" in said
    assert all_of(tiny) == before


@pytest.mark.parametrize(
    ("override", "differs"),
    [("rules.news.fade_days=9", "settings"), ("border=closed", "settings"), ("runs=1", "runs"), ("seed=6", "seed")],
)
def test_another_study_of_the_same_name_is_refused_and_left_alone(override: str, differs: str, tiny: Path) -> None:
    before = all_of(tiny.parent)
    with pytest.raises(PanjError, match=rf"differs in {differs}\), expected a new name; choose study=NAME"):
        study(tiny.parent, override)
    assert all_of(tiny.parent) == before


def test_a_folder_that_is_no_study_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "thesis.txt").write_text("years of work")
    with pytest.raises(PanjError, match=r"found no about\.json, expected the folder of a study"):
        study(tmp_path)
    assert all_of(tmp_path) == {"tiny/thesis.txt": b"years of work"}


def test_a_damaged_about_is_said(tmp_path: Path) -> None:
    (tmp_path / "about.json").write_text("{")
    with pytest.raises(PanjError, match="found something damaged, expected JSON"):
        read_about(tmp_path)


@pytest.mark.usefixtures("quick")
def test_one_campaign_alone_has_its_log(tmp_path: Path) -> None:
    folder, _ = study(tmp_path, "runs=1")
    assert {path.name for path in folder.iterdir()} == TABLES | {"events.parquet"}
    events = pd.read_parquet(folder / "events.parquet")
    assert list(events) == ["date", "event", "district_id", "district", "province", "who", "men", "how", "why"]
    assert set(events["district"]) <= set(FACTS.district)


@pytest.mark.parametrize("cores", [1, 3])
def test_one_worker_or_many_write_the_same_tables(cores: int, tiny: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    folder, _ = study(tmp_path)
    for name in ("runs.parquet", "days.parquet", "districts.parquet"):
        assert pq.read_table(folder / name).equals(pq.read_table(tiny / name)), name
    assert (folder / "summary.csv").read_bytes() == (tiny / "summary.csv").read_bytes()


def test_chunks_do_not_show(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "CHUNK", 1)
    folder, _ = study(tmp_path)
    assert pq.read_table(folder / "days.parquet").equals(pq.read_table(tiny / "days.parquet"))


@pytest.mark.usefixtures("quick")
def test_a_full_disk_at_the_end_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pq, "write_table", fail(OSError(28, "No space left on device")))
    with pytest.raises(PanjError, match=r"results_dir: cannot write .*tiny \(No space left on device\); nothing was"):
        study(tmp_path, "runs=1")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("quick")
def test_a_full_disk_in_the_middle_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pq.ParquetWriter, "write_table", fail(OSError(28, "No space left on device")))
    with pytest.raises(PanjError, match=r"cannot write .*No space left on device"):
        study(tmp_path, "runs=1")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("quick")
def test_a_disk_too_full_even_to_close_a_table_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(pq.ParquetWriter, "close", fail(OSError(28, "No space left on device")))
        with pytest.raises(PanjError, match=r"cannot write .*No space left on device"):
            study(tmp_path, "runs=1")
        assert list(tmp_path.iterdir()) == []


def test_ctrl_c_in_the_middle_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = run.run_campaign

    def stopped(layout: Any, rules: Any, timeline: Any, seed: int, days: int) -> Any:
        if seed == 6:
            raise KeyboardInterrupt
        return usual(layout, rules, timeline, seed, days)

    monkeypatch.setattr(run, "CHUNK", 1)
    monkeypatch.setattr(run, "run_campaign", stopped)
    with pytest.raises(KeyboardInterrupt):
        study(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said_and_nothing_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("a file")
    monkeypatch.setattr(run, "run_campaign", fail(AssertionError("a campaign was run")))
    assert main(["run", "study=tiny", "runs=1", f"results_dir={tmp_path / 'file'}"]) == 2
    assert "panj: results_dir: cannot write" in capsys.readouterr().err
    assert all_of(tmp_path) == {"file": b"a file"}


def test_a_writer_that_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    writer = StudyWriter(tmp_path / "tiny", FACTS, [], START)
    assert len(list(tmp_path.iterdir())) == 1
    writer.discard()
    assert list(tmp_path.iterdir()) == []


def test_the_summary_is_the_median_and_the_middle_nine_tenths_and_counts_the_missing() -> None:
    table = [outcome_of(name, {"quantity": "held"}, FACTS, START, DAYS) for name in ("many", "none")]
    many, none = summarise([{"many": value, "none": None} for value in (*map(float, range(101)), None)], table)
    assert (many.low_5, many.median, many.high_95, many.missing) == ("5", "50", "95", 1)
    assert (none.low_5, none.median, none.high_95, none.missing) == ("", "", "", 102)


def test_dates_are_ordered_as_dates() -> None:
    table = [outcome_of("night", {"quantity": "largest_night"}, FACTS, START, DAYS)]
    found = summarise([{"night": day} for day in ("2021-07-05", "2021-06-30", "2021-07-01")], table)[0]
    assert (found.low_5, found.median, found.high_95) == ("2021-06-30", "2021-07-01", "2021-07-05")


@pytest.mark.usefixtures("quick")
def test_a_date_is_a_date_whatever_its_row_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = (outcome_of("my_own_night", {"quantity": "largest_night"}, FACTS, START, DAYS),)
    monkeypatch.setattr(run, "read_outcomes", lambda *_arguments: table)
    monkeypatch.setattr(results, "count_outcomes", lambda *_arguments: {"my_own_night": "2021-05-03"})
    folder, _ = study(tmp_path, "runs=1")
    assert pq.read_table(folder / "runs.parquet")["my_own_night"].to_pylist() == ["2021-05-03"]


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        ((0.375, 0.375, 0.375, "F065"), "0.375 (F065)"),
        ((0.333, 0.333, 0.386, "F012"), "0.333, 0.333 to 0.386 (F012)"),
        ((None, 1000.0, None, "F013"), "at least 1000 (F013)"),
        ((None, None, None, ""), ""),
    ],
)
def test_what_was_reported_is_put_in_words(figure: tuple[Any, ...], words: str) -> None:
    assert in_words(*figure) == words


def test_code_outside_a_clone_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "__file__", str(tmp_path / "sim" / "results.py"))
    assert results.commit() is None
