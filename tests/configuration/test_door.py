"""What may be typed, and what is refused with the key that is wrong, before anything runs."""

from contextlib import suppress
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from sim import options
from sim.configuration.compose import compose_settings
from sim.configuration.overrides import Overrides, parse, values_of
from sim.configuration.sweep import compose_sweep
from sim.data import configs
from sim.data.configs import read_yaml
from sim.data.facts import read_facts, row_of_district
from sim.errors import MOST_LETTERS, PanjError, unknown
from sim.outcome import RESERVED, declared_rows, outcome_of

FACTS = read_facts()
FADE = "rules.news.fade_days"
EVENT = "+timeline.events.mine={{date:2021-06-10,act:reinforce,district:{},value:200,source:me,text:x}}"
REFUSED = {  # words of a command line -> the key that is wrong
    ("seed=${rules}",): "seed",
    ("~runs",): "runs",
    ("-m", "~runs"): "runs",
    ("~border",): "border",
    ("~timeline.events.bagram_handed_over.date",): "timeline.events.bagram_handed_over.date",
    ("hydra.run.dir=x",): "hydra.run.dir",
    ("border@mine=open",): "border",
    ("results_dir=${HOME}/x",): "results_dir",
    ("runs=1\x00",): "runs",
    ("rüns=3",): "rüns",
    ("study=" + "x" * 300,): "study",
    ("results_dir=",): "results_dir",
    ("rules.founding.outposts=inf",): "rules.founding.outposts",
    ("rules.founding.outposts=nan",): "rules.founding.outposts",
    (f"{FADE}=" + "9" * 400,): FADE,
    (EVENT.format("Arghandab"),): "timeline.events.mine.district",
    (EVENT.format("AF9999"),): "timeline.events.mine.district",
    ("+scenario.posts={ishkashim:{soldiers:[1]}}",): "scenario=july_2021, posts.ishkashim.soldiers",
    ("-m", f"{FADE}=range(1,20,0.0000001)"): "sweep",
    ("-m", f"{FADE}=range(1,20,0)"): FADE,
    ("-m", f"{FADE}=5,6", f"{FADE}=7,8"): FADE,
    ("-m", f"{FADE}=5,6", f"{FADE}=7"): FADE,
    ("-m", "border=shuffle(open,closed)"): "border",
    ("-m", f"{FADE}=range(5,7),7"): FADE,
    ("-m", f"{FADE}=7,interval(5,6)"): FADE,
    ("-m", "border=sort(open,closed),room_limited"): "border",
    ("-m", "scenario=glob(border*),july_2021"): "scenario",
    ("-m", "sampling=latin_hypercube", "sampling.points=100001", f"sampling.keys=[{FADE}]"): "sweep",
    ("-m", "sampling=latin_hypercube", f"sampling.keys=[{FADE}]", f"{FADE}=interval(5,6)"): FADE,
    ("-m", "sampling=latin_hypercube", f"sampling.keys=[{FADE}]", f"{FADE}=5"): FADE,
    ("-m", "sampling=latin_hypercube", "sampling.points=3", f"{FADE}=interval(1,inf)"): FADE,
}  # fmt: skip


@pytest.mark.parametrize("words", REFUSED, ids=lambda words: " ".join(words)[:60].encode("ascii", "replace").decode())
def test_a_wrong_word_is_refused_by_its_key(words: tuple[str, ...]) -> None:
    with pytest.raises(PanjError) as raised:
        compose_sweep(words, FACTS)
    assert raised.value.key == REFUSED[words]
    assert len(str(raised.value)) <= MOST_LETTERS


@pytest.mark.parametrize(
    "path",
    ["/tmp/Müller/x", "/tmp/گزارش (1) & #2", r"\\server\share\panj", "C:\\Users\\x\\", "O'Neill", "a,b"],
)
def test_a_path_is_taken_as_typed(path: str) -> None:
    assert compose_settings([f"results_dir={path}"], FACTS).results_dir == Path(path)
    assert parse(f"calibration.file={path}").value == path


def test_quotes_around_a_path_do_not_belong_to_it_and_the_tilde_is_the_home_folder() -> None:
    assert parse("results_dir='/tmp/a b'").value == parse('results_dir="/tmp/a b"').value == "/tmp/a b"
    assert compose_settings(["results_dir=~/x"], FACTS).results_dir == Path.home() / "x"
    assert options.read_command(["report", "~/x"]).folder == Path.home() / "x"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["گزارش", "می‌روم", "रिपोर्ट", "Müller_2", "2021-07-05"])
