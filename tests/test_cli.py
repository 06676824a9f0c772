"""Tests of the command line: help, errors, files written, and suggestions of the next command."""

import importlib.metadata
import io
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from shared import raising

from sim import __main__ as command_line
from sim import help, options
from sim.__main__ import drawing_apart, main
from sim.configuration import compose
from sim.configuration.overrides import DRAW_KEYS, GROUPS, HOW_KEYS, MAIN_KEYS, choices_of
from sim.configuration.sweep import compose_sweep
from sim.configuration.values import overrides_of
from sim.data import evidence
from sim.errors import PanjError, Stopped
from sim.execution import run
from sim.options import read_new_path
from sim.report import report
from sim.study import package, reader
from sim.study.reader import FILES

SHORT = ["study=tiny", "runs=1", "end_date=2021-05-03"]


def test_help_lists_verbs_groups_and_choices(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"\n  {verb} " in said for verb in options.VERBS)
    for group in (*GROUPS, "scenario"):
        line = next(line for line in said.splitlines() if line.startswith(f"  {group}="))
        assert set(line.partition("=")[2].split(", ")) == set(choices_of(group))


@pytest.mark.parametrize(("words", "said"), [(["-h"], "Verbs"), (["help"], "Verbs"), (["runs=3", "--help"], "Verbs")])
def test_help_helps_wherever_it_stands(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("verb", options.VERBS)
def test_every_verb_explains_itself_with_examples_that_it_understands(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb, "--help"]) == 0
    said = capsys.readouterr().out
    kind = options.VERBS[verb]
    assert said.startswith(f"  python -m sim {verb}")
    assert all(f"\n  {one.key}=" in said for one in options.options_of(kind) if one.role == "option")
    for example in kind.examples:
        assert isinstance(options.read_command(example.split()), kind)


def test_the_settings_in_the_help_are_those_of_the_schema() -> None:
    settings = compose.compose_settings([f"{key}={value}" for key, value in help.usual_settings().items() if value])
    usual = compose.compose_settings()
    assert settings.fingerprint() == usual.fingerprint()
    assert (settings.executor, settings.sampling, settings.runs) == (usual.executor, usual.sampling, usual.runs)
    assert set(help.SETTINGS) == {*MAIN_KEYS, *HOW_KEYS, *DRAW_KEYS}


def test_the_reference_of_the_command_line_has_every_verb_and_setting() -> None:
    page = help.reference()
    assert all(f"\n## {verb}\n" in page for verb in options.VERBS)
    assert all(f"| `{key}=" in page for key in help.SETTINGS)


