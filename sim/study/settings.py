"""From a command line to resolved settings: Hydra composes, we check, nothing runs before all is right.

Hydra gives the grammar, the groups and their files. What it cannot know (ranges, dates, posts, districts, what a
policy shifts) is checked here, and every error names the key, what was found, what was expected and the nearest name.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, make_dataclass
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from sim.chance import LAST_SEED
from sim.day import Rules
from sim.errors import PanjError, nearest, unknown
from sim.facts import Facts, read_facts
from sim.founding import Layout, lay_out
from sim.parameters import Choice, declared_numbers, folder_of, folder_of_group, read_yaml, resolve, typed
from sim.rules import fingerprint_of_rules
from sim.timeline import Timeline
from sim.world import Act, Condition

GROUPS = ("morale", "reinforcement", "border", "mobilisation", "air_support", "taliban")
MAIN_KEYS = ("study", "runs", "seed", "start_date", "end_date", "results_dir", "debug")
NAMED_BY_CHOICE = {*GROUPS, "scenario", "study", "runs", "seed", "results_dir", "debug"}
EVENT_KEYS = {"date", "act", "condition", "district", "value", "source", "text"}
ACTS = {"set": Act.SET, "reinforce": Act.REINFORCE, "raise_militia": Act.RAISE_MILITIA}
SCENARIO_KEYS = ("defaults", "scenario", "start_date", "end_date")  # numbers are set by scale, shift and set


@dataclass
class ChoiceSchema:
    """What a policy or scenario file may say."""

    title: str | None = None
    about: str = ""
    set: dict[str, float] = field(default_factory=dict)
    scale: dict[str, float] = field(default_factory=dict)
    shift: dict[str, float] = field(default_factory=dict)
    attention: dict[str, float] = field(default_factory=dict)
    posts: dict[str, dict[str, float]] = field(default_factory=dict)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    strike: list[str] = field(default_factory=list)


@dataclass
class TimelineSchema:
    """Dated events by name."""

    events: dict[str, dict[str, Any]] = field(default_factory=dict)


def schema_of_rules() -> type:
    """A dataclass with one field a number, typed and with its declared value."""
    parts = []
    for rule, kind in Rules.__annotations__.items():
        fields = [
            (name, type_of, field(default=type_of(declared_numbers()[f"rules.{rule}.{name}"].value)))
            for name, type_of in kind.__annotations__.items()
        ]
        section = make_dataclass(rule, fields)
        parts.append((rule, section, field(default_factory=section)))
    return make_dataclass("RulesSchema", parts)


def schema() -> type:
    """The typed config: main settings, rules, timeline, one choice a group."""
    fields: list[Any] = [
        ("study", str | None, field(default=None)),
        ("runs", int, field(default=200)),
        ("seed", int, field(default=0)),
        ("start_date", str, field(default="")),
        ("end_date", str, field(default="")),
        ("results_dir", str, field(default="results")),
        ("debug", bool, field(default=False)),
    ]
    rules = schema_of_rules()
    fields.append(("rules", rules, field(default_factory=rules)))
    fields.append(("timeline", TimelineSchema, field(default_factory=TimelineSchema)))
    for group in (*GROUPS, "scenario"):
        fields.append((group, ChoiceSchema, field(default_factory=ChoiceSchema)))
    return make_dataclass("Schema", fields)


class Event(NamedTuple):
    """One dated event after all policies; `day` 0 is the start date."""

    name: str
    day: int
    date: str
    act: str
    condition: str | None
    district: str | None
    value: float
    source: str
    text: str


@dataclass(frozen=True)
class Settings:
    """Everything that decides a study, resolved and checked."""

    study: str
    runs: int
    seed: int
    start_date: date
    end_date: date
    results_dir: Path
    debug: bool
    choices: dict[str, str]
    title: str
    about: str
    numbers: dict[str, float]
    rules: Rules
    events: tuple[Event, ...]
    timeline: Timeline
    attention: dict[str, float]
    posts: dict[str, dict[str, float]]
    facts: Facts
    layout: Layout
    overrides: tuple[str, ...]

    @property
    def days(self) -> int:
        """Days lived after day 0."""
        return (self.end_date - self.start_date).days

    def as_dict(self) -> dict[str, Any]:
        """What decides the outcome of a campaign, seeds aside, in plain values."""
        return {
            "choices": dict(self.choices),
            "start_date": self.start_date.isoformat(),
            "end_date": self.end_date.isoformat(),
            "rules": dict(self.numbers),
            "events": [event._asdict() for event in self.events],
            "attention": self.attention,
            "posts": self.posts,
            "data_fingerprint": self.facts.fingerprint,
            "rules_fingerprint": fingerprint_of_rules(),
        }

    def fingerprint(self) -> str:
        """First 16 hexadecimal digits of a hash of `as_dict`."""
        return sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()[:16]


def compose_settings(overrides: Sequence[str] = (), facts: Facts | None = None) -> Settings:
    """Settings for overrides such as `["border=closed", "runs=50", "rules.news.fade_days=5"]`.

    Raises PanjError for anything that is wrong, before anything is run or written.
    """
    check_keys(overrides)
    config, choices = compose_config(list(overrides))
    return settle(config, choices, tuple(overrides), facts or read_facts())


def choices_of(group: str) -> list[str]:
    """Names of the choices of a group, in alphabetical order."""
    return sorted(path.stem for path in folder_of_group(group).glob("*.yaml"))


def check_keys(overrides: Sequence[str]) -> None:
    """Keys, group choices and plain values are checked before Hydra sees them, for clearer errors."""
    for text in overrides:
        try:
            override = OverridesParser.create().parse_override(text)
        except HydraException as error:
            raise PanjError(f"override: found '{text}', expected key=value ({' '.join(str(error).split())})") from error
        if override.is_sweep_override():
            raise PanjError(f"{override.key_or_group}: found several values ('{text}'), expected one")
        check_key(override.key_or_group, override.get_value_element_as_str())
        is_new = override.is_add() or override.is_force_add()
        if override.key_or_group.startswith("timeline.events.") and not is_new:
            check_event(override.key_or_group)


def check_key(key: str, value: str) -> None:
    """One override names something that there is."""
    if key in (*GROUPS, "scenario", "timeline"):
        if value not in choices_of(key):
            raise unknown(key, value, choices_of(key))
    elif key.startswith(("timeline.events.", "hydra.", *(f"{group}." for group in (*GROUPS, "scenario")))):
        return
    elif key not in MAIN_KEYS and key not in declared_numbers():
        names = [*MAIN_KEYS, *GROUPS, "scenario", *declared_numbers()]
        hint = nearest(key, names) or nearest(f"rules.{key}", names)
        raise PanjError(f"{key}: found no such setting, expected one that `python -m sim --help` lists{hint}")


def check_event(key: str) -> None:
    """An event that is changed or deleted is there; a new one is added with a + before its key."""
    files = [file_of("timeline", timeline) for timeline in choices_of("timeline")]
    events = {name for path in files for name in read_yaml(path)["events"]}
    name = key.split(".")[2]
    if name not in events:
        raise unknown("timeline.events", name, sorted(events))


def compose_config(overrides: list[str]) -> tuple[DictConfig, dict[str, str]]:
    """The composed config and the choice made in each group."""
    for name in choices_of("scenario"):
        for key in read_yaml(file_of("scenario", name)):
            if key not in SCENARIO_KEYS:
                raise unknown(f"scenario={name}", key, SCENARIO_KEYS)
    ConfigStore.instance().store(name="schema", node=schema())
    scenarios = folder_of("scenarios").as_posix().replace("'", r"\'")
    search = f"hydra.searchpath=['file://{scenarios}']"  # quoted: a folder may have any name
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(folder_of("configs")), version_base="1.3", job_name="panj"):
            config = compose("config", overrides=[*overrides, search], return_hydra_config=True)
            chosen = {group: config.hydra.runtime.choices[group] for group in (*GROUPS, "scenario", "timeline")}
            OmegaConf.resolve(config.rules)
    except (HydraException, OmegaConfBaseException, YAMLError) as error:
        raise PanjError(plain(error)) from error
    return config, chosen


def file_of(group: str, name: str) -> Path:
    """The YAML of one choice."""
    return folder_of_group(group) / f"{name}.yaml"


def plain(error: BaseException) -> str:
    """The innermost message of a Hydra or OmegaConf error on one line, key first."""
    cause = error.__cause__ or error
    text = str(cause)
    key = re.search(r"full_key: (\S+)", text)
    value = re.search(r"Value '(.*?)' of type '.*?' could not be converted to (\w+)", text)
    if key and value:
        return f"{key[1]}: found '{value[1]}', expected a value of type {value[2].lower()}"
    message = " ".join(
        line.strip() for line in text.splitlines() if not re.search("object_type|reference_type|full_key", line)
    )
    return f"{key[1]}: {message}" if key else message


def settle(config: DictConfig, chosen: dict[str, str], overrides: tuple[str, ...], facts: Facts) -> Settings:
    """Resolve numbers, events and posts in their order, and check every one."""
    start, end = check_dates(config.start_date, config.end_date)
    check_main(config)
    choices = [choice_of(group, chosen[group], config[group]) for group in (*GROUPS, "scenario")]
    explicit = {
        override.split("=", 1)[0].lstrip("+"): OmegaConf.select(config, override.split("=", 1)[0].lstrip("+"))
        for override in overrides
        if override.lstrip("+").startswith("rules.")
    }
    numbers = resolve(choices, explicit)
    rules = typed(numbers)
    events = resolve_events(config, choices, overrides, start)
    attention: dict[str, float] = {}
    posts: dict[str, dict[str, float]] = {}
    for choice in choices:
        attention |= choice.attention
        for post, change in choice.posts.items():
            posts[post] = posts.get(post, {}) | dict(change)
    return Settings(
        study=config.study or name_of(chosen, overrides),
        runs=config.runs,
        seed=config.seed,
        start_date=start,
        end_date=end,
        results_dir=Path(config.results_dir),
        debug=config.debug,
        choices=chosen,
        title=config.scenario.title or chosen["scenario"],
        about=config.scenario.about,
        numbers=numbers,
        rules=rules,
        events=events,
        timeline=timeline_of(events, facts),
        attention=attention,
        posts=posts,
        facts=facts,
        layout=lay_out(facts, rules, attention, posts),
        overrides=overrides,
    )


def check_dates(start: str, end: str) -> tuple[date, date]:
    """Both are dates, and the campaign lasts at least a day and at most two years."""
    dates = []
    for key, text in (("start_date", start), ("end_date", end)):
        try:
            dates.append(date.fromisoformat(text))
        except ValueError as error:
            raise PanjError(f"{key}: found '{text}', expected a date such as 2021-05-01") from error
    if not dates[0] < dates[1] <= dates[0] + timedelta(days=730):
        raise PanjError(f"end_date: found {dates[1]}, expected a date after start_date ({dates[0]}), within two years")
    return dates[0], dates[1]


def check_main(config: DictConfig) -> None:
    """Runs and seeds that can be run; a study name that is a folder name."""
    if not 1 <= config.runs <= 10_000_000:
        raise PanjError(f"runs: found {config.runs}, expected a whole number from 1 to 10000000")
    if not 0 <= config.seed <= LAST_SEED - config.runs:
        raise PanjError(f"seed: found {config.seed}, expected a whole number from 0 to {LAST_SEED - config.runs}")
    if config.study is not None and not re.fullmatch(r"[\w-][\w.-]*", config.study):
        raise PanjError(f"study: found '{config.study}', expected letters, digits, '_', '-' and '.' only")


def choice_of(group: str, name: str, node: DictConfig) -> Choice:
    """The choice that a config node describes."""
    values: dict[str, Any] = OmegaConf.to_container(node, resolve=True)  # type: ignore[assignment]
    values.pop("title")
    strike = tuple(values.pop("strike"))
    return Choice(group=group, name=name, strike=strike, **values)


def name_of(chosen: Mapping[str, str], overrides: Sequence[str]) -> str:
    """The scenario's name, the choices that it does not make itself, and a mark of any other change."""
    usual = usual_choices(chosen["scenario"])
    parts = [chosen["scenario"]]
    parts += [f"{group}-{chosen[group]}" for group in GROUPS if chosen[group] != usual[group]]
    changes = sorted(text for text in overrides if text.split("=")[0] not in NAMED_BY_CHOICE)
    if changes:
        parts.append(f"changed-{sha256(' '.join(changes).encode()).hexdigest()[:6]}")
    return "__".join(parts)


