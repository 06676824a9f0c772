"""A class as it is held: a teacher, three students in browsers of their own, a wall, a server that stops half-way."""

import csv
import re

import pytest
from conftest import Classroom
from playwright.sync_api import expect
from seen import MOST_WORDS, SEEN

from sim.classroom.app import PAGES, WALL
from sim.classroom.sessions.undo import MINUTE

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


def claim(student, low, high, decision=""):
    if decision:
        student.get_by_label("Your decision").select_option(decision)
    student.get_by_label("Lower end").fill(low)
    student.get_by_label("Upper end").fill(high)
    student.get_by_role("button", name=re.compile("^(Send|Replace)$")).click()


def sees(page, text):
    page.get_by_text(text).first.wait_for()


@pytest.fixture
def wall(visitor):
    """The page for the wall in another tab of the teacher's browser."""

    def open_wall(teacher, code):
        page = teacher.context.new_page()
        page.set_viewport_size({"width": 1920, "height": 1080})
        page.goto(teacher.url.partition("?")[0].replace("teacher", f"projector?class={code}"))
        page.wait_for_selector(".panj-wall h1")
        return page

    return open_wall


SIXTEEN_MINUTES = 0.033  # of the height of a picture of 1.6 m, for capitals of 0.7 of the size, seen from 8 m


def is_read_from_the_back(wall, letters=0):
    """The wall is one screen with large letters and few words, and has no menu, on both usual projectors."""
    for width, height in ((1024, 768), (1920, 1080)):
        wall.set_viewport_size({"width": width, "height": height})
        wall.wait_for_timeout(300)
        seen = wall.evaluate(SEEN, "")
        assert max(seen["overflow"]) <= 0
        assert seen["smallest"][0] >= SIXTEEN_MINUTES, seen["smallest"]
        assert len(seen["words"]) <= MOST_WORDS + letters, seen["words"]
        assert wall.locator(".pages").count() == 0


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
    is_read_from_the_back(projector)
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
    projector.get_by_role("img", name=re.compile("Closed, teams B: 200 campaigns. On average")).wait_for()
    is_read_from_the_back(projector)
    keep(projector, "class_wall_answered")
    keep(students[1], "class_answer", whole=True)
    a_debrief(teacher, projector)
    keep(projector, "class_wall_debrief")
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
    claim(anna, "ten", "20", "morale=brittle")
    sees(anna, "found 'ten', expected a number")
    claim(anna, "-300", "-100")
    claim(boris, "-2,000", "-500", "border=closed")
    for page in (anna, boris, chirin):
        sees(page, "Sent.")
    sees(projector, "2 teams of 2 have sent a claim")
    assert "500 to 2,000 soldiers lower" in chirin.inner_text(".content")
    assert not re.search("Boris|Chirin|team B|500 to 2,000", anna.content())


def a_revision_and_an_answer(teacher, anna, boris, chirin):
    assert anna.get_by_label("Your decision").input_value() == "morale=brittle"
    claim(anna, "-100", "400")
    sees(anna, "100 soldiers lower to 400 soldiers higher")
    teacher.get_by_role("button", name="Close claims").click()
    sees(anna, "Claims are closed")
    teacher.get_by_role("button", name="Run the campaigns").click()
    for page in (anna, boris, chirin):
        page.get_by_role("heading", name="What the campaigns show").wait_for(timeout=120_000)
        sees(page, "The simulated effect")
    assert "Closed" not in anna.inner_text(".content")


def a_debrief(teacher, projector):
    teacher.get_by_role("button", name="Begin the debrief").click()
    sees(projector, "For discussion")
    is_read_from_the_back(projector)
    projector.keyboard.press("End")
    projector.locator(".wall-teams", has_text="B").wait_for()
    assert not re.search("North|Anna", projector.content())
    teacher.get_by_text("Show team names").click()
    projector.locator(".wall-teams", has_text="B North").wait_for()
    projector.locator(".wall-teams", has_text=re.compile("^ *A *$")).wait_for()
    a_wall_opened_late(projector)


def a_wall_opened_late(projector):
    """A wall that begins with the questions, and then shows the rows for the first time, cuts no sentence."""
    projector.reload()
    projector.wait_for_selector(".panj-wall h1")
    projector.keyboard.press("End")
    found = projector.locator(".wall-found")
    found.first.wait_for()
    projector.wait_for_timeout(300)
    assert not found.evaluate_all("all => all.filter(one => one.scrollHeight > one.clientHeight + 1).length")


