"""A study is a folder of tables that is written whole or not at all, and never changed afterwards."""

import csv
import io
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from quick import DECLARED, replace_campaigns
from rich.console import Console
from shared import raising, run_python

from sim import provenance
from sim.__main__ import main
from sim.configuration.compose import compose_settings
from sim.configuration.sweep import compose_sweep
from sim.data.facts import read_facts
from sim.engine.campaign import Campaign, Series, run_campaign
from sim.errors import CampaignError, PanjError
from sim.execution import backlog, work
from sim.execution.run import run_sweep
from sim.outcome import outcome_of
from sim.study import columns, tables
from sim.study.columns import SummaryRow, in_words, summarise
from sim.study.reader import read_about

FACTS = read_facts()
START = date(2021, 5, 1)
DAYS = 2
RUNS = 2
DESCRIPTIONS = {"codebook.csv", "datapackage.json"}
TABLES = {
    "runs.parquet",
    "days.parquet",
    "districts.parquet",
    "summary.csv",
    "config.yaml",
    "about.json",
    *DESCRIPTIONS,
}


def study(folder: Path, *overrides: str) -> tuple[Path, str]:
    """A short study in `folder`, and what was said."""
    words = ("study=tiny", f"runs={RUNS}", "seed=5", f"end_date={START + timedelta(days=DAYS)}", DECLARED)
    paper = io.StringIO()
    sweep = compose_sweep([*words, f"results_dir={folder}", *overrides], FACTS)
    made = run_sweep(sweep, Console(file=paper, width=200))
    return made.folder, paper.getvalue()


def all_of(folder: Path) -> dict[str, bytes]:
    """Every file but the lock, by its name."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One study that every test may read and none may change."""
    return study(tmp_path_factory.mktemp("results"))[0]


@pytest.fixture(scope="module")
def played() -> Campaign:
    """One campaign, for tests that ask only how it is written."""
    chosen = compose_settings(["study=tiny", f"end_date={START + timedelta(days=DAYS)}"], FACTS)
    return run_campaign(chosen.layout.world, chosen.rules, chosen.timeline, 5, DAYS)


