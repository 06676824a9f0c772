"""Tests of what an installation of Panj includes: licences, pinned versions and the file NOTICE."""

import importlib.util
import json
import re
import tomllib
from importlib import metadata
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines()]


@pytest.fixture(scope="module")
def supply():
    found = importlib.util.spec_from_file_location("supply", ROOT / "docs" / "supply.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def installed(supply, extras):
    try:
        return supply.parts_of(extras)
    except metadata.PackageNotFoundError as error:
        pytest.skip(f"{error} is not installed here")


def test_nothing_that_panj_installs_is_copyleft(supply):
    assert not [part for part in installed(supply, ["all"]) if part.is_copyleft]


def test_every_licence_is_declared(supply):
    assert not [part for part in installed(supply, ["all", "test"]) if part.licence == "not declared"]


@pytest.mark.parametrize(
    ("licence", "is_copyleft", "is_weak"),
    [
        ("GPL-3.0-or-later", True, False), ("GNU GENERAL PUBLIC LICENSE", True, False), ("AGPL-3.0", True, False),
        ("GNU General Public License v3 (GPLv3)", True, False), ("LGPL-2.1", False, True), ("MPL-2.0", False, True),
        ("GNU Lesser General Public License v3 (LGPLv3)", False, True), ("MIT", False, False),
        ("MIT and GPL-2.0", True, False), ("LGPL-2.1 and GPL-2.0", True, True),
    ],
)  # fmt: skip
def test_licences_are_told_apart(supply, licence, is_copyleft, is_weak):
    part = supply.Part("x", "1", licence)
    assert (part.is_copyleft, part.is_weak) == (is_copyleft, is_weak)


def test_the_notice_begins_as_it_would_be_written_now(supply):
    assert (ROOT / "NOTICE").read_text(encoding="utf-8").startswith(supply.HEAD)


def test_what_copyleft_brought_in_would_be_found(supply, monkeypatch):
    monkeypatch.setattr(supply, "requires", lambda name, extra: {"panj": ["a"], "a": ["b[more]"]}.get(name, []))
    assert supply.names_of(["all"]) == {"a", "b"}


def test_libraries_inside_wheels_are_named(supply):
    for part in installed(supply, ["all"]):
        if next(metadata.distribution(part.name).locate_file("").glob(f"{part.name}.libs"), None):
            assert canonicalize_name(part.name) in supply.BUNDLED


def test_components_without_a_licence_are_given_that_of_the_notice(supply, tmp_path):
    names = ["antlr4-python3-runtime", "numpy", "axe-playwright-python"]
    try:
        parts = [supply.part_of(name) for name in names]
    except metadata.PackageNotFoundError as error:
        pytest.skip(f"{error} is not installed here")
    components = [{"name": part.name, "version": part.version} for part in parts]
    components[1]["licenses"] = kept = [{"expression": "BSD-3-Clause"}]
    path = tmp_path / "panj.cdx.json"
    path.write_text(json.dumps({"components": components}))
    assert supply.add_licences(path) == [names[0], names[2]]
    first, second, third = (one["licenses"] for one in json.loads(path.read_text())["components"])
    assert [one["license"]["name"] for one in (*first, *third)] == ["BSD", "MIT, with axe-core (MPL-2.0)"]
    assert second == kept


def test_a_component_that_declares_no_licence_is_named(supply, tmp_path, monkeypatch):
    monkeypatch.setattr(supply, "part_of", lambda name: supply.Part(name, "1", supply.NOT_DECLARED))
    path = tmp_path / "panj.cdx.json"
    path.write_text(said := json.dumps({"components": [{"name": "odd"}]}))
    with pytest.raises(ValueError, match="odd: found no licence"):
        supply.add_licences(path)
    assert path.read_text() == said


def test_every_list_of_components_is_completed():
    recipe = (ROOT / "Makefile").read_text().partition("\nsbom:")[2].partition("\n\n")[0]
    made = re.search(r"--output-file (\S+)", recipe)[1]
    assert recipe.endswith(f"docs/supply.py {made}")


def test_the_notice_names_the_pinned_versions(supply):
    said = dict(re.findall(r"^  (\S+) (\d\S*): ", supply.NOTICE.read_text(), re.M))
    pinned = {(canonicalize_name(pin.name), str(pin.specifier)) for pin in PINS}
    assert len(said) > 100
    assert not [name for name, version in said.items() if (canonicalize_name(name), f"=={version}") not in pinned]


def test_constraints_are_plain_pins_without_addresses_or_hashes():
    for pin in PINS:
        assert re.fullmatch(r"==[\w.]+", str(pin.specifier)) and not pin.url and not pin.extras


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_every_requirement_has_one_pin_that_it_allows_on_every_python_and_system(python, system):
    here = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": system,
            "implementation_name": "cpython", "platform_python_implementation": "CPython"}  # fmt: skip
    pins = {}
    for pin in PINS:
        if pin.marker is None or pin.marker.evaluate(here):
            assert pins.setdefault(canonicalize_name(pin.name), pin) is pin
    for text in chain(PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()):
        one = Requirement(text)
        if one.name != "panj":
            version = str(pins[canonicalize_name(one.name)].specifier).removeprefix("==")
            assert one.specifier.contains(version), one
