"""Draw an animated map of the daily probability that the Taliban hold each district.

Reads   about.json and districts.parquet of a study; the geometry of `sim.plots.land`.
Writes  figures/districts*.gif; figures/districts*.mp4 if ffmpeg is installed; figures/frames/*.png, one per day.
Colours are those of the map of one day: the darker the district, the more campaigns have it in Taliban hands.
"""

import shutil
import textwrap
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from itertools import chain
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.animation import FFMpegWriter
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sim.data.facts import THE_LINE, facts_here
from sim.data.record import lost_in_record
from sim.data.shapes import note_on_shapes
from sim.errors import PanjError
from sim.options import Animate
from sim.plots.captions import describe_campaigns
from sim.plots.colours import FAINT, INK, QUIET, REPORTED
from sim.plots.land import CREDIT, NARROW_MARGIN, Bounds, Land, country_bounds, read_land
from sim.plots.maps import NEIGHBOURS, RECORD, lines_of, name_places, set_view, shapes_of
from sim.plots.style import CHANCE, in_style
from sim.provenance import stamp
from sim.study.files import write_file
from sim.study.reader import Study, open_study, read_study
from sim.wording import counted, format_day

MOST_CELLS = 2  # largest number of maps side by side
PAPER = np.ones(3)
FADED = 0.4  # degree of lightening after the end of the record, from 0 to 1
GIF_DPI, SHARP_DPI = 100, 200
EVENING, PAUSE = 120, 2400  # duration of a frame and of a pause, milliseconds
WIDTHS = {1: 640, 2: 960}  # width of the GIF in pixels, by number of maps
EDGE, TITLE, CLOCK, BAR, LABEL, KEY, LINE = 10, 32, 30, 34, 14, 60, 13  # margin and heights of the parts, pixels
LETTER, BOLD_LETTER = 5.5, 6.9  # character width of caption and label, pixels
SMALL = 7.5  # size of small text, points
SHADES = 50  # number of shades of the colour scale in the GIF palette
UNCHANGED = 255  # palette index of transparent (unchanged) pixels


class Film(NamedTuple):
    """Content of the animation: the probabilities of one or two cells on the days to show."""

    studies: tuple[Study, ...]  # the study, limited to the cell of each map
    every: int  # days from one frame to the next
    span: tuple[date, date]  # first and last day that all cells have in common
    evenings: tuple[date, ...]  # days to show, one frame each
    probabilities: (
        np.ndarray
    )  # (maps, days, districts) probability that the Taliban hold the district; NaN without data

    @property
    def cells(self) -> list[int]:
        """Cell numbers, from left to right."""
        return [study.cell.number for study in self.studies]

    @property
    def figures(self) -> Path:
        """Folder to write to: `figures` of the study."""
        return self.studies[0].folder / "figures"


class Sheet(NamedTuple):
    """Layout of a frame: sizes and positions in pixels, labels of the maps, and caption."""

    width: int
    map_width: int
    map_height: int
    map_top: int
    height: int
    labels: list[str]  # label of each map
    caption: str


class Stage(NamedTuple):
    """The figure of the animation, with its static parts and the artists that change between frames."""

    figure: Figure
    land: Land
    maps: list[Axes]
    records: list[Line2D]  # dots of the reported losses on each map
    still: list[Artist]  # static parts above the districts
    beyond: list[Artist]  # overlay and text shown only after the end of the record
    clock: Text
    elapsed: Line2D

    @property
    def moving(self) -> list[Artist]:
        """The artists that are redrawn in every frame."""
        return [*self.records, self.clock, self.elapsed]


class Layer(NamedTuple):
    """An overlay on a picture: the covered pixels, with colour and opacity."""

    seen: np.ndarray  # (pixels) indices of the covered pixels, counted row by row
    colours: np.ndarray  # (pixels, 3) RGB colour, from 0 to 255
    opacity: np.ndarray  # (pixels, 1) from 0 (transparent) to 1 (opaque)

    def cover(self, picture: np.ndarray) -> None:
        """Blend the layer into a picture (pixels x 3) in place."""
        below = picture[self.seen]
        picture[self.seen] = np.rint(below + (self.colours - below) * self.opacity)


