"""Photos to captions, so that a text can be sent along that nobody has to write."""

from percov2_demo.captioner_names import CAPTIONERS
from percov2_demo.captioning.captioner import Captioner, normalize_caption
from percov2_demo.captioning.language import LanguageCaptioner
from percov2_demo.captioning.latents import LatentCaptioner


__all__ = ["CAPTIONERS", "Captioner", "LanguageCaptioner", "LatentCaptioner", "normalize_caption"]
