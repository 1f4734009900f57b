"""Whole evaluations of a tiny model on drawn pictures."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from percov2_demo.evaluation.measure import Evaluator
from percov2_demo.evaluation.protocol import Protocol, list_pictures
from percov2_demo.evaluation.run import evaluate
from percov2_demo.metrics import deep_realism, psnr, set_realism, to_tensor
from percov2_demo.sampling.settings import Sampling
from tests.conftest import tiny_pipeline
from tests.scene import draw_scene


ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    for number, size in enumerate([(300, 300), (500, 260)]):
        draw_scene(*size).save(folder / f"{number}.png")
    lines = [json.dumps({"file": f"{number}.png", "caption": f"house {number}"}) for number in range(2)]
    (folder / "captions.jsonl").write_text("\n".join(lines))
    return folder


def protocol(**changes):
    fields = {
        "presets": ("ultra-low", "low"),
        "entropies": ("default", "qlds:3"),
        "samplings": (Sampling(steps=1), Sampling(steps=1, strength=0.0)),
        "fit": "crop",
        "captions": "captions.jsonl",
        "baselines": ("jpeg",),
        "learned": (),
        "dataset": "drawn",
    }
    return Protocol(**fields | changes)


def pictures(folder):
    return list_pictures(folder, folder / "captions.jsonl", "crop", 1280)


def read(path):
    with path.open() as file:
        return list(csv.DictReader(file))


RESULTS = (
    "images.csv",
    "summary.csv",
    "summary.json",
    "autoencoder.csv",
    "baselines/images.csv",
    "baselines/summary.csv",
)


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("finished")
    summary = evaluate(tiny_pipeline(), pictures(folder), protocol(), out)
    return out, summary


def test_rows_are_those_of_the_files(folder, finished):
    out, _ = finished
    rows = read(out / "images.csv")
    assert len(rows) == 2 * 2 * 2
    for row in rows:
        stream = out / "streams" / row["preset"] / f"{row['image']}-default.pcv2"
        assert stream.stat().st_size == int(row["file_bytes"])
    row = next(row for row in rows if row["strength"] == "0.0")
    decoded = out / "pictures" / f"{row['preset']}-steps1-guidance3.0-strength0.0-seed0" / f"{row['image']}.png"
    original = {picture.name: picture.load() for picture in pictures(folder)}[row["image"]]
    with Image.open(decoded) as picture:
        assert float(row["psnr"]) == pytest.approx(psnr(to_tensor(original), to_tensor(picture)), abs=1e-4)


def test_summary_is_a_curve_with_its_settings(finished):
    out, summary = finished
    assert json.loads((out / "summary.json").read_text()) == json.loads(json.dumps(summary))
    assert len(summary["points"]) == 2 * 2
    assert summary["results"]["bpp"] == [summary["points"][0]["file_bpp"], summary["points"][2]["file_bpp"]]
    assert summary["settings"]["model"] == tiny_pipeline().identity
    assert summary["settings"]["sizes"] == ["512x512"]
    assert summary["settings"]["default_strength"] == {"ultra-low": 0.5, "low": 1.0}
    assert summary["settings"]["captions"] == "captions.jsonl"


def test_realism_is_also_that_of_the_pictures_as_a_set(folder, finished):
    out, summary = finished
    point = summary["points"][0]
    preset, strength = point["preset"], point["strength"]
    paths = (out / "pictures" / f"{preset}-steps1-guidance3.0-strength{strength}-seed0").glob("*.png")
    assert point["set_realism"] == pytest.approx(set_realism(to_tensor(Image.open(path)) for path in paths), abs=0.005)
    originals = [to_tensor(picture.load()) for picture in pictures(folder)]
    assert summary["originals"]["set_realism"] == pytest.approx(set_realism(originals), abs=0.005)
    mean = sum(map(deep_realism, originals)) / len(originals)
    assert summary["originals"]["deep_realism"] == pytest.approx(mean, abs=0.005)


def test_a_strength_that_is_the_default_is_measured_once(tmp_path):
    samplings = (Sampling(1), Sampling(1, strength=0.5), Sampling(1, strength=0.0))
    evaluator = Evaluator(tiny_pipeline(), replace(protocol(), samplings=samplings), tmp_path)
    assert evaluator.samplings("ultra-low") == samplings[1:]
    assert evaluator.samplings("low") == (Sampling(1, strength=1.0), *samplings[1:])


def test_autoencoder_alone_is_measured_as_the_ceiling(folder, finished):
    out, summary = finished
    pipeline, picture = tiny_pipeline(), pictures(folder)[1]
    decoded = pipeline.decode_latents(pipeline.encode_latents(picture.load()))[0]
    rows = {row["image"]: float(row["psnr"]) for row in read(out / "autoencoder.csv")}
    assert rows[picture.name] == pytest.approx(psnr(to_tensor(picture.load()), to_tensor(decoded)), abs=1e-4)
    assert summary["autoencoder"]["psnr"] == pytest.approx(sum(rows.values()) / len(rows), abs=0.005)


def test_baselines_are_real_files_compared_at_our_bytes(finished):
    out, _ = finished
    ours = {(row["image"], row["preset"]): row for row in reversed(read(out / "images.csv"))}
    rows = read(out / "baselines" / "images.csv")
    assert len(rows) == 2 * 2
    for row in rows:
        path = out / "streams" / row["preset"] / f"{row['image']}.jpg"
        assert path.stat().st_size == int(row["file_bytes"])
        assert row["target_bytes"] == ours[row["image"], row["preset"]]["file_bytes"]
        assert (row["fits"] == "True") == (int(row["file_bytes"]) <= int(row["target_bytes"]))
    curve = json.loads((out / "baselines" / "jpeg.json").read_text())
    assert (curve["name"], len(curve["results"]["bpp"])) == ("JPEG", 2)


def test_codings_are_compared_at_each_preset(finished):
    out, _ = finished
    points = read(out / "codings.csv")
    assert [(p["preset"], p["entropy"]) for p in points] == [
        (preset, entropy) for preset in ("ultra-low", "low") for entropy in ("default", "qlds:3")
    ]
    for point in points:
        assert float(point["spatial_bytes"]) <= 1.5 + 1.005 * float(point["index_bits"]) / 8


def test_report_needs_no_network_and_holds_charts_tables_and_pictures(finished):
    out, _ = finished
    report = (out / "report.html").read_text("utf-8")
    assert report.count("Plotly.newPlot(") >= 5
    assert "JPEG" in report
    assert "data:image/png;base64," in report
    assert 'src="http' not in report
    with Image.open(out / "contact-sheet.png") as sheet:
        assert sheet.size == (4 * 256, 24 + 2 * 256)


@pytest.mark.slow
def test_an_evaluation_that_was_stopped_goes_on_and_ends_in_the_same_files(folder, finished, tmp_path, monkeypatch):
    pipeline = tiny_pipeline()
    decompress, calls = pipeline.decompress, []

    def counted(*arguments, **options):
        if len(calls) == 5:
            calls.append("stopped")
            raise KeyboardInterrupt
        calls.append("decoded")
        return decompress(*arguments, **options)

    monkeypatch.setattr(pipeline, "decompress", counted)
    with pytest.raises(KeyboardInterrupt):
        evaluate(pipeline, pictures(folder), protocol(), tmp_path)
    assert not (tmp_path / "images.csv").exists()
    evaluate(pipeline, pictures(folder), protocol(), tmp_path)
    # Two presets of two samplings were whole; the fifth picture of 8 is decoded again.
    assert calls.count("decoded") == 5 + 8 - 4
    for name in RESULTS:
        assert (tmp_path / name).read_bytes() == (finished[0] / name).read_bytes(), name
    assert not (tmp_path / "unfinished").exists()


@pytest.mark.slow
def test_parts_of_other_settings_are_not_taken_over(folder, tmp_path, monkeypatch):
    pipeline = tiny_pipeline()
    compress = pipeline.compress
    seen = []

    def failing(image, preset, caption, **options):
        seen.append(preset)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return compress(image, preset, caption, **options)

    monkeypatch.setattr(pipeline, "compress", failing)
    one = protocol(presets=("ultra-low", "low"), baselines=(), samplings=(Sampling(steps=1),))
    with pytest.raises(KeyboardInterrupt):
        evaluate(pipeline, pictures(folder)[:1], one, tmp_path)
    other = protocol(presets=("ultra-low", "low"), baselines=(), samplings=(Sampling(steps=1, seed=1),))
    evaluate(pipeline, pictures(folder)[:1], other, tmp_path)
    assert seen == ["ultra-low", "low", "ultra-low", "low"]
    assert [row["seed"] for row in read(tmp_path / "images.csv")] == ["1"] * 2


@pytest.mark.slow
@pytest.mark.server
def test_two_processes_give_the_files_of_one(folder, finished, tmp_path):
    tiny_pipeline().save_pretrained(tmp_path / "model")
    command = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    command += ["-m", "percov2_demo", "evaluate", str(folder), "--captions", str(folder / "captions.jsonl")]
    command += ["--model", str(tmp_path / "model"), "--out", str(tmp_path / "out"), "--dataset", "drawn"]
    command += ["--steps", "1", "--strength", "0", "0.5", "--baselines", "jpeg", "--presets", "ultra-low", "low"]
    completed = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=240)
    assert completed.returncode == 0, completed.stderr
    assert len(json.loads(completed.stdout)["points"]) == 4
    alone = protocol(
        entropies=("default",), samplings=(Sampling(steps=1, strength=0.0), Sampling(steps=1, strength=0.5))
    )
    evaluate(tiny_pipeline(), pictures(folder), alone, tmp_path / "alone")
    for name in RESULTS:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes(), name
