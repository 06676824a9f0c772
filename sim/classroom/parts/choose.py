"""A native drop-down list, whose options may be in groups."""

from collections.abc import Callable, Mapping
from typing import Any

import solara


@solara.component_vue("choose.vue")
def Select(label: str, groups: list[dict[str, Any]], value: str, event_choose: Callable[[Any], None]) -> None:
    """Show a drop-down list; `event_choose` receives the name of the option that was chosen."""


@solara.component
def Choose(
    label: str,
    options: Mapping[str, str],
    value: str,
    on_value: Callable[[str], None],
    groups: Mapping[str, str] | None = None,
) -> None:
    """Show a drop-down list.

    Args:
        label: Label of the list.
        options: The label of each option, keyed by name of the option.
        value: Name of the option that is selected.
        on_value: Receives the name of a newly selected option.
        groups: The heading under which each option is listed, keyed by name of the option; None for no headings.
    """
    rows: dict[str, list[dict[str, str]]] = {}
    for name, said in options.items():
        rows.setdefault((groups or {}).get(name, ""), []).append({"name": name, "label": said})
    Select(
        label=label,
        groups=[{"label": heading, "options": found} for heading, found in rows.items()],
        value=value,
        event_choose=lambda given: on_value(given) if given in options else None,
    )
