"""A visit to the page: a photo to a file and, in the other tab, back."""

import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import LOCAL_HOSTS, TIMEOUT


def set_steps(panel: Page | Locator, steps: int = 2) -> None:
    slider = panel.get_by_label("range slider for Steps")
    number = panel.get_by_label("number input for Steps")
    slider.wait_for()
    for _ in range(20):  # A value that comes while the panel still opens is lost.
        slider.fill(str(steps))
        slider.page.wait_for_timeout(100)
        if number.input_value() == str(steps):
            return
    raise AssertionError("the slider does not keep its value")


def panel_of(page: Page, name: str) -> Locator:
    page.get_by_role("tab", name=name).click()
    return page.locator("[role=tabpanel]:visible")


def caption_of(page: Page) -> Locator:
    return page.locator("#caption textarea")


def choose_preset(page: Page, name: str) -> None:
    # The radio button itself is not seen: its card is.
    page.get_by_role("radio", name=re.compile(f"^{name}", re.IGNORECASE)).check(force=True)


def choose_photo(page: Page, path) -> None:
    page.locator("#photo input[type=file]").set_input_files(path)


def download(page: Page, button: Locator, path) -> None:
    expect(button).to_be_enabled(timeout=TIMEOUT)
    with page.expect_download() as started:
        button.click()
    started.value.save_as(path)


def toast(page: Page) -> str:
    message = page.get_by_test_id("toast-body")
    message.wait_for()
    return message.inner_text()


def test_a_photo_to_a_file_and_back(page, embedded, photo, tmp_path, requested_hosts, contacted_hosts):
    choose_photo(page, photo)
    expect(page.locator("#photo img")).to_be_visible()
    caption_of(page).fill("a red house on a green hill")
    page.get_by_text("Advanced").click()
    set_steps(page)
    page.get_by_role("button", name="Compress", exact=True).click()

    download(page, page.get_by_role("button", name="Download .pcv2"), tmp_path / "photo.pcv2")
    data = (tmp_path / "photo.pcv2").read_bytes()
    stream = embedded.read(data)
    assert stream.caption == "a red house on a green hill"
    expect(page.get_by_role("heading", name=f"photo is now {len(data)} bytes")).to_be_visible()
    download(page, page.get_by_role("button", name="Download PNG"), tmp_path / "reconstruction.png")

    panel = panel_of(page, "Decode")
    panel.locator("input[type=file]").set_input_files(tmp_path / "photo.pcv2")
    expect(panel.get_by_text("a red house on a green hill")).to_be_visible()
    expect(panel.get_by_text(f"{stream.width}×{stream.height}")).to_be_visible()
    set_steps(panel)
    panel.get_by_role("button", name="Decode", exact=True).click()
    download(page, panel.get_by_role("button", name="Download PNG"), tmp_path / "decoded.png")

    reconstruction, decoded = (
        np.asarray(Image.open(tmp_path / name).convert("RGB"), int) for name in ("reconstruction.png", "decoded.png")
    )
    assert reconstruction.shape == (stream.height, stream.width, 3)
    assert np.abs(reconstruction - decoded).max() <= 1
    assert requested_hosts <= LOCAL_HOSTS
    assert set() < contacted_hosts <= LOCAL_HOSTS


def test_an_example_needs_two_clicks(page):
    page.locator("#examples button").first.click()
    expect(caption_of(page)).not_to_have_value("")
    page.get_by_text("Advanced").click()
    set_steps(page)
    page.get_by_role("button", name="Compress", exact=True).click()
    expect(page.locator("#reconstruction img")).to_be_visible(timeout=TIMEOUT)
    expect(page.get_by_role("img", name="spatial")).to_be_visible()


def test_an_examples_caption_leaves_with_its_photo(page, photo):
    page.locator("#examples button").first.click()
    expect(caption_of(page)).not_to_have_value("")
    page.locator("#photo").get_by_label("Remove Image").click()
    choose_photo(page, photo)
    expect(caption_of(page)).to_have_value("")


@pytest.mark.parametrize("name", ["photo.jpg", "photo.png"])
def test_a_corrupt_photo_is_one_sentence(page, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"\x89PNG\r\n\x1a\n, but not really")
    choose_photo(page, path)
    message = toast(page)
    assert message.count(".") <= 2
    assert "picture" in message
    for word in ("Traceback", "Error:", "/tmp", ".py", "PIL"):
        assert word not in page.locator("body").inner_text()
    expect(page.locator("#photo img")).to_have_count(0)


def test_a_corrupt_stream_is_one_sentence(page, tmp_path):
    path = tmp_path / "junk.pcv2"
    path.write_bytes(b"bad")
    panel = panel_of(page, "Decode")
    panel.locator("input[type=file]").set_input_files(path)
    assert "The file is empty or cut short" in toast(page)
    expect(panel.get_by_role("heading", name="From bytes to a photo")).to_be_visible()


def test_no_photo_is_said(page):
    page.get_by_role("button", name="Compress", exact=True).click()
    assert "Choose a photo first." in toast(page)


def test_stop_leaves_the_page_usable(page, photo):
    choose_photo(page, photo)
    expect(page.locator("#photo img")).to_be_visible()
    page.get_by_text("Advanced").click()
    set_steps(page, 100)
    compress = page.get_by_role("button", name="Compress", exact=True)
    compress.click()
    page.get_by_text("Painting, step").wait_for(timeout=TIMEOUT)
    page.get_by_role("button", name="Stop").click()
    expect(compress).to_be_enabled()
    expect(page.get_by_role("button", name="Download PNG")).to_be_disabled()
    set_steps(page)
    compress.click()
    expect(page.locator("#reconstruction img")).to_be_visible(timeout=TIMEOUT)


def test_a_preset_brings_its_strength(page, embedded):
    page.get_by_text("Advanced").click()
    for preset in reversed(embedded.presets):
        choose_preset(page, preset)
        expected = f"{embedded.default_strength(preset):g}"
        expect(page.get_by_label("number input for Strength")).to_have_value(expected)


def test_the_dice_change_the_seed(page):
    page.get_by_text("Advanced").click()
    expect(page.get_by_label("Seed")).to_have_value("0")
    page.get_by_role("button", name="New seed").click()
    expect(page.get_by_label("Seed")).not_to_have_value("0")


def test_a_phone_needs_no_sideways_scrolling(phone, embedded):
    def overhang() -> int:
        return phone.evaluate("document.documentElement.scrollWidth - innerWidth")

    assert overhang() <= 0
    phone.locator("#examples button").first.click()
    phone.get_by_text("Advanced").click()
    set_steps(phone)
    choose_preset(phone, embedded.presets[-1])
    phone.get_by_role("button", name="Compress", exact=True).click()
    expect(phone.locator("#reconstruction img")).to_be_visible(timeout=TIMEOUT)
    assert overhang() <= 0
    panel_of(phone, "Decode")
    assert overhang() <= 0
