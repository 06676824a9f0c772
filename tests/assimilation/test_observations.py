"""Observations: what is counted in a record, how likely a report is, and faulty rows."""

import math
import shutil
from datetime import date

import numpy as np
import pytest
from scipy import stats
from shared import spoil

from sim.assimilation.observations import (
    OUTLIER_SD,
    OUTLIER_SHARE,
    count_in,
    log_likelihood,
    read_observations,
    tally_of,
    window_of,
)
from sim.data.evidence import read_evidence
from sim.data.facts import DATA, THE_LINE, read_facts
from sim.engine.campaign import Record, Series
from sim.engine.world import Holder
from sim.errors import PanjError
from sim.outcome import read_outcomes
from sim.scoring.targets import read_targets

FACTS = read_facts()
START = date(2021, 5, 1)
DAYS = 67
EVERY = read_observations(read_evidence())
BY_NAME = {one.name: one for one in EVERY}


def record():
    """A campaign in which nothing happens."""
    districts, posts = len(FACTS.district), len(FACTS.post)
    holder = np.full((DAYS + 1, districts), Holder.GOVERNMENT, np.int8)
    nights = [np.zeros((DAYS + 1, posts), np.int64) for _ in range(3)]
    return Record(holder, np.zeros((DAYS + 1, len(Series))), *nights)


def day(month, number):
    return (date(2021, month, number) - START).days


def counted(name, made):
    return count_in(tally_of(made), window_of(BY_NAME[name], FACTS, START, DAYS))


def test_no_observation_speaks_of_a_day_after_the_line():
    assert max(one.until for one in EVERY) == THE_LINE
    assert all(one.published >= one.until for one in EVERY)


def test_no_evidence_stands_behind_two_totals_of_one_kind():
    """The remainder of 6 and 7 July is what the official total leaves over, so it names every night before it."""
    totals = [one for one in EVERY if one.likelihood != "thinned" and one.name != "crossed_6_and_7_july"]
    used = [(one.quantity, one.scope, row) for one in totals for row in one.evidence]
    assert len(used) == len(set(used))


def test_values_agree_with_the_targets_of_the_same_figure():
    outcomes = read_outcomes(FACTS, START, 133)
    targets = {target.target: target.value for target in read_targets(read_evidence(), outcomes)}
    assert BY_NAME["held_30_june"].value == pytest.approx(targets["aan_30_june"], rel=1e-3)
    assert BY_NAME["taken_8_june"].value == targets["fallen_8_june"]
    assert BY_NAME["crossed_by_22_june"].value == targets["crossed_by_22_june"]


def test_a_fall_is_counted_in_the_window_in_which_it_was_first_lost():
    made = record()
    row = FACTS.province.index("Badakhshan") + 1
    made.holder[day(7, 4) : day(7, 6), row] = Holder.TALIBAN  # lost on the 4th, retaken on the 6th
    made.holder[day(7, 7) :, row] = Holder.TALIBAN  # and lost again, which is no new fall
    assert counted("badakhshan_lost_4_july", made) == 1
    assert counted("badakhshan_lost_3_july", made) == 0
    assert counted("badakhshan_lost_6_july_to_7_july", made) == 0


def test_a_district_held_on_day_0_never_falls():
    made = record()
    made.holder[:, FACTS.province.index("Badakhshan") + 1] = Holder.TALIBAN
    assert counted("badakhshan_lost_by_14_june", made) == 0
    assert counted("held_30_june", made) == pytest.approx(1 / 399)


def test_soldiers_are_counted_by_night_and_post():
    made = record()
    tem, langar = FACTS.post.index("tem"), FACTS.post.index("langar")
    made.crossed[day(7, 4), tem], made.crossed[day(7, 4), langar] = 300, 100  # the night that ended on 5 July
    made.crossed[day(7, 3), tem] = 7
    made.crossed[day(7, 7), tem] = 5000  # the night after the record
    assert counted("crossed_5_july", made) == 400
    assert counted("crossed_4_july", made) == 7
    assert counted("night_of_5_july_tem", made) == pytest.approx(1037 * 0.75)
    assert counted("crossed_6_and_7_july", made) == 0


def test_only_capitals_are_counted_as_capitals():
    made = record()
    made.holder[-1, np.flatnonzero(FACTS.is_capital)[:2]] = Holder.TALIBAN
    made.holder[-1, np.flatnonzero(~FACTS.is_capital)[:9]] = Holder.TALIBAN
    assert counted("capitals_7_july", made) == 2


def test_a_normal_error_is_scipys():
    one = BY_NAME["taken_8_june"]
    assert log_likelihood(one, 17.0) == pytest.approx(stats.norm(17, one.sd).logpdf(one.value))


def test_a_thinned_count_is_scipys_negative_binomial():
    one = BY_NAME["badakhshan_lost_4_july"]
    mean = one.share * 9 + 0.25
    assert log_likelihood(one, 9.0) == pytest.approx(
        stats.nbinom(one.size, one.size / (one.size + mean)).logpmf(one.value)
    )


def test_a_count_of_soldiers_has_an_error_in_proportion_with_outliers():
    one = BY_NAME["crossed_5_july"]
    gap = math.log1p(one.value) - math.log1p(500)
    density = (1 - OUTLIER_SHARE) * stats.norm.pdf(gap, 0, one.sd) + OUTLIER_SHARE * stats.norm.pdf(gap, 0, OUTLIER_SD)
    assert log_likelihood(one, 500.0) == pytest.approx(math.log(density))
    assert math.isfinite(log_likelihood(one, 0.0))


@pytest.mark.parametrize(
    ("cells", "key"),
    [
        ({"quantity": "crosed"}, "quantity"),
        ({"until": "2021-07-08", "published": "2021-07-09"}, "until"),
        ({"published": ""}, "published"),
        ({"published": "2021-06-01"}, "published"),
        ({"sd": ""}, "sd"),
        ({"sd": "-1"}, "sd"),
        ({"value": "13"}, "value"),
        ({"value_from": "F999"}, "value_from"),
        ({"likelihood": "poisson"}, "likelihood"),
        ({"published_is": "said"}, "published_is"),
        ({"scope": "Atlantis"}, "scope"),
    ],
)
def test_a_faulty_row_is_named(tmp_path, cells, key):
    for path in DATA.glob("*.csv"):
        shutil.copy(path, tmp_path)
    spoil(tmp_path / "observations.csv", 0, **cells)
    with pytest.raises(PanjError, match=rf"observations.csv line 2 .*{key}"):
        read_observations(read_evidence(), tmp_path)


def test_a_day_that_a_campaign_does_not_reach_is_named():
    with pytest.raises(PanjError, match="crossed_5_july"):
        window_of(BY_NAME["crossed_5_july"], FACTS, START, 30)
