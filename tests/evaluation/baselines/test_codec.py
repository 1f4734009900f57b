"""The classical codecs: their files stand alone, and the searches are held against brute force."""

import io
import shutil
from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from percov2_demo.evaluation.baselines import Codec, Ladder, available_codecs, pillow
from tests.scene import draw_scene


CODECS = available_codecs()
ALWAYS = ["jpeg", "webp", "avif", "jpeg2000"]
OPTIONAL = ["jxl", "heic"]


def get(name: str) -> Codec:
    if name not in CODECS:
        pytest.skip(f"{name} is not installed")
    return CODECS[name]


def gradient(width: int = 64, height: int = 48) -> Image.Image:
    y, x = np.indices((height, width))
    return Image.fromarray(np.stack((4 * x, 5 * y, 2 * (x + y)), -1).clip(0, 255).astype(np.uint8))


def noise(width: int = 40, height: int = 32) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, np.float64)


def mse(first: Image.Image, second: Image.Image) -> float:
    return float(np.mean((pixels(first) - pixels(second)) ** 2))


def psnr(first: Image.Image, second: Image.Image) -> float:
    return float(10 * np.log10(255**2 / max(mse(first, second), 1e-9)))


# The codecs


def test_pillows_codecs_are_here_in_a_fixed_order() -> None:
    assert [name for name in CODECS if name in ALWAYS] == ALWAYS
    assert list(CODECS) == [name for name in [*ALWAYS, *OPTIONAL, "vvc", "msillm"] if name in CODECS]
    assert all(codec.name == name for name, codec in CODECS.items())


def test_what_does_not_work_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(image: Image.Image, quality: float) -> bytes:
        raise OSError("encoder not available")

    monkeypatch.setattr(pillow, "_encode_jpeg", broken)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    available = available_codecs.__wrapped__()
    assert "jpeg" not in available
    assert "vvc" not in available
    assert "webp" in available


