"""The site of the documentation is whole, opens without a network, and has what the code and its files declare."""

import re
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest

import sim
from sim.configuration.numbers import declared_numbers
from sim.options import VERBS
from sim.outcome import declared_rows
from tests.shared import ROOT

sys.path.insert(0, str(ROOT / "docs"))
import make_site

LOADING = ("script", "link", "img", "source", "iframe", "audio", "video", "object", "embed", "use")
OUTSIDE = re.compile(r"^(https?:)?//")


class Page(HTMLParser):
    """What a page loads, its headings of the first level, and its pictures without a description."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.heads = 0
        self.undescribed: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.heads += tag == "h1"
        if tag in LOADING and given.get("rel") not in ("canonical", "next", "prev"):
            self.loads += [value for key in ("src", "href", "data", "srcset") if (value := given.get(key))]
        if tag == "img" and not given.get("alt"):
            self.undescribed.append(given.get("src") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site, built in a folder of its own."""
    folder = tmp_path_factory.mktemp("documentation")
    config = (ROOT / "zensical.toml").read_text(encoding="utf-8").replace('paths = ["."]', f"paths = [{str(ROOT)!r}]")
    (folder / "zensical.toml").write_text(config, encoding="utf-8")
    assert make_site.build(folder) == 0
    return folder / make_site.SITE


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        assert not [url for url in Page(page.read_text(encoding="utf-8")).loads if OUTSIDE.match(url)], page
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import )[\"']?(https?:)?//", style.read_text(encoding="utf-8")), style


def test_every_page_has_one_heading_and_describes_its_pictures(site: Path) -> None:
    for path in site.rglob("*.html"):
        page = Page(path.read_text(encoding="utf-8"))
        assert path.name == "404.html" or page.heads == 1, path
        assert not page.undescribed, path


def test_every_page_is_in_the_navigation() -> None:
    with (ROOT / "zensical.toml").open("rb") as file:
        text = str(tomllib.load(file)["project"]["nav"])
    named = set(re.findall(r"'([\w/-]+\.md)'", text))
    assert named == {path.relative_to(make_site.SOURCE).as_posix() for path in make_site.SOURCE.rglob("*.md")}


def test_the_reference_has_every_verb_outcome_number_and_name(site: Path) -> None:
    def page(name: str) -> str:
        return (site / "reference" / f"{name}.html").read_text(encoding="utf-8")

    assert all(f'id="{verb}"' in page("command-line") for verb in VERBS)
    assert all(f"<code>{name}</code>" in page("outcomes") for name in declared_rows() if "last_day" not in name)
    assert all(f"<code>{key.split('.')[2]}</code>" in page("numbers") for key in declared_numbers())
    assert all(f"sim.{name}" in page("api") for name in sim.__all__)


def test_every_part_that_is_built_is_on_a_page_and_every_mark_is_known() -> None:
    found = [
        name for path in make_site.SOURCE.rglob("*.md") for name in make_site.HOOK.findall(path.read_text("utf-8"))
    ]
    assert sorted(found) == sorted(make_site.GENERATED)


def test_the_home_page_names_the_dead_the_sources_the_licence_and_how_to_cite(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    assert all(part in text for part in ("People died", "geoBoundaries", "OCHA/AGCHO", "MIT licence", "CITATION.cff"))
