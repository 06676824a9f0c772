"""One campaign by itself, nothing caught: for a debugger. `python -m pdb -c continue -m sim.study.again seed=17 ...`.

With `NUMBA_DISABLE_JIT=1` the rules are plain Python, and a debugger can step into them.
"""

import sys
from collections.abc import Sequence

from sim.campaign import run_campaign
from sim.results import rows_of
from sim.study.settings import compose_settings
from sim.study.work import outcomes_of


def main(words: Sequence[str]) -> int:
    """Live the campaign of `seed`; whatever it raises goes up."""
    settings = compose_settings(list(words))
    rules = settings.rules_of(settings.seed)
    campaign = run_campaign(settings.layout.world, rules, settings.timeline, settings.seed, settings.days)
    rows = rows_of(campaign, outcomes_of(settings.start_date, settings.days), settings.facts, settings.start_date)
    print(f"Seed {settings.seed} went through {settings.days} days without an error; {len(rows.outcomes)} outcomes.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
