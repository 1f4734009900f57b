"""Vector quantisation by cosine similarity."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F

from percov2_demo.models.quantizer import VectorQuantizer


@pytest.fixture
def quantizer() -> VectorQuantizer:
    torch.manual_seed(0)
    return VectorQuantizer(channels=12, codebook_size=20, code_channels=6)


def test_index_is_the_code_of_largest_cosine(quantizer):
    quantizer.eval()
    features = torch.randn(2, 12, 3, 5)
    vectors = quantizer.project_in(features).movedim(1, -1)
    similarity = F.cosine_similarity(vectors[..., None, :], quantizer.codebook, dim=-1)
    assert torch.equal(quantizer.encode(features), similarity.argmax(-1))


def test_decode_gives_what_forward_gave(quantizer):
    quantizer.eval()
    z_hat, indices = quantizer(torch.randn(2, 12, 3, 5))
    torch.testing.assert_close(quantizer.decode(indices), z_hat)


def test_gradient_reaches_the_features(quantizer):
    features = torch.randn(2, 12, 3, 5, requires_grad=True)
    quantizer(features)[0].square().sum().backward()
    assert features.grad.abs().sum() > 0


def test_codebook_follows_the_features_in_training_only(quantizer):
    features = torch.randn(8, 12, 4, 4)
    before = quantizer.codebook.clone()
    quantizer.eval()(features)
    quantizer.follow()
    assert torch.equal(quantizer.codebook, before)
    with torch.no_grad():
        for _ in range(200):
            quantizer.train()(features)
            quantizer.follow()
    vectors = F.normalize(quantizer.project_in(features).movedim(1, -1), dim=-1)

    def error(codebook):
        return 1 - (vectors @ codebook.T).amax(-1).mean()

    assert error(quantizer.codebook) < 0.7 * error(before)
    torch.testing.assert_close(quantizer.codebook.norm(dim=-1), torch.ones(20))


def test_unused_codes_are_replaced(quantizer):
    features = torch.randn(1, 12, 1, 1).expand(4, -1, 8, 8) + 0.3 * torch.randn(4, 12, 8, 8)
    with torch.no_grad():
        for _ in range(400):
            quantizer.train()(features)
            quantizer.follow()
    assert len(quantizer.eval().encode(features).unique()) > 15


def test_a_batch_in_parts_moves_the_codebook_as_a_whole_one(quantizer):
    whole = deepcopy(quantizer)
    features, before = torch.randn(4, 12, 3, 5), quantizer.codebook.clone()
    for part in (features[::2], features[1::2]):
        quantizer(part)
    assert quantizer.codebook.equal(before)
    quantizer.follow()
    whole(features)
    whole.follow()
    moved = quantizer.codebook.clone()
    assert not moved.equal(before)
    torch.testing.assert_close(moved, whole.codebook)
    quantizer.follow()
    assert quantizer.codebook.equal(moved)
