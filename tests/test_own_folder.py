"""A folder of one's own: its files are used on top of those of Panj, with the same checks, and nothing is mixed up."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import nullcontext
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from quick import no_figures, replace_campaigns
from shared import Table, evidence_row, rewrite

import sim
from sim import __main__ as front
from sim import listing
from sim.__main__ import main
from sim.configuration.compose import compose_settings
from sim.configuration.overrides import choices_of
from sim.configuration.sweep import compose_sweep
from sim.data import own
from sim.data.configs import PACKAGE
from sim.data.evidence import read_evidence
from sim.data.facts import read_facts
from sim.errors import PanjError
from sim.execution import work
from sim.outcome import read_outcomes
from sim.story import chronicle
from sim.study import starter
from sim.study.files import write_file

AS_DECLARED = "calibration=as_declared"
SHORT = (AS_DECLARED, "end_date=2021-05-04", "daily=false", "runs=2")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder as `init` writes it, which is the current one; campaigns are quick and nothing is drawn."""
    monkeypatch.delenv(own.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    replace_campaigns(monkeypatch)
    monkeypatch.setattr(front, "drawing_apart", lambda: nullcontext(no_figures))
    assert main(["init", "my_study"]) == 0
    monkeypatch.chdir("my_study")
    yield tmp_path / "my_study"
    monkeypatch.setenv(own.VARIABLE, own.NONE)
    own.refresh()


def add(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
    return path


def key_of(*words: str) -> str:
    """Return the key of the error that a command line causes."""
    with pytest.raises(PanjError) as found:
        compose_settings(words)
    return f"{found.value.key} {found.value}"


def about_of(study: str) -> dict:
    return json.loads((Path("results") / study / "about.json").read_text(encoding="utf-8"))


def test_init_writes_examples_that_pass_as_they_are_and_overwrites_nothing(folder, capsys):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert main(["init", "."]) == 2 and main(["init", "other"]) == 2
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    settings = compose_settings(["scenario=my_scenario", AS_DECLARED])
    assert settings.choices["border"] == "half_open" and settings.numbers["rules.crossing.admits"] == 0.5
    assert {event.name: event.date for event in settings.events}["bagram_handed_over"] == "2021-07-06"


def test_init_leaves_out_what_an_installer_compiled(tmp_path, monkeypatch):
    shutil.copytree(starter.STARTER, tmp_path / "starter", ignore=shutil.ignore_patterns("__pycache__"))
    wanted = {path.relative_to(tmp_path / "starter") for path in (tmp_path / "starter").rglob("*") if path.is_file()}
    add(tmp_path / "starter/my_rules/__pycache__/neighbours.cpython-311.pyc", "compiled")
    monkeypatch.setattr(starter, "STARTER", tmp_path / "starter")
    written = starter.write_starter(tmp_path / "mine")
    assert {path.relative_to(tmp_path / "mine") for path in written} == wanted
    assert not list((tmp_path / "mine").rglob("*.pyc"))


def test_init_in_a_folder_with_a_file_of_that_name_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    add(tmp_path / "project/outcomes.yaml", "mine")
    assert main(["init", "project"]) == 2
    assert [path.name for path in (tmp_path / "project").iterdir()] == ["outcomes.yaml"]


@pytest.mark.parametrize("number", [0, 1, 3, 5])
def test_init_that_cannot_write_leaves_no_file_and_no_folder(number, tmp_path, monkeypatch, capsys):
    add(tmp_path / "project/notes.txt", "mine")
    written = []

    def write(path, content):
        if len(written) == number:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        return write_file(path, content)

    monkeypatch.setattr(starter, "write_file", write)
    assert main(["init", str(tmp_path / "project/a/b")]) == 2
    printed = capsys.readouterr()
    assert not printed.out and re.fullmatch(
        r"panj: init: cannot write .*b \(No space left on device\); .*\n", printed.err
    )
    assert [path.name for path in tmp_path.rglob("*")] == ["project", "notes.txt"]


KILLED = """
import os
import sys
from sim.__main__ import main
from sim.study import starter
files = []
def write(path, content, write_file=starter.write_file):
    if len(files) == int(sys.argv[1]):
        os._exit(9)
    files.append(write_file(path, content))
starter.write_file = write
main(["init", "mine", "tables=true"])
"""


@pytest.mark.parametrize("number", [0, 1, 13])
def test_init_goes_on_after_a_kill(number, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(own.VARIABLE, raising=False)
    done = subprocess.run([sys.executable, "-c", KILLED, str(number)], check=False, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (9, b"", b"")
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == number
    assert main(["init", "whole", "tables=true"]) == 0
    said = capsys.readouterr().out.replace("whole", "mine")
    assert main(["init", "mine", "tables=true"]) == 0
    assert capsys.readouterr().out == said
    contents = [
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "mine", tmp_path / "whole")
    ]
    assert contents[0] == contents[1] and len(contents[0]) == 14


def test_init_goes_on_after_a_kill_only_if_no_file_differs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "mine"]) == 0
    (tmp_path / "mine/panj.yaml").unlink()
    (tmp_path / "mine/events.yaml").unlink()
    add(tmp_path / "mine/numbers.yaml", "# mine")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert main(["init", "mine"]) == 2
    assert re.search(r"^panj: init: found mine.numbers\.yaml, expected no file of this name", capsys.readouterr().err)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_init_that_goes_on_and_cannot_write_keeps_what_was_there(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "mine"]) == 0
    for name in ("panj.yaml", "events.yaml"):
        (tmp_path / "mine" / name).unlink()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def write(path, content):
        if path.name == "panj.yaml":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_file(path, content)

    monkeypatch.setattr(starter, "write_file", write)
    assert main(["init", "mine"]) == 2
    assert capsys.readouterr().err.endswith("(No space left on device); nothing was written\n")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("place", ["{}", ".", "link", "..", "../home", os.path.abspath(os.sep)])
