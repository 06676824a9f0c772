"""A student joins a class, sends a claim, and reads what campaigns answer to it; nothing of anybody else."""

from collections.abc import Callable

import reacton.ipyvuetify as vuetify
import solara

from sim.classroom.answers import score_of
from sim.classroom.attempts import use_attempt
from sim.classroom.choices import say_choice
from sim.classroom.claims import EFFECT, USUAL_CONFIDENCE, Claim, Words, number_typed
from sim.classroom.offered import offered
from sim.classroom.parts import Heading, Note, Press, Trouble
from sim.classroom.parts.claims import Ranges, Said, Style
from sim.classroom.parts.decisions import Decisions
from sim.classroom.phrases import say_claim, say_level, say_percent, say_reported, say_score, scale_of, unit_of
from sim.classroom.register import the_register
from sim.classroom.rooms import ANSWERED, CLOSED, DEBRIEF, KEY, OPEN, RUNNING, Place, Question, Seat, grouped
from sim.classroom.sessions import asked_for, middle_of_baseline
from sim.classroom.state import session
from sim.classroom.wall import own_ranges, title_of
from sim.classroom.watched import use_watched
from sim.classroom.words import words_of

ALONE, NEW, WITH_KEY = "alone", "new", "key"
CONFIDENCES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@solara.component
def Page() -> None:
    """The form to join, or the seat that this browser has."""
    Style()
    code, set_code = solara.use_state(asked_for(the_register().seats_of))
    place = use_watched(code, lambda: the_register().place(code, session()))
    if place is None:
        Joining(code, set_code)
    else:
        Seated(place)


@solara.component
def Joining(code: str, on_joined: Callable[[str], None]) -> None:
    """Code, nickname, and with whom."""
    words = words_of("class")
    typed, set_typed = solara.use_state(grouped(code, 3))
    nickname, set_nickname = solara.use_state("")
    how, set_how = solara.use_state(ALONE)
    team, set_team = solara.use_state("")
    key, set_key = solara.use_state("")
    trouble, attempt = use_attempt()

    def join() -> None:
        found = the_register().session(typed).code
        the_register().join(
            found, session(), nickname, team=team if how == NEW else "", key=(key or "-") if how == WITH_KEY else ""
        )
        on_joined(found)

    Heading(words.say("join_heading"))
    Note(words.say("join_about"))
    with solara.Div(classes=["claims-fields"]):
        solara.InputText(words.say("join_code"), typed, on_value=set_typed, continuous_update=True)
        solara.InputText(words.say("join_nickname"), nickname, on_value=set_nickname, continuous_update=True)
    with vuetify.RadioGroup(label=words.say("join_how"), v_model=how, on_v_model=set_how, column=True):
        for value, label in ((ALONE, "join_alone"), (NEW, "join_new"), (WITH_KEY, "join_key_way")):
            vuetify.Radio(label=words.say(label), value=value)
    if how == NEW:
        solara.InputText(words.say("join_team"), team, on_value=set_team, continuous_update=True)
    if how == WITH_KEY:
        solara.InputText(words.say("join_key"), key, on_value=set_key, continuous_update=True)
    Press(words.say("join_in"), lambda: attempt(join), is_main=True)
    Trouble(trouble)


