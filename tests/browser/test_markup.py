"""What a visitor types is text wherever the page shows it."""

from playwright.sync_api import Page, expect

from tests.browser.actions import panel_of, set_steps
from tests.browser.conftest import TIMEOUT
from tests.browser.test_board import cards, compress_run, paint_stream, points
from tests.browser.test_first_page import choose_photo, open_painting
from tests.browser.test_labs import open_lab


CAPTION = '<img src=x onerror="window.taken=1"><b>bold</b>'


def expect_text_only(page: Page) -> None:
    """The caption has become no element, and no script of it has run."""
    assert page.evaluate("window.taken") is None
    expect(page.locator('img[src="x"], img[onerror]')).to_have_count(0)


def test_a_caption_of_markup_is_text_everywhere(page, embedded, photo):
    marked = photo.with_name("<img src=x onerror=window.taken=1>.jpg")
    marked.write_bytes(photo.read_bytes())
    choose_photo(page, marked)
    open_painting(page)
    compress_run(page, embedded.presets[0], CAPTION, "0.3", 1)
    expect_text_only(page)

    panel = panel_of(page, "Session")
    expect(cards(page).first).to_contain_text(CAPTION)
    points(page).first.hover(force=True)
    expect(panel.locator(".point-card")).to_contain_text(CAPTION)
    cards(page).first.get_by_role("button").click()
    expect(panel.get_by_role("heading", name="Run 1:")).to_be_visible()
    expect_text_only(page)

    paint_stream(page, embedded.compress(photo, caption=CAPTION).to_bytes(), 2)
    said = panel_of(page, "Decode").get_by_role("button", name="What the file says")
    expect(said).to_contain_text(CAPTION)
    said.click()
    expect(page.locator("[role=tabpanel]:visible .fields")).to_contain_text(CAPTION)
    expect_text_only(page)

    lab = open_lab(page, "Caption lab", marked)
    lab.get_by_label("And the automatic caption").uncheck()
    lab.locator("#lab-captions textarea").fill(CAPTION)
    lab.get_by_role("button", name="Painting").click()
    set_steps(lab, 1)
    lab.get_by_role("button", name="Paint all").click()
    expect(lab.get_by_text("4 pictures painted.")).to_be_visible(timeout=TIMEOUT)
    expect(lab.get_by_role("heading", name=f"“{CAPTION}”")).to_be_visible()
    expect_text_only(page)