def draw_animation(
    folder: Path, cell: int | Sequence[int] = 0, first: date | None = None, last: date | None = None, every: int = 1
) -> Path:
    """Write the GIF of one cell, or of two cells side by side, to `figures/` and return its path.

    Args:
        folder: The folder of a study.
        cell: Number of the cell, or numbers of two cells.
        first: First day to show; by default, the first that all cells have in common.
        last: Last day to show; by default, the last that all cells have in common.
        every: Number of days from one frame to the next.

    Returns:
        The path of the GIF.

    Raises:
        PanjError: The study has no such cell or day.
    """
    return write_gif(make_film(folder, cell, first, last, every))


def make_film(
    folder: Path, cell: int | Sequence[int] = 0, first: date | None = None, last: date | None = None, every: int = 1
) -> Film:
    """Read the content of an animation from a study; the arguments are those of `draw_animation`."""
    cells = (cell,) if isinstance(cell, int) else tuple(cell)
    if not 1 <= len(set(cells)) == len(cells) <= MOST_CELLS:
        found = ",".join(map(str, cells))
        raise PanjError(f"animate, cell: found '{found}', expected one cell, or two different ones such as 0,3")
    studies = tuple(read_study(folder, each) for each in cells)
    tables = [probabilities_of(study) for study in studies]
    shared = sorted(set.intersection(*(set(table) for table in tables)))
    if not shared:
        raise PanjError(f"animate, cell: found cells {cells} without a common day, expected at least one")
    evenings = choose_evenings(shared, first or shared[0], last or shared[-1], every)
    probabilities = np.array([[table[day] for day in evenings] for table in tables])
    return Film(studies, every, (shared[0], shared[-1]), evenings, probabilities)


def probabilities_of(study: Study) -> dict[date, np.ndarray]:
    """Return the share of campaigns in which the Taliban hold each district, per day of a study."""
    by_evening = study.districts.pivot(index="date", columns="district_id", values="share_of_runs_taliban")
    table = by_evening.reindex(columns=list(read_land().facts.district_id))
    return dict(zip(pd.DatetimeIndex(table.index).date, table.to_numpy(float), strict=True))


def choose_evenings(there: Sequence[date], first: date, last: date, every: int) -> tuple[date, ...]:
    """Return every n-th of the days in `there`, from `first` to `last`, where n is `every`.

    The day `last` is always included, and so is the end of the record if it is between `first` and `last`.

    Raise PanjError if a day is outside the range of `there`, if `first` is after `last`, or if `every` is below 1.
    """
    for key, day in (("from", first), ("to", last)):
        if not there[0] <= day <= there[-1]:
            raise PanjError(f"animate, {key}: found {day}, expected a day from {there[0]} to {there[-1]}")
    if first > last:
        raise PanjError(f"animate, from: found {first}, expected a day up to to={last}")
    if every < 1:
        raise PanjError(f"animate, every: found {every}, expected a whole number of at least 1")
    between = [day for day in there if first <= day <= last]
    return tuple(day for row, day in enumerate(between) if row % every == 0 or day in (THE_LINE, last))


def colours_of(chance: np.ndarray) -> np.ndarray:
    """Return the RGB colour of each probability, as on the map of one day; NaN (no data) is grey."""
    colours = CHANCE(np.nan_to_num(chance))[..., :3]
    return np.where(np.isnan(chance)[..., np.newaxis], to_rgb(NEIGHBOURS), colours)


def lay_out(film: Film, ratio: float) -> Sheet:
    """Compute the layout of the picture so that labels and caption fit.

    `ratio` is the height of a map divided by its width.
    """
    maps = len(film.studies)
    width = WIDTHS[maps]
    map_width = (width - EDGE * (maps + 1)) // maps
    labels = [textwrap.fill(study.cell.label, int(map_width / BOLD_LETTER)) for study in film.studies]
    caption = textwrap.fill(caption_of(film), int((width - 2 * EDGE) / LETTER))
    map_top = TITLE + CLOCK + BAR + LABEL * max(len(label.splitlines()) for label in labels)
    map_height = round(map_width * ratio)
    height = map_top + map_height + KEY + LINE * len(caption.splitlines()) + EDGE
    return Sheet(width, map_width, map_height, map_top, height + height % 2, labels, caption)  # even height for video


