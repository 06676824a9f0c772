"""Encode campaigns compactly for a page, in which `page/campaigns.js` decodes them.

A campaign is a list of whole numbers, written as variable-length integers (LEB128: seven bits per byte, the lowest
first, the high bit set in every byte but the last):

    number of changes of holder, then one number per change: 2 x gap + (1 if the government retook the district)
    number of nights at posts with crossings, then two numbers each: gap, soldiers

A gap is the distance to the previous position, which is 0 at first. The position of a change is
day x districts + district, that of a night is day x posts + post. All campaigns of a page are concatenated in one
binary, after the JSON that describes them; it is deflated (zlib) and written as base64.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
SEVEN, MORE = 0x7F, 0x80
LENGTH = 4  # number of bytes with the length of the JSON, least significant byte first


class Course(NamedTuple):
    """The part of a campaign shown on a page."""

    changes: Integers  # 1 + day x districts + district, negative if retaken, as in `sim.study.columns.changes_of`
    crossings: Integers  # (days, posts) soldiers who crossed in the night before the day


def numbers_of(course: Course) -> Integers:
    """Return the numbers that encode a campaign.

    Args:
        course: The campaign, with its changes in the order in which they occurred.
    """
    position = np.abs(course.changes).astype(np.int64) - 1
    changes = 2 * np.diff(position, prepend=0) + (course.changes < 0)
    counts = course.crossings.reshape(-1)
    nights = np.flatnonzero(counts)
    crossings = np.column_stack([np.diff(nights, prepend=0), counts[nights]]).reshape(-1)
    return np.concatenate([[changes.size], changes, [nights.size], crossings]).astype(np.int64)


def course_of(numbers: Iterable[int], shape: tuple[int, int]) -> Course:
    """Decode one campaign; the reverse of `numbers_of`.

    Args:
        numbers: Encoded numbers, of which those of one campaign are consumed.
        shape: Days and posts.
    """
    rest = iter(numbers)
    coded = np.array([next(rest) for _ in range(next(rest))], np.int64)
    position = np.cumsum(coded >> 1) + 1
    nights = np.array([(next(rest), next(rest)) for _ in range(next(rest))], np.int64).reshape(-1, 2)
    crossings = np.zeros(shape[0] * shape[1], np.int64)
    crossings[np.cumsum(nights[:, 0])] = nights[:, 1]
    return Course(np.where(coded & 1, -position, position), crossings.reshape(shape))


def varints_of(numbers: Integers) -> bytes:
    """Encode non-negative integers as variable-length integers."""
    septets = np.maximum(1, np.ceil(np.log2(numbers + 1) / 7)).astype(np.int64)  # number of bytes of each number
    first = np.cumsum(septets) - septets
    found = np.zeros(int(septets.sum()), np.uint8)
    for place in range(int(septets.max(initial=0))):
        has = septets > place
        here = numbers[has] >> 7 * place & SEVEN
        found[first[has] + place] = here | np.where(septets[has] > place + 1, MORE, 0)
    return found.tobytes()


def numbers_in(content: bytes) -> list[int]:
    """Decode variable-length integers; the reverse of `varints_of`."""
    septets = np.frombuffer(content, np.uint8).astype(np.int64)
    last = np.flatnonzero(septets < MORE)
    first = np.concatenate([[0], last[:-1] + 1])[: last.size]
    place = np.arange(septets.size) - np.repeat(first, last - first + 1)
    values = (septets & SEVEN) << (7 * place)
    found: list[int] = np.add.reduceat(values, first).tolist() if last.size else []
    return found


def packed(about: Mapping[str, Any], courses: Iterable[Course]) -> str:
    """Encode campaigns, and the JSON that describes them, as base64 text.

    Args:
        about: Content of the JSON.
        courses: The campaigns, in the order given in the JSON.
    """
    head = json.dumps(about, ensure_ascii=False, separators=(",", ":")).encode()
    body = b"".join(varints_of(numbers_of(course)) for course in courses)
    return base64.b64encode(zlib.compress(len(head).to_bytes(LENGTH, "little") + head + body, 9)).decode()


def described(text: str) -> dict[str, Any]:
    """Return only the JSON of a page.

    Args:
        text: Base64 text, as written by `packed`.
    """
    content = zlib.decompress(base64.b64decode(text))
    found: dict[str, Any] = json.loads(content[LENGTH : LENGTH + int.from_bytes(content[:LENGTH], "little")])
    return found


def unpacked(text: str, shape: tuple[int, int], courses: int) -> tuple[dict[str, Any], list[Course]]:
    """Return the JSON and the campaigns of a page; the reverse of `packed`.

    Args:
        text: Base64 text, as written by `packed`.
        shape: Days and posts of each campaign.
        courses: Number of campaigns to return, from the first one.
    """
    content = zlib.decompress(base64.b64decode(text))
    end = LENGTH + int.from_bytes(content[:LENGTH], "little")
    rest = iter(numbers_in(content[end:]))
    return described(text), [course_of(rest, shape) for _ in range(courses)]
