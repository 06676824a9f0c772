"""Access control for Solara's pages: access codes, the origin of requests, and the number of open pages.

Reads   the code of the room, the codes of class sessions; cookies; the headers Host and Origin.
Assumes Each browser is used by one person, and a whole school may share one IP address. A wrong code therefore delays
        only further guesses from the same browser. If very many browsers come from one address, or a browser guesses
        wrong too often, they wait in one queue for their address, and only that queue can become full. The code of a
        session, open or ended, does not count as a guess. The public address of a proxy is the option `address`;
        proxy headers are ignored.
Source  OWASP, HTTP Headers and Content Security Policy cheat sheets; W3C, Content Security Policy Level 3.
"""

import asyncio
import hmac
import ipaddress
import logging
import re
import secrets
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from cachetools import LRUCache
from itsdangerous import BadSignature, Signer
from jinja2 import Environment, FileSystemLoader, Template
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from sim.classroom.digits import in_ascii
from sim.classroom.texts import current_language, texts_of

COOKIE = "panj-room"
GUESSER = "panj-door"  # cookie of a browser that has entered a wrong code
CLASS = "class"  # address parameter with the code of a class session, such as /join?class=FKMRWX
JOIN_PATH = "/join"  # page for joining a class session
BROWSER = "solara-session-id"  # Solara's cookie, the secret of a browser
LETTERS = "ACDEFGHJKLMNPQRTUVWXY3479"  # characters that are hard to confuse
LONG = 6  # number of characters in a code
PAUSE, LONG_PAUSE = 0.1, 0.5  # delay after a wrong code, per browser and per address, seconds
MOST_WRONG = 20  # number of wrong codes after which a browser must wait in the queue of its address
# number of browsers per address and hour that may guess without waiting for others
MOST_GUESSERS, AN_HOUR = 600, 3600.0
MOST_GUESSES = 100  # largest number of guesses in the queue of one address
KNOWN_ADDRESSES = 10_000
MOST_PAGES = 20  # largest number of open pages per browser
# largest number of open pages per address, which a school may share, and in total
MOST_FROM_ADDRESS, MOST_CHANNELS = 300, 600
TOO_MANY, NOT_ADMITTED = 4429, 4403  # close codes of a WebSocket
NO_STORE = {"cache-control": "no-store"}
LOG = logging.getLogger(__name__)
# host name, or IPv6 address in brackets, with an optional port
HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::\d{1,5})?")
# URL paths with a query that contains the version of the file, so that browsers can cache the response
VERSIONED = re.compile(r"/_solara/cdn/[^?]*@\d[^?]*\?|/static/[^?]*\?v=[0-9a-f]+")
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
    code: str  # code of the room; if empty, only this machine can connect
    address: str = ""  # public address of a proxy; empty without a proxy

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
    """Return whether a host can be reached only from this machine.

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
    """A queue in which codes from one browser, or from one IP address, are checked one at a time."""

    def __init__(self, pause: float) -> None:
        self.turn = asyncio.Lock()
        self.pause = pause
        self.waiting = 0
        self.wrong = 0
        # number of new browsers of an address, and the time since which they are counted
        self.guessers, self.since = 0, time.monotonic()

    def admits_guesser(self) -> bool:
        """Count a new browser of this address; return whether it may guess without waiting for the others."""
        if time.monotonic() - self.since > AN_HOUR:
            self.guessers, self.since = 0, time.monotonic()
        self.guessers += 1
        return self.guessers <= MOST_GUESSERS


class Door(NamedTuple):
    """The part of a class session that the gate needs."""

    code: str
    is_open: bool


async def no_session(_code: str) -> Door | None:
    """Return None, for applications without class sessions."""
    return None


async def make_no_room(_asked: HTTPConnection) -> bool:
    """Return True (any page may be opened), for applications that do not keep closed pages in memory."""
    return True


class Gate:
    """ASGI middleware that asks for a code, refuses requests from other sites, and limits the number of open pages.

    Args:
        app: The application with the pages.
        room: The address of the server, and the code of the room.
        make_room: Discards abandoned pages from memory; returns whether a browser may open one more page.
        session_with: Function that returns the class session for a typed code, or None. The code of an open session
            also admits the browser and redirects it to that session.
        secret: Key for signing cookies; browsers stay admitted as long as it does not change. If empty, a random key is
            used.
    """

    def __init__(
        self,
        app: ASGIApp,
        room: Room,
        make_room: Callable[[HTTPConnection], Awaitable[bool]] = make_no_room,
        session_with: Callable[[str], Awaitable[Door | None]] = no_session,
        secret: str = "",
    ) -> None:
        self.app, self.room, self.make_room, self.session_with = app, room, make_room, session_with
        key = secret or secrets.token_hex(32)
        self.signer, self.guessers = Signer(key, salt=COOKIE), Signer(key, salt=GUESSER)
        self.turnstiles: LRUCache[str, Turnstile] = LRUCache(KNOWN_ADDRESSES)
        self.channels: Counter[str] = Counter()  # open channels by browser, by address and in total
        self.names = own_names(room)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit a request, respond with the page that asks for the code, or refuse it; log any error."""
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        scope = self.as_seen_here(scope)
        asked = HTTPConnection(scope)
        app = await self.answer(asked)
        sending = send if scope["type"] == "websocket" else with_headers(send, scope)
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
        """Choose the response to a request: a page, the page that asks for the code, or a refusal."""
        if self.is_own(asked.headers):
            known = asked.cookies.get(COOKIE, "")
            if not self.room.code or self.signer.verify_signature(self.room.code, known):
                return self.app
            if asked.scope["type"] == "http":
                return await self.ask(asked)
        return Response(status_code=403) if asked.scope["type"] == "http" else WebSocketClose(NOT_ADMITTED)

    def is_own(self, headers: Mapping[str, str]) -> bool:
        """Return whether a request is addressed to this server and, if it has an origin, comes from its pages."""
        host = headers.get("host", "")
        name = hostname_of(host)
        if name not in self.names and (self.room.is_local or ip_of(name) is None):
            return False  # the host is another site, whose visitors may have been redirected here (DNS rebinding)
        origin = headers.get("origin")
        try:
            return origin is None or urlsplit(origin).netloc in (host, urlsplit(self.room.address).netloc or host)
        except ValueError:  # the origin is not a valid URL
            return False

    async def ask(self, asked: HTTPConnection) -> Response:
        """Return the page that asks for a code or, if the code is correct, a redirect that admits the visitor.

        The code is that of the room or of an open class session, and is either typed or part of the address.
        """
        query = dict(asked.query_params)
        typed = in_ascii(query.pop("code", "")).strip()
        if not (given := typed or query.get(CLASS, "").strip()):
            return question("", query, 401)
        turnstile, guesser = self.turnstile_of(asked)
        if turnstile.waiting >= MOST_GUESSES:
            return question("gate_wait", query, 429)
        turnstile.waiting += 1
        try:
            async with turnstile.turn:
                if typed and hmac.compare_digest(typed.upper().encode(), self.room.code.encode()):
                    return self.admit(asked.scope["path"], query)
                session = await self.session_with(given)
                if session is not None and session.is_open:
                    path = JOIN_PATH if typed else asked.scope["path"]
                    return self.admit(path, query | {CLASS: session.code})
                if session is None:
                    turnstile.wrong += 1
                    await asyncio.sleep(turnstile.pause)
        finally:
            turnstile.waiting -= 1
        response = question("gate_wrong" if session is None else "gate_ended", query, 401)
        self.set_cookie(response, GUESSER, guesser)
        return response

    def turnstile_of(self, asked: HTTPConnection) -> tuple[Turnstile, str]:
        """Return the queue in which a browser waits for its code to be checked, and the cookie that identifies it.

        Each browser has its own queue. A browser with too many wrong guesses, or in excess of the number of browsers
        per address, waits in the queue of its address.
        """
        at_address = self.turnstiles.setdefault(f"address {address_of(asked)}", Turnstile(LONG_PAUSE))
        cookie = asked.cookies.get(GUESSER, "")
        try:
            browser = self.guessers.unsign(cookie).decode()
        except BadSignature:
            if not at_address.admits_guesser():
                return at_address, ""
            browser = secrets.token_hex(8)
            cookie = self.guessers.sign(browser).decode()
        own = self.turnstiles.setdefault(f"browser {browser}", Turnstile(PAUSE))
        return (own if own.wrong < MOST_WRONG else at_address), cookie

    def admit(self, path: str, query: Mapping[str, str]) -> Response:
        """Return a redirect to a page, with the cookie of an admitted browser."""
        where = f"{self.room.prefix}/{path.lstrip('/')}"  # two leading slashes would name another host
        response = RedirectResponse(where + (f"?{urlencode(query)}" if query else ""), 303, NO_STORE)
        self.set_cookie(response, COOKIE, self.signer.get_signature(self.room.code).decode())
        return response

    def set_cookie(self, response: Response, name: str, value: str) -> None:
        """Add a cookie to a response; it lasts until the browser is closed, and scripts cannot read it."""
        is_secure = self.room.address.startswith("https:")
        response.set_cookie(name, value, httponly=True, samesite="lax", secure=is_secure)

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
    """Return the keys under which an open WebSocket is counted: its browser, its IP address, and the total."""
    return f"browser {asked.cookies.get(BROWSER, '')}", f"address {address_of(asked)}", "everybody"


