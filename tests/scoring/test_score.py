"""Scores: against numbers worked out by hand, and the whole command on campaigns that cost nothing."""

import csv
import json
import math
import shutil
from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest
from described import undescribed
from quick import replace_campaigns
from rich.console import Console

from sim import options
from sim.data.evidence import read_evidence
from sim.data.facts import read_facts, read_falls
from sim.errors import PanjError
from sim.execution import run
from sim.options import read_request
from sim.outcome import read_outcomes
from sim.provenance import seal
from sim.scoring import figures as show
from sim.scoring import measure as measuring
from sim.scoring import score as command
from sim.scoring.forecasts import (
    DAYS,
    NAIVE,
    NEVER,
    Forecast,
    Grounds,
    first_losses,
    known_falls,
    study_to_score,
)
from sim.scoring.measure import (
    LOST_BY,
    UNKNOWN,
    Intervals,
    Score,
    area_under_curve,
    brier,
    crps,
    crps_of_parts,
    distance_to_split,
    distances_of_splits,
    gaps,
    interval_with_error_holds,
    measure,
    measure_districts,
    median_days,
    outside,
    shares_with_error,
    sign_of,
    tally,
    was_lost,
)
from sim.scoring.score import VARIANTS, cell_text, named, sweeps_of, write_score
from sim.scoring.targets import DAY_0, Known, district_targets, read_targets
from sim.study.files import csv_text, write_file

FIRST = ["target", "event", "reported", "median", "low_50", "high_50", "low_90", "high_90", "inside_90", "crps"]


@pytest.fixture(scope="module")
def targets():
    table = read_outcomes(read_facts(), DAY_0, DAYS)
    return {one.target: one for one in read_targets(read_evidence(), table)}


@pytest.fixture(scope="module")
def districts():
    return district_targets(read_facts(), read_falls())


def forecast_with(campaigns=5, lost_on=None, from_day=DAY_0, **outcomes):
    numbers = {name: np.array(values, float) for name, values in outcomes.items()}
    return Forecast("panj", "", "", numbers, lost_on, campaigns, from_day)


def test_crps_of_a_worked_example():
    # |1|, |0|, |3|: mean 4/3; pairs are 1, 3, 2 apart: mean 2, of which half
    assert crps(np.array([1.0, 0.0, -3.0]) + 0.0).value == pytest.approx(4 / 3 - (1 + 3 + 4) / 3 / 2)


def test_gaps_are_the_sums_of_all_distances():
    numbers = np.array([3.0, -1.0, 3.0, 0.5])
    assert gaps(numbers) == pytest.approx(np.abs(numbers[:, None] - numbers).sum(axis=1))


def test_a_perfect_forecast_scores_0():
    assert crps(np.zeros(20)) == Score(0.0, 0.0)


def test_one_campaign_scores_its_distance_and_has_no_error():
    score = crps(np.array([-4.0]))
    assert score.value == 4 and math.isnan(score.error)
    assert all(map(math.isnan, crps(np.array([]))))


def test_crps_in_the_long_run_is_that_of_a_normal():
    members = np.random.default_rng(0).normal(size=4000)
    exact = 2 / math.sqrt(2 * math.pi) - 1 / math.sqrt(math.pi)  # Gneiting and Raftery 2007, at its middle
    score = crps(members)
    assert abs(score.value - exact) < 4 * score.error


def test_the_error_of_crps_is_that_of_leaving_each_campaign_out():
    members = np.random.default_rng(3).gamma(2, size=30)
    without = np.array([crps(np.delete(members, one)).value for one in range(30)])
    assert crps(members).error == pytest.approx(math.sqrt(29 / 30 * ((without - without.mean()) ** 2).sum()))


def test_more_campaigns_have_a_smaller_error():
    members = np.random.default_rng(4).normal(size=2000)
    assert crps(members).error < crps(members[:100]).error / 3


def test_a_range_is_one_point():
    assert outside(np.array([1.0, 2.0, 5.0, 9.0]), 2, 5).tolist() == [-1, 0, 0, 4]
    assert outside(np.array([1.0, 9.0]), 2, math.inf).tolist() == [-1, 0]
    assert crps(outside(np.array([2.0, 3.0, 5.0]), 2, 5)).value == 0


