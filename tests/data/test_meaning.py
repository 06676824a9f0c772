"""Fingerprints follow what code computes and what data say, and not how either is written down."""

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sim import outcome as outcomes
from sim.data.facts import DATA, fingerprint, read_facts
from sim.data.meaning import meaning_of_code, meaning_of_table, read_sources
from sim.engine import compile as compiling
from sim.engine.compile import ENGINE, fingerprint_of_rules

RULE = '''
"""A rule."""
import math
from typing import NamedTuple
from sim.engine.world import NOBODY


class Numbers(NamedTuple):
    """Numbers."""
    share: float  # of men
    days: int


def leaves(dread: float, draw: float) -> bool:
    """Whether a unit leaves."""
    fear: float = dread * 2.0
    if draw > 1.0:
        raise ValueError(f"draw: found {draw}")
    return draw < math.exp(fear) and draw != NOBODY


def act(numbers, men):
    rest(men)
    march(men)
'''
SAME = {
    "a reworded docstring": ("Whether a unit leaves.", "True for a unit that goes."),
    "no docstring": ('    """Whether a unit leaves."""\n', ""),
    "a reworded comment": ("# of men", "# share of the men"),
    "another layout": (
        "draw < math.exp(fear) and draw != NOBODY",
        "(\n        draw < math.exp(fear)\n        and draw != NOBODY\n    )",
    ),
    "reordered imports": (
        "import math\nfrom typing import NamedTuple\n",
        "from typing import NamedTuple\nimport math\n",
    ),
    "an annotation of an argument": ("dread: float, ", "dread, "),
    "an annotation of what is returned": (" -> bool", ""),
    "an annotation of a variable": ("fear: float = ", "fear = "),
    "another file of ours": ("sim.engine.world", "sim.engine.rules.world"),
    "a reworded error": ("draw: found {draw}", "expected a draw, found {draw}"),
}
OTHER = {
    "an operator": ("draw < math", "draw <= math"),
    "a number": ("2.0", "2.5"),
    "a whole number for a real one": ("2.0", "2"),
    "the order of two steps": ("rest(men)\n    march(men)", "march(men)\n    rest(men)"),
    "the type of a field": ("days: int", "days: float"),
    "the order of fields": ("    share: float  # of men\n    days: int", "    days: int\n    share: float"),
    "the name of a function": ("def leaves", "def stays"),
    "another function of a library": ("math.exp", "math.expm1"),
    "a name from elsewhere": ("from sim.engine.world import NOBODY", "from numpy import NOBODY"),
    "another of our names": ("import NOBODY", "import NEVER as NOBODY"),
    "another kind of error": ("ValueError", "KeyError"),
}


@pytest.mark.parametrize("change", SAME)
def test_how_code_is_written_is_not_what_it_means(change):
    old, new = SAME[change]
    assert old in RULE
    assert meaning_of_code([RULE.replace(old, new)]) == meaning_of_code([RULE])


@pytest.mark.parametrize("change", OTHER)
def test_what_code_computes_is_what_it_means(change):
    old, new = OTHER[change]
    assert old in RULE
    assert meaning_of_code([RULE.replace(old, new)]) != meaning_of_code([RULE])


def test_definitions_may_move_from_file_to_file():
    parts = re.split(r"(?=^def act)", RULE, flags=re.MULTILINE)
    assert meaning_of_code(parts) == meaning_of_code(parts[::-1]) == meaning_of_code([RULE])


def test_only_what_is_used_by_the_roots_counts():
    changed = RULE.replace("2.0", "3.0")
    assert meaning_of_code([changed], roots=["act"]) == meaning_of_code([RULE], roots=["act"])
    assert meaning_of_code([changed], roots=["leaves"]) != meaning_of_code([RULE], roots=["leaves"])


def test_names_of_the_engine_are_unique_since_paths_are_left_out():
    names = [re.match(r"(\w+)", text) and text for text in meaning_of_code(read_sources(sorted(ENGINE.rglob("*.py"))))]
    assert len(names) == len(set(names))


def engine_in(tmp_path, monkeypatch, change):
    """The fingerprint of a copy of the engine after a change."""
    fingerprint_of_rules()  # cached before there is another engine
    copy = tmp_path / "engine"
    shutil.copytree(ENGINE, copy)
    change(copy)
    monkeypatch.setattr(compiling, "ENGINE", copy)
    return fingerprint_of_rules.__wrapped__()


def rewrite(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_engine_may_be_reworded_reformatted_and_renamed(tmp_path, monkeypatch):
    def change(engine):
        rewrite(engine / "day.py", '"""', '"""Other words. ')
        (engine / "rules" / "crossing.py").rename(engine / "rules" / "river.py")
        rewrite(engine / "day.py", "sim.engine.rules.crossing", "sim.engine.rules.river")
        subprocess.run(
            [Path(sys.executable).parent / "ruff", "format", "--isolated", "--line-length", "60", engine],
            check=True, capture_output=True,
        )  # fmt: skip

    assert engine_in(tmp_path, monkeypatch, change) == fingerprint_of_rules()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("rules/crossing.py", "units.men[unit] > 0", "units.men[unit] >= 0"),
        ("rules/crossing.py", "units.home[unit]]\n", "units.district[unit]]\n"),
        ("timeline.py", "==", "!="),
    ],
)
def test_a_change_of_a_rule_is_another_engine(tmp_path, monkeypatch, file, old, new):
    assert engine_in(tmp_path, monkeypatch, lambda engine: rewrite(engine / file, old, new)) != fingerprint_of_rules()


def test_two_steps_of_the_day_in_another_order_are_another_engine(tmp_path, monkeypatch):
    def swap(engine):
        path = engine / "day.py"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        row = next(row for row, line in enumerate(lines) if line.startswith("    travel("))
        lines[row : row + 2] = lines[row + 1], lines[row]
        path.write_text("".join(lines), encoding="utf-8")

    assert engine_in(tmp_path, monkeypatch, swap) != fingerprint_of_rules()


def test_a_table_may_be_written_otherwise():
    table = "id,value,note\nA,1.50,as told\nB,2,\n"
    assert meaning_of_table('note,id,value\n"in other words",A,1.5\n,B,2.0\n') == meaning_of_table(table)
    assert meaning_of_table(table.replace("\n", "\r\n")) == meaning_of_table(table)
    assert meaning_of_table(table.replace("1.50", "1.51")) != meaning_of_table(table)
    assert meaning_of_table("id,value,note\nB,2,\nA,1.50,as told\n") != meaning_of_table(table)


def test_the_data_may_be_reworded_but_not_revalued(tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder)
    for path in folder.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            row.update({name: "reworded" for name in ("note", "source") if name in row})
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, sorted(rows[0]), quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows(rows)
    assert fingerprint(folder) == read_facts().fingerprint
    rewrite(folder / "districts.csv", "Paghman", "Paghmon")
    assert fingerprint(folder) != read_facts().fingerprint


def test_counting_is_part_of_the_fingerprint_of_outcomes(monkeypatch):
    here = outcomes.fingerprint_of_outcomes()
    monkeypatch.setattr(outcomes, "meaning_of_counting", lambda *_: ["counted otherwise"])
    assert outcomes.fingerprint_of_outcomes() != here