def caption_of(film: Film) -> str:
    """Return the caption: the number of campaigns, the source of their parameters, and the sources of the map."""
    sides = ("Left: ", "Right: ") if len(film.studies) > 1 else ("",)
    campaigns = " ".join(f"{side}{describe_campaigns(study)}" for side, study in zip(sides, film.studies, strict=True))
    return (
        f"{campaigns} Sources: {CREDIT}; dates of loss as named row by row in districts.csv. A district without a dot"
        f" has no reported date, which does not mean that it was not lost.{note_on_shapes(facts_here().district_id)}"
    )


@in_style
def set_stage(film: Film) -> Stage:
    """Create the figure with its static parts and the artists that change between frames."""
    land = read_land()
    bounds = country_bounds(land, NARROW_MARGIN)
    sheet = lay_out(film, (bounds[3] - bounds[1]) / (bounds[2] - bounds[0]))
    figure = Figure(figsize=(sheet.width / GIF_DPI, sheet.height / GIF_DPI))
    heading = "Simulated probability that the Taliban hold a district, evening of"
    write(figure, EDGE, 9, heading, fontsize=12, fontweight="bold")
    clock = write(figure, EDGE, TITLE, "", fontsize=14, fontweight="bold", animated=True)
    bar = draw_bar(place(figure, EDGE, TITLE + CLOCK, sheet.width - 2 * EDGE, 10), film)
    stage = Stage(figure, land, [], [], [], [], clock, bar)
    for column, label in enumerate(sheet.labels):
        left = EDGE + column * (sheet.map_width + EDGE)
        write(figure, left, TITLE + CLOCK + BAR - 4, label, fontsize=8.5, fontweight="bold")
        add_map(stage, place(figure, left, sheet.map_top, sheet.map_width, sheet.map_height), bounds, sheet)
    key = place(figure, EDGE, sheet.map_top + sheet.map_height, sheet.width - 2 * EDGE, KEY)
    draw_key(key)
    stage.beyond.append(add_overlay(key))
    beyond = write(figure, sheet.width - EDGE, TITLE, "beyond the record", ha="right", fontsize=14, color=QUIET)
    stage.beyond.append(beyond)
    write(figure, EDGE, sheet.map_top + sheet.map_height + KEY, sheet.caption, fontsize=SMALL, color=QUIET)
    return stage


def write(figure: Figure, left: float, top: float, text: str, **style: Any) -> Text:
    """Write text with its top left corner at a position in pixels, and return it."""
    width, height = figure.get_size_inches() * GIF_DPI
    return figure.text(left / width, 1 - top / height, text, va="top", linespacing=1.2, **style)


def place(figure: Figure, left: float, top: float, across: float, down: float) -> Axes:
    """Add empty axes at a position in pixels, with pixels as units, and return them."""
    width, height = figure.get_size_inches() * GIF_DPI
    axes = figure.add_axes((left / width, 1 - (top + down) / height, across / width, down / height))
    axes.set_xlim(0, across)
    axes.set_ylim(0, down)
    axes.axis("off")
    return axes


def draw_bar(axes: Axes, film: Film) -> Line2D:
    """Draw a progress bar with a mark at the end of the record, and return the line of elapsed time."""
    first, last = film.span
    axes.set_xlim(date2num(first) - 0.01, date2num(last) + 0.01)
    axes.plot([date2num(first), date2num(last)], [5, 5], color=FAINT, linewidth=3, solid_capstyle="butt")
    style: dict[str, Any] = {"fontsize": SMALL, "color": QUIET, "va": "top"}
    axes.text(0, -0.15, format_day(first), transform=axes.transAxes, ha="left", **style)
    axes.text(1, -0.15, format_day(last), transform=axes.transAxes, ha="right", **style)
    if first < THE_LINE < last:
        share = (THE_LINE - first) / (last - first)
        side = "left" if share < 0.3 else "right" if share > 0.7 else "center"
        axes.plot([date2num(THE_LINE)] * 2, [0, 10], color=INK, linewidth=1.2)
        if 0.12 < share < 0.88:
            axes.text(share, -0.15, f"{format_day(THE_LINE)}: record ends", transform=axes.transAxes, ha=side, **style)
    return axes.plot([], [], color=QUIET, linewidth=3, solid_capstyle="butt", animated=True)[0]


