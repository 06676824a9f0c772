"""Components for joining a class session: its code in large letters, and the QR code of a link.

The QR code is drawn on this machine as SVG, without contacting another host.
"""

from html import escape

import segno
import solara

from sim.classroom.parts.distribution import Said
from sim.classroom.server import is_reachable, join_link
from sim.classroom.sessions.session import CODE, grouped
from sim.classroom.texts import texts_of

MARGIN = 4  # light modules around a QR code, as its standard requires


def qr_svg(link: str, name: str) -> str:
    """Draw the QR code of a link.

    Args:
        link: The link.
        name: Name of the picture for screen readers.

    Returns:
        An SVG element without a fixed size, which fills its parent element.
    """
    made = segno.make(link, error="m", micro=False)
    drawn: str = made.svg_inline(border=MARGIN, dark="#000000", light="#ffffff", omitsize=True)
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{escape(name)}" ', 1)


def qr_of(link: str) -> str:
    """Return the QR code of a link as SVG with its name; empty if phones cannot reach the link."""
    return qr_svg(link, texts_of("class").say("join_qr", link=link)) if is_reachable() else ""


@solara.component
def JoinCode(code: str) -> None:
    """Show the code of a session, with the QR code and the text of its link.

    The QR code is omitted on a server that only this machine can reach, because phones cannot reach the link.

    Args:
        code: Code of the session.
    """
    link = join_link(code)
    with solara.Div(classes=["join-code"]):
        if picture := qr_of(link):
            solara.HTML("div", unsafe_innerHTML=picture, classes=["join-qr"])
        with solara.Div(classes=["join-letters"]):
            Said(grouped(code, CODE // 2), classes=("claims-code",))
            Said(link, "a", classes=("join-link",), attributes={"href": link})
