"""What files say of their colours, in every container, and what is shown of it."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageCms

from percov2_demo.images import load_image
from percov2_demo.images.colour import HLG, PQ, Cicp, light_to_srgb, profile_of_gamma, srgb_to_light
from percov2_demo.images.decoders.av1 import colours_of_sequence
from percov2_demo.images.hdr import WHITE, light_to_pq, pq_to_light, tone_map
from tests.images.files import (
    BLUE,
    HEIGHT,
    RED,
    WIDTH,
    assert_halves,
    bmp,
    encode,
    halves,
    jp2_with,
    nclx,
    picture,
    png,
    samples,
    swapped_profile,
    written_tiff,
)


P3, BT_2020 = 12, 9
LINEAR, SRGB = 8, 13

PIXELS = halves(bytes(RED), bytes(BLUE))


def coloured_png(*chunks: tuple[bytes, bytes], rows: bytes = PIXELS) -> bytes:
    return png(WIDTH, HEIGHT, 8, 2, rows, *chunks)


def cicp(primaries: int, transfer: int) -> tuple[bytes, bytes]:
    return b"cICP", bytes([primaries, transfer, 0, 1])


def gamma(value: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(value * 100_000))


def chromaticities(*values: float) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in values))


def iccp(profile: bytes) -> tuple[bytes, bytes]:
    return b"iCCP", b"name\0\0" + zlib.compress(profile)


SWAPPED_CHROMATICITIES = chromaticities(0.3127, 0.3290, 0.15, 0.06, 0.30, 0.60, 0.64, 0.33)
"""Red and blue of sRGB are each other."""


def bmp_with_profile() -> bytes:
    pixels = (bytes(RED[::-1]) * (WIDTH // 2) + bytes(BLUE[::-1]) * (WIDTH // 2)) * HEIGHT
    place = 124 + len(pixels)
    head = bytearray(84)
    struct.pack_into("<I", head, 16, 0x4D424544)
    struct.pack_into("<II", head, 72, place, len(swapped_profile()))
    return bmp(24, 0, pixels, head=bytes(head)) + swapped_profile()


# Each says that red is blue and blue is red.
SWAPPED: dict[str, tuple[Callable[[], bytes], int]] = {
    "PNG, iCCP": (lambda: coloured_png(iccp(swapped_profile())), 2),
    "PNG, 16 bits, iCCP": (
        lambda: png(
            WIDTH,
            HEIGHT,
            16,
            2,
            halves(struct.pack(">3H", *(257 * value for value in RED)), struct.pack(">3H", *(257 * v for v in BLUE))),
            iccp(swapped_profile()),
        ),
        2,
    ),
    "PNG, a profile of 2 MB": (lambda: coloured_png(iccp(swapped_profile() + bytes(2 * 2**20))), 2),
    "PNG, cHRM": (lambda: coloured_png(gamma(1 / 2.2), SWAPPED_CHROMATICITIES), 2),
    "JPEG": (lambda: encode(picture(), "JPEG", quality=95, icc_profile=swapped_profile()), 8),
    "JPEG, a profile in two parts": (
        lambda: encode(picture(), "JPEG", quality=95, icc_profile=swapped_profile() + bytes(70_000)),
        8,
    ),
    "WebP": (lambda: encode(picture(), "WEBP", lossless=True, icc_profile=swapped_profile()), 2),
    "AVIF": (lambda: encode(picture(), "AVIF", quality=95, icc_profile=swapped_profile()), 12),
    "TIFF": (lambda: encode(picture(), "TIFF", icc_profile=swapped_profile()), 2),
    "TIFF, colours in floating point": (
        lambda: written_tiff(
            samples(tuple(v / 255 for v in RED), tuple(v / 255 for v in BLUE), "f4"),
            photometric="rgb",
            iccprofile=swapped_profile(),
        ),
        2,
    ),
    "JPEG 2000": (lambda: jp2_with(encode(picture(), "JPEG2000"), b"\2\0\0" + swapped_profile()), 2),
    "BMP": (bmp_with_profile, 2),
}


@pytest.mark.parametrize(("make", "tolerance"), SWAPPED.values(), ids=SWAPPED)
def test_profiles_count_in_every_container(make: Callable[[], bytes], tolerance: int) -> None:
    assert_halves(load_image(make()), RED[::-1], BLUE[::-1], tolerance)


def test_a_profile_in_heic() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    image = picture()
    image.info["icc_profile"] = swapped_profile()
    file = io.BytesIO()
    pillow_heif.from_pillow(image).save(file, quality=95)
    assert_halves(load_image(file.getvalue()), RED[::-1], BLUE[::-1], 12)


def test_what_counts_first() -> None:
    """Code points before a profile, a profile before sRGB, sRGB before exponents."""
    profile = iccp(swapped_profile())
    srgb = (b"sRGB", b"\0")
    assert_halves(load_image(coloured_png(cicp(1, SRGB), profile)), RED, BLUE, 0)
    assert_halves(load_image(coloured_png(srgb, profile)), RED[::-1], BLUE[::-1], 2)
    assert_halves(load_image(coloured_png(srgb, gamma(1), SWAPPED_CHROMATICITIES)), RED, BLUE, 0)


def test_an_exponent_of_one_is_light() -> None:
    grey = png(WIDTH, HEIGHT, 8, 0, halves(b"\x37", b"\xff"), gamma(1))
    assert_halves(load_image(grey), (128,) * 3, (255,) * 3, 1)
    colours = coloured_png(gamma(1), rows=halves(b"\x37\0\0", b"\0\0\x37"))
    assert_halves(load_image(colours), (128, 0, 0), (0, 0, 128), 1)


def test_light_in_16_bits_keeps_its_shadows() -> None:
    """A four-hundredth of white is 1 of 255 levels of light and 8 of sRGB, and none is lost on the way."""
    dark = 65535 / 400
    rows = halves(struct.pack(">H", round(dark)), struct.pack(">H", round(3 * dark)))
    expected = [round(255 * float(light_to_srgb(np.array(share / 400)))) for share in (1, 3)]
    image = load_image(png(WIDTH, HEIGHT, 16, 0, rows, gamma(1)))
    assert_halves(image, (expected[0],) * 3, (expected[1],) * 3, 1)


@pytest.mark.parametrize("value", [0.45455, 0.44, 0.47])
def test_the_usual_exponent_means_srgb(value: float) -> None:
    assert_halves(load_image(coloured_png(gamma(value))), RED, BLUE, 0)


def exact(colour: tuple[int, ...], matrix: list[list[float]]) -> tuple[int, ...]:
    """8-bit sRGB of a colour whose primaries are others."""
    light = np.clip(np.array(matrix) @ srgb_to_light(np.array(colour) / 255), 0, 1)
    return tuple(np.rint(255 * light_to_srgb(light)).astype(int).tolist())


P3_TO_SRGB = [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]]
"""Display P3 to sRGB (CSS Color 4, sample code), rounded."""


@pytest.mark.parametrize(
    ("make", "tolerance"),
    [
        (lambda: coloured_png(cicp(P3, SRGB)), 2),
        (lambda: nclx(P3, SRGB)(encode(picture(), "AVIF", quality=98, subsampling="4:4:4")), 6),
    ],
    ids=["PNG", "AVIF"],
)
def test_code_points_of_primaries(make: Callable[[], bytes], tolerance: int) -> None:
    assert_halves(load_image(make()), exact(RED, P3_TO_SRGB), exact(BLUE, P3_TO_SRGB), tolerance)


@pytest.mark.parametrize("transfer", [1, 2, 6, 13, 14, 15])
def test_transfers_of_cameras_mean_srgb(transfer: int) -> None:
    assert_halves(load_image(coloured_png(cicp(1, transfer))), RED, BLUE, 0)


def test_a_grey_picture_with_code_points_of_light() -> None:
    grey = png(WIDTH, HEIGHT, 8, 0, halves(b"\x37", b"\xff"), cicp(BT_2020, LINEAR))
    assert_halves(load_image(grey), (128,) * 3, (255,) * 3, 1)


# HDR


def pq(light: float) -> bytes:
    """A grey of 16 bits with so many cd/m²."""
    return struct.pack(">H", round(65535 * float(light_to_pq(np.array(light)))))


def test_pq_and_its_inverse() -> None:
    light = np.array([0.0, 0.1, 100, 203, 1000, 10_000])
    assert pq_to_light(light_to_pq(light)) == pytest.approx(light, rel=1e-6, abs=1e-6)
    # BT.2408, table 1: 203 cd/m² is 58 % of PQ; BT.2100: 100 cd/m² is 51 %.
    assert light_to_pq(np.array([100, 203.0])) == pytest.approx([0.508, 0.581], abs=0.001)


def test_dark_light_is_kept_and_bright_light_is_bent() -> None:
    """Half of the display's white is nearly what it was; the peak of 1000 cd/m² is white, and all between in order."""
    light = np.linspace(0, 1000, 200)
    shown = tone_map(light_to_pq(light)[:, None].repeat(3, -1), Cicp(BT_2020, PQ))[:, 0].astype(int)
    assert np.diff(shown).min() >= 0
    assert shown[-1] == 255
    kept = light < 85
    assert shown[kept] == pytest.approx(255 * light_to_srgb(light[kept] / WHITE), abs=1)
    white = int(shown[np.argmin(np.abs(light - WHITE))])
    assert 200 < white < 240


