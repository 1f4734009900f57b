"""What a visitor does on the page."""

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import TIMEOUT


PAINTING = re.compile("^Painting.*, step")
"""What is said while the sampler runs. At strength 0 it takes no steps."""


def set_steps(panel: Page | Locator, steps: int = 2) -> None:
    set_slider(panel, "Steps", str(steps))


def set_slider(panel: Page | Locator, label: str, value: str) -> None:
    slider = panel.get_by_label(f"range slider for {label}")
    number = panel.get_by_label(f"number input for {label}")
    slider.wait_for()
    for _ in range(20):  # A value that comes while the panel still opens is lost.
        slider.fill(value)
        slider.page.wait_for_timeout(100)
        if number.input_value() == value:
            return
    raise AssertionError("the slider does not keep its value")


def open_painting(page: Page) -> None:
    page.get_by_role("button", name="Painting").click()


def panel_of(page: Page, name: str) -> Locator:
    tab = page.get_by_role("tab", name=name, exact=True)
    if not tab.is_visible():
        page.locator(".overflow-menu > button").click()  # Where not all tabs fit, as on a phone.
        tab = page.locator(".overflow-dropdown button", has_text=name)
    tab.click()
    return page.locator("[role=tabpanel]:visible")


def caption_of(page: Page) -> Locator:
    return page.locator("#caption textarea")


def choose_preset(page: Page | Locator, name: str) -> None:
    """Leaves one rate alone, or one preset of a lab."""
    # The fields themselves are not seen: their cards are.
    one = page.get_by_role("radio", name=re.compile(f"^{name}", re.IGNORECASE))
    if one.count():
        one.check(force=True)
        return
    for card in page.locator("[data-testid$=checkbox-group] label, .choices label").all():
        is_it = card.inner_text().lower().startswith(name.lower())
        card.locator("input").set_checked(is_it, force=True)


def open_fold(page: Page | Locator, name: str) -> None:
    """Opens a fold of a result."""
    page.get_by_role("button", name=name).click()


def choose_photo(page: Page, path: Path) -> None:
    page.locator("#photo input[type=file]").set_input_files(path)
    expect(page.locator("#photo img")).to_be_visible()


def compress_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Compress", exact=True)


def expect_picture(page: Page) -> None:
    """Waits for the finished picture of a compression."""
    expect(page.locator("#comparison").get_by_text("From the file")).to_be_visible(timeout=TIMEOUT)


def compress(page: Page, path: Path, preset: str = "ultra-low") -> None:
    """A photo to a file and back, in two steps of the sampler."""
    choose_photo(page, path)
    choose_preset(page, preset)
    open_painting(page)
    set_steps(page)
    compress_button(page).click()
    expect_picture(page)


def download(page: Page, button: Locator, path: Path) -> None:
    expect(button).to_be_enabled(timeout=TIMEOUT)
    with page.expect_download() as started:
        button.click()
    started.value.save_as(path)


def toast(page: Page) -> str:
    message = page.get_by_test_id("toast-body")
    message.wait_for()
    return message.inner_text()
