"""A stream's link, its code and its text, to be copied."""

import os
import re
from dataclasses import replace

import numpy as np

from percov2_demo.bitstream import Bitstream, Refinement
from percov2_demo.presets import get_preset
from percov2_demo.ui.links import link_to
from percov2_demo.ui.panels.link import link_html


def test_link_text_and_code_are_shown():
    html = link_html(link_to("http://here/", b"\x00\xff\xfe"), b"\x00\xff\xfe")
    assert re.findall(r"<code[^>]*>(.*?)</code>", html) == ["http://here/?s=AP_-", "AP_-"]
    assert html.count("<svg") == 1


def test_a_refined_file_of_300_bytes_fits_a_code():
    """The link is text in base 64, so that the code has room for files of about 2,000 bytes."""
    indices = np.random.default_rng(0).integers(0, get_preset("ultra-low").codebook_size, (8, 8))
    base = Bitstream(width=512, height=512, preset="ultra-low", model=7, caption="", indices=indices)
    stream = replace(base, refinement=Refinement(150, b""))
    data = replace(stream, refinement=Refinement(150, os.urandom(300 - len(stream.to_bytes())))).to_bytes()
    assert len(data) == 300
    html = link_html(link_to("https://percov2.example.org/", data), data)
    assert html.count("<svg") == 1


def test_an_address_is_escaped():
    assert "<img" not in link_html("http://here/<img>?s=AA", b"\x00")


def test_a_stream_that_no_code_holds_says_so():
    data = os.urandom(3000)
    html = link_html(link_to("http://here/", data), data)
    assert "<svg" not in html
    assert "A QR code holds 2,953 bytes" in html


def test_an_address_of_this_computer_alone_is_warned_of():
    assert "--public-url" in link_html("http://127.0.0.1:7860/?s=AA", b"\x00")
    assert "--public-url" not in link_html("https://example.org/?s=AA", b"\x00")
