"""The stages of a model on the weights of Stable Diffusion 3: the paper's two, and what they need before and after."""

from collections import Counter
from collections.abc import Callable
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel
from torch import Tensor, nn

from percov2_demo.checkpoints.folders import EMBEDDED_MODEL
from percov2_demo.data.shards import Photo, PhotoShards
from percov2_demo.entropy.caption_model import CaptionModel
from percov2_demo.entropy.masked_model import MaskedModel
from percov2_demo.errors import InputError
from percov2_demo.models.autoencoder import scaled_latents
from percov2_demo.models.hyper_codec import HyperCodec
from percov2_demo.models.text_encoders import tokenize
from percov2_demo.pipelines.percov2 import PerCoV2Pipeline
from percov2_demo.training.data.crops import PhotoBatches
from percov2_demo.training.data.determinism import Draws, Share
from percov2_demo.training.loop import NextBatch
from percov2_demo.training.measures.validation import validation_sheet
from percov2_demo.training.objectives.flow import HyperObjective
from percov2_demo.training.objectives.joint import JointConfig, JointObjective
from percov2_demo.training.objectives.lora import add_lora, merge_lora
from percov2_demo.training.objectives.perceptual import LatentLpips
from percov2_demo.training.recipes.base import DTYPES, Recipe
from percov2_demo.training.recipes.export import write_manifest
from percov2_demo.training.recipes.sd3_base import load_vae, widened_base


