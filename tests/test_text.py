"""Captions to the transformer's text condition, in SD3's arrangement."""

import pytest
import torch
from transformers import T5Config, T5EncoderModel

from percov2_demo.text import encode_text
from tests.conftest import VOCABULARY, tiny_text_encoder, tiny_tokenizer


@pytest.fixture(scope="module")
def t5() -> T5EncoderModel:
    torch.manual_seed(0)
    config = T5Config(vocab_size=VOCABULARY, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    return T5EncoderModel(config).eval()


@pytest.mark.parametrize(("encoders", "with_t5", "length"), [(1, False, 16), (2, False, 32), (2, True, 32)])
@torch.inference_mode()
def test_shapes(t5, encoders, with_t5, length):
    clip = [(tiny_tokenizer(), tiny_text_encoder()) for _ in range(encoders)]
    text = encode_text(["a cat", ""], clip, (tiny_tokenizer(), t5) if with_t5 else None, joint_attention_dim=32)
    assert text.tokens.shape == (2, length, 32)
    assert text.pooled.shape == (2, 16 * encoders)


@torch.inference_mode()
def test_missing_t5_of_an_sd3_model_is_zeros():
    clip = [(tiny_tokenizer(), tiny_text_encoder()) for _ in range(2)]
    text = encode_text(["a cat"], clip, None, joint_attention_dim=32)
    assert text.tokens[:, :16].abs().sum() > 0
    assert text.tokens[:, 16:].abs().sum() == 0


@torch.inference_mode()
def test_captions_differ_and_long_ones_are_cut():
    clip = [(tiny_tokenizer(), tiny_text_encoder())]
    text = encode_text(["a cat", "an old castle", "a cat " * 1000], clip, None, joint_attention_dim=16)
    assert not torch.equal(text.pooled[0], text.pooled[1])
    assert text.tokens.shape == (3, 16, 16)


def test_repeat_keeps_captions_together():
    clip = [(tiny_tokenizer(), tiny_text_encoder())]
    with torch.inference_mode():
        text = encode_text(["a cat", "an old castle"], clip, None, joint_attention_dim=16)
    repeated = text.repeat(2)
    assert torch.equal(repeated.pooled, text.pooled[[0, 0, 1, 1]])
    assert torch.equal(repeated.tokens, text.tokens[[0, 0, 1, 1]])
