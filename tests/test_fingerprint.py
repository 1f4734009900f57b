"""A model's identity follows its parameters and the settings that give them their meaning."""

import torch
from torch import nn

from percov2_demo.fingerprint import fingerprint


def test_same_parameters_same_fingerprint():
    module = nn.Linear(3, 4)
    copy = nn.Linear(3, 4)
    copy.load_state_dict(module.state_dict())
    assert fingerprint({"a": module}, {"scale": 1.0}) == fingerprint({"a": copy}, {"scale": 1.0})


def test_any_changed_value_name_or_setting_changes_it():
    module = nn.Linear(3, 4)
    before = fingerprint({"a": module}, {"scale": 1.0})
    assert fingerprint({"b": module}, {"scale": 1.0}) != before
    assert fingerprint({"a": module}, {"scale": 1.5}) != before
    with torch.no_grad():
        module.bias[0] += 1e-3
    assert fingerprint({"a": module}, {"scale": 1.0}) != before


def test_half_precision_read_as_single_keeps_it():
    half = nn.Linear(3, 4).half()
    before = fingerprint({"a": half}, {})
    assert fingerprint({"a": half.float()}, {}) == before
