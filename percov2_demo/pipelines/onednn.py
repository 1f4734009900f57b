"""Choose the library that multiplies matrices on the CPU."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch


@contextmanager
def onednn_products() -> Iterator[None]:
    """Multiply single-precision matrices by oneDNN within this context, where it keeps single precision.

    PyTorch takes MKL, which leaves AVX-512 unused on AMD's processors. The setting that hands products to oneDNN
    allows it bfloat16, of which it makes use on processors with matrix units: on those nothing changes. The setting
    is the process's, so other threads' products may be oneDNN's too; they stay what they are up to rounding.
    """
    if not keeps_single_precision():
        yield
        return
    with _bfloat16_allowed():
        yield


@cache
def keeps_single_precision() -> bool:
    """Return whether oneDNN multiplies single-precision numbers without rounding them to bfloat16."""
    if not torch.backends.mkldnn.is_available():
        return False
    factor = torch.full((1024, 1024), 1 + 2**-10, dtype=torch.float32, device="cpu")
    # Pictures are painted in training too, where the test would see the rounding of autocast.
    with torch.autocast("cpu", enabled=False), _bfloat16_allowed():
        product = factor @ factor
    return torch.allclose(product, torch.full_like(product, 1024 * (1 + 2**-10) ** 2), rtol=1e-5)


@contextmanager
def _bfloat16_allowed() -> Iterator[None]:
    setting = torch.backends.mkldnn.matmul
    before = setting.fp32_precision
    setting.fp32_precision = "bf16"
    try:
        yield
    finally:
        setting.fp32_precision = before
