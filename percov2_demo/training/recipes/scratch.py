"""The stages of a model from scratch in their order, as the embedded one has them."""

from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from diffusers import SD3Transformer2DModel
from PIL import Image, ImageOps
from torch import nn
from transformers import AutoTokenizer, CLIPTextConfig, CLIPTextModelWithProjection, PreTrainedTokenizerFast

from percov2_demo.captioning.latents import LatentCaptioner
from percov2_demo.data.shards import Photo, read_shard, read_shards
from percov2_demo.entropy.caption_model import CaptionModel, learn_merges
from percov2_demo.entropy.integer_layers import freeze, make_trainable
from percov2_demo.entropy.scale_model import ScaleModel
from percov2_demo.evaluation.protocol import list_pictures
from percov2_demo.models.autoencoder import PatchAutoencoder
from percov2_demo.models.hyper_codec import HyperCodec
from percov2_demo.models.text_encoders import tokenize
from percov2_demo.pipelines.percov2 import PerCoV2Pipeline
from percov2_demo.training.data.encoded import encoder_fingerprint, is_encoded
from percov2_demo.training.data.encoded_pictures import PART_BATCHES, EncodedPictures, encode_pictures
from percov2_demo.training.data.latents import LatentBatches, encode_both_ways, encode_photos, latent_statistics
from percov2_demo.training.data.pictures import PictureBatches, ReadAhead
from percov2_demo.training.data.tokenizer import read_captions, train_tokenizer
from percov2_demo.training.loop import NextBatch
from percov2_demo.training.measures.captioner import validate
from percov2_demo.training.measures.edits import measure_edits
from percov2_demo.training.measures.leverage import measure_caption_change, measure_leverage, measure_scale_leverage
from percov2_demo.training.measures.strength import sweep_strengths
from percov2_demo.training.objectives.autoencoder import AutoencoderObjective, CropBatches, principal_components
from percov2_demo.training.objectives.caption_coder import CaptionBatches, CaptionObjective
from percov2_demo.training.objectives.captioner import CaptionerBatches, CaptionerObjective, build_captioner
from percov2_demo.training.objectives.deep_features import DeepFeatureLoss
from percov2_demo.training.objectives.edits import EditObjective, widen_embeddings
from percov2_demo.training.objectives.flow import FlowObjective, HyperObjective
from percov2_demo.training.objectives.masked import fix_offsets, start_from_codes
from percov2_demo.training.objectives.painter import PainterObjective
from percov2_demo.training.objectives.scales import ScalesConfig, ScalesObjective
from percov2_demo.training.recipes.base import Recipe
from percov2_demo.training.recipes.export import assemble, export, note_earlier_training


EMBEDDED_CONFIG = Path(__file__).parent / "configs" / "embedded.json"

LATENTS = "latents/train.safetensors"
"""Where the latents of the training photos stand in a work folder."""


