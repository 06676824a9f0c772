"""Blocks of commands and of Python in README.md and docs/, and a script that runs those of one page.

A block is a fence marked `sh`, `bash` or `python`. A comment in the line before it may say how it is checked:
`<!-- checked: parsed (why) -->` parses and composes its commands without running them, and `<!-- checked: by ... -->`
says what else checks it; `<!-- this page is checked by ... -->` says so of a whole page. All others are run, page by
page, in an empty folder and in order, each page in one process with compiled rules. To be quick, every `runs=`,
`worlds=` and `points=` of a block is lowered to the number in `SMALL`, and a run without `runs=` gets that number;
nothing else is changed. Run as a script, this module takes a page, and `no-figures` if the figures of studies are to be
left out.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
SMALL = {"runs": 4, "worlds": 32, "points": 2}
BLOCK = re.compile(
    r"(?:<!-- checked: (?P<how>[^\n]*?) -->\n+)?^(?P<indent> *)```(?P<kind>sh|bash|python)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
NUMBER = re.compile(r"(?<![\w])(runs|worlds|points)=(\d+)\b")
BY = re.compile(r"<!-- this page is checked (by [^\n]*?) -->")
INLINE = re.compile(r"`panj( [^`]*)?`")
COMMAND = re.compile(r"^(?:\$ )?(?:panj|python -m sim)(?= |$)")


class Block(NamedTuple):
    """One block of a page."""

    page: Path
    line: int  # of its first fence, from 1
    kind: str  # sh, bash or python
    text: str
    how: str  # how it is checked; empty if it is run

    @property
    def is_run(self) -> bool:
        """Whether the tests run the block."""
        return not self.how

    @property
    def place(self) -> str:
        """Path and line."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """List README.md and all pages of docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_of(page: Path) -> list[Block]:
    """List the blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    whole = BY.search(text)
    usual = whole[1] if whole else ""

    def block(found: re.Match[str]) -> Block:
        line = text.count("\n", 0, found.end("how") if found["how"] else found.start()) + 1
        content = re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
        return Block(page, line, found["kind"], content, found["how"] or usual)

    return [block(found) for found in BLOCK.finditer(text)]


def lines_of(block: Block) -> Iterator[str]:
    """Yield the command lines of a block of shell, without comments; a line that ends in a backslash goes on."""
    for line in block.text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()


def words_of(line: str) -> list[str] | None:
    """Return the words after `panj` or `python -m sim` in a line; None for other commands."""
    if not COMMAND.match(line):
        return None
    command = re.split(r"\s[|>]\s?", COMMAND.sub("", line))[0]
    return shlex.split(command, comments=True)


def made_small(text: str) -> str:
    """Lower the numbers of campaigns, worlds and points in a block."""
    return NUMBER.sub(lambda found: f"{found[1]}={min(int(found[2]), SMALL[found[1]])}", text)


def small_words(words: Sequence[str]) -> list[str]:
    """Lower the numbers of a command; a run without `runs=` gets that of `SMALL`."""
    from sim.options import Run, read_command

    small = [made_small(word) for word in words]
    is_help = any(word in ("--help", "-h", "help", "--version") for word in words)
    if is_help or any(word.startswith("runs=") for word in small) or not isinstance(read_command(small), Run):
        return small
    return [*small, f"runs={SMALL['runs']}"]


@cache
def check(words: tuple[str, ...]) -> None:
    """Parse a command and, if it runs campaigns, compose all its cells; raise PanjError if anything is wrong.

    Cells that need a file which an earlier command of the page writes are not composed.
    """
    from sim.configuration.sweep import compose_sweep
    from sim.options import Plan, Run, read_command

    if not any(word in ("--help", "-h", "help", "--version") for word in words):
        request = read_command(small_words(words))
        is_made_before = any(word.startswith(("worlds.file=", "scenario=my_")) for word in words)
        if isinstance(request, Run | Plan) and not is_made_before:
            compose_sweep(request.overrides)


def run_command(line: str) -> None:
    """Run one line of a block; raise AssertionError if its exit code is not 0."""
    from sim import __main__ as front

    words = words_of(line)
    if words is None:
        if line.startswith("cd "):
            os.chdir(line.removeprefix("cd "))
        else:
            subprocess.run(line, shell=True, check=True)
        return
    code = front.main(small_words(words))
    assert code == 0, f"exit code {code} of: {line}"


def run_page(page: Path) -> None:
    """Run the blocks of a page in order, in this process and folder; Python blocks share their names."""
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks_of(page):
        if not block.is_run:
            continue
        print(f"--- {block.place}", flush=True)
        if block.kind == "python":
            exec(compile(made_small(block.text), block.place, "exec"), names)
        else:
            for line in lines_of(block):
                run_command(line)


def leave_figures_out() -> None:
    """Let runs write a small file in place of figures and report, which take most of the time of small studies."""
    from sim import __main__ as front
    from sim.study.files import write_file
    from sim.study.reader import note_drawn

    def draw(folder: Path) -> None:
        write_file(folder / "report.html", "left out by tests/docs/pages.py")
        note_drawn(folder)

    front.drawing_apart = lambda: nullcontext(draw)  # type: ignore[assignment]


if __name__ == "__main__":
    if "no-figures" in sys.argv[2:]:
        leave_figures_out()
    run_page(Path(sys.argv[1]))
