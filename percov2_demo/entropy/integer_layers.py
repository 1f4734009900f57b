"""Layers whose results are the same to the last bit on every machine: integers, held in float32.

Every factor of a matrix product is an integer of at most 255, and the sum of the magnitudes of the products of a row
stays below 2**24. All partial sums then are integers that float32 holds exactly, so the product is exact whatever the
order, blocking, number of threads, batch size or library, also where hardware cuts factors to TF32 or bfloat16 and
adds in float32. All else is one basic operation of IEEE 754 at a time (product, quotient, rounding half to even), each
correctly rounded everywhere; no result feeds a sum before it is rounded to an integer, so fused multiply-add changes
nothing. There is no exp, log or tanh: the exponential is a table of integers.

Values are fixed-point numbers in three units:

    activations     32 to 1, from -255 to 255   what matrix products take
    residual       256 to 1                     the stream that blocks add to
    logits          64 to 1                     what the coder takes

Training runs the very same forward pass with gradients that pass straight through roundings (Bengio et al.,
arXiv 1308.3432), so there is no model before quantisation and none after it. The stored state is integers
throughout, which no conversion to half precision touches.
"""

import decimal
from abc import ABC, abstractmethod
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from percov2_demo.errors import ModelError


ACTIVATION_UNIT, ACTIVATION_LIMIT = 32, 255
RESIDUAL_UNIT = 256
LOGIT_UNIT = 64
WEIGHT_LIMIT = 127

_EXACT = 2**24
"""Integers up to this magnitude are exact in float32."""

_BIAS_LIMIT = 2**21
_SCALE_UNIT = 2**30
_GAIN_UNIT = 2**16


class _Round(torch.autograd.Function):
    """Rounding half to even; the gradient passes as if it were the identity."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return torch.round(x)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return gradient


class _RoundWithin(torch.autograd.Function):
    """Rounding and clipping; the gradient passes where nothing is clipped."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, low: int, high: int) -> Tensor:
        rounded = torch.round(x).clamp_(low, high)
        ctx.save_for_backward(rounded)
        ctx.middle, ctx.reach = (low + high) / 2, (high - low) / 2
        return rounded

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> tuple[Tensor, None, None]:
        (rounded,) = ctx.saved_tensors
        # 0 for the lowest and the highest integer, 1 for those between.
        inside = (rounded - ctx.middle).abs_().neg_().add_(ctx.reach).clamp_(0, 1)
        return inside.mul_(gradient), None, None


def round_through(x: Tensor) -> Tensor:
    """Round to the nearest integers, ties to even, with the gradient of the identity."""
    return _Round.apply(x)


def to_activations(x: Tensor, low: int = -ACTIVATION_LIMIT) -> Tensor:
    """Round values in activation units to integers from `low` to 255."""
    return _RoundWithin.apply(x, low, ACTIVATION_LIMIT)


class IntegerModule(nn.Module, ABC):
    """A layer with integers to compute with and, while it is trained, real numbers that these are made of.

    The integers are buffers; the real numbers are parameters, present between `make_trainable` and `freeze`.
    """

    @abstractmethod
    def make_trainable(self) -> None:
        """Add random real numbers to train."""

    @abstractmethod
    def freeze(self) -> None:
        """Replace the real numbers by the integers that they stand for."""


def make_trainable(model: nn.Module) -> None:
    """Give all integer layers of a model real numbers to train."""
    for module in list(model.modules()):
        if isinstance(module, IntegerModule):
            module.make_trainable()


@torch.no_grad()
def freeze(model: nn.Module) -> None:
    """Fix all integer layers of a trained model.

    Raises:
        ModelError: A layer's sums might leave the range in which they are exact.
    """
    for module in model.modules():
        if isinstance(module, IntegerModule):
            module.freeze()
    model.requires_grad_(False)


