"""Draws that a fit left: each campaign takes one by its weight, policies act on top, and a wrong file is named."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from quick import make_quick

from sim.__main__ import main
from sim.configuration import posterior as module
from sim.configuration.compose import compose_settings
from sim.configuration.draws import priors_under, read_priors
from sim.configuration.posterior import Posterior, posterior_of, table_of, weighted_quantiles
from sim.configuration.sweep import compose_sweep
from sim.data.facts import read_facts
from sim.engine.compile import fingerprint_of_rules
from sim.errors import PanjError

FADE, BASE, MEN = "rules.news.fade_days", "rules.morale.base", "rules.founding.mobile_men"
KEYS = (FADE, BASE, MEN)
ROWS = np.array([[4.0, 0.5, 6000.0], [8.0, 0.6, 9000.0], [16.0, 0.7, 12000.0]])
BELIEVED = {prior.key: [prior.low, prior.high, prior.scale] for prior in read_priors()}
WEIGHTS = np.array([5.0, 3.0, 2.0])


def three(weights: np.ndarray = WEIGHTS, keys: tuple[str, ...] = KEYS, rows: np.ndarray = ROWS) -> Posterior:
    return posterior_of(keys, weights, rows, "3 draws")


def about(**changes: Any) -> dict[str, Any]:
    here = {"rules_fingerprint": fingerprint_of_rules(), "data_fingerprint": read_facts().fingerprint}
    return {**here, "targets": 10, "numbers": {}, "priors": BELIEVED, "rows": 3, **changes}


def write(path: Path, made: Posterior, **changes: Any) -> Path:
    count = len(made.rows)
    pq.write_table(table_of(made, np.arange(count), np.zeros(count), about(**changes)), path)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "posterior.parquet", three())


def words(file: Path, *more: str, source: str = "posterior") -> list[str]:
    return [f"calibration={source}", f"calibration.file={file}", *more]


def test_draws_are_taken_by_their_weight() -> None:
    taken = np.array([three().numbers(seed)[FADE] for seed in range(4000)])
    for value, weight in zip(ROWS[:, 0], WEIGHTS / 10, strict=True):
        assert abs((taken == value).mean() - weight) < 5 * np.sqrt(weight * (1 - weight) / 4000)


def test_a_draw_without_weight_is_never_taken() -> None:
    for weights in ([0.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0]):
        taken = {three(np.array(weights)).numbers(seed)[FADE] for seed in range(200)}
        assert taken == {value for value, weight in zip(ROWS[:, 0], weights, strict=True) if weight}


def test_a_draw_is_taken_whole() -> None:
    taken = {tuple(three().numbers(seed).values()) for seed in range(100)}
    assert taken == {tuple(row) for row in ROWS.tolist()}


def test_a_draw_depends_on_the_seed_alone(file: Path) -> None:
    plain, closed = (compose_settings(words(file, *more)) for more in ((), ("border=closed", "runs=7")))
    assert plain.draws is not None and closed.draws is not None
    for seed in range(20):
        assert plain.draws.numbers(seed) == closed.draws.numbers(seed) == three().numbers(seed)


def test_the_median_is_that_of_the_weights(file: Path) -> None:
    settings = compose_settings(words(file, source="median"))
    assert settings.draws is not None
    assert {tuple(settings.draws.numbers(seed).values()) for seed in range(9)} == {(4.0, 0.5, 6000.0)}
    assert weighted_quantiles(ROWS[:, 0], np.array([1.0, 3.0, 2.0]), (0.0, 0.5, 0.9, 1.0)).tolist() == [4, 8, 16, 16]


def test_policies_act_on_the_draw_and_overrides_win(file: Path) -> None:
    plain, brittle = (compose_settings(words(file, f"morale={name}")) for name in ("reported", "brittle"))
    for seed in range(5):
        one, other = plain.rules_of(seed), brittle.rules_of(seed)
        assert one.morale.base == three().numbers(seed)[BASE]
        assert other.morale.base == one.morale.base - 0.06
        assert other.news == one.news
    fixed = compose_settings(words(file, f"{FADE}=7"))
    assert {fixed.rules_of(seed).news.fade_days for seed in range(9)} == {7.0}
    assert [fixed.rules_of(seed).morale.base for seed in range(9)] == [
        plain.rules_of(seed).morale.base for seed in range(9)
    ]
    assert fixed.draws is not None and FADE not in fixed.draws.numbers(0)


def test_a_policy_that_leaves_the_range_is_refused(tmp_path: Path) -> None:
    edge = write(tmp_path / "edge.parquet", three(np.ones(1), (BASE,), np.array([[0.02]])))
    with pytest.raises(PanjError, match=r"calibration=posterior: rules.morale.base after morale=brittle: found -0.0"):
        compose_settings(words(edge, "morale=brittle"))


def test_the_draws_and_not_their_place_decide_what_a_study_is(file: Path, tmp_path: Path) -> None:
    same = write(tmp_path / "again.parquet", three())
    other = write(tmp_path / "other.parquet", three(np.array([5.0, 3.0, 2.1])))
    one, again, third, median = (
        compose_settings(given).fingerprint()
        for given in (words(file), words(same), words(other), words(file, source="median"))
    )
    assert one == again
    assert len({one, third, median, compose_settings().fingerprint()}) == 4
    assert compose_settings(words(file)).as_dict()["draws"]["posterior"] == three().digest


def test_what_is_sent_to_workers_is_whole_and_small(tmp_path: Path) -> None:
    priors = priors_under(())
    shares = np.random.default_rng(1).random((500, len(priors)))
    rows = np.array([[prior.at(share) for prior, share in zip(priors, row, strict=True)] for row in shares])
    large = write(tmp_path / "large.parquet", three(np.ones(500), tuple(prior.key for prior in priors), rows))
    order = compose_sweep(words(large)).cells[0].order
    sent = pickle.dumps(order)
    assert len(sent) < 200_000
    there = pickle.loads(sent)
    assert there.draws == order.draws and hash(there.draws.posterior) == hash(order.draws.posterior)
    assert all(there.draws.numbers(seed) == order.draws.numbers(seed) for seed in range(20))


@pytest.mark.parametrize(
    ("made", "changes", "error"),
    [
        (three(), {"rules_fingerprint": "0000"}, "found a fit with other rules, expected one with the current rules"),
        (three(), {"data_fingerprint": "0000"}, "found a fit with other data"),
        (three(keys=("rules.news.fade", BASE, MEN)), {}, "found 'rules.news.fade', expected one of"),
        (three(rows=ROWS * 10), {}, "rules.news.fade_days: found 160.0, expected a number from 1.0 to 90.0"),
        (three(rows=ROWS * np.nan), {}, "rules.news.fade_days: found nan, expected a number"),
        (three(np.array([2.0, -1.0, 1.0])), {}, "found no draws with valid weights"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, made: Posterior, changes: dict[str, Any], error: str) -> None:
    path = write(tmp_path / "wrong.parquet", made, **changes)
    with pytest.raises(PanjError) as raised:
        compose_settings(words(path))
    assert str(raised.value).startswith(f"calibration.file, {path}: ")
    assert error in str(raised.value)


def test_what_is_no_posterior_is_named(file: Path, tmp_path: Path) -> None:
    def refused(given: list[str]) -> str:
        with pytest.raises(PanjError) as raised:
            compose_settings(given)
        return str(raised.value)

    assert "found no file nowhere.parquet, expected a file written by" in refused(words(Path("nowhere.parquet")))
    assert "expected calibration=posterior or median" in refused(["calibration=prior", f"calibration.file={file}"])
    whole = pq.read_table(file)
    file.write_bytes(file.read_bytes()[:-20])
    assert "found a damaged file" in refused(words(file))
    for table, error in (
        (whole.drop_columns(["weight"]), "found no column weight"),
        (whole.replace_schema_metadata(), "found no metadata on how it was made"),
        (whole.replace_schema_metadata({"panj": json.dumps({"targets": 3})}), "found no rules_fingerprint"),
        (whole.set_column(3, FADE, pa.array(["a", "b", "c"])), "found a value that is not a number"),
        (whole.slice(0, 0), "found no draws with valid weights"),
    ):
        path = tmp_path / f"{error.replace(' ', '_')}.parquet"
        pq.write_table(table, path)
        assert error in refused(words(path))


def draws_in(file: Path) -> list[dict[str, float]]:
    module.read_posterior.cache_clear()
    ranges = tuple((key, *prior) for key, prior in BELIEVED.items())
    found = module.posterior_for(str(file), "", ranges)
    return [found.numbers(seed) for seed in range(20)]


def test_a_flipped_bit_never_changes_a_draw(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it is: the file is refused, or its draws are those that were written."""
    monkeypatch.setattr(module, "changed_since", lambda *_: [])  # of no concern here, and slow
    content, written = file.read_bytes(), draws_in(file)
    refused, damaged = 0, tmp_path / "damaged.parquet"
    for place in range(4, len(content), 29):
        damaged.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        try:
            assert draws_in(damaged) == written
        except PanjError as error:
            refused += 1
            assert str(damaged) in str(error)
    assert refused > 20


