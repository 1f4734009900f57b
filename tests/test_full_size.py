"""The full-size path on tiny weights: a public base, widened, trained, exported as an adapter, served by the page."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from gradio_client import Client, handle_file
from PIL import Image

from percov2_demo import PerCoV2Pipeline
from percov2_demo.__main__ import main
from percov2_demo.ui.demo import build_demo, launch_options


@pytest.fixture(scope="module")
def trained_adapter(trained_folder, tmp_path_factory) -> Path:
    """What two processes trained, as the export stage writes it."""
    out = tmp_path_factory.mktemp("trained") / "adapter"
    folders = {"config": "config.json", "data": "data", "work": "two"}
    options = [word for name, path in folders.items() for word in (f"--{name}", str(trained_folder / path))]
    assert main(["train", "export", *options, "--out", str(out), "--precision", "no"]) == 0
    return out


@pytest.fixture(scope="module")
def server(trained_adapter, base_folder, blip2_folder):
    pipeline = PerCoV2Pipeline.from_pretrained(trained_adapter, base=base_folder, memory="24gb")
    pipeline.use_captioner(str(blip2_folder))
    pipeline.set_progress_bar_config(disable=True)
    demo = build_demo(pipeline)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield url
    demo.close()


@pytest.fixture
def photo(scene, tmp_path) -> Path:
    scene.save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_an_export_is_what_training_changed_and_says_where_it_comes_from(trained_adapter, trained_folder, base_folder):
    manifest = json.loads((trained_adapter / "manifest.json").read_text())
    assert manifest["base"] == {"model": base_folder.name, "revision": None}
    assert set(manifest["training"]) == {"joint", "entropy"}
    assert manifest["sources"] == {"train-01": 4, "train-00": 3}
    assert not any((trained_adapter / part).exists() for part in ("vae", "text_encoder_3", "model_index.json"))
    pipeline = PerCoV2Pipeline.from_pretrained(trained_adapter, base=base_folder)
    assert manifest["identity"] == pipeline.identity
    assert pipeline.default_entropy("ultra-low") == "quincunx"
    joint = trained_folder / "two" / "joint"
    for name, part in (("transformer", pipeline.transformer), ("hyper_codec", pipeline.hyper_codec)):
        trained = type(part).from_pretrained(joint / name).half().float()
        torch.testing.assert_close(part.state_dict(), trained.state_dict(), rtol=0, atol=0)


def test_the_page_serves_an_adapter_on_its_base(server, photo, trained_adapter, base_folder):
    client = Client(server, verbose=False)
    caption = client.predict(handle_file(photo), api_name="/caption")
    written, rates = client.predict(handle_file(photo), preset="low", caption="a red house", api_name="/compress")
    picture, fields = client.predict(handle_file(written), steps=2, api_name="/decompress")
    pipeline = PerCoV2Pipeline.from_pretrained(trained_adapter, base=base_folder)
    assert rates["bytes"]["total"] == Path(written).stat().st_size
    assert pipeline.read(written).caption == fields["caption"] == "a red house"
    assert fields["model"] == pipeline.identity[:2]
    assert isinstance(caption, str)
    with Image.open(picture) as image:
        assert image.size == (512, 512)
        assert np.asarray(image).std() > 0


def test_the_page_says_how_it_is_placed(server):
    config = json.dumps(Client(server, verbose=False).config)
    assert "24gb: 16-bit, T5 kept, offload by stage, tiled autoencoder" in config
    assert "Weights, estimated" in config


@pytest.fixture
def model(adapter_folder, base_folder) -> list[str]:
    return ["--model", str(adapter_folder), "--base", str(base_folder)]


def test_the_command_line_takes_an_adapter_and_a_memory_plan(model, photo, capsys):
    out, back = str(photo.with_suffix(".pcv2")), str(photo.with_name("back.png"))
    assert main(["compress", str(photo), "-o", out, "--caption", "a red house", "--memory", "8gb", *model]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["caption"] == "a red house"
    assert captured.err.splitlines()[0].startswith("note: on the CPU there is no other device to offload to")
    assert main(["decompress", out, "-o", back, "--steps", "1", "--memory", "24gb", *model]) == 0
    assert main(["info", out, *model[:2]]) == 0
    assert main(["info", *model]) == 0
    assert '"estimated_gigabytes"' in capsys.readouterr().out


def test_an_adapter_without_its_base_is_exit_code_2(model, photo, capsys):
    assert main(["compress", str(photo), "-o", str(photo.with_suffix(".pcv2")), *model[:2]]) == 2
    assert "say where it is, as the base" in capsys.readouterr().err
    assert main(["compress", str(photo), "-o", str(photo.with_suffix(".pcv2")), "--model", model[3]]) == 2
    assert "a base without an adapter: zero-initialised inputs ignore the indices" in capsys.readouterr().err


def test_another_captioner_by_name(model, photo, blip2_folder, capsys):
    out = str(photo.with_suffix(".pcv2"))
    arguments = ["compress", str(photo), "-o", out, *model]
    captions = []
    for choice in ([], ["--caption", "auto"], ["--captioner", str(blip2_folder)], ["--captioner", "none"]):
        assert main([*arguments, *choice]) == 0
        captions.append(json.loads(capsys.readouterr().out)["caption"])
    without, own, others, none = captions
    assert without == none == ""
    assert others not in ("", own)
    assert main(["caption", str(photo), "--captioner", str(blip2_folder), *model]) == 0
    assert capsys.readouterr().out.splitlines() == [others]