class IntegerMatrix(IntegerModule):
    """Weights of -127 to 127 with a scale and an offset for each row.

    Args:
        rows: Outputs.
        columns: Inputs; at most 512, so that even the largest weights meet the bound.
        deviation: Standard deviation of the real weights at the start of training.
    """

    def __init__(self, rows: int, columns: int, deviation: float):
        super().__init__()
        self.rows, self.columns, self.deviation = rows, columns, deviation
        self.register_buffer("weight", torch.zeros(rows, columns, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(rows, dtype=torch.int32))
        self.register_buffer("offset", torch.zeros(rows, dtype=torch.int32))
        self.register_parameter("real_weight", None)
        self.register_parameter("real_offset", None)

    def make_trainable(self) -> None:
        self.real_weight = nn.Parameter(self.deviation * torch.randn(self.rows, self.columns))
        self.real_offset = nn.Parameter(torch.zeros(self.rows))

    def freeze(self) -> None:
        weight, scale, offset = self()
        bound = ACTIVATION_LIMIT * weight.abs().sum(1) + offset.abs()
        if bound.max() >= _EXACT:
            raise ModelError("a layer's sums might not be exact: train with more weight decay or fewer inputs")
        self.weight.copy_(weight)
        self.scale.copy_(torch.round(scale.double() * _SCALE_UNIT))
        self.offset.copy_(offset)
        self.real_weight = self.real_offset = None

    def forward(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return `(weight, scale, offset)`: integers `(rows, columns)`, real scales and integer offsets `(rows,)`.

        An output is `scale * (weight @ x + offset)`, in the units of x.
        """
        if self.real_weight is None:
            return self.weight.float(), self.scale.float() / _SCALE_UNIT, self.offset.float()
        scale = self.real_weight.detach().abs().amax(1).clamp(min=1e-6) / WEIGHT_LIMIT
        weight = round_through(self.real_weight / scale[:, None])
        offset = round_through(self.real_offset * ACTIVATION_UNIT / scale).clamp(-_BIAS_LIMIT, _BIAS_LIMIT)
        return weight, scale, offset


class IntegerLinear(nn.Module):
    """A linear layer on activations.

    Args:
        inputs: Input channels, at most 512.
        outputs: Output channels.
        gain: Factor of the starting weights' deviation `inputs**-0.5`.
    """

    def __init__(self, inputs: int, outputs: int, gain: float = 1.0):
        super().__init__()
        self.matrix = IntegerMatrix(outputs, inputs, gain * inputs**-0.5)

    def forward(self, x: Tensor, unit: int) -> Tensor:
        """Map activations `(..., inputs)` to real values `(..., outputs)` in units of `1 / unit`, not rounded yet."""
        weight, scale, offset = self.matrix()
        return F.linear(x, weight, offset) * (scale * (unit / ACTIVATION_UNIT))


class IntegerEmbedding(nn.Module):
    """Vectors of symbols, and the logits of symbols from the same vectors (Press and Wolf, arXiv 1608.05859)."""

    def __init__(self, symbols: int, width: int):
        super().__init__()
        self.matrix = IntegerMatrix(symbols, width, 1.0)

    def forward(self, symbols: Tensor) -> Tensor:
        """Look up the residual vectors `(..., width)` of symbols `(...)` int64."""
        weight, scale, _ = self.matrix()
        return round_through(F.embedding(symbols, weight * (scale * RESIDUAL_UNIT)[:, None]))

    def logits(self, x: Tensor) -> Tensor:
        """Predict integer logits `(..., symbols)` of activations `(..., width)`.

        Vectors are of unit deviation, so logits are taken of `x / width**0.5`, the root rounded to a power of two.
        """
        weight, scale, offset = self.matrix()
        divisor = 1 << weight.shape[1].bit_length() // 2
        return round_through(F.linear(x, weight, offset) * (scale * (LOGIT_UNIT / ACTIVATION_UNIT / divisor)))


class IntegerNorm(IntegerModule):
    """Division by the mean magnitude, whose sum is exact where that of squares would not be, and a gain a channel.

    Args:
        width: Channels.
    """

    def __init__(self, width: int):
        super().__init__()
        self.width = width
        self.limit = (_EXACT - 1) // width
        self.register_buffer("gain", torch.full((width,), _GAIN_UNIT, dtype=torch.int32))
        self.register_parameter("real_gain", None)

    def make_trainable(self) -> None:
        self.real_gain = nn.Parameter(torch.ones(self.width))

    def freeze(self) -> None:
        self.gain.copy_(torch.round(self.real_gain * _GAIN_UNIT))
        self.real_gain = None

    def forward(self, x: Tensor) -> Tensor:
        """Normalize a residual stream `(..., width)` to activations."""
        x = x.clamp(-self.limit, self.limit)
        total = x.abs().sum(-1, keepdim=True).clamp(min=1)
        gain = self.gain.float() / _GAIN_UNIT if self.real_gain is None else self.real_gain
        return to_activations(x * (gain * (ACTIVATION_UNIT * self.width)) / total)


class FeedForward(nn.Module):
    """Norm, linear, ReLU, linear, back to the residual stream."""

    def __init__(self, width: int, hidden: int, gain: float):
        super().__init__()
        self.norm = IntegerNorm(width)
        self.expand = IntegerLinear(width, hidden)
        self.contract = IntegerLinear(hidden, width, gain)

    def forward(self, x: Tensor) -> Tensor:
        hidden = to_activations(self.expand(self.norm(x), ACTIVATION_UNIT), low=0)
        return x + round_through(self.contract(hidden, RESIDUAL_UNIT))


@cache
def exponentials(scale_bits: int) -> np.ndarray:
    """Return `round(2**scale_bits * exp(-i / 64))` for i = 0, 1, ... up to the first zero, int64.

    Made in decimal arithmetic, which is the same everywhere; no entry is near a tie at this precision.
    """
    context = decimal.Context(prec=60)
    length = int(scale_bits * LOGIT_UNIT * 0.6931472) + 2 * LOGIT_UNIT
    scale = decimal.Decimal(2**scale_bits)
    table = [int((scale * context.exp(decimal.Decimal(-i) / LOGIT_UNIT)).to_integral_value()) for i in range(length)]
    return np.array(table[: table.index(0) + 1])
