"""A campaign is told in plain sentences: what its log holds and nothing else, grouped, with the record beside it."""

import re
from contextlib import nullcontext
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from quick import DECLARED, no_figures

import sim
from sim import __main__ as command_line
from sim.__main__ import main
from sim.configuration.compose import compose_settings
from sim.data.evidence import read_evidence
from sim.data.facts import THE_LINE, read_facts
from sim.engine.campaign import Series
from sim.engine.world import Event, Fall, Why
from sim.errors import PanjError
from sim.execution.rerun import rerun_campaign
from sim.story import chronicle as stories
from sim.story import telling
from sim.story.chronicle import Chronicle, Dated, LogEvent
from sim.story.story import page_of, story_of, text_of
from sim.story.telling import ASSUMED, REPORTED, describe_record, name_articles, sentences_on, texts_on
from sim.study.columns import events_table
from sim.wording import SENTENCES, Language, language_of

FACTS = read_facts()
WORDS = language_of()
START, END = date(2021, 6, 28), date(2021, 7, 12)
DAY = date(2021, 7, 4)
SOURCE = Path(sim.__file__).parent


def happening(event: str, district: str, day: date = DAY, province: str = "Badakhshan", **traits: object) -> LogEvent:
    places = zip(FACTS.district_id, FACTS.district, FACTS.province, strict=True)
    code = next(code for code, name, of in places if (name, of) == (district, province))
    usual = {"who": "", "men": 0, "how": "none", "why": "none"}
    return LogEvent(day, event, code, district, province, **{**usual, **traits})  # type: ignore[arg-type]


def chronicle(*happenings: LogEvent, dated: tuple[Dated, ...] = (), **series: dict[date, int]) -> Chronicle:
    evenings = (END - START).days + 1
    names = [kind.name.lower() for kind in Series]
    names += [f"{what}_{post}" for what in ("crossed", "waiting", "admitted") for post in FACTS.post]
    values = {name: np.zeros(evenings) for name in names}
    for name, days in series.items():
        for day, value in days.items():
            values[name][(day - START).days :] = value if name.endswith(("_total", "taliban")) else 0
            values[name][(day - START).days] = value
    rows = tuple(sorted(happenings, key=lambda one: one.date))
    return Chronicle("planted", 7, 0, "", "july_2021", "not calibrated", START, END, rows, values, dated, START, END)


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def texts_in(form: Any) -> list[str]:
    """All texts of an entry: one, those of its two forms, or those of every unit."""
    return [text for part in form.values() for text in texts_in(part)] if isinstance(form, dict) else [form]


@pytest.mark.parametrize("path", sorted(SENTENCES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_language_has_the_sentences_and_gaps_of_english(path: Path) -> None:
    ours, theirs = WORDS.sentences, language_of(path.stem).sentences
    assert set(ours) == set(theirs)
    for key, text in ours.items():
        forms = [text, theirs[key]]
        if not isinstance(text, list):
            found = [set().union(*map(gaps, texts_in(form))) for form in forms]
            assert found[0] == found[1], key
            assert key != "units" or set(text) == set(theirs[key])


def test_every_plural_has_both_forms_and_one_asks_for_nothing_more() -> None:
    for key, text in [*WORDS.sentences.items(), *WORDS.sentences["units"].items()]:
        if isinstance(text, dict) and key != "units":
            assert set(text) == {"one", "other"}, key
            assert gaps(text["one"]) <= gaps(text["other"]), key


def test_every_sentence_is_used_somewhere() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))
    made = re.findall(r'f"(\w*)\{[^"]*\}(\w*)"', code)
    for key in WORDS.sentences:
        is_made = any(key.startswith(head) and key.endswith(tail) and head + tail for head, tail in made)
        assert f'"{key}"' in code or f"'{key}'" in code or is_made, key


def test_every_way_to_fall_every_reason_and_every_event_has_words() -> None:
    for how in [fall.name.lower() for fall in Fall if fall != Fall.NONE]:
        assert all(WORDS.say(f"{part}_{how}", *count, place="x") for part, count in
                   (("fell", ()), ("how", (2,)), ("both", ()), ("all", ())))  # fmt: skip
    for why in [why.name.lower() for why in Why if why != Why.NONE]:
        assert WORDS.say(f"why_{why}")
        assert WORDS.say(f"reason_{why}")
    for event in Event:
        assert WORDS.say(f"event_{event.name.lower()}", place="x", men="2", post="y", province="z")


