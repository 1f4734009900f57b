"""One picture: through real files and back at a preset, and through the classical codecs beside it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from torch import Tensor

from percov2_demo.bitstream import Bitstream, parse_coding
from percov2_demo.bitstream.rates import RateReport
from percov2_demo.evaluation.baselines import Ladder, available_codecs
from percov2_demo.evaluation.protocol import Picture, Protocol, distinct_samplings, sampling_columns
from percov2_demo.evaluation.tables import Row
from percov2_demo.files.atomic import atomic_path, write_bytes
from percov2_demo.metrics import METRICS, Reference, ms_ssim, psnr, to_tensor
from percov2_demo.presets import get_preset
from percov2_demo.sampling.settings import Sampling


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

LearnedMetric = Callable[[Tensor, Tensor, str], dict[str, float | None]]
"""Named figures of an original, its reconstruction and the caption."""

EQUAL_QUALITY: dict[str, Callable[[Reference, Tensor], float]] = {
    "psnr": lambda reference, picture: psnr(reference.original, picture),
    "ms_ssim": lambda reference, picture: ms_ssim(reference.original, picture),
    "deep_distance": Reference.deep_distance,
}
"""The metrics that a classical codec is asked to reach."""

DIGITS = 4
"""Decimal places of metrics in the tables of single pictures."""


@dataclass(frozen=True)
class Evaluator:
    """What it takes to measure pictures.

    Args:
        pipeline: The model.
        protocol: What is measured.
        out: Folder of the evaluation; its folders `streams` and `pictures` receive the files.
        learned: Metrics with weights of their own.
    """

    pipeline: "Codec"
    protocol: Protocol
    out: Path
    learned: tuple[LearnedMetric, ...] = ()

    def measure_preset(self, picture: Picture, preset: str) -> dict[str, list[Row]]:
        """Measure `rows` and `times` for each sampling with the first coding; `codings` for all, if several.

        Times are in seconds.
        """
        original = picture.load()
        start = time.perf_counter()
        coded = self.pipeline.compress(original, preset, picture.caption, fit="native", caption_coding="deflate")
        stream = self._write(picture, coded, self.protocol.entropies[0])
        seconds = {"encode": time.perf_counter() - start}

        reference = Reference(to_tensor(original))
        rows, times = [], []
        for sampling in self.samplings(preset):
            settings = sampling_columns(sampling)
            start = time.perf_counter()
            decoded = self.pipeline.decompress(
                stream,
                num_inference_steps=sampling.steps,
                guidance_scale=sampling.guidance,
                strength=sampling.strength,
                seed=sampling.seed,
                painter=sampling.painter,
                hold=sampling.hold,
            )
            seconds["decode"] = time.perf_counter() - start
            # Level 1 is several times as fast as the default and the files are a tenth larger.
            with atomic_path(self.picture_path(picture, preset, sampling)) as path:
                decoded.save(path, "PNG", compress_level=1)
            metrics = self.metrics(reference, decoded, picture.caption)
            seconds["measure"] = time.perf_counter() - start - seconds["decode"]
            point = {"image": picture.name, "preset": preset} | settings
            rows.append(point | _rates(stream) | metrics)
            times.append(point | {f"{name}_seconds": round(value, 3) for name, value in seconds.items()})
        several = len(self.protocol.entropies) > 1
        codings = [self._measure_coding(picture, coded, entropy) for entropy in self.protocol.entropies if several]
        return {"rows": rows, "codings": codings, "times": times}

    def measure_autoencoder(self, picture: Picture) -> dict[str, list[Row]]:
        """Measure what the autoencoder alone makes of a picture, without any coding: the upper limit of every preset.

        `original_realism` is the original's own.
        """
        original = picture.load()
        decoded = self.pipeline.decode_latents(self.pipeline.encode_latents(original))[0]
        reference = Reference(to_tensor(original))
        row = {"image": picture.name} | self.metrics(reference, decoded, picture.caption)
        realism = reference.realism
        return {"ceiling": [row | {"original_realism": None if realism is None else round(realism, DIGITS)}]}

    def _write(self, picture: Picture, stream: Bitstream, coding: str) -> Bitstream:
        """Write the stream in another coding to a file, and read it back."""
        folder = self.out / "streams" / stream.preset
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{picture.name}-{coding.replace(':', '')}.pcv2"
        entropy, steps = parse_coding(coding)
        write_bytes(path, self.pipeline.recode(stream, entropy=entropy, entropy_steps=steps).to_bytes())
        return self.pipeline.read(path)

    def _measure_coding(self, picture: Picture, packed: Bitstream, coding: str) -> Row:
        """Measure the cost of a coding of the indices; encoding includes the encoder's check of its own stream."""
        entropy, steps = parse_coding(coding)
        start = time.perf_counter()
        data = self.pipeline.recode(packed, entropy=entropy, entropy_steps=steps).to_bytes()
        end = time.perf_counter()
        stream = self.pipeline.read(data)
        seconds = {"encode": end - start, "decode": time.perf_counter() - end}
        return (
            {
                "image": picture.name,
                "preset": stream.preset,
                "entropy": coding,
                "index_bits": self._index_bits(stream),
            }
            | {"caption_words": len(picture.caption.split())}
            | _rates(stream)
            | {f"{name}_seconds": round(value, 3) for name, value in seconds.items()}
        )

    def compare(self, picture: Picture, codec: str, rows: list[Row]) -> dict[str, list[Row]]:
        """Measure a classical codec at each preset's size, and the bytes that it needs for each preset's quality.

        Where even the codec's smallest file is larger than ours, that file is measured and `fits` is false. Of each
        preset, the first of our rows is compared with.

        Args:
            picture: The picture.
            codec: Name of the codec.
            rows: Our rows of this picture.
        """
        original = picture.load()
        ladder = Ladder(original, available_codecs()[codec])
        reference = Reference(to_tensor(original))
        qualities = {
            name: lambda _, decoded, metric=metric: metric(reference, to_tensor(decoded))
            for name, metric in EQUAL_QUALITY.items()
        }
        compared = []
        for preset in self.protocol.presets:
            ours = next(row for row in rows if row["preset"] == preset)
            coded = ladder.at_most(ours["file_bytes"])
            write_bytes(self.coded_path(picture, preset, codec), coded.data)
            needed = {}
            for name, quality in qualities.items():
                reached = None
                if ours[name] is not None:
                    is_higher_better = METRICS[name].better == "higher"
                    reached = ladder.to_reach(quality, ours[name], is_higher_better)
                needed[f"bytes_for_{name}"] = len(reached.data) if reached else None
            sizes = {"target_bytes": ours["file_bytes"], "file_bytes": len(coded.data), "fits": coded.fits}
            sizes["file_bpp"] = round(8 * len(coded.data) / (original.width * original.height), 6)
            metrics = self.metrics(reference, coded.picture, picture.caption)
            compared.append({"image": picture.name, "preset": preset, "codec": codec} | sizes | metrics | needed)
        return {"compared": compared}

    def coded_path(self, picture: Picture, preset: str, codec: str) -> Path:
        """Return where a classical codec's file is written."""
        folder = self.out / "streams" / preset
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{picture.name}{available_codecs()[codec].suffix}"

    def picture_path(self, picture: Picture, preset: str, sampling: Sampling) -> Path:
        """Return where a reconstruction of one of `samplings` is written."""
        settings = "-".join(f"{name}{value}" for name, value in sampling_columns(sampling).items())
        folder = self.out / "pictures" / f"{preset}-{settings}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{picture.name}.png"

    def samplings(self, preset: str) -> tuple[Sampling, ...]:
        """Return the samplings with the painter's strength where none is given; what comes to the same, once."""
        default = self.pipeline.painters.find(self.protocol.samplings[0].painter).default_sigma(preset)
        resolved = (replace(s, strength=default) if s.strength is None else s for s in self.protocol.samplings)
        return distinct_samplings(resolved)

    def _index_bits(self, stream: Bitstream) -> float:
        """Return what the model says that the indices cost, in bits."""
        if not self.pipeline.has_entropy_models or stream.entropy == "uniform":
            return 8.0 * get_preset(stream.preset).index_bytes(stream.width, stream.height)
        return round(float(self.pipeline.information(stream).sum()), 2)

    def metrics(self, reference: Reference, decoded: Image.Image, caption: str) -> Row:
        picture = to_tensor(decoded)
        metrics = reference.measure(picture)
        for learned in self.learned:
            metrics |= learned(reference.original, picture, caption)
        return {name: None if value is None else round(value, DIGITS) for name, value in metrics.items()}


def _rates(stream: Bitstream) -> Row:
    rates = RateReport.from_bitstream(stream)
    return {
        "width": stream.width,
        "height": stream.height,
        "spatial_bytes": rates.spatial_bytes,
        "caption_bytes": rates.caption_bytes,
        "file_bytes": rates.file_bytes,
        "payload_bpp": round(rates.payload_bpp, 6),
        "file_bpp": round(rates.file_bpp, 6),
    }
