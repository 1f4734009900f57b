"""The captioner: words from whole photos, grammar from captions without a photo as well."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    GenerationConfig,
    PreTrainedTokenizerBase,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
)

from percov2_demo.data.shards import Photo
from percov2_demo.errors import InputError
from percov2_demo.training.data.latents import VIEWS
from percov2_demo.training.data.photos import BalancedSampler


_IGNORED = -100


def build_captioner(
    encoder: dict[str, Any],
    decoder: dict[str, Any],
    generation: dict[str, Any],
    tokenizer: PreTrainedTokenizerBase,
) -> VisionEncoderDecoderModel:
    """Build a captioner with random weights.

    Args:
        encoder: Config of a vision model, `model_type` included; one whose config has no `hidden_size` is told it.
        decoder: Config of a causal language model with cross-attention, `model_type` included.
        generation: How captions are searched for, see `GenerationConfig`.
        tokenizer: The tokenizer of the captions.
    """
    marks = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        AutoConfig.for_model(**encoder),
        AutoConfig.for_model(vocab_size=len(tokenizer), **marks, **decoder),
        decoder_start_token_id=tokenizer.bos_token_id,
        **marks,
    )
    model = VisionEncoderDecoderModel(config)
    model.generation_config = GenerationConfig(
        decoder_start_token_id=tokenizer.bos_token_id, do_sample=False, **marks, **generation
    )
    return model


class CaptionerObjective(nn.Module):
    """Cross-entropy of captions given their photo, of captions alone, and of a caption's words in any order.

    The last is asked of the encoder directly, by the mean of its states in the decoder's own vocabulary: a softmax
    whose target is shared out among the words of the caption (Mahajan et al., arXiv 1805.00932, section 2.3), rare
    words having the larger shares.

    Args:
        model: The model to train.
        counts: How often each token occurs in the photos' captions, `(vocabulary,)`.
        label_smoothing: Share of the targets in captions that is spread over the vocabulary.
        words_weight: Weight of the words in any order.
        text_weight: Weight of the captions without photo.
    """

    def __init__(
        self,
        model: VisionEncoderDecoderModel,
        counts: Tensor,
        label_smoothing: float,
        words_weight: float,
        text_weight: float,
    ):
        super().__init__()
        self.model = model
        self.label_smoothing, self.words_weight, self.text_weight = label_smoothing, words_weight, text_weight
        shares = counts.clamp(min=1).rsqrt()
        shares[[model.config.decoder_start_token_id, model.config.eos_token_id]] = 0
        self.register_buffer("shares", shares)

    def forward(self, latents: Tensor, captions: Tensor, texts: Tensor) -> dict[str, Tensor]:
        """Compute losses on scaled latents `(B, C, H, W)`, their captions `(B, L)`, and others' captions `(N, M)`.

        Captions are token ids, the marks at both ends included, and -100 after that.
        """
        states = self.model.encoder(pixel_values=latents).last_hidden_state
        inputs, mask, targets = self._shifted(captions)
        outputs = self.model(encoder_outputs=(states,), decoder_input_ids=inputs, decoder_attention_mask=mask)
        caption = self._cross_entropy(outputs.logits, targets)
        words = self._words(states, targets)
        inputs, mask, targets = self._shifted(texts)
        text = self._cross_entropy(self.model.decoder(input_ids=inputs, attention_mask=mask).logits, targets)
        loss = caption + self.words_weight * words + self.text_weight * text
        return {"loss": loss, "caption": caption, "words": words, "text": text}

    def _shifted(self, captions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        inputs = captions[:, :-1]
        return inputs.clamp(min=0), (inputs != _IGNORED).long(), captions[:, 1:]

    def _cross_entropy(self, logits: Tensor, targets: Tensor) -> Tensor:
        logits, targets = logits.flatten(0, 1).float(), targets.flatten()
        return F.cross_entropy(logits, targets, ignore_index=_IGNORED, label_smoothing=self.label_smoothing)

    def _words(self, states: Tensor, targets: Tensor) -> Tensor:
        pooled = states.mean(1)
        if hasattr(self.model, "enc_to_dec_proj"):
            pooled = self.model.enc_to_dec_proj(pooled)
        logits = self.model.get_output_embeddings()(pooled).float()
        present = torch.zeros_like(logits).scatter_(1, targets.clamp(min=0), 1.0) * self.shares
        return F.cross_entropy(logits, present / present.sum(1, keepdim=True))


class CaptionerBatches:
    """Random crops of whole photos, mirrored half of the time, with one of their captions, and other captions.

    Args:
        paths: Files written by `encode_both_ways`, of all photos.
        photos: The photos, in the order of the files.
        texts: Captions to learn the language from.
        tokenizer: The tokenizer.
        max_tokens: Longer captions are left out, marks included.
        crop: Side of a crop in latent positions.
        batch_size: Photos a batch, and captions without photo a batch.
        seed: Seed of the data order.
        device: Where the batches go.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        photos: Sequence[Photo],
        texts: Sequence[str],
        tokenizer: PreTrainedTokenizerBase,
        max_tokens: int,
        crop: int,
        batch_size: int,
        seed: int,
        device: torch.device,
    ):
        self.crop, self.batch_size, self.device = crop, batch_size, device
        shards = [load_file(path) for path in sorted(paths)]
        # Views of the files, which are read on use.
        self.views = {view: [latents for shard in shards for latents in shard[view]] for view in VIEWS}
        if len(self.views["plain"]) != len(photos):
            raise InputError("the encoded photos are not those of the shards: remove them, and they are made again")

        def tokens(captions: Sequence[str]) -> list[Tensor]:
            ids = tokenizer(list(captions)).input_ids
            return [torch.tensor(caption) for caption in ids if len(caption) <= max_tokens]

        self.captions = [tokens(photo.captions) for photo in photos]
        self.texts = tokens(texts)
        self.numbers = [number for number, captions in enumerate(self.captions) if captions]
        self.sampler = BalancedSampler([photos[number].source for number in self.numbers], seed)
        self.counts = torch.bincount(
            torch.cat([caption for captions in self.captions for caption in captions]), minlength=len(tokenizer)
        )

    def __call__(self, step: int) -> dict[str, Tensor]:
        chosen, rng = self.sampler.draw(step, self.batch_size)
        crops, captions = [], []
        for number in (self.numbers[index] for index in chosen):
            latents = self.views[VIEWS[rng.integers(len(VIEWS))]][number]
            top, left = (rng.integers(side - self.crop + 1) for side in latents.shape[1:])
            crops.append(latents[:, top : top + self.crop, left : left + self.crop])
            captions.append(self.captions[number][rng.integers(len(self.captions[number]))])
        texts = [self.texts[number] for number in rng.integers(len(self.texts), size=self.batch_size)]
        batch = {"latents": torch.stack(crops).float(), "captions": _pad(captions), "texts": _pad(texts)}
        return {name: tensor.to(self.device) for name, tensor in batch.items()}


def _pad(captions: Sequence[Tensor]) -> Tensor:
    return nn.utils.rnn.pad_sequence(list(captions), batch_first=True, padding_value=_IGNORED)
