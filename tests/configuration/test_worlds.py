"""worlds=record: campaigns follow numbers and seeds of a sample, and go on from their own seed after it."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.assimilation.campaigns import DAILY_STREAMS
from sim.assimilation.worlds import table_of_worlds, write_worlds
from sim.configuration.compose import compose_settings
from sim.configuration.draws import read_priors
from sim.configuration.sweep import compose_sweep
from sim.configuration.worlds import ABOUT as ABOUT_KEY
from sim.configuration.worlds import FEW_ANCESTORS, TESTED_RUNS, read_worlds
from sim.data.facts import read_facts
from sim.engine.chance import Address, Stream
from sim.engine.compile import fingerprint_of_rules
from sim.errors import PanjError
from sim.sampler import Pool

PRIORS = tuple(prior for prior in read_priors() if not prior.theory)
COUNT = 3
LASTING = ((Stream.THRESHOLD, 4, 5),)  # of world 1
STREAMS = ((Stream.ELDERS, 1, 3, 8),)
LOCAL = ((7, 2, 3, 6),)
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
    daily = np.repeat(daily[:, :, None], len(DAILY_STREAMS), axis=2)
    daily[1, 1:, DAILY_STREAMS.index(Stream.ELDERS)] = 8
    local = np.zeros((COUNT, 4, 34), np.uint64)
    local[1, 2:, 7] = 6
    state = rng.random((COUNT, len(PRIORS))), daily, lasting, local
    pool = Pool((), state, np.zeros(COUNT, np.int64), np.arange(COUNT))
    write_worlds(table_of_worlds(pool, PRIORS, [], np.zeros((COUNT, 0)), about), path)
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return written(tmp_path_factory.mktemp("worlds") / "worlds.parquet", ABOUT)


def test_a_flipped_bit_in_what_a_file_says_of_its_worlds_is_refused(file, tmp_path):
    content, damaged = file.read_bytes(), tmp_path / "damaged.parquet"
    assert content.count(b'"until": "2021-05-04"') == 1
    damaged.write_bytes(content.replace(b'"until": "2021-05-04"', b'"until": "2021-05-05"'))
    with pytest.raises(PanjError, match=f"found {damaged}, which is unreadable .its content does not match its digest"):
        settings_of(damaged)


def settings_of(file, *overrides):
    return compose_settings(["worlds=record", f"worlds.file={file}", "runs=3", *overrides])


def test_a_seed_is_a_world_to_the_last_report_and_itself_after_it(file):
    settings = settings_of(file)
    assert settings.seed_of(0) == Address(((0, 10), (2, 77), (4, 0)))
    assert settings.seed_of(4) == Address(((0, 11), (2, 77), (4, 4)), LASTING, STREAMS, LOCAL)
    assert settings.draws.numbers(1) == settings.draws.numbers(4)
    assert settings.draws.numbers(1) != settings.draws.numbers(2)


def test_draws_are_free_after_a_day(file):
    settings = settings_of(file, "worlds.until=2021-05-02")
    assert settings.seed_of(4) == Address(((0, 11), (2, 4)), LASTING, ((Stream.ELDERS, 1, 1, 8),))
    assert settings_of(file, "worlds.until=2021-05-03").seed_of(1) == Address(
        ((0, 11), (2, 77), (3, 1)), LASTING, ((Stream.ELDERS, 1, 2, 8),), ((7, 2, 2, 6),)
    )
    assert settings.fingerprint() != settings_of(file).fingerprint()
    assert settings_of(file, "worlds.until=2021-05-04").fingerprint() == settings_of(file).fingerprint()
    assert "own draws to 2021-05-02" in settings.calibration


@pytest.mark.parametrize(
    ("overrides", "decided", "kind"),
    [
        ([], None, "In hindsight"),
        ([], date(2021, 5, 3), "In hindsight"),
        ([], date(2021, 5, 4), "Same chance"),
        (["worlds.until=2021-05-02"], date(2021, 5, 2), "Other chance"),
        (["worlds.until=2021-05-02"], date(2021, 5, 1), "In hindsight"),
    ],
)
def test_it_is_said_which_question_a_decision_asks(file, overrides, decided, kind):
    assert settings_of(file, *overrides).question(decided).startswith(kind)
    assert compose_settings([]).question(decided) == ""


def test_hindsight_names_how_improbable_its_draws_were(tmp_path):
    path = written(tmp_path / "told.parquet", ABOUT | {"log_evidence": -51.0, "highest_log_likelihood": -5.0})
    assert "power of 20 times" in settings_of(path).question(None)


@pytest.mark.parametrize(
    ("origins", "repeats", "is_warned_of"),
    [
        (1, 1, True), (FEW_ANCESTORS - 1, 1, True), (FEW_ANCESTORS, 1, False), (TESTED_RUNS - 1, TESTED_RUNS - 1, True),
        (TESTED_RUNS, TESTED_RUNS, False),
    ],
)  # fmt: skip
def test_worlds_of_few_ancestors_are_warned_of(tmp_path, origins, repeats, is_warned_of):
    path = written(tmp_path / "few.parquet", ABOUT | {"origins": origins, "repeats": [-50.0] * repeats})
    question = settings_of(path).question(None)
    assert ("too narrow" in question) is is_warned_of
    assert (f"as rough as intervals over {repeats} campaigns" in question) is (repeats == TESTED_RUNS)


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
        (["worlds.until=2021-05-01"], "worlds.until"),
        (["worlds.until=2021-05-05"], "worlds.until"),
        (["worlds.until=soon"], "worlds.until"),
        (["worlds.until=2021-05-02", "end_date=2021-05-02", "runs=4"], "runs"),
    ],
)
def test_what_worlds_cannot_do_is_refused(file, overrides, key):
    given = ["worlds=record", "runs=3", *([] if key == "worlds.file" else [f"worlds.file={file}"]), *overrides]
    with pytest.raises(PanjError, match=rf"^{key}: found"):
        compose_settings(given)


def test_worlds_are_not_swept(file):
    """Seeds of free campaigns and of worlds share no draws, so cells would be paired that are no pairs."""
    with pytest.raises(PanjError, match=r"^worlds: found several"):
        compose_sweep(["-m", "worlds=free,record", f"worlds.file={file}"])


@pytest.mark.parametrize("key", ["file", "until"])
def test_a_file_without_the_choice_is_refused(file, key):
    with pytest.raises(PanjError, match=rf"^worlds.{key}: found .*expected a value only with worlds=record"):
        compose_settings([f"worlds.{key}={file}"])


@pytest.mark.parametrize("changed", ["rules", "data"])
def test_worlds_of_other_rules_or_data_are_refused(tmp_path, changed):
    path = written(tmp_path / "other.parquet", ABOUT | {f"{changed}_fingerprint": "0" * 16})
    with pytest.raises(PanjError, match=rf"^worlds.file: found .*other {changed}"):
        settings_of(path)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("first_day", [1, 2]), ("first_day", [0, 0]), ("first_day", [0]), ("first_day", []), ("seed", None),
        ("to_day", [0]), ("stream_by_day", [50]),
        ("stream", [98]), ("province", [-1]), ("province", [34]), ("province_by_day", [34]),
        ("rules.news.fade_days", np.nan), ("about", {"until": "soon"}),
        ("about", {"until": "2021-04-01"}), ("about", {"numbers": ["rules.no.such"]}), ("about", {"start_date": None}),
    ],
)  # fmt: skip
def test_a_damaged_file_is_one_line(file, tmp_path, column, cell):
    table = pq.read_table(file)
    if column == "about":
        about = ABOUT | cell
        table = table.replace_schema_metadata({ABOUT_KEY: json.dumps(about).encode()})
    else:
        values = table[column].to_pylist()
        kind = table.schema.field(column).type
        table = table.set_column(
            table.column_names.index(column), column, pa.array([values[0], cell, *values[2:]], kind)
        )
    pq.write_table(table, tmp_path / "damaged.parquet", write_page_checksum=True)
    with pytest.raises(PanjError, match=r"^worlds.file: found") as raised:
        settings_of(tmp_path / "damaged.parquet")
    assert len(str(raised.value)) < 400 and "\n" not in str(raised.value)


def test_a_file_of_an_earlier_version_is_named_as_such(file, tmp_path):
    pq.write_table(
        pq.read_table(file).drop_columns(["province_by_day"]), tmp_path / "old.parquet", write_page_checksum=True
    )
    with pytest.raises(PanjError, match=r"^worlds.file: found .*earlier version.*province_by_day"):
        settings_of(tmp_path / "old.parquet")


def test_a_byte_that_has_turned_is_noticed(file, tmp_path):
    content, refused = file.read_bytes(), 0
    for place in range(5, len(content), len(content) // 40):
        path = tmp_path / f"turned_{place}.parquet"
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            assert read_worlds(path).digest == read_worlds(file).digest
        except PanjError as error:
            refused += str(error).startswith("worlds.file: found")
    assert refused > 20


def test_a_sample_is_described_in_its_file(file):
    about = json.loads(pq.read_schema(file).metadata[b"panj"])
    assert about["until"] == ABOUT["until"]
    settings = settings_of(file)
    assert replace(settings, runs=9).fingerprint() == settings.fingerprint()
