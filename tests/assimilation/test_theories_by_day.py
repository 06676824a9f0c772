"""Theories compared by the evidence for each as reports come in, on campaigns that are not run."""

import csv
import json
from datetime import date

import numpy as np
import pytest

from sim.assimilation import assimilate as verb
from sim.assimilation.theories import Evidence, compare_theories, sentences_of
from sim.errors import PanjError
from sim.options import Assimilate, read_request

TOLD = ["-m", "theory=contagion,odds_only", "until=2021-06-14", "worlds=32", "repeats=2", "executor.workers=1"]
WORSE = 0.5  # log likelihood of each report that campaigns without contagion lack


def run_quickly(batch):
    """Reports are likelier by a fixed factor where falls spread fear; nothing is run."""
    lacks = WORSE * (batch.order.rules.news.next_door == 0)
    return np.repeat(-(batch.shares[:, :1] ** 2) - lacks, len(batch.observations), axis=1)


def asked(tmp_path, *words):
    return read_request(Assimilate, [*TOLD, f"results_dir={tmp_path}", *words])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Where an undisturbed comparison was written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verb, "run_batch", run_quickly)
        folder = tmp_path_factory.mktemp("whole")
        assert compare_theories(asked(folder)).is_dir()
    return folder


def test_evidence_of_each_theory_is_written_by_stage(whole, capsys):
    folder = whole / "theories_2021_06_14"
    with (folder / "theories.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["theory"], row["until"]) for row in rows] == [
        (theory, day) for theory in ("contagion", "odds_only") for day in ("2021-06-08", "2021-06-14")
    ]
    reports = len([one for one in verb.read_observations(verb.read_evidence()) if one.until <= date(2021, 6, 14)])
    contagion, odds = (float(row["log_evidence"]) for row in rows[1::2])
    assert contagion - odds == pytest.approx(WORSE * reports)
    assert float(rows[1]["probability"]) > 0.9
    assert (folder / "theories.png").stat().st_size > 10_000
    assert not (folder / "samples").exists()
    assert compare_theories(asked(whole)).is_dir()
    assert "nothing is computed" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(PanjError, match=r"^name:"):
        compare_theories(asked(whole, "seed=5"))
    assert json.loads((folder / "about.json").read_text(encoding="utf-8"))["theories"] == ["contagion", "odds_only"]


def test_it_goes_on_from_the_stages_that_were_recorded(whole, tmp_path, monkeypatch):
    left = [20]

    def dies(batch):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return run_quickly(batch)

    monkeypatch.setattr(verb, "run_batch", dies)
    with pytest.raises(KeyboardInterrupt):
        compare_theories(asked(tmp_path))
    assert not list(tmp_path.rglob("theories.csv"))
    monkeypatch.setattr(verb, "run_batch", run_quickly)
    compare_theories(asked(tmp_path))
    ours, theirs = ((one / "theories_2021_06_14" / "theories.csv").read_text() for one in (tmp_path, whole))
    assert ours == theirs


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["-m", "morale=brittle,reported"], "assimilate"),
        (["-m", "theory=contagion,odds_only", "morale=brittle,reported"], "assimilate"),
        (["-m", "theory=contagion"], "assimilate"),
        (["-m", "theory=contagion,odd_only"], "theory"),
        (["-m", "theory=contagion,odds_only", "calibration=as_declared"], "calibration"),
        (["-m", "theory=contagion,odds_only", "repeats=1"], "repeats"),
        (["-m", "theory=contagion,odds_only", "worlds=33"], "worlds"),
        (["-m", "theory=contagion,odds_only", "until=2021-07-08"], "until"),
    ],
)
def test_a_faulty_comparison_is_named_and_nothing_is_written(tmp_path, words, key):
    usual = [] if key == "repeats" else ["repeats=2"]
    with pytest.raises(PanjError, match=rf"^{key}\b"):
        compare_theories(read_request(Assimilate, [*words, *usual, f"results_dir={tmp_path}"]))
    assert not list(tmp_path.iterdir())


def test_theories_with_like_evidence_cannot_be_told_apart():
    logs = np.array([[[-3.0], [-3.2]], [[-3.1], [-3.4]], [[-9.0], [-9.1]]])
    best, near, far = sentences_of(Evidence(("a", "b", "c"), (date(2021, 6, 8),), logs))
    assert best.startswith("a:") and "told apart" not in best
    assert near.startswith("b:") and "cannot be told apart from a" in near
    assert far.startswith("c:") and "told apart" not in far
