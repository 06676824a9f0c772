"""The file of scenes in a browser: opened from disk, without a server, with a pointer and with keys alone."""

import json
import re

import numpy as np
import pytest
from playwright.sync_api import expect
from quick import replace_campaigns
from test_access import faults

from sim.classroom.lessons.hand_in import DRAWINGS
from sim.data.facts import read_facts
from sim.explorable.content import SCENES
from sim.explorable.encoding import unpacked
from sim.explorable.explorable import write_explorable
from sim.options import Explorable, read_request
from sim.study.columns import held_of
from sim.terminal import console_of

SIZES = ((390, 844), (1024, 768), (1280, 800), (1920, 1080))
DAYS, DISTRICTS, RUNS, SEED = 68, 399, 200, 7
DECISIONS = ("", "border=closed", "taliban=no_parley")
STOPS = 40
WORDS = 60  # most words in sight
SLOW = 6  # times slower than this machine
IN_SIGHT = """() => {
    const seen = (one) => one.checkVisibility() && !one.closest("option, .unseen, noscript, template");
    const text = [...document.querySelectorAll("header *, main *, footer *")].filter(seen)
        .flatMap((one) => [...one.childNodes]).filter((node) => node.nodeType === Node.TEXT_NODE)
        .map((node) => node.data).join(" ");
    const chosen = [...document.querySelectorAll("select")].filter(seen).map((one) => one.selectedOptions[0].text);
    return `${text} ${chosen.join(" ")}`.split(/\\s+/).filter((word) => /[A-Za-z]/.test(word));
}"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Write a page of instant stand-ins, and return its path."""
    with pytest.MonkeyPatch.context() as patch:
        replace_campaigns(patch)
        place = tmp_path_factory.mktemp("explorable")
        words = [f"policies={','.join(DECISIONS[1:])}", f"runs={RUNS}"]
        request = read_request(Explorable, [*words, f"results_dir={place}", "executor=threads"])
        return write_explorable(request, console_of()).path


@pytest.fixture(scope="module")
def held(path):
    """Return the districts held at the end of each day, decisions x campaigns x days, in free campaigns."""
    text = re.search(r'<template id="campaigns">([^<]+)</template>', path.read_text(encoding="utf-8"))[1]
    _, courses = unpacked(text, (DAYS, len(read_facts().post)), 2 * len(DECISIONS) * RUNS)
    counts = [held_of(one.changes.astype(np.int32), DAYS, DISTRICTS).sum(axis=1) for one in courses]
    free = np.array(counts).reshape(2, RUNS, len(DECISIONS), DAYS)[0]
    return free.transpose(1, 0, 2)


