"""Tests of --quiet and --json, for scripts, and of the name by which suggestions call the program."""

import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import get_type_hints

import pytest
from quick import DECLARED, no_figures, replace_campaigns
from shared import raising

from sim import __main__ as front
from sim import help, options, provenance
from sim.compare import figure
from sim.data.evidence import read_evidence
from sim.records import read_records, value_of
from sim.report import animation, report
from sim.study.reader import open_study, read_about
from sim.terminal import json_line

NIGHT = "troops_crossed_largest_night"
GRID = ["-m", "border=closed,as_reported", "runs=3", "end_date=2021-07-08", DECLARED, "daily=false", "study=grid"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder of results with a small sweep of quick campaigns, while campaigns are quick."""
    place = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        replace_campaigns(patch)
        patch.setattr(front, "drawing_apart", lambda: nullcontext(no_figures))
        assert front.main([*GRID, f"results_dir={place}"]) == 0
        yield place


def test_a_run_as_json_describes_the_study_and_everything_else_is_on_standard_error(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert front.main([*GRID, f"results_dir={place}", "--json"]) == 0
    said = capsys.readouterr()
    found, about = json.loads(said.out), read_about(place / "grid")
    assert (found["study"], found["campaigns"], found["failed"], found["cells"]) == ("grid", 6, 0, 2)
    assert found["fingerprint"] == about["settings_fingerprint"]
    assert found["folder"] == str(place / "grid")
    assert set(found["tables"]) >= {"runs", "summary"}
    assert all(Path(path).is_file() for path in found["tables"].values())
    assert "Next: " in said.err


def test_a_quiet_run_prints_the_folder_of_the_study_alone(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert front.main(["-q", *GRID, f"results_dir={place}"]) == 0
    assert capsys.readouterr() == (f"{place / 'grid'}\n", "")


def test_a_quiet_verb_prints_the_folder_that_it_wrote(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "main", lambda _request: 0)
    monkeypatch.setattr(animation, "main", lambda _request: 0)
    for words in (["report", str(place / "grid"), "cell=0"], ["animate", str(place / "grid")]):
        assert front.main(["-q", *words]) == 0
        assert capsys.readouterr() == (f"{place / 'grid'}\n", "")


def test_every_verb_that_writes_a_folder_returns_it_for_quiet() -> None:
    silent = {
        verb for verb, call in front.VERBS.items() if get_type_hints(call)["return"] is int and not verb.is_answer
    }
    assert silent == {options.Verify, options.Reproduce}  # they print a judgement and keep no folder


def test_missing_packages_for_figures_are_named_only_once_campaigns_have_run(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(front, "missing_of", lambda _extra: ["jinja2"])
    assert front.main(["border=clsed"]) == 2
    assert capsys.readouterr().out == ""
    assert front.main([*GRID, f"results_dir={place}"]) == 0
    assert "jinja2" in capsys.readouterr().out


def test_a_quiet_run_as_json_prints_nothing_else(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert front.main([*GRID, f"results_dir={place}", "--json", "--quiet"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["study"] == "grid" and said.err == ""


def test_flags_change_neither_settings_nor_what_is_recorded_of_them(place: Path) -> None:
    assert front.main([*(word.replace("grid", "quiet") for word in GRID), f"results_dir={place}", "-q", "--json"]) == 0
    quiet, usual = read_about(place / "quiet"), read_about(place / "grid")
    assert quiet["settings_fingerprint"] == usual["settings_fingerprint"]
    one, other = (open_study(place / name).runs for name in ("quiet", "grid"))
    assert one.equals(other)
    assert not {"-q", "--json"} & {*quiet["words"], *quiet["overrides"]}


def test_verdicts_as_json_are_the_rows_of_their_table(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(figure, "draw_table", lambda table: table.with_suffix(".png"))
    assert front.main(["compare", str(place / "grid"), f"outcome={NIGHT}", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["comparisons"]
    assert [one["outcome"] for one in found] == [NIGHT]
    assert found[0]["rows"] == read_records(Path(found[0]["table"]))
    runs = open_study(place / "grid").runs
    closed, usual = (runs[runs["border"] == border].set_index("seed")[NIGHT] for border in ("closed", "as_reported"))
    assert found[0]["rows"][0]["mean_difference"] == pytest.approx((closed - usual).mean())
    assert found[0]["reported"]["value"] == 1037


@pytest.mark.parametrize(("column", "text", "value"), [
    ("baseline_study", "2021", "2021"), ("cell_label", "7", "7"), ("label", "1e3", "1e3"), ("label", "", None),
    ("mean_low", "-0.5", -0.5), ("worlds", "12", 12), ("reported", "1037", 1037), ("sentence", "Fewer.", "Fewer."),
])  # fmt: skip
def test_only_columns_of_numbers_become_numbers(column: str, text: str, value: object) -> None:
    assert value_of(column, text) == value
    assert type(value_of(column, text)) is type(value)


def test_a_plan_as_json_has_its_numbers(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["plan", *GRID, f"results_dir={place}", f"outcome={NIGHT}", "half_width=50"]
    assert front.main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["cells"], found["campaigns"], found["stored"]) == (2, 6, 6)
    assert found["swept"] == {"border": ["closed", "as_reported"]}
    assert found["runs_needed"] >= 2
    assert NIGHT in [row["outcome"] for row in found["half_widths"]]


def test_settings_and_evidence_as_json_are_all_there_is_to_print(capsys: pytest.CaptureFixture[str]) -> None:
    assert front.main(["settings", "border=closed", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["choices"]["border"] == "closed" and said.err == ""
    assert front.main(["evidence", "id=F001", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    first = next(one for one in read_evidence() if one.id == "F001")
    assert (row["value"], row["date_start"], row["conflicts"]) == (
        first.value, first.date_start.isoformat(), list(first.conflicts)
    )  # fmt: skip


def test_quiet_keeps_what_a_verb_is_used_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert front.main(["evidence", "id=F001", "--quiet"]) == 0
    assert "F001" in capsys.readouterr().out


@pytest.mark.parametrize("verb", [name for name, verb in options.VERBS.items() if not verb.as_json])
def test_a_verb_without_json_says_so_before_it_does_anything(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(front.VERBS, options.VERBS[verb], raising(AssertionError("it was run")))
    assert front.main([*options.VERBS[verb].examples[0].split(), "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("panj: --json: ") and said.err.count("\n") == 1


@pytest.mark.parametrize("flag", ["--json", "--quiet"])
def test_an_error_is_one_line_on_standard_error(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert front.main(["runs=0", flag]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("panj: runs: ")


def test_a_flag_that_does_not_exist_is_an_error_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert front.main(["--quite"]) == 2
    assert "'--quiet'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["plan", f"outcom={NIGHT}"], "'outcome'"), (["score", "cel=0"], "'cell'"), (["hepl"], "'help'"),
        (["fork", "somewhere", "dya=2021-07-04", "border=closed"], "dya="),
    ],
)  # fmt: skip
def test_a_mistyped_option_is_not_taken_for_a_setting(
    words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert front.main(words) == 2
    assert meant in capsys.readouterr().err


@pytest.mark.parametrize(
    ("started", "called"),
    [
        ("/usr/bin/panj", "panj"), ("panj.exe", "panj"), ("/clone/sim/__main__.py", "python -m sim"),
        ("", "python -m sim"),
    ],
)  # fmt: skip
def test_commands_are_printed_as_the_program_was_started_and_stored_as_ever(
    started: str, called: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [started, "study=a b"])
    assert provenance.shell_command(["story", "a b"]) == f"{called} story 'a b'"
    assert provenance.command_line() == "python -m sim 'study=a b'"
    assert front.main(["plan", "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"  {called} plan")
    assert front.main(["report"]) == 2
    assert f"{called} report FOLDER" in capsys.readouterr().err


def test_json_has_only_what_json_knows() -> None:
    made = json_line({"folder": Path("a"), "value": float("nan"), "names": ("é", None), 1: True})
    assert json.loads(made) == {"folder": "a", "value": None, "names": ["é", None], "1": True}
    assert "NaN" not in made


def test_the_help_of_a_verb_says_what_its_json_has() -> None:
    for name, verb in options.VERBS.items():
        assert ("With --json: " in help.help_of([name])) == bool(verb.as_json)
