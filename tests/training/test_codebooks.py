"""Codebooks move with the optimiser: once a step, by the whole batch, in however many parts it comes."""

from pathlib import Path

import pytest
import torch
from accelerate import Accelerator

from percov2_demo import HyperCodec
from percov2_demo.models.quantizer import VectorQuantizer
from percov2_demo.training.codebooks import SteppedQuantizer
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


def test_a_stepped_quantizer_goes_as_far_as_the_one_it_stands_for():
    torch.manual_seed(0)
    plain = VectorQuantizer(channels=12, codebook_size=20, code_channels=6)
    expected = plain.state_dict()
    stepped = SteppedQuantizer(plain)
    assert list(stepped.state_dict()) == list(expected)
    features, before = torch.randn(4, 12, 3, 5), plain.codebook.clone()
    z_hat, indices = stepped(features)
    assert stepped.codebook.equal(before)
    stepped.move()
    moved = stepped.codebook.clone()
    assert not moved.equal(before)
    stepped.move()
    assert stepped.codebook.equal(moved)

    torch.manual_seed(0)
    again = VectorQuantizer(channels=12, codebook_size=20, code_channels=6)
    torch.testing.assert_close(again(features), (z_hat, indices))
    torch.testing.assert_close(again.codebook, moved)


def test_a_frozen_codebook_stays():
    frozen = SteppedQuantizer(VectorQuantizer(channels=12, codebook_size=20, code_channels=6).eval())
    before = frozen.codebook.clone()
    frozen(torch.randn(4, 12, 3, 5))
    frozen.move()
    assert frozen.codebook.equal(before)
