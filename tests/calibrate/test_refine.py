"""Chains on scorers whose posterior is known: it is found, and the same call gives the same digits, stopped or not."""

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from sim.calibrate.chains import (
    BATCH,
    CHAIN,
    DRAWN,
    MOVES,
    RATES,
    STEPS,
    Effort,
    Ensembles,
    Problem,
    Refined,
    Sizes,
    locked_folder,
    processes,
    refine,
)
from sim.calibrate.refine import campaigns_run, rows_of_steps
from sim.calibrate.tables import rows_of_chains
from sim.configuration.draws import read_priors
from sim.configuration.numbers import declared_numbers
from sim.errors import PanjError
from sim.sampler import JITTER, differing

CONTINUOUS = tuple(prior for prior in read_priors() if not declared_numbers()[prior.key].is_whole)
PRIORS = CONTINUOUS[:2]
UNIT = 0.5  # share of the first prior that counts as a score of one
LUCK = 0.3  # score of the least lucky seed
EVENTS = ("first_number", "luck")
SMALL = Effort(draws=32, campaigns=1, moves=1)
LARGE = Effort(draws=600, campaigns=1, moves=3)
CHAINS = 8
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def luck_of(seeds: Integers) -> Floats:
    """A number from 0 to 1, even over seeds."""
    return np.asarray((seeds * 0.6180339887498949) % 1.0, np.float64)


LAST = f"{len(RATES) - 1:02}.stage"  # file of the last stage of a chain


class Known:
    """Scores the first number by how far it is from what was reported, and seeds by their luck; nothing else counts."""

    def __init__(self, reported: float) -> None:
        self.reported = reported

    def __call__(self, shares: Floats, seeds: Integers, sizes: Sizes) -> Floats:
        scores = np.column_stack([np.abs(shares[:, 0] - self.reported) / UNIT, LUCK * luck_of(seeds)])
        return np.stack([scores] * len(sizes), axis=1)


class Counts(Known):
    """Counts its ensembles."""

    ran = 0

    def __call__(self, shares: Floats, seeds: Integers, sizes: Sizes) -> Floats:
        self.ran += seeds.size
        return super().__call__(shares, seeds, sizes)


class Stops(Counts):
    """Ctrl-C after so many ensembles."""

    def __init__(self, reported: float, after: int) -> None:
        super().__init__(reported)
        self.after = after

    def __call__(self, shares: Floats, seeds: Integers, sizes: Sizes) -> Floats:
        if self.ran >= self.after:
            raise KeyboardInterrupt
        return super().__call__(shares, seeds, sizes)


class Dies(Known):
    """Kills its process after so many batches of ensembles, which a file counts for all processes."""

    def __init__(self, reported: float, after: int, count: Path) -> None:
        super().__init__(reported)
        self.after, self.count = after, count

    def __call__(self, shares: Floats, seeds: Integers, sizes: Sizes) -> Floats:
        with self.count.open("ab") as file:
            file.write(b".")
        if self.count.stat().st_size > self.after:
            os._exit(9)
        return super().__call__(shares, seeds, sizes)


class Fails(Known):
    """A campaign fails in every ensemble whose seed is a multiple of three."""

    def __call__(self, shares: Floats, seeds: Integers, sizes: Sizes) -> Floats:
        return np.where((seeds % 3 == 0)[:, None, None], np.inf, super().__call__(shares, seeds, sizes))


class AlwaysFails(Known):
    """A campaign fails in every ensemble."""

    def __call__(self, shares: Floats, seeds: Integers, sizes: Sizes) -> Floats:
        return np.full((seeds.size, len(sizes), len(EVENTS)), np.inf)


class Never(Known):
    """Ensembles that must not be run."""

    def __call__(self, shares: Floats, seeds: Integers, sizes: Sizes) -> Floats:
        raise AssertionError("run again")


def silent() -> Console:
    return Console(file=io.StringIO(), width=200)


def refined(
    folder: Path, score: Known, effort: Effort = SMALL, seed: int = 0, pool: Any = None, chains: int = 2
) -> Refined:
    folder.mkdir(exist_ok=True)
    return refine(Problem(PRIORS, score), effort, chains, seed, folder, silent(), pool)[-1]


def digits(found: Refined) -> list[Any]:
    """All that decides a posterior, exactly."""
    return [
        [*(array.tolist() for array in cloud.state), cloud.before.tolist(), cloud.steps, cloud.foreseen]
        for cloud in found.clouds
    ]


def moments(slope: float, centre: float) -> tuple[float, float]:
    """Mean and variance of a share with density proportional to exp(-slope x |share - centre|), from 0 to 1."""
    share = (np.arange(200_000) + 0.5) / 200_000
    density = np.exp(-slope * np.abs(share - centre))
    mean = float(np.average(share, weights=density))
    return mean, float(np.average((share - mean) ** 2, weights=density))


