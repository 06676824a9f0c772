"""The server of the classroom: Solara's pages behind a gate that asks for the code of the room.

Nothing leaves the machine: assets come from packages, no page names another host, and Solara's telemetry is off.

`python -m sim classroom [port=8765] [host=127.0.0.1] [code=...]`: one server for a whole class.
"""

import hmac
import json
import os
import secrets
import socket
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import numpy as np
from itsdangerous import Signer
from jinja2 import Environment, FileSystemLoader, Template
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from rich.console import Console
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from sim.classroom.texts import texts_of
from sim.errors import PanjError
from sim.options import Classroom
from sim.run.console import console_of
from sim.run.run import compile_rules

COOKIE = "panj-room"
LETTERS = "ACDEFGHJKLMNPQRTUVWXY3479"  # letters that are not confused when read aloud
LONG = 6
TRIES, WITHIN = 20, 60  # wrong codes allowed per address, within so many seconds
NO_STORE = {"cache-control": "no-store"}
THIS_SERVER = secrets.token_hex(8)  # lets a page detect that a different server answers
JOIN = "PANJ_JOIN"  # environment variable: address at which students join, for the pages
LOCAL = ("127.0.0.1", "localhost", "::1")


class Room(NamedTuple):
    """Where the server listens, and the code it asks for."""

    host: str
    port: int
    code: str  # empty: only this machine can connect

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect."""
        return self.host in LOCAL


def new_code() -> str:
    """A random code that is easy to read out and hard to guess."""
    return "".join(secrets.choice(LETTERS) for _ in range(LONG))


class Gate:
    """ASGI middleware that asks for the code of the room, and refuses requests made by pages of other sites."""

    def __init__(self, app: ASGIApp, room: Room) -> None:
        self.app, self.room = app, room
        self.signer = Signer(secrets.token_bytes(32), salt=COOKIE)  # a new server asks everybody for the code again
        self.limiter = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in, ask for the code, or refuse."""
        app = self.app if scope["type"] not in ("http", "websocket") else self.answer(HTTPConnection(scope))
        await app(scope, receive, send)

    def answer(self, asked: HTTPConnection) -> ASGIApp:
        """The app that answers a request: the pages, the page that asks for the code, or a refusal."""
        if self.is_own(asked.headers):
            known = asked.cookies.get(COOKIE, "")
            if not self.room.code or self.signer.verify_signature(self.room.code, known):
                return self.app
            if asked.scope["type"] == "http":
                return self.ask(asked)
        return Response(status_code=403) if asked.scope["type"] == "http" else WebSocketClose(4403)

    def is_own(self, headers: Mapping[str, str]) -> bool:
        """Whether the request is addressed to this server, and its origin, if it has one, is this server too."""
        host = headers.get("host", "")
        if self.room.is_local and urlsplit(f"//{host}").hostname not in LOCAL:
            return False
        origin = headers.get("origin")
        return origin is None or urlsplit(origin).netloc == host

    def ask(self, asked: HTTPConnection) -> Response:
        """The page that asks for the code, or a redirect that admits the visitor when the code is right."""
        query = dict(asked.query_params)
        given = query.pop("code", "").strip().upper()
        who, limit = asked.client.host if asked.client else "", RateLimitItemPerSecond(TRIES, WITHIN)
        if not given:
            return question("", query, 401)
        if not self.limiter.test(limit, who):
            return question("gate_wait", query, 429)
        if not hmac.compare_digest(given.encode(), self.room.code.encode()):
            self.limiter.hit(limit, who)
            return question("gate_wrong", query, 401)
        where = "/" + asked.scope["path"].lstrip("/")  # two slashes would name another machine
        response = RedirectResponse(where + (f"?{urlencode(query)}" if query else ""), 303, NO_STORE)
        response.set_cookie(COOKIE, self.signer.get_signature(self.room.code).decode(), httponly=True, samesite="lax")
        return response


def question(trouble: str, query: Mapping[str, str], status: int) -> Response:
    """A plain page that asks for the code and needs no script; all inserted text is escaped."""
    texts = texts_of("gate")
    page = gate_page().render(
        title=texts.say("title"), about=texts.say("gate_about"), code=texts.say("gate_code"),
        enter=texts.say("gate_in"), trouble=texts.say(trouble) if trouble else "", asked=query,
    )  # fmt: skip
    return HTMLResponse(page, status, NO_STORE)


@cache
def gate_page() -> Template:
    """Template of the page that asks for the code."""
    folder = FileSystemLoader(Path(__file__).parent / "parts")
    return Environment(loader=folder, autoescape=True).get_template("gate.html")


def serve(room: Room) -> None:
    """Serve until Ctrl-C."""
    import uvicorn

    config = uvicorn.Config(app_of(room), host=room.host, port=room.port, log_level="warning", access_log=False,
                            loop="asyncio", timeout_graceful_shutdown=2)  # fmt: skip
    uvicorn.Server(config).run()


