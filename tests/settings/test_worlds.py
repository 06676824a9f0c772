"""worlds=record: campaigns follow numbers and seeds of a sample, and go on from their own seed after it."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from sim.assimilate.sampler import Cloud
from sim.assimilate.worlds import table_of_worlds, write_worlds
from sim.data.facts import read_facts
from sim.engine.chance import Address, Stream
from sim.engine.compile import fingerprint_of_rules
from sim.errors import PanjError
from sim.settings.compose import compose_settings
from sim.settings.draws import read_priors

PRIORS = tuple(prior for prior in read_priors() if not prior.theory)
COUNT = 3
ABOUT = {
    "numbers": [prior.key for prior in PRIORS],
    "until": "2021-05-04",
    "start_date": "2021-05-01",
    "rules_fingerprint": fingerprint_of_rules(),
    "data_fingerprint": read_facts().fingerprint,
}


def written(path, about):
    rng = np.random.default_rng(3)
    daily = np.repeat(np.arange(10, 10 + COUNT, dtype=np.uint64)[:, None], 4, axis=1)
    daily[:, 2:] = 77
    lasting = np.tile(daily[:, :1, None], (1, 10, 34))
    lasting[1, 9, 4] = 5
    cloud = Cloud((rng.random((COUNT, len(PRIORS))), daily, lasting), np.zeros(COUNT), np.arange(COUNT), (), ())
    write_worlds(table_of_worlds(cloud, PRIORS, [], np.zeros((COUNT, 0)), about), path)
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return written(tmp_path_factory.mktemp("worlds") / "worlds.parquet", ABOUT)


def settings_of(file, *overrides):
    return compose_settings(["worlds=record", f"worlds.file={file}", "runs=3", *overrides])


def test_a_seed_is_a_world_to_the_last_report_and_itself_after_it(file):
    settings = settings_of(file)
    assert settings.seed_of(0) == Address(((0, 10), (2, 77), (4, 0)))
    assert settings.seed_of(4) == Address(((0, 11), (2, 77), (4, 4)), ((Stream.THRESHOLD, 4, 5),))
    assert settings.draws.numbers(1) == settings.draws.numbers(4)
    assert settings.draws.numbers(1) != settings.draws.numbers(2)


def test_free_campaigns_have_their_own_seed():
    assert compose_settings([]).seed_of(7) == 7


def test_policies_and_overrides_apply_on_top(file):
    brittle, plain = settings_of(file, "morale=brittle"), settings_of(file)
    assert brittle.rules_of(0).morale.base == pytest.approx(plain.rules_of(0).morale.base - 0.06)
    fixed = settings_of(file, "rules.news.fade_days=5")
    assert {fixed.rules_of(seed).news.fade_days for seed in range(3)} == {5.0}


def test_the_fingerprint_is_of_the_worlds(file, tmp_path):
    free, here = compose_settings(["runs=3"]), settings_of(file)
    again = settings_of(written(tmp_path / "again.parquet", ABOUT | {"command": "other"}))
    assert here.fingerprint() != free.fingerprint()
    assert here.fingerprint() == again.fingerprint()
    assert here.study != free.study
    assert "assimilated: 3 worlds" in here.calibration


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        (["end_date=2021-05-04", "runs=4"], "runs"),
        (["start_date=2021-05-02"], "start_date"),
        (["calibration=prior"], "calibration"),
        (["calibration=as_declared"], "calibration"),
        (["worlds.file=nowhere.parquet"], "worlds.file"),
    ],
)
def test_what_worlds_cannot_do_is_refused(file, overrides, key):
    given = ["worlds=record", "runs=3", *([] if key == "worlds.file" else [f"worlds.file={file}"]), *overrides]
    with pytest.raises(PanjError, match=rf"^{key}: found"):
        compose_settings(given)


def test_a_file_without_the_choice_is_refused(file):
    with pytest.raises(PanjError, match=r"^worlds.file: found .*expected it with worlds=record"):
        compose_settings([f"worlds.file={file}"])


@pytest.mark.parametrize("changed", ["rules", "data"])
def test_worlds_of_other_rules_or_data_are_refused(tmp_path, changed):
    path = written(tmp_path / "other.parquet", ABOUT | {f"{changed}_fingerprint": "0" * 16})
    with pytest.raises(PanjError, match=rf"^worlds.file: found .*other {changed}"):
        settings_of(path)


def test_a_sample_is_described_in_its_file(file):
    about = json.loads(pq.read_schema(file).metadata[b"panj"])
    assert about["until"] == ABOUT["until"]
    settings = settings_of(file)
    assert replace(settings, runs=9).fingerprint() == settings.fingerprint()
