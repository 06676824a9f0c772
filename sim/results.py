"""Tidy tables of a study, written whole or not at all, with everything that is needed to make them again.

`runs.parquet` has a row a campaign, `days.parquet` a row a campaign and evening, `districts.parquet` a row a district
and evening. Tables are made from columns of NumPy arrays through Arrow; nothing here needs pandas.
"""

import csv
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sim.campaign import Campaign, Series
from sim.errors import PanjError
from sim.evidence import Evidence, read_evidence
from sim.facts import Facts
from sim.outcomes import Outcome, Value, count_outcomes, nights_of, reported_of
from sim.world import NEVER, Count, Event, Fall, Holder, UnitKind, Why

NOT_CALIBRATED = "not calibrated yet"
LIBRARIES = ("numpy", "numba", "pyarrow", "hydra-core", "mesa", "pandas")


class RunRows(NamedTuple):
    """What one campaign adds to the tables; the world itself is let go."""

    seed: int
    outcomes: dict[str, Value]
    series: np.ndarray  # evenings x Series
    crossed: np.ndarray  # mornings x posts
    waiting: np.ndarray
    admitted: np.ndarray
    held: np.ndarray  # evenings x districts, bool
    first_fall: np.ndarray  # day a district, or a large number


class SummaryRow(NamedTuple):
    """One outcome over all campaigns, beside what was reported."""

    outcome: str
    label: str
    unit: str
    reported: str
    reported_value: float | None
    reported_low: float | None
    reported_high: float | None
    evidence: str
    median: str
    low_5: str
    high_95: str
    missing: int
    counted: str


def rows_of(campaign: Campaign, table: Sequence[Outcome], facts: Facts, start: date) -> RunRows:
    """The columns of one campaign."""
    first = campaign.world.districts.first_lost_on
    series = campaign.record.series.copy()
    series[1:, Series.TROOPS_CROSSED] = campaign.record.series[:-1, Series.TROOPS_CROSSED]
    series[0, Series.TROOPS_CROSSED] = 0.0
    return RunRows(
        campaign.seed,
        count_outcomes(campaign, table, facts, start),
        series,
        nights_of(campaign.record.crossed),
        campaign.record.waiting,
        campaign.record.admitted,
        campaign.record.holder == Holder.TALIBAN,
        np.where(first == NEVER, 10_000, first),
    )