def test_a_peak_that_the_file_says() -> None:
    signal = light_to_pq(np.full((1, 3), 400.0))
    assert tone_map(signal, Cicp(BT_2020, PQ, peak=400)).min() == 255
    assert tone_map(signal, Cicp(BT_2020, PQ, peak=4000)).max() < 240


def test_hlg() -> None:
    """75 % of HLG is diffuse white, 203 cd/m² on a display of 1000 (BT.2408, table 1)."""
    levels = [
        float(level) for level in tone_map(np.array([[0.0] * 3, [0.75] * 3, [1.0] * 3]), Cicp(BT_2020, HLG))[:, 0]
    ]
    assert levels[0] == 0
    assert 200 < levels[1] < 240
    assert levels[2] == 255


def test_wide_colours_keep_their_hue() -> None:
    """Red of BT.2020 is outside of sRGB: what is left of it is red."""
    red, green, blue = tone_map(light_to_pq(np.array([[100.0, 0, 0]])), Cicp(BT_2020, PQ))[0]
    assert red > 150
    assert (green, blue) == (0, 0)


@pytest.mark.parametrize("depth", [8, 16])
def test_hdr_in_png(depth: int) -> None:
    size = depth // 8
    rows = halves(pq(50)[:size], pq(1000)[:size])
    image = load_image(png(WIDTH, HEIGHT, depth, 0, rows, cicp(BT_2020, PQ)))
    expected = round(255 * float(light_to_srgb(np.array(50 / WHITE))))
    assert_halves(image, (expected,) * 3, (255,) * 3, 1 if depth == 16 else 4)


