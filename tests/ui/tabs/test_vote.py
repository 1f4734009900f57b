"""The vote on the session's pictures."""

from dataclasses import replace

import gradio as gr
import pytest

from percov2_demo.ui.server.files import save_download
from percov2_demo.ui.tabs.vote import VoteTab
from tests.ui.session.test_run import RUN


def test_pictures_of_one_photo_are_voted_on(blocks, saved_picture):
    tab = VoteTab(gr.State(()))
    with open(saved_picture, "rb") as file:
        other = save_download(file.read(), "other.png")
    run = replace(RUN, picture=saved_picture, original=saved_picture)
    shown = tab.begin([run, replace(run, number=4, picture=other)])
    assert "Pair 1 of 1" in shown[tab.panel.pictures]
    assert "run-" not in shown[tab.panel.pictures]


def test_one_picture_is_not_enough(blocks):
    with pytest.raises(gr.Error, match="at least two pictures of one photo"):
        VoteTab(gr.State(())).begin([RUN])
