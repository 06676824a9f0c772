"""A server that a class cannot break: forged headers, too many pages, huge messages and junk, on a real one."""

import json
import random
import sys
import time
import urllib.error
import urllib.request
import uuid
from contextlib import ExitStack, contextmanager, suppress

import psutil
import pytest
from shared import free_port
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from sim.classroom.gate import BROWSER, MOST_PAGES
from sim.classroom.server import LARGEST_MESSAGE

SERVE = "from sim.classroom.gate import Room; from sim.classroom.server import serve; serve(Room('127.0.0.1', {}, ''))"
FORGED = {"script-name": "//evil.example", "X-Script-Name": "/evil", "X-Forwarded-Host": "evil.example",
          "X-Forwarded-Proto": "https"}  # fmt: skip
PATIENCE = 240  # seconds until it answers, on a machine with much else to do
MOST_LINES = 20  # of the log, after everything: one for each kind of error


class Server:
    """The pages, without a baseline that would have to be run first."""

    def __init__(self, folder):
        self.port, self.log = free_port(), folder / "log.txt"
        with self.log.open("w") as log:
            self.process = psutil.Popen([sys.executable, "-c", SERVE.format(self.port)], stderr=log)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with suppress(OSError):
                self.get("/alive")
                return
            time.sleep(0.1)
        self.stop()
        raise RuntimeError(self.log.read_text())

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except psutil.TimeoutExpired:
            self.process.kill()

    def get(self, path, headers=None):
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers or {})
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def channel(self, browser, kernel=None):
        address = f"ws://127.0.0.1:{self.port}/jupyter/api/kernels/{kernel or uuid.uuid4()}/channels?session_id=x"
        return connect(address, additional_headers={"Cookie": f"{BROWSER}={browser}"}, max_size=None, open_timeout=30)

    @contextmanager
    def channel_when_free(self, browser):
        """A channel, as soon as the server has noticed that earlier ones of this browser are closed."""
        while True:
            try:
                with self.channel(browser) as page:
                    yield page
                    return
            except InvalidStatus:
                time.sleep(0.1)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    started = Server(tmp_path_factory.mktemp("attack"))
    yield started
    started.stop()


def test_what_the_first_visitor_claims_changes_no_page_of_anybody(server):
    for headers in (FORGED, {}):
        status, seen, page = server.get("/watch", headers)
        assert status == 200 and "evil" not in page and 'rootPath = ""' in page
        assert "samesite=lax" in seen["set-cookie"].lower() and "secure" not in seen["set-cookie"].lower()


def test_the_cookie_is_for_this_site_by_every_name_of_this_machine(server):
    kept = server.get("/", {"Host": f"localhost:{server.port}"})[1]["set-cookie"].lower()
    assert "samesite=lax" in kept and "httponly" in kept


def test_every_script_of_a_page_carries_the_mark_of_its_policy(server):
    _, seen, page = server.get("/")
    nonce = seen["content-security-policy"].split("'nonce-")[1].split("'")[0]
    assert page.count("<script") == page.count(f'<script nonce="{nonce}"') > 3
    assert nonce not in server.get("/")[2]


@pytest.mark.parametrize("path", ["/readyz", "/resourcez", "/resourcez?verbose"])
def test_pages_about_the_server_are_closed(server, path):
    assert server.get(path)[0] == 404


def test_one_browser_opens_only_so_many_pages_and_others_are_served(server):
    opened, refused = 0, 0
    with ExitStack() as pages:
        for _ in range(150):
            try:
                pages.enter_context(server.channel("greedy"))
                opened += 1
            except InvalidStatus:
                refused += 1
        with server.channel("modest"):
            assert (opened, refused) == (MOST_PAGES, 150 - MOST_PAGES)
    assert server.process.num_threads() < 100


def test_pages_that_were_left_make_room_for_new_ones(server):
    before = server.process.memory_info().rss
    for _ in range(3 * MOST_PAGES):
        with server.channel_when_free("restless"):
            pass
    assert server.process.memory_info().rss - before < 200e6


def test_huge_messages_close_their_page_and_take_no_memory(server):
    before = server.process.memory_info().rss
    for _ in range(8):
        with server.channel("huge") as page, pytest.raises(ConnectionClosed):
            page.send("x" * 15_000_000)
            while True:
                page.recv(timeout=30)
    assert server.process.memory_info().rss - before < 100e6 and LARGEST_MESSAGE < 1e6


def test_junk_is_a_few_lines_in_the_log_and_the_server_goes_on(server):
    luck = random.Random(1)
    for _ in range(80):
        with server.channel_when_free("junk") as page, suppress(ConnectionClosed):
            page.send(luck.choice(JUNK))
    with server.channel_when_free("junk") as page:
        page.send(comm("kernel_info_request"))
        assert "kernel_info_reply" in str(page.recv(timeout=30)) + str(page.recv(timeout=30))
    lines = server.log.read_text().splitlines()
    assert len(lines) <= MOST_LINES, "\n".join(lines)
    assert all(len(line) < 450 for line in lines)
    assert server.process.status() != psutil.STATUS_ZOMBIE and server.get("/")[0] == 200


def comm(kind, **content):
    header = {"msg_type": kind, "msg_id": "x", "session": "x", "username": "x", "version": "5.3",
              "date": "2021-07-07T00:00:00Z"}  # fmt: skip
    return json.dumps({"header": header, "parent_header": {}, "metadata": {}, "buffers": [], "channel": "shell",
                       "content": content})  # fmt: skip


JUNK = [
    "", "{", "[]", "null", "1", "\x00", '"a"', "{}", json.dumps({"header": {}}), b"", b"\xff" * 8, b"\x00" * 64,
    json.dumps({"header": {"msg_type": "no such kind"}, "channel": "shell"}), comm("comm_msg"), comm("comm_open"),
    comm("comm_msg", comm_id="no such", data={}), comm("comm_open", comm_id="x", target_name="no such", data={}),
    comm("comm_open", comm_id="x", target_name="solara.control", data={}), comm("comm_close", comm_id="no such"),
    comm("comm_msg", comm_id=["x"], data=None), "[" * 100_000,
]  # fmt: skip