def test_an_interval_holds_what_touches_it():
    found = Intervals(5.0, 6, 7, 8, 9)
    assert found.hold(9, 12) and found.hold(2, 5) and found.hold(6, 6)
    assert not found.hold(9.1, 12) and not found.hold(-math.inf, 4.9)


def test_the_error_of_observation_can_only_let_more_in():
    members = np.full(50, 10.0)
    assert not interval_with_error_holds(members, 12, 12, 0.0)
    assert interval_with_error_holds(members, 12, 12, 2.0)
    assert not interval_with_error_holds(members, 12, 12, 0.5)
    assert interval_with_error_holds(members, 10, 10, 0.0)


def test_auc_of_perfect_reversed_and_uninformative_rankings():
    lost = np.array([1.0, 1, 0, 0])
    assert area_under_curve(np.array([0.9, 0.8, 0.2, 0.1]), lost) == 1
    assert area_under_curve(np.array([0.1, 0.2, 0.8, 0.9]), lost) == 0
    assert area_under_curve(np.full(4, 0.3), lost) == 0.5
    assert np.isnan(area_under_curve(np.full(4, 0.3), np.ones(4)))


def test_brier_score():
    assert brier(np.array([1.0, 0.0]), np.array([1.0, 0.0])) == 0
    assert brier(np.full(2, 0.5), np.array([1.0, 0.0])) == 0.25


def test_error_of_days_counts_from_the_nearer_end():
    days, earliest, latest = (np.array(one) for one in ([3, 9, 5], [5, 5, 5], [7, 7, 7]))
    assert outside(days, earliest, latest).tolist() == [-2, 2, 0]


def test_the_median_day_is_when_half_have_lost():
    chance = np.array([[0.0, 0.2], [0.5, 0.3], [1.0, 0.4]])
    assert median_days(chance).tolist() == [1, 3]


def test_splits_are_measured_by_what_would_have_to_move():
    shares = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert distances_of_splits(shares).tolist() == [1, 1]
    assert distance_to_split(shares, np.array([0.5, 0.5])) == 0.5
    assert crps_of_parts(np.zeros((7, 5))).value == 0
    assert shares_with_error(shares, 10).sum(axis=0) == pytest.approx([1, 1])


def test_a_target_next_to_campaigns(targets):
    target = targets["aan_retaken_30_june"]
    right = measure(target, forecast_with(retaken_2021_06_30=[8] * 5))
    assert right.inside and right.score.value == 0
    wrong = measure(target, forecast_with(retaken_2021_06_30=[11, 11, 11, 11, 12]))
    assert not wrong.inside and wrong.inside_with_error and wrong.score.value > 2


def test_a_bound_is_met_beyond_it(targets):
    found = measure(targets["outposts_27_may"], forecast_with(outposts_surrendered_2021_05_27=[30, 300, 3000]))
    assert found.inside and found.score.value == 0


def test_campaigns_without_the_outcome_are_left_out_and_counted(targets):
    found = measure(targets["without_fight"], forecast_with(share_without_fight=[0.5, math.nan, 0.5]))
    assert found.missing == 1 and found.inside
    none = measure(targets["without_fight"], forecast_with(share_without_fight=[math.nan] * 2))
    assert none.missing == 2 and not none.inside and none.score is UNKNOWN


def split_of(target, *campaigns):
    return forecast_with(
        len(campaigns),
        **{name: [one[place] for one in campaigns] for place, (name, _) in enumerate(target.parts)},
    )


def test_the_split_as_reported_is_inside_and_another_is_not(targets):
    target = targets["largest_night_split"]
    reported = [men for _, men in target.parts]
    near = [[men * (1 + 0.1 * ((row + place) % 3)) for place, men in enumerate(reported)] for row in range(9)]
    assert measure(target, split_of(target, *near)).inside
    far = [[1000 + row, 0, 0, 0, 0, 0, 0] for row in range(9)]
    found = measure(target, split_of(target, *far))
    assert not found.inside and found.score.value > 0.5


def test_a_campaign_with_nobody_at_these_posts_has_no_split(targets):
    target = targets["largest_night_split"]
    reported = [men for _, men in target.parts]
    assert measure(target, split_of(target, reported, [0] * 7, reported)).missing == 1
    assert measure(target, split_of(target, [0] * 7)).missing == 1


