"""Compose overrides into resolved settings with Hydra, and check all settings before anything runs.

Hydra provides the grammar, the groups and their files. Everything that it cannot check (ranges, dates, posts,
districts, shifts by policies) is checked here. Every error names the key, what was found, what was expected and, if
there is one, the nearest valid name.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, fields, make_dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from sim.configuration.draws import draws_of
from sim.configuration.events import resolve_events, timeline_of
from sim.configuration.numbers import Choice, is_number, resolve, typed
from sim.configuration.overrides import (
    DRAW_GROUPS,
    DRAW_KEYS,
    EVENTS,
    GROUPS,
    MAIN_KEYS,
    ONE_VALUE,
    AnyOverrides,
    Override,
    Overrides,
    check_override,
    choices_of,
)
from sim.configuration.own import own_events, own_numbers, own_paths, used_paths
from sim.configuration.settings import Executor, Precision, Sampling, Settings
from sim.configuration.worlds import FREE, RECORD, Worlds, followed_to, worlds_for
from sim.data.configs import folder_of, not_yaml, read_text, read_yaml
from sim.data.facts import Facts, facts_here
from sim.data.own import RESULTS, file_of, is_own, own_folder, refresh
from sim.data.own_rules import check_unchanged
from sim.data.places import naming_own_files, place_in
from sim.engine.chance import LAST_SEED
from sim.engine.layout import check_posts, lay_out_provinces
from sim.errors import PanjError, unknown
from sim.options import read_name, read_new_path, require_extra
from sim.outcome import fingerprint_of_outcomes

NOT_NAMED = {*GROUPS, *DRAW_GROUPS, "scenario", *ONE_VALUE} - {"timeline", *DRAW_KEYS}  # keys excluded from the hash
MOST_WORKERS = 4096
KEPT = 16  # largest number of composed configs kept in memory, since they are large
SCENARIO_KEYS = ("defaults", "scenario", "start_date", "end_date")  # keys allowed in the file of a scenario


@dataclass
class ChoiceSchema:
    """Schema of a policy, theory or scenario: its allowed keys."""

    title: str | None = None
    about: str = ""
    set: dict[str, float] = field(default_factory=dict)
    scale: dict[str, float] = field(default_factory=dict)
    shift: dict[str, float] = field(default_factory=dict)
    attention: dict[str, float] = field(default_factory=dict)
    posts: dict[str, Any] = field(default_factory=dict)  # numbers by name, not checked by Hydra, which would reject 0
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    strike: list[str] = field(default_factory=list)


@dataclass
class TimelineSchema:
    """Schema of a timeline: a mapping from names to dated events."""

    events: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class CalibrationSchema:
    """Schema of `calibration`: the source of the uncertain numbers.

    `source` is one of `declared`, `median`, `posterior` and `prior`; with the last two, numbers are drawn for each
    campaign. `file` is the path of the posterior; without it, the shipped one is used.
    """

    source: str = "declared"
    file: str | None = None


@dataclass
class ExecutorSchema:
    """Schema of `executor`: `kind` is threads, processes or dask; with 0 `workers`, there is one per core."""

    kind: str = "threads"
    workers: int = 0
    address: str | None = None


@dataclass
class SamplingSchema:
    """Schema of `sampling`: cells form a `grid` (every combination) or a `latin_hypercube` (points within ranges)."""

    method: str = "grid"
    points: int = 100
    keys: list[str] = field(default_factory=list)
    seed: int = 0


@dataclass
class PrecisionSchema:
    """Schema of `precision`: add campaigns until the mean of `outcome` is known precisely enough.

    This is reached when the half-width of its 95 % interval is at most `half_width`, in the unit of the outcome.
    """

    outcome: str | None = None
    half_width: float | None = None


@dataclass
class WorldsSchema:
    """Schema of `worlds`: `free` campaigns, or campaigns that followed the `record`.

    `file` is the path of the worlds; without it, the shipped file is used. Campaigns repeat the random draws of the
    worlds up to the end of the day `until` (by default the last day that the reports cover), then use new draws.
    """

    source: str = FREE
    file: str | None = None
    until: str | None = None


@cache
def schema() -> type:
    """Return the typed schema of the config, a dataclass with one field per main setting and per group."""
    rows: list[Any] = [
        ("study", str | None, field(default=None)),
        ("runs", int, field(default=200)),
        ("seed", int, field(default=0)),
        ("start_date", str, field(default="")),
        ("end_date", str, field(default="")),
        ("results_dir", str, field(default="results")),
        ("daily", bool, field(default=True)),
        ("debug", bool, field(default=False)),
        ("runs_max", int, field(default=10_000)),
        ("timeline", TimelineSchema, field(default_factory=TimelineSchema)),
        ("calibration", CalibrationSchema, field(default_factory=CalibrationSchema)),
        ("worlds", WorldsSchema, field(default_factory=WorldsSchema)),
        ("executor", ExecutorSchema, field(default_factory=ExecutorSchema)),
        ("sampling", SamplingSchema, field(default_factory=SamplingSchema)),
        ("precision", PrecisionSchema, field(default_factory=PrecisionSchema)),
    ]
    for group in (*GROUPS, "scenario"):
        rows.append((group, ChoiceSchema, field(default_factory=ChoiceSchema)))
    return make_dataclass("Schema", rows)


@cache
def store_with_schema() -> ConfigStore:
    """Return Hydra's in-memory store of configs, after adding the schema to it on first use."""
    store = ConfigStore.instance()
    store.store(name="schema", node=schema())
    return store


