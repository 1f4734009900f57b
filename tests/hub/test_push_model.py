"""Uploads of trained models, without a network."""

import json

import pytest
from huggingface_hub import constants

from percov2_demo.__main__ import main
from percov2_demo.errors import HubError, ModelError
from percov2_demo.hub.push_model import model_card, push
from tests.space_hub import serve_hub


MANIFEST = {
    "identity": "ab" * 32,
    "presets": {"low": {"grid_at_512": [16, 16], "codebook": 1024}},
    "training": {"joint": {"step": 150000, "seconds": 360000.0}},
    "photos": 1000,
    "base": {"model": "stabilityai/stable-diffusion-3-medium-diffusers", "revision": "abc"},
}


@pytest.fixture
def hub(monkeypatch):
    with serve_hub("hf_right") as stand_in:
        monkeypatch.setattr(constants, "ENDPOINT", stand_in.endpoint)
        monkeypatch.setenv("HF_TOKEN", "hf_right")
        yield stand_in


@pytest.fixture
def model(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "model_index.json").write_text("{}")
    return tmp_path


def test_dry_run_says_what_would_go_and_sends_nothing(hub, model):
    listing = push(model, "user/name", dry_run=True)
    assert set(listing["files"]) == {"README.md", "manifest.json", "model_index.json"}
    assert listing["files"]["model_index.json"] == 2
    assert hub.spaces == {}
    assert push(model, "user/name") == listing
    assert listing["files"]["README.md"] == len(hub.spaces["user/name"]["README.md"])


def test_the_repository_is_private_and_gets_the_folder_at_once(hub, model):
    (model / "transformer").mkdir()
    (model / "transformer" / "config.json").write_text("{}")
    (model / ".cache" / "huggingface").mkdir(parents=True)
    (model / ".cache" / "huggingface" / "upload.lock").touch()
    push(model, "user/name")
    files, settings = hub.spaces["user/name"], hub.settings["user/name"]
    assert files.keys() - {"old.py"} == {"README.md", "manifest.json", "model_index.json", "transformer/config.json"}
    assert (settings["order"]["visibility"], settings["commits"]) == ("private", 1)


def test_card_says_what_the_model_is(hub, model):
    push(model, "user/name")
    card = hub.spaces["user/name"]["README.md"].decode()
    assert "base_model: stabilityai/stable-diffusion-3-medium-diffusers\n" in card
    assert "base_model_relation: adapter\n" in card
    assert "| low | 16x16 | 1024 |" in card and "| joint | 150,000 | 100.0 |" in card
    assert "not the weights of the paper's authors" in card


def test_the_card_is_of_this_export_unless_a_person_wrote_one(hub, model):
    push(model, "user/name")
    (model / "manifest.json").write_text(json.dumps(MANIFEST | {"identity": "cd" * 32}))
    push(model, "user/name")
    assert "cd" * 32 in hub.spaces["user/name"]["README.md"].decode()
    assert {path.name for path in model.iterdir()} == {"manifest.json", "model_index.json"}
    (model / "README.md").write_text("mine")
    push(model, "user/name")
    assert hub.spaces["user/name"]["README.md"] == b"mine"
    assert (model / "README.md").read_text() == "mine"


@pytest.mark.parametrize("base", ["stable-diffusion-3-medium-diffusers", "stable-diffusion-3.5-medium"])
def test_card_of_an_adapter_names_the_licence_of_its_base(base):
    card = model_card(MANIFEST | {"base": {"model": f"stabilityai/{base}", "revision": None}})
    data = card.data.to_dict()
    assert (data["license"], data["license_name"]) == ("other", "stabilityai-ai-community")
    assert data["license_link"].startswith("https://huggingface.co/stabilityai/stable-diffusion-3")
    assert f"[Stability AI Community License]({data['license_link']})" in card.text


@pytest.mark.parametrize("base", [None, {"model": None, "revision": None}, {"model": "me/own", "revision": None}])
def test_card_of_another_model_names_no_licence_of_theirs(base):
    card = model_card(MANIFEST | {"base": base})
    assert card.data.to_dict()["license"] == "other"
    assert "tability" not in str(card)


@pytest.mark.parametrize("content", [[], {}, MANIFEST | {"presets": []}, MANIFEST | {"training": {"joint": 7}}])
def test_a_damaged_manifest_is_one_sentence(content, hub, model):
    (model / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"^the model's file manifest\.json is damaged: fetch the model again$"):
        push(model, "user/name")


def test_without_an_exported_model(hub, tmp_path):
    with pytest.raises(HubError, match="no exported model to push"):
        push(tmp_path / "nothing", "user/name")


CREATE, PREPARE = "/api/repos/create", "/api/models/me/name/preupload/main"


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        (CREATE, 401, "the hub does not accept your token: log in with `hf auth login`"),
        (CREATE, 403, "your token has no right to me/name: use one with write access, of an account that may write"),
        (CREATE, 418, "the hub answered with status 418: try again later"),
        (PREPARE, 403, "your token has no right to me/name"),
    ],
)
def test_refusals_are_the_sentences_of_publishing(path, status, sentence, hub, model):
    hub.refusals[path] = status
    with pytest.raises(HubError, match=sentence):
        push(model, "me/name")


def test_without_a_token(hub, model, tmp_path, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    with pytest.raises(HubError, match="log in with `hf auth login`, or set HF_TOKEN"):
        push(model, "me/name")


@pytest.mark.parametrize("offline", [True, False])
def test_without_a_network(offline, model, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
    with pytest.raises(HubError, match="the hub cannot be reached: check the network, HF_ENDPOINT"):
        push(model, "me/name")


def test_a_name_that_is_none_is_refused_before_training(tmp_path, capsys):
    command = ["train", "flow", "--data", str(tmp_path), "--work", str(tmp_path / "work"), "--push", "name"]
    assert main(command) == 2
    assert capsys.readouterr().err == "error: name a model as user/name, in letters, digits, -, _ and .\n"
    assert not (tmp_path / "work").exists()
