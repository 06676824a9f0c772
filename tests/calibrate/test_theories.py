"""Rival theories on banks whose answer is known: the true one is found where it can be, and nothing is claimed else."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from described import undescribed
from fitted import make_bank, target_of
from PIL import Image
from scipy.stats import norm

from sim.__main__ import main
from sim.calibrate.fit import Bank, bank_overrides, summaries_of
from sim.calibrate.theories import Rivals, describe_weights, read_rivals, told_apart, weigh
from sim.errors import PanjError
from sim.options import Theories, read_request

WORDS = ("runs=200", "end_date=2021-07-08", "executor.workers=1")


def rivals(middles: dict[str, float], sizes: dict[str, int] | None = None) -> Rivals:
    """A bank a theory, whose one outcome is normal around its own middle."""
    rng = np.random.default_rng(3)
    sizes = sizes or dict.fromkeys(middles, 20_000)
    columns = [rng.normal(middle, 1.0, sizes[name]) for name, middle in middles.items()]
    banks = tuple(
        Bank(Path(name), (), np.arange(column.size), np.empty((column.size, 0)), pa.table({"one": column}), 0)
        for name, column in zip(middles, columns, strict=True)
    )
    pooled = pa.concat_tables([bank.outcomes for bank in banks])
    theory = np.repeat(np.arange(len(banks)), [column.size for column in columns])
    return Rivals(tuple(middles), banks, summaries_of(pooled, [target_of("one", 0.0, sd=0.01)]), theory)


def weight_of(made: Rivals, accept: float = 0.01) -> Any:
    return weigh(made.summaries.distances, made, accept)


def test_weights_are_the_likelihoods_of_what_was_reported() -> None:
    found = weight_of(rivals({"near": 0.0, "far": 2.0}))
    right = norm.pdf(0) / (norm.pdf(0) + norm.pdf(2))
    assert found.low[0] < right < found.high[0]
    assert found.high[0] - found.low[0] < 0.1
    assert np.isclose(found.median.sum(), 1.0, atol=0.01)


def test_the_size_of_a_bank_is_no_evidence() -> None:
    found = weight_of(rivals({"one": 0.0, "other": 0.0}, {"one": 30_000, "other": 6_000}))
    assert found.low[0] < 0.5 < found.high[0]
    assert found.accepted[0] > 3 * found.accepted[1]


def test_theories_that_say_the_same_are_not_told_apart() -> None:
    made = rivals({"one": 0.0, "other": 0.0})
    said = describe_weights(made, weight_of(made))
    assert "cannot distinguish" not in said[0] and "cannot distinguish" in said[1]
    mean = told_apart(made, 0.02)
    assert np.abs(mean - 0.5).max() < 0.05


def test_theories_that_differ_are_told_apart_and_the_true_one_gets_its_weight() -> None:
    made = rivals({"near": 0.0, "far": 6.0})
    assert "cannot be told apart" not in " ".join(describe_weights(made, weight_of(made)))
    far = rivals({"near": 0.0, "far": 6.0})._replace(summaries=made.summaries)
    assert told_apart(far, 0.02)[0, 0] > 0.95


def test_a_narrower_tolerance_accepts_fewer() -> None:
    made = rivals({"near": 0.0, "far": 2.0})
    wide, narrow = weight_of(made, 0.03), weight_of(made, 0.003)
    assert narrow.accepted.sum() < wide.accepted.sum() and narrow.tolerance < wide.tolerance


def test_the_bank_of_a_theory_has_a_name_of_its_own() -> None:
    assert "study=bank" in bank_overrides([]).words
    assert "study=bank_odds_only" in bank_overrides(["theory=odds_only"]).words
    assert "study=bank" in bank_overrides(["theory=contagion"]).words


@pytest.fixture(scope="module")
def banks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """Two mini banks; what they give is not looked at."""
    root = tmp_path_factory.mktemp("theories")
    with pytest.MonkeyPatch.context() as patch:
        for others in (["theory=contagion"], ["theory=odds_only"], ["border=closed", "study=closed"]):
            make_bank(patch, *WORDS, *others, f"results_dir={root}")
    yield [root / "bank", root / "bank_odds_only", root / "closed"]


def test_a_comparison_is_written_whole(banks: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["theories", str(banks[0]), str(banks[1]), "accept=0.6"]) == 0
    place = banks[0] / "theories"
    about = json.loads((place / "theories.json").read_text(encoding="utf-8"))
    assert about["theories"] == ["contagion", "odds_only"] and about["campaigns"] == [200, 200]
    with (place / "theories.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["theory"] for row in rows} == {"contagion", "odds_only"}
    for accept in {row["accept"] for row in rows}:
        weights = [float(row["weight"]) for row in rows if row["accept"] == accept]
        assert abs(sum(weights) - 1.0) < 0.1
    for name in ("theories.png", "theory_targets.png"):
        with Image.open(place / name) as image:
            assert image.width > 600
    said = capsys.readouterr().out
    assert "weight" in said and "Next:" in said
    assert undescribed(place) == []


def test_banks_that_differ_in_more_than_theory_are_refused(banks: list[Path]) -> None:
    with pytest.raises(PanjError, match="only the theory to differ"):
        read_rivals([banks[1], banks[2]], [target_of("troops_crossed_largest_night", 1037.0, sd=0.01)])
    with pytest.raises(PanjError, match="each theory once"):
        read_rivals([banks[0], banks[2]], [target_of("troops_crossed_largest_night", 1037.0, sd=0.01)])


def test_one_bank_is_no_comparison(banks: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["theories", str(banks[0])]) == 2
    assert "theories: found 1 bank," in capsys.readouterr().err


@pytest.mark.parametrize("word", ["accept=0", "accept=2", "accept=much"])
def test_a_share_that_is_none_is_refused(word: str) -> None:
    with pytest.raises(PanjError, match="accept: found"):
        read_request(Theories, [word])


def test_a_wrong_key_is_named() -> None:
    with pytest.raises(PanjError, match="theories"):
        read_request(Theories, ["acept=0.1"])
