"""A fit as one HTML page that loads nothing: what was fitted and learned, the record, the chains, how it was made.

Reads   what `sim.show.fitted` reads and the figures beside it; every `section_*.json` in the folder, in the order of
        their names: {"title": ..., "paragraphs": [...], "tables": ["x.csv"], "figures": ["x.png"]}, and the files that
        it names, beside it. Checks of a calibration write such sections, and then this page again.
Writes  report.html.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sim.errors import PanjError
from sim.show.fitted import (
    Fitted,
    Row,
    read_fit,
    rows_in,
    say_chains,
    say_fit,
    say_inside,
    say_learned,
    say_pressed,
    short,
)
from sim.show.page import Picture, Source, make_source, read_picture, say_keys, template_of
from sim.show.record import evidence
from sim.show.score_figure import say as say_cell
from sim.show.style import write_whole

MOST_ROWS = 200  # of a table on the page; all are in its file
FIGURES = {  # file: heading and what it shows
    "prior_posterior.png": ("Before and after", "The fitted numbers within their priors."),
    "pairs.png": ("Which values go together", "Each pair of fitted numbers."),
    "predictive.png": ("Targets before and after", "Each target: the bank, the fit, and what was reported."),
    "generations.png": ("How the chains came nearer", "Tolerance, acceptance and effective draws by generation."),
}
PROVENANCE = {  # key of fit.json: words
    "bank": "Bank", "rows": "Campaigns of the bank", "failed": "Failed", "accept": "Share accepted at first",
    "refine": "Refined", "chains": "Chains", "seed": "Seed of the chains", "draws": "Draws", "tolerance": "Tolerance",
    "effective_sample_size": "Effective draws", "simulations_lived": "Simulations of the chains", "ended": "Ended",
    "again_from": "First seed of the campaigns lived again", "posterior": "Fingerprint of the posterior",
    "commit": "Version of the code", "bank_commit": "Version that made the bank",
    "data_fingerprint": "Fingerprint of the data", "rules_fingerprint": "Fingerprint of the rules",
    "settings_fingerprint": "Fingerprint of the settings", "outcomes_fingerprint": "Fingerprint of the outcomes",
    "priors_fingerprint": "Fingerprint of the priors",
}  # fmt: skip
FILES = ("posterior.parquet", "posterior_first.parquet", "fit.json", "diagnostics.csv", "predictive.csv",
         "screening.csv", "generations.csv", "chains.csv", "chains.parquet")  # fmt: skip
Cells = list[str]


class TableBlock(NamedTuple):
    """A table on the page."""

    name: str  # of its file; nothing where there is none
    columns: Cells
    rows: list[Cells]
    more: int  # rows that only the file has


class Section(NamedTuple):
    """A part of the page that another step of the calibration made."""

    title: str
    paragraphs: list[str]
    tables: list[TableBlock]
    figures: list[Picture]


def write_page_of_fit(folder: Path, sections: Path | None = None) -> Path:
    """The page of a fit, into its folder; `sections` is where its further sections lie, if not there.

    Raises PanjError for a fit or a section that is not as expected.
    """
    made = read_fit(folder)
    about = made.about
    page = template_of("calibration.html").render(
        about={"study": f"calibration of {about['bank']}", "scenario": "fit"},
        heading="Calibration: the uncertain numbers and the record",
        campaigns=say_fit(made),
        learned=[say_learned(made), *say_pressed(made)],
        is_refined=made.is_refined,
        fitted=about["targets"],
        left_out=about["left_out"],
        numbers=table_of_numbers(made),
        inside=say_inside(made),
        record=table_of_record(made),
        chains=say_chains(made),
        generations=table_of_generations(made),
        agreement=table_of_agreement(made),
        screening=block("screening.csv", made.screening),
        figures={name: [read_picture(folder / name, *words)] for name, words in FIGURES.items()
                 if (folder / name).is_file()},
        sections=read_sections(sections or folder, about["posterior"]),
        sources=sources_of(made.predictive),
        provenance={words: say_value(about[key]) for key, words in PROVENANCE.items() if about.get(key) is not None},
        versions=say_keys(about["versions"]),
        files=[name for name in FILES if (folder / name).is_file()],
        settings=json.dumps(about, indent=1),
        settings_from="fit.json",
    )  # fmt: skip
    return write_whole(folder / "report.html", lambda file: file.write_text(page, encoding="utf-8"))


def say_value(value: Any) -> str:
    """A number to four figures, or whatever else as text."""
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def say_number(cell: str) -> str:
    """A number of a table to three figures."""
    return f"{float(cell):.3g}".replace("-", "−")


def table_of_numbers(made: Fitted) -> TableBlock:
    """A row a fitted number."""
    stages = [("prior", "Prior"), *([("first", "First fit")] if made.is_refined else []), ("posterior", "Posterior")]
    columns = ["Number", *(f"{word}: median (90 %)" for _, word in stages), "Contraction", "KS distance"]
    rows = [
        [short(key), *(say_spread(made.rows[key], stage) for stage, _ in stages),
         *(say_number(made.rows[key][name]) for name in ("contraction", "ks_distance"))]
        for key in made.shares
    ]  # fmt: skip
    return TableBlock("diagnostics.csv", columns, rows, 0)


def say_spread(row: Row, stage: str) -> str:
    """`5 (2 to 9)`."""
    median, low, high = (say_number(row[f"{stage}_{name}"]) for name in ("median", "low_90", "high_90"))
    return f"{median} ({low} to {high})"


def table_of_record(made: Fitted) -> TableBlock:
    """A row a target."""
    stages = [("", "Bank"), ("accepted_", "Accepted"), *([("again_", "Posterior")] if made.is_refined else [])]
    columns = ["Target", "Reported", *(f"{word}: median (90 %)" for _, word in stages), "Inside", "Use"]
    rows = [
        [row["target"].replace("_", " "), say_reported(row), *(say_cuts(row, stage) for stage, _ in stages),
         row["inside_90"], row["use"]]
        for row in made.predictive
    ]  # fmt: skip
    return TableBlock("predictive.csv", columns, rows, 0)


def say_cuts(row: Row, stage: str) -> str:
    """The same of an outcome, which may be a date."""
    median, low, high = (say_cell(row[f"{stage}{name}"]) for name in ("median", "low_90", "high_90"))
    return f"{median} ({low} to {high})"


def say_reported(row: Row) -> str:
    """The number reported, or its bounds."""
    value, low, high = (say_cell(row[key]) for key in ("reported", "reported_low", "reported_high"))
    bounds = f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}" if high else ""
    return f"{value} ({bounds})" if value and low and high and low != high else value or bounds


def table_of_generations(made: Fitted) -> TableBlock:
    """A row a generation."""
    columns = ["Generation", "Tolerance", "Draws", "Simulations", "Accepted", "Effective draws", "Failed"]
    rows = [
        [row["generation"], say_number(row["tolerance"]), f"{int(row['draws']):,}", f"{int(row['simulations']):,}",
         f"{float(row['acceptance']):.2%}", f"{float(row['effective_sample_size']):,.0f}", row["failed"]]
        for row in made.generations
    ]  # fmt: skip
    return TableBlock("generations.csv", columns, rows, 0)


def table_of_agreement(made: Fitted) -> TableBlock:
    """A row a fitted number: the chains side by side; without rows where there are no two chains."""
    chains = [name for name in (made.chains[0] if made.chains else {}) if name.startswith("chain_")]
    columns = ["Number", *(f"Median of {name.replace('_', ' ')}" for name in chains), "Apart [sd]",
               "Standard error [sd]", "Agree"]  # fmt: skip
    rows = [
        [short(row["number"]), *(say_number(row[name]) for name in (*chains, "apart", "error")), row["agree"]]
        for row in made.chains
    ]  # fmt: skip
    return TableBlock("chains.csv", columns, rows, 0)


def block(name: str, rows: Sequence[Row]) -> TableBlock:
    """A table as it lies in its file."""
    columns = list(rows[0]) if rows else []
    return TableBlock(name, [column.replace("_", " ") for column in columns],
                      [[row[column] for column in columns] for row in rows[:MOST_ROWS]],
                      max(0, len(rows) - MOST_ROWS))  # fmt: skip


def read_sections(folder: Path, posterior: str) -> list[Section]:
    """Further sections, in the order of the names of their files."""
    return [read_section(path, posterior) for path in sorted(folder.glob("section_*.json"))]


def read_section(path: Path, posterior: str) -> Section:
    """One section; PanjError says what is wrong with it.

    A section may say which `posterior` it was made for; if that is another one, the page says so.
    """
    try:
        told = dict(json.loads(path.read_text(encoding="utf-8")))
        paragraphs = [str(one) for one in told.get("paragraphs", [])]
        if told.get("posterior", posterior) != posterior:
            paragraphs.insert(0, "This section was made for an earlier fit.")
        return Section(
            str(told["title"]),
            paragraphs,
            [block(name, rows_in(path.parent / name)) for name in told.get("tables", [])],
            [read_picture(path.parent / name, "", str(told["title"])) for name in told.get("figures", [])],
        )
    except OSError as error:
        raise PanjError(f"{path}: found no {error.filename}, expected a file beside it") from None
    except (ValueError, KeyError, TypeError) as error:
        expected = "a title, paragraphs, tables and figures"
        raise PanjError(f"{path}: found something else ({error}), expected {expected}") from None


def sources_of(rows: Iterable[Row]) -> list[Source]:
    """The evidence behind the targets, in the order of its file."""
    cited = {one for row in rows for one in row["evidence"].split()}
    return [make_source(row) for one, row in evidence().items() if one in cited]
