"""A visit to a page that offers two painters."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from percov2_demo import PerCoV2Pipeline
from percov2_demo.ui.demo import build_demo, launch_options
from percov2_demo.ui.kiosk import Kiosk
from percov2_demo.ui.render.wording import painter_label
from tests.browser.actions import panel_of, set_steps
from tests.browser.conftest import TIMEOUT, open_page
from tests.browser.test_board import cards, expect_runs, paint_stream
from tests.painters.tiny import save_tiny
from tests.scene import draw_scene


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> PerCoV2Pipeline:
    pipeline = PerCoV2Pipeline.from_pretrained()
    pipeline.set_progress_bar_config(disable=True)
    pipeline.offer_painters([save_tiny("sd-turbo-tiny", tmp_path_factory.mktemp("painter"))])
    return pipeline


@pytest.fixture
def page(browser, pipeline, contacted_hosts, requested_hosts) -> Iterator[Page]:
    demo = build_demo(pipeline, Kiosk(idle_seconds=3600, painters=True))
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    page = open_page(browser, url, requested_hosts)
    yield page
    page.close()
    demo.close()


def test_two_painters_paint_one_file(page, pipeline):
    for name in ("sd-turbo-tiny", "own", "sd-turbo-tiny"):  # As the kiosk has them take turns.
        page.locator("#next-painter").dispatch_event("click")
        expect(page.locator(f"body[data-painter={name}]")).to_have_count(1)
    data = pipeline.compress(draw_scene(512, 512), caption="a red house").to_bytes()
    paint_stream(page, data, 1)
    panel = panel_of(page, "Decode")
    choice = panel.get_by_label("Painter", exact=True)
    choice.click()
    page.get_by_role("option", name=painter_label("own")).click()
    expect(panel.get_by_label("Guidance scale").first).to_be_visible()
    set_steps(panel, 1)
    panel.get_by_role("button", name="Decode").click()
    expect_runs(page, 2)
    board = panel_of(page, "Session")
    expect(cards(page)).to_have_count(2, timeout=TIMEOUT)
    expect(cards(page).nth(1)).to_contain_text("sd-turbo-tiny")
    expect(cards(page).nth(0)).not_to_contain_text("sd-turbo-tiny")
    expect(cards(page).nth(0)).to_contain_text("Agreement with the file")
    sources = [cards(page).nth(number).locator("img").get_attribute("src") for number in (0, 1)]
    assert sources[0] != sources[1]
    expect(board).to_be_visible()
