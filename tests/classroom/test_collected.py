"""Hand-ins of a class: only members hand in, nothing outlives seat or session, and marks are those of the command."""

import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from planted import PlantedCampaigns
from test_grade import some_answers

from sim.classroom.lessons import collected
from sim.classroom.lessons.campaigns import CHUNK
from sim.classroom.lessons.collected import ClassHandIns, PoolCampaigns, mark_all
from sim.classroom.lessons.hand_in import LARGEST, file_name, graded_of, hand_in_of, write_hand_in
from sim.classroom.lessons.lesson import lesson_of, sheet_of
from sim.classroom.lessons.marking import REFERENCE_SEED
from sim.classroom.sessions.claims import Refused
from sim.classroom.sessions.register import MOST_HAND_INS, Register
from sim.classroom.sessions.session import TEACHERS_CODE
from sim.configuration.overrides import Overrides
from sim.errors import PanjError

TEACHER, NUR, ADA, LEV = "browser of the teacher", "browser of Nur", "browser of Ada", "browser of Lev"


@pytest.fixture
def hand_ins(register):
    return ClassHandIns(register)


@pytest.fixture
def code(register):
    """A class that Nur and Ada have joined."""
    code, _ = register.open_session(TEACHER)
    register.join(code, NUR, "Nur")
    register.join(code, ADA, "Ada")
    return code


def removed(register, code, nickname):
    members = [member for team in register.room(code, TEACHER).teams for member in team.members]
    register.remove(code, TEACHER, next(one.number for one in members if one.nickname == nickname))
    return register.room(code, TEACHER).undos[-1].number


@pytest.fixture
def sheet():
    return sheet_of(lesson_of(1), "12")


@pytest.fixture
def content(sheet):
    return write_hand_in(sheet, some_answers(sheet))


def test_a_member_hands_in_and_again_in_place_of_the_first(hand_ins, code, sheet, content):
    hand_ins.put(code, NUR, write_hand_in(sheet, {}))
    hand_ins.put(code, NUR, content)
    assert hand_ins.of(code, TEACHER) == {file_name(sheet): content}
    assert hand_ins.given(code, NUR, file_name(sheet)) == content
    assert hand_ins.given(code, ADA, file_name(sheet)) == ""


def test_who_has_not_joined_hands_in_nothing(hand_ins, code, content):
    with pytest.raises(Refused) as refused:
        hand_ins.put(code, "a stranger", content)
    assert refused.value.why == "no_seat" and not hand_ins.of(code, TEACHER)
    assert hand_ins.given("XXXXXX", NUR, "any.json") == ""


def test_hand_ins_are_shown_to_the_teacher_alone(hand_ins, code, content):
    hand_ins.put(code, NUR, content)
    with pytest.raises(Refused) as refused:
        hand_ins.of(code, ADA)
    assert refused.value.why == "not_teacher"


def test_what_is_no_hand_in_is_refused(hand_ins, code):
    with pytest.raises(PanjError, match="panj_hand_in"):
        hand_ins.put(code, NUR, "{}")


def test_a_restart_loses_no_hand_in(register, hand_ins, code, path, sheet, content):
    hand_ins.put(code, NUR, content)
    register.storage.close()
    again = ClassHandIns(Register(path, lambda overrides: None, list))
    assert again.of(code, TEACHER) == {file_name(sheet): content}
    assert again.given(code, NUR, file_name(sheet)) == content


def test_a_file_of_before_hand_ins_were_kept_keeps_its_sessions_and_takes_hand_ins(register, code, path, content):
    before = register.room(code, TEACHER)
    register.storage.close()
    with sqlite3.connect(path) as file:
        file.execute("DROP TABLE hand_ins")
    again = Register(path, lambda overrides: None, list)
    assert again.room(code, TEACHER) == before
    ClassHandIns(again).put(code, NUR, content)
    assert list(ClassHandIns(again).of(code, TEACHER).values()) == [content]


NAME = "Quetzalcoatl"


def is_in_files(path):
    kept = b"".join(one.read_bytes() for one in path.parent.iterdir())
    return NAME.encode() in kept or NAME.encode("utf-16-le") in kept


@pytest.mark.parametrize("how", ["leave", "remove", "delete", "clear"])
def test_a_hand_in_is_deleted_from_the_bytes_of_the_file_with_its_student(register, hand_ins, code, path, how):
    hand_ins.put(code, NUR, write_hand_in(sheet_of(lesson_of(1), NAME), {}))
    other = sheet_of(lesson_of(1), "13")
    hand_ins.put(code, ADA, write_hand_in(other, {}))
    assert is_in_files(path)
    {
        "leave": lambda: register.leave(code, NUR),
        "remove": lambda: removed(register, code, "Nur"),
        "delete": lambda: register.delete(code, TEACHER),
        "clear": lambda: register.clear(TEACHERS_CODE, [code]),
    }[how]()
    assert not is_in_files(path)
    if how in ("leave", "remove"):
        assert list(hand_ins.of(code, TEACHER)) == [file_name(other)]


