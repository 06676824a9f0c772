"""Write the page: `python -m sim explorable [policies=...]`.

Reads the study run by `sim.explorable.campaigns`, page/ (template, style and scripts), text/.
Writes one HTML file of at most 2.5 MB that loads nothing, atomically. Its scripts and styles are allowed only by their
       hashes (Content-Security-Policy); its last line contains a digest, so that an edited file is not overwritten.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from rich.console import Console

from sim.configuration.overrides import Overrides
from sim.errors import PanjError
from sim.explorable.campaigns import Gathered, compose, gather
from sim.explorable.content import SCENES, about_page, ids_in, provenance_of, read_texts, sources_of
from sim.explorable.encoding import described, packed
from sim.memo.page import refuse_edited, sealed
from sim.options import Explorable
from sim.provenance import shell_command
from sim.study.files import refuse_folder, write_errors, write_file
from sim.wording import language_of

PAGE = Path(__file__).parent / "page"
SCRIPTS = ("campaigns", "figures", "map", "curve", "dots", "scenes")  # scripts in the order of their dependencies
MOST_BYTES = 2_500_000
VERB = "explorable"
NAMED = ("runs", "seed")  # settings included in the name of a page
IMPORT = re.compile(r"^import .*?;\n", re.MULTILINE | re.DOTALL)
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">')
CAMPAIGNS = re.compile(r'<template id="campaigns">([^<]+)</template>')
EXPORT = re.compile(r"^export ", re.MULTILINE)


class Written(NamedTuple):
    """A written page with its content."""

    path: Path
    size: int  # size in bytes
    gathered: Gathered


def write_explorable(request: Explorable, console: Console) -> Written:
    """Run the campaigns of a page that are not stored, and write the page.

    Args:
        request: The parsed command line.
        console: Console for progress.

    Returns:
        The path of the page, its size and its campaigns.

    Raises:
        PanjError: The request is invalid, the page would be too large, or it would replace an edited file.
        Stopped: After Ctrl-C; the same command continues.
    """
    sweep = compose(request)
    path = request.place or sweep.base.results_dir / sweep.base.study / file_name(request)
    with write_errors(path, "out"):
        refuse_folder(path)  # before campaigns are run
    refuse_edited([path], VERB)
    read_texts(request.lang)  # an unknown language is refused before campaigns are run
    gathered = gather(request, sweep, console)
    page = page_of(gathered, request.lang)
    refuse_other(path, page)
    size = len(page.encode())
    if size > MOST_BYTES:
        raise PanjError(
            f"runs: found {len(gathered.seeds)} campaigns with {len(gathered.decisions)} decisions, a page of "
            f"{size:,} bytes, expected at most {MOST_BYTES:,}; lower runs= or name fewer policies"
        )
    with write_errors(path.parent, "out"):
        write_file(path, page)
    return Written(path, size, gathered)


def file_name(request: Explorable) -> str:
    """Return the default file name of a page, which includes the settings that distinguish pages of one study.

    Args:
        request: The parsed command line.
    """
    given = [row for row in Overrides.of(request.overrides) if row.key in NAMED]
    worlds = request.worlds if request.worlds != Explorable.worlds else ()
    language = [f"lang_{request.lang}"] if request.lang != Explorable.lang else []
    return "__".join([VERB, *worlds, *language, *(f"{row.key}_{row.value}" for row in given)]) + ".html"


def refuse_other(path: Path, page: str) -> None:
    """Raise PanjError if a page would replace a page with other campaigns, decisions or sources of chance."""
    if not path.is_file():
        return
    before, after = (description_of_page(one) for one in (path.read_text(encoding="utf-8"), page))
    if before != after:
        found, expected = (", ".join(str(part) for part in one[:3]) for one in (before, after))
        raise PanjError(
            f"out: found {path} with {found}, expected a page with {expected} or another name, such as "
            f"out={path.with_stem(f'{path.stem}_2').name}; nothing is written"
        )


def description_of_page(page: str) -> tuple[str, str, str, str]:
    """Return a description of a page: its campaigns, decisions, sources of chance and settings."""
    about = described(campaigns_in(page))
    decisions, worlds = (" ".join(one["key"] for one in about[what] if one["key"]) for what in ("decisions", "worlds"))
    seeds = about["seeds"]
    return f"seeds {seeds[0]} to {seeds[-1]}", decisions, worlds, about["fingerprints"]["settings"]


def page_of(gathered: Gathered, language: str = "en") -> str:
    """Return the page as HTML.

    Args:
        gathered: Campaigns of the page.
        language: Language of its texts.
    """
    texts = read_texts(language)
    style, script = (PAGE / "page.css").read_text(encoding="utf-8"), joined_scripts()
    about = about_page(gathered, texts)
    values = {
        "districts": about["districts"],
        "runs": len(gathered.seeds),
        "manner": about["worlds"][0]["manner"],
    }
    return sealed(
        template_in(PAGE).render(
            texts=formatted(texts, values), scenes=SCENES, style=style, script=script, language=language,
            style_hash=hash_of(style), script_hash=hash_of(script), about=about,
            campaigns=packed(about, gathered.courses()), provenance=provenance_of(gathered),
            sources=sources_of([*ids_in(texts), *(one["id"] for one in about["record"])], language_of(language)),
        ),
        VERB,
    )  # fmt: skip


def template_in(folder: Path) -> Template:
    """Load the template page.html of a folder; missing variables raise an error, and all values are escaped."""
    places = FileSystemLoader(folder)
    environment = Environment(
        loader=places, undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html")


def formatted(node: Any, values: Mapping[str, Any]) -> Any:
    """Fill values into a tree of texts, except the sentences under `says`, which scripts fill in."""
    if isinstance(node, Mapping):
        return {key: value if key == "says" else formatted(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [formatted(one, values) for one in node]
    return node.format(**values) if isinstance(node, str) else node


def joined_scripts() -> str:
    """Concatenate the modules of the page, without their imports of each other."""
    modules = ((PAGE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    return "\n".join(EXPORT.sub("", IMPORT.sub("", text)) for text in modules)


def hash_of(text: str) -> str:
    """Return the hash that a Content-Security-Policy uses to allow an inline script or style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def policy_in(page: str) -> str:
    """Return the Content-Security-Policy in a page, for a server that sends it as a header.

    Args:
        page: The page, as written by `write_explorable`.
    """
    return stated(POLICY, page)


