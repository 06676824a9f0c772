"""A memo says what the verdict table says, in every format, and never more than the campaigns allow."""

import csv
import json
import re
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from quick import replace_campaigns

from sim import __main__ as front
from sim.compare.compare import write_verdicts
from sim.compare.figure import by_size, format_difference, read_verdicts, shown_about
from sim.data.facts import THE_LINE
from sim.data.record import evidence
from sim.errors import PanjError
from sim.memo import memo
from sim.memo.memo import MOST_ROWS, shown_rows, write_memo
from sim.memo.sentences import LEFT_OUT, Subject, answer_of_one, doubts_of_sample, fitted, numbers_of
from sim.options import Compare, Memo, read_request
from sim.provenance import seal
from sim.study.reader import Measure, Worlds, read_about

DRAW = memo.draw
SMALL = ["end_date=2021-07-08", "calibration=as_declared", "daily=false", "results_dir=results"]
NIGHT, CROSSED, CAPITAL = "troops_crossed_largest_night", "troops_crossed_by_2021_07_07", "first_capital_fell"
PARTS = ("Question", "Answer", "Method", "Verdicts", "Figure", "What it rests on", "What it does not say",
         "How to reproduce")  # fmt: skip
STUDIES = {
    "grid": ["-m", "rules.news.fade_days=5,10", "morale=reported,brittle", "runs=12"],
    "many": ["-m", "rules.news.fade_days=range(3,15)", "runs=2"],
    "plain": ["runs=12"],
    "single": ["runs=1"],
    "once": ["-m", "rules.news.fade_days=5,10", "runs=1"],
}


