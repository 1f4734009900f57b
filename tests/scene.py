"""A picture for tests that need a photo, without the libraries that `tests.conftest` loads."""

from PIL import Image, ImageDraw


def draw_scene(width: int = 512, height: int = 512) -> Image.Image:
    """A drawn landscape: sky, sun, hill, house."""
    image = Image.new("RGB", (width, height), (130, 180, 230))
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.7, height * 0.08, width * 0.88, height * 0.26), fill=(255, 230, 120))
    draw.ellipse((-width * 0.3, height * 0.55, width * 1.3, height * 1.6), fill=(70, 130, 60))
    draw.rectangle((width * 0.3, height * 0.45, width * 0.55, height * 0.75), fill=(190, 80, 60))
    roof = [(width * 0.26, height * 0.46), (width * 0.425, height * 0.28), (width * 0.59, height * 0.46)]
    draw.polygon(roof, fill=(90, 40, 40))
    return image
