"""Models on the hub: the hub's own client against a server that answers as the hub does."""

import re

import numpy as np
import pytest

from percov2_demo import PerCoV2Pipeline
from percov2_demo.adapter import Adapter
from percov2_demo.fetching import fetch
from tests.conftest import adapted_pipeline, pretend_training
from tests.hub import COMMIT, OTHER_COMMIT, Hub, serve_hub


BASE, ADAPTER = "someone/sd3-tiny", "someone/percov2-tiny"


@pytest.fixture
def hub(base_folder, adapter_folder, tmp_path, monkeypatch):
    stand_in = Hub({BASE: base_folder, ADAPTER: adapter_folder}, gated=(BASE,))
    with serve_hub(stand_in, tmp_path / "cache", monkeypatch):
        yield stand_in


def sentence(repository: str, **download) -> str:
    with pytest.raises(ValueError) as caught:
        fetch(repository, **download)
    assert type(caught.value) is ValueError
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


def test_nothing_is_fetched_twice_and_nothing_that_is_not_needed(hub, base_folder):
    fetch(BASE, leave_out=("text_encoder_3/*",), token="hf_right")
    first = list(hub.sent)
    assert any(path.startswith("transformer/") for path in first)
    assert not any(path.startswith("text_encoder_3/") for path in first)
    fetch(BASE, leave_out=("text_encoder_3/*",), token="hf_right")
    assert hub.sent == first


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
