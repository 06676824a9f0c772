"""The command line speaks to a student: what there is, what went wrong, what was written, what to do next."""

import io
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from sim import __main__ as command_line
from sim.__main__ import VERBS, drawing_apart, main
from sim.data import evidence
from sim.errors import PanjError
from sim.report import report
from sim.run import run
from sim.settings import compose
from sim.settings.overrides import GROUPS, choices_of

SHORT = ["study=tiny", "runs=1", "end_date=2021-05-03"]


def fail(error: BaseException) -> Any:
    def raises(*_arguments: Any, **_named: Any) -> None:
        raise error

    return raises


def test_help_lists_verbs_groups_and_choices(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"\n  {verb} " in said for verb in VERBS)
    for group in (*GROUPS, "scenario"):
        line = next(line for line in said.splitlines() if line.startswith(f"  {group}="))
        assert set(line.partition("=")[2].split(", ")) == set(choices_of(group))


@pytest.mark.parametrize("words", [["-h"], ["help"], ["run", "--help"], ["evidence", "-h"]])
def test_help_helps_wherever_it_stands(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert "Verbs" in capsys.readouterr().out


def test_the_first_choice_of_each_group_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    chosen = compose.compose_settings().choices
    said = capsys.readouterr().out
    assert all(f"  {group}={chosen[group]}" in said for group in (*GROUPS, "scenario"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rnu"], "verb: found 'rnu', expected one of run, plan, compare"),
        (["runz=3"], "runz: found no such setting"),
        (["run", "border=clsed"], "did you mean 'closed'?"),
        (["runs=0"], "runs: found 0, expected a whole number"),
        (["report", "nowhere"], "nowhere"),
        (["report"], "report: found"),
        (["evidence", "quantty=crossing"], "quantty"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_code_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("panj: ")
    assert error.count("\n") == 1
    assert said in error


@pytest.mark.parametrize("words", [[], ["id=F001"], ["quantity=crossing", "date=2021-07-05"]])
def test_evidence_is_printed_with_its_source(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evidence", *words]) == 0
    assert "F001" in capsys.readouterr().out


def test_run_writes_a_study_figures_and_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def draw(folder: Path) -> None:
        (folder / "figures").mkdir()
        (folder / "figures" / "one.png").touch()
        (folder / "report.html").write_text("a report")

    monkeypatch.setattr(command_line, "drawing_apart", lambda: nullcontext(draw))
    assert main([*SHORT, f"results_dir={tmp_path}"]) == 0
    study = tmp_path / "tiny"
    said = capsys.readouterr().out.replace("\n", "")
    for name in ("runs.parquet", "days.parquet", "events.parquet", "summary.csv", "figures/one.png", "report.html"):
        assert (study / name).exists()
        assert name in said
    assert "Next: open" in said
    assert "calibrated: posterior of" in " ".join(said.split())


def test_a_study_that_cannot_be_drawn_is_named(tmp_path: Path) -> None:
    with pytest.raises(PanjError, match=r"could not be drawn; .*nowhere"), drawing_apart() as draw:
        draw(tmp_path / "nowhere")


def test_what_would_draw_is_gone_when_there_is_nothing_to_draw() -> None:
    begun = time.monotonic()
    with drawing_apart():
        pass
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(("said", "drawn"), [("", []), ("results/one", [["results/one"]])])
def test_the_folder_of_a_report_may_come_later(
    said: str, drawn: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[list[str]] = []
    monkeypatch.setattr(report, "main", lambda words: given.append(words) or 0)
    monkeypatch.setattr(command_line, "judge", lambda _folder: None)
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    assert main(["report", "-"]) == 0
    assert given == drawn


def test_ctrl_c_is_code_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(run, "run_sweep", fail(KeyboardInterrupt()))
    assert main(SHORT) == 130
    assert "the same command goes on" in capsys.readouterr().err


def test_a_fault_of_the_program_is_one_line_and_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "run_sweep", fail(RuntimeError("oh\nno")))
    assert main(SHORT) == 1
    assert capsys.readouterr().err == "panj: RuntimeError: oh no (debug=true shows where)\n"


def test_debug_shows_where_the_program_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "run_sweep", fail(RuntimeError("oh no")))
    with pytest.raises(RuntimeError, match="oh no"):
        main([*SHORT, "debug=true"])


def test_debug_shows_where_a_setting_was_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs=0", "debug=true"]) == 2
    error = capsys.readouterr().err
    assert "Traceback" in error
    assert error.splitlines()[-1].startswith("panj: runs: found 0")


def test_debug_is_understood_by_every_verb(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[list[str]] = []
    for module in (evidence, report):
        monkeypatch.setattr(module, "main", lambda words: given.append(words) or 0)
    monkeypatch.setattr(command_line, "judge", lambda _folder: None)
    assert main(["evidence", "id=F001", "debug=true"]) == 0
    assert main(["report", "somewhere", "debug=true"]) == 0
    assert given == [["id=F001"], ["somewhere"]]
