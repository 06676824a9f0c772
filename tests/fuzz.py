"""Generate bad input from a seed: command lines, forms, configurations, data tables and hand-ins.

`python tests/fuzz.py 10000 [seed]` tries that many cases and prints those that failed. No campaign is run: a case ends
where it would run one, because the input has then been accepted. A case fails if the program raises an error other than
PanjError, takes too long, prints a message that is too long, or rejects the input and leaves a file behind.
"""

import io
import os
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stderr, redirect_stdout, suppress
from functools import cache
from pathlib import Path
from shutil import copytree
from typing import Any
from unittest.mock import patch

os.environ.setdefault("NUMBA_DISABLE_JIT", "1")

from sim import __main__ as command_line
from sim import options
from sim.classroom.choice.parse import read_command, read_yaml_text
from sim.classroom.lessons.hand_in import hand_in_of
from sim.configuration import compose
from sim.configuration.overrides import Override
from sim.data import configs, evidence, facts
from sim.errors import PanjError
from sim.help import setting_words
from sim.outcome import read_outcomes

MOST_LETTERS = 400  # maximum length of a message
MOST_SECONDS = 2.0  # maximum CPU time of a case
KINDS = {"command": 60, "form": 15, "hand-in": 10, "config": 10, "table": 5}  # number of cases per hundred, by kind
SIGNS = "'\"{}[]()$~+-=,:;#&*?!|\\/ \t\n\0%@<>.é\u202eگ😀\ud800"
VALUES = (
    "", "0", "1", "-1", "1.5", "1e400", "nan", "inf", "true", "null", "None", "9" * 400, "x" * 300, "open", "closed",
    "2021-07-05", "2021-02-30", "${rules}", "${oc.env:HOME}", "[]", "{}", "[1,2]", "{a:1}", "{a:{b:[1]}}", "a,b", "1,1",
    "range(1,3)", "range(1,1e9,0.001)", "range(1,3,0)", "range(0.1,0.5,0.1)", "interval(1,5)", "interval(5,inf)",
    "glob(*)", "glob(z*)", "shuffle(1,2)", "sort(3,1)", "int(3)", "str(3)", "choice(a,b)", "~", "~/x", "/tmp/Müller",
    "\\\\server\\share", "C:\\x\\", "'", '"', "'a b'", "گزارش", "Baharak", "AF1706", "Arghandab", "../x", ".", "/",
    "(1)",
    "{district:Baharak,act:reinforce,date:2021-06-01,source:x,value:1}", "{soldiers:0}", "{tem:{soldiers:0}}",
    "{tem:{room:50}}", "{tem:5}", "[" * 40, "{a:" * 40, "a: &x [*x]", "=", "==", "%s", "<b>", "1_000", "0x10", "1,",
    '!!int ""', "!!float _", "!!bool abc", "!!timestamp xyz", "!!map abc", f"0x{'f' * 6000}", f"1{':59' * 300}.5",
)  # fmt: skip
KEYS = (
    "runs", "seed", "study", "results_dir", "start_date", "end_date", "daily", "debug", "runs_max", "border",
    "scenario", "timeline", "calibration", "calibration.file", "executor", "executor.workers", "executor.address",
    "sampling", "sampling.points", "sampling.keys", "sampling.seed", "precision.outcome", "precision.half_width",
    "theory", "rules.news.fade_days", "rules.founding.outposts", "rules", "rules.news", "scenario.scale",
    "scenario.set", "scenario.posts", "scenario.events", "scenario.strike", "scenario.title", "border.posts",
    "border.set", "posts", "timeline.events", "timeline.events.mine", "timeline.events.bagram_handed_over",
    "hydra.run.dir", "border@x", "timeline.events.bagram_handed_over.date",
    "timeline.events.bagram_handed_over.value", "a.b.c", ".", "..", "rüns", "", "outcome", "folder", "cell",
    "executor.kind", "precision", "schema", "hydra", "defaults", "-m", "scenario.posts.tem",
)  # fmt: skip
FLAGS = ("-m", "--multirun", "--cfg", "--info", "-x", "--", "-", "--version", "--runs=3", "-h")
WORDS = ("report", "nowhere", ".", "/", "", "plan", "results/*", "a b", "x" * 300, "\ud800", "~x")


class Reached(BaseException):
    """Raised where campaigns would be run, which means that the input has been accepted."""


def reach(*_arguments: Any, **_named: Any) -> Any:
    """Raise Reached; this function replaces every function that runs campaigns."""
    raise Reached


@cache
def known_words() -> list[str]:
    """Return the shell completions of all settings."""
    return setting_words()


