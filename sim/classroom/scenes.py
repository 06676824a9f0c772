"""Serve the file of scenes that `python -m sim explorable` writes, at the address /explorable of the classroom.

The page is that of the default decisions. Its campaigns are run when it is first asked for and stored in `results/`, so
a page that was written before the class is served at once. It may be shown inside pages of this server, which it tells
what was drawn, run and bracketed: see docs/how-to/explorable.md.
"""

import asyncio
import logging
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, PlainTextResponse

from sim.classroom.texts import texts_of
from sim.errors import PanjError
from sim.explorable.explorable import policy_in, write_explorable
from sim.options import Explorable
from sim.terminal import console_of

ADDRESS = "/explorable"
writing = asyncio.Lock()  # the first visitor waits for the campaigns, and the others for the first
pages: list[str] = []  # the page, once it was read


async def scenes(_request: Any) -> Any:
    """Return the page of scenes, which may be framed by pages of this server alone.

    It is written first if this server has not done so; an up-to-date study is not run again. Waiting visitors take no
    thread of the pool that serves the other pages.
    """
    async with writing:
        try:
            if not pages:
                pages.append(await run_in_threadpool(write_page))
        except PanjError as error:
            logging.getLogger(__name__).warning("%s", error)
            return PlainTextResponse(texts_of("shell").say("no_scenes"), status_code=503)
    page = pages[0]
    policy = f"{policy_in(page)}; frame-ancestors 'self'"
    return HTMLResponse(page, headers={"content-security-policy": policy, "x-frame-options": "SAMEORIGIN"})


def write_page() -> str:
    """Write the page, unless it is up to date, and return its content."""
    return write_explorable(Explorable(), console_of()).path.read_text(encoding="utf-8")
