"""A thousand bad inputs from a fixed seed; `make fuzz` tries ten thousand."""

import pytest
from fuzz import KINDS, fuzz


@pytest.mark.parametrize("part", range(4))
def test_bad_input_is_refused_in_one_short_line_and_leaves_nothing(part: int) -> None:
    assert sum(KINDS.values()) == 100
    wrong = fuzz(250, start=250 * part)
    assert not wrong, "\n".join(f"{case}: {fault}" for case, fault in wrong.items())
