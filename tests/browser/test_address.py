"""What a visitor has chosen is in the address: a reload, Back, and a second tab show the same."""

from urllib.parse import parse_qs, urlparse

SEED_AT = "document.querySelector('.side-name')?.innerText.endsWith('seed {}')"
ADDRESS_HAS = "([key, value]) => new URLSearchParams(location.search).getAll(key).join(' ') === value"


def given(page):
    return {key: " ".join(values) for key, values in parse_qs(urlparse(page.url).query).items()}


def until(page, key, value):
    page.wait_for_function(ADDRESS_HAS, arg=[key, value])


def board(page):
    page.wait_for_selector(".panj-board .country .district")
    return page


def evening_of(page):
    return page.locator(".board-date").inner_text()


def test_an_address_opens_a_campaign_and_says_which_one_is_shown(visitor):
    page = board(visitor("watch?choice=border=closed&seed=7&evening=2021-07-04"))
    assert "4 July" in evening_of(page)
    assert page.locator(".side-name").inner_text().endswith("seed 7")
    assert "The border: Closed" in page.locator(".content").inner_text()
    assert given(page) == {"choice": "border=closed", "follow": "free", "seed": "7", "evening": "2021-07-04"}


def test_a_page_that_is_opened_without_anything_shows_what_it_shows(visitor):
    page = board(visitor("watch"))
    until(page, "choice", "reported")
    assert given(page)["seed"] == "0" and given(page)["evening"] == "2021-05-01"


def test_seed_and_evening_stay_after_a_reload(visitor):
    page = board(visitor("watch?seed=3"))
    page.locator(".panj-board input[type=range]").fill("65")
    until(page, "evening", "2021-07-05")
    page.reload()
    board(page)
    assert "5 July" in evening_of(page) and page.locator(".side-name").inner_text().endswith("seed 3")


def test_back_returns_to_the_campaign_before(visitor):
    page = board(visitor("watch?seed=3"))
    until(page, "choice", "reported")
    page.get_by_role("button", name="Again").click()
    page.wait_for_function(f"!{SEED_AT.format(3)}")
    page.wait_for_function("new URLSearchParams(location.search).get('seed') !== '3'")
    page.go_back()
    page.wait_for_function(SEED_AT.format(3))
    assert given(page)["seed"] == "3"


def test_the_campaign_goes_along_to_another_page_and_back(visitor):
    page = board(visitor("watch?seed=5&evening=2021-07-02"))
    page.get_by_role("link", name="Read this campaign").click()
    page.wait_for_function("location.pathname === '/story'")
    until(page, "to", "2021-07-07")  # what the page adds to its address is no step of its own
    page.go_back()
    board(page)
    assert given(page)["seed"] == "5" and given(page)["evening"] == "2021-07-02"
    assert "2 July" in evening_of(page)


def test_a_second_tab_with_the_address_shows_the_same(visitor):
    page = visitor("change")
    page.locator("[data-key='border'] select").select_option("closed")
    until(page, "choice", "border=closed")
    other = visitor(page.url.rsplit("/", 1)[1])
    other.wait_for_selector("[data-key='border'].panj-changed")
    assert other.locator("[data-key='border'] select").input_value() == "closed"


def test_a_wrong_address_is_said_and_changes_nothing(visitor):
    page = board(visitor("watch?choice=border=clsed&seed=x&evening=2022-01-01"))
    told = page.locator(".shell > .trouble").inner_text()
    assert "border: found 'clsed'" in told and "Seed: found 'x'" in told and "evening: found 2022-01-01" in told
    until(page, "seed", "0")
    assert given(page)["choice"] == "reported"


def test_two_choices_of_ones_own_are_compared_and_the_address_holds_both(visitor):
    page = visitor("compare?first=border=closed&second=morale=brittle")
    page.wait_for_selector(".panj-picture")
    labels = page.locator(".panj-choose select >> nth=0").locator("option").all_inner_texts()
    assert sum(label.startswith("Yours") for label in labels) == 2
    assert "The border: Closed" in page.locator(".content").inner_text()
    page.get_by_role("button", name="Swap").click()
    until(page, "first", "morale=brittle")
    until(page, "second", "border=closed")


def test_choices_that_were_run_are_offered_for_comparison(visitor):
    page = visitor("change")
    for group, name in (("border", "closed"), ("morale", "brittle")):
        page.locator(f"[data-key='{group}'] select").select_option(name)
        page.wait_for_selector(f"[data-key='{group}'].panj-changed")
        page.get_by_role("button", name="Run one campaign").click()
        page.wait_for_function("name => (sessionStorage.getItem('panj-state') || '').includes(name)", arg=name)
        page.get_by_role("button", name="Back to decisions as reported").click()
        page.wait_for_function("!document.querySelector('.panj-field.panj-changed')")
    page.get_by_role("link", name="Compare").click()
    page.wait_for_function("location.pathname === '/compare'")
    until(page, "second", "morale=brittle")
    assert given(page)["first"] == "border=closed"
    labels = page.locator(".panj-choose select >> nth=0").locator("option").all_inner_texts()
    assert sum(label.startswith("Yours") for label in labels) == 2


def test_the_part_of_a_story_is_in_the_address(visitor):
    page = visitor("story?province=Badakhshan&from=2021-07-01&to=2021-07-05")
    page.get_by_text("day by day").click()
    assert page.get_by_label("Province").input_value() == "Badakhshan"
    days = page.locator(".prose h3").all_inner_texts()
    assert days and all("July 2021" in day for day in days)
