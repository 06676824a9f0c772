"""Measure how time and memory grow with families, districts, campaigns and workers, and fit the exponents.

    python benchmarks/growth.py [quick]

An exponent is the slope of a straight line through the logarithms of what is *added* to the smallest case: a campaign
in which nobody flees, or a command of ten campaigns. Imports, day 0 and tables of fixed size would otherwise reduce the
slope. Cases that add less than a tenth to the smallest are shown but not fitted. Growth is called worse than linear if
the whole 95 % interval of its exponent is above 1.05; the exponent of the last step alone reveals a small quadratic
term next to a large linear one. Single-core work is measured in CPU time, which excludes other processes.
"""

import json
import math
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache, partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import MEASURED, in_turn, in_words, machine, ratios, run_code, spread, table
from sweeps import sweep
from tiling import tiled

from sim.configuration.compose import compose_settings
from sim.configuration.settings import Settings
from sim.engine.campaign import Campaign, Series, blank_record, run_campaign
from sim.engine.layout import fresh
from sim.engine.world import Count, World

ASK = """
import json, sys
sys.path.insert(0, "benchmarks")
import growth
print(json.dumps(getattr(growth, sys.argv[1])(*sys.argv[2:])))
"""
DAILY_SHARE = 0.005  # share of fully frightened people who leave per day: a million rows at one person per row
SPACE_OF_A_TILE = "rules.flight.rows=60000"  # multiplied by the number of tiles
ROOM = 2_000_000  # rows for families of one
LEAST = 0.1  # cases that add less than this share of the smallest case are not fitted
LINEAR = 1.05  # an exponent above this is worse than linear
MEGABYTE = 1024 if sys.platform != "darwin" else 1024**2  # a megabyte in units of ru_maxrss
REFUSED = "time, refused at every post"
TURNED_AWAY = (  # a closed border; the whole north flees to it and goes from post to post
    "border=closed", "rules.flight.frontier_share=1", "rules.flight.frontier_km=300", "rules.admission.tries=8",
    "rules.admission.next_post_km=300",
)  # fmt: skip
PIECE = 10  # campaigns per task of a worker
KINDS, PLACES = ("threads", "processes"), ("in a study", "without a study")
OF_DISTRICTS = {  # quantities measured per number of districts, with their units
    "campaign": "s", "campaign in which nobody flees": "s", "laying out": "s",
    "evenings of full rows on the road": "days", "peak beyond the program": "MB", "space of a campaign": "MB",
    "tables of ways between districts": "MB",
}  # fmt: skip
PANELS = {  # panels of the figure: label of the x axis, curves
    "families": ("rows of refugees", ("time", REFUSED, "peak memory")),
    "districts": ("districts", (*list(OF_DISTRICTS)[:3], "peak beyond the program")),
    "campaigns": ("campaigns of a command", ("time", "peak memory")),
    "workers": ("workers", tuple(f"{kind} {place}" for kind, place in product(KINDS, PLACES))),
}
NOT_FITTED = dict.fromkeys(("exponent", "low", "high", "factor", "fitted_from", "last_step"))


class Plan(NamedTuple):
    """Sizes and repeats of the measurements."""

    repeats: int
    commands: int  # repeats for commands and workers, which take longer
    people_per_row: tuple[int, ...]  # fewer people per row: more rows for the same people
    sides: tuple[int, ...]  # tiles along each side of the country
    campaigns: tuple[int, ...]  # campaigns per command; the largest is run once
    runs: int  # campaigns with one and with two workers


FULL = Plan(3, 2, (1000, 100, 32, 10, 3, 1), (1, 2, 4), (10, 100, 1_000, 10_000), 300)
QUICK = Plan(1, 1, (1000, 100, 10), (1, 2), (10, 30, 100), 40)