def check_against_exact(by_chain: list[Floats], mean: float, variance: float) -> None:
    """The error of an estimate follows from its spread over independent chains, so correlated draws do not matter.

    With eight chains, five standard errors are exceeded by chance once in 600 checks, and seeds are fixed. The errors
    are small, at most a tenth of the standard deviation and of the variance, so the check can fail.
    """
    for found, expected, unit in (
        ([values.mean() for values in by_chain], mean, variance**0.5),
        ([((values - mean) ** 2).mean() for values in by_chain], variance, variance),
    ):
        error = np.std(found, ddof=1) / len(found) ** 0.5
        assert error < 0.1 * unit
        assert abs(np.mean(found) - expected) < 5 * error


@pytest.fixture(scope="module", params=[0.3, 0.02])
def known(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[float, Refined]]:
    """A posterior in the midst of the prior, and one that presses against its end."""
    folder = tmp_path_factory.mktemp("known")
    yield request.param, refined(folder, Known(request.param), LARGE, 1, chains=CHAINS)


def test_chains_find_the_posterior_that_is_known(known: tuple[float, Refined]) -> None:
    reported, found = known
    shares = [cloud.state[0] for cloud in found.clouds]
    check_against_exact([one[:, 0] for one in shares], *moments(RATES[-1] / UNIT, reported))
    check_against_exact([one[:, 1] for one in shares], 0.5, 1 / 12)


def test_seeds_are_favoured_by_their_luck_as_their_score_says(known: tuple[float, Refined]) -> None:
    luck = [luck_of(cloud.state[1]) for cloud in known[1].clouds]
    check_against_exact(luck, *moments(RATES[-1] * LUCK, 0.0))


def test_a_lower_learning_rate_would_be_told(known: tuple[float, Refined]) -> None:
    """What the two tests above can tell."""
    reported, found = known
    with pytest.raises(AssertionError):
        check_against_exact([cloud.state[0][:, 0] for cloud in found.clouds], *moments(RATES[-2] / UNIT, reported))


def test_every_score_is_that_of_its_numbers_and_seeds(known: tuple[float, Refined]) -> None:
    reported, found = known
    assert found.shares.shape == (CHAINS * LARGE.draws, len(PRIORS))
    assert np.array_equal(found.scores, Known(reported)(found.shares, found.seeds, (1,))[:, 0])
    for cloud in found.clouds:
        assert cloud.before == pytest.approx(-RATES[-1] * cloud.state[2].sum(axis=1))


def test_steps_raise_the_learning_rate_from_the_prior_to_the_posterior(known: tuple[float, Refined]) -> None:
    rows = rows_of_steps(known[1])
    assert {row["chain"] for row in rows} == set(range(CHAINS))
    for number in range(CHAINS):
        mine = [row for row in rows if row["chain"] == number]
        rates = [float(row["learning_rate"]) for row in mine]
        assert rates == sorted(set(rates)) and rates[0] > 0 and rates[-1] == RATES[-1] and set(RATES) <= set(rates)
        assert [row["step"] for row in mine] == list(range(1, len(mine) + 1))
        for row in mine:
            assert row["proposed"] == LARGE.draws // CHAIN * (CHAIN - 1) * LARGE.moves
            assert 0 < row["accepted"] < row["proposed"]
            assert all(0 <= float(row[f"accepted_{name.replace(' ', '_')}"]) <= 1 for name in MOVES)


def test_a_proposal_changes_what_its_kind_says_and_nothing_else() -> None:
    priors = CONTINUOUS[:12]
    model = Ensembles(Problem(priors, Known(0.3)), Known(0.3), SMALL)
    rng = np.random.default_rng(2)
    state, others = model.begin(rng, 400), model.begin(rng, 50)
    for kind, name in enumerate(MOVES):
        shares, seeds, scores, _ = model.propose(rng, state, 0, np.full(400, kind), others)
        changed = (shares != state[0]).sum(axis=1)
        if name == "other seeds":
            assert (changed == 0).all() and (seeds != state[1]).all()
        else:
            assert np.array_equal(seeds, state[1])
        if kind < len(STEPS):
            assert (changed == STEPS[kind][0]).all()
        if name.endswith("difference"):
            assert set(changed.tolist()) >= {1, 5, 12} and 4 < changed.mean() < 8  # half of 12 on average
        assert ((shares >= 0) & (shares < 1)).all()
        assert np.array_equal(scores, Known(0.3)(shares, seeds, (1,))[:, 0])


