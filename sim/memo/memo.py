"""Write a brief of two pages on one outcome of a study, in plain language.

Reads   the tables of one study, or of two; the verdict table is computed by `sim.compare`; data/evidence.csv; the table
        of scores of the baseline, if `score` wrote one.
Writes  memo/<name>.html, .md and .png in the folder of the (first) study; and verdicts/<name>.csv and .json there,
        which contain every number of the memo.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import Any

from sim.compare.compare import (
    Comparison,
    about_comparison,
    about_question,
    compare,
    effects_on,
    name_of,
    open_studies,
    spread_of,
    write_comparison,
)
from sim.compare.figure import (
    Bar,
    Verdicts,
    bars_of,
    by_size,
    format_difference,
    format_level,
    labels_of,
    shown_about,
    unit_of,
)
from sim.compare.pairs import Baseline, choose_baseline
from sim.compare.sentences import Verdict, directions, quote_outcome
from sim.configuration.overrides import Overrides
from sim.data.evidence import CREDITS
from sim.data.record import evidence
from sim.errors import PanjError
from sim.memo.figure import draw_comparison, draw_distribution
from sim.memo.page import Brief, Table, refuse_edited, write_html, write_markdown
from sim.memo.sentences import (
    Subject,
    answer_of,
    choices_of,
    describe_risk_of,
    describe_side,
    known,
    limits_of,
    method_of,
    question_of,
    rests_on,
)
from sim.options import Memo, range_of, usage_of
from sim.plots.captions import cite, describe_campaigns
from sim.plots.page import make_source
from sim.plots.tables import print_end
from sim.provenance import MODULE, program, shell_command
from sim.study.files import make_folder, write_errors
from sim.study.package import describe_study
from sim.study.reader import (
    Study,
    StudyCell,
    Worlds,
    find_cell,
    open_study,
    read_measure,
    read_worlds,
    with_dates_of,
)
from sim.terminal import console_of
from sim.wording import counted

MOST_ROWS = 8  # largest number of comparisons in the table and the figure; all are in the verdict table
MOST_SOURCES = 4  # largest number of sources printed in full
# largest number of settings whose changes a memo describes, and of characters of a description
MOST_CHANGES, MOST_LETTERS = 5, 160
SUFFIXES = {"html": ".html", "markdown": ".md"}
ALONE = Baseline(None, {}, "", "")  # for a study of one cell, which has no baseline
LIBRARIES = ("python", "panj", "numpy", "numba", "scipy", "pyarrow")
TERMS = (
    "Panj: MIT licence; cite it as in CITATION.cff. Data keep the terms of their sources. " + CREDITS,
    "In sources, seed and S1 to S5 mean the five articles of 5 to 7 July 2021 on which the model was first based: "
    "Irish Times, The National, VOA/Reuters, RFE/RL via AMN, TRT World.",
)


def write_memo(request: Memo) -> list[Path]:
    """Write a memo on one outcome.

    Args:
        request: The folder or folders, the outcome, the threshold, the baseline and the formats.

    Returns:
        The paths of the memo (one per format), of its figure and, if cells are compared, of the verdict table.

    Raises:
        PanjError: The outcome, threshold or baseline is invalid, nothing can be compared, an earlier memo was edited,
            or the folder cannot be written. Nothing is written after an error.
    """
    if not request.format:
        raise PanjError(f"format: found none, expected html or markdown: {usage_of(Memo)}")
    subject = subject_of(request)
    found = subject.found
    name = found.name if found else name_of(subject.measure, subject.asked, ALONE)
    folder = subject.study.folder / "memo"
    paths = [folder / f"{name}{SUFFIXES[one]}" for one in request.format]
    refuse_edited(paths)
    brief = brief_of(subject, request, folder / f"{name}.png")
    with write_errors(folder, "memo"):
        make_folder(folder)
        table = [write_comparison(found)] if found else []
        draw(subject, brief.figure)
        for path in paths:
            (write_html if path.suffix == ".html" else write_markdown)(path, brief)
    if found:
        describe_study(subject.study.folder)
    return [*paths, brief.figure, *table]


def show_memo(paths: Sequence[Path]) -> int:
    """Print the files of a memo, and return the exit code, 0."""
    print_end(console_of(), paths, f"open {paths[0]}")
    return 0


def subject_of(request: Memo) -> Subject:
    """Open the studies of a request and compare their cells; raise PanjError if the request does not fit them."""
    asked = range_of(request.above, request.below)
    study = open_study(request.folders[0])
    measure = read_measure(study, request.outcome)
    if asked is not None:
        asked.check(measure.outcome, measure.unit, measure.is_date)
    if len(request.folders) == 1 and len(study.cells) == 1:
        if request.baseline is not None:
            raise PanjError(
                f"baseline: found '{request.baseline}' for a study of one cell, expected none, or a second study"
            )
        worlds = read_worlds(study, measure, study.first_day)[study.cells[0].number]
        if not known(worlds).any():
            raise PanjError(
                f"outcome {measure.outcome}: found no campaign with a value, expected at least one; does the study end "
                "before the outcome is counted?"
            )
        about = about_question(study, name_of(measure, asked, ALONE), measure, ALONE, asked)
        return Subject(study, measure, asked, study.of_cell(study.cells[0].number), worlds, None, about)
    study, other = open_studies(*request.folders)
    found = compare(study, other, request.outcome, choose_baseline(request.baseline, study, other), asked)
    base = other.of_cell(base_cell_of(found))
    worlds = read_worlds(other, measure, study.first_day)[base.cell.number]
    return Subject(study, measure, asked, base, worlds, found, about_comparison(found))


def base_cell_of(found: Comparison) -> int:
    """Return the number of the cell compared with the record: the default cell if it is a baseline, else the first."""
    numbers = [verdict.baseline_cell for verdict in found.verdicts]
    usual = found.against.default_cell.number
    return usual if usual in numbers else numbers[0]


def brief_of(subject: Subject, request: Memo, figure: Path) -> Brief:
    """Return the content of a memo, given the path of its figure."""
    measure, found = subject.measure, subject.found
    shown = shown_cells(subject)
    ids = [id for id in cite(measure.reported["evidence"]) if id in evidence()]
    return Brief(
        title=f"{measure.label}: a memo on study {subject.study.name}",
        campaigns=campaigns_in_words(subject),
        question=question_of(subject),
        choices=choices_of(shown),
        answer=answer_of(subject),
        method=method_of(subject),
        table=table_of_comparison(subject, found) if found else table_of_campaigns(subject),
        effects=effects_in_words(subject, found) if found else "",
        figure=figure,
        figure_heading=f"{quote_outcome(measure)}{', compared' if found else ''}",
        explained=explanation(subject),
        rests=[*rests_on(subject), *more_sources(ids)],
        changes=changes_of(subject, shown),
        sources=[make_source(evidence()[id]) for id in ids[:MOST_SOURCES]],
        limits=limits_of(subject),
        commands=commands_of(subject, request),
        provenance=provenance_of(subject),
        terms=TERMS,
    )


def campaigns_in_words(subject: Subject) -> str:
    """Describe the campaigns of each study: their number, their scenario and the source of their parameters."""
    said = [
        describe_campaigns(study if len(study.cells) > 1 else study.of_cell(study.cells[0].number))
        for study in subject.studies
    ]
    names = [f"Study {study.name}: " if len(said) > 1 else "" for study in subject.studies]
    return " ".join(f"{name}{text}" for name, text in zip(names, said, strict=True))


def more_sources(ids: Sequence[str]) -> list[str]:
    """Return a list with a sentence on the reports whose sources a memo does not print; empty if it prints all."""
    more = ids[MOST_SOURCES:]
    return [f"Further reports: {', '.join(more)}; `python -m sim evidence id={more[0]}` prints one."] if more else []


def shown_cells(subject: Subject) -> list[StudyCell]:
    """Return the cells shown: the one compared with the record, then those compared with a baseline."""
    rows = shown_rows(subject.found.verdicts) if subject.found else []
    return [subject.base.cell, *(find_cell(subject.study.cells, row.cell) for row in rows)]


def shown_rows(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Choose the verdicts to show, in the order of the table: all or, if there are many, the largest differences.

    There are at most MOST_ROWS rows, including all baselines except the first.
    """
    chosen: list[Verdict] = []
    for verdict in by_size(verdicts):
        trial = [*chosen, verdict]
        if len(trial) + len({one.baseline_cell for one in trial}) <= MOST_ROWS + 1:
            chosen = trial
    return [verdict for verdict in verdicts if any(verdict is one for one in chosen)]


