"""The page Evidence: search reported figures, with conflicting figures shown side by side."""

from html import escape
from urllib.parse import parse_qs

import solara

from sim.classroom.parts import Heading, Note, Press, Trouble
from sim.classroom.parts.inline import ID, link_to_figure
from sim.classroom.parts.questions import Choose
from sim.classroom.texts import marked, texts_of
from sim.data.evidence import USES, Evidence, select, value_as_text
from sim.data.record import evidence
from sim.errors import PanjError

ANY = "any"  # value of the field `use` that matches every use


@solara.component
def Page() -> None:
    """Show the figure in the address or, if there is none, all figures with fields to search them."""
    texts, router = texts_of("evidence"), solara.use_router()
    wanted = parse_qs(router.search or "").get(ID, [""])[0].upper()
    Heading(texts.say("heading"))
    if wanted in evidence():
        Figures([evidence()[wanted]], is_open=True)
        Press(texts.say("back"), lambda: router.push("/evidence"))
        return
    Trouble(texts.say("unknown", id=wanted[:20]) if wanted else "")
    Note(texts.say("about", len(evidence())))
    Search()


@solara.component
def Search() -> None:
    """Show the fields of the search, and the matching figures."""
    texts = texts_of("evidence")
    words, set_words = solara.use_state("")
    use, set_use = solara.use_state(ANY)
    is_conflict, set_is_conflict = solara.use_state(False)
    Note(texts.say("search_help"))
    with solara.Div(classes=["figure-search"]):
        solara.InputText(texts.say("search"), value=words, on_value=set_words, continuous_update=True)
        Choose(texts.say("use"), {one: texts.say(f"use_{one}") for one in (ANY, *USES)}, use, set_use)
        solara.Checkbox(label=texts.say("conflicts_only"), value=is_conflict, on_value=set_is_conflict)
    try:
        found = found_by(words, use, is_conflict)
    except PanjError as error:
        Trouble(str(error))
        return
    Note(texts.say("found", len(found)) if found else texts.say("none"), live=True)
    Figures(found)


def found_by(words: str, use: str, is_conflict: bool) -> list[Evidence]:
    """Return the figures that match a search.

    Args:
        words: Words that must all occur in the columns of a row, or filters such as `quantity=crossing`.
        use: Use of the figure by the model; `ANY` for any use.
        is_conflict: Whether to return only figures that conflict with another.

    Raises:
        PanjError: A filter is not valid.
    """
    rows = select(list(evidence().values()), words.split())
    return [row for row in rows if use in (ANY, row.use) and (row.conflicts or not is_conflict)]


@solara.component
def Figures(rows: list[Evidence], is_open: bool = False) -> None:
    """Show a list of figures, each of which can be expanded."""
    solara.HTML("div", unsafe_innerHTML="".join(figure_in_html(row, is_open) for row in rows), classes=["figures"])


def figure_in_html(row: Evidence, is_open: bool = False) -> str:
    """Return a figure as HTML: a summary and, when expanded, its details next to the conflicting figures."""
    texts = texts_of("evidence")
    own = texts.quoted(f"{quote_of(row)}: {figure_of(row)}")
    conflicts = [evidence()[id] for id in row.conflicts if id in evidence()]
    summary = [f"<b>{escape(row.id)}</b>", marked(escape(own))]
    if conflicts:
        summary.append(f"<small>{escape(texts.say('in_conflict', len(conflicts)))}</small>")
    title = texts.say("side_by_side", id=row.id) if conflicts else texts.say("alone")
    cards = "".join(card_in_html(one) for one in (row, *conflicts))
    return (
        f"<details class='figure'{' open' * is_open}><summary>{' '.join(summary)}</summary>"
        f"<p class='note'>{escape(title)}</p><div class='figure-cards'>{cards}</div></details>"
    )


def card_in_html(row: Evidence) -> str:
    """Return all details of a figure as an HTML list of names and texts."""
    texts = texts_of("evidence")
    source = marked(escape(texts.quoted(row.source)))
    if row.source_url.startswith("http"):
        source = f'<a href="{escape(row.source_url)}" target="_blank" rel="noopener">{source}</a>'
    lines = {
        "value": marked(escape(texts.quoted(figure_of(row)))),
        "said": marked(escape(texts.quoted(quote_of(row)))),
        "when": escape(days_of(row)),
        "where": marked(escape(texts.quoted(row.scope))),
        "source": source,
        "confidence": escape(texts.say(f"confidence_{row.confidence}")),
        "use": escape(texts.say(f"use_{row.use}")),
        "note": marked(escape(texts.quoted(row.note))),
    }
    shown = "".join(f"<dt>{escape(texts.say(key))}</dt><dd>{said}</dd>" for key, said in lines.items() if said)
    return f"<div class='figure-card'><p>{link_to_figure(row.id)}</p><dl>{shown}</dl></div>"


def quote_of(row: Evidence) -> str:
    """Return the reported statement or, if there is none, the quantity that was counted."""
    return row.quote or row.quantity.replace("_", " ")


def figure_of(row: Evidence) -> str:
    """Return the value or range of a figure with its unit."""
    return texts_of("evidence").say("figure", value=value_as_text(row), unit=row.unit)


def days_of(row: Evidence) -> str:
    """Return the day of a figure, or its first and last day."""
    texts = texts_of("evidence")
    first, last = (texts.day(day, year=True) for day in (row.date_start, row.date_end))
    return first if first == last else texts.say("days", first=first, last=last)
