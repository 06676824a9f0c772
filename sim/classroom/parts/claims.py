"""Charts of a class: predicted ranges beside simulated intervals, and distributions of campaigns."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import solara

from sim.show import colours

COLOURS = {
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
    RangesInVue(chart=chart, colours=COLOURS, size=size)


@solara.component
def Pooled(chart: dict[str, Any], size: int = 16) -> None:
    """Campaigns by size, those of all choices over those of the baseline, and the reported figure."""
    PooledInVue(chart=chart, colours=COLOURS, size=size)
