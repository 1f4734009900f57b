"""Sweeps: many pictures of one photo, one result after another.

A photo is encoded once for each preset, its caption coded once for each text, and a stream decoded as far as all its
pictures share; off the CPU, neighbours that differ in nothing but guidance and seed are painted in one batch.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import groupby, product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from percov2_demo.bitstream import Bitstream
from percov2_demo.bitstream.rates import RateReport
from percov2_demo.images import fit_image
from percov2_demo.painters.known import Advice, usual_sigma
from percov2_demo.sampling.settings import Sampling


if TYPE_CHECKING:
    from percov2_demo.painters.canvas import Canvas
    from percov2_demo.pipelines.codec import Codec

MAX_BATCH = 4
"""Pictures painted at once: more would keep the viewer waiting for the first. A CPU paints several in the time that
they take one after another, so there a batch is one."""


@dataclass(frozen=True)
class Trial:
    """One picture to paint.

    Args:
        preset: Name of the bitrate preset.
        caption: Text that is sent along; empty for none.
        sampling: The decoder's settings; its strength is a number.
        fast: Whether it is painted in the fast mode, see `sampler`.
    """

    preset: str
    caption: str
    sampling: Sampling
    fast: bool = False

    @property
    def steps(self) -> int:
        """Steps that are really taken: strength 0 is the hyper-decoder's estimate, without any."""
        return 0 if self.sampling.strength == 0 else self.sampling.steps

    @property
    def any_seed(self) -> "Trial":
        """The trial with seed 0: what samples of one setting have in common."""
        return replace(self, sampling=replace(self.sampling, seed=0))

    @property
    def _batch(self) -> "Trial":
        """What trials that are painted together have in common."""
        return replace(self, sampling=replace(self.sampling, guidance=0, seed=0))

    @property
    def _picture(self) -> "Trial":
        """The trial without what its picture does not depend on."""
        if self.sampling.strength == 0:
            return Trial(self.preset, "", Sampling(strength=0))
        if not self.caption:
            return replace(self, sampling=replace(self.sampling, guidance=0))
        return self


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Args:
        trial: The trial.
        stream: The file's content.
        picture: The painted picture.
        metrics: The pair's metrics by name, see `metrics.measure`; None where the picture is too small for one. Beside
            them "agreement", the share of the file's indices that come back from the picture.
        seconds: Time it took to paint; of a batch, a picture's share.
    """

    trial: Trial
    stream: Bitstream
    picture: Image.Image
    metrics: dict[str, float | None]
    seconds: float

    def to_row(self) -> dict[str, Any]:
        """Return settings, bytes and metrics, as a table's row."""
        return {
            "preset": self.trial.preset,
            "caption": self.trial.caption,
            **asdict(self.trial.sampling),
            "fast": self.trial.fast,
            **RateReport.from_bitstream(self.stream).to_row(),
            **self.metrics,
            "seconds": self.seconds,
        }


def plan(
    presets: Iterable[str],
    captions: Iterable[str],
    samplings: Iterable[Sampling],
    advise: Callable[[str, str], Advice | None],
    fast: bool = False,
) -> list[Trial]:
    """Combine all settings, each picture once.

    Without a caption, or with a painter that has none, guidance changes nothing; at strength 0 nothing does.

    Args:
        presets: Names of presets.
        captions: Texts; an empty one stands for no caption.
        samplings: Settings of the decoder.
        advise: What is known of a painter's usual settings for a preset, see `Painters.advise`: where a setting has no
            strength, it is the painter's.
        fast: Whether they are painted in the fast mode.
    """
    trials: dict[Trial, Trial] = {}
    for preset, caption, sampling in product(presets, captions, samplings):
        advice = advise(sampling.painter, preset)
        strength = sampling.strength
        if strength is None:
            strength = usual_sigma(advice)
        guidance = 1.0 if advice is not None and advice.guidance is None else sampling.guidance
        trial = Trial(preset, caption, replace(sampling, strength=strength, guidance=guidance), fast)
        trials.setdefault(trial._picture, trial)
    return list(trials.values())