def test_a_forecast_that_lacks_an_outcome_says_nothing(targets):
    assert measure(targets["largest_night"], forecast_with()) is None


def test_whoever_was_told_is_not_scored(targets):
    told = forecast_with(from_day=date(2021, 6, 23), ever_taken_2021_06_08=[12], share_held_by_taliban_2021_06_30=[0.3],
                         takhar_kunduz_most_lost_in_five_days=[15])  # fmt: skip
    assert measure(targets["fallen_8_june"], told) is None
    assert measure(targets["takhar_kunduz_wave"], told) is None
    assert measure(targets["aan_30_june"], told) is not None


def lost_as_reported(districts, campaigns=6):
    """Campaigns in which each district falls on the last day that the record allows."""
    lost_on = np.full((campaigns, len(read_facts().district)), NEVER)
    known = ~np.isnat(districts.latest)
    days = (districts.latest[known] - np.datetime64(DAY_0)).astype(int)
    lost_on[:, districts.district[known]] = days
    return lost_on


def test_districts_lost_as_reported_are_perfect(districts):
    found = measure_districts(districts, forecast_with(6, lost_as_reported(districts)))
    assert found.absolute == Score(0, 0) and found.late.value == 0 and found.not_lost == 0
    assert [score.value for score in found.brier] == [0, 0]
    assert [score.value for score in found.auc] == [1, 1]


def test_districts_that_never_fall_are_late_and_counted(districts):
    found = measure_districts(districts, forecast_with(4, np.full((4, len(read_facts().district)), NEVER)))
    assert found.not_lost == found.dated == np.isin(districts.known, (Known.DAY, Known.WINDOW, Known.BY)).sum()
    assert found.late.value == found.absolute.value > 0
    assert found.brier[1].value > 0.5 and found.auc[1].value == 0.5


def test_a_district_without_a_date_is_neither_lost_nor_kept(districts):
    for evening in LOST_BY:
        truth = was_lost(districts, evening)
        assert np.isnan(truth[districts.known == Known.UNDATED]).all()
        assert (truth[districts.known == Known.NOT_LOST] == 0).all()


def test_without_a_record_of_campaigns_districts_are_not_scored(districts):
    assert measure_districts(districts, forecast_with(4)) is None


def test_first_losses_from_changes():
    import pyarrow as pa

    changes = pa.array([[1, 2 * 3 + 2, -(4 * 3 + 2), 5 * 3 + 2], []], pa.list_(pa.int32()))
    assert first_losses(changes, 3)[0].tolist()[:2] == [0, 2]
    assert (first_losses(changes, 3)[1] > DAYS).all()


def test_small_differences_cannot_be_told():
    assert sign_of(Score(1, 0.1), Score(2, 0.1)) == -1
    assert sign_of(Score(2, 0.1), Score(1, 0.1)) == 1
    assert sign_of(Score(1, 0.5), Score(2, 0.5)) == 0
    assert tally([], []) == (0, 0, 0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-m", "morale=brittle,reported"], "found -m"),
        (["results/a", "results/b"], "score: found 2 folders"),
        (["results/a", "cell=x"], "found 'x'"),
        (["results/a", "runs=5"], "runs"),
        (["results/nothing_here"], "found no about.json"),
        (["end_date=2021-06-30"], "end_date: found 2021-06-30"),
        (["start_date=2021-05-02"], "start_date: found 2021-05-02"),
        (["moral=brittle"], "moral"),
        (["border=shut"], "border"),
        (["runs=0"], "runs: found 0"),
    ],
)
def test_bad_words_are_named_before_anything_is_run_or_written(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PanjError, match=said):
        write_score(read_request(options.Score, words), Console())
    assert not list(tmp_path.iterdir())


def test_what_is_asked():
    assert read_request(options.Score, ["results/x", "cell=3"]).cell == 3
    assert read_request(options.Score, ["border=closed"]).overrides == ("border=closed",)


