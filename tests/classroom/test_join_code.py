"""The way into a session: a QR code that is drawn here, holds the link and says it to those who cannot see it."""

import re

import segno

from sim.classroom.parts.in_class.join_code import MARGIN, qr_svg

LINK = "http://192.0.2.7:8765/join?class=FKMRWX"


def dark(svg):
    """Return the dark modules of a drawing made of horizontal strokes, as pairs of row and column."""
    path = re.search(r'<path [^>]*stroke="#000"[^>]* d="([^"]*)"', svg)[1]
    found, x, y = set(), 0.0, 0.0
    for command, numbers in re.findall(r"([Mmh])([^Mmh]*)", path):
        values = [float(one) for one in re.findall(r"-?[\d.]+", numbers)]
        if command == "h":
            found |= {(int(y), int(x) + step) for step in range(int(values[0]))}
            x += values[0]
        else:
            x, y = values if command == "M" else (x + values[0], y + values[1])
    return found


def test_a_qr_code_holds_the_link_with_a_margin_in_which_nothing_is_drawn():
    found = dark(qr_svg(LINK, "QR code"))
    matrix = segno.make(LINK, error="m", micro=False).matrix
    assert found == {
        (row + MARGIN, column + MARGIN) for row, line in enumerate(matrix) for column, on in enumerate(line) if on
    }


def test_a_qr_code_is_a_picture_with_a_name_that_fills_its_place_and_loads_nothing():
    drawn = qr_svg(LINK, 'QR "code" <b>')
    assert 'role="img"' in drawn and 'aria-label="QR &quot;code&quot; &lt;b&gt;"' in drawn
    assert "viewBox" in drawn and not re.search(r"<svg[^>]* width=", drawn)
    assert not re.search(r"href|url\(|<script", drawn)


def test_another_link_is_another_picture():
    assert dark(qr_svg(LINK, "")) != dark(qr_svg(LINK.replace("FKM", "FKH"), ""))
