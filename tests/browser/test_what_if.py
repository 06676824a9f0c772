"""What if, in a browser: one evening, one decision, two campaigns by one clock with the same random draws."""

import re

import pytest
from playwright.sync_api import expect

FIRST_TIME = 60_000  # milliseconds: a day's step is compiled once
PAIRS_TIME = 240_000  # milliseconds for 200 pairs on a busy machine


@pytest.fixture
def forked(visitor):
    """A page on which the border closes after 2 July."""

    def ask(change="border=closed", evening="2021-07-02", **window):
        page = visitor("what_if", **window)
        page.get_by_label("Find an evening and an outcome for me").uncheck()
        page.locator("input[type=date]").fill(evening)
        page.get_by_label("Decision", exact=True).select_option(change)
        page.get_by_role("button", name="Run both versions").click()
        page.wait_for_selector(".panj-board .country .district", timeout=FIRST_TIME)
        return page

    return ask


def go_to(page, day):
    page.locator(".panj-board input[type=range]").fill(str(day))


def test_both_campaigns_go_by_one_clock(forked):
    page = forked()
    expect(page.locator(".panj-board svg.country")).to_have_count(2)
    go_to(page, 64)
    heads = page.locator(".log h4").all_inner_texts()
    assert [head.split(":")[0] for head in heads] == ["4 July, simulated"] * 2
    page.get_by_role("button", name="One day forward").click()
    heads = page.locator(".log h4").all_inner_texts()
    assert [head.split(":")[0] for head in heads] == ["5 July, simulated"] * 2


def test_nothing_differs_up_to_the_evening_and_it_is_said_what_differs_first(forked, keep):
    page = forked()
    told = page.locator(".content .prose", has_text="The first event that differs").first.inner_text()
    first = re.search(r"The first event that differs is on (\d+ \w+) 2021", told)
    assert first and "Only in the unchanged campaign:" in told
    assert page.locator(".board-date").inner_text().startswith(f"Evening of {first[1]} 2021")
    for day in (10, 40, 62):  # 2 July is day 62
        go_to(page, day)
        one, other = page.locator(".log").all_inner_texts()
        assert one == other
        assert "0 districts are held by different sides" in page.locator(".panj-board").inner_text()
    go_to(page, 66)
    keep(page, "what_if", whole=True)


def test_the_closed_border_lets_nobody_over_after_that_evening(forked):
    page = forked()
    for day in range(63, 68):
        go_to(page, day)
        for row in page.locator(".posts-table tbody tr").all():
            cells = row.locator("td").all_inner_texts()
            if len(cells) == 6:
                assert cells[4] == cells[5] == "0"


def test_both_curves_are_drawn_with_the_evening_and_what_was_reported(forked):
    page = forked()
    for curve in page.locator(".curve").all()[:2]:
        expect(curve.locator(".curve-line")).to_have_count(2)
        expect(curve.locator(".fork")).to_have_count(1)
        assert curve.locator(".reported").count() > 0


def test_outcomes_and_stories_stand_side_by_side(forked):
    page = forked()
    assert page.locator("table.table thead th").all_inner_texts() == [
        "outcome", "reported", "unchanged", "with the change", "difference",
    ]  # fmt: skip
    assert page.locator("table.table tbody tr").count() > 10
    assert {"Unchanged", "With the change"} & set(page.locator(".twofold strong").all_inner_texts())
    assert "not how it usually does" in page.locator(".content").inner_text()


def test_a_decision_that_changes_nothing_says_so(visitor):
    page = visitor("what_if")
    page.get_by_label("Find an evening and an outcome for me").uncheck()
    page.locator("input[type=date]").fill("2021-07-06")
    page.get_by_label("Decision", exact=True).select_option("mobilisation=early")
    page.get_by_role("button", name="Run both versions").click()
    page.wait_for_selector("text=found nothing that 'mobilisation=early' changes", timeout=FIRST_TIME)
    page.get_by_label("Decision", exact=True).select_option("border=closed")
    page.get_by_role("button", name="Run both versions").click()
    page.wait_for_selector(".panj-board .country .district", timeout=FIRST_TIME)


def test_it_can_be_read_on_a_telephone(forked, keep):
    page = forked(width=360, height=740)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    keep(page, "what_if_360", whole=True)


def test_every_pair_is_a_dot_and_what_is_shown_says_how_many_runs_of_which_kind(forked):
    page = forked()
    page.get_by_text(re.compile("200 pairs of runs, (free|calibrated|assimilated)")).wait_for(timeout=PAIRS_TIME)
    expect(page.locator("svg.panj-pairs > circle")).to_have_count(200)
    page.get_by_role("button", name="Bars").click()
    assert page.locator("svg.panj-pairs").count() == 0
    page.locator(".panj-choose").get_by_label("Outcome", exact=True).select_option("peak_queue")
    page.get_by_role("heading", name="Longest queue").wait_for()


def test_outcomes_are_in_groups(forked):
    page = forked()
    groups = page.locator(".panj-choose optgroup")
    groups.first.wait_for(state="attached")
    assert groups.count() >= 3


def test_an_evening_with_a_clear_answer_is_found_and_the_200_pairs_agree(visitor, keep):
    page = visitor("what_if")
    page.get_by_label("Decision", exact=True).select_option("border=closed")
    page.get_by_role("button", name="Run both versions").click()
    page.get_by_text("is the latest evening tried on which").wait_for(timeout=PAIRS_TIME)
    page.get_by_text("200 pairs of runs").wait_for(timeout=PAIRS_TIME)
    page.get_by_text("A clear difference").wait_for()
    keep(page, "what_if_pairs", whole=True)


def test_the_help_says_what_the_decision_does_from_that_evening_on(visitor):
    page = visitor("what_if")
    for decision, said in (
        ("air_support=ends_1_may", "ends the next morning"),
        ("border=closed", "From the next morning on"),
    ):
        page.get_by_label("Decision", exact=True).select_option(decision)
        page.locator(".sheet-field small", has_text=said).wait_for()
