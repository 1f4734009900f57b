"""Models on the hub: the hub's own client against a server that answers as the hub does."""

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from percov2_demo import PerCoV2Pipeline
from percov2_demo.__main__ import main
from percov2_demo.checkpoints.adapter import Adapter
from percov2_demo.checkpoints.fetching import fetch
from percov2_demo.errors import ModelError
from percov2_demo.pipelines.auto import load_pipeline
from tests.conftest import adapted_pipeline, pretend_training
from tests.model_hub import COMMIT, OTHER_COMMIT, Hub, serve_hub


BASE, ADAPTER = "someone/sd3-tiny", "someone/percov2-tiny"


@pytest.fixture
def hub(base_folder, adapter_folder, tmp_path, monkeypatch):
    stand_in = Hub({BASE: base_folder, ADAPTER: adapter_folder}, gated=(BASE,))
    with serve_hub(stand_in, tmp_path / "cache", monkeypatch):
        yield stand_in


def sentence(repository: str, **download) -> str:
    with pytest.raises(ModelError) as caught:
        fetch(repository, **download)
    assert type(caught.value) is ModelError
    return str(caught.value)


def test_adapter_and_gated_base_come_from_the_hub(hub, tmp_path, monkeypatch, scene):
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    pipeline = adapted_pipeline(BASE)
    pretend_training(pipeline)
    adapter = pipeline.save_adapter(tmp_path / "adapter")
    assert (adapter.base.name, adapter.base.revision) == (BASE, COMMIT)
    hub.repositories[ADAPTER] = tmp_path / "adapter"
    loaded = PerCoV2Pipeline.from_pretrained(ADAPTER)
    assert loaded.identity == Adapter.read(tmp_path / "adapter").identity
    stream = pipeline.compress(scene)
    assert np.array_equal(loaded.compress(scene).indices, stream.indices)


