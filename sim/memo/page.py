"""Write a memo as HTML, which prints on two pages, and as Markdown, from the same content.

Reads   templates/memo.html of `sim.plots`, the figure of the memo.
Writes  one file per format, atomically. The last line contains a digest of the lines before it, so that an edited file
        is detected and never overwritten.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sim.errors import PanjError
from sim.plots.page import Source, read_picture, template_of
from sim.provenance import digest_of
from sim.study.files import write_file

SEAL = re.compile(r"<!-- panj (\w+) ([0-9a-f]+) -->\n\Z")


class Table(NamedTuple):
    """The table of a memo. The first cell of each row is its name."""

    heading: str
    caption: str
    columns: list[str]
    rows: list[list[str]]
    rest: str  # note on omitted rows; empty if there are none
    file: str  # relative path of the complete table; empty if there is none


class Brief(NamedTuple):
    """Content of a memo, in the order of its parts; all entries are text."""

    title: str
    campaigns: str  # number, scenario and parameters of the campaigns
    question: str
    choices: Mapping[str, str]  # description of each setting, keyed by `key=value`
    answer: Sequence[str]
    method: Sequence[str]
    table: Table
    effects: str  # paragraph on effects over a full grid; empty if there is none
    figure: Path
    figure_heading: str
    explained: str  # explanation of the figure
    rests: Sequence[str]
    changes: Mapping[str, str]  # description of what each setting changes, keyed by `key=value`
    sources: Sequence[Source]
    limits: Sequence[str]
    commands: Sequence[str]
    provenance: Mapping[str, str]
    terms: Sequence[str]


def write_html(path: Path, brief: Brief) -> Path:
    """Write a memo as one HTML file with its figure inside.

    Args:
        path: Path of the file, which is replaced atomically.
        brief: Content of the memo.

    Returns:
        The path.
    """
    picture = read_picture(brief.figure, brief.figure_heading, brief.explained)
    return write_file(path, sealed(template_of("memo.html").render(brief=brief, picture=picture)))


def write_markdown(path: Path, brief: Brief) -> Path:
    """Write a memo as Markdown, with a link to the figure next to it.

    Args:
        path: Path of the file, which is replaced atomically.
        brief: Content of the memo.

    Returns:
        The path.
    """
    table = brief.table
    rest = f"{plain(table.rest)} " if table.rest else ""
    link = f"{rest}Whole table: [{table.file.rpartition('/')[2]}]({table.file})." if table.file else rest
    parts = [
        f"# {plain(brief.title)}",
        plain(brief.campaigns),
        "## Question", plain(brief.question), listed(brief.choices),
        "## Answer", *map(plain, brief.answer),
        "## Method", plain(" ".join(brief.method)),
        f"## {table.heading}", plain(table.caption), table_of(table), link, plain(brief.effects),
        "## Figure", f"![{plain(brief.figure_heading)}]({brief.figure.name})", plain(brief.explained),
        "## What it rests on", bullets(brief.rests), listed(brief.changes),
        "\n".join(f"- {cite(source)}" for source in brief.sources),
        "## What it does not say", bullets(brief.limits),
        "## How to reproduce", "```\n" + "\n".join(brief.commands) + "\n```", listed(brief.provenance),
        *map(plain, brief.terms),
    ]  # fmt: skip
    return write_file(path, sealed("\n\n".join(part for part in parts if part) + "\n"))


def plain(text: str) -> str:
    """Escape the characters of a text that Markdown would interpret as markup."""
    return re.sub(r"([\\`*\[\]<|])", r"\\\1", text)


def bullets(sentences: Sequence[str]) -> str:
    """Format sentences as a Markdown list."""
    return "\n".join(f"- {plain(sentence)}" for sentence in sentences)


def listed(pairs: Mapping[str, str]) -> str:
    """Format texts with their names as a Markdown list."""
    return "\n".join(f"- **{plain(name)}**: {plain(text)}" for name, text in pairs.items())


def cite(source: Source) -> str:
    """Format a row of evidence in Markdown, with a link if its source has one."""
    name = f"[{plain(source.source)}]({source.link})" if source.link else plain(source.source)
    return f"**{source.id}**, {plain(source.when)}: {plain(source.said)}. {name}"


def table_of(table: Table) -> str:
    """Format a table in Markdown."""
    rows = [table.columns, ["---"] * len(table.columns), *table.rows]
    return "\n".join(f"| {' | '.join(map(plain, row))} |" for row in rows)


def sealed(text: str, verb: str = "memo") -> str:
    """Append a line to a text: a comment with the verb and a digest of the text."""
    return f"{text.rstrip()}\n<!-- panj {verb} {digest_of(text.rstrip().encode())} -->\n"


def refuse_edited(paths: Sequence[Path], verb: str = "memo") -> None:
    """Check that no edited file would be overwritten.

    Args:
        paths: Files about to be written; those that do not exist are not checked.
        verb: The verb that writes them.

    Raises:
        PanjError: A file was edited after Panj wrote it.
    """
    for path in paths:
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found = SEAL.search(text)
        if found is None or sealed(text[: found.start()], verb) != text:
            raise PanjError(
                f"{verb}: found {path}, which was edited, expected it to be moved or renamed first; nothing is written"
            )
