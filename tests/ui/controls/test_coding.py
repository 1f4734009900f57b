"""The coding's controls."""

import pytest

from percov2_demo.bitstream import Withheld
from percov2_demo.checkpoints.folders import EMBEDDED_MODEL, typical_sizes
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
    slider = controls.offer_groups([preset], entropy)
    assert (slider.maximum, slider.value) == (count, 0)


def chosen(controls, entropy, withheld):
    return {controls.entropy: entropy, controls.withheld: withheld}


def test_groups_are_counted_on_the_photos_own_grid(controls):
    values = chosen(controls, "var", 1)
    assert controls.compress_options("ultra-low", values, (512, 512))["withheld"] == Withheld(2)
    assert controls.compress_options("ultra-low", values, (1024, 256))["withheld"] == Withheld(3)


def test_the_models_best_is_left_to_the_model(controls):
    assert controls.compress_options("low", chosen(controls, "default", 0), (512, 512)) == {
        "preset": "low",
        "entropy": None,
    }


def test_a_model_without_entropy_models_offers_no_schedule(fake, blocks):
    fake.has_entropy_models = False
    controls = CodingControls(fake)
    assert controls.entropy.visible is False
    assert controls.withheld.visible is False


def test_several_rates_offer_the_groups_of_the_one_that_has_most(controls):
    assert controls.offer_groups(["ultra-low", "low"], "qlds").maximum == 12


def test_the_largest_files_come_first(controls):
    assert controls.ordered(["ultra-low", "extreme-low"]) == ["extreme-low", "ultra-low"]


def test_a_card_says_what_files_really_weigh(fake, blocks):
    fake.name_or_path = str(EMBEDDED_MODEL)
    labels = [label for label, _ in CodingControls(fake).presets.choices]
    sizes = typical_sizes(EMBEDDED_MODEL)
    assert sizes
    assert all(f"≈ {sizes[name]:,.0f} bytes" in label for name, label in zip(fake.presets, labels, strict=True))


def test_of_other_models_a_card_says_the_tokens_bytes(controls):
    assert [label.splitlines()[1] for label, _ in controls.presets.choices] == ["64 bytes", "320 bytes", "1,024 bytes"]
