"""The codec for programs: endpoints of their own, apart from what the page needs for its looks."""

import io
import math
import zipfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from percov2_demo.bitstream import Bitstream
from percov2_demo.bitstream.rates import RateReport
from percov2_demo.errors import InputError
from percov2_demo.files.csv_table import csv_bytes
from percov2_demo.images import FITS, fit_image, load_image
from percov2_demo.sampling.settings import OWN, Sampling
from percov2_demo.sweeps import Outcome, plan
from percov2_demo.ui.controls.sampling import MAX_GUIDANCE_SCALE, MAX_SEED, MAX_STEPS
from percov2_demo.ui.events import MODEL_QUEUE
from percov2_demo.ui.jobs import gpu
from percov2_demo.ui.jobs.painting import paint
from percov2_demo.ui.jobs.refining import refine
from percov2_demo.ui.jobs.sweep_runner import check_size, check_steps, run_sweep
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.server.files import png_bytes, safe_stem, save_download


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec


def create_endpoints(pipeline: "Codec") -> None:
    """Add `/compress`, `/decompress`, `/info` and `/sweep` to the demo that is being built, and `/caption` where the
    model has a captioner; nothing of them shows on the page.
    """
    endpoints = Endpoints(pipeline)
    with gr.Group(visible=False):
        photo = gr.File(label="Photo")
        preset = gr.Radio(list(pipeline.presets), value=pipeline.presets[0], label="Preset")
        caption = gr.Textbox("", label="Caption")
        fit = gr.Radio(list(FITS), value=FITS[0], label="Fit")
        max_bytes = gr.Number(None, minimum=0, precision=0, label="Bytes to refine to, or none for the preset alone")
        stream = gr.File(label="Stream, a .pcv2 file")
        sampling = _create_sampling_inputs(pipeline)
        varied = _create_sweep_inputs(pipeline)
        painter = gr.Dropdown(list(pipeline.painters.names), value=OWN, label="Painter")
        hold = gr.Number(Sampling.hold, minimum=0, maximum=1, label="Hold to the bits")
        fast = gr.Checkbox(False, label="Fast: mostly less than half the time, for slightly different pictures")
        written = gr.File(label="Stream, a .pcv2 file")
        picture = gr.Image(label="Picture", format="png", type="filepath", buttons=[])
        rates = gr.JSON(label="Bytes and bpp of each part")
        fields = gr.JSON(label="Fields of the stream")
        rows = gr.JSON(label="Settings, bytes and metrics of each picture")
        table = gr.File(label="The same as CSV")
        pictures = gr.File(label="The pictures, a ZIP file")
        button = gr.Button()
    compress, decompress = friendly(endpoints.compress), friendly(endpoints.decompress)
    inputs = [photo, preset, caption, fit, max_bytes]
    button.click(compress, inputs, [written, rates], api_name="compress", **MODEL_QUEUE)
    asked = [stream, *sampling, fast, painter, hold]
    button.click(decompress, asked, [picture, fields], api_name="decompress", **MODEL_QUEUE)
    button.click(friendly(endpoints.info), stream, fields, api_name="info", **MODEL_QUEUE)
    sweep = friendly(endpoints.sweep)
    asked = [photo, *varied, caption, fast, painter]
    button.click(sweep, asked, [rows, table, pictures], api_name="sweep", **MODEL_QUEUE)
    if pipeline.has_captioner:
        button.click(friendly(endpoints.caption), photo, caption, api_name="caption", **MODEL_QUEUE)


def _create_sampling_inputs(pipeline: "Codec") -> list[Component]:
    return [
        gr.Number(pipeline.default_steps, minimum=1, maximum=MAX_STEPS, label="Steps"),
        gr.Number(pipeline.default_guidance, minimum=0, maximum=MAX_GUIDANCE_SCALE, label="Guidance scale"),
        gr.Number(None, minimum=0, maximum=1, label="Strength, or none for the model's default"),
        gr.Number(Sampling.seed, minimum=0, maximum=MAX_SEED, label="Seed"),
    ]


