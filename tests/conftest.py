"""Shared fixtures; tests run the rules uncompiled, because compiled rules cannot be called from Python one by one."""

import gc
import json
import os

if "PANJ_TEST_COMPILED" not in os.environ:
    os.environ["NUMBA_DISABLE_JIT"] = "1"  # before anything imports sim

import pytest
from compiled_rules import TESTS, run_compiled
from hypothesis import settings

settings.register_profile("panj", deadline=None, max_examples=40, derandomize=True, database=None)
settings.register_profile("hunt", deadline=None, max_examples=1000, database=None)
settings.load_profile(os.environ.get("PANJ_HYPOTHESIS", "panj"))


def pytest_configure(config):
    """Ignore overflow warnings: 64-bit arithmetic wraps on purpose, but pytest resets the filter of the engine."""
    config.addinivalue_line("filterwarnings", "ignore:overflow encountered in scalar:RuntimeWarning")


def pytest_collection_finish():
    """Look for garbage less often: by then a process holds what it imported, which is no garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


COMPILED = r'''
"""Everything that only compiled rules can tell, in one process: compiling is slow and happens once."""
import json
import pickle
import re
import sys

import numpy as np

sys.path.insert(0, TESTS)
from board import campaigns, rules_with, timeline_of
from sim.engine.campaign import blank_record, run_days
from sim.engine.chance import seeds_of
from sim.engine.day import run_day
from sim.data.facts import read_facts
from sim.engine.layout import fresh, lay_out
from sim.engine.cache import RULES, SEAL
from sim.engine.compile import cache_folder, compiled, entry
from sim.engine.world import Act, Condition, Fall, Holder, UnitState

DAYS = 30
SEEDS = range(120)


@entry
def live_on(world, rules, timeline, seeds, days):
    """Day 0 has been; the days after it."""
    for day in range(1, days + 1):
        run_day(world, rules, timeline, seeds, day)


def further_falls():
    """Falls of the other districts that one fall on day 0 adds within the days after it, seed by seed."""
    rules = rules_with(founding={"first_gather_days": 999.0})
    timeline = timeline_of((0, Act.SET, Condition.AIR_COVER, 1.0), (0, Act.SET, Condition.PAY, 0.7))
    layout = lay_out(read_facts(), rules, {}, {}).world
    return [falls(layout, rules, timeline, seed, True) - falls(layout, rules, timeline, seed, False) for seed in SEEDS]


def falls(layout, rules, timeline, seed, forced):
    world = fresh(layout)
    seeds = seeds_of(seed, DAYS, world.provinces.capital.size)
    run_days(world, rules, timeline, seeds, blank_record(world, 0))
    districts = world.districts
    rural = np.flatnonzero((districts.holder == Holder.GOVERNMENT) & ~districts.is_capital)
    chosen = np.random.default_rng(seed).choice(rural)
    if forced:
        lose(world, chosen)
    live_on(world, rules, timeline, seeds, DAYS)
    fell = districts.first_lost_on >= 1
    fell[chosen] = False
    return int(fell.sum())


def lose(world, district):
    districts, units = world.districts, world.units
    districts.holder[district] = Holder.TALIBAN
    districts.lost_on[district] = districts.first_lost_on[district] = 0
    districts.lost_how[district] = Fall.HANDED_OVER
    here = (units.district == district) & (units.state == UnitState.HOLDING)
    units.surrendered[here] += units.men[here]
    units.men[here] = 0
    units.state[here] = UnitState.SURRENDERED


def signatures():
    """Kinds of arguments for which each rule was compiled, as they lie in the cache; literals and names count alike."""
    kinds = {}
    for path in (cache_folder() / RULES).glob("*.nbi"):
        _version, _stamp, versions = pickle.loads(path.read_bytes()[SEAL:])
        kinds[path.name] = sorted({plain(str(version[0])) for version in versions})
    return kinds


def plain(signature):
    signature = re.sub(r"Literal\[int\]\([^)]*\)|IntEnum<int64>\([^)]*\)", "int64", signature)
    return re.sub(r"Literal\[bool\]\([^)]*\)", "bool", signature)


assert compiled
digests = campaigns()
print(json.dumps({"digests": digests, "further_falls": further_falls(), "signatures": signatures()}))
'''


@pytest.fixture(scope="session")
def compiled():
    """Return results of compiled rules: digests of campaigns, further falls after one fall, signatures of each rule."""
    return json.loads(run_compiled("panj_compiled_checks.py", f"TESTS = {str(TESTS)!r}\n{COMPILED}").stdout)


@pytest.fixture(scope="module")
def one_forker(tmp_path_factory):
    """Yield a process that starts commands which can be killed; it is shared because it takes a second to start."""
    from quick import forker_in  # imports what only these tests need

    with forker_in(tmp_path_factory.mktemp("forker")) as forker:
        yield forker


@pytest.fixture
def forker(one_forker, tmp_path):
    """Yield the shared forker, set to run commands in the folder of the test."""
    one_forker.folder = tmp_path
    yield one_forker
    one_forker.stop()


@pytest.fixture(scope="module")
def whole(one_forker, tmp_path_factory):
    """Return the tables of a sweep that ran on threads without disturbance."""
    from quick import SWEEP, tables_of

    one_forker.folder = tmp_path_factory.mktemp("whole")
    one_forker.run(SWEEP)
    return tables_of(one_forker.folder / "results" / "quick")
