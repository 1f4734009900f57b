"""ICO: a directory of pictures, each a PNG file or a bitmap without its head."""

import struct

from percov2_demo.images.decoders import png
from percov2_demo.images.decoders.pillow import open_image
from percov2_demo.images.errors import DamagedImage
from percov2_demo.images.raster import Raster, raster_of_image


def decode(data: bytes) -> Raster:
    """Read the largest picture of an ICO file, of several the one with most colours."""
    (count,) = struct.unpack_from("<H", data, 4)
    entries = [data[6 + 16 * index : 22 + 16 * index] for index in range(count)]
    if not entries or len(entries[-1]) < 16:
        raise DamagedImage
    largest = max(entries, key=_rank)
    length, place = struct.unpack_from("<II", largest, 8)
    picture = data[place : place + length]
    if picture.startswith(png.SIGNATURE):
        return png.decode(picture)
    # Of the largest alone: Pillow chooses by sides, and decodes what it opens.
    alone = struct.pack("<HHH", 0, 1, 1) + largest[:12] + struct.pack("<I", 22)
    image = open_image(alone + picture, "ICO")
    image.load()
    return raster_of_image(image)


def _rank(entry: bytes) -> tuple[int, int]:
    """Pixels and bits of a pixel; sides of 256 are written as 0."""
    width, height, _, _, _, bits = struct.unpack_from("<BBBBHH", entry)
    return (width or 256) * (height or 256), bits
