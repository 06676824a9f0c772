"""Tests of the architecture: import contracts, dependencies, and the descriptions of rules and numbers."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from shared import ROOT, run_python

import sim
from sim.configuration.compose import GROUPS, choices_of, compose_settings
from sim.configuration.numbers import declared_numbers
from sim.data.facts import read_facts
from sim.options import SHELLS, VERBS

PACKAGE = Path(sim.__file__).parent
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
RULES = [name for name in FILES if name.startswith("sim.engine.rules.")]
RESULTS = [name for name in FILES if name.split(".")[1:2] in (["plots"], ["report"], ["compare"], ["memo"])]
HEAVY = ("pandas", "matplotlib", "mesa", "hydra", "omegaconf", "solara")
SLOW = (*HEAVY, "numpy", "scipy", "numba", "pyarrow", "jinja2", "importlib.metadata", "sim.engine")
NAMING = {  # command lines that only say what can be typed
    "help": [["--help"], *([verb, "--help"] for verb in VERBS)],
    "lists": [["list", *kind, "--json"] for kind in ([], ["settings"], ["policies"], ["scenarios"], ["verbs"])],
    "completion": [["completion", shell] for shell in SHELLS],
}
FOR_NOTEBOOKS = ("sim.classroom.exercises", "sim.classroom.lessons.notebooks")
MOST_IN_A_FOLDER = 17
DISTRIBUTIONS = packages_distributions()
EXTRA_OF = {  # the extra that a part of sim/ belongs to; every other part needs the core alone
    **dict.fromkeys(
        ("plots", "report", "compare", "scoring", "story", "hindcast", "memo", "explorable", "reproduce", "api"),
        "report",
    ),
    **dict.fromkeys(("calibrate", "explore"), "calibrate"),
    "classroom": "classroom",
    "model": "mesa",
    "mesa_page": "mesa-page",
    **dict.fromkeys(("assimilation.figures", "assimilation.page", "assimilation.theories"), "report"),
}
NEVER_IMPORTED = {  # required for what their line in pyproject.toml says, without an import of ours
    "altair", "ipyvue", "ipyvuetify", "networkx", "solara", "solara-assets", "solara-server",
}  # fmt: skip
ALL_CHOICES = [(group, choice) for group in (*GROUPS, "scenario", "timeline") for choice in choices_of(group)]


@cache
def tree_of(name):
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


def names_imported(name):
    found = (node for node in ast.walk(tree_of(name)) if isinstance(node, ast.ImportFrom))
    return {alias.name for node in found for alias in node.names}


def lint(folder):
    return subprocess.run(
        [shutil.which("lint-imports", path=str(Path(sys.executable).parent)), "--no-cache"],
        cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(folder)},
    )  # fmt: skip


@pytest.mark.parametrize("line", ["from sim.execution import work", "import numba", "from sim.report import report"])
def test_an_import_that_points_up_breaks_a_contract(line, tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(PACKAGE, tmp_path / "sim", ignore=shutil.ignore_patterns("__pycache__", "*.csv", "*.yaml"))
    assert lint(tmp_path).returncode == 0
    below = tmp_path / "sim" / "configuration" / "numbers.py"
    below.write_text(f"{below.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    assert lint(tmp_path).returncode == 1


def test_no_folder_is_a_flat_drawer():
    assert (
        max(Counter(path.parent for path in FILES.values() if path.name != "__init__.py").values()) <= MOST_IN_A_FOLDER
    )


def test_a_worker_starts_without_what_is_slow_to_import():
    needed = (
        "sim.engine.campaign",
        "sim.engine.layout",
        "sim.outcome",
        "sim.execution.executors",
        "sim.execution.work",
    )
    script = f"import sys, {', '.join(needed)}; print(*sorted(set(sys.modules) & set({(*HEAVY, 'pyarrow.parquet')})))"
    done = run_python(script)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


@pytest.mark.parametrize("lines", NAMING.values(), ids=NAMING)
def test_a_command_line_that_only_says_what_can_be_typed_imports_nothing_slow(lines):
    script = f"""
import sys
from sim.__main__ import main
codes = {{main(line) for line in {lines}}}
print(*codes, *sorted(set(sys.modules) & set({SLOW})), file=sys.stderr)
"""
    done = run_python(script)
    assert done.stderr.split() == ["0"] and done.stdout


def plain(distribution):
    return re.sub(r"[-_.]+", "-", distribution).lower()


@cache
def required_by(extra=None):
    """Return the distributions that pyproject.toml requires for the core or for an extra and the extras it includes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = set()
    for line in project["optional-dependencies"][extra] if extra else project["dependencies"]:
        name, included = re.match(r"([\w.-]+)(?:\[([\w,-]+)\])?", line).groups()
        found |= set().union(*map(required_by, included.split(","))) if name == "panj" else {plain(name)}
    return found


