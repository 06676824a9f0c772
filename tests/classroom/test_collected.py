"""Hand-ins of a class: only members hand in, nothing outlives seat or session, and marks are those of the command."""

from types import SimpleNamespace

import pytest
from planted import PlantedCampaigns
from test_grade import some_answers

from sim.classroom.lessons.campaigns import CHUNK
from sim.classroom.lessons.collected import ClassHandIns, PoolCampaigns, mark_all
from sim.classroom.lessons.hand_in import file_name, graded_of, hand_in_of, write_hand_in
from sim.classroom.lessons.lesson import lesson_of, sheet_of
from sim.configuration.overrides import Overrides
from sim.errors import PanjError

CODE, NUR, ADA = "FKMRWX", "browser of Nur", "browser of Ada"


class Undos:
    """What can be undone now."""

    def __init__(self):
        self.kept = ()

    def of(self, _code):
        return self.kept


class Seats:
    """A register that knows only who sits where."""

    def __init__(self, *taken):
        self.taken, self.listeners = set(taken), []
        self.undos = Undos()

    def seats_of(self, browser):
        return [SimpleNamespace(code=code) for code, who in self.taken if who == browser]

    def watch(self, code, listener):
        self.listeners.append(listener)
        return lambda: None

    def leaves(self, browser):
        self.taken = {(code, who) for code, who in self.taken if who != browser}
        for listener in self.listeners:
            listener()


@pytest.fixture
def sheet():
    return sheet_of(lesson_of(1), "12")


@pytest.fixture
def content(sheet):
    return write_hand_in(sheet, some_answers(sheet))


def test_a_member_hands_in_and_again_in_place_of_the_first(sheet, content):
    hand_ins = ClassHandIns(Seats((CODE, NUR)))
    hand_ins.put(CODE, NUR, write_hand_in(sheet, {}))
    hand_ins.put(CODE, NUR, content)
    assert hand_ins.of(CODE) == {file_name(sheet): content}
    assert hand_ins.given(CODE, NUR, file_name(sheet)) == content
    assert hand_ins.given(CODE, ADA, file_name(sheet)) == ""


def test_who_has_not_joined_hands_in_nothing(content):
    hand_ins = ClassHandIns(Seats((CODE, NUR)))
    with pytest.raises(PanjError, match=CODE):
        hand_ins.put(CODE, ADA, content)
    assert not hand_ins.of(CODE)


def test_what_is_no_hand_in_is_refused():
    hand_ins = ClassHandIns(Seats((CODE, NUR)))
    with pytest.raises(PanjError, match="panj_hand_in"):
        hand_ins.put(CODE, NUR, "{}")


def test_a_hand_in_is_deleted_as_soon_as_its_student_leaves(sheet, content):
    register = Seats((CODE, NUR), (CODE, ADA))
    hand_ins = ClassHandIns(register)
    other = sheet_of(lesson_of(1), "13")
    hand_ins.put(CODE, NUR, content)
    hand_ins.put(CODE, ADA, write_hand_in(other, {}))
    register.leaves(NUR)
    assert [key[1] for key in hand_ins.found] == [ADA]
    assert list(hand_ins.of(CODE)) == [file_name(other)]


def test_a_hand_in_is_kept_while_a_removal_can_be_undone(content):
    register = Seats((CODE, NUR))
    hand_ins = ClassHandIns(register)
    hand_ins.put(CODE, NUR, content)
    register.undos.kept = ("removed",)
    register.leaves(NUR)
    assert len(hand_ins.of(CODE)) == 1
    register.undos.kept = ()
    assert not hand_ins.of(CODE)


def test_hand_ins_of_one_name_from_two_students_are_both_kept():
    hand_ins = ClassHandIns(Seats((CODE, NUR), (CODE, ADA)))
    texts = [write_hand_in(sheet_of(lesson_of(1), name), {}) for name in ("Ада", "Оля")]
    for browser, text in zip((NUR, ADA), texts, strict=True):
        hand_ins.put(CODE, browser, text)
    found = hand_ins.of(CODE)
    assert list(found.values()) == texts
    assert len(found) == 2


def test_marks_are_those_of_the_command_and_a_bad_file_stops_no_other(sheet, content):
    campaigns, name, seen = PlantedCampaigns(), file_name(sheet), []
    marked = mark_all([("bad.json", "{}"), (name, content)], campaigns, 100, seen.append)
    assert [trouble.partition(":")[0] for trouble in marked.troubles] == ["bad.json"]
    assert seen == [1, 2]
    (graded,) = marked.graded
    assert graded.marks == graded_of(name, hand_in_of(content.encode()), campaigns, 100).marks


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
