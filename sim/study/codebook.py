"""Describe every column of the tables of a study: type, unit, meaning and source.

Fixed columns are declared here. Outcomes are described by `configs/outcomes.yaml`, numbers of the model by
`configs/rules/*.yaml`, and other swept settings by the help of the command line. The metadata of Parquet columns,
`codebook.csv` and `datapackage.json` are all made from these descriptions.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

from sim.configuration.changes import groups
from sim.configuration.numbers import declared_numbers
from sim.configuration.worlds import LOG_LIKELIHOOD, SEEDS
from sim.data.configs import read_yaml
from sim.data.facts import Facts, facts_here
from sim.data.record import evidence
from sim.listing import SETTINGS
from sim.outcome import Outcome, read_outcomes, reported_of
from sim.study.columns import in_words
from sim.study.files import csv_text, write_errors, write_file
from sim.study.reader import read_summary

CODEBOOK = "codebook.csv"
SIMULATED, STUDY, RECORD = "simulated", "settings of the study", "evidence.csv"
OF_ROW = "in the column unit"  # unit of numbers in a table with one row per outcome
OF_OUTCOME = "unit of the outcome"  # placeholder that is replaced by the unit in the metadata of a comparison
VERDICTS, EFFECTS = "verdicts", "effects"  # kinds of table; all other kinds are file names
PARTS = "parts"  # key of `result_columns.yaml` with the explanations of parts of column names


class Column(NamedTuple):
    """Description of one column of one table."""

    table: str  # file name in the folder of the study
    column: str
    type: str  # integer, number, string, boolean or date, as in Frictionless table schemas
    unit: str
    description: str
    source: str  # `simulated`, `settings of the study`, or the sources of a reported or declared number


class Text(NamedTuple):
    """Unit, meaning, source and, for columns of CSV files, type of a column."""

    unit: str
    meaning: str
    source: str = SIMULATED
    type: str = ""


def key(meaning: str, unit: str = "", type: str = "integer") -> Text:
    """Return the description of a column that identifies a row."""
    return Text(unit, meaning, STUDY, type)


CELL = key("Number of the cell: one combination of swept settings, from 0")
RUN = key("Number of the campaign in its cell, from 0: seed minus the first seed of the study")
SEED = key("Seed of the campaign; campaigns with the same seed use the same random draws in every cell")
DATE = key("Day, described at its end; a night belongs to the morning on which it ends", "date")
DISTRICT = Text("", "P-code of the district", "OCHA/AGCHO 2018 administrative boundaries")

SERIES = {  # daily series, in the order of sim.engine.campaign.Series
    "districts_held_by_taliban": Text("districts", "Districts held by the Taliban at the end of the day"),
    "handed_over": Text("districts", "Districts that fell on the day because the garrison handed them over"),
    "fought": Text("districts", "Districts that fell on the day after a fight"),
    "abandoned": Text("districts", "Districts that fell on the day because the garrison had left"),
    "retaken": Text("districts", "Districts that the government retook on the day"),
    "troops_holding": Text("men", "Soldiers, police and militia men who hold districts and outposts"),
    "troops_crossed": Text("soldiers", "Soldiers who crossed into Tajikistan in the night before, at all posts"),
    "troops_interned": Text("soldiers", "Soldiers who crossed and are in Tajikistan"),
    "troops_captured_total": Text("men", "Men taken prisoner by the Taliban since day 0"),
    "troops_surrendered_total": Text("men", "Men who surrendered since day 0"),
    "troops_killed_total": Text("men", "Government men killed since day 0"),
    "troops_dispersed_total": Text("men", "Men who left their units and went home since day 0"),
    "people_on_the_road": Text("people", "People who have left home and are on their way"),
    "people_waiting": Text("people", "People who wait at crossing posts"),
    "people_settled": Text("people", "Displaced people who have found shelter inside Afghanistan"),
    "people_displaced_total": Text("people", "People who have left home since day 0"),
    "refugees_admitted_total": Text("people", "People admitted to Tajikistan since day 0"),
    "refugees_refused_total": Text("people", "People refused at crossing posts since day 0"),
    "mean_morale": Text("0 to 1", "Mean morale of the units that hold districts, weighted by men"),
    "mean_dread": Text("0 to 1", "Mean dread of the districts that the government holds"),
    "reservists": Text("men", "Tajik reservists deployed at crossing posts"),
    "calls_made_total": Text("calls", "Calls for help made by garrisons since day 0"),
    "calls_answered_total": Text("calls", "Calls for help to which commandos were sent since day 0"),
    "guards_per_arrival": Text("guards per person", "Guards and reservists per person who reached a post on the day"),
}
AT_POSTS = {  # daily series of a single post
    "crossed": Text("soldiers", "Soldiers who crossed at {post} in the night before"),
    "waiting": Text("people", "People who wait at {post} at the end of the day"),
    "admitted": Text("people", "People admitted at {post} on the day"),
}
QUANTILES = {
    "median": "Median over the campaigns of the cell",
    "low_5": "5 % quantile over the campaigns of the cell",
    "high_95": "95 % quantile over the campaigns of the cell",
}
NO_SPREAD = {
    "median": "the value itself if a single campaign has one",
    "low_5": "empty if a single campaign has a value, since one value has no spread",
    "high_95": "empty if a single campaign has a value, since one value has no spread",
}
FIXED: dict[str, dict[str, Text]] = {
    "runs.parquet": {"cell": CELL, "run": RUN, "seed": SEED},
    "days.parquet": {
        "cell": CELL, "run": RUN, "seed": SEED, "date": DATE,
        "share_held_by_taliban": Text("share", "Share of all districts held by the Taliban at the end of the day"),
        **SERIES,
    },
    "districts.parquet": {
        "cell": CELL, "district_id": DISTRICT, "date": DATE,
        "share_of_runs_taliban": Text("share", "Share of the cell's campaigns in which the Taliban hold the district"),
        "median_fall_date": Text("date", "First day at the end of which the district has fallen in at least half "
                                 "of the campaigns; empty if it falls in fewer"),
    },
    "events.parquet": {
        "date": DATE,
        "event": Text("", "Kind of event: " + ", ".join((
            "fall", "retaken", "stand (an assault was called off)", "call (for help)", "answer", "crossing",
            "turned_back", "capture", "surrender", "prong_moves", "dated (an event of the timeline)", "return"))),
        "district_id": DISTRICT,
        "district": Text("", "Name of the district", DISTRICT.source),
        "province": Text("", "Province of the district", DISTRICT.source),
        "who": Text("", "Actor: a crossing post, a prong of the Taliban advance or a kind of unit; empty if none"),
        "men": Text("men", "Number of men concerned"),
        "how": Text("", "How the district fell: none, handed_over, fought or abandoned"),
        "why": Text("", "Main reason: none, force, isolation, hunger, call_ignored, dread, morale, command, losses "
                    "or siege"),
    },
    "failures.parquet": {
        "cell": CELL, "seed": SEED,
        "error": Text("", "Error that ended the campaign; no other table has a row for this campaign", STUDY),
        "traceback": Text("", "Place in the code at which the error was raised", STUDY),
    },
    "summary.csv": {
        "cell": CELL,
        "cell_label": key("Swept settings of the cell as key=value; empty in a study of one cell", type="string"),
        "outcome": key("Name of the outcome, a column of runs.parquet", type="string"),
        "label": key("Label of the outcome", type="string"),
        "unit": key("Unit of the outcome, and of the numbers in its row", type="string"),
        "reported": Text("", "Reported figure as text, with ids of evidence", RECORD, "string"),
        "reported_value": Text(OF_OUTCOME, "Reported value", RECORD, "number"),
        "reported_low": Text(OF_OUTCOME, "Lower bound of what was reported", RECORD, "number"),
        "reported_high": Text(OF_OUTCOME, "Upper bound of what was reported", RECORD, "number"),
        "evidence": Text("", "Ids of the rows of evidence", RECORD, "string"),
        **{name: Text(OF_OUTCOME, f"{text}; {NO_SPREAD[name]}; empty for a date", type="number")
           for name, text in QUANTILES.items()},
        "missing": Text("campaigns", "Campaigns without a value, left out of the quantiles", type="integer"),
        "counted": key("How the outcome is counted", type="string"),
        **{f"{name}_date": Text("date", f"{text}; {NO_SPREAD[name]}; only for a date", type="date")
           for name, text in QUANTILES.items()},
    },
    VERDICTS: {
        "cell": CELL,
        "cell_label": key("Swept settings of the cell", type="string"),
        "baseline_study": key("Study of the baseline", type="string"),
        "baseline_cell": key("Number of the cell that is the baseline"),
        "baseline_label": key("Swept settings of the baseline", type="string"),
        "worlds": Text("pairs", "Seeds that both cells have, with a value in each", type="integer"),
        "mean_difference": Text(OF_OUTCOME, "Mean of cell minus baseline over the pairs", type="number"),
        "mean_low": Text(OF_OUTCOME, "Lower end of the 95 % interval of the mean difference", type="number"),
        "mean_high": Text(OF_OUTCOME, "Upper end of the 95 % interval of the mean difference", type="number"),
        "median_difference": Text(OF_OUTCOME, "Median of cell minus baseline over the pairs", type="number"),
        "median_low": Text(OF_OUTCOME, "Lower end of the 95 % interval of the median difference", type="number"),
        "median_high": Text(OF_OUTCOME, "Upper end of the 95 % interval of the median difference", type="number"),
        "worlds_lower": Text("pairs", "Pairs in which the outcome is lower (a date: earlier) in the cell",
                             type="integer"),
        "worlds_equal": Text("pairs", "Pairs in which the outcome is the same", type="integer"),
        "worlds_higher": Text("pairs", "Pairs in which the outcome is higher (a date: later) in the cell",
                              type="integer"),
        "chance_lower": Text("share", "Share of pairs in which the outcome is lower (a date: earlier) in the cell",
                             type="number"),
        "fold": Text("factor", "How many times as many campaigns independent seeds would need for the same interval",
                     type="number"),
        "missing": Text("pairs", "Pairs left out because a value is missing", type="integer"),
        "unpaired": Text("seeds", "Seeds that only one of the two cells has", type="integer"),
        "without_event": Text("pairs", "Pairs in which the dated event did not occur in the cell", type="integer"),
        "baseline_without_event": Text("pairs", "Pairs in which the dated event did not occur in the baseline",
                                       type="integer"),
        **{f"{side}_{name}": Text(OF_OUTCOME, f"{text.replace('cell', side)}; with a threshold, {risk}", type="number")
           for side in ("cell", "baseline")
           for (name, text), risk in zip(QUANTILES.items(), (
               "the risk", "the lower end of its 95 % interval", "the upper end of its 95 % interval"), strict=True)},
        "sentence": Text("", "The comparison in a sentence", type="string"),
        "risk": Text("share", "Share of pairs in which the cell passes the threshold", type="number"),
        "baseline_risk": Text("share", "Share of pairs in which the baseline passes the threshold", type="number"),
        "in_both": Text("pairs", "Pairs in which cell and baseline pass the threshold", type="integer"),
        "prevented": Text("pairs", "Pairs in which only the baseline passes the threshold", type="integer"),
        "caused": Text("pairs", "Pairs in which only the cell passes the threshold", type="integer"),
        "in_neither": Text("pairs", "Pairs in which neither passes the threshold", type="integer"),
        "ratio": Text("ratio", "Risk in the cell over risk in the baseline", type="number"),
        "ratio_low": Text("ratio", "Lower end of the 95 % interval of the risk ratio", type="number"),
        "ratio_high": Text("ratio", "Upper end of the 95 % interval of the risk ratio", type="number"),
    },
    EFFECTS: {
        "kind": key("main: effect of one key; interaction: of two keys together", type="string"),
        "keys": key("The key, or two keys joined by x", type="string"),
        "change": key("The change whose effect is given", type="string"),
        "base": Text(OF_OUTCOME, "Outcome at the base value of the key, averaged over the other keys", type="number"),
        "size": Text(OF_OUTCOME, "Size of the effect", type="number"),
        "low": Text(OF_OUTCOME, "Lower end of the joint 95 % interval", type="number"),
        "high": Text(OF_OUTCOME, "Upper end of the joint 95 % interval", type="number"),
    },
    CODEBOOK: {
        "table": key("File name of the table in the folder of the study", type="string"),
        "column": key("Name of the column", type="string"),
        "type": key("Type: integer, number, string, boolean or date", type="string"),
        "unit": key("Unit; empty for names and texts", type="string"),
        "description": key("What the column contains; for an outcome also how it is counted and what was reported",
                           type="string"),
        "source": key("simulated, settings of the study, or the sources of a reported or declared number",
                      type="string"),
    },
}  # fmt: skip


def in_branches(meaning: str) -> str:
    """Adapt the meaning of a column of a comparison of cells to a comparison of the branches of a fork."""
    meaning = meaning.replace("cell minus baseline", "the value with the change minus that without it")
    return meaning.replace("both cells", "both branches").replace("in the cell", "with the change")


BRANCH = key("as_it_went: the campaign without the change; changed: the campaign with it", type="string")
OUTCOME = {name: FIXED["summary.csv"][name] for name in ("outcome", "label", "unit", "reported")}
OF_SEED = "part of a seed; first_day, from_day and to_day count from day 0"
OF_RESULTS: dict[str, dict[str, Text]] = {  # columns of forks, stories and worlds that studies lack
    "events.parquet": {"branch": BRANCH},
    "days.parquet": {"branch": BRANCH},
    "outcomes.csv": {
        **OUTCOME,
        "last_day": key("Last day that the outcome covers", "date", "date"),
        "as_it_went": Text(OF_OUTCOME, "Value in the first campaign without the change; empty if there is none"),
        "changed": Text(OF_OUTCOME, "Value in the first campaign with the change; empty if there is none"),
        "difference": Text(OF_OUTCOME, "Value with the change minus value without it; for a date in days"),
    },
    "verdicts.csv": {
        "change": key("The change and the day from which it holds", type="string"),
        **OUTCOME,
        **{name: text._replace(meaning=in_branches(text.meaning))
           for name, text in FIXED[VERDICTS].items()},
        "as_it_went_median": Text(OF_OUTCOME, "Median over the campaigns without the change"),
        "changed_median": Text(OF_OUTCOME, "Median over the campaigns with the change"),
        "intervals": key("Method of the intervals", type="string"),
    },
    "worlds.parquet": {
        "world": key("Number of the world, from 0"),
        "repeat": key("Run of the sampler, from 1"),
        "origin": key("Free campaign from which it descends, counted over all runs of the sampler, from 0"),
        **{name: key(f"Random draws of the world: {OF_SEED}", type="string") for parts in SEEDS.values()
           for name in parts},
    },
}  # fmt: skip


class OutcomeText(NamedTuple):
    """Description of an outcome, as in summary.csv."""

    label: str
    unit: str
    counted: str
    reported: str
    evidence: str

    @classmethod
    def of(cls, row: Outcome) -> Self:
        """Return the description of an outcome, from its declaration and its reported figure."""
        figure = reported_of(row, evidence())
        return cls(row.label, row.unit, row.counted, in_words(*figure), figure.evidence)

    def as_text(self) -> Text:
        """Return the unit, the meaning with the reported figure, and the sources."""
        reported = f" Reported: {self.reported}." if self.reported else ""
        return Text(self.unit, f"{self.label}. {self.counted}{reported}", sources_of(self.evidence) or SIMULATED)


def sources_of(ids: str) -> str:
    """Return the names of the sources of evidence, with their ids: `F064: Afghanistan Analysts Network`."""
    names = [name.strip() for name in ids.split(",") if name.strip()]
    known = evidence()
    return "; ".join(f"{name}: {known[name].source}" if name in known else name for name in names)


@dataclass(frozen=True)
class Codebook:
    """Descriptions of the columns of a study, including those of its outcomes and posts."""

    outcomes: Mapping[str, OutcomeText]
    posts: Mapping[str, str]  # reported name of each post, by short name

    @classmethod
    def of_dates(cls, facts: Facts, dates: Iterable[tuple[date, date]]) -> Self:
        """Return the codebook of campaigns between two given days."""
        found = {
            row.name: OutcomeText.of(row)
            for start, end in dict.fromkeys(dates)
            for row in read_outcomes(facts, start, (end - start).days)
        }
        return cls(found, dict(zip(facts.post, facts.post_name, strict=True)))

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """Return the codebook of a study on disk, with the descriptions of outcomes from its summary.csv.

        Raises:
            PanjError: If summary.csv is missing, cannot be read or does not name its outcomes.
        """
        rows = {row["outcome"]: row for row in read_summary(folder / "summary.csv")}
        found = {
            name: OutcomeText(*(row.get(part) or "" for part in OutcomeText._fields)) for name, row in rows.items()
        }
        facts = facts_here()
        return cls(found, dict(zip(facts.post, facts.post_name, strict=True)))

    @cached_property
    def post_series(self) -> dict[str, Text]:
        """Daily series of every post, by column of days.parquet."""
        return {
            f"{what}_{post}": text._replace(meaning=text.meaning.format(post=name))
            for what, text in AT_POSTS.items()
            for post, name in self.posts.items()
        }

    def text_of(self, kind: str, column: str) -> Text:
        """Return the unit, meaning and source of a column.

        Args:
            kind: File name of a table of the study, `verdicts` or `effects`; for a result in `result_columns.yaml`,
                kind of result and file name, such as `calibration/steps.csv`.
            column: Name of the column.
        """
        fixed = FIXED.get(kind, {}).get(column) or OF_RESULTS.get(kind, {}).get(column) or of_result(kind, column)
        if fixed is not None:
            return fixed
        if kind == "worlds.parquet" and column.startswith(LOG_LIKELIHOOD):
            return Text("", f"Log likelihood of the report {column.removeprefix(LOG_LIKELIHOOD)} in the world")
        if kind == "days.parquet" and column in self.post_series:
            return self.post_series[column]
        if kind == "runs.parquet" and column in self.outcomes:
            return self.outcomes[column].as_text()
        return text_of_setting(column)

    def describe(self, table: str, schema: pa.Schema) -> pa.Schema:
        """Add the description, unit and source of each column to the schema of a table as metadata.

        Args:
            table: File name of the table, or kind of result and file name, as in `text_of`.
            schema: Schema whose names, types and own metadata are kept.
        """
        fields = []
        for field in schema:
            text = self.text_of(table, field.name)
            said = {"description": text.meaning, "unit": text.unit, "source": text.source}
            fields.append(field.with_metadata({key: value for key, value in said.items() if value}))
        return pa.schema(fields, metadata=schema.metadata)

    def write(self, table: pa.Table, path: Path, name: str = "", **form: Any) -> None:
        """Write a table as a Parquet file with checksums, and the description of each column as metadata.

        Args:
            table: The table.
            path: Path of the file.
            name: Name of the table for `describe`; by default, that of the file.
            form: Options of `pyarrow.parquet.write_table`.
        """
        schema = self.describe(name or path.name, table.schema)
        pq.write_table(table.cast(schema), path, write_page_checksum=True, **form)

    def columns_of(self, folder: Path, table: str, result: str = "") -> list[Column]:
        """Return the columns of a table on disk, in order.

        Args:
            folder: Folder of the study or of the result.
            table: File name of the table in that folder.
            result: Kind of result in `result_columns.yaml`; empty for a study, a fork or a story.
        """
        if table.endswith(".parquet"):
            kinds = {field.name: type_of(field.type) for field in pq.read_schema(folder / table)}
            kind = f"{result}/{table}" if result and table not in OF_RESULTS else table
            texts = {name: self.text_of(kind, name) for name in kinds}
        else:
            kind, unit = kind_of(folder, table)
            unit = unit if kind not in OF_RESULTS else OF_ROW
            kind = f"{result}/{table}" if result else kind
            texts = {name: self.text_of(kind, name) for name in header_of(folder / table)}
            texts = {
                name: text._replace(unit=unit) if text.unit == OF_OUTCOME else text for name, text in texts.items()
            }
            kinds = {name: text.type or "string" for name, text in texts.items()}
        return [Column(table, name, kinds[name], text.unit, text.meaning, text.source) for name, text in texts.items()]


def text_of_setting(name: str) -> Text:
    """Return the unit, meaning and source of a swept setting or drawn number, given its key."""
    if name in declared_numbers():
        number = declared_numbers()[name]
        return Text(number.unit, f"{capitalised(number.meaning)}; as drawn or set for the campaign", number.source)
    if name in groups():
        return Text("", f"Choice of the setting {name}: {', '.join(groups()[name])}", STUDY)
    meaning = SETTINGS.get(name, f"Value of the setting {name}")
    return Text("date" if name.endswith("date") else "", capitalised(meaning), STUDY)


def capitalised(text: str) -> str:
    """Return a text with a capital first letter."""
    return text[:1].upper() + text[1:]


def type_of(kind: pa.DataType) -> str:
    """Return the name of an Arrow type in Frictionless table schemas."""
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_temporal(kind):
        return "date"
    return "number" if pa.types.is_floating(kind) else "boolean" if pa.types.is_boolean(kind) else "string"


def header_of(path: Path) -> list[str]:
    """Return the names of the columns of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file), [])