@pytest.mark.parametrize("name", ALWAYS + OPTIONAL)
def test_a_file_stands_alone(name: str) -> None:
    codec = get(name)
    picture = draw_scene(96, 64)
    for quality in (codec.qualities[len(codec.qualities) // 2], codec.qualities[-1]):
        data = codec.encode(picture, quality)
        decoded = codec.decode(data)
        assert (decoded.mode, decoded.size) == ("RGB", (96, 64))
        with Image.open(io.BytesIO(data)) as opened:
            assert opened.convert("RGB").tobytes() == decoded.tobytes()
    assert psnr(picture, decoded) > 25


@pytest.mark.parametrize("name", ALWAYS + OPTIONAL)
def test_quality_buys_bytes_and_fidelity(name: str) -> None:
    codec = get(name)
    picture = draw_scene(96, 64)
    third = len(codec.qualities) // 3
    files = [codec.encode(picture, codec.qualities[step]) for step in (0, 2 * third, -1)]
    assert len(files[0]) < len(files[1]) < len(files[2])
    errors = [mse(picture, codec.decode(data)) for data in files]
    assert errors[0] > errors[1] > errors[2]


@pytest.mark.parametrize("name", ALWAYS + OPTIONAL)
def test_no_metadata_is_coded(name: str) -> None:
    codec = get(name)
    plain, laden = gradient(), gradient()
    exif = Image.Exif()
    exif[0x010E] = "a description"
    laden.info = {"icc_profile": b"profile" * 99, "exif": exif.tobytes(), "xmp": b"<x/>", "comment": b"words" * 99}
    for quality in codec.qualities[0], codec.qualities[-1]:
        assert codec.encode(laden, quality) == codec.encode(plain, quality)
    decoded = codec.decode(codec.encode(laden, codec.qualities[0]))
    assert not decoded.info


@pytest.mark.parametrize("name", ALWAYS + OPTIONAL)
@pytest.mark.parametrize("size", [(1, 1), (17, 33), (65, 2), (3, 70)])
def test_odd_sizes(name: str, size: tuple[int, int]) -> None:
    coded = Ladder(gradient(*size), get(name)).at_most(10_000)
    assert coded.fits
    assert coded.picture.size == size


@pytest.mark.parametrize("name", ALWAYS + OPTIONAL)
@pytest.mark.parametrize("image", [Image.new("L", (8, 8)), Image.new("RGBA", (8, 8)), Image.new("RGB", (0, 8))])
def test_other_pictures_are_refused(name: str, image: Image.Image) -> None:
    codec = get(name)
    with pytest.raises(ValueError, match=r"Only an RGB picture.*\.$"):
        Ladder(image, codec)
    with pytest.raises(ValueError, match="Only an RGB picture"):
        codec.encode(image, codec.qualities[0])


@pytest.mark.parametrize(("quality", "progressive"), [(1, False), (50, True)])
def test_jpegs_smaller_layout_is_chosen_and_both_hold_the_same_picture(quality: int, progressive: bool) -> None:
    """The frame headers SOF0 and SOF2 tell the layouts apart."""
    codec, picture = get("jpeg"), noise(160, 160)
    data = codec.encode(picture, quality)
    assert (b"\xff\xc2" in data, b"\xff\xc0" in data) == (progressive, not progressive)
    other = io.BytesIO()
    picture.save(other, "JPEG", quality=quality, progressive=not progressive, optimize=True, subsampling="4:2:0")
    assert len(data) < len(other.getvalue())
    assert Image.open(other).tobytes() == codec.decode(data).tobytes()


def test_jpeg_2000_is_a_codestream_of_about_the_size_asked_for() -> None:
    codec, picture = get("jpeg2000"), noise(128, 128)
    for ratio in (100, 30, 10):
        data = codec.encode(picture, ratio)
        assert data.startswith(b"\xff\x4f\xff\x51")
        assert b"OpenJPEG" not in data
        assert len(data) == pytest.approx(128 * 128 * 3 / ratio, rel=0.15)


# The searches


def stairs(sizes: list[int], counts: Counter | None = None) -> Codec:
    """A codec of given sizes whose decoded pictures get lighter, from 0, by 1 with each quality."""

    def encode(image: Image.Image, quality: float) -> bytes:
        if counts is not None:
            counts[quality] += 1
        return bytes([int(quality)]) * sizes[int(quality)]

    def decode(data: bytes) -> Image.Image:
        return Image.new("RGB", (1, 1), (data[0],) * 3)

    return Codec("stairs", "Stairs", ".st", tuple(map(float, range(len(sizes)))), encode, decode)


def level(original: Image.Image, decoded: Image.Image) -> float:
    return float(decoded.getpixel((0, 0))[0])


WHITE = Image.new("RGB", (1, 1), "white")


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=40), st.integers(0, 70))
def test_at_most_over_any_sizes(sizes: list[int], budget: int) -> None:
    """On sorted sizes it is the last that fits; on any, what is said to fit does."""
    coded = Ladder(WHITE, stairs(sizes)).at_most(budget)
    assert coded.fits == (len(coded.data) <= budget)
    sizes = sorted(sizes)
    coded = Ladder(WHITE, stairs(sizes)).at_most(budget)
    fitting = [step for step, size in enumerate(sizes) if size <= budget]
    assert coded.fits == bool(fitting)
    assert coded.quality == max(fitting, default=0)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=40, unique=True).map(sorted), st.integers(0, 41))
def test_to_reach_over_sorted_sizes(sizes: list[int], target: int) -> None:
    ladder = Ladder(WHITE, stairs(sizes))
    for coded in (
        ladder.to_reach(level, target),
        ladder.to_reach(lambda *pair: -level(*pair), -target, higher_is_better=False),
    ):
        if target < len(sizes):
            assert coded is not None
            assert (coded.quality, len(coded.data)) == (target, sizes[target])
        else:
            assert coded is None