def test_variants_share_seeds_and_differ_in_their_numbers_alone():
    sweeps = sweeps_of(["seed=7", "rules.news.country=0.01"])
    base = sweeps["panj"].base
    assert (base.runs, str(base.end_date), base.seed) == (500, "2021-07-08", 7)
    for name, (_, keys) in VARIANTS.items():
        other = sweeps[name].base
        assert (other.runs, other.seed, other.end_date) == (base.runs, base.seed, base.end_date)
        assert {key for key in base.numbers if base.numbers[key] != other.numbers[key]} == set(keys)
        assert all(other.numbers[key] == 0 for key in keys)
        assert other.study == f"{base.study}__{name}"


def test_the_usual_settings_are_called_score():
    assert named("july_2021") == "score"
    assert named("border_closed") == "score__border_closed"


def test_a_date_past_the_line_is_the_day_after_it(targets):
    assert cell_text(float(NEVER + 9), targets["largest_night_date"]) == "2021-07-08"


def make_scores_cheap(patch):
    """Replace campaigns, and score against few records with few resamples."""
    facts = read_facts()

    def few_grounds(_settings, _seeds):
        rng = np.random.default_rng(0)
        held = (rng.random((12, len(facts.district))) < 0.08) & ~facts.is_capital
        evidence = {row.id: row for row in read_evidence()}
        return Grounds(facts, evidence, known_falls(read_falls()), held, rng.random(held.shape))

    replace_campaigns(patch)
    patch.setattr(run, "compile_rules", lambda *_: None)
    patch.setattr(command, "grounds_of", few_grounds)
    patch.setattr(command, "RECORDS", 12)
    patch.setattr(measuring, "RESAMPLES", 20)


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """The whole command on campaigns that cost nothing."""
    folder = tmp_path_factory.mktemp("score")
    with pytest.MonkeyPatch.context() as patch:
        make_scores_cheap(patch)
        words = [f"results_dir={folder}", "runs=6", "seed=3"]
        place = write_score(read_request(options.Score, words), Console(quiet=True))
        first = (place / "score.csv").read_text()
        again = write_score(read_request(options.Score, [str(folder / "score")]), Console(quiet=True))
        second = (place / "score.csv").read_text()
        shutil.copytree(folder / "score", folder / "alone")
        alone = write_score(read_request(options.Score, [str(folder / "alone")]), Console(quiet=True))
    return place, (again, first, second), alone


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_column_of_a_score_is_described(scored):
    place, _, alone = scored
    assert undescribed(place) == [] == undescribed(alone)
    with (place / "codebook.csv").open(newline="", encoding="utf-8") as file:
        rows = {(row["table"], row["column"]): row for row in csv.DictReader(file)}
    naive = next(iter(NAIVE))
    assert naive.replace("_", " ") in rows["score.csv", naive]["description"]
    assert rows["score.csv", "outcome"]["unit"] == "" and rows["score.csv", "sd"]["type"] == "number"


def test_the_columns_of_the_table(scored):
    place, _, _ = scored
    rows = rows_of(place / "score.csv")
    names = list(rows[0])
    others = [*NAIVE, *VARIANTS]
    assert names[: len(FIRST) + len(others)] == [*FIRST, *others]
    assert "crps_error" in names and all(f"{name}_error" in names for name in others)
    assert len(rows) == 64 and len({row["target"] for row in rows}) == 64
    crossed = next(row for row in rows if row["target"] == "crossed_by_7_july")
    assert crossed["constant_rate"] == "" and crossed["without_contagion"] != ""


def test_a_full_disk_leaves_the_score_before_whole(scored, tmp_path, monkeypatch):
    shutil.copytree(scored[0].parent, tmp_path / "study")
    place = tmp_path / "study" / "score"
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    written = []

    def write(path, content):
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        written.append(path)
        return write_file(path, f"{content}\n")

    make_scores_cheap(monkeypatch)
    monkeypatch.setattr(command, "write_file", write)
    with pytest.raises(PanjError, match=r"score: cannot write .*score \(No space left on device\)"):
        write_score(read_request(options.Score, [str(tmp_path / "study")]), Console(quiet=True))
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


def test_the_folder_of_the_study_gives_the_same_score_again(scored):
    place, (again, first, second), _ = scored
    assert again == place and first == second


