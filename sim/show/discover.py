"""Boxes in which an outcome lies beyond a threshold: a sentence each, and a figure of box and trade-off.

Reads   boxes.csv, limits.csv, trade_off.csv, campaigns.parquet and discover.json, which `sim.study.discover` wrote.
Writes  boxes.png beside them.
"""

import json
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator, PercentFormatter
from numpy.typing import NDArray
from rich.console import Console

from sim.errors import PanjError
from sim.show.calibration import page, short
from sim.show.colours import INK, QUIET, SIMULATED, SIMULATED_LIGHT
from sim.show.sensitivity import Row, finish, rows_of
from sim.show.style import STYLE, WIDTH

PANEL, AXIS, HEAD, KEY = 2.35, 0.62, 0.28, 0.32  # inches: a panel, below and above it, the key
LEFT, GAP, RIGHT = 0.75, 0.72, 0.15  # inches beside and between panels
DOTS = 1500  # campaigns shown
TENTHS = 10
TABLE_WIDTH = 118  # letters, where there is no terminal
Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


class Discovered(NamedTuple):
    """Discoveries as they lie on disk."""

    folder: Path
    about: dict[str, Any]
    boxes: list[Row]
    limits: dict[str, list[Row]]  # by box
    steps: dict[str, list[Row]]
    campaigns: pa.Table  # of the half that did not shape the boxes

    @property
    def shown(self) -> list[Row]:
        """The findings; where there is none, the box that is none."""
        return [row for row in self.boxes if is_finding(row)] or self.boxes[:1]


def read_discovered(folder: Path) -> Discovered:
    """The files of a discovery; PanjError where one is missing or is something else."""
    try:
        about = dict(json.loads((folder / "discover.json").read_text(encoding="utf-8")))
        boxes, limits, steps = (rows_of(folder / f"{name}.csv") for name in ("boxes", "limits", "trade_off"))
        numbers = [row["box"] for row in boxes]
        of_limits, of_steps = (
            {box: [row for row in rows if row["box"] == box] for box in numbers} for rows in (limits, steps)
        )
        campaigns = pq.read_table(folder / "campaigns.parquet")
        return Discovered(folder, about, boxes, of_limits, of_steps, campaigns.filter(pc.field("half") == "other"))
    except OSError as error:
        raise PanjError(f"{error.filename}: cannot be read; python -m sim discover writes it") from None
    except (ValueError, KeyError) as error:
        raise PanjError(f"{folder}: found something else ({error}), expected discoveries") from None


def say_box(made: Discovered, row: Row) -> str:
    """One box as one sentence: where it lies, its density and its coverage, and whether it is more than luck."""
    earlier = " outside the boxes before" if int(row["box"]) > 1 else ""
    luck = [limit for limit in made.limits[row["box"]] if limit["holds"] == "no"]
    doubt = f"; {' and '.join(say_limit(limit) for limit in luck)} may be luck" if luck and is_finding(row) else ""
    begin = f"Box {row['box']}: where" if is_finding(row) else f"Box {row['box']} is no finding, but luck: where"
    density, low, high, elsewhere, coverage = (
        f"{float(row[key]):.0%}" for key in ("density", "density_low", "density_high", "density_elsewhere", "coverage")
    )
    return (
        f"{begin} {listed([say_limit(limit) for limit in made.limits[row['box']]])}, {say_case(made.about)} in "
        f"{density} of campaigns{earlier} (density, {low} to {high}; elsewhere {elsewhere}), and {coverage} of all "
        f"campaigns of that kind lie there (coverage){doubt}."
    )


def say_limit(limit: Row) -> str:
    """`news: fade days is above 5.2`."""
    return f"{short(limit['number'])} is {limit['side']} {float(limit['limit']):.3g}"


