"""Campaigns that raised are grouped by what they say and by where in the settings they lie."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from sim.__main__ import main
from sim.errors import PanjError
from sim.execution import rerun
from sim.execution.rerun import causes_of, command_of, print_failures, where_of
from sim.options import Failures, read_request
from sim.study.reader import Study, open_study

ROWS, FADE = "rules.flight.rows", "rules.news.fade_days"
FULL = "CampaignError: seed {}, day 9: the space for refugee rows is full (rules.flight.rows)"


def study(folder: Path, rows: list[dict[str, Any]]) -> Study:
    """A sweep over space for families, borders and days, in which these campaigns failed."""
    cells = [
        {
            "cell": number,
            "label": "",
            "values": values,
            "words": [f"{key}={value}" for key, value in values.items()],
            "start_date": "2021-05-01",
            "end_date": "2021-07-08",
        }
        for number, values in enumerate(
            {ROWS: space, "border": border, FADE: 5.0} for space in (100, 200, 5000) for border in ("open", "closed")
        )
    ]
    about = {
        "study": "policy", "choices": {}, "swept": [ROWS, "border", FADE], "cells": cells,
        "campaigns": 600 - len(rows), "failed": len(rows),
        "words": ["-m", f"{ROWS}=100,200,5000", "border=open,closed", f"{FADE}=5.0", "end_date=2021-07-08", "runs=100",
                  "seed=3", "study=policy", "executor=processes"],
    }  # fmt: skip
    (folder / "about.json").write_text(json.dumps(about))
    if rows:
        pq.write_table(pa.Table.from_pylist(rows), folder / "failures.parquet")
    return open_study(folder)


def failed(cell: int, seed: int, error: str) -> dict[str, Any]:
    return {"cell": cell, "seed": seed, "error": error, "traceback": "Traceback ..."}


def test_failures_that_say_the_same_but_for_numbers_have_one_cause(tmp_path: Path) -> None:
    study(tmp_path, [failed(0, 5, FULL.format(5)), failed(1, 6, FULL.format(6)), failed(0, 7, "MemoryError: ")])
    causes = causes_of(tmp_path)
    assert [(cause.campaigns, cause.cells) for cause in causes] == [(2, (0, 1)), (1, (0,))]


def test_a_cause_is_placed_by_the_values_that_it_has_and_others_have_not(tmp_path: Path) -> None:
    made = study(tmp_path, [failed(cell, 1, FULL.format(1)) for cell in (0, 2)])
    assert where_of(causes_of(tmp_path)[0], made) == [
        "2 of 6 cells", f"{ROWS} from 100 to 200 (swept from 100 to 5000)", "border=open (of 2 values)",
    ]  # fmt: skip


def test_a_cause_that_is_everywhere_says_so(tmp_path: Path) -> None:
    made = study(tmp_path, [failed(cell, 1, "KeyError: 1") for cell in range(6)])
    assert where_of(causes_of(tmp_path)[0], made) == ["6 of 6 cells", "at every value of the swept keys"]


def test_the_command_is_of_the_one_campaign_and_of_nothing_else(tmp_path: Path) -> None:
    made = study(tmp_path, [failed(3, 17, FULL.format(17))])
    words = command_of(causes_of(tmp_path)[0], made).split()
    assert words[:8] == ["python", "-m", "pdb", "-c", "continue", "-m", "sim.execution.rerun", f"{FADE}=5.0"]
    assert words[8:] == ["end_date=2021-07-08", f"{ROWS}=200", "border=closed", f"{FADE}=5.0", "seed=17"]


def test_the_command_lives_the_campaign_again_and_lets_its_error_through(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["seed=4", "end_date=2021-05-02"]
    assert rerun.rerun_one(words) == 0
    assert "Seed 4 went through 1 day without an error" in capsys.readouterr().out

    def raises(*_arguments: Any) -> None:
        raise RuntimeError("as before")

    monkeypatch.setattr(rerun, "run_campaign", raises)
    with pytest.raises(RuntimeError, match="as before"):
        rerun.rerun_one(words)


def test_a_study_without_failures_says_so(tmp_path: Path) -> None:
    paper = io.StringIO()
    print_failures(study(tmp_path, []), Console(file=paper, width=200))
    assert "every one of 600 campaigns finished" in paper.getvalue()


def test_failures_of_a_study_of_one_campaign_are_counted_in_the_singular(tmp_path: Path) -> None:
    def printed(done: int, rows: list[dict[str, Any]]) -> str:
        made = study(tmp_path, rows)
        paper = io.StringIO()
        print_failures(replace(made, about={**made.about, "campaigns": done}), Console(file=paper, width=200))
        return paper.getvalue()

    assert "the only campaign finished" in printed(1, [])
    assert "1 of 1 campaign failed" in printed(0, [failed(0, 5, FULL.format(5))])


def test_the_verb_prints_causes_and_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study(tmp_path, [failed(3, 17, FULL.format(17))])
    assert main(["failures", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "1 of 600 campaigns failed" in said
    assert "python -m pdb -c continue -m sim.execution.rerun" in said


@pytest.mark.parametrize("words", [[], ["a", "b"], ["study=policy"]])
def test_one_folder_is_asked_for(words: list[str]) -> None:
    with pytest.raises(PanjError, match="failures: found"):
        read_request(Failures, words)
