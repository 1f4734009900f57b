"""From the bytes of a file to a picture, without any limit but those of `limits`; see `worker` for the others."""

from PIL import Image

from percov2_demo.errors import ImageError
from percov2_demo.images.errors import DamagedImage, ImageTooLarge
from percov2_demo.images.formats import find_format
from percov2_demo.images.messages import OUT_OF_MEMORY


def read_picture(data: bytes) -> Image.Image:
    """Read a picture file as `load_image` says.

    Raises:
        ImageError: See there.
    """
    format = find_format(data)
    try:
        return format.decode(data).render()
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageTooLarge.because(OUT_OF_MEMORY) from error
    except Exception as error:  # The decoders raise OSError, SyntaxError, struct.error, IndexError and many others.
        raise DamagedImage from error
