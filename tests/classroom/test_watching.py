"""What a browser is given of a campaign is the campaign: holders, posts, curves, the log, the record to its line."""

import json
import re
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
import shapely

from sim.classroom import player
from sim.classroom.pages import story as story_page
from sim.classroom.pages import what_if
from sim.classroom.parts.map import texts_of_map
from sim.classroom.parts.questions import MOST, listed, read_seed
from sim.classroom.parts.sheet import LONGEST, read_day
from sim.classroom.texts import texts_of
from sim.configuration.compose import compose_settings
from sim.configuration.overrides import Override, Overrides, parse
from sim.data import record
from sim.data.evidence import read_evidence
from sim.data.facts import THE_LINE, read_facts, read_falls
from sim.engine.campaign import Series
from sim.engine.world import Fall, Holder, Why
from sim.errors import PanjError
from sim.execution.rerun import rerun_campaign
from sim.plots import colours
from sim.provenance import CALIBRATED
from sim.story.telling import sentences_on
from sim.study.columns import events_table
from sim.wording import language_of

CHOICE = Overrides.of((
    "calibration=as_declared", "start_date=2021-06-28", "end_date=2021-07-12",
    "rules.parley.intercept=4", "rules.retreat.post_km=1000",  # who is talked to gives up; who flees can cross
))  # fmt: skip
SEED, CHANGE, DAY = 3, Override.of("border", "closed"), date(2021, 7, 4)
WORDS = language_of()
FACTS = read_facts()
CLASSROOM = Path(player.__file__).parent


@pytest.fixture(scope="module")
def settings():
    return compose_settings([*CHOICE.words, "daily=false"])


@pytest.fixture(scope="module")
def campaign(settings):
    return rerun_campaign(settings, SEED)


@pytest.fixture(scope="module")
def chronicle(campaign, settings):
    return player.chronicle_from(campaign, settings, player.said_of(settings, SEED))


@pytest.fixture(scope="module")
def film(campaign, settings, chronicle):
    return json.loads(player.film_of(campaign, settings, chronicle, WORDS))


@pytest.fixture(scope="module")
def evening(campaign, settings):
    """The last before the first night on which soldiers cross."""
    first = int(np.flatnonzero(campaign.record.crossed.sum(axis=1))[0])
    return settings.start_date + timedelta(days=first - 1)


@pytest.fixture(scope="module")
def forked(evening):
    return player.fork(CHOICE, SEED, evening, CHANGE)


def held_on(film, day):
    """As the browser counts it: the last change of a district up to a day."""
    last = {district: way for evening, district, way, _ in film["changes"] if evening <= day}
    return {district for district, way in last.items() if way != player.WON_BACK}


def test_the_changes_give_every_holder_of_every_evening(film, campaign):
    holder = campaign.record.holder
    assert film["evenings"] == len(holder)
    for day, row in enumerate(holder):
        assert held_on(film, day) == set(np.flatnonzero(row == Holder.TALIBAN).tolist())


def test_a_way_of_falling_and_its_reason_are_those_of_the_log(film, campaign, settings):
    log = events_table(campaign, settings.facts, settings.start_date).to_pylist()
    falls = {
        (row["date"].date(), row["district_id"]): (row["how"], row["why"]) for row in log if row["event"] == "fall"
    }
    told = [one for one in film["changes"] if one[2] not in (player.HELD_FROM_THE_START, player.WON_BACK)]
    assert told
    for day, district, way, why in told:
        key = settings.start_date + timedelta(days=day), FACTS.district_id[district]
        assert falls[key] == (Fall(way).name.lower(), Why(why).name.lower())


def test_only_what_is_held_on_the_first_evening_has_no_way_of_falling(film, campaign):
    first = set(np.flatnonzero(campaign.record.holder[0] == Holder.TALIBAN).tolist())
    without = {(day, district) for day, district, way, _ in film["changes"] if way == player.HELD_FROM_THE_START}
    assert without <= {(0, district) for district in first}