def add_map(stage: Stage, axes: Axes, bounds: Bounds, sheet: Sheet) -> None:
    """Add one map to the stage, without districts: neighbours, borders, names, and dots for reported losses."""
    axes.axis("on")
    set_view(axes, stage.land, "country", bounds, SMALL)
    stage.maps.append(axes)
    stage.records.extend(axes.plot([], [], "o", markersize=4, animated=True, **RECORD))
    for lines in lines_of(stage.land, animated=True):
        stage.still.append(axes.add_collection(lines, autolim=False))
    names = name_places(axes, stage.land, sheet.map_width / GIF_DPI, THE_LINE, size=6.0)
    for name in names:
        name.set_animated(True)
    stage.still.extend(names)
    stage.beyond.append(add_overlay(axes))
    label = "beyond the record:\nsimulated only"
    corner: dict[str, Any] = {"x": 0.98, "y": 0.03, "ha": "right", "va": "bottom", "transform": axes.transAxes}
    stage.beyond.append(axes.text(s=label, fontsize=11, fontweight="bold", color=QUIET, zorder=9, **corner))


def add_overlay(axes: Axes) -> Artist:
    """Add a translucent white overlay to a map, shown after the end of the record, and return the overlay."""
    return axes.add_patch(Rectangle((0, 0), 1, 1, transform=axes.transAxes, color="white", alpha=FADED, zorder=8))


def draw_key(axes: Axes) -> None:
    """Draw the legend: colours of probabilities, dots for reported losses, and the line of the frontier."""
    shades = colours_of(np.linspace(0, 1, 130))[np.newaxis]
    axes.imshow(shades, extent=(EDGE, 270, 24, 38), aspect="auto", interpolation="nearest")
    axes.set(xlim=(0, axes.get_xlim()[1]), ylim=(0, KEY))
    style: dict[str, Any] = {"fontsize": SMALL, "linespacing": 1.25, "va": "center"}
    axes.text(EDGE, 48, "share of campaigns in which the Taliban hold it", **style)
    for share in (0, 50, 100):
        axes.text(EDGE + 2.6 * share, 14, f"{share} %", ha={0: "left", 50: "center", 100: "right"}[share], **style)
    axes.plot([390], [42], "o", markersize=4, **RECORD)
    axes.text(407, 42, "dated as lost by that evening\n(record, to 7 July)", **style)
    axes.plot([382, 400], [18, 18], color=INK, linewidth=2.0)
    axes.text(407, 18, "the Panj, border with Tajikistan", **style)


def show(stage: Stage, day: date, first: date) -> None:
    """Update the dots, the date and the progress bar for one day; after the end of the record, the dots are lighter."""
    colour = lighten(np.array(to_rgb(REPORTED)), fading_of(day))
    for record in stage.records:
        record.set(data=stage.land.centres[lost_in_record(day)].T, color=colour)
    stage.clock.set_text(format_day(day, year=True))
    stage.elapsed.set_data([date2num(first), date2num(day)], [5, 5])


def fading_of(day: date) -> float:
    """Return the degree to which the colours of a day's map are lightened, from 0 (not at all) to 1 (to white)."""
    return FADED if day > THE_LINE else 0.0


def lighten(colours: np.ndarray, share: float | np.ndarray) -> np.ndarray:
    """Return colours blended towards white; a share of 1 gives white."""
    return colours + (PAPER - colours) * share


