"""Uploads of trained models, without a network."""

import json

import pytest

from percov2_demo.training import push as module
from percov2_demo.training.push import push


MANIFEST = {
    "identity": "ab" * 32,
    "presets": {"low": {"grid_at_512": [16, 16], "codebook": 1024}},
    "training": {"joint": {"step": 150000, "seconds": 360000.0}},
    "photos": 1000,
    "base": {"model": "stabilityai/stable-diffusion-3-medium-diffusers", "revision": "abc"},
}


class Hub:
    def __init__(self):
        self.calls = []

    def create_repo(self, repository, **options):
        self.calls.append(("create", repository, options["private"]))

    def upload_folder(self, **options):
        self.calls.append(
            ("upload", options["repo_id"], sorted(path.name for path in options["folder_path"].iterdir()))
        )


@pytest.fixture
def hub(monkeypatch):
    hub = Hub()
    monkeypatch.setattr(module, "HfApi", lambda: hub)
    return hub


@pytest.fixture
def model(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "model_index.json").write_text("{}")
    return tmp_path


def test_dry_run_says_what_would_go_and_sends_nothing(hub, model):
    listing = push(model, "user/name", dry_run=True)
    assert set(listing["files"]) == {"README.md", "manifest.json", "model_index.json"}
    assert listing["files"]["model_index.json"] == 2
    assert hub.calls == []


def test_the_repository_is_private_and_gets_the_folder(hub, model):
    push(model, "user/name")
    files = ["README.md", "manifest.json", "model_index.json"]
    assert hub.calls == [("create", "user/name", True), ("upload", "user/name", files)]


def test_card_says_what_the_model_is_and_stays_where_there_is_one(hub, model):
    push(model, "user/name", dry_run=True)
    card = (model / "README.md").read_text()
    assert "base_model: stabilityai/stable-diffusion-3-medium-diffusers\n" in card
    assert "base_model_relation: adapter\n" in card
    assert "| low | 16x16 | 1024 |" in card and "| joint | 150,000 | 100.0 |" in card
    assert "not the weights of the paper's authors" in card
    (model / "README.md").write_text("mine")
    push(model, "user/name", dry_run=True)
    assert (model / "README.md").read_text() == "mine"


def test_failures_are_one_sentence(hub, model, tmp_path):
    with pytest.raises(ValueError, match="no exported model to push"):
        push(tmp_path / "nothing", "user/name")

    def refuse(*_, **__):
        raise OSError("401")

    hub.create_repo = refuse
    with pytest.raises(ValueError, match="could not be pushed: check the name and the network, and log in"):
        push(model, "user/name")
