"""What is shown of several cells is right for each of them, and says what it leaves out."""

import json
import re
import warnings
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from test_show import (
    FIRST,
    LAST,
    in_cell,
    make_about,
    make_cell,
    make_days,
    make_districts,
    make_runs,
    make_summary,
)

from sim.errors import PanjError
from sim.options import Report, read_request
from sim.plots.captions import format_setting, name_cell
from sim.plots.page import VerdictBlock
from sim.report import report, sweeps
from sim.report.outcomes import summary_row
from sim.report.report import FIGURES, drawings_in, in_parallel, redraw, write_report
from sim.report.sweeps import (
    STAND_INS,
    cells_by_effect,
    describe_stand_ins,
    few_days,
    figures_of,
    outcomes_of,
    shown_cells,
)
from sim.report.swept_values import field_of, format_reported, grid_cells, is_grid, others_fixed, strongest_keys
from sim.study.reader import Study, find_cell, read_study, read_sweep

BASE = {"rules.morale.contagion": 0.3, "rules.news.fade_days": 10.0, "rules.parley.isolation": 1.3}
POLICY = [
    {"reinforcement": one, "morale": two} for one, two in product(("none", "as_reported"), ("brittle", "reported"))
]
NUMBERS = [{"rules.morale.contagion": value} for value in (0.1, 0.3, 0.5)]


def main(words: list[str]) -> int:
    return report.main(read_request(Report, words))


def write_sweep(folder: Path, cells: Sequence[Mapping[str, object]], runs: int = 2, failed: Sequence[int] = ()) -> Path:
    """A made-up sweep: the campaigns of a cell lie higher the higher its number; all campaigns of `failed` failed."""
    folder.mkdir(parents=True)
    luck = np.random.default_rng(11)
    tables: dict[str, list[pd.DataFrame]] = {"days": [], "runs": [], "districts": [], "summary": []}
    about = make_about(runs, FIRST, LAST)
    about["choices"] = {"morale": "reported", "reinforcement": "as_reported", "border": "as_reported"}
    about["cells"] = [make_cell(number, dict(values), runs, FIRST, LAST) for number, values in enumerate(cells)]
    for cell in about["cells"]:
        number = cell["cell"]
        if number in failed:
            cell["failed"] = runs
            continue
        days = pd.concat([make_days(run, FIRST, LAST, luck) for run in range(runs)], ignore_index=True)
        table = make_runs(days, luck)
        table["share_held_by_taliban_2021_06_30"] = 0.2 + 0.5 * number / len(cells) + 0.001 * np.arange(runs)
        tables["days"].append(in_cell(days, number))
        tables["runs"].append(in_cell(table.assign(**cells[number]), number))
        tables["districts"].append(in_cell(make_districts(runs, FIRST, FIRST, luck), number))
        tables["summary"].append(in_cell(make_summary(table), number, cell["label"]))
    for name, parts in tables.items():
        if name != "summary":
            pd.concat(parts).to_parquet(folder / f"{name}.parquet", index=False)
    pd.concat(tables["summary"]).to_csv(folder / "summary.csv", index=False)
    about |= {"swept": list(cells[0]), "campaigns": runs * len(cells), "failed": runs * len(failed), "words": ["-m"]}
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")
    rules = "\n".join(f"  {key}: {value}" for key, value in BASE.items())
    (folder / "config.yaml").write_text(f"study: made_up\nrules:\n{rules}\n", encoding="utf-8")
    return folder


