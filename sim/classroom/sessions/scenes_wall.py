"""Content of the wall while a class is in the seven scenes: its campaigns, the reports and the brackets.

Reads   the work of students (`Work`), the campaigns of the page, the texts of scenes.yaml and of the scenes themselves.
Assumes Each student is shown as the letter of the team. Curves and results come from the campaigns of the page, never
        from numbers sent by a page. The pairs of a decision are hidden until every student has set a bracket for it, or
        D is pressed; the first pairs are shown once every student has set a bracket for any decision. Pairs that have
        been shown remain visible, because brackets can no longer be set for them.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from sim.classroom.sessions.claims import ENDS
from sim.classroom.sessions.scenes import BRACKET, CAMPAIGN, DRAWING, FIRST_AT, Campaigns, Work, campaign_of
from sim.classroom.texts import current_language, texts_of
from sim.data.facts import facts_here
from sim.explorable.content import SCENES, read_texts

NINE_IN_TEN = ENDS[1] - ENDS[0]  # share of pairs that a bracket should contain
GATHER, REPORTS, DECISION = (SCENES.index(one) for one in ("gather", "reports", "decision"))


def scene_texts() -> dict[str, Any]:
    """Return the texts of the scenes in the language of the pages."""
    return read_texts(current_language())


def title_of_scene(scene: int) -> str:
    """Return the heading of a scene, given its place from 0."""
    if scene == REPORTS:  # for a single reader, this scene shows all campaigns
        return texts_of("scenes").say("wall_title_reports")
    return str(scene_texts()["scenes"][SCENES[scene]]["heading"])


def count_done(scene: int, works: Sequence[Work]) -> str:
    """Describe how many students have completed a scene; empty for scenes without work."""
    asked = {FIRST_AT[DRAWING]: "draw", FIRST_AT[CAMPAIGN]: "run", "gather": "run", FIRST_AT[BRACKET]: "decision"}
    key = asked.get(SCENES[scene])
    if key is None or not works:
        return ""
    has_done = {"draw": lambda one: bool(one.drawing), "run": lambda one: one.has_run, "decision": has_bracket}[key]
    return texts_of("scenes").say(f"count_{key}", len(works), done=sum(map(has_done, works)))


def has_bracket(work: Work) -> bool:
    """Return whether a student has set a bracket."""
    return bool(work.brackets)


def scene_on_the_wall(
    code: str, scene: int, works: Sequence[Work], campaigns: Campaigns | None, shown: Collection[str] = ()
) -> dict[str, Any]:
    """Return the content of the wall for a scene.

    Args:
        code: Code of the session.
        scene: Index of the scene, from 0.
        works: The work of the students.
        campaigns: The campaigns of the page; None while they are being run.
        shown: Decisions whose pairs the wall has already shown.

    Returns:
        `title`, `stage`, `lines` (text), `chart` (a line chart, or None) and `board` (the brackets, or None).
    """
    texts = texts_of("scenes")
    step = texts.say("wall_step", number=scene + 1, all=len(SCENES))
    waits = texts.say("teach_getting_ready") if campaigns is None else ""
    said = {"title": title_of_scene(scene), "stage": " ".join(filter(None, (step, count_done(scene, works), waits)))}
    has_chart, has_board = scene in (GATHER, REPORTS), scene == DECISION
    return said | {
        "lines": lines_of(SCENES[scene]),
        "chart": chart_of(code, scene, works, campaigns) if campaigns and has_chart else None,
        "board": brackets_of(works, campaigns, shown) if campaigns and has_board else None,
    }


def lines_of(name: str) -> list[str]:
    """Return the sentences of a scene that the wall shows instead of a chart."""
    here = scene_texts()["scenes"][name]
    keys = {"river": ("quote", "credit", "note"), "draw": ("lead",), "run": ("lead",)}
    lines = [here[key] for key in keys.get(name, ())] or here.get("uncounted", ())
    districts = len(facts_here().district)
    return [str(line).format(districts=districts) for line in lines]


def chart_of(code: str, scene: int, works: Sequence[Work], campaigns: Campaigns) -> dict[str, Any]:
    """Return the chart of the students' campaigns; from the scene of reports on, it includes the reports."""
    texts, about = texts_of("scenes"), campaigns.about
    runs = campaigns.held.shape[1]
    lines = [
        {
            "key": f"{one.letter} {one.member}",
            "letter": one.letter,
            "values": campaigns.held[0, campaign_of(one.member, code, runs)].tolist(),
            "drawing": list(one.drawing),
        }
        for one in works
        if one.has_run
    ]
    ends = sorted(line["values"][-1] for line in lines) or [0]
    drawings = sum(bool(line["drawing"]) for line in lines)
    feet = {"campaigns": texts.say("wall_foot", len(lines), runs=runs, manner=about["worlds"][0]["manner"])}
    reports = about["record"] if scene >= REPORTS else []
    if reports:
        signs = {key: scene_texts()["scenes"]["reports"][key] for key in dict.fromkeys(one["kind"] for one in reports)}
        said = [texts.say(f"wall_sign_{key}", what=what) for key, what in signs.items()]
        ids = texts.listed(list(dict.fromkeys(one["id"] for one in reports)), len(reports))
        feet["reported"] = texts.say("wall_reported", signs="; ".join(said), ids=ids)
        feet["covered"] = texts.say("wall_reports_covered")
    if drawings:
        feet["drawings"] = texts.say("wall_foot_drawings", drawings=drawings)
        feet["behind"] = texts.say("wall_foot_behind")
    return {
        "lines": lines,
        "last": about["days"] - 1,
        "most": -(-about["districts"] // 100) * 100,
        "ticks": [{"day": day, "text": f"1 {about['says']['months'][month - 1]}"} for day, month in first_days(about)],
        "reports": reports,
        "unit": texts.say("wall_districts"),
        "summary": texts.say("wall_summary", len(lines), low=ends[0], high=ends[-1]),
        "feet": feet,
    }


def first_days(about: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Return the first day of each month of a page, as the number of the day and of the month."""
    start, found = np.datetime64(about["start"]), []
    for day in range(about["days"]):
        _, month, date = str(start + day).split("-")
        if date == "01":
            found.append((day, int(month)))
    return found


def brackets_of(works: Sequence[Work], campaigns: Campaigns, shown: Collection[str]) -> dict[str, Any]:
    """Return the brackets as a board of the wall: one row per decision, with its pairs as dots unless hidden."""
    texts, about = texts_of("scenes"), campaigns.about
    chosen = [one for one in campaigns.decisions if any(one in work.brackets for work in works)]
    titles = {one["key"]: one["title"] for one in about["decisions"]}
    manner = about["worlds"][0]["manner"]
    pairs = {one: None if is_covered(one, works, shown) else campaigns.differences(one) for one in chosen}
    foot = texts.say("wall_pairs", runs=len(about["seeds"]), manner=manner)
    return {
        "title": texts.say("wall_brackets"),
        "rows": [row_of_brackets(one, titles[one], works, pairs[one]) for one in chosen],
        "zero": True,
        "whole": True,
        "reported": None,
        "key_reported": "",
        "unit": texts.say("wall_unit"),
        "foot": foot,
        "foot_covered": texts.say("wall_covered", foot=foot),
    }


def is_covered(decision: str, works: Sequence[Work], shown: Collection[str]) -> bool:
    """Return whether the pairs of a decision are hidden because some students have not predicted them yet."""
    if decision in shown or all(decision in one.brackets for one in works):
        return False
    return bool(shown) or not all(map(has_bracket, works))


def row_of_brackets(decision: str, title: str, works: Sequence[Work], pairs: np.ndarray | None) -> dict[str, Any]:
    """Return the row of a decision: its brackets and, unless its pairs are hidden, whether brackets contain them."""
    ranges = [
        {"letter": one.letter, "from": low, "to": high, "held": None if pairs is None else holds(low, high, pairs)}
        for one, (low, high) in ((one, one.brackets[decision]) for one in works if decision in one.brackets)
    ]
    found = "" if pairs is None else describe_held(ranges, pairs)
    return {
        "key": decision,
        "name": title,
        "teams": [one["letter"] for one in ranges],
        "ranges": ranges,
        "dots": [] if pairs is None else pairs.tolist(),
        "is_covered": pairs is None,
        "found": found,
        "mean": None,
        "summary": texts_of("scenes").say("wall_row", decision=title, found=found) if found else title,
    }


def describe_held(ranges: Sequence[Mapping[str, Any]], pairs: np.ndarray) -> str:
    """Return a sentence on the range of nine pairs in ten and the brackets that contain it."""
    texts = texts_of("scenes")
    said = {
        key: " ".join(str(one["letter"]) for one in ranges if one["held"] == is_held)
        for key, is_held in (("held", True), ("missed", False))
    }
    low, high = (f"{round(end):+,d}".replace("-", "\u2212") for end in np.quantile(pairs, ENDS).tolist())
    found = [texts.say("wall_nine", low=low, high=high)]
    found += [texts.say(f"wall_{key}", letters=letters) for key, letters in said.items() if letters]
    return " ".join(found)


def holds(low: float, high: float, pairs: np.ndarray) -> bool:
    """Return whether a bracket contains nine pairs in ten."""
    return float(((pairs >= low) & (pairs <= high)).mean()) >= NINE_IN_TEN - 1e-9
