"""The codec end to end on a tiny random model of the real classes."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from percov2_demo import PerCoV2Pipeline
from percov2_demo.checkpoints.memory_plans import ENTROPY_MODELS, PLANS
from percov2_demo.checkpoints.placement import place
from percov2_demo.entropy.payload import EntropyCoder
from percov2_demo.errors import InputError, ModelError
from percov2_demo.presets import PRESETS
from percov2_demo.sampling.sampler import Interrupted
from percov2_demo.sampling.settings import Sampling
from tests.conftest import (
    MODEL_PRESETS,
    tiny_hyper_codec,
    tiny_pipeline,
    tiny_sd3_parts,
    tiny_transformer,
)
from tests.images.files import AWKWARD
from tests.perco import tiny_perco
from tests.pretended_gpu import GPU, PretendedGPU, on_gpu


def largest_difference(first: Image.Image, second: Image.Image) -> int:
    return int(np.abs(np.asarray(first, int) - np.asarray(second, int)).max())


def sd3_pipeline() -> PerCoV2Pipeline:
    """The full-size arrangement: AutoencoderKL, three text encoders, velocity prediction, no hyper-decoder."""
    torch.manual_seed(1)
    hyper_codec = tiny_hyper_codec(decoder_width=0)
    pipeline = PerCoV2Pipeline(
        hyper_codec=hyper_codec,
        transformer=tiny_transformer(hyper_codec.condition_channels, text_width=16),
        **tiny_sd3_parts(),
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.mark.parametrize("preset", MODEL_PRESETS)
def test_round_trip_through_bytes(pipeline, scene, preset):
    stream = pipeline.compress(scene, preset, "an old castle")
    data = stream.to_bytes()
    received = pipeline.read(data)
    assert received == stream
    assert received.indices.shape == PRESETS[preset].grid(512, 512)
    first = pipeline.decompress(stream, num_inference_steps=2)
    second = pipeline.decompress(received, num_inference_steps=2)
    assert first.size == (512, 512)
    assert largest_difference(first, second) == 0


def test_ultra_low_file_is_64_bytes_and_caption_and_at_most_4(pipeline, scene):
    import zlib

    caption = "a white fence with a lighthouse behind it"
    coder = zlib.compressobj(9, wbits=-15)
    deflated = len(coder.compress(caption.encode()) + coder.flush())
    assert len(pipeline.compress(scene, "ultra-low", caption).to_bytes()) <= 64 + deflated + 4
    assert len(pipeline.compress(scene, "ultra-low").to_bytes()) <= 64 + 4


def test_encoding_is_deterministic_and_keeps_the_callers_picture(pipeline, scene):
    before = scene.tobytes()
    assert pipeline.compress(scene).to_bytes() == pipeline.compress(scene).to_bytes()
    assert scene.tobytes() == before


def test_autoencoder_kl_is_encoded_by_its_mode(scene):
    pipeline = sd3_pipeline()
    assert pipeline.compress(scene).to_bytes() == pipeline.compress(scene).to_bytes()


def test_native_fit_keeps_the_pictures_shape(pipeline, scene):
    stream = pipeline.compress(scene.resize((900, 600)))
    assert stream.width % 64 == stream.height % 64 == 0
    assert stream.width > stream.height
    assert pipeline.decompress(stream, num_inference_steps=1).size == (stream.width, stream.height)


def test_seed_decides_the_picture(pipeline, scene):
    stream = pipeline.compress(scene)
    first, second, again = (
        pipeline.decompress(stream, num_inference_steps=2, strength=1.0, seed=seed) for seed in (1, 2, 1)
    )
    assert largest_difference(first, again) == 0
    assert largest_difference(first, second) > 0
    with_generator = pipeline.decompress(
        stream, num_inference_steps=2, strength=1.0, generator=torch.Generator().manual_seed(1)
    )
    assert largest_difference(first, with_generator) == 0


@pytest.mark.parametrize("strength", [0.0, 0.7])
def test_a_host_programs_defaults_change_nothing(pipeline, scene, strength):
    stream = pipeline.compress(scene, "low", "a red house")
    expected = pipeline.decompress(stream, num_inference_steps=2, strength=strength, seed=3)
    torch.set_default_dtype(torch.float64)
    try:
        again = pipeline.compress(scene, "low", "a red house")
        picture = pipeline.decompress(again, num_inference_steps=2, strength=strength, seed=3)
    finally:
        torch.set_default_dtype(torch.float32)
    assert again == stream
    assert largest_difference(picture, expected) == 0


def test_several_seeds_make_one_batch(pipeline, scene):
    stream = pipeline.compress(scene)
    batch = pipeline.decompress(stream, num_inference_steps=2, seed=[3, 4])
    singles = [pipeline.decompress(stream, num_inference_steps=2, seed=seed) for seed in (3, 4)]
    assert len(batch) == 2
    assert all(largest_difference(a, b) <= 1 for a, b in zip(batch, singles, strict=True))


def test_thread_count_changes_nothing_visible(pipeline, scene):
    threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            stream = pipeline.compress(scene, "extreme-low", "a cat")
            results.append((stream, pipeline.decompress(stream, num_inference_steps=3)))
    finally:
        torch.set_num_threads(threads)
    (first_stream, first), (second_stream, second) = results
    assert first_stream == second_stream
    assert largest_difference(first, second) <= 1


def count_transformer_calls(pipeline, monkeypatch) -> list[int]:
    """The batch size of each call of the transformer."""
    calls = []
    forward = pipeline.transformer.forward

    def counted(*args, **kwargs):
        calls.append(len(kwargs["hidden_states"]))
        return forward(*args, **kwargs)

    monkeypatch.setattr(pipeline.transformer, "forward", counted)
    return calls


def test_guidance_runs_both_branches_as_one_batch(scene, monkeypatch):
    pipeline = tiny_pipeline()
    stream = pipeline.compress(scene, caption="a cat")
    calls = count_transformer_calls(pipeline, monkeypatch)
    pipeline.decompress(stream, num_inference_steps=3, guidance_scale=3.0)
    assert calls == [2, 2, 2]
    for settings in ({"guidance_scale": 1.0}, {"guidance_scale": 0.0}, {"guidance_scale": 3.0, "caption": ""}):
        calls.clear()
        pipeline.decompress(stream, num_inference_steps=3, **settings)
        assert calls == [1, 1, 1]


def test_guidance_is_linear_between_the_branches(scene):
    """With guidance 0 the caption has no effect; with 1 it is followed; the text reaches the picture at all."""
    pipeline = tiny_pipeline()
    with torch.no_grad():
        pipeline.transformer.proj_out.weight.mul_(50)
    stream = pipeline.compress(scene, caption="a cat")

    def decode(guidance, caption=None):
        return pipeline.decompress(stream, num_inference_steps=1, guidance_scale=guidance, caption=caption)

    assert largest_difference(decode(0.0), decode(1.0, caption="")) <= 1
    assert largest_difference(decode(0.0), decode(0.0, caption="an old castle")) == 0
    assert largest_difference(decode(8.0), decode(8.0, caption="an old castle")) > 0


def test_nothing_is_encoded_twice(scene, monkeypatch):
    pipeline = tiny_pipeline()
    stream = pipeline.compress(scene, caption="a cat")
    calls = {"text": 0, "indices": 0}
    encode, decode = pipeline.encode_captions, pipeline.hyper_codec.decode

    def counted_text(captions):
        calls["text"] += 1
        return encode(captions)

    def counted_indices(*args):
        calls["indices"] += 1
        return decode(*args)

    monkeypatch.setattr(pipeline, "encode_captions", counted_text)
    monkeypatch.setattr(pipeline.hyper_codec, "decode", counted_indices)
    pipeline.decompress(stream, num_inference_steps=4)
    assert calls == {"text": 1, "indices": 1}


@pytest.mark.parametrize("strength", [1.0, 0.6])
def test_sampler_runs_evenly_from_the_strength_to_zero(pipeline, scene, strength):
    """Evenly before the time shift of 3, which the scheduler then applies."""
    stream = pipeline.compress(scene)
    sigmas = []
    pipeline.decompress(
        stream,
        num_inference_steps=5,
        strength=strength,
        callback_on_step_end=lambda _p, _i, sigma, _t: sigmas.append(sigma),
    )
    unshifted = [sigma / (3 - 2 * sigma) for sigma in sigmas]
    assert sigmas[0] == pytest.approx(strength)
    assert unshifted == pytest.approx(np.linspace(unshifted[0], 0, 6)[:-1], abs=1e-6)


def test_strength_defaults_to_the_models(pipeline, scene):
    stream = pipeline.compress(scene, "ultra-low")
    sigmas = []
    pipeline.decompress(
        stream, num_inference_steps=4, callback_on_step_end=lambda _p, _i, sigma, _t: sigmas.append(sigma)
    )
    assert sigmas[0] == pytest.approx(0.5)
    assert len(sigmas) == 4
    assert pipeline.default_strength("low") == 1.0


def test_a_models_own_guidance_is_the_default(scene, tmp_path):
    pipeline = tiny_pipeline()
    assert pipeline.default_guidance == Sampling.guidance
    pipeline.register_to_config(default_guidance=1.5)
    torch.nn.init.normal_(pipeline.transformer.proj_out.weight, std=0.5)
    stream = pipeline.compress(scene, caption="a cat")
    own, asked, more = (pipeline.decompress(stream, 2, guidance_scale=scale) for scale in (None, 1.5, 9.0))
    assert largest_difference(own, asked) == 0 < largest_difference(own, more)
    pipeline.save_pretrained(tmp_path)
    assert PerCoV2Pipeline.from_pretrained(tmp_path).painters.own.settle("low").guidance == 1.5


def test_callback_sees_latents_and_may_replace_them(pipeline, scene):
    stream = pipeline.compress(scene)
    shapes = []

    def blank(_pipeline, _step, _sigma, tensors):
        shapes.append({name: tensor.shape for name, tensor in tensors.items()})
        return {"latents": torch.zeros_like(tensors["latents"])}

    image = pipeline.decompress(stream, num_inference_steps=2, callback_on_step_end=blank)
    assert shapes == [{"latents": (1, 16, 64, 64), "expected_latents": (1, 16, 64, 64)}] * 2
    grey = pipeline.decode_latents(torch.zeros(1, 16, 64, 64))[0]
    assert largest_difference(image, grey) == 0


def test_interrupt_stops_before_the_next_step(pipeline, scene):
    stream = pipeline.compress(scene)
    steps = []
    with pytest.raises(Interrupted):
        pipeline.decompress(
            stream,
            num_inference_steps=10,
            callback_on_step_end=lambda _p, step, _s, _t: steps.append(step),
            interrupt=lambda: len(steps) == 3,
        )
    assert steps == [0, 1, 2]


def test_strength_zero_is_the_estimate_without_noise_text_and_steps(pipeline, scene):
    stream = pipeline.compress(scene, "low", "a cat")
    steps = []
    pictures = [
        pipeline.decompress(
            stream, strength=0, seed=seed, caption=caption, callback_on_step_end=lambda *_: steps.append(1)
        )
        for seed, caption in ((0, "a cat"), (1, "a dog"))
    ]
    indices = torch.from_numpy(np.array(stream.indices))[None]
    expected = pipeline.decode_latents(pipeline.hyper_codec.decode(indices, "low").estimate)[0]
    assert not steps
    assert all(largest_difference(picture, expected) == 0 for picture in pictures)


def test_sd3_arrangement_decodes_from_pure_noise_only(scene):
    pipeline = sd3_pipeline()
    stream = pipeline.compress(scene, caption="a cat")
    assert pipeline.decompress(stream, num_inference_steps=2).size == (512, 512)
    with pytest.raises(InputError, match="no hyper-decoder"):
        pipeline.decompress(stream, num_inference_steps=2, strength=0.5)
    with pytest.raises(InputError, match="no hyper-decoder"):
        pipeline.decompress(stream, strength=0)


@pytest.mark.parametrize("build", [tiny_pipeline, sd3_pipeline])
def test_saved_model_is_the_same_model(build, scene, tmp_path):
    pipeline = build()
    stream = pipeline.compress(scene, caption="a cat")
    pipeline.save_pretrained(tmp_path)
    loaded = PerCoV2Pipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    assert loaded.identity == pipeline.identity
    assert loaded.default_strength("ultra-low") == pipeline.default_strength("ultra-low")
    assert loaded.compress(scene, caption="a cat") == stream
    first, second = (p.decompress(stream, num_inference_steps=2) for p in (pipeline, loaded))
    assert largest_difference(first, second) <= 1


def test_half_precision_storage_keeps_the_identity(tmp_path):
    pipeline = tiny_pipeline()
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.half()
    pipeline.save_pretrained(tmp_path)
    loaded = PerCoV2Pipeline.from_pretrained(tmp_path)
    assert loaded.dtype == torch.float32
    assert loaded.identity == pipeline.identity


def test_exchanged_weights_are_noticed_at_loading(tmp_path):
    tiny_pipeline(seed=0).save_pretrained(tmp_path / "a")
    tiny_pipeline(seed=1).save_pretrained(tmp_path / "b")
    name = "transformer/diffusion_pytorch_model.safetensors"
    (tmp_path / "a" / name).write_bytes((tmp_path / "b" / name).read_bytes())
    with pytest.raises(ModelError, match="do not match its identity"):
        PerCoV2Pipeline.from_pretrained(tmp_path / "a")


def test_hub_id_loads_from_the_hubs_cache(tmp_path, monkeypatch, scene):
    pipeline = tiny_pipeline()
    repository, commit = tmp_path / "models--someone--percov2-tiny", "0" * 40
    pipeline.save_pretrained(repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    loaded = PerCoV2Pipeline.from_pretrained("someone/percov2-tiny")
    assert loaded.compress(scene) == pipeline.compress(scene)
    with pytest.raises(ModelError, match="check the name"):
        PerCoV2Pipeline.from_pretrained("someone/percov2-other")


def test_folder_without_a_model_is_one_sentence(tmp_path):
    with pytest.raises(ModelError, match="there is no model in"):
        PerCoV2Pipeline.from_pretrained(tmp_path)


def test_stream_of_another_model_is_refused_by_name(pipeline, scene):
    other = tiny_pipeline(seed=5)
    stream = other.compress(scene)
    assert other.identity[:2] != pipeline.identity[:2]
    with pytest.raises(InputError, match=rf"model {other.identity[:2]}.* model {pipeline.identity[:2]}"):
        pipeline.decompress(stream)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_inference_steps": 0}, "steps"),
        ({"guidance_scale": -1.0}, "guidance"),
        ({"guidance_scale": math.nan}, "guidance"),
        ({"strength": -0.1}, "strength"),
        ({"strength": 1.1}, "strength"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"seed": []}, "seed"),
        ({"seed": [1, 2], "generator": torch.Generator()}, "generator"),
        ({"caption": "é" * 600}, "takes 1200 bytes in UTF-8: shorten it"),
        ({"caption": "\ud800"}, "no Unicode text"),
    ],
)
def test_settings_out_of_range_are_one_sentence(pipeline, scene, arguments, message):
    with pytest.raises(InputError, match=message):
        pipeline.decompress(pipeline.compress(scene), **arguments)


def test_a_caption_is_checked_before_the_picture_is_encoded(pipeline, scene, monkeypatch):
    monkeypatch.setattr(type(pipeline), "encode_latents", lambda *_: pytest.fail("the picture was encoded"))
    with pytest.raises(InputError, match="shorten it"):
        pipeline.compress(scene, caption="é" * 600)


def test_unknown_preset_and_oversized_stream(pipeline, scene):
    with pytest.raises(InputError, match="ultra-low"):
        pipeline.compress(scene, preset="tiny")


def test_parts_that_do_not_fit_are_refused():
    parts = dict(tiny_pipeline().components)
    with pytest.raises(ModelError, match="widen its input"):
        PerCoV2Pipeline(**parts | {"transformer": tiny_transformer(condition_channels=7)})
    with pytest.raises(ModelError, match="prediction type"):
        PerCoV2Pipeline(**parts, prediction_type="epsilon")
    parts = dict(sd3_pipeline().components)
    for settings in ({"prediction_type": "residual"}, {"default_strength": {"low": 0.5}}):
        with pytest.raises(ModelError, match="hyper-decoders"):
            PerCoV2Pipeline(**parts, **settings)


def test_identity_covers_what_gives_the_weights_their_meaning():
    pipeline = tiny_pipeline()
    before = pipeline.compute_identity()
    pipeline.vae.register_to_config(scaling_factor=1.1)
    assert pipeline.compute_identity() != before
    pipeline.vae.register_to_config(scaling_factor=1.0)
    assert pipeline.compute_identity() == before
    pipeline.register_to_config(prediction_type="velocity")
    assert pipeline.compute_identity() != before


SIZES = [(16, 16), (16, 8000), (8000, 16), (17, 4000), (3000, 2000), (1000, 999)]


SOME_AWKWARD = dict(list(AWKWARD.items())[::8])
"""How each kind of file is read is shown where files are read."""


@pytest.mark.parametrize("make", [make for make, *_ in SOME_AWKWARD.values()], ids=SOME_AWKWARD)
def test_awkward_pictures_come_back(pipeline, make, tmp_path):
    path = tmp_path / "picture"
    path.write_bytes(make())
    assert_comes_back(pipeline, path)


@pytest.mark.parametrize("size", SIZES)
def test_awkward_sizes_come_back(pipeline, size):
    assert_comes_back(pipeline, Image.new("L", size, 90))


def assert_comes_back(pipeline, picture):
    stream = pipeline.read(pipeline.compress(picture).to_bytes())
    decoded = pipeline.decompress(stream, num_inference_steps=1)
    assert decoded.size == (stream.width, stream.height)
    assert decoded.mode == "RGB"


def test_entropy_models_survive_saving_in_half_precision(scene, tmp_path):
    pipeline = tiny_pipeline()
    data = pipeline.compress(scene, "low", "a cat on a mat", entropy="qlds").to_bytes()
    pipeline.to(torch.float16, silence_dtype_warnings=True)
    pipeline.save_pretrained(tmp_path)
    loaded = PerCoV2Pipeline.from_pretrained(tmp_path)
    assert loaded.read(data).caption == "a cat on a mat"
    assert EntropyCoder.from_pretrained(tmp_path).information(loaded.read(data)).shape == (16, 16)


@pytest.mark.parametrize("plan", ["24gb", "32gb"])
def test_the_entropy_models_stay_on_the_cpu(plan, pipeline, scene):
    placed = tiny_pipeline()
    with PretendedGPU():
        place(placed, PLANS[plan], GPU)
        assert not on_gpu(placed) & set(ENTROPY_MODELS)
        assert placed.captioner.device == GPU
        stream = placed.compress(scene, "low", "a cat on a mat")
        assert not on_gpu(placed) & set(ENTROPY_MODELS)
        assert placed.entropy_coder.indices.model is placed.masked_model
    assert stream == pipeline.compress(scene, "low", "a cat on a mat")


@pytest.mark.parametrize("build", [tiny_pipeline, pytest.param(tiny_perco, marks=pytest.mark.slow)])
def test_work_that_fails_leaves_the_gpu_as_it_was(build, scene, monkeypatch):
    """A part that stays takes the room that the next picture's parts need."""
    pipeline = build()

    def fail(*_args, **_kwargs):
        raise RuntimeError("out of memory")

    with PretendedGPU():
        place(pipeline, PLANS["24gb"], GPU)
        before = on_gpu(pipeline)
        stream = pipeline.compress(scene, caption="a cat")
        failures = {
            "compress": (pipeline.hyper_codec, "encode", lambda: pipeline.compress(scene)),
            "start": (pipeline.hyper_codec, "decode", lambda: pipeline.start(stream)),
            "decompress": (pipeline.vae, "decode", lambda: pipeline.decompress(stream, num_inference_steps=1)),
        }
        if pipeline.captioner is not None:
            failures["caption"] = (pipeline.captioner, "generate", lambda: pipeline.caption(scene))
        for name, (part, method, work) in failures.items():
            with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="out of memory"):
                patch.setattr(part, method, fail)
                work()
            assert on_gpu(pipeline) == before, name