def test_queues_soldiers_and_families_are_those_of_the_record(film, campaign):
    assert film["waiting"] == campaign.record.waiting.tolist()
    assert film["soldiers"] == campaign.record.crossed.tolist()
    assert film["families"] == campaign.record.admitted.tolist()


def test_a_curve_counts_a_night_on_the_morning_on_which_it_ends(film, campaign):
    nights = campaign.record.crossed.sum(axis=1)
    assert nights.sum() > 0
    assert film["curves"]["crossed"] == [int(nights[:day].sum()) for day in range(len(nights))]
    assert film["curves"]["held"] == campaign.record.series[:, Series.DISTRICTS_HELD_BY_TALIBAN].tolist()


def test_the_log_of_a_day_is_what_a_story_tells_of_it(film, chronicle):
    days = [chronicle.start + timedelta(days=day) for day in range(film["evenings"])]
    assert film["log"] == [[list(one) for one in sentences_on(chronicle, day, WORDS)] for day in days]
    told = {day.date: list(day.sentences) for day in story_page.story_of(chronicle).days}
    shown = {day: [text for _, text in lines] for day, lines in zip(days, film["log"], strict=True) if lines}
    assert shown == told


def test_a_film_slows_where_districts_fall_or_soldiers_cross(film, campaign):
    held = campaign.record.holder == Holder.TALIBAN
    changed = np.concatenate([[0], (held[1:] != held[:-1]).sum(axis=1)])
    crossed = campaign.record.series[:, Series.TROOPS_CROSSED]
    holds = np.array(film["holds"])
    assert len(holds) == film["evenings"] and holds.max() <= player.LONGEST_HOLD
    assert ((holds == 1) == ((changed == 0) & (crossed == 0))).all()
    assert (holds > 1).any()


def test_a_map_names_every_provincial_capital_the_largest_first():
    cities = json.loads(player.shapes())["cities"]
    rows = [row for row, is_capital in enumerate(FACTS.is_capital) if is_capital]
    assert [name for name, *_ in cities] == [
        FACTS.district[row] for row in sorted(rows, key=lambda row: -FACTS.population[row])
    ]


def test_a_film_says_whether_its_campaign_is_free(film, settings):
    assert settings.worlds is None and film["followed"] is False
    assert film["numbers"] in (CALIBRATED, player.UNFITTED)


def test_the_record_is_drawn_by_its_dates_and_none_is_past_the_line(film, settings):
    fell = read_falls().fell_date
    assert len(film["lost"]) == int((~np.isnat(fell)).sum()) > 0
    for day, district in film["lost"]:
        assert settings.start_date + timedelta(days=day) == fell[district].astype(date) <= THE_LINE
    assert film["line"] == (THE_LINE - settings.start_date).days


def test_a_loss_dated_past_the_line_would_never_be_drawn(monkeypatch):
    dates = np.array(["2021-07-08", "NaT", "2021-07-07"], dtype="datetime64[D]")
    for module in (player, record):
        monkeypatch.setattr(module, "fell_dates", lambda: dates)
    assert player.losses_by_day(date(2021, 7, 1)) == [[6, 2]]


def test_what_was_reported_is_in_the_evidence_and_within_the_record(film, settings):
    evidence = {row.id: row for row in read_evidence()}
    points = [point for curve in film["reported"].values() for point in curve]
    assert points
    for day, value, low, high, _, code in points:
        assert settings.start_date + timedelta(days=day) == evidence[code].date_end <= THE_LINE
        assert low <= value <= high


def test_the_evidence_that_a_curve_names_is_the_evidence_that_it_draws():
    whole = player.points_by_curve(date(2021, 5, 1), 134)
    for name, points in whole.items():
        named = set(re.findall(r"F\d+", texts_of("map").say(f"map_curve_{name}_source")))
        drawn = {point[5] for point in points}
        assert drawn <= named, name


def test_the_same_seed_gives_the_same_film_to_the_last_letter(campaign, settings, chronicle):
    again = rerun_campaign(settings, SEED)
    said = player.said_of(settings, SEED)
    other = player.film_of(again, settings, player.chronicle_from(again, settings, said), WORDS)
    assert other == player.film_of(campaign, settings, chronicle, WORDS)


