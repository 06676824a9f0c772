"""The server of the classroom: Solara's pages behind the access control of `sim.classroom.gate`.

Run as `python -m sim classroom [port=8765] [host=127.0.0.1] [code=...] [address=...]`: one server for a whole class.

Nothing is sent to other hosts: assets come from installed packages, no page refers to another host, and Solara's
telemetry is off.
"""

import asyncio
import errno
import json
import logging
import os
import secrets
import socket
import sys
import threading
import time
import traceback
import warnings
from collections.abc import AsyncIterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from cachetools import LRUCache
from rich.console import Console
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response

from sim.classroom.gate import (
    BROWSER,
    CLASS,
    MOST_CHANNELS,
    MOST_PAGES,
    Door,
    Gate,
    Room,
    first_of,
    is_loopback,
    new_code,
    page_policy,
)
from sim.classroom.texts import current_language, texts_of, use_language
from sim.configuration.settings import Executor, Order
from sim.engine.cache import naming_rules_of_user
from sim.errors import PanjError
from sim.execution.compiling import announcing, can_keep, compile_rules, rules_are_cold
from sim.execution.executors import workers_of
from sim.execution.work import layout_of
from sim.options import Classroom
from sim.story.branches import Course, step_is_cold
from sim.story.branches import warm as warm_step
from sim.terminal import console_of

THIS_SERVER = secrets.token_hex(8)  # identity of this server process, so that pages can detect a restart
JOIN = "PANJ_JOIN"  # environment variable with the URL at which students join, which is shown on pages
LARGEST_MESSAGE = 512 * 1024  # largest size of one message from a page, bytes; a hand-in has at most 64 KiB
MOST_CONNECTIONS = 2000
FAREWELL, AT_LAST = 1, 2.0  # seconds after Ctrl-C until connections are closed, and until the process is ended
KEPT_AFTER_LEAVING = "5m"  # time for which the server keeps a page whose browser has disconnected without closing it
CLOSED_PAGES = ("/readyz", "/resourcez", "/_solara/api/evict/{kernel_id}")  # routes of Solara that are not served
A_KIND = 60.0  # seconds during which only the first error of a kind is logged
KNOWN_KINDS, LONGEST_LINE = 200, 400
LOADING_TEXT = "{{ loading_text }}"  # placeholder in Solara's page, which would be filled with English text
# contains a link to another host; Solara is credited in NOTICE
CREDIT = '<b>Made with <a href="https://solara.dev">Solara</a></b>'
YEAR = 365 * 24 * 3600  # seconds
WILDCARDS = ("0.0.0.0", "::")


def serve(room: Room, secret: str = "") -> None:
    """Run the web server until Ctrl-C; `secret` is the key for signing cookies, or empty for a random one.

    Ctrl-C does not wait for running work, because all data of a class are already stored.
    """
    import uvicorn

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: Any) -> None:
            super().handle_exit(sig, frame)
            end = threading.Timer(AT_LAST, os._exit, (0,))  # a thread may still be running campaigns of the scenes
            end.daemon = True
            end.start()

    log_kinds_once()
    config = uvicorn.Config(
        app_of(room, secret), host=room.host, port=room.port, log_config=None, log_level="warning", access_log=False,
        loop="asyncio", timeout_graceful_shutdown=FAREWELL, proxy_headers=bool(room.address), server_header=False,
        ws_max_size=LARGEST_MESSAGE, limit_concurrency=MOST_CONNECTIONS,
    )  # fmt: skip
    with suppress(KeyboardInterrupt):  # raised again by uvicorn once it has stopped
        Server(config).run()


