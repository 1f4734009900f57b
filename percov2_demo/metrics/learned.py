"""Metrics of learned networks: LPIPS, and CLIP between pictures or a picture and a text."""

import hashlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from percov2_demo.errors import MetricError
from percov2_demo.metrics.picture import check_pair


if TYPE_CHECKING:
    from transformers import CLIPModel, PreTrainedTokenizerBase

LPIPS_VARIABLE = "PERCOV2_LPIPS"
"""Environment variable that names a safetensors file with other weights of LPIPS."""

_TRUNK_URL = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
_TRUNK_SHA256 = "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02"
"""AlexNet as torchvision has it, 244 MB, in the folder where `torch.hub` keeps downloads."""

_HEADS = {"lpips": "weights/v0.1/alex.pth", "torchmetrics": "functional/image/lpips_models/alex.pth"}
_HEADS_SHA256 = "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"
"""The authors' weights per channel, 6 kB, in packages that have them; the file is the same."""

CLIP_REPOSITORY = "openai/clip-vit-large-patch14"
CLIP_REVISION = "32bd64288804d66eefd0ccbe215aa642df71cc41"

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
    def published(cls, local_only: bool = False) -> "LpipsNetwork":
        """Return the network with the weights that its authors and torchvision published.

        Both files are pickles: only tensors are read from them, and only because their hashes are known.

        Args:
            local_only: Whether AlexNet, where it is not on this machine, is not fetched.

        Raises:
            MetricError: A file is missing, or not the one that was published.
        """
        heads = _read_pinned(_find_heads(), _HEADS_SHA256)
        trunk = _read_pinned(_find_trunk(local_only), _TRUNK_SHA256)
        network = cls().eval().requires_grad_(False)
        names = (name for name in network.state_dict() if name.startswith("net."))
        # "net.slice2.3.weight" is torchvision's "features.3.weight".
        network.load_state_dict(heads | {name: trunk[f"features.{name.split('.', 2)[2]}"] for name in names})
        return network

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
            # The file may also hold copies of the constants, and of the heads in the package's second list.
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
        """Take a network of pictures `(B, 3, H, W)` in [-1, 1], such as `LpipsNetwork` or the package's."""
        self.network = network.to(device).eval()
        self.device = torch.device(device)

    @torch.no_grad()
    def __call__(self, original: Tensor, reconstruction: Tensor) -> float:
        """Return the distance of two pictures `(3, H, W)` in [0, 1], of one size and at least 64 pixels a side.

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
    """Load LPIPS with the weights that were published.

    Args:
        device: Where the network runs.
        source: A safetensors file in the layout of `LpipsNetwork` with other weights; without it, the one that the
            environment variable PERCOV2_LPIPS names, if any.
        local_only: Whether nothing is asked of the network.

    Raises:
        MetricError: The weights are neither here nor reachable.
    """
    source = source or os.environ.get(LPIPS_VARIABLE)
    return Lpips(LpipsNetwork.from_file(Path(source)) if source else LpipsNetwork.published(local_only), device)


def _find_heads() -> Path:
    for package, file in _HEADS.items():
        # Not imported: one would import torchvision, the other takes seconds.
        spec = find_spec(package)
        if spec is not None and spec.submodule_search_locations:
            return Path(spec.submodule_search_locations[0], file)
    raise MetricError("LPIPS unavailable: the package torchmetrics has its weights; run pip install torchmetrics")


def _find_trunk(local_only: bool) -> Path:
    path = Path(torch.hub.get_dir(), "checkpoints", _TRUNK_URL.rpartition("/")[2])
    if path.is_file():
        return path
    try:
        if local_only:
            raise FileNotFoundError(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(_TRUNK_URL, str(path), _TRUNK_SHA256, progress=sys.stderr.isatty())
    except (OSError, RuntimeError) as error:
        raise MetricError(
            f"LPIPS unavailable offline: fetch {_TRUNK_URL} into torch's folder of checkpoints, or name a safetensors "
            f"file in {LPIPS_VARIABLE}"
        ) from error
    return path


def _read_pinned(path: Path, sha256: str) -> dict[str, Tensor]:
    try:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == sha256:
                file.seek(0)
                return torch.load(file, map_location="cpu", weights_only=True)
    except OSError:
        pass
    raise MetricError(f"LPIPS unavailable: {path.name} is not the file that was published: fetch it again")


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
        """Compute the CLIP score in [0, 100] of a picture `(3, H, W)` in [0, 1] and a text, higher is better.

        100 times the cosine, never below 0, as torchmetrics and the papers on coding count; Hessel et al. (EMNLP
        2021) weigh the cosine with 2.5 instead.
        """
        return 100 * max(0.0, float(self.embed_picture(picture) @ self.embed_text(text)))

    def similarity(self, original: Tensor, reconstruction: Tensor) -> float:
        """Compute the cosine in [-1, 1] of two pictures' embeddings, `(3, H, W)` in [0, 1], higher is better.

        Raises:
            MetricError: The sizes differ.
        """
        check_pair(original, reconstruction)
        return float(self.embed_picture(original) @ self.embed_picture(reconstruction))


def load_clip(device: torch.device | str = "cpu", model: str | Path = CLIP_REPOSITORY) -> Clip:
    """Load CLIP from a folder or a hub repository in transformers' layout, with weights as safetensors.

    Raises:
        MetricError: The model is neither here nor reachable, or is no CLIP.
    """
    from transformers import AutoTokenizer, CLIPModel

    revision = CLIP_REVISION if model == CLIP_REPOSITORY else "main"
    try:
        network = CLIPModel.from_pretrained(model, revision=revision, use_safetensors=True)
        tokenizer = AutoTokenizer.from_pretrained(model, revision=revision)
    except (OSError, ValueError, RuntimeError) as error:
        raise MetricError(
            f"CLIP unavailable offline: {model} is neither a folder with a CLIP model nor reachable on the hub"
        ) from error
    return Clip(network, tokenizer, device)