def an_export(teacher, path):
    with teacher.expect_download() as download:
        teacher.get_by_role("link", name="Export as CSV").click()
    download.value.save_as(path)
    rows = list(csv.DictReader(path.open(encoding="utf-8-sig")))
    assert [row["members"] for row in rows] == ["Anna", "Boris <i>; Chirin"]
    assert rows[1]["choice of settings"] == "border=closed" and float(rows[1]["campaigns"]) == 200
    teacher.get_by_label("Columns and decimals").first.select_option(label="semicolon, decimal comma")
    with teacher.expect_download() as download:
        teacher.get_by_role("link", name="Export as CSV").click()
    download.value.save_as(path)
    other = list(csv.DictReader(path.open(encoding="utf-8-sig"), delimiter=";"))
    assert other[1]["mean effect"] == rows[1]["mean effect"].replace(".", ",")
    assert [row["members"] for row in other] == [row["members"] for row in rows]


def a_deletion(teacher, students, classroom):
    kept = b"".join(path.read_bytes() for path in classroom.folder.glob("classroom.sqlite*"))
    assert all(name in kept for name in NAMES)
    teacher.get_by_role("button", name="Delete the session").click()
    teacher.get_by_role("button", name="Delete permanently").click()
    sees(teacher, "Open a session")
    for page in students:
        page.get_by_role("heading", name="Join a class").wait_for()
    for _ in range(100):  # pages show the deletion at once; the file is rewritten a moment later
        kept = b"".join(path.read_bytes() for path in classroom.folder.glob("classroom.sqlite*"))
        if not any(name in kept for name in NAMES):
            break
        teacher.wait_for_timeout(100)
    assert not any(name in kept for name in NAMES)


def test_who_is_not_the_teacher_sees_neither_wall_nor_session(visitor):
    teacher = visitor("teacher")
    code = open_session(teacher)
    anna = visitor(f"join?class={code}")
    join(anna, "Anna")
    stranger = visitor(f"projector?class={code}")
    sees(stranger, "First open a session on the page Teacher")
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
    anna.get_by_role("button", name="Leave", exact=True).click()
    anna.get_by_role("button", name="Leave and delete").click()
    anna.get_by_role("heading", name="Join a class").wait_for()
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
    assert "Only this machine can connect" in teacher.inner_text(".content")
    said = teacher.inner_text(".content")
    for letters in (word, code, teacher.inner_text(".claims-code")):  # random, so that they may contain a Q before an R
        said = said.replace(letters, "")
    assert not re.search("QR|scan", said)
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
    student.get_by_label("Your decision").focus()
    student.keyboard.type("The border: Closed")
    student.get_by_label("Lower end").focus()
    student.keyboard.type("-900")
    student.keyboard.press("Tab")
    student.keyboard.type("-100")
    student.keyboard.press("Enter")
    sees(student, "Choice: The border: Closed.")


@pytest.fixture
def team(visitor):
    """A teacher who has asked, and the two members of a team."""
    teacher = visitor("teacher")
    code = open_session(teacher)
    boris, chirin = visitor(f"join?class={code}"), visitor(f"join?class={code}")
    join(boris, "Boris", team="North")
    key = re.search(r"join: ([A-Z]{4} [A-Z]{4})", boris.inner_text(".content"))[1]
    join(chirin, "Chirin", key=key)
    teacher.get_by_role("button", name="Ask", exact=True).click()
    for page in (boris, chirin):
        page.get_by_label("Lower end").wait_for()
    return teacher, boris, chirin


def shown(student):
    """What the form of a claim shows."""
    names = ("Your decision", "Lower end", "Upper end", "How sure are you?", "Why?")
    return [student.get_by_label(name).input_value() for name in names]


def send_all(student, border, low, high, sure, why):
    student.get_by_label("How sure are you?").select_option(sure)
    student.get_by_label("Why?").fill(why)
    claim(student, low, high, f"border={border}")


THEIRS = ["border=closed", "-400", "-200", "0.8", "the bridge"]


def is_shown(student, values):
    for _ in range(50):
        if shown(student) == values:
            return
        student.wait_for_timeout(100)
    assert shown(student) == values


def test_a_claim_of_a_team_mate_fills_every_field_that_nobody_uses(team):
    _, boris, chirin = team
    send_all(boris, "closed", "-400", "-200", "0.8", "the bridge")
    sees(chirin, "Sent.")
    for page in (boris, chirin):
        is_shown(page, THEIRS)


