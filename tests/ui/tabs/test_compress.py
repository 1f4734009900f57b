"""The handlers of the compress tab."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from percov2_demo.bitstream import Bitstream, Withheld
from percov2_demo.errors import ImageError
from percov2_demo.sampling.settings import Sampling
from percov2_demo.ui.controls.photo import check_photo
from percov2_demo.ui.controls.size import bytes_at, position_of
from percov2_demo.ui.links import link_to
from percov2_demo.ui.panels.result import WORDS_STRENGTH
from percov2_demo.ui.server.files import save_download
from percov2_demo.ui.session.run import Origin
from percov2_demo.ui.tabs.compress import CompressTab


@pytest.fixture
def tab(fake, session):
    return CompressTab(fake, session)


def test_a_photo_is_chosen_for_the_visitor(tab, saved_picture):
    chosen = tab.choose(Path(saved_picture), "a wall")
    assert Path(chosen[tab.photo.image]).read_bytes() == Path(saved_picture).read_bytes()
    assert chosen[tab.caption.text] == "a wall"


def path_of(button: gr.DownloadButton) -> Path:
    return Path(button.value["path"])


def values(tab, photo, fit="native", **chosen):
    """What the inputs hold after a photo was chosen, and settings that differ from the page's first ones."""
    inputs = [*tab.caption.components, *tab.coding.components, *tab.sampling.components, tab.size.slider]
    given = {part: part.value for part in inputs}
    named = {
        "entropy": tab.coding.entropy,
        "withheld": tab.coding.withheld,
        "source": tab.caption.source,
        "caption": tab.caption.text,
        "steps": tab.sampling.steps,
        "strength": tab.sampling.strength,
        "seed": tab.sampling.seed,
        "target": tab.size.slider,
    }
    presets, first = chosen.pop("presets", ["ultra-low"]), chosen.pop("first", "")
    given |= {named[name]: value for name, value in chosen.items()}
    given |= {tab._session.runs: (), tab._session.address: "http://here/", tab.own_strength: False}
    given |= {tab.coding.presets: presets, tab.first: first}
    return given | {tab.fitted: tab.prepare(photo, fit, presets)[tab.fitted]}


def runs_of(tab, updates):
    """Return the runs that a job leaves."""
    return [update for update in updates if tab._session.runs in update][-1][tab._session.runs]


def test_a_photo_is_shown_as_the_codec_sees_it(tab, uploaded_photo):
    updates = tab.prepare(uploaded_photo, "native", ["low"])
    fitted = updates[tab.fitted]
    assert fitted.stem == "My-holiday-1"
    assert fitted.original_bytes == Path(uploaded_photo["path"]).stat().st_size
    assert Image.open(fitted.path).size == (576, 384)
    assert fitted.path in updates[tab.result.comparison]
    assert updates[tab.result.shown] is None
    assert updates[tab.compress_button].interactive is False
    assert updates[tab.result.stop].visible is True
    # That a file has no words is said of one that is there.
    assert updates[tab.result.words].placeholder == "…"


def test_no_photo(tab):
    with pytest.raises(gr.Error, match="Choose a photo first"):
        tab.prepare(None, "native", ["low"])


def test_a_damaged_photo(tab):
    photo = {"path": save_download(b"\xff\xd8\xff junk", "broken.jpg")}
    with pytest.raises(ImageError):
        check_photo(photo)
    with pytest.raises(ImageError):
        tab.prepare(photo, "native", ["low"])


def test_the_file_comes_before_the_picture(tab, fake, uploaded_photo):
    chosen = values(
        tab, uploaded_photo, "squash", presets=["low"], caption="  a grey wall ", steps=2, strength=0.8, seed=11
    )
    updates = list(tab.run(chosen))

    written = path_of(updates[0][tab.result.stream_download])
    data = written.read_bytes()
    stream = Bitstream.from_bytes(data)
    assert written.name == "My-holiday-1-low.pcv2"
    assert (stream.width, stream.height, stream.preset, stream.caption) == (512, 512, "low", "a grey wall")
    assert f"<em>{len(data)} bytes</em>" in updates[0][tab.result.headline]
    words = updates[0][tab.result.words]
    assert (words.value, words.placeholder) == ("a grey wall", "No words: the tokens alone")
    settings = {"steps": "2", "seed": "11"}  # The strength is the usual one.
    assert link_to("http://here/", data, settings).replace("&", "&amp;") in updates[0][tab.result.link]

    painted = path_of(updates[-2][tab.result.picture_download])
    assert painted.name == "My-holiday-1-low.png"
    assert str(painted) in updates[-2][tab.result.comparison]
    assert np.array_equal(Image.open(painted), fake.decompress(stream))
    assert fake.calls[0] == {"steps": 2, "guidance_scale": 3.0, "strength": 0.8, "seed": 11}


def test_steps_and_previews_are_shown(tab, uploaded_photo):
    updates = list(tab.run(values(tab, uploaded_photo, steps=3)))[1:-2]
    for step, update in enumerate(updates):
        assert f"step {step} of 3" in update[tab.result.progress]
    previewed = ["Preview" in update.get(tab.result.comparison, "") for update in updates]
    assert previewed == [False, True, True, False]


