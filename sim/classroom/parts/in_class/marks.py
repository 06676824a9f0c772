"""The part of the page Teacher that receives hand-ins, marks them and offers the marks as CSV."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import solara
from solara.lab import use_task

from sim.classroom.hooks import session, use_session_state
from sim.classroom.lessons.collected import (
    MOST_FILES,
    REFERENCE,
    Marked,
    mark_all,
    pool_campaigns,
    the_class_hand_ins,
)
from sim.classroom.lessons.hand_in import HEADS, LARGEST, Graded, answer_lines, as_csv, class_texts, in_order
from sim.classroom.parts import Heading, Note, Press, Trouble
from sim.classroom.parts.in_class.spreadsheet import Spreadsheet
from sim.classroom.parts.questions import Sentences, Table
from sim.classroom.texts import texts_of

Files = dict[str, str]  # content, keyed by name


@solara.component_vue("files.vue")
def FilePicker(label: str, most: int, largest: int, event_files: Callable[[Any], None]) -> None:
    """Show a field that reads text files in the browser; `event_files` receives mappings with `name` and `text`."""


@solara.component
def Marks(code: str) -> None:
    """Show how many students of a class session have handed in, and the controls to mark their answers.

    Args:
        code: Code of the session; the visitor must be its teacher.
    """
    texts = texts_of("hand_in")
    who = session()
    received = use_session_state(code, lambda: len(the_class_hand_ins().of(code, who))) or 0
    added, set_added = solara.use_state(Files())
    wanted, set_wanted = solara.use_state(0)

    def add(given: Any) -> None:
        rows = [one for one in given if isinstance(one, Mapping)] if isinstance(given, list) else []
        set_added({**added, **{str(one.get("name"))[:100]: str(one.get("text")) for one in rows[:MOST_FILES]}})

    Heading(texts.say("heading"), 2)
    Note(texts.say("received", received) if received else texts.say("nobody"), live=True)
    Note(texts.say("kept"))
    FilePicker(label=texts.say("files"), most=MOST_FILES, largest=LARGEST + 1, event_files=add)
    if added:
        Note(texts.say("read", len(added)), live=True)
    if received or added:
        with solara.Div(classes=["claims-row"]):
            Press(texts.say("mark"), lambda: set_wanted(wanted + 1), is_main=True)
    if wanted:
        Marking({**the_class_hand_ins().of(code, who), **added}, code).key(f"{wanted}")


@solara.component
def Marking(files: Files, code: str) -> None:
    """Mark hand-ins in a separate thread, and show the marks when they are ready."""
    texts = texts_of("hand_in")
    done, set_done = solara.use_state(0)
    given = solara.use_memo(lambda: tuple(files.items()), [])
    task = use_task(lambda: mark_all(given, pool_campaigns(), on_progress=set_done), dependencies=[])
    if task.value is None:
        Note(texts.say("marking", done=done, all=len(given), reference=REFERENCE), live=True)
    else:
        Results(task.value, f"panj-marks-{code}.csv")


@solara.component
def Results(marked: Marked, file: str) -> None:
    """Show the marks as a table, with feedback for each student and a download as CSV."""
    texts, heads = texts_of("hand_in"), texts_of("grade")
    for trouble in marked.troubles:
        Trouble(trouble)
    if not marked.graded:
        return
    graded = in_order(marked.graded)
    Table([heads.say(key) for key in HEADS], [row_of(one) for one in graded], texts.say("table", len(graded)))
    Sentences(class_texts(graded))
    Spreadsheet(lambda dialect: as_csv(graded, dialect), file, texts.say("download"))
    solara.HTML("div", unsafe_innerHTML="".join(feedback_in_html(one) for one in graded))


def row_of(graded: Graded) -> list[str]:
    """Return the row of a hand-in in the table of marks."""
    sheet, (points, most) = graded.hand_in.sheet, graded.points
    said = texts_of("hand_in").say("points", points=f"{points:g}", most=most)
    return [sheet.student, f"{sheet.lesson.number}. {sheet.lesson.title}", said, f"{graded.flagged}"]


def feedback_in_html(graded: Graded) -> str:
    """Return the tasks, answers and remarks of a hand-in as collapsed HTML."""
    texts, sheet = texts_of("hand_in"), graded.hand_in.sheet
    title = texts.say("feedback", student=sheet.student, number=sheet.lesson.number)
    parts = [f"<details><summary>{escape(title)}</summary><ol>"]
    for one in graded.marks:
        earned = texts.say("points", points=f"{one.points:g}", most=one.most)
        asked = sheet.task(one.task).asks.replace("*", "")
        lines = "".join(f"<li>{escape(said)}</li>" for said in answer_lines(graded, one))
        parts.append(f"<li><b>{escape(earned)}</b> {escape(asked)}<ul>{lines}</ul></li>")
    return "".join([*parts, "</ol></details>"])
