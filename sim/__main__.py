"""The command line: `python -m sim [verb] [settings]`; without a verb it runs the scenario."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim import options
from sim.errors import PanjError
from sim.options import missing_of, read_command, require_extra

if TYPE_CHECKING:
    from sim.settings.overrides import AnyOverrides, Overrides

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
    """Show help, or read the command and carry it out."""
    if any(word in ("-h", "--help", "help") for word in words):
        from sim.help import help_of

        print(help_of(words))
        return 0
    request = read_command(words)
    verb = type(request).__name__.lower()
    for extra in request.extras:
        require_extra(extra, verb)
    return VERBS[type(request)](request)


def run(request: options.Run) -> int:
    """Campaigns, tables, figures, report, and what to do next."""
    missing = missing_of("report")
    if missing:
        print(f'No figures and no report: they need {", ".join(missing)}: pip install "panj[report]"')
        return run_and_draw(request.overrides, None)
    with drawing_apart() as draw:
        return run_and_draw(request.overrides, draw)


def run_and_draw(words: "AnyOverrides", draw: Callable[[Path], None] | None) -> int:
    """The same, where `draw` makes figures and page, if anything does."""
    from sim.run.console import console_of
    from sim.run.run import Stopped, run_sweep
    from sim.settings.overrides import Overrides
    from sim.settings.sweep import compose_sweep

    console = console_of()
    try:
        overrides = Overrides.of(words)
        sweep = compose_sweep(overrides)
        ran = run_sweep(sweep, console)
    except Stopped:
        print("Stopped; what is done is recorded. The same command goes on from there.", file=sys.stderr)
        return 130
    can_draw = sweep.base.daily and draw is not None  # figures show days
    if can_draw and draw and ran.campaigns and (ran.is_new or not (ran.folder / "report.html").exists()):
        console.print("Drawing figures ...")
        draw(ran.folder)
    console.print("Written:")
    for path in written(ran.folder):
        console.print(f"  {path}", soft_wrap=True)
    if ran.failed:
        console.print(f"{ran.failed} campaigns failed: python -m sim failures {ran.folder}", soft_wrap=True)
    if ran.campaigns:
        page = f"open {ran.folder / 'report.html'}; or {next_step(overrides, ran.folder)}"
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
    from sim.study.reader import open_study

    if len(open_study(folder).cells) > 1:
        from sim.compare.compare import write_verdicts

        try:
            write_verdicts(options.Compare(folders=(folder,)))
        except PanjError as error:
            print(f"No verdicts: {error}", file=sys.stderr)


def written(folder: Path) -> list[Path]:
    """The files of a study that are for people."""
    kinds = ("*.parquet", "summary.csv", "figures/*.png", "figures/*.gif", "verdicts/*.png", "report.html")
    return [path for kind in kinds for path in sorted(folder.glob(kind))]


def bank(request: options.Bank) -> int:
    """Campaigns from the prior, one row each."""
    from sim.calibrate.fit import bank_overrides

    return run_and_draw(bank_overrides(request.overrides), lambda _folder: None)


def calibrate(request: options.Calibrate) -> int:
    """A posterior from a bank."""
    from sim.calibrate.calibrate import REFINED_ONLY, write_fit
    from sim.run.console import console_of
    from sim.study.files import write_folder

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


def theories(request: options.Theories) -> int:
    """Rival theories, from a bank of each."""
    from sim.calibrate.theories import usual_folders, write_theories
    from sim.run.console import console_of
    from sim.study.files import write_folder

    folders = request.folders or usual_folders()
    place = folders[0] / "theories" if folders else Path("theories")
    with write_folder(place, "theories") as folder:
        write_theories(folders, request.accept, folder, console_of())
        from sim.calibrate.figures import draw_theories, show_theories

        draw_theories(folder)
    return show_theories(place)


def sensitivity(request: options.Sensitivity) -> int:
    """Which numbers move an outcome."""
    from sim.explore.sensitivity import resolve, write_sensitivity
    from sim.run.console import console_of
    from sim.run.run import Stopped

    resolved = resolve(request)
    try:
        failed = write_sensitivity(resolved, console_of())
    except Stopped:
        print("Stopped; what is done is recorded. The same command goes on from there.", file=sys.stderr)
        return 130
    from sim.explore.figures import draw_sensitivity, show_sensitivity

    draw_sensitivity(resolved.folder)
    return show_sensitivity(resolved.folder) or (FAILED if failed else 0)


def discover(request: options.Discover) -> int:
    """Boxes of numbers in a bank."""
    from sim.explore.discover import write_discoveries
    from sim.run.console import console_of

    write_discoveries(request, console_of())
    from sim.explore.figures import draw_discovered, show_discovered

    draw_discovered(request.place)
    return show_discovered(request.place)


def next_step(overrides: "Overrides", folder: Path) -> str:
    """What one would do after this."""
    if overrides.sweeps:
        return f"python -m sim compare {folder}"
    return "change a decision: python -m sim reinforcement=none"


def evidence(request: options.Evidence) -> int:
    """What was reported."""
    from sim.data import evidence as table

    return table.main(list(request.filters))


def report(request: options.Report) -> int:
    """Verdicts, figures and report from results; `-`: of the study whose folder will be on the standard input."""
    from sim.report import report as page

    if request.folder == Path("-"):
        found = sys.stdin.read().strip()
        if not found:
            return 0
        request = replace(request, folder=Path(found))
    if request.cell is None:
        judge(request.folder)
    return page.main(request)


def plan(request: options.Plan) -> int:
    """The price of a sweep."""
    from sim.run import plan as ahead

    return ahead.main(request.overrides)


def failures(request: options.Failures) -> int:
    """What went wrong."""
    from sim.run import rerun as causes

    return causes.show_failures(request)


def compare(request: options.Compare) -> int:
    """Every cell beside its baseline, world by world."""
    from sim.compare.compare import write_verdicts

    tables = write_verdicts(request)
    from sim.compare.figure import main as show

    return show(tables)


def score(request: options.Score) -> int:
    """The model beside the record and beside naive forecasts."""
    from sim.run.console import console_of
    from sim.run.run import Stopped
    from sim.score.score import write_score

    try:
        folder = write_score(request, console_of())
    except Stopped:
        print("Stopped; what is done is recorded. The same command goes on from there.", file=sys.stderr)
        return 130
    from sim.score.figures import main as show

    return show(folder)


def classroom(request: options.Classroom) -> int:
    """One server for a whole class, until Ctrl-C."""
    from sim.classroom.server import main as open_classroom

    return open_classroom(request)


def grade(request: options.Grade) -> int:
    """Hand-ins, marked."""
    from sim.classroom.lessons.hand_in import main as mark

    return mark(request)


def story(request: options.Story) -> int:
    """One campaign in sentences."""
    from sim.story.chronicle import read_telling
    from sim.story.story import check_filters, show_story

    return show_story(*read_telling(request, check_filters), request)


def fork(request: options.Fork) -> int:
    """A campaign with and without a change."""
    from sim.run.console import console_of
    from sim.story.fork import write_fork

    folder = write_fork(request, console_of())
    from sim.story.fork_story import show_fork

    return show_fork(folder)


def animate(request: options.Animate) -> int:
    """The map that moves."""
    from sim.report import animation

    return animation.main(request)


def verify(request: options.Verify) -> int:
    """One study in every way."""
    from sim.run import verify as every_way

    return every_way.main(request.overrides)


def reproduce(request: options.Reproduce) -> int:
    """A figure or table again."""
    from sim import reproduce as again
    from sim.report.report import redraw

    return again.main(request, redraw)


def completion(request: options.Completion) -> int:
    """A script for a shell."""
    from sim.help import completion as script

    print(script(request.shell), end="")
    return 0


VERBS: dict[type[options.Request], Callable[[Any], int]] = {
    options.VERBS[verb.__name__]: verb
    for verb in (
        run, plan, compare, score, bank, calibrate, theories, sensitivity, discover, report, animate, story, fork,
        failures, verify, reproduce, classroom, grade, evidence, completion,
    )
}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
