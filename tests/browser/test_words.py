"""One screen of a lesson has few words: what is in sight when a page opens; the rest is one click away."""

import pytest
from seen import MOST_WORDS, words_in_sight

FIRST_TIME = 120_000  # milliseconds on a busy machine
READY = {
    "": ".river-picture svg",
    "change": ".panj-picture",
    "compare": ".panj-picture",
    "story": ".folded",
    "what_if": ".sheet-field",
}


@pytest.mark.parametrize("name", READY)
def test_a_page_opens_with_at_most_sixty_words_in_sight(visitor, keep, name):
    page = visitor(name, width=1280, height=800)
    page.wait_for_selector(READY[name], timeout=FIRST_TIME)
    page.wait_for_timeout(1000)
    keep(page, f"words_{name or 'home'}")
    words = words_in_sight(page)
    assert len(words) <= MOST_WORDS, f"{len(words)}: {' '.join(words)}"