def frames(film: Film, dpi: int) -> Iterator[np.ndarray]:
    """Yield the frame of each day as an RGB array, drawing static parts and district shapes only once."""
    stage = set_stage(film)
    stage.figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(stage.figure)
    ground = {beyond: draw_ground(stage, canvas, beyond) for beyond in (False, True)}
    fields = [draw_fields(stage, canvas, axes) for axes in stage.maps]
    above = draw_layer(stage, canvas, stage.still)
    for row, day in enumerate(film.evenings):
        show(stage, day, film.span[0])
        frame = ground[day > THE_LINE].copy()
        pixels = frame.reshape(-1, 3)
        for (seen, districts), probabilities in zip(fields, film.probabilities[:, row], strict=True):
            colours = np.rint(lighten(colours_of(probabilities), fading_of(day)) * 255).astype(np.uint8)
            pixels[seen] = colours[districts]
        for layer in (above, draw_layer(stage, canvas, stage.moving)):
            layer.cover(pixels)
        yield frame


def draw_ground(stage: Stage, canvas: FigureCanvasAgg, beyond: bool) -> np.ndarray:
    """Return the static parts below the districts as an RGB array.

    If `beyond` is true, include the parts that are shown only after the end of the record.
    """
    for part in stage.beyond:
        part.set_visible(beyond)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3].copy()


def draw_layer(stage: Stage, canvas: FigureCanvasAgg, parts: Sequence[Artist]) -> Layer:
    """Draw artists on a transparent canvas, and return a layer of the covered pixels."""
    canvas.get_renderer().clear()
    for part in parts:
        stage.figure.draw_artist(part)
    pixels = np.asarray(canvas.buffer_rgba()).reshape(-1, 4)
    seen = np.flatnonzero(pixels[:, 3])
    return Layer(seen, pixels[seen, :3].astype(np.float32), pixels[seen, 3:] / np.float32(255))


def draw_fields(stage: Stage, canvas: FigureCanvasAgg, axes: Axes) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the pixels of a map that show a district, and the row numbers of these districts.

    The pixels are found by drawing each district once, in a colour that encodes its row number.
    """
    numbers = np.arange(len(stage.land.districts))
    colours = np.column_stack([numbers // 256, numbers % 256, numbers * 0]) / 255
    districts = axes.add_collection(shapes_of(stage.land, facecolors=colours, antialiaseds=False, animated=True))
    layer = draw_layer(stage, canvas, [districts])
    districts.remove()
    return layer.seen, (layer.colours[:, :2] @ [256, 1]).astype(np.intp)


def write_gif(film: Film) -> Path:
    """Write all days as a looping GIF that pauses at the end of the record and on the last day; return its path."""
    name = f"{name_of(film)}.gif"
    palette = make_palette()
    first, *others = (
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames(film, GIF_DPI)
    )
    options: dict[str, Any] = {
        "append_images": others,
        "comment": provenance(film, f"figures/{name}").encode(),
        "duration": [duration_of(film, day) for day in film.evenings],
        "loop": 0,
        "optimize": True,  # store only the pixels that change between frames
    }
    return write_file(film.figures / name, lambda file: first.save(file, "GIF", save_all=True, **options))


def write_video(film: Film) -> Path:
    """Write all days as an MP4 video at twice the resolution of the GIF; return its path.

    Raise PanjError if ffmpeg fails.
    """
    path = film.figures / f"{name_of(film)}.mp4"
    try:
        return write_file(path, lambda file: record_video(film, path.name, file))
    except (CalledProcessError, BrokenPipeError) as error:
        raise PanjError(f"animate, formats: ffmpeg could not write {path} ({error}); try formats=gif") from error


def record_video(film: Film, name: str, file: Path) -> None:
    """Send every frame to ffmpeg, repeating those on which the animation pauses."""
    metadata = {"comment": provenance(film, f"figures/{name}")}
    writer = FFMpegWriter(fps=1000 // EVENING, metadata=metadata, extra_args=["-fflags", "+bitexact", "-f", "mp4"])
    pictures = frames(film, SHARP_DPI)
    first = next(pictures)
    height, width = first.shape[:2]
    page = Page(figsize=(width / SHARP_DPI, height / SHARP_DPI), dpi=SHARP_DPI)
    with writer.saving(page, str(file), SHARP_DPI):
        for day, page.picture in zip(film.evenings, chain([first], pictures), strict=True):
            for _ in range(duration_of(film, day) // EVENING):
                writer.grab_frame()


class Page(Figure):
    """Figure that passes finished pixels to matplotlib's video writer, which calls `savefig` for each frame."""

    picture: np.ndarray

    def savefig(self, fname: Any, **_: Any) -> None:
        """Write the pixels of `picture` unchanged as RGBA."""
        fname.write(Image.fromarray(self.picture).convert("RGBA").tobytes())


