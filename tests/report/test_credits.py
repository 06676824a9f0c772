"""Whoever draws the shapes of the districts credits them where they are shown, as their licence requires."""

import re
from pathlib import Path

import sim
from sim.classroom.texts import texts_of
from sim.plots.land import CREDIT

SOURCE = Path(sim.__file__).parent
DRAWS = re.compile(r"from sim\.plots\.(land import .*\bread_land|maps import .*\b(new_map|shapes_of|draw_map_of))\b")
GEOMETRY = {"plots/land.py", "plots/maps.py"}
ON_PAGES = {"classroom/player.py": ("map", "map_credit"), "classroom/parts/river.py": ("home", "credit")}


def test_every_map_credits_its_shapes():
    drawers = {
        str(path.relative_to(SOURCE)): path.read_text(encoding="utf-8")
        for path in SOURCE.rglob("*.py")
        if DRAWS.search(path.read_text(encoding="utf-8"))
    }
    assert {"mesa_page.py", "report/animation.py", *ON_PAGES} <= set(drawers)
    for name, text in drawers.items():
        if name in ON_PAGES:
            page, key = ON_PAGES[name]
            assert "geoBoundaries" in texts_of(page).say(key) and "CC BY 4.0" in texts_of(page).say(key)
        elif name not in GEOMETRY:
            assert re.search(r"\bCREDIT\b|\bSOURCES\b|draw_map_of", text), name
    assert "geoBoundaries" in CREDIT and "CC BY 4.0" in CREDIT


def test_the_page_of_a_map_shows_the_credit_it_has():
    board = (SOURCE / "classroom" / "parts" / "map.vue").read_text(encoding="utf-8")
    assert "map_credit" in board.split("<script>")[0]
