"""The codecs that PerCoV2 is compared with: real files of JPEG, WebP, AVIF, JPEG 2000, JPEG XL, HEIC and VVC.

Every codec is set for few bytes rather than for speed, its chroma is at half resolution where it can be, and its file
is whole, with container and without metadata. The rates of PerCoV2 are below what most of them can make of a picture
at all, so the smallest file is an answer as good as one that fits.
"""

import io
import shutil
import subprocess
import tempfile
from bisect import bisect_left
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from percov2_demo.errors import CodecError


Metric = Callable[[Image.Image, Image.Image], float]
"""Takes the original and the decoded picture, both RGB and of one size."""

VVC_TIME_LIMIT = 120
"""Seconds that the VVC encoder or decoder may take for one picture."""

_SMALLER_WITHIN = 2
"""How many qualities may bring nothing smaller before the walk to the smallest file ends."""


@dataclass(frozen=True)
class Codec:
    """A codec with its settings, all but the quality.

    Attributes:
        name: Key in `available_codecs`.
        label: Name for people.
        suffix: Usual ending of a file's name, with the dot.
        qualities: Settings of the codec's own scale from the smallest file to the best picture. Sizes rise along
            them, but for wiggles.
        encode: Makes the file of an RGB picture at a quality. Raises `ValueError` on a picture that is empty or not
            RGB, `CodecError` of VVC on odd sides and where its program fails.
        decode: Makes the RGB picture of a file.
    """

    name: str
    label: str
    suffix: str
    qualities: tuple[float, ...] = field(repr=False)
    encode: Callable[[Image.Image, float], bytes] = field(repr=False)
    decode: Callable[[bytes], Image.Image] = field(repr=False)


@dataclass(frozen=True)
class Coded:
    """A coded picture.

    Attributes:
        codec: The codec's name.
        quality: In the codec's own scale.
        data: The whole file.
        picture: RGB, decoded from `data` and nothing else.
        fits: False if `Ladder.at_most` was asked for less than the codec's smallest file, which this is.
    """

    codec: str
    quality: float
    data: bytes = field(repr=False)
    picture: Image.Image = field(repr=False)
    fits: bool = True


class Ladder:
    """One picture in one codec at any of its qualities; nothing is encoded or decoded twice.

    The searches take sizes and metrics to rise with quality. Where they do not quite, what is returned still keeps
    the size or reaches the target that was asked for, but a neighbouring quality may do so a little better.

    Args:
        image: An RGB picture; its metadata is not coded.
        codec: One of `available_codecs`.

    Raises:
        InputError: The picture is empty or not RGB.
    """

    def __init__(self, image: Image.Image, codec: Codec) -> None:
        self.image = _without_metadata(image)
        self.codec = codec
        self._files: dict[int, bytes] = {}
        self._coded: dict[int, Coded] = {}
        self._measured: dict[tuple[Metric, int], float] = {}

    def at_most(self, max_bytes: int) -> Coded:
        """Return the best quality whose file has at most `max_bytes`, else the smallest, marked as not fitting."""
        smallest = self._smallest()
        if len(self._file(smallest)) > max_bytes:
            return replace(self._code(smallest), fits=False)
        steps = range(len(self.codec.qualities))
        too_large = bisect_left(steps, True, lo=smallest + 1, key=lambda step: len(self._file(step)) > max_bytes)
        return self._code(too_large - 1)

    def to_reach(self, metric: Metric, target: float, higher_is_better: bool = True) -> Coded | None:
        """Return the smallest file whose picture reaches the target, or None if even the best quality does not.

        Args:
            metric: Compares the original with the decoded picture; asked once about each, whatever the targets.
            target: Value of the metric to reach.
            higher_is_better: Whether the metric rises with quality; else the target is reached from above.
        """

        def reaches(step: int) -> bool:
            value = self._measure(metric, step)
            return value >= target if higher_is_better else value <= target

        smallest = self._smallest()
        if reaches(smallest):
            return self._code(smallest)
        steps = range(len(self.codec.qualities))
        enough = bisect_left(steps, True, lo=smallest + 1, key=reaches)
        return self._code(enough) if enough < len(steps) else None

    def _smallest(self) -> int:
        """Find the smallest file's quality: mostly the first, but the lowest qualities of a codec can waver."""
        best = 0
        step = 1
        while step <= min(best + _SMALLER_WITHIN, len(self.codec.qualities) - 1):
            if len(self._file(step)) < len(self._file(best)):
                best = step
            step += 1
        return best

    def _file(self, step: int) -> bytes:
        if step not in self._files:
            self._files[step] = self.codec.encode(self.image, self.codec.qualities[step])
        return self._files[step]

    def _code(self, step: int) -> Coded:
        if step not in self._coded:
            data = self._file(step)
            picture = self.codec.decode(data)
            self._coded[step] = Coded(self.codec.name, self.codec.qualities[step], data, picture)
        return self._coded[step]

    def _measure(self, metric: Metric, step: int) -> float:
        if (metric, step) not in self._measured:
            self._measured[metric, step] = metric(self.image, self._code(step).picture)
        return self._measured[metric, step]