def usual_choices(scenario: str) -> dict[str, str]:
    """The choice in each group if only the scenario is named."""
    usual: dict[str, str] = {}
    main = read_yaml(folder_of("configs") / "config.yaml")["defaults"]
    own = read_yaml(file_of("scenario", scenario)).get("defaults", [])
    for row in [*main, *own]:
        if isinstance(row, dict):
            for key, value in row.items():
                usual[key.removeprefix("override /")] = value
    return usual


def resolve_events(
    config: DictConfig, choices: Sequence[Choice], overrides: Sequence[str], start: date
) -> tuple[Event, ...]:
    """The timeline's rows, as policies and the scenario add, move or strike them; explicit overrides win."""
    rows: dict[str, dict[str, Any]] = OmegaConf.to_container(config.timeline.events, resolve=True)  # type: ignore[assignment]
    explicit = [text.lstrip("+").split("=", 1)[0] for text in overrides if "timeline.events." in text]
    for choice in choices:
        where = f"{choice.group}={choice.name}"
        for name in choice.strike:
            if name not in rows:
                raise PanjError(
                    f"{where}, strike: found '{name}', expected the name of a dated event{nearest(name, rows)}"
                )
        for name in choice.strike:
            rows.pop(name)
        for name, change in choice.events.items():
            rows[name] = rows.get(name, {}) | dict(change)
    for key in explicit:
        name, _, column = key.removeprefix("timeline.events.").partition(".")
        if name in rows and column:
            rows[name][column] = OmegaConf.select(config, key)
    events = [event_of(name, row, start) for name, row in rows.items()]
    return tuple(sorted(events, key=lambda event: (event.day, event.name)))


