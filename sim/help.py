"""Help for the command line: help texts, shell completion and the reference in the documentation.

All of it is generated from the verbs of `sim.options`, the lists of `sim.listing` and the YAML files of `configs/`.
"""

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from sim.configuration.changes import about_of, describe_changes, describing_groups, groups
from sim.data.configs import folder_of, read_yaml
from sim.data.own import CONFIG_DIR
from sim.listing import SETTINGS, UNUSABLE, districts, events, outcome_names, usual_settings, why_unusable
from sim.options import PATHS, VERBS, Option, Request, expected_of, options_of, summary_of, usage_of

WIDTH = 120
TITLE = "Panj: an agent-based simulation of the July 2021 Afghan-Tajik border crisis, for study and teaching."
FREE = {  # patterns for many keys, with the meaning of these keys
    f"{CONFIG_DIR}FOLDER": "a folder of your own files, as `init FOLDER` writes it; by default the current folder or "
    "its nearest parent with panj.yaml",
    "rules.<rule>.<number>": "any number in configs/rules/*.yaml, for instance rules.news.fade_days=5",
    "timeline.events.<event>.date": "the date of any event of configs/timeline",
}
FLAGS = {  # flags that every command accepts anywhere on the line, with their meanings
    "-h, --help": "explain the verb on the line, or Panj",
    "-q, --quiet": "print errors and the folder that was written, but no progress and no explanations",
    "--json": "print the result as one JSON object or list, and everything else to standard error; the help of each "
    "verb says what it prints",
    "--version": "print the version",
    "debug=true": "show where an error was raised",
}
SWEEPS = "a,b,c  range(0.1,0.5,0.1)  glob(*)  and for numbers, with sampling=latin_hypercube, interval(0.1,0.5)"
EXIT_CODES = {
    0: "done",
    1: "an error in Panj itself, or results that differ (verify, reproduce)",
    2: "an error that you can correct, such as an unknown setting or a missing file",
    3: "done, but some campaigns failed",
    130: "stopped by Ctrl-C: the same command continues from what is stored, or starts again",
}


def changes() -> dict[str, str]:
    """Describe each policy and scenario and the changes that it makes, keyed by `group=choice`."""
    return {f"{group}={name}": change_of(group, name) for group in describing_groups() for name in groups()[group]}


def change_of(group: str, name: str) -> str:
    """Describe one choice and its changes, or explain why the user's file for it cannot be read."""
    try:
        said = "; ".join(one.short for one in describe_changes(group, name)) or "Changes nothing."
        return f"{about_of(group, name).removesuffix('.')}. {said}"
    except UNUSABLE as error:
        return why_unusable(group, name, error)


def help_of(words: Sequence[str]) -> str:
    """Return the help text for a command line.

    Args:
        words: The arguments after `python -m sim`.

    Returns:
        The help text for the first verb among them, or the general help text if there is none.
    """
    named = next((word for word in words if word in VERBS), None)
    return general_help() if named is None else verb_help(VERBS[named])


