"""Streams refined by the painters of this package, on tiny random models of the real classes."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from percov2_demo.bitstream import MAX_ATOMS, Bitstream
from percov2_demo.errors import InputError, StreamError
from percov2_demo.images import fit_image
from percov2_demo.sampling.sampler import Interrupted
from tests.conftest import adapted_pipeline, pretend_training
from tests.perco import tiny_perco
from tests.scene import draw_scene


ATOMS = 150


@pytest.fixture(scope="module")
def small() -> Image.Image:
    """A picture whose latent's elements are no power of two."""
    return fit_image(draw_scene().resize((192, 128)))


@pytest.fixture(scope="module")
def base(pipeline, small) -> Bitstream:
    return pipeline.compress(small, caption="an old castle")


@pytest.fixture(scope="module")
def refined(pipeline, small, base) -> Bitstream:
    return pipeline.refine(base, small, ATOMS)


def test_round_trip_through_bytes(pipeline, base, refined):
    data = refined.to_bytes()
    received = pipeline.read(data)
    assert received == refined
    assert received.to_bytes() == data
    assert replace(received, refinement=None) == base
    sizes = received.part_sizes
    assert sum(sizes) == len(data)
    # What says that the file is refined: two bytes for the budget, one for the length of the payload.
    assert sizes.container == base.part_sizes.container + 3 and base.part_sizes.spatial + base.part_sizes.caption < 128


def test_the_receiver_sees_what_the_sender_saw(pipeline, small, base, refined):
    target = pipeline.encode_latents(small)
    *_, (_, latents) = pipeline.refinements(base, target, ATOMS)
    assert np.array_equal(pipeline.decompress(refined), pipeline.decode_latents(latents)[0])


def test_every_cut_at_a_block_is_a_coarser_file(pipeline, refined):
    data = refined.to_bytes()
    prefixes = list(pipeline.prefixes(refined))
    assert prefixes[-1][0] == len(data)
    assert len(prefixes) > 2
    for size, picture in prefixes[1:]:
        assert np.array_equal(pipeline.decompress(pipeline.read(data[:size])), picture)
    # What is left of a block that a file breaks off in is of no use.
    (first, picture), (second, _) = prefixes[1:3]
    assert np.array_equal(pipeline.decompress(pipeline.read(data[: (first + second) // 2])), picture)
    assert all(before < after for before, after in pairwise(size for size, _ in prefixes))


def test_without_blocks_the_base_is_painted(pipeline, base, refined):
    bare = replace(refined, refinement=replace(refined.refinement, data=b""))
    assert np.array_equal(pipeline.decompress(bare), pipeline.decompress(base))


def test_flips_in_the_blocks_leave_what_came_before_them(pipeline, refined):
    *_, (size, picture), _ = pipeline.prefixes(refined)
    data = bytearray(refined.to_bytes())
    data[size + 3] ^= 1
    assert np.array_equal(pipeline.decompress(pipeline.read(bytes(data))), picture)


def test_flips_in_the_blocks_are_no_error(pipeline, small, refined):
    data = bytearray(refined.to_bytes())
    for position in range(len(data) - len(refined.refinement.data), len(data), 7):
        data[position] ^= 1 << position % 8
    assert pipeline.decompress(pipeline.read(bytes(data))).size == small.size


def test_flips_in_what_the_head_says_are_found_out(pipeline, base, refined):
    start = base.part_sizes.container
    for position in range(start, start + 3):
        data = bytearray(refined.to_bytes())
        data[position] ^= 2
        with pytest.raises(StreamError):
            pipeline.read(bytes(data))


def test_bytes_too_many_are_refused(pipeline, refined):
    with pytest.raises(StreamError, match="refinement is damaged"):
        pipeline.decompress(pipeline.read(refined.to_bytes() + bytes(50)))


def test_another_painters_refinement_is_refused(pipeline, refined):
    other = replace(refined, refinement=replace(refined.refinement, painter=7))
    received = pipeline.read(other.to_bytes())
    assert received.refinement.painter == 7
    with pytest.raises(StreamError, match="another painter"):
        pipeline.decompress(received)


def test_a_refined_picture_can_be_painted_on(pipeline, refined):
    first, second = pipeline.decompress(refined, num_inference_steps=1, strength=0.3, seed=[0, 1])
    assert not np.array_equal(first, second)


def test_another_caption_changes_painting_but_not_the_coded_steps(pipeline, refined):
    assert np.array_equal(pipeline.decompress(refined, caption="a cat"), pipeline.decompress(refined))


def test_recoding_keeps_the_refinement_and_other_indices_lose_it(pipeline, refined):
    assert pipeline.recode(refined, "zlib").refinement == refined.refinement
    assert pipeline.conceal(refined, [0, 1]).refinement is None


def test_both_sides_can_be_stopped(pipeline, small, base, refined):
    with pytest.raises(Interrupted):
        pipeline.refine(base, small, ATOMS, interrupt=lambda: True)
    with pytest.raises(Interrupted):
        pipeline.decompress(refined, interrupt=lambda: True)


@pytest.mark.parametrize("atoms", [0, MAX_ATOMS + 1])
def test_budgets_out_of_range_are_refused(pipeline, small, base, atoms):
    with pytest.raises(InputError, match="a refinement has 1 to"):
        pipeline.refine(base, small, atoms)


def test_pictures_of_another_size_are_refused(pipeline, base, scene):
    with pytest.raises(InputError, match=f"{base.width}x{base.height}"):
        pipeline.refine(base, scene, ATOMS)


def test_painters_without_an_estimate_start_from_noise(base_folder, small):
    """An adapter on Stable Diffusion 3, with velocity prediction, and PerCo (SD), on the path of DDIM."""
    adapted = adapted_pipeline(base_folder)
    pretend_training(adapted)
    for pipeline in (adapted, tiny_perco()):
        pipeline.set_progress_bar_config(disable=True)
        stream = pipeline.compress(small, pipeline.presets[0])
        refined = pipeline.refine(stream, small, 40)
        assert np.array_equal(pipeline.decompress(pipeline.read(refined.to_bytes())), pipeline.decompress(refined))


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_a_perfect_u_nets_expectation_is_the_latent(kind, monkeypatch):
    """Whatever its output means, on a path with another scale than rectified flow's."""
    pipeline = tiny_perco()
    pipeline.scheduler.register_to_config(prediction_type=kind)
    sampler = pipeline.make_sampler()
    generator = torch.Generator().manual_seed(0)
    stream = pipeline.compress(Image.new("RGB", (64, 64)), pipeline.presets[0])
    latents, noise = torch.randn(2, *pipeline.latent_shape(stream), generator=generator)
    signals = pipeline.scheduler.alphas_cumprod

    def predict(channels, timestep, text):
        signal, spread = signals[timestep] ** 0.5, (1 - signals[timestep]) ** 0.5
        outputs = {"epsilon": noise, "sample": latents, "v_prediction": signal * noise - spread * latents}
        assert torch.allclose(channels[:, :4], signal * latents + spread * noise, atol=0.02)
        return outputs[kind]

    monkeypatch.setattr(sampler, "_call", predict)
    condition = pipeline.condition(stream)
    expected = sampler.expect(condition, None, 0.4 * latents + 0.6 * noise, 0.6)
    assert torch.allclose(expected, latents, atol=0.05)


def test_a_base_that_is_not_this_models_is_refused(pipeline, small, base):
    with pytest.raises(InputError):
        pipeline.refine(replace(base, model=base.model ^ 1), small, ATOMS)