@pytest.fixture(autouse=True)
def quick_figures(monkeypatch):
    """Write an empty picture in place of each figure, which would take a second."""
    monkeypatch.setattr(memo, "draw", lambda _subject, path: path.write_bytes(b"\x89PNG"))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Return a folder of small studies, whose campaigns are instant stand-ins."""
    place = tmp_path_factory.mktemp("memo")
    with pytest.MonkeyPatch.context() as patch:
        replace_campaigns(patch)
        patch.chdir(place)
        for name, words in STUDIES.items():
            assert front.main([*words, *SMALL, f"study={name}"]) == 0
    of_seed = lambda runs: [10.0 * seed for seed in runs["seed"].to_pylist()]  # noqa: E731
    copy_with(place / "results" / "grid", "equal", CROSSED, of_seed)
    copy_with(place / "results" / "plain", "other", NIGHT, of_seed)
    return place / "results"


def copy_with(folder: Path, name: str, outcome: str, values: Callable[[pa.Table], list[float | None]]) -> Path:
    """Copy a study to a folder next to it, with other values of one outcome."""
    copy = folder.with_name(name)
    copy.mkdir()
    for file in ("config.yaml", "summary.csv"):
        (copy / file).write_bytes((folder / file).read_bytes())
    runs = pq.read_table(folder / "runs.parquet")
    place, field = runs.column_names.index(outcome), runs.schema.field(outcome)
    pq.write_table(
        runs.set_column(place, field, pa.array(values(runs), pa.float64()).cast(field.type)), copy / "runs.parquet"
    )
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    (copy / "about.json").write_text(json.dumps(seal({**about, "study": name, "tables": {}})), encoding="utf-8")
    return copy


def ask(*words):
    return write_memo(read_request(Memo, [str(word) for word in words]))


def markdown(*words):
    return ask(*words, "format=markdown")[0].read_text(encoding="utf-8")


def table_in(text):
    """Return the cells of the table of a memo, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def section(text, name):
    return text.partition(f"## {name}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("threshold", [[], ["above=1037"], ["above=500", "below=900"]])
def test_the_numbers_are_those_of_the_verdict_table(results, threshold):
    words = [str(results / "grid"), f"outcome={NIGHT}", *threshold]
    text = markdown(*words)
    (table,) = write_verdicts(read_request(Compare, words))
    found = read_verdicts(table)
    rows = [row for row in table_in(text) if row[2] != "baseline"]
    assert len(rows) == len(found.rows) == 3
    for row, verdict in zip(rows, by_size(found.rows), strict=True):
        one = verdict.judgement
        assert row[2] == format_difference(one.mean_difference, found.about)
        assert row[3] == " to ".join(format_difference(end, found.about) for end in (one.mean_low, one.mean_high))
        assert row[4] == f"{one.worlds_lower} / {one.worlds_higher} / {one.worlds_equal}"
        assert one.worlds_lower + one.worlds_higher + one.worlds_equal == 12


def test_a_memo_writes_the_verdict_table_that_compare_writes(results):
    words = [str(results / "grid"), f"outcome={CROSSED}", "baseline=brittle"]
    table = ask(*words)[-1]
    ours = table.read_bytes(), table.with_suffix(".json").read_bytes()
    assert write_verdicts(read_request(Compare, words)) == [table]
    assert (table.read_bytes(), table.with_suffix(".json").read_bytes()) == ours


def test_the_answer_is_the_sentence_of_the_verdict(results):
    text = markdown(results / "other", results / "plain", f"outcome={NIGHT}", "above=500")
    (table,) = (results / "other" / "verdicts").glob(f"{NIGHT}__above_500*.csv")
    with table.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    said = section(text, "Answer")
    assert row["sentence"].removeprefix("With") in said and said.strip().startswith("In this model, with")
    assert all(f"{what} in {row[what]}" in said for what in ("prevented", "caused"))
    assert f"of {row['worlds']} worlds" in said and f"unchanged in {row['worlds_equal']}" in said


def test_both_formats_have_every_part_and_the_same_sentences(results):
    page, text = (
        path.read_text(encoding="utf-8") for path in ask(results / "grid", f"outcome={NIGHT}", "above=600")[:2]
    )
    assert re.findall(r"<h2>(.*?)</h2>", page) == re.findall(r"^## (.*)$", text, re.MULTILINE) == list(PARTS)
    for sentence in (*LEFT_OUT, "95 % interval", "not calibrated", "48 campaigns", "seeds 0 to 11", "c6644cbada062da5"):
        assert sentence in page and sentence in text
    assert f"{evidence()['F001'].quote}" in text
    assert "python -m sim memo" in text and "above=600" in text


def test_commands_in_a_memo_begin_with_the_name_with_which_the_program_was_started(results, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/panj", "memo"])
    text = markdown(results / "grid", f"outcome={NIGHT}", "above=620")
    assert "panj memo" in text and "above=620" in text and "python -m sim" not in text
    assert str(read_about(results / "grid")["command"]).startswith("python -m sim")  # stored as ever


def test_the_page_is_accessible_and_loads_nothing(results):
    page = ask(results / "grid", f"outcome={NIGHT}", "format=html")[0].read_text(encoding="utf-8")
    assert '<html lang="en">' in page and page.count("<h1>") == 1 and "@page { size: A4" in page
    assert re.findall(r'src="([^"]{22})', page) == ["data:image/png;base64,"]
    assert len(re.search(r'alt="([^"]+)"', page)[1]) > 40
    assert '<th scope="col">' in page and '<th scope="row">' in page and "<caption>" in page
    assert "<script" not in page and "<link" not in page and "@import" not in page and "url(" not in page


@pytest.mark.parametrize("words", [[f"outcome={NIGHT}", "above=1037"], [f"outcome={CROSSED}"]])
def test_a_study_without_a_sweep_is_set_against_the_report(results, words):
    text = markdown(results / "plain", *words)
    assert "## Numbers" in text and "Position of the reported figure" in text
    values = pq.read_table(results / "plain" / "runs.parquet")[words[0].partition("=")[2]].to_numpy()
    reported = {NIGHT: 1037, CROSSED: 1587}[words[0].partition("=")[2]]
    below = f"{100 * np.mean(values < reported):.0f} % are below it"
    assert below in section(text, "Answer") and below in section(text, "What it rests on")
    assert ("of 12 campaigns (" in text) == (len(words) == 2)


@pytest.mark.parametrize(
    ("name", "words"),
    [("grid", [f"outcome={NIGHT}", "above=700"]), ("plain", [f"outcome={CAPITAL}", "below=2021-07-01"])],
)
def test_the_figure_is_drawn_and_says_what_it_was_made_from(results, monkeypatch, name, words):
    monkeypatch.setattr(memo, "draw", DRAW)
    path = next(path for path in ask(results / name, *words) if path.suffix == ".png")
    with Image.open(path) as picture:
        made = json.loads(picture.text["panj"])
        assert picture.width == 910 and np.asarray(picture.convert("L")).std() > 10
    assert made["recipe"]["file"] == f"memo/{path.name}" and made["rules_fingerprint"] == "c6644cbada062da5"


def test_a_large_sweep_shows_its_largest_differences_and_links_the_rest(results):
    text = markdown(results / "many", f"outcome={CROSSED}")
    rows = table_in(text)
    assert len(rows) == MOST_ROWS + 1
    assert "3 of 11 comparisons are not shown" in text and f"(../verdicts/{CROSSED}.csv)" in text
    with (results / "many" / "verdicts" / f"{CROSSED}.csv").open(encoding="utf-8", newline="") as file:
        sizes = sorted(abs(float(row["mean_difference"])) for row in csv.DictReader(file))
    about = shown_about(json.loads((results / "many" / "verdicts" / f"{CROSSED}.json").read_text(encoding="utf-8")))
    shown = {row[2].lstrip("+−") for row in rows if row[2] != "baseline"}
    assert shown == {format_difference(size, about).lstrip("+") for size in sizes[-MOST_ROWS:]}
    assert "fewer than 20" in section(text, "What it does not say")


def test_baselines_take_rows_of_the_table(results):
    many = [row._replace(baseline_cell=place) for place, row in enumerate(table_of(results).rows * 3)]
    assert len(shown_rows(many)) * 2 <= MOST_ROWS + 1
    assert shown_rows([]) == []


def table_of(results):
    ask(results / "grid", f"outcome={CROSSED}", "format=markdown")
    return read_verdicts(results / "grid" / "verdicts" / f"{CROSSED}.csv")


def test_no_difference_in_any_world_is_said_so(results):
    text = markdown(results / "equal", f"outcome={CROSSED}")
    assert "the same in every one of 12 worlds" in section(text, "Answer")
    assert table_in(text)[1][2:] == ["0", "0 to 0", "0 / 0 / 12"]


def test_a_date_is_shown_as_a_date_and_where_it_did_not_occur_is_counted(results):
    text = markdown(results / "grid", f"outcome={CAPITAL}")
    assert re.search(r"\d (May|Jun|Jul) \(", table_in(text)[0][1])
    assert "Worlds earlier / later / same" in text
    alone = markdown(results / "plain", f"outcome={CAPITAL}", "below=2021-07-01")
    never = pq.read_table(results / "plain" / "runs.parquet")[CAPITAL].null_count
    assert f"Campaigns in which it did not occur | {never}, counted as the day after the last" in alone


def test_campaigns_without_a_value_are_left_out_and_counted(results):
    copied = copy_with(results / "plain", "gaps", CROSSED, lambda runs: [None] * 5 + runs[CROSSED].to_pylist()[5:])
    text = markdown(copied, f"outcome={CROSSED}")
    assert "| Campaigns with a value | 7 of 12 |" in text
    assert "5 campaigns of the baseline are left out" in text


def of_one_cell(dates: list[float], there: list[bool]) -> Subject:
    """Return a subject on a date, as days since 1 May, in campaigns in some of which the event occurred."""
    measure = Measure(
        CAPITAL, "First provincial capital fell", "days", True, dict.fromkeys(("text", "value", "low", "high"))
    )
    worlds = Worlds(None, np.arange(len(dates)), np.array(dates), np.array(there))
    study = SimpleNamespace(cells=[SimpleNamespace(failed=0, calibration="")], about={})
    return Subject(study, measure, None, study, worlds, None, {"is_date": True, "first_day": "2021-05-01"})


@pytest.mark.parametrize("there", [[True, True, False], [True, False, False], [False] * 3])
def test_every_campaign_counts_whether_the_event_occurred_or_not(there):
    subject = of_one_cell([60.0 if one else 68.0 for one in there], there)
    answer = " ".join(answer_of_one(subject))
    if there.count(True) > 1:
        assert "over 3 campaigns" in answer and f"did not occur in {there.count(False)} of them" in answer
    else:  # the middle campaign has no date
        assert f"in {there.count(True)} of 3 campaigns" in answer and "the median of" not in answer
    assert "3 campaigns;" in doubts_of_sample(subject)[0]


def test_the_only_campaign_of_a_study_may_be_without_the_event():
    assert "did not occur" in answer_of_one(of_one_cell([68.0], [False]))[0]
    assert "30 Jun" in answer_of_one(of_one_cell([60.0], [True]))[0]


def test_the_only_campaign_of_a_study_is_not_told_as_a_spread_a_risk_or_a_misfit(results):
    text = markdown(results / "single", f"outcome={NIGHT}", "above=999")
    assert not re.findall(
        "[Mm]edian|[Nn]ine in ten|Risk|interval: |are below it|not fit|1 campaigns|the 1 campaign", text
    )
    rows = dict(table_in(section(text, "Numbers")))
    assert list(rows) == ["Campaigns with a value", "Value", "Reported"]
    assert "a single campaign shows no risk" in section(text, "Answer")
    assert "A single campaign is shaped by chance" in section(text, "What it rests on")
    assert "it is not judged how well the model fits" in section(text, "What it does not say")


@pytest.mark.parametrize(("study", "of_baseline"), [("plain", ""), ("grid", "Over all outcomes of the baseline: ")])
def test_few_campaigns_are_not_told_as_a_misfit(results, study, of_baseline):
    text = markdown(results / study, f"outcome={NIGHT}")
    too_few = "12 campaigns are too few to tell which reported figures do not fit; at least 20 are needed."
    assert f"{of_baseline}{too_few}" in section(text, "What it rests on")
    assert "; fewer than 20 campaigns cannot tell whether it fits." in section(text, "What it rests on")
    said = "From fewer than 20 campaigns, it is not judged how well the model fits the reported figure of this outcome."
    assert said in section(text, "What it does not say")
    assert not re.search("does not fit|it fits by|one in twenty|one campaign in twenty", text)


def test_one_pair_is_counted_in_the_singular(results):
    text = markdown(results / "once", f"outcome={CROSSED}")
    assert "(2 campaigns, 1 pair in each comparison)" in section(text, "Method")
    assert "Thin sample: 1 world in each comparison" in section(text, "What it does not say")
    assert not re.search(r"(?<![\d.,])1 (pair|world|campaign|run|seed|cell|comparison|outcome|figure)s\b", text)


def test_failures_of_both_studies_are_counted():
    subject = of_one_cell([60.0] * 30, [True] * 30)
    other = SimpleNamespace(cells=[SimpleNamespace(failed=2)])
    subject = subject._replace(found=SimpleNamespace(against=other, verdicts=()))
    assert any(text.startswith("2 campaigns failed") for text in doubts_of_sample(subject))


def test_a_comparison_in_a_memo_is_in_the_codebook(results):
    ask(results / "many", f"outcome={CROSSED}", "above=7")
    name = f"verdicts/{CROSSED}__above_7.csv"
    assert name in (results / "many" / "codebook.csv").read_text(encoding="utf-8")
    package = json.loads((results / "many" / "datapackage.json").read_text(encoding="utf-8"))
    assert name in [resource["path"] for resource in package["resources"]]


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["grid", "outcome=troops_crossd"], "outcome"),
        (["grid", f"outcome={NIGHT}", "above=2021-07-05"], "above"),
        (["grid", f"outcome={NIGHT}", "above=9", "below=3"], "above"),
        (["plain", f"outcome={CAPITAL}", "below=3"], "below"),
        (["grid", f"outcome={NIGHT}", "baseline=closed"], "baseline"),
        (["plain", f"outcome={NIGHT}", "baseline=reported"], "baseline"),
        (["grid", f"outcome={NIGHT}", "format=pdf"], "format"),
        (["grid", f"outcome={NIGHT}", "format=[]"], "format"),
        (["grid"], "outcome"),
        (["plain", "plain", f"outcome={NIGHT}"], "compare"),
        (["nowhere", f"outcome={NIGHT}"], ""),
    ],
)
def test_bad_input_names_its_key_and_nothing_is_written(results, words, key, capsys):
    before = sorted(results.rglob("*"))
    places = [word if "=" in word else str(results / word) for word in words]
    with pytest.raises(PanjError) as caught:
        ask(*places)
    assert key in caught.value.key
    assert front.main(["memo", *places]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert sorted(results.rglob("*")) == before


def test_a_memo_that_was_edited_is_not_overwritten(results):
    words = [results / "other", results / "plain", f"outcome={CROSSED}"]
    page, text, *_ = ask(*words)
    assert ask(*words)[:2] == [page, text]  # as written: it may be replaced
    edited = text.read_text(encoding="utf-8").replace("In this model", "In truth")
    text.write_text(edited, encoding="utf-8")
    with pytest.raises(PanjError) as caught:
        ask(*words)
    assert caught.value.key == "memo"
    assert text.read_text(encoding="utf-8") == edited
    text.unlink()


def test_out_writes_next_to_a_copy(results, tmp_path, capsys):
    before = sorted(results.rglob("*"))
    words = ["memo", str(results / "plain"), f"outcome={NIGHT}", "above=999", f"out={tmp_path / 'copy'}"]
    assert front.main(words) == 0
    assert (tmp_path / "copy" / "memo" / f"{NIGHT}__above_999.html").is_file()
    assert sorted(results.rglob("*")) == before
    assert "Next: open" in capsys.readouterr().out


def test_the_same_request_gives_the_same_bytes(results):
    paths = ask(results / "grid", f"outcome={NIGHT}")
    first = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in ask(results / "grid", f"outcome={NIGHT}")] == first


