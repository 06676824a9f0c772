"""Predict targets from fits that do not use them: targets of the two weeks after 22 June, and of each event.

Reads   a bank, the targets, the last day that each outcome and each item of evidence covers, and naive forecasts.
Writes  heldout.csv (one row per target), left_out.csv (one row per target of an event that is fitted) and
        section_2_heldout.json. `sim.calibrate.check_figures` draws them.
Method  A target is known *by 22 June* if its outcome ends by then and all its evidence is from days up to then. (An
        outcome that searches for a wave until 7 July would use later data, even if the wave was early.) At most
        twelve of these are fitted: first those of the full fit, then the others in table order. As in the full fit, a
        target is skipped if it shares evidence with a target chosen before it, or if their evidence conflicts.
        Error, unit, screening, rejection and regression are those of the full fit. A target *straddles* 22 June if all
        its evidence is from days up to then, but its outcome ends later: it is neither fitted nor counted as a
        prediction. The same applies to all targets of the wave that ended on 22 June whose outcomes end later.
        Predictions use accepted campaigns, unadjusted and weighted. The full fit used some of the targets on which it
        is scored, so its scores are not those of a prediction; they show roughly the best that a prediction can score.
        Targets of one event are not independent, so events are counted as well. A difference between two CRPS
        counts if it exceeds 1.96 times its Monte Carlo error, which does not cover how the record might have differed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from sim.calibrate.fit import Fit, Nearest, fit
from sim.calibrate.tables import write_tables
from sim.configuration.compose import compose_settings
from sim.data.evidence import read_evidence
from sim.data.facts import facts_here
from sim.errors import PanjError
from sim.outcome import read_outcomes
from sim.scoring.forecasts import DAYS, KNOWN_UNTIL, Forecast, forecast_of, grounds_of, naive_forecasts, names_of
from sim.scoring.measure import KNOWN_EVENT, Intervals, Measured, measure, tally
from sim.scoring.score import RECORDS, bounds_in_words, cell_text, score_text
from sim.scoring.targets import DAY_0, MOST_FITTED, Target
from sim.wording import counted

FITTED, BEFORE, STRADDLES, PREDICTED = "fitted", "before", "straddles", "predicted"


class EvidenceDates(NamedTuple):
    """Last days covered by outcomes and by items of evidence, and conflicts between these items."""

    ends: Mapping[str, date]  # last day that each outcome counts
    dates: Mapping[str, date]  # last day that each item of evidence covers, by id
    conflicts: Mapping[str, tuple[str, ...]]  # ids of conflicting evidence, by id


class Split(NamedTuple):
    """Targets by their role in a fit to data up to 22 June."""

    fitted: tuple[Target, ...]
    kinds: dict[str, str]  # role of each target: fitted, before, straddles or predicted


def read_evidence_dates() -> EvidenceDates:
    """Read the last days covered by outcomes and by items of evidence, and the conflicts between these items."""
    table = read_outcomes(facts_here(), DAY_0, DAYS)
    ends = {row.name: DAY_0 + timedelta(days=row.last) for row in table}
    evidence = read_evidence()
    return EvidenceDates(ends, {row.id: row.date_end for row in evidence}, {row.id: row.conflicts for row in evidence})


def ends_by(target: Target, day: date, when: EvidenceDates) -> bool:
    """Return whether the outcome of a target uses no data after `day`."""
    return all(when.ends[name] <= day for name in names_of([target]))


def is_known_by(target: Target, day: date, when: EvidenceDates) -> bool:
    """Return whether all evidence of a target covers only days up to `day`.

    For a target without evidence, its own date is used.
    """
    return all(when.dates[one] <= day for one in target.evidence) if target.evidence else target.date <= day


def is_of_days_up_to(target: Target, day: date, when: EvidenceDates) -> bool:
    """Return whether the date, the outcome and all evidence of a target concern only days up to `day`."""
    return target.date <= day and ends_by(target, day, when) and is_known_by(target, day, when)


def split_by(targets: Sequence[Target], day: date, when: EvidenceDates) -> Split:
    """Choose the targets that a fit made at the end of `day` uses, and return the role of every target in that fit."""
    kinds = {}
    for target in targets:
        early, told = ends_by(target, day, when), is_known_by(target, day, when)
        straddles = not early and (told or target.event == KNOWN_EVENT)
        kinds[target.target] = BEFORE if early else STRADDLES if straddles else PREDICTED
    able = [target for target in targets if is_of_days_up_to(target, day, when) and not target.parts]
    fitted: list[Target] = []
    taken: set[str] = set()
    for target in sorted(able, key=lambda one: one.use != "fitted"):
        if len(fitted) < MOST_FITTED and not taken & set(target.evidence):
            fitted.append(target._replace(use="fitted"))
            taken |= {other for one in target.evidence for other in (one, *when.conflicts[one])}
    return Split(tuple(fitted), kinds | {target.target: FITTED for target in fitted})


def targets_until(targets: Sequence[Target], day: date) -> tuple[Target, ...]:
    """Return the targets that concern only days up to a given day, regardless of when they were published.

    Args:
        targets: All targets.
        day: The last day that outcomes and evidence may cover.

    Returns:
        The targets, with their use in a fit to these targets: fitted (also by the first fit), or scored.

    Raises:
        PanjError: If none of them can be fitted.
    """
    when = read_evidence_dates()
    fitted = {target.target for target in split_by(targets, day, when).fitted}
    if not fitted:
        raise PanjError(f"until: found {day}, by which no target can be fitted, expected a later day", key="until")
    return tuple(
        target._replace(use="fitted" if target.target in fitted else "scored")
        for target in targets
        if is_of_days_up_to(target, day, when)
    )


def predictions(targets: Sequence[Target], every: Forecast, nearest: Nearest | None = None) -> dict[str, Measured]:
    """Score a forecast on every target that it covers, and return the scores keyed by target name.

    If `nearest` is given, only its accepted campaigns are used, with their weights.
    """
    if nearest is not None:
        outcomes = {name: values[nearest.rows] for name, values in every.outcomes.items()}
        every = every._replace(outcomes=outcomes, campaigns=nearest.rows.size, weights=nearest.weights)
    found = {target.target: measure(target, every) for target in targets}
    return {name: one for name, one in found.items() if one is not None}


def events_fitted(made: Fit) -> list[str]:
    """Return the events of the targets that the full fit uses, in the order of the targets."""
    return list(dict.fromkeys(target.event for target in made.summaries.targets))


def without(made: Fit, event: str, accept: float) -> Fit:
    """Repeat the fit of the bank without the targets of one event."""
    return fit(made.bank, made.priors, [target for target in made.targets if target.event != event], accept)


def naive_ensembles(targets: Sequence[Target], first_seed: int, console: Console) -> list[Forecast]:
    """Make the naive forecasts from counts up to 22 June, as in `python -m sim score`."""
    console.print(f"Making {RECORDS} records of each naive forecast ...")
    grounds = grounds_of(compose_settings(), range(first_seed, first_seed + RECORDS))
    return naive_forecasts(targets, grounds, first_seed)


def write_heldout(made: Fit, accept: float, others: Sequence[Forecast], folder: Path, console: Console) -> None:
    """Fit the bank to data up to 22 June, then without each event in turn; write tables and a section of the page."""
    split = split_by(made.targets, KNOWN_UNTIL, read_evidence_dates())
    every = forecast_of(made.bank.outcomes, made.targets)
    console.print(f"Held out: fitting {counted(len(split.fitted), 'target')} known by {KNOWN_UNTIL} ...")
    held = fit(made.bank, made.priors, split.fitted, accept)
    prior, full = predictions(made.targets, every), predictions(made.targets, every, made.nearest)
    sides = {"held_out": predictions(made.targets, every, held.nearest), "full": full, "prior": prior}
    naives = {one.name: predictions(made.targets, one) for one in others}
    left: dict[str, dict[str, Measured]] = {}
    for event in events_fitted(made):
        console.print(f"Left out: fitting all events but {event} ...")
        own = [target for target in made.targets if target.event == event]
        left[event] = predictions(own, every, without(made, event, accept).nearest)
    rows = rows_of_held_out(made.targets, split.kinds, sides, naives)
    rows_left = rows_of_left_out(made.targets, left, {"full": full, "prior": prior})
    if not rows or not rows_left:
        raise PanjError("heldout: found no outcome of any target in the bank, expected campaigns up to 7 July")
    section = {
        "title": "How the fit predicts evidence that it did not use",
        "paragraphs": [
            *describe_held_out(held, made, split.kinds, sides, naives),
            *describe_left_out(made.targets, left, full, prior),
        ],
        "tables": ["heldout.csv", "left_out.csv"], "figures": ["heldout.png", "left_out.png"],
    }  # fmt: skip
    write_tables(folder, {"heldout.csv": rows, "left_out.csv": rows_left, "section_2_heldout.json": section})


SIDES = {"held_out": "the fit of 22 June", "full": "the full fit", "prior": "no fit"}
By = Mapping[str, Measured]  # results of a forecast, keyed by target


def row_of(target: Target) -> dict[str, Any]:
    """Make the table cells that describe a target; the reported value of a split over posts is empty."""
    reported = None if target.parts else target.value
    return {
        "target": target.target, "event": target.event, "date": target.date.isoformat(), "use": target.use,
        "reported": cell_text(reported, target), **bounds_in_words(target),
        "error": target.error, "scale": target.scale, "sd": target.sd,
    }  # fmt: skip


def cells_of(side: str, measured: Measured | None, target: Target) -> dict[str, Any]:
    """Make the table cells of a prediction, in columns that begin with `side`; all are empty if there is none."""
    if measured is None:
        return dict.fromkeys([f"{side}_{name}" for name in (*Intervals._fields, "inside_90", "crps", "crps_error")], "")
    cuts = {f"{side}_{name}": cell_text(end, target) for name, end in measured.intervals._asdict().items()}
    score = {"crps": score_text(measured.score.value), "crps_error": score_text(measured.score.error)}
    inside = {f"{side}_inside_90": "yes" if measured.inside else "no"}
    return cuts | inside | {f"{side}_{name}": cell for name, cell in score.items()}


def rows_of_held_out(
    targets: Sequence[Target], kinds: Mapping[str, str], sides: Mapping[str, By], naives: Mapping[str, By]
) -> list[dict[str, Any]]:
    """Make one row per target with an outcome in the bank; `kind` is its role in the fit to data up to 22 June."""
    rows = []
    for target in targets:
        if target.target not in sides["prior"]:
            continue
        row = row_of(target) | {"kind": kinds[target.target]}
        for side, found in sides.items():
            row |= cells_of(side, found.get(target.target), target)
        for name, found in naives.items():
            score = found[target.target].score if target.target in found else None
            row |= {f"{name}_crps": score_text(score.value) if score else "",
                    f"{name}_crps_error": score_text(score.error) if score else ""}  # fmt: skip
        rows.append(row)
    return rows


def rows_of_left_out(
    targets: Sequence[Target], left: Mapping[str, By], sides: Mapping[str, By]
) -> list[dict[str, Any]]:
    """Make one row per target of each omitted event; targets without an outcome in the bank are skipped."""
    by_name = {target.target: target for target in targets}
    return [
        row_of(by_name[name]) | cells_of("left_out", measured, by_name[name])
        | {key: cell for side, found in sides.items()
           for key, cell in cells_of(side, found.get(name), by_name[name]).items()}
        for found_here in left.values() for name, measured in found_here.items()
    ]  # fmt: skip


def describe_held_out(
    held: Fit, full: Fit, kinds: Mapping[str, str], sides: Mapping[str, By], naives: Mapping[str, By]
) -> list[str]:
    """Describe how well the fit to data up to 22 June predicts the next two weeks compared with other forecasts."""
    predicted = [target for target in full.targets if kinds[target.target] == "predicted"
                 and target.target in sides["held_out"]]  # fmt: skip
    fitted = [target.target for target in held.summaries.targets]
    chosen = ", ".join(key.removeprefix("rules.") for key in held.screening.chosen)
    counts = Counter(kinds.values())
    others = {
        "the full fit, which used some of these targets,": sides["full"], "no fit at all": sides["prior"],
        **{f"the naive forecast {name}": found for name, found in naives.items()},
    }  # fmt: skip
    return [
        f"By the end of {KNOWN_UNTIL}, {len(fitted)} targets could be fitted: {', '.join(fitted)}. The numbers fitted "
        f"to them are {chosen}. {held.nearest.rows.size:,} of {len(held.bank.seeds):,} campaigns were accepted, with "
        f"an effective sample size of {held.nearest.effective:.0f}.",
        f"This fit predicts {len(predicted)} targets of 23 June to 7 July; {counts['straddles']} that straddle the day "
        f"and {counts['before']} that were known but not fitted are not counted. {describe_inside(predicted, sides)}",
        *(sentence for theirs, found in others.items()
          for sentence in describe_against("the fit of 22 June", sides["held_out"], theirs, found, predicted)),
    ]  # fmt: skip


def describe_inside(targets: Sequence[Target], sides: Mapping[str, By]) -> str:
    """Return a sentence on the numbers of targets, and of whole events, inside the 90 % intervals of each fit."""
    events = list(dict.fromkeys(target.event for target in targets))
    parts = []
    for side, found in sides.items():
        inside = {target.target: found[target.target].inside for target in targets if target.target in found}
        whole = [event for event in events
                 if all(inside.get(target.target, True) for target in targets if target.event == event)]  # fmt: skip
        parts.append(f"{SIDES[side]} has {sum(inside.values())} of {len(inside)} inside its 90 % intervals, with all "
                     f"targets of {len(whole)} of {len(events)} events")  # fmt: skip
    said = "; ".join(parts)
    return f"{said[0].upper()}{said[1:]}."


def describe_against(ours: str, found: By, theirs: str, other: By, targets: Sequence[Target]) -> list[str]:
    """Return a sentence on the numbers of targets on which each of two forecasts has the lower CRPS.

    Return an empty list if the forecasts have no target in common.
    """
    both = [target.target for target in targets if target.target in found and target.target in other]
    if not both:
        return []
    better, worse, cannot_tell = tally([found[name] for name in both], [other[name] for name in both])
    return [f"Compared with {theirs}, {ours} has the lower CRPS on {better} of {len(both)} targets and the higher on "
            f"{worse}; on {cannot_tell} the number of campaigns is too small to decide."]  # fmt: skip


def describe_left_out(targets: Sequence[Target], left: Mapping[str, By], full: By, prior: By) -> list[str]:
    """Describe the predictions of each event that was left out.

    State how many of its targets are inside the 90 % intervals of the fit without it, of the full fit and of the prior,
    and for how many of its targets the CRPS of the fit without it is lower, or higher, than that of the prior.
    """
    said = ["Then each fitted event was left out in turn, and all of its targets were predicted from the others."]
    for event, found in left.items():
        names = [target.target for target in targets if target.event == event and target.target in found]
        shown = [target.target for target in targets if target.target in names and target.use == "fitted"]
        inside = [sum(side[name].inside for name in names) for side in (found, full, prior)]
        better, worse, _ = tally([found[name] for name in names], [prior[name] for name in names])
        scores = "; ".join(
            f"{name}: CRPS {small(found[name])} left out, {small(full[name])} fitted, {small(prior[name])} before"
            for name in shown
        )  # fmt: skip
        said.append(
            f"{event}: inside {inside[0]} of {len(names)} left out, {inside[1]} fitted, {inside[2]} before any fit; "
            f"left out, its CRPS is lower than before any fit on {better} and higher on {worse} ({scores})."
        )
    return said


def small(measured: Measured) -> str:
    """Format a CRPS, rounded to four decimals, with 0 instead of -0."""
    return f"{round(measured.score.value, 4) + 0.0:.4g}"
