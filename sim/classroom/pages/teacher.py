"""The page Teacher: open a session, ask questions, close claims, run campaigns, debrief, export and delete."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

import reacton.ipyvuetify as vuetify
import solara

from sim.classroom.choice.fields import describe_choice, overrides_for
from sim.classroom.gate import CLASS
from sim.classroom.hooks import session, session_code, use_attempt, use_session_state
from sim.classroom.parts import AskFirst, Folded, Heading, Note, Press, Trouble, Wide
from sim.classroom.parts.distribution import Said
from sim.classroom.parts.in_class.join_code import JoinCode
from sim.classroom.parts.in_class.marks import Marks
from sim.classroom.parts.in_class.scenes_clock import ScenesClock, Written
from sim.classroom.parts.in_class.spreadsheet import Spreadsheet
from sim.classroom.parts.questions import decision_fields
from sim.classroom.parts.sheet import Given, Sheet, one_of, text_field, tick
from sim.classroom.reading import outcome_groups
from sim.classroom.scenes import ready_campaigns
from sim.classroom.server import is_reachable
from sim.classroom.sessions.claims import ABOUT, EFFECT, score_of
from sim.classroom.sessions.register import the_register
from sim.classroom.sessions.runner import Progress, the_question_runner
from sim.classroom.sessions.scenes import Work, the_class_scenes
from sim.classroom.sessions.session import (
    ANSWERED,
    CLOSED,
    CODE,
    DEBRIEF,
    EYES,
    OPEN,
    PAUSE,
    RUNNING,
    WORD,
    Kept,
    Member,
    Question,
    Room,
    Session,
    Team,
    csv_of,
    grouped,
    measure_of,
    name_of,
    offered,
)
from sim.classroom.sessions.wall import called, describe_tally, format_range, scored_in, title_of
from sim.classroom.texts import texts_of
from sim.compare.sentences import format_amount
from sim.configuration.overrides import BASELINE
from sim.explorable.content import SCENES
from sim.study.files import Dialect
from sim.wording import percent

PRESENCE = 5.0  # seconds after which the teacher sees that a student has closed a page
USUAL_OUTCOME = "troops_crossed_by_2021_07_07"


@solara.component
def Page() -> None:
    """Show the teacher's session, or the controls to open one."""
    code, set_code = solara.use_state(session_code(the_register().sessions_of))
    word, set_word = solara.use_state("")
    found = use_session_state(code, lambda: taught(code), PRESENCE)

    def opened(new: str, new_word: str = "") -> None:
        set_word(new_word)
        set_code(new)

    with solara.Div(classes=["claims-page"]):
        if found is None:
            Beginning(opened)
        else:
            Teaching(found, word, lambda: opened(""))


class Taught(NamedTuple):
    """The whole session and other state of its page, which is redrawn after every change."""

    room: Room
    progress: Progress | None  # progress of the current question; None if no campaigns are running
    works: tuple[Work, ...]  # work of the students in the scenes
    is_ready: bool  # whether the campaigns of the scenes have been read


def taught(code: str) -> Taught:
    """Return the content of the page of a session's teacher."""
    room = the_register().room(code, session())
    progress = the_question_runner().progress(code, room.question.number) if room.question else None
    is_in_scenes = room.scene is not None
    works = the_class_scenes().gathered(code, session())
    return Taught(room, progress, works, ready_campaigns(is_wanted=is_in_scenes) is not None)


@solara.component
def Beginning(on_open: Callable[..., None]) -> None:
    """Show controls to open a session, or to return to one opened earlier, on this or another computer."""
    texts = texts_of("class")
    trouble, attempt = use_attempt()

    def come_back(given: Given) -> None:
        the_register().come_back(given["code"], given["word"], session())
        on_open(the_register().session(given["code"]).code)

    Heading(texts.say("teacher_heading"))
    Note(texts.say("teacher_about"))
    Press(texts.say("teacher_open"), lambda: attempt(lambda: on_open(*the_register().open_session(session()))), True)
    earlier = the_register().sessions_of(session())
    if earlier:
        Heading(texts.say("teacher_yours"), 2)
        with solara.Div(classes=["claims-row"]):
            for one in earlier:
                Press(describe_session(one), partial(on_open, one.code))
    Heading(texts.say("teacher_back"), 2)
    fields = [text_field(one, texts.say(f"teacher_{one}")) for one in ("code", "word")]
    Sheet(fields, texts.say("teacher_come_back"), lambda given: attempt(lambda: come_back(given)), trouble)
    with Folded(texts.say("teacher_clear")):
        Clearing()


