"""Parse a choice of settings that a visitor typed or pasted as overrides or a scenario file; write scenario files.

Reads   overrides, with or without `python -m sim run`; YAML as in `scenarios/scenario/`.
Returns the form; and the overrides that were ignored because they only determine how campaigns are run.

Nothing is evaluated: no interpolation, no function, no path. Changes inside a policy (`morale.shift`) and file
names are refused, with an error that names the key.

When a scenario file is written, its base is the scenario of the form. Numbers that the form sets are in the section
`set`; if the base has factors or shifts for them, the file sets those factors to 1 and those shifts to 0. The choice in
a group is an `override` row of the defaults list, so that the command line can still replace it.
"""

import re
import shlex
from collections.abc import Mapping, Sequence, Sized
from functools import lru_cache
from typing import Any, NamedTuple

import yaml

from sim.classroom.choice.form import CHOSEN, DATES, Form, canonical, merged, short_key, spelled
from sim.classroom.texts import check_text, plain_yaml, shown
from sim.configuration.compose import SCENARIO_KEYS, bases_of
from sim.configuration.overrides import (
    BASELINE,
    EVENTS,
    GROUPS,
    HOW_GROUPS,
    HOW_KEYS,
    QUOTED,
    Override,
    Overrides,
    check_override,
    choices_of,
    parse,
)
from sim.errors import PanjError, unknown

ASIDE = ("study", "runs", "runs_max", "seed", "results_dir", "daily", "debug", *HOW_GROUPS, *HOW_KEYS)
BARRED = ("hydra.", "calibration.", "worlds.file", "executor.address")  # prefixes of keys that are refused
MOST_OVERRIDES, MOST_LETTERS, MOST_NESTED = 60, 2_500, 6


class Loaded(NamedTuple):
    """A form, and the overrides that were ignored because they only determine how campaigns are run."""

    form: Form
    aside: Overrides = BASELINE


def read_command(text: str) -> Loaded:
    """Read a pasted command line into a form.

    Args:
        text: The overrides, with or without `python -m sim run` before them.

    Returns:
        The form, and the overrides that were ignored.

    Raises:
        PanjError: Quotes are not paired, or `read_overrides` refuses an override.
    """
    check_text(text)
    try:
        texts = shlex.split(text)
    except ValueError as error:
        raise PanjError(f"settings: found '{shown(text)}', expected quotes in pairs ({error})") from error
    for before in (["python", "-m", "sim", "run"], ["panj", "run"], ["run"]):
        if texts[: len(before)] == before:
            texts = texts[len(before) :]
            break
    return read_overrides(parse_choice(texts))


def parse_choice(texts: Sequence[str]) -> Overrides:
    """Parse the overrides that a visitor sent, after checking their number, length and nesting.

    Args:
        texts: The overrides as on the command line, one per text.

    Returns:
        The parsed overrides.

    Raises:
        PanjError: There are too many overrides, or one is invalid or unsafe to parse.
    """
    check_count(texts)
    return Overrides.from_rows(safely_parsed(text) for text in texts)


@lru_cache(maxsize=512)
def read_overrides(overrides: Overrides) -> Loaded:
    """Read overrides into a form; repeated calls are cached.

    Args:
        overrides: The overrides, in any order.

    Returns:
        The form, and the overrides that were ignored.

    Raises:
        PanjError: An override is invalid, given twice or not allowed in a classroom.
    """
    check_choice(overrides)
    form, seen = Form(), set()
    changes: list[dict[str, Any]] = []
    for override in overrides.without(ASIDE):
        key = override.key
        if key in seen:
            raise PanjError(f"{key}: found two overrides, expected one")
        if not override.text.startswith("+scenario."):  # sections of the scenario are merged
            seen.add(key)
        changes.append(change_of(override))
    for change in sorted(changes, key=rank_of):
        form = merged(form, change)
    return Loaded(canonical(form), Overrides.from_rows(row for row in overrides if row.key in ASIDE))


def check_choice(overrides: Overrides) -> None:
    """Check that a choice of settings is valid and allowed in a classroom.

    Args:
        overrides: The choice of settings.

    Raises:
        PanjError: There are too many overrides, or one is invalid or not allowed in a classroom.
    """
    check_count(overrides)
    for override in overrides:
        key, (group, is_inside, _) = override.key, override.key.partition(".")
        if key.startswith(BARRED) or override.package is not None:
            raise PanjError(f"{key}: found '{shown(override.text)}', expected a setting of campaigns, "
                            "not a file or a key of Hydra")  # fmt: skip
        if is_inside and group in GROUPS:
            raise PanjError(f"{key}: found a change inside a policy, expected {group}= with one of "
                            f"{', '.join(choices_of(group))}, or a number under rules.")  # fmt: skip
        check_override(override)


def check_count(overrides: Sized) -> None:
    """Raise PanjError if there are more than `MOST_OVERRIDES` overrides."""
    if len(overrides) > MOST_OVERRIDES:
        raise PanjError(f"settings: found {len(overrides)} overrides, expected at most {MOST_OVERRIDES}")


def rank_of(change: Mapping[str, Any]) -> int:
    """Return the stage at which a change is merged: 0 for choices and dates, 1 sections, 2 section `set`, 3 numbers."""
    if "scenario." in change:
        return 2 if "set" in change["scenario."] else 1
    return 0 if set(change) <= {*CHOSEN, *DATES} else 3


