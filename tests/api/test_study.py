"""Tests of studies in Python: the same folders as on the command line, tables, figures, comparisons and errors."""

import importlib
import json
import re
import shutil
import warnings
from datetime import date
from inspect import signature

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from quick import campaign_of

import sim
from sim.__main__ import main
from sim.api.notebooks import run_apart
from sim.execution import rerun, run, work
from sim.provenance import seal
from sim.records import story_record
from sim.study import reader
from sim.study.files import json_text
from sim.study.reader import read_about

SHORT = {"end_date": date(2021, 5, 12), "calibration": "as_declared", "progress": False}
WORDS = ["end_date=2021-05-12", "calibration=as_declared"]
OUTCOME = "share_held_by_taliban_2021_05_12"


@pytest.fixture(scope="module", autouse=True)
def instant():
    """Replace campaigns by instant ones; what is around them is tested here."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (run, work, rerun):
            patch.setattr(module, "run_campaign", campaign_of)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("api")


@pytest.fixture(scope="module")
def plain(folder):
    return sim.run(runs=4, study="plain", results_dir=folder, **SHORT)


@pytest.fixture(scope="module")
def swept(folder):
    return sim.sweep(border=["open", "closed"], runs=4, study="swept", results_dir=folder, **SHORT)


def test_every_name_of_the_interface_exists_and_is_documented():
    for name in sim.__all__:
        assert getattr(sim, name).__doc__
        assert getattr(importlib.import_module(sim.MODULES[name]), name) is getattr(sim, name)
    assert set(sim.MODULES) == set(sim.__all__) == set(dir(sim)) - {"__version__"}
    with pytest.raises(AttributeError):
        sim.no_such_name  # noqa: B018


def test_a_command_line_and_a_call_make_the_same_study_and_go_on_with_it(folder, capsys):
    assert main(["runs=3", "study=typed", f"results_dir={folder}", *WORDS, "daily=false"]) == 0
    capsys.readouterr()
    typed = sim.open(folder / "typed")
    called = sim.run(runs=3, study="called", results_dir=folder, daily=False, **SHORT)
    assert typed.fingerprint == called.fingerprint
    pd.testing.assert_frame_equal(typed.runs, called.runs)
    more = sim.run(runs=4, study="typed", results_dir=folder, daily=False, **SHORT)
    pd.testing.assert_frame_equal(more.runs.head(3), typed.runs)
    assert len(more.runs) == 4
    with pytest.raises(sim.PanjError) as refused:
        more.days  # noqa: B018
    assert refused.value.key == "days"


def test_the_stored_command_is_that_of_the_call(swept):
    command = read_about(swept.folder)["command"]
    assert command.startswith("python -m sim -m border=open,closed runs=4")


def test_tables_have_dates(swept):
    assert len(swept.runs) == 8
    for table in (swept.days, swept.districts, swept.events):
        assert pd.api.types.is_datetime64_any_dtype(table["date"])
    assert len(swept.cell(1).days) == 4 * 12
    assert swept.cell(border="closed").cells["label"].tolist() == ["border=closed"]
    assert set(swept.summary().index.names) == {"cell", "outcome"}
    assert isinstance(swept.cell(0).summary().loc[OUTCOME, "median"], float)
    assert swept.failures.empty
    assert swept.settings["morale"] == "reported"
    assert list(swept.table("days", ["seed", "troops_crossed"])) == ["seed", "troops_crossed"]


def test_figures_are_returned_and_not_written(swept):
    assert isinstance(swept.cell(0).plot("crossings"), Figure)
    assert isinstance(swept.plot(), Figure)
    assert isinstance(swept.cell(0).plot("map", date(2021, 5, 10)), Figure)
    assert not (swept.folder / "figures").exists()
    for study, call in ((swept, f'compare("{OUTCOME}").plot()'), (swept.cell(0), f'memo("{OUTCOME}")')):
        with pytest.raises(sim.PanjError) as refused:
            study.plot(OUTCOME)
        assert f"figure: found '{OUTCOME}', which is an outcome" in str(refused.value) and call in str(refused.value)


def test_verdicts_are_those_of_the_command_line(swept, capsys):
    verdicts = swept.compare(OUTCOME, baseline="open", above=0.1)
    assert main(["compare", str(swept.folder), f"outcome={OUTCOME}", "baseline=open", "above=0.1"]) == 0
    capsys.readouterr()
    pd.testing.assert_frame_equal(pd.DataFrame(verdicts), pd.read_csv(verdicts.path))
    assert verdicts.sentences
    assert verdicts.about["thresholds"] == {"above": "0.1"}
    assert isinstance(verdicts.plot(), Figure)
    assert type(verdicts[["cell"]]) is pd.DataFrame


def test_a_fork_has_tables_a_figure_and_a_story(plain, folder):
    short = sim.run(runs=2, study="short", results_dir=folder, **{**SHORT, "end_date": "2021-05-03"})
    fork = short.fork(short.days["date"].iloc[1], runs=2, reinforcement="answer_every_call")
    assert len(fork.days) == 2 * 2 * 3
    assert fork.about["changes"] == ["reinforcement=answer_every_call"]
    assert isinstance(fork.plot(), Figure)
    assert fork.story().startswith("# ")
    assert "seed 0" in plain.story()


def test_outcomes_counted_by_an_earlier_definition_are_named_wherever_they_are_shown(plain, swept, monkeypatch):
    def changed(*names):
        monkeypatch.setattr(reader, "is_as_defined", lambda name, *_: name not in names)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain.summary()
    changed("troops_crossed")
    said = re.escape("definition of troops_crossed that has been changed or removed; to count outcomes as they are")
    with pytest.warns(UserWarning, match=said) as warned:
        plain.summary()
    assert str(warned[0].message).startswith("the study counted ")  # Python itself puts `UserWarning:` before it
    with pytest.warns(UserWarning, match=said):
        plain._repr_html_()
    told = plain.story(0, outcome=("troops_crossed", "newly_fallen_2021_07_05"))
    assert len(re.findall("has been changed or removed", told)) == 1 and re.search(said, " ".join(told.split()))
    campaign = {"start_date": "2021-05-01", "seed": 0, "cell": 0, "study": "", "cell_label": "", "calibration": ""}
    record = story_record(plain.folder, plain.folder, campaign, ["troops_crossed", "newly_fallen_2021_07_05"])
    assert [len(row["notes"]) for row in record["outcomes"]] == [1, 0]
    changed("troops_crossed", "newly_fallen_2021_07_05")
    with pytest.warns(UserWarning, match=r"counted 2 outcomes by definitions that have been changed or removed \("):
        plain.summary()


def test_a_single_campaign_has_values_and_no_spread_wherever_its_summary_is_read(folder):
    study = sim.run(runs=1, study="single", results_dir=folder, **SHORT)
    summary, stored = study.summary(), pd.read_csv(study.folder / "summary.csv")
    assert summary["low_5"].isna().all() and summary["high_95"].isna().all()
    assert summary.loc[OUTCOME, "median"] == pytest.approx(study.runs[OUTCOME].iloc[0], rel=1e-5)  # six digits
    ends = [f"{name}{kind}" for name in ("low_5", "high_95") for kind in ("", "_date")]
    assert stored[ends].isna().all(axis=None) and stored["median"].notna().any()
    assert "nan" not in study._repr_html_().lower()
    assert study.plot() and study.report().is_file() and study.export("csv").is_dir() and study.export("xlsx").is_file()


def test_an_outcome_on_the_last_day_of_any_cell_is_as_defined(folder):
    study = sim.sweep(
        end_date=["2021-05-03", "2021-05-05"], runs=1, study="ends", results_dir=folder, daily=False, progress=False
    )
    stored = reader.open_study(study.folder)
    assert {"newly_fallen_2021_05_03", "newly_fallen_2021_05_05"} <= set(stored.outcomes) and not stored.outdated
    assert reader.read_measure(stored, "newly_fallen_2021_05_03").last_day == date(2021, 5, 3)


def test_a_study_shows_itself(plain, swept):
    assert "4 campaigns" in repr(plain)
    assert "<table" in plain._repr_html_() and "<table" in swept._repr_html_()


def test_a_command_of_its_own_process_uses_the_package_and_passes_errors_on(tmp_path, monkeypatch):
    (tmp_path / "sim.py").write_text("raise SystemExit('shadowed')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    run_apart(["evidence", "id=F001"])
    with pytest.raises(sim.PanjError) as refused:
        run_apart(["report", "none"])
    assert refused.value.key == "none"


@pytest.mark.parametrize(
    ("call", "key"),
    [
        (lambda study: study.plot("none"), "figure"),
        (lambda study: study.cell(0).plot("crossings", date(2021, 5, 3)), "day"),
        (lambda study: study.cell(7), "cell"),
        (lambda study: study.cell(border="none"), "cell"),
        (lambda study: study.cell(morale="brittle"), "cell"),
        (lambda study: study.table("none"), "table"),
        (lambda study: study.table("days", ["none"]), "days.parquet"),
        (lambda study: study.compare("none"), None),
        (lambda study: study.cell(0).compare(OUTCOME), "cell"),
        (lambda study: study.fork("2021-05-06", config_dir="none", border="closed"), "config_dir"),
        (lambda study: study.compare(OUTCOME, above="many"), "above"),
        (lambda study: study.fork("2021-05-06"), "fork"),
        (lambda study: study.fork("2021-13-06", border="closed"), "day"),
        (lambda study: sim.fork(5, "2021-05-06", border="closed"), "study"),
        (lambda study: sim.score(study, border="closed"), None),
        (lambda study: sim.assimilate(worlds=33), "worlds"),
        (lambda study: sim.run(brder="closed"), "brder"),
        (lambda study: sim.sweep(border=["open", "none"]), "border"),
        (lambda study: sim.sweep(runs=2, **SHORT), "sweep"),
        (lambda study: sim.open(study.folder.parent / "none"), None),
    ],
)
def test_bad_input_is_refused_by_name(swept, call, key):
    with pytest.raises(sim.PanjError) as refused:
        call(swept)
    assert key is None or refused.value.key == key


def test_a_study_that_was_stopped_says_so(plain, tmp_path):
    folder = shutil.copytree(plain.folder, tmp_path / "stopped")
    about = dict(read_about(folder))
    (folder / "about.json").write_text(json_text(seal(about | {"asked": 9})), encoding="utf-8")
    with pytest.warns(UserWarning, match="4 of 9") as warned:
        assert len(sim.open(folder).runs) == 4
    assert {one.filename for one in warned} == {__file__}  # the line that called


def test_what_can_be_set_and_counted_is_listed():
    assert sim.outcomes().loc["troops_crossed_largest_night", "reported"] == 1037
    assert sim.numbers().loc["rules.news.fade_days", "unit"] == "days"
    assert sim.settings(border="closed").loc["border", "value"] == "closed"
    assert json.loads(sim.settings().to_json())


def calls():
    """Yield the name and the function of every call of the interface that takes no settings of any name."""
    for name in sim.__all__:
        public = getattr(sim, name)
        own = vars(public).items() if isinstance(public, type) and public.__module__.startswith("sim.api") else ()
        yield from ((f"{name}.{part}", method) for part, method in own if callable(method) and part[0] != "_")
        if not (isinstance(public, type) and issubclass(public, sim.BorderCrisis | Exception | pd.DataFrame)):
            yield name, public


TAKE_ANY = {"Study.cell": "cell", "Study.fork": "Study.fork", "fork": "sim.fork"}  # the key of the error of others


def test_every_call_refuses_an_argument_that_it_does_not_have(plain):
    found = dict(calls())
    assert {"run", "open", "Study.plot", "Study.compare", "Verdicts.plot", "Fork", "Interval"} <= set(found)
    for name, call in found.items():
        with pytest.raises(sim.PanjError) as refused:
            call(*([plain] if "." in name else []), no_such_argumentt=1)
        assert refused.value.key == TAKE_ANY.get(name, "no_such_argumentt"), name


@pytest.mark.parametrize(
    ("call", "key", "meant"),
    [
        (lambda study: study.plot(figur="map"), "figur", "figure"),
        (lambda study: study.compare(outcom="troops_crossed"), "outcom", "outcome"),
        (lambda study: study.fork("2021-05-03", outcom="troops_crossed"), "outcom", "outcome"),
        (lambda study: sim.run(progres=False), "progres", "progress"),
        (lambda study: sim.run(config_dirr="x"), "config_dirr", "config_dir"),
        (lambda study: sim.run(scenarioo="x"), "scenarioo", "scenario"),
        (lambda study: sim.assimilate(move=3), "move", "moves"),
        (lambda study: sim.Interval(lo=1, high=2), "lo", "low"),
    ],
)
def test_a_misspelt_argument_suggests_the_argument_or_the_setting_that_is_meant(plain, call, key, meant):
    with pytest.raises(sim.PanjError, match=f"did you mean '{meant}'") as refused:
        call(plain)
    assert refused.value.key == key


@pytest.mark.parametrize(
    ("call", "key"),
    [
        (lambda: sim.Study(3), "folder"),
        (lambda: sim.open(None), "folder"),
        (lambda: sim.run(config_dir=3), "config_dir"),
        (lambda: sim.numbers(3), "config_dir"),
        (lambda: sim.score(3), "study"),
        (lambda: sim.write_explorable(5), "policies"),
        (lambda: sim.write_explorable(worlds=[5]), "worlds"),
        (
            lambda: sim.sweep({"rules.news.fade_days": sim.Interval("a", 3)}, sampling="latin_hypercube"),
            "rules.news.fade_days",
        ),
    ],
)
def test_an_argument_of_another_type_is_named(call, key):
    with pytest.raises(sim.PanjError) as refused:
        call()
    assert refused.value.key == key


TABLES = (pd.DataFrame({"a": [1, 2]}), np.zeros((2, 2)), pd.Series([1, 2]), np.arange(2), {"a": [1]}, ["a"])


def arguments():
    """Yield each declared argument of the interface: the name of the call, the call, the argument, and those needed."""
    for name, call in calls():
        made = [part for part in ("__init__", "__new__") if part in vars(call)] if isinstance(call, type) else []
        declared = [*signature(getattr(call, made[-1]) if made else call).parameters.values()]
        own = [one for one in declared[int("." in name or bool(made)) :] if one.kind is not one.VAR_KEYWORD]
        needed = {one.name: "x" for one in own if one.default is one.empty}
        yield from ((name, call, one, needed) for one in own)


@pytest.mark.parametrize(("name", "call", "one", "needed"), [
    pytest.param(*row, id=f"{row[0]}-{row[2].name}") for row in arguments()
])  # fmt: skip
def test_a_table_where_a_single_value_is_expected_is_refused_in_one_sentence(plain, name, call, one, needed):
    kinds = str(one.annotation)
    for table in TABLES:
        if isinstance(table, dict) and ("Mapping" in kinds or "dict" in kinds):
            continue
        if not isinstance(table, dict) and np.ndim(table) == 1 and ("list" in kinds or "tuple" in kinds):
            continue
        with pytest.raises(sim.PanjError, match=f"found an? {type(table).__name__}") as refused:
            call(*([plain] if "." in name else []), **needed | {one.name: table})
        assert refused.value.key == one.name and "\n" not in str(refused.value)


def test_a_table_among_settings_is_refused_in_one_sentence(plain, swept):
    table = pd.DataFrame({"a": [1, 2]})
    for call in (sim.run, sim.sweep, sim.score, sim.assimilate, sim.settings, sim.write_explorable, swept.cell):
        with pytest.raises(sim.PanjError, match="found a DataFrame") as refused:
            call(border=table)
        assert refused.value.key == "border" and "\n" not in str(refused.value)
    for call in (sim.run, sim.score, sim.assimilate, sim.write_explorable):
        with pytest.raises(sim.PanjError, match="found a DataFrame") as refused:
            call(config_dir=table)
        assert refused.value.key == "config_dir" and "\n" not in str(refused.value)
    with pytest.raises(sim.PanjError, match="found a DataFrame") as refused:
        sim.sweep({"sampling.keys": table}, sampling="latin_hypercube")
    assert refused.value.key == "sampling.keys"


def test_names_may_be_given_as_a_series(plain):
    assert list(plain.table("runs", pd.Series(["seed", "cell"]))) == ["seed", "cell"]


def test_an_argument_that_is_missing_is_named():
    with pytest.raises(sim.PanjError) as refused:
        sim.open()
    assert str(refused.value) == "sim.open: found no folder, expected (folder, cell, config_dir)"


@pytest.mark.parametrize("value", [str, pd.DataFrame])
def test_a_class_where_a_path_is_expected_is_named(value):
    with pytest.raises(sim.PanjError, match=f"^folder: found the class {value.__name__}, expected a path$"):
        sim.open(value)


def test_an_argument_too_many_or_too_few_is_named(plain):
    for call, key in ((lambda: plain.plot("map", None, 3), "Study.plot"), (sim.open, "sim.open")):
        with pytest.raises(sim.PanjError) as refused:
            call()
        assert refused.value.key == key