def hypercube(size: int) -> list[dict[str, object]]:
    """Many cells in which no two share a value."""
    luck = np.random.default_rng(5)
    columns = [luck.permutation(size) / size for _ in BASE]
    return [dict(zip(BASE, map(float, values), strict=True)) for values in zip(*columns, strict=True)]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_sweep(tmp_path_factory.mktemp("policy") / "policy", POLICY)
    assert main([str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return read_sweep(write_sweep(tmp_path_factory.mktemp("many") / "many", hypercube(30), 1))


def test_a_cell_reads_its_own_rows_alone(policy: Path) -> None:
    sweep = read_sweep(policy)
    days = pd.read_parquet(policy / "days.parquet")
    for cell in sweep.cells:
        study = sweep.of_cell(cell.number)
        own = days[days["cell"] == cell.number]
        assert np.array_equal(study.series("mean_morale").T.ravel(), own["mean_morale"].to_numpy())
        assert len(study.runs) == 2 and not {"cell", *POLICY[0]} & set(study.runs)
        assert set(study.summary["cell"]) == {cell.number}
        assert read_study(policy, cell.number).cell == cell


def test_the_base_cell_has_the_values_of_the_base(policy: Path) -> None:
    base = read_sweep(policy).base_cell
    assert base is not None and base.values == {"reinforcement": "as_reported", "morale": "reported"}


def test_a_base_number_is_found_however_it_is_written(tmp_path: Path) -> None:
    sweep = read_sweep(write_sweep(tmp_path / "numbers", [{"rules.news.fade_days": value} for value in (5, 10)], 1))
    assert sweep.base_cell == find_cell(sweep.cells, 1)


def test_an_unknown_cell_is_told_which_there_are(policy: Path) -> None:
    with pytest.raises(PanjError, match=r"found 9, expected one of 0 reinforcement=none, morale=brittle; 1 .*; 3 "):
        read_study(policy, 9)


def test_what_was_swept_decides_the_figures(policy: Path, many: Study, tmp_path: Path) -> None:
    by_cell = ["outcomes_by_cell", "districts_by_cell", "crossings_by_cell"]
    assert list(figures_of(read_sweep(policy))) == ["outcomes_by_two_keys", *by_cell]
    assert list(figures_of(many)) == ["outcomes_by_key", *by_cell]
    one = read_sweep(write_sweep(tmp_path / "one", NUMBERS, 1))
    assert list(figures_of(one)) == ["outcomes_by_value", *by_cell]
    choices = read_sweep(write_sweep(tmp_path / "choices", [{"morale": name} for name in ("brittle", "reported")], 1))
    assert list(figures_of(choices)) == by_cell


@pytest.mark.parametrize("cells", [POLICY, NUMBERS, hypercube(30)])
def test_every_figure_is_drawn_and_says_how_to_draw_it_again(
    tmp_path: Path, cells: Sequence[Mapping[str, object]]
) -> None:
    folder = write_sweep(tmp_path / "sweep", cells, 1)
    drawn = in_parallel(drawings_in(folder, None, None))
    assert {path.stem for path in drawn} == set(figures_of(read_sweep(folder)))
    for path in drawn:
        before = path.read_bytes()
        recipe = json.loads(Image.open(path).text["panj"])["recipe"]
        assert recipe == {"file": f"figures/{path.name}"}
        path.unlink()
        assert redraw(folder, recipe).read_bytes() == before


def test_many_cells_are_shown_by_some_from_the_largest_to_the_smallest_effect(many: Study) -> None:
    shown, order = shown_cells(many), cells_by_effect(many)
    assert len(shown) == STAND_INS == len({cell.number for cell in shown})
    assert shown == [cell for cell in order if cell in shown]
    assert (shown[0], shown[-1]) == (order[0], order[-1])
    assert "12 of 30 cells" in describe_stand_ins(many)


def test_few_cells_are_all_shown(policy: Path) -> None:
    sweep = read_sweep(policy)
    assert shown_cells(sweep) == cells_by_effect(sweep) and describe_stand_ins(sweep) == ""


def test_a_heat_map_of_three_keys_keeps_the_third_at_the_base(tmp_path: Path) -> None:
    cells = [
        {"reinforcement": one, "morale": two, "rules.news.fade_days": days}
        for one, two, days in product(("none", "as_reported"), ("brittle", "reported"), (5.0, 10.0))
    ]
    sweep = read_sweep(write_sweep(tmp_path / "three", cells, 1))
    assert is_grid(sweep) and others_fixed(sweep) == {"rules.news.fade_days": 10.0}
    assert [cell.number for cell in grid_cells(sweep)] == [1, 3, 5, 7]
    assert "Fixed: fade days at 10 (base)" in figures_of(sweep)["outcomes_by_two_keys"].explained


def test_scattered_cells_are_no_grid(many: Study) -> None:
    assert not is_grid(many)


def test_a_field_is_framed_only_where_the_record_is_within_the_campaigns(policy: Path) -> None:
    sweep = read_sweep(policy)
    name = "share_held_by_taliban_2021_06_30"
    fields = [field_of(sweep, cell._replace(runs=20), name) for cell in sweep.cells]
    assert [field.meets for field in fields] == [False, False, False, False]  # 0.2, 0.325, 0.45, 0.575; said was 0.375
    table = sweep.summary.copy()
    table.loc[(table["cell"] == 1) & (table["outcome"] == name), "high_95"] = "0.4"
    raised = read_sweep(policy)
    vars(raised)["summary"] = table
    raised_cell = find_cell(raised.cells, 1)
    assert field_of(raised, raised_cell._replace(runs=20), name).meets
    assert not field_of(raised, raised_cell._replace(runs=19), name).meets  # too few to tell
    assert min(fields, key=lambda field: field.off) == fields[1]


def test_what_was_reported_is_said_as_the_fields_are(policy: Path) -> None:
    said = {name: format_reported(summary_row(read_sweep(policy).summary, name)) for name in (
        "share_held_by_taliban_2021_06_30", "badakhshan_lost_2021_07_05", "refugees_admitted_by_2021_07_07",
        "share_without_fight", "people_displaced",
    )}  # fmt: skip
    assert list(said.values()) == ["38%", "26 (22 to 26)", "at least 1,000", "50% to 100%", "nothing"]


def test_only_the_keys_that_move_most_are_shown(tmp_path: Path) -> None:
    luck = np.random.default_rng(2)
    names = [*BASE, "rules.news.reach", "rules.parley.hunger"]
    cells = [dict(zip(names, map(float, luck.random(5)), strict=True)) for _ in range(26)]
    for number, cell in enumerate(cells):
        cell["rules.parley.hunger"] = number / 26  # the made-up share rises with the number
    sweep = read_sweep(write_sweep(tmp_path / "five", cells, 1))
    keys = strongest_keys(sweep, ["share_held_by_taliban_2021_06_30"])
    assert len(keys) == 3 and "rules.parley.hunger" in keys


def test_a_cell_is_named_by_the_last_word_of_its_keys_unless_two_share_it(policy: Path, tmp_path: Path) -> None:
    sweep = read_sweep(policy)
    assert name_cell(sweep, find_cell(sweep.cells, 2)) == "reinforcement as reported, morale brittle"
    twins = [{"rules.morale.hunger": 0.25, "rules.parley.hunger": 1.0}] * 2
    sweep = read_sweep(write_sweep(tmp_path / "twins", twins, 1))
    assert name_cell(sweep, find_cell(sweep.cells, 0)) == "rules.morale.hunger 0.25, rules.parley.hunger 1"


def test_the_page_holds_every_cell_every_figure_and_nothing_from_outside(policy: Path) -> None:
    text = (policy / "report.html").read_text(encoding="utf-8")
    sweep = read_sweep(policy)
    for cell in sweep.cells:
        assert re.search(rf"<td>{cell.number}(?: \(base\))?<small>2 campaigns", text)
    for key in ("reinforcement", "morale"):
        assert f"<th>{key}</th>" in text
        for value in {format_setting(cell.values[key]) for cell in sweep.cells}:
            assert text.count(f'<td data-label="{key}">{value}</td>') == 2
    assert text.count("data:image/png;base64,") == len(figures_of(sweep)) == text.count("<img") - 1
    assert text.count("data:image/gif;base64,") == 1
    assert "8 simulated campaigns, 2 in each of 4 cells" in text and "not calibrated yet" in text
    assert "<script" not in text and "<link" not in text and str(policy.parent) not in text
    assert 'href="runs.parquet"' in text and "failures" not in text


def test_every_cell_of_many_is_on_the_page(many: Study) -> None:
    text = write_report(many.folder).read_text(encoding="utf-8")
    assert "All 30 cells" in text
    assert all(re.search(rf"<td>{cell.number}<small>1 campaign", text) for cell in many.cells)


def test_cells_that_failed_are_named_and_left_out(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "failing", POLICY, 2, failed=[1])
    text = write_report(folder).read_text(encoding="utf-8")
    assert "2 campaigns failed and are left out. Cells without any finished campaign: 1." in text
    assert "python -m sim failures results/made_up" in text
    assert "<td>1<small>" not in text
    with pytest.raises(PanjError, match="found only failed campaigns in cell 1"):
        in_parallel(drawings_in(folder, None, 1))


def test_verdicts_and_the_film_are_put_inside_the_page(policy: Path) -> None:
    film = policy / "figures" / "districts.gif"
    film.write_bytes(b"GIF89a")
    picture = policy / "figures" / "outcomes_by_cell.png"
    text = write_report(policy, verdicts=[VerdictBlock("none or some", ["<none> loses more."], picture)]).read_text()
    film.unlink()
    assert "data:image/gif;base64,R0lGODlh" in text
    assert "<h3>none or some</h3>" in text and "&lt;none&gt; loses more." in text


def test_one_cell_of_several_has_figures_and_a_page_of_its_own(policy: Path) -> None:
    before = (policy / "report.html").read_bytes()
    assert main([str(policy), "cell=3", "evening=2021-05-01"]) == 0
    assert {path.stem for path in (policy / "figures" / "cell_3").glob("*.png")} == set(FIGURES)
    text = (policy / "report_cell_3.html").read_text(encoding="utf-8")
    assert (
        "2 simulated campaigns, scenario july_2021 (Decisions as reported), reinforcement=as_reported, morale=reported"
        in text
    )
    assert (policy / "report.html").read_bytes() == before
    stamp = json.loads(Image.open(policy / "figures" / "cell_3" / "map.png").text["panj"])
    assert stamp["recipe"] == {"file": "figures/cell_3/map.png", "cell": 3, "evening": "2021-05-01"}


def test_an_evening_without_a_cell_is_refused(policy: Path) -> None:
    with pytest.raises(PanjError, match="found several cells"):
        main([str(policy), "evening=2021-07-01"])


def test_the_names_of_days_keep_clear_of_the_next_panel(policy: Path) -> None:
    study = read_study(policy)
    ticks = few_days(study.evenings).tick_values(0, 1)
    assert len(ticks) == 3  # 1 May, 1 June and 1 July of 1 May to 20 July


def test_a_series_that_is_zero_in_every_cell_is_drawn_without_a_warning(
    policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "draw_cell", lambda *_: 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sweeps.draw_course(read_sweep(policy), tmp_path / "zero.png", sweeps.CROSSINGS)


def test_outcomes_shown_are_among_those_that_campaigns_have(policy: Path) -> None:
    sweep = read_sweep(policy)
    assert set(outcomes_of(sweep)) <= set(sweep.runs)
    assert "border_share_taliban_2021_07_05" not in outcomes_of(sweep)
