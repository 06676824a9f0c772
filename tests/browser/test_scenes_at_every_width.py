"""Every scene as wide as a telephone, a tablet, a laptop and a projector: nothing is cut, covered or off the screen;
and every scene of a class with keys alone.

Each state of each scene is laid out once, and the window is then resized, so that one walk holds all widths.
"""

import pytest
from test_access import FOCUSED, STOPS, faults
from test_class import join, open_session, sees
from test_class_scenes import begin, classroom, take_to  # noqa: F401
from test_explorable import SIZES, at, draw, opened, path, press, saved_with_keys, tab_to, walk  # noqa: F401

from sim.classroom.sessions.register import Register
from sim.classroom.sessions.scenes import ClassScenes
from sim.explorable.content import SCENES

STATES = 17  # of the scenes of the file
OUTSIDE = """() => {  // elements and marks of figures that are outside the window or the figure, or whose text is cut
    const isSeen = one => one.checkVisibility() && !one.closest("option, .unseen, noscript, template");
    const nameOf = one => `${one.tagName} ${one.getAttribute("class") || ""} ${one.textContent.trim().slice(0, 30)}`;
    const parts = [...document.querySelectorAll("header *, main *, footer *, .class-bar, .class-bar *")].filter(isSeen);
    const found = [];
    for (const one of parts) {
        const box = one.getBoundingClientRect(), figure = one.ownerSVGElement?.getBoundingClientRect();
        const isMark = figure && ["text", "circle"].includes(one.tagName);
        if (!isMark && one.ownerSVGElement) continue;
        const [left, right] = figure ? [figure.left, figure.right] : [0, innerWidth];
        if (box.width && (box.left < left - 1 || box.right > right + 1)) found.push(`outside: ${nameOf(one)}`);
        const isAbove = isMark && (box.top < figure.top - 1 || box.bottom > figure.bottom + 1);
        if (isAbove) found.push(`outside: ${nameOf(one)}`);
        const isCut = one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== "inline";
        if (!figure && one.clientWidth && isCut) found.push(`cut: ${nameOf(one)}`);
    }
    return [parts.length, found];
}"""
COVERED = """() => {  // pairs of texts, in a figure or a button, of which one covers the other
    const isSeen = one => one.checkVisibility() && one.textContent.trim();
    const kinds = "[data-scene]:not([hidden]) svg text, .acts button, [data-scene] p";
    const texts = [...document.querySelectorAll(kinds)].filter(isSeen);
    const boxes = texts.map(one => one.getBoundingClientRect()), found = [];
    boxes.forEach((one, row) => boxes.slice(row + 1).forEach((other, further) => {
        const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
        if (wide > 1 && high > 0.3 * Math.min(one.height, other.height))
            found.push(`${texts[row].textContent} | ${texts[row + 1 + further].textContent}`);
    }));
    return found;
}"""


def troubles(page):
    """Return what is cut, covered or off the screen at each width, and leave the window as it was."""
    before, found = page.viewport_size, {}
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(120)  # figures measure themselves
        parts, outside = page.evaluate(OUTSIDE)
        assert parts > 10, "nothing was looked at"
        if said := [*outside, *(f"covered: {one}" for one in page.evaluate(COVERED))]:
            found[width] = said
    page.set_viewport_size(before)
    page.wait_for_timeout(120)
    return found


def test_nothing_in_the_file_is_cut_or_off_the_screen_at_any_width(opened):  # noqa: F811
    page = opened(motion="reduce")
    found, seen = {}, []

    def look(name):
        seen.append(name)
        if said := troubles(page):
            found[name] = said

    walk(page, look)
    assert len(seen) == len(set(seen)) == STATES
    assert not found


