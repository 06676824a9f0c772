"""The seven scenes with a class: the teacher's clock moves every page, and what students did rises on the wall."""

import random
import re

import pytest
from conftest import Classroom
from playwright.sync_api import expect
from quick import quiet_campaign, replace_campaigns
from test_access import faults
from test_class import is_read_from_the_back, join, open_session, sees, wall  # noqa: F401
from test_explorable import DAYS, at, draw, middle, tab_to

from sim.classroom.sessions.register import Register
from sim.classroom.sessions.scenes import BRACKET, CAMPAIGN, ClassScenes, Done
from sim.explorable.content import SCENES
from sim.explorable.explorable import write_explorable
from sim.options import Explorable
from sim.terminal import console_of

SOON = 2000  # milliseconds from a campaign to its dot
NEXT = re.compile("^Next: ")
RAISED = """() => {
    window.raised = 0;
    new MutationObserver(() => { window.raised ||= document.querySelector(".wall-end") ? Date.now() : 0; })
        .observe(document.body, { childList: true, subtree: true });
}"""
TOLD = """() => document.addEventListener("panj-told", ({ detail }) => {
    if (detail.kind === "campaign") window.told = Date.now();
})"""


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    """A server of its own, in a folder whose page of scenes has stand-ins."""
    folder = tmp_path_factory.mktemp("scenes")
    with pytest.MonkeyPatch.context() as patch:
        replace_campaigns(patch, quiet_campaign)
        patch.chdir(folder)
        write_explorable(Explorable(), console_of())
        room = Classroom(folder)
    yield room
    room.stop()


def begin(teacher, *students):
    teacher.get_by_role("button", name="Begin the seven scenes").click()
    for student in students:
        student.wait_for_selector("html[data-ready]", timeout=90_000)
        at(student, "river")


def move(teacher, name, *students):
    teacher.get_by_role("button", name=NEXT).click()
    for student in students:
        at(student, name)


@pytest.mark.parametrize("name", ["thresholds", "explorable"])
def test_pages_of_their_own_show_the_question_and_obey_the_teacher(visitor, name):
    """The game of thresholds and the scenes outside the class are drawn without the shell of the other pages."""
    teacher = visitor("teacher")
    boris = visitor(f"join?class={open_session(teacher)}")
    join(boris, "Boris")
    teacher.get_by_role("button", name="Ask", exact=True).click()
    boris.goto(re.sub("join.*", name, boris.url))
    boris.locator("#attending", has_text="Question 1 of your class").get_by_role("link", name="Answer it").wait_for()
    label = {"thresholds": "Game of thresholds", "explorable": "Seven scenes, alone"}[name]
    teacher.get_by_role("row", name=re.compile(f"Boris {label} ")).wait_for()
    assert not faults(boris)
    teacher.get_by_role("button", name="All eyes here").click()
    sees(boris, "Please look at the wall")
    assert boris.evaluate("document.querySelector('main').inert")
    teacher.get_by_role("button", name="Back to the screens").click()
    boris.locator("#attending", has_text="Please look").wait_for(state="hidden")
    assert not boris.evaluate("document.querySelector('main').inert")
    boris.locator("#attending a").click()
    boris.get_by_label("Lower end").wait_for()


def test_a_class_goes_through_the_scenes_at_the_pace_of_its_teacher(visitor, wall, keep):  # noqa: F811
    teacher = visitor("teacher")
    code = open_session(teacher)
    projector = wall(teacher, code)
    sizes = ((1280, 800), (1024, 768), (390, 844))
    students = [visitor(f"join?class={code}", *size) for size in sizes]
    for student, name in zip(students, ("Anna", "Boris", "Chirin"), strict=True):
        join(student, name)
    begin(teacher, *students)
    anna, _, chirin = students
    assert len({student.evaluate("JSON.parse(document.getElementById('class').content.textContent).campaign")
                for student in students}) == 3  # fmt: skip
    anna.click("#river [data-next]")
    sees(anna, "Please wait")
    at(anna, "river")
    a_scene(projector, "A night on the river", keep)
    a_drawing_each(teacher, projector, students, keep)
    the_campaigns_rise(teacher, projector, students, keep)
    the_reports_and_brackets(teacher, projector, students, keep)
    a_pause_and_all_eyes(teacher, students[0], chirin, keep)
    move(teacher, "claim", *students)
    a_scene(projector, "Who is not counted", keep)
    keep(teacher, "scenes_teacher", whole=True)
    students[1].fill("#claim [data-sentence]", "In this model, <b>fewer</b> cross.")
    students[1].click("#claim [data-give]")
    sees(students[1], "Handed in")
    teacher.locator("summary", has_text="One sentence").click()
    sees(teacher, "B: In this model, <b>fewer</b> cross.")
    assert "fewer" not in projector.inner_text(".panj-wall")
    students[0].fill("#claim [data-sentence]", "In this model, more districts are held.")
    teacher.get_by_role("button", name="End the scenes").click()
    teacher.locator("dialog[open] .panj-yes").click()
    sees(students[0], "Save what you wrote")
    with students[0].expect_download():
        students[0].click("#claim [data-save]")
    students[0].click(".class-bar a")
    for student in students:
        student.get_by_role("heading", name=re.compile(", you are team")).wait_for()
    the_sentences_afterwards(teacher, projector)


