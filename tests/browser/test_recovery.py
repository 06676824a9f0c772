"""A server that stops tells the page; a page whose server is there again comes back by itself."""

import signal
import subprocess
import time
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


def children_of(process):
    """Return the ids of the processes that a process has started, and that those have."""
    table = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    found, rows = {process}, [tuple(map(int, row.split())) for row in table.splitlines()]
    for _ in range(3):
        found |= {child for child, parent in rows if parent in found}
    return found - {process}


def said_of(process, column):
    """Return what `ps` says of a process; empty if there is none."""
    asked = ["ps", "-o", f"{column}=", "-p", str(process)]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def is_running(process):
    return not said_of(process, "stat").startswith("Z") and bool(said_of(process, "stat"))


def seconds_of_work(process):
    """Return the processor time that a process has used."""
    return int(said_of(process, "times") or 0)


def test_ctrl_c_stops_at_once_while_pairs_run_and_leaves_no_process(classroom):
    server = classroom.process.pid
    until = time.monotonic() + 60
    while time.monotonic() < until and sum(map(seconds_of_work, children_of(server))) < 6:
        time.sleep(0.3)  # first the baseline campaigns, then pairs for the first visitor
    workers = children_of(server)
    assert workers
    began = time.monotonic()
    classroom.process.send_signal(signal.SIGINT)
    classroom.process.wait(30)
    took = time.monotonic() - began
    ends = time.monotonic() + 2
    while any(map(is_running, workers)) and time.monotonic() < ends:
        time.sleep(0.1)
    assert took < 4, took  # two seconds, and as much again for a slow machine
    assert classroom.process.returncode == 0 and not any(map(is_running, workers))
    classroom.start()  # the fixture stops it


def test_a_room_asks_for_its_code_and_then_shows_the_page(browser, tmp_path):
    room = Classroom(tmp_path, "host=0.0.0.0", "code=LESSON")
    try:
        page = browser.new_context().new_page()
        page.goto(f"{room.address}/watch")
        page.get_by_label("Code").fill("wrong1")
        page.get_by_role("button").click()
        assert "is unknown here" in page.get_by_role("alert").inner_text()
        page.get_by_label("Code").fill("lesson")
        page.get_by_role("button").click()
        page.wait_for_selector("[aria-current=page]")
        assert urlparse(page.url).path == "/watch"
    finally:
        room.stop()
