"""How one outcome is spread: the baseline, a choice over it, the reported figure, and what can be said.

Charts of a class: predicted ranges beside simulated intervals, and distributions of campaigns.
"""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import solara

from sim.classroom.parts import Heading, Note, Prose
from sim.classroom.reading import Reading, to_plain
from sim.classroom.texts import texts_of
from sim.plots import colours
from sim.plots.colours import FAINT, INK, QUIET, REPORTED, REPORTED_OTHER, SECOND, SIMULATED, SIMULATED_LIGHT

COLOURS = {
    "base": SIMULATED, "base_light": SIMULATED_LIGHT, "changed": SECOND, "reported": REPORTED,
    "reported_text": REPORTED_OTHER, "ink": INK, "quiet": QUIET, "faint": FAINT,
}  # fmt: skip
LABELS = ("reported", "record_ends", "ways", "bars", "dots", "bars_help", "dots_help", "strip_help")


@solara.component_vue("distribution.vue")
def Picture(reading: dict[str, Any], colours: dict[str, str], labels: dict[str, str]) -> None:
    """The drawing alone."""


@solara.component
def Distribution(reading: Reading, base: str = "", changed: str = "", level: int = 2) -> None:
    """The drawing with its heading, and in words what it shows; `base` and `changed` name the two choices."""
    texts = texts_of("distribution")
    labels = {key: texts.say(key) for key in LABELS}
    labels |= {"base": base or texts.say("base"), "changed": changed or texts.say("changed")}
    Heading(reading.label, level)
    Picture(reading=to_plain(reading), colours=COLOURS, labels=labels)
    with solara.Div(attributes={"aria-live": "polite"}):
        Prose(f"**{reading.headline}**")
        if reading.sentence:
            Sentence(reading.sentence)
    for note in reading.notes:
        Note(note)
    Note(texts.say("counted", counted=reading.counted))
    for said in dict.fromkeys(spread.calibration for spread in (reading.base, reading.changed) if spread):
        Note(texts.say("numbers", calibration=said))
    Evidence(reading)


@solara.component
def Sentence(text: str) -> None:
    """Plain text at full size; it may hold words that a user typed."""
    with solara.Div(classes=["prose"]):
        solara.Text(text)


@solara.component
def Evidence(reading: Reading) -> None:
    """What was reported, with the rows that say so."""
    texts = texts_of("distribution")
    if reading.mark is None:
        Note(texts.say("nothing_reported"))
        return
    Note(reading.mark.said)
    for row in reading.mark.rows:
        Note(row)


CLAIM_COLOURS = {
    "simulated": colours.SIMULATED, "light": colours.SIMULATED_LIGHT, "dark": colours.SIMULATED_DARK,
    "claimed": colours.SECOND, "reported": colours.REPORTED, "ink": colours.INK, "quiet": colours.QUIET,
    "faint": colours.FAINT,
}  # fmt: skip
STYLE = Path(__file__).parent / "claims.css"


@solara.component
def Style() -> None:
    """How class pages look."""
    solara.Style(STYLE)


@solara.component
def Said(text: str, tag: str = "p", classes: tuple[str, ...] = (), attributes: Mapping[str, str] | None = None) -> None:
    """Plain text, whoever typed it, shown as it stands and never read as HTML."""
    solara.HTML(tag, unsafe_innerHTML=escape(text), classes=list(classes), attributes=dict(attributes or {}))


@solara.component_vue("ranges.vue")
def RangesInVue(chart: dict[str, Any], colours: dict[str, str], size: int) -> None:
    """In the browser."""


@solara.component_vue("pooled.vue")
def PooledInVue(chart: dict[str, Any], colours: dict[str, str], size: int) -> None:
    """In the browser."""


@solara.component
def Ranges(chart: dict[str, Any], size: int = 16) -> None:
    """A row a team: the range it predicted, and what the campaigns gave; a table of the same below."""
    RangesInVue(chart=chart, colours=CLAIM_COLOURS, size=size)


@solara.component
def Pooled(chart: dict[str, Any], size: int = 16) -> None:
    """Campaigns by size, those of all choices over those of the baseline, and the reported figure."""
    PooledInVue(chart=chart, colours=CLAIM_COLOURS, size=size)
