"""Measure the seven scenes with thirty students at once, at the pace of the teacher's clock.

Every student has one page, which asks every 0.8 s where the class is, as the script of the page does. All load the page
at the same moment. In each scene all do what it asks for at random times of its first half: they lock a drawing, run
their campaign (every third only when the wall gathers them) and set a bracket. The wall is a page of the teacher, whose
key N moves the class on. Browsers draw nothing here: their own work is measured by the browser tests.
"""

import argparse
import asyncio
import json
import os
import random
import secrets
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx2
from classroom import classroom, memory, say, summary
from common import machine, table
from visitor import Visitor

from sim.classroom.gate import BROWSER
from sim.classroom.sessions.register import Register
from sim.classroom.sessions.scenes import BRACKET, CAMPAIGN, DRAWING, ClassScenes
from sim.classroom.texts import texts_of
from sim.explorable.content import SCENES
from sim.explorable.encoding import described
from sim.explorable.explorable import campaigns_in

STUDENTS, SECONDS, EVERY = 30, 12.0, 0.8
PATIENCE = 600.0  # maximum seconds until the campaigns of the page are ready
PLACE = Path(__file__).parent / "class_scenes.json"
NAMES = {
    "load": "loading the page, all at once", "ask": "a page asks for the current scene",
    "follow": "from the teacher's key press to the new scene on a student's page",
    "send": "a drawing, campaign or bracket, sent",
    "wall": "from a campaign or bracket to the wall",
}  # fmt: skip
AIMS = {"follow": "2 s for 95 %", "wall": "2 s for 95 %"}


class Class:
    """What the simulated class shares: its clock, the wall, and all measured times."""

    def __init__(self, address: str, code: str, teacher: str, times: dict[str, list[float]]) -> None:
        self.address, self.code, self.times = address, code, times
        self.wall = Visitor(address, {BROWSER: teacher})
        self.about: dict[str, Any] = {}  # JSON of the page about its campaigns
        self.moved: dict[int, float] = {}  # when the teacher moved the class to a scene
        self.sent: dict[tuple[str, str], float] = {}  # when a campaign or bracket was sent, by kind and letter

    async def open_wall(self) -> None:
        """Open the wall, and wait until the campaigns of the page are ready."""
        self.wall.listeners = [self.look]
        await self.wall.open(f"/projector?class={self.code}")
        ends = time.perf_counter() + PATIENCE
        async with httpx2.AsyncClient(timeout=PATIENCE) as client:  # the page is written when it is first asked for
            page = await client.get(f"{self.address}/explorable")
        page.raise_for_status()
        self.about = described(campaigns_in(page.text))
        while (
            texts_of("scenes").say("teach_getting_ready") in self.state["scene"]["stage"] and time.perf_counter() < ends
        ):
            await asyncio.sleep(0.2)

    @property
    def state(self) -> dict[str, Any]:
        """The content of the wall."""
        return self.wall.widgets[self.widget]["wall"]

    @property
    def widget(self) -> str:
        """The widget of the wall."""
        return self.wall.find(lambda state: "wall" in state)

    def look(self, _widget: str, state: dict[str, Any]) -> None:
        """Record which campaigns and brackets have appeared on the wall."""
        scene = (state.get("wall") or {}).get("scene") or {}
        lines = (scene.get("chart") or {}).get("lines", [])
        ranges = [one for row in (scene.get("board") or {}).get("rows", []) for one in row["ranges"]]
        here = [(CAMPAIGN, one["letter"]) for one in lines] + [(BRACKET, one["letter"]) for one in ranges]
        for one in here:
            if one in self.sent:
                self.times["wall"].append(time.perf_counter() - self.sent.pop(one))

    async def move(self, scene: int) -> None:
        """Move the class to the next scene with the key N of the wall."""
        self.moved[scene] = time.perf_counter()
        await self.wall.press(self.widget, "next", self.state["place"])


