"""A button for actions that cannot easily be undone: it asks for confirmation."""

from collections.abc import Callable

import solara


@solara.component_vue("sure.vue")
def SureInVue(label: str, question: str, yes: str, no: str, event_act: Callable[[object], None]) -> None:
    """Show a button that opens a dialog; `event_act` is called when the visitor confirms."""


@solara.component
def AskFirst(label: str, question: str, yes: str, no: str, act: Callable[[], None]) -> None:
    """Show a button that asks for confirmation before it acts.

    Args:
        label: Label of the button.
        question: What will happen, in one or two sentences.
        yes: Label of the button that confirms.
        no: Label of the button that cancels; it has the initial focus.
        act: Called when the visitor confirms.
    """
    SureInVue(label=label, question=question, yes=yes, no=no, event_act=lambda _: act())