@pytest.mark.parametrize("kind", ["cut", "off the screen", "covered"])
def test_what_is_cut_or_off_the_screen_is_found(opened, kind):  # noqa: F811
    page = opened(motion="reduce")
    style = {
        "cut": "#river .quiet { overflow: hidden; white-space: nowrap; width: 4rem }",
        "off the screen": "#river [data-next] { position: relative; inset-inline-start: 10rem }",
        "covered": "#river .quiet { margin-top: -2rem }",
    }
    page.evaluate("(text) => { const sheet = new CSSStyleSheet(); sheet.replaceSync(text);"
                  "document.adoptedStyleSheets = [sheet]; }", style[kind])  # fmt: skip
    assert set(troubles(page)) == {width for width, _ in SIZES}


def test_nothing_in_the_scenes_of_a_class_is_cut_or_off_the_screen_at_any_width(visitor, classroom, keep):  # noqa: F811
    teacher = visitor("teacher")
    code = open_session(teacher)
    student = visitor(f"join?class={code}")
    join(student, "Latif")
    begin(teacher, student)
    scenes = ClassScenes(Register(classroom.folder / "classroom.sqlite", lambda _: None, list))
    found = {}
    for name in SCENES:
        take_to(scenes, code, name)
        student.reload()
        student.wait_for_selector("html[data-ready]")
        at(student, name)
        if name == "draw":
            draw(student)
        if said := troubles(student):
            found[name] = said
        for width, height in SIZES:
            student.set_viewport_size({"width": width, "height": height})
            student.wait_for_timeout(120)
            assert width not in (390, 1280) or not faults(student), (name, width)
            keep(student, f"class_{width}_{name}")
    assert not found
    for width, height in SIZES:
        teacher.set_viewport_size({"width": width, "height": height})
        teacher.wait_for_timeout(300)
        assert teacher.evaluate("document.documentElement.scrollWidth") <= width
        keep(teacher, f"teacher_{width}", whole=True)


def test_every_scene_of_a_class_is_used_with_keys_alone(visitor, classroom):  # noqa: F811
    teacher = visitor("teacher")
    code = open_session(teacher)
    student = visitor(f"join?class={code}")
    join(student, "Mahin")

    def goes_on(scene):
        stop(teacher, "Next: ")
        teacher.keyboard.press("Enter")
        at(student, scene)

    stop(teacher, "Begin the seven scenes")
    teacher.keyboard.press("Enter")
    student.wait_for_selector("html[data-ready]", timeout=90_000)
    at(student, "river")
    goes_on("draw")
    tab_to(student, "#draw [role=slider]")
    press(student, "ArrowUp", "ArrowRight", "PageUp", "End", *["PageUp"] * 4)
    tab_to(student, "#draw [data-lock]")
    press(student, "Enter")
    sees(teacher, "1 of one student has locked a drawing")
    goes_on("run")
    tab_to(student, "#run [data-day]")
    press(student, "End")
    sees(teacher, "1 of one student has seen the campaign")
    goes_on("gather")
    tab_to(student, "#gather [data-gather]")
    press(student, "Enter")
    student.wait_for_selector("#gather [data-picker]:not([hidden])")
    tab_to(student, "#gather [data-pick]")
    press(student, "ArrowRight")
    goes_on("reports")
    tab_to(student, "#reports [data-show]")
    press(student, "Enter")
    tab_to(student, "#reports [data-next]")
    goes_on("decision")
    tab_to(student, "#decision [data-end=low]")
    press(student, "PageDown")
    tab_to(student, "#decision [data-fall]")
    press(student, "Enter")
    sees(teacher, "1 of one student has set a bracket")
    goes_on("claim")
    file = saved_with_keys(student, "In this model, perhaps.")
    assert None not in file["drawing"] and len(file["brackets"]) == 1 and file["sentence"] == "In this model, perhaps."


def stop(page, name):
    """Press Tab until the control whose name begins so has the focus."""
    for _ in range(STOPS):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED)["name"].startswith(name):
            return
    raise AssertionError(f"Tab does not reach '{name}'")
