"""A classroom for every test file, and pages of the system's Chromium, each visitor in a context of their own."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from shared import free_port

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")  # the first is the lightest
CHROMIUM = os.environ.get("PANJ_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
PATIENCE = 120  # seconds until a server answers, with rules that are not compiled yet
SCREENSHOTS = os.environ.get("PANJ_SCREENSHOTS")  # a folder; without it none are kept


class Classroom:
    """A server as a teacher starts it, with a register of its own."""

    def __init__(self, folder: Path, *overrides: str, program: tuple[str, ...] = ("-m", "sim")) -> None:
        self.folder, self.overrides, self.program = folder, overrides, program
        self.port = free_port()
        self.process = None
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = {**os.environ, "PANJ_CLASSROOM": str(self.folder / "classroom.sqlite")}
        environment.pop("NUMBA_DISABLE_JIT", None)
        self.log = (self.folder / "log.txt").open("a")
        self.process = subprocess.Popen(
            [sys.executable, *self.program, "classroom", f"port={self.port}", *self.overrides],
            stdout=self.log, stderr=subprocess.STDOUT, env=environment,
        )  # fmt: skip
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.address}/latency", timeout=2)
                return
            except urllib.error.HTTPError:
                return  # it answers, and asks for a code
            except OSError:
                time.sleep(0.2)
        self.stop()
        raise RuntimeError((self.folder / "log.txt").read_text())

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


@pytest.fixture(scope="session")
def classroom(tmp_path_factory):
    room = Classroom(tmp_path_factory.mktemp("classroom"))
    yield room
    room.stop()


@pytest.fixture(scope="session")
def browser():
    if not CHROMIUM:
        pytest.fail("found no chromium on the path, expected Debian's: make test-browser installs it")
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def contexts(browser):
    """Return the contexts of visitors: the next test finds what they have loaded of the pages, but no cookie."""
    return []


@pytest.fixture
def visitor(browser, contexts, classroom):
    """Call it for a page of a new visitor: `visitor("watch")`, `visitor("change", width=360)`."""
    pages, troubles = [], []

    def open_page(name: str = "", width: int = 1280, height: int = 900):
        if len(pages) == len(contexts):
            contexts.append(browser.new_context(accept_downloads=True))
        page = contexts[len(pages)].new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.set_default_timeout(30_000)
        page.on("response", lambda got: troubles.append(f"{got.status} {got.url}") if got.status >= 400 else None)
        page.on("console", lambda said: troubles.append(said.text) if "Security Policy" in said.text else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        here = re.compile(rf"(http|ws)://127\.0\.0\.1:{classroom.port}/|data:|blob:")
        page.on("request", lambda asked: None if here.match(asked.url) else troubles.append(f"not here: {asked.url}"))
        page.goto(f"{classroom.address}/{name}")
        page.wait_for_selector(".shell h1")
        return page

    yield open_page
    for context in contexts[: len(pages)]:
        for page in context.pages:  # a test may have opened more
            page.close()
        context.clear_cookies()
    assert not troubles


@pytest.fixture
def keep():
    """Keep a screenshot where `PANJ_SCREENSHOTS` says, for docs and for eyes."""

    def shoot(page, name: str, whole: bool = False) -> None:
        if SCREENSHOTS:
            page.screenshot(path=str(Path(SCREENSHOTS) / f"{name}.png"), full_page=whole)

    return shoot
