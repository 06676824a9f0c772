"""Numbers that are drawn for each campaign: by the seed alone, within the prior, and in their order among others."""

import math

import numpy as np
import pytest
import yaml

from sim.configuration import draws as module
from sim.configuration import numbers
from sim.configuration.compose import compose_settings
from sim.configuration.draws import LAID_OUT, Prior, draws_of, prior_of, read_priors
from sim.configuration.numbers import Choice, declared_numbers, typed
from sim.configuration.settings import Piece
from sim.configuration.sweep import compose_sweep
from sim.data import configs
from sim.errors import PanjError
from sim.execution.work import layout_by, layout_of, run_piece

FADE = "rules.news.fade_days"
BASE = "rules.morale.base"
ROW = {"low": 5.0, "high": 20.0, "scale": "linear", "reason": "a test"}
SHORT = "end_date=2021-05-03"


def test_every_row_has_a_declared_number_in_its_range_and_a_reason() -> None:
    for prior in read_priors():
        number = declared_numbers()[prior.key]
        assert number.low <= prior.low < prior.high <= number.high
        assert prior.low <= number.value <= prior.high, "what we guessed before is believed to be possible"


@pytest.mark.parametrize(
    ("key", "row", "error"),
    [
        ("rules.news.fade", ROW, "priors: found 'rules.news.fade', expected one of"),
        (FADE, {**ROW, "low": 30.0}, "found low 30 and high 20, expected low below high"),
        (FADE, {**ROW, "low": 0.5}, "low: rules.news.fade_days: found 0.5, expected a number from 1.0 to 90.0"),
        (FADE, {**ROW, "high": "many"}, "high: rules.news.fade_days: found many, expected a number"),
        (FADE, {**ROW, "scale": "square"}, "scale: found 'square', expected one of linear, log"),
        (FADE, {"low": 1.0, "high": 2.0}, "expected low, high, scale and reason"),
        (FADE, 5.0, "expected low, high, scale and reason"),
        (BASE, {**ROW, "low": 0.0, "high": 0.5, "scale": "log"}, "found 0 on the log scale, expected a number above 0"),
        ("rules.founding.prongs", ROW, "found a number that"),
    ],
)
def test_a_wrong_row_is_named(key: str, row: object, error: str) -> None:
    with pytest.raises(PanjError) as raised:
        prior_of(key, row)
    assert error in str(raised.value)


def test_a_prior_is_even_on_its_scale() -> None:
    assert Prior(FADE, 5.0, 20.0, "linear").at(0.5) == 12.5
    assert math.isclose(Prior(FADE, 5.0, 20.0, "log").at(0.5), 10.0)
    assert Prior("rules.founding.mobile_men", 5000.0, 16000.0, "linear").at(0.33333) == 8666.0


def test_of_whole_numbers_each_is_as_likely_as_the_others() -> None:
    prior = Prior("rules.founding.first_prongs", 4.0, 12.0, "linear")
    found = [prior.at(share) for share in np.arange(0.5 / 900, 1.0, 1 / 900)]
    assert np.unique(found, return_counts=True)[1].tolist() == [100] * 9
    assert (prior.at(0.0), prior.at(1.0)) == (4.0, 12.0)
    assert all(prior.at(prior.share(value)) == value for value in range(4, 13))


def test_a_share_of_the_prior_is_what_its_value_gives() -> None:
    for prior in (Prior(FADE, 5.0, 20.0, "linear"), Prior(FADE, 5.0, 20.0, "log")):
        for share in (0.0, 0.2, 1.0):
            assert math.isclose(prior.share(prior.at(share)), share, abs_tol=1e-12)


def drawn(words: list[str], seeds: range) -> dict[str, np.ndarray]:
    found = compose_settings(["calibration=prior", *words]).draws
    assert found is not None
    rows = [found.numbers(seed) for seed in seeds]
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}


