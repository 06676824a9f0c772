"""Downloads of the page Teacher as CSV, in the convention of the teacher's spreadsheet."""

from collections.abc import Callable
from itertools import product

import solara

from sim.classroom.parts.questions import Choose
from sim.classroom.texts import texts_of
from sim.errors import PanjError
from sim.options import DECIMALS, SEPARATORS
from sim.study.files import USUAL, Dialect, dialect_of

chosen: solara.Reactive[str] = solara.reactive("")  # convention of the teacher's spreadsheet; empty for the default
ENCODING = "utf-8-sig"  # with a byte order mark, by which spreadsheets recognise UTF-8


def dialects() -> dict[str, Dialect]:
    """Return the conventions of spreadsheets, the default first, keyed by separator and decimal mark."""
    found = {}
    for decimal, separator in product(DECIMALS, SEPARATORS):
        try:
            found[f"{separator} {decimal}"] = dialect_of(separator, decimal)
        except PanjError:
            continue  # separator and decimal mark would both be a comma
    return found


def describe_dialect(dialect: Dialect) -> str:
    """Describe a convention, such as `semicolon, decimal comma`."""
    texts = texts_of("hand_in")
    decimal = "comma" if dialect.decimal == "," else "point"
    return texts.say(
        "csv_dialect", separator=texts.say(f"csv_{dialect.separator}"), decimal=texts.say(f"csv_decimal_{decimal}")
    )


@solara.component
def Spreadsheet(text_of: Callable[[Dialect], str], file: str, label: str) -> None:
    """Show a button that downloads a table as CSV, with a list of conventions that applies to all tables of the page.

    Args:
        text_of: Returns the table in a convention.
        file: Name of the file.
        label: Label of the button.
    """
    known = dialects()
    name = chosen.value or next(name for name, one in known.items() if one == USUAL)
    options = {name: describe_dialect(one) for name, one in known.items()}
    with solara.Div(classes=["claims-row"]):
        Choose(texts_of("hand_in").say("csv_form"), options, name, chosen.set)
        with solara.FileDownload(lambda: text_of(known[name]).encode(ENCODING), file, mime_type="text/csv").key(name):
            solara.Button(label, outlined=True)
