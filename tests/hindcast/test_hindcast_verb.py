"""The verb: stand-ins for campaigns, files of the hub read back, resuming, and faulty requests."""

import json
import logging
from datetime import date

import hubdata
import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from described import undescribed
from PIL import Image
from quick import likelihoods, of_address

from sim.__main__ import main
from sim.assimilation import assimilate as sampler
from sim.assimilation.observations import read_observations
from sim.configuration.worlds import read_worlds
from sim.data.evidence import read_evidence
from sim.data.facts import read_falls
from sim.errors import CampaignError, PanjError
from sim.hindcast import campaigns
from sim.hindcast import hindcast as verb
from sim.hindcast.design import FORECASTS, PANJ, QUANTILES, TABLES, TARGETS
from sim.hindcast.figures import read_hindcast
from sim.hindcast.hindcast import hindcast
from sim.hindcast.page import show_hindcast
from sim.options import Hindcast, read_command, read_request
from sim.plots.tables import read_rows

WORDS = ("origins=2021-06-08,2021-06-14", "horizons=1,3", "worlds=32", "repeats=1", "executor.workers=1")


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Campaigns that cost nothing."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sampler, "run_batch", likelihoods)
        patched.setattr(campaigns, "run_campaign", of_address)
        yield


def request(folder, *words, name="h"):
    return read_request(Hindcast, [*WORDS, f"results_dir={folder}", f"name={name}", *words])


def digits(folder):
    return {name: (folder / f"{name}.csv").read_bytes() for name in TABLES}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return hindcast(request(tmp_path_factory.mktemp("done")))


def test_tables_hold_every_forecast_of_every_target(done):
    rows = read_rows(done / "counts.csv")
    assert len(rows) == 2 * 2 * len(TARGETS) * (len(FORECASTS) - 1)
    assert {row["forecast"] for row in read_rows(done / "maps.csv")} == set(FORECASTS)
    about = json.loads((done / "about.json").read_text(encoding="utf-8"))
    assert about["campaigns"]["2021-06-14"] == {PANJ: 32, "free_panj": 32}
    assert about["until"] == {"2021-06-08": "2021-06-08", "2021-06-14": "2021-06-14"}
    for origin in about["origins"]:
        assert (done / "origins" / origin / "worlds.parquet").is_file()


def test_the_worlds_of_every_run_of_the_sampler_are_forecasts(done, tmp_path, capsys):
    words = [
        "origins=2021-06-14",
        "horizons=1",
        "worlds=32",
        "repeats=2",
        "executor.workers=1",
        f"results_dir={tmp_path}",
    ]
    folder = hindcast(read_request(Hindcast, words))
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    assert about["campaigns"]["2021-06-14"] == {PANJ: 64, "free_panj": 64}
    worlds = pq.read_table(folder / "origins" / "2021-06-14" / "worlds.parquet", columns=["repeat"])
    assert worlds["repeat"].to_pylist() == [1, 2] * 32
    assert show_hindcast(folder) == 0
    assert "1 origin x 2 runs of the sampler x 32 worlds" in (folder / "report.html").read_text(encoding="utf-8")


def test_every_column_of_every_table_is_described(done):
    assert not undescribed(done)


def test_the_same_command_computes_nothing_and_another_one_is_refused(done, capsys):
    before = digits(done)
    hindcast(request(done.parent))
    assert "nothing is computed" in " ".join(capsys.readouterr().out.split())
    assert digits(done) == before
    assert main(["hindcast", *WORDS, f"results_dir={done.parent}", "name=h", "seed=1"]) == 2
    assert "name: found" in capsys.readouterr().err
    assert digits(done) == before


def test_a_damaged_folder_is_not_overwritten(tmp_path, capsys):
    (tmp_path / "h").mkdir()
    (tmp_path / "h" / "about.json").write_text("{", encoding="utf-8")
    assert main(["hindcast", *WORDS, f"results_dir={tmp_path}", "name=h"]) == 2
    assert capsys.readouterr().err.startswith("panj: name: found")
    assert [path.name for path in (tmp_path / "h").iterdir()] == ["about.json"]


