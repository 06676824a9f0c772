"""A class as it is held: a teacher, three students in browsers of their own, a wall, a server that stops half-way."""

import csv
import re

import pytest
from conftest import Classroom

NAMES = (b"Anna", b"Boris", b"Chirin", b"North")
OUTCOME = "Soldiers who crossed by 7 July"


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    """A server of its own, which is stopped, and whose register is searched for names."""
    room = Classroom(tmp_path_factory.mktemp("classroom"))
    yield room
    room.stop()


def open_session(teacher):
    teacher.get_by_role("button", name="Open a session").click()
    teacher.wait_for_selector(".claims-code")
    return teacher.inner_text(".claims-code").replace(" ", "")


def join(student, nickname, team="", key=""):
    student.get_by_label("Nickname").fill(nickname)
    if team:
        student.get_by_label("in a new team").check()
        student.get_by_role("textbox", name="Name of the team").fill(team)
    if key:
        student.get_by_label("in a team whose key you have").check()
        student.get_by_role("textbox", name="Key of the team").fill(key)
    student.get_by_role("button", name="Join", exact=True).click()
    student.get_by_role("heading", name=re.compile(rf"^{re.escape(nickname)}, you are")).wait_for()


def claim(student, low, high, **decisions):
    for label, choice in decisions.items():
        student.get_by_label(label.replace("_", " "), exact=True).select_option(choice)
    student.get_by_label("Lower end of the range").fill(low)
    student.get_by_label("Upper end of the range").fill(high)
    student.get_by_role("button", name=re.compile("^(Send the|Replace the earlier) claim$")).click()


def sees(page, text):
    page.get_by_text(text).first.wait_for()


@pytest.fixture
def wall(visitor):
    """The page for the wall in another tab of the teacher's browser."""

    def open_wall(teacher, code):
        page = teacher.context.new_page()
        page.set_viewport_size({"width": 1920, "height": 1080})
        page.goto(teacher.url.replace("teacher", f"projector?class={code}"))
        page.wait_for_selector(".claims-code")
        return page

    return open_wall


def test_a_class_from_its_opening_to_its_deletion_with_a_stop_of_the_server_in_its_midst(
    visitor, wall, classroom, keep, tmp_path
):
    teacher = visitor("teacher")
    code = open_session(teacher)
    projector = wall(teacher, code)
    students = three_students(visitor, code)
    for page in (teacher, projector):
        sees(page, "3 students have joined")
    assert "Boris" not in projector.inner_text("body")
    keep(projector, "class_wall_open")
    two_claims(teacher, projector, *students)
    keep(students[0], "class_claim_phone", whole=True)

    pages = (teacher, projector, *students)
    for page in pages:
        page.evaluate("window.before = true")
    classroom.stop()
    sees(students[0], "The server has stopped")
    classroom.start()
    for page in pages:
        page.wait_for_function("!window.before", timeout=60_000)  # it has come back by itself
    for page in students:
        sees(page, "Sent.")
    sees(teacher, "2 teams of 2 have sent a claim")

    a_revision_and_an_answer(teacher, *students)
    projector.get_by_role("img", name=re.compile("2 teams, each with its predicted range")).wait_for()
    keep(projector, "class_wall_answered", whole=True)
    keep(students[1], "class_answer", whole=True)
    a_debrief(teacher, projector)
    keep(projector, "class_wall_debrief", whole=True)
    keep(teacher, "class_teacher", whole=True)
    an_export(teacher, tmp_path / "class.csv")
    a_deletion(teacher, students, classroom)


def three_students(visitor, code):
    """Anna alone, on a telephone; Boris, who types the code and begins a team; Chirin, who joins it with its key."""
    anna, boris, chirin = visitor(f"join?class={code}", width=360), visitor("join"), visitor(f"join?class={code}")
    join(anna, "Anna")
    boris.get_by_label("Code on the wall").fill(f"{code[:3]} {code[3:]}".lower())
    join(boris, "Boris <i>", team="North")
    join(chirin, "Chirin", key=re.search(r"join: ([A-Z]{4} [A-Z]{4})", boris.inner_text(".content"))[1])
    return anna, boris, chirin


def two_claims(teacher, projector, anna, boris, chirin):
    teacher.get_by_role("button", name="Ask", exact=True).click()
    for page in (anna, boris, chirin, projector):
        sees(page, OUTCOME)
    claim(anna, "ten", "20", Morale_of_the_garrisons="brittle")
    sees(anna, "found 'ten', expected a number")
    claim(anna, "-300", "-100")
    claim(boris, "-2,000", "-500", The_border="closed")
    for page in (anna, boris, chirin):
        sees(page, "Sent.")
    sees(projector, "2 teams of 2 have sent a claim")
    assert "500 to 2,000 soldiers lower" in chirin.inner_text(".content")
    assert not re.search("Boris|Chirin|team B|500 to 2,000", anna.content())


