"""Assimilation on real campaigns: addresses run again, one seed of moves, stops, and faulty requests."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from sim import sampler
from sim.assimilation import assimilate as verb
from sim.assimilation import tables
from sim.assimilation.assimilate import known_by, settings_of
from sim.assimilation.campaigns import (
    DAILY,
    DAILY_STREAMS,
    LASTING,
    LOCAL,
    MOVES,
    NUMBER_SHARE,
    NUMBERS,
    ONCE,
    PROVINCE_EARLIER,
    STREAM_EARLIER,
    Campaigns,
    address_of,
)
from sim.assimilation.observations import read_observations
from sim.assimilation.tables import CampaignCounts
from sim.assimilation.theories import compare_theories
from sim.assimilation.worlds import table_of_worlds, write_worlds
from sim.configuration.worlds import read_worlds
from sim.data.evidence import read_evidence
from sim.data.facts import read_facts
from sim.engine.chance import Address, Stream, seeds_in
from sim.errors import PanjError
from sim.options import Assimilate, read_request
from sim.sampler import generator, pack, pooled, recorded, reflected, sample, unpack

OBSERVATIONS = read_observations(read_evidence())
FIRST = tuple(one for one in OBSERVATIONS if one.until <= date(2021, 6, 8))


def test_an_address_gives_back_its_seeds():
    address = Address(
        ((0, 5), (9, 7), (12, 5)),
        ((Stream.THRESHOLD, 3, 8), (Stream.UNIT_RESOLVE, 0, 9)),
        ((Stream.ELDERS, 3, 10, 4), (Stream.ELDERS, 11, 11, 6), (Stream.FLIGHT, 20, 20, 8)),
        ((0, 2, 4, 5), (33, 1, 20, 7)),
    )
    seeds = seeds_in(address, 20, 34)
    found = address_of(seeds.daily[:, DAILY_STREAMS], seeds.lasting[:, ONCE].T, seeds.local)
    assert found.runs == address.runs
    assert set(found.lasting) == set(address.lasting)
    assert set(found.streams) == set(address.streams)
    assert set(found.local) == set(address.local)


def test_any_seeds_have_an_address(model):
    """After every kind of move, at every stage."""
    state = model.begin(generator(1, 1), 40)
    for stage in range(model.stages):
        state = model.renew(generator(1, 2, stage), state, stage)
        for link in range(6):
            rng = generator(1, 3, stage, link)
            state = model.propose(rng, state, stage, rng.integers(len(MOVES), size=40), state)
    assert all(array.any() for array in state)
    for daily, lasting, local in zip(state[DAILY], state[LASTING], state[LOCAL], strict=True):
        seeds = seeds_in(address_of(daily, lasting, local), model.last, model.provinces)
        assert np.array_equal(seeds.daily[1:, DAILY_STREAMS], daily[1:])
        assert np.array_equal(seeds.lasting[:, ONCE].T, lasting)
        assert np.array_equal(seeds.local[1:], local[1:])


def test_steps_of_numbers_stay_in_their_prior_and_are_symmetric():
    steps = reflected(np.array([-0.3, 1.2, 0.4, 2.1, -1.5]))
    assert steps.tolist() == pytest.approx([0.3, 0.8, 0.4, 0.1, 0.5])


@pytest.fixture
def model(monkeypatch):
    """Campaigns that are not run: the log likelihood is that of a number, so that tests take no time."""
    settings, order = settings_of(read_request(Assimilate, ["until=2021-06-22"]))

    def run(batches):
        return [
            np.repeat(-8.0 * (batch.shares[:, :1] - 0.7) ** 2, len(batch.observations), axis=1) for batch in batches
        ]

    return Campaigns(order, tuple(one for one in OBSERVATIONS if one.until <= date(2021, 6, 22)), settings.facts, run)


def test_every_stage_ends_on_a_day_with_a_report(model):
    assert [end.day for end in model.ends] == [8, 14, 19, 22]
    assert model.up_to(3) == model.observations


@pytest.mark.parametrize("move", range(len(MOVES)))
def test_a_proposal_changes_its_own_kind_alone(model, move):
    old = model.begin(generator(1, 1), 40)
    new = model.propose(generator(1, 2), old, 2, np.full(40, move), old)
    changed = [bool((a != b).any()) for a, b in zip(new, old, strict=True)]
    assert changed == [
        move == NUMBERS, move <= STREAM_EARLIER, PROVINCE_EARLIER < move < NUMBERS,
        STREAM_EARLIER < move <= PROVINCE_EARLIER,
    ]  # fmt: skip
    assert not new[LOCAL][:, [0, *range(model.day(2) + 1, model.last + 1)]].any()
    assert (new[1][:, 0] == old[1][:, 0]).all()  # the seed of day 0 names the world
    assert (new[1][:, model.day(2) + 1 :] == old[1][:, model.day(2) + 1 :]).all()


def test_later_stages_draw_new_days_and_keep_the_days_before(model):
    old = model.begin(generator(1, 1), 40)
    new = model.renew(generator(1, 2), old, 2)
    assert (new[1][:, : model.day(1) + 1] == old[1][:, : model.day(1) + 1]).all()
    assert (new[1][:, model.day(1) + 1 :] != old[1][:, model.day(1) + 1 :]).all()


def test_the_sample_goes_where_the_reports_are(model):
    *_, cloud = sample(model, 400, 4, 1, moves=3)
    assert cloud.state[NUMBER_SHARE][:, 0].mean() == pytest.approx(0.7, abs=0.05)
    assert cloud.state[NUMBER_SHARE][:, 1].mean() == pytest.approx(0.5, abs=0.1)


def test_a_province_is_chosen_the_more_often_the_more_is_reported_of_it(model):
    chosen = dict(zip(read_facts().provinces, model.attention, strict=True))
    assert sum(chosen.values()) == pytest.approx(1.0)
    assert chosen["Badakhshan"] > chosen["Balkh"] > chosen["Hilmand"] > 0.0


def test_a_stage_is_read_back_or_known_to_be_damaged(model, tmp_path):
    cloud = next(sample(model, 16, 4, 1))
    content = pack(cloud)
    found = unpack(content)
    assert found.steps == cloud.steps
    assert found.foreseen == cloud.foreseen
    assert all(np.array_equal(a, b) for a, b in zip(found.state, cloud.state, strict=True))
    assert unpack(content[:-1]) is None
    (tmp_path / "00.stage").write_bytes(content)
    (tmp_path / "01.stage").write_bytes(content[: len(content) // 2])
    assert recorded(tmp_path, 4)[0] == 1


def test_worlds_are_read_back(model, tmp_path):
    cloud = next(sample(model, 16, 4, 1))
    priors = model.order.draws.priors
    pool = pooled([cloud], 16, [generator(1)])
    table = table_of_worlds(
        pool,
        priors,
        ["a"],
        np.zeros((16, 1)),
        {"numbers": [prior.key for prior in priors], "until": "2021-06-08", "start_date": "2021-05-01"},
    )
    write_worlds(table, tmp_path / "worlds.parquet")
    found = read_worlds(tmp_path / "worlds.parquet")
    assert found.addresses == tuple(address_of(*row) for row in zip(*pool.state[DAILY:], strict=True))
    assert found.numbers_of(3)[priors[0].key] == priors[0].at(float(pool.state[NUMBER_SHARE][3, 0]))


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "other"])
def test_a_file_that_holds_no_worlds_is_named(tmp_path, damage):
    path = tmp_path / "worlds.parquet"
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut":
        path.write_bytes(b"PAR1" + bytes(50))
    elif damage == "other":
        path.write_text("a,b\n", encoding="utf-8")
    with pytest.raises(PanjError, match=r"^worlds.file: found"):
        read_worlds(path)


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["until=2021-07-08"], "until"),
        (["until=2021-05-20"], "until"),
        (["until=2021-04-20"], "until"),
        (["known=2021-05-20"], "known"),
        (["start_date=2021-06-01"], "start_date"),
        (["end_date=2021-06-22"], "end_date"),
        (["runs=200"], "runs"),
        (["worlds=33"], "worlds"),
        (["worlds=10"], "worlds"),
        (["calibration=as_declared"], "calibration"),
        (["morale=brittle,reported", "-m"], "assimilate"),
        (["morale=brittel"], "morale"),
    ],
)
def test_a_faulty_request_is_named(words, key, tmp_path):
    with pytest.raises(PanjError, match=rf"^{key}\b"):
        verb.assimilate(read_request(Assimilate, [*words, f"results_dir={tmp_path}"]))
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_run(tmp_path, monkeypatch):
    monkeypatch.setattr(verb, "workers_of", None)
    (tmp_path / "file").write_text("", encoding="utf-8")
    words = ["until=2021-06-08", "worlds=32", f"results_dir={tmp_path / 'file'}"]
    with pytest.raises(PanjError, match=r"^results_dir\b"):
        verb.assimilate(read_request(Assimilate, words))


def test_what_was_published_later_is_not_known():
    late = known_by(OBSERVATIONS, date(2021, 7, 7), date(2021, 7, 7))
    assert "held_30_june" not in {one.name for one in late}
    assert all(one.published <= date(2021, 7, 7) for one in late)


def test_worlds_are_written_once(tmp_path, monkeypatch, capsys):
    def run(batch):
        return np.repeat(-8.0 * (batch.shares[:, :1] - 0.7) ** 2, len(batch.observations), axis=1)

    def seen(batch):
        shape = batch.shares.shape[0], batch.days + 1
        return CampaignCounts(
            np.ones((shape[0], len(batch.observations))), np.zeros((*shape, 13), int), np.zeros((*shape, 50), np.uint8)
        )

    monkeypatch.setattr(verb, "run_batch", run)
    monkeypatch.setattr(verb, "count_batch", seen)
    monkeypatch.setattr(verb, "missing_of", lambda _extra: ["matplotlib"])
    monkeypatch.setattr(tables, "WORLDS", 8)
    small = ["until=2021-06-08", "worlds=32", "repeats=2", "name=small", "executor.workers=1"]
    words = [*small, f"results_dir={tmp_path}"]
    assert verb.assimilate(read_request(Assimilate, words)).is_dir()
    folder = tmp_path / "small"
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    assert about["worlds"] == 64
    before = (folder / "worlds.parquet").read_bytes()
    assert verb.assimilate(read_request(Assimilate, words)).is_dir()
    assert "nothing is computed" in " ".join(capsys.readouterr().out.split())
    assert (folder / "worlds.parquet").read_bytes() == before
    with pytest.raises(PanjError, match=r"^name:"):
        verb.assimilate(read_request(Assimilate, [*words, "seed=1"]))


def test_a_sample_stopped_in_a_later_run_of_the_sampler_continues_from_it(tmp_path, monkeypatch, capsys):
    ran = []

    def run(batch):
        ran.append(batch.days)
        if len(ran) == stop_at:
            raise KeyboardInterrupt
        return np.repeat(-8.0 * (batch.shares[:, :1] - 0.7) ** 2, len(batch.observations), axis=1)

    monkeypatch.setattr(verb, "run_batch", run)

    def sampled(place):
        words = ["until=2021-06-14", "worlds=32", "repeats=3", f"results_dir={place}", "executor.workers=1"]
        folder = verb.make_worlds(read_request(Assimilate, words), verb.console_of(), with_tables=False)
        return (folder / "worlds.parquet").read_bytes()

    stop_at = 0
    whole, often = sampled(tmp_path / "whole"), len(ran)
    ran, stop_at = [], often // 2
    with pytest.raises(KeyboardInterrupt):
        sampled(tmp_path / "stopped")
    stop_at = 0
    assert sampled(tmp_path / "stopped") == whole
    assert len(ran) < 1.5 * often
    assert "Resuming after 2021-06-14: 2 of 2 stages are stored" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("verb_of", ["assimilate", "theories", "hindcast"])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_sample_stopped_before_its_first_stage_leaves_no_folder(is_there, verb_of, tmp_path, monkeypatch):
    results = tmp_path / "a/results"
    if is_there:
        results.mkdir(parents=True)

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(sampler, "write_file", stop)
    monkeypatch.setattr(verb, "run_batch", lambda batch: np.zeros((batch.shares.shape[0], len(batch.observations))))
    small = ["worlds=32", f"results_dir={results}", "executor.workers=1"]
    with pytest.raises(KeyboardInterrupt):
        if verb_of == "hindcast":
            request = replace(read_request(Assimilate, ["until=2021-06-08", *small]), name="ahead/origins/2021-06-08")
            verb.make_worlds(request, verb.console_of(), with_tables=False)
        elif verb_of == "theories":
            words = ["-m", "theory=contagion,odds_only", "until=2021-06-08", "repeats=2", *small]
            compare_theories(read_request(Assimilate, words))
        else:
            verb.assimilate(read_request(Assimilate, ["until=2021-06-08", "repeats=2", *small]))
    assert list(tmp_path.rglob("*")) == ([tmp_path / "a", results] if is_there else [])


@pytest.mark.parametrize("verb_of", ["assimilate", "theories"])
def test_two_samples_are_not_made_in_one_folder_at_once(verb_of, tmp_path, monkeypatch):
    small = ["until=2021-06-08", "worlds=32", f"results_dir={tmp_path}", "executor.workers=1"]
    words = ["-m", "theory=contagion,odds_only", *small] if verb_of == "theories" else small
    make = compare_theories if verb_of == "theories" else verb.assimilate
    begun, refused = [], []

    def run(batch):
        begun.append(batch)
        if len(begun) == 1:
            with pytest.raises(PanjError) as error:
                make(read_request(Assimilate, words))
            refused.append(str(error.value))
        raise KeyboardInterrupt

    monkeypatch.setattr(verb, "run_batch", run)
    with pytest.raises(KeyboardInterrupt):
        make(read_request(Assimilate, words))
    (said,) = refused
    assert said.startswith(f"assimilate: found another process using {tmp_path}")
    assert said.endswith("expected none; wait until it has finished, or choose name=NAME")
    assert not list(tmp_path.iterdir())


def test_a_sample_killed_before_its_first_stage_is_begun_by_the_same_command(tmp_path, monkeypatch):
    monkeypatch.setattr(verb, "run_batch", lambda batch: np.zeros((batch.shares.shape[0], len(batch.observations))))
    request = read_request(Assimilate, ["until=2021-06-08", "worlds=32", "repeats=2", f"results_dir={tmp_path}",
                                        "executor.workers=1"])  # fmt: skip
    _, order = settings_of(request)
    left = tmp_path / "worlds_2021_06_08/stages" / verb.asked_of(request, order, FIRST)
    left.mkdir(parents=True)
    folder = verb.make_worlds(request, verb.console_of(), with_tables=False)
    assert (folder / "worlds.parquet").is_file() and not (folder / "stages").exists()