def test_the_smallest_file_need_not_be_the_lowest_quality() -> None:
    ladder = Ladder(WHITE, stairs([9, 9, 7, 8, 6, 10, 11, 12]))
    assert (ladder.at_most(0).quality, len(ladder.at_most(0).data)) == (4, 6)
    assert (ladder.at_most(6).quality, ladder.at_most(6).fits) == (4, True)
    assert (ladder.at_most(5).quality, ladder.at_most(5).fits) == (4, False)
    assert ladder.at_most(11).quality == 6
    assert ladder.to_reach(level, 3).quality == 4


def test_nothing_is_encoded_twice_and_little_at_all() -> None:
    counts: Counter = Counter()
    ladder = Ladder(WHITE, stairs(list(range(1, 101)), counts))
    for budget in (3, 12, 12, 50):
        ladder.at_most(budget)
    for target in (5, 40, 41):
        ladder.to_reach(level, target)
    ladder.at_most(0)
    assert set(counts.values()) == {1}
    assert len(counts) < 35


@cache
def brute_force(name: str) -> list[tuple[float, int, float]]:
    """Quality, size and PSNR of a small picture at each quality of a coarse ladder."""
    codec, picture = coarse(name), draw_scene(64, 48)
    files = [(quality, codec.encode(picture, quality)) for quality in codec.qualities]
    return [(quality, len(data), psnr(picture, codec.decode(data))) for quality, data in files]


def coarse(name: str) -> Codec:
    """The codec with a few of its qualities."""
    codec = get(name)
    return replace(codec, qualities=codec.qualities[:: 40 if name == "jpeg2000" else 8])


@pytest.mark.parametrize("name", ALWAYS)
def test_smallest_is_the_smallest_of_all(name: str) -> None:
    coded = Ladder(draw_scene(64, 48), coarse(name)).at_most(0)
    assert len(coded.data) == min(size for _, size, _ in brute_force(name))


@pytest.mark.parametrize("name", ALWAYS)
def test_at_most_against_brute_force(name: str) -> None:
    ladder = Ladder(draw_scene(64, 48), coarse(name))
    for _, budget, _ in brute_force(name):
        coded = ladder.at_most(budget)
        assert coded.fits
        assert len(coded.data) <= budget
        fitting = [best for _, size, best in brute_force(name) if size <= budget]
        assert psnr(ladder.image, coded.picture) >= max(fitting) - 0.5
        assert coded.picture.tobytes() == ladder.codec.decode(coded.data).tobytes()
    floor = min(size for _, size, _ in brute_force(name))
    coded = ladder.at_most(floor - 1)
    assert not coded.fits
    assert len(coded.data) == floor


@pytest.mark.parametrize("name", ALWAYS)
def test_to_reach_against_brute_force(name: str) -> None:
    """Sizes and PSNR of this picture rise with these qualities in all but a few places, which may cost 3 %."""
    ladder = Ladder(draw_scene(64, 48), coarse(name))
    best = brute_force(name)[-1][2]
    for target in np.linspace(10, best, 12):
        coded = ladder.to_reach(psnr, target)
        assert coded is not None
        assert psnr(ladder.image, coded.picture) >= target
        cheapest = min(size for _, size, value in brute_force(name) if value >= target)
        assert len(coded.data) <= 1.03 * cheapest
    assert ladder.to_reach(psnr, max(value for _, _, value in brute_force(name)) + 1) is None
    coded = ladder.to_reach(mse, 100, higher_is_better=False)
    assert coded is not None
    assert mse(ladder.image, coded.picture) <= 100


@settings(derandomize=True, deadline=None, max_examples=15)
@given(st.sampled_from(["jpeg", "webp", "jpeg2000"]), st.integers(2, 70), st.integers(2, 70), st.integers(50, 3000))
def test_what_is_said_to_fit_fits(name: str, width: int, height: int, budget: int) -> None:
    for picture in (draw_scene(width, height), noise(width, height)):
        coded = Ladder(picture, get(name)).at_most(budget)
        assert coded.fits == (len(coded.data) <= budget)
        assert coded.picture.size == (width, height)
