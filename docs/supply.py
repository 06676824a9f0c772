"""Write `NOTICE`: every distribution that Panj's extras install, with its version and licence.

`python docs/supply.py` reads `pyproject.toml` and the metadata installed in this environment (`make notice`).
`python docs/supply.py FILE` adds the licences that are missing in a CycloneDX list of components (`make sbom`).

Assumes The licence of a distribution is the one that it declares: its expression, else its classifiers, else the first
        line of its field *License*. Libraries inside wheels are listed by hand in `BUNDLED`.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
NOTICE = ROOT / "NOTICE"
SHIPPED, TOOLS = ("all",), ("test", "browser")
STRONG = ("AGPL", "GPL", "GNU GENERAL", "GNU AFFERO", "SSPL", "EUPL", "CC-BY-SA", "CC-BY-NC")
WEAK = ("LGPL", "LESSER GENERAL", "MPL", "MOZILLA PUBLIC", "EPL", "ECLIPSE PUBLIC", "CDDL")
GCC = "OpenBLAS (BSD-3-Clause), libgfortran (GPL-3.0 with the GCC runtime library exception), libquadmath (LGPL-2.1)"
BUNDLED = {  # libraries inside wheels, by distribution
    "numpy": GCC,
    "scipy": GCC,
    "shapely": "GEOS (LGPL-2.1): a shared library that may be replaced",
    "pyproj": "PROJ (MIT), with curl, libtiff and SQLite under permissive terms",
    "pyogrio": "GDAL (MIT) with GEOS (LGPL-2.1), and PROJ, SQLite, curl and others under permissive terms",
    "pillow": "libjpeg-turbo, libtiff, libwebp, libavif, OpenJPEG, FreeType and others, under permissive terms",
    "pyzmq": "libzmq (MPL-2.0) and libsodium (ISC)",
    "pyarrow": "Apache Arrow and its parts, under Apache-2.0 and other permissive terms",
    "llvmlite": "LLVM (Apache-2.0 with the LLVM exception)",
    "matplotlib": "FreeType (FTL) and fonts DejaVu and STIX under free terms",
    "solara-assets": "Vue, Vuetify, RequireJS and fonts, under MIT, Apache-2.0 and OFL",
}
READ_BY_HAND = {"axe-playwright-python": "MIT, with axe-core (MPL-2.0)"}  # declared in a licence file only
NOT_DECLARED = "not declared"
HEAD = """Panj, The Panj founders. MIT licence: see LICENSE. Data keep the terms of their sources: see README.md.

Panj contains no code of the distributions below. They are installed next to it, each under its own licence; their
licence texts are in their *.dist-info folders. District shapes in sim/data/shapes.topojson: geoBoundaries
(www.geoboundaries.org), gbOpen AFG ADM2, CC BY 4.0; simplified.

Made by `make notice` with Python 3.11 on Linux; do not edit.
"""


class Part(NamedTuple):
    """A distribution that an extra installs."""

    name: str
    version: str
    licence: str

    @property
    def is_copyleft(self) -> bool:
        """Whether everything distributed together with it has to be under its licence."""
        others = re.sub(r"LGPL|LESSER GENERAL", "", self.licence.upper())
        return any(word in others for word in STRONG)

    @property
    def is_weak(self) -> bool:
        """Whether changes to the distribution itself have to be published (LGPL, MPL)."""
        return any(word in self.licence.upper() for word in WEAK)


def parts_of(extras: Sequence[str]) -> list[Part]:
    """List the distributions that Panj with these extras installs here, without Panj itself, sorted by name."""
    return sorted((part_of(name) for name in names_of(extras)), key=lambda part: part.name.lower())


def names_of(extras: Sequence[str]) -> set[str]:
    """Return the names of the requirements in `pyproject.toml`, with their own requirements."""
    found: set[tuple[str, str]] = set()
    waiting = [("panj", extra) for extra in ("", *extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        for text in requires(name, extra):
            wanted = Requirement(text)
            if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(wanted.name), more) for more in ("", *wanted.extras)]
    return {name for name, _ in found} - {"panj"}


def requires(name: str, extra: str) -> Iterator[str]:
    """Yield the requirements of a distribution or of one of its extras; Panj's are read from `pyproject.toml`."""
    if name != "panj":
        yield from metadata.requires(name) or ()
        return
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    yield from project["optional-dependencies"][extra] if extra else project["dependencies"]


def part_of(name: str) -> Part:
    """Describe a distribution that is installed here."""
    found = metadata.metadata(name)
    classifiers = [one.split(" :: ")[-1] for one in found.get_all("Classifier") or () if one.startswith("License ::")]
    declared = (found.get("License") or "").strip().split("\n")[0]
    licence = found.get("License-Expression") or " and ".join(classifiers) or declared
    return Part(found["Name"], found["Version"], READ_BY_HAND.get(name) or licence or NOT_DECLARED)


def notice() -> str:
    """Make the text of `NOTICE`."""
    shipped = parts_of(SHIPPED)
    tools = [part for part in parts_of(TOOLS) if part not in shipped]
    weak = [f"{part.name} ({part.licence})" for part in (*shipped, *tools) if part.is_weak]
    return "\n".join([
        HEAD,
        "Installed by the extra `all`",
        "",
        *(f"  {part.name} {part.version}: {part.licence}" for part in shipped),
        "",
        "Libraries inside wheels of these",
        "",
        *(f"  {name}: {text}" for name, text in BUNDLED.items()),
        "",
        "Installed for tests only (extras `test` and `browser`)",
        "",
        *(f"  {part.name} {part.version}: {part.licence}" for part in tools),
        "",
        f"Weak copyleft, which binds changes to these distributions themselves and nothing else: {', '.join(weak)}.",
        "",
    ])  # fmt: skip


def add_licences(sbom: Path) -> list[str]:
    """Add the licence of each component that has none in a CycloneDX file, as it is in `NOTICE`.

    The program that writes the file leaves out a licence that is not an SPDX identifier, such as `Apache 2.0`.

    Args:
        sbom: The file, which is replaced; its components are installed here.

    Returns:
        The names of the components whose licence was added.

    Raises:
        ValueError: If a component declares no licence; the file is left unchanged.
    """
    content = json.loads(sbom.read_text(encoding="utf-8"))
    without = [component for component in content["components"] if not component.get("licenses")]
    for component in without:
        licence = part_of(canonicalize_name(component["name"])).licence
        if licence == NOT_DECLARED:
            raise ValueError(f"{component['name']}: found no licence, expected one in READ_BY_HAND of docs/supply.py")
        component["licenses"] = [{"license": {"acknowledgement": "declared", "name": licence}}]
    sbom.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return [component["name"] for component in without]


if __name__ == "__main__":
    if sys.argv[1:]:
        add_licences(Path(sys.argv[1]))
    else:
        NOTICE.write_text(notice(), encoding="utf-8")
