"""The page Class: a student joins a session, sends a claim and sees the answer, but sees nothing about other teams."""

from collections.abc import Callable

import solara

from sim.classroom.choice.fields import POLICIES, describe_choice, overrides_for
from sim.classroom.hooks import chosen, middle_of_baseline, session, session_code, use_attempt, use_session_state
from sim.classroom.parts import Heading, Note, Press, Trouble
from sim.classroom.parts.distribution import ClassChart, Said, Style
from sim.classroom.parts.questions import decision_fields
from sim.classroom.parts.sheet import Field, Given, Sheet, lines_field, one_of, text_field
from sim.classroom.reading import format_level
from sim.classroom.sessions.claims import (
    EFFECT,
    LONGEST_NAME,
    LONGEST_REASON,
    USUAL_CONFIDENCE,
    Claim,
    Refused,
    clean_overrides,
    number_typed,
    score_of,
)
from sim.classroom.sessions.register import the_register
from sim.classroom.sessions.session import (
    ANSWERED,
    CLOSED,
    DEBRIEF,
    KEY,
    OPEN,
    RUNNING,
    Place,
    Question,
    Seat,
    grouped,
    measure_of,
)
from sim.classroom.sessions.wall import (
    describe_claim,
    describe_one_campaign,
    describe_reported,
    describe_score,
    own_ranges,
    scale_of,
    title_of,
    unit_of,
)
from sim.classroom.texts import texts_of
from sim.configuration.overrides import Overrides
from sim.wording import percent

ALONE, NEW, WITH_KEY = "alone", "new", "with_key"
CONFIDENCES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@solara.component
def Page() -> None:
    """Show the form to join or, if this browser has joined, the student's seat with question, claim and answer."""
    Style()
    code, set_code = solara.use_state(session_code(the_register().seats_of))
    place = use_session_state(code, lambda: the_register().place(code, session()))
    with solara.Div(classes=["claims-page"]):
        if place is None:
            Joining(code, set_code)
        else:
            Seated(place)


@solara.component
def Joining(code: str, on_joined: Callable[[str], None]) -> None:
    """Show the form for code, nickname and team."""
    texts = texts_of("class")
    trouble, attempt = use_attempt()

    def join(given: Given) -> None:
        found = the_register().session(given["code"]).code
        how = given["how"]
        team, key = given["team"] if how == NEW else "", given["key"] or "-" if how == WITH_KEY else ""
        if how == NEW and not team.strip():
            raise Refused("long_name", what=texts.say("join_team"), found=0, most=LONGEST_NAME)
        the_register().join(found, session(), given["nickname"], team, key)
        on_joined(found)

    Heading(texts.say("join_heading"))
    Note(texts.say("join_about"))
    ways = [{"value": one, "text": texts.say(f"join_{one}")} for one in (ALONE, NEW, WITH_KEY)]
    fields = [
        text_field("code", texts.say("join_code"), grouped(code, 3), mode="text"),
        text_field("nickname", texts.say("join_nickname"), most=LONGEST_NAME),
        one_of("how", texts.say("join_how"), ALONE, ways, "radio"),
        text_field("team", texts.say("join_team"), most=LONGEST_NAME, only=["how", NEW]),
        text_field("key", texts.say("join_key"), only=["how", WITH_KEY]),
    ]
    Sheet(fields, texts.say("join_in"), lambda given: attempt(lambda: join(given)))
    Trouble(trouble)


