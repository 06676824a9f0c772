"""A button for what cannot simply be taken back: it asks first."""

from collections.abc import Callable

import solara


@solara.component_vue("sure.vue")
def SureInVue(label: str, question: str, yes: str, no: str, event_act: Callable[[object], None]) -> None:
    """Show a button that opens a dialog; `event_act` is called when the visitor agrees."""


@solara.component
def AskFirst(label: str, question: str, yes: str, no: str, act: Callable[[], None]) -> None:
    """Show a button that asks before it acts.

    Args:
        label: Label of the button.
        question: What will happen, in one or two sentences.
        yes: Label of the button that agrees.
        no: Label of the button that closes the question; it has the focus at first.
        act: Called when the visitor agrees.
    """
    SureInVue(label=label, question=question, yes=yes, no=no, event_act=lambda _: act())
