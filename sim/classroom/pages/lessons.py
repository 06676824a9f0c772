"""The page Lessons: the student's sheet, campaigns for each task, checked answers, and the hand-in."""

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import markdown
import numpy as np
import pyarrow as pa
import solara

from sim.classroom.choice.fields import LAST_DAY, fields_of
from sim.classroom.desk import the_desk
from sim.classroom.hooks import RequestState, session, session_code, use_attempt, use_campaigns, use_kept
from sim.classroom.lessons.collected import the_class_hand_ins, the_class_ranges, the_first_choices
from sim.classroom.lessons.estimates import GROUPS, reported_value
from sim.classroom.lessons.forecasts import Ranges, describe_final_answer, given_ranges
from sim.classroom.lessons.hand_in import file_name, hand_in_of, write_hand_in
from sim.classroom.lessons.lesson import (
    BEFORE_REVEAL,
    FORECAST,
    LONGEST_CODE,
    Lesson,
    Sheet,
    Task,
    lesson_of,
    outcome_of,
    read_lessons,
    sheet_of,
    sources_of,
)
from sim.classroom.lessons.marking import Answer, Mark, Value, check, format_answer, is_final
from sim.classroom.notices import current_seat
from sim.classroom.parts import Folded, Heading, Note, Press, Prose, Trouble
from sim.classroom.parts.answer import AnswerForm, Keeper, Save, text_of_choice
from sim.classroom.parts.distribution import Distribution, Picture, labels_of
from sim.classroom.parts.drawn import untold
from sim.classroom.parts.inline import first_uses, with_links, with_terms
from sim.classroom.parts.questions import NUMBERS, Choose, Table, heads_of
from sim.classroom.parts.reveal import KnownCounts, Revealed
from sim.classroom.reading import Campaigns, Reading, read, to_plain
from sim.classroom.sessions.register import the_register
from sim.classroom.texts import markdown_list, texts_of
from sim.classroom.thresholds import ADDRESS as GAME
from sim.configuration.overrides import Overrides
from sim.errors import PanjError

RUNS = (1, 10, 50, 100, 200)
START, REVEAL, END = "start", "reveal", "end"  # screens of a lesson other than its tasks
WITH_GAME = "tipping_points"  # lesson that begins with the game of thresholds
PAPERS = "/explorable#teachers"  # address of the papers for teachers, on the page of scenes
MOST_SETTINGS = 5  # largest number of settings of one task
COLUMNS = ("mean", "median", "low", "high")  # columns of the table of results, after settings and campaigns
READ_OFF = ("number", "range")  # kinds of task whose answer is read off the results of campaigns
JUDGED = (*READ_OFF, "verdict", "inside")  # kinds of task that the numbers of a table or a verdict in words may answer
MIDDLES = ("mean", "median")  # columns that are often so near to each other that one answers a question for the other
GROUPED = ("best_group_gap", "mean_gap")  # measures shown in a picture of the means of ten groups
Answers = Mapping[str, Answer]
opened: solara.Reactive[Sheet | None] = solara.reactive(None)
answers: solara.Reactive[dict[tuple[str, str], Answers]] = solara.reactive({})  # answers, by lesson and student
# tasks that ask for a number or range and whose answers have earned all points, as lesson, student and task
told: solara.Reactive[frozenset[tuple[str, str, str]]] = solara.reactive(frozenset())
# choices that this browser has made final in any tab, by lesson and student
firsts: solara.Reactive[dict[tuple[str, str], Answers]] = solara.reactive({})
# number of times that forecasts were made final; the page is redrawn when it changes
fixes: solara.Reactive[int] = solara.reactive(0)


@solara.component_vue("../parts/steps.vue")
def Steps(steps: list[dict[str, Any]], now: int, label: str, event_go: Any) -> None:
    """Show a button for each screen of a lesson; `event_go` receives the number of the chosen screen."""


