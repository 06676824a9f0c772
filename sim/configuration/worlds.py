"""Read worlds, the numbers and seeds of simulated campaigns that followed the record, as written by `assimilate`.

`worlds.parquet` has one row per world: its numbers (in their units), its seeds by day, and the seeds of draws made only
once. The campaign with seed s repeats the world in row s modulo the number of worlds, up to the last day that the
reports cover or, if `worlds.until` is given, up to that day. Afterwards, it uses only seed s.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import pyarrow as pa

from sim.configuration.posterior import Floats
from sim.data.configs import folder_of
from sim.data.facts import facts_here
from sim.engine.chance import Address, Stream
from sim.engine.compile import fingerprint_of_rules
from sim.errors import PanjError
from sim.provenance import ASSIMILATED, unsealed
from sim.wording import counted, format_day

FREE, RECORD = "free", "record"
FEW_ANCESTORS = 10  # ancestors in the prior sample, below which worlds of few runs of the sampler are too alike
TESTED_RUNS = 8  # runs of the sampler with which intervals were tested (docs/explanation/assimilation.md)
ABOUT = b"panj"  # key of the metadata in the file
LOG_LIKELIHOOD = "log_likelihood/"  # prefix of the columns with the log likelihood of each observation
EXPECTED = "a file written by python -m sim assimilate"
NUMBER, DAY, SEED = (pa.list_(kind) for kind in (pa.int8(), pa.int16(), pa.int64()))  # types of the columns below
SEEDS = {  # columns with the parts of each field of an `Address`, in order; each cell is a list
    "runs": {"first_day": DAY, "seed": SEED},
    "lasting": {"stream": NUMBER, "province": NUMBER, "seed_once": SEED},
    "streams": {"stream_by_day": NUMBER, "from_day": DAY, "to_day": DAY, "seed_by_stream": SEED},
    "local": {"province_by_day": NUMBER, "from_day_there": DAY, "to_day_there": DAY, "seed_by_province": SEED},
}


@dataclass(frozen=True)
class Worlds:
    """Numbers and seeds of campaigns that followed the record, with equal weights.

    Two objects are equal if their digests and last repeated days (`cut`) are equal.
    """

    digest: str  # hash of keys, numbers, seeds and cut
    keys: tuple[str, ...] = field(compare=False)  # keys of the numbers, one per column of `numbers`
    numbers: Floats = field(compare=False, repr=False)  # (worlds, keys) numbers, each in its own unit
    addresses: tuple[Address, ...] = field(compare=False, repr=False)  # seeds of each world
    about: Mapping[str, Any] = field(compare=False, repr=False)  # metadata on how the worlds were made
    cut: date | None = None  # last day that campaigns repeat, if it is before the last day of the reports

    @property
    def until(self) -> date:
        """Last day that the reports cover."""
        return date.fromisoformat(self.about["until"])

    @property
    def followed(self) -> date:
        """Last day on which campaigns repeat the random draws of the worlds."""
        return self.cut or self.until

    @property
    def description(self) -> str:
        """Description of the worlds, for summaries, figures and pages."""
        cut = f", each with its own draws to {self.cut}" if self.cut else ""
        return f"{ASSIMILATED}: {len(self.addresses):,} worlds that followed the record to {self.until}{cut}"

    @property
    def ancestors(self) -> int | None:
        """Number of worlds of the prior from which these worlds descend, if they are too alike; otherwise None."""
        return int(self.about["origins"]) if are_alike(self.about) else None

    @property
    def sampler_runs(self) -> int:
        """Number of runs of the sampler from which the worlds are, one of each run in turn."""
        return runs_of(self.about)

    @property
    def caution(self) -> str:
        """Warning about too narrow or rough intervals; empty for one run of the sampler with enough ancestors."""
        if self.ancestors is not None:
            return (
                f" All of these worlds descend from {counted(self.ancestors, 'world')} of the prior, so they are "
                "alike, and intervals over them are too narrow."
            )
        return f" {describe_runs(self.sampler_runs)}" if self.sampler_runs > 1 else ""

    def question(self, decided: date | None) -> str:
        """Explain how to interpret a changed decision in campaigns that repeat these worlds.

        Args:
            decided: Day at whose end the decision changes; None if it is different from the first day.

        Returns:
            One sentence on whether later random draws are new, the same, or known in hindsight to have led to the
            reports. In the last case, a second sentence states how improbable those draws were. A final sentence warns
            if intervals over the worlds are too narrow or rough.
        """
        return self.kind_of(decided) + self.caution

    def kind_of(self, decided: date | None) -> str:
        """Return the sentences of `question` without the warning about intervals."""
        since = "" if decided is None else f" from the evening of {format_day(decided)} on"
        if decided is None or decided < self.followed:
            return (
                f"In hindsight: another decision{since}, and in each world the same random draws, which led to what "
                f"was reported by {format_day(self.followed)}. {self.improbable}"
            )
        if self.followed < self.until:
            return (
                f"Other chance: another decision{since}, in worlds that had followed the record so far; random draws "
                f"after {format_day(self.followed)} are new, and the same with and without it."
            )
        return (
            f"Same chance: another decision{since}, in worlds that had followed what was reported by "
            f"{format_day(self.followed)}; each world goes on with its own random draws, the same with and without it."
        )

    @property
    def improbable(self) -> str:
        """Sentence on how improbable the random draws of these worlds were, or one stating that this is unknown."""
        found, best = self.about.get("log_evidence"), self.about.get("highest_log_likelihood")
        if found is None or best is None:
            return "It is not known how improbable those draws were, since the file has no evidence."
        return (
            f"Those draws were improbable, and the answer inherits that: the log evidence of the reports to "
            f"{format_day(self.until)} is {found:.1f}, and {best:.1f} if each had been foreseen exactly, 10 to the "
            f"power of {(best - found) / math.log(10):.0f} times as probable."
        )

    def numbers_of(self, seed: int) -> dict[str, float]:
        """Return the numbers of the world repeated by the campaign with this seed, keyed by setting."""
        return dict(zip(self.keys, self.numbers[seed % len(self.addresses)].tolist(), strict=True))

    def address_of(self, seed: int) -> Address:
        """Return the seeds of a campaign: those of its world up to the day `followed`, then `seed`."""
        world = self.addresses[seed % len(self.addresses)]
        free = (self.followed - date.fromisoformat(self.about["start_date"])).days + 1
        runs = (*(run for run in world.runs if run[0] < free), (free, seed))
        streams, local = (
            tuple((*run[:2], min(run[2], free - 1), run[3]) for run in several if run[1] < free)
            for several in (world.streams, world.local)
        )
        return Address(runs, world.lasting, streams, local)


def runs_of(about: Mapping[str, Any]) -> int:
    """Return the number of runs of the sampler from which worlds are, given the metadata of their file."""
    return len(about.get("repeats", (0,)))


def are_alike(about: Mapping[str, Any]) -> bool:
    """Return whether worlds are too alike for intervals over them, given the metadata of their file.

    This is the case if they descend from few worlds of the prior, in fewer runs of the sampler than were tested.
    """
    found = about.get("origins")
    return isinstance(found, int) and found < FEW_ANCESTORS and runs_of(about) < TESTED_RUNS


def describe_evidence(evidence: Sequence[float]) -> str:
    """Return a sentence on the log evidence and on its variation between runs of the sampler."""
    if len(evidence) == 1:
        return (
            f"Log evidence: {evidence[0]:.1f}, from one run of the sampler; how much it varies between runs is not "
            "known (repeats=5 measures it)."
        )
    return (
        f"Log evidence: mean {mean(evidence):.1f}, standard deviation {stdev(evidence):.1f} over {len(evidence)} runs "
        "of the sampler, each with its own seed."
    )


def describe_runs(runs: int) -> str:
    """Return a sentence on the roughness of intervals over the worlds of several runs of the sampler."""
    return (
        f"The worlds are from {runs} runs of the sampler, and those of a run are alike, so intervals over them are as "
        f"rough as intervals over {runs} campaigns."
    )


def worlds_for(file: str | None, data: str) -> Worlds:
    """Read worlds and check that they were made with the current rules and data.

    Args:
        file: Path of the file; None for the shipped `configs/worlds.parquet`.
        data: Fingerprint of the current data.

    Raises:
        PanjError: If the file is missing or invalid, or was made with other rules or data.
    """
    path = Path(file).expanduser() if file else folder_of("configs") / "worlds.parquet"
    if not path.is_file():
        raise PanjError(f"worlds.file: found no file {path}, expected {EXPECTED}; worlds=free needs no file")
    worlds = read_worlds(path, path.stat().st_mtime_ns)
    there = {name: worlds.about.get(f"{name}_fingerprint") for name in ("rules", "data")}
    other = [name for name, here in (("rules", fingerprint_of_rules()), ("data", data)) if there[name] != here]
    if other:
        raise PanjError(
            f"worlds.file: found {path}, which was made with other {' and '.join(other)}, expected worlds made with "
            "the current rules and data; run python -m sim assimilate again"
        )
    return worlds


def followed_to(worlds: Worlds, until: str | None) -> Worlds:
    """Set the last day on which campaigns repeat the random draws of worlds.

    Args:
        worlds: Worlds that campaigns repeat.
        until: Last day to repeat, as YYYY-MM-DD; None for the last day that the reports cover.

    Returns:
        The worlds with this limit, after which campaigns make new random draws.

    Raises:
        PanjError: If `until` is not a date, is not after the start date, or is after the last day that the reports
            cover.
    """
    if until is None:
        return worlds
    first, last = date.fromisoformat(worlds.about["start_date"]) + timedelta(days=1), worlds.until
    try:
        cut = date.fromisoformat(until)
    except ValueError:
        cut = date.min
    if not first <= cut <= last:
        raise PanjError(f"worlds.until: found '{until}', expected a day from {first} to {last}")
    if cut == last:
        return worlds
    return replace(worlds, digest=sha256(f"{worlds.digest} {cut}".encode()).hexdigest()[:16], cut=cut)


def is_sound(address: Address, provinces: int) -> bool:
    """Return whether an address is valid in a country with this number of provinces.

    Its seeds for days must begin on day 0 and be in ascending order of day. All other seeds must belong to known
    streams, existing provinces and valid ranges of days.
    """
    days, streams = [day for day, _ in address.runs], {int(stream) for stream in Stream}
    is_known = all(stream in streams and 0 <= province < provinces for stream, province, _ in address.lasting)
    is_known &= all(stream in streams and 0 <= first <= last for stream, first, last, _ in address.streams)
    is_known &= all(0 <= province < provinces and 0 <= first <= last for province, first, last, _ in address.local)
    return days[:1] == [0] and days == sorted(set(days)) and is_known


@lru_cache(maxsize=4)
def read_worlds(path: Path, _changed: int = 0) -> Worlds:
    """Read worlds from a file and check them.

    Args:
        path: Path of a file written by `assimilate`.
        _changed: Time at which the file was last changed, which is part of the cache key, so that a new file is read.

    Raises:
        PanjError: If the file cannot be read, is not a file of worlds, or has no world or a number that is not finite.
    """
    import pyarrow.parquet as pq  # not at the top, since workers never read the file

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:  # `read_table` would import pandas
            table = file.read()
        about = unsealed((table.schema.metadata or {})[ABOUT])
        keys = tuple(about["numbers"])
        numbers = np.column_stack([table[key].to_numpy() for key in keys])
        missing = [name for columns in SEEDS.values() for name in columns if name not in table.column_names]
        if missing:
            raise PanjError(
                f"worlds.file: found {path}, written by an earlier version of Panj, without the column {missing[0]}; "
                f"expected {EXPECTED}, so make it again with assimilate"
            )
        parts = [[table[name].to_pylist() for name in columns] for columns in SEEDS.values()]
        addresses = tuple(
            Address(*(tuple(zip(*(column[row] for column in columns), strict=True)) for columns in parts))
            for row in range(table.num_rows)
        )
        provinces = len(facts_here().provinces)
        dates = [date.fromisoformat(about[key]) for key in ("start_date", "until")]
        if not dates[0] < dates[1] or not all(is_sound(address, provinces) for address in addresses):
            raise ValueError("its dates or seeds are invalid")
    except PanjError:
        raise
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise PanjError(f"worlds.file: found {path}, which is unreadable ({reason}), expected {EXPECTED}") from error
    if not addresses or not np.isfinite(numbers).all():
        raise PanjError(
            f"worlds.file: found {path}, which has no world or a number that is not finite, expected at least one "
            "world and only finite numbers"
        )
    made_of = json.dumps([keys, addresses]).encode() + numbers.tobytes()
    return Worlds(sha256(made_of).hexdigest()[:16], keys, numbers, addresses, about)