def app_of(room: Room) -> Any:
    """Solara's pages and our own routes, behind the gate; the desk is closed when the server stops."""
    set_up_solara(room)
    import solara.server.starlette
    from solara.server import app as solara_app
    from starlette.applications import Starlette
    from starlette.routing import Route

    from sim.classroom.desk import the_desk

    solara_app.apps["__default__"] = solara_app.AppScript("sim.classroom.app")
    pages: Any = solara.server.starlette

    async def page(request: Any) -> Any:
        """Any page of Solara, made readable."""
        found = await pages.root(request)
        found.body = readable(found.body.decode()).encode()
        found.headers["content-length"] = str(len(found.body))
        return found

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with pages.lifespan(app):
            yield
        the_desk().close()

    theirs = [Route(one.path, page) if getattr(one, "endpoint", None) is pages.root else one for one in pages.routes]
    routes = [Route("/latency", latency), Route("/alive", alive), *theirs]
    return Gate(Starlette(routes=routes, middleware=pages.middleware, lifespan=lifespan), room)


def readable(page: str) -> str:
    """Solara's page with its language declared, for screen readers, and with zooming allowed."""
    return page.replace("<html>", '<html lang="en">', 1).replace(
        ", maximum-scale=1, user-scalable=no, minimal-ui", "", 1
    )


def set_up_solara(room: Room) -> None:
    """Set the environment from which Solara reads its settings when it is imported."""
    os.environ["SOLARA_TELEMETRY_MIXPANEL_ENABLE"] = "False"
    os.environ[JOIN] = join_address_of(room)
    os.environ["SOLARA_THEME_FORCE_REFRESH"] = "True"  # a page whose server was stopped reloads
    os.environ["SOLARA_THEME_TITLE"] = texts_of("shell").say("title")
    os.environ["SOLARA_THEME_SHOW_BANNER"] = "False"
    os.environ["SOLARA_SESSION_HTTP_ONLY"] = "True"
    os.environ["SOLARA_KERNEL_CULL_TIMEOUT"] = "1h"
    os.environ["SOLARA_MODE"] = "production"
    warnings.filterwarnings("ignore", message="Cookies with samesite=none require https")


async def alive(_request: Any) -> Any:
    """Identify this server, so that pages notice a restart."""
    return PlainTextResponse(THIS_SERVER)


async def latency(_request: Any) -> Any:
    """Waiting times in seconds: count, median and 95th percentile, as JSON."""
    from sim.classroom.desk import the_desk

    found = {
        what: {"count": len(seconds), "median": float(np.median(seconds)), "p95": float(np.quantile(seconds, 0.95))}
        for what, seconds in ((what, list(seconds)) for what, seconds in the_desk().latencies.items())
        if seconds
    }
    return Response(json.dumps(found, indent=1), media_type="application/json")


def addresses() -> list[str]:
    """Addresses of this machine in its network; empty without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation: nothing is sent
            return [str(probe.getsockname()[0])]
        except OSError:
            return []


def join_address_of(room: Room) -> str:
    """Address at which students join; on this machine only if nobody else can connect."""
    host = "127.0.0.1" if room.is_local else next(iter(addresses()), room.host)
    return f"http://{host}:{room.port}/join"


def join_address() -> str:
    """Address at which students join this process; empty until it serves."""
    return os.environ.get(JOIN, "")


BASELINE = 200  # campaigns that are requested before anybody asks


def room_of(request: Classroom) -> Room:
    """The room for these command-line options; one that other machines can reach always has a code."""
    room = Room(request.host, request.port, request.code)
    return room if request.code or room.is_local else room._replace(code=new_code())


def check_free(room: Room) -> None:
    """Raise PanjError where the port is taken or the host is not this machine's."""
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


def main(request: Classroom) -> int:
    """Serve a classroom until Ctrl-C.

    Returns:
        The exit code.

    Raises:
        PanjError: the port is taken.
    """
    room = room_of(request)
    check_free(room)
    console = console_of()
    console.print("Getting the classroom ready ...")
    get_ready(console)
    print_addresses(room, console)
    serve(room)
    print("The classroom is closed; everything that the class sent is kept.", file=sys.stderr)
    return 0


def get_ready(console: Console) -> None:
    """Compile the rules and request the baseline, so that nobody in the room waits for that."""
    from sim.classroom.desk import the_desk
    from sim.settings.sweep import Cell

    desk = the_desk()
    compile_rules(Cell(0, {}, (), desk.settings(())).order, 0, console)
    desk.ask("the room", (), BASELINE)
    threading.Thread(target=warm, daemon=True).start()


def warm() -> None:
    """Prepare what is slow on first use."""
    from sim.classroom import player
    from sim.classroom.sessions.runner import the_question_runner

    player.warm()
    the_question_runner()  # continues questions that a stop left half answered


def print_addresses(room: Room, console: Console) -> None:
    """Print the address for this machine and for the room."""
    here = "127.0.0.1" if room.host in ("0.0.0.0", "127.0.0.1", "localhost") else room.host
    given = f"?code={room.code}" if room.code else ""
    console.print(f"The classroom is open: http://{here}:{room.port}/{given}", soft_wrap=True)
    if room.is_local:
        console.print("Only this machine can connect. For a room of laptops: python -m sim classroom host=0.0.0.0")
    else:
        found = addresses() or [room.host]
        joins = " or ".join(f"http://{address}:{room.port}/" for address in found)
        console.print(f"For the room: {joins}  with the code {room.code}", soft_wrap=True)
    console.print("Ctrl-C closes it. Teachers begin on the page Teacher; docs/teaching.md has plans for lessons.")