@solara.component
def Clearing() -> None:
    """Ask for the teachers' code, then show buttons that delete any session, or all sessions without members."""
    texts = texts_of("class")
    trouble, attempt = use_attempt()
    teachers_code, set_teachers_code = solara.use_state("")
    found, set_found = solara.use_state(list[Kept]())

    def show(given_code: str) -> None:
        set_found(the_register().everything(given_code))
        set_teachers_code(given_code)

    def clear(codes: Sequence[str]) -> None:
        the_register().clear(teachers_code, codes)
        show(teachers_code)

    def asks(label: str, codes: Sequence[str]) -> None:
        said = texts.say("teacher_delete_sure", code=texts.listed([grouped(one, CODE // 2) for one in codes], 8))
        act = partial(attempt, partial(clear, codes))
        AskFirst(label, said, texts.say("teacher_delete_yes"), texts.say("teacher_keep"), act)

    Note(texts.say("teacher_clear_about"))
    if not teachers_code:
        fields = [text_field("code", texts.say("teacher_clear_code"))]
        Sheet(fields, texts.say("teacher_clear_show"), lambda given: attempt(lambda: show(given["code"])), trouble)
    else:
        Note(texts.say("teacher_clear_found", len(found)), live=True)
        Trouble(trouble)
        unused = [one.session.code for one in found if not one.members]
        with solara.Div(classes=["claims-row"]):
            if unused:
                asks(texts.say("teacher_clear_unused", len(unused)), unused)
            for one in found:
                label = texts.say("teacher_clear_one", one.members, session=describe_session(one.session))
                asks(label, [one.session.code])


def describe_session(one: Session) -> str:
    """Describe a session: its code, the day of its opening, and whether it has ended."""
    texts = texts_of("class")
    opened = texts.day(datetime.fromisoformat(one.opened).date())
    key = "teacher_choose_ended" if one.is_ended else "teacher_choose"
    return texts.say(key, code=grouped(one.code, CODE // 2), opened=opened)


@solara.component
def Teaching(found: Taught, word: str, on_leave: Callable[[], None]) -> None:
    """Show a session: its code, the question with the next step, the students' pages, scores, and ending the session.

    Parts have keys, so that a form in use is unaffected when a part above it appears or disappears.
    """
    texts, room = texts_of("class"), found.room
    Heading(texts.say("teacher_heading"))
    Undoing(room)
    if room.session.is_ended:
        Note(texts.say("join_ended"), live=True)
    else:
        if not room.teams:
            WayIn(room, word)
            Note(texts.say("teacher_nobody"), live=True)
        if room.scene is None:
            Question_(room, found.progress).key("question")
            ScenesClock(room.session.code, None, (), found.is_ready).key("scenes")
        else:
            ScenesClock(room.session.code, room.scene, found.works, found.is_ready).key("scenes")
            Calls(room)
    Written(room.session.code, found.works).key("written")
    if room.teams:
        Students(room).key("students")
        if not room.session.is_ended:
            WayIn(room, word)
    if room.question is not None and room.question.stage in (ANSWERED, DEBRIEF):
        Scores(room, room.question)
    Marks(room.session.code).key("marks")
    Ending(room, on_leave).key("ending")


@solara.component
def Undoing(room: Room) -> None:
    """Show the actions of the last minute, each with a button that undoes it."""
    texts = texts_of("class")
    trouble, attempt = use_attempt()
    with solara.Div(classes=["undos"] if room.undos else [], attributes={"role": "status", "aria-live": "polite"}):
        for one in room.undos:
            with solara.Div(classes=["claims-row", "claims-card"]).key(f"undo {one.number}"):
                Said(texts.say(f"teacher_done_{one.kind}", nickname=one.what))
                undo = partial(the_question_runner().undo, room.session.code, session(), one.number)
                Press(texts.say("teacher_undo"), partial(attempt, undo))
        Trouble(trouble)


@solara.component
def WayIn(room: Room, word: str) -> None:
    """Show the code with its link and QR code, the link to the wall, and the recovery word if it is new."""
    texts, code = texts_of("class"), room.session.code
    Heading(texts.say("teacher_way_in"), 2)
    JoinCode(code)
    Note(texts.say("teacher_address" if is_reachable() else "teacher_local"))
    if word:
        Note(texts.say("teacher_word_is", word=grouped(word, WORD // 4)))


@solara.component
def Calls(room: Room) -> None:
    """Show buttons to pause the class, call its attention to the wall or let it continue, and the link to the wall."""
    texts, code = texts_of("class"), room.session.code
    wall = {"href": f"{solara.use_router().root_path}/projector?{CLASS}={code}", "target": "_blank"}
    with solara.Div(classes=["claims-row"]):
        for call in (PAUSE, EYES):
            is_on = room.call == call
            label = texts.say(f"teacher_{call}_off" if is_on else f"teacher_{call}")
            Press(label, partial(the_register().call, code, session(), "" if is_on else call), is_main=is_on)
        Said(texts.say("teacher_wall"), "a", attributes=wall)
    if room.scene is None:
        Note(texts.say("teacher_keys"))


@solara.component
def Question_(room: Room, progress: Progress | None) -> None:
    """Show the current question and the next step; if it is answered, or there is none, show the form to ask one."""
    texts, question = texts_of("class"), room.question
    trouble, attempt = use_attempt()
    if question is not None:
        Heading(title_of(question), 2)
        if question.is_fixed or question.suggested:
            Note(texts.say("join_choice_sent", choice=describe_choice(question.suggested)))
        Note(texts.say("teacher_now", stage=name_of(question.stage), sent=describe_sent(room, question)), True)
        if progress is not None:
            Note(texts.say("teacher_progress", **progress._asdict()), live=True)
    with solara.Div(classes=["claims-row"]):
        for place, (label, act) in enumerate(next_actions(room, question) if question else ()):
            Press(texts.say(label), partial(attempt, act), is_main=place == 0)
    Trouble(trouble)
    Calls(room)
    if question is None or question.stage in (ANSWERED, DEBRIEF):
        Asking(room.session.code, question is not None).key("asking")


def next_actions(room: Room, question: Question) -> Sequence[tuple[str, Callable[[], None]]]:
    """Return the label key and function of each possible action on the question, with the usual action first."""
    code, who = room.session.code, session()
    move = partial(the_register().move, code, who)
    ways: dict[str, Sequence[tuple[str, Callable[[], None]]]] = {
        OPEN: [("teacher_close", partial(move, CLOSED))],
        CLOSED: [
            ("teacher_run", partial(the_question_runner().start, code, who)),
            ("teacher_reopen", partial(move, OPEN)),
        ],
        RUNNING: [],
        ANSWERED: [("teacher_debrief", partial(move, DEBRIEF))],
        DEBRIEF: [("teacher_undo_debrief", partial(move, ANSWERED))],
    }
    return ways[question.stage]


def next_step(room: Room) -> Callable[[], None] | None:
    """Return the function that takes a session to its next step; None if the teacher must ask or wait first."""
    if room.scene is not None:
        is_last = room.scene + 1 == len(SCENES) or room.session.is_ended
        return None if is_last else partial(the_class_scenes().move, room.session.code, session(), room.scene + 1)
    ways = next_actions(room, room.question) if room.question and room.question.stage != DEBRIEF else ()
    return ways[0][1] if ways and not room.session.is_ended else None


def describe_sent(room: Room, question: Question) -> str:
    """Describe how many teams have sent a claim."""
    sent = sum(question.number in team.claims for team in room.teams)
    return texts_of("class").say("teacher_sent", sent, teams=len(room.teams))


@solara.component
def Asking(code: str, is_next: bool) -> None:
    """Show the form for a question: the outcome, the kind of prediction (outcome or effect), and a suggested choice."""
    texts = texts_of("class")
    trouble, attempt = use_attempt()

    def ask(given: Given) -> None:
        suggested = overrides_for(given, BASELINE) if given["suggests"] else BASELINE
        is_fixed = bool(given["suggests"] and given["fixed"])
        the_register().ask(code, session(), given["outcome"], given["about"], suggested, is_fixed)

    heads, more = outcome_groups(), texts_of("reading").say("group_more")
    known = sorted(offered().values(), key=lambda one: [*heads, one.outcome].index(one.outcome))
    outcomes = [
        {"value": one.outcome, "text": f"{one.label} ({texts.unit(one.unit)})", "group": heads.get(one.outcome, more)}
        for one in known
    ]
    abouts = [{"value": one, "text": texts.say(f"teacher_about_{one}")} for one in ABOUT]
    only = ["suggests", True]
    fields = [
        one_of("outcome", texts.say("teacher_outcome"), USUAL_OUTCOME, outcomes),
        one_of("about", texts.say("teacher_about_what"), EFFECT, abouts),
        tick("suggests", texts.say("teacher_suggest")),
        *decision_fields(BASELINE, only=only),
        tick("fixed", texts.say("teacher_fixed"), only=only),
    ]
    Heading(texts.say("teacher_ask_next" if is_next else "teacher_ask"), 2)
    Sheet(fields, texts.say("teacher_put"), lambda given: attempt(lambda: ask(given)), trouble)


@solara.component
def Students(room: Room) -> None:
    """Show the page of each student and the claim of each team, with buttons that remove members."""
    texts = texts_of("class")
    trouble, attempt = use_attempt()
    shown = room.session.names_shown
    Heading(texts.say("teacher_students"), 2)
    Note(describe_presence(room), live=True)
    if any(team.name for team in room.teams):
        solara.Checkbox(
            label=texts.say("teacher_names"), value=shown,
            on_value=lambda value: the_register().show_names(room.session.code, session(), value),
        )  # fmt: skip
    columns = ("team", "student", "page", *(["claim"] if room.question else []), "remove")
    heads = [texts.say(f"teacher_head_{one}") for one in columns]
    with Wide(texts.say("teacher_students")), vuetify.Html(tag="table", class_="table class-table"):
        with vuetify.Html(tag="thead"), vuetify.Html(tag="tr"):
            for head in heads:
                Said(head, "th", attributes={"scope": "col"})
        with vuetify.Html(tag="tbody"):
            for team in room.teams:
                for place, member in enumerate(team.members):
                    claim = describe_team_claim(team, room.question) if room.question else None
                    remove = partial(the_register().remove, room.session.code, session(), member.number)
                    row = StudentRow(called(team), member, "" if claim and place else claim, partial(attempt, remove))
                    row.key(f"member {member.number}")
    Trouble(trouble)


@solara.component
def StudentRow(team: str, member: Member, claim: str | None, on_remove: Callable[[], None]) -> None:
    """Show one student: team, nickname, open page, the team's claim if one is due, and a button for removal."""
    texts = texts_of("class")
    with vuetify.Html(tag="tr"):
        Said(team, "th", attributes={"scope": "row"})
        Said(member.nickname, "td")
        Said(title_of_page(member.page), "td")
        if claim is not None:
            Said(claim, "td")
        with vuetify.Html(tag="td"):
            AskFirst(
                texts.say("teacher_remove", nickname=member.nickname),
                texts.say("teacher_remove_sure", nickname=member.nickname),
                texts.say("teacher_remove_yes"), texts.say("teacher_keep"), on_remove,
            )  # fmt: skip


def title_of_page(page: str) -> str:
    """Return the title of a student's open page, or a text stating that no page is open."""
    return texts_of("shell").say(f"page_{page}") if page else texts_of("class").say("teacher_away")


def describe_presence(room: Room) -> str:
    """Describe how many students have joined, and how many of them are on each page."""
    texts = texts_of("class")
    members = [member for team in room.teams for member in team.members]
    pages = Counter(title_of_page(member.page) for member in members)
    where = texts.listed([f"{page}: {number}" for page, number in pages.most_common()], len(pages))
    return f"{texts.say('teacher_joined', len(members))} {where}."


def describe_team_claim(team: Team, question: Question) -> str:
    """Describe a team's claim: its choice, range, confidence and reason."""
    texts = texts_of("class")
    sent = team.claims.get(question.number)
    if sent is None:
        return texts.say("teacher_no_claim")
    range_ = format_range(sent.claim, question.about, measure_of(question.outcome))
    claim = f"{describe_choice(sent.claim.overrides)}: {range_} ({percent(sent.claim.confidence)})"
    return f"{claim}. {sent.claim.why}" if sent.claim.why else claim


@solara.component
def Scores(room: Room, question: Question) -> None:
    """Show the score of each team, in the order in which the teams joined, without a ranking."""
    texts, measure = texts_of("class"), measure_of(question.outcome)
    Heading(texts.say("teacher_scores"), 2)
    Note(describe_tally(scored_in(room, question), question.about))
    Note(texts.say("score_one_question"))
    with Wide(texts.say("teacher_scores")), vuetify.Html(tag="table", class_="table"), vuetify.Html(tag="tbody"):
        for team in room.teams:
            sent = team.claims.get(question.number)
            answer = room.answers[question.number].get(sent.claim.overrides) if sent else None
            score = score_of(sent.claim, question.about, answer) if sent and answer else None
            with vuetify.Html(tag="tr"):
                Said(called(team), "th", attributes={"scope": "row"})
                Said(texts.say(f"score_word_{score.verdict}") if score else texts.say("verdict_none"), "td")
                Said(format_amount(score.total, measure, texts) if score else "", "td")


@solara.component
def Ending(room: Room, on_leave: Callable[[], None]) -> None:
    """Show buttons to export, end, delete or leave the session; those that delete data ask for confirmation."""
    texts, code, who = texts_of("class"), room.session.code, session()
    trouble, attempt = use_attempt()
    name = f"panj-class-{code}.csv"

    def export(dialect: Dialect) -> str:
        return csv_of(the_register().room(code, who), lambda outcome: measure_of(outcome).unit, dialect)

    def asks(key: str, act: Callable[[], None]) -> None:
        said = texts.say(f"teacher_{key}_sure", code=grouped(code, CODE // 2))
        yes, no = texts.say(f"teacher_{key}_yes"), texts.say("teacher_keep")
        AskFirst(texts.say(f"teacher_{key}"), said, yes, no, lambda: attempt(act))

    Spreadsheet(export, name, texts.say("teacher_export"))
    with solara.Div(classes=["claims-row"]):
        if not room.session.is_ended:
            asks("end", lambda: the_register().end(code, session()))
        asks("delete", lambda: the_register().delete(code, session()))
        Press(texts.say("teacher_all"), on_leave)
    Trouble(trouble)
