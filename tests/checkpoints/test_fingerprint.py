"""A model's identity follows its parameters and the settings that give them their meaning."""

import hashlib

import pytest
import torch
from torch import nn

from percov2_demo.checkpoints.fingerprint import fingerprint, fingerprint_stored


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


def test_stored_weights_are_hashed_one_by_one_in_their_order():
    tensors = [(f"layer.{number}", torch.full((3, number), number, dtype=torch.bfloat16)) for number in range(1, 60)]
    expected = hashlib.sha256(b'{"scale": 1.0}')
    for number in range(1, 60):
        content = bytes.fromhex(f"{torch.tensor(number).bfloat16().view(torch.int16).item():04x}")[::-1] * 3 * number
        line = f"layer.{number} torch.bfloat16 (3, {number}) {hashlib.sha256(content).hexdigest()}\n"
        expected.update(line.encode())
    assert fingerprint_stored(iter(tensors), {"scale": 1.0}) == expected.hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        {"a": torch.tensor([1.0, 3.0]), "b": torch.tensor(1)},
        {"a": torch.tensor([[1.0, 2.0]]), "b": torch.tensor(1)},
        {"a": torch.tensor([1.0, 2.0]).double(), "b": torch.tensor(1)},
        {"c": torch.tensor([1.0, 2.0]), "b": torch.tensor(1)},
        {"a": torch.tensor([1.0, 2.0])},
    ],
    ids=["value", "shape", "type", "name", "number"],
)
def test_any_change_of_stored_weights_changes_it(other):
    stored = {"a": torch.tensor([1.0, 2.0]), "b": torch.tensor(1)}
    assert fingerprint_stored(other.items(), {}) != fingerprint_stored(stored.items(), {})
