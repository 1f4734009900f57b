"""Memory plans: their arithmetic, what they do to a model, and what is refused."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers.models.autoencoders.vae import AutoencoderMixin

from percov2_demo import PerCoV2Pipeline
from percov2_demo.checkpoints import free_memory, placement
from percov2_demo.checkpoints.folders import describe_model
from percov2_demo.checkpoints.free_memory import check_memory
from percov2_demo.checkpoints.memory_plans import (
    GIGABYTE,
    PLANS,
    SINGLE_PRECISION,
    T5,
    Estimate,
    estimate,
    get_plan,
    gigabytes,
)
from percov2_demo.checkpoints.placement import find_device
from percov2_demo.checkpoints.weights import Size, component_sizes
from percov2_demo.errors import InputError, ModelError
from percov2_demo.models.text_encoders import T5_TOKENS
from tests.conftest import adapted_pipeline, tiny_pipeline
from tests.perco import tiny_perco
from tests.plans import EACH_PLAN
from tests.pretended_gpu import GPU, PretendedGPU, on_gpu


CPU = torch.device("cpu")
SD3_MEDIUM = {
    "transformer": Size(2_086_917_184),
    "text_encoder": Size(123_650_381),
    "text_encoder_2": Size(694_659_917),
    T5: Size(4_762_310_656),
    "vae": Size(83_819_683),
    "hyper_codec": Size(16_907_040),
}
"""Parameters of the public checkpoint's classes in their public configs, the transformer widened to 336 channels."""

PAINTERS = Path(__file__).parents[2] / "docs" / "painters.md"


@pytest.fixture
def free(monkeypatch):
    """Sets the main memory that seems to be free."""
    return lambda count: monkeypatch.setattr(free_memory, "free_memory", lambda: count)


def test_estimates_are_numbers_times_bytes():
    sizes = {"transformer": Size(2000), T5: Size(4700), "vae": Size(200), "hyper_codec": Size(6)}
    sizes["masked_model"] = Size(0, integers=10, integer_bytes=10)
    small, entropy = 4 * 206, 10
    assert estimate(sizes, PLANS["max"]) == Estimate(4 * 6906, 4 * 6906 + entropy)
    assert estimate(sizes, PLANS["32gb"]) == Estimate(2 * 6700 + small, 2 * 6700 + small + entropy)
    assert estimate(sizes, PLANS["24gb"]) == Estimate(2 * 4700 + small, 2 * 6700 + small + entropy)
    assert estimate(sizes, PLANS["12gb"]) == Estimate(4700 + small, 2 * 2000 + 4700 + small + entropy)
    without_t5 = estimate(sizes, PLANS["8gb"])
    assert without_t5 == Estimate(2 * 2000 + small, 2 * 2000 + small + entropy)
    on_cpu = estimate(sizes, PLANS["8gb"], "cpu")
    assert on_cpu.device == on_cpu.main == without_t5.main


@pytest.mark.parametrize("name", PLANS)
def test_the_documented_table_is_this_arithmetic(name):
    (row,) = (line for line in PAINTERS.read_text("utf-8").splitlines() if line.startswith(f"| `{name}`"))
    needed = estimate(SD3_MEDIUM, PLANS[name])
    assert row.endswith(f"| {gigabytes(needed.device)} | {gigabytes(needed.main)} |")


@pytest.mark.parametrize("name", [name for name in PLANS if name != "max"])
def test_plans_keep_their_promise_with_sd3_medium(name):
    promised = int(name.removesuffix("gb")) * GIGABYTE
    assert estimate(SD3_MEDIUM, PLANS[name]).device < 0.75 * promised


def test_sizes_are_read_from_the_files(tmp_path):
    pipeline = tiny_pipeline()
    pipeline.save_pretrained(tmp_path)
    sizes = component_sizes(tmp_path)
    assert sizes.keys() == pipeline.networks.keys()
    for name, part in pipeline.networks.items():
        numbers = sum(value.numel() for value in part.state_dict().values())
        # A weight that two layers share is stored once.
        assert 0 < sizes[name].floats + sizes[name].integers <= numbers
    described = describe_model(tmp_path)
    assert described["identity"] == pipeline.identity
    assert described["estimated_gigabytes"].keys() == PLANS.keys()


