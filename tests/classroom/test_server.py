"""The gate: who has no code is asked for it, and no other site may talk to the server."""

import asyncio
import io
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path

import pytest
from rich.console import Console
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from sim.classroom import gate, server
from sim.classroom.gate import LETTERS, LONG, MOST_PAGES, Door, Gate, Room, new_code
from sim.classroom.server import join_address_of, kept_door, room_of
from sim.classroom.sessions import register as registers
from sim.classroom.sessions.session import spelled
from sim.errors import PanjError
from sim.execution import compiling
from sim.options import Classroom, read_request

CODE = "KAPF37"
OPEN_SESSION, ENDED_SESSION = "HFKRMW", "TXYQLM"
CHANNEL = "ws://127.0.0.1:8765/channel"


async def page(_request):
    return PlainTextResponse("inside")


async def channel(socket):
    await socket.accept()
    await socket.send_text("inside")
    await socket.close()


async def waits(socket):
    await socket.accept()
    with suppress(WebSocketDisconnect):
        await socket.receive_text()


async def headers(request):
    return JSONResponse({"path": request.url.path, "scheme": request.url.scheme, **request.headers})


async def fails(_request):
    raise KeyError("session_id")


async def session_with(code):
    return {OPEN_SESSION: Door(OPEN_SESSION, True), ENDED_SESSION: Door(ENDED_SESSION, False)}.get(spelled(code))


def visitor(code=CODE, host="0.0.0.0", address="", seen_at="http://127.0.0.1:8765", secret=""):
    inner = Starlette(
        routes=[
            Route("/watch", page),
            Route("/join", page),
            Route("/headers", headers),
            Route("/fails", fails),
            WebSocketRoute("/channel", channel),
            WebSocketRoute("/waits", waits),
        ]
    )
    behind = Gate(inner, Room(host, 8765, code, address), session_with=session_with, secret=secret)
    return TestClient(behind, base_url=seen_at, follow_redirects=False, raise_server_exceptions=False)


def test_without_a_code_everybody_of_this_machine_comes_in():
    assert visitor(code="", host="127.0.0.1").get("/watch").text == "inside"


def test_with_a_code_a_stranger_sees_only_the_question():
    seen = visitor().get("/watch")
    assert seen.status_code == 401 and 'name="code"' in seen.text and "inside" not in seen.text
    assert CODE not in seen.text


def test_who_gives_the_code_comes_in_and_need_not_give_it_again():
    client = visitor()
    assert client.get(f"/watch?code={CODE.lower()}").status_code == 303
    assert client.get("/watch").text == "inside"
    with client.websocket_connect(CHANNEL) as socket:
        assert socket.receive_text() == "inside"


def test_what_the_browser_keeps_is_not_the_code_and_no_script_can_read_it():
    kept = visitor().get(f"/watch?code={CODE}").headers["set-cookie"]
    assert CODE not in kept and "HttpOnly" in kept and "samesite=lax" in kept.lower()


def test_who_gives_the_code_stays_on_this_server():
    seen = visitor().get(f"http://127.0.0.1:8765//elsewhere.example/?code={CODE}")
    assert seen.headers["location"] == "/elsewhere.example/"


def test_what_else_an_address_asks_for_is_kept_through_the_gate():
    client = visitor()
    question = client.get("/join", params={"class": 'HFK"RHH'}).text
    assert 'name="class" value="HFK&#34;RHH"' in question
    assert client.get(f"/join?class=HFKRHH&code={CODE}").headers["location"] == "/join?class=HFKRHH"


def test_a_cookie_of_ones_own_making_opens_nothing():
    client = visitor()
    client.cookies.set(gate.COOKIE, "0" * 64)
    assert client.get("/watch").status_code == 401


def test_a_cookie_of_another_server_opens_nothing():
    first = visitor()
    first.get(f"/watch?code={CODE}")
    second = visitor()
    second.cookies.update(first.cookies)
    assert second.get("/watch").status_code == 401


def test_without_the_code_nothing_comes_through_the_channel():
    with pytest.raises(WebSocketDisconnect), visitor().websocket_connect(CHANNEL):
        pass


