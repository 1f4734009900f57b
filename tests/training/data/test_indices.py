"""Photos as maps of indices, and batches of them."""

import io
import json
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from percov2_demo.data.shards import PhotoShards
from percov2_demo.errors import InputError
from percov2_demo.models.autoencoder import scaled_latents
from percov2_demo.training.data.encoded import is_encoded
from percov2_demo.training.data.indices import IndexBatches, encode_indices
from percov2_demo.training.data.photos import to_tensor
from percov2_demo.training.recipes import base
from percov2_demo.training.recipes.scratch import ScratchRecipe
from tests.conftest import MODEL_PRESETS, tiny_autoencoder, tiny_hyper_codec, tiny_pipeline
from tests.scene import draw_scene
from tests.shards import write_photos


SIDES = [64, 128]


def write_shard(path: Path, sizes: list[tuple[int, int] | bytes]) -> None:
    """Photos of those widths and heights, or of those bytes, from two sources."""
    photos = [size if isinstance(size, bytes) else draw_scene(*size) for size in sizes]
    write_photos(path, [(photo, {"source": "ab"[number % 2]}) for number, photo in enumerate(photos)])


@pytest.fixture
def photos(tmp_path) -> PhotoShards:
    write_shard(tmp_path / "photos" / "train-00.tar", [(150, 130), (160, 250), (300, 200), (150, 130), (90, 90)])
    return PhotoShards([tmp_path / "photos" / "train-00.tar"])


@pytest.fixture
def networks():
    torch.manual_seed(0)
    return tiny_autoencoder(), tiny_hyper_codec()


def encode(photos, networks, path, **settings) -> dict[str, torch.Tensor]:
    device = torch.device("cpu")
    encode_indices(photos, range(len(photos)), *networks, "us", path, SIDES, seed=3, device=device, **settings)
    return load_file(path)


