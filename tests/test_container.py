"""Tests of the Dockerfile as far as they go without an engine: it copies all that the wheel is made of."""

import re
import tomllib

from tests.shared import ROOT

LINES = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def copied():
    return {source for line in LINES if line.startswith("COPY ") for source in line.split()[1:-1]}


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
