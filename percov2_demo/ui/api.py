"""The codec for programs: endpoints of their own, apart from what the page needs for its looks."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from percov2_demo.bitstream import Bitstream
from percov2_demo.images import FITS, load_image
from percov2_demo.rates import RateReport
from percov2_demo.sampling import Sampling
from percov2_demo.ui.errors import friendly
from percov2_demo.ui.files import png_bytes, safe_stem, save_download
from percov2_demo.ui.sampling import (
    MAX_GUIDANCE_SCALE,
    MAX_SEED,
    MAX_STEPS,
    MODEL_QUEUE,
)


if TYPE_CHECKING:
    from percov2_demo.pipeline import PerCoV2Pipeline


def create_endpoints(pipeline: "PerCoV2Pipeline") -> None:
    """Adds `/compress`, `/decompress` and `/info` to the demo that is being built, and `/caption` where the model has
    a captioner; nothing of them shows on the page.
    """
    endpoints = Endpoints(pipeline)
    with gr.Group(visible=False):
        photo = gr.File(label="Photo")
        preset = gr.Radio(list(pipeline.presets), value=pipeline.presets[0], label="Preset")
        caption = gr.Textbox("", label="Caption")
        fit = gr.Radio(list(FITS), value=FITS[0], label="Fit")
        stream = gr.File(label="Stream, a .pcv2 file")
        sampling = _create_sampling_inputs()
        written = gr.File(label="Stream, a .pcv2 file")
        picture = gr.Image(label="Picture", format="png", type="filepath", buttons=[])
        rates = gr.JSON(label="Bytes and bpp of each part")
        fields = gr.JSON(label="Fields of the stream")
        button = gr.Button()
    compress, decompress = friendly(endpoints.compress), friendly(endpoints.decompress)
    inputs = [photo, preset, caption, fit]
    button.click(compress, inputs, [written, rates], api_name="compress", **MODEL_QUEUE)
    button.click(decompress, [stream, *sampling], [picture, fields], api_name="decompress", **MODEL_QUEUE)
    button.click(friendly(endpoints.info), stream, fields, api_name="info")
    if getattr(pipeline, "has_captioner", False):
        button.click(friendly(endpoints.caption), photo, caption, api_name="caption", **MODEL_QUEUE)


def _create_sampling_inputs() -> list[Component]:
    return [
        gr.Number(Sampling.steps, minimum=1, maximum=MAX_STEPS, precision=0, label="Steps"),
        gr.Number(Sampling.guidance, minimum=0, maximum=MAX_GUIDANCE_SCALE, label="Guidance scale"),
        gr.Number(None, minimum=0, maximum=1, label="Strength, or none for the model's default"),
        gr.Number(Sampling.seed, minimum=0, maximum=MAX_SEED, precision=0, label="Seed"),
    ]


class Endpoints:
    """What the endpoints do.

    Args:
        pipeline: The codec.
    """

    def __init__(self, pipeline: "PerCoV2Pipeline"):
        self._pipeline = pipeline

    def compress(
        self, photo: str | None, preset: str, caption: str = "", fit: str = "native"
    ) -> tuple[str, dict[str, dict[str, float]]]:
        """Turns a photo into a .pcv2 file.

        Args:
            photo: The photo's file.
            preset: Name of the bitrate preset.
            caption: Text that travels in the file and guides the painting; empty for none.
            fit: "native" keeps the aspect ratio, "crop" takes the middle, "squash" stretches to 512x512.

        Returns:
            The .pcv2 file, and the bytes and bpp of each part.
        """
        stream = self._pipeline.compress(_open_photo(photo), preset=preset, caption=caption.strip(), fit=fit)
        path = save_download(stream.to_bytes(), f"{safe_stem(photo)}-{preset}.pcv2")
        return path, RateReport.from_bitstream(stream, Path(photo).stat().st_size).to_dict()

    def decompress(
        self,
        stream: str | None,
        steps: int = Sampling.steps,
        guidance_scale: float = Sampling.guidance,
        strength: float | None = None,
        seed: int = Sampling.seed,
    ) -> tuple[str, dict[str, Any]]:
        """Paints the picture that a .pcv2 file describes.

        Args:
            stream: The .pcv2 file.
            steps: Steps of the sampler.
            guidance_scale: How strongly the caption steers; 0 ignores it.
            strength: How much is painted anew, up to 1; empty for the model's default.
            seed: Seed of the noise; the same seed gives the same picture.

        Returns:
            The picture, a PNG file, and the fields of the stream.
        """
        fields = self._read(stream)
        picture = self._pipeline.decompress(
            fields, num_inference_steps=steps, guidance_scale=guidance_scale, strength=strength, seed=seed
        )
        path = save_download(png_bytes(picture), f"{safe_stem(stream)}.png")
        return path, fields.to_dict()

    def info(self, stream: str | None) -> dict[str, Any]:
        """Tells what a .pcv2 file says, without painting it.

        Args:
            stream: The .pcv2 file.

        Returns:
            The fields of the stream, the bytes and bpp of each part, and the codebook indices row by row.
        """
        fields = self._read(stream)
        return fields.to_dict() | RateReport.from_bitstream(fields).to_dict() | {"indices": fields.indices.tolist()}

    def caption(self, photo: str | None) -> str:
        """Describes a photo in a few words, as they may travel in a .pcv2 file.

        Args:
            photo: The photo's file.

        Returns:
            The caption.
        """
        return self._pipeline.caption(_open_photo(photo))

    def _read(self, stream: str | None) -> Bitstream:
        if stream is None:
            raise gr.Error("Send a .pcv2 file.", print_exception=False)
        return self._pipeline.read(stream)


def _open_photo(photo: str | None) -> Image.Image:
    if photo is None:
        raise gr.Error("Send a photo.", print_exception=False)
    return load_image(photo)