def test_nothing_after_the_line_is_in_a_memo(results):
    months = {"June": 6, "July": 7, "August": 8, "September": 9}
    text = markdown(results / "grid", f"outcome={NIGHT}", "above=800")
    said = [date(2021, months[month], int(day)) for day, month in re.findall(rf"(\d+) ({'|'.join(months)})", text)]
    assert said and THE_LINE in said
    assert {day for day in said if day > THE_LINE} == {date(2021, 7, 8)}  # the last day that was simulated
    assert text.count("8 July") == 1 and "nothing later is used or compared" in text


@pytest.mark.parametrize(
    ("calibration", "said"),
    [
        ("numbers as declared, not calibrated", "nothing was fitted"),
        ("calibrated: posterior of 9 weighted draws fitted to 10 targets, BUT rules have changed", "BUT rules have"),
        ("assimilated: 9 worlds that followed the record to 2021-07-07", "no test of the model"),
    ],
)
def test_the_source_of_the_numbers_is_said_with_its_doubt(calibration, said):
    assert said in numbers_of(calibration) and calibration in numbers_of(calibration)


@pytest.mark.parametrize(
    ("until", "outcome", "said"),
    [
        ("", NIGHT, "fitted to this figure"),
        (" of days up to 2021-06-22", NIGHT, "up to 22 June, but not to this figure"),
        (" of days up to 2021-06-22", "troops_crossed_by_2021_06_22", "fitted to this figure"),
        (" of days up to 2021-06-22", "people_displaced_by_2021_07_07", ""),
    ],
)
def test_a_memo_says_whether_the_numbers_were_fitted_to_the_figure(until, outcome, said):
    cell = SimpleNamespace(calibration=f"calibrated: posterior of 9 weighted draws fitted to 10 targets{until}")
    study = SimpleNamespace(cells=(cell,), about={})
    measure = Measure(outcome, "Some", "soldiers", False, {"text": "1,037 (F001)"})
    subject = Subject(study, measure, None, study, None, None, {})
    assert said in fitted(subject) and bool(said) == bool(fitted(subject))


def test_a_long_list_of_changes_is_cut_between_changes():
    one, other = (
        "effect of anger; 0 in theories without anger (weight): 0, from 1",
        "room at a post (families): 3, from 1",
    )
    assert memo.cut(f"{one}; {other}") == f"{one}; {other}"
    assert memo.cut("; ".join([one, other, other, other])) == f"{one}; {other}; {other}; 1 more in about.json"
    assert memo.cut(f"{one}{0:200}") == f"{one}{0:200}"