def safely_parsed(word: str) -> Override:
    """Parse one override; raise PanjError if it is invalid, too long or too deeply nested, or contains a function."""
    check_text(word)
    if len(word) > MOST_LETTERS:
        raise PanjError(
            f"settings: found {len(word):,} characters in '{shown(word)}', expected at most {MOST_LETTERS:,}"
        )
    bare = QUOTED.sub("", word)
    if len(re.findall(r"[\[{(]", bare)) > MOST_NESTED:
        raise PanjError(f"settings: found too many brackets in '{shown(word)}', expected at most {MOST_NESTED}")
    if re.search(r"\w\s*\(", bare):
        raise PanjError(f"settings: found '{shown(word)}', expected a plain value, not a function")
    return parse(word)


def change_of(override: Override) -> dict[str, Any]:
    """Convert an override to a mapping that `merged` accepts; raise PanjError if a visitor may not use the override."""
    key, value, text = override.key, override.value, shown(override.text)
    if key.startswith("rules."):
        return {key: override.number}
    if override.deletes:
        name = key.removeprefix(EVENTS)
        if key == name or "." in name:
            raise PanjError(f"{key}: found '{text}', expected ~ only with {EVENTS}NAME, which removes an event")
        return {"scenario.": {"strike": [name]}}
    if key in (*CHOSEN, *DATES):
        if override.adds or not isinstance(value, str):
            raise PanjError(f"{key}: found '{text}', expected {key}= with a name or a date")
        return {key: value}
    if key.startswith("worlds."):
        raise PanjError(f"{key}: found '{text}', expected this to be set on the page Watch instead")
    if key.startswith(EVENTS):
        return {"scenario.": {"events": nested(key.split(".")[2:], value)}}
    section, *rest = key.split(".")[1:]
    if section in ("scale", "shift", "set", "attention") and rest:
        raise PanjError(f"{key}: found '{text}', expected +scenario.{section}={{{'.'.join(rest)}:...}}")
    return {"scenario.": nested([section, *rest], value)}


def nested(path: Sequence[str], value: Any) -> dict[str, Any]:
    """Nest a value under its keys: `["a", "b"], 1` becomes `{"a": {"b": 1}}`."""
    for key in reversed(path):
        value = {key: value}
    return dict(value)


def without(form: Form, override: Override) -> Form:
    """Remove one override from a form.

    Args:
        form: The form to change.
        override: The override to remove, one of `form.overrides()`.

    Returns:
        The form without the override, with the same title and description.
    """
    rest = Overrides.from_rows(other for other in form.overrides() if other != override)
    return read_overrides(rest).form._replace(title=form.title, about=form.about)


HEAD = "# @package _global_\n"
WIDTH = 110
MOST_PARTS = 600  # largest number of names and values in a file
OVERRIDE = "override /"


class Dumper(yaml.SafeDumper):
    """A YAML dumper that quotes text which a parser might otherwise read as a number or a date."""


def quote(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    """Return text as a YAML node, in quotes unless it begins with a letter or an underscore."""
    style = None if re.match(r"[A-Za-z_]", text) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, quote)


def yaml_of(form: Form) -> str:
    """Return the scenario file of a form.

    Args:
        form: The choice of settings to write.

    Returns:
        The content of the file, as YAML.
    """
    rows: list[Any] = [] if "scenario" not in form.chosen else [form.scenario]
    rows += [{f"{OVERRIDE}{key}": form.chosen[key]} for key in CHOSEN if key != "scenario" and key in form.chosen]
    parts = [HEAD]
    if rows:
        parts.append(dumped({"defaults": [*rows, "_self_"]}, flow=False))
    parts.append(dumped({"scenario": scenario_part(form)}, flow=None))  # Hydra cannot load an empty file
    if form.dates:
        parts.append(dumped(dict(form.dates), flow=False))
    return "".join(parts)


def dumped(content: Mapping[str, Any], flow: bool | None) -> str:
    """Format a mapping as YAML, keeping the order of its keys."""
    return str(
        yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=flow)
    )


def scenario_part(form: Form) -> dict[str, Any]:
    """Return the non-empty sections of a form's scenario file, keyed by name."""
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
        "strike": [*usual.strike, *form.strike] if form.strike else [],  # replaces the list of the scenario
    }
    return {section: said for section, said in sections.items() if said}


def read_yaml_text(text: str) -> Loaded:
    """Read a pasted scenario file into a form.

    Args:
        text: The content of the file, as YAML.

    Returns:
        The form, with an empty set of ignored overrides.

    Raises:
        PanjError: The text is not a scenario file, or contains an unknown key or an invalid value.
    """
    check_text(text)
    content = safely_loaded(text)
    for key in content:
        if key not in SCENARIO_KEYS:
            raise unknown("scenario file", str(key), SCENARIO_KEYS)
    said = content.get("scenario")
    if said is not None and not isinstance(said, dict):
        raise PanjError(f"scenario: found '{shown(str(said))}', expected a mapping from names to values")
    form = merged(Form(), chosen_in(content.get("defaults")))
    form = merged(form, {"scenario.": said or {}})
    return Loaded(canonical(merged(form, {key: content[key] for key in DATES if key in content})))


def safely_loaded(text: str) -> dict[str, Any]:
    """Parse YAML to a mapping (empty for an empty string); raise PanjError if it is not a mapping, or too large."""
    try:
        content = plain_yaml(text)
        parts = count_parts(content, MOST_PARTS)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise PanjError(
            f"scenario file: found '{shown(text)}', expected YAML ({shown(' '.join(str(error).split()))})"
        ) from error
    if parts > MOST_PARTS:
        raise PanjError(f"scenario file: found too many names and values, expected at most {MOST_PARTS}")
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise PanjError(f"scenario file: found '{shown(text)}', expected a mapping from names to values")
    return content


def count_parts(content: Any, most: int) -> int:
    """Count the names and values in nested mappings and lists; stop once there are more than `most`."""
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
    """Return the base scenario and the choice in each group, from the defaults list of a file.

    Raise PanjError if a row is invalid or there are several base scenarios.
    """
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
