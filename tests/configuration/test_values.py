"""Tests that settings given in Python are the settings that a command line gives."""

from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hypothesis import given
from hypothesis import strategies as st

from sim.configuration.compose import compose_settings
from sim.configuration.overrides import Overrides
from sim.configuration.sweep import compose_sweep
from sim.configuration.values import EXPECTED, Interval, overrides_of
from sim.data.configs import folder_of
from sim.errors import PanjError


@pytest.mark.parametrize(
    ("settings", "keywords", "words"),
    [
        ({}, {"border": "closed", "runs": 50}, ["border=closed", "runs=50"]),
        ({"rules.news.fade_days": 5}, {}, ["rules.news.fade_days=5"]),
        ({}, {"rules": {"news": {"fade_days": 5.5}}}, ["rules.news.fade_days=5.5"]),
        ({}, {"rules": {"news.fade_days": np.float64(5)}}, ["rules.news.fade_days=5.0"]),
        ({}, {"end_date": date(2021, 7, 7), "daily": False}, ["end_date=2021-07-07", "daily=false"]),
        ({}, {"end_date": pd.Timestamp("2021-07-07")}, ["end_date=2021-07-07"]),
        ({}, {"end_date": np.datetime64("2021-07-07", "ns"), "runs": np.array(5)}, ["end_date=2021-07-07", "runs=5"]),
        ({"rules.morale.contagion": np.float32(0.3)}, {}, ["rules.morale.contagion=0.3"]),
        ({}, {"results_dir": Path("/tmp/Müller (1)/it's")}, ["results_dir=/tmp/Müller (1)/it's"]),
        ({}, {"executor": "processes", "worlds": {"until": None}}, ["executor=processes", "worlds.until=null"]),
        ({}, {"executor": {"workers": 2}}, ["executor.workers=2"]),
        ({"~timeline.events.appeal_to_csto": None}, {}, ["~timeline.events.appeal_to_csto"]),
        ({}, {"timeline": {"events": {"appeal_to_csto": None}}}, ["~timeline.events.appeal_to_csto"]),
        (
            {},
            {"timeline": {"events": {"appeal_to_csto": {"date": date(2021, 7, 5)}}}},
            ["timeline.events.appeal_to_csto.date=2021-07-05"],
        ),
    ],
)
def test_a_value_becomes_the_override_that_a_user_would_type(settings, keywords, words):
    found = overrides_of(settings, keywords, sweeps=False)
    assert found == Overrides.of(words)
    assert [row.value for row in found] == [row.value for row in Overrides.of(words)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["open", "closed"], "open,closed"),
        (("open",), "open"),
    ],
)
def test_several_choices_are_swept(value, text):
    assert overrides_of({}, {"border": value}, sweeps=True).words == ("-m", f"border={text}")


@pytest.mark.parametrize(
    "value",
    [
        [0.2, 0.3, 0.4],
        [number * 0.1 for number in (2, 3, 4)],
        (0.2, 0.1 + 0.2, 0.4),
        np.arange(0.2, 0.45, 0.1),
        pd.Series([0.2, 0.3, 0.4]),
        pd.Index([0.2, 0.3, 0.4]),
    ],
)
def test_numbers_of_an_array_are_those_of_a_list(value):
    swept = compose_sweep(overrides_of({"rules.morale.contagion": value}, {"calibration": "as_declared"}, sweeps=True))
    typed = compose_sweep(["-m", "rules.morale.contagion=range(0.2,0.45,0.1)", "calibration=as_declared"])
    assert [cell.settings.fingerprint() for cell in swept.cells] == [one.settings.fingerprint() for one in typed.cells]


def test_intervals_are_sampled():
    found = overrides_of(
        {"rules.news.fade_days": Interval(5, 9)}, {"sampling": "latin_hypercube", "runs": 2}, sweeps=True
    )
    assert found.get("rules.news.fade_days").is_interval


@pytest.mark.parametrize(
    ("settings", "keywords", "sweeps", "key"),
    [
        ({}, {"border": ["open", "closed"]}, False, "border"),
        ({}, {"border": []}, True, "border"),
        ({"rules.news.fade_days": Interval(5, 9)}, {}, False, "rules.news.fade_days"),
        ({"runs": 5}, {"runs": 6}, False, "runs"),
        ({}, {"border": {"open", "closed"}}, True, "border"),
        ({}, {"border": pd.DataFrame({"border": ["open"]})}, True, "border"),
        ({}, {"rules.news.fade_days": np.ones((2, 2))}, True, "rules.news.fade_days"),
        ({}, {"border": object()}, False, "border"),
        ({}, {"end_date": datetime(2021, 7, 7, 12)}, False, "end_date"),
        ({5: 6}, {}, False, "settings"),
        (5, {}, False, "settings"),
        ({}, {"timeline": {"events": {"x": 5}}}, False, "timeline.events.x"),
        ({}, {"timeline": {"x": 5}}, False, "timeline.x"),
    ],
)
def test_a_value_that_no_setting_has_is_refused(settings, keywords, sweeps, key):
    with pytest.raises(PanjError) as refused:
        overrides_of(settings, keywords, sweeps)
    assert refused.value.key == key


@pytest.mark.parametrize(
    ("value", "sweeps", "found"),
    [
        (pd.DataFrame({"border": ["open"]}), False, "a DataFrame of 1 x 1, expected a single value"),
        (pd.DataFrame({"border": ["open"]}), True, "a DataFrame of 1 x 1, expected a list of values"),
        (np.ones((2, 2)), True, "an ndarray of 2 x 2, expected a list of values"),
        ((one for one in ("open", "closed")), True, "a generator, expected a list of values"),
        ((one for one in ("open", "closed")), False, "a generator, expected a single value"),
        (map(str, (1, 2)), True, "a map, expected a list of values"),
        (str, False, f"the class str, expected {EXPECTED}"),
        (pd.DataFrame, True, f"the class DataFrame, expected {EXPECTED}"),
        (print, False, f"<built-in function print>, expected {EXPECTED}"),
        (lambda: "open", False, f"a function, expected {EXPECTED}"),
        (np.random.default_rng(1), False, f"a Generator, expected {EXPECTED}"),
    ],
)
def test_a_value_of_a_wrong_type_is_described_without_an_address_in_memory(value, sweeps, found):
    with pytest.raises(PanjError) as refused:
        overrides_of({}, {"border": value}, sweeps)
    assert str(refused.value) == f"border: found {found}"


@given(st.text(min_size=1).filter(lambda text: text.isprintable() and not text.isspace()))
def test_any_text_reaches_the_setting_as_it_is(text):
    found = overrides_of({}, {"precision": {"outcome": text}}, sweeps=False)
    assert found.get("precision.outcome").value == text


def test_a_hydra_of_the_program_around_is_kept():
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(folder_of("configs")), version_base="1.3"):
        theirs = GlobalHydra.instance().hydra
        compose_settings(["runs=3", "calibration=as_declared"])
        assert GlobalHydra.instance().hydra is theirs is not None