class DeskCampaigns:
    """Campaigns that the desk has already run, used to check answers."""

    def table(self, overrides: Overrides, first_seed: int, runs: int) -> pa.Table:
        """Return one row per campaign; raise PanjError if any of them is not finished."""
        ticket = the_desk().ask(session(), overrides, runs, first_seed)
        found = ticket.table()
        if found is None or found.num_rows < runs:
            ticket.withdraw()
            raise PanjError(texts_of("lessons").say("not_run"))
        return found


@solara.component
def Page() -> None:
    """Show the form for lesson and student, then the sheet."""
    root = solara.use_router().root_path
    texts, sheet = texts_of("lessons"), opened.value
    if sheet is None:
        Heading(texts.say("heading"))
        Prose(texts.say("about"))
        Opening()
        papers = {"href": f"{root}{PAPERS}", "target": "_blank"}
        solara.HTML("a", texts.say("papers"), attributes=papers)
    else:
        Heading(texts.say("lesson_named", number=sheet.lesson.number, title=sheet.lesson.title))
        Screens(sheet).key(f"{sheet.lesson.name} {sheet.student}")
    Kept()


@solara.component
def Screens(sheet: Sheet) -> None:
    """Show one screen of a lesson at a time: the beginning, each task, the reveal if there is one, and the end."""
    texts = texts_of("lessons")
    now, set_now = solara.use_state(0)
    tasks = {task.key: place for place, task in enumerate(sheet.tasks, 1)}
    before = [task.key for task in sheet.tasks if task.kind in BEFORE_REVEAL]
    screens = [START]
    for key in tasks:
        screens += [key, REVEAL] if sheet.lesson.forecasts and key == before[-1] else [key]
    screens.append(END)
    explained = dict(zip(tasks, first_uses(plain_text(task) for task in sheet.tasks), strict=True))
    given = answers_of(sheet)
    steps = [
        {
            "short": str(tasks[one]) if one in tasks else texts.say(f"step_{one}"),
            "name": name_of_task(sheet.lesson, sheet.task(one), tasks[one])
            if one in tasks
            else texts.say(f"step_{one}"),
            "done": one in given,
        }
        for one in screens
    ]
    Steps(steps=steps, now=now, label=texts.say("steps"), event_go=lambda place: set_now(int(place) % len(screens)))
    for place, one in enumerate(screens):
        with solara.Div(classes=[] if place == now else ["panj-away"], attributes={"data-screen": one}):
            if one == START:
                Goals(sheet)
                with Folded(texts.say("another")):
                    Opening()
            elif one == REVEAL:
                Reveal(sheet)
            elif one == END:
                End(sheet)
            else:
                OneTask(sheet, sheet.task(one), tasks[one], frozenset(explained[one]))
    with solara.Div(classes=["panj-buttons"]):
        Press(texts.say("back"), lambda: set_now(now - 1), disabled=now == 0)
        Press(texts.say("next"), lambda: set_now(now + 1), disabled=now == len(screens) - 1)


def plain_text(task: Task) -> str:
    """Return the texts of a task that may contain terms."""
    return " ".join((task.asks, *task.choices))


@solara.component
def Opening() -> None:
    """Show the form for a lesson and a student."""
    texts = texts_of("lessons")
    sheet = opened.value
    options = {one.name: texts.say("lesson_named", number=one.number, title=one.title) for one in read_lessons()}
    name, set_name = use_kept("lesson", sheet.lesson.name if sheet else next(iter(options)))
    name = name if name in options else next(iter(options))
    student, set_student = solara.use_state(sheet.student if sheet else "")
    trouble, attempt = use_attempt()

    def follow() -> None:
        if sheet is not None:
            set_name(sheet.lesson.name)
            set_student(sheet.student)

    solara.use_effect(follow, [sheet])

    with solara.Div(classes=["panj-opening"]):
        Choose(texts.say("lesson"), options, name, set_name)
        solara.InputText(
            texts.say("student"), value=student, on_value=lambda text: set_student(text[: LONGEST_CODE + 1]),
            continuous_update=True,
        )  # fmt: skip
        Note(texts.say("student_help"))
        act = partial(attempt, lambda: open_sheet(sheet_of(lesson_of(name), student)))
        Press(texts.say("open"), on_click=act, is_main=True)
    Trouble(trouble)