@solara.component
def Seated(place: Place) -> None:
    """Who one is, what is asked, the claim, the answer."""
    words = words_of("class")
    question = place.question
    Heading(welcome(place.seat))
    if place.seat.key:
        Note(words.say("join_key_is", None, team_key=grouped(place.seat.key, KEY // 2)))
    if place.session.is_ended:
        Note(words.say("join_ended"), live=True)
    if question is None:
        Note(words.say("join_waiting"), live=True)
    else:
        Heading(title_of(question), 2)
        Stage(place, question)
        if question.stage == OPEN and not place.session.is_ended:
            ClaimForm(place, question).key(f"question {question.number}")
        if question.stage in (ANSWERED, DEBRIEF):
            Answered(place, question)
    Leaving(place.session.code)


def welcome(seat: Seat) -> str:
    """Who one is, and with how many."""
    words = words_of("class")
    if not seat.key:
        return words.say("join_welcome", None, nickname=seat.nickname, letter=seat.letter)
    others = words.say("join_other") if seat.members == 2 else words.say("join_others", seat.members - 1)
    return words.say(
        "join_team_welcome", seat.members, nickname=seat.nickname, letter=seat.letter, team=seat.team, others=others
    )


@solara.component
def Stage(place: Place, question: Question) -> None:
    """What was sent, and what happens now; read out when it changes."""
    words, measure = words_of("class"), offered()[question.outcome]
    told = []
    if place.sent is not None:
        claim = place.sent.claim
        told.append(words.say("join_sent", None, claim=say_claim(claim, question.about, measure)))
        told.append(words.say("join_choice_sent", None, choice=say_choice(claim.words)))
        if question.stage == OPEN:
            told.append(words.say("join_may_revise"))
    elif question.stage != OPEN:
        told.append(words.say("join_not_sent"))
    if place.sent is not None and question.stage == CLOSED:
        told.append(words.say("join_closed"))
    if question.stage == RUNNING:
        told.append(words.say("join_running"))
    with solara.Div(classes=["claims-card"] if told else [], attributes={"aria-live": "polite", "role": "status"}):
        for sentence in told:
            Said(sentence)


@solara.component
def ClaimForm(place: Place, question: Question) -> None:
    """A choice, a range, how sure, and why."""
    words, measure = words_of("class"), offered()[question.outcome]
    before, scale = place.sent.claim if place.sent else None, scale_of(measure)
    chosen, set_chosen = solara.use_state(before.words if before else question.suggested)
    low, set_low = solara.use_state(f"{before.low * scale:g}" if before else "")
    high, set_high = solara.use_state(f"{before.high * scale:g}" if before else "")
    confidence, set_confidence = solara.use_state(before.confidence if before else USUAL_CONFIDENCE)
    why, set_why = solara.use_state(before.why if before else "")
    trouble, attempt = use_attempt()

    def send() -> None:
        claim = Claim(chosen, number_typed(low) / scale, number_typed(high) / scale, confidence, why)
        the_register().send(place.session.code, session(), question.number, claim)

    Heading(words.say("join_claim"), 3)
    Choosing(question, chosen, set_chosen)
    Heading(words.say("join_range"), 3)
    if question.about == EFFECT:
        Note(words.say("join_sign"))
        Scale(question)
    Note(say_reported(measure))
    unit = unit_of(measure, question.about)
    with solara.Div(classes=["claims-fields"]):
        for label, value, on_value in (("join_low", low, set_low), ("join_high", high, set_high)):
            solara.InputText(f"{words.say(label)} ({unit})", value, on_value=on_value, continuous_update=True)
        said = {say_percent(one): one for one in CONFIDENCES}
        solara.Select(
            words.say("join_confidence"), list(said), say_percent(confidence),
            on_value=lambda text: set_confidence(said[text]),
        )  # fmt: skip
    solara.InputText(words.say("join_why"), why, on_value=set_why, continuous_update=True)
    Press(words.say("join_revise" if before else "join_send"), lambda: attempt(send), is_main=True)
    Trouble(trouble)


@solara.component
def Choosing(question: Question, chosen: Words, on_chosen: Callable[[Words], None]) -> None:
    """The decisions, unless the teacher has made them for all."""
    words = words_of("class")
    if question.is_fixed:
        Note(words.say("join_fixed", None, choice=say_choice(question.suggested)))
    else:
        Heading(words.say("join_choice"), 3)
        Decisions(chosen, on_chosen)


@solara.component
def Scale(question: Question) -> None:
    """Where the baseline's campaigns lie, once they are there, so that a number can be guessed at all."""
    measure = offered()[question.outcome]
    middle = middle_of_baseline(question.outcome)
    if middle is not None:
        low, high = (say_level(end, measure) for end in middle)
        Note(words_of("class").say("scale_effect", None, low=low, high=high))


@solara.component
def Answered(place: Place, question: Question) -> None:
    """One's own range against one's own campaigns."""
    words, measure = words_of("class"), offered()[question.outcome]
    if place.sent is None or place.answer is None:
        return
    claim, answer = place.sent.claim, place.answer
    score = score_of(claim, question.about, answer)
    Heading(words.say("join_answer"), 2)
    with solara.Div(classes=["claims-card"]):
        for sentence in say_score(claim, question.about, answer, measure, score):
            Said(sentence)
    if score is not None:
        Ranges(own_ranges(place, question))
        Note(words.say("join_one_number", None, value=say_level(answer.values[0], measure)))


@solara.component
def Leaving(code: str) -> None:
    """Twice asked, for it deletes."""
    words = words_of("class")
    is_sure, set_is_sure = solara.use_state(False)
    trouble, attempt = use_attempt()
    with solara.Div(classes=["claims-row"]):
        if is_sure:
            Note(words.say("join_leave_sure"), live=True)
            Press(words.say("join_leave_yes"), lambda: attempt(lambda: the_register().leave(code, session())))
            Press(words.say("join_stay"), lambda: set_is_sure(False))
        else:
            Press(words.say("join_leave"), lambda: set_is_sure(True))
    Trouble(trouble)