def test_hdr_in_avif() -> None:
    """The same file is darker than it would be as sRGB, for its white would be 10,000 cd/m²."""
    plain = encode(picture("L").convert("RGB"), "AVIF", quality=95)
    image = load_image(nclx(BT_2020, PQ)(plain))
    expected = tone_map(np.asarray(load_image(plain)) / 255, Cicp(BT_2020, PQ))
    assert np.abs(np.asarray(image, int) - expected).max() <= 1
    assert np.abs(np.asarray(image, int) - np.asarray(load_image(plain), int)).max() > 10


@pytest.mark.parametrize("options", [{}, {"subsampling": "4:0:0"}, {"quality": 100, "subsampling": "4:4:4"}])
def test_colours_of_an_av1_sequence(options: dict[str, object]) -> None:
    """They count where no box says them; an animation has the long form of the header."""
    for more in ([], [picture()]):
        data = encode(picture(), "AVIF", save_all=bool(more), append_images=more, **options)
        units = data[data.index(b"mdat") + 4 :]
        assert colours_of_sequence(units) == Cicp(1, SRGB)
        with pytest.raises(EOFError):
            colours_of_sequence(units[:8])
    assert colours_of_sequence(b"\x32\0") is None


def test_a_box_counts_before_the_sequence() -> None:
    data = nclx(BT_2020, PQ)(encode(picture(), "AVIF"))
    plain = encode(picture(), "AVIF").replace(b"colr", b"skip")
    assert_halves(load_image(plain), RED, BLUE, 12)
    assert load_image(data).tobytes() != load_image(plain).tobytes()


def test_hdr_in_a_profile() -> None:
    """ICC profiles may carry code points (ICC.1:2022)."""
    profile = bytearray(swapped_profile())
    (count,) = struct.unpack_from(">I", profile, 128)
    place = len(profile) + 12
    for entry in range(132, 132 + 12 * count, 12):
        (start,) = struct.unpack_from(">I", profile, entry + 4)
        struct.pack_into(">I", profile, entry + 4, start + 12)
    struct.pack_into(">I", profile, 128, count + 1)
    told = profile[:132] + struct.pack(">4sII", b"cicp", place, 12) + profile[132:]
    told += b"cicp\0\0\0\0" + bytes([BT_2020, PQ, 0, 1])
    grey = halves(b"\x80" * 3, b"\x40" * 3)
    expected = tone_map(np.array([[128 / 255] * 3, [64 / 255] * 3]), Cicp(BT_2020, PQ))
    assert_halves(load_image(coloured_png(iccp(bytes(told)), rows=grey)), expected[0], expected[1], 1)


def test_profiles_are_made_of_numbers_that_make_sense() -> None:
    assert profile_of_gamma(1.0, (0.0,) * 8) is None
    made = profile_of_gamma(1.0, None)
    assert ImageCms.ImageCmsProfile(io.BytesIO(made)).profile.xcolor_space == "RGB "
    assert Image.open(io.BytesIO(coloured_png())).mode == "RGB"
