"""`python -m sim classroom [port=8765] [host=127.0.0.1] [code=...]`: one server for a whole class."""

import re
import socket
import sys
import threading
from collections.abc import Sequence

from rich.console import Console

from sim.classroom.server import LETTERS, LONG, Room, addresses, new_code, serve
from sim.errors import PanjError
from sim.study.relive import options_of, whole
from sim.study.run import compile_rules, console_of

USAGE = "python -m sim classroom [port=8765] [host=0.0.0.0] [code=ABCDEF]"
OPTIONS = ("port", "host", "code")
PORT = 8765
BASELINE = 200  # campaigns that are there before anybody asks


def read_room(words: Sequence[str]) -> Room:
    """What was asked for; PanjError says what was expected."""
    given = options_of("classroom", words, OPTIONS, USAGE)
    for word in words:
        if word.partition("=")[0] not in OPTIONS:
            raise PanjError(f"classroom: found '{word}', expected {USAGE}")
    port = whole("port", given.get("port", str(PORT)), 1, 65535)
    host = given.get("host", "127.0.0.1")
    code = given.get("code", "").upper()
    if code and not re.fullmatch(r"[A-Z0-9]{4,12}", code):
        raise PanjError(f"code: found '{given['code']}', expected 4 to 12 letters and digits, such as {LETTERS[:LONG]}")
    room = Room(host, port, code)
    return room if code or room.is_local else room._replace(code=new_code())


def check_free(room: Room) -> None:
    """PanjError where nothing can listen there."""
    kind = socket.AF_INET6 if ":" in room.host else socket.AF_INET
    with socket.socket(kind, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((room.host, room.port))
        except OSError as error:
            raise PanjError(
                f"port: found {room.port} on {room.host}, where no server can listen ({error.strerror or error}); "
                "expected a free one, such as port=8766"
            ) from error


def main(words: Sequence[str]) -> int:
    """Compile, lay out, and serve until Ctrl-C."""
    room = read_room(words)
    check_free(room)
    console = console_of()
    console.print("Getting the classroom ready ...")
    get_ready(console)
    say_where(room, console)
    serve(room)
    print("The classroom is closed; what the class has sent is kept.", file=sys.stderr)
    return 0


def get_ready(console: Console) -> None:
    """Rules compiled and the baseline begun, so that nobody in the room waits for that."""
    from sim.classroom.desk import the_desk
    from sim.study.sweep import Cell

    desk = the_desk()
    compile_rules(Cell(0, {}, (), desk.settings(())).order, 0, console)
    desk.ask("the room", (), BASELINE)
    threading.Thread(target=warm, daemon=True).start()


def warm() -> None:
    """What is only needed when somebody asks for it, and takes long the first time."""
    from sim.classroom import watching
    from sim.classroom.settling import the_settler

    watching.warm()
    the_settler()  # it goes on with questions that a stop has left half answered


def say_where(room: Room, console: Console) -> None:
    """The address for this machine and for the room."""
    here = "127.0.0.1" if room.host in ("0.0.0.0", "127.0.0.1", "localhost") else room.host
    given = f"?code={room.code}" if room.code else ""
    console.print(f"The classroom is open: http://{here}:{room.port}/{given}", soft_wrap=True)
    if room.is_local:
        console.print("Only this machine can come in. For a room of laptops: python -m sim classroom host=0.0.0.0")
    else:
        found = addresses() or [room.host]
        joins = " or ".join(f"http://{address}:{room.port}/" for address in found)
        console.print(f"For the room: {joins}  with the code {room.code}", soft_wrap=True)
    console.print("Ctrl-C closes it. Teachers begin on the page Teacher; docs/teaching.md has plans for lessons.")