def words_of(rng: random.Random) -> list[str]:
    """Return a random command line, which is most likely invalid."""
    name = rng.choice(["run"] * 8 + [*options.VERBS])
    words = [name] if rng.random() < 0.8 or name != "run" else []
    keys = [one.key for one in options.options_of(options.VERBS[name]) if one.role == "option"]
    for _ in range(rng.randint(1, 4)):
        key = rng.choice(keys) if keys and rng.random() < 0.5 else rng.choice(KEYS)
        setting = f"{rng.choice(['', '', '', '+', '++', '~'])}{key}={rng.choice(VALUES)}"
        others = [rng.choice(FLAGS), rng.choice(WORDS), f"~{key}", rng.choice(known_words())]
        word = setting if rng.random() < 0.7 else rng.choice(others)
        words.append(damaged(word, rng) if rng.random() < 0.15 else word)
    return ["-m", *words] if rng.random() < 0.2 else words


def damaged(text: str, rng: random.Random) -> str:
    """Return a text with one to four characters removed, doubled, or replaced by a sign or value."""
    for _ in range(rng.randint(1, 4)):
        place = rng.randint(0, len(text))
        change = rng.choice([text[place : place + 1] * 2, "", rng.choice(SIGNS), rng.choice(VALUES)])
        text = text[:place] + change + text[place + 1 :]
    return text


def damaged_bytes(content: bytes, rng: random.Random) -> bytes:
    """Return the content of a file after one random kind of damage.

    It is cut, edited in a line, saved in another encoding, or replaced by something else.
    """
    lines = content.splitlines(keepends=True)
    line, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    text = content.decode("utf-8")
    wrong = damaged(lines[line].decode(), rng).encode("utf-8", "replace")
    return rng.choice([
        lambda: content[: rng.randint(0, len(content))],
        lambda: b"\xef\xbb\xbf" + content,
        lambda: text.encode("utf-16"),
        lambda: (text + "# Ж\n").encode("cp1251", "replace"),
        lambda: b"".join([*lines[:line], lines[other], *lines[line:]]),
        lambda: b"".join([*lines[:line], wrong, *lines[line + 1 :]]),
        lambda: b"".join([*lines[:line], b"\t", *lines[line:]]),
        lambda: bytes(rng.randrange(256) for _ in range(60)),
        lambda: rng.choice([b"", b"[]", b"1", b"a: 1\n", b"- 1\n", b"null", b"{}"]),
    ])()  # fmt: skip


def try_command(rng: random.Random, _folder: Path) -> str:
    """Run a random command line, and return its exit code as text."""
    words = words_of(rng)
    code = command_line.main(words)
    assert code in (0, 2, 3), f"exit code {code}"
    return str(code)


def try_form(rng: random.Random, _folder: Path) -> str:
    """Parse random overrides or a damaged scenario file, as pasted into the form of the classroom."""
    if rng.random() < 0.5:
        read_command(" ".join(words_of(rng)))
    else:
        path = rng.choice(sorted(configs.folder_of_group("scenario").glob("*.yaml")))
        read_yaml_text(damaged_bytes(path.read_bytes(), rng).decode("utf-8", "replace"))
    return "read"


HAND_IN = (
    b'{"panj_hand_in": 1, "lesson": 1, "student": "ab12", "answers": {"a": {"value": 1, "runs": 50}}, "settings": {}}'
)
HAND_IN_AS_YAML = b'panj_hand_in: 1\nlesson: 1\nstudent: "ab12"\nanswers: {a: {value: "ab12", runs: 50}}\n'


def try_hand_in(rng: random.Random, _folder: Path) -> str:
    """Parse a damaged hand-in."""
    content = rng.choice([HAND_IN, HAND_IN_AS_YAML])
    hand_in_of(damaged_bytes(content.replace(b'"ab12"', rng.choice(VALUES).encode()), rng))
    return "read"


def try_config(rng: random.Random, folder: Path) -> str:
    """Compose settings with a damaged configuration file, or read a damaged table of outcomes."""
    home = folder / "home"
    if not home.exists():
        for name in ("configs", "scenarios"):
            copytree(configs.folder_of(name), home / name)
    group = rng.choice(["scenario", "border", "morale", "timeline", "outcomes", "outcomes"])
    where = home / ("scenarios" if group == "scenario" else "configs")
    path = where / "outcomes.yaml" if group == "outcomes" else where / group / "mine.yaml"
    source = path if group == "outcomes" else rng.choice(sorted((where / group).glob("[!m]*.yaml")))
    kept = source.read_bytes()
    path.write_bytes(damaged_bytes(kept, rng))
    patched = [patch(f"{name}.folder_of", lambda name: home / name) for name in (
        "sim.configuration.compose", "sim.data.configs", "sim.outcome")]  # fmt: skip
    try:
        with ExitStack() as stack:
            for one in patched:
                stack.enter_context(one)
            if group == "outcomes":
                settings = usual()
                read_outcomes(settings.facts, settings.start_date, settings.days)
            else:
                compose.compose_settings([f"{group}=mine"], usual().facts)
    finally:
        path.write_bytes(kept) if group == "outcomes" else path.unlink()
    return "read"


