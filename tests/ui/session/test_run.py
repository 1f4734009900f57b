"""A run as a value."""

import json
import math
from dataclasses import replace

import numpy as np
from gradio.utils import deep_hash

from percov2_demo.bitstream import Bitstream
from percov2_demo.bitstream.rates import RateReport
from percov2_demo.sampling.settings import Sampling
from percov2_demo.ui.links import read_stream_text
from percov2_demo.ui.session.run import Run, next_number


STREAM = Bitstream(width=512, height=512, preset="ultra-low", model=7, caption="é", indices=np.zeros((8, 8), np.int64))

RUN = Run(
    number=3,
    job=3,
    name="holiday",
    preset="ultra-low",
    caption="é",
    caption_source="custom",
    sampling=Sampling(seed=9),
    stream=STREAM.to_bytes(),
    fields=STREAM.to_dict(),
    rates=RateReport.from_bitstream(STREAM, 5000),
    metrics={"psnr": math.inf, "lpips": None, "ms_ssim": 0.5},
    picture="/tmp/secret/a.png",
    original="/tmp/secret/b.png",
    thumbnail="/tmp/secret/c.png",
    seconds=1.23456,
)


def test_json_holds_everything_but_paths():
    document = json.loads(RUN.to_json())
    assert document == RUN.to_dict()
    assert Bitstream.from_bytes(read_stream_text(document["stream"])) == STREAM
    sampling = {"steps": 4, "guidance": 3.0, "strength": None, "seed": 9, "hold": 0.0, "painter": "own"}
    assert document["sampling"] == sampling
    assert document["rates"]["bytes"]["total"] == len(RUN.stream)
    assert document["seconds"] == 1.235
    assert "secret" not in RUN.to_json().decode()


def test_numbers_that_json_cannot_hold_are_none():
    assert RUN.to_dict()["metrics"] == {"psnr": None, "lpips": None, "ms_ssim": 0.5}


def test_a_row_has_settings_bytes_and_metrics():
    row = RUN.to_row()
    assert (row["number"], row["caption"], row["seed"], row["file_bytes"]) == (3, "é", 9, len(RUN.stream))
    assert row["payload_bpp"] < row["file_bpp"]
    assert (row["name"], row["width"], row["height"], row["entropy"]) == ("holiday", 512, 512, STREAM.entropy)
    assert read_stream_text(row["stream"]) == RUN.stream
    assert (row["psnr"], row["lpips"], row["ms_ssim"], row["seconds"]) == (None, None, 0.5, 1.235)


def test_a_state_with_a_listener_can_hold_a_run():
    assert deep_hash(RUN) == deep_hash(RUN) != deep_hash(replace(RUN))


def test_runs_are_numbered():
    assert next_number(()) == 1
    assert next_number([replace(RUN, number=1), RUN]) == 4
