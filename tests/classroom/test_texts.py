"""Texts that visitors paste: YAML that could grow is refused before it is built."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from sim.classroom import texts
from sim.classroom.choice.parse import read_yaml_text
from sim.classroom.lessons.hand_in import hand_in_of
from sim.classroom.texts import plain_yaml
from sim.errors import PanjError

BOMBS = {
    "aliases": "\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))]),
    "merges": "\n".join(
        ["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 30))]
    ),
    "a list in itself": "a: &a [*a]",
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("read", [plain_yaml, read_yaml_text, lambda text: hand_in_of(text.encode())])
def test_references_are_refused_at_once_wherever_a_visitor_gives_yaml(bomb, read):
    began = time.process_time()
    with pytest.raises(PanjError):
        read(BOMBS[bomb])
    assert time.process_time() - began < 1


def test_plain_yaml_is_read():
    assert plain_yaml("a: [1, b]\nc: {d: null}") == {"a": [1, "b"], "c": {"d": None}}


FOLDER = Path(texts.__file__).parent / "text"


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.yaml")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_file_of_texts_is_read(path):
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict) and found


def test_an_outcome_of_the_last_day_has_its_translation_whatever_day_that_is(monkeypatch):
    said = texts.texts_of(texts.DECLARED)
    page = {**said.page, "outcomes": {"newly_fallen_last_day": "letzter Tag", "lost_2021_07_05": "5. Juli"}}
    monkeypatch.setattr(texts, "texts_of", lambda _: SimpleNamespace(page=page))
    labels = {name: texts.outcome_label(name, "usual") for name in (
        "newly_fallen_2021_07_08", "newly_fallen_2021_09_11", "lost_2021_07_05", "lost_2021_07_06",
    )}  # fmt: skip
    assert list(labels.values()) == ["letzter Tag", "letzter Tag", "5. Juli", "usual"]
