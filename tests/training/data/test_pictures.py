"""Batches of pictures with captions that may name an edit."""

import numpy as np
import torch

from percov2_demo.data.shards import read_shards
from percov2_demo.training.data.edits import EDITS, PLAIN
from percov2_demo.training.data.pictures import PictureBatches, ReadAhead, random_scale_crop
from tests.shards import write_shard


def make_batches(tmp_path, shapes=((64, 64, 0.5, 6), (48, 64, 0.5, 3)), **shares):
    write_shard(tmp_path / "train-00.tar", 6, "a")
    photos = read_shards(tmp_path.glob("*.tar"))
    settings = {"caption_dropout": 0.0, "edited": 0.0, "resent": 0.0} | shares
    return PictureBatches(photos, shapes, **settings, seed=3), photos


def test_a_step_has_the_same_batch_each_time(tmp_path):
    batches, photos = make_batches(tmp_path, edited=0.5)
    first, second = batches[5], batches[5]
    assert torch.equal(first.pictures, second.pictures) and first.captions == second.captions
    assert {tuple(batches[step].pictures.shape) for step in range(12)} == {(6, 3, 64, 64), (3, 3, 48, 64)}
    assert first.pictures.abs().max() <= 1
    assert all(any(caption in text for photo in photos for caption in photo.captions) for text in first.captions)


def test_plain_captions_come_with_plain_pictures(tmp_path):
    batches, _ = make_batches(tmp_path, edited=0.5, resent=0.5, caption_dropout=0.3)
    words = [phrase.replace("{}", "").strip() for edit in EDITS for phrase in (edit.caption, *edit.phrases)]
    seen = set()
    for step in range(20):
        batch = batches[step]
        for picture, source, caption in zip(*batch, strict=True):
            named = any(word in caption for word in words)
            changed = not torch.equal(picture, source)
            assert named or not changed
            seen.add((named, changed, bool(caption)))
    assert seen == {(True, True, True), (True, False, True), (False, False, True), (False, False, False)}


def test_introductions_ask_for_nothing(tmp_path):
    batches, _ = make_batches(tmp_path, edited=0.5)
    seen = set()
    for step in range(20):
        for picture, source, caption in zip(*batches[step], strict=True):
            introduced = any(plain.removesuffix("{}") in caption.removeprefix("a black and white ") for plain in PLAIN)
            seen.add((introduced, not torch.equal(picture, source)))
    assert seen == {(introduced, changed) for introduced in (False, True) for changed in (False, True)}


def test_shapes_that_no_photo_holds_are_left_out(tmp_path):
    batches, _ = make_batches(tmp_path, shapes=((64, 64, 0.1, 3), (4096, 4096, 0.9, 3)))
    assert {tuple(batches[step].pictures.shape) for step in range(8)} == {(3, 3, 64, 64)}


def test_a_crop_lies_between_the_photos_scale_and_the_whole_of_it():
    photo = np.repeat(np.arange(200, dtype=np.uint8)[None, :, None], 100, 0).repeat(3, 2)
    rng = np.random.default_rng(0)
    spans = []
    for _ in range(40):
        crop = random_scale_crop(photo, 50, 50, rng)
        assert crop.shape == (50, 50, 3)
        spans.append(int(crop.max()) - int(crop.min()))
    # 50 columns of the photo at its own scale, 100 where its height is shrunk to 50.
    assert min(spans) < 60 and max(spans) > 85 and max(spans) < 102


def test_reading_ahead_gives_the_same_batches_from_any_step_on(tmp_path):
    batches, _ = make_batches(tmp_path)
    for workers in (0, 1):
        ahead = ReadAhead(batches, workers)
        for step in (2, 3, 7, 3):
            assert torch.equal(ahead(step).pictures, batches[step].pictures)
