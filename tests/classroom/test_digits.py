"""A number may be typed in the digits of any script, wherever a page of the classroom asks for one."""

import pytest

from sim.classroom.choice.fields import fields_of
from sim.classroom.digits import in_ascii
from sim.classroom.lessons.lesson import lesson_of, sheet_of
from sim.classroom.parts.answer import number_of
from sim.classroom.parts.form import cast
from sim.classroom.parts.questions import read_seed
from sim.classroom.sessions.claims import number_typed
from sim.errors import PanjError

PERSIAN, ARABIC, DEVANAGARI = "۱۲", "١٢", "१२"
FIELD = "rules.news.fade_days"


@pytest.mark.parametrize("typed", [PERSIAN, ARABIC, DEVANAGARI, "\u200f۱۲\u200f", "１２"])
def test_twelve_is_twelve_in_every_script_and_on_every_page(typed):
    found = (number_typed(typed), number_of(typed), cast(fields_of()[FIELD], typed), read_seed(typed))
    assert found == (12, 12, 12, 12)


@pytest.mark.parametrize(
    ("typed", "number"), [("۱٬۰۳۷", 1037), ("٣٫٥", 3.5), ("\u2212۴", -4), ("۳۴٪", 34), ("+۱,۰۳۷", 1037)]
)
def test_the_signs_of_a_script_are_read_as_well(typed, number):
    assert number_typed(typed) == number_of(typed) == cast(fields_of()[FIELD], typed) == number


@pytest.mark.parametrize(
    ("typed", "number"), [("3,5", 3.5), ("0,41", 0.41), ("0,375", 0.375), (",5", 0.5), ("1,037", 1037), (".5", 0.5)]
)
def test_a_decimal_comma_is_one_that_cannot_separate_thousands(typed, number):
    assert number_of(typed) == cast(fields_of()[FIELD], typed) == number


@pytest.mark.parametrize(
    "typed", ["۱،۲", "دوازده", "۱۲x", "²", "½", "Ⅻ", "", "1.037,5", "1,037,5", "1_000", "1e1", "nan"]
)
def test_what_is_no_number_in_any_script_is_refused_with_a_word(typed):
    for read in (number_typed, number_of, lambda text: cast(fields_of()[FIELD], text), read_seed):
        with pytest.raises(PanjError):
            read(typed)


def test_a_student_with_a_number_has_one_sheet_in_every_script():
    assert sheet_of(lesson_of(1), PERSIAN) == sheet_of(lesson_of(1), "12")
    assert sheet_of(lesson_of(1), "Zarina ۱۲").student == "Zarina ۱۲", "a name stays as it is"


def test_a_text_without_digits_stays_as_it_is():
    assert in_ascii("border=closed, наỷ, آب") == "border=closed, наỷ, آب"
