"""Client of the classroom without a browser, which communicates with the server like the script of a page.

The pages are Jupyter widgets: a client opens a channel, requests a page, receives every widget, sends changes and
clicks, and receives updates. A message has been processed when the server reports that it is idle again; that is the
response time of a client.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import httpx2
import websockets

CONTROL = "solara.control"
USERNAME = "visitor"


class Visitor:
    """A simulated browser with one page open.

    Args:
        address: Address of the server.
        cookies: Cookies that the browser already has.
    """

    def __init__(self, address: str, cookies: Mapping[str, str] = MappingProxyType({})) -> None:
        self.address, self.cookies = address, dict(cookies)
        self.widgets: dict[str, dict[str, Any]] = {}
        self.idle: dict[str, asyncio.Future] = {}
        self.listeners: list[Callable[[str, dict[str, Any]], None]] = []
        self.page = uuid.uuid4().hex

    async def open(self, path: str) -> None:
        """Open a page."""
        async with httpx2.AsyncClient(cookies=self.cookies) as client:
            seen = await client.get(f"{self.address}{path}")
            seen.raise_for_status()
            known = {one.name: one.value for one in client.cookies.jar} | self.cookies
            cookie = "; ".join(f"{name}={value}" for name, value in known.items())
        channel = (
            f"ws{self.address.removeprefix('http')}/jupyter/api/kernels/{uuid.uuid4()}/channels?session_id={self.page}"
        )
        self.socket = await websockets.connect(
            channel, additional_headers={"Cookie": cookie}, max_size=None, ping_interval=None
        )
        self.receiving = asyncio.create_task(self.receive())
        control = uuid.uuid4().hex
        await self.send("comm_open", {"comm_id": control, "target_name": CONTROL, "data": {}})
        about = {"path": path, "dark": False, "themes": {}}
        await self.send("comm_msg", {"comm_id": control, "data": {"method": "run", "args": about}})

    async def close(self) -> None:
        """Close the page."""
        self.receiving.cancel()
        await self.socket.close()

    async def send(self, kind: str, content: dict[str, Any]) -> float:
        """Send a message and wait until it has been processed; return the seconds."""
        number = uuid.uuid4().hex
        header = {"msg_id": number, "msg_type": kind, "username": USERNAME, "session": self.page, "version": "5.3",
                  "date": "2021-07-07T00:00:00Z"}  # fmt: skip
        message = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
            "buffers": [],
        }
        self.idle[number] = asyncio.get_running_loop().create_future()
        started = time.perf_counter()
        await self.socket.send(json.dumps(message))
        await asyncio.wait({self.idle[number], self.receiving}, return_when=asyncio.FIRST_COMPLETED)
        if not self.idle.pop(number).done():
            self.receiving.result()  # raises the error
            raise ConnectionError("the server closed the connection")
        return time.perf_counter() - started

    async def receive(self) -> None:
        """Receive all messages of the server, and keep the state of the widgets."""
        async for raw in self.socket:
            message = json.loads(raw) if isinstance(raw, str) else json.loads(first_part(raw))
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "comm_open":
                state = dict(content["data"].get("state", {}))
                self.widgets[content["comm_id"]] = state
                self.notify(content["comm_id"], state)
            elif kind == "comm_msg" and content["data"].get("method") == "update":
                state = content["data"]["state"]
                self.widgets.setdefault(content["comm_id"], {}).update(state)
                self.notify(content["comm_id"], state)
            elif kind == "status" and content["execution_state"] == "idle":
                waiting = self.idle.get(message["parent_header"].get("msg_id", ""))
                if waiting is not None and not waiting.done():
                    waiting.set_result(None)

    def notify(self, widget: str, state: dict[str, Any]) -> None:
        """Notify every listener of a new or changed widget."""
        for listener in list(self.listeners):
            listener(widget, state)

    async def change(self, widget: str, **state: Any) -> float:
        """Change a slider or a field; return the seconds until the change was processed."""
        return await self.send("comm_msg", {"comm_id": widget, "data": {"method": "update", "state": state}})

    async def press(self, widget: str, event: str = "click", data: Any = None) -> float:
        """Press a button; return the seconds until the click was processed."""
        content = {"event": event, "data": {} if data is None else data}
        return await self.send("comm_msg", {"comm_id": widget, "data": {"method": "custom", "content": content}})

    def find(self, wanted: Callable[[dict[str, Any]], bool]) -> str:
        """Return the newest widget whose state satisfies a condition."""
        return next(number for number, state in reversed(self.widgets.items()) if wanted(state))

    def button(self, label: str) -> str:
        """Return the newest button with this label."""
        return self.find(lambda state: state.get("_model_name") == "BtnModel" and label in str(state.get("children")))


def first_part(raw: bytes) -> bytes:
    """Return the main part of a message with binary parts, which has their count, their offsets, then the parts."""
    count = int.from_bytes(raw[:4], "big")
    places = [int.from_bytes(raw[4 * each : 4 * each + 4], "big") for each in range(1, count + 1)]
    return raw[places[0] : places[1]] if count > 1 else raw[places[0] :]
