"""Small components shared by pages. Text is Markdown from the project's files, or plain text, which is escaped."""

from collections.abc import Callable, Sequence
from html import escape

import markdown
import reacton.ipyvuetify as vuetify
import solara

from sim.classroom.parts.inline import with_links
from sim.classroom.texts import marked, translate_fault


@solara.component
def Prose(text: str, classes: tuple[str, ...] = ()) -> None:
    """Show Markdown from the project's files; never use this for text typed by a user."""
    solara.HTML("div", unsafe_innerHTML=with_links(markdown.markdown(text)), classes=["prose", *classes])


@solara.component
def Heading(text: str, level: int = 1, is_seen: bool = True) -> None:
    """Show a heading that screen readers recognise and that is visible only if `is_seen`."""
    solara.HTML(f"h{level}", unsafe_innerHTML=escape(text), classes=[] if is_seen else ["unseen"])


@solara.component
def Note(text: str, live: bool = False) -> None:
    """Show plain text in a muted colour; if `live`, screen readers announce its changes."""
    attributes = {"aria-live": "polite", "role": "status"} if live else {}
    solara.HTML("p", unsafe_innerHTML=with_links(escape(text)), classes=["note"], attributes=attributes)


@solara.component
def Trouble(text: str) -> None:
    """Show the message of an error; show nothing while it is empty."""
    solara.HTML(
        "p",
        unsafe_innerHTML=marked(escape(translate_fault(text))),
        classes=["trouble"] if text else [],
        attributes={"role": "alert"},
    )


@solara.component
def Press(label: str, on_click: Callable[[], None], is_main: bool = False, disabled: bool = False) -> None:
    """Show a button; the main button of a page is filled with colour."""
    colour = "primary" if is_main else None
    solara.Button(label, on_click=on_click, color=colour, outlined=not is_main, disabled=disabled)


@solara.component
def Folded(title: str, children: Sequence[solara.Element] = ()) -> None:
    """Show collapsible content with the browser's own element, which works with keyboards and screen readers."""
    summary = vuetify.Html(tag="summary", children=[title])
    vuetify.Html(tag="details", class_="folded", children=[summary, *children])


@solara.component
def Wide(name: str, children: Sequence[solara.Element] = ()) -> None:
    """Wrap a table that may be wider than the screen; it scrolls by keyboard, and screen readers announce `name`."""
    attributes = {"tabindex": "0", "role": "group", "aria-label": name}
    solara.Div(children=list(children), classes=["wide"], attributes=attributes)


@solara.component_vue("sure.vue")
def SureInVue(label: str, question: str, yes: str, no: str, event_act: Callable[[object], None]) -> None:
    """Show a button that opens a dialog; `event_act` is called when the visitor confirms."""


@solara.component
def AskFirst(label: str, question: str, yes: str, no: str, act: Callable[[], None]) -> None:
    """Show a button that asks for confirmation before it acts.

    Args:
        label: Label of the button.
        question: Description of the consequences, in one or two sentences.
        yes: Label of the button that confirms.
        no: Label of the button that cancels; it has the initial focus.
        act: Called when the visitor confirms.
    """
    SureInVue(label=label, question=question, yes=yes, no=no, event_act=lambda _: act())
