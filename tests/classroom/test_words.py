"""Words where people died: nothing that readers see speaks of dice or of luck."""

import re
from pathlib import Path

import pytest

from sim.classroom import texts
from sim.classroom.lessons.lesson import folder_of_exercises

ROOT = folder_of_exercises().parent
PLAY = re.compile(r"\b(dice|lucky|luck|roll again|gambl\w*)\b", re.IGNORECASE)
SHOWN = [
    *texts.FOLDER.glob("*/*.yaml"),
    *(ROOT / "exercises").rglob("*.yaml"),
    *(ROOT / "exercises").rglob("*.ipynb"),
    *(ROOT / "docs" / "how-to").glob("t*.md"),
    *(ROOT / "docs" / "tutorials").glob("*.md"),
]


@pytest.mark.parametrize("path", sorted(SHOWN), ids=lambda path: f"{Path(path).parent.name}/{Path(path).stem}")
def test_no_text_for_readers_speaks_of_dice_or_luck(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if PLAY.search(re.sub(r"\w*luck\w*\.csv|july_\w+|\w+_luck|^unlucky:", "", line))]
