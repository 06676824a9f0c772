"""A title or legend above a figure is never cut off, and an axis of counts has no halves."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.ticker import MaxNLocator

from sim.plots.charts import Spaces, add_key, key_line, new_figure, new_panels, number_axis, set_around


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


@pytest.mark.parametrize("has_key", [False, True])
@pytest.mark.parametrize("is_fixed", [False, True])
def test_a_long_title_is_wrapped_to_the_width_of_its_figure(is_fixed, has_key):
    figure = new_panels(1, 1, 2.0, Spaces())[0] if is_fixed else new_figure(3.0)
    if not is_fixed:
        figure.subplots()
    if has_key:
        add_key(figure, [key_line("one")], 1)
    title = "Soldiers who crossed in the largest night of free campaigns, of assimilated worlds and of the record"
    set_around(figure, title, "Caption.")
    titles = [figure.legends[0].get_title()] if has_key else [*figure.texts, figure._suptitle]
    found = [one for one in titles if one and " ".join(one.get_text().split()) == title]
    box = found[0].get_window_extent(FigureCanvasAgg(figure).get_renderer())
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width
    assert "\n" in found[0].get_text()


@pytest.mark.parametrize("last", [150_000, 1_500_000, 80])
def test_the_last_number_of_an_axis_is_never_cut_off(last):
    figure, panels = new_panels(2, 2, 1.0, Spaces())
    for axes in panels:
        axes.set_xlim(0, last * 1.0001)
        axes.set_xticks([0, last / 2, last])
        number_axis(axes, "x")
    set_around(figure, "Title", "Caption.")
    renderer = FigureCanvasAgg(figure).get_renderer()
    for axes in panels:
        label = axes.get_xticklabels()[-1]
        assert label.get_text() == f"{last:,}" and label.get_window_extent(renderer).x1 <= figure.bbox.width
        before = axes.get_xticklabels()[-2].get_window_extent(renderer)
        assert before.x1 < label.get_window_extent(renderer).x0
    inner = panels[0].get_xticklabels()[-1].get_window_extent(renderer)
    assert (inner.x0 + inner.x1) / 2 == pytest.approx(panels[0].transData.transform((last, 0))[0], abs=1)


@pytest.mark.parametrize("highest", [1, 2, 3, 70, 1600])
def test_an_axis_of_counts_has_a_tick_at_whole_numbers_alone(highest):
    axes = new_figure(3).subplots()
    axes.plot([0, 1], [0, highest])
    axes.yaxis.set_major_locator(MaxNLocator(4))
    number_axis(axes)
    ticks = axes.get_yticks()
    assert (ticks == ticks.round()).all()
    number_axis(axes, "x", "share")
    assert (axes.get_xticks() % 1).any(), "a share has ticks between 0 and 1"


@pytest.mark.parametrize("highest", [0.011, 0.03, 0.19, 0.62, 1.0])
def test_each_tick_of_a_share_is_labelled_with_the_share_at_which_it_is(highest):
    axes = new_figure(3).subplots()
    axes.plot([0, 1], [0, highest])
    number_axis(axes, unit="share")
    axes.figure.draw_without_rendering()
    for tick in axes.yaxis.get_major_ticks():
        assert float(tick.label1.get_text().rstrip("%")) == pytest.approx(100 * tick.get_loc())
