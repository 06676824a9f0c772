"""The page Projector: the wall of a session, which shows its code and then one row of campaigns per choice.

The wall is to be read from the back of a room, and is controlled by a presenter's keys.

Assumes The picture is 1.6 m high and read from 8 m. Letters of 3.4 % of its height have capitals of 37 mm, which
subtend 16 minutes of arc at that distance.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import solara

from sim.classroom.hooks import session, session_code, use_session_state
from sim.classroom.pages.teacher import describe_sent, next_step
from sim.classroom.parts import Heading, Note
from sim.classroom.parts.distribution import COLOURS, Said
from sim.classroom.parts.in_class.join_code import qr_of
from sim.classroom.scenes import ready_campaigns
from sim.classroom.server import join_link
from sim.classroom.sessions.register import the_register
from sim.classroom.sessions.runner import Progress, the_question_runner
from sim.classroom.sessions.scenes import Campaigns, Work, the_class_scenes
from sim.classroom.sessions.scenes_wall import scene_on_the_wall
from sim.classroom.sessions.session import CLOSED, CODE, DEBRIEF, OPEN, RUNNING, Question, Room, grouped
from sim.classroom.sessions.wall import board_of, describe_question
from sim.classroom.texts import texts_of
from sim.configuration.overrides import Overrides
from sim.errors import PanjError

OFTEN = 2.0  # time between checks whether the campaigns of the scenes are ready, seconds
MOST_ROWS = 3  # largest number of choices on one screen; with more, rows would not be tall enough for their dots
Finished = dict[Overrides, tuple[float, ...]]


@solara.component_vue("../parts/in_class/wall.vue")
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
            `place`, a change of which returns the wall to its first screen.
        event_next: Called with `place` when `n` is pressed.
        event_pairs: Called with the decisions of the scenes whose pairs the wall shows or is about to show, whenever
            they change.
        colours: Colours of the chart, keyed by name.
    """


class Shown(NamedTuple):
    """The public view of a session, with other content of its wall."""

    room: Room
    progress: Progress | None = None  # progress of the current question
    finished: Finished | None = None  # finished campaigns of the current question, by choice
    works: tuple[Work, ...] = ()  # work of the students in the scenes
    shown: tuple[str, ...] = ()  # decisions of the scenes whose pairs the wall has shown
    campaigns: Campaigns | None = None  # campaigns of the scenes; None until they have been read


@solara.component
def Page() -> None:
    """Show the wall of the session whose code is in the URL, or else of the newest session that the visitor teaches."""
    root = solara.use_router().root_path
    code, _ = solara.use_state(session_code(the_register().sessions_of))
    found = use_session_state(code, lambda: wall_state(code), OFTEN if ready_campaigns() is None else None)
    if found is None:
        Heading(texts_of("shell").say("page_projector"))
        Note(texts_of("class").say("wall_no_session"))
        Said(texts_of("shell").say("page_teacher"), "a", attributes={"href": f"{root}/teacher"})
        return
    room = found.room

    def step(place: object) -> None:
        act = next_step(room) if place == place_of(room) else None  # pressing the key twice takes only one step
        with suppress(PanjError):  # nobody has sent a claim yet, which the page Teacher shows
            if act is not None:
                act()

    def show_pairs(decisions: object) -> None:
        if isinstance(decisions, list):
            with suppress(PanjError):  # the teacher has ended the scenes in the meantime
                the_class_scenes().show_pairs(code, session(), [str(one) for one in decisions])

    WallView(wall=content_of(found), event_next=step, event_pairs=show_pairs)


def wall_state(code: str) -> Shown:
    """Return the public view of a session, with its scenes or the campaigns of its current question."""
    room, runner = the_register().room(code, session()).on_the_wall(), the_question_runner()
    if room.scene is not None:
        scenes = the_class_scenes()
        works, shown = scenes.gathered(code, session()), scenes.shown(code, session())
        return Shown(room, works=works, shown=shown, campaigns=ready_campaigns(is_wanted=True))
    if room.question is None:
        return Shown(room)
    number = room.question.number
    return Shown(room, runner.progress(code, number), runner.finished(code, number))


def place_of(room: Room) -> str:
    """Return the scene, or the question and its stage, as text; a change returns the wall to its first screen."""
    if room.scene is not None:
        return f"scene {room.scene}"
    return f"{room.question.number} {room.question.stage}" if room.question else ""


def content_of(shown: Shown) -> dict[str, Any]:
    """Return the content of the wall, for `WallView`."""
    texts, room = texts_of("class"), shown.room
    question, code = room.question if room.scene is None else None, room.session.code
    link = join_link(code)
    is_board = question is not None and question.stage != OPEN
    scene = None
    if room.scene is not None:
        scene = scene_on_the_wall(code, room.scene, shown.works, shown.campaigns, shown.shown)
    joined = sum(len(team.members) for team in room.teams)
    counts = [texts.say("teacher_joined", joined) if joined else texts.say("teacher_nobody")]
    board = board_of(room, question, shown.finished or {}) if is_board and question else None
    stage = describe_stage(question, shown.progress) if question else ""
    return {
        "place": place_of(room),
        "code": grouped(code, CODE // 2),
        "link": link.removeprefix("http://").removeprefix("https://"),
        "qr": qr_of(link),
        "question": describe_question(question) if question else "",
        "counts": counts + ([describe_sent(room, question)] if question else []),
        "scene": scene,
        "stage": scene["stage"] if scene else stage,
        "board": scene["board"] if scene else board,
        "prompts": list(texts.sentences["wall_prompts"]) if question and question.stage == DEBRIEF else [],
        "most_rows": MOST_ROWS,
        "labels": {key: texts.say(f"wall_{key}") for key in ("heading", "debrief", "blank", "source")},
    }


def describe_stage(question: Question, progress: Progress | None) -> str:
    """Describe the current stage for the class; empty once the campaigns have finished."""
    texts = texts_of("class")
    if progress is not None:
        return texts.say("wall_running", **progress._asdict())
    return texts.say("wall_claims_closed") if question.stage in (CLOSED, RUNNING) else ""
