"""A rule of one's own runs within the day, with its numbers and draws; what a rule may not do is refused by name."""

import ast
import os
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from inspect import signature
from pathlib import Path

import numba
import numpy as np
import pytest
from test_adding_a_rule import digest_of_days

from sim.configuration.numbers import numbers_in
from sim.data import own, own_rules
from sim.data.places import naming_own_files
from sim.engine import cache, chance
from sim.engine.compile import fingerprint_of_rules
from sim.errors import PanjError
from sim.study.starter import STARTER

TESTS = Path(__file__).parents[1]
DAYS = """
from test_adding_a_rule import digest_of_days
from sim.engine.compile import fingerprint_of_rules
from sim.engine.day import Rules
print(*(digest_of_days(neighbours={"hears": 1.0, "morale": morale}) for morale in (0.0, 0.3)))
print(fingerprint_of_rules(), Rules._fields[-1])
"""


@pytest.fixture
def rule(tmp_path):
    """The example rule in a folder of its own, named in panj.yaml."""
    shutil.copytree(STARTER, tmp_path / "mine")
    marker = tmp_path / "mine/panj.yaml"
    marker.write_text(marker.read_text(encoding="utf-8").replace("# rules:", "rules:"), encoding="utf-8")
    return tmp_path / "mine/my_rules/neighbours.py"