class StudyWriter:
    """Collects campaigns in order and writes a study folder; until `finish` it lives under a name of its own."""

    def __init__(self, folder: Path, facts: Facts, table: Sequence[Outcome], start: date) -> None:
        self.folder = folder
        self.facts = facts
        self.table = table
        self.start = start
        self.partial = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
        self.outcomes: list[dict[str, Value]] = []
        self.seeds: list[int] = []
        self.held: np.ndarray | None = None
        self.first_falls: list[np.ndarray] = []
        self.days: pq.ParquetWriter | None = None
        try:
            self.partial.mkdir(parents=True)
        except OSError as error:
            raise cannot_write(folder, error) from error

    def add(self, chunk: Sequence[RunRows]) -> None:
        """A chunk of campaigns, in the order of their seeds."""
        first = len(self.seeds)
        for rows in chunk:
            self.seeds.append(rows.seed)
            self.outcomes.append(rows.outcomes)
            self.first_falls.append(rows.first_fall.astype(np.int16))
            self.held = rows.held.astype(np.int64) if self.held is None else self.held + rows.held
        days = days_table(chunk, first, self.facts, self.start)
        try:
            if self.days is None:
                self.days = pq.ParquetWriter(self.partial / "days.parquet", days.schema)
            self.days.write_table(days)
        except OSError as error:
            raise cannot_write(self.folder, error) from error

    def finish(self, config: Mapping[str, Any], about: Mapping[str, Any]) -> list[SummaryRow]:
        """Write the other tables and give the folder its name."""
        assert self.held is not None and self.days is not None
        summary = summarise(self.outcomes, self.table)
        try:
            self.days.close()
            pq.write_table(runs_table(self.seeds, self.outcomes, self.table), self.partial / "runs.parquet")
            falls = np.array(self.first_falls)
            districts = districts_table(self.held / len(self.seeds), falls, self.facts, self.start)
            pq.write_table(districts, self.partial / "districts.parquet")
            write_summary(summary, self.partial / "summary.csv")
            write_yaml(config, self.partial / "config.yaml")
            (self.partial / "about.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
            self.partial.rename(self.folder)
        except OSError as error:
            raise cannot_write(self.folder, error) from error
        return summary

    def discard(self) -> None:
        """Nothing half-written stays behind."""
        with suppress(OSError):  # a full disk cannot take the end of a table either
            if self.days is not None:
                self.days.close()
        shutil.rmtree(self.partial, ignore_errors=True)


def cannot_write(folder: Path, error: OSError) -> PanjError:
    """A full disk or a folder without permission, in one line."""
    return PanjError(f"results_dir: cannot write {folder} ({error.strerror or error}); nothing was kept")


def dates_of(start: date, days: int) -> list[date]:
    """The dates of day 0 to the last day."""
    return [start + timedelta(days=day) for day in range(days)]


def days_table(chunk: Sequence[RunRows], first: int, facts: Facts, start: date) -> pa.Table:
    """A row a campaign and evening."""
    evenings = chunk[0].series.shape[0]
    series = np.concatenate([rows.series for rows in chunk])
    columns: dict[str, Any] = {
        "run": np.repeat(np.arange(first, first + len(chunk)), evenings),
        "seed": np.repeat(np.array([rows.seed for rows in chunk]), evenings),
        "date": pa.array(dates_of(start, evenings) * len(chunk), pa.date32()),
        "share_held_by_taliban": series[:, Series.DISTRICTS_HELD_BY_TALIBAN] / len(facts.district_id),
    }
    for kind in Series:
        columns[kind.name.lower()] = series[:, kind]
    for name in ("crossed", "waiting", "admitted"):
        values = np.concatenate([getattr(rows, name) for rows in chunk])
        for post, slug in enumerate(facts.post):
            columns[f"{name}_{slug}"] = values[:, post]
    return pa.table(columns)


def runs_table(seeds: Sequence[int], outcomes: Sequence[Mapping[str, Value]], table: Sequence[Outcome]) -> pa.Table:
    """A row a campaign."""
    dates = {row.name for row in table if row.quantity in ("first_capital_fell", "largest_night")}
    columns: dict[str, Any] = {"run": np.arange(len(seeds)), "seed": np.array(seeds, np.int64)}
    for name in outcomes[0]:
        values = [row[name] for row in outcomes]
        columns[name] = pa.array(values, pa.string() if name in dates else pa.float64())
    return pa.table(columns)


def districts_table(share: np.ndarray, falls: np.ndarray, facts: Facts, start: date) -> pa.Table:
    """A row a district and evening: share of runs in which the Taliban hold it, and its median first fall."""
    evenings, districts = share.shape
    middle = np.sort(falls, axis=0)[(len(falls) - 1) // 2]
    median = [(start + timedelta(days=int(day))).isoformat() if day < evenings else None for day in middle]
    return pa.table(
        {
            "district_id": pa.array(np.repeat(facts.district_id, evenings)),
            "date": pa.array(dates_of(start, evenings) * districts, pa.date32()),
            "share_of_runs_taliban": share.T.reshape(-1),
            "median_fall_date": pa.array([day for day in median for _ in range(evenings)], pa.string()),
        }
    )


def events_table(campaign: Campaign, facts: Facts, start: date) -> pa.Table:
    """The dated log of one campaign: what happened where, how and why."""
    log = campaign.world.log
    rows = range(int(campaign.world.tally[Count.LOGGED]))
    return pa.table(
        {
            "date": pa.array([start + timedelta(days=int(log.day[row])) for row in rows], pa.date32()),
            "event": [Event(log.event[row]).name.lower() for row in rows],
            "district_id": [facts.district_id[log.district[row]] for row in rows],
            "district": [facts.district[log.district[row]] for row in rows],
            "province": [facts.province[log.district[row]] for row in rows],
            "who": [actor_of(int(log.event[row]), int(log.actor[row]), campaign, facts) for row in rows],
            "men": log.men[: len(rows)],
            "how": [Fall(log.how[row]).name.lower() for row in rows],
            "why": [Why(log.why[row]).name.lower() for row in rows],
        }
    )


def actor_of(event: int, actor: int, campaign: Campaign, facts: Facts) -> str:
    """Who acted, in words."""
    if actor < 0:
        return ""
    if event in (Event.CROSSING, Event.TURNED_BACK):
        return facts.post[actor]
    if event == Event.PRONG_MOVES:
        return f"prong {actor + 1}"
    return UnitKind(campaign.world.units.kind[actor]).name.lower()


def summarise(outcomes: Sequence[Mapping[str, Value]], table: Sequence[Outcome]) -> list[SummaryRow]:
    """Median and 90 % interval of every outcome, beside what was reported."""
    evidence = {row.id: row for row in read_evidence()}
    return [summary_of(row, [one[row.name] for one in outcomes], evidence) for row in table]


def summary_of(row: Outcome, values: Sequence[Value], evidence: Mapping[str, Evidence]) -> SummaryRow:
    """One row; dates are ordered as dates, and campaigns without the event count as missing."""
    there = sorted(value for value in values if value is not None)  # type: ignore[type-var]
    cuts = ["", "", ""]
    if there and isinstance(there[0], str):
        cuts = [str(there[round(share * (len(there) - 1))]) for share in (0.05, 0.5, 0.95)]
    elif there:
        cuts = [f"{cut:.6g}" for cut in np.quantile(np.array(there, float), [0.05, 0.5, 0.95])]
    figure = reported_of(row, evidence)
    return SummaryRow(
        row.name, row.label, row.unit, in_words(figure.value, figure.low, figure.high, figure.evidence),
        figure.value, figure.low, figure.high, figure.evidence,
        cuts[1], cuts[0], cuts[2], len(values) - len(there), row.counted,
    )  # fmt: skip


def in_words(value: float | None, low: float | None, high: float | None, evidence: str) -> str:
    """`0.375 (F064, F065)`, or a range where only bounds were said."""
    if not evidence:
        return ""
    if low is not None and high is not None:
        text = f"{value:.4g}" if value is not None else ""
        text += f"{', ' if text else ''}{low:.4g} to {high:.4g}" if high > low else ""
    elif low is not None:
        text = f"at least {low:.4g}"
    else:
        text = f"at most {high:.4g}"
    return f"{text} ({evidence})"


def write_summary(summary: Sequence[SummaryRow], path: Path) -> None:
    """The summary for a spreadsheet."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(SummaryRow._fields)
        writer.writerows(["" if cell is None else cell for cell in row] for row in summary)


def write_yaml(config: Mapping[str, Any], path: Path) -> None:
    """Plain settings as YAML."""
    import yaml

    path.write_text(yaml.safe_dump(json.loads(json.dumps(config)), sort_keys=False), encoding="utf-8")


def versions() -> dict[str, str]:
    """Of Python, of this package and of the libraries that decide results."""
    return {"python": platform.python_version(), "panj": version("panj"), **{name: version(name) for name in LIBRARIES}}


def commit() -> str | None:
    """The commit of the clone from which the code runs, with a mark if files differ; None outside a clone."""
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return None
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True)
        changed = subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip() + ("+changed" if changed.stdout.strip() else "")


def command_line() -> str:
    """How this run was started."""
    return " ".join(["python", "-m", "sim", *sys.argv[1:]])


def read_about(folder: Path) -> dict[str, Any]:
    """The provenance of a study; PanjError when the folder holds none."""
    path = folder / "about.json"
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise PanjError(f"{folder}: found no about.json, expected the folder of a study") from error
    except ValueError as error:
        raise PanjError(f"{path}: found something damaged, expected JSON") from error
