"""How one outcome is spread: the baseline, a choice over it, the reported figure, and what can be said."""

from typing import Any

import solara

from sim.classroom.parts import Heading, Note, Prose
from sim.classroom.reading import Reading, as_plain
from sim.classroom.words import words_of
from sim.show.colours import FAINT, INK, QUIET, REPORTED, REPORTED_OTHER, SECOND, SIMULATED, SIMULATED_LIGHT

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
    words = words_of("distribution")
    labels = {key: words.say(key) for key in LABELS}
    labels |= {"base": base or words.say("base"), "changed": changed or words.say("changed")}
    Heading(reading.label, level)
    Picture(reading=as_plain(reading), colours=COLOURS, labels=labels)
    with solara.Div(attributes={"aria-live": "polite"}):
        Prose(f"**{reading.headline}**")
        if reading.sentence:
            Sentence(reading.sentence)
    for note in reading.notes:
        Note(note)
    Note(words.say("counted", counted=reading.counted))
    for said in dict.fromkeys(spread.calibration for spread in (reading.base, reading.changed) if spread):
        Note(words.say("numbers", calibration=said))
    Evidence(reading)


@solara.component
def Sentence(text: str) -> None:
    """Plain text at full size; it may hold words that a user typed."""
    with solara.Div(classes=["prose"]):
        solara.Text(text)


@solara.component
def Evidence(reading: Reading) -> None:
    """What was reported, with the rows that say so."""
    words = words_of("distribution")
    if reading.mark is None:
        Note(words.say("nothing_reported"))
        return
    Note(reading.mark.said)
    for row in reading.mark.rows:
        Note(row)
