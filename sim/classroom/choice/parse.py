"""Reads a choice of settings that a visitor typed or pasted, as overrides or as a scenario file, and prints the file.

Reads   overrides, with or without `python -m sim run`; YAML of `scenarios/scenario/`.
Returns a form without loss, and the overrides that were ignored because they only decide how campaigns are run.
Assumes Nothing is evaluated: no interpolation, no function, no path. Changes inside a policy (`morale.shift`) and files
        are refused by name. A file is based on the scenario of the form. A number that the form sets outright is `set`
        there, and the scenario's own factor for it is neutralised. A choice in a group is an override in the defaults,
        so that the command line still wins over it.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import yaml

from sim.classroom.choice.form import CHOSEN, DATES, Form, Overrides, canonical, merged, short_key, spelled
from sim.classroom.texts import check_text, plain_yaml, shown
from sim.errors import PanjError, unknown
from sim.settings.compose import SCENARIO_KEYS, bases_of
from sim.settings.overrides import GROUPS, HOW_GROUPS, HOW_KEYS, Override, check_override, choices_of, parse

ASIDE = ("study", "runs", "runs_max", "seed", "results_dir", "daily", "debug", *HOW_GROUPS, *HOW_KEYS)
MOST_OVERRIDES, MOST_LETTERS, MOST_NESTED = 60, 2_500, 6


class Loaded(NamedTuple):
    """A form, and the overrides that were ignored because they only decide how campaigns are run."""

    form: Form
    aside: tuple[str, ...] = ()


def read_command(text: str) -> Loaded:
    """Read a pasted command line, with or without `python -m sim run`; PanjError as for `read_overrides`."""
    check_text(text)
    try:
        overrides = shlex.split(text)
    except ValueError as error:
        raise PanjError(f"settings: found '{shown(text)}', expected quotes in pairs ({error})") from error
    for before in (["python", "-m", "sim", "run"], ["panj", "run"], ["run"]):
        if overrides[: len(before)] == before:
            overrides = overrides[len(before) :]
            break
    return read_overrides(overrides)


def read_overrides(overrides: Sequence[str]) -> Loaded:
    """Read overrides into a form; repeated calls are cached.

    Args:
        overrides: as on the command line, in any order.

    Returns:
        The form, and the overrides that were ignored.

    Raises:
        PanjError: an override is wrong, given twice, unsafe to parse or not allowed in a classroom.
    """
    return read_distinct(tuple(overrides))


@lru_cache(maxsize=512)
def read_distinct(overrides: Overrides) -> Loaded:
    """The cached part of `read_overrides`, for hashable overrides."""
    check_count(overrides)
    form, aside, seen = Form(), [], set()
    changes: list[dict[str, Any]] = []
    for word in overrides:
        override = safely_parsed(word)
        key = override.key
        if key in ASIDE:
            aside.append(word)
            continue
        if key in seen:
            raise PanjError(f"{key}: found twice, expected once")
        if not word.startswith("+scenario."):  # scenario sections are merged
            seen.add(key)
        changes.append(change_of(override, word))
    for change in sorted(changes, key=rank_of):
        form = merged(form, change)
    return Loaded(canonical(form), tuple(aside))


def check_choice(overrides: Sequence[str]) -> None:
    """Raise PanjError for overrides that are wrong, unsafe to parse or not allowed in a classroom."""
    check_count(overrides)
    for word in overrides:
        safely_parsed(word)


def check_count(overrides: Sequence[str]) -> None:
    """Raise PanjError for too many overrides."""
    if len(overrides) > MOST_OVERRIDES:
        raise PanjError(f"settings: found {len(overrides)} overrides, expected at most {MOST_OVERRIDES}")


def rank_of(change: Mapping[str, Any]) -> int:
    """Order of merging: choices and dates first, then factors, then what a scenario sets, then other numbers."""
    if "scenario." in change:
        return 2 if "set" in change["scenario."] else 1
    return 0 if set(change) <= {*CHOSEN, *DATES} else 3


def safely_parsed(word: str) -> Override:
    """One override, parsed and checked; its size and nesting are bounded before the parser sees it."""
    check_text(word)
    if len(word) > MOST_LETTERS:
        raise PanjError(f"settings: found {len(word):,} letters in '{shown(word)}', expected at most {MOST_LETTERS:,}")
    value = word.partition("=")[2]
    if len(re.findall(r"[\[{(]", word)) > MOST_NESTED and not value.startswith(("'", '"')):
        raise PanjError(f"settings: found many brackets in '{shown(word)}', expected at most {MOST_NESTED}")
    if re.search(r"\w\(", value) and not value.startswith(("'", '"')):
        raise PanjError(f"settings: found '{shown(word)}', expected a plain value and no function")
    override = parse(word)
    key = override.key
    if key.startswith(("hydra.", "calibration.", "worlds.", "executor.address")) or override.package is not None:
        raise PanjError(f"{key}: found '{shown(word)}', expected a setting of campaigns: files and Hydra stay outside")
    for group in GROUPS:
        if key.startswith(f"{group}."):
            raise PanjError(f"{key}: found a change inside a policy, expected {group}= with one of "
                            f"{', '.join(choices_of(group))}, or a number under rules.")  # fmt: skip
    check_override(override)
    return override


def change_of(override: Override, word: str) -> dict[str, Any]:
    """The change that an override makes: a value by key, or `scenario.` with a section of it."""
    key, adds, deletes = override.key, override.adds, override.deletes
    if key.startswith("rules."):
        return {key: override.number}
    if deletes:
        name = key.removeprefix("timeline.events.")
        if key == name or "." in name:
            raise PanjError(f"{key}: found '{shown(word)}', expected ~ before a whole event of the timeline alone")
        return {"scenario.": {"strike": [name]}}
    value: Any = override.value
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
    """Nest a value below its keys: `["a", "b"], 1` becomes `{"a": {"b": 1}}`."""
    for key in reversed(path):
        value = {key: value}
    return dict(value)


def without(form: Form, word: str) -> Form:
    """The form without one of its overrides."""
    rest = [other for other in form.overrides() if other != word]
    return read_overrides(rest).form._replace(title=form.title, about=form.about)


HEAD = "# @package _global_\n"
WIDTH = 110
MOST_PARTS = 600  # names and values in a file, references counted as often as they are used
OVERRIDE = "override /"


class Dumper(yaml.SafeDumper):
    """Dumper that quotes text which a YAML parser might take for a number or a date."""


def quote(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    """A text node, quoted unless it begins with a letter or underscore."""
    style = None if re.match(r"[A-Za-z_]", text) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, quote)


def yaml_of(form: Form) -> str:
    """The scenario file of a form, as YAML."""
    rows: list[Any] = [] if "scenario" not in form.chosen else [form.scenario]
    rows += [{f"{OVERRIDE}{key}": form.chosen[key]} for key in CHOSEN if key != "scenario" and key in form.chosen]
    parts = [HEAD]
    if rows:
        parts.append(dumped({"defaults": [*rows, "_self_"]}, flow=False))
    parts.append(dumped({"scenario": scenario_part(form)}, flow=None))  # Hydra does not load an empty file
    if form.dates:
        parts.append(dumped(dict(form.dates), flow=False))
    return "".join(parts)


def dumped(content: Mapping[str, Any], flow: bool | None) -> str:
    """YAML in the given order."""
    return str(
        yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=flow)
    )


def scenario_part(form: Form) -> dict[str, Any]:
    """Sections of the scenario that are not empty."""
    usual = form.usual
    scale = {spelled(key, usual.scale): value for key, value in form.scale.items()}
    shift = {spelled(key, usual.shift): value for key, value in form.shift.items()}
    scale |= {key: 1.0 for key in usual.scale if f"rules.{short_key(key)}" in form.numbers}
    shift |= {key: 0.0 for key in usual.shift if f"rules.{short_key(key)}" in form.numbers}
    sections: dict[str, Any] = {
        "title": form.title,
        "about": form.about,
        "set": {short_key(key): value for key, value in form.numbers.items()},
        "scale": scale,
        "shift": shift,
        "attention": dict(form.attention),
        "posts": {post: dict(change) for post, change in form.posts.items()},
        "events": {name: dict(columns) for name, columns in form.events.items()},
        "strike": [*usual.strike, *form.strike] if form.strike else [],  # a list replaces the scenario's list
    }
    return {section: said for section, said in sections.items() if said}


def read_yaml_text(text: str) -> Loaded:
    """Read a pasted scenario file into a form; PanjError names the key, what was found and what was expected."""
    check_text(text)
    content = safely_loaded(text)
    for key in content:
        if key not in SCENARIO_KEYS:
            raise unknown("scenario file", str(key), SCENARIO_KEYS)
    said = content.get("scenario")
    if said is not None and not isinstance(said, dict):
        raise PanjError(f"scenario: found '{shown(str(said))}', expected names with values")
    form = merged(Form(), chosen_in(content.get("defaults")))
    form = merged(form, {"scenario.": said or {}})
    return Loaded(canonical(merged(form, {key: content[key] for key in DATES if key in content})))


def safely_loaded(text: str) -> dict[str, Any]:
    """Content of a YAML text; PanjError where it is not a small mapping."""
    try:
        content = plain_yaml(text)
        parts = count_parts(content, MOST_PARTS)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise PanjError(
            f"scenario file: found '{shown(text)}', expected YAML ({shown(' '.join(str(error).split()))})"
        ) from error
    if parts > MOST_PARTS:
        raise PanjError(f"scenario file: found more than {MOST_PARTS} names and values, expected fewer")
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise PanjError(f"scenario file: found '{shown(text)}', expected names with values")
    return content


def count_parts(content: Any, most: int) -> int:
    """Number of names and values; counting stops after `most`."""
    count, open_ = 0, [content]
    while open_ and count <= most:
        part = open_.pop()
        count += 1
        if isinstance(part, dict):
            open_ += [*part.keys(), *part.values()]
        elif isinstance(part, list | set | tuple):
            open_ += [*part]
    return count


def chosen_in(rows: Any) -> dict[str, str]:
    """Choice by group in the defaults of a file, its base scenario included; PanjError for a wrong row."""
    if rows is None:
        return {}
    if not isinstance(rows, list):
        raise PanjError(f"defaults: found '{shown(str(rows))}', expected a list such as - override /border: closed")
    bases = bases_of(rows)
    if len(bases) > 1:
        raise PanjError(f"defaults: found {', '.join(bases)}, expected one base scenario")
    found = {"scenario": bases[0]} if bases else {}
    for row in rows:
        if isinstance(row, str):
            continue
        if not isinstance(row, dict) or len(row) != 1:
            raise PanjError(f"defaults: found '{shown(str(row))}', expected a row such as - override /border: closed")
        key, value = next(iter(row.items()))
        group = str(key).removeprefix(OVERRIDE)
        if group == key or group not in CHOSEN[1:]:
            raise unknown("defaults", str(key), [f"{OVERRIDE}{name}" for name in CHOSEN[1:]])
        if value not in choices_of(group):
            raise unknown(f"defaults, {key}", str(value), choices_of(group))
        found[group] = value
    return found
