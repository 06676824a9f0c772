"""Compiled code on disk: never that of other rules, never damaged, and never a second copy elsewhere."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sim.engine.cache import SEAL, SealedFile

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from sim.engine.chance import edited
from sim.engine.compile import cache_folder, entry
from stranger import twice

@entry
def ask(number):
    return edited(number)

print(ask(3), twice(3), cache_folder())
"""
STRANGER = """
from sim.engine.compile import entry

@entry
def twice(number):
    return 2 * number
"""
RULE = """

@rule
def edited(number):
    return number + 1
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The engine with one more rule, and a function of somebody else."""
    for name in ("sim", "configs"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "classroom"))
    chance = tmp_path / "sim" / "engine" / "chance.py"
    chance.write_text(chance.read_text(encoding="utf-8") + RULE, encoding="utf-8")
    (tmp_path / "main.py").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "stranger.py").write_text(STRANGER, encoding="utf-8")
    return tmp_path


def run_in(clone: Path, cache: Path) -> tuple[list[str], str]:
    """What the script printed, and its notes."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("NUMBA_")}
    done = subprocess.run(
        [sys.executable, "main.py"], cwd=clone, capture_output=True, text=True, check=False,
        env={**inherited, "PYTHONPATH": str(clone), "PANJ_CACHE": str(cache),
             "PYTHONDONTWRITEBYTECODE": "1"},  # Python's own cache misses an edit of equal length within a second
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[:2], done.stderr


def edit(clone: Path, old: str, new: str) -> None:
    """Change the source of the rule."""
    chance = clone / "sim" / "engine" / "chance.py"
    text = chance.read_text(encoding="utf-8")
    assert old in text
    chance.write_text(text.replace(old, new), encoding="utf-8")


def test_where_the_cache_cannot_be_written_a_changed_rule_is_seen_and_nothing_is_kept_elsewhere(clone: Path) -> None:
    cache = clone / "no_folder"
    cache.write_text("a file, so that not even root can make the folder", encoding="utf-8")
    found, notes = run_in(clone, cache)
    assert found == ["4", "6"]
    assert notes.count("Note:") == 1 and "PANJ_CACHE" in notes
    edit(clone, "return number + 1", "return number - 1")
    assert run_in(clone, cache)[0] == ["2", "6"]
    assert not list(clone.rglob("*.nb[ic]"))


def test_damaged_files_are_compiled_again_and_a_moved_rule_is_not(clone: Path) -> None:
    cache = clone / "cache"
    assert run_in(clone, cache) == (["4", "6"], "")
    files = sorted(cache.rglob("*.nb[ic]"))
    assert {path.suffix for path in files} == {".nbi", ".nbc"}
    for number, path in enumerate(files):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content if number % 2 else b"")
    found, notes = run_in(clone, cache)
    assert found == ["4", "6"] and "compiled again" in notes
    assert run_in(clone, cache) == (["4", "6"], "")
    kept = {path: path.stat().st_mtime_ns for path in cache.rglob("rules/*.nb[ic]")}
    edit(clone, "@rule\ndef edited", "# a comment\n@rule\ndef edited")
    assert run_in(clone, cache) == (["4", "6"], "")
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("rules/*.nb[ic]")} == kept
    edit(clone, "return number + 1", "return number * 5")
    assert run_in(clone, cache)[0] == ["15", "6"]


def test_processes_that_compile_a_rule_for_different_arguments_at_once_do_not_overwrite_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {key: SealedFile(str(tmp_path), "rule", "rules") for key in ("int64", "float64")}
    with monkeypatch.context() as patch:
        patch.setattr(SealedFile, "_load_index", lambda _: {})  # as both read it before either has written
        for key, file in kept.items():
            file.save(key, f"code for {key}")
    assert {pickle.loads(path.read_bytes()[SEAL:]) for path in tmp_path.glob("*.nbc")} == {
        "code for int64", "code for float64",
    }  # fmt: skip
    there = SealedFile(str(tmp_path), "rule", "rules")
    assert [there.load(key) for key in kept] == [None, "code for float64"]  # what the index lacks is compiled again
