"""What a page unpacks is exactly what was packed."""

import numpy as np
import pytest

from sim.explorable.encoding import Course, numbers_in, packed, unpacked, varints_of
from sim.study.columns import changes_of, held_of

DAYS, DISTRICTS, POSTS = 68, 399, 13
SHAPE = (DAYS, POSTS)


def course(seed: int, share: float = 0.004, nights: int = 20) -> Course:
    """Return a campaign in which districts fall and are retaken at random, and soldiers cross on some nights."""
    rng = np.random.default_rng(seed)
    changed = rng.random((DAYS, DISTRICTS)) < share
    held = np.cumsum(changed, axis=0) % 2 == 1
    crossings = np.zeros(DAYS * POSTS, np.int64)
    crossings[rng.choice(crossings.size, nights, replace=False)] = rng.integers(1, 2000, nights)
    return Course(changes_of(held).astype(np.int64), crossings.reshape(SHAPE))


def same(one: Course, other: Course) -> bool:
    return np.array_equal(one.changes, other.changes) and np.array_equal(one.crossings, other.crossings)


@pytest.mark.parametrize("numbers", [[], [0], [127, 128], [16_383, 16_384], [2**40, 1, 0, 2**21 - 1, 2**21]])
def test_numbers_of_any_size_come_back(numbers):
    assert list(numbers_in(varints_of(np.array(numbers, np.int64)))) == numbers


def test_a_small_number_takes_one_byte():
    assert len(varints_of(np.arange(128))) == 128
    assert len(varints_of(np.array([128]))) == 2


def test_every_change_of_every_campaign_comes_back_in_order():
    courses = [course(seed) for seed in range(8)]
    assert any((one.changes < 0).any() for one in courses), "a district must be retaken in one of them"
    about, found = unpacked(packed({"name": "Kunduz, Ишкашим"}, courses), SHAPE, len(courses))
    assert about == {"name": "Kunduz, Ишкашим"}
    assert all(map(same, found, courses))


@pytest.mark.parametrize("first", [True, False])
def test_a_campaign_without_events_and_one_that_begins_at_once_come_back(first):
    held = np.zeros((DAYS, DISTRICTS), bool)
    held[:, 0] = first
    empty = Course(changes_of(held).astype(np.int64), np.zeros(SHAPE, np.int64))
    _, (found,) = unpacked(packed({}, [empty]), SHAPE, 1)
    assert same(found, empty) and found.changes.size == first


def test_the_holders_of_every_evening_follow_from_what_was_unpacked():
    held = np.random.default_rng(3).random((DAYS, DISTRICTS)) < 0.5
    sent = Course(changes_of(held).astype(np.int64), np.zeros(SHAPE, np.int64))
    _, (found,) = unpacked(packed({}, [sent]), SHAPE, 1)
    assert np.array_equal(held_of(found.changes.astype(np.int32), DAYS, DISTRICTS) > 0, held)


def test_two_hundred_campaigns_of_five_decisions_in_two_kinds_of_worlds_fit_the_page():
    courses = [course(seed, share=0.0075) for seed in range(2000)]  # 200 changes each, as in campaigns of the model
    assert 190 < np.mean([one.changes.size for one in courses]) < 215
    assert len(packed({}, courses)) < 2_000_000  # random, so that nothing is gained by repetition
