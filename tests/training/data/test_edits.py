"""The edits that captions name."""

import numpy as np
import pytest

from percov2_demo.training.data.edits import EDITS


GREY_CARD = np.full((8, 8, 3), 128, np.uint8)
PHOTO = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)


def edit_named(word):
    return next(edit for edit in EDITS if word in edit.caption)


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.caption)
def test_edited_photo_is_another_photo_of_the_same_size(edit):
    first, second = (edit(PHOTO, np.random.default_rng(1)) for _ in range(2))
    assert first.shape == PHOTO.shape and first.dtype == np.uint8
    assert (first == second).all() and (first != PHOTO).any()
    assert "red car" in edit.caption.format("a red car")


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
