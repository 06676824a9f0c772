"""A fit on banks whose truth is planted: it is found where it can be, nothing is claimed where it cannot."""

import csv
import json
import re
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from described import undescribed
from fitted import make_bank, target_of
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from sim import options
from sim.__main__ import main
from sim.calibrate.calibrate import REFINED_ONLY, rows_of_diagnostics, rows_of_predictive
from sim.calibrate.chains import RATES, Effort, Problem, Sizes, refine
from sim.calibrate.figures import show_fit
from sim.calibrate.fit import Bank, Fit, Summaries, adjusted, fit, nearest_of, rows_of_screening, screen, summaries_of
from sim.calibrate.heldout import targets_until
from sim.calibrate.page import describe_events, describe_learned, pressed_end, read_fit, write_page_of_fit
from sim.calibrate.refine import RefinedFit, Trial, events_of, units_of
from sim.calibrate.tables import distance_from_uniform
from sim.configuration.compose import compose_settings
from sim.configuration.draws import Prior, numbers_at, priors_under
from sim.configuration.posterior import posterior_of
from sim.data.facts import THE_LINE
from sim.errors import PanjError
from sim.options import Calibrate, read_request
from sim.provenance import fitted_until, seal
from sim.scoring.forecasts import forecast_of, targets_here
from sim.scoring.targets import Target
from sim.study.files import write_folder

PRIORS = priors_under(())[:6]  # the first is of whole numbers, some are on the log scale
KEYS = tuple(prior.key for prior in PRIORS)
TRUE = {0: 0.3, 1: 0.8, 5: 0.4}  # place: share of the prior
FILES = {"posterior.parquet", "screening.csv", "diagnostics.csv", "predictive.csv", "fit.json", "prior_posterior.png",
         "pairs.png", "predictive.png", "report.html", "codebook.csv"}  # fmt: skip
FITTED = {  # outcomes of targets that are fitted, with numbers near the record
    "share_held_by_taliban_2021_06_30": (0.3, 0.2), "retaken_2021_06_30": (3, 10),
    "takhar_kunduz_most_lost_in_five_days": (5, 15), "troops_crossed_largest_night": (400, 1500),
}  # fmt: skip


def planted(campaigns: int = 3000, seed: int = 1) -> tuple[Bank, list[Target]]:
    """A bank whose three outcomes follow three of six numbers, and targets that campaigns with TRUE would meet."""
    rng = np.random.default_rng(seed)
    shares = rng.random((campaigns, len(PRIORS)))
    drawn = np.array([[prior.at(share) for prior, share in zip(PRIORS, row, strict=True)] for row in shares])
    mixed = {"one": (1.0, 0.5, 0.0), "two": (0.0, 1.0, -0.4), "three": (0.3, 0.0, 1.0)}
    outcomes, targets = {}, []
    for name, slopes in mixed.items():
        noise = 0.03 * rng.standard_normal(campaigns)
        outcomes[name] = sum(slope * shares[:, place] for slope, place in zip(slopes, TRUE, strict=True)) + noise
        targets.append(target_of(name, sum(slope * TRUE[place] for slope, place in zip(slopes, TRUE, strict=True))))
    return Bank(Path("none"), KEYS, np.arange(campaigns), drawn, pa.table(outcomes), 0), targets


@pytest.fixture(scope="module")
def made() -> Fit:
    bank, targets = planted()
    return fit(bank, PRIORS, targets, 0.1)


def test_what_moves_the_summaries_is_chosen_and_nothing_else(made: Fit) -> None:
    assert {KEYS[place] for place in TRUE} == set(made.screening.chosen)
    rows = rows_of_screening(made.screening, made.summaries)
    assert [row["number"] for row in rows[:3]] == list(made.screening.chosen)
    assert [row["chosen"] for row in rows] == ["yes"] * 3 + ["no"] * 3
    assert float(rows[0]["largest_share"]) == max(float(rows[0][name]) for name in ("one", "two", "three"))