def test_the_run_is_kept(tab, uploaded_photo):
    chosen = values(tab, uploaded_photo, presets=["low"], caption="a grey wall", steps=1, strength=1.0, seed=4)
    updates = list(tab.run(chosen))
    (run,) = runs_of(tab, updates)
    assert updates[-2][tab.result.shown] is run
    assert (run.number, run.preset, run.caption, run.caption_source) == (1, "low", "a grey wall", "custom")
    assert run.sampling == Sampling(steps=1, strength=1.0, seed=4)
    assert run.stream == path_of(updates[0][tab.result.stream_download]).read_bytes()
    assert run.rates.file_bytes == len(run.stream)
    assert Image.open(run.thumbnail).size[0] < Image.open(run.picture).size[0]
    assert Image.open(run.original).size == Image.open(run.picture).size
    document = json.loads(path_of(updates[-2][tab.result.json_download]).read_text())
    assert document == run.to_dict()
    assert run.origin == Origin(uploaded_photo["path"], "native", "default", 0)
    (again,) = runs_of(tab, tab.run(chosen | {tab._session.runs: (run,)}))
    assert (again.number, again.job) == (2, 2)


def test_a_run_that_is_restored_is_repeated(tab, uploaded_photo):
    chosen = values(
        tab, uploaded_photo, "squash", presets=["low"], entropy="qlds", withheld=2, caption="a wall", steps=1, seed=4
    )
    (run,) = runs_of(tab, tab.run(chosen))
    restored = tab.restore(run, [run], "http://here/")
    assert set(restored) <= set(tab.restorable)
    assert restored[tab.result.shown] is run
    assert restored[tab.own_strength] is False
    assert restored[tab.coding.withheld].value == 2
    assert restored[tab.photo.image] == uploaded_photo["path"]
    again = {**chosen, **restored, tab.coding.withheld: restored[tab.coding.withheld].value}
    again[tab.fitted] = tab.prepare(uploaded_photo, restored[tab.coding.fit], ["low"])[tab.fitted]
    assert runs_of(tab, tab.run(again))[0].stream == run.stream


@pytest.mark.parametrize(
    ("chosen", "coding"),
    [
        ({}, (None, None)),
        ({"entropy": "qlds"}, ("qlds", None)),
        ({"withheld": 2}, (None, Withheld(3))),
        ({"entropy": "uniform", "withheld": 9}, ("uniform", Withheld(0))),
    ],
)
def test_the_coding_reaches_the_codec(tab, fake, uploaded_photo, chosen, coding):
    list(tab.run(values(tab, uploaded_photo, steps=1, **chosen)))
    assert fake.codings == [coding]


def test_no_caption_is_none_even_where_a_text_was_written(tab, uploaded_photo):
    updates = list(tab.run(values(tab, uploaded_photo, source="none", caption="a wall", steps=1)))
    (run,) = runs_of(tab, updates)
    assert (run.caption, run.caption_source) == ("", "none")


def test_the_automatic_caption_is_shown(fake, session, uploaded_photo):
    fake.captioner = object()
    tab = CompressTab(fake, session)
    updates = list(tab.run(values(tab, uploaded_photo, steps=1)))
    assert updates[0][tab.caption.text] == "a picture 576 pixels wide"
    (run,) = runs_of(tab, updates)
    assert (run.caption, run.caption_source) == ("a picture 576 pixels wide", "auto")


def test_every_rate_is_made_the_largest_first(tab, uploaded_photo):
    updates = list(tab.run(values(tab, uploaded_photo, presets=["ultra-low", "low", "extreme-low"], steps=2)))
    runs = runs_of(tab, updates)
    assert [run.preset for run in runs] == ["extreme-low", "low", "ultra-low"]
    assert [run.rates.file_bytes for run in runs] == sorted((run.rates.file_bytes for run in runs), reverse=True)
    assert {run.job for run in runs} == {1}
    # What is painted later does not take the place of what the visitor looks at.
    shown = [update[tab.result.shown] for update in updates if tab.result.shown in update]
    assert shown == [runs[0]]
    assert sum(tab.result.headline in update for update in updates) == 2
    strip = [update[tab.result.strip] for update in updates if tab.result.strip in update][-1]
    assert [f"<b>{run.rates.file_bytes:,} bytes</b>" in strip for run in runs] == [True] * 3
    opened = tab.result.open(runs, "http://here/", SimpleNamespace(index=3))
    assert opened[tab.result.shown] is runs[2]
    assert f"<em>{runs[2].rates.file_bytes} bytes</em>" in opened[tab.result.headline]


def test_what_is_seen_is_repainted_first_and_stays_open(tab, uploaded_photo):
    presets = ["ultra-low", "low", "extreme-low"]
    (seen,) = runs_of(tab, tab.run(values(tab, uploaded_photo, presets=["low"], steps=1)))
    first = tab.take_words("an old castle", seen)[tab.first]
    updates = list(tab.run(values(tab, uploaded_photo, presets=presets, first=first, steps=1)))
    runs = runs_of(tab, updates)
    assert [run.preset for run in runs] == ["low", "extreme-low", "ultra-low"]
    assert [update[tab.result.shown] for update in updates if tab.result.shown in update] == [runs[0]]
    assert [update[tab.first] for update in updates if tab.first in update] == [""]
    strip = [update[tab.result.strip] for update in updates if tab.result.strip in update][-1]
    # The strip's order stays.
    assert strip.index(">extreme-low<") < strip.index(">low<") < strip.index(">ultra-low<")


