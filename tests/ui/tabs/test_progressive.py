"""A refined file as it arrives, on a tiny random model."""

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from percov2_demo.errors import InputError
from percov2_demo.ui.controls.size import position_of
from percov2_demo.ui.tabs.inside import InsideTab


@pytest.fixture
def panel(pipeline, session):
    return InsideTab(pipeline, session).progressive


@pytest.mark.usefixtures("refinement_helps")
def test_every_block_shows_a_picture(panel, pipeline, uploaded_photo):
    updates = list(panel.receive(uploaded_photo, " an old castle ", position_of(2000), ()))
    *updates, last = updates
    arrived = updates[-1][panel._arrived]
    assert len(arrived) == len(updates) > 2
    sizes = [size for size, _ in arrived]
    assert sizes == sorted(sizes)
    assert 1800 < sizes[-1] <= 2100
    assert {Image.open(path).size for _, path in arrived} == {(576, 384)}
    assert f"{sizes[-1]:,} bytes" in updates[-1][panel.note]
    (run,) = last[panel._session.runs]
    assert (len(run.stream), run.origin.target) == (sizes[-1], position_of(2000))
    assert np.array_equal(Image.open(run.picture), Image.open(arrived[-1][1]))
    first = panel.show(arrived, 0)
    assert f"{sizes[0]:,} bytes" in first[panel.note]
    assert first[panel.picture].value["path"] == arrived[0][1]


def test_nothing_has_arrived_yet(panel):
    assert panel.show([], 0) == {}


def test_sizes_without_blocks_are_refused(panel, uploaded_photo):
    with pytest.raises((gr.Error, InputError), match=r"choose a larger one|ask for at least"):
        list(panel.receive(uploaded_photo, "", position_of(80), ()))


def test_no_photo(panel):
    with pytest.raises(gr.Error, match="Choose a photo first"):
        list(panel.receive(None, "", 50, ()))
