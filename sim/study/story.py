"""The campaign that is to be told: `python -m sim story results/one [seed=7] [cell=0] [province=Badakhshan]`.

Reads   about.json and config.yaml of a study, and events.parquet and days.parquet where it holds one campaign.
Writes  of a study of several: stories/cell_<cell>_seed_<seed>/ with events.parquet, days.parquet and campaign.json,
        from the campaign lived again. `sim.show.story` tells what stands in the tables.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from sim.errors import unknown
from sim.parameters import read_yaml
from sim.provenance import STAMPED, read_about
from sim.study.relive import (
    Word,
    about_campaign,
    dated_of,
    evenings_of,
    folder_of_study,
    kept_whole,
    live_again,
    log_of,
    options_of,
    origin_of,
    seed_of,
    whole,
)
from sim.study.settings import Composer

USAGE = "python -m sim story results/<study> [seed=7] [cell=0] [province=Badakhshan] [from=2021-07-01] [to=2021-07-05]"
HERE = ("seed", "cell")
FILTERS = ("province", "from", "to")
Check = Callable[[Mapping[str, str], date, date], None]  # of filters, for a campaign from a first day to a last
TABLES = ("events.parquet", "days.parquet")


class Telling(NamedTuple):
    """Where the tables of one campaign lie, what is said of it, and what part of it was asked for."""

    folder: Path
    campaign: dict[str, Any]
    filters: dict[str, str]


def read_telling(words: Sequence[Word], check: Check) -> Telling:
    """The campaign that the words ask for, lived again where its log is not there; PanjError for what is wrong.

    Filters are checked before anything is lived.
    """
    folder = folder_of_study("story", words, USAGE)
    for word in words:
        if "=" in word and word.partition("=")[0] not in (*HERE, *FILTERS):
            raise unknown("story", word.partition("=")[0], (*HERE, *FILTERS))
    given = options_of("story", words, (*HERE, *FILTERS), USAGE)
    filters = {key: value for key, value in given.items() if key in FILTERS}
    seed = whole("seed", given["seed"]) if "seed" in given else None
    cell = whole("cell", given.get("cell", "0"))
    about = read_about(folder)
    for held in about.get("cells", []):
        if held["cell"] == cell:
            check(filters, *(date.fromisoformat(held[key]) for key in ("start_date", "end_date")))
    if holds_the_log(folder, about, seed, cell):
        return Telling(folder, about_only_campaign(folder, about), filters)
    return Telling(*write_campaign(folder, seed, cell), filters)


def holds_the_log(folder: Path, about: dict[str, Any], seed: int | None, cell: int) -> bool:
    """Whether the study is this one campaign and kept what happened in it."""
    is_one = about.get("campaigns") == 1 and len(about.get("cells", [])) == 1 and cell == 0
    return is_one and seed in (None, about["first_seed"]) and all((folder / name).is_file() for name in TABLES)


def about_only_campaign(folder: Path, about: dict[str, Any]) -> dict[str, Any]:
    """What is said of the campaign of a study that has no other."""
    cell = about["cells"][0]
    return {
        **{key: about.get(key) for key in STAMPED},
        "scenario": about["scenario"],
        "cell": cell["cell"],
        "cell_label": cell["label"],
        "cell_words": cell["words"],
        "calibration": cell["calibration"],
        "seed": about["first_seed"],
        "start_date": cell["start_date"],
        "end_date": cell["end_date"],
        "dated": dated_of(read_yaml(folder / "config.yaml").get("events", [])),
    }


def write_campaign(folder: Path, seed: int | None, cell: int) -> tuple[Path, dict[str, Any]]:
    """Live it again and keep its tables, each whole or not at all."""
    origin = origin_of(folder, cell, Composer())
    number = seed_of(origin, seed)
    campaign = live_again(origin.settings, number)
    tables = log_of(campaign, origin.settings), evenings_of(campaign, origin.settings, cell)
    place = folder / "stories" / f"cell_{cell}_seed_{number}"
    said = about_campaign(origin, number)
    with kept_whole("story", place) as half:
        for name, table in zip(TABLES, tables, strict=True):
            pq.write_table(table, half / name)
        (half / "campaign.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    return place, said
