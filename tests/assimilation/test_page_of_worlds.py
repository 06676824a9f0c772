"""What `assimilate` writes and shows: tables that agree with campaigns, a page that calls few worlds no sample."""

import json
import re

import numpy as np
import pyarrow.parquet as pq
import pytest
from described import undescribed
from PIL import Image
from quick import likelihoods, of_address

from sim.assimilation import assimilate as verb
from sim.assimilation import campaigns, tables
from sim.assimilation import page as pages
from sim.assimilation.figures import read_world_tables
from sim.assimilation.observations import read_observations
from sim.assimilation.tables import FLOOR, PAGE, TABLES, CampaignCounts
from sim.configuration.worlds import read_worlds
from sim.data.evidence import read_evidence
from sim.data.facts import read_facts
from sim.errors import PanjError
from sim.options import Assimilate, read_request
from sim.plots.tables import read_rows

FACTS = read_facts()
BADAKHSHAN = np.array(FACTS.province) == "Badakhshan"
WORLDS, LAST = 32, 52  # days from 1 May to 22 June
LOST_ON = 40  # day on which the whole of Badakhshan falls in every campaign


def seen(batch):
    """In place of campaigns: Badakhshan falls on one day, and one post admits as many soldiers as the day has."""
    count, days = batch.shares.shape[0], batch.days + 1
    held = np.zeros((count, days, len(FACTS.district)), bool)
    held[:, LOST_ON:, BADAKHSHAN] = True
    crossed = np.zeros((count, days, len(FACTS.post)), np.int64)
    crossed[:, :, 0] = np.arange(days)
    counts = np.repeat(100 * batch.shares[:, :1], len(batch.observations), axis=1)
    return CampaignCounts(counts, crossed, np.packbits(held, axis=2))