def compose_settings(overrides: AnyOverrides = (), facts: Facts | None = None) -> Settings:
    """Resolve and check the settings of one cell, and return them.

    Args:
        overrides: Overrides such as `["border=closed", "runs=50", "rules.news.fade_days=5"]`; all other settings keep
            their defaults.
        facts: Districts, roads and posts; read from `sim/data` by default.

    Raises:
        PanjError: For an invalid setting, before anything is run or written.
    """
    parsed = Overrides.of(overrides)
    if parsed.sweeps:
        raise PanjError("override: found a sweep (-m or --multirun), expected the settings of a single cell")
    return Composer(facts).settings(parsed)


class Joined:
    """A view of a composed config with other choices in some groups, which avoids copying the config."""

    def __init__(self, config: DictConfig, chosen: Mapping[str, DictConfig]) -> None:
        self.config, self.chosen = config, chosen

    def __getitem__(self, key: str) -> Any:
        return self.chosen[key] if key in self.chosen else self.config[key]

    def __getattr__(self, key: str) -> Any:
        return self[key]


Composed = tuple[DictConfig, dict[str, str]]  # a config, and the choice per group


class Composer:
    """Resolver of settings that caches the configs composed by Hydra, so that Hydra is rarely called.

    Overrides of rule numbers and of single values such as `runs=50` bypass Hydra, so settings that differ only in
    such overrides share one config.
    """

    def __init__(self, facts: Facts | None = None) -> None:
        check_unchanged()
        refresh()  # the user's files may have changed since the last command of this process
        self.facts = facts or facts_here()
        self.outcomes_fingerprint = fingerprint_of_outcomes()
        self.composed: dict[tuple[Override, ...], Composed] = {}
        self.choices: dict[Override, DictConfig | None] = {}  # config of one group, by the override that chooses it
        self.valued: dict[tuple[tuple[Override, ...], ...], DictConfig] = {}  # configs with values, by overrides
        self.begun: set[tuple[Override, ...]] = set()  # overrides of earlier settings, except choices

    def settings(self, words: AnyOverrides) -> Settings:
        """Resolve, check and return the settings of one cell, or raise PanjError if any of them is invalid."""
        overrides = Overrides.of(words)
        for row in overrides:
            check_override(row)
            check_part(row)
        with naming_own_files(used_paths(overrides)):
            return self.checked(overrides)

    def checked(self, overrides: Overrides) -> Settings:
        """Resolve, check and return the settings described by overrides of known keys."""
        values = [row for row in overrides if row.key in MAIN_KEYS and row.is_plain and is_scalar(row.value)]
        others = tuple(row for row in overrides if not row.is_number and row not in values)
        try:
            config, choices = self.joined(others, tuple(values))
            return settle(config, choices, overrides, self.facts, self.outcomes_fingerprint)
        except OmegaConfBaseException as error:
            raise PanjError(plain(error)) from error

    def joined(
        self, overrides: tuple[Override, ...], values: tuple[Override, ...]
    ) -> tuple[DictConfig | Joined, dict[str, str]]:
        """Return the config as composed by Hydra, with values of top-level keys, and the choice per group.

        If some overrides are choices in groups, the config is assembled from the config of all other overrides and the
        files of the choices. Hydra composes the whole config if a group is chosen twice, if an override is invalid, or
        if a choice could change anything outside its group. It also does so when the other overrides are first given,
        because most commands need only a single config.
        """
        chosen = {row.key: row for row in overrides if row.key in GROUPS and row.is_plain}
        rest = tuple(row for row in overrides if row not in chosen.values())
        is_first = rest not in self.begun
        self.begun.add(rest)
        is_changed = any(row.key.partition(".")[0] in chosen for row in rest)
        if is_first or not chosen or is_changed or len(rest) + len(chosen) < len(overrides):
            return self.with_values(overrides, values)
        try:
            config, choices = self.with_values(rest, values)
            alone = {group: self.alone(row) for group, row in chosen.items()}
        except PanjError:
            return self.with_values(overrides, values)
        if None in alone.values():
            return self.with_values(overrides, values)
        found = {group: choice for group, choice in alone.items() if choice is not None}
        return Joined(config, found), choices | {group: row.value_text for group, row in chosen.items()}

    def alone(self, choice: Override) -> DictConfig | None:
        """Return the config of one choice in a group, or None if the choice could change anything outside the group."""
        if choice not in self.choices:
            self.choices[choice] = choice_alone(choice.key, choice.value_text)
        return self.choices[choice]

    def with_values(self, overrides: tuple[Override, ...], values: tuple[Override, ...]) -> Composed:
        """Return a config with values set at their top-level keys, and the choice per group."""
        config, choices = self.whole(overrides)
        if not values:
            return config, choices
        if (overrides, values) not in self.valued:
            if len(self.valued) >= KEPT:
                del self.valued[next(iter(self.valued))]
            self.valued[overrides, values] = with_values(config, values)
        return self.valued[overrides, values], choices

    def whole(self, overrides: tuple[Override, ...]) -> Composed:
        """Return the config composed by Hydra, and the choice per group; the last few results are cached."""
        if overrides not in self.composed:
            if len(self.composed) >= KEPT:
                del self.composed[next(iter(self.composed))]
            self.composed[overrides] = compose_config(overrides)
        return self.composed[overrides]