def test_shapes_and_a_film_are_small_on_the_wire(film):
    assert len(player.shapes()) < 150_000
    day = len(player.compact(film)) / film["evenings"]
    assert day * 134 < 150_000  # of a whole campaign, which has fuller days before and after these


def test_every_district_has_a_shape_and_is_within_it():
    shown = json.loads(player.shapes())
    assert [one[0] for one in shown["districts"]] == list(FACTS.district)
    for name, _, _, _, east, south, path in shown["districts"]:
        rings = [np.array(re.findall(r"-?\d+", ring), int).reshape(-1, 2) for ring in path.split("z")[:-1]]
        land = shapely.union_all([shapely.make_valid(shapely.Polygon(np.cumsum(ring, axis=0))) for ring in rings])
        assert land.distance(shapely.Point(east, south)) <= player.UNITS, name
    assert [post[3] for post in shown["posts"]] == FACTS.post_district.tolist()


def test_every_path_can_be_read_to_its_end():
    shown = json.loads(player.shapes())
    paths = [shown[name] for name in ("abroad", "home", "borders", "river")] + [one[6] for one in shown["districts"]]
    for path in paths:
        assert re.fullmatch(r"(M-?\d+[ -]-?\d+l(?:[ -]?\d+)+z?)+", path), path[:80]
    assert player.path_of([np.array([(0.0, 0.0), (0.1, 0.1)])], np.zeros(2)) == ""


def test_a_path_keeps_a_hole_and_a_line_stays_open():
    outer, hole = ([(0, 0), (9, 0), (9, 0.01), (9, 9), (0, 0)], [(3, 3), (6, 3), (6, 6), (3, 3)])
    path = player.path_of([np.array(outer), np.array(hole), np.array(outer[:2])], np.array([0.0, 9.0]))
    assert path == "M0 18l18 0 0-18zM6 12l6 0 0-6zM0 18l18 0"


def test_both_branches_are_the_same_to_the_evening_and_part_after_it(forked, film, settings, evening):
    before, after = (json.loads(one) for one in forked.films)
    assert before == film
    assert forked.day == (evening - settings.start_date).days
    for key in ("waiting", "soldiers", "families", "log"):
        assert before[key][: forked.day + 1] == after[key][: forked.day + 1], key
    assert [one for one in before["changes"] if one[0] <= forked.day] == [
        one for one in after["changes"] if one[0] <= forked.day
    ]
    assert sum(map(sum, after["soldiers"][forked.day + 1 :])) == 0 < sum(map(sum, before["soldiers"][forked.day + 1 :]))


def test_the_first_day_that_differs_is_found_and_told(forked, settings):
    before, after = (json.loads(one) for one in forked.films)
    first = forked.first_day
    assert first > forked.day
    day = settings.start_date + timedelta(days=first)
    assert forked.first[0] == WORDS.say("fork_first", day=WORDS.day(day, year=True))
    assert before["log"][:first] == after["log"][:first]
    assert forked.days[0].date == day


def test_outcomes_stand_side_by_side_with_what_was_reported(forked):
    by_label = {row[0]: row[1:] for row in forked.outcomes}
    _, before, after, difference = by_label["Soldiers who crossed up to the last day (soldiers)"]
    numbers = [int(text.replace(",", "")) for text in (before, after, difference)]
    assert numbers[1] - numbers[0] == numbers[2] < 0
    assert any(re.search(r"F\d+", row[1]) for row in forked.outcomes)


@pytest.mark.parametrize(
    ("evening", "change", "said"),
    [(date(2021, 7, 12), "border=closed", "day: found 2021-07-12, expected a day from 2021-06-28 to 2021-07-11"),
     (DAY, "border=as_reported", "found nothing that 'border=as_reported' changes"),
     (DAY, "seed=4", "applies to a whole campaign"), (DAY, "border=shut", "border")],
)  # fmt: skip
def test_a_fork_that_cannot_be_is_refused_in_words(evening, change, said):
    with pytest.raises(PanjError, match=said):
        player.fork(CHOICE, SEED, evening, parse(change))