@cache
def available_codecs() -> dict[str, Codec]:
    """Return the codecs that work here, by name, in a fixed order, without raising.

    Those of Pillow are tried on a tiny picture, JPEG XL and HEIC need the plugins `pillow_jxl` and `pillow_heif`, and
    VVC needs the programs `vvencapp` (or `vvenc`) and `vvdecapp` (or `vvdec`) on the path.
    """
    with suppress(Exception):
        import pillow_jxl  # noqa: F401
    with suppress(Exception):
        import pillow_heif

        pillow_heif.register_heif_opener()
    codecs = [codec for codec in _pillow_codecs() if _works(codec)]
    encoder = shutil.which("vvencapp") or shutil.which("vvenc")
    decoder = shutil.which("vvdecapp") or shutil.which("vvdec")
    if encoder and decoder:
        codecs.append(vvc_codec(encoder, decoder))
    return {codec.name: codec for codec in codecs}


def _pillow_codecs() -> list[Codec]:
    percent = tuple(float(quality) for quality in range(101))
    return [
        Codec("jpeg", "JPEG", ".jpg", percent[1:], _encode_jpeg, partial(_load, format="JPEG")),
        # libwebp's quantiser goes with the cube root of the quality: a fifth of its steps are below quality 1.
        Codec(
            "webp",
            "WebP",
            ".webp",
            tuple(round(100 * (step / 127) ** 3, 5) for step in range(128)),
            partial(_save, format="WEBP", method=6),
            partial(_load, format="WEBP"),
        ),
        # The encoder's default tuning for still pictures doubles the smallest file; half the superblock saves 5 %.
        # Speed 4 takes half as long again and saves nothing, speed 6 a third of the time and costs 5 %.
        Codec(
            "avif",
            "AVIF",
            ".avif",
            percent,
            partial(
                _save,
                format="AVIF",
                codec="aom",
                speed=5,
                subsampling="4:2:0",
                advanced={"tune": "ssim", "sb-size": "64"},
            ),
            partial(_load, format="AVIF"),
        ),
        Codec(
            "jpeg2000",
            "JPEG 2000",
            ".j2k",
            tuple(round(2 ** (step / 64), 3) for step in range(20 * 64, -1, -1)),
            _encode_jpeg2000,
            partial(_load, format="JPEG2000"),
        ),
        Codec(
            "jxl",
            "JPEG XL",
            ".jxl",
            percent[:-1],  # 100 is lossless, another coding altogether.
            partial(_save, format="JXL", effort=8),
            partial(_load, format="JXL"),
        ),
        Codec(
            "heic",
            "HEIC",
            ".heic",
            percent,
            partial(_save, format="HEIF", subsampling="4:2:0"),
            partial(_load, format="HEIF"),
        ),
    ]


def _works(codec: Codec) -> bool:
    try:
        codec.decode(codec.encode(Image.new("RGB", (16, 16)), codec.qualities[0]))
    except Exception:  # A missing plugin is a KeyError, a missing library an OSError, a foreign option a ValueError.
        return False
    return True


def _without_metadata(image: Image.Image) -> Image.Image:
    """Copy nothing but the pixels: Pillow takes profiles and comments to code from the picture itself."""
    if image.mode != "RGB" or 0 in image.size:
        raise ValueError(
            f"Only an RGB picture with pixels can be coded, not one of mode {image.mode} and size "
            f"{image.width}x{image.height}: convert it with images.normalize."
        )
    return Image.frombytes("RGB", image.size, image.tobytes())


def _save(image: Image.Image, quality: float, *, format: str, **options: Any) -> bytes:
    if format in ("AVIF", "HEIF", "JPEG"):
        quality = int(quality)
    file = io.BytesIO()
    _without_metadata(image).save(file, format, quality=quality, **options)
    return file.getvalue()


def _load(data: bytes, *, format: str) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=(format,)) as image:
        return _without_metadata(image.convert("RGB"))


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
    _without_metadata(image).save(
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


def vvc_codec(encoder: str, decoder: str) -> Codec:
    """VVC (H.266) still pictures by Fraunhofer's programs, 4:2:0 in 10 bits, constant QP, preset `slow`.

    Args:
        encoder: Path of `vvencapp`.
        decoder: Path of `vvdecapp`.
    """
    return Codec(
        "vvc",
        "VVC",
        ".266",
        tuple(float(qp) for qp in range(63, -1, -1)),
        partial(_encode_vvc, program=encoder),
        partial(_decode_vvc, program=decoder),
    )


def _encode_vvc(image: Image.Image, qp: float, *, program: str) -> bytes:
    samples = rgb_to_yuv420(_without_metadata(image))
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "picture.yuv"), Path(folder, "picture.266")
        source.write_bytes(samples)
        size = f"{image.width}x{image.height}"
        options = ["-s", size, "-c", "yuv420_10", "--frames", "1", "--preset", "slow", "--qp", str(int(qp))]
        # Perceptual adaptation of the QP is made for video and costs PSNR.
        return _run([program, "-i", str(source), *options, "--qpa", "0", "-o", str(target)], target)