def test_a_whole_difference_is_added_as_it_is_and_a_part_is_shorter_the_more_numbers_change() -> None:
    rng, others = np.random.default_rng(3), np.array([[0.3] * 12, [0.5] * 12])
    for is_whole in (True, False):
        steps = differing(rng, np.full((2000, 12), 0.5), others, np.full(2000, is_whole)) - 0.5
        far = [np.abs(row[np.abs(row) > 5 * JITTER]) for row in steps]
        one, all_ = (np.concatenate([row for row in far if row.size == many]) for many in (1, 12))
        if is_whole:
            assert one == pytest.approx(0.2, abs=5 * JITTER) and all_ == pytest.approx(0.2, abs=5 * JITTER)
        else:
            assert all_.mean() < 0.12 and one.mean() > 0.2


def test_the_same_call_gives_the_same_digits_and_another_seed_others(tmp_path: Path) -> None:
    one = refined(tmp_path / "one", Known(0.3))
    assert digits(refined(tmp_path / "other", Known(0.3))) == digits(one)
    other = refined(tmp_path / "seed", Known(0.3), seed=1)
    sets = [set(cloud.state[1].tolist()) for cloud in (*one.clouds, *other.clouds)]
    assert len(set.union(*sets)) == sum(map(len, sets))  # chains and fits have no ensemble in common


def test_processes_give_the_same_digits(tmp_path: Path) -> None:
    with processes(2) as pool:
        apart = refined(tmp_path / "apart", Known(0.3), pool=pool)
    assert digits(apart) == digits(refined(tmp_path / "here", Known(0.3)))


