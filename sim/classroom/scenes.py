"""Serve the page of scenes that `python -m sim explorable` writes, for single readers and in class sessions.

/explorable serves the page for the default decisions. Its campaigns are run at the first request and stored in
`results/`, so a page written before the class is served immediately. It may be embedded in pages of this server, which
it notifies of drawings, runs and brackets; see docs/how-to/explorable.md.

/explorable?class=CODE serves the same page to a student of a class session, with an additional script, `class.js`. The
script requests the current scene of the class from /explorable/class, and sends the student's work there. These
messages are small and are checked. They never contain the curve of a campaign, which the wall draws from the campaigns
of the page (`campaigns`).
"""

import asyncio
import logging
import re
import secrets
import threading
import time
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jinja2.utils import htmlsafe_json_dumps
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from sim.classroom.gate import BROWSER, CLASS, JOIN_PATH, NO_STORE
from sim.classroom.notices import SCENES_PAGE, allowing, current_seat, with_notices
from sim.classroom.once import OnceCache
from sim.classroom.parts.inline import with_links
from sim.classroom.sessions.claims import Refused
from sim.classroom.sessions.register import the_register
from sim.classroom.sessions.scenes import Campaigns, Walk, campaign_of, read_done, the_class_scenes
from sim.classroom.sessions.session import spelled
from sim.classroom.texts import current_language, texts_of
from sim.errors import PanjError
from sim.explorable.encoding import described, unpacked
from sim.explorable.explorable import campaigns_in, policy_in, write_explorable
from sim.options import Explorable
from sim.study.columns import held_of
from sim.terminal import console_of

ADDRESS, CLASS_ADDRESS = f"/{SCENES_PAGE}", f"/{SCENES_PAGE}/class"
CLASS_SCRIPT = Path(__file__).parent / "parts" / "in_class" / "class.js"
LARGEST = 8 * 1024  # largest size of a message from a page, bytes; a drawing of 68 days takes less than a tenth of this
SAYS = (
    "team",
    "wait",
    "pause",
    "eyes",
    "lost",
    "leave",
    "gather",
    "bar",
    "other",
    "seen",
    "ended",
    "give",
    "given",
)  # keys of the sentences that the script shows
PAUSE = 5.0  # seconds between attempts to write the page
PAGE_ID = re.compile("[0-9a-f]{1,32}")  # id of a tab; `in_class` assigns one to each page that it returns
MODULE = '<script type="module">'
writing = asyncio.Lock()  # the first visitor waits for the campaigns, all others for the first visitor
is_preparing = threading.Event()  # whether a thread is reading the campaigns
pages: OnceCache[str, str] = OnceCache(1)  # the page, once it has been read
unpacked_pages: OnceCache[str, Campaigns | None] = OnceCache(1)  # its campaigns, once they have been read


def the_page() -> str:
    """Return the page, writing it first if necessary; a current study is not run again.

    Raises:
        PanjError: The page cannot be written.
    """
    request = Explorable(lang=current_language())
    return pages.get(ADDRESS, lambda: linked(write_explorable(request, console_of()).path.read_text(encoding="utf-8")))


def linked(page: str) -> str:
    """Return a page in which the ids of reported figures, in its scenes and sources, link to the page Evidence."""
    head, main, rest = page.partition("<main>")
    body, campaigns, scripts = rest.partition('<template id="campaigns">')
    return "".join((head, main, with_links(body), campaigns, scripts))


@cache
def runs_of(page: str) -> int:
    """Return the number of campaigns per decision in a page."""
    return len(described(campaigns_in(page))["seeds"])


def the_campaigns() -> Campaigns:
    """Return the free campaigns of the page, writing the page first if necessary.

    Raises:
        PanjError: The page cannot be written.
    """
    page = the_page()
    found = unpacked_pages.get(ADDRESS, lambda: read_campaigns(page))
    assert found is not None  # None is possible only in `ready_campaigns`
    return found


