"""A picture that travels as a link or as text."""

from playwright.sync_api import expect

from percov2_demo.ui.links import stream_text
from tests.browser.actions import compress, open_fold, panel_of, set_steps, toast
from tests.browser.conftest import TIMEOUT, new_page


def test_a_link_round_trip(page, photo, server, browser, requested_hosts):
    compress(page, photo)
    open_fold(page, "Link and QR code")
    expect(page.get_by_role("note")).to_contain_text("opens on this computer alone")
    link = page.get_by_label("Link", exact=True).inner_text()
    assert link.startswith(f"{server}?s=")
    expect(page.get_by_role("img", name="QR code of the link")).to_be_visible()

    other = new_page(browser, requested_hosts)
    other.goto(link)
    # Of a link, the painting starts by itself, with the link's settings.
    expect(other.get_by_role("tab", name="Decode")).to_have_attribute("aria-selected", "true")
    expect(other.locator("#decoded img")).to_be_visible(timeout=TIMEOUT)
    panel = other.locator("[role=tabpanel]:visible")
    expect(panel.get_by_role("heading", name="A picture from")).to_be_visible()
    expect(panel.get_by_label("number input for Steps")).to_have_value("2")
    other.close()


def test_a_pasted_stream_with_another_caption(page, embedded, scene):
    stream = embedded.compress(scene, caption="a red house on a hill")
    panel = panel_of(page, "Decode")
    panel.get_by_label("Or its text, or its link").fill(stream_text(stream.to_bytes()))
    panel.get_by_role("button", name="Open").click()
    caption = panel.locator("#decode-caption textarea")
    expect(caption).to_have_value("a red house on a hill")
    caption.fill("an old castle")
    set_steps(panel)
    panel.get_by_role("button", name="Decode", exact=True).click()
    expect(panel.get_by_role("button", name="Download PNG")).to_be_enabled(timeout=TIMEOUT)


def test_a_bad_link_is_one_sentence(page, server):
    page.goto(f"{server}?s=AAAA")
    assert "The file is empty or cut short" in toast(page)
    expect(page.get_by_role("tab", name="Compress")).to_have_attribute("aria-selected", "true")