@pytest.mark.parametrize("wrong", ["KAPF38", "", "%00", "<script>", "K" * 500])
def test_a_wrong_code_is_not_repeated_on_the_page(wrong):
    seen = visitor().get("/watch", params={"code": wrong})
    assert seen.status_code == 401
    assert "<script>" not in seen.text and "K" * 100 not in seen.text


@pytest.mark.parametrize("code", ["GIVEN7", "2021"])
def test_a_code_may_be_typed_in_the_digits_of_another_script(code):
    typed = "".join("۰۱۲۳۴۵۶۷۸۹"[int(letter)] if letter.isdigit() else letter for letter in code)
    assert visitor(code=code).get("/watch", params={"code": typed}).status_code == 303


@pytest.mark.parametrize("typed", ["HFKRMW", "hfk rmw", " hfk-rmw "])
def test_the_code_on_the_wall_opens_the_door_and_leads_to_its_session(typed):
    client = visitor()
    admitted = client.get("/watch", params={"code": typed, "class": "OTHER"})
    assert admitted.headers["location"] == f"/join?class={OPEN_SESSION}"
    assert client.get(admitted.headers["location"]).text == "inside"


def test_the_link_of_a_session_opens_the_door_by_itself():
    client = visitor()
    admitted = client.get(f"/join?class={OPEN_SESSION}")
    assert admitted.headers["location"] == f"/join?class={OPEN_SESSION}"
    assert client.get("/watch").text == "inside"


@pytest.mark.parametrize("code", ["FFFFFF", "", "HFKRM", "HFKRMWW"])
def test_the_link_of_no_session_opens_nothing(code):
    client = visitor()
    assert client.get("/join", params={"class": code}).status_code == 401
    assert client.get("/watch").status_code == 401


def test_who_was_admitted_stays_so_after_a_restart_with_the_same_key_and_code():
    first = visitor(secret="kept")
    first.get(f"/watch?code={CODE}")
    for again, status in ((visitor(secret="kept"), 200), (visitor(secret="kept", code="OTHER1"), 401)):
        again.cookies.update(first.cookies)
        assert again.get("/watch").status_code == status


def test_the_code_of_the_room_and_the_key_of_its_cookies_are_kept_until_another_code_is_given(tmp_path, monkeypatch):
    def started(code, is_given):
        again = registers.Register(tmp_path / "classroom.sqlite", lambda _: None, list)
        monkeypatch.setattr(registers, "the_register", lambda: again)
        return kept_door(Room("0.0.0.0", 8765, code), is_given)

    room, secret = started("FIRST1", False)
    assert room.code == "FIRST1" and len(secret) == 64
    assert started("SECOND", False) == (room, secret)
    assert started("GIVEN1", True) == (room._replace(code="GIVEN1"), secret)
    assert started("THIRD1", False)[0].code == "GIVEN1"


def test_the_right_code_lets_in_after_any_number_of_wrong_ones_from_the_same_address(monkeypatch):
    monkeypatch.setattr(gate, "PAUSE", 0.001)
    monkeypatch.setattr(gate, "LONG_PAUSE", 0.001)
    client = visitor()
    for _ in range(2 * gate.MOST_WRONG):
        assert client.get("/watch?code=WRONG1").status_code == 401
    assert client.get(f"/watch?code={CODE}").status_code == 303


def test_the_code_of_an_ended_session_is_no_guess_and_says_so():
    client = visitor()
    for _ in range(2 * gate.MOST_WRONG):
        seen = client.get(f"/watch?code={ENDED_SESSION}")
        assert seen.status_code == 401 and "has ended" in seen.text
    (own,) = [kept for key, kept in client.app.turnstiles.items() if key.startswith("browser")]
    assert own.wrong == 0


async def guesses_of(inner, *guesses):
    """Give codes at once: each guess has an address, a code and perhaps the cookie of an earlier guess."""

    async def guess(address, code="WRONG1", cookie=""):
        kept = [(b"cookie", f"{gate.GUESSER}={cookie}".encode())] if cookie else []
        scope = {"type": "http", "path": "/", "query_string": f"code={code}".encode(), "headers": kept,
                 "client": (address, 1)}  # fmt: skip
        began = time.monotonic()
        return (await inner.ask(HTTPConnection(scope))).status_code, time.monotonic() - began

    return await asyncio.gather(*(guess(*one) for one in guesses))