def table_of_comparison(subject: Subject, found: Comparison) -> Table:
    """Return the table of verdicts: each baseline, then the cells compared with it."""
    about = shown_about(dict(subject.about))
    drawn = Verdicts(Path(), about, tuple(shown_rows(found.verdicts)))
    labels = labels_of(drawn)
    more = len(found.verdicts) - len(drawn.rows)
    rest = (
        f"{more:,} of {len(found.verdicts):,} comparisons {'is' if more == 1 else 'are'} not shown; these are the "
        "largest differences."
        if more
        else ""
    )
    level, difference = unit_of(about, difference=False), unit_of(about)
    if found.asked:
        columns = ["Risk, % (95 % interval)", "Difference, points", "95 % interval", "Worlds prevented / caused / same"]
    else:
        low, high = directions(subject.measure.is_date)
        columns = [f"Median, {level} (90 % of campaigns)", f"Mean difference, {difference}", "95 % interval",
                   f"Worlds {low} / {high} / same"]  # fmt: skip
    rows = [row_of(bar, about) for bar in bars_of(drawn, labels.of)[0]]
    caption = f"{about['label']}, against {about['baseline']}"
    return Table(
        "Verdicts",
        caption,
        [one_line(labels.keys) or "Settings", *columns],
        rows,
        rest,
        f"../verdicts/{found.name}.csv",
    )