def test_a_decision_that_is_not_of_the_list_is_not_even_tried():
    for found in ("rules.news.fade_days=5", "border=../../x", "", "scenario=july_2021", "theory=none"):
        with pytest.raises(PanjError, match="expected one from the list"):
            what_if.read_asked({"evening": "2021-07-04", "decision": found})
    with pytest.raises(PanjError, match="day: found 'July'"):
        what_if.read_asked({"evening": "July", "decision": CHANGE.text})
    given = {"evening": "2021-07-04", "decision": CHANGE.text, "outcome": "peak_queue"}
    assert what_if.read_asked(given) == what_if.ForkRequest(CHANGE, date(2021, 7, 4), "peak_queue")


@pytest.mark.parametrize("given", ["", "-1", "10000", "1e3", "3.0", "0x1", "seven", "9" * 400])
def test_a_seed_that_is_none_is_refused_with_what_was_found(given):
    with pytest.raises(PanjError, match=f"expected a whole number from 0 to {MOST}") as error:
        read_seed(given)
    assert len(str(error.value)) < 100


def test_a_seed_is_a_whole_number_with_or_without_space_around_it():
    assert [read_seed(text) for text in ("0", " 42 ", str(MOST))] == [0, 42, MOST]


def test_nothing_of_a_sentence_becomes_part_of_the_page():
    assert "<b>" not in listed(["<b>x</b>"]) and "&lt;b&gt;" in listed(["<b>x</b>"])
    with pytest.raises(PanjError):
        read_day("from", "x" * LONGEST)


def test_a_part_of_the_story_that_there_is_not_is_named(chronicle, monkeypatch):
    monkeypatch.setattr(story_page, "chronicle_for", lambda *_: chronicle)
    for asked, said in (
        ({"province": "Badakshan"}, "the nearest are Badakhshan"),
        ({"from": "2021-05-01"}, "from: found 2021-05-01"),
    ):
        with pytest.raises(PanjError, match=said):
            story_page.tell({"province": "", "from": "", "to": "", **asked}, SEED)


def test_a_story_of_a_province_tells_of_no_other(chronicle, monkeypatch):
    monkeypatch.setattr(story_page, "chronicle_for", lambda *_: chronicle)
    told = story_page.tell({"province": "Badakhshan", "from": "", "to": ""}, SEED)
    others = set(FACTS.provinces) - {"Badakhshan"}
    shown = story_page.days_in_html(told)
    assert told.days and not [name for name in others if f"({name})" in shown]


@pytest.mark.parametrize("page", ["map", "watch", "story", "what_if"])
def test_every_sentence_of_a_page_is_used(page):
    own = (CLASSROOM / "text" / "en" / f"{page}.yaml").read_text(encoding="utf-8")
    keys = re.findall(r"^(\w+):", own, re.MULTILINE)
    paths = [*CLASSROOM.glob("pages/*.py"), *CLASSROOM.glob("parts/**/*.py"), CLASSROOM / "parts" / "map.vue"]
    code = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    made = re.findall(r"`(map_\w+_)\$\{", code) + re.findall(r"'(map_)' \+ what", code)
    made += re.findall(r'say\(f"(\w+_)\{', code)
    for key in keys:
        assert f'"{key}"' in code or f"'{key}'" in code or any(key.startswith(head) for head in made), key


def test_every_sentence_that_the_browser_says_is_there():
    code = (CLASSROOM / "parts" / "map.vue").read_text(encoding="utf-8")
    said = set(re.findall(r"say\('(\w+)'[,)]", code)) | set(re.findall(r"\? '(map_\w+)' : '(?:map_\w+)'", code))
    assert len(said) > 30
    assert not said - set(texts_of_map())
    for why in Why:
        assert bool(texts_of_map()["whys"][why]) == (why != Why.NONE)


def test_the_map_has_the_colours_of_the_figures():
    code = (CLASSROOM / "parts" / "map.vue").read_text(encoding="utf-8")
    used = set(re.findall(r"var\(--(\w+)\)", code))
    assert used and all(hasattr(colours, name.upper()) for name in used)
