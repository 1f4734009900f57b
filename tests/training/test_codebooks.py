"""Codebooks in training: they move once a step, by the whole batch, in however many parts it comes."""

from pathlib import Path

import pytest
import torch
from accelerate import Accelerator

from percov2_demo import HyperCodec
from percov2_demo.training.curves import read_curve
from percov2_demo.training.flow import HyperObjective
from percov2_demo.training.loop import LoopConfig, TrainingRun
from percov2_demo.training.samples import Share
from tests.conftest import tiny_hyper_codec


STEPS = 6


def restless_codec() -> HyperCodec:
    """Its codes die so soon that each step replaces some, by samples that are chosen by their place in the batch."""
    torch.manual_seed(0)
    codec = tiny_hyper_codec().train()
    for quantizer in codec.quantizers.values():
        quantizer.dead_below = 0.95
    return codec


def batch(step: int, share: Share) -> dict[str, torch.Tensor]:
    whole = torch.randn(24, 16, 16, 16, generator=torch.Generator().manual_seed(step))
    return {"latents": share.take(whole, groups=3)}


def train(folder: Path, accelerator: Accelerator) -> HyperCodec:
    settings = LoopConfig(warmup_steps=1, cooldown=0.0, max_steps=STEPS, log_steps=1)
    run = TrainingRun(HyperObjective(restless_codec()), folder, settings, accelerator)
    return run.run(batch, 100).hyper_codec


def test_accumulation_leaves_codebooks_and_curve_as_they_are(tmp_path):
    codecs = []
    for parts in (1, 2):
        accelerator = Accelerator(cpu=True, gradient_accumulation_steps=parts)
        codecs.append(train(tmp_path / str(parts), accelerator))
    start = restless_codec()
    for name, quantizer in codecs[0].quantizers.items():
        assert not quantizer.codebook.equal(start.quantizers[name].codebook)
        for buffer in ("codebook", "code_sums", "code_uses"):
            values = (getattr(codec.quantizers[name], buffer) for codec in codecs)
            torch.testing.assert_close(*values, rtol=1e-3, atol=1e-4)
    curves = [read_curve(tmp_path / str(parts) / "curve.csv") for parts in (1, 2)]
    for name in ("loss", *codecs[0].quantizers):
        assert curves[1][name] == pytest.approx(curves[0][name], rel=1e-4), name
