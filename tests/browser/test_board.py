"""A visit to the session board."""

import csv
import io
import json
import re
from pathlib import Path
from zipfile import ZipFile

from playwright.sync_api import Locator, Page, expect

from percov2_demo.ui.links import stream_text
from tests.browser.actions import (
    caption_of,
    choose_photo,
    choose_preset,
    compress_button,
    download,
    open_painting,
    panel_of,
    set_slider,
    set_steps,
)
from tests.browser.conftest import LOCAL_HOSTS, TIMEOUT, open_page


def cards(page: Page) -> Locator:
    return page.locator("#board-cards li")


def points(page: Page) -> Locator:
    return page.locator("#board-plot .scatterlayer .point")


def expect_runs(page: Page, count: int) -> None:
    """Waits until the head of the page shows so many runs."""
    expect(page.locator(".tray [data-run]:not(.count)")).to_have_count(count, timeout=TIMEOUT)


def compress_run(page: Page, preset: str, caption: str, strength: str, count: int) -> None:
    choose_preset(page, preset)
    caption_of(page).fill("")
    caption_of(page).press_sequentially(caption)
    expect(page.get_by_role("radio", name="My own")).to_be_checked()
    set_steps(page, 1)
    set_slider(page, "Strength", strength)
    compress_button(page).click()
    expect_runs(page, count)


def paint_stream(page: Page, data: bytes, count: int) -> None:
    """Paints a file in the tab Decode, as the run of that count."""
    panel = panel_of(page, "Decode")
    panel.get_by_label("Or its text, or its link").fill(stream_text(data))
    panel.get_by_role("button", name="Open").click()
    expect(panel.get_by_role("heading", name="A picture from")).to_be_visible()
    set_steps(panel, 1)
    panel.get_by_role("button", name="Decode", exact=True).click()
    expect_runs(page, count)


def choose_axis(page: Page, axis: str, name: str) -> None:
    page.locator("[role=tabpanel]:visible").get_by_label(axis).click()
    page.get_by_role("option", name=name).click()


def archive_of(page: Page | Locator, path: Path) -> ZipFile:
    """What the board, or a lab, packs."""
    button = page.get_by_role("button", name="Download all as ZIP")
    download(page if isinstance(page, Page) else page.page, button, path)
    return ZipFile(path)


def settings_of(archive: ZipFile) -> list[dict]:
    return [json.loads(archive.read(name)) for name in sorted(archive.namelist()) if name.startswith("settings/")]


def table_of(archive: ZipFile) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read("runs.csv").decode())))


