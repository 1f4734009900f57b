"""One picture: through real files and back at a preset, and through the classical codecs beside it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from torch import Tensor

from percov2_demo.baselines import Ladder, available_codecs
from percov2_demo.bitstream import Bitstream
from percov2_demo.evaluation.protocol import Picture, Protocol
from percov2_demo.metrics import measure, ms_ssim, psnr, to_tensor
from percov2_demo.rates import RateReport
from percov2_demo.sampling import Sampling


if TYPE_CHECKING:
    from percov2_demo.pipeline import PerCoV2Pipeline

Row = dict[str, Any]

LearnedMetric = Callable[[Tensor, Tensor, str], dict[str, float | None]]
"""Named figures of an original, its reconstruction and the caption."""

EQUAL_QUALITY = {"psnr": psnr, "ms_ssim": ms_ssim}
"""The metrics that a classical codec is asked to reach."""

DIGITS = 4
"""Decimal places of metrics in the tables of single pictures."""


@dataclass(frozen=True)
class Bench:
    """What it takes to measure pictures.

    Args:
        pipeline: The model.
        protocol: What is measured.
        out: Folder of the evaluation, with the folders `streams` and `pictures` for the files.
        learned: Metrics with weights of their own.
    """

    pipeline: "PerCoV2Pipeline"
    protocol: Protocol
    out: Path
    learned: tuple[LearnedMetric, ...] = ()

    def measure_preset(self, picture: Picture, preset: str) -> dict[str, list[Row]]:
        """A row of `rows` for each sampling and entropy coding, and a row of `times` for each sampling, in seconds."""
        original = picture.load()
        start = time.perf_counter()
        coded = self.pipeline.compress(original, preset, picture.caption, fit="native")
        streams: dict[str, Bitstream] = {}
        for entropy in self.protocol.entropies:
            path = self.out / "streams" / f"{picture.name}-{preset}-{entropy}.pcv2"
            recoded = coded if entropy == "default" else self.pipeline.recode(coded, entropy=entropy)
            path.write_bytes(recoded.to_bytes())
            streams[entropy] = self.pipeline.read(path)
        encoded = time.perf_counter()

        reference = to_tensor(original)
        rows, times = [], []
        for sampling in self.protocol.samplings:
            settings = self.settings(preset, sampling)
            start_decoding = time.perf_counter()
            decoded = self.pipeline.decompress(
                next(iter(streams.values())),
                num_inference_steps=sampling.steps,
                guidance_scale=sampling.guidance,
                strength=settings["strength"],
                seed=sampling.seed,
            )
            end_decoding = time.perf_counter()
            # Level 1 is several times as fast as the default and the files are a tenth larger.
            decoded.save(self.picture_path(picture, preset, sampling), compress_level=1)
            metrics = self._metrics(reference, decoded, picture.caption)
            rows += [
                {"image": picture.name, "preset": preset, "entropy": entropy, **settings} | _rates(stream) | metrics
                for entropy, stream in streams.items()
            ]
            seconds = {"encode": encoded - start, "decode": end_decoding - start_decoding}
            seconds["measure"] = time.perf_counter() - end_decoding
            times.append(
                {"image": picture.name, "preset": preset, **settings}
                | {f"{name}_seconds": round(value, 3) for name, value in seconds.items()}
            )
            start = encoded
        return {"rows": rows, "times": times}

    def compare(self, picture: Picture, codec: str, rows: list[Row]) -> dict[str, list[Row]]:
        """What a classical codec makes of a picture in the bytes of each preset, and what it needs for its quality.

        Where even the codec's smallest file is larger than ours, that file is measured and `fits` is false. Of each
        preset, the first of our rows is compared with.

        Args:
            picture: The picture.
            codec: Name of the codec.
            rows: Our rows of this picture.
        """
        original = picture.load()
        ladder = Ladder(original, available_codecs()[codec])
        reference = to_tensor(original)
        compared = []
        for preset in self.protocol.presets:
            ours = next(row for row in rows if row["preset"] == preset)
            coded = ladder.at_most(ours["file_bytes"])
            self.coded_path(picture, preset, codec).write_bytes(coded.data)
            needed = {}
            for name, metric in EQUAL_QUALITY.items():
                reached = None
                if ours[name] is not None:
                    reached = ladder.to_reach(lambda a, b, m=metric: m(to_tensor(a), to_tensor(b)), ours[name])
                needed[f"bytes_for_{name}"] = len(reached.data) if reached else None
            sizes = {"target_bytes": ours["file_bytes"], "file_bytes": len(coded.data), "fits": coded.fits}
            sizes["file_bpp"] = round(8 * len(coded.data) / (original.width * original.height), 6)
            metrics = self._metrics(reference, coded.picture, picture.caption)
            compared.append({"image": picture.name, "preset": preset, "codec": codec} | sizes | metrics | needed)
        return {"compared": compared}

    def coded_path(self, picture: Picture, preset: str, codec: str) -> Path:
        """Where a classical codec's file is written."""
        return self.out / "streams" / f"{picture.name}-{preset}.{codec}"

    def picture_path(self, picture: Picture, preset: str, sampling: Sampling) -> Path:
        """Where a reconstruction is written."""
        settings = "-".join(f"{name}{value:g}" for name, value in self.settings(preset, sampling).items())
        return self.out / "pictures" / f"{picture.name}-{preset}-{settings}.png"

    def settings(self, preset: str, sampling: Sampling) -> dict[str, float]:
        """A sampling as columns, with the model's strength where none is given."""
        strength = self.pipeline.default_strength(preset) if sampling.strength is None else sampling.strength
        return {"steps": sampling.steps, "guidance": sampling.guidance, "strength": strength, "seed": sampling.seed}

    def _metrics(self, reference: Tensor, decoded: Image.Image, caption: str) -> Row:
        picture = to_tensor(decoded)
        metrics = measure(reference, picture)
        for learned in self.learned:
            metrics |= learned(reference, picture, caption)
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
