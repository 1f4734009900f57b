"""The coding's controls."""

import pytest

from percov2_demo.bitstream import Withheld
from percov2_demo.ui.controls.coding import CodingControls


@pytest.fixture
def controls(fake, blocks):
    return CodingControls(fake)


@pytest.mark.parametrize(
    ("preset", "entropy", "count"),
    [
        ("ultra-low", "default", 5),
        ("ultra-low", "qlds", 5),
        ("low", "qlds", 12),
        ("low", "uniform", 1),
        ("low", "var", 4),
    ],
)
def test_groups_that_can_be_left_out(controls, preset, entropy, count):
    slider = controls.offer_groups(preset, entropy)
    assert (slider.maximum, slider.value) == (count, 0)


def chosen(controls, preset, entropy, withheld):
    return {controls.preset: preset, controls.entropy: entropy, controls.withheld: withheld}


def test_groups_are_counted_on_the_photos_own_grid(controls):
    values = chosen(controls, "ultra-low", "var", 1)
    assert controls.compress_options(values, (512, 512))["withheld"] == Withheld(2)
    assert controls.compress_options(values, (1024, 256))["withheld"] == Withheld(3)


def test_the_models_best_is_left_to_the_model(controls):
    assert controls.compress_options(chosen(controls, "low", "default", 0), (512, 512)) == {
        "preset": "low",
        "entropy": None,
    }


def test_a_model_without_entropy_models_offers_no_schedule(fake, blocks):
    fake.has_entropy_models = False
    controls = CodingControls(fake)
    assert controls.entropy.visible is False
    assert controls.withheld.visible is False
