"""Define the style of figures: sizes, fonts, and the colour scale of probabilities."""

from typing import Any

from matplotlib import rc_context
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.font_manager import FontProperties
from matplotlib.patheffects import withStroke

from sim.plots.colours import INK, QUIET

CHANCE = LinearSegmentedColormap.from_list("chance", ["#f7f3e9", "#b9cbd8", "#5d8bb0", "#2b5c8a", "#173554"])
DARK = 0.45  # position on the colour scale above which text is white
WIDTH = 7.0  # width of figures, inches; keeps text readable on a phone
RESOLUTION = 130  # dots per inch
HALO = [withStroke(linewidth=2.5, foreground="white")]  # outline that keeps text readable on any background
HEADING, CAPTION = FontProperties(size=13, weight="bold"), 8.0  # font of titles, and font size of captions in points
LETTERS_PER_INCH = 16.8  # characters per inch of the caption
EDGE = 0.012  # left margin of title and caption, as a share of the width
STYLE: Any = {  # matplotlib settings while a figure is drawn
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#ececec",
    "grid.linewidth": 0.8,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "text.color": INK,
    "figure.facecolor": "white",
    "figure.constrained_layout.h_pad": 0.06,
    "savefig.facecolor": "white",
}
in_style = rc_context(STYLE)  # decorator that applies STYLE while a function draws
