"""Tiny pipelines of the real classes with random weights: they behave like a model in all but the picture."""

import json
import signal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)
from PIL import Image
from transformers import (
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
    VisionEncoderDecoderModel,
)

from percov2_demo import HyperCodec, PatchAutoencoder, PerCoV2Pipeline
from percov2_demo.entropy.caption_model import CaptionModel, learn_merges
from percov2_demo.entropy.integer_layers import freeze, make_trainable
from percov2_demo.entropy.masked_model import MaskedModel
from percov2_demo.entropy.scale_model import ScaleModel
from percov2_demo.pipelines.target import AnyRate
from percov2_demo.training.data.tokenizer import train_tokenizer
from percov2_demo.training.objectives.captioner import build_captioner
from tests.cpu_seconds import mark_heavy
from tests.scene import draw_scene


MODEL_PRESETS = ("ultra-low", "low", "extreme-low")
"""Presets of the embedded model and of the tiny ones like it."""

CAPTIONS = ["a cat on a mat", "an old castle", "a white fence with a lighthouse behind it"]
VOCABULARY = 300
TINY_CAPTIONER = {
    "encoder": {
        "model_type": "swin",
        "image_size": 8,
        "num_channels": 16,
        "patch_size": 2,
        "embed_dim": 8,
        "depths": [1, 1],
        "num_heads": [1, 2],
        "window_size": 2,
    },
    "decoder": {"model_type": "gpt2", "n_positions": 24, "n_embd": 16, "n_layer": 1, "n_head": 2},
    "generation": {"max_new_tokens": 20, "num_beams": 2, "no_repeat_ngram_size": 2},
}


def tiny_tokenizer():
    return train_tokenizer(CAPTIONS, vocabulary_size=VOCABULARY, max_length=16)


def tiny_text_config(width: int = 16) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=32,
        projection_dim=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=16,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )


def tiny_text_encoder(width: int = 16) -> CLIPTextModelWithProjection:
    return CLIPTextModelWithProjection(tiny_text_config(width)).eval()


SD35 = {"qk_norm": "rms_norm", "dual_attention_layers": (0,)}
"""What SD3.5-medium's transformer has and SD3-medium's has not."""


def tiny_transformer(
    condition_channels: int, text_width: int = 16, joint_attention_dim: int = 16, **profile: Any
) -> SD3Transformer2DModel:
    model = SD3Transformer2DModel(
        in_channels=16 + condition_channels,
        out_channels=16,
        sample_size=64,
        patch_size=2,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=joint_attention_dim,
        caption_projection_dim=16,
        pooled_projection_dim=text_width,
        pos_embed_max_size=48,
        **profile,
    )
    return model.eval()


def tiny_hyper_codec(decoder_width: int = 16) -> HyperCodec:
    codec = HyperCodec(
        encoder_width=16,
        channels=16,
        code_channels=8,
        decoder_width=decoder_width,
        decoder_blocks=1,
        feature_channels=4,
    )
    return codec.eval()


def tiny_autoencoder() -> PatchAutoencoder:
    return PatchAutoencoder(encoder_width=16, encoder_blocks=1, decoder_width=16, decoder_blocks=1).eval()


def tiny_autoencoder_kl() -> AutoencoderKL:
    """SD3's autoencoder class: 16 channels, factor 8, with a shift."""
    config = {
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "block_out_channels": (8, 8, 8, 8),
        "norm_num_groups": 4,
        "layers_per_block": 1,
        "sample_size": 256,
    }
    return AutoencoderKL(latent_channels=16, shift_factor=0.0609, scaling_factor=1.5305, **config).eval()


def tiny_masked_model() -> MaskedModel:
    model = MaskedModel(width=24, blocks=2, hidden=48, kernel=3, zones=4)
    make_trainable(model)
    freeze(model)
    return model.eval()


def tiny_scale_model(tokenizer: PreTrainedTokenizerFast) -> ScaleModel:
    torch.manual_seed(5)
    sizes = {"text_width": 8, "width": 24, "blocks": 2, "hidden": 48, "kernel": 3, "zones": 4}
    model = ScaleModel(vocabulary_size=len(tokenizer), padding=tokenizer.pad_token_id, **sizes)
    make_trainable(model)
    freeze(model)
    return model.eval()


def tiny_caption_model() -> CaptionModel:
    model = CaptionModel(learn_merges(CAPTIONS, 300), width=24, layers=2, heads=3, hidden=48, context=24)
    make_trainable(model)
    freeze(model)
    return model.eval()


def tiny_captioner() -> VisionEncoderDecoderModel:
    return build_captioner(**TINY_CAPTIONER, tokenizer=tiny_tokenizer()).eval()


