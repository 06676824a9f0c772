"""A command line becomes cells: every one is resolved before any runs, and what is wrong is said under its cell."""

import re
from typing import Any

import pytest

from sim.configuration.numbers import declared_numbers
from sim.configuration.sweep import Sweep, compose_sweep
from sim.data.facts import read_facts
from sim.errors import PanjError

FACTS = read_facts()
CONTAGION, FADE = "rules.morale.contagion", "rules.news.fade_days"
HYPERCUBE = "sampling=latin_hypercube"


def swept(*words: str) -> Sweep:
    return compose_sweep(words, FACTS)


def values(sweep: Sweep) -> list[list[Any]]:
    return [list(cell.values.values()) for cell in sweep.cells]


def test_a_plain_run_is_one_cell_without_a_label() -> None:
    plain = swept("border=closed", "runs=3")
    assert [(cell.number, cell.label, cell.values, cell.words) for cell in plain.cells] == [(0, "", {}, ())]
    assert plain.swept == ()
    assert plain.cells[0].settings.fingerprint() == plain.base.fingerprint()


def test_every_combination_is_a_cell_and_the_last_key_changes_fastest() -> None:
    found = swept("-m", "border=open,closed", "morale=brittle,reported", "runs=3")
    assert values(found) == [["open", "brittle"], ["open", "reported"], ["closed", "brittle"], ["closed", "reported"]]
    assert [cell.number for cell in found.cells] == [0, 1, 2, 3]
    assert found.cells[2].label == "border=closed, morale=brittle"
    assert found.cells[2].settings.choices["border"] == "closed"
    assert all(cell.settings.runs == 3 for cell in found.cells)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_mark_of_a_sweep_may_stand_anywhere(place: int) -> None:
    words = ["border=open,closed", "runs=3"]
    words.insert(place, "--multirun" if place == 1 else "-m")
    assert len(swept(*words).cells) == 2


@pytest.mark.parametrize(
    ("word", "found"),
    [
        (f"{CONTAGION}=0.1,0.2,0.4", [0.1, 0.2, 0.4]),
        (f"{CONTAGION}=choice(0.1,0.2)", [0.1, 0.2]),
        ("rules.founding.outposts=range(1,4)", [1, 2, 3]),
        ("air_support=glob(*)", ["continues", "ends_1_may", "ends_2_july", "full_strength"]),
        ("timeline.events.bagram_handed_over.date=2021-07-02,2021-08-01", ["2021-07-02", "2021-08-01"]),
        ("timeline.events.aid_talks.value=0.1,0.2", [0.1, 0.2]),
        ("end_date=2021-07-08,2021-08-01", ["2021-07-08", "2021-08-01"]),
    ],
)
def test_several_values_are_said_in_the_words_of_hydra(word: str, found: list[Any]) -> None:
    assert values(swept("-m", word)) == [[value] for value in found]


def test_a_number_is_swept_as_it_would_be_set_alone() -> None:
    first, second = swept("-m", f"{CONTAGION}=0.1,1").cells
    assert first.settings.rules.morale.contagion == 0.1
    assert second.settings.rules.morale.contagion == 1.0
    assert second.settings.fingerprint() == swept(f"{CONTAGION}=1").base.fingerprint()
    assert first.words == (f"{CONTAGION}=0.1",)


WRONG = {
    ("border=open,closed",): "border: found several values ('border=open,closed'), expected one; -m sweeps",
    ("-m", "border=open,closd"): "border: found 'closd', expected one of .* did you mean 'closed'",
    ("-m", "bordr=open,closed"): "bordr: found no such setting .* did you mean 'border'",
    ("-m", f"{CONTAGION}=0.1,9"): f"cell 1 ({CONTAGION}=9): {CONTAGION}: found 9.0, expected a number from 0.0 to 2.0",
    ("-m", f"{CONTAGION}=0.1,much"): f"cell 1 ({CONTAGION}=much): {CONTAGION}: found 'much', expected a number",
    ("-m", f"{CONTAGION}=0.1,0.1"): f"{CONTAGION}: found '{CONTAGION}=0.1,0.1', expected at least one value",
    ("-m", "runs=10,20"): "runs: found several values ('runs=10,20'), expected one, since all cells have",
    ("-m", "executor=threads,dask"): "executor: found several values",
    ("-m", f"{CONTAGION}=interval(0,1)"): f"{CONTAGION}: found interval(), which needs {HYPERCUBE}",
    ("-m", HYPERCUBE): "sampling: found latin_hypercube with no number to vary",
    ("-m", HYPERCUBE, f"{CONTAGION}=interval(1,0)"): f"{CONTAGION}: found interval(1,0), expected two finite bounds",
    ("-m", HYPERCUBE, f"{CONTAGION}=interval(0,9)"): f"{CONTAGION}: found ",
    ("-m", HYPERCUBE, "end_date=interval(0,1)"): "end_date: found interval(), which only numbers of rules can have",
    ("-m", HYPERCUBE, "sampling.keys=[rules.news.fade]"): "sampling.keys: found 'rules.news.fade', expected one of",
    ("-m", HYPERCUBE, f"{CONTAGION}=interval(0,1)", "sampling.points=0"): "sampling.points: found 0, expected",
    ("precision.outcome=troops_crossed",): "precision.half_width: found none, expected both",
    ("precision.outcome=troops", "precision.half_width=2"): "precision.outcome: found 'troops', expected one of",
    ("precision.outcome=troops_crossed", "precision.half_width=0"): "precision.half_width: found 0.0, expected a",
    ("precision.outcome=troops_crossed", "precision.half_width=2", "runs_max=9"): "runs_max: found 9, expected a whole",
    ("executor=thread",): "executor: found 'thread', expected one of dask, processes, threads; did you mean 'threads'",
    ("executor.workers=-1",): "executor.workers: found -1, expected a whole number from 0 to 4096",
    ("executor.address=tcp://host:8786",): "executor.address: found 'tcp://host:8786' with executor=threads",
}


