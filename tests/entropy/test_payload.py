"""Whole entropy-coded streams."""

import math
import random
from dataclasses import replace
from itertools import cycle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from percov2_demo.bitstream import SCHEDULES, Bitstream, Header, Withheld, usual_steps
from percov2_demo.entropy.payload import EntropyCoder
from percov2_demo.entropy.schedules import schedule
from percov2_demo.errors import InputError, StreamError
from percov2_demo.presets import PRESETS
from tests.conftest import MODEL_PRESETS
from tests.entropy.conftest import CAPTIONS, fill_with_integers, frozen, random_caption_model, random_masked_model
from tests.entropy.test_index_coder import random_indices


CODER = EntropyCoder(frozen(random_caption_model()), frozen(random_masked_model()))


def coded(
    preset="ultra-low", width=512, height=512, caption="", entropy="qlds", steps=None, withheld=None, seed=0
) -> Bitstream:
    grid = PRESETS[preset].grid(width, height)
    steps = (steps or usual_steps(entropy, grid)) if entropy == "qlds" else None
    fields = {"width": width, "height": height, "preset": preset, "entropy": entropy, "entropy_steps": steps}
    header = Header(version=2, caption_coding="none", withheld=withheld, **fields)
    indices = random_indices(grid, preset, seed)
    coding, payload = CODER.encode(indices, caption, header)
    if withheld is not None:
        indices = CODER.decode(payload.data, replace(header, caption_coding=coding)).indices
    return Bitstream(
        model=7, indices=indices, caption=caption, caption_coding=coding, withheld=withheld, payload=payload, **fields
    )


@settings(max_examples=30, deadline=None)
@given(
    preset=st.sampled_from(MODEL_PRESETS),
    columns=st.integers(1, 4),
    rows=st.integers(1, 4),
    entropy=st.sampled_from(SCHEDULES),
    steps=st.integers(1, 32),
    caption=st.one_of(st.sampled_from(CAPTIONS), st.text(max_size=20)),
    seed=st.integers(0, 99),
)
def test_round_trip(preset, columns, rows, entropy, steps, caption, seed):
    cells = math.prod(PRESETS[preset].grid(64 * columns, 64 * rows))
    stream = coded(preset, 64 * columns, 64 * rows, caption, entropy, min(steps, cells), seed=seed)
    data = stream.to_bytes()
    decoded = Bitstream.from_bytes(data, CODER)
    assert decoded == stream
    assert decoded.to_bytes() == data
    assert decoded.part_sizes == stream.part_sizes
    assert sum(decoded.part_sizes) == len(data)
    assert (decoded.version, decoded.entropy, decoded.caption) == (2, entropy, caption)


@pytest.mark.parametrize("entropy", ["qlds", "quincunx", "checkerboard"])
def test_usual_codings_take_4_bytes_of_container_and_others_5_or_6(entropy):
    assert coded(entropy=entropy).part_sizes.container == 4
    assert coded(entropy="var").part_sizes.container == 5
    assert coded(entropy="qlds", steps=9).part_sizes.container == 6
    assert coded(entropy=entropy, width=448).part_sizes.container == 6


def test_no_caption_takes_no_byte():
    assert coded(caption="").part_sizes.caption == 0
    assert len(coded(caption="").to_bytes()) < len(coded(caption="x").to_bytes())


def test_withheld_groups_are_drawn_alike_by_every_decoder():
    withheld = Withheld(sent=2, seed=9, temperature=0.75)
    stream = coded(withheld=withheld, caption=CAPTIONS[0])
    other = EntropyCoder(frozen(random_caption_model()), frozen(random_masked_model()))
    decoded = Bitstream.from_bytes(stream.to_bytes(), other)
    assert decoded == stream
    assert decoded.withheld == withheld
    assert len(stream.to_bytes()) < len(coded(caption=CAPTIONS[0]).to_bytes()) / 2
    assert np.array_equal(decoded.indices, stream.indices)