def inner_gate():
    return Gate(Starlette(), Room("0.0.0.0", 8765, CODE), session_with=session_with)


def test_whoever_guesses_wrong_keeps_nobody_else_at_the_same_address_waiting(monkeypatch):
    monkeypatch.setattr(gate, "PAUSE", 0.2)
    inner = inner_gate()
    cookie = inner.guessers.sign("one browser").decode()
    mine = [("10.0.0.1", "WRONG1", cookie)] * 4
    school = [("10.0.0.1", CODE), ("10.0.0.1", OPEN_SESSION)] * 15
    found = asyncio.run(guesses_of(inner, *mine, *school))
    last_guess = max(seconds for _, seconds in found[:4])
    assert last_guess >= 4 * 0.2
    assert {status for status, _ in found[4:]} == {303} and max(seconds for _, seconds in found[4:]) < last_guess


def test_one_address_that_sends_ever_new_browsers_takes_turns_and_another_address_does_not_wait(monkeypatch):
    monkeypatch.setattr(gate, "MOST_GUESSERS", 0)
    monkeypatch.setattr(gate, "LONG_PAUSE", 0.05)
    monkeypatch.setattr(gate, "MOST_GUESSES", 4)
    inner = inner_gate()
    *guesses, neighbour = asyncio.run(guesses_of(inner, *[("10.0.0.1",)] * 6, ("10.0.0.2", CODE)))
    assert [status for status, _ in guesses] == [401] * 4 + [429] * 2
    last_guess = max(seconds for _, seconds in guesses)
    assert last_guess >= 4 * 0.05
    assert neighbour[0] == 303 and neighbour[1] < last_guess


def test_a_forged_cookie_of_a_guesser_gives_no_queue_of_its_own(monkeypatch):
    monkeypatch.setattr(gate, "MOST_GUESSERS", 0)
    inner = inner_gate()
    forged = HTTPConnection({"type": "http", "path": "/", "query_string": b"", "client": ("10.0.0.1", 1),
                             "headers": [(b"cookie", f"{gate.GUESSER}=one.forged".encode())]})  # fmt: skip
    assert inner.turnstile_of(forged) == (inner.turnstiles["address 10.0.0.1"], "")


CLAIMED = {
    "script-name": "//evil.example", "x-script-name": "/evil", "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "https", "x-forwarded-for": "10.0.0.9", "forwarded": "host=evil.example",
    "x-real-ip": "1.1.1.1",
}  # fmt: skip


@pytest.mark.parametrize("room", [{"code": "", "host": "127.0.0.1"}, {"code": "", "host": "127.0.0.1",
                                  "address": "http://localhost/panj"}])  # fmt: skip
def test_what_headers_claim_about_a_proxy_reaches_no_page(room):
    seen = visitor(**room).get("/headers", headers=CLAIMED).json()
    assert not set(CLAIMED) & set(seen) and seen["scheme"] == "http"


@pytest.mark.parametrize("code", ["", CODE])
def test_every_answer_says_what_may_be_loaded_and_who_may_embed_it(code):
    seen = visitor(code=code).get("/watch").headers
    assert "frame-ancestors 'none'" in seen["content-security-policy"] and seen["x-frame-options"] == "DENY"
    assert "default-src 'none'" in seen["content-security-policy"]
    assert seen["x-content-type-options"] == "nosniff" and seen["referrer-policy"] == "same-origin"


def test_a_page_may_load_scripts_of_this_server_and_no_others():
    policy = dict(part.split(" ", 1) for part in gate.page_policy("127.0.0.1:8765", "abc").split("; "))
    assert policy["script-src"] == "'self' 'unsafe-eval' 'nonce-abc'" and policy["default-src"] == "'self'"
    assert policy["connect-src"] == "'self' ws://127.0.0.1:8765 wss://127.0.0.1:8765"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8765", "", "[", "localhost.evil.example", "a b", "127.0.0.1:80; script-src *"],
)
def test_a_room_answers_to_no_name_of_another_site(host):
    assert visitor(code="").get("/watch", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["192.0.2.7:8765", "127.0.0.1:8765", "localhost:8765", "[2001:db8::1]:8765"])
