"""Access control in front of Solara's pages: the code of the room, the origin of requests, and limits on open pages.

Reads   the code of the room; cookies; the headers Host and Origin.
Assumes One browser is one person. Several people may share an IP address (a school behind one router), so a wrong
        code only delays further guesses from the same address; a right code is refused only while a hundred guesses
        from its address are waiting. The public address of a proxy is the option `address`; proxy headers are ignored.
Source  OWASP, HTTP Headers and Content Security Policy cheat sheets; W3C, Content Security Policy Level 3.
"""

import asyncio
import hmac
import ipaddress
import logging
import re
import secrets
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from cachetools import LRUCache
from itsdangerous import Signer
from jinja2 import Environment, FileSystemLoader, Template
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from sim.classroom.texts import texts_of

COOKIE = "panj-room"
BROWSER = "solara-session-id"  # Solara's cookie, the secret of a browser
LETTERS = "ACDEFGHJKLMNPQRTUVWXY3479"  # characters that are not easily confused
LONG = 6  # characters of a code
PAUSE = 0.1  # seconds by which a wrong code delays the next guess from its address
MOST_GUESSES = 100  # maximum guesses from one address that wait at a time
KNOWN_ADDRESSES = 10_000
MOST_PAGES = 20  # maximum pages that a browser may have open
MOST_FROM_ADDRESS, MOST_CHANNELS = 300, 600  # maximum open pages: from one address, which a school may share; in total
TOO_MANY, NOT_ADMITTED = 4429, 4403  # codes with which a WebSocket is closed
NO_STORE = {"cache-control": "no-store"}
LOG = logging.getLogger(__name__)
HOST = re.compile(
    r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::\d{1,5})?"
)  # an IPv6 address in brackets or a name, with an optional port
CLAIMS = (b"forwarded", b"x-forwarded-", b"script-name", b"x-script-name", b"x-real-ip")  # prefixes of proxy headers
ALWAYS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Room(NamedTuple):
    """The address at which the server listens, and the code of the room."""

    host: str
    port: int
    code: str  # empty: only this machine can connect
    address: str = ""  # public address of a proxy; empty: there is no proxy

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect."""
        public = urlsplit(self.address).hostname
        return is_loopback(self.host) and (public is None or is_loopback(public))

    @property
    def prefix(self) -> str:
        """The path under which the proxy serves the classroom, such as `/panj`; empty without a proxy or a path."""
        return urlsplit(self.address).path.rstrip("/")


def is_loopback(host: str) -> bool:
    """Return whether a host can be reached from this machine only.

    Args:
        host: Host name or IP address.

    Returns:
        True for `localhost` and for loopback addresses.
    """
    ip = ip_of(host)
    return host == "localhost" if ip is None else ip.is_loopback


def ip_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parse a host as an IP address; return None if it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def new_code() -> str:
    """Return a random code that is easy to read out and hard to guess."""
    return "".join(secrets.choice(LETTERS) for _ in range(LONG))


class Turnstile:
    """A queue in which guesses at the code of the room from one IP address are checked one at a time."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.waiting = 0


async def make_no_room(_asked: HTTPConnection) -> bool:
    """Return True, so that any page may be opened; for applications that keep no closed pages in memory."""
    return True