def answers_of(sheet: Sheet) -> Answers:
    """Return the answers given on a sheet, keyed by task; a final choice of this browser replaces a later one."""
    return {**answers_here(sheet), **firsts.value.get(key_of(sheet), {})}


def answers_here(sheet: Sheet) -> Answers:
    """Return the answers given on a sheet in this tab, keyed by task."""
    return answers.value.get(key_of(sheet), {})


def open_sheet(sheet: Sheet) -> None:
    """Open a sheet, with the choices that another tab of this browser has made final."""
    found = the_first_choices().of(current_seat(session()), session(), name_of_sheet(sheet))
    firsts.set({**firsts.value, key_of(sheet): found})
    opened.set(sheet)


def key_of(sheet: Sheet) -> tuple[str, str]:
    """Return the key of a sheet: the name of its lesson, and its student."""
    return sheet.lesson.name, sheet.student


def fixed_ranges(sheet: Sheet) -> Mapping[str, Ranges] | None:
    """Return the final ranges of a sheet, keyed by task; None while they can still be changed.

    The server keeps the final ranges, so that they cannot be changed by reloading the page.
    """
    fixes.get()
    if not sheet.lesson.forecasts:
        return None
    return the_class_ranges().of(session(), name_of_sheet(sheet))


def name_of_sheet(sheet: Sheet) -> str:
    """Return a text that identifies a sheet among those of a browser."""
    return " ".join(key_of(sheet))


def keep(sheet: Sheet, found: Answers) -> None:
    """Store the answers of one sheet, without changing those of other sheets."""
    answers.set({**answers.value, key_of(sheet): dict(found)})


@solara.component
def End(sheet: Sheet) -> None:
    """Show the end of a sheet: missing answers, the hand-in, and questions for all."""
    texts, found = texts_of("lessons"), answers_of(sheet)
    Heading(texts.say("hand_in"), 2)
    missing = [str(place) for place, task in enumerate(sheet.tasks, 1) if task.key not in found]
    if missing:
        Note(texts.say("not_answered", tasks=", ".join(missing)))
    ToClass(sheet)
    if found:
        Save(text=write_hand_in(sheet, found), file=file_name(sheet), label=texts_of("hand_in").say("save"))
        Note(texts.say("kept", len(found)), live=True)
    with Folded(texts.say("questions")):
        Prose(markdown_list(sheet.lesson.questions))


@solara.component
def ToClass(sheet: Sheet) -> None:
    """Show the button that hands in to the joined class, and whether this succeeded."""
    texts, code = texts_of("hand_in"), session_code(the_register().seats_of)
    trouble, attempt = use_attempt()
    _, redraw = solara.use_state(0)
    found = answers_of(sheet)
    if not found:
        return
    if not the_class_hand_ins().is_seated(code, session()):
        Note(texts.say("about_file"))
        return
    text = write_hand_in(sheet, found)
    before = the_class_hand_ins().given(code, session(), file_name(sheet))

    def give() -> None:
        the_class_hand_ins().put(code, session(), text)
        redraw(lambda times: times + 1)

    Note(texts.say("about_class"))
    if before:
        Note(texts.say("given" if before == text else "changed", code=code), live=True)
    with solara.Div(classes=["panj-buttons"]):
        Press(texts.say("give_again" if before else "give", code=code), lambda: attempt(give), is_main=before != text)
    Trouble(trouble)


@solara.component
def Kept() -> None:
    """Store the answers in this browser tab, and load those stored earlier."""
    sheet = opened.value
    found = answers_here(sheet) if sheet else {}

    def load(given: Any) -> None:
        text = str(given.get("text", "")) if isinstance(given, Mapping) else ""
        try:
            hand_in = hand_in_of(text.encode())
        except PanjError:
            return  # it was written by another version of Panj, or not by this page
        keep(hand_in.sheet, hand_in.answers)
        open_sheet(hand_in.sheet)

    Keeper(
        name=f"{sheet.lesson.name}/{sheet.student}" if sheet else "",
        text=write_hand_in(sheet, found) if sheet else "",
        answered=len(found),
        event_load=load,
    )


