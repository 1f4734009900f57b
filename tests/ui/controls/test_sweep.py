"""What a sweep varies."""

import pytest

from percov2_demo.ui.controls.sweep import DEFAULT, KINDS, SweepControls, offered_kinds
from tests.ui.lab_fakes import LabPipeline


@pytest.fixture
def controls(blocks):
    return SweepControls(LabPipeline())


def values_of(controls, kind):
    updates = controls.choose(kind)
    return [updates.get(component, component.value) for component in controls.components]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_small_sweep(controls, kind):
    assert 2 <= len(controls.plan("a castle", *values_of(controls, kind))) <= 12


def test_the_first_kind_is_chosen_already(controls):
    assert [component.value for component in controls.components] == values_of(controls, "settings")


def test_a_model_that_does_not_paint_by_itself_is_made_to(blocks, monkeypatch):
    pipeline = LabPipeline()
    monkeypatch.setattr(pipeline, "default_strength", lambda preset: 0.0)
    controls = SweepControls(pipeline)
    assert [component.value for component in controls.components] == values_of(controls, "settings")
    pictures = {kind: len(controls.plan("a castle", *values_of(controls, kind))) for kind in KINDS}
    # The model's own strength is the estimate, which the sweep over presets has already.
    assert pictures == {"settings": 9, "strength": 7, "presets": 6, "samples": 8}


def test_presets_have_their_own_strength(controls):
    trials = controls.plan("a castle", ["ultra-low", "extreme-low"], [3], [20], ["default", 0.8], 1, True)
    assert [(trial.preset, trial.sampling.strength) for trial in trials] == [
        ("ultra-low", 1.0),
        ("ultra-low", 0.8),
        ("extreme-low", 0.6),
        ("extreme-low", 0.8),
    ]


def test_without_a_caption_guidance_is_not_swept(controls):
    assert len(controls.plan("  ", *values_of(controls, "settings"))) == 3


def test_samples_of_a_setting_are_next_to_each_other(controls):
    trials = controls.plan("a castle", ["low"], [1, 3], [20], [1], 3, True)
    assert [trial.sampling.seed for trial in trials] == [0, 1, 2, 0, 1, 2]


def test_nothing_chosen_is_nothing_to_paint(controls):
    assert controls.plan("a castle", ["low"], [], [20], [1], 1, True) == []


@pytest.mark.parametrize("fast", [False, True])
def test_fast_is_a_choice(controls, fast):
    (trial,) = controls.plan("a castle", ["low"], [3], [20], [1], 1, fast)
    assert trial.fast is fast


def test_a_model_without_estimate_and_fast_mode_and_with_one_preset_varies_none_of_them(blocks):
    pipeline = LabPipeline()
    pipeline.has_estimate, pipeline.has_fast, pipeline.presets = False, False, ("high",)
    controls = SweepControls(pipeline)
    assert offered_kinds(pipeline) == ["settings", "samples"]
    assert not controls.fast.visible
    for kind in offered_kinds(pipeline):
        trials = controls.plan("a castle", *values_of(controls, kind))
        assert 2 <= len(trials) <= 12
        assert not any(trial.fast for trial in trials)
        assert controls.choose(kind)[controls.strengths] == [DEFAULT]
