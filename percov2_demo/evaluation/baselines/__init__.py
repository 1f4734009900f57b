"""The codecs that PerCoV2 is compared with: real files of JPEG, WebP, AVIF, JPEG 2000, JPEG XL, HEIC, VVC and MS-ILLM.

Every codec is set for few bytes rather than for speed, its chroma is at half resolution where it can be, and its file
is whole, with container and without metadata. The rates of PerCoV2 are below what most of them can make of a picture
at all, so the smallest file is an answer as good as one that fits.
"""

from functools import cache

from percov2_demo.evaluation.baselines.codec import Codec, Coded, Ladder
from percov2_demo.evaluation.baselines.msillm import find_msillm
from percov2_demo.evaluation.baselines.pillow import pillow_codecs
from percov2_demo.evaluation.baselines.vvc import find_vvc


__all__ = ["Codec", "Coded", "Ladder", "available_codecs"]


@cache
def available_codecs() -> dict[str, Codec]:
    """Return the codecs that work here, by name, in a fixed order, without raising."""
    optional = (find_vvc(), find_msillm())
    return {codec.name: codec for codec in (*pillow_codecs(), *(codec for codec in optional if codec is not None))}
