"""Controls of the sampler's settings."""

from percov2_demo.sampling.settings import Sampling
from percov2_demo.ui.controls.sampling import SamplingControls
from tests.ui.fakes import FakePipeline


def test_an_empty_seed_is_the_default(blocks):
    controls = SamplingControls.create(FakePipeline(), 0.5)
    assert controls.settings(4, 2.5, 0.7, None) == Sampling(4, 2.5, 0.7, 0)
    assert controls.settings(4, 2.5, 0.7, 9) == Sampling(4, 2.5, 0.7, 9)


def test_settings_are_restored_in_their_order(blocks):
    controls = SamplingControls.create(FakePipeline(), 0.5)
    restored = controls.restore(Sampling(4, 2.5, 0.7, 9, 0.25))
    assert [restored[part] for part in controls.components] == [4, 2.5, 0.7, 9, 0.25, "own"]


def test_one_painter_is_no_choice(blocks):
    assert not SamplingControls.create(FakePipeline(), 0.5).painter.visible


def test_a_painter_brings_its_usual_settings(blocks):
    pipeline = FakePipeline()
    pipeline.painters.offer(["stabilityai/sd-turbo", "owner/unknown"])
    controls = SamplingControls.create(pipeline, 0.5)
    assert controls.painter.visible
    turbo = controls.advise(pipeline, "stabilityai/sd-turbo")
    assert turbo[controls.steps] == 1
    assert not turbo[controls.guidance_scale].visible
    own = controls.advise(pipeline, "own")
    assert own[controls.steps] == pipeline.default_steps
    assert own[controls.guidance_scale].visible
    unknown = controls.advise(pipeline, "owner/unknown")
    assert unknown[controls.guidance_scale].visible
    assert unknown[controls.strength] > 0, "a painter that is chosen paints"
