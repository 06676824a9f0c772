"""Two branches of one campaign: the first event that differs, outcomes side by side, the two stories from there.

Reads   a fork of a study, as `sim.show.fork_reading` finds it.
Writes  fork.md, story_as_it_went.md, story_changed.md and fork.png beside them.
"""

import sys
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sim.show.fork_figure import draw_fork
from sim.show.fork_reading import AFTER, BEFORE, Branches, read_branches
from sim.show.fork_telling import (
    cells_of,
    chosen_outcomes,
    tell_first,
    tell_same_outcomes,
    title_of,
    told_of,
    two_stories,
)
from sim.show.language import Language, language_of, number
from sim.show.story import bullets, page_of, story_of, wrapped
from sim.show.style import write_whole

SHOWN_DAYS, SHOWN_OUTCOMES = 3, 14  # in a terminal


def columns(words: Language) -> list[str]:
    """Heads of the table of outcomes."""
    return [words.say(f"column_{name}") for name in ("outcome", "reported", "before", "after", "difference")]


def page_of_fork(branches: Branches, words: Language) -> str:
    """All of it in Markdown."""
    lines = [f"# {title_of(branches, words)}", ""]
    for sentence in told_of(branches, words):
        lines += [sentence, ""]
    lines += [f"## {words.say('head_first')}", "", *bullets(tell_first(branches, words)), ""]
    lines += [f"## {words.say('head_outcomes')}", "", f"| {' | '.join(columns(words))} |", "|---|---|---|---|---|"]
    lines += [f"| {' | '.join(cells_of(row))} |" for row in chosen_outcomes(branches)]
    lines += ["", *tell_same_outcomes(branches, words), "![](fork.png)", ""]
    if branches.verdicts:
        lines += [f"## {words.say('head_many', branches.about['forked'])}", "", say_many(branches, words), ""]
        lines += [*bullets([row["sentence"] for row in branches.verdicts]), ""]
    lines += [f"## {words.say('head_both')}", ""]
    days, same = two_stories(branches, words)
    for day in days:
        lines += [f"### {words.day(day.date, year=True)}", ""]
        for key in ("both", "before", "after"):
            sentences = getattr(day, key)
            if sentences:
                lines += [f"**{words.say(key)}**", "", *bullets(sentences), ""]
    if same:
        lines += [words.say("same_days", same), ""]
    return "\n".join(lines).rstrip() + "\n"


def say_many(branches: Branches, words: Language) -> str:
    """Which seeds, and what a difference is."""
    first, last = branches.about["seeds"]
    return words.say("many_told", first=first, last=last)


def print_fork(branches: Branches, folder: Path, console: Console, words: Language) -> None:
    """What fits a terminal."""
    lines = [title_of(branches, words), "", *wrapped(told_of(branches, words), ""), ""]
    lines += [words.say("head_first"), *wrapped(tell_first(branches, words))]
    console.print("\n".join(lines), markup=False, soft_wrap=True)
    table = Table(title=words.say("head_outcomes"))
    for head in columns(words):
        table.add_column(head, overflow="fold")
    for row in chosen_outcomes(branches)[:SHOWN_OUTCOMES]:
        table.add_row(*cells_of(row))
    console.print(table)
    if branches.verdicts:
        lines = ["", words.say("head_many", branches.about["forked"]), *wrapped([say_many(branches, words)], "")]
        lines += wrapped([row["sentence"] for row in branches.verdicts])
        console.print("\n".join(lines), markup=False, soft_wrap=True)
    days, _ = two_stories(branches, words)
    lines = ["", words.say("head_both")] if days else []
    for day in days[:SHOWN_DAYS]:
        lines += ["", words.day(day.date, year=True)]
        for key in ("both", "before", "after"):
            if getattr(day, key):
                lines += [f"  {words.say(key)}", *(f"  {line}" for line in wrapped(getattr(day, key)))]
    if len(days) > SHOWN_DAYS:
        path = folder / "fork.md"
        lines += ["", *wrapped([words.say("shown_differing", SHOWN_DAYS, all=number(len(days)), path=path)], "")]
    console.print("\n".join(lines), markup=False, soft_wrap=True)


def show_fork(folder: Path) -> int:
    """Tell it, draw it, write it, and say what to do next."""
    words = language_of()
    branches = read_branches(folder, words)
    texts = {
        "fork.md": page_of_fork(branches, words),
        f"story_{BEFORE}.md": page_of(story_of(branches.before, words), words),
        f"story_{AFTER}.md": page_of(story_of(branches.after, words), words),
    }
    for name, text in texts.items():
        write_whole(folder / name, lambda file, text=text: file.write_text(text, encoding="utf-8"))  # type: ignore[misc]
    draw_fork(folder, branches.about, words)
    console = Console(width=None if sys.stdout.isatty() else 110, highlight=False)
    print_fork(branches, folder, console, words)
    console.print(
        "\n".join([words.say("written"), *(f"  {path}" for path in sorted(folder.iterdir()))]), soft_wrap=True
    )
    console.print(words.say("next", command=next_command(branches, folder.parent.parent)), soft_wrap=True)
    return 0


def next_command(branches: Branches, study: Path) -> str:
    """Many seeds, or another evening."""
    about = branches.about
    words = [word for word in about["fork_words"] if not word.startswith(("runs=", "day="))]
    if about["forked"] == 1:
        return " ".join(["python -m sim fork", str(study), f"day={about['day']}", *words, "runs=50"])
    earlier = max(branches.before.start, branches.evening - timedelta(days=7))
    return " ".join(["python -m sim fork", str(study), f"day={earlier}", *words, f"runs={about['forked']}"])
