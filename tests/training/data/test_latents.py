"""Photos as latents: encoded once, drawn as batches, and whole ones both ways."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from percov2_demo.data.shards import Photo, read_shards
from percov2_demo.models.autoencoder import scaled_latents
from percov2_demo.training.data.edits import EDITS
from percov2_demo.training.data.latents import LatentBatches, encode_both_ways, encode_photos, latent_statistics
from percov2_demo.training.data.photos import to_tensor
from tests.conftest import tiny_autoencoder
from tests.shards import write_shard


def test_mirrored_latents_are_those_of_the_mirrored_photo(tmp_path):
    write_shard(tmp_path / "train-00.tar", 3, "a")
    photos = read_shards(tmp_path.glob("*.tar"))
    vae = tiny_autoencoder()
    vae.register_to_config(shift_factor=0.5, scaling_factor=2.0)
    path = tmp_path / "latents" / "train-00.safetensors"
    encode_both_ways(photos, vae, path, 72, torch.device("cpu"))
    views = load_file(path)
    assert {name: tuple(view.shape) for name, view in views.items()} == dict.fromkeys(
        ("plain", "mirrored"), (3, 16, 9, 9)
    )
    pixels = np.asarray(Image.fromarray(photos[2].pixels()).resize((72, 72), Image.Resampling.LANCZOS))
    for name, expected in (("plain", pixels), ("mirrored", pixels[:, ::-1])):
        with torch.inference_mode():
            latents = scaled_latents(vae, to_tensor(expected[None]))[0]
        torch.testing.assert_close(views[name][2].float(), latents, atol=2e-3, rtol=2e-3)


def test_photos_are_encoded_in_sizes_that_the_seed_draws(tmp_path):
    write_shard(tmp_path / "train-00.tar", 8, "a")
    photos, vae = read_shards(tmp_path.glob("*.tar")), tiny_autoencoder()

    def encode(seed):
        path = tmp_path / f"{seed}.safetensors"
        encode_photos(photos, vae, path, (64, 128), 0.5, seed, torch.device("cpu"))
        return path, load_file(path)

    path, first = encode(3)
    plain = {key: value for key, value in first.items() if "." not in key}
    edited = {key: value for key, value in first.items() if "." in key}
    assert set(plain) == {str(number) for number in range(8)}
    assert 0 < len(edited) < 8
    for key, value in edited.items():
        number, edit = key.split(".")
        assert int(edit) < len(EDITS)
        assert value.shape == plain[number].shape and not torch.equal(value, plain[number])
    assert all(8 <= min(value.shape[1:]) <= 16 for value in plain.values())
    assert len({value.shape for value in plain.values()}) > 1
    assert {key: value.tolist() for key, value in encode(3)[1].items()} == {k: v.tolist() for k, v in first.items()}
    other = encode(4)[1]
    assert any(key not in other or other[key].shape != value.shape for key, value in first.items())

    values = torch.cat([value.double().flatten() for value in plain.values()])
    shift, scale = latent_statistics(path)
    assert shift == pytest.approx(values.mean().item())
    assert scale == pytest.approx(1 / values.std(correction=0).item())


SHIFT, SCALE = 0.25, 4.0
SIZES = ((24, 40), (40, 24), (48, 48), (16, 16))
FOG = 3


def cells(number, height, width):
    """Raw latents whose first three channels say photo, row and column, exactly in half precision."""
    latents = torch.zeros(4, height, width)
    latents[0] = number
    latents[1], latents[2] = torch.arange(height)[:, None], torch.arange(width)
    return latents


@pytest.fixture
def photos():
    return [Photo(b"", (f"photo {number}", f"again photo {number}"), "a") for number in range(len(SIZES))]


@pytest.fixture
def latent_batches(tmp_path, photos):
    """Batches of four photos, of which the first and the third have an edited version; the last is too small."""
    versions = {str(number): cells(number, *size) for number, size in enumerate(SIZES)}
    # The edit's number is in the last channel, which is 0 for what is not edited.
    for number in (0, 2):
        versions[f"{number}.{FOG}"] = versions[str(number)].clone()
        versions[f"{number}.{FOG}"][3] = 1 + FOG
    save_file({key: value.half() for key, value in versions.items()}, tmp_path / "train.safetensors")

    def make(shapes=((24, 24, 1.0, 64),), caption_dropout=0.1, seed=0):
        return LatentBatches(tmp_path / "train.safetensors", photos, SHIFT, SCALE, shapes, caption_dropout, seed)

    return make


def samples(batch):
    """Target, source and caption of each sample, unscaled."""
    raw = [latents / SCALE + SHIFT for latents in (batch.latents, batch.sources)]
    return list(zip(*raw, batch.captions, strict=True))


def test_source_and_target_are_one_window_of_one_photo(latent_batches):
    batches, numbers = latent_batches(), []
    for step in range(4):
        for target, source, _ in samples(batches(step)):
            assert torch.equal(target[:3], source[:3])
            number = int(target[0, 0, 0])
            numbers.append(number)
            top, left = int(target[1, 0, 0]), int(target[2, 0, 0])
            assert torch.equal(target[:3], cells(number, *SIZES[number])[:3, top : top + 24, left : left + 24])
    assert set(numbers) == {0, 1, 2}


def test_captions_name_the_edit_and_sources_lack_it_in_most_samples(latent_batches):
    batches, kinds = latent_batches(), []
    for step in range(40):
        for target, source, caption in samples(batches(step)):
            number, edited, sent = int(target[0, 0, 0]), target[3, 0, 0].item() > 0, source[3, 0, 0].item() > 0
            own = {f"photo {number}", f"again photo {number}"}
            named = {phrase.format(text) for phrase in (EDITS[FOG].caption, *EDITS[FOG].phrases) for text in own}
            assert caption in (named if edited else own | {""})
            assert edited or not sent
            assert not edited or number in (0, 2)
            kinds.append((number in (0, 2), edited, sent, caption == ""))
    editable = [kind for kind in kinds if kind[0]]
    share = np.mean([edited for _, edited, *_ in editable])
    assert share == pytest.approx(0.9 * LatentBatches.EDITED, abs=0.04)
    unsent = np.mean([not sent for _, edited, sent, _ in editable if edited])
    assert unsent == pytest.approx(LatentBatches.REWRITTEN, abs=0.04)
    assert np.mean([empty for *_, empty in kinds]) == pytest.approx(0.1, abs=0.02)


def test_shapes_are_drawn_in_their_shares_from_photos_that_are_large_enough(latent_batches):
    batches = latent_batches(shapes=((24, 40, 0.6, 3), (40, 24, 0.2, 2), (48, 48, 0.2, 1)))
    drawn = []
    for step in range(200):
        batch = batches(step)
        drawn.append(batch.latents.shape)
        assert batch.sources.shape == batch.latents.shape and len(batch.captions) == len(batch.latents)
        numbers = set((batch.latents[:, 0, 0, 0] / SCALE + SHIFT).tolist())
        assert numbers <= {(24, 40): {0, 2}, (40, 24): {1, 2}, (48, 48): {2}}[tuple(batch.latents.shape[2:])]
    shares = [drawn.count(shape) / 200 for shape in ((3, 4, 24, 40), (2, 4, 40, 24), (1, 4, 48, 48))]
    assert shares == pytest.approx([0.6, 0.2, 0.2], abs=0.08)


def test_batches_depend_on_seed_and_step_alone(latent_batches):
    shapes = ((24, 24, 0.5, 8), (24, 40, 0.5, 8))
    batches, again, other = (latent_batches(shapes, seed=seed) for seed in (1, 1, 2))

    def content(batch):
        return batch.latents.tolist(), batch.sources.tolist(), batch.captions

    late = content(batches(7))
    for step in (3, 7):
        assert content(batches(step)) == content(again(step))
    assert content(batches(7)) == late
    assert content(batches(3)) != late
    assert content(other(7)) != late


def test_small_sources_are_seen_more_often_than_their_share(tmp_path):
    """As the square root of their size."""
    save_file({str(number): cells(number, 2, 2).half() for number in range(10)}, tmp_path / "train.safetensors")
    photos = [Photo(b"", ("",), "small" if number == 9 else "big") for number in range(10)]
    batches = LatentBatches(tmp_path / "train.safetensors", photos, 0.0, 1.0, ((2, 2, 1.0, 4000),), 0.0, 0)
    assert (batches(0).latents[:, 0, 0, 0] == 9).float().mean() == pytest.approx(1 / 4, abs=0.02)
