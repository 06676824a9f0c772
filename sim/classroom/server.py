"""The server of the room: Solara's pages, a gate that asks for the code of the room, latencies, and files to take home.

Nothing leaves the machine: assets come from packages, no page names another host, and Solara's telemetry is off.

`python -m sim classroom [port=8765] [host=127.0.0.1] [code=...]`: one server for a whole class.
"""

import hmac
import json
import os
import re
import secrets
import socket
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Mapping, Sequence
from functools import cache
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np
from jinja2 import Environment, FileSystemLoader, Template
from rich.console import Console
from starlette.types import ASGIApp, Receive, Scope, Send

from sim.classroom.texts import texts_of
from sim.errors import PanjError
from sim.options import options_of, whole
from sim.run.console import console_of
from sim.run.run import compile_rules

COOKIE = "panj-room"
LETTERS = "ACDEFGHJKLMNPQRTUVWXY3479"  # none that is mistaken for another when it is read out
LONG = 6
TRIES, WITHIN = 20, 60.0  # wrong codes of one address, in so many seconds
THIS_SERVER = secrets.token_hex(8)  # a page sees by it that another server answers than the one it came from
JOIN = "PANJ_JOIN"  # where one joins this server, for its own pages
LOCAL = ("127.0.0.1", "localhost", "::1")


class Room(NamedTuple):
    """Where the server listens, and what it asks for."""

    host: str
    port: int
    code: str  # none: only this machine can come

    @property
    def is_local(self) -> bool:
        """Whether nobody else can come."""
        return self.host in LOCAL


def new_code() -> str:
    """Easy to read out, hard to guess."""
    return "".join(secrets.choice(LETTERS) for _ in range(LONG))


