"""Read numbers that people type in the digits of their own script, such as Persian or Arabic ones."""

import unicodedata

SIGNS = {"\u066b": ".", "\u066c": ",", "\u066a": "%", "\u2212": "-"}  # Arabic decimal mark, separator, per cent; minus
MARKS = ("\u061c", "\u200e", "\u200f")  # signs without width that say in which direction text runs


def in_ascii(text: str) -> str:
    """Return a text with the digits of every script as 0 to 9, and with the signs of numbers of ASCII.

    Args:
        text: What was typed, such as `۱٬۰۳۷` or `٣٫٥`.

    Returns:
        The text, such as `1,037` or `3.5`, without marks of direction; anything else in it is unchanged.
    """
    return "".join(
        SIGNS.get(letter) or str(unicodedata.decimal(letter, letter)) for letter in text if letter not in MARKS
    )
