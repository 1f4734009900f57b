"""The caption model's objective and batches."""

import math

import pytest
import torch

from percov2_demo.training.objectives.caption_coder import CaptionBatches, CaptionObjective
from tests.conftest import CAPTIONS
from tests.entropy.conftest import random_caption_model


@pytest.fixture
def model():
    return random_caption_model()


def test_targets_follow_the_tokens(model):
    batches = CaptionBatches([*CAPTIONS, "x" * 100], model, 20, 0, torch.device("cpu"))
    assert len(batches.tokens) == len(CAPTIONS)
    lengths = set()
    for step in range(10):
        batch = batches(step)
        assert (batch["tokens"][:, 0] == model.mark).all()
        for tokens, targets in zip(batch["tokens"].tolist(), batch["targets"].tolist(), strict=True):
            length = targets.index(model.mark)
            assert tokens[1 : length + 1] == targets[:length]
            assert set(targets[length + 1 :]) <= {-100}
            assert model.detokenize(targets[:length]) in CAPTIONS
            lengths.add(length)
    assert len(lengths) == len({len(model.tokenize(caption)) for caption in CAPTIONS})
    assert torch.equal(batches(3)["tokens"], batches(3)["tokens"])


def test_uniform_model_takes_the_vocabularys_bits(model):
    embedding = model.embedding.matrix
    torch.nn.init.zeros_(embedding.real_weight)
    batch = CaptionBatches(CAPTIONS[:1], model, 4, 0, torch.device("cpu"))(0)
    losses = CaptionObjective(model)(**batch)
    assert losses["loss"].item() == pytest.approx(math.log(model.mark + 1), rel=1e-4)
    assert losses["bytes"].item() == pytest.approx(
        (len(model.tokenize(CAPTIONS[0])) + 1) * math.log2(model.mark + 1) / 8, rel=1e-4
    )
