"""What of a page is in sight, without scrolling."""

SEEN = """(apart) => {  // what is in sight: its words, and the smallest letters as a share of the height of the screen
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), words = [], sizes = [];
    for (let node; (node = walker.nextNode());) {
        const one = node.parentElement, range = document.createRange();
        if (!node.data.trim() || one.closest("script, style, noscript, option, [aria-hidden=true]")) continue;
        range.selectNodeContents(node);
        const box = range.getBoundingClientRect(), look = getComputedStyle(one);
        const isSeen = box.width && box.bottom > 0 && box.top < innerHeight && box.right > 0;
        if (!isSeen || look.visibility === "hidden") continue;
        if ((apart && one.closest(apart)) || !one.checkVisibility({ contentVisibilityAuto: true })) continue;
        words.push(...(node.data.match(/\\p{L}+/gu) || []));
        sizes.push([parseFloat(look.fontSize) / innerHeight, node.data.trim()]);
    }
    for (const one of document.querySelectorAll("select")) {
        const box = one.getBoundingClientRect(), text = one.selectedOptions[0]?.text || "";
        if (apart && one.closest(apart)) continue;
        if (box.bottom > 0 && box.top < innerHeight) words.push(...(text.match(/\\p{L}+/gu) || []));
    }
    const page = document.documentElement, smallest = sizes.sort((one, other) => one[0] - other[0])[0];
    return { words, smallest, overflow: [page.scrollHeight - innerHeight, page.scrollWidth - innerWidth] };
}"""
MOST_WORDS = 60  # on one screen of a lesson
# labels of charts, tables, and what every page has
APART = "svg, .panj-distribution, .board, table, .pages, .ways, .sources, .skip, .unseen, .attending"


def words_in_sight(page) -> list[str]:
    """Return the words that a visitor sees on a page, except for labels of charts, tables and navigation."""
    return page.evaluate(SEEN, APART)["words"]