@pytest.mark.parametrize(
    ("names", "said"),
    [([], ""), (["A"], "A"), (list("AB"), "A and B"), (list("ABCD"), "A, B, C and D"),
     (list("ABCDE"), "A, B, C and 2 others")],
)  # fmt: skip
def test_few_places_are_named_and_many_are_counted(names: list[str], said: str) -> None:
    assert WORDS.listed(names, 3) == said


def test_an_unknown_language_or_sentence_is_named() -> None:
    with pytest.raises(PanjError, match="language: found 'xx'"):
        language_of("xx")
    with pytest.raises(PanjError, match=r"sentence: found 'fel'.*did you mean 'fell'"):
        WORDS.say("fel")
    with pytest.raises(PanjError, match="sentence a: found placeholder 'b'"):
        Language({"a": "{b}"}).say("a")


def test_one_fall_says_what_fell_how_and_why() -> None:
    told = texts_on(chronicle(happening("fall", "Khwahan", how="abandoned", why="dread")), DAY, WORDS)
    assert (
        told[0]
        == "Khwahan (Badakhshan) was left undefended; what weighed most was dread of what had happened elsewhere."
    )


def test_a_fall_without_a_reason_gives_none() -> None:
    told = texts_on(chronicle(happening("fall", "Khwahan", how="fought")), DAY, WORDS)
    assert told[0] == "Khwahan (Badakhshan) was taken in a fight."


def test_a_province_is_told_in_one_sentence_with_the_count_of_each_way_and_reason() -> None:
    places = zip(FACTS.district, FACTS.province, FACTS.is_capital, strict=True)
    known = [name for name, province, is_capital in places if province == "Badakhshan" and not is_capital]
    falls = [happening("fall", name, how="abandoned", why="dread") for name in known[:5]]
    falls.append(happening("fall", known[5], how="fought", why="morale"))
    told = texts_on(chronicle(*falls), DAY, WORDS)
    assert told[0].startswith(f"Badakhshan: 6 districts fell ({', '.join(known[:3])} and 3 others); ")
    assert "5 were left undefended and one was taken in a fight" in told[0]
    assert "What weighed most: dread (5) and low morale (1)." in told[0]
    assert len(told) == 2  # and who holds how many


def test_a_provincial_capital_is_told_by_itself() -> None:
    told = texts_on(chronicle(happening("fall", "Fayzabad", how="fought", why="siege")), DAY, WORDS)
    assert told[0] == "Fayzabad, the capital of Badakhshan, was taken in a fight; what weighed most was the siege."


def test_who_called_and_what_came() -> None:
    rows = [happening("call", name, who="police", men=40) for name in ("Khwahan", "Shaki")]
    told = texts_on(chronicle(*rows, happening("answer", "Shaki", men=50)), DAY, WORDS)
    assert told == [
        "2 garrisons called for help: Khwahan (Badakhshan) and Shaki (Badakhshan).",
        "50 commandos were sent to Shaki (Badakhshan).",
    ]


def test_a_night_belongs_to_the_morning_on_which_it_ends_and_posts_are_named() -> None:
    rows = [happening("crossing", "Khwahan", who="shohon", men=men) for men in (60, 44)]
    rows.append(happening("crossing", "Khwahan", who="tem", men=300))
    told = texts_on(chronicle(*rows), DAY, WORDS)
    assert told == ["On the night before 5 July, 404 soldiers crossed the Panj: 300 at Tem and 104 at Shohon."]


def test_help_that_did_not_save_a_district_is_counted_once_a_district() -> None:
    rows = [happening("answer", "Khwahan", men=50), happening("answer", "Khwahan", DAY + timedelta(days=1), men=50)]
    lost = [happening("fall", "Khwahan", DAY + timedelta(days=3), how="fought")]
    late = [
        happening("answer", "Shaki", START, men=50),
        happening("fall", "Shaki", START + timedelta(days=8), how="fought"),
    ]
    said = " ".join(story_of(chronicle(*rows, *lost, *late)).summary)
    assert "One of the districts to which help was sent fell within a week anyway." in said


