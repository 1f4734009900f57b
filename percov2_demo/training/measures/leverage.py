"""Measure what the caption is worth: to the flow's error, to drawn indices, and to the picture that is painted."""

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from percov2_demo.entropy.integer_layers import LOGIT_UNIT
from percov2_demo.entropy.masked_model import MASK
from percov2_demo.entropy.scale_model import ScaleModel
from percov2_demo.files.csv_table import write_csv
from percov2_demo.models.hyper_codec import HyperCodec
from percov2_demo.pipelines.percov2 import PerCoV2Pipeline
from percov2_demo.sampling.interpolant import noisy_latent
from percov2_demo.sampling.settings import painting_strength
from percov2_demo.sweeps import difference
from percov2_demo.training.data.determinism import Draws
from percov2_demo.training.objectives.flow import FlowObjective


BATCH = 16
REPEATS = 4
"""Noise levels and noises each photo is measured with."""

CONTRAST = ("a photo of a snowy mountain", "a photo of a red car")
"""Captions that have nothing in common, nor with most pictures."""


@torch.inference_mode()
def measure_leverage(flow: FlowObjective, latents: Tensor, input_ids: Tensor, empty_ids: Tensor, folder: Path) -> None:
    """Write the flow's loss on each preset as `leverage.csv`.

    Beside the loss under each caption stands by how many per cent of the right one's it is worse, and the standard
    error of that over photos. Every photo has the same noises under all captions, so that differences are paired.

    Args:
        flow: The trained flow.
        latents: Scaled latents `(N, C, H, W)` of photos that were not trained on; N is at least 2.
        input_ids: Tokens `(N, L)` of their captions; the wrong caption of a photo is the next one's.
        empty_ids: Tokens `(1, L)` of the empty caption, which training put in the place of some.
        folder: Where the table goes.
    """
    captions = {"right": input_ids, "wrong": input_ids.roll(1, 0), "empty": empty_ids.expand_as(input_ids)}
    rows = []
    for preset in tqdm(flow.hyper_codec.config.presets, desc="measuring captions", disable=None):
        losses = {name: torch.zeros(len(latents), dtype=torch.float64) for name in captions}
        for first in range(0, len(latents), BATCH):
            part = latents[first : first + BATCH]
            condition = flow.hyper_codec.decode(flow.hyper_codec.encode(part, preset), preset)
            for repeat in range(REPEATS):
                draws = Draws(seed=repeat, step=first)
                sigma = flow.noise_levels(part, draws)
                noisy = noisy_latent(part, draws.normal(part.shape, part.device), sigma)
                for name, tokens in captions.items():
                    expected = flow.expected(noisy, sigma, condition, tokens[first : first + BATCH])
                    error = (flow.weight(sigma) * (expected - part).square()).mean((1, 2, 3))
                    losses[name][first : first + BATCH] += error.cpu() / REPEATS
        right = losses.pop("right")
        row = {"preset": preset, "photos": len(latents), "right_caption": f"{right.mean():.5f}"}
        for name, loss in losses.items():
            percent = 100 * (loss - right) / right.mean()
            row |= {
                f"{name}_caption": f"{loss.mean():.5f}",
                f"{name}_is_worse_percent": f"{percent.mean():.2f}",
                f"{name}_standard_error": f"{percent.std() / math.sqrt(len(percent)):.2f}",
            }
        rows.append(row)
    _write(folder / "leverage.csv", list(rows[0]), [list(row.values()) for row in rows])


@torch.inference_mode()
def measure_scale_leverage(
    model: ScaleModel, hyper_codec: HyperCodec, latents: Tensor, input_ids: Tensor, empty_ids: Tensor, folder: Path
) -> None:
    """Write the bits an index of each preset that can be drawn, given each that can be sent, as `scales.csv`.

    Beside the bits under the photo's own caption stands by how many per cent those under another's and under none are
    more. Presets between were drawn right, and no index of the preset itself is known.

    Args:
        model: The trained model.
        hyper_codec: The hyper-codec.
        latents: As in `measure_leverage`.
        input_ids: As in `measure_leverage`.
        empty_ids: As in `measure_leverage`.
        folder: Where the table goes.
    """
    captions = {"right": input_ids, "wrong": input_ids.roll(1, 0), "empty": empty_ids.expand_as(input_ids)}
    presets = hyper_codec.config.presets
    maps = {preset: hyper_codec.encode(latents, preset) for preset in presets}
    rows = []
    for level, drawn in enumerate(presets):
        for first, sent in enumerate(presets[:level]):
            coarser = {name: maps[name] for name in presets[first:level]}
            hidden = torch.full_like(maps[drawn], MASK)
            bits = {}
            for name, tokens in captions.items():
                logits = model(hidden, drawn, coarser, tokens) / LOGIT_UNIT
                bits[name] = F.cross_entropy(logits.flatten(0, 2), maps[drawn].flatten()).item() / math.log(2)
            more = {f"{name}_is_worse_percent": 100 * (bits[name] / bits["right"] - 1) for name in ("wrong", "empty")}
            figures = {name: f"{percent:.2f}" for name, percent in more.items()}
            row = {"sent": sent, "drawn": drawn, "photos": len(latents), "bits": f"{bits['right']:.3f}"}
            rows.append(row | figures)
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / "scales.csv", rows)


def measure_caption_change(pipeline: PerCoV2Pipeline, pictures: Sequence[Image.Image], folder: Path) -> None:
    """Write how far apart two captions move the pictures painted from the same indices, as `caption-change.csv`.

    Both changes are means over pictures of the mean of `sweeps.difference`, 0 to 255, at `painting_strength`:
    `caption_change` is from the one caption of `CONTRAST` to the other, and `painting_change`, to compare with, from
    the hyper-decoder's estimate to what is painted on it.

    Args:
        pipeline: The model.
        pictures: RGB pictures whose sides are multiples of 64.
        folder: Where the table goes.
    """
    rows = []
    for preset in pipeline.presets:
        strength = painting_strength(pipeline.default_strength(preset))
        changes = []
        for picture in tqdm(pictures, desc=f"rewriting captions, {preset}", unit="picture", disable=None):
            stream = pipeline.compress(picture, preset)
            first, second = (pipeline.decompress(stream, strength=strength, caption=caption) for caption in CONTRAST)
            estimate = pipeline.decompress(stream, strength=0.0)
            changes.append([difference(first, other).mean().item() for other in (second, estimate)])
        means = map(fmean, zip(*changes, strict=True))
        rows.append([preset, len(pictures), *(f"{mean:.2f}" for mean in means)])
    _write(folder / "caption-change.csv", ["preset", "pictures", "caption_change", "painting_change"], rows)


def _write(path: Path, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_csv(path, [dict(zip(head, row, strict=True)) for row in rows])
