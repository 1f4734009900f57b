"""Curves of stages, read and drawn."""

import pytest

from percov2_demo.errors import InputError
from percov2_demo.training.measures.curves import draw_curves, read_curve


CURVE = "step,seconds,learning_rate,loss,psnr\n10,30,0.001,2.5,20\n20,90,0.001,1.5,22\n"
SHORT_CURVE = "step,seconds,learning_rate,loss\n10,30,0.001,2.5\n20,90,0.001,1.5\n"


def test_curves_are_drawn_over_minutes(tmp_path):
    paths = {stage: tmp_path / f"{stage}-curve.csv" for stage in ("autoencoder", "flow", "absent")}
    paths["autoencoder"].write_text(CURVE)
    paths["flow"].write_text(SHORT_CURVE)
    assert read_curve(paths["autoencoder"])["psnr"] == [20, 22]
    figure = draw_curves(paths)
    assert [tuple(trace.x) for trace in figure.data] == [(0.5, 1.5)] * 3
    assert [tuple(trace.y) for trace in figure.data] == [(2.5, 1.5), (20, 22), (2.5, 1.5)]
    titles = [note.text for note in figure.layout.annotations]
    assert titles == ["autoencoder: loss", "autoencoder: psnr", "flow: loss"]


def test_no_curve_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="train a stage first"):
        draw_curves({"flow": tmp_path / "curve.csv"})
