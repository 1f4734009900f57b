"""Which photos the statistics are of."""

import io

import pytest
import torch
from PIL import Image, ImageOps

from percov2_demo.data.shards import Photo
from percov2_demo.errors import InputError
from percov2_demo.metrics import load_deep_features, to_tensor
from percov2_demo.training.measures import photo_statistics
from percov2_demo.training.measures.photo_statistics import measure_photo_statistics
from tests.scene import draw_scene


def photo(width: int, height: int) -> Photo:
    buffer = io.BytesIO()
    draw_scene(width, height).save(buffer, "PNG")
    return Photo(buffer.getvalue(), ("a house",), "drawn")


@pytest.fixture(autouse=True)
def smaller(monkeypatch):
    monkeypatch.setattr(photo_statistics, "LARGE_SIDE", 192)
    monkeypatch.setattr(photo_statistics, "SMALL_SIDE", 128)


def test_all_large_photos_and_as_many_small_ones_are_measured():
    large, small = [photo(192, 256), photo(260, 200)], [photo(128, 190), photo(150, 160), photo(191, 300)]
    tiny = photo(127, 300)
    extract = load_deep_features()

    def means(chosen: Photo, side: int) -> torch.Tensor:
        image = Image.fromarray(chosen.pixels())
        return extract(to_tensor(ImageOps.fit(image, (side, side), Image.Resampling.LANCZOS))).means

    statistics = measure_photo_statistics([tiny, *small, *large], seed=0)
    sums = 4 * statistics.mean - sum(means(chosen, 192) for chosen in large)
    pairs = [means(small[a], 128) + means(small[b], 128) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert min(float((sums - pair).abs().max()) for pair in pairs) < 1e-4
    assert torch.equal(statistics.mean, measure_photo_statistics([tiny, *small, *large], seed=0).mean)


def test_too_few_photos_are_refused():
    with pytest.raises(InputError, match="give some of at least 192 pixels"):
        measure_photo_statistics([photo(150, 150)], seed=0)
