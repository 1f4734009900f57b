"""The caption model: exact, causal, and a tokenizer that loses nothing."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from percov2_demo.entropy.caption_model import CaptionModel, learn_merges
from percov2_demo.entropy.integer_layers import freeze
from tests.entropy.conftest import (
    CAPTIONS,
    TINY_CAPTION,
    digest,
    fill_with_integers,
    frozen,
    random_caption_model,
)


MODEL = frozen(random_caption_model())


def random_tokens(count: int, length: int) -> torch.Tensor:
    return torch.randint(MODEL.mark, (count, length), generator=torch.Generator().manual_seed(length))


@torch.inference_mode()
def test_logits_do_not_depend_on_how_they_are_computed():
    tokens = random_tokens(4, 20)
    logits = MODEL(tokens)
    assert torch.equal(logits, logits.round())
    threads = torch.get_num_threads()
    try:
        for count in (1, 2, 4):
            torch.set_num_threads(count)
            assert torch.equal(MODEL(tokens), logits)
    finally:
        torch.set_num_threads(threads)
    with torch.backends.mkldnn.flags(enabled=False):
        assert torch.equal(MODEL(tokens), logits)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(MODEL(tokens), logits)
    for number in range(4):
        assert torch.equal(MODEL(tokens[number : number + 1])[0], logits[number])


@torch.inference_mode()
def test_logits_are_those_of_other_machines():
    """Frozen: whoever computes anything else cannot read files that exist."""
    model = CaptionModel(tuple(f"a {letter}" for letter in "bcdefgh"), **TINY_CAPTION)
    fill_with_integers(model)
    logits = model((torch.arange(2 * 20) * 37 % (model.mark + 1)).view(2, 20))
    assert len(logits.unique()) > 200
    assert digest(logits) == "ae28a38df50adb92"


@torch.inference_mode()
def test_a_token_changes_nothing_before_it():
    tokens = random_tokens(1, 20)
    logits = MODEL(tokens)
    for length in range(1, 20):
        assert torch.equal(MODEL(tokens[:, :length]), logits[:, :length])
    tokens[0, 12] = (tokens[0, 12] + 1) % MODEL.mark
    changed = MODEL(tokens)
    assert torch.equal(changed[:, :12], logits[:, :12])
    assert not torch.equal(changed[:, 12:], logits[:, 12:])


def test_trained_and_frozen_model_agree():
    model = random_caption_model()
    tokens = random_tokens(3, 15)
    trained = model(tokens).detach()
    freeze(model)
    with torch.inference_mode():
        assert (model(tokens) - trained).abs().max() <= 8


def test_saved_model_is_the_same(tmp_path):
    MODEL.save_pretrained(tmp_path)
    loaded = CaptionModel.from_pretrained(tmp_path)
    tokens = random_tokens(1, 10)
    with torch.inference_mode():
        assert torch.equal(loaded(tokens), MODEL(tokens))
    assert loaded.tokenize(CAPTIONS[0]) == MODEL.tokenize(CAPTIONS[0])


@given(st.text())
def test_any_text_comes_back(text):
    assert MODEL.detokenize(MODEL.tokenize(text)) == text


@pytest.mark.parametrize("text", ["", " ", "  two spaces", "Ein Schloß \U0001f3f0", "a\x00b\r\n", "<|end|>"])
def test_unusual_texts_come_back(text):
    assert MODEL.detokenize(MODEL.tokenize(text)) == text


def test_known_words_are_few_tokens():
    assert len(MODEL.tokenize(CAPTIONS[0])) <= 5
    assert MODEL.mark == 256 + len(learn_merges(CAPTIONS, 300)) <= 299
