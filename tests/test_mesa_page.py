"""Tests of the page of the Mesa model: its figures, its controls, and its sources."""

import warnings
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

pytest.importorskip("altair", reason="mesa.visualization needs altair")
warnings.filterwarnings("ignore", message="[\\s\\S]*use_state")  # found by solara in Mesa 3.3, once per process

import solara  # noqa: E402
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from solara.server import settings  # noqa: E402

from sim import mesa_page  # noqa: E402
from sim.configuration.compose import compose_settings  # noqa: E402
from sim.configuration.overrides import GROUPS, choices_of  # noqa: E402
from sim.data.facts import THE_LINE  # noqa: E402
from sim.engine.world import Holder  # noqa: E402
from sim.mesa_page import PARAMETERS, POLICIES, CampaignOnPage, Page, draw_curves, draw_map  # noqa: E402
from sim.plots.style import EDGE  # noqa: E402


@pytest.fixture(scope="module")
def model():
    """Return a campaign that is short, at its last day."""
    model = CampaignOnPage(rng=7, end_date="2021-05-02")
    model.run_model()
    return model


def texts_of(figure):
    found = [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]
    return " ".join(" ".join(found).split())


def test_controls_offer_the_choices_of_settings_and_begin_with_the_defaults():
    usual = compose_settings().choices
    assert set(POLICIES) <= set(GROUPS)
    for group in POLICIES:
        assert PARAMETERS[group]["values"] == choices_of(group)
        assert PARAMETERS[group]["value"] == usual[group]
    assert PARAMETERS["calibration"]["value"] == usual["calibration"]
    assert set(PARAMETERS["calibration"]["values"]) <= set(choices_of("calibration"))
    assert PARAMETERS["end_date"] == THE_LINE


def test_the_map_colours_each_district_by_its_holder(model):
    figure = draw_map(model)
    shapes = next(each for each in figure.axes[0].collections if len(each.get_facecolors()) == 399)
    dark = shapes.get_facecolors()[:, 0] < 0.5
    assert np.array_equal(dark, model.world.districts.holder == Holder.TALIBAN) and dark.any()


def test_the_curves_end_on_the_day_that_was_run_and_have_the_reported_figures():
    model = CampaignOnPage(rng=7, end_date="2021-07-07")
    model.step()
    figure = draw_curves(model)
    for axes, points in zip(figure.axes, (6, 6), strict=True):
        assert len(axes.lines[0].get_xdata()) == 2
        assert sum(len(bars[0].get_xdata()) for bars in axes.containers) == points


@pytest.mark.parametrize("draw", [draw_map, draw_curves])
def test_every_figure_says_what_it_shows(draw, model):
    said = texts_of(draw(model))
    assert "One campaign (free; calibrated" in said and "seed 7" in said and "day 1 of 1" in said


@pytest.mark.parametrize("draw", [draw_map, draw_curves])
def test_no_text_is_cut_off_at_the_right_margin(draw, model):
    figure = draw(model)
    FigureCanvasAgg(figure).draw()
    assert max(text.get_window_extent().x1 for text in figure.texts) <= figure.bbox.width * (1 - EDGE) + 1


def test_the_map_names_districts_that_it_leaves_out(model, monkeypatch):
    land = mesa_page.read_land()
    assert "Left out of the map" not in texts_of(draw_map(model))
    codes = (*land.facts.district_id[:-1], "AF9999")
    without = replace(land, facts=land.facts._replace(district_id=codes))
    monkeypatch.setattr(mesa_page, "read_land", lambda: without)
    assert "Left out of the map, since Panj has no shape for them: AF9999." in texts_of(draw_map(model))


def test_the_page_sends_no_telemetry():
    assert not settings.telemetry.mixpanel_enable


def test_every_reported_figure_has_its_source():
    for id in (*mesa_page.SHARES_SHOWN, *mesa_page.SOLDIERS_SHOWN):
        assert mesa_page.cite_figure(id).startswith(f"- {id}, ")


def test_steps_after_the_last_day_do_nothing(model):
    before = model.record.series.copy()
    model.step()
    assert model.date == model.config.start_date + timedelta(days=1) and np.array_equal(before, model.record.series)


def test_solara_renders_the_page():
    box, context = solara.render(Page(), handle_error=False)
    try:
        assert box.children
    finally:
        context.close()