def is_scalar(value: Any) -> bool:
    """Return whether a value is a single value rather than a list or a mapping."""
    return value is None or isinstance(value, str | int | float)


def with_values(config: DictConfig, values: Sequence[Override]) -> DictConfig:
    """Return a shallow copy of a config with each override set at its top-level key."""
    config = copy(config)
    for row in values:
        config[row.key] = row.value
    return config


def compose_config(overrides: Sequence[Override]) -> Composed:
    """Compose a config with Hydra and return it with the choice in each group; callers must not modify them.

    The last few configs are cached until a settings file is changed.
    """
    places = (folder_of("configs"), folder_of("scenarios"))
    paths = [*(path for place in places for path in sorted(place.rglob("*.yaml"))), *own_paths()]
    files = [(path, path.stat()) for path in paths]
    return kept_config(tuple(overrides), tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in files))


def choice_alone(group: str, name: str) -> DictConfig | None:
    """Return the config of one choice as Hydra composes it from its file alone.

    Args:
        group: A group of policies, or `theory`.
        name: Name of the choice.

    Returns:
        The config, or None if Hydra must compose it because the file has a list of defaults, names a package, or is
        invalid.

    Raises:
        PanjError: If the file is missing or is not valid YAML.
    """
    path = file_of(group, name)
    content = read_config(path)
    if "defaults" in content or "@package" in read_text(path):
        return None
    try:
        return OmegaConf.merge(OmegaConf.structured(ChoiceSchema), content)  # type: ignore[return-value]
    except OmegaConfBaseException:
        return None