def tiny_pipeline(seed: int = 0, draws_scales: bool = False) -> PerCoV2Pipeline:
    """A pipeline with hyper-decoder, as the embedded model's, and with its scale model where that is asked for."""
    scale_model = tiny_scale_model(tiny_tokenizer()) if draws_scales else None
    torch.manual_seed(seed)
    hyper_codec = tiny_hyper_codec()
    pipeline = PerCoV2Pipeline(
        vae=tiny_autoencoder(),
        hyper_codec=hyper_codec,
        transformer=tiny_transformer(hyper_codec.condition_channels),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        text_encoder=tiny_text_encoder(),
        tokenizer=tiny_tokenizer(),
        masked_model=tiny_masked_model(),
        caption_model=tiny_caption_model(),
        scale_model=scale_model,
        captioner=tiny_captioner(),
        prediction_type="residual",
        default_strength={"ultra-low": 0.5},
        default_entropy={"ultra-low": "quincunx"},
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def tiny_sd3_parts() -> dict[str, Any]:
    """What Stable Diffusion 3 has around its transformer, all three text encoders included."""
    t5 = T5Config(vocab_size=VOCABULARY, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    return {
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=3.0),
        "vae": tiny_autoencoder_kl(),
        "text_encoder": tiny_text_encoder(8),
        "tokenizer": tiny_tokenizer(),
        "text_encoder_2": tiny_text_encoder(8),
        "tokenizer_2": tiny_tokenizer(),
        "text_encoder_3": T5EncoderModel(t5).eval(),
        "tokenizer_3": tiny_tokenizer(),
    }


def tiny_base(seed: int = 2, **profile: Any) -> StableDiffusion3Pipeline:
    """A Stable Diffusion 3 with all three text encoders; `profile` are arguments of its transformer."""
    torch.manual_seed(seed)
    pipeline = StableDiffusion3Pipeline(
        transformer=tiny_transformer(condition_channels=0, **profile),
        **tiny_sd3_parts(),
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def pretend_training(pipeline: PerCoV2Pipeline) -> None:
    """Gives the condition a say, as training does: the widened inputs and one more tensor change."""
    torch.manual_seed(3)
    with torch.no_grad():
        pipeline.transformer.pos_embed.proj.weight[:, 16:].normal_(std=0.2)
        pipeline.transformer.proj_out.bias.normal_(std=0.2)


# A shell starts its background jobs with Ctrl-C ignored, and processes that tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SERVERS = {"server", "api", "browser", "page", "address", "replicas", "report", "pieces", "trained_folder"}
"""Fixtures that start a server, a browser or other processes."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that ask for one of `SERVERS`, and heavy ones, before tests are chosen by their marks."""
    mark_heavy(items)
    for item in items:
        if SERVERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("server")


@pytest.fixture
def refinement_helps(monkeypatch) -> None:
    """Every refined picture counts as nearer than its base's: a random painter brings none nearer."""
    falling = count(0, -1)
    monkeypatch.setattr(AnyRate, "_psnr", lambda *_: next(falling))


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory) -> Path:
    """A tiny Stable Diffusion 3 checkpoint, in half precision as the public ones are; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("base") / "sd3-tiny"
    tiny_base().to(torch.float16, silence_dtype_warnings=True).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def adapter_folder(base_folder, tmp_path_factory) -> Path:
    """An adapter for `base_folder`, entropy models and captioner included; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("adapter") / "percov2-tiny"
    pipeline = adapted_pipeline(base_folder)
    pretend_training(pipeline)
    pipeline.save_adapter(folder)
    return folder


@pytest.fixture(scope="session")
def trained_folder(base_folder, tmp_path_factory) -> Path:
    """Photos, the config of a full-size recipe on `base_folder`, and `two`, what two launched processes made of it."""
    # Most tests need no training.
    from tests.training.launched import launch
    from tests.training.tiny_sd3 import tiny_recipe, write_data

    folder = tmp_path_factory.mktemp("full-size")
    write_data(folder / "data")
    (folder / "config.json").write_text(json.dumps(tiny_recipe(base_folder)))
    options = ("--config", folder / "config.json", "--data", folder / "data", "--time-budget", "100")
    run = launch("train", "joint", "indices", "entropy", *options, "--work", folder / "two")
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture(scope="session")
def blip2_folder(tmp_path_factory) -> Path:
    """A tiny BLIP-2 with its processor."""
    # Most tests need no captioner of this size.
    from tests.language_models import save_blip2

    folder = tmp_path_factory.mktemp("blip2")
    save_blip2(folder)
    return folder


def adapted_pipeline(base: Path) -> PerCoV2Pipeline:
    """The full-size arrangement before training: hyper-codec without decoders, a widened base."""
    torch.manual_seed(4)
    pipeline = PerCoV2Pipeline.from_base(
        base,
        tiny_hyper_codec(decoder_width=0),
        masked_model=tiny_masked_model(),
        caption_model=tiny_caption_model(),
        captioner=tiny_captioner(),
        description="A tiny Stable Diffusion 3.",
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture(scope="session")
def pipeline() -> PerCoV2Pipeline:
    """Shared by tests that leave it as it is."""
    return tiny_pipeline()


@pytest.fixture(scope="session")
def embedded() -> PerCoV2Pipeline:
    """The trained model of this repository."""
    pipeline = PerCoV2Pipeline.from_pretrained()
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture
def scene() -> Image.Image:
    return draw_scene()
