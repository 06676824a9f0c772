"""Definitions of terms, shown where a term is first used: a button in the text that opens a short explanation."""

import re
from collections.abc import Iterable, Iterator
from html import escape
from itertools import count
from typing import NamedTuple

from sim.classroom.parts.citation import IN_TAGS
from sim.classroom.texts import texts_of

NUMBERS = count()  # for ids that are unique on a page


class Term(NamedTuple):
    """A term with the forms in which it occurs in texts, and its meaning."""

    name: str
    forms: tuple[str, ...]
    meaning: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """A pattern that finds any form of the term as whole words."""
        return re.compile(rf"\b({'|'.join(map(re.escape, self.forms))})\b", re.IGNORECASE)


def terms(language: str = "") -> dict[str, Term]:
    """Return the terms that are explained, keyed by name.

    Args:
        language: Language of the texts; empty for the one in use.
    """
    rows = texts_of("terms", language).page
    return {name: Term(name, tuple(row["forms"]), row["meaning"]) for name, row in rows.items()}


def first_uses(texts: Iterable[str]) -> Iterator[set[str]]:
    """Yield, for each text in reading order, the names of the terms that it is the first to use.

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
        html: Text as HTML; tags, links and their attributes are left as they are.
        wanted: Names of the terms to explain.

    Returns:
        The same HTML with buttons and their explanations.
    """
    left = [terms()[name] for name in sorted(wanted)]

    def explained(found: re.Match[str]) -> str:
        term = next((one for one in left if one.pattern.fullmatch(found[0])), None)
        if term is None:  # explained before in this text
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
    """Return a term as a button in HTML, with its meaning, which the browser shows above the page on request."""
    id, title = f"term-{next(NUMBERS)}", escape(term.forms[0].capitalize())
    hint = escape(texts_of("shell").say("term_hint", term=shown))
    return (
        f'<button type="button" class="term" popovertarget="{id}" aria-label="{hint}">{escape(shown)}</button>'
        f'<span class="meaning" id="{id}" popover><b>{title}.</b> {escape(term.meaning)}</span>'
    )