def test_no_rate(tab, uploaded_photo):
    with pytest.raises(gr.Error, match="at least one rate"):
        tab.prepare(uploaded_photo, "native", [])


def test_each_rate_has_the_strength_that_suits_it(tab, fake, uploaded_photo):
    chosen = values(tab, uploaded_photo, presets=["ultra-low", "low"], steps=1) | {tab.own_strength: True}
    runs = runs_of(tab, tab.run(chosen))
    assert [run.sampling.strength for run in runs] == [
        fake.default_strength("low"),
        fake.default_strength("ultra-low"),
    ]


def test_a_public_painter_has_its_own_strength(tab, fake, uploaded_photo):
    (run,) = runs_of(tab, tab.run(values(tab, uploaded_photo, steps=1)))
    fake.painters.offer(["someone/painter"])
    updates = tab.next_painter("own")
    assert updates[tab.sampling.painter] == "someone/painter"
    usual = updates[tab.sampling.strength]
    assert usual != fake.default_strength(run.preset)
    for strength in (usual, fake.default_strength(run.preset)):
        painted = replace(run, sampling=Sampling(strength=strength, painter="someone/painter"))
        assert tab.restore(painted, [painted], "")[tab.own_strength] is (strength == usual)
    assert tab.next_painter("someone/painter")[tab.sampling.painter] == "own"


def test_other_words_are_painted_where_they_have_a_say(tab, uploaded_photo):
    (run,) = runs_of(tab, tab.run(values(tab, uploaded_photo, strength=0.0, steps=1)))
    updates = tab.take_words(" an old castle ", run)
    assert (updates[tab.caption.text], updates[tab.caption.source]) == ("an old castle", "custom")
    assert updates[tab.sampling.strength] == WORDS_STRENGTH
    assert updates[tab.own_strength] is False
    assert tab.sampling.strength not in tab.take_words("", replace(run, sampling=Sampling(strength=0.4)))


def test_the_factor_is_of_the_same_pixels(tab, uploaded_photo):
    chosen = values(tab, uploaded_photo, steps=1)
    (run,) = runs_of(tab, tab.run(chosen))
    headline = next(tab.run(chosen))[tab.result.headline]
    factor = Path(run.original).stat().st_size / run.rates.file_bytes
    assert f"{factor:,.0f} times smaller than the same 576×384 pixels" in headline


def test_buttons_at_rest(tab):
    updates = tab.rest()
    assert updates[tab.compress_button].interactive is True
    assert updates[tab.result.stop].visible is False


def test_visitors_share_nothing(tab, uploaded_photo):
    """Two runs that alternate, as two visitors' do between the steps, keep their own results."""
    other = {"path": save_download(Path(uploaded_photo["path"]).read_bytes(), "other.jpg")}
    runs = [
        tab.run(values(tab, photo, "crop", presets=[preset], caption=caption, steps=3))
        for photo, preset, caption in ((uploaded_photo, "ultra-low", "one"), (other, "low", "two"))
    ]
    steps = list(zip(*runs, strict=True))
    files = [path_of(update[tab.result.stream_download]).read_bytes() for update in steps[0]]
    assert [Bitstream.from_bytes(data).caption for data in files] == ["one", "two"]
    assert [path_of(update[tab.result.picture_download]).name for update in steps[-2]] == [
        "My-holiday-1-ultra-low.png",
        "other-low.png",
    ]


@pytest.mark.usefixtures("refinement_helps")
def test_a_target_size_is_refined_to(pipeline, session, blocks, uploaded_photo):
    tab = CompressTab(pipeline, session)
    updates = list(tab.run(values(tab, uploaded_photo, target=position_of(400), steps=1, strength=0.8)))
    run, plain = runs_of(tab, updates)
    assert plain.origin.target == 0
    assert 0.9 * 400 < len(run.stream) <= bytes_at(position_of(400))
    assert run.rates.refinement_bytes > 0
    assert run.sampling.strength == 0
    assert tab.restore(run, [run, plain], "http://here/")[tab.size.slider] == position_of(400)
    # What is seen is repainted first, be it the target's file or one of the same preset.
    presets = list({plain.preset, run.preset})
    for seen in (run, plain, replace(plain, preset=run.preset)):
        first = tab.take_words("an old castle", seen)[tab.first]
        chosen = values(tab, uploaded_photo, presets=presets, target=position_of(400), steps=1, first=first)
        updates = list(tab.run(chosen))
        again = runs_of(tab, updates)
        assert (again[0].preset, again[0].origin.target) == (seen.preset, seen.origin.target)
        assert [update[tab.result.shown] for update in updates if tab.result.shown in update] == [again[0]]