def test_an_adapter_is_described_with_its_base(adapter_folder, base_folder):
    described = describe_model(adapter_folder, base_folder)
    assert described["base"] == "sd3-tiny"
    assert {"text_encoder_3", "transformer", "hyper_codec", "masked_model"} <= described["parameters"].keys()


def test_too_little_memory_is_refused_with_the_plan_that_fits(free):
    free(12 * GIGABYTE)
    with pytest.raises(ModelError) as caught:
        check_memory(SD3_MEDIUM, PLANS["max"], CPU)
    assert str(caught.value) == (
        "the model's weights take about 31 GB of main memory under the memory plan max, and 12 GB are free: choose "
        "the plan 12gb"
    )
    assert check_memory(SD3_MEDIUM, PLANS["8gb"], CPU).main < 12 * GIGABYTE
    free(1 * GIGABYTE)
    with pytest.raises(ModelError, match=r"6.2 GB of main memory under the memory plan 8gb, and 1 GB are free: close"):
        check_memory(SD3_MEDIUM, PLANS["8gb"], CPU)


def test_graphics_memory_is_measured_apart(free, monkeypatch):
    free(64 * GIGABYTE)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (8 * GIGABYTE, 0))
    cuda = torch.device("cuda")
    with pytest.raises(
        ModelError, match=r"9.9 GB of graphics memory under the memory plan 24gb.*choose the plan 12gb"
    ):
        check_memory(SD3_MEDIUM, PLANS["24gb"], cuda)
    assert check_memory(SD3_MEDIUM, PLANS["12gb"], cuda).device < 8 * GIGABYTE
    free(8 * GIGABYTE)
    with pytest.raises(ModelError, match=r"11 GB of main memory under the memory plan 12gb.*choose the plan 8gb"):
        check_memory(SD3_MEDIUM, PLANS["12gb"], cuda)


def test_a_model_for_the_cpu_asks_nothing_of_a_gpu(tmp_path, monkeypatch):
    """As on ZeroGPU, whose GPU comes later."""
    tiny_pipeline().save_pretrained(tmp_path)

    def refuse(*_):
        raise RuntimeError("there is no GPU yet")

    monkeypatch.setattr(torch.cuda, "mem_get_info", refuse)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", refuse)
    pipeline = PerCoV2Pipeline.from_pretrained(tmp_path, memory="32gb")
    assert (pipeline.dtype, pipeline.device) == (torch.bfloat16, CPU)


def test_nothing_is_loaded_that_does_not_fit(free, adapter_folder, base_folder, tmp_path, monkeypatch):
    tiny_pipeline().save_pretrained(tmp_path)
    free(1000)
    with pytest.raises(ModelError, match=r"take about 0\.00"):
        PerCoV2Pipeline.from_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"take about 0\.00"):
        PerCoV2Pipeline.from_pretrained(adapter_folder, base=base_folder)


def test_free_memory_is_the_containers(tmp_path):
    everything = free_memory.free_memory(tmp_path)
    assert everything > 0
    for name, content in {
        "max": "3000000\n",
        "current": "2000000\n",
        "stat": "anon 5\ninactive_file 500000\n",
    }.items():
        (tmp_path / f"memory.{name}").write_text(content)
    assert free_memory.free_memory(tmp_path) == 1_500_000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory.free_memory(tmp_path) > 1_500_000


