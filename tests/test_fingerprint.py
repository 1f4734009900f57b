"""A model's identity follows its parameters and nothing else."""

import torch
from torch import nn

from percov2_demo.fingerprint import fingerprint


def test_same_parameters_same_fingerprint():
    torch.manual_seed(0)
    module = nn.Linear(3, 4)
    copy = nn.Linear(3, 4)
    copy.load_state_dict(module.state_dict())
    assert fingerprint({"a": module}) == fingerprint({"a": copy})


def test_any_changed_value_or_name_changes_it():
    module = nn.Linear(3, 4)
    before = fingerprint({"a": module})
    assert fingerprint({"b": module}) != before
    with torch.no_grad():
        module.bias[0] += 1e-3
    assert fingerprint({"a": module}) != before


def test_half_precision_read_as_single_keeps_it():
    half = nn.Linear(3, 4).half()
    before = fingerprint({"a": half})
    assert fingerprint({"a": half.float()}) == before
