"""Tests of the Dockerfile without an engine: it copies all that the wheel is made of, and any user may run it."""

import re
import shutil
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.shared import ROOT

LINES = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def copied():
    return {source for line in LINES if line.startswith("COPY ") for source in line.split()[1:-1]}


def volumes_of():
    return {path for line in LINES if line.startswith("VOLUME") for path in re.findall(r'"([^"]+)"', line)}


def test_everything_that_is_copied_exists_and_is_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[0] == "*"
    for source in copied():
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored


def test_everything_that_the_wheel_is_made_of_is_copied():
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    project = PROJECT["project"]
    needed = {
        "pyproject.toml",
        project["readme"],
        *project["license-files"],
        *wheel["packages"],
        *wheel["force-include"],
    }
    assert needed | set(wheel["force-include"]) <= copied()


def test_it_installs_extras_that_exist_and_starts_the_command():
    extras = {extra for line in LINES for extra in re.findall(r'"\.\[([\w,]+)\]"', line)}
    assert extras and extras <= set(PROJECT["project"]["optional-dependencies"])
    assert 'ENTRYPOINT ["panj"]' in LINES and "panj" in PROJECT["project"]["scripts"]


def test_it_names_no_address_but_that_of_the_classroom():
    assert not [line for line in LINES if "://" in line]
    assert "EXPOSE 8765" in LINES


def test_any_user_may_write_results_and_compiled_rules_and_none_is_root():
    image = "\n".join(LINES)
    volumes, shared = volumes_of(), set(re.search(r"chmod 1777 (.+)", image).group(1).split())
    assert volumes <= shared
    assert re.findall(r"^USER (\S+)", image, re.MULTILINE) == ["panj"]
    assert image.index("USER panj") > image.index("chmod 1777")
    assert re.search(r"PANJ_CACHE=(\S+)", image).group(1) in volumes
    assert re.search(r"MPLCONFIGDIR=(\S+)", image).group(1) in shared


def test_the_rules_are_compiled_by_the_user_of_the_container_before_its_volumes_are_declared():
    image = "\n".join(LINES)
    assert image.index("USER panj") < image.index("RUN panj runs=1") < image.index("\nVOLUME")


def test_what_a_class_sent_is_kept_outside_the_container():
    place = re.search(r"PANJ_CLASSROOM=(\S+)", "\n".join(LINES)).group(1)
    assert str(Path(place).parent) in volumes_of()


def test_what_is_copied_is_enough_to_build_the_wheel(tmp_path, monkeypatch):
    wheels = pytest.importorskip("hatchling.build")
    for source in copied():
        target = tmp_path / "src" / source
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, target)
    monkeypatch.chdir(tmp_path / "src")
    with zipfile.ZipFile(tmp_path / wheels.build_wheel(str(tmp_path))) as wheel:
        names = wheel.namelist()
    assert {"sim/__main__.py", "sim/configs/config.yaml", "sim/scenarios/scenario/july_2021.yaml"} <= set(names)