@pytest.fixture
def quick(played: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every campaign is that one, whatever its seed."""

    def again(_layout: Any, _rules: Any, _timeline: Any, seed: int, _days: int, _world: Any = None) -> Campaign:
        return played._replace(seed=seed)

    replace_campaigns(monkeypatch, again)


def test_a_study_holds_its_tables_and_nothing_else(tiny: Path) -> None:
    assert {path.name for path in tiny.iterdir()} == TABLES | {"chunks"}
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


def test_days_has_a_row_per_campaign_and_day(tiny: Path) -> None:
    days = pd.read_parquet(tiny / "days.parquet")
    assert list(days.columns[:5]) == ["cell", "run", "seed", "date", "share_held_by_taliban"]
    assert {kind.name.lower() for kind in Series} <= set(days)
    assert {f"{what}_{post}" for what in ("crossed", "waiting", "admitted") for post in FACTS.post} <= set(days)
    assert days.groupby("run")["date"].apply(list).tolist() == [list(pd.date_range(START, periods=3))] * 2
    held = days["districts_held_by_taliban"] / len(FACTS.district)
    np.testing.assert_allclose(days["share_held_by_taliban"], held)


def test_nights_in_days_are_under_their_morning_at_every_post_and_in_all(tiny: Path) -> None:
    days = pd.read_parquet(tiny / "days.parquet")
    assert (days["troops_crossed"] == days[[f"crossed_{post}" for post in FACTS.post]].sum(axis=1)).all()
    assert (days.loc[days["date"] == str(START), "troops_crossed"] == 0).all()


def test_districts_has_a_row_per_district_and_day(tiny: Path) -> None:
    districts = pd.read_parquet(tiny / "districts.parquet")
    assert list(districts) == ["cell", "district_id", "date", "share_of_runs_taliban", "median_fall_date"]
    assert districts.groupby("district_id").size().tolist() == [DAYS + 1] * len(FACTS.district)
    assert districts["share_of_runs_taliban"].between(0, 1).all()


def test_tables_tell_of_the_same_campaigns(tiny: Path) -> None:
    days = pd.read_parquet(tiny / "days.parquet")
    runs = pd.read_parquet(tiny / "runs.parquet")
    districts = pd.read_parquet(tiny / "districts.parquet")
    last = str(START + timedelta(days=DAYS))
    evening = days[days["date"] == last]
    assert evening["share_held_by_taliban"].tolist() == runs["share_held_by_taliban_2021_05_03"].tolist()
    share = districts[districts["date"] == last]["share_of_runs_taliban"].mean()
    assert share == pytest.approx(runs["share_held_by_taliban_2021_05_03"].mean())


def test_the_summary_has_a_row_an_outcome(tiny: Path) -> None:
    with (tiny / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["outcome"]: row for row in csv.DictReader(file)}
    assert list(next(iter(rows.values()))) == [
        "cell", "cell_label", *SummaryRow._fields, "median_date", "low_5_date", "high_95_date",
    ]  # fmt: skip
    assert set(rows) == set(pd.read_parquet(tiny / "runs.parquet")) - {"cell", "run", "seed"}
    june = rows["share_held_by_taliban_2021_06_30"]
    assert (june["reported"], june["median"], june["missing"]) == ("0.3753 (F064, F065)", "", "2")
    assert all(row["counted"] and row["label"] for row in rows.values())


def test_a_study_tells_how_it_was_made(tiny: Path) -> None:
    about = read_about(tiny)
    assert (about["study"], about["runs"], about["first_seed"]) == ("tiny", RUNS, 5)
    assert (about["start_date"], about["end_date"]) == ("2021-05-01", "2021-05-03")
    assert about["calibration"] == "numbers as declared, not calibrated"
    assert [cell["calibration"] for cell in about["cells"]] == [about["calibration"]]
    assert {"panj", "python", "numpy", "numba", "pyarrow"} <= set(about["versions"])
    fingerprints = {"settings_fingerprint", "data_fingerprint", "rules_fingerprint"}
    assert all(len(about[name]) == 16 for name in fingerprints)
    assert "commit" in about
    assert "study=tiny" in about["overrides"]


def test_the_config_holds_every_number_that_was_used(tiny: Path) -> None:
    config = yaml.safe_load((tiny / "config.yaml").read_text(encoding="utf-8"))
    chosen = compose_settings([f"end_date={START + timedelta(days=DAYS)}", DECLARED], FACTS)
    said = {"study": "tiny", "calibration_in_words": "numbers as declared, not calibrated"}
    assert config == json.loads(json.dumps({**said, **chosen.as_dict()}))


def test_the_same_study_again_computes_nothing(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "run_campaign", raising(AssertionError("a campaign was run")))
    before = all_of(tiny)
    folder, said = study(tiny.parent)
    assert folder == tiny
    assert "nothing is computed" in said
    assert all_of(tiny) == before


@pytest.mark.parametrize(
    ("override", "differs"),
    [
        ("rules.news.fade_days=9", "rules.news.fade_days: 10 there, 9 here"),
        ("border=closed", "border: as_reported there, closed here"),
        ("seed=6", "seed: 5 there, 6 here"),
        ("end_date=2021-05-04", "end_date: 2021-05-03 there, 2021-05-04 here"),
    ],
)
def test_another_study_of_the_same_name_is_refused_and_left_alone(override: str, differs: str, tiny: Path) -> None:
    before = all_of(tiny.parent)
    with pytest.raises(PanjError, match=rf"differs in .*{differs}.*\), expected .* a new name with study=NAME"):
        study(tiny.parent, override)
    assert all_of(tiny.parent) == before


def test_a_folder_that_is_no_study_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "thesis.txt").write_text("years of work")
    with pytest.raises(PanjError, match=r"with thesis\.txt and no stored campaigns, expected a new name"):
        study(tmp_path)
    assert all_of(tmp_path) == {"tiny/thesis.txt": b"years of work"}


def test_a_damaged_about_is_said(tmp_path: Path) -> None:
    (tmp_path / "about.json").write_text("{")
    with pytest.raises(PanjError, match="found a damaged file"):
        read_about(tmp_path)


@pytest.mark.usefixtures("quick")
def test_one_campaign_alone_has_its_log(tmp_path: Path) -> None:
    folder, _ = study(tmp_path, "runs=1")
    assert {path.name for path in folder.iterdir()} == TABLES | {"chunks", "events.parquet"}
    events = pd.read_parquet(folder / "events.parquet")
    assert list(events) == ["date", "event", "district_id", "district", "province", "who", "men", "how", "why"]
    assert set(events["district"]) <= set(FACTS.district)


@pytest.mark.parametrize("words", [["executor.workers=1"], ["executor.workers=3"]])
def test_one_worker_or_many_write_the_same_tables(words: list[str], tiny: Path, tmp_path: Path) -> None:
    folder, _ = study(tmp_path, *words)
    for name in ("runs.parquet", "days.parquet", "districts.parquet"):
        assert pq.read_table(folder / name).equals(pq.read_table(tiny / name)), name
    assert (folder / "summary.csv").read_bytes() == (tiny / "summary.csv").read_bytes()


def test_chunks_do_not_show(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "FIRST", 1)
    monkeypatch.setattr(backlog, "TARGET", 1e-9)
    folder, _ = study(tmp_path)
    assert len(list(folder.glob("chunks/*/*.arrow"))) == RUNS
    for name in ("runs.parquet", "days.parquet", "districts.parquet"):
        assert pq.read_table(folder / name).equals(pq.read_table(tiny / name)), name


def test_fewer_campaigns_than_there_are_change_nothing(tiny: Path) -> None:
    before = all_of(tiny)
    assert "already contains 2 of 2 campaigns" in study(tiny.parent, "runs=1")[1]
    assert all_of(tiny) == before


@pytest.mark.usefixtures("quick")
def test_more_campaigns_are_added_to_those_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = study(tmp_path, "runs=2")
    lived: list[int] = []
    quick = work.run_campaign

    def counted(layout: Any, rules: Any, timeline: Any, seed: int, days: int, world: Any = None) -> Any:
        lived.append(seed)
        return quick(layout, rules, timeline, seed, days)

    monkeypatch.setattr(work, "run_campaign", counted)
    study(tmp_path, "runs=5")
    assert sorted(lived) == [7, 8, 9]
    assert pd.read_parquet(folder / "runs.parquet")["seed"].tolist() == [5, 6, 7, 8, 9]
    assert read_about(folder)["campaigns"] == 5


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "broken", [(pq, "write_table"), (pq.ParquetWriter, "write_table"), (pq.ParquetWriter, "close")]
)
def test_a_disk_too_full_for_the_tables_keeps_what_is_recorded(
    broken: tuple[Any, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(*broken, raising(OSError(28, "No space left on device")))
        with pytest.raises(PanjError, match=r"cannot write .*tiny \(No space left on device\); earlier files are kept"):
            study(tmp_path, "runs=1")
        assert {path.name for path in (tmp_path / "tiny").iterdir()} == {"chunks"}
    monkeypatch.setattr(work, "run_campaign", raising(AssertionError("a campaign was run again")))
    assert {path.name for path in study(tmp_path, "runs=1")[0].iterdir()} >= TABLES


@pytest.mark.usefixtures("quick")
def test_a_disk_too_full_to_add_campaigns_keeps_the_old_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = study(tmp_path, "runs=2")
    before = {name: (folder / name).read_bytes() for name in TABLES}
    monkeypatch.setattr(pq.ParquetWriter, "write_table", raising(OSError(28, "No space left on device")))
    with pytest.raises(PanjError, match="No space left on device"):
        study(tmp_path, "runs=3")
    assert {name: (folder / name).read_bytes() for name in TABLES} == before


def test_an_outcome_may_bear_the_name_of_a_daily_series(tiny: Path) -> None:
    runs, days = pd.read_parquet(tiny / "runs.parquet"), pd.read_parquet(tiny / "days.parquet")
    assert runs["troops_crossed"].dtype == float
    assert days.groupby("seed")["troops_crossed"].sum().tolist() == runs["troops_crossed"].tolist()


@pytest.mark.usefixtures("quick")
def test_a_campaign_that_raises_is_a_row_and_the_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = work.run_campaign

    def odd(layout: Any, rules: Any, timeline: Any, seed: int, days: int, world: Any = None) -> Any:
        if seed == 6:
            raise CampaignError("seed 6, day 1: the space is full")
        return quick(layout, rules, timeline, seed, days)

    with monkeypatch.context() as patch:
        patch.setattr(work, "run_campaign", odd)
        folder, _ = study(tmp_path, "runs=3")
    failures = pd.read_parquet(folder / "failures.parquet")
    assert failures[["cell", "seed", "error"]].values.tolist() == [
        [0, 6, "CampaignError: seed 6, day 1: the space is full"]
    ]
    assert "in odd" in failures["traceback"][0]
    assert pd.read_parquet(folder / "runs.parquet")["run"].tolist() == [0, 2]
    assert (read_about(folder)["campaigns"], read_about(folder)["failed"]) == (2, 1)
    study(tmp_path, "runs=3")  # tries again what failed
    assert pd.read_parquet(folder / "runs.parquet")["seed"].tolist() == [5, 6, 7]
    assert not (folder / "failures.parquet").exists()


def test_a_folder_that_cannot_be_made_is_said_and_nothing_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("a file")
    monkeypatch.setattr(work, "run_campaign", raising(AssertionError("a campaign was run")))
    assert main(["run", "study=tiny", "runs=1", f"results_dir={tmp_path / 'file'}"]) == 2
    said = f"panj: results_dir: {tmp_path / 'file'}: found a file, expected a folder; move or remove it\n"
    assert capsys.readouterr().err == said
    assert all_of(tmp_path) == {"file": b"a file"}


def test_the_summary_is_the_median_and_the_middle_nine_tenths_and_counts_the_missing() -> None:
    table = [outcome_of(name, {"quantity": "held"}, FACTS, START, DAYS) for name in ("many", "none")]
    many, none = summarise(pa.table({"many": [*map(float, range(101)), None], "none": [None] * 102}), table)
    assert (many.low_5, many.median, many.high_95, many.missing) == ("5", "50", "95", 1)
    assert (none.low_5, none.median, none.high_95, none.missing) == ("", "", "", 102)


def test_a_single_value_is_the_median_and_has_no_spread() -> None:
    table = [outcome_of("one", {"quantity": "held"}, FACTS, START, DAYS)]
    table.append(outcome_of("night", {"quantity": "largest_night"}, FACTS, START, DAYS))
    rows = summarise(pa.table({"one": [0.25, None], "night": ["2021-07-05", None]}), table)
    assert [(row.low_5, row.median, row.high_95, row.missing) for row in rows] == [
        ("", "0.25", "", 1),
        ("", "2021-07-05", "", 1),
    ]


def test_dates_are_ordered_as_dates() -> None:
    table = [outcome_of("night", {"quantity": "largest_night"}, FACTS, START, DAYS)]
    found = summarise(pa.table({"night": ["2021-07-05", "2021-06-30", "2021-07-01"]}), table)[0]
    assert (found.low_5, found.median, found.high_95) == ("2021-06-30", "2021-07-01", "2021-07-05")


@pytest.mark.usefixtures("quick")
def test_a_date_is_a_date_whatever_its_row_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = (outcome_of("my_own_night", {"quantity": "largest_night"}, FACTS, START, DAYS),)
    for module in (work, tables):
        monkeypatch.setattr(module, "outcomes_of" if module is work else "read_outcomes", lambda *_arguments: table)
    monkeypatch.setattr(columns, "count_outcomes", lambda *_arguments: {"my_own_night": "2021-05-03"})
    folder, _ = study(tmp_path, "runs=1")
    assert pq.read_table(folder / "runs.parquet")["my_own_night"].to_pylist() == [datetime(2021, 5, 3)]


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
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "sim" / "provenance.py"))
    assert provenance.commit() is None


LEAN = """
import sys
import pyarrow as pa
from sim.study.files import lean_arrow
with lean_arrow():
    table = pa.table({"number": [1.0, None], "word": ["a", None]})
    print(table["number"].to_numpy()[0], pa.scalar(3).as_py(), sys.modules["pandas"])
import pandas
print(pandas.DataFrame({"number": pa.table({"number": [1.0, None]}).to_pandas()["number"]}).shape)
"""


def test_tables_are_made_without_pandas_which_is_there_afterwards() -> None:
    done = run_python(LEAN)
    assert done.stdout.splitlines() == ["1.0 3 None", "(2, 1)"], done.stderr
