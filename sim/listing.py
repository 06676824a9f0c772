"""Tables of all names that can be used on a command line, such as outcomes, numbers and dated events.

Each table is a list of rows with the same keys, which the Python API turns into a DataFrame. `panj list` prints them.

Reads   configs/, scenarios/, data/ and the verbs of `sim.options`.
Returns rows, a filter for them, and a table for the console. Rows that depend on defaults (such as the date of an
        outcome that is counted on the last day) use those of the default scenario.
"""

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from sim.configuration.changes import about_of, describe_changes, describing_groups, groups, section_of
from sim.configuration.own import own_events
from sim.data.configs import folder_of, read_yaml
from sim.data.own import OUTCOMES, file_of, is_own, own_file, own_yaml, table
from sim.errors import PanjError, unknown
from sim.options import LISTS, VERBS, summary_of, usage_of
from sim.wording import counted

if TYPE_CHECKING:
    from rich.table import Table

Row = dict[str, Any]
UNUSABLE = (PanjError, AttributeError, KeyError, TypeError, ValueError)  # errors raised by invalid files of choices
SETTINGS = {  # meanings of the keys of configs/config.yaml, except groups of choices
    "study": "folder of the results; by default named after the scenario and the choices that differ from it",
    "runs": "campaigns per cell; campaign i has seed + i",
    "runs_max": "largest number of campaigns per cell, where a precision is requested",
    "seed": "seed of the first campaign",
    "start_date": "day 0 of the campaign",
    "end_date": "last day of the campaign",
    "results_dir": "folder of the studies; in a folder of your own files, results in that folder",
    "daily": "store daily series (days.parquet, figures); false stores outcomes and the days on which districts fell",
    "debug": "show where an error was raised",
    "precision.outcome": "outcome to which precision.half_width applies",
    "precision.half_width": "add campaigns until the 95 % interval of the mean of that outcome is at most this wide to "
    "either side",
    "calibration.file": "posterior.parquet of your own fit, instead of the one that comes with Panj",
    "worlds.file": "worlds.parquet written by `assimilate`; by default the sample that comes with Panj",
    "worlds.until": "last day of the random draws of those worlds; by default the last day of their reports",
    "executor.workers": "threads, processes or Dask workers; 0 means one per core",
    "executor.address": "Dask scheduler, such as tcp://host:8786 (with executor=dask)",
    "sampling.points": "cells of a Latin hypercube (with sampling=latin_hypercube)",
    "sampling.keys": "numbers that a Latin hypercube varies over their declared ranges, such as [rules.news.fade_days]",
    "sampling.seed": "seed of the points",
}


def usual_settings() -> dict[str, str]:
    """Return the default of each key in `SETTINGS` as a user would type it; empty for a key without a default."""
    config = read_yaml(folder_of("configs") / "config.yaml")
    usual = {"calibration.file": "", "worlds.file": "", "worlds.until": "", "executor.workers": "0",
             "executor.address": "", "sampling.points": "100", "sampling.keys": "[]", "sampling.seed": "0"}  # fmt: skip
    for key in SETTINGS:
        value = config
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None  # type: ignore[assignment]
        if value is not None:
            usual[key] = str(value).lower() if isinstance(value, bool) else str(value)
    return {key: usual.get(key, "") for key in SETTINGS}


def settings() -> list[Row]:
    """Return every setting that is neither a group of choices nor a number: its key, default and meaning."""
    return [{"key": key, "default": value, "meaning": SETTINGS[key]} for key, value in usual_settings().items()]


def why_unusable(group: str, name: str, error: Exception) -> str:
    """Describe why one of the user's choices cannot be used; raise the error if the choice comes with Panj."""
    if not is_own(file_of(group, name)):
        raise error
    return f"(cannot be used) {error}"


def check_own_choice(group: str, name: str) -> None:
    """Raise PanjError if a choice is the user's own and would be refused on a command line."""
    if is_own(file_of(group, name)):
        from sim.configuration.compose import compose_settings  # slow to import

        compose_settings([f"{group}={name}", "calibration=as_declared"])


