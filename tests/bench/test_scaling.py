"""What grows, on the tiny random pipeline: what is reported, never how fast."""

import json
from itertools import pairwise

import numpy as np
import pytest
import torch

from percov2_demo.bench import Ranges, scale, scale_table
from percov2_demo.bench.operations import ATTENTION, PRODUCTS, REST, OperationTimes
from percov2_demo.bench.scaling import BATCHED, TILES, WHOLE, Cut
from percov2_demo.sampling.settings import Sampling
from tests.conftest import tiny_pipeline
from tests.scene import draw_scene
from tools.scale_chart import draw_scale


RANGES = Ranges(sides=(64, 128, 1024), transformer=(64, 128, 1024), tile=512, batches=(1, 2), captions=(1, 2))


@pytest.fixture(scope="module")
def result():
    return scale(tiny_pipeline(), draw_scene(128, 128), 1, Sampling(2), RANGES)


def test_a_picture_is_one_stream_or_tiles(result):
    sizes = [(row["side"], row["way"], row["streams"]) for row in result["sizes"]]
    assert sizes == [(64, WHOLE, 1), (128, WHOLE, 1), (1024, TILES, 4), (1024, BATCHED, 4)]
    for row in result["sizes"]:
        assert list(row["cpu_seconds"]) == ["encode", "read", "paint"]
        assert all(seconds > 0 for seconds in row["wall_seconds"].values())


def test_every_number_has_its_times(result):
    assert [row["number"] for row in result["batches"]] == [1, 2]
    assert [row["number"] for row in result["captions"]] == [1, 2]
    assert result["threads"][0]["number"] == 1
    rows = [*result["batches"], *result["captions"], *result["threads"], result["matrix_product"]]
    assert all(row["cpu_seconds"] > 0 < row["wall_seconds"] for row in rows)


def test_attention_grows_with_the_square_of_the_tokens(result):
    small, large = result["transformer"]
    assert (small["tokens"], large["tokens"]) == (16, 64)
    assert list(large["cpu_seconds"]) == [ATTENTION, PRODUCTS, REST]
    text_tokens = 16
    ratio = large["operations"][ATTENTION] / small["operations"][ATTENTION]
    assert ratio == ((64 + text_tokens) / (16 + text_tokens)) ** 2
    assert large["operations"][PRODUCTS] < 4 * small["operations"][PRODUCTS]


def test_the_result_is_json_and_a_table(result):
    assert json.loads(json.dumps(result))["settings"]["tile"] == 512
    assert "tiles in batches" in scale_table(result)


def test_the_chart_shows_what_was_measured(result):
    traces = {trace.name: trace for trace in draw_scale(result).data if trace.name}
    assert list(traces) == [WHOLE, TILES, BATCHED, ATTENTION, PRODUCTS, REST]
    assert list(traces[WHOLE].x) == [64, 128]
    assert traces[TILES].y[0] == pytest.approx(sum(result["sizes"][2]["cpu_seconds"].values()))
    assert list(traces[ATTENTION].x) == ["16", "64"]


def test_tiles_in_a_batch_are_the_tiles_one_by_one():
    pipeline = tiny_pipeline()
    with torch.no_grad():
        pipeline.transformer.proj_out.weight.mul_(3)
    scene = draw_scene(128, 128)
    like = pipeline.compress(scene, caption="an old castle")
    pieces = [scene.crop((left, 0, left + 64, 64)) for left in (0, 64)]
    cut = Cut(pipeline, like, Sampling(2, strength=0.5), pieces)
    starts = cut.read(cut.encode())
    apart, together = (np.stack([np.asarray(p, int) for p in cut.paint(starts, batch)]) for batch in (1, 2))
    assert np.abs(apart - together).max() <= 1
    assert all(np.abs(one - other).max() > 1 for one, other in pairwise(together))


def test_operations_are_told_apart():
    query = torch.randn(1, 1, 4, 8)
    with torch.inference_mode(), OperationTimes(torch.device("cpu")) as times:
        torch.nn.functional.scaled_dot_product_attention(query, query, query)
        (query @ query.mT).relu()
    assert times.work[ATTENTION].operations == 2 * (2 * 4 * 4 * 8)
    assert times.work[PRODUCTS].operations == 2 * 4 * 4 * 8
    assert times.work[REST].span.wall > 0