def test_planted_numbers_are_found_and_others_are_left(made: Fit) -> None:
    for place, row in enumerate(rows_of_diagnostics(made)):
        if place in TRUE:
            value = PRIORS[place].at(TRUE[place])
            assert float(row["posterior_low_90"]) < value < float(row["posterior_high_90"])
            assert float(row["contraction"]) > 0.8 and float(row["ks_distance"]) > 0.2
            assert row["chosen"] == "yes"
        else:
            assert abs(float(row["contraction"])) < 0.25 and float(row["ks_distance"]) < 0.15
            assert row["chosen"] == "no"
        assert 0 < float(row["effective_sample_size"]) <= row["draws"] <= 300


def test_adjustment_narrows_what_rejection_leaves(made: Fit) -> None:
    for place in TRUE:
        shares = [
            np.array([PRIORS[place].share(value) for value in rows[:, place]])
            for rows in (made.bank.drawn[made.nearest.rows], made.posterior.rows)
        ]
        assert shares[1].std() < shares[0].std()


def test_every_draw_is_within_its_prior_and_whole_numbers_stay_whole(made: Fit) -> None:
    for prior, column in zip(PRIORS, made.posterior.rows.T, strict=True):
        assert prior.low <= column.min() and column.max() <= prior.high
    assert np.array_equal(made.posterior.rows[:, 0], np.round(made.posterior.rows[:, 0]))


def test_numbers_that_were_not_chosen_keep_their_draws(made: Fit) -> None:
    for place in set(range(len(KEYS))) - set(TRUE):
        assert np.array_equal(made.posterior.rows[:, place], made.bank.drawn[made.nearest.rows, place])


def test_a_fit_repeats_to_the_last_digit(made: Fit) -> None:
    bank, targets = planted()
    assert fit(bank, PRIORS, targets, 0.1).posterior.digest == made.posterior.digest
    assert fit(bank, PRIORS, targets, 0.11).posterior.digest != made.posterior.digest


def test_the_accepted_campaigns_lie_nearer_to_the_record(made: Fit) -> None:
    for row in rows_of_predictive(made):
        before = float(row["high_90"]) - float(row["low_90"])
        assert float(row["accepted_high_90"]) - float(row["accepted_low_90"]) < before
        assert row["inside_90"] == "yes"


def test_the_nearest_campaigns_weigh_by_their_distance() -> None:
    near = nearest_of(np.array([3.0, 1.0, np.inf, 2.0, 4.0, 0.0]), 0.5, 1)
    assert near.rows.tolist() == [1, 3, 5] and near.distances.tolist() == [1, 2, 0] and near.tolerance == 3
    assert near.weights == pytest.approx([8 / 9, 5 / 9, 1])
    assert near.effective == pytest.approx((22 / 9) ** 2 / ((64 + 25 + 81) / 81))


def test_where_all_are_equally_near_they_weigh_the_same() -> None:
    assert nearest_of(np.zeros(10), 0.4, 1).weights.tolist() == [1.0] * 4
    assert nearest_of(np.ones(10), 0.4, 1).weights.tolist() == [1.0] * 4


def test_campaigns_that_lack_an_outcome_are_never_accepted() -> None:
    near = nearest_of(np.array([np.inf, 1.0, np.inf, 2.0]), 0.9, 1)
    assert near.rows.tolist() == [1]


def test_too_few_campaigns_are_named() -> None:
    for distances in (np.arange(100.0), np.full(100, np.inf)):
        with pytest.raises(
            PanjError, match=r"accept: found 0.1 of 100 campaigns, .* at most .* draws, expected at least 20"
        ):
            nearest_of(distances, 0.1, 20)


