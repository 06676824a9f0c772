"""The seven scenes in a class session: the teacher's controls, and the student's link to the current scene."""

from functools import partial

import solara

from sim.classroom.hooks import session, use_attempt
from sim.classroom.notices import scenes_address
from sim.classroom.parts import AskFirst, Folded, Heading, Note, Press, Trouble
from sim.classroom.parts.questions import Sentences
from sim.classroom.scenes import prepare
from sim.classroom.sessions.scenes import Work, the_class_scenes
from sim.classroom.sessions.scenes_wall import count_done, title_of_scene
from sim.classroom.texts import texts_of
from sim.explorable.content import SCENES


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
    written = [one for one in works if one.sentence]
    if written:
        with Folded(texts.say("teach_sentences", len(written))):
            Sentences([texts.say("teach_sentence", letter=one.letter, sentence=one.sentence) for one in written])
    Trouble(trouble)


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
