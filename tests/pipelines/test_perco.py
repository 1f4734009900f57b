"""PerCo (SD) end to end on a tiny random model of the real classes."""

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel

from percov2_demo import HyperCodec, PerCoPipeline
from percov2_demo.checkpoints.memory_plans import PLANS
from percov2_demo.errors import InputError, ModelError
from percov2_demo.presets import PRESETS
from percov2_demo.sampling.sampler import Interrupted
from percov2_demo.sampling.settings import Sampling
from tests.perco import SCHEDULER, TINY_UNET_CONFIG, tiny_perco
from tests.pipelines.test_percov2 import largest_difference
from tests.plans import EACH_PLAN


@pytest.fixture(scope="module")
def perco() -> PerCoPipeline:
    return tiny_perco(("ultra-low", "extreme-low", "high"))


@pytest.mark.parametrize("preset", ["ultra-low", "extreme-low", "high"])
def test_round_trip_through_bytes(perco, scene, preset):
    stream = perco.compress(scene, preset, "an old castle")
    data = stream.to_bytes()
    assert (stream.version, stream.entropy, stream.caption_coding) == (1, "uniform", "deflate")
    assert stream.part_sizes.spatial == PRESETS[preset].index_bytes(512, 512)
    received = perco.read(data)
    assert received == stream
    pictures = [perco.decompress(each, num_inference_steps=2) for each in (stream, received)]
    assert pictures[0].size == (512, 512)
    assert largest_difference(*pictures) == 0


def test_encoding_is_by_the_mode_and_noise_is_the_cpus(perco, scene):
    stream = perco.compress(scene)
    torch.manual_seed(5)
    assert perco.compress(scene) == stream
    first, again, other = (perco.decompress(stream, num_inference_steps=2, seed=seed) for seed in (1, 1, 2))
    generator = torch.Generator().manual_seed(1)
    assert largest_difference(first, again) == 0
    assert largest_difference(first, perco.decompress(stream, num_inference_steps=2, generator=generator)) == 0
    assert largest_difference(first, other) > 0


def test_it_paints_20_steps_unless_told_otherwise(perco, scene):
    stream, sigmas = perco.compress(scene), []
    perco.decompress(stream, callback_on_step_end=lambda _p, _i, sigma, _t: sigmas.append(sigma))
    assert len(sigmas) == perco.default_steps == 20
    assert sigmas == sorted(sigmas, reverse=True)
    assert sigmas[0] > 0.99
    assert sigmas[-1] < 0.05


def test_the_sampler_is_diffusers_ddim_on_v(perco, scene):
    """The loop written out: both branches with the same z_hat, guidance on the text, the noise of a CPU generator."""
    stream = perco.compress(scene, "ultra-low", "a cat")
    received = []
    perco.decompress(
        stream,
        num_inference_steps=3,
        guidance_scale=3.0,
        seed=4,
        callback_on_step_end=lambda _p, _i, _s, tensors: received.append(tensors),
    )
    scheduler = DDIMScheduler(**SCHEDULER)
    scheduler.set_timesteps(3)
    assert scheduler.timesteps.tolist() == [667, 334, 1]
    codec = perco.hyper_codec
    with torch.inference_mode():
        z_hat = codec.quantizers["ultra-low"].decode(torch.from_numpy(np.array(stream.indices))[None])
        condition = z_hat.repeat_interleave(8, 2).repeat_interleave(8, 3)
        ids = [
            perco.tokenizer(text, padding="max_length", max_length=16, truncation=True, return_tensors="pt").input_ids
            for text in ("", "a cat")
        ]
        text = perco.text_encoder(torch.cat(ids)).last_hidden_state
        latents = torch.randn(1, 4, 64, 64, generator=torch.Generator().manual_seed(4))
        for timestep, tensors in zip(scheduler.timesteps, received, strict=True):
            noisy = torch.cat([latents, condition], dim=1)
            without, with_text = (perco.unet(noisy, timestep, half[None]).sample for half in text)
            alpha = scheduler.alphas_cumprod[timestep]
            prediction = without + 3.0 * (with_text - without)
            expected = alpha**0.5 * latents - (1 - alpha) ** 0.5 * prediction
            assert torch.allclose(tensors["expected_latents"], expected, atol=1e-3)
            latents = scheduler.step(prediction, timestep, latents).prev_sample
            assert torch.allclose(tensors["latents"], latents, atol=1e-3)


def test_guidance_1_runs_one_branch_and_0_ignores_the_caption(scene, monkeypatch):
    perco, batches = tiny_perco(), []
    stream = perco.compress(scene, caption="a cat")
    forward = perco.unet.forward

    def counted(sample, *args, **kwargs):
        batches.append(len(sample))
        return forward(sample, *args, **kwargs)

    monkeypatch.setattr(perco.unet, "forward", counted)
    for settings in ({"guidance_scale": 3.0}, {"guidance_scale": 1.0}, {"guidance_scale": 3.0, "caption": ""}):
        perco.decompress(stream, num_inference_steps=1, **settings)
    assert batches == [2, 1, 1]
    nothing = perco.decompress(stream, num_inference_steps=1, guidance_scale=0)
    assert largest_difference(nothing, perco.decompress(stream, num_inference_steps=1, caption="")) == 0


