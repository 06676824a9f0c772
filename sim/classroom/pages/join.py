"""The page Class: a student joins a session, sends a claim and sees the answer, but nothing about other teams."""

import json
from collections.abc import Callable
from typing import NamedTuple

import solara

from sim.classroom.choice.fields import POLICIES, describe_choice, fields_of, overrides_for
from sim.classroom.choice.form import are_texts
from sim.classroom.choice.parse import parse_choice
from sim.classroom.hooks import chosen, middle_of_baseline, session, session_code, use_attempt, use_session_state
from sim.classroom.parts import AskFirst, Heading, Note, Press, Trouble
from sim.classroom.parts.distribution import ClassChart, Said
from sim.classroom.parts.in_class.attending import seats_changed
from sim.classroom.parts.in_class.scenes_clock import ToScenes
from sim.classroom.parts.sheet import VERSION, Field, Given, Sheet, kept_field, lines_field, one_of, text_field
from sim.classroom.reading import format_level
from sim.classroom.sessions.claims import (
    EFFECT,
    LONGEST_NAME,
    LONGEST_OVERRIDE,
    LONGEST_REASON,
    MOST_OVERRIDES,
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
    CODE,
    DEBRIEF,
    KEY,
    OPEN,
    RUNNING,
    Place,
    Question,
    Seat,
    grouped,
    measure_of,
    version_of,
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
from sim.configuration.overrides import BASELINE, Overrides
from sim.wording import percent

ALONE, NEW, WITH_KEY = "alone", "new", "with_key"
CONFIDENCES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@solara.component
def Page() -> None:
    """Show the form to join or, if this browser has joined, the student's seat with question, claim and answer."""
    code, set_code = solara.use_state(session_code(the_register().seats_of))
    place = use_session_state(code, lambda: the_register().place(code, session()))

    def moved(new: str) -> None:
        set_code(new)
        seats_changed.set(seats_changed.value + 1)

    with solara.Div(classes=["claims-page"]):
        if place is None:
            Joining(code, moved)
        else:
            Seated(place, lambda: moved(code))


@solara.component
def Joining(code: str, on_joined: Callable[[str], None]) -> None:
    """Show the form for nickname, team and, unless the address names a session, its code."""
    texts, known = texts_of("class"), the_register().find(code)
    is_known = known is not None and not known.is_ended
    trouble, attempt = use_attempt()

    def join(given: Given) -> None:
        found = the_register().session(code if is_known else given["code"]).code
        how = given["how"]
        team, key = given["team"] if how == NEW else "", given["key"] or "-" if how == WITH_KEY else ""
        if how == NEW and not team.strip():
            raise Refused("long_name", what=texts.say("join_team"), found=0, most=LONGEST_NAME)
        the_register().join(found, session(), given["nickname"], team, key)
        on_joined(found)

    Heading(texts.say("join_heading"))
    if the_register().was_removed(code, session()):
        Said(texts.say("join_removed"), attributes={"role": "alert"}, classes=("trouble",))
    elif code and not is_known:
        Said(texts.say("join_unknown"), attributes={"role": "alert"}, classes=("trouble",))
    Note(texts.say("join_about"))
    ways = [{"value": one, "text": texts.say(f"join_{one}")} for one in (ALONE, NEW, WITH_KEY)]
    fields = [
        *([] if is_known else [text_field("code", texts.say("join_code"), grouped(code, CODE // 2), mode="text")]),
        text_field("nickname", texts.say("join_nickname"), most=LONGEST_NAME),
        one_of("how", texts.say("join_how"), ALONE, ways, "radio"),
        text_field("team", texts.say("join_team"), most=LONGEST_NAME, only=["how", NEW]),
        text_field("key", texts.say("join_key"), only=["how", WITH_KEY]),
    ]
    Sheet(fields, texts.say("join_in"), lambda given: attempt(lambda: join(given)), trouble).key("form")


@solara.component
def Seated(place: Place, on_left: Callable[[], None]) -> None:
    """Show the student's seat, the question, the claim and the answer."""
    texts = texts_of("class")
    question = place.question
    Heading(welcome(place.seat))
    if place.seat.key:
        Note(texts.say("join_key_is", team_key=grouped(place.seat.key, KEY // 2)))
    if place.session.is_ended:
        Note(texts.say("join_ended"), live=True)
    if place.scene is not None:
        ToScenes(place.session.code)
    elif question is None:
        Note(texts.say("join_waiting"), live=True)
    else:
        Heading(title_of(question), 2)
        Stage(place, question)
        if question.stage == OPEN and not place.session.is_ended:
            ClaimForm(place, question).key(f"question {question.number}")
        if question.stage in (ANSWERED, DEBRIEF):
            Answered(place, question)
    Leaving(place.session.code, on_left).key("leaving")


def welcome(seat: Seat) -> str:
    """Return a welcome that names the student, the team and the number of members."""
    texts = texts_of("class")
    if not seat.key:
        return texts.say("join_welcome", nickname=seat.nickname, letter=seat.letter)
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
        lines.append(texts.say("join_sent", claim=describe_claim(claim, question.about, measure)))
        lines.append(texts.say("join_choice_sent", choice=describe_choice(claim.overrides)))
        if question.stage == OPEN:
            lines.append(texts.say("join_may_revise"))
    elif question.stage != OPEN:
        lines.append(texts.say("join_not_sent"))
    if place.sent is not None and question.stage == CLOSED:
        lines.append(texts.say("join_closed"))
    if question.stage == RUNNING or (question.stage in (ANSWERED, DEBRIEF) and place.sent and place.answer is None):
        lines.append(texts.say("join_running"))
    with solara.Div(classes=["claims-card"] if lines else [], attributes={"aria-live": "polite", "role": "status"}):
        for sentence in lines:
            Said(sentence)


@solara.component
def ClaimForm(place: Place, question: Question) -> None:
    """Show the form of a claim: range, confidence, reason and, unless the question prescribes it, choice."""
    texts, measure = texts_of("class"), measure_of(question.outcome)
    before, seen, scale = place.sent.claim if place.sent else None, version_of(place.sent), scale_of(measure)
    own, set_own = solara.use_state("")
    adopted, set_adopted = solara.use_state(Adopted(seen, 0, BASELINE))
    is_adopted = adopted.number > 0 and adopted.seen == seen
    start = adopted.choice if is_adopted else before.overrides if before else question.suggested
    version = f"{seen}.{adopted.number if is_adopted else 0}"
    trouble, attempt = use_attempt()

    def send(given: Given) -> None:
        low, high = (number_typed(given[end]) / scale for end in ("low", "high"))
        choice = question.suggested if question.is_fixed else choice_of(given)
        claim = Claim(choice, low, high, number_typed(given["confidence"]), given["why"])
        shown = int(given[VERSION].partition(".")[0] or 0)
        set_own(f"{the_register().send(place.session.code, session(), question.number, claim, shown)}.0")

    def adopt(choice: Overrides) -> None:
        found = Adopted(seen, adopted.number + 1, choice)
        set_own(f"{seen}.{found.number}")
        set_adopted(found)

    if question.is_fixed:
        Note(texts.say("join_fixed", choice=describe_choice(question.suggested)))
    else:
        Adopting(start, adopt)
    if question.about == EFFECT:
        Scale(question)
    else:
        Note(describe_reported(measure))
    choice = [] if question.is_fixed else choice_fields(start)
    label = texts.say("join_revise" if before else "join_send")
    fields = [*choice, *range_fields(before, question, scale)]
    Sheet(fields, label, lambda given: attempt(lambda: send(given)), trouble, version, own)


class Adopted(NamedTuple):
    """A choice of the page Change that a student has put into the form of a claim."""

    seen: int  # version of the team's claim at that time; a later version discards the choice
    number: int  # number of choices adopted so far
    choice: Overrides


DECISION = "decision"  # field with the one decision that a claim changes
REST = "rest"  # field with the other settings of a claim
MOST_REST = MOST_OVERRIDES * (LONGEST_OVERRIDE + 4)  # largest number of characters of that field


def choice_fields(start: Overrides) -> list[Field]:
    """Return the field for one decision, and a field that shows and sends the other settings."""
    texts, decided = texts_of("class"), [word for word in start.words if word.partition("=")[0] in POLICIES]
    is_one = len(decided) == 1
    rest = start.without(POLICIES) if is_one else start
    options = [{"value": "", "text": texts.say("join_no_decision")}]
    for group in POLICIES:
        field = fields_of()[group]
        options += [
            {"value": f"{group}={one.name}", "text": f"{field.label}: {one.label}", "help": one.about}
            for one in field.options[1:]
        ]
    said = texts.say("choice_rest", choice=describe_choice(rest)) if rest else ""
    return [
        one_of(DECISION, texts.say("join_decision"), decided[0] if is_one else "", options),
        kept_field(REST, said, json.dumps(rest.words), MOST_REST),
    ]


def choice_of(given: Given) -> Overrides:
    """Return the choice of settings that a form shows; raise PanjError if a value is not one of its options."""
    group, _, name = given[DECISION].partition("=")
    return overrides_for({group: name} if name else {}, read_rest(given[REST]))


def read_rest(text: str) -> Overrides:
    """Parse the settings without fields that a form sent back; raise PanjError if they cannot be parsed."""
    try:
        words = json.loads(text)
    except ValueError:
        words = None
    if not are_texts(words):
        raise Refused("odd_rest")
    return parse_choice(words)


def range_fields(before: Claim | None, question: Question, scale: float) -> list[Field]:
    """Return the fields for range, confidence and reason, filled in from any earlier claim."""
    texts, unit = texts_of("class"), unit_of(measure_of(question.outcome), question.about)
    low, high = (f"{before.low * scale:.10g}", f"{before.high * scale:.10g}") if before else ("", "")
    sure = [{"value": str(one), "text": percent(one)} for one in CONFIDENCES]
    help_ = texts.say("join_low_effect") if question.about == EFFECT else ""
    confidence = str(before.confidence if before else USUAL_CONFIDENCE)
    return [
        text_field("low", f"{texts.say('join_low')} ({unit})", low, most=20, help=help_),
        text_field("high", f"{texts.say('join_high')} ({unit})", high, most=20),
        one_of("confidence", texts.say("join_confidence"), confidence, sure),
        lines_field("why", texts.say("join_why"), before.why if before else "", LONGEST_REASON),
    ]


@solara.component
def Adopting(start: Overrides, on_choice: Callable[[Overrides], None]) -> None:
    """Show a button that copies the choice of the page Change into the form, if the two differ."""
    trouble, attempt = use_attempt()
    if chosen.value and chosen.value != start:
        label = texts_of("class").say("join_take", choice=describe_choice(chosen.value))
        Press(label, lambda: attempt(lambda: on_choice(clean_overrides(chosen.value))))
    Trouble(trouble)


@solara.component
def Scale(question: Question) -> None:
    """Show the middle 90 % of the baseline outcomes, once these have been computed, as a scale for ranges."""
    measure = measure_of(question.outcome)
    middle = middle_of_baseline(question.outcome)
    if middle is not None:
        low, high = (format_level(end, measure) for end in middle)
        Note(texts_of("class").say("scale_effect", low=low, high=high))


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
def Leaving(code: str, on_left: Callable[[], None]) -> None:
    """Show a button to leave the session; it asks for confirmation, because leaving deletes the student's data."""
    texts = texts_of("class")
    trouble, attempt = use_attempt()

    def leave() -> None:
        the_register().leave(code, session())
        on_left()

    label, said, yes, no = (texts.say(key) for key in ("join_leave", "join_leave_sure", "join_leave_yes", "join_stay"))
    with solara.Div(classes=["claims-row"]):
        AskFirst(label, said, yes, no, lambda: attempt(leave))
    Trouble(trouble)
