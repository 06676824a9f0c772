"""What is to be proved of assimilation, on the board of three districts; in the country by `benchmarks/assimilate.py`.

The board runs compiled, in a process of its own: its campaigns are many.
"""

import json
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from compiled_rules import TESTS, run_compiled
from scipy.stats import binom

from sim.assimilation import campaigns
from sim.assimilation.observations import log_likelihood, reported_of

HERE = Path(__file__).parent
sys.path.insert(0, str(TESTS.parent / "benchmarks"))
proofs, board = import_module("assimilate"), import_module("board_ground")

WORLDS, CHAIN, RECORDS = 96, 2, 60
PROOFS = f"""
import json, os, sys
sys.path[:0] = {[str(TESTS.parent / "benchmarks"), str(TESTS), str(HERE)]!r}
from pathlib import Path
import assimilate as proofs
from board_ground import REPORTS, board_ground, one_stage

ground = board_ground()
method = proofs.Method({CHAIN}, moves=1, drawn=1)
model = ground.model()
cloud = proofs.conditioned(model, {WORLDS}, 0, method)
proofs.stored(model, cloud, Path(os.environ["PANJ_PROOFS"]))
print(json.dumps({{
    "by_stage": proofs.evidence(model, 3000, {WORLDS}, 6, method),
    "at_once": proofs.evidence(ground.model(one_stage(REPORTS)), 3000, {WORLDS}, 6, method),
    "different": proofs.differing(ground, REPORTS, Path(os.environ["PANJ_PROOFS"]) / "worlds.parquet", range({WORLDS})),
    "null": proofs.null_differences(ground, cloud.state, model.last + proofs.LATER),
    "coverage": proofs.coverage(ground, {WORLDS}, {RECORDS}, method=method),
}}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("proofs")


@pytest.fixture(scope="module")
def proved(compiled, folder):
    """Every proof; `compiled` comes first, so that the rules are compiled once."""
    return json.loads(run_compiled("panj_proofs.py", PROOFS, PANJ_PROOFS=str(folder)).stdout)


@pytest.mark.parametrize("proof", ["by_stage", "at_once"])
def test_log_evidence_is_that_of_campaigns_of_the_prior(proved, proof):
    found = proved[proof]
    assert found["brute_force"]["error"] < 0.2
    assert found["errors_apart"] < 4
    rejected = found["brute_force"]
    assert rejected["rejected_log_evidence"] == pytest.approx(
        rejected["log_evidence"], abs=4 * (rejected["error"] + rejected["accepted"] ** -0.5)
    )


@pytest.mark.parametrize("proof", ["by_stage", "at_once"])
def test_numbers_are_distributed_as_in_campaigns_that_rejection_accepts(proved, proof):
    assert proved[proof]["brute_force"]["accepted"] > 50
    assert proved[proof]["numbers_apart"] < 4


def test_an_address_gives_its_log_likelihoods_to_the_digit(proved):
    assert proved["different"] == 0


def test_plain_rules_give_the_same_log_likelihoods_as_compiled_ones(proved, folder, monkeypatch):
    monkeypatch.setattr(campaigns, "facts_here", campaigns.facts_here)
    monkeypatch.setattr(campaigns, "layout_of", campaigns.layout_of)
    path = folder / "worlds.parquet"
    assert proofs.differing(board.board_ground(), board.REPORTS, path, range(0, WORLDS, 8)) == 0
    wrong = [one._replace(value=one.value + 0.01) for one in board.REPORTS]
    assert proofs.differing(board.board_ground(), wrong, path, [0]) == 1


def test_a_decision_without_effect_changes_no_digit_of_any_world(proved):
    assert proved["null"] == 0


@pytest.mark.parametrize("level", range(2))
def test_intervals_hold_later_outcomes_and_true_answers_as_often_as_they_say(proved, level):
    """Also of `changed` outcomes: the answer to a what-if of the record is known there by its own draws."""
    low, high = binom.interval(0.999, RECORDS, proofs.LEVELS[level])
    held = {name: round(shares[level] * RECORDS) for name, shares in proved["coverage"]["inside"].items()}
    assert all(low <= count <= high for count in held.values()), held


def test_a_rank_is_uniform_where_all_values_are_the_same():
    rng = np.random.default_rng(1)
    ranks = [proofs.rank_of(1.0, np.ones(64), rng) for _ in range(2000)]
    assert np.mean(ranks) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("report", board.REPORTS, ids=lambda one: one.likelihood)
def test_a_synthetic_report_is_drawn_from_its_likelihood(report):
    """The mean ratio of the likelihoods of two counts is 1 over reports drawn from the likelihood of one of them."""
    rng = np.random.default_rng(1)
    drawn = [reported_of(report, 3.0, rng) for _ in range(4000)]
    ratios = np.exp([log_likelihood(one, 2.6) - log_likelihood(one, 3.0) for one in drawn])
    assert ratios.std() > 0.05
    assert ratios.mean() == pytest.approx(1.0, abs=4 * ratios.std() / len(ratios) ** 0.5)