def test_an_undo_brings_back_the_hand_ins_of_a_removed_student(register, hand_ins, code, content):
    hand_ins.put(code, NUR, content)
    before = hand_ins.of(code, TEACHER)
    number = removed(register, code, "Nur")
    assert not hand_ins.of(code, TEACHER)
    register.undo(code, TEACHER, number)
    assert hand_ins.of(code, TEACHER) == before


def test_a_student_cannot_fill_the_disk(hand_ins, code):
    texts = [write_hand_in(sheet_of(lesson_of(1), f"{number}"), {}) for number in range(MOST_HAND_INS + 1)]
    for text in texts[:-1]:
        hand_ins.put(code, NUR, text)
    with pytest.raises(Refused) as refused:
        hand_ins.put(code, NUR, texts[-1])
    assert refused.value.why == "many_hand_ins"
    hand_ins.put(code, NUR, texts[0])
    hand_ins.put(code, ADA, texts[-1])
    assert list(hand_ins.of(code, TEACHER).values()) == texts


def test_hand_ins_of_one_name_from_several_students_are_all_kept(register, hand_ins, code):
    register.join(code, LEV, "Lev")
    texts = [write_hand_in(sheet_of(lesson_of(1), name), {}) for name in ("Ада", "Оля", "Лев")]
    for browser, text in zip((NUR, ADA, LEV), texts, strict=True):
        hand_ins.put(code, browser, text)
    found = hand_ins.of(code, TEACHER)
    assert list(found.values()) == texts
    assert list(found) == ["lesson_1____.json", "lesson_1_____2.json", "lesson_1_____3.json"]


def test_a_seat_is_one_in_the_class_that_is_asked_about(register, hand_ins, code):
    other, _ = register.open_session(TEACHER)
    assert hand_ins.is_seated(code, NUR)
    assert not hand_ins.is_seated(other, NUR) and not hand_ins.is_seated(code, LEV)
    register.leave(code, NUR)
    assert not hand_ins.is_seated(code, NUR)


def test_marks_are_those_of_the_command_and_a_bad_file_stops_no_other(sheet, content):
    campaigns, name, seen = PlantedCampaigns(), file_name(sheet), []
    marked = mark_all([("bad.json", "{}"), (name, content)], campaigns, 100, seen.append)
    assert [trouble.partition(":")[0] for trouble in marked.troubles] == ["bad.json"]
    assert seen == [1, 2]
    (graded,) = marked.graded
    assert graded.marks == graded_of(name, hand_in_of(content.encode()), campaigns, 100).marks


def test_no_more_files_are_marked_together_than_allowed(monkeypatch):
    monkeypatch.setattr(collected, "MOST_FILES", 2)
    seen = []
    marked = mark_all([(f"{number}.json", "{}") for number in range(3)], PlantedCampaigns(), 100, seen.append)
    assert seen == [1, 2] and len(marked.troubles) == 2


def test_a_file_of_the_largest_size_is_marked_and_a_larger_one_is_refused(content):
    padded = content.ljust(LARGEST - len(content.encode()) + len(content))
    marked = mark_all([("fits.json", padded), ("large.json", f"{padded} ")], PlantedCampaigns(), 100)
    assert [one.file for one in marked.graded] == [Path("fits.json")]
    assert len(marked.troubles) == 1 and f"{LARGEST:,} bytes" in marked.troubles[0]


def test_answers_are_compared_with_as_many_other_campaigns_as_asked(content):
    campaigns = PlantedCampaigns()
    mark_all([("one.json", content)], campaigns, 150)
    assert {runs for _, first, runs in campaigns.asked if first == REFERENCE_SEED} == {150}


def test_campaigns_of_different_settings_are_not_taken_for_each_other():
    def run(piece):
        return pa.table({"seed": piece.seeds, "of": [piece.order.key] * CHUNK}), ""

    campaigns = PoolCampaigns(SimpleNamespace(run=run))
    campaigns.order = lambda overrides: SimpleNamespace(key=" ".join(overrides.words))
    choices = [Overrides.of([word]) for word in ("border=closed", "border=open")]
    for one in choices * 2:
        assert set(campaigns.table(one, 0, 10)["of"].to_pylist()) == set(one.words)


def test_campaigns_for_marking_are_run_once():
    ran = []

    def run(piece):
        ran.append(piece.seeds)
        return PlantedCampaigns().table(BASE, piece.seeds[0], len(piece.seeds)), ""

    campaigns = PoolCampaigns(SimpleNamespace(settings=lambda _: None, run=run))
    campaigns.order = lambda _: SimpleNamespace(key="k")
    table = campaigns.table(BASE, CHUNK, CHUNK + 10)
    assert table["seed"].to_pylist() == list(range(CHUNK, 2 * CHUNK + 10))
    assert campaigns.table(BASE, CHUNK, 5).num_rows == 5
    assert sorted(ran) == [tuple(range(CHUNK, 2 * CHUNK)), tuple(range(2 * CHUNK, 3 * CHUNK))]


def test_a_campaign_that_fails_is_an_error():
    campaigns = PoolCampaigns(SimpleNamespace(settings=lambda _: None, run=lambda _: (None, "seed 3: broken")))
    campaigns.order = lambda _: SimpleNamespace(key="k")
    with pytest.raises(PanjError, match="seed 3"):
        campaigns.table(BASE, 0, 10)


BASE = Overrides.of([])
