"""A score as tables in the terminal: targets, forecasts beside each other, districts of the north-east, posts, events.

Reads   score.csv, score_districts.csv, score_forecasts.csv, score_split.csv and score.json, which `sim.study.score`
        wrote; nothing is computed here.
"""

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from sim.errors import PanjError
from sim.show.score_figure import by_event, draw_scores, say

WIDTH = 132  # letters, where there is no terminal
FILES = ("score.csv", "score_districts.csv", "score_forecasts.csv", "score_split.csv", "score.json")
Row = dict[str, str]


class Scores(NamedTuple):
    """A score as it lies on disk."""

    folder: Path
    about: dict[str, Any]
    targets: list[Row]
    forecasts: list[Row]
    split: list[Row]

    @property
    def others(self) -> list[str]:
        """The forecasts beside Panj."""
        return [one["name"] for one in self.about["forecasts"][1:]]


def read_scores(folder: Path) -> Scores:
    """The files of a score; PanjError where one is missing or is something else."""
    try:
        about = dict(json.loads((folder / "score.json").read_text(encoding="utf-8")))
        tables = [rows_of(folder / name) for name in ("score.csv", "score_forecasts.csv", "score_split.csv")]
        if not tables[0]:
            raise ValueError("no rows in score.csv")
        return Scores(folder, about, *tables)
    except OSError as error:
        raise PanjError(f"{error.filename}: cannot be read; python -m sim score writes it") from None
    except ValueError as error:
        raise PanjError(
            f"{folder}: found something else ({error}), expected the files of python -m sim score"
        ) from None


def rows_of(path: Path) -> list[Row]:
    """The rows of a table by column."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main(folder: Path) -> int:
    """Show, draw, and say what to do next; 0 whatever the score."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False, markup=False)
    scores = read_scores(folder)
    for table in (targets_table(scores), forecasts_table(scores), districts_table(scores), split_table(scores)):
        console.print(table)
    for line in sentences(scores):
        console.print(line, soft_wrap=True)
    picture = draw_scores(folder, scores.targets, scores.about)
    console.print("Written:")
    for path in (*(folder / name for name in FILES), picture):
        console.print(f"  {path}", soft_wrap=True)
    console.print(f"Next: open {picture}; or score a decision: python -m sim score border=closed", soft_wrap=True)
    return 0


def title_of(scores: Scores) -> str:
    """How many campaigns, with which seeds, how far to trust them."""
    about = scores.about
    label = f", {about['label']}" if about["label"] else ""
    return (f"{about['study']}{label}: {about['campaigns']:,} campaigns, seeds {about['first_seed']} to "
            f"{about['last_seed']}, {about['calibration']}")  # fmt: skip


def new_table(title: str, caption: str) -> Table:
    """A table with its title and caption at the left."""
    return Table(title=title, caption=caption, title_justify="left", caption_justify="left", pad_edge=False)


def add_numbers(table: Table, names: Sequence[str]) -> None:
    """Columns of numbers."""
    for name in names:
        table.add_column(name, justify="right", overflow="fold")


def targets_table(scores: Scores) -> Table:
    """Every target, by event."""
    table = new_table(
        f"Reported and simulated. {title_of(scores)}",
        "Inside: the number reported, or some of its range, lies in the 90 % interval; (yes): only with the error of "
        "observation. CRPS: lower is better, in the unit of the outcome (log targets: of the logarithm), ± one Monte "
        "Carlo error. * fitted later, the others only scored.",
    )
    table.add_column("target", no_wrap=True)
    add_numbers(table, ("reported", "median", "50 %", "90 %"))
    table.add_column("inside")
    add_numbers(table, ("CRPS",))
    for event, rows in by_event(scores.targets):
        table.add_row(event.replace("_", " "), style="bold")
        for row in rows:
            mark = " *" if row["use"] == "fitted" else ""
            table.add_row(
                f"  {row['target']}{mark}", say_reported(row), say(row["median"]), say_range(row, 50),
                say_range(row, 90), say_inside(row), say_score(row["crps"], row["crps_error"]),
            )  # fmt: skip
    return table


def forecasts_table(scores: Scores) -> Table:
    """The CRPS of Panj and of every other forecast, target by target."""
    late = "; ".join(f"{one['name']}: {one['about']} (knows {one['knows']})" for one in scores.about["forecasts"][1:])
    table = new_table(
        f"CRPS beside other forecasts. {title_of(scores)}",
        f"Lower is better; empty: it says nothing of the target, or was told. {late}. Naive forecasts are fitted to "
        "counts up to 22 June; before that day they are no forecasts.",
    )
    table.add_column("target", no_wrap=True)
    add_numbers(table, ("panj", *(name.replace("_", " ") for name in scores.others)))
    for row in (row for _, rows in by_event(scores.targets) for row in rows):
        if any(row[name] for name in scores.others):
            table.add_row(row["target"], *(say(row[name]) for name in ("crps", *scores.others)))
    return table


