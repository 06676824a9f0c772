"""Adding a rule touches five places, as `docs/how-to/add-a-rule.md` shows; numbers say unit and meaning in the code."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from board import RIVER, board, digest

from sim.configuration.numbers import declared_numbers
from sim.engine.day import Rules

ROOT = Path(__file__).parents[2]
STEP = re.compile(r"(New file|In) `(?P<path>[^`]+)`(?:, after `(?P<line>[^`]+)`)?:\n\n```\w+\n(?P<text>.*?)```", re.S)
DAYS = """
from test_adding_a_rule import digest_of_days
print(*(digest_of_days(imitation={"hears": 1.0, "morale": morale}) for morale in (0.0, 0.3)))
"""


def digest_of_days(**numbers):
    """Units, posts and holders of a board after a few days on which a garrison crosses the river."""
    made = board(
        parley={"intercept": 90.0},
        retreat={"police_surrender": 0.0, "others_surrender": 0.0, "road_open": 0.0},
        **numbers,
    )
    made.send(RIVER, 100)
    for day in range(1, 6):
        made.run_day(day)
    assert made.world.units.crossed.sum() > 0
    return digest(made.world.units, made.world.posts, made.world.districts.holder)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the code with the rule of the page added, and the places that were touched."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("sim", "configs", "scenarios", "tests"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "classroom", "browser")
        )
    steps = list(STEP.finditer((ROOT / "docs" / "how-to" / "add-a-rule.md").read_text()))
    for step in steps:
        path, line, text = folder / step["path"], step["line"], step["text"]
        path.write_text(inserted(path.read_text(), line, text) if line else text)
    return folder, {step["path"] for step in steps}


def inserted(content, line, text):
    assert content.count(f"\n{line}\n") == 1, line
    return content.replace(f"\n{line}\n", f"\n{line}\n{text}")


def run_in(folder, *arguments):
    environment = {
        **os.environ,
        "PYTHONPATH": f"{folder}:{folder / 'tests'}:{folder / 'tests' / 'engine'}",
        "NUMBA_DISABLE_JIT": "1",
    }
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_adding_a_rule_touches_at_most_five_places(copy):
    assert len(copy[1]) <= 5


def test_an_added_rule_passes_its_tests(copy):
    tests = run_in(copy[0], "-m", "pytest", "-q", "-p", "no:xdist", "tests/engine/rules/test_imitation.py")
    assert "2 passed" in tests


def test_an_added_rule_acts_by_its_numbers_and_disturbs_no_other(copy):
    without_effect, with_effect = run_in(copy[0], "-c", DAYS).split()
    assert without_effect == digest_of_days() != with_effect


@pytest.mark.parametrize("rule", Rules._fields)
def test_every_number_of_a_rule_has_its_unit_and_meaning_next_to_it(rule):
    source = (ROOT / "sim" / "engine" / "rules" / f"{rule}.py").read_text()
    fields = source.split(f"class {rule.capitalize()}(NamedTuple):", 1)[1].split('"""\n\n', 1)[1].split("\n\n", 1)[0]
    comments, above = {}, []
    for line in fields.splitlines():
        code, _, comment = line.strip().partition("# ")
        above.append(comment)
        if code:
            comments[code.split(":")[0]] = " ".join(filter(None, above))
            above = []
    declared = {key.rsplit(".", 1)[1]: row for key, row in declared_numbers().items() if key.split(".")[1] == rule}
    assert comments == {name: f"{row.unit}: {row.meaning}" for name, row in declared.items()}
