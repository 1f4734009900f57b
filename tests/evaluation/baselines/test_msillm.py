"""MS-ILLM by random weights: of the real class where `neuralcompression` is installed, else of one with its interface.

The package asks for torchvision, which this project does without, so that it is not among what the tests install.
"""

import pickle
import sys
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from percov2_demo.errors import CodecError
from percov2_demo.evaluation.baselines import Codec, Ladder, msillm
from tests.scene import draw_scene


@dataclass
class CompressedOutput:
    """The fields of `neuralcompression.HyperpriorCompressedOutput`."""

    latent_strings: list[bytes]
    hyper_latent_strings: list[bytes]
    image_size: tuple[int, int]
    padded_size: tuple[int, int]


class Autoencoder(nn.Module):
    """What is asked of `neuralcompression.models.HiFiCAutoencoder`: its strings are the picture's mean colours."""

    def __init__(self) -> None:
        super().__init__()
        self.grid = nn.Parameter(torch.randint(2, 6, ()).float())
        self.ready = False

    def update_tensor_devices(self, target_operation: str) -> None:
        assert target_operation == "compress"
        self.ready = not self.training

    def compress(self, image: Tensor) -> CompressedOutput:
        assert self.ready
        height, width = image.shape[-2:]
        padded = (-(-height // 64) * 64, -(-width // 64) * 64)
        pooled = nn.functional.adaptive_avg_pool2d(image, int(self.grid))
        text = (255 * pooled).byte().numpy().tobytes()
        return CompressedOutput([text[4:]], [text[:4]], (height, width), padded)

    def decompress(self, coded: CompressedOutput) -> Tensor:
        assert self.ready
        assert all(padded % 64 == 0 for padded in coded.padded_size)
        (hyper_latent,), (latent,) = coded.hyper_latent_strings, coded.latent_strings
        side = int(self.grid)
        colours = torch.frombuffer(bytearray(hyper_latent + latent), dtype=torch.uint8).view(1, 3, side, side)
        return nn.functional.interpolate(colours.float() / 255, coded.image_size)


@pytest.fixture
def package(monkeypatch) -> None:
    """`neuralcompression`, or what stands for it."""
    if find_spec("neuralcompression") is None:
        package, models = ModuleType("neuralcompression"), ModuleType("neuralcompression.models")
        package.__spec__ = ModuleSpec("neuralcompression", None)
        package.HyperpriorCompressedOutput, models.HiFiCAutoencoder = CompressedOutput, Autoencoder
        monkeypatch.setitem(sys.modules, "neuralcompression", package)
        monkeypatch.setitem(sys.modules, "neuralcompression.models", models)


@pytest.fixture
def checkpoints(tmp_path, monkeypatch):
    """The folder of downloads; no model is kept from another test."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    msillm._load.cache_clear()
    (tmp_path / "checkpoints").mkdir()
    yield tmp_path / "checkpoints"
    msillm._load.cache_clear()


@pytest.fixture
def codec(package, checkpoints) -> Codec:
    from neuralcompression.models import HiFiCAutoencoder

    for number, name in enumerate(msillm.TARGETS.values()):
        torch.manual_seed(number)
        torch.save(HiFiCAutoencoder().state_dict(), checkpoints / name)
    found = msillm.find_msillm()
    assert found is not None
    return found


def test_a_file_stands_alone(codec):
    assert codec.qualities == (0.00218, 0.00438)
    for quality in codec.qualities:
        data = codec.encode(draw_scene(130, 100), quality)
        msillm._load.cache_clear()
        decoded = codec.decode(data)
        assert (decoded.mode, decoded.size) == ("RGB", (130, 100))
        assert codec.encode(draw_scene(130, 100), quality) == data


def test_it_is_searched_as_the_classical_codecs_are(codec):
    ladder = Ladder(draw_scene(128, 64), codec)
    sizes = [len(codec.encode(ladder.image, quality)) for quality in codec.qualities]
    assert len(ladder.at_most(max(sizes)).data) <= max(sizes)
    assert not ladder.at_most(min(sizes) - 1).fits


def test_small_pictures_and_other_modes_are_refused(codec):
    with pytest.raises(CodecError, match="at least 64 pixels, not 200x63"):
        codec.encode(Image.new("RGB", (200, 63)), 0.00218)
    with pytest.raises(ValueError, match="Only an RGB picture"):
        codec.encode(Image.new("L", (64, 64)), 0.00218)


def test_it_takes_the_weights_that_are_there(codec, checkpoints):
    (checkpoints / msillm.TARGETS[0.00218]).unlink()
    assert msillm.find_msillm().qualities == (0.00438,)
    (checkpoints / msillm.TARGETS[0.00438]).unlink()
    assert msillm.find_msillm() is None


def test_it_takes_the_package(checkpoints, monkeypatch):
    (checkpoints / msillm.TARGETS[0.00218]).touch()
    monkeypatch.setattr(msillm, "find_spec", lambda name: None)
    assert msillm.find_msillm() is None


@pytest.mark.parametrize("content", [b"", b"no weights", pickle.dumps(print), "of another model"])
def test_other_files_are_no_weights_and_nothing_in_them_runs(codec, checkpoints, content):
    path = checkpoints / msillm.TARGETS[0.00218]
    if isinstance(content, str):
        torch.save({"unknown": torch.zeros(1)}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(CodecError, match="no weights of MS-ILLM"):
        codec.encode(draw_scene(64, 64), 0.00218)