def the_sentences_afterwards(teacher, projector):
    teacher.get_by_role("button", name="Begin the seven scenes").wait_for()
    sees(teacher, "B: In this model, <b>fewer</b> cross.")  # the list is still open
    teacher.reload()
    teacher.locator("summary", has_text="One sentence").click()
    sees(teacher, "B: In this model, <b>fewer</b> cross.")
    with teacher.expect_download() as waiting:
        teacher.get_by_role("link", name="Sentences as CSV").click()
    text = waiting.value.path().read_text(encoding="utf-8-sig")
    assert text.splitlines() == ["team,sentence", 'B,"In this model, <b>fewer</b> cross."']
    assert "fewer" not in projector.content()


def a_scene(projector, title, keep):
    projector.get_by_role("heading", name=title).wait_for()
    is_read_from_the_back(projector)
    assert not re.search("Anna|Boris|Chirin", projector.content())
    keep(projector, f"scenes_wall_{title.lower().replace(' ', '_')}")


def a_drawing_each(teacher, projector, students, keep):
    move(teacher, "draw", *students)
    for student in students:
        draw(student)
    for student in students[:2]:
        student.click("#draw [data-lock]")
        sees(student, "Please wait")
    sees(projector, "2 of 3 students have locked a drawing")
    sees(teacher, "2 of 3 students have locked a drawing")
    for student in students:
        wide, high = student.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert wide <= student.viewport_size["width"] and high <= student.viewport_size["height"]
        assert not faults(student)
    keep(students[2], "scenes_phone_draw")
    sees(teacher, "Seven scenes")


def the_campaigns_rise(teacher, projector, students, keep):
    anna, boris, chirin = students
    move(teacher, "run", *students)
    for student in (anna, boris):
        student.locator("#run [data-day]").fill(str(DAYS - 1))
    sees(projector, "2 of 3 students have seen their campaigns")
    assert projector.locator(".wall-curve").count() == 0, "nothing rises before the scene"
    for student in (anna, boris):
        student.close()
    projector.evaluate(RAISED)
    teacher.get_by_role("button", name=NEXT).click()
    at(chirin, "gather")
    projector.locator(".wall-end").nth(2).wait_for()
    expect(projector.locator(".wall-curve")).to_have_count(3)
    assert sorted(projector.locator(".wall-end text").all_text_contents()) == ["A", "B", "C"]
    a_scene(projector, "Whose history is it?", keep)
    projector.keyboard.press("d")
    drawings = projector.locator(".wall-drawing")
    drawings.nth(2).wait_for()
    assert drawings.count() == 3, "a whole drawing that nobody locked was locked with the campaign"
    is_read_from_the_back(projector)
    keep(projector, "scenes_wall_drawings")
    projector.keyboard.press("d")
    drawings.first.wait_for(state="detached")
    for place, name in enumerate(("Anna", "Boris")):
        students[place] = students[place].context.new_page()
        students[place].goto(f"{teacher.url.partition('/teacher')[0]}/join?class={teacher.url.partition('class=')[2]}")
        students[place].wait_for_selector("html[data-ready]")
        at(students[place], "gather")
        assert name not in students[place].content()
    chirin.click("#gather [data-gather]")
    chirin.locator("#gather [data-pick]").wait_for()


