"""Products by oneDNN are those of single precision, and the setting does not outlive its use."""

import torch

from percov2_demo.pipelines.onednn import keeps_single_precision, onednn_products


def test_products_keep_single_precision():
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.randn(256, 256, generator=generator) for _ in range(2))
    exact = (first.double() @ second.double()).float()
    with onednn_products():
        product = first @ second
    torch.testing.assert_close(product, exact, rtol=1e-4, atol=1e-4)


def test_the_setting_is_put_back():
    before = torch.backends.mkldnn.matmul.fp32_precision
    with onednn_products():
        pass
    assert torch.backends.mkldnn.matmul.fp32_precision == before
    assert torch.get_float32_matmul_precision() == "highest"


def test_what_is_found_out_under_autocast_is_the_same():
    answer = keeps_single_precision()
    keeps_single_precision.cache_clear()
    with torch.autocast("cpu", torch.bfloat16):
        assert keeps_single_precision() == answer
