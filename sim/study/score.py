"""How well Panj does against the record, beside forecasts that a sceptic would try: `python -m sim score`.

With settings (or none) it lives the campaigns itself, 500 up to 8 July: as a study named `score`, and two more with the
same seeds, one in which no fall frightens anybody and one in which air cover has no effect. With the folder of a
finished study it scores that, against the naive forecasts, and against such variants where they lie beside it.

Reads   data/targets.csv, days of falls in data/districts.csv, and the tables and record of finished studies.
Writes  score/ in the folder of the study: score.csv, score_districts.csv, score_forecasts.csv, score_split.csv,
        score.json. `sim.show.scores` shows and draws them.
Assumed The score decides nothing: whatever it is, the command has done its work.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from sim.errors import PanjError, unknown
from sim.evidence import read_evidence
from sim.facts import THE_LINE, read_facts, read_falls
from sim.outcomes import read_outcomes
from sim.provenance import read_about
from sim.study import naive
from sim.study.forecasts import Forecast, Study, cell_of, forecast_of_study, grounds_of, naive_forecasts
from sim.study.run import run_sweep
from sim.study.scope import flat, read_scope
from sim.study.score_tables import Scored, write_scored
from sim.study.settings import compose_settings, name_of
from sim.study.sweep import Sweep, compose_sweep
from sim.study.words import MULTIRUN, parse
from sim.targets import Target, district_targets, read_targets

USAGE = "python -m sim score [key=value ...] or python -m sim score results/<study> [cell=0]"
USUAL = {"runs": "500", "end_date": "2021-07-08"}  # a day past the line, so that its evening is whole
RECORDS = 500  # synthetic ones of each naive forecast
NAIVE_NUMBERS = "calibration=as_declared"  # day 0 of naive forecasts, which know of no fit
VARIANTS = {  # the same model without one of its ideas
    "without_contagion": (
        "the same model, in which no fall frightens anybody",
        ("rules.news.next_door", "rules.news.province", "rules.news.country"),
    ),
    "without_air_cover": (
        "the same model, in which air cover has no effect",
        ("rules.morale.air_cover", "rules.parley.air_cover", "rules.combat.air_support"),
    ),
}


class Request(NamedTuple):
    """What was asked on the command line."""

    folder: Path | None  # of a finished study; None lives the campaigns
    cell: int | None
    words: tuple[str, ...]  # settings


class Terse(Console):
    """A console that leaves out the tables of studies that are only a means here."""

    def print(self, *objects: object, **how: object) -> None:  # type: ignore[override]
        """Print anything but a table."""
        if not any(isinstance(one, Table) for one in objects):
            super().print(*objects, **how)  # type: ignore[arg-type]


def write_score(words: Sequence[str], console: Console) -> Path:
    """Score what the words ask for and write it; gives the folder of the scores.

    Nothing is run or written unless the words are understood. Raises PanjError for words, settings or a study that are
    not as expected, and Stopped after Ctrl-C: the same command goes on.
    """
    request = read_request(words)
    targets = targets_here()
    if request.folder is not None:
        study = cell_of(request.folder, read_about(request.folder), request.cell)
        return score(study, variants_beside(study), targets, console)
    sweeps = sweeps_of(request.words)
    studies = {name: live(sweep, name, console) for name, sweep in sweeps.items()}
    return score(studies.pop("panj"), studies, targets, console)


def read_request(words: Sequence[str]) -> Request:
    """`results/policy cell=3`, or settings; PanjError says what was expected."""
    folders = [word for word in words if "=" not in word and not word.startswith(("-", "~", "+"))]
    others = [word for word in words if word not in folders]
    if any(word in MULTIRUN for word in words):
        raise PanjError("score: found -m, expected one combination of settings; run the sweep, then score one cell: "
                        "python -m sim score results/<study> cell=3")  # fmt: skip
    if len(folders) > 1:
        raise PanjError(f"score: found {len(folders)} study folders, expected at most one: {USAGE}")
    if not folders:
        return Request(None, None, tuple(others))
    cells = [word.partition("=")[2] for word in others if word.startswith("cell=")]
    for word in others:
        if not word.startswith("cell="):
            raise unknown("score of a finished study", word.partition("=")[0], ("cell",))
    if len(cells) > 1 or not all(cell.isdecimal() for cell in cells):
        raise PanjError(f"cell: found '{', '.join(cells)}', expected one whole number, such as cell=3")
    return Request(Path(folders[0]), int(cells[0]) if cells else None, ())


def targets_here() -> tuple[Target, ...]:
    """Every target, checked against evidence and outcomes."""
    return read_targets(read_evidence(), read_outcomes(read_facts(), naive.DAY_0, naive.DAYS))


def sweeps_of(words: Sequence[str]) -> dict[str, Sweep]:
    """The study that is scored and its variants, all resolved before any is run; each has a folder of its own."""
    keys = {parse(word).key_or_group for word in words}
    wanted = [*words, *(f"{key}={value}" for key, value in USUAL.items() if key not in keys)]
    sweep = compose_sweep(wanted)
    base = sweep.base
    if base.end_date < THE_LINE:
        raise PanjError(f"end_date: found {base.end_date}, expected {THE_LINE} or later, the last day of the targets")
    if base.start_date != naive.DAY_0:
        raise PanjError(f"start_date: found {base.start_date}, expected {naive.DAY_0}, from which falls are reported")
    name = base.study if "study" in keys else named(name_of(base.choices, words))
    sweeps = {"panj": replace(sweep, base=replace(base, study=name))}
    rest = [word for word in wanted if parse(word).key_or_group != "study"]
    for variant, (_, numbers) in VARIANTS.items():
        others = [word for word in rest if parse(word).key_or_group not in numbers]
        zero = [f"{key}=0" for key in numbers]
        sweeps[variant] = compose_sweep([*others, *zero, f"study={name}__{variant}"])
    return sweeps


def named(usual: str) -> str:
    """`score`, and what the settings are called where they are not the usual ones."""
    return "score" if usual == "july_2021" else f"score__{usual}"[:90]


def live(sweep: Sweep, name: str, console: Console) -> Study:
    """The campaigns of one study, as far as they are not there already."""
    about = "the settings that are scored" if name == "panj" else VARIANTS[name][0]
    console.print(f"{sweep.base.study}: {sweep.base.runs} campaigns of {about} ...")
    run_sweep(sweep, Terse(width=console.width, highlight=False))
    folder = sweep.base.results_dir / sweep.base.study
    return cell_of(folder, read_about(folder), None)


def variants_beside(study: Study) -> dict[str, Study]:
    """Variants of a plain study in folders beside it, where they differ in their own numbers alone."""
    found = {}
    for name, (_, numbers) in VARIANTS.items():
        folder = study.folder.with_name(f"{study.folder.name}__{name}")
        if len(study.about["cells"]) > 1 or not (folder / "about.json").is_file():
            continue
        here, there = read_scope(study.folder), read_scope(folder)
        if here is None or there is None or here.first_seed != there.first_seed:
            continue
        before, after = dict(flat(here.base)), dict(flat(there.base))
        if {number_of(key) for key in {**before, **after} if before.get(key) != after.get(key)} <= set(numbers):
            found[name] = cell_of(folder, read_about(folder), None)
    return found


def number_of(key: str) -> str:
    """The number that a setting is about: whether it is drawn, and between what, is as much its own as its value."""
    return re.sub(r"^draws\.(?:keys|priors)\.(rules\.\w+\.\w+)(?:\.\d)?$", r"\1", key)


def score(study: Study, variants: dict[str, Study], targets: Sequence[Target], console: Console) -> Path:
    """Everything measured and written."""
    facts = read_facts()
    districts = len(facts.district_id)
    panj = forecast_of_study(study, targets, "panj", "the settings that are scored", districts)
    console.print(f"Making {RECORDS} records of each naive forecast ...")
    first = int(study.about["first_seed"])
    grounds = grounds_of(compose_settings([NAIVE_NUMBERS]), range(first, first + RECORDS))
    others: list[Forecast] = naive_forecasts(targets, grounds, first)
    others += [forecast_of_study(one, targets, name, VARIANTS[name][0], districts) for name, one in variants.items()]
    scored = Scored(study, facts, tuple(targets), panj, tuple(others), district_targets(facts, read_falls()), variants)
    return write_scored(scored)
