"""The page for the wall: the code, who is in, and then what was predicted beside what was simulated, to talk about."""

import reacton.ipyvuetify as vuetify
import solara

from sim.classroom.hooks import asked_for, use_watched
from sim.classroom.pages.teacher import room_and_progress, say_sent
from sim.classroom.parts import Heading, Note
from sim.classroom.parts.distribution import Pooled, Ranges, Said, Style
from sim.classroom.server import join_address
from sim.classroom.sessions.claims import EFFECT, OUTCOME
from sim.classroom.sessions.register import the_register
from sim.classroom.sessions.session import CLOSED, DEBRIEF, OPEN, RUNNING, Question, Room, grouped
from sim.classroom.sessions.settling import Progress
from sim.classroom.sessions.wall import pooled_of, ranges_of, say_tally, scored_in, title_of
from sim.classroom.texts import words_of

LARGE = 22  # letters in charts


@solara.component
def Page() -> None:
    """The wall of one's newest session, or of the one in the address."""
    Style()
    code, _ = solara.use_state(asked_for(the_register().sessions_of))
    found = use_watched(code, lambda: room_and_progress(code))
    with solara.Div(classes=["wall", "claims-page"]):
        if found is None:
            Heading(words_of("shell").say("page_projector"))
            Note(words_of("class").say("wall_no_session"))
        else:
            Wall(*found)


@solara.component
def Wall(room: Room, progress: Progress | None) -> None:
    """What belongs to the stage of the question of now."""
    question = room.question
    if question is None or question.stage in (OPEN, CLOSED, RUNNING):
        Gathering(room, progress)
    else:
        Heading(title_of(question))
        if question.stage == DEBRIEF:
            with solara.Div(classes=["wall-two"]):
                Prompts()
                with solara.Div():
                    Ranges(ranges_of(room, question), LARGE)
                    Charts(room, question)
        else:
            Charts(room, question, ("wall-two",) if question.about == EFFECT else ())
            Ranges(ranges_of(room, question), LARGE)
        Note(say_tally(scored_in(room, question), question.about))


@solara.component
def Gathering(room: Room, progress: Progress | None) -> None:
    """The code, how many have joined and claimed, and how far the campaigns are."""
    words, question = words_of("class"), room.question
    Heading(words.say("wall_heading"))
    Said(grouped(room.session.code, 3), classes=("claims-code",))
    Note(words.say("teacher_address", None, address=join_address()))
    joined = sum(len(team.members) for team in room.teams)
    with solara.Div(attributes={"aria-live": "polite", "role": "status"}):
        Said(words.say("teacher_joined", joined) if joined else words.say("teacher_nobody"))
        if question is not None:
            Said(say_sent(room, question))
            Heading(title_of(question), 2)
            Said(say_stage(question, progress))


def say_stage(question: Question, progress: Progress | None) -> str:
    """Whether claims are open, or how many campaigns have been lived."""
    words = words_of("class")
    if progress is not None:
        return words.say("wall_running", None, **progress._asdict())
    return words.say("wall_claims_open" if question.stage == OPEN else "wall_claims_closed")


@solara.component
def Charts(room: Room, question: Question, classes: tuple[str, ...] = ()) -> None:
    """Effects and outcomes of all choices together."""
    kinds = (EFFECT, OUTCOME) if question.about == EFFECT else (OUTCOME,)
    charts = [chart for chart in (pooled_of(room, question, kind) for kind in kinds) if chart is not None]
    with solara.Div(classes=list(classes)):
        for chart in charts:
            Pooled(chart, LARGE)


@solara.component
def Prompts() -> None:
    """Questions to talk about."""
    words = words_of("class")
    with solara.Div():
        Heading(words.say("wall_debrief"), 2)
        with vuetify.Html(tag="ul", class_="wall-prompts"):
            for prompt in words.sentences["wall_prompts"]:
                Said(prompt, "li")
