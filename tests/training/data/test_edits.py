"""The edits that captions name."""

import numpy as np
import pytest

from percov2_demo.training.data.edits import EDITS, PLAIN, PLAIN_SHARE, introduce


GREY_CARD = np.full((8, 8, 3), 128, np.uint8)
PHOTO = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)


def edit_named(word):
    return next(edit for edit in EDITS if word in edit.caption)


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.caption)
def test_edited_photo_is_another_photo_of_the_same_size(edit):
    first, second = (edit(PHOTO, np.random.default_rng(1)) for _ in range(2))
    assert first.shape == PHOTO.shape and first.dtype == np.uint8
    assert (first == second).all() and (first != PHOTO).any()
    rng = np.random.default_rng(1)
    told = {edit.describe("a red car", rng) for _ in range(60)}
    assert told == {phrase.format("a red car") for phrase in (edit.caption, *edit.phrases)}
    assert all("red car" in caption and caption != "a red car" for caption in told)


def test_a_share_of_captions_is_introduced():
    rng = np.random.default_rng(0)
    told = [introduce("a red car", rng) for _ in range(500)]
    assert set(told) == {"a red car", *(plain.format("a red car") for plain in PLAIN)}
    assert told.count("a red car") / 500 == pytest.approx(1 - PLAIN_SHARE, abs=0.06)


def test_edits_do_what_their_captions_say():
    rng = np.random.default_rng(0)
    colourless = edit_named("black and white")(PHOTO, rng)
    assert (colourless.max(axis=2) == colourless.min(axis=2)).all()
    assert edit_named("night")(GREY_CARD, rng).mean() < 64
    red, _, blue = edit_named("sunset")(GREY_CARD, rng).mean(axis=(0, 1))
    assert red > blue + 40
    assert edit_named("fog")(PHOTO, rng).std() < PHOTO.std() / 2
    assert edit_named("snow")(GREY_CARD, rng).mean() > 160
    meadow = np.full((8, 8, 3), (60, 140, 50), np.uint8)
    red, green, _ = edit_named("autumn")(meadow, rng).mean(axis=(0, 1))
    assert red > green + 20