def test_a_flipped_bit_in_what_a_file_says_of_its_fit_is_refused(file: Path) -> None:
    content = file.read_bytes()
    assert content.count(b'"targets": 10') == 1
    file.write_bytes(content.replace(b'"targets": 10', b'"targets": 11'))
    with pytest.raises(PanjError, match=r"found damaged metadata on how it was made \(its content does not match"):
        compose_settings(words(file))


def test_a_file_that_has_changed_is_read_again(file: Path) -> None:
    before = compose_settings(words(file)).fingerprint()
    write(file, three(np.ones(3)))
    assert compose_settings(words(file)).fingerprint() != before


def test_the_shipped_posterior_is_used_and_says_that_it_is_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = write(tmp_path / "shipped.parquet", three(), rules_fingerprint="0000")
    monkeypatch.setattr(module, "shipped", lambda: shipped)
    draws = compose_settings(["calibration=posterior"]).draws
    assert draws is not None and draws.posterior is not None
    assert draws.description == (
        "calibrated: posterior of 3 weighted draws fitted to 10 targets, BUT with other rules than these (fit again)"
    )


def test_numbers_that_are_declared_otherwise_are_said(tmp_path: Path) -> None:
    numbers = {"rules.parley.mobile_elders": 0.123, "rules.advance.no_such_number": 1.0}
    path = write(tmp_path / "theory.parquet", three(), numbers=numbers)
    draws = compose_settings(words(path)).draws
    assert draws is not None and draws.posterior is not None
    assert (
        "BUT with rules.advance.no_such_number=1, rules.parley.mobile_elders=0.123, declared differently here"
        in draws.description
    )


@pytest.mark.parametrize("source", ["posterior", "median"])
def test_a_run_tells_what_it_took_and_where_from(
    source: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in ("sim.execution.work.run_campaign", "sim.execution.run.run_campaign", "sim.__main__.drawing_apart"):
        monkeypatch.setattr(place, None)
    make_quick()
    more = ("runs=8", "study=fitted", "end_date=2021-05-04", f"results_dir={tmp_path}", "daily=false")
    assert main(words(file, *more, source=source)) == 0
    runs = pq.read_table(tmp_path / "fitted" / "runs.parquet").to_pylist()
    taken = three() if source == "posterior" else three().median
    assert [{key: row[key] for key in KEYS} for row in runs] == [taken.numbers(row["seed"]) for row in runs]
    told = json.loads((tmp_path / "fitted" / "about.json").read_text())["calibration"]
    assert told == f"calibrated: {source} of 3 weighted draws fitted to 10 targets"
    assert "calibrated: " in " ".join(capsys.readouterr().out.split())
