"""Describe a hindcast in sentences and tables, and write its page.

This module computes no scores or intervals; it reads them from the tables and only counts rows.

Reads   the tables and about.json that `sim.hindcast.hindcast` wrote, and the figures.
Writes  report.html in the same folder.
"""

import json
from datetime import date
from pathlib import Path

from rich.table import Table

from sim.data.record import evidence
from sim.hindcast.design import FORECASTS, GROWTH, MAPS, MIXTURE, PANJ, TABLES, TARGETS
from sim.hindcast.figures import RIVALS, SHORT, Made, describe_hindcast, draw_hindcast, name_of, read_hindcast
from sim.plots.captions import true_minus
from sim.plots.page import TableBlock, as_text, make_source, read_picture, template_of
from sim.plots.tables import Row, new_table, print_results
from sim.study.files import write_file
from sim.wording import format_short_day, list_words, significant, span, with_range

FIGURES = {  # heading and explanation of each file
    "fans.png": ("From each origin", "Panj, and exponential growth; the record in orange."),
    "skill.png": ("Panj minus another forecast", "Below the line Panj is better, above it worse."),
    "reliability.png": (
        "Probabilities of districts",
        "Forecast probabilities of loss, and how often districts were lost.",
    ),
}
LETTERS = 132  # line width in characters if the output is not a terminal
SOURCES = ("F001", "F029", "F033", "F035", "F036", "F039")  # evidence on crossings by night
PROVENANCE = {  # label on the page of each key of about.json
    "command": "Command", "repeats": "Runs of the sampler per origin", "worlds": "Worlds per run", "seed": "Seed",
    "seconds": "Seconds",
    "commit": "Version of the code", "data_fingerprint": "Fingerprint of the data",
    "rules_fingerprint": "Fingerprint of the rules", "settings_fingerprint": "Fingerprint of the settings",
}  # fmt: skip


def show_hindcast(folder: Path) -> int:
    """Draw the figures and the page of a hindcast, and print its findings.

    Args:
        folder: The folder written by `sim.hindcast.hindcast`.

    Returns:
        The exit code, which is always 0, whatever the scores.

    Raises:
        PanjError: A file is missing or malformed.
    """
    pictures = draw_hindcast(folder)
    made = read_hindcast(folder)
    page = write_page_of_hindcast(made)
    written = [*(folder / f"{name}.csv" for name in TABLES), *pictures, folder / "hubverse", page]
    tables = (
        table_of_means(made, "crps_log", "CRPS of log(1 + number)"),
        table_of_means(made, "brier", "Brier score of maps"),
    )
    return print_results([*tables, *findings(made)], written, f"open {page}", LETTERS)


def write_page_of_hindcast(made: Made) -> Path:
    """Write the page of a hindcast to report.html.

    Args:
        made: The hindcast, with its figures drawn.

    Returns:
        The path of the page.
    """
    about, counts = made.about, {name: target.about for name, target in TARGETS.items()}
    page = template_of("hindcast.html").render(
        about={"study": "hindcast", "scenario": "what could have been said"},
        heading="Hindcasts: what could have been said, and when",
        campaigns=describe_hindcast(made),
        short=findings(made),
        forecasts={name_of(name): meant for name, meant in FORECASTS.items()},
        differences={meant: table_of_differences(made, name) for name, meant in (counts | MAPS).items()},
        origins={meant: table_of_origins(made, name) for name, meant in counts.items()},
        coverage=table_of_coverage(made),
        worlds=table_of_worlds(made),
        figures={name: read_picture(made.folder / name, *words) for name, words in FIGURES.items()},
        sources=[make_source(evidence()[one]) for one in SOURCES],
        provenance={label: str(about[key]) for key, label in PROVENANCE.items()},
        versions=as_text(about["versions"]),
        files=[f"{name}.csv" for name in TABLES],
        settings=json.dumps(about, indent=1),
        settings_from="about.json",
    )  # fmt: skip
    return write_file(made.folder / "report.html", page)


def findings(made: Made) -> list[str]:
    """Return sentences on how Panj compares with the other forecasts, and on the coverage of its intervals.

    Args:
        made: The hindcast.

    Returns:
        A warning if an origin has too few distinct worlds; how often Panj was worse, and better, than each other
        forecast, for counts and for maps; and the coverage of the intervals of Panj.
    """
    scores = ((TARGETS, "crps_log", "CRPS of log counts"), (MAPS, "brier", "Brier score of maps"))
    compared = [line for targets, *score in scores for line in against(made, list(targets), *score)]
    return [*warn_of_few_worlds(made), *compared, describe_coverage(made)]


