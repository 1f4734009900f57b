"""TIFF, by tifffile and imagecodecs.

Pillow (12.3) misreads planar pictures of 16 bits, colour maps of 8, white as 0 in 16 bits, and signed samples, and
refuses many layouts. Here every layout is decoded to its samples, and what they mean is read from the tags; what has
no meaning as a picture is refused by its name.
"""

import io
from typing import Any

import numpy as np
from PIL import Image

from percov2_demo.images.errors import DamagedImage, UnsupportedImage
from percov2_demo.images.limits import check_size
from percov2_demo.images.raster import Alpha, Model, Raster, grey_range, raster_of_image, raster_of_samples


_WHITE_IS_0, _BLACK_IS_0, _RGB, _PALETTE, _INKS, _YCBCR, _CIELAB, _ICCLAB = 0, 1, 2, 3, 5, 6, 8, 9
_OTHER_COLOURS = {
    4: "TIFF files of transparency masks",
    10: "TIFF files with ITU colours",
    32803: "Camera raw files",
    32844: "TIFF files with logarithmic light",
    32845: "TIFF files with logarithmic light",
    34892: "Camera raw files",
}
_UNSIGNED, _SIGNED, _FLOAT, _UNTYPED = 1, 2, 3, 4
_ALPHA: dict[int, Alpha] = {1: "premultiplied", 2: "straight"}
_MODELS: dict[int, Model] = {_RGB: "RGB", _YCBCR: "RGB", _INKS: "CMYK", _CIELAB: "LAB", _ICCLAB: "LAB"}
_CMYK_INKS = 1
_REDUCED = 1
_JPEG = 7
_ORIENTATION, _SUB_FILES, _INK_SET, _PROFILE, _DNG_VERSION = 274, 330, 332, 34675, 50706


def decode(data: bytes) -> Raster:
    """Read the first picture of a TIFF file."""
    import tifffile

    if data[8:10] == b"CR":
        raise UnsupportedImage.of("Camera raw files")
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        _check_kind(page)
        size = (page.imagewidth, page.imagelength)
        sample_bytes = np.dtype(page.dtype).itemsize * page.samplesperpixel
        segments = len(page.dataoffsets)
        # Decoding needs a segment besides the picture.
        check_size(size, sample_bytes * (1 + 1 / max(segments, 1)))
        orientation = page.tags.valueof(_ORIENTATION, 1)
        profile = page.tags.valueof(_PROFILE)
        if not _is_known(page.compression) or (page.photometric == _YCBCR and page.compression != _JPEG):
            return _by_libtiff(data, size, profile, orientation)
        try:
            samples = page.asarray(maxworkers=1).reshape(page.shaped)
        except NotImplementedError as error:
            raise UnsupportedImage.of("TIFF files of this layout") from error
        separate, depth = page.shaped[:2]
        samples = np.moveaxis(samples[:, 0, ..., 0], 0, -1) if separate > 1 else samples[0, 0]
        if depth > 1:
            raise UnsupportedImage.of("TIFF files of volumes")
        if page.photometric == _PALETTE:
            return _by_palette(samples[..., 0], page.colormap, profile, orientation)
        return _by_samples(samples, page, profile, orientation)


def _is_known(compression: int) -> bool:
    import tifffile

    try:
        tifffile.TIFF.DECOMPRESSORS[compression]
    except KeyError:
        return False
    return True


