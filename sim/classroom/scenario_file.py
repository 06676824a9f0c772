"""A choice of settings as a file for `scenarios/scenario/`, and back: the third face of the form.

Gives   YAML that `python -m sim run scenario=<name>` loads, and that the form reads again without loss.
Assumed A file stands on the scenario that the form starts from. A number that the form sets outright is `set` there,
        and what that scenario would scale or shift of it is made to leave it alone. A choice in a group is an override
        in the defaults, so that one on the command line still wins over it.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from sim.classroom.form import CHOSEN, DATES, Form, canonical
from sim.classroom.merging import merged
from sim.classroom.plain_text import check_text, shown
from sim.classroom.typed import Loaded
from sim.classroom.usual import bases_of, short_key, spelled
from sim.errors import PanjError, unknown
from sim.study.settings import SCENARIO_KEYS
from sim.study.words import choices_of

HEAD = "# @package _global_\n"
WIDTH = 110
MOST_PARTS = 600  # names and values in a file, however often each is referred to
OVERRIDE = "override /"


class Dumper(yaml.SafeDumper):
    """Text in quotes wherever another reader might take it for a number or a date."""


def quote(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    """Plain where it begins like a word."""
    style = None if re.match(r"[A-Za-z_]", text) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, quote)


def yaml_of(form: Form) -> str:
    """The file; the baseline says nothing."""
    rows: list[Any] = [] if "scenario" not in form.chosen else [form.scenario]
    rows += [{f"{OVERRIDE}{key}": form.chosen[key]} for key in CHOSEN if key != "scenario" and key in form.chosen]
    parts = [HEAD]
    if rows:
        parts.append(dumped({"defaults": [*rows, "_self_"]}, flow=False))
    parts.append(dumped({"scenario": scenario_part(form)}, flow=None))  # a file that says nothing is not loaded
    if form.dates:
        parts.append(dumped(dict(form.dates), flow=False))
    return "".join(parts)


def dumped(content: Mapping[str, Any], flow: bool | None) -> str:
    """YAML in the order given."""
    return str(
        yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=flow)
    )


def scenario_part(form: Form) -> dict[str, Any]:
    """What the scenario says itself, section by section; empty sections are left out."""
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
        "strike": [*usual.strike, *form.strike] if form.strike else [],  # a list takes the place of a list
    }
    return {section: said for section, said in sections.items() if said}


def read_yaml_text(text: str) -> Loaded:
    """The form of a scenario file that somebody pasted; PanjError names the key, what was found and expected."""
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
    """What the YAML says, bounded in size however it is written."""
    try:
        content = yaml.safe_load(text)
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
    """How many names and values there are; it stops soon after there are too many."""
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
    """Choice by group in the defaults of a file, the scenario that it stands on among them."""
    if rows is None:
        return {}
    if not isinstance(rows, list):
        raise PanjError(f"defaults: found '{shown(str(rows))}', expected a list such as - override /border: closed")
    bases = bases_of(rows)
    if len(bases) > 1:
        raise PanjError(f"defaults: found {', '.join(bases)}, expected one scenario to stand on")
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