def warn_of_few_worlds(made: Made) -> list[str]:
    """Return a list with one warning about origins with too few distinct worlds; empty if there are none."""
    distinct, floor = made.about["distinct_lasting_draws"], made.about["floor"]
    few = [short_day(day) for day in made.about["origins"] if distinct[day] < floor]
    if not few:
        return []
    return [
        f"At {len(few)} of {len(distinct)} origins ({list_words(few)}) the worlds have fewer than {floor} distinct "
        "sets of lasting draws: the forecasts of Panj are too certain there, and their scores partly reflect the small "
        "sample. More runs of the sampler help, or more worlds: repeats=, worlds="
    ]


def against(made: Made, targets: list[str], score: str, what: str) -> list[str]:
    """Return two sentences on how often Panj was worse, and better, than each other forecast.

    Args:
        made: The hindcast.
        targets: Targets whose scores are compared; each is counted once per horizon.
        score: Name of the score in differences.csv.
        what: Name of the score for readers.
    """
    every = [row for row in made.rows("differences", score=score, forecast=PANJ) if row["target"] in targets]
    by_rival = {name: [row for row in every if row["rival"] == name] for name in RIVALS}
    found = {name_of(name): rows for name, rows in by_rival.items() if rows}
    worse = [f"{name} in {tally(rows, 'low_90', 1)}" for name, rows in found.items()]
    better = [f"{name} in {tally(rows, 'high_90', -1)}" for name, rows in found.items()]
    count = max(map(len, found.values()))
    return [
        f"{what}, {count} targets and horizons: Panj is worse than {list_words(worse)} (in brackets: where the whole "
        "90 % interval of the difference agrees).",
        f"{what}: Panj is better than {list_words(better)}.",
    ]


def tally(rows: list[Row], end: str, sign: int) -> str:
    """Count the differences with a given sign, and those with an interval of only that sign, as `13 (6)`.

    Args:
        rows: Rows of differences.csv.
        end: Column with the end of the interval nearer to zero: the lower end if `sign` is 1, the upper end if it is
            -1.
        sign: 1 for positive differences, -1 for negative ones.
    """
    some = sum(sign * float(row["difference"]) > 0 for row in rows)
    return f"{some} ({sum(sign * float(row[end] or 'nan') > 0 for row in rows)})"


def table_of_means(made: Made, score: str, title: str) -> Table:
    """Return the table of the mean score of every forecast, with one row per target and horizon."""
    rows = made.rows("differences", score=score, forecast=PANJ)
    rivals = [name for name in RIVALS if any(row["rival"] == name for row in rows)]
    table = new_table(
        title, "Mean over origins; lower is better. A hindcast: the rules were written by people who knew these weeks.",
        "target", ("origins", "Panj", *(name_of(name) for name in rivals)),
    )  # fmt: skip
    for target, horizon in dict.fromkeys((row["target"], row["horizon"]) for row in rows):
        here = {row["rival"]: row for row in rows if (row["target"], row["horizon"]) == (target, horizon)}
        any_one = here[rivals[0]]
        means = [number(here[name]["mean_rival"]) if name in here else "" for name in rivals]
        table.add_row(f"{SHORT[target]}, {horizon} d", any_one["origins"], number(any_one["mean"]), *means)
    return table


def describe_coverage(made: Made) -> str:
    """Return a sentence on how often the 50 % and the 90 % intervals of Panj contained the record, by target."""
    held = []
    for target in TARGETS:
        (inside_50, _), (inside_90, count) = (count_inside(made, target, level) for level in (50, 90))
        held.append(f"{SHORT[target]} {inside_50} and {inside_90} of {count}")
    return f"Over all origins and horizons, the 50 and 90 % intervals of Panj contained the record: {list_words(held)}."


def count_inside(made: Made, target: str, level: int) -> tuple[int, int]:
    """Return how many intervals of Panj at a level (50 or 90 %) contained the record, and how many there are."""
    rows = made.rows("counts", forecast=PANJ, target=target)
    return sum(int(row[f"inside_{level}"]) for row in rows), len(rows)


