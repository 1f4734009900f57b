"""A visit to the page: a photo to a file and, in the other tab, back."""

import re

import numpy as np
from PIL import Image
from playwright.sync_api import Request, expect

from tests.browser.actions import (
    PAINTING,
    caption_of,
    choose_photo,
    choose_preset,
    compress,
    compress_button,
    download,
    expect_picture,
    open_fold,
    open_painting,
    panel_of,
    set_slider,
    set_steps,
    toast,
)
from tests.browser.conftest import TIMEOUT, new_page, open_page
from tests.browser.test_board import cards, choose_axis, points
from tests.browser.test_inside import look_inside


def test_a_photo_to_a_file_and_back(page, embedded, photo, tmp_path, requested_hosts, contacted_hosts):
    choose_photo(page, photo)
    choose_preset(page, "ultra-low")
    open_painting(page)
    caption_of(page).press_sequentially("a red house on a green hill")
    set_steps(page)
    compress_button(page).click()

    download(page, page.get_by_role("button", name="Download .pcv2"), tmp_path / "photo.pcv2")
    data = (tmp_path / "photo.pcv2").read_bytes()
    stream = embedded.read(data)
    assert stream.caption == "a red house on a green hill"
    expect(page.get_by_role("heading", name=f"photo is now {len(data)} bytes")).to_be_visible()
    download(page, page.get_by_role("button", name="Download PNG"), tmp_path / "reconstruction.png")

    panel = panel_of(page, "Decode")
    panel.locator("input[type=file]").set_input_files(tmp_path / "photo.pcv2")
    expect(panel.get_by_role("heading", name=f"A picture from {len(data)} bytes")).to_be_visible()
    open_fold(panel, "What the file says: “a red house on a green hill”")
    expect(panel.locator(".fields").get_by_text(f"{stream.width}×{stream.height}")).to_be_visible()
    set_steps(panel)
    panel.get_by_role("button", name="Decode", exact=True).click()
    download(page, panel.get_by_role("button", name="Download PNG"), tmp_path / "decoded.png")

    reconstruction, decoded = (
        np.asarray(Image.open(tmp_path / name).convert("RGB"), int) for name in ("reconstruction.png", "decoded.png")
    )
    assert reconstruction.shape == (stream.height, stream.width, 3)
    assert np.abs(reconstruction - decoded).max() <= 1
    # That nothing else was asked means something: the listeners hear.
    assert requested_hosts
    assert contacted_hosts


def test_an_example_needs_two_clicks(page):
    page.locator("#examples button").first.click()
    expect(caption_of(page)).not_to_have_value("")
    open_painting(page)
    set_steps(page)
    compress_button(page).click()
    expect_picture(page)
    open_fold(page, "tokens")
    expect(page.get_by_role("img", name="spatial")).to_be_visible()


def test_an_examples_caption_leaves_with_its_photo(page, photo):
    page.locator("#examples button").first.click()
    expect(caption_of(page)).not_to_have_value("")
    page.locator("#photo").get_by_label("Remove Image").click()
    choose_photo(page, photo)
    expect(caption_of(page)).to_have_value("")


def test_a_corrupt_photo_is_one_sentence(page, tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n, but not really")
    page.locator("#photo input[type=file]").set_input_files(path)
    message = toast(page)
    assert message.count(".") <= 2
    assert "picture" in message
    for word in ("Traceback", "Error:", "/tmp", ".py", "PIL"):
        assert word not in page.locator("body").inner_text()
    expect(page.locator("#photo img")).to_have_count(0)


def test_a_foreign_file_is_one_sentence(page, embedded, pipeline, scene, photo, tmp_path):
    own = embedded.compress(scene, caption="a red house on a hill").to_bytes()
    files = {
        "short.pcv2": (b"bad", "The file is empty or cut short"),
        "damaged.pcv2": (own[:20] + bytes([own[20] ^ 1]) + own[21:], "The file is damaged"),
        "renamed.pcv2": (photo.read_bytes(), "This is not a .pcv2 file"),
        "foreign.pcv2": (pipeline.compress(scene).to_bytes(), "another model"),
    }
    panel = panel_of(page, "Decode")
    for name, (data, sentence) in files.items():
        (tmp_path / name).write_bytes(data)
        panel.locator("input[type=file]").set_input_files(tmp_path / name)
        message = page.get_by_test_id("toast-body").filter(has_text=sentence)
        expect(message).to_be_visible()
        expect(panel.get_by_role("heading", name="From bytes to a photo")).to_be_visible()
    for word in ("Traceback", "/tmp", ".py"):
        assert word not in page.locator("body").inner_text()


def test_a_failed_run_leaves_the_page_usable(page, photo):
    choose_photo(page, photo)
    open_painting(page)
    set_steps(page)
    page.get_by_role("radio", name="My own").check(force=True)
    caption_of(page).fill("щ" * 900)
    page.wait_for_timeout(1000)
    compress_button(page).click()
    assert "shorten it" in toast(page)
    expect(compress_button(page)).to_be_enabled()
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    caption_of(page).fill("a house")
    compress_button(page).click()
    expect_picture(page)


def test_every_rate_is_a_file_that_opens(page, embedded, photo):
    choose_photo(page, photo)
    open_painting(page)
    set_steps(page)
    compress_button(page).click()
    expect_picture(page)
    files = page.locator("#strip button")
    expect(files).to_have_count(len(embedded.presets))
    expect(files.first).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text(f"{len(embedded.presets)} files written and painted")).to_be_visible(timeout=TIMEOUT)
    sizes = [int(size.replace(",", "").split()[0]) for size in page.locator("#strip b").all_inner_texts()]
    assert sizes == sorted(sizes, reverse=True)
    files.last.click()
    expect(page.get_by_role("heading", name=f"photo is now {sizes[-1]} bytes")).to_be_visible()
    expect(files.last).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".tray [data-run]:not(.count)")).to_have_count(len(embedded.presets))