def the_reports_and_brackets(teacher, projector, students, keep):
    anna, boris, chirin = students
    move(teacher, "reports", *students)
    sees(projector, "R shows what was reported")
    assert "F064" not in projector.inner_text(".panj-wall"), "students are still asked what was reported"
    projector.keyboard.press("r")
    sees(projector, "F064")
    a_scene(projector, "The class, and the reports", keep)
    chirin.click("#reports [data-show]")
    assert chirin.locator("#reports [data-line=own]").is_visible()
    assert chirin.locator("#reports [data-line=pick]").is_hidden(), "a line that is only lit is nobody's choice"
    anna.click("#reports [data-back]")
    at(anna, "gather")  # one may go back
    move(teacher, "decision", *students)
    for student, presses in ((anna, 1), (boris, 2)):
        for _ in range(presses):
            student.press("#decision [data-end=low]", "PageDown")
        student.click("#decision [data-fall]")
    sees(projector, "2 of 3 students have set a bracket")
    sees(teacher, "2 of 3 students have set a bracket")
    assert projector.locator(".wall-dot").count() == 0 and "Nine in ten" not in projector.inner_text(".panj-wall")
    a_scene(projector, "One decision, changed: where are nine pairs in ten?", keep)
    chirin.press("#decision [data-end=high]", "ArrowLeft")
    chirin.click("#decision [data-fall]")
    sees(projector, "Nine in ten:")
    expect(projector.locator(".wall-dot")).to_have_count(200)
    assert re.search("(Held|Not held): A", projector.inner_text(".panj-wall"))
    ticks = projector.locator(".wall-axis text").all_text_contents()
    assert "0" in ticks and any(one.startswith("+") for one in ticks) and any(one.startswith("\u2212") for one in ticks)
    is_read_from_the_back(projector)
    keep(projector, "scenes_wall_held")


def a_pause_and_all_eyes(teacher, anna, chirin, keep):
    teacher.get_by_role("button", name="Pause").click()
    sees(anna, "paused the class")
    assert anna.evaluate("document.querySelector('main').inert")
    teacher.get_by_role("button", name="Go on").click()
    anna.wait_for_selector("main:not([inert])")
    teacher.get_by_role("button", name="All eyes here").click()
    sees(chirin, "Please look at the wall")
    assert not faults(chirin)
    keep(chirin, "scenes_phone_eyes")
    teacher.get_by_role("button", name="Back to the screens").click()
    chirin.locator(".eyes").wait_for(state="detached")


def test_a_dot_is_on_the_wall_two_seconds_after_its_campaign(visitor, wall):  # noqa: F811
    teacher = visitor("teacher")
    code = open_session(teacher)
    projector = wall(teacher, code)
    begin(teacher)
    for _ in range(3):
        teacher.get_by_role("button", name=NEXT).click()
        teacher.wait_for_timeout(300)
    projector.get_by_role("heading", name="Whose history is it?").wait_for()
    projector.evaluate(RAISED)
    late = visitor(f"join?class={code}", 390, 844)
    late.add_init_script(f"({TOLD})()")
    late.get_by_label("Nickname").fill("Dara")
    late.get_by_role("button", name="Join", exact=True).click()
    late.wait_for_selector("html[data-ready]")
    projector.wait_for_function("window.raised > 0")
    waited = projector.evaluate("window.raised") - late.evaluate("window.told")
    assert 0 <= waited < SOON, waited
    print(f"a dot was on the wall after {waited} ms")
    late.goto(f"{late.url.partition('/explorable')[0]}/watch")
    late.get_by_role("link", name="Open the scenes").wait_for()


OVERLAPS = """selector => {
    const boxes = [...document.querySelectorAll(selector)].map(one => one.getBoundingClientRect()), found = [];
    for (const [n, one] of boxes.entries()) for (const other of boxes.slice(n + 1)) {
        const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
        if (wide > 1 && high > 0.25 * one.height) found.push(`${wide.toFixed()} x ${high.toFixed()}`);
    }
    const isInside = one => one.left >= 0 && one.top >= 0 && one.right <= innerWidth && one.bottom <= innerHeight;
    const inside = boxes.filter(isInside);
    return [boxes.length, inside.length, found];
}"""


def take_to(scenes, code, scene):
    """Take a class to a scene behind the back of its server."""
    with scenes.register.storage.acting() as act:
        act.execute(
            "UPDATE scenes SET scene = ? WHERE session = (SELECT id FROM sessions WHERE code = ?)",
            (SCENES.index(scene), code),
        )