def test_nothing_sent_is_only_the_caption():
    stream = coded(withheld=Withheld(sent=0), caption=CAPTIONS[0])
    assert stream.part_sizes.spatial == 0
    assert Bitstream.from_bytes(stream.to_bytes(), CODER) == stream


def test_nothing_is_drawn_of_a_preset_that_the_model_lacks():
    grid = PRESETS["high"].grid(64, 64)
    fields = {"preset": "high", "width": 64, "height": 64, "entropy": "var", "withheld": Withheld(sent=0)}
    header = Header(version=2, caption_coding="none", **fields)
    _, payload = CODER.encode(np.zeros(grid, np.int64), "", header)
    with pytest.raises(StreamError, match="another model"):
        CODER.decode(payload.data, header)


def test_every_change_of_a_byte_is_found():
    data = coded("low", 64, 64, CAPTIONS[0]).to_bytes()
    for position, change in zip(range(len(data)), cycle((1, 0x80, 0xFF)), strict=False):
        damaged = bytearray(data)
        damaged[position] ^= change
        with pytest.raises(StreamError):
            Bitstream.from_bytes(bytes(damaged), CODER)


def test_bytes_too_many_or_too_few_are_found():
    data = coded(caption=CAPTIONS[1]).to_bytes()
    for damaged in (data + b"\0", data + b"\xff", data[:-1], data[:-5], data[:5]):
        with pytest.raises(StreamError):
            Bitstream.from_bytes(damaged, CODER)


@pytest.mark.parametrize("seed", range(2))
def test_random_payloads_are_refused(seed):
    rng = random.Random(seed)
    for _ in range(20):
        head = bytes([rng.choice([0x20, 0x24, 0x28, 0x60, 0x64, 0xA0, 0xC2]) | rng.randrange(2) << 1])
        with pytest.raises(StreamError):
            Bitstream.from_bytes(head + rng.randbytes(rng.randrange(3, 120)), CODER)


def test_a_huge_grid_is_refused_before_any_work():
    head = bytes([0b001_010_0_1, 0, 0, 0, 255, 255])
    with pytest.raises(StreamError, match=r"not a \.pcv2 file, or its picture of 16320x16320 pixels is too large"):
        Bitstream.from_bytes(head + bytes(100), CODER)


def test_groups_and_steps_that_are_none_are_refused():
    with pytest.raises(InputError, match="has 5 groups here: send fewer, or all of them"):
        coded(withheld=Withheld(sent=5))
    for steps in (33, 65):
        with pytest.raises(InputError, match="must be 1 to 32"):
            coded(steps=steps)
    data = bytearray(coded(entropy="quincunx", withheld=Withheld(sent=2)).to_bytes())
    data[5] = 5
    with pytest.raises(StreamError):
        Bitstream.from_bytes(bytes(data), CODER)


def test_a_map_that_costs_nothing_is_a_file_that_is_read():
    """Its payload is empty: the file is nothing but the four bytes of its head."""
    coder = EntropyCoder(frozen(random_caption_model()), frozen(random_masked_model()))
    coder.indices.logits = lambda known, preset, group: np.eye(1, 256, dtype=np.int64).repeat(len(group), 0) * 10**6
    packed = Bitstream(width=512, height=512, preset="ultra-low", model=7, indices=np.zeros((8, 8), np.int64))
    stream = coder.recode(packed, "quincunx")
    assert len(stream.to_bytes()) == 4
    assert Bitstream.from_bytes(stream.to_bytes(), coder) == stream


def test_the_check_finds_content_that_the_encoder_did_not_mean():
    stream = coded("low", caption=CAPTIONS[0])

    class Mistaken(EntropyCoder):
        def decode(self, payload, header):
            content = super().decode(payload, header)
            return content._replace(indices=(content.indices + 1) % 1024)

    with pytest.raises(StreamError, match="its check does not match"):
        Bitstream.from_bytes(stream.to_bytes(), Mistaken(CODER.captions.model, CODER.indices.model))


