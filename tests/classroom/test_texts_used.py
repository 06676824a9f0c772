"""Every text of the pages is used by a page, and none of them shows students a private word."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from sim.classroom import texts
from sim.classroom.lessons.lesson import folder_of_exercises
from sim.explorable import explorable

CLASSROOM, SCENES = texts.FOLDER.parent, Path(explorable.__file__).parent


@cache
def words_of(path):
    """The texts that a file of code contains, and patterns of those that it puts together."""
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        gaps = [re.split(r"\$\{[^}]*\}", one) for one in re.findall(r"`([^`\n]*\$\{[^`\n]*)`", source)]
        gaps += [[one, ""] for one in re.findall(r"['\"](\w{4,}_)['\"] [+~]", source)]
        return {*re.findall(r"[\w.]+", source), *re.findall(r"\w+", source)}, {
            one for one in map(pattern_of, gaps) if one
        }
    literals, patterns = set(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            literals.add(node.value)
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values)
            patterns |= {one for one in [pattern_of(text.split("{}"))] if one}
    return literals, patterns


def pattern_of(parts):
    """The keys that a text with gaps may be; None if it is not put together from words and dots."""
    is_key = all(re.fullmatch(r"[\w.]*", one) for one in parts) and (parts[0] or "." in "".join(parts))
    return "[\\w.=]+".join(map(re.escape, parts)) if is_key else None


def is_used(key, files):
    for path in files:
        literals, patterns = words_of(path)
        if key in literals or any(re.fullmatch(one, key) for one in patterns):
            return True
    return False


def keys_of(path):
    return list(yaml.safe_load(path.read_text(encoding="utf-8")))


PAGES = sorted((texts.FOLDER / "en").glob("*.yaml"))
DATA = {"declared", "terms"}  # keyed by kinds of declarations and by terms, not by code


@pytest.mark.parametrize("page", [path for path in PAGES if path.stem not in DATA], ids=lambda path: path.stem)
def test_every_text_of_a_page_is_used(page):
    code = list(CLASSROOM.rglob("*.py"))
    asking = [path for path in code if page.stem == "shell" or page.stem in words_of(path)[0]]
    drawing = [*CLASSROOM.rglob("*.vue"), *CLASSROOM.rglob("*.html"), *CLASSROOM.rglob("*.js")]
    unused = [key for key in keys_of(page) if not is_used(key, [*asking, *drawing])]
    assert [key for key in unused if "_" not in key or not any(key in words_of(path)[0] for path in code)] == []


def test_every_text_of_the_scenes_is_used():
    code = [path for path in SCENES.rglob("*") if path.suffix in (".py", ".js", ".html", ".mjs")]
    code += [CLASSROOM / "sessions" / "scenes_wall.py", CLASSROOM / "sessions" / "scenes.py"]
    (page,) = (SCENES / "text").glob("*.yaml")
    assert [key for key in keys_of(page) if not is_used(key, code)] == []


def shown_in(content):
    """The texts that a file shows, without their keys and the names of gaps."""
    if isinstance(content, dict):
        return [text for value in content.values() for text in shown_in(value)]
    if isinstance(content, list):
        return [text for one in content for text in shown_in(one)]
    return [re.sub(r"\{[^}]*\}", "", str(content))]


ROOT = folder_of_exercises().parent
READ = [*PAGES, *(SCENES / "text").glob("*.yaml")]
PRIVATE = re.compile(r"\bbaselines?\b|\w\.(csv|yaml|py)\b", re.IGNORECASE)


@pytest.mark.parametrize("path", READ, ids=lambda path: f"{path.parent.parent.name}/{path.stem}")
def test_no_text_of_a_page_names_a_file_of_ours_or_says_baseline(path):
    texts_shown = shown_in(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert [text for text in texts_shown if PRIVATE.search(text)] == []


@pytest.mark.parametrize("path", sorted((ROOT / "exercises" / "lessons").glob("*.yaml")), ids=lambda path: path.stem)
def test_no_task_of_a_lesson_says_baseline(path):
    lesson = yaml.safe_load(path.read_text(encoding="utf-8"))
    said = shown_in([lesson.get(key) for key in ("title", "goal", "background", "questions", "notes")])
    said += [task["asks"] for task in lesson["tasks"]]
    assert [text for text in said if re.search(r"\bbaselines?\b", text, re.IGNORECASE)] == []


SPOKEN = [*READ, *(SCENES.parent / "sentences").glob("*.yaml")]  # of pages, scenes, stories and reports
AS_HISTORY = re.compile(r"^(what|how it) (really )?happened\b(?! before)", re.IGNORECASE)


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: f"{path.parent.parent.name}/{path.stem}")
def test_nothing_simulated_is_headed_as_history(path):
    texts_shown = shown_in(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert [text for text in texts_shown if AS_HISTORY.search(text)] == []


def test_a_heading_that_takes_a_campaign_for_history_is_found():
    assert AS_HISTORY.search("What happened on 4 July") and AS_HISTORY.search("What happened")
    assert not AS_HISTORY.search("What happened before stays as it was.") and not AS_HISTORY.search("What was reported")