def test_little_is_sent_before_the_first_click(browser, server, requested_hosts):
    page = new_page(browser, requested_hosts)
    finished: list[Request] = []
    page.on("requestfinished", lambda request: finished.append(request))
    page.goto(server)
    page.locator("#examples img").first.wait_for()
    page.wait_for_timeout(1000)
    own = [request for request in finished if not re.search("/(assets|static)/", request.url)]  # Others are gradio's.
    assert own
    assert sum(request.sizes()["responseBodySize"] for request in own) <= 1_500_000
    page.close()


def test_the_result_is_seen_in_one_screen_and_other_codecs_when_asked(page, photo):
    compress(page, photo)
    for part in ("#compress-result h2", "#comparison .stage", "#strip button", "#words textarea"):
        box = page.locator(part).first.bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 900, part
    open_fold(page, "Other codecs at")
    cards = page.locator("#codecs figure")
    expect(cards).to_have_count(3, timeout=TIMEOUT)
    expect(cards.last).to_contain_text("JPEG 2000")
    page.get_by_role("button", name="Add JPEG").click()
    expect(cards.nth(3)).to_contain_text("it cannot do with less", timeout=TIMEOUT)
    page.get_by_role("button", name="Compare with JPEG 2000").click()
    expect(page.locator("#comparison .original")).to_contain_text("JPEG 2000")


def test_the_words_of_the_file_are_repainted_and_a_result_of_the_last_photo_says_so(page, photo):
    compress(page, photo)
    page.locator("#words textarea").fill("an old castle")
    page.locator("#repaint").click()
    expect(page.locator(".tray [data-run]:not(.count)")).to_have_count(2, timeout=TIMEOUT)
    expect(caption_of(page)).to_have_value("an old castle")
    expect(page.locator("#words textarea")).to_have_value("an old castle")

    stale = page.locator("#compress-result[data-stale]")
    expect(stale).to_have_count(0)
    page.get_by_role("button", name="Example: a male lion").click()
    expect(stale).to_have_count(1)
    compress_button(page).click()
    expect_picture(page)
    expect(stale).to_have_count(0)


def overhang(phone) -> int:
    return phone.evaluate("document.documentElement.scrollWidth - innerWidth")


def test_a_phone_needs_no_sideways_scrolling(phone, embedded):
    for name in ("Caption lab", "Trade-off lab", "Inside the codec", "Decode", "About", "Compress"):
        panel = panel_of(phone, name)
        assert overhang(phone) <= 0
    phone.locator("#examples button").first.click()
    open_painting(phone)
    set_steps(panel)
    choose_preset(panel, embedded.presets[-1])
    compress_button(phone).click()
    expect_picture(phone)
    assert overhang(phone) <= 0

    phone.locator(".tray .count").click()
    expect(points(phone)).to_have_count(1)
    choose_axis(phone, "Across", "Payload rate")
    choose_axis(phone, "Up", "PSNR")
    expect(points(phone)).to_have_count(3)
    assert overhang(phone) <= 0
    cards(phone).first.click()
    expect(phone.get_by_text("photo and settings are back")).to_be_in_viewport()

    look_inside(phone)
    assert overhang(phone) <= 0


def test_two_visitors_take_turns_and_stop_leaves_the_page_usable(page, photo, browser, server, requested_hosts):
    other = open_page(browser, server, requested_hosts)
    other.locator("#examples button").first.click()
    open_painting(other)
    set_steps(other)

    choose_photo(page, photo)
    open_painting(page)
    set_steps(page, 100)
    set_slider(page, "Strength", "0.5")
    compress_button(page).click()
    page.get_by_text(PAINTING).wait_for(timeout=TIMEOUT)
    compress_button(other).click()
    # The model is another's.
    expect(other.get_by_role("button", name="Download .pcv2")).to_be_disabled()
    page.get_by_role("button", name="Stop").click()
    expect(compress_button(page)).to_be_enabled()
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    expect(page.get_by_role("button", name="Download .pcv2")).to_be_enabled()
    expect_picture(other)
    shown = [visit.get_by_alt_text("The original photo").get_attribute("src") for visit in (page, other)]
    assert shown[0] != shown[1]
    expect(page.get_by_role("button", name="Download PNG")).to_be_disabled()
    set_steps(page)
    compress_button(page).click()
    expect_picture(page)
    other.close()


def test_a_photo_is_pasted(page, photo):
    page.evaluate(
        """async (data) => {
            const file = new File([Uint8Array.from(data)], "pasted.jpg", { type: "image/jpeg" });
            const clipboardData = new DataTransfer();
            clipboardData.items.add(file);
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        list(photo.read_bytes()),
    )
    expect(page.locator("#photo img")).to_be_visible()


def test_settings_before_there_is_a_photo(page, embedded):
    """The caption's bytes are counted while it is typed, the dice change the seed, and what is missing is said."""
    caption_of(page).press_sequentially("an old castle")
    size = embedded.caption_bytes("an old castle")
    expect(page.locator("#caption-cost")).to_contain_text(f"{size} bytes in the file · 13 characters")
    page.get_by_role("radio", name="None").check()
    expect(caption_of(page)).to_be_hidden()
    expect(page.locator("#caption-cost")).to_contain_text("0 bytes")
    open_painting(page)
    expect(page.get_by_label("Seed")).to_have_value("0")
    page.get_by_role("button", name="New seed").click()
    expect(page.get_by_label("Seed")).not_to_have_value("0")
    compress_button(page).click()
    assert "Choose a photo first." in toast(page)
