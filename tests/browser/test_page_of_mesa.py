"""The page of the Mesa model in a browser, started with the command of the docs."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from conftest import PATIENCE
from playwright.sync_api import expect
from shared import free_port

COMMAND = re.compile(r"^solara (run sim\.mesa_page .*)$", re.MULTILINE)
DOCS = Path(__file__).parents[2] / "docs" / "how-to" / "mesa.md"


@pytest.fixture
def served(tmp_path):
    """Start the page with a home in which Solara has never been, and return its address."""
    port, log = free_port(), (tmp_path / "log.txt").open("w")
    words = COMMAND.search(DOCS.read_text(encoding="utf-8"))[1].split()
    environment = {**os.environ, "HOME": str(tmp_path)}
    environment.pop("PYTEST_CURRENT_TEST")  # with it, Solara never asks its own site
    process = subprocess.Popen(
        [sys.executable, "-m", "solara", *words, "--no-open", "--host", "127.0.0.1", "--port", str(port)],
        stdout=log, stderr=subprocess.STDOUT, cwd=tmp_path, env=environment,
    )  # fmt: skip
    until = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5)
            break
        except OSError:
            assert process.poll() is None and time.monotonic() < until, (tmp_path / "log.txt").read_text()
            time.sleep(0.2)
    yield f"http://127.0.0.1:{port}"
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    log.close()


def test_a_campaign_is_run_day_by_day_without_errors_or_requests_elsewhere(browser, served, keep):
    context = browser.new_context(viewport={"width": 1300, "height": 950})
    page, troubles = context.new_page(), []
    page.set_default_timeout(PATIENCE * 1000)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    here = re.compile(rf"{served}/|{served.replace('http', 'ws')}/|data:|blob:|about:")
    page.on("request", lambda asked: None if here.match(asked.url) else troubles.append(f"not here: {asked.url}"))
    page.goto(served)
    expect(page.locator(".panj-figure img")).to_have_count(2, timeout=PATIENCE * 1000)
    for day in (1, 2):  # Mesa 3.3 says Step, Mesa 3.5 Time
        page.get_by_role("button", name="Step").click()
        expect(page.get_by_text(re.compile(rf"^(Step|Time): {day}(\.0)?$"))).to_be_visible(timeout=PATIENCE * 1000)
    keep(page, "mesa_page")
    context.close()
    assert not troubles
