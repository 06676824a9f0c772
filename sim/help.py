"""Help for the command line: help texts, shell completion and the reference `docs/cli.md`.

All of it is generated from the verbs of `sim.options`, `SETTINGS` below and the YAML files of `configs/`.
"""

import textwrap
from collections.abc import Iterable, Sequence

from sim.configuration.changes import about_of, describe_changes, describing_groups, groups
from sim.data.configs import folder_of, read_yaml
from sim.data.own import file_of, is_own
from sim.errors import PanjError
from sim.options import VERBS, Option, Request, expected_of, options_of, usage_of

WIDTH = 120
TITLE = "Panj: an agent-based simulation of the July 2021 Afghan-Tajik border crisis, for study and teaching."
SETTINGS = {  # keys of configs/config.yaml that are not groups of choices
    "study": "folder of the results; by default named after the scenario and the choices that differ from it",
    "runs": "campaigns per cell; campaign i has seed + i",
    "runs_max": "largest number of campaigns per cell, where a precision is requested",
    "seed": "seed of the first campaign",
    "start_date": "day 0 of the campaign",
    "end_date": "last day of the campaign",
    "results_dir": "folder of the studies; in a folder of your own files, results in that folder",
    "daily": "keep every day (days.parquet, figures); false keeps outcomes and the days on which districts fell",
    "debug": "show where an error was raised",
    "precision.outcome": "outcome to which precision.half_width applies",
    "precision.half_width": "add campaigns until the 95 % interval of the mean of that outcome is at most this wide to "
    "either side",
    "calibration.file": "posterior.parquet of your own fit, instead of the one that comes with Panj",
    "worlds.file": "worlds.parquet written by `assimilate`; by default the sample that comes with Panj",
    "worlds.until": "last day of the random draws of those worlds; by default the last day of their reports",
    "executor.workers": "threads, processes or Dask workers; 0 means one per core",
    "executor.address": "Dask scheduler, such as tcp://host:8786 (with executor=dask)",
    "sampling.points": "cells of a Latin hypercube (with sampling=latin_hypercube)",
    "sampling.keys": "numbers that it varies over their declared ranges, such as [rules.news.fade_days]",
    "sampling.seed": "seed of the points",
}
FREE = {  # patterns, each of which stands for many keys
    "config_dir=FOLDER": "a folder of your own files, as `init FOLDER` writes it; by default the current folder or its "
    "nearest parent with panj.yaml",
    "rules.<rule>.<number>": "any number in configs/rules/*.yaml, for instance rules.news.fade_days=5",
    "timeline.events.<event>.date": "the date of any event of configs/timeline",
}
SWEEPS = "a,b,c  range(0.1,0.5,0.1)  glob(*)  and for numbers, with sampling=latin_hypercube, interval(0.1,0.5)"
EXIT_CODES = {
    0: "done",
    1: "an error in Panj itself, or results that differ (verify, reproduce)",
    2: "an error that you can correct, such as an unknown setting or a missing file",
    3: "done, but some campaigns failed",
    130: "stopped by Ctrl-C: the same command continues",
}


def usual_settings() -> dict[str, str]:
    """Return the default of each key in `SETTINGS` as it would be typed; the text of a key without default is empty."""
    config = read_yaml(folder_of("configs") / "config.yaml")
    usual = {"calibration.file": "", "worlds.file": "", "worlds.until": "", "executor.workers": "0",
             "executor.address": "", "sampling.points": "100", "sampling.keys": "[]", "sampling.seed": "0"}  # fmt: skip
    for key in SETTINGS:
        value = config
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None  # type: ignore[assignment]
        if value is not None:
            usual[key] = str(value).lower() if isinstance(value, bool) else str(value)
    return {key: usual.get(key, "") for key in SETTINGS}


def changes() -> dict[str, str]:
    """Return a description of each policy and scenario and of what it changes, keyed by `group=choice`."""
    return {f"{group}={name}": change_of(group, name) for group in describing_groups() for name in groups()[group]}


def change_of(group: str, name: str) -> str:
    """Return a description of one choice and of what it changes, or why the user's file of it cannot be read."""
    try:
        said = "; ".join(one.short for one in describe_changes(group, name)) or "Changes nothing."
        return f"{about_of(group, name).removesuffix('.')}. {said}"
    except (PanjError, AttributeError, KeyError, TypeError, ValueError) as error:
        if is_own(file_of(group, name)):
            return f"(cannot be used) {error}"
        raise


def help_of(words: Sequence[str]) -> str:
    """Return the help text for a command line.

    Args:
        words: The words after `python -m sim`.

    Returns:
        The help text for the first verb among the words, or the general help text if there is none.
    """
    named = next((word for word in words if word in VERBS), None)
    return general_help() if named is None else verb_help(VERBS[named])


