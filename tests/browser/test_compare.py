"""Compare: two choices, the same random draws, the same clock."""

from playwright.sync_api import expect


def bars(page):
    """Draw the outcomes of both choices instead of the differences between them, which are drawn at first."""
    page.locator(".panj-ways").get_by_role("button", name="Differences").wait_for()
    page.locator(".panj-ways").get_by_role("button", name="Bars").click()


def ready(page):
    bars(page)
    counts = "document.querySelector('.panj-distribution')?.innerText.match(/200 \\/ 200/g)?.length"
    page.wait_for_function(f"{counts} === 2", timeout=90_000)


def test_two_choices_fill_in_together_and_are_paired_by_seed(visitor, keep):
    page = visitor("compare")
    page.wait_for_selector(".panj-distribution")
    ready(page)
    text = page.locator(".content").inner_text()
    assert "200 worlds" in text and "Decisions as reported" in text and "The call is answered" in text
    keep(page, "classroom_compare")


def test_the_two_can_be_chosen_and_swapped(visitor):
    page = visitor("compare")
    page.get_by_label("Second choice").select_option("scenario=border_closed")
    bars(page)
    page.wait_for_selector(".panj-key-item:has-text('The river is closed')")
    assert page.locator(".panj-key-item").nth(1).inner_text().startswith("The river is closed")
    page.get_by_role("button", name="Swap the two").click()
    page.wait_for_function("document.querySelector('.panj-key-item')?.innerText.startsWith('The river is closed')")


def test_two_that_are_the_same_are_not_compared(visitor):
    page = visitor("compare")
    page.get_by_label("Second choice").select_option("reported")
    page.wait_for_selector(".trouble:has-text('the same')")
    assert page.locator(".panj-distribution").count() == 0


def test_the_choice_made_on_the_page_change_goes_along(visitor):
    page = visitor("change")
    page.locator("[data-key='border'] select").select_option("closed")
    page.wait_for_selector("[data-key='border'].panj-changed")
    page.locator(".pages").get_by_text("Compare", exact=True).click()
    page.wait_for_selector("text=/Yours: The border: Closed/", state="attached")
    bars(page)
    page.wait_for_selector(".panj-key-item:has-text('The border: Closed')")


def test_both_campaigns_show_the_same_day(visitor):
    page = visitor("compare")
    page.get_by_role("button", name="One day forward").wait_for()
    page.wait_for_selector("text=Evening of 1 May 2021")
    page.get_by_role("button", name="One day forward").click()
    page.wait_for_selector("text=Evening of 2 May 2021")
    expect(page.locator(".log h4", has_text="2 May, simulated")).to_have_count(2)


def test_the_page_fits_a_telephone(visitor, keep):
    page = visitor("compare", width=360)
    page.get_by_role("button", name="One day forward").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    keep(page, "classroom_compare_telephone")
