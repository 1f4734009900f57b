"""Captions to bytes and back, token by token."""

import numpy as np
import torch
from numpy.typing import NDArray

from percov2_demo.entropy import coder
from percov2_demo.entropy.caption_model import CaptionModel


class CaptionCoder:
    """Lossless coding of text with a caption model's probabilities, the same on every machine.

    Any text can be coded that is short enough for the model; captions like those it was trained on are short.

    Args:
        model: The frozen model.
    """

    def __init__(self, model: CaptionModel):
        self.model = model.eval()

    def encode(self, text: str) -> bytes:
        """The bytes of a text; none for an empty one.

        Raises:
            ValueError: The text has more tokens than the model takes, or half of a surrogate pair.
        """
        if not text:
            return b""
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError("the caption has half of a surrogate pair, which is no Unicode text: remove it") from None
        tokens = self.model.tokenize(text)
        context = self.model.config.context
        if len(tokens) >= context:
            raise ValueError(f"the caption has {len(tokens)} tokens: this model codes at most {context - 1}")
        symbols = np.array([*tokens, self.model.mark])
        # A text of no bytes would be taken for the empty one; missing bytes count as zeros.
        return coder.encode(symbols, self._weights([self.model.mark, *tokens])) or b"\0"

    def decode(self, data: bytes) -> str:
        """The text that `encode` was given.

        Raises:
            EntropyError: `encode` makes such bytes of no text.
        """
        if not data:
            return ""
        decoder = coder.Decoder(data)
        tokens = [self.model.mark]
        while len(tokens) <= self.model.config.context:
            tokens.append(int(decoder.decode(self._weights(tokens)[-1:])[0]))
            if tokens[-1] == self.model.mark:
                break
        *coded, last = tokens[1:]
        text = self.model.detokenize(coded)
        if last != self.model.mark or not text or self.model.tokenize(text) != coded or self.encode(text) != data:
            raise coder.EntropyError("the entropy-coded caption is damaged")
        return text

    @torch.inference_mode()
    def _weights(self, tokens: list[int]) -> NDArray[np.float64]:
        """Integer weights `(len(tokens), symbols)` of what follows each token."""
        logits = self.model(torch.tensor([tokens], device=self.model.device))[0]
        return coder.symbol_weights(logits.cpu().numpy().astype(np.int64))