def general_help() -> str:
    """Return the general help text, which lists all verbs, settings, choices and exit codes."""
    settings = {f"{key}={value}": SETTINGS[key] for key, value in usual_settings().items()}
    return "\n".join([
        TITLE, "", "  python -m sim [verb] [key=value ...]", "  python -m sim VERB --help     explains one verb", "",
        "Verbs", *table_of({name: summary_of(verb) for name, verb in VERBS.items()}), "",
        "Settings, with their defaults", *table_of(settings | FREE), "",
        "Sweeps (with -m)", f"  {SWEEPS}", "",
        "Choices (the first is the default)", *(f"  {group}={', '.join(found)}" for group, found in groups().items()),
        "", "What each choice changes, compared with the numbers as declared", *table_of(changes()),
        "", "Exit codes", *table_of({str(code): meaning for code, meaning in EXIT_CODES.items()}), "",
        "Examples", *(f"  python -m sim {example}" for example in VERBS["run"].examples),
    ])  # fmt: skip


def verb_help(verb: type[Request]) -> str:
    """Return the help text on one verb: usage, arguments, options and examples."""
    lines = [f"  {usage_of(verb)}", "", *textwrap.wrap(text_of(verb), WIDTH)]
    for title, role in (("Arguments", "argument"), ("Options", "option")):
        rows = {heading_of(one): describe(one) for one in options_of(verb) if one.role == role}
        lines += ["", title, *table_of(rows)] if rows else []
    for one in options_of(verb):
        if one.role == "overrides":
            lines += ["", f"Settings may follow ({one.meaning}): {keys_allowed(one)}"]
    if verb.extras:
        lines += ["", f"Needs: {install_command(verb.extras)}"]
    return "\n".join([*lines, "", "Examples", *(f"  python -m sim {example}" for example in verb.examples)])


def install_command(extras: Iterable[str]) -> str:
    """Return the command that installs extras: `pip install "panj[report]"`."""
    return f'pip install "panj[{",".join(extras)}]"'


def keys_allowed(one: Option) -> str:
    """List the settings that may follow a verb; if any setting may, return a text that says how to list settings."""
    return ", ".join(one.declared["keys"]) or "python -m sim --help lists them."


def text_of(verb: type[Request]) -> str:
    """Return the docstring of a verb on one line."""
    return " ".join((verb.__doc__ or "").split())


def summary_of(verb: type[Request]) -> str:
    """Return the first paragraph of the docstring of a verb, on one line."""
    return " ".join((verb.__doc__ or "").partition("\n\n")[0].split())


def heading_of(one: Option) -> str:
    """Return the heading of an option or argument in the help text: `day=`, or `FOLDER`."""
    return f"{one.key}=" if one.role == "option" else one.name.upper()


def describe(one: Option) -> str:
    """Describe an option or argument: its meaning, possible values, example and default (or `required`)."""
    facts = []
    if one.role == "option" and (one.declared["choices"] or one.kind in (int, float, bool)):
        facts.append(expected_of(one))
    if one.is_required and one.declared.get("least", 1):
        facts.append("required")
    elif not one.is_required and one.default not in (None, "", ()):
        facts.append(f"default {usual_of(one)}")
    if one.role == "option" and one.declared["example"]:
        facts.append(f"for instance {one.key}={one.declared['example']}")
    return f"{one.meaning} ({'; '.join(facts)})" if facts else one.meaning


def usual_of(one: Option) -> str:
    """Return the default of an option as it would be typed."""
    values = one.default if one.is_many else [one.default]
    return ",".join(str(value).lower() if isinstance(value, bool) else str(value) for value in values)


def table_of(rows: dict[str, str]) -> list[str]:
    """Format keys and texts as lines in two columns. A key that is too wide for its column gets its own line."""
    width = min(28, max(map(len, rows)) + 2)
    lines = []
    for key, text in rows.items():
        first, *rest = textwrap.wrap(text, WIDTH - width - 2) or [""]
        lines += [f"  {key:<{width}}{first}"] if len(key) < width else [f"  {key}", " " * (width + 2) + first]
        lines += [" " * (width + 2) + line for line in rest]
    return lines


