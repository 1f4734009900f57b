"""The training loop: time-boxed, resumable, averaged."""

import csv
import json
import time
import weakref
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils._pytree import tree_leaves, tree_map_only

from percov2_demo import HyperCodec
from percov2_demo.errors import InputError
from percov2_demo.training import loop
from percov2_demo.training.data.determinism import Draws, Share
from percov2_demo.training.loop import STATE_FILES, LoopConfig, TrainingRun
from percov2_demo.training.measures.curves import read_curve
from percov2_demo.training.objectives.flow import HyperObjective
from tests.conftest import tiny_hyper_codec
from tests.training.launched import run_on_two


class Regression(nn.Module):
    """Learns y = 2x + 1 in each of four channels."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(4, 4)

    def forward(self, x, draws):
        # Whatever the precision of the layer, what it learns from is not rounded.
        assert x.dtype == torch.float32
        noise = 0.01 * draws.normal(x.shape, x.device)
        return {"loss": (self.layer(x) - (2 * x + 1 + noise)).square().mean()}


def batch(step: int, share: Share) -> dict[str, torch.Tensor | Draws]:
    whole = torch.randn(64, 4, generator=torch.Generator().manual_seed(step))
    return {"x": share.take(whole), "draws": Draws(0, step, share)}


def config(**changes) -> LoopConfig:
    settings = {"learning_rate": 0.05, "warmup_steps": 5, "cooldown": 0.0, "weight_decay": 0.0, "ema_decay": 0.9}
    return LoopConfig(**settings | changes)


@pytest.fixture
def accelerator() -> Accelerator:
    return Accelerator(cpu=True)


def test_learns_and_keeps_the_average(tmp_path, accelerator):
    run = TrainingRun(Regression(), tmp_path, config(max_steps=300), accelerator)
    trained = run.run(batch, 60)
    assert run.step == 300
    torch.testing.assert_close(trained.layer.weight.detach(), 2 * torch.eye(4), atol=0.05, rtol=0)
    torch.testing.assert_close(trained.layer.bias.detach(), torch.ones(4), atol=0.05, rtol=0)
    assert trained is not accelerator.unwrap_model(run.model)


def test_resumed_run_equals_an_uninterrupted_one(tmp_path, accelerator):
    whole = TrainingRun(Regression(), tmp_path / "whole", config(max_steps=40), accelerator).run(batch, 60)
    TrainingRun(Regression(), tmp_path / "parts", config(max_steps=25), accelerator).run(batch, 60)
    second = TrainingRun(Regression(), tmp_path / "parts", config(max_steps=40), accelerator, resume=True)
    assert second.step == 25
    resumed = second.run(batch, 60)
    torch.testing.assert_close(resumed.state_dict(), whole.state_dict())


def test_a_trained_state_is_not_started_over(tmp_path, accelerator):
    TrainingRun(Regression(), tmp_path / "joint", config(max_steps=2), accelerator).run(batch, 60)
    before = {path.name: path.read_bytes() for path in (tmp_path / "joint").iterdir()}
    with pytest.raises(
        InputError, match=r"^there is a trained state of step 2 in joint: resume it, or work in another folder$"
    ):
        TrainingRun(Regression(), tmp_path / "joint", config(max_steps=3), accelerator)
    assert {path.name: path.read_bytes() for path in (tmp_path / "joint").iterdir()} == before


def test_there_must_be_a_state_to_resume(tmp_path, accelerator):
    with pytest.raises(InputError, match=r"^there is nothing to resume in joint: start it anew$"):
        TrainingRun(Regression(), tmp_path / "joint", config(), accelerator, resume=True)


def test_a_run_that_is_killed_while_it_saves_leaves_the_last_state(tmp_path, accelerator, monkeypatch):
    TrainingRun(Regression(), tmp_path, config(max_steps=25), accelerator).run(batch, 60)
    before = [(tmp_path / name).read_bytes() for name in STATE_FILES]
    second = TrainingRun(Regression(), tmp_path, config(max_steps=30), accelerator, resume=True)

    def write(name, tensors):
        if name == "average":
            raise KeyboardInterrupt
        TrainingRun._write(second, name, tensors)

    monkeypatch.setattr(second, "_write", write)
    with pytest.raises(KeyboardInterrupt):
        second.run(batch, 60)
    assert [(tmp_path / name).read_bytes() for name in STATE_FILES] == before


@pytest.mark.parametrize("renames", range(1, 5))
def test_a_run_that_is_killed_between_two_files_leaves_no_mixture(tmp_path, accelerator, monkeypatch, renames):
    TrainingRun(Regression(), tmp_path / "whole", config(max_steps=30), accelerator).run(batch, 60)
    folder = tmp_path / "killed"
    TrainingRun(Regression(), folder, config(max_steps=25), accelerator).run(batch, 60)
    second = TrainingRun(Regression(), folder, config(max_steps=30), accelerator, resume=True)
    replace, done = Path.replace, []

    def interrupted(path, target):
        if len(done) == renames:
            raise KeyboardInterrupt
        done.append(target)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        second.run(batch, 60)
    monkeypatch.undo()
    assert TrainingRun(Regression(), folder, config(max_steps=30), accelerator, resume=True).step == 30
    for name in ("weights.safetensors", "average.safetensors"):
        torch.testing.assert_close(load_file(folder / name), load_file(tmp_path / "whole" / name))
    assert {path.name for path in folder.iterdir()} == {*STATE_FILES, "curve.csv"}


def test_a_save_holds_one_state_at_a_time_and_copies_none(tmp_path, accelerator, monkeypatch):
    """Each is let go before the next is gathered, and what is written are the very tensors that were gathered."""
    alive, places = weakref.WeakSet(), set()

    def gathered(gather):
        def once(*arguments, **options):
            assert not alive
            state = tree_map_only(torch.Tensor, torch.clone, gather(*arguments, **options))
            tensors = [value for value in tree_leaves(state) if isinstance(value, torch.Tensor)]
            places.update(value.data_ptr() for value in tensors)
            for value in tensors:
                alive.add(value)
            return state

        return once

    def write(tensors, path):
        assert {value.data_ptr() for value in tensors.values()} <= places
        save_file(tensors, path)
        written.append(path.name)

    written = []
    run = TrainingRun(Regression(), tmp_path, config(max_steps=2), accelerator)
    run.run(batch, 60)
    for name in ("get_model_state_dict", "get_optimizer_state_dict"):
        monkeypatch.setattr(loop, name, gathered(getattr(loop, name)))
    monkeypatch.setattr(loop, "save_file", write)
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    run.save()
    assert written == [f"{name}.safetensors.partial" for name in ("weights", "optimizer", "average")]
    torch.testing.assert_close(run.model.state_dict(), before, rtol=0, atol=0)


class Tied(nn.Module):
    """One weight under two names."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
        self.second.weight = self.first.weight

    def forward(self, x, draws):
        return {"loss": (self.second(self.first(x)) - x).square().mean()}