def try_table(rng: random.Random, folder: Path) -> str:
    """Read a damaged data table."""
    data = folder / "data"
    if not data.exists():
        copytree(facts.DATA, data, ignore=lambda _place, names: [name for name in names if not name.endswith(".csv")])
    path = rng.choice(sorted(data.glob("*.csv")))
    kept = path.read_bytes()
    path.write_bytes(damaged_bytes(kept, rng))
    try:
        evidence.read_evidence(data) if path.stem == "evidence" else facts.read_facts(data)
    finally:
        path.write_bytes(kept)
    return "read"


@cache
def usual() -> Any:
    """Return the default settings."""
    return compose.compose_settings()


TRY: dict[str, Callable[[random.Random, Path], str]] = {
    "command": try_command, "form": try_form, "hand-in": try_hand_in, "config": try_config, "table": try_table,
}  # fmt: skip


def fault_of(kind: str, seed: int, folder: Path) -> str:
    """Try one case, and return what went wrong; the text is empty if nothing did."""
    rng = random.Random(f"{kind} {seed}")
    said, before, began = io.StringIO(), files_in(folder / "work"), time.process_time()
    end = ""
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(said), patch("sys.stdin", io.StringIO()):
            end = TRY[kind](rng, folder)
    except PanjError as error:
        said.write(f"panj: {error}\n")
        end = "2"
    except Reached:
        end = "reached"
    except SystemExit as error:
        return f"SystemExit {error.code}"
    except Exception:
        return f"{traceback.format_exc(limit=-3)} {said.getvalue()}"
    seconds = time.process_time() - began
    lines = [line for line in said.getvalue().splitlines() if line]
    if seconds > MOST_SECONDS:
        return f"{seconds:.1f} s"
    if any(len(line) > MOST_LETTERS for line in lines):
        return f"a message of {max(map(len, lines))} letters: {lines}"
    if end == "2" and files_in(folder / "work") != before:
        return f"files left behind: {sorted(files_in(folder / 'work') - before)}"
    return ""


def files_in(folder: Path) -> set[str]:
    """Return the paths of all files and folders in a folder, at any depth."""
    return {str(path) for path in folder.rglob("*")}


@contextmanager
def no_campaigns(folder: Path) -> Iterator[None]:
    """Work in a folder without running campaigns or starting a server; cache what Hydra composes from equal words."""
    import sim.classroom.server
    import sim.execution.plan
    import sim.execution.run
    import sim.execution.verify
    import sim.explorable.campaigns
    import sim.scoring.score  # noqa: F401  (so that its own name is found below)

    (folder / "work").mkdir()
    names = ("run_sweep", "compile_rules", "take_sample", "run_campaign", "rerun_campaign")
    composed = compose.compose_config
    kept: dict[tuple[Path, tuple[Override, ...]], Any] = {}

    def compose_once(rows: Sequence[Override]) -> Any:
        key = (compose.folder_of("configs"), tuple(rows))
        if key not in kept or key[0] != configs.folder_of("configs") or (folder / "home") in key[0].parents:
            kept[key] = composed(rows)
        return kept[key]

    with ExitStack() as stack:
        for module in [module for name, module in sys.modules.items() if name.startswith("sim.")]:
            for name in names:
                if hasattr(module, name):
                    stack.enter_context(patch.object(module, name, reach))
        stack.enter_context(patch("sim.classroom.server.main", reach))
        stack.enter_context(patch.object(command_line, "drawing_apart", lambda: nullcontext(reach)))
        stack.enter_context(patch.object(compose, "compose_config", compose_once))
        back = Path.cwd()
        os.chdir(folder / "work")
        try:
            yield
        finally:
            os.chdir(back)


def cases(count: int) -> Iterator[tuple[str, int]]:
    """Yield kind and seed of each case; the kinds have the shares declared in `KINDS`."""
    hundred = [kind for kind, share in KINDS.items() for _ in range(share)]
    for number in range(count):
        yield hundred[number * 37 % 100], number


def fuzz(count: int, start: int = 0) -> dict[str, str]:
    """Try a number of cases.

    Args:
        count: Number of cases.
        start: Number added to the seed of each case, so that another run tries other cases.

    Returns:
        What went wrong, by kind and seed of the case; empty if nothing did.
    """
    wrong = {}
    with tempfile.TemporaryDirectory() as folder, no_campaigns(Path(folder)):
        usual()
        for kind, seed in cases(count):
            fault = fault_of(kind, seed + start, Path(folder))
            if fault:
                wrong[f"{kind} {seed + start}"] = fault
    return wrong


def show(kind: str, seed: int) -> Sequence[str]:
    """Return the words of a command-line case, so that it can be tried by hand."""
    return words_of(random.Random(f"{kind} {seed}"))


if __name__ == "__main__":
    begun = time.monotonic()
    found = fuzz(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    for case, fault in found.items():
        kind, seed = case.split()
        shown = show(kind, int(seed)) if kind in ("command", "form") else ""
        with suppress(BrokenPipeError):
            print(case, ascii(shown), ascii(fault) if len(fault) < 200 else fault.encode("ascii", "replace").decode())
    print(f"{len(found)} of {sys.argv[1]} cases went wrong, in {time.monotonic() - begun:.0f} s")
    sys.exit(bool(found))
