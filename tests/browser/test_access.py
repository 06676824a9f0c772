"""Every page is for everyone: no rule of axe-core is broken on a desk or a telephone, and keys alone reach all of it.

The rules are those of WCAG 2 to level AA and axe's own advice (order of headings, landmarks); none is left out. Where
axe cannot tell, that counts too, but for the contrast of letters over a drawing, which it does not see.
"""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from test_lessons import open_lesson, task_of

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
UNSEEN = "color-contrast"  # among what axe leaves undecided: letters in SVG stand over shapes
WIDTHS = (1280, 360)
STOPS = 80  # more than any page has
FOCUSED = """async () => {
    const one = document.activeElement, look = getComputedStyle(one.closest(".v-input") || one);
    const name = one.getAttribute("aria-label") || (one.labels?.length ? one.labels[0].innerText : one.innerText) || "";
    const box_of = () => one.getBoundingClientRect();
    const is_on_screen = () => box_of().bottom > 0 && box_of().top < innerHeight && box_of().left < innerWidth;
    for (let tries = 0; tries < 60 && !is_on_screen(); tries++) await new Promise(requestAnimationFrame);  // it scrolls
    const is_ringed = look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2;
    return { name: name.trim().split("\\n")[0], kind: one.type || one.tagName.toLowerCase(),
             is_seen: is_ringed && is_on_screen(), is_body: one === document.body };
}"""


def faults(page):
    """What axe finds on the page as it stands, a line an element."""
    found = Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations", "incomplete"]}).response
    undecided = [rule for rule in found["incomplete"] if rule["id"] != UNSEEN]
    assert found["passes"], "axe looked at nothing"
    return [
        f"{rule['id']} ({rule['impact']}): {node['target']} {node['html'][:200]}"
        for rule in [*found["violations"], *undecided]
        for node in rule["nodes"]
    ]


def is_for_everyone(page):
    page.wait_for_selector(".shell h1")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(400)  # drawings measure themselves anew
        assert not (found := faults(page)), f"{page.url} at {width}:\n" + "\n".join(found)


def unfold(page):
    while (folded := page.locator("details:not([open]) > summary:visible")).count():
        folded.first.click()


def stops(page):
    """What Tab reaches from the top of the page, in its order."""
    found = []
    for _ in range(STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop["is_body"]:
            return found
        found.append(stop)
    raise AssertionError(f"Tab does not come to the end of {page.url}: {found[-5:]}")


def tab_to(page, name):
    """Press Tab until the control with this name has the focus."""
    for _ in range(STOPS):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED)["name"] == name:
            return
    raise AssertionError(f"Tab does not reach '{name}'")


def reaches(found, *names):
    """Every name is among the stops, in this order, and every stop is seen."""
    assert not [stop for stop in found if not stop["is_seen"]]
    reached = iter(stop["name"] for stop in found)
    for name in names:
        assert any(re.match(name, one) for one in reached), f"'{name}' not in its place: {found}"


def test_a_fault_is_found(visitor):
    page = visitor("lessons")
    page.wait_for_selector(".shell h1")
    page.evaluate("document.querySelector('.content').insertAdjacentHTML('beforeend', '<input><h6>x</h6>')")
    assert {line.split()[0] for line in faults(page)} == {"label", "heading-order"}


def test_the_first_page(visitor):
    is_for_everyone(visitor())


def test_the_map_that_plays_before_and_beyond_the_record(visitor):
    page = visitor("watch")
    for day in (0, 66, 90):
        page.locator(".panj-board input[type=range]").fill(str(day))
        is_for_everyone(page)


def test_a_story(visitor):
    page = visitor("story")
    page.get_by_text("The simulated campaign day by day").click()
    is_for_everyone(page)


def test_a_choice_and_what_came_of_it(visitor):
    page = visitor("change")
    page.locator("[data-key='border'] select").select_option("closed")
    page.wait_for_selector("[data-key='border'].panj-changed")
    page.get_by_role("button", name="Run 200 campaigns").click()
    page.wait_for_selector("text=Your choice >> nth=0")
    page.wait_for_selector("text=All 200 campaigns are finished", timeout=90_000)
    page.wait_for_selector("text=/95 % interval/", timeout=90_000)
    unfold(page)
    page.locator("[data-key='rules.news.fade_days'] .panj-number").fill("900")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-key='rules.news.fade_days'] .trouble")
    is_for_everyone(page)
    page.get_by_role("button", name="Dots").click()
    is_for_everyone(page)


def test_two_choices_next_to_each_other(visitor):
    page = visitor("compare")
    page.wait_for_selector("text=Evening of 1 May 2021")
    page.locator(".panj-ways").get_by_role("button", name="Differences").wait_for()
    page.locator(".panj-ways").get_by_role("button", name="Bars").click()
    whole = "document.querySelector('.panj-distribution')?.innerText.match(/200 \\/ 200/g)?.length === 2"
    page.wait_for_function(whole, timeout=90_000)  # while campaigns come, headings are drawn anew
    is_for_everyone(page)


