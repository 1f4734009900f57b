"""HDR pictures on a display of standard range.

The rule: white of the display is the 203 cd/m² that ITU-R BT.2408 gives for diffuse white in HDR. Light up to about
half of that is kept; what is brighter, up to the picture's peak, is bent below white with the curve of ITU-R BT.2390,
section 5.4.1 (EETF), applied to the largest of red, green and blue so that no hue changes. The peak is what the file
says, else 1000 cd/m². HLG is shown as on a display of 1000 cd/m² (ITU-R BT.2100, table 5). Colours outside sRGB are
clipped channel by channel.
"""

import numpy as np

from percov2_demo.images.colour import HLG, PRIMARIES, SRGB_PRIMARIES, Cicp, light_to_srgb


WHITE = 203.0
"""Light of the display's white in cd/m²."""

USUAL_PEAK = 1000.0
"""Brightest light in cd/m² of a picture that does not say."""

_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
"""Constants of SMPTE ST 2084."""

_HLG_LUMINANCE = np.array([0.2627, 0.6780, 0.0593])


def tone_map(signal: np.ndarray, colour: Cicp) -> np.ndarray:
    """Map samples of an HDR picture to 8-bit sRGB.

    Args:
        signal: Red, green and blue from 0 to 1, with the channel as last axis.
        colour: What they mean; PQ or HLG.
    """
    light = hlg_to_light(signal) if colour.transfer == HLG else pq_to_light(signal)
    peak = min(max(colour.peak or USUAL_PEAK, WHITE), 10_000.0) if colour.transfer != HLG else USUAL_PEAK
    light = np.maximum(light @ _to_srgb_primaries(colour.primaries).T, 0)
    brightest = light.max(-1, keepdims=True)
    mapped = _bend(brightest, peak)
    scaled = np.clip(light * (mapped / np.maximum(brightest, 1e-6)) / WHITE, 0, 1)
    return np.rint(255 * light_to_srgb(scaled)).astype(np.uint8)


def pq_to_light(signal: np.ndarray) -> np.ndarray:
    """Map samples of PQ, 0 to 1, to light in cd/m² (SMPTE ST 2084)."""
    power = np.asarray(signal) ** (1 / _M2)
    return 10_000 * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)


def light_to_pq(light: np.ndarray) -> np.ndarray:
    """Map light in cd/m² to samples of PQ, 0 to 1 (SMPTE ST 2084)."""
    power = (np.maximum(light, 0) / 10_000) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def hlg_to_light(signal: np.ndarray) -> np.ndarray:
    """Map samples of HLG, 0 to 1, to light in cd/m² of a display of 1000 (ITU-R BT.2100, table 5)."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    scene = np.where(signal <= 0.5, np.square(signal) / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = np.maximum(scene @ _HLG_LUMINANCE, 1e-9)[..., None]
    return USUAL_PEAK * luminance**0.2 * scene


def _bend(light: np.ndarray, peak: float) -> np.ndarray:
    """The EETF of BT.2390 from a display of `peak` cd/m² to one of `WHITE`, both with a black of 0."""
    top = light_to_pq(np.asarray(peak, np.float64))
    signal = np.minimum(light_to_pq(light) / top, 1)
    most = light_to_pq(np.asarray(WHITE, np.float64)) / top
    knee = 1.5 * most - 0.5
    if knee >= 1:
        return np.minimum(light, WHITE)
    t = np.clip((signal - knee) / (1 - knee), 0, 1)
    curve = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    return pq_to_light(np.where(signal < knee, signal, curve) * top)


def _to_srgb_primaries(primaries: int) -> np.ndarray:
    source = _to_xyz(PRIMARIES.get(primaries, SRGB_PRIMARIES))
    return np.linalg.inv(_to_xyz(SRGB_PRIMARIES)) @ source


def _to_xyz(primaries: tuple[float, ...]) -> np.ndarray:
    """Columns are XYZ of red, green and blue, scaled so that they add up to white.

    All primaries that HDR is coded with have the white of sRGB, so no white is adapted.
    """
    x, y = np.array(primaries[0::2]), np.array(primaries[1::2])
    columns = np.stack([x / y, np.ones(4), (1 - x - y) / y])
    return columns[:, :3] * np.linalg.solve(columns[:, :3], columns[:, 3])
