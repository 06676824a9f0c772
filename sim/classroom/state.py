"""What a visitor has chosen, which goes along from page to page; every visitor has their own."""

import solara
from solara.server.kernel_context import get_current_context

from sim.classroom.desk import Words

chosen: solara.Reactive[Words] = solara.reactive(())  # the choice of settings; () is the baseline
seed: solara.Reactive[int] = solara.reactive(0)  # of the one campaign that is watched, told or forked
day: solara.Reactive[int] = solara.reactive(0)  # of it, on which a page last stood; 0 is the first


def session() -> str:
    """Who this is: the secret that the server gave to this browser, the same on all its pages."""
    return str(get_current_context().session_id)
