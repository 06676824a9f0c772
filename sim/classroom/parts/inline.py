"""Links and buttons within texts.

The id of a reported figure, such as F001, links to its row on the page Evidence. The first use of a term is a button
that opens a short definition.
"""

import re
from collections.abc import Iterable, Iterator
from html import escape
from itertools import count
from typing import NamedTuple

from sim.classroom.texts import marked, texts_of
from sim.data.own import remembered
from sim.data.record import evidence

ID = "id"  # address parameter, as in evidence?id=F001
IN_TAGS = re.compile(r"(<a\b.*?</a>|<[^>]*>)", re.DOTALL)  # matches a link, or a tag with its attributes
NUMBERS = count()  # numbers for ids that are unique on a page


@remembered()
def known_ids() -> re.Pattern[str]:
    """Return a pattern that finds the ids of all rows of the evidence table as whole words."""
    return re.compile(rf"\b({'|'.join(re.escape(id) for id in evidence())})\b")


def address_of_figure(id: str) -> str:
    """Return the address of a reported figure, relative to any page of the classroom."""
    return f"evidence?{ID}={id}"


def link_to_figure(id: str) -> str:
    """Return a link to a reported figure as HTML; it opens a new tab, so that typed text is not lost."""
    hint = escape(texts_of("evidence").say("link_hint", id=id))
    return f'<a class="figure-link" href="{address_of_figure(id)}" target="_blank" title="{hint}">{escape(id)}</a>'


def with_links(html: str) -> str:
    """Replace every id of a reported figure by a link to the figure.

    Args:
        html: Text as HTML, with everything except markup escaped.

    Returns:
        The same HTML with links, and with English marked by `sim.classroom.texts.marked`; attributes and existing links
        are unchanged.
    """
    parts = IN_TAGS.split(html)
    parts[::2] = [known_ids().sub(lambda found: link_to_figure(found[1]), part) for part in parts[::2]]
    return marked("".join(parts))


class Term(NamedTuple):
    """A term with the forms in which it occurs in texts, and its meaning."""

    name: str
    forms: tuple[str, ...]
    meaning: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """A pattern that finds any form of the term as whole words."""
        return re.compile(rf"\b({'|'.join(map(re.escape, self.forms))})\b", re.IGNORECASE)


def terms() -> dict[str, Term]:
    """Return the terms that are explained, keyed by name."""
    rows = texts_of("terms").page
    return {name: Term(name, tuple(row["forms"]), row["meaning"]) for name, row in rows.items()}


def first_uses(texts: Iterable[str]) -> Iterator[set[str]]:
    """Yield the names of the terms used for the first time in each text, in reading order.

    Args:
        texts: Plain text or Markdown.
    """
    seen: set[str] = set()
    for text in texts:
        found = {name for name, term in terms().items() if term.pattern.search(text)}
        yield found - seen
        seen |= found


def with_terms(html: str, wanted: Iterable[str]) -> str:
    """Turn the first use of each wanted term into a button that shows its meaning.

    Args:
        html: Text as HTML; tags, links and their attributes are unchanged.
        wanted: Names of the terms to explain.

    Returns:
        The same HTML with buttons and their explanations.
    """
    left = [terms()[name] for name in sorted(wanted)]

    def explained(found: re.Match[str]) -> str:
        term = next((one for one in left if one.pattern.fullmatch(found[0])), None)
        if term is None:  # already explained in this text
            return found[0]
        left.remove(term)
        return button(term, found[0])

    forms = sorted((form for term in left for form in term.forms), key=len, reverse=True)
    if not forms:
        return html
    any_form = re.compile(rf"\b({'|'.join(map(re.escape, forms))})\b", re.IGNORECASE)
    parts = IN_TAGS.split(html)
    parts[::2] = [any_form.sub(explained, part) for part in parts[::2]]
    return "".join(parts)


def button(term: Term, shown: str) -> str:
    """Return a term as an HTML button, with its meaning, which the browser shows on top of the page on request."""
    id, title = f"term-{next(NUMBERS)}", escape(term.forms[0].capitalize())
    hint = escape(texts_of("shell").say("term_hint", term=shown))
    return (
        f'<button type="button" class="term" popovertarget="{id}" aria-label="{hint}">{escape(shown)}</button>'
        f'<span class="meaning" id="{id}" popover><b>{title}.</b> {escape(term.meaning)}</span>'
    )