def scenarios() -> list[Row]:
    """Return every scenario: its name, title, description, first and last day, and changes."""
    return [scenario(name) for name in groups()["scenario"]]


def scenario(name: str) -> Row:
    """Return the row of a scenario; if its file cannot be read, the reason replaces the description."""
    try:
        check_own_choice("scenario", name)
        start, end = days_of_scenario(name)
        return {
            "scenario": name,
            "title": about_of("scenario", name),
            "about": " ".join(str(section_of("scenario", name).get("about", "")).split()),
            "start_date": start,
            "end_date": end,
            "changes": [change.short for change in describe_changes("scenario", name)],
        }
    except UNUSABLE as error:
        why = why_unusable("scenario", name, error)
        return {"scenario": name, "title": "", "about": why, "start_date": "", "end_date": "", "changes": []}


def days_of_scenario(name: str) -> tuple[str, str]:
    """Return the first and last day of a scenario as ISO dates, which may be inherited from its base scenario.

    Args:
        name: Name of the scenario.
    """
    usual, content = read_yaml(folder_of("configs") / "config.yaml"), read_yaml(file_of("scenario", name))
    start, end = str(usual["start_date"]), str(usual["end_date"])
    for base in content.get("defaults", []):
        if isinstance(base, str) and base != "_self_":
            start, end = days_of_scenario(base)
    return str(content.get("start_date", start)), str(content.get("end_date", end))


def policies() -> list[Row]:
    """Return every choice of every group except `scenario`: whether it is the default, and its changes."""
    return [
        {"group": group, "choice": name, "is_default": number == 0, **meaning_of_choice(group, name)}
        for group, names in groups().items() if group != "scenario" for number, name in enumerate(names)
    ]  # fmt: skip


def meaning_of_choice(group: str, name: str) -> Row:
    """Return the description and the changes of a choice, or the reason why the user's file cannot be read."""
    try:
        check_own_choice(group, name)
        if group not in describing_groups():
            return {"about": opening_comment(group, name), "changes": []}
        return {
            "about": about_of(group, name),
            "changes": [change.short for change in describe_changes(group, name)],
        }
    except UNUSABLE as error:
        return {"about": why_unusable(group, name, error), "changes": []}


def opening_comment(group: str, name: str) -> str:
    """Return the comment at the top of a choice's file, for a choice without `about`."""
    text = file_of(group, name).read_text(encoding="utf-8-sig")
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# "))
    return " ".join(lines)


def numbers() -> list[Row]:
    """Return every number of the rules: key, declared value, unit, range, meaning and source, and its prior if any."""
    from sim.configuration.draws import read_priors  # slow to import
    from sim.configuration.numbers import declared_numbers

    priors = {prior.key: prior for prior in read_priors()}
    rows = []
    for key, row in declared_numbers().items():
        prior = priors.get(key)
        rows.append({
            "key": key, "value": row.value, "unit": row.unit, "low": row.low, "high": row.high,
            "is_whole": row.is_whole, "meaning": row.meaning, "source": row.source,
            "prior_low": prior.low if prior else None, "prior_high": prior.high if prior else None,
            "prior_scale": prior.scale if prior else None, "prior_theory": prior.theory or None if prior else None,
        })  # fmt: skip
    return rows


def events() -> list[Row]:
    """Return every dated event of the default timeline, by date: name, act, subject, value, source and text.

    Raises:
        PanjError: If one of the user's events is invalid.
    """
    keys = ("act", "condition", "district", "value", "source", "text")
    dated = dict(read_yaml(file_of("timeline", groups()["timeline"][0]))["events"])
    own = own_events()
    dated |= {name: {**dated.get(name, {}), **row} for name, row in own.items()}
    if own:
        from sim.configuration.events import event_of  # slow to import

        for name in own:
            event_of(name, dated[name], default_days()[0])
    found = [
        {"event": name, "date": str(row["date"]), **{key: row.get(key) for key in keys}} for name, row in dated.items()
    ]
    return sorted(found, key=lambda row: row["date"])


