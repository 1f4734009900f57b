"""LPIPS and CLIP on random weights, against their formulas by hand and the real libraries."""

import hashlib
import socket

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel

from percov2_demo.errors import MetricError
from percov2_demo.metrics import Clip, Lpips, learned, load_clip, load_lpips
from percov2_demo.metrics.learned import LpipsNetwork
from tests.conftest import VOCABULARY, tiny_tokenizer
from tests.metrics.pictures import noisy, texture


def random_network(seed: int = 0) -> LpipsNetwork:
    torch.manual_seed(seed)
    network = LpipsNetwork().eval()
    with torch.no_grad():
        for index in range(5):
            getattr(network, f"lin{index}").model[0].weight.abs_()
    return network


def by_hand(network: LpipsNetwork, first: torch.Tensor, second: torch.Tensor) -> float:
    """LPIPS of two pictures in [0, 1], layer by layer in double precision, from the paper and AlexNet's layout."""
    weights = {name: value.double() for name, value in network.state_dict().items()}
    convolutions = (
        ("net.slice1.0", 4, 2),
        ("net.slice2.3", 1, 2),
        ("net.slice3.6", 1, 1),
        ("net.slice4.8", 1, 1),
        ("net.slice5.10", 1, 1),
    )
    shift = torch.tensor((-0.030, -0.088, -0.188), dtype=torch.float64).view(1, 3, 1, 1)
    scale = torch.tensor((0.458, 0.448, 0.450), dtype=torch.float64).view(1, 3, 1, 1)

    def features(picture: torch.Tensor) -> list[np.ndarray]:
        x, activations = ((2 * picture.double() - 1)[None] - shift) / scale, []
        for index, (name, stride, padding) in enumerate(convolutions):
            if index in (1, 2):
                x = torch.nn.functional.max_pool2d(x, 3, 2)
            x = torch.nn.functional.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], stride, padding)
            x = x.clamp(min=0)
            activations.append(x[0].numpy())
        return activations

    total = 0.0
    for index, (a, b) in enumerate(zip(features(first), features(second), strict=True)):
        head = weights[f"lin{index}.model.1.weight"].numpy().reshape(-1)
        a, b = (x / (np.linalg.norm(x, axis=0) + 1e-10) for x in (a, b))
        total += np.einsum("c,chw->hw", head, (a - b) ** 2).mean()
    return float(total)


def test_lpips_is_the_formula():
    network = random_network()
    metric = Lpips(network)
    first, second = texture(80, 112), noisy(texture(80, 112), 30)
    assert metric(first, second) == pytest.approx(by_hand(network, first, second), rel=1e-4)
    assert metric(first, second) > 1e-4
    assert metric(first, first) == 0


def test_lpips_equals_the_package():
    package = pytest.importorskip("lpips")
    network = random_network()
    theirs = package.LPIPS(net="alex", pretrained=False, pnet_rand=True, verbose=False)
    missing, unexpected = theirs.load_state_dict(network.state_dict(), strict=False)
    assert not unexpected
    # The package lists its heads twice and keeps its constants.
    assert {name.split(".")[0] for name in missing} <= {"scaling_layer", "lins"}
    first, second = texture(80, 112), noisy(texture(80, 112), 30)
    assert Lpips(network)(first, second) == pytest.approx(Lpips(theirs)(first, second), rel=1e-5)


def test_lpips_batches_and_refuses_bad_pictures():
    network = random_network()
    batch = torch.stack([texture(64, 64), texture(64, 64, seed=1)]) * 2 - 1
    assert network(batch, batch.flip(0)).shape == (2, 1, 1, 1)
    with pytest.raises(MetricError, match="one size"):
        Lpips(network)(texture(64, 64), texture(64, 80))
    with pytest.raises(MetricError, match="at least 64"):
        Lpips(network)(texture(40, 64), texture(40, 64))


def test_lpips_loads_a_file_in_the_package_s_layout(tmp_path, monkeypatch):
    network = random_network()
    path = tmp_path / "alexnet.safetensors"
    extra = {"scaling_layer.shift": torch.zeros(1, 3, 1, 1), "lins.0.model.1.weight": torch.zeros(1, 64, 1, 1)}
    save_file(network.state_dict() | extra, path)
    first, second = texture(80, 112), noisy(texture(80, 112), 30)
    expected = Lpips(network)(first, second)
    assert load_lpips(source=path)(first, second) == expected
    monkeypatch.setenv("PERCOV2_LPIPS", str(path))
    assert load_lpips()(first, second) == expected