def test_a_room_answers_to_the_addresses_that_its_machine_may_have(host):
    assert visitor(code="").get("/watch", headers={"host": host}).text == "inside"


PUBLIC = {"address": "https://school.example/panj", "host": "127.0.0.1"}


@pytest.mark.parametrize("path", ["/panj/watch", "/watch"])
def test_behind_a_proxy_the_prefix_may_be_kept_or_taken_off(path):
    client = visitor(**PUBLIC, seen_at="http://school.example")
    admitted = client.get(f"{path}?code={CODE}")
    assert admitted.headers["location"] == "/panj/watch" and "Secure" in admitted.headers["set-cookie"]
    client.cookies.set(gate.COOKIE, admitted.cookies[gate.COOKIE])
    kept = {"cookie": f"{gate.COOKIE}={admitted.cookies[gate.COOKIE]}", "origin": "https://school.example"}
    assert client.get(path, headers=kept).text == "inside"


def test_a_server_behind_a_proxy_asks_for_a_code_though_it_listens_on_this_machine_only():
    room = room_of(read_request(Classroom, ["address=https://school.example/panj"]))
    assert len(room.code) == LONG and join_address_of(room) == "https://school.example/panj/join"


@pytest.mark.parametrize("address", ["school.example", "https://a b", "javascript:x", "https://x/<script>", "//x"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(PanjError) as error:
        read_request(Classroom, [f"address={address}"])
    assert error.value.key == "address"


def test_an_address_of_this_machine_needs_no_code_and_is_the_one_that_is_printed():
    room = room_of(Classroom(host="127.0.0.2", port=8813))
    assert not room.code and join_address_of(room) == "http://127.0.0.2:8813/join"
    assert join_address_of(Room("::1", 8765, "")) == "http://[::1]:8765/join"


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_what_a_server_prints_names_no_file_that_only_a_clone_has(host):
    console = Console(file=io.StringIO(), width=200)
    server.print_addresses(Room(host, 8765, "" if host == "127.0.0.1" else CODE), console)
    said = console.file.getvalue()
    assert "page Teacher" in said and "page Lessons" in said and ".md" not in said
    assert ("Only this machine" in said) == (host == "127.0.0.1")


def test_a_browser_may_open_so_many_pages_and_another_browser_others():
    client = visitor(code="")
    mine, other = {"cookie": f"{gate.BROWSER}=one"}, {"cookie": f"{gate.BROWSER}=two"}
    with ExitStack() as pages:
        for _ in range(MOST_PAGES):
            pages.enter_context(client.websocket_connect("ws://127.0.0.1:8765/waits", headers=mine))
        with pytest.raises(WebSocketDisconnect):
            pages.enter_context(client.websocket_connect("ws://127.0.0.1:8765/waits", headers=mine))
        pages.enter_context(client.websocket_connect("ws://127.0.0.1:8765/waits", headers=other))
    assert client.websocket_connect("ws://127.0.0.1:8765/waits", headers=mine)


def test_a_page_that_fails_is_one_line_in_the_log_however_often(caplog):
    limited, client = server.OncePerKind(), visitor(code="")
    for _ in range(30):
        assert client.get("/fails").status_code == 500
    assert len(caplog.records) == 30
    said = [server.OneLine().format(record) for record in caplog.records if limited.filter(record)]
    assert len(said) == 1 and "KeyError" in said[0] and "test_server.py" in said[0] and "\n" not in said[0]


def test_a_page_of_another_site_is_refused_page_and_channel():
    client = visitor(code="", host="127.0.0.1")
    assert client.get("/watch", headers={"origin": "http://elsewhere.example"}).status_code == 403
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(CHANNEL, headers={"origin": "http://elsewhere.example"}),
    ):
        pass
    assert client.get("/watch", headers={"origin": "http://127.0.0.1:8765"}).text == "inside"


def test_a_server_for_this_machine_answers_to_no_other_name():
    client = visitor(code="", host="127.0.0.1")
    assert client.get("/watch", headers={"host": "rebound.example"}).status_code == 403
    assert client.get("/watch", headers={"host": "localhost:8765"}).text == "inside"


def test_a_code_is_easy_to_read_out_and_another_each_time():
    codes = {new_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(len(code) == LONG and set(code) <= set(LETTERS) for code in codes)
    assert not set(LETTERS) & set("O0I1S5B8Z2")


def test_the_room_is_this_machine_unless_told_otherwise():
    assert room_of(Classroom()) == Room("127.0.0.1", 8765, "")
    assert room_of(read_request(Classroom, ["port=8000"])).port == 8000


def test_a_room_for_others_always_has_a_code():
    assert len(room_of(Classroom(host="0.0.0.0")).code) == LONG
    assert room_of(read_request(Classroom, ["host=0.0.0.0", "code=lesson1"])).code == "LESSON1"


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["port=0"], "port: found '?0'?, expected"),
        (["port=x"], "port: found 'x'"),
        (["code=a b"], "code: found 'a b'"),
        (["code=ab"], "code: found 'ab'"),
        (["runs=5"], "classroom: found 'runs'"),
        (["port=1", "port=2"], "port: found 'port=2'"),
    ],
)
def test_what_is_wrong_in_the_command_is_said(overrides, said):
    with pytest.raises(PanjError, match=said):
        read_request(Classroom, overrides)


