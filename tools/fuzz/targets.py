"""What is given any bytes at all, and what must hold whatever they are.

Each target takes bytes and returns whether they were taken for something; it raises where a promise is broken.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import cycle, product
from math import comb

import numpy as np
from PIL import Image, ImageCms

from percov2_demo.bitstream import MAX_CAPTION_BYTES, MAX_PIXELS, Bitstream, Header, Refinement, Withheld
from percov2_demo.entropy.coder import Decoder, EntropyError, encode
from percov2_demo.entropy.payload import EntropyCoder
from percov2_demo.errors import ImageError, StreamError
from percov2_demo.images import limits, load_image
from percov2_demo.presets import PRESETS, get_preset
from percov2_demo.refinement import Allocation, refinement_bytes
from percov2_demo.refinement.blocks import Atoms, block_bytes, read_block, write_block
from tests.conftest import CAPTIONS, tiny_caption_model, tiny_masked_model
from tests.scene import draw_scene


TEXTS = ("", *CAPTIONS, "🦜🦜🏽 ببغاء", "x" * 200)
HEADERS = tuple(
    Header(version=2, preset=preset, width=width, height=64, caption_coding=caption, entropy=entropy)
    for preset, width, caption, entropy in product(
        ("ultra-low", "low"), (64, 192), ("model", "literal", "none"), ("uniform", "checkerboard", "quincunx")
    )
)


DICTIONARY = 4096
"""Atoms that a fuzzed block chooses from."""


@dataclass(frozen=True)
class Target:
    """A front door.

    Attributes:
        check: Gives it bytes, see above.
        corpus: Makes bytes that it takes.
    """

    check: Callable[[bytes], bool]
    corpus: Callable[[], list[bytes]]


@cache
def coder() -> EntropyCoder:
    """Entropy models of the real classes, tiny: what is tried is the way through them, not what they know."""
    return EntropyCoder(tiny_caption_model(), tiny_masked_model())


def check_container(data: bytes) -> bool:
    """A file is refused, or says what its own copy says; one of version 2 is refused for want of a model."""
    return _check_stream(data, None)


def check_stream(data: bytes) -> bool:
    """As `check_container`, with a model at hand."""
    return _check_stream(data, coder())


def check_caption(data: bytes) -> bool:
    """Of any bits comes a text that a caption may be, or none; the first byte's last bit says how it is coded."""
    decoder = Decoder(data[1:])
    try:
        coding, text = coder().captions.read(decoder, bool(data[:1] and data[0] & 1))
        decoder.finish()
    except EntropyError:
        return False
    if coding not in ("model", "raw", "deflate") or not 0 <= len(text.encode()) <= MAX_CAPTION_BYTES:
        raise AssertionError("no such caption can be sent")
    return True


def check_indices(data: bytes) -> bool:
    """Of any payload come indices of the codebook, or none; the first byte names its header."""
    header = HEADERS[data[0] % len(HEADERS)] if data else HEADERS[0]
    try:
        content = coder().decode(data[1:], header)
    except StreamError as error:
        _check_sentence(error)
        return False
    if content.indices.shape != header.grid or not 0 <= content.indices.min() <= content.indices.max() < 2**10:
        raise AssertionError("no such indices can be sent")
    return True


def check_block(data: bytes) -> bool:
    """Of any block come so many atoms as the first byte says, and of them the block, but for ranks that no set has."""
    atoms = max(1, data[0]) if data else 1
    length = block_bytes(DICTIONARY, atoms)
    block = data[1 : 1 + length].ljust(length, b"\0")
    read = read_block(block, DICTIONARY, atoms)
    if (
        len(set(read.positions.tolist())) != atoms
        or not 0 <= read.positions.min() <= read.positions.max() < DICTIONARY
    ):
        raise AssertionError("no such atoms can be sent")
    written = write_block(read, DICTIONARY)
    if written != block and int.from_bytes(block) < comb(DICTIONARY, atoms) << atoms:
        raise AssertionError("another block stands for the same atoms")
    return written == block


def check_picture(data: bytes) -> bool:
    """A file is refused, or is a picture of no more pixels than are allowed, its last row and column perhaps cut."""
    try:
        image = load_image(data)
    except ImageError as error:
        _check_sentence(error)
        return False
    if image.mode != "RGB" or not 0 < image.width * image.height <= limits.MAX_PIXELS + sum(image.size):
        raise AssertionError(f"a picture that should have been refused: {image.mode}, {image.size}")
    return True


def packed() -> list[bytes]:
    """Files of version 1: all presets, several sizes, both codings of captions."""
    return [
        replace(stream, caption_coding=coding).to_bytes() for stream in _streams() for coding in ("deflate", "zlib")
    ]


