"""English words that a page in a made-up language still shows: everything but names and what is marked as English."""

import re

from sim.classroom.texts import END, ISOLATE
from sim.data.facts import read_facts
from sim.data.record import evidence
from sim.wording import name_of_post

WORD = re.compile(r"[A-Za-z]{3,}")
QUOTED = re.compile(f"{ISOLATE}[^{END}]*{END}")  # English that a text sets apart
SHOWN = """() => {
    const found = [];
    const isEnglish = (node) => node.closest("[lang=en]");
    const hidden = "script, style, noscript, template, code, pre, textarea, .address";
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const node = walk.currentNode.parentElement;
        if (!node || isEnglish(node) || node.closest(hidden)) continue;
        found.push(walk.currentNode.textContent);
    }
    for (const node of document.querySelectorAll("[aria-label], [title], [placeholder], [alt], [aria-valuetext]"))
        if (!isEnglish(node) && !node.closest("template"))
            for (const name of ["aria-label", "title", "placeholder", "alt", "aria-valuetext"])
                found.push(node.getAttribute(name) || "");
    for (const node of document.querySelectorAll("input[type=button], input[type=submit]")) found.push(node.value);
    found.push(document.title);
    return found.filter((text) => text.trim());
}"""
OTHERS = {"Panj", "AAN", "LWJ", "km", "Chromium", "QR"}  # a river, two sources, signs that no language translates


def names():
    """Words of the names of places, posts and sources."""
    facts = read_facts()
    said = [
        *facts.district,
        *facts.provinces,
        *map(name_of_post, facts.post),
        *(row.source for row in evidence().values()),
    ]
    return {word for one in said for word in WORD.findall(one)} | OTHERS


def english_on(page, but=()):
    """English words that a page shows, each with the text in which it stands."""
    known = names() | set(but)
    found = {}
    for text in page.evaluate(SHOWN):
        for word in WORD.findall(QUOTED.sub("", text)):
            if word not in known:
                found.setdefault(word, " ".join(text.split())[:90])
    return found
