"""Serve the file of scenes that `python -m sim explorable` writes, alone and in a class session.

At /explorable it is the file of the default decisions. Its campaigns are run when it is first asked for and stored in
`results/`, so a page that was written before the class is served at once. It may be shown inside pages of this server,
which it tells what was drawn, run and bracketed: see docs/how-to/explorable.md.

At /explorable?class=CODE a student of a class session gets the same file with one more script, `class.js`, which asks
/explorable/class where the class is and sends what the student has done. What is sent is small and checked; the curve
of a campaign is never sent: the wall draws it from the campaigns of the page (`campaigns`).
"""

import asyncio
import logging
import threading
import time
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from jinja2.utils import htmlsafe_json_dumps
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from sim.classroom.gate import BROWSER, CLASS, JOIN_PATH, NO_STORE
from sim.classroom.once import OnceCache
from sim.classroom.sessions.claims import Refused
from sim.classroom.sessions.scenes import Campaigns, Walk, campaign_of, read_done, the_class_scenes
from sim.classroom.sessions.session import spelled
from sim.classroom.texts import current_language, texts_of
from sim.errors import PanjError
from sim.explorable.encoding import described, unpacked
from sim.explorable.explorable import campaigns_in, hash_of, policy_in, write_explorable
from sim.options import Explorable
from sim.study.columns import held_of
from sim.terminal import console_of

ADDRESS, CLASS_ADDRESS = "/explorable", "/explorable/class"
CLASS_SCRIPT = Path(__file__).parent / "parts" / "in_class" / "class.js"
LARGEST = 8 * 1024  # bytes that a page may send at once; a drawing of 68 days has less than one tenth of them
SAYS = ("team", "wait", "pause", "eyes", "lost", "leave", "gather", "bar")  # sentences of the script
AWAY = 5.0  # seconds without a question after which a page of scenes counts as closed
MODULE = '<script type="module">'
writing = asyncio.Lock()  # the first visitor waits for the campaigns, and the others for the first
is_preparing = threading.Event()  # whether a thread reads the campaigns
pages: OnceCache[str, str] = OnceCache(1)  # the page, once it was read
unpacked_pages: OnceCache[str, Campaigns | None] = OnceCache(1)  # its campaigns, once they were read
asked_at: dict[tuple[str, str], float] = {}  # when the page of a browser in a session asked last


def the_page() -> str:
    """Return the page, which is written first if this server has not done so; an up-to-date study is not run again.

    Raises:
        PanjError: The page cannot be written.
    """
    request = Explorable(lang=current_language())
    return pages.get(ADDRESS, lambda: write_explorable(request, console_of()).path.read_text(encoding="utf-8"))


@cache
def runs_of(page: str) -> int:
    """Return how many campaigns a page has with each decision."""
    return len(described(campaigns_in(page))["seeds"])


def the_campaigns() -> Campaigns:
    """Return the free campaigns of the page, which is written first if need be.

    Raises:
        PanjError: The page cannot be written.
    """
    page = the_page()
    found = unpacked_pages.get(ADDRESS, lambda: read_campaigns(page))
    assert found is not None  # only `ready_campaigns` may be without
    return found


def ready_campaigns() -> Campaigns | None:
    """Return the free campaigns of the page; None while they have not been read."""
    return unpacked_pages.known(ADDRESS, None)


def read_campaigns(page: str) -> Campaigns:
    """Return the free campaigns of a page, as its scripts unpack them."""
    text = campaigns_in(page)
    about = described(text)
    days, districts, decisions = about["days"], about["districts"], len(about["decisions"])
    _, courses = unpacked(text, (days, about["posts"]), len(about["seeds"]) * decisions)
    held = [held_of(one.changes.astype(np.int32), days, districts).sum(axis=1) for one in courses]
    return Campaigns(about, np.array(held).reshape(-1, decisions, days).transpose(1, 0, 2))


async def scenes(request: Request) -> Response:
    """Return the page of scenes, which may be framed by pages of this server alone.

    For a student of a class that is in the scenes it follows the class. Waiting visitors take no thread of the pool
    that serves the other pages.
    """
    async with writing:
        try:
            page = await run_in_threadpool(the_page)
        except PanjError as error:
            logging.getLogger(__name__).warning("%s", error)
            return PlainTextResponse(texts_of("shell").say("no_scenes"), status_code=503)
    if CLASS in request.query_params:
        return await run_in_threadpool(in_class, page, request)
    policy = f"{policy_in(page)}; frame-ancestors 'self'"
    return HTMLResponse(page, headers={"content-security-policy": policy, "x-frame-options": "SAMEORIGIN"})


