"""Flipped bits are as many as asked for, and cost detail in the blocks and the file in the base."""

import numpy as np
import pytest

from tests.scene import draw_scene
from tools.measure_damage import RATES, flip_bits, measure_damage


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.5, 1.0])
def test_bits_flip_at_the_rate(rate):
    data = bytes(20_000)
    flipped = np.unpackbits(np.frombuffer(flip_bits(data, rate, seed=3), np.uint8))
    assert flipped.mean() == pytest.approx(rate, abs=0.005)
    assert flip_bits(data, rate, seed=3) == flip_bits(data, rate, seed=3)


def test_blocks_may_be_damaged_and_the_base_may_not(pipeline):
    rows = {(row["part"], row["rate"]): row for row in measure_damage(pipeline, [draw_scene()], 300, seeds=2)}
    assert set(rows) == {(part, rate) for part in ("blocks", "base") for rate in RATES}
    assert all(row["refused"] == 0 and row["psnr"] > 0 for (part, _), row in rows.items() if part == "blocks")
    assert rows["base", 0.0] == rows["blocks", 0.0] | {"part": "base"}
    assert rows["base", 0.01] == rows["base", 0.0] | {"rate": 0.01, "refused": 2, "psnr": None}
