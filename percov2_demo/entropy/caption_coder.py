"""Code captions as symbols and back: by the caption model, or byte by byte where that is shorter."""

import zlib

import numpy as np
import torch
from numpy.typing import NDArray

from percov2_demo.bitstream import MAX_CAPTION_BYTES, compress_caption
from percov2_demo.bitstream.captions import decompress_caption
from percov2_demo.entropy.caption_model import CaptionModel
from percov2_demo.entropy.coder import Decoder, EntropyError, Run, information, symbol_weights
from percov2_demo.errors import StreamError


KINDS = ("raw", "deflate")
"""Codings of literal captions; one bit says which."""

_TEXT_BYTES = np.array([byte for byte in range(256) if byte not in (0xC0, 0xC1) and byte < 0xF5])
"""The bytes that UTF-8 has."""

_END = np.array([[31.0, 1.0]])
"""Weights of going on and of ending after a byte of raw text."""


class CaptionCoder:
    """Lossless coding of any text, the same on every machine.

    Args:
        model: The frozen model.
    """

    def __init__(self, model: CaptionModel):
        self.model = model.eval()

    def runs(self, text: str) -> tuple[str, list[Run]]:
        """Return the coding of fewest bits, "model", "raw", "deflate" or, of no text, "none", and its runs."""
        if not text:
            return "none", []
        codings = {"raw": _literal_runs("raw", _raw_runs(text.encode()))}
        codings["deflate"] = _literal_runs("deflate", [_byte_run(compress_caption(text, "deflate"))])
        tokens = self.model.tokenize(text)
        if len(tokens) < self.model.config.context:
            symbols = np.array([*tokens, self.model.mark])
            codings["model"] = [Run(symbols, self._weights([self.model.mark, *tokens]))]
        bits = {coding: sum(information(run).sum() for run in runs) for coding, runs in codings.items()}
        shortest = min(bits, key=bits.__getitem__)
        return shortest, codings[shortest]

    def read(self, decoder: Decoder, is_literal: bool) -> tuple[str, str]:
        """Read `(coding, text)` of the runs that come next; `is_literal` if their coding was "raw" or "deflate".

        Raises:
            EntropyError: They are the runs of no text.
        """
        if not is_literal:
            return "model", self._read_tokens(decoder)
        kind = KINDS[_read_one(decoder, np.ones((1, 2)))]
        try:
            return kind, _read_raw(decoder) if kind == "raw" else _read_deflate(decoder)
        except (UnicodeDecodeError, StreamError):
            raise EntropyError("the caption is damaged") from None

    def _read_tokens(self, decoder: Decoder) -> str:
        tokens = [self.model.mark]
        while len(tokens) <= self.model.config.context:
            tokens.append(_read_one(decoder, self._weights(tokens)[-1:]))
            if tokens[-1] == self.model.mark:
                text = self.model.detokenize(tokens[1:-1])
                if text and len(text.encode()) <= MAX_CAPTION_BYTES and self.model.tokenize(text) == tokens[1:-1]:
                    return text
                break
        raise EntropyError("the caption is damaged")

    @torch.inference_mode()
    def _weights(self, tokens: list[int]) -> NDArray[np.float64]:
        """Predict integer weights `(len(tokens), symbols)` of what follows each token."""
        logits = self.model(torch.tensor([tokens], device=self.model.device))[0]
        return symbol_weights(logits.cpu().numpy().astype(np.int64))


def _literal_runs(kind: str, runs: list[Run]) -> list[Run]:
    return [Run(np.array([KINDS.index(kind)]), np.ones((1, 2))), *runs]


def _raw_runs(text: bytes) -> list[Run]:
    symbols = np.searchsorted(_TEXT_BYTES, np.frombuffer(text, np.uint8))
    runs = []
    for number, symbol in enumerate(symbols, start=1):
        runs.append(Run(np.array([symbol]), np.ones((1, len(_TEXT_BYTES)))))
        runs.append(Run(np.array([int(number == len(symbols))]), _END))
    return runs


def _byte_run(data: bytes) -> Run:
    return Run(np.frombuffer(data, np.uint8).astype(np.int64), np.ones((len(data), 256)))


def _read_raw(decoder: Decoder) -> str:
    text = bytearray()
    while len(text) < MAX_CAPTION_BYTES:
        text.append(_TEXT_BYTES[_read_one(decoder, np.ones((1, len(_TEXT_BYTES))))])
        if _read_one(decoder, _END):
            return text.decode()
    raise EntropyError("the caption is damaged")


def _read_deflate(decoder: Decoder) -> str:
    """Read raw deflate, which says itself where it ends."""
    reader, code = zlib.decompressobj(-zlib.MAX_WBITS), bytearray()
    while not reader.eof and len(code) <= MAX_CAPTION_BYTES:
        code.append(_read_one(decoder, np.ones((1, 256))))
        try:
            reader.decompress(code[-1:], MAX_CAPTION_BYTES)
        except zlib.error:
            raise EntropyError("the caption is damaged") from None
    return decompress_caption(bytes(code), "deflate")


def _read_one(decoder: Decoder, weights: NDArray[np.float64]) -> int:
    return int(decoder.decode(weights)[0])