def number(cell: str) -> str:
    """Format a table cell to three significant figures, with the integer part unrounded; empty cells stay empty."""
    return true_minus(significant(float(cell))) if cell else ""


def score_of(target: str) -> str:
    """Return the name of the score by which forecasts of a target are compared."""
    return "brier" if target in MAPS else "crps_log"


def table_of_differences(made: Made, target: str) -> TableBlock:
    """Return the table of one target: mean scores of forecasts by horizon, with the difference of Panj from each."""
    score, horizons = score_of(target), made.about["horizons"]
    found: dict[tuple[str, str], Row] = {}
    for row in made.rows("differences", target=target, score=score, forecast=PANJ):
        found[row["rival"], row["horizon"]] = row
    rivals = [name for name in RIVALS if any(key[0] == name for key in found)]
    ours = [number(next((found[name, str(one)]["mean"] for name in rivals if (name, str(one)) in found), ""))
            for one in horizons]  # fmt: skip
    rows = [["Panj", *ours]]
    rows += [[name_of(name), *(difference_in_words(found.get((name, str(one)))) for one in horizons)]
             for name in rivals]  # fmt: skip
    return TableBlock("differences.csv", ["Forecast", *(f"{one} d" for one in horizons)], rows, 0)


def difference_in_words(row: Row | None) -> str:
    """Format the mean score of a forecast with the difference of Panj from it; empty if `row` is None."""
    if row is None:
        return ""
    apart = number(row["difference"])
    ends = f", {span(number(row['low_90']), number(row['high_90']))}" if row["low_90"] else ""
    return f"{number(row['mean_rival'])} ({apart}{ends}; worse at {row['worse']} of {row['origins']})"


def table_of_origins(made: Made, target: str) -> TableBlock:
    """Return the table of one target: the record, forecasts and their scores by origin and horizon."""
    names = (PANJ, GROWTH, MIXTURE)
    found = {(row["origin"], row["horizon"], row["forecast"]): row for row in made.rows("counts", target=target)}
    keys = list(dict.fromkeys((origin, horizon) for origin, horizon, _ in found))
    rows = []
    for origin, horizon in keys:
        some = [found[origin, horizon, name] for name in names]
        said = [with_range(*(number(row[key]) for key in ("median", "low_90", "high_90"))) for row in some[:2]]
        scores = " / ".join(number(row["crps"]) for row in some)
        rows.append([short_day(origin), f"{horizon} d", number(some[0]["reported"]), *said, scores])
    columns = ["Origin", "Ahead", "Record", "Panj: median (90 %)", "Exponential growth",
               "CRPS: Panj / growth / mixture"]  # fmt: skip
    return TableBlock("counts.csv", columns, rows, 0)


def short_day(text: str) -> str:
    """Format an ISO date as `22 June`."""
    return format_short_day(date.fromisoformat(text))


def table_of_coverage(made: Made) -> TableBlock:
    """Return the table of interval coverage of Panj and of exponential growth, with one row per target and horizon."""
    rows = [
        [SHORT[target], f"{horizon} d", row["origins"],
         *(f"{float(one[key]):.2f}" for one in (row, other) for key in ("coverage_50", "coverage_90"))]
        for target in TARGETS for horizon in made.about["horizons"]
        for row in made.rows("coverage", target=target, horizon=horizon, forecast=PANJ)
        for other in made.rows("coverage", target=target, horizon=horizon, forecast=GROWTH)
    ]  # fmt: skip
    columns = ["Target", "Ahead", "Origins", "Panj: coverage, 50 %", "90 %", "Exponential growth: 50 %", "90 %"]
    return TableBlock("coverage.csv", columns, rows, 0)


def table_of_worlds(made: Made) -> TableBlock:
    """Return the table of worlds by origin: numbers of worlds and of distinct worlds, and log evidence."""
    about = made.about
    rows = [
        [short_day(day), short_day(about["until"][day]), f"{about['campaigns'][day][PANJ]:,}",
         f"{about['distinct_lasting_draws'][day]:,}", f"{about['ancestors'][day]:,}",
         true_minus(significant(about["log_evidence"][day]))]
        for day in about["origins"]
    ]  # fmt: skip
    columns = ["Origin", "Last day conditioned on", "Worlds", "Distinct sets of lasting draws",
               "Worlds of the prior they descend from", "Log evidence"]  # fmt: skip
    return TableBlock("", columns, rows, 0)
