"""The ledger of chance: uniform p-values if nothing was conditioned, a planted fault named, only draws asked for."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import kstest

from sim.assimilation import ledger
from sim.assimilation.campaigns import DAILY_STREAMS, ONCE
from sim.assimilation.ledger import LINES, RATE, hashed, rows_of_luck, score_of, weeks_of
from sim.data.facts import read_facts
from sim.data.own_rules import STREAMS, OwnRule
from sim.engine.chance import Luck, Stream, local_of, normal, seeds_of, uniform
from sim.engine.world import Role

START, DAYS = date(2021, 6, 1), 14
FACTS = read_facts()
REGIONS = {"Badakhshan": ("Badakhshan",), "elsewhere": tuple(set(FACTS.provinces) - {"Badakhshan"})}
HOME = np.repeat(np.arange(len(FACTS.district)), 2)
UNITS = SimpleNamespace(
    identity=FACTS.identity[HOME] * 1000 + np.tile([0, 1], len(FACTS.district)),
    home=HOME, role=np.tile([Role.GARRISON, Role.OUTPOST], len(FACTS.district)),
)  # fmt: skip


def free_seeds(rng, worlds):
    """Seeds of campaigns that are conditioned on nothing."""
    first = rng.integers(2**48, size=worlds, dtype=np.uint64)
    daily = np.tile(first[:, None, None], (1, DAYS + 1, len(DAILY_STREAMS)))
    lasting = np.tile(first[:, None, None], (1, len(ONCE), len(FACTS.provinces)))
    return daily, lasting, np.zeros((worlds, DAYS + 1, len(FACTS.provinces)), np.uint64)


def falls(rng, worlds):
    """Districts that the Taliban hold, by world and day; some fall, a few are retaken."""
    fell = rng.integers(-3, 3 * DAYS, (worlds, 1, len(FACTS.district)))
    days = np.arange(DAYS + 1)[None, :, None]
    return (days >= fell) & ((days < fell + 5) | (fell % 2 == 0))


def test_streams_of_own_rules_are_named_and_are_not_those_of_the_ledger(monkeypatch):
    rule = OwnRule("neighbours", Path("neighbours.py"), "cross", STREAMS[0], "")
    monkeypatch.setattr(ledger, "own_rules", lambda: (rule,))
    assert ledger.own_streams() == {"neighbours": STREAMS[0]}
    assert not {int(line.stream) for line in LINES} & set(range(STREAMS[0], STREAMS[1] + 1))


def luck_of(daily, lasting, local, held):
    return rows_of_luck(daily, lasting, local, held, FACTS, UNITS, REGIONS, START)


def test_scores_are_those_of_the_engine():
    """The one draw of a line for one world, one day and one actor."""
    day, actor, luck = 9, 1501, Luck(seeds_of(12345, 9, 1).daily[9], 9)
    actors, asked = np.array([actor]), np.ones((1, 1), bool)
    for line in LINES:
        keys = hashed(hashed(np.array([12345], np.uint64), int(line.stream)), day)
        _, shares, scores = ledger.scored(line, keys, actors, asked)
        draw = normal(luck, line.stream, actor) if line.is_normal else ledger.ndtri(uniform(luck, line.stream, actor))
        assert scores.tolist() == [pytest.approx(draw, abs=1e-9)]
        assert shares.tolist() == [1.0]


@pytest.mark.parametrize("shared", [1, 6])
def test_p_values_are_uniform_where_nothing_was_conditioned(shared):
    """Also where worlds share their seeds, as those do that descend from few."""
    rng = np.random.default_rng(7)
    daily, lasting, local = free_seeds(rng, 36)
    daily[:, DAYS // 2 :] = free_seeds(rng, 36)[0][:, DAYS // 2 :]
    local[:, 9:12, :5] = rng.integers(1, 2**48, size=(36, 3, 5), dtype=np.uint64)
    rows = rng.permutation(np.repeat(np.arange(36 // shared), shared))
    found = luck_of(daily[rows], lasting[rows], local[rows], falls(rng, 36))
    assert kstest([row["p"] for row in found], "uniform").pvalue > 0.01
    assert not [row for row in found if row["q"] < RATE]


@pytest.mark.parametrize("own", [False, True])
def test_a_planted_fault_is_named(own):
    """Worlds whose garrisons in Badakhshan hand over in one week as the luckiest of thirty campaigns do.

    The seeds by which they do are those of the whole country, or Badakhshan's own.
    """
    rng = np.random.default_rng(3)
    daily, lasting, local = free_seeds(rng, 20)
    there = np.array(FACTS.province) == "Badakhshan"
    for world in range(20):
        many = rng.integers(1, 2**48, size=30, dtype=np.uint64)
        first = np.repeat(daily[world, 8, 0], 30) if own else many
        days = [
            hashed(hashed(first, int(Stream.HANDOVER)), day) ^ (local_of(many) if own else 0) for day in range(8, 15)
        ]
        scores = [score_of(hashed(keys[:, None], FACTS.identity[there])).sum(axis=1) for keys in days]
        best = many[np.argmin(sum(scores))]
        if own:
            local[world, 8:15, FACTS.province_of[there][0]] = best
        else:
            daily[world, 8:15] = best
    found = luck_of(daily, lasting, local, np.zeros((20, DAYS + 1, len(FACTS.district)), bool))
    first, *others = sorted(found, key=lambda row: -abs(row["luck"]))
    assert (first["stream"], first["region"], first["since"]) == ("handover", "Badakhshan", "2021-06-09")
    assert first["luck"] < -1.5 and first["q"] < 1e-6
    assert first["one_in"] > 20
    assert not [row for row in others if row["q"] < RATE]


def test_worlds_that_are_copies_count_once():
    rng = np.random.default_rng(5)
    parts = (*free_seeds(rng, 8), falls(rng, 8))
    one, twice = luck_of(*parts), luck_of(*(np.tile(part, (2, 1, 1)) for part in parts))
    assert [row["p"] for row in twice] == pytest.approx([row["p"] for row in one])
    assert [row["luck"] for row in twice] == pytest.approx([row["luck"] for row in one])


def test_only_draws_that_can_have_been_asked_for_count():
    seeds = free_seeds(np.random.default_rng(1), 4)
    held = np.zeros((4, DAYS + 1, len(FACTS.district)), bool)
    badakhshan = np.array(FACTS.province) == "Badakhshan"
    held[:, 10:, badakhshan] = True  # all fall on day 10
    draws = {(row["stream"], row["region"], row["since"]): row["draws"] for row in luck_of(*seeds, held)}
    second, many = "2021-06-09", int(badakhshan.sum())
    assert draws["handover", "Badakhshan", second] == 3 * many  # on days 8, 9 and 10, and not after
    assert draws["refuse_surrender", "Badakhshan", second] == 2 * many  # two units each, on the day of the fall
    assert draws["retake", "Badakhshan", second] == 4 * many  # from the day after it
    assert ("refuse_surrender", "elsewhere", second) not in draws


def test_weeks_cover_every_day_once_and_end_on_the_last():
    for last in (5, 7, 45, 67):
        weeks = weeks_of(last)
        assert [day for first, until in weeks for day in range(first, until + 1)] == list(range(1, last + 1))
        assert weeks[-1][1] - weeks[-1][0] == min(7, last) - 1


def test_every_line_is_of_a_stream_of_its_own_and_says_what_draws_mean():
    assert len({line.stream for line in LINES}) == len({line.label for line in LINES}) == len(LINES)
    assert all(line.low != line.high for line in LINES)
    assert {line.stream for line in LINES if line.eligible is ledger.Eligible.ONCE} <= set(ONCE)
