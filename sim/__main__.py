"""The command line: `python -m sim [verb] [settings]`; without a verb it runs the scenario."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sim.errors import PanjError, unknown

HELP = """Panj: an agent-based simulation of the July 2021 Afghan-Tajik border crisis, for study and teaching.

  python -m sim [verb] [key=value ...]

Verbs
  run        run the campaigns of a scenario, write tables, figures and a report (without a verb: this);
             with -m anywhere on the line, sweep: every combination of several values is a cell
  plan       what a sweep would cost and could tell, before it is run: python -m sim plan -m morale=brittle,reported
  compare    every cell against its baseline, paired by seed, with intervals and sentences:
             python -m sim compare results/policy baseline=as_reported outcome=troops_crossed
  score      the model beside 64 reported figures and beside naive forecasts, with CRPS, Brier score and AUC:
             python -m sim score [key=value ...], or of a finished study: python -m sim score results/policy [cell=0]
  bank       campaigns whose uncertain numbers are drawn from the prior, a row each: python -m sim bank runs=50000
  calibrate  fit the uncertain numbers to the record, from a bank, refine the fit and write a page about it:
             python -m sim calibrate [results/bank] [refine=quick|full|none] [accept=0.01] [chains=2] [seed=0]
             [check=true]: and whether such a fit is sound, and what it says of evidence that it has not seen
  theories   rival theories of collapse, from a bank of each (python -m sim bank theory=odds_only):
             python -m sim theories [results/bank results/bank_odds_only ...] [accept=0.01]
  sensitivity  which numbers move an outcome, by Morris's screening and Sobol' indices over the declared priors:
             python -m sim sensitivity outcome=NAME[,NAME] [keys=[rules.news.fade_days,...]] [trajectories=20]
             [samples=256] [most=12] [runs=8]
  discover   under which numbers an outcome lies beyond a threshold, as boxes in sentences, from a bank:
             python -m sim discover [results/bank] outcome=troops_crossed_largest_night above=1000 [density=0.5]
  report     draw figures and report again: python -m sim report results/july_2021 [cell=0] [evening=2021-07-05]
  animate    the map evening by evening: python -m sim animate results/policy [cell=0,1] [formats=gif,mp4,png]
  story      one campaign in plain sentences, day by day: python -m sim story results/policy seed=7 cell=0
             [province=Badakhshan] [from=2021-07-01] [to=2021-07-05]
  fork       what if, on that day: a campaign goes on from an evening twice, once with a change, with the same luck:
             python -m sim fork results/policy day=2021-07-04 reinforcement=answer_every_call [seed=7] [runs=50]
  failures   campaigns that raised, by cause, with a command for a debugger: python -m sim failures results/policy
  verify     run one small study in every way there is and show that the tables are the same
  reproduce  make a figure or table again from what it carries: python -m sim reproduce results/policy/figures/x.png
  classroom  pages for a class: python -m sim classroom [port=8765] [host=0.0.0.0, for a room] [code=ABCDEF]
  grade      mark hand-ins of the lessons, with sentences, or a table for the teacher:
             python -m sim grade FILE [FILE ...] [format=text|csv] [reference=1000] [results_dir=results]
  evidence   print what was reported, with sources; filter with words or key=text (quantity=crossing date=2021-07-05)

