"""The embedded model's tokenizer: byte-level BPE, so that any caption can be written with it."""

import gzip
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast


START, END = "<|start|>", "<|end|>"


def train_tokenizer(captions: Iterable[str], vocabulary_size: int, max_length: int) -> PreTrainedTokenizerFast:
    """Train a tokenizer that wraps a caption in a start and an end mark and pads with the latter, as CLIP's does.

    Args:
        captions: The text to learn from.
        vocabulary_size: Entries, the 256 bytes and the two marks included.
        max_length: Tokens a caption is cut to, marks included.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(captions, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(mark, tokenizer.token_to_id(mark)) for mark in (START, END)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=END,
        pad_token=END,
        unk_token=END,
        model_max_length=max_length,
    )


def read_captions(path: Path) -> list[str]:
    """Read the captions of a gzipped text file, one a line."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return file.read().splitlines()
