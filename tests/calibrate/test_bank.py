"""A bank is a study of one cell whose numbers are drawn, without evenings; whatever reads it can trust its versions."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from fitted import make_bank

from sim.__main__ import main
from sim.calibrate.fit import bank_overrides, read_bank
from sim.configuration.compose import compose_settings
from sim.configuration.draws import priors_under
from sim.errors import PanjError
from sim.provenance import seal

SHORT = ("runs=12", "end_date=2021-05-04")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small bank of campaigns that cost nothing."""
    make_bank(monkeypatch, *SHORT, f"results_dir={tmp_path}")
    return tmp_path / "bank"


def test_a_bank_says_what_was_drawn_for_every_campaign(folder: Path) -> None:
    bank = read_bank(folder)
    assert bank.keys == tuple(prior.key for prior in priors_under(()))
    assert bank.seeds.tolist() == list(range(12))
    draws = compose_settings(bank_overrides([])).draws
    assert draws is not None
    for row, seed in enumerate(bank.seeds):
        assert dict(zip(bank.keys, bank.drawn[row], strict=True)) == draws.numbers(int(seed))
    assert "troops_crossed" in bank.outcomes.column_names
    assert bank.outcomes.num_rows == 12


def test_a_bank_keeps_no_daily_tables_and_draws_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = {path.name for path in folder.iterdir()}
    assert {"runs.parquet", "districts.parquet", "summary.csv", "about.json"} <= there
    assert not there & {"days.parquet", "report.html", "figures"}
    about = json.loads((folder / "about.json").read_text())
    assert about["calibration"] == "numbers drawn from the prior, not calibrated"


def test_a_bank_grows_and_is_not_run_twice(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = read_bank(folder)
    more = ["bank", "runs=20", "end_date=2021-05-04", f"results_dir={folder.parent}"]
    assert main(more) == 0
    assert "already contains 12 of 20 campaigns" in " ".join(capsys.readouterr().out.split())
    after = read_bank(folder)
    assert np.array_equal(after.drawn[:12], before.drawn)
    assert after.outcomes.slice(0, 12).equals(before.outcomes)
    assert main(more) == 0
    assert "nothing is computed" in " ".join(capsys.readouterr().out.split())


def test_daily_tables_cannot_be_mixed_in(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for word in bank_overrides(SHORT).words if not word.startswith("daily")]
    assert main([*words, f"results_dir={folder.parent}"]) == 2
    assert "daily: False there, none here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["-m", "border=open,closed"], "bank: found 'border=open,closed', expected one cell"),
        (["border=open,closed"], "bank: found 'border=open,closed', expected one cell"),
        (["calibration=as_declared"], "calibration: found 'calibration=as_declared', expected calibration=prior"),
        (["daily=true"], "daily: found 'daily=true', expected daily=false"),
    ],
)
def test_what_a_bank_cannot_have_is_named(words: list[str], error: str) -> None:
    with pytest.raises(PanjError) as raised:
        bank_overrides(words)
    assert error in str(raised.value)


def test_other_studies_and_versions_are_refused(folder: Path, tmp_path: Path) -> None:
    about = json.loads((folder / "about.json").read_text())
    (folder / "about.json").write_text(json.dumps(seal({**about, "rules_fingerprint": "0000"})))
    with pytest.raises(PanjError, match="with rules of version 0000, expected"):
        read_bank(folder)
    (folder / "about.json").write_text(json.dumps(about))
    table = pq.read_table(folder / "runs.parquet")
    drawn = [name for name in table.column_names if name.startswith("rules.")]
    pq.write_table(table.drop_columns(drawn), folder / "runs.parquet")
    with pytest.raises(PanjError, match="not a prior sample"):
        read_bank(folder)