@lru_cache(KEPT)
def kept_config(overrides: tuple[Override, ...], _files: tuple[tuple[Path, int, int], ...]) -> Composed:
    """Compose a config for `compose_config`, and cache it by overrides and state of the settings files."""
    store = store_with_schema()
    chosen = choices_in(overrides)
    for name, content in chain_of(chosen["scenario"]).items():
        for key in content:
            if key not in SCENARIO_KEYS:
                raise unknown(f"scenario={name} ({place_in(file_of('scenario', name), key)})", key, SCENARIO_KEYS)
        check_section(f"scenario={name}", file_of("scenario", name), content.get("scenario") or {}, "scenario.")
        store.store(group="scenario", name=name, node=content, package="_global_")
    for group, name in (usual_choices(chosen["scenario"]) | choices_in_overrides(overrides)).items():
        path = file_of(group, name)
        if group in GROUPS and not path.is_file():  # Hydra would use a file that it has found earlier
            raise unknown(group, name, choices_of(group))
        if group in GROUPS and is_own(path):
            content = read_config(path)
            check_section(f"{group}={name}", path, content)
            store.store(group=group, name=name, node=content, package=group)
    events = [Override.of(f"{EVENTS}{name}", row, "+") for name, row in own_events().items()]
    try:
        with hydra_set_aside(), initialize_config_dir(str(folder_of("configs")), version_base="1.3", job_name="panj"):
            config = compose(
                "config", overrides=[row.grammar for row in (*events, *overrides)], return_hydra_config=True
            )
            chosen = {
                group: config.hydra.runtime.choices[group] for group in (*GROUPS, *DRAW_GROUPS, "scenario", "timeline")
            }
    except (HydraException, OmegaConfBaseException, YAMLError, OSError, ValueError) as error:
        for group in (*GROUPS, *DRAW_GROUPS, "timeline"):
            for name in {chosen[group], usual_choices(chosen["scenario"]).get(group, chosen[group])}:
                read_yaml(file_of(group, name))  # raises an error that names the invalid file
        raise PanjError(plain(error)) from error
    with open_dict(config):
        del config["hydra"]  # not used further, and the largest part of the config
    return config, chosen


@contextmanager
def hydra_set_aside() -> Iterator[None]:
    """Set aside a Hydra instance initialised by the calling program, such as a notebook, within a block."""
    of_program = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().hydra = of_program


def choices_in(overrides: Iterable[Override]) -> dict[str, str]:
    """Return the choice in each group, from the overrides or by default.

    Changes of defaults by the scenario are ignored.
    """
    return main_choices() | choices_in_overrides(overrides)


def choices_in_overrides(overrides: Iterable[Override]) -> dict[str, str]:
    """Return the choices in overrides, as a mapping from group to choice."""
    named = (*GROUPS, *DRAW_GROUPS, "scenario", "timeline")
    return {row.key: row.value_text for row in overrides if row.key in named}


def check_part(row: Override) -> None:
    """Raise PanjError if an override refers to a part that no choice has, such as `border.foo`."""
    group, _, part = row.key.partition(".")
    keys = [one.name for one in fields(ChoiceSchema)]
    if group in (*GROUPS, "scenario") and part and part.partition(".")[0] not in keys:
        raise unknown(row.key, part, keys)


KINDS: dict[str, tuple[Any, str]] = {  # types of the values of a choice, except mappings
    "title": (str, "text"), "about": (str, "text"), "strike": (list, "a list of names of dated events"),
}  # fmt: skip


