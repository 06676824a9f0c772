"""What is installed is complete, and works with the paths, line ends and processes of other systems."""

import os
import shutil
import sys
import tomllib
import zipfile
from functools import partial
from pathlib import Path, PureWindowsPath

import pytest
from rich.console import Console
from shared import ROOT, evidence_row, run_python

from sim import options
from sim.classroom.sessions import storage
from sim.classroom.sessions.claims import Refused
from sim.configuration.compose import compose_settings
from sim.configuration.sweep import Cell
from sim.data import evidence, own
from sim.execution import compiling
from sim.provenance import PYTHON
from sim.report import report

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WHEEL = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
AS_DECLARED = "calibration=as_declared"
JUNK = ("__pycache__", ".pyc", ".nbi", ".nbc", ".ipynb_checkpoints", ".DS_Store")
COMPILE = """
import sys
import numpy as np
from sim.engine.chance import draw_parameters, fill_shares
from sim.engine.compile import cache_folder
print(draw_parameters(3, np.arange(2)), cache_folder(), sum(fill_shares.stats.cache_hits.values()), sep="|")
"""
SPAWNED = """
import os
for name in ("fork", "forkpty", "killpg", "sched_getaffinity"):
    if hasattr(os, name):
        delattr(os, name)
from sim.configuration.settings import Executor
from sim.execution.executors import cores, workers_of
if __name__ == "__main__":
    with workers_of(Executor("processes", 1, None)) as workers:
        print(cores() == os.cpu_count(), workers.submit(os.getpid).result() != os.getpid())
"""
DRAWN = """
import os
for name in ("fork", "killpg"):
    if hasattr(os, name):
        delattr(os, name)
from pathlib import Path
from sim.__main__ import drawing_apart
with drawing_apart():
    pass
with drawing_apart() as draw:
    draw(Path("no study"))
"""