def first_of(error: BaseException) -> BaseException:
    """Return the first error of an exception group, or the error itself if it is not a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def with_headers(send: Send, scope: Scope) -> Send:
    """Return a `send` function that adds default headers to responses that do not set them.

    Browsers may cache files whose address contains a version, so that these are not requested again.
    """
    may_be_kept = bool(VERSIONED.fullmatch(f"{scope['path']}?{scope['query_string'].decode('latin-1')}"))

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in ALWAYS.items():
                headers.setdefault(name, value)
            if may_be_kept and message["status"] == 200:
                headers.setdefault("cache-control", "public, max-age=31536000, immutable")
        await send(message)

    return sending


def page_policy(host: str, nonce: str) -> str:
    """Return a Content Security Policy that allows this server's files, inline styles, and scripts with `nonce`.

    It also allows `eval`, which Vue needs to compile templates in the browser.
    """
    return "; ".join([
        "default-src 'self'",
        # `eval` is needed because Vue compiles templates in the browser
        f"script-src 'self' 'unsafe-eval' 'nonce-{nonce}'",
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
    """Return a page without scripts that asks for the code; inserted text is escaped."""
    texts = texts_of("gate")
    page = gate_page().render(
        title=texts.say("title"), about=texts.say("gate_about"), code=texts.say("gate_code"),
        enter=texts.say("gate_in"), trouble=texts.say(trouble) if trouble else "", asked=query,
        lang=current_language(), direction=texts.say("direction"),
    )  # fmt: skip
    return HTMLResponse(page, status, NO_STORE)


@cache
def gate_page() -> Template:
    """Load the template of the page that asks for the code."""
    folder = FileSystemLoader(Path(__file__).parent / "parts")
    return Environment(loader=folder, autoescape=True).get_template("gate.html")