def test_a_study_without_variants_next_to_it_is_scored_against_naive_forecasts(scored):
    place, _, alone = scored
    assert list(rows_of(alone / "score.csv")[0])[len(FIRST) :][: len(NAIVE) + 1] == [*NAIVE, "crps_error"]
    assert [row["crps"] for row in rows_of(alone / "score.csv")] == [
        row["crps"] for row in rows_of(place / "score.csv")
    ]


def test_what_holds_for_all_is_written_next_to_it(scored):
    place, _, _ = scored
    about = json.loads((place / "score.json").read_text())
    assert (about["campaigns"], about["first_seed"], about["last_seed"]) == (6, 3, 8)
    assert about["calibration"] and about["provenance"]["recipe"]["file"] == "score/score.png"
    assert sum(row["targets"] for row in about["events"]) == 64
    assert set(about["variants"]) == set(VARIANTS)
    assert len(rows_of(place / "score_districts.csv")) == 54
    assert [row["forecast"] for row in rows_of(place / "score_forecasts.csv")] == ["panj", *NAIVE, *VARIANTS]


def test_a_study_without_stored_falls_has_the_header_of_the_table_of_districts(scored):
    place, _, _ = scored
    names = [row["forecast"] for row in rows_of(place / "score_forecasts.csv")]
    first, *others = (SimpleNamespace(name=name, lost_on=None) for name in names)
    without = SimpleNamespace(panj=first, others=others, districts=None, facts=None)
    text = csv_text(command.rows_of_districts(without), command.columns_of_districts(without))
    assert text == (place / "score_districts.csv").read_text(encoding="utf-8").partition("\n")[0] + "\n"


def test_showing_gives_0_whatever_the_score(scored, capsys):
    place, _, _ = scored
    assert show.main(place) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "6 campaigns, seeds 3 to 8, calibrated: posterior of " in said and "Next:" in said
    assert (place / "score.png").stat().st_size > 10_000


def test_a_damaged_score_is_named(scored, tmp_path):
    place, _, _ = scored
    with pytest.raises(PanjError, match=r"score\.json"):
        show.read_scores(tmp_path)
    shutil.copytree(place, tmp_path / "score")
    (tmp_path / "score" / "score.json").write_text("{")
    with pytest.raises(PanjError, match="invalid content"):
        show.read_scores(tmp_path / "score")


def test_campaigns_that_were_told_the_record_are_not_scored(scored, tmp_path):
    place, _, _ = scored
    study = tmp_path / "study"
    shutil.copytree(place.parent, study)
    about = json.loads((study / "about.json").read_text())
    about["choices"]["worlds"] = "record"
    (study / "about.json").write_text(json.dumps(seal(about)))
    with pytest.raises(PanjError, match=r"^worlds: found record"):
        study_to_score(study, None)
    about["choices"]["worlds"] = "free"
    (study / "about.json").write_text(json.dumps(seal(about)))
    assert study_to_score(study, None).cell.number == 0
    with pytest.raises(PanjError, match=r"^worlds"):
        sweeps_of(["worlds=record", f"worlds.file={tmp_path}/none.parquet"])


def test_of_several_cells_the_base_one_is_scored_unless_another_is_asked_for(scored, tmp_path):
    place, _, _ = scored
    study = tmp_path / "study"
    shutil.copytree(place.parent, study)
    about = json.loads((study / "about.json").read_text())
    about["cells"].append({**about["cells"][0], "cell": 1, "label": "border=closed"})
    (study / "about.json").write_text(json.dumps(seal(about)))
    assert study_to_score(study, None).cell.number == 0
    assert study_to_score(study, 1).cell.number == 1
    with pytest.raises(PanjError, match="cell: found 5"):
        write_score(read_request(options.Score, [str(study), "cell=5"]), Console())


def test_a_study_that_ends_too_early_is_refused(scored, tmp_path):
    place, _, _ = scored
    study = tmp_path / "study"
    shutil.copytree(place.parent, study)
    about = json.loads((study / "about.json").read_text())
    about["cells"][0]["end_date"] = "2021-06-30"
    (study / "about.json").write_text(json.dumps(seal(about)))
    with pytest.raises(PanjError, match="end_date: found 2021-06-30"):
        write_score(read_request(options.Score, [str(study)]), Console())
