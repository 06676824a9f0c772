"""Write the page of a sample of worlds: a description of the sample, figures and tables.

Reads   the tables that `python -m sim assimilate` wrote.
Writes  report.html and the figures next to them.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import median

from sim.assimilation.figures import TABLES, WorldTables, describe_worlds, draw_all_worlds, read_world_tables
from sim.configuration.worlds import are_alike, describe_evidence, describe_runs, runs_of
from sim.data.record import evidence
from sim.plots.captions import true_minus
from sim.plots.page import as_text, make_source, read_picture, template_of
from sim.plots.tables import Row
from sim.study.files import write_errors, write_file
from sim.wording import counted, format_day, list_words, percent, significant, with_range

REACHED = 2.0  # largest final surprise of a report that is met, in log units; about two standard errors
TOLD = 5  # largest number of reports listed in a sentence
MOST_FINDINGS = 10  # largest number of findings of the ledger of chance that are described
NEAREST = 3  # number of cells of the ledger that are described if there are no findings
ODD = 20.0  # findings are described if at most one in this many free campaigns deviates as much
FIGURES = {  # heading and explanation of each file
    "days.png": ("By evening", "Districts held and lost: free campaigns, worlds, and the record."),
    "crossings.png": ("At the river", "Soldiers who crossed, by night and by post, with the reported counts."),
    "map.png": ("Where", "The darker a district, the more worlds have it in Taliban hands; dots are dated losses."),
    "map_free.png": ("Where, in free campaigns", "The same map for campaigns not conditioned on reports."),
    "surprise.png": (
        "Surprise by report",
        "How improbable each report was given all earlier reports, and how improbable it is in the final worlds.",
    ),
    "luck.png": ("Chance by week", "How far random draws in the worlds deviate from those in free campaigns."),
    "luck_once.png": ("Chance in draws made once", "The same for draws that are made once, on day 0."),
    "stages.png": ("The sampler", "Sample size, temperature, distinct worlds left, acceptance rates and log evidence."),
}
COLUMNS = (
    "Report", "Reported", "Free: median (90 %)", "Worlds: median (90 %)", "Surprise", "Surprise at the end",
    "Day of publication",
)  # fmt: skip
PROVENANCE = {  # label on the page of each key of about.json
    "command": "Command", "worlds": "Worlds", "free": "Free campaigns", "observations": "Reports", "until": "Last day",
    "log_evidence": "Log evidence", "distinct_lasting_draws": "Distinct sets of lasting draws",
    "distinct_numbers": "Distinct sets of numbers", "origins": "Worlds of the prior they descend from",
    "seconds": "Seconds taken", "commit": "Version of the code", "data_fingerprint": "Fingerprint of the data",
    "rules_fingerprint": "Fingerprint of the rules", "settings_fingerprint": "Fingerprint of the settings",
}  # fmt: skip


def write_page_of_worlds(folder: Path) -> Path:
    """Draw the figures of a sample and write its page.

    Args:
        folder: Folder to which `python -m sim assimilate` wrote the tables.

    Returns:
        The path of the page.

    Raises:
        PanjError: A table is missing or damaged, or the page cannot be written.
    """
    made = read_world_tables(folder)
    with write_errors(folder):
        pictures = {path.name: path for path in draw_all_worlds(made)}
        page = template_of("worlds.html").render(
            about={"study": f"worlds to {made.until}", "scenario": "assimilated"},
            heading=heading_of(made),
            campaigns=describe_worlds(made),
            size=describe_size(made),
            reached=describe_reached(made),
            surprises=describe_surprises(made),
            luck=describe_luck(made),
            columns=COLUMNS,
            rows=[line_of(row) for row in sorted(made.observations, key=worst_first)],
            figures={name: [read_picture(pictures[name], *words)] for name, words in FIGURES.items()},
            sources=[make_source(row) for id, row in evidence().items() if id in cited(made)],
            provenance={words: text_of(made.about[key]) for key, words in PROVENANCE.items() if made.about.get(key)},
            versions=as_text(made.about["versions"]),
            files=["worlds.parquet", *(f"{name}.csv" for name in TABLES)],
            settings=json.dumps(made.about, indent=1),
            settings_from="about.json",
        )
        return write_file(folder / "report.html", page)


def heading_of(made: WorldTables) -> str:
    """Return the heading of the page, which depends on whether there are enough distinct worlds for a sample."""
    day = format_day(made.until, year=True)
    return f"Worlds that followed the record to {day}" if made.is_sample else f"Campaigns near the record of {day}"


def text_of(value: object) -> str:
    """Format a value of about.json as text."""
    return true_minus(significant(value, 5)) if isinstance(value, float) else str(value)


def cited(made: WorldTables) -> set[str]:
    """Return the ids of the evidence rows on which the reports are based."""
    return {id for row in made.observations for id in row["evidence"].split()}


def worst_first(row: Row) -> float:
    """Return a sort key by which the reports with the largest disagreement come first."""
    return -float(row["surprise_at_the_end"])


def describe_all(made: WorldTables) -> list[str]:
    """Return all sentences of the page: on reports met and missed, surprise, the size of the sample, and luck.

    Args:
        made: The tables of a sample.
    """
    return [*describe_reached(made), describe_surprises(made), *describe_size(made), *describe_luck(made)]


def describe_size(made: WorldTables) -> list[str]:
    """Return sentences on whether there are enough distinct worlds, and on the certainty of the log evidence.

    If there are too few worlds, suggest remedies.
    """
    about, runs = made.about, runs_of(made.about)
    left = (
        f"{about['distinct_lasting_draws']} distinct sets of lasting draws and {about['distinct_numbers']} of numbers "
        f"are left; all descend from {counted(about['origins'], 'world')} of the prior "
        f"sample{'s' if runs > 1 else ''}, which moves have changed."
    )
    if made.is_sample:
        first = f"Enough different worlds (at least {about['floor']} sets of lasting draws): {left}"
        if are_alike(about):
            first += " With so few ancestors, their intervals are too narrow and must not be quoted."
        elif runs > 1:
            first += f" {describe_runs(runs)}"
    else:
        first = (
            f"Too few to be called a sample: {left} At least {about['floor']} sets of lasting draws are needed. With "
            "fewer, the worlds are only some campaigns near the record: their intervals are too narrow and must not be "
            f"quoted. What would help: more runs of the sampler (repeats={2 * runs}), or an earlier "
            "last day (until=)."
        )
    return [
        first,
        *describe_spread_of_runs(made),
        *describe_shared(made),
        true_minus(describe_evidence(about["repeats"])),
    ]


def describe_spread_of_runs(made: WorldTables) -> list[str]:
    """Return a sentence on how far the runs of the sampler are from one another, if there are several."""
    if runs_of(made.about) == 1:
        return []
    medians = made.about["medians_by_repeat"]
    held, across = ((min(medians[name]), max(medians[name])) for name in ("share_held", "crossed"))
    return [
        f"Runs of the sampler differ: the median of the districts held by the Taliban at the end is between "
        f"{percent(held[0])} and {percent(held[1])} in a run, that of soldiers across between {significant(across[0])} "
        f"and {significant(across[1])}. Such differences are part of the uncertainty, so all runs count alike."
    ]


def describe_shared(made: WorldTables) -> list[str]:
    """Return a sentence on the effective number of independent worlds in the ledger, if there is a ledger."""
    if not made.luck:
        return []
    independent = median(float(row["spread"]) ** -2 for row in made.luck)
    return [
        f"Worlds share draws: in the median cell of the ledger of chance, the {made.about['luck_worlds']:,} worlds "
        f"examined count as {significant(independent, 2)} independent ones. The smaller this "
        "number, the more the worlds are versions of one campaign, and the larger a deviation of their draws must be "
        "to be significant."
    ]


def describe_reached(made: WorldTables) -> list[str]:
    """Return sentences on the number of reports that are met, and on the largest disagreements."""
    missed = [row for row in made.observations if float(row["surprise_at_the_end"]) > REACHED]
    sentences = [
        f"The worlds agree with {len(made.observations) - len(missed)} of {len(made.observations)} reports: on "
        "average, "
        f"to within about two standard errors of the source (surprise at the end up to {REACHED:g})."
    ]
    if missed:
        worst = sorted(missed, key=worst_first)[:TOLD]
        more = f" {counted(len(missed) - len(worst), 'other')} in the table." if len(missed) > len(worst) else ""
        sentences.append(f"They disagree with: {'; '.join(describe_gap(row) for row in worst)}.{more}")
    return sentences


def describe_gap(row: Row) -> str:
    """Describe a report with which the worlds disagree: `districts retaken by 30 June (8 reported; worlds 2 ...)`."""
    return (
        f"{lower(row['description'])} ({number(row['value'])} reported; worlds {spread_of(row, '')}, free campaigns "
        f"{spread_of(row, 'free_')})"
    )


def describe_surprises(made: WorldTables) -> str:
    """Return a sentence on the reports that were most surprising, given the reports of all earlier stages."""
    first = sorted(made.observations, key=lambda row: -float(row["surprise"]))[:TOLD]
    names = list_words([f"{lower(row['description'])} ({float(row['surprise']):.1f})" for row in first])
    return f"The most surprising reports, given all earlier ones (surprise in log units): {names}."


def describe_luck(made: WorldTables) -> list[str]:
    """Return sentences on the unusual cells of the ledger of chance, compared with a ledger of free campaigns."""
    about = made.about
    found = [row for row in made.luck if float(row["q"]) < about["luck_rate"]]
    told = sorted((row for row in found if float(row["one_in"]) >= ODD), key=lambda row: -float(row["one_in"]))
    return [
        f"{len(found)} of {len(made.luck)} cells of the ledger differ from free campaigns (false discovery rate "
        f"{percent(about['luck_rate'])}); {len(told)} of them are as far from the mean as fewer than one free campaign "
        f"in {ODD:g}. In the ledger of {about['luck_worlds']:,} free campaigns, made in the same way, "
        f"{about['luck_found_in_free']} of {about['luck_cells_of_free']} cells differ.",
        *(describe_finding(row, about["start_date"]) for row in told[:MOST_FINDINGS]),
        *describe_strongest(made, told),
        *describe_not_counted(about.get("luck_not_counted", {})),
    ]


def describe_not_counted(streams: Mapping[str, int]) -> list[str]:
    """Return a sentence on the user's own rules, whose draws are not in the ledger of chance; empty if there are none.

    Args:
        streams: Stream numbers of these rules, keyed by rule.
    """
    names = [f"{name} (stream {number})" for name, number in streams.items()]
    if not names:
        return []
    rules = "your own rule" if len(names) == 1 else "your own rules"
    return [
        f"The draws of {rules} {list_words(names)} are not counted: only a rule knows whose draws they are, so luck in "
        "them cannot be measured."
    ]


def describe_strongest(made: WorldTables, told: Sequence[Row]) -> list[str]:
    """Describe the cells of the ledger of chance with the lowest p-values, unless there are findings to describe.

    Return an empty list if `told` has findings, or if the ledger has no cells.
    """
    if told or not made.luck:
        return []
    first = sorted(made.luck, key=lambda row: float(row["p"]))[:NEAREST]
    sentences = " ".join(describe_finding(row, made.about["start_date"]) for row in first)
    return [f"No finding. The most unusual cells, which chance alone would also give: {sentences}"]


def describe_finding(row: Row, start: str) -> str:
    """Return a sentence on one cell of the ledger of chance: draws, region, week and deviation."""
    is_low = float(row["luck"]) < 0
    when = "day 0" if row["since"] == start else " to ".join(format_iso(row[end]) for end in ("since", "until"))
    size = "Luckier than"
    if row["scale"] == "normal":
        size = (
            f"{abs(float(row['mean'])):.2f} standard deviations {'below' if is_low else 'above'} the mean, farther than"
        )
    return (
        f"{row['drawn'].capitalize()}, {row['region']}, {when}. {size} one free campaign in {odds(row)}: "
        f"{row['low' if is_low else 'high']}."
    )


def odds(row: Row) -> str:
    """Format the number of free campaigns of which, on average, one deviates at least as much as a cell.

    The number has two significant figures; a million or more is formatted as `a million`.
    """
    value = float(row["one_in"])
    return significant(float(f"{value:.2g}")) if value < 1e6 else "a million"


def format_iso(day: str) -> str:
    """Format an ISO date, for instance as `22 June`."""
    return format_day(date.fromisoformat(day))


def line_of(row: Row) -> list[str]:
    """Convert a row of observations.csv to a row of the table of reports on the page."""
    return [
        row["description"], number(row["value"]), spread_of(row, "free_"), spread_of(row, ""),
        *(true_minus(f"{float(row[name]):.1f}") for name in ("surprise", "surprise_at_the_end")), row["published_is"],
    ]  # fmt: skip


def spread_of(row: Row, sample: str) -> str:
    """Format the median and the 90 % interval of a count.

    Args:
        row: Row of observations.csv.
        sample: Prefix of the columns: `free_` for free campaigns, empty for worlds.
    """
    return with_range(*(number(row[f"{sample}{name}"]) for name in ("median", "low_5", "high_95")))


def number(cell: str) -> str:
    """Format a number in a table cell to three significant figures, with all digits before the decimal point."""
    return significant(float(cell))


def lower(text: str) -> str:
    """Return a text with its first letter in lower case."""
    return text[0].lower() + text[1:]
