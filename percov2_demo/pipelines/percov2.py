"""The codec as a diffusers pipeline: a picture to a `Bitstream`, a `Bitstream` to a picture.

Two-level decoding as in PerCoV2 (Körber et al., arXiv 2503.09368): the indices' condition is concatenated to the
noisy latent, the caption enters through the transformer's text stream, guidance acts on the text alone.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self, get_args

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, ModelMixin, SD3Transformer2DModel
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase, VisionEncoderDecoderModel

from percov2_demo.checkpoints.adapter import Adapter, Checkpoint, load_adapter, save_adapter
from percov2_demo.checkpoints.memory_plans import Estimate, MemoryPlan
from percov2_demo.checkpoints.placement import load_t5
from percov2_demo.checkpoints.schema import ADAPTER_FILE
from percov2_demo.entropy.caption_model import CaptionModel
from percov2_demo.entropy.masked_model import MaskedModel
from percov2_demo.entropy.scale_model import ScaleModel
from percov2_demo.errors import ModelError
from percov2_demo.models.hyper_codec import HyperCodec
from percov2_demo.models.text_encoders import TextCondition, encode_text, tokenize
from percov2_demo.painters.painter import Painter
from percov2_demo.painters.scales import ScalePainter
from percov2_demo.pipelines.base import CodecPipeline
from percov2_demo.pipelines.model import ASIDE
from percov2_demo.sampling.flow import FlowSampler
from percov2_demo.sampling.interpolant import PredictionType
from percov2_demo.sampling.settings import Sampling


SETTINGS = ("prediction_type", "default_strength", "default_guidance", "default_entropy", "description")
"""Arguments of the pipeline that are neither parts nor their identity."""


class PerCoV2Pipeline(CodecPipeline):
    """Perceptual image compression with a flow transformer.

    Args:
        vae: Autoencoder with 16 latent channels at an eighth of the resolution: `PatchAutoencoder`, or SD3's
            `AutoencoderKL`.
        hyper_codec: Latents to indices and back to the transformer's condition.
        transformer: The flow transformer; its `in_channels` are the latent's plus the condition's.
        scheduler: The sampler's noise schedule.
        text_encoder: CLIP text encoder with projection.
        tokenizer: Its tokenizer.
        text_encoder_2: Second CLIP text encoder, as in SD3.
        tokenizer_2: Its tokenizer.
        text_encoder_3: T5 encoder, as in SD3.
        tokenizer_3: Its tokenizer.
        prediction_type: What the transformer's output means, see `interpolant.expected_latent`.
        default_strength: Strength used for a preset when none is given; 1 where a preset is not named.
        masked_model: Entropy model of the indices; without it and the next, streams are coded uniformly.
        caption_model: Entropy model of captions.
        scale_model: Draws finer indices than were sent, see `ScalePainter`.
        captioner: Writes captions from the autoencoder's latents, in the words of `tokenizer`.
        default_guidance: Guidance scale when none is asked for.
        default_entropy: Coding of the indices that is used for a preset when none is asked for; "qlds" where a
            preset is not named.
        identity: Fingerprint of the parameters, kept with saved models; None for one that is not saved yet.
        description: One line on what the model is, shown to users.
    """

    painter = "flow transformer"
    model_cpu_offload_seq = "text_encoder->text_encoder_2->text_encoder_3->hyper_codec->transformer->vae"
    _optional_components: ClassVar[list[str]] = [
        "text_encoder_2",
        "tokenizer_2",
        "text_encoder_3",
        "tokenizer_3",
        "scale_model",
        *ASIDE,
    ]
    _exclude_from_cpu_offload: ClassVar[list[str]] = [*ASIDE, "scale_model"]

    def __init__(
        self,
        vae: ModelMixin,
        hyper_codec: HyperCodec,
        transformer: SD3Transformer2DModel,
        scheduler: FlowMatchEulerDiscreteScheduler,
        text_encoder: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        text_encoder_2: PreTrainedModel | None = None,
        tokenizer_2: PreTrainedTokenizerBase | None = None,
        text_encoder_3: PreTrainedModel | None = None,
        tokenizer_3: PreTrainedTokenizerBase | None = None,
        masked_model: MaskedModel | None = None,
        caption_model: CaptionModel | None = None,
        scale_model: ScaleModel | None = None,
        captioner: VisionEncoderDecoderModel | None = None,
        prediction_type: str = "velocity",
        default_strength: dict[str, float] | None = None,
        default_guidance: float = Sampling.guidance,
        default_entropy: dict[str, str] | None = None,
        identity: str | None = None,
        description: str = "",
    ):
        super().__init__()
        self.register_modules(
            vae=vae,
            hyper_codec=hyper_codec,
            transformer=transformer,
            scheduler=scheduler,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            text_encoder_2=text_encoder_2,
            tokenizer_2=tokenizer_2,
            text_encoder_3=text_encoder_3,
            tokenizer_3=tokenizer_3,
            masked_model=masked_model,
            caption_model=caption_model,
            scale_model=scale_model,
            captioner=captioner,
        )
        self.register_to_config(
            prediction_type=prediction_type,
            default_strength=default_strength or {},
            default_guidance=default_guidance,
            default_entropy=default_entropy or {},
            identity=identity,
            description=description,
        )
        self._base: Checkpoint | None = None
        self._check_parts()

    def _check_parts(self) -> None:
        """Refuse components that do not fit together."""
        expected = self.vae.config.latent_channels + self.hyper_codec.condition_channels
        if self.transformer.config.in_channels != expected:
            raise ModelError(
                f"the transformer takes {self.transformer.config.in_channels} input channels, but latent and "
                f"condition have {expected} together: widen its input"
            )
        if self.config.prediction_type not in get_args(PredictionType):
            raise ModelError(f"the prediction type must be one of {', '.join(get_args(PredictionType))}")
        if not self.has_estimate and (self.config.prediction_type == "residual" or self.config.default_strength):
            raise ModelError("residual prediction and strengths below 1 need a hyper-codec with hyper-decoders")

    @classmethod
    def _load(
        cls,
        folder: Path,
        plan: MemoryPlan,
        device: torch.device,
        base: str | Path | None,
        download: Mapping[str, Any],
        **kwargs: Any,
    ) -> tuple[Self, Estimate]:
        """Load the complete model of a folder, or an adapter onto its base."""
        if not (folder / ADAPTER_FILE).is_file():
            return super()._load(folder, plan, device, base, download, **kwargs)
        parts, adapter, checkpoint, needed = load_adapter(
            folder, plan, device, partial(load_t5, plan=plan, device=device), base, download, **kwargs
        )
        pipeline = cls(**parts, **adapter.settings, identity=adapter.identity)
        pipeline.register_to_config(_name_or_path=str(folder))
        pipeline._base = checkpoint
        return pipeline, needed

    @classmethod
    def from_base(
        cls, base: str | Path, hyper_codec: HyperCodec, revision: str | None = None, **settings: Any
    ) -> Self:
        """Return a public Stable Diffusion 3 checkpoint widened to take a hyper-codec's condition, to be trained.

        Until training its output is the base's, whatever the indices are.

        Args:
            base: Folder, or repository on the hub.
            hyper_codec: The hyper-codec; its latents are the base's.
            revision: Commit, branch or tag on the hub.
            **settings: `dtype` of the base, single precision unless given; all others are arguments of this class.

        Raises:
            InputError: There is no such checkpoint, or it is not one of Stable Diffusion 3.
        """
        checkpoint = Checkpoint.find(str(base), revision)
        parts = checkpoint.load(hyper_codec.condition_channels, dtype=settings.pop("dtype", torch.float32))
        pipeline = cls(hyper_codec=hyper_codec, **parts, **settings)
        pipeline._base = checkpoint
        return pipeline

    def save_adapter(self, save_directory: str | Path, **kwargs: Any) -> Adapter:
        """Write what differs from the base, for `from_pretrained` to put onto it again.

        Args:
            save_directory: The folder to write.
            **kwargs: `max_shard_size`, see `adapter.save_adapter`.

        Raises:
            InputError: This pipeline was not made from a base.
        """
        if self._base is None:
            raise ModelError("only a pipeline of from_base, or of an adapter, has a base to leave out: save it whole")
        settings = {name: self.config[name] for name in SETTINGS}
        adapter = save_adapter(Path(save_directory), self._base, self.networks, settings, **kwargs)
        self.register_to_config(identity=adapter.identity)
        return adapter

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the flow transformer; the entropy models are integers."""
        return self.transformer.dtype

    @property
    def prediction_type(self) -> PredictionType:
        """What the transformer's output means, see `interpolant.expected_latent`."""
        return self.config.prediction_type

    @property
    def max_side(self) -> int:
        """Longest side of a picture in pixels that the transformer's position table covers."""
        transformer = self.transformer.config
        return transformer.pos_embed_max_size * transformer.patch_size * self.hyper_codec.config.latent_stride

    @property
    def default_guidance(self) -> float:
        """Guidance scale that measured best for this model."""
        return self.config.default_guidance

    def default_strength(self, preset: str) -> float:
        """Return the strength that measured best for a preset of this model."""
        return self.config.default_strength.get(preset, 1.0)

    def default_entropy(self, preset: str) -> str:
        """Return the coding of the indices that is used for a preset when none is asked for."""
        return self.config.default_entropy.get(preset, "qlds")

    def encode_captions(self, captions: Sequence[str]) -> TextCondition:
        """Return the text condition of captions, in the transformer's precision."""
        clip = [(self.tokenizer, self.text_encoder)]
        if self.text_encoder_2 is not None:
            clip.append((self.tokenizer_2, self.text_encoder_2))
        t5 = None if self.text_encoder_3 is None else (self.tokenizer_3, self.text_encoder_3)
        text = encode_text(captions, clip, t5, self.transformer.config.joint_attention_dim)
        device, dtype = self._execution_device, self.transformer.dtype
        return TextCondition(text.tokens.to(device, dtype), text.pooled.to(device, dtype))

    def tokenize(self, captions: Sequence[str]) -> Tensor:
        """Split captions into token ids `(B, L)`."""
        return tokenize(self.tokenizer, captions)

    def _other_painters(self) -> list[Painter]:
        return [] if self.scale_model is None or not self.has_estimate else [ScalePainter(self)]

    def make_sampler(self) -> FlowSampler:
        return FlowSampler(self.transformer, self.scheduler, self.prediction_type)