@pytest.fixture
def no_trunk(tmp_path, monkeypatch):
    """The folder of torch's downloads, empty."""
    monkeypatch.delenv("PERCOV2_LPIPS", raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


@pytest.fixture
def trunk(no_trunk):
    """A file of AlexNet as torchvision's, with random weights."""
    layers = {name: value for name, value in random_network().state_dict().items() if name.startswith("net.")}
    path = no_trunk / "alexnet-owt-7be5be79.pth"
    torch.save({f"features.{name.split('.', 2)[2]}": value for name, value in layers.items()}, path)
    return path


def test_published_weights_are_put_together(trunk, monkeypatch):
    monkeypatch.setattr(learned, "_TRUNK_SHA256", hashlib.sha256(trunk.read_bytes()).hexdigest())
    network = load_lpips(local_only=True).network
    assert network.net.slice3[1].weight.equal(random_network().net.slice3[1].weight)
    # The heads are the authors' own, which are known to weigh each channel by a share that is not negative.
    heads = [getattr(network, f"lin{index}").model[0].weight for index in range(5)]
    assert [head.shape[1] for head in heads] == [64, 192, 384, 256, 256]
    assert all(head.min() >= 0 and 0.1 < head.max() < 10 for head in heads)


def test_weights_that_nobody_published_are_not_unpickled(trunk, monkeypatch):
    read = []
    monkeypatch.setattr(torch, "load", lambda file, **options: read.append(file.name))
    with pytest.raises(MetricError, match=r"alexnet-owt-7be5be79\.pth is not the file that was published"):
        load_lpips()
    assert [name for name in read if name.endswith(trunk.name)] == []


def test_lpips_without_its_weights_says_what_to_do(no_trunk, monkeypatch):
    def unreachable(url, path, sha256, progress):
        raise OSError(f"{url} cannot be reached")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    with pytest.raises(MetricError, match=r"^LPIPS unavailable offline: fetch https://download\.pytorch\.org/"):
        load_lpips()
    monkeypatch.setattr(learned, "_HEADS", {"no_such_package": "alex.pth"})
    with pytest.raises(MetricError, match="run pip install torchmetrics"):
        load_lpips()


def test_lpips_refuses_other_files(tmp_path):
    save_file({"weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("weights")
    for name in ("other", "text"):
        with pytest.raises(MetricError, match="does not hold"):
            load_lpips(source=tmp_path / f"{name}.safetensors")


def tiny_clip_model() -> CLIPModel:
    torch.manual_seed(0)
    text = {
        "vocab_size": VOCABULARY,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 16,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 1,
    }
    vision = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
    }
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)).eval()


@pytest.fixture(scope="module")
def clip() -> Clip:
    return Clip(tiny_clip_model(), tiny_tokenizer())


def test_clip_equals_the_model_s_own_cosine(clip):
    """Pictures of the network's size need no scaling: the model's logits are then the reference."""
    picture, text = texture(32, 32), "an old castle on a hill"
    mean = torch.tensor((0.48145466, 0.4578275, 0.40821073)).view(3, 1, 1)
    std = torch.tensor((0.26862954, 0.26130258, 0.27577711)).view(3, 1, 1)
    tokens = tiny_tokenizer()([text], return_tensors="pt")
    with torch.no_grad():
        output = clip.model(
            input_ids=tokens.input_ids,
            attention_mask=tokens.attention_mask,
            pixel_values=((picture - mean) / std)[None],
        )
        cosine = float(output.logits_per_image / clip.model.logit_scale.exp())
    assert clip.score(picture, text) == pytest.approx(100 * max(cosine, 0), abs=1e-3)
    assert float(clip.embed_picture(picture) @ clip.embed_text(text)) == pytest.approx(cosine, abs=1e-5)


def test_clip_score_is_never_negative(clip):
    picture = texture(32, 32)
    opposite = Clip(tiny_clip_model(), tiny_tokenizer())
    with torch.no_grad():
        opposite.model.text_projection.weight.neg_()
    scores = [metric.score(picture, "a cat on a mat") for metric in (clip, opposite)]
    assert min(scores) == 0
    assert max(scores) > 0


def test_clip_scales_the_shorter_side_and_cuts_out_the_middle(clip):
    picture = texture(96, 160)
    image = Image.fromarray((picture * 255).round().byte().permute(1, 2, 0).numpy())
    scaled = image.resize((53, 32), Image.Resampling.BICUBIC).crop((10, 0, 42, 32))
    square = torch.from_numpy(np.array(scaled)).permute(2, 0, 1) / 255
    assert float(clip.embed_picture(picture) @ clip.embed_picture(square)) == pytest.approx(1, abs=1e-3)
    sides = picture.clone()
    sides[:, :, :24] = 0
    assert torch.allclose(clip.embed_picture(sides), clip.embed_picture(picture), atol=1e-3)


def test_clip_similarity(clip):
    first, second = texture(64, 64), noisy(texture(64, 64), 40)
    assert clip.similarity(first, first) == pytest.approx(1)
    assert clip.similarity(first, second) == pytest.approx(clip.similarity(second, first))
    assert clip.similarity(first, second) < 1 - 1e-5
    with pytest.raises(MetricError, match="one size"):
        clip.similarity(first, texture(64, 80))


def test_long_texts_are_cut(clip):
    assert clip.score(texture(32, 32), "a cat " * 100) >= 0


def test_clip_loads_a_folder_and_says_when_there_is_none(clip, tmp_path, monkeypatch):
    clip.model.save_pretrained(tmp_path / "model")
    tiny_tokenizer().save_pretrained(tmp_path / "model")
    loaded = load_clip(model=tmp_path / "model")
    picture = texture(48, 64)
    assert torch.allclose(loaded.embed_picture(picture), clip.embed_picture(picture), atol=1e-6)
    assert torch.allclose(loaded.embed_text("a cat"), clip.embed_text("a cat"), atol=1e-6)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MetricError, match=r"^CLIP unavailable offline: .*nowhere"):
        load_clip(model=tmp_path / "nowhere")


def test_nothing_heavy_is_loaded_at_import():
    assert not {"lpips", "torchvision", "transformers", "huggingface_hub"} & set(vars(learned))


def test_a_look_at_this_machine_alone_asks_no_network(no_trunk, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: pytest.fail("the network was asked"))
    with pytest.raises(MetricError, match="LPIPS unavailable offline"):
        load_lpips(local_only=True)
