"""Refined files: round trips, golden streams, cuts, and every way of being wrong."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percov2_demo.bitstream import MAX_ATOMS, Bitstream, Header, Refinement
from percov2_demo.bitstream.refinement import MAX_REFINEMENT_BYTES
from percov2_demo.errors import InputError, StreamError
from tests.bitstream.test_stream import assert_refused, make_stream


REFINEMENT = Refinement(100, bytes(range(40)))


def refined(refinement: Refinement = REFINEMENT, caption: str = "a parrot", size: int = 128) -> Bitstream:
    return replace(make_stream("ultra-low", size, 64, caption), refinement=refinement)


@settings(derandomize=True, deadline=None)
@given(
    atoms=st.integers(1, MAX_ATOMS),
    data=st.binary(max_size=300),
    painter=st.none() | st.integers(0, 255),
    preset=st.sampled_from(["ultra-low", "low", "extreme-low", "high"]),
    caption=st.text(max_size=50),
)
def test_round_trip(atoms, data, painter, preset, caption):
    stream = replace(make_stream(preset, 192, 128, caption), refinement=Refinement(atoms, data, painter))
    written = stream.to_bytes()
    assert written.endswith(data)
    received = Bitstream.from_bytes(written)
    assert received == stream
    assert received.refinement == stream.refinement
    assert sum(received.part_sizes) == len(written)
    assert received.part_sizes.refinement == len(data)
    assert replace(received, refinement=None) == make_stream(preset, 192, 128, caption)


def test_the_blocks_come_last_and_any_cut_is_a_file():
    stream = refined()
    data = stream.to_bytes()
    for kept in range(41):
        received = Bitstream.from_bytes(data[: len(data) - 40 + kept])
        assert received.refinement == Refinement(100, REFINEMENT.data[:kept])
        assert (received.indices == stream.indices).all()


def test_cuts_before_the_blocks_are_refused():
    data = refined().to_bytes()
    for size in range(len(data) - 40):
        assert_refused(data[:size])


GOLDEN = {
    (None, ""): "118316480201c801020b30aabbcc",
    (None, "a parrot"): "11a590f40201c8010c0b304b5428482c2aca2f0100aabbcc",
    (0x5A, "a parrot"): "11159bff0201c9015a0c0b304b5428482c2aca2f0100aabbcc",
}


@pytest.mark.parametrize(("case", "golden"), GOLDEN.items(), ids=str)
def test_golden_streams(case, golden):
    painter, caption = case
    stream = refined(Refinement(100, b"\xaa\xbb\xcc", painter), caption)
    assert Bitstream.from_bytes(bytes.fromhex(golden)) == stream
    assert stream.to_bytes().hex() == golden


def test_overhead_is_two_to_four_bytes():
    base = make_stream("ultra-low", 512, 512)
    for atoms, painter, overhead in [
        (63, None, 2),
        (64, None, 3),
        (MAX_ATOMS, None, 3),
        (63, 7, 3),
        (MAX_ATOMS, 7, 4),
    ]:
        stream = replace(base, refinement=Refinement(atoms, b"", painter))
        assert len(stream.to_bytes()) == len(base.to_bytes()) + overhead


def test_flips_before_the_blocks_are_found_out():
    data = refined().to_bytes()
    for position in range(8 * (len(data) - 40)):
        flipped = bytearray(data)
        flipped[position // 8] ^= 1 << position % 8
        try:
            received = Bitstream.from_bytes(bytes(flipped))
        except StreamError:
            continue
        # The bits that deflate leaves over say nothing.
        assert received == refined() or received.model != refined().model


def test_numbers_have_one_form():
    data = refined(caption="").to_bytes()
    start = 6
    assert data[start : start + 2] == bytes([200 & 127 | 128, 1])
    longer = data[:start] + bytes([200 & 127 | 128, 129, 0]) + data[start + 2 :]
    assert_refused(longer)
    assert_refused(data[:start] + b"\x80\x80\x80\x80\x80" + data[start:])
    assert_refused(data[:start] + b"\x00" + data[start + 2 :])


def test_longer_files_than_any_are_refused():
    data = refined(Refinement(100, bytes(MAX_REFINEMENT_BYTES))).to_bytes()
    assert Bitstream.from_bytes(data).refinement.data == bytes(MAX_REFINEMENT_BYTES)
    assert_refused(data + b"\0")


def test_old_files_are_what_they_were():
    head = make_stream("extreme-low", 512, 512).to_bytes()[0]
    assert head == 0b000_010_0_0
    assert not Header.from_bytes(make_stream().to_bytes())[0].refined


@pytest.mark.parametrize(
    "fields",
    [{"atoms": 0}, {"atoms": MAX_ATOMS + 1}, {"data": bytes(MAX_REFINEMENT_BYTES + 1)}, {"painter": 256}],
)
def test_fields_out_of_range_are_refused(fields):
    with pytest.raises(InputError):
        Refinement(**{"atoms": 1, "data": b""} | fields)
