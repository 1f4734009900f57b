"""Tiny random pipelines of the real classes of stock models, saved as folders as the hub has them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderDC,
    AutoencoderKL,
    AutoencoderKLFlux2,
    AutoencoderTiny,
    DiffusionPipeline,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Transformer2DModel,
    FluxPipeline,
    FluxTransformer2DModel,
    LatentConsistencyModelPipeline,
    LCMScheduler,
    SanaSprintPipeline,
    SanaTransformer2DModel,
    SCMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from transformers import (
    CLIPTextModel,
    Gemma2Config,
    Gemma2Model,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
)

from tests.conftest import VOCABULARY, tiny_base, tiny_text_config, tiny_text_encoder, tiny_tokenizer


SCHEDULE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
"""Stable Diffusion's noise schedule."""

CHAT = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


def tiny_vae(channels: int, **config: Any) -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        norm_num_groups=4,
        layers_per_block=1,
        latent_channels=channels,
        sample_size=64,
        **config,
    ).eval()


def tiny_unet(**config: Any) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        block_out_channels=(8, 16),
        layers_per_block=1,
        sample_size=4,
        in_channels=4,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=4,
        **{"cross_attention_dim": 16, "attention_head_dim": 2} | config,
    ).eval()


def clip_text_model() -> CLIPTextModel:
    return CLIPTextModel(tiny_text_config()).eval()


def chat_tokenizer() -> PreTrainedTokenizerFast:
    clip = tiny_tokenizer()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=clip.backend_tokenizer,
        eos_token=clip.eos_token,
        pad_token=clip.pad_token,
        model_max_length=16,
    )
    tokenizer.chat_template = CHAT
    return tokenizer


def qwen_config(layers: int = 2) -> Qwen3Config:
    return Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=512,
        pad_token_id=1,
    )


def stable_diffusion(**scheduler: Any) -> StableDiffusionPipeline:
    return StableDiffusionPipeline(
        vae=tiny_vae(4),
        text_encoder=clip_text_model(),
        tokenizer=tiny_tokenizer(),
        unet=tiny_unet(),
        scheduler=EulerDiscreteScheduler(**SCHEDULE, **scheduler),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def latent_consistency() -> LatentConsistencyModelPipeline:
    return LatentConsistencyModelPipeline(
        vae=tiny_vae(4),
        text_encoder=clip_text_model(),
        tokenizer=tiny_tokenizer(),
        unet=tiny_unet(time_cond_proj_dim=8),
        scheduler=LCMScheduler(**SCHEDULE),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def stable_diffusion_xl(**scheduler: Any) -> StableDiffusionXLPipeline:
    unet = tiny_unet(
        cross_attention_dim=32,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        transformer_layers_per_block=1,
        projection_class_embeddings_input_dim=6 * 8 + 16,
        use_linear_projection=True,
    )
    return StableDiffusionXLPipeline(
        vae=tiny_vae(4),
        text_encoder=clip_text_model(),
        text_encoder_2=tiny_text_encoder(),
        tokenizer=tiny_tokenizer(),
        tokenizer_2=tiny_tokenizer(),
        unet=unet,
        scheduler=EulerDiscreteScheduler(**SCHEDULE, **scheduler),
    )


def flux(guidance_embeds: bool = True) -> FluxPipeline:
    t5 = T5Config(vocab_size=VOCABULARY, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    return FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        vae=tiny_vae(16, shift_factor=0.1159, scaling_factor=0.3611),
        text_encoder=clip_text_model(),
        tokenizer=tiny_tokenizer(),
        text_encoder_2=T5EncoderModel(t5).eval(),
        tokenizer_2=tiny_tokenizer(),
        transformer=FluxTransformer2DModel(
            in_channels=64,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=16,
            pooled_projection_dim=16,
            axes_dims_rope=(4, 6, 6),
            guidance_embeds=guidance_embeds,
        ).eval(),
    )


def klein(is_distilled: bool = True) -> Flux2KleinPipeline:
    return Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        vae=AutoencoderKLFlux2(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(8, 8, 8, 8),
            norm_num_groups=4,
            layers_per_block=1,
            latent_channels=32,
            sample_size=64,
        ).eval(),
        text_encoder=Qwen3ForCausalLM(qwen_config(layers=28)).eval(),
        tokenizer=chat_tokenizer(),
        transformer=Flux2Transformer2DModel(
            in_channels=128,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=48,
            timestep_guidance_channels=16,
            axes_dims_rope=(4, 4, 4, 4),
            guidance_embeds=False,
        ).eval(),
        is_distilled=is_distilled,
    )


def z_image() -> ZImagePipeline:
    return ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=tiny_vae(16, shift_factor=0.1159, scaling_factor=0.3611),
        text_encoder=Qwen3Model(qwen_config()).eval(),
        tokenizer=chat_tokenizer(),
        transformer=ZImageTransformer2DModel(
            all_patch_size=(2,),
            all_f_patch_size=(1,),
            in_channels=16,
            dim=32,
            n_layers=1,
            n_refiner_layers=1,
            n_heads=2,
            n_kv_heads=2,
            cap_feat_dim=16,
            axes_dims=[4, 6, 6],
            axes_lens=[64, 64, 64],
        ).eval(),
    )