def listed(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def is_finding(row: Row) -> bool:
    """More than luck."""
    return row["finding"] == "yes"


def say_case(about: dict[str, Any]) -> str:
    """`"Soldiers who crossed in the largest night" is above 1,000`."""
    sides = {"above": "after", "below": "before"} if about["is_date"] else {"above": "above", "below": "below"}
    ends = [f"{sides[side]} {say_threshold(text)}" for side, text in about["thresholds"].items()]
    return f'"{about["label"]}" is {" and ".join(ends)}'


def say_threshold(text: str) -> str:
    """1,000, or 5 July 2021."""
    if text.count("-") == 2:
        day = date.fromisoformat(text)
        return f"{day.day} {day:%B %Y}"
    return f"{float(text):,g}"


def draw_discovered(folder: Path) -> list[Path]:
    """A row of two panels a box: where it lies, and what coverage costs in density."""
    made = read_discovered(folder)
    if not made.boxes:
        (folder / "boxes.png").unlink(missing_ok=True)
        return []
    with rc_context(STYLE):
        return [draw_boxes(made)]


def draw_boxes(made: Discovered) -> Path:
    """Every box, each on the campaigns that earlier ones left."""
    rows = len(made.shown)
    caption = (
        f"{say_made(made)} Left: up to {DOTS:,} campaigns of the half that did not shape the boxes, without those in "
        "earlier boxes, along the two numbers that restrict a box most, on the scale of their priors (with one number: "
        "share of cases along it). Right: every step of the search, measured in both halves; where they part, the box "
        f"follows luck. Dotted: the share of cases among all. {say_reported(made.about)}"
    )
    figure, below, tall = page(rows * (PANEL + AXIS + HEAD), caption, KEY)
    wide = (WIDTH - LEFT - GAP - RIGHT) / 2
    for place, row in enumerate(made.shown):
        low = (below + (rows - 1 - place) * (PANEL + AXIS + HEAD) + AXIS) / tall
        where, trade = (
            figure.add_axes((left / WIDTH, low, wide / WIDTH, PANEL / tall)) for left in (LEFT, LEFT + wide + GAP)
        )
        draw_where(where, made, row["box"])
        draw_trade_off(trade, made, row)
        luck = "" if is_finding(row) else " (no finding)"
        where.set_title(f"Box {row['box']}{luck}: density {float(row['density']):.2f}, coverage "
                        f"{float(row['coverage']):.2f}", fontsize=9)  # fmt: skip
    handles = [
        Line2D([], [], marker="o", linewidth=0, markersize=4, color=SIMULATED, label="case"),
        Line2D([], [], marker="o", linewidth=0, markersize=4, color=SIMULATED_LIGHT, label="other campaign"),
        Patch(fill=False, edgecolor=INK, linewidth=1.5, label="box"),
        Line2D([], [], color=SIMULATED, linewidth=1.6, label="in the other half"),
        Line2D([], [], color=SIMULATED_LIGHT, linewidth=1.6, label="where it was found"),
    ]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 1 - 0.3 / tall), ncols=5, fontsize=7.5,
                  columnspacing=1.2)  # fmt: skip
    title = say_case(made.about).replace('"', "")
    return finish(figure, made.folder / "boxes.png", title, caption, tall, made.about)


def draw_where(axes: Axes, made: Discovered, box: str) -> None:
    """The campaigns along the two numbers that restrict most, and the box as a frame."""
    ranked = sorted(made.limits[box], key=lambda limit: float(limit["quasi_p"]))
    keys = list(dict.fromkeys(limit["number"] for limit in ranked))[:2]
    boxes = made.campaigns["box"].to_numpy()
    left = (boxes == 0) | (boxes >= int(box))
    cases = made.campaigns["case"].to_numpy()[left]
    columns = [made.campaigns[key].to_numpy()[left] for key in keys]
    if len(keys) == 1:
        draw_along(axes, made, box, keys[0], columns[0], cases)
        return
    for kind, colour, strength in ((False, SIMULATED_LIGHT, 0.5), (True, SIMULATED, 0.9)):
        shown = np.flatnonzero(cases[:DOTS] == kind)
        axes.scatter(columns[0][shown], columns[1][shown], s=5, color=colour, alpha=strength, linewidths=0)
    ends = [ends_of(made, box, key) for key in keys]
    frame = Rectangle((ends[0][0], ends[1][0]), ends[0][1] - ends[0][0], ends[1][1] - ends[1][0], fill=False,
                      edgecolor=INK, linewidth=1.5, zorder=4)  # fmt: skip
    axes.add_patch(frame)
    for name, key in zip("xy", keys, strict=True):
        scale_axis(axes, name, made, key)
    axes.grid(visible=False)


def draw_along(axes: Axes, made: Discovered, box: str, key: str, values: Floats, cases: Truths) -> None:
    """The share of cases in each tenth of the campaigns along one number, and the box as a span."""
    parts = np.array_split(np.argsort(values, kind="stable"), TENTHS)
    axes.plot([values[part].mean() for part in parts], [cases[part].mean() for part in parts], color=SIMULATED,
              marker="o", markersize=4)  # fmt: skip
    axes.axvspan(*ends_of(made, box, key), fill=False, edgecolor=INK, linewidth=1.5)
    scale_axis(axes, "x", made, key)
    axes.set_ylim(0, None)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylabel("share of cases", fontsize=8.5)
    axes.tick_params(labelsize=8)


