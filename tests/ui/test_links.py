"""Streams as texts and links."""

import os

import pytest

from percov2_demo.errors import StreamError
from percov2_demo.sampling.settings import Sampling
from percov2_demo.ui.links import (
    changed_settings,
    is_own_address,
    link_to,
    read_settings,
    read_stream_text,
    stream_text,
)


USUAL, HIGHEST = Sampling(4, 3.0, 0.3, 0), Sampling(100, 15.0, 1.0, 2**31 - 1)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 71, 1500])
def test_a_link_gives_its_stream_back(size):
    data = os.urandom(size)
    assert read_stream_text(link_to("https://example.org/explorer/", data)) == data
    assert read_stream_text(stream_text(data)) == data


@pytest.mark.parametrize(
    "text", ["AP_-", " AP\n_- ", "AP/-", "http://x/?s=AP_-", "https://x/y?a=1&s=AP_-&__theme=dark", "?s=AP_-#top"]
)
def test_texts_as_people_paste_them(text):
    assert read_stream_text(text) == b"\x00\xff\xfe"


@pytest.mark.parametrize(
    "text", ["", "   ", "A", "a photo of a cat!", "http://x/", "http://x/?t=AP_-", "http://[?s=AP_-", "é", "?s="]
)
def test_other_texts_are_refused(text):
    with pytest.raises(StreamError, match="copy the whole"):
        read_stream_text(text)


def test_a_text_without_end_is_refused():
    with pytest.raises(StreamError, match="too long"):
        read_stream_text("A" * 10_000_000)


@pytest.mark.parametrize("settings", [USUAL, Sampling(8, 10.0, 1.0, 7), Sampling(4, 0.1, 0.34, 2**31 - 1)])
def test_a_link_gives_its_settings_back(settings):
    assert read_settings(changed_settings(settings, USUAL), USUAL, HIGHEST) == settings


def test_usual_settings_do_not_lengthen_a_link():
    assert changed_settings(USUAL, USUAL) == {}


@pytest.mark.parametrize("query", [{"steps": "0"}, {"steps": "101"}, {"guidance": "inf"}, {"strength": ""}])
def test_settings_out_of_range_are_refused(query):
    with pytest.raises(StreamError, match="copy the whole link"):
        read_settings(query, USUAL, HIGHEST)


@pytest.mark.parametrize(
    ("address", "is_own"),
    [
        ("http://127.0.0.1:7860/", True),
        ("http://localhost/", True),
        ("http://[::1]:7860/", True),
        ("http://192.168.1.2:7860/", False),
        ("https://example.org/percov2/", False),
    ],
)
def test_an_address_of_this_computer_alone_is_known(address, is_own):
    assert is_own_address(address) is is_own