def test_families_are_told_by_post_and_the_queue_by_its_longest_evening() -> None:
    told = story_of(chronicle(
        admitted_tem={DAY: 70}, people_waiting={DAY: 35}, people_displaced_total={DAY: 900}
    ))  # fmt: skip
    assert "70 members of families were admitted across the Panj: all at Tem." in told.summary
    assert "900 people left home, some of them more than once." in told.summary
    assert "The queues at the river were longest on 4 July: 35 people." in told.summary
    assert [day.date for day in told.days] == [DAY]


def test_hundreds_of_events_do_not_become_a_wall() -> None:
    places = list(zip(FACTS.district, FACTS.province, strict=True))
    rows = [
        happening(event, name, province=province, how="abandoned", why="dread", men=9, who="tem")
        for event in ("fall", "call", "answer", "capture", "surrender", "crossing", "turned_back", "return", "retaken")
        for name, province in places
    ]
    told = texts_on(chronicle(*rows), DAY, WORDS)
    capitals = int(FACTS.is_capital.sum())
    assert len(told) <= capitals + len(FACTS.provinces) + 10
    assert max(map(len, told)) < 300


def test_the_same_log_gives_the_same_story() -> None:
    rows = [happening("fall", name, how="fought", why="force") for name in ("Khwahan", "Shaki")]
    pages = {page_of(story_of(chronicle(*rows)), WORDS) for _ in range(3)}
    assert len(pages) == 1


def test_a_province_is_told_alone() -> None:
    rows = [happening("fall", "Khwahan", how="fought"), happening("fall", "Taloqan", province="Takhar", how="fought")]
    dated = (Dated(DAY, "Something for the country."), Dated(END, "On a day without anything there."))
    told = story_of(chronicle(*rows, dated=dated, admitted_ai_khanum={DAY: 35}).narrowed("Badakhshan"))
    assert [day.date for day in told.days] == [DAY]
    assert told.days[0].sentences == (
        "Assumed in this campaign: Something for the country.",
        "Khwahan was taken in a fight.",
    )


def test_nothing_simulated_is_headed_as_history() -> None:
    story = story_of(chronicle(happening("fall", "Khwahan", how="fought")))
    assert "simulated" in story.title and "free" in story.title
    page, text = page_of(story, WORDS), text_of(story, WORDS)
    assert "### 4 July 2021, simulated" in page and "\n4 July 2021, simulated\n" in text
    heads = [line for line in page.splitlines() if line.startswith("## ")]
    assert all(re.search("simulated|reported", head) for head in heads)


def test_a_campaign_that_followed_the_record_is_not_called_free() -> None:
    followed = replace(chronicle(), calibration="assimilated: 3 worlds that followed the record to 2021-06-22")
    assert not followed.is_free and "followed the record" in story_of(followed).title


def test_only_an_unchanged_reported_event_is_told_as_reported_with_its_source() -> None:
    said = (
        Dated(DAY, "Bagram is handed over.", "F015"),
        Dated(DAY, "Pay is late."),
        Dated(DAY, "So be it.", is_told=True),
    )
    reported, assumed, told = sentences_on(chronicle(dated=said), DAY, WORDS)
    assert (reported.kind, assumed.kind, told.kind) == (REPORTED, ASSUMED, ASSUMED)
    assert reported.text.startswith("Reported:") and "F015" in reported.text
    assert told.text == "So be it."


def test_a_founding_article_is_named_by_its_newspaper() -> None:
    assert name_articles("F006", WORDS) == "F006"
    assert name_articles("article 2", WORDS).startswith("The National")
    assert name_articles("articles 3 and 4", WORDS).startswith("VOA/Reuters and RFE/RL via AMN")


def test_days_are_chosen_both_ends_counted() -> None:
    rows = [happening("fall", "Khwahan", DAY + timedelta(days=day), how="fought") for day in (-2, -1, 0, 1)]
    told = story_of(chronicle(*rows).narrowed(first=DAY - timedelta(days=1), last=DAY))
    assert [day.date for day in told.days] == [DAY - timedelta(days=1), DAY]