def sana_sprint() -> SanaSprintPipeline:
    gemma = Gemma2Config(
        vocab_size=VOCABULARY,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
        pad_token_id=1,
    )
    return SanaSprintPipeline(
        tokenizer=chat_tokenizer(),
        text_encoder=Gemma2Model(gemma).eval(),
        vae=AutoencoderDC(
            in_channels=3,
            latent_channels=4,
            attention_head_dim=2,
            encoder_block_types=("ResBlock", "EfficientViTBlock"),
            decoder_block_types=("ResBlock", "EfficientViTBlock"),
            encoder_block_out_channels=(8, 8),
            decoder_block_out_channels=(8, 8),
            encoder_qkv_multiscales=((), (5,)),
            decoder_qkv_multiscales=((), (5,)),
            encoder_layers_per_block=(1, 1),
            decoder_layers_per_block=(1, 1),
            downsample_block_type="conv",
            upsample_block_type="interpolate",
            decoder_norm_types="rms_norm",
            decoder_act_fns="silu",
            scaling_factor=0.41407,
        ).eval(),
        transformer=SanaTransformer2DModel(
            patch_size=1,
            in_channels=4,
            out_channels=4,
            num_layers=1,
            num_attention_heads=2,
            attention_head_dim=8,
            num_cross_attention_heads=2,
            cross_attention_head_dim=8,
            cross_attention_dim=16,
            caption_channels=16,
            sample_size=8,
            qk_norm="rms_norm_across_heads",
            guidance_embeds=True,
        ).eval(),
        scheduler=SCMScheduler(),
    )


PIPELINES: dict[str, Callable[[], DiffusionPipeline]] = {
    "sd": stable_diffusion,
    "sd-v": lambda: stable_diffusion(prediction_type="v_prediction"),
    "sd-turbo-tiny": lambda: stable_diffusion(timestep_spacing="trailing"),
    "lcm": latent_consistency,
    "sdxl": stable_diffusion_xl,
    "sdxl-turbo-tiny": lambda: stable_diffusion_xl(timestep_spacing="trailing"),
    "sd3": tiny_base,
    "flux-dev": flux,
    "flux-schnell": lambda: flux(guidance_embeds=False),
    "klein": klein,
    "klein-base": lambda: klein(is_distilled=False),
    "z-image": z_image,
    "z-image-turbo": z_image,
    "sana-sprint": sana_sprint,
}
"""By the name of the folder."""


def save_tiny(name: str, folder: Path) -> Path:
    """Saves one of `PIPELINES` into a folder of its name."""
    torch.manual_seed(5)
    pipeline = PIPELINES[name]()
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            _awaken(part)
    pipeline.save_pretrained(folder / name)
    return folder / name


def save_tiny_autoencoder(folder: Path) -> Path:
    """Saves an `AutoencoderTiny` of four channels."""
    torch.manual_seed(6)
    config = {"encoder_block_out_channels": (8,) * 4, "decoder_block_out_channels": (8,) * 4}
    AutoencoderTiny(**config, num_encoder_blocks=(1,) * 4, num_decoder_blocks=(1,) * 4).save_pretrained(folder)
    return folder


def _awaken(network: torch.nn.Module) -> None:
    """Gives layers that begin at zero, or nearly so, some weight: what goes in must show in what comes out."""
    with torch.no_grad():
        for name, value in network.named_parameters():
            if value.ndim > 1 and value.std() < 0.05:
                value.normal_(std=0.15)
            elif name.endswith("scale_shift_table"):
                value.normal_(std=0.3)
