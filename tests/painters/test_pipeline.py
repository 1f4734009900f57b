"""Whole files painted by stock painters, and by the model's own one behind the same interface."""

import numpy as np
import pytest
import torch

from percov2_demo.errors import InputError, ModelError
from percov2_demo.painters.agreement import agreement
from percov2_demo.sampling.hold import low_frequencies
from percov2_demo.sampling.settings import Sampling
from tests.conftest import tiny_pipeline
from tests.pipelines.test_percov2 import largest_difference
from tests.scene import draw_scene


@pytest.fixture
def stream(pipeline):
    return pipeline.compress(draw_scene(128, 64), preset="low", caption="an old castle")


def test_another_painter_paints_the_same_file_otherwise(pipeline, stream, stock_folder):
    before = stream.to_bytes()
    own = pipeline.decompress(stream, 2, seed=3)
    stock = pipeline.decompress(stream, 2, seed=3, strength=0.5, painter=stock_folder("sd"))
    assert own.size == stock.size == (stream.width, stream.height)
    assert not np.array_equal(own, stock)
    assert stream.to_bytes() == before


def test_the_estimate_is_the_same_for_all(pipeline, stream, stock_painter):
    own = pipeline.decompress(stream, strength=0)
    stock = pipeline.decompress(stream, strength=0, painter=stock_painter("sd"))
    assert np.abs(np.asarray(own, int) - np.asarray(stock, int)).max() <= 1


def test_several_seeds_are_painted_at_once(pipeline, stream, stock_painter):
    painter = stock_painter("sd")
    first, second = pipeline.decompress(stream, 1, seed=[1, 2], painter=painter)
    alone = pipeline.decompress(stream, 1, seed=2, painter=painter)
    # On some processors a batch's products are rounded in another order.
    assert largest_difference(second, alone) <= 1 < largest_difference(first, second)


def test_the_own_painter_holds_to_the_bits(pipeline, stream):
    """As the stock ones: within a thousandth of the latents' deviation."""
    canvas = pipeline.canvas(stream)
    estimate = canvas.condition.estimate
    last = {}
    for hold in (0.0, 1.0):
        pipeline.decompress(
            stream, 3, strength=0.9, hold=hold, callback_on_step_end=lambda *told: last.update(told[-1])
        )
        far = low_frequencies(last["expected_latents"] - estimate, canvas.grid).square().mean().sqrt()
        assert (far < 1e-3 * estimate.std()) == (hold == 1)


def test_a_model_without_hyper_decoder_has_nothing_to_hold_to(adapter_folder, base_folder):
    from percov2_demo import PerCoV2Pipeline

    codec = PerCoV2Pipeline.from_pretrained(adapter_folder, base=base_folder)
    stream = codec.compress(draw_scene(64, 64))
    with pytest.raises(InputError, match="no estimate to hold to"):
        codec.decompress(stream, 1, hold=0.5)


def test_a_generator_goes_for_a_seed(pipeline, stream, stock_painter):
    painter = stock_painter("sd")
    drawn = pipeline.decompress(stream, 1, generator=torch.Generator().manual_seed(7), painter=painter)
    assert np.array_equal(drawn, pipeline.decompress(stream, 1, seed=7, painter=painter))


def test_a_painter_that_cannot_be_used_leaves_the_own_one(pipeline, stream, tmp_path):
    with pytest.raises(ModelError, match="there is no painter in"):
        pipeline.decompress(stream, 1, painter=tmp_path)
    assert pipeline.decompress(stream, 1).size == (stream.width, stream.height)


def test_agreement_is_of_the_picture_that_is_encoded_again(pipeline, stream):
    picture = pipeline.decompress(stream, 1, strength=1)
    again = pipeline.compress(picture, preset="low")
    assert pipeline.agreement(stream, picture) == agreement(stream.indices, again.indices)
    with pytest.raises(InputError, match="64x64 pixels, not those of the stream"):
        pipeline.agreement(stream, draw_scene(64, 64))


def test_the_noise_level_is_found_by_agreement(pipeline, stream):
    found = pipeline.find_sigma(stream, share=0.0, num_inference_steps=1, seed=2)
    assert found.sigma == 1 - 1 / 32
    assert np.array_equal(found.picture, pipeline.decompress(stream, 1, strength=found.sigma, seed=2))
    assert pipeline.find_sigma(stream, share=1.0, num_inference_steps=1).sigma <= found.sigma


def test_settings_are_settled_by_the_painter(stock_painter):
    own = tiny_pipeline().painters.own
    assert own.settle("ultra-low") == Sampling(4, 3.0, 0.5)
    settled = stock_painter("klein").settle("ultra-low", guidance=9.0)
    assert (settled.steps, settled.guidance, settled.strength) == (4, 1.0, 0.6)