@pytest.mark.parametrize(
    ("part", "said"),
    [({"province": "Badakshan"}, "did you mean 'Badakhshan'"), ({"first": START - timedelta(days=1)}, "from: found"),
     ({"last": END + timedelta(days=1)}, "to: found"), ({"first": DAY, "last": START}, "expected a day up to")],
)  # fmt: skip
def test_a_part_that_there_is_not_is_named(part: dict[str, object], said: str) -> None:
    with pytest.raises(PanjError, match=said):
        chronicle().narrowed(**part)  # type: ignore[arg-type]


def test_a_single_campaign_is_one_of_many_in_text_and_page() -> None:
    story = story_of(chronicle())
    for said in (text_of(story, WORDS), page_of(story, WORDS)):
        assert "one of many possible campaigns" in said
        assert WORDS.say("nothing") in said


def test_what_is_past_the_record_is_told_as_the_models_own() -> None:
    rows = [happening("fall", "Khwahan", day, how="fought") for day in (THE_LINE, THE_LINE + timedelta(days=1))]
    page = page_of(story_of(chronicle(*rows)), WORDS)
    note = page.index(WORDS.say("after_record", day="7 July 2021"))
    assert page.index("### 7 July 2021") < note < page.index("### 8 July 2021")


def test_the_record_is_labelled_and_speaks_of_the_same_days_and_place() -> None:
    label, *rows = describe_record(chronicle().narrowed("Badakhshan", DAY, DAY + timedelta(days=1)), WORDS)
    assert "not part of this campaign" in label
    evidence = {row.id: row for row in read_evidence()}
    told = [evidence[found[1]] for row in rows if (found := re.search(r"\((F\d+)\)\.$", row))]
    assert told
    assert all(DAY <= row.date_end <= THE_LINE and row.use == "calibration" for row in told)
    assert not [row for row in told if "Takhar" in row.scope]


def test_dated_losses_that_did_not_happen_in_a_campaign_are_never_counted_as_zero() -> None:
    dated = telling.fell_dates() == np.datetime64(DAY)
    lost = [name for name, here, place in zip(FACTS.district, dated, FACTS.province, strict=True)
            if here and place == "Badakhshan"]  # fmt: skip
    assert len(lost) > 1

    def told(*fallen: str) -> str:
        day = chronicle(*(happening("fall", name) for name in fallen)).narrowed("Badakhshan", DAY, DAY)
        return telling.describe_losses(day, WORDS)[0]

    def said(key: str, count: int) -> str:
        return WORDS.say(key, count, day=WORDS.day(DAY))

    assert said("record_dated_none", len(lost)) in told()
    assert said("record_dated_here", 1) in told(lost[0])
    assert said("record_dated_all", len(lost)) in told(*lost)


def test_nothing_that_ends_after_the_record_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    row = next(row for row in read_evidence() if row.use == "calibration" and row.date_end == THE_LINE)
    later = replace(row, id="F999", date_end=THE_LINE + timedelta(days=1))
    monkeypatch.setattr(telling, "evidence", lambda: {one.id: one for one in (row, later)})
    monkeypatch.setattr(telling, "describe_losses", lambda *_: [])
    whole = replace(chronicle(), start=date(2021, 5, 1), first=date(2021, 5, 1))
    told = describe_record(whole, WORDS)[1:]
    assert len(told) == 1
    assert row.id in told[0]


