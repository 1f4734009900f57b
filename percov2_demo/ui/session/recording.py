"""Make a run of a picture that a tab painted of a photo."""

from percov2_demo.bitstream.rates import RateReport
from percov2_demo.sweeps import Outcome
from percov2_demo.ui.server.files import png_bytes, save_download, save_thumbnail
from percov2_demo.ui.session.photo import FittedPhoto
from percov2_demo.ui.session.run import DEFAULT_ENTROPY, CaptionSource, Origin, Run


def record(
    outcome: Outcome,
    photo: FittedPhoto,
    number: int,
    job: int,
    source: CaptionSource = "custom",
    origin: Origin | None = None,
    note: str = "",
) -> Run:
    """Save a picture for its visitor and make the run of it.

    Args:
        outcome: The picture, and how it came about.
        photo: What was coded.
        number: The run's number in the session.
        job: Number of the first run of its job.
        source: Who wrote the caption, where there is one.
        origin: What the stream was made from; None for the photo with the usual coding.
        note: What became of the file on its way, in words; empty where all of it arrived.
    """
    trial, stream = outcome.trial, outcome.stream
    return Run(
        number=number,
        job=job,
        name=photo.stem,
        preset=stream.preset,
        caption=stream.caption,
        caption_source=source if stream.caption else "none",
        sampling=trial.sampling,
        stream=stream.to_bytes(),
        fields=stream.to_dict(),
        rates=RateReport.from_bitstream(stream, photo.original_bytes),
        metrics=outcome.metrics,
        picture=save_download(png_bytes(outcome.picture), f"{photo.stem}-{stream.preset}.png"),
        original=photo.path,
        thumbnail=save_thumbnail(outcome.picture),
        seconds=outcome.seconds,
        origin=origin or Origin(photo.received, photo.fit, DEFAULT_ENTROPY, withheld=0),
        fast=trial.fast,
        note=note,
    )