def test_t5_is_left_out_and_zeros_stand_for_it(adapter_folder, base_folder, scene):
    whole = PerCoV2Pipeline.from_pretrained(adapter_folder, base=base_folder)
    small = PerCoV2Pipeline.from_pretrained(adapter_folder, base=base_folder, memory="8gb")
    small.set_progress_bar_config(disable=True)
    assert small.text_encoder_3 is None
    tokens = small.encode_captions(["a cat"]).tokens
    clip = whole.encode_captions(["a cat"]).tokens.shape[1] - min(whole.tokenizer_3.model_max_length, T5_TOKENS)
    assert tokens.shape[1] == clip + T5_TOKENS
    assert tokens[:, :clip].any()
    assert not tokens[:, clip:].any()
    assert small.identity == whole.identity
    stream = whole.compress(scene, caption="a cat")
    assert small.decompress(stream, num_inference_steps=2).size == (512, 512)


def test_large_parts_are_in_half_precision_and_the_autoencoder_in_tiles(adapter_folder, base_folder):
    pipeline = PerCoV2Pipeline.from_pretrained(adapter_folder, base=base_folder, memory="24gb")
    precision = {name: part.dtype for name, part in pipeline.networks.items()}
    assert precision["transformer"] == precision["text_encoder_3"] == torch.bfloat16
    assert precision["vae"] == precision["hyper_codec"] == precision["captioner"] == torch.float32
    assert isinstance(pipeline.vae, AutoencoderMixin)
    assert pipeline.vae.use_tiling
    assert pipeline.vae.use_slicing


@pytest.mark.parametrize("plan", EACH_PLAN)
def test_a_photo_has_the_same_stream_under_every_plan(plan, adapter_folder, base_folder, scene):
    """The autoencoder's tiles are smaller than the photo."""
    if PLANS[plan].t5 == "8-bit":
        pytest.importorskip("torchao")
    whole = PerCoV2Pipeline.from_pretrained(adapter_folder, base=base_folder)
    loaded = PerCoV2Pipeline.from_pretrained(adapter_folder, base=base_folder, memory=plan)
    data = loaded.compress(scene, "extreme-low", "a cat").to_bytes()
    assert data == whole.compress(scene, "extreme-low", "a cat").to_bytes()
    assert loaded.caption(scene) == whole.caption(scene)
    assert loaded.vae.use_tiling is PLANS[plan].tiling


@pytest.mark.parametrize("plan", EACH_PLAN)
def test_streams_pass_between_plans(plan, tmp_path, scene):
    """The embedded kind of model has no T5, and an autoencoder without tiles."""
    pipeline = tiny_pipeline()
    pipeline.save_pretrained(tmp_path)
    loaded = PerCoV2Pipeline.from_pretrained(tmp_path, memory=plan)
    loaded.set_progress_bar_config(disable=True)
    data = pipeline.compress(scene, "low", "a cat on a mat", entropy="qlds").to_bytes()
    assert loaded.read(data).caption == "a cat on a mat"
    assert loaded.decompress(loaded.read(data), num_inference_steps=1).size == (512, 512)
    assert loaded.compress(scene, "low", "a cat on a mat", entropy="qlds").to_bytes() == data
    assert loaded.caption(scene) == pipeline.caption(scene)


def test_t5_in_8_bits_takes_a_library(adapter_folder, base_folder, monkeypatch):
    """Other libraries that quantise need not be offloaded by diffusers, as the plan is."""
    monkeypatch.setattr(placement, "find_spec", lambda name: None if name == "torchao" else object())
    with pytest.raises(ModelError, match=r"takes torchao: run `pip install torchao`, or choose the plan 8gb"):
        placement.load_t5(base_folder, PLANS["12gb"], torch.device("cuda"))
    with pytest.raises(ModelError, match=r"takes torchao: run `pip install torchao`, or choose the plan 8gb"):
        PerCoV2Pipeline.from_pretrained(adapter_folder, base=base_folder, memory="12gb")


def test_t5_in_8_bits(adapter_folder, base_folder):
    pytest.importorskip("torchao")
    pipeline = PerCoV2Pipeline.from_pretrained(adapter_folder, base=base_folder, memory="12gb")
    assert any("Int8" in type(value).__name__ for value in pipeline.text_encoder_3.parameters())
    assert pipeline.encode_captions(["a cat"]).tokens.isfinite().all()