def test_a_stopped_hindcast_goes_on_to_the_same_digits(done, tmp_path, monkeypatch):
    calls = []

    def stopped(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return naive(*arguments)

    naive = verb.naive_forecasts
    monkeypatch.setattr(verb, "naive_forecasts", stopped)
    words = ["hindcast", *WORDS, f"results_dir={tmp_path}", "name=other"]
    assert main(words) == 130
    assert not (tmp_path / "other" / "about.json").exists()
    assert (tmp_path / "other" / "origins" / "2021-06-08" / "about.json").exists()
    monkeypatch.setattr(verb, "naive_forecasts", naive)
    assert digits(hindcast(request(tmp_path, name="other"))) == digits(done)


def test_nothing_after_the_origin_reaches_a_hindcast(tmp_path, monkeypatch):
    """Values published after 8 June and falls after it are scrambled: all forecasts stay the same to the bit."""
    origin = date(2021, 6, 8)

    def asked(folder):
        words = [word for word in WORDS if not word.startswith("origins")]
        found = []
        monkeypatch.setattr(verb, "write_all", lambda job, origins, seconds: found.extend(origins))
        hindcast(read_request(Hindcast, [*words, "origins=2021-06-08", f"results_dir={folder}"]))
        return found[0]

    first = asked(tmp_path / "first")
    falls = read_falls()
    dates = falls.fell_date.copy()
    dates[dates > np.datetime64(origin)] = np.datetime64("2021-07-01")
    rows = tuple(
        one._replace(value=3.0 * one.value + 5.0) if one.published > origin else one
        for one in read_observations(read_evidence())
    )
    monkeypatch.setattr(verb, "read_falls", lambda: falls._replace(fell_date=dates))
    monkeypatch.setattr(verb, "read_observations", lambda evidence: rows)
    monkeypatch.setattr(sampler, "read_observations", lambda evidence: rows)
    other = asked(tmp_path / "second")
    assert set(first.forecasts) == set(FORECASTS)
    for name, one in first.forecasts.items():
        assert np.array_equal(one.paths, other.forecasts[name].paths), name
        assert np.array_equal(one.probabilities, other.forecasts[name].probabilities), name
    worlds = (tmp_path / part / "hindcast/origins/2021-06-08/worlds.parquet" for part in ("first", "second"))
    assert len({read_worlds(path).digest for path in worlds}) == 1


def test_hubdata_reads_the_files_of_the_hub(done):
    logging.getLogger("hubdata").setLevel(logging.ERROR)
    hub = hubdata.connect_hub(str(done / "hubverse"))
    table = hub.to_table() if hasattr(hub, "to_table") else hub.get_dataset().to_table()
    assert set(table["model_id"].to_pylist()) == {f"panj-{name}" for name in FORECASTS if name != "neighbours"}
    rows = table.filter(
        (pc.field("model_id") == f"panj-{PANJ}")
        & (pc.field("target") == "soldiers")
        & (pc.field("origin_date") == date(2021, 6, 14))
    )
    quantiles = rows.filter((pc.field("output_type") == "quantile") & (pc.field("horizon") == 3))
    assert sorted(map(float, quantiles["output_type_id"].to_pylist())) == list(QUANTILES)
    values = quantiles.sort_by("value")["value"].to_numpy()
    samples = rows.filter(pc.field("output_type") == "sample")
    there = samples.filter(pc.field("horizon") == 3)["value"].to_numpy()
    assert values == pytest.approx(np.quantile(there, QUANTILES))
    joined = samples.group_by("output_type_id").aggregate([("horizon", "count"), ("value", "min_max")])
    assert set(joined["horizon_count"].to_pylist()) == {2}  # one trajectory over both horizons
    assert joined.num_rows == 32


def test_a_campaign_that_cannot_go_on_is_left_out(tmp_path, monkeypatch):
    def fails(layout, rules, timeline, seed, days, world=None):
        if hash(seed) % 3 == 0:
            raise CampaignError("no space")
        return of_address(layout, rules, timeline, seed, days, world)

    monkeypatch.setattr(campaigns, "run_campaign", fails)
    words = [*WORDS[1:], "origins=2021-06-08", f"results_dir={tmp_path}"]
    folder = hindcast(read_request(Hindcast, words))
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    assert 0 < about["campaigns"]["2021-06-08"]["free_panj"] < 32


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("origins=2021-07-08", "origins"),
        ("origins=2021-06-09", "origins"),
        ("origins=2021-06-08,2021-06-08", "origins"),
        ("origins=yesterday", "origins"),
        ("horizons=0", "horizons"),
        ("horizons=30", "horizons"),
        ("horizons=1,1", "horizons"),
        ("worlds=8", "worlds"),
        ("worlds=33", "worlds"),
        ("repeats=0", "repeats"),
        ("morale=brittel", "morale"),
        ("calibration=as_declared", "calibration"),
        ("worlds.file=none.parquet", "worlds.file"),
        ("end_date=2021-06-01", "end_date"),
        ("start_date=2021-05-03", "start_date"),
    ],
)
def test_a_faulty_request_is_one_line_and_writes_nothing(word, key, tmp_path, capsys):
    words = [one for one in WORDS if one.partition("=")[0] != word.partition("=")[0]]
    assert main(["hindcast", *words, word, f"results_dir={tmp_path}"]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith(f"panj: {key}")
    assert "\n" not in said
    assert len(said) < 400
    assert not list(tmp_path.iterdir())


def test_the_page_says_what_it_is_and_counts_losses(done, capsys):
    assert show_hindcast(done) == 0
    said = " ".join(capsys.readouterr().out.split())
    page = (done / "report.html").read_text(encoding="utf-8")
    for text in (said, page):
        assert "A hindcast: the rules were written by people who knew these weeks" in text
        assert text.count("Panj is worse than free Panj") == text.count("Panj is better than free Panj") == 2
        assert "At 2 of 2 origins" in text  # 32 worlds are too few to call a sample
    assert "2 origins x 32 worlds" in page
    assert Image.open(done / "fans.png").text["panj"].count("2021-06-14") > 0


def test_a_folder_without_its_tables_is_named(done, tmp_path):
    (tmp_path / "about.json").write_text((done / "about.json").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(PanjError, match=r"counts\.csv"):
        read_hindcast(tmp_path)


def test_the_verb_is_declared_once():
    asked = read_command(["hindcast", "origins=2021-06-22", "worlds=64"])
    assert asked.origins == (date(2021, 6, 22),)
    assert asked.horizons == (1, 3, 7, 14)
