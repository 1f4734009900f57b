"""The viewer of before and after, by keyboard and mouse."""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.actions import compress


@pytest.fixture
def viewer(page, photo) -> Locator:
    compress(page, photo)
    return page.locator("#comparison")


def scale(viewer: Locator) -> float:
    return viewer.locator(".result img").evaluate("(img) => new DOMMatrix(getComputedStyle(img).transform).a")


def test_the_viewer_by_keyboard_and_mouse(page, viewer):
    divider = viewer.get_by_role("slider", name="Divider")
    divider.focus()
    page.keyboard.press("ArrowLeft")
    expect(divider).to_have_attribute("aria-valuenow", "48")
    page.keyboard.press("1")
    expect(divider).to_have_attribute("aria-valuenow", "100")
    page.keyboard.press(" ")
    expect(divider).to_have_attribute("aria-valuenow", "0")
    page.keyboard.press("+")
    assert scale(viewer) == 2
    page.keyboard.press("0")
    assert scale(viewer) == 1

    box = viewer.locator(".stage").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.mouse.up()
    expect(divider).to_have_attribute("aria-valuenow", "25")

    viewer.get_by_role("button", name="Side by side").click()
    panes = [viewer.locator(f".{name}").bounding_box() for name in ("original", "result")]
    assert panes[0]["x"] + panes[0]["width"] <= panes[1]["x"]
    for pane in panes:
        assert pane["width"] / pane["height"] == pytest.approx(576 / 448, rel=0.005)
    for name in ("The original photo", "The photo painted back"):
        expect(viewer.get_by_role("img", name=name)).to_be_visible()