class Gate:
    """ASGI middleware: asks for the room's code, refuses requests from other sites, limits the number of open pages.

    Args:
        app: The application with the pages.
        room: The address of the server, and the code of the room.
        make_room: Discards abandoned pages from memory; returns whether a browser may open one more page.
    """

    def __init__(
        self, app: ASGIApp, room: Room, make_room: Callable[[HTTPConnection], Awaitable[bool]] = make_no_room
    ) -> None:
        self.app, self.room, self.make_room = app, room, make_room
        self.signer = Signer(secrets.token_bytes(32), salt=COOKIE)  # after a restart everybody is asked for the code
        self.turnstiles: LRUCache[str, Turnstile] = LRUCache(KNOWN_ADDRESSES)
        self.channels: Counter[str] = Counter()  # open channels by browser, by address and in total
        self.names = own_names(room)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit a request, answer it with the page that asks for the code, or refuse it; log any error."""
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        scope = self.as_seen_here(scope)
        asked = HTTPConnection(scope)
        app = await self.answer(asked)
        sending = send if scope["type"] == "websocket" else with_headers(send)
        try:
            with self.counted(asked):
                if app is self.app and scope["type"] == "websocket" and not await self.has_room(asked):
                    app = WebSocketClose(TOO_MANY)
                await app(scope, receive, sending)
        except Exception as error:
            LOG.error("a request could not be answered", exc_info=first_of(error))

    def as_seen_here(self, scope: Scope) -> Scope:
        """Return the scope of a request without its proxy headers, and without the path prefix of the proxy."""
        path, prefix = scope["path"], self.room.prefix
        if prefix and (path == prefix or path.startswith(f"{prefix}/")):
            path = path.removeprefix(prefix) or "/"
        headers = [(name, value) for name, value in scope["headers"] if not name.lower().startswith(CLAIMS)]
        return {**scope, "path": path, "raw_path": path.encode(), "root_path": "", "headers": headers}

    async def answer(self, asked: HTTPConnection) -> ASGIApp:
        """Choose the application that answers a request: the pages, the page that asks for the code, or a refusal."""
        if self.is_own(asked.headers):
            known = asked.cookies.get(COOKIE, "")
            if not self.room.code or self.signer.verify_signature(self.room.code, known):
                return self.app
            if asked.scope["type"] == "http":
                return await self.ask(asked)
        return Response(status_code=403) if asked.scope["type"] == "http" else WebSocketClose(NOT_ADMITTED)

    def is_own(self, headers: Mapping[str, str]) -> bool:
        """Return whether a request is addressed to this server and its origin, if given, is this server."""
        host = headers.get("host", "")
        name = hostname_of(host)
        if name not in self.names and (self.room.is_local or ip_of(name) is None):
            return False  # the name of another site, which may have directed its visitors here (DNS rebinding)
        origin = headers.get("origin")
        try:
            return origin is None or urlsplit(origin).netloc in (host, urlsplit(self.room.address).netloc or host)
        except ValueError:  # the origin is not a valid URL
            return False

    async def ask(self, asked: HTTPConnection) -> Response:
        """Return the page that asks for the code, or a redirect that admits the visitor if the code is right."""
        query = dict(asked.query_params)
        given = query.pop("code", "").strip().upper()
        if not given:
            return question("", query, 401)
        turnstile = self.turnstiles.setdefault(address_of(asked), Turnstile())
        if turnstile.waiting >= MOST_GUESSES:
            return question("gate_wait", query, 429)
        turnstile.waiting += 1
        try:
            async with turnstile.turn:
                if not hmac.compare_digest(given.encode(), self.room.code.encode()):
                    await asyncio.sleep(PAUSE)
                    return question("gate_wrong", query, 401)
        finally:
            turnstile.waiting -= 1
        where = f"{self.room.prefix}/{asked.scope['path'].lstrip('/')}"  # two slashes would name another machine
        response = RedirectResponse(where + (f"?{urlencode(query)}" if query else ""), 303, NO_STORE)
        response.set_cookie(
            COOKIE, self.signer.get_signature(self.room.code).decode(),
            httponly=True, samesite="lax", secure=self.room.address.startswith("https:"),
        )  # fmt: skip
        return response

    @contextmanager
    def counted(self, asked: HTTPConnection) -> Iterator[None]:
        """Count a WebSocket while it is open; do nothing for other requests."""
        kinds = kinds_of(asked) if asked.scope["type"] == "websocket" else ()
        self.channels.update(kinds)
        try:
            yield
        finally:
            self.channels.subtract(kinds)
            for kind in kinds:
                if not self.channels[kind]:
                    del self.channels[kind]

    async def has_room(self, asked: HTTPConnection) -> bool:
        """Return whether a browser may open one more page."""
        browser, address, everybody = (self.channels[kind] for kind in kinds_of(asked))
        if browser > MOST_PAGES or address > MOST_FROM_ADDRESS or everybody > MOST_CHANNELS:
            LOG.warning("a browser has too many pages open; one was refused")
            return False
        return await self.make_room(asked)


def own_names(room: Room) -> frozenset[str]:
    """Return the host names and addresses of this server that are always accepted in requests."""
    loopback = {"localhost", "127.0.0.1", "::1", room.host.lower()}
    if room.is_local:
        return frozenset(loopback)
    machine, public = socket.gethostname().lower(), urlsplit(room.address).hostname
    return frozenset({*loopback, machine, f"{machine}.local", *([public] if public else [])})


def hostname_of(host: str) -> str:
    """Return the host name in a Host header, in lower case; empty if the header is malformed."""
    found = HOST.fullmatch(host.lower())
    return (found[1] or found[2]) if found else ""


def address_of(asked: HTTPConnection) -> str:
    """Return the IP address from which a request comes."""
    return asked.client.host if asked.client else ""


def kinds_of(asked: HTTPConnection) -> tuple[str, str, str]:
    """Return the keys under which an open WebSocket is counted: its browser, its IP address, and everybody."""
    return f"browser {asked.cookies.get(BROWSER, '')}", f"address {address_of(asked)}", "everybody"


def first_of(error: BaseException) -> BaseException:
    """Return the first error of an exception group, or the error itself if it is not a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def with_headers(send: Send) -> Send:
    """Return a `send` function that adds each default header to responses that do not set it themselves."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in ALWAYS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending


def page_policy(host: str, nonce: str) -> str:
    """Return a Content Security Policy that allows this server's files, inline styles, and scripts with `nonce`.

    It also allows `eval`, with which Vue compiles templates in the browser.
    """
    return "; ".join([
        "default-src 'self'",
        f"script-src 'self' 'unsafe-eval' 'nonce-{nonce}'",  # `eval`, because Vue compiles its templates in the browser
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        f"connect-src 'self' ws://{host} wss://{host}",  # in older browsers 'self' does not include WebSockets
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ])  # fmt: skip


def question(trouble: str, query: Mapping[str, str], status: int) -> Response:
    """Return a page without scripts that asks for the code; all inserted text is escaped."""
    texts = texts_of("gate")
    page = gate_page().render(
        title=texts.say("title"), about=texts.say("gate_about"), code=texts.say("gate_code"),
        enter=texts.say("gate_in"), trouble=texts.say(trouble) if trouble else "", asked=query,
    )  # fmt: skip
    return HTMLResponse(page, status, NO_STORE)


@cache
def gate_page() -> Template:
    """Load the template of the page that asks for the code."""
    folder = FileSystemLoader(Path(__file__).parent / "parts")
    return Environment(loader=folder, autoescape=True).get_template("gate.html")