class SD3Recipe(Recipe):
    """The stages of a model that is trained on the weights of a base model.

    The data folder may hold `captions.jsonl`, see `PhotoShards`, whose captions go before the shards' own, and
    `photos/val.tar`, of which validation pictures are painted.

    `hyper` is for models with hyper-decoders, and may be left out: `joint` then starts from random hyper-encoders, as
    the paper does. The captions' entropy model is the embedded model's.
    """

    def hyper(self, time_budget_s: float, resume: bool = False) -> None:
        """Train hyper-encoders, codebooks and hyper-decoders by regression to the latent.

        Raises:
            InputError: The config's hyper-codec has no hyper-decoders.
        """
        hyper_codec = HyperCodec(**self.config["hyper"]["model"])
        if not hyper_codec.decoders:
            raise InputError("there are no hyper-decoders to train: set decoder_width, or go on with the joint stage")
        vae, photos = self._vae().to(self.accelerator.device), self._photo_batches(hyper_codec)
        # One picture at a time, to leave memory for training.
        vae.enable_slicing()

        def next_batch(step: int, share: Share) -> dict[str, Tensor | Draws]:
            return {"latents": self._latents(vae, photos(step, share).pixels)}

        trained = self._run("hyper", HyperObjective(hyper_codec), next_batch, time_budget_s, resume)
        self._save("hyper", trained.hyper_codec)

    def joint(self, time_budget_s: float, resume: bool = False) -> None:
        """Train hyper-codec and flow transformer together, and paint validation pictures whenever it saves."""
        config = JointConfig(**self.config["joint"])
        hyper_codec = self._starting_codec()
        # The data before the base's billions of weights, so that faults in it are reported at once.
        photos, shown = self._photo_batches(hyper_codec), self._validation_photos()
        pipeline = self._base(hyper_codec)
        pipeline.hyper_codec.requires_grad_(config.trains_codec)
        if config.lora_rank:
            add_lora(pipeline.transformer, config.lora_rank)
        if config.gradient_checkpointing:
            pipeline.transformer.enable_gradient_checkpointing()
        for name, part in pipeline.networks.items():
            if name not in ("transformer", "hyper_codec"):
                part.to(self.accelerator.device)
        perceptual = LatentLpips(pipeline.vae) if config.objective.get("perceptual_weight") else None
        objective = JointObjective(
            pipeline.transformer,
            pipeline.hyper_codec,
            pipeline.scheduler.config.shift,
            perceptual=perceptual,
            **config.objective,
        )
        next_batch, painter = self._captioned_batches(pipeline, photos), self._painter(pipeline, shown)
        trained = self._run("joint", objective, next_batch, time_budget_s, resume, painter)
        if config.lora_rank and self.accelerator.is_main_process:
            merge_lora(trained.transformer)
        self._save("joint", trained.transformer, "transformer")
        self._save("joint", trained.hyper_codec, "hyper_codec")

    def export(self, out: Path) -> None:
        """Write what training added to the base model as an adapter in half precision, with a manifest."""
        base = self.config["base"]
        pipeline = PerCoV2Pipeline.from_base(
            base["model"],
            HyperCodec.from_pretrained(self._result("joint/hyper_codec")),
            base["revision"],
            dtype=torch.float16,
            description=self.config["description"],
            **self._entropy_models(),
        )
        trained = SD3Transformer2DModel.from_pretrained(self._result("joint/transformer"))
        pipeline.register_modules(transformer=trained)
        pipeline.to(torch.float16, silence_dtype_warnings=True)
        adapter = pipeline.save_adapter(out)
        named = {"model": adapter.base.name, "revision": adapter.base.revision}
        sources = Counter(source.decode() for source in self._photos.sources)
        write_manifest(pipeline, sources, self.work, out, {"base": named})

    def _entropy_models(self) -> dict[str, Any]:
        """Return the entropy models and their default as arguments of the pipeline; none before they are trained."""
        masked_model = self.work / "entropy" / "model"
        if not masked_model.is_dir():
            return {}
        return {
            "masked_model": MaskedModel.from_pretrained(masked_model),
            "caption_model": CaptionModel.from_pretrained(EMBEDDED_MODEL, subfolder="caption_model"),
            "default_entropy": self.config["export"]["default_entropy"],
        }

    def _encoders(self) -> tuple[AutoencoderKL, HyperCodec]:
        trained = self._result("joint/hyper_codec")
        return self._vae(), HyperCodec.from_pretrained(trained)

    def _base(self, hyper_codec: HyperCodec) -> PerCoV2Pipeline:
        dtype = DTYPES[self.accelerator.mixed_precision]
        return widened_base(**self.config["base"], hyper_codec=hyper_codec, dtype=dtype)

    def _vae(self) -> AutoencoderKL:
        return load_vae(**self.config["base"])

    def _starting_codec(self) -> HyperCodec:
        if self.config["joint"]["trains_codec"] and not (self.work / "hyper" / "model").is_dir():
            return HyperCodec(**self.config["hyper"]["model"])
        return HyperCodec.from_pretrained(self._result("hyper/model"))

    @cached_property
    def _photos(self) -> PhotoShards:
        captions = self.data / "captions.jsonl"
        with self.accelerator.main_process_first():
            return PhotoShards(self._train_shards(), self._shards_folder(), captions if captions.is_file() else None)

    def _photo_batches(self, hyper_codec: HyperCodec) -> PhotoBatches:
        groups = len(hyper_codec.config.presets)
        return PhotoBatches(
            self._photos, **self.config["photos"], groups=groups, seed=self.config["seed"], share=Share(*self._place())
        )

    def _latents(self, vae: AutoencoderKL, pixels: Tensor) -> Tensor:
        """Encode pictures `(B, 3, H, W)` uint8 to scaled latents."""
        with torch.no_grad():
            return scaled_latents(vae, pixels.to(self.accelerator.device, vae.dtype) / 127.5 - 1)

    def _captioned_batches(self, pipeline: PerCoV2Pipeline, photos: PhotoBatches) -> NextBatch:
        """Replace T5's tokens by zeros in some samples of each batch, as where a pipeline is without T5."""
        t5_dropout = self.config["joint"]["t5_dropout"]
        clip_tokens = tokenize(pipeline.tokenizer, [""]).shape[1]

        def next_batch(step: int, share: Share) -> dict[str, Tensor | Draws]:
            pixels, captions = photos(step, share)
            draws = Draws(self.config["seed"], step, share)
            with torch.no_grad():
                text = pipeline.encode_captions(captions)
            dropped = draws.uniform((len(captions), 1, 1), text.tokens.device) < t5_dropout
            text.tokens[:, clip_tokens:].masked_fill_(dropped, 0.0)
            return {
                "latents": self._latents(pipeline.vae, pixels),
                "tokens": text.tokens,
                "pooled": text.pooled,
                "draws": draws,
            }

        return next_batch

    def _validation_photos(self) -> list[Photo]:
        shard, count = self.data / "photos" / "val.tar", self.config["validation"]["photos"]
        return list(islice(PhotoShards([shard]), count)) if count and shard.is_file() else []

    def _painter(self, pipeline: PerCoV2Pipeline, photos: list[Photo]) -> Callable[[nn.Module, int], None] | None:
        """Write a sheet of validation pictures; None without photos to paint."""
        if not photos:
            return None
        config, device, folder = self.config["validation"], self.accelerator.device, self.work / "joint" / "validation"

        def paint(trained: nn.Module, step: int) -> None:
            parts = {"transformer": trained.transformer.to(device), "hyper_codec": trained.hyper_codec.to(device)}
            # No stream leaves this function, so the identity, which takes long to compute, is not needed.
            painter = PerCoV2Pipeline(**pipeline.components | parts, identity="0" * 64)
            painter.set_progress_bar_config(disable=True)
            with self.accelerator.autocast():
                sheet = validation_sheet(painter, photos, config["side"], config["steps"], config["guidance"])
            trained.to("cpu")
            folder.mkdir(parents=True, exist_ok=True)
            sheet.save(folder / f"step-{step:07d}.png")

        return paint