@pytest.mark.parametrize("students", [30, 40])
def test_every_letter_of_a_large_class_is_read_from_the_back(visitor, wall, classroom, keep, students):  # noqa: F811
    teacher = visitor("teacher")
    code = open_session(teacher)
    teacher.get_by_role("button", name="Begin the seven scenes").click()
    sees(teacher, "Scene 1 of 7")
    scenes = ClassScenes(Register(classroom.folder / "classroom.sqlite", lambda _: None, list))
    take_to(scenes, code, "decision")
    luck = random.Random(students)
    decisions = ("reinforcement=answer_every_call", "air_support=continues", "morale=resilient", "taliban=no_parley")
    for number in range(students):
        who = f"browser {number}"
        scenes.register.join(code, who, f"Student {number}")
        scenes.keep(code, who, Done(CAMPAIGN))
        middle, half = luck.gauss(-5, 15), luck.uniform(5, 35)
        decision = decisions[0 if number % 2 else luck.randrange(4)]
        scenes.keep(code, who, Done(BRACKET, decision, (round(middle - half, 1), round(middle + half, 1))))
    with scenes.register.storage.reading() as act:
        letters = {row["letter"] for row in act.execute(
            "SELECT letter FROM teams JOIN sessions ON sessions.id = session WHERE code = ?", (code,)
        )}  # fmt: skip
    take_to(scenes, code, "gather")
    projector = wall(teacher, code)
    projector.locator(".wall-end").nth(students - 1).wait_for(timeout=60_000)
    is_read_from_the_back(projector, students)
    for width, height in ((1024, 768), (1920, 1080)):
        projector.set_viewport_size({"width": width, "height": height})
        projector.wait_for_timeout(1000)
        assert set(projector.locator(".wall-end text").all_text_contents()) == letters and len(letters) == students
        assert projector.evaluate(OVERLAPS, ".wall-end text") == [students, students, []]
        keep(projector, f"scenes_wall_{students}_gather_{width}")
    take_to(scenes, code, "decision")
    projector.reload()
    projector.wait_for_selector(".wall-row")
    for width, height in ((1024, 768), (1920, 1080)):
        projector.set_viewport_size({"width": width, "height": height})
        projector.keyboard.press("Home")
        seen = set()
        for place in range(len(decisions)):
            projector.wait_for_timeout(1500)
            found = projector.evaluate(OVERLAPS, ".wall-row svg text")
            assert found[0] == found[1] > 0 and not found[2], (width, place, found)
            seen |= set(projector.locator(".wall-row svg text").all_text_contents())
            keep(projector, f"scenes_wall_{students}_decision_{place}_{width}")
            projector.keyboard.press("ArrowRight")
        assert seen == letters


def values(page):
    """Return the locked drawing that a page shows, as the path of its line."""
    return page.locator("#draw .drawing").get_attribute("d")


def bracket_of(page):
    return [page.locator(f"#decision [data-end={end}]").get_attribute("aria-valuenow") for end in ("low", "high")]


def test_a_second_tab_of_a_student_shows_what_was_kept_and_says_so(visitor, keep):
    teacher = visitor("teacher")
    code = open_session(teacher)
    first = visitor(f"join?class={code}")
    join(first, "Farid")
    begin(teacher, first)
    second = first.context.new_page()
    second.set_viewport_size(first.viewport_size)
    second.goto(first.url.partition("#")[0])
    second.wait_for_selector("html[data-ready]")
    move(teacher, "draw", first, second)
    box = at(second, "draw").locator("[data-chart]").bounding_box()
    second.mouse.move(*middle(box, 0.2, 0.2))
    second.mouse.down()
    second.mouse.move(*middle(box, 0.6, 0.2), steps=4)
    second.mouse.up()
    draw(first)
    first.click("#draw [data-lock]")
    sees(second, "another tab")
    assert values(second) == values(first), "its own half of a drawing is gone"
    assert second.locator("#draw [data-wipe]").is_disabled() and not faults(second)
    keep(second, "scenes_second_tab_draw")
    assert "another tab" not in first.inner_text(".class-bar")
    for name in ("run", "gather", "reports", "decision"):
        move(teacher, name, first, second)
    for tab, presses in ((second, 2), (first, 1)):
        for _ in range(presses):
            tab.press("#decision [data-end=low]", "PageDown")
    second.click("#decision [data-fall]")
    sees(first, "another tab")
    assert bracket_of(first) == bracket_of(second)
    kept = bracket_of(first)
    handle = first.locator("#decision [data-end=high] circle").bounding_box()
    first.mouse.click(*middle(handle, 0.5, 0.5))
    sees(first, "The bracket stays")
    assert bracket_of(first) == kept
    keep(first, "scenes_second_tab_bracket")
    move(teacher, "claim", first, second)
    first.fill("#claim textarea", "In this model, perhaps.")
    second.wait_for_function("document.querySelector('#claim textarea').value === 'In this model, perhaps.'")
    third = first.context.new_page()
    third.goto(first.url.partition("#")[0])
    third.wait_for_selector("html[data-ready]")
    sees(third, "another tab")
    third.wait_for_function("document.querySelector('#claim textarea').value === 'In this model, perhaps.'")
    third.click("#claim [data-back]")
    at(third, "decision")
    assert bracket_of(third) == kept
    for tab in (third, first, second):
        sees(teacher, "Seven scenes: 1.")
        tab.close()
    sees(teacher, "not connected: 1.")