@pytest.mark.parametrize("shell", options.SHELLS)
def test_completion_knows_verbs_options_and_choices(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    known = [*options.VERBS, "above=", "refine=full", "border=closed", "rules.news.fade_days=", *options.LISTS,
             "timeline.events.bagram_handed_over.date=", "outcome=troops_crossed_largest_night"]  # fmt: skip
    assert all(word in script for word in known)


@pytest.mark.parametrize("shell", options.SHELLS)
def test_completion_scripts_have_no_errors_of_syntax(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    check = "--no-execute" if shell == "fish" else "-n"
    done = subprocess.run([shell, check], input=help.completion(shell), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


COMPLETED = [
    ("panj border=cl", {"border=closed"}),
    ("panj border=", {f"border={name}" for name in choices_of("border")}),
    ("panj pla", {"plan"}),
    ("panj list outc", {"outcomes"}),
    ("panj list ", {*options.LISTS, "config_dir="}),
    ("panj completion fi", {"fish"}),
    ("panj completion ", {*options.SHELLS, "config_dir="}),
    ("panj export results/one to=", {"to=csv", "to=geojson", "to=gpkg", "to=xlsx"}),
    ("panj help me", {"memo"}),
    ("panj help memo rep", {"report", "reproduce"}),
    ("panj -m border=open,cl", {"border=open,closed"}),
    ("panj run --q", {"--quiet"}),
    ("panj run --", {"--help", "--json", "--quiet"}),
    ("panj -m morale=brittle,rep", {"morale=brittle,reported"}),
    ("panj compare outcome=largest_night,troops_crossed_la", {"outcome=largest_night,troops_crossed_largest_night"}),
    ("panj fork outcome=largest_night,troops_crossed_la", {"outcome=largest_night,troops_crossed_largest_night"}),
    ("panj precision.outcome=troops_crossed_la", {"precision.outcome=troops_crossed_largest_night"}),
    ("panj plan precision.outcome=troops_crossed_la", {"precision.outcome=troops_crossed_largest_night"}),
    ("panj fork rules.news.fa", {"rules.news.fade_days="}),
    ("panj timeline.events.bag", {"timeline.events.bagram_handed_over.date="}),
    ("panj reproduce executor.w", {"executor.workers="}),
    ("panj conf", {"config_dir="}),
    ("panj compare conf", {"config_dir="}),
    # studies, and files only where a path may be
    ("panj compare res", {"results/one"}),
    ("panj compare bord", set()),
    ("panj report zzq", {"zzq_file"}),
    ("panj grade zzq", {"zzq_file"}),
    ("panj reproduce results/one/ab", {"results/one/about.json"}),
    ("panj init zzq", {"zzq_file"}),
    ("panj report out=zzq", {"out=zzq_file"}),
    ("panj results_dir=zzq", {"results_dir=zzq_file"}),
    ("panj run config_dir=zzq", {"config_dir=zzq_file"}),
    ("panj calibration.file=zzq", {"calibration.file=zzq_file"}),
    ("panj worlds.file=zzq", {"worlds.file=zzq_file"}),
    ("panj zzq", set()),
    ("panj run zzq", set()),
    ("panj plan zzq", set()),
    ("panj list zzq", set()),
    ("panj run scenario=zzq", set()),
    ("panj report outcome=zzq", set()),
    ("panj hindcast reference=zzq", set()),
]


@pytest.fixture
def folder_with_study(tmp_path: Path) -> Path:
    """A folder with a study, a folder that is none, and a file."""
    for name in ("one", "not_a_study"):
        (tmp_path / "results" / name).mkdir(parents=True)
    (tmp_path / "results" / "one" / "about.json").touch()
    (tmp_path / "zzq_file").touch()
    return tmp_path


def said_by(shell: list[str], line: str, folder: Path) -> list[str]:
    """Run a script of a shell, and return the lines that it prints."""
    if shutil.which(shell[0]) is None:
        pytest.skip(f"needs {shell[0]}")
    said = subprocess.run(
        shell, input=line, capture_output=True, text=True, check=True, cwd=folder, timeout=60,
        env=os.environ | {"HOME": str(folder)},
    )  # fmt: skip
    assert said.stderr == ""
    return said.stdout.splitlines()


def offered_by_bash(typed: str, folder: Path) -> list[str]:
    """Return what bash offers to add to the last word, which for bash begins after `=`."""
    words = " ".join(f"'{word}'" for word in typed.replace("=", " = ").split())  # as bash splits them
    words += " ''" * typed.endswith((" ", "="))
    line = (
        f"{help.completion('bash')}\nCOMP_LINE='{typed}'; COMP_POINT={len(typed)}; COMP_WORDS=({words})\n"
        'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _panj; for one in "${COMPREPLY[@]}"; do echo "$one"; done'
    )
    return said_by(["bash"], line, folder)


@pytest.mark.parametrize(("typed", "offered"), COMPLETED)
def test_bash_completes(typed: str, offered: set[str], folder_with_study: Path) -> None:
    word = typed.rpartition(" ")[2]
    key = word[: word.find("=") + 1]
    assert {key + each for each in offered_by_bash(typed, folder_with_study)} == offered


@pytest.mark.parametrize("typed", ["panj compare above=", "panj runs=", "panj compare outcome=largest_night,zzq"])
def test_bash_adds_nothing_to_a_key_without_known_values(typed: str, folder_with_study: Path) -> None:
    assert offered_by_bash(typed, folder_with_study) == []


@pytest.mark.parametrize(("typed", "offered"), COMPLETED)
def test_fish_completes(typed: str, offered: set[str], folder_with_study: Path) -> None:
    line = f"{help.completion('fish')}\ncomplete -C '{typed}'"
    said = said_by(["fish", "--no-config"], line, folder_with_study)
    assert {each.partition("\t")[0] for each in said} == offered


IN_ZSH = """
zmodload zsh/zpty
zpty inner zsh -f -i
listen() { local said; zpty -r inner said '*'$1'*'; print -r -- $said }
zpty -w inner 'PS1= PS2= RPS1=; unsetopt prompt_cr prompt_sp; stty -echo; source ./setup.zsh; print ready-${:-now}'
listen ready-now >/dev/null
zpty -w -n inner "$1"$'\\t'
listen $'\\x02' 
zpty -d inner
"""
# compadd is wrapped, since the screen shows names without the text before them and in columns
SETUP = """
autoload -Uz compinit; compinit -u -D
bindkey '^I' complete-word
source ./panj.zsh
compadd() {
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
  local -a hits; local -A prefix; local hit
  builtin compadd -A hits "$@"
  zparseopts -E P:=prefix p:=prefix
  for hit in $hits; do print -r -- "<$IPREFIX${prefix[-P]}${prefix[-p]}$hit>"; done
  (( $#hits ))
}
began() { print -n $'\\x01' }
ended() { print -n $'\\x02' }
compprefuncs=(began) comppostfuncs=(ended)
"""


@pytest.mark.parametrize(("typed", "offered"), COMPLETED)
def test_zsh_completes(typed: str, offered: set[str], folder_with_study: Path) -> None:
    (folder_with_study / "panj.zsh").write_text(help.completion("zsh"), encoding="utf-8")
    (folder_with_study / "setup.zsh").write_text(SETUP, encoding="utf-8")
    said = "\n".join(said_by(["zsh", "-f", "-s", typed], IN_ZSH, folder_with_study))
    assert set(re.findall("<(.*?)>", said.partition("\x01")[2])) == offered


def test_a_missing_extra_is_one_line_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    needed = ["numpy>=2", 'matplotlib<4,>=3; extra == "report"', "nowhere-to-be-found>=1; extra == 'report'"]
    monkeypatch.setattr("importlib.metadata.requires", lambda _name: needed)
    assert main(["story", "nowhere"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("panj: story: found no nowhere-to-be-found, ")
    assert said.endswith('pip install "panj[report]"\n')


def test_a_choice_of_a_mark_is_shown_in_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "nowhere", "to=csv", "decimal=comma"]) == 2
    assert capsys.readouterr().err == "panj: decimal: found 'comma', expected one of '.', ','\n"
    main(["export", "--help"])
    assert "(one of '.', ',';" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("words", [["--version"], ["story", "nowhere"], ["runs=1", "executor=dask"]])
def test_a_clone_whose_dependencies_alone_are_installed_says_how_to_install_it(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    of_others = importlib.metadata.distribution

    def of_all_but_panj(name: str) -> importlib.metadata.Distribution:
        if name == "panj":
            raise importlib.metadata.PackageNotFoundError(name)
        return of_others(name)

    monkeypatch.setattr("importlib.metadata.distribution", of_all_but_panj)
    assert main(words) == 2
    said = "found none installed, expected one: run `python -m pip install -e .` in the clone"
    assert capsys.readouterr().err == f"panj: package panj: {said}\n"


def test_the_first_choice_of_each_group_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    chosen = compose.compose_settings().choices
    said = capsys.readouterr().out
    assert all(f"  {group}={chosen[group]}" in said for group in (*GROUPS, "scenario"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rnu"], "verb: found 'rnu', expected one of"),
        (["completion", "bahs"], "did you mean 'bash'?"),
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


@pytest.mark.parametrize(("said", "drawn"), [("", []), ("results/one", [Path("results/one")])])
def test_the_folder_of_a_report_may_come_later(said: str, drawn: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Path] = []
    monkeypatch.setattr(report, "main", lambda request: given.append(request.folder) or 0)
    monkeypatch.setattr(command_line, "judge", lambda _folder: None)
    monkeypatch.setattr(reader, "unfinished", lambda _folder: "")
    monkeypatch.setattr(reader, "note_drawn", lambda _folder: None)
    monkeypatch.setattr(package, "describe_study", lambda _folder: None)
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    assert main(["report", "-"]) == 0
    assert given == drawn


def test_ctrl_c_is_code_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(run, "run_sweep", raising(KeyboardInterrupt()))
    assert main(SHORT) == 130
    assert "the same command continues" in capsys.readouterr().err


KEEPING = {  # verbs that a stopped command continues, with the beginning of what is said of it
    **dict.fromkeys(("run", "score", "bank", "sensitivity", "explorable", "reproduce"), "Stored campaigns"),
    **dict.fromkeys(("calibrate", "assimilate", "hindcast"), "Finished stages"),
}


@pytest.mark.parametrize("verb", options.VERBS)
def test_ctrl_c_is_answered_with_what_the_verb_keeps(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = options.VERBS[verb].examples[0].split()
    words = words if verb in words else [verb, *words]
    monkeypatch.setattr(command_line, "dispatch", raising(KeyboardInterrupt()))
    assert main(words) == 130
    kept = f" {KEEPING[verb]} are kept; the same command continues from them." if verb in KEEPING else ""
    assert capsys.readouterr().err == f"\nStopped at once.{kept}\n"


def test_ctrl_c_before_a_line_is_understood_is_code_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_line, "dispatch", raising(KeyboardInterrupt()))
    assert main(["zzq"]) == 130
    assert capsys.readouterr().err == "\nStopped at once.\n"


@pytest.mark.parametrize("words", [["run"], ["score", "x"], ["assimilate"]])
def test_a_stopped_sweep_is_code_130_with_every_verb(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(command_line.VERBS, options.VERBS[words[0]], raising(Stopped()))
    assert main(words) == 130
    assert "finished campaigns are stored" in capsys.readouterr().err


def test_a_verb_without_json_names_those_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["animate", "x", "--json"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("panj: --json: found animate") and "compare" in said


def test_a_new_folder_takes_no_folder_of_own_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "new"), f"config_dir={tmp_path}"]) == 2
    assert capsys.readouterr().err.startswith("panj: config_dir: found")
    assert not (tmp_path / "new").exists()


def test_a_fault_of_the_program_is_one_line_and_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "run_sweep", raising(RuntimeError("oh\nno")))
    assert main(SHORT) == 1
    assert capsys.readouterr().err == "panj: RuntimeError: oh no (debug=true shows where)\n"


def test_debug_shows_where_the_program_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "run_sweep", raising(RuntimeError("oh no")))
    with pytest.raises(RuntimeError, match="oh no"):
        main([*SHORT, "debug=true"])


def test_debug_shows_where_a_setting_was_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs=0", "debug=true"]) == 2
    error = capsys.readouterr().err
    assert "Traceback" in error
    assert error.splitlines()[-1].startswith("panj: runs: found 0")


def test_debug_is_understood_by_every_verb(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    for module in (evidence, report):
        monkeypatch.setattr(module, "main", lambda request: given.append(request) or 0)
    monkeypatch.setattr(command_line, "judge", lambda _folder: None)
    monkeypatch.setattr(reader, "unfinished", lambda _folder: "")
    monkeypatch.setattr(reader, "note_drawn", lambda _folder: None)
    monkeypatch.setattr(package, "describe_study", lambda _folder: None)
    assert main(["evidence", "id=F001", "debug=true"]) == 0
    assert main(["report", "somewhere", "debug=true"]) == 0
    assert given[0] == ["id=F001"]
    assert given[1].words == ("somewhere",)


@pytest.mark.parametrize(
    "words",
    [
        ["grade", "\ud800"], ["grade", "report", "a\ud800.json"], ["report", "\ud800"], ["compare", "\ud800", "x"],
        ["story", "x\0"], ["reproduce", "\ud800"], ["classroom", "host=\ud800"], ["fork", "x", "outcome=\ud800"],
    ],
)  # fmt: skip
def test_text_that_no_file_or_host_can_have_as_its_name_is_an_error_of_one_line(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err.count("\n") == 1


LONG = "a" * 201


@pytest.mark.parametrize("name", [LONG, "ж" * 101, "nul", "com1.csv", "com¹", "policy."])
@pytest.mark.parametrize(("words", "key"), [
    (["run", "runs=1", "study={}"], "study"), (["run", "runs=1", "results_dir={}"], "results_dir"),
    (["run", "runs=1", "results_dir={}/here"], "results_dir"), (["assimilate", "name={}"], "name"),
    (["hindcast", "name={}"], "name"), (["fork", "results/x", "from=2021-06-22", "border=closed", "name={}"], "name"),
    (["fork", "results/x", "from=2021-06-22", "border=closed", "out={}"], "out"), (["init", "{}"], "folder"),
    (["export", "results/x", "to=csv", "out={}"], "out"), (["memo", "results/x", "outcome=x", "out={}"], "out"),
    (["explorable", "out={}"], "out"), (["report", "results/x", "out={}"], "out"),
    (["grade", "x.json", "results_dir={}"], "results_dir"),
])  # fmt: skip
def test_a_name_that_no_new_folder_or_file_can_have_is_refused_by_every_verb(
    words: list[str], key: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main([word.format(name) for word in words]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"panj: {key}: found '") and len(said) < 400
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("verb", "ending"), [
    ("plan", "expected it once"), ("settings", "expected it once"), ("run", "expected it once"),
    ("plan -m", "expected it once, with all values in one list"),
    ("run -m", "expected it once, with all values in one list"),
])  # fmt: skip
@pytest.mark.parametrize(("key", "values"), [
    ("rules.news.fade_days", ("5,6", "7,8")), ("rules.news.fade_days", ("5", "7")), ("morale", ("brittle", "reported")),
    ("morale", ("brittle,reported", "reported")), ("runs", ("5", "6")), ("end_date", ("2021-07-01",) * 3),
    ("timeline.events.bagram_handed_over.date", ("2021-07-01", "2021-07-02")),
])  # fmt: skip
def test_a_key_that_is_given_more_than_once_is_told_as_such(
    key: str, values: tuple[str, ...], verb: str, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*verb.split(), *(f"{key}={value}" for value in values)]) == 2
    often = "twice" if len(values) == 2 else f"{len(values)} times"
    assert capsys.readouterr().err == f"panj: {key}: found this key {often}, {ending}\n"


@pytest.mark.parametrize("key", ["rules.news.fade_days", "border"])
def test_a_key_that_is_given_more_than_once_in_python_is_told_as_such(key: str) -> None:
    with pytest.raises(PanjError, match=rf"^{re.escape(key)}: found this key twice, expected it once$"):
        overrides_of({key: 5}, {key: 6}, sweeps=False)
    with pytest.raises(PanjError, match=rf"^{re.escape(key)}: found this key twice, expected it once, with all values"):
        compose_sweep(["-m", f"{key}=closed,open", f"{key}=open"])


def test_two_folders_of_own_files_are_told_as_a_key_given_twice(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "config_dir=a", "config_dir=b"]) == 2
    assert capsys.readouterr().err == "panj: config_dir: found this key twice, expected it once\n"


def test_a_folder_that_exists_may_have_any_name(tmp_path: Path) -> None:
    (tmp_path / "old.").mkdir()
    (tmp_path / ("b" * 240)).mkdir()
    for name in ("old.", "b" * 240):
        assert read_new_path("out", str(tmp_path / name / "new")) == tmp_path / name / "new"


@pytest.mark.parametrize(
    "words", [["report", "a" * 300], ["compare", "a" * 300], ["grade", "a" * 300], ["reproduce", "a" * 300]]
)
def test_a_path_that_is_too_long_for_any_file_names_its_argument(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert "of 300 bytes, expected at most 255" in capsys.readouterr().err


def test_a_long_name_leaves_the_rest_of_an_error_readable() -> None:
    said = str(PanjError(f"/tmp/{'a' * 200}/{'b' * 200}: found no days.parquet, expected daily tables"))
    assert said.endswith(": found no days.parquet, expected daily tables")


def test_a_report_of_a_study_without_daily_tables_says_why(tmp_path: Path) -> None:
    for name in FILES:
        if name != "days.parquet":
            (tmp_path / name).touch()
    with pytest.raises(PanjError, match=r"found no days.parquet.*daily=true"):
        reader.has_several_cells(tmp_path)


def test_a_profiler_that_writes_after_the_program_does(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cProfile", "-o", str(tmp_path / "profile"), "-m", "sim", "--version"]
    subprocess.run(command, capture_output=True, check=True)
    assert (tmp_path / "profile").stat().st_size > 0


@pytest.mark.parametrize(("word", "code"), [("--version", 0), ("runs=none", 2)])
def test_a_program_that_ends_at_once_has_written_everything_and_called_its_exit_handlers(word: str, code: int) -> None:
    program = (
        "import atexit, threading; from sim.entry import run; atexit.register(print, 'left'); "
        "threading.Timer(1.0, print, ['waited for']).start(); run()"
    )
    done = subprocess.run([sys.executable, "-c", program, word], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stdout.splitlines()[-2:] == ["waited for", "left"]
    assert (done.stderr != "") == (code != 0)
