"""Streams as texts and links."""

import os

import pytest

from percov2_demo.errors import StreamError
from percov2_demo.ui.links import link_to, read_stream_text, stream_text


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