def campaigns_in(page: str) -> str:
    """Return the base64 text of the campaigns of a page, for `sim.explorable.encoding.unpacked`.

    Args:
        page: The page, as written by `write_explorable`.
    """
    return stated(CAMPAIGNS, page)


def stated(pattern: re.Pattern[str], page: str) -> str:
    """Return the text matched by the group of a pattern in a page; every page of Panj has a match."""
    found = pattern.search(page)
    assert found is not None, "a page of Panj states its policy and has campaigns"
    return found[1]


def show_explorable(written: Written) -> int:
    """Print the path of the page and how to use it, and return the exit code."""
    print(f"Written: {written.path} ({written.size / 1e6:.2f} MB)")
    print("Next: open it in a browser, or copy it to a stick or a web page; it loads nothing")
    print(f"      or tell one of its campaigns: {shell_command(['story', written.gathered.study.folder])}")
    return 0


def explorable_record(written: Written) -> dict[str, Any]:
    """Return the result printed by --json for a page."""
    gathered = written.gathered
    return {
        "path": str(written.path), "bytes": written.size, "folder": str(gathered.study.folder),
        "worlds": list(gathered.worlds), "decisions": [one for one in gathered.decisions if one],
        "campaigns_per_decision": len(gathered.seeds),
    }  # fmt: skip