def test_runs_are_cards_and_points_and_can_be_had_again(page, embedded, photo, tmp_path, requested_hosts):
    presets = embedded.presets
    choose_photo(page, photo)
    open_painting(page)
    compress_run(page, presets[1], "a red <i>house</i>", "0.55", 1)
    compress_run(page, presets[0], "an old castle", "0.2", 2)
    page.locator(".tray .count").click()
    expect(page.get_by_role("tab", name="Session")).to_have_attribute("aria-selected", "true")
    expect(cards(page)).to_have_count(2)
    expect(points(page)).to_have_count(2)
    expect(cards(page).last).to_contain_text("“a red <i>house</i>”")
    expect(page.get_by_role("heading", name="Run 2:")).to_be_visible()

    low = page.locator("#board-plot .scatterlayer .trace").last.locator(".point")
    low.scroll_into_view_if_needed()
    box = low.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    hovered = page.locator(".point-card:visible")
    expect(hovered).to_contain_text("Run 1: “a red <i>house</i>”")
    expect(hovered.locator("img")).to_be_visible()
    page.mouse.down()
    page.mouse.up()
    expect(page.get_by_role("heading", name="Run 1:")).to_be_visible()
    expect(page.locator("#board-picture .result img")).to_be_visible()
    expect(cards(page).last).to_have_attribute("aria-current", "true")

    page.get_by_role("button", name="Open Compress").click()
    expect(caption_of(page)).to_have_value("a red <i>house</i>")
    expect(page.get_by_role("checkbox", name=re.compile(f"^{presets[1]}", re.IGNORECASE))).to_be_checked()
    expect(page.get_by_label("number input for Strength")).to_have_value("0.55")
    expect(page.locator("#photo img")).to_be_visible()
    compress_button(page).click()
    expect_runs(page, 3)

    page.locator(".tray [data-run='2']").click()
    expect(page.get_by_role("heading", name="Run 2:")).to_be_visible()
    panel = page.locator("[role=tabpanel]:visible")
    archive = archive_of(panel, tmp_path / "session.zip")
    first, second, third = settings_of(archive)
    assert {**third, "number": 1, "seconds": first["seconds"]} == first
    assert second["caption"] == "an old castle"
    assert [float(row["psnr"]) for row in table_of(archive)] == [
        run["metrics"]["psnr"] for run in (first, second, third)
    ]
    plot = archive.read("plot.svg").decode()
    assert plot.startswith("<svg")
    assert "Deep realism" in plot
    download(page, panel.get_by_role("button", name="Download .pcv2"), tmp_path / "two.pcv2")
    assert embedded.read((tmp_path / "two.pcv2").read_bytes()).caption == "an old castle"

    panel = panel_of(page, "Vote")
    panel.get_by_role("button", name="Begin the vote").click()
    expect(panel.get_by_text("Pair 1 of 2")).to_be_visible()  # Runs 1 and 3 are one picture.
    # Pictures and questions are on one screen.
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    panel.get_by_role("button", name="Show the original").click()
    expect(panel.get_by_alt_text("Picture Original")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    panel.get_by_role("radio", name="B").last.check(force=True)
    for pair in (1, 2):
        expect(panel.get_by_text(f"Pair {pair} of 2")).to_be_visible()
        panel.get_by_role("radio", name="A", exact=True).first.check(force=True)
        panel.get_by_role("button", name="Vote", exact=True).click()
    expect(panel.get_by_role("heading", name="2 votes")).to_be_visible()
    expect(panel.get_by_role("row", name=re.compile("run 2"))).to_be_visible()
    assert requested_hosts <= LOCAL_HOSTS


def test_published_figures_are_a_layer_and_a_file_is_no_point(page, embedded, scene):
    stream = embedded.compress(scene, caption="a red house on a hill")
    paint_stream(page, stream.to_bytes(), 1)
    panel = panel_of(page, "Session")
    expect(cards(page)).to_have_count(1)
    expect(cards(page)).to_contain_text("no original to measure against")
    expect(points(page)).to_have_count(0)
    expect(panel.get_by_label("Published figures")).to_have_count(0)
    choose_axis(page, "Across", "Payload rate")
    choose_axis(page, "Up", "PSNR")
    expect(panel.get_by_text("published: kodak, 768x512, native (inferred)")).to_be_visible()
    expect(points(page)).to_have_count(2)  # PerCo (SD), the one with a PSNR.
    panel.get_by_label("Published figures").uncheck()
    expect(points(page)).to_have_count(0)
    expect(panel.get_by_text("published: kodak")).to_have_count(0)

    page.once("dialog", lambda dialog: dialog.accept())
    panel.get_by_role("button", name="Clear the board").click()
    expect(panel.get_by_role("heading", name="Your runs collect here")).to_be_visible()
    expect(page.locator(".tray")).to_have_count(0)
    paint_stream(page, stream.to_bytes(), 1)
    panel_of(page, "Session")
    expect(cards(page)).to_have_count(1)
    expect(cards(page)).to_contain_text("run 2")


def test_visitors_do_not_see_each_others_runs(page, browser, server, embedded, scene, requested_hosts):
    other = open_page(browser, server, requested_hosts, width=1440, height=900)
    for visitor, caption in ((page, "the first visitor"), (other, "the second visitor")):
        paint_stream(visitor, embedded.compress(scene, caption=caption).to_bytes(), 1)
    for visitor, caption in ((page, "the first visitor"), (other, "the second visitor")):
        panel_of(visitor, "Session")
        expect(cards(visitor)).to_have_count(1)
        expect(cards(visitor)).to_contain_text(caption)
    other.close()