class Gate:
    """In front of every page: who has no code is asked for it; no other site may talk to the server in one's name."""

    def __init__(self, app: ASGIApp, room: Room) -> None:
        self.app, self.room = app, room
        self.secret = secrets.token_bytes(32)  # of this process: with a new server everybody gives the code again
        self.tries: dict[str, deque[float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in, ask, or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        if not self.is_own(headers):
            await refuse(scope, send, 403)
        elif not self.room.code or self.is_known(headers):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await refuse(scope, send, 403)
        else:
            await self.ask(scope, send)

    def is_own(self, headers: Mapping[str, str]) -> bool:
        """Whether the request names this server, and comes from one of its own pages if it comes from a page."""
        host = headers.get("host", "")
        if self.room.is_local and urlsplit(f"//{host}").hostname not in LOCAL:
            return False
        origin = headers.get("origin")
        return origin is None or urlsplit(origin).netloc == host

    def is_known(self, headers: Mapping[str, str]) -> bool:
        """Whether the browser has given the code."""
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        return found is not None and hmac.compare_digest(found.value.encode(), self.token().encode())

    def token(self) -> str:
        """What a browser keeps that has given the code."""
        return hmac.new(self.secret, self.room.code.encode(), "sha256").hexdigest()

    async def ask(self, scope: Scope, send: Send) -> None:
        """The page that asks for the code, or the way in when it is right."""
        asked = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        given = asked.pop("code", "").strip().upper()
        client = scope.get("client")
        who = str(client[0]) if client else ""
        if not given:
            await answer(send, 401, self.page("", asked))
        elif self.is_tired_of(who):
            await answer(send, 429, self.page("gate_wait", asked))
        elif hmac.compare_digest(given.encode(), self.room.code.encode()):
            cookie = f"{COOKIE}={self.token()}; Path=/; HttpOnly; SameSite=Lax"
            where = "/" + scope["path"].lstrip("/")  # two slashes would name another machine
            where += f"?{urlencode(asked)}" if asked else ""
            await answer(send, 303, "", {"location": where, "set-cookie": cookie})
        else:
            self.tries.setdefault(who, deque(maxlen=TRIES)).append(time.monotonic())
            await answer(send, 401, self.page("gate_wrong", asked))

    def is_tired_of(self, who: str) -> bool:
        """Whether an address has tried too many wrong codes of late."""
        tries = self.tries.get(who)
        return tries is not None and len(tries) == TRIES and time.monotonic() - tries[0] < WITHIN

    def page(self, trouble: str, asked: Mapping[str, str]) -> str:
        """A plain page, which needs no script."""
        texts = texts_of("gate")
        return gate_page().render(
            title=texts.say("title"), about=texts.say("gate_about"), code=texts.say("gate_code"),
            enter=texts.say("gate_in"), trouble=texts.say(trouble) if trouble else "", asked=asked,
        )  # fmt: skip


@cache
def gate_page() -> Template:
    """The page that asks for the code; what is filled in is escaped."""
    folder = FileSystemLoader(Path(__file__).parent / "parts")
    return Environment(loader=folder, autoescape=True).get_template("gate.html")


async def refuse(scope: Scope, send: Send, status: int) -> None:
    """No words: nobody who should come sees this."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 4000 + status, "reason": ""})
    else:
        await answer(send, status, "")


async def answer(send: Send, status: int, body: str, headers: Mapping[str, str] | None = None) -> None:
    """A whole answer."""
    told = {"content-type": "text/html; charset=utf-8", "cache-control": "no-store", **(headers or {})}
    pairs = [(key.encode(), value.encode("latin-1")) for key, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body.encode()})


def serve(room: Room) -> None:
    """Until Ctrl-C."""
    import uvicorn

    config = uvicorn.Config(app_of(room), host=room.host, port=room.port, log_level="warning", access_log=False,
                            loop="asyncio", timeout_graceful_shutdown=2)  # fmt: skip
    uvicorn.Server(config).run()


def app_of(room: Room) -> Any:
    """Solara behind the gate, and what is beside it."""
    set_up_solara(room)
    import solara.server.starlette
    from solara.server import app as solara_app
    from starlette.applications import Starlette
    from starlette.routing import Route

    solara_app.apps["__default__"] = solara_app.AppScript("sim.classroom.app")
    pages: Any = solara.server.starlette

    async def page(request: Any) -> Any:
        """Any page, as a reader needs it."""
        found = await pages.root(request)
        found.body = readable(found.body.decode()).encode()
        found.headers["content-length"] = str(len(found.body))
        return found

    theirs = [Route(one.path, page) if getattr(one, "endpoint", None) is pages.root else one for one in pages.routes]
    routes = [Route("/latency", latency), Route("/alive", alive), *theirs]
    return Gate(Starlette(routes=routes, middleware=pages.middleware, lifespan=pages.lifespan), room)


def readable(page: str) -> str:
    """Solara's page with its language told, for who has it read aloud, and without what forbids to enlarge it."""
    return page.replace("<html>", '<html lang="en">', 1).replace(
        ", maximum-scale=1, user-scalable=no, minimal-ui", "", 1
    )


def set_up_solara(room: Room) -> None:
    """Its settings are read from the environment when it is imported."""
    os.environ["SOLARA_TELEMETRY_MIXPANEL_ENABLE"] = "False"
    os.environ[JOIN] = join_address_of(room)
    os.environ["SOLARA_THEME_FORCE_REFRESH"] = "True"  # a page whose server was stopped loads itself again
    os.environ["SOLARA_THEME_TITLE"] = texts_of("shell").say("title")
    os.environ["SOLARA_THEME_SHOW_BANNER"] = "False"
    os.environ["SOLARA_SESSION_HTTP_ONLY"] = "True"
    os.environ["SOLARA_KERNEL_CULL_TIMEOUT"] = "1h"
    os.environ["SOLARA_MODE"] = "production"
    warnings.filterwarnings("ignore", message="Cookies with samesite=none require https")


async def alive(_request: Any) -> Any:
    """Which server this is."""
    from starlette.responses import PlainTextResponse

    return PlainTextResponse(THIS_SERVER)


async def latency(_request: Any) -> Any:
    """How long people waited, in seconds: count, median and 95th percentile of what the desk and pages measured."""
    from starlette.responses import Response

    from sim.classroom.desk import the_desk

    found = {
        what: {"count": len(seconds), "median": float(np.median(seconds)), "p95": float(np.quantile(seconds, 0.95))}
        for what, seconds in ((what, list(seconds)) for what, seconds in the_desk().latencies.items())
        if seconds
    }
    return Response(json.dumps(found, indent=1), media_type="application/json")


def addresses() -> list[str]:
    """Of this machine in its network; none is found without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        try:
            way.connect(("192.0.2.1", 9))  # an address for documentation: nothing is sent
            return [str(way.getsockname()[0])]
        except OSError:
            return []


def join_address_of(room: Room) -> str:
    """Where students of the room join; on this machine alone if nobody else can come."""
    host = "127.0.0.1" if room.is_local else next(iter(addresses()), room.host)
    return f"http://{host}:{room.port}/join"


def join_address() -> str:
    """The same for this process, once it serves."""
    return os.environ.get(JOIN, "")


USAGE = "python -m sim classroom [port=8765] [host=0.0.0.0] [code=ABCDEF]"
OPTIONS = ("port", "host", "code")
PORT = 8765
BASELINE = 200  # campaigns that are there before anybody asks


def read_room(overrides: Sequence[str]) -> Room:
    """What was asked for; PanjError says what was expected."""
    given = options_of("classroom", overrides, OPTIONS, USAGE)
    for word in overrides:
        if word.partition("=")[0] not in OPTIONS:
            raise PanjError(f"classroom: found '{word}', expected {USAGE}")
    port = whole("port", given.get("port", str(PORT)), 1, 65535)
    host = given.get("host", "127.0.0.1")
    code = given.get("code", "").upper()
    if code and not re.fullmatch(r"[A-Z0-9]{4,12}", code):
        raise PanjError(f"code: found '{given['code']}', expected 4 to 12 letters and digits, such as {LETTERS[:LONG]}")
    room = Room(host, port, code)
    return room if code or room.is_local else room._replace(code=new_code())


def check_free(room: Room) -> None:
    """PanjError where nothing can listen there."""
    kind = socket.AF_INET6 if ":" in room.host else socket.AF_INET
    with socket.socket(kind, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((room.host, room.port))
        except OSError as error:
            raise PanjError(
                f"port: found {room.port} on {room.host}, where no server can listen ({error.strerror or error}); "
                "expected a free one, such as port=8766"
            ) from error


def main(overrides: Sequence[str]) -> int:
    """Compile, lay out, and serve until Ctrl-C."""
    room = read_room(overrides)
    check_free(room)
    console = console_of()
    console.print("Getting the classroom ready ...")
    get_ready(console)
    print_addresses(room, console)
    serve(room)
    print("The classroom is closed; what the class has sent is kept.", file=sys.stderr)
    return 0


def get_ready(console: Console) -> None:
    """Rules compiled and the baseline begun, so that nobody in the room waits for that."""
    from sim.classroom.desk import the_desk
    from sim.settings.sweep import Cell

    desk = the_desk()
    compile_rules(Cell(0, {}, (), desk.settings(())).order, 0, console)
    desk.ask("the room", (), BASELINE)
    threading.Thread(target=warm, daemon=True).start()


def warm() -> None:
    """What is only needed when somebody asks for it, and takes long the first time."""
    from sim.classroom import player
    from sim.classroom.sessions.runner import the_question_runner

    player.warm()
    the_question_runner()  # it goes on with questions that a stop has left half answered


def print_addresses(room: Room, console: Console) -> None:
    """The address for this machine and for the room."""
    here = "127.0.0.1" if room.host in ("0.0.0.0", "127.0.0.1", "localhost") else room.host
    given = f"?code={room.code}" if room.code else ""
    console.print(f"The classroom is open: http://{here}:{room.port}/{given}", soft_wrap=True)
    if room.is_local:
        console.print("Only this machine can come in. For a room of laptops: python -m sim classroom host=0.0.0.0")
    else:
        found = addresses() or [room.host]
        joins = " or ".join(f"http://{address}:{room.port}/" for address in found)
        console.print(f"For the room: {joins}  with the code {room.code}", soft_wrap=True)
    console.print("Ctrl-C closes it. Teachers begin on the page Teacher; docs/teaching.md has plans for lessons.")
