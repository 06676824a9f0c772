"""Command line of Panj: `python -m sim [verb] [settings]`; the default verb is `run`."""

if __name__ == "__main__":  # before the imports below, during which Ctrl-C must be handled
    from sim.entry import run as run_guarded

    run_guarded()

import _thread
import atexit
import json
import os
import shlex
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from sim import options
from sim.data.own import arguments_of_folder, own_folder, recorded_folder, split_arguments, using
from sim.entry import INTERRUPTED, STOPPED_AT_ONCE, raise_on_interrupt, stop_on_interrupt
from sim.errors import PanjError, Stopped, of_package, shortened
from sim.options import HELP, Flags, missing_of, read_command, read_flags, require_extra, suggest_option, usage_of
from sim.provenance import MODULE, program, shell_command
from sim.terminal import Answer, json_line, moved_output, safe_output
from sim.wording import counted

if TYPE_CHECKING:
    from sim.configuration.overrides import AnyOverrides, Overrides

FAILED = 3  # exit code of a study in which campaigns failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The arguments after `python -m sim`; by default those of this process.

    Returns:
        The exit code: 0 on success, 2 for an error that the user can correct, 130 after Ctrl-C. `EXIT_CODES` in
        `sim.help` lists all codes.
    """
    words, flags = read_flags(sys.argv[1:] if arguments is None else arguments)
    with safe_output() as output:
        code = answer(words, flags)
    if output.error is not None and not isinstance(output.error, BrokenPipeError):
        print(f"panj: standard output cannot be written ({output.error.strerror})", file=sys.stderr)
        return code or 2
    return code


def run_program() -> NoReturn:
    """Run one command with the arguments of this process, and end the process with its exit code.

    Threads end and exit handlers are called as in a normal exit, but objects are not freed one by one, which would take
    up to 0.4 s. Under a profiler, a debugger or `python -i`, which act after the program, the process exits normally.
    """
    sys.unraisablehook = heed_interrupt
    code = main()
    if is_watched():
        sys.exit(code)
    stop_on_interrupt()
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # the stream may be missing or closed
            stream.flush()
    os._exit(code)


def heed_interrupt(ignored: "sys.UnraisableHookArgs") -> None:
    """Raise Ctrl-C again if Python ignored it, and report other ignored errors as usual.

    Python ignores errors in callbacks of weak references, one of which is called after every import, and in finalisers.
    """
    if issubclass(ignored.exc_type, KeyboardInterrupt):
        _thread.start_new_thread(interrupt_soon, ())
    else:
        sys.__unraisablehook__(ignored)


def interrupt_soon() -> None:
    """Send Ctrl-C to the main thread when it has left the function whose errors are ignored."""
    time.sleep(0.02)
    if hasattr(signal, "pthread_kill"):  # also ends a system call in which the main thread waits
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()


def is_watched() -> bool:
    """Return whether this process runs under a profiler, a debugger or an interactive Python."""
    monitoring = getattr(sys, "monitoring", None)  # available from Python 3.12
    has_tool = monitoring is not None and any(monitoring.get_tool(number) for number in range(6))
    return bool(has_tool or sys.getprofile() or sys.gettrace() or sys.flags.interactive)


def answer(words: list[str], flags: Flags) -> int:
    """Run one command, print any error in one line, and return the exit code.

    With `debug`, also print the traceback of errors that the user can correct, and do not catch other errors.
    """
    try:
        raise_on_interrupt()
        return dispatch(words, flags)
    except KeyboardInterrupt:
        print(f"{STOPPED_AT_ONCE}{sentence_on_kept(words)}", file=sys.stderr)
        return INTERRUPTED
    except Stopped:
        print("Stopped; finished campaigns are stored. The same command continues from there.", file=sys.stderr)
        return INTERRUPTED
    except (PanjError, OSError) as error:
        if flags.debug:
            traceback.print_exc()
        print(f"panj: {shortened(as_started(' '.join(str(error).split())))}", file=sys.stderr)
        return 2
    except Exception as error:
        if flags.debug:
            raise
        said = shortened(f"{type(error).__name__}: {' '.join(str(error).split())}", 350)
        print(f"panj: {said} (debug=true shows where)", file=sys.stderr)
        return 1


def sentence_on_kept(words: Sequence[str]) -> str:
    """Return a sentence, after a space, on what a stopped command has stored; empty if its verb stores nothing."""
    with suppress(PanjError):
        kept = read_command(split_arguments(words)[1]).keeps
        return f" {kept} are kept; the same command continues from them." if kept else ""
    return ""


def as_started(text: str) -> str:
    """Replace the name of the program in a text with the name under which the user started it."""
    return text.replace(MODULE, program())


def dispatch(words: list[str], flags: Flags) -> int:
    """Show help or the version, or parse and run a command; return the exit code.

    With `flags.json`, only the result is printed to standard output; everything else is printed to standard error. With
    `flags.quiet`, only the output folder is printed, unless the output of the verb is itself the result.
    """
    named, words = split_arguments(words)
    if any(word in HELP for word in words):
        print_help(words, named)
        return 0
    if words[:1] in (["--version"], ["-V"]):
        from importlib.metadata import version  # slow to import

        print(f"panj {of_package(version)}")
        return 0
    request = read_command(words)
    verb = type(request).__name__.lower()
    if flags.json and not request.as_json:
        having = ", ".join(name for name, one in options.VERBS.items() if one.as_json)
        raise PanjError(f"--json: found {verb}, which has no JSON output, expected one of {having}", key="--json")
    if isinstance(request, options.Init) and named is not None:
        raise PanjError(
            f"config_dir: found '{named}' with init, expected the new folder alone: {usage_of(options.Init)}"
        )
    for extra in request.extras:
        require_extra(extra, verb)
    is_dropped = request.is_answer if flags.json else flags.quiet and not request.is_answer
    surroundings = nullcontext() if isinstance(request, options.Init) else using(folder_for(request, named))
    with surroundings, moved_output(is_dropped or (flags.quiet and flags.json), flags.json):
        try:
            done = VERBS[type(request)](written_elsewhere(request, verb))
        except PanjError as error:
            raise suggest_option(request, error) from error
        except OSError as error:
            from sim.study.files import ONLY_WRITING, write_errors

            if error.errno not in ONLY_WRITING:
                raise
            with write_errors(place_of(request), verb):
                raise
        done = done if isinstance(done, Answer) else Answer(done)
        result = done.result() if flags.json and done.result else None
    if result is not None:
        print(json_line(result))
    elif flags.quiet and done.folder is not None:
        print(done.folder)
    return done.code


def place_of(request: options.Request) -> Path:
    """Return the place to which a request writes, for an error: its `out` or, without one, the folder of its study."""
    folders = getattr(request, "folders", None) or (getattr(request, "folder", None),)
    return getattr(request, "out", None) or folders[0] or Path()


def print_help(words: Sequence[str], named: Path | None) -> None:
    """Print the help text for a command line.

    If the folder of own files is invalid, print the reason and omit its files from the help text.

    Args:
        words: The arguments of the command.
        named: The folder of own files named by the command, or None.
    """
    from sim.help import help_of

    try:
        with using(chosen_folder(named)) as folder:
            pass
    except PanjError as error:
        print(f"Note: {error}", file=sys.stderr)
        folder = None
    with using(folder):
        print(as_started(help_of(words)))


def chosen_folder(named: Path | None) -> Path | None:
    """Return the folder of own files named by a command.

    If it names none, return that of the environment variable, or else the current folder or its nearest parent that is
    such a folder.
    """
    return own_folder() if named is None else named


def folder_for(request: options.Request, named: Path | None) -> Path | None:
    """Return the folder of own files for a request: the one named in it, or else the one used by its study.

    For a request without a study, the folder is found by `chosen_folder`.
    """
    study = next(iter(getattr(request, "folders", ())), getattr(request, "folder", None))
    if named is None and isinstance(request, options.Reproduce):
        folder, note = recorded_folder(about_near(request.file) or metadata_here(request.file), request.file)
    elif named is None and study is not None and (study / "about.json").is_file():
        folder, note = recorded_folder(about_near(study / "about.json"), study)
    else:
        return chosen_folder(named)
    if note:
        print(f"Note: {note}", file=sys.stderr)
    return folder


def about_near(file: Path) -> dict[str, Any]:
    """Return the unchecked content of about.json of the study that contains a file; empty if it cannot be read.

    This must not import the engine, since its rules depend on the folder to be found.
    """
    for folder in file.absolute().parents[:3]:
        with suppress(OSError, ValueError, TypeError):
            return dict(json.loads((folder / "about.json").read_text(encoding="utf-8")))
    return {}


def metadata_here(file: Path) -> dict[str, Any]:
    """Return the metadata in a file that has been moved out of its study."""
    from sim.reproduce import metadata_of

    return metadata_of(file)


def init(request: options.Init) -> Answer:
    """Write a folder for own files, and print the next command to try."""
    from sim.study.starter import write_starter

    paths = write_starter(request.folder, request.tables)
    print("Written:")
    for path in paths:
        print(f"  {path}")
    place = shlex.quote(str(request.folder))
    print(f"Next: cd {place} && {shell_command(['scenario=my_scenario', 'runs=20'])}; see README.md for more")
    return Answer(folder=request.folder)


def written_elsewhere(request: options.Request, verb: str) -> options.Request:
    """If `out` is given, copy the study of a request to that folder, and return the request for the copy.

    Without `out`, the request is returned unchanged. Raise PanjError if the study is read-only and `out` is missing, or
    if `out` is given without a study.
    """
    if not hasattr(request, "out"):
        return request
    from sim.study.reader import copy_to

    folders = getattr(request, "folders", None) or (getattr(request, "folder", None),)
    folder = folders[0]
    if folder is None and request.out is not None:
        raise PanjError(f"{verb}, out: found {request.out} without a study, expected the folder of a study as well")
    if folder is None or not (folder / "about.json").is_file():
        return request
    if request.out is None:
        if not os.access(folder, os.W_OK):
            raise PanjError(f"{verb}: found {folder}, which is read-only, expected out=FOLDER for a writable copy")
        return request
    copied = copy_to(folder, request.out)
    named = {"folders": (copied, *folders[1:])} if hasattr(request, "folders") else {"folder": copied}
    return replace(request, **named)


def run(request: options.Run) -> Answer:
    """Run campaigns, write tables, figures and a report, and print the next command to try."""
    if missing_of("report"):
        return run_and_draw(request.overrides, None)
    with drawing_apart() as draw:
        return run_and_draw(request.overrides, draw)


def run_and_draw(words: "AnyOverrides", draw: Callable[[Path], None] | None) -> Answer:
    """Run a study and write its tables.

    `draw` is called with the folder of the study to make the figures and the report; if it is None, neither is made.
    """
    from sim.configuration.overrides import Overrides
    from sim.configuration.sweep import compose_sweep
    from sim.execution.run import run_sweep
    from sim.study.files import lean_arrow
    from sim.study.reader import is_drawn
    from sim.terminal import console_of

    console = console_of()
    overrides = Overrides.of(words)
    with lean_arrow():  # so that a posterior is read without pandas
        sweep = compose_sweep(overrides)
    ran = run_sweep(sweep, console)
    can_draw = sweep.base.daily and draw is not None  # figures show daily series
    if can_draw and draw and ran.campaigns and (ran.is_new or not is_drawn(ran.folder)):
        console.print("Drawing figures ...")
        draw(ran.folder)
    if draw is None:
        missing = ", ".join(missing_of("report"))
        print(f'No figures and no report; not installed: {missing}. To install them: pip install "panj[report]"')
    console.print("Written:")
    for path in written(ran.folder):
        console.print(f"  {path}", soft_wrap=True)
    if ran.failed:
        failed = counted(ran.failed, "campaign")
        console.print(f"{failed} failed: {shell_command(['failures', ran.folder])}", soft_wrap=True)
    if ran.campaigns:
        page = f"open {ran.folder / 'report.html'}; or {next_step(overrides, ran.folder)}"
        table = f"read {ran.folder / 'runs.parquet'}; the same command with a higher runs= adds campaigns to it"
        console.print(f"Next: {page if can_draw else table}", soft_wrap=True)
    from sim.records import study_record

    return Answer(FAILED if ran.failed else 0, ran.folder, lambda: study_record(ran.folder))


@contextmanager
def drawing_apart() -> Iterator[Callable[[Path], None]]:
    """Start a separate process that draws the figures and the report, so that its memory is freed afterwards.

    The process starts before the campaigns, so that its imports overlap with them. It has its own process group and
    therefore does not receive Ctrl-C. It is killed at the end of the block if it is not needed.

    Yields:
        A function that draws the figures and the report of the study in a folder.
    """
    from subprocess import DEVNULL, PIPE

    from sim.processes import running_apart

    with running_apart("sim", "report", "-", stdin=PIPE, stdout=DEVNULL, start_new_session=True) as process:

        def draw(folder: Path) -> None:
            process.communicate(str(folder))
            if process.returncode:
                raise PanjError(
                    "report: figures or report could not be drawn; the tables are complete. To see the error, run: "
                    f"{shell_command(['report', folder])}"
                )

        yield draw


def judge(folder: Path) -> None:
    """If a study has several cells, compare each with its baseline, or print the reason if that is impossible.

    In either case, the codebook and the data package are then updated to describe all tables of the study.
    """
    from sim.study.package import describe_study
    from sim.study.reader import open_study

    if len(open_study(folder).cells) > 1:
        from sim.compare.compare import write_verdicts

        try:
            write_verdicts(options.Compare(folders=(folder,)))
            return
        except PanjError as error:
            print(f"No verdicts: {error}", file=sys.stderr)
    describe_study(folder)


def written(folder: Path) -> list[Path]:
    """Return the paths of the tables, figures, comparison figures and report that exist in the folder of a study."""
    kinds = ("*.parquet", "summary.csv", "figures/*.png", "figures/*.gif", "verdicts/*.png", "report.html")
    return [path for kind in kinds for path in sorted(folder.glob(kind))]


def bank(request: options.Bank) -> Answer:
    """Run campaigns whose uncertain numbers are drawn from the prior."""
    from sim.calibrate.fit import bank_overrides

    return run_and_draw(bank_overrides(request.overrides), lambda _folder: None)


def assimilate(request: options.Assimilate) -> Answer:
    """Condition campaigns on the record or, with -m, compare the evidence for rival theories."""
    from sim.configuration.overrides import Overrides

    if Overrides.of(request.overrides).sweeps:
        require_extra("report", "assimilate")
        from sim.assimilation.theories import compare_theories

        return Answer(folder=compare_theories(request))
    from sim.assimilation.assimilate import assimilate

    return Answer(folder=assimilate(request))


def hindcast(request: options.Hindcast) -> Answer:
    """Forecast from several past days, and score the forecasts against the record."""
    from sim.hindcast.hindcast import hindcast

    folder = hindcast(request)
    from sim.hindcast.page import show_hindcast

    return Answer(show_hindcast(folder), folder)


def calibrate(request: options.Calibrate) -> Answer:
    """Fit a posterior from a prior sample, and write the page of the fit."""
    from sim.calibrate.calibrate import REFINED_ONLY, write_fit
    from sim.study.codebook import describe_tables
    from sim.study.files import write_folder
    from sim.terminal import console_of

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
    describe_tables(request.place, "calibration")
    return Answer(show_fit(request.place), request.place)


def theories(request: options.Theories) -> Answer:
    """Compare rival theories, using a prior sample of each."""
    from sim.calibrate.theories import usual_folders, write_theories
    from sim.study.codebook import describe_tables
    from sim.study.files import write_folder
    from sim.terminal import console_of

    folders = request.folders or usual_folders()
    place = folders[0] / "theories" if folders else Path("theories")
    with write_folder(place, "theories") as folder:
        write_theories(folders, request.accept, folder, console_of())
        from sim.calibrate.figures import draw_theories, show_theories

        draw_theories(folder)
    describe_tables(place, "rivals")
    return Answer(show_theories(place), place)


def sensitivity(request: options.Sensitivity) -> Answer:
    """Measure the effect of each number on an outcome, and draw the results."""
    from sim.explore.sensitivity import resolve, write_sensitivity
    from sim.terminal import console_of

    resolved = resolve(request)
    failed = write_sensitivity(resolved, console_of())
    from sim.explore.figures import draw_sensitivity, show_sensitivity

    draw_sensitivity(resolved.folder)
    return Answer(show_sensitivity(resolved.folder) or (FAILED if failed else 0), resolved.folder)


def discover(request: options.Discover) -> Answer:
    """Find ranges of numbers (boxes) in which an outcome passes a threshold."""
    from sim.explore.discover import write_discoveries
    from sim.terminal import console_of

    write_discoveries(request, console_of())
    from sim.explore.figures import draw_discovered, show_discovered

    draw_discovered(request.place)
    return Answer(show_discovered(request.place), request.place)


# suggestions after a run, of which the first unused one is shown
DECISIONS = ("reinforcement=none", "border=closed", "morale=brittle")


def next_step(overrides: "Overrides", folder: Path) -> str:
    """Return the command to suggest after a run, as text.

    After a sweep, the command compares the cells. Otherwise, it repeats the run, under the default study name, with one
    more of the `DECISIONS`. If all of their keys are set, it prints the story of one campaign.
    """
    if overrides.sweeps:
        return shell_command(["compare", folder])
    given = {row.key for row in overrides}
    change = next((word for word in DECISIONS if word.partition("=")[0] not in given), None)
    if change is None:
        return f"read the story of one campaign: {shell_command(['story', folder])}"
    kept = [row.text for row in overrides if row.key != "study"]
    return f"change a decision: {shell_command([*kept, *arguments_of_folder(), change])}"


def evidence(request: options.Evidence) -> Answer:
    """Print the reported figures that match the filters."""
    from sim.data import evidence as table

    filters = list(request.filters)
    return Answer(
        table.main(filters), result=lambda: [vars(row) for row in table.select(table.read_evidence(), filters)]
    )


def list_(request: options.List) -> Answer:
    """Print names to use on a command line, or the names of the lists."""
    from sim.listing import describe_count, rows_of, table_of
    from sim.terminal import console_of

    rows, console = rows_of(request.kind, request.filters), console_of()
    if rows:
        console.print(table_of(request.kind, rows))
    console.print(describe_count(request.kind, rows, request.filters), soft_wrap=True)
    return Answer(result=lambda: rows)


def report(request: options.Report) -> Answer:
    """Write the comparisons, figures and report of a study.

    If the folder of the request is `-`, its path is read from standard input. If the request names one cell, no
    comparisons are written.
    """
    from sim.report import report as page

    if request.folder == Path("-"):
        page.prepare()
        found = "" if sys.stdin is None else sys.stdin.read().strip()
        if not found:
            return Answer()
        request = replace(request, folder=Path(found))
    from sim.study.reader import note_drawn, unfinished

    print(unfinished(request.folder), end="")
    if request.cell is None:
        judge(request.folder)
    code = page.main(request)
    if request.cell is None:
        note_drawn(request.folder)
    return Answer(code, request.folder)


def export(request: options.Export) -> Answer:
    """Write a study in the format of another program, and print the path."""
    from sim.export.export import export

    path = export(request)
    print(f"Written: {path}")
    return Answer(folder=path, result=lambda: {"path": str(path)})


def memo(request: options.Memo) -> Answer:
    """Write a brief of two pages on one outcome of a study."""
    from sim.memo.memo import show_memo, write_memo
    from sim.study.reader import unfinished

    print(unfinished(request.folders[0]), end="")
    paths = write_memo(request)
    return Answer(show_memo(paths), paths[0].parent, lambda: {"files": [str(path) for path in paths]})


def plan(request: options.Plan) -> Answer:
    """Print the estimated cost of a sweep."""
    from sim.execution.plan import make_plan, plan_record, show_plan
    from sim.terminal import console_of

    console = console_of()
    planned = make_plan(request, console)
    show_plan(planned, console)
    return Answer(result=lambda: plan_record(planned))


def settings(request: options.Settings) -> Answer:
    """Print the resolved settings of a command line."""
    from sim.configuration.compose import compose_settings
    from sim.study.files import yaml_text

    chosen = compose_settings(request.overrides)
    if own_folder() is not None:
        from sim.listing import outcomes

        outcomes()  # raises PanjError for an invalid outcome or reported figure declared by the user
    how = {"study": chosen.study, "runs": chosen.runs, "seed": chosen.seed, "results_dir": str(chosen.results_dir)}
    print(yaml_text(how | chosen.as_dict()), end="")
    return Answer(result=lambda: how | chosen.as_dict())


def failures(request: options.Failures) -> int:
    """Print failed campaigns by cause, and return the exit code."""
    from sim.execution import rerun as causes

    return causes.show_failures(request)


def compare(request: options.Compare) -> Answer:
    """Compare every cell with its baseline, paired by seed."""
    from sim.compare.compare import write_verdicts
    from sim.study.reader import unfinished

    print(unfinished(request.folders[0]), end="")
    tables = write_verdicts(request)
    from sim.compare.figure import main as show
    from sim.records import verdicts_record

    return Answer(show(tables), tables[0].parent, lambda: verdicts_record(tables))


def score(request: options.Score) -> Answer:
    """Score the model and naive forecasts against the record."""
    from sim.scoring.score import write_score
    from sim.terminal import console_of

    folder = write_score(request, console_of())
    from sim.records import score_record
    from sim.scoring.figures import main as show

    return Answer(show(folder), folder, lambda: score_record(folder))


def classroom(request: options.Classroom) -> int:
    """Run the classroom server until Ctrl-C, and return the exit code."""
    from sim.classroom.server import main as open_classroom

    return open_classroom(request)


def grade(request: options.Grade) -> int:
    """Mark hand-ins, and return the exit code."""
    from sim.classroom.lessons.hand_in import main as mark

    return mark(request)


def story(request: options.Story) -> Answer:
    """Print the story of one campaign."""
    from sim.records import story_record
    from sim.story.chronicle import read_telling
    from sim.story.story import check_filters, show_story

    folder, campaign = read_telling(request, check_filters)
    code = show_story(folder, campaign, request)
    return Answer(code, folder, lambda: story_record(request.folder, folder, campaign, request.outcome))


def fork(request: options.Fork) -> Answer:
    """Continue campaigns with and without a change, and print the comparison."""
    from sim.records import fork_record
    from sim.story.fork import write_fork
    from sim.terminal import console_of

    folder = write_fork(request, console_of())
    from sim.story.fork_story import show_fork

    return Answer(show_fork(folder), folder, lambda: fork_record(folder, request.outcome))


def animate(request: options.Animate) -> Answer:
    """Draw an animated map of one cell of a study, or of two side by side."""
    from sim.report import animation

    return Answer(animation.main(request), request.folder)


def explorable(request: options.Explorable) -> Answer:
    """Write a page on which a class draws, runs and gathers campaigns."""
    from sim.explorable.explorable import explorable_record, show_explorable, write_explorable
    from sim.terminal import console_of

    written = write_explorable(request, console_of())
    return Answer(show_explorable(written), written.path, lambda: explorable_record(written))


def verify(request: options.Verify) -> int:
    """Run one study on every executor, compiled and uncompiled; compare the results and return the exit code."""
    from sim.execution import verify as every_way

    return every_way.main(request.overrides)


def reproduce(request: options.Reproduce) -> int:
    """Recreate a figure or table, compare it with the original, and return the exit code."""
    from sim import reproduce as again
    from sim.report.report import redraw

    return again.main(request, redraw)


def completion(request: options.Completion) -> int:
    """Print the completion script of a shell, and return the exit code."""
    from sim.help import completion as script

    print(script(request.shell), end="")
    return 0


VERBS: dict[type[options.Request], Callable[[Any], int | Answer]] = {  # each verb returns an exit code or an Answer
    options.VERBS[verb.__name__.rstrip("_")]: verb
    for verb in (
        run, plan, settings, compare, score, bank, calibrate, assimilate, hindcast, theories, sensitivity, discover,
        report, memo, export, animate, explorable, story, fork, failures, verify, reproduce, classroom, grade, evidence,
        list_, init, completion,
    )
}  # fmt: skip
