"""Sentences of a campaign as lists, by day where they have one."""

from collections.abc import Sequence
from html import escape

import solara

from sim.classroom.parts import Wide


def listed(sentences: Sequence[str]) -> str:
    """A list in HTML; every letter is shown as it is."""
    return f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in sentences)}</ul>"


@solara.component
def Sentences(sentences: Sequence[str]) -> None:
    """One after the other."""
    solara.HTML("div", unsafe_innerHTML=listed(sentences), classes=["prose"])


@solara.component
def Table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str, look: str = "table") -> None:
    """Words and numbers in rows; the first cell of a row names it; `look` is a class of the style sheet."""
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    said = f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    with Wide(caption):
        solara.HTML("table", unsafe_innerHTML=said, classes=[look])
