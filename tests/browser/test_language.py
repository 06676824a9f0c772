"""Every page, and the seven scenes, in a made-up language that is written from right to left: no English but names."""

from pathlib import Path

import made_up
import pytest
from conftest import Classroom
from english import english_on
from quick import quiet_campaign, replace_campaigns

from sim.explorable.content import SCENES
from sim.explorable.explorable import write_explorable
from sim.options import Explorable
from sim.terminal import console_of

PAGES = ("", "watch", "change", "what_if", "compare", "story", "evidence", "lessons", "join", "teacher", "thresholds")
PROGRAM = Path(made_up.__file__)
OPENED = "() => document.querySelectorAll('details').forEach((one) => { one.open = true; })"
FILES = {"my_scenario", "yaml", "scenarios", "sim", "run", "python", "scenario"}  # a command, and a file that it reads


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder of the server, and the file of scenes in it, with stand-ins for campaigns."""
    folder = tmp_path_factory.mktemp("language")
    with pytest.MonkeyPatch.context() as patch:
        replace_campaigns(patch, quiet_campaign)
        made_up.use(made_up.write_language(folder / "texts", "rtl"), patch.setattr)
        patch.chdir(folder)
        return folder, write_explorable(Explorable(lang=made_up.CODE), console_of()).path.resolve()


@pytest.fixture(scope="module")
def classroom(written):
    """A server whose pages are in the made-up language."""
    folder, _ = written
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        room = Classroom(folder, program=(str(PROGRAM), str(folder / "texts"), "rtl"))
    yield room
    room.stop()


@pytest.fixture
def page(browser):
    context = browser.new_context()
    page = context.new_page()
    page.set_viewport_size({"width": 1280, "height": 900})
    page.set_default_timeout(120_000)
    yield page
    context.close()


def is_right_to_left(page):
    return page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == [made_up.CODE, "rtl"]


def fits(page):
    """Nothing is out of sight at the end of a line, where a page in this direction can be scrolled to."""
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_in_another_language_shows_no_english_but_names(page, classroom, keep, name):
    page.goto(f"{classroom.address}/{name}")
    page.wait_for_selector("h1" if name == "thresholds" else ".shell h1")
    page.wait_for_timeout(4000)
    page.evaluate(OPENED)
    assert is_right_to_left(page)
    assert not english_on(page, FILES)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        keep(page, f"language_{name or 'home'}_{width}")
        assert fits(page)


@pytest.mark.parametrize("is_served", [True, False], ids=["served", "file"])
def test_the_scenes_in_another_language_show_no_english_but_names(page, classroom, written, keep, is_served):
    page.goto(f"{classroom.address}/explorable" if is_served else written[1].as_uri())
    page.wait_for_selector("html[data-ready]")
    page.evaluate("sessionStorage.setItem(Object.keys(sessionStorage)[0], JSON.stringify({ reached: 6 }))")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert is_right_to_left(page)
    for name in SCENES:
        page.evaluate("(name) => { location.hash = name; }", name)
        page.wait_for_selector(f"#{name}:not([hidden])")
        page.wait_for_timeout(500)
        page.evaluate(OPENED)
        keep(page, f"language_{name}_1280")
        assert not english_on(page), name
        assert fits(page)


def test_english_left_in_a_page_is_found(page, classroom):
    page.goto(f"{classroom.address}/")
    page.wait_for_selector(".shell h1")
    page.evaluate("document.querySelector('h1').append(' Soldiers')")
    assert set(english_on(page)) == {"Soldiers"}
