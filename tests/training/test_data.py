"""Photos out of tar shards, in an order that the seed decides."""

import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from percov2_demo.training.data import BalancedSampler, random_crop, read_shards


def write_shard(path, count, source):
    with tarfile.open(path, "w") as shard:
        for number in range(count):
            picture = io.BytesIO()
            Image.new("RGB", (80, 64), (number, 0, 0)).save(picture, "WEBP", lossless=True)
            record = json.dumps({"captions": [f"photo {number} of {source}"], "source": source}).encode()
            for extension, data in (("webp", picture.getvalue()), ("json", record)):
                member = tarfile.TarInfo(f"{source}-{number}.{extension}")
                member.size = len(data)
                shard.addfile(member, io.BytesIO(data))


def test_photos_of_all_shards(tmp_path):
    write_shard(tmp_path / "train-01.tar", 2, "b")
    write_shard(tmp_path / "train-00.tar", 3, "a")
    photos = read_shards(tmp_path.glob("train-*.tar"))
    assert [photo.source for photo in photos] == ["a", "a", "a", "b", "b"]
    assert photos[4].captions == ("photo 1 of b",)
    assert photos[4].pixels().shape == (64, 80, 3)
    assert photos[4].pixels()[0, 0].tolist() == [1, 0, 0]


def test_no_photos_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="no training photos"):
        read_shards(tmp_path.glob("*.tar"))


def test_order_depends_on_seed_and_step_alone():
    sampler, again = (BalancedSampler(["a"] * 50, seed=3) for _ in range(2))
    for step in (5, 0):
        assert np.array_equal(sampler.draw(step, 20)[0], again.draw(step, 20)[0])
    assert not np.array_equal(sampler.draw(0, 20)[0], sampler.draw(1, 20)[0])
    assert not np.array_equal(sampler.draw(0, 20)[0], BalancedSampler(["a"] * 50, seed=4).draw(0, 20)[0])


def test_small_sources_are_seen_more_often_than_their_share():
    sampler = BalancedSampler(["big"] * 900 + ["small"] * 100, seed=0)
    numbers, _ = sampler.draw(0, 20_000)
    assert np.mean(numbers >= 900) == pytest.approx(10 / 40, abs=0.02)


@pytest.mark.parametrize("size", [(40, 200), (64, 64), (30, 20)])
def test_crops_have_the_size_asked_for(size):
    pixels = np.random.default_rng(0).integers(256, size=(*size, 3), dtype=np.uint8)
    assert random_crop(pixels, 64, np.random.default_rng(1)).shape == (64, 64, 3)