class ScratchRecipe(Recipe):
    """The stages of a model that is trained from scratch.

    The data folder holds `captions-train.txt.gz` beside the shards. On several processes the losses of `autoencoder`,
    `painter`, `caption-coder` and `captioner` are those of each process's own share, which statistics
    of a batch, lengths of captions and dropout make a little different from those of a single process.
    """

    def autoencoder(self, time_budget_s: float, resume: bool = False) -> None:
        """Train the autoencoder."""
        vae = PatchAutoencoder(**self.config["autoencoder"]["model"])
        if not resume:
            latent, patch = vae.config.latent_channels, vae.config.patch_size
            vae.set_principal_components(*principal_components(self.photos, latent, patch, self.config["seed"]))
        config = self.config["autoencoder"]
        objective = AutoencoderObjective(vae.to(memory_format=torch.channels_last), config["latent_noise"])
        device = self.accelerator.device
        batches = CropBatches(self.photos, config["crop"], config["batch_size"], self.config["seed"], device)
        trained = self._run("autoencoder", objective, self._shared(batches), time_budget_s, resume)
        self._save("autoencoder", trained.autoencoder)

    def latents(self) -> None:
        """Encode all photos and store the latents' statistics in the autoencoder's config, where it is a new one."""
        vae = self._vae().to(self.accelerator.device, memory_format=torch.channels_last)
        path = self.work / LATENTS
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.accelerator.autocast():
            config = self.config["latents"] | {"seed": self.config["seed"]}
            encode_photos(self.photos, vae, path, **config, device=self.accelerator.device)
        if self.model is None:
            shift, scale = latent_statistics(path)
            vae.register_to_config(shift_factor=shift, scaling_factor=scale)
            self._save("autoencoder", vae)

    def tokenizer(self) -> None:
        """Train the tokenizer on the captions."""
        captions = read_captions(self.data / "captions-train.txt.gz")
        train_tokenizer(captions, **self.config["tokenizer"]).save_pretrained(self.work / "tokenizer" / "model")

    def hyper(self, time_budget_s: float, resume: bool = False) -> None:
        """Train hyper-encoders, codebooks and hyper-decoders by regression to the latent."""
        objective = HyperObjective(HyperCodec(**self.config["hyper"]["model"]).to(memory_format=torch.channels_last))
        batches = self._latent_batches("hyper")
        groups = len(objective.hyper_codec.config.presets)
        next_batch = self._shared(lambda step: {"latents": batches(step).latents}, groups, draws=False)
        trained = self._run("hyper", objective, next_batch, time_budget_s, resume)
        if self.config["hyper"].get("integer_weights"):
            # Before anything is trained on indices or measured with them: rounding changes one in a hundred.
            trained.hyper_codec.quantize_weights()
        self._save("hyper", trained.hyper_codec)

    def flow(self, time_budget_s: float, resume: bool = False) -> None:
        """Train flow transformer and text encoder."""
        config = self.config["flow"]
        hyper_codec = HyperCodec.from_pretrained(self._result("hyper/model"))
        tokenizer = self._tokenizer()
        transformer = self._new_transformer(hyper_codec)
        text_encoder = CLIPTextModelWithProjection(self._text_config(tokenizer))
        objective = FlowObjective(
            transformer, text_encoder, hyper_codec, config["prediction_type"], **config["objective"]
        )
        next_batch = self._captioned_batches("flow", tokenizer, len(hyper_codec.config.presets))
        trained = self._run("flow", objective, next_batch, time_budget_s, resume)
        self._save_flow("flow", trained)
        self._save("flow", trained.hyper_codec, "hyper_codec")

    def edits(self, time_budget_s: float, resume: bool = False) -> None:
        """Train a new text encoder, and what in the transformer listens to it, on edits that captions name."""
        pipeline = self._continued("edits", resume)
        text_encoder = CLIPTextModelWithProjection(self._text_config(pipeline.tokenizer))
        widen_embeddings(text_encoder)
        nn.init.normal_(pipeline.transformer.context_embedder.weight, std=0.05)
        pipeline.register_modules(text_encoder=text_encoder)
        flow = self._flow_objective(pipeline)
        objective = EditObjective(flow, pipeline.vae.float(), **self.config["edits"]["objective"])
        next_batch = self._edited_batches("edits", pipeline)
        trained = self._run("edits", objective, next_batch, time_budget_s, resume)
        self._save_flow("edits", trained.flow)

    def painter(self, time_budget_s: float, resume: bool = False) -> None:
        """Train flow transformer and text encoder in pixels, and what decodes, where steps on estimates train that.

        A model that is named keeps its transformer if that is as the config has it; otherwise a new one begins.
        """
        pipeline = self._continued("painter", resume)
        wanted = self.config["flow"]["transformer"]
        if any(pipeline.transformer.config[name] != value for name, value in wanted.items()):
            pipeline.register_modules(transformer=self._new_transformer(pipeline.hyper_codec))
        flow = self._flow_objective(pipeline)
        flow.hyper_codec.to(memory_format=torch.channels_last)
        autoencoder = pipeline.vae.float().to(memory_format=torch.channels_last)
        deep = DeepFeatureLoss(self.accelerator.device)
        objective = PainterObjective(flow, autoencoder, deep, **self.config["painter"]["objective"])

        def save(trained: PainterObjective, step: int) -> None:
            self._save_flow("painter", trained.flow)
            self._save("painter", trained.autoencoder, "vae")
            hyper_codec = deepcopy(trained.flow.hyper_codec)
            if hyper_codec.config.integer_weights:
                hyper_codec.quantize_weights()
            self._save("painter", hyper_codec, "hyper_codec")

        next_batch = self._edited_batches("painter", pipeline)
        self._run("painter", objective, next_batch, time_budget_s, resume, save)

    def strength(self) -> None:
        """Measure the default strength of each preset on the largest validation photos."""
        config = self.config["strength"]
        photos = read_shards([self.data / "photos" / "val.tar"])
        # Enlarged photos would not look real themselves.
        photos = sorted(photos, key=lambda photo: -min(photo.size()))[: config["photos"]]
        pipeline = assemble(self.config, self.work, self.model).to(self.accelerator.device)
        pipeline.set_progress_bar_config(disable=True)
        folder = self.work / "strength"
        sweep_strengths(pipeline, photos, config["candidates"], config["steps"], config["tolerance"], folder)

    def leverage(self) -> None:
        """Measure what the caption is worth to the networks on the validation photos, and to painting on Kodak's."""
        pipeline = assemble(self.config, self.work, self.model).to(self.accelerator.device)
        pipeline.set_progress_bar_config(disable=True)
        photos, side = read_shards([self.data / "photos" / "val.tar"]), self.config["leverage"]["side"]
        pictures = [ImageOps.fit(Image.fromarray(photo.pixels()), (side, side)) for photo in photos]
        latents = torch.cat([pipeline.encode_latents(picture) for picture in pictures])
        tokens = tokenize(pipeline.tokenizer, ["", *(photo.captions[0] for photo in photos)]).to(latents.device)
        with self.accelerator.autocast():
            flow = self._flow_objective(pipeline)
            measure_leverage(flow, latents, tokens[1:], tokens[:1], self.work / "leverage")
        if pipeline.scale_model is not None:
            measure_scale_leverage(
                pipeline.scale_model, pipeline.hyper_codec, latents, tokens[1:], tokens[:1], self.work / "leverage"
            )
        kodak = self.data / "kodak"
        if kodak.is_dir():
            listed = list_pictures(kodak, kodak / "captions.jsonl", "crop", pipeline.max_side)
            pictures = [picture.load() for picture in listed]
            measure_caption_change(pipeline, pictures, self.work / "leverage")
            captions, guidances = [picture.caption for picture in listed], self.config["leverage"]["guidances"]
            measure_edits(pipeline, pictures, captions, guidances, self.work / "leverage")

    def scales(self, time_budget_s: float, resume: bool = False) -> None:
        """Train the scale model on indices of pictures and of their edits that captions name."""
        config, tokenizer = ScalesConfig(**self.config["scales"]), self._tokenizer()
        vae, hyper_codec = self._encoders()
        folder = self.work / "scales" / "pictures"
        with self.accelerator.main_process_first():
            self._encode_pictures(config, tokenizer, vae, hyper_codec, folder)
        presets = hyper_codec.config.presets
        model = ScaleModel(presets, len(tokenizer), tokenizer.pad_token_id, **config.model)
        make_trainable(model)
        drawn = [model.symbols[preset].indices for preset in presets[1:]]
        fix_offsets(model, drawn)
        start_from_codes(model, {name: part.codebook for name, part in hyper_codec.quantizers.items()})
        batches = EncodedPictures(folder.glob("*.safetensors"), config.batch_size, self.config["seed"])
        objective = ScalesObjective(model, config.steps, config.dropped_share)
        trained = self._run("scales", objective, self._shared(batches), time_budget_s, resume)
        freeze(trained.model)
        self._save("scales", trained.model)

    def _encode_pictures(
        self,
        config: ScalesConfig,
        tokenizer: PreTrainedTokenizerFast,
        vae: PatchAutoencoder,
        hyper_codec: HyperCodec,
        folder: Path,
    ) -> None:
        """Encode pictures for the scale model, in parts; finished parts are kept."""
        networks = [part.to(self.accelerator.device, memory_format=torch.channels_last) for part in (vae, hyper_codec)]
        encoder = encoder_fingerprint(*networks)
        batches = PictureBatches(self.photos, **config.pictures, seed=self.config["seed"])
        for first in range(0, config.encoded, PART_BATCHES):
            path = folder / f"{first:09d}.safetensors"
            if not is_encoded(path, encoder):
                steps = range(first, min(first + PART_BATCHES, config.encoded))
                encode_pictures((batches[step] for step in steps), tokenizer, *networks, encoder, path)

    def caption_coder(self, time_budget_s: float, resume: bool = False) -> None:
        """Train the caption model, tokenizer included."""
        config, captions = self.config["caption-coder"], read_captions(self.data / "captions-train.txt.gz")
        model = CaptionModel(learn_merges(captions, config["vocabulary_size"]), **config["model"])
        make_trainable(model)
        batches = CaptionBatches(captions, model, config["batch_size"], self.config["seed"], self.accelerator.device)
        next_batch = self._shared(batches, draws=False)
        trained = self._run("caption-coder", CaptionObjective(model), next_batch, time_budget_s, resume)
        freeze(trained.model)
        self._save("caption-coder", trained.model)

    def captioner(self, time_budget_s: float, resume: bool = False) -> None:
        """Train the captioner on whole photos, and measure it on the validation photos."""
        config, device = self.config["captioner"], self.accelerator.device
        vae, tokenizer = self._vae().to(device, memory_format=torch.channels_last), self._tokenizer()
        encoder = encoder_fingerprint(vae)
        paths = [self.work / "captioner" / "latents" / f"{shard.stem}.safetensors" for shard in self._train_shards()]
        with self.accelerator.main_process_first():
            for shard, path in zip(self._train_shards(), paths, strict=True):
                if not is_encoded(path, encoder):
                    with self.accelerator.autocast():
                        encode_both_ways(read_shard(shard), vae, path, config["side"], device)
        texts = read_captions(self.data / "captions-train.txt.gz")
        batches = CaptionerBatches(
            paths, self.photos, texts, tokenizer, **config["batches"], seed=self.config["seed"], device=device
        )
        model = build_captioner(config["encoder"], config["decoder"], config["generation"], tokenizer)
        objective = CaptionerObjective(model, batches.counts, **config["objective"])
        next_batch = self._shared(batches, draws=False)
        trained = self._run("captioner", objective, next_batch, time_budget_s, resume)
        self._save("captioner", trained.model)
        if self.accelerator.is_main_process:
            captioner = LatentCaptioner(trained.model.eval(), tokenizer, vae)
            photos = read_shards([self.data / "photos" / "val.tar"])
            candidates = sorted({caption for photo in self.photos for caption in photo.captions})
            validate(captioner, photos, candidates, self.work / "captioner")

    def export(self, out: Path) -> None:
        """Write the model that the stages made as a pipeline folder."""
        export(self.config, self.photos, self.work, out, self.model)

    def _continued(self, stage: str, resume: bool) -> PerCoV2Pipeline:
        """Assemble what a stage goes on from, and write down how long that was trained in it."""
        if not resume and self.accelerator.is_main_process:
            note_earlier_training(self.work / stage, self.model)
        return assemble(self.config, self.work, self.model)

    def _edited_batches(self, stage: str, pipeline: PerCoV2Pipeline) -> NextBatch:
        """Make a stage's batches of pictures, of which some are to come out as their caption says."""
        config = self.config[stage]
        batches = PictureBatches(self.photos, **config["batches"], seed=self.config["seed"])
        ahead = ReadAhead(batches, config.get("workers", 0))

        def next_batch(step: int) -> dict[str, torch.Tensor]:
            batch = ahead(step)
            tokens = tokenize(pipeline.tokenizer, batch.captions)
            return {"pictures": batch.pictures, "sources": batch.sources, "input_ids": tokens}

        return self._shared(next_batch, len(pipeline.presets))

    def _new_transformer(self, hyper_codec: HyperCodec) -> SD3Transformer2DModel:
        config = self.config["flow"]
        channels = hyper_codec.config.latent_channels + hyper_codec.condition_channels
        transformer = SD3Transformer2DModel(in_channels=channels, **config["transformer"])
        if config["prediction_type"] == "residual":
            # Training then starts from the hyper-decoder's estimate.
            nn.init.zeros_(transformer.proj_out.weight)
            nn.init.zeros_(transformer.proj_out.bias)
        return transformer

    def _save_flow(self, stage: str, trained: FlowObjective) -> None:
        for name in ("transformer", "text_encoder"):
            self._save(stage, getattr(trained, name), name)

    @cached_property
    def photos(self) -> list[Photo]:
        """The training photos."""
        return read_shards(self._train_shards())

    def _vae(self) -> PatchAutoencoder:
        return self._part(PatchAutoencoder, "vae", "autoencoder/model")

    def _encoders(self) -> tuple[PatchAutoencoder, HyperCodec]:
        return self._vae(), self._part(HyperCodec, "hyper_codec", "flow/hyper_codec")

    def _tokenizer(self) -> PreTrainedTokenizerFast:
        return self._part(AutoTokenizer, "tokenizer", "tokenizer/model")

    def _flow_objective(self, pipeline: PerCoV2Pipeline) -> FlowObjective:
        return FlowObjective(
            pipeline.transformer.float(),
            pipeline.text_encoder.float(),
            pipeline.hyper_codec.float(),
            pipeline.config.prediction_type,
            **self.config["flow"]["objective"],
        )

    def _part(self, kind: Any, name: str, folder: str) -> Any:
        """Load a trained part of the model that was named, or of the one that the stages make."""
        if self.model is None:
            return kind.from_pretrained(self._result(folder))
        return kind.from_pretrained(self.model, subfolder=name)

    def _latent_batches(self, stage: str) -> LatentBatches:
        vae = self._vae().config
        return LatentBatches(
            self._result(LATENTS),
            self.photos,
            vae.shift_factor,
            vae.scaling_factor,
            self.config[stage]["shapes"],
            self.config[stage].get("caption_dropout", 0.0),
            self.config["seed"],
        )

    def _captioned_batches(self, stage: str, tokenizer: PreTrainedTokenizerFast, groups: int) -> NextBatch:
        batches = self._latent_batches(stage)

        def next_batch(step: int) -> dict[str, torch.Tensor]:
            batch = batches(step)
            return {
                "latents": batch.latents,
                "sources": batch.sources,
                "input_ids": tokenize(tokenizer, batch.captions),
            }

        return self._shared(next_batch, groups)

    def _text_config(self, tokenizer: PreTrainedTokenizerFast) -> CLIPTextConfig:
        return CLIPTextConfig(
            vocab_size=len(tokenizer),
            max_position_embeddings=tokenizer.model_max_length,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            **self.config["flow"]["text_encoder"],
        )
