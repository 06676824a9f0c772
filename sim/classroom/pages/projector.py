"""The page Projector: the wall of a session, with its code, and then one row of campaigns for each choice."""

from contextlib import suppress
from typing import Any

import solara

from sim.classroom.hooks import session, session_code, use_session_state
from sim.classroom.pages.teacher import describe_sent, next_step
from sim.classroom.parts import Heading, Note
from sim.classroom.parts.distribution import Said
from sim.classroom.parts.in_class.join_code import qr_of
from sim.classroom.parts.in_class.wall import MOST_ROWS, WallView
from sim.classroom.server import join_link
from sim.classroom.sessions.register import the_register
from sim.classroom.sessions.runner import Progress, the_question_runner
from sim.classroom.sessions.session import CLOSED, CODE, DEBRIEF, OPEN, RUNNING, Question, Room, grouped
from sim.classroom.sessions.wall import board_of, describe_question
from sim.classroom.texts import texts_of
from sim.configuration.overrides import Overrides
from sim.errors import PanjError

Finished = dict[Overrides, tuple[float, ...]]


@solara.component
def Page() -> None:
    """Show the wall of the session whose code is in the URL, or else of the newest session that the visitor teaches."""
    root = solara.use_router().root_path
    code, _ = solara.use_state(session_code(the_register().sessions_of))
    found = use_session_state(code, lambda: wall_state(code))
    if found is None:
        Heading(texts_of("shell").say("page_projector"))
        Note(texts_of("class").say("wall_no_session"))
        Said(texts_of("shell").say("page_teacher"), "a", attributes={"href": f"{root}/teacher"})
        return
    room = found[0]

    def step(place: object) -> None:
        act = next_step(room) if place == place_of(room) else None  # a key pressed twice takes one step
        with suppress(PanjError):  # nobody has sent a claim yet; the page of the teacher says so
            if act is not None:
                act()

    WallView(wall=content_of(*found), event_next=step)


def wall_state(code: str) -> tuple[Room, Progress | None, Finished]:
    """Return a session as everybody may see it, and the progress and finished campaigns of its current question."""
    room, runner = the_register().room(code, session()).on_the_wall(), the_question_runner()
    if room.question is None:
        return room, None, {}
    number = room.question.number
    return room, runner.progress(code, number), runner.finished(code, number)


def place_of(room: Room) -> str:
    """Return the question and its stage, as one text: when it changes, the wall shows its first screen."""
    return f"{room.question.number} {room.question.stage}" if room.question else ""


def content_of(room: Room, progress: Progress | None, finished: Finished) -> dict[str, Any]:
    """Return the content of the wall, for `WallView`."""
    texts, question, code = texts_of("class"), room.question, room.session.code
    link = join_link(code)
    is_board = question is not None and question.stage != OPEN
    joined = sum(len(team.members) for team in room.teams)
    counts = [texts.say("teacher_joined", joined) if joined else texts.say("teacher_nobody")]
    return {
        "place": place_of(room),
        "code": grouped(code, CODE // 2),
        "link": link.removeprefix("http://").removeprefix("https://"),
        "qr": qr_of(link),
        "question": describe_question(question) if question else "",
        "counts": counts + ([describe_sent(room, question)] if question else []),
        "stage": describe_stage(question, progress) if question else "",
        "board": board_of(room, question, finished) if is_board and question else None,
        "prompts": list(texts.sentences["wall_prompts"]) if question and question.stage == DEBRIEF else [],
        "most_rows": MOST_ROWS,
        "labels": {key: texts.say(f"wall_{key}") for key in ("heading", "debrief", "blank", "source")},
    }


def describe_stage(question: Question, progress: Progress | None) -> str:
    """Describe what the class waits for; empty once the campaigns have finished."""
    texts = texts_of("class")
    if progress is not None:
        return texts.say("wall_running", None, **progress._asdict())
    return texts.say("wall_claims_closed") if question.stage in (CLOSED, RUNNING) else ""
