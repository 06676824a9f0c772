"""A server that stops tells the page; a page whose server is there again comes back by itself."""

from urllib.parse import urlparse

import pytest
from conftest import Classroom


@pytest.fixture
def classroom(tmp_path):
    room = Classroom(tmp_path)
    yield room
    room.stop()


def test_a_page_says_that_its_server_stopped_and_comes_back_with_it(browser, classroom, keep):
    page = browser.new_context().new_page()
    with page.expect_response("**/alive"):  # the page is whole, and looks
        page.goto(f"{classroom.address}/change")
    page.evaluate("window.before = true")
    classroom.stop()
    page.wait_for_selector("text=The server has stopped. This page reloads by itself")
    keep(page, "server_stopped")
    classroom.start()
    page.wait_for_function("!window.before", timeout=60_000)
    page.wait_for_selector("h1")
    assert urlparse(page.url).path == "/change"


def test_a_room_asks_for_its_code_and_then_shows_the_page(browser, tmp_path):
    room = Classroom(tmp_path, "host=0.0.0.0", "code=LESSON")
    try:
        page = browser.new_context().new_page()
        page.goto(f"{room.address}/watch")
        page.get_by_label("Code").fill("wrong1")
        page.get_by_role("button").click()
        assert "belongs to nothing here" in page.get_by_role("alert").inner_text()
        page.get_by_label("Code").fill("lesson")
        page.get_by_role("button").click()
        page.wait_for_selector("[aria-current=page]")
        assert urlparse(page.url).path == "/watch"
    finally:
        room.stop()