def test_draws_are_even_and_independent() -> None:
    found = drawn([], range(2000))
    shares = []
    for prior in read_priors():
        if prior.theory not in ("", "contagion"):
            assert prior.key not in found
            continue
        values, low, high = found[prior.key], prior.low, prior.high
        if prior.scale == "log":
            values, low, high = np.log(values), math.log(low), math.log(high)
        shares.append((values - low) / (high - low))
        assert values.min() >= low - 1e-9 and values.max() <= high + 1e-9
        if not declared_numbers()[prior.key].is_whole:
            assert np.histogram(shares[-1], 10, (0, 1))[0].max() < 200 + 5 * math.sqrt(200)
    correlations = np.corrcoef(shares) - np.eye(len(shares))
    assert np.abs(correlations).max() < 5 / math.sqrt(2000)


def test_a_draw_depends_on_its_seed_and_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    all_of_them = drawn([], range(5))
    assert np.array_equal(drawn(["border=closed", "runs=7"], range(5))[FADE], all_of_them[FADE])
    monkeypatch.setattr(
        module, "read_priors", lambda: (prior_of(FADE, {**ROW, "low": 3.0, "high": 30.0, "scale": "log"}),)
    )
    assert np.array_equal(drawn([], range(5))[FADE], all_of_them[FADE])


def test_policies_act_on_what_was_drawn_and_overrides_win() -> None:
    plain, brittle = (compose_settings(["calibration=prior", f"morale={name}"]) for name in ("reported", "brittle"))
    for seed in range(3):
        one, other = plain.rules_of(seed), brittle.rules_of(seed)
        assert other.morale.base == one.morale.base - 0.06
        assert other.morale.contagion == one.morale.contagion * 1.3
        assert other.news == one.news
    fixed = compose_settings(["calibration=prior", f"{FADE}=7"])
    assert {fixed.rules_of(seed).news.fade_days for seed in range(5)} == {7.0}
    assert FADE not in fixed.draws.numbers(1)  # type: ignore[union-attr]


def test_as_declared_nothing_is_drawn() -> None:
    settings = compose_settings(["calibration=as_declared"])
    assert settings.draws is None
    assert settings.rules_of(0) == settings.rules_of(1) == settings.rules
    assert settings.fingerprint() != compose_settings(["calibration=prior"]).fingerprint()
    assert "draws" not in settings.as_dict()


def test_a_policy_that_leaves_the_range_is_refused_before_anything_runs() -> None:
    far = Choice(group="morale", name="far", scale={"news.fade_days": 5.0})
    with pytest.raises(PanjError, match=r"calibration=prior: rules.news.fade_days after morale=far: found 150"):
        draws_of("prior", (far,), {})
    with pytest.raises(
        PanjError, match="calibration: found 'prio', expected one of as_declared, median, posterior, prior; did you"
    ):
        compose_settings(["calibration=prio"])


def test_what_is_drawn_changes_no_layout() -> None:
    ends = [{prior.key: prior.at(share) for prior in read_priors()} for share in (0.0, 1.0)]
    one, other = (layout_of(typed(numbers.resolve([], {}, drawn)), (), ()) for drawn in ends)
    for group, there in zip(one.world, other.world, strict=True):
        for trait, same in zip(group, there, strict=True):
            assert np.array_equal(trait, same)
    assert not LAID_OUT & {prior.key for prior in read_priors()}
    layout_by.cache_clear()


def test_a_chunk_tells_what_was_drawn() -> None:
    cell = compose_sweep(["calibration=prior", SHORT]).cells[0]
    chunk = run_piece(Piece(cell.order, (4, 2)))
    for place, seed in enumerate((4, 2)):
        for key, value in cell.settings.draws.numbers(seed).items():  # type: ignore[union-attr]
            assert chunk[f"drawn/{key}"][place].as_py() == value


def test_a_sweep_over_calibration_has_cells_that_differ() -> None:
    found = compose_sweep(["-m", "calibration=prior,as_declared"])
    assert [cell.settings.draws is None for cell in found.cells] == [False, True]
    assert yaml.safe_load((configs.folder_of("configs") / "calibration" / "prior.yaml").read_text()) == {
        "source": "prior"
    }