@solara.component
def Goals(sheet: Sheet) -> None:
    """Show the question of a lesson and, collapsed, its goals, background, known counts and timing."""
    root = solara.use_router().root_path
    texts, lesson = texts_of("lessons"), sheet.lesson
    Heading(texts.say("sheet", student=sheet.student), 2)
    Prose(f"**{lesson.question}**")
    if lesson.name == WITH_GAME:
        link = {"href": f"{root}{GAME}", "target": "_blank"}
        solara.HTML("a", texts.say("game"), attributes=link)
    with Folded(texts.say("goals")):
        Prose(markdown_list(lesson.goals))
    with Folded(texts.say("background", len(lesson.background))):
        facts = [texts.say("fact", says=fact.says, sources="; ".join(sources_of(fact))) for fact in lesson.background]
        Prose(markdown_list(facts))
        Note(texts.say("credits_known" if lesson.forecasts else "credits"))
    with Folded(texts.say("timing")):
        Prose(markdown_list([texts.say("step", **step._asdict()) for step in lesson.timing]))
    if lesson.forecasts:
        with Folded(texts_of("forecasts").say("known")):
            KnownCounts()
    if sheet.settings:
        Note(texts.say("your_seeds", first_seed=sheet.first_seed))


@solara.component
def Reveal(sheet: Sheet) -> None:
    """Show the button that makes the forecasts of a sheet final or, afterwards, the reported figures."""
    texts = texts_of("forecasts")
    code = session_code(the_register().seats_of)
    forecasts = tuple(task for task in sheet.tasks if task.kind == FORECAST)
    given = given_ranges(sheet.lesson, {key: one.value for key, one in answers_of(sheet).items()})
    fixed = fixed_ranges(sheet)

    def fix() -> None:
        assert given is not None
        the_class_ranges().fix(code, session(), name_of_sheet(sheet), given)
        fixes.set(fixes.value + 1)

    Heading(texts.say("reveal"), 3)
    if fixed is not None:
        Revealed(forecasts, fixed, code)
    elif given is None:
        Note(texts.say("reveal_first"), live=True)
    else:
        Note(texts.say("reveal_about"))
        Press(texts.say("fix"), on_click=fix, is_main=True)


def name_of_task(lesson: Lesson, task: Task, place: int) -> str:
    """Return the number and title of a task, with its points."""
    texts = texts_of("lessons")
    title = lesson.name_of(task.key)
    title = title[:1].upper() + title[1:]
    return f"{texts.say('task', place=place, title=title)} ({texts.say('points', task.points)})"


@solara.component
def Asked(asks: str, explained: frozenset[str]) -> None:
    """Show the question of a task, with explanations of terms at their first use."""
    html = solara.use_memo(lambda: with_terms(with_links(markdown.markdown(asks)), explained), [asks, explained])
    solara.HTML("div", unsafe_innerHTML=html, classes=["prose"])