def check_section(choice: str, path: Path, section: Any, prefix: str = "") -> None:
    """Raise PanjError if the section of a policy, theory or scenario is not a mapping, or has an unknown key.

    Args:
        choice: The choice, such as `border=closed`.
        path: Its file.
        section: Content of the file or, for a scenario, of its section `scenario`.
        prefix: Text before the keys of the section in errors: `scenario.`, or nothing.
    """
    keys = [one.name for one in fields(ChoiceSchema)]

    def where(key: str) -> str:
        return f"{choice} ({place_in(path, prefix + key)}), {prefix}{key}"

    if not isinstance(section, Mapping):
        raise PanjError(f"{choice} ({path}): found '{section}', expected a mapping of names to values")
    for key, value in section.items():
        if key not in keys:
            raise unknown(where(key), key, keys)
        kind, expected = KINDS.get(key, (Mapping, "a mapping of names to values"))
        if not isinstance(value, kind | None):
            raise PanjError(f"{where(key)}: found '{value}', expected {expected}")
        for name, row in value.items() if isinstance(value, Mapping) else ():
            if key == "events" and not isinstance(row, Mapping):
                raise PanjError(f"{where(f'events.{name}')}: found '{row}', expected a mapping of columns to values")
            if key != "events" and isinstance(row, list):
                raise PanjError(f"{where(f'{key}.{name}')}: found '{row}', expected a number")
        for name in value if isinstance(value, list) else ():
            if not isinstance(name, str):
                raise PanjError(f"{where(key)}: found '{name}', expected the name of a dated event")


DEEPEST = 8  # largest length of a chain of scenarios based on each other


def chain_of(scenario: str) -> dict[str, dict[str, Any]]:
    """Read the files of a scenario and of its base scenarios.

    Args:
        scenario: Name of the scenario.

    Returns:
        A mapping from scenario names to the contents of the files, beginning with the scenario that has no base.

    Raises:
        PanjError: If a file cannot be read, if its list of defaults is invalid, names an unknown base or names more
            than one base, or if the chain is too long or circular.
    """
    found: dict[str, dict[str, Any]] = {}
    while scenario:
        if scenario in found or len(found) == DEEPEST:
            raise PanjError(
                f"scenario={scenario}: found a chain of base scenarios that is circular or too long, expected "
                f"at most {DEEPEST} scenarios"
            )
        found = {scenario: read_config(file_of("scenario", scenario))} | found
        rows = found[scenario].get("defaults", [])
        if not isinstance(rows, list):
            raise PanjError(f"scenario={scenario}, defaults: found '{rows}', expected a list of choices")
        bases = bases_of(rows)
        if len(bases) > 1:
            raise PanjError(
                f"scenario={scenario}, defaults: found {', '.join(bases)}, expected at most one base scenario"
            )
        scenario = bases[0] if bases else ""
        if scenario and scenario not in choices_of("scenario"):
            raise unknown("scenario, defaults", scenario, choices_of("scenario"))
    return found


def bases_of(rows: Iterable[Any]) -> list[str]:
    """Return the names of the base scenarios in a scenario's list of defaults."""
    return [row for row in rows if isinstance(row, str) and row != "_self_"]


def read_config(path: Path) -> dict[str, Any]:
    """Read a YAML file as Hydra does, with dates as text, or raise a PanjError that names an invalid file."""
    read_yaml(path)
    try:
        return OmegaConf.to_container(OmegaConf.create(read_text(path)))  # type: ignore[return-value]
    except (YAMLError, OmegaConfBaseException) as error:  # for instance a tab, which only one of the parsers accepts
        raise not_yaml(path, error) from error