def peak() -> float:
    """Return the peak megabytes of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE


def run_one(settings: Settings, world: World, seed: int) -> Campaign:
    """Run one campaign in a reused world, as a worker does."""
    return run_campaign(settings.layout.world, settings.rules, settings.timeline, seed, settings.days, world)


def time_families(people_per_row: str, campaigns: str) -> dict[str, float]:
    """Measure rows of refugees, milliseconds per campaign and peak megabytes; `people_per_row` 0: nobody flees."""
    people, share = (int(people_per_row), DAILY_SHARE) if int(people_per_row) else (1000, 0.0)
    words = [f"rules.flight.people_per_row={people}", f"rules.flight.rows={ROOM // people + 1000}"]
    told = {}
    for name, changes in (("time", ()), (REFUSED, TURNED_AWAY)):
        settings = compose_settings([*MEASURED, *words, f"rules.flight.daily_share={share}", *changes])
        world = fresh(settings.layout.world)
        run_one(settings, world, 0)  # warm-up: loads the rules and touches the memory
        begun = time.process_time()
        rows = [run_one(settings, world, seed).world.tally[Count.REFUGEE_ROWS] for seed in range(int(campaigns))]
        told[name] = 1000 * (time.process_time() - begun) / int(campaigns)
        told.setdefault("peak memory", peak())
    return told | {"families": float(np.mean(rows))}


def time_tiles(side: str, campaigns: str) -> dict[str, float]:
    """Measure time and memory of a country of side x side tiles: layout, a campaign, and one in which nobody flees."""
    settings, program = compose_settings([*MEASURED, SPACE_OF_A_TILE]), peak()
    begun = time.process_time()
    layout, rules, timeline = tiled(settings, int(side))
    laid_out = time.process_time() - begun
    world, roads = fresh(layout.world), layout.world.roads
    run_campaign(layout.world, rules, timeline, 0, 1, world)  # warm-up: loads the rules
    calm = rules._replace(flight=rules.flight._replace(daily_share=0.0))
    spent, on_the_road = {calm: 0.0, rules: 0.0}, 0
    for seed, numbers in product(range(int(campaigns)), spent):
        begun = time.process_time()
        ended = run_campaign(layout.world, numbers, timeline, seed, settings.days, world)
        spent[numbers] += (time.process_time() - begun) / int(campaigns)
        on_the_road += int(ended.record.series[:, Series.PEOPLE_ON_THE_ROAD].sum() / numbers.flight.people_per_row)
    return {
        "districts": float(world.districts.holder.size),
        "campaign": spent[rules],
        "campaign in which nobody flees": spent[calm],
        "laying out": laid_out,
        "evenings of full rows on the road": on_the_road / int(campaigns),
        "peak beyond the program": peak() - program,
        "space of a campaign": space_of(world, settings.days) / 2**20,
        "tables of ways between districts": (roads.between.nbytes + roads.onward.nbytes) / 2**20,
    }


def space_of(world: World, days: int) -> int:
    """Return the bytes of the arrays that a campaign writes and of its record, without the roads, which are shared."""
    written = [group for group in world if group is not world.roads]
    groups = [*written, blank_record(world, days)]
    return sum(np.asarray(trait).nbytes for group in groups for trait in group)


@cache
def settled() -> Settings:
    """Return the settings of a worker, composed only once, after loading the rules."""
    settings = compose_settings(MEASURED)
    run_campaign(settings.layout.world, settings.rules, settings.timeline, 0, 1)
    return settings


def run_seeds(seeds: Sequence[int]) -> None:
    """Run campaigns one after the other and discard their results."""
    world = fresh(settled().layout.world)
    for seed in seeds:
        run_one(settled(), world, seed)


def be_ready(meeting: Any) -> None:
    """Prepare a worker, and wait until all workers are ready."""
    settled()
    meeting.wait()


def time_without_study(kind: str, workers: str, campaigns: str) -> float:
    """Measure milliseconds per campaign outside a study, with workers that are already started."""
    pieces = [range(first, first + PIECE) for first in range(0, int(campaigns), PIECE)]
    with bare_workers(kind, int(workers)) as pool:
        list(pool.map(len, pieces[: int(workers)]))  # start all workers before timing
        begun = time.perf_counter()
        list(pool.map(run_seeds, pieces))
        return 1000 * (time.perf_counter() - begun) / int(campaigns)


def bare_workers(kind: str, workers: int) -> Executor:
    """Create a pool of threads or processes that wait for each other before they begin."""
    if kind == "threads":
        settled()
        return ThreadPoolExecutor(workers, initializer=be_ready, initargs=(threading.Barrier(workers),))
    spawn = get_context("spawn")
    return ProcessPoolExecutor(workers, spawn, initializer=be_ready, initargs=(spawn.Barrier(workers),))


def measure(quick: bool = False) -> dict[str, Any]:
    """Measure growth in four directions; return by name the measurements at each size and the fitted power law."""
    plan = QUICK if quick else FULL
    command("runs=1")  # warm-up: compiles
    return {
        "machine": machine(),
        "plan": plan._asdict(),
        "families": measure_families(plan),
        "districts": measure_districts(plan),
        "campaigns": measure_campaigns(plan),
        "workers": measure_workers(plan),
    }


def measure_families(plan: Plan) -> dict[str, Any]:
    """Measure time and memory of one campaign by rows of refugees, beyond those of one in which nobody flees."""
    campaigns = 1 if plan.repeats == 1 else 2
    ways: dict[int, Any] = {
        people: partial(ask, "time_families", people, campaigns) for people in (0, *plan.people_per_row)
    }
    told = in_turn(ways, plan.repeats)
    calm = told.pop(0)
    x = [runs[0]["families"] for runs in told.values()]
    units = {"time": "ms", REFUSED: "ms", "peak memory": "MB"}
    return {
        name: growth(unit, x, column(told, name), (0.0, middle([run[name] for run in calm])))
        for name, unit in units.items()
    }


def measure_districts(plan: Plan) -> dict[str, Any]:
    """Measure growth with the number of districts; nothing is subtracted, as there is no case without districts."""
    campaigns = {1: 6, 2: 2, 4: 1}
    told = in_turn({side: partial(ask, "time_tiles", side, campaigns[side]) for side in plan.sides}, plan.repeats)
    x = [runs[0]["districts"] for runs in told.values()]
    return {name: growth(unit, x, column(told, name)) for name, unit in OF_DISTRICTS.items()}


def measure_campaigns(plan: Plan) -> dict[str, Any]:
    """Measure time and memory of the command by number of campaigns, beyond the case with the fewest."""
    *often, once = plan.campaigns
    told = in_turn({count: partial(command, f"runs={count}") for count in often}, plan.commands)
    told[once] = [command(f"runs={once}")]
    x = [float(count) for count in plan.campaigns]
    columns = {("time", "s"): column(told, "seconds"), ("peak memory", "MB"): column(told, "megabytes")}
    return {name: growth(unit, x, y, (x[0], middle(y[0]))) for (name, unit), y in columns.items()}


def measure_workers(plan: Plan) -> dict[str, Any]:
    """Measure milliseconds per campaign with one and two workers, in a study and without, and memory of the study."""
    ways: dict[Any, Callable[[], Any]] = {}
    for kind, workers in product(KINDS, (1, 2)):
        words = f"runs={plan.runs}", f"executor={kind}", f"executor.workers={workers}"
        ways[kind, PLACES[0], workers] = partial(command, *words)
        ways[kind, PLACES[1], workers] = partial(ask, "time_without_study", kind, workers, plan.runs, one_core=False)
    told = in_turn(ways, plan.commands)
    measured = {}
    for kind in KINDS:
        study, bare = ({workers: told[kind, place, workers] for workers in (1, 2)} for place in PLACES)
        milliseconds = [[1000 * lived / plan.runs for lived in runs] for runs in column(study, "lived")]
        for name, unit, y in (
            (f"{kind} {PLACES[0]}", "ms", milliseconds),
            (f"{kind} {PLACES[1]}", "ms", list(bare.values())),
            (f"{kind}: peak memory", "MB", column(study, "megabytes")),
        ):
            measured[name] = growth(unit, [1.0, 2.0], y)
    return measured


def ask(deed: str, *words: object, one_core: bool = True) -> Any:
    """Run a function of this module in a separate process and return its result."""
    return run_code(ASK, deed, *words, one_core=one_core)


def command(*words: str) -> dict[str, float]:
    """Measure the seconds of a command and of its campaigns, and the peak megabytes of its process."""
    with tempfile.TemporaryDirectory() as folder:
        return sweep(folder, *words)._asdict()


def column(told: Mapping[Any, Sequence[Mapping[str, float]]], name: str) -> list[list[float]]:
    """Return one quantity of every run, grouped by size."""
    return [[run[name] for run in runs] for runs in told.values()]


def middle(values: Sequence[float]) -> float:
    """Return the median of some values."""
    return float(np.median(values))


def growth(
    unit: str, x: Sequence[float], y: Sequence[Sequence[float]], start: tuple[float, float] = (0.0, 0.0)
) -> dict[str, Any]:
    """Collect measurements by size, and the power law fitted to what they add to `start`."""
    return {"unit": unit, "x": list(x), "y": [spread(runs) for runs in y], "start": list(start), **law(x, y, *start)}


def law(x: Sequence[float], y: Sequence[Sequence[float]], x0: float, y0: float) -> dict[str, Any]:
    """Fit a power law: exponent with 95 % interval, factor, smallest fitted size, and exponent of the last step."""
    points = np.array([
        (size - x0, value - y0)
        for size, runs in zip(x, y, strict=True)
        if size > x0 and middle(runs) > (1 + LEAST) * y0
        for value in runs
        if value > y0
    ]).reshape(-1, 2)  # fmt: skip
    sizes = np.unique(points[:, 0])
    if sizes.size < 2:
        return dict(NOT_FITTED)
    exponent, low, high, factor = slope(points)
    return {
        "exponent": exponent,
        "low": low,
        "high": high,
        "factor": factor,
        "fitted_from": float(sizes[0] + x0),
        "last_step": slope(points[points[:, 0] >= sizes[-2]])[0],
    }


def slope(points: np.ndarray) -> tuple[float, float | None, float | None, float]:
    """Fit a line through logarithms (Theil-Sen, robust to one slow run).

    Returns:
        The slope, the ends of its 95 % interval (None for two points), and the value at 1.
    """
    from scipy.stats import theilslopes  # imported here, so that it is not part of the measured memory

    line = theilslopes(np.log(points[:, 1]), np.log(points[:, 0]))
    low, high = (float(line.low_slope), float(line.high_slope)) if len(points) > 2 else (None, None)
    return float(line.slope), low, high, math.exp(line.intercept)


def is_worse_than_linear(grown: Mapping[str, Any]) -> bool:
    """Return whether growth is worse than linear: whether the whole interval of the exponent is above 1.05.

    If there is no interval, the exponent itself is compared.
    """
    least = grown["exponent"] if grown["low"] is None else grown["low"]
    return least is not None and least > LINEAR


def report(measured: Mapping[str, Any]) -> str:
    """Write the section as Markdown."""
    families = measured["families"]
    calm = ", ".join(f"{grown['start'][1]:.3g} {grown['unit']} ({name})" for name, grown in families.items())
    return "\n\n".join([
        "## Growth",
        f"Exponents of the increase over the smallest case, with 95 % intervals. {say_machine(measured)}",
        f"**{say_worse(measured)}** Worse than linear: the whole interval of the exponent is above {LINEAR}.",
        "### By families",
        *tables("rows of refugees", families),
        "One campaign on one core, processor time. The same people travel in more and more rows; `daily_share` is "
        f"{DAILY_SHARE} instead of 0.0025, so that there are a million rows with one person per row. The fit is to the "
        f"increase over a campaign in which nobody flees: {calm}. Refused at every post: the border is closed, and all "
        "who live within 300 km of a post go there and then from one post to the next.",
        "### By districts",
        *tables("districts", measured["districts"]),
        "The map next to its mirror images, processor time; men, spearheads, commandos and space grow with it. There "
        "is one capital city, so families in a larger country are on the road for longer: their days are listed. "
        "Tables of distances have districts x districts cells by design: a column may march from any district to any "
        "district of the next province, so a rule may need the distance between any two; they are filled once for all "
        "campaigns of a country.",
        "### By campaigns",
        *tables("campaigns", measured["campaigns"]),
        "The command itself on all cores, with tables, figures and report; fitted to the increase over the smallest "
        "case.",
        "### By workers",
        table_of_workers(measured["workers"]),
        "Campaigns per second: in a study while they are run and recorded, including the start of processes; without "
        "a study, by workers that are ready. Memory is that of the largest process.",
    ])  # fmt: skip


def tables(sizes: str, section: Mapping[str, Any]) -> Iterator[str]:
    """Yield the table of the measurements by size, and that of the exponents."""
    x = next(iter(section.values()))["x"]
    yield table(
        [sizes, *(f"{name} ({grown['unit']})" for name, grown in section.items())],
        [
            [f"{size:,.0f}", *(in_words(grown["y"][place]) for grown in section.values())]
            for place, size in enumerate(x)
        ],
    )
    yield table(
        ["what grows", "exponent (95 %)", "of the last step", "fitted from"],
        [
            [name, say_exponent(grown), say(grown["last_step"]), say(grown["fitted_from"], ",.0f")]
            for name, grown in section.items()
        ],
    )


def table_of_workers(section: Mapping[str, Any]) -> str:
    """Write the table of campaigns per second and memory with one worker and with two."""
    rows = []
    for name, grown in section.items():
        one, two = (each["all"] for each in grown["y"])
        if grown["unit"] == "MB":
            rows.append([f"{name} (MB)", *map(in_words, grown["y"]), in_words(ratios(two, one))])
        else:
            a_second = ([1000 / each for each in runs] for runs in (one, two))
            rows.append([name, *(in_words(spread(runs)) for runs in a_second), in_words(ratios(one, two))])
    return table(["campaigns per second", "1 worker", "2 workers", "2 over 1"], rows)


def say_worse(measured: Mapping[str, Any]) -> str:
    """Name the costs that grow worse than linearly."""
    worse = [
        f"{name} by {section} ({say_exponent(grown)})"
        for section in ("families", "districts", "campaigns")
        for name, grown in measured[section].items()
        if is_worse_than_linear(grown) and grown["unit"] != "days"
    ]
    return f"Worse than linear: {'; '.join(worse) or 'nothing'}."


def say_exponent(grown: Mapping[str, Any]) -> str:
    """Format an exponent with its interval, such as `1.02 (0.98 to 1.06)`."""
    if grown["exponent"] is None:
        return f"adds less than {LEAST:.0%}"
    return say(grown["exponent"]) + (
        f" ({say(grown['low'])} to {say(grown['high'])})" if grown["low"] is not None else ""
    )


def say(number: float | None, form: str = ".2f") -> str:
    """Format a number; empty for None."""
    return "" if number is None else format(number, form)


def say_machine(measured: Mapping[str, Any]) -> str:
    """State the number of repeats, and describe the machine."""
    on, plan = measured["machine"], measured["plan"]
    often = "Measured once"
    if plan["repeats"] > 1:
        often = f"Measured {plan['repeats']} times alternately, commands {plan['commands']} times, the largest once"
    return f"{often}; {on['processor']}, {on['cores']} cores, {on['memory']}, Python {on['python']}."


def draw(measured: Mapping[str, Any], path: Path) -> None:
    """Draw four panels, each relative to its smallest case, with the fitted laws and a line of slope 1."""
    import matplotlib as mpl

    from sim.plots.charts import new_figure, save_chart
    from sim.plots.style import STYLE

    caption = (
        "Logarithmic axes; 1 is the smallest case (by families: nobody flees). Numbers are exponents, lines are fitted "
        "to what is added to the smallest case, dotted ones are proportional. By workers: time a campaign. "
        f"{say_machine(measured)}"
    )
    with mpl.rc_context(STYLE):
        figure = new_figure(7.4)
        for axes, (name, (label, drawn)) in zip(figure.subplots(2, 2).flat, PANELS.items(), strict=True):
            draw_panel(axes, {each: measured[name][each] for each in drawn})
            axes.set(title=f"By {name}", xlabel=label)
        save_chart(figure, path, "Growth of time and memory", caption, {})


def draw_panel(axes: Any, section: Mapping[str, Any]) -> None:
    """Draw points labelled with exponents, fitted lines, and a line of proportional growth."""
    from sim.plots.colours import QUIET, REPORTED, SECOND, SIMULATED

    looks = ((SIMULATED, "o"), (REPORTED, "s"), (SECOND, "^"), (QUIET, "D"))
    for (name, grown), (colour, mark) in zip(section.items(), looks, strict=False):
        whole = grown["start"][1] or grown["y"][0]["median"]
        heights = [each["median"] / whole for each in grown["y"]]
        axes.plot(grown["x"], heights, mark, color=colour, markersize=4.5, label=f"{name}: {label_of(grown)}")
        if grown["exponent"] is not None:
            axes.plot(*fitted_line(grown, whole), color=colour, linewidth=1.2)
    axes.set(xscale="log", yscale="log")
    draw_proportion(axes, next(iter(section.values())))
    set_ticks(axes, grown["x"])
    axes.legend(loc="upper left", fontsize=8, handletextpad=0.2, borderaxespad=0.1, labelspacing=0.3)


def label_of(grown: Mapping[str, Any]) -> str:
    """Format the exponent for the legend, or state that none was fitted."""
    return say(grown["exponent"]) or f"under {LEAST:.0%}"


def fitted_line(grown: Mapping[str, Any], whole: float) -> tuple[np.ndarray, np.ndarray]:
    """Return points of the fitted law relative to the smallest case, over the measured sizes."""
    x0, y0 = grown["start"]
    x = np.geomspace(grown["x"][0], grown["x"][-1], 60)
    x = x[x > x0]
    return x, (y0 + grown["factor"] * (x - x0) ** grown["exponent"]) / whole


def draw_proportion(axes: Any, first: Mapping[str, Any]) -> None:
    """Draw a line of slope 1 (workers: -1) through the first point of a series, or its last if a part is fixed."""
    from sim.plots.colours import INK

    x, whole = np.array(first["x"]), first["start"][1] or first["y"][0]["median"]
    rise = (x / x[0]) ** (-1.0 if x[-1] == 2 else 1.0)
    line = rise if first["start"][1] == 0 else rise / rise[-1] * first["y"][-1]["median"] / whole
    low, high = axes.get_ylim()
    low = min(low, line[-1] * 0.9)
    axes.plot(x, line, ":", color=INK, linewidth=1.0, zorder=1)
    axes.set_ylim(low, high * (high / low) ** 0.42)  # room for the legend


def set_ticks(axes: Any, sizes: Sequence[float]) -> None:
    """Label both axes with plain numbers: sizes, or powers of ten if there are many; y at 1, 2 and 5, or tens."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.set_ylabel("times the smallest case")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high / low < 200 else (1.0,)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    if len(sizes) < 4:
        axes.set_xticks(sizes)
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())


def main() -> None:
    """Print the section, and write its numbers and figure to the working directory."""
    measured = measure(sys.argv[1:] == ["quick"])
    Path("growth.json").write_text(json.dumps(measured, indent=1), encoding="utf-8")
    draw(measured, Path("growth.png"))
    print(report(measured))


if __name__ == "__main__":
    main()
