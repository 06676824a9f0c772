"""A native drop-down list."""

from collections.abc import Callable, Mapping
from typing import Any

import solara


@solara.component_vue("choose.vue")
def Select(label: str, options: list[dict[str, str]], value: str, event_choose: Callable[[Any], None]) -> None:
    """Show a drop-down list; `event_choose` receives the name of the option that was chosen."""


@solara.component
def Choose(label: str, options: Mapping[str, str], value: str, on_value: Callable[[str], None]) -> None:
    """Show a drop-down list.

    Args:
        label: Label of the list.
        options: The label of each option, keyed by name of the option.
        value: Name of the option that is selected.
        on_value: Receives the name of a newly selected option.
    """
    rows = [{"name": name, "label": said} for name, said in options.items()]
    Select(
        label=label, options=rows, value=value, event_choose=lambda given: on_value(given) if given in options else None
    )