HYDRA_MESSAGES = (  # patterns of messages of Hydra and OmegaConf, with texts for `found` and `expected`
    (r"An item is already at '(?P<key>[^']+)'", "+ before a key that exists", "{}=VALUE without it"),
    (
        r"Key '(.*?)' is not in struct",
        "'{0}', which the choice does not have",
        "a key that it has, or + before the key",
    ),
    (r"Cannot assign (\S+) to Dict", "a value of type {0}", "a mapping such as {{name: value}}"),
    (r"(\S+) is not a ListConfig", "a value of type {0}", "a list such as [a,b]"),
    (r"Multiple values for (?P<key>\w+)\.", "two values", "one; in the file of a scenario, override /{0}: NAME"),
    (r"Could not override '/?(?P<key>[^']+)'", "'{0}'", f"one of {', '.join(GROUPS)}"),
    (r"(?P<key>\w+) appears more than once", "two values", "one"),
    (r"Key (\S+) \(\w+\) is incompatible with \(str\)", "the key {0}", "a name"),
    (r"Unsupported type in (?P<key>defaults) : (\w+)", "a value of type {1}", "a name, or override /GROUP: NAME"),
    (r"Could not find '(?P<key>[^'/]+)/([^']+)'", "'{1}'", "an existing choice"),
)


def plain(error: BaseException) -> str:
    """Describe the cause of a Hydra or OmegaConf error in one line, which begins with the key if the key is known."""
    cause = error.__cause__ or error
    text = str(cause)
    key = re.search(r"full_key: (\S+)", text)
    value = re.search(r"Value '(.*?)' of type '.*?' could not be converted to (\w+)", text)
    if key and value:
        kind = value[2].lower()
        expected = {"integer": "a whole number", "float": "a number"}.get(kind, f"a value of type {kind}")
        return f"{key[1]}: found '{value[1]}', expected {expected}"
    if key and (truth := re.search(r"Value '(.*?)' is not a valid bool", text)):
        return f"{key[1]}: found '{truth[1]}', expected true or false"
    if key and "is not Optional" in text:
        return f"{key[1]}: found null, expected a value"
    for pattern, found, expected in HYDRA_MESSAGES:
        if known := re.search(pattern, text):
            name = known["key"] if "key" in known.groupdict() else key[1] if key else "override"
            return f"{name}: found {found.format(*known.groups())}, expected {expected.format(name)}"
    message = " ".join(
        line.strip() for line in text.splitlines() if not re.search("object_type|reference_type|full_key", line)
    )
    return f"{key[1]}: {message}" if key else message


def settle(
    config: DictConfig | Joined, chosen: dict[str, str], overrides: Overrides, facts: Facts, outcomes_fingerprint: str
) -> Settings:
    """Check a composed config and return the settings that it defines."""
    start, end = check_dates(config.start_date, config.end_date)
    check_main(config)
    choices = [choice_of(group, chosen[group], config[group]) for group in (*GROUPS, "scenario")]
    explicit = own_numbers() | overrides.numbers()
    numbers = resolve(choices, explicit)
    rules = typed(numbers)
    events = resolve_events(config.timeline.events, choices, overrides, start)
    attention: dict[str, float] = {}
    posts: dict[str, dict[str, float]] = {}
    for choice in choices:
        attention |= choice.attention
        for post, change in choice.posts.items():
            posts[post] = posts.get(post, {}) | dict(change)
    lay_out_provinces(facts, attention)  # this call and the next raise PanjError for unknown regions and posts
    check_posts(facts, posts)
    return Settings(
        study=config.study or name_of(chosen, overrides),
        runs=config.runs,
        seed=config.seed,
        start_date=start,
        end_date=end,
        results_dir=results_of(config, overrides),
        daily=config.daily,
        debug=config.debug,
        choices=chosen,
        title=config.scenario.title or chosen["scenario"],
        about=config.scenario.about,
        numbers=numbers,
        rules=rules,
        draws=draws_of(
            config.calibration.source,
            tuple(choices),
            explicit,
            config.calibration.file,
            facts.fingerprint,
            worlds_of(config, start, end, facts),
        ),
        events=events,
        timeline=timeline_of(events, facts),
        attention=attention,
        posts=posts,
        facts=facts,
        overrides=overrides.words,
        outcomes_fingerprint=outcomes_fingerprint,
        executor=executor_of(config),
        sampling=sampling_of(config),
        precision=precision_of(config),
    )