def test_a_field_in_use_is_never_overwritten_and_what_is_sent_is_what_is_shown(team):
    _, boris, chirin = team
    chirin.get_by_label("Lower end").fill("-50")
    before = shown(chirin)
    send_all(boris, "closed", "-400", "-200", "0.8", "the bridge")
    sees(chirin, "Somebody in your team has sent another claim")
    assert shown(chirin) == before
    chirin.get_by_label("Upper end").fill("60")
    chirin.get_by_label("Your decision").select_option("border=open")
    mine = shown(chirin)
    chirin.get_by_role("button", name="Replace", exact=True).click()
    refused = chirin.locator(".panj-sending [role=alert]")
    refused.get_by_text("has since sent another claim").wait_for()
    button = chirin.get_by_role("button", name="Replace", exact=True).bounding_box()
    assert abs(refused.bounding_box()["y"] - button["y"]) < 80
    assert shown(chirin) == mine and "400" in chirin.inner_text(".claims-card")
    chirin.get_by_role("button", name="Keep mine").click()
    chirin.get_by_role("button", name="Replace", exact=True).click()
    for page in (boris, chirin):
        sees(page, "50 soldiers lower to 60 soldiers higher")
        sees(page, "Choice: The border: Open.")
        is_shown(page, mine)


def test_a_claim_that_changes_nothing_of_a_colleagues_is_refused_beside_the_button(team):
    _, boris, chirin = team
    chirin.get_by_label("Why?").fill("something of mine")
    send_all(boris, "closed", "-400", "-200", "0.8", "the bridge")
    chirin.get_by_role("button", name="Show theirs instead").click()
    is_shown(chirin, shown(boris))
    chirin.get_by_role("button", name="Replace", exact=True).click()
    chirin.locator(".panj-sending [role=alert]").get_by_text("already sent exactly this claim").wait_for()


def test_who_was_removed_is_told_and_is_back_with_claim_after_an_undo(team, wall):
    teacher, boris, chirin = team
    send_all(boris, "closed", "-400", "-200", "0.8", "the bridge")
    teacher.get_by_role("button", name="Remove Boris").click()
    teacher.get_by_role("dialog").get_by_role("button", name="Keep").click()
    assert "Boris has been removed" not in teacher.inner_text("body")
    for student, name in ((boris, "Boris"), (chirin, "Chirin")):
        teacher.get_by_role("button", name=f"Remove {name}").click()
        teacher.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
        student.get_by_role("alert").get_by_text("Your teacher has removed you").wait_for()
        sees(teacher, f"{name} has been removed")
    for _ in range(2):
        teacher.get_by_role("button", name="Undo").last.click()
        teacher.wait_for_timeout(500)
    for student, name in ((boris, "Boris"), (chirin, "Chirin")):
        student.get_by_role("heading", name=f"{name}, you are in team A, North").wait_for()
        sees(student, "200 to 400 soldiers lower")


def test_the_end_of_a_session_asks_and_can_be_undone(team):
    teacher, boris, _ = team
    teacher.get_by_role("button", name="End the session").click()
    teacher.get_by_role("dialog").get_by_role("button", name="End it").click()
    sees(boris, "The teacher has ended this session")
    teacher.get_by_role("button", name="Undo").click()
    boris.get_by_label("Lower end").wait_for()
    expect(teacher.get_by_role("button", name="Undo")).to_have_count(0)
    claim(boris, "-400", "-200", "border=closed")
    sees(teacher, "One team of 1 has sent a claim")


@pytest.mark.parametrize("act", ["Remove Boris", "End the session"])
def test_what_was_done_is_undone_with_the_keyboard_alone_and_not_after_its_minute(team, act):
    teacher, boris, _ = team
    send_all(boris, "closed", "-400", "-200", "0.8", "the bridge")
    for is_kept in (True, False):
        teacher.get_by_role("button", name=act).click()
        teacher.get_by_role("dialog").locator(".panj-yes").click()
        undo = teacher.get_by_role("button", name="Undo")
        undo.wait_for()
        boris.get_by_label("Lower end").wait_for(state="detached")
        if is_kept:
            undo.focus()
            teacher.keyboard.press("Enter")
            is_shown(boris, THEIRS)
        undo.wait_for(state="detached", timeout=5_000 if is_kept else (MINUTE + 15) * 1000)
    assert boris.get_by_label("Lower end").count() == 0


STUDENTS = [name for name in PAGES if name not in ("teacher", WALL)]