def app_of(room: Room, secret: str = "") -> Any:
    """Return the ASGI application: Solara's pages and our own routes behind the gate; its shutdown closes the desk."""
    set_up_solara(room)
    import solara.server.starlette
    from solara.server import app as solara_app
    from starlette.applications import Starlette
    from starlette.routing import Route

    from sim.classroom.desk import the_desk
    from sim.classroom.notices import ATTEND, attend
    from sim.classroom.parts.downloads import ADDRESS as CSV
    from sim.classroom.parts.downloads import csv
    from sim.classroom.scenes import ADDRESS, CLASS_ADDRESS, class_scenes, scenes
    from sim.classroom.thresholds import ADDRESS as GAME
    from sim.classroom.thresholds import thresholds

    solara_app.apps["__default__"] = solara_app.AppScript("sim.classroom.app")
    pages: Any = solara.server.starlette
    is_secure = room.address.startswith("https:")

    async def page(request: Any) -> Any:
        """Return one of Solara's pages, made accessible, with a Content Security Policy and a same-site cookie."""
        found = await pages.root(request)
        nonce = secrets.token_urlsafe(16)
        found.body = readable(found.body.decode(), nonce).encode()
        found.headers["content-length"] = str(len(found.body))
        found.headers["content-security-policy"] = page_policy(request.headers["host"], nonce)
        del found.headers["set-cookie"]
        browser = request.cookies.get(BROWSER) or secrets.token_hex(16)
        found.set_cookie(BROWSER, browser, max_age=YEAR, httponly=True, samesite="lax", secure=is_secure)
        return found

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with pages.lifespan(app):
            try:
                yield
            finally:
                the_desk().close()

    theirs = [
        Route(one.path, page) if getattr(one, "endpoint", None) is pages.root else one
        for one in pages.routes
        if getattr(one, "path", "") not in CLOSED_PAGES
    ]
    ours = [
        Route("/alive", alive),
        Route(ADDRESS, scenes),
        Route(GAME, thresholds),
        Route(ATTEND, attend),
        Route(CSV, csv),
        Route(CLASS_ADDRESS, class_scenes, methods=["GET", "POST"]),
        *([Route("/latency", latency)] if room.is_local else []),
    ]
    inner = Starlette(routes=[*ours, *theirs], middleware=pages.middleware, lifespan=lifespan)
    return Gate(inner, room, make_room, session_with, secret)


async def session_with(code: str) -> Door | None:
    """Return the class session for a typed code; None if there is none.

    The code of a session that was opened more than `A_DAY` ago no longer admits browsers, so that the codes of
    forgotten sessions do not accumulate; browsers that have been admitted can still join it.
    """
    from sim.classroom.sessions.register import the_register

    found = await run_in_threadpool(the_register().find, code)
    if found is None:
        return None
    is_recent = datetime.now(UTC) - datetime.fromisoformat(found.opened) < A_DAY
    return Door(found.code, not found.is_ended and is_recent)


def readable(page: str, nonce: str = "") -> str:
    """Modify the HTML of a page to declare its language, allow zooming, and add `nonce` to its scripts."""
    texts = texts_of("shell")
    direction = texts.say("direction")
    page = page.replace(LOADING_TEXT, escape(texts.say("loading")), 1).replace(CREDIT, "", 1)
    page = page.replace("<html>", f'<html lang="{current_language()}" dir="{direction}">', 1).replace(
        ", maximum-scale=1, user-scalable=no, minimal-ui", "", 1
    )
    return page.replace("<script", f'<script nonce="{nonce}"') if nonce else page


async def make_room(asked: HTTPConnection) -> bool:
    """Discard surplus disconnected pages; return whether a browser may open another page."""
    return await run_in_threadpool(forget_left_pages, asked.cookies.get(BROWSER, ""), asked.scope["path"])


def forget_left_pages(browser: str, path: str) -> bool:
    """Discard the oldest disconnected pages if this browser, or all browsers together, have too many.

    Args:
        browser: Cookie of the browser that opens a page.
        path: Path of the request; if a page reconnects, it contains the id of that page.

    Returns:
        Whether another page may be opened.
    """
    from solara.server.kernel_context import PageStatus, contexts

    others = [one for one in list(contexts.values()) if f"/{one.id}/" not in path]  # keep a page that is reconnecting
    own = [one for one in others if one.session_id == browser]
    for kept, most in ((own, MOST_PAGES), (others, MOST_CHANNELS)):
        left = [one for one in kept if one.page_status and PageStatus.CONNECTED not in one.page_status.values()]
        for one in left[: max(0, len(kept) + 1 - most)]:
            with suppress(Exception):  # the page may have been closed in the meantime
                one.close(reason="cull")
    return sum(one.id in contexts for one in others) < MOST_CHANNELS


def set_up_solara(room: Room) -> None:
    """Set the environment variables from which Solara reads its settings when it is imported."""
    os.environ["SOLARA_TELEMETRY_MIXPANEL_ENABLE"] = "False"
    os.environ[JOIN] = join_address_of(room)
    os.environ["SOLARA_BASE_URL"] = public_address(room)  # otherwise, Solara uses the headers of the first visitor
    os.environ["SOLARA_ROOT_PATH"] = room.prefix
    os.environ["SOLARA_THEME_FORCE_REFRESH"] = "True"  # so that pages can reload after a restart of the server
    os.environ["SOLARA_THEME_TITLE"] = texts_of("shell").say("title")
    os.environ["SOLARA_THEME_SHOW_BANNER"] = "False"
    os.environ["SOLARA_SESSION_HTTP_ONLY"] = "True"
    os.environ["SOLARA_KERNEL_CULL_TIMEOUT"] = KEPT_AFTER_LEAVING
    os.environ["SOLARA_MODE"] = "production"
    warnings.filterwarnings("ignore", message="Cookies with samesite=none require https")