def _check_kind(page: Any) -> None:
    if _DNG_VERSION in page.tags or (page.subfiletype & _REDUCED and _SUB_FILES in page.tags):
        raise UnsupportedImage.of("Camera raw files")
    if page.photometric in _OTHER_COLOURS:
        raise UnsupportedImage.of(_OTHER_COLOURS[page.photometric])
    if page.dtype is None or page.dtype.kind not in "buif":
        raise UnsupportedImage.of(f"TIFF files of {page.bitspersample} bits with complex or unknown samples")
    colours = _colour_channels(page)
    extra = page.samplesperpixel - colours
    if extra < 0:
        raise DamagedImage
    if page.photometric in (_WHITE_IS_0, _BLACK_IS_0) and extra > 1:
        raise UnsupportedImage.of(f"TIFF files with {page.samplesperpixel} bands that are no colours")
    if page.photometric == _INKS and (page.tags.valueof(_INK_SET, _CMYK_INKS) != _CMYK_INKS or extra > 1):
        raise UnsupportedImage.of("TIFF files of other inks than cyan, magenta, yellow and black")
    is_signed = page.sampleformat == _SIGNED and page.photometric not in (_CIELAB, _ICCLAB)
    if is_signed and (colours > 1 or page.bitspersample <= 8):
        raise UnsupportedImage.of("TIFF files with signed samples")
    if page.sampleformat == _FLOAT and colours > 1 and (page.photometric != _RGB or _PROFILE not in page.tags):
        raise UnsupportedImage.of("TIFF files with colours in floating point that name no profile")


def _colour_channels(page: Any) -> int:
    return {_RGB: 3, _INKS: 4, _YCBCR: 3, _CIELAB: 3, _ICCLAB: 3}.get(page.photometric, 1)


def _by_samples(samples: np.ndarray, page: Any, profile: bytes | None, orientation: int) -> Raster:
    model = _MODELS.get(page.photometric, "L")
    if samples.dtype == bool:
        samples = samples.astype(np.uint8)
    top = 2**page.bitspersample - 1
    if model == "L" and (page.sampleformat != _UNSIGNED or page.bitspersample > 16):
        bounds = grey_range(samples)
    elif samples.dtype.kind == "f":
        bounds = (0.0, 1.0)
    else:
        bounds = (0.0, float(top))
    if page.photometric == _WHITE_IS_0:
        bounds = bounds[::-1]
    elif page.photometric == _CIELAB:
        # From signed a and b to those of ICC, where grey is half of the range.
        samples = samples.view(f"u{samples.dtype.itemsize}") ^ np.array(
            [0, (top + 1) // 2, (top + 1) // 2], f"u{samples.dtype.itemsize}"
        )
    elif page.photometric == _ICCLAB and page.bitspersample == 16:
        bounds = (0.0, 65280.0)
    return raster_of_samples(
        samples, model, bounds=bounds, alpha=_alpha(page), profile=profile, orientation=orientation
    )


def _alpha(page: Any) -> Alpha | None:
    extra = page.samplesperpixel - _colour_channels(page)
    if not page.extrasamples:
        # Against the format, but programs write opacity so, and others read it so.
        return "straight" if extra == 1 else None
    if not extra:
        return None
    return _ALPHA.get(page.extrasamples[0])


def _by_palette(indices: np.ndarray, colours: np.ndarray | None, profile: bytes | None, orientation: int) -> Raster:
    if colours is None:
        raise DamagedImage
    # The format has 16 bits a colour; files whose program wrote 8 are read as meant, as libtiff does.
    shift = 8 if colours.max() > 255 else 0
    palette = np.ascontiguousarray((colours >> shift).astype(np.uint8).T)
    if len(palette) > 256:
        return raster_of_samples(palette[indices], "RGB", bounds=(0, 255), profile=profile, orientation=orientation)
    image = Image.frombytes("P", indices.shape[::-1], np.ascontiguousarray(indices, np.uint8).tobytes())
    image.putpalette(palette.tobytes())
    return raster_of_image(image, profile, orientation)


def _by_libtiff(data: bytes, size: tuple[int, int], profile: bytes | None, orientation: int) -> Raster:
    """Subsampled luma and chroma and rare compressions, which tifffile leaves alone; libtiff makes RGB of them."""
    import imagecodecs

    check_size(size, 8)
    try:
        samples = imagecodecs.tiff_decode(data, index=0, asrgb=True)
    except imagecodecs.TiffError as error:
        raise UnsupportedImage.of("TIFF files of this layout or compression") from error
    return raster_of_samples(samples[..., :3], "RGB", bounds=(0, 255), profile=profile, orientation=orientation)