def ends_of(made: Discovered, box: str, key: str) -> tuple[float, float]:
    """From where to where a box runs along a number."""
    low, high, _ = made.about["priors"][key]
    ends = {"above": low, "below": high}
    ends |= {limit["side"]: float(limit["limit"]) for limit in made.limits[box] if limit["number"] == key}
    return ends["above"], ends["below"]


def scale_axis(axes: Axes, name: str, made: Discovered, key: str) -> None:
    """From the lowest to the highest value of the prior, on its scale, with plain numbers."""
    low, high, scale = made.about["priors"][key]
    getattr(axes, f"set_{name}scale")(scale)
    getattr(axes, f"set_{name}lim")(low, high)
    axis = getattr(axes, f"{name}axis")
    if scale == "log":
        axis.set_major_locator(FixedLocator([low, (low * high) ** 0.5, high]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.2g}"))
        axis.set_minor_locator(NullLocator())
    else:
        axis.set_major_locator(MaxNLocator(4))
    getattr(axes, f"set_{name}label")(short(key), fontsize=8.5)
    axes.tick_params(labelsize=8)


def draw_trade_off(axes: Axes, made: Discovered, row: Row) -> None:
    """Coverage against density along the search."""
    steps = made.steps[row["box"]]
    for part, colour in (("found_", SIMULATED_LIGHT), ("", SIMULATED)):
        line = [(float(step[f"{part}coverage"]), float(step[f"{part}density"])) for step in steps]
        axes.plot(*np.transpose(line), color=colour, linewidth=1.4, marker="o", markersize=2.2)
    axes.plot(float(row["coverage"]), float(row["density"]), "s", markersize=8, markerfacecolor="none",
              markeredgecolor=INK, markeredgewidth=1.5, zorder=5)  # fmt: skip
    axes.axhline(made.about["cases"] / made.about["campaigns"], color=QUIET, linewidth=1.1, linestyle=":")
    axes.set_xlim(0, 1.03)
    axes.set_ylim(0, None)
    axes.set_xlabel("coverage: share of all cases", fontsize=8.5)
    axes.set_ylabel("density: cases in the box", fontsize=8.5)
    axes.tick_params(labelsize=8)


def say_made(made: Discovered) -> str:
    """How many campaigns, of which bank."""
    about = made.about
    failed = f" {about['failed']:,} failed and are left out." if about["failed"] else ""
    never = " An event that did not come counts as later than the last day." if about["is_date"] else ""
    missing = f" {about['missing']:,} have no such outcome and are left out." if about["missing"] else ""
    return (
        f"{about['campaigns']:,} campaigns of {about['study']} (seeds {about['first_seed']} to {about['last_seed']}), "
        f"scenario {about['scenario']}, {about['calibration']}: {about['cases']:,} cases.{failed}{missing}{never} "
        "Boxes are found in every other campaign and measured in the rest."
    )


def say_reported(about: dict[str, Any]) -> str:
    """What was reported, beside the threshold."""
    return f"Reported: {about['reported']['text']} in evidence.csv." if about["reported"]["text"] else (
        "Nothing was reported of this outcome.")  # fmt: skip


def show_discovered(folder: Path) -> int:
    """The sentences, what was written and what to do next."""
    made = read_discovered(folder)
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else TABLE_WIDTH, highlight=False)
    console.print(say_made(made))
    if not any(map(is_finding, made.shown)):
        console.print(f"No box was found in which {say_case(made.about)} more often than elsewhere by more than luck.")
    for row in made.shown:
        console.print(say_box(made, row))
    console.print(say_reported(made.about))
    console.print("Numbers are those of the prior: shares of what was believed before any fit. Quasi-p values of each "
                  "limit are in limits.csv.")  # fmt: skip
    console.print("Written:")
    for path in sorted(folder.iterdir()):
        console.print(f"  {path}", soft_wrap=True)
    console.print(f"Next: {next_step(made)}", soft_wrap=True)
    return 0


def next_step(made: Discovered) -> str:
    """Live the first box; without one, ask otherwise."""
    if not made.boxes or not is_finding(made.boxes[0]):
        return "another threshold, or a larger bank: python -m sim bank runs=50000"
    words = []
    for key in dict.fromkeys(limit["number"] for limit in made.limits["1"]):
        low, high = ends_of(made, "1", key)
        words.append(f"{key}={(low + high) / 2:.4g}")
    return f"live in the middle of box 1: python -m sim {' '.join(words)} end_date={made.about['end_date']}"
