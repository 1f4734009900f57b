"""The image front door: any picture file to 8-bit sRGB, and any picture to sides that the codec takes."""

from percov2_demo.images.errors import DamagedImage, ImageTooLarge, UnsupportedImage
from percov2_demo.images.fits import FITS, MAX_FITTED_SIDE, fit_image, native_size
from percov2_demo.images.limits import MAX_FILE_BYTES, MAX_PIXELS, MIN_SIDE
from percov2_demo.images.loading import load_image
from percov2_demo.images.normalizing import normalize


__all__ = [
    "FITS",
    "MAX_FILE_BYTES",
    "MAX_FITTED_SIDE",
    "MAX_PIXELS",
    "MIN_SIDE",
    "DamagedImage",
    "ImageTooLarge",
    "UnsupportedImage",
    "fit_image",
    "load_image",
    "native_size",
    "normalize",
]