def test_options_of_the_download_reach_the_base_of_an_adapter(hub, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    pipeline = adapted_pipeline(BASE)
    pretend_training(pipeline)
    identity = pipeline.save_adapter(tmp_path / "adapter").identity
    monkeypatch.delenv("HF_TOKEN")
    cache = tmp_path / "elsewhere"
    with pytest.raises(ModelError, match="is gated and no access token was sent"):
        load_pipeline(tmp_path / "adapter", cache_dir=cache)
    with pytest.raises(ModelError, match="the network was not to be asked"):
        load_pipeline(tmp_path / "adapter", cache_dir=cache, local_files_only=True)
    options = {"token": "hf_right", "cache_dir": cache, "revision": "main"}
    assert load_pipeline(tmp_path / "adapter", **options).identity == identity
    assert load_pipeline(tmp_path / "adapter", cache_dir=cache, local_files_only=True).identity == identity


def test_nothing_is_fetched_twice_and_nothing_that_is_not_needed(hub, base_folder):
    fetch(BASE, leave_out=("text_encoder_3",), token="hf_right")
    first = list(hub.sent)
    assert any(path.startswith("transformer/") for path in first)
    assert not any(path.startswith("text_encoder_3/") for path in first)
    fetch(BASE, leave_out=("text_encoder_3",), token="hf_right")
    assert hub.sent == first


SD3_INDEX = {
    "_class_name": "StableDiffusion3Pipeline",
    "_diffusers_version": "0.31.0",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModelWithProjection"],
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "text_encoder_3": ["transformers", "T5EncoderModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "tokenizer_2": ["transformers", "CLIPTokenizer"],
    "tokenizer_3": ["transformers", "T5TokenizerFast"],
    "transformer": ["diffusers", "SD3Transformer2DModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
CLIP_TOKENIZER = ("merges.txt", "special_tokens_map.json", "tokenizer_config.json", "vocab.json")
T5_TOKENIZER = ("special_tokens_map.json", "spiece.model", "tokenizer.json", "tokenizer_config.json")
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json")
SD3_PARTS = {
    "scheduler": ("scheduler_config.json",),
    "text_encoder": ("config.json", "model.safetensors"),
    "text_encoder_2": ("config.json", "model.safetensors"),
    "text_encoder_3": ("config.json", *SHARDS),
    "tokenizer": CLIP_TOKENIZER,
    "tokenizer_2": CLIP_TOKENIZER,
    "tokenizer_3": T5_TOKENIZER,
    "transformer": ("config.json", "diffusion_pytorch_model.safetensors"),
    "vae": ("config.json", "diffusion_pytorch_model.safetensors"),
}
"""What a pipeline of SD3's reads, by component."""

SD35_ELSE = (
    ".gitattributes",
    "LICENSE.md",
    "README.md",
    "SD3.5L_plus_SD3.5M_upscaling_example_workflow.json",
    "SD3.5M_SLG_example_workflow.json",
    "SD3.5M_example_workflow.json",
    "sd3.5_medium.safetensors",
    "sd3_medium_demo.jpg",
    "text_encoders/README.md",
    "text_encoders/clip_g.safetensors",
    "text_encoders/clip_l.safetensors",
    "text_encoders/t5xxl_fp16.safetensors",
    "text_encoders/t5xxl_fp8_e4m3fn.safetensors",
)
"""What else is in SD3.5-medium's repository: the same weights for other programs, workflows, texts."""

SD3_ELSE = (
    "LICENSE",
    "README.md",
    "text_encoder/model.fp16.safetensors",
    "text_encoder_2/model.fp16.safetensors",
    "text_encoder_3/model.fp16-00001-of-00002.safetensors",
    "text_encoder_3/model.fp16-00002-of-00002.safetensors",
)
"""What else is in SD3-medium-diffusers': second copies of weights in half precision."""

BLIP2_FILES = (
    "config.json",
    "merges.txt",
    *SHARDS,
    "preprocessor_config.json",
    "pytorch_model.bin.index.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
)
BLIP2_ELSE = (
    "README.md",
    "pytorch_model-00001-of-00002.bin",
    "pytorch_model-00002-of-00002.bin",
    "onnx/model.safetensors",
)


def write_files(folder: Path, names: Iterable[str]) -> Path:
    """Files of the names, each with other content."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps({"file": name}))
    return folder


@pytest.mark.parametrize("other", [SD35_ELSE, SD3_ELSE], ids=["SD3.5-medium", "SD3-medium"])
@pytest.mark.parametrize("leave_out", [(), ("text_encoder_3", "tokenizer_3")], ids=["all", "without T5"])
def test_of_a_pipeline_only_what_its_index_names_is_fetched(other, leave_out, hub, tmp_path):
    wanted = {f"{part}/{file}" for part, files in SD3_PARTS.items() if part not in leave_out for file in files}
    left = {f"{part}/{file}" for part in leave_out for file in SD3_PARTS[part]}
    folder = write_files(tmp_path / "sd3", [*wanted, *left, *other])
    (folder / "model_index.json").write_text(json.dumps(SD3_INDEX))
    hub.repositories["someone/sd3"] = folder
    fetched = fetch("someone/sd3", leave_out)
    assert sorted(hub.sent) == sorted(wanted | {"model_index.json"})
    assert {path.relative_to(fetched).as_posix() for path in fetched.rglob("*") if path.is_file()} == set(hub.sent)
    hub.status = 503
    assert fetch("someone/sd3", leave_out) == fetched


def test_of_a_captioner_the_weights_are_fetched_once(hub, tmp_path):
    hub.repositories["someone/blip2"] = write_files(tmp_path / "blip2", [*BLIP2_FILES, *BLIP2_ELSE])
    fetch("someone/blip2")
    assert set(hub.sent) == set(BLIP2_FILES)


def test_an_adapters_shards_and_manifest_are_fetched(hub, adapter_folder, base_folder, tmp_path):
    folder = tmp_path / "sharded"
    PerCoV2Pipeline.from_pretrained(adapter_folder, base=base_folder).save_adapter(folder, max_shard_size="2KB")
    model = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    write_files(folder, ["README.md", "manifest.json", "all-in-one.safetensors", "runs/events.log"])
    hub.repositories["someone/sharded"] = folder
    fetch("someone/sharded")
    assert set(hub.sent) == model | {"manifest.json"}


def test_a_damaged_index_is_said(hub, tmp_path):
    hub.repositories["someone/damaged"] = write_files(tmp_path / "damaged", ["model_index.json"])
    (tmp_path / "damaged" / "model_index.json").write_text("[")
    assert sentence("someone/damaged") == "the model's file model_index.json is damaged: fetch the model again"


def test_gated_without_a_token(hub):
    assert re.search(
        rf"{BASE} is gated and no access token was sent: accept its licence at https://huggingface.co/{BASE}, "
        "then log in with `hf auth login`",
        sentence(BASE),
    )


def test_gated_for_this_token(hub, monkeypatch):
    expected = "is gated for this access token: accept its licence at .* with the account"
    assert re.search(expected, sentence(BASE, token="hf_wrong"))
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert re.search(expected, sentence(BASE))


def test_a_token_that_is_asked_for_and_missing(hub):
    assert sentence(BASE, token=True).startswith("no access token is stored on this machine")


def test_no_such_repository(hub):
    assert re.search("no folder 'someone/other', and the hub shows no repository", sentence("someone/other"))


def test_no_such_revision(hub):
    assert sentence(BASE, revision="v9") == f"{BASE} has no revision 'v9' on the hub: check the revision"


def test_no_name_of_a_repository(hub):
    assert "repositories on the hub are named owner/name" in sentence("no/such/folder")


def test_no_network_and_nothing_in_the_cache(hub, monkeypatch):
    # A port that nobody listens on.
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    assert "neither a folder nor complete in the hub's cache, and the hub cannot be reached" in sentence(ADAPTER)


def test_no_network_but_everything_in_the_cache(hub):
    folder = fetch(ADAPTER)
    hub.status = 503
    assert fetch(ADAPTER) == folder
    hub.status = None
    assert fetch(ADAPTER, local_files_only=True) == folder


def test_what_was_only_looked_for_on_this_machine_says_nothing_of_the_hub(hub, adapter_folder, tmp_path, capsys):
    named = tmp_path / "named"
    shutil.copytree(adapter_folder, named)
    manifest = json.loads((named / "adapter.json").read_text())
    manifest["base"] |= {"name": BASE, "revision": COMMIT}
    (named / "adapter.json").write_text(json.dumps(manifest))
    assert main(["info", "--model", str(named)]) == 2
    assert capsys.readouterr().err == (
        f"error: {BASE} is not on this machine, and the network was not to be asked: fetch it once, or name a folder "
        "that holds it\n"
    )
    fetch(BASE, revision=COMMIT, token="hf_right")
    assert main(["info", "--model", str(named)]) == 0
    assert json.loads(capsys.readouterr().out)["base"] == BASE


def test_the_hub_is_down(hub):
    hub.status = 500
    assert "cannot be reached" in sentence(ADAPTER)


def test_a_download_that_breaks_off_goes_on_later(hub):
    hub.file_status = 404
    assert (
        sentence(ADAPTER)
        == f"the hub answered 404 when asked for {ADAPTER}: try again later, what has arrived is kept"
    )
    hub.file_status = None
    assert (fetch(ADAPTER) / "adapter.json").is_file()


def test_a_revision_is_another_model(hub, adapter_folder):
    assert Adapter.read(fetch(ADAPTER, revision=COMMIT)) == Adapter.read(adapter_folder)
    assert "no revision" in sentence(ADAPTER, revision=OTHER_COMMIT)
