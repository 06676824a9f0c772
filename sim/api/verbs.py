"""Run, sweep, open, fork, score and assimilate from Python, with settings as Python values.

Every function builds the overrides that a command line would have, and runs the same code. A finished study is not run
again; a study that was stopped is resumed.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim import options
from sim.api.notebooks import console_for, warn
from sim.api.own import own_files, path_given, split_off
from sim.api.results import Fork, Score, Worlds
from sim.api.study import Study, option_of
from sim.configuration.calls import checked
from sim.configuration.values import overrides_of
from sim.data.own import arguments_of_folder, own_folder
from sim.errors import PanjError, described
from sim.options import THE_LINE, read_request
from sim.provenance import stated_command
from sim.wording import counted

if TYPE_CHECKING:
    from sim.configuration.sweep import Sweep


@checked
def run(settings: Mapping[str, Any] | None = None, *, progress: bool = True, **keywords: Any) -> Study:
    """Run the campaigns of one combination of settings, as `python -m sim key=value ...` does.

    Args:
        settings: Settings whose keys are not valid Python names, such as `{"rules.news.fade_days": 5}`.
        progress: Whether to show the progress.
        **keywords: All other settings, such as `scenario="border_closed"`, `runs=500`, `seed=7`,
            `end_date=date(2021, 7, 7)`, `study="closed"`, `results_dir="results"`, `executor="processes"` or
            `rules={"news.fade_days": 5}`; `sim.settings()` lists them. `config_dir` names a folder of your own files,
            as written by `panj init`; by default, the current folder or its nearest parent with panj.yaml.

    Returns:
        The study. Its figures and page are drawn on request, by `plot` and `report`.

    Raises:
        PanjError: A setting is invalid; nothing is then run or written.
        KeyboardInterrupt: The run was interrupted; finished campaigns are stored, and the same call continues.

    Example:
        >>> study = sim.run(border="closed", runs=200)  # doctest: +SKIP
    """
    return studied(settings, keywords, False, progress)


@checked
def sweep(settings: Mapping[str, Any] | None = None, *, progress: bool = True, **keywords: Any) -> Study:
    """Run every combination of several settings, as `python -m sim -m key=a,b ...` does.

    Args:
        settings: Settings whose keys are not valid Python names, as for `run`.
        progress: Whether to show the progress.
        **keywords: All other settings. A setting with several values is given as a list, tuple, range, array or
            series, such as `morale=["brittle", "reported"]`; every combination is a cell, and all cells have the same
            seeds. With `sampling="latin_hypercube"`, numbers may be given as `sim.Interval(low, high)`.

    Returns:
        The study, with one cell per combination; `compare` compares the cells.

    Raises:
        PanjError: A setting is invalid; nothing is then run or written.
        KeyboardInterrupt: The sweep was interrupted; finished campaigns are stored, and the same call continues.

    Example:
        >>> sweep = sim.sweep(border=["open", "closed"], runs=200)  # doctest: +SKIP
    """
    return studied(settings, keywords, True, progress)


@checked
def open(folder: Path | str, cell: int | None = None, config_dir: Path | str | None = None) -> Study:
    """Open a study that was made earlier, from Python or on the command line.

    Args:
        folder: Folder of the study, such as `results/policy`. A relative path that does not exist here is looked up in
            the folder of your own files, to which `sim.run` writes its results.
        cell: Number of the cell to which tables and figures are limited; by default all cells.
        config_dir: Folder of your own files with which the study was made, if it has been moved.

    Returns:
        The study.

    Raises:
        PanjError: The folder has no study or a damaged one, or there is no such cell.
    """
    from sim.study.reader import unfinished

    study = Study(found_folder(folder, config_dir), cell, config_dir)
    if note := unfinished(study.folder):
        warn(note.strip())
    return study


def found_folder(folder: Path | str, config_dir: Path | str | None) -> Path | str:
    """Return the folder of a study: as given if it exists, else that in the folder of the user's own files, if any."""
    if not isinstance(folder, Path | str) or Path(folder).exists():
        return folder
    own = Path(config_dir) if config_dir is not None else own_folder()
    return own / folder if own is not None and (own / folder).is_dir() else folder


