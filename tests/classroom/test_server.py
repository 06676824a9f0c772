"""The gate: who has no code is asked for it, and no other site may talk to the server."""

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from sim.classroom import server
from sim.classroom.server import LETTERS, LONG, TRIES, Gate, Room, new_code, room_of
from sim.errors import PanjError
from sim.options import Classroom, read_request

CODE = "KAPF37"
CHANNEL = "ws://127.0.0.1:8765/channel"


async def page(_request):
    return PlainTextResponse("inside")


async def channel(socket):
    await socket.accept()
    await socket.send_text("inside")
    await socket.close()


def visitor(code=CODE, host="0.0.0.0"):
    inner = Starlette(routes=[Route("/watch", page), WebSocketRoute("/channel", channel)])
    return TestClient(Gate(inner, Room(host, 8765, code)), base_url="http://127.0.0.1:8765", follow_redirects=False)


def test_without_a_code_everybody_of_this_machine_comes_in():
    assert visitor(code="", host="127.0.0.1").get("/watch").text == "inside"


def test_with_a_code_a_stranger_sees_only_the_question():
    seen = visitor().get("/watch")
    assert seen.status_code == 401 and "Code of the room" in seen.text and "inside" not in seen.text
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
    client.cookies.set(server.COOKIE, "0" * 64)
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


def test_who_guesses_too_often_has_to_wait_even_with_the_right_code():
    client = visitor()
    for _ in range(TRIES):
        assert client.get("/watch?code=WRONG1").status_code == 401
    assert client.get(f"/watch?code={CODE}").status_code == 429


def test_who_guessed_is_let_in_after_a_while(monkeypatch):
    client = visitor()
    for _ in range(TRIES):
        client.get("/watch?code=WRONG1")
    monkeypatch.setattr(server, "WITHIN", 0)
    assert client.get(f"/watch?code={CODE}").status_code == 303


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
    assert '<html lang="en">' in page
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
