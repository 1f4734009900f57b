"""A visit to the labs."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.actions import caption_of, compress_button, open_fold, open_painting, panel_of, set_steps
from tests.browser.conftest import TIMEOUT
from tests.browser.test_board import archive_of, cards, expect_runs, settings_of, table_of


def open_lab(page: Page, name: str, photo) -> Locator:
    panel = panel_of(page, name)
    panel.locator("[id$=photo] input[type=file]").set_input_files(photo)
    expect(panel.locator("[id$=photo] img")).to_be_visible()
    return panel


def choose(panel: Locator, setting: str, *values: str) -> None:
    """Leaves exactly these values of a setting checked."""
    # The groups have no accessible name in gradio 6.31.
    group = panel.locator(".sweep-values fieldset").filter(has_text=setting)
    expect(group).to_have_count(1)
    boxes = group.get_by_role("checkbox").all()
    labels = [box.evaluate("box => box.labels[0].innerText.trim()") for box in boxes]
    assert set(values) <= set(labels)
    for box, label in zip(boxes, labels, strict=True):
        box.set_checked(label in values)


def test_captions_paint_their_own_pictures(page, embedded, photo, tmp_path):
    panel = open_lab(page, "Caption lab", photo)
    panel.get_by_label("And the automatic caption").uncheck()
    panel.locator("#lab-captions textarea").fill("a red house\nan <i>old</i> castle")
    expect(panel.get_by_text("5 pictures to decode")).to_be_visible()
    panel.get_by_role("button", name="Painting").click()
    set_steps(panel)
    panel.get_by_role("button", name="Paint all").click()
    expect(panel.get_by_role("button", name="Stop")).to_be_visible()
    expect(panel.get_by_text("5 pictures painted.")).to_be_visible(timeout=TIMEOUT)
    for title in ("No caption", "“a red house”", "“an <i>old</i> castle”"):
        expect(panel.get_by_role("heading", name=title)).to_be_visible()
    stream = embedded.compress(photo, caption="a red house")
    expect(panel.get_by_text(f"{8 * stream.part_sizes.caption} bits of text")).to_be_visible()
    expect(panel.get_by_text(re.compile(r"Changes the picture by .* other noise alone, by [\d.]+ ± "))).to_have_count(
        2
    )
    expect(panel.get_by_text("follows words for light")).to_be_visible()

    panel.get_by_role("button", name="Compare run 3").click()
    expect(panel.get_by_alt_text("B: 3: “an <i>old</i> castle”")).to_be_visible()
    expect(panel.locator(".painted:visible")).to_have_count(3)
    panel.get_by_role("radio", name="What changed").check(force=True)
    expect(panel.locator(".difference:visible")).to_have_count(2)
    expect(panel.locator(".painted:visible")).to_have_count(1)
    peak = panel.get_by_label("number input for Lightest in the maps")
    peak.fill("8")
    peak.press("Enter")
    expect(panel.get_by_text("8 and more of 255 levels")).to_be_visible()
    archive = archive_of(panel, tmp_path / "captions.zip")
    assert [row["noise_floor_seeds"] for row in table_of(archive)] == ["", "2", "2", "2", "2"]
    assert [run["map"]["maximum"] for run in settings_of(archive) if "map" in run] == [8, 8]
    assert sum(name.startswith("maps/") for name in archive.namelist()) == 2


def test_a_sweep_is_points_to_click_and_to_take_away(page, photo, tmp_path):
    panel = open_lab(page, "Trade-off lab", photo)
    panel.locator("#tradeoff-lab-caption textarea").fill("a red house on a green hill")
    choose(panel, "Steps", "1", "2")
    choose(panel, "Guidance scale", "1", "3")
    expect(panel.get_by_text("4 pictures to decode, 6 steps in all")).to_be_visible()
    panel.get_by_role("button", name="Run the sweep").click()
    expect(panel.get_by_text("4 pictures painted.")).to_be_visible(timeout=TIMEOUT)
    points = panel.locator("#tradeoff-plot .scatterlayer .point")
    expect(points).to_have_count(4)
    expect(panel.locator("#tradeoff-plot .textpoint").first).to_have_text(re.compile(r"guidance \d|\d steps?"))

    rows = table_of(archive_of(panel, tmp_path / "sweep.zip"))
    assert {(row["steps"], row["guidance"]) for row in rows} == {(s, g) for s in "12" for g in "13"}

    points.last.scroll_into_view_if_needed()
    box = points.last.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    card = panel.locator(".point-card")
    expect(card.locator("img")).to_have_attribute("src", re.compile("^gradio_api/file="))
    label = card.inner_text()
    page.mouse.down()
    page.mouse.up()
    number = re.search(r"Run \d+", label).group()
    expect(panel.get_by_role("heading", name=f"{number}:")).to_be_visible()
    expect(panel.locator("#tradeoff-picture .result img")).to_be_visible()

    panel_of(page, "Session")
    expect(cards(page)).to_have_count(4)
    expect(page.locator("#board-plot .scatterlayer .point")).to_have_count(4)


def test_samples_show_where_the_decoder_invents(page, photo):
    panel = open_lab(page, "Trade-off lab", photo)
    panel.get_by_role("radio", name="Samples").check(force=True)
    choose(panel, "Steps", "1")
    seeds = panel.get_by_label("number input for Seeds")
    expect(seeds).to_have_value("8")
    seeds.fill("2")
    seeds.press("Enter")
    expect(panel.get_by_text("2 pictures to decode, 2 steps in all")).to_be_visible()
    panel.get_by_role("button", name="Run the sweep").click()
    expect(panel.get_by_alt_text("Where the decoder invents")).to_be_visible(timeout=TIMEOUT)
    expect(panel.get_by_alt_text("Mean of the samples")).to_be_visible()


def test_stop_keeps_the_lab_usable(page, tmp_path, photo):
    panel = open_lab(page, "Trade-off lab", photo)
    choose(panel, "Steps", "1", "50")
    panel.get_by_role("button", name="Run the sweep").click()
    panel.get_by_text("Painting 2 of 2").wait_for(timeout=TIMEOUT)
    panel.get_by_role("button", name="Stop").click()
    expect(panel.get_by_text("Stopped after 1 picture.")).to_be_visible()
    assert [row["steps"] for row in table_of(archive_of(panel, tmp_path / "sweep.zip"))] == ["1"]
    choose(panel, "Steps", "1")
    panel.get_by_role("button", name="Run the sweep").click()
    expect(panel.get_by_text("1 picture painted.")).to_be_visible(timeout=TIMEOUT)


def test_settings_of_compress_come_along_until_the_lab_has_its_own(page):
    compress = panel_of(page, "Compress")
    open_fold(compress, "Painting")
    compress.get_by_label("Seed", exact=True).fill("7")
    compress.get_by_label("Seed", exact=True).blur()
    lab = panel_of(page, "Caption lab")
    open_fold(lab, "Painting")
    expect(lab.get_by_label("Seed", exact=True)).to_have_value("7")
    lab.get_by_label("Seed", exact=True).fill("9")
    lab.get_by_label("Seed", exact=True).blur()
    panel_of(page, "Compress")
    expect(panel_of(page, "Caption lab").get_by_label("Seed", exact=True)).to_have_value("9")
    expect(panel_of(page, "Decode").get_by_label("Seed", exact=True)).to_have_value("7")


def photo_of(panel: Locator) -> Locator:
    return panel.locator("[id$=photo] img")


def test_the_photo_that_was_chosen_last_is_that_of_all_tabs(page, photo):
    page.get_by_role("button", name="Example: a male lion").click()
    expect(caption_of(page)).to_have_value(re.compile("lion"))
    open_painting(page)
    set_steps(page, 1)
    compress_button(page).click()
    expect_runs(page, 3)
    lion = photo_of(page.locator("[role=tabpanel]:visible")).get_attribute("src")

    lab = panel_of(page, "Trade-off lab")
    expect(photo_of(lab)).to_have_attribute("src", lion)
    lab.locator("#tradeoff-lab-caption textarea").fill("my own words")
    lab.get_by_label("Remove Image").click()
    panel_of(page, "Inside the codec")
    expect(photo_of(panel_of(page, "Trade-off lab"))).to_have_count(0)
    lab = open_lab(page, "Trade-off lab", photo)
    chosen = photo_of(lab).get_attribute("src")
    for name in ("Inside the codec", "Caption lab"):
        expect(photo_of(panel_of(page, name))).to_have_attribute("src", chosen)
    expect(panel_of(page, "Trade-off lab").locator("#tradeoff-lab-caption textarea")).to_have_value("my own words")

    compress = panel_of(page, "Compress")
    expect(photo_of(compress)).to_have_attribute("src", chosen)
    # The example's caption has left with it; what was painted is still seen, and said to be of another photo.
    expect(caption_of(page)).to_have_value("")
    stale = page.locator("#compress-result[data-stale]")
    expect(stale.get_by_text("From the file")).to_be_visible()

    # A run that comes back brings its photo.
    page.locator(".tray [data-run='1']").click()
    expect(page.get_by_text("photo and settings are back")).to_be_visible()
    panel_of(page, "Compress")
    expect(photo_of(compress)).to_have_attribute("src", lion)
    expect(caption_of(page)).to_have_value(re.compile("lion"))
    expect(stale).to_have_count(0)
    expect(photo_of(panel_of(page, "Caption lab"))).to_have_attribute("src", lion)


def test_no_photo_is_said(page):
    panel = panel_of(page, "Trade-off lab")
    panel.get_by_role("button", name="Run the sweep").click()
    expect(page.get_by_test_id("toast-body")).to_contain_text("Choose a photo first.")


def test_the_forecast_is_of_what_is_chosen(page, photo):
    panel = panel_of(page, "Trade-off lab")
    # Three numbers of steps; without a caption, guidance has nothing to act on.
    expect(panel.get_by_text("3 pictures to decode, 27 steps in all")).to_be_visible()
    panel.locator("[id$=examples] button").first.click()
    expect(panel.get_by_text("9 pictures to decode, 81 steps in all")).to_be_visible()
    panel.get_by_label("Remove Image").click()
    open_lab(page, "Trade-off lab", photo)
    expect(panel.get_by_text("3 pictures to decode, 27 steps in all")).to_be_visible()