def test_a_terminal_shows_the_fullest_days_in_order_and_names_the_file() -> None:
    rows = [happening("call", "Khwahan", START + timedelta(days=day)) for day in range(9) for _ in range(day % 5 + 1)]
    said = text_of(story_of(chronicle(*rows)), WORDS, days=2, rows=0, path="story.md")
    assert [line for line in said.splitlines() if re.fullmatch(r"\d+ (June|July) 2021, simulated", line)] == [
        "1 July 2021, simulated",
        "2 July 2021, simulated",
    ]
    assert "2 busiest days of 9" in said
    assert "story.md" in said


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two cells of two campaigns, and a study of one campaign, of three days each."""
    folder = tmp_path_factory.mktemp("studies")
    usual = [f"results_dir={folder}", "end_date=2021-05-04", DECLARED]
    patch = pytest.MonkeyPatch()
    patch.setattr(command_line, "drawing_apart", lambda: nullcontext(no_figures))
    assert main(["-m", "reinforcement=none,as_reported", "runs=2", "seed=5", "study=two", *usual]) == 0
    assert main(["runs=1", "seed=3", "study=one", *usual]) == 0
    patch.undo()
    return folder


def test_a_campaign_of_many_is_rerun_from_its_cell_and_seed(studies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["story", str(studies / "two"), "seed=6", "cell=1"]) == 0
    settings = compose_settings(["reinforcement=as_reported", "end_date=2021-05-04", DECLARED])
    expected = events_table(rerun_campaign(settings, 6), settings.facts, settings.start_date)
    place = studies / "two" / "stories" / "cell_1_seed_6"
    assert pq.read_table(place / "events.parquet").equals(expected)
    said = capsys.readouterr().out
    assert "seed 6" in said
    assert "cell 1 (reinforcement=as_reported)" in said
    for name in ("story.txt", "story.md"):
        assert (place / name).is_file()
        assert str(place / name) in said


def test_the_evenings_of_a_campaign_rerun_are_those_of_the_study(studies: Path) -> None:
    main(["story", str(studies / "two"), "seed=6", "cell=1"])
    again = pq.read_table(studies / "two" / "stories" / "cell_1_seed_6" / "days.parquet")
    days = pq.read_table(studies / "two" / "days.parquet", filters=[("cell", "==", 1), ("seed", "==", 6)])
    days = days.select(again.column_names)  # without the swept keys
    assert again.drop_columns(["run"]).to_pydict() == days.drop_columns(["run"]).to_pydict()


def test_a_study_of_one_campaign_is_told_from_its_own_log(
    studies: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(stories, "rerun_campaign", never)
    assert main(["story", str(studies / "one")]) == 0
    assert (studies / "one" / "story.md").is_file()
    whole = (studies / "one" / "story.md").read_text()
    assert main(["story", str(studies / "one"), "province=Kabul", "from=2021-05-02"]) == 0
    assert (studies / "one" / "story_kabul_from_2021-05-02.md").is_file()
    assert (studies / "one" / "story.md").read_text() == whole
    assert "Next: python -m sim fork" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [(["seed=9"], "seed: found 9, expected a seed of the study, from 5 to 6"), (["cell=2"], "cell: found 2"),
     (["seed=x"], "seed: found 'x'"), (["provinc=Kabul"], "did you mean 'province'"), 
     (["seed=5", "seed=6"], "seed: found 'seed=6'"),
     (["elsewhere"], "story: found 2 folders"), (["from=May"], "from: found 'May'")],
)  # fmt: skip
def test_what_cannot_be_told_is_one_line(
    studies: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["story", str(studies / "two"), *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "said"),
    [("province=Badakshan", "did you mean 'Badakhshan'"), ("from=May", "from: found 'May'"),
     ("to=2021-05-09", "to: found 2021-05-09, expected a day of the campaign, from 2021-05-01 to 2021-05-04"),
     ("from=2021-04-30", "from: found 2021-04-30")],
)  # fmt: skip
def test_filters_are_checked_before_a_campaign_is_rerun(
    studies: Path, word: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(stories, "rerun_campaign", never)
    assert main(["story", str(studies / "two"), "seed=6", word]) == 2
    assert said in capsys.readouterr().err


def test_a_study_of_other_rules_is_not_rerun(studies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = studies / "two"
    here = tmp_path / "old"
    (here / "chunks").mkdir(parents=True)
    (here / "about.json").write_text((there / "about.json").read_text())
    scope = (there / "chunks" / "study.json").read_text()
    fingerprint = re.search(r'"rules_fingerprint": "(\w+)"', scope)
    assert fingerprint
    scope = re.sub(r'"fingerprint": "\w+"', '"fingerprint": "0123456789abcdef"', scope)
    scope = re.sub(r',\s*"digest": "\w+"', "", scope)
    (here / "chunks" / "study.json").write_text(scope.replace(fingerprint[1], "fedcba9876543210"))
    assert main(["story", str(here)]) == 2
    error = capsys.readouterr().err
    assert "rules_fingerprint: fedcba9876543210 there" in error
    assert not (here / "stories").exists()


def test_a_chronicle_of_some_days_keeps_the_series_of_all() -> None:
    whole = chronicle(districts_held_by_taliban={START: 30, DAY: 40})
    part = whole.narrowed(first=DAY, last=DAY)
    assert part.on(DAY, "districts_held_by_taliban") == 40
    assert replace(part, first=START, last=END).evenings is whole.evenings
