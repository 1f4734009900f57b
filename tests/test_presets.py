"""The presets' geometry and figures."""

import pytest

from percov2_demo.errors import InputError
from percov2_demo.presets import PRESETS, SIDE_MULTIPLE, get_preset


@pytest.mark.parametrize(
    ("name", "code", "grid", "bits", "size"),
    [
        ("ultra-low", 0, (8, 8), 8, 64),
        ("low", 1, (16, 16), 10, 320),
        ("extreme-low", 2, (32, 32), 8, 1024),
        ("high", 3, (64, 64), 8, 4096),
    ],
)
def test_geometry_of_the_papers_square(name: str, code: int, grid: tuple[int, int], bits: int, size: int) -> None:
    preset = get_preset(name)
    assert (preset.name, preset.code, preset.bits_per_index) == (name, code, bits)
    assert preset.grid(512, 512) == grid
    assert preset.index_bytes(512, 512) == size
    assert preset.nominal_bpp == size * 8 / 512**2


def test_grid_is_rows_by_columns() -> None:
    assert get_preset("low").grid(width=640, height=128) == (4, 20)


def test_presets_are_in_rising_rate() -> None:
    rates = [preset.nominal_bpp for preset in PRESETS.values()]
    assert rates == sorted(rates)
    assert list(PRESETS) == ["ultra-low", "low", "extreme-low", "high"]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=str)
def test_streams_need_no_padding_and_every_bit_pattern_is_an_index(preset) -> None:
    rows, columns = preset.grid(SIDE_MULTIPLE, SIDE_MULTIPLE)
    assert rows * preset.stride == columns * preset.stride == SIDE_MULTIPLE
    assert rows * columns * preset.bits_per_index % 8 == 0
    assert preset.codebook_size == 2**preset.bits_per_index


def test_codes_are_distinct_and_fit_three_bits() -> None:
    codes = [preset.code for preset in PRESETS.values()]
    assert len(set(codes)) == len(codes)
    assert all(0 <= code < 8 for code in codes)


def test_published_figures() -> None:
    """PerCoV2's totals lie above the indices' share when uniform; PerCo (SD) cut its own figure to four decimals."""
    figures = {name: [rate.bpp for rate in preset.published] for name, preset in PRESETS.items()}
    assert figures == {
        "ultra-low": [0.00363, 0.00340],
        "low": [0.0098],
        "extreme-low": [0.03293, 0.02616],
        "high": [0.125],
    }
    for name in ("ultra-low", "extreme-low"):
        uniform, best = PRESETS[name].published
        caption_bytes = (uniform.bpp - PRESETS[name].nominal_bpp) * 512**2 / 8
        assert caption_bytes == pytest.approx(55, abs=0.2)
        assert best.bpp < uniform.bpp
    for name in ("low", "high"):
        assert all("PerCoV2" not in rate.source for rate in PRESETS[name].published)


@pytest.mark.parametrize(("width", "height"), [(0, 64), (64, -64), (100, 64), (64, 65)])
def test_sides_must_be_multiples_of_64(width: int, height: int) -> None:
    with pytest.raises(InputError, match="multiples of 64"):
        get_preset("ultra-low").grid(width, height)
    with pytest.raises(InputError, match="multiples of 64"):
        get_preset("ultra-low").index_bytes(width, height)


@pytest.mark.parametrize("name", ["", "Ultra-low", "medium"])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(InputError, match="ultra-low, low, extreme-low, high"):
        get_preset(name)
