"""Batches of index maps."""

import json

import pytest
import torch
from safetensors.torch import save_file

from percov2_demo.training.indices import IndexBatches


def write_maps(path, numbers, rows, columns, source):
    """Maps whose index at (r, c) of photo n is 100 n + 10 r + c."""
    cells = 10 * torch.arange(rows)[:, None] + torch.arange(columns)
    maps = {f"low.{i}": (100 * number + cells).short() for i, number in enumerate(numbers)}
    save_file(maps, path, metadata={"sources": json.dumps([source] * len(numbers))})


@pytest.fixture
def paths(tmp_path):
    write_maps(tmp_path / "train-00.safetensors", [0, 1], 4, 6, "a")
    write_maps(tmp_path / "train-01.safetensors", [2], 8, 8, "b")
    return list(tmp_path.iterdir())


def test_batches_are_crops_of_the_maps(paths):
    batches = IndexBatches(paths, {"low": [(3, 4, 1.0, 50)]}, seed=0)
    crops = batches(0)["low"]
    assert crops.shape == (50, 3, 4) and crops.dtype == torch.int64
    assert (crops[:, 1:] - crops[:, :-1] == 10).all()
    assert (crops[..., 1:] - crops[..., :-1] == 1).all()
    assert set((crops[:, 0, 0] // 100).tolist()) == {0, 1, 2}
    assert torch.equal(batches(0)["low"], crops)
    assert not torch.equal(batches(1)["low"], crops)


def test_only_maps_that_are_large_enough_are_cropped(paths):
    batches = IndexBatches(paths, {"low": [(5, 5, 0.5, 4), (8, 8, 0.5, 2)]}, seed=0)
    shapes = set()
    for step in range(20):
        crops = batches(step)["low"]
        shapes.add(tuple(crops.shape))
        assert (crops // 100 == 2).all()
    assert shapes == {(4, 5, 5), (2, 8, 8)}


def test_without_maps_there_is_a_sentence(tmp_path):
    with pytest.raises(ValueError, match="run the indices stage first"):
        IndexBatches(tmp_path.glob("*.safetensors"), {"low": [(1, 1, 1.0, 1)]}, seed=0)