def outcomes() -> list[Row]:
    """Return every outcome, as counted in the default scenario.

    Returns:
        Rows with the name, unit, label and description of the outcome; the first and last day that it covers (ISO
        dates); and the reported figure, or its bounds, in the unit of the outcome, with the ids of its evidence.
        Entries are None if nothing was reported.
    """
    from datetime import timedelta

    from sim.data.evidence import read_evidence
    from sim.data.facts import facts_here
    from sim.outcome import read_outcomes, reported_of  # slow to import

    start, end = default_days()
    evidence = {row.id: row for row in read_evidence()}
    rows = []
    for row in read_outcomes(facts_here(), start, (end - start).days):
        figure = reported_of(row, evidence)
        rows.append({
            "outcome": row.name, "unit": row.unit, "label": row.label, "description": row.counted,
            "first_day": (start + timedelta(days=row.first)).isoformat(),
            "last_day": (start + timedelta(days=row.last)).isoformat() if row.last >= 0 else None,
            "reported": figure.value, "reported_low": figure.low, "reported_high": figure.high,
            "evidence": figure.evidence.split(", ") if figure.evidence else [],
        })  # fmt: skip
    return rows


def quantities() -> list[Row]:
    """Return every quantity that an outcome can count, with the description of the count."""
    from sim.outcome import QUANTITIES  # slow to import

    return [
        {"quantity": name, "description": " ".join((count.__doc__ or "").split())} for name, count in QUANTITIES.items()
    ]


def outcome_names() -> list[str]:
    """Return the names of all outcomes in the default scenario, in the order of `outcomes`.

    They are derived from configs/ and data/ without loading the engine, so that shell completion is fast.
    """
    last_day = default_days()[1].isoformat().replace("-", "_")
    declared = [
        name.replace("last_day", last_day)
        for name in (*read_yaml(folder_of("configs") / OUTCOMES), *own_yaml(own_file(OUTCOMES)))
    ]
    posts = [f"{kind}_{row['post']}" for row in read_data("posts") for kind in ("crossed", "largest_night")]
    provinces = dict.fromkeys(row["province"] for row in read_data("districts"))
    slugs = [re.sub(r"\W+", "_", province.lower()).strip("_") for province in provinces]
    return list(dict.fromkeys([*declared, *posts, *(f"capital_fell_{slug}" for slug in slugs)]))


def default_days() -> tuple[date, date]:
    """Return the first and the last day of a campaign of the default scenario."""
    start, end = days_of_scenario(groups()["scenario"][0])
    return date.fromisoformat(start), date.fromisoformat(end)


def districts() -> list[Row]:
    """Return every district: P-code, name, province, region, population, and km of border with Tajikistan."""
    return [
        {
            "p_code": row["district_id"], "district": row["district"], "province": row["province"],
            "region": row["region"], "population": int(row["population"]) if row["population"] else None,
            "tajik_border_km": float(row["tajik_border_km"] or 0),
        }
        for row in read_data("districts")
    ]  # fmt: skip


