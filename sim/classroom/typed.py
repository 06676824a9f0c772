"""Words that a visitor typed or pasted become a form, by the project's own parser and behind bounds.

Reads   a command line, with or without `python -m sim run`, or a list of override words.
Gives   the form, and by name what was left aside because it only says how campaigns are run.
Assumed Nothing is ever evaluated: no interpolation, no function, no path. What is said inside a policy (`morale.shift`)
        and files have no place in a classroom and are refused, each by name.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sim.classroom.form import CHOSEN, DATES, Form, canonical
from sim.classroom.merging import merged
from sim.classroom.plain_text import check_text, shown
from sim.errors import PanjError
from sim.study.words import GROUPS, HOW_GROUPS, HOW_KEYS, Override, check_words, choices_of, numbers_of, parse

ASIDE = ("study", "runs", "runs_max", "seed", "results_dir", "daily", "debug", *HOW_GROUPS, *HOW_KEYS)  # how it is run
MOST_WORDS, MOST_LETTERS, MOST_NESTED = 60, 2_500, 6


class Loaded(NamedTuple):
    """What was read, and the words that were left aside because they only say how campaigns are run."""

    form: Form
    aside: tuple[str, ...] = ()


def read_command(text: str) -> Loaded:
    """A pasted command line or words, with or without `python -m sim run` before them."""
    check_text(text)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise PanjError(f"settings: found '{shown(text)}', expected quotes in pairs ({error})") from error
    for before in (["python", "-m", "sim", "run"], ["panj", "run"], ["run"]):
        if words[: len(before)] == before:
            words = words[len(before) :]
            break
    return read_words(words)


def read_words(words: Sequence[str]) -> Loaded:
    """The form of override words; PanjError names the key, what was found and what was expected."""
    check_count(words)
    form, aside, seen = Form(), [], set()
    changes: list[dict[str, Any]] = []
    for word in words:
        override = safely_parsed(word)
        key = override.key_or_group
        if key in ASIDE:
            aside.append(word)
            continue
        if key in seen:
            raise PanjError(f"{key}: found twice, expected once")
        if not word.startswith("+scenario."):  # these merge
            seen.add(key)
        changes.append(change_of(override, word))
    for change in sorted(changes, key=rank_of):
        form = merged(form, change)
    return Loaded(canonical(form), tuple(aside))


def check_choice(words: Sequence[str]) -> None:
    """PanjError for words that the parser should not see, or that have no place in a classroom."""
    check_count(words)
    for word in words:
        safely_parsed(word)


def check_count(words: Sequence[str]) -> None:
    """PanjError for too many."""
    if len(words) > MOST_WORDS:
        raise PanjError(f"settings: found {len(words)} words, expected at most {MOST_WORDS}")


def rank_of(change: Mapping[str, Any]) -> int:
    """Choices decide what is usual; a scenario sets before it is overruled, and once all its factors are known."""
    if "scenario." in change:
        return 2 if "set" in change["scenario."] else 1
    return 0 if set(change) <= {*CHOSEN, *DATES} else 3


def safely_parsed(word: str) -> Override:
    """One word by the project's own parser and checks, behind bounds on what the parser gets to see."""
    check_text(word)
    if len(word) > MOST_LETTERS:
        raise PanjError(f"settings: found {len(word):,} letters in '{shown(word)}', expected at most {MOST_LETTERS:,}")
    value = word.partition("=")[2]
    if len(re.findall(r"[\[{(]", word)) > MOST_NESTED and not value.startswith(("'", '"')):
        raise PanjError(f"settings: found many brackets in '{shown(word)}', expected at most {MOST_NESTED}")
    if re.search(r"\w\(", value) and not value.startswith(("'", '"')):
        raise PanjError(f"settings: found '{shown(word)}', expected a plain value and no function")
    override = parse(word)
    key = override.key_or_group
    if key.startswith(("hydra.", "calibration.", "executor.address")) or override.package is not None:
        raise PanjError(f"{key}: found '{shown(word)}', expected a setting of campaigns: files and Hydra stay outside")
    for group in GROUPS:
        if key.startswith(f"{group}."):
            raise PanjError(f"{key}: found a change inside a policy, expected {group}= with one of "
                            f"{', '.join(choices_of(group))}, or a number under rules.")  # fmt: skip
    check_words([word])
    return override


def change_of(override: Override, word: str) -> dict[str, Any]:
    """What one word changes: a value by key, or `scenario.` with a section of it."""
    key, adds, deletes = override.key_or_group, override.is_add() or override.is_force_add(), override.is_delete()
    if key.startswith("rules."):
        return dict(numbers_of([word]))
    if deletes:
        name = key.removeprefix("timeline.events.")
        if key == name or "." in name:
            raise PanjError(f"{key}: found '{shown(word)}', expected ~ before a whole event of the timeline alone")
        return {"scenario.": {"strike": [name]}}
    value: Any = override.value()
    if key in (*CHOSEN, *DATES):
        if adds or not isinstance(value, str):
            raise PanjError(f"{key}: found '{shown(word)}', expected {key}= and a name or a date")
        return {key: value}
    if key.startswith("timeline.events."):
        return {"scenario.": {"events": nested(key.split(".")[2:], value)}}
    section, *rest = key.split(".")[1:]
    if section in ("scale", "shift", "set", "attention") and rest:
        raise PanjError(f"{key}: found '{shown(word)}', expected +scenario.{section}={{{'.'.join(rest)}:...}}")
    return {"scenario.": nested([section, *rest], value)}


def nested(path: Sequence[str], value: Any) -> dict[str, Any]:
    """`["a", "b"], 1` becomes `{"a": {"b": 1}}`."""
    for key in reversed(path):
        value = {key: value}
    return dict(value)


def without(form: Form, word: str) -> Form:
    """The form less one of its words."""
    rest = [other for other in form.words() if other != word]
    return read_words(rest).form._replace(title=form.title, about=form.about)
