"""Chains on simulators whose posterior is known: it is found, the same call gives the same digits, stopped or not."""

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console
from scipy.stats import norm

from sim.calibrate.chains import (
    FEWEST,
    Chain,
    Effort,
    Population,
    Problem,
    Refined,
    alone_in,
    gather,
    numbers_at,
    pooled_weights,
    prior_densities,
    processes,
    proposal_of,
    read_generation,
    refine,
    run_generation,
    scores_of,
    seed_of,
    starts_of,
    tolerance_after,
)
from sim.calibrate.tables import error_of_mean, rows_of_chains
from sim.configuration.draws import read_priors
from sim.configuration.numbers import declared_numbers
from sim.errors import PanjError

PRIORS = tuple(prior for prior in read_priors() if not declared_numbers()[prior.key].is_whole)[:2]
NOISE = 0.2  # of what is simulated, as a share of the prior of the first number
SMALL = Effort(draws=60, generations=2, simulations=20_000, acceptance=0.0001)
ERRORS = 4.0  # standard errors: one check in 16,000 fails by chance, and seeds are fixed
Floats = NDArray[np.float64]


class Noisy:
    """The first number with noise, against what was reported; the second number does nothing."""

    def __init__(self, reported: float) -> None:
        self.reported = reported

    def __call__(self, numbers: Mapping[str, float], seed: int) -> float:
        share = PRIORS[0].share(numbers[PRIORS[0].key])
        return float(abs(share + NOISE * np.random.default_rng(seed).standard_normal() - self.reported))


class Fails(Noisy):
    """Every third campaign raises nothing and gives nothing."""

    def __call__(self, numbers: Mapping[str, float], seed: int) -> float:
        return float("nan") if seed % 3 == 0 else super().__call__(numbers, seed)


class Stops(Noisy):
    """Ctrl-C at the so-manieth campaign."""

    def __init__(self, reported: float, after: int) -> None:
        super().__init__(reported)
        self.left = after

    def __call__(self, numbers: Mapping[str, float], seed: int) -> float:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().__call__(numbers, seed)


class Dies(Stops):
    """The same, but the process is gone."""

    def __call__(self, numbers: Mapping[str, float], seed: int) -> float:
        try:
            return super().__call__(numbers, seed)
        except KeyboardInterrupt:
            os._exit(9)


class Never(Noisy):
    """A campaign that must not be run."""

    def __call__(self, numbers: Mapping[str, float], seed: int) -> float:
        raise AssertionError("run again")


def problem_with(simulate: Noisy, campaigns: int = 2000, nearest: int = 200, error: float = 0.0) -> Problem:
    shares = np.random.default_rng(7).random((campaigns, len(PRIORS)))
    seeds = np.arange(campaigns)
    bank = Noisy(simulate.reported)
    distances = [bank(numbers_at(PRIORS, row), seed) for seed, row in enumerate(shares)]
    return Problem(PRIORS, simulate, shares, seeds, np.array(distances), nearest, error)


def silent() -> Console:
    return Console(file=io.StringIO(), width=200)


def refined(folder: Path, simulate: Noisy, effort: Effort = SMALL, seed: int = 0, pool: Any = None) -> Refined:
    folder.mkdir(exist_ok=True)
    return refine(problem_with(simulate), effort, 2, seed, folder, silent(), pool)


def digits(found: Refined) -> list[Any]:
    """All that decides a posterior, exactly."""
    return [
        [*(column.tolist() for column in one[:4]), *one[4:]] for populations in found.generations for one in populations
    ]


def exact(reported: float, tolerance: float) -> tuple[float, float]:
    """Mean and variance of the first share, where the prior is even and campaigns within the tolerance are accepted."""
    share = (np.arange(200_000) + 0.5) / 200_000
    density = norm.cdf((reported + tolerance - share) / NOISE) - norm.cdf((reported - tolerance - share) / NOISE)
    mean = float(np.average(share, weights=density))
    return mean, float(np.average((share - mean) ** 2, weights=density))


def check_against_exact(shares: Floats, weights: Floats, reported: float, tolerance: float) -> None:
    mean, variance = exact(reported, tolerance)
    for values, expected in (
        (shares[:, 0], mean), ((shares[:, 0] - mean) ** 2, variance), (shares[:, 1], 0.5),
        ((shares[:, 1] - 0.5) ** 2, 1 / 12),
    ):  # fmt: skip
        assert abs(np.average(values, weights=weights) - expected) < ERRORS * error_of_mean(values, weights)