def test_tied_weights_are_saved_and_resumed(tmp_path, accelerator):
    TrainingRun(Tied(), tmp_path, config(max_steps=2), accelerator).run(batch, 60)
    for name in ("weights", "average"):
        saved = load_file(tmp_path / f"{name}.safetensors")
        assert saved["first.weight"].equal(saved["second.weight"])
    resumed = TrainingRun(Tied(), tmp_path, config(max_steps=3), accelerator, resume=True)
    assert resumed.model.first.weight.equal(load_file(tmp_path / "weights.safetensors")["second.weight"])
    assert resumed.run(batch, 60).first.weight.equal(load_file(tmp_path / "average.safetensors")["first.weight"])


def test_a_resumed_curve_goes_on_from_the_saved_step(tmp_path, accelerator):
    TrainingRun(Regression(), tmp_path, config(max_steps=2), accelerator).run(batch, 60)
    with (tmp_path / "curve.csv").open("a") as file:
        file.write("5,1.0,0.01,1.0\n")  # Logged after the last save, and lost.
    TrainingRun(Regression(), tmp_path, config(max_steps=4), accelerator, resume=True).run(batch, 60)
    with (tmp_path / "curve.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["2", "4"]


def test_stops_inside_its_time_budget_and_leaves_its_state(tmp_path, accelerator):
    start = time.monotonic()
    run = TrainingRun(Regression(), tmp_path, config(), accelerator)
    run.run(batch, 1.0)
    assert time.monotonic() - start < 5
    assert json.loads((tmp_path / "state.json").read_text())["step"] == run.step > 0
    kept = {path.name for path in tmp_path.iterdir()}
    tensors = {f"{name}.safetensors" for name in ("weights", "average", "optimizer")}
    assert kept == {"state.json", "curve.csv", *tensors}


def test_learning_rate_cools_down_to_zero():
    cooling = config(cooldown=0.5, warmup_steps=1)
    rates = [cooling.rate_at(0, progress) for progress in (0.0, 0.5, 0.75, 1.0)]
    assert rates == pytest.approx([0.05, 0.05, 0.025, 0.0])


def test_learning_rate_cools_down_before_the_last_step():
    cooling = config(max_steps=10, cooldown_steps=4, warmup_steps=1)
    rates = [cooling.rate_at(step, 0.0) for step in (0, 6, 8, 9)]
    assert rates == pytest.approx([0.05, 0.05, 0.025, 0.0125])


def test_accumulated_gradients_are_those_of_the_whole_batch(tmp_path):
    """Also the noise, since it goes by the sample."""
    trained = []
    for steps in (1, 4):
        accelerator = Accelerator(cpu=True, gradient_accumulation_steps=steps)
        run = TrainingRun(Regression(), tmp_path / str(steps), config(max_steps=20), accelerator)
        trained.append(run.run(batch, 60).state_dict())
        assert run.step == 20
    torch.testing.assert_close(*trained)


def restless_codec() -> HyperCodec:
    """Its codes die so soon that each step replaces some, by samples that are chosen by their place in the batch."""
    torch.manual_seed(0)
    codec = tiny_hyper_codec().train()
    for quantizer in codec.quantizers.values():
        quantizer.dead_below = 0.95
    return codec


def train_codec(folder: Path, accelerator: Accelerator) -> HyperCodec:
    def next_batch(step: int, share: Share) -> dict[str, torch.Tensor]:
        whole = torch.randn(24, 16, 16, 16, generator=torch.Generator().manual_seed(step))
        return {"latents": share.take(whole, groups=3)}

    settings = LoopConfig(warmup_steps=1, cooldown=0.0, max_steps=6, log_steps=1)
    run = TrainingRun(HyperObjective(restless_codec()), folder, settings, accelerator)
    return run.run(next_batch, 100).hyper_codec


@pytest.mark.slow
def test_codebooks_move_once_a_step_by_the_whole_batch_in_however_many_parts(tmp_path):
    codecs = []
    for parts in (1, 2):
        accelerator = Accelerator(cpu=True, gradient_accumulation_steps=parts)
        codecs.append(train_codec(tmp_path / str(parts), accelerator))
    start = restless_codec()
    for name, quantizer in codecs[0].quantizers.items():
        assert not quantizer.codebook.equal(start.quantizers[name].codebook)
        for buffer in ("codebook", "code_sums", "code_uses"):
            values = (getattr(codec.quantizers[name], buffer) for codec in codecs)
            torch.testing.assert_close(*values, rtol=1e-3, atol=1e-4)
    curves = [read_curve(tmp_path / str(parts) / "curve.csv") for parts in (1, 2)]
    for name in ("loss", *codecs[0].quantizers):
        assert curves[1][name] == pytest.approx(curves[0][name], rel=1e-4), name


@pytest.fixture(scope="module")
def pieces(tmp_path_factory) -> Path:
    """What two processes made that share the models by FSDP."""
    folder = tmp_path_factory.mktemp("pieces")
    script = Path(__file__).with_name("sharded.py")
    run = run_on_two("torchrun", "--standalone", "--nproc_per_node", "2", script, folder)
    assert run.returncode == 0, run.stderr
    return folder


def assert_same_training(first: Path, second: Path) -> None:
    curves = [read_curve(folder / "curve.csv")["loss"] for folder in (first, second)]
    assert curves[0] == pytest.approx(curves[1], rel=1e-3)
    for name in ("weights", "average", "optimizer"):
        states = (load_file(folder / f"{name}.safetensors") for folder in (first, second))
        torch.testing.assert_close(*states, rtol=1e-3, atol=1e-5)


def test_a_model_in_pieces_learns_as_a_whole_one_and_is_saved_whole(pieces, tmp_path, accelerator):
    """Resumed half way; a single process can go on from there."""
    TrainingRun(Regression(), tmp_path, config(max_steps=20, log_steps=1), accelerator).run(batch, 60)
    assert_same_training(pieces / "regression", tmp_path)
    one = TrainingRun(Regression(), pieces / "regression", config(max_steps=22), accelerator, resume=True)
    assert one.step == 20
    one.run(batch, 60)


def test_pieces_in_half_precision_learn_as_a_whole_model_does(pieces, tmp_path):
    """Under accelerate's own policy it would be given rounded samples."""
    AcceleratorState._reset_state()
    accelerator = Accelerator(cpu=True, mixed_precision="bf16")
    TrainingRun(Regression(), tmp_path, config(max_steps=20, log_steps=1), accelerator).run(batch, 60)
    AcceleratorState._reset_state()
    curves = [read_curve(folder / "curve.csv")["loss"] for folder in (pieces / "halves", tmp_path)]
    assert curves[0] == pytest.approx(curves[1], rel=1e-3)


def test_codebooks_of_two_processes_that_accumulate_are_those_of_one(pieces, tmp_path, accelerator):
    train_codec(tmp_path, accelerator)
    assert_same_training(pieces / "codec", tmp_path)


def test_what_is_saved_can_be_looked_at(tmp_path, accelerator):
    seen = []
    run = TrainingRun(Regression(), tmp_path, config(max_steps=3, save_seconds=0.0), accelerator)
    run.run(batch, 60, lambda average, step: seen.append((step, average.layer.bias.tolist())))
    assert [step for step, _ in seen] == [1, 2, 3]
    average, weights = (load_file(tmp_path / f"{name}.safetensors")["layer.bias"] for name in ("average", "weights"))
    assert seen[-1][1] == average.tolist() != seen[0][1]
    assert weights.equal(run.model.layer.bias) and not weights.equal(average)


def test_curve_is_written_even_of_a_short_run(tmp_path, accelerator):
    TrainingRun(Regression(), tmp_path, config(max_steps=3), accelerator).run(batch, 60)
    with (tmp_path / "curve.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["3"]


def test_curve_is_written(tmp_path, accelerator):
    TrainingRun(Regression(), tmp_path, config(max_steps=3, log_steps=1), accelerator).run(batch, 60)
    with (tmp_path / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["1", "2", "3"]
    assert set(rows[0]) == {"step", "seconds", "learning_rate", "loss"}


@pytest.mark.parametrize(("device", "fused"), [("cuda", True), ("cpu", None)])
def test_the_optimiser_has_no_temporaries_on_a_gpu(tmp_path, accelerator, monkeypatch, device, fused):
    monkeypatch.setattr(Accelerator, "device", torch.device(device))
    monkeypatch.setattr(accelerator, "prepare", lambda *parts: parts)
    run = TrainingRun(Regression(), tmp_path, config(), accelerator)
    assert [group["fused"] for group in run.optimizer.param_groups] == [fused]


class FusedAdamW(torch.optim.AdamW):
    """The optimiser as it is made on a GPU, which the CPU has too."""

    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings | {"fused": True})


def test_a_fused_optimiser_resumes_as_it_would_have_gone_on(tmp_path, accelerator, monkeypatch):
    """And learns as the plain one does."""
    TrainingRun(Regression(), tmp_path / "plain", config(max_steps=6, log_steps=1), accelerator).run(batch, 60)
    monkeypatch.setattr(torch.optim, "AdamW", FusedAdamW)
    curves = [read_curve(tmp_path / "plain" / "curve.csv")["loss"]]
    for steps in ((6,), (3, 6)):
        folder = tmp_path / str(len(steps))
        for number, last in enumerate(steps):
            settings = config(max_steps=last, log_steps=1)
            TrainingRun(Regression(), folder, settings, accelerator, resume=number > 0).run(batch, 60)
        curves.append(read_curve(folder / "curve.csv")["loss"])
    assert curves[1] == curves[2] == pytest.approx(curves[0], rel=1e-4)


class TwoParts(nn.Module):
    """Two numbers with the same gradient, and one that is not trained."""

    def __init__(self):
        super().__init__()
        self.quick, self.slow, self.fixed = (nn.Linear(1, 1, bias=False) for _ in range(3))
        for layer in (self.quick, self.slow, self.fixed):
            nn.init.ones_(layer.weight)
        self.fixed.requires_grad_(False)

    def forward(self, x):
        return {"loss": (self.quick(x) + self.slow(x) + self.fixed(x)).mean()}


def ones(step: int, share: Share) -> dict[str, torch.Tensor]:
    return {"x": torch.ones(4, 1)}


def test_relative_rates_are_those_of_the_parts_they_name(tmp_path, accelerator):
    settings = config(learning_rate=0.01, warmup_steps=1, relative_rates={"quick": 4.0}, max_steps=1)
    objective = TwoParts()
    TrainingRun(objective, tmp_path, settings, accelerator).run(ones, 60)
    # AdamW's first step is the learning rate, whatever the gradient.
    moved = {name: 1 - layer.weight.item() for name, layer in objective.named_children()}
    assert moved == pytest.approx({"quick": 0.04, "slow": 0.01, "fixed": 0.0}, abs=1e-6)


@pytest.mark.parametrize("setting", ["relative_rates", "ema_decays"])
def test_a_setting_of_no_part_is_refused(tmp_path, accelerator, setting):
    with pytest.raises(InputError, match=rf"^{setting} names quik: the objective's parts are quick, slow, fixed$"):
        TrainingRun(TwoParts(), tmp_path, config(**{setting: {"quik": 0.5}}), accelerator)


def test_the_average_forgets_at_the_rate_of_its_decay(tmp_path, accelerator):
    """It starts at the weights after the first step; what is not trained is in it to the bit."""
    objective, seen = TwoParts(), []

    def next_batch(step: int, share: Share) -> dict[str, torch.Tensor]:
        seen.append(objective.quick.weight.item())
        return ones(step, share)

    settings = config(learning_rate=0.1, warmup_steps=1, ema_decay=0.7, max_steps=6)
    trained = TrainingRun(objective, tmp_path, settings, accelerator).run(next_batch, 60)
    after = [*seen[1:], objective.quick.weight.item()]
    expected = after[0]
    for weight in after[1:]:
        expected = 0.7 * expected + 0.3 * weight
    assert len(after) == 6
    assert trained.quick.weight.item() == pytest.approx(expected, rel=1e-5)
    assert trained.quick.weight.item() > after[-1] + 0.05
    assert trained.fixed.weight.item() == 1.0
