"""Read a fit, describe it in sentences and write its self-contained HTML page.

Reads   posterior.parquet, diagnostics.csv, predictive.csv, screening.csv and fit.json, as written by
        `sim.calibrate.calibrate`; for a refined fit also steps.csv, events.csv, chains.csv and chains.parquet; the
        figures next to them; every `section_*.json` in the folder, sorted by name, with the content {"title": ...,
        "paragraphs": [...], "tables": ["x.csv"], "figures": ["x.png"]}, and the files that it names. Checks of a
        calibration write such sections and then rewrite this page.
Writes  report.html.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sim.data.facts import THE_LINE
from sim.data.record import evidence
from sim.errors import PanjError
from sim.plots.captions import cite, describe_failures, name_number, true_minus
from sim.plots.page import Picture, Source, TableBlock, as_text, block, make_source, read_picture, template_of
from sim.plots.tables import Row, read_object, read_rows, reading
from sim.scoring.figures import format_cell, format_reported
from sim.study.files import write_file
from sim.study.reader import read_columns
from sim.wording import counted, format_day, list_words, paragraph, percent, significant, span, span_of, with_range

FIGURES = {  # heading and explanation of each file
    "prior_posterior.png": ("Before and after", "The fitted numbers within their priors."),
    "pairs.png": ("Which values go together", "Each pair of fitted numbers."),
    "predictive.png": ("Targets before and after", "Each target: the prior sample, the fit, and what was reported."),
    "events.png": ("How near the campaigns come to each event", "Scores before and after, with and without the event."),
    "steps.png": ("From the prior to the posterior", "Learning rate, effective draws and acceptance by step."),
}
PROVENANCE = {  # label on the page of each key of fit.json
    "bank": "Prior sample", "rows": "Campaigns of the prior sample", "failed": "Failed",
    "until": "Last day of the reports that are fitted", "accept": "Share accepted at first",
    "refine": "Refined", "chains": "Chains", "seed": "Seed of the chains", "draws": "Draws", "tolerance": "Tolerance",
    "effective_sample_size": "Effective draws", "moves": "Moves between draws", "campaigns": "Campaigns per ensemble",
    "learning_rate": "Learning rate", "score": "Mean score, all events", "simulations": "Campaigns of the chains",
    "again": "Campaigns run with the posterior",
    "again_from": "First seed of these campaigns", "posterior": "Fingerprint of the posterior",
    "commit": "Version of the code", "bank_commit": "Version that made the prior sample",
    "data_fingerprint": "Fingerprint of the data", "rules_fingerprint": "Fingerprint of the rules",
    "settings_fingerprint": "Fingerprint of the settings", "outcomes_fingerprint": "Fingerprint of the outcomes",
    "priors_fingerprint": "Fingerprint of the priors",
}  # fmt: skip
FILES = ("posterior.parquet", "posterior_first.parquet", "fit.json", "diagnostics.csv", "predictive.csv",
         "screening.csv", "steps.csv", "events.csv", "chains.csv", "chains.parquet")  # fmt: skip
PRESSED = 4.0  # smallest ratio of posterior to prior in the outermost bin that the page mentions
BINS = 16  # equally probable bins of the prior
FEW_ORIGINS = 10  # the page warns if the draws of a chain descend from fewer draws of the prior
FEW = 50  # effective sample size below which the page calls the score without an event uncertain
LEARNED = 0.25  # smallest contraction of a parameter that the record constrains
NOT_REFINED = "none"
Cells = list[str]
Floats = NDArray[np.float64]


class Fitted(NamedTuple):
    """Content of the files of a fit."""

    folder: Path
    about: dict[str, Any]
    diagnostics: list[Row]
    predictive: list[Row]
    screening: list[Row]
    steps: list[Row]  # one row per chain and step; empty if the fit was not refined
    events: list[Row]  # one row per event; empty if the fit was not refined
    chains: list[Row]  # one row per parameter; empty with fewer than two chains
    weights: Floats
    shares: dict[str, Floats]  # cumulative prior probabilities of the draws, for each parameter shown
    by_chain: list[tuple[Floats, dict[str, Floats]]]  # weights and shares of the draws of each chain

    @property
    def rows(self) -> dict[str, Row]:
        """Rows of diagnostics.csv, keyed by parameter."""
        return {row["number"]: row for row in self.diagnostics}

    @property
    def is_refined(self) -> bool:
        """Whether the first fit was refined by chains."""
        return bool(self.about.get("refine", NOT_REFINED) != NOT_REFINED)

    @property
    def shown(self) -> str:
        """Prefix of the columns shown: `again` (campaigns run with the posterior) if refined, otherwise `accepted`."""
        return "again" if self.is_refined else "accepted"


def read_fit(folder: Path) -> Fitted:
    """Read a fit.

    Args:
        folder: The folder of the fit, as written by `python -m sim calibrate`.

    Returns:
        The tables of the fit, and the draws of its fitted parameters as cumulative prior probabilities.

    Raises:
        PanjError: If a file is missing or malformed.
    """
    with reading(folder, "calibrate", "the files of a fit"):
        about = read_object(folder / "fit.json")
        refined = about.get("refine", NOT_REFINED) != NOT_REFINED
        several = refined and about["chains"] > 1
        weights, shares = draws_in(read_columns(folder / "posterior.parquet"), about)
        diagnostics, predictive, screening = (
            read_rows(folder / f"{name}.csv") for name in ("diagnostics", "predictive", "screening")
        )
        steps, events = (read_rows(folder / f"{name}.csv") if refined else [] for name in ("steps", "events"))
        chains = read_rows(folder / "chains.csv") if several else []
        by_chain = draws_by_chain(folder, about) if several else []
        return Fitted(
            folder, about, diagnostics, predictive, screening, steps, events, chains, weights, shares, by_chain
        )


def draws_in(table: pa.Table, about: Mapping[str, Any]) -> tuple[Floats, dict[str, Floats]]:
    """Return the weights of the draws and, keyed by fitted parameter, their cumulative prior probabilities."""
    shares = {key: share_of(table[key].to_numpy(), *about["priors"][key]) for key in about["chosen"]}
    return table["weight"].to_numpy(), shares


def draws_by_chain(folder: Path, about: Mapping[str, Any]) -> list[tuple[Floats, dict[str, Floats]]]:
    """Read the draws of each chain: their weights, and their values as cumulative prior probabilities."""
    table = read_columns(folder / "chains.parquet")
    return [draws_in(table.filter(pc.field("chain") == place), about) for place in range(about["chains"])]


def share_of(values: Floats, low: float, high: float, scale: str) -> Floats:
    """Return the prior probability below each value, for a prior that is uniform from `low` to `high` on its scale.

    Whole numbers are treated as continuous, unlike in `Prior.share`.
    """
    if scale == "log":
        values, low, high = np.log(values), math.log(low), math.log(high)
    return np.asarray((values - low) / (high - low), np.float64)


class Section(NamedTuple):
    """A section of the page, written by another step of the calibration."""

    title: str
    paragraphs: list[str]
    tables: list[TableBlock]
    figures: list[Picture]


def write_page_of_fit(folder: Path, sections: Path | None = None) -> Path:
    """Write the page of a fit to report.html.

    Args:
        folder: The folder of the fit.
        sections: The folder with the further sections; by default the folder of the fit.

    Returns:
        The path of the page.

    Raises:
        PanjError: If a file of the fit or of a section is missing or malformed.
    """
    made = read_fit(folder)
    about = made.about
    page = template_of("calibration.html").render(
        about={"study": f"calibration of {about['bank']}", "scenario": "fit"},
        heading="Calibration: the uncertain numbers and the record",
        campaigns=describe_fit(made),
        learned=describe_learned(made),
        is_refined=made.is_refined,
        fitted=about["targets"],
        left_out=about["left_out"],
        why_left_out=why_left_out(made),
        numbers=table_of_numbers(made),
        inside=describe_inside(made),
        record=table_of_record(made),
        chains=describe_chains(made),
        scores=describe_events(made),
        draws=about,
        uncertain=len(made.rows),
        events=table_of_events(made),
        steps=table_of_steps(made),
        agreement=table_of_agreement(made),
        screening=block("screening.csv", made.screening),
        figures={name: [read_picture(folder / name, *words)] for name, words in FIGURES.items()
                 if (folder / name).is_file()},
        sections=read_sections(sections or folder, about["posterior"]),
        sources=sources_of(made.predictive),
        provenance={words: format_value(about[key]) for key, words in PROVENANCE.items() if about.get(key) is not None},
        versions=as_text(about["versions"]),
        files=[name for name in FILES if (folder / name).is_file()],
        settings=json.dumps(about, indent=1),
        settings_from="fit.json",
    )  # fmt: skip
    return write_file(folder / "report.html", page)


def format_value(value: Any) -> str:
    """Format a float to four significant figures, an integer with thousands separators, anything else as text."""
    return significant(value, 4) if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def format_number(cell: str) -> str:
    """Format a number, given as text, to three significant figures."""
    return true_minus(significant(float(cell)))


def table_of_numbers(made: Fitted) -> TableBlock:
    """Make the table of parameters: medians and 90 % intervals of prior and posterior."""
    stages = [("prior", "Prior"), *([("first", "First fit")] if made.is_refined else []), ("posterior", "Posterior")]
    columns = ["Number", *(f"{word}: median (90 %)" for _, word in stages), "Contraction", "KS distance"]
    rows = [
        [name_number(key), *(format_spread(made.rows[key], f"{stage}_", format_number) for stage, _ in stages),
         *(format_number(made.rows[key][name]) for name in ("contraction", "ks_distance"))]
        for key in made.shares
    ]  # fmt: skip
    return TableBlock("diagnostics.csv", columns, rows, 0)


def format_spread(row: Row, prefix: str, form: Callable[[str], str]) -> str:
    """Format a median and its 90 % interval, such as `5 (2 to 9)`."""
    median, low, high = (form(row[f"{prefix}{name}"]) for name in ("median", "low_90", "high_90"))
    return with_range(median, low, high)


def table_of_record(made: Fitted) -> TableBlock:
    """Make the table of targets: reported figures, and medians and 90 % intervals in the prior and after the fit."""
    refined = [("accepted_", "Ensembles"), ("again_", "New campaigns")]
    stages = [("", "Prior"), *(refined if made.is_refined else [("accepted_", "Accepted")])]
    columns = ["Target", "Reported", *(f"{word}: median (90 %)" for _, word in stages), "Inside", "Use"]
    rows = [
        [row["target"].replace("_", " "), format_reported(row),
         *(format_spread(row, stage, format_cell) for stage, _ in stages),
         row["inside_90"], row["use"]]
        for row in made.predictive
    ]  # fmt: skip
    return TableBlock("predictive.csv", columns, rows, 0)


def table_of_steps(made: Fitted) -> TableBlock:
    """Make the table of steps: learning rate, effective sample size, number of proposals and share accepted."""
    columns = ["Chain", "Step", "Learning rate", "Effective draws", "Proposals", "Accepted"]
    rows = [
        [str(int(row["chain"]) + 1), row["step"], format_number(row["learning_rate"]),
         f"{float(row['effective_sample_size']):,.0f}", f"{int(row['proposed']):,}", percent(acceptance_of(row))]
        for row in made.steps
    ]  # fmt: skip
    return TableBlock("steps.csv", columns, rows, 0)


def acceptance_of(row: Row) -> float:
    """Return the share of the proposals of a step that was accepted."""
    return int(row["accepted"]) / max(1, int(row["proposed"]))


SCORES = {  # heading in the table of each column of events.csv
    "bank": "Prior", "ensembles": "Ensembles", "again": "New campaigns", "without": "New campaigns without the event",
}  # fmt: skip


def table_of_events(made: Fitted) -> TableBlock:
    """Make the table of events: scores before the fit, and after fits with and without the event."""
    columns = ["Event", "Targets", *SCORES.values(), "Effective campaigns without the event"]
    rows = [
        [row["event"].replace("_", " "), row["targets"], *(true_minus(f"{float(row[name]):.2f}") for name in SCORES),
         f"{float(row['effective_without']):,.0f}"]
        for row in made.events
    ]  # fmt: skip
    return TableBlock("events.csv", columns, rows, 0)


def table_of_agreement(made: Fitted) -> TableBlock:
    """Make the table on the agreement of chains: the median of each fitted parameter in each chain, and a verdict.

    The table has no rows if there is only one chain.
    """
    chains = [name for name in (made.chains[0] if made.chains else {}) if name.startswith("chain_")]
    columns = ["Number", *(f"Median of {name.replace('_', ' ')}" for name in chains), "Apart [sd]",
               "Standard error [sd]", "Agree"]  # fmt: skip
    rows = [
        [name_number(row["number"]), *(format_number(row[name]) for name in (*chains, "apart", "error")), row["agree"]]
        for row in made.chains
    ]  # fmt: skip
    return TableBlock("chains.csv", columns, rows, 0)


def read_sections(folder: Path, posterior: str) -> list[Section]:
    """Read the sections written by other steps of the calibration, in the order of their file names."""
    return [read_section(path, posterior) for path in sorted(folder.glob("section_*.json"))]


def read_section(path: Path, posterior: str) -> Section:
    """Read a section, and add a note if it was made for another posterior.

    Raises:
        PanjError: If the section is malformed, or names a file that is missing.
    """
    try:
        section = read_object(path)
        paragraphs = [str(one) for one in section.get("paragraphs", [])]
        if section.get("posterior", posterior) != posterior:
            paragraphs.insert(0, "This section was made for an earlier fit.")
        title, folder = str(section["title"]), path.parent
        return Section(
            title,
            paragraphs,
            [block(name, read_rows(folder / name)) for name in section.get("tables", [])],
            [read_picture(folder / name, "", title) for name in section.get("figures", [])],
        )
    except OSError as error:
        raise PanjError(f"{path}: found no file {error.filename}, expected it next to the section") from None
    except (ValueError, KeyError, TypeError) as error:
        expected = "a title, paragraphs, tables and figures"
        raise PanjError(f"{path}: found an invalid section ({error}), expected {expected}") from None


def sources_of(rows: Iterable[Row]) -> list[Source]:
    """List the sources of the evidence behind the targets, in the order of evidence.csv."""
    ids = cite(*(row["evidence"] for row in rows))
    return [make_source(row) for one, row in evidence().items() if one in ids]


def describe_fit(made: Fitted) -> str:
    """Describe the sample of a fit: the numbers of campaigns drawn, of campaigns or draws accepted, and of targets."""
    about = made.about
    failed = describe_failures(about["failed"])
    until = date.fromisoformat(about.get("until") or THE_LINE.isoformat())
    known = "" if until == THE_LINE else (
        f"Only reports of days up to {format_day(until)} are fitted. To compare campaigns of this fit with all "
        "reports, including those of later days, run `panj score` with its posterior as calibration.file=."
    )  # fmt: skip
    sample = f"{about['rows']:,} campaigns drawn from the prior (seeds {about['first_seed']} to {about['last_seed']})"
    if not made.is_refined:
        return paragraph(
            f"The {about['draws']:,} of {sample} that are nearest to {about['targets']} targets, by weight; "
            f"effective sample size {about['effective_sample_size']:,.0f}.", failed, known,
            "First fit: rejection and regression adjustment.",
        )  # fmt: skip
    return paragraph(
        f"Calibrated: {about['draws']:,} draws from {counted(about['chains'], 'chain')} (seed {about['seed']}), "
        f"weighted by the evidence of their chain (effective sample size {about['effective_sample_size']:,.0f}). Each "
        f"is scored by an ensemble of {about['campaigns']} campaigns against {about['targets']} targets of "
        f"{len(about['events'])} events; learning rate {about['learning_rate']:g}.",
        f"Prior sample: {sample}.", failed, known,
    )  # fmt: skip


def why_left_out(made: Fitted) -> str:
    """Return the reason why the targets in `left_out` were not fitted."""
    every = " or every campaign of it agrees with them" if made.is_refined else ""
    return f"the bank does not have the outcome{every}"


def describe_inside(made: Fitted) -> str:
    """Return a sentence on the numbers of targets, and of whole events, inside the 90 % intervals of the fit."""
    inside = {use: [row["inside_90"] == "yes" for row in made.predictive if row["use"] == use]
              for use in ("fitted", "scored")}  # fmt: skip
    events: dict[str, bool] = {}
    for row in made.predictive:
        events[row["event"]] = events.get(row["event"], True) and row["inside_90"] == "yes"
    again = f"{made.about['again']:,} new campaigns with draws of the posterior" if made.is_refined else ""
    others = f", {sum(inside['scored'])} of {len(inside['scored'])} others" if inside["scored"] else ""
    return (
        f"Inside the 90 % interval of {again or 'the accepted campaigns'}: {sum(inside['fitted'])} of "
        f"{len(inside['fitted'])} targets that were fitted{others}; all targets of {sum(events.values())} of "
        f"{len(events)} events."
    )


def describe_learned(made: Fitted) -> list[str]:
    """Return sentences on the parameters that the record constrains, and on draws near the end of a prior."""
    fitted = list(made.rows) if made.is_refined else list(made.shares)
    learned = sorted((key for key in fitted if contraction_of(made, key) >= LEARNED),
                     key=lambda key: -contraction_of(made, key))  # fmt: skip
    left = [key for key in fitted if key not in learned]
    parts = []
    most = len(made.shares)
    if len(learned) > most:
        parts.append(f"The record constrains {len(learned)} of {len(fitted)} numbers (at least a quarter of the prior "
                     f"variance is removed), most of all {names(learned[:most])}.")  # fmt: skip
    elif learned:
        parts.append(f"The record constrains {names(learned)} (at least a quarter of the prior variance is removed).")
    if left:
        rest = f"{'the other ' if learned else ''}{counted(len(left), 'number')}" if made.is_refined else names(left)
        parts.append(f"It hardly constrains {rest}.")
    why = "the prior is too narrow, or the rules cannot produce what was reported"
    ends = {key: pressed_end(shares, made.weights) for key, shares in made.shares.items()}
    pressed = [f"Draws of {key} accumulate at the {end} end of its prior: {why}." for key, end in ends.items() if end]
    return [*describe_origins(made), " ".join(parts), *pressed]


def describe_origins(made: Fitted) -> list[str]:
    """Warn that a refined fit is too narrow, if the draws of a chain descend from only a few draws of the prior."""
    origins = made.about.get("origins", [])
    if not origins or min(origins) >= FEW_ORIGINS:
        return []
    one = "the chain" if len(origins) == 1 else "a chain"
    return [
        f"The draws of {one} descend from only {counted(min(origins), 'draw')} of the prior. Unless moves "
        "led far from there, intervals are too narrow and contraction is overstated: more draws or moves are needed."
    ]


def contraction_of(made: Fitted, key: str) -> float:
    """Return the contraction of a parameter."""
    return float(made.rows[key]["contraction"])


def describe_chains(made: Fitted) -> list[str]:
    """Describe how the chains reached the posterior and whether they agree; return nothing if there are no chains."""
    if not made.is_refined:
        return []
    last = [row for row, after in zip(made.steps, [*made.steps[1:], None], strict=True)
            if after is None or after["chain"] != row["chain"]]  # fmt: skip
    each = "the chain" if len(last) == 1 else "each chain"
    sentences = [
        f"In {span_of(int(row['step']) for row in last)} steps, {each} went from the prior to learning rate "
        f"{made.about['learning_rate']:g}, with {made.about['simulations']:,} campaigns in total. "
        f"{describe_trials(made)}In the last step "
        f"{span(*(percent(end(map(acceptance_of, last))) for end in (min, max)))} of proposals were accepted. "
        f"The draws of {each} descend from {span_of(made.about['origins'])} of its draws from the prior."
    ]
    if made.chains:
        apart = [row["number"] for row in made.chains if row["agree"] == "no"]
        which = f" ({names(apart)})" if len(apart) <= len(made.shares) else ""
        sentences.append(
            f"The chains disagree on {len(apart)} of {len(made.chains)} numbers{which} by more than three standard "
            "errors: more draws are needed."
            if apart
            else f"The {made.about['chains']} chains agree: no two means are farther apart than three standard errors."
        )
    return sentences


def describe_trials(made: Fitted) -> str:
    """Return a sentence on the choice of the learning rate, for a fit that tried several rates."""
    trials = made.about.get("trials", [])
    if not trials:
        return ""
    rates, scores = (list_words([form(trial) for trial in trials]) for form in (
        lambda trial: f"{trial['rate']:g}", lambda trial: f"{trial['again']:.2f}"))  # fmt: skip
    return (
        f"Of the learning rates {rates}, this is the one at which new campaigns score best: {scores}, summed over "
        "events, in campaigns that are not used again. "
    )


def describe_events(made: Fitted) -> list[str]:
    """Return sentences on the scores of events in the prior sample, the fit, and fits without the event."""
    if not made.is_refined:
        return []
    mean = {name: math.fsum(float(row[name]) for row in made.events) / len(made.events) for name in SCORES}
    nearer = {name: sum(float(row[name]) < float(row["bank"]) for row in made.events) for name in SCORES}
    parts = [
        f"The mean score of {counted(len(made.events), 'event')} is {mean['bank']:.2f} in the prior sample, "
        f"{mean['ensembles']:.2f} in the ensembles and {mean['again']:.2f} in {made.about['again']:,} new campaigns "
        f"with draws of the posterior. New campaigns come nearer than the prior sample to {nearer['again']} of them.",
        f"If each event is scored without its own figures, the mean is {mean['without']:.2f}, and new campaigns come "
        f"nearer than the prior sample to {nearer['without']}.",
    ]
    thin = [row for row in made.events if float(row["effective_without"]) < FEW]
    if thin:
        parts.append(f"For {list_words([row['event'].replace('_', ' ') for row in thin])}, fewer than {FEW} campaigns "
                     "carry the weight without the event, so that this score is uncertain.")  # fmt: skip
    return parts


def names(keys: Sequence[str]) -> str:
    """List the names of parameters, such as `parley: intercept, flight: daily share and news: province`."""
    return list_words([name_number(key) for key in keys])


def pressed_end(shares: Floats, weights: Floats) -> str | None:
    """Return the end of the prior at which the draws accumulate.

    Args:
        shares: Share of the prior below each draw, from 0 to 1.
        weights: One weight per draw.

    Returns:
        `low` or `high`, or None if draws accumulate at neither end.
    """
    heights, _ = np.histogram(shares, BINS, (0, 1), weights=weights / weights.sum() * BINS)
    found = {"low": heights[0], "high": heights[-1]}
    end = max(found, key=lambda one: float(found[one]))
    return end if found[end] > PRESSED else None
