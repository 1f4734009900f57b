"""Pictures as the metrics take them."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from percov2_demo.errors import MetricError


def to_tensor(image: Image.Image) -> Tensor:
    """Convert an RGB picture to what the metrics take, `(3, H, W)` in [0, 1]."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255


def check_picture(picture: Tensor) -> None:
    """Check that a tensor is a picture `(3, H, W)`.

    Raises:
        ValueError: It is not.
    """
    if picture.ndim != 3 or picture.shape[0] != 3:
        raise ValueError(f"a metric takes pictures of shape (3, H, W), not {tuple(picture.shape)}")


def check_pair(original: Tensor, reconstruction: Tensor) -> None:
    """Check that two tensors are pictures `(3, H, W)` of one size.

    Raises:
        MetricError: The sizes differ.
        ValueError: One is no picture at all.
    """
    for picture in (original, reconstruction):
        check_picture(picture)
    if original.shape != reconstruction.shape:
        (height, width), (other_height, other_width) = original.shape[1:], reconstruction.shape[1:]
        raise MetricError(
            f"the original has {width}x{height} pixels and the reconstruction {other_width}x{other_height}: "
            "give pictures of one size"
        )