Settings (defaults)
  runs=200  seed=0  start_date=2021-05-01  end_date=2021-09-11  study=NAME  results_dir=results  debug=false
  daily=true                                  keep every evening (days.parquet, figures); false keeps outcomes and falls
  rules.<rule>.<number>=VALUE                 any number of configs/rules/*.yaml, for instance rules.news.fade_days=5
  timeline.events.<event>.date=YYYY-MM-DD     any dated event of configs/timeline
  precision.outcome=NAME precision.half_width=NUMBER runs_max=10000
                                              add campaigns until the 95 % interval of a mean is so narrow
  calibration.file=PATH                       the posterior.parquet of a fit of yours, in place of the one that ships

Sweeps (with -m): a,b,c  range(0.1,0.5,0.1)  glob(*)  and for numbers, with sampling=latin_hypercube, interval(0.1,0.5)
  sampling.points=100  sampling.keys=[rules.news.fade_days]  sampling.seed=0
  executor.workers=0 (one a core)  executor.address=tcp://host:8786 (with executor=dask)

Choices (the first word after = is the default)
{choices}

Exit codes: 0 done; 1 a fault of the program, or not the same; 2 something to mend in the command; 3 done, but some
campaigns failed; 130 stopped by Ctrl-C: the same command goes on.

Examples
  python -m sim scenario=border_closed reinforcement=answer_every_call runs=500 seed=7
  python -m sim -m reinforcement=none,as_reported,answer_every_call morale=brittle,reported runs=500 study=policy
"""
FAILED = 3  # exit code of a study in which campaigns failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it worked, 2 when the user can mend something, 130 after Ctrl-C."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "debug=true" in [word.lower() for word in words]
    words = [word for word in words if word.lower() != "debug=true"]
    try:
        return dispatch(words)
    except KeyboardInterrupt:
        print("\nStopped at once; what was recorded is kept, and the same command goes on from it.", file=sys.stderr)
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
    if words and "=" not in words[0] and not words[0].startswith(("-", "~", "+")):
        verb = words.pop(0)
    if verb not in VERBS:
        raise unknown("verb", verb, VERBS)
    return VERBS[verb](words)


def choices_in_words() -> str:
    """Groups and their choices, the default first."""
    from sim.data.configs import folder_of, folder_of_group, read_yaml

    main_config = read_yaml(folder_of("configs") / "config.yaml")
    usual = {key: value for row in main_config["defaults"] if isinstance(row, dict) for key, value in row.items()}
    lines = []
    for group, default in usual.items():
        others = sorted(path.stem for path in folder_of_group(group).glob("*.yaml") if path.stem != default)
        lines.append(f"  {group}={', '.join([default, *others])}")
    return "\n".join(lines)


def run(words: list[str]) -> int:
    """Campaigns, tables, figures, report, and what to do next."""
    with drawing_apart() as draw:
        return run_and_draw(words, draw)


def run_and_draw(words: list[str], draw: Callable[[Path], None]) -> int:
    """The same, where `draw` makes figures and page."""
    from sim.run.console import console_of
    from sim.run.run import Stopped, run_sweep
    from sim.settings.sweep import compose_sweep

    console = console_of()
    try:
        sweep = compose_sweep(words)
        ran = run_sweep(sweep, console)
    except Stopped:
        print("Stopped; what is done is recorded. The same command goes on from there.", file=sys.stderr)
        return 130
    can_draw = sweep.base.daily  # figures show evenings
    if can_draw and ran.campaigns and (ran.is_new or not (ran.folder / "report.html").exists()):
        console.print("Drawing figures ...")
        draw(ran.folder)
    console.print("Written:")
    for path in written(ran.folder):
        console.print(f"  {path}", soft_wrap=True)
    if ran.failed:
        console.print(f"{ran.failed} campaigns failed: python -m sim failures {ran.folder}", soft_wrap=True)
    if ran.campaigns:
        page = f"open {ran.folder / 'report.html'}; or {next_step(words, ran.folder)}"
        table = f"read {ran.folder / 'runs.parquet'}; the same command with more runs adds to it"
        console.print(f"Next: {page if can_draw else table}", soft_wrap=True)
    return FAILED if ran.failed else 0


@contextmanager
def drawing_apart() -> Iterator[Callable[[Path], None]]:
    """Figures and page in a process of their own, which needs none of the memory of the campaigns.

    It starts at once and imports what it needs meanwhile; it is for this process alone, so Ctrl-C does not reach it.
    """
    import subprocess

    with subprocess.Popen(
        [sys.executable, "-m", "sim", "report", "-"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True,
    ) as process:  # fmt: skip

        def draw(folder: Path) -> None:
            process.communicate(str(folder))
            if process.returncode:
                raise PanjError(f"report: could not be drawn; the tables are whole: python -m sim report {folder}")

        try:
            yield draw
        finally:
            if process.poll() is None and hasattr(os, "killpg"):  # nothing to draw, or stopped meanwhile
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()  # where there are no groups; a process that has ended is left alone


def judge(folder: Path) -> None:
    """The usual verdicts of a study with several cells; none where nothing can be paired."""
    from sim.study.reader import read_about

    if len(read_about(folder).get("cells", [])) > 1:
        from sim.compare.compare import write_verdicts

        try:
            write_verdicts([str(folder)])
        except PanjError as error:
            print(f"No verdicts: {error}", file=sys.stderr)


def written(folder: Path) -> list[Path]:
    """The files of a study that are for people."""
    kinds = ("*.parquet", "summary.csv", "figures/*.png", "figures/*.gif", "verdicts/*.png", "report.html")
    return [path for kind in kinds for path in sorted(folder.glob(kind))]


def bank(words: list[str]) -> int:
    """Campaigns from the prior, a row each."""
    from sim.calibrate.fit import words_of

    return run_and_draw(words_of(words), lambda _folder: None)


def calibrate(words: list[str]) -> int:
    """A posterior from a bank."""
    from sim.calibrate.calibrate import REFINED_ONLY, read_request, write_fit
    from sim.run.console import console_of
    from sim.study.files import write_folder

    request = read_request(words)
    with write_folder(request.place, "calibrate", outdated=REFINED_ONLY) as folder:
        write_fit(request, folder, console_of())
        from sim.calibrate.figures import draw_fit, show_fit
        from sim.calibrate.page import write_page_of_fit

        draw_fit(folder)
        if request.check:
            from sim.calibrate.check_figures import draw_checks
            from sim.calibrate.checks import check

            check(request.folder, folder, console_of())
            draw_checks(folder)
        write_page_of_fit(folder, request.place)
    return show_fit(request.place)


def theories(words: list[str]) -> int:
    """Rival theories, from a bank of each."""
    from sim.calibrate.theories import read_request, write_theories
    from sim.run.console import console_of
    from sim.study.files import write_folder

    request = read_request(words)
    place = request.folders[0] / "theories" if request.folders else Path("theories")
    with write_folder(place, "theories") as folder:
        write_theories(request, folder, console_of())
        from sim.calibrate.figures import draw_theories, show_theories

        draw_theories(folder)
    return show_theories(place)


def sensitivity(words: list[str]) -> int:
    """Which numbers move an outcome."""
    from sim.explore.sensitivity import read_request, write_sensitivity
    from sim.run.console import console_of
    from sim.run.run import Stopped

    request = read_request(words)
    try:
        failed = write_sensitivity(request, console_of())
    except Stopped:
        print("Stopped; what is done is recorded. The same command goes on from there.", file=sys.stderr)
        return 130
    from sim.explore.figures import draw_sensitivity, show_sensitivity

    draw_sensitivity(request.folder)
    return show_sensitivity(request.folder) or (FAILED if failed else 0)


def discover(words: list[str]) -> int:
    """Boxes of numbers in a bank."""
    from sim.explore.discover import read_request, write_discoveries
    from sim.run.console import console_of

    request = read_request(words)
    write_discoveries(request, console_of())
    from sim.explore.figures import draw_discovered, show_discovered

    draw_discovered(request.folder)
    return show_discovered(request.folder)


def next_step(words: list[str], folder: Path) -> str:
    """What one would do after this."""
    from sim.settings.overrides import MULTIRUN

    if any(word in MULTIRUN for word in words):
        return f"python -m sim compare {folder}"
    return "change a decision: python -m sim reinforcement=none"


def evidence(words: list[str]) -> int:
    """What was reported."""
    from sim.data import evidence as table

    return table.main(words)


def report(words: list[str]) -> int:
    """Verdicts, figures and report from results; `-`: of the study whose folder will stand on the standard input."""
    from sim.report import report as page

    if words == ["-"]:
        words = sys.stdin.read().splitlines()
        if not words:
            return 0
    wanted = page.read_arguments(words)
    if wanted.cell is None:
        judge(wanted.folder)
    return page.main(words)


def plan(words: list[str]) -> int:
    """The price of a sweep."""
    from sim.run import plan as ahead

    return ahead.main(words)


def failures(words: list[str]) -> int:
    """What went wrong."""
    from sim.run import rerun as causes

    return causes.show_failures(words)


def compare(words: list[str]) -> int:
    """Every cell beside its baseline, world by world."""
    from sim.compare.compare import write_verdicts

    tables = write_verdicts(words)
    from sim.compare.figure import main as show

    return show(tables)


def score(words: list[str]) -> int:
    """The model beside the record and beside naive forecasts."""
    from sim.run.console import console_of
    from sim.run.run import Stopped
    from sim.score.score import write_score

    try:
        folder = write_score(words, console_of())
    except Stopped:
        print("Stopped; what is done is recorded. The same command goes on from there.", file=sys.stderr)
        return 130
    from sim.score.figures import main as show

    return show(folder)


def classroom(words: list[str]) -> int:
    """One server for a whole class, until Ctrl-C."""
    from sim.classroom.server import main as open_classroom

    return open_classroom(words)


def grade(words: list[str]) -> int:
    """Hand-ins, marked."""
    from sim.classroom.lessons.hand_in import main as mark

    return mark(words)


def story(words: list[str]) -> int:
    """One campaign in sentences."""
    from sim.story.chronicle import read_telling
    from sim.story.story import check_filters, show_story

    return show_story(*read_telling(words, check_filters))


def fork(words: list[str]) -> int:
    """What if, on that evening."""
    from sim.run.console import console_of
    from sim.story.fork import read_request, write_fork

    folder = write_fork(read_request(words), console_of())
    from sim.story.fork_story import show_fork

    return show_fork(folder)


def animate(words: list[str]) -> int:
    """The map that moves."""
    from sim.report import animation

    return animation.main(words)


def verify(words: list[str]) -> int:
    """One study in every way."""
    from sim.run import verify

    return verify.main(words)


def reproduce(words: list[str]) -> int:
    """A figure or table again."""
    from sim import reproduce as again
    from sim.report.report import redraw

    return again.main(words, redraw)


VERBS: dict[str, Callable[[list[str]], int]] = {
    verb.__name__: verb
    for verb in (
        run,
        plan,
        compare,
        score,
        bank,
        calibrate,
        theories,
        sensitivity,
        discover,
        report,
        animate,
        story,
        fork,
        failures,
        verify,
        reproduce,
        evidence,
        classroom,
        grade,
    )
}


if __name__ == "__main__":
    sys.exit(main())
