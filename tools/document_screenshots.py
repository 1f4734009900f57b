"""The README's screenshots of the app with its own examples; `python -m tools.document_screenshots` takes them."""

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from percov2_demo import PerCoV2Pipeline
from percov2_demo.ui.demo import build_demo, launch_options
from tests.browser.actions import choose_preset, compress_button, expect_picture, panel_of
from tests.browser.conftest import CHROMIUM, FLAGS, TIMEOUT


FOLDER = Path(__file__).parent.parent / "assets" / "screenshots"
LION, CHEETAH = 2, 3
"""Numbers of the page's examples."""


def open_page(browser: Browser, url: str, theme: str, width: int = 1440, height: int = 1000) -> Page:
    """A window on the page in a theme."""
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(TIMEOUT)
    page.goto(f"{url}?__theme={theme}")
    page.locator("#examples").wait_for()
    page.wait_for_timeout(1000)  # Only then it is known which tabs have room.
    return page


def compress_example(page: Page, number: int, preset: str) -> None:
    """Paints one of the page's examples, with its caption."""
    page.locator("#examples button:has(img)").nth(number).click()
    page.locator("#photo img").wait_for()
    page.wait_for_timeout(1500)
    choose_preset(page, preset)
    compress_button(page).click()
    page.get_by_role("button", name="Stop").wait_for()
    expect_picture(page)
    page.get_by_role("button", name="Stop").wait_for(state="hidden")


def take(page: Page, name: str) -> None:
    """Keeps what the window shows."""
    page.wait_for_timeout(2500)
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        picture.convert("RGB").save(FOLDER / f"{name}.jpg", quality=88)


def take_all(browser: Browser, url: str) -> None:
    """Walks through the page."""
    page = open_page(browser, url, "light")
    compress_example(page, LION, "Extreme-low")
    page.evaluate("window.scrollTo(0, 0)")
    take(page, "compress")
    for preset in ("Low", "Ultra-low"):
        compress_example(page, LION, preset)
    compress_example(page, CHEETAH, "Low")
    panel_of(page, "Session")
    page.evaluate("window.scrollTo(0, 0)")
    take(page, "session")

    page = open_page(browser, url, "dark")
    panel = panel_of(page, "Trade-off lab")
    panel.locator("[id$=examples] button").nth(LION).click()
    page.wait_for_timeout(1500)
    panel.get_by_text("low", exact=True).click()
    panel.get_by_role("button", name="Run the sweep").click()
    expect(panel.get_by_text("pictures painted.")).to_be_visible(timeout=4 * TIMEOUT)
    take(page, "trade-off")

    page = open_page(browser, url, "dark", width=390, height=844)
    compress_example(page, CHEETAH, "Extreme-low")
    take(page, "phone")


def main() -> None:
    """Serves the app and takes the pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    pipeline = PerCoV2Pipeline.from_pretrained()
    pipeline.set_progress_bar_config(disable=True)
    demo = build_demo(pipeline)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    with sync_playwright() as playwright:
        take_all(playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS), url)
    demo.close()


if __name__ == "__main__":
    main()