def test_the_question_and_the_call_of_the_teacher_are_on_every_page_of_a_student(team):
    teacher, boris, chirin = team
    chirin.get_by_label("Why?").fill("half a sen")
    for name in STUDENTS:
        boris.goto(re.sub(r"/join.*", "" if name == "home" else f"/{name}", chirin.url))
        if name == "join":
            boris.get_by_role("heading", name=re.compile("Question 1:.*crossed")).wait_for()
        else:
            boris.locator(".attending", has_text="Question 1 of your class").get_by_role("link").wait_for()
        label = "Class" if name == "join" else boris.locator("[aria-current=page]").inner_text()
        teacher.get_by_role("row", name=re.compile(f"Boris {label} ")).wait_for()
    teacher.get_by_role("button", name="All eyes here").click()
    for page in (boris, chirin):
        sees(page, "Please look at the wall")
        page.locator(".content").wait_for(state="hidden")
    teacher.get_by_role("button", name="Back to the screens").click()
    chirin.locator(".content").wait_for(state="visible")
    assert chirin.get_by_label("Why?").input_value() == "half a sen"
    teacher.get_by_role("button", name="Pause").click()
    sees(boris, "Your teacher has paused the session")
    claim(chirin, "-100", "100", "border=closed")
    chirin.locator(".panj-sending [role=alert]").get_by_text("has paused the session").wait_for()
    teacher.get_by_role("button", name="Go on").click()
    chirin.get_by_role("button", name="Send", exact=True).click()
    sees(chirin, "Sent.")
    boris.close()
    teacher.get_by_role("row", name=re.compile("Boris not connected")).wait_for()


SECRET = ("Quetzal", "Xochitl", "because of the bridge")


def test_no_page_of_others_is_ever_sent_a_nickname_or_a_reason(visitor, wall):
    """Everything that the server sends to the wall and to another student is searched, not only what is drawn."""
    teacher = visitor("teacher")
    code = open_session(teacher)
    alone, member, other = (visitor(f"join?class={code}") for _ in range(3))
    heard = {"wall": [], "other": []}

    def listen(page, name):
        page.on("websocket", lambda one: one.on("framereceived", lambda text: heard[name].append(str(text))))
        page.on("response", lambda got: heard[name].append(got.url))

    projector = teacher.context.new_page()
    listen(projector, "wall")
    listen(other, "other")
    projector.goto(teacher.url.partition("?")[0].replace("teacher", f"projector?class={code}"))
    projector.wait_for_selector(".panj-wall h1")
    join(alone, SECRET[0])
    join(member, SECRET[1], team="North")
    other.reload()
    join(other, "Chirin")
    sees(teacher, "3 students have joined")
    teacher.get_by_text("Show team names").click()
    teacher.get_by_role("button", name="Ask", exact=True).click()
    for student in (alone, member, other):
        student.get_by_label("Why?").fill(SECRET[2] if student is not other else "")
        claim(student, "-300", "-100", "border=closed")
        sees(student, "Sent.")
    teacher.get_by_role("button", name="Close claims").click()
    teacher.get_by_role("button", name="Run the campaigns").click()
    projector.get_by_role("img", name=re.compile("teams A, B North, C: 200 campaigns")).wait_for(timeout=120_000)
    for name in PAGES:
        other.goto(re.sub(r"/join.*|/\w*$", f"/{'' if name == 'home' else name}?class={code}", other.url))
        other.wait_for_selector(".shell h1")
    for name, said in heard.items():
        assert len(said) > 20, name
        assert not [one for one in said if any(secret in one for secret in SECRET)], name
    assert SECRET[0] in teacher.content()