def test_several_seeds_and_an_interrupt(perco, scene):
    stream = perco.compress(scene.resize((300, 200)))
    batch = perco.decompress(stream, num_inference_steps=2, seed=[3, 4])
    singles = [perco.decompress(stream, num_inference_steps=2, seed=seed) for seed in (3, 4)]
    assert all(largest_difference(a, b) <= 1 for a, b in zip(batch, singles, strict=True))
    with pytest.raises(Interrupted):
        perco.decompress(stream, interrupt=lambda: True)


def test_a_start_that_painted_before_paints_other_settings_as_a_fresh_one(perco, scene):
    """DDIM's first noise level is another one for another number of steps."""
    stream = perco.compress(scene, caption="a cat")
    shared = perco.start(stream)
    for sampling in (Sampling(2), Sampling(3), Sampling(3, guidance=1.5)):
        (again,), (fresh,) = perco.paint(shared, [sampling]), perco.paint(perco.start(stream), [sampling])
        assert largest_difference(again, fresh) <= 1


@pytest.mark.parametrize("plan", EACH_PLAN)
def test_streams_pass_between_memory_plans(plan, perco, scene, tmp_path):
    perco.save_pretrained(tmp_path)
    loaded = PerCoPipeline.from_pretrained(tmp_path, memory=plan)
    loaded.set_progress_bar_config(disable=True)
    half = torch.bfloat16 if PLANS[plan].half else torch.float32
    assert (loaded.unet.dtype, loaded.text_encoder.dtype) == (half, half)
    assert loaded.vae.dtype == loaded.hyper_codec.dtype == torch.float32
    data = loaded.compress(scene, "high", "a cat").to_bytes()
    assert data == perco.compress(scene, "high", "a cat").to_bytes()
    assert loaded.vae.use_tiling is PLANS[plan].tiling
    stream = perco.read(data)
    assert perco.decompress(stream, num_inference_steps=1).size == (512, 512)
    assert loaded.decompress(stream, num_inference_steps=1).size == (512, 512)


def test_captions_are_another_models(scene, blip2_folder, tmp_path):
    perco = tiny_perco()
    with pytest.raises(InputError, match="no captioner of its own"):
        perco.use_captioner("embedded")
    perco.use_captioner(str(blip2_folder))
    assert perco.has_captioner
    assert not perco.has_own_captioner
    assert isinstance(perco.caption(scene), str)
    perco.use_captioner("none")
    assert not perco.has_captioner
    perco.save_pretrained(tmp_path)
    assert PerCoPipeline.from_pretrained(tmp_path).identity == perco.identity


def test_the_autoencoder_has_a_scale_and_no_shift(perco, scene):
    tile = scene.resize((256, 256))
    latents = perco.encode_latents(tile)
    with torch.inference_mode():
        raw = perco.vae.encode(perco.image_processor.preprocess(tile)).latent_dist.mode()
    assert perco.vae.config.shift_factor is None
    assert torch.allclose(latents, raw * 0.18215)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strength": 0.5}, "no hyper-decoder"),
        ({"strength": 0}, "no hyper-decoder"),
        ({"num_inference_steps": 101}, "1 to 100"),
        ({"fast": True}, "no fast mode"),
    ],
)
def test_what_it_cannot_do_is_one_sentence(perco, scene, settings, message):
    with pytest.raises(InputError, match=message):
        perco.decompress(perco.compress(scene), **settings)


def test_without_entropy_models_there_is_one_coding(perco, scene):
    stream = perco.compress(scene)
    assert perco.entropy_coder is perco.entropy_identity is perco.captioner is None
    assert perco.information(stream).tolist() == [[8.0] * 8] * 8
    assert perco.recode(stream, caption_coding="zlib").caption_coding == "zlib"
    assert perco.caption_bytes("a cat") == perco.compress(scene, caption="a cat").part_sizes.caption
    for refused in (
        lambda: perco.recode(stream, entropy="quincunx"),
        lambda: perco.conceal(stream, [0]),
        lambda: perco.trace(stream),
        lambda: perco.caption(scene),
    ):
        with pytest.raises(InputError, match=r"^this (model|stream)"):
            refused()


def test_saved_model_is_the_same_model(scene, tmp_path):
    perco = tiny_perco()
    stream = perco.compress(scene, caption="a cat")
    perco.save_pretrained(tmp_path)
    loaded = PerCoPipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    assert loaded.identity == perco.identity
    assert loaded.compress(scene, caption="a cat") == stream
    pictures = [each.decompress(stream, num_inference_steps=2) for each in (perco, loaded)]
    assert largest_difference(*pictures) <= 1


def test_parts_that_do_not_fit_are_refused():
    parts = dict(tiny_perco().components)
    with pytest.raises(ModelError, match="takes 4 input channels, but latent and z_hat have 20"):
        PerCoPipeline(**parts | {"unet": UNet2DConditionModel(**TINY_UNET_CONFIG)})
    other = TINY_UNET_CONFIG | {"in_channels": 20, "cross_attention_dim": 24}
    with pytest.raises(ModelError, match="text of 24 channels, but the text encoder gives 16"):
        PerCoPipeline(**parts | {"unet": UNet2DConditionModel(**other)})
    codec = HyperCodec(presets=("ultra-low",), latent_channels=4, encoder_width=8, channels=16, decoder_width=8)
    with pytest.raises(ModelError, match="no hyper-decoders"):
        PerCoPipeline(**parts | {"hyper_codec": codec})
