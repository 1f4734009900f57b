"""The command line, run as commands."""

import dataclasses
import io
import json
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from percov2_demo.__main__ import BUG, FAILURE, build_parser, main
from percov2_demo.bench import Ranges
from percov2_demo.commands import info
from percov2_demo.images import fit_image, load_image
from tests.conftest import tiny_pipeline
from tests.painters.tiny import save_tiny
from tests.perco import write_checkpoint
from tests.scene import draw_scene


ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a tiny model, a photo and its stream."""
    folder = tmp_path_factory.mktemp("cli")
    pipeline = tiny_pipeline()
    pipeline.save_pretrained(folder / "model")
    shutil.copytree(folder / "model", folder / "damaged")
    pipeline.register_modules(captioner=None)
    pipeline.save_pretrained(folder / "mute")
    (folder / "damaged" / "text_encoder" / "model.safetensors").write_bytes(b"not weights")
    draw_scene(600, 400).save(folder / "photo.png")
    photo, stream, model = (str(folder / name) for name in ("photo.png", "photo.pcv2", "model"))
    arguments = ["--caption", "a red house", "--entropy", "quincunx", "--model", model]
    with redirect_stdout(io.StringIO()) as printed:
        assert main(["compress", photo, "-o", stream, *arguments]) == 0
    (folder / "compress.json").write_text(printed.getvalue())
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """One command in a process of its own, as a user runs it."""
    return subprocess.run(
        [sys.executable, "-m", "percov2_demo", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_compress_prints_its_accounting(folder):
    result = json.loads((folder / "compress.json").read_text())
    keys = {"width", "height", "preset", "grid", "codebook_size", "entropy", "caption", "bytes", "bpp", "seconds"}
    assert keys <= set(result)
    assert result["original"]["bytes"] == (folder / "photo.png").stat().st_size
    assert set(result["bytes"]) == {"spatial", "caption", "container", "total"}
    assert set(result["bpp"]) == {"spatial", "caption", "payload", "file"}
    assert result["bytes"]["total"] == (folder / "photo.pcv2").stat().st_size
    assert result["caption"] == "a red house"
    assert result["bpp"]["file"] == pytest.approx(8 * result["bytes"]["total"] / result["width"] / result["height"])


@pytest.mark.server
def test_decompress_writes_the_picture(folder):
    arguments = ["--steps", "2", "--guidance", "2", "--strength", "0.7", "--seed", "3", "--fast", "--model", "model"]
    completed = run(folder, "decompress", "photo.pcv2", "-o", "back.png", *arguments)
    assert completed.returncode == 0, completed.stderr
    assert completed.stderr == ""
    result = json.loads(completed.stdout)
    assert (result["steps"], result["guidance"], result["strength"], result["seed"]) == (2, 2.0, 0.7, 3)
    assert result["fast"]
    assert (result["painter"], result["hold"]) == ("own", 0)
    assert 0 <= result["agreement"] <= 1
    assert set(result["seconds"]) == {"load", "read", "decompress"}
    stream = tiny_pipeline().read(folder / "photo.pcv2")
    expected = tiny_pipeline().decompress(stream, 2, 2.0, 0.7, seed=3, fast=True)
    with Image.open(folder / "back.png") as image:
        assert image.format == "PNG"
        assert np.abs(np.asarray(image, int) - np.asarray(expected, int)).max() <= 1


def test_a_public_model_paints_the_file(folder, tmp_path, capsys):
    painter = str(save_tiny("sd", tmp_path))
    model, out = str(folder / "model"), str(tmp_path / "back.png")
    arguments = ["decompress", str(folder / "photo.pcv2"), "-o", out, "--model", model, "--painter", painter]
    assert main([*arguments, "--steps", "1", "--strength", "auto", "--agreement", "0", "--hold", "0.5"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["painter"], result["steps"], result["hold"]) == ("sd", 1, 0.5)
    assert result["strength"] == 1 - 1 / 32
    assert set(result["seconds"]) == {"load", "read", "painter", "decompress"}
    assert main([*arguments[:-1], str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: there is no painter in ")


def test_known_painters_are_listed(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert main(["painters"]) == 0
    table = capsys.readouterr().out
    assert table.startswith("MODEL")
    assert "Tongyi-MAI/Z-Image-Turbo" in table
    assert main(["painters", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["painters"]
    assert {painter["downloaded"] for painter in listed} == {False}


def test_a_published_perco_checkpoint_is_converted_and_used(tmp_path, capsys):
    draw_scene(300, 200).save(tmp_path / "photo.png")
    checkpoint, model = str(write_checkpoint(tmp_path / "checkpoint")), str(tmp_path / "model")
    assert main(["convert-perco", checkpoint, "-o", model]) == 0
    converted = json.loads(capsys.readouterr().out)
    assert converted["presets"] == ["ultra-low"]
    stream, picture = str(tmp_path / "photo.pcv2"), str(tmp_path / "back.png")
    assert main(["compress", str(tmp_path / "photo.png"), "-o", stream, "--model", model]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == converted["identity"][:2]
    assert main(["decompress", stream, "-o", picture, "--model", model]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 20
    assert main(["decompress", stream, "-o", picture, "--model", model, "--fast"]) == 2
    assert capsys.readouterr().err.endswith("this model has no fast mode: paint without it\n")
    assert main(["bench", "--model", model]) == 2
    assert capsys.readouterr().err.endswith("name a PerCoV2 model\n")
    assert main(["info", "--model", model]) == 0
    assert json.loads(capsys.readouterr().out)["identity"] == converted["identity"]
    assert main(["convert-perco", checkpoint, "-o", model]) == 2
    assert capsys.readouterr().err.endswith("exists already: name a new folder\n")


def test_info_of_an_entropy_coded_stream_names_its_coding(folder, capsys):
    assert main(["info", str(folder / "photo.pcv2"), "--model", str(folder / "model")]) == 0
    fields = json.loads(capsys.readouterr().out)
    stream = tiny_pipeline().read(folder / "photo.pcv2")
    assert fields["indices"] == stream.indices.tolist()
    assert (fields["preset"], fields["caption"], fields["version"]) == ("ultra-low", "a red house", 2)
    assert (fields["entropy"], fields["caption_coding"]) == ("quincunx", stream.caption_coding)
    assert fields["model"] == f"{stream.model:02x}"


@pytest.mark.server
def test_info_of_a_packed_stream_needs_no_model_and_no_time(folder):
    pipeline = tiny_pipeline()
    stream = pipeline.recode(pipeline.read(folder / "photo.pcv2"), "zlib")
    (folder / "packed.pcv2").write_bytes(stream.to_bytes())
    code = (
        "import sys; from percov2_demo.__main__ import BUG, FAILURE, main; main(['info', 'packed.pcv2']);"
        "assert 'torch' not in sys.modules"
    )
    environment = {"PYTHONPATH": str(ROOT)}
    completed = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    fields = json.loads(completed.stdout)
    assert fields["indices"] == stream.indices.tolist()
    assert (fields["caption"], fields["version"], fields["entropy"]) == ("a red house", 1, "uniform")


@pytest.mark.parametrize("entropy", ["checkerboard", "qlds"])
def test_codings_of_the_indices_are_chosen_by_name(folder, entropy, capsys):
    model, out = str(folder / "model"), str(folder / f"{entropy}.pcv2")
    arguments = ["--preset", "low", "--entropy", entropy, "--model", model]
    arguments += ["--steps-entropy", "3"] if entropy == "qlds" else []
    assert main(["compress", str(folder / "photo.png"), "-o", out, *arguments]) == 0
    fields = json.loads(capsys.readouterr().out)
    assert (fields["entropy"], fields["entropy_steps"]) == (entropy, 3 if entropy == "qlds" else None)
    assert main(["info", out, "--model", model]) == 0
    assert json.loads(capsys.readouterr().out)["entropy"] == entropy


def test_withheld_groups_make_a_smaller_file_that_says_so(folder, capsys):
    model, out = str(folder / "model"), str(folder / "withheld.pcv2")
    arguments = ["--send-groups", "2", "--fill-seed", "7", "--fill-temperature", "0.5", "--model", model]
    assert main(["compress", str(folder / "photo.png"), "-o", out, *arguments]) == 0
    fields = json.loads(capsys.readouterr().out)
    assert fields["withheld"] == {"sent": 2, "seed": 7, "temperature": 0.5}
    assert fields["bytes"]["spatial"] < 30
    assert main(["decompress", out, "-o", str(folder / "withheld.png"), "--steps", "1", "--model", model]) == 0


def test_lost_indices_are_concealed(folder, capsys):
    model, pictures = str(folder / "model"), []
    for options in ([], ["--lose", "0.5", "--lose-seed", "1"], ["--lose", "0.5", "--lose-seed", "1"]):
        out = str(folder / "lost.png")
        arguments = ["--steps", "1", "--strength", "0", "--model", model]
        assert main(["decompress", str(folder / "photo.pcv2"), "-o", out, *arguments, *options]) == 0
        with Image.open(out) as picture:
            pictures.append(np.asarray(picture))
    capsys.readouterr()
    assert np.array_equal(pictures[1], pictures[2])
    assert not np.array_equal(pictures[0], pictures[1])


def test_captions_are_lines(folder, capsys):
    draw_scene(200, 300).save(folder / "other.png")
    photos = [str(folder / name) for name in ("photo.png", "other.png")]
    assert main(["caption", *photos, "--model", str(folder / "model")]) == 0
    pipeline = tiny_pipeline()
    assert capsys.readouterr().out.splitlines() == [pipeline.caption(photo) for photo in photos]


def test_auto_is_the_captioners_word_on_what_is_coded(folder, capsys):
    photo, out, model = (str(folder / name) for name in ("photo.png", "auto.pcv2", "model"))
    assert main(["compress", photo, "-o", out, "--caption", "auto", "--fit", "crop", "--model", model]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["caption"] == tiny_pipeline().caption(fit_image(load_image(folder / "photo.png"), "crop")) != ""
    assert set(result["seconds"]) == {"load", "caption", "compress"}


def test_json_survives_an_ascii_terminal(folder, capsys):
    pipeline = tiny_pipeline()
    packed = pipeline.recode(pipeline.read(folder / "photo.pcv2"), "deflate")
    foreign = dataclasses.replace(packed, caption="ein schönes Haus 🏠")
    (folder / "foreign.pcv2").write_bytes(foreign.to_bytes())
    assert main(["info", str(folder / "foreign.pcv2")]) == 0
    output = capsys.readouterr().out
    assert output.isascii()
    assert json.loads(output)["caption"] == foreign.caption


@pytest.mark.server
def test_info_and_help_do_not_import_torch():
    code = (
        "import sys; from percov2_demo.__main__ import BUG, FAILURE, main, build_parser; build_parser().format_help();"
        "assert 'torch' not in sys.modules and 'gradio' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["info", "missing.pcv2"],
        ["info", "photo.png"],
        ["decompress", "photo.png", "-o", "x.png"],
        ["decompress", "photo.pcv2", "-o", "no/such/folder/x.png"],
        ["decompress", "photo.pcv2", "-o", "x.png", "--steps", "0", "--model", "model"],
        ["decompress", "photo.pcv2", "-o", "x.png", "--device", "nonsense", "--model", "model"],
        ["decompress", "photo.pcv2", "-o", "x.png", "--device", "meta", "--model", "model"],
        ["decompress", "photo.pcv2", "-o", "x.png", "--seed", "9" * 30, "--model", "model"],
        ["decompress", "photo.pcv2", "-o", "x.png", "--model", "damaged"],
        ["decompress", "photo.pcv2", "-o", "x.png", "--model", "no-such-model"],
        ["compress", "photo.pcv2", "-o", "x.pcv2", "--model", "model"],
        ["compress", "photo.png", "-o", "x.pcv2", "--caption", "a" * 3000, "--model", "model"],
        ["compress", "photo.png", "-o", "x.pcv2", "--caption", "auto", "--model", "mute"],
        ["caption", "photo.png", "--model", "mute"],
        ["caption", "missing.png", "--model", "model"],
        ["caption"],
        ["compress", "photo.png", "-o", "x.pcv2", "--preset", "huge"],
        ["compress", "photo.png", "-o", "x.pcv2", "--send-groups", "300", "--model", "model"],
        ["compress", "photo.png", "-o", "x.pcv2", "--fill-temperature", "9", "--send-groups", "1", "--model", "model"],
        ["compress", "photo.png", "-o", "x.pcv2", "--steps-entropy", "0", "--model", "model"],
        ["compress", "photo.png", "-o", "x.pcv2", "--entropy", "qlds", "--caption-coding", "zlib", "--model", "model"],
        ["decompress", "photo.pcv2", "-o", "x.png", "--lose", "1.5", "--model", "model"],
        ["info", "photo.pcv2", "--model", "no-such-model"],
        ["evaluate", ".", "--out", "x", "--entropy", "qlds:0", "--model", "model"],
        ["evaluate", ".", "--out", "x", "--entropy", "var:3", "--model", "model"],
        ["evaluate", ".", "--out", "x", "--strength", "much", "--model", "model"],
        ["evaluate", ".", "--out", "x", "--baselines", "mpeg", "--model", "model"],
        ["evaluate", ".", "--out", "x", "--captions", "auto", "--model", "mute"],
        ["evaluate", "model", "--out", "x", "--model", "model"],
        ["compress", "photo.png"],
        [],
    ],
)
def test_failures_are_exit_code_2_and_one_line(folder, arguments, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    try:
        code = main(arguments)
    except SystemExit as exit:
        code = exit.code
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1


@pytest.mark.server
def test_a_failure_in_a_process_of_its_own_is_one_line_too(tmp_path):
    completed = run(tmp_path, "train", "flow", "--data", "nothing", "--work", "nothing")
    assert completed.returncode == 2
    assert completed.stdout == ""
    assert completed.stderr.startswith("error: there is no hyper/model yet: run the hyper stage first")
    assert completed.stderr.count("\n") == 1


def test_a_model_without_entropy_models_does_not_count_as_damaged(folder, tmp_path, capsys):
    bare = tmp_path / "bare"
    shutil.copytree(folder / "model", bare)
    shutil.rmtree(bare / "masked_model")
    assert main(["info", str(folder / "photo.pcv2"), "--model", str(bare)]) == FAILURE
    assert "this model has no entropy models: name the model that the file was made with" in capsys.readouterr().err


def test_bugs_have_an_exit_code_of_their_own_and_a_traceback_on_request(folder, monkeypatch, capsys):
    def fail(options):
        return {}["latents"]

    monkeypatch.setattr(info, "run", fail)
    stream = str(folder / "photo.pcv2")
    assert main(["info", stream]) == BUG
    said = capsys.readouterr().err
    assert said.startswith("error: something went wrong on our side (KeyError: 'latents')")
    assert said.count("\n") == 1
    assert main(["info", stream, "--traceback"]) == BUG
    assert "in fail" in capsys.readouterr().err


def test_the_traceback_of_a_failure_names_its_cause(folder, capsys):
    assert main(["info", str(folder / "missing.pcv2"), "--traceback"]) == FAILURE
    assert "Traceback" in capsys.readouterr().err


def test_variables_are_defaults_of_serve(monkeypatch):
    settings = {"model": "you/model", "device": "cuda", "memory": "32gb", "base": "you/base", "captioner": "blip2"}
    for name, value in settings.items():
        monkeypatch.setenv(f"PERCOV2_{name.upper()}", value)
    options = vars(build_parser().parse_args(["serve", "--memory", "max"]))
    assert {name: options[name] for name in settings} == settings | {"memory": "max"}
    options = vars(build_parser().parse_args(["serve"]))
    assert {name: options[name] for name in settings} == settings


@pytest.mark.parametrize("value", ["0", "-1", "soon", "nan", "inf"])
def test_a_kiosk_waits_some_time(capsys, value):
    with pytest.raises(SystemExit) as stopped:
        main(["serve", "--kiosk", value])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.endswith(f"{value} is no number of seconds above 0\n")


def test_evaluate_measures_real_files(folder, tmp_path, capsys):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    draw_scene(300, 300).save(pictures / "house.png")
    captions = tmp_path / "captions.jsonl"
    captions.write_text(json.dumps({"file": "house.png", "caption": "a house"}))
    out = tmp_path / "out"
    arguments = ["--out", str(out), "--captions", str(captions), "--steps", "1", "--baselines", "none"]
    assert main(["evaluate", str(pictures), *arguments, "--model", str(folder / "model")]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["settings"]["pictures"] == 1
    assert [point["preset"] for point in summary["points"]] == ["ultra-low", "low", "extreme-low"]
    rows = (out / "images.csv").read_text().splitlines()
    assert len(rows) == 1 + 3
    (stream,) = (out / "streams" / "ultra-low").glob("*-default.pcv2")
    assert summary["points"][0]["file_bytes"] == stream.stat().st_size
    assert json.loads((out / "summary.json").read_text()) == summary
    assert summary["settings"]["model"] == tiny_pipeline().identity
    with Image.open(out / "contact-sheet.png") as sheet:
        assert sheet.size == (4 * 256, 24 + 256)


def test_bench_measures_the_photo_it_is_given(folder, capsys, monkeypatch):
    def measure(pipeline, photo, repeats, variants):
        told = {"size": photo.size, "repeats": repeats, "variants": variants, "identity": pipeline.identity}
        return {"parts": {"encode": 0.1}} | told

    monkeypatch.setattr("percov2_demo.bench.bench", measure)
    photo, model = (str(folder / name) for name in ("photo.png", "model"))
    assert main(["bench", photo, "--repeats", "2", "--variants", "--json", "--model", model]) == 0
    result = json.loads(capsys.readouterr().out)
    assert list(result["parts"]) == ["imports and load", "encode"]
    with Image.open(folder / "photo.png") as photo:
        assert result["size"] == list(photo.size)
    assert (result["repeats"], result["variants"], result["identity"]) == (2, True, tiny_pipeline().identity)
    assert main(["bench", "--repeats", "0"]) == 2
    assert "at least 1" in capsys.readouterr().err


@pytest.mark.slow
def test_bench_measures_how_the_cost_grows(folder, capsys, monkeypatch):
    few = Ranges(sides=(64, 128), transformer=(64,), tile=64, batches=(1,), captions=(1,))
    monkeypatch.setattr("percov2_demo.bench.scaling.Ranges", lambda: few)
    arguments = ["--scale", "--repeats", "1", "--json", "--model", str(folder / "model")]
    assert main(["bench", *arguments]) == 0
    result = json.loads(capsys.readouterr().out)
    rows = ["sizes", "batches", "captions", "threads", "transformer"]
    assert list(result) == ["settings", *rows, "matrix_product"]
    assert all(row["cpu_seconds"] for name in rows for row in result[name])
    assert [row["side"] for row in result["sizes"]] == [64, 128]