def event_of(name: str, row: Mapping[str, Any], start: date) -> Event:
    """One row, checked."""
    odd = set(row) - EVENT_KEYS
    if odd:
        raise unknown(f"timeline.events.{name}", sorted(odd)[0], sorted(EVENT_KEYS))
    for key in ("date", "act", "source"):
        if not row.get(key):
            raise PanjError(f"timeline.events.{name}.{key}: found nothing, expected a value")
    try:
        day = (date.fromisoformat(str(row["date"])) - start).days
    except ValueError as error:
        raise PanjError(f"timeline.events.{name}.date: found '{row['date']}', expected a date") from error
    if row["act"] not in (*ACTS, "context"):
        raise unknown(f"timeline.events.{name}.act", row["act"], (*ACTS, "context"))
    value = row.get("value", 0.0)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise PanjError(f"timeline.events.{name}.value: found {value}, expected a number of at least 0")
    check_condition(name, row)
    return Event(
        name, day, str(row["date"]), row["act"], row.get("condition"), row.get("district"), float(value),
        row["source"], row.get("text", ""),
    )  # fmt: skip


def check_condition(name: str, row: Mapping[str, Any]) -> None:
    """A condition that there is, within its limits."""
    if row["act"] != "set":
        return
    names = [condition.name.lower() for condition in Condition if condition != Condition.ORDER_DAY]
    if row.get("condition") not in names:
        raise unknown(f"timeline.events.{name}.condition", str(row.get("condition")), names)
    limit = 1_000_000 if row["condition"] == "reservists_ordered" else 1.0
    if row.get("value", 0.0) > limit:
        raise PanjError(f"timeline.events.{name}.value: found {row['value']}, expected at most {limit:g}")


def timeline_of(events: Sequence[Event], facts: Facts) -> Timeline:
    """The rows that act, as the rules read them."""
    rows: list[tuple[int, int, int, float]] = []
    for event in events:
        if event.act == "set":
            rows.append((event.day, ACTS[event.act], Condition[str(event.condition).upper()], event.value))
        elif event.act != "context":
            if event.district not in facts.district:
                raise unknown(f"timeline.events.{event.name}.district", str(event.district), facts.district)
            rows.append((event.day, ACTS[event.act], facts.district.index(event.district), event.value))
    day, act, subject, amount = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Timeline(
        np.array(day, np.int64), np.array(act, np.int64), np.array(subject, np.int64), np.array(amount, np.float64)
    )