def results_of(config: DictConfig | Joined, overrides: Overrides) -> Path:
    """Return the folder for studies: `results_dir`, by default in the user's folder of own files if there is one."""
    folder = own_folder()
    if folder is None or "results_dir" in overrides:
        return read_new_path("results_dir", config.results_dir)
    here = Path.cwd()
    return folder.relative_to(here) / RESULTS if folder.is_relative_to(here) else folder / RESULTS


def worlds_of(config: DictConfig | Joined, start: date, end: date, facts: Facts) -> Worlds | None:
    """Return the worlds from which campaigns start, or None for free campaigns.

    Raises:
        PanjError: If the worlds are invalid or do not fit the other settings.
    """
    source, file, until = config.worlds.source, config.worlds.file, config.worlds.until
    if source not in (FREE, RECORD):
        raise unknown("worlds.source", source, (FREE, RECORD))
    if source == FREE:
        for key, value in (("file", file), ("until", until)):
            if value:
                raise PanjError(
                    f"worlds.{key}: found '{value}' with worlds=free, expected a value only with worlds=record"
                )
        return None
    worlds = followed_to(worlds_for(file, facts.fingerprint), until)
    if start.isoformat() != worlds.about["start_date"]:
        raise PanjError(
            f"start_date: found {start}, expected {worlds.about['start_date']}, the start date of the worlds"
        )
    many = len(worlds.addresses)
    asked = config.runs_max if config.precision.outcome else config.runs
    if end <= worlds.followed and asked > many:
        raise PanjError(
            f"runs: found {asked}, expected at most {many}, since campaigns that end by {worlds.followed} only repeat "
            f"the {many} worlds"
        )
    return worlds


def check_dates(start: str, end: str) -> tuple[date, date]:
    """Parse and check the first and last day of a campaign, and return them as dates.

    Args:
        start: ISO date of day 0.
        end: ISO date of the last day.

    Raises:
        PanjError: If a text is not a date, or if the last day is not after day 0 and within 730 days of it.
    """
    dates = []
    for key, text in (("start_date", start), ("end_date", end)):
        try:
            dates.append(date.fromisoformat(text))
        except ValueError as error:
            raise PanjError(f"{key}: found '{text}', expected a date such as 2021-05-01") from error
    if not dates[0] < dates[1] <= dates[0] + timedelta(days=730):
        raise PanjError(
            f"end_date: found {dates[1]}, expected a date after start_date ({dates[0]}) and within two years of it"
        )
    return dates[0], dates[1]


def check_main(config: DictConfig | Joined) -> None:
    """Raise PanjError if `runs` or `seed` is out of range, or if the name of the study cannot be a folder name."""
    if not 1 <= config.runs <= 10_000_000:
        raise PanjError(f"runs: found {config.runs}, expected a whole number from 1 to 10000000")
    if not 0 <= config.seed <= LAST_SEED - config.runs:
        raise PanjError(f"seed: found {config.seed}, expected a whole number from 0 to {LAST_SEED - config.runs}")
    if config.study is not None:
        read_name("study", config.study)


def executor_of(config: DictConfig | Joined) -> Executor:
    """Check the executor settings and return them."""
    kind, workers, address = config.executor.kind, config.executor.workers, config.executor.address
    if not 0 <= workers <= MOST_WORKERS:
        raise PanjError(
            f"executor.workers: found {workers}, expected a whole number from 0 to {MOST_WORKERS} (0: one per core)"
        )
    if kind == "dask":
        require_extra("cluster", "executor")
    if address is not None and kind != "dask":
        raise PanjError(
            f"executor.address: found '{address}' with executor={kind}, expected an address only with executor=dask"
        )
    return Executor(kind, workers, address)