def test_an_evening_that_went_another_way(visitor):
    page = visitor("what_if")
    page.get_by_label("Find an evening and an outcome for me").wait_for()
    is_for_everyone(page)
    page.get_by_label("Find an evening and an outcome for me").uncheck()
    page.locator("input[type=date]").fill("2021-07-02")
    page.get_by_label("Decision", exact=True).select_option("border=closed")
    page.get_by_role("button", name="Run both versions").click()
    page.wait_for_selector(".panj-board .country .district", timeout=60_000)
    unfold(page)
    is_for_everyone(page)


def test_the_lessons_and_one_that_is_opened(visitor):
    page = visitor("lessons")
    is_for_everyone(page)
    open_lesson(page, 1, "Zarina")
    task = task_of(page, "median")
    task.get_by_label("Campaigns", exact=True).select_option("100")
    task.get_by_role("button", name="Run campaigns").click()
    task.get_by_text("Your answer will be based on").wait_for(timeout=60_000)
    task.locator(".panj-answer input").fill("3")
    task.get_by_role("button", name="Check").click()
    task.locator(".panj-said").wait_for()
    unfold(page)
    is_for_everyone(page)


def test_a_class_its_teacher_a_student_and_the_wall(visitor):
    teacher, student = visitor("teacher"), visitor("join")
    for page in (teacher, student, visitor("projector")):
        is_for_everyone(page)
    teacher.get_by_role("button", name="Open a session").click()
    teacher.wait_for_selector(".claims-code")
    code = teacher.inner_text(".claims-code").replace(" ", "")
    wall = teacher.context.new_page()
    wall.goto(teacher.url.partition("?")[0].replace("teacher", f"projector?class={code}"))
    student.get_by_label("Code on the wall").fill(code)
    student.get_by_label("Nickname").fill("Dara")
    student.get_by_role("button", name="Join", exact=True).click()
    student.get_by_role("heading", name="Dara, you are team A").wait_for()
    teacher.get_by_text("One student has joined").first.wait_for()
    is_for_everyone(teacher)
    teacher.get_by_role("button", name="Ask", exact=True).click()
    student.get_by_label("Lower end").fill("-100")
    is_for_everyone(student)
    is_for_everyone(wall)
    teacher.get_by_role("button", name="Remove Dara").click()
    is_for_everyone(teacher)
    teacher.keyboard.press("Escape")
    teacher.get_by_role("button", name="All eyes here").click()
    student.get_by_text("Please look at the wall").wait_for()
    assert not faults(student)
    teacher.get_by_role("button", name="Back to the screens").click()
    student.get_by_label("Upper end").fill("50")
    student.get_by_label("Your decision").select_option("border=closed")
    student.get_by_role("button", name="Send", exact=True).click()
    student.get_by_text("Sent.").first.wait_for()
    teacher.get_by_role("button", name="Close claims").click()
    teacher.get_by_role("button", name="Run the campaigns").click()
    student.get_by_role("heading", name="What the campaigns show").wait_for(timeout=120_000)
    wall.get_by_role("img", name=re.compile("teams A: 200 campaigns")).wait_for()
    for page in (teacher, student, wall):
        unfold(page)
        is_for_everyone(page)
    teacher.get_by_role("button", name="Begin the debrief").click()
    wall.get_by_text("For discussion").first.wait_for()
    is_for_everyone(teacher)
    is_for_everyone(wall)


@pytest.mark.parametrize("width", WIDTHS)
def test_watch_is_used_with_keys_alone(visitor, width):
    page = visitor("watch", width=width)
    page.wait_for_selector(".panj-board .country .district")
    reaches(
        stops(page), "Skip to the content", "Start", "Projector", "Again", "Choose another campaign",
        "Play", "One day forward",
        "Day of the campaign", "Speed", "Map of Afghanistan", "Find a district",
        "Read this campaign", "Change one decision",
    )  # fmt: skip
    tab_to(page, "One day forward")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert page.locator(".panj-board input[type=range]").input_value() == "2"


@pytest.mark.parametrize("width", WIDTHS)
def test_change_is_used_with_keys_alone(visitor, width):
    page = visitor("change", width=width)
    page.wait_for_selector(".panj-picture")
    reaches(
        stops(page), "Skip to the content", "Change", "The border", "Numbers", "Take your choice out of the classroom",
        "Run 200 campaigns", "Run one campaign", "Outcome", "Dots",
    )  # fmt: skip
    tab_to(page, "The border")
    page.keyboard.type("Closed")
    page.wait_for_selector("[data-key='border'].panj-changed")
    tab_to(page, "Numbers")
    page.keyboard.press("Enter")
    tab_to(page, "Run one campaign")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=/One campaign/")


def test_a_skip_leads_past_the_list_of_pages(visitor):
    page = visitor("change")
    page.wait_for_selector(".panj-picture")
    tab_to(page, "Skip to the content")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('.content').contains(document.activeElement)")
    assert page.evaluate("document.activeElement.tagName") == "SELECT"


def test_letters_can_be_enlarged_and_the_language_is_told(visitor):
    page = visitor()
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("meta[name=viewport]").get_attribute("content") == "width=device-width, initial-scale=1"