def one_map_at_a_time(photos, vae, hyper_codec):
    """The maps of whole views, photo by photo, and the views' pixels."""
    rng = np.random.default_rng(3)
    for photo in photos:
        pixels, side = photo.pixels(), int(rng.choice(SIDES))
        scale = side * rng.uniform(1, 1.125) / min(pixels.shape[:2])
        image = Image.fromarray(pixels[:, ::-1] if rng.random() < 0.5 else pixels)
        image = image.resize([round(length * scale) for length in image.size], Image.Resampling.LANCZOS)
        rows, columns = (min(length, side * 5 // 4) // 64 * 64 for length in (image.height, image.width))
        top, left = rng.integers(image.height - rows + 1), rng.integers(image.width - columns + 1)
        pixels = np.asarray(image)[top : top + rows, left : left + columns]
        latents = scaled_latents(vae, to_tensor(pixels[None]))
        with torch.no_grad():
            yield {preset: hyper_codec.encode(latents, preset)[0] for preset in MODEL_PRESETS}


@pytest.mark.parametrize("settings", [{}, {"batch_size": 3}, {"batch_size": 2, "workers": 1}])
def test_maps_are_those_of_one_photo_at_a_time(photos, networks, tmp_path, settings):
    written = encode(photos, networks, tmp_path / "maps.safetensors", **settings)
    expected = list(one_map_at_a_time(photos, *networks))
    assert written["sizes"].tolist() == [list(maps["ultra-low"].shape) for maps in expected]
    assert written["sources"].tolist() == [0, 1, 0, 1, 0]
    for preset in MODEL_PRESETS:
        assert written[preset].equal(torch.cat([maps[preset].flatten() for maps in expected]).short())


def test_batches_are_of_photos_of_one_shape(photos, networks, tmp_path, monkeypatch):
    shapes = []
    vae, _ = networks
    encode_pixels = vae.encode
    monkeypatch.setattr(vae, "encode", lambda pixels: (shapes.append(tuple(pixels.shape)), encode_pixels(pixels))[1])
    sizes = encode(photos, networks, tmp_path / "maps.safetensors", batch_size=8)["sizes"]
    expected = {(64 * rows, 64 * columns) for rows, columns in sizes.tolist()}
    assert len(shapes) == len(expected) < len(photos)
    assert {shape[2:] for shape in shapes} == expected


def test_broken_photos_are_left_out(networks, tmp_path):
    whole = io.BytesIO()
    draw_scene(150, 130).save(whole, "PNG")
    write_shard(tmp_path / "photos" / "train-00.tar", [b"broken", (150, 130), whole.getvalue()[:-3000]])
    photos = PhotoShards([tmp_path / "photos" / "train-00.tar"])
    written = encode(photos, networks, tmp_path / "maps.safetensors")
    assert len(written["sizes"]) == len(written["sources"]) == 1
    with safe_open(tmp_path / "maps.safetensors", "pt") as file:
        assert json.loads(file.metadata()["sources"]) == ["b"]
    write_shard(tmp_path / "photos" / "train-01.tar", [b"broken"])
    photos = PhotoShards([tmp_path / "photos" / "train-01.tar"])
    assert len(encode(photos, networks, tmp_path / "no.safetensors")["sizes"]) == 0
    paths = [tmp_path / name for name in ("maps.safetensors", "no.safetensors")]
    assert len(IndexBatches(paths, {"low": [(2, 2, 1.0, 4)]}, seed=0)(0)["low"]) == 4


def test_parts_are_written_as_they_come_and_kept(photos, tmp_path, monkeypatch):
    """A run that is killed in its last part does that alone anew, and parts are no larger than they are to be."""
    monkeypatch.setattr(base, "PART_PHOTOS", 2)
    tiny_pipeline().save_pretrained(tmp_path / "pipeline")
    config = {"seed": 0, "indices": {"sides": SIDES}}
    stages = ScratchRecipe(config, tmp_path, tmp_path / "work", precision="no", model=str(tmp_path / "pipeline"))
    done = []

    def encode_two(photos, numbers, *arguments, **settings):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(numbers)
        encode_indices(photos, numbers, *arguments, **settings)

    monkeypatch.setattr(base, "encode_indices", encode_two)
    with pytest.raises(KeyboardInterrupt):
        stages.run("indices", 1.0)
    folder = tmp_path / "work" / "indices" / "train-00"
    before = {path.name: path.stat().st_mtime_ns for path in sorted(folder.iterdir())}
    assert list(before) == ["000000000.safetensors", "000000002.safetensors"]
    monkeypatch.setattr(base, "encode_indices", encode_indices)
    stages.run("indices", 1.0)
    after = {path.name: path.stat().st_mtime_ns for path in sorted(folder.iterdir())}
    assert {name: after[name] for name in before} == before
    assert [len(load_file(folder / name)["sizes"]) for name in after] == [2, 2, 1]
    with safe_open(folder / "000000004.safetensors", "pt") as file:
        assert is_encoded(folder / "000000000.safetensors", file.metadata()["encoder"])


def write_maps(path, numbers, rows, columns, source):
    """Maps whose index at (r, c) of photo n is 100 n + 10 r + c; at `low` two stand along 64 pixels."""
    cells = 10 * torch.arange(rows)[:, None] + torch.arange(columns)
    maps = torch.stack([100 * number + cells for number in numbers]).short()
    sizes = torch.tensor([[rows // 2, columns // 2]] * len(numbers))
    sources = torch.zeros(len(numbers), dtype=torch.int32)
    tensors = {"low": maps.flatten(), "sizes": sizes, "sources": sources}
    save_file(tensors, path, metadata={"sources": json.dumps([source])})


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


def test_maps_stay_in_their_files(tmp_path):
    """What a million photos would take is in proportion: a few numbers each, and no map of theirs."""
    count = 20_000
    write_maps(tmp_path / "maps.safetensors", [0] * count, 16, 16, "a")
    before = private_bytes()
    batches = IndexBatches([tmp_path / "maps.safetensors"], {"low": [(8, 8, 1.0, 4)]}, seed=0)
    batches(0)
    assert private_bytes() - before < 150 * count < 2 * 16 * 16 * count


def private_bytes() -> int:
    """This process's memory without the files that are mapped into it."""
    info = psutil.Process().memory_info()
    return info.rss - info.shared


def test_without_maps_there_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="run the indices stage first"):
        IndexBatches(tmp_path.glob("*.safetensors"), {"low": [(1, 1, 1.0, 1)]}, seed=0)