def _decode_vvc(data: bytes, *, program: str) -> Image.Image:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "picture.266"), Path(folder, "picture.y4m")
        source.write_bytes(data)
        return y4m_to_rgb(_run([program, "-b", str(source), "-o", str(target)], target))


def _run(command: list[str], target: Path) -> bytes:
    """What a program wrote to the target file."""
    name = Path(command[0]).name
    try:
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=VVC_TIME_LIMIT)
        data = target.read_bytes()
    except subprocess.TimeoutExpired as error:
        raise CodecError(f"{name} was stopped after {VVC_TIME_LIMIT} seconds: try a smaller picture.") from error
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout).decode(errors="replace").split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
        raise CodecError(f"{name} failed with exit code {error.returncode} and said: {said}") from error
    except OSError as error:
        raise CodecError(f"{name} cannot be run or wrote no file: check its installation.") from error
    if not data:
        raise CodecError(f"{name} wrote an empty file: check its installation.")
    return data


_LUMA_709 = np.array((0.2126, 0.7152, 0.0722))
_CB_RANGE, _CR_RANGE = 1.8556, 1.5748
"""ITU-R BT.709-6, item 3.2 and 3.3: weights of the luma, and twice 1 minus those of blue and of red."""


def rgb_to_yuv420(image: Image.Image) -> bytes:
    """A picture as planar Y, Cb, Cr in 4:2:0 of ITU-R BT.709: 10 bits, video range, 16-bit little-endian samples.

    A chroma sample is the mean of four pixels and lies in their middle.

    Raises:
        CodecError: A side is odd.
    """
    width, height = image.size
    if width % 2 or height % 2:
        raise CodecError(f"VVC in 4:2:0 needs even sides, not {width}x{height}: trim the picture by a pixel.")
    rgb = np.asarray(image, np.float64) / 255
    luma = rgb @ _LUMA_709
    planes = [64 + 876 * luma]
    for difference in ((rgb[..., 2] - luma) / _CB_RANGE, (rgb[..., 0] - luma) / _CR_RANGE):
        means = difference.reshape(height // 2, 2, width // 2, 2).mean((1, 3))
        planes.append(512 + 896 * means)
    return b"".join(np.rint(plane).astype("<u2").tobytes() for plane in planes)


def yuv420_to_rgb(data: bytes, width: int, height: int) -> Image.Image:
    """The picture of what `rgb_to_yuv420` gives; chroma is interpolated bilinearly."""
    samples = np.frombuffer(data, "<u2", width * height * 3 // 2).astype(np.float32)
    luma, *chroma = np.split(samples, [width * height, width * height * 5 // 4])
    y = (luma.reshape(height, width) - 64) / 876
    cb, cr = (
        np.asarray(
            Image.fromarray((plane.reshape(height // 2, width // 2) - 512) / 896).resize(
                (width, height), Image.Resampling.BILINEAR
            )
        )
        for plane in chroma
    )
    red, blue = y + _CR_RANGE * cr, y + _CB_RANGE * cb
    green = (y - _LUMA_709[0] * red - _LUMA_709[2] * blue) / _LUMA_709[1]
    rgb = np.rint(255 * np.stack((red, green, blue), -1)).clip(0, 255)
    return Image.fromarray(rgb.astype(np.uint8))


def y4m_to_rgb(data: bytes) -> Image.Image:
    """The first frame of a YUV4MPEG2 file in 10-bit 4:2:0.

    Raises:
        CodecError: It is another file, or a frame is missing.
    """
    header, _, rest = data.partition(b"\n")
    frame_header, _, frame = rest.partition(b"\n")
    fields = {word[:1]: word[1:] for word in header.split()[1:]}
    try:
        width, height = int(fields[b"W"]), int(fields[b"H"])
        known = header.startswith(b"YUV4MPEG2 ") and fields[b"C"] == b"420p10" and frame_header.startswith(b"FRAME")
    except (KeyError, ValueError):
        known = False
    if not known or len(frame) < width * height * 3:
        raise CodecError("The VVC decoder wrote no whole picture in 10-bit 4:2:0: use a newer vvdecapp.")
    return yuv420_to_rgb(frame, width, height)
