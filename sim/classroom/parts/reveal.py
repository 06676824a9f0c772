"""Components for the forecasts of a lesson: the counts known on 22 June 2021, and the reported figures with scores."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import solara

from sim.classroom.hooks import BREATH, follow_updates
from sim.classroom.lessons.collected import the_class_ranges
from sim.classroom.lessons.forecasts import (
    Ranges,
    Row,
    compared,
    describe_panj,
    describe_reported,
    describe_worlds,
    format_ranges,
    known_counts,
    reported_in,
)
from sim.classroom.lessons.lesson import Task
from sim.classroom.parts import Note
from sim.classroom.parts.distribution import ClassChart
from sim.classroom.parts.questions import NUMBERS, Sentences, Table, heads_of
from sim.classroom.texts import texts_of
from sim.data.record import evidence
from sim.wording import Language, significant


@solara.component
def KnownCounts() -> None:
    """Show a table of the counts that were known on 22 June 2021, the evening of the forecasts."""
    texts = texts_of("forecasts")
    rows = [[texts.day(one.day), f"{one.districts:,.0f}", f"{one.soldiers:,.0f}"] for one in known_counts()]
    Table(heads_of(texts.say("known_head")), rows, texts.say("known"), NUMBERS)
    Note(texts.say("known_about"))


@solara.component
def Revealed(tasks: tuple[Task, ...], own: Mapping[str, Ranges], code: str) -> None:
    """Show reported figures next to all forecasts; update the forecast of the class when students' ranges become final.

    Args:
        tasks: The forecasts of the lesson.
        own: The ranges of the student, keyed by task.
        code: Code of the class session; empty for a student who has joined none.
    """
    texts = texts_of("forecasts")
    _, set_seen = solara.use_state(0)

    def update() -> bool:
        set_seen(len(the_class_ranges().ranges(code, tasks[0].key)))
        return False

    solara.use_effect(lambda: follow_updates(the_class_ranges().watch, update, lambda _: BREATH), [code])
    for task in tasks:
        rows = compared(task, own[task.key], the_class_ranges().ranges(code, task.key))
        ClassChart(chart=chart_of(task, rows, texts))
        Note(f"{describe_reported(task, texts)} {task.because}")
        sources = [evidence()[id] for id in task.sum]
        Sentences([texts.say("source", id=row.id, quote=row.quote, source=row.source) for row in sources])
    for said in (texts.say("score_about"), describe_panj(texts), texts.say("growth_about")):
        Note(said)


def title_of(task: Task, texts: Language) -> str:
    """Return a title with the count and the day that a task forecasts."""
    return texts.say("by", title=texts.say(f"unit_{task.target}"), day=texts.day(date.fromisoformat(task.day)))


def chart_of(task: Task, rows: list[Row], texts: Language) -> dict[str, Any]:
    """Return the chart of a task for `ClassChart`, with a bracket for each 90 % range and a bar for each 50 % range."""
    reported = reported_in(task)
    shown = [row_of(row, reported, number, texts) for number, row in enumerate(rows)]
    return {
        "title": title_of(task, texts), "key_claimed": texts.say("key_90"), "key_simulated": texts.say("key_50"),
        "key_reported": texts.say("key_reported"), "rows": shown, "zero": False, "reported": {"value": reported},
        "unit": texts.say(f"unit_{task.target}"), "note": describe_worlds(texts), "table_title": texts.say("table"),
        "heads": heads_of(texts.say("head")), "summary": " ".join(row["summary"] for row in shown),
    }  # fmt: skip


def row_of(row: Row, reported: float, number: int, texts: Language) -> dict[str, Any]:
    """Return the row of one forecast in the chart; `number` identifies the row."""
    low_90, low_50, high_50, high_90 = row.ranges
    inside = "held" if low_50 <= reported <= high_50 else "held_90" if low_90 <= reported <= high_90 else "missed"
    ranges, score = format_ranges(row.ranges), significant(row.score)
    verdict = texts.say(inside)
    return {
        "letter": str(number), "name": row.name, "choice": "", "from": low_90, "to": high_90, "low": low_50,
        "high": high_50, "middle": None, "verdict": texts.say("score", score=score),
        "cells": [row.name, ranges, verdict, score],
        "summary": texts.say("summary", name=row.name, ranges=ranges, verdict=verdict, score=score),
    }  # fmt: skip