def in_class(page: str, request: Request) -> Response:
    """Return the page that follows the class of a student, or lead whoever has no seat to the page that gives one."""
    code, browser = spelled(request.query_params[CLASS]), request.cookies.get(BROWSER, "")
    try:
        walk = the_class_scenes().walk(code, browser)
    except Refused:
        return RedirectResponse(f".{JOIN_PATH}?{CLASS}={code}", 303, NO_STORE)
    script, texts = CLASS_SCRIPT.read_text(encoding="utf-8"), texts_of("scenes")
    own = {
        "code": code, **said_of(walk), "campaign": campaign_of(walk.member, code, runs_of(page)),
        "texts": {key: texts.say(f"page_{key}", None, letter=walk.letter) for key in SAYS},
    }  # fmt: skip
    policy = policy_in(page)
    allowed = policy.replace("script-src ", f"script-src '{hash_of(script)}' ") + "; connect-src 'self'"
    place, following = f'<template id="class">{htmlsafe_json_dumps(own)}</template>\n', f"{MODULE}{script}</script>\n"
    found = page.replace(policy, allowed, 1).replace(MODULE, f"{place}{following}{MODULE}", 1)
    return HTMLResponse(found, headers={"content-security-policy": f"{allowed}; frame-ancestors 'none'", **NO_STORE})


async def class_scenes(request: Request) -> Response:
    """Answer a page of scenes in a class: where the class is (GET), or keep what the student has done (POST).

    An error is an object with the key `error`: 400 for a value that is wrong, 403 for what may not be sent, 413 for
    what is too large. That a class is in no scene, or that the browser has no seat, is an answer to the question where
    the class is: an object with the key `why`.
    """
    code, browser = spelled(request.query_params.get(CLASS, "")), request.cookies.get(BROWSER, "")
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > LARGEST:
            said = f"json: found more than {LARGEST:,} bytes, expected at most so many"
            return JSONResponse({"error": said}, 413, NO_STORE)
    attempt = request.query_params.get("attempt", "")
    is_sent = request.method == "POST"
    act = partial(keep_done, code, browser, content, attempt) if is_sent else partial(where, code, browser)
    try:
        return JSONResponse(await run_in_threadpool(act), headers=NO_STORE)
    except Refused as error:
        status = 403 if is_sent else 200
        return JSONResponse({"error": str(error), "why": error.why}, status, NO_STORE)
    except PanjError as error:
        return JSONResponse({"error": str(error)}, 400, NO_STORE)


def where(code: str, browser: str) -> dict[str, Any]:
    """Return where a class is, and record that the page of this browser is open."""
    walk = the_class_scenes().walk(code, browser)
    asked_at[code, browser] = time.monotonic()
    the_class_scenes().attend(code, browser, partial(is_open, code, browser))
    return said_of(walk)


def said_of(walk: Walk) -> dict[str, Any]:
    """Return what a page is told of its class."""
    return {"scene": walk.scene, "attempt": walk.attempt, "call": walk.call}


def is_open(code: str, browser: str) -> bool:
    """Return whether a page of scenes has asked where its class is within the last seconds."""
    return time.monotonic() - asked_at.get((code, browser), -AWAY) < AWAY


def keep_done(code: str, browser: str, content: bytes, attempt: str) -> dict[str, Any]:
    """Keep what a student has done; raise PanjError if it is wrong, and Refused if it may not be sent."""
    the_class_scenes().walk(code, browser)  # who has no seat is told nothing else
    the_class_scenes().keep(code, browser, read_done(content, the_campaigns().outline), attempt)
    return {}


def prepare() -> None:
    """Write the page and read its campaigns in a thread, unless one does so already, so that no visitor waits."""
    if is_preparing.is_set():
        return
    is_preparing.set()
    threading.Thread(target=read_all, name="scenes", daemon=True).start()


def read_all() -> None:
    """Read the campaigns of the page, and log an error that prevents it; then it can be tried again."""
    try:
        the_campaigns()
    except PanjError as error:
        logging.getLogger(__name__).warning("%s", error)
        time.sleep(AWAY)
    finally:
        is_preparing.clear()