def reference() -> str:
    """Return the text of `docs/cli.md`."""
    parts = ["# Command line", "", "Written by `docs/generate.py` from `sim/options.py`; change that file, not this "
             "one.", "", "```", "python -m sim [verb] [key=value ...]", "```", ""]  # fmt: skip
    for name, verb in VERBS.items():
        parts += [f"## {name}", "", text_of(verb), "", "```", usage_of(verb), "```", ""]
        rows = [(heading_of(one), describe(one)) for one in options_of(verb) if one.role != "overrides"]
        parts += [*markdown("option", "meaning", rows), ""] if rows else []
        parts += [f"Settings may follow: {one.meaning}." + f" Only {keys_allowed(one)}." * bool(one.declared["keys"])
                  + "\n" for one in options_of(verb) if one.role == "overrides"]  # fmt: skip
        parts += [f"Needs `{install_command(verb.extras)}`.\n"] if verb.extras else []
        parts += ["```", *(f"python -m sim {example}" for example in verb.examples), "```", ""]
    usual = [(f"{key}={value}", SETTINGS[key]) for key, value in usual_settings().items()]
    parts += ["## Settings", "", *markdown("setting, default", "meaning", [*usual, *FREE.items()]), ""]
    parts += [f"Sweeps, with `-m`: `{SWEEPS}`.", "", "## Choices", ""]
    chosen = [(group, ", ".join(names)) for group, names in groups().items()]
    parts += [*markdown("group", "choices, the default first", chosen), ""]
    parts += ["[odd.md](odd.md#policies) lists what each of them changes.", "", "## Exit codes", ""]
    parts += [*markdown("code", "meaning", [(str(code), meaning) for code, meaning in EXIT_CODES.items()]), ""]
    return "\n".join(parts)


def markdown(first: str, second: str, rows: Iterable[tuple[str, str]]) -> list[str]:
    """Return the lines of a Markdown table with two columns, the first formatted as code."""
    return [f"| {first} | {second} |", "|---|---|", *(f"| `{key}` | {text} |" for key, text in rows)]


def completions() -> dict[str, tuple[list[str], bool]]:
    """Return the completions of each verb (`key=` or `key=value`) and whether overrides may follow, keyed by verb."""
    found = {}
    for name, verb in VERBS.items():
        words = []
        for one in options_of(verb):
            if one.role == "option":
                values = one.declared["choices"] or (("true", "false") if one.kind is bool else ("",))
                words += [f"{one.key}={value}" for value in values]
        found[name] = words, any(one.role == "overrides" for one in options_of(verb))
    return found


def setting_words() -> list[str]:
    """Return the completions of settings: every key as `key=` and every choice as `group=choice`."""
    rules = [f"rules.{path.stem}.{name}=" for path in sorted((folder_of("configs") / "rules").glob("*.yaml"))
             for name in read_yaml(path)]  # fmt: skip
    chosen = [f"{group}={choice}" for group, names in groups().items() for choice in names]
    return [*chosen, *(f"{key}=" for key in SETTINGS), *rules]


BASH = """# eval "$(panj completion bash)"
_panj() {{
  local typed=${{COMP_LINE:0:COMP_POINT}} verb=${{COMP_WORDS[1]}} words
  local current=${{typed##* }}
  if [ "$COMP_CWORD" -eq 1 ] && [[ $current != *=* ]]; then words="{verbs} {settings}"; else
    case "$verb" in
{cases}
      *) words="{settings}";;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ $current == *=* && $COMP_WORDBREAKS == *=* ]]; then COMPREPLY=("${{COMPREPLY[@]#*=}}"); fi
  [[ ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace
}}
complete -o default -F _panj panj
"""
ZSH = """#compdef panj
# eval "$(panj completion zsh)"
_panj() {{
  local -a words_here
  if (( CURRENT == 2 )); then words_here=({verbs} {settings}); else
    case "$words[2]" in
{cases}
      *) words_here=({settings});;
    esac
  fi
  compadd -S '' -- $words_here
  _files
}}
compdef _panj panj
"""


def completion(shell: str) -> str:
    """Return the completion script of the command `panj` for one shell.

    Args:
        shell: Name of the shell: `bash`, `zsh` or `fish`.
    """
    settings = setting_words()
    if shell == "fish":
        lines = ["# panj completion fish | source"]
        for name, verb in VERBS.items():
            text = summary_of(verb).replace("'", "")
            lines.append(f"complete -c panj -n __fish_use_subcommand -a {name} -d '{text}'")
        for name, (words, takes) in completions().items():
            for word in [*words, *(settings if takes and name != "run" else [])]:
                lines.append(f"complete -c panj -n '__fish_seen_subcommand_from {name}' -a '{word}'")
        some = " ".join(name for name, (_, takes) in completions().items() if name != "run")
        lines += [f"complete -c panj -n 'not __fish_seen_subcommand_from {some}' -a '{word}'" for word in settings]
        return "\n".join(lines) + "\n"
    filled = " ".join(settings)
    form = '      {})  words="{}";;' if shell == "bash" else "      {})  words_here=({});;"
    cases = [form.format(name, " ".join([*words, *([filled] if takes else [])]))
             for name, (words, takes) in completions().items() if name != "run"]  # fmt: skip
    script = BASH if shell == "bash" else ZSH
    return script.format(verbs=" ".join(VERBS), settings=filled, cases="\n".join(cases))
