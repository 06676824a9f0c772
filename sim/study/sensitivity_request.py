"""What `python -m sim sensitivity` was asked for, checked before anything is lived, and what it will cost."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from sim.errors import PanjError, unknown
from sim.outcomes import read_outcomes
from sim.rules import compiled
from sim.study.draws import Prior, priors_under
from sim.study.executors import cores
from sim.study.progress import say_time
from sim.study.run import compile_rules
from sim.study.settings import Settings
from sim.study.sweep import compose_sweep
from sim.study.words import MULTIRUN, parse
from sim.study.work import Order, Piece, work_timed

USAGE = "python -m sim sensitivity outcome=NAME[,NAME] [keys=[rules.<rule>.<number>,...]] [key=value ...]"
OWN = ("outcome", "keys", "trajectories", "samples", "most")  # words of this verb; all others are settings
USUAL = {  # the widest draws send more people on the road than is usual
    "study": "sensitivity", "runs": "8", "end_date": "2021-07-08", "rules.flight.rows": "200000",
}  # fmt: skip
ALWAYS = {"calibration": "prior", "daily": "false"}
NOT_HERE = ("sampling", "precision", "runs_max")
TRAJECTORIES, SAMPLES, MOST = 20, 256, 12
TIMED = 10  # campaigns


class Request(NamedTuple):
    """What was asked on the command line."""

    base: Settings  # `runs` are campaigns a point, `seed` the first of them
    words: tuple[str, ...]
    outcomes: tuple[str, ...]
    priors: tuple[Prior, ...]  # of the numbers that are varied
    trajectories: int  # of Morris
    samples: int  # of Saltelli: a power of two
    most: int  # numbers for which Sobol' indices are estimated

    @property
    def folder(self) -> Path:
        """Where tables and figures go; the campaigns lie in folders within it."""
        return self.base.results_dir / self.base.study


def read_request(words: Sequence[str]) -> Request:
    """Checked word for word; PanjError says what was found and what was expected. Nothing is lived or written."""
    own: dict[str, str] = {}
    others = []
    for word in words:
        key, has_value, value = word.partition("=")
        if key in OWN and has_value:
            own[key] = value
        elif word in MULTIRUN or "=" not in word:
            raise PanjError(f"sensitivity: found '{word}', expected settings: {USAGE}")
        else:
            others.append(word)
    base = base_of(others)
    return Request(
        base,
        tuple(words),
        outcomes_of(own.get("outcome", ""), base),
        priors_of(own.get("keys"), base),
        whole("trajectories", own.get("trajectories"), TRAJECTORIES, 4, 10_000),
        power_of_two("samples", own.get("samples")),
        whole("most", own.get("most"), MOST, 1, len(priors_under(()))),
    )


def base_of(words: Sequence[str]) -> Settings:
    """The settings at every point; PanjError for what a sensitivity study cannot have."""
    given = {parse(word).key_or_group: word for word in words}
    for key, word in given.items():
        if key.split(".")[0] in NOT_HERE:
            raise PanjError(f"{key}: found '{word}', expected none; points are those of Morris and Saltelli: {USAGE}")
    for key, value in ALWAYS.items():
        if key in given and given[key] != f"{key}={value}":
            raise PanjError(f"{key}: found '{given[key]}', expected none; numbers are those of configs/priors.yaml")
    usual = [f"{key}={value}" for key, value in {**USUAL, **ALWAYS}.items() if key not in given]
    base = compose_sweep([*words, *usual]).base
    if base.runs < 2:
        raise PanjError(f"runs: found {base.runs}, expected at least 2 a point, or chance cannot be told apart")
    folder = base.results_dir / base.study
    if (folder / "about.json").exists() or (folder / "chunks").exists():
        raise PanjError(f"study: found another study in {folder}, expected a new name; choose study=NAME")
    return base


def outcomes_of(text: str, base: Settings) -> tuple[str, ...]:
    """Names of outcomes that are counted by the end of the campaign."""
    table = read_outcomes(base.facts, base.start_date, base.days)
    names = [row.name for row in table if row.last >= 0]
    wanted = listed(text)
    if not wanted:
        raise PanjError(f"outcome: found none, expected one or several, such as troops_crossed_largest_night: {USAGE}")
    for name in wanted:
        if name not in names:
            raise unknown("outcome", name, names)
    return wanted


def priors_of(text: str | None, base: Settings) -> tuple[Prior, ...]:
    """The numbers that are varied: those of `keys=`, or all that have a prior and are not set by an override."""
    assert base.draws is not None
    free = {prior.key: prior for prior in base.draws.priors}
    if text is None:
        return base.draws.priors
    wanted = listed(text)
    declared = [prior.key for prior in priors_under(())]
    for key in wanted:
        if key not in declared:
            raise unknown("keys", key, declared)
        if key not in free:
            raise PanjError(f"keys: found {key}, which this command also sets, expected one or the other")
    if not wanted:
        raise PanjError("keys: found none, expected numbers of configs/priors.yaml, such as [rules.news.fade_days]")
    return tuple(free[key] for key in wanted)


def listed(text: str) -> tuple[str, ...]:
    """`[a,b]` or `a,b`, each once."""
    return tuple(dict.fromkeys(part.strip() for part in text.strip("[] ").split(",") if part.strip()))


def whole(key: str, text: str | None, usual: int, least: int, most: int) -> int:
    """A whole number within bounds."""
    if text is None:
        return usual
    if not text.isdecimal() or not least <= int(text) <= most:
        raise PanjError(f"{key}: found '{text}', expected a whole number from {least} to {most}")
    return int(text)


def power_of_two(key: str, text: str | None) -> int:
    """Of which a Sobol' sequence is balanced."""
    if text is None:
        return SAMPLES
    if not text.isdecimal() or not 16 <= int(text) <= 65_536 or int(text) & (int(text) - 1):
        raise PanjError(f"{key}: found '{text}', expected a power of two from 16 to 65536, such as {SAMPLES}")
    return int(text)


def say_estimate(request: Request, order: Order, points: int, console: Console) -> None:
    """Points, campaigns and minutes, from a few timed campaigns."""
    runs, most = request.base.runs, min(request.most, len(request.priors))
    more = request.samples * (most + 2)
    compile_rules(order, request.base.seed, console)
    work_timed([Piece(order, (0,))])  # makes the layout and reads the table of outcomes
    _, seconds = work_timed([Piece(order, tuple(range(TIMED)))])
    workers = request.base.executor.workers or cores()
    if request.base.executor.kind == "threads" and not compiled:
        workers = 1  # plain Python gains nothing from threads
    each = seconds / TIMED
    console.print(
        f"Morris: {len(request.priors)} numbers, {points:,} points x {runs} seeds = {points * runs:,} campaigns. "
        f"Sobol': at most {most} of them, {more:,} points x {runs} seeds = {more * runs:,} campaigns. "
        f"About {say_time((points + more) * runs * each / workers)} in all with {workers} workers "
        f"({each * 1000:.3g} ms a campaign on one); what is recorded is not lived again.", soft_wrap=True,
    )  # fmt: skip
