"""Check at full size that a hindcast does not use anything from after its origin, by scrambling all later data.

`python benchmarks/hindcast.py [worlds=64] [origins=2021-06-22,2021-07-01]` runs each origin twice on real campaigns and
compares every number of every forecast, bit by bit. The exit code is 1 if any number differs.
"""

import sys
import tempfile
from datetime import date
from unittest.mock import patch

import numpy as np

from sim.assimilation import assimilate as sampler
from sim.assimilation.observations import read_observations
from sim.data.evidence import read_evidence
from sim.data.facts import read_falls
from sim.hindcast import hindcast as verb
from sim.hindcast.scores import Origin
from sim.options import Hindcast, read_request


def forecasts_of(request: Hindcast, folder: str, origin: date, is_scrambled: bool) -> Origin:
    """Return the forecasts of one origin, from the record as it is or scrambled after the origin."""
    falls, observations, kept = read_falls(), read_observations(read_evidence()), []
    if is_scrambled:
        late = falls.fell_date > np.datetime64(origin)
        dates = falls.fell_date.copy()
        dates[late] = np.random.default_rng(1).permutation(dates[late])
        falls = falls._replace(fell_date=dates)
        observations = tuple(
            one._replace(value=3.0 * one.value + 5.0) if one.published > origin else one for one in observations
        )
    words = [word for word in request.words if not word.startswith(("origins=", "results_dir="))]
    asked = read_request(Hindcast, [*words, f"origins={origin}", f"results_dir={folder}", f"name=h_{is_scrambled}"])
    with (
        patch.object(verb, "read_falls", lambda: falls),
        patch.object(verb, "read_observations", lambda _: observations),
        patch.object(sampler, "read_observations", lambda _: observations),
        patch.object(verb, "write_all", lambda _job, origins, _seconds: kept.extend(origins)),
    ):
        verb.hindcast(asked)
    return kept[0]


def main() -> int:
    """Print for each origin and forecast whether the two runs give the same; return the exit code."""
    request = read_request(Hindcast, sys.argv[1:] or ["worlds=64", "origins=2021-06-22,2021-07-01"])
    differ = 0
    for origin in request.origins:
        with tempfile.TemporaryDirectory() as folder:
            first, other = (forecasts_of(request, folder, origin, is_scrambled) for is_scrambled in (False, True))
        for name, one in first.forecasts.items():
            theirs = other.forecasts[name]
            same = np.array_equal(one.paths, theirs.paths) and np.array_equal(one.probabilities, theirs.probabilities)
            differ += not same
            print(f"{origin} {name}: {'the same' if same else 'DIFFERS'}")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
