"""Charts: the distribution of an outcome under one or two choices, and the predicted ranges of a class."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import solara

from sim.classroom.parts import Folded, Heading, Note, Prose
from sim.classroom.parts.drawn import untold
from sim.classroom.reading import Reading, to_plain
from sim.classroom.texts import texts_of
from sim.configuration.settings import Settings
from sim.plots.colours import (
    FAINT,
    INK,
    QUIET,
    REPORTED,
    REPORTED_OTHER,
    SECOND,
    SIMULATED,
    SIMULATED_DARK,
    SIMULATED_LIGHT,
)

COLOURS = {
    "base": SIMULATED, "base_light": SIMULATED_LIGHT, "base_dark": SIMULATED_DARK, "changed": SECOND,
    "reported": REPORTED, "reported_text": REPORTED_OTHER, "ink": INK, "quiet": QUIET, "faint": FAINT,
}  # fmt: skip
LABELS = (
    "reported", "record_ends", "ways", "pairs", "bars", "dots", "pair", "pair_equal", "mean", "how_read", "pairs_help",
    "bars_help", "dots_help", "strip_help", "drawn_open",
)  # fmt: skip


@solara.component_vue("distribution.vue")
def Picture(reading: dict[str, Any], labels: dict[str, str], colours: dict[str, str] = COLOURS, size: int = 16) -> None:
    """Show the chart of the distributions in a reading, with the font size `size` in pixels."""


def labels_of(base: str, changed: str) -> dict[str, str]:
    """Return the texts of the chart, including the names of its distributions."""
    return {key: texts_of("distribution").say(key) for key in LABELS} | {"base": base, "changed": changed}


@solara.component
def Distribution(
    reading: Reading, base: str = "", changed: str = "", level: int = 2, says: bool = True, is_named: bool = True,
    hidden_in: Settings | None = None,
) -> None:  # fmt: skip
    """Show a chart of an outcome with a heading, the verdict and the reported figure; details are collapsed.

    Args:
        reading: The distributions of the outcome.
        base: Name of the first choice; empty for "Baseline".
        changed: Name of the second choice; empty for "Your choice".
        level: Level of the heading, as in HTML.
        says: Whether to show the verdict as text, which a task does only after its answer.
        is_named: Whether to show the heading, which is redundant next to a field for the outcome.
        hidden_in: Settings of the campaigns if a task still asks for what the chart shows: readers who cannot see it
            then get a table of what is drawn in place of a description with the results.
    """
    texts = texts_of("distribution")
    Heading(reading.label, level, is_named)
    labels = labels_of(base or texts.say("base"), changed or texts.say("changed"))
    hidden = untold(reading, hidden_in, (labels["base"], labels["changed"])) if hidden_in else {}
    Picture(reading=to_plain(reading) | hidden, labels=labels)
    with solara.Div(attributes={"aria-live": "polite"}):
        if says:
            Prose(f"**{reading.headline}**")
            if reading.sentence:
                Sentence(reading.sentence)
    Note(f"{reading.made} {reading.mark.text if reading.mark else texts.say('nothing_reported')}")
    for note in reading.notes:
        Note(note)
    with Folded(texts.say("how_made")):
        Note(texts.say("counted", counted=texts.quoted(reading.counted)))
        for said in dict.fromkeys(spread.calibration for spread in (reading.base, reading.changed) if spread):
            Note(texts.say("numbers", calibration=texts.quoted(said)))
        for row in reading.mark.rows if reading.mark else []:
            Note(row)


@solara.component
def Sentence(text: str) -> None:
    """Show plain text in full size, which may include text typed by a user."""
    with solara.Div(classes=["prose"]):
        solara.Text(text)


STYLE = Path(__file__).parent / "claims.css"


@solara.component
def Style() -> None:
    """Add the style sheet of the pages for class sessions."""
    solara.Style(STYLE)


@solara.component
def Said(text: str, tag: str = "p", classes: tuple[str, ...] = (), attributes: Mapping[str, str] | None = None) -> None:
    """Show plain text, always escaped.

    Args:
        text: The text, which may include text typed by a user.
        tag: Name of the HTML element.
        classes: CSS classes of the element.
        attributes: Other attributes of the element.
    """
    solara.HTML(tag, unsafe_innerHTML=escape(text), classes=list(classes), attributes=dict(attributes or {}))


@solara.component_vue("class_chart.vue")
def ClassChart(chart: dict[str, Any], colours: dict[str, str] = COLOURS, size: int = 16) -> None:
    """Show a chart of ranges with one row per team or forecast, and below it a table of the same ranges.

    Args:
        chart: Content of the chart, from `sim.classroom.sessions.wall` or `sim.classroom.parts.reveal`.
        colours: Colours of the chart, keyed by name.
        size: Font size, in pixels.
    """
