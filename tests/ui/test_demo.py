"""The page's structure, as gradio describes it to the browser."""

import subprocess
import sys

import pytest

from percov2_demo.images import MAX_FILE_BYTES
from percov2_demo.ui.demo import MAX_SESSIONS, MAX_WAITING_VISITORS, build_demo, launch_options
from percov2_demo.ui.server.cleaning import cleaning
from tests.perco import tiny_perco
from tests.ui.fakes import FakePipeline


@pytest.fixture(scope="module")
def demo():
    return build_demo(FakePipeline(description="A model <for> tests."))


@pytest.fixture(scope="module")
def config(demo):
    return demo.get_config_file()


def components(config, *types):
    return [component["props"] for component in config["components"] if component["type"] in types]


def test_pictures_are_shown_without_loss(config):
    pictures = components(config, "image", "imageslider", "gallery")
    assert len(pictures) >= 3
    assert {picture["format"] for picture in pictures} == {"png"}


def test_nothing_is_shared_with_other_sites(config):
    for component in config["components"]:
        assert "share" not in (component["props"].get("buttons") or [])
        assert component["type"] not in ("deeplinkbutton", "loginbutton", "duplicatebutton")


def test_endpoints_for_programs(config):
    public = {entry["api_name"] for entry in config["dependencies"] if entry["api_visibility"] != "private"}
    assert public == {"compress", "decompress", "info", "sweep"}


def test_a_captioner_has_its_endpoint():
    fake = FakePipeline()
    fake.captioner = object()
    names = {entry["api_name"] for entry in build_demo(fake).get_config_file()["dependencies"]}
    assert "caption" in names


def test_the_model_runs_one_event_at_a_time(demo):
    running = {fn.api_name for fn in demo.fns.values() if fn.concurrency_id == "model"}
    assert running >= {"compress", "decompress", "sweep"}
    assert {fn.concurrency_limit for fn in demo.fns.values() if fn.concurrency_id == "model"} == {1}


def test_errors_of_every_python_handler_are_seen(demo):
    """Outside the queue, gradio shows no error message."""
    outside = {fn.name for fn in demo.fns.values() if fn.fn is not None and not fn.queue}
    assert outside <= {"load_example"}


def test_limits(demo):
    assert demo._queue.max_size == MAX_WAITING_VISITORS
    assert demo.analytics_enabled is False


def test_launch_options():
    options = launch_options()
    assert options["max_file_size"] == MAX_FILE_BYTES
    assert options["state_session_capacity"] == MAX_SESSIONS
    assert options["app_kwargs"]["lifespan"] is cleaning
    assert options["run_history"] is False
    assert options["enable_monitoring"] is False
    assert options["show_error"] is False
    assert options["favicon_path"].is_file()


def test_without_the_extra_there_are_no_tools(monkeypatch):
    monkeypatch.setattr("percov2_demo.ui.server.gradio_internals.find_spec", {"mcp": None}.get)
    assert "mcp_server" not in launch_options()


def test_presets_of_the_model_are_offered(config):
    (cards,) = components(config, "checkboxgroup")[:1]
    assert cards["elem_classes"] == ["choices"]
    assert cards["choices"] == [
        ("Ultra-low\n64 bytes\n8×8 tokens", "ultra-low"),
        ("Low\n320 bytes\n16×16 tokens", "low"),
        ("Extreme-low\n1,024 bytes\n32×32 tokens", "extreme-low"),
    ]
    assert cards["value"] == ["ultra-low", "low", "extreme-low"]


def test_what_the_model_is(config):
    header = next(html["value"] for html in components(config, "html") if "masthead" in html["value"])
    assert "A model &lt;for&gt; tests." in header


@pytest.fixture(scope="module")
def perco_config():
    return build_demo(tiny_perco()).get_config_file()


def test_a_model_without_entropy_models_has_no_tab_for_them(config, perco_config):
    tabs = [[tab["label"] for tab in components(each, "tabitem")] for each in (config, perco_config)]
    assert set(tabs[0]) - set(tabs[1]) == {"Inside the codec"}


def test_a_model_without_an_estimate_shows_no_strength(config, perco_config):
    for each, visible in ((config, True), (perco_config, False)):
        controls = [props for props in components(each, "slider", "checkboxgroup") if props["label"] == "Strength"]
        assert {props["visible"] for props in controls} == {visible}


def test_sampling_starts_with_the_models_steps(config, perco_config):
    for each, steps in ((config, 4), (perco_config, 20)):
        sliders = [props["value"] for props in components(each, "slider", "number") if props["label"] == "Steps"]
        assert set(sliders) == {steps}


def test_what_paints_is_the_models(perco_config):
    html = " ".join(props.get("value") or "" for props in components(perco_config, "html"))
    assert "A diffusion U-Net paints" in html
    assert "entropy model predicts" not in html
    assert "A tiny PerCo." in html


@pytest.mark.server
def test_page_imports_no_model():
    script = "import sys, percov2_demo.ui.demo; sys.exit(bool({'torch', 'diffusers'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