def ready_campaigns(is_wanted: bool = False) -> Campaigns | None:
    """Return the free campaigns of the page; None until they have been read.

    Args:
        is_wanted: Whether to read them in a thread if necessary, because a class is in the scenes.
    """
    found = unpacked_pages.known(ADDRESS, None)
    if found is None and is_wanted:
        prepare()
    return found


def read_campaigns(page: str) -> Campaigns:
    """Unpack the free campaigns of a page, as its scripts do."""
    text = campaigns_in(page)
    about = described(text)
    days, districts, decisions = about["days"], about["districts"], len(about["decisions"])
    _, courses = unpacked(text, (days, about["posts"]), len(about["seeds"]) * decisions)
    held = [held_of(one.changes.astype(np.int32), days, districts).sum(axis=1) for one in courses]
    return Campaigns(about, np.array(held).reshape(-1, decisions, days).transpose(1, 0, 2))


async def scenes(request: Request) -> Response:
    """Return the page of scenes, which may be embedded only in pages of this server.

    For a student of a class that is in the scenes, the page follows the class, also if the student opens it without the
    code of the class, so that nobody looks ahead. Visitors who wait do not occupy a thread
    of the pool that serves the other pages.
    """
    async with writing:
        try:
            page = await run_in_threadpool(the_page)
        except PanjError as error:
            logging.getLogger(__name__).warning("%s", error)
            return PlainTextResponse(texts_of("shell").say("no_scenes"), status_code=503)
    if CLASS in request.query_params:
        return await run_in_threadpool(in_class, page, request)
    browser = request.cookies.get(BROWSER, "")
    if code := await run_in_threadpool(code_of_scenes, browser):
        return RedirectResponse(f".{ADDRESS}?{CLASS}={code}", 303, NO_STORE)
    page, policy = await run_in_threadpool(with_notices, page, policy_in(page), browser, SCENES_PAGE)
    policy += "; frame-ancestors 'self'"
    return HTMLResponse(page, headers={"content-security-policy": policy, "x-frame-options": "SAMEORIGIN"})


def code_of_scenes(browser: str) -> str:
    """Return the code of the session in whose scenes a browser takes part; empty if its class is not in the scenes."""
    code = current_seat(browser)
    return code if code and the_register().place(code, browser).scene is not None else ""


def in_class(page: str, request: Request) -> Response:
    """Return the page that follows the class of a student; redirect a browser without a seat to the page Class."""
    code, browser = spelled(request.query_params[CLASS]), request.cookies.get(BROWSER, "")
    try:
        walk = the_class_scenes().walk(code, browser)
    except Refused:
        return RedirectResponse(f".{JOIN_PATH}?{CLASS}={code}", 303, NO_STORE)
    script, texts = CLASS_SCRIPT.read_text(encoding="utf-8"), texts_of("scenes")
    own = {
        "code": code, "page": secrets.token_hex(8), **said_of(walk), "kept": kept_of(walk),
        "campaign": campaign_of(walk.work.member, code, runs_of(page)),
        "texts": {key: texts.say(f"page_{key}", letter=walk.work.letter) for key in SAYS},
    }  # fmt: skip
    policy = policy_in(page)
    allowed = allowing(policy, script)
    place, following = f'<template id="class">{htmlsafe_json_dumps(own)}</template>\n', f"{MODULE}{script}</script>\n"
    found = page.replace(policy, allowed, 1).replace(MODULE, f"{place}{following}{MODULE}", 1)
    return HTMLResponse(found, headers={"content-security-policy": f"{allowed}; frame-ancestors 'none'", **NO_STORE})