def test_a_study_may_have_a_name_in_any_script(name: str) -> None:
    assert compose_settings([f"study={name}"], FACTS).study == name


def test_texts_in_any_script_need_no_quotes() -> None:
    assert parse("+scenario.events={x:{text:بحران در مرز,source:Müller}}").value == {
        "x": {"text": "بحران در مرز", "source": "Müller"}
    }
    assert parse("scenario=گزارش").value_text == "گزارش"
    assert [one.value_text for one in values_of(parse("scenario=Ä,Ö"))] == ["Ä", "Ö"]


@pytest.mark.parametrize(
    ("swept", "values"),
    [
        ("range(0.1,0.5,0.1)", [0.1, 0.2, 0.3, 0.4]),
        ("range(0.1,0.4,0.1)", [0.1, 0.2, 0.3]),
        ("range(0,1.1,0.1)", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        ("range(3)", [0, 1, 2]),
        ("range(5,1,-2)", [5, 3]),
        ("range(1,0,-0.25)", [1.0, 0.75, 0.5, 0.25]),
    ],
)
def test_a_range_steps_by_decimals_and_never_includes_its_stop(swept: str, values: list[float]) -> None:
    override = parse(f"rules.morale.contagion={swept}")
    assert [one.value for one in values_of(override)] == values
    assert override.count == len(values)


def test_a_swept_declared_value_is_the_base_cell() -> None:
    sweep = compose_sweep(["-m", "calibration=as_declared", "rules.morale.contagion=range(0.1,0.5,0.1)"], FACTS)
    base = sweep.base.fingerprint()
    assert [cell.settings.fingerprint() == base for cell in sweep.cells] == [False, False, True, False]


def test_words_are_parsed_once_and_kept_as_typed() -> None:
    words = ["-m", "border=open,closed", "results_dir=/tmp/Müller"]
    overrides = Overrides.of(words)
    assert overrides.words == tuple(words)
    assert Overrides.of(overrides) is overrides
    assert overrides.sweeps
    with pytest.raises(PanjError):
        compose_settings(words, FACTS)


def test_a_district_is_named_by_its_code_or_by_a_name_that_only_one_has() -> None:
    assert FACTS.district_id[row_of_district(FACTS, "AF2702", "x")] == "AF2702"
    assert FACTS.district[row_of_district(FACTS, "Eshkashem", "x")] == "Eshkashem"
    doubled = {name for name in FACTS.district if FACTS.district.count(name) > 1}
    assert len(doubled) == 11
    for name in doubled:
        with pytest.raises(PanjError) as raised:
            row_of_district(FACTS, name, "x")
        assert str(raised.value).count("AF") == 2


def test_the_shipped_commandos_go_to_fayzabad_of_badakhshan() -> None:
    chosen = compose_settings([], FACTS)
    row = next(event for event in chosen.events if event.name == "commandos_to_faizabad")
    assert (FACTS.district[place := row_of_district(FACTS, row.district, "x")], FACTS.province[place]) == (
        "Fayzabad", "Badakhshan",
    )  # fmt: skip


def counted(scope: Any) -> np.ndarray:
    row = {"quantity": "held", "scope": scope, "date": date(2021, 7, 1), "unit": "districts"}
    return outcome_of("mine", row, FACTS, date(2021, 5, 1), 100).districts


def test_every_key_of_a_scope_holds() -> None:
    both = counted({"province": "Takhar", "districts": ["AF1803", "AF1706"]})
    assert [FACTS.district_id[row] for row in np.flatnonzero(both)] == ["AF1803"]
    assert (counted({"districts": ["AF1803"], "province": "Takhar"}) == both).all()
    assert counted({"province": "Badakhshan", "region": "North Eastern"}).sum() == FACTS.province.count("Badakhshan")


@pytest.mark.parametrize(
    "scope",
    [{"districts": ["Baharak"]}, {"province": "Takhar", "districts": ["AF1706"]}, {"districts": 5}, {"districts": []}],
)
def test_a_scope_that_is_ambiguous_or_empty_is_refused(scope: Any) -> None:
    with pytest.raises(PanjError) as raised:
        counted(scope)
    assert raised.value.key.startswith("outcomes.mine.scope")


@pytest.mark.parametrize("name", [*RESERVED, "drawn/x", "daily/x", "districts/changes", "7"])
def test_an_outcome_cannot_have_the_name_of_a_column(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outcomes.yaml").write_text(f"{name!r}: {{quantity: held, unit: districts}}\n")
    monkeypatch.setattr("sim.outcome.folder_of", lambda _name: tmp_path)
    with pytest.raises(PanjError) as raised:
        declared_rows()
    assert raised.value.key == f"outcomes.{name}"


@pytest.mark.parametrize(
    "content",
    [b"a: 1\na: 2\n", b"a:\n  b: 1\n  b: 2\n", "a: Müller\n".encode("latin-1"), b"a:\tb: 1\n", b"a: 2021-02-30\n", b""],
)
def test_a_damaged_yaml_file_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_bytes(content)
    with pytest.raises(PanjError) as raised:
        read_yaml(tmp_path / "one.yaml")
    assert raised.value.key == str(tmp_path / "one.yaml")


def test_a_byte_order_mark_is_no_letter(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert configs.read_yaml(tmp_path / "one.yaml") == {"a": 1}


def test_a_long_value_and_a_long_list_are_cut() -> None:
    names = [f"outcome_{number}" for number in range(200)]
    error = unknown("outcome", "outcome_1x" + "x" * 5000, names)
    assert len(str(error)) <= MOST_LETTERS
    assert error.key == "outcome"
    near = str(unknown("outcome", "outcome_17x", names)).partition("the nearest are ")[2].partition(";")[0]
    assert len(near.split(", ")) == 5
    assert near.startswith("outcome_17,")


def test_a_command_is_given_each_setting_once() -> None:
    with pytest.raises(PanjError) as raised:
        options.read_command(["runs=3", "runs=4"])
    assert raised.value.key == "runs"
    twice = ["+scenario.scale={news.fade_days:2}", "+scenario.scale={morale.base:1.1}"]
    assert options.read_command(twice).words == tuple(twice)


@pytest.mark.parametrize("flag", ["--cfg", "--cfg=job", "--info", "--config-dir", "--verbose", "-x"])
def test_a_flag_of_another_program_is_answered_in_one_line(flag: str) -> None:
    with pytest.raises(PanjError) as raised:
        options.read_command([flag, "job"])
    assert raised.value.key == flag.partition("=")[0]


def test_a_verb_may_follow_m() -> None:
    request = options.read_command(["-m", "plan", "morale=brittle,reported"])
    assert isinstance(request, options.Plan)
    assert request.overrides == ("-m", "morale=brittle,reported")


def test_hand_ins_are_those_of_a_folder_or_a_pattern(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", "c.yaml", "notes.txt"):
        (tmp_path / name).touch()
    of_folder = options.Grade(files=(tmp_path,))
    assert [path.name for path in of_folder.hand_ins] == ["a.json", "b.json", "c.yaml"]
    of_pattern = options.Grade(files=(tmp_path / "*.json", tmp_path / "a.json", tmp_path / "none.json"))
    assert [path.name for path in of_pattern.hand_ins] == ["a.json", "b.json", "none.json"]


RESOLVERS = [row for rows in configs.Loader.yaml_implicit_resolvers.values() for row in rows]
TAGS = sorted({tag for tag in configs.Loader.yaml_constructors if tag} | {tag for tag, _ in RESOLVERS})
SCALARS = (
    '""', "abc", "-", "0x", "0b2", ".", '"_"', "1" * 5000, f"0x{'f' * 6000}", f"1{':59' * 300}.5", "2021-02-30",
    "0001-01-01 00:00:00 +10:00", "2021-01-01 99:99:99", "1e400", '"é"', "[]", "{}", "[[1, 2]]", "{1: 2}", "=", "<<",
)  # fmt: skip


@pytest.mark.parametrize("tag", ["", *(f"!<{tag}>" for tag in TAGS), "!unknown"])
def test_a_value_that_its_type_cannot_have_is_an_error_of_yaml(tag: str) -> None:
    for value, text in product(SCALARS, ("a: {}", "{}", "- - {}", "<<: {}", "{{{}: 1}}", "x: !!omap [{{q: {}}}]")):
        with suppress(yaml.YAMLError):
            str(configs.load(text.format(f"{tag} {value}")))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("!!bool abc", "found 'abc', expected a value of type bool"),
        ("!!timestamp xyz", "found 'xyz', expected a date"),
        ('!!int ""', "found '', expected an integer of at most 4,300 digits"),
        (f"0x{'f' * 6000}", "expected an integer of at most 4,300 digits"),
        (f"1{':59' * 300}.5", "expected a value of type float"),
    ],
)
def test_a_value_that_its_type_cannot_have_is_named_with_file_and_line(value: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(f"b: 1\na: [{value}]\n", encoding="utf-8")
    with pytest.raises(PanjError, match=r"one\.yaml: found invalid YAML .line 2, column 5: ") as raised:
        configs.read_yaml(tmp_path / "one.yaml")
    assert said in str(raised.value)
