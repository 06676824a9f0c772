"""Take the pictures of the classroom in `docs/` again: Watch, Change, What if, the walls of a class, and a scene.

    python docs/pictures.py [watch] [change] [what_if] [wall] [scenes] [explorable]

Seeds and choices are those of the captions in `docs/how-to/teaching.md`. The classroom is started in a folder that is
deleted afterwards. Chromium is found as the browser tests find it.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT / "tests")]

from conftest import CHROMIUM, QUIET, Classroom  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402
from test_class import claim, join, open_session, sees  # noqa: E402
from test_class_scenes import begin, move  # noqa: E402
from test_explorable import at, middle  # noqa: E402

SIZE = {"width": 1280, "height": 800}
PATIENCE = 240_000  # milliseconds
CLAIMS = (  # nickname, team, decision, and the ends of the range of a difference in soldiers
    ("Anna", "", "border=closed", "-900", "-100"),
    ("Boris", "Bridge", "reinforcement=answer_every_call", "-300", "200"),
    ("Chirin", "", "morale=brittle", "-500", "100"),
)
DRAWINGS = (  # what three students draw: places on the line, across and down the chart
    ((0.12, 0.86), (0.45, 0.78), (0.75, 0.62), (0.98, 0.26)),
    ((0.12, 0.87), (0.5, 0.84), (0.8, 0.6), (0.98, 0.42)),
    ((0.12, 0.85), (0.4, 0.77), (0.7, 0.69), (0.98, 0.62)),
)
Visit = Callable[[str], Page]


def watch(visit: Visit) -> Page:
    """Show the evening of 5 July in the campaign of seed 7."""
    page = visit("watch?seed=7&evening=2021-07-05")
    page.get_by_text("Evening of 5 July 2021").first.wait_for()
    return below(page, page.get_by_text("Evening of 5 July 2021").first)


def change(visit: Visit) -> Page:
    """Show 200 pairs of campaigns with and without a closed border."""
    page = visit("change?choice=border=closed")
    page.get_by_role("button", name="Run 200 campaigns").click()
    page.get_by_text("over 200 pairs").first.wait_for()
    return below(page, page.get_by_text("What you change").first)


def what_if(visit: Visit) -> Page:
    """Show 200 pairs of worlds in which the border closes on an evening, as the page suggests it."""
    page = visit("what_if?follow=record")
    page.get_by_label("Decision", exact=True).select_option("border=closed")
    page.get_by_role("button", name="Run both versions").click()
    page.get_by_text("200 pairs of runs").wait_for()
    return below(page, page.get_by_role("heading", name="The border: Closed").first)


def wall(visit: Visit) -> Page:
    """Show the wall of a class in which three students have predicted what their decisions change."""
    teacher = visit("teacher")
    code = open_session(teacher)
    students = [visit(f"join?class={code}") for _ in CLAIMS]
    for student, (nickname, team, *_) in zip(students, CLAIMS, strict=True):
        join(student, nickname, team=team)
    teacher.get_by_role("button", name="Ask", exact=True).click()
    for student, (*_, decision, low, high) in zip(students, CLAIMS, strict=True):
        student.get_by_label("Lower end").wait_for()
        claim(student, low, high, decision)
        sees(student, "Sent.")
    teacher.get_by_role("button", name="Close claims").click()
    teacher.get_by_role("button", name="Run the campaigns").click()
    page = teacher.context.new_page()
    page.set_viewport_size(SIZE)
    page.goto(teacher.url.partition("?")[0].replace("teacher", f"projector?class={code}"))
    page.get_by_text("On average").first.wait_for(timeout=PATIENCE)
    page.wait_for_timeout(5_000)  # dots fall in
    return page


def draw(page: Page, line: tuple[tuple[float, float], ...]) -> None:
    """Draw a line in scene 2 and lock it."""
    box = at(page, "draw").locator("[data-chart]").bounding_box()
    page.mouse.move(*middle(box, *line[0]))
    page.mouse.down()
    for place in line[1:]:
        page.mouse.move(*middle(box, *place), steps=12)
    page.mouse.up()
    page.click("#draw [data-lock]")


def scenes(visit: Visit) -> Page:
    """Show the wall of three students in scene 4, with what they drew."""
    visit("explorable?seed=7")  # runs the campaigns of the page
    teacher = visit("teacher")
    code = open_session(teacher)
    students = [visit(f"join?class={code}") for _ in DRAWINGS]
    for student, nickname in zip(students, ("Anna", "Boris", "Chirin"), strict=True):
        join(student, nickname)
    begin(teacher, *students)
    move(teacher, "draw", *students)
    for student, line in zip(students, DRAWINGS, strict=True):
        draw(student, line)
    move(teacher, "run", *students)
    for student in students:
        student.locator("#run [data-day]").fill("67")
    move(teacher, "gather", *students)
    page = teacher.context.new_page()
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(teacher.url.partition("?")[0].replace("teacher", f"projector?class={code}"))
    page.locator(".wall-end").nth(len(students) - 1).wait_for(timeout=PATIENCE)
    page.keyboard.press("d")
    page.get_by_text("D hides them").wait_for()
    page.wait_for_timeout(2_000)
    return page


def explorable(visit: Visit) -> Page:
    """Show scene 5 of a reader with the campaign of seed 7, with the reports."""
    page = visit("explorable?seed=7")
    page.click("#river [data-next]")
    draw(page, DRAWINGS[0])
    page.locator("#run [data-day]").fill("67")
    page.click("#run [data-next]")
    page.click("#gather [data-gather]")
    page.click("#gather [data-choose]")
    page.click("#reports [data-show]")
    page.wait_for_timeout(1_500)
    return page


def below(page: Page, first: Any) -> Page:
    """Scroll until an element is near the top."""
    page.wait_for_timeout(1_500)
    first.evaluate("one => { one.style.scrollMarginTop = '16px'; one.scrollIntoView({block: 'start'}); }")
    page.wait_for_timeout(1_500)
    return page


def take(browser: Browser, room: Classroom, name: str) -> None:
    """Take one picture, with visitors of its own."""
    contexts = []

    def visit(address: str) -> Page:
        contexts.append(browser.new_context())
        page = contexts[-1].new_page()
        page.set_viewport_size(SIZE)
        page.set_default_timeout(PATIENCE)
        page.goto(f"{room.address}/{address}")
        page.wait_for_selector(".shell h1, html[data-ready]")
        return page

    try:
        path = ROOT / "docs" / (f"{name}.png" if name == "explorable" else f"classroom_{name}.png")
        PICTURES[name](visit).screenshot(path=str(path))
        print(path.relative_to(ROOT))
    finally:
        for context in contexts:
            context.close()


PICTURES: dict[str, Callable[[Visit], Page]] = {
    "watch": watch, "change": change, "what_if": what_if, "wall": wall, "scenes": scenes, "explorable": explorable,
}  # fmt: skip

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        room = Classroom(Path(folder))
        try:
            chromium = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            for name in sys.argv[1:] or PICTURES:
                take(chromium, room, name)
        finally:
            room.stop()
