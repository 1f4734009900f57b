"""The dictionary is white, and the same everywhere."""

import os
import subprocess
import sys
from hashlib import sha256

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from percov2_demo.refinement import Allocation, refine
from percov2_demo.refinement.dictionary import Dictionary


def noise(dimension: int, step: int = 0, atoms: int = 50) -> torch.Tensor:
    dictionary = Dictionary(dimension, step)
    rng = np.random.default_rng(0)
    positions = np.sort(rng.permutation(dictionary.size)[:atoms])
    return dictionary.combine(positions, rng.choice([-1, 1], atoms))


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(0, 5), st.randoms())
def test_projection_is_the_transpose_of_combination(dimension, step, random):
    dictionary = Dictionary(dimension, step)
    position = random.randrange(dictionary.size)
    atom = dictionary.combine(np.array([position]), np.array([1]))
    assert torch.equal(atom.abs(), torch.ones(dimension))
    residual = torch.arange(dimension).float()
    assert dictionary.project(residual)[position] == pytest.approx(float(atom @ residual), rel=1e-4)


def test_atoms_of_a_power_of_two_are_orthogonal():
    dictionary = Dictionary(256, 0)
    atoms = torch.stack([dictionary.combine(np.array([number]), np.array([1])) for number in range(256)])
    assert torch.equal(atoms @ atoms.T, 256 * torch.eye(256))


@pytest.mark.parametrize("dimension", [1024 * 9, 1024 * 33])
def test_no_two_atoms_are_alike_where_some_of_their_entries_are_left_out(dimension):
    dictionary = Dictionary(dimension, 0)
    atom = dictionary.combine(np.array([5]), np.array([1]))
    products = dictionary.project(atom).abs() / dimension
    assert products[5] == 1
    products[5] = 0
    assert products.max() < 6 / dimension**0.5


@pytest.mark.parametrize("dimension", [65536, 98304])
def test_noise_is_white(dimension):
    sample = noise(dimension, atoms=300)
    assert float(sample.mean()) == pytest.approx(0, abs=0.02)
    assert float(sample.var()) == pytest.approx(1, abs=0.03)
    # A normal distribution's fourth moment is 3.
    assert float((sample**4).mean()) == pytest.approx(3, abs=0.2)


def test_steps_have_signs_of_their_own():
    first, second = noise(65536, step=0), noise(65536, step=1)
    assert abs(float(first @ second)) / 65536 < 0.02


def digest() -> str:
    """Noise, products, and the atoms that a sender chooses."""
    made = [noise(dimension).numpy().tobytes() for dimension in (65536, 98304)]
    residual = torch.sin(torch.arange(98304.0) ** 2 % 7)
    made.append(Dictionary(98304, 2).project(residual).numpy().tobytes())
    latent = residual.view(1, 16, 96, 64)
    block, _ = next(refine(latent, torch.zeros_like(latent), lambda noisy, sigma: noisy, Allocation(98304, 300)))
    return sha256(b"".join([*made, block])).hexdigest()


@pytest.mark.server
@pytest.mark.parametrize(
    ("threads", "instructions"), [("2", "default"), pytest.param("1", "avx2", marks=pytest.mark.slow)]
)
def test_the_same_on_every_machine(threads, instructions):
    """Another process with other threads and, from SSE on, other instructions makes what this one does."""
    code = "from tests.refinement.test_dictionary import digest; print(digest())"
    settings = {"OMP_NUM_THREADS": threads, "ATEN_CPU_CAPABILITY": instructions}
    process = [sys.executable, "-c", code]
    other = subprocess.run(process, env=os.environ | settings, capture_output=True, text=True, check=True).stdout
    assert other.strip() == digest()


def test_noise_never_changes():
    """What is in people's files stays what it was."""
    digest = sha256(b"".join(noise(dimension).numpy().astype("<f4").tobytes() for dimension in (4096, 5120, 65536)))
    assert digest.hexdigest() == "227385dcbc082c6c654a0ab09cc6cc4dab934d7523c550601fc21afd248344b2"