class OncePerKind(logging.Filter):
    """A filter that passes one log record of each kind per minute, so that many bad requests cause only one line."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: LRUCache[object, float] = LRUCache(KNOWN_KINDS)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log a record: only the first of its kind per minute, and none about cancelled tasks."""
        if record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError):
            return False
        kind, now = kind_of(record), time.monotonic()
        is_new = now - self.seen.get(kind, -A_KIND) >= A_KIND
        if is_new:
            self.seen[kind] = now
        return is_new


def kind_of(record: logging.LogRecord) -> object:
    """Return the kind of a record: type and line of its error, or else its logger and the start of its message."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return record.name, str(record.msg)[:40]
    return type(error), line_of(error)


def line_of(error: BaseException) -> str:
    """Return the file and line in which an error was raised; empty if it was never raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename.rpartition('site-packages')[2]}:{frames[-1].lineno}" if frames else ""


class OneLine(logging.Formatter):
    """A formatter that writes each record in one line, with the type, message and line of its error."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line."""
        error = record.exc_info[1] if record.exc_info else None
        why = f" ({type(error).__name__}: {error}; {line_of(error)})" if error is not None else ""
        said = " ".join(f"{record.getMessage()}{why}".split())
        return f"{record.levelname.lower()}: {said[:LONGEST_LINE]}"


def log_kinds_once() -> None:
    """Log warnings and errors of this process to standard error, at most one line of each kind per minute."""
    handler = logging.StreamHandler()
    handler.addFilter(OncePerKind())
    handler.setFormatter(OneLine())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)
    threading.excepthook = lambda failed: logging.getLogger(__name__).error(
        "a thread ended with an error",
        exc_info=first_of(failed.exc_value) if failed.exc_value else None,
    )


async def alive(_request: Any) -> Any:
    """Return the identity of this server process, so that pages can detect a restart."""
    return PlainTextResponse(THIS_SERVER)


async def latency(_request: Any) -> Any:
    """Return count, median and 95th percentile of each kind of waiting time, in seconds, as JSON."""
    from sim.classroom.desk import the_desk

    found = {
        what: {"count": len(seconds), "median": float(np.median(seconds)), "p95": float(np.quantile(seconds, 0.95))}
        for what, seconds in ((what, list(seconds)) for what, seconds in the_desk().latencies.items())
        if seconds
    }
    return Response(json.dumps(found, indent=1), media_type="application/json")


def addresses() -> list[str]:
    """Return a list with the IP address of this machine in its network, or an empty list without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address reserved for documentation; nothing is sent
            return [str(probe.getsockname()[0])]
        except OSError:
            return []


def hosts_of(room: Room) -> list[str]:
    """Return the addresses of the server: its host or, if that is a wildcard, this machine's address in the network."""
    return (addresses() or ["127.0.0.1"]) if room.host in WILDCARDS else [room.host]


