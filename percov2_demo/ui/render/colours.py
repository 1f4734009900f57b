"""Turn values into colours, and pictures into addresses that markup can hold."""

import base64

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from percov2_demo.ui.server.files import png_bytes


def colours(scale: str, shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Look up the colours `(..., 3)` of shares `(...)` from 0 to 1 on one of plotly's scales.

    Args:
        scale: The scale's name, such as "Viridis".
        shares: Where on the scale, from 0 to 1.
    """
    from plotly.colors import sample_colorscale

    distinct, places = np.unique(shares, return_inverse=True)
    sampled = sample_colorscale(scale, distinct.tolist(), colortype="tuple")
    return np.rint(255 * np.array(sampled)).astype(np.uint8)[places.reshape(shares.shape)]


def picture_uri(picture: Image.Image) -> str:
    """Encode a picture as the data URI of a PNG file."""
    return f"data:image/png;base64,{base64.b64encode(png_bytes(picture)).decode()}"
