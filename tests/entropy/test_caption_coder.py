"""Captions as symbols."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percov2_demo.bitstream import MAX_CAPTION_BYTES, compress_caption
from percov2_demo.entropy.caption_coder import CaptionCoder
from percov2_demo.entropy.coder import Decoder, EntropyError, encode
from tests.entropy.conftest import CAPTIONS, frozen, random_caption_model


CODER = CaptionCoder(frozen(random_caption_model()))


def there_and_back(text: str) -> tuple[str, bytes]:
    coding, runs = CODER.runs(text)
    code = encode(runs)
    decoder = Decoder(code)
    assert CODER.read(decoder, coding != "model") == (coding, text)
    decoder.finish()
    return coding, code


@pytest.mark.parametrize("text", [*CAPTIONS, "x", " x", "Größe \U0001f3f0", "a\x00", "x" * MAX_CAPTION_BYTES])
def test_round_trip(text):
    there_and_back(text)


def test_an_empty_text_has_no_runs():
    assert CODER.runs("") == ("none", [])


@given(st.text(min_size=1, max_size=40))
@settings(max_examples=40, deadline=None)
def test_any_text_costs_at_most_a_byte_more_than_without_a_model(text):
    _, code = there_and_back(text)
    assert len(code) <= 1 + min(len(text.encode()), len(compress_caption(text, "deflate")))


def test_the_shortest_coding_is_taken():
    assert there_and_back("x" * 200)[0] == "deflate"
    assert there_and_back("qzj")[0] == "raw"


@given(st.binary(max_size=30), st.booleans())
@settings(max_examples=40, deadline=None)
def test_any_bytes_are_a_text_or_refused(data, is_literal):
    try:
        coding, text = CODER.read(Decoder(data), is_literal)
    except EntropyError:
        return
    assert coding in ("model", "raw", "deflate")
    assert text.encode()


def test_texts_too_long_for_the_model_are_literal():
    coding, _ = there_and_back("".join(chr(ord("a") + number * 7 % 26) for number in range(60)))
    assert coding in ("raw", "deflate")