def url_of(host: str, port: int) -> str:
    """Return the URL of a host and port, with an IPv6 address in brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def public_address(room: Room) -> str:
    """Return the URL at which other machines reach the server, without a final slash."""
    return room.address.rstrip("/") or url_of(hosts_of(room)[0], room.port)


def join_address_of(room: Room) -> str:
    """Return the URL at which students join a class session."""
    return f"{public_address(room)}/join"


def join_address() -> str:
    """Return the URL at which students join a class session on this server.

    Returns:
        The URL; empty if the server has not been set up.
    """
    return os.environ.get(JOIN, "")


def join_link(code: str) -> str:
    """Return the URL that admits a browser to this server and joins a class session.

    Args:
        code: Code of the session.

    Returns:
        The URL, such as `http://192.168.1.5:8765/join?class=FKMRWX`.
    """
    return f"{join_address()}?{CLASS}={code}"


def is_reachable() -> bool:
    """Return whether other computers can follow the links of this server."""
    return not is_loopback(urlsplit(join_address()).hostname or "")


NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)  # errors for an address that does not belong to this machine
A_DAY = timedelta(days=1)  # time for which the code of a session admits browsers
BASELINE_RUNS = 200  # baseline campaigns that the server requests when it starts


def room_of(request: Classroom) -> Room:
    """Return the room for the command-line options, with a new code if other machines can connect and none is given."""
    room = Room(request.host, request.port, request.code, request.address)
    return room if request.code or room.is_local else room._replace(code=new_code())


def kept_door(room: Room, is_given: bool) -> tuple[Room, str]:
    """Return the room with its code from before the last stop, and the key for signing its cookies.

    Thus nobody has to enter the code again after a restart. A code on the command line replaces the earlier one.
    """
    from sim.classroom.sessions.register import the_register

    if not room.code:
        return room, ""
    code, secret = the_register().door(room.code if is_given else "", room.code)
    return room._replace(code=code), secret


def check_free(room: Room) -> None:
    """Raise PanjError if the port cannot be opened or the host does not belong to this machine."""
    kind = socket.AF_INET6 if ":" in room.host else socket.AF_INET
    with socket.socket(kind, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((room.host, room.port))
        except (OSError, TypeError, UnicodeError) as error:  # the last two are raised if a name cannot be encoded
            if not isinstance(error, OSError) or error.errno in NOT_HERE or isinstance(error, socket.gaierror):
                raise PanjError(
                    f"host: found '{room.host}', expected an address of this machine, such as 127.0.0.1, or 0.0.0.0 to "
                    "listen on all of them"
                ) from error
            raise PanjError(
                f"port: found {room.port} on {room.host}, which cannot be opened ({error.strerror or error}), "
                "expected a free port, such as port=8766"
            ) from error


def main(request: Classroom) -> int:
    """Serve a classroom until Ctrl-C.

    Args:
        request: The parsed command line of `classroom`.

    Returns:
        The exit code, 0.

    Raises:
        PanjError: The port cannot be opened, or the host does not belong to this machine.
    """
    room = room_of(request)
    check_free(room)
    use_language(request.lang)
    room, secret = kept_door(room, bool(request.code))
    console = console_of()
    console.print("Getting the classroom ready ...")
    from sim.classroom.desk import the_desk

    try:
        get_ready(console)
        print_addresses(room, console)
        serve(room, secret)
    finally:
        the_desk().close()
    print("The classroom is closed; everything that the class sent is kept.", file=sys.stderr)
    return 0


def get_ready(console: Console) -> None:
    """Compile the rules, request the baseline campaigns and start `warm` in a thread, to save visitors a wait."""
    from sim.classroom.desk import the_desk
    from sim.configuration.overrides import BASELINE
    from sim.configuration.sweep import order_of

    desk = the_desk()
    order = order_of(desk.settings(BASELINE))
    compile_apart(order, console)
    compile_rules(order, 0, console)
    desk.ask("the room", BASELINE, BASELINE_RUNS)
    threading.Thread(target=warm, daemon=True).start()


def compile_apart(order: Order, console: Console) -> None:
    """Compile rules that are not cached in a separate process, whose half gigabyte of memory is freed afterwards.

    Ctrl-C ends that process immediately.

    Args:
        order: Any settings.
        console: Console for a message.
    """
    if not (rules_are_cold() or step_is_cold()) or not can_keep():
        return
    killed = suppress(BrokenProcessPool)  # possibly for lack of memory; this process then compiles the rest
    with killed, announcing(console), workers_of(Executor("processes", 1, None)) as workers:
        try:
            workers.submit(compile_all, order).result()
        except KeyboardInterrupt:
            workers.stop()
            raise


def compile_all(order: Order) -> None:
    """Compile the rules and the step of a day, in this process.

    Args:
        order: Any settings.
    """
    compile_rules(order, 0, Console(quiet=True))
    with naming_rules_of_user():
        warm_step(Course(order.rules, order.timeline, layout_of(order.rules, order.attention, order.posts).world))


def warm() -> None:
    """Prepare what would be slow on first use, and resume questions that were running when the server stopped."""
    from sim.classroom import player
    from sim.classroom.desk import Closed
    from sim.classroom.pages import what_if
    from sim.classroom.sessions.runner import the_question_runner

    player.warm()
    the_question_runner()  # resumes unfinished questions
    with suppress(Closed, PanjError):  # the first decision to be tried may have no effect
        what_if.warm()


def print_addresses(room: Room, console: Console) -> None:
    """Print the address for this machine and the teachers' code.

    If other machines can connect, also print the address for them and the code of the room.
    """
    from sim.classroom.sessions.session import TEACHERS_CODE, grouped

    here = room.address.rstrip("/") or url_of("127.0.0.1" if room.host in WILDCARDS else room.host, room.port)
    given = f"?code={room.code}" if room.code else ""
    console.print(f"The classroom is open: {here}/{given}", soft_wrap=True)
    if room.is_local:
        console.print("Only this machine can connect. For a room of laptops: python -m sim classroom host=0.0.0.0")
    else:
        joins = [f"{url_of(host, room.port)}/" for host in hosts_of(room)]
        console.print(f"For the room: {room.address or ' or '.join(joins)}  with the code {room.code}", soft_wrap=True)
        console.print("In a class session, the code on the wall is enough: it opens the door and joins the session.")
    code = grouped(TEACHERS_CODE, 5)
    console.print(f"For teachers, until this server stops: the code {code} deletes any session on the page Teacher.")
    console.print("Ctrl-C closes it. Teachers begin on the page Teacher; the page Lessons has plans and papers.")
