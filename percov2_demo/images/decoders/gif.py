"""GIF, by Pillow. A canvas that the first frame does not cover is transparent, as in browsers; Pillow fills it with a
colour that the file names for displays of 1987."""

from PIL import Image

from percov2_demo.images.decoders.pillow import FULL_COLOUR_BYTES, open_image
from percov2_demo.images.raster import Raster, raster_of_image


def decode(data: bytes) -> Raster:
    """Read the first frame of a GIF file."""
    image = open_image(data, "GIF", FULL_COLOUR_BYTES)
    tiles = getattr(image, "tile", [])
    covered = tiles[0].extents if tiles else None
    image.load()
    if covered is None or covered == (0, 0, *image.size):
        return raster_of_image(image)
    canvas = Image.new("RGB", image.size, "white")
    frame = raster_of_image(image.crop(covered))
    canvas.paste(frame.strip(0, frame.size[1], 1), covered[:2])
    return raster_of_image(canvas)
