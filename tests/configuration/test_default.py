"""By default each campaign takes a draw of the posterior that ships, whatever that file holds and however old it is."""

import json
import shutil
import tomllib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image
from quick import DECLARED, campaign_of, replace_campaigns
from shared import run_python

from sim.__main__ import main
from sim.configuration import posterior as module
from sim.configuration.compose import compose_settings
from sim.configuration.draws import read_priors
from sim.configuration.numbers import declared_numbers
from sim.configuration.posterior import Posterior, posterior_for, posterior_of, shipped, table_of
from sim.configuration.settings import Settings
from sim.configuration.sweep import compose_sweep
from sim.data.configs import folder_of, read_yaml
from sim.data.facts import read_facts
from sim.engine.compile import fingerprint_of_rules
from sim.execution import run, work
from sim.execution.plan import main as plan
from sim.execution.run import run_sweep
from sim.model import BorderCrisis
from sim.options import Plan, read_request
from sim.report.report import draw_everything
from sim.study.reader import read_about
from sim.terminal import console_of

FACTS = read_facts()
PRIOR = read_priors()[0]
NO_LONGER_DRAWN = next(key for key in declared_numbers() if key not in {prior.key for prior in read_priors()})
GONE = "rules.news.no_such_number"
STALE = "BUT with other rules and data and priors than these (fit again)"
SHORT = ("study=short", "runs=6", "end_date=2021-05-04")
SEEDS = range(20)


def settled(*words: str) -> Settings:
    return compose_settings(words, FACTS)


def drawn(settings: Settings, seed: int) -> dict[str, float]:
    assert settings.draws is not None
    return settings.draws.numbers(seed)


