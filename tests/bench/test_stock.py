import pytest
import torch

from percov2_demo.bench.stock import bench_painter, painter_table
from percov2_demo.checkpoints.memory_plans import PLANS
from percov2_demo.painters.stock.loading import load_stock_painter
from percov2_demo.sampling.settings import Sampling
from tests.painters.tiny import save_tiny
from tests.scene import draw_scene


@pytest.mark.parametrize("name", ["lcm", "sana-sprint"])
def test_a_painter_is_timed_beside_diffusers_own_call(pipeline, tmp_path, name):
    painter = load_stock_painter(save_tiny(name, tmp_path), PLANS["max"], torch.device("cpu"))
    runs = []
    painter.model.network.register_forward_hook(lambda *_: runs.append(1))
    settings = Sampling(steps=2, guidance=1.0)
    result = bench_painter(pipeline, draw_scene(64, 64), painter, repeats=1, sampling=settings)
    # A round to warm up and one that counts, both ways of as many runs.
    assert len(runs) == 2 * 2 * 2
    assert result["seconds"].keys() == {"diffusers", "painter"}
    assert result["ratio"] > 0
    assert name in painter_table(result)
    assert painter.model.pipeline.scheduler is painter.model.scheduler
