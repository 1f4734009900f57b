"""VVC (H.266) still pictures, by an ffmpeg that has the encoder VVenC."""

import io
import shutil
import subprocess
from functools import partial

from PIL import Image

from percov2_demo.errors import CodecError
from percov2_demo.evaluation.baselines.codec import Codec, without_metadata


TIME_LIMIT = 120
"""Seconds that ffmpeg may take for one picture."""

_QUIET = ("-hide_banner", "-nostdin", "-loglevel", "error")
_TO_YUV = "scale=out_color_matrix=bt709:out_range=tv:out_chroma_loc=center:flags=area+accurate_rnd"
_TO_RGB = "scale=in_color_matrix=bt709:in_range=tv:in_chroma_loc=center:flags=bilinear+accurate_rnd+full_chroma_int"
"""ITU-R BT.709 in video range, of which the file says nothing; a chroma sample lies in the middle of four pixels."""


def find_vvc() -> Codec | None:
    """Return VVC where the `ffmpeg` on the path has the encoder `libvvenc`."""
    program = shutil.which("ffmpeg")
    return vvc_codec(program) if program is not None and _has_encoder(program) else None


def vvc_codec(program: str) -> Codec:
    """Return VVC in 4:2:0 and 10 bits, constant QP, preset `slow`.

    Args:
        program: Path of an ffmpeg that encodes with VVenC and decodes VVC, version 7.1 or later.
    """
    return Codec(
        "vvc",
        "VVC",
        ".266",
        tuple(float(qp) for qp in range(63, -1, -1)),
        partial(_encode, program=program),
        partial(_decode, program=program),
    )


def _has_encoder(program: str) -> bool:
    command = [program, *_QUIET, "-encoders"]
    try:
        listed = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b" libvvenc " in listed


def _encode(image: Image.Image, qp: float, *, program: str) -> bytes:
    if image.width % 2 or image.height % 2:
        raise CodecError(
            f"VVC in 4:2:0 needs even sides, not {image.width}x{image.height}: trim the picture by a pixel."
        )
    source = io.BytesIO()
    without_metadata(image).save(source, "PPM")
    options = ["-vf", _TO_YUV, "-pix_fmt", "yuv420p10le", "-c:v", "libvvenc", "-preset", "slow", "-qp", str(int(qp))]
    # Perceptual adaptation of the QP is made for video and costs PSNR.
    options += ["-qpa", "0", "-g", "1", "-frames:v", "1", "-f", "vvc"]
    return _run(program, ["-f", "image2pipe", "-c:v", "ppm", "-i", "-", *options, "-"], source.getvalue())


def _decode(data: bytes, *, program: str) -> Image.Image:
    options = ["-frames:v", "1", "-vf", _TO_RGB, "-pix_fmt", "rgb24", "-c:v", "ppm", "-f", "image2pipe"]
    file = _run(program, ["-f", "vvc", "-i", "-", *options, "-"], data)
    with Image.open(io.BytesIO(file), formats=("PPM",)) as picture:
        return without_metadata(picture)


def _run(program: str, options: list[str], data: bytes) -> bytes:
    """Return what ffmpeg makes of its input."""
    command = [program, *_QUIET, *options]
    try:
        done = subprocess.run(command, check=True, capture_output=True, input=data, timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired as error:
        raise CodecError(f"ffmpeg was stopped after {TIME_LIMIT} seconds: try a smaller picture.") from error
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
        raise CodecError(f"ffmpeg failed with exit code {error.returncode} and said: {said}") from error
    except OSError as error:
        raise CodecError("ffmpeg cannot be run: check its installation.") from error
    if not done.stdout:
        raise CodecError("ffmpeg made an empty file: check its installation.")
    return done.stdout
