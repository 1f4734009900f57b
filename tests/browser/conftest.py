"""The real app with the embedded model, and a browser to visit it."""

import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from percov2_demo.ui.demo import build_demo, launch_options
from tests.scene import draw_scene


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

TIMEOUT = 120_000
"""Milliseconds within which a picture is painted, also on a busy machine."""

LOCAL_HOSTS = {"127.0.0.1", "localhost", "::1"}


@pytest.fixture(scope="session")
def contacted_hosts() -> set[str]:
    """Hosts that the server process looked up or connected to since the first test that asked."""
    hosts: set[str] = set()

    def listen(event: str, args: tuple) -> None:
        if event == "socket.getaddrinfo" and args[0]:
            hosts.add(str(args[0]))
        elif event == "socket.connect" and args[0].family in (socket.AF_INET, socket.AF_INET6):
            hosts.add(str(args[1][0]))

    sys.addaudithook(listen)
    return hosts


@pytest.fixture(autouse=True)
def nothing_leaves_this_machine(requested_hosts, contacted_hosts) -> Iterator[None]:
    """Asserted of every visit, so of a run over all tabs: neither page nor server ask another machine for anything."""
    yield
    assert requested_hosts <= LOCAL_HOSTS
    assert contacted_hosts <= LOCAL_HOSTS


@pytest.fixture(scope="package")
def server(embedded, contacted_hosts) -> Iterator[str]:
    """The app's address."""
    demo = build_demo(embedded)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield url
    demo.close()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Closed after the tests of this folder: while playwright is there, no other event loop runs in this thread."""
    if CHROMIUM is None:
        pytest.skip("no chromium or chrome on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def requested_hosts() -> set[str]:
    """Hosts that the page asked for anything."""
    return set()


@pytest.fixture
def page(browser, server, requested_hosts) -> Iterator[Page]:
    """The app in a desktop window."""
    page = open_page(browser, server, requested_hosts)
    yield page
    page.close()


@pytest.fixture
def phone(browser, server, requested_hosts) -> Iterator[Page]:
    """The app on a phone."""
    page = open_page(browser, server, requested_hosts, width=390, height=844)
    yield page
    page.close()


def new_page(browser: Browser, requested_hosts: set[str], width: int = 1440, height: int = 900) -> Page:
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    page.on("request", lambda request: requested_hosts.add(urlsplit(request.url).hostname or "localhost"))
    return page


def open_page(browser: Browser, server: str, requested_hosts: set[str], width: int = 1440, height: int = 900) -> Page:
    page = new_page(browser, requested_hosts, width, height)
    page.goto(server)
    page.get_by_role("button", name="Compress", exact=True).wait_for()
    return page


@pytest.fixture
def photo(tmp_path) -> Path:
    """A drawn landscape, 640x480, saved as a camera would."""
    path = tmp_path / "landscape.jpg"
    draw_scene(640, 480).save(path, quality=95)
    return path