def districts_table(scores: Scores) -> Table:
    """Dates and chances over the districts of the north-east."""
    keys = (
        "absolute_error_days",
        "days_late",
        "brier_2021_06_22",
        "auc_2021_06_22",
        "brier_2021_07_05",
        "auc_2021_07_05",
    )
    known = scores.forecasts[0] if scores.forecasts else dict.fromkeys(
        ("dated", "known_2021_06_22", "lost_2021_06_22", "known_2021_07_05", "lost_2021_07_05"), "0")  # fmt: skip
    table = new_table(
        f"North-east and frontier, district by district. {title_of(scores)}",
        f"Median date of fall against the days that the record allows ({known['dated']} dated districts; not lost by 7 "
        f"July counts as 8 July, so that error is a lower bound); Brier score and AUC of lost by 22 June "
        f"({known['lost_2021_06_22']} lost of {known['known_2021_06_22']} of which it is known) and by 5 July "
        f"({known['lost_2021_07_05']} of {known['known_2021_07_05']}; three of the rest are provincial capitals, which "
        "no naive forecast lets fall, so this AUC says little). ± one bootstrap error. A coin: Brier 0.25, AUC 0.5."
        + ("" if scores.forecasts else " No record of campaigns (chunks/) is kept in this study: no scores."),
    )
    table.add_column("forecast", overflow="fold")
    heads = ("error, days", "late, days", "Brier 22 June", "AUC 22 June", "Brier 5 July", "AUC 5 July")
    add_numbers(table, (*heads, "not lost by 7 July"))
    for row in scores.forecasts:
        cells = (say_score(row[key], row[f"{key}_error"]) for key in keys)
        table.add_row(row["forecast"].replace("_", " "), *cells, row["not_lost"])
    return table


def split_table(scores: Scores) -> Table:
    """Shares of the posts in the largest night."""
    campaigns = scores.split[0]["campaigns"] if scores.split else "0"
    table = new_table(
        f"Split of the largest night over posts, share of soldiers. {title_of(scores)}",
        f"Of the {campaigns} campaigns in which somebody crossed at these posts in that night; half a group of men is "
        "added to each post, as in the error of the target.",
    )
    table.add_column("post")
    add_numbers(table, ("reported", "median", "50 %", "90 %"))
    table.add_column("inside")
    for row in scores.split:
        post = row["outcome"].removeprefix("largest_night_")
        table.add_row(post, say(row["reported"]), say(row["median"]), say_range(row, 50), say_range(row, 90),
                      row["inside_90"])  # fmt: skip
    return table


def sentences(scores: Scores) -> list[str]:
    """What the tables come to, each independent event counted once."""
    events, targets = scores.about["events"], scores.targets
    inside = sum(row["inside_90"] == "yes" for row in targets)
    with_error = sum(row["inside_90_with_error"] == "yes" for row in targets)
    fitted = [row for row in events if row["fitted"]]
    whole = sum(row["inside"] == row["targets"] for row in events)
    none = sum(row["inside"] == 0 for row in events)
    met = sum(row["fitted_inside"] == row["fitted"] for row in fitted)
    lines = [
        f"Inside the 90 % interval: {inside} of {len(targets)} targets ({with_error} with the error of observation). "
        f"By event: all targets in {whole} of {len(events)} events, none in {none}; all targets that are to be fitted "
        f"in {met} of {len(fitted)}."
    ]
    for name, found in scores.about["against"].items():
        everything, late = found["all"], found["after_22_june"]
        lines.append(
            f"Against {name.replace('_', ' ')}: CRPS lower on {everything['better']} targets, higher on "
            f"{everything['worse']}, {everything['cannot_tell']} cannot be told; of those after 22 June lower on "
            f"{late['better']}, higher on {late['worse']}."
        )
    lines.append("The targets of one event tell of the same thing; do not count them as independent.")
    return lines


def say_reported(row: Row) -> str:
    """The number, its range, or its bound."""
    low, high = say(row["reported_low"]), say(row["reported_high"])
    if row["error"] == "multinomial":
        return f"{say(row['reported'])} apart"
    if row["reported"] and low == high:
        return say(row["reported"])
    span = f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}"
    return f"{say(row['reported'])} ({span})" if row["reported"] else span


def say_range(row: Row, per_cent: int) -> str:
    """`5 to 36`."""
    low, high = say(row[f"low_{per_cent}"]), say(row[f"high_{per_cent}"])
    return low if low == high else f"{low} to {high}"


def say_inside(row: Row) -> str:
    """Yes, no, or only with the error of observation."""
    return "(yes)" if row["inside_90"] == "no" and row["inside_90_with_error"] == "yes" else row["inside_90"]


def say_score(value: str, error: str) -> str:
    """`0.0126 ± 0.0007`."""
    return f"{float(value):.3g} ± {float(error):.1g}" if value and error else say(value)
