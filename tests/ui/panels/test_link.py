"""A stream's link, its code and its text, to be copied."""

import os
import re

from percov2_demo.ui.panels.link import link_html


def test_link_text_and_code_are_shown():
    html = link_html("http://here/", b"\x00\xff\xfe")
    assert re.findall(r"<code[^>]*>(.*?)</code>", html) == ["http://here/?s=AP_-", "AP_-"]
    assert html.count("<svg") == 1


def test_an_address_is_escaped():
    assert "<img" not in link_html("http://here/<img>", b"\x00")


def test_a_stream_that_no_code_holds_says_so():
    html = link_html("http://here/", os.urandom(3000))
    assert "<svg" not in html
    assert "A QR code holds 2,953 bytes" in html
