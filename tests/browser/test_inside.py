"""A visit to what is inside the codec, and to what the page says of itself."""

import re

from playwright.sync_api import Page, expect

from tests.browser.actions import panel_of, toast
from tests.browser.conftest import TIMEOUT


def look_inside(page: Page) -> None:
    panel = panel_of(page, "Inside the codec")
    panel.locator("#inside-examples button").first.click()
    expect(page.locator("#inside-photo img")).to_be_visible()
    page.get_by_role("button", name="Look inside").click()
    expect(page.locator("#transmission")).to_be_visible(timeout=TIMEOUT)


def step_to(page: Page, group: int) -> None:
    page.get_by_label("range slider for Groups received").fill(str(group))


def test_a_transmission_step_by_step(page, embedded):
    look_inside(page)
    text = page.locator("#transmission .step-text")
    groups = int(page.get_by_label("range slider for Groups received").get_attribute("max"))
    step_to(page, groups)
    expect(text).to_contain_text(f"Group {groups} of {groups}")
    expect(page.locator("#transmission [data-state=unknown]")).to_have_count(0)
    step_to(page, 1)
    expect(text).to_contain_text(f"Group 1 of {groups}")
    expect(page.locator("#transmission .arrived path[data-state=sent]")).to_have_count(1)
    expect(page.locator("#transmission .arrived path[data-state=unknown]")).to_have_count(groups - 1)
    page.get_by_label("range slider for Groups received").press("ArrowLeft")
    expect(text).to_contain_text("No token has arrived")

    step_to(page, 2)
    page.get_by_role("button", name="Stop here and paint").click()
    expect(page.get_by_text(re.compile(f"2 of {groups} groups, a file of \\d+ bytes"))).to_be_visible(timeout=TIMEOUT)
    expect(page.locator("#cut-picture img")).to_be_visible(timeout=TIMEOUT)
    page.get_by_role("button", name="Lose them and paint").click()
    expect(page.get_by_text(re.compile(r"\d+ of \d+ tokens lost"))).to_be_visible(timeout=TIMEOUT)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Lose them and paint")).to_be_visible()


def test_nothing_to_look_into_is_said(page):
    panel_of(page, "Inside the codec")
    page.get_by_role("button", name="Look inside").click()
    assert "Choose a photo first." in toast(page)


def test_the_page_about_itself(page, embedded):
    panel = panel_of(page, "About")
    expect(panel.get_by_role("heading", name="How it works")).to_be_visible()
    expect(panel.get_by_role("img", name="The photo goes through an autoencoder")).to_be_visible()
    expect(panel.get_by_text(embedded.identity[:16])).to_be_visible()
    panel.get_by_text("The collections and the licences they state").click()
    expect(panel.get_by_role("columnheader", name="Licence")).to_be_visible()
    expect(panel.locator(".citations textarea")).to_have_value(re.compile(r"arXiv:2503\.09368"))