@pytest.mark.parametrize("more", [[], ["tables=true"]])
def test_init_refuses_the_root_of_a_disk_and_the_home_folder(place, more, tmp_path, monkeypatch, capsys):
    (tmp_path / "all/home").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "all/home")
    (tmp_path / "all/home/link").symlink_to(tmp_path / "all/home", target_is_directory=True)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "all/home"))
    monkeypatch.setattr(starter, "write_file", None)  # nothing is written, even if the test fails
    place = place.format(tmp_path / "all/home")
    assert main(["init", place, *more]) == 2
    said, found = capsys.readouterr().err, Path(place).resolve()
    assert said.startswith(f"panj: folder: found {found}, expected a folder of its own") and said.count("\n") == 1
    assert [path.name for path in (tmp_path / "all").rglob("*")] == ["home", "link"]


def test_init_beside_an_own_folder_is_not_inside_it(folder, capsys):
    assert main(["init", "../other"]) == 0
    assert (folder.parent / "other/panj.yaml").is_file()


def test_a_stopped_init_speaks_of_no_campaigns_and_leaves_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def write(path, content):
        if path.name == "panj.yaml":
            raise KeyboardInterrupt
        return write_file(path, content)

    monkeypatch.setattr(starter, "write_file", write)
    assert main(["init", "a/b"]) == 130
    assert capsys.readouterr().err == "\nStopped at once.\n"
    assert not list(tmp_path.iterdir())


def test_init_in_the_place_of_a_file_names_it(tmp_path, capsys):
    add(tmp_path / "project", "mine")
    assert main(["init", str(tmp_path / "project")]) == 2
    assert "panj: init: " in (said := capsys.readouterr().err) and "project: found a file, expected a folder" in said


def test_commented_examples_pass_once_the_comment_is_removed(folder):
    for name in ("numbers.yaml", "events.yaml"):
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        examples = [line.removeprefix("# ") for line in lines if line.startswith(("# rules.", "# comma", "# bagram"))]
        assert examples
        (folder / name).write_text("\n".join(examples), encoding="utf-8")
    settings = compose_settings([])
    assert settings.numbers["rules.news.fade_days"] == 5
    assert "rules.news.fade_days" not in [prior.key for prior in settings.draws.priors]
    events = {event.name: event for event in settings.events}
    assert (events["commandos_to_kunduz"].value, events["bagram_handed_over"].date) == (200, "2021-07-06")


def test_the_folder_is_found_from_below_by_config_dir_and_by_the_variable(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(folder / "data")
    assert compose_settings(["border=half_open"]).choices["border"] == "half_open"
    monkeypatch.chdir(tmp_path)
    assert "half_open" not in choices_of("border")
    assert main(["settings", "border=half_open", f"config_dir={folder}"]) == 0
    monkeypatch.setenv(own.VARIABLE, str(folder))
    assert main(["settings", "border=half_open"]) == 0
    monkeypatch.setenv(own.VARIABLE, str(tmp_path))
    assert main(["settings"]) == 2 and own.VARIABLE in capsys.readouterr().err
    assert main(["settings", f"config_dir={tmp_path}"]) == 2 and "config_dir" in capsys.readouterr().err


def test_a_study_that_chooses_nothing_own_is_that_of_outside(folder, tmp_path, monkeypatch):
    inside = compose_settings(["border=closed", AS_DECLARED])
    monkeypatch.chdir(tmp_path)
    outside = compose_settings(["border=closed", AS_DECLARED])
    assert inside.fingerprint() == outside.fingerprint() and inside.study == outside.study
    assert inside.facts.fingerprint == outside.facts.fingerprint
    assert inside.results_dir == folder.relative_to(tmp_path / "my_study") / "results"


def test_results_are_in_the_folder_wherever_the_command_is_typed(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder / "data")
    assert compose_settings([AS_DECLARED]).results_dir == folder / "results"
    assert compose_settings([AS_DECLARED, "results_dir=here"]).results_dir == Path("here")


def test_the_record_names_the_files_with_an_effect_and_a_run_counts_own_outcomes(folder, capsys):
    add(folder / "policies/border/unused.yaml", "about: Not chosen.\n")
    assert main([*SHORT, "scenario=my_scenario", "study=own"]) == 0
    about = about_of("own")
    chosen = {"outcomes.yaml", "policies/border/half_open.yaml", "scenarios/my_scenario.yaml"}
    assert about["config_dir"] == str(folder) and set(about["own_files"]) == chosen
    stamped = json.loads(pq.read_schema("results/own/runs.parquet").metadata[b"panj"])
    assert stamped["own_files"] == about["own_files"]
    assert "kunduz_held_2021_06_30" in pq.read_schema("results/own/runs.parquet").names


@pytest.mark.parametrize("words", [["scenario=my_scenario"], ["-m", "border=as_reported,half_open"]])
def test_the_table_that_a_run_prints_has_own_outcomes(folder, capsys, words):
    add(folder / "outcomes.yaml", "mine: {quantity: held, date: 2021-06-21, unit: districts, label: Heldinjune}\n")
    add(folder / "outcomes.yaml", "mine_last_day: {quantity: held, unit: districts, label: Heldatend}\n")
    assert main([AS_DECLARED, "daily=false", "runs=2", "study=own", *words]) == 0
    table = capsys.readouterr().out
    assert "Heldinjune" in table and "Heldatend" in table


def test_reproduce_and_compare_use_the_folder_of_the_study_from_anywhere(folder, tmp_path, monkeypatch, capsys):
    assert main([*SHORT, "scenario=my_scenario", "study=own"]) == 0
    monkeypatch.chdir("/")
    assert main(["reproduce", str(folder / "results/own/runs.parquet"), f"results_dir={tmp_path / 'again'}"]) == 0
    moved = folder.rename(tmp_path / "moved")  # the study is found in it
    assert main(["reproduce", str(moved / "results/own/runs.parquet"), f"results_dir={tmp_path / 'later'}"]) == 0
    about = json.loads((moved / "results/own/about.json").read_text(encoding="utf-8"))
    assert own.recorded_folder(about, moved / "results/own") == (moved, "")
    found, note = own.recorded_folder(about, tmp_path / "elsewhere")
    assert found is None and "my_scenario.yaml" in note
    assert own.recorded_folder({}, moved / "results/own") == (None, "")  # made without a folder of one's own


def test_numbers_apply_to_every_run_and_what_is_typed_takes_precedence(folder):
    usual = compose_settings([AS_DECLARED])
    add(folder / "numbers.yaml", "news.fade_days: 7\n")
    mine = compose_settings([AS_DECLARED])
    assert mine.numbers["rules.news.fade_days"] == 7 and mine.study != usual.study
    assert compose_settings([AS_DECLARED, "rules.news.fade_days=8"]).numbers["rules.news.fade_days"] == 8
    typed = compose_settings([AS_DECLARED, "rules.news.fade_days=7"])
    assert mine.fingerprint() == typed.fingerprint() != usual.fingerprint()


@pytest.mark.parametrize(("text", "key"), [
    ("news.fade_dayz: 7\n", "fade_dayz"), ("rules.news.fade_days: 1e9\n", "rules.news.fade_days"),
    ("rules.news.fade_days: much\n", "rules.news.fade_days"), ("news: [7]\n", "numbers.yaml"),
    ("news.fade_days: 7\nrules.news.fade_days: 8\n", "rules.news.fade_days"),
])  # fmt: skip
def test_a_wrong_number_is_named(folder, text, key):
    add(folder / "numbers.yaml", text)
    assert key in key_of()


@pytest.mark.parametrize(("text", "line"), [
    ("news.fade_days: 7\n\nnews.fade_dayz: 7\n", 3), ("# mine\nrules.news.fade_days: much\n", 2),
    ("news.fade_days: 7\nrules.news.fade_days: 8\n", 2), ("a: &a [*a]\n", 1),
])  # fmt: skip
def test_an_error_about_a_number_names_file_and_line(folder, text, line):
    (folder / "numbers.yaml").write_text(text, encoding="utf-8")
    assert f"line {line}" in key_of() and str(folder / "numbers.yaml") in key_of()


def test_an_error_about_an_event_names_file_and_line(folder):
    (folder / "events.yaml").write_text("# mine\nmine: soon\n", encoding="utf-8")
    assert f"{folder / 'events.yaml'} line 2" in key_of()


BOMB = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 30))
MERGED = "a0: &a0 {x0: 1}\n" + "".join(
    f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}], x{i}: 1}}\n" for i in range(1, 30)
)


