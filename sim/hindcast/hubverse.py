"""Write forecasts in the hubverse format (https://docs.hubverse.io): quantiles, and samples joint over horizons.

The id of a sample is (index of its target) x (number of members) + (index of its member), so that samples of different
targets have different ids. In the forecasts of Panj, a member is the same campaign for every target.

Writes  hubverse/ with hub-config/admin.json and tasks.json, target-data/time-series.csv, and for every forecast and
        origin model-output/panj-<forecast>/<origin>-panj-<forecast>.parquet.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sim.hindcast.design import HORIZONS, ORIGINS, QUANTILES, TARGETS, scored
from sim.hindcast.naive import Ensemble
from sim.hindcast.record import Reported
from sim.hindcast.scores import Origin
from sim.scoring.targets import DAY_0
from sim.study.files import csv_text, json_text, write_file

TEAM = "panj"
SCHEMAS = "https://raw.githubusercontent.com/hubverse-org/schemas/main/v5.0.0"
SCHEMA = pa.schema([
    ("origin_date", pa.date32()), ("target", pa.string()), ("horizon", pa.int32()), ("target_end_date", pa.date32()),
    ("output_type", pa.string()), ("output_type_id", pa.string()), ("value", pa.float64()),
])  # fmt: skip


def write_hubverse(folder: Path, origins: Sequence[Origin], record: Reported) -> None:
    """Write all forecasts of counts, the configuration of the hub, and the record.

    Args:
        folder: The folder of the hub.
        origins: The forecasts of each origin; forecasts that cover only the map are skipped.
        record: The record, written as the target data of the hub.
    """
    members = {forecast.paths.shape[0] for one in origins for forecast in one.forecasts.values()}
    write_file(folder / "hub-config" / "admin.json", json_text(admin()))
    write_file(folder / "hub-config" / "tasks.json", json_text(tasks(min(members), max(members))))
    write_file(folder / "target-data" / "time-series.csv", csv_text(rows_of_record(record)))
    for one in origins:
        for name, forecast in one.forecasts.items():
            if forecast.paths.shape[1]:
                model = f"{TEAM}-{name}"
                path = folder / "model-output" / model / f"{one.day.isoformat()}-{model}.parquet"
                write_file(path, parquet_of(table_of(one.day, one.horizons, forecast)))


def parquet_of(table: pa.Table) -> bytes:
    """Encode a table as the bytes of a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return bytes(sink.getvalue())


def table_of(origin: date, horizons: tuple[int, ...], forecast: Ensemble) -> pa.Table:
    """Return the hubverse table of one forecast from one origin, with quantiles and samples by target and horizon."""
    members, columns = forecast.paths.shape[0], []
    for place, target in enumerate(TARGETS):
        for column, horizon in enumerate(horizons):
            values = forecast.paths[:, place, column]
            ids = [*(f"{level:g}" for level in QUANTILES), *map(str, range(place * members, (place + 1) * members))]
            kinds = ["quantile"] * len(QUANTILES) + ["sample"] * members
            every = np.concatenate([np.quantile(values, QUANTILES), values])
            columns.append(rows_of(origin, target, horizon, kinds, ids, every))
    return pa.concat_tables(columns)


def rows_of(
    origin: date, target: str, horizon: int, kinds: Sequence[str], ids: Sequence[str], values: np.ndarray
) -> pa.Table:
    """Return the rows of one target at one horizon.

    Args:
        origin: Day from which the forecast was made.
        target: Name of the target.
        horizon: Lead time, in days.
        kinds: Output type of each row: `quantile` or `sample`.
        ids: Level of the quantile, or id of the sample.
        values: Forecast value of each row.
    """
    count = len(ids)
    same = ([origin] * count, [target] * count, [horizon] * count, [origin + timedelta(horizon)] * count)
    return pa.table([*same, kinds, ids, values], schema=SCHEMA)


def rows_of_record(record: Reported) -> list[dict[str, Any]]:
    """Return the record as rows of the hub's target data, one per target and day."""
    return [
        {"target_end_date": (DAY_0 + timedelta(day)).isoformat(), "target": target, "observation": f"{value:.6g}"}
        for place, target in enumerate(TARGETS)
        for day, value in enumerate(record.counts[place].tolist())
    ]


def admin() -> dict[str, Any]:
    """Return the content of admin.json, which describes the hub."""
    return {
        "schema_version": f"{SCHEMAS}/admin-schema.json", "name": "Panj hindcasts", "maintainer": "Panj",
        "contact": {"name": "Panj", "email": "none@example.org"}, "repository_host": "", "repository_url": "",
        "file_format": ["parquet"], "timezone": "UTC", "model_output_dir": "model-output",
    }  # fmt: skip


def tasks(least: int, most: int) -> dict[str, Any]:
    """Return the content of tasks.json, with one round per origin.

    Args:
        least: Smallest number of members of any forecast.
        most: Largest number of members of any forecast.
    """
    ends = sorted({(one + timedelta(horizon)).isoformat() for one in ORIGINS for horizon in scored(one)})
    choices: Mapping[str, Sequence[Any]] = {
        "origin_date": [one.isoformat() for one in ORIGINS], "target": list(TARGETS), "horizon": list(HORIZONS),
        "target_end_date": ends,
    }  # fmt: skip
    number = {"type": "double", "minimum": 0}
    params = {
        "type": "character", "max_length": 8, "min_samples_per_task": least, "max_samples_per_task": most,
        "compound_taskid_set": ["origin_date", "target"],
    }  # fmt: skip
    task = {
        "task_ids": {key: {"required": None, "optional": list(values)} for key, values in choices.items()},
        "output_type": {
            "quantile": {"output_type_id": {"required": list(QUANTILES)}, "is_required": True, "value": number},
            "sample": {"output_type_id_params": params, "is_required": False, "value": number},
        },
        "target_metadata": [
            {
                "target_id": name, "target_name": target.about, "target_units": target.unit,
                "target_keys": {"target": name}, "target_type": "continuous", "is_step_ahead": True,
                "time_unit": "day",
            }
            for name, target in TARGETS.items()
        ],
    }  # fmt: skip
    return {
        "schema_version": f"{SCHEMAS}/tasks-schema.json", "output_type_id_datatype": "character",
        "derived_task_ids": ["target_end_date"],
        "rounds": [
            {
                "round_id_from_variable": True, "round_id": "origin_date", "model_tasks": [task],
                "submissions_due": {"relative_to": "origin_date", "start": 0, "end": 0},
            }
        ],
    }  # fmt: skip
