"""Tiny entropy models with random weights, frozen as trained ones are."""

import hashlib

import pytest
import torch

from percov2_demo.entropy.caption_model import CaptionModel, learn_merges
from percov2_demo.entropy.integer_layers import freeze, make_trainable
from percov2_demo.entropy.masked_model import MaskedModel
from percov2_demo.entropy.scale_model import ScaleModel


TINY_MASKED = {"width": 24, "blocks": 2, "hidden": 48, "kernel": 3, "zones": 4}
TINY_SCALES = TINY_MASKED | {"vocabulary_size": 20, "padding": 1, "text_width": 8}
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


def random_scale_model(seed: int = 0) -> ScaleModel:
    torch.manual_seed(seed)
    model = ScaleModel(**TINY_SCALES)
    make_trainable(model)
    return model


def fill_with_integers(model: torch.nn.Module) -> None:
    """State that depends on no generator of random numbers."""
    for number, (name, buffer) in enumerate(model.named_buffers()):
        values = (torch.arange(buffer.numel()) * 7919 + 104729 * number) % 1009
        kind = name.rpartition(".")[2]
        if kind == "weight":
            values = values % 255 - 127
        elif kind == "scale":
            values = 2**23 + 9973 * values
        elif kind == "gain":
            values = 2**16 + 32 * values
        else:
            values = values - 504
        buffer.copy_(values.view(buffer.shape))


def digest(logits: torch.Tensor) -> str:
    return hashlib.sha256(logits.to(torch.int64).numpy().tobytes()).hexdigest()[:16]


def frozen(model: torch.nn.Module) -> torch.nn.Module:
    freeze(model)
    return model.eval()


@pytest.fixture(scope="package")
def masked_model() -> MaskedModel:
    return frozen(random_masked_model())


@pytest.fixture(scope="package")
def caption_model() -> CaptionModel:
    return frozen(random_caption_model())


@pytest.fixture(scope="package")
def scale_model() -> ScaleModel:
    return frozen(random_scale_model())
