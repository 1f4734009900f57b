"""Position tables cut to size."""

import pytest
import torch

from percov2_demo.errors import ModelError
from percov2_demo.models.positions import crop_positions
from tests.conftest import tiny_transformer


@torch.inference_mode()
@pytest.mark.parametrize("size", [(16, 24), (40, 40), (8, 38)])
def test_smaller_pictures_come_out_the_same(size):
    torch.manual_seed(0)
    full = tiny_transformer(condition_channels=4)
    cropped = crop_positions(full, 20)
    assert cropped.config.pos_embed_max_size == 20
    inputs = {
        "hidden_states": torch.randn(1, 20, *size),
        "timestep": torch.tensor([300.0]),
        "encoder_hidden_states": torch.randn(1, 7, 16),
        "pooled_projections": torch.randn(1, 16),
        "return_dict": False,
    }
    assert torch.equal(cropped(**inputs)[0], full(**inputs)[0])


def test_tables_that_have_no_such_middle_are_refused():
    for size in (50, 47):
        with pytest.raises(ModelError, match=f"cannot be cut to {size}"):
            crop_positions(tiny_transformer(condition_channels=4), size)
