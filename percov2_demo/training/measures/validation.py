"""Paint photos that a model is not trained on, to look at."""

from collections.abc import Sequence

from PIL import Image, ImageOps

from percov2_demo.data.shards import Photo
from percov2_demo.evaluation.contact_sheet import contact_sheet
from percov2_demo.pipelines.percov2 import PerCoV2Pipeline


def validation_sheet(
    pipeline: PerCoV2Pipeline, photos: Sequence[Photo], side: int, steps: int, guidance: float
) -> Image.Image:
    """Draw a row for each photo: the original, and what comes back at each of the model's presets.

    Args:
        pipeline: The model.
        photos: The photos; the first caption of each is sent along.
        side: Pixels that a photo's middle square is scaled to along each side, a multiple of 64.
        steps: Steps of the sampler.
        guidance: Guidance scale.
    """
    rows = []
    for photo in photos:
        original = ImageOps.fit(Image.fromarray(photo.pixels()), (side, side))
        caption = photo.captions[0] if photo.captions else ""
        streams = [pipeline.compress(original, preset, caption) for preset in pipeline.presets]
        rows.append([original, *(pipeline.decompress(stream, steps, guidance_scale=guidance) for stream in streams)])
    return contact_sheet(["original", *pipeline.presets], rows)
