"""What an address holds is taken over, written back as it was, and refused where it is wrong."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from sim.classroom import address, hooks
from sim.classroom.address import KEYS, arrive, query_of
from sim.configuration.compose import Composer
from sim.configuration.overrides import BASELINE, Overrides

STATE = {
    hooks.chosen: BASELINE, hooks.followed: "", hooks.seed: 0, hooks.day: 0, hooks.kept: {}, hooks.own: (),
    hooks.arrivals: 0,
}  # fmt: skip


@pytest.fixture(autouse=True)
def visitor(monkeypatch):
    """A visitor who has chosen nothing, and a desk that composes settings and runs nothing."""
    composer = Composer()
    desk = SimpleNamespace(settings=composer.settings)
    monkeypatch.setattr(address, "the_desk", lambda: desk)
    for state, usual in STATE.items():
        state.set(usual)
    yield
    for state, usual in STATE.items():
        state.set(usual)


def test_the_address_of_decisions_as_reported_says_so():
    assert query_of("watch") == "choice=reported&follow=free&seed=0&evening=2021-05-01"
    assert query_of("home") == ""


@pytest.mark.parametrize(
    "query",
    [
        "choice=border=closed&follow=free&seed=7&evening=2021-07-04",
        "choice=scenario=refugee_surge&choice=rules.news.fade_days=5.0&follow=free&seed=9999&evening=2021-05-01",
        "choice=%2Bscenario.scale={news.fade_days:2.0}&follow=free&seed=1&evening=2021-06-30",
    ],
)
def test_what_an_address_holds_is_written_back_as_it_was(query):
    assert arrive(f"?{query}") == ""
    assert query_of("watch") == query
    assert hooks.arrivals.value == 1


def test_an_address_without_a_key_leaves_the_state_as_it_is():
    arrive("seed=7")
    arrive("choice=border=closed")
    arrive("")
    arrive(None)
    assert hooks.seed.value == 7 and hooks.chosen.value == Overrides.of(["border=closed"])


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("choice=border=clsed", "border:"),
        ("choice=worlds.file=x", "worlds.file:"),
        ("choice=rules.news.fade_days=900", "rules.news.fade_days:"),
        ("choice=hydra.run.dir=x", "hydra.run.dir:"),
        ("seed=10000", "Seed:"),
        ("seed=-1", "Seed:"),
        ("evening=2022-01-01", "evening:"),
        ("evening=yesterday", "evening:"),
        ("follow=tomorrow", "follow:"),
    ],
)
def test_a_wrong_value_is_refused_by_its_key_and_changes_nothing(query, key):
    before = query_of("watch")
    assert key in arrive(query)
    assert query_of("watch") == before


def test_one_wrong_value_does_not_keep_the_others_from_arriving():
    assert "Seed:" in arrive("choice=border=closed&seed=x&evening=2021-07-04")
    assert query_of("watch") == "choice=border=closed&follow=free&seed=0&evening=2021-07-04"


def test_a_text_is_kept_for_the_pages_whose_address_has_it_and_no_other():
    arrive("province=Takhar&from=2021-07-01&unknown=1")
    assert "province=Takhar" in query_of("story") and "from=2021-07-01" in query_of("story")
    assert "province" not in query_of("watch") and "unknown" not in str(dict(hooks.kept.value))


def test_every_page_with_an_address_is_a_page():
    pages = {path.stem for path in (Path(address.__file__).parent / "pages").glob("*.py")}
    assert set(KEYS) <= pages


def test_choices_that_were_run_are_remembered_once_the_newest_first_and_not_without_end():
    closed, brittle = Overrides.of(["border=closed"]), Overrides.of(["morale=brittle"])
    for one in (closed, brittle, closed, BASELINE):
        hooks.remember(one)
    assert hooks.own.value == (closed, brittle)
    for days in range(1, 20):
        hooks.remember(Overrides.of([f"rules.news.fade_days={days}"]))
    assert len(hooks.own.value) == hooks.MOST_OWN