def test_a_fit_that_was_stopped_anywhere_ends_in_the_same_digits(tmp_path: Path) -> None:
    counts, effort = Counts(0.3), SMALL._replace(moves=9)
    whole, folder = refined(tmp_path / "whole", counts, effort), tmp_path / "stopped"
    stages = []
    for after in (1, DRAWN * SMALL.draws, *2 * [counts.ran * 9 // 20]):
        with pytest.raises(KeyboardInterrupt):
            refined(folder, Stops(0.3, after), effort)
        stages.append(len(list(folder.glob("chain_*/*.stage"))))
    assert stages[:2] == [0, 0] and 0 < stages[2] < stages[-1] < 2 * len(RATES)
    rest = Counts(0.3)
    assert digits(refined(folder, rest, effort)) == digits(whole)
    assert rest.ran < counts.ran / 2


def test_a_fit_whose_process_was_killed_ends_in_the_same_digits(tmp_path: Path) -> None:
    folder, count = tmp_path / "killed", tmp_path / "count"
    for after in (1, 2 * DRAWN * SMALL.draws // BATCH):
        count.write_bytes(b"")
        with pytest.raises(PanjError, match="found a killed worker process"), processes(2) as pool:
            refined(folder, Dies(0.3, after, count), pool=pool)
    assert 0 < len(list(folder.glob("chain_*/*.stage"))) < 2 * len(RATES)
    assert digits(refined(folder, Known(0.3))) == digits(refined(tmp_path / "whole", Known(0.3)))


def test_a_fit_that_ended_is_never_rerun(tmp_path: Path) -> None:
    whole = refined(tmp_path / "fit", Known(0.3))
    assert digits(refined(tmp_path / "fit", Never(0.3))) == digits(whole)


@pytest.mark.parametrize("content", [b"", b"half", b"something else, but long enough to be read" * 100])
def test_a_stage_whose_file_is_damaged_is_run_again(tmp_path: Path, content: bytes) -> None:
    counts = Counts(0.3)
    whole = refined(tmp_path / "fit", counts)
    damaged = tmp_path / "fit" / "chain_1" / LAST
    kept = damaged.read_bytes()
    damaged.write_bytes(content)
    again = Counts(0.3)
    assert digits(refined(tmp_path / "fit", again)) == digits(whole)
    assert 0 < again.ran < counts.ran / 2
    assert damaged.read_bytes() == kept


def test_a_stage_that_was_half_written_is_not_read(tmp_path: Path) -> None:
    refined(tmp_path / "fit", Known(0.3))
    path = tmp_path / "fit" / "chain_0" / LAST
    path.rename(path.with_name(f".{LAST}.0.partial"))
    with pytest.raises(AssertionError, match="run again"):
        refined(tmp_path / "fit", Never(0.3))


def test_a_fit_whose_early_stage_is_missing_ends_in_the_same_digits(tmp_path: Path) -> None:
    whole = refined(tmp_path / "fit", Known(0.3))
    (tmp_path / "fit" / "chain_0" / "01.stage").unlink()
    assert digits(refined(tmp_path / "fit", Known(0.3))) == digits(whole)
    assert (tmp_path / "fit" / "chain_0" / "01.stage").exists()


class Larger(Known):
    """Scores by the luck of as many seeds as the ensemble has campaigns, so that small ensembles are less certain."""

    def __call__(self, shares: Floats, seeds: Integers, sizes: Sizes) -> Floats:
        self.asked.add(sizes)
        by_size = [np.mean([luck_of(seeds + one) for one in range(size)], axis=0) for size in sizes]
        near = np.abs(shares[:, 0] - self.reported) / UNIT
        return np.stack([np.column_stack([near, LUCK * luck]) for luck in by_size], axis=1)

    def __init__(self, reported: float) -> None:
        super().__init__(reported)
        self.asked: set[Sizes] = set()


def test_ensembles_grow_from_stage_to_stage_and_the_posterior_is_that_of_the_largest(tmp_path: Path) -> None:
    score, effort = Larger(0.3), Effort(draws=600, campaigns=8, moves=3)
    *early, found = refine(Problem(PRIORS, score), effort, CHAINS, 1, tmp_path / "fit", silent())
    assert score.asked == {(2, 2), (2, 4), (4, 8), (8, 8)}
    for one, size in zip((*early, found), (2, 4, 8, 8), strict=True):
        assert np.array_equal(one.scores, Larger(0.3)(one.shares, one.seeds, (size,))[:, 0])
        for cloud in one.clouds:
            assert cloud.before == pytest.approx(-one.rate * cloud.state[2].sum(axis=1))
    check_against_exact([cloud.state[0][:, 0] for cloud in found.clouds], *moments(RATES[-1] / UNIT, 0.3))


def test_an_ensemble_with_a_failed_campaign_is_never_kept(tmp_path: Path) -> None:
    found = refined(tmp_path / "fit", Fails(0.3))
    assert (found.seeds % 3 != 0).all() and np.isfinite(found.scores).all()


def test_a_fit_whose_every_ensemble_fails_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PanjError, match=f"calibrate: found a failed campaign in each of {DRAWN * SMALL.draws} ens"):
        refined(tmp_path / "fit", AlwaysFails(0.3))
    assert not list(tmp_path.glob("fit/*"))


def test_one_fit_at_a_time_in_a_folder(tmp_path: Path) -> None:
    with locked_folder(tmp_path / "fit", {"seed": 1}):
        assert json.loads((tmp_path / "fit" / "asked.json").read_text()) == {"seed": 1}
        with pytest.raises(PanjError, match="found another process using"), locked_folder(tmp_path / "fit", {}):
            raise AssertionError
    with locked_folder(tmp_path / "fit", {"seed": 1}):
        pass


@pytest.mark.parametrize("is_there", [False, True])
def test_a_fit_stopped_before_its_first_stage_leaves_no_folder(is_there: bool, tmp_path: Path) -> None:
    bank = tmp_path / "bank"
    bank.mkdir()
    stage = bank / "calibration/chains/fit/chain_0/00.stage"
    if is_there:
        stage.parent.mkdir(parents=True)
        stage.write_bytes(b"a stage")
    with pytest.raises(KeyboardInterrupt), locked_folder(bank / "calibration/chains/fit", {"seed": 1}):
        raise KeyboardInterrupt
    assert stage.is_file() if is_there else not list(bank.iterdir())


def test_chains_that_lie_apart_are_told_from_chains_that_agree() -> None:
    rng = np.random.default_rng(3)
    one, other = rng.random((400, 2)), rng.random((400, 2))
    other[:, 1] = 0.7 + 0.3 * other[:, 1]
    rows = rows_of_chains(PRIORS, [one, other], [np.ones(400), np.ones(400)])
    assert [row["agree"] for row in rows] == ["yes", "no"]
    assert float(rows[1]["apart"]) > 1 > float(rows[0]["apart"])
    assert [row["number"] for row in rows] == [prior.key for prior in PRIORS]


def test_a_difference_proposal_leaves_numbers_that_nothing_is_known_of_as_they_are() -> None:
    rng = np.random.default_rng(5)
    along = rng.random((2000, 1)) * np.ones((1, 2))  # other states whose two numbers are the same
    for is_whole in (True, False):
        steps = differing(rng, rng.random((40_000, 2)), along, np.full(40_000, is_whole))
        assert np.corrcoef(steps.T)[0, 1] == pytest.approx(0, abs=0.02)


def test_every_campaign_of_the_chains_is_counted(tmp_path: Path) -> None:
    class Campaigns(Counts):
        def __call__(self, shares: Floats, seeds: Integers, sizes: Sizes) -> Floats:
            found = super().__call__(shares, seeds, sizes)
            self.campaigns = getattr(self, "campaigns", 0) + seeds.size * max(sizes)
            return found

    score, effort = Campaigns(0.3), Effort(draws=32, campaigns=8, moves=2)
    assert campaigns_run(refined(tmp_path / "fit", score, effort), effort) == score.campaigns