@pytest.fixture(scope="module", params=[0.3, 0.02])
def known(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[float, Problem, Refined]:
    """A posterior in the midst of the prior, and one that presses against its end."""
    problem = problem_with(Noisy(request.param))
    effort = Effort(draws=400, generations=3, simulations=50_000, acceptance=0.0001)
    return request.param, problem, refine(problem, effort, 2, 1, tmp_path_factory.mktemp("known"), silent())


def test_each_chain_finds_the_posterior_that_is_known(known: tuple[float, Problem, Refined]) -> None:
    reported, _, found = known
    assert len(found.generations) == 4
    for one in found.last:
        check_against_exact(one.shares, one.weights, reported, one.tolerance)


def test_all_that_was_run_together_finds_it_more_surely(known: tuple[float, Problem, Refined]) -> None:
    reported, problem, found = known
    gathered = gather(problem, found)
    check_against_exact(gathered.shares, gathered.weights, reported, found.last[0].tolerance)
    effective = gathered.weights.sum() ** 2 / (gathered.weights**2).sum()
    assert effective > sum(one.effective for one in found.last)


def test_without_weights_it_would_not_be_found(known: tuple[float, Problem, Refined]) -> None:
    """What the two tests above can tell."""
    reported, _, found = known
    shares = np.concatenate([one.shares for one in found.last])
    with pytest.raises(AssertionError):
        check_against_exact(shares, np.ones(len(shares)), reported, found.last[0].tolerance)


def test_a_generation_is_within_its_tolerance_and_the_next_is_nearer(known: tuple[float, Problem, Refined]) -> None:
    _, problem, found = known
    for before, after in zip(found.generations[:-1], found.generations[1:], strict=True):
        assert {one.tolerance for one in after} == {tolerance_after(before, 0.0)}
        assert after[0].tolerance < before[0].tolerance
        assert all(one.distances.max() <= one.tolerance for one in after)
    first = found.generations[0]
    assert not set(first[0].seeds) & set(first[1].seeds)
    assert sorted([*first[0].seeds, *first[1].seeds]) == sorted(np.argsort(problem.distances)[:200])


def test_every_draw_is_the_campaign_of_its_seed(known: tuple[float, Problem, Refined]) -> None:
    _, problem, found = known
    gathered = gather(problem, found)
    assert len(set(gathered.seeds.tolist())) == gathered.seeds.size
    for row, seed, distance in zip(gathered.shares, gathered.seeds, gathered.distances, strict=True):
        assert problem.simulate(numbers_at(PRIORS, row), int(seed)) == pytest.approx(distance, abs=1e-12)


def test_the_same_call_gives_the_same_digits_and_leaves_the_generator_of_numpy_alone(tmp_path: Path) -> None:
    np.random.seed(5)
    before = np.random.get_state()[1].tolist()  # type: ignore[index]
    one = refined(tmp_path / "one", Noisy(0.3))
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index]
    np.random.seed(6)
    assert digits(refined(tmp_path / "other", Noisy(0.3))) == digits(one)
    assert digits(refined(tmp_path / "seed", Noisy(0.3), seed=1))[2:] != digits(one)[2:]
    assert one.last[0].seeds.tolist() != one.last[1].seeds.tolist()


def test_processes_give_the_same_digits(tmp_path: Path) -> None:
    with processes(2) as pool:
        apart = refined(tmp_path / "apart", Noisy(0.3), pool=pool)
    assert digits(apart) == digits(refined(tmp_path / "here", Noisy(0.3)))


def test_a_fit_that_was_stopped_anywhere_ends_in_the_same_digits(tmp_path: Path) -> None:
    whole = refined(tmp_path / "whole", Noisy(0.3))
    counts = [one.simulations for populations in whole.generations[1:] for one in populations]
    folder = tmp_path / "stopped"
    for after in (
        counts[0] // 2,
        counts[0] + 1,
        counts[1] + counts[2] + counts[3] // 2,
    ):  # the first, the other, later on
        with pytest.raises(KeyboardInterrupt):
            refined(folder, Stops(0.3, after))
        assert not (folder / "ended.json").exists()
    assert digits(refined(folder, Noisy(0.3))) == digits(whole)
    assert refined(folder, Noisy(0.3)).ended == whole.ended