@pytest.mark.parametrize("text", ["a: &a [*a]\n", "a: &a {b: *a}\n", "a: &a {<<: *a}\n", BOMB, MERGED])
@pytest.mark.parametrize("name", ["panj.yaml", "numbers.yaml", "events.yaml", "outcomes.yaml",
                                  "policies/border/half_open.yaml", "scenarios/my_scenario.yaml"])  # fmt: skip
def test_a_file_whose_aliases_never_end_is_refused_at_once(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(PanjError) as found:
        own.refresh()
        compose_settings(["scenario=my_scenario"])
        read_outcomes(read_facts(), date(2021, 5, 1), 10)
    assert found.value.key == str(folder / name) and "(*)" in str(found.value)


def test_an_alias_that_repeats_little_is_read(folder):
    add(folder / "events.yaml", "one: &one {date: 2021-06-10, act: reinforce, district: Kunduz, value: 50, source: x}\n"
        "two: {<<: *one, value: 60}\n")  # fmt: skip
    values = {event.name: event.value for event in compose_settings([]).events}
    assert (values["one"], values["two"]) == (50, 60)


def test_events_can_be_changed_and_deleted_by_overrides_and_scenarios(folder):
    add(folder / "events.yaml", "mine: {date: 2021-06-10, act: reinforce, district: Kunduz, value: 50, source: x}\n")
    assert {event.name: event.date for event in compose_settings([]).events}["mine"] == "2021-06-10"
    changed = compose_settings(["timeline.events.mine.date=2021-06-12"])
    assert {event.name: event.date for event in changed.events}["mine"] == "2021-06-12"
    assert "mine" not in {event.name for event in compose_settings(["~timeline.events.mine"]).events}
    add(folder / "scenarios/without.yaml", "scenario:\n  strike: [mine]\n")
    assert "mine" not in {event.name for event in compose_settings(["scenario=without"]).events}


@pytest.mark.parametrize(("text", "key"), [
    ("mine: {date: 2021-06-10, act: reinforce, district: Kundux, value: 5, source: x}\n", "mine.district"),
    ("mine: {date: 2021-06-10, act: reinforce, place: Kunduz, value: 5, source: x}\n", "mine"),
    ("mine: {act: context, source: x}\n", "mine.date"), ("mine: 5\n", "mine"), ("a b: {date: 2021-06-10}\n", "a b"),
])  # fmt: skip
def test_a_wrong_event_is_named(folder, text, key):
    add(folder / "events.yaml", text)
    assert key in key_of()


@pytest.mark.parametrize(("path", "text", "line"), [
    ("scenarios/odd.yaml", "defaults: [july_2021]\nscenario:\n  posts: {tem: {soldiers: 7}}\n", 3),
    ("scenarios/odd.yaml", "scenario:\n  title: x\n  attention: {North: 2}\n", 3),
    ("scenarios/odd.yaml", "scenario:\n  scale:\n    news.fade: 3\n", 3),
    ("scenarios/odd.yaml", "scenario:\n  events:\n    bagram_handed_over: {date: soon}\n", 3),
    ("scenarios/odd.yaml", "# mine\nend_date: 2021-04-01\n", 2),
    ("scenarios/odd.yaml", "defaults:\n  - july_2021\n  - override /border: halfopen\n", 3),
    ("scenarios/odd.yaml", "defaults:\n  - july_2021\n  - override /boarder: open\n", 3),
    ("policies/border/odd.yaml", "about: x\nset: {crossing.admits: 5}\n", 2),
    ("policies/border/odd.yaml", "about: x\nset:\n  crossing.admits: much\n", 3),
    ("policies/border/odd.yaml", "about: x\nshift:\n  crossing.admits: -5\n", 3),
    ("policies/border/odd.yaml", "strike:\n  - nothing\n", 2),
    ("events.yaml", "mine: {date: 2021-06-01, act: fly, text: x, source: me}\n", 0),
    ("events.yaml", "mine: {act: context, source: x}\n", 0),
    ("outcomes.yaml", "mine: {quantity: hold, date: 2021-06-30, unit: districts}\n", 0),
    ("outcomes.yaml", "mine: {quantity: held, date: 2021-06-30, scope: {province: Kundz}}\n", 0),
    ("outcomes.yaml", "mine: {quantity: held, date: 2021-06-30, reported: F005}\n", 0),
    ("outcomes.yaml", "seed: {quantity: held, date: 2021-06-30}\n", 0),
    ("outcomes.yaml", "mine: {quantity: [held], date: 2021-06-30}\n", 0),
    ("outcomes.yaml", "mine: {quantity: held, date: 2021-06-30, scope: [Kunduz]}\n", 0),
    ("outcomes.yaml", "mine: {quantity: held, date: 2021-06-30, reported: {sum: [F005], divide: true}}\n", 0),
    ("scenarios/odd.yaml", "scenario:\n  set:\n    news.fade_days: true\n", 3),
    ("policies/border/odd.yaml", "about: x\nset:\n", 2),
])  # fmt: skip
def test_an_error_about_an_own_file_names_the_file_and_its_line(folder, path, text, line):
    many = len(add(folder / path, text).read_text(encoding="utf-8").splitlines())
    group = {"scenarios": "scenario", "policies": "border"}.get(path.partition("/")[0])
    with pytest.raises(PanjError) as found:
        settings = compose_settings([f"{group}=odd"] if group else [])
        read_outcomes(settings.facts, settings.start_date, settings.days)
    assert str(found.value).startswith(f"{folder / path} line {line or many}: ")
    assert not found.value.key.startswith(str(folder))  # the key is still that of the setting


@pytest.mark.parametrize(("path", "text"), [
    ("policies/border/odd.yaml", "set: [crossing.admits]\n"), ("policies/border/odd.yaml", "about: [x]\n"),
    ("scenarios/odd.yaml", "scenario: {events: {mine: 3}}\n"), ("scenarios/odd.yaml", "scenario: {strike: mine}\n"),
    ("scenarios/odd.yaml", "scenario: {title: [x]}\n"), ("scenarios/odd.yaml", "scenario: {strike: [[mine]]}\n"),
    ("scenarios/odd.yaml", "scenario: {scale: {news.fade_days: [1]}}\n"),
    ("scenarios/odd.yaml", "scenario: {posts: {1: {soldiers: 0}}}\n"), ("scenarios/odd.yaml", "defaults: [3]\n"),
])  # fmt: skip
def test_a_value_of_another_type_is_refused_with_its_file(folder, path, text):
    add(folder / path, text)
    with pytest.raises(PanjError) as found:
        compose_settings([f"{'border' if 'policies' in path else 'scenario'}=odd"])
    assert str(folder / path) in str(found.value) and "Config" not in str(found.value)


def test_an_error_about_a_choice_that_there_is_not_names_no_folder_of_panj(folder):
    add(folder / "scenarios/odd.yaml", "defaults: [{mine: other}]\n")
    with pytest.raises(PanjError) as found:
        compose_settings(["scenario=odd"])
    assert "'mine/other'" in str(found.value) and "path" not in str(found.value)


def test_an_error_about_an_override_does_not_name_an_own_file(folder):
    add(folder / "events.yaml", "mine: {date: 2021-06-10, act: context, source: x}\n")
    assert str(folder) not in key_of("timeline.events.mine.date=soon")
    assert str(folder) not in key_of("border=half_open", "+border.posts.tem.soldiers=2")


def test_an_own_table_is_named_with_its_path(folder):
    (folder / "data/posts.csv").write_text("a;b\n1;2\n", encoding="utf-8")
    assert str(folder / "data/posts.csv") in key_of()


# values for which constructors of PyYAML raise an IndexError, an AttributeError and a KeyError
ODD = (b'posts: {tem: {room: !!int ""}}\n', b"a: !!timestamp xyz\n", b"a: [!!bool abc]\n")


def test_only_the_choice_of_a_bad_file_fails(folder, capsys):
    for number, content in enumerate(
        [b"", b"a:\tb\n", "about: Реки\n".encode("cp1251"), b"\xff\xfea\0", b"- 1\n", *ODD]
    ):
        (folder / f"scenarios/draft{number}.yaml").write_bytes(content)
        (folder / f"policies/border/draft{number}.yaml").write_bytes(content)
    assert compose_settings(["border=closed", AS_DECLARED]).choices["border"] == "closed"
    assert main(["--help"]) == 0
    capsys.readouterr()
    assert main(["list", "scenarios", "draft4"]) == main(["list", "policies", "draft4"]) == 0
    assert capsys.readouterr().out.count("cannot be used") == 2
    for number in range(1, 5 + len(ODD)):
        assert f"draft{number}.yaml" in key_of(f"scenario=draft{number}")
        assert f"draft{number}.yaml" in key_of(f"border=draft{number}")


@pytest.mark.parametrize(("group", "path", "text"), [
    ("border", "policies/border/odd.yaml", "abuot: A slip.\n"),
    ("scenario", "scenarios/odd.yaml", "scenario: {titel: A slip}\n"),
    ("scenario", "scenarios/odd.yaml", "defalts: [july_2021]\n"),
])  # fmt: skip
def test_a_key_that_nothing_reads_is_refused_with_its_file(folder, group, path, text):
    add(folder / path, text)
    said = key_of(f"{group}=odd")
    assert "odd.yaml" in said and text.split(":")[0 if "scenario:" not in text else 1].strip(" {") in said


@pytest.mark.parametrize("path", [
    "policies/border/closed.yaml", "policies/border/Closed.yaml", "scenarios/july_2021.yaml", "scenarios/mine.yml",
    "policies/boarder/mine.yaml", "policies/mine.yaml", "scenarios/null.yaml", "scenarios/1.yaml",
    "scenarios/True.yaml",
    "policies/border/1e3.yaml", "outcome.yaml", "scenario/mine.yaml", "data/district.csv",
    "scenarios/old/mine.yaml", "policies/border/old/mine.yaml", "scenarios/mine.yaml.bak",
])  # fmt: skip
def test_a_name_that_exists_twice_or_that_nothing_reads_is_refused(folder, path, capsys):
    add(folder / path, "about: Mine.\n")
    assert main(["settings"]) == 2
    parents = ("boarder", "scenario", "old")  # names of folders that nothing reads
    named = next((part for part in Path(path).parts if part in parents), Path(path).name)
    assert named in capsys.readouterr().err


@pytest.mark.parametrize(("name", "meant"), [
    ("mine.yml", "'mine.yaml'"), ("mine", "'mine.yaml'"), ("mine.yaml.bak", ""), ("my_scenario.txt", ""),
    ("my_scenario.yaml~", ""),
])  # fmt: skip
def test_a_name_is_suggested_only_if_no_file_has_it(folder, name, meant, capsys):
    add(folder / "scenarios" / name, "about: Mine.\n")
    assert main(["settings"]) == 2
    expected = capsys.readouterr().err.partition("expected")[2]
    assert meant in expected and (meant or ".yaml'" not in expected)


@pytest.mark.parametrize(("path", "text", "line", "key"), [
    ("outcomes.yaml", "mine:\n  quantity: held\n  date: 2021-13-01\n", 3, "date"),
    ("events.yaml", "mine: {act: context, source: x,\n  date: 2021-07-99}\n", 2, "date"),
    ("scenarios/odd.yaml", "end_date: 2021-02-30\n", 1, "end_date"),
    ("scenarios/odd.yaml", "about: x\nscenario: {strike: [a, 2021-00-01]}\n", 2, "strike"),
])  # fmt: skip
def test_a_date_that_does_not_exist_is_named_with_its_line_and_key(folder, path, text, line, key):
    (folder / path).write_text(text, encoding="utf-8")
    with pytest.raises(PanjError) as found:
        settings = compose_settings(["scenario=odd"] if "odd" in path else [])
        read_outcomes(settings.facts, settings.start_date, settings.days)
    assert f"{folder / path}: " in str(found.value) and f"line {line}, " in str(found.value)
    assert f" {key}: found '2021-" in str(found.value)


@pytest.mark.parametrize(("path", "text", "line", "key"), [
    ("panj.yaml", "version: 1\ncolour: red\n", 2, "colour"),
    ("scenarios/odd.yaml", "scenario: {title: x}\nwhatever: 3\n", 2, "whatever"),
    ("scenarios/odd.yaml", "scenario:\n  titel: x\n", 2, "titel"),
    ("scenarios/odd.yaml", "scenario:\n  title: [x]\n", 2, "title"),
    ("scenarios/odd.yaml", "scenario:\n  events:\n    mine: 3\n", 3, "mine"),
    ("policies/border/odd.yaml", "about: x\nabuot: x\n", 2, "abuot"),
    ("evidence.csv", "F001,2021-07-04,2021-07-05,held,1,1,1,districts,x,x,x,x,high,calibration,x,\n", 0, "F001"),
])  # fmt: skip
def test_an_error_about_a_key_or_a_row_names_its_line(folder, path, text, line, key, capsys):
    if line:
        (folder / path).write_text(text, encoding="utf-8")
    else:
        line = len(add(folder / path, text).read_text(encoding="utf-8").splitlines())
    group = {"scenarios": "scenario", "policies": "border"}.get(path.partition("/")[0])
    assert main(["settings", *([f"{group}=odd"] if group else [])]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"{path} line {line}" in said and key in said


def test_the_list_of_choices_says_which_cannot_be_used(folder):
    for name, text in (("tab", "a:\tb\n"), ("slip", "scenario: {titel: A slip}\n"), ("empty", "")):
        add(folder / f"scenarios/{name}.yaml", text)
    add(folder / "policies/border/slip.yaml", "abuot: A slip.\n")
    rows = {row["scenario"]: row["about"] for row in listing.scenarios()}
    assert {name for name, about in rows.items() if "cannot be used" in about} == {"tab", "slip", "empty"}
    policies = {row["choice"]: row["about"] for row in listing.policies() if row["group"] == "border"}
    assert [name for name, about in policies.items() if "cannot be used" in about] == ["slip"]


def test_help_is_shown_where_own_files_cannot_be_used(folder, capsys):
    add(folder / "outcome.yaml", "more: {}\n")
    assert main(["compare", "--help"]) == 0
    said = capsys.readouterr()
    assert "compare" in said.out and said.err.startswith("Note: ") and "outcome.yaml" in said.err


@pytest.mark.parametrize("name", ["outcomes.yaml", "numbers.yaml"])
def test_a_value_that_its_type_cannot_have_is_named_with_its_file(folder, name, capsys):
    (folder / name).write_text("a: !!timestamp xyz\n", encoding="utf-8")
    assert main(["settings", AS_DECLARED]) == 2
    assert f"{name}: found invalid YAML (line 1, column 4: a: found 'xyz'" in capsys.readouterr().err


def test_a_setting_of_the_marker_that_nothing_reads_is_refused(folder):
    add(folder / "panj.yaml", "colour: red\n")
    assert "colour" in key_of()


def test_files_beside_those_of_panj_are_left_alone(folder):
    for name in ("notebook.ipynb", "environment.yaml", "notes/outcomes.txt", ".git/config"):
        add(folder / name, "mine")
    assert compose_settings([AS_DECLARED]).days > 0


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(folder):
    plain = compose_settings(["scenario=my_scenario", AS_DECLARED]).fingerprint()
    for path in folder.rglob("*.yaml"):
        text = path.read_text(encoding="utf-8").replace("\n", "\r\n")
        path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert compose_settings(["scenario=my_scenario", AS_DECLARED]).fingerprint() == plain


def test_an_own_outcome_leaves_the_fingerprint_of_the_settings_and_other_outcomes(folder):
    settings = compose_settings([AS_DECLARED])
    before = {row.name: row.fingerprint for row in read_outcomes(settings.facts, settings.start_date, settings.days)}
    add(folder / "outcomes.yaml", "more: {quantity: held, date: 2021-06-01, unit: districts}\n")
    later = compose_settings([AS_DECLARED])
    after = {row.name: row.fingerprint for row in read_outcomes(later.facts, later.start_date, later.days)}
    assert {name: after[name] for name in before} == before and set(after) - set(before) == {"more"}
    assert later.fingerprint() == settings.fingerprint()


@pytest.mark.parametrize("name", ["null", "on", "1", "2021-06-01", "1.5", "~"])
@pytest.mark.parametrize("text", ["{}: {{quantity: held, date: 2021-06-01, unit: districts}}\n",
    "mine: {{quantity: held, scope: {{province: Kunduz, {}: x}}, date: 2021-06-01, unit: districts}}\n"])  # fmt: skip
def test_a_name_that_yaml_does_not_read_as_text_is_refused(folder, name, text):
    add(folder / "outcomes.yaml", text.format(name))
    assert str(folder / "outcomes.yaml") in key_of()


@pytest.mark.parametrize("name", [
    "newly_fallen_2021_06_30", "crossed_ishkashim", "capital_fell_kunduz", "seed", "error", "cell", "run", "traceback",
    "drawn/x", "daily/x", "newly_fallen_2021_07_08", "kunduz_held_2021_06_30",
])  # fmt: skip
def test_an_own_outcome_with_a_name_that_is_taken_is_refused(folder, name):
    add(folder / "outcomes.yaml", f"{name}: {{quantity: held, date: 2021-06-01, unit: districts}}\n")
    with pytest.raises(PanjError) as found:
        compose_sweep([AS_DECLARED, "runs=1"])
        settings = compose_settings([AS_DECLARED])
        read_outcomes(settings.facts, settings.start_date, settings.days)
    assert name in str(found.value)


def test_own_evidence_is_compared_with_and_casts_no_doubt_on_the_fit(folder):
    usual, many = compose_settings([]), len(read_evidence())
    add(folder / "evidence.csv", evidence_row(use="calibration"))
    add(folder / "outcomes.yaml",
        "mine: {quantity: held, date: 2021-06-21, unit: districts, reported: {sum: [M001], divide: 1}}\n")  # fmt: skip
    settings = compose_settings([])
    assert len(read_evidence()) == many + 1 and settings.doubt == usual.doubt
    table = {row.name: row for row in read_outcomes(settings.facts, settings.start_date, settings.days)}
    assert table["mine"].reported["sum"] == ["M001"]


@pytest.mark.parametrize(("cells", "said"), [({"id": "F001"}, "F001"), ({"date_start": "2021-07-08"}, "date_start"),
                                             ({"source": ""}, "source")])  # fmt: skip
def test_wrong_own_evidence_is_refused(folder, cells, said):
    add(folder / "evidence.csv", evidence_row(**cells))
    with pytest.raises(PanjError, match=said):
        read_evidence()


def test_copies_of_the_tables_change_nothing_and_own_districts_change_the_data_fingerprint(folder):
    usual = compose_settings([AS_DECLARED])
    for name in own.REPLACED:
        shutil.copyfile(own.SHIPPED / name, folder / "data" / name)
    assert compose_settings([AS_DECLARED]).fingerprint() == usual.fingerprint()
    text = (folder / "data/districts.csv").read_text(encoding="utf-8")
    kabul = next(row for row in text.splitlines() if row.startswith("AF0101,"))
    population = str(usual.facts.population[0])
    (folder / "data/districts.csv").write_text(text.replace(kabul, kabul.replace(population, "123456")), "utf-8")
    mine = compose_settings([])
    assert mine.facts.population[0] == 123456 == read_facts().population[0] == chronicle.facts_here().population[0]
    assert mine.facts.fingerprint != usual.facts.fingerprint and "data" in mine.doubt
    assert read_facts(own.SHIPPED).fingerprint == usual.facts.fingerprint


def own_table(folder: Path, name: str, *changes: tuple[str, str, str]) -> None:
    """Copy a table of Panj into the folder, with cells changed: first cell of the row, column, new text."""
    shutil.copyfile(own.SHIPPED / name, folder / "data" / name)

    def change(rows: Table) -> None:
        for key, column, text in changes:
            next(row for row in rows if key in row.values())[column] = text

    rewrite(folder / "data" / name, change)


@pytest.mark.parametrize(("name", "row", "column", "text", "line"), [
    ("districts.csv", "AF0102", "fell_date", "2021-08-15", 3), ("districts.csv", "AF0102", "fell_date", "soon", 3),
    ("districts.csv", "AF0102", "fell_date_precision", "week", 3),
    ("districts.csv", "AF0102", "fell_without_fight", "maybe", 3),
    ("districts.csv", "AF0102", "borders_tajikistan", "2", 3),
    ("districts.csv", "AF0102", "borders_tajikistan", "1", 3),
    ("districts.csv", "AF0103", "district", "Paghman", 4),
    ("posts.csv", "P01", "district_id", "AF0101", 2), ("posts.csv", "P01", "reported_crossings", "134 on 22 June", 2),
    ("posts.csv", "P01", "reported_crossings", "2021-08-15: 134", 2),
    ("posts.csv", "P01", "reported_crossings", "2021-06-31: 134", 2),
    ("posts.csv", "P01", "reported_crossings", "2021-06-22: 134, 2021-06-23: 5", 2),
    ("posts.csv", "P01", "reported_crossings", "2021-06-22: 134; 2021-06-22: 5", 2),
])  # fmt: skip
def test_a_wrong_cell_of_an_own_table_is_refused_before_anything_runs(folder, name, row, column, text, line, capsys):
    changes = [(row, column, text)]
    if column == "fell_date":
        changes.append((row, "fell_date_precision", "day"))
    own_table(folder, name, *changes)
    before = set(folder.rglob("*"))
    assert main([*SHORT, "study=own"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"{folder / 'data' / name} line {line} (" in said and column in said and "expected" in said
    assert set(folder.rglob("*")) == before


@pytest.mark.parametrize("name", [*own.REPLACED, "evidence.csv"])
def test_a_column_of_an_own_table_that_nothing_reads_is_refused(folder, name, capsys):
    path = folder / name if name == "evidence.csv" else folder / "data" / name
    shutil.copyfile(own.SHIPPED / name, path)
    if name == "evidence.csv":
        path.write_text(path.read_text("utf-8").splitlines()[0] + "\n" + evidence_row(), "utf-8")
    rewrite(path, lambda rows: [{**row, "mine": "1"} for row in rows])
    assert main(["settings"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"{path} line 1, columns: found 'mine'" in said


@pytest.mark.parametrize("name", [*own.ALWAYS, *(f"data/{name}" for name in own.REPLACED)])
def test_a_folder_with_the_name_of_a_file_is_refused(folder, name, capsys):
    (folder / name).unlink(missing_ok=True)
    (folder / name).mkdir()
    assert main(["settings"]) == 2
    assert f"{folder / name}: found" in " ".join(capsys.readouterr().err.split())


def test_a_district_apart_from_its_province_is_named_once_with_its_line(folder, capsys):
    shutil.copyfile(own.SHIPPED / "districts.csv", folder / "data/districts.csv")
    rewrite(folder / "data/districts.csv", lambda rows: [rows[0], *rows[2:], rows[1]])
    assert main(["settings"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"{folder / 'data/districts.csv'} line 400 (AF0102), province: found 'Kabul'" in said
    assert "districts.csv: districts.csv" not in said


def test_a_worker_uses_the_folder_that_a_task_names_or_says_that_it_is_missing(folder, tmp_path, monkeypatch):
    add(folder / "outcomes.yaml", "more: {quantity: held, date: 2021-06-01, unit: districts}\n")
    order = compose_sweep([*SHORT, "scenario=my_scenario"]).cells[0].order
    assert order.config_dir == str(folder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(own.VARIABLE, own.NONE)
    own.refresh()
    shipped = work.versions_here()
    with pytest.raises(PanjError) as found:
        work.check_versions(order.fingerprints)  # without the folder
    assert "outcomes" in str(found.value)
    work.check_versions(order.fingerprints, order.config_dir)
    add(folder / "outcomes.yaml", "most: {quantity: held, date: 2021-06-02, unit: districts}\n")
    with own.using(folder):
        changed = work.versions_here()
    assert changed != order.fingerprints
    work.check_versions(changed, order.config_dir)
    work.check_versions(shipped)  # a later task, which reads no own files
    assert own.own_folder() is None
    with pytest.raises(PanjError) as found:
        work.check_versions(order.fingerprints, str(tmp_path / "gone"))
    assert found.value.key == "executor" and "gone" in str(found.value)


def test_a_policy_that_was_there_earlier_is_not_used_by_a_scenario(folder):
    compose_settings(["scenario=my_scenario", AS_DECLARED])
    (folder / "policies" / "border" / "half_open.yaml").rename(folder / "policies" / "border" / "ajar.yaml")
    assert key_of("scenario=my_scenario", AS_DECLARED).startswith("border ")


def test_a_task_that_reads_no_own_file_names_no_folder(folder):
    (folder / "outcomes.yaml").unlink()
    assert compose_sweep([*SHORT, "scenario=my_scenario"]).cells[0].order.config_dir == ""


def test_a_command_leaves_the_environment_as_it_was(folder, monkeypatch):
    before = dict(os.environ)
    assert main(["settings", "border=half_open"]) == 0 and dict(os.environ) == before


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Site-packages as a wheel fills them, read-only, next to a folder `configs` of another package."""
    site = tmp_path_factory.mktemp("site-packages")
    shutil.copytree(PACKAGE, site / "sim", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("configs", "scenarios"):
        shutil.copytree(PACKAGE.parent / name, site / "sim" / name)
        (site / name).mkdir()
        (site / name / "__init__.py").touch()
    for path in (*site.rglob("*"), site):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield site
    for path in (site, *site.rglob("*")):
        path.chmod(0o755)


def python(site: Path, here: Path, script: str) -> subprocess.CompletedProcess:
    environment = {key: value for key, value in os.environ.items() if key not in ("HOME", own.VARIABLE)}
    return subprocess.run(
        [sys.executable, "-P", "-c", script], cwd=here, capture_output=True, text=True, check=False,
        env=environment | {"PYTHONPATH": str(site), "NUMBA_DISABLE_JIT": "1"},
    )  # fmt: skip


def test_an_installed_copy_serves_a_folder_without_a_home_among_files_named_as_modules(installed, folder):
    for name in ("sim.py", "types.py", "random.py", "configs/config.yaml"):
        add(folder / name, "raise SystemExit('a file of the user was run')\n")
    script = (
        "import sim, sys; from sim.__main__ import drawing_apart, main\n"
        "from pathlib import Path\n"
        "with drawing_apart() as draw:\n"
        "    assert main(['settings', 'scenario=my_scenario']) == 0\n"
        "    try: draw(Path('nowhere'))\n"
        "    except ValueError as error: print(error)\n"
        "print(sim.__file__)\n"
    )
    done = python(installed, folder, script)
    assert done.returncode == 0 and str(installed) in done.stdout and "half_open" in done.stdout
    assert "nowhere" in done.stderr and "was run" not in done.stdout + done.stderr  # the report found no study there


def test_files_of_panj_are_not_the_users_own_where_it_is_installed_inside_the_folder(installed, folder):
    inside = folder / ".venv/lib/site-packages"
    script = (
        "from sim.configuration.compose import compose_settings; from sim.data import own, configs\n"
        f"settings = compose_settings(['border=closed', '{AS_DECLARED}'])\n"
        "chosen = [*settings.choices.items(), ('scenario', 'july_2021')]\n"
        "print(configs.PACKAGE, *own.files_with_effect(chosen), settings.fingerprint())\n"
    )
    *_, outside = python(installed, folder, script).stdout.split()
    inside.parent.mkdir(parents=True)
    shutil.copytree(installed, inside)
    try:
        done = python(inside, folder, script)
    finally:
        for path in (inside, *inside.rglob("*")):
            path.chmod(0o755)
    assert done.stdout.split() == [str(inside / "sim"), "outcomes.yaml", outside], done.stderr


def test_a_link_to_the_package_alone_finds_its_files(tmp_path):
    (tmp_path / "link").mkdir()
    (tmp_path / "link/sim").symlink_to(PACKAGE)
    script = "from sim.data.configs import folder_of; print(folder_of('configs').is_dir())"
    assert python(tmp_path / "link", tmp_path, script).stdout.split() == ["True"]


def test_a_package_that_is_reached_through_a_link_finds_its_files(tmp_path):
    (tmp_path / "link").symlink_to(PACKAGE.parent)
    script = "from sim.data.configs import folder_of; print(folder_of('configs').is_dir(), folder_of('configs'))"
    assert python(tmp_path / "link", tmp_path, script).stdout.split() == ["True", str(tmp_path / "link/configs")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("outcomes.yaml", "mine: {quantity: held, scope: {province: Kunduzz}, date: 2021-06-21, unit: districts}\n"),
        ("outcomes.yaml", "mine: {quantity: held, date: 2021-06-21, unit: districts, reported: {sum: [F999]}}\n"),
        ("evidence.csv", "X001,2021-07-10,2021-07-10,held\n"),
    ],
)
def test_settings_are_not_printed_where_a_file_that_always_applies_is_wrong(folder, name, text, capsys):
    add(folder / name, text)
    assert main(["settings", AS_DECLARED]) == 2
    assert capsys.readouterr().out == ""


def test_what_is_dated_after_the_last_day_is_said_with_the_date_that_would_count_it(folder, capsys):
    add(folder / "outcomes.yaml", "late: {quantity: held, date: 2021-08-01, unit: districts, label: Late}\n")
    add(
        folder / "events.yaml", "late_men: {date: 2021-08-02, act: reinforce, district: Kunduz, value: 50, source: x}\n"
    )
    small = ["runs=1", AS_DECLARED, "daily=false"]
    assert main([*small, "study=short"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "left out: event late_men (2021-08-02), outcome late (2021-08-01)." in said and "bagram" not in said
    assert main([*small, "study=long", "end_date=2021-08-02"]) == 0
    assert "left out" not in capsys.readouterr().out
    assert main(["plan", *small, "outcome=late"]) == 2
    assert "end_date=2021-08-01" in " ".join(capsys.readouterr().err.split())
    with pytest.raises(PanjError, match="end_date=2021-08-01"):
        compose_sweep([*small, "precision.outcome=late", "precision.half_width=1"])


@pytest.mark.parametrize("key", ["figures", "foo", "progress"])
def test_an_unrelated_key_gets_no_suggestion_but_the_lists(key):
    said = key_of(f"{key}=1")
    assert "did you mean" not in said and "help run" in said and "list numbers" in said


@pytest.mark.parametrize(("key", "meant"), [("bordr", "border"), ("rules.news.fade_dayz", "rules.news.fade_days"),
                                            ("fade_days", "rules.news.fade_days")])  # fmt: skip
def test_a_misspelt_key_or_last_part_is_suggested(key, meant):
    assert f"did you mean '{meant}'?" in key_of(f"{key}=1")


def test_open_finds_a_study_of_the_folder_from_below(folder, monkeypatch):
    assert main([*SHORT, "study=own"]) == 0
    (folder / "notebooks").mkdir()
    monkeypatch.chdir(folder / "notebooks")
    assert sim.open("results/own").folder.resolve() == folder / "results/own"
    with pytest.raises(PanjError, match="results/none"):
        sim.open("results/none")
