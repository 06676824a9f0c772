"""A native drop-down list."""

from collections.abc import Callable, Mapping
from typing import Any

import solara


@solara.component_vue("choose.vue")
def Select(label: str, options: list[dict[str, str]], value: str, event_choose: Callable[[Any], None]) -> None:
    """The control."""


@solara.component
def Choose(label: str, options: Mapping[str, str], value: str, on_value: Callable[[str], None]) -> None:
    """A list of labels by name; a name that is not in it is ignored."""
    rows = [{"name": name, "label": said} for name, said in options.items()]
    Select(
        label=label, options=rows, value=value, event_choose=lambda given: on_value(given) if given in options else None
    )