def a_revision_and_an_answer(teacher, anna, boris, chirin):
    assert anna.get_by_label("Morale of the garrisons").input_value() == "brittle"
    claim(anna, "-100", "400")
    sees(anna, "100 soldiers lower to 400 soldiers higher")
    teacher.get_by_role("button", name="Close claims").click()
    sees(anna, "Claims are closed")
    teacher.get_by_role("button", name="Run the campaigns").click()
    for page in (anna, boris, chirin):
        page.get_by_text("What the campaigns answer").wait_for(timeout=120_000)
        sees(page, "The simulated effect")
    assert "Closed" not in anna.inner_text(".content")


def a_debrief(teacher, projector):
    teacher.get_by_role("button", name="Begin the debrief").click()
    sees(projector, "For discussion")
    assert not re.search("North|Anna", projector.inner_text(".content"))
    teacher.get_by_text("Show names of teams").click()
    projector.locator("svg", has_text="B North").wait_for()


def an_export(teacher, path):
    with teacher.expect_download() as download:
        teacher.get_by_role("button", name="Export as CSV").click()
    download.value.save_as(path)
    rows = list(csv.DictReader(path.open(encoding="utf-8-sig")))
    assert [row["members"] for row in rows] == ["Anna", "Boris <i>; Chirin"]
    assert rows[1]["choice of settings"] == "border=closed" and float(rows[1]["campaigns"]) == 200


def a_deletion(teacher, students, classroom):
    kept = b"".join(path.read_bytes() for path in classroom.folder.glob("classroom.sqlite*"))
    assert all(name in kept for name in NAMES)
    teacher.get_by_role("button", name="Delete the session").click()
    teacher.get_by_role("button", name="Delete for good").click()
    sees(teacher, "Open a session")
    for page in students:
        page.get_by_role("heading", name="Join a class").wait_for()
    kept = b"".join(path.read_bytes() for path in classroom.folder.glob("classroom.sqlite*"))
    assert not any(name in kept for name in NAMES)


def test_who_is_not_the_teacher_sees_neither_wall_nor_session(visitor):
    teacher = visitor("teacher")
    code = open_session(teacher)
    anna = visitor(f"join?class={code}")
    join(anna, "Anna")
    stranger = visitor(f"projector?class={code}")
    sees(stranger, "Open a session on the page Teacher first")
    stranger = visitor(f"teacher?class={code}")
    sees(stranger, "Continue from another computer")
    assert "Anna" not in stranger.content()


def test_a_student_leaves_and_the_others_go_on(visitor):
    teacher = visitor("teacher")
    code = open_session(teacher)
    anna, boris = visitor(f"join?class={code}"), visitor(f"join?class={code}")
    join(anna, "Anna")
    join(boris, "Boris")
    sees(teacher, "2 students have joined")
    anna.get_by_role("button", name="Leave the session").click()
    anna.get_by_role("button", name="Leave and delete").click()
    sees(teacher, "One student has joined")
    boris.close()
    teacher.get_by_role("button", name="Ask", exact=True).click()
    sees(teacher, "0 teams of 1 have sent a claim")


def test_two_classes_are_held_at_once(visitor):
    teachers = [visitor("teacher"), visitor("teacher")]
    codes = [open_session(teacher) for teacher in teachers]
    students = [visitor(f"join?class={code}") for code in codes]
    for student in students:
        join(student, "Anna")
    teachers[0].get_by_role("button", name="Ask", exact=True).click()
    sees(students[0], OUTCOME)
    assert "has not asked a question yet" in students[1].inner_text(".content")


def test_a_teacher_comes_back_in_another_browser(visitor):
    teacher = visitor("teacher")
    code = open_session(teacher)
    word = re.search(r"shown once: ([A-Z ]+)\.", teacher.inner_text(".content"))[1]
    other = visitor("teacher")
    other.get_by_label("Code", exact=True).fill(code)
    other.get_by_label("Recovery word").fill("FFFF")
    other.get_by_role("button", name="Continue").click()
    sees(other, "does not belong to this code")
    other.get_by_label("Recovery word").fill(word)
    other.get_by_role("button", name="Continue").click()
    sees(other, "Nobody has joined yet")


@pytest.mark.parametrize("name", ["join", "teacher", "projector"])
def test_class_pages_fit_a_telephone(visitor, name):
    page = visitor(name, width=360, height=800)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_claim_is_made_with_the_keyboard_alone(visitor):
    teacher = visitor("teacher")
    code = open_session(teacher)
    teacher.get_by_role("button", name="Ask", exact=True).click()
    sees(teacher, OUTCOME)
    student = visitor(f"join?class={code}")
    student.get_by_label("Nickname").focus()
    student.keyboard.type("Dara")
    student.keyboard.press("Enter")
    sees(student, "Dara, you are team A")
    student.get_by_label("The border", exact=True).focus()
    student.keyboard.type("Closed")
    student.get_by_label("Lower end of the range").focus()
    student.keyboard.type("-900")
    student.keyboard.press("Tab")
    student.keyboard.type("-100")
    student.keyboard.press("Enter")
    sees(student, "Choice: The border: Closed.")