@pytest.mark.parametrize(("words", "said"), WRONG.items(), ids=[" ".join(words) for words in WRONG])
def test_what_is_wrong_is_said_before_the_first_campaign(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(PanjError, match=".*".join(re.escape(part) for part in said.split(" .* "))) as raised:
        swept(*words)
    assert "\n" not in str(raised.value)


def test_a_key_that_changes_nothing_is_refused_and_the_cells_are_named() -> None:
    with pytest.raises(
        PanjError, match=r"bagram_handed_over\.date: found values .* the same settings .* cells 0 \(.*0"
    ):
        swept("-m", "air_support=continues", "timeline.events.bagram_handed_over.date=2021-07-02,2021-08-01")


def test_words_about_an_event_change_nothing_and_are_refused() -> None:
    with pytest.raises(PanjError, match=r"bagram_handed_over\.text: found values \(a, b\) that resolve to the same"):
        swept("-m", "timeline.events.bagram_handed_over.text=a,b", "border=open,closed")


def test_a_key_that_changes_something_in_some_cells_is_kept_and_the_same_cells_are_named() -> None:
    found = swept(
        "-m", "air_support=ends_2_july,continues", "timeline.events.bagram_handed_over.date=2021-07-02,2021-08-01"
    )
    assert found.same == ((2, 3),)


def test_a_latin_hypercube_has_one_point_in_each_slice_of_each_range() -> None:
    found = swept("-m", HYPERCUBE, "sampling.points=20", f"{CONTAGION}=interval(0.2,0.6)", f"sampling.keys=[{FADE}]")
    assert found.swept == (CONTAGION, FADE)
    declared = declared_numbers()[FADE]
    for place, (low, high) in enumerate([(0.2, 0.6), (declared.low, declared.high)]):
        slices = [int(20 * (row[place] - low) / (high - low)) for row in values(found)]
        assert sorted(slices) == list(range(20))


def test_a_latin_hypercube_is_crossed_with_choices_and_keeps_its_points() -> None:
    words = (HYPERCUBE, "sampling.points=5", f"{CONTAGION}=interval(0.2,0.6)", "-m")
    found = swept(*words, "border=open,closed")
    points = [row[1] for row in values(found)]
    assert points[:5] == points[5:]
    assert points != [row[1] for row in values(swept(*words, "border=open,closed", "sampling.seed=1"))]


def test_a_whole_number_stays_whole_in_a_latin_hypercube() -> None:
    found = swept("-m", HYPERCUBE, "sampling.points=4", "sampling.keys=[rules.founding.outposts]")
    assert all(isinstance(row[0], int) for row in values(found))


def test_a_sweep_is_named_after_what_it_sweeps() -> None:
    assert swept("-m", "border=open,closed").base.study == "july_2021__by-border"
    assert swept("-m", f"{CONTAGION}=0.1,0.2", "morale=brittle").base.study == (
        "july_2021__morale-brittle__by-morale.contagion"
    )
    assert swept("-m", "border=open,closed", "study=mine").base.study == "mine"


def test_how_campaigns_are_run_changes_no_cell_and_no_name() -> None:
    usual = swept("border=closed").base
    for words in (
        ["executor=processes", "executor.workers=3"], ["executor=dask", "executor.address=tcp://host:8786"],
        ["precision.outcome=troops_crossed", "precision.half_width=25", "runs_max=900"],
    ):  # fmt: skip
        other = swept("border=closed", *words).base
        assert (other.fingerprint(), other.study) == (usual.fingerprint(), usual.study)


def test_an_order_says_everything_that_a_worker_needs() -> None:
    import pickle

    order = swept("taliban.attention.Northern=2").cells[0].order
    again = pickle.loads(pickle.dumps(order))
    assert again.rules == order.rules
    assert dict(again.attention)["Northern"] == 2
    assert {post: dict(change) for post, change in again.posts}["ishkashim"]["soldiers"] == 0.6
    assert [column.tolist() for column in again.timeline] == [column.tolist() for column in order.timeline]
