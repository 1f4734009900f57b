"""The masked model: exact, blind to what is hidden, for any map."""

import pytest
import torch
import torch.nn.functional as F

from percov2_demo.entropy.integer_layers import freeze
from percov2_demo.entropy.masked_model import MASK, MaskedModel, SpatialMixer
from percov2_demo.errors import InputError
from tests.entropy.conftest import TINY_MASKED, digest, fill_with_integers, random_masked_model


def random_maps(count: int, rows: int, columns: int, size: int = 256) -> torch.Tensor:
    generator = torch.Generator().manual_seed(rows)
    indices = torch.randint(size, (count, rows, columns), generator=generator)
    return torch.where(torch.rand(indices.shape, generator=generator) < 0.5, indices, MASK)


@torch.inference_mode()
def test_logits_do_not_depend_on_how_they_are_computed(masked_model):
    maps = random_maps(4, 9, 14)
    logits = masked_model(maps, "low")
    threads = torch.get_num_threads()
    try:
        for count in (1, 2, 4):
            torch.set_num_threads(count)
            assert torch.equal(masked_model(maps, "low"), logits)
    finally:
        torch.set_num_threads(threads)
    with torch.backends.mkldnn.flags(enabled=False):
        assert torch.equal(masked_model(maps, "low"), logits)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(masked_model(maps, "low"), logits)
    for number in range(4):
        assert torch.equal(masked_model(maps[number : number + 1], "low")[0], logits[number])


@torch.inference_mode()
def test_logits_are_those_of_other_machines():
    """Frozen: whoever computes anything else cannot read files that exist."""
    model = MaskedModel(**TINY_MASKED)
    fill_with_integers(model)
    maps = (torch.arange(2 * 6 * 9) * 31 % 300).view(2, 6, 9)
    logits = model(torch.where(maps < 256, maps, MASK), "ultra-low")
    assert len(logits.unique()) > 200
    assert digest(logits) == "697fdfbc5ad8bb12"


@torch.inference_mode()
def test_logits_are_integers_that_differ(masked_model):
    logits = masked_model(random_maps(2, 8, 8), "ultra-low")
    assert logits.shape == (2, 8, 8, 256)
    assert torch.equal(logits, logits.round())
    assert logits.std() > 5


@torch.inference_mode()
def test_known_indices_matter_and_hidden_ones_are_not_there(masked_model):
    known = torch.full((1, 6, 6), MASK)
    everywhere = masked_model(known, "ultra-low")
    known[0, 2, 3] = 17
    assert not torch.equal(masked_model(known, "ultra-low")[0, 3, 3], everywhere[0, 3, 3])


@pytest.mark.parametrize("grid", [(1, 1), (1, 20), (20, 1), (5, 7), (64, 64)])
@torch.inference_mode()
def test_any_map_size(masked_model, grid):
    assert masked_model(torch.full((1, *grid), MASK), "extreme-low").shape == (1, *grid, 256)


def test_convolution_is_the_integer_sum():
    mixer = SpatialMixer(8, 5, 1.0)
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(-255, 256, (2, 6, 9, 8), generator=generator)
    weight = torch.randint(-127, 128, (8, 25), generator=generator)
    padded = F.pad(x, (0, 0, 2, 2, 2, 2))
    exact = sum(padded[:, r : r + 6, c : c + 9] * weight[:, 5 * r + c] for r in range(5) for c in range(5))
    assert torch.equal(mixer._convolve(x.float(), weight.float()).long(), exact)


def test_trained_and_frozen_model_agree():
    model = random_masked_model()
    maps = random_maps(2, 8, 8)
    trained = model(maps, "ultra-low").detach()
    freeze(model)
    with torch.inference_mode():
        assert (model(maps, "ultra-low") - trained).abs().max() <= 8


def test_saved_model_is_small_and_the_same(masked_model, tmp_path):
    masked_model.save_pretrained(tmp_path)
    loaded = MaskedModel.from_pretrained(tmp_path)
    size = (tmp_path / "diffusion_pytorch_model.safetensors").stat().st_size
    elements = sum(buffer.numel() for buffer in masked_model.buffers())
    assert size < 1.5 * elements + 20_000
    maps = random_maps(1, 8, 8)
    with torch.inference_mode():
        expected = masked_model(maps, "low")
        assert torch.equal(loaded(maps, "low"), expected)
        assert torch.equal(loaded.half()(maps, "low"), expected)


def test_unknown_preset(masked_model):
    with pytest.raises(InputError, match="does not serve"):
        masked_model(random_maps(1, 2, 2), "high")
