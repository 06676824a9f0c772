"""Page for one campaign, run day by day with Mesa's SolaraViz: `solara run sim.mesa_page`.

Shows   for one campaign, with the seed and policies chosen on the left: the map of districts by holder, and the curves
        of districts held and of soldiers who crossed, next to the reported figures.
Reads   the geometry of `sim.plots.land`; data/evidence.csv, data/districts.csv.

Like any SolaraViz app, this is a single file: copy it, change `PARAMETERS` or `PANELS`, and run the copy.
"""

from datetime import date, timedelta
from typing import Any, cast

import numpy as np
import solara
import solara.lab
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from mesa.visualization import SolaraViz
from solara.server import settings as server_settings

from sim.configuration.changes import default_choices
from sim.configuration.overrides import choices_of
from sim.configuration.settings import Settings
from sim.data.facts import THE_LINE
from sim.data.record import (
    AAN_NEWLY_HELD,
    AAN_START,
    ABOUT_A_THIRD,
    ALL_SOLDIERS,
    LWJ_COUNTS,
    NIGHTS,
    Point,
    aan_shares,
    counted_so_far,
    lwj_shares,
    point,
    reported,
)
from sim.data.shapes import note_on_shapes
from sim.engine.campaign import Series
from sim.engine.world import Holder
from sim.model import BorderCrisis
from sim.outcome import nights_of
from sim.plots.charts import (
    add_key,
    add_key_of,
    date_axis,
    days_of,
    key_mark,
    mark_points,
    new_figure,
    number_axis,
    set_around,
)
from sim.plots.colours import INK, REPORTED, REPORTED_OTHER, SIMULATED
from sim.plots.land import CREDIT, country_bounds, read_land
from sim.plots.maps import draw_places, draw_record, key_of, lines_of, name_places, set_view, shapes_of
from sim.plots.page import make_source
from sim.plots.style import CHANCE, WIDTH, in_style
from sim.wording import counted, format_day, paragraph

NAME = "Panj: one campaign, day by day"
HELD, NOT_HELD = SIMULATED, to_hex(CHANCE(0.0))
POLICIES = {  # label of each group of policies
    "border": "Tajikistan's border",
    "mobilisation": "Tajik reservists",
    "reinforcement": "Afghan reinforcements",
    "air_support": "Air support",
    "morale": "Morale of garrisons",
    "taliban": "Taliban strategy",
}
PARAMETERS: dict[str, Any] = {  # arguments of the model: mappings with a type are controls, all other values are fixed
    "rng": {"type": "SliderInt", "value": 7, "label": "Seed", "min": 0, "max": 999, "step": 1},
    **{
        group: {"type": "Select", "value": default_choices()[group], "values": choices_of(group), "label": label}
        for group, label in POLICIES.items()
    },
    "calibration": {
        "type": "Select",
        "value": "posterior",
        "values": ["posterior", "median", "as_declared"],
        "label": "Uncertain numbers",
    },
    "end_date": THE_LINE,
}
SHARES_SHOWN = (AAN_START, AAN_NEWLY_HELD, *LWJ_COUNTS, ABOUT_A_THIRD)
SOLDIERS_SHOWN = (*NIGHTS, ALL_SOLDIERS)


class CampaignOnPage(BorderCrisis):
    """The model for SolaraViz, whose controls may request more days than a campaign has."""

    def step(self) -> None:
        """Run the next day, if there is one; Mesa's step count stops at the end of the campaign."""
        if self.running:
            super().step()
        else:
            self.steps = self.day


def describe(model: BorderCrisis) -> str:
    """Describe the campaign shown: whether it is free and calibrated, its seed, and the latest day."""
    settings = cast(Settings, model.config)
    worlds = "free" if settings.worlds is None else "follows the record at first"
    return paragraph(
        f"One campaign ({worlds}; {settings.calibration}), seed {model.seed}: a single random draw of many.",
        f"Evening of {format_day(model.date, year=True)}, day {model.day} of {model.config.days}.",
    )


@in_style
def draw_map(model: BorderCrisis) -> Figure:
    """Draw the holders of districts at the end of the latest day, with dots on districts reported lost by then."""
    land = read_land()
    west, east, south, north = np.array(country_bounds(land))[[0, 2, 1, 3]]
    figure = new_figure(WIDTH * (north - south) / (east - west) + 1.6)
    axes = figure.add_subplot()
    set_view(axes, land, "country", country_bounds(land))
    held = model.world.districts.holder == Holder.TALIBAN
    shapes = shapes_of(land, facecolors=[HELD if taken else NOT_HELD for taken in held])
    for each in (shapes, *lines_of(land)):
        axes.add_collection(each, autolim=False)
    draw_record(axes, land, model.date)
    draw_places(axes, land)
    name_places(axes, land, WIDTH, model.date)
    square: dict[str, Any] = {"markersize": 9, "markeredgecolor": INK, "markeredgewidth": 0.4}
    holders = {"held by the Taliban (simulated)": HELD, "held by the government": NOT_HELD}
    keys = [key_mark(label, "s", colour, **square) for label, colour in holders.items()]
    add_key(figure, [*keys, *key_of(model.date)], 2)
    title = (
        f"{counted(int(held.sum()), 'district')} held by the Taliban, evening of {format_day(model.date, year=True)}"
    )
    note = note_on_shapes(land.facts.district_id)
    set_around(
        figure, title, f"{describe(model)} Shapes: {CREDIT}.{note} Boundaries imply no opinion; sources on Page 1."
    )
    return figure