def test_the_wall_is_led_with_the_keys_of_a_presenter(visitor, wall):
    teacher = visitor("teacher")
    code = open_session(teacher)
    students = [visitor(f"join?class={code}") for _ in range(2)]
    for student, name in zip(students, ("Anna", "Boris"), strict=True):
        join(student, name)
    teacher.get_by_role("button", name="Ask", exact=True).click()
    projector = wall(teacher, code)
    projector.emulate_media(reduced_motion="reduce")
    sees(projector, "0 teams of 2 have sent a claim")
    projector.keyboard.press("b")
    projector.locator(".is-blank").wait_for()
    projector.keyboard.press(".")
    for student, border in zip(students, ("closed", "open"), strict=True):
        student.get_by_label("Lower end").wait_for()
        claim(student, "-300", "-100", f"border={border}")
        sees(student, "Sent.")
    sees(projector, "2 teams of 2 have sent a claim")
    projector.keyboard.press("n")
    sees(projector, "Claims are closed")
    assert projector.locator(".wall-row").count() == 2 and projector.locator(".wall-dot").count() == 0
    projector.keyboard.press("j")
    sees(projector, f"{code[:3]} {code[3:]}")
    projector.keyboard.press("j")
    projector.keyboard.press("n")
    projector.wait_for_function("document.querySelectorAll('.wall-dot').length === 400", timeout=120_000)
    assert projector.evaluate("getComputedStyle(document.querySelector('.wall-dot')).animationName") == "none"
    projector.emulate_media(reduced_motion="no-preference")
    assert projector.evaluate("getComputedStyle(document.querySelector('.wall-dot')).animationName") == "wall-fall"
    projector.wait_for_selector(".wall-stage", state="detached")
    projector.keyboard.press("n")
    sees(projector, "For discussion")
    first = projector.inner_text(".wall-prompt")
    projector.keyboard.press("PageDown")
    assert projector.inner_text(".wall-prompt") != first
    projector.keyboard.press("PageUp")
    assert projector.inner_text(".wall-prompt") == first
    projector.keyboard.press("n")  # there is no next step: the teacher asks the next question
    projector.wait_for_timeout(500)
    sees(projector, "For discussion")


def test_the_form_of_a_question_stays_in_use_while_the_first_student_joins(visitor):
    teacher = visitor("teacher")
    code = open_session(teacher)
    button = teacher.get_by_role("button", name="Ask", exact=True).element_handle()
    teacher.get_by_label("Outcome").select_option("badakhshan_lost_2021_07_05")
    student = visitor(f"join?class={code}")
    join(student, "Anna")
    teacher.get_by_text("Anna").first.wait_for()
    assert button.evaluate("one => one.isConnected")  # a press at this moment would not be lost
    assert teacher.get_by_label("Outcome").input_value() == "badakhshan_lost_2021_07_05"
    button.click()
    student.get_by_label("Lower end").wait_for()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800)])
def test_few_words_are_in_sight_when_a_student_joins_and_claims(visitor, width, height):
    teacher = visitor("teacher")
    code = open_session(teacher)
    student = visitor(f"join?class={code}", width=width, height=height)
    student.add_style_tag(content=".pages, .sources { visibility: hidden; }")  # they are not of the lesson
    assert len(student.evaluate(SEEN, "")["words"]) <= MOST_WORDS
    join(student, "Anna")
    teacher.get_by_role("button", name="Ask", exact=True).click()
    student.get_by_label("Lower end").wait_for()
    seen = student.evaluate(SEEN, "")["words"]
    assert len(seen) <= MOST_WORDS, seen


def test_one_code_and_one_link_lead_from_outside_into_a_session_also_after_a_restart(browser, tmp_path):
    room = Classroom(tmp_path, "host=0.0.0.0", "code=LESSON")
    contexts = [browser.new_context() for _ in range(4)]
    teacher, scans, types, late = pages = [context.new_page() for context in contexts]
    try:
        teacher.goto(f"{room.address}/teacher?code=LESSON")
        code = open_session(teacher)
        link = teacher.get_attribute(".join-link", "href")
        assert link == teacher.get_by_role("img", name=re.compile("QR code")).get_attribute("aria-label").split()[-1]
        here = re.sub("^http://[^/]+", room.address, link)
        scans.goto(here)
        assert scans.get_by_label("Code on the wall").count() == 0
        join(scans, "Anna")
        types.goto(f"{room.address}/")
        types.get_by_label("Code").fill("FFFFFF")
        types.get_by_role("button").click()
        types.get_by_role("alert").get_by_text("is unknown here").wait_for()
        types.get_by_label("Code").fill(f"{code[:3]} {code[3:]}".lower())
        types.get_by_role("button").click()
        join(types, "Boris")
        for page in pages[:3]:
            page.evaluate("window.before = true")
        room.stop()
        room.overrides = ("host=0.0.0.0",)
        room.start()
        for page in pages[:3]:
            page.wait_for_function("!window.before", timeout=60_000)
        scans.get_by_role("heading", name="Anna, you are").wait_for()
        types.get_by_role("heading", name="Boris, you are").wait_for()
        sees(teacher, "2 students have joined")
        late.goto(here)
        join(late, "Chirin")
        assert "with the code LESSON" in (tmp_path / "log.txt").read_text().split("The classroom is open")[-1]
    finally:
        for context in contexts:
            context.close()
        room.stop()
