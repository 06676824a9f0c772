"""Main effects and interactions over a grid whose answers can be worked out on a board."""

import itertools
import json

import numpy as np
import pytest
from test_compare import write_study, write_verdicts

from sim.compare import figure as show
from sim.compare.effects import Effects, effects_of
from sim.compare.pairs import choose_baseline
from sim.errors import PanjError
from sim.options import Range, Threshold
from sim.plots.charts import keep_figures
from sim.plots.tables import read_rows
from sim.study.reader import open_study, read_measure, read_worlds

KEYS = {"reinforcement": ("as_reported", "none"), "border": ("as_reported", "closed", "open")}
SEEDS = 40


def grid(folder, outcome, keys=KEYS, seeds=None, drop=0):
    """A study of every combination; `outcome` takes the places of the values and the seeds."""
    places = list(itertools.product(*(range(len(values)) for values in keys.values())))
    cells = []
    for place in places[: len(places) - drop]:
        values = {key: keys[key][level] for key, level in zip(keys, place, strict=True)}
        cells.append((values, {"troops_crossed": list(outcome(place, np.arange(SEEDS)))}))
    return write_study(folder, cells, seeds)


def effects_in(folder, asked: Range | None = None, baseline=None) -> Effects:
    study = open_study(folder)
    measure = read_measure(study, "troops_crossed")
    worlds = read_worlds(study, measure, study.cells[0].start_date)
    if asked is not None:
        worlds = {number: one._replace(values=asked.holds(one.values).astype(float)) for number, one in worlds.items()}
    return effects_of(study, worlds, measure, choose_baseline(baseline, study, study), asked)


def sizes(found: Effects):
    return {(effect.keys, effect.change): effect.size for effect in found.effects}


def test_effects_are_averages_over_the_other_keys_within_worlds(tmp_path):
    table = np.array([[10.0, 7.0, 12.0], [9.0, 2.0, 15.0]])
    found = effects_in(grid(tmp_path / "made", lambda place, seeds: table[place] + 100.0 * seeds))
    assert sizes(found) == pytest.approx(
        {
            ("reinforcement", "reinforcement=none instead of as_reported"): -1.0,
            ("border", "border=closed instead of as_reported"): -5.0,
            ("border", "border=open instead of as_reported"): 4.0,
            (
                "reinforcement x border",
                "reinforcement=none instead of as_reported x border=closed instead of as_reported",
            ): -4.0,
            (
                "reinforcement x border",
                "reinforcement=none instead of as_reported x border=open instead of as_reported",
            ): 4.0,
        }
    )
    assert all(effect.low == effect.high == effect.size for effect in found.effects)  # nothing varies between worlds
    assert [abs(effect.size) for effect in found.effects] == [5, 4, 4, 4, 1]
    assert next(effect.base for effect in found.effects if effect.keys == "reinforcement") == pytest.approx(
        table[0].mean() + 100 * (SEEDS - 1) / 2
    )


def test_effects_are_measured_from_another_baseline_where_one_is_asked_for(tmp_path):
    table = np.array([[10.0, 7.0, 12.0], [9.0, 2.0, 15.0]])
    found = effects_in(grid(tmp_path / "made", lambda place, seeds: table[place] + seeds), baseline="border=closed")
    assert sizes(found)["border", "border=as_reported instead of closed"] == pytest.approx(5.0)


def test_joint_intervals_hold_all_effects_together_as_often_as_they_say(tmp_path):
    draws = np.random.default_rng(3)
    truth = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])  # no interaction
    right = {"reinforcement": 3.0, "border=closed": 1.0, "border=open": 2.0, "x": 0.0}
    held = 0
    folder = grid(tmp_path / "made", lambda place, seeds: truth[place] + seeds * 0.0)
    study, measure = open_study(folder), None
    measure = read_measure(study, "troops_crossed")
    worlds = read_worlds(study, measure, study.cells[0].start_date)
    for _ in range(400):
        noisy = {n: one._replace(values=one.values + draws.normal(size=SEEDS)) for n, one in worlds.items()}
        found = effects_of(study, noisy, measure, choose_baseline(None, study, study))
        held += all(
            effect.low
            <= right["x" if " x " in effect.keys else next(k for k in right if effect.change.startswith(k))]
            <= effect.high
            for effect in found.effects
        )
    assert 0.93 <= held / 400 <= 1.0


