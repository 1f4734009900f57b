"""Pictures that Pillow holds already, made what `load_image` gives."""

from PIL import Image, TiffImagePlugin

from percov2_demo.errors import ImageError
from percov2_demo.images.errors import DamagedImage, ImageTooLarge
from percov2_demo.images.geometry import ORIENTATION_TAG, exif_orientation
from percov2_demo.images.limits import check_size
from percov2_demo.images.raster import raster_of_image


_PIXEL_BYTES = 4


def normalize(image: Image.Image) -> Image.Image:
    """Make an upright, opaque picture in 8-bit sRGB, without metadata.

    The EXIF orientation is applied, an embedded colour profile is converted where it is usable, transparency is laid
    on white. Grey in 16 bits is scaled to 8; grey in 32 bits or floating point is scaled from the smallest of the
    ranges 0 to 1 (floating point only), 0 to 255 and 0 to 65535 that holds it, else from its own range. A picture of
    more than `MAX_PIXELS` pixels is reduced by a whole factor.

    A picture that is not loaded yet is decoded here and now, by Pillow and without the limits of `load_image`, which
    is for files that come from others.

    Args:
        image: A picture in any of Pillow's modes with sides of at least 16 pixels. Its size is checked before its
            pixels are decoded.

    Raises:
        ImageError: The picture is damaged, too small or too large.
    """
    check_size(image.size, _PIXEL_BYTES)
    try:
        image.load()
        raster = raster_of_image(image, image.info.get("icc_profile"), _orientation(image))
        picture = raster.render()
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise ImageTooLarge.because("it takes more memory than there is") from error
    except Exception as error:  # The decoders raise OSError, SyntaxError, struct.error and others.
        raise DamagedImage from error
    return picture.copy() if picture is image else picture


def _orientation(image: Image.Image) -> int:
    """From EXIF alone: Pillow would take it from XMP as well."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        value = image.tag_v2.get(ORIENTATION_TAG, 1)
        return value if isinstance(value, int) else 1
    return exif_orientation(image.info.get("exif") or b"")
