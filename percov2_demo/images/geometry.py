"""How a picture lies in its file: orientation, mirror images, and clipping."""

import struct

from PIL import Image


TRANSPOSITIONS: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each orientation of EXIF but 1, which is upright."""

ORIENTATION_TAG = 0x0112
_SHORT, _LONG = 3, 4


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turn a picture the way its orientation says; those that EXIF does not know say nothing."""
    transposition = TRANSPOSITIONS.get(orientation)
    return image if transposition is None else image.transpose(transposition)


def exif_orientation(exif: bytes) -> int:
    """Read the orientation, 1 to 8, of a block of EXIF, with or without its marker; 1 where there is none.

    Nothing else of the block is looked at: its tags may point to the same bytes a thousand times. Orientations in XMP
    are left alone, as browsers do: programs that turn the pixels often forget the copy there.
    """
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, _ = struct.unpack_from(order + "HHI", exif, entry)
            if tag == ORIENTATION_TAG and kind in (_SHORT, _LONG):
                (orientation,) = struct.unpack_from(order + ("H" if kind == _SHORT else "I"), exif, entry + 8)
                return orientation if orientation in TRANSPOSITIONS else 1
    except struct.error:
        pass  # A broken block, but the pixels are fine.
    return 1
