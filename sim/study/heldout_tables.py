"""Tables and sentences on held-out fits: a row a target, with what each side said of it.

Assumed Targets of one event are not independent, so events are counted beside targets. A difference of two CRPS counts
        when it is more than 1.96 of their Monte Carlo errors, which says nothing of other records than this one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sim.study.calibrate import Fit
from sim.study.measured import Measured, tally
from sim.study.naive import KNOWN_UNTIL
from sim.study.score_tables import bounds_in_words, number, say
from sim.targets import Target

NAMES = ("low_90", "low_50", "median", "high_50", "high_90")
SIDES = {"held_out": "the fit of 22 June", "full": "the full fit", "prior": "no fit"}
By = Mapping[str, Measured]  # target


def row_of(target: Target) -> dict[str, Any]:
    """What was reported; of a split, nothing but its name."""
    reported = None if target.parts else target.value
    return {
        "target": target.target, "event": target.event, "date": target.date.isoformat(), "use": target.use,
        "reported": say(reported, target), **bounds_in_words(target), "error": target.error, "scale": target.scale,
        "sd": target.sd,
    }  # fmt: skip


def cells_of(side: str, measured: Measured | None, target: Target) -> dict[str, Any]:
    """What one side said of a target; empty where it said nothing."""
    if measured is None:
        return dict.fromkeys([f"{side}_{name}" for name in (*NAMES, "inside_90", "crps", "crps_error")], "")
    cuts = {f"{side}_{name}": say(cut, target) for name, cut in zip(NAMES, measured.cuts, strict=True)}
    score = {"crps": number(measured.score.value), "crps_error": number(measured.score.error)}
    inside = {f"{side}_inside_90": "yes" if measured.inside else "no"}
    return cuts | inside | {f"{side}_{name}": cell for name, cell in score.items()}


def rows_of_held_out(
    targets: Sequence[Target], kinds: Mapping[str, str], sides: Mapping[str, By], naives: Mapping[str, By]
) -> list[dict[str, Any]]:
    """A row a target; `kind` says what the fit of 22 June did with it."""
    rows = []
    for target in targets:
        if target.target not in sides["prior"]:
            continue
        row = row_of(target) | {"kind": kinds[target.target]}
        for side, found in sides.items():
            row |= cells_of(side, found.get(target.target), target)
        for name, found in naives.items():
            score = found[target.target].score if target.target in found else None
            row |= {f"{name}_crps": number(score.value) if score else "",
                    f"{name}_crps_error": number(score.error) if score else ""}  # fmt: skip
        rows.append(row)
    return rows


def rows_of_left_out(
    targets: Sequence[Target], left: Mapping[str, By], sides: Mapping[str, By]
) -> list[dict[str, Any]]:
    """A row a target of each event that was left out in turn."""
    by_name = {target.target: target for target in targets}
    return [
        row_of(by_name[name]) | cells_of("left_out", measured, by_name[name])
        | {key: cell for side, found in sides.items()
           for key, cell in cells_of(side, found.get(name), by_name[name]).items()}
        for found_here in left.values() for name, measured in found_here.items()
    ]  # fmt: skip


def say_held_out(
    held: Fit, full: Fit, kinds: Mapping[str, str], sides: Mapping[str, By], naives: Mapping[str, By]
) -> list[str]:
    """The fortnight after 22 June in plain sentences."""
    predicted = [target for target in full.targets if kinds[target.target] == "predicted"
                 and target.target in sides["held_out"]]  # fmt: skip
    fitted = [target.target for target in held.summaries.targets]
    chosen = ", ".join(key.removeprefix("rules.") for key in held.screening.chosen)
    counts = Counter(kinds.values())
    return [
        f"On the evening of {KNOWN_UNTIL} {len(fitted)} targets could be fitted: {', '.join(fitted)}. Its fitted "
        f"numbers are {chosen}. {held.nearest.rows.size:,} of {len(held.bank.seeds):,} campaigns were accepted, worth "
        f"{held.nearest.effective:.0f} of equal weight.",
        f"It predicts {len(predicted)} targets of 23 June to 7 July; {counts['straddles']} straddle the day and "
        f"{counts['before']} were known and not fitted, and these are not counted. {say_inside(predicted, sides)}",
        *say_against("the fit of 22 June", sides["held_out"], "the full fit, which was shown some of these targets,",
                     sides["full"], predicted),
        *say_against("the fit of 22 June", sides["held_out"], "no fit at all", sides["prior"], predicted),
        *(one for name, found in naives.items()
          for one in say_against("the fit of 22 June", sides["held_out"], f"the naive forecast {name}", found,
                                 predicted)),
    ]  # fmt: skip


def say_inside(targets: Sequence[Target], sides: Mapping[str, By]) -> str:
    """How many targets and events lie in the 90 % intervals of each side."""
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


def say_against(ours: str, found: By, theirs: str, other: By, targets: Sequence[Target]) -> list[str]:
    """On how many targets one side has the lower CRPS; nothing where they share none."""
    both = [target.target for target in targets if target.target in found and target.target in other]
    if not both:
        return []
    better, worse, cannot_tell = tally([found[name] for name in both], [other[name] for name in both])
    return [f"Against {theirs} {ours} has the lower CRPS on {better} of {len(both)} targets, the higher on {worse}; on "
            f"{cannot_tell} the number of campaigns does not tell."]  # fmt: skip


def say_left_out(targets: Sequence[Target], left: Mapping[str, By], full: By, prior: By) -> list[str]:
    """A sentence an event: whether its targets are inside without it, with it, and before any fit."""
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
            f"left out its CRPS is lower than before any fit on {better} and higher on {worse} ({scores})."
        )
    return said


def small(measured: Measured) -> str:
    """A CRPS to four decimals; a fair one of few campaigns can lie below 0 by a hair."""
    return f"{round(measured.score.value, 4) + 0.0:.4g}"
