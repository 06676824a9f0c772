"""The seven scenes in a class session: the teacher's controls, and the student's link to the current scene."""

from collections.abc import Sequence
from functools import partial

import solara

from sim.classroom.hooks import session, use_attempt
from sim.classroom.notices import scenes_address
from sim.classroom.parts import AskFirst, Folded, Heading, Note, Press, Trouble
from sim.classroom.parts.in_class.spreadsheet import Spreadsheet
from sim.classroom.parts.questions import Sentences
from sim.classroom.scenes import prepare
from sim.classroom.sessions.scenes import Work, the_class_scenes
from sim.classroom.sessions.scenes_wall import count_done, title_of_scene
from sim.classroom.texts import safe_cell, texts_of
from sim.explorable.content import SCENES
from sim.study.files import USUAL, Dialect, csv_rows


@solara.component
def ScenesClock(code: str, scene: int | None, works: tuple[Work, ...], is_ready: bool) -> None:
    """Show the button that begins the scenes or, once they have begun, the buttons that change the scene.

    Args:
        code: Code of the session.
        scene: Number of the current scene; None if the class is not in the scenes.
        works: The work of each student.
        is_ready: Whether the campaigns of the scenes have been read.
    """
    texts, who = texts_of("scenes"), session()
    trouble, attempt = use_attempt()
    is_asked, set_asked = solara.use_state(False)

    def get_ready() -> None:
        prepare()
        set_asked(True)

    Heading(texts.say("teach_heading"), 2)
    if scene is None:
        Note(texts.say("teach_about"))
        if not is_ready:
            Note(texts.say("teach_getting_ready" if is_asked else "teach_not_ready"), live=True)
            if not is_asked:
                Press(texts.say("teach_get_ready"), get_ready)
        Press(texts.say("teach_begin"), partial(attempt, partial(the_class_scenes().begin, code, who)))
    else:
        Note(texts.say("teach_now", number=scene + 1, all=len(SCENES), title=title_of_scene(scene)), live=True)
        if count := count_done(scene, works):
            Note(count, live=True)
        if not is_ready:
            Note(texts.say("teach_getting_ready"), live=True)
        with solara.Div(classes=["claims-row"]):
            move = partial(the_class_scenes().move, code, who)
            if scene + 1 < len(SCENES):
                label = texts.say("teach_next", title=title_of_scene(scene + 1))
                Press(label, partial(attempt, partial(move, scene + 1)), is_main=True)
            if scene:
                Press(texts.say("teach_back"), partial(attempt, partial(move, scene - 1)))
            stop = partial(attempt, partial(the_class_scenes().stop, code, who))
            label, said, yes = (texts.say(f"teach_{key}") for key in ("stop", "stop_sure", "stop_yes"))
            AskFirst(label, said, yes, texts_of("class").say("teacher_keep"), stop)
        Note(texts.say("teach_keys"))
    Trouble(trouble)


@solara.component
def Written(code: str, works: tuple[Work, ...]) -> None:
    """Show the sentences that students have handed in, by letter, and offer them as CSV.

    They are shown to the teacher until the session is deleted, whether or not the class is in the scenes.

    Args:
        code: Code of the session.
        works: The work of each student.
    """
    texts, who, written = texts_of("scenes"), session(), [one for one in works if one.sentence]
    if not written:
        return
    Heading(texts.say("teach_written"), 2)
    with Folded(texts.say("teach_sentences", len(written))):
        Sentences([texts.say("teach_sentence", letter=one.letter, sentence=one.sentence) for one in written])

    def export(dialect: Dialect) -> str:
        return csv_of_sentences(the_class_scenes().gathered(code, who), dialect)

    Spreadsheet(export, f"panj-sentences-{code}.csv", texts.say("teach_sentences_file"))


def csv_of_sentences(works: Sequence[Work], dialect: Dialect = USUAL) -> str:
    """Return the sentences of a class as CSV.

    Args:
        works: The work of each student.
        dialect: Separator of columns and decimal mark.

    Returns:
        The text of the file: headings, then the letter and sentence of each student who has written one; no names.
    """
    texts = texts_of("scenes")
    heads = [texts.say(f"teach_csv_{column}") for column in ("letter", "sentence")]
    return csv_rows([heads, *([one.letter, safe_cell(one.sentence)] for one in works if one.sentence)], dialect)


@solara.component_vue("scenes_way.vue")
def ScenesWay(href: str, code: str, said: str, label: str) -> None:
    """Open the scenes immediately, unless the student has left them in this tab, and show a link to them."""


@solara.component
def ToScenes(code: str) -> None:
    """Take a student to the current scene of the class.

    Args:
        code: Code of the session.
    """
    texts, href = texts_of("scenes"), scenes_address(solara.use_router().root_path, code)
    ScenesWay(href=href, code=code, said=texts.say("join_now"), label=texts.say("join_open"))
