"""Links from the id of a reported figure, such as F001, to its row on the page Evidence."""

import re
from html import escape

from sim.classroom.texts import marked, texts_of
from sim.data.own import remembered
from sim.data.record import evidence

ID = "id"  # parameter of an address, such as evidence?id=F001
IN_TAGS = re.compile(r"(<a\b.*?</a>|<[^>]*>)", re.DOTALL)  # a link, or a tag with its attributes


@remembered()
def known_ids() -> re.Pattern[str]:
    """Return a pattern that finds the ids of all rows of the evidence table as whole words."""
    return re.compile(rf"\b({'|'.join(re.escape(id) for id in evidence())})\b")


def address_of_figure(id: str) -> str:
    """Return the address of a reported figure, relative to any page of the classroom."""
    return f"evidence?{ID}={id}"


def link_to_figure(id: str) -> str:
    """Return a link to a reported figure as HTML; it opens a new tab, so that no typed text is lost."""
    hint = escape(texts_of("evidence").say("link_hint", id=id))
    return f'<a class="figure-link" href="{address_of_figure(id)}" target="_blank" title="{hint}">{escape(id)}</a>'


def with_links(html: str) -> str:
    """Replace every id of a reported figure by a link to the figure.

    Args:
        html: Text as HTML, with everything escaped that is not markup.

    Returns:
        The same HTML with links, and with English marked as `sim.classroom.texts.marked` does; attributes and existing
        links are left as they are.
    """
    parts = IN_TAGS.split(html)
    parts[::2] = [known_ids().sub(lambda found: link_to_figure(found[1]), part) for part in parts[::2]]
    return marked("".join(parts))
