"""Draw the figure of a memo: differences and the campaigns themselves, or the distribution of one study.

Reads   nothing: values and verdicts are given.
Writes  one PNG. The reported figure is drawn even if risks are compared.
"""

from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sim.compare.figure import (
    Verdicts,
    bars_of,
    caption_of,
    forest_of,
    format_level,
    key_of,
    labels_of,
    made_for,
    unit_of,
)
from sim.compare.risk import format_bounds
from sim.memo.sentences import Subject
from sim.plots.captions import describe_campaigns
from sim.plots.charts import add_key, draw_histogram, key_line, mark_reported, new_figure, save_chart
from sim.plots.colours import INK, SIMULATED
from sim.plots.style import in_style
from sim.report.outcomes import are_whole, bins_of

COLUMNS = 2  # entries per line of the legend
HEIGHT = 3.4  # height of a histogram, inches


@in_style
def draw_comparison(subject: Subject, drawn: Verdicts, every: Verdicts, path: Path) -> Path:
    """Draw differences from the baseline next to the campaigns, with the reported figure.

    Args:
        subject: What the memo is about.
        drawn: The verdicts to draw, whose quantiles are those of the outcome even if a risk is compared.
        every: All verdicts, whose number the caption states.
        path: Path of the PNG.

    Returns:
        The path.
    """
    labels, of_values = labels_of(drawn), subject.about_values
    bars, _ = bars_of(drawn, labels.of)
    figure = forest_of(bars, labels.keys, drawn.about, of_values)
    handles = [*key_of(drawn.about)[:2], *key_of(of_values)[2:], *mark_thresholds(figure.axes[1], subject)]
    add_key(figure, handles, COLUMNS, fontsize=8.5)
    caption = caption_of(every, len(every.rows) - len(drawn.rows))
    return save_chart(figure, path, drawn.about["label"], caption, made_for(drawn.about, path))


@in_style
def draw_distribution(subject: Subject, path: Path) -> Path:
    """Draw the distribution of the outcome over the campaigns of a study of one cell, with the reported figure.

    Args:
        subject: What the memo is about.
        path: Path of the PNG.

    Returns:
        The path.
    """
    figure, about = new_figure(HEIGHT), subject.about_values
    axes, values = figure.subplots(), subject.values
    whole = subject.measure.is_date or are_whole(values, subject.measure.unit)
    draw_histogram(axes, *np.histogram(values, bins_of(values, whole)))
    axes.axvline(float(np.median(values)), color=SIMULATED, linewidth=1.6)
    mark_reported(axes, *(subject.measure.reported[part] for part in ("value", "low", "high")))
    axes.set_ylabel("campaigns")
    axes.set_xlabel("date" if subject.measure.is_date else unit_of(about, difference=False))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=whole))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_level(value, about)))
    reported = subject.measure.reported_figure
    line = "median of campaigns" if len(values) > 1 else "the one campaign"
    handles = [key_line(line), *key_of(about)[3:], *mark_thresholds(axes, subject)]
    add_key(figure, handles, COLUMNS, fontsize=8.5)
    source = f"Reported: {reported} in evidence.csv." if reported else "Nothing was reported on this outcome."
    caption = f"{describe_campaigns(subject.base)} {source}"
    return save_chart(figure, path, subject.measure.label, caption, made_for(about, path))


def mark_thresholds(axes: Axes, subject: Subject) -> list[Artist]:
    """Draw any requested thresholds on the axis of values, and return a list with their legend entry."""
    if subject.asked is None:
        return []
    for end in subject.asked.thresholds.values():
        axes.axvline(end.value - subject.origin, color=INK, linewidth=1.2, linestyle=":", zorder=8)
    return [key_line(f"asked: {format_bounds(subject.asked, subject.measure)}", INK, 1.2, linestyle=":")]
