"""Stand-ins for tests of the classroom: campaigns whose numbers the test decides, and a register with its visitors."""

import time

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import norm

from sim.classroom.lessons.lesson import outcome_of, outcome_rows, sheet_of
from sim.classroom.sessions.claims import Refused
from sim.classroom.sessions.register import Register
from sim.errors import PanjError

TEACHER, ANNA, BORIS, CYRUS = "cookie-of-the-teacher", "cookie-of-anna", "cookie-of-boris", "cookie-of-cyrus"
OUTCOME = "troops_crossed_by_2021_07_07"


def resolve(overrides):
    """Refuse one wrong choice, as the composer of settings would refuse all."""
    if "border=nowhere" in overrides.words:
        raise PanjError("border: found 'nowhere', expected one of closed, open")


def opened(path):
    """A register on a file, with two outcomes to ask about."""
    return Register(path, resolve, lambda: [OUTCOME, "peak_queue"])


def refusal(act, *arguments, **named):
    """The reason for which an act is refused."""
    with pytest.raises(Refused) as found:
        act(*arguments, **named)
    return found.value.why


def until(condition, seconds=20.0):
    """Wait until a condition holds; fail if it does not in time."""
    late = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < late, "it did not come"
        time.sleep(0.005)


class PlantedCampaigns:
    """Every numeric outcome of every campaign is `value(words, outcome, seeds)`; by default luck of the seed alone."""

    def __init__(self, value=None):
        self.value = value or (lambda overrides, outcome, seeds: luck(seeds, outcome))
        self.asked = []

    def table(self, overrides, first_seed, runs):
        self.asked.append((overrides, first_seed, runs))
        seeds = np.arange(first_seed, first_seed + runs)
        names = [name for name, row in outcome_rows().items() if row["unit"] != "date" and "last_day" not in name]
        columns = {name: pa.array(np.asarray(self.value(overrides, name, seeds), float)) for name in names}
        return pa.table({"seed": seeds, **columns})


def luck(seeds, outcome):
    """Normal numbers that depend on the seed alone; shares near 0.4, counts near 200."""
    scale, middle = (0.05, 0.4) if outcome_of(outcome).is_share else (40.0, 200.0)
    mixed = np.asarray(seeds).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift in (30, 27):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(0xBF58476D1CE4E5B9)
    return middle + scale * norm.ppf(((mixed >> np.uint64(11)).astype(float) + 0.5) / 2**53)


def student_with(lesson, **wanted):
    """A sheet of the lesson on which these parameters stand."""
    for code in range(2000):
        sheet = sheet_of(lesson, str(code))
        if all(sheet.parameters[name] == value for name, value in wanted.items()):
            return sheet
    raise AssertionError(f"no student has {wanted}")
