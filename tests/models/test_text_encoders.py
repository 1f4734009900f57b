"""Captions to the transformer's text condition, in SD3's arrangement."""

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, StableDiffusion3Pipeline
from transformers import T5Config, T5EncoderModel

from percov2_demo.models.text_encoders import encode_text
from tests.conftest import (
    VOCABULARY,
    tiny_autoencoder_kl,
    tiny_text_encoder,
    tiny_tokenizer,
    tiny_transformer,
)


@pytest.fixture(scope="module")
def t5() -> T5EncoderModel:
    torch.manual_seed(0)
    config = T5Config(vocab_size=VOCABULARY, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    return T5EncoderModel(config).eval()


@torch.inference_mode()
def test_one_clip_encoder():
    text = encode_text(["a cat", ""], [(tiny_tokenizer(), tiny_text_encoder())], None, joint_attention_dim=32)
    assert text.tokens.shape == (2, 16, 32)
    assert text.pooled.shape == (2, 16)


@pytest.mark.parametrize("with_t5", [True, False])
@torch.inference_mode()
def test_sd3s_arrangement_equals_diffusers(t5, with_t5):
    clip = [(tiny_tokenizer(), tiny_text_encoder()) for _ in range(2)]
    reference = StableDiffusion3Pipeline(
        transformer=tiny_transformer(condition_channels=0, text_width=32, joint_attention_dim=32),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=tiny_autoencoder_kl(),
        text_encoder=clip[0][1],
        tokenizer=clip[0][0],
        text_encoder_2=clip[1][1],
        tokenizer_2=clip[1][0],
        text_encoder_3=t5 if with_t5 else None,
        tokenizer_3=tiny_tokenizer(),
    )
    captions = ["a cat", "a white fence"]
    tokens, _, pooled, _ = reference.encode_prompt(
        captions, captions, captions, do_classifier_free_guidance=False, max_sequence_length=16 if with_t5 else 256
    )
    text = encode_text(captions, clip, (tiny_tokenizer(), t5) if with_t5 else None, joint_attention_dim=32)
    torch.testing.assert_close(text.tokens, tokens)
    torch.testing.assert_close(text.pooled, pooled)


@torch.inference_mode()
def test_captions_differ_and_long_ones_are_cut():
    clip = [(tiny_tokenizer(), tiny_text_encoder())]
    text = encode_text(["a cat", "an old castle", "a cat " * 1000], clip, None, joint_attention_dim=16)
    assert not torch.equal(text.pooled[0], text.pooled[1])
    assert text.tokens.shape == (3, 16, 16)