class Student:
    """A simulated page of the scenes, which requests the current scene and does what each scene asks for."""

    def __init__(self, number: int, room: Class, browser: str, letter: str) -> None:
        self.number, self.room, self.letter = number, room, letter
        self.luck = random.Random(number)
        self.client = httpx2.AsyncClient(cookies={BROWSER: browser}, timeout=60)
        self.page, self.has, self.scene, self.attempt = secrets.token_hex(8), "", 0, ""

    async def load(self) -> None:
        """Load the page."""
        started = time.perf_counter()
        answer = await self.client.get(f"{self.room.address}/explorable?class={self.room.code}")
        answer.raise_for_status()
        self.room.times["load"].append(time.perf_counter() - started)

    async def follow(self, seconds: float) -> None:
        """Request the current scene until the last scene of the class has ended."""
        ends = float("inf")
        while time.perf_counter() < ends:
            started = time.perf_counter()
            found = (await self.client.get(f"{self.address}&has={self.has}")).json()
            now = time.perf_counter()
            self.room.times["ask"].append(now - started)
            self.has, self.attempt = found["has"], found["attempt"]
            if found["scene"] != self.scene:
                self.scene = found["scene"]
                self.room.times["follow"].append(now - self.room.moved[self.scene])
                asyncio.get_running_loop().create_task(self.act(SCENES[self.scene], seconds))
                ends = now + seconds if self.scene == len(SCENES) - 1 else ends
            await asyncio.sleep(EVERY)

    @property
    def address(self) -> str:
        """The address at which the page asks and sends."""
        return f"{self.room.address}/explorable/class?class={self.room.code}&page={self.page}"

    async def act(self, scene: str, seconds: float) -> None:
        """Do what a scene asks for."""
        is_late = self.number % 3 == 0
        done: dict[str, Any] | None = None
        if scene == "draw":
            end = self.luck.uniform(60, 300)
            days = self.room.about["days"]
            done = {"kind": DRAWING, "drawing": [round(31 + (end - 31) * day / (days - 1), 1) for day in range(days)]}
        elif scene == ("gather" if is_late else "run"):
            done = {"kind": CAMPAIGN}
        elif scene == "decision":
            low, decisions = self.luck.randrange(-30, 0), [one["key"] for one in self.room.about["decisions"][1:]]
            done = {"kind": BRACKET, "decision": self.luck.choice(decisions), "low": low, "high": low + 30}
        if done is None:
            return
        await asyncio.sleep(self.luck.uniform(0, seconds / 2))
        started = time.perf_counter()
        if scene in ("gather", "decision"):  # where the wall shows it at once
            self.room.sent[done["kind"], self.letter] = started
        answer = await self.client.post(f"{self.address}&attempt={self.attempt}", json=done)
        answer.raise_for_status()
        self.room.times["send"].append(time.perf_counter() - started)


async def measure(address: str, process: int, register: Register, students: int, seconds: float) -> dict[str, Any]:
    """Run a class through the scenes, with `seconds` in each."""
    times: dict[str, list[float]] = defaultdict(list)
    teacher = secrets.token_hex(16)
    code, _ = register.open_session(teacher)
    browsers = [secrets.token_hex(16) for _ in range(students)]
    letters = [register.join(code, browser, f"Student {row}").letter for row, browser in enumerate(browsers)]
    ClassScenes(register).begin(code, teacher)
    room = Class(address, code, teacher, times)
    await room.open_wall()
    pages = [Student(row, room, browser, letters[row]) for row, browser in enumerate(browsers)]
    await asyncio.gather(*(page.load() for page in pages))
    before = memory(process)
    following = [asyncio.create_task(page.follow(seconds)) for page in pages]
    for scene in range(1, len(SCENES)):
        await asyncio.sleep(seconds)
        await room.move(scene)
    await asyncio.gather(*following)
    works = ClassScenes(register).gathered(code, teacher)
    whole = sum(bool(one.drawing and one.has_run and one.brackets) for one in works)
    return {
        "students": students, "seconds": seconds, "times": {what: summary(found) for what, found in times.items()},
        "not_on_the_wall": len(room.sent), "not_kept": students - whole,
        "memory_mb": {"before": before, "at_the_end": memory(process)}, "machine": machine(),
    }  # fmt: skip


def report(found: dict[str, Any]) -> str:
    """Write the measurements next to the aims, with the machine, as Markdown."""
    rows = [
        (name, say(found["times"][what]), AIMS.get(what, "")) for what, name in NAMES.items() if what in found["times"]
    ]
    memory_mb, here = found["memory_mb"], ", ".join(found["machine"][key] for key in ("processor", "system", "python"))
    rows.append(
        ("memory of the server: before, at the end", f"{memory_mb['before']:.0f}, {memory_mb['at_the_end']:.0f} MB", "")
    )
    rows.append(("not kept; not on the wall", f"{found['not_kept']}; {found['not_on_the_wall']}", "none"))
    return "\n".join([
        f"{found['students']} students on {found['machine']['cores']} cores, which also act as the students, in the "
        f"seven scenes, {found['seconds']:g} s in each ({here}; load before it began: {found['load']:.1f}).",
        "",
        table(["what", "median; 95 % within; longest", "aim"], rows),
    ])  # fmt: skip


def main() -> None:
    """Measure and print; with `--save`, also store the result."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--students", type=int, default=STUDENTS)
    asked.add_argument("--seconds", type=float, default=SECONDS, help="time in each scene")
    asked.add_argument("--save", action="store_true", help="store the result, on a machine that does nothing else")
    given = asked.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "classroom.sqlite"
        register = Register(place, lambda _: None, list)
        with classroom(place) as (address, process):
            found = asyncio.run(measure(address, process, register, given.students, given.seconds))
    found["load"] = load
    if given.save:
        PLACE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(report(found))


if __name__ == "__main__":
    main()
