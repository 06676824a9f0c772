"""A small bank of real campaigns, fitted and refined with compiled rules: the whole way, and killed on the way."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from sim.calibrate.chains import DRAWN, RATES
from sim.calibrate.fit import read_bank
from sim.calibrate.refine import order_of
from sim.configuration.compose import compose_settings
from sim.errors import PanjError
from sim.provenance import seal

pytestmark = pytest.mark.slow  # test_refine.py refines and kills fits whose posterior is known

SCRIPT = """
import sys

from sim.__main__ import main
from sim.calibrate import refine
from sim.calibrate.chains import Effort

refine.EFFORTS["quick"] = Effort(draws=16, campaigns=4, moves=1)
refine.AGAIN = 30
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""
SCORE = """
import json
from pathlib import Path

import numpy as np
import pyarrow as pa

from sim.calibrate.fit import fit, priors_of, read_bank
from sim.calibrate.refine import events_of, order_of, problem_of, run_again, score_of, units_of
from sim.scoring.forecasts import forecast_of, names_of, targets_here

bank = read_bank(Path("results/bank"))
made = fit(bank, priors_of(bank), targets_here(), 0.3)
order, units = order_of(bank), units_of(made.targets, forecast_of(bank.outcomes, made.targets))
problem = problem_of(made, order, units)
shares = np.array([[prior.share(value) for prior, value in zip(made.priors, bank.drawn[0], strict=True)]])
scores = [problem.score(shares, np.array([seed]), (1, 2))[:, 0] for seed in bank.seeds[:2]]  # its own, and another
alone = forecast_of(bank.outcomes.take([0]), made.targets)
expected = [
    np.mean([score_of(target, alone) / unit for target, unit in units.items() if target.event == event])
    for event in events_of(units)
]
print(json.dumps([np.allclose(found[0], expected, rtol=1e-6) for found in scores]))
"""
WORDS = ("calibrate", "results/bank", "accept=0.3", "chains=2", "seed=3")
TABLES = ("diagnostics.csv", "predictive.csv", "steps.csv", "events.csv", "chains.csv", "screening.csv", "fit.json")


class Command:
    """Commands of Panj with compiled rules and little effort, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.script = folder / "command.py"
        self.script.write_text(SCRIPT)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("NUMBA_")}
        self.environment = {**kept, "PYTHONPATH": str(Path(__file__).parent.parent.parent), "PYTHONUNBUFFERED": "1"}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return self.python(str(self.script), *words)

    def python(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *words], cwd=self.folder, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, *words: str) -> str:
        return self.end(self.start(*words))

    def run_script(self, script: str) -> str:
        return self.end(self.python("-c", script))

    def end(self, started: subprocess.Popen[str]) -> str:
        said, _ = started.communicate(timeout=500)
        assert started.returncode == 0, said
        return said

    @property
    def bank(self) -> Path:
        return self.folder / "results" / "bank"

    @property
    def made(self) -> Path:
        return self.bank / "calibration"


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """With a bank and a fit of it."""
    command = Command(tmp_path_factory.mktemp("real"))
    command.run("bank", "runs=400", "end_date=2021-07-08")
    command.run(*WORDS)
    return command


def told(folder: Path) -> dict[str, Any]:
    """What a fit says, with its draws to the last digit."""
    columns = pq.read_table(folder / "posterior.parquet").to_pydict()
    return {name: (folder / name).read_text(encoding="utf-8") for name in TABLES} | columns


def made_from(path: Path) -> dict[str, Any]:
    """What a file of draws says of how it was made."""
    return dict(json.loads(pq.read_schema(path).metadata[b"panj"]))


def test_a_real_bank_ends_in_a_posterior_that_runs_can_use(command: Command) -> None:
    about, file = json.loads((command.made / "fit.json").read_text()), command.made / "posterior.parquet"
    assert made_from(file) == about
    settings = compose_settings(["calibration=posterior", f"calibration.file={file}"])
    assert settings.draws is not None and settings.draws.posterior is not None
    assert settings.draws.posterior.digest == about["posterior"]
    table, chains = pq.read_table(file), pq.read_table(command.made / "chains.parquet")
    assert table.num_rows == about["draws"] == 32
    shares = np.exp(np.array(about["log_evidence"]) - max(about["log_evidence"]))
    expected = np.repeat(shares / shares.sum() / 16, 16)  # draws of one chain are equal, chains as their evidence
    assert np.array(table["weight"]) / np.sum(table["weight"]) == pytest.approx(expected, rel=1e-3)
    assert chains["weight"].to_pylist() == pytest.approx(expected, rel=1e-3)
    scores = [sum(row[f"score_{event}"] for event in about["events"]) for row in chains.to_pylist()]
    assert table["distance"].to_pylist() == pytest.approx(scores)
    for key in about["priors"]:
        assert table[key].to_pylist() == chains[key].to_pylist()


def test_a_refined_fit_says_what_it_was_made_from(command: Command) -> None:
    about = json.loads((command.made / "fit.json").read_text())
    assert (about["refine"], about["chains"], about["seed"], about["rows"]) == ("quick", 2, 3, 400)
    assert about["simulations"] >= 2 * 16 * DRAWN and about["failed"] == 0 and about["tolerance"] is None
    best = min(about["trials"], key=lambda trial: trial["again"])
    assert [trial["rate"] for trial in about["trials"]] == list(RATES)
    assert about["again"] == 30 and about["learning_rate"] == best["rate"]
    assert about["score"] == best["ensembles"] and about["again_from"] == about["last_seed"] + 31
    assert {"numpy", "scipy", "salib"} <= set(about["versions"])
    for name in ("rules", "data", "outcomes", "settings", "priors"):
        assert about[f"{name}_fingerprint"]
    first = made_from(command.made / "posterior_first.parquet")
    assert first["posterior"] == about["first"]["posterior"] != about["posterior"]
    asked = json.loads((command.made / about["record"] / "asked.json").read_text())
    assert asked["priors"] == about["priors"] and asked["seed"] == 3


def test_the_page_of_a_refined_fit_shows_its_chains(command: Command) -> None:
    page = (command.made / "report.html").read_text()
    assert page.count('src="data:image/png;base64,') == 5
    assert "Can the chains be trusted?" in page and "weighted by the evidence of their chain" in page


def test_a_fit_that_was_killed_ends_in_the_same_digits(command: Command) -> None:
    whole, kept = told(command.made), command.bank / "whole"
    command.made.rename(kept)
    try:
        started = command.start(*WORDS)
        assert started.stdout is not None
        assert any(line.startswith("Chain 1 of 2, learning rate 2:") for line in started.stdout)  # reads no further
        started.send_signal(signal.SIGKILL)
        started.communicate(timeout=60)
        assert started.returncode == -signal.SIGKILL and not (command.made / "fit.json").exists()
        command.run(*WORDS)
        assert told(command.made) == whole
    finally:
        shutil.rmtree(command.made, ignore_errors=True)
        kept.rename(command.made)


def test_an_ensemble_of_one_campaign_of_the_bank_has_its_score(command: Command) -> None:
    assert json.loads(command.run_script(SCORE)) == [True, False]


def test_a_bank_of_other_settings_is_not_refined(command: Command) -> None:
    bank, about = read_bank(command.bank), (command.bank / "about.json").read_text()
    try:
        (command.bank / "about.json").write_text(
            json.dumps(seal({**json.loads(about), "settings_fingerprint": "0000"}))
        )
        with pytest.raises(PanjError, match=r"with settings of version 0000, expected .* refine=none"):
            order_of(bank)
    finally:
        (command.bank / "about.json").write_text(about)
