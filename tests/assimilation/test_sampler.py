"""The sampler against models whose answer is known: log evidence, posterior, restarts and failures."""

import itertools
import math

import numpy as np
import pytest

from sim.errors import PanjError
from sim.sampler import generator, next_temperature, pooled, sample, systematic

A, Q, R = 0.9, 0.5, 0.4  # x' = A x + Q e, y = x + R v
OBSERVED = (0.3, -0.8, 1.1, 1.9, 0.2)


class Linear:
    """A linear-Gaussian model that is known through its noise alone, as a campaign is through its seeds."""

    stages = len(OBSERVED)
    moves = ("last", "any")
    probabilities = (0.5, 0.5)

    def begin(self, rng, count):
        return (rng.standard_normal((count, self.stages)),)

    def renew(self, rng, state, stage):
        noise = state[0].copy()
        noise[:, stage:] = rng.standard_normal(noise[:, stage:].shape)
        return (noise,)

    def propose(self, rng, state, stage, move, others):
        noise = state[0].copy()
        place = np.where(move == 0, stage, rng.integers(stage + 1, size=move.size))
        noise[np.arange(move.size), place] = rng.standard_normal(move.size)
        return (noise,)

    def weigh(self, state, stage):
        level, logs = np.zeros(state[0].shape[0]), []
        for time in range(stage + 1):
            level = A * level + Q * state[0][:, time]
            logs.append(-0.5 * ((OBSERVED[time] - level) / R) ** 2 - math.log(R * math.sqrt(2 * math.pi)))
        return np.sum(logs[:-1], axis=0) + np.zeros(level.size), logs[-1][:, None]


def kalman():
    """Log evidence, and mean and variance of the last level."""
    mean, variance, evidence = 0.0, 0.0, 0.0
    for seen in OBSERVED:
        mean, variance = A * mean, A * A * variance + Q * Q
        total = variance + R * R
        evidence += -0.5 * (seen - mean) ** 2 / total - 0.5 * math.log(2 * math.pi * total)
        gain = variance / total
        mean, variance = mean + gain * (seen - mean), (1 - gain) * variance
    return evidence, mean, variance


def last(clouds):
    *_, cloud = clouds
    return cloud


def levels(state):
    level = np.zeros(state[0].shape[0])
    for time in range(Linear.stages):
        level = A * level + Q * state[0][:, time]
    return level


def test_a_linear_gaussian_model_is_what_kalman_says():
    evidence, mean, variance = kalman()
    clouds = [last(sample(Linear(), 4000, 4, seed)) for seed in range(4)]
    found = [cloud.log_evidence for cloud in clouds]
    assert np.mean(found) == pytest.approx(evidence, abs=4 * max(np.std(found, ddof=1) / 2, 0.01))
    assert np.std(found) < 0.15
    level = np.concatenate([levels(cloud.state) for cloud in clouds])
    assert level.mean() == pytest.approx(mean, abs=0.05)
    assert level.var() == pytest.approx(variance, rel=0.1)


class Coins:
    """Ten fair coins, the number of heads seen through a binomial error: few enough to count every case."""

    stages = 2
    moves = ("one", "all")
    probabilities = (0.7, 0.3)
    seen = (4, 1)  # heads among the first five, and among all ten more than the first five have

    def begin(self, rng, count):
        return (rng.integers(2, size=(count, 10)),)

    def renew(self, rng, state, stage):
        coins = state[0].copy()
        coins[:, 5 * stage :] = rng.integers(2, size=coins[:, 5 * stage :].shape)
        return (coins,)

    def propose(self, rng, state, stage, move, others):
        coins = state[0].copy()
        place = rng.integers(5 * (stage + 1), size=move.size)
        coins[np.arange(move.size), place] = rng.integers(2, size=move.size)
        anew = rng.integers(2, size=coins.shape)
        return (np.where((move == 1)[:, None], anew, coins),)

    def weigh(self, state, stage):
        terms = np.stack([self.log(state[0][:, 5 * n : 5 * n + 5].sum(axis=1), n) for n in range(stage + 1)], axis=1)
        return terms[:, :-1].sum(axis=1), terms[:, -1:]

    def log(self, heads, stage):
        return -np.abs(heads - self.seen[stage]) * 1.5