def words(place, *more):
    return ["until=2021-06-22", f"worlds={WORLDS}", f"results_dir={place}", "name=small", "executor.workers=1", *more]


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """A sample of campaigns that cost nothing, with its page."""
    place = tmp_path_factory.mktemp("worlds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verb, "run_batch", likelihoods)
        patch.setattr(verb, "count_batch", seen)
        patch.setattr(tables, "WORLDS", 8)  # of the ledger of chance
        assert verb.assimilate(read_request(Assimilate, words(place, "repeats=3"))).is_dir()
    return place / "small"


def test_every_column_of_every_table_is_described(sample):
    assert not undescribed(sample)
    number = pq.read_schema(sample / "worlds.parquet").field("rules.news.next_door")
    assert number.metadata[b"unit"] and number.metadata[b"description"]


@pytest.fixture
def made(sample):
    return read_world_tables(sample)


def test_everything_is_written(sample):
    assert {"worlds.parquet", "about.json", PAGE, *TABLES} <= {path.name for path in sample.iterdir()}
    assert not (sample / "stages").exists()
    for path in sample.glob("*.png"):
        assert "panj" in Image.open(path).info
    page = (sample / PAGE).read_text(encoding="utf-8")
    assert set(re.findall(r'href="([^"/]+)"', page)) <= {path.name for path in sample.iterdir()}


def test_days_count_what_the_campaigns_lost(made):
    rows = {(row["sample"], row["area"], row["date"]): row for row in made.days}
    for name in ("free", "assimilated"):
        before, after = (rows[name, "Badakhshan", day] for day in ("2021-06-09", "2021-06-10"))
        assert (float(before["high_95"]), float(after["low_5"])) == (0, BADAKHSHAN.sum())
        assert float(rows[name, "nine northern provinces", "2021-06-22"]["median"]) == BADAKHSHAN.sum()
        held = float(rows[name, "country", "2021-06-22"]["median"])
        assert held == pytest.approx(BADAKHSHAN.mean(), rel=1e-3)
    assert int(rows["free", "Badakhshan", "2021-06-22"]["dated_falls"]) == 1


def test_crossings_count_nights_and_posts(made):
    rows = {(row["sample"], row["night"], row["post"]): row for row in made.crossings}
    assert float(rows["assimilated", "2021-06-22", "all"]["median"]) == LAST
    assert rows["assimilated", "2021-06-22", "all"]["reported"] == "134"
    assert float(rows["free", "all", FACTS.post[0]]["median"]) == sum(range(LAST + 1))
    assert float(rows["free", "all", FACTS.post[1]]["high_95"]) == 0


def test_districts_hold_the_share_at_the_end(made):
    shares = {row["district_id"]: (row["share_free"], row["share_assimilated"]) for row in made.districts}
    assert [shares[one] == ("1", "1") for one in FACTS.district_id] == BADAKHSHAN.tolist()


def test_observations_show_both_samples_next_to_the_report(made):
    row = next(row for row in made.observations if row["observation"] == "crossed_by_22_june")
    assert row["description"] == "Soldiers across, by 22 June"
    assert (row["value"], row["evidence"]) == ("134", "F029")
    shares = read_worlds(made.folder / "worlds.parquet").about
    assert shares["worlds"] == 3 * WORLDS
    assert float(row["free_median"]) == pytest.approx(50, abs=20)
    assert float(row["low_5"]) > float(row["free_low_5"])  # conditioned on a number that is about 0.7


def test_stages_count_the_different_worlds_that_are_left(made):
    last = {row["repeat"]: row for row in made.stages}
    assert list(last) == ["1", "2", "3"]
    for column in ("distinct_lasting_draws", "distinct_numbers", "origins"):
        assert sum(int(row[column]) for row in last.values()) == made.about[column]
    assert all(row["origins"] for row in made.stages)


def test_worlds_of_every_run_of_the_sampler_are_kept_in_turn(sample):
    table = pq.read_table(sample / "worlds.parquet")
    assert table["repeat"].to_pylist() == [1, 2, 3] * WORLDS
    by_run = {}
    for repeat, origin in zip(table["repeat"].to_pylist(), table["origin"].to_pylist(), strict=True):
        by_run.setdefault(repeat, set()).add(origin // (WORLDS * verb.DRAWN))
    assert by_run == {1: {0}, 2: {1}, 3: {2}}  # ancestors of different runs have different numbers


def test_the_page_shows_how_far_runs_of_the_sampler_are_apart(made):
    about = {**made.about, "medians_by_repeat": {"share_held": [0.31, 0.52, 0.4], "crossed": [900.0, 20.0, 1100.0]}}
    (sentence,) = pages.describe_spread_of_runs(made._replace(about=about))
    assert "between 31 % and 52 % in a run" in sentence
    assert "between 20 and 1,100." in sentence
    assert pages.describe_spread_of_runs(made._replace(about={**about, "repeats": [-1.0]})) == []
    assert len(made.about["medians_by_repeat"]["share_held"]) == 3


def test_repeats_have_seeds_of_their_own(made):
    repeats = made.about["repeats"]
    assert len(set(repeats)) == 3
    assert made.about["log_evidence"] == pytest.approx(np.log(np.mean(np.exp(repeats))))
    assert f"{np.mean(repeats):.1f}".replace("-", "−") in pages.describe_size(made)[-1]


def test_too_few_worlds_are_not_called_a_sample(made):
    few, enough = (made._replace(about={**made.about, "distinct_lasting_draws": count}) for count in (FLOOR - 1, FLOOR))
    assert not few.is_sample and enough.is_sample
    assert "too few" in pages.describe_worlds(few) and "too few" not in pages.describe_worlds(enough)
    assert "repeats=6" in pages.describe_size(few)[0]
    assert pages.heading_of(few) != pages.heading_of(enough)


def test_worlds_that_are_versions_of_one_campaign_are_said_to_be(made):
    rows = [{**made.luck[0], "spread": spread} for spread in ("1", "0.5", "0.1")]
    (sentence,) = pages.describe_shared(made._replace(luck=rows))
    assert "count as 4 independent" in sentence


def test_what_is_not_reached_comes_first(made):
    rows = [{**row, "surprise_at_the_end": "0.5"} for row in made.observations]
    rows[3]["surprise_at_the_end"] = "9"
    reached, missed = pages.describe_reached(made._replace(observations=rows))
    assert f"{len(rows) - 1} of {len(rows)}" in reached
    assert rows[3]["description"][1:] in missed
    assert len(pages.describe_reached(made._replace(observations=rows[:3]))) == 1


def test_luck_is_told_only_where_it_is_beyond_chance(made):
    row = {**made.luck[0], "luck": "-2.6", "one_in": "210", "scale": "uniform", "region": "Takhar"}
    told = [{**row, "q": "0.001"}, {**row, "q": "0.2"}, {**row, "q": "0.001", "luck": "-0.1", "one_in": "2.1"}]
    *_, nothing = pages.describe_luck(made._replace(luck=told[1:2]))
    assert nothing.startswith("No finding")
    first, *sentences = pages.describe_luck(made._replace(luck=told))
    assert first.startswith("2 of 3")
    assert len(sentences) == 1
    assert "one free campaign in 210" in sentences[0] and row["low"] in sentences[0]


def test_draws_of_own_rules_are_said_not_to_be_counted(made):
    assert made.about["luck_not_counted"] == {}
    assert not any("not counted" in sentence for sentence in pages.describe_luck(made))
    with_rules = made._replace(about={**made.about, "luck_not_counted": {"neighbours": 50, "rumours": 51}})
    *_, last = pages.describe_luck(with_rules)
    assert "neighbours (stream 50) and rumours (stream 51) are not counted" in last


def test_a_finished_sample_draws_only_the_page_that_is_missing(sample, monkeypatch):
    monkeypatch.setattr(verb, "run_batch", None)  # nothing is computed
    drawn = []
    monkeypatch.setattr(pages, "write_page_of_worlds", drawn.append)
    request = read_request(Assimilate, words(sample.parent, "repeats=3"))
    assert verb.assimilate(request).is_dir()
    assert not drawn
    (sample / PAGE).rename(sample / "kept")
    assert verb.assimilate(request).is_dir()
    (sample / "kept").rename(sample / PAGE)
    assert drawn == [sample]


def test_without_the_extra_tables_are_written_and_the_page_is_not(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(verb, "run_batch", likelihoods)
    monkeypatch.setattr(verb, "count_batch", seen)
    monkeypatch.setattr(verb, "missing_of", lambda _extra: ["matplotlib"])
    monkeypatch.setattr(tables, "WORLDS", 8)
    assert verb.assimilate(read_request(Assimilate, words(tmp_path))).is_dir()
    assert "panj[report]" in capsys.readouterr().out
    assert (tmp_path / "small" / "luck.csv").is_file()
    assert not (tmp_path / "small" / PAGE).exists()


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_damaged_table_is_named(sample, tmp_path, damage):
    for name in (*TABLES, "about.json"):
        (tmp_path / name).write_bytes((sample / name).read_bytes())
    if damage == "missing":
        (tmp_path / "luck.csv").unlink()
    else:
        (tmp_path / "about.json").write_text("{", encoding="utf-8")
    with pytest.raises(PanjError) as raised:
        pages.write_page_of_worlds(tmp_path)
    assert raised.value.key.startswith(str(tmp_path))
    assert not (tmp_path / PAGE).exists()


def test_tables_weigh_worlds_as_the_sampler_does(monkeypatch):
    """What is counted in the last run of a world gives its log likelihoods, to the digit."""
    monkeypatch.setattr(campaigns, "run_campaign", of_address)
    observations = read_observations(read_evidence())
    _, order = verb.settings_of(read_request(Assimilate, []))
    model = campaigns.Campaigns(order, observations, FACTS, lambda _batches: [])
    batch = model.batches(model.begin(np.random.default_rng(0), 2), model.stages - 1)[0]
    counts = tables.count_batch(batch).counts
    assert np.array_equal(tables.terms_of(counts, observations), campaigns.run_batch(batch))


def test_a_campaign_that_cannot_be_run_is_left_out():
    counts = np.array([[1.0, 2.0], [np.nan, np.nan], [3.0, 4.0]])
    crossed = np.arange(3)[:, None, None]
    found = CampaignCounts(counts, crossed, crossed.astype(np.uint8)).finished()
    assert found.counts.tolist() == [[1, 2], [3, 4]]
    assert found.crossed.ravel().tolist() == found.held.ravel().tolist() == [0, 2]


def test_the_table_files_are_plain_csv(sample):
    for name in TABLES:
        rows = read_rows(sample / name)
        assert rows and all(None not in row for row in rows)
    json.loads((sample / "about.json").read_text(encoding="utf-8"))
