"""The bench on the tiny random pipeline: what it reports, never how fast."""

import json

import pytest
import torch

from percov2_demo.bench import bench, table
from percov2_demo.bench.plain_loop import PlainLoop
from percov2_demo.bench.variants import VARIANTS
from percov2_demo.metrics import psnr, to_tensor
from percov2_demo.sampling.settings import Sampling
from tests.conftest import tiny_pipeline
from tests.scene import draw_scene


@pytest.fixture(scope="module")
def result():
    return bench(tiny_pipeline(), draw_scene(128, 128), 1, Sampling(2), sweep_steps=(1,))


def test_every_part_has_a_time(result):
    parts = result["parts"]
    assert list(parts) == [
        "caption",
        "encode",
        "entropy coding",
        "entropy decoding",
        "text and hyper-decoder",
        "steps",
        "autoencoder",
        "png",
        "each step",
        "total",
    ]
    assert parts["each step"] == parts["steps"] / 2
    assert parts["total"] == pytest.approx(
        sum(parts.values()) - parts["caption"] - parts["each step"] - parts["total"]
    )
    assert all(seconds > 0 for seconds in result["decode"].values())
    assert result["peak_memory_mb"] > 1


def test_ratios_are_of_the_times(result):
    decode, sweep = result["decode"], result["sweep"]
    assert result["ratio_to_diffusers"] == pytest.approx(decode["exact"] / decode["diffusers"])
    assert result["ratio_to_diffusers_fast"] == pytest.approx(decode["fast"] / decode["diffusers"])
    assert result["cpu_ratio_to_diffusers"] > 0 < result["cpu_ratio_to_diffusers_fast"]
    assert sweep["pictures"] == 5
    refinement = result["refinement"]
    assert refinement["steps"] == 6
    assert refinement["cpu_ratio_encode"] > 0 < refinement["cpu_ratio_decode"]
    assert result["ratio_of_sweep_fast"] == pytest.approx(sweep["fast"] / sweep["separate"])


def test_the_result_is_json_and_a_table(result):
    assert json.loads(json.dumps(result))["settings"]["steps"] == 2
    assert "plain diffusers loop" in table(result)


@pytest.mark.slow
def test_variants_are_measured_or_say_why_not(monkeypatch):
    def refuse(**_):
        raise RuntimeError("No working C++ compiler found\nSet a variable for more")

    monkeypatch.setattr(torch.nn.Module, "compile", lambda module: setattr(module, "forward", refuse))
    result = bench(tiny_pipeline(), draw_scene(128, 128), 1, Sampling(2), sweep_steps=(1,), variants=True)
    half, *compiled = result["variants"].values()
    assert half["ratio_to_diffusers"] == pytest.approx(half["seconds"] / result["decode"]["diffusers"])
    assert 30 < half["psnr_to_exact"] < 100
    assert compiled == [{"refused": "does not run here: No working C++ compiler found"}] * 2
    assert "\nbfloat16 " in table(result)
    assert "does not run here" in table(result)


def test_a_variant_leaves_the_model_as_it_is():
    pipeline = tiny_pipeline()
    other = VARIANTS["bfloat16"].apply(pipeline)
    assert (other.dtype, pipeline.dtype) == (torch.bfloat16, torch.float32)
    assert (other.vae, other.identity) == (pipeline.vae, pipeline.identity)


@pytest.mark.parametrize("prediction_type", ["residual", "velocity"])
def test_the_plain_loop_paints_the_same_picture(prediction_type):
    pipeline = tiny_pipeline()
    pipeline.register_to_config(prediction_type=prediction_type)
    with torch.no_grad():
        pipeline.transformer.proj_out.weight.mul_(3)
    start = pipeline.start(pipeline.compress(draw_scene(128, 192), caption="an old castle"))
    plain = PlainLoop(pipeline).paint(start, Sampling(3, seed=5))
    (ours,) = pipeline.paint(start, [Sampling(3, seed=5)])
    (other,) = pipeline.paint(start, [Sampling(3, guidance=1, seed=5)])
    assert psnr(to_tensor(plain), to_tensor(ours)) > 60
    assert psnr(to_tensor(plain), to_tensor(other)) < 60
