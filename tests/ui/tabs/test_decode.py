"""The handlers of the decode tab."""

from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from percov2_demo.errors import StreamError
from percov2_demo.ui.links import link_to, stream_text
from percov2_demo.ui.server.files import save_download
from percov2_demo.ui.tabs.decode import DECODE_TAB, DecodeTab


@pytest.fixture
def tab(fake, session):
    return DecodeTab(fake, session, gr.Tabs())


@pytest.fixture
def stream(fake):
    photo = Image.linear_gradient("L").convert("RGB")
    return fake.compress(photo, "low", "<b>an old castle</b>")


def read(tab, data):
    return tab.read_file(save_download(data, "old castle.pcv2"), "http://here/")


def test_all_fields_are_shown(tab, fake, stream):
    data = stream.to_bytes()
    updates = read(tab, data)
    for text in (f"{len(data)} bytes", "512×512", "low", ">16×16<", ">1024<", "07", "deflate", "&lt;b&gt;an old"):
        assert text in updates[tab.fields]
    assert updates[tab.sampling.strength] == fake.default_strength("low")
    assert updates[tab.caption] == "<b>an old castle</b>"
    assert updates[tab.picture] is None
    assert link_to("http://here/", data) in updates[tab.link]


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", lambda data: data[::-1]])
def test_a_damaged_file(tab, stream, damage):
    with pytest.raises(StreamError):
        read(tab, damage(stream.to_bytes()))


def test_a_text_and_a_link_are_read_like_the_file(tab, stream):
    data = stream.to_bytes()
    for text in (stream_text(data), link_to("https://elsewhere/explorer", data)):
        updates = tab.read_text(text, "http://here/")
        assert updates[tab.received].data == data
        assert updates[tab.fields] == read(tab, data)[tab.fields]
        assert updates[tab.file] is None


def test_the_pages_own_address_is_opened_in_this_tab(tab, session, stream):
    text = stream_text(stream.to_bytes())
    updates = tab.open_link("http://here/", SimpleNamespace(query_params={"s": text, "__theme": "dark"}))
    assert updates[tab._tabs].selected == DECODE_TAB
    assert updates[session.linked] == text
    assert updates[tab.received].data == stream.to_bytes()


def test_an_address_without_a_stream_changes_nothing(tab):
    assert tab.open_link("http://here/", SimpleNamespace(query_params={})) == gr.skip()


@pytest.mark.parametrize("text", ["", "AAAA", "no stream at all", "é"])
def test_an_address_with_a_bad_stream_is_refused(tab, text):
    with pytest.raises(StreamError):
        tab.open_link("http://here/", SimpleNamespace(query_params={"s": text}))


def test_no_file(tab):
    with pytest.raises(gr.Error, match=r"Choose a \.pcv2 file first"):
        tab.start(None)


def test_a_link_brings_its_settings(tab, fake, stream):
    query = {"s": stream_text(stream.to_bytes()), "guidance": "10", "seed": "7", "caption": "a new castle"}
    updates = tab.open_link("http://here/", SimpleNamespace(query_params=query))
    expected = [4, 10.0, fake.default_strength("low"), 7, 0.0, "own"]
    assert [updates[part] for part in tab.sampling.components] == expected
    assert updates[tab.caption] == "a new castle"


@pytest.mark.parametrize("setting", [{"steps": "0"}, {"guidance": "nan"}, {"seed": "1.5"}, {"strength": "much"}])
def test_a_link_with_bad_settings_is_refused(tab, stream, setting):
    query = {"s": stream_text(stream.to_bytes()), **setting}
    with pytest.raises(StreamError, match=f"The link's {next(iter(setting))} is not from"):
        tab.open_link("http://here/", SimpleNamespace(query_params=query))


def run(tab, stream, caption, *settings, runs=()):
    received = read(tab, stream.to_bytes())[tab.received]
    assert tab.start(received)[tab.stop_button].visible is True
    return list(tab.run(received, runs, "http://here/", caption, *settings))


def test_the_picture(tab, fake, session, stream):
    updates = run(tab, stream, stream.caption, 3, 1.0, 0.5, 4)
    assert [tab.picture in update for update in updates] == [False, True, True, False, True]
    painted = Path(updates[-1][tab.picture])
    assert painted.name == "old-castle.png"
    assert np.array_equal(Image.open(painted), fake.decompress(stream))
    assert fake.calls[0] == {"steps": 3, "guidance_scale": 1.0, "strength": 0.5, "seed": 4}
    (kept,) = updates[-1][session.runs]
    settings = {"steps": "3", "guidance": "1", "strength": "0.5", "seed": "4"}
    link = link_to("http://here/", stream.to_bytes(), settings)
    assert link.replace("&", "&amp;") in updates[-1][tab.link]
    assert (kept.number, kept.caption_source, kept.original) == (1, "file", None)
    assert kept.metrics == {"agreement": fake.agreement(stream, Image.open(painted))}
    assert kept.stream == stream.to_bytes()
    assert tab.rest()[tab.decode_button].interactive is True


@pytest.mark.parametrize(("caption", "source"), [("a new castle", "custom"), ("", "none")])
def test_another_caption_replaces_the_files_own(tab, fake, session, stream, caption, source):
    (kept,) = run(tab, stream, caption, 1, 3.0, 0.5, 0)[-1][session.runs]
    assert fake.calls[0]["caption"] == caption
    assert (kept.caption, kept.caption_source) == (caption, source)
    (again,) = run(tab, stream, caption, 1, 3.0, 0.5, 0, runs=(kept,))[-1][session.runs]
    assert again.number == 2