def test_log_evidence_is_what_counting_every_case_gives():
    coins, total = Coins(), 0.0
    for case in itertools.product((0, 1), repeat=10):
        before, here = coins.weigh((np.array([case]),), 1)
        total += math.exp(float(before[0]) + float(here[0, 0])) / 2**10
    found = [last(sample(coins, 2000, 4, seed)).log_evidence for seed in range(6)]
    assert np.mean(found) == pytest.approx(math.log(total), abs=0.05)


@pytest.mark.parametrize("more", [{"moves": 5}, {"drawn": 6}])
def test_more_moves_and_more_draws_from_the_prior_change_no_answer(more):
    evidence, mean, _ = kalman()
    clouds = [last(sample(Linear(), 2000, 4, seed, **more)) for seed in range(4)]
    assert [cloud.before.size for cloud in clouds] == [2000] * 4
    assert np.mean([cloud.log_evidence for cloud in clouds]) == pytest.approx(evidence, abs=0.15)
    assert np.mean([levels(cloud.state).mean() for cloud in clouds]) == pytest.approx(mean, abs=0.05)


def test_a_sample_goes_on_from_any_stage_to_the_same_digits():
    whole = list(sample(Linear(), 200, 4, 3))
    again = list(sample(Linear(), 200, 4, 3, whole[1], 2))
    assert np.array_equal(whole[-1].state[0], again[-1].state[0])
    assert whole[-1].log_evidence == again[-1].log_evidence


def test_runs_with_different_seeds_are_pooled_in_turn_and_their_evidence_is_averaged():
    evidence, mean, variance = kalman()
    clouds = [last(sample(Linear(), 1000, 4, seed)) for seed in range(4)]
    pool = pooled(clouds, 1000, [generator(seed, 9) for seed in range(4)])
    assert pool.repeat[:8].tolist() == [0, 1, 2, 3] * 2
    assert (pool.origin // 1000 == pool.repeat).all()
    for place, cloud in enumerate(clouds):
        assert np.array_equal(np.sort(pool.state[0][pool.repeat == place, 0]), np.sort(cloud.state[0][:, 0]))
    assert math.exp(pool.log_evidence) == pytest.approx(np.mean([math.exp(cloud.log_evidence) for cloud in clouds]))
    assert sum(pool.foreseen) == pytest.approx(evidence, abs=0.1)
    found = levels(pool.state)
    assert found.mean() == pytest.approx(mean, abs=0.03)
    assert found.var() == pytest.approx(variance, rel=0.1)


class Failing(Linear):
    """Most states fail."""

    def weigh(self, state, stage):
        before, here = super().weigh(state, stage)
        return before, np.where(state[0][:, :1] > self.above, here, -np.inf)

    above = 1.0


def test_states_that_fail_are_never_kept():
    cloud = last(sample(Failing(), 400, 4, 1))
    assert (cloud.state[0][:, 0] > 1.0).all()
    assert np.isfinite(cloud.before).all()


def test_a_model_without_a_possible_state_is_refused():
    failing = Failing()
    failing.above = 99.0
    with pytest.raises(PanjError, match="stage 0"):
        last(sample(failing, 400, 4, 1))


@pytest.mark.parametrize(("count", "chain"), [(10, 4), (401, 4), (400, 1)])
def test_too_few_worlds_are_refused(count, chain):
    with pytest.raises(PanjError, match="worlds"):
        last(sample(Linear(), count, chain, 1))


def test_half_of_the_states_count_at_the_next_temperature():
    logs = -np.linspace(0, 60, 1000)
    to = next_temperature(logs, 0.0, logs.size)
    weights = np.exp(to * logs)
    assert weights.sum() ** 2 / (weights**2).sum() == pytest.approx(500, rel=0.01)
    assert next_temperature(np.zeros(10), 0.4, 10) == 1.0


def test_systematic_resampling_is_proportional_to_weight():
    rows = systematic(np.log([0.5, 0.25, 0.125, 0.125]), 800, generator(1, 2))
    assert np.abs(np.bincount(rows) - [400, 200, 100, 100]).max() <= 1
