"""Read numbers typed in the digits of any script, such as Persian or Arabic."""

import re
import unicodedata

# Arabic decimal mark, thousands separator and per cent sign; minus sign
SIGNS = {"\u066b": ".", "\u066c": ",", "\u066a": "%", "\u2212": "-"}
MARKS = {"\u061c", "\u200e", "\u200f", *map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))}  # direction marks
NUMBER = re.compile(r"[+-]?([1-9]\d{0,2}([ ,]\d{3})+|\d{1,12})(\.\d{1,20})?|[+-]?\.\d{1,20}", re.ASCII)
DECIMAL_COMMA = re.compile(r"[+-]?(0?,\d{1,20}|\d{1,12},(?!\d{3}$)\d{1,20})", re.ASCII)  # 3,5 or 0,375, not 1,037


def in_ascii(text: str) -> str:
    """Return a text with the digits and number signs of every script converted to ASCII.

    Args:
        text: Typed text, such as `۱٬۰۳۷` or `٣٫٥`.

    Returns:
        The text, such as `1,037` or `3.5`, without direction marks; everything else is unchanged.
    """
    return "".join(
        SIGNS.get(letter) or str(unicodedata.decimal(letter, letter)) for letter in text if letter not in MARKS
    )


def number_in(text: str, takes_decimal_comma: bool = True) -> float | None:
    """Parse a number typed by a person.

    Args:
        text: The number, such as `1,037`, `1 037`, `-12.5` or `34 %`, in the digits of any script.
        takes_decimal_comma: Whether a comma that cannot separate thousands is a decimal mark, as in `3,5`.

    Returns:
        The number without its per cent sign, such as 34; None if the text is not a number.
    """
    plain = " ".join(in_ascii(text).split()).removesuffix("%").strip()
    if takes_decimal_comma and DECIMAL_COMMA.fullmatch(plain):
        return float(plain.replace(",", "."))
    return float(re.sub("[ ,]", "", plain)) if NUMBER.fullmatch(plain) else None