def test_what_a_cpu_ignores_is_said():
    assert "stay in main memory" in PLANS["8gb"].ignored_on("cpu")
    assert PLANS["8gb"].ignored_on("cuda") is None
    assert PLANS["max"].ignored_on("cpu") is None


def test_stages_are_offloaded_where_there_is_an_accelerator(monkeypatch):
    pipeline, calls = tiny_pipeline(), []
    monkeypatch.setattr(PerCoV2Pipeline, "enable_model_cpu_offload", lambda _self, device: calls.append(device))
    placement.place(pipeline, PLANS["8gb"], torch.device("cuda"))
    placement.place(pipeline, PLANS["8gb"], CPU)
    assert calls == [torch.device("cuda")]


@pytest.mark.parametrize("kind", [pytest.param("PerCoV2", marks=pytest.mark.slow), "PerCo"])
def test_what_is_on_the_gpu_at_once_is_what_the_estimate_says(kind, base_folder, scene, monkeypatch):
    """By diffusers' own hooks, each move of a part recorded; previews bring the autoencoder in between two steps."""
    pipeline = adapted_pipeline(base_folder) if kind == "PerCoV2" else tiny_perco()
    bring, moments = torch.nn.Module.to, []

    def recorded(module, *args, **kwargs):
        bring(module, *args, **kwargs)
        moments.append(on_gpu(pipeline))
        return module

    def preview(codec, _step, _sigma, tensors):
        codec.decode_latents(tensors["expected_latents"])

    monkeypatch.setattr(torch.nn.Module, "to", recorded)
    with PretendedGPU():
        placement.place(pipeline, PLANS["24gb"], GPU)
        if pipeline.has_captioner:
            pipeline.caption(scene)
        stream = pipeline.compress(scene, caption="a cat")
        pipeline.decompress(stream, num_inference_steps=2, guidance_scale=3.0, callback_on_step_end=preview)
    large = pipeline.networks.keys() - set(SINGLE_PRECISION)
    assert {name for moment in moments for name in moment & large} == large
    assert all(len(moment & large) <= 1 for moment in moments)
    sizes = {name: size_in_memory(part) for name, part in pipeline.networks.items()}
    needed = estimate(sizes, replace(PLANS["24gb"], half=False))
    most = max(sum(sizes[name].bytes(4) for name in moment) for moment in moments)
    assert max(sizes[name].bytes(4) for name in large) < most <= needed.device
    assert needed.main == sum(size.bytes(4) for size in sizes.values())


def size_in_memory(part: torch.nn.Module) -> Size:
    values = [*part.parameters(), *part.buffers()]
    integers = [value for value in values if not value.is_floating_point()]
    return Size(
        sum(value.numel() for value in values if value.is_floating_point()),
        sum(value.numel() for value in integers),
        sum(value.nbytes for value in integers),
    )


def test_unknown_names_are_one_sentence():
    with pytest.raises(InputError, match="there is no memory plan '4gb': choose one of 8gb, 12gb, 24gb, 32gb, max"):
        get_plan("4gb")


@pytest.mark.parametrize("name", ["nonsense", "cuda:x", "meta", "cuda", "mps", "hpu", "mtia"])
def test_a_device_that_is_not_there_is_one_sentence_with_the_remedy(name):
    if name in ("cuda", "mps") and torch.get_device_module(name).is_available():
        pytest.skip("it is there")
    with pytest.raises(InputError) as caught:
        find_device(name)
    assert re.fullmatch(
        rf"the device {name} cannot be used \([^()]+\): work on the CPU, or install a build of torch for it",
        str(caught.value),
    )
    assert len(str(caught.value)) < 240


def test_plans_are_read_without_torch():
    code = "import sys, percov2_demo.checkpoints.memory_plans; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_gigabytes_in_words():
    assert [gigabytes(count) for count in (31_234_567_890, 4_449_000_000, 60_000_000)] == [
        "31 GB",
        "4.4 GB",
        "0.06 GB",
    ]
    assert re.fullmatch(r"[\d.]+ GB", gigabytes(0))
