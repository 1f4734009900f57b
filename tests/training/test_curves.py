"""Curves of stages, read and drawn."""

import pytest

from percov2_demo.training.curves import draw_curves, read_curve


CURVE = "step,seconds,learning_rate,loss,psnr\n10,30,0.001,2.5,20\n20,90,0.001,1.5,22\n"
SHORT_CURVE = "step,seconds,learning_rate,loss\n10,30,0.001,2.5\n20,90,0.001,1.5\n"


def test_curves_are_drawn_over_minutes(tmp_path):
    for stage in ("autoencoder", "flow", "empty"):
        (tmp_path / stage).mkdir()
    (tmp_path / "autoencoder" / "curve.csv").write_text(CURVE)
    (tmp_path / "flow" / "curve.csv").write_text(
        CURVE.replace(",psnr", "").replace(",20\n", "\n").replace(",22\n", "\n")
    )
    assert read_curve(tmp_path / "autoencoder" / "curve.csv")["psnr"] == [20, 22]
    figure = draw_curves([tmp_path / stage for stage in ("autoencoder", "flow", "empty", "absent")])
    assert [tuple(trace.x) for trace in figure.data] == [(0.5, 1.5)] * 3
    assert [tuple(trace.y) for trace in figure.data] == [(2.5, 1.5), (20, 22), (2.5, 1.5)]
    titles = [note.text for note in figure.layout.annotations]
    assert titles == ["autoencoder: loss", "autoencoder: psnr", "flow: loss"]


def test_no_curve_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="train a stage first"):
        draw_curves([tmp_path])
