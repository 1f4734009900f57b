"""The captioner's batches and objective."""

import math

import pytest
import torch
from safetensors.torch import save_file

from percov2_demo.data.shards import read_shards
from percov2_demo.errors import InputError
from percov2_demo.training.objectives.captioner import CaptionerBatches, CaptionerObjective
from tests.conftest import CAPTIONS, VOCABULARY, tiny_captioner, tiny_tokenizer
from tests.shards import write_shard


@pytest.fixture
def tokenizer():
    return tiny_tokenizer()


@pytest.fixture
def photos(tmp_path):
    write_shard(tmp_path / "train-00.tar", 2, "a")
    write_shard(tmp_path / "train-01.tar", 1, "b")
    return read_shards(tmp_path.glob("*.tar"))


@pytest.fixture
def batches(photos, tokenizer, tmp_path):
    """Latents of photo n are n, negative where mirrored, plus a hundredth for each row."""
    rows = torch.arange(9).view(9, 1) / 100
    for name, numbers in (("train-00", [1.0, 2.0]), ("train-01", [3.0])):
        plain = torch.tensor(numbers).view(-1, 1, 1, 1) + rows.expand(1, 16, 9, 9)
        save_file({"plain": plain.half(), "mirrored": (-plain).half()}, tmp_path / f"{name}.safetensors")
    return CaptionerBatches(
        tmp_path.glob("*.safetensors"), photos, CAPTIONS, tokenizer, 20, 8, 40, 0, torch.device("cpu")
    )


def test_crops_go_with_their_captions(batches, tokenizer):
    batch = batches(0)
    assert batch["latents"].shape == (40, 16, 8, 8)
    seen = set()
    for latents, caption in zip(batch["latents"], batch["captions"], strict=True):
        number = round(latents[0, 0, 0].abs().item())
        text = tokenizer.decode(caption[caption >= 0], skip_special_tokens=True).strip()
        assert text == ("photo 0 of a", "photo 1 of a", "photo 0 of b")[number - 1]
        seen.add((number, bool(latents[0, 0, 0] > 0), round(100 * latents[0, 0, 0].abs().item()) % 100))
    assert len(seen) == 3 * 2 * 2
    assert {text.strip() for text in tokenizer.batch_decode(batch["texts"].clamp(min=0), True)} == set(CAPTIONS)
    assert all(torch.equal(tensor, batches(0)[name]) for name, tensor in batch.items())
    assert not torch.equal(batches(1)["latents"], batch["latents"])


def test_captions_lie_between_marks(batches, tokenizer):
    for captions in (batches(0)["captions"], batches(0)["texts"]):
        assert (captions[:, 0] == tokenizer.bos_token_id).all()
        for caption in captions:
            assert caption[caption >= 0][-1] == tokenizer.eos_token_id


def test_latents_of_other_photos_are_refused(photos, tokenizer, tmp_path):
    save_file({name: torch.zeros(2, 16, 9, 9) for name in ("plain", "mirrored")}, tmp_path / "train-00.safetensors")
    with pytest.raises(InputError, match="not those of the shards"):
        CaptionerBatches(tmp_path.glob("*.safetensors"), photos, CAPTIONS, tokenizer, 20, 8, 4, 0, torch.device("cpu"))


def test_a_model_that_knows_nothing_takes_the_vocabularys_nats(batches):
    model = tiny_captioner()
    torch.nn.init.zeros_(model.get_output_embeddings().weight)
    losses = CaptionerObjective(model, batches.counts, 0.1, words_weight=0.5, text_weight=0.3)(**batches(0))
    for name in ("caption", "words", "text"):
        assert losses[name].item() == pytest.approx(math.log(VOCABULARY), rel=1e-4)
    assert losses["loss"].item() == pytest.approx(1.8 * math.log(VOCABULARY), rel=1e-4)


def test_padding_changes_no_loss(batches):
    objective = CaptionerObjective(tiny_captioner(), batches.counts, 0.0, words_weight=1.0, text_weight=1.0).eval()
    batch = batches(0)
    longer = batch | {name: torch.nn.functional.pad(batch[name], (0, 3), value=-100) for name in ("captions", "texts")}
    for name, loss in objective(**batch).items():
        assert objective(**longer)[name].item() == pytest.approx(loss.item(), rel=1e-4), name


def test_it_learns_which_photo_is_which(batches):
    torch.manual_seed(0)
    patterns = torch.randn(3, 16, 8, 8)
    objective = CaptionerObjective(tiny_captioner(), batches.counts, 0.0, words_weight=1.0, text_weight=0.1)
    optimizer = torch.optim.AdamW(objective.parameters(), lr=1e-2)

    def batch(step):
        few = {name: tensor[:12] for name, tensor in batches(step).items()}
        return few | {"latents": patterns[few["latents"][:, 0, 0, 0].abs().round().long() - 1]}

    for step in range(100):
        objective(**batch(step))["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()
    objective.eval()
    right = objective(**batch(100))["caption"]
    wrong = objective(**batch(100) | {"latents": batch(100)["latents"].roll(1, 0)})["caption"]
    assert right < 0.5 * wrong