def test_what_a_student_who_left_did_is_not_sent_under_the_name_of_the_next(visitor):
    teacher = visitor("teacher")
    code = open_session(teacher)
    laptop = visitor(f"join?class={code}")
    join(laptop, "Ilyas")
    begin(teacher, laptop)
    move(teacher, "draw", laptop)
    draw(laptop)
    laptop.route("**/explorable/class**", lambda route: route.abort())  # nothing arrives any more
    laptop.click("#draw [data-lock]")
    sees(laptop, "does not answer")
    other = laptop.context.new_page()
    other.goto(f"{teacher.url.partition('/teacher')[0]}/join?class={code}")
    other.wait_for_selector("html[data-ready]")
    other.locator(".class-bar a").click()
    other.get_by_role("button", name="Leave").click()
    other.locator("dialog[open] .panj-yes").click()
    other.get_by_label("Nickname").fill("Jamila")
    other.get_by_role("button", name="Join", exact=True).click()
    sees(teacher, "Jamila")
    laptop.unroute("**/explorable/class**")
    laptop.wait_for_selector("#draw [data-wipe]:not([disabled])", timeout=20_000)
    assert laptop.locator("#draw .drawing").count() == 0
    sees(teacher, "0 of one student has locked")


def test_no_bracket_is_set_after_the_wall_has_shown_its_pairs(visitor, wall, keep):  # noqa: F811
    teacher = visitor("teacher")
    code = open_session(teacher)
    projector = wall(teacher, code)
    students = [visitor(f"join?class={code}") for _ in range(2)]
    for student, name in zip(students, ("Gul", "Hana"), strict=True):
        join(student, name)
    begin(teacher, *students)
    for name in SCENES[1:6]:
        move(teacher, name, *students)
    gul, hana = students
    gul.press("#decision [data-end=low]", "PageDown")
    gul.click("#decision [data-fall]")
    sees(projector, "1 of 2 students have set a bracket")
    hana.press("#decision [data-end=low]", "PageDown")
    assert projector.locator(".wall-dot").count() == 0
    projector.keyboard.press("d")
    sees(hana, "has shown the pairs")
    assert hana.locator("#decision [data-end]").count() == 0 and not faults(hana)
    keep(hana, "scenes_pairs_were_shown")
    hana.click("#decision [data-fall]")
    hana.wait_for_selector("#decision [data-next]:not([hidden])")
    assert "Your bracket" not in hana.inner_text("#decision [data-said]")
    keep(hana, "scenes_pairs_without_bracket")
    hana.locator("#decision select").select_option(index=1)
    hana.press("#decision [data-end=low]", "PageDown")
    hana.click("#decision [data-fall]")
    sees(projector, "2 of 2 students have set a bracket")
    projector.locator(".wall-row").nth(1).wait_for()
    assert projector.locator(".wall-dot").count() == 200, "pairs of the second decision stay covered"
    assert projector.inner_text(".panj-wall").count("Nine in ten") == 1
    keep(projector, "scenes_wall_second_covered")
    projector.keyboard.press("d")
    projector.locator(".wall-dot").nth(399).wait_for()
    assert projector.inner_text(".panj-wall").count("Nine in ten") == 2


def test_the_scenes_of_a_class_are_used_with_keys_alone_and_can_be_left(visitor):
    teacher = visitor("teacher")
    code = open_session(teacher)
    student = visitor(f"join?class={code}")
    join(student, "Eli")
    begin(teacher, student)
    tab_to(student, ".class-bar a")
    student.keyboard.press("Enter")
    student.get_by_role("heading", name="Eli, you are team A.").wait_for()
    link = student.get_by_role("link", name="Open the scenes")
    link.wait_for()
    assert not faults(student)
    teacher.get_by_role("button", name=NEXT).click()
    sees(teacher, f"Scene 2 of {len(SCENES)}")
    assert "/join" in student.url, "who has stepped out is not drawn back"
    link.click()
    student.wait_for_selector("html[data-ready]")
    at(student, "draw")
    teacher.get_by_role("button", name="Remove Eli").click()
    teacher.locator("dialog[open] .panj-yes").click()
    sees(student, "Your teacher has removed you")
