"""The Solara application: the routes, and the layout of every page (skip link, navigation, sources)."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import solara

from sim.classroom.address import KEYS, arrive, choice_from, query_of
from sim.classroom.choice.form import are_texts
from sim.classroom.hooks import MOST_OWN, chosen, own
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
from sim.classroom.parts import Note, Trouble
from sim.classroom.parts.distribution import Style
from sim.classroom.parts.in_class.attending import Attending, use_attendance
from sim.classroom.server import THIS_SERVER
from sim.classroom.texts import current_language, texts_of
from sim.configuration.overrides import Overrides
from sim.errors import PanjError

STYLE = Path(__file__).parent / "parts" / "classroom.css"
WALL = "projector"  # page for the projector, which has no menu
CHECKS = 3.0  # seconds between checks that the server is running
PAGES = {
    "home": home, "watch": watch, "change": change, "compare": compare, "what_if": what_if, "story": story,
    "evidence": evidence, "lessons": lessons, "join": join, "teacher": teacher, "projector": projector,
}  # fmt: skip


@solara.component_vue("parts/lifeline.vue")
def LifelineView(
    server: str, said: str, every: float, path: str, query: str, names: list[str], choices: dict[str, list[Any]],
    event_restore: Callable[[object], None], event_arrive: Callable[[object], None],
) -> None:  # fmt: skip
    """Show a notice while the server does not respond, and keep the visitor's state in the browser.

    The address of the page always shows `query`. After a restart of the server, the page is reloaded and its state is
    restored from the address or, for choices that are not in it, from `choices`.
    """


@solara.component
def Lifeline(page: str, on_trouble: Callable[[str], None]) -> None:
    """Check regularly that the server responds and has not restarted, and show the state in the address."""
    LifelineView(
        server=THIS_SERVER, said=texts_of("shell").say("stopped"), every=CHECKS, path=address_of(page),
        query=query_of(page), names=list(KEYS.get(page, ())),
        choices={"choice": list(chosen.value.words), "own": [list(one.words) for one in own.value]},
        event_restore=restore, event_arrive=lambda query: on_trouble(arrive(str(query))),
    )  # fmt: skip


def restore(state: object) -> None:
    """After a page is reloaded, restore the choices in `state` that are valid."""
    if not isinstance(state, Mapping):
        return
    found = [choice for choice in map(choice_in, list(state.get("own") or [])[:MOST_OWN]) if choice]
    if found and not own.value:
        own.set(tuple(found))
    if choice := choice_in(state.get("choice")):
        chosen.set(choice)


def choice_in(words: object) -> Overrides | None:
    """Return the choice of settings that a browser has stored, or None if it is not valid."""
    if not are_texts(words):
        return None
    try:
        return choice_from(words)
    except PanjError:
        return None


@solara.component
def Layout(children: list[solara.Element]) -> None:
    """Lay out a page, with the navigation above its content and the sources below; the wall has neither."""
    texts, page, search = texts_of("shell"), current_page(), solara.use_router().search
    place = use_attendance(page)
    at_first = solara.use_memo(lambda: arrive(search), [])
    trouble, set_trouble = solara.use_state(at_first)
    solara.Style(STYLE)
    Style()
    Lifeline(page, set_trouble)
    way = {"dir": texts.say("direction"), "lang": current_language()}
    called = [f"call-{place.call}"] if place and place.call else []
    with solara.Div(classes=["shell", *called], attributes=way):
        solara.HTML("a", texts.say("skip"), attributes={"href": "#content", "class": "skip"})
        if page != WALL:
            Pages(page)
        Attending(place, page)
        Trouble(trouble)
        solara.Div(
            children=children, classes=["content"], attributes={"id": "content", "role": "main", "tabindex": "-1"}
        )
        if page == WALL:
            return
        with solara.Div(classes=["sources"], attributes={"role": "contentinfo"}):
            Note(texts.say("sources"))


def current_page() -> str:
    """Return the name of the current page, as in `PAGES`."""
    return (solara.use_router().path or "/").strip("/") or "home"


@solara.component
def Pages(here: str) -> None:
    """Show links to all pages, and highlight the page `here`."""
    texts = texts_of("shell")
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