def test_distance_is_in_units_of_error_and_spread_and_counts_events_alike() -> None:
    table = pa.table({"a": [10.0, 12.0, 14.0], "b": [1.0, None, 3.0], "c": [0.0, 1.0, 2.0]})
    targets = [
        target_of("a", 10.0, "first", sd=1.0),
        target_of("b", None, "first", low=2.0, high=9.0, error="range", sd=0.5),
        target_of("c", 0.0, "second", error="exact", sd=0.0),
    ]
    found = summaries_of(table, targets)
    unit = np.hypot(1.0, 1.4826 * 2)
    assert found.units == pytest.approx([unit, np.hypot(0.5, 1.4826), 1.0])
    assert found.outside[:, 0] == pytest.approx(np.array([0, 2, 4]) / unit)
    assert found.outside[[0, 2], 1] == pytest.approx([-1 / found.units[1], 0.0])
    expected = [np.sqrt(1 / found.units[1] ** 2 / 4), np.inf, np.sqrt((4 / unit) ** 2 / 4 + 4 / 2)]
    assert found.distances == pytest.approx(expected)


def test_targets_that_the_bank_lacks_are_left_out_and_said() -> None:
    found = summaries_of(
        pa.table({"a": [1.0, 2.0]}), [target_of("a", 1.0), target_of("z", 1.0), target_of("a", 1.0, use="scored")]
    )
    assert [one.target for one in found.targets] == ["a"] and found.left_out == ("z",)
    with pytest.raises(PanjError, match="found a bank without any outcome to fit"):
        summaries_of(pa.table({"b": [1.0]}), [target_of("a", 1.0)])


def summaries_with(*columns: np.ndarray) -> Summaries:
    numbers = np.array(columns).T
    return Summaries(
        tuple(target_of(str(place), 0.0) for place in range(len(columns))), (), numbers, numbers, np.ones(1)
    )


def test_screening_sees_curves_and_no_effect_where_there_is_none() -> None:
    drawn = np.random.default_rng(2).random((2000, 4))
    bent = (drawn[:, 2] - 0.5) ** 2
    found = screen(("a", "b", "c", "d"), drawn, summaries_with(bent, np.full(2000, 3.0)))
    assert found.chosen == ("c",)
    assert found.shares[2, 0] > 0.95 and found.shares[:, 1].tolist() == [0, 0, 0, 0]
    with pytest.raises(PanjError, match="found no number that explains"):
        screen(("a", "b", "c", "d"), drawn, summaries_with(np.random.default_rng(3).random(2000)))


def test_at_most_eight_numbers_are_chosen() -> None:
    drawn = np.random.default_rng(2).random((4000, 12))
    found = screen(tuple("abcdefghijkl"), drawn, summaries_with(drawn @ np.arange(1.0, 13.0)))
    assert found.chosen == tuple("lkjihgfe")


def test_a_straight_line_is_adjusted_to_the_point() -> None:
    prior = Prior("rules.morale.base", 0.45, 0.75, "linear")
    odds = np.linspace(-2, 2, 41)
    drawn = np.array([[prior.at(float(1 / (1 + np.exp(-one))))] for one in odds])
    moved = adjusted(drawn, [prior], [0], (odds - 0.7)[:, None] * 2, np.ones(41))
    assert moved == pytest.approx(np.full((41, 1), prior.at(float(1 / (1 + np.exp(-0.7))))))
    assert np.array_equal(adjusted(drawn, [prior], [0], np.zeros((41, 2)), np.ones(41)), drawn)


