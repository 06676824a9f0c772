"""Tests that every command which is printed as the next step can be pasted into a shell and works."""

import re
import shlex
from contextlib import nullcontext
from pathlib import Path

import pytest
from quick import no_figures, replace_campaigns

from sim import __main__ as front
from sim.configuration.overrides import Overrides
from sim.options import read_command

SMALL = ["runs=3", "end_date=2021-07-08", "calibration=as_declared", "daily=false"]
EARLY = ["runs=3", "end_date=2021-06-20", "calibration=as_declared", "daily=false"]
GRID = ["-m", "reinforcement=as_reported,none", "border=closed,as_reported"]
NIGHT = "outcome=troops_crossed_largest_night"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a small sweep of quick campaigns, in a folder whose name has a space."""
    replace_campaigns(monkeypatch)
    monkeypatch.setattr(front, "drawing_apart", lambda: nullcontext(no_figures))
    monkeypatch.chdir(tmp_path)
    assert front.main([*GRID, *SMALL, "results_dir='my results'", "study=grid"]) == 0
    return tmp_path / "my results" / "grid"


def printed_commands(printed: str) -> list[list[str]]:
    """Return the commands in the printed line of next steps, each split into words as by a shell."""
    lines = [line for line in printed.splitlines() if line.startswith("Next: ")]
    found = [command for line in lines for command in re.findall(r"python -m sim[^;]*", line)]
    return [shlex.split(command)[3:] for command in found]


def test_every_next_step_works_and_leads_on(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done: list[list[str]] = []
    waiting = [["compare", str(study), "outcome=troops_crossed_by_2021_07_07"]]
    while waiting:
        words = waiting.pop(0)
        capsys.readouterr()
        assert front.main(words) == 0, words
        done.append(words)
        more = printed_commands(capsys.readouterr().out)
        assert all(read_command(one) for one in more)
        waiting += [one for one in more if len(one) > 2 and one not in done]  # without an outcome: as the first
    assert ["compare", str(study), NIGHT, "above=1037"] in done  # found, not given


BASELINE = "baseline=border=closed"
STARTS = {
    "baseline": ["compare", "{grid}", BASELINE, NIGHT, "above=1037"],
    "baseline of outcomes": ["compare", "{grid}", BASELINE],
    "effects": ["compare", "{grid}", BASELINE, NIGHT, "effects=true"],
    "two folders": ["compare", "{alone}", "{grid}"],
    "two sweeps": ["compare", "{grid}", "{thin}", "outcome=troops_crossed_by_2021_07_07"],
    "one cell": ["alone"],
    "one campaign per cell": ["compare", "{thin}", NIGHT, "above=1037"],
    "not a full grid": ["compare", "{hypercube}", "outcome=troops_crossed_by_2021_07_07", "above=10"],
    "own folder": ["compare", "{own}", "outcome=kunduz_held_2021_06_30"],
    "export": ["export", "{grid}", "to=csv"],
    "failures": ["failures", "{grid}"],
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_the_next_step_of_every_verb_works_from_wherever_one_comes(
    start: list[str], study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {
        "alone": SMALL,
        "thin": [*GRID, *SMALL[1:], "runs=1"],
        "hypercube": ["-m", "sampling=latin_hypercube", "sampling.points=3", "rules.news.fade_days=interval(2,8)",
                      "rules.morale.contagion=interval(0.1,0.6)", *SMALL],
        "own": [*GRID, *SMALL, "config_dir=own"],
    }  # fmt: skip
    wanted = " ".join(start)
    if "{own}" in start:
        assert front.main(["init", "own"]) == 0
    for name, words in made.items():
        if f"{{{name}}}" in wanted:
            assert front.main([*words, "results_dir='my results'", f"study={name}"]) == 0
    words = [word.format(**{name: study.parent / name for name in ("grid", *made)}) for word in start]
    words = [*made["alone"], "results_dir='my results'", "study=alone"] if start == ["alone"] else words
    done, waiting = [], [words]
    while waiting and len(done) < 4:
        words = waiting.pop(0)
        capsys.readouterr()
        assert front.main(words) == 0, words
        done.append(words)
        waiting += [one for one in printed_commands(capsys.readouterr().out) if one not in done]
    if BASELINE in start:
        assert all(BASELINE in words for words in done if words[0] == "compare")
        assert len([words for words in done if words[0] == "compare"]) > 1


def test_no_outcome_that_is_counted_after_the_last_day_is_suggested(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert front.main([*GRID, *EARLY, "results_dir='my results'", "study=early"]) == 0
    assert front.main(["compare", str(study.parent / "early")]) == 0
    found = printed_commands(capsys.readouterr().out)
    memo = ["memo", str(study.parent / "early"), "outcome=share_held_by_taliban_2021_06_08"]
    assert memo in found and not [words for words in found if NIGHT in words]
    assert front.main(memo) == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ["reinforcement=none"]),
        (["runs=5", "end_date=2021-07-08", "study=mine"], ["runs=5", "end_date=2021-07-08", "reinforcement=none"]),
        (["'results_dir=a b'", "reinforcement=airlift"], ["results_dir=a b", "reinforcement=airlift", "border=closed"]),
        (
            ["worlds=record", "worlds.until=2021-06-30"],
            ["worlds=record", "worlds.until=2021-06-30", "reinforcement=none"],
        ),
        (["reinforcement=none", "border=open", "morale=brittle"], ["story", "folder"]),
    ],
)
def test_after_a_run_one_more_decision_is_suggested_and_nothing_typed_is_dropped(
    words: list[str], expected: list[str]
) -> None:
    step = front.next_step(Overrides.of(shlex.split(" ".join(words))), Path("folder"))
    assert shlex.split(step.partition(": ")[2])[3:] == expected