def row_of(bar: Bar, about: dict[str, Any]) -> list[str]:
    """Return a row of the table of verdicts as text, for a baseline or for a cell that is compared with one."""
    level = f"{format_level(bar.middle, about)} ({format_level(bar.low, about)} to {format_level(bar.high, about)})"
    if bar.verdict is None:
        return [one_line(bar.label), level, "baseline", "", ""]
    found = bar.verdict.judgement
    if not found.worlds:
        return [one_line(bar.label), "no value", "", "", ""]
    interval = " to ".join(format_difference(end, about) for end in (found.mean_low, found.mean_high))
    counts = (found.worlds_lower, found.worlds_higher, found.worlds_equal)
    size = format_difference(found.mean_difference, about)
    return [one_line(bar.label), level, size, interval, " / ".join(f"{count:,}" for count in counts)]


def one_line(label: str) -> str:
    """Return a label on one line, undoing the wrapping for a chart."""
    return label.replace("\n", " ")


def table_of_campaigns(subject: Subject) -> Table:
    """Return the table of a study of one cell: campaigns, quantiles, risk, and the reported figure."""
    median, low, high = subject.spread
    rows = [["Campaigns with a value", f"{len(subject.values):,} of {subject.base.cell.finished:,}"]]
    if len(subject.values) == 1:
        rows.append(["Value", subject.level(median)])
    else:
        rows += [["Median", subject.level(median)],
                 ["Nine in ten campaigns", f"{subject.level(low)} to {subject.level(high)}"]]  # fmt: skip
    if subject.measure.is_date:
        never = int((~subject.worlds.there).sum())
        rows.append(["Campaigns in which it did not occur", f"{never:,}, counted as the day after the last"])
    if subject.asked is not None and len(subject.values) > 1:
        rows.append([f"Risk that {subject.about['question']}", describe_risk_of(subject)])
    rows.append(["Reported", subject.measure.reported_figure or "nothing"])
    if subject.side is not None:
        rows.append(["Position of the reported figure", describe_side(subject.side)])
    return Table("Numbers", subject.measure.label, ["What", "Number"], rows, "", "../summary.csv")


def effects_in_words(subject: Subject, found: Comparison) -> str:
    """Return the paragraph on effects over a full grid of several keys; empty without such a grid."""
    study = subject.study
    if found.against is not study or len(study.swept) < 2:
        return ""
    with suppress(PanjError):  # not a full grid, or too few worlds in common
        effects, _ = effects_on(study, subject.measure, found.baseline, found.asked)
        return f"Over the whole grid: {effects.paragraph}"
    return ""


def explanation(subject: Subject) -> str:
    """Return an explanation of the figure, which is also its alternative text."""
    if subject.found is None and len(subject.values) == 1:
        return "The one campaign: the solid line is its value, orange is what was reported."
    if subject.found is None:
        return "A histogram of campaigns: the solid line is the median, orange is what was reported."
    return (
        "Left: the difference from the baseline with its 95 % interval; a hollow point is compatible with zero. "
        "Right: the median and nine in ten campaigns of each setting; orange is what was reported."
    )


