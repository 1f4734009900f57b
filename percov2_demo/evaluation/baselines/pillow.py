"""The codecs that Pillow and its plugins write: JPEG, WebP, AVIF, JPEG 2000, JPEG XL and HEIC."""

import io
from contextlib import suppress
from functools import partial
from typing import Any

from PIL import Image

from percov2_demo.evaluation.baselines.codec import Codec, without_metadata


def pillow_codecs() -> list[Codec]:
    """Return those that work here, tried on a tiny picture; JPEG XL and HEIC need `pillow_jxl` and `pillow_heif`."""
    with suppress(Exception):
        import pillow_jxl  # noqa: F401
    with suppress(Exception):
        import pillow_heif

        pillow_heif.register_heif_opener()
    return [codec for codec in _codecs() if _works(codec)]


def _codecs() -> list[Codec]:
    percent = tuple(float(quality) for quality in range(101))
    # libwebp's quantiser depends on the cube root of the quality: a fifth of its steps are below quality 1.
    cubes = tuple(round(100 * (step / 127) ** 3, 5) for step in range(128))
    ratios = tuple(round(2 ** (step / 64), 3) for step in range(20 * 64, -1, -1))
    # The encoder's default tuning for still pictures doubles the smallest file; half the superblock saves 5 %.
    # Speed 4 takes half as long again and saves nothing, speed 6 a third of the time and costs 5 %.
    aom = {"codec": "aom", "speed": 5, "subsampling": "4:2:0", "advanced": {"tune": "ssim", "sb-size": "64"}}
    return [
        Codec("jpeg", "JPEG", ".jpg", percent[1:], _encode_jpeg, partial(_load, format="JPEG")),
        _saved("webp", "WebP", ".webp", cubes, format="WEBP", method=6),
        _saved("avif", "AVIF", ".avif", percent, format="AVIF", **aom),
        Codec("jpeg2000", "JPEG 2000", ".j2k", ratios, _encode_jpeg2000, partial(_load, format="JPEG2000")),
        # 100 is lossless, another coding altogether.
        _saved("jxl", "JPEG XL", ".jxl", percent[:-1], format="JXL", effort=8),
        _saved("heic", "HEIC", ".heic", percent, format="HEIF", subsampling="4:2:0"),
    ]


def _saved(name: str, label: str, suffix: str, qualities: tuple[float, ...], *, format: str, **options: Any) -> Codec:
    """Return a codec whose files Pillow saves with these options."""
    return Codec(
        name, label, suffix, qualities, partial(_save, format=format, **options), partial(_load, format=format)
    )


def _works(codec: Codec) -> bool:
    try:
        codec.decode(codec.encode(Image.new("RGB", (16, 16)), codec.qualities[0]))
    except Exception:  # A missing plugin is a KeyError, a missing library an OSError, a foreign option a ValueError.
        return False
    return True


def _save(image: Image.Image, quality: float, *, format: str, **options: Any) -> bytes:
    if format in ("AVIF", "HEIF", "JPEG"):
        quality = int(quality)
    file = io.BytesIO()
    without_metadata(image).save(file, format, quality=quality, **options)
    return file.getvalue()


def _load(data: bytes, *, format: str) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=(format,)) as image:
        return without_metadata(image.convert("RGB"))


def _encode_jpeg(image: Image.Image, quality: float) -> bytes:
    """Encode the smaller of the sequential and the progressive file, which hold the same picture.

    At the lowest qualities the sequential file mostly is, because each scan of a progressive one has its own header.
    """
    save = partial(_save, image, quality, format="JPEG", optimize=True, subsampling="4:2:0")
    return min(save(progressive=False), save(progressive=True), key=len)


def _encode_jpeg2000(image: Image.Image, ratio: float) -> bytes:
    """Encode a raw codestream of one quality layer with the wavelet 9-7 on YCbCr.

    The codestream saves the 85 bytes of a JP2 container. Pillow transforms no colour unless asked to (`mct`), and the
    comment of one space, the shortest that it passes on, is in the place of 37 bytes with the library's name.
    """
    file = io.BytesIO()
    without_metadata(image).save(
        file,
        "JPEG2000",
        no_jp2=True,
        irreversible=True,
        mct=1,
        quality_mode="rates",
        quality_layers=[ratio],
        comment=" ",
    )
    return file.getvalue()
