"""Files of encoded photos and the networks that they are of."""

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from percov2_demo.training.data.encoded import encoder_fingerprint, is_encoded, save_encoded
from tests.conftest import tiny_autoencoder, tiny_autoencoder_kl, tiny_hyper_codec


@pytest.fixture(params=[tiny_autoencoder, tiny_autoencoder_kl])
def vae(request):
    return request.param()


def nudge(parameters):
    with torch.no_grad():
        next(iter(parameters)).add_(1e-3)


def test_a_changed_encoder_is_another_and_a_changed_decoder_is_not(vae):
    before = encoder_fingerprint(vae)
    nudge(vae.decoder.parameters())
    assert encoder_fingerprint(vae) == before
    nudge(vae.encoder.parameters())
    after = encoder_fingerprint(vae)
    vae.register_to_config(scaling_factor=2.5)
    assert len({before, after, encoder_fingerprint(vae)}) == 3


def test_a_hyper_codecs_indices_are_those_of_encoders_and_codebooks(vae):
    codec = tiny_hyper_codec()
    seen = {encoder_fingerprint(vae), encoder_fingerprint(vae, codec)}
    nudge(codec.decoders.parameters())
    assert encoder_fingerprint(vae, codec) in seen
    for part in (codec.encoders, codec.quantizers):
        nudge(part.parameters())
        seen.add(encoder_fingerprint(vae, codec))
    codec.quantize_weights()
    seen.add(encoder_fingerprint(vae, codec))
    assert len(seen) == 5


def test_a_file_is_known_by_its_encoder(tmp_path):
    path = tmp_path / "new" / "train-00.safetensors"
    assert not is_encoded(path, "a")
    save_encoded(path, {"0": torch.zeros(2)}, "a", sources="drawn")
    assert is_encoded(path, "a") and not is_encoded(path, "b")
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    with safe_open(path, "pt") as file:
        assert file.metadata()["sources"] == "drawn"
    save_file({"0": torch.zeros(2)}, path)
    assert not is_encoded(path, "a")
