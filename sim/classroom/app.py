"""The Solara application: the routes, and the layout of every page (skip link, navigation, sources)."""

from collections.abc import Callable
from pathlib import Path

import solara

from sim.classroom.choice.parse import parse_choice
from sim.classroom.desk import the_desk
from sim.classroom.hooks import chosen
from sim.classroom.pages import (
    change,
    compare,
    evidence,
    home,
    join,
    lessons,
    projector,
    story,
    teacher,
    watch,
    what_if,
)
from sim.classroom.parts import Note
from sim.classroom.server import THIS_SERVER
from sim.classroom.texts import current_language, texts_of
from sim.errors import PanjError

STYLE = Path(__file__).parent / "parts" / "classroom.css"
CHECKS = 3.0  # seconds between checks that the server is running
PAGES = {
    "home": home, "watch": watch, "change": change, "compare": compare, "what_if": what_if, "story": story,
    "evidence": evidence, "lessons": lessons, "join": join, "teacher": teacher, "projector": projector,
}  # fmt: skip


@solara.component_vue("parts/lifeline.vue")
def LifelineView(
    server: str, said: str, every: float, choice: list[str], event_restore: Callable[[object], None]
) -> None:
    """Show a notice while the server does not respond.

    Once the server has restarted, reload the page and restore the visitor's choice of settings.
    """


@solara.component
def Lifeline() -> None:
    """Check regularly that the server responds and has not been restarted."""
    said = texts_of("shell").say("stopped")
    LifelineView(server=THIS_SERVER, said=said, every=CHECKS, choice=list(chosen.value.words), event_restore=restore)


def restore(kept: object) -> None:
    """After a page is reloaded, restore the visitor's choice of settings from `kept`, if `kept` is valid."""
    if not isinstance(kept, list) or not all(isinstance(word, str) for word in kept):
        return
    try:
        overrides = parse_choice(kept)
        the_desk().settings(overrides)
    except PanjError:
        return
    chosen.set(overrides)


@solara.component
def Layout(children: list[solara.Element]) -> None:
    """Lay out a page, with the navigation above its content and the sources below."""
    texts = texts_of("shell")
    solara.Style(STYLE)
    Lifeline()
    way = {"dir": texts.say("direction"), "lang": current_language()}
    with solara.Div(classes=["shell"], attributes=way):
        solara.HTML("a", texts.say("skip"), attributes={"href": "#content", "class": "skip"})
        Pages()
        solara.Div(
            children=children, classes=["content"], attributes={"id": "content", "role": "main", "tabindex": "-1"}
        )
        with solara.Div(classes=["sources"], attributes={"role": "contentinfo"}):
            Note(texts.say("sources"))


@solara.component
def Pages() -> None:
    """Show links to all pages, and mark the current page."""
    texts, router = texts_of("shell"), solara.use_router()
    here = (router.path or "/").strip("/") or "home"
    with solara.Div(classes=["pages"], attributes={"role": "navigation", "aria-label": texts.say("pages")}):
        for name in PAGES:
            current = {"aria-current": "page"} if name == here else {}
            with solara.Link(address_of(name), classes=["page"]):
                solara.HTML("span", texts.say(f"page_{name}"), attributes=current)


def address_of(page: str) -> str:
    """Return the URL path of a page."""
    return "/" if page == "home" else f"/{page}"


routes = [
    solara.Route("/" if name == "home" else name, component=module.Page, layout=Layout if name == "home" else None,
                 label=f"{texts_of('shell').say(f'page_{name}')} - Panj")
    for name, module in PAGES.items()
]  # fmt: skip
