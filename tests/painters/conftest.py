"""Stock painters of every kind, loaded once."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch

from percov2_demo.checkpoints.memory_plans import PLANS
from percov2_demo.painters.stock.loading import load_stock_painter
from percov2_demo.painters.stock.painter import StockPainter
from tests.painters.tiny import save_tiny


@pytest.fixture(scope="session")
def stock_folder(tmp_path_factory) -> Callable[[str], Path]:
    """The folder of one of `tiny.PIPELINES`; tests leave it as it is."""
    parent = tmp_path_factory.mktemp("painters")
    return cache(lambda name: save_tiny(name, parent))


@pytest.fixture(scope="session")
def stock_painter(stock_folder) -> Callable[[str], StockPainter]:
    """The painter of one of `tiny.PIPELINES`."""
    return cache(lambda name: load_stock_painter(stock_folder(name), PLANS["max"], torch.device("cpu")))


KINDS = ("sd", "sd-v", "lcm", "sdxl", "sd3", "flux-dev", "klein", "z-image-turbo", "sana-sprint")
"""Those of `tiny.PIPELINES` that differ in more than a setting."""


@pytest.fixture(params=KINDS)
def painter(request, stock_painter) -> StockPainter:
    """The painter of each kind."""
    return stock_painter(request.param)
