"""Build the documentation site in `dist/site`, without network: `make docs`.

The pages of `docs/` are copied to `dist/pages`. A line `<!-- build: NAME -->` in a page is replaced by what `GENERATED`
makes for that name from the code and its YAML files, so that nothing generated is kept twice. Zensical then turns the
copy into a site that opens from a folder and asks nothing of the internet.
"""

import ast
import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from generate import column_tables, policy_table

import sim
from sim import MODULES
from sim.configuration.compose import compose_settings
from sim.configuration.numbers import declared_numbers
from sim.data.configs import folder_of, read_yaml
from sim.data.evidence import read_evidence
from sim.help import reference
from sim.outcome import QUANTITIES, Outcome, describe_quantity, read_outcomes, reported_of
from sim.study.columns import in_words

ROOT = Path(__file__).parent.parent
SOURCE, PAGES, SITE = ROOT / "docs", Path("dist/pages"), Path("dist/site")
SHOWN = {".md", ".png", ".css", ".js"}  # kinds of files that the site takes from docs/
HOOK = re.compile(r"^<!-- build: (\w+) -->$", re.MULTILINE)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a Markdown table; vertical lines in cells are escaped."""
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    lines += [
        "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows
    ]
    return "\n".join(lines)


def command_line() -> str:
    """Return the reference of all verbs, and of exit codes, made from `sim/options.py`."""
    verbs, _, rest = reference().partition("\n## Settings\n")
    page = re.sub(r"```\n(.*?)\n```", r"```sh\n\1\n```", verbs, flags=re.DOTALL)
    return f"{page.strip()}\n\n## Exit codes\n{rest.partition('## Exit codes')[2]}"


def settings() -> str:
    """Return the tables of settings and of the choices of each group."""
    return reference().partition("\n## Settings\n")[2].partition("## Exit codes")[0].strip()


def numbers() -> str:
    """Return one table per rule: every number with value, unit, range, prior, source and meaning."""
    priors = read_yaml(folder_of("configs") / "priors.yaml")
    rules: dict[str, list[Sequence[object]]] = {}
    for key, one in declared_numbers().items():
        _, rule, name = key.split(".")
        drawn = priors.get(key)
        prior = f"{drawn['low']:g} to {drawn['high']:g} ({drawn['scale']})" if drawn else ""
        rules.setdefault(rule, []).append(
            (f"`{name}`", f"{one.value:g}", one.unit, f"{one.low:g} to {one.high:g}", prior, one.source, one.meaning)
        )
    heads = ("number", "value", "unit", "range", "prior", "source", "meaning")
    return "\n\n".join(f"## {rule}\n\n{table(heads, rows)}" for rule, rows in rules.items())


def events() -> str:
    """Return the table of dated events."""
    rows: Mapping[str, Any] = read_yaml(folder_of("configs") / "timeline" / "summer_2021.yaml")["events"]
    heads = ("event", "date", "what it does", "text", "source")
    return table(
        heads,
        [
            (f"`{name}`", row["date"], doing(row), row["text"], row["source"])
            for name, row in sorted(rows.items(), key=lambda one: str(one[1]["date"]))
        ],
    )


def doing(row: Mapping[str, Any]) -> str:
    """Describe what a dated event does: its act, with condition or district and value."""
    place = row.get("condition", row.get("district", ""))
    return " ".join(
        str(part) for part in (row["act"], f"`{place}`" if place else "", row.get("value", "")) if part != ""
    )


def outcomes() -> str:
    """Return the table of all outcomes: label, unit, how it is counted, and what was reported."""
    usual = compose_settings([])
    evidence = {row.id: row for row in read_evidence()}
    found = read_outcomes(usual.facts, usual.start_date, usual.days)

    def row(one: Outcome) -> Sequence[object]:
        figure = reported_of(one, evidence)
        said = in_words(figure.value, figure.low, figure.high, figure.evidence)
        return f"`{one.name}`", one.label, one.unit, one.counted, said

    return table(("outcome", "meaning", "unit", "how it is counted", "reported"), map(row, found))


def quantities() -> str:
    """Return the table of what an outcome of a user can count."""
    return table(("quantity", "how it is counted"), ((f"`{name}`", describe_quantity(name)) for name in QUANTITIES))


def rules() -> str:
    """Return the opening docstring of every rule, in the order of the day."""
    order = [name.removeprefix("sim.engine.rules.") for name in imported_by(ROOT / "sim" / "engine" / "day.py")]
    paths = {path.stem: path for path in sorted((ROOT / "sim" / "engine" / "rules").glob("[a-z]*.py"))}
    names = [name for name in dict.fromkeys(("founding", *called_in_order(order), *paths)) if name in paths]
    return "\n\n".join(rule_card(paths[name]) for name in names)


def imported_by(path: Path) -> list[str]:
    """List the modules that a file imports from."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]