def draw(subject: Subject, path: Path) -> Path:
    """Draw the figure of a memo."""
    found = subject.found
    if found is None:
        return draw_distribution(subject, path)
    about = {**shown_about(dict(subject.about)), "notes": []}  # the notes are on the page
    ours = read_worlds(subject.study, subject.measure, subject.study.first_day)
    is_same = found.against is subject.study
    theirs = ours if is_same else read_worlds(found.against, subject.measure, subject.study.first_day)
    rows = [with_values(row, ours, theirs) for row in shown_rows(found.verdicts)]
    return draw_comparison(subject, Verdicts(path, about, tuple(rows)), Verdicts(path, about, found.verdicts), path)


def with_values(row: Verdict, ours: Mapping[int, Worlds], theirs: Mapping[int, Worlds]) -> Verdict:
    """Return a verdict whose quantiles are those of the outcome, even if a risk is compared."""
    return row._replace(
        campaigns=spread_of(ours[row.cell].values), baseline_campaigns=spread_of(theirs[row.baseline_cell].values)
    )


def changes_of(subject: Subject, shown: Sequence[StudyCell]) -> dict[str, str]:
    """Return a short description of what each setting shown changes, as stored in the study, keyed by `key=value`."""
    stored: Mapping[str, str] = subject.study.about.get("changes") or {}
    names = dict.fromkeys(f"{key}={value}" for cell in shown for key, value in cell.values.items())
    return {name: cut(stored[name]) for name in [name for name in names if stored.get(name)][:MOST_CHANGES]}


def cut(text: str) -> str:
    """Shorten a long list of changes to the first whole changes; about.json has all of them."""
    changes = re.findall(r"(?:^|; )(.+?: .+?)(?=; |$)", text)  # the name of a number may contain a semicolon
    lengths = accumulate(len(change) + 2 for change in changes)
    shown = max(1, sum(length <= MOST_LETTERS for length in lengths))
    more = len(changes) - shown
    return f"{'; '.join(changes[:shown])}; {more} more in about.json" if more > 0 else text


def commands_of(subject: Subject, request: Memo) -> list[str]:
    """Return the commands that run the study, or both studies, and write the memo."""
    ran = dict.fromkeys(command_of(study) for study in subject.studies if study.about.get("command"))
    options = {"outcome": request.outcome, "baseline": request.baseline}
    words = [f"{key}={value}" for key, value in options.items() if value is not None]
    words += [f"{key}={end.text}" for key, end in (subject.asked.thresholds if subject.asked else {}).items()]
    return [*ran, shell_command(["memo", *request.folders, *words])]


def command_of(study: Study) -> str:
    """Return the command that ran a study, with its dates added if they were defaults that have since changed.

    It begins with the name with which the user started the program, as do all commands of the page.
    """
    given = Overrides.of(study.about.get("words", ()))
    words = with_dates_of(study.about, given).words[len(given.words) :]
    return " ".join([str(study.about["command"]).replace(MODULE, program(), 1), *words])


def provenance_of(subject: Subject) -> dict[str, str]:
    """Return seeds, versions, commit and fingerprints of the study, or of both studies if these differ."""
    rows = [provenance_of_study(study) for study in subject.studies]
    return {
        name: "; ".join(dict.fromkeys(row[name] for row in rows if row.get(name)))
        for name in rows[0]
        if any(row.get(name) for row in rows)
    }


def provenance_of_study(study: Study) -> dict[str, str]:
    """Return seeds, versions, commit and fingerprints of one study as text."""
    about = study.about
    first = int(about.get("first_seed", 0))
    last = first + max(cell.runs for cell in study.cells) - 1
    versions = about.get("versions") or {}
    prints = {what: about.get(f"{what}_fingerprint") for what in ("rules", "data", "settings")}
    return {
        "Campaigns": f"{counted(sum(cell.finished for cell in study.cells), 'campaign')}, seeds {first} to {last}",
        "Versions": ", ".join(f"{name} {versions[name]}" for name in LIBRARIES if name in versions),
        "Commit": str(about.get("commit") or ""),
        "Fingerprints": ", ".join(f"{what} {found}" for what, found in prints.items() if found),
    }
