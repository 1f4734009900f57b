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
    restored = controls.restore(Sampling(4, 2.5, 0.7, 9))
    assert [restored[part] for part in controls.components] == [4, 2.5, 0.7, 9]
