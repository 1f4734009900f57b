"""What the caption is worth to the flow: its error with the right caption and with another photo's."""

import csv
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from percov2_demo.interpolant import noisy_latent
from percov2_demo.training.flow import FlowObjective


BATCH = 16
REPEATS = 2
"""Noise levels and noises each photo is measured with."""


@torch.inference_mode()
def measure_leverage(flow: FlowObjective, latents: Tensor, input_ids: Tensor, folder: Path) -> None:
    """Writes the flow's loss on each preset as `leverage.csv`.

    Args:
        flow: The trained flow.
        latents: Scaled latents `(N, C, H, W)` of photos that were not trained on.
        input_ids: Tokens `(N, L)` of their captions; the wrong caption of a photo is the next one's.
        folder: Where the table goes.
    """
    captions = {"right": input_ids, "wrong": input_ids.roll(1, 0)}
    rows = []
    for preset in tqdm(flow.hyper_codec.config.presets, desc="measuring captions", disable=None):
        losses = dict.fromkeys(captions, 0.0)
        for first in range(0, len(latents), BATCH):
            part = latents[first : first + BATCH]
            condition = flow.hyper_codec.decode(flow.hyper_codec.encode(part, preset), preset)
            for repeat in range(REPEATS):
                torch.manual_seed(REPEATS * first + repeat)
                sigma = flow.noise_levels(part)
                noisy = noisy_latent(part, torch.randn_like(part), sigma)
                for name, tokens in captions.items():
                    expected = flow.expected(noisy, sigma, condition, tokens[first : first + BATCH])
                    loss = flow.weight(sigma) * (expected - part).square()
                    losses[name] += loss.mean().item() * len(part) / len(latents) / REPEATS
        difference = 100 * (losses["wrong"] / losses["right"] - 1)
        rows.append([preset, f"{losses['right']:.5f}", f"{losses['wrong']:.5f}", f"{difference:.2f}"])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "leverage.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["preset", "right_caption", "wrong_caption", "wrong_is_worse_percent"], *rows])
