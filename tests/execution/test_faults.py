"""A part of the faults of `make faults`: kills at steps with a file, of new and growing studies, and damaged files."""

import os
from collections.abc import Iterator

import pytest
from faults import Faults
from quick import forker_in

from sim import __main__ as front
from sim.execution import run, work

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that can be forked and killed")


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faults]:
    folder = tmp_path_factory.mktemp("faults")
    usual = work.run_campaign, run.run_campaign, front.drawing_apart
    with forker_in(folder) as forker:
        yield Faults(forker, folder)
    work.run_campaign, run.run_campaign, front.drawing_apart = usual  # type: ignore[assignment]


@pytest.mark.parametrize("first", range(1, 57, 12))
def test_killed_at_a_step_with_a_file_a_study_is_whole_after_the_same_command(first: int, faults: Faults) -> None:
    faults.kill_at_every_step("threads", [first])


@pytest.mark.parametrize("first", range(3, 60, 19))
def test_killed_while_it_grows_a_study_is_whole_after_the_same_command(first: int, faults: Faults) -> None:
    faults.kill_at_every_step("threads", [first], grows=True)


@pytest.mark.slow  # test_executors.py kills one worker
def test_workers_that_are_killed_again_and_again_brick_nothing(faults: Faults) -> None:
    faults.kill_workers("processes", 6)


@pytest.mark.parametrize("kind", ["cut", "emptied", "flipped", "removed"])
def test_a_damaged_file_is_refused_or_does_no_harm_and_is_mended(kind: str, faults: Faults) -> None:
    faults.damage_every_file(kinds=[kind], chunks=1)
