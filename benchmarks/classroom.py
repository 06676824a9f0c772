"""Measure response times of the classroom with thirty students, as students see them and in the server.

Every student has one page to watch a campaign and one to change decisions. First each student steps every few seconds,
loads another campaign from time to time, and requests 200 campaigns with their own settings once a minute, at random
times. Then all request campaigns with new settings at the same moment.
"""

import argparse
import asyncio
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from common import machine, table
from visitor import Visitor

from sim.configuration.compose import compose_settings

STUDENTS, MINUTES, STEP_EVERY, ROLL_EVERY, RUNS = 30, 5.0, 3.0, 20.0, 200
DAYS = compose_settings().days
PATIENCE = 300.0  # seconds until a request counts as unanswered
PLACE = Path(__file__).parent / "classroom.json"
PAGE = Path(__file__).parent.parent / "docs" / "reference" / "speed.md"
HELP = ("none", "as_reported", "answer_every_call", "hold_border", "hold_capitals", "hold_roads", "airlift")
AIMS = {"step": 0.5, "first_distribution": 3.0, "all_at_once": 60.0}  # seconds


class Student:
    """A simulated student with two pages, who records how long each response took."""

    def __init__(self, number: int, address: str, times: dict[str, list[float]]) -> None:
        self.number, self.times, self.asked = number, times, 0
        self.luck = random.Random(number)
        self.watching, self.changing = Visitor(address), Visitor(address)

    async def come_in(self) -> None:
        """Open both pages."""
        started = time.perf_counter()
        await self.watching.open("/watch")
        self.times["open_watch"].append(time.perf_counter() - started)
        started = time.perf_counter()
        await self.changing.open("/change")
        self.times["open_change"].append(time.perf_counter() - started)

    async def step(self) -> None:
        """Step to another day."""
        film = self.watching.find(lambda state: "films" in state)
        self.times["step"].append(await self.watching.press(film, "told", self.luck.randrange(DAYS)))

    async def roll(self) -> None:
        """Watch another campaign."""
        self.times["roll"].append(await self.watching.press(self.watching.button("Again")))

    async def ask(self) -> None:
        """Request 200 campaigns with unused settings; time from the click to the first result and to all."""
        self.asked += 1
        days = 4 + 0.01 * (self.number + STUDENTS * self.asked)
        words = [f"reinforcement={self.luck.choice(HELP)}", f"rules.news.fade_days={days:.2f}"]
        keeper = self.changing.find(lambda state: "choices" in state and "every" in state)
        await self.changing.press(keeper, "restore", {"choice": words})
        seen = asyncio.Event()
        whole = asyncio.Event()

        before = [changed_in(state) for state in self.changing.widgets.values()]

        def look(_widget: str, state: dict[str, Any]) -> None:
            changed = changed_in(state)
            done = 0 if changed in before else changed["done"]  # not the answer to the request before
            if done:
                seen.set()
            if done >= RUNS:
                whole.set()

        self.changing.listeners = [look]
        started = time.perf_counter()
        self.times["press_run"].append(await self.changing.press(self.changing.button("Run 200 campaigns")))
        await self.until(seen)
        self.times["first_distribution"].append(time.perf_counter() - started)
        await self.until(whole)
        self.times["whole_distribution"].append(time.perf_counter() - started)

    async def until(self, event: asyncio.Event) -> None:
        """Wait for an event; if it does not come, raise an error with the content of the page."""
        try:
            await asyncio.wait_for(event.wait(), PATIENCE)
        except TimeoutError as error:
            shown = [str(state.get("unsafe_innerHTML"))[:200] for state in self.changing.widgets.values()]
            raise RuntimeError(
                f"student {self.number}, request {self.asked}: no answer; the page shows {shown}"
            ) from error

    async def study(self, seconds: float) -> None:
        """Step, watch other campaigns and request campaigns, each at its own random times."""
        ends = time.perf_counter() + seconds
        await asyncio.gather(
            self.again(self.step, STEP_EVERY, ends),
            self.again(self.roll, ROLL_EVERY, ends),
            self.again(self.ask, 60.0, ends),
        )

    async def again(self, deed: Any, every: float, ends: float) -> None:
        """Repeat an action at random times, `every` seconds apart on average, until the end."""
        await asyncio.sleep(self.luck.uniform(0, every))
        while time.perf_counter() < ends:
            began = time.perf_counter()
            await deed()
            await asyncio.sleep(max(0.0, self.luck.uniform(0.5, 1.5) * every - (time.perf_counter() - began)))