@solara.component
def Seated(place: Place) -> None:
    """Show the student's seat, the question, the claim and the answer."""
    texts = texts_of("class")
    question = place.question
    Heading(welcome(place.seat))
    if place.seat.key:
        Note(texts.say("join_key_is", None, team_key=grouped(place.seat.key, KEY // 2)))
    if place.session.is_ended:
        Note(texts.say("join_ended"), live=True)
    if question is None:
        Note(texts.say("join_waiting"), live=True)
    else:
        Heading(title_of(question), 2)
        Stage(place, question)
        if question.stage == OPEN and not place.session.is_ended:
            ClaimForm(place, question).key(f"question {question.number}")
        if question.stage in (ANSWERED, DEBRIEF):
            Answered(place, question)
    Leaving(place.session.code)


def welcome(seat: Seat) -> str:
    """Return a welcome that names the student, the team and the number of members."""
    texts = texts_of("class")
    if not seat.key:
        return texts.say("join_welcome", None, nickname=seat.nickname, letter=seat.letter)
    others = texts.say("join_other") if seat.members == 2 else texts.say("join_others", seat.members - 1)
    return texts.say(
        "join_team_welcome", seat.members, nickname=seat.nickname, letter=seat.letter, team=seat.team, others=others
    )


@solara.component
def Stage(place: Place, question: Question) -> None:
    """Show the claim that was sent and the stage of the question; screen readers announce changes."""
    texts, measure = texts_of("class"), measure_of(question.outcome)
    lines = []
    if place.sent is not None:
        claim = place.sent.claim
        lines.append(texts.say("join_sent", None, claim=describe_claim(claim, question.about, measure)))
        lines.append(texts.say("join_choice_sent", None, choice=describe_choice(claim.overrides)))
        if question.stage == OPEN:
            lines.append(texts.say("join_may_revise"))
    elif question.stage != OPEN:
        lines.append(texts.say("join_not_sent"))
    if place.sent is not None and question.stage == CLOSED:
        lines.append(texts.say("join_closed"))
    if question.stage == RUNNING:
        lines.append(texts.say("join_running"))
    with solara.Div(classes=["claims-card"] if lines else [], attributes={"aria-live": "polite", "role": "status"}):
        for sentence in lines:
            Said(sentence)


@solara.component
def ClaimForm(place: Place, question: Question) -> None:
    """Show the form of a claim: a range, a confidence, a reason and, unless the question prescribes it, a choice."""
    texts, measure = texts_of("class"), measure_of(question.outcome)
    before, scale = place.sent.claim if place.sent else None, scale_of(measure)
    start, set_start = solara.use_state(before.overrides if before else question.suggested)
    trouble, attempt = use_attempt()

    def send(given: Given) -> None:
        low, high = (number_typed(given[end]) / scale for end in ("low", "high"))
        choice = question.suggested if question.is_fixed else overrides_for(given, start)
        claim = Claim(choice, low, high, number_typed(given["confidence"]), given["why"])
        the_register().send(place.session.code, session(), question.number, claim)

    Heading(texts.say("join_claim"), 3)
    if question.is_fixed:
        Note(texts.say("join_fixed", None, choice=describe_choice(question.suggested)))
    else:
        Taking(start, set_start)
    if question.about == EFFECT:
        Note(texts.say("join_sign"))
        Scale(question)
    Note(describe_reported(measure))
    fields = [*([] if question.is_fixed else decision_fields(start)), *range_fields(before, question, scale)]
    label = texts.say("join_revise" if before else "join_send")
    Sheet(fields, label, lambda given: attempt(lambda: send(given)))
    Trouble(trouble)


def range_fields(before: Claim | None, question: Question, scale: float) -> list[Field]:
    """Return the fields for range, confidence and reason, filled in from the earlier claim if there is one."""
    texts, unit = texts_of("class"), unit_of(measure_of(question.outcome), question.about)
    low, high = (f"{before.low * scale:.10g}", f"{before.high * scale:.10g}") if before else ("", "")
    sure = [{"value": str(one), "text": percent(one)} for one in CONFIDENCES]
    confidence = str(before.confidence if before else USUAL_CONFIDENCE)
    return [
        text_field("low", f"{texts.say('join_low')} ({unit})", low, most=20),
        text_field("high", f"{texts.say('join_high')} ({unit})", high, most=20),
        one_of("confidence", texts.say("join_confidence"), confidence, sure),
        lines_field("why", texts.say("join_why"), before.why if before else "", LONGEST_REASON),
    ]


@solara.component
def Taking(start: Overrides, on_start: Callable[[Overrides], None]) -> None:
    """Show the claim's settings that have no field in the form, and a button to adopt the choice of the page Change."""
    texts = texts_of("class")
    trouble, attempt = use_attempt()
    if rest := start.without(POLICIES):
        Note(texts.say("choice_rest", None, choice=describe_choice(rest)))
    if chosen.value and chosen.value != start:
        label = texts.say("join_take", None, choice=describe_choice(chosen.value))
        Press(label, lambda: attempt(lambda: on_start(clean_overrides(chosen.value))))
    Trouble(trouble)


@solara.component
def Scale(question: Question) -> None:
    """Once the baseline campaigns are finished, show the middle 90 % of their outcomes as a scale for ranges."""
    measure = measure_of(question.outcome)
    middle = middle_of_baseline(question.outcome)
    if middle is not None:
        low, high = (format_level(end, measure) for end in middle)
        Note(texts_of("class").say("scale_effect", None, low=low, high=high))


@solara.component
def Answered(place: Place, question: Question) -> None:
    """Show how the range of the student's claim compares with campaigns of the choice in that claim."""
    texts, measure = texts_of("class"), measure_of(question.outcome)
    if place.sent is None or place.answer is None:
        return
    claim, answer = place.sent.claim, place.answer
    score = score_of(claim, question.about, answer)
    Heading(texts.say("join_answer"), 2)
    with solara.Div(classes=["claims-card"]):
        for sentence in describe_score(claim, question.about, answer, measure, score):
            Said(sentence)
    if score is not None:
        ClassChart(chart=own_ranges(place, question))
        Note(describe_one_campaign(answer, question.about, measure))


@solara.component
def Leaving(code: str) -> None:
    """Show a button to leave the session, which asks for confirmation because leaving deletes the student's data."""
    texts = texts_of("class")
    is_sure, set_is_sure = solara.use_state(False)
    trouble, attempt = use_attempt()
    with solara.Div(classes=["claims-row"]):
        if is_sure:
            Note(texts.say("join_leave_sure"), live=True)
            Press(texts.say("join_leave_yes"), lambda: attempt(lambda: the_register().leave(code, session())))
            Press(texts.say("join_stay"), lambda: set_is_sure(False))
        else:
            Press(texts.say("join_leave"), lambda: set_is_sure(True))
    Trouble(trouble)