def test_a_fit_whose_process_was_killed_ends_in_the_same_digits(tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    for after in (SMALL.draws // 2, 3 * SMALL.draws):
        with pytest.raises(PanjError, match="found that a process was killed"), processes(2) as pool:
            refined(folder, Dies(0.3, after), pool=pool)
    assert digits(refined(folder, Noisy(0.3))) == digits(refined(tmp_path / "whole", Noisy(0.3)))


def test_a_chain_that_was_killed_before_it_began_begins(tmp_path: Path) -> None:
    whole = refined(tmp_path / "whole", Noisy(0.3))
    folder = tmp_path / "half"
    folder.mkdir()
    (folder / ".chain_1_1.npz.0.partial").write_bytes(b"half a file")
    assert digits(refined(folder, Noisy(0.3))) == digits(whole)


def test_a_fit_that_ended_is_never_rerun(tmp_path: Path) -> None:
    whole = refined(tmp_path / "fit", Noisy(0.3))
    assert digits(refined(tmp_path / "fit", Never(0.3))) == digits(whole)


def test_a_generation_that_would_be_too_long_is_left_out_for_good(tmp_path: Path) -> None:
    whole = refined(tmp_path / "whole", Noisy(0.3))
    most = max(one.simulations for one in whole.generations[1]) - 1
    effort = SMALL._replace(simulations=most)
    cut = refined(tmp_path / "cut", Noisy(0.3), effort)
    assert (
        len(cut.generations) == 1
        and cut.ended == f"a further generation took more than {most:,} simulations per chain in total"
    )
    assert digits(refined(tmp_path / "cut", Never(0.3), effort)) == digits(cut)
    assert not any(chain_in(tmp_path / "cut", place).path(2).exists() for place in range(2))


def test_a_fit_ends_for_the_reason_that_it_says(tmp_path: Path) -> None:
    many = refined(tmp_path / "many", Noisy(0.3), SMALL._replace(generations=1))
    assert "1 generation" in many.ended and len(many.generations) == 2
    few = refined(tmp_path / "few", Noisy(0.3), SMALL._replace(acceptance=1.0))
    assert few.ended.endswith("of proposals were accepted, less than 100.00 %") and len(few.generations) == 2
    spent = max(one.simulations for one in many.last)
    short = refined(tmp_path / "short", Noisy(0.3), SMALL._replace(simulations=spent + 1))
    assert short.ended.startswith("a further generation would take more than") and len(short.generations) == 2


def test_nothing_comes_nearer_than_the_error_of_observation(tmp_path: Path) -> None:
    problem = problem_with(Noisy(0.3), error=0.05)
    found = refine(problem, SMALL._replace(generations=9), 2, 0, tmp_path, silent())
    assert found.last[0].tolerance == 0.05 < found.generations[-2][0].tolerance
    assert "observation error (0.05)" in found.ended


def test_campaigns_that_fail_are_counted_and_never_accepted(tmp_path: Path) -> None:
    found = refined(tmp_path / "fit", Fails(0.3), SMALL._replace(generations=1))
    for one in found.last:
        assert (one.seeds % 3 != 0).all()
        assert 0.25 * one.simulations < one.failed < 0.42 * one.simulations


def test_too_few_campaigns_for_the_chains_are_named(tmp_path: Path) -> None:
    problem = problem_with(Noisy(0.3), nearest=2 * FEWEST * 3 - 1)
    with pytest.raises(
        PanjError, match=rf"found 17 accepted campaigns .* for 2 chains, expected at least {FEWEST * 3}"
    ):
        refine(problem, SMALL, 2, 0, tmp_path, silent())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"something else, but long enough to be read" * 100, b"PK\x03\x04 half"])
def test_a_damaged_generation_is_named(tmp_path: Path, content: bytes) -> None:
    refined(tmp_path / "fit", Noisy(0.3), SMALL._replace(draws=10, generations=1))
    (tmp_path / "fit" / "chain_1_1.npz").write_bytes(content)
    with pytest.raises(PanjError, match=r"calibrate: found an unreadable file .*chain_1_1.npz"):
        refined(tmp_path / "fit", Noisy(0.3))


def test_one_fit_at_a_time_in_a_folder(tmp_path: Path) -> None:
    with alone_in(tmp_path / "fit", {"seed": 1}):
        assert json.loads((tmp_path / "fit" / "asked.json").read_text()) == {"seed": 1}
        with pytest.raises(PanjError, match="found another process at work"), alone_in(tmp_path / "fit", {}):
            raise AssertionError
    with alone_in(tmp_path / "fit", {"seed": 1}):
        pass


def population(weights: list[float], distances: list[float]) -> Population:
    even = np.zeros((len(weights), 2))
    return Population(even, np.array(weights), np.arange(len(weights)), np.array(distances), 9.0, 10, 0)


def test_a_chain_counts_by_its_effective_draws() -> None:
    equal, poor = population([0.25] * 4, [1.0, 2, 3, 4]), population([0.97, 0.01, 0.01, 0.01], [5.0, 6, 7, 8])
    weights = pooled_weights([equal, poor])
    assert weights.sum() == pytest.approx(1)
    assert weights[:4].sum() / weights[4:].sum() == pytest.approx(equal.effective / poor.effective)
    assert tolerance_after([equal, poor], 0.0) == 3.0 and tolerance_after([equal, poor], 3.5) == 3.5