def sweep(
    pipeline: "Codec",
    photo: Image.Image,
    trials: Iterable[Trial],
    on_step: Callable[[int], None] | None = None,
    interrupt: Callable[[], bool] | None = None,
) -> Iterator[Outcome]:
    """Paint one trial after another.

    Args:
        pipeline: The codec.
        photo: The RGB picture; it is fitted as "native" of `images.fit_image`.
        trials: What to paint.
        on_step: Told the number of each finished step of a picture, from 1.
        interrupt: Asked before each step; True stops the sweep.

    Raises:
        InputError: A setting is out of range.
        Interrupted: `interrupt` returned True within a picture.
    """
    from percov2_demo.metrics import Reference, to_tensor

    @cache
    def encode(preset: str) -> Bitstream:
        # Packed, because the stream is coded again for each caption.
        return pipeline.compress(photo, preset=preset, caption_coding="deflate")

    @cache
    def stream_of(preset: str, caption: str) -> Bitstream:
        return pipeline.recode(replace(encode(preset), caption=caption))

    @cache
    def canvas_of(preset: str, caption: str) -> "Canvas":
        return pipeline.canvas(stream_of(preset, caption))

    @cache
    def start_of(painter: str, preset: str, caption: str, strength: float) -> Any:
        return pipeline.painters.find(painter).start(canvas_of(preset, caption), strength)

    def report(_pipeline: object, step: int, _sigma: float, tensors: dict[str, Any]) -> dict[str, Any]:
        if on_step is not None:
            on_step(step + 1)
        return tensors

    photo = fit_image(photo, max_side=pipeline.max_side)
    reference = Reference(to_tensor(photo))
    for batch in group_trials(trials, 1 if pipeline.device.type == "cpu" else MAX_BATCH):
        stream = stream_of(batch[0].preset, batch[0].caption)
        begin = time.perf_counter()
        name, strength = batch[0].sampling.painter, batch[0].sampling.strength
        painter = pipeline.painters.find(name)
        start = start_of(name, batch[0].preset, batch[0].caption, strength)
        samplings = [trial.sampling for trial in batch]
        pictures = painter.paint(start, samplings, batch[0].fast and painter.card.fast, report, interrupt)
        seconds = (time.perf_counter() - begin) / len(batch)
        for trial, picture in zip(batch, pictures, strict=True):
            metrics = reference.measure(to_tensor(picture)) | {"agreement": pipeline.agreement(stream, picture)}
            yield Outcome(trial, stream, picture, metrics, seconds)


def difference(first: Image.Image, second: Image.Image) -> NDArray[np.float32]:
    """Measure how far two RGB pictures are apart, `(H, W)`: root mean square over the channels, 0 to 255."""
    return np.sqrt(np.square(_levels(first) - _levels(second)).mean(axis=-1))


def mean_and_deviation(pictures: Sequence[Image.Image]) -> tuple[Image.Image, NDArray[np.float32]]:
    """Return what samples of one stream share, and where they differ.

    Args:
        pictures: RGB pictures of one size.

    Returns:
        The mean picture, and the standard deviation `(H, W)` over the samples: root mean square over the channels,
        0 to 127.5.
    """
    samples = np.stack([_levels(picture) for picture in pictures])
    mean = Image.fromarray(np.rint(samples.mean(axis=0)).astype(np.uint8))
    return mean, np.sqrt(samples.var(axis=0).mean(axis=-1))


def group_trials(trials: Iterable[Trial], size: int) -> Iterator[list[Trial]]:
    """Group neighbours that differ in nothing but guidance and seed, at most `size` together."""
    for _, group in groupby(trials, key=lambda trial: trial._batch):
        members = list(group)
        yield from (members[start : start + size] for start in range(0, len(members), size))


def _levels(picture: Image.Image) -> NDArray[np.float32]:
    return np.asarray(picture, np.float32)
