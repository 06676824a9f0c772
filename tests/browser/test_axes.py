"""Axes of counts have whole numbers alone: on the wall, and in the chart of a student's own range."""

import re
from pathlib import Path

import pytest

PARTS = Path(__file__).parents[2] / "sim" / "classroom" / "parts"
TICKS = """([script, ends, whole]) => {  // the ticks that a part draws between two ends
    const module = {};
    new Function("module", script)(module);
    const part = { ends, width: 1200, size: 14, u: 8, board: { whole }, chart: { whole } };
    return module.exports.computed.ticks.call(part);
}"""


@pytest.mark.parametrize("name", ["in_class/wall.vue", "class_chart.vue"])
@pytest.mark.parametrize("ends", [[0, 1], [-0.3, 2.2], [-4, 9], [0, 1600]])
def test_an_axis_of_counts_has_whole_numbers_alone(browser, name, ends):
    script = re.search(r"<script>(.*)</script>", (PARTS / name).read_text(encoding="utf-8"), re.DOTALL)[1]
    page = browser.new_page()
    counts, others = (page.evaluate(TICKS, [script, ends, whole]) for whole in (True, False))
    page.close()
    assert counts and all(tick == round(tick) and ends[0] <= tick <= ends[1] for tick in counts)
    assert len(counts) == len(set(counts)) and set(counts) <= set(others)
    if ends[1] - ends[0] < 4:
        assert any(tick != round(tick) for tick in others), "what is no count may be a half"
