"""Photos to try without having one: those that gradio carries, so that they are there offline."""

from gradio.media import get_image


_CAPTIONS: dict[str, str] = {
    "tower.jpg": "the eiffel tower lit up in gold at dusk seen from below with bare branches",
    "cheetah.jpg": "a cheetah running at full speed across a blurred brown plain",
    "lion.jpg": "a male lion with a dark mane lying on a rock in the sun",
    "cheetah1.jpg": "a close up of a cheetah looking straight into the camera",
}


def example_photos() -> list[tuple[str, str]]:
    """List rows of photo path and caption."""
    return [(get_image(name), caption) for name, caption in _CAPTIONS.items()]
