"""Tiny entropy models with random weights, frozen as trained ones are."""

import pytest
import torch

from percov2_demo.entropy.caption_model import CaptionModel, learn_merges
from percov2_demo.entropy.integer_layers import freeze, make_trainable
from percov2_demo.entropy.masked_model import MaskedModel


TINY_MASKED = {"width": 24, "blocks": 2, "hidden": 48, "kernel": 3, "zones": 4}
TINY_CAPTION = {"width": 24, "layers": 2, "heads": 3, "hidden": 48, "context": 24}
CAPTIONS = ["a cat on a mat", "an old castle by the sea", "a white fence with a lighthouse behind it"]


def random_masked_model(seed: int = 0) -> MaskedModel:
    torch.manual_seed(seed)
    model = MaskedModel(**TINY_MASKED)
    make_trainable(model)
    return model


def random_caption_model(seed: int = 0) -> CaptionModel:
    torch.manual_seed(seed)
    model = CaptionModel(learn_merges(CAPTIONS, 300), **TINY_CAPTION)
    make_trainable(model)
    return model


def frozen(model: torch.nn.Module) -> torch.nn.Module:
    freeze(model)
    return model.eval()


@pytest.fixture(scope="package")
def masked_model() -> MaskedModel:
    return frozen(random_masked_model())


@pytest.fixture(scope="package")
def caption_model() -> CaptionModel:
    return frozen(random_caption_model())