def test_none_of_the_changes_would_have_prevented_it_only_where_every_interval_says_so(tmp_path):
    asked = Range(Threshold("5", 5.0), None)
    same = effects_in(grid(tmp_path / "same", lambda _, seeds: np.where(seeds % 2, 9.0, 1.0)), asked)
    assert "None of the 3 changes alone would have halved this risk" in same.paragraph
    assert same.risk == 0.5

    def closed(place, seeds):
        return np.where((place[1] == 1) | (seeds % 4 == 0), 1.0, 9.0)

    found = effects_in(grid(tmp_path / "closed", closed), asked)
    assert "None of" not in found.paragraph
    assert "This risk would have been more than halved by border=closed instead" in found.paragraph
    few = effects_in(grid(tmp_path / "few", lambda place, seeds: np.where(seeds < 2 - (place[1] > 0), 9.0, 1.0)), asked)
    assert "It is unclear whether" in few.paragraph and "None of" not in few.paragraph


def test_what_a_change_prevents_is_counted_with_every_other_key_at_its_base_value(tmp_path):
    """With the second value of the first key, the second key changes nothing; at the base it prevents everything."""
    asked = Range(Threshold("5", 5.0), None)

    def only_at_base(place, seeds):
        return np.where((seeds % 2 == 0) & ((place[0] == 1) | (place[1] == 0)), 9.0, 1.0)

    folder = grid(tmp_path / "made", only_at_base)
    found = effects_in(folder, asked)
    closed = next(one for one in found.preventions if one.change.startswith("border=closed"))
    assert (closed.prevented, closed.caused, found.risk) == (SEEDS // 2, 0, 0.5)
    assert "This risk would have been more than halved by border=closed instead of as_reported" in found.paragraph
    assert f"border=closed instead of as_reported, prevented in {SEEDS // 2} and caused in 0" in found.paragraph
    table = write_verdicts([str(folder), "outcome=troops_crossed", "above=5"])[0]
    row = next(
        row for row in show.read_verdicts(table).rows if row.cell_label == "reinforcement=as_reported, border=closed"
    )
    assert (row.risk.prevented, row.risk.caused) == (closed.prevented, closed.caused)  # one number in two places


def test_a_change_that_prevents_every_event_is_said_to_halve_the_risk_even_in_few_worlds(tmp_path):
    asked = Range(Threshold("5", 5.0), None)
    folder = grid(tmp_path / "made", lambda place, seeds: np.where((seeds < 14) & (place[1] == 0), 9.0, 1.0))
    found = effects_in(folder, asked)
    assert "This risk would have been more than halved by border=closed" in found.paragraph
    assert "border=closed instead of as_reported, prevented in 14 and caused in 0" in found.paragraph


def test_the_verb_writes_effects_draws_them_and_says_them_in_one_paragraph(tmp_path, capsys):
    folder = grid(tmp_path / "made", lambda place, seeds: 3.0 * place[0] + seeds % 7 + place[1] * (seeds % 3))
    tables = write_verdicts([str(folder), "outcome=troops_crossed", "effects=true"])
    assert [table.name for table in tables] == ["troops_crossed__effects.csv"]
    assert show.main(tables) == 0
    assert [effect.size for effect in show.read_effects(tables[0]).rows] == [e.size for e in effects_in(folder).effects]
    printed = " ".join(capsys.readouterr().out.split())
    assert "reinforcement=none instead of as_reported" in printed and "(Bonferroni)" in printed
    assert tables[0].with_suffix(".png").is_file()
    assert show.tables_in(folder) == []


def test_a_long_paragraph_below_the_chart_leaves_the_rows_their_height(tmp_path):
    folder = grid(tmp_path / "made", lambda place, seeds: 3.0 * place[0] + seeds % 7 + place[1] * (seeds % 3))
    table = write_verdicts([str(folder), "outcome=troops_crossed", "effects=true"])[0]
    heights = []
    for times in (1, 12):
        found = show.read_effects(table)
        about = found.about | {"paragraph": " ".join([found.about["paragraph"]] * times)}
        with keep_figures() as kept:
            show.draw_effects(found._replace(about=about))
        heights.append(kept[0].axes[0].get_window_extent().height / kept[0].dpi)
    assert heights[1] == pytest.approx(heights[0], abs=0.3)
    assert min(heights) > 0.2 * len(found.rows)


def test_one_effect_is_neither_joint_nor_averaged(tmp_path, capsys):
    folder = grid(
        tmp_path / "made", lambda place, seeds: 10.0 * place[0] + seeds, {"border": ("as_reported", "closed")}
    )
    paragraph = effects_in(folder).paragraph
    assert "(95 % interval: " in paragraph
    assert not any(words in paragraph for words in ("joint", "averaged", "all 1"))
    assert show.main(write_verdicts([str(folder), "outcome=troops_crossed", "effects=true"])) == 0
    assert "joint" not in capsys.readouterr().out


@pytest.mark.parametrize("threshold", [(), ("above=12",)])
def test_one_effect_has_the_interval_of_the_comparison(tmp_path, threshold):
    folder = grid(
        tmp_path / "made",
        lambda place, seeds: 10.0 * place[0] * (seeds % 3) + seeds,
        {"border": ("as_reported", "closed")},
    )
    asked = [str(folder), "outcome=troops_crossed", *threshold]
    (of_effects,) = write_verdicts([*asked, "effects=true"])
    (of_pairs,) = write_verdicts(asked)
    (effect,), (verdict,) = read_rows(of_effects), read_rows(of_pairs)
    compared = tuple(verdict[name] for name in ("mean_difference", "mean_low", "mean_high"))
    assert tuple(effect[name] for name in ("size", "low", "high")) == compared
    assert float(effect["low"]) < float(effect["high"])
    methods = {
        json.loads(table.with_suffix(".json").read_text(encoding="utf-8"))["intervals"]
        for table in (of_effects, of_pairs)
    }
    assert len(methods) == 1


def test_worlds_that_a_cell_lacks_are_left_out_and_counted(tmp_path):
    seeds = [list(range(SEEDS))] * 5 + [list(range(2, SEEDS + 2))]
    found = effects_in(grid(tmp_path / "made", lambda place, seeds: seeds * 1.0, seeds=seeds))
    assert (found.worlds, found.left_out) == (SEEDS - 2, 4)


@pytest.mark.parametrize("fault", ["missing cell", "hypercube", "unpaired", "two studies"])
def test_what_is_no_full_grid_with_common_seeds_is_refused_in_one_line(tmp_path, fault):
    def outcome(place, seeds):
        return seeds + float(sum(place))

    folders = []
    if fault == "missing cell":
        folders = [grid(tmp_path / "made", outcome, drop=1)]
    if fault == "hypercube":
        points = [({"rules.news.fade_days": 3.0 + n, "rules.parley.base": 0.1 * n}, {"troops_crossed": [1.0, 2.0]})
                  for n in range(5)]  # fmt: skip
        folders = [write_study(tmp_path / "made", points)]
    if fault == "unpaired":
        folders = [grid(tmp_path / "made", outcome, seeds=[list(range(n * 99, n * 99 + SEEDS)) for n in range(6)])]
    if fault == "two studies":
        folders = [grid(tmp_path / "made", outcome), grid(tmp_path / "other", outcome)]
    with pytest.raises(PanjError) as refused:
        write_verdicts([*map(str, folders), "outcome=troops_crossed", "effects=true"])
    assert refused.value.key == "effects" and "\n" not in str(refused.value)
