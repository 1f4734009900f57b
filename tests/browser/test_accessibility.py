"""The page by the rules of axe-core, with results on it."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.actions import compress, panel_of
from tests.browser.conftest import open_page
from tests.browser.test_board import points


GRAVE = {"serious", "critical"}


def grave_findings(page: Page) -> list[str]:
    # Changes of theme and tab fade in, and half-faded text has no contrast.
    page.evaluate("Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {})))")
    violations = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in violations
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_tab_has_a_grave_finding(browser, server, requested_hosts, photo, theme):
    page = open_page(browser, f"{server}?__theme={theme}", requested_hosts)
    compress(page, photo)
    found = {"Compress": grave_findings(page)}
    for name in page.get_by_role("tab").all_inner_texts():
        panel_of(page, name)
        if name == "Session":
            points(page).first.wait_for()
        found[name] = grave_findings(page)
    page.close()
    assert not {name: findings for name, findings in found.items() if findings}