@solara.component
def OneTask(sheet: Sheet, task: Task, place: int, explained: frozenset[str]) -> None:
    """Show a task and its campaigns, with the form for the answer and the mark, or with the final answer.

    Terms in `explained` are explained where the task uses them. The chart of the campaigns is shown first. An answer
    that rests on too few campaigns is kept for the hand-in, but not checked. The first choice that is checked is final.
    """
    texts, given = texts_of("lessons"), answers_of(sheet).get(task.key)
    trouble, set_trouble = solara.use_state("")
    ran, set_ran = solara.use_state(given.runs if given else 0)
    found, set_found = solara.use_state(cast(Mark | None, None))
    with solara.Div(classes=["panj-task"], attributes={"data-task": task.key}):
        Heading(name_of_task(sheet.lesson, task, place), 2)
        Asked(task.asks, explained)
        if task.needs:
            CampaignsOfTask(sheet, task, ran, set_ran)

        def refuse(said: str) -> None:
            set_found(None)
            set_trouble(said)

        def answer(value: Value) -> None:
            answered = Answer(value, ran if task.needs else 0)
            before, first = answers_of(sheet).get(task.key), partial(first_choice, sheet, task)
            checked = check(sheet, task, before, answered, DeskCampaigns(), first)
            if checked.kept is not None:  # stored before the mark is shown, so that the answer cannot be lost
                keep(sheet, {**answers_of(sheet), task.key: checked.kept})
            set_trouble(checked.trouble)
            set_found(checked.mark)
            if checked.mark and checked.mark.points >= checked.mark.most and task.kind in READ_OFF:
                told.set(told.value | {(*key_of(sheet), task.key)})

        ranges = fixed_ranges(sheet)
        if task.kind in BEFORE_REVEAL and ranges is not None:
            Note(describe_final_answer(task.kind, ranges.get(task.key, given.value if given else None)))
            return
        if given and is_final(task, given):  # otherwise one could try choices until one is right
            Note(texts_of("marks").say("counts", answer=text_of_choice(task, str(given.value), texts)))
        else:
            AnswerForm(task, given.value if given else None, answer, refuse)
        Trouble(trouble)
        Said(found)


def first_choice(sheet: Sheet, task: Task, answered: Answer) -> Answer:
    """Return the first choice that this browser has made final in any of its tabs; the given one if there is none."""
    code, who = current_seat(session()), session()
    return the_first_choices().keep(code, who, name_of_sheet(sheet), task.key, answered)


@solara.component
def Said(found: Mark | None) -> None:
    """Show the flags, points and remarks of an answer; screen readers announce them."""
    texts = texts_of("lessons")
    with solara.Div(attributes={"aria-live": "polite"}, classes=["panj-said"]):
        if found is not None:
            for flag in found.flags:
                Trouble(flag)
            Note(" ".join((texts.say("earned", points=f"{found.points:g}", most=found.most) + ".", *found.says)))


@solara.component
def CampaignsOfTask(sheet: Sheet, task: Task, ran: int, on_run: Any) -> None:
    """Show controls for the number of campaigns of a task and for running them, and the results."""
    texts = texts_of("lessons")
    is_one = task.measure == "first_campaign"
    runs, set_runs = solara.use_state(1 if is_one else ran or sheet.lesson.runs)
    names = settings_of(task)
    wanted = [sheet.overrides(name) if ran else None for name in names]
    asked = [
        use_campaigns(words_here, ran or 1, first_seed=sheet.first_seed)
        for words_here in [*wanted, *[None] * (MOST_SETTINGS - len(wanted))]
    ][: len(names)]
    with solara.Div(classes=["panj-buttons"]):
        if not is_one:
            options = {str(one): texts.say("runs", one) for one in RUNS}
            Choose(texts.say("how_many"), options, str(runs), lambda text: set_runs(int(text)))
        Press(texts.say("run_one" if is_one else "run"), on_click=lambda: on_run(runs))
    for one in asked:
        Trouble(one.trouble)
    if not ran:
        return
    Note(progress(asked), live=True)
    if all(one.campaigns is not None and one.campaigns.table is not None for one in asked):
        done = sum(one.ticket.done for one in asked if one.ticket is not None)
        Shown(sheet, task, dict(zip(names, asked, strict=True)), done)


def is_told(sheet: Sheet, task: Task) -> bool:
    """Return whether a task is answered, so that nothing can be gained by copying its results.

    A number or range is answered once it has earned all points, a choice once it is final.
    """
    given = answers_of(sheet).get(task.key)
    return (*key_of(sheet), task.key) in told.value or bool(given and is_final(task, given))


def open_tasks(sheet: Sheet, task: Task) -> list[Task]:
    """Return the tasks that are not answered yet and that numbers from the campaigns of `task` may answer.

    These are tasks about the same outcome whose settings are all among those of `task`.
    """
    shown = set(settings_of(task))
    return [
        one
        for one in sheet.tasks
        if one.kind in JUDGED
        and one.outcome == task.outcome
        and shown.issuperset(settings_of(one))
        and not is_told(sheet, one)
    ]


