"""Every number has one home, with its source and range; policies change it in order, and nothing leaves its range."""

import shutil
from pathlib import Path

import pytest
import yaml

from sim.configuration import numbers
from sim.configuration.numbers import Choice, declared_numbers, number, resolve, typed
from sim.data import configs
from sim.data.configs import read_yaml
from sim.errors import PanjError

FADE = "rules.news.fade_days"
OUTPOSTS = "rules.founding.outposts"
ROW = {"value": 1.0, "unit": "days", "range": [0.0, 2.0], "source": "guess", "meaning": "a number of a test"}


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `configs/rules` that is read instead, and forgotten afterwards."""
    shutil.copytree(configs.folder_of("configs"), tmp_path / "configs")
    monkeypatch.setattr(numbers, "folder_of", lambda name: tmp_path / name)
    monkeypatch.setattr(numbers, "declared_numbers", declared_numbers.__wrapped__)
    return tmp_path / "configs" / "rules"


def default(key: str) -> float:
    return declared_numbers()[key].value


def test_every_default_is_in_its_range() -> None:
    assert resolve([], {key: row.value for key, row in declared_numbers().items()}) == resolve([], {})


def test_every_number_names_its_unit_its_source_and_its_meaning() -> None:
    assert all(row.unit and row.source and row.meaning for row in declared_numbers().values())


def test_a_policy_sets_scales_and_shifts() -> None:
    assert resolve([Choice("morale", "a", set={FADE: 20.0})], {})[FADE] == 20.0
    assert resolve([Choice("morale", "a", scale={FADE: 2.0})], {})[FADE] == 2 * default(FADE)
    assert resolve([Choice("morale", "a", shift={FADE: 1.5})], {})[FADE] == default(FADE) + 1.5


def test_one_policy_first_sets_then_scales_then_shifts() -> None:
    assert resolve([Choice("morale", "a", set={FADE: 4.0}, scale={FADE: 3.0}, shift={FADE: 1.0})], {})[FADE] == 13.0


def test_policies_act_in_order_on_what_the_earlier_left() -> None:
    doubled, fixed = Choice("morale", "a", scale={FADE: 2.0}), Choice("border", "b", set={FADE: 5.0})
    assert resolve([doubled, fixed], {})[FADE] == 5.0
    assert resolve([fixed, doubled], {})[FADE] == 10.0


def test_an_explicit_value_wins_over_every_policy() -> None:
    assert resolve([Choice("morale", "a", scale={FADE: 2.0})], {FADE: 7.0})[FADE] == 7.0


def test_what_no_policy_names_keeps_its_default() -> None:
    changed = resolve([Choice("morale", "a", set={FADE: 20.0})], {})
    assert {key for key, value in changed.items() if value != default(key)} == {FADE}


def test_a_short_key_names_the_same_number() -> None:
    assert resolve([Choice("morale", "a", set={"news.fade_days": 20.0})], {})[FADE] == 20.0


def test_a_policy_that_leaves_the_range_is_named() -> None:
    with pytest.raises(PanjError, match=r"rules\.news\.fade_days after morale=grim: found 1000\.0, expected"):
        resolve([Choice("morale", "grim", scale={FADE: 100.0})], {})


def test_a_policy_that_names_no_number_is_told_the_nearest() -> None:
    with pytest.raises(PanjError, match=r"morale=grim: found 'news\.fade_day', .* 'rules\.news\.fade_days'"):
        resolve([Choice("morale", "grim", set={"news.fade_day": 3.0})], {})


@pytest.mark.parametrize("value", [0.5, 91.0, float("nan"), float("inf"), True, "ten", None])
def test_an_explicit_value_must_be_a_number_in_its_range(value: float) -> None:
    with pytest.raises(PanjError, match=rf"{FADE}: found {value}, expected a number from 1\.0 to 90\.0 \(days\)"):
        resolve([], {FADE: value})


def test_a_count_is_whole() -> None:
    with pytest.raises(PanjError, match=rf"{OUTPOSTS} after morale=a: found 1\.5, expected a whole number from 0 to 8"):
        resolve([Choice("morale", "a", scale={OUTPOSTS: 0.5})], {})


def test_rules_read_whole_numbers_as_whole_and_others_as_floats() -> None:
    rules = typed(resolve([], {OUTPOSTS: 2.0, FADE: 9}))
    assert type(rules.founding.outposts) is int
    assert type(rules.news.fade_days) is float


@pytest.mark.parametrize("column", ["value", "unit", "range", "source", "meaning"])
def test_a_number_without_one_of_its_five_columns_is_refused(column: str) -> None:
    row = {name: cell for name, cell in ROW.items() if name != column}
    with pytest.raises(PanjError, match=rf"rules\.news\.x: found no {column}, expected value, unit, range, source"):
        number("rules.news.x", row, False)


def test_a_number_that_only_the_yaml_names_is_refused(rules: Path) -> None:
    rows = read_yaml(rules / "news.yaml") | {"rumour": ROW}
    (rules / "news.yaml").write_text(yaml.safe_dump(rows))
    with pytest.raises(PanjError, match=r"news\.yaml: found numbers that are not in both .*: rumour"):
        numbers.declared_numbers()


def test_a_number_that_only_the_rule_names_is_refused(rules: Path) -> None:
    rows = read_yaml(rules / "news.yaml")
    rows.pop("fade_days")
    (rules / "news.yaml").write_text(yaml.safe_dump(rows))
    with pytest.raises(PanjError, match=r"news\.yaml: found numbers that are not in both .*: fade_days"):
        numbers.declared_numbers()


def test_a_rule_without_its_yaml_is_refused(rules: Path) -> None:
    (rules / "news.yaml").unlink()
    with pytest.raises(PanjError, match=r"news\.yaml: found no readable file"):
        numbers.declared_numbers()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: [1", "invalid YAML"),
        ("- a\n- b", "found a list of 2, expected a map"),
        ("", "found nothing, expected a map"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(text: str, found: str, tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text(text)
    with pytest.raises(PanjError, match=rf"odd\.yaml: .*{found}"):
        read_yaml(tmp_path / "odd.yaml")
