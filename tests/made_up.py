"""A made-up language, written from the English: every letter of its texts is a Greek one.

`python tests/made_up.py FOLDER [rtl] classroom port=8765` writes it to a folder and runs a command in it.
"""

import re
import string
import sys
from pathlib import Path

import yaml

from sim import wording
from sim.classroom import texts
from sim.classroom.lessons.lesson import folder_of_exercises
from sim.configuration.changes import CHANGES, TRAITS, about_of, describing_groups, groups, section_of
from sim.configuration.numbers import declared_numbers
from sim.data.configs import folder_of, read_yaml
from sim.data.facts import read_facts
from sim.explorable import content
from sim.options import Explorable
from sim.plots.land import read_land

CODE = "xx"
GREEK = str.maketrans(string.ascii_letters, "αβςδεφγηιξκλμνοπθρστυωώχψζΑΒΣΔΕΦΓΗΙΞΚΛΜΝΟΠΘΡΣΤΥΩΏΧΨΖ")
KEPT = re.compile(r"(\{\{\w+\}\}|\{\w+[^}]*\}|<[^>]*>|`[^`]*`|\bF\d{3}\b|\]\([^)]*\))")  # gaps, markup and ids
OF_A_LESSON = ("title", "question", "goals", "timing", "background", "tasks", "questions", "debrief")
OF_A_TASK = ("key", "asks", "because", "choices", "right", "solution", "says")
CODES = ("direction",)  # texts that are codes, not words
DERIVED = {
    "crossed_": "Soldiers who crossed at {place} by 7 July",
    "largest_night_": "Soldiers who crossed at {place} in the largest night",
    "capital_fell_": "Date when the capital of {place} fell",
}


def greek(node):
    """The same content with every letter of its texts replaced by a Greek one."""
    if isinstance(node, dict):
        return {key: one if key in CODES else greek(one) for key, one in node.items()}
    if isinstance(node, list):
        return [greek(one) for one in node]
    if not isinstance(node, str):
        return node
    parts = KEPT.split(node)
    return "".join(part if place % 2 else part.translate(GREEK) for place, part in enumerate(parts))


def write_language(folder, direction="ltr"):
    """Write the made-up language next to copies of the English, and return the folders that the pages read."""
    folders = [folder / name for name in ("text", "sentences", "scenes")]
    for place in (*folders, folders[0] / CODE / "lessons", folders[0] / "en"):
        place.mkdir(parents=True, exist_ok=True)
    for path in (texts.FOLDER / "en").glob("*.yaml"):
        found = read_yaml(path)
        write(folders[0] / "en" / path.name, found)
        write(folders[0] / CODE / path.name, greek(found) | ({"direction": direction} if "direction" in found else {}))
    for source, place in ((wording.SENTENCES, folders[1]), (content.TEXTS, folders[2])):
        found = read_yaml(source / "en.yaml")
        write(place / "en.yaml", found)
        own = {"direction": direction, "abouts": greek(abouts())} if place == folders[2] else {}
        write(place / f"{CODE}.yaml", greek(found) | own)
    write(folders[0] / CODE / "declared.yaml", greek(declared()))
    for path in (folder_of_exercises() / "lessons").glob("*.yaml"):
        write(folders[0] / CODE / "lessons" / path.name, of_lesson(read_yaml(path)))
    return folders


def declared():
    """What is declared in English outside the texts of the pages."""
    outcomes = {name: row["label"] for name, row in read_yaml(folder_of("configs") / "outcomes.yaml").items()}
    timeline = read_yaml(folder_of("configs") / "timeline" / "summer_2021.yaml")["events"].values()
    chosen = [section_of(group, name) for group in describing_groups() for name in groups()[group]]
    events = [row for section in chosen for row in section.get("events", {}).values()]
    numbers = declared_numbers().values()
    return {
        "outcomes": outcomes | DERIVED,
        "events": {row[key]: row[key] for row in [*timeline, *events] for key in ("text", "source") if key in row},
        "numbers": {one.meaning: one.meaning for one in numbers},
        "units": {one.unit: one.unit for one in numbers},
        "traits": TRAITS,
        "conditions": {name: name.replace("_", " ") for row in timeline if (name := row.get("condition"))},
        "changes": CHANGES,
        "regions": {name: name for name in read_facts().region},
        "countries": {name: name for part in ("country", "frontier") for name in read_land().names[part]},
    }


def abouts():
    """What the decisions of the page of scenes are."""
    return {one: about_of(*one.split("=")) for one in Explorable().policies}


def of_lesson(rows):
    """The texts of a lesson that a language has in place of the English."""
    said = greek({key: rows[key] for key in OF_A_LESSON if key not in ("tasks", "timing", "background")})
    said["timing"] = [greek({key: row[key] for key in ("who", "what")}) for row in rows["timing"]]
    said["background"] = [greek({"says": row["says"]}) for row in rows["background"]]
    tasks = [{key: row[key] for key in OF_A_TASK if key in row} for row in rows["tasks"]]
    said["tasks"] = {row.pop("key"): greek(row) for row in tasks}
    said["parameters"] = {
        name: {row["key"]: greek({"name": row["name"]}) for row in options} if name == "ladder" else greek(options)
        for name, options in rows["parameters"].items()
        if name in ("ladder", "quantity")
    }
    names = [*rows["settings"], *said["tasks"]]
    return said | {"names": {name: greek(name.replace("_", " ")) for name in names}}


def write(path, found):
    path.write_text(yaml.safe_dump(found, allow_unicode=True, sort_keys=False), encoding="utf-8")


def use(folders, change=setattr):
    """Let the pages read these folders; `change` sets an attribute."""
    text, sentences, scenes = folders
    change(texts, "FOLDER", text)
    change(texts, "SENTENCES", sentences)
    change(wording, "SENTENCES", sentences)
    change(content, "TEXTS", scenes)
    change(texts, "TEXTS", scenes)


if __name__ == "__main__":
    from sim.__main__ import main

    folder, *words = sys.argv[1:]
    direction = words.pop(0) if words[0] in ("ltr", "rtl") else "ltr"
    use(write_language(Path(folder), direction))
    sys.exit(main([*words, f"lang={CODE}"]))