def file_of(path: Path, keys: dict[str, list[float]], **changes: Any) -> Path:
    """A posterior of two draws that weigh the same, fitted here unless the changes say otherwise."""
    made = posterior_of(tuple(keys), np.ones(2), np.array(list(keys.values())).T, "")
    about = {
        "rules_fingerprint": fingerprint_of_rules(), "data_fingerprint": FACTS.fingerprint, "targets": 10,
        "numbers": {}, "priors": {}, "rows": 100, **changes,
    }  # fmt: skip
    pq.write_table(table_of(made, np.arange(2), np.zeros(2), about), path)
    return path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Campaigns that cost nothing, but whose numbers follow from seed and rules."""
    replace_campaigns(monkeypatch)
    monkeypatch.setattr(run, "compile_rules", lambda *_: None)


@pytest.fixture
def stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Posterior:
    """The file is of other rules, data and priors: one number is gone, one no longer drawn, one beyond belief."""
    wide = declared_numbers()[PRIOR.key]
    keys = {GONE: [1.0, 2.0], NO_LONGER_DRAWN: [1.0, 1.0], PRIOR.key: [wide.low - 1.0, wide.high + 1.0]}
    old = {"rules_fingerprint": "0000", "data_fingerprint": "0000", "priors": {GONE: [1.0, 2.0, "linear"]}}
    path = file_of(tmp_path / "posterior.parquet", keys, **old)
    monkeypatch.setattr(module, "shipped", lambda: path)
    return posterior_for(None, FACTS.fingerprint, read_priors())


def test_the_default_is_the_posterior_that_ships() -> None:
    settings = settled()
    assert settings.choices["calibration"] == "posterior"
    assert settings.draws is not None and settings.draws.posterior == posterior_for(
        None, FACTS.fingerprint, read_priors()
    )
    assert settings.calibration.startswith("calibrated: posterior of ")


def test_the_posterior_that_ships_is_small() -> None:
    assert shipped().stat().st_size < 500_000


def test_the_seed_alone_chooses_the_draw() -> None:
    usual = settled()
    for words in (["border=closed", "morale=brittle", "seed=7"], ["scenario=no_parley"], ["end_date=2021-06-01"]):
        other = settled(*words)
        assert [drawn(other, seed) for seed in SEEDS] == [drawn(usual, seed) for seed in SEEDS], words
    assert len({tuple(drawn(usual, seed).values()) for seed in range(200)}) > 1


def test_a_policy_acts_on_top_of_the_draw() -> None:
    shift = read_yaml(folder_of("configs") / "morale" / "brittle.yaml")["shift"]
    (key, amount), *_ = shift.items()
    rule, number = key.removeprefix("rules.").split(".")
    plain, brittle = settled(), settled("morale=brittle")
    for seed in SEEDS:
        before, after = (getattr(getattr(one.rules_of(seed), rule), number) for one in (plain, brittle))
        assert after == before + amount


def test_an_override_wins_and_moves_no_other_draw() -> None:
    usual = settled()
    key = next(iter(drawn(usual, 0)))
    rule, number = key.removeprefix("rules.").split(".")
    value = declared_numbers()[key].value
    fixed = settled(f"{key}={value}")
    for seed in SEEDS:
        assert getattr(getattr(fixed.rules_of(seed), rule), number) == value
        others = drawn(usual, seed)
        del others[key]
        assert drawn(fixed, seed) == others


@pytest.mark.usefixtures("quick")
def test_one_worker_or_two_give_the_same(tmp_path: Path) -> None:
    found = []
    for workers in (1, 2):
        words = [*SHORT, "runs=40", f"executor.workers={workers}", f"results_dir={tmp_path / str(workers)}"]
        folder = run_sweep(compose_sweep(words, FACTS), console_of()).folder
        found.append(pq.read_table(folder / "runs.parquet"))
    assert found[0].equals(found[1])
    usual = settled()
    key = next(iter(drawn(usual, 0)))
    assert found[0][key].to_pylist() == [drawn(usual, seed)[key] for seed in range(40)]


def test_the_face_lives_the_campaign_of_the_command_line() -> None:
    settings = settled("end_date=2021-05-04")
    order = compose_sweep(["end_date=2021-05-04"], FACTS).cells[0].order
    assert order.draws is not None
    for seed in (3, 4):
        assert BorderCrisis(settings, rng=seed).rules == order.draws.rules_of(seed)


def test_there_is_space_for_everybody_to_leave_once() -> None:
    flight = settled().rules.flight
    rows = -(-FACTS.population // flight.people_per_row)
    assert rows.sum() <= flight.rows


# A file that is older than the rules


def test_an_old_file_stops_nothing(stale: Posterior) -> None:
    settings = settled()
    assert stale.keys == (PRIOR.key,), "what is gone or no longer drawn is as declared"
    assert {drawn(settings, seed)[PRIOR.key] for seed in SEEDS} == {PRIOR.low, PRIOR.high}
    for group in ("morale", "reinforcement", "taliban"):
        for path in (folder_of("configs") / group).glob("*.yaml"):
            assert settled(f"{group}={path.stem}").doubt


@pytest.mark.usefixtures("quick", "stale")
def test_an_old_file_is_said_wherever_results_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_sweep(compose_sweep([*SHORT, f"results_dir={tmp_path}"], FACTS), console_of()).folder
    said = " ".join(capsys.readouterr().out.split())
    assert f"Note: the posterior that the numbers are drawn from was fitted {STALE.removeprefix('BUT ')}." in said
    about = read_about(folder)
    assert about["calibration"].endswith(STALE) and about["cells"][0]["calibration"] == about["calibration"]
    assert yaml.safe_load((folder / "config.yaml").read_text())["calibration_in_words"] == about["calibration"]
    assert STALE in json.loads(pq.read_schema(folder / "runs.parquet").metadata[b"panj"])["calibration"]
    draw_everything(folder)
    page = " ".join((folder / "report.html").read_text(encoding="utf-8").split())
    assert page.count(STALE) >= 2, "at the head of the page, and where it says how it was made"
    figures = list((folder / "figures").glob("*.png"))
    assert len(figures) > 5
    for path in figures:
        with Image.open(path) as picture:
            assert STALE in json.loads(picture.text["panj"])["calibration"]  # type: ignore[attr-defined]


@pytest.mark.usefixtures("stale")
def test_an_old_file_is_said_by_plan_and_by_the_face(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("sim.execution.plan.compile_rules", lambda *_: None)
    monkeypatch.setattr(work, "run_campaign", campaign_of)
    assert plan(read_request(Plan, [*SHORT, f"results_dir={tmp_path}"])) == 0
    assert "than these (fit again)" in " ".join(capsys.readouterr().out.split())
    with pytest.warns(UserWarning, match="other rules and data and priors"):
        BorderCrisis(settled("end_date=2021-05-02"), rng=1)


@pytest.mark.usefixtures("quick", "stale")
def test_whoever_takes_no_file_hears_nothing_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for source in ("as_declared", "prior"):
        words = [*SHORT, f"study={source}", f"calibration={source}", f"results_dir={tmp_path}"]
        about = read_about(run_sweep(compose_sweep(words, FACTS), console_of()).folder)
        assert about["calibration"].endswith("not calibrated")
    assert "fit again" not in capsys.readouterr().out
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "overflow encountered in scalar", RuntimeWarning)
        BorderCrisis(settled("end_date=2021-05-02", DECLARED), rng=1)


def test_without_the_file_the_declared_numbers_still_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "shipped", lambda: tmp_path / "none.parquet")
    assert main([*SHORT, f"results_dir={tmp_path}"]) == 2
    assert "none.parquet, which is part of Panj" in capsys.readouterr().err
    assert settled(DECLARED).draws is None


# Cells that take their numbers from different places


@pytest.mark.usefixtures("quick")
def test_every_cell_says_where_its_numbers_come_from(tmp_path: Path) -> None:
    words = ["-m", "calibration=posterior,as_declared", *SHORT, f"results_dir={tmp_path}"]
    folder = run_sweep(compose_sweep(words, FACTS), console_of()).folder
    about = read_about(folder)
    one, other = (cell["calibration"] for cell in about["cells"])
    assert (one, other) == (settled().calibration, "numbers as declared, not calibrated")
    assert about["calibration"] == f"numbers that differ by cell: {one}; {other}"
    key = next(iter(drawn(settled(), 0)))
    runs = pq.read_table(folder / "runs.parquet").to_pylist()
    assert [row[key] is None for row in runs] == [row["calibration"] == "as_declared" for row in runs]


def test_a_file_that_is_named_needs_no_other_word(tmp_path: Path) -> None:
    named = file_of(tmp_path / "mine.parquet", {PRIOR.key: [PRIOR.low, PRIOR.high]})
    settings = settled(f"calibration.file={named}")
    assert {drawn(settings, seed)[PRIOR.key] for seed in SEEDS} == {PRIOR.low, PRIOR.high} and not settings.doubt


# A wheel


def test_an_installed_package_has_the_posterior_inside(tmp_path: Path) -> None:
    root = folder_of("configs").parent
    wheel = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    for package in wheel["packages"]:
        shutil.copytree(root / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for source, place in wheel["force-include"].items():
        shutil.copytree(root / source, tmp_path / place)
    script = (
        "from sim.configuration.posterior import shipped; from sim.configuration.compose import compose_settings;"
        "print(shipped(), compose_settings().draws.posterior.digest)"
    )
    done = run_python(script, cwd=tmp_path, PYTHONPATH=str(tmp_path), PYTHONSAFEPATH="1")
    assert done.returncode == 0, done.stderr
    draws = settled().draws
    assert draws is not None and draws.posterior is not None
    assert done.stdout.split() == [str(tmp_path / "sim" / "configs" / "posterior.parquet"), draws.posterior.digest]
