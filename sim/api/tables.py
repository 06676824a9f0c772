"""Tables of the outcomes that can be counted, and of the numbers and settings that can be set."""

from pathlib import Path
from typing import Any

import pandas as pd

from sim import listing
from sim.api.own import own_files, split_off
from sim.configuration.calls import checked
from sim.configuration.values import overrides_of

DATES = ("first_day", "last_day", "date", "start_date", "end_date")  # columns that become datetimes


@checked
def outcomes(config_dir: Path | str | None = None) -> pd.DataFrame:
    """List the outcomes that are counted in each campaign, with the reported figures.

    Args:
        config_dir: Folder of your own files; by default the current folder or its nearest parent with panj.yaml.

    Returns:
        Table with one row per outcome, indexed by name: unit, label, days covered, reported figure with its bounds,
        and the ids of the evidence for it.
    """
    return listed("outcomes", config_dir)


@checked
def numbers(config_dir: Path | str | None = None) -> pd.DataFrame:
    """List the numbers of the rules.

    Args:
        config_dir: Folder of your own files, as for `outcomes`.

    Returns:
        Table with one row per number, indexed by key such as `rules.news.fade_days`: declared value, unit, smallest
        and largest value, meaning, source and prior.
    """
    return listed("numbers", config_dir)


def listed(kind: str, config_dir: Path | str | None) -> pd.DataFrame:
    """Return a table of `sim.listing` as a data frame that is indexed by its first column."""
    with own_files(config_dir):
        table = pd.DataFrame(listing.TABLES[kind]())
    for name in DATES:
        if name in table:
            table[name] = pd.to_datetime(table[name])
    return table.set_index(table.columns[0])


@checked
def settings(settings: dict[str, Any] | None = None, **keywords: Any) -> pd.DataFrame:
    """List all settings with their values: the defaults, or the values that follow from given settings.

    Args:
        settings: Settings whose keys are not valid Python names, as for `sim.run`.
        **keywords: All other settings.

    Returns:
        Table with one row per setting, indexed by key: its value, and its possible values.

    Raises:
        PanjError: A setting is invalid.
    """
    from sim.configuration.compose import compose_settings
    from sim.configuration.overrides import DRAW_GROUPS, GROUPS, choices_of

    with own_files(split_off(keywords)):
        chosen = compose_settings(overrides_of(settings, keywords, sweeps=False))
        named = ("scenario", *GROUPS, *DRAW_GROUPS, "executor")
        choices = {group: ", ".join(choices_of(group)) for group in named}
    rows: dict[str, Any] = {
        "study": chosen.study, "runs": chosen.runs, "seed": chosen.seed, "start_date": chosen.start_date,
        "end_date": chosen.end_date, "daily": chosen.daily, "results_dir": str(chosen.results_dir),
        "executor": chosen.executor.kind, "executor.workers": chosen.executor.workers,
    }  # fmt: skip
    rows |= {group: chosen.choices[group] for group in ("scenario", *GROUPS, *DRAW_GROUPS)}
    rows |= chosen.numbers
    rows |= {f"timeline.events.{event.name}.date": event.date for event in chosen.events}
    table = pd.DataFrame({"key": list(rows), "value": list(rows.values())})
    return table.assign(choices=table["key"].map(choices).fillna("")).set_index("key")
