import json
import shutil

import pytest
import torch
from diffusers import EDMEulerScheduler

from percov2_demo.checkpoints import free_memory
from percov2_demo.checkpoints.memory_plans import PLANS
from percov2_demo.commands.serve import load_first_painter
from percov2_demo.errors import InputError, ModelError
from percov2_demo.painters.known import find_known, known_painters
from percov2_demo.painters.offer import Painters
from percov2_demo.painters.stock.loading import load_stock_painter
from percov2_demo.painters.stock.painter import StockPainter
from percov2_demo.sampling.settings import Sampling
from tests.painters.canvases import canvas_of
from tests.painters.tiny import save_tiny_autoencoder


CPU = torch.device("cpu")


def load(folder, **options) -> StockPainter:
    return load_stock_painter(folder, PLANS["max"], CPU, **options)


@pytest.fixture
def folder(stock_folder, tmp_path):
    """A copy of a model's folder, to be spoilt."""
    return shutil.copytree(stock_folder("sd"), tmp_path / "painter")


def test_a_card_says_what_a_model_is(stock_painter):
    card = stock_painter("sd").card
    assert (card.name, card.kind) == ("sd", "Stable Diffusion")
    assert card.parameters > 1000
    assert card.licence is None
    assert card.holds


def test_a_known_model_brings_its_usual_settings(stock_folder, tmp_path):
    card = load(shutil.copytree(stock_folder("sd"), tmp_path / "sd-turbo")).card
    known = find_known("stabilityai/sd-turbo")
    assert card.licence == known.licence
    assert (card.steps.default, card.guidance, card.sigma.default) == (known.steps, None, known.sigma)


def test_every_place_has_a_painter():
    places = {place for known in known_painters() for place in known.places}
    assert places == {"CPU laptop", "ZeroGPU", "12 GB GPU", "24 GB GPU"}
    assert all(0 < known.sigma < 1 and known.source for known in known_painters())


def test_a_tiny_autoencoder_takes_the_place_of_the_models(stock_folder, tmp_path):
    painter = load(stock_folder("sd"), tiny_autoencoder=str(save_tiny_autoencoder(tmp_path / "taesd")))
    assert type(painter.model.pipeline.vae).__name__ == "AutoencoderTiny"
    start = painter.start(canvas_of(), 0.5)
    assert painter.paint(start, [Sampling(steps=1)])[0].size == (64, 64)


def test_a_model_without_a_tiny_autoencoder_says_so(stock_folder, tmp_path):
    with pytest.raises(ModelError, match="no tiny autoencoder is known for SANA-Sprint"):
        load(stock_folder("sana-sprint"), tiny_autoencoder=True)
    tiny = str(save_tiny_autoencoder(tmp_path / "taesd"))
    with pytest.raises(ModelError, match="leave the tiny autoencoder out"):
        load(stock_folder("klein"), tiny_autoencoder=tiny)


def test_a_plan_in_half_precision_paints(stock_folder):
    painter = load_stock_painter(stock_folder("sdxl"), PLANS["32gb"], CPU)
    assert painter.model.network.dtype == torch.bfloat16
    assert painter.model.pipeline.vae.dtype == torch.float32
    assert painter.model.pipeline.vae.use_tiling
    assert painter.paint(painter.start(canvas_of(), 0.5), [Sampling(steps=2, hold=0.5)])[0].size == (64, 64)


def test_a_folder_without_a_model_is_one_sentence(tmp_path):
    with pytest.raises(ModelError, match=r"no painter in \S+: a pipeline of diffusers has a model_index.json"):
        load(tmp_path)


def test_an_unknown_kind_lists_the_known_ones(folder):
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"_class_name": "KolorsPipeline"}))
    with pytest.raises(ModelError, match=r"painter holds KolorsPipeline, which no painter.*FluxPipeline"):
        load(folder)


def test_a_noise_schedule_of_another_kind_is_refused(folder):
    """Its levels would silently be those of a schedule that the network was not trained with."""
    EDMEulerScheduler().save_pretrained(folder / "scheduler")
    index = json.loads((folder / "model_index.json").read_text())
    index["scheduler"] = ["diffusers", "EDMEulerScheduler"]
    (folder / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match="EDMEulerScheduler, has a noise schedule that is not known here"):
        load(folder)