@cache
def streams() -> list[bytes]:
    """Files of both versions; those of version 2 take turns with their codings."""
    codings = (("uniform", None), ("quincunx", None), ("qlds", None), ("var", Withheld(0)))
    small = (stream for stream in _streams() if stream.indices.size <= 16)
    coded = [
        coder().recode(stream, entropy, withheld=withheld).to_bytes()
        for stream, (entropy, withheld) in zip(small, cycle(codings), strict=False)
    ]
    return [*packed(), *coded]


def refined() -> list[bytes]:
    """Files with blocks of some budgets after their base, whole and cut, of every fifth of `streams`."""
    rng = np.random.default_rng(9)
    files = []
    for number, data in enumerate(streams()[::5]):
        stream = Bitstream.from_bytes(data, coder())
        if stream.width * stream.height <= MAX_PIXELS:
            allocation = Allocation(stream.width * stream.height // 4, int(rng.integers(1, 200)))
            blocks = rng.bytes(refinement_bytes(allocation))
            painter = None if number % 3 else int(rng.integers(256))
            kept = blocks[: len(blocks) // (1 + number % 2)]
            files.append(replace(stream, refinement=Refinement(allocation.atoms, kept, painter)).to_bytes())
    return files


def blocks() -> list[bytes]:
    """Blocks of one step after the number of their atoms, of a dictionary of 4096."""
    rng = np.random.default_rng(10)
    found = []
    for count in (1, 7, 30, 120, 255):
        positions = np.sort(rng.permutation(DICTIONARY)[:count])
        found.append(bytes([count]) + write_block(Atoms(positions, rng.choice([-1, 1], count)), DICTIONARY))
    return found


def captions() -> list[bytes]:
    """Coded captions after the byte that says how."""
    coded = [coder().captions.runs(text) for text in TEXTS if text]
    return [bytes([kind != "model"]) + encode(runs) for kind, runs in coded]


def payloads() -> list[bytes]:
    """Payloads after the number of their header."""
    rng = np.random.default_rng(8)
    found = []
    for number, header in enumerate(HEADERS):
        indices = rng.integers(get_preset(header.preset).codebook_size, size=header.grid)
        text = "" if header.caption_coding == "none" else TEXTS[1 if header.caption_coding == "model" else -1]
        found.append(bytes([number]) + coder().encode(indices, text, header)[1].data)
    return found


def pictures() -> list[bytes]:
    """A drawn picture in every format that is read, in some of its kinds, and with metadata."""
    scene, files = draw_scene(96, 64), []
    exif = Image.Exif()
    exif.update({0x0112: 6, 0x010E: "a scene", 0x9286: bytes(200)})
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name in ("PNG", "JPEG", "WEBP", "AVIF", "TIFF"):
        file = io.BytesIO()
        scene.save(file, name, exif=exif, icc_profile=profile)
        files.append(file.getvalue())
    kinds = {"PNG": ("RGB", "RGBA", "P", "L", "1", "I;16"), "TIFF": ("RGB", "F", "CMYK"), "JPEG": ("RGB", "L", "CMYK")}
    for name in ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000", "PPM", "ICO", "TGA"):
        for mode in kinds.get(name, ("RGB",)):
            file = io.BytesIO()
            image = scene.convert("I").convert(mode) if mode == "I;16" else scene.convert(mode)
            image.save(file, name)
            files.append(file.getvalue())
    frames = io.BytesIO()
    scene.save(frames, "GIF", save_all=True, append_images=[scene.rotate(90), Image.new("RGB", scene.size)])
    return [*files, frames.getvalue()]


TARGETS = {
    "container": Target(check_container, packed),
    "stream": Target(check_stream, streams),
    "caption": Target(check_caption, captions),
    "indices": Target(check_indices, payloads),
    "refined": Target(check_stream, refined),
    "block": Target(check_block, blocks),
    "picture": Target(check_picture, pictures),
}


def _streams() -> Iterator[Bitstream]:
    rng = np.random.default_rng(7)
    for preset, (width, height), text in product(PRESETS, [(512, 512), (64, 64), (320, 128)], TEXTS):
        indices = rng.integers(get_preset(preset).codebook_size, size=get_preset(preset).grid(width, height))
        model = int(rng.integers(256))
        yield Bitstream(width=width, height=height, preset=preset, model=model, caption=text, indices=indices)


def _check_stream(data: bytes, coder: EntropyCoder | None) -> bool:
    try:
        stream = Bitstream.from_bytes(data, coder)
    except StreamError as error:
        _check_sentence(error)
        return False
    if Bitstream.from_bytes(stream.to_bytes(), coder) != stream:
        raise AssertionError("a stream is not what its own file says")
    return True


def _check_sentence(error: Exception) -> None:
    """A refusal is one sentence of fit length that ends as sentences do."""
    text = str(error)
    if not text.endswith(".") or "\n" in text or len(text) > 250:
        raise AssertionError(f"not a sentence for a visitor: {text!r}")
