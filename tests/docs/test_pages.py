"""Every command and every block of Python in the documentation works as it is written there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import BLOCK, BY, COMMAND, INLINE, ROOT, Block, blocks_of, check, lines_of, made_small, pages, words_of

from sim.options import VERBS

BLOCKS = [block for page in pages() for block in blocks_of(page)]
TUTORIALS = ROOT / "docs" / "tutorials"
ALLOWED = ("parsed (", "by ")
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def run_blocks_of(page: Path, folder: Path, *manner: str) -> None:
    """Run the blocks of a page in a folder, in a process with compiled rules."""
    inherited = {key: value for key, value in os.environ.items() if key != "NUMBA_DISABLE_JIT"}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "pages.py"), str(page), *manner],
        cwd=folder, env={**inherited, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg", "COLUMNS": "120"},
        capture_output=True, text=True, check=False, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-3000:]}"


def with_blocks(is_tutorial: bool) -> list[Path]:
    found = [page for page in pages() if any(block.is_run for block in blocks_of(page))]
    return [page for page in found if (page.parent == TUTORIALS) == is_tutorial]


@pytest.mark.parametrize("page", with_blocks(True), ids=name_of)
def test_a_tutorial_can_be_followed_from_its_first_line_to_its_last(page: Path, tmp_path: Path) -> None:
    run_blocks_of(page, tmp_path, "no-figures")


@pytest.mark.slow
@pytest.mark.parametrize("page", [*with_blocks(False), *with_blocks(True)], ids=name_of)
def test_every_block_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    run_blocks_of(page, tmp_path)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_a_block_can_be_read(block: Block) -> None:
    if block.how.startswith("by "):
        return
    if block.kind == "python":
        compile(block.text, block.place, "exec")
    else:
        for words in filter(None, map(words_of, lines_of(block))):
            check(tuple(words))


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.how], ids=lambda block: block.place)
def test_a_block_that_is_not_run_says_why(block: Block) -> None:
    assert block.how.startswith(ALLOWED) and len(block.how) > len("parsed ()"), block.how


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_commands_in_sentences_can_be_read(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for found in INLINE.finditer("" if BY.search(text) else BLOCK.sub("", text)):
        words = " ".join((found[1] or "").split())
        if " " not in words and "=" not in words:
            assert words in ("", "--help", *VERBS), found[0]
        elif not re.search(r"\.\.\.|<|\b[A-Z]{3,}\b", words):  # places to fill in
            check(tuple(words_of(f"panj {words}") or ()))


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_no_command_is_in_a_block_that_is_not_checked(page: Path) -> None:
    rest = BLOCK.sub("", page.read_text(encoding="utf-8"))
    unmarked = re.findall(r"^```\n(.*?)^```$", rest, re.MULTILINE | re.DOTALL)
    first = [text.splitlines()[0] for text in unmarked if text.strip()]
    assert not [line for line in first if COMMAND.match(line) and not line.startswith("$ ")]


def test_every_target_of_make_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in pages():
        for target in re.findall(r"(?:^|`)make ([a-z][\w-]*)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert target in targets, f"{name_of(page)}: make {target}"


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_links_lead_somewhere_and_pictures_are_described(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in LINK.findall(text):
        path, _, anchor = target.partition("#")
        if not target.startswith("http"):
            place = (page.parent / path) if path else page
            assert place.exists(), target
            assert not anchor or anchor in anchors_of(place), target
    for words, path in PICTURE.findall(text):
        assert len(words) > 20 and (page.parent / path).exists(), path


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of the headings of a page; pages that are filled in by the build have any."""
    text = page.read_text(encoding="utf-8")
    if "<!-- build: " in text:
        return {target.partition("#")[2] for other in pages() for target in LINK.findall(other.read_text("utf-8"))}
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 130


def test_numbers_are_lowered_and_nothing_else() -> None:
    text = "panj -m border=open,closed runs=500 worlds=record sampling.points=200 rules.calls.travel_days=2 runs=1"
    assert made_small(text) == (
        "panj -m border=open,closed runs=4 worlds=record sampling.points=2 rules.calls.travel_days=2 runs=1"
    )
