"""Send tables of the pages as CSV files, in the convention of the visitor's spreadsheet.

A page offers a table under a random id, and shows a link to /csv with the id and the chosen convention. The file is
made when the link is followed, so it is never older than the click. Only the browser whose page has offered the table
gets it, and only while that page exists.
"""

import secrets
import threading
from collections.abc import Callable
from functools import cache
from itertools import product
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from sim.classroom.gate import BROWSER, NO_STORE
from sim.classroom.texts import texts_of
from sim.errors import PanjError
from sim.options import DECIMALS, SEPARATORS
from sim.study.files import USUAL, Dialect, dialect_of

ADDRESS = "/csv"
ENCODING = "utf-8-sig"  # with a byte order mark, by which spreadsheets recognise UTF-8


@cache
def dialects() -> dict[str, Dialect]:
    """Return the conventions of spreadsheets, the default first, keyed by separator and decimal mark."""
    found = {}
    for decimal, separator in product(DECIMALS, SEPARATORS):
        try:
            found[f"{separator} {decimal}"] = dialect_of(separator, decimal)
        except PanjError:
            continue  # separator and decimal mark would both be a comma
    return found


def usual_dialect() -> str:
    """Return the key of the default convention in `dialects`."""
    return next(name for name, one in dialects().items() if one == USUAL)


def describe_dialect(dialect: Dialect) -> str:
    """Describe a convention, such as `semicolon, decimal comma`."""
    texts = texts_of("hand_in")
    decimal = "comma" if dialect.decimal == "," else "point"
    return texts.say(
        "csv_dialect", separator=texts.say(f"csv_{dialect.separator}"), decimal=texts.say(f"csv_decimal_{decimal}")
    )


class Offer(NamedTuple):
    """A table that a page offers, for one browser only."""

    browser: str
    text_of: Callable[[Dialect], str]  # makes the table; raises PanjError if the browser may no longer see it
    file: str


class Offers:
    """The tables that open pages offer. Methods may be called from any thread."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.found: dict[str, Offer] = {}

    def put(self, offer: Offer, key: str = "") -> str:
        """Offer a table, replacing an earlier one with the same id; return the id, which is new if none is given."""
        key = key or secrets.token_hex(16)
        with self.lock:
            self.found[key] = offer
        return key

    def drop(self, key: str) -> None:
        """Withdraw an offer."""
        with self.lock:
            self.found.pop(key, None)

    def text(self, key: str, browser: str, dialect: Dialect) -> tuple[str, str] | None:
        """Return the name and text of a file; None if this browser has no such offer.

        Raises:
            PanjError: The browser may no longer see the table.
        """
        with self.lock:
            offer = self.found.get(key)
        if offer is None or not browser or not secrets.compare_digest(offer.browser.encode(), browser.encode()):
            return None
        return offer.file, offer.text_of(dialect)


@cache
def the_offers() -> Offers:
    """Return the offers of this process."""
    return Offers()


async def csv(request: Request) -> Response:
    """Return an offered table as a file: 404 if this browser has no such offer, 400 for an unknown convention."""
    query = request.query_params
    dialect = dialects().get(query.get("columns", ""))
    if dialect is None:
        found, expected = ascii(query.get("columns", ""))[:40], ", ".join(map(repr, dialects()))
        return PlainTextResponse(f"columns: found {found}, expected one of {expected}", 400, NO_STORE)
    try:
        found_file = await run_in_threadpool(
            the_offers().text, query.get("table", ""), request.cookies.get(BROWSER, ""), dialect
        )
    except PanjError as error:
        return PlainTextResponse(str(error), 403, NO_STORE)
    if found_file is None:
        return PlainTextResponse(texts_of("hand_in").say("csv_gone"), 404, NO_STORE)
    file, text = found_file
    headers = {**NO_STORE, "content-disposition": f'attachment; filename="{file}"'}
    return Response(text.encode(ENCODING), headers=headers, media_type="text/csv")
