"""Measure how long a page of the classroom takes to open on a slow laptop with a slow network.

A new browser opens each page (cold) and opens it again with its cache (warm), with the processor slowed and the network
limited as by Chromium's developer tools. A page is open when its heading and main content are visible.
Load averages are recorded with every time, because other programs make times longer.
"""

import argparse
import json
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from classroom import classroom
from common import machine, table

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

PLACE = Path(__file__).parent / "opening.json"
SLOWER, MEGABITS, LATENCY = 6, 3.0, 40  # times slower; Mbit/s in both directions; ms of a round trip
AIMS = {"cold": 6.0, "warm": 4.0}  # seconds
TIMES = 3
MOST = 120_000  # milliseconds
PAGES = {  # selector of the content that is visible when a page is open
    "": ".river-picture svg",
    "join": ".shell input",
    "watch": ".panj-board .country",
    "change": ".panj-form select",
    "what_if": ".sheet-field",
}
CHROMIUM = ("chromium-headless-shell", "chromium", "chromium-browser")


class Traffic:
    """The traffic of a page: requests, bytes over the network, and the largest responses."""

    def __init__(self, session: "CDPSession") -> None:
        self.bytes: dict[str, float] = {}
        self.names: dict[str, str] = {}
        self.kept: set[str] = set()
        self.frames: list[tuple[float, int]] = []
        session.on(
            "Network.requestWillBeSent", lambda one: self.names.update({one["requestId"]: one["request"]["url"]})
        )
        session.on("Network.requestServedFromCache", lambda one: self.kept.add(one["requestId"]))
        session.on("Network.loadingFinished", self.finish)
        session.on("Network.webSocketFrameReceived", self.receive)

    def finish(self, one: dict[str, Any]) -> None:
        """Record a request that has been answered."""
        self.bytes[one["requestId"]] = one["encodedDataLength"]

    def receive(self, one: dict[str, Any]) -> None:
        """Record a message of the server."""
        self.frames.append((one["timestamp"], len(one["response"]["payloadData"])))

    def summary(self) -> dict[str, Any]:
        """Return the number of requests and bytes, and the five largest."""
        largest = sorted(self.bytes.items(), key=lambda one: -one[1])[:5]
        return {
            "requests": len(self.bytes), "megabytes": sum(self.bytes.values()) / 1e6,
            "messages": len(self.frames), "megabytes_of_messages": sum(size for _, size in self.frames) / 1e6,
            "largest": {self.names.get(key, "").rpartition("/")[2][:60]: round(size) for key, size in largest},
        }  # fmt: skip


def slowed(page: "Page") -> "tuple[CDPSession, Traffic]":
    """Slow the processor and the network of a page, and count its traffic."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    rates = dict.fromkeys(("downloadThroughput", "uploadThroughput"), MEGABITS * 1e6 / 8)  # bytes a second
    session.send("Network.emulateNetworkConditions", {"offline": False, "latency": LATENCY, **rates})
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    return session, Traffic(session)


def opened(page: "Page", address: str, name: str) -> dict[str, Any]:
    """Open a page and return the seconds until it is seen, with its traffic and the load."""
    load = os.getloadavg()[0]
    _, traffic = slowed(page)
    started = time.perf_counter()
    page.goto(f"{address}/{name}", wait_until="commit", timeout=MOST)
    page.wait_for_selector(".shell h1", timeout=MOST)
    heading = time.perf_counter() - started
    page.wait_for_selector(PAGES[name], timeout=MOST)
    seconds = time.perf_counter() - started
    marks = page.evaluate(
        """() => { const [one] = performance.getEntriesByType("navigation");
        const paint = performance.getEntriesByName("first-contentful-paint")[0];
        return { html: one.responseEnd, parsed: one.domInteractive, loaded: one.domContentLoadedEventEnd,
                 first_paint: paint ? paint.startTime : null }; }"""
    )
    return {"heading": heading, "seconds": seconds, "load": load, **marks, **traffic.summary()}


def measure(browser: "Browser", address: str, name: str) -> dict[str, Any]:
    """Open a page in a new browser, then again."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    found = {}
    for which in ("cold", "warm"):
        page = context.new_page()
        found[which] = opened(page, address, name)
        page.wait_for_timeout(1500)  # the browser writes its cache
        page.close()
    context.close()
    return found


def report(found: dict[str, Any]) -> str:
    """Return the measurements next to the aims, as Markdown."""
    rows = []
    for name, runs in found["pages"].items():
        for which, aim in AIMS.items():
            ones = [run[which] for run in runs]
            seconds, load = [one["seconds"] for one in ones], [one["load"] for one in ones]
            said = f"{np.median(seconds):.1f} ({min(seconds):.1f} to {max(seconds):.1f}) s"
            rows.append((
                f"/{name}", which, said, f"{aim:g} s",
                f"{ones[-1]['requests']}", f"{ones[-1]['megabytes'] + ones[-1]['megabytes_of_messages']:.2f} MB",
                f"{min(load):.1f} to {max(load):.1f}",
            ))  # fmt: skip
    head = ["page", "browser", "open after: median (range)", "aim", "requests", "over the network", "load"]
    here, times = ", ".join(str(found["machine"][key]) for key in ("processor", "cores", "system")), len(ones)
    return "\n".join([
        f"Processor slowed {SLOWER} times, {MEGABITS:g} Mbit/s, {LATENCY} ms; server and browser on one machine "
        f"({here}); {times} times each, by `python benchmarks/opening.py`.",
        "",
        table(head, rows),
    ])  # fmt: skip


def main() -> None:
    """Measure, print and save."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--times", type=int, default=TIMES)
    asked.add_argument("--address", default="", help="of a server that runs already; by default one is started")
    asked.add_argument("pages", nargs="*", default=list(PAGES), help=", ".join(filter(None, PAGES)))
    given = asked.parse_args()
    if given.address:
        found = measure_all(given.address, given.pages, given.times)
    else:
        with classroom() as (address, _):
            time.sleep(15)  # until the baseline is ready
            found = measure_all(address, given.pages, given.times)
    if not given.address and given.pages == list(PAGES):
        PLACE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(report(found))


def measure_all(address: str, pages: list[str], times: int) -> dict[str, Any]:
    """Return the measurements of some pages."""
    path = next(filter(None, map(shutil.which, CHROMIUM)))
    found: dict[str, Any] = {"machine": machine(), "pages": {name: [] for name in pages}}
    from playwright.sync_api import sync_playwright  # only with the extra for tests of the browser

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(times):
            for name in pages:
                found["pages"][name].append(measure(browser, address, name))
        browser.close()
    return found


if __name__ == "__main__":
    main()