@cache
def libraries_of(name):
    """Return the distributions that a module imports, as sets of candidates: at its top level, and anywhere."""

    def of(nodes):
        found = set()
        for node in nodes:
            names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            found |= {full.partition(".")[0] for full in names}
        others = found - set(sys.stdlib_module_names) - {"sim"}
        return {frozenset(map(plain, DISTRIBUTIONS.get(top, [top]))) for top in others}

    kinds = ast.Import | ast.ImportFrom
    everywhere = [node for node in ast.walk(tree_of(name)) if isinstance(node, kinds)]
    return of(node for node in tree_of(name).body if isinstance(node, kinds)), of(everywhere)


@pytest.mark.parametrize("name", FILES)
def test_every_import_is_of_a_declared_requirement(name):
    parts = name.removeprefix("sim.").split(".")
    extra = EXTRA_OF.get(parts[0]) or EXTRA_OF.get(".".join(parts[:2]))
    allowed = required_by() | (required_by(extra) if extra else set())
    at_head, anywhere = libraries_of(name)
    assert not [sorted(library) for library in at_head if not library & allowed]
    assert not [sorted(library) for library in anywhere if not library & (required_by() | required_by("test"))]


def test_every_requirement_is_imported():
    imported = set().union(*(library for name in FILES for library in libraries_of(name)[1]))
    assert required_by() | required_by("all") <= imported | NEVER_IMPORTED
    assert not NEVER_IMPORTED & imported


def test_the_core_starts_without_any_extra():
    missing = {top for top, names in DISTRIBUTIONS.items() if required_by("all") & set(map(plain, names))}
    core = [name for name in FILES if not any(f"{name}.".startswith(f"sim.{part}.") for part in EXTRA_OF)]
    script = f"import sys; sys.modules.update(dict.fromkeys({sorted(missing)})); import {', '.join(core)}"
    done = run_python(script)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", RESULTS)
def test_what_looks_at_results_never_simulates(name):
    assert not names_imported(name) & {"run_campaign", "run_days", "step", "lay_out", "run_day"}


def test_pages_need_neither_tables_nor_figures_of_the_slow_kind():
    pages = [name for name in FILES if name.startswith("sim.classroom") and name not in FOR_NOTEBOOKS]
    slow = re.compile(r"^\s*(from|import) (pandas|matplotlib|mesa|hydra|nbformat)", re.MULTILINE)
    assert not [name for name in pages if slow.search(FILES[name].read_text(encoding="utf-8"))]


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_what_it_is_reads_writes_and_rests_on(name):
    text = ast.get_docstring(tree_of(name)) or ""
    sentence, _, card = text.partition("\n\n")
    assert sentence[:1].isupper() and sentence.endswith(".") and len(sentence.split()) > 3
    heads = [line.split()[0] for line in card.splitlines() if line and not line.startswith(" ")]
    assert heads[:3] == ["Reads", "Writes", "Source"]
    for line in card.splitlines():
        if line.startswith(("Reads", "Writes", "Source")):
            assert len(line.split()) > 1, line


@pytest.mark.parametrize("name", FILES)
def test_everything_public_says_what_it_is(name):
    tree = tree_of(name)
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    things = [node for node in tree.body if isinstance(node, kinds)]
    things += [
        part for node in things if isinstance(node, ast.ClassDef) for part in node.body if isinstance(part, kinds)
    ]
    assert ast.get_docstring(tree)
    assert not [node.name for node in things if not node.name.startswith("_") and not ast.get_docstring(node)]


@pytest.mark.parametrize("key", declared_numbers())
def test_every_number_says_its_unit_source_range_and_meaning(key):
    number = declared_numbers()[key]
    for said in (number.unit, number.source, number.meaning):
        assert isinstance(said, str) and said.strip()
    assert number.low < number.high and number.low <= number.value <= number.high
    if number.is_whole:
        assert number.value == int(number.value)


@pytest.fixture(scope="module")
def facts():
    return read_facts()


@pytest.mark.parametrize("calibration", ["posterior", "prior"])
@pytest.mark.parametrize(("group", "choice"), ALL_CHOICES)
def test_every_choice_composes_whatever_is_drawn(group, choice, calibration, facts):
    settings = compose_settings([f"{group}={choice}", f"calibration={calibration}"], facts)
    assert settings.choices[group] == choice
    assert settings.days > 0


def test_no_two_files_of_tests_have_one_name():
    """Check that names are unique: as tests/ has no packages, pytest confuses two files of the same name."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py") if "browser" not in path.parts)
    assert not [name for name, times in names.items() if times > 1]
