"""Every pair of policy choices keeps what must be true every evening, at full size, in compiled code."""

import json
import os
import subprocess
import sys
from itertools import combinations, product

from sim.configuration.overrides import GROUPS, choices_of

EVENINGS = """
import json, sys
from sim.engine.layout import fresh
from sim.engine.invariants import check
from sim.model import BorderCrisis
from sim.configuration.compose import Composer

HURRY = ["start_date=2021-06-25", "end_date=2021-07-07"]
HURRY += ["rules.founding.first_gather_days=2", "rules.flight.rows=60000"]  # every evening looks over all rows
composer = Composer()
fallen = 0
for seed, line in enumerate(json.loads(sys.stdin.read())):
    model = BorderCrisis(composer.settings([*line, *HURRY]), rng=seed)
    day_zero = fresh(model.world)
    for evening in range(1, 13):
        room = model.world.posts.room.copy()
        model.step()
        check(model.world, day_zero, evening, room)
    fallen += int((model.world.districts.first_lost_on >= 0).sum())
print(fallen)
"""


def lines_that_cover_every_pair() -> list[list[str]]:
    """Few lines of one choice a group, so that any two choices of two groups stand together in one of them."""
    groups = {group: choices_of(group) for group in GROUPS}
    missing = {
        frozenset([(a, x), (b, y)]) for a, b in combinations(GROUPS, 2) for x, y in product(groups[a], groups[b])
    }
    lines = []
    while missing:
        line = dict(next(iter(sorted(map(sorted, missing)))))
        for group in GROUPS:
            if group not in line:
                others = list(line.items())
                line[group] = max(
                    groups[group],
                    key=lambda name, group=group, others=others: sum(
                        frozenset([(group, name), other]) in missing for other in others
                    ),
                )
        missing -= {frozenset(pair) for pair in combinations(line.items(), 2)}
        lines.append([f"{group}={name}" for group, name in line.items()])
    return lines


def test_every_pair_of_policy_choices_keeps_the_invariants() -> None:
    env = {key: value for key, value in os.environ.items() if key != "NUMBA_DISABLE_JIT"}
    lines = lines_that_cover_every_pair()
    run = [sys.executable, "-c", EVENINGS]
    done = subprocess.run(run, input=json.dumps(lines), env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{len(lines)} lines: {done.stderr[-2000:]}"
    assert int(done.stdout.split()[-1]) > len(lines), "hardly anything happened, so hardly anything was checked"