def general_help() -> str:
    """Return the general help text, which lists all verbs, settings, choices and exit codes."""
    settings = {f"{key}={value}": SETTINGS[key] for key, value in usual_settings().items()}
    return "\n".join([
        TITLE, "", "  python -m sim [verb] [key=value ...]", "  python -m sim VERB --help     explains one verb", "",
        "Verbs", *table_of({name: summary_of(verb) for name, verb in VERBS.items()}), "",
        "Flags, with any verb", *table_of(FLAGS), "",
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
    if verb.as_json:
        lines += ["", *textwrap.wrap(f"With --json: {verb.as_json}.", WIDTH)]
    if verb.extras:
        lines += ["", f"Needs: {install_command(verb.extras)}"]
    return "\n".join([*lines, "", "Examples", *(f"  python -m sim {example}" for example in verb.examples)])


def install_command(extras: Iterable[str]) -> str:
    """Return the command that installs extras: `pip install "panj[report]"`."""
    return f'pip install "panj[{",".join(extras)}]"'


def keys_allowed(one: Option) -> str:
    """List the settings that may follow a verb or, if all may, explain how to list them."""
    return ", ".join(one.declared["keys"]) or "python -m sim --help lists them."


def text_of(verb: type[Request]) -> str:
    """Return the docstring of a verb on one line."""
    return " ".join((verb.__doc__ or "").split())


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
    """Return the default of an option as a user would type it."""
    values = one.default if one.is_many else [one.default]
    return ",".join(str(value).lower() if isinstance(value, bool) else str(value) for value in values)


def table_of(rows: dict[str, str]) -> list[str]:
    """Format keys and texts in two columns. A key that is too wide for its column is on a separate line."""
    width = min(28, max(map(len, rows)) + 2)
    lines = []
    for key, text in rows.items():
        first, *rest = textwrap.wrap(text, WIDTH - width - 2) or [""]
        lines += [f"  {key:<{width}}{first}"] if len(key) < width else [f"  {key}", " " * (width + 2) + first]
        lines += [" " * (width + 2) + line for line in rest]
    return lines


def reference() -> str:
    """Return the command-line reference as Markdown, for the documentation."""
    parts = ["# Command line", "", "```", "python -m sim [verb] [key=value ...]", "```", "",
             "`panj`, which is installed with the package, is the same program.", ""]  # fmt: skip
    for name, verb in VERBS.items():
        parts += [f"## {name}", "", text_of(verb), "", "```", usage_of(verb), "```", ""]
        rows = [(heading_of(one), describe(one)) for one in options_of(verb) if one.role != "overrides"]
        parts += [*markdown("option", "meaning", rows), ""] if rows else []
        parts += [f"Settings may follow: {one.meaning}." + f" Only {keys_allowed(one)}." * bool(one.declared["keys"])
                  + "\n" for one in options_of(verb) if one.role == "overrides"]  # fmt: skip
        parts += [f"With `--json`: {verb.as_json}.\n"] if verb.as_json else []
        parts += [f"Needs `{install_command(verb.extras)}`.\n"] if verb.extras else []
        parts += ["```", *(f"python -m sim {example}" for example in verb.examples), "```", ""]
    parts += ["## Flags", "", *markdown("flag", "meaning", FLAGS.items()), ""]
    usual = [(f"{key}={value}", SETTINGS[key]) for key, value in usual_settings().items()]
    parts += ["## Settings", "", *markdown("setting, default", "meaning", [*usual, *FREE.items()]), ""]
    parts += [f"Sweeps, with `-m`: `{SWEEPS}`.", "", "## Choices", ""]
    chosen = [(group, ", ".join(names)) for group, names in groups().items()]
    parts += [*markdown("group", "choices, the default first", chosen), ""]
    parts += ["[Scenarios and policies](choices.md) lists what each of them changes.", "", "## Exit codes", ""]
    parts += [*markdown("code", "meaning", [(str(code), meaning) for code, meaning in EXIT_CODES.items()]), ""]
    return "\n".join(parts)


def markdown(first: str, second: str, rows: Iterable[tuple[str, str]]) -> list[str]:
    """Return the lines of a Markdown table with two columns, the first formatted as code."""
    return [f"| {first} | {second} |", "|---|---|", *(f"| `{key}` | {text} |" for key, text in rows)]


class Completions(NamedTuple):
    """Possible continuations of a command line with a given verb."""

    words: list[str]  # options as `key=` or `key=value`, and the choices of an argument
    takes_settings: bool
    takes_study: bool  # whether the folder of a study may be next
    takes_path: bool  # whether a file or folder may be next

    @property
    def has_outcome(self) -> bool:
        """Whether the verb has an option `outcome=`."""
        return "outcome=" in self.words


def completions() -> dict[str, Completions]:
    """Return the completions of each verb, keyed by verb."""
    found = {}
    for name, verb in VERBS.items():
        declared = options_of(verb)
        words = [word for one in declared if one.role == "option" for word in option_words(one)]
        words += [word for one in declared if one.role == "argument" for word in one.declared["choices"]]
        takes_settings = any(one.role == "overrides" and not one.declared["keys"] for one in declared)
        words += [f"{key}=" for one in declared if one.role == "overrides" for key in one.declared["keys"]]
        paths = [one.declared for one in declared if one.role == "argument" and one.kind is Path]
        takes_study = any(not path["is_file"] and path["read"] is None for path in paths)
        found[name] = Completions(words, takes_settings, takes_study, bool(paths))
    return found


def option_words(one: Option) -> list[str]:
    """Return the completions of an option: `key=value` if its values are known, otherwise `key=`."""
    if one.key == "province":
        names = dict.fromkeys(row["province"] for row in districts())
        # names with spaces cannot be completed
        return ["province=", *(f"province={name}" for name in names if " " not in name)]
    values = one.declared["choices"] or (("true", "false") if one.kind is bool else ("",))
    return [f"{one.key}={value}" for value in values]


def path_keys() -> list[str]:
    """Return the keys of options and settings whose value is a path."""
    declared = [one for verb in VERBS.values() for one in options_of(verb) if one.role == "option"]
    return sorted({CONFIG_DIR.removesuffix("="), *PATHS, *(one.key for one in declared if one.kind is Path)})


def setting_words() -> list[str]:
    """Return the completions of settings: every key as `key=`, every choice as `group=choice`, and dated events."""
    rules = [f"rules.{path.stem}.{name}=" for path in sorted((folder_of("configs") / "rules").glob("*.yaml"))
             for name in read_yaml(path)]  # fmt: skip
    chosen = [f"{group}={choice}" for group, names in groups().items() for choice in names]
    dated = [f"timeline.events.{row['event']}.date=" for row in events()]
    return [*chosen, *(f"{key}=" for key in SETTINGS), *rules, *dated]


# In all three shells files are offered after verbs that read a path, unless a study has the typed name, and after the
# keys of paths. Flags are offered once a dash is typed.
BASH = """# eval "$(panj completion bash)"
_panj() {{
  local typed=${{COMP_LINE:0:COMP_POINT}} verb=${{COMP_WORDS[1]}} words="" studies="" paths="" about
  local current=${{typed##* }}
  local settings="{settings}"
  local outcomes="{outcomes}"
  local every="{key_of_folder}"
  if [[ $current == -* ]]; then every="{flags}"; fi
  if [[ $current == precision.outcome=* ]]; then settings=${{outcomes//outcome=/precision.outcome=}}; fi
  if [[ $current != *=* ]]; then outcomes=""; fi
  for about in results/*/about.json; do [[ -e $about ]] && studies+=" ${{about%/about.json}}"; done
  if [ "$COMP_CWORD" -eq 1 ] && [[ $current != *=* ]]; then words="{verbs} $settings $every"; else
    case "$verb" in
{cases}
      *) words="$settings $every";;
    esac
    case "$verb" in
      {of_studies}) [[ -z $(compgen -W "$studies" -- "$current") ]] && paths=yes || words+=$studies;;
      {of_paths}) paths=yes;;
    esac
  fi
  local key="" before=""
  if [[ $current == *=* ]]; then  # of a list such as outcome=a,b the last value is completed
    key=${{current%%=*}}=
    [[ $current == *,* ]] && before=${{current#*=}} && before=${{before%,*}},
    case "$key" in {keys_of_paths}) paths=yes;; *) paths="";; esac
  fi
  local value=${{current#"$key"}}
  COMPREPLY=($(compgen -W "$words" -X "$key" -- "$key${{value##*,}}"))
  if [[ -n $key ]]; then
    COMPREPLY=("${{COMPREPLY[@]#"$key"}}")
    COMPREPLY=("${{COMPREPLY[@]/#/$before}}")
    [[ $COMP_WORDBREAKS == *=* ]] || COMPREPLY=("${{COMPREPLY[@]/#/$key}}")
  fi
  if [[ -n $paths && $current != -* ]]; then  # the shell itself quotes files, if there are no words beside them
    local IFS=$'\\n'
    [[ -z ${{COMPREPLY[0]}} ]] && compopt -o default 2>/dev/null || COMPREPLY+=($(compgen -f -- "$value"))
  fi
  [[ ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace 2>/dev/null
  return 0
}}
complete -F _panj panj
"""
ZSH = """#compdef panj
# eval "$(panj completion zsh)"
_panj() {{
  local -a words_here studies
  local paths="" found=1
  local settings="{settings}"
  local outcomes="{outcomes}"
  local every="{key_of_folder}"
  if [[ $PREFIX == -* ]]; then every="{flags}"; fi
  if [[ $PREFIX == precision.outcome=* ]]; then settings=${{outcomes//outcome=/precision.outcome=}}; fi
  if [[ $PREFIX != *=* ]]; then outcomes=""; fi
  studies=(results/*/about.json(N:h))
  if (( CURRENT == 2 )); then words_here=({verbs} ${{=settings}} ${{=every}}); else
    case "$words[2]" in
{cases}
      *) words_here=(${{=settings}} ${{=every}});;
    esac
    case "$words[2]" in
      {of_studies}) compadd -- $studies && found=0 || paths=yes;;
      {of_paths}) paths=yes;;
    esac
  fi
  if [[ $PREFIX == *=* ]]; then
    case "${{PREFIX%%=*}}=" in {keys_of_paths}) compset -P '*='; _files; return;; *) paths="";; esac
  fi
  if [[ $PREFIX == *=*,* ]]; then  # of a list such as outcome=a,b the last value is completed
    local key=${{PREFIX%%=*}}=
    compset -P '*,'
    words_here=(${{${{(M)words_here:#$key?*}}#$key}})
  fi
  compadd -S '' -- ${{(M)words_here:#*=}} && found=0
  compadd -- ${{words_here:#*=}} && found=0
  [[ -n $paths && $PREFIX != -* ]] && _files && found=0
  return found
}}
compdef _panj panj
"""


FISH = """# panj completion fish | source
function __panj_words  # of a list such as outcome=a,b the last value is completed
  set -l typed (commandline -ct)
  if string match -q '*=*,*' -- $typed
    set -l key (string replace -r '=.*' '=' -- $typed)
    set -l before (string replace -r '[^,]*$' '' -- $typed)
    for word in $argv
      test $word != $key; and string match -q -- "$key*" $word; and echo $before(string replace -- $key '' $word)
    end
  else
    printf '%s\\n' $argv
  end
end
function __panj_verb  # whether the verb of the line is one of these
  set -l typed (commandline -opc)
  set -q typed[2]; and contains -- $typed[2] $argv
end
function __panj_first
  test (count (commandline -opc)) -eq 1
end
function __panj_studies
  for about in results/*/about.json
    string replace /about.json '' $about
  end
end
function __panj_no_study  # whether no study has the typed name
  set -l typed (commandline -ct)
  for study in (__panj_studies)
    test (string sub -l (string length -- "$typed") -- $study) = "$typed"; and return 1
  end
  return 0
end
complete -c panj -f
"""


def completion(shell: str) -> str:
    """Return the completion script of the command `panj` for one shell.

    Args:
        shell: Name of the shell: `bash`, `zsh` or `fish`.
    """
    settings, outcomes = setting_words(), [f"outcome={name}" for name in outcome_names()]
    flags = ["--help", "--json", "--quiet"]
    if shell == "fish":
        return fish(settings, outcomes, flags)
    is_bash = shell == "bash"
    form, names = ('      {})  words="{}";;', "${}") if is_bash else ("      {})  words_here=({});;", "${{={}}}")
    cases = [form.format("help", " ".join(VERBS))]
    found = completions()
    for name, one in found.items():
        if name == "run":
            continue
        parts = [*one.words, names.format("every")]
        parts += [names.format("outcomes")] * one.has_outcome + [names.format("settings")] * one.takes_settings
        cases.append(form.format(name, " ".join(parts)))
    return (BASH if is_bash else ZSH).format(
        verbs=" ".join(VERBS), settings=" ".join(settings), outcomes=" ".join(outcomes), flags=" ".join(flags),
        cases="\n".join(cases), key_of_folder=CONFIG_DIR,
        of_studies="|".join(name for name, one in found.items() if one.takes_study),
        of_paths="|".join(name for name, one in found.items() if one.takes_path and not one.takes_study),
        keys_of_paths="|".join(f"{key}=" for key in path_keys()),
    )  # fmt: skip


def fish(settings: Sequence[str], outcomes: Sequence[str], flags: Sequence[str]) -> str:
    """Return the completion script for fish, in which words accepted by several verbs are listed once."""
    found = completions()
    others = " ".join(["help", *(name for name, one in found.items() if not one.takes_settings)])
    with_outcome = " ".join(name for name, one in found.items() if one.has_outcome)
    of_studies = " ".join(name for name, one in found.items() if one.takes_study)
    of_paths = " ".join(name for name, one in found.items() if one.takes_path)
    lines = []
    for name, verb in VERBS.items():
        text = summary_of(verb).replace("\\", "").replace("'", "")
        lines.append(f"complete -c panj -n __panj_first -a {name} -d '{text}'")
    lines += [
        f"complete -c panj -n '__panj_verb {name}' -a '(__panj_words {' '.join(one.words)})'"
        for name, one in found.items()
        if one.words
    ]
    typing = "string match -q '{}outcome=*' -- (commandline -ct)"
    precise = " ".join(f"precision.{one}" for one in outcomes)
    no_key = "not string match -q '*=*' -- (commandline -ct)"
    paths = f"string match -qr '^({'|'.join(path_keys())})=' -- (commandline -ct)"
    lines += [
        f"complete -c panj -n '__panj_verb help' -a '{' '.join(VERBS)}'",
        f"complete -c panj -n 'not __panj_verb {others}' -a '(__panj_words {' '.join(settings)})'",
        f"complete -c panj -n 'not __panj_verb help' -a '{CONFIG_DIR}'",
        f'complete -c panj -n "__panj_verb {with_outcome}; and {typing.format("")}"'
        f" -a '(__panj_words {' '.join(outcomes)})'",
        f'complete -c panj -n "not __panj_verb {others}; and {typing.format("precision.")}"'
        f" -a '(__panj_words {precise})'",
        f"complete -c panj -n '__panj_verb {of_studies}' -a '(__panj_studies)'",
        f'complete -c panj -n "__panj_verb {of_paths}; and {no_key}; and __panj_no_study" -F',
        f'complete -c panj -n "{paths}" -F',
        *(f"complete -c panj -l {flag.removeprefix('--')}" for flag in flags),
    ]
    return FISH + "\n".join(lines) + "\n"
