"""Downloads of the page Teacher as CSV, in the convention of the teacher's spreadsheet."""

from collections.abc import Callable
from typing import Any

import solara

from sim.classroom.hooks import session
from sim.classroom.parts.downloads import ADDRESS, Offer, describe_dialect, dialects, the_offers, usual_dialect
from sim.classroom.texts import texts_of
from sim.study.files import Dialect

chosen: solara.Reactive[str] = solara.reactive("")  # convention of the teacher's spreadsheet; empty for the default


@solara.component_vue("spreadsheet.vue")
def SpreadsheetInVue(
    legend: str, label: str, options: list[dict[str, str]], value: str, address: str,
    event_choose: Callable[[Any], None],
) -> None:  # fmt: skip
    """Show a list of conventions and a link to the file in the selected one, which the browser itself puts together."""


@solara.component
def Spreadsheet(text_of: Callable[[Dialect], str], file: str, label: str) -> None:
    """Show a link that downloads a table as CSV, with a list of conventions that applies to all tables of the page.

    Args:
        text_of: Returns the table in a convention; called when the link is followed, outside of the page's context.
        file: Name of the file.
        label: Text of the link.
    """
    offers, offer = the_offers(), Offer(session(), text_of, file)
    key = solara.use_memo(lambda: offers.put(offer), [])
    offers.put(offer, key)  # the function may have changed
    solara.use_effect(lambda: lambda: offers.drop(key), [])
    SpreadsheetInVue(
        legend=texts_of("hand_in").say("csv_form"),
        label=label,
        options=[{"name": name, "label": describe_dialect(one)} for name, one in dialects().items()],
        value=chosen.value or usual_dialect(),
        address=f"{solara.use_router().root_path}{ADDRESS}?table={key}&columns=",
        event_choose=lambda given: chosen.set(given) if given in dialects() else None,
    )