@in_style
def draw_curves(model: BorderCrisis) -> Figure:
    """Draw the share of districts held and the soldiers who have crossed, day by day, with the reported figures."""
    figure = new_figure(6.6)
    above, below = figure.subplots(2, 1, sharex=True)
    days = [model.config.start_date + timedelta(days=day) for day in range(model.config.days + 1)]
    done = model.day + 1
    held = model.record.series[:done, Series.DISTRICTS_HELD_BY_TALIBAN] / model.world.districts.holder.size
    crossed = nights_of(model.record.crossed[:done]).sum(axis=1).cumsum()
    draw_curve(above, days, held, "share of all districts held by the Taliban", [
        (aan_shares(), "s", REPORTED, "AAN: district centres held"),
        (lwj_shares(), "D", REPORTED_OTHER, "LWJ: districts controlled (a wider sense)"),
        ([point(ABOUT_A_THIRD)], "o", INK, "RFE/RL: about a third"),
    ])  # fmt: skip
    draw_curve(below, days, crossed, "Afghan soldiers who have crossed into Tajikistan", [
        (counted_so_far(), "s", REPORTED, ""),
    ])  # fmt: skip
    number_axis(above, unit="share")
    number_axis(below)
    add_key_of(figure, above)
    caption = (
        f"{describe(model)} Reported: above {', '.join(SHARES_SHOWN)}; below {', '.join(SOLDIERS_SHOWN)}, added up from"
        " the first counted night; sources on Page 1."
    )
    set_around(figure, "This campaign and the reported figures", caption)
    return figure


def draw_curve(
    axes: Axes, days: list[date], values: np.ndarray, title: str, marks: list[tuple[list[Point], str, str, str]]
) -> None:
    """Draw the simulated values of all days so far, and every reported figure for the days of the campaign."""
    shown = days_of(days[: len(values)])
    axes.plot(shown, values, color=SIMULATED, linewidth=2, label="simulated, one campaign")
    axes.plot(shown[-1:], values[-1:], "o", color=SIMULATED, markersize=5)
    for points, shape, colour, label in marks:
        mark_points(axes, days, points, shape, colour, label, 6)
    axes.set_ylim(0, None)
    axes.set_title(title)
    date_axis(axes, days)


def show_map(model: BorderCrisis) -> None:
    """Show the map."""
    show(draw_map(model))


def show_curves(model: BorderCrisis) -> None:
    """Show the curves."""
    show(draw_curves(model))


def show(figure: Figure) -> None:
    """Show a figure as a picture that fills the width of its panel."""
    with solara.Div(classes=["panj-figure"]):
        solara.FigureMatplotlib(figure, format="png", dpi=100)


def show_sources(model: BorderCrisis) -> None:
    """Show a description of the page and the sources of its reported figures."""
    solara.Markdown("\n".join([describe_page(model), *map(cite_figure, (*SHARES_SHOWN, *SOLDIERS_SHOWN))]))


def describe_page(model: BorderCrisis) -> str:
    """Return the text above the list of sources."""
    return (
        f"**{describe(model)}** A single campaign says little; to compare policies, run a study of many campaigns."
        " What the model leaves out is in `docs/explanation/odd.md`. A setting on the left takes effect with *Reset*."
        " People were killed, displaced and captured in these events; the figures are about them.\n\n"
        "Reported figures on the first tab:\n"
    )


def cite_figure(id: str) -> str:
    """Return a reported figure and its source as an item of a Markdown list."""
    source = make_source(reported(id))
    name = f"[{source.source}]({source.link})" if source.link else source.source
    return f"- {id}, {source.when}: {source.said}. {name}"


server_settings.telemetry.mixpanel_enable = False  # in time, since the server reads this file before it counts visits
PANELS = [(show_map, 0), (show_curves, 0), (show_sources, 1)]  # panels, with the numbers of their tabs


@solara.component
def Page() -> None:
    """Show SolaraViz with a separate campaign for every visitor."""
    solara.lab.theme.themes.light.primary = SIMULATED
    solara.Style(".panj-figure img { width: 100%; height: auto; }")
    start = {key: value["value"] if isinstance(value, dict) else value for key, value in PARAMETERS.items()}
    model = solara.use_memo(lambda: CampaignOnPage(**start), [])
    SolaraViz(model, components=PANELS, model_params=PARAMETERS, name=NAME, play_interval=200)