def columns_of(task: Task) -> tuple[str, ...]:
    """Return the columns of the table of results from which the answer to a task can be copied or subtracted."""
    if task.kind in ("range", "inside"):
        return ("low", "high")
    if task.kind == "verdict" or (task.minus and task.measure == "mean"):
        return COLUMNS  # a shift of the distribution appears in each of them
    return MIDDLES if task.measure in (*MIDDLES, *GROUPED, "gap") else ()


def shown_columns(sheet: Sheet, task: Task) -> tuple[str, ...]:
    """Return the columns of the table of a task's campaigns that answer no task which is still open.

    Args:
        sheet: The sheet of the student.
        task: A task of the sheet.

    Returns:
        The columns; none if the table may not be shown. A pick is made with the help of the table, so that its own
        table is shown before it is answered.
    """
    if not task.ladder and not is_told(sheet, task):
        return ()
    hidden = {column for one in open_tasks(sheet, task) for column in columns_of(one)}
    return tuple(column for column in COLUMNS if column not in hidden)


def settings_of(task: Task) -> list[str]:
    """Return the names of all settings whose campaigns a task needs."""
    return [name for name in dict.fromkeys((*task.ladder, task.minus, task.of)) if name]


def progress(asked: list[RequestState]) -> str:
    """Describe the progress of a task's campaigns over all its settings."""
    texts = texts_of("lessons")
    tickets = [one.ticket for one in asked if one.ticket is not None]
    if not tickets:
        return ""
    done, runs = sum(ticket.done for ticket in tickets), sum(ticket.runs for ticket in tickets)
    if all(ticket.ended for ticket in tickets):
        return f"{texts.say('whole', done)} {texts.say('rests_on', tickets[0].runs)}"
    place = max(ticket.place for ticket in tickets)
    return texts.say("in_line", place) if place and not done else texts.say("going", done=done, runs=runs)


@solara.component
def Shown(sheet: Sheet, task: Task, asked: Mapping[str, RequestState], done: int) -> None:
    """Show the results of a task's campaigns as charts and tables; a new value of `done` redraws them.

    Numbers and verdicts that can be read from the charts are shown as text only if they answer no open task of the
    sheet, and rest on enough campaigns for this one.
    """
    found = {name: one.campaigns for name, one in asked.items() if one.campaigns is not None}
    is_enough = min(one.runs for one in found.values()) >= task.needs
    columns = shown_columns(sheet, task) if task.ladder or is_enough else ()
    if task.of:
        Chart(sheet.lesson, task, found, task.of, is_enough and is_told(sheet, task) and not open_tasks(sheet, task))
    values = {name: values_of(one.table, task.outcome) for name, one in found.items()}
    if task.measure in GROUPED and values[task.of].size:
        GroupsChart(found[task.of], task, is_told(sheet, task) and not open_tasks(sheet, task))
    if columns:
        Numbers(sheet.lesson, task, values, asked, columns)
    elif task.ladder:
        for name in task.ladder:
            Chart(sheet.lesson, task, found, name, False)
    if task.measure == "best_group_gap" and "mean" in columns:
        Groups(task, values[task.of])


@solara.component
def Chart(lesson: Lesson, task: Task, found: Mapping[str, Campaigns], name: str, says: bool) -> None:
    """Show the chart of the named settings, or of their difference from `task.minus`; if `says`, with the verdict."""
    minus = task.minus
    change = texts_of("lessons").say("differs", of=lesson.name_of(name), minus=lesson.name_of(minus)) if minus else ""
    reading = read(found[minus or name], found[name] if minus else None, task.outcome, change)
    Distribution(
        reading, base=lesson.name_of(minus or name), changed=lesson.name_of(name), level=3, says=says,
        hidden_in=None if says else found[name].settings,
    )  # fmt: skip


