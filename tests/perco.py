"""Published PerCo (SD) checkpoints made of random numbers, written from the description of their layout alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTextModel

from percov2_demo import HyperCodec, PerCoPipeline
from tests.conftest import tiny_text_config, tiny_tokenizer


SCHEDULER = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
"""Stable Diffusion 2.1's noise schedule."""

UNET_CONFIG = {
    "sample_size": 96,
    "in_channels": 4,
    "out_channels": 4,
    "attention_head_dim": [5, 10, 20, 20],
    "block_out_channels": [320, 640, 1280, 1280],
    "cross_attention_dim": 1024,
    "use_linear_projection": True,
    "upcast_attention": True,
}
"""Stable Diffusion 2.1's U-Net."""

TINY_UNET_CONFIG = {
    "sample_size": 96,
    "in_channels": 4,
    "out_channels": 4,
    "attention_head_dim": [1, 2],
    "block_out_channels": [8, 16],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
    "cross_attention_dim": 16,
    "norm_num_groups": 4,
    "layers_per_block": 1,
    "use_linear_projection": True,
}

TINY_HYPER_CONFIG = {"in_channels": 4, "N": 8, "M": 16, "codebook_dim": 4, "cfg_ss": 8, "cfg_cs": 256}


def hyper_encoder_shapes(config: dict[str, int]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a published hyper-encoder's parameters.

    Args:
        config: Its `config.json`; `cfg_ss` is the side of the grid of a 512x512 picture.
    """
    return dict(_hyper_encoder_shapes(config))


def _hyper_encoder_shapes(config: dict[str, int]) -> Iterator[tuple[str, tuple[int, ...]]]:
    width, channels, grid = config["N"], config["M"], config["cfg_ss"]
    strided = {64: (), 32: (9,), 16: (4, 9), 8: (0, 4, 9)}[grid]

    def convolution(name: str, taken: int, given: int, kernel: int = 1) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield f"{name}.weight", (given, taken, kernel, kernel)
        yield f"{name}.bias", (given,)

    def bottleneck(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield from convolution(f"{name}.0", width, width // 2)
        yield from convolution(f"{name}.2", width // 2, width // 2, 3)
        yield from convolution(f"{name}.4", width // 2, width)

    def attention(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        for trunk in ("conv_a", "conv_b"):
            for unit in range(3):
                yield from bottleneck(f"{name}.{trunk}.{unit}.conv", width)
        yield from convolution(f"{name}.conv_b.3", width, width)

    for layer in range(15):
        name = f"backbone.{layer}"
        if layer in (0, 4, 9):
            yield from convolution(
                name, width if layer else config["in_channels"], width, 5 if layer in strided else 1
            )
        elif layer == 13:
            yield from convolution(name, width, channels)
        elif layer in (8, 14):
            yield from attention(name, width if layer == 8 else channels)
        else:
            yield from bottleneck(f"{name}.layers", width)
    code, size = config["codebook_dim"], config["cfg_cs"]
    yield "quantizer.project_in.weight", (code, channels)
    yield "quantizer.project_in.bias", (code,)
    yield "quantizer.project_out.weight", (channels, code)
    yield "quantizer.project_out.bias", (channels,)
    yield "quantizer._codebook.initted", (1,)
    yield "quantizer._codebook.cluster_size", (1, size)
    yield "quantizer._codebook.embed_avg", (1, size, code)
    yield "quantizer._codebook.embed", (1, size, code)


def hyper_encoder_state(config: dict[str, int], seed: int = 0) -> dict[str, Tensor]:
    """Random parameters; the code vectors are of unit length."""
    generator = torch.Generator().manual_seed(seed)
    state = {
        name: torch.randn(shape, generator=generator) / ((shape[1:] and torch.tensor(shape[1:]).prod()) or 1) ** 0.5
        for name, shape in hyper_encoder_shapes(config).items()
    }
    state["quantizer._codebook.embed"] = F.normalize(state["quantizer._codebook.embed"], dim=-1)
    return state


def reference_encode(state: dict[str, Tensor], latents: Tensor) -> tuple[Tensor, Tensor]:
    """`(z_hat, indices)` as the published hyper-encoder computes them, from its parameters alone."""

    def convolve(name: str, x: Tensor) -> Tensor:
        weight = state[f"{name}.weight"]
        kernel = weight.shape[-1]
        return F.conv2d(x, weight, state[f"{name}.bias"], stride=2 if kernel == 5 else 1, padding=kernel // 2)

    def bottleneck(name: str, x: Tensor) -> Tensor:
        inside = F.relu(convolve(f"{name}.2", F.relu(convolve(f"{name}.0", x))))
        return x + convolve(f"{name}.4", inside)

    def attention(name: str, x: Tensor) -> Tensor:
        value, gate = x, x
        for unit in range(3):
            value = F.relu(bottleneck(f"{name}.conv_a.{unit}.conv", value))
            gate = F.relu(bottleneck(f"{name}.conv_b.{unit}.conv", gate))
        return x + value * torch.sigmoid(convolve(f"{name}.conv_b.3", gate))

    x = latents
    for layer in range(15):
        name = f"backbone.{layer}"
        kind = convolve if layer in (0, 4, 9, 13) else attention if layer in (8, 14) else bottleneck
        x = kind(f"{name}.layers" if kind is bottleneck else name, x)
    vectors = x.movedim(1, -1) @ state["quantizer.project_in.weight"].T + state["quantizer.project_in.bias"]
    indices = (vectors @ state["quantizer._codebook.embed"][0].T).argmax(-1)
    codes = state["quantizer._codebook.embed"][0][indices]
    z_hat = codes @ state["quantizer.project_out.weight"].T + state["quantizer.project_out.bias"]
    return z_hat.movedim(-1, 1), indices


def unet_state(config: dict[str, object], condition_channels: int) -> dict[str, Tensor]:
    """Random parameters of a published U-Net: diffusers' with a second first convolution."""
    unet = UNet2DConditionModel(**config)
    weight = unet.conv_in.weight
    extended = torch.nn.Conv2d(weight.shape[1] + condition_channels, len(weight), 3)
    parameters = {f"conv_in_extended.{name}": value for name, value in extended.state_dict().items()}
    return dict(unet.state_dict()) | parameters


def tiny_vae() -> AutoencoderKL:
    """Stable Diffusion's class of autoencoder: 4 channels, factor 8, without a shift."""
    config = {
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "block_out_channels": (8, 8, 8, 8),
        "norm_num_groups": 4,
        "layers_per_block": 1,
        "sample_size": 256,
    }
    return AutoencoderKL(latent_channels=4, scaling_factor=0.18215, **config).eval()


def tiny_text_model() -> CLIPTextModel:
    return CLIPTextModel(tiny_text_config()).eval()


def tiny_perco(presets: tuple[str, ...] = ("ultra-low",), seed: int = 0) -> PerCoPipeline:
    """A pipeline of the real classes with random weights."""
    torch.manual_seed(seed)
    codec = HyperCodec(presets=presets, latent_channels=4, encoder_width=8, channels=16, code_channels=4).eval()
    pipeline = PerCoPipeline(
        vae=tiny_vae(),
        hyper_codec=codec,
        unet=UNet2DConditionModel(**TINY_UNET_CONFIG | {"in_channels": 4 + 16}).eval(),
        scheduler=DDIMScheduler(**SCHEDULER),
        text_encoder=tiny_text_model(),
        tokenizer=tiny_tokenizer(),
        description="A tiny PerCo.",
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def write_checkpoint(folder: Path, hyper_config: dict[str, int] | None = None, with_base: bool = True) -> Path:
    """A published checkpoint of tiny parts.

    Args:
        folder: The folder to make.
        hyper_config: The hyper-encoder's `config.json`.
        with_base: Whether Stable Diffusion's own parts are there too, as in a whole pipeline.
    """
    hyper_config = hyper_config or TINY_HYPER_CONFIG
    torch.manual_seed(0)
    write_part(folder / "hyper_enc", hyper_config, hyper_encoder_state(hyper_config))
    write_part(folder / "unet", TINY_UNET_CONFIG, unet_state(TINY_UNET_CONFIG, hyper_config["M"]))
    if with_base:
        write_base(folder)
        (folder / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipelinePerco"}))
    return folder


def write_base(folder: Path) -> Path:
    """Stable Diffusion's own parts."""
    tiny_vae().save_pretrained(folder / "vae")
    tiny_text_model().save_pretrained(folder / "text_encoder")
    DDIMScheduler(**SCHEDULER).save_pretrained(folder / "scheduler")
    tiny_tokenizer().save_pretrained(folder / "tokenizer")
    return folder


def write_part(folder: Path, config: dict[str, object], state: dict[str, Tensor]) -> None:
    """A part's `config.json` and its weights."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file(
        {name: value.contiguous() for name, value in state.items()}, folder / "diffusion_pytorch_model.safetensors"
    )
