"""A small study with a failed campaign, made of stand-ins for campaigns."""

import io

import pytest
from quick import replace_campaigns
from rich.console import Console

from sim.configuration.sweep import compose_sweep
from sim.data.facts import read_facts
from sim.execution.run import run_sweep

WORDS = (
    "-m", "border=closed,as_reported", "rules.news.fade_days=5,6", "runs=3", "seed=5", "end_date=2021-05-04",
    "calibration=prior", "study=tiny",
)  # fmt: skip


def make_study(folder, *words):
    """Return the folder of a study whose campaign with seed 7 fails."""
    with pytest.MonkeyPatch.context() as patch:
        replace_campaigns(patch)
        patch.setenv("PANJ_QUICK", '{"fail": [7]}')
        sweep = compose_sweep([*WORDS, f"results_dir={folder}", *words], read_facts())
        return run_sweep(sweep, Console(file=io.StringIO())).folder
