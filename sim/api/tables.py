"""Tables of what can be counted and what can be set: outcomes, numbers and settings."""

from typing import Any

import pandas as pd

from sim.configuration.values import overrides_of


def outcomes() -> pd.DataFrame:
    """Return what is counted of each campaign, with the reported figures.

    Returns:
        Table with one row per outcome, indexed by name: label, unit, last day that is counted, reported figure as
        text, its value and bounds, and the rows of the evidence table it comes from.
    """
    from sim.configuration.compose import compose_settings
    from sim.data.evidence import read_evidence
    from sim.outcome import last_day_of, read_outcomes, reported_of

    usual = compose_settings()
    evidence = {row.id: row for row in read_evidence()}
    rows: list[dict[str, Any]] = []
    for row in read_outcomes(usual.facts, usual.start_date, usual.days):
        reported = reported_of(row, evidence)
        rows.append(
            {"outcome": row.name, "label": row.label, "unit": row.unit,
             "last_day": pd.Timestamp(last_day_of(row.name, usual.end_date)), "reported": reported.value,
             "reported_low": reported.low, "reported_high": reported.high, "evidence": reported.evidence}
        )  # fmt: skip
    return pd.DataFrame(rows).set_index("outcome")


def numbers() -> pd.DataFrame:
    """Return the numbers of the rules.

    Returns:
        Table with one row per number, indexed by key such as `rules.news.fade_days`: declared value, smallest and
        largest value, unit, meaning and source.
    """
    from sim.configuration.numbers import declared_numbers

    rows = [
        {"key": key, "value": row.value, "low": row.low, "high": row.high, "unit": row.unit, "meaning": row.meaning,
         "source": row.source}
        for key, row in declared_numbers().items()
    ]  # fmt: skip
    return pd.DataFrame(rows).set_index("key")


def settings(settings: dict[str, Any] | None = None, **keywords: Any) -> pd.DataFrame:
    """Return all settings, as they are by default or as the given settings change them.

    Args:
        settings: Settings whose keys are no Python names, as for `sim.run`.
        **keywords: All other settings.

    Returns:
        Table with one row per setting, indexed by key: its value, and the values from which it can be chosen.

    Raises:
        PanjError: A setting is invalid.
    """
    from sim.configuration.compose import compose_settings
    from sim.configuration.overrides import DRAW_GROUPS, GROUPS, choices_of

    chosen = compose_settings(overrides_of(settings, keywords, sweeps=False))
    rows: dict[str, Any] = {
        "study": chosen.study, "runs": chosen.runs, "seed": chosen.seed, "start_date": chosen.start_date,
        "end_date": chosen.end_date, "daily": chosen.daily, "results_dir": str(chosen.results_dir),
        "executor": chosen.executor.kind, "executor.workers": chosen.executor.workers,
    }  # fmt: skip
    rows |= {group: chosen.choices[group] for group in ("scenario", *GROUPS, *DRAW_GROUPS)}
    rows |= chosen.numbers
    rows |= {f"timeline.events.{event.name}.date": event.date for event in chosen.events}
    named = ("scenario", *GROUPS, *DRAW_GROUPS, "executor")
    choices = {group: ", ".join(choices_of(group)) for group in named}
    table = pd.DataFrame({"key": list(rows), "value": list(rows.values())})
    return table.assign(choices=table["key"].map(choices).fillna("")).set_index("key")
