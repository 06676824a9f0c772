"""The wall: screens of a class session to be read from the back of a room, controlled by a presenter's keys.

Assumes The picture is 1.6 m high and read from 8 m. Letters of 3.4 % of its height have capitals of 37 mm, which are 16
        minutes of arc there.
"""

from collections.abc import Callable
from typing import Any

import solara

from sim.classroom.parts.distribution import COLOURS

MOST_ROWS = 3  # maximum number of choices on one screen; with more, rows would not be high enough for their dots


@solara.component_vue("wall.vue")
def WallView(
    wall: dict[str, Any],
    event_next: Callable[[object], None],
    event_pairs: Callable[[object], None],
    colours: dict[str, str] = COLOURS,
) -> None:
    """Show the screens of the wall, one at a time.

    Keys: arrows, space and page keys move between screens; `b` or `.` blanks the wall; `j` shows how to join the
    session; `n` takes the session to its next step; `d` shows or hides the drawings behind a chart of
    the scenes, and shows the pairs of the visible decisions.

    Args:
        wall: The content: code, link and QR code; the board from `sim.classroom.sessions.wall.board_of` or None; the
            scene from `sim.classroom.sessions.scenes_wall.scene_on_the_wall` or None; the prompts of the debrief;
            `place`, whose change returns the wall to its first screen.
        event_next: Receives `place` when `n` is pressed.
        event_pairs: Receives the decisions of the scenes whose pairs the wall shows or is about to show, whenever
            they change.
        colours: Colours of the chart, keyed by name.
    """
