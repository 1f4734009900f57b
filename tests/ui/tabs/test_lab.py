"""What the labs have in common, as the caption lab shows it."""

import pytest

from percov2_demo.ui.tabs.caption_lab import CaptionLab
from tests.ui.lab_fakes import LabPipeline


@pytest.fixture
def lab(session):
    return CaptionLab(LabPipeline(), session)


def test_the_work_is_foreseen_when_the_page_loads_and_whenever_an_input_changes(lab, blocks):
    events = {target for fn in blocks.fns.values() if lab.forecast in fn.outputs for target in fn.targets}
    assert "load" in {event for _, event in events}
    assert {(part._id, "change") for part in (lab.preset, lab.captions, lab.automatic, lab.floor)} < events


def test_stop_says_what_was_painted(lab):
    painted = ["", "an old castle"]
    assert "after 2 pictures" in lab.say_stopped(painted)
    updates = lab.rest(None, painted)
    assert updates[lab.run_button].visible is True
    assert updates[lab.stop_button].visible is False


def test_a_run_begins_with_nothing_painted(lab, uploaded_photo):
    updates = lab.prepare(uploaded_photo, "an old castle")
    assert updates[lab.painted] == ()
    assert updates[lab.fitted].stem == "My-holiday-1"
    assert updates[lab.run_button].visible is False
    assert updates[lab.stop_button].visible is True
