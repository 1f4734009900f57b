"""A desk without staff."""

import re

import pytest
from playwright.sync_api import Page, expect

from percov2_demo.ui.demo import build_demo, launch_options
from percov2_demo.ui.kiosk import Kiosk
from tests.browser.actions import compress_button, expect_picture
from tests.browser.conftest import TIMEOUT, open_page


IDLE_SECONDS = 4


@pytest.fixture
def desk(browser, embedded, requested_hosts):
    demo = build_demo(embedded, Kiosk(IDLE_SECONDS, show_seconds=2), "https://example.org/percov2/")
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    page = open_page(browser, f"{url}?__theme=dark", requested_hosts)
    yield page
    page.close()
    demo.close()


def example(page: Page) -> str:
    return page.locator("#photo img").get_attribute("src").rpartition("/")[2]


def test_an_idle_desk_shows_the_examples_until_it_is_touched(desk, embedded, monkeypatch):
    compress, failures, errors = embedded.compress, [], []
    desk.on("pageerror", lambda error: errors.append(error))

    def fail_once(*arguments, **options):
        if not failures:
            failures.append(True)
            raise RuntimeError("no")
        return compress(*arguments, **options)

    monkeypatch.setattr(embedded, "compress", fail_once)
    showing = desk.locator("[data-kiosk]")
    desk.locator("#caption textarea").fill("what the last visitor typed")
    expect(showing).to_have_count(1, timeout=20_000)
    expect(desk.locator("body.dark")).to_be_visible()
    expect(compress_button(desk)).to_be_hidden()
    # The first run fails, so that the second example is the first that is painted.
    expect_picture(desk)
    expect(desk.get_by_role("heading", name=re.compile("^This .* photo is now"))).to_be_visible()
    # The smallest file comes last, and has a code of its own.
    expect(desk.locator("#strip li:last-child [aria-pressed=true]")).to_be_visible(timeout=TIMEOUT)
    expect(desk.locator("#kiosk-code svg")).to_be_visible()
    code, link = (desk.locator(f"{place} path").last.get_attribute("d") for place in ("#kiosk-code", ".qr"))
    assert code == link
    assert failures
    shown = example(desk)
    desk.wait_for_function(
        "(shown) => !document.querySelector('#photo img').src.endsWith(shown)", arg=shown, timeout=TIMEOUT
    )

    desk.mouse.click(700, 400)
    expect(showing).to_have_count(0)
    expect(compress_button(desk)).to_be_visible()
    expect(desk.locator("#photo img")).to_have_count(0)
    expect(desk.get_by_role("heading", name="How small can a photo get?")).to_be_visible()
    expect(desk.locator("body.dark")).to_be_visible()
    assert not errors