def _create_sweep_inputs(pipeline: "Codec") -> list[Component]:
    return [
        gr.CheckboxGroup(list(pipeline.presets), value=[pipeline.presets[0]], label="Presets"),
        gr.JSON([pipeline.default_guidance], label="Guidance scales, a list"),
        gr.JSON([pipeline.default_steps], label="Numbers of steps, a list"),
        gr.JSON([None], label="Strengths, a list; null is the model's default"),
        gr.JSON([Sampling.seed], label="Seeds, a list"),
    ]


class Endpoints:
    """What the endpoints do.

    Args:
        pipeline: The codec.
    """

    def __init__(self, pipeline: "Codec"):
        self._pipeline = pipeline

    def compress(
        self,
        photo: str | None,
        preset: str,
        caption: str | None = "",
        fit: str = "native",
        max_bytes: int | None = None,
    ) -> tuple[str, dict[str, dict[str, float | None]]]:
        """Turn a photo into a .pcv2 file.

        Args:
            photo: The photo's file.
            preset: Name of the bitrate preset.
            caption: Text that travels in the file and guides the painting; empty for none.
            fit: "native" keeps the aspect ratio, "crop" takes the middle, "squash" stretches to 512x512.
            max_bytes: Size that the file comes closest to from below, with the preset that suits it, refined; empty
                for the named preset alone.

        Returns:
            The .pcv2 file, and the bytes and bpp of each part.
        """
        photo = _sent(photo, "photo")
        options = {"caption": (caption or "").strip(), "fit": fit}
        picture = load_image(photo)
        if max_bytes is None:
            seconds = gpu.reserved_seconds()
            stream = gpu.call(self._pipeline, seconds, "compress", picture, preset=preset, **options)
        else:
            stream = refine(self._pipeline, picture, max_bytes, **options)
        path = save_download(stream.to_bytes(), f"{safe_stem(photo)}-{stream.preset}.pcv2")
        return path, RateReport.from_bitstream(stream, Path(photo).stat().st_size).to_dict()

    def decompress(
        self,
        stream: str | None,
        steps: int | None = None,
        guidance_scale: float | None = None,
        strength: float | None = None,
        seed: int | None = Sampling.seed,
        fast: bool = False,
        painter: str = OWN,
        hold: float | None = Sampling.hold,
    ) -> Iterator[Any]:
        """Paint the picture that a .pcv2 file describes.

        Args:
            stream: The .pcv2 file.
            steps: Steps of the sampler; empty for the painter's default.
            guidance_scale: How strongly the caption steers; 0 ignores it; empty for the painter's default.
            strength: How much is painted anew, from 0, where steps, guidance and seed change nothing, to 1; empty for
                the painter's default.
            seed: Seed of the noise; the same seed gives the same picture.
            fast: Mostly less than half the time, for a slightly different picture, with the model's own painter.
            painter: Who paints, "own" or one of the public models that are offered here.
            hold: How far the coarse layout is drawn back to the file's, from 0 to 1.

        Returns:
            The picture, a PNG file, and the fields of the stream.
        """
        stream = _sent(stream, ".pcv2 file")
        fields = self._pipeline.read(stream)
        usual_steps, usual_guidance = self._usual(painter)
        settings = Sampling(
            steps=usual_steps if steps is None else _whole(steps, "steps"),
            guidance=usual_guidance if guidance_scale is None else guidance_scale,
            strength=strength,
            seed=Sampling.seed if seed is None else _whole(seed, "seed"),
            hold=hold or 0.0,
            painter=painter,
        )
        # A generator, so that the sampler stops for a program that cancels or leaves.
        painted = yield from paint(self._pipeline, fields, settings, fast=bool(fast))
        yield save_download(png_bytes(painted.picture), f"{safe_stem(stream)}.png"), fields.to_dict()

    def info(self, stream: str | None) -> dict[str, Any]:
        """Tell what a .pcv2 file says, without painting it.

        Args:
            stream: The .pcv2 file.

        Returns:
            The fields of the stream, the bytes and bpp of each part, and the codebook indices row by row.
        """
        fields = self._read(stream)
        return fields.to_dict() | RateReport.from_bitstream(fields).to_dict() | {"indices": fields.indices.tolist()}

    def sweep(
        self,
        photo: str | None,
        presets: list[str],
        guidance_scales: list[float],
        steps: list[int],
        strengths: list[float | None],
        seeds: list[int],
        caption: str = "",
        fast: bool = False,
        painter: str = OWN,
    ) -> Iterator[tuple[list[dict[str, Any]], str | None, str | None]]:
        """Paint one photo under every combination of settings, at most 60 pictures and 1,200 steps.

        Args:
            photo: The photo's file.
            presets: Names of bitrate presets.
            guidance_scales: How strongly the caption steers; 0 ignores it.
            steps: Numbers of steps of the sampler.
            strengths: How much is painted anew, from 0 to 1; null for the model's default.
            seeds: Seeds of the noise.
            caption: Text that travels in the file and guides the painting; empty for none.
            fast: Mostly less than half the time, for slightly different pictures.
            painter: Who paints, "own" or one of the public models that are offered here.

        Returns:
            Settings, bytes and metrics of each picture; the same as a CSV file; and the pictures, PNG files in a ZIP
            file by the names in the rows. Rows come as pictures are finished, the files at the end.
        """
        settings = (
            _numbers(strengths, "strengths", float, 1, optional=True),
            _numbers(steps, "steps", int, MAX_STEPS, lowest=1),
            _numbers(guidance_scales, "guidance_scales", float, MAX_GUIDANCE_SCALE),
            _numbers(seeds, "seeds", int, MAX_SEED),
        )
        check_size(math.prod(map(len, (presets, *settings))))
        samplings = [
            Sampling(count, guidance, strength, seed, painter=painter)
            for strength, count, guidance, seed in product(*settings)
        ]
        trials = plan(presets, [caption.strip()], samplings, self._pipeline.painters.advise, fast)
        check_steps(trials)
        photo = _sent(photo, "photo")
        original = fit_image(load_image(photo), max_side=self._pipeline.max_side)
        rows: list[dict[str, Any]] = []
        archive = io.BytesIO()
        # PNG files do not get smaller by being packed.
        with zipfile.ZipFile(archive, "w") as pack:
            for event in run_sweep(self._pipeline, original, trials):
                if not isinstance(event, Outcome):
                    continue
                name = f"{len(rows) + 1:02}.png"
                pack.writestr(name, png_bytes(event.picture))
                rows.append({"picture": name} | event.to_row())
                yield rows, None, None
        stem = safe_stem(photo)
        table = save_download(csv_bytes(rows), f"{stem}-sweep.csv")
        yield rows, table, save_download(archive.getvalue(), f"{stem}-sweep.zip")

    def caption(self, photo: str | None) -> str:
        """Describe a photo in a few words, as they may travel in a .pcv2 file.

        Args:
            photo: The photo's file.

        Returns:
            The caption.
        """
        return gpu.call(self._pipeline, gpu.reserved_seconds(), "caption", load_image(_sent(photo, "photo")))

    def _usual(self, painter: str) -> tuple[int, float]:
        """Return a painter's usual steps and guidance scale; the codec's own for one that is not loaded."""
        advice = self._pipeline.painters.advise(painter, self._pipeline.presets[0])
        guidance = self._pipeline.default_guidance
        if advice is None:
            return self._pipeline.default_steps, guidance
        return advice.steps, guidance if advice.guidance is None else advice.guidance

    def _read(self, stream: str | None) -> Bitstream:
        return self._pipeline.read(_sent(stream, ".pcv2 file"))


def _whole(value: float, name: str) -> int:
    """A number that a program sent, as a whole number.

    Raises:
        InputError: It is none.
    """
    if not float(value).is_integer():
        raise InputError(f"{name} must be a whole number, not {value:g}")
    return int(value)


def _numbers(
    values: Any, name: str, kind: type[int] | type[float], highest: float, lowest: float = 0, optional: bool = False
) -> list[Any]:
    """A list of numbers that a program sent.

    Raises:
        gr.Error: It is none, or a number is out of range.
    """
    accepted = (int, float) if kind is float else (int,)
    for value in values if isinstance(values, list) and values else [""]:
        if optional and value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, accepted) or not lowest <= value <= highest:
            what = "whole numbers" if kind is int else "numbers"
            message = f"Send {name} as a list of {what} from {lowest:g} to {highest:.10g}."
            raise gr.Error(message, print_exception=False)
    return [None if value is None else kind(value) for value in values]


def _sent(path: str | None, what: str) -> str:
    if path is None:
        raise gr.Error(f"Send a {what}.", print_exception=False)
    return path
