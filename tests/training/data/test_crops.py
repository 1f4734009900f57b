"""Batches of crops read from shards: the same whoever reads them, and wherever a run goes on."""

import numpy as np
import pytest
from PIL import Image

from percov2_demo.data.shards import PhotoShards
from percov2_demo.errors import InputError
from percov2_demo.training.data.crops import PhotoBatches, random_view
from percov2_demo.training.data.determinism import Share
from tests.shards import write_photos, write_shard


@pytest.fixture
def photos(tmp_path):
    write_shard(tmp_path / "train-00.tar", 5, "a")
    write_shard(tmp_path / "train-01.tar", 4, "b")
    return PhotoShards(tmp_path.glob("*.tar"))


def batches(photos, share=None, batch_size=24, workers=0, **changes):
    settings = {"shapes": [(48, 48, 0.5), (48, 64, 0.5)], "groups": 3, "caption_dropout": 0.3, "seed": 1}
    return PhotoBatches(photos, **settings | changes, batch_size=batch_size, share=share or Share(), workers=workers)


def test_shares_of_processes_and_of_accumulation_are_the_whole_batch(photos):
    whole = batches(photos)
    readers = [batches(photos, Share(process, 2)) for process in range(2)]
    shapes = set()
    for step in range(4):
        expected = whole(step, Share())
        shapes.add(tuple(expected.pixels.shape))
        # Two processes with two steps of accumulation each; the groups of three presets are kept.
        for number in range(4):
            part = readers[number % 2](step, Share(number, 4))
            assert part.pixels.equal(expected.pixels[number::4])
            assert part.captions == expected.captions[number::4]
    assert shapes == {(24, 3, 48, 48), (24, 3, 48, 64)}


def test_reading_ahead_and_going_on_change_nothing(photos):
    ahead, anew = batches(photos, workers=1), batches(photos)
    for step in (3, 4, 4, 5):
        expected, read = batches(photos)(step, Share()), ahead(step, Share())
        assert read.pixels.equal(expected.pixels) and read.captions == expected.captions
        assert anew(step, Share()).pixels.equal(expected.pixels)


def test_captions_are_dropped_as_often_as_asked(photos):
    captions = batches(photos, batch_size=600, shapes=[(8, 8, 1.0)])(0, Share()).captions
    assert captions.count("") / 600 == pytest.approx(0.3, abs=0.06)
    assert "" not in batches(photos, caption_dropout=0.0)(0, Share()).captions


def test_a_batch_that_cannot_be_shared_out_is_refused(photos):
    with pytest.raises(InputError, match="a batch of 24 samples cannot be shared out among 16"):
        batches(photos)(0, Share(0, 16))


def test_a_broken_photo_is_passed_over(tmp_path):
    write_photos(tmp_path / "train-00.tar", [(b"broken", {}), (Image.new("RGB", (80, 64), (9, 0, 0)), {})])
    batch = batches(PhotoShards([tmp_path / "train-00.tar"]))(0, Share())
    assert (batch.pixels[:, 0] == 9).all()
    assert set(batch.captions) == {""}


@pytest.mark.parametrize("size", [(40, 200), (64, 64), (300, 20)])
def test_views_show_as_much_as_fits(size):
    image = Image.fromarray(np.random.default_rng(0).integers(256, size=(*size, 3), dtype=np.uint8))
    assert random_view(image, 64, 96, np.random.default_rng(1)).shape == (64, 96, 3)
