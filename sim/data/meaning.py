"""Compute fingerprints of code and data that depend only on what the code computes and what the data contain.

Changes to comments, docstrings, error messages, file names, imports, line breaks, and annotations other than those of
class fields do not change a fingerprint. Changes to operators, numbers, names or the order of statements within a
definition do.
"""

import ast
import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

DIGITS = 16  # hexadecimal digits of a fingerprint
PROSE = frozenset(  # columns with explanations, which no computation uses
    {"note", "source", "source_url", "fell_source_url", "quote", "coordinate_note", "reason", "alt_names"}
)
BODIES = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
OF_THE_PARSER = frozenset({"ctx", "kind", "returns", "annotation", "type_comment", "type_ignores", "type_params"})
OURS = "sim."


def fingerprint_of(parts: Iterable[str]) -> str:
    """Return the fingerprint of a sequence of texts.

    Args:
        parts: Texts, whose order affects the fingerprint.

    Returns:
        The first 16 hexadecimal digits of the SHA-256 of the texts, joined by line breaks.
    """
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:DIGITS]


def meaning_of_code(sources: Iterable[str], roots: Iterable[str] = ()) -> list[str]:
    """Return the top-level definitions of some modules as normalised text.

    Args:
        sources: Source text of each module. Names defined in our own modules must be unique, since paths are omitted.
        roots: Names of definitions. If any are given, only these definitions and those that they use, directly or
            indirectly, are returned.

    Returns:
        One text per definition or other top-level statement, in alphabetical order. Imports are omitted; names imported
        from other packages are written with their module.
    """
    found = [definition for source in sources for definition in definitions_in(source)]
    return meaning_of_definitions(found, roots)


def meaning_of_definitions(found: Sequence["Definition"], roots: Iterable[str] = ()) -> list[str]:
    """Return the normalised text of parsed definitions, in alphabetical order.

    Args:
        found: Definitions, from `definitions_in`.
        roots: Names of definitions. If any are given, only these definitions and those that they use, directly or
            indirectly, are returned.
    """
    wanted = set(roots)
    while wanted:
        used = wanted.union(*(each.uses for each in found if each.names & wanted))
        if used == wanted:
            break
        wanted = used
    return sorted(each.text for each in found if not wanted or each.names & wanted)


class Definition(NamedTuple):
    """A top-level statement of a module: the names that it defines, the names that it uses, and its normalised text."""

    names: frozenset[str]  # names that it defines
    uses: frozenset[str]  # names that it reads
    text: str  # normalised source text


def definitions_in(source: str) -> Iterator[Definition]:
    """Yield each top-level statement of a module except imports and the module docstring."""
    tree = ast.parse(source)
    origins = origins_of_imports(tree)
    for node in body_of(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
            bound = {part.id for part in names if isinstance(part.ctx, ast.Store)}
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                bound = {node.name}
            used = frozenset(part.id for part in names if isinstance(part.ctx, ast.Load))
            yield Definition(frozenset(bound), used, normalised(node, origins))


def origins_of_imports(tree: ast.AST) -> dict[str, str]:
    """Return the origin of each imported name.

    This is `module.name` for a name from another package, and `name` for one from our own modules.
    """
    origins: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            origins |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            prefix = "" if f"{node.module}.".startswith(OURS) else f"{node.module}."
            origins |= {alias.asname or alias.name: prefix + alias.name for alias in node.names}
    return origins


def body_of(node: Any) -> list[ast.stmt]:
    """Return the statements of a module, class or function without its docstring."""
    body: list[ast.stmt] = node.body
    first = body[0] if body else None
    is_text = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return body[1:] if is_text else body


def normalised(node: ast.AST, origins: Mapping[str, str]) -> str:
    """Return a top-level statement as text that is the same in every Python version."""
    parts: list[str] = []
    write(node, origins, parts, False)
    return " ".join(parts)


def write(node: Any, origins: Mapping[str, str], parts: list[str], is_field: bool) -> None:
    """Append the normalised text of a node to `parts`.

    The annotation of a class field (`is_field`) is kept, since it decides the type to which a number is converted.
    Error messages are omitted: only the class or function that makes the error is kept from a `raise` statement.
    """
    kind = type(node)
    if kind is list:
        parts.append("[")
        for part in node:
            write(part, origins, parts, is_field)
        parts.append("]")
    elif kind is ast.Name:
        parts.append(origins.get(node.id, node.id))
    elif kind is ast.Constant:
        parts.append(repr(node.value))
    elif kind is ast.Raise and isinstance(node.exc, ast.Call):
        parts.append("Raise")
        write(node.exc.func, origins, parts, False)
    elif kind is ast.AnnAssign:
        parts.append("Assign")
        for part in [[node.target], node.value, *([node.annotation] if is_field else [])]:
            write(part, origins, parts, False)
    elif isinstance(node, ast.AST):
        parts.append(kind.__name__)
        for name in fields_of(kind.__name__):
            value = getattr(node, name, None)
            if name == "body" and isinstance(node, BODIES):
                value = body_of(node)
            write(value, origins, parts, kind is ast.ClassDef)
    else:
        parts.append(repr(node))


@cache
def fields_of(kind: str) -> tuple[str, ...]:
    """Return the fields of an AST node type that affect what the node computes, in alphabetical order.

    They are the same in every Python version.
    """
    return tuple(sorted(set(getattr(ast, kind)._fields) - OF_THE_PARSER))


def meaning_of_table(
    text: str,
    counts: Callable[[str], bool] = lambda _name: True,
    is_kept: Callable[[Mapping[str, str]], bool] = lambda _row: True,
) -> str:
    """Return the rows of a CSV as normalised text.

    Equal numbers such as 1 and 1.0 are written alike, and cells are sorted by column name. Columns of prose, such as
    notes and sources, are omitted.

    Args:
        text: Text of the CSV, with a header.
        counts: Function that returns whether a column, given by name, is included.
        is_kept: Function that returns whether a row, given as cells by column, is included.
    """
    rows = [
        {name: value_of(cell) for name, cell in sorted(row.items()) if name not in PROSE and counts(name)}
        for row in csv.DictReader(text.splitlines())
        if is_kept(row)
    ]
    return json.dumps(rows)


def value_of(cell: str) -> float | str:
    """Return a cell as a number if it contains a number, otherwise as text without surrounding spaces."""
    try:
        return float(cell)
    except ValueError:
        return cell.strip()


def read_sources(paths: Iterable[Path]) -> list[str]:
    """Return the text of source files, without byte order marks."""
    return [path.read_text(encoding="utf-8-sig") for path in paths]