def test_a_missing_file_is_one_sentence(folder):
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(ModelError, match="no safetensors weights of its unet: fetch the model again"):
        load(folder)


def test_a_damaged_file_is_one_sentence(folder):
    (folder / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"vae/diffusion_pytorch_model.safetensors is damaged or cut short"):
        load(folder)


def test_a_config_of_something_else_is_one_sentence(folder):
    (folder / "unet" / "config.json").write_text('{"_class_name": "UNet2DConditionModel", "in_channels": 9}')
    with pytest.raises(ModelError, match="damaged or do not belong together"):
        load(folder)


def test_a_model_too_large_for_the_plan_names_a_smaller_one(stock_folder, monkeypatch):
    monkeypatch.setattr(free_memory, "free_memory", lambda: 300_000)
    with pytest.raises(ModelError, match=r"of main memory under the memory plan max, and .* are free"):
        load(stock_folder("sd"))


def test_an_empty_name_is_not_the_current_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(ModelError, match="a model has an empty name"):
        load("")


def test_no_network_is_one_sentence(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="someone/nothing is neither a folder nor complete in the hub's cache"):
        load("someone/nothing")


class Offered:
    """Painters that are loaded from nowhere, and remember it."""

    def __init__(self, own):
        self.told: list[str] = []
        self.painters = Painters(own, self._load)

    def _load(self, source, progress):
        self.told.append(f"load {source}")
        if source == "owner/broken":
            raise ModelError("the painter is broken")
        return self._painter(source)

    def _painter(self, source):
        told = self.told

        class Loaded(StockPainter):
            def __init__(self):
                pass

            def release(self):
                told.append(f"release {source}")

        return Loaded()


@pytest.fixture
def offered(stock_painter) -> Offered:
    offered = Offered(stock_painter("sd"))
    offered.painters.offer(["owner/one", "owner/two", "owner/broken"])
    return offered


def test_one_painter_is_loaded_at_a_time_and_on_first_use(offered):
    painters = offered.painters
    assert painters.names == ("own", "owner/one", "owner/two", "owner/broken")
    assert offered.told == []
    assert painters.find("owner/one") is painters.find("owner/one")
    assert painters.is_loaded("owner/one")
    painters.find("owner/two")
    assert offered.told == ["load owner/one", "release owner/one", "load owner/two"]
    assert not painters.is_loaded("owner/one")


def test_a_server_starts_without_a_painter_that_cannot_be_used(stock_painter, capsys):
    offered = Offered(stock_painter("sd"))
    offered.painters.offer(["owner/broken"])
    load_first_painter(offered.painters)
    assert "starts without the painter owner/broken: " in capsys.readouterr().err
    assert offered.painters.find() is offered.painters.own


def test_the_own_painter_stays_usable_beside_one_that_is_not(offered):
    with pytest.raises(ModelError, match="broken"):
        offered.painters.find("owner/broken")
    assert offered.painters.find() is offered.painters.find("own") is offered.painters.own
    assert not offered.painters.is_loaded("owner/broken")


def test_a_folder_is_called_by_its_name(offered, stock_folder):
    folder = stock_folder("sd")
    offered.painters.offer([folder])
    assert offered.painters.names[-1] == "sd"
    offered.painters.find("sd")
    assert offered.told == [f"load {folder}"]
    with pytest.raises(InputError, match="two painters are called sd"):
        offered.painters.offer([folder])


def test_a_path_that_is_no_folder_is_known_at_once(offered):
    with pytest.raises(InputError, match="there is no folder /nowhere/model"):
        offered.painters.offer(["/nowhere/model"])


def test_usual_settings_are_known_before_a_painter_is_loaded(offered):
    painters = offered.painters
    painters.offer(["stabilityai/sd-turbo"])
    advice = painters.advise("stabilityai/sd-turbo", "low")
    assert (advice.steps, advice.guidance, advice.sigma) == (1, None, 0.6)
    assert painters.advise("owner/one", "low") is None
    assert painters.advise("own", "low").guidance == painters.own.card.guidance.default