@pytest.mark.parametrize("entropy", SCHEDULES)
def test_information_is_what_the_indices_cost(entropy):
    stream = coded("low", caption=CAPTIONS[0], entropy=entropy)
    bits = CODER.information(stream)
    assert bits.shape == stream.indices.shape
    assert abs(bits.sum() / 8 - stream.part_sizes.spatial) <= 1 + 0.005 * stream.part_sizes.spatial
    if entropy != "uniform":
        withheld = CODER.information(coded("low", entropy=entropy, withheld=Withheld(1)))
        assert np.count_nonzero(withheld) == len(schedule(entropy, 16, 16)[0])


def test_other_entropy_models_are_found_out():
    other = EntropyCoder(frozen(random_caption_model(1)), frozen(random_masked_model(1)))
    with pytest.raises(StreamError, match="damaged"):
        Bitstream.from_bytes(coded(caption=CAPTIONS[2]).to_bytes(), other)


def test_threads_libraries_and_batches_change_nothing():
    """Both directions under every combination: any stream decodes under any other."""
    threads = torch.get_num_threads()
    streams = []
    try:
        for count in (1, 2):
            for onednn in (True, False):
                torch.set_num_threads(count)
                with torch.backends.mkldnn.flags(enabled=onednn):
                    streams.append(coded("low", caption=CAPTIONS[0]))
                    assert Bitstream.from_bytes(streams[0].to_bytes(), CODER) == streams[0]
    finally:
        torch.set_num_threads(threads)
    assert all(stream == streams[0] for stream in streams)


def integer_coder() -> EntropyCoder:
    """A coder whose models depend on no generator of random numbers."""
    models = frozen(random_caption_model()), frozen(random_masked_model())
    for model in models:
        fill_with_integers(model)
    return EntropyCoder(*models)


GOLDEN = {
    ("ultra-low", "qlds", "a cat on a mat", None): "210891bb0403de8f5edb9eee059faf4a70fd6234982460e7257c3b",
    ("ultra-low", "quincunx", "", None): "a3ea69e604030ec4ebca88121c93df720d1b19",
    (
        "low",
        "checkerboard",
        "zß",
        None,
    ): "855350c6040340ab855def6b0538e1669bbcdf650ae66506f2704f5317188bb2de4d4caeefc709b5c520df104e46edce99b6"
    "84dc3358de09ebad68f0c1fca43cb9d0c1b7de39d1df22ce13d0",
    ("ultra-low", "var", "", Withheld(1, seed=3, temperature=0.5)): "c3a54bd10403880103200ea15c31",
}
"""Streams of 256x192 pixels in hex; they must decode for as long as the format exists."""


@pytest.mark.parametrize(("fields", "golden"), GOLDEN.items(), ids=str)
def test_golden_streams(fields, golden):
    preset, entropy, caption, withheld = fields
    coder = integer_coder()
    rows, columns = grid = PRESETS[preset].grid(256, 192)
    indices = (np.arange(rows * columns) * 37 + 11).reshape(grid) % PRESETS[preset].codebook_size
    packed = Bitstream(width=256, height=192, preset=preset, model=7, indices=indices, caption=caption)
    stream = coder.recode(packed, entropy, withheld=withheld)
    assert stream.to_bytes().hex() == golden
    assert Bitstream.from_bytes(bytes.fromhex(golden), coder) == stream
    assert withheld or np.array_equal(stream.indices, indices)


@pytest.mark.parametrize("caption", ["", "an old castle", "é" * 300])
def test_bytes_of_a_caption_are_those_of_its_part(caption):
    assert CODER.caption_bytes(caption) == coded(caption=caption).part_sizes.caption


def test_bytes_of_a_caption_that_no_stream_takes():
    with pytest.raises(InputError, match="shorten it"):
        CODER.caption_bytes("x" * 1025)
