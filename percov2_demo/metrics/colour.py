"""Colour spaces and colour difference: sRGB, linear light, CIELAB under D65, CIEDE2000."""

import math

import torch
from torch import Tensor


_LINEAR_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
"""IEC 61966-2-1. The rows' sums are the white point D65, so that grey has no chroma."""


def linear_light(picture: Tensor) -> Tensor:
    """Convert sRGB values in [0, 1] to linear light in [0, 1] (IEC 61966-2-1)."""
    return torch.where(picture <= 0.04045, picture / 12.92, ((picture.clamp(min=0) + 0.055) / 1.055) ** 2.4)


def linear_to_lab(picture: Tensor) -> Tensor:
    """Convert linear sRGB `(3, ...)` in [0, 1] to CIELAB under D65, L in [0, 100]."""
    matrix = picture.new_tensor(_LINEAR_TO_XYZ)
    xyz = torch.einsum("xc,c...->x...", matrix / matrix.sum(1, keepdim=True), picture)
    edge = 6 / 29
    x, y, z = torch.where(xyz > edge**3, xyz.clamp(min=0) ** (1 / 3), xyz / (3 * edge**2) + 4 / 29)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def ciede2000(first: Tensor, second: Tensor) -> Tensor:
    """Compute the colour difference CIEDE2000 with unit weights: 0 for equal colours, about 1 where just seen.

    After Sharma, Wu and Dalal, Color Research and Application 30(1), 2005; the numbers are that paper's equations.

    Args:
        first: CIELAB colours `(3, ...)`.
        second: Colours of the same shape.

    Returns:
        Differences `(...)`.
    """
    (l1, a1, b1), (l2, a2, b2) = first, second
    mean_chroma7 = ((torch.hypot(a1, b1) + torch.hypot(a2, b2)) / 2) ** 7  # (2), (3)
    stretch = 1.5 - 0.5 * torch.sqrt(mean_chroma7 / (mean_chroma7 + 25.0**7))  # 1 + G of (4)
    a1, a2 = stretch * a1, stretch * a2  # (5)
    c1, c2 = torch.hypot(a1, b1), torch.hypot(a2, b2)  # (6)
    h1, h2 = (torch.rad2deg(torch.atan2(b, a)) % 360 for b, a in ((b1, a1), (b2, a2)))  # (7)

    grey = c1 * c2 == 0
    turn = h2 - h1
    turn = torch.where(turn > 180, turn - 360, torch.where(turn < -180, turn + 360, turn))
    turn = torch.where(grey, 0.0, turn)  # (10)
    delta_l, delta_c = l2 - l1, c2 - c1  # (8), (9)
    delta_h = 2 * torch.sqrt(c1 * c2) * torch.sin(torch.deg2rad(turn / 2))  # (11)

    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2  # (12), (13)
    total = h1 + h2
    across = torch.where(total < 360, total + 360, total - 360)
    mean_h = torch.where(grey, total, torch.where((h1 - h2).abs() > 180, across, total) / 2)  # (14)

    weight_t = (
        1
        - 0.17 * _cos(mean_h - 30)
        + 0.24 * _cos(2 * mean_h)
        + 0.32 * _cos(3 * mean_h + 6)
        - 0.20 * _cos(4 * mean_h - 63)
    )  # (15)
    rotation = 30 * torch.exp(-(((mean_h - 275) / 25) ** 2))  # (16)
    rotation_c = 2 * torch.sqrt(mean_c**7 / (mean_c**7 + 25.0**7))  # (17)
    offset = (mean_l - 50) ** 2
    term_l = delta_l / (1 + 0.015 * offset / torch.sqrt(20 + offset))  # (18)
    term_c = delta_c / (1 + 0.045 * mean_c)  # (19)
    term_h = delta_h / (1 + 0.015 * mean_c * weight_t)  # (20)
    crossed = -torch.sin(torch.deg2rad(2 * rotation)) * rotation_c * term_c * term_h  # (21)
    return torch.sqrt((term_l**2 + term_c**2 + term_h**2 + crossed).clamp(min=0))  # (22)


def _cos(degrees: Tensor) -> Tensor:
    return torch.cos(degrees * (math.pi / 180))
