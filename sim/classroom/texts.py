"""Load the texts of the pages, and check text that a visitor typed or pasted.

Reads   text/<language>/*.yaml, one file per page; and the wording of months, dates and lists, shared with stories.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from sim.data.configs import Loader, read_yaml
from sim.errors import PanjError, unknown
from sim.explorable import TEXTS
from sim.wording import SENTENCES, Language, name_of_post

FOLDER = Path(__file__).parent / "text"
ISOLATE, END = "\u2068", "\u2069"  # Unicode marks around English within another language
FAULT = re.compile(r"(?P<what>.+?): found (?P<found>.+), expected (?P<expected>.+)", re.DOTALL)  # form of PanjError
DECLARED = "declared"  # file with translations of texts declared in English elsewhere
LANGUAGE, ENGLISH = "PANJ_LANG", "en"  # environment variable with the language in use, and the default language


class Texts(Language):
    """The texts of a page, including those shared by all pages."""

    def __init__(self, sentences: Mapping[str, Any], page: Mapping[str, Any], code: str = ENGLISH) -> None:
        super().__init__(sentences)
        self.page, self.code = page, code  # texts in the file of the page itself; code of their language

    def quoted(self, text: str) -> str:
        """Return an English text, marked as English if the surrounding text is in another language."""
        return text if self.code == ENGLISH or not text else f"{ISOLATE}{text}{END}"


def languages() -> list[str]:
    """Return the codes of the languages that have texts of the pages, of stories and verdicts, and of the scenes."""
    named = (path.stem for folder in (FOLDER, SENTENCES, TEXTS) for path in folder.iterdir())
    return sorted(code for code, files in Counter(named).items() if files == 3)


def use_language(code: str) -> None:
    """Choose the language of all pages of this process.

    Args:
        code: Code of the language, which is the name of the folder of its texts.

    Raises:
        PanjError: There are no texts in this language.
    """
    if code not in languages():
        raise unknown("lang", code, languages())
    os.environ[LANGUAGE] = code


def current_language() -> str:
    """Return the code of the language of the pages."""
    return os.environ.get(LANGUAGE, ENGLISH)


def folder_of_language(code: str) -> Path:
    """Return the folder with the texts of a language."""
    return FOLDER / code


def texts_of(page: str, language: str = "") -> Texts:
    """Return the texts of a page, including those shared by all pages.

    Args:
        page: Name of the page, which is the name of its file without `.yaml`.
        language: Code of the language, which is the name of the folder of the file; empty for the one in use.

    Returns:
        The texts, keyed as in the files.

    Raises:
        PanjError: The page is unknown.
    """
    return read_texts(page, language or current_language())


@cache
def read_texts(page: str, language: str) -> Texts:
    """Read the texts of a page in a language; see `texts_of`."""
    known = sorted(path.stem for path in (FOLDER / language).glob("*.yaml"))
    if page not in known:
        raise unknown("page", page, known)
    here = FOLDER / language
    shared = {**read_yaml(SENTENCES / f"{language}.yaml"), **read_yaml(here / "shell.yaml")}
    own = read_yaml(here / f"{page}.yaml")
    return Texts({**shared, **own}, own, language)


def marked(html: str) -> str:
    """Mark English within another language in HTML, for screen readers and text direction.

    Args:
        html: Escaped texts in which `Texts.quoted` has marked English.
    """
    return html.replace(ISOLATE, '<span lang="en" dir="ltr">').replace(END, "</span>")


def translate_fault(message: str) -> str:
    """Translate the message of an error to the language in use.

    In a message of the form `key: found x, expected y`, key and values remain in English and are marked as such.
    Any other message comes from the texts of the pages and is returned unchanged.
    """
    found, texts = FAULT.fullmatch(message), texts_of("shell")
    if found is None or texts.code == ENGLISH:
        return message
    return texts.say("fault", None, **{name: texts.quoted(said) for name, said in found.groupdict().items()})


def declared(kind: str, name: str, usual: str, **gaps: object) -> str:
    """Translate a text that is declared in English, outside the texts of the pages, to the language in use.

    Args:
        kind: Kind of the text: a key of declared.yaml, such as `outcomes`.
        name: Subject of the text, such as the name of an outcome.
        usual: The text as declared, returned if there is no translation.
        gaps: Values of the placeholders of a text, such as {place}.
    """
    said = (texts_of(DECLARED).page.get(kind) or {}).get(name)
    return usual if said is None else str(said).format(**gaps) if gaps else str(said)


OF_A_DAY = re.compile(r"\d{4}_\d{2}_\d{2}$")  # end of the name of an outcome; `last_day` in the table of outcomes
OF_A_PLACE = re.compile(r"(crossed_|largest_night_|capital_fell_)(\w+)")  # outcomes derived for posts and provinces


def outcome_label(name: str, usual: str) -> str:
    """Return the label of an outcome in the language in use.

    Args:
        name: Name of the outcome.
        usual: Its label as declared, returned if there is no translation.
    """
    translated, found = texts_of(DECLARED).page.get("outcomes") or {}, OF_A_PLACE.fullmatch(name)
    if name not in translated:
        name = OF_A_DAY.sub("last_day", name)
    if found is None or name in translated:
        return declared("outcomes", name, usual)
    return declared("outcomes", found[1], usual, place=name_of_post(found[2]))


def overlaid(usual: Any, said: Any, where: str) -> Any:
    """Return declared content with its texts replaced by those of a language.

    Args:
        usual: The content as declared.
        said: Texts of the language, with the structure of the content; any may be missing. A list whose items have a
            `key` is replaced by a mapping with that key; any other list has one text per item.
        where: Name of the content, for error messages.

    Raises:
        PanjError: The texts have a key that is not in the content, or a list of a different length.
    """
    if isinstance(usual, list) and isinstance(said, Mapping):
        return list(overlaid({row["key"]: row for row in usual}, said, where).values())
    if isinstance(usual, Mapping):
        for key in said:
            if key not in usual:
                raise unknown(where, key, usual)
        return {key: overlaid(one, said[key], f"{where}.{key}") if key in said else one for key, one in usual.items()}
    if isinstance(usual, list):
        if len(usual) != len(said):
            raise PanjError(f"{where}: found {len(said)} items, expected {len(usual)}")
        return [overlaid(*both, where) for both in zip(usual, said, strict=True)]
    return said


def markdown_list(lines: Iterable[str]) -> str:
    """Format texts as a Markdown list.

    Args:
        lines: One text per item.

    Returns:
        The list as Markdown.
    """
    return "\n".join(f"- {line}" for line in lines)


MOST_TEXT = 10_000  # largest number of characters of a typed or pasted text


def check_text(text: str) -> None:
    """Check text that a visitor typed or pasted.

    Args:
        text: The text to check.

    Raises:
        PanjError: The text is too long, or contains `${`, which begins an interpolation that Hydra would evaluate.
    """
    if len(text) > MOST_TEXT:
        raise PanjError(f"settings: found {len(text):,} characters, expected at most {MOST_TEXT:,}")
    if "${" in text:
        raise PanjError(f"settings: found '${{' in '{shown(text)}', expected plain values without interpolation")


def plain_yaml(text: str) -> Any:
    """Parse YAML that a visitor pasted.

    Args:
        text: The pasted YAML.

    Returns:
        The content: mappings, lists, texts, numbers, dates or None.

    Raises:
        PanjError: The text contains an alias; with aliases, a small text can expand to a huge object.
        yaml.YAMLError: The text is not valid YAML.
    """
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.AliasEvent):
            raise PanjError("YAML: found an alias (*), expected plain values")
    return yaml.load(text, Loader)


def shown(text: str) -> str:
    """Shorten a typed text for quotation in an error message.

    Args:
        text: The text to quote.

    Returns:
        The whole text if it has at most 60 characters, or else its first 60 characters and an ellipsis.
    """
    return f"{text[:60]}…" if len(text) > 60 else text


def text_of(what: str, value: Any, most: int) -> str:
    """Check a text of a scenario, such as its title, and put it on one line.

    Args:
        what: Key of the text within the scenario, such as `title`, for error messages.
        value: The value to check; a number is converted to text.
        most: Maximum number of characters.

    Returns:
        The text, with every run of white space replaced by a single space.

    Raises:
        PanjError: The value is neither text nor a number, is too long, or contains invisible characters or `${`.
    """
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise PanjError(f"scenario.{what}: found '{shown(str(value))}', expected text")
    text = " ".join(str(value).split())
    check_text(text)
    if len(text) > most or not text.isprintable():
        raise PanjError(f"scenario.{what}: found {len(text)} characters, expected at most {most}, all printable")
    return text


FORMULA = ("=", "+", "-", "@", "\t", "\r")  # first characters from which a spreadsheet recognises a formula


def safe_cell(value: object) -> object:
    """Escape a cell of a CSV file, so that no spreadsheet evaluates it.

    Args:
        value: Content of the cell.

    Returns:
        The value itself, or its text after an apostrophe if a spreadsheet would interpret it as a formula.
    """
    return f"'{value}" if not isinstance(value, int | float) and str(value).startswith(FORMULA) else value
