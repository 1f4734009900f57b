"""Captions as bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percov2_demo.entropy.caption_coder import CaptionCoder
from percov2_demo.entropy.coder import EntropyError
from tests.entropy.conftest import CAPTIONS, frozen, random_caption_model


CODER = CaptionCoder(frozen(random_caption_model()))


@pytest.mark.parametrize("text", [*CAPTIONS, "", "x", " x", "Größe \U0001f3f0", "a\x00"])
def test_round_trip(text):
    code = CODER.encode(text)
    assert CODER.decode(code) == text
    assert bool(code) == bool(text)


@given(st.text(max_size=6))
@settings(max_examples=15, deadline=None)
def test_round_trip_of_any_text(text):
    assert CODER.decode(CODER.encode(text)) == text


@given(st.binary(max_size=30))
@settings(max_examples=15, deadline=None)
def test_bytes_are_those_of_one_text_or_refused(data):
    try:
        text = CODER.decode(data)
    except EntropyError:
        return
    assert CODER.encode(text) == data


def test_bytes_too_many_are_noticed():
    code = CODER.encode(CAPTIONS[0])
    for damaged in (code + b"\0", code[:-1], b"\0" + code):
        with pytest.raises(EntropyError):
            CODER.decode(damaged)


def test_long_captions_are_refused():
    with pytest.raises(ValueError, match="at most 23"):
        CODER.encode("x" * 24)


def test_half_of_a_surrogate_pair_is_refused():
    with pytest.raises(ValueError, match="surrogate"):
        CODER.encode("a \ud83d b")
