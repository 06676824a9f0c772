"""A small study with verdicts, effects and a failed campaign."""

import pytest
from made import make_study

from sim.compare.compare import write_verdicts
from sim.options import Compare, Threshold

OUTCOME = "troops_crossed"


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """Return the folder of a study that every test may read and none may change."""
    folder = make_study(tmp_path_factory.mktemp("results"))
    above = Threshold("100", 100.0)
    write_verdicts(Compare(folders=(folder,), outcome=(OUTCOME,)))
    write_verdicts(Compare(folders=(folder,), outcome=(OUTCOME,), above=above))
    write_verdicts(Compare(folders=(folder,), outcome=(OUTCOME,), effects=True))
    return folder
