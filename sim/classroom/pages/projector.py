"""The page Projector: the session's code and number of students, then predicted ranges next to simulated intervals."""

import reacton.ipyvuetify as vuetify
import solara

from sim.classroom.hooks import session_code, use_session_state
from sim.classroom.pages.teacher import describe_sent, room_and_progress
from sim.classroom.parts import Heading, Note
from sim.classroom.parts.distribution import ClassChart, PooledChart, Said, Style
from sim.classroom.server import join_address
from sim.classroom.sessions.claims import EFFECT, OUTCOME
from sim.classroom.sessions.register import the_register
from sim.classroom.sessions.runner import Progress
from sim.classroom.sessions.session import CLOSED, DEBRIEF, OPEN, RUNNING, Question, Room, grouped
from sim.classroom.sessions.wall import describe_tally, pooled_of, ranges_of, scored_in, title_of
from sim.classroom.texts import texts_of

LARGE = 22  # font size in charts, in pixels


@solara.component
def Page() -> None:
    """Show the wall of the session whose code is in the URL, or else of the newest session that the visitor teaches."""
    Style()
    code, _ = solara.use_state(session_code(the_register().sessions_of))
    found = use_session_state(code, lambda: room_and_progress(code))
    with solara.Div(classes=["wall", "claims-page"]):
        if found is None:
            Heading(texts_of("shell").say("page_projector"))
            Note(texts_of("class").say("wall_no_session"))
        else:
            Wall(*found)


@solara.component
def Wall(room: Room, progress: Progress | None) -> None:
    """Show how many students have joined and sent claims or, once the current question is answered, its results."""
    question = room.question
    if question is None or question.stage in (OPEN, CLOSED, RUNNING):
        Gathering(room, progress)
    else:
        Heading(title_of(question))
        if question.stage == DEBRIEF:
            with solara.Div(classes=["wall-two"]):
                Prompts()
                with solara.Div():
                    ClassChart(chart=ranges_of(room, question), size=LARGE)
                    Charts(room, question)
        else:
            Charts(room, question, ("wall-two",) if question.about == EFFECT else ())
            ClassChart(chart=ranges_of(room, question), size=LARGE)
        Note(describe_tally(scored_in(room, question), question.about))


@solara.component
def Gathering(room: Room, progress: Progress | None) -> None:
    """Show the code, how many students have joined and sent claims, and the progress of the campaigns."""
    texts, question = texts_of("class"), room.question
    Heading(texts.say("wall_heading"))
    Said(grouped(room.session.code, 3), classes=("claims-code",))
    Note(texts.say("teacher_address", None, address=join_address()))
    joined = sum(len(team.members) for team in room.teams)
    with solara.Div(attributes={"aria-live": "polite", "role": "status"}):
        Said(texts.say("teacher_joined", joined) if joined else texts.say("teacher_nobody"))
        if question is not None:
            Said(describe_sent(room, question))
            Heading(title_of(question), 2)
            Said(describe_stage(question, progress))


def describe_stage(question: Question, progress: Progress | None) -> str:
    """Describe whether claims are open or, while campaigns are running, how many have finished."""
    texts = texts_of("class")
    if progress is not None:
        return texts.say("wall_running", None, **progress._asdict())
    return texts.say("wall_claims_open" if question.stage == OPEN else "wall_claims_closed")


@solara.component
def Charts(room: Room, question: Question, classes: tuple[str, ...] = ()) -> None:
    """Show the outcome's distribution over all choices and, for a question about effects, the effect's distribution."""
    kinds = (EFFECT, OUTCOME) if question.about == EFFECT else (OUTCOME,)
    charts = [chart for chart in (pooled_of(room, question, kind) for kind in kinds) if chart is not None]
    with solara.Div(classes=list(classes)):
        for chart in charts:
            PooledChart(chart, LARGE)


@solara.component
def Prompts() -> None:
    """Show the questions for the debrief."""
    texts = texts_of("class")
    with solara.Div():
        Heading(texts.say("wall_debrief"), 2)
        with vuetify.Html(tag="ul", class_="wall-prompts"):
            for prompt in texts.sentences["wall_prompts"]:
                Said(prompt, "li")