def test_a_rule_acts_by_its_numbers_and_disturbs_no_other(rule):
    paths = os.pathsep.join(map(str, (TESTS.parent, TESTS, TESTS / "engine")))
    done = subprocess.run(
        [sys.executable, "-c", DAYS], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": paths, "NUMBA_DISABLE_JIT": "1", own.VARIABLE: str(rule.parents[1])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    without_effect, with_effect, fingerprint, field = done.stdout.split()
    assert without_effect == digest_of_days() != with_effect
    assert fingerprint != fingerprint_of_rules() and field == "neighbours"


def test_without_rules_of_the_user_the_day_and_the_fingerprint_are_those_of_panj():
    assert own_rules.own_rules() == () and fingerprint_of_rules() == "c6644cbada062da5"
    assert ast.dump(own_rules.extended_day(())) == ast.dump(own_rules.engine_tree("day"))


def test_a_rule_runs_right_after_the_step_that_it_names(rule):
    day = own_rules.extended_day([own_rules.read_rule(rule)])
    steps = [own_rules.called(node) for node in own_rules.part(day, "run_day").body]
    assert steps[steps.index("cross") + 1] == "act_neighbours"


HELPERS = """

@rule
def helper(unit: int, men: int) -> int:
    return unit + men


@rule
def spare(unit: int, men: int = 1) -> int:
    return unit + men
"""


@pytest.mark.parametrize(("before", "after", "named"), [
    ("units.morale[unit] =", "units.men[unit] =", "units.men[unit]"),
    ("units.morale[unit] =", "units.morale =", "line"),
    ('"units.morale")', '"units.morale", "roads.first")', "roads"),
    ("STREAM = 50", "STREAM = 20", "STREAM"), ("STREAM = 50\n", "", "STREAM"),
    ('"cross"', '"crossing"', "AFTER"),
    ('"cross"', '"crossing"', "run_day in sim/engine/day.py"), ("class Neighbours", "class Others", "Neighbours"),
    ("border: Border, ", "", "act"), ("from typing", "import os\nfrom typing", "import os"),
    ("def act(", "def act(:", "line"), ("STREAM = 50", "STREAM = 50\nopen('x', 'w')", "open"),
    ("units.crossed[unit] > 0", "open('x')", "open"),
    ("luck, STREAM", "luck, 7", "line"), ("luck, STREAM", "luck, STREAM + 1", "line"),
    ("luck, STREAM", "luck, Stream.BREAK", "Stream.BREAK"),
    ("luck, STREAM,", "luck, actor=0, stream=7) + max(", "line"),
    ("home = units.home[unit]", "STREAM = 7", "STREAM"),
    ("uniform(today.luck, STREAM,", "chance.uniform(today.luck, 7,", "line"),
    ("uniform(today.luck, STREAM, units.identity[unit])", "today.luck.keys[7]", "keys"),
    ("STREAM = 50", "STREAM = 7\nSTREAM = 50", "STREAM"),
    ("home = units.home[unit]", "draw = uniform; home = draw(today.luck, 7, unit)", "line"),
    ("home = units.home[unit]", "units.men.fill(0)", "units.men.fill"),
    ("home = units.home[unit]", "men = units.men; men.sort()", "men.sort"),
    ("home = units.home[unit]", "leave_garrison(unit, armies.garrisons, units)", "garrisons.first_unit"),
    ("home = units.home[unit]", "muster(districts, armies, numbers)", "garrisons.morale"),
    ("home = units.home[unit]", "units.morale[:].fill(0)", "fill"),
    ("home = units.home[unit]", "units = armies.prongs", "units"),
    ("home = units.home[unit]", "men = units.men.view(); men -= 1", "view"),
    ("home = units.home[unit]", "men, rest = units.men, 0; men += 1", "men += 1"),
    ("numbers.hears:", "numbers.hear:",
     "line 39, numbers.hear: found 'hear', expected one of hears, morale; did you mean 'hears'?"),
    ("units.crossed[unit]", "units.crosed[unit]", "did you mean 'crossed'?"),
    ("units.crossed[unit]", "armies.units.crosed[unit]", "armies.units.crosed: found 'crosed'"),
    ("land.roads, armies", "land.road, armies", "land.road: found 'road'"),
    ("UnitState.HOLDING", "UnitState.HOLDIN", "did you mean 'HOLDING'?"),
    ("(today.luck", "(today.luk", "did you mean 'luck'?"),
    ("STREAM, units.identity[unit])", "STREAM)",
     "line 39: found 'uniform(today.luck, STREAM)', expected uniform(luck: Luck, stream: int, actor: int)"),
    ("units.identity[unit])", "units.identity[unit], 3)", "expected uniform(luck: Luck, stream: int, actor: int)"),
    ("home = units.home[unit]", "home = helper(unit)", "expected helper(unit: int, men: int)"),
    ("home = units.home[unit]", "home = helper(unit, person=3)", "expected helper(unit: int, men: int)"),
    ("home = units.home[unit]", "home = spare(1, 2, 3)", "expected spare(unit: int, men: int=1)"),
])  # fmt: skip
def test_a_rule_that_lacks_a_part_or_does_what_it_may_not_is_refused(rule, before, after, named):
    text = rule.read_text(encoding="utf-8")
    assert before in text
    rule.write_text(text.replace(before, after, 1) + HELPERS, encoding="utf-8")
    with pytest.raises(PanjError) as found:
        own_rules.read_rule(rule)
    assert str(rule) in str(found.value) and named in str(found.value)


def test_a_rule_may_use_methods_that_write_to_its_traits_or_only_read(rule):
    text = rule.read_text(encoding="utf-8")
    reading = "home = units.home[unit]; most = units.men.max() + math.floor(2.5); most += 1; units.morale.fill(0.5)"
    reading += "; group = armies.units; home = group.home[0]; group = armies.forces; home = group.men[0]"
    reading += "; state = UnitState.HOLDING.value; mine = armies.units; home = mine.home[0]"
    reading += "; helper(unit, men=3); spare(*(unit, 3)); spare(unit)"
    reading += "; mean_hunger(0, armies.garrisons, units, 3.0); list_units(districts.chosen, armies.garrisons, units)"
    text = text.replace("WRITES = (", 'WRITES = ("units.listed", ')
    changed = (
        text.replace("luck, STREAM", "luck, 50")
        .replace("home = units.home[unit]", reading)
        .replace("from typing", "import math\nfrom typing")
    )
    assert changed != text
    rule.write_text(changed + HELPERS, encoding="utf-8")
    assert own_rules.read_rule(rule).stream == 50


def test_every_draw_of_the_engine_is_known_to_the_check_of_streams():
    found = {name for name, one in vars(chance).items() if "stream" in getattr(one, "__annotations__", ())}
    drawing = {name for name in found if list(signature(getattr(chance, name)).parameters)[1] == "stream"}
    assert drawing == found == set(own_rules.DRAWS)


def test_a_rule_without_numbers_or_with_the_name_of_another_is_refused(rule):
    rule.with_suffix(".yaml").unlink()
    with pytest.raises(PanjError, match=r"neighbours\.yaml"):
        own_rules.read_rule(rule)
    with pytest.raises(PanjError, match="news"):
        own_rules.read_rule(rule.rename(rule.with_name("news.py")))


def test_a_process_that_began_with_other_rules_says_so(rule, monkeypatch):
    monkeypatch.setenv(own.VARIABLE, str(rule.parents[1]))
    with pytest.raises(PanjError) as found:
        own_rules.check_unchanged()
    assert found.value.key == "rules" and str(rule) in str(found.value)


@pytest.mark.parametrize(("row", "part"), [
    ("{value: 2, unit: x, range: [0.0, 1.0], source: guess, meaning: x}", "value"),
    ("{value: 0, unit: x, range: 1, source: guess, meaning: x}", "range"),
    ("{value: 0, unit: x, range: [1.0, 0.0], source: guess, meaning: x}", "range"),
    ("{value: 0, unit: x, range: [0.0, 1.0], source: guess}", "meaning"),
    ("{value: 0, unit: x, range: [0.0, 1.0], source: guess, meaning: x, priors: {}}", "prior"), ("3", "value"),
])  # fmt: skip
def test_a_wrong_number_of_a_rule_is_named_with_its_file_and_line(rule, monkeypatch, row, part):
    monkeypatch.setenv(own.VARIABLE, str(rule.parents[1]))
    path = rule.with_suffix(".yaml")
    path.write_text(f"hears: {row}\n", encoding="utf-8")
    with pytest.raises(PanjError, match=part) as found, naming_own_files([path], alone=True):
        numbers_in(path, "neighbours", {"hears": float})
    assert str(found.value).startswith(f"{path} line 1: rules.neighbours.hears")


PRIORS = """
from sim.configuration.compose import compose_settings
from sim.configuration.draws import read_priors
settings = compose_settings(["calibration=prior"])
print(read_priors()[-1].key, *(settings.rules_of(seed).neighbours.morale for seed in range(3)))
"""


def test_a_number_of_a_rule_is_drawn_from_the_prior_beside_it(rule):
    done = subprocess.run(
        [sys.executable, "-c", PRIORS], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(TESTS.parent), "NUMBA_DISABLE_JIT": "1",
             own.VARIABLE: str(rule.parents[1])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    key, *drawn = done.stdout.split()
    assert key == "rules.neighbours.morale"
    assert len(set(drawn)) == 3 and all(0 <= float(value) <= 0.2 for value in drawn)


BROKEN = """
from numba import njit


@njit
def helper(men, numbers):
    return men


@njit
def act(men, numbers):
    BODY
"""


@pytest.mark.parametrize(("body", "said"), [
    ("return numbers.hear", "(Unknown attribute 'hear' of type int64, File \"neighbours.py\", line 12)"),
    ("return missing(men)", "(NameError: name 'missing' is not defined)"),
    ("return sorted(men, key=3)", "(no function of Numba takes sorted(array(int64, 1d, C), key=Literal[int](3)), File"),
    ("return helper(men)", "missing a required argument: 'numbers'"),
    ("yield from men", "(Use of unsupported opcode (GET_YIELD_FROM_ITER) found"),
])  # fmt: skip
def test_a_rule_that_does_not_compile_is_refused_with_what_is_wrong(rule, monkeypatch, body, said):
    rule.write_text(BROKEN.replace("BODY", body), encoding="utf-8")
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 0)
    monkeypatch.setattr(cache, "own_rules", lambda: [own_rules.OwnRule("neighbours", rule, "cross", 50, "")])
    monkeypatch.chdir(rule.parent)
    spec = spec_from_file_location("neighbours", rule)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(PanjError) as found, cache.naming_rules_of_user():
        module.act(np.arange(3), 1)
    assert str(rule) in str(found.value) and said in str(found.value) and "pipeline" not in str(found.value)
