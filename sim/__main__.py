"""The command line: `python -m sim [verb] [settings]`; without a verb it runs the scenario."""

import sys
import traceback
from collections.abc import Callable, Sequence

from sim.errors import PanjError, unknown

HELP = """Panj: an agent-based simulation of the July 2021 Afghan-Tajik border crisis, for study and teaching.

  python -m sim [verb] [key=value ...]

Verbs
  run        run the campaigns of a scenario, write tables, figures and a report (without a verb: this)
  evidence   print what was reported, with sources; filter with words or key=text (quantity=crossing date=2021-07-05)
  report     draw figures and report again from results: python -m sim report results/july_2021 [evening=2021-07-05]

Settings (defaults)
  runs=200  seed=0  start_date=2021-05-01  end_date=2021-09-11  study=NAME  results_dir=results  debug=false
  rules.<rule>.<number>=VALUE                 any number of configs/rules/*.yaml, for instance rules.news.fade_days=5
  timeline.events.<event>.date=YYYY-MM-DD     any dated event of configs/timeline

Choices (the first word after = is the default)
{choices}

Example
  python -m sim scenario=border_closed reinforcement=answer_every_call runs=500 seed=7
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it worked, 2 when the user can mend something, 130 after Ctrl-C."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "debug=true" in [word.lower() for word in words]
    words = [word for word in words if word.lower() != "debug=true"]
    try:
        return dispatch(words)
    except KeyboardInterrupt:
        print("\nStopped; no study was changed. The same command starts it again.", file=sys.stderr)
        return 130
    except (PanjError, OSError) as error:
        if debug:
            traceback.print_exc()
        print(f"panj: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except Exception as error:
        if debug:
            raise
        print(f"panj: {type(error).__name__}: {' '.join(str(error).split())} (debug=true shows where)", file=sys.stderr)
        return 1


def dispatch(words: list[str]) -> int:
    """The verb decides; words with = are settings."""
    if any(word in ("-h", "--help", "help") for word in words):
        print(HELP.format(choices=choices_in_words()))
        return 0
    verb = "run"
    if words and "=" not in words[0] and not words[0].startswith("-"):
        verb = words.pop(0)
    if verb not in VERBS:
        raise unknown("verb", verb, VERBS)
    return VERBS[verb](words)


def choices_in_words() -> str:
    """Groups and their choices, the default first."""
    from sim.parameters import folder_of, folder_of_group, read_yaml

    main_config = read_yaml(folder_of("configs") / "config.yaml")
    usual = {key: value for row in main_config["defaults"] if isinstance(row, dict) for key, value in row.items()}
    lines = []
    for group, default in usual.items():
        others = sorted(path.stem for path in folder_of_group(group).glob("*.yaml") if path.stem != default)
        lines.append(f"  {group}={', '.join([default, *others])}")
    return "\n".join(lines)


def run(words: list[str]) -> int:
    """Campaigns, tables, figures, report, and what to do next."""
    from sim.study.run import console_of, run_study
    from sim.study.settings import compose_settings

    console = console_of()
    folder = run_study(compose_settings(words), console)
    from sim.show.report import draw_all, write_report

    console.print("Drawing figures ...")
    paths = [*sorted(folder.glob("*.parquet")), folder / "summary.csv", *draw_all(folder), write_report(folder)]
    console.print("Written:")
    for path in paths:
        console.print(f"  {path}")
    console.print(f"Next: open {folder / 'report.html'}; or change a decision: python -m sim reinforcement=none")
    return 0


def evidence(words: list[str]) -> int:
    """What was reported."""
    from sim import evidence as table

    return table.main(words)


def report(words: list[str]) -> int:
    """Figures and report from results."""
    from sim.show import report as page

    return page.main(words)


VERBS: dict[str, Callable[[list[str]], int]] = {"run": run, "evidence": evidence, "report": report}

if __name__ == "__main__":
    sys.exit(main())