def changed_in(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the distribution of the changed choice in the state of a widget, or that of no campaigns."""
    return (state.get("reading") or {}).get("changed") or {"done": 0}


async def measure(address: str, process: int, students: int, minutes: float) -> dict[str, Any]:
    """Measure a lesson, and then requests by all students at the same moment."""
    times: dict[str, list[float]] = defaultdict(list)
    room = [Student(number, address, times) for number in range(students)]
    await asyncio.gather(*(student.come_in() for student in room))
    opened = memory(process)
    await asyncio.gather(*(student.study(60 * minutes) for student in room))
    lesson = {what: summary(seconds) for what, seconds in times.items()}
    after = memory(process)
    times.clear()
    started = time.perf_counter()
    await asyncio.gather(*(student.ask() for student in room))
    together = {
        **{what: summary(seconds) for what, seconds in times.items()},
        "all_at_once": time.perf_counter() - started,
    }
    async with httpx2.AsyncClient() as client:
        server = (await client.get(f"{address}/latency")).json()
    return {
        "students": students, "minutes": minutes, "lesson": lesson, "together": together, "server": server,
        "memory_mb": {"opened": opened, "after_the_lesson": after, "at_the_end": memory(process)}, "machine": machine(),
    }  # fmt: skip


def summary(seconds: list[float]) -> dict[str, float]:
    """Return count, median, 95th percentile and maximum of some times."""
    return {
        "count": len(seconds), "median": float(np.median(seconds)), "p95": float(np.quantile(seconds, 0.95)),
        "longest": float(np.max(seconds)),
    }  # fmt: skip


def memory(process: int) -> float:
    """Return the resident megabytes of a process; NaN if the system does not report them."""
    status = Path(f"/proc/{process}/status")
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) / 1024 if found else float("nan")


@contextmanager
def classroom(register: Path | None = None) -> Iterator[tuple[str, int]]:
    """Start a server for a benchmark and stop it at the end; yield its address and process id.

    Args:
        register: The file of its class sessions; None for a temporary file.
    """
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PANJ_CLASSROOM": str(register or Path(folder) / "classroom.sqlite")}
        process = subprocess.Popen([sys.executable, "-m", "sim", "classroom", f"port={port}"], env=environment)
        address = f"http://127.0.0.1:{port}"
        try:
            started = time.perf_counter()
            while not answers(address):
                time.sleep(0.1)
            print(f"Ready after {time.perf_counter() - started:.1f} s", flush=True)
            yield address, process.pid
        finally:
            process.terminate()
            process.wait(30)


def answers(address: str) -> bool:
    """Return whether a server responds at an address."""
    try:
        return httpx2.get(f"{address}/alive", timeout=1).status_code == 200
    except httpx2.HTTPError:
        return False


def report(found: dict[str, Any]) -> str:
    """Write the measurements next to the aims, with the machine, as Markdown."""
    lesson, together, memory_mb = found["lesson"], found["together"], found["memory_mb"]
    rows = [
        ("step to another day", say(lesson["step"]), f"{AIMS['step']:g} s for 95 %"),
        ("another campaign to watch", say(lesson["roll"]), ""),
        ("first distribution after *Run 200 campaigns*", say(lesson["first_distribution"]),
         f"{AIMS['first_distribution']:g} s for 95 %"),
        ("all 200 campaigns", say(lesson["whole_distribution"]), ""),
        ("all request at once: first distribution", say(together["first_distribution"]), ""),
        ("all request at once: all campaigns", f"{together['all_at_once']:.0f} s", f"{AIMS['all_at_once']:g} s"),
        ("memory of the server: after opening, after the lesson, at the end",
         ", ".join(f"{memory_mb[when]:.0f} MB" for when in ("opened", "after_the_lesson", "at_the_end")), ""),
    ]  # fmt: skip
    head = ["what", "median; 95 % within; longest", "aim"]
    here = ", ".join(found["machine"][key] for key in ("processor", "system", "python"))
    return "\n".join([
        f"{found['students']} students on {found['machine']['cores']} cores, which also act as the students: a lesson "
        f"of {found['minutes']:g} minutes in which each steps every {STEP_EVERY:g} s, watches another campaign every "
        f"{ROLL_EVERY:g} s and requests 200 campaigns with their own settings once a minute, at random times; then all "
        f"request at the same moment. Times as students see them, by `make bench-classroom` ({here}; load "
        f"before it began: {found['load']:.1f}).",
        "",
        table(head, rows),
    ])  # fmt: skip


def say(summary: dict[str, float]) -> str:
    """Format median, 95th percentile and maximum, such as `0.49; 0.87; 1.1 s`."""
    return f"{summary['median']:.2g}; {summary['p95']:.2g}; {summary['longest']:.2g} s"


def put_into_page(text: str) -> None:
    """Insert the text between its two markers."""
    first, last = "<!-- classroom -->", "<!-- end of classroom -->"
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(first)
    PAGE.write_text(f"{before}{first}\n{text}\n{last}{rest.partition(last)[2]}", encoding="utf-8")


def main() -> None:
    """Measure, print and save."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--students", type=int, default=STUDENTS)
    asked.add_argument("--minutes", type=float, default=MINUTES)
    given = asked.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    with classroom() as (address, process):
        time.sleep(15)  # students join some time after the start, when the baseline is ready
        found = asyncio.run(measure(address, process, given.students, given.minutes))
    found["load"] = load  # load average of the minute before the server was started
    is_usual = given.students == STUDENTS
    place = PLACE if is_usual else PLACE.with_name(f"classroom_{given.students}.json")
    place.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if is_usual:
        put_into_page(report(found))
    print(report(found))


if __name__ == "__main__":
    main()