def test_nothing_else_than_pages_and_channels_is_stopped():
    seen = []

    async def inner(scope, _receive, _send):
        seen.append(scope["type"])

    asyncio.run(Gate(inner, Room("0.0.0.0", 8765, CODE))({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]


def test_a_page_tells_its_language_and_lets_itself_be_enlarged():
    from solara.server import server as solaras

    theirs = (solaras.directory / "templates" / "solara.html.j2").read_text()
    page = server.readable(theirs)
    assert '<html lang="en" dir="ltr">' in page
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page


@pytest.mark.parametrize("host", ["..", "999.1.1.1", "a b", "ü..", "127.0.0.1:80"])
def test_a_host_that_is_no_address_of_this_machine_is_named(host):
    with pytest.raises(PanjError, match="host: found"):
        server.check_free(Room(host, 8765, ""))


@pytest.mark.parametrize(
    ("path", "query", "status", "is_kept"),
    [
        ("/_solara/cdn/@widgetti/app@10.1.1/dist/main.js", b"", 200, True),
        ("/static/main.js", b"v=0123abcd", 200, True),
        ("/static/main.js", b"", 200, False),
        ("/_solara/cdn/@widgetti/app@10.1.1/dist/gone.js", b"", 404, False),
        ("/watch", b"v=1", 200, False),
    ],
)
def test_a_browser_keeps_only_files_whose_address_has_their_version(path, query, status, is_kept):
    sent = []

    async def keep(message):
        sent.append(message)

    send = gate.with_headers(keep, {"path": path, "query_string": query})
    asyncio.run(send({"type": "http.response.start", "status": status, "headers": []}))
    assert (b"immutable" in dict(sent[0]["headers"]).get(b"cache-control", b"")) is is_kept


def test_the_page_that_is_shown_while_a_page_loads_leads_to_no_other_host():
    page = server.readable(f"<html><h1>{server.LOADING_TEXT}</h1>{server.CREDIT}</html>")
    assert "{{" not in page and "http" not in page


def test_a_compiling_process_that_is_killed_leaves_the_rest_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed:
        def submit(self, *_: object) -> Future[None]:
            future: Future[None] = Future()
            future.set_exception(BrokenProcessPool())
            return future

    monkeypatch.setattr(server, "rules_are_cold", lambda: True)
    monkeypatch.setattr(server, "can_keep", lambda: True)
    monkeypatch.setattr(server, "workers_of", lambda _: nullcontext(Killed()))
    said = io.StringIO()
    server.compile_apart(None, Console(file=said, width=200))
    assert "Compiling the rules" in said.getvalue() and "are compiled" not in said.getvalue()


def test_rules_that_cannot_be_kept_are_not_compiled_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(server, "rules_are_cold", lambda: True)
    monkeypatch.setattr(compiling, "cache_folder", lambda: tmp_path / "file" / "cache")
    monkeypatch.setattr(server, "workers_of", lambda _: pytest.fail("a process was started"))
    server.compile_apart(None, Console(file=io.StringIO()))
