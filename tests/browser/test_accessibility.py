"""The page by the rules of axe-core, with results on it."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.actions import compress, panel_of
from tests.browser.test_board import points


GRAVE = {"serious", "critical"}


def grave_findings(page: Page, theme: str) -> list[str]:
    """What is grave on the page; of the dark theme, which has the light one's elements, its contrasts alone."""
    rules = {"runOnly": ["color-contrast"]} if theme == "dark" else {}
    # Changes of theme and tab fade in, and half-faded text has no contrast.
    page.evaluate("Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {})))")
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in Axe().run(page, options={"resultTypes": ["violations"], **rules}).response["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


def test_no_tab_has_a_grave_finding_in_either_theme(page, photo):
    compress(page, photo)
    found = {}
    for tab in page.get_by_role("tab").all_inner_texts():
        panel_of(page, tab)
        if tab == "Session":
            points(page).first.wait_for()
        for theme in ("light", "dark"):
            page.evaluate("(isDark) => document.body.classList.toggle('dark', isDark)", theme == "dark")
            found[tab, theme] = grave_findings(page, theme)
    assert not {place: findings for place, findings in found.items() if findings}