@checked
def fork(
    study: Study | Path | str,
    day: date | str,
    *,
    seed: int | None = None,
    cell: int | None = None,
    runs: int = 1,
    outcome: str | tuple[str, ...] | list[str] = (),
    name: str = "",
    progress: bool = True,
    settings: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Fork:
    """Continue campaigns of a study from the end of a day, with and without a change, with the same random draws.

    Args:
        study: The study, or its folder.
        day: The change takes effect at the end of this day.
        seed: Seed of the first campaign; by default the first of the study.
        cell: Number of the cell of the campaigns; by default the cell with the settings before the sweep.
        runs: Number of campaigns.
        outcome: Outcomes to compare; by default the main ones up to 7 July.
        name: Name of the folder of the fork; by default derived from the change.
        progress: Whether to show the progress.
        settings: Changed settings whose keys are not valid Python names, as for `run`.
        **changes: All other changed settings, such as `reinforcement="answer_every_call"`.

    Returns:
        The fork, with the tables, the verdicts and the story of both branches.

    Raises:
        PanjError: The change is invalid, has no effect, or the study has no such campaign.
    """
    asked = {
        "day": day,
        "seed": seed,
        "cell": cell,
        "runs": runs,
        "name": name or None,
        "outcome": joined("outcome", outcome),
    }
    from sim.story.fork import write_fork

    folder = folder_of(study)
    named = split_off(changes) or (study.config_dir if isinstance(study, Study) else None)
    with own_files(named, folder):
        words = overrides_of(settings, changes, sweeps=False).words
        return Fork(write_fork(request_of(options.Fork, str(folder), asked, words), console_for(progress)))


@checked
def score(
    study: Study | Path | str | None = None,
    *,
    cell: int | None = None,
    progress: bool = True,
    settings: Mapping[str, Any] | None = None,
    **keywords: Any,
) -> Score:
    """Score campaigns against the record and against naive forecasts.

    Args:
        study: A finished study, or its folder; without it, campaigns are run with the given settings.
        cell: Number of its cell; by default the cell with the settings before the sweep.
        progress: Whether to show the progress.
        settings: Settings whose keys are not valid Python names, as for `run`.
        **keywords: All other settings of the campaigns to run.

    Returns:
        The score, with one row per reported figure.

    Raises:
        PanjError: A setting or the study is invalid, or both a study and settings are given.
    """
    from sim.scoring.score import write_score

    folder = None if study is None else folder_of(study)
    with requested(options.Score, {"cell": cell}, settings, keywords, folder) as request:
        return Score(write_score(request, console_for(progress)))


@checked
def assimilate(
    until: date | str = THE_LINE,
    *,
    worlds: int = options.Assimilate.worlds,
    known: date | str | None = None,
    seed: int = 0,
    moves: int = options.Assimilate.moves,
    repeats: int = options.Assimilate.repeats,
    name: str = "",
    progress: bool = True,
    settings: Mapping[str, Any] | None = None,
    **keywords: Any,
) -> Worlds:
    """Condition campaigns (their numbers and random draws) on the figures reported up to a day.

    Args:
        until: Last day covered by the reports.
        worlds: Number of worlds per run of the sampler, a multiple of 8.
        known: Use only reports published up to this day; by default all.
        seed: Seed of the first run of the sampler; later runs have consecutive seeds.
        moves: Proposals between successive worlds of a chain.
        repeats: Number of runs of the sampler; the worlds of all runs are kept, with equal weights.
        name: Name of the folder of the worlds, in results_dir.
        progress: Whether to show the progress.
        settings: Settings whose keys are not valid Python names, as for `run`.
        **keywords: All other settings of the campaigns.

    Returns:
        The worlds; `sim.run({"worlds.file": worlds.file}, worlds="record")` continues them.

    Raises:
        PanjError: A setting or a day is invalid, or no campaign agrees with the reports.
    """
    from sim.assimilation.assimilate import make_worlds

    asked = {
        "until": until,
        "worlds": worlds,
        "known": known,
        "seed": seed,
        "moves": moves,
        "repeats": repeats,
        "name": name or None,
    }
    with requested(options.Assimilate, asked, settings, keywords) as request:
        return Worlds(make_worlds(request, console_for(progress)))


@checked
def write_explorable(
    policies: tuple[str, ...] | list[str] = options.Explorable.policies,
    *,
    worlds: str | tuple[str, ...] | list[str] = ("free", "record"),
    out: Path | str | None = None,
    progress: bool = True,
    settings: Mapping[str, Any] | None = None,
    **keywords: Any,
) -> Path:
    """Write one HTML file on which a class draws, runs and gathers campaigns; it needs no server and no network.

    Args:
        policies: Decisions to test, such as `border=closed`, each on its own against the decisions as reported.
        worlds: `free`, `record`, or both.
        out: File to write; by default explorable.html in the folder of the study.
        progress: Whether to show the progress.
        settings: Settings whose keys are not valid Python names, as for `run`.
        **keywords: All other settings of the campaigns.

    Returns:
        The path of the file.

    Raises:
        PanjError: A decision or a setting is invalid, or the file would replace one that was edited.
    """
    from sim.explorable import explorable

    asked = {"policies": joined("policies", policies), "worlds": joined("worlds", worlds), "out": out}
    with requested(options.Explorable, asked, settings, keywords) as request:
        return explorable.write_explorable(request, console_for(progress)).path


def studied(settings: Mapping[str, Any] | None, keywords: dict[str, Any], sweeps: bool, progress: bool) -> Study:
    """Run the campaigns of a study, warn if any of them failed, and return the study."""
    from sim.configuration.sweep import compose_sweep
    from sim.execution.run import run_sweep

    with interruptible(), own_files(split_off(keywords)):
        overrides = overrides_of(settings, keywords, sweeps)
        swept = compose_sweep(overrides)
        if sweeps and not swept.swept:
            raise PanjError("sweep: found no setting with several values, expected one: border=['open', 'closed']")
        if not progress:
            warn_of_doubts(swept)
        with stated_command([*overrides.words, *arguments_of_folder()]):
            ran = run_sweep(swept, console_for(progress))
    if ran.failed:
        warn(f"{counted(ran.failed, 'campaign')} failed; see .failures")
    return Study(ran.folder)


def warn_of_doubts(sweep: "Sweep") -> None:
    """Warn about posteriors in use if rules, data or numbers have changed since they were fitted."""
    for doubt in sweep.doubts:
        warn(f"the posterior that the numbers are drawn from was fitted {doubt}")


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt if a run is interrupted within a block, as notebooks expect."""
    from sim.errors import Stopped

    try:
        yield
    except Stopped:
        raise KeyboardInterrupt(
            "Stopped; finished campaigns are stored, and the same call continues from there"
        ) from None


@contextmanager
def requested(
    verb: type[options.Request],
    asked: Mapping[str, Any],
    settings: Mapping[str, Any] | None,
    keywords: dict[str, Any],
    folder: Path | None = None,
) -> Iterator[Any]:
    """Provide the request of the equivalent command line, and use the call's own files and command in the block.

    Args:
        verb: Class of the verb.
        asked: Options by key; None for an option that is not given.
        settings: Settings whose keys are not valid Python names.
        keywords: All other settings, and `config_dir`.
        folder: Folder of the study for the verb, if there is one.

    Raises:
        PanjError: An option or a setting is invalid.
    """
    with interruptible(), own_files(split_off(keywords), folder):
        words = overrides_of(settings, keywords, sweeps=False).words
        request = request_of(verb, None if folder is None else str(folder), asked, words)
        with stated_command([verb.__name__.lower(), *request.words, *arguments_of_folder()]):
            yield request


def request_of(verb: type[options.Request], place: str | None, asked: Mapping[str, Any], words: tuple[str, ...]) -> Any:
    """Return the request of the equivalent command line with these options and overrides.

    Args:
        verb: Class of the verb.
        place: Folder of a study, or None.
        asked: Options by key; None for an option that is not given.
        words: Overrides.

    Raises:
        PanjError: An option or an override is invalid.
    """
    given = [f"{key}={option_of(key, value)}" for key, value in asked.items() if value is not None]
    return read_request(verb, [*([] if place is None else [place]), *given, *words])


def joined(key: str, names: object) -> str | None:
    """Join names with commas, or return None if there are none; raise PanjError for anything but names."""
    given = list(names) if isinstance(names, Iterable) and not isinstance(names, str) else [names]
    found = [name for name in given if isinstance(name, str)]
    if len(found) < len(given):
        raise PanjError(f"{key}: found {described(names)}, expected a name or a list of names", key=key)
    return ",".join(found) or None


def folder_of(study: Study | Path | str) -> Path:
    """Return the folder of a study, given as a study or as a path; raise PanjError for anything else."""
    return study.folder if isinstance(study, Study) else path_given("study", study, "a study or its folder")