def write_frames(film: Film) -> Path:
    """Write every day as a PNG at twice the resolution of the GIF, and return the folder."""
    for day, frame in zip(film.evenings, frames(film, SHARP_DPI), strict=True):
        name = f"frames/{name_of(film)}_{day:%Y_%m_%d}.png"
        write_file(film.figures / name, partial(save_frame, frame, provenance(film, f"figures/{name}")))
    return film.figures / "frames"


def save_frame(frame: np.ndarray, stored: str, file: Path) -> None:
    """Save a frame as a PNG with the metadata `stored` in a text chunk."""
    text = PngInfo()
    text.add_text("panj", stored)
    Image.fromarray(frame).save(file, "PNG", pnginfo=text)


def make_palette() -> Image.Image:
    """Create the palette of the GIF: colours of districts and dots (plain and lightened), of lines and of text."""
    chance = np.linspace(0, 1, SHADES)
    shades = colours_of(chance)
    greys = np.linspace(0, 1, 40)[:, np.newaxis] * PAPER
    orange = np.linspace(to_rgb(REPORTED), PAPER, 12)[:-1]
    plain = np.concatenate([shades, orange])
    colours = np.concatenate([plain, lighten(plain, FADED), greys, [to_rgb(NEIGHBOURS)]])
    unique = np.unique(np.rint(colours * 255).astype(np.uint8), axis=0)[:UNCHANGED]
    image = Image.new("P", (1, 1))
    image.putpalette(unique.tobytes())
    return image


def duration_of(film: Film, day: date) -> int:
    """Return the duration of the frame of a day, in milliseconds."""
    return PAUSE if day in (THE_LINE, film.evenings[-1]) else EVENING


def name_of(film: Film) -> str:
    """Return the file name without suffix: `districts` for cell 0 alone, otherwise with the numbers of the cells.

    Examples are `districts_cell_3` and `districts_cells_0_3`.
    """
    if film.cells == [0]:
        return "districts"
    return f"districts_{'cell' if len(film.cells) == 1 else 'cells'}_{'_'.join(map(str, film.cells))}"


def provenance(film: Film, file: str) -> str:
    """Return the metadata, as JSON, from which a file can be redrawn in the folder of its study."""
    first, last = film.evenings[0].isoformat(), film.evenings[-1].isoformat()
    recipe = {"file": file, "cell": film.cells, "from": first, "to": last, "every": film.every}
    return stamp(film.studies[0].about, recipe)


WRITERS: dict[str, Callable[[Film], Path]] = {"gif": write_gif, "mp4": write_video, "png": write_frames}


def main(request: Animate) -> int:
    """Run `python -m sim animate`: write the animated map in every requested format, and return the exit code."""
    formats = writable(request.formats)
    study = open_study(request.folder)
    if note := study.note_on_choice(request.cell[0] if request.cell else None):
        print(note)
    cells = request.cell or study.default_cell.number
    film = make_film(request.folder, cells, request.first, request.last, request.every)
    for name in formats:
        print(f"{counted(len(film.evenings), 'evening')} in {WRITERS[name](film)}")
    return 0


def writable(formats: Sequence[str]) -> list[str]:
    """Return the requested formats that can be written; without ffmpeg, drop mp4 and print the reason.

    Raise PanjError if mp4 is the only format requested and ffmpeg is missing.
    """
    if "mp4" not in formats or shutil.which("ffmpeg"):
        return list(formats)
    if list(formats) == ["mp4"]:
        raise PanjError("animate, formats: found mp4 but no ffmpeg on the PATH, expected ffmpeg; try formats=gif")
    print("No mp4 is written because it needs ffmpeg, which is not on the PATH.")
    return [name for name in formats if name != "mp4"]