def test_the_distance_from_the_prior_is_by_weight() -> None:
    even = (np.arange(100) + 0.5) / 100
    assert distance_from_uniform(even, np.ones(100)) == pytest.approx(0.005)
    assert distance_from_uniform(even, np.where(even < 0.5, 1.0, 0.0)) == pytest.approx(0.505, abs=0.01)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["accept=much"], "accept: found 'much', expected a number between 0 and 1"),
        (["accept=1"], "accept: found '1'"),
        (
            ["acept=0.1"],
            "calibrate: found 'acept', expected one of accept, refine, chains, seed, until, check; did you mean",
        ),
        (["refine=fully"], "refine: found 'fully', expected one of quick, full, none; did you mean 'full'?"),
        (["chains=0"], "chains: found '0', expected a whole number from 1 to"),
        (["seed=-1"], "seed: found '-1', expected a whole number from 0 to"),
        (["a", "b"], "calibrate: found 2 folders"),
        (["-m"], "calibrate: found '-m'"),
    ],
)
def test_what_is_not_understood_is_named(words: list[str], error: str) -> None:
    with pytest.raises(PanjError) as raised:
        read_request(Calibrate, words)
    assert error in str(raised.value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small bank of campaigns that cost nothing, some of whose outcomes follow some of the numbers."""
    place = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        make_bank(patch, "runs=300", f"results_dir={place}")
        table = pq.read_table(place / "bank" / "runs.parquet")
        rng = np.random.default_rng(4)
        for prior, (outcome, (low, wide)) in zip(priors_under(()), FITTED.items(), strict=False):
            shares = np.array([prior.share(value) for value in table[prior.key].to_pylist()])
            column = table.column_names.index(outcome)
            values = low + wide * (shares + 0.02 * rng.standard_normal(len(shares)))
            table = table.set_column(column, outcome, pa.array(values))
        pq.write_table(table, place / "bank" / "runs.parquet")
        yield place / "bank"


def calibrate(folder: Path) -> int:
    return main(["calibrate", str(folder), "accept=0.3", "refine=none"])


def test_the_command_writes_a_posterior_that_runs_can_use(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert calibrate(folder) == 0
    said = " ".join(capsys.readouterr().out.split())
    made = folder / "calibration"
    assert {path.name for path in made.iterdir()} == FILES
    file = made / "posterior.parquet"
    assert f"Next: open {made / 'report.html'}; or python -m sim calibration=posterior calibration.file={file}" in said
    assert "Fitted numbers. The 9" in said or "Fitted numbers. The 8" in said
    table = pq.read_table(file)
    about = json.loads(table.schema.metadata[b"panj"])
    assert about["rows"] == 300 and about["draws"] == table.num_rows <= 90
    assert {prior.key for prior in priors_under(())[:4]} <= set(about["chosen"]) and len(about["chosen"]) <= 8
    assert about == {**json.loads((made / "fit.json").read_text()), "digest": about["digest"]}
    settings = compose_settings(["calibration=posterior", f"calibration.file={file}"])
    assert settings.draws is not None and settings.draws.posterior is not None
    assert settings.draws.posterior.digest == about["posterior"]
    assert settings.draws.posterior.note == f"{table.num_rows} weighted draws fitted to {about['targets']} targets"
    taken = list(settings.draws.numbers(5).values())
    assert taken in np.array([table[prior.key].to_numpy() for prior in priors_under(())]).T.tolist()


def test_a_fit_of_part_of_the_record_uses_no_later_report_and_has_a_folder_of_its_own(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert calibrate(folder) == 0
    whole = (folder / "calibration" / "fit.json").read_bytes()
    capsys.readouterr()
    assert main(["calibrate", str(folder), "accept=0.3", "refine=none", "until=2021-06-22"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Only reports of days up to 22 June are fitted" in said
    assert (folder / "calibration" / "fit.json").read_bytes() == whole
    made = folder / "calibration_2021-06-22"
    assert json.loads((made / "fit.json").read_text())["until"] == "2021-06-22"
    with (made / "predictive.csv").open(newline="") as file:
        known = {row["target"] for row in csv.DictReader(file)}
    dates = {target.target: target.date for target in targets_here()}
    assert len(known) > 8 and max(dates[name] for name in known) <= date(2021, 6, 22)
    late = {"troops_crossed_largest_night", "badakhshan_lost_2021_07_05"}
    assert not late & {target.outcome for target in targets_until(targets_here(), date(2021, 6, 22))}
    words = ["calibration=posterior", f"calibration.file={made / 'posterior.parquet'}"]
    assert fitted_until(compose_settings(words).calibration) == date(2021, 6, 22)


def test_a_fit_of_the_whole_record_is_described_as_before(folder: Path) -> None:
    assert calibrate(folder) == 0
    words = ["calibration=posterior", f"calibration.file={folder / 'calibration' / 'posterior.parquet'}"]
    said = compose_settings(words).calibration
    assert said.endswith(" targets") and fitted_until(said) is None
    assert options.THE_LINE == THE_LINE


@pytest.mark.parametrize(
    ("words", "key"),
    [(["until=2021-07-08"], "until"), (["until=2021-04-30"], "until"), (["until=2021-06-22", "check=true"], "check")],
)
def test_a_day_that_cannot_be_fitted_is_refused_before_anything_is_written(
    folder: Path, words: list[str], key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(folder.rglob("*"))
    assert main(["calibrate", str(folder), "accept=0.3", "refine=none", *words]) == 2
    assert capsys.readouterr().err.startswith(f"panj: {key}:")
    assert sorted(folder.rglob("*")) == before


def test_every_column_of_a_fit_is_described_in_its_codebook_and_its_parquet_files(folder: Path) -> None:
    assert calibrate(folder) == 0
    place = folder / "calibration"
    assert undescribed(place) == []
    for field in pq.read_schema(place / "posterior.parquet"):
        assert field.metadata and field.metadata[b"description"]


def test_every_figure_says_what_it_shows(folder: Path) -> None:
    assert calibrate(folder) == 0
    for name in ("prior_posterior.png", "pairs.png", "predictive.png"):
        with Image.open(folder / "calibration" / name) as picture:
            assert json.loads(picture.text["panj"])["rows"] == 300  # type: ignore[attr-defined]
    with (folder / "calibration" / "predictive.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(row["use"] == "fitted" for row in rows) > 5 and sum(row["use"] == "scored" for row in rows) > 40


def test_the_page_loads_nothing_and_shows_every_figure(folder: Path) -> None:
    assert calibrate(folder) == 0
    page = (folder / "calibration" / "report.html").read_text()
    assert page.count('src="data:image/png;base64,') == 3
    assert not re.search(r'(src|href)="(?!data:|https?://|[\w.]+")', page) and "<script" not in page
    assert not re.search(r'src="http|url\(|@import|<link', page)
    assert "No chains refined it." in page and "Can the chains be trusted?" not in page


def test_further_sections_come_in_the_order_of_their_names(folder: Path) -> None:
    assert calibrate(folder) == 0
    place = folder / "calibration"
    (place / "x.csv").write_text("number,verdict\nnews.province,not <identified>\n")
    told = {"title": "Second", "paragraphs": ["One.", "Two."], "tables": ["x.csv"], "figures": ["pairs.png"]}
    try:
        (place / "section_2.json").write_text(json.dumps(told))
        (place / "section_1.json").write_text(json.dumps({"title": "First", "posterior": "another"}))
        page = write_page_of_fit(place).read_text()
        assert page.index("<h2>First</h2>") < page.index("<h2>Second</h2>")
        assert "not &lt;identified&gt;" in page and page.count('src="data:image/png;base64,') == 4
        assert page.count("This section was made for an earlier fit.") == 1
        assert calibrate(folder) == 0  # a new fit keeps the sections that are there
        assert "<h2>Second</h2>" in (place / "report.html").read_text()
        (place / "section_1.json").write_text(json.dumps({"title": "First", "tables": ["y.csv"]}))
        with pytest.raises(PanjError, match=r"section_1.json: found no .*y.csv"):
            write_page_of_fit(place)
        (place / "section_1.json").write_text("{}")
        with pytest.raises(PanjError, match=r"section_1.json: found an invalid section \('title'\), expected a title"):
            write_page_of_fit(place)
    finally:
        for name in ("x.csv", "section_1.json", "section_2.json"):
            (place / name).unlink()


def test_a_fit_that_is_not_refined_leaves_no_file_of_one_that_was(folder: Path) -> None:
    assert calibrate(folder) == 0
    place = folder / "calibration"
    for name in REFINED_ONLY:
        (place / name).write_text("of an earlier fit")
    assert calibrate(folder) == 0
    assert {path.name for path in place.iterdir()} == FILES


def refined_at_once(made: Fit, request: Calibrate, place: Path, console: Console) -> RefinedFit:
    """A refined fit whose scores follow the second number alone, and whose new campaigns are those of the bank."""
    units = units_of(made.targets, forecast_of(made.bank.outcomes, made.targets))
    events, effort = events_of(units), Effort(32, 4, 1)

    def score(shares: NDArray[np.float64], seeds: NDArray[np.int64], sizes: Sizes) -> NDArray[np.float64]:
        return np.tile(np.abs(shares[:, 1:2] - 0.7)[:, None], (1, len(sizes), len(events)))

    folder = place / "chains" / "here"
    by_rate = refine(Problem(made.priors, score), effort, request.chains, request.seed, folder, console)
    refined, trials = by_rate[2], tuple(Trial(one.rate, 9.0, 9.5) for one in by_rate)
    drawn = [numbers_at(made.priors, row) for row in refined.shares]
    rows = np.array([[one[key] for key in made.bank.keys] for one in drawn])
    posterior = posterior_of(made.bank.keys, np.ones(len(rows)), rows, "")
    again = made.bank.outcomes.append_column("seed", pa.array(made.bank.seeds + 1000))
    accepted = made.bank.outcomes.take(np.arange(len(rows)))
    return RefinedFit(effort, events, units, refined, trials, posterior, accepted, again, 1000, folder, 4321)


@pytest.fixture
def refined(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a refined fit."""
    monkeypatch.setattr("sim.calibrate.calibrate.refined_fit", refined_at_once)
    assert main(["calibrate", str(folder), "accept=0.3", "refine=quick", "chains=2"]) == 0
    yield folder / "calibration"
    shutil.rmtree(folder / "calibration")


def test_a_refined_fit_says_what_all_of_its_numbers_were_fitted_to(refined: Path) -> None:
    assert {path.name for path in refined.iterdir()} - {"chains"} == FILES | REFINED_ONLY
    about = json.loads((refined / "fit.json").read_text())
    assert about["tolerance"] is None and about["first"]["tolerance"] > 0
    assert about["targets"] == len(about["fitted"]) == len(about["units"]) > about["first"]["targets"]
    assert not set(about["fitted"]) & set(about["left_out"])
    assert about["chosen"][0] == priors_under(())[1].key != about["first"]["chosen"][0]  # the number that scores follow
    with (refined / "predictive.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            assert (row["use"] == "fitted") == (row["target"] in about["fitted"])


def test_every_column_of_a_refined_fit_is_described_and_chains_are_named(refined: Path) -> None:
    assert undescribed(refined) == []
    with (refined / "codebook.csv").open(encoding="utf-8", newline="") as file:
        rows = {(row["table"], row["column"]): row for row in csv.DictReader(file)}
    assert rows["screening.csv", "number"]["description"] == "Key of the number of the model"  # not that of a target
    assert rows["chains.csv", "chain_1"]["description"] == "Median of chain 1, counted from 0"
    assert rows["steps.csv", "effective_sample_size"]["unit"] == "draws"
    assert "new campaigns" in rows["predictive.csv", "again_median"]["description"]


def test_the_page_of_a_refined_fit_shows_steps_and_events(refined: Path) -> None:
    about, page = json.loads((refined / "fit.json").read_text()), (refined / "report.html").read_text()
    assert page.count('src="data:image/png;base64,') == 5
    assert not re.search(r'src="http|url\(|@import|<link', page)
    for event in about["events"]:
        assert f">{event.replace('_', ' ')}</td>" in page
    for words in (
        "Can the chains be trusted?",
        "learning rate",
        f"{about['simulations']:,}",
        "64 draws from 2 chains",
    ):
        assert words in page
    for words in ("generation", "Sequential ABC", "olerance", "None"):
        assert words not in page[: page.index("fit.json")]


def test_every_figure_of_a_refined_fit_says_what_it_shows(refined: Path) -> None:
    for name in ("events.png", "steps.png"):
        with Image.open(refined / name) as picture:
            made_with = json.loads(picture.text["panj"])  # type: ignore[attr-defined]
            assert made_with["learning_rate"] == RATES[2] and made_with["again"] == 300


def test_the_terminal_tells_a_refined_fit(refined: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert show_fit(refined) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Of the learning rates 1, 2, 4 and 8" in said and "9.50, 9.50, 9.50 and 9.50" in said
    assert "The mean score of" in said and f"to learning rate {RATES[2]:g}" in said and "Tolerance" not in said


def test_a_sample_that_descends_from_few_draws_of_the_prior_is_called_too_narrow(refined: Path) -> None:
    made = read_fit(refined)
    assert len(made.about["origins"]) == 2 and all(1 <= count <= 32 for count in made.about["origins"])
    few, enough = (made._replace(about={**made.about, "origins": [40, least]}) for least in (1, 10))
    assert "only 1 draw of the prior" in describe_learned(few)[0]
    assert describe_learned(few)[1:] == describe_learned(enough)


def test_events_that_came_nearer_are_counted_with_and_without_themselves(refined: Path) -> None:
    made = read_fit(refined)
    columns = ("event", "bank", "ensembles", "again", "without", "effective_without")
    rows = [
        dict(zip(columns, cells, strict=True))
        for cells in (
            ("first_event", "0.9", "0.4", "0.5", "0.6", "300"),
            ("second_event", "0.9", "0.4", "0.5", "0.95", "20"),
            ("third", "0.9", "0.4", "1.1", "1.2", "300"),
        )
    ]
    said = " ".join(describe_events(made._replace(events=rows)))
    assert "is 0.90 in the prior sample, 0.40 in the ensembles and 0.70 in" in said
    assert "to 2 of them" in said and "the mean is 0.92, and" in said and "prior sample to 1." in said
    assert "For second event, fewer than" in said and "first event" not in said
    assert describe_events(made._replace(about={**made.about, "refine": "none"})) == []


def test_a_fit_that_fails_leaves_the_one_before_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert calibrate(folder) == 0
    before = {path.name: path.read_bytes() for path in (folder / "calibration").iterdir()}

    def fail(_folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sim.calibrate.figures.draw_fit", fail)
    assert main(["calibrate", str(folder), "accept=0.4", "refine=none"]) == 2
    assert "cannot write" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (folder / "calibration").iterdir()} == before
    assert not list(folder.glob(".calibration*"))


def test_a_bank_of_other_rules_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    about = (folder / "about.json").read_text()
    try:
        (folder / "about.json").write_text(json.dumps(seal({**json.loads(about), "rules_fingerprint": "0000"})))
        assert calibrate(folder) == 2
        assert "with rules of version 0000, expected" in capsys.readouterr().err
    finally:
        (folder / "about.json").write_text(about)


def test_a_folder_that_is_no_bank_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", str(tmp_path / "nowhere")]) == 2
    assert "found no folder" in capsys.readouterr().err
    assert main(["calibrate", str(tmp_path)]) == 2
    assert "found no about.json" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_files_move_to_their_place_only_when_all_are_made(tmp_path: Path) -> None:
    place = tmp_path / "calibration"
    with write_folder(place, "calibrate") as half:
        (half / "one").write_text("new")
        assert not place.exists()
    assert (place / "one").read_text() == "new"


def test_draws_that_heap_up_at_an_end_of_the_prior_are_said() -> None:
    even = (np.arange(100) + 0.5) / 100
    assert pressed_end(even, np.ones(100)) is None
    assert pressed_end(even**4, np.ones(100)) == "low"
    assert pressed_end(even, np.where(even > 0.8, 1.0, 0.0)) == "high"