def sampling_of(config: DictConfig | Joined) -> Sampling:
    """Check the sampling settings and return them."""
    points, keys, seed = config.sampling.points, tuple(config.sampling["keys"]), config.sampling.seed
    if not 1 <= points <= 1_000_000:
        raise PanjError(f"sampling.points: found {points}, expected a whole number from 1 to 1000000")
    if seed < 0:
        raise PanjError(f"sampling.seed: found {seed}, expected a whole number of at least 0")
    return Sampling(config.sampling.method, points, keys, seed)


def precision_of(config: DictConfig | Joined) -> Precision:
    """Check the requested precision and return it; `check_outcomes` later checks its outcome."""
    outcome, half_width, most = config.precision.outcome, config.precision.half_width, config.runs_max
    if (outcome is None) != (half_width is None):
        missing = "precision.half_width" if half_width is None else "precision.outcome"
        raise PanjError(f"{missing}: found none, expected both precision.outcome and precision.half_width, or neither")
    if half_width is not None and not 0 < half_width < math.inf:
        raise PanjError(f"precision.half_width: found {half_width}, expected a number above 0")
    if outcome is not None and not config.runs <= most <= 10_000_000:
        raise PanjError(f"runs_max: found {most}, expected a whole number from runs ({config.runs}) to 10000000")
    return Precision(outcome, half_width or 0.0, most)


def choice_of(group: str, name: str, node: DictConfig) -> Choice:
    """Convert the config of one group to a `Choice`."""
    values: dict[str, Any] = OmegaConf.to_container(node, resolve=True)  # type: ignore[assignment]
    values.pop("title")
    strike = tuple(values.pop("strike"))
    posts = {post: numbers_of(f"{group}={name}, posts.{post}", change) for post, change in values.pop("posts").items()}
    return Choice(group=group, name=name, strike=strike, posts=posts, **values)


def numbers_of(where: str, change: Any) -> dict[str, float]:
    """Return a copy of a mapping with its values as floats, or raise PanjError if a value is not a finite number."""
    if not isinstance(change, Mapping):
        raise PanjError(f"{where}: found '{change}', expected names with numbers, such as {{soldiers: 0.5}}")
    for key, value in change.items():
        if not is_number(value) or not math.isfinite(value):
            raise PanjError(f"{where}.{key}: found '{value}', expected a number")
    return {str(key): float(value) for key, value in change.items()}


def name_of(chosen: Mapping[str, str], overrides: Overrides) -> str:
    """Return the default name of a study.

    It consists of the scenario, the choices that differ from the defaults of that scenario, and a hash of all other
    overrides, own numbers and own events, which affect results.

    Args:
        chosen: Choice per group.
        overrides: All overrides of the study.
    """
    usual = usual_choices(chosen["scenario"])
    parts = [chosen["scenario"]]
    parts += [f"{group}-{chosen[group]}" for group in (*GROUPS, *DRAW_GROUPS) if chosen[group] != usual[group]]
    changes = sorted(row.text for row in overrides if row.text.split("=")[0] not in NOT_NAMED)
    changes += [f"{key}={value}" for key, value in own_numbers().items()]
    changes += [f"{EVENTS}{name}={row}" for name, row in own_events().items()]
    if changes:
        parts.append(f"changed-{sha256(' '.join(changes).encode()).hexdigest()[:6]}")
    return "__".join(parts)


def usual_choices(scenario: str) -> dict[str, str]:
    """Return the choice in each group if only the scenario is chosen."""
    usual = main_choices()
    for content in chain_of(scenario).values():
        usual |= named_in(content.get("defaults") or [])
    return usual


def main_choices() -> dict[str, str]:
    """Return the default choice in each group, from `config.yaml`."""
    return named_in(read_yaml(folder_of("configs") / "config.yaml")["defaults"])


def named_in(rows: Iterable[Any]) -> dict[str, str]:
    """Return the choices in a list of defaults of a YAML file, as a mapping from group to choice."""
    rows = [row for row in rows if isinstance(row, dict)]
    return {str(key).removeprefix("override /"): str(value) for row in rows for key, value in row.items()}