def files_in(*folders: str) -> set[str]:
    """Files of the clone in some folders, without what a run leaves there."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in found if not any(part in str(path) for part in JUNK)}


# What is in the wheel


def test_every_file_that_the_package_reads_is_in_the_wheel() -> None:
    included = WHEEL["force-include"]
    assert WHEEL["packages"] == ["sim"]
    for source, target in included.items():
        assert target == f"sim/{source}" and files_in(source)
    kinds = {Path(name).suffix for name in files_in("sim", *included)}
    assert {".py", ".yaml", ".csv", ".parquet", ".typed", ".topojson", ".html", ".vue", ".css", ".sql"} <= kinds
    assert (ROOT / "sim" / "py.typed").is_file() and "Typing :: Typed" in PROJECT["project"]["classifiers"]


def test_the_built_wheel_has_these_files_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = pytest.importorskip("hatchling.build")
    monkeypatch.chdir(ROOT)
    with zipfile.ZipFile(tmp_path / wheels.build_wheel(str(tmp_path))) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    included = WHEEL["force-include"]
    assert names == files_in("sim") | {f"sim/{name}" for name in files_in(*included)}


def test_the_source_distribution_has_what_the_tests_read() -> None:
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert all((ROOT / name.lstrip("/")).exists() for name in included)
    folders = {"/sim", "/configs", "/scenarios", "/exercises", "/tests", "/docs", "/benchmarks"}
    assert {*folders, "/Makefile", "/Dockerfile", "/.dockerignore", "/constraints.txt"} <= set(included)


def test_the_versions_of_python_are_those_of_the_classifiers() -> None:
    stated = [line.rpartition(" ")[2] for line in PROJECT["project"]["classifiers"] if ":: 3." in line]
    assert PROJECT["project"]["requires-python"] == f">={stated[0]}"
    if sys.version_info[:2] <= (3, 14):
        assert "{}.{}".format(*sys.version_info) in stated
    said = (ROOT / "docs" / "how-to" / "install.md").read_text(encoding="utf-8")
    assert all(f"| {version} |" in said for version in stated)


# Compiled rules


def test_compiled_rules_survive_a_new_installation_in_a_home_with_any_letters(tmp_path: Path) -> None:
    home = tmp_path / "Ҳоҷӣ Müller"
    home.mkdir()
    site = tmp_path / "other site"
    shutil.copytree(ROOT / "sim", site / "sim", ignore=shutil.ignore_patterns("__pycache__", "classroom"))
    (site / "sim" / "engine" / "chance.py").touch()  # as an installer sets other times
    kept = [name for name in os.environ if name.startswith(("NUMBA_", "XDG_")) or name == "PANJ_CACHE"]
    environment = {**dict.fromkeys(kept, ""), "HOME": str(home), "NUMBA_DISABLE_JIT": "0", "LOCALAPPDATA": str(home)}
    first, second = (run_python(COMPILE, cwd=tmp_path, PYTHONPATH=str(path), **environment) for path in (ROOT, site))
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    drawn, folder, hits = first.stdout.strip().split("|")
    assert hits == "0" and Path(folder).is_relative_to(home) and list(Path(folder).rglob(f"*.{PYTHON}*.nbi"))
    assert second.stdout.strip().split("|") == [drawn, folder, "1"]


@pytest.mark.parametrize(("file", "is_cold"), [
    (f"campaign.run_days-142.{PYTHON}.nbi", False), (f"chance.fill_shares-219.{PYTHON}.nbi", True),
    ("campaign.run_days-142.py27.nbi", True),
])  # fmt: skip
def test_a_message_comes_before_the_first_compile_with_a_version_of_python(
    file: str, is_cold: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / file).touch()
    monkeypatch.setattr(compiling, "compiled", True)
    monkeypatch.setattr(compiling, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(compiling, "steps_of", lambda *_: [])
    said: list[str] = []
    monkeypatch.setattr(compiling, "run_campaign", lambda *_: said.append(capsys.readouterr().out))
    order = Cell(0, {}, (), compose_settings([AS_DECLARED])).order
    compiling.compile_rules(order, 0, Console(width=200))
    assert bool(said[0]) == is_cold and ("minute" in said[0]) == is_cold


# Other systems


def test_processes_are_spawned_where_there_is_no_fork(tmp_path: Path) -> None:
    script = tmp_path / "скрипт one.py"
    script.write_text(SPAWNED, encoding="utf-8")
    run_script = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"
    done = run_python(run_script, str(script), cwd=tmp_path)
    assert done.stdout.split() == ["True", "True"], done.stderr


def test_the_drawing_process_starts_and_ends_where_there_is_no_fork(tmp_path: Path) -> None:
    done = run_python(DRAWN, cwd=tmp_path)
    assert done.returncode == 1 and "report" in done.stderr.splitlines()[-1] and "no study" in done.stderr


def written(path: Path) -> Path:
    path.write_text(path.name, encoding="utf-8")
    return path


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_figures_are_drawn_one_after_the_other_where_forks_are_unsafe(
    system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.delattr(os, "fork", raising=False)
    paths = [tmp_path / f"{name} расм.txt" for name in ("one", "two")]
    with monkeypatch.context() as patch:
        patch.setattr(report.sys, "platform", system)
        drawn = report.in_parallel([partial(written, path) for path in paths])
    assert drawn == paths and all(path.is_file() for path in paths)


@pytest.mark.parametrize("text", [
    r"C:\Users\Ҳоҷӣ Müller\my results", r"\\server\share\panj", r"D:relative\x", r"\\?\C:\very\long", r"..\results",
])  # fmt: skip
def test_paths_of_windows_are_taken_as_typed(text: str) -> None:
    assert str(PureWindowsPath(text)) == text
    found = compose_settings([f"results_dir={text}", AS_DECLARED]).results_dir
    assert str(found) == text
    assert str(options.read_command(["report", text]).folder) == text  # type: ignore[attr-defined]


def test_tables_of_ones_own_may_have_line_ends_of_windows_and_a_byte_order_mark(tmp_path: Path) -> None:
    folder = tmp_path / "папка of one's own"
    shutil.copytree(ROOT / "sim" / "starter", folder)
    text = (folder / own.EVIDENCE).read_text(encoding="utf-8") + evidence_row()
    (folder / own.EVIDENCE).write_text(text, encoding="utf-8")
    with own.using(folder):
        plain = evidence.read_evidence()
    assert "M001" in {row.id for row in plain}
    text = text.replace("\n", "\r\n")
    (folder / own.EVIDENCE).write_bytes(b"\xef\xbb\xbf" + text.encode())
    with own.using(folder):
        assert evidence.read_evidence() == plain


def test_without_a_home_the_classroom_asks_for_another_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home(_name: str) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv("PANJ_CLASSROOM", raising=False)
    monkeypatch.setattr(storage, "user_data_path", no_home)
    with pytest.raises(Refused) as refused:
        storage.place_of_register()
    assert refused.value.why == "no_file" and "PANJ_CLASSROOM" in str(refused.value)