def called_in_order(modules: Sequence[str]) -> list[str]:
    """Sort rules by the first call of any of their functions in `day.py`."""
    text = (ROOT / "sim" / "engine" / "day.py").read_text(encoding="utf-8")
    day = text.partition("def run_day")[2]
    places = {}
    for module in modules:
        for names in re.findall(rf"from sim\.engine\.rules\.{module} import ([^\n]+)", text):
            calls = [day.find(f"    {name.strip()}(") for name in names.split(",")]
            places[module] = min([place for place in calls if place >= 0], default=len(day))
    return sorted(places, key=lambda module: places[module])


def rule_card(path: Path) -> str:
    """Return the docstring of a rule as a section: its sentence, then what it reads and writes, and its sources."""
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    first, _, rest = doc.partition("\n\n")
    parts = [f"## {path.stem}", " ".join(first.split())]
    for block in re.split(r"\n(?=\S)", rest.strip()):
        head, _, text = block.partition(" ")
        is_head = head in ("Reads", "Writes", "Source", "Sources")
        parts.append(f"**{head}** {' '.join(text.split())}" if is_head else " ".join(block.split()))
    return (
        "\n\n".join(parts)
        + f"\n\nNumbers: [{path.stem}](numbers.md#{path.stem}). Code: `sim/engine/rules/{path.name}`."
    )


def api() -> str:
    """Return a directive for mkdocstrings for each name that `import sim` offers: functions first, then classes."""
    return "\n\n".join(f'::: {place}\n    options:\n      heading: "sim.{name}"' for name, place in exported())


def exported() -> list[tuple[str, str]]:
    """List the public names of `sim` and the places where they are defined, in the order of the code there."""
    found = [(name, getattr(sim, name)) for name in sim.__all__]

    def order(one: tuple[str, Any]) -> tuple[bool, bool, str, int]:
        name, value = one
        place = MODULES[name]
        return inspect.isclass(value), place != "sim.api.verbs", place, inspect.getsourcelines(value)[1]

    found.sort(key=order)
    return [(name, f"{value.__module__}.{value.__qualname__}") for name, value in found]


def included(path: str) -> Callable[[], str]:
    """Return a function that reads a Markdown file, with links that lead from `reference/` and a line before lists.

    Markdown here is that of Python, in which a list begins after an empty line.
    """

    def page_of(found: re.Match[str]) -> str:
        pages = sorted(SOURCE.rglob(found[1]))
        return f"](../{pages[0].relative_to(SOURCE).as_posix()})" if pages else found[0]

    def read() -> str:
        text = re.sub(r"\]\((?:docs/)?([\w-]+\.md)\)", page_of, (ROOT / path).read_text(encoding="utf-8"))
        return re.sub(r"^([^-\s].*)\n(?=- )", r"\1\n\n", text, flags=re.MULTILINE)

    return read


GENERATED: Mapping[str, Callable[[], str]] = {
    "api": api,
    "changes": included("CHANGELOG.md"),
    "columns": column_tables,
    "command_line": command_line,
    "data": included("sim/data/README.md"),
    "events": events,
    "measured": included("benchmarks/results.md"),
    "numbers": numbers,
    "outcomes": outcomes,
    "policies": policy_table,
    "quantities": quantities,
    "rules": rules,
    "settings": settings,
}


def stage(pages: Path) -> None:
    """Copy `docs/` to a folder and fill in what is generated.

    Args:
        pages: The folder, which is emptied first.
    """
    shutil.rmtree(pages, ignore_errors=True)
    for path in sorted(SOURCE.rglob("*")):
        if path.suffix in SHOWN:
            target = pages / path.relative_to(SOURCE)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    for path in sorted(pages.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        path.write_text(HOOK.sub(lambda found: GENERATED[found[1]](), text), encoding="utf-8")


def build(folder: Path = ROOT) -> int:
    """Build the site in a folder that has `zensical.toml`, and return the exit code; a link to nowhere is an error."""
    stage(folder / PAGES)
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    return subprocess.run(command, cwd=folder, env={**os.environ, "NO_COLOR": "1"}, check=False).returncode


def main() -> int:
    """Build the site and say where it is."""
    code = build()
    if code == 0:
        print(f"Open {SITE / 'index.html'}")
    return code


if __name__ == "__main__":
    sys.exit(main())
