"""The handlers of the decode tab."""

from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from percov2_demo.bitstream import BitstreamError, Payload, Withheld
from percov2_demo.ui.decode_tab import DecodeTab, _fields
from percov2_demo.ui.files import save_download


PAYLOAD = Payload(b"x", 0)


@pytest.fixture
def tab(fake, blocks):
    return DecodeTab(fake)


@pytest.fixture
def stream(fake):
    photo = Image.linear_gradient("L").convert("RGB")
    return fake.compress(photo, "low", "<b>an old castle</b>")


def test_all_fields_are_shown(tab, fake, stream):
    data = stream.to_bytes()
    updates = tab.read(save_download(data, "castle.pcv2"))
    for text in (f"{len(data)} bytes", "512×512", "low", ">16×16<", ">1024<", "07", "&lt;b&gt;an old"):
        assert text in updates[tab.fields]
    assert updates[tab.sampling.strength] == fake.default_strength("low")
    assert updates[tab.picture] is None


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", lambda data: data[::-1]])
def test_a_damaged_file(tab, stream, damage):
    with pytest.raises(BitstreamError):
        tab.read(save_download(damage(stream.to_bytes()), "castle.pcv2"))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "packed"),
        ({"entropy": "qlds", "entropy_steps": 12, "payload": PAYLOAD}, "qlds in 12 steps"),
        ({"entropy": "var", "payload": PAYLOAD, "withheld": Withheld(2)}, "var, 2 groups sent and the others drawn"),
    ],
)
def test_the_coding_of_the_indices_is_shown(stream, changes, text):
    assert ("Coding of the indices", text) in _fields(replace(stream, **changes), 100)


def test_no_file(tab):
    with pytest.raises(gr.Error, match=r"Choose a \.pcv2 file first"):
        tab.start(None)


def test_the_picture(tab, fake, stream):
    path = save_download(stream.to_bytes(), "old castle.pcv2")
    assert tab.start(path)[tab.stop_button].visible is True
    updates = list(tab.run(path, 3, 1.0, 0.5, 4))
    painted = Path(updates[-1][tab.picture])
    assert painted.name == "old-castle.png"
    assert np.array_equal(Image.open(painted), fake.decompress(stream))
    assert fake.calls[0] == {"steps": 3, "guidance_scale": 1.0, "strength": 0.5, "seed": 4}
    assert tab.rest()[tab.decode_button].interactive is True