def kind_of(folder: Path, table: str) -> tuple[str, str]:
    """Return the kind of a CSV table, and the unit of its numbers.

    The unit of a comparison is that of its outcome, or `share` if it is a comparison of risks.
    """
    if not table.startswith("verdicts/"):
        return table, OF_OUTCOME
    try:
        about = json.loads((folder / table).with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        about = {}
    unit = "share" if about.get("thresholds") else about.get("unit") or OF_OUTCOME
    return EFFECTS if about.get("kind") == "effects" or "__effects" in table else VERDICTS, unit


def tables_in(folder: Path) -> Iterator[str]:
    """Yield the file names of the tables in the folder of a study, ending with those of `verdicts/`."""
    for table in FIXED:
        if table not in (VERDICTS, EFFECTS, CODEBOOK) and (folder / table).is_file():
            yield table
    for path in sorted((folder / "verdicts").glob("*.csv")):
        yield path.relative_to(folder).as_posix()


def columns_of_codebook() -> list[Column]:
    """Return the columns of codebook.csv itself."""
    rows = FIXED[CODEBOOK].items()
    return [Column(CODEBOOK, name, text.type, text.unit, text.meaning, text.source) for name, text in rows]


@cache
def described_results() -> dict[str, dict[str, dict[str, Text]]]:
    """Return the content of `result_columns.yaml`: columns by kind of result and file, including shared columns.

    The texts for parts of column names are left out; `part_of_name` returns them.
    """
    content = read_yaml(Path(__file__).with_name("result_columns.yaml"))
    whole = {"": {"shared": content.pop("shared")}, **content}
    return {
        result: {
            file: {name: Text(unit, meaning, SIMULATED, kind) for name, (kind, unit, meaning) in columns.items()}
            for file, columns in tables.items()
            if file != PARTS
        }
        for result, tables in whole.items()
    }


@cache
def part_of_name(result: str, part: str) -> str:
    """Return the text for a part of a column name of a result, such as `the posterior`; by default the part itself."""
    parts = read_yaml(Path(__file__).with_name("result_columns.yaml"))[result].get(PARTS, {})
    return str(parts.get(part, part.replace("_", " ")))


def tables_of(result: str) -> tuple[str, ...]:
    """Return the file names of the tables of a kind of result that are described in `result_columns.yaml`."""
    return tuple(file for file in described_results()[result] if file != "shared")


def of_result(kind: str, column: str) -> Text | None:
    """Return the unit and meaning of a column of a result; None for a study, a fork, a story or an unknown column.

    Args:
        kind: Kind of result and file name, such as `worlds/days.csv`.
        column: Name of the column.
    """
    result, _, file = kind.rpartition("/")
    if result not in described_results() or not result:
        return None
    places = [(result, file), (result, "shared"), ("", "shared")]
    tables = [described_results()[one].get(name, {}) for one, name in places]
    exact = next((columns[column] for columns in tables if column in columns), None)
    if exact is not None:
        return exact
    for name, text in chain.from_iterable(columns.items() for columns in tables):
        head, star, tail = name.partition("*")
        if star and len(column) > len(head + tail) and column.startswith(head) and column.endswith(tail):
            part = column.removeprefix(head).removesuffix(tail)
            return text._replace(meaning=text.meaning.replace("{}", part_of_name(result, part)))
    return None


def write_codebook(folder: Path, book: Codebook, tables: Iterable[str], result: str = "") -> None:
    """Write codebook.csv for the tables of a result, such as a fork; missing tables are skipped.

    Args:
        folder: Folder of the result.
        book: Descriptions of the columns.
        tables: File names of the tables.
        result: Kind of result in `result_columns.yaml`; empty for a fork or a story.
    """
    columns = [row for name in tables if (folder / name).is_file() for row in book.columns_of(folder, name, result)]
    text = csv_text([row._asdict() for row in [*columns, *columns_of_codebook()]])
    write_file(folder / CODEBOOK, text)


def describe_tables(folder: Path, result: str) -> None:
    """Write codebook.csv for all tables in the folder of a result that are described in `result_columns.yaml`.

    Args:
        folder: Folder of the result, which may contain tables of several commands.
        result: Kind of result in `result_columns.yaml`.

    Raises:
        PanjError: If the file cannot be written.
    """
    with write_errors(folder):
        write_codebook(folder, Codebook({}, {}), tables_of(result), result)


def columns_in(folder: Path, book: Codebook) -> Sequence[Column]:
    """Return the columns of all tables in the folder of a study.

    Args:
        folder: Folder of the study.
        book: Descriptions of the columns.
    """
    return [column for table in tables_in(folder) for column in book.columns_of(folder, table)]
