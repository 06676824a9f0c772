"""A legend above a figure is never cut off."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from sim.plots.charts import add_key, key_line, new_figure


@pytest.mark.parametrize("letters", [5, 30, 90])
def test_a_key_takes_as_many_columns_as_fit(letters):
    figure = new_figure(3.0)
    figure.subplots()
    add_key(figure, [key_line("x" * letters) for _ in range(4)], 4)
    legend = figure.legends[-1]
    width = legend.get_window_extent(FigureCanvasAgg(figure).get_renderer()).width
    assert len(figure.legends) == 1
    assert width <= figure.bbox.width or legend._ncols == 1
    assert letters > 5 or legend._ncols == 4
