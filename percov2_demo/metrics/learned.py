"""Metrics of learned networks: LPIPS, and CLIP between pictures or a picture and a text."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from percov2_demo.errors import MetricError
from percov2_demo.metrics.picture import check_pair


if TYPE_CHECKING:
    from transformers import CLIPModel, PreTrainedTokenizerBase

LPIPS_REPOSITORY = "achiru/DiffSynth-Studio-ImageMetrics"
"""Hub repository with LPIPS as one safetensors file, a copy of DiffSynth-Studio/ImageMetrics on ModelScope."""

LPIPS_FILE = "LPIPS/alexnet.safetensors"

LPIPS_VARIABLE = "PERCOV2_LPIPS"
"""Environment variable that names another source of LPIPS: a safetensors file, or a hub repository with that file."""

CLIP_REPOSITORY = "openai/clip-vit-large-patch14"

_CHANNELS = (64, 192, 384, 256, 256)


class LpipsNetwork(nn.Module):
    """LPIPS version 0.1 with an AlexNet trunk (Zhang et al., CVPR 2018, equation 1).

    The parameters have the names of the `lpips` package. A file of weights is made, where the package is, by
    `safetensors.torch.save_file` of `lpips.LPIPS(net="alex").state_dict()` without the entries that begin with
    `lins.`, which are the heads again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.net = _AlexNet()
        for index, channels in enumerate(_CHANNELS):
            self.add_module(f"lin{index}", _Head(channels))
        self.register_buffer("shift", torch.tensor((-0.030, -0.088, -0.188)).view(3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor((0.458, 0.448, 0.450)).view(3, 1, 1), persistent=False)

    @classmethod
    def from_file(cls, path: Path) -> "LpipsNetwork":
        """Return the network with the weights of a safetensors file.

        Raises:
            MetricError: The file cannot be read, or holds something else.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        network = cls().eval().requires_grad_(False)
        try:
            weights = load_file(path)
            # Copies of the constants, and of the heads in the package's second list of them, may stand there too.
            network.load_state_dict({name: weights[name] for name in network.state_dict()})
        except (OSError, SafetensorError, KeyError, RuntimeError) as error:
            raise MetricError(f"LPIPS unavailable: {path} does not hold the weights of LPIPS, AlexNet") from error
        return network

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return distances `(B, 1, 1, 1)` between pictures `(B, 3, H, W)` in [-1, 1]."""
        distances = []
        layers = zip(*(self.net((picture - self.shift) / self.scale) for picture in (first, second)), strict=True)
        for index, (a, b) in enumerate(layers):
            head = getattr(self, f"lin{index}")
            distances.append(head((_unit(a) - _unit(b)) ** 2).mean((2, 3), keepdim=True))
        return torch.stack(distances).sum(0)


class _AlexNet(nn.Module):
    """The five convolutions of AlexNet in torchvision's widths; returns each one's activation.

    The slices and the numbers in them are the package's, which cut torchvision's sequence of 12 layers.
    """

    def __init__(self) -> None:
        super().__init__()
        pool = {"kernel_size": 3, "stride": 2}
        self.slice1 = nn.Sequential()
        self.slice1.add_module("0", nn.Conv2d(3, 64, 11, stride=4, padding=2))
        self.slice2 = nn.Sequential()
        self.slice2.add_module("2", nn.MaxPool2d(**pool))
        self.slice2.add_module("3", nn.Conv2d(64, 192, 5, padding=2))
        self.slice3 = nn.Sequential()
        self.slice3.add_module("5", nn.MaxPool2d(**pool))
        self.slice3.add_module("6", nn.Conv2d(192, 384, 3, padding=1))
        self.slice4 = nn.Sequential()
        self.slice4.add_module("8", nn.Conv2d(384, 256, 3, padding=1))
        self.slice5 = nn.Sequential()
        self.slice5.add_module("10", nn.Conv2d(256, 256, 3, padding=1))

    def forward(self, x: Tensor) -> list[Tensor]:
        activations = []
        for layer in (self.slice1, self.slice2, self.slice3, self.slice4, self.slice5):
            x = F.relu(layer(x))
            activations.append(x)
        return activations


class _Head(nn.Module):
    """A layer's weights per channel; in the package the convolution stands second, after a dropout."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.model = nn.Sequential()
        self.model.add_module("1", nn.Conv2d(channels, 1, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


def _unit(features: Tensor) -> Tensor:
    return features / (features.square().sum(1, keepdim=True).sqrt() + 1e-10)


class Lpips:
    """LPIPS of a pair of pictures: 0 for equal ones, lower is better."""

    def __init__(self, network: nn.Module, device: torch.device | str = "cpu") -> None:
        """Takes a network of pictures `(B, 3, H, W)` in [-1, 1], such as `LpipsNetwork` or the package's."""
        self.network = network.to(device).eval()
        self.device = torch.device(device)

    @torch.no_grad()
    def __call__(self, original: Tensor, reconstruction: Tensor) -> float:
        """The distance of two pictures `(3, H, W)` in [0, 1], of one size and at least 64 pixels a side.

        Raises:
            MetricError: The sizes differ, or a side is shorter than 64 pixels.
        """
        check_pair(original, reconstruction)
        if min(original.shape[-2:]) < 64:
            raise MetricError("LPIPS needs pictures of at least 64 pixels a side")
        pair = (2 * picture[None].float().to(self.device) - 1 for picture in (original, reconstruction))
        return float(self.network(*pair))


def load_lpips(
    device: torch.device | str = "cpu", source: str | Path | None = None, local_only: bool = False
) -> Lpips:
    """LPIPS of the `lpips` package where that is installed with its weights, else this module's with the hub's.

    Args:
        device: Where the network runs.
        source: A safetensors file in the layout of `LpipsNetwork`, or a hub repository that holds one as
            `LPIPS/alexnet.safetensors`. It goes before the package; so does the environment variable PERCOV2_LPIPS.
        local_only: Ask nothing of the network: a file, or what the hub's cache has.

    Raises:
        MetricError: The weights are neither here nor reachable.
    """
    source = source or os.environ.get(LPIPS_VARIABLE)
    if source is None:
        network = None if local_only else _package_network()
        if network is not None:
            return Lpips(network, device)
    elif Path(source).is_file():
        return Lpips(LpipsNetwork.from_file(Path(source)), device)
    return Lpips(LpipsNetwork.from_file(_download(str(source or LPIPS_REPOSITORY), local_only)), device)


def _package_network() -> nn.Module | None:
    """The network of the `lpips` package; None where it or its weights are missing."""
    try:
        import lpips

        # The package loads AlexNet through torchvision, from a cache or from the network.
        return lpips.LPIPS(net="alex", verbose=False).requires_grad_(False)
    except (ImportError, OSError, RuntimeError):
        return None


def _download(repository: str, local_only: bool) -> Path:
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        # The download asks the network even for local files: it looks up what to call its caller.
        path = (
            try_to_load_from_cache(repository, LPIPS_FILE) if local_only else hf_hub_download(repository, LPIPS_FILE)
        )
        if not isinstance(path, str):
            raise FileNotFoundError(LPIPS_FILE)
        return Path(path)
    except (OSError, HFValidationError) as error:
        raise MetricError(
            f"LPIPS unavailable offline: install the lpips package, or name a safetensors file in {LPIPS_VARIABLE} "
            f"(tried {LPIPS_FILE} of {repository})"
        ) from error


class Clip:
    """Embeddings of pictures and texts by CLIP (Radford et al., ICML 2021), and the metrics made of them.

    Attributes:
        side: Side in pixels of the square that the network sees.
    """

    MEAN = (0.48145466, 0.4578275, 0.40821073)
    STD = (0.26862954, 0.26130258, 0.27577711)

    def __init__(
        self, model: "CLIPModel", tokenizer: "PreTrainedTokenizerBase", device: torch.device | str = "cpu"
    ) -> None:
        self.model = model.to(device).eval()
        self.tokenizer = tokenizer
        self.device = torch.device(device)
        self.side = model.config.vision_config.image_size

    @torch.no_grad()
    def embed_picture(self, picture: Tensor) -> Tensor:
        """Return the embedding `(D,)`, of length 1, of a picture `(3, H, W)` in [0, 1].

        As CLIP was trained: the shorter side is scaled to `side` pixels, bicubic, and the middle square cut out.
        """
        height, width = picture.shape[-2:]
        scale = self.side / min(height, width)
        size = [max(self.side, round(side * scale)) for side in (height, width)]
        resized = F.interpolate(picture[None].float().to(self.device), size, mode="bicubic", antialias=True)
        top, left = ((side - self.side) // 2 for side in size)
        square = resized.clamp(0, 1)[:, :, top : top + self.side, left : left + self.side]
        mean, std = (square.new_tensor(values).view(3, 1, 1) for values in (self.MEAN, self.STD))
        features = self.model.vision_model(((square - mean) / std).to(self.model.dtype)).pooler_output
        return F.normalize(self.model.visual_projection(features).float(), dim=-1)[0]

    @torch.no_grad()
    def embed_text(self, text: str) -> Tensor:
        """Return the embedding `(D,)`, of length 1, of a text; what exceeds the tokenizer's length is cut off."""
        tokens = self.tokenizer([text], truncation=True, return_tensors="pt").to(self.device)
        features = self.model.text_model(tokens.input_ids, attention_mask=tokens.attention_mask).pooler_output
        return F.normalize(self.model.text_projection(features).float(), dim=-1)[0]

    def score(self, picture: Tensor, text: str) -> float:
        """CLIP score in [0, 100] of a picture `(3, H, W)` in [0, 1] and a text, higher is better.

        100 times the cosine, never below 0, as torchmetrics and the papers on coding count; Hessel et al. (EMNLP
        2021) weigh the cosine with 2.5 instead.
        """
        return 100 * max(0.0, float(self.embed_picture(picture) @ self.embed_text(text)))

    def similarity(self, original: Tensor, reconstruction: Tensor) -> float:
        """Cosine in [-1, 1] of the embeddings of two pictures `(3, H, W)` in [0, 1], higher is better.

        Raises:
            MetricError: The sizes differ.
        """
        check_pair(original, reconstruction)
        return float(self.embed_picture(original) @ self.embed_picture(reconstruction))


def load_clip(device: torch.device | str = "cpu", model: str | Path = CLIP_REPOSITORY) -> Clip:
    """CLIP from a folder or a hub repository in transformers' layout, with weights as safetensors.

    Raises:
        MetricError: The model is neither here nor reachable, or is no CLIP.
    """
    from transformers import AutoTokenizer, CLIPModel

    try:
        network = CLIPModel.from_pretrained(model, use_safetensors=True)
        tokenizer = AutoTokenizer.from_pretrained(model)
    except (OSError, ValueError, RuntimeError) as error:
        raise MetricError(
            f"CLIP unavailable offline: {model} is neither a folder with a CLIP model nor reachable on the hub"
        ) from error
    return Clip(network, tokenizer, device)
