"""Component that shows a choice of settings as a command line and as a YAML scenario, to copy, save or load."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import solara

from sim.classroom.choice.form import Form, command_of
from sim.classroom.choice.parse import Loaded, read_command, read_yaml_text, yaml_of
from sim.classroom.parts import Note, Trouble
from sim.classroom.texts import MOST_TEXT, texts_of
from sim.errors import PanjError

RUN = "python -m sim run"
FILE = "my_scenario.yaml"


@solara.component_vue("faces.vue")
def Texts(faces: list[dict[str, str]], labels: dict[str, str], most: int, event_load: Callable[[Any], None]) -> None:
    """Show texts to copy and a box to paste one into; `event_load` receives a mapping with the pasted `text`."""


@solara.component
def Faces(form: Form, on_form: Callable[[Form], None]) -> None:
    """Show a choice of settings as texts to copy, and a box to load such a text.

    Args:
        form: The choice of settings.
        on_form: Called with the form when a text is loaded; if the text cannot be parsed, an error is shown instead.
    """
    texts = texts_of("change")
    trouble, set_trouble = solara.use_state("")
    said, set_said = solara.use_state("")

    def load(given: Any) -> None:
        text = str(given.get("text", "")) if isinstance(given, Mapping) else ""
        try:
            loaded = read_pasted(text)
        except PanjError as error:
            set_trouble(str(error))
            set_said("")
            return
        on_form(loaded.form)
        set_trouble("")
        aside = " " + texts.say("aside", overrides=", ".join(loaded.aside.words)) if loaded.aside else ""
        set_said(texts.say("loaded") + aside)

    command = f"{RUN} {command_of(form)}".strip()
    faces = [face("command", command), face("yaml", yaml_of(form), FILE)]
    labels = {key: texts.say(key) for key in ("copy", "copied", "save", "paste", "paste_help", "load")}
    Texts(faces=faces, labels=labels, most=MOST_TEXT, event_load=load)
    Trouble(trouble)
    Note(said, live=True)


def face(kind: str, text: str, file: str = "") -> dict[str, str]:
    """Return one text with its title and help, for `Texts`; it is saved under the name `file`."""
    texts = texts_of("change")
    return {"kind": kind, "title": texts.say(f"face_{kind}"), "text": text, "file": file,
            "help": texts.say(f"face_{kind}.help", file=FILE)}  # fmt: skip


def read_pasted(text: str) -> Loaded:
    """Read a pasted text into a form, either as overrides of a command line or as the YAML of a scenario."""
    first = next((line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    is_yaml = re.match(r"(defaults|scenario|start_date|end_date)\s*:", first) is not None or text.lstrip().startswith(
        "#"
    )
    return read_yaml_text(text) if is_yaml else read_command(text)