async def class_scenes(request: Request) -> Response:
    """Answer a page of scenes in a class: return the current scene (GET), or store the student's work (POST).

    The query contains the code of the class and the id of the page. In a GET request, it also contains the number of
    stored items known to the page; the response contains the items only if that number differs. In a POST request, it
    also contains the attempt, or `left` if the page was closed.

    The response to an error is an object with the key `error`, with status 400 for an invalid value, 403 for content
    that is not allowed, and 413 for content that is too large. If the class is not in a scene or the browser has no
    seat, the response to GET is an object with the key `why`.
    """
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > LARGEST:
            said = f"json: found a message that is too large, expected at most {LARGEST:,} bytes"
            return JSONResponse({"error": said}, 413, NO_STORE)
    is_sent = request.method == "POST"
    try:
        asked = Asked.of(request)
        act = partial(keep_done, asked, content) if is_sent else partial(where, asked)
        return JSONResponse(await run_in_threadpool(act), headers=NO_STORE)
    except Refused as error:
        status = 403 if is_sent else 200
        return JSONResponse({"error": str(error), "why": error.why}, status, NO_STORE)
    except PanjError as error:
        return JSONResponse({"error": str(error)}, 400, NO_STORE)


class Asked(NamedTuple):
    """The content of the query and cookie of a request from a page of scenes."""

    code: str
    browser: str
    page: str
    attempt: str
    has: str  # amount of stored work known to the page
    has_left: bool

    @classmethod
    def of(cls, request: Request) -> "Asked":
        """Read a request; raise PanjError if the id of the page is not valid."""
        query = request.query_params
        page = query.get("page", "")
        if not PAGE_ID.fullmatch(page):
            raise PanjError(f"page: found {ascii(page)[:40]}, expected 1 to 32 digits or letters from a to f")
        return cls(
            spelled(query.get(CLASS, "")), request.cookies.get(BROWSER, ""), page,
            query.get("attempt", ""), query.get("has", ""), "left" in query,
        )  # fmt: skip


def where(asked: Asked) -> dict[str, Any]:
    """Return the current scene of a class, and record that the page is open."""
    walk = the_class_scenes().walk(asked.code, asked.browser)
    the_class_scenes().attend(asked.code, asked.browser, asked.page)
    said = said_of(walk)
    return said if asked.has == str(said["has"]) else {**said, "kept": kept_of(walk)}


def said_of(walk: Walk) -> dict[str, Any]:
    """Return the state of the class for a page, and how much work of its student is stored."""
    work = walk.work
    has = bool(work.drawing) + work.has_run + len(work.brackets) + len(walk.shown)
    return {"scene": walk.scene, "attempt": walk.attempt, "call": walk.call, "has": has}


def kept_of(walk: Walk) -> dict[str, Any]:
    """Return the stored work of a student, and the decisions whose pairs the wall has shown.

    The work is the drawing, whether the campaign was run, and the brackets.
    """
    brackets = {decision: {"low": low, "high": high} for decision, (low, high) in walk.work.brackets.items()}
    drawing = list(walk.work.drawing) or None
    return {"drawing": drawing, "hasRun": walk.work.has_run, "brackets": brackets, "shown": list(walk.shown)}


def keep_done(asked: Asked, content: bytes) -> dict[str, Any]:
    """Store a student's work and return the stored work; raise PanjError if it is invalid, or Refused if forbidden.

    The response contains `other` if the student has done this before with a different result, which remains stored and
    must be shown by the page.
    """
    scenes, who = the_class_scenes(), (asked.code, asked.browser)
    if asked.has_left:
        scenes.leave(*who, asked.page)
        return {}
    scenes.walk(*who)  # raises Refused for a browser without a seat before other checks
    is_kept = scenes.keep(*who, read_done(content, the_campaigns().outline), asked.attempt)
    walk = scenes.walk(*who)
    return {**said_of(walk), "kept": kept_of(walk), "other": not is_kept}


def prepare() -> None:
    """Write the page and read its campaigns in a thread, unless a thread is already doing so."""
    if is_preparing.is_set():
        return
    is_preparing.set()
    threading.Thread(target=read_all, name="scenes", daemon=True).start()


def read_all() -> None:
    """Read the campaigns of the page; log any error, so that reading can be tried again."""
    try:
        the_campaigns()
    except PanjError as error:
        logging.getLogger(__name__).warning("%s", error)
        time.sleep(PAUSE)
    finally:
        is_preparing.clear()