def test_chains_that_lie_apart_are_told_from_chains_that_agree() -> None:
    rng = np.random.default_rng(3)
    one, other = rng.random((400, 2)), rng.random((400, 2))
    other[:, 1] = 0.7 + 0.3 * other[:, 1]
    rows = rows_of_chains(PRIORS, [one, other], [np.ones(400), np.ones(400)])
    assert [row["agree"] for row in rows] == ["yes", "no"]
    assert float(rows[1]["apart"]) > 1 > float(rows[0]["apart"])
    assert [row["number"] for row in rows] == [prior.key for prior in PRIORS]


def test_a_proposal_draws_from_the_density_that_it_tells() -> None:
    rng = np.random.default_rng(4)
    proposal = proposal_of(rng.normal([1.0, -0.5], [0.3, 0.8], (500, 2)), np.full(500, 1 / 500))
    generator = np.random.RandomState(8)
    scores = np.array([proposal.draw(generator) for _ in range(20_000)])
    weights = prior_densities(scores) / proposal.densities(scores)
    assert weights.max() <= 10.0 + 1e-9
    assert weights.mean() == pytest.approx(1, abs=ERRORS * weights.std() / np.sqrt(weights.size))
    for values, expected in ((scores, 0.0), (scores**2, 1.0)):
        for column in values.T:
            assert abs(np.average(column, weights=weights) - expected) < ERRORS * error_of_mean(column, weights)


def test_a_proposal_is_between_the_prior_and_the_draws() -> None:
    draws = np.random.default_rng(5).normal(2.0, 0.5, (4000, 1))
    proposal = proposal_of(draws, np.full(4000, 1 / 4000))
    centre, narrower = draws.mean(), 1 / np.cov(draws.T)
    precision = (1 + narrower) / 2
    assert float(proposal.root[0, 0]) ** 2 == pytest.approx(precision)
    assert float(proposal.middle[0]) == pytest.approx(centre * narrower / (1 + narrower))
    assert 0 < proposal.middle[0] < centre


def test_the_ends_of_a_prior_have_scores() -> None:
    scores = scores_of(np.array([0.0, 0.5, 1.0]))
    assert np.isfinite(scores).all() and scores[1] == 0 and scores[0] == pytest.approx(-scores[2]) and scores[2] > 3


def chain_in(folder: Path, place: int) -> Chain:
    return Chain(folder, place, 0, PRIORS, Noisy(0.3))


def test_seeds_follow_from_scores_chain_generation_and_seed(tmp_path: Path) -> None:
    chain, scores = chain_in(tmp_path, 0), np.array([0.1, 0.2])
    others = [
        seed_of(chain, 1, np.array([0.1, np.nextafter(0.2, 1)])), seed_of(chain, 2, scores),
        seed_of(chain_in(tmp_path, 1), 1, scores), seed_of(chain._replace(seed=1), 1, scores),
    ]  # fmt: skip
    assert len({seed_of(chain, 1, scores), *others}) == 5
    assert seed_of(chain, 1, scores) == seed_of(chain, 1, scores.copy()) >= 0


def test_a_generation_of_a_chain_is_whole_or_not_there(tmp_path: Path) -> None:
    chain, start = chain_in(tmp_path, 0), starts_of(problem_with(Noisy(0.3)), 2)[0]
    assert not run_generation(chain, start, 1, 0.01, 60, 70)  # more than 70 campaigns are needed for 60 draws
    assert not list(tmp_path.iterdir())
    assert run_generation(chain, start, 1, 0.01, 10, 20_000)
    assert read_generation(chain, 1).weights.sum() == pytest.approx(1)


def test_the_order_of_the_fitted_numbers_does_not_matter_to_a_proposal(tmp_path: Path) -> None:
    """Only the seed of the campaign, which is a hash of the scores, follows it."""

    def near(numbers: Mapping[str, float], seed: int) -> float:
        return abs(PRIORS[0].share(numbers[PRIORS[0].key]) - 0.3)

    chain = Chain(tmp_path, 0, 0, PRIORS, near)
    turned = chain._replace(number=0, folder=tmp_path / "turned", priors=PRIORS[::-1])
    start = starts_of(problem_with(Noisy(0.3)), 2)[0]
    assert run_generation(chain, start, 1, 0.1, 10, 20_000)
    assert run_generation(turned, start._replace(scores=start.scores[:, ::-1]), 1, 0.1, 10, 20_000)
    one, other = read_generation(chain, 1), read_generation(turned, 1)
    assert one.scores.tolist() == other.scores[:, ::-1].tolist() and one.weights.tolist() == other.weights.tolist()