def read_data(name: str) -> list[dict[str, str]]:
    """Return the rows of a table in `data/`, as text by column, without loading the engine."""
    with table(f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def verbs() -> list[Row]:
    """Return every verb: its summary, its usage, and the extras that it requires."""
    return [
        {
            "verb": name, "about": summary_of(verb), "usage": usage_of(verb), "needs": list(verb.extras),
            "json": verb.as_json,
        }
        for name, verb in VERBS.items()
    ]  # fmt: skip


TABLES: dict[str, Callable[[], list[Row]]] = {
    table.__name__: table
    for table in (scenarios, policies, numbers, events, settings, outcomes, quantities, districts, verbs)
}


def rows_of(kind: str, filters: Sequence[str] = ()) -> list[Row]:
    """Return the rows of one table that contain every text of a filter.

    Args:
        kind: Name of the table, one of `LISTS`, or an empty string for the list of tables.
        filters: Texts; case is ignored, and `_` is treated as a space.

    Returns:
        The rows, in the order of the table.

    Raises:
        PanjError: The kind is unknown, or a file from which the table is read is invalid.
    """
    if kind not in ("", *TABLES):
        raise unknown("list", kind, TABLES)
    rows = TABLES[kind]() if kind else [{"list": name, "about": about} for name, about in LISTS.items()]
    if not filters:
        return rows
    from sim.data.evidence import plain  # slow to import

    wanted = [plain(text) for text in filters]
    return [row for row in rows if all(text in plain(text_of_row(row)) for text in wanted)]


def text_of_row(row: Mapping[str, Any]) -> str:
    """Return all cells of a row as one text to be searched, including a choice as `group=choice`."""
    cells = [say(value) for value in row.values()]
    return " ".join([*cells, f"{row['group']}={row['choice']}"] if "group" in row else cells)


def say(value: Any) -> str:
    """Format a cell: lists with semicolons, a missing value as empty text, numbers without unnecessary digits."""
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return "" if value is None else f"{value:.12g}" if isinstance(value, float) else str(value)


def shown(kind: str, row: Mapping[str, Any]) -> dict[str, str]:
    """Return the cells of a row for the console, keyed by heading."""
    text = {key: say(value) for key, value in row.items()}
    if kind == "scenarios":
        if not text["start_date"]:  # the file cannot be used
            return {"scenario": text["scenario"], "about": text["about"], "changes": ""}
        return {"scenario": text["scenario"], "about": text["title"], "changes": text["changes"] or "nothing"}
    if kind == "policies":
        usual = " (default)" if row["is_default"] else ""
        return {"choice": f"{row['group']}={row['choice']}{usual}", "about": text["about"], "changes": text["changes"]}
    if kind == "numbers":
        span = f"{text['prior_low']} to {text['prior_high']}" if text["prior_low"] else "-"
        keys = ("key", "value", "unit", "meaning")
        return {**{key: text[key] for key in keys}, "prior": span + (" (log)" if row["prior_scale"] == "log" else "")}
    if kind == "events":
        return {key: text[key] for key in ("event", "date", "act", "text", "source")}
    if kind == "outcomes":
        return {
            "outcome": text["outcome"],
            "about": text["label"],
            "unit": text["unit"],
            "reported": format_reported_figure(row),
        }
    if kind == "districts":
        return {"P-code": text["p_code"], "district": text["district"], "province": text["province"]}
    return {key: text[key] for key in list(text)[:3] if key not in ("usage", "needs")}


def format_reported_figure(row: Mapping[str, Any]) -> str:
    """Format the reported figure of an outcome with its evidence, such as `1,037 (F001)`; a dash if there is none."""
    from sim.data.evidence import format_bounds, number_as_text

    if not row["evidence"]:
        return "-"
    figure = row["reported"]
    found = format_bounds(row["reported_low"], row["reported_high"]) if figure is None else number_as_text(figure)
    return f"{found} ({', '.join(row['evidence'])})"


def table_of(kind: str, rows: Sequence[Mapping[str, Any]]) -> "Table":
    """Format rows as a table for the console.

    Args:
        kind: Name of the table, or an empty string for the list of tables.
        rows: The rows to show.

    Returns:
        The table, in which names are kept on one line, so that they can be copied.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    cells = [shown(kind, row) for row in rows]
    for number, heading in enumerate(cells[0]):
        is_short = number == 0 or heading in ("date", "act", "value")
        table.add_column(heading, overflow="fold", no_wrap=is_short)
    for row in cells:
        table.add_row(*map(Text, row.values()))
    return table


def describe_count(kind: str, rows: Sequence[Mapping[str, Any]], filters: Sequence[str]) -> str:
    """Return the line below a table: its number of rows, and hints on filters and other tables.

    Args:
        kind: Name of the table, or an empty string for the list of tables.
        rows: The rows that are shown.
        filters: Texts by which the rows were filtered.
    """
    if not rows:
        return f"Nothing in the list of {kind or 'lists'} contains {' and '.join(map(repr, filters))}."
    if not kind:
        return "Name a list, then optionally text to search for: `list numbers news`"
    many = counted(len(rows), "policy" if kind == "policies" else kind.removesuffix("s"), kind)
    more = "" if filters else " Add text after the name of the list to filter its rows."
    return f"{many}. --json prints every column.{more}"