@pytest.fixture
def opened(browser, path):
    """Call it for the page in a window of its own: `opened(390, 844)`."""
    contexts, troubles = [], []

    def open_page(width=1280, height=800, motion="no-preference", address=f"?seed={SEED}"):
        context = browser.new_context(
            viewport={"width": width, "height": height}, reduced_motion=motion, accept_downloads=True
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda said: troubles.append(said.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "request", lambda asked: None if asked.url.startswith(("file:", "blob:")) else troubles.append(asked.url)
        )
        page.goto(f"{path.as_uri()}{address}")
        page.wait_for_selector("html[data-ready]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not troubles


def at(page, scene):
    """Wait until a scene is shown, and return it."""
    page.wait_for_selector(f"#{scene}:not([hidden])")
    expect(page.locator("[data-scene]:not([hidden])")).to_have_count(1)
    return page.locator(f"#{scene}")


def middle(box, across, down):
    return box["x"] + box["width"] * across, box["y"] + box["height"] * down


def draw(page):
    """Draw a line across the chart with the pointer."""
    box = at(page, "draw").locator("[data-chart]").bounding_box()
    page.mouse.move(*middle(box, 0.12, 0.85))
    page.mouse.down()
    for step in range(1, 21):
        page.mouse.move(*middle(box, 0.12 + 0.87 * step / 20, 0.85 - 0.6 * step / 20))
    page.mouse.up()


def drawn(page):
    """Return the districts at the handles of the drawing."""
    return [int(one.get_attribute("aria-valuenow")) for one in page.locator("#draw [role=slider]").all()]


def walk(page, look):
    """Go through all scenes with the pointer, and call `look(name)` at each state that can be seen."""
    look("river")
    page.click("#river [data-next]")
    at(page, "draw")
    look("draw")
    draw(page)
    look("drawn")
    page.click("#draw [data-lock]")
    at(page, "run")
    look("run")
    page.click("#run [data-run]")
    look("running")
    page.locator("#run [data-day]").fill(str(DAYS - 1))
    look("ran")
    page.click("#run [data-next]")
    at(page, "gather")
    look("alone")
    page.click("#gather [data-gather]")
    page.wait_for_selector("#gather [data-choose]:not([hidden])")
    look("gathered")
    page.click("#gather [data-choose]")
    at(page, "reports")
    look("lines")
    page.click("#reports [data-show]")
    look("reports")
    page.check("#reports [value='1']")
    look("record")
    page.click("#reports [data-next]")
    at(page, "decision")
    look("bracket")
    page.press("#decision [data-end=low]", "PageDown")
    page.click("#decision [data-fall]")
    page.wait_for_selector("#decision [data-again]:not([hidden])")
    look("fallen")
    page.click("#decision [data-again]")
    look("again")
    page.check("#decision [value=fifty]")
    look("fifty")
    page.check("#decision [name=decision-worlds][value='1']")
    look("hindsight")
    page.click("#decision [data-next]")
    at(page, "claim")
    look("claim")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_scene_fits_the_screen_and_has_few_words(opened, width, height, keep):
    page = opened(width, height, "reduce")
    found = {}

    def look(name):
        page.wait_for_timeout(60)  # figures measure themselves
        wide, high = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert wide <= width and high <= height, (name, wide, high)
        keep(page, f"explorable_{width}_{name}")
        found[name] = page.evaluate(IN_SIGHT)

    walk(page, look)
    assert not {name: (len(words), words) for name, words in found.items() if len(words) > WORDS}
    assert all(len(words) > 15 for words in found.values()), "nothing was counted"


@pytest.mark.parametrize("width", [390, 1280])
def test_every_scene_is_for_everyone(opened, width):
    page = opened(width, 900, "reduce")
    walk(page, lambda name: ask(page, name))
    for summary in page.locator("footer summary").all():
        summary.click()
    ask(page, "papers")


def ask(page, name):
    for term in page.locator("[data-scene]:not([hidden]) .term:not([open]) summary").all():
        term.click()
    assert not (found := faults(page)), f"{name}:\n" + "\n".join(found)


def tab_to(page, selector):
    """Press Tab until what the selector names has the focus."""
    for _ in range(STOPS):
        if page.evaluate("(name) => document.activeElement.matches(name)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {selector}")


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def saved_with_keys(page, sentence):
    """Write the sentence of the last scene and save the file of drawings, with keys alone; return its content."""
    tab_to(page, "#claim textarea")
    page.keyboard.type(sentence)
    tab_to(page, "#claim [data-save]")
    with page.expect_download() as waiting:
        press(page, "Enter")
    return json.loads(waiting.value.path().read_text(encoding="utf-8"))


def reach_decision_with_keys(page):
    """Draw, run, gather, choose a line and show the reports, with keys alone."""
    tab_to(page, "#river [data-next]")
    press(page, "Enter")
    at(page, "draw")
    tab_to(page, "#draw [role=slider]")
    press(page, "ArrowUp", "ArrowRight", "PageUp", "PageUp", "End", *["PageUp"] * 4)
    tab_to(page, "#draw [data-lock]")
    press(page, "Enter")
    at(page, "run")
    tab_to(page, "#run [data-run]")
    press(page, "Enter")
    tab_to(page, "#run [data-next]")
    press(page, "Enter")
    at(page, "gather")
    tab_to(page, "#gather [data-gather]")
    press(page, "Enter")
    tab_to(page, "#gather [data-pick]")
    press(page, "Home", "ArrowRight")
    tab_to(page, "#gather [data-choose]")
    press(page, "Enter")
    at(page, "reports")
    tab_to(page, "#reports [data-show]")
    press(page, "Enter")
    tab_to(page, "#reports [data-next]")
    press(page, "Enter")
    at(page, "decision")


def test_every_scene_is_used_with_keys_alone(opened, held):
    page = opened(motion="reduce")
    reach_decision_with_keys(page)
    tab_to(page, "#decision select")
    press(page, "ArrowDown")
    tab_to(page, "#decision [data-end=low]")
    press(page, "PageUp", "ArrowLeft")
    low = int(page.locator("#decision [data-end=low]").get_attribute("aria-valuenow"))
    tab_to(page, "#decision [data-end=high]")
    press(page, "PageDown", "ArrowRight")
    high = int(page.locator("#decision [data-end=high]").get_attribute("aria-valuenow"))
    tab_to(page, "#decision [data-fall]")
    press(page, "Enter")
    tab_to(page, "#decision [data-again]")
    press(page, "Enter")
    expect(page.locator("#decision .dot.lit")).to_have_count(1)
    tab_to(page, "#decision [data-next]")
    press(page, "Enter")
    at(page, "claim")
    file = saved_with_keys(page, "In this model, perhaps.")
    ends = np.sort(held[0, (SEED + np.arange(50) * RUNS // 50) % RUNS, -1])
    assert (
        file["format"] == "panj explorable" and file["seed"] == SEED and file["sentence"] == "In this model, perhaps."
    )
    assert len(file["drawing"]) == DAYS and None not in file["drawing"]
    assert file["drawing"][14] == pytest.approx(file["drawing"][7] + 50) and file["drawing"][-1] > file["drawing"][14]
    assert file["format"] == DRAWINGS
    assert file["ended"] == held[0, SEED, -1] and held[0, file["picked_seed"], -1] == ends[1]
    pairs = held[2, :, -1] - held[0, :, -1]
    inside = int(((pairs >= low) & (pairs <= high)).sum())
    assert file["brackets"] == {"taliban=no_parley": {"low": low, "high": high, "held": inside, "runs": RUNS}}


def test_a_line_is_drawn_where_the_pointer_goes_and_locked_when_it_is_whole(opened):
    page = opened()
    page.click("#river [data-next]")
    at(page, "draw")
    lock = page.locator("#draw [data-lock]")
    box = page.locator("#draw [data-chart]").bounding_box()
    page.mouse.move(*middle(box, 0.1, 0.8))
    page.mouse.down()
    page.mouse.move(*middle(box, 0.5, 0.5), steps=8)
    page.mouse.up()
    assert lock.is_disabled()
    page.mouse.move(*middle(box, 0.5, 0.5))
    page.mouse.down()
    page.mouse.move(*middle(box, 1, 0.25), steps=8)
    page.mouse.up()
    assert lock.is_enabled()
    values = drawn(page)
    assert values == sorted(values) and values[-1] > 250
    page.click("#draw [data-wipe]")
    assert lock.is_disabled() and page.locator("#draw .drawing").count() == 0


def test_the_campaign_on_the_map_is_that_of_the_study(opened, held):
    page = opened()
    page.click("#river [data-next]")
    draw(page)
    page.click("#draw [data-lock]")
    at(page, "run")
    for day in (0, 20, DAYS - 1):
        page.locator("#run [data-day]").fill(str(day))
        label = page.locator("#run [data-map]").get_attribute("aria-label")
        assert f"{held[0, SEED, day]} of {DISTRICTS} districts" in label
    assert f"ends at {held[0, SEED, -1]} districts" in page.inner_text("#run [data-said]")


def test_the_first_insight_is_three_clicks_away(opened):
    page = opened()
    page.click("#river [data-next]")
    draw(page)
    page.click("#draw [data-lock]")
    page.click("#run [data-run]")
    page.wait_for_selector("#run [data-next]:not([hidden])", timeout=50_000)
    assert page.inner_text("#run [data-said]").startswith("On 7 July")


def to_the_bracket(page):
    page.click("#river [data-next]")
    draw(page)
    page.click("#draw [data-lock]")
    page.locator("#run [data-day]").fill(str(DAYS - 1))
    page.click("#run [data-next]")
    page.click("#gather [data-gather]")
    page.click("#gather [data-choose]")
    page.click("#reports [data-show]")
    page.click("#reports [data-next]")
    return at(page, "decision")


def test_a_bracket_is_dragged_before_any_number_is_shown_and_then_holds_or_not(opened, held):
    page = opened(motion="reduce")
    scene = to_the_bracket(page)
    assert scene.locator(".dot, .nine").count() == 0 and scene.locator("[data-said]").inner_text() == ""
    assert page.locator("#decision [data-fall]").is_disabled(), "a bracket that nobody set is no answer"
    before = {end: scene.locator(f"[data-end={end}]").get_attribute("aria-valuenow") for end in ("low", "high")}
    handle = scene.locator("[data-end=high] circle").bounding_box()
    page.mouse.move(*middle(handle, 0.5, 0.5))
    page.mouse.down()
    page.mouse.move(handle["x"] - 60, handle["y"], steps=5)
    page.mouse.up()
    low, high = (int(scene.locator(f"[data-end={end}]").get_attribute("aria-valuenow")) for end in ("low", "high"))
    assert low == int(before["low"]) and high < int(before["high"])
    page.click("#decision [data-fall]")
    said = scene.locator("[data-said]").inner_text()
    pairs = held[1, :, -1] - held[0, :, -1]
    assert f"holds {((pairs >= low) & (pairs <= high)).sum()} of {RUNS}" in said
    nine = [f"{round(end):+d}".replace("-", "\u2212") for end in np.quantile(pairs, [0.05, 0.95])]
    assert f"between {nine[0]} and {nine[1]}" in said and "in this model" in said
    expect(scene.locator(".dot")).to_have_count(RUNS)
    assert scene.locator(".dot.out").count() == ((pairs < low) | (pairs > high)).sum()
    page.check("#decision [value=fifty]")
    expect(scene.locator(".dot")).to_have_count(50)


def test_a_bracket_is_kept_before_its_pairs_fall_and_stays_as_it_was_set(opened):
    page = opened()
    scene = to_the_bracket(page)
    page.press("#decision [data-end=low]", "PageDown")
    ends = [scene.locator(f"[data-end={end}]") for end in ("low", "high")]
    kept = [end.get_attribute("aria-valuenow") for end in ends]
    page.click("#decision [data-fall]")
    page.reload()  # while they fall
    page.wait_for_selector("html[data-ready]")
    scene = at(page, "decision")
    ends = [scene.locator(f"[data-end={end}]") for end in ("low", "high")]
    assert [end.get_attribute("aria-valuenow") for end in ends] == kept
    assert page.locator("#decision [data-fall]").is_enabled() and scene.locator("[data-said]").inner_text() == ""
    ends[0].press("PageUp")
    assert "stays" in scene.locator("[data-said]").inner_text()
    assert [end.get_attribute("aria-valuenow") for end in ends] == kept


def test_again_shows_single_outcomes_one_after_another_and_one_where_motion_is_reduced(opened):
    for motion, least in (("no-preference", 3), ("reduce", 1)):
        page = opened(motion=motion)
        scene = to_the_bracket(page)
        page.press("#decision [data-end=low]", "ArrowLeft")
        page.click("#decision [data-fall]")
        page.wait_for_selector("#decision [data-again]:not([hidden])")
        page.click("#decision [data-again]")
        seen = set()
        for _ in range(25):
            seen.add(scene.locator("[data-one]").inner_text())
            page.wait_for_timeout(100)
        assert len(seen) >= least and (motion != "reduce" or len(seen) == 1)
        expect(scene.locator(".dot.lit")).to_have_count(1)


def test_a_reload_and_the_back_key_keep_what_was_drawn(opened):
    page = opened()
    page.click("#river [data-next]")
    draw(page)
    page.click("#draw [data-lock]")
    at(page, "run")
    page.go_back()
    at(page, "draw")
    line = page.locator("#draw .drawing")
    before = line.get_attribute("d")
    assert before.count("L") + before.count("V") + before.count("H") > 5
    assert not drawn(page), "what is locked cannot be drawn again"
    page.reload()
    page.wait_for_selector("html[data-ready]")
    at(page, "draw")
    page.wait_for_selector("#draw .drawing")
    assert line.get_attribute("d") == before and not drawn(page)
    assert "locked" in page.inner_text("#draw [data-said]")


def test_no_scene_can_be_seen_before_it_was_reached(opened):
    page = opened(address=f"?seed={SEED}#reports")
    at(page, SCENES[0])
    assert page.locator("#sources li[hidden]").count() >= 3, "the sources do not tell what is to be drawn"


def test_a_teacher_lays_the_drawings_of_a_class_over_each_other(opened, tmp_path):
    page = opened()
    line = {"format": "panj explorable", "version": 1, "sentence": "In this model, <b>less</b>."}
    for name, end in (("a", 100), ("b", 200), ("c", 300)):
        drawing = np.linspace(31, end, DAYS).tolist()
        (tmp_path / f"{name}.json").write_text(json.dumps({**line, "drawing": drawing}), encoding="utf-8")
    (tmp_path / "d.json").write_text("no drawing", encoding="utf-8")
    (tmp_path / "e.json").write_text(json.dumps({**line, "drawing": [1, 2]}), encoding="utf-8")
    page.locator("#teachers summary").click()
    page.locator("#teachers [data-files]").set_input_files(sorted(tmp_path.glob("*.json")))
    page.wait_for_selector("#teachers [data-class]:not([hidden])")
    said = page.inner_text("#teachers [data-read]")
    assert "3 drawings" in said and "150" in said and "250" in said and "2 other" in said
    assert page.locator("#teachers [data-sentences] li").all_inner_texts() == ["In this model, <b>less</b>."] * 3
    assert not faults(page)


def test_the_worksheet_is_printed_alone(opened):
    page = opened()
    page.locator("#teachers summary").click()
    page.emulate_media(media="print")
    assert page.locator("#worksheet table").is_visible() and page.locator("#worksheet li").count() == 7
    assert not page.locator("header").is_visible() and not page.locator("main").is_visible()
    assert not page.locator("#sources").is_visible()


def test_it_opens_in_time_on_a_slow_laptop(browser, path):
    context = browser.new_context()
    page = context.new_page()
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOW})
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    assert int(page.get_attribute("html", "data-ready")) < 10_000  # milliseconds
    context.close()
