"""Serve the game of thresholds at the beginning of lesson 2: a page that deals cards and counts rounds.

The page is projected, and the game is played by the people in the room. Each holds a card with the number of others who
must have left first. The page loads and sends nothing, except that in a student's browser it asks what the class is
doing. Its scripts and styles are allowed only by their hashes.

Source  Granovetter 1978, Threshold Models of Collective Behavior.
"""

from functools import cache
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse

from sim.classroom.gate import BROWSER
from sim.classroom.notices import GAME_PAGE, with_notices
from sim.classroom.texts import current_language, texts_of
from sim.explorable.explorable import hash_of, template_in

ADDRESS = f"/{GAME_PAGE}"
PAGE = Path(__file__).parent / "parts" / "thresholds"


async def thresholds(request: Request) -> HTMLResponse:
    """Return the page of the game; in the browser of a student, with what the class is doing."""
    page, policy = page_in(current_language())
    page, policy = await run_in_threadpool(with_notices, page, policy, request.cookies.get(BROWSER, ""), GAME_PAGE)
    return HTMLResponse(page, headers={"content-security-policy": policy})


@cache
def page_in(language: str) -> tuple[str, str]:
    """Return the page as HTML in a language, and its Content-Security-Policy.

    Args:
        language: Code of the language.
    """
    style, script = ((PAGE / f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    texts = texts_of("thresholds", language)
    page = template_in(PAGE).render(
        texts={**texts.page, "direction": texts.say("direction")}, style=style, script=script, language=language
    )
    policy = f"default-src 'none'; script-src '{hash_of(script)}'; style-src '{hash_of(style)}'; base-uri 'none'"
    return page, f"{policy}; form-action 'none'; frame-ancestors 'none'"
