"""Tables of the pages as files: what is chosen is what comes, and only the browser of the page gets it."""

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from sim.classroom.gate import BROWSER
from sim.classroom.parts import downloads
from sim.classroom.parts.downloads import Offer, Offers, csv
from sim.classroom.sessions.claims import Refused
from sim.study.files import csv_rows


@pytest.fixture
def offers(monkeypatch):
    found = Offers()
    monkeypatch.setattr(downloads, "the_offers", lambda: found)
    return found


def asked(table, browser, columns):
    cookies = {BROWSER: browser} if browser else {}
    client = TestClient(Starlette(routes=[Route("/csv", csv)]), cookies=cookies)
    return client.get("/csv", params={"table": table, "columns": columns})


def table(dialect):
    return csv_rows([["a", "b"], [1.5, "é"]], dialect)


def test_a_file_has_the_columns_that_its_address_names(offers):
    key = offers.put(Offer("teacher", table, "panj.csv"))
    for columns, second in (("comma .", "1.5,é"), ("semicolon ,", "1,5;é"), ("tab ,", "1,5\té"), ("comma .", "1.5,é")):
        found = asked(key, "teacher", columns)
        assert found.status_code == 200 and found.content.decode("utf-8-sig").splitlines()[1] == second
        assert found.headers["content-disposition"] == 'attachment; filename="panj.csv"'
        assert found.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("browser", ["", "student", "teachers"])
def test_the_address_of_a_file_gives_it_to_no_other_browser(offers, browser):
    key = offers.put(Offer("teacher", table, "panj.csv"))
    found = asked(key, browser, "comma .")
    assert found.status_code == 404 and "1.5" not in found.text


def test_a_browser_without_a_cookie_gets_nothing_that_was_offered_to_such_a_one(offers):
    assert asked(offers.put(Offer("", table, "panj.csv")), "", "comma .").status_code == 404


def test_a_page_that_is_closed_offers_nothing(offers):
    key = offers.put(Offer("teacher", table, "panj.csv"))
    offers.drop(key)
    assert asked(key, "teacher", "comma .").status_code == asked("", "teacher", "comma .").status_code == 404


def test_who_may_no_longer_see_a_table_gets_a_sentence(offers):
    def refused(_dialect):
        raise Refused("not_teacher")

    found = asked(offers.put(Offer("teacher", refused, "panj.csv")), "teacher", "comma .")
    assert found.status_code == 403 and "This browser has no such session" in found.text


@pytest.mark.parametrize("columns", ["", "comma ,", "<b>"])
def test_unknown_columns_are_named(offers, columns):
    found = asked(offers.put(Offer("teacher", table, "panj.csv")), "teacher", columns)
    assert found.status_code == 400 and found.text.startswith(f"columns: found {columns!r}, expected one of 'comma .'")
