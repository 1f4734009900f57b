"""PPM and its kin and TGA, which say nothing of colours and which Pillow reads whole."""

from percov2_demo.images.decoders.pillow import open_image
from percov2_demo.images.errors import UnsupportedImage
from percov2_demo.images.raster import Raster, raster_of_image


_FIRST_BYTES_OF_ATTRIBUTES = 17
_ATTRIBUTE_BITS = 0x0F


def decode_ppm(data: bytes) -> Raster:
    """Read a PBM, PGM, PPM or PFM file."""
    if data[:2] == b"P7":
        raise UnsupportedImage.of("PAM files")
    image = open_image(data, "PPM")
    image.load()
    return raster_of_image(image)


def decode_tga(data: bytes) -> Raster:
    """Read a TGA file; its fourth channel counts where the file says that there are bits of opacity."""
    image = open_image(data, "TGA")
    image.load()
    if image.mode == "RGBA" and not data[_FIRST_BYTES_OF_ATTRIBUTES] & _ATTRIBUTE_BITS:
        image.putalpha(255)
    return raster_of_image(image)
