"""What every page tells a student of a class session: the question, the scenes, and the teacher's call to the class.

Pages of Solara show it by `sim.classroom.parts.in_class.attending`. The two pages that Solara does not draw, the scenes
outside a class (/explorable) and the game of thresholds, get a script, `attend.js`, which asks /attend for it. They get
the script only in a browser that has joined a session.
"""

import secrets
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

from sim.classroom.gate import BROWSER, CLASS, JOIN_PATH, NO_STORE
from sim.classroom.sessions.register import the_register
from sim.classroom.sessions.session import ANSWERED, DEBRIEF, EYES, OPEN, Place, measure_of
from sim.classroom.texts import texts_of
from sim.explorable.explorable import hash_of

ATTEND = "/attend"
SCENES_PAGE, GAME_PAGE = "explorable", "thresholds"  # names of the two pages in the list of students' open pages
SCRIPT = Path(__file__).parent / "parts" / "in_class" / "attend.js"
STYLE = Path(__file__).parent / "parts" / "in_class" / "attend.css"


class Notice(NamedTuple):
    """What a page tells a student: the teacher's call, and what the class is doing, with a link to it."""

    call: str = ""  # PAUSE, EYES or empty
    called: str = ""  # the call as a sentence
    said: str = ""
    link: str = ""  # text of the link
    href: str = ""


def notice_of(place: Place | None, root: str = ".", page: str = "") -> Notice:
    """Return what a page tells a student.

    Args:
        place: The student's view of the session; None if the browser has joined none.
        root: Address of the server, before the paths of its pages.
        page: Path of the page; on the page Class, which shows the question itself, only the call is told.
    """
    if place is None:
        return Notice()
    texts, question, query = texts_of("class"), place.question, f"?{CLASS}={place.session.code}"
    told = Notice(place.call, texts.say(f"attend_{place.call}") if place.call else "")
    if place.call == EYES or page == JOIN_PATH:
        return told
    if place.scene is not None:
        scenes = texts_of("scenes")
        href = scenes_address(root, place.session.code)
        return told._replace(said=scenes.say("join_now"), link=scenes.say("join_open"), href=href)
    if question is None or question.stage not in (OPEN, ANSWERED, DEBRIEF):
        return told
    key = "attend_answer" if question.stage == OPEN and place.sent is None else "attend_look"
    said = texts.say("attend_question", number=question.number, label=measure_of(question.outcome).label)
    return told._replace(said=said, link=texts.say(key), href=f"{root}{JOIN_PATH}{query}")


def scenes_address(root: str, code: str) -> str:
    """Return the address of the scenes of a session, on the server with the address `root`."""
    return f"{root}/{SCENES_PAGE}?{CLASS}={code}"


def current_seat(browser: str) -> str:
    """Return the code of the newest open session that a browser has joined; empty if there is none."""
    return next((one.code for one in the_register().seats_of(browser) if not one.is_ended), "")


def allowing(policy: str, script: str, style: str = "") -> str:
    """Return a Content-Security-Policy that also allows a script, which asks this server, and a style if one is given.

    Args:
        policy: A policy that allows scripts and styles by their hashes.
        script: The text of the script.
        style: The text of the style.
    """
    policy = policy.replace("script-src ", f"script-src '{hash_of(script)}' ")
    if style:
        policy = policy.replace("style-src ", f"style-src '{hash_of(style)}' ")
    return f"{policy}; connect-src 'self'"


def with_notices(page: str, policy: str, browser: str, name: str) -> tuple[str, str]:
    """Add the script of notices to a page if the browser has joined a session.

    Args:
        page: The page as HTML.
        policy: Its Content-Security-Policy, which allows scripts and styles by their hashes.
        browser: Secret of the browser.
        name: SCENES_PAGE or GAME_PAGE.

    Returns:
        The page, and its policy.
    """
    if not current_seat(browser):
        return page, policy
    script, style = (path.read_text(encoding="utf-8") for path in (SCRIPT, STYLE))
    label, address = escape(texts_of("class").say("attend_name")), f".{ATTEND}?page={secrets.token_hex(8)}&name={name}"
    allowed = allowing(policy, script, style)
    place = f'<div id="attending" role="region" aria-label="{label}" aria-live="polite" data-from="{address}"></div>'
    added = f'<style>{style}</style>\n{place}\n<script type="module">{script}</script>\n</body>'
    return page.replace(policy, allowed, 1).replace("</body>", added, 1), allowed


async def attend(request: Request) -> JSONResponse:
    """Return the notice for a page, and record that the page is open."""
    return JSONResponse(await run_in_threadpool(attended, request), headers=NO_STORE)


def attended(request: Request) -> dict[str, Any]:
    """Return the notice for the page of a request; an empty one for a browser without a seat in an open session."""
    browser, query = request.cookies.get(BROWSER, ""), request.query_params
    code = current_seat(browser)
    if not code:
        return Notice()._asdict()
    if query.get("name") in (SCENES_PAGE, GAME_PAGE):
        opened = f"{query['name']} {browser} {query.get('page', '')[:32]}"
        the_register().presence.enter(opened, browser, query["name"])
    return notice_of(the_register().place(code, browser))._asdict()