@solara.component
def GroupsChart(campaigns: Campaigns, task: Task, says: bool) -> None:
    """Show a chart of the means of ten groups of campaigns and the mean of all; if `says`, its text has the numbers."""
    texts = texts_of("lessons")
    labels = labels_of(texts.say("groups_named"), "") | {
        key: texts.say(f"groups_{key}") for key in ("dots_help", "bars_help", "strip_help")
    }
    Heading(texts.say("groups_caption"), 3)
    reading, marks = reading_of_groups(campaigns, task), (texts.say("groups_mean"), "")
    hidden = {} if says else untold(reading, campaigns.settings, (labels["base"], ""), marks)
    Picture(reading=to_plain(reading) | hidden, labels=labels)


def reading_of_groups(campaigns: Campaigns, task: Task) -> Reading:
    """Return a reading whose values are the means of ten groups of campaigns, and whose median is the mean of all."""
    values = values_of(campaigns.table, task.outcome)
    means, all_ = group_means(values), float(values.mean())
    table = pa.table({"seed": np.arange(len(means)), task.outcome: means})
    found = read(Campaigns(campaigns.settings, table, len(means)), None, task.outcome)
    plain = partial(format_answer, task=task._replace(measure=""))
    said = texts_of("lessons").say("groups_said", means="; ".join(map(plain, means)), mean=plain(all_))
    return found._replace(base=found.base._replace(median=all_, low=all_, high=all_, text=said), headline="")


def group_means(values: np.ndarray) -> list[float]:
    """Return the means of ten groups of campaigns, in the order of their seeds."""
    return [float(group.mean()) for group in np.array_split(values, min(GROUPS, values.size))]


def values_of(table: pa.Table | None, outcome: str) -> np.ndarray:
    """Return the values of an outcome in a table of campaigns, without missing values; empty without a table."""
    return np.asarray(table[outcome].drop_null().to_numpy(), float) if table is not None else np.empty(0)


@solara.component
def Numbers(
    lesson: Lesson, task: Task, values: Mapping[str, np.ndarray], asked: Mapping[str, RequestState],
    columns: tuple[str, ...],
) -> None:  # fmt: skip
    """Show a table of a task's outcome with the given `columns`, and with one row for each of the named settings."""
    texts = texts_of("lessons")
    shown = [place for place, column in enumerate(COLUMNS) if column in columns]
    plain = partial(format_answer, task=task._replace(measure=""))
    rows = []
    for name, numbers in values.items():
        cuts = [float(numbers.mean()), *np.quantile(numbers, [0.5, 0.05, 0.95]).tolist()] if numbers.size else []
        rows.append(
            [
                texts.say("setting", name=lesson.name_of(name), said=describe_settings(asked[name].overrides)),
                f"{numbers.size}",
                *(plain(cuts[place]) for place in shown if cuts),
            ]
        )
    caption = f"{texts.say('numbers_caption')}: {outcome_of(task.outcome).label}"
    heads = heads_of(texts.say("numbers_head"))
    fixed = len(heads) - len(COLUMNS)
    Table([*heads[:fixed], *(heads[fixed + place] for place in shown)], rows, caption, NUMBERS)


@solara.component
def Groups(task: Task, values: np.ndarray) -> None:
    """Show a table with the mean of each group of campaigns and its distance from the reported figure."""
    texts = texts_of("lessons")
    reported = reported_value(outcome_of(task.outcome))
    plain = partial(format_answer, task=task._replace(measure=""))
    rows = [[str(place), plain(mean), plain(abs(mean - reported))] for place, mean in enumerate(group_means(values), 1)]
    Table(heads_of(texts.say("groups_head")), rows, texts.say("groups_caption"), NUMBERS)


def describe_settings(overrides: Overrides) -> str:
    """Describe the changes that settings make, except the last day: labels of choices, and values of numbers."""
    fields = fields_of()
    said = [
        fields[row.key].describe(row.value) if row.key in fields else str(row.value)
        for row in overrides
        if row.key != LAST_DAY
    ]
    return ", ".join(said) or texts_of("form").say("baseline")
