"""The sentences of the architecture, held: who imports whom, what every rule and number says of itself."""

import ast
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import sim
from sim.facts import read_facts
from sim.parameters import declared_numbers
from sim.study.settings import GROUPS, choices_of, compose_settings

PACKAGE = Path(sim.__file__).parent
FILES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
RULES = [name for name in FILES if name.startswith("sim.rules.")]
STUDY = [name for name in FILES if name.startswith("sim.study")]
CLASSROOM = [name for name in FILES if name.startswith("sim.classroom")]
SHOW = [name for name in FILES if name.startswith("sim.show")]
NEEDED_BY_WORKERS = ("sim.campaign", "sim.founding", "sim.invariants", "sim.outcomes", "sim.results")
NOTEBOOKS = "sim.classroom.notebooks"  # writes them, with nbformat
HEAVY = ("pandas", "matplotlib", "mesa", "hydra", "omegaconf", "solara")
ALL_CHOICES = [(group, choice) for group in (*GROUPS, "scenario", "timeline") for choice in choices_of(group)]


@cache
def tree_of(name):
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


@cache
def imports_of(name):
    """Full names of all modules and things that a file imports, at its head or inside functions."""
    found = set()
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: imports are written in full"
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def is_under(full, prefixes):
    return any(full == prefix or full.startswith(f"{prefix}.") for prefix in prefixes)


def is_under_any(fulls, prefix):
    return any(is_under(full, [prefix]) for full in fulls)


def importers_of(*libraries):
    return {name for name in FILES if any(is_under(full, libraries) for full in imports_of(name))}


def closure_of(names):
    """These modules and every module of ours that they need, with the packages in which they lie."""
    seen, open_ = set(), list(names)
    while open_:
        name = open_.pop()
        if name not in seen and name in FILES:
            seen.add(name)
            open_ += [*imports_of(name), *(name.rsplit(".", depth)[0] for depth in range(1, name.count(".") + 1))]
    return seen


def plainly_imported(name):
    """Modules imported whole, of which anything may then be used."""
    return {alias.name for node in ast.walk(tree_of(name)) if isinstance(node, ast.Import) for alias in node.names}


def ours(name):
    return {full for full in imports_of(name) if is_under(full, ["sim"])}


def test_only_the_face_imports_mesa():
    assert {"sim.model", "sim.agents"} <= importers_of("mesa") <= {"sim.model", "sim.agents", "sim.show.dashboard"}


def test_only_the_front_door_imports_hydra():
    assert "sim.study.settings" in importers_of("hydra")
    assert importers_of("hydra", "omegaconf") <= {"sim.__main__", *STUDY}


def test_only_the_classroom_imports_what_serves_pages():
    assert "sim.classroom.app" in importers_of("solara")
    assert importers_of("solara", "reacton", "ipyvue", "ipyvuetify", "starlette", "uvicorn") <= set(CLASSROOM)


def test_nobody_needs_the_classroom():
    importers = {name for name in FILES if name not in CLASSROOM and is_under_any(ours(name), "sim.classroom")}
    assert importers == {"sim.__main__"}


def test_pages_need_neither_tables_nor_figures_of_the_slow_kind():
    door = "sim.classroom.exercises"  # for notebooks, and for no page
    assert not importers_of("pandas", "matplotlib", "mesa", "hydra", "nbformat") & set(CLASSROOM) - {door, NOTEBOOKS}
    assert not [name for name in CLASSROOM if is_under_any(ours(name), door)]


def test_only_the_decorator_imports_numba():
    assert importers_of("numba") == {"sim.rules"}


@pytest.mark.parametrize("name", sorted(closure_of(NEEDED_BY_WORKERS)))
def test_nothing_that_a_worker_needs_imports_what_is_slow_to_import(name):
    assert not [full for full in imports_of(name) if is_under(full, HEAVY)]


def test_a_worker_starts_without_what_is_slow_to_import():
    needed = (*NEEDED_BY_WORKERS, "sim.study.executors", "sim.study.work")
    script = f"import sys, {', '.join(needed)}; print(*sorted(set(sys.modules) & set({HEAVY})))"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


@pytest.mark.parametrize("name", RULES)
def test_a_rule_knows_only_the_world_chance_and_other_rules(name):
    assert all(is_under(full, ["sim.world", "sim.chance", "sim.rules"]) for full in ours(name))


def test_the_world_knows_nobody():
    assert not ours("sim.world")


@pytest.mark.parametrize(
    ("lower", "uppers"),
    [
        ("sim.timeline", ["sim.day", "sim.campaign", "sim.model", "sim.agents", "sim.study", "sim.show"]),
        ("sim.day", ["sim.campaign", "sim.founding", "sim.model", "sim.agents", "sim.study", "sim.show"]),
        ("sim.campaign", ["sim.model", "sim.agents", "sim.results", "sim.outcomes", "sim.study", "sim.show"]),
        ("sim.results", ["sim.model", "sim.agents", "sim.study", "sim.show"]),
        ("sim.agents", ["sim.model", "sim.campaign", "sim.study", "sim.show"]),
        ("sim.model", ["sim.study", "sim.show"]),
    ],
)
def test_dependencies_point_one_way(lower, uppers):
    assert not [name for name in closure_of([lower]) if is_under(name, uppers)]


@pytest.mark.parametrize("name", STUDY)
def test_a_study_does_not_look_at_results(name):
    assert not [full for full in ours(name) if is_under(full, ["sim.show"])]


@pytest.mark.parametrize("name", SHOW)
def test_what_looks_at_results_never_simulates(name):
    barred = ["sim.campaign.run_campaign", "sim.campaign.live", "sim.campaign.step", "sim.founding", "sim.day"]
    if "dashboard" not in name:  # which shows a live model
        barred += ["sim.model", "sim.agents"]
    assert not [full for full in ours(name) if is_under(full, barred)]
    assert "sim.campaign" not in plainly_imported(name)


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
